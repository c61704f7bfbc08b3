"""Rules of import and export: all of a file or nothing, and the same file twice changes nothing."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from marketplace.exchange.capacity import apply_capacity, plan_capacity
from marketplace.exchange.faults import Header
from marketplace.exchange.needs import NeedPlan, apply_needs, plan_needs
from marketplace.exchange.plan import Plan
from marketplace.exchange.read import capacity_records, need_records
from marketplace.exchange.write import write_table
from marketplace.extensions import db
from marketplace.matches.file_codes import code_tables
from marketplace.permissions import Actor
from marketplace.transitions import transaction
from matching.tables import CAPACITY_COLUMNS, NEED_COLUMNS, Fault, InvalidTable, Language, read_capacity, read_needs
from matching.tables.columns import EARLIER, IGNORED

KINDS = ("needs", "capacity")
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Outcome:
    """What an import did, or would do.

    Attributes:
        without_consent: needs that stay out of runs until the household's consent is recorded.
        warnings: what was left out of the file.
    """

    new: int
    changed: int
    unchanged: int
    without_consent: int
    warnings: list[Fault]


def import_file(
    actor: Actor,
    kind: str,
    path: Path,
    *,
    language: Language = "zh",
    dry_run: bool = False,
    progress: Progress | None = None,
) -> Outcome:
    """Bring a file of needs or capacity into the database, in one transaction.

    Args:
        progress: hears how many rows of how many are stored.
    Raises:
        InvalidTable: with every fault; nothing was written.
    """
    tables = code_tables()
    table: Any
    if kind == "needs":
        table, header = read_needs(path, tables, language=language), Header(path, NEED_COLUMNS)
    else:
        table, header = read_capacity(path, tables, language=language), Header(path, CAPACITY_COLUMNS)
    make_plan, apply = (plan_needs, apply_needs) if kind == "needs" else (plan_capacity, apply_capacity)
    stored = 0

    def told(count: int) -> None:
        nonlocal stored
        stored += count
        if progress:
            progress(stored, len(table))

    plan: Any
    if dry_run:
        plan = _checked(make_plan(table, header, tables))
        db.session.rollback()
    else:
        with transaction():
            plan = _checked(make_plan(table, header, tables))
            if plan.new or plan.changed or _other_writes(plan):
                apply(actor, plan, told)
    if progress:
        progress(len(table), len(table))
    without = plan.without_consent if isinstance(plan, NeedPlan) else 0
    warnings = [*table.warnings, *plan.warnings]
    return Outcome(len(plan.new), len(plan.changed), plan.unchanged, without, warnings)


def _checked(plan: Plan) -> Plan:
    if plan.faults:
        raise InvalidTable(sorted(plan.faults, key=lambda fault: (fault.row, fault.column)))
    return plan


def _other_writes(plan: Any) -> bool:
    """A pool's quantity can change though no row of capacity does."""
    return bool(getattr(plan, "changed_pools", None))


def export_file(kind: str, path: Path) -> int:
    """Write needs or capacity in the columns of an import; how many rows.

    Raises:
        OSError: the file cannot be written.
    """
    if kind == "needs":
        columns = [name for name in NEED_COLUMNS if name not in (IGNORED, EARLIER)]
        return write_table(path, columns, need_records())
    return write_table(path, list(CAPACITY_COLUMNS), capacity_records())
