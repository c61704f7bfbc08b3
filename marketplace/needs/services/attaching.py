"""A need that was posted on its own finds its household, and with it the consent it waits for."""

from flask_babel import lazy_gettext as _
from sqlalchemy import func

from marketplace import audit, events
from marketplace.cases.models import Case
from marketplace.cases.services import readable_cases
from marketplace.errors import InvalidInput, StateConflict
from marketplace.needs.models import Need
from marketplace.needs.services.consents import copy_consents
from marketplace.needs.services.lists import load_need
from marketplace.needs.services.marks import findings
from marketplace.permissions import Actor, Permission
from marketplace.transitions import transaction

_UNKNOWN = _("You keep no case of this number. Look it up on the list of cases.")
_TELLING = _("The text could tell who of this household it is for. Withdraw the need, and post it from the case.")


def may_attach(need: Need) -> bool:
    """Whether a need stands alone and has no consent of its own, as one from a file may have."""
    consents = (need.share_consent_on, need.publish_consent_on)
    return need.case_id is None and need.state != "closed" and consents == (None, None)


def attach(actor: Actor, public_id: str, number: str) -> Need:
    """Add a need to the case of its household; from then on it carries that household's consents.

    Raises:
        InvalidInput: no such case that the actor keeps, or the text could tell who of its people it is about.
        StateConflict: it has a case or a consent of its own, or it is closed.
    """
    with transaction() as session:
        need = load_need(actor, public_id, Permission.NEED_POST, to_change=True)
        if not may_attach(need):
            raise StateConflict(_("Only a need that has no case yet can be added to one."))
        wanted = func.lower(Case.number) == number.strip().lower()
        case: Case | None = session.scalar(readable_cases(actor, Permission.CASE_EDIT).where(wanted))
        if case is None:
            raise InvalidInput(fields={"number": _UNKNOWN})
        if need.state != "draft" and findings(need.title, case):  # a draft is looked at when it is posted
            raise InvalidInput(fields={"number": _TELLING})
        need.case_id = case.id
        copy_consents(need)
        session.flush()  # the audit event is written after the change it tells of
        audit.record(actor, "need:attached", need, changed=["case_id"])
        events.changed.send("need", ids=[need.id])
        session.expire(need, ["case"])
    return need
