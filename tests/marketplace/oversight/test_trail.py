"""The trail as an auditor reads it: all of it, filtered, without personal data; and the proof that it is whole."""

import re
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select, text

import marketplace
from marketplace import audit, trail, wording
from marketplace.cases.models import Person
from marketplace.extensions import db
from marketplace.oversight import wording as words
from marketplace.permissions import Role, system_actor
from tests.marketplace.matches.run_support import statements
from tests.support import world
from tests.support.client import Browser

ACTOR = system_actor("test")


@pytest.fixture
def auditor(app: Flask, client: Browser) -> Browser:
    """An auditor's browser; two counties have events, and the auditor's signing in is one."""
    client.sign_in(world.a_user(Role.AUDITOR))
    for case in (world.a_case(), world.a_case(world.HUINONG)):
        need = world.a_need(case, region=case.region)
        audit.record(ACTOR, "need:created", need, changed=["title"])
        audit.record(ACTOR, "case:reveal", case, changed=["summary"], reason="核对地址")
    audit.record(ACTOR, "need:closed", need, before="open", after="closed")
    db.session.commit()
    return client


def rows(browser: Browser, path: str = "/audit") -> list[str]:
    page = browser.get(path).get_data(as_text=True)
    return page.split("<tbody>")[1].split("</tbody>")[0].split("<tr>")[1:] if "<tbody>" in page else []


def test_an_auditor_reads_everything_the_newest_first(auditor: Browser) -> None:
    shown = rows(auditor)
    assert len(shown) == 6
    assert "开放" in shown[0]
    assert "已关闭" in shown[0]
    assert "惠农" in shown[0]
    assert "核对地址" in shown[-3]
    assert "大武口" in shown[-3]


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ({"chain": "640202"}, 3),
        ({"record_type": "need"}, 3),
        ({"record_type": "need", "record_id": "2"}, 2),
        ({"looks": "y"}, 2),
        ({"actor_id": "99"}, 0),
        ({"first_on": "2001-01-01", "last_on": "2001-01-02"}, 0),
        ({"first_on": "2001-01-01"}, 6),
        ({"chain": "999999"}, 0),
    ],
)
def test_filters_narrow_the_trail(auditor: Browser, asked: dict[str, str], found: int) -> None:
    path = "/audit?" + "&".join(f"{name}={value}" for name, value in asked.items())
    assert len(rows(auditor, path)) == found


def test_a_wrong_filter_is_told_beside_its_field(auditor: Browser) -> None:
    assert auditor.get("/audit?record_id=0").status_code == 422
    assert auditor.get("/audit?first_on=yesterday").status_code == 422
    assert auditor.get(f"/audit?actor_id={2**70}").status_code == 422


def test_a_chain_is_proved_whole_or_damaged(auditor: Browser) -> None:
    whole = auditor.submit("/audit/verify", {"chain": "640202"})
    assert "notice--success" in whole.get_data(as_text=True)
    db.session.execute(text("DROP TRIGGER audit_event_no_update"))
    db.session.execute(text("UPDATE audit_event SET reason = 'x' WHERE chain = '640205' AND sequence = 2"))
    db.session.commit()
    damaged = auditor.submit("/audit/verify", {"chain": "640205"}).get_data(as_text=True)
    assert "notice--error" in damaged
    assert "event 2 was changed" in damaged
    still = auditor.submit("/audit/verify", {"chain": "640202"})
    assert "notice--success" in still.get_data(as_text=True)
    assert auditor.submit("/audit/verify", {"chain": "999999"}).status_code == 422


def test_the_page_asks_little_however_long_the_trail(auditor: Browser) -> None:
    need = world.a_need()
    for _number in range(30):
        audit.record(ACTOR, "need:edited", need)
    db.session.commit()
    with statements() as sent:
        assert len(rows(auditor)) == 20
    assert len(sent) <= 12


def actions_in_use() -> set[str]:
    """Actions as services name them, and the moves of each record; not what is only told or granted."""
    found = set()
    tables = {mapper.local_table.name for mapper in db.Model.registry.mappers} | {"membership"}
    for file in Path(marketplace.__path__[0]).rglob("*.py"):
        if file.name in ("permissions.py", "rules.py", "views.py"):
            continue
        source = file.read_text()
        told = set(re.findall(r'(?:happened\.send|connect_via)\(\s*"([a-z_]+:[a-z_]+)"', source))
        named = set(re.findall(r'"([a-z_]+:[a-z_]*[a-z])"', source))
        found |= {action for action in named - told if action.split(":")[0] in tables}
    for mapper in db.Model.registry.mappers:
        for states in getattr(mapper.class_, "__moves__", {}).values():
            found |= {f"{mapper.local_table.name}:{state}" for state in states}
    return found


def test_every_action_in_use_has_words(app: Flask) -> None:
    event: Any = audit.AuditEvent
    actions = actions_in_use()
    assert {"allocation:disputed", "organization:reinstated", "match_run:tried", "need:review"} <= actions
    silent = [one for one in sorted(actions) if words.action(event(action=one, record_type=one.split(":")[0])) == one]
    assert silent == []
    unnamed = {one.split(":")[0] for one in actions} - set(words.RECORD_TYPES)
    assert unnamed == {"membership"}  # its events are told of the account


def test_a_state_is_told_in_words(app: Flask) -> None:
    event: Any = audit.AuditEvent
    assert words.state(event(record_type="need"), "open") == wording.STATES["need"]["open"]


def test_codes_of_reasons_are_told_in_words(app: Flask) -> None:
    event: Any = audit.AuditEvent
    with app.test_request_context(headers={"Accept-Language": "zh-CN"}):
        rights = trail.reason_in_words(event(record_type="user", reason="caseworker (640202) → officer (-)"))
        assert rights == "社工 (石嘴山市大武口区) → 民政干部 (-)"
        declined = trail.reason_in_words(event(record_type="allocation", reason="too_far"))
        assert declined == wording.DECLINE_REASONS["too_far"]
        assert trail.reason_in_words(event(record_type="need", reason="核对地址")) == "核对地址"
        assert trail.reason_in_words(event(record_type="need")) is None


def test_why_somebody_looked_is_told_in_words(auditor: Browser) -> None:
    person = db.session.scalars(select(Person)).first()
    audit.record(ACTOR, "person:reveal", person, reason="arrange, allocation 753ca91a33b39c65eb40a8ca9638d42e")
    db.session.commit()
    shown = rows(auditor)[0]
    assert "约定上门或送达 · 分配 753ca91a" in shown
    assert "arrange" not in shown
