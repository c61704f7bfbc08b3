"""Files that people upload: checked by their content, named by the server, kept in the instance.

What a browser says of a file (name, type) is not believed. Images are decoded, turned upright, bounded in size and
written anew, so that neither EXIF (places, devices) nor anything hidden behind the picture is kept. PDFs are kept as
they are and only ever served as attachments. A file is written before the row that names it, and goes again when
the row's transaction fails (`tied_to_its_row`):

    stored = uploads.keep_image(form.photo.data.stream, field="photo")
    with uploads.tied_to_its_row(stored), transaction() as session:
        session.add(Evidence(file=stored.name, ...))
"""

import hashlib
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO

from flask import Response, current_app
from flask_babel import lazy_gettext as _
from PIL import Image, ImageOps

from marketplace.errors import InvalidInput, NotFound

MAXIMUM_BYTES = 10 * 1024 * 1024
#: A picture of more pixels is refused before it is decoded (decompression bombs).
MAXIMUM_PIXELS = 50_000_000
#: Longest side of a picture as it is kept: a licence stays readable.
LONGEST_SIDE = 2400
PDF, JPEG = "application/pdf", "image/jpeg"
_SUFFIXES = {PDF: ".pdf", JPEG: ".jpg"}
_FORMATS = ("JPEG", "PNG", "WEBP")
_NO_PICTURE = _("This is no picture that we can read. Choose a JPEG, PNG or WebP file.")


@dataclass(frozen=True)
class Stored:
    """A file that was kept.

    Attributes:
        name: made by the server; what a row remembers.
        media_type: of the file as it is kept: JPEG or PDF.
        size: bytes as kept.
        sha256: of the file as kept, 64 hex digits.
    """

    name: str
    media_type: str
    size: int
    sha256: str


def keep_image(stream: BinaryIO, *, field: str = "file") -> Stored:
    """Keep a photograph (JPEG, PNG or WebP) as a JPEG made anew.

    Args:
        stream: the bytes as they were sent.
        field: the form field that a refusal speaks of.
    Raises:
        InvalidInput: it is no such picture, too large, or damaged.
    """
    return _keep(_as_jpeg(_read(stream, field), field), JPEG)


def keep_document(stream: BinaryIO, *, field: str = "file") -> Stored:
    """Keep a scan: a picture as `keep_image` does, or a PDF as it is.

    Raises:
        InvalidInput: as `keep_image`.
    """
    content = _read(stream, field)
    if content.startswith(b"%PDF-"):
        if b"%%EOF" not in content[-2048:]:
            raise InvalidInput(fields={field: _("This PDF is damaged. Save it again, then choose it again.")})
        return _keep(content, PDF)
    unknown = _("This is no scan that we can read. Choose a PDF, or a picture (JPEG, PNG or WebP).")
    return _keep(_as_jpeg(content, field, unknown), JPEG)


def _read(stream: BinaryIO, field: str) -> bytes:
    content = stream.read(MAXIMUM_BYTES + 1)
    if not content:
        raise InvalidInput(fields={field: _("Choose a file.")})
    if len(content) > MAXIMUM_BYTES:
        raise InvalidInput(fields={field: _("The file has more than 10 MB. Choose a smaller one.")})
    return content


def _as_jpeg(content: bytes, field: str, unknown: Any = _NO_PICTURE) -> bytes:
    try:
        with Image.open(BytesIO(content), formats=_FORMATS) as picture:
            if picture.width * picture.height > MAXIMUM_PIXELS:
                raise InvalidInput(fields={field: _("The picture has too many pixels. Choose a smaller one.")})
            picture.draft("RGB", (LONGEST_SIDE, LONGEST_SIDE))  # a large JPEG is decoded at a fraction of its size
            upright = ImageOps.exif_transpose(picture)
            upright.thumbnail((LONGEST_SIDE, LONGEST_SIDE))
            plain = Image.new("RGB", upright.size, "white")  # a new picture: nothing but pixels comes along
            if upright.mode in ("RGBA", "LA", "PA") or "transparency" in upright.info:
                upright = upright.convert("RGBA")
                plain.paste(upright, mask=upright.getchannel("A"))
            else:
                plain.paste(upright.convert("RGB"))
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise InvalidInput(fields={field: unknown}) from error
    written = BytesIO()
    plain.save(written, "JPEG", quality=85, optimize=True)
    return written.getvalue()


def _folder() -> Path:
    folder: Path = current_app.extensions["marketplace.settings"].instance_dir / "uploads"
    return folder


def _path(name: str) -> Path:
    """Where a file of ours lies. Names are never a user's, and are looked at all the same."""
    if Path(name).name != name or not name:
        raise NotFound
    return _folder() / name[:2] / name


def _keep(content: bytes, media_type: str) -> Stored:
    name = secrets.token_hex(16) + _SUFFIXES[media_type]
    path = _path(name)
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    return Stored(name, media_type, len(content), hashlib.sha256(content).hexdigest())


def send(name: str, media_type: str) -> Response:
    """The answer that serves a kept file: pictures are shown, PDFs downloaded; types are never guessed.

    Raises:
        NotFound: there is no such file.
    """
    path = _path(name)
    if not path.is_file():
        raise NotFound
    answer = Response(path.read_bytes(), mimetype=media_type)
    shown = "inline" if media_type == JPEG else "attachment"
    answer.headers["Content-Disposition"] = f"{shown}; filename={name}"
    answer.headers["X-Content-Type-Options"] = "nosniff"
    answer.headers["Cache-Control"] = "no-store"
    return answer


def discard(name: str) -> None:
    """Remove a kept file for good; one that is gone already is fine."""
    _path(name).unlink(missing_ok=True)


@contextmanager
def tied_to_its_row(stored: Stored) -> Iterator[Stored]:
    """Around the transaction that stores the row of a file: when it fails, the file goes too."""
    try:
        yield stored
    except BaseException:
        discard(stored.name)
        raise
