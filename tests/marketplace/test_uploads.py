"""Uploaded files: what is taken, what is refused, and what is left of them."""

from io import BytesIO
from pathlib import Path

import pytest
from flask import Flask
from PIL import Image

from marketplace import uploads
from marketplace.errors import InvalidInput, NotFound
from marketplace.uploads import keep_document, keep_image


def picture(kind: str = "JPEG", size: tuple[int, int] = (40, 30), mode: str = "RGB", **options: object) -> BytesIO:
    stream = BytesIO()
    Image.new(mode, size, "red" if mode == "RGB" else None).save(stream, kind, **options)
    stream.seek(0)
    return stream


def with_exif() -> BytesIO:
    """A picture that lies on its side and names its camera and place."""
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by a quarter
    exif[0x010F] = "CAMERA-OF-SOMEBODY"
    exif[0x8825] = {1: "N", 2: (39.0, 1.0, 2.0)}
    return picture(exif=exif)


def kept(app: Flask, name: str) -> Path:
    found = list(Path(app.instance_path).rglob(name))
    assert len(found) == 1
    return found[0]


def test_a_photograph_is_made_anew_without_what_its_camera_wrote(app: Flask) -> None:
    stored = keep_image(with_exif())
    path = kept(app, stored.name)
    content = path.read_bytes()
    assert b"CAMERA-OF-SOMEBODY" not in content
    with Image.open(path) as image:
        assert image.size == (30, 40)  # upright
        assert not image.getexif()
    assert (stored.media_type, stored.size) == ("image/jpeg", len(content))
    assert path.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(("kind", "mode"), [("PNG", "RGBA"), ("PNG", "P"), ("WEBP", "RGB"), ("PNG", "L")])
def test_other_kinds_of_pictures_become_jpeg(app: Flask, kind: str, mode: str) -> None:
    stored = keep_image(picture(kind, mode=mode))
    with Image.open(kept(app, stored.name)) as image:
        assert image.format == "JPEG"


def test_what_hides_behind_a_picture_is_gone(app: Flask) -> None:
    stream = picture()
    stream.seek(0, 2)
    stream.write(b"<script>alert(1)</script>PK\x03\x04")
    stream.seek(0)
    stored = keep_image(stream)
    assert b"script" not in kept(app, stored.name).read_bytes()


def test_a_large_picture_is_made_smaller(app: Flask) -> None:
    stored = keep_image(picture(size=(5000, 1000)))
    with Image.open(kept(app, stored.name)) as image:
        assert image.size == (2400, 480)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"GIF89a....",
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        b"\xff\xd8\xff\xe0 cut short",
        b"MZ\x90",
        b"%PDF-1.7",
    ],
)
def test_what_is_no_picture_is_refused_whatever_it_is_called(app: Flask, content: bytes) -> None:
    with pytest.raises(InvalidInput) as refused:
        keep_image(BytesIO(content), field="photo")
    assert set(refused.value.fields) == {"photo"}
    assert not list(Path(app.instance_path).rglob("uploads/*/*"))


def test_too_many_bytes_or_pixels_are_refused(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uploads, "MAXIMUM_PIXELS", 1000)
    with pytest.raises(InvalidInput, match=r"pixels|像素"):
        keep_image(picture())
    monkeypatch.setattr(uploads, "MAXIMUM_BYTES", 100)
    with pytest.raises(InvalidInput, match=r"MB"):
        keep_image(picture())


def test_a_bomb_is_refused_before_it_is_decoded(app: Flask) -> None:
    stream = BytesIO()
    Image.new("1", (20_000, 20_000)).save(stream, "PNG")
    stream.seek(0)
    with pytest.raises(InvalidInput):
        keep_image(stream)


def test_a_pdf_is_kept_as_it_is_and_served_as_an_attachment(app: Flask) -> None:
    content = b"%PDF-1.7\n1 0 obj\n<<>>\nendobj\ntrailer\n%%EOF\n"
    stored = keep_document(BytesIO(content))
    assert kept(app, stored.name).read_bytes() == content
    with app.test_request_context():
        answer = uploads.send(stored.name, stored.media_type)
        assert answer.get_data() == content
        assert answer.headers["Content-Disposition"].startswith("attachment")
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
    with pytest.raises(InvalidInput):
        keep_document(BytesIO(b"%PDF-1.7 cut short"))


@pytest.mark.parametrize("name", ["", "../secrets.json", "a/b.jpg", "nothing.jpg"])
def test_only_kept_files_are_served(app: Flask, name: str) -> None:
    with app.test_request_context(), pytest.raises(NotFound):
        uploads.send(name, "image/jpeg")


def test_a_file_goes_with_a_transaction_that_fails(app: Flask) -> None:
    stored = keep_image(picture())
    with pytest.raises(ZeroDivisionError), uploads.tied_to_its_row(stored):
        raise ZeroDivisionError
    assert not list(Path(app.instance_path).rglob(stored.name))
