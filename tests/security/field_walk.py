"""A walk over every page with every role, over records in every state, that notes which planted values show where."""

import hashlib
import io
import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from flask import Flask
from sqlalchemy import select, update
from werkzeug.routing import Rule
from werkzeug.test import TestResponse

from marketplace import signing
from marketplace.accounts.models import RecoveryCode, User
from marketplace.allocations.models import STATES, Allocation, AnswerLink, GuestClaimant
from marketplace.extensions import db
from marketplace.matches.foresight.models import Expectation
from marketplace.permissions import Role
from marketplace.records import now, today
from tests.security.records import Records, person_of, records_of, rules
from tests.support.client import Browser
from tests.support.held import a_release, an_exception
from tests.support.past import a_switch
from tests.support.planted import SWITCHED, Seen, planting
from tests.support.world import (
    DAWUKOU,
    HUINONG,
    a_case,
    a_need,
    a_photo,
    a_user,
    a_volunteers_offer,
    a_wish,
    an_allocation,
    an_invitation,
    an_organization,
    in_days,
    save,
)

#: Another county of the same prefecture: what is kept from it is kept from those farther away.
ELSEWHERE = HUINONG
#: What is new in every answer.
PASSING = re.compile(r'name="(?:csrf[-_]token|idempotency_key)" (?:type="hidden" )?(?:content|value)="[^"]*"')
#: What a form must hold for a page to show more than before: a reason, from the list of that page.
LOOKS: dict[str, dict[str, str]] = {
    "allocations.reveal": {"reason": "deliver"},
    "allocations.reveal_guest": {"reason": "arrange"},
    "cases.reveal": {"reason": "visit"},
    "cases.reveal_summary": {"reason": "visit"},
    "cases.show_evidence": {},
    "needs.reveal": {"reason": "visit"},
    "offers.reveal": {"reason": "review"},
    "organizations.reveal_contact": {"reason": "verification"},
    "accounts.find_account": {"email": "nobody@example.org"},
}
#: (format, address, field) -> {"masked" or "plain" -> states of the record}.
Sightings = dict[tuple[str, str, str], dict[str, set[str]]]


@dataclass
class Walked:
    """What a walk saw, by role, and every answer that was an error of ours.

    Attributes:
        seen: role -> what it was told.
        broken: answers of 500 and above.
        statuses: "role kind address" -> every status that it gave.
        states: "role address" -> states of the records that it showed.
        requests: how many were made.
    """

    seen: dict[str, Sightings] = field(default_factory=dict)
    broken: list[str] = field(default_factory=list)
    statuses: dict[str, set[int]] = field(default_factory=dict)
    states: dict[str, set[str]] = field(default_factory=dict)
    requests: int = 0


@dataclass
class World:
    """Planted records in every state, and people of every role, none of whom is planted."""

    people: dict[Role, User | None]
    strangers: dict[Role, User]
    single: Records
    needs: dict[str, Any]
    supplied: dict[str, Any]
    claims: dict[str, Any]
    offers: dict[str, Any]
    photos: dict[int, Any]
    unmanaged: Any
    tokens: dict[str, dict[str, Any]]


def make_world() -> World:
    """A household with needs and wishes in every state, help of a supplier and claims in every state."""
    organization, other = an_organization(), an_organization()  # of the same county
    people = {role: person_of(role, organization) for role in Role}
    strangers = {
        role: a_user(role, region=ELSEWHERE)
        for role in (Role.VOLUNTEER, Role.CASEWORKER, Role.COORDINATOR, Role.OFFICER)
    }
    strangers[Role.CHARITY] = a_user(organization=other, position="staff")
    strangers[Role.CHARITY_MANAGER] = a_user(organization=other)
    volunteer = people[Role.VOLUNTEER]
    assert volunteer is not None
    with planting():
        supplier = an_organization()
        organization.contact_name, organization.contact_phone = supplier.contact_name, supplier.contact_phone
        single = records_of(DAWUKOU, claimant=volunteer, public=True, organization=organization)
        single.make_all()
        case, capacity = single.made("case_id"), single.made("capacity_id")
        colleague = a_user(organization=organization, position="staff")
        save(RecoveryCode(user_id=colleague.id, digest="-", made_at=now()))
        closed = {"state": "closed", "closing": "fulfilled"}
        needs = {"draft": a_need(case, state="draft"), "review": a_need(case, state="review"), "open": a_need(case)}
        needs["closed"] = a_need(case, **closed)
        for need in needs.values():
            need.person_id = case.people[0].id
        needs |= {
            "wish draft": a_wish(case, state="draft", approved_by=None),
            "wish review": a_wish(case, state="review", approved_by=None),
            "wish open": a_wish(case),
            "wish hidden": a_wish(case, hidden_on=today()),
            "wish internal": a_wish(case, internal_only=True),
            "wish closed": a_wish(case, **closed),
        }
        supplied, claims = {}, {}
        for state in STATES:
            values = {"state": state, "decline_reason": "other" if state == "declined" else None}
            supplied[state] = an_allocation(a_need(case), capacity, **values)
            if state != "proposed":
                claims[state] = an_allocation(a_wish(case), None, claimant_id=volunteer.id, thanks="-", **values)
        guest: Any = save(GuestClaimant(phone="0", phone_index="0" * 64))
        guests = {
            state: save(
                Allocation(
                    need_id=a_wish(case).id, guest_id=guest.id, region=case.region, wish=True, quantity=1, thanks="-",
                    source="claim", state=state,
                )
            )
            for state in ("accepted", "delivered", "confirmed")
        }  # fmt: skip
        links = {
            state: save(AnswerLink(allocation_id=supplied[state].id, expires_at=now() + (in_days(9) - today())))
            for state in ("proposed", "accepted")
        }
        photos = {row.id: a_photo(row) for row in (*supplied.values(), *claims.values(), *guests.values())}
        claims |= {f"guest {state}": row for state, row in guests.items()}
        offers = {"own": single.made("offer_id"), "another's": a_volunteers_offer()}
        offers["approved"] = a_volunteers_offer(state="offered", reviewed_by="-")
        an_organization(state="refused", refusal_reason="-")
        unmanaged = an_organization()
        an_invitation(unmanaged, position="manager")
        decided: dict[str, Any] = {"state": "refused", "answer": "-", "decided_by": "-"}
        a_release(capacity, **decided)
        an_exception(needs["closed"], **decided)
        a_switch(DAWUKOU)
        save(
            Expectation(
                region=DAWUKOU, scope=f"{DAWUKOU}:0", category="S1102", place=DAWUKOU, urgency="red", a_month=3,
                told_by="-",
            )
        )  # fmt: skip
        restricted = a_case(restricted=True)
        a_need(restricted)
        a_wish(restricted)
    tokens = {
        "answers": {f"link, {state}": signing.sign("allocation.answer", row.public_id) for state, row in links.items()},
        "claims": {f"link, {state}": signing.sign("guest.claim", row.public_id) for state, row in guests.items()},
    }
    return World(people, strangers, single, needs, supplied, claims, offers, photos, unmanaged, tokens)


def _variants(world: World, rule: Rule, role: Role, *, few: bool = False) -> Iterator[tuple[str, dict[str, str]]]:
    """(state of the record, values of the address) for every record that an address may name.

    Args:
        few: of help only some states, for those to whom all of it must look absent.
    """
    if "token" in rule.arguments:  # it opens the same for whoever holds it
        known = world.tokens.get(rule.rule.split("/")[1], {}) if role is Role.PUBLIC else {}
        for state, token in known.items() or {("forged", "forged")}:
            yield state, {"token": token} | dict.fromkeys(rule.arguments - {"token"}, "0" * 32)
        return
    values = world.single.values(rule)
    if "allocation_id" in rule.arguments:
        claims = {f"claim {state}": row for state, row in world.claims.items()}
        rows = claims if role is Role.VOLUNTEER else world.supplied | claims
        if few or "evidence_id" in rule.arguments:  # a photo is the same in all of them
            rows = {state: row for state, row in rows.items() if state in ("proposed", "accepted", "claim accepted")}
        for state, row in rows.items():
            photo = {"evidence_id": world.photos[row.id].public_id} if "evidence_id" in rule.arguments else {}
            yield state, values | {"allocation_id": row.public_id} | photo
    elif rule.arguments & {"need_id", "wish_id"}:
        (name,) = rule.arguments & {"need_id", "wish_id"}
        for state, row in world.needs.items():
            yield state, values | {name: row.public_id}
    elif "offer_id" in rule.arguments:
        for state, row in world.offers.items():
            yield state, values | {"offer_id": row.public_id}
    elif rule.rule == "/organizations/<public_id>":
        rows = {"managed": world.single.made("organization_id"), "without a manager": world.unmanaged}
        for state, row in rows.items():
            yield state, values | {"public_id": row.public_id}
    else:
        yield "", values


def text_of(answer: TestResponse) -> str:
    """Everything that an answer tells: head, body, cookies; a workbook unpacked."""
    return f"{answer.headers}\n{text_of_bytes(answer.get_data())}"


def text_of_bytes(content: bytes) -> str:
    """Bytes as text; what is packed is unpacked first."""
    if content.startswith(b"PK\x03\x04"):
        with zipfile.ZipFile(io.BytesIO(content)) as packed:
            return "\n".join(text_of_bytes(packed.read(name)) for name in packed.namelist())
    return content.decode("utf-8", errors="replace")


class Walker:
    """Asks for every address with one browser and notes what it is told."""

    def __init__(self, app: Flask, world: World, seen: Seen, walked: Walked) -> None:
        self._app, self._world, self._seen, self._walked = app, world, seen, walked

    def client_of(self, user: User | None) -> Browser:
        """A browser, signed in."""
        client: Browser = self._app.test_client()  # type: ignore[assignment]  # test_client_class is Browser
        return client.sign_in(user) if user else client

    def walk(self, name: str, role: Role, client: Browser, *, stranger: bool = False) -> None:
        """Every GET of an address; a page that a role may not ask for at all is asked for once."""
        for rule, method in rules(self._app):
            if method == "GET":
                for state, url in self._addresses(rule, role, method, few=stranger):
                    answer = client.get(url)
                    self._note(name, "page", rule, state, answer)
                    if answer.status_code == 403 or "/account/login?" in (answer.location or ""):
                        break

    def look(self, name: str, role: Role, client: Browser) -> None:
        """Every form that shows more; each look leaves its trace."""
        token = client.csrf_token("/account/register")
        for rule, method in rules(self._app):
            if method == "POST" and rule.endpoint in LOOKS:
                form = LOOKS[rule.endpoint] | {"csrf_token": token}
                for state, url in self._addresses(rule, role, method):
                    self._note(name, "look", rule, state, client.post(url, data=form))

    def switch(self, clients: dict[str, tuple[Role, Browser]]) -> None:
        """Note the pages that change with a value too short to be looked for."""
        shown = {name: self._pages_of(name, role) for name, (role, _client) in clients.items()}

        def ask(changed: str = "") -> dict[tuple[str, str], str]:
            for field_name, (usual, other) in SWITCHED.items():
                table, column = field_name.split(".")
                value = other if changed in (field_name, "all") else usual
                db.session.execute(update(db.metadata.tables[table]).values({column: value}))
            db.session.commit()
            answers = {
                (name, rule): client.get(url)
                for name, (_role, client) in clients.items()
                for rule, url in shown[name].items()
            }
            return {  # a workbook differs by the second in which it was made
                where: PASSING.sub("", answer.get_data(as_text=True)) if answer.mimetype == "text/html" else ""
                for where, answer in answers.items()
            }

        usual, other = ask(), ask("all")
        for name in shown:
            shown[name] = {rule: url for rule, url in shown[name].items() if usual[name, rule] != other[name, rule]}
        usual, again = ask(), ask()
        for field_name in SWITCHED:
            for (name, rule), text in ask(field_name).items():
                if usual[name, rule] == again[name, rule] != text:
                    self._walked.seen.setdefault(name, {})["page", rule, field_name] = {"plain": {""}}

    def _pages_of(self, name: str, role: Role) -> dict[str, str]:
        """Address by its rule -> the address of one record, for every page that was shown."""
        found = {}
        for rule, method in rules(self._app):
            if method == "GET" and 200 in self._walked.statuses.get(f"{name} page {rule.rule}", ()):
                found[rule.rule] = next(self._addresses(rule, role, method))[1]
        return found

    def _addresses(self, rule: Rule, role: Role, method: str, *, few: bool = False) -> Iterator[tuple[str, str]]:
        for state, values in _variants(self._world, rule, role, few=few):
            yield state, self._app.url_map.bind("localhost").build(rule.endpoint, values, method=method)

    def note(self, name: str, sort: str, address: str, text: str) -> None:
        """Note what a text tells that is no page."""
        for field_name, how, own_state in self._seen.in_text(text):
            where = self._walked.seen.setdefault(name, {}).setdefault((sort, address, field_name), {})
            where.setdefault(how, set()).add(own_state)

    def _note(self, name: str, kind: str, rule: Rule, state: str, answer: TestResponse) -> None:
        self._walked.requests += 1
        if answer.status_code >= 500:
            self._walked.broken.append(f"{name} {kind} {rule.rule} {state}: {answer.status_code}")
        self._walked.statuses.setdefault(f"{name} {kind} {rule.rule}", set()).add(answer.status_code)
        if answer.status_code == 200:
            self._walked.states.setdefault(f"{name} {rule.rule}", set()).add(state)
        sort = "json" if answer.mimetype == "application/json" else kind
        for field_name, how, own_state in self._seen.in_text(text_of(answer)):
            where = self._walked.seen.setdefault(name, {}).setdefault((sort, rule.rule, field_name), {})
            where.setdefault(how, set()).add(own_state or state)


def digest_of_database() -> dict[str, str]:
    """Table -> digest of its rows; without the trail of looks and the index's change log."""
    digests = {}
    for table in db.metadata.sorted_tables:
        if table.name not in {"audit_event", "audit_chain", "index_change"}:
            rows = db.session.execute(select(table).order_by(*table.primary_key.columns))
            told = "".join(repr([str(value) for value in row]) for row in rows)
            digests[table.name] = hashlib.sha256(told.encode()).hexdigest()
    db.session.commit()
    return digests
