"""Further guards, raced in the form of `limits`: edits, codes, links and shares; those of `work`.

The first press of each process follows a page that was opened before all of them (`prepare`), so that many act on the
same page whatever the moments; the versions without a guard are in `unguarded`.
"""

import hashlib
import time
from collections import Counter
from dataclasses import dataclass, replace
from datetime import date
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import pyotp
from sqlalchemy import func, select

from marketplace import signing
from marketplace.accounts.models import AccessLink, Membership, User, UserSession
from marketplace.accounts.services import actor_of, join, second_factor
from marketplace.accounts.services import links as access_links
from marketplace.allocations import services as allocations
from marketplace.cases import services as cases
from marketplace.cases.models import Case
from marketplace.extensions import db
from marketplace.matches.services import settings
from marketplace.needs import services as needs
from marketplace.needs.models import Need
from marketplace.permissions import Role
from marketplace.projects import services as projects
from marketplace.projects.models import Capacity, Pool
from marketplace.records import now
from matching import Policy
from tests.races import worlds
from tests.races.invariants import ROBOT, Race, events_of, expect
from tests.races.work import Decisions, Letters, Nights, Runs, Waiting
from tests.support import world


@dataclass(frozen=True)
class Form:
    """An edit form as somebody opened it: the record's version, and the number that they add one to."""

    version: int
    mark: int


class Edits(Race):
    """Of those who opened a form at the same version one saves, and nothing that was saved is lost."""

    kinds: tuple[str, ...] = ("need", "case", "capacity", "policy")

    def prepare(self) -> None:
        case = world.a_case()
        case.opened_on = date(2020, 1, 1)
        need, capacity = world.a_need(case, state="draft", quantity=1), world.a_capacity()
        self.case, self.need, self.capacity = case.public_id, need.public_id, capacity.public_id
        self.staff = actor_of(world.a_user(Role.CASEWORKER, Role.COORDINATOR))
        self.member = actor_of(world.a_user(region=None, organization=capacity.organization))
        first = Policy(yellow_after_days=1)
        settings.save(self.staff, world.DAWUKOU, None, first, nightly=False, hour=2, version=0)
        self.before = {kind: self.form(kind) for kind in self.kinds}
        self.opened = dict(self.before)

    def form(self, kind: str) -> Form:
        """The form as it opens now."""
        if kind == "policy":
            setting = settings.setting_for(world.DAWUKOU)
            return Form(setting.version, setting.policy.yellow_after_days or 0)
        columns: Any = {
            "need": select(Need.version, Need.quantity).where(Need.public_id == self.need),
            "case": select(Case.version, Case.opened_on).where(Case.public_id == self.case),
            "capacity": select(Capacity.version, Capacity.quantity).where(Capacity.public_id == self.capacity),
        }[kind]
        version, mark = db.session.execute(columns).one()
        return Form(version, mark.toordinal() if isinstance(mark, date) else mark)

    def save(self, kind: str, form: Form) -> None:
        if kind == "need":
            entry = needs.NeedEntry("goods", "S1102", "两套冬衣", world.DAWUKOU, form.mark, "yellow", unit="份")
            needs.edit(self.staff, self.need, entry, form.version, send=False)
        elif kind == "case":
            day = date.fromordinal(form.mark)
            cases.edit_case(self.staff, self.case, cases.CaseEntry(world.DAWUKOU, opened_on=day), form.version)
        elif kind == "capacity":
            facts = projects.CapacityFacts(("S1102",), (world.DAWUKOU,), form.mark, title="冬衣")
            projects.edit_capacity(self.member, self.capacity, form.version, facts)
        else:
            policy = Policy(yellow_after_days=form.mark)
            settings.save(
                self.staff, world.DAWUKOU, None, policy, nightly=False, hour=2, version=form.version
            )  # fmt: skip

    def attempt(self, number: int) -> str:
        db.session.remove()  # each press is a request of its own
        kind = self.kinds[number % len(self.kinds)]
        form = self.opened.pop(kind, None) or self.form(kind)
        self.save(kind, replace(form, mark=form.mark + 1))
        return kind

    def faults(self, counted: Counter[str]) -> list[str]:
        found = []
        for kind in self.kinds:
            form, before = self.form(kind), self.before[kind]
            found += expect(f"{kind}, edits kept", form.mark - before.mark, counted[kind])
            found += expect(f"{kind}, versions", form.version - before.version, counted[kind])
        if not counted["StateConflict"]:
            found.append("nobody was told that another had saved")
        return found


class Codes(Race):
    """A recovery code, and a code of a device, each sign in once."""

    users = 4
    moment = time.time()

    def prepare(self) -> None:
        people = [world.a_user(region=None) for _place in range(self.users)]
        self.codes = [self._codes_of(person) for person in people]
        values = {"started_at": now(), "code_due": True}
        first = world.save(UserSession(user_id=people[0].id, key_digest=self._digest(0), **values))
        worlds.copies(
            first,
            self.number - 1,
            user_id=lambda place: people[(place + 1) % self.users].id,
            key_digest=lambda place: self._digest(place + 1),
        )

    def clock(self) -> Any:
        """The clock of codes stands still: a race on a busy machine outlasts a half-minute."""
        return patch.object(second_factor, "time", SimpleNamespace(time=lambda: self.moment))

    def _codes_of(self, person: User) -> list[str]:
        """All that still pass: ten recovery codes, and the device's next one."""
        actor = actor_of(person)
        second_factor.begin(actor)
        told = second_factor.secret_to_show(db.session.get_one(User, person.id, populate_existing=True))
        device = pyotp.TOTP(told[0] if told else "")
        with self.clock():
            recovery = second_factor.confirm(actor, device.at(int(self.moment)))
        return [*(code.replace("-", "") for code in recovery), device.at(int(self.moment) + second_factor.SECONDS)]

    def _digest(self, number: int) -> str:
        return hashlib.sha256(f"key-{number}".encode()).hexdigest()

    def attempt(self, number: int) -> str:
        codes = self.codes[number % self.users]
        with self.clock():
            left = second_factor.pass_code(f"key-{number}", codes[number // self.users % len(codes)])
        return "device" if left is None else "recovery"

    def faults(self, counted: Counter[str]) -> list[str]:
        return [
            *expect("recovery codes that passed", counted["recovery"], 10 * self.users),
            *expect("codes of a device that passed", counted["device"], self.users),
            *expect("sign-ins in the trail", events_of("user:signed_in"), counted["recovery"] + counted["device"]),
        ]


class Links(Race):
    """An invitation, a password's link and a supplier's answer link each work once."""

    copies_of_each = 16

    def prepare(self) -> None:
        self.joining = [actor_of(person) for person in worlds.volunteers(self.copies_of_each)]
        coordinator = actor_of(world.a_user(Role.COORDINATOR))
        places = range(max(self.number // (3 * self.copies_of_each), 1))
        invited = [world.an_invitation() for _place in places]
        holders = [world.a_user(region=None) for _place in places]
        self.proposals = [world.an_allocation().public_id for _place in places]
        self.invitations = [signing.sign("accounts.join", link.public_id) for link in invited]
        self.passwords = [access_links.send_password_link(ROBOT, holder, str).address for holder in holders]
        self.answers = [allocations.make_link(coordinator, address)[0] for address in self.proposals]
        self.members = db.session.scalar(select(func.count()).select_from(Membership)) or 0

    def attempt(self, number: int) -> str:
        place, copy = number // 3 % len(self.answers), number // 3 // len(self.answers)
        return (self.join, self.set_password, self.answer)[number % 3](place, copy)

    def join(self, place: int, copy: int) -> str:
        join(self.joining[copy % len(self.joining)], self.invitations[place])
        return "joined"

    def set_password(self, place: int, copy: int) -> str:
        with patch.object(access_links, "hash_password", str):  # slow on purpose, and done before any lock
            access_links.set_password_by_link(self.passwords[place], f"!{copy}")
        return "set"

    def answer(self, place: int, copy: int) -> str:
        if copy % 2:
            allocations.answer_no(self.answers[place], "timing")
        else:
            allocations.answer_yes(self.answers[place])
        return "answered"

    def faults(self, counted: Counter[str]) -> list[str]:
        each = len(self.answers)
        members = db.session.scalar(select(func.count()).select_from(Membership)) or 0
        answers = events_of("allocation:accepted", "allocation:declined")
        return [
            *expect("invitations that worked", (counted["joined"], members - self.members), (each, each)),
            *expect("links of a password that worked", counted["set"], each),
            *expect("passwords in the trail", events_of("user:password_set"), each),
            *expect("links of an answer that worked", (counted["answered"], answers), (each, each)),
        ]


class PasswordLetters(Race):
    """Of the links to set a password the last one alone works, and a stranger causes three letters a day at most."""

    users = 4

    def prepare(self) -> None:
        self.people = [world.a_user(region=None) for _place in range(2 * self.users)]
        self.keys = [person.id for person in self.people]
        self.emails = [person.email for person in self.people]

    def attempt(self, number: int) -> str:
        place = number % len(self.keys)
        if place < self.users:
            self.send(self.keys[place])
        else:
            self.ask(place)
        return "asked"

    def send(self, key: int) -> None:
        access_links.send_password_link(ROBOT, db.session.get_one(User, key), str)

    def ask(self, place: int) -> None:
        access_links.ask_for_password(self.emails[place], str)

    def faults(self, counted: Counter[str]) -> list[str]:
        of = AccessLink.user_id.in_
        works = AccessLink.used_at.is_(None), AccessLink.revoked_at.is_(None)
        working = db.session.scalar(select(func.count()).where(of(self.keys), *works))
        asked = db.session.scalar(select(func.count()).where(of(self.keys[self.users :])))
        return [
            *expect("links that work", working, len(self.keys)),
            *expect("letters that strangers caused", asked, self.users * access_links.LETTERS_A_DAY),
            *([] if counted["asked"] == self.number else ["not all were answered"]),
        ]


class Shares(Race):
    """I1 for what several capacities share and for money: accepting never takes more than there is."""

    cost = 700

    def prepare(self) -> None:
        self.units = max(self.number // 16, 1)
        organization = world.an_organization()
        pool = world.save(Pool(name="一辆车的车次", quantity=self.units, organization_id=organization.id))
        shared = world.a_capacity(world.a_project(organization), quantity=self.number, pool_id=pool.id)
        sharing = [shared, *worlds.copies(shared, 3)]
        self.paid = world.a_capacity(
            world.a_project(organization), quantity=self.number, unit_cost_fen=self.cost,
            budget_fen=self.cost * (self.units + 1) - 1,
        )  # fmt: skip
        self.member = actor_of(world.a_user(region=None, organization=organization))
        self.pool, self.sharing = pool.id, [capacity.public_id for capacity in sharing]
        need = world.a_need(quantity=1)
        wanted = [need, *worlds.copies(need, self.number - 1)]
        first = world.an_allocation(need, shared)
        rows = worlds.copies(
            first,
            self.number - 1,
            need_id=lambda place: wanted[place + 1].id,
            capacity_id=lambda place: (self.paid if (place + 1) % 2 else sharing[(place + 1) // 2 % 4]).id,
        )
        self.proposals = [row.public_id for row in (first, *rows)]

    def attempt(self, number: int) -> str:
        if number % 20 == 0:
            return self.edit(number)
        allocations.accept(self.member, self.proposals[number])
        return "of the budget" if number % 2 else "of the pool"

    def edit(self, number: int) -> str:
        """A member edits what draws on the pool at the same moment: it locks the same rows."""
        address = self.sharing[number // 20 % len(self.sharing)]
        version = db.session.scalar(select(Capacity.version).where(Capacity.public_id == address)) or 0
        title = f"送货上门{number}"
        facts = projects.CapacityFacts(
            ("S1102",), (world.DAWUKOU,), self.number, title=title, pool_name="一辆车的车次"
        )  # fmt: skip
        projects.edit_capacity(self.member, address, version, facts)
        return "edited"

    def faults(self, counted: Counter[str]) -> list[str]:
        given = db.session.scalar(select(func.sum(Capacity.allocated)).where(Capacity.pool_id == self.pool))
        spent = db.session.scalar(select(Capacity.committed_fen).where(Capacity.id == self.paid.id))
        return [
            *expect("units of the pool", (given, counted["of the pool"]), (self.units, self.units)),
            *expect("units of the budget", counted["of the budget"], self.units),
            *expect("fen of the budget", spent, self.cost * self.units),
        ]


GUARDS: tuple[type[Race], ...] = (
    Edits, Codes, Links, PasswordLetters, Shares, Letters, Waiting, Decisions, Runs, Nights,
)  # fmt: skip
