"""Which personal fields each role sees where, masked or plain, by the state of the record: one table under review.

Every column of the levels P3 and P4, and every text of P2, holds a value that stands nowhere else
(tests/support/planted.py). The walk asks for every address with every role and notes where such values show. What
the table does not have fails: a field, an address or a role that was not thought of.
"""

import csv
import inspect
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask
from flask_migrate import upgrade

from marketplace import create_app
from marketplace.commands.files import ENDINGS
from marketplace.exchange import services as exchange
from marketplace.extensions import db
from marketplace.permissions import Role, system_actor
from marketplace.search import services as search
from marketplace.search.documents import KINDS
from tests.conftest import settings_in
from tests.security.field_walk import LOOKS, Walked, Walker, World, digest_of_database, make_world
from tests.security.formats import exported, noticed, searched
from tests.support import planted
from tests.support.client import Browser

MATRIX = Path(__file__).with_name("field_matrix.csv")
#: People whose grants reach every region see the records of any; all others see nothing of another's.
_STRANGERS = "stranger: "


class Walk:
    """One world, walked by everyone."""

    def __init__(self, app: Flask, folder: Path) -> None:
        self.app, self.walked = app, Walked()
        self.world: World = make_world()
        self.seen = planted.Seen()
        walker = Walker(app, self.world, self.seen, self.walked)
        clients = {role: walker.client_of(user) for role, user in self.world.people.items()}
        strangers = {role: walker.client_of(user) for role, user in self.world.strangers.items()}
        before = digest_of_database()
        for role, client in clients.items():
            walker.walk(str(role), role, client)
        for role, client in strangers.items():
            walker.walk(f"{_STRANGERS}{role}", role, client, stranger=True)
        after = digest_of_database()
        self.changed = {table for table in before if before[table] != after[table]}
        walker.switch(
            {str(role): (role, client) for role, client in clients.items()}
            | {f"{_STRANGERS}{role}": (role, client) for role, client in strangers.items()}
        )
        for role, client in clients.items():
            walker.look(str(role), role, client)
        self.formats = set()
        for reader, sort, what, text in (*exported(folder), *searched(folder), *noticed(app, self.world)):
            self.formats.add(f"{sort} {what}")
            walker.note(str(reader), sort, what, text)


def _application(folder: Path) -> Flask:
    app = create_app(settings_in(folder), TESTING=True, RATELIMIT_ENABLED=False, SHOW_500=True)
    app.test_client_class = Browser
    return app


@pytest.fixture(scope="module")
def walk(migrated: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Walk]:
    folder = tmp_path_factory.mktemp("fields")
    shutil.copy(migrated, folder / "bangnin.db")
    app = _application(folder)
    with app.app_context():
        yield Walk(app, folder)
        db.session.remove()
        db.engine.dispose()


def _cell(shown: dict[str, set[str]], open_in: set[str]) -> str:
    """masked, plain, or both; in brackets the states of the records whose value it was, unless it was all of them."""
    told = []
    for how in ("masked", "plain"):
        if how in shown:
            states = shown[how] - {""}
            told.append(f"{how} ({'; '.join(sorted(states))})" if states and states != open_in else how)
    return " + ".join(told) or "-"


def table_of(walked: Walked) -> list[list[str]]:
    """The table of a walk: one line for each format, address and field, one column for each role."""
    lines = sorted({line for role in Role for line in walked.seen.get(str(role), {})})
    rows = [["format", "address", "field", *map(str, Role)]]
    for line in lines:
        cells = [
            _cell(walked.seen.get(role, {}).get(line, {}), walked.states.get(f"{role} {line[1]}", set()))
            for role in map(str, Role)
        ]
        rows.append([*line, *cells])
    return rows


def test_every_personal_column_has_a_value_to_look_for(walk: Walk) -> None:
    """A new column of P2 to P4 needs one (tests/support/planted.py), or a word there why it cannot have it."""
    assert planted.uncovered() == set()
    assert planted.not_stored() == set()


def test_every_field_shows_where_the_table_says_and_nowhere_else(walk: Walk) -> None:
    with MATRIX.open(encoding="utf-8", newline="") as file:
        assert table_of(walk.walked) == list(csv.reader(file)), (
            "run python -m tests.security.test_fields and review the difference"
        )


def test_the_walk_met_every_page_and_no_error(walk: Walk) -> None:
    assert walk.walked.broken == []
    assert walk.walked.requests > 1000
    granted = {where for where, statuses in walk.walked.statuses.items() if 200 in statuses}
    assert len(granted) > 250


def test_reading_changes_nothing(walk: Walk) -> None:
    assert walk.changed == set()


def test_the_values_are_there_to_be_found(walk: Walk) -> None:
    """A look shows in the clear what pages mask: the walk would have seen it anywhere."""
    shown = {
        (role, field)
        for role, seen in walk.walked.seen.items()
        for (form, _address, field), how in seen.items()
        if form == "look" and "plain" in how
    }
    assert {
        ("caseworker", "person.name"), ("caseworker", "person.id_number"), ("caseworker", "person.phone"),
        ("caseworker", "person.address"), ("caseworker", "person.birth_on"), ("caseworker", "case.summary"),
        ("caseworker", "need.details"), ("caseworker", "guest_claimant.phone"), ("charity", "person.phone"),
        ("officer", "organization.contact_phone"), ("coordinator", "capacity.checks"),
        ("coordinator", "user.email_sealed"),
    } <= shown  # fmt: skip


def test_values_too_short_to_be_looked_for_show_where_they_are_changed(walk: Walk) -> None:
    told = {field for seen in walk.walked.seen.values() for (_form, _address, field) in seen}
    assert {"case.colour", "person.residence_permit", "consent.child_agreed"} <= told
    assert set(planted.SWITCHED) == planted.TOO_SHORT - {"case.restricted"}


def test_every_format_is_read(walk: Walk) -> None:
    """Two files of each exporter, results of the console, letters and notices; pages hold the cards to print."""
    files = {f"{ending[1:]} marketplace export {kind}" for kind in exchange.KINDS for ending in ENDINGS}
    assert walk.formats == files | {"search json marketplace search", "letter outbox", "notice /account/notifications"}
    assert walk.walked.states["caseworker /cards"] == {""}


def test_no_hidden_value_finds_its_record(walk: Walk) -> None:
    """A search that may see everything finds nothing by what is held closely: not even that it exists."""
    values = planted.texts()
    assert len(values) > 40
    found = {
        name
        for name, value in values.items()
        if any(group.total for group in search.find(system_actor("search"), value, kinds=KINDS))
    }
    assert found == set()


def test_every_view_that_reveals_is_walked_with_a_form_that_it_takes(walk: Walk) -> None:
    """A view that calls a service which calls `privacy.reveal` shows something only when its form is filled."""
    services = Path(create_app.__code__.co_filename).parent.glob("*/services/*.py")
    revealing = {
        found
        for path in services
        for function in re.split(r"^(?=def )", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
        if re.search(r"\breveal\(", function.partition("\n")[2])
        for found in re.findall(r"\Adef (\w+)\(", function)
    }
    assert len(revealing) >= 6
    called = re.compile(rf"\bservices\.({'|'.join(sorted(revealing))})\(")
    views = {endpoint for endpoint, view in walk.app.view_functions.items() if called.search(inspect.getsource(view))}
    assert views <= set(LOOKS)
    assert set(LOOKS) <= set(walk.app.view_functions)
    for endpoint in views:
        address = next(walk.app.url_map.iter_rules(endpoint)).rule
        assert any(200 in walk.walked.statuses[f"{role} look {address}"] for role in Role), endpoint


@pytest.mark.parametrize("role", [Role.VOLUNTEER, Role.CASEWORKER, Role.CHARITY, Role.CHARITY_MANAGER,
                                  Role.COORDINATOR, Role.OFFICER])  # fmt: skip
def test_of_others_records_everyone_sees_what_the_public_sees(walk: Walk, role: Role) -> None:
    """Another county, another organization, another volunteer's claim."""
    public = {(line, how) for line, shown in walk.walked.seen.get("public", {}).items() for how in shown}
    seen = walk.walked.seen.get(f"{_STRANGERS}{role}", {})
    assert {(line, how) for line, shown in seen.items() for how in shown} <= public


def write_matrix() -> None:
    """Rewrite field_matrix.csv from the application as it is."""
    import tempfile

    folder = Path(tempfile.mkdtemp())
    app = _application(folder)
    with app.app_context():
        upgrade()
        walked = Walk(app, folder).walked
    with MATRIX.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows(table_of(walked))


if __name__ == "__main__":
    write_matrix()
