"""Rules of organizations, one by one."""

from dataclasses import replace
from typing import Any

import pytest
from flask import Flask

from marketplace import audit, credit_code
from marketplace.accounts.services import actor_of
from marketplace.errors import AccessDenied, InvalidInput, NotFound, StateConflict
from marketplace.extensions import db
from marketplace.organizations import services
from marketplace.organizations.models import Organization
from marketplace.organizations.services.registration import code_fault
from marketplace.permissions import ANYONE, Actor, Role, system_actor
from tests.support import world

pytestmark = pytest.mark.both_databases

BODY = "52640202MJX000001"
CODE = BODY + credit_code.check_character(BODY)
PROFILE = services.Profile(
    name="石城爱心协会",
    kind="charity",
    region=world.DAWUKOU,
    credit_code=CODE,
    summary="为老人送餐。",
    contact_name=world.CANARIES["contact_name"],
    contact_phone=world.CANARIES["contact_phone"],
)


def officer(region: str = world.DAWUKOU) -> Actor:
    return actor_of(world.a_user(Role.OFFICER, region=region))


def volunteer() -> Actor:
    return actor_of(world.a_user(Role.VOLUNTEER, region=None))


def member_of(organization: Organization) -> Actor:
    return actor_of(world.a_user(organization=organization))


def stored(organization: Organization) -> Organization:
    db.session.expire_all()
    return db.session.get_one(Organization, organization.id)


def test_whoever_registers_an_organization_becomes_its_member(app: Flask) -> None:
    actor = volunteer()
    organization = services.register(actor, PROFILE)
    assert organization.state == "registered"
    assert str(organization.contact_phone) == "100****4321"
    db.session.expire_all()
    from marketplace.accounts.models import User

    again = actor_of(db.session.get_one(User, actor.user_id))
    assert again.organization_ids == {organization.id}
    assert Role.CHARITY in again.roles
    actions = [event.action for event in audit.history("organization", organization.id)]
    assert actions == ["organization:created"]


def test_nobody_registers_without_an_account(app: Flask) -> None:
    with pytest.raises(AccessDenied):
        services.register(ANYONE, PROFILE)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"name": "  "}, "name"),
        ({"kind": "sect"}, "kind"),
        ({"region": "110000"}, "region"),
        ({"credit_code": ""}, "credit_code"),
        ({"credit_code": "123"}, "credit_code"),
        ({"contact_name": ""}, "contact_name"),
        ({"contact_phone": " "}, "contact_phone"),
    ],
)
def test_a_registration_names_the_field_that_is_wrong(app: Flask, change: dict[str, str], field: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        services.register(volunteer(), replace(PROFILE, **change))
    assert set(refused.value.fields) == {field}


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (CODE[:-1], "this one has 17"),
        ("S" + CODE[1:-1] + "O", "O S"),
        (CODE[:-1] + ("1" if CODE[-1] != "1" else "2"), "check character"),
    ],
)
def test_a_wrong_credit_code_is_told_apart(app: Flask, code: str, words: str) -> None:
    with app.test_request_context("/?lang=en"):
        from flask import g

        g.settings_locale = "en"
        assert words in str(code_fault(code))
    assert code_fault(CODE) is None


def test_full_width_and_spaced_codes_are_read(app: Flask) -> None:
    spaced = f" {CODE[:6].lower()} {CODE[6:]} ".replace("5", "５")
    assert services.register(volunteer(), replace(PROFILE, credit_code=spaced)).credit_code == CODE


def test_a_credit_code_registers_once(app: Flask) -> None:
    services.register(volunteer(), PROFILE)
    with pytest.raises(InvalidInput) as refused:
        services.register(volunteer(), replace(PROFILE, name="另一家"))
    assert set(refused.value.fields) == {"credit_code"}


def test_only_a_volunteer_team_may_have_no_code(app: Flask) -> None:
    team = replace(PROFILE, kind="volunteer_team", credit_code="")
    assert services.register(volunteer(), team).credit_code is None
    assert services.register(volunteer(), team).credit_code is None


def test_an_officer_of_the_region_verifies(app: Flask) -> None:
    organization = world.an_organization(state="registered")
    with pytest.raises(NotFound):
        services.verify(officer(world.HUINONG), organization.public_id, 1)
    services.verify(officer("640200"), organization.public_id, 1)
    assert stored(organization).state == "verified"
    with pytest.raises(StateConflict):
        services.verify(officer(), organization.public_id, 2)


def test_an_officer_who_is_a_member_decides_nothing_about_it(app: Flask) -> None:
    organization = world.an_organization(state="registered")
    both = actor_of(world.a_user(Role.OFFICER, organization=organization))
    key = organization.public_id
    with pytest.raises(AccessDenied):
        services.verify(both, key, 1)
    with pytest.raises(AccessDenied):
        services.refuse(both, key, 1, "不行")
    with pytest.raises(AccessDenied):
        services.suspend(both, key, "不行")
    with pytest.raises(AccessDenied):
        services.reinstate(both, key)
    with pytest.raises(AccessDenied):
        services.reveal_contact(both, key, "核验")
    assert stored(organization).state == "registered"


def test_an_edit_after_the_officer_read_it_stops_the_verification(app: Flask) -> None:
    organization = services.register(volunteer(), PROFILE)
    services.edit(member_of(organization), organization.public_id, 1, replace(PROFILE, name="改了名"))
    with pytest.raises(StateConflict):
        services.verify(officer(), organization.public_id, 1)
    services.verify(officer(), organization.public_id, 2)


def test_a_refusal_has_a_reason_and_may_be_mended(app: Flask) -> None:
    organization = world.an_organization(state="registered")
    with pytest.raises(InvalidInput):
        services.refuse(officer(), organization.public_id, 1, "  ")
    services.refuse(officer(), organization.public_id, 1, "名称与执照不符")
    assert (stored(organization).state, stored(organization).refusal_reason) == ("refused", "名称与执照不符")
    member = member_of(organization)
    services.resubmit(member, organization.public_id)
    assert stored(organization).state == "registered"
    with pytest.raises(StateConflict):
        services.resubmit(member, organization.public_id)


def test_only_a_member_submits_again_or_edits(app: Flask) -> None:
    organization = world.an_organization(state="refused", refusal_reason="x")
    stranger = member_of(world.an_organization())
    with pytest.raises(NotFound):
        services.resubmit(stranger, organization.public_id)
    with pytest.raises(NotFound):
        services.edit(stranger, organization.public_id, 1, PROFILE)


def test_a_suspension_is_ended_by_an_officer(app: Flask) -> None:
    organization = world.an_organization()
    services.suspend(officer(), organization.public_id, "等待年检")
    assert (stored(organization).state, stored(organization).is_public) == ("suspended", False)
    services.reinstate(officer(), organization.public_id)
    assert (stored(organization).state, stored(organization).refusal_reason) == ("verified", None)


def test_what_was_verified_stays_as_it_was_verified(app: Flask) -> None:
    organization = services.register(volunteer(), PROFILE)
    services.verify(officer(), organization.public_id, 1)
    member = member_of(organization)
    changed = replace(
        PROFILE, name="别的名字", region="640100", summary="新的介绍", name_en="Stone City", contact_name=""
    )
    services.edit(member, organization.public_id, 2, changed)
    row = stored(organization)
    assert (row.name, row.region, row.credit_code) == (PROFILE.name, PROFILE.region, CODE)
    assert (row.summary, row.name_en) == ("新的介绍", "Stone City")
    assert row.contact_name.plain() == world.CANARIES["contact_name"]  # type: ignore[union-attr]
    last = audit.history("organization", row.id)[-1]
    assert (last.action, last.fields) == ("organization:edited", ["contact_phone", "name_en", "summary"])


def test_two_edits_of_one_form_do_not_overwrite_each_other(app: Flask) -> None:
    organization = services.register(volunteer(), PROFILE)
    member = member_of(organization)
    services.edit(member, organization.public_id, 1, replace(PROFILE, summary="第一"))
    with pytest.raises(StateConflict):
        services.edit(member, organization.public_id, 1, replace(PROFILE, summary="第二"))
    assert stored(organization).summary == "第一"


def test_an_edit_keeps_the_code_its_own(app: Flask) -> None:
    services.register(volunteer(), PROFILE)
    other = world.an_organization(state="registered")
    with pytest.raises(InvalidInput) as refused:
        services.edit(member_of(other), other.public_id, 1, PROFILE)
    assert set(refused.value.fields) == {"credit_code"}


def test_an_officer_sees_a_contact_with_a_trace(app: Flask) -> None:
    organization = world.an_organization(state="registered")
    with pytest.raises(InvalidInput):
        services.reveal_contact(officer(), organization.public_id, "")
    plain = services.reveal_contact(officer(), organization.public_id, "电话核实")
    assert plain == {key: world.CANARIES[key] for key in ("contact_name", "contact_phone")}
    last = audit.history("organization", organization.id)[-1]
    assert (last.action, last.reason) == ("organization:reveal", "电话核实")


def names(page: Any) -> set[str]:
    return {row.name for row in page.items}


def test_each_reader_sees_their_own_part(app: Flask) -> None:
    public = world.an_organization(name="公开的")
    waiting = world.an_organization(name="待核验的", state="registered")
    elsewhere = world.an_organization(name="惠农待核验的", state="registered", region=world.HUINONG)
    everything = services.Filters()
    assert names(services.listing(ANYONE, everything)) == {"公开的"}
    assert names(services.listing(officer(), everything)) == {"公开的", "待核验的"}
    assert names(services.listing(officer(), services.Filters(tab="queue"))) == {"待核验的"}
    assert names(services.listing(officer(world.HUINONG), services.Filters(tab="region"))) == {"惠农待核验的"}
    member = member_of(elsewhere)
    assert names(services.listing(member, everything)) == {"公开的", "惠农待核验的"}
    assert names(services.listing(member, services.Filters(tab="mine"))) == {"惠农待核验的"}
    assert services.tabs(member) == ["all", "mine"]
    assert services.tabs(officer()) == ["all", "queue", "unmanaged", "region"]
    assert services.get(ANYONE, public.public_id).id == public.id
    with pytest.raises(NotFound):
        services.get(ANYONE, waiting.public_id)


def test_the_list_is_filtered(app: Flask) -> None:
    world.an_organization(name="律所", kind="law_firm")
    world.an_organization(name="医院", kind="hospital", region=world.XINGQING)
    assert names(services.listing(ANYONE, services.Filters(kind="law_firm"))) == {"律所"}
    assert names(services.listing(ANYONE, services.Filters(region="640100"))) == {"医院"}
    assert names(services.listing(ANYONE, services.Filters(state="registered"))) == set()


def test_the_trail_is_for_those_with_the_right_to_it(app: Flask) -> None:
    organization = services.register(volunteer(), PROFILE)
    services.refuse(officer(), organization.public_id, 1, "执照过期")
    auditor = actor_of(world.a_user(Role.AUDITOR))
    entries = services.history(auditor, stored(organization))
    assert [entry.text for entry in entries] == ["执照过期", None]
    assert services.history(officer(), organization) == []


def test_an_import_finds_by_exact_name_or_makes_a_verified_one(app: Flask) -> None:
    waiting = world.an_organization(name="同名", state="registered")
    actor = system_actor("import")
    assert services.ensure(actor, "同名").id == waiting.id
    verified = world.an_organization(name="同名")
    assert services.ensure(actor, "同名").id == verified.id
    made = services.ensure(actor, "新机构", region=world.HUINONG, kind="hospital", external_id="O9")
    assert (made.state, made.imported, made.kind, made.external_id) == ("verified", True, "hospital", "O9")
    assert services.ensure(actor, "新机构").id == made.id


def test_an_alliance_shows_its_public_members_by_kind(app: Flask) -> None:
    firm = world.an_organization(kind="law_firm")
    hidden = world.an_organization(kind="hospital", state="suspended", refusal_reason="x")
    actor = system_actor("demo")
    for _again in range(2):
        alliance = services.ensure_alliance(
            actor, "wu-bang-nin", name="武帮您", region=world.DAWUKOU, members=[firm, hidden]
        )
    assert {kind: [row.id for row in rows] for kind, rows in services.alliance_members(ANYONE, alliance).items()} == {
        "law_firm": [firm.id]
    }
    page, counts = services.alliances(ANYONE)
    assert (page.total, counts) == (1, {alliance.id: 1})
    assert [found.slug for found in services.alliances_of(firm)] == ["wu-bang-nin"]
    with pytest.raises(NotFound):
        services.get_alliance(ANYONE, "nobody")
