"""The second factor: set up by choice or because the installation asks for it; no code works twice."""

import re
import shutil
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pyotp
import pytest
from flask import Flask
from sqlalchemy import select

from marketplace import audit, create_app
from marketplace.accounts import services
from marketplace.accounts.models import RecoveryCode, User
from marketplace.errors import InvalidInput, StateConflict
from marketplace.extensions import db
from marketplace.permissions import Role
from tests.conftest import settings_in
from tests.marketplace.accounts.conftest import PASSWORD
from tests.support import world
from tests.support.client import Browser

FORM = {"email": "staff@example.org", "password": PASSWORD}


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The present moment as the codes are made of it; tests move it on."""
    present = [time.time()]
    monkeypatch.setattr("marketplace.accounts.services.second_factor.time.time", lambda: present[0])
    return present


def make(email: str = "staff@example.org", *roles: Role) -> User:
    user = services.register(email, "某人", PASSWORD)
    if roles:
        user.roles = [services.role_row(role) for role in roles]
        user.region = world.DAWUKOU
        db.session.commit()
    return user


def secret_of(user: User) -> str:
    db.session.rollback()
    db.session.expire_all()
    sealed = db.session.get_one(User, user.id).totp_secret
    assert sealed is not None
    return sealed.plain()


def code(user: User, clock: list[float]) -> str:
    return pyotp.TOTP(secret_of(user)).at(int(clock[0]))


def set_up(browser: Browser, user: User, clock: list[float]) -> list[str]:
    """Set the second factor up; gives the recovery codes that the page shows."""
    assert browser.submit("/account/second-factor/begin").status_code == 303
    page = browser.get("/account/second-factor/setup").get_data(as_text=True)
    assert secret_of(user) in page
    assert "data:image/svg+xml" in page
    confirmed = browser.submit("/account/second-factor/confirm", {"code": code(user, clock)})
    assert confirmed.status_code == 200
    return codes_of(confirmed.get_data(as_text=True))


def test_signing_in_asks_for_a_code(app: Flask, client: Browser, clock: list[float]) -> None:
    user = make()
    assert client.submit("/account/login", FORM).status_code == 302
    assert client.submit("/account/second-factor/confirm", {"code": "123456"}).status_code == 409
    set_up(client, user, clock)
    assert secret_of(user) not in client.get("/account/second-factor/setup").get_data(as_text=True)
    client.submit("/account/logout")

    asked = client.submit("/account/login?next=/projects", FORM)
    assert (asked.status_code, asked.location) == (303, "/account/second-factor")
    assert client.get("/account").status_code == 302  # the password alone opens nothing
    assert client.submit("/account/second-factor", {"code": "000000"}).status_code == 422
    used = code(user, clock)  # this half-minute's code confirmed the set-up
    assert client.submit("/account/second-factor", {"code": used}).status_code == 422
    clock[0] += 30
    passed = client.submit("/account/second-factor", {"code": f" {code(user, clock)[:3]} {code(user, clock)[3:]}"})
    assert (passed.status_code, passed.location) == (303, "/projects")
    assert client.get("/account").status_code == 200


def test_wrong_codes_lead_back_to_the_password(app: Flask, client: Browser, clock: list[float]) -> None:
    user = make()
    client.submit("/account/login", FORM)
    set_up(client, user, clock)
    client.submit("/account/logout")
    client.submit("/account/login", FORM)
    clock[0] += 60
    answers = [client.submit("/account/second-factor", {"code": "000000"}).status_code for _number in range(6)]
    assert answers == [422] * 5 + [303]
    assert client.submit("/account/second-factor", {"code": code(user, clock)}).status_code == 303
    assert client.get("/account").status_code == 302


def test_it_is_turned_off_with_a_code_or_by_an_administrator(app: Flask, client: Browser, clock: list[float]) -> None:
    user = make()
    client.submit("/account/login", FORM)
    set_up(client, user, clock)
    assert client.submit("/account/second-factor/off", {"code": "000000"}).status_code == 422
    clock[0] += 30
    assert client.submit("/account/second-factor/off", {"code": code(user, clock)}).status_code == 303
    clock[0] += 60
    set_up(client, user, clock)
    administrator = services.actor_of(world.a_user(Role.ADMINISTRATOR))
    services.reset_second_factor(administrator, user.public_id)
    assert client.get("/account").status_code == 302
    assert client.submit("/account/login", FORM).location == "/waiting"


@pytest.fixture
def strict(migrated: Path, tmp_path: Path) -> Iterator[Flask]:
    """An application that asks all staff for a second factor."""
    shutil.copy(migrated, tmp_path / "bangnin.db")
    app = create_app(settings_in(tmp_path, TWO_FACTOR="required"), TESTING=True, RATELIMIT_ENABLED=False)
    app.test_client_class = Browser
    with app.app_context():
        yield app
        db.session.remove()
        db.engine.dispose()


def test_where_it_is_asked_for_staff_reach_nothing_before(strict: Flask, clock: list[float]) -> None:
    user = make("staff@example.org", Role.CASEWORKER)
    browser = strict.test_client()
    assert isinstance(browser, Browser)
    browser.submit("/account/login", FORM)
    turned = browser.get("/cases")
    assert (turned.status_code, turned.location) == (303, "/account/second-factor/setup")
    assert browser.submit("/account/change").status_code == 403
    set_up(browser, user, clock)
    assert browser.get("/cases").status_code == 200
    clock[0] += 30
    assert browser.submit("/account/second-factor/off", {"code": code(user, clock)}).status_code == 409
    with pytest.raises(StateConflict):
        services.begin(services.actor_of(db.session.get_one(User, user.id)))


def test_volunteers_and_demo_accounts_never_need_it(strict: Flask) -> None:
    make("volunteer@example.org")
    browser = strict.test_client()
    assert isinstance(browser, Browser)
    browser.submit("/account/login", FORM | {"email": "volunteer@example.org"})
    assert browser.get("/account").status_code == 200
    make("staff@example.org", Role.OFFICER)
    services.mark_demo_instance()
    browser.submit("/account/logout")
    assert browser.submit("/account/login", FORM).location == "/waiting"
    assert browser.get("/cases").status_code == 200


def codes_of(page: str) -> list[str]:
    return re.findall(r"<li><code>([\d-]+)</code></li>", page)


def test_recovery_codes_stand_for_a_lost_device_once_each(app: Flask, client: Browser, clock: list[float]) -> None:
    user = make()
    client.submit("/account/login", FORM)
    codes = set_up(client, user, clock)
    assert len(set(codes)) == 10
    kept = db.session.scalars(select(RecoveryCode.digest)).all()
    assert len(kept) == 10
    assert not set(kept) & {code.replace("-", "") for code in codes}
    assert codes_of(client.get("/account/second-factor/setup").get_data(as_text=True)) == []
    for given, answer in ((codes[0], 303), (codes[0], 422), (codes[1].replace("-", " "), 303), ("0" * 12, 422)):
        client.submit("/account/logout")
        client.submit("/account/login", FORM)
        assert client.submit("/account/second-factor", {"code": given}).status_code == answer
    client.submit("/account/second-factor", {"code": codes[2]})
    page = client.get("/account/second-factor/setup").get_data(as_text=True)
    assert "7" in re.findall(r"<p>[^<]*</p>", page.split('class="card-body"')[1])[0]
    actions = [event.action for event in audit.history("user", user.id)]
    assert actions.count("user:recovery_code_used") == 3
    assert actions.count("user:recovery_codes_made") == 1


def test_a_new_list_of_recovery_codes_ends_the_old_one(app: Flask, client: Browser, clock: list[float]) -> None:
    user = make()
    client.submit("/account/login", FORM)
    assert client.submit("/account/second-factor/recovery-codes", {"code": "123456"}).status_code == 409
    old = set_up(client, user, clock)
    assert client.submit("/account/second-factor/recovery-codes", {"code": "000000"}).status_code == 422
    new = codes_of(client.submit("/account/second-factor/recovery-codes", {"code": old[0]}).get_data(as_text=True))
    assert len(new) == 10
    assert not set(new) & set(old)
    assert client.submit("/account/second-factor/off", {"code": old[1]}).status_code == 422
    assert client.submit("/account/second-factor/off", {"code": new[0]}).status_code == 303
    assert db.session.scalars(select(RecoveryCode)).all() == []  # none outlives the second factor it stands for


def test_one_recovery_code_at_two_places_at_once_opens_one(app: Flask, client: Browser, clock: list[float]) -> None:
    user = make()
    client.submit("/account/login", FORM)
    given = set_up(client, user, clock)[0]
    keys = [services.begin_session(user.id)[0] for _number in range(4)]
    db.session.remove()
    gate, outcomes = threading.Barrier(len(keys)), []

    def enter(key: str) -> None:
        with app.app_context():
            gate.wait()
            try:
                outcomes.append(services.pass_code(key, given))
            except InvalidInput:
                outcomes.append("refused")
            finally:
                db.session.remove()

    threads = [threading.Thread(target=enter, args=(key,)) for key in keys]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(map(str, outcomes)) == ["9", "refused", "refused", "refused"]
