"""Many records at once: copies of one that the builders of `tests.support.world` made by the honest way."""

import secrets
import uuid
from typing import Any

from sqlalchemy import insert, select

from marketplace.accounts.models import User
from marketplace.extensions import db, table_of
from marketplace.needs.models import new_reference
from tests.support import world


def copies(row: Any, number: int, /, **values: Any) -> list[Any]:
    """That many more rows like one, in the order they were made; a value may be a function of the place."""
    if number < 1:
        return []
    table = table_of(type(row))
    shared = dict(
        db.session.execute(select(*(column for column in table.c if column.name != "id")).where(table.c.id == row.id))
        .mappings()
        .one()
    )
    rows = []
    for place in range(number):
        made = dict(shared)
        for name in ("public_id", "fs_uniquifier"):
            if name in made:
                made[name] = uuid.uuid4().hex
        if "reference" in made:
            made["reference"] = new_reference()
        if "email_index" in made:
            made["email_index"] = secrets.token_hex(32)
        made |= {name: value(place) if callable(value) else value for name, value in values.items()}
        rows.append(made)
    db.session.execute(insert(table), rows)
    db.session.commit()
    keys = db.session.scalars(select(type(row)).where(type(row).id > row.id).order_by(type(row).id)).all()
    return list(keys)[-number:]


def volunteers(number: int) -> list[User]:
    """People who may claim wishes."""
    first = world.a_user(world.Role.VOLUNTEER)
    rows = copies(first, number - 1)
    for row in rows:
        row.roles = list(first.roles)
    db.session.commit()
    return [first, *rows]
