"""Faults that only the database can tell: a row is well formed and yet cannot be stored."""

from collections.abc import Mapping

from matching.tables import Fault, FaultLog, Language
from matching.tables.columns import plain

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
    "credit_code": (
        "不是有效的统一社会信用代码（18 位，末位为校验码）；请核对证照",
        "it is no valid unified social credit code (18 characters, the last checks the others); compare the licence",
    ),
    "credit_code_taken": (
        "这个统一社会信用代码已属于另一家机构（第 {other} 行或已入库）；请核对",
        "another organization has this code (row {other}, or stored already); compare the licence",
    ),
    "unknown_organization": (
        "没有编号或名称为“{value}”的机构；请先导入机构",
        "no organization has the id or name “{value}”; import the organizations first",
    ),
    "several_organizations": (
        "有几家机构名称相同；请改填机构编号",
        "several organizations have this name; write the id of the one that is meant",
    ),
    "project_organization_fixed": (
        "已有服务能力的项目不能换机构；请使用新的编号",
        "a project with capacity cannot move to another organization; give it a new id",
    ),
    "period": ("结束日期早于开始日期；请改正其中之一", "the last day is before the first; correct one of them"),
    "hukou_wording": (
        "文字以户籍限制帮扶对象：“{value}”；匹配不看户籍，请修改",
        "the text would keep people out by household registration: “{value}”; matching never looks at it, change it",
    ),
    "household_differs": (
        "与第 {first} 行同一家庭，但这一列不同；请填写一致",
        "row {first} is of the same household and says otherwise; write the same",
    ),
    "name_missing": (
        "新登记的人员必须填写姓名",
        "who is new on record needs a name; fill it in",
    ),
    "id_number": ("不是 18 位身份证号码；请核对", "it is no identity number of 18 characters; compare the papers"),
    "id_number_check": (
        "身份证号码校验位不符，已保存；请核对",
        "the check digit of the identity number does not fit; it was kept, compare the papers",
    ),
    "person_twice": (
        "另一个家庭已登记有相同身份证号码的人员；请核对",
        "somebody of another household is recorded with the same identity number; look into it",
    ),
    "person_household_fixed": (
        "已登记的人员不能换家庭；请使用新的编号",
        "somebody on record cannot move to another household; give a new id",
    ),
    "birth_future": ("出生日期在今天之后；请改正", "the day of birth lies in the future; correct it"),
    "not_own_organization": (
        "只能导入本机构的服务能力；请填写“{value}”或留空",
        "only capacity of your own organization can be brought in; write “{value}”, or leave it empty",
    ),
    "taken_elsewhere": (
        "这个编号已被别处使用；请换一个编号",
        "this id is used elsewhere; give another one",
    ),
    "pool_elsewhere": (
        "这个资源池也有其他机构使用；请换一个名称",
        "other organizations use this pool; give it another name",
    ),
    "outside_region": (
        "不在您服务的地区；请核对地区",
        "it lies outside the region that you serve; compare the region",
    ),
    "offer_of_volunteer": (
        "这是志愿者的服务意向，不能导入；请使用新的编号",
        "this is a volunteer's own offer and is not imported; give a new id",
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
    """The columns of a file: which of the known ones it has, and how it calls them.

    Args:
        file: its name in messages.
        names: the columns that it has, by their English names, as the file names them.
    """

    def __init__(self, file: str, names: Mapping[str, str]) -> None:
        self._file = file
        self.names = dict(names)

    def __contains__(self, name: str) -> bool:
        return name in self.names

    def fault(self, row: int, name: str, kind: str, **values: object) -> ImportFault:
        """A fault in a row, its column named as in the file."""
        told = {key: str(value) for key, value in values.items()}
        return ImportFault(self._file, row, self.names.get(name, name), kind, told)


#: What a masked message may still tell: it is ours, never a cell's.
_OURS = frozenset({"first", "length", "least", "most", "limit", "size", "name", "what", "choices", "found", "wanted"})
MASK = "…"


class MaskingLog(FaultLog):
    """Faults of a file with personal data: cells and unknown headings are never repeated.

    Args:
        file: its name in messages.
        known: the columns that a file may have, English name -> Chinese name.
        open_columns: those among them whose cells hold nothing personal and may be repeated.
    """

    def __init__(self, file: str, known: Mapping[str, str], open_columns: frozenset[str]) -> None:
        super().__init__(file)
        self._known = {plain(text).casefold() for pair in known.items() for text in pair}
        told = {name: {plain(name).casefold(), plain(known[name]).casefold()} for name in open_columns}
        self._open = {text for texts in told.values() for text in texts}
        self._header: list[str] = []

    def header(self, names: list[str]) -> None:
        self._header = names
        super().header(names)

    def _column(self, column: str) -> str:
        """A heading that is ours, or the place of one that is not: a file without a header begins with a person."""
        if column == "-" or column.startswith("#") or plain(column).casefold() in self._known:
            return column
        return f"#{self._header.index(column) + 1}" if column in self._header else "-"

    def _masked(self, column: str, values: dict[str, object]) -> dict[str, object]:
        if plain(column).casefold() in self._open:
            return values
        return {name: value if name in _OURS else MASK for name, value in values.items()}

    def add(self, row: int, column: str, kind: str, **values: object) -> None:
        super().add(row, self._column(column), kind, **self._masked(column, values))

    def warn(self, row: int, column: str, kind: str, **values: object) -> None:
        super().warn(row, self._column(column), kind, **self._masked(column, values))
