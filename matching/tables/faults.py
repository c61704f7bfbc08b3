"""Faults of an input file: where, what, and how to mend it, in Chinese or English."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

Language = Literal["zh", "en"]

KEPT = 20_000
"""Faults remembered for one file; more are only counted, so that a bad file cannot fill the memory."""

SHOWN = 40
"""Characters of a cell that a message repeats."""

TEXTS: dict[str, tuple[str, str]] = {
    "missing_file": (
        "找不到或无法读取这个文件；请检查路径",
        "no such file, or it cannot be read; check the path",
    ),
    "too_large": (
        "文件有 {size} MB，上限是 {limit} MB；请拆成几个文件",
        "the file has {size} MB, at most {limit} MB are read; split it",
    ),
    "empty_file": (
        "文件是空的；第一行写表头，下面每行写一条",
        "the file is empty; put the header in row 1 and one record a row below",
    ),
    "no_rows": (
        "只有表头，没有数据；请在第 2 行起填写",
        "there is only a header; fill in records from row 2 on",
    ),
    "encoding": (
        "不是 UTF-8 也不是 GB18030 编码；请另存为 “CSV UTF-8”",
        "the text is neither UTF-8 nor GB18030; save the file as “CSV UTF-8”",
    ),
    "utf16": (
        "文件是 UTF-16 编码；请另存为 “CSV UTF-8”",
        "the text is UTF-16; save the file as “CSV UTF-8”",
    ),
    "delimiter": (
        "列之间用了“{found}”；请改用英文逗号“,”",
        "columns are separated by “{found}”; use a comma “,”",
    ),
    "quotes": (
        "引号没有配对：{reason}；请在引号内的引号写两次",
        "the quotation marks do not pair up ({reason}); write a quotation mark inside quotes twice",
    ),
    "missing_column": ("缺少必填列“{name}”；请补上", "the required column “{name}” is missing; add it"),
    "missing_column_near": (
        "缺少必填列“{name}”；“{near}”是不是它？请改正列名",
        "the required column “{name}” is missing; is “{near}” meant? correct its name",
    ),
    "duplicate_column": (
        "这一列与第 {first} 列同为“{name}”；请只保留一列",
        "this column and column {first} are both “{name}”; keep one",
    ),
    "ragged": (
        "这一行有 {found} 格，表头有 {wanted} 格；请补齐或删去多余的逗号",
        "this row has {found} cells, the header has {wanted}; complete it or remove the extra comma",
    ),
    "nul": ("含有空字符（NUL）；请删去", "there is a NUL character in it; remove it"),
    "too_long": (
        "这一格有 {length} 个字，上限是 32767；请缩短",
        "the cell has {length} characters, at most 32767 are allowed; shorten it",
    ),
    "formula": (
        "这一格是公式（{value}）；请粘贴为数值，文字不要以 = + @ 开头",
        "the cell is a formula ({value}); paste its value, and do not begin a text with = + @",
    ),
    "error_cell": (
        "这一格是错误值 {value}；请填写真实的值",
        "the cell is the error {value}; put the true value",
    ),
    "empty": ("必填，不能空着；请填写", "it must not be empty; fill it in"),
    "duplicate_id": (
        "编号“{value}”与第 {first} 行重复；请改为不同的编号",
        "the id “{value}” is also that of row {first}; give each row its own id",
    ),
    "not_integer": ("“{value}”不是整数；请写成 12 这样", "“{value}” is not a whole number; write it like 12"),
    "not_number": ("“{value}”不是数字；请写成 12.5 这样", "“{value}” is not a number; write it like 12.5"),
    "below": ("{value} 太小；至少是 {least}", "{value} is too small; at least {least}"),
    "above": ("{value} 太大；至多是 {most}", "{value} is too large; at most {most}"),
    "not_money": (
        "“{value}”不是金额；请以元为单位，至多两位小数，如 1234.50",
        "“{value}” is not an amount of money; write yuan with at most two decimals, like 1234.50",
    ),
    "latitude": (
        "纬度 {value} 不在 -90 到 90 之间；经纬度是否写反了？",
        "the latitude {value} is not between -90 and 90; are latitude and longitude swapped?",
    ),
    "longitude": (
        "经度 {value} 不在 -180 到 180 之间；请更正",
        "the longitude {value} is not between -180 and 180; correct it",
    ),
    "half_point": (
        "经纬度要么都填，要么都不填；请补上“{other}”",
        "latitude and longitude go together; fill in “{other}” too, or leave both empty",
    ),
    "not_date": (
        "“{value}”不是日期；请写成 2026-11-24 这样",
        "“{value}” is not a date; write it like 2026-11-24",
    ),
    "ends_before": (
        "止于 {value}，早于起始日 {first}；请更正其中一个",
        "it ends on {value}, before it begins on {first}; correct one of them",
    ),
    "unknown_code": (
        "没有“{value}”这个{what}；请用代码或准确的名称",
        "there is no {what} “{value}”; use its code or exact name",
    ),
    "unknown_near": (
        "没有“{value}”这个{what}；是不是“{near}”？请用代码或准确的名称",
        "there is no {what} “{value}”; is “{near}” meant? use its code or exact name",
    ),
    "ambiguous": (
        "“{value}”可以指 {choices}；请写代码",
        "“{value}” may mean {choices}; write the code",
    ),
    "unknown_choice": ("“{value}”不认识；可以写：{choices}", "“{value}” is not known; write one of: {choices}"),
    "no_pool_quantity": (
        "资源池“{pool}”没有总量；请在它的任一行填写“资源池总量”(pool_quantity)",
        "the pool “{pool}” has no quantity; put it into pool_quantity in one of its rows",
    ),
    "pool_conflict": (
        "资源池“{pool}”的总量是 {value}，第 {first} 行却是 {other}；请统一",
        "the pool “{pool}” has {value} here and {other} in row {first}; make them equal",
    ),
    "quantity_without_pool": (
        "填了资源池总量，却没有资源池名称；请填写资源池",
        "a pool's quantity needs a pool; name it",
    ),
    "old_excel": (
        "这是旧版 Excel（.xls）文件；请另存为 .xlsx 或 CSV",
        "this is an old Excel file (.xls); save it as .xlsx or CSV",
    ),
    "encrypted": (
        "工作簿有密码；请去掉密码再保存",
        "the workbook is protected by a password; remove it and save again",
    ),
    "not_workbook": (
        "不是有效的 .xlsx 工作簿（{reason}）；请用 Excel 或 WPS 重新保存",
        "this is no valid .xlsx workbook ({reason}); save it again from Excel or WPS",
    ),
    "unpacks_too_large": (
        "解压后超过 {limit} MB，或压缩比超过 {ratio}；为安全起见不读取，请拆成几个文件",
        "it unpacks to more than {limit} MB or {ratio} times its size and is not read, for safety; split it",
    ),
    "too_many_cells": (
        "表格超过 {limit} 格；请删去多余的行列，或改用 CSV",
        "the sheet has more than {limit} cells; remove what is not needed, or use CSV",
    ),
    "far_cell": (
        "第 {last} 列以外还有内容；请删去表格以外的单元格",
        "there are cells beyond column {last}; remove what lies outside the table",
    ),
    "unknown_column": ("不认识这一列，未使用", "this column is not known and was not used"),
    "unknown_column_near": (
        "不认识这一列，未使用；是不是“{near}”？",
        "this column is not known and was not used; is “{near}” meant?",
    ),
    "statistic_dropped": (
        "{count} 行中的 {value} 只用于统计，匹配时不考虑，已略去",
        "{value} is for statistics alone and takes no part in matching; dropped in {count} rows",
    ),
    "other_sheets": (
        "只读取了第一张工作表“{first}”，其余 {count} 张未使用",
        "only the first sheet “{first}” was read; {count} more were not used",
    ),
}


@dataclass(frozen=True)
class Fault:
    """One fault or warning.

    Attributes:
        file: the file as the user named it.
        row: the row in the file, the header being 1.
        column: the column as the file names it, or `-` for the row or file as a whole.
        kind: a key of `TEXTS`.
        values: what the text names.
    """

    file: str
    row: int
    column: str
    kind: str
    values: dict[str, str] = field(default_factory=dict)

    def text(self, language: Language) -> str:
        """What is wrong and how to mend it."""
        return TEXTS[self.kind][language == "en"].format(**self.values)

    def line(self, language: Language) -> str:
        """The fault as `file:row:column: text`."""
        return f"{self.file}:{self.row}:{_short(self.column, SHOWN)}: {self.text(language)}"


class InvalidTable(ValueError):
    """A file cannot be used. `faults` are sorted by row; `uncounted` more were found and not kept."""

    def __init__(self, faults: list[Fault], uncounted: int = 0) -> None:
        self.faults, self.uncounted = faults, uncounted
        super().__init__("\n".join(fault.line("en") for fault in faults[:20]))


class FaultLog:
    """Collects the faults and warnings of one file, at most one fault for a cell."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.warnings: list[Fault] = []
        self.uncounted = 0
        self._faults: dict[tuple[int, int, str], Fault] = {}
        self._order: dict[str, int] = {}

    def header(self, names: list[str]) -> None:
        """Tell the columns in the order of the file, to sort the faults of a row."""
        self._order = {name: place for place, name in enumerate(names)}

    def add(self, row: int, column: str, kind: str, **values: object) -> None:
        """Note a fault; a second one of the same cell is left out."""
        key = (row, self._order.get(column, -1), column)
        if key in self._faults:
            return
        if len(self._faults) >= KEPT:
            self.uncounted += 1
            return
        self._faults[key] = Fault(self.file, row, column, kind, _told(values))

    def warn(self, row: int, column: str, kind: str, **values: object) -> None:
        """Note something that does not stop the reading."""
        self.warnings.append(Fault(self.file, row, column, kind, _told(values)))

    def __bool__(self) -> bool:
        return bool(self._faults)

    def close(self) -> None:
        """Raise what was collected.

        Raises:
            InvalidTable: there is at least one fault.
        """
        if self._faults:
            raise InvalidTable([self._faults[key] for key in sorted(self._faults)], self.uncounted)


def _told(values: dict[str, object]) -> dict[str, str]:
    return {name: _short(str(value), SHOWN if name == "value" else 5 * SHOWN) for name, value in values.items()}


def _short(text: str, most: int) -> str:
    """At most so many characters of a text, on one line."""
    plain = "".join(char if char.isprintable() else "�" for char in text[:most])
    return f"{plain}…" if len(text) > most else plain
