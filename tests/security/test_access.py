"""The application walked from its own URL map and its own table of grants: every route × method × role × record.

What a role may reach is computed from permissions.GRANTS for the record itself; the walk then asks the running
application. A route with an argument that this walk has no record for fails, so none can be forgotten.
"""

import csv
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from werkzeug.routing import Rule

from marketplace.accounts import services as accounts
from marketplace.accounts.models import User
from marketplace.extensions import db
from marketplace.permissions import Actor, Permission, Role, declared, may_reach
from tests.security.records import person_of, records_of, rules
from tests.support.client import Browser
from tests.support.world import DAWUKOU, HUINONG, an_organization

ELSEWHERE = "640502"
#: Roles whose records are those of a county; what is another county's is tried near and far.
REGIONAL = (Role.CASEWORKER, Role.COORDINATOR, Role.OFFICER)
DENIED, ABSENT = 403, 404
#: What a permitted request may come to: shown, done, or refused for its content or the record's state.
SERVED = {200, 302, 303, 400, 409, 422}
MATRIX = Path(__file__).with_name("access_matrix.csv")


def _status(app: Flask, client: Browser, rule: Rule, method: str, values: dict[str, str], token: str) -> int:
    url = app.url_map.bind("localhost").build(rule.endpoint, values, method=method)
    if method == "GET":
        return client.get(url, headers={"Accept": "application/json, text/html;q=0.9"}).status_code
    return client.post(
        url, data={"csrf_token": token}, headers={"Accept": "application/json, text/html;q=0.9"}
    ).status_code


def _actor(user: User | None) -> Actor:
    return accounts.actor_of(user) if user else Actor()


def _reaches(actor: Actor, permission: Permission, row: Any) -> bool:
    """Reach by the table of grants; a part is reached through what it is part of."""
    for whole in ("allocation", "case", "project", "organization", "alliance"):
        if not hasattr(type(row), "__scope__") and hasattr(row, whole):
            return may_reach(actor, permission, getattr(row, whole))
    return may_reach(actor, permission, row)


@pytest.mark.parametrize(
    ("whose", "role"),
    [*(("own", role) for role in Role), *(("near", role) for role in Role), *(("foreign", role) for role in REGIONAL)],
)
def test_every_role_reaches_exactly_what_it_is_granted(app: Flask, client: Browser, role: Role, whose: str) -> None:
    organization = an_organization()
    user = person_of(role, organization)
    if user:
        client.sign_in(user)
    actor = _actor(user)
    token = client.csrf_token("/account/register")
    claimant = user if role is Role.VOLUNTEER and whose == "own" else None
    near = HUINONG if role in REGIONAL else DAWUKOU  # of the same county, but of another organization or person
    place = near if whose == "near" else ELSEWHERE
    cases = 0
    for rule, method in rules(app):
        if whose != "own" and not rule.arguments:
            continue
        # Made anew for each request: the request before may have changed them.
        records = (
            records_of(DAWUKOU, claimant=claimant, public=True, organization=organization)
            if whose == "own"
            else records_of(place, claimant=None, public=False)
        )
        permission, row = declared(app)[rule.endpoint], records.row(rule)
        db.session.commit()
        status = _status(app, client, rule, method, records.values(rule), token)
        where = (str(role), whose, method, rule.rule, status)
        if "token" in rule.arguments:
            assert status == ABSENT, where
        elif not actor.may(permission):
            assert status == (DENIED if actor.signed_in else 401), where
        elif row is not None and not _reaches(actor, permission, row):
            assert status == ABSENT, where
        else:
            assert status in SERVED, where
        cases += 1
    assert cases > 10


def _matrix(app: Flask) -> list[list[str]]:
    rows = [["route", "methods", "permission", *(str(role) for role in Role)]]
    for rule in sorted(app.url_map.iter_rules(), key=lambda rule: (rule.rule, rule.endpoint)):
        permission = declared(app)[rule.endpoint]
        scopes = [Actor(user_id=1, roles=frozenset({role})).scopes(permission) for role in Role]
        methods = "+".join(sorted((rule.methods or set()) & {"GET", "POST"}))
        rows.append([rule.rule, methods, str(permission), *("+".join(sorted(scope)) or "-" for scope in scopes)])
    return rows


def test_the_access_matrix_is_the_one_under_review(app: Flask) -> None:
    """A change of rights shows in a review as a changed line of a table."""
    with MATRIX.open(encoding="utf-8", newline="") as file:
        assert _matrix(app) == list(csv.reader(file)), "run python -m tests.security.test_access, review the difference"


def write_matrix() -> None:
    """Rewrite access_matrix.csv from the application as it is."""
    import tempfile

    from marketplace import create_app
    from tests.conftest import settings_in

    with tempfile.TemporaryDirectory() as folder:
        app = create_app(settings_in(Path(folder)))
    with MATRIX.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows(_matrix(app))


if __name__ == "__main__":
    write_matrix()
