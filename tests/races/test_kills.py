"""50 kills under load: nothing that was answered is lost, and every counter and chain still holds."""

from pathlib import Path
from typing import Any

from sqlalchemy import select

from marketplace import audit
from marketplace.allocations import services as allocations
from marketplace.allocations.models import Allocation
from marketplace.extensions import db
from tests.races.invariants import Capacities
from tests.races.kills import kill_under_load


def test_nothing_that_was_answered_is_lost(racing_app: Any, tmp_path: Path) -> None:
    held = Capacities(racing_app, attempts=10_000)
    answered = kill_under_load(racing_app, held, tmp_path, kills=50, seed=12)
    with racing_app.app_context():
        done = set(db.session.scalars(select(Allocation.public_id).where(Allocation.state == "accepted")))
        assert answered
        assert {held.proposals[number] for number in answered} <= done
        assert audit.verify() == []
        assert allocations.reconcile() == []
        if db.engine.dialect.name == "sqlite":
            assert db.session.connection().exec_driver_sql("PRAGMA integrity_check").scalar() == "ok"
