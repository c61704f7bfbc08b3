"""Triage by hand: a person decides the colour and says by which rule (DOMAIN.md 5.1); hukou is no rule."""

from flask_babel import lazy_gettext as _

from marketplace import audit, events
from marketplace.cases.models import COLOURS, Case
from marketplace.cases.services.households import load_case
from marketplace.cases.services.team import take_free_lead
from marketplace.errors import InvalidInput
from marketplace.permissions import Actor, Permission
from marketplace.transitions import transaction

#: Rules by which a colour is given. Coded, so that a reason in the trail never tells a person's story.
TRIAGE_RULES = {
    "R01": _("R01 Life, food, shelter or heating not secured within 72 hours"),
    "R02": _("R02 Major illness with heavy spending"),
    "R03": _("R03 Disabled older person, alone or without an able carer"),
    "R04": _("R04 Severe disability without an able carer"),
    "R05": _("R05 Minor without an effective guardian, or a sign of harm"),
    "R06": _("R06 The breadwinner lost in the last 90 days"),
    "R07": _("R07 Risk of self-harm or violence"),
    "R08": _("R08 Aid needed exceeds the standard of Article 24"),
    "R09": _("R09 Several grave dimensions"),
    "Y01": _("Y01 One dimension marked"),
    "Y02": _("Y02 Several light dimensions"),
    "Y03": _("Y03 An open need or application"),
    "Y04": _("Y04 A policy open to the household was not applied for"),
    "Y05": _("Y05 An application is stuck or was refused"),
    "Y06": _("Y06 Aid ended in the last 6 months"),
    "B01": _("B01 In the low-income library"),
    "B02": _("B02 Left aid less than 24 months ago"),
    "B03": _("B03 A monitoring alert in the last 12 months"),
    "B04": _("B04 Case closed less than 6 months ago"),
    "OVERRIDE": _("Decided after a visit, against the rules"),
}
#: Cases under these appear in no public list and no ordinary run.
RESTRICTING = ("R05", "R07")
#: Why somebody looks at personal data.
REVEAL_REASONS = {
    "visit": _("To visit or call the household"),
    "delivery": _("To arrange a delivery"),
    "identity": _("To check identity"),
    "application": _("To help with an application"),
    "correction": _("To correct the record"),
    "request": _("The person asked to see their data"),
}


def rate(actor: Actor, public_id: str, colour: str, rule: str) -> Case:
    """Give a household its colour.

    R05 and R07 restrict the case with it. A need's urgency, once set, stays as it is.

    Raises:
        InvalidInput: an unknown colour or rule, or a rule of another colour.
    """
    if colour not in COLOURS:
        raise InvalidInput(fields={"colour": _("Choose a colour.")})
    if rule not in TRIAGE_RULES:
        raise InvalidInput(fields={"rule": _("Choose the rule that decides the colour.")})
    if rule != "OVERRIDE" and colour[0] != rule[0]:
        raise InvalidInput(fields={"rule": _("This rule gives another colour. Choose a rule of the colour.")})
    with transaction() as session:
        case = load_case(actor, public_id, Permission.CASE_TRIAGE)
        before = case.colour
        case.colour = colour
        session.flush()  # the audit event is written after the change it tells of
        audit.record(actor, "case:rated", case, changed=["colour"], before=before, after=colour, reason=rule)
        events.changed.send("case", ids=[case.id])
        if rule in RESTRICTING and not case.restricted:
            _set_restricted(actor, case, True, rule)
    return case


def restrict(actor: Actor, public_id: str, restricted: bool, rule: str) -> Case:
    """Hide a household from every public list and ordinary run, or end that.

    Raises:
        InvalidInput: no rule that restricts.
    """
    with transaction():
        case = load_case(actor, public_id, Permission.CASE_TRIAGE)
        if restricted and rule not in RESTRICTING:
            raise InvalidInput(fields={"rule": _("Choose R05 or R07.")})
        if case.restricted != restricted:
            _set_restricted(actor, case, restricted, rule if restricted else "ended")
    return case


def _set_restricted(actor: Actor, case: Case, restricted: bool, rule: str) -> None:
    with transaction() as session:
        case.restricted = restricted
        if restricted:
            take_free_lead(actor, case)
        session.flush()  # as above
        action = "case:restricted" if restricted else "case:unrestricted"
        audit.record(actor, action, case, changed=["restricted"], reason=rule)
        events.changed.send("case", ids=[case.id])
        events.happened.send(action, row=case, actor=actor)
