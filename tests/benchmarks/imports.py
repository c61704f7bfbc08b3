"""An import of needs with its index: python -m tests.benchmarks.imports [--rows N].

Into an empty SQLite instance, two needs a household, as `marketplace import` does it; the index is brought up to date
within the time. Target: 20,000 rows a minute.
"""

import argparse
import csv
import json
import tempfile
import time
from datetime import timedelta
from pathlib import Path

from flask_migrate import upgrade

from marketplace import create_app
from marketplace.exchange import services as exchange
from marketplace.permissions import system_actor
from marketplace.records import today
from marketplace.search import index
from marketplace.search import services as search
from tests.conftest import settings_in

COUNTIES = ("640202", "640205", "640104", "640303")
TARGET = 20_000


def write_needs(path: Path, rows: int) -> None:
    """A file of needs in the form of docs/guide/files.md."""
    day = today()
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(
            ["id", "household", "title", "kind", "category", "region", "lat", "lon", "quantity", "unit", "urgency",
             "posted", "deadline", "consent", "consent_date"]
        )  # fmt: skip
        for number in range(rows):
            writer.writerow(
                [f"N{number:06d}", f"H{number // 2}", f"第{number}份冬季衣物和米面粮油", "goods", "S1101",
                 COUNTIES[number % 4], "39.01", "106.40", 1, "件", "yellow", day.isoformat(),
                 (day + timedelta(days=1 + number % 50)).isoformat(), "yes", day.isoformat()]
            )  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=20_000)
    rows = parser.parse_args().rows
    with tempfile.TemporaryDirectory() as folder:
        app = create_app(settings_in(Path(folder)))
        with app.app_context():
            upgrade()
            path = Path(folder) / "needs.csv"
            write_needs(path, rows)
            began = time.perf_counter()
            made = exchange.import_file(system_actor("benchmark"), "needs", path, language="en").new
            imported = time.perf_counter() - began
            search.catch_up()
            seconds = time.perf_counter() - began
            if made != rows or index.current().contents() != search.expected_contents():
                raise SystemExit(f"{made} of {rows} rows imported, or the index is not complete")
    told = {"rows": rows, "import_s": round(imported, 2), "with_index_s": round(seconds, 2),
            "rows_a_minute": round(60 * rows / seconds), "target": TARGET}  # fmt: skip
    print(json.dumps(told))  # noqa: T201  # a command's output


if __name__ == "__main__":
    main()
