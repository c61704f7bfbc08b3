"""The races of `guards` and `work` without the guard: each must fail.

Every control acts on a page that was opened before its processes began, and each process has a copy of that page: the
fault is there even where the processes should take turns.
"""

from datetime import timedelta
from typing import Any
from unittest.mock import patch

from sqlalchemy import literal, select, update

from marketplace import mail
from marketplace.accounts.models import AccessLink, User
from marketplace.accounts.services import links as access_links
from marketplace.accounts.services import recovery, second_factor
from marketplace.allocations.models import Allocation, AnswerLink
from marketplace.extensions import db
from marketplace.mail import OutboxMessage
from marketplace.matches.holds.models import HoldException, HoldRelease
from marketplace.matches.models import RunSetting
from marketplace.needs.models import Need
from marketplace.projects.models import Capacity
from marketplace.projects.services import counters
from marketplace.records import now, today
from tests.races.controls import write
from tests.races.guards import Codes, Edits, Form, Links, PasswordLetters, Shares
from tests.races.limits import UNLIMITED
from tests.races.work import WHY, Decisions, Letters, Nights, Runs, Waiting
from tests.support import world


class UnguardedEdits(Edits):
    """The version is read as the form comes back, and so is always the present one; nobody opens the form again."""

    kinds: tuple[str, ...] = ()
    shows = ""

    def attempt(self, number: int) -> str:  # noqa: ARG002  # one kind alone
        db.session.remove()
        (kind,) = self.kinds
        self.save(kind, Form(self.form(kind).version, self.before[kind].mark + 1))
        return kind


class UnguardedNeeds(UnguardedEdits):
    kinds, shows = ("need",), "need, edits kept"


class UnguardedCases(UnguardedEdits):
    kinds, shows = ("case",), "case, edits kept"


class UnguardedCapacityForms(UnguardedEdits):
    kinds, shows = ("capacity",), "capacity, edits kept"


class UnguardedPolicies(UnguardedEdits):
    kinds, shows = ("policy",), "policy, edits kept"


class UnguardedRecovery(Codes):
    """A code is looked up among those not used, and then noted as used."""

    shows = "recovery codes that passed"

    def prepare(self) -> None:
        super().prepare()
        self.unused = {code for codes in self.codes for code in codes[:-1]}

    def use(self, _user: User, code: str) -> bool:
        if code not in self.unused:
            return False
        self.unused.remove(code)
        return True

    def attempt(self, number: int) -> str:
        with patch.object(recovery, "use", self.use):
            return super().attempt(number)


class UnguardedDevices(Codes):
    """The last half-minute used is compared in Python."""

    shows = "codes of a device that passed"

    def prepare(self) -> None:
        super().prepare()
        self.unused = {codes[-1] for codes in self.codes}
        self.real = second_factor._use  # what the control stands in for

    def use(self, user: User, code: str) -> bool:
        if code in self.unused:
            self.unused.remove(code)
            return False
        return self.real(user, code)

    def attempt(self, number: int) -> str:
        codes = self.codes[number % self.users]
        if number // self.users % len(codes) != len(codes) - 1:
            return "left out"
        with patch.object(second_factor, "_use", self.use):
            return super().attempt(number)


class UnguardedLinks(Links):
    """A link that was good as its page opened is good when the form comes back."""

    kind = 0

    def prepare(self) -> None:
        super().prepare()
        self.good = {*self.invitations, *self.passwords, *self.answers}

    def open_link(self, token: str, purpose: str) -> AccessLink:
        known = access_links.signing.read(f"accounts.{purpose}", token, seconds=3600)
        return db.session.scalars(select(AccessLink).where(AccessLink.public_id == known)).one()

    def attempt(self, number: int) -> str:
        if number % 3 != self.kind:
            return "left out"
        place = number // 3 % len(self.answers)
        token = (self.invitations, self.passwords, self.answers)[number % 3][place]
        if token not in self.good:
            return "NotFound"
        self.good.remove(token)
        with (
            patch.object(access_links, "open_link", self.open_link),
            patch.object(access_links, "_use_up", lambda _link: None),
        ):
            return super().attempt(number)

    def answer(self, place: int, copy: int) -> str:
        address = self.proposals[place]
        key = db.session.scalar(select(Allocation.id).where(Allocation.public_id == address))
        write(
            update(Allocation).where(Allocation.id == key).values(state="superseded" if copy % 2 else "proposed"),
            update(AnswerLink).where(AnswerLink.allocation_id == key).values(used_at=now()),
        )
        return "answered"


class UnguardedInvitations(UnguardedLinks):
    shows = "invitations that worked"


class UnguardedPasswords(UnguardedLinks):
    kind, shows = 1, "links of a password that worked"


class UnguardedAnswers(UnguardedLinks):
    kind, shows = 2, "links of an answer that worked"


class UnguardedPasswordLinks(PasswordLetters):
    """The links to take back are looked up first."""

    shows = "links that work"

    def send(self, key: int) -> None:
        self.seen: dict[int, list[int]] = getattr(self, "seen", {})
        if key not in self.seen:
            mine = AccessLink.user_id == key, AccessLink.revoked_at.is_(None)
            self.seen[key] = list(db.session.scalars(select(AccessLink.id).where(*mine)))
        write(update(AccessLink).where(AccessLink.id.in_(self.seen[key])).values(revoked_at=now()))
        link = world.save(AccessLink(purpose="password", user_id=key, expires_at=now() + timedelta(hours=1)))
        self.seen[key].append(link.id)


class UnguardedPasswordLetters(PasswordLetters):
    """The letters of a day are counted on a page that was read once, to which this process' own are added."""

    shows = "letters that strangers caused"

    def prepare(self) -> None:
        super().prepare()
        self.sent = dict.fromkeys(range(len(self.keys)), 0)

    def ask(self, place: int) -> None:
        if self.sent[place] >= access_links.LETTERS_A_DAY:
            return
        self.sent[place] += 1
        self.send(self.keys[place])


class UnguardedPool(Shares):
    """What the capacities of a pool gave is added up first, and compared in Python."""

    shows = "units of the pool"
    seen = 0

    def attempt(self, number: int) -> str:
        if number % 2 or number % 20 == 0:
            return "left out"
        if self.seen >= self.units:
            return "CapacityExhausted"
        self.seen += 1
        with patch.object(counters, "_pool_quantity", lambda: literal(UNLIMITED)):
            return super().attempt(number)


class UnguardedBudget(Shares):
    """What was spent is read first, and written back with one unit more."""

    shows = "units of the budget"
    seen = 0

    def attempt(self, number: int) -> str:
        if number % 2 == 0:
            return "left out"
        if self.seen >= self.units:
            return "CapacityExhausted"
        self.seen += 1
        one = Allocation.public_id == self.proposals[number]
        write(
            update(Capacity)
            .where(Capacity.id == self.paid.id)
            .values(allocated=self.seen, committed_fen=self.seen * self.cost),
            update(Need).where(Need.id.in_(select(Allocation.need_id).where(one))).values(allocated=1),
            update(Allocation).where(one).values(state="accepted"),
        )
        return "of the budget"


class UnguardedLetters(Letters):
    """Whoever found a letter due sends it."""

    shows = "letters sent"

    def prepare(self) -> None:
        super().prepare()
        db.session.commit()
        self.due = list(db.session.scalars(select(OutboxMessage.id)))

    def found(self) -> list[int]:
        due, self.due = self.due, []
        return due

    def take(self, message_id: int) -> OutboxMessage:
        write(update(OutboxMessage).where(OutboxMessage.id == message_id).values(state="sending", sent_at=None))
        return db.session.get_one(OutboxMessage, message_id)

    def attempt(self, number: int) -> str:
        with patch.object(mail, "_due", self.found), patch.object(mail, "_take", self.take):
            return super().attempt(number)


class UnguardedWaiting(Waiting):
    """Everybody saw the queue while nothing waited in it."""

    shows = "jobs that wait"

    def attempt(self, number: int) -> str:
        with patch.object(self.app.extensions["marketplace.queue"], "pending", lambda _number: []):
            return super().attempt(number)


class UnguardedDecisions(Decisions):
    """Whether a request waits is read with its page, and the UPDATE names the row alone."""

    kind = 0

    def prepare(self) -> None:
        super().prepare()
        self.waiting = {*self.exceptions, *self.releases}

    def attempt(self, number: int) -> str:
        if number % 2 != self.kind:
            return "left out"
        place = number // 2 % len(self.kept)
        if (self.exceptions, self.releases)[number % 2][place] not in self.waiting:
            return "StateConflict"
        return super().attempt(number)

    def decide(self, model: Any, address: str) -> None:
        self.waiting.remove(address)
        decided = {"state": "refused", "answer": WHY, "decided_by": "user:9", "decided_at": now()}
        write(update(model).where(model.public_id == address).values(**decided))

    def release(self, actor: Any, address: str, *, grant: bool) -> None:  # noqa: ARG002  # all refuse
        self.decide(HoldRelease, address)

    def exception(self, actor: Any, place: int, *, grant: bool) -> None:  # noqa: ARG002  # as above
        self.decide(HoldException, self.exceptions[place])


class UnguardedExceptions(UnguardedDecisions):
    shows = "exceptions decided"


class UnguardedReleases(UnguardedDecisions):
    kind, shows = 1, "releases decided"


class UnguardedRuns(Runs):
    """Whether a run is under way is looked up with the page that has the button."""

    shows = "runs of regions and alliances"

    def prepare(self) -> None:
        super().prepare()
        self.idle = set(range(len(self.places) + len(self.cases)))

    def attempt(self, number: int) -> str:
        place = number % (len(self.places) + len(self.cases))
        if place not in self.idle:
            return "StateConflict"
        self.idle.remove(place)
        if place < len(self.places):
            world.a_run(self.places[place][0], state="queued")
            return "ordinary"
        world.a_run(state="queued", case_id=self.team[place - len(self.places)])
        return "restricted"


class UnguardedCaseRuns(UnguardedRuns):
    shows = "runs of restricted cases"


class UnguardedNights(Nights):
    """Who found a night due starts it, and notes it after."""

    shows = "nights begun"

    def prepare(self) -> None:
        super().prepare()
        self.due = list(self.nights)

    def attempt(self, number: int) -> str:  # noqa: ARG002  # every attempt is the same
        due, self.due = self.due, []
        write(update(RunSetting).where(RunSetting.id.in_(due)).values(started_on=today()))
        return str(len(due))


LOOSE: tuple[Any, ...] = (
    UnguardedNeeds, UnguardedCases, UnguardedCapacityForms, UnguardedPolicies, UnguardedRecovery, UnguardedDevices,
    UnguardedInvitations, UnguardedPasswords, UnguardedAnswers, UnguardedPasswordLinks, UnguardedPasswordLetters,
    UnguardedPool, UnguardedBudget, UnguardedLetters,
    UnguardedWaiting, UnguardedExceptions, UnguardedReleases, UnguardedRuns, UnguardedCaseRuns, UnguardedNights,
)  # fmt: skip
