"""Servers and files for these tests."""

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.servers import (  # noqa: F401  # fixtures: a test asks for them by name
    postgresql_cluster,
    postgresql_url,
    redis_server,
    redis_url,
)

NEED = {"id": "N1", "kind": "goods", "category": "S1102", "region": "640202", "quantity": "2"}
CAPACITY = {"id": "C1", "organization": "暖心慈善", "categories": "S11", "regions": "640200", "quantity": "10"}
Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Writes rows as a CSV file; every row may give its own columns."""

    def written(*rows: dict[str, Any], name: str = "file.csv") -> Path:
        columns = list(dict.fromkeys(column for row in rows for column in row))
        path = tmp_path / name
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, columns, restval="")
            writer.writeheader()
            writer.writerows(rows)
        return path

    return written
