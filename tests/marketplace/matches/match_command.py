"""Runs `marketplace match`, and reads what it wrote."""

import csv
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.benchmarks.world import write_world
from tests.support.table_files import csv_bytes

OUTPUTS = {"matches.csv", "unmatched.csv", "shortages.csv", "candidates.csv", "summary.json", "report.html"}
SUMMARY_KEYS = (
    *("needs", "units", "capacity", "candidates", "served", "unserved", "fit", "status", "bound", "engines"),
    *("seconds", "peak_mb", "input_sha256", "policy"),
)


def run(*arguments: object, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "marketplace.cli", "match", *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env={**{name: value for name, value in os.environ.items() if name != "DEFAULT_LOCALE"}, **environ},
    )


def match(needs: Path, capacity: Path, out: Path, *more: object, **environ: str) -> dict[str, Any]:
    done = run(
        "--needs", needs, "--capacity", capacity, "--out", out, "--json", "--as-of", "2026-11-24", *more, **environ
    )
    assert done.returncode == 0, done.stderr
    summary: dict[str, Any] = json.loads(done.stdout)
    return summary


def tables(out: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in out.glob("*.csv")}


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def without_times(out: Path) -> tuple[dict[str, Any], str]:
    """The summary and the report less their times, memory and digest."""
    summary = json.loads((out / "summary.json").read_text("utf-8"))
    for key in ("seconds", "peak_mb", "input_sha256"):
        del summary[key]
    page = (out / "report.html").read_text("utf-8")
    page = re.sub(r"[0-9a-f]{64}", "", page)
    return summary, re.sub(r"<dt>(用时|内存峰值)</dt><dd>[^<]*</dd>", "", page)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("world")
    write_world(folder, needs=300, capacities=60)
    return folder


@pytest.fixture(scope="module")
def matched(world: Path) -> tuple[Path, dict[str, Any]]:
    out = world / "out"
    return out, match(world / "needs.csv", world / "capacity.csv", out)


def changed(world: Path, folder: Path, name: str, change: Any) -> Path:
    """A copy of an input file with its records changed."""
    records = rows(world / name)
    records = change(records)
    path = folder / name
    path.write_bytes(csv_bytes(records))
    return path
