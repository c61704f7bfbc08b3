"""Posting a need: what a finished form holds, where a draft goes from there, and needs like it."""

from datetime import timedelta

from flask_babel import lazy_gettext as _
from sqlalchemy import select

from marketplace import audit, events
from marketplace.cases.models import Case
from marketplace.cases.services import expect_version
from marketplace.errors import InvalidInput, StateConflict
from marketplace.extensions import db
from marketplace.needs.models import Need
from marketplace.needs.services.consents import copy_consents
from marketplace.needs.services.drafts import case_to_post_for
from marketplace.needs.services.entries import NeedEntry, check, columns_of
from marketplace.needs.services.lists import load_need
from marketplace.needs.services.marks import check_title
from marketplace.permissions import Actor, Permission
from marketplace.records import today
from marketplace.transitions import move, transaction

#: A need of the same household and category within so many days may be the same one.
SIMILAR_DAYS = 30
_MOST_SIMILAR = 10


def post(actor: Actor, entry: NeedEntry, case_id: str = "", *, send: bool, anyway: bool = False) -> Need:
    """Write down a finished need; with `send`, take it on at once: a wish to review, any other kind to open.

    Where the household has a similar need (`similar_needs`), it stays a draft until sent `anyway`.

    Raises:
        InvalidInput: a value that cannot be, or a title that could tell who somebody is.
        NotFound: the case is another region's.
    """
    with transaction() as session:
        case = case_to_post_for(actor, case_id)
        check(actor, entry, case)
        need = Need(
            case_id=case.id if case else None,
            author=actor.key,
            posted_on=today(),
            state="draft",
            **columns_of(entry, case),
        )
        copy_consents(need)
        session.add(need)
        session.flush()  # its key goes into the audit event
        audit.record(actor, "need:created", need, after="draft")
        events.changed.send("need", ids=[need.id])
        session.expire(need)  # its details read sealed from here on
        if send:
            _send(actor, need, anyway)
    return need


def edit(actor: Actor, public_id: str, entry: NeedEntry, version: int, *, send: bool, anyway: bool = False) -> Need:
    """Change a draft, or the public text of an open wish that nobody has claimed: that hides it until approved.

    Whoever writes the text becomes its author, so that another person must approve it.

    Raises:
        InvalidInput: as in `post`.
        StateConflict: it is past editing, or somebody saved it since the form was opened.
    """
    with transaction() as session:
        need = load_need(actor, public_id, Permission.NEED_POST, to_change=True)
        if not may_edit(need):
            raise StateConflict(_("This need can be edited as a draft only."))
        check(actor, entry, need.case)
        expect_version(need, version)
        columns = columns_of(entry, need.case)
        changed = sorted(name for name, value in columns.items() if getattr(need, name) != value)
        if need.state == "open":
            move(
                actor, need, expect="open", to="review", reason="text_changed",
                author=actor.key, approved_by=None, **columns,
            )  # fmt: skip
            return need
        for name in changed:
            setattr(need, name, columns[name])
        need.author, need.approved_by = actor.key, None
        copy_consents(need)
        session.flush()  # the audit event is written after the change it tells of
        audit.record(actor, "need:edited", need, changed=changed)
        events.changed.send("need", ids=[need.id])
        session.expire(need)  # as above
        if send:
            _send(actor, need, anyway)
    return need


def send(actor: Actor, public_id: str, *, anyway: bool = False) -> Need:
    """Take a draft on: a wish to review, any other kind to open; as in `post` where there is a similar need.

    Raises:
        InvalidInput: it is unfinished, its title could tell who somebody is, or a deadline has passed meanwhile.
        StateConflict: it is no draft any more.
    """
    with transaction():
        need = load_need(actor, public_id, Permission.NEED_POST, to_change=True)
        if need.state != "draft":
            raise StateConflict
        if not need.category or len(need.title) < 2:
            raise InvalidInput(_("The draft is not finished: category or text is missing. Edit it first."))
        if need.draft_title is not None:
            raise InvalidInput(fields={"title": _("The text still tells who somebody is. Edit the draft first.")})
        check_title(need.title, need.case)
        if need.deadline and need.deadline < today():
            raise InvalidInput(fields={"deadline": _("The last useful day has passed. Edit the draft first.")})
        copy_consents(need)
        _send(actor, need, anyway)
    return need


def _send(actor: Actor, need: Need, anyway: bool) -> None:
    if need.case_id is not None:
        # Two of a household's needs sent at once: the second waits here, and sees the first.
        db.session.execute(select(Case.id).where(Case.id == need.case_id).with_for_update())
    similar = similar_needs(need)
    if similar and not anyway:
        return
    if similar:
        audit.record(actor, "need:posted_anyway", need, reason=f"similar:{len(similar)}")
    move(actor, need, expect="draft", to="review" if need.wish else "open", posted_on=today(), review_note=None)


def similar_needs(need: Need) -> list[Need]:
    """Needs of the same household and category posted in the last 30 days and not withdrawn, the latest first."""
    if need.case_id is None:
        return []
    query = (
        select(Need)
        .where(
            Need.case_id == need.case_id,
            Need.category == need.category,
            Need.id != need.id,
            Need.state != "draft",
            Need.closing.is_distinct_from("withdrawn"),
            Need.posted_on >= today() - timedelta(days=SIMILAR_DAYS),
        )
        .order_by(Need.posted_on.desc(), Need.id.desc())
        .limit(_MOST_SIMILAR)
    )
    return list(db.session.scalars(query))


def may_edit(need: Need) -> bool:
    """Whether a need is in a state in which its text may change."""
    return bool(need.state == "draft" or (need.wish and need.state == "open" and need.allocated == 0))
