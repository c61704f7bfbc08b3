"""A supplier is told what the household's consent to share covers, and nothing else."""

from typing import Any

import pytest
from flask import Flask

from marketplace.accounts.services import actor_of
from marketplace.allocations import services as allocations
from marketplace.cases import services as cases
from marketplace.needs import services
from marketplace.records import today
from tests.marketplace.needs.people import an_entry, somebody_aged, staff, withdraw_all
from tests.support.world import CANARIES, a_case, a_need, a_user, an_allocation

EVERYTHING = frozenset(cases.CONSENT_FIELDS["share"])


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ((), {"name", "phone", "address", "details"}),
        (("need", "phone"), {"phone"}),
        (("need",), set()),
        (("details", "name"), {"details", "name"}),
    ],
)
def test_what_the_consent_leaves_out_stays_sealed(app: Flask, fields: tuple[str, ...], told: set[str]) -> None:
    case = a_case()
    withdraw_all(case, "share")
    cases.give_consent(staff(), case.public_id, cases.ConsentGiven("share", "self", today(), fields=fields))
    allocation = an_allocation(a_need(case), state="accepted")
    assert allocation.capacity
    supplier = actor_of(a_user(organization=allocation.capacity.organization))
    shown = allocations.reveal_contact(supplier, allocation.public_id, "arrange")
    assert shown == {name: CANARIES[name] for name in told}


def test_a_consent_of_a_file_and_a_need_without_a_household_tell_all_there_is(app: Flask) -> None:
    assert services.shared_fields(a_need()) == EVERYTHING
    assert services.shared_fields(services.post(staff(), an_entry(), send=True)) == EVERYTHING


def test_a_consent_about_another_person_shares_nothing_of_this_one(app: Flask) -> None:
    case, caseworker = a_case(), staff()
    withdraw_all(case, "share")
    one, other = somebody_aged(case, 30), somebody_aged(case, 31)
    cases.give_consent(caseworker, case.public_id, cases.ConsentGiven("share", "self", today(), person=one.public_id))
    live: list[Any] = [
        services.post(caseworker, an_entry(person=one.public_id), case.public_id, send=True),
        services.post(caseworker, an_entry(person=other.public_id, category="S0301"), case.public_id, send=True),
    ]
    assert [need.share_consent_on for need in live] == [today(), None]
