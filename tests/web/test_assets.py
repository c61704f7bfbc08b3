"""The front-end files that are kept: those of the lock, unchanged, each with its licence. No network, no Node."""

import gzip
import hashlib
from pathlib import Path

import pytest

from marketplace import assets, navigation


@pytest.fixture
def packages() -> list[dict]:
    return assets.read_lock()


def test_the_vendor_folder_is_what_the_lock_says():
    assert assets.main(["--check"]) == 0


def test_every_package_is_pinned_and_licensed(packages):
    assert [package["name"] for package in packages] == ["@tabler/core", "htmx.org", "@tabler/icons"]
    for package in packages:
        assert package["version"].count(".") == 2
        assert package["integrity"].startswith("sha512-")
        assert package["licence"] in {"MIT", "0BSD"}
        assert len((assets.VENDOR / assets.folder_name(package["name"]) / "LICENSE").read_text("utf-8")) > 500


def one_package(vendor: Path) -> list[dict]:
    """A lock of one package of two files, and the files."""
    (vendor / "thing").mkdir(parents=True)
    (vendor / "thing" / "thing.js.gz").write_bytes(gzip.compress(b"let a;"))
    files = []
    for name, content in (("thing.js", b"let a;"), ("LICENSE", b"Free.")):
        (vendor / "thing" / name).write_bytes(content)
        files.append({"to": name, "from": name, "sha256": hashlib.sha256(content).hexdigest()})
    return [{"name": "thing", "version": "1.0.0", "licence": "MIT", "files": files}]


def test_a_changed_missing_or_stray_file_is_named(tmp_path):
    lock = one_package(tmp_path)
    assert assets.faults(lock, tmp_path) == []
    (tmp_path / "thing" / "thing.js").write_text("let b;")
    (tmp_path / "thing" / "LICENSE").unlink()
    (tmp_path / "thing" / "extra.js").write_text("")
    found = assets.faults(lock, tmp_path)
    assert [fault.split()[0] for fault in found] == ["thing/thing.js", "thing/LICENSE", "thing/extra.js"]
    assert "changed" in found[0]
    assert "missing" in found[1]
    assert "not in the lock" in found[2]


def test_a_gzip_that_holds_something_else_is_named(tmp_path):
    lock = one_package(tmp_path)
    twin = tmp_path / "thing" / "thing.js.gz"
    for content in (gzip.compress(b"let b;"), b"no gzip at all", gzip.compress(b"let a;")[:-3]):
        twin.write_bytes(content)
        assert assets.faults(lock, tmp_path) == ["thing/thing.js.gz does not hold the same: run `make assets`"]
    twin.unlink()
    assert len(assets.faults(lock, tmp_path)) == 1


def test_a_package_without_its_licence_is_refused(tmp_path):
    lock = one_package(tmp_path)
    (tmp_path / "thing" / "LICENSE").unlink()
    del lock[0]["files"][1]
    assert assets.faults(lock, tmp_path) == ["thing comes without its licence"]


def test_the_sprite_has_a_symbol_for_each_icon_and_nothing_else():
    square = '<path stroke="none" d="M0 0h24v24H0z" fill="none" />'
    drawn = f'<!-- note --><svg xmlns="x" viewBox="0 0 24 24">\n  {square}\n  <path d="M1 1h2" />\n</svg>'
    sprite = assets.sprite_of(iter([("one", drawn), ("two", drawn)])).decode()
    assert sprite.count("<symbol") == 2
    assert sprite.count('<path d="M1 1h2" />') == 2
    assert "M0 0h24v24H0z" not in sprite


def test_the_shipped_sprite_holds_every_listed_icon(packages):
    sprite = (assets.VENDOR / "tabler-icons" / "icons.svg").read_text("utf-8")
    for name in assets.icon_names(packages):
        assert f'<symbol id="{name}" viewBox="0 0 24 24"><' in sprite, name
    assert sprite.count("<symbol") == len(assets.icon_names())


def test_our_own_files_hold_no_address_of_elsewhere():
    """A page must show without the internet: no font, style or script comes from another server."""
    static = assets.VENDOR.parent
    for path in [*static.glob("css/*.css"), *static.glob("js/*.js")]:
        text = path.read_text("utf-8")
        assert "//" not in text.replace("// ", ""), path
        assert "@import" not in text, path


def test_the_menu_shows_only_shipped_icons():
    assert {icon for _endpoint, _label, icon in navigation._MENU} <= assets.icon_names()
