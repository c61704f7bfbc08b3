"""Pages of organizations and alliances, as each reader gets them."""

from collections.abc import Callable

from flask import Flask

from marketplace import credit_code
from marketplace.extensions import db
from marketplace.organizations import services
from marketplace.organizations.models import Organization
from marketplace.permissions import Role, system_actor
from marketplace.wording import day
from tests.support import world
from tests.support.canary import CanaryWatch
from tests.support.client import Browser

BODY = "53640202MJX000007"
FORM = {
    "name": "石城助困基金会",
    "kind": "foundation",
    "region": world.DAWUKOU,
    "credit_code": BODY + credit_code.check_character(BODY),
    "summary": "帮助重病患者。",
    # No canaries: a refused form shows its author what they typed.
    "contact_name": "贺联系人",
    "contact_phone": "0952-5550101",
}


def only_organization() -> Organization:
    db.session.rollback()
    return db.session.query(Organization).one()


def test_an_organization_registers_is_refused_mends_and_is_verified(
    app: Flask, client: Browser, new_client: Callable[[], Browser]
) -> None:
    client.sign_in(world.a_user(Role.VOLUNTEER, region=None))
    officer = new_client().sign_in(world.a_user(Role.OFFICER))
    wrong = client.submit("/organizations/register", FORM | {"credit_code": FORM["credit_code"][:-1]})
    assert wrong.status_code == 422
    assert "18" in wrong.get_data(as_text=True)
    answer = client.submit("/organizations/register", FORM)
    assert answer.status_code == 303
    page = answer.location
    assert new_client().get(page).status_code == 404
    own = client.get(page).get_data(as_text=True)
    assert "095****0101" in own
    assert FORM["contact_phone"] not in own

    queue = officer.get("/organizations?tab=queue").get_data(as_text=True)
    assert FORM["name"] in queue
    assert f">{day(only_organization().created_at)}<" in queue  # how long it has waited
    assert officer.submit(f"{page}/refuse", {"version": 1, "reason": " "}).status_code == 422
    assert officer.submit(f"{page}/refuse", {"version": 1, "reason": "简介太短"}).status_code == 303
    assert "简介太短" in client.get(page).get_data(as_text=True)

    form = client.get(f"{page}/edit").get_data(as_text=True)
    assert "095****0101" in form
    mended = FORM | {"summary": "帮助重病患者，自2019年起。", "version": 2, "contact_name": "", "contact_phone": ""}
    assert client.submit(f"{page}/edit", mended).status_code == 303
    assert client.submit(f"{page}/resubmit").status_code == 303
    assert officer.submit(f"{page}/verify", {"version": 1}).status_code == 409
    row = only_organization()
    assert officer.submit(f"{page}/verify", {"version": row.version}).status_code == 303
    public = new_client().get(page)
    assert public.status_code == 200
    assert "095****0101" not in public.get_data(as_text=True)
    assert FORM["name"] in new_client().get("/organizations?kind=foundation").get_data(as_text=True)

    assert officer.submit(f"{page}/suspend", {"reason": "年检未过"}).status_code == 303
    assert new_client().get(page).status_code == 404
    assert "年检未过" in client.get(page).get_data(as_text=True)
    assert officer.submit(f"{page}/reinstate").status_code == 303
    assert new_client().get(page).status_code == 200


def test_a_code_that_is_registered_already_is_told_beside_its_field(app: Flask, client: Browser) -> None:
    world.an_organization(credit_code=FORM["credit_code"])
    client.sign_in(world.a_user(Role.VOLUNTEER, region=None))
    answer = client.submit("/organizations/register", FORM)
    assert answer.status_code == 422
    assert 'id="credit_code-error"' in answer.get_data(as_text=True)


def test_an_edit_that_breaks_a_rule_is_told_beside_its_field(app: Flask, client: Browser) -> None:
    organization = world.an_organization(state="registered")
    client.sign_in(world.a_user(organization=organization))
    page = f"/organizations/{organization.public_id}"
    wrong = FORM | {"version": 1, "credit_code": "", "contact_phone": "call me"}
    answer = client.submit(f"{page}/edit", wrong)
    assert answer.status_code == 422
    assert 'id="contact_phone-error"' in answer.get_data(as_text=True)
    answer = client.submit(f"{page}/edit", wrong | {"contact_phone": ""})
    assert 'id="credit_code-error"' in answer.get_data(as_text=True)
    officer = client.sign_in(world.a_user(Role.OFFICER))
    verified = world.an_organization()
    assert officer.submit(f"/organizations/{verified.public_id}/suspend", {"reason": ""}).status_code == 422


def test_others_neither_see_nor_act(app: Flask, client: Browser, new_client: Callable[[], Browser]) -> None:
    organization = world.an_organization(state="registered")
    page = f"/organizations/{organization.public_id}"
    stranger = client.sign_in(world.a_user(organization=world.an_organization()))
    assert stranger.get(page).status_code == 404
    assert stranger.get(f"{page}/edit").status_code == 404
    assert stranger.submit(f"{page}/edit", FORM).status_code == 404
    assert stranger.submit(f"{page}/verify", {"version": 1}).status_code == 403
    elsewhere = new_client().sign_in(world.a_user(Role.OFFICER, region=world.HUINONG))
    assert elsewhere.submit(f"{page}/verify", {"version": 1}).status_code == 404
    assert new_client().get("/organizations/register").status_code == 302


def test_an_officer_looks_at_a_contact_with_a_reason(app: Flask, client: Browser, canary: CanaryWatch) -> None:
    organization = world.an_organization(state="registered")
    page = f"/organizations/{organization.public_id}"
    client.sign_in(world.a_user(Role.OFFICER))
    assert client.submit(f"{page}/contact", {"reason": ""}).status_code == 422
    canary.allow("organizations.reveal_contact")
    shown = client.submit(f"{page}/contact", {"reason": "电话核实"})
    assert world.CANARIES["contact_phone"] in shown.get_data(as_text=True)


def test_a_member_edits_what_was_not_verified(app: Flask, client: Browser) -> None:
    organization = world.an_organization(name="已核验机构")
    client.sign_in(world.a_user(organization=organization))
    page = f"/organizations/{organization.public_id}"
    assert 'name="credit_code"' not in client.get(f"{page}/edit").get_data(as_text=True)
    changed = {"summary": "新的介绍", "version": 1, "name": "冒名", "contact_name": "", "contact_phone": ""}
    assert client.submit(f"{page}/edit", changed).status_code == 303
    row = only_organization()
    assert (row.name, row.summary) == ("已核验机构", "新的介绍")
    assert client.submit(f"{page}/edit", changed).status_code == 409
    assert client.submit(f"{page}/edit").status_code == 409


def test_an_auditor_reads_the_trail(app: Flask, client: Browser) -> None:
    organization = world.an_organization(state="registered")
    services.verify(system_actor("demo"), organization.public_id, 1)
    client.sign_in(world.a_user(Role.AUDITOR))
    page = client.get(f"/organizations/{organization.public_id}?lang=en").get_data(as_text=True)
    assert "Demonstration data" in page.split("History")[1]  # who acted: the process, in words


def test_empty_lists_say_what_to_do(app: Flask, client: Browser) -> None:
    assert "empty-state" in client.get("/organizations").get_data(as_text=True)
    assert "empty-state" in client.get("/alliances").get_data(as_text=True)
    client.sign_in(world.a_user(Role.OFFICER))
    assert "empty-state" in client.get("/organizations?tab=queue&region=nonsense&page=-3").get_data(as_text=True)


def test_the_alliance_marks_its_sample_model(app: Flask, client: Browser) -> None:
    firm = world.an_organization(name="正平律师事务所", name_en="Zhengping", kind="law_firm")
    actor = system_actor("demo")
    services.ensure_alliance(
        actor, "wu-bang-nin", name="武帮您", region=world.DAWUKOU, summary="“4+5+N”示例,非官方解释", members=[firm]
    )
    services.ensure_alliance(actor, "plain", name="另一个联盟", region=world.DAWUKOU)
    page = client.get("/alliances/wu-bang-nin?lang=en").get_data(as_text=True)
    assert "a sample, not an official explanation" in page
    assert "Zhengping" in page
    assert "not an official" not in client.get("/alliances/plain?lang=en").get_data(as_text=True)
    assert "武帮您" in client.get("/alliances").get_data(as_text=True)
    assert client.get("/alliances/nobody").status_code == 404
