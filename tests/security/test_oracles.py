"""Lists, filters, orders and searches as an oracle: what an answer may not tell must not change it either.

A value that a reader may not know is changed behind their back; then every list that the reader may ask for, with
every filter, must answer as before. And what is another's must answer as what is not there, word for word.
"""

import re
from collections.abc import Iterable
from typing import Any

import pytest
from flask import Flask

from marketplace.accounts.models import User
from marketplace.extensions import db
from marketplace.needs.anonymity import MINIMUM_CROWD
from marketplace.permissions import Role
from marketplace.search import services as search
from tests.security.records import records_of, rules
from tests.support.client import Browser
from tests.support.world import (
    DAWUKOU,
    HUINONG,
    XINGQING,
    a_capacity,
    a_case,
    a_need,
    a_project,
    a_user,
    a_wish,
    an_allocation,
    an_organization,
    in_days,
)

PINGLUO = "640221"
COUNTIES = (DAWUKOU, HUINONG, PINGLUO)
#: What differs between two answers to the same question: tokens of forms, and keys of requests.
_PASSING = re.compile(r'(name="(?:csrf[-_]token|idempotency_key)" (?:type="hidden" )?(?:content|value)=)"[^"]*"')
Told = dict[str, tuple[int, str]]


def told(client: Browser, addresses: Iterable[str]) -> Told:
    """Address -> status and text of the answer, without what is new in every answer."""
    answers = {}
    for address in addresses:
        answer = client.get(address)
        answers[address] = (answer.status_code, _PASSING.sub(r"\1", answer.get_data(as_text=True)))
    return answers


def _same(before: Told, after: Told) -> None:
    changed = {
        address: set(before[address][1].split("\n")) ^ set(after[address][1].split("\n"))
        for address in before
        if before[address] != after[address]
    }
    assert changed == {}
    assert {status for status, _text in before.values()} <= {200, 302, 403, 404}


# --- the county that a card keeps back -------------------------------------------------------------------------------


@pytest.fixture
def hidden_wish(app: Flask) -> Any:
    """One of two wishes of a prefecture whose cards name no county, beside a crowd whose cards do."""
    for _place in range(MINIMUM_CROWD):
        a_wish(a_case(DAWUKOU), title="一床棉被", groups=["G-HARDCHILD"])
    a_wish(a_case(HUINONG), title="一双棉鞋", groups=["G-ELDALONE"])
    return a_wish(a_case(HUINONG), title="一双棉鞋", groups=["G-ELDALONE"])


def _questions_about_places(wishes: Iterable[Any]) -> list[str]:
    found = ["/", "/wishes", "/search?q=棉鞋", "/search?q=棉鞋&kind=wish&region=640200"]
    for county, name in zip(COUNTIES, ("大武口", "惠农", "平罗"), strict=True):
        found += [f"/wishes?county={county}", f"/search?q=棉鞋&kind=wish&region={county}"]
        found += [f"/search?q=棉鞋 {name}&kind=wish", f"/search?q={name}&kind=wish"]
    return found + [f"/wishes/{wish.public_id}" for wish in wishes]


@pytest.mark.parametrize("role", [None, Role.VOLUNTEER])
def test_no_filter_search_or_order_tells_the_county_that_a_card_keeps_back(
    client: Browser, hidden_wish: Any, role: Role | None
) -> None:
    """P6: the wish moves to another county of its prefecture, and nobody of the public can tell."""
    others = [a_wish(a_case(county), title="一双棉鞋", groups=["G-ELDALONE"]) for county in (PINGLUO, HUINONG)]
    if role:
        client.sign_in(a_user(role, region=None))
    questions = _questions_about_places([hidden_wish, *others])
    search.rebuild()
    before = told(client, questions)
    assert before["/search?q=棉鞋"][1].count(hidden_wish.public_id) == 1
    hidden_wish.region = hidden_wish.case.region = PINGLUO
    db.session.commit()
    search.rebuild()
    _same(before, told(client, questions))


def test_a_search_names_the_place_that_the_card_names(client: Browser, hidden_wish: Any) -> None:
    search.rebuild()
    page = client.get("/search?q=棉鞋&kind=wish").get_data(as_text=True)
    found = re.findall(r'data-label="(?:地区|Region)">([^<]*)<', page)
    assert len(found) == 2
    assert set(found) <= {"石嘴山市", "Shizuishan"}
    crowd = client.get("/search?q=棉被&kind=wish").get_data(as_text=True)
    assert set(re.findall(r'data-label="(?:地区|Region)">([^<]*)<', crowd)) <= {"大武口区", "Dawukou"}


# --- what givers do not learn of a wish -------------------------------------------------------------------------------

#: Of a need, changes that leave what its public card tells as it is.
KEPT_BACK: dict[str, dict[str, Any]] = {
    "colour": {"urgency": "red"},
    "groups": {"groups": ["G-SEVDIS", "T-DIBAO"]},
    "value": {"value_fen": 10_001},
    "deadline": {"deadline": in_days(12)},
    "person": {"consent_by": "guardian"},
    "author": {"author": "user:77"},
}
_BOARD = ["/", "/wishes", "/collection-days", "/account/claims", "/allocations", "/search?q=棉鞋"] + [
    f"/wishes?{query}"
    for query in ("price=10000", "price=20000", "needed=week", "needed=month", "category=S11", "price=11000", "page=2",
                  "realised=1", "urgency=red", "groups=G-ILL", "sort=urgency", "order=value_fen", "state=claimed")
] + [
    f"/{path}{query}"
    for path in ("allocations?tab=running&", "collection-days?")
    for query in ("urgency=red", "urgency=yellow", "category=S1102", "groups=G-ILL", "sort=urgency")
]  # fmt: skip


@pytest.mark.parametrize("giver", [None, "volunteer", "manager"])
@pytest.mark.parametrize("change", KEPT_BACK)
def test_what_a_card_keeps_back_changes_no_list_of_givers(client: Browser, giver: str | None, change: str) -> None:
    """P17 and the white list: neither filters nor the order of lists, nor the own claim of a wish."""
    organization = an_organization()
    case = a_case()
    values = {"groups": ["G-ILL"], "value_fen": 19_999, "deadline": in_days(20), "urgency": "blue", "title": "棉鞋"}
    wishes = [a_wish(case, **(values | {"urgency": "yellow"})), a_wish(a_case(), **values), a_wish(**values)]
    person: User | None = None
    if giver:
        person = a_user(Role.VOLUNTEER, region=None) if giver == "volunteer" else a_user(organization=organization)
        client.sign_in(person)
    claims = []
    if person:
        whose = {"claimant_id": person.id, "organization_id": None if giver == "volunteer" else organization.id}
        claims = [an_allocation(wish, None, **whose) for wish in wishes[1:]]
    questions = [*_BOARD, *(f"/wishes/{wish.public_id}" for wish in wishes)]
    questions += [f"/allocations/{claim.public_id}" for claim in claims]
    search.rebuild()
    before = told(client, questions)
    for name, value in KEPT_BACK[change].items():
        # The day by which help is useful is told to whoever claimed the wish; to nobody before.
        setattr(wishes[0 if change == "deadline" else -1], name, value)
    case.colour = "RED"
    db.session.commit()
    search.rebuild()
    _same(before, told(client, questions))


# --- what is another's ------------------------------------------------------------------------------------------------


@pytest.fixture
def outsider(app: Flask) -> User:
    """Somebody with every role in another county, and a manager of an organization there."""
    every = [role for role in Role if role not in (Role.PUBLIC, Role.ADMINISTRATOR, Role.AUDITOR)]
    return a_user(*every, region=XINGQING, organization=an_organization(region=XINGQING))


_STAFF_LISTS: dict[str, tuple[str, ...]] = {
    "/needs": ("state=open", "state=any", "kind=goods", "kind=service", "urgency=red", "category=S11", "category=S02",
               f"region={DAWUKOU}", "region=64", "region=", "own=y", "without_consent=y", "page=2", "q=冬衣"),
    "/cases": ("number=C-", "colour=RED", "colour=YELLOW", f"region={DAWUKOU}", "region=%", "number=%"),
    "/allocations": ("tab=answer", "tab=running", "tab=past", "urgency=red", "category=S11", "reference=N-"),
    "/projects": ("state=draft", "tab=queue", "region=640202", "kind=charity", "category=S1102"),
    "/organizations": ("state=registered", "state=refused", "tab=queue", "tab=unmanaged", "region=640202",
                       "kind=hospital"),
    "/runs": ("region=640202", "waiting=1"), "/holds": ("kind=release", "decided=1"), "/cards": ("county=640202",),
    "/search": ("q=冬衣", "q=轮椅", "q=大武口", "q=冬衣&region=640202", "q=轮椅&kind=need", "q=未核验", "q=草稿"),
    "/follow-ups": ("planned=1",), "/allocations/handover": ("page=1",), "/needs/drafts": ("page=1",),
}  # fmt: skip


def test_what_another_county_keeps_to_itself_changes_no_list(client: Browser, outsider: User) -> None:
    """A need, a case, a draft project, a registered organization and a proposal: each changed in what filters read."""
    case = a_case()
    need = a_need(case, title="冬衣")
    unknown = an_organization(state="registered", name="未核验")
    project = a_project(unknown, state="draft", title="草稿")
    proposal = an_allocation(a_need(case), a_capacity(project))
    client.sign_in(outsider)
    questions = [f"{path}?{query}" for path, queries in _STAFF_LISTS.items() for query in queries]
    search.rebuild()
    before = told(client, questions)
    need.title, need.kind, need.category, need.urgency, need.state = "轮椅", "service", "S0201", "red", "draft"
    case.number, case.colour = "C-1", "RED"
    unknown.kind, unknown.state, unknown.refusal_reason = "hospital", "refused", "材料不全"
    project.title, project.state = "别的草稿", "submitted"
    proposal.state = "accepted"
    db.session.commit()
    search.rebuild()
    _same(before, told(client, questions))


def test_what_is_anothers_answers_as_what_is_not_there(app: Flask, client: Browser, outsider: User) -> None:
    """T1 and T14: the same status and the same words, so that asking tells nothing."""
    client.sign_in(outsider)
    foreign = records_of(DAWUKOU, claimant=None, public=False)
    foreign.make_all()
    token = client.csrf_token()
    absent = "0" * 32
    asked = 0
    for rule, method in rules(app):
        if not rule.arguments or "token" in rule.arguments or "slug" in rule.arguments:
            continue
        build = app.url_map.bind("localhost").build
        values = foreign.values(rule)
        addresses = [build(rule.endpoint, given, method=method) for given in (values, dict.fromkeys(values, absent))]
        answers = [
            client.get(address) if method == "GET" else client.post(address, data={"csrf_token": token})
            for address in addresses
        ]
        texts = [_PASSING.sub(r"\1", answer.get_data(as_text=True)) for answer in answers]
        for value in values.values():
            texts[0] = texts[0].replace(value, absent)
        assert answers[0].status_code == answers[1].status_code, (method, rule.rule)
        assert texts[0] == texts[1], (method, rule.rule)
        asked += 1
    assert asked > 100


def test_an_id_has_one_form(client: Browser) -> None:
    """Capitals, blanks and wildcards name nothing, whoever asks."""
    case = a_case()
    client.sign_in(a_user(Role.CASEWORKER))
    for row, folder in ((case, "cases"), (a_need(case), "needs"), (a_wish(case), "wishes")):
        public_id = "a" + row.public_id[1:]  # so that capitals differ
        row.public_id = public_id
        db.session.commit()
        assert client.get(f"/{folder}/{public_id}").status_code == 200
        for odd in (public_id.upper(), f"{public_id} ", f" {public_id}", f"{public_id}%00", f"{public_id}%25"):
            assert client.get(f"/{folder}/{odd}").status_code in (400, 404), odd
