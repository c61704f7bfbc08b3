"""Bad input from the command line: a clear error, exit code 2, nothing written, within 5 s and 500 MB."""

import os
import resource
import struct
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from matching.tables.faults import KEPT
from tests.support.table_files import CAPACITY, NEED, csv_bytes, repacked, xlsx_bytes, zipped

SECONDS = 5.0
MEGABYTES = 500

GOOD = csv_bytes([NEED])
HEADER = b"id,category,region,quantity\n"
SPACE = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
SHEET = "xl/worksheets/sheet1.xml"


def changed(**cells: object) -> bytes:
    record = {**NEED, **cells}
    return csv_bytes([record], columns=list(record))


def formula_workbook() -> bytes:
    from io import BytesIO

    from openpyxl import Workbook

    book = Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.append(["id", "category", "region", "quantity"])
    sheet.append(["N1", "S0301", "640104", "=1+1"])
    stream = BytesIO()
    book.save(stream)
    return stream.getvalue()


def long_cell_workbook() -> bytes:
    cells = [("id", "category", "region", "quantity", "title"), ("N1", "S0301", "640104", "1", "心" * 3_500_000)]
    rows = "".join(
        "<row>" + "".join(f"<c t='inlineStr'><is><t>{cell}</t></is></c>" for cell in row) + "</row>" for row in cells
    )
    # Stored, not deflated: such a text shrinks so well that it would be refused as a bomb before it is read.
    sheet = f"<worksheet {SPACE}><sheetData>{rows}</sheetData></worksheet>"
    return repacked(xlsx_bytes([NEED]), {SHEET: sheet.encode()}, compression=zipfile.ZIP_STORED)


def sheet_bomb() -> bytes:
    """A sheet of one cell that unpacks to 3 GB."""
    return _streamed(SHEET, f"<worksheet {SPACE}><sheetData><row r='1'><c t='inlineStr'><is><t>".encode())


def shared_text_bomb() -> bytes:
    """Shared texts that unpack to 3 GB."""
    return _streamed("xl/sharedStrings.xml", f"<sst {SPACE}><si><t>".encode())


def _streamed(part: str, begin: bytes) -> bytes:
    from io import BytesIO

    plain = xlsx_bytes([NEED])
    stream = BytesIO()
    with zipfile.ZipFile(BytesIO(plain)) as source, zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in source.namelist():
            if name != part:
                archive.writestr(name, source.read(name))
        with archive.open(part, "w", force_zip64=True) as entry:
            entry.write(begin)
            block = b"x" * (1 << 20)
            for _ in range(600):
                entry.write(block)
    return stream.getvalue()


def lying_bomb() -> bytes:
    """A bomb whose directory claims a small size."""
    data = bytearray(_streamed(SHEET, b"<worksheet><sheetData><row><c><v>"))
    at = 0
    while (at := data.find(b"PK\x01\x02", at)) >= 0:
        length = struct.unpack_from("<H", data, at + 28)[0]
        if data[at + 46 : at + 46 + length] == SHEET.encode():
            struct.pack_into("<L", data, at + 24, 1000)
        at += 46
    return bytes(data)


def amplified() -> bytes:
    """A long shared text in very many cells: small on disk, far beyond memory once each cell has a copy."""
    texts = f"<sst {SPACE}><si><t>{'长' * 32_000}</t></si></sst>"
    row = "<row>" + "<c t='s'><v>0</v></c>" * 4 + "</row>"
    sheet = f"<worksheet {SPACE}><sheetData>{row * 50_000}</sheetData></worksheet>"
    return repacked(xlsx_bytes([NEED]), {"xl/sharedStrings.xml": texts.encode(), SHEET: sheet.encode()})


def billion_laughs() -> bytes:
    entities = "".join(
        f'<!ENTITY {name} "{f"&{below};" * 10}">' for name, below in zip("bcdefghij", "abcdefghi", strict=True)
    )
    sheet = f'<!DOCTYPE x [<!ENTITY a "lol">{entities}]><worksheet {SPACE}><sheetData>&j;</sheetData></worksheet>'
    return repacked(xlsx_bytes([NEED]), {SHEET: sheet.encode()})


def outermost_cell() -> bytes:
    sheet = (
        f"<worksheet {SPACE}><sheetData><row r='1'><c r='A1'><v>1</v></c></row>"
        "<row r='1048576'><c r='XFD1048576'><v>1</v></c></row></sheetData></worksheet>"
    )
    return repacked(xlsx_bytes([NEED]), {SHEET: sheet.encode()})


FILES: dict[str, tuple[str, Callable[[], bytes], str]] = {
    "empty": ("needs.csv", lambda: b"", "needs.csv:1:-: "),
    "only a header": ("needs.csv", lambda: HEADER, "needs.csv:1:-: "),
    "wrong delimiter": ("needs.csv", lambda: csv_bytes([NEED], delimiter=";"), "needs.csv:1:-: "),
    "tabs": ("needs.csv", lambda: csv_bytes([NEED], delimiter="\t"), "needs.csv:1:-: "),
    "missing column": ("needs.csv", lambda: b"id,category,region\nN1,S0301,640104\n", "needs.csv:1:数量: "),
    "negative quantity": ("needs.csv", lambda: changed(quantity=-1), "needs.csv:2:quantity: "),
    "unknown category": ("needs.csv", lambda: changed(category="S9999"), "needs.csv:2:category: "),
    "duplicate id": ("needs.csv", lambda: csv_bytes([NEED, NEED]), "needs.csv:3:id: "),
    "latitude 200": ("needs.csv", lambda: changed(lat=200, lon=106), "needs.csv:2:lat: "),
    "10 MB cell": ("needs.csv", lambda: changed(title="心" * 3_500_000), "needs.csv:2:title: "),
    "10 MB quoted cell": ("needs.csv", lambda: changed(title="a,\n" * 3_500_000), "needs.csv:2:title: "),
    "10 MB header": ("needs.csv", lambda: b"x" * 10_000_000 + b"," + GOOD, "needs.csv:"),
    "10 MB id": ("needs.csv", lambda: changed(id="9" * 10_000_000), "needs.csv:2:id: "),
    "10 MB number": ("needs.csv", lambda: changed(quantity="9" * 10_000_000), "needs.csv:2:quantity: "),
    "10 MB list": ("needs.csv", lambda: changed(groups="G;" * 5_000_000), "needs.csv:2:groups: "),
    "10 MB cell in a workbook": (
        "needs.xlsx",
        long_cell_workbook,
        "needs.xlsx:2:title: ",
    ),
    "formula": ("needs.csv", lambda: changed(title="=HYPERLINK(1)"), "needs.csv:2:title: "),
    "formula in a workbook": ("needs.xlsx", formula_workbook, "needs.xlsx:2:quantity: "),
    "wrong encoding": ("needs.csv", lambda: HEADER + b"N1,\xff\xfe\xff,640104,1\n", "needs.csv:2:category: "),
    "UTF-16": ("needs.csv", lambda: csv_bytes([NEED], encoding="utf-16"), "needs.csv:1:-: "),
    "NUL": ("needs.csv", lambda: changed(title="a\0b"), "needs.csv:2:title: "),
    "only NUL": ("needs.csv", lambda: b"\0" * 5_000_000, "needs.csv:1:"),
    "noise": ("needs.csv", lambda: os.urandom(5_000_000), "needs.csv:"),
    "unclosed quote": ("needs.csv", lambda: HEADER + b'N1,"' + b"x,1\n" * 500_000, "needs.csv:2:-: "),
    "sheet bomb": ("needs.xlsx", sheet_bomb, "needs.xlsx:1:-: "),
    "shared text bomb": ("needs.xlsx", shared_text_bomb, "needs.xlsx:1:-: "),
    "lying bomb": ("needs.xlsx", lying_bomb, "needs.xlsx:1:-: "),
    "amplified text": ("needs.xlsx", amplified, "needs.xlsx:"),
    "entities": ("needs.xlsx", billion_laughs, "needs.xlsx:1:-: "),
    "outermost cell": ("needs.xlsx", outermost_cell, "needs.xlsx:1:-: "),
    "bomb of another kind": ("needs.xlsx", lambda: zipped({"zeros": b"\0" * 300_000_000}), "needs.xlsx:1:-: "),
    "no workbook": ("needs.xlsx", lambda: GOOD, "needs.xlsx:1:-: "),
    "old Excel": ("needs.xls", lambda: b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 4096, "needs.xls:1:-: "),
    "many faults": (
        "needs.csv",
        lambda: HEADER + b"".join(b"N%d,S9,640104,-1\n" % number for number in range(150_000)),
        "needs.csv:2:category: ",
    ),
}


@pytest.mark.parametrize("case", FILES)
def test_a_bad_file_is_refused_quickly_and_in_little_memory(case: str, tmp_path: Path) -> None:
    name, content, place = FILES[case]
    (tmp_path / name).write_bytes(content())
    (tmp_path / "capacity.csv").write_bytes(csv_bytes([CAPACITY]))
    seconds, megabytes, done = measured(tmp_path, name)
    assert done.returncode == 2, done.stderr[-2000:]
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    lines = done.stderr.splitlines()
    assert lines[0].startswith(place) or any(line.startswith(place) for line in lines), lines[:5]
    assert len(lines) <= KEPT + 1
    assert max(map(len, lines)) < 1000
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([name, "capacity.csv"])
    assert seconds < SECONDS
    assert megabytes < MEGABYTES


def measured(folder: Path, needs: str) -> tuple[float, float, subprocess.CompletedProcess[str]]:
    """Run the command in a process of its own and tell its seconds and its peak memory in MB."""
    # The child tells its own peak at its very end. Not by getrusage: that keeps the size of the process it was forked
    # from, which here is the tests'.
    report = folder.parent / f"{folder.name}.peak"
    code = (
        "import atexit, sys; from pathlib import Path; "
        f"atexit.register(lambda: Path(r'{report}').write_text("
        "Path('/proc/self/status').read_text().split('VmHWM:')[1].split()[0])); "
        "from marketplace.cli import main; main(sys.argv[1:])"
    )
    started = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", code, "match", "--needs", needs, "--capacity", "capacity.csv", "--out", "out"],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        cwd=folder,
        env={
            **{name: value for name, value in os.environ.items() if name != "DEFAULT_LOCALE"},
            "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
        },
        preexec_fn=_limit_memory,
    )
    return time.perf_counter() - started, int(report.read_text()) / 1024, done


def _limit_memory() -> None:
    """Never let a failing case take the machine with it."""
    resource.setrlimit(resource.RLIMIT_AS, (4 << 30, 4 << 30))


def test_faults_of_both_files_are_told_in_one_go(tmp_path: Path) -> None:
    (tmp_path / "needs.csv").write_bytes(changed(quantity=-1, category="S9999"))
    (tmp_path / "capacity.csv").write_bytes(csv_bytes([{**CAPACITY, "quantity": "x"}]))
    _, _, done = measured(tmp_path, "needs.csv")
    assert done.returncode == 2
    assert [line.rsplit(": ", 1)[0].split(":")[:3] for line in done.stderr.splitlines()] == [
        ["needs.csv", "2", "category"],
        ["needs.csv", "2", "quantity"],
        ["capacity.csv", "2", "quantity"],
    ]


def test_missing_files(tmp_path: Path) -> None:
    _, _, done = measured(tmp_path, "needs.csv")
    assert done.returncode == 2
    assert [line.split(":")[0] for line in done.stderr.splitlines()] == ["needs.csv", "capacity.csv"]
    assert not list(tmp_path.iterdir())


def test_a_bad_run_leaves_the_files_of_an_earlier_one(tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "matches.csv").write_text("earlier")
    (tmp_path / "needs.csv").write_bytes(b"")
    (tmp_path / "capacity.csv").write_bytes(csv_bytes([CAPACITY]))
    measured(tmp_path, "needs.csv")
    assert [path.name for path in out.iterdir()] == ["matches.csv"]
    assert (out / "matches.csv").read_text() == "earlier"
