"""Reading the two files: every fault of both, or typed columns in the order of ids."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from matching.columns import Bools, Int8s, Int32s, Int64s
from matching.eligibility.codes import CodeTables
from matching.tables import columns as cells
from matching.tables.faults import Fault, FaultLog, Language
from matching.tables.grid import Grid, leave_out
from matching.tables.sheet import Sheet
from matching.tables.source import LARGEST_CSV, read_csv
from matching.tables.workbook import OLE_MAGIC, ZIP_MAGIC, read_workbook, refuse_ole


@dataclass(frozen=True)
class NeedTable:
    """Needs in the order of their ids (n); columns that a file leaves out hold the documented defaults.

    Attributes:
        id, household, title, consent_by: list of str (n,); empty where not told.
        kind: int8 (n,), position in `columns.KINDS`.
        category, region: int32 (n,), positions in the code tables.
        lat, lon: float64 (n,), degrees; NaN for none.
        quantity: int64 (n,), at least 1.
        tier: int8 (n,), 0 red, 1 yellow, 2 blue.
        groups: uint64 (n,), bit g for group g of the code tables.
        requires: list of sorted tuples of qualifications (n,).
        deadline, posted, consent_date: datetime64[D] (n,), NaT for none.
        bundle: int32 (n,), −1 none; bundle_names by that number.
        whole: bool (n,).
        value_fen: int64 (n,), −1 unknown.
        earlier: list of tuples of keys of names (n,), organizations that have helped the household before;
            empty where the file has no such column.
        row: int32 (n,), the row in the file.
        header: the columns that the file has, by their English names, as the file names them.
        warnings: what the reader left out.
    """

    id: list[str]
    kind: Int8s
    category: Int32s
    region: Int32s
    lat: NDArray[np.float64]
    lon: NDArray[np.float64]
    quantity: Int64s
    tier: Int8s
    groups: NDArray[np.uint64]
    requires: list[tuple[str, ...]]
    deadline: NDArray[np.datetime64]
    posted: NDArray[np.datetime64]
    household: list[str]
    bundle: Int32s
    bundle_names: list[str]
    whole: Bools
    value_fen: Int64s
    title: list[str]
    consent_date: NDArray[np.datetime64]
    consent_by: list[str]
    earlier: list[tuple[str, ...]]
    row: Int32s
    header: dict[str, str]
    warnings: list[Fault]

    def __len__(self) -> int:
        return len(self.id)


@dataclass(frozen=True)
class CapacityTable:
    """Capacity in the order of ids (m).

    Attributes:
        id, organization, title: list of str (m,).
        pool: int32 (m,), −1 none; pool_names and pool_capacity (int64) by that number, in the order of names.
        categories, regions: list of tuples of positions in the code tables (m,), in the order of the file.
        lat, lon: float64 (m,), degrees; NaN for none.
        radius_km: float64 (m,); NaN no limit.
        quantity: int64 (m,), at least 0.
        budget_fen: int64 (m,), −1 no limit.
        unit_cost_fen: int64 (m,), 0 where not told.
        groups: uint64 (m,), the groups listed; 0 all.
        qualifications: list of sorted tuples (m,).
        minimum_batch: int64 (m,), 0 none.
        valid_from, valid_until: datetime64[D] (m,), NaT open.
        row: int32 (m,), the row in the file.
        header: the columns that the file has, by their English names, as the file names them.
        warnings: what the reader left out.
    """

    id: list[str]
    organization: list[str]
    pool: Int32s
    pool_names: list[str]
    pool_capacity: Int64s
    categories: list[tuple[int, ...]]
    regions: list[tuple[int, ...]]
    lat: NDArray[np.float64]
    lon: NDArray[np.float64]
    radius_km: NDArray[np.float64]
    quantity: Int64s
    budget_fen: Int64s
    unit_cost_fen: Int64s
    groups: NDArray[np.uint64]
    qualifications: list[tuple[str, ...]]
    minimum_batch: Int64s
    valid_from: NDArray[np.datetime64]
    valid_until: NDArray[np.datetime64]
    title: list[str]
    row: Int32s
    header: dict[str, str]
    warnings: list[Fault]

    def __len__(self) -> int:
        return len(self.id)


def read_needs(path: Path, tables: CodeTables, *, language: Language = "zh") -> NeedTable:
    """Read a needs file.

    Raises:
        InvalidTable: with every fault of the file.
    """
    return needs_of(*load(path), tables, language=language)


def read_capacity(path: Path, tables: CodeTables, *, language: Language = "zh") -> CapacityTable:
    """Read a capacity file.

    Raises:
        InvalidTable: with every fault of the file.
    """
    return capacity_of(*load(path), tables, language=language)


def needs_of(
    data: bytes, file: str, tables: CodeTables, *, language: Language = "zh", without: Collection[int] = ()
) -> NeedTable:
    """Needs from the bytes of a file; `file` is its name in messages, `without` rows of it that are left out.

    Raises:
        InvalidTable: with every fault of the file.
    """
    log = FaultLog(file)
    sheet = Sheet(leave_out(grid_of(data, log), without), cells.NEED_COLUMNS, cells.NEED_REQUIRED, log, language)
    ids = sheet.ids()
    lat, lon = sheet.points()
    groups, _ = sheet.groups(tables)
    bundles = sheet.text("bundle")
    order = sheet.order(ids)
    names = {name: place for place, name in enumerate(dict.fromkeys(_take(bundles, order))) if name}
    names = {name: place for place, name in enumerate(names)}
    kind = sheet.integers("kind", cells.choice(cells.KIND_WORDS, cells.KINDS, language), 2)
    tier = sheet.integers("urgency", cells.choice(cells.URGENCY_WORDS, cells.URGENCIES, language), 2)
    table = NeedTable(
        id=_take(ids, order),
        kind=kind[order].astype(np.int8),
        category=sheet.required("category", cells.code(tables.categories, sheet.what("category")))[order],
        region=sheet.required("region", cells.code(tables.regions, sheet.what("region")))[order],
        lat=lat[order],
        lon=lon[order],
        quantity=sheet.required("quantity", cells.whole_number(1))[order].astype(np.int64),
        tier=tier[order].astype(np.int8),
        groups=groups[order],
        requires=_take(sheet.parsed("requires", cells.words(tables.qualifications), ()), order),
        deadline=sheet.days("deadline")[order],
        posted=sheet.days("posted")[order],
        household=_take(sheet.text("household"), order),
        bundle=np.array([names.get(name, -1) for name in _take(bundles, order)], np.int32),
        bundle_names=list(names),
        whole=sheet.integers("whole", cells.truth(language), 0)[order].astype(np.bool_),
        value_fen=sheet.integers("value_yuan", cells.money, -1)[order],
        title=_take(sheet.text("title"), order),
        consent_date=sheet.days("consent_date")[order],
        consent_by=_take(sheet.text("consent_by"), order),
        earlier=_take(sheet.parsed(cells.EARLIER, cells.names, ()), order) if cells.EARLIER in sheet.names() else [],
        row=np.array(sheet.rows, np.int32)[order],
        header=sheet.names(),
        warnings=log.warnings,
    )
    log.close()
    return table


def capacity_of(
    data: bytes, file: str, tables: CodeTables, *, language: Language = "zh", without: Collection[int] = ()
) -> CapacityTable:
    """Capacity from the bytes of a file; `file` is its name in messages, `without` rows of it that are left out.

    Raises:
        InvalidTable: with every fault of the file.
    """
    log = FaultLog(file)
    sheet = Sheet(
        leave_out(grid_of(data, log), without), cells.CAPACITY_COLUMNS, cells.CAPACITY_REQUIRED, log, language
    )
    ids = sheet.ids()
    lat, lon = sheet.points()
    groups, everyone = sheet.groups(tables)
    pool, pool_names, pool_capacity = sheet.pools()
    valid_from, valid_until = sheet.days("valid_from"), sheet.days("valid_until")
    sheet.check_period(valid_from, valid_until)
    order = sheet.order(ids)
    category = cells.codes_of(tables.categories, sheet.what("category"))
    region = cells.codes_of(tables.regions, sheet.what("region"))
    radius = sheet.parsed("radius_km", cells.decimal_number(0, cells.LARGEST_RADIUS_KM), np.nan)
    table = CapacityTable(
        id=_take(ids, order),
        organization=_take(sheet.text("organization"), order),
        pool=pool[order],
        pool_names=pool_names,
        pool_capacity=pool_capacity,
        categories=_take(sheet.parsed("categories", category, (), required=True), order),
        regions=_take(sheet.parsed("regions", region, (), required=True), order),
        lat=lat[order],
        lon=lon[order],
        radius_km=np.array(radius, np.float64)[order],
        quantity=sheet.required("quantity", cells.whole_number(0))[order].astype(np.int64),
        budget_fen=sheet.integers("budget_yuan", cells.money, -1)[order],
        unit_cost_fen=sheet.integers("unit_cost_yuan", cells.money, 0)[order],
        groups=np.where(everyone, np.uint64(0), groups)[order],
        qualifications=_take(sheet.parsed("qualifications", cells.words(tables.qualifications), ()), order),
        minimum_batch=sheet.integers("minimum_batch", cells.whole_number(0), 0)[order],
        valid_from=valid_from[order],
        valid_until=valid_until[order],
        title=_take(sheet.text("title"), order),
        row=np.array(sheet.rows, np.int32)[order],
        header=sheet.names(),
        warnings=log.warnings,
    )
    log.close()
    return table


def load(path: Path) -> tuple[bytes, str]:
    """The bytes of a file and its name, refusing what is missing or far too large before it is read."""
    log = FaultLog(str(path))
    try:
        with path.open("rb") as file:
            data = file.read(LARGEST_CSV + 1)
    except OSError:
        log.add(1, "-", "missing_file")
        log.close()
    if len(data) > LARGEST_CSV:
        size = path.stat().st_size // 1024**2
        log.add(1, "-", "too_large", size=size, limit=LARGEST_CSV // 1024**2)
        log.close()
    return data, str(path)


def grid_of(data: bytes, log: FaultLog) -> Grid:
    """The cells of a file of either format, told apart by its first bytes.

    Raises:
        InvalidTable: nothing can be read.
    """
    grid = None
    if not data:
        log.add(1, "-", "empty_file")
    elif data.startswith(OLE_MAGIC):
        refuse_ole(data, log)
    elif data.startswith((ZIP_MAGIC, b"PK\x05\x06")):
        grid = read_workbook(data, log)
    elif log.file.lower().endswith((".xlsx", ".xlsm")):
        log.add(1, "-", "not_workbook", reason="no zip archive")
    else:
        grid = read_csv(data, log)
    if grid is None:
        log.close()
        raise AssertionError("a reader that returns nothing has noted why")
    return grid


def _take(values: Sequence[Any], order: NDArray[np.intp]) -> list[Any]:
    if np.array_equal(order, np.arange(order.size)):
        return list(values)
    return [values[place] for place in order.tolist()]
