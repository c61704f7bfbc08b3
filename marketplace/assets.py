"""The front-end files of other projects: fetched once, pinned, checked, kept in ``static/vendor``.

``python -m marketplace.assets`` fetches the packages named in ``assets.lock.json`` from npm, refuses
anything whose checksum differs from the lock, and writes the listed files with their licences.
``--check`` reads only what is there (no network, no Node), and ``--lock`` rewrites the checksums after a
version in the lock was raised on purpose. Nothing of this is needed to run the application.

The lock is JSON: for each package its name, version, licence, the sha512 of its archive (in npm's
``sha512-<base64>`` form) and its files, each with the path inside the archive, the name it gets here and its
sha256. A package may ask for a sprite: one SVG file with a ``<symbol>`` for each icon the pages use, so that
a page shows an icon with ``<use>`` and no inline style.

Beside each text file stands its gzip, which the web server sends to browsers that take it: an eighth of the size.
"""

import argparse
import base64
import gzip
import hashlib
import io
import json
import re
import shutil
import subprocess
import tarfile
import tempfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

LOCK = Path(__file__).with_name("assets.lock.json")
VENDOR = Path(__file__).resolve().parent.parent / "static" / "vendor"
LICENCE = "LICENSE"
COMPRESSED = frozenset({".css", ".js", ".svg"})


class AssetFault(Exception):
    """A front-end file is missing, changed or not what the lock names; the message says which."""


def read_lock(path: Path = LOCK) -> list[dict[str, Any]]:
    """The packages of the lock, in its order."""
    packages: list[dict[str, Any]] = json.loads(path.read_text("utf-8"))["packages"]
    return packages


def folder_name(package: str) -> str:
    """The folder of a package: ``@tabler/core`` lives in ``tabler-core``."""
    return package.removeprefix("@").replace("/", "-")


def sha256(content: bytes) -> str:
    """Hexadecimal SHA-256 of some bytes."""
    return hashlib.sha256(content).hexdigest()


def expected_files(packages: list[dict[str, Any]]) -> dict[str, str]:
    """Every file that belongs in the vendor folder: relative path to sha256."""
    files: dict[str, str] = {}
    for package in packages:
        folder = folder_name(package["name"])
        for file in package["files"]:
            files[f"{folder}/{file['to']}"] = file["sha256"]
        if sprite := package.get("sprite"):
            files[f"{folder}/{sprite['to']}"] = sprite["sha256"]
    return files


def faults(packages: list[dict[str, Any]], vendor: Path = VENDOR) -> list[str]:
    """What differs between the lock and the vendor folder, one sentence each; empty when all is well."""
    found = []
    expected = expected_files(packages)
    for name, digest in expected.items():
        path = vendor / name
        if not path.is_file():
            found.append(f"{name} is missing: run `make assets`")
        elif sha256(path.read_bytes()) != digest:
            found.append(f"{name} was changed: its checksum is not the one in the lock")
        elif path.suffix in COMPRESSED and not _has_twin(path):
            found.append(f"{name}.gz does not hold the same: run `make assets`")
    twins = {f"{name}.gz" for name in expected if Path(name).suffix in COMPRESSED}
    present = {path.relative_to(vendor).as_posix() for path in vendor.rglob("*") if path.is_file()}
    found.extend(f"{name} is not in the lock" for name in sorted(present - set(expected) - twins))
    found.extend(
        f"{package['name']} comes without its licence"
        for package in packages
        if f"{folder_name(package['name'])}/{LICENCE}" not in expected
    )
    return found


def _has_twin(path: Path) -> bool:
    """Whether the file's gzip is there and opens to the same bytes. (Its own bytes vary with zlib's version.)"""
    twin = path.with_name(f"{path.name}.gz")
    try:
        return gzip.decompress(twin.read_bytes()) == path.read_bytes()
    except (OSError, EOFError, zlib.error):
        return False


def icon_names(packages: list[dict[str, Any]] | None = None) -> frozenset[str]:
    """The icons that the sprite holds, by the names that ``icon()`` in the templates takes."""
    return frozenset(
        name
        for package in (read_lock() if packages is None else packages)
        for name in package.get("sprite", {}).get("icons", ())
    )


def sprite_of(icons: Iterator[tuple[str, str]]) -> bytes:
    """One SVG document with a symbol for each icon.

    Args:
        icons: pairs of name and the icon's own SVG text, 24 by 24, drawn with strokes.
    Returns:
        UTF-8 bytes. Colour and width come from the page through ``currentColor`` and the class ``icon``.
    """
    symbols = []
    for name, text in icons:
        inner = text[text.index(">", text.index("<svg")) + 1 : text.rindex("</svg>")]
        shapes = re.findall(r"<(?:path|circle|rect|line|polyline|polygon|ellipse)\b[^>]*/>", inner)
        # Each icon starts with an invisible square that only keeps its box; the viewBox does that here.
        drawn = "".join(shape for shape in shapes if 'stroke="none" d="M0 0h24v24H0z"' not in shape)
        symbols.append(f'<symbol id="{name}" viewBox="0 0 24 24">{drawn}</symbol>')
    head = (
        '<svg xmlns="http://www.w3.org/2000/svg" fill="none" stroke="currentColor" stroke-width="2" '
        'stroke-linecap="round" stroke-linejoin="round">'
    )
    return "\n".join([head, *symbols, "</svg>", ""]).encode()


def fetch(package: dict[str, Any], folder: Path) -> bytes:
    """The package's archive from npm, as bytes.

    Raises:
        AssetFault: npm is not installed, or it could not fetch the package.
    """
    npm = shutil.which("npm")
    if npm is None:
        raise AssetFault("npm was not found: install Node.js to fetch front-end files (not needed to run)")
    wanted = f"{package['name']}@{package['version']}"
    done = subprocess.run(  # noqa: S603  (fixed arguments; names and versions come from our own lock)
        [npm, "pack", wanted, "--silent", "--pack-destination", str(folder)],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise AssetFault(f"npm could not fetch {wanted}: {done.stderr.strip()}")
    return (folder / done.stdout.split()[-1]).read_bytes()


def unpack(package: dict[str, Any], archive: bytes) -> dict[str, bytes]:
    """The listed files of a package's archive, by the names they get in its folder.

    Raises:
        AssetFault: the archive lacks one of them.
    """
    contents: dict[str, bytes] = {}
    with tarfile.open(fileobj=io.BytesIO(archive), mode="r:gz") as members:

        def read(path: str) -> bytes:
            try:
                member = members.extractfile(f"package/{path}")
            except KeyError:
                member = None
            if member is None:
                raise AssetFault(f"{package['name']} {package['version']} has no file {path}")
            return member.read()

        for file in package["files"]:
            # Some archives leave their licence out; the lock then carries the text of their repository.
            text = file.get("text")
            contents[file["to"]] = text.encode() if text is not None else read(file["from"])
        if sprite := package.get("sprite"):
            contents[sprite["to"]] = sprite_of(
                (name, read(f"{sprite['from']}/{name}.svg").decode()) for name in sprite["icons"]
            )
    return contents


def integrity(archive: bytes) -> str:
    """An archive's checksum in npm's own form, ``sha512-`` and base64."""
    return "sha512-" + base64.b64encode(hashlib.sha512(archive).digest()).decode()


def install(packages: list[dict[str, Any]], vendor: Path = VENDOR, *, relock: bool = False) -> None:
    """Fetch every package and write its files; the folder is replaced only when all of them are right.

    Args:
        packages: as ``read_lock`` gives them; with ``relock`` their checksums are set instead of checked.
    Raises:
        AssetFault: a checksum differs from the lock, or something could not be fetched.
    """
    with tempfile.TemporaryDirectory() as scratch:
        fresh = Path(scratch) / "vendor"
        for package in packages:
            archive = fetch(package, Path(scratch))
            if relock:
                package["integrity"] = integrity(archive)
            elif integrity(archive) != package["integrity"]:
                raise AssetFault(f"the archive of {package['name']} is not the one in the lock")
            contents = unpack(package, archive)
            for entry in [*package["files"], *filter(None, [package.get("sprite")])]:
                content = contents[entry["to"]]
                if relock:
                    entry["sha256"] = sha256(content)
                path = fresh / folder_name(package["name"]) / entry["to"]
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content)
                if path.suffix in COMPRESSED:
                    twin = gzip.compress(content, compresslevel=9, mtime=0)
                    path.with_name(f"{path.name}.gz").write_bytes(twin)
        if wrong := faults(packages, fresh):
            raise AssetFault("; ".join(wrong))
        shutil.rmtree(vendor, ignore_errors=True)
        shutil.copytree(fresh, vendor)


def main(arguments: list[str] | None = None) -> int:
    """Run the command; returns its exit code: 0 done, 1 something differs or could not be fetched."""
    parser = argparse.ArgumentParser(prog="python -m marketplace.assets", description="Front-end files")
    choice = parser.add_mutually_exclusive_group()
    choice.add_argument("--check", action="store_true", help="only compare what is there with the lock")
    choice.add_argument("--lock", action="store_true", help="write new checksums after raising a version")
    options = parser.parse_args(arguments)
    packages = read_lock()
    if options.check:
        wrong = faults(packages)
        for fault in wrong:
            click.echo(fault, err=True)
        return 1 if wrong else 0
    try:
        install(packages, relock=options.lock)
    except AssetFault as fault:
        click.echo(str(fault), err=True)
        return 1
    if options.lock:
        LOCK.write_text(json.dumps({"packages": packages}, ensure_ascii=False, indent=1) + "\n", "utf-8")
    for package in packages:
        click.echo(f"{package['name']} {package['version']} ({package['licence']})")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
