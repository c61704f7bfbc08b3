"""Documents of an organization: handed in by managers, seen by officers with a trace, fixed once verified."""

from io import BytesIO
from pathlib import Path

import pytest
from flask import Flask
from PIL import Image

from marketplace import audit
from marketplace.accounts.services import actor_of
from marketplace.errors import InvalidInput, LimitReached, NotFound, StateConflict
from marketplace.extensions import db
from marketplace.organizations import services
from marketplace.organizations.models import Organization, OrganizationDocument
from marketplace.permissions import ANYONE, Actor, Role
from tests.support import world
from tests.support.client import Browser

PDF = b"%PDF-1.7\n1 0 obj\n<<>>\nendobj\ntrailer\n%%EOF\n"


def scan() -> BytesIO:
    stream = BytesIO()
    Image.new("RGB", (20, 20), "white").save(stream, "PNG")
    stream.seek(0)
    return stream


def manager_of(organization: Organization) -> Actor:
    return actor_of(world.a_user(organization=organization))


def files(app: Flask) -> list[Path]:
    return list(Path(app.instance_path).glob("uploads/*/*"))


def test_a_manager_hands_in_and_an_officer_reads(app: Flask, client: Browser) -> None:
    organization = world.an_organization(state="registered")
    client.sign_in(world.a_user(organization=organization))
    page = f"/organizations/{organization.public_id}"
    sent = client.submit(f"{page}/documents", {"kind": "licence", "file": (scan(), "../../licence.exe")})
    assert sent.status_code == 303
    assert client.submit(f"{page}/documents", {"kind": "report", "file": (BytesIO(PDF), "r.pdf")}).status_code == 303
    first, second = db.session.query(OrganizationDocument).order_by(OrganizationDocument.id)
    assert (first.media_type, second.media_type) == ("image/jpeg", "application/pdf")
    assert "licence" not in first.file
    links = [f"{page}/documents/{document.public_id}" for document in (first, second)]

    client.sign_in(world.a_user(Role.OFFICER))
    assert links[0] in client.get(page).get_data(as_text=True)
    answer = client.get(links[1])
    assert answer.get_data() == PDF
    assert answer.headers["Content-Disposition"].startswith("attachment")
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert client.get(links[0]).mimetype == "image/jpeg"
    seen = [event for event in audit.history("organization", organization.id) if event.action.endswith("_seen")]
    assert [event.after for event in seen] == ["report", "licence"]


def test_others_neither_see_nor_hand_in(app: Flask, client: Browser) -> None:
    organization = world.an_organization()
    document = world.a_document(organization)
    path = f"/organizations/{organization.public_id}/documents/{document.public_id}"
    assert client.get(path).status_code == 302
    assert services.documents_of(ANYONE, organization) == []
    for user in (world.a_user(Role.OFFICER, region=world.HUINONG), world.a_user(organization=world.an_organization())):
        client.sign_in(user)
        assert client.get(path).status_code == 404
    client.sign_in(world.a_user(Role.AUDITOR))
    assert client.get(path).status_code == 403
    other = world.an_organization()
    client.sign_in(world.a_user(organization=other))
    assert client.get(path.replace(organization.public_id, other.public_id)).status_code == 404
    with pytest.raises(NotFound):
        services.add_document(manager_of(other), organization.public_id, "licence", scan())
    staff = actor_of(world.a_user(organization=organization, position="staff"))
    assert len(services.documents_of(staff, organization)) == 1
    with pytest.raises(NotFound):
        services.add_document(staff, organization.public_id, "licence", scan())


def test_what_is_no_scan_is_refused_beside_its_field(app: Flask, client: Browser) -> None:
    organization = world.an_organization()
    client.sign_in(world.a_user(organization=organization))
    page = f"/organizations/{organization.public_id}/documents"
    answer = client.submit(page, {"kind": "licence", "file": (BytesIO(b"<html>"), "licence.pdf")})
    assert answer.status_code == 422
    assert 'id="file-error"' in answer.get_data(as_text=True)
    assert "PDF" in answer.get_data(as_text=True).split('id="file-error"')[1].split("</div>")[0]  # what may be sent
    assert client.submit(page, {"kind": "licence"}).status_code == 422
    with pytest.raises(InvalidInput):
        services.add_document(manager_of(organization), organization.public_id, "secret", scan())
    assert files(app) == []


def test_documents_are_counted(app: Flask) -> None:
    organization = world.an_organization()
    manager = manager_of(organization)
    for _number in range(12):
        world.a_document(organization)
    with pytest.raises(LimitReached):
        services.add_document(manager, organization.public_id, "licence", scan())
    assert len(files(app)) == 12  # the one too many is gone again


def test_a_verified_organization_keeps_what_it_was_verified_with(app: Flask) -> None:
    organization = world.an_organization(state="registered")
    first, second = world.a_document(organization), world.a_document(organization)
    manager, key = manager_of(organization), organization.public_id
    services.discard_document(manager, key, first.public_id)
    assert [document.id for document in services.documents_of(manager, organization)] == [second.id]
    officer = actor_of(world.a_user(Role.OFFICER))
    version = db.session.get_one(Organization, organization.id).version
    services.verify(officer, key, version)
    with pytest.raises(StateConflict):
        services.discard_document(manager, key, second.public_id)


def test_a_removed_document_comes_back(app: Flask, client: Browser) -> None:
    organization = world.an_organization(state="registered")
    document = world.a_document(organization)
    client.sign_in(world.a_user(organization=organization))
    page = f"/organizations/{organization.public_id}"
    one = f"{page}/documents/{document.public_id}"
    assert client.submit(f"{one}/discard").status_code == 303
    shown = client.get(page).get_data(as_text=True)
    assert shown.count(f"{one}/restore") == 2  # undo in the message, and below the list for later
    assert client.get(one).status_code == 404
    assert client.submit(f"{one}/restore").status_code == 303
    assert client.get(one).status_code == 200
    assert client.submit(f"{one}/restore").status_code == 409
    done = [event.action for event in audit.history("organization", organization.id)]
    assert done[:2] == ["organization:document_removed", "organization:document_restored"]


def test_what_was_removed_stays_so_where_the_list_is_full_or_settled(app: Flask) -> None:
    organization = world.an_organization(state="registered")
    manager, key = manager_of(organization), organization.public_id
    removed = world.a_document(organization)
    services.discard_document(manager, key, removed.public_id)
    for other in (manager_of(world.an_organization()), actor_of(world.a_user(Role.OFFICER))):
        with pytest.raises(NotFound):
            services.restore_document(other, key, removed.public_id)
    for _number in range(12):
        world.a_document(organization)
    with pytest.raises(LimitReached):
        services.restore_document(manager, key, removed.public_id)
    organization.state = "verified"
    db.session.commit()
    with pytest.raises(StateConflict):
        services.restore_document(manager, key, removed.public_id)
    assert services.removed_documents(manager, organization) == []


def test_a_document_handed_in_while_the_officer_reads_stops_the_verification(app: Flask) -> None:
    organization = world.an_organization(state="registered")
    services.add_document(manager_of(organization), organization.public_id, "licence", scan())
    with pytest.raises(StateConflict):
        services.verify(actor_of(world.a_user(Role.OFFICER)), organization.public_id, 1)
