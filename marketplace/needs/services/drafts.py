"""Drafts: kept as one types, unfinished as they are; put away and taken back."""

from dataclasses import replace
from typing import Any

from flask_babel import lazy_gettext as _
from flask_sqlalchemy.pagination import Pagination
from sqlalchemy import Select, select
from sqlalchemy.orm import joinedload

from marketplace import audit, events
from marketplace.cases.models import Case
from marketplace.cases.services import expect_version, load_case
from marketplace.errors import NotFound, StateConflict
from marketplace.extensions import db
from marketplace.needs.models import Need
from marketplace.needs.services.consents import copy_consents
from marketplace.needs.services.entries import NeedEntry, as_far_as_it_goes, columns_of
from marketplace.needs.services.lists import PER_PAGE, load_need, readable
from marketplace.needs.services.marks import findings
from marketplace.permissions import Actor, Permission
from marketplace.records import now, today
from marketplace.screening import blanked
from marketplace.transitions import transaction

TITLE_LENGTH = 160
_WITH_DISCARDED = {"with_discarded": True}


def case_to_post_for(actor: Actor, case_id: str) -> Case | None:
    """The case that a new need is for: None for none given.

    Raises:
        NotFound: another region's.
    """
    return load_case(actor, case_id, Permission.CASE_EDIT) if case_id else None


def save_draft(
    actor: Actor, entry: NeedEntry, case_id: str = "", *, public_id: str = "", version: int | None = None
) -> Need:
    """Keep what was typed so far, new or on top of a draft. Nothing is refused for being unfinished.

    A text that tells who somebody is stays encrypted, and the draft shows it with those parts blank.

    Raises:
        NotFound: the case or the draft is another region's.
        StateConflict: it is no draft any more, or somebody saved it since the form was opened.
    """
    with transaction() as session:
        if public_id:
            need = load_need(actor, public_id, Permission.NEED_POST, to_change=True)
            if need.state != "draft":
                raise StateConflict(_("This need can be edited as a draft only."))
            case = need.case
            expect_version(need, version or 0)
        else:
            case = case_to_post_for(actor, case_id)
            need = Need(case_id=case.id if case else None, author=actor.key, posted_on=today(), state="draft")
        changed = _write(actor, need, entry, case)
        session.add(need)
        session.flush()  # its key goes into the audit event
        if not public_id or changed:
            action = "need:edited" if public_id else "need:created"
            audit.record(actor, action, need, changed=changed, after=None if public_id else "draft")
            events.changed.send("need", ids=[need.id])
        session.expire(need)  # its texts read sealed from here on
    return need


def _write(actor: Actor, need: Need, entry: NeedEntry, case: Case | None) -> list[str]:
    typed = entry.title.strip()[:TITLE_LENGTH]
    told = findings(typed, case)
    columns: dict[str, Any] = columns_of(
        as_far_as_it_goes(actor, replace(entry, title=blanked(typed, told)[:TITLE_LENGTH] if told else typed), case),
        case,
    )
    with db.session.no_autoflush:
        if need.draft_title is not None and typed == need.title:  # another's look, blanks and all: the text stays
            del columns["draft_title"], columns["title"]
        elif told:
            columns["draft_title"] = typed
        changed = sorted(name for name, value in columns.items() if getattr(need, name) != value)
        for name in changed:
            setattr(need, name, columns[name])
        if changed:
            need.author, need.approved_by = actor.key, None
        copy_consents(need)
    return changed


def drafts_of(actor: Actor, *, sent_back: bool | None = None) -> Select[Any]:
    """Drafts that the actor wrote last.

    Args:
        sent_back: only those that a second person sent back, or only those that nobody did.
    """
    query = readable(actor, Permission.NEED_POST).where(Need.state == "draft", Need.author == actor.key)
    if sent_back is None:
        return query
    return query.where(Need.review_note.is_not(None) if sent_back else Need.review_note.is_(None))


def my_drafts(actor: Actor, page: int, *, sent_back: bool | None = None) -> Pagination:
    """A page of `drafts_of`, the latest first."""
    query = drafts_of(actor, sent_back=sent_back)
    query = query.options(joinedload(Need.case)).order_by(Need.id.desc())
    return db.paginate(query, page=page, per_page=PER_PAGE, error_out=False)


def discarded_drafts(actor: Actor, limit: int = PER_PAGE) -> list[Need]:
    """Drafts that the actor put away, the last first."""
    query = readable(actor, Permission.NEED_POST).where(Need.discarded_at.is_not(None), Need.author == actor.key)
    query = query.order_by(Need.discarded_at.desc(), Need.id).limit(limit)
    return list(db.session.scalars(query.execution_options(**_WITH_DISCARDED)))


def discard(actor: Actor, public_id: str) -> Need:
    """Put a draft away; `restore` takes it back.

    Raises:
        StateConflict: it is no draft.
    """
    with transaction() as session:
        need = load_need(actor, public_id, Permission.NEED_POST, to_change=True)
        if need.state != "draft":
            raise StateConflict(_("Only a draft can be discarded. Withdraw the need instead."))
        need.discarded_at = now()
        session.flush()  # the audit event is written after the change it tells of
        audit.record(actor, "need:discarded", need, changed=["discarded_at"])
        events.changed.send("need", ids=[need.id])
    return need


def restore(actor: Actor, public_id: str) -> Need:
    """Take a draft back that was put away.

    Raises:
        NotFound: none of the actor's region.
        StateConflict: it was not put away.
    """
    with transaction() as session:
        query = readable(actor, Permission.NEED_POST).where(Need.public_id == public_id)
        need: Need | None = session.scalar(query.with_for_update(of=Need).execution_options(**_WITH_DISCARDED))
        if need is None:
            raise NotFound
        if need.discarded_at is None:
            raise StateConflict(_("It was not put away, so there is nothing to take back."))
        need.discarded_at = None
        session.flush()  # as above
        audit.record(actor, "need:restored", need, changed=["discarded_at"])
        events.changed.send("need", ids=[need.id])
    return need


def draft_count(actor: Actor) -> int:
    """How many drafts of the actor wait."""
    query = select(Need.id).where(Need.state == "draft", Need.author == actor.key)
    return len(db.session.scalars(query.limit(100)).all())
