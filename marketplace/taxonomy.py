"""Service categories, target groups, recognitions, units and qualifications (DOMAIN.md section 3).

Read once from `data/taxonomy.csv`, `vocab.csv`, `qualifications.csv` and `taxonomy_terms.csv`. Codes are
stable; every list carries its Chinese and its English name. Nothing here touches a database: the commands
import it at their cold start.
"""

import csv
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

DATA = Path(__file__).parent / "data"

ALL = "ALL"
"""The group code that means no limit."""

STATISTIC_ONLY = frozenset({"G-NONLOCAL"})
"""Counted in statistics; neither a rule of a project nor an input of matching."""

DEFAULT_UNIT = "次"
"""The unit of a need or capacity that names a whole category, whose leaves differ in their units."""


@dataclass(frozen=True, slots=True)
class Category:
    """A category (`level` 1, such as S02) or a leaf (`level` 2, such as S0201) of the service taxonomy.

    `kind` is category, service, goods, cash or referral; `unit` and `frequency` are empty for categories;
    `target_groups` names tiers (T-…), groups (G-…), RED or ALL as a hint for forms; `qualification` is the
    taxonomy's own text (a leaf's or its category's) and `qualifications` the codes that it speaks of.
    """

    code: str
    parent_code: str
    level: int
    slug: str
    name_zh: str
    name_en: str
    group_zh: str
    kind: str
    unit: str
    frequency: str
    target_groups: tuple[str, ...]
    provider_kinds: tuple[str, ...]
    qualification: str
    qualifications: tuple[str, ...]

    @property
    def is_leaf(self) -> bool:
        return self.level == 2


@dataclass(frozen=True, slots=True)
class Term:
    """A code of a vocabulary with its names."""

    vocabulary: str
    code: str
    name_zh: str
    name_en: str


def _rows(file_name: str) -> list[dict[str, str]]:
    with (DATA / file_name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _in_english(locale: str) -> bool:
    return locale.lower().startswith("en")


@lru_cache(maxsize=1)
def _qualification_texts() -> dict[str, tuple[str, ...]]:
    """For each qualification text of the taxonomy, the codes it speaks of."""
    found: dict[str, tuple[str, ...]] = {}
    for row in _rows("qualifications.csv"):
        for text in row["taxonomy_texts"].split():
            found[text] = (*found.get(text, ()), row["code"])
    return found


@lru_cache(maxsize=1)
def _categories() -> dict[str, Category]:
    texts = _qualification_texts()
    return {
        row["code"]: Category(
            code=row["code"],
            parent_code=row["parent_code"],
            level=int(row["level"]),
            slug=row["slug"],
            name_zh=row["name_zh"],
            name_en=row["name_en"],
            group_zh=row["group_zh"],
            kind=row["kind"],
            unit=row["unit"],
            frequency=row["frequency"],
            target_groups=tuple(row["target_groups"].split()),
            provider_kinds=tuple(row["provider_kinds"].split()),
            qualification=row["qualification"],
            qualifications=texts.get(row["qualification"], ()),
        )
        for row in _rows("taxonomy.csv")
    }


@lru_cache(maxsize=1)
def _categories_by_text() -> dict[str, Category]:
    found: dict[str, Category] = {}
    for category in _categories().values():
        for text in (category.code, category.name_zh, category.name_en):
            found[text] = category
    return found


@lru_cache(maxsize=1)
def _terms() -> dict[tuple[str, str], Term]:
    terms = [Term(row["vocabulary"], row["code"], row["name_zh"], row["name_en"]) for row in _rows("vocab.csv")]
    terms += [Term("qualification", row["code"], row["name_zh"], row["name_en"]) for row in _rows("qualifications.csv")]
    terms += [
        Term(row["vocabulary"], row["name_zh"], row["name_zh"], row["name_en"]) for row in _rows("taxonomy_terms.csv")
    ]
    return {(term.vocabulary, term.code): term for term in terms}


@lru_cache(maxsize=1)
def categories() -> tuple[Category, ...]:
    """All categories and leaves in the order of their codes: each category before its leaves."""
    return tuple(sorted(_categories().values(), key=lambda category: category.code))


@lru_cache(maxsize=1)
def parents() -> tuple[Category, ...]:
    """The 13 categories."""
    return tuple(category for category in categories() if not category.is_leaf)


@lru_cache(maxsize=16)
def leaves(parent_code: str = "") -> tuple[Category, ...]:
    """The 64 leaves, or those of one category."""
    return tuple(
        category
        for category in categories()
        if category.is_leaf and (not parent_code or category.parent_code == parent_code)
    )


def get(code: str) -> Category:
    """The category or leaf of a code.

    Raises:
        KeyError: the taxonomy has no such code.
    """
    return _categories()[code]


def exists(code: str) -> bool:
    """Whether the taxonomy has this code."""
    return code in _categories()


def find(text: str) -> Category | None:
    """The category whose code, Chinese name or English name is exactly this text, or None."""
    return _categories_by_text().get(text.strip())


def name(code: str, locale: str = "zh_Hans_CN") -> str:
    """The name of a category or leaf.

    Raises:
        KeyError: the taxonomy has no such code.
    """
    category = get(code)
    return category.name_en if _in_english(locale) else category.name_zh


def unit(code: str) -> str:
    """The unit in which a category is counted (Chinese, as stored): a leaf's own, 次 for a whole category."""
    return get(code).unit or DEFAULT_UNIT


def covers(listed: str, wanted: str) -> bool:
    """Whether a capacity that lists one code may serve a need that asks for another.

    A listed category covers its leaves; a need for a whole category is served only by that category.
    """
    if not exists(listed) or not exists(wanted):
        return False
    return listed in (wanted, get(wanted).parent_code)


@lru_cache(maxsize=32)
def vocabulary(vocabulary_name: str) -> tuple[Term, ...]:
    """The terms of a vocabulary in the order of the file.

    Names: assist_tier, target_group, statistic_flag, need_dimension, need_kind, provider_kind, triage,
    hukou_rule, qualification, unit, service_group, frequency.
    """
    return tuple(term for (owner, _), term in _terms().items() if owner == vocabulary_name)


def term_name(vocabulary_name: str, code: str, locale: str = "zh_Hans_CN") -> str:
    """The name of a code of a vocabulary, or the code itself when the vocabulary does not have it."""
    term = _terms().get((vocabulary_name, code))
    if term is None:
        return code
    return term.name_en if _in_english(locale) else term.name_zh


def assist_tiers() -> tuple[Term, ...]:
    """Recognitions (T-…): one for each person."""
    return vocabulary("assist_tier")


def target_groups() -> tuple[Term, ...]:
    """Target groups (G-…) and ALL: many for each person; statistic flags are not among them."""
    return vocabulary("target_group")


def qualifications() -> tuple[Term, ...]:
    """What a need may require of those who serve it, and what a capacity may offer."""
    return vocabulary("qualification")


NEVER_EXCLUDE = frozenset({term.code for term in assist_tiers()} | {"G-MIGCHILD"})
"""Codes that may raise the fit of a match and never refuse one.

Recognitions are mostly granted where a person's hukou is: to exclude by them would bring hukou in by the
back door.
"""

EXCLUDING_GROUPS = frozenset({term.code for term in target_groups()} - NEVER_EXCLUDE - {ALL})
"""Groups that a project may limit itself to: with any of them listed, a need must share one."""


def group_name(code: str, locale: str = "zh_Hans_CN") -> str:
    """The name of a target group, recognition or statistic flag, or the code itself when unknown."""
    for owner in ("target_group", "assist_tier", "statistic_flag", "triage"):
        if (owner, code) in _terms():
            return term_name(owner, code, locale)
    return code


def qualification_name(code: str, locale: str = "zh_Hans_CN") -> str:
    """The name of a qualification, or the code itself when unknown."""
    return term_name("qualification", code, locale)


def unit_name(unit_zh: str, locale: str = "zh_Hans_CN") -> str:
    """The name of a unit that is stored in Chinese."""
    return term_name("unit", unit_zh, locale)
