"""Rules of search: the index follows the database, and the database says what a reader may see."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import structlog
from flask_babel import lazy_gettext as _
from flask_sqlalchemy.session import Session as FlaskSession
from sqlalchemy import ColumnElement, Select, delete, event, insert, or_, select

from marketplace import events, jobs, regions
from marketplace.cases.models import Case
from marketplace.errors import InvalidInput
from marketplace.extensions import db
from marketplace.needs import services as needs
from marketplace.needs.models import Need
from marketplace.organizations.models import Organization
from marketplace.permissions import Actor, Permission, Scope, row_filter, within
from marketplace.projects.models import Project
from marketplace.search import index, words
from marketplace.search.documents import KINDS, Touched, chunks, documents, region_mark, touched_by
from marketplace.search.models import IndexChange
from marketplace.transitions import transaction

log = structlog.get_logger(__name__)

#: Hits looked at for one kind; a query that finds more is too broad to be read to its end.
MOST_HITS = 500
#: Changes put into the index at once.
BATCH = 20_000
#: Records read from the database at once.
PART = 1000
_NOTED = "marketplace.index_changes"
_MODELS: dict[str, Any] = {"wish": Need, "need": Need, "project": Project, "organization": Organization}
Progress = Callable[[int, int], None]


# --- the index follows ---------------------------------------------------------------------------------------


def init_slice(setup: Any) -> None:
    """Give the application that registers the slice its index."""
    index.init_app(setup.app)


@events.changed.connect
def note_change(sender: str, *, ids: Iterable[int]) -> None:
    """Write down, in the transaction that changed records, that the index must look at them again."""
    rows = [{"record_type": sender, "record_id": key} for key in ids]
    if rows:
        db.session.execute(insert(IndexChange), rows)
        db.session().info[_NOTED] = True


@event.listens_for(FlaskSession, "after_commit")
def _ask_for_catch_up(session: FlaskSession) -> None:
    """One job a transaction; when the queue is out of reach, a worker's next sweep does it."""
    if not session.info.pop(_NOTED, False):
        return
    try:
        jobs.enqueue("search.catch_up")
    except Exception as error:  # noqa: BLE001  # the commit is done; whatever the queue says must not undo the answer
        log.warning("index_job_not_queued", type=type(error).__name__)


@event.listens_for(FlaskSession, "after_soft_rollback")
def _forget_noted(session: FlaskSession, previous: Any) -> None:
    if not previous.nested:  # a part that failed alone takes nothing from what the rest noted
        session.info.pop(_NOTED, None)


@jobs.job("search.catch_up")
def catch_up_job() -> None:
    catch_up()


@jobs.sweeper
def catch_up_if_behind() -> None:
    """Take up changes whose job was lost with its worker."""
    if is_behind():
        catch_up()


def is_behind() -> bool:
    """Whether the index has something to take up; one that is missing has everything."""
    return behind() > 0 or not index.current().is_complete


def behind() -> int:
    """How many changes the index has not seen."""
    return int(db.session.scalar(select(db.func.count()).select_from(IndexChange)) or 0)


def catch_up(progress: Progress | None = None) -> int:
    """Bring the index up to the database; how many changes were taken up.

    Safe to repeat and to interrupt: entries are made from the records as they are now, and a change is struck
    off only after the index was written.

    Raises:
        TimeoutError: another process is writing the index for longer than a writer waits.
    """
    done, total = 0, behind()
    if not index.current().is_complete:
        rebuild(progress)  # a database without its index, as after a restore
        return total
    while total:
        with _writing() as writer:
            # Read inside the writer's lock, so that no older state can follow a newer one into the index.
            log_rows = db.session.execute(
                select(IndexChange.id, IndexChange.record_type, IndexChange.record_id)
                .order_by(IndexChange.id)
                .limit(BATCH)
            ).all()
            written = 0
            for kind, ids in _touched(log_rows).items():
                writer.remove(f"{kind}:{key}" for key in ids)
                for count in _add(writer, kind, sorted(ids)):
                    written += count
                    if progress:
                        # A need has up to two entries, so entries say only roughly how far it is.
                        progress(min(done + written // 2, total), total)
        if not log_rows:
            break
        _strike_off([row.id for row in log_rows])
        done += len(log_rows)
        if progress:
            progress(min(done, total), total)
    return done


@contextmanager
def _writing(*, afresh: bool = False) -> Iterator[index.Writer]:
    """The index's writer, with no read of the database left open while it is waited for."""
    db.session.rollback()
    with index.current().writing(afresh=afresh) as writer:
        yield writer
        db.session.rollback()


def _add(writer: index.Writer, kind: str, ids: list[int]) -> Iterator[int]:
    """Put records into the index; yields how many entries each part gave.

    Each part is read at once and the read ended: SQLite's writers wait for the end of every read.
    """
    for chunk in chunks(ids, PART):
        entries = list(documents(kind, chunk))
        db.session.rollback()
        for document in entries:
            writer.add(document)
        yield len(entries)


def _strike_off(changes: list[int]) -> None:
    with transaction() as session:
        for chunk in chunks(changes):
            session.execute(delete(IndexChange).where(IndexChange.id.in_(chunk)))


def _touched(log_rows: Sequence[Any]) -> Touched:
    by_type: dict[str, set[int]] = {}
    for row in log_rows:
        by_type.setdefault(row.record_type, set()).add(row.record_id)
    touched: Touched = {}
    for record_type, ids in by_type.items():
        for kind, keys in touched_by(record_type, ids).items():
            touched.setdefault(kind, set()).update(keys)
    return touched


def rebuild(progress: Progress | None = None) -> int:
    """Make the index anew from the database, leaving nothing of what it held; how many entries it has."""
    with _writing(afresh=True) as writer:
        # What changes from here on stays in the log and is taken up afterwards.
        seen = list(db.session.scalars(select(IndexChange.id)))
        keys = {kind: list(db.session.scalars(select(model.id).order_by(model.id))) for kind, model in _MODELS.items()}
        total, looked_at, count = sum(map(len, keys.values())), 0, 0
        for kind, ids in keys.items():
            for part, added in enumerate(_add(writer, kind, ids), start=1):
                count += added
                if progress:
                    progress(looked_at + min(part * PART, len(ids)), total)
            looked_at += len(ids)
    _strike_off(seen)
    if progress:
        progress(total, total)
    return count


def optimise() -> None:
    """Rewrite the index so that no trace is left of records that were erased or closed."""
    catch_up()
    with index.current().writing(optimise=True):
        pass


def expected_contents() -> set[str]:
    """Keys that the index must hold, from the database."""
    return {document.key for kind in KINDS for document in documents(kind)}


# --- the database decides ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Found:
    """One result that the reader may see."""

    kind: str
    row: Any
    score: float
    region: str
    """Of a wish, what its public card names."""

    @property
    def title(self) -> str:
        return str(self.row.name if self.kind == "organization" else self.row.title)


@dataclass(frozen=True)
class Results:
    """Results of one kind: one page of them, and how many there are in all.

    Attributes:
        exact: False when only some of the words occur.
        more: there are more than were looked at.
    """

    kind: str
    items: list[Found]
    total: int
    page: int
    per_page: int
    exact: bool
    more: bool

    @property
    def pages(self) -> int:
        return max(1, -(-self.total // self.per_page))


def kinds_for(actor: Actor) -> tuple[str, ...]:
    """Kinds that a reader may search."""
    return tuple(kind for kind in KINDS if kind != "need" or actor.may(Permission.NEED_VIEW))


def find(
    actor: Actor,
    text: str,
    *,
    kinds: Iterable[str] = KINDS,
    region: str | None = None,
    page: int = 1,
    per_page: int = 20,
) -> list[Results]:
    """What a reader finds with a query, by kind; kinds without results are left out.

    Raises:
        InvalidInput: the query is too long, or the region is none of ours.
    """
    if len(text) > words.MOST_CHARACTERS:
        raise InvalidInput(fields={"q": _("Use at most 200 characters.")})
    if region and not regions.exists(region):
        raise InvalidInput(fields={"region": _("Choose a region of the list.")})
    wanted = [kind for kind in kinds_for(actor) if kind in set(kinds)]
    terms = index.current().terms(text)
    for every_term in (True, False):
        found = [
            results
            for kind in wanted
            if (results := _find(actor, terms, kind, region, page, per_page, every_term=every_term)) is not None
        ]
        if found or len(terms) < 2:
            return found
    return []


def _find(
    actor: Actor,
    terms: list[words.Term],
    kind: str,
    region: str | None,
    page: int,
    per_page: int,
    *,
    every_term: bool,
) -> Results | None:
    # The marks only save looking at hits that the database would refuse: it is asked all the same.
    marks = {region_mark(code) for code in (region, _own_region(actor, kind)) if code}
    hits = index.current().search(terms, kind, every_term=every_term, limit=MOST_HITS, marks=marks)
    if not hits:
        return None
    model = _MODELS[kind]
    keys = [hit.record_id for hit in hits]
    may_see = set(db.session.scalars(_rows(actor, kind, region).with_only_columns(model.id).where(model.id.in_(keys))))
    seen = [hit for hit in hits if hit.record_id in may_see]
    if not seen:
        return None
    shown = seen[(page - 1) * per_page : page * per_page]
    query = _rows(actor, kind, region).where(model.id.in_([hit.record_id for hit in shown]))
    rows = {row.id: row for row in db.session.scalars(query)}
    told = {card.public_id: card.region for card in needs.cards(rows.values())} if kind == "wish" else {}
    items = [
        Found(kind, row, hit.score, told.get(row.public_id, row.region))
        for hit in shown
        if (row := rows.get(hit.record_id)) is not None
    ]
    return Results(kind, items, len(seen), page, per_page, every_term, len(hits) == MOST_HITS)


def _own_region(actor: Actor, kind: str) -> str | None:
    """The region to which a reader's needs are limited, or None."""
    return actor.region if kind == "need" and actor.scopes(Permission.NEED_VIEW) == {Scope.REGION} else None


def _rows(actor: Actor, kind: str, region: str | None) -> Select[Any]:
    """The records of a kind that may be shown to the actor, read from the database alone."""
    model = _MODELS[kind]
    allowed: ColumnElement[bool]
    if kind == "wish":
        allowed = Need.public_rows()
    elif kind == "need":
        restricted = Need.case_id.in_(select(Case.id).where(Case.restricted))
        allowed = row_filter(Need, actor, Permission.NEED_VIEW) & (~restricted | Need.case_id.is_(None))
    elif kind == "project":
        allowed = or_(
            row_filter(Project, actor, Permission.PROJECT_VIEW), row_filter(Project, actor, Permission.PROJECT_EDIT)
        )
    else:
        allowed = or_(
            row_filter(Organization, actor, Permission.ORGANIZATION_VIEW),
            row_filter(Organization, actor, Permission.ORGANIZATION_EDIT),
        )
    query = select(model).where(allowed)
    if region:
        query = query.where(_wishes_in(actor, region) if kind == "wish" else within(model.region, region))
    return query


def _wishes_in(actor: Actor, region: str) -> ColumnElement[bool]:
    """Wishes of a region, as their cards tell it (P6); who may see every need is told more by the needs anyway."""
    if Scope.ALL in actor.scopes(Permission.NEED_VIEW) or regions.get(region).level != "county":
        return within(Need.region, region)
    return needs.current_crowd().shown_in(region)
