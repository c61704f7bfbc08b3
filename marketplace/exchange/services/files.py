"""Rules of import and export: all of a file or nothing, and the same file twice changes nothing."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from marketplace.exchange import cases, organizations, projects
from marketplace.exchange.capacity import apply_capacity, plan_capacity
from marketplace.exchange.faults import Header
from marketplace.exchange.needs import NeedPlan, apply_needs, plan_needs
from marketplace.exchange.plan import Plan
from marketplace.exchange.read import Record, capacity_records, need_records
from marketplace.exchange.write import write_table
from marketplace.extensions import db
from marketplace.matches.file_codes import code_tables
from marketplace.permissions import Actor
from marketplace.transitions import transaction
from matching.tables import (
    CAPACITY_COLUMNS,
    NEED_COLUMNS,
    Fault,
    InvalidTable,
    Language,
    capacity_of,
    load,
    needs_of,
)
from matching.tables.columns import EARLIER, IGNORED

Progress = Callable[[int, int], None]
#: A further check of a plan before it is written, e.g. what the sender of a file may touch; adds faults to the plan.
Check = Callable[[Any, Plan, Header], None]


@dataclass(frozen=True)
class Kind:
    """How a kind of file is read, compared, written and exported.

    Attributes:
        read: (bytes, file name, code tables, language=, without=) -> table with `row`, `header` and `warnings`.
        plan: (table, header, code tables) -> what the import would do.
        apply: (actor, plan, told) -> writes it.
        columns, records: of an export.
    """

    read: Callable[..., Any]
    plan: Callable[..., Plan]
    apply: Callable[..., None]
    columns: tuple[str, ...]
    records: Callable[[], Iterable[Record]]


KINDS = {
    "organizations": Kind(
        organizations.read_organizations,
        organizations.plan_organizations,
        organizations.apply_organizations,
        organizations.EXPORTED,
        organizations.organization_records,
    ),
    "projects": Kind(
        projects.read_projects,
        projects.plan_projects,
        projects.apply_projects,
        tuple(projects.COLUMNS),
        projects.project_records,
    ),
    "capacity": Kind(capacity_of, plan_capacity, apply_capacity, tuple(CAPACITY_COLUMNS), capacity_records),
    "cases": Kind(cases.read_cases, cases.plan_cases, cases.apply_cases, cases.EXPORTED, cases.case_records),
    "needs": Kind(
        needs_of,
        plan_needs,
        apply_needs,
        tuple(name for name in NEED_COLUMNS if name not in (IGNORED, EARLIER)),
        need_records,
    ),
}


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
    """Bring a file into the database, in one transaction.

    Args:
        kind: one of KINDS.
        progress: hears how many rows of how many are stored.
    Raises:
        InvalidTable: with every fault; nothing was written.
    """
    return import_data(actor, kind, *load(path), language=language, dry_run=dry_run, progress=progress)


def import_data(
    actor: Actor,
    kind: str,
    data: bytes,
    file: str,
    *,
    language: Language = "zh",
    dry_run: bool = False,
    progress: Progress | None = None,
    check: Check | None = None,
    apply: Callable[..., None] | None = None,
) -> Outcome:
    """The same for a file that was sent.

    Args:
        file: its name in messages.
        check: adds faults of what this sender may not touch.
        apply: in place of the kind's own, e.g. into one project.
    """
    form, tables = KINDS[kind], code_tables()
    try:
        table = form.read(data, file, tables, language=language)
    except InvalidTable as refused:
        raise _with_faults_of_the_database(refused, form, data, file, language, check) from refused
    header = Header(file, table.header)
    stored = 0

    def told(count: int) -> None:
        nonlocal stored
        stored += count
        if progress:
            progress(stored, len(table))

    if dry_run:
        plan = _checked(form.plan(table, header, tables), table, header, check)
        db.session.rollback()
    else:
        with transaction():
            plan = _checked(form.plan(table, header, tables), table, header, check)
            if plan.new or plan.changed or _other_writes(plan):
                (apply or form.apply)(actor, plan, told)
    if progress:
        progress(len(table), len(table))
    without = plan.without_consent if isinstance(plan, NeedPlan) else 0
    warnings = [*table.warnings, *plan.warnings]
    return Outcome(len(plan.new), len(plan.changed), plan.unchanged, without, warnings)


def _checked(plan: Plan, table: Any, header: Header, check: Check | None) -> Plan:
    if check:
        check(table, plan, header)
    if plan.faults:
        raise InvalidTable(sorted(plan.faults, key=lambda fault: (fault.row, fault.column)))
    return plan


def _with_faults_of_the_database(
    refused: InvalidTable, form: Kind, data: bytes, file: str, language: Language, check: Check | None
) -> InvalidTable:
    """A reader's faults together with what the database says of the other rows: one round of mending, not two."""
    faulty = {fault.row for fault in refused.faults}
    if min(faulty) <= 1:
        return refused  # the header is not understood, so nothing is known of the rows
    tables = code_tables()
    try:
        table = form.read(data, file, tables, language=language, without=faulty)
        header = Header(file, table.header)
        plan = form.plan(table, header, tables)
        if check:
            check(table, plan, header)
    except InvalidTable:
        return refused  # no row is left
    finally:
        db.session.rollback()
    faults = sorted([*refused.faults, *plan.faults], key=lambda fault: fault.row)
    return InvalidTable(faults, refused.uncounted)


def _other_writes(plan: Any) -> bool:
    """A pool's quantity or a household can change though no row of capacity or of people does."""
    return bool(getattr(plan, "changed_pools", None) or getattr(plan, "changed_cases", None))


def export_file(kind: str, path: Path) -> int:
    """Write a table in the columns of an import; how many rows.

    Raises:
        OSError: the file cannot be written.
    """
    return write_table(path, list(KINDS[kind].columns), KINDS[kind].records())
