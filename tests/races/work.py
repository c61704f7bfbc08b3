"""Letters, jobs, decisions and runs, raced in the form of `limits`: what is taken up once, by one."""

from collections import Counter
from dataclasses import replace
from email import message_from_bytes
from typing import Any

from aiosmtpd.controller import Controller
from sqlalchemy import func, select

from marketplace import jobs, mail, regions
from marketplace.accounts.services import actor_of
from marketplace.allocations.models import Allocation
from marketplace.extensions import db
from marketplace.mail import OutboxMessage
from marketplace.matches import services as matches
from marketplace.matches.holds import services as holds
from marketplace.matches.models import MatchRun, RunSetting
from marketplace.matches.services import settings
from marketplace.permissions import Role
from marketplace.transitions import transaction
from tests.races.crowd import PROCESSES
from tests.races.invariants import Race, events_of, expect
from tests.support import held, world
from tests.support.servers import free_port

WHY = "家里没有取暖"


class Postbox:
    """Keeps which letters a real mail server took."""

    def __init__(self) -> None:
        self.letters: list[str] = []

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802  # aiosmtpd's name
        self.letters.append(str(message_from_bytes(envelope.content)["Message-ID"]))
        return "250 OK"


class Letters(Race):
    """A letter goes out once, however many workers send at the same moment."""

    letters = 12

    def prepare(self) -> None:
        self.postbox = Postbox()
        self.server = Controller(self.postbox, hostname="127.0.0.1", port=free_port())
        self.server.start()
        known = replace(self.app.extensions["marketplace.settings"], mail_url=f"smtp://127.0.0.1:{self.server.port}")
        self.app.extensions["marketplace.mail"] = mail.Server(known)
        with transaction():
            for place in range(self.letters):
                mail.post(f"reader{place}@example.org", "新的消息", "请登录后查看。", key=f"letter:{place}")

    def attempt(self, number: int) -> str:  # noqa: ARG002  # every attempt is the same
        return str(mail.deliver())

    def faults(self, counted: Counter[str]) -> list[str]:
        self.server.stop()
        told = sum(int(word) * times for word, times in counted.items() if word.isdigit())
        noted = db.session.scalar(select(func.count()).where(OutboxMessage.state == "sent"))
        return [
            *expect("letters sent", len(self.postbox.letters), self.letters),
            *expect("different letters", len(set(self.postbox.letters)), self.letters),
            *expect("letters told and noted", (told, noted), (self.letters, self.letters)),
        ]


class Waiting(Race):
    """A job that waits is not asked for again: at most once by each process, which saw none yet."""

    def prepare(self) -> None:
        self.number = max(self.number, 5 * PROCESSES)

    def attempt(self, number: int) -> str:  # noqa: ARG002  # every attempt is the same
        jobs.enqueue("mail.deliver")
        return "asked"

    def faults(self, counted: Counter[str]) -> list[str]:
        waiting = self.app.extensions["marketplace.queue"].pending_count()
        return [
            *expect("jobs asked for", counted["asked"], self.number),
            *([] if 1 <= waiting <= PROCESSES else [f"jobs that wait: {waiting}, not 1 to {PROCESSES}"]),
        ]


class Decisions(Race):
    """A request about what is kept back is decided once, and a granted one is proposed once."""

    copies_of_each = 32

    def prepare(self) -> None:
        self.actors = [actor_of(world.a_user(Role.COORDINATOR)) for _place in range(4)]
        places = range(max(self.number // (2 * self.copies_of_each), 1))
        run = world.a_run()
        kept = [held.a_hold(run=run) for _place in places]
        self.kept = [hold.capacity.public_id for hold in kept]
        self.exceptions = [held.an_exception(held.a_held_need(hold)).public_id for hold in kept]
        self.releases = [held.a_release(held.a_hold(run=run).capacity).public_id for _place in places]

    def attempt(self, number: int) -> str:
        place, copy = number // 2 % len(self.kept), number // 2 // len(self.kept)
        actor = self.actors[copy % len(self.actors)]
        if number % 2:
            self.release(actor, self.releases[place], grant=bool(copy % 2))
            return "release"
        self.exception(actor, place, grant=bool(copy % 2))
        return "exception"

    def release(self, actor: Any, address: str, *, grant: bool) -> None:
        if grant:
            holds.grant_release(actor, address, world.in_days(1), WHY)
        else:
            holds.refuse_release(actor, address, WHY)

    def exception(self, actor: Any, place: int, *, grant: bool) -> None:
        if grant:
            holds.grant_exception(actor, self.exceptions[place], self.kept[place], 1, WHY)
        else:
            holds.refuse_exception(actor, self.exceptions[place], WHY)

    def faults(self, counted: Counter[str]) -> list[str]:
        each = len(self.kept)
        decided = [
            events_of(f"hold_{kind}:granted", f"hold_{kind}:refused") for kind in ("exception", "release")
        ]  # fmt: skip
        proposed = db.session.scalar(select(func.count()).where(Allocation.source == "manual"))
        return [
            *expect("exceptions decided", counted["exception"], each),
            *expect("releases decided", counted["release"], each),
            *expect("decisions in the trail", decided, [each, each]),
            *expect("proposals", proposed, events_of("hold_exception:granted")),
        ]


class Runs(Race):
    """Of those who start a run of the same region, alliance or restricted case at the same moment one does."""

    def prepare(self) -> None:
        user = world.a_user(Role.COORDINATOR, region=regions.NINGXIA)
        self.actor = actor_of(user)
        self.places: list[tuple[str, str | None]] = [(county.code, None) for county in regions.counties()[:4]]
        self.places += [(world.DAWUKOU, world.an_alliance().slug) for _place in range(2)]
        restricted = [world.a_case(restricted=True) for _place in range(2)]
        self.team = [world.a_team_member(case, user).case_id for case in restricted]
        self.cases = [case.public_id for case in restricted]

    def attempt(self, number: int) -> str:
        place = number % (len(self.places) + len(self.cases))
        if place < len(self.places):
            matches.start(self.actor, *self.places[place])
            return "ordinary"
        matches.start_for_case(self.actor, self.cases[place - len(self.places)])
        return "restricted"

    def faults(self, counted: Counter[str]) -> list[str]:
        rows = list(db.session.execute(select(MatchRun.region, MatchRun.alliance_id, MatchRun.case_id)))
        ordinary = [row for row in rows if row.case_id is None]
        wanted = len(self.places), len(self.places), len(self.places)
        found = counted["ordinary"], len(ordinary), len(set(ordinary))
        cases_run = counted["restricted"], len(rows) - len(ordinary), events_of("match_run:case_queued")
        return [
            *expect("runs of regions and alliances", found, wanted),
            *expect("runs of restricted cases", cases_run, (len(self.cases),) * 3),
            *expect("runs in the trail", events_of("match_run:queued"), len(self.places)),
        ]


class Nights(Race):
    """Tonight's run of each scope is given to one worker alone."""

    def prepare(self) -> None:
        codes = [county.code for county in regions.counties()[:12]]
        self.nights = [
            world.save(RunSetting(region=code, policy={}, nightly=True, nightly_hour=0, started_on=None)).id
            for code in codes
        ]

    def attempt(self, number: int) -> str:  # noqa: ARG002  # every attempt is the same
        return str(len(settings.due_nights()))

    def faults(self, counted: Counter[str]) -> list[str]:
        begun = sum(int(word) * times for word, times in counted.items() if word.isdigit())
        return expect("nights begun", begun, len(self.nights))
