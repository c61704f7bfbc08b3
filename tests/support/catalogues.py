"""The message catalogues: `python -m tests.support.catalogues` takes new texts in and compiles;
with `--check` it only tells whether a text is missing, untranslated, or differs in its placeholders.

English texts are the keys, so the Chinese catalogue is the only one.
"""

import io
import re
import sys
from pathlib import Path

from babel.messages.catalog import Catalog, Message
from babel.messages.frontend import CommandLineInterface
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "marketplace" / "translations" / "zh_Hans_CN" / "LC_MESSAGES"
PLACEHOLDER = re.compile(r"%\(\w+\)[sd]|%%")


def extracted(folder: Path) -> Catalog:
    """Every text that the code and the templates mark for translation."""
    template = folder / "messages.pot"
    CommandLineInterface().run(
        ["pybabel", "-q", "extract", "-F", str(ROOT / "pyproject.toml"), "-k", "lazy_gettext", "-o", str(template),
         "--no-location", "--sort-output", "--omit-header", str(ROOT)]
    )  # fmt: skip
    with template.open("rb") as file:
        return read_po(file)


def kept() -> Catalog:
    path = FOLDER / "messages.po"
    if not path.exists():
        return Catalog(locale="zh_Hans_CN")
    with path.open("rb") as file:
        return read_po(file, locale="zh_Hans_CN")


def faults(wanted: Catalog, have: Catalog) -> list[str]:
    """What a reader of Chinese pages would stumble over."""
    found = []
    for message in wanted:
        if not message.id:
            continue
        translated = have.get(message.id)
        if translated is None or not _texts(translated):
            found.append(f"not translated: {message.id}")
        elif translated.fuzzy:
            found.append(f"to be confirmed: {message.id}")
        else:
            expected = sorted(PLACEHOLDER.findall(_last(message.id)))
            found += [
                f"placeholders differ: {message.id}"
                for text in _texts(translated)
                if sorted(PLACEHOLDER.findall(text)) != expected
            ]
    found += [f"no longer used: {message.id}" for message in have if message.id and message.id not in wanted]
    return found


def _last(text: str | tuple[str, ...] | list[str]) -> str:
    return text if isinstance(text, str) else text[-1]


def _texts(message: Message) -> list[str]:
    texts = [message.string] if isinstance(message.string, str) else list(message.string)
    return [text for text in texts if text]


def compiled(have: Catalog) -> bytes:
    buffer = io.BytesIO()
    write_mo(buffer, have)
    return buffer.getvalue()


def compiled_is_current(have: Catalog) -> bool:
    path = FOLDER / "messages.mo"
    return path.exists() and path.read_bytes() == compiled(have)


def update(wanted: Catalog, have: Catalog) -> None:
    """Take new texts in, drop unused ones, write and compile."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    have.update(wanted, no_fuzzy_matching=True)
    have.obsolete.clear()
    with (FOLDER / "messages.po").open("wb") as file:
        write_po(file, have, width=120, omit_header=False, sort_output=True, ignore_obsolete=True)
    (FOLDER / "messages.mo").write_bytes(compiled(have))


def main(arguments: list[str]) -> int:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        wanted = extracted(Path(folder))
    have = kept()
    if "--check" not in arguments:
        update(wanted, have)
        have = kept()
    found = faults(wanted, have)
    if not compiled_is_current(have):
        found.append("messages.mo is not compiled from messages.po")
    sys.stdout.write("\n".join([*found, f"{len(found)} faults in the Chinese catalogue"]) + "\n")
    return 1 if found and "--check" in arguments else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
