"""Who is told what of the household behind a need, by the step of it that is theirs (P12)."""

from marketplace.needs.models import Need
from marketplace.permissions import Actor, Permission, may_reach


def tells_people(actor: Actor, need: Need) -> bool:
    """Whether an actor is told which of the household it is for: those who work with the household."""
    return may_reach(actor, Permission.CASE_VIEW, need)


def tells_groups(actor: Actor, need: Need) -> bool:
    """Whether an actor is told the target groups, which speak of illness, disability and recognition.

    Coordinators are while they read a wish or look for help. Who checks or keeps the system does without.
    """
    searching = need.state in ("review", "open") and may_reach(actor, Permission.ALLOCATION_PROPOSE, need)
    return tells_people(actor, need) or searching
