"""Impact assessments: written and signed by officers, and asked for before a wish is published (rule P16)."""

import pytest
from flask import Flask
from sqlalchemy import delete, func, select

from marketplace import audit
from marketplace.accounts.services import actor_of
from marketplace.assessments import services
from marketplace.assessments.models import QUESTIONS, ImpactAssessment
from marketplace.errors import InvalidInput, NotFound, StateConflict
from marketplace.extensions import db
from marketplace.needs import services as needs
from marketplace.permissions import Actor, Role
from marketplace.records import today
from tests.support.client import Browser
from tests.support.world import DAWUKOU, XINGQING, a_user, a_wish, an_assessment, in_days

pytestmark = pytest.mark.usefixtures("english")


@pytest.fixture(autouse=True)
def none_yet(app: Flask) -> None:
    db.session.execute(delete(ImpactAssessment))
    db.session.commit()


@pytest.fixture
def officer(app: Flask) -> Actor:
    return actor_of(a_user(Role.OFFICER))


def an_entry(**values: object) -> services.Entry:
    given = {
        "region": DAWUKOU, "channel": "wishes", "grounds": ("publishing", "sensitive"),
        "answers": dict.fromkeys(QUESTIONS, "逐项核对后填写"), "conclusion": "conditions", "valid_until": in_days(200),
    }  # fmt: skip
    return services.Entry(**{**given, **values})  # type: ignore[arg-type]  # the values of one test


def test_no_wish_goes_public_without_an_assessment_in_force(app: Flask, officer: Actor) -> None:
    reviewer = actor_of(a_user(Role.CASEWORKER))
    wish = a_wish(state="review", approved_by=None, author="user:999")
    inside = a_wish(state="review", approved_by=None, author="user:999", internal_only=True)
    with pytest.raises(InvalidInput, match="Impact assessments"):
        needs.approve(reviewer, wish.public_id)
    assert needs.approve(reviewer, inside.public_id).state == "open"  # nothing of it goes public
    draft = services.write(officer, an_entry())
    with pytest.raises(InvalidInput):
        needs.approve(reviewer, wish.public_id)
    services.sign(officer, draft.public_id)
    assert needs.approve(reviewer, wish.public_id).is_public
    needs.take_down(reviewer, wish.public_id)
    services.withdraw(officer, draft.public_id)
    with pytest.raises(InvalidInput):
        needs.show_again(reviewer, wish.public_id)
    assert [event.action for event in audit.history("impact_assessment", draft.id)] == [
        "impact_assessment:created", "impact_assessment:signed", "impact_assessment:withdrawn",
    ]  # fmt: skip


def test_the_nearest_region_decides_and_time_ends_it(app: Flask) -> None:
    above = an_assessment()
    assert services.in_force("wishes", DAWUKOU) == above
    assert services.in_force("sources", DAWUKOU) is None
    own = an_assessment(DAWUKOU, conclusion="stop")
    assert (services.in_force("wishes", DAWUKOU), services.in_force("wishes", XINGQING)) == (None, above)
    own.conclusion = "conditions"
    assert services.in_force("wishes", DAWUKOU) == own
    assert services.in_force("wishes", XINGQING, on=in_days(366)) is None


def test_a_newer_edition_replaces_and_the_older_is_kept(app: Flask, officer: Actor) -> None:
    first = services.sign(officer, services.write(officer, an_entry()).public_id)
    second = services.sign(officer, services.write(officer, an_entry()).public_id)
    db.session.refresh(first)
    assert [(row.edition, row.state, row.signed_on) for row in (first, second)] == [
        (1, "replaced", today()), (2, "signed", today()),
    ]  # fmt: skip
    with pytest.raises(StateConflict):
        services.sign(officer, first.public_id)


def test_every_question_is_answered_and_nobody_is_named(app: Flask, officer: Actor) -> None:
    answers = dict.fromkeys(QUESTIONS, "已核对") | {"risks": "  ", "impact": "联系13812345678"}
    entry = an_entry(region=XINGQING, grounds=(), answers=answers, conclusion="", valid_until=in_days(-1))
    with pytest.raises(InvalidInput) as refused:
        services.write(officer, entry)
    assert set(refused.value.fields) == {"region", "grounds", "risks", "impact", "conclusion", "valid_until"}


def test_an_officer_writes_and_signs_on_the_pages(app: Flask, client: Browser) -> None:
    client.sign_in(a_user(Role.OFFICER))
    form = {
        "region": DAWUKOU, "channel": "wishes", "grounds": "publishing", "conclusion": "proceed",
        "valid_until": in_days(300).isoformat(), **dict.fromkeys(QUESTIONS, "已核对"),
    }  # fmt: skip
    assert client.submit("/assessments/new", form | {"risks": ""}).status_code == 422
    page = client.submit("/assessments/new", form).location
    assert client.submit(f"{page}/sign").status_code == 303
    assert page in client.get("/assessments").get_data(as_text=True)
    earlier = page.rpartition("/")[2]
    assert "已核对" in client.get(f"/assessments/new?from={earlier}").get_data(as_text=True)
    client.sign_in(a_user(Role.CASEWORKER))
    assert client.get(page).status_code == 200
    assert client.submit(f"{page}/withdraw").status_code == 403
    client.sign_in(a_user(Role.OFFICER, region=XINGQING))
    assert client.get(page).status_code == 404
    with pytest.raises(NotFound):
        services.withdraw(actor_of(a_user(Role.OFFICER, region=XINGQING)), earlier)


def test_sites_that_were_live_before_go_on_for_a_time(app: Flask) -> None:
    a_wish()
    a_wish(internal_only=True, region=XINGQING)
    assert needs.note_live_channels() == 1
    row = db.session.scalars(select(ImpactAssessment)).one()
    assert (row.region, row.origin, row.valid_until) == (DAWUKOU, "live_before", in_days(services.PROVISIONAL_DAYS))
    assert services.in_force("wishes", DAWUKOU) == row
    assert needs.note_live_channels() == 0
    assert db.session.scalar(select(func.count()).select_from(ImpactAssessment)) == 1
