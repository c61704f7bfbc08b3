"""Data levels: how closely each column of the database is held, and what for.

This inventory drives masking, exports, erasure and the scan for planted values.
"""

from enum import StrEnum
from typing import Any, NamedTuple

from sqlalchemy.orm import MappedColumn, mapped_column

from marketplace.extensions import db


class Level(StrEnum):
    """Data levels: P1 published, P2 internal, P3 personal, P4 sensitive personal."""

    P1 = "P1"
    P2 = "P2"
    P3 = "P3"
    P4 = "P4"


P1, P2, P3, P4 = Level


class Held(NamedTuple):
    """Why a column is held, and how closely."""

    level: Level
    purpose: str


def column(level: Level, purpose: str, *arguments: Any, **options: Any) -> MappedColumn[Any]:
    """A mapped column with its data level and the purpose it is held for."""
    return mapped_column(*arguments, info={"held": Held(level, purpose)}, **options)


def inventory() -> dict[str, dict[str, Held]]:
    """Table -> column -> level and purpose, over every model.

    Raises:
        LookupError: a column declares none.
    """
    found: dict[str, dict[str, Held]] = {}
    for table in db.metadata.sorted_tables:
        for item in table.columns:
            if "held" not in item.info:
                raise LookupError(f"{table.name}.{item.name} declares no data level and purpose")
            found.setdefault(table.name, {})[item.name] = item.info["held"]
    return found
