"""Reading .xlsx safely: the first sheet as a grid of text.

A workbook comes from strangers, so it is unpacked with limits and parsed as a stream. The usual readers were
not used: they give values without saying which were formulas, expand a sheet to its outermost cell, and copy
shared texts into every cell that names them, so that a file of some kilobytes can fill any memory. Here the
check and the reading are the same pass, a shared text is kept once, and a document type is refused.
"""

from __future__ import annotations

import io
import posixpath
import struct
import zipfile
import zlib
from collections.abc import Callable
from typing import Any
from xml.parsers import expat

from matching.tables.faults import FaultLog
from matching.tables.grid import LONGEST_CELL, Grid, TextColumn, drop_blank

LARGEST_FILE = 50 * 1024**2
LARGEST_UNPACKED = 200 * 1024**2
LARGEST_RATIO = 100
RATIO_COUNTS_FROM = 4 * 1024**2
"""Small parts may shrink more: a few repeated lines are no bomb."""
MOST_PARTS = 200
MOST_CELLS = 4_000_000
MOST_COLUMNS = 256
MOST_ROWS = 1_048_576
PIECE = 1 << 16

OLE_MAGIC = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
ZIP_MAGIC = b"PK\x03\x04"

# Days from 1970-01-01 to day 0 of the two date systems of spreadsheets; serials below 61 lie before the
# leap day of 1900 that never was, and no date of ours does.
SERIAL_1900 = -25_569
SERIAL_1904 = -24_107


class _WorkbookError(Exception):
    """The workbook is not read; carries the kind of fault and its values."""

    def __init__(self, kind: str, **values: object) -> None:
        self.kind, self.values = kind, values
        super().__init__(kind)


def read_workbook(data: bytes, log: FaultLog) -> Grid | None:
    """The grid of the first sheet of an .xlsx file, or None with a fault noted."""
    try:
        return _read(data, log)
    except _WorkbookError as refused:
        log.add(1, "-", refused.kind, **refused.values)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, struct.error) as error:
        log.add(1, "-", "not_workbook", reason=str(error) or type(error).__name__)
    except expat.ExpatError as error:
        log.add(1, "-", "not_workbook", reason=f"XML: {error}")
    return None


def refuse_ole(data: bytes, log: FaultLog) -> None:
    """Note why an OLE file is refused: an encrypted workbook or an old .xls."""
    encrypted = "EncryptedPackage".encode("utf-16-le") in data
    log.add(1, "-", "encrypted" if encrypted else "old_excel")


def _read(data: bytes, log: FaultLog) -> Grid | None:
    if len(data) > LARGEST_FILE:
        raise _WorkbookError("too_large", size=len(data) // 1024**2, limit=LARGEST_FILE // 1024**2)
    _check_directory_size(data)
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        parts = _Parts(archive, len(data))
        sheets, serial = _workbook(parts)
        names, paths = zip(*sheets, strict=True)
        shared = _shared_texts(parts)
        sheet = _Sheet(shared)
        parts.parse(paths[0], sheet.start, sheet.end, sheet.text)
        if len(names) > 1:
            log.warn(1, "-", "other_sheets", first=names[0], count=len(names) - 1)
        return sheet.grid(serial, log)


def _check_directory_size(data: bytes) -> None:
    """Look at the end record before `zipfile` builds an object for every entry it promises."""
    end = data.rfind(b"PK\x05\x06", max(0, len(data) - 65_557))
    if end < 0 or len(data) < end + 22:
        raise _WorkbookError("not_workbook", reason="no end of the zip directory")
    count, size = struct.unpack_from("<HL", data, end + 10)
    if count > MOST_PARTS or size > MOST_PARTS * 1024:
        raise _WorkbookError("not_workbook", reason=f"more than {MOST_PARTS} parts")


class _Parts:
    """The parts of the archive, unpacked in pieces, counted while they are read."""

    def __init__(self, archive: zipfile.ZipFile, packed: int) -> None:
        self._archive, self._packed, self._unpacked = archive, packed, 0
        listed = archive.infolist()
        if any(part.flag_bits & 1 for part in listed):
            raise _WorkbookError("encrypted")
        if len(listed) > MOST_PARTS:
            raise _WorkbookError("not_workbook", reason=f"more than {MOST_PARTS} parts")
        self.names = {part.filename for part in listed}
        if sum(part.file_size for part in listed) > LARGEST_UNPACKED:
            raise _too_large()
        for part in listed:
            if part.file_size > RATIO_COUNTS_FROM and part.file_size > LARGEST_RATIO * part.compress_size:
                raise _too_large()

    def parse(
        self,
        name: str,
        start: Callable[[str, dict[str, str]], None],
        end: Callable[[str], None],
        text: Callable[[str], None],
    ) -> None:
        """Parse one part as XML; element names come without their namespace."""
        if name not in self.names:
            raise _WorkbookError("not_workbook", reason=f"no {name}")
        parser = expat.ParserCreate(namespace_separator=" ")
        parser.buffer_text = True
        local: dict[str, str] = {}

        def started(element: str, attributes: dict[str, str]) -> None:
            if element not in local:
                local[element] = element.rpartition(" ")[2]
            start(local[element], attributes)

        def doctype(*_: Any) -> None:
            raise _WorkbookError("not_workbook", reason="a document type")

        parser.StartElementHandler = started
        parser.EndElementHandler = lambda element: end(local[element])
        parser.CharacterDataHandler = text
        parser.StartDoctypeDeclHandler = doctype
        with self._archive.open(name) as stream:
            while piece := stream.read(PIECE):
                self._unpacked += len(piece)
                if self._unpacked > LARGEST_UNPACKED or (
                    self._unpacked > RATIO_COUNTS_FROM and self._unpacked > LARGEST_RATIO * self._packed
                ):
                    raise _too_large()
                parser.Parse(piece, False)
        parser.Parse(b"", True)


def _too_large() -> _WorkbookError:
    return _WorkbookError("unpacks_too_large", limit=LARGEST_UNPACKED // 1024**2, ratio=LARGEST_RATIO)


def _whole(text: str) -> int:
    """A whole number of up to nine digits; -1 for anything else."""
    return int(text) if len(text) < 10 and text.isascii() and text.isdigit() else -1


def _ignore(*_: Any) -> None:
    """Nothing to do at this event."""


def _workbook(parts: _Parts) -> tuple[list[tuple[str, str]], int]:
    """Names and paths of the sheets in their order, and the day 0 of their dates."""
    sheets: list[tuple[str, str]] = []
    targets: dict[str, str] = {}
    serial = SERIAL_1900

    def start(element: str, attributes: dict[str, str]) -> None:
        nonlocal serial
        local = {key.rpartition(" ")[2]: value for key, value in attributes.items()}
        if element == "sheet":
            sheets.append((local.get("name", ""), local.get("id", "")))
        elif element == "workbookPr" and local.get("date1904") in ("1", "true"):
            serial = SERIAL_1904
        elif element == "Relationship":
            targets[local.get("Id", "")] = local.get("Target", "")

    parts.parse("xl/workbook.xml", start, _ignore, _ignore)
    parts.parse("xl/_rels/workbook.xml.rels", start, _ignore, _ignore)
    if not sheets:
        raise _WorkbookError("not_workbook", reason="no sheet")
    found = []
    for name, identity in sheets:
        target = targets.get(identity, "")
        path = target.lstrip("/") if target.startswith("/") else posixpath.normpath(f"xl/{target}")
        found.append((name, path))
    return found, serial


def _shared_texts(parts: _Parts) -> list[str]:
    """The texts that cells share, each once; phonetic hints are left out."""
    texts: list[str] = []
    if "xl/sharedStrings.xml" not in parts.names:
        return texts
    collected: list[str] = []
    inside = phonetic = False

    def start(element: str, _: dict[str, str]) -> None:
        nonlocal inside, phonetic
        if element == "si":
            collected.clear()
        elif element == "rPh":
            phonetic = True
        elif element == "t":
            inside = not phonetic

    def end(element: str) -> None:
        nonlocal inside, phonetic
        if element == "si":
            texts.append("".join(collected).strip())
        elif element == "rPh":
            phonetic = False
        elif element == "t":
            inside = False

    def text(piece: str) -> None:
        if inside:
            collected.append(piece)

    parts.parse("xl/sharedStrings.xml", start, end, text)
    return texts


class _Sheet:
    """Gathers the cells of a sheet from parser events."""

    def __init__(self, shared: list[str]) -> None:
        self._shared = shared
        self._records: list[tuple[int, list[str]]] = []
        self._marks: list[tuple[int, int, str, str]] = []
        self._count = 0
        self._row = 0
        self._column = -1
        self._cells: list[str] = []
        self._type = ""
        self._pieces: list[str] = []
        self._length = 0
        self._reading = self._phonetic = self._formula = False

    def start(self, element: str, attributes: dict[str, str]) -> None:
        if element == "c":
            self._cell(attributes)
        elif element in ("v", "t"):
            self._reading = not self._phonetic
        elif element == "row":
            told = attributes.get("r", "")
            self._row = _whole(told) if told else self._row + 1
            if not 1 <= self._row <= MOST_ROWS:
                raise _WorkbookError("not_workbook", reason=f"row {told[:20]}")
            self._column, self._cells = -1, []
        elif element == "f":
            self._formula = True
        elif element == "rPh":
            self._phonetic = True

    def _cell(self, attributes: dict[str, str]) -> None:
        reference = attributes.get("r", "").rstrip("0123456789")
        column = self._column + 1
        if reference:
            column = 0
            for letter in reference[:4]:
                column = column * 26 + ord(letter) - 64
            column -= 1
        self._column = column
        self._type = attributes.get("t", "n")
        self._pieces.clear()
        self._length = 0
        self._formula = False
        self._count += 1
        if self._count > MOST_CELLS:
            raise _WorkbookError("too_many_cells", limit=MOST_CELLS)

    def text(self, piece: str) -> None:
        if self._reading and self._length <= LONGEST_CELL:
            self._pieces.append(piece)
            self._length += len(piece)

    def end(self, element: str) -> None:
        if element == "c":
            self._finish_cell()
        elif element in ("v", "t"):
            self._reading = False
        elif element == "row":
            if any(self._cells) or any(mark[0] == self._row for mark in self._marks[-1:]):
                self._records.append((self._row, self._cells))
        elif element == "rPh":
            self._phonetic = False

    def _finish_cell(self) -> None:
        text = "".join(self._pieces).strip()
        if self._type == "s" and text:
            place = _whole(text)
            if not 0 <= place < len(self._shared):
                raise _WorkbookError("not_workbook", reason=f"no shared text {text[:20]}")
            text = self._shared[place]
        if not text and not self._formula:
            return
        if not 0 <= self._column < MOST_COLUMNS:
            raise _WorkbookError("far_cell", last=MOST_COLUMNS)
        if self._formula:
            self._marks.append((self._row, self._column, "formula", text))
        elif self._type == "e":
            self._marks.append((self._row, self._column, "error_cell", text))
        if self._column >= len(self._cells):
            self._cells.extend([""] * (self._column + 1 - len(self._cells)))
        self._cells[self._column] = text

    def grid(self, serial: int, log: FaultLog) -> Grid | None:
        """The gathered cells by column; cells beyond the header are a fault of their row."""
        if not self._records:
            log.add(1, "-", "empty_file")
            return None
        header_row, header = self._records[0]
        width = len(header)
        if width * len(self._records) > 2 * MOST_CELLS:
            raise _WorkbookError("too_many_cells", limit=MOST_CELLS)
        numbers, kept = [], []
        for number, cells in self._records[1:]:
            if len(cells) > width:
                log.add(number, "-", "ragged", found=len(cells), wanted=width)
            numbers.append(number)
            kept.append((cells + [""] * (width - len(cells)))[:width])
        columns = [list(column) for column in zip(*kept, strict=True)] or [[] for _ in header]
        place = {number: index for index, number in enumerate(numbers)}
        for row, column, kind, text in self._marks:
            if row == header_row:
                log.add(row, header[column], kind, value=text)
        marks = [
            (place[row], column, kind, text)
            for row, column, kind, text in self._marks
            if row in place and column < width
        ]
        return drop_blank(Grid(header, [TextColumn(column) for column in columns], numbers, marks, serial))
