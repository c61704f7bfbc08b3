"""The application walked from its own URL map and its own table of grants: every route × method × role × record.

What a role may reach is computed from permissions.GRANTS for the record itself; the walk then asks the running
application. A route with an argument that this walk has no record for fails, so none can be forgotten.
"""

import csv
import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select
from werkzeug.routing import Rule

from marketplace.accounts import services as accounts
from marketplace.accounts.models import User
from marketplace.extensions import db
from marketplace.permissions import Actor, Permission, Role, declared, may_reach
from tests.support.client import Browser
from tests.support.world import (
    DAWUKOU,
    a_capacity,
    a_case,
    a_document,
    a_need,
    a_notice,
    a_package,
    a_photo,
    a_project,
    a_run,
    a_team_member,
    a_user,
    a_visit,
    a_volunteers_offer,
    a_wish,
    an_alliance,
    an_allocation,
    an_invitation,
    an_organization,
)

ELSEWHERE = "640502"
DENIED, ABSENT = 403, 404
#: What a permitted request may come to: shown, done, or refused for its content or the record's state.
SERVED = {200, 302, 303, 400, 409, 422}
#: First part of an address -> kind of record that its `public_id` names.
SUBJECTS = {"organizations": "organization", "projects": "project", "capacity": "capacity"}
MATRIX = Path(__file__).with_name("access_matrix.csv")
#: Signing out and leaving end what the walk needs; Flask-Security's own file route serves nothing of ours.
LEFT_OUT = {"security.logout", "accounts.end_sessions", "organizations.leave", "security.static", "static"}


@dataclass(frozen=True)
class Named:
    """What an address names that has no scope of its own: a member of an organization, or the token of a link."""

    public_id: str
    organization: Any = None


class Records:
    """One record of each kind, keyed by the argument that addresses names it with; made when first asked for."""

    def __init__(self, makers: dict[str, Callable[[], Any]]) -> None:
        self._makers = {name: cache(maker) for name, maker in makers.items()}

    def make_all(self) -> None:
        for maker in self._makers.values():
            maker()

    def _named(self, rule: Rule) -> dict[str, Any]:
        """The record behind each argument; a plain `public_id` is of the kind that the address begins with."""
        found = {}
        for name in rule.arguments:
            key = f"{SUBJECTS.get(rule.rule.split('/')[1], '')}_id" if name == "public_id" else name
            assert key in self._makers, f"{rule.rule}: the walk has no record for {name}; add one"
            found[name] = self._makers[key]()
        return found

    def row(self, rule: Rule) -> Any:
        """The record that a route is about: the one its last argument names."""
        named = self._named(rule)
        return named[max(named, key=lambda name: rule.rule.index(f"{name}>"))] if named else None

    def values(self, rule: Rule) -> dict[str, str]:
        return {
            name: getattr(row, "slug" if name == "slug" else "public_id") for name, row in self._named(rule).items()
        }


def _records(region: str, *, claimant: User | None, public: bool, organization: Any = None) -> Records:
    supplier = cache(
        lambda: organization or an_organization(region=region, state="verified" if public else "registered")
    )
    project = cache(lambda: a_project(supplier(), state="open" if public else "draft"))
    capacity = cache(lambda: a_capacity(project()))
    case = cache(lambda: a_case(region))
    alliance = cache(lambda: an_alliance(region))

    @cache
    def allocation() -> Any:
        """A volunteer's own claim, or what a supplier accepted."""
        if claimant:
            return an_allocation(a_wish(case()), None, claimant_id=claimant.id, state="accepted")
        return an_allocation(a_need(case()), capacity(), state="accepted")

    return Records(
        {
            "organization_id": supplier,
            "project_id": project,
            "capacity_id": capacity,
            "case_id": case,
            "person_id": lambda: case().people[0],
            "consent_id": lambda: case().consents[0],
            "need_id": lambda: a_need(case()),
            "wish_id": lambda: a_wish(case()) if public else a_wish(case(), state="review", approved_by=None),
            "allocation_id": allocation,
            "evidence_id": lambda: a_photo(allocation()),
            "follow_up_id": lambda: a_visit(an_allocation(a_need(case()), capacity(), state="confirmed")),
            "notice_id": lambda: a_notice(claimant or a_user(Role.VOLUNTEER)),
            "run_id": lambda: a_run(region),
            "trial_id": lambda: a_run(region, trial=True),
            "slug": alliance,
            "package_id": lambda: a_package(alliance()),
            "document_id": lambda: a_document(supplier()),
            "invitation_id": lambda: an_invitation(supplier()),
            "member_id": lambda: Named(a_user(organization=supplier()).public_id, supplier()),
            "teammate_id": lambda: Named(a_team_member(case()).public_id, case()),
            "token": lambda: Named("forged"),  # a link opens for nobody who was not sent it
            "offer_id": lambda: a_volunteers_offer(claimant, region=region),
            "account_id": lambda: a_user(Role.CASEWORKER, region=region),
        }
    )


def _rules(app: Flask) -> Iterator[tuple[Rule, str]]:
    for rule in sorted(app.url_map.iter_rules(), key=lambda rule: (rule.rule, rule.endpoint)):
        if rule.endpoint not in LEFT_OUT:
            for method in sorted((rule.methods or set()) & {"GET", "POST"}):
                yield rule, method


def _status(app: Flask, client: Browser, rule: Rule, method: str, values: dict[str, str], token: str) -> int:
    url = app.url_map.bind("localhost").build(rule.endpoint, values, method=method)
    if method == "GET":
        return client.get(url, headers={"Accept": "application/json, text/html;q=0.9"}).status_code
    return client.post(
        url, data={"csrf_token": token}, headers={"Accept": "application/json, text/html;q=0.9"}
    ).status_code


def _person(role: Role, organization: Any) -> User | None:
    if role is Role.PUBLIC:
        return None
    if role in (Role.CHARITY, Role.CHARITY_MANAGER):
        position = "manager" if role is Role.CHARITY_MANAGER else "staff"
        return a_user(region=DAWUKOU, organization=organization, position=position)
    return a_user(role, region=DAWUKOU)


def _actor(user: User | None) -> Actor:
    return accounts.actor_of(user) if user else Actor()


def _reaches(actor: Actor, permission: Permission, row: Any) -> bool:
    """Reach by the table of grants; a part is reached through what it is part of."""
    for whole in ("allocation", "case", "project", "organization", "alliance"):
        if not hasattr(type(row), "__scope__") and hasattr(row, whole):
            return may_reach(actor, permission, getattr(row, whole))
    return may_reach(actor, permission, row)


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("whose", ["own", "foreign"])
def test_every_role_reaches_exactly_what_it_is_granted(app: Flask, client: Browser, role: Role, whose: str) -> None:
    organization = an_organization()
    user = _person(role, organization)
    if user:
        client.sign_in(user)
    actor = _actor(user)
    token = client.csrf_token("/account/register")
    claimant = user if role is Role.VOLUNTEER and whose == "own" else None
    cases = 0
    for rule, method in _rules(app):
        if whose == "foreign" and not rule.arguments:
            continue
        # Made anew for each request: the request before may have changed them.
        records = (
            _records(DAWUKOU, claimant=claimant, public=True, organization=organization)
            if whose == "own"
            else _records(ELSEWHERE, claimant=None, public=False)
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


def _digest_of_database() -> str:
    """Everything but the trail of looks and the index's change log."""
    digest = hashlib.sha256()
    for table in db.metadata.sorted_tables:
        if table.name not in {"audit_event", "audit_chain", "index_change"}:
            for row in db.session.execute(select(table).order_by(*table.primary_key.columns)):
                digest.update(repr([str(value) for value in row]).encode())
    db.session.commit()
    return digest.hexdigest()


@pytest.mark.parametrize("role", [Role.CASEWORKER, Role.CHARITY, Role.OFFICER, Role.COORDINATOR, Role.VOLUNTEER])
def test_reading_changes_nothing(app: Flask, client: Browser, role: Role) -> None:
    organization = an_organization()
    user = _person(role, organization)
    assert user
    client.sign_in(user)
    records = _records(DAWUKOU, claimant=user, public=True, organization=organization)
    records.make_all()
    before = _digest_of_database()
    for rule, method in _rules(app):
        if method == "GET":
            _status(app, client, rule, method, records.values(rule), "")
    assert _digest_of_database() == before


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
