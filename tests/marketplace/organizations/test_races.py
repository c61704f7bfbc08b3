"""Two who act at the same moment, on both database engines: one succeeds, and what must stay stays."""

import threading
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select

from marketplace import signing
from marketplace.accounts import services as accounts
from marketplace.accounts.models import AccessLink, Membership, User, email_index
from marketplace.errors import MarketplaceError
from marketplace.extensions import db
from marketplace.needs.models import Need
from marketplace.needs.services import packages
from marketplace.organizations import services
from marketplace.organizations.models import AllianceMember
from marketplace.organizations.services import documents
from marketplace.permissions import Role
from marketplace.records import now
from tests.marketplace.allocations.engines import postgresql_app, postgresql_cluster, postgresql_url, sqlite_app
from tests.support import world

__all__ = ["postgresql_app", "postgresql_cluster", "postgresql_url", "sqlite_app"]

PASSWORD = "a sentence is easy to keep"


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def app(request: pytest.FixtureRequest) -> Any:
    """The application over each of the two engines."""
    return request.getfixturevalue(f"{request.param}_app")


def at_once(app: Flask, acts: list[Callable[[], Any]]) -> list[str]:
    """Run each in a thread with a connection of its own, all let go together; sorted words for what came of them."""
    db.session.rollback()
    outcomes: list[str] = []
    gate = threading.Barrier(len(acts))

    def run(act: Callable[[], Any]) -> None:
        with app.app_context():
            gate.wait()
            try:
                act()
                outcomes.append("done")
            except MarketplaceError:
                outcomes.append("refused")
            finally:
                db.session.remove()

    threads = [threading.Thread(target=run, args=(act,)) for act in acts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sorted(outcomes)


def test_a_link_that_several_use_at_once_works_for_one(app: Flask) -> None:
    link = AccessLink(
        purpose="register", address="race@example.org", address_index=email_index("race@example.org"),
        expires_at=now() + timedelta(hours=1),
    )  # fmt: skip
    token = signing.sign("accounts.register", world.save(link).public_id)
    outcomes = at_once(app, [lambda: accounts.register_by_link(token, "某人", PASSWORD)] * 4)
    assert outcomes == ["done", "refused", "refused", "refused"]
    assert db.session.scalar(select(func.count(User.id))) == 1


def test_one_address_that_registers_twice_at_once_has_one_account(app: Flask) -> None:
    outcomes = at_once(app, [lambda: accounts.register("race@example.org", "某人", PASSWORD)] * 3)
    assert outcomes == ["done", "refused", "refused"]


def test_two_administrators_who_disable_each_other_leave_one(app: Flask) -> None:
    users = [world.a_user(Role.ADMINISTRATOR) for _number in range(2)]
    first, second = ((accounts.actor_of(user), user.public_id) for user in users)
    acts = [
        lambda: accounts.disable(first[0], second[1]),
        lambda: accounts.disable(second[0], first[1]),
    ]
    assert at_once(app, acts) == ["done", "refused"]
    assert db.session.scalar(select(func.count(User.id)).where(User.active.is_(True))) == 1


def test_two_managers_who_leave_leave_one_behind(app: Flask) -> None:
    organization = world.an_organization()
    actors = [accounts.actor_of(world.a_user(organization=organization)) for _number in range(2)]
    key = organization.public_id
    assert at_once(app, [lambda actor=actor: services.leave(actor, key) for actor in actors]) == ["done", "refused"]
    assert db.session.scalar(select(func.count(Membership.id))) == 1


def test_two_invitations_that_one_person_accepts_make_one_member(app: Flask) -> None:
    organization = world.an_organization()
    actor = accounts.actor_of(world.a_user(Role.VOLUNTEER))
    tokens = [signing.sign("accounts.join", world.an_invitation(organization).public_id) for _number in range(2)]
    outcomes = at_once(app, [lambda token=token: services.accept_invitation(actor, token) for token in tokens])
    assert outcomes == ["done", "refused"]
    assert db.session.scalar(select(func.count(Membership.id))) == 1


def test_an_invitation_that_is_taken_back_while_it_is_accepted_does_one_of_both(app: Flask) -> None:
    organization = world.an_organization()
    manager = accounts.actor_of(world.a_user(organization=organization))
    actor = accounts.actor_of(world.a_user(Role.VOLUNTEER))
    link = world.an_invitation(organization)
    key, link_id, token = organization.public_id, link.public_id, signing.sign("accounts.join", link.public_id)
    acts = [
        lambda: services.accept_invitation(actor, token),
        lambda: services.revoke_invitation(manager, key, link_id),
    ]
    assert at_once(app, acts) == ["done", "refused"]


def test_an_organization_that_two_coordinators_add_joins_once(app: Flask) -> None:
    alliance, organization = world.an_alliance(), world.an_organization()
    slug, key = alliance.slug, organization.public_id
    actors = [accounts.actor_of(world.a_user(Role.COORDINATOR)) for _number in range(2)]
    outcomes = at_once(app, [lambda actor=actor: services.add_to_alliance(actor, slug, key) for actor in actors])
    assert outcomes == ["done", "refused"]
    assert db.session.scalar(select(func.count(AllianceMember.id))) == 1


def test_a_package_that_two_caseworkers_apply_is_applied_once(app: Flask) -> None:
    case_id, package_id = world.a_case().public_id, world.a_package().public_id
    actors = [accounts.actor_of(world.a_user(Role.CASEWORKER)) for _number in range(2)]
    acts = [lambda actor=actor: packages.apply_package(actor, case_id, package_id, urgency="red") for actor in actors]
    assert at_once(app, acts) == ["done", "refused"]
    assert db.session.scalar(select(func.count(Need.id))) == 2


def test_an_organization_that_one_verifies_and_another_refuses_is_one_of_both(app: Flask) -> None:
    organization = world.an_organization(state="registered")
    officers = [accounts.actor_of(world.a_user(Role.OFFICER)) for _number in range(2)]
    key = organization.public_id
    acts = [
        lambda: services.verify(officers[0], key, 1),
        lambda: services.refuse(officers[1], key, 1, "执照已过期"),
    ]
    assert at_once(app, acts) == ["done", "refused"]


def test_a_document_taken_back_twice_or_beside_a_full_list_comes_back_once(app: Flask) -> None:
    organization = world.an_organization(state="registered")
    manager, key = accounts.actor_of(world.a_user(organization=organization)), organization.public_id
    removed = [world.a_document(organization).public_id for _number in range(2)]
    for document in removed:
        services.discard_document(manager, key, document)
    assert at_once(app, [lambda: services.restore_document(manager, key, removed[0])] * 2) == ["done", "refused"]
    for _number in range(10):
        world.a_document(organization)
    services.discard_document(manager, key, removed[0])
    world.a_document(organization)  # eleven: one of the two finds room
    acts = [partial(services.restore_document, manager, key, document) for document in removed]
    assert at_once(app, acts) == ["done", "refused"]
    assert len(services.documents_of(manager, organization)) == documents.MOST_DOCUMENTS
