"""The column inventory: every column says how closely it is held and what for; personal ones are sealed."""

import pytest
from flask import Flask
from sqlalchemy import text

from marketplace.data_levels import Level, inventory
from marketplace.extensions import db
from marketplace.permissions import Actor
from marketplace.privacy import Encrypted, Sealed, reveal
from tests.support.world import CANARIES, a_case, a_user


def test_every_column_declares_a_level_and_a_purpose(app: Flask) -> None:
    for table, columns in inventory().items():
        for name, held in columns.items():
            assert held.level in Level, (table, name)
            assert held.purpose.strip(), (table, name)


def test_free_personal_text_is_encrypted(app: Flask) -> None:
    """P3 and P4 columns of text are encrypted, but for short codes that queries need."""
    codes = {
        "user.password", "person.relation", "person.sex", "person.tier", "person.hukou_region", "case.colour",
        "consent.given_by", "need.consent_by",
    }  # fmt: skip
    open_text = {
        f"{table.name}.{column.name}"
        for table in db.metadata.sorted_tables
        for column in table.columns
        if column.info["held"].level in (Level.P3, Level.P4)
        and column.type.python_type is str
        and not isinstance(column.type, Encrypted)
    }
    assert open_text == codes


def test_hukou_is_a_column_of_people_alone(app: Flask) -> None:
    holders = {
        table.name
        for table in db.metadata.sorted_tables
        for column in table.columns
        if "hukou" in column.name or "registration" in column.name
    }
    assert holders == {"person"}


def test_a_sealed_value_is_masked_until_revealed_and_the_look_is_audited(app: Flask) -> None:
    from marketplace import audit

    person = a_case().people[0]
    worker = a_user()
    db.session.expire_all()
    assert isinstance(person.phone, Sealed)
    assert str(person.phone) == "100****5678"
    assert str(person.name) == "金**"
    assert CANARIES["id_number"] not in f"{person.id_number} {person.id_number!r}"
    seen = reveal(Actor(user_id=worker.id), person, ("phone", "address"), "home visit")
    assert seen == {"phone": CANARIES["phone"], "address": CANARIES["address"]}
    (event,) = audit.history("person", person.id)
    assert event.fields == ["address", "phone"]
    assert event.actor_id == worker.id
    assert event.reason == "home visit"


def test_nothing_personal_stands_in_the_database_file(app: Flask) -> None:
    a_case()
    db.session.commit()
    stored = (app.extensions["marketplace.settings"].instance_dir / "bangnin.db").read_bytes()
    for kind in ("name", "id_number", "phone", "address", "summary"):
        assert CANARIES[kind].encode() not in stored, kind


def test_a_sealed_value_opens_in_its_own_column_only(app: Flask) -> None:
    person = a_case().people[0]
    db.session.execute(text("UPDATE person SET phone = name"))
    db.session.commit()
    db.session.expire_all()
    with pytest.raises(ValueError, match=r"sealed for person\.name"):
        str(person.phone)
