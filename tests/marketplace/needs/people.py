"""Who acts in tests of needs, what they enter, and how a refusal is read."""

from datetime import date
from typing import Any

import pytest

from marketplace.accounts.services import actor_of
from marketplace.cases import services as cases
from marketplace.cases.models import Case, Person
from marketplace.errors import InvalidInput
from marketplace.extensions import db
from marketplace.needs.services import NeedEntry
from marketplace.permissions import Actor, Role
from marketplace.records import today
from tests.support.world import DAWUKOU, a_user, save


def staff(role: Role = Role.CASEWORKER, region: str = DAWUKOU) -> Actor:
    return actor_of(a_user(role, region=region))


def an_entry(**values: Any) -> NeedEntry:
    given = {
        "kind": "goods", "category": "S1102", "title": "两套冬衣", "region": DAWUKOU, "quantity": 2, "urgency": "red",
    }  # fmt: skip
    return NeedEntry(**(given | values))


def a_wish_entry(**values: Any) -> NeedEntry:
    return an_entry(**({"kind": "micro_wish", "title": "一双34码棉鞋", "quantity": 1, "value_fen": 12_000} | values))


def refusal(function: Any, *arguments: Any, **options: Any) -> dict[str, Any]:
    """The fields that a service refuses."""
    with pytest.raises(InvalidInput) as caught:
        function(*arguments, **options)
    return caught.value.fields


def born(years: int) -> date:
    """A day of birth of somebody who is so many years old today."""
    return today().replace(year=today().year - years, day=1)


def somebody_aged(case: Case, years: int, **values: Any) -> Person:
    """Somebody of a household, born so many years ago."""
    given = {"case_id": case.id, "relation": "child", "name": "岁岁平", "birth_on": born(years).isoformat()}
    person: Person = save(Person(**(given | values)))
    db.session.expire(case, ["people"])
    db.session.expire(person)
    return person


def withdraw_all(case: Case, purpose: str) -> None:
    """A household takes back every consent to a purpose."""
    for consent in list(case.consents):
        if consent.purpose == purpose and consent.withdrawn_on is None:
            cases.withdraw_consent(staff(region=case.region), case.public_id, consent.public_id)
