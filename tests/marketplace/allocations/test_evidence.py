"""Photos of what was handed over: made anew, few, and shown to those who may see the help."""

from io import BytesIO
from pathlib import Path

import pytest
from flask import Flask
from PIL import Image
from sqlalchemy import select

from marketplace.accounts.services import actor_of
from marketplace.allocations import services
from marketplace.allocations.models import Evidence
from marketplace.errors import InvalidInput, LimitReached, NotFound, StateConflict
from marketplace.extensions import db
from marketplace.permissions import Actor, Role
from tests.marketplace.allocations.people import a_coordinator, again, supplier_of
from tests.support import world


def a_photo(width: int = 40, height: int = 30) -> BytesIO:
    """A JPEG with EXIF of a place and a device."""
    exif = Image.Exif()
    exif[0x010F] = "CANARYCAM"
    exif.get_ifd(0x8825)[1] = "N"
    written = BytesIO()
    Image.new("RGB", (width, height), "red").save(written, "JPEG", exif=exif)
    return BytesIO(written.getvalue())


def files(app: Flask) -> list[Path]:
    folder = app.extensions["marketplace.settings"].instance_dir / "uploads"
    return sorted(path for path in folder.rglob("*") if path.is_file())


def test_a_photo_is_made_anew_without_place_or_device(app: Flask, volunteer: Actor) -> None:
    assert b"CANARYCAM" in a_photo().getvalue()
    claim = services.claim(volunteer, world.a_wish().public_id)
    row = services.add_evidence(volunteer, claim.public_id, a_photo())
    (path,) = files(app)
    assert b"CANARYCAM" not in path.read_bytes()
    with Image.open(path) as kept:
        assert (kept.format, kept.size, dict(kept.getexif())) == ("JPEG", (40, 30), {})
    assert (path.name, row.media_type, row.size) == (row.file, "image/jpeg", path.stat().st_size)


@pytest.mark.parametrize(
    "content", [b"", b"no picture", b"%PDF-1.4 %%EOF", b"<svg xmlns='http://www.w3.org/2000/svg'/>"]
)
def test_what_is_no_picture_is_refused(app: Flask, volunteer: Actor, content: bytes) -> None:
    claim = services.claim(volunteer, world.a_wish().public_id)
    with pytest.raises(InvalidInput):
        services.add_evidence(volunteer, claim.public_id, BytesIO(content))
    assert files(app) == []


def test_nothing_chosen_is_told(volunteer: Actor) -> None:
    claim = services.claim(volunteer, world.a_wish().public_id)
    with pytest.raises(InvalidInput):
        services.add_evidence(volunteer, claim.public_id, None)


def test_six_photos_are_the_most(app: Flask, volunteer: Actor) -> None:
    claim = services.claim(volunteer, world.a_wish().public_id)
    for _ in range(services.MOST_PHOTOS):
        services.add_evidence(volunteer, claim.public_id, a_photo())
    with pytest.raises(LimitReached):
        services.add_evidence(volunteer, claim.public_id, a_photo())
    assert len(files(app)) == services.MOST_PHOTOS


def test_who_may_see_it(volunteer: Actor, caseworker: Actor) -> None:
    proposal = world.an_allocation(state="accepted")
    supplier = supplier_of(proposal.capacity)
    row = services.add_evidence(supplier, proposal.public_id, a_photo())
    for actor in (supplier, caseworker, a_coordinator(), actor_of(world.a_user(Role.OFFICER))):
        assert services.find_evidence(actor, proposal.public_id, row.public_id).id == row.id
    other = supplier_of(world.a_capacity())
    elsewhere = actor_of(world.a_user(Role.CASEWORKER, region=world.XINGQING))
    for actor in (volunteer, other, elsewhere, actor_of(world.a_user(Role.AUDITOR))):
        with pytest.raises(NotFound):
            services.find_evidence(actor, proposal.public_id, row.public_id)


def test_a_photo_belongs_to_its_allocation(caseworker: Actor) -> None:
    one, other = world.an_allocation(state="accepted"), world.an_allocation(state="accepted")
    row = services.add_evidence(supplier_of(one.capacity), one.public_id, a_photo())
    with pytest.raises(NotFound):
        services.find_evidence(caseworker, other.public_id, row.public_id)
    with pytest.raises(NotFound):
        services.remove_evidence(supplier_of(other.capacity), other.public_id, row.public_id)


def test_another_adds_nothing(app: Flask, volunteer: Actor) -> None:
    proposal = world.an_allocation(state="accepted")
    with pytest.raises(NotFound):
        services.add_evidence(volunteer, proposal.public_id, a_photo())
    assert files(app) == []


def test_a_photo_is_taken_back_until_the_confirmation(app: Flask, caseworker: Actor) -> None:
    proposal = world.an_allocation(state="delivered")
    supplier = supplier_of(proposal.capacity)
    rows = [services.add_evidence(supplier, proposal.public_id, a_photo()) for _ in range(2)]
    services.remove_evidence(supplier, proposal.public_id, rows[0].public_id)
    assert [path.name for path in files(app)] == [rows[1].file]
    services.confirm(caseworker, proposal.public_id)
    for act in (
        lambda: services.remove_evidence(supplier, proposal.public_id, rows[1].public_id),
        lambda: services.add_evidence(supplier, proposal.public_id, a_photo()),
    ):
        with pytest.raises(StateConflict):
            act()
    assert [row.removed_at is None for row in db.session.scalars(select(Evidence).order_by(Evidence.id))] == [
        False,
        True,
    ]
    assert len(files(app)) == len(again(proposal).photos) == 1
    assert [event.action for event in services.events_of(again(proposal))].count("allocation:evidence") == 2


def test_a_guest_hands_in_a_photo(app: Flask) -> None:
    wish = world.a_wish()
    token = services.claim_with_card(wish.public_id, services.card_code(wish), "13912345678")
    row = services.add_guest_evidence(token, a_photo())
    assert services.find_guest_evidence(token, row.public_id).id == row.id
    other = world.a_wish()
    foreign = services.claim_with_card(other.public_id, services.card_code(other), "13800000000")
    with pytest.raises(NotFound):
        services.find_guest_evidence(foreign, row.public_id)
