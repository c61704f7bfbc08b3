"""Differentiated service packages (差异化服务套餐) of alliances: templates of needs for those in like hardship."""

from dataclasses import dataclass

from flask_babel import lazy_gettext as _
from sqlalchemy import select
from sqlalchemy.orm import joinedload

from marketplace import audit, regions, taxonomy
from marketplace.errors import InvalidInput, NotFound, StateConflict
from marketplace.extensions import db
from marketplace.organizations.models import ITEM_KINDS, Alliance, Package, PackageItem
from marketplace.organizations.services.alliance_work import load_managed
from marketplace.permissions import Actor, Permission, scoped
from marketplace.reasons import quoted
from marketplace.screening import screen
from marketplace.transitions import transaction

MOST_ITEMS = 20
MOST_UNITS = 1000


@dataclass(frozen=True)
class Item:
    """One need of a package as a form gives it."""

    kind: str
    category: str
    title: str
    quantity: int
    requires: tuple[str, ...] = ()
    within_days: int | None = None


@dataclass(frozen=True)
class PackageEntry:
    """A package as a form gives it.

    Attributes:
        audience: code of the target group it is made for.
        together: whether all of it is served, or nothing; else in parts.
    """

    name: str
    audience: str
    items: tuple[Item, ...]
    name_en: str = ""
    summary: str = ""
    together: bool = True


def audiences() -> list[str]:
    """Target groups that a package may be made for: never one by recognition or origin."""
    left_out = {taxonomy.ALL, "G-MIGCHILD"} | taxonomy.STATISTIC_ONLY
    return [term.code for term in taxonomy.target_groups() if term.code not in left_out]


def packages_of(alliance: Alliance, *, offered_only: bool = True) -> list[Package]:
    """An alliance's packages, by name."""
    query = select(Package).where(Package.alliance_id == alliance.id)
    if offered_only:
        query = query.where(Package.offered.is_(True))
    return list(db.session.scalars(query.order_by(Package.offered.desc(), Package.name, Package.id)))


def packages_for(region: str) -> list[Package]:
    """Packages that alliances working in or around a region offer, by the alliance's and their own name."""
    query = (
        select(Package)
        .join(Package.alliance)
        .where(Package.offered.is_(True), Alliance.region.in_(_around(region)))
        .options(joinedload(Package.alliance))
        .order_by(Alliance.name, Package.name, Package.id)
    )
    return list(db.session.scalars(query))


def _around(region: str) -> list[str]:
    """The region and all above it."""
    return [region, *(upper.code for upper in regions.ancestors(region))]


def offered_package(public_id: str, region: str) -> Package:
    """A package that may be applied to a household of a region.

    Raises:
        NotFound: there is none, it is no longer offered, or its alliance works elsewhere.
    """
    query = (
        select(Package)
        .join(Package.alliance)
        .where(Package.public_id == public_id, Package.offered.is_(True), Alliance.region.in_(_around(region)))
        .options(joinedload(Package.alliance))
    )
    package = db.session.scalar(query)
    if package is None:
        raise NotFound
    return package


def load_package(actor: Actor, public_id: str, *, lock: bool = False) -> Package:
    """A package of an alliance that the actor runs.

    Raises:
        NotFound: there is none, or it is not the actor's.
    """
    managed = scoped(Alliance, actor, Permission.ALLIANCE_MANAGE).with_only_columns(Alliance.id)
    query = select(Package).where(Package.public_id == public_id, Package.alliance_id.in_(managed))
    package = db.session.scalar(query.with_for_update(key_share=True) if lock else query)
    if package is None:
        raise NotFound
    return package


def create_package(actor: Actor, slug: str, entry: PackageEntry) -> Package:
    """A new package of an alliance.

    Raises:
        InvalidInput: a value breaks a rule; names the field.
        NotFound: the alliance is not the actor's to run.
    """
    _check(entry)
    with transaction() as session:
        alliance = load_managed(actor, slug, lock=True)
        package = Package(alliance_id=alliance.id)
        _write(package, entry)
        session.add(package)
        session.flush()
        audit.record(actor, "alliance:package_created", alliance, changed=["packages"], after=package.public_id)
        return package


def edit_package(actor: Actor, public_id: str, version: int, entry: PackageEntry) -> Package:
    """Change a package; needs that were made of it before stay as they are.

    Raises:
        InvalidInput: a value breaks a rule.
        StateConflict: somebody changed it after the form was opened.
    """
    _check(entry)
    with transaction() as session:
        package = load_package(actor, public_id, lock=True)
        if package.version != version:
            raise StateConflict
        package.items.clear()
        session.flush()
        _write(package, entry)
        package.version += 1
        session.flush()
        audit.record(actor, "alliance:package_edited", package.alliance, changed=["packages"], after=package.public_id)
        return package


def offer_package(actor: Actor, public_id: str, *, offered: bool) -> Package:
    """Offer a package, or stop doing so; one that is no longer offered is kept for its history."""
    with transaction() as session:
        package = load_package(actor, public_id, lock=True)
        package.offered = offered
        package.version += 1
        session.flush()
        action = "alliance:package_offered" if offered else "alliance:package_withdrawn"
        audit.record(actor, action, package.alliance, changed=["packages"], after=package.public_id)
        return package


def _write(package: Package, entry: PackageEntry) -> None:
    package.name, package.name_en = entry.name.strip(), entry.name_en.strip() or None
    package.audience, package.summary, package.together = entry.audience, entry.summary.strip(), entry.together
    package.items = [
        PackageItem(
            position=position,
            kind=item.kind,
            category=item.category,
            title=item.title.strip(),
            quantity=item.quantity,
            requires=sorted(item.requires),
            within_days=item.within_days,
        )
        for position, item in enumerate(entry.items, start=1)
    ]


def _check(entry: PackageEntry) -> None:
    faults = {}
    if not entry.name.strip():
        faults["name"] = _("Give the package a name.")
    if entry.audience not in audiences():
        faults["audience"] = _("Choose a group of the list.")
    if not entry.items:
        faults["items"] = _("Add at least one kind of help.")
    elif len(entry.items) > MOST_ITEMS:
        faults["items"] = _("A package has at most %(count)s kinds of help.", count=MOST_ITEMS)
    else:
        fault = next((fault for item in entry.items if (fault := _item_fault(item))), None)
        if fault:
            faults["items"] = fault
    if faults:
        raise InvalidInput(fields=faults)


def _item_fault(item: Item) -> object:
    """What is wrong with a line, in words; None when nothing is."""
    known = {term.code for term in taxonomy.qualifications()}
    if item.kind not in ITEM_KINDS or not taxonomy.exists(item.category) or not set(item.requires) <= known:
        return _("Choose kind, category and qualifications of the lists.")
    if not item.title.strip():
        return _("Say in a few words what is needed, on every line.")
    if found := screen(item.title):
        return _("Others read this text. Take out: %(parts)s.", parts=quoted(found))
    if not 1 <= item.quantity <= MOST_UNITS:
        return _("Enter a whole number from 1 to %(most)s on every line.", most=MOST_UNITS)
    if item.within_days is not None and not 1 <= item.within_days <= 366:
        return _("Enter 1 to 366 days, or leave the days empty.")
    return None


def ensure_package(actor: Actor, alliance: Alliance, entry: PackageEntry) -> Package:
    """The package of this name, made when there is none; for the demonstration, inside the caller's transaction."""
    with transaction() as session:
        query = select(Package).where(Package.alliance_id == alliance.id, Package.name == entry.name)
        found = session.scalar(query)
        if found is not None:
            return found
        _check(entry)
        package = Package(alliance_id=alliance.id)
        _write(package, entry)
        session.add(package)
        session.flush()
        audit.record(actor, "alliance:package_created", alliance, changed=["packages"], after=package.public_id)
        return package
