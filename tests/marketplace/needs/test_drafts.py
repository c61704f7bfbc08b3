"""Drafts: kept as one types, private while they tell too much, put away and taken back."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from flask import Flask

from marketplace import audit
from marketplace.errors import InvalidInput, NotFound, StateConflict
from marketplace.extensions import db
from marketplace.needs import services
from marketplace.needs.models import Need
from marketplace.needs.services import ANY_STATE, NeedEntry, NeedFilter
from marketplace.permissions import Role
from tests.marketplace.needs.people import a_wish_entry, an_entry, refusal, staff
from tests.support.client import Browser
from tests.support.world import DAWUKOU, HUINONG, a_case, a_need, a_user, in_days

pytestmark = [pytest.mark.usefixtures("english"), pytest.mark.both_databases]
NOTHING = NeedEntry(kind="", category="", title="", region="", quantity=0, urgency="")
TELLING = "给李小明的棉鞋，电话13812345678"


def test_a_draft_may_lack_everything(app: Flask) -> None:
    need = services.save_draft(staff(), NOTHING)
    assert (need.state, need.kind, need.category, need.title, need.region) == ("draft", "service", "", "", DAWUKOU)
    with pytest.raises(InvalidInput, match="not finished"):
        services.send(staff(), need.public_id)


@pytest.mark.parametrize(
    ("values", "kept"),
    [
        ({"kind": "loan"}, {"kind": "service"}),
        ({"quantity": -3}, {"quantity": 1}),
        ({"kind": "micro_wish", "quantity": 7}, {"kind": "micro_wish", "quantity": 1}),
        ({"region": HUINONG}, {"region": DAWUKOU}),
        ({"groups": ("G-NONLOCAL", "G-ILL")}, {"groups": ["G-ILL"]}),
        ({"requires": ("Q-NONE",)}, {"requires": []}),
        ({"category": "S9999"}, {"category": ""}),
        ({"deadline": in_days(-3)}, {"deadline": in_days(-3)}),
        ({"value_fen": -1}, {"value_fen": None}),
        ({"title": "字" * 200}, {"title": "字" * 160}),
    ],
)
def test_what_cannot_be_is_left_out_of_a_draft_and_the_rest_kept(
    app: Flask, values: dict[str, Any], kept: dict[str, Any]
) -> None:
    need = services.save_draft(staff(), an_entry(**values))
    assert {name: getattr(need, name) for name in kept} == kept
    assert need.state == "draft"


def test_a_text_that_tells_who_it_is_stays_sealed_and_its_author_s(app: Flask) -> None:
    author, other = staff(), staff()
    need = services.save_draft(author, a_wish_entry(title=TELLING))
    assert need.title == "给李小明的棉鞋,电话▢▢"
    assert TELLING not in db.session.execute(db.text("SELECT draft_title FROM need")).scalar_one()
    assert services.typed_title(author, need) == TELLING
    assert services.typed_title(other, need) == need.title
    with pytest.raises(InvalidInput, match="tells who"):
        services.send(author, need.public_id)
    services.save_draft(author, a_wish_entry(title="一双棉鞋"), public_id=need.public_id, version=need.version)
    assert (need.title, need.draft_title) == ("一双棉鞋", None)
    assert services.send(author, need.public_id).state == "review"


def test_another_s_save_of_the_blanks_keeps_what_the_author_typed(app: Flask) -> None:
    author, other = staff(), staff()
    need = services.save_draft(author, a_wish_entry(title=TELLING))
    again = a_wish_entry(title=need.title, quantity=1, urgency="blue")
    services.save_draft(other, again, public_id=need.public_id, version=need.version)
    assert (need.urgency, need.draft_title.plain() if need.draft_title else None) == ("blue", TELLING)
    assert "title" in refusal(services.edit, other, need.public_id, again, need.version, send=True)


def test_the_household_s_own_words_are_blank_in_a_draft(app: Flask) -> None:
    case = a_case()
    need = services.save_draft(staff(), an_entry(title="金丝雀姓名甲乙丙的冬衣"), case.public_id)
    assert need.title == "▢▢的冬衣"


def test_a_draft_names_the_version_it_was_typed_on(app: Flask) -> None:
    actor = staff()
    need = services.save_draft(actor, NOTHING)
    first = need.version
    services.save_draft(actor, an_entry(), public_id=need.public_id, version=first)
    with pytest.raises(StateConflict):
        services.save_draft(actor, NOTHING, public_id=need.public_id, version=first)
    assert need.title == "两套冬衣"


def test_what_is_posted_is_no_draft_any_more(app: Flask) -> None:
    need = a_need()
    with pytest.raises(StateConflict):
        services.save_draft(staff(), NOTHING, public_id=need.public_id, version=need.version)
    with pytest.raises(StateConflict):
        services.discard(staff(), need.public_id)


def test_of_two_who_type_on_one_draft_the_second_is_told(app: Flask) -> None:
    need_id = services.save_draft(staff(), NOTHING).public_id
    actors = [staff() for _place in range(6)]
    version = db.session.query(Need).one().version
    db.session.rollback()  # a reader that stays would keep the others from writing

    def save(place: int) -> bool:
        with app.app_context():
            try:
                services.save_draft(actors[place], an_entry(quantity=place + 1), public_id=need_id, version=version)
            except StateConflict:
                return False
            return True

    with ThreadPoolExecutor(6) as pool:
        done = list(pool.map(save, range(6)))
    db.session.expire_all()
    assert sum(done) == 1
    assert db.session.query(Need).one().quantity == done.index(True) + 1


def test_a_discarded_draft_is_nowhere_until_it_is_taken_back(app: Flask) -> None:
    actor, case = staff(), a_case()
    need = services.save_draft(actor, an_entry(), case.public_id)
    services.discard(actor, need.public_id)
    db.session.expire_all()
    assert services.my_drafts(actor, 1).items == []
    assert services.work_list(actor, NeedFilter(state=ANY_STATE), 1).items == []
    assert services.state_counts(actor) == {}
    assert case.needs == []
    with pytest.raises(NotFound):
        services.load_need(actor, need.public_id)
    assert [row.public_id for row in services.discarded_drafts(actor)] == [need.public_id]
    services.restore(actor, need.public_id)
    assert [row.public_id for row in services.my_drafts(actor, 1).items] == [need.public_id]
    with pytest.raises(StateConflict):
        services.restore(actor, need.public_id)
    assert [event.action for event in audit.history("need", need.id)][-2:] == ["need:discarded", "need:restored"]


def test_another_region_s_draft_looks_absent(app: Flask) -> None:
    need = services.save_draft(staff(region=HUINONG), NOTHING)
    for act in (services.discard, services.restore):
        with pytest.raises(NotFound):
            act(staff(), need.public_id)
    with pytest.raises(NotFound):
        services.save_draft(staff(), NOTHING, public_id=need.public_id, version=1)


def test_my_drafts_are_mine(app: Flask) -> None:
    mine, actor = None, staff()
    services.save_draft(staff(), NOTHING)
    mine = services.save_draft(actor, NOTHING)
    assert [need.id for need in services.my_drafts(actor, 1).items] == [mine.id]
    assert services.draft_count(actor) == 1


JSON = {"Accept": "application/json"}


def test_a_page_saves_itself_and_is_told_where_the_next_save_goes(app: Flask, client: Browser) -> None:
    client.sign_in(a_user(Role.CASEWORKER))
    first = client.submit("/needs/new", {"title": "一双"}, headers=JSON)
    assert (first.status_code, first.json["warning"]) == (200, "")
    again = {"title": TELLING, "version": first.json["version"]}
    second = client.submit(first.json["action"], again, headers=JSON)
    assert (second.status_code, second.json["action"]) == (200, first.json["action"])
    assert second.json["warning"] != ""
    assert db.session.query(Need).one().title == "给李小明的棉鞋,电话▢▢"
    assert client.submit(first.json["action"], again, headers=JSON).status_code == 409


def test_a_save_without_a_token_or_from_another_site_is_refused(app: Flask, client: Browser) -> None:
    client.sign_in(a_user(Role.CASEWORKER))
    assert client.post("/needs/new", data={"title": "一双"}, headers=JSON).status_code == 400
    assert client.submit("/needs/new", {"title": "一双"}, headers={"Origin": "https://evil.example"}).status_code == 403
    assert db.session.query(Need).count() == 0


def test_the_list_of_drafts_discards_and_takes_back(app: Flask, client: Browser) -> None:
    client.sign_in(a_user(Role.CASEWORKER))
    client.submit("/needs/new", {"title": "一双棉鞋"})
    need = db.session.query(Need).one()
    page = client.get("/needs/drafts").get_data(as_text=True)
    assert f'action="/needs/{need.public_id}/discard"' in page
    assert client.submit(f"/needs/{need.public_id}/discard").status_code == 303
    assert client.get(f"/needs/{need.public_id}").status_code == 404
    page = client.get("/needs/drafts").get_data(as_text=True)
    assert f'action="/needs/{need.public_id}/restore"' in page
    assert client.submit(f"/needs/{need.public_id}/restore").status_code == 303
    assert client.get(f"/needs/{need.public_id}/edit").status_code == 200
