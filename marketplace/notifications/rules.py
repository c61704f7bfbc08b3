"""Which happenings are told, to whom, in which words: one table.

A rule's readers are found inside the transaction of what happened, so a rollback tells nobody. The words name
records by reference, title or organization: no personal data is in a notice.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from flask_babel import lazy_gettext as _

from marketplace.notifications import readers

TOPIC_NAMES: dict[str, Any] = {
    "proposals": _("Proposals of matching"),
    "deliveries": _("Acceptance and delivery of help for needs I posted"),
    "claims": _("My claims"),
    "reviews": _("What waits for my decision"),
    "needs": _("What became of needs I posted"),
    "runs": _("Matching runs I started"),
    "organization": _("My organization and its projects"),
    "capacity": _("Capacity that must be confirmed"),
}
#: E-mail where a user chose nothing: at once for what waits for an answer, once a day for the rest.
USUAL_MAIL = {
    "proposals": "at_once",
    "deliveries": "daily",
    "claims": "at_once",
    "reviews": "daily",
    "needs": "daily",
    "runs": "never",
    "organization": "at_once",
    "capacity": "at_once",
}


@dataclass(frozen=True)
class Rule:
    """How one happening is told.

    Attributes:
        topic: what a reader may switch off.
        text: with %(about)s, and %(count)s where notices are gathered.
        told: user ids, from the record.
        about: name of the record in the text; `readers.name_of` by default.
        link: record that the notice opens; the record itself by default.
    """

    topic: str
    text: Any
    told: Callable[[Any], Iterable[int]]
    about: Callable[[Any], str] = readers.name_of
    link: Callable[[Any], Any] = lambda row: row


RULES: dict[str, Rule] = {
    # suppliers
    "allocation:proposed": Rule("proposals", _("A need was proposed to you: %(about)s."), readers.suppliers),
    "allocation:agreed": Rule(
        "proposals", _("A coordinator accepted %(about)s in your name, as you agreed."), readers.suppliers
    ),
    "allocation:free-again": Rule(
        "proposals", _("%(about)s, which was proposed to you, is free again."), readers.suppliers
    ),
    "allocation:confirmed": Rule("proposals", _("Help for %(about)s was confirmed. Thank you."), readers.suppliers),
    "allocation:disputed": Rule(
        "proposals", _("The caseworker does not find %(about)s delivered. Please look at it."), readers.suppliers
    ),
    "allocation:reopened": Rule(
        "proposals", _("The help for %(about)s did not solve the need; it is open again."), readers.suppliers
    ),
    "claim:due-soon": Rule(
        "claims", _("Your hold on %(about)s ends soon. Deliver it, or give it back."), readers.suppliers
    ),
    "claim:guest-due-soon": Rule(
        "deliveries",
        _("The claim of %(about)s with a printed card ends soon. Call whoever claimed it."),
        readers.confirmers,
    ),
    "allocation:expired": Rule("claims", _("The time to answer or deliver %(about)s is over."), readers.suppliers),
    "claim:thanked": Rule("claims", _("You were thanked for %(about)s."), readers.suppliers),
    # those who posted the need
    "allocation:accepted": Rule("deliveries", _("A supplier accepted %(about)s."), readers.author_and_who_asked),
    "allocation:claimed": Rule("deliveries", _("A volunteer claimed %(about)s."), readers.author),
    "allocation:delivered": Rule(
        "deliveries", _("%(about)s was delivered. Please confirm or dispute it."), readers.confirmers
    ),
    "allocation:released": Rule("deliveries", _("A supplier gave %(about)s back; it is open again."), readers.author),
    "allocation:link_failed": Rule(
        "reviews",
        _("The e-mail with the link for %(about)s did not arrive. Make a new link, and look at the address."),
        readers.who_asked,
    ),
    "allocation:declined": Rule("deliveries", _("A supplier declined %(about)s."), readers.author_and_who_asked),
    "allocation:handed_over": Rule(
        "deliveries", _("%(about)s was handed over to another supplier."), readers.author_and_supplier_before
    ),
    "need:approved": Rule("needs", _("Wish %(about)s was approved and is public."), readers.author),
    "need:draft": Rule("needs", _("Wish %(about)s was sent back. Read why, and mend it."), readers.author),
    "need:expired": Rule("needs", _("Need %(about)s passed its last day unserved."), readers.author),
    "need:fulfilled": Rule("needs", _("Need %(about)s is fulfilled."), readers.author),
    # those who decide
    "need:review": Rule("reviews", _("Wish %(about)s waits for a second person's review."), readers.reviewers),
    "organization:created": Rule("reviews", _("%(about)s registered and waits for verification."), readers.officers),
    "organization:registered": Rule("reviews", _("%(about)s asks again to be verified."), readers.officers),
    "project:submitted": Rule("reviews", _("Project %(about)s waits to be opened."), readers.officers),
    "project:excluding": Rule(
        "reviews",
        _("Project %(about)s now has wording that would keep people out by household registration."),
        readers.officers,
    ),
    "organization:suspended": Rule(
        "reviews", _("%(about)s was suspended: its running help must be handed over."), readers.coordinators
    ),
    "allocation:moved": Rule(
        "deliveries",
        _("%(about)s went along with its household to another county; the help stays agreed."),
        readers.those_of_moved_help,
    ),
    "allocation:moved_away": Rule(
        "reviews", _("%(about)s left the county with its household; the help goes on there."), readers.staff_before
    ),
    "allocation:handover": Rule(
        "reviews", _("The supplier of %(about)s is gone: hand the help over to another."), readers.who_hands_over
    ),
    "match_run:done": Rule("runs", _("The matching run of %(about)s is done."), readers.starter),
    "match_run:failed": Rule("runs", _("The matching run of %(about)s failed."), readers.starter),
    "match_run:case_done": Rule(
        "runs", _("The restricted run that you started in %(about)s is done."), readers.starter_on_team
    ),
    "match_run:case_failed": Rule(
        "runs", _("The restricted run that you started in %(about)s failed."), readers.starter_on_team
    ),
    "backtest:done": Rule("runs", _("The backtest of foresight for %(about)s is done."), readers.starter),
    "backtest:failed": Rule("runs", _("The backtest of foresight for %(about)s failed."), readers.starter),
    "backtest:reviewed": Rule(
        "reviews", _("Foresight is on in %(about)s: see what the last 90 days would have been."), readers.coordinators
    ),
    # members of an organization
    "organization:verified": Rule("organization", _("%(about)s was verified."), readers.members),
    "organization:refused": Rule("organization", _("%(about)s was refused. Read why, and mend it."), readers.members),
    "organization:stopped": Rule(
        "organization", _("%(about)s was suspended. Read why; its running help is handed over."), readers.members
    ),
    "organization:reinstated": Rule("organization", _("%(about)s may work again."), readers.members),
    "project:open": Rule("organization", _("Project %(about)s is open."), readers.members),
    "project:sent_back": Rule(
        "organization", _("Project %(about)s was sent back. Read why, and mend it."), readers.members
    ),
    "capacity:stale": Rule(
        "capacity",
        _("Does %(about)s still hold? Confirm it, or it is left out of matching."),
        readers.members,
        link=lambda row: row.project or row,
    ),
    # volunteers' own offers
    "capacity:review": Rule("reviews", _("Volunteer's offer %(about)s waits for approval."), readers.offer_reviewers),
    "capacity:approved": Rule("capacity", _("Your offer %(about)s is approved and is matched now."), readers.members),
    "capacity:returned": Rule(
        "capacity", _("Your offer %(about)s was sent back. Read why, and mend it."), readers.members
    ),
}
# what runs keep for later
RULES |= {
    "hold_exception:requested": Rule(
        "reviews", _("An exception is asked for %(about)s, from which free units are kept."), readers.hold_deciders
    ),
    "hold_exception:granted": Rule(
        "needs", _("The exception for %(about)s was granted."), readers.asker, link=lambda row: row.need
    ),
    "hold_exception:refused": Rule(
        "needs", _("The exception for %(about)s was refused. Read why."), readers.asker, link=lambda row: row.need
    ),
    "hold_release:requested": Rule(
        "reviews",
        _("The supplier of %(about)s asks for the release of units that are kept for later."),
        readers.hold_deciders,
        about=lambda row: readers.name_of(row.capacity),
    ),
    "hold_release:granted": Rule(
        "capacity",
        _("Your request about %(about)s was granted: nothing of it is kept for later."),
        readers.members,
        about=lambda row: readers.name_of(row.capacity),
        link=lambda row: row.capacity,
    ),
    "hold_release:refused": Rule(
        "capacity",
        _("Your request about %(about)s was refused: units stay kept for later. Read why."),
        readers.members,
        about=lambda row: readers.name_of(row.capacity),
        link=lambda row: row.capacity,
    ),
}
#: A run writes its proposals at once, without a happening for each: one notice for a supplier and a run.
GATHERED = Rule("proposals", _("Matching proposed %(count)s needs to %(about)s."), readers.members)


def text_of(event: str, about: str, count: int) -> str:
    """The sentence of a notice, in the language of the page or of `force_locale`."""
    rule = GATHERED if count > 1 or event == "proposals:gathered" else RULES[event]
    return str(rule.text) % {"about": about, "count": count}
