"""What a reader sees of backtests and of the switch."""

from typing import Any

from sqlalchemy import select

from marketplace.errors import NotFound
from marketplace.extensions import db
from marketplace.matches.foresight.models import Backtest
from marketplace.permissions import Actor, Permission, scoped

PER_PAGE = 20


def find(actor: Actor, public_id: str) -> Backtest:
    """One backtest.

    Raises:
        NotFound: there is none, or it is of another region.
    """
    row: Backtest | None = db.session.scalar(
        scoped(Backtest, actor, Permission.RUN_VIEW)
        .where(Backtest.public_id == public_id)
        .execution_options(populate_existing=True)
    )
    if row is None:
        raise NotFound
    return row


def newest_done(scope: str) -> Backtest | None:
    """The backtest of a scope that ended well last."""
    query = select(Backtest).where(Backtest.scope == scope, Backtest.state == "done").order_by(Backtest.id.desc())
    found: Backtest | None = db.session.scalar(query.limit(1))
    return found


def backtests_of(actor: Actor, scope: str, page: int = 1) -> Any:
    """A page of a scope's backtests, the newest first."""
    query = scoped(Backtest, actor, Permission.RUN_VIEW).where(Backtest.scope == scope).order_by(Backtest.id.desc())
    return db.paginate(query, page=page, per_page=PER_PAGE, error_out=False)
