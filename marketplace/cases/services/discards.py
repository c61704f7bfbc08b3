"""Cases opened by mistake and people recorded by mistake: put away, and taken back where that was the mistake."""

from typing import Any

from flask_babel import lazy_gettext as _
from flask_sqlalchemy.pagination import Pagination
from sqlalchemy import select

from marketplace import audit, events
from marketplace.cases.models import Case, Person
from marketplace.cases.services.households import PER_PAGE, load_case, load_person, readable_cases
from marketplace.errors import NotFound, StateConflict
from marketplace.extensions import db
from marketplace.permissions import Actor, Permission
from marketplace.records import now, today
from marketplace.transitions import transaction

NOT_AWAY = _("It was not put away, so there is nothing to take back.")
_SHOWN = 5
#: Statements with this see what was put away.
WITH_DISCARDED = {"with_discarded": True}


def discard_case(actor: Actor, public_id: str) -> Case:
    """Put a case away that was opened by mistake.

    Raises:
        StateConflict: it has needs; the message names them.
    """
    with transaction():
        case = load_case(actor, public_id, Permission.CASE_EDIT)
        if case.needs:
            raise StateConflict(_("This case has needs: %(needs)s. A case with needs stays.", needs=_named(case.needs)))
        _put_away(actor, case)
    return case


def restore_case(actor: Actor, public_id: str) -> Case:
    """Take a case back that was put away.

    Raises:
        NotFound: no such case in the actor's region.
        StateConflict: it was not put away.
    """
    with transaction():
        query = readable_cases(actor, Permission.CASE_EDIT).where(Case.public_id == public_id)
        case: Case | None = db.session.scalar(query.execution_options(**WITH_DISCARDED))
        if case is None:
            raise NotFound
        if case.discarded_at is None:
            raise StateConflict(NOT_AWAY)
        _take_back(actor, case)
    return case


def discarded_cases(actor: Actor, page: int) -> Pagination:
    """Cases that were put away, the last first."""
    query = readable_cases(actor, Permission.CASE_EDIT).where(Case.discarded_at.is_not(None))
    query = query.order_by(Case.discarded_at.desc(), Case.id).execution_options(**WITH_DISCARDED)
    return db.paginate(query, page=page, per_page=PER_PAGE, error_out=False)


def discard_person(actor: Actor, case_id: str, person_id: str) -> Person:
    """Put somebody's record away.

    Raises:
        StateConflict: needs that are not closed, or living consents, are about this person.
    """
    with transaction():
        case, person = load_person(actor, case_id, person_id, Permission.CASE_EDIT)
        waiting = [need for need in case.needs if need.person_id == person.id and need.state != "closed"]
        if waiting:
            raise StateConflict(
                _(
                    "Needs are about this person: %(needs)s. Close them, or choose another person.",
                    needs=_named(waiting),
                )
            )
        if any(consent.person_id == person.id and consent.lives(today()) for consent in case.consents):
            raise StateConflict(_("A consent in force is about this person. Withdraw it first."))
        _put_away(actor, person)
        db.session.expire(case, ["people"])
    return person


def restore_person(actor: Actor, case_id: str, person_id: str) -> Person:
    """Take somebody's record back.

    Raises:
        NotFound: nobody of this case.
        StateConflict: the record was not put away.
    """
    with transaction():
        case = load_case(actor, case_id, Permission.CASE_EDIT)
        if any(person.public_id == person_id for person in case.people):
            raise StateConflict(NOT_AWAY)
        person = next((one for one in discarded_people(case) if one.public_id == person_id), None)
        if person is None:
            raise NotFound
        _take_back(actor, person)
        db.session.expire(case, ["people"])
    return person


def discarded_people(case: Case) -> list[Person]:
    """People of a case whose record was put away."""
    query = select(Person).where(Person.case_id == case.id, Person.discarded_at.is_not(None)).order_by(Person.id)
    return list(db.session.scalars(query.execution_options(**WITH_DISCARDED)))


def _put_away(actor: Actor, row: Any) -> None:
    row.discarded_at = now()
    db.session.flush()  # the audit event is written after the change it tells of
    audit.record(actor, f"{row.__tablename__}:discarded", row, changed=["discarded_at"])
    events.changed.send(row.__tablename__, ids=[row.id])


def _take_back(actor: Actor, row: Any) -> None:
    row.discarded_at = None
    db.session.flush()  # as above
    audit.record(actor, f"{row.__tablename__}:restored", row, changed=["discarded_at"])
    events.changed.send(row.__tablename__, ids=[row.id])


def _named(needs: list[Any]) -> str:
    """References of the first needs, as people name them."""
    shown = ", ".join(need.reference for need in needs[:_SHOWN])
    return shown + ("…" if len(needs) > _SHOWN else "")
