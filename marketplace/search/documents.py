"""From records to what the index holds of them. Nothing personal: no names, details, groups of people or notes."""

from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from typing import Any

from sqlalchemy import Select, select

from marketplace import regions, taxonomy
from marketplace.cases.models import Case
from marketplace.extensions import db
from marketplace.needs import services as needs
from marketplace.needs.models import Need
from marketplace.organizations.models import Alliance, AllianceMember, Organization
from marketplace.projects.models import Capacity, Project
from marketplace.search.index import Document
from marketplace.search.words import index_words, index_words_of_name

KINDS = ("wish", "need", "project", "organization")
CHUNK = 5000
#: How often a title counts: what is called a wheelchair comes before what belongs to wheelchairs and other aids.
TITLE_WEIGHT = 3
_KIND_WORDS = {
    "micro_wish": "微心愿 micro-wish",
    "goods": "物资 goods",
    "service": "服务 service",
    "employment": "就业 employment job",
    "grant": "资金 grant money",
}
_ORGANIZATION_WORDS = {
    "charity": "慈善组织 charity",
    "foundation": "基金会 foundation",
    "social_work": "社工机构 social work",
    "law_firm": "律师事务所 律所 law firm",
    "hospital": "医院 hospital",
    "merchant": "商户 merchant shop",
    "enterprise": "企业 enterprise company",
    "volunteer_team": "志愿队 volunteer team",
    "government": "政府部门 government",
}
Touched = dict[str, set[int]]


def touched_by(record_type: str, ids: Iterable[int]) -> Touched:
    """Which entries of the index a change of these records may alter: kind -> keys of records."""
    wanted = set(ids)
    everything: Select[Any] = select(Organization.id)
    if record_type == "need":
        return {"wish": wanted, "need": wanted}
    if record_type == "case":
        needs = _keys(lambda chunk: select(Need.id).where(Need.case_id.in_(chunk)), wanted)
        return {"wish": needs, "need": needs}
    if record_type == "project":
        return {"project": wanted}
    if record_type == "capacity":
        return {"project": _keys(lambda chunk: select(Capacity.project_id).where(Capacity.id.in_(chunk)), wanted)}
    if record_type == "organization":
        projects = _keys(lambda chunk: select(Project.id).where(Project.organization_id.in_(chunk)), wanted)
        return {"organization": wanted, "project": projects}
    if record_type in ("alliance", "alliance_member"):
        # Who left an alliance is no longer among its members, so all are looked at.
        return {"organization": set(db.session.scalars(everything))}
    return {}


def _keys(query: Callable[[list[int]], Select[Any]], ids: set[int]) -> set[int]:
    return {key for chunk in chunks(sorted(ids)) for key in db.session.scalars(query(chunk))}


def chunks(ids: list[int], size: int = CHUNK) -> Iterator[list[int]]:
    """Pieces small enough for one statement."""
    for begin in range(0, len(ids), size):
        yield ids[begin : begin + size]


def documents(kind: str, ids: Iterable[int] | None = None) -> Iterator[Document]:
    """Entries of a kind for these records, or for all; a record that must not be found gives none."""
    if ids is None:
        yield from _MAKERS[kind](None)
        return
    for chunk in chunks(sorted(set(ids))):
        yield from _MAKERS[kind](chunk)


def _needs(kind: str, ids: list[int] | None) -> Iterator[Document]:
    query = select(Need.id, Need.public_id, Need.reference, Need.title, Need.kind, Need.category, Need.region)
    crowd = None
    if kind == "wish":
        query, crowd = query.where(Need.public_rows()).add_columns(Need.age_band, Need.groups), needs.current_crowd()
    else:
        # Rules R05 and R07: no list and no search shows them, not even to staff.
        query = query.where(~Need.case_id.in_(select(Case.id).where(Case.restricted)) | Need.case_id.is_(None))
    if ids is not None:
        query = query.where(Need.id.in_(ids))
    for row in db.session.execute(query.execution_options(yield_per=2000)):
        words = index_words(row.title) * TITLE_WEIGHT
        words += [*index_words(row.reference), *index_words_of_name(_KIND_WORDS[row.kind])]
        words += category_words(row.category)
        shown = crowd.shown_region(row.region, row.age_band, row.groups, row.category) if crowd else row.region
        if shown == row.region:
            words += [*region_words(shown), *region_marks(shown)]
        else:  # its card names no county (P6), so it is found by each county of the prefecture
            words += [*served_words(shown), *served_marks(shown)]
        yield Document(kind, row.id, row.public_id, tuple(words))


def _projects(ids: list[int] | None) -> Iterator[Document]:
    query = select(Project.id, Project.public_id, Project.title, Project.summary, Project.region, Organization.name)
    query = query.add_columns(Organization.name_en).join(Organization)
    offers = select(Capacity).where(Capacity.active, Capacity.project_id.is_not(None))
    if ids is not None:
        query, offers = query.where(Project.id.in_(ids)), offers.where(Capacity.project_id.in_(ids))
    offered: dict[int, list[str]] = {}
    for capacity in db.session.scalars(offers):
        offered.setdefault(capacity.project_id or 0, []).extend(_capacity_words(capacity))
    for row in db.session.execute(query):
        words = index_words(row.title) * TITLE_WEIGHT + index_words(f"{row.summary} {row.name} {row.name_en or ''}")
        words += [*region_words(row.region), *region_marks(row.region)]
        yield Document("project", row.id, row.public_id, (*words, *offered.get(row.id, ())))


def _capacity_words(capacity: Capacity) -> list[str]:
    words = index_words(capacity.title)
    for code in capacity.categories:
        words += category_words(code)
    for code in capacity.regions:
        words += served_words(code)
    for code in capacity.groups:
        words += index_words_of_name(f"{taxonomy.group_name(code)} {taxonomy.group_name(code, 'en')}")
    for code in capacity.qualifications:
        words += index_words_of_name(f"{taxonomy.qualification_name(code)} {taxonomy.qualification_name(code, 'en')}")
    return words


def _organizations(ids: list[int] | None) -> Iterator[Document]:
    query = select(Organization)
    allied = select(AllianceMember.organization_id, Alliance.name, Alliance.name_en)
    allied = allied.join(Alliance).where(AllianceMember.left_on.is_(None))
    if ids is not None:
        query = query.where(Organization.id.in_(ids))
        allied = allied.where(AllianceMember.organization_id.in_(ids))
    alliances: dict[int, list[str]] = {}
    for row in db.session.execute(allied):
        alliances.setdefault(row.organization_id, []).extend(index_words_of_name(f"{row.name} {row.name_en or ''}"))
    for organization in db.session.scalars(query):
        words = index_words(f"{organization.name} {organization.name_en or ''}") * TITLE_WEIGHT
        words += index_words(organization.summary)
        words += index_words_of_name(_ORGANIZATION_WORDS[organization.kind])
        words += [*region_words(organization.region), *region_marks(organization.region)]
        words += alliances.get(organization.id, [])
        yield Document("organization", organization.id, organization.public_id, tuple(words))


@lru_cache(maxsize=128)
def category_words(code: str) -> tuple[str, ...]:
    """A category by its code and by its own and its parent's names, Chinese and English."""
    if not taxonomy.exists(code):
        return tuple(index_words(code))
    category = taxonomy.get(code)
    names = [code, category.name_zh, category.name_en, category.group_zh]
    if category.parent_code:
        parent = taxonomy.get(category.parent_code)
        names += [parent.name_zh, parent.name_en]
    return tuple(index_words(" ".join(names)))


@lru_cache(maxsize=64)
def region_words(code: str) -> tuple[str, ...]:
    """A region by its names and by those of every region above it."""
    if not regions.exists(code):
        return tuple(index_words(code))
    chain = [*regions.ancestors(code), regions.get(code)]
    return tuple(index_words(" ".join(f"{region.name_zh} {region.name_en}" for region in chain)))


@lru_cache(maxsize=64)
def region_marks(code: str) -> tuple[str, ...]:
    """Words that no text has, by which a search keeps to the records of a region and of all below it."""
    above = regions.ancestors(code) if regions.exists(code) else ()
    return (region_mark(code), *(region_mark(region.code) for region in above))


@lru_cache(maxsize=64)
def served_marks(code: str) -> tuple[str, ...]:
    """The marks of a region and of all below it."""
    below = regions.subtree(code) if regions.exists(code) else ()
    return (*region_marks(code), *(region_mark(region.code) for region in below if region.code != code))


def region_mark(code: str) -> str:
    """The word for one region; the punctuation keeps it out of every cut text."""
    return f"region:{code}"


@lru_cache(maxsize=64)
def served_words(code: str) -> tuple[str, ...]:
    """A region that is served, with all below it: help for a whole prefecture is help in each of its counties."""
    below = [region for region in regions.subtree(code) if region.code != code] if regions.exists(code) else []
    names = " ".join(f"{region.name_zh} {region.name_en}" for region in below)
    return (*region_words(code), *index_words(names))


_MAKERS: dict[str, Callable[[list[int] | None], Iterator[Document]]] = {
    "wish": lambda ids: _needs("wish", ids),
    "need": lambda ids: _needs("need", ids),
    "project": _projects,
    "organization": _organizations,
}
