"""Values that stand in one column alone, planted in every personal column, and where they show.

While `planting()` is open every row that is stored carries them, whoever makes it: so whatever page, file or letter
tells such a column is found by its value, masked or plain. Which columns must carry one follows from the column
inventory: all of the levels P3 and P4, and the texts of P2 but for codes that name nobody.
"""

import itertools
import re
from collections.abc import Iterator
from contextlib import contextmanager
from html import unescape
from typing import Any
from urllib.parse import unquote

from sqlalchemy import CheckConstraint, String, Text, event, select

from marketplace.data_levels import Level
from marketplace.extensions import Model, db
from marketplace.privacy import Encrypted, mask_all

#: Codes and places of the level P2 that no CHECK lists: short words, the same for many records, naming nobody.
CODES = {
    "allocation.decline_reason", "allocation.region", "audit_event.actor_role", "case.region",
    "case_proposal.decline_reason", "case_proposal.region", "consent.evidence_type", "consent.legal_basis",
    "delivery.value_kind", "evidence.media_type", "follow_up.region", "organization_document.media_type",
    "run_outcome.reason", "user.locale", "user.region",
}  # fmt: skip
#: Yes, no, a colour or one letter: no value of their own can stand in them, so that the walk says nothing of these.
TOO_SHORT = {
    "case.colour", "case.restricted", "consent.child_agreed", "person.needs_guardian", "person.residence_permit",
    "person.sex",
}  # fmt: skip
#: Of these, two values to change one for the other: a page that then differs tells them. Whether a case is restricted
#: changes what there is to see, and has tests of its own.
SWITCHED: dict[str, tuple[Any, Any]] = {
    "case.colour": ("RED", "BLUE"), "consent.child_agreed": (True, False), "person.needs_guardian": (True, False),
    "person.residence_permit": (True, False), "person.sex": ("f", "m"),
}  # fmt: skip
#: Keys of these tables are numbers of their own, so that a page that tells one is seen, by whatever column it does.
KEYS = {
    "case": 771_000_000, "person": 772_000_000, "user": 773_000_000, "guest_claimant": 774_000_000,
    "need": 775_000_000,
}  # fmt: skip
#: The states of these rows are part of their values.
_WITH_STATE = {"need", "allocation"}
_BIRTH = "1961-07-23"
#: Values that must look like what they are; the rest are `bird-<table>-<column>`.
SPECIAL = {
    "person.name": "鸐鸟甲乙丙",
    "person.id_number": "649981196107231234",
    "person.phone": "19912348761",
    "person.birth_on": _BIRTH,
    "person.groups": ["G-BIRDS"],
    "person.tier": "T-BIRD",
    "person.hukou_region": "997731",
    "person.relation": "bird-relation",
    "need.groups": ["G-NEEDBIRD"],
    "organization.contact_name": "鹗鸟丁戊",
    "organization.contact_phone": "19987651432",
    "guest_claimant.phone": "19955557773",
    "user.name_sealed": "鹞鸟己庚",
    "access_link.address": "zygodactyl@link.example",
}
#: Columns whose values are random and long already: what stands in them is looked for as it is.
DIGESTS = {
    "access_link.address_index", "consent.evidence_file", "evidence.file", "guest_claimant.phone_index",
    "organization_document.file", "organization_document.sha256", "user.email_index", "user.fs_uniquifier",
    "user_session.key_digest",
}  # fmt: skip
#: Written by statements of their own, never as objects: the canary scan of the whole suite reads them as stored.
WRITTEN_APART = {
    "audit_event.reason", "idempotent_request.actor", "notification.about", "notification.key",
    "outbox_message.address", "outbox_message.body", "outbox_message.key",
}  # fmt: skip


def held_closely() -> dict[str, Any]:
    """Columns that a planted value must cover: "table.column" -> column."""
    found = {}
    for table in db.metadata.sorted_tables:
        for column in table.columns:
            level = column.info["held"].level
            text = isinstance(column.type, Encrypted | String | Text)
            if level in (Level.P3, Level.P4) or (level is Level.P2 and text):
                found[f"{table.name}.{column.name}"] = column
    return found


def _checks(table: str) -> list[str]:
    return [str(rule.sqltext) for rule in db.metadata.tables[table].constraints if isinstance(rule, CheckConstraint)]


def _listed() -> set[str]:
    """Columns whose words a CHECK lists: states, kinds, positions."""
    return {
        name
        for name in held_closely()
        for rule in _checks(name.split(".")[0])
        if re.search(rf"\b{name.split('.')[1]} IN \(", rule) and held_closely()[name].info["held"].level is Level.P2
    }


def _bound() -> set[str]:
    """Columns that may be empty and that a CHECK ties to others: planted only where a row has something there."""
    return {
        name
        for name, column in held_closely().items()
        if column.nullable
        and column.info["held"].level is Level.P2
        and any(re.search(rf"\b{column.name}\b", rule) for rule in _checks(column.table.name))
    }


def uncovered() -> set[str]:
    """Columns that nothing looks for: each needs a value, or a word here why it cannot have one."""
    keys = {
        name
        for name, column in held_closely().items()
        if any(key.column.table.name in KEYS for key in column.foreign_keys)
    }
    told = set(_plain_values()) | _listed() | CODES | TOO_SHORT | DIGESTS | WRITTEN_APART | keys
    return set(held_closely()) - told


def _plain_values() -> dict[str, Any]:
    values: dict[str, Any] = {}
    without = _listed() | CODES | TOO_SHORT | DIGESTS | WRITTEN_APART
    for name, column in held_closely().items():
        if name in SPECIAL:
            values[name] = SPECIAL[name]
        elif isinstance(column.type, Encrypted | String | Text) and name not in without:
            values[name] = f"bird-{name.replace('.', '-')}"
    return values


def texts() -> dict[str, str]:
    """Column -> the value planted there, as one would type it."""
    return {name: value for name, value in _plain_values().items() if isinstance(value, str)}


def not_stored() -> set[str]:
    """Columns whose value stands in no row: what is not stored cannot be found, so that finding it nowhere says
    nothing."""
    kept = set()
    for name in _plain_values():
        table, column = name.split(".")
        found = db.metadata.tables[table].columns[column]
        if db.session.execute(select(found).where(found.is_not(None)).limit(1)).first():
            kept.add(name)
    db.session.rollback()
    return set(_plain_values()) - kept


@contextmanager
def planting() -> Iterator[None]:
    """Give every row that is stored meanwhile the planted values of its table."""
    values, bound = _plain_values(), _bound()
    counters = {table: itertools.count(start) for table, start in KEYS.items()}
    serial = itertools.count(1)

    def fill(_mapper: Any, _connection: Any, row: Any) -> None:
        table = row.__tablename__
        if table in counters:
            row.id = next(counters[table])
        if table == "user":
            row.email = f"bird-user-email-{next(serial)}@nest.example"
        for name, value in values.items():
            if name.split(".")[0] != table or name == "user.email_sealed":
                continue
            column = name.split(".")[1]
            if name in bound and not getattr(row, column):
                continue
            if table in _WITH_STATE and isinstance(value, str):
                value = f"{value}-{row.state}"
            if name == "case.number":
                value = f"{value}-{next(serial)}"
            setattr(row, column, value)

    event.listen(Model, "before_insert", fill, propagate=True)
    try:
        yield
    finally:
        event.remove(Model, "before_insert", fill)


class Seen:
    """What to look for: values as they were planted, their masks, keys, and digests that stand in the database."""

    def __init__(self) -> None:
        self._plain: dict[str, str] = {}
        self._masked: dict[str, str] = {}
        for name, value in _plain_values().items():
            text = value[0] if isinstance(value, list) else value
            column = held_closely()[name]
            if name == "user.email_sealed":
                text = "bird-user-email"
                self._masked[name] = "***@nest.example"
            elif isinstance(column.type, Encrypted) and column.type.mask is not mask_all:
                self._masked[name] = column.type.mask(text)
            self._plain[name] = text
        self._plain["person.birth_on"] = "1961"
        for name in sorted(DIGESTS):
            table, column_name = name.split(".")
            column = db.metadata.tables[table].columns[column_name]
            for number, value in enumerate(db.session.scalars(select(column).where(column.is_not(None)))):
                self._plain[f"{name}#{number}"] = value
        db.session.rollback()
        self._keys = {table: re.compile(rf"(?<!\d){start // 1000}\d{{3}}(?!\d)") for table, start in KEYS.items()}
        self._birth = re.compile(r"(?<![0-9A-Za-z])1961(?![0-9A-Za-z])")

    def in_text(self, text: str) -> set[tuple[str, str, str]]:
        """(field, "plain" or "masked", state of its record or "") of everything planted that a text tells."""
        found = set()
        for form in {text, unescape(text), unquote(text)}:
            for name, value in self._plain.items():
                if value not in form or (name == "person.birth_on" and not self._birth.search(form)):
                    continue
                field = name.partition("#")[0]
                if field.split(".")[0] in _WITH_STATE:
                    states = re.findall(re.escape(value) + r"-([a-z]+)", form) or [""]
                    found |= {(field, "plain", state) for state in states}
                else:
                    found.add((field, "plain", ""))
            found |= {(name, "masked", "") for name, mask in self._masked.items() if mask in form}
            found |= {(f"{table}.id", "plain", "") for table, key in self._keys.items() if key.search(form)}
        return found
