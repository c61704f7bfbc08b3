"""No page of organizations, alliances and accounts asks the database more the more rows it shows."""

from flask import Flask

from marketplace.organizations.models import AllianceMember
from marketplace.permissions import Role
from tests.marketplace.matches.run_support import statements
from tests.support import world
from tests.support.client import Browser

MOST = 12
ROWS = 8


def test_pages_of_many_rows_ask_little(app: Flask, client: Browser) -> None:
    organization, alliance, case = world.an_organization(), world.an_alliance(), world.a_case()
    for number in range(ROWS):
        world.a_user(Role.CASEWORKER)
        world.a_user(organization=organization, position="staff")
        world.an_invitation(organization)
        world.a_document(organization)
        world.a_package(alliance, name=f"套餐{number}")
        world.save(AllianceMember(alliance_id=alliance.id, organization_id=world.an_organization().id))
    own, joined = f"/organizations/{organization.public_id}", f"/alliances/{alliance.slug}"
    for reader, pages in (
        (world.a_user(Role.ADMINISTRATOR), ["/account/staff"]),
        (world.a_user(organization=organization), [own, f"{own}/members"]),
        (world.a_user(Role.COORDINATOR), ["/alliances", joined, f"{joined}/members?find=测试"]),
        (world.a_user(Role.OFFICER), ["/organizations", "/organizations?tab=queue", "/organizations?tab=unmanaged"]),
        (world.a_user(Role.CASEWORKER), [f"/cases/{case.public_id}/packages"]),
    ):
        client.sign_in(reader)
        for page in pages:
            with statements() as sent:
                assert client.get(page).status_code == 200, page
            assert len(sent) <= MOST, (page, sent)
