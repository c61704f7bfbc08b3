"""Applying a service package (差异化服务套餐): every need of it added to a case in one step."""

import secrets
from dataclasses import dataclass
from datetime import timedelta

from flask_babel import lazy_gettext as _
from sqlalchemy import select

from marketplace import audit, events
from marketplace.cases.models import Case
from marketplace.cases.services import load_case
from marketplace.errors import InvalidInput, NotFound
from marketplace.extensions import db
from marketplace.needs.models import Need
from marketplace.needs.services.entries import NeedEntry, suggest
from marketplace.needs.services.posting import SIMILAR_DAYS, post
from marketplace.needs.services.review import withdraw
from marketplace.organizations import services as organizations
from marketplace.organizations.models import Package
from marketplace.permissions import Actor, Permission
from marketplace.records import today
from marketplace.transitions import transaction


@dataclass(frozen=True)
class Choice:
    """What a caseworker chooses from for a case.

    Attributes:
        suiting: packages made for a group that somebody of the household belongs to; others: the rest.
    """

    case: Case
    suiting: list[Package]
    others: list[Package]


@dataclass(frozen=True)
class Preview:
    """A package before it is applied.

    Attributes:
        urgency: what the household's colour suggests.
        similar: needs of the household in a category of the package, of the last 30 days.
    """

    case: Case
    package: Package
    urgency: str
    similar: list[Need]


def choice(actor: Actor, case_id: str) -> Choice:
    """The packages that alliances offer where a household lives.

    Raises:
        NotFound: the case is not the actor's.
    """
    case = load_case(actor, case_id, Permission.CASE_EDIT)
    groups = {code for person in case.people for code in person.groups}
    offered = organizations.packages_for(case.region)
    return Choice(
        case=case,
        suiting=[package for package in offered if package.audience in groups],
        others=[package for package in offered if package.audience not in groups],
    )


def preview(actor: Actor, case_id: str, package_id: str) -> Preview:
    """What applying a package would add.

    Raises:
        NotFound: the case is not the actor's, or no alliance offers the package there.
    """
    case = load_case(actor, case_id, Permission.CASE_EDIT)
    package = organizations.offered_package(package_id, case.region)
    return Preview(case, package, suggest(actor, case).urgency, _similar(case, package))


def apply_package(
    actor: Actor,
    case_id: str,
    package_id: str,
    *,
    urgency: str,
    positions: frozenset[int] | None = None,
    anyway: bool = False,
) -> list[Need]:
    """Add the needs of a package to a case, open, all of them or none.

    Where the package is served together, its needs share a bundle, which the matching serves whole or not at all.

    Args:
        positions: lines to add; all of them when None.
        anyway: also where the household has similar needs.
    Raises:
        InvalidInput: no line is chosen, the household has similar needs, or a need breaks a rule.
        NotFound: as in `preview`.
    """
    with transaction() as session:
        case = load_case(actor, case_id, Permission.CASE_EDIT)
        # Two who apply at the same moment: the second waits here, and sees the needs of the first.
        session.execute(select(Case.id).where(Case.id == case.id).with_for_update())
        package = organizations.offered_package(package_id, case.region)
        chosen = [item for item in package.items if positions is None or item.position in positions]
        if not chosen:
            raise InvalidInput(fields={"lines": _("Choose at least one line.")})
        if not anyway and _similar(case, package):
            raise InvalidInput(fields={"anyway": _("The household has needs like these. Look at them first.")})
        suggested = suggest(actor, case)
        # A bundle of one would say nothing.
        bundle = f"package:{secrets.token_hex(8)}" if package.together and len(chosen) > 1 else None
        made: list[Need] = []
        for item in chosen:
            entry = NeedEntry(
                kind=item.kind,
                category=item.category,
                title=item.title,
                region=case.region,
                quantity=item.quantity,
                urgency=urgency,
                groups=suggested.groups,
                requires=tuple(item.requires),
                deadline=today() + timedelta(days=item.within_days) if item.within_days else None,
            )
            need = post(actor, entry, case_id, send=True, anyway=True)
            need.bundle = bundle
            made.append(need)
        session.flush()
        audit.record(actor, "case:package_applied", case, changed=["needs"], after=package.public_id)
        events.changed.send("need", ids=[need.id for need in made])
        return made


def take_back(actor: Actor, case_id: str, need_ids: list[str]) -> int:
    """Undo of `apply_package`: withdraw needs that it added, all of them or none; gives how many there were.

    Raises:
        InvalidInput: no needs are given.
        NotFound: the case is not the actor's, or one of the needs is none of it.
        StateConflict: help for one of them is on its way.
    """
    with transaction() as session:
        case = load_case(actor, case_id, Permission.CASE_EDIT)
        of_case = select(Need.public_id).where(Need.case_id == case.id, Need.public_id.in_(need_ids))
        found = list(session.scalars(of_case.order_by(Need.id)))  # locked one by one, in the order of all who do
        if not need_ids:
            raise InvalidInput(_("Say which needs to take back."))
        if len(found) != len(set(need_ids)):
            raise NotFound
        for public_id in found:
            withdraw(actor, public_id, "mistake")
    return len(found)


def _similar(case: Case, package: Package) -> list[Need]:
    query = select(Need).where(
        Need.case_id == case.id,
        Need.category.in_([item.category for item in package.items]),
        Need.posted_on >= today() - timedelta(days=SIMILAR_DAYS),
        Need.closing.is_distinct_from("withdrawn"),
    )
    return list(db.session.scalars(query.order_by(Need.posted_on.desc(), Need.id.desc()).limit(10)))
