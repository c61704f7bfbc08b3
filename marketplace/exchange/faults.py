"""Faults that only the database can tell: a row is well formed and yet cannot be stored."""

import csv
import io
from collections.abc import Mapping
from pathlib import Path

from python_calamine import CalamineError, CalamineWorkbook

from matching.tables import Fault, Language
from matching.tables.columns import plain

_HEADER_BYTES = 65_536

TEXTS: dict[str, tuple[str, str]] = {
    "wish_of_several": (
        "一个微心愿只能是 1 件;请把 {value} 件分成 {value} 行",
        "a micro-wish has quantity 1; write {value} wishes as {value} rows",
    ),
    "below_allocated": (
        "已有 {least} 个单位给出或认领,不能少于它;请改为至少 {least}",
        "{least} units are given or promised already; write at least {least}",
    ),
    "budget_below_committed": (
        "已承诺 {least} 元,预算不能少于它;请改为至少 {least}",
        "{least} yuan are promised already; write at least {least}",
    ),
    "cost_fixed": (
        "已有单位给出或认领,单价不能再改;请保持 {value}",
        "units are given or promised, so their cost is fixed; keep {value}",
    ),
    "pool_below_allocated": (
        "资源池“{pool}”已有 {least} 个单位给出或认领;请改为至少 {least}",
        "{least} units of the pool “{pool}” are given or promised; write at least {least}",
    ),
    "kind_fixed": (
        "已存在的条目不能改为或改自微心愿;请使用新的编号",
        "a stored need cannot become a micro-wish or cease to be one; give it a new id",
    ),
    "claimed_wish": (
        "这个微心愿已被认领,公开内容不能再改;请保持原样",
        "this wish is claimed, so its public text is fixed; leave it as it was",
    ),
    "organization_fixed": (
        "已有分配的服务能力不能换机构;请使用新的编号",
        "capacity with allocations cannot move to another organization; give it a new id",
    ),
    "title_withheld": (
        "标题含有证件号、电话或其他联系方式,未保存,改用类别名称;请从文件中删去",
        "the title holds an identity number or a contact and was not kept; the category's name stands in its place",
    ),
    "too_long_for": (
        "有 {length} 个字,上限是 {limit};请缩短",
        "it has {length} characters, at most {limit}; shorten it",
    ),
}


class ImportFault(Fault):
    """A fault of `TEXTS` above; printed like those of the reader."""

    def text(self, language: Language) -> str:
        return TEXTS[self.kind][language == "en"].format(**self.values)


class Header:
    """The columns of a file: which of the known ones it has, and how it calls them."""

    def __init__(self, path: Path, known: Mapping[str, str]) -> None:
        self._path = path
        names = {name: name for name in known} | {plain(chinese): name for name, chinese in known.items()}
        self.names: dict[str, str] = {}
        for cell in first_row(path):
            name = names.get(plain(cell.strip()).casefold())
            if name is not None:
                self.names.setdefault(name, cell.strip())

    def __contains__(self, name: str) -> bool:
        return name in self.names

    def fault(self, row: int, name: str, kind: str, **values: object) -> ImportFault:
        """A fault in a row, its column named as in the file."""
        told = {key: str(value) for key, value in values.items()}
        return ImportFault(str(self._path), row, self.names.get(name, name), kind, told)


def first_row(path: Path) -> list[str]:
    """The header cells of a file that was read before without a fault."""
    with path.open("rb") as file:
        data = file.read(_HEADER_BYTES)
    if data.startswith(b"PK"):
        try:
            rows = CalamineWorkbook.from_path(str(path)).get_sheet_by_index(0).to_python(nrows=1)
        except (CalamineError, OSError):
            return []
        return [str(cell) for cell in rows[0]] if rows else []
    text = data.decode("utf-8-sig", "replace")
    if "�" in text.partition("\n")[0]:
        text = data.decode("gb18030", "replace")
    return next(csv.reader(io.StringIO(text, newline="")), [])
