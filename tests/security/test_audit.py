"""The trail is whole, and says so when it is not."""

import pytest
from flask import Flask
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError, OperationalError

from marketplace import audit
from marketplace.extensions import db
from marketplace.permissions import system_actor
from marketplace.transitions import transaction
from tests.support.world import DAWUKOU, HUINONG, a_case, a_need

ACTOR = system_actor("test")


@pytest.fixture
def trail(app: Flask) -> None:
    needs = [a_need(a_case(region)) for region in (DAWUKOU, HUINONG, DAWUKOU)]
    with transaction():
        for need in needs:
            for step in ("created", "seen", "closed"):
                audit.record(ACTOR, f"need:{step}", need, changed=["state"], after=step)


def _tamper(statement: str) -> None:
    """As somebody with the database file could: the triggers are dropped first."""
    for verb in ("update", "delete"):
        db.session.execute(text(f"DROP TRIGGER IF EXISTS audit_event_no_{verb}"))
    db.session.execute(text(statement))
    db.session.commit()


def test_a_whole_trail_verifies(trail: None) -> None:
    assert audit.verify() == []
    heads = {row.chain: row.length for row in db.session.query(audit.AuditChain)}
    assert heads == {DAWUKOU: 6, HUINONG: 3}


@pytest.mark.parametrize(
    ("statement", "fault"),
    [
        ("UPDATE audit_event SET after = 'open' WHERE id = 2", "event 2 was changed"),
        ("UPDATE audit_event SET actor_id = 7 WHERE id = 1", "event 1 was changed"),
        ("UPDATE audit_event SET reason = 'x' WHERE id = 3", "event 3 was changed"),
        ("DELETE FROM audit_event WHERE id = 2", "event 2 is missing"),
        (f"DELETE FROM audit_event WHERE chain = '{DAWUKOU}' AND sequence = 6", "last events are missing"),
        (f"DELETE FROM audit_event WHERE chain = '{HUINONG}'", "last events are missing"),
        (f"DELETE FROM audit_chain WHERE chain = '{HUINONG}'", "has events but no head"),
    ],
)
def test_every_kind_of_tampering_is_found(trail: None, statement: str, fault: str) -> None:
    _tamper(statement)
    assert any(fault in line for line in audit.verify())


@pytest.mark.parametrize("statement", ["UPDATE audit_event SET after = 'x'", "DELETE FROM audit_event"])
def test_the_database_refuses_to_change_the_trail(trail: None, statement: str) -> None:
    with pytest.raises((IntegrityError, OperationalError), match="append-only"):
        db.session.execute(text(statement))
    db.session.rollback()


def test_a_change_that_fails_leaves_no_event(app: Flask) -> None:
    need = a_need()

    def fail() -> None:
        with transaction():
            audit.record(ACTOR, "need:seen", need)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert audit.history("need", need.id) == []
    assert audit.verify() == []
