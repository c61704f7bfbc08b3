"""Empty tables to fill in: the columns in the reader's language, and a second sheet with the codes that they take."""

from collections.abc import Iterable
from io import BytesIO

from openpyxl import Workbook
from openpyxl.styles import Font, PatternFill
from openpyxl.utils import get_column_letter

from marketplace import regions, taxonomy
from matching.tables import CAPACITY_COLUMNS, NEED_COLUMNS, Language
from matching.tables.columns import EARLIER, IGNORED, KIND_WORDS, URGENCY_WORDS

#: A member sends capacity of one organization, so no column asks for it.
BLANKS = {
    "capacity": tuple(name for name in CAPACITY_COLUMNS if name != "organization"),
    "needs": tuple(name for name in NEED_COLUMNS if name not in (IGNORED, EARLIER)),
}
REQUIRED = frozenset({"id", "category", "categories", "region", "regions", "quantity"})


def blank(kind: str, language: Language) -> bytes:
    """An empty workbook of needs or capacity; required columns are marked."""
    known = CAPACITY_COLUMNS if kind == "capacity" else NEED_COLUMNS
    names = [name if language == "en" else known[name] for name in BLANKS[kind]]
    book = Workbook()
    sheet = book.active
    if sheet is None:
        raise AssertionError("a new workbook has a sheet")
    sheet.title = "Bangnin"
    sheet.append(names)
    sheet.freeze_panes = "A2"
    for number, name in enumerate(BLANKS[kind], start=1):
        cell = sheet.cell(1, number)
        cell.font = Font(bold=True)
        if name in REQUIRED:
            cell.fill = PatternFill("solid", fgColor="FFF1C9")
        sheet.column_dimensions[get_column_letter(number)].width = max(10, 2 * len(names[number - 1]) + 2)
    codes = book.create_sheet("codes" if language == "en" else "代码表")
    for row in _codes(language):
        codes.append(row)
    codes.column_dimensions["C"].width = 36
    file = BytesIO()
    book.save(file)
    return file.getvalue()


def _codes(language: Language) -> Iterable[list[str]]:
    english = language == "en"
    locale = "en" if english else "zh_Hans_CN"
    yield ["column", "code", "name"] if english else ["列", "代码", "名称"]
    words = KIND_WORDS.items(), URGENCY_WORDS.items()
    for column, pairs in zip(("kind", "urgency") if english else ("类型", "紧急程度"), words, strict=True):
        for chinese, code in pairs:
            yield [column, code, code if english else chinese]
    for category in taxonomy.categories():
        yield ["category" if english else "类别", category.code, taxonomy.name(category.code, locale)]
    for region in regions.all_regions():
        yield ["region" if english else "地区", region.code, regions.full_name(region.code, locale)]
    for term in (*taxonomy.target_groups(), *taxonomy.assist_tiers()):
        yield ["groups" if english else "人群", term.code, term.name_en if english else term.name_zh]
    for term in taxonomy.qualifications():
        column = "requires, qualifications" if english else "资质要求、资质"
        yield [column, term.code, term.name_en if english else term.name_zh]
