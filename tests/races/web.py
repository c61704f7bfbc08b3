"""Many people press at once: live HTTP against two server processes on one database.

Each invariant has the form in which `tests.races.invariants` tries it on the service layer; here its attempts are
presses, and what must be true afterwards is the same.
"""

import http.client
import os
import random
import re
import subprocess
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from typing import ClassVar
from urllib.parse import urlencode

from flask import Flask
from sqlalchemy import func, select

from marketplace.accounts.models import User
from marketplace.allocations.models import FollowUp
from marketplace.extensions import db
from marketplace.records import now, today
from marketplace.settings import Settings
from tests.races import invariants
from tests.support import world
from tests.support.client import Browser
from tests.support.commands import started
from tests.support.servers import free_port

#: Cookie and token of somebody who is signed in.
SignedIn = tuple[str, str]
TAKEN = 409


@contextmanager
def two_servers(settings: Settings) -> Iterator[list[int]]:
    """Two `marketplace serve` on one instance; their ports once both answer."""
    keys = {"SECRET_KEY": settings.keys.secret_key, "FIELD_KEYS": ",".join(settings.keys.field_keys)}
    environ = keys | {"DATABASE_URL": settings.database_url, "MAIL_URL": settings.mail_url or ""}
    with ExitStack() as running:
        ports = [free_port(), free_port()]
        for port in ports:
            server = started(settings.instance_dir, "serve", "--port", str(port), **environ)
            running.callback(_stop, server)
            first_line = server.stdout.readline() if server.stdout else ""
            if not re.search(rf":{port}/", first_line):
                raise RuntimeError(f"the server did not start: {first_line}{server.stderr and server.stderr.read()}")
            # A server whose log nobody reads stands still once the pipe is full.
            log = threading.Thread(target=_read, args=(server,))
            log.start()
            running.callback(log.join, 30)
            running.callback(server.terminate)
        yield ports


def _read(server: "subprocess.Popen[str]") -> None:
    """Read a server's log to its end; what it says of faults is shown with a race that fails."""
    _out, log = server.communicate()
    print(*[line[:4000] for line in log.splitlines() if '"level": "error"' in line][:5], sep="\n")  # noqa: T201  # kept by pytest


def _stop(server: "subprocess.Popen[str]") -> None:
    if server.poll() is None:
        server.terminate()
        server.communicate(timeout=30)


class Pressed(invariants.Race):
    """A race whose attempts are presses."""

    #: What an attempt that was done is called.
    done = "done"
    #: Of each process to each server: all races of a process press through the same.
    _connections: ClassVar[dict[tuple[int, int], http.client.HTTPConnection]] = {}

    def __init__(self, app: Flask, ports: list[int], number: int) -> None:
        self.ports = ports
        app.test_client_class = Browser
        super().__init__(app, number)

    def sign_in(self, user: User) -> SignedIn:
        browser = self.app.test_client()
        if not isinstance(browser, Browser):
            raise TypeError("the application makes other clients")
        browser.sign_in(user)
        token = browser.csrf_token()
        cookie = browser.get_cookie("bangnin")
        return f"bangnin={cookie.value if cookie else ''}", token

    def press(self, number: int, who: SignedIn, address: str, key: str = "", **values: str) -> str:
        """POST a form; `done` where it was, else what the answer says. An error page is broken."""
        cookie, token = who
        port = self.ports[number % len(self.ports)]
        connection = self._connections.setdefault(
            (os.getpid(), port), http.client.HTTPConnection("127.0.0.1", port, timeout=120)
        )
        headers = {"Cookie": cookie, "Content-Type": "application/x-www-form-urlencoded"}
        if key:
            headers["Idempotency-Key"] = key
        connection.request("POST", address, urlencode({"csrf_token": token, **values}), headers)
        answer = connection.getresponse()
        answer.read()
        if answer.status == 303:
            return self.done
        return "StateConflict" if answer.status == TAKEN else f"broken: {answer.status} {address}"


class PressedCapacities(Pressed, invariants.Capacities):
    """I1: a supplier accepts proposals."""

    done = "accepted"

    def prepare(self) -> None:
        super().prepare()
        self.signed_in = self.sign_in(self.member)

    def attempt(self, number: int) -> str:
        return self.press(number, self.signed_in, f"/allocations/{self.proposals[number]}/accept")


class PressedClaims(Pressed, invariants.Claims):
    """I2: volunteers claim wishes."""

    done = "accepted"

    def prepare(self) -> None:
        super().prepare()
        self.signed_in = [self.sign_in(person) for person in self.people]

    def attempt(self, number: int) -> str:
        side = len(self.signed_in)
        return self.press(number, self.signed_in[number % side], f"/wishes/{self.wishes[number // side]}/claim")


class PressedTrail(Pressed, invariants.Trail):
    """I3: officers suspend and reinstate; a press that is refused is undone with the key it was sent with."""

    done = "moved"
    actions = ("organization:suspended", "organization:reinstated")
    outcomes = ("moved", "StateConflict")

    def prepare(self) -> None:
        super().prepare()
        self.signed_in = self.sign_in(world.a_user(world.Role.OFFICER, region="640000"))

    def attempt(self, number: int) -> str:
        choice = random.Random(number)  # noqa: S311  # a repeatable choice, no secret
        verb, organization = choice.choice(("suspend", "reinstate")), choice.choice(self.addresses)
        address = f"/organizations/{organization}/{verb}"
        return self.press(number, self.signed_in, address, key=f"press-{number}", reason="年度报告没有按时提交")


class PressedRepeats(Pressed, invariants.Repeats):
    """I5: a caseworker plans one visit more with every key, and sends it twenty times."""

    done = "answered"

    def prepare(self) -> None:
        confirmed = world.an_allocation(state="confirmed", confirmed_at=now())
        self.allocation, self.address = confirmed.id, f"/allocations/{confirmed.public_id}/follow-ups"
        self.signed_in = self.sign_in(world.a_user(world.Role.CASEWORKER))
        self.due_on = (today() + timedelta(days=9)).isoformat()

    def attempt(self, number: int) -> str:
        key = f"visit-{number // self.copies_of_each}"
        return self.press(number, self.signed_in, self.address, key=key, due_on=self.due_on)

    def effects(self) -> int:
        return db.session.scalar(select(func.count()).where(FollowUp.allocation_id == self.allocation)) or 0


class PressedStates(Pressed, invariants.States):
    """I7: caseworkers withdraw needs and open them again."""

    done = "moved"
    actions = ("need:withdrawn", "need:reopened")

    def prepare(self) -> None:
        super().prepare()
        self.signed_in = self.sign_in(world.a_user(world.Role.CASEWORKER))

    def attempt(self, number: int) -> str:
        choice = random.Random(number)  # noqa: S311  # a repeatable choice, no secret
        address = f"/needs/{choice.choice(self.addresses)}"
        if choice.random() < 0.5:
            return self.press(number, self.signed_in, f"{address}/withdraw", reason="not_needed")
        return self.press(number, self.signed_in, f"{address}/reopen", note="又需要了")


class PressedNotices(Pressed, invariants.Notices):
    """I10: officers verify organizations, and those of elsewhere try to."""

    done = "told"
    state = "registered"

    def prepare(self) -> None:
        super().prepare()
        self.signed_in = self.sign_in(world.a_user(world.Role.OFFICER))
        self.elsewhere = self.sign_in(world.a_user(world.Role.OFFICER, region=world.XINGQING))

    def attempt(self, number: int) -> str:
        place, _copy = divmod(number, self.copies_of_each)
        address = f"/organizations/{self.addresses[place]}/verify"
        if place % 4:
            return self.press(number, self.signed_in, address, version="1")
        found = self.press(number, self.elsewhere, address, version="1")
        return "undone" if found.startswith("broken: 404 ") else found


class PressedExpiry(Pressed, invariants.Expiry):
    """I11: a volunteer presses "done" at the moment when claims lapse; what sweeps is a worker's process."""

    done = "delivered"

    def prepare(self) -> None:
        super().prepare()
        self.signed_in = self.sign_in(self.person)

    def deliver(self, claim: str) -> str:
        return self.press(self.claims.index(claim), self.signed_in, f"/allocations/{claim}/delivered")


PRESSED: tuple[type[Pressed], ...] = (
    PressedCapacities, PressedClaims, PressedTrail, PressedRepeats, PressedStates, PressedNotices, PressedExpiry,
)  # fmt: skip


class AllPressed(invariants.Race):
    """Presses for every invariant at once, on one database: each seventh is of the same."""

    def __init__(self, app: Flask, ports: list[int], number: int) -> None:
        self.ports = ports
        super().__init__(app, number)

    def prepare(self) -> None:
        share = self.number // len(PRESSED)
        self.parts = [kind(self.app, self.ports, share) for kind in PRESSED]
        self.number = len(PRESSED) * min(part.number for part in self.parts)

    def attempt(self, number: int) -> str:
        turn, place = divmod(number, len(self.parts))
        part = self.parts[place]
        word = part.attempt(turn)
        return word if word.startswith("broken") else f"{type(part).__name__} {word}"

    def faults(self, counted: Counter[str]) -> list[str]:
        found = []
        for part in self.parts:
            name = f"{type(part).__name__} "
            own = Counter({word.removeprefix(name): count for word, count in counted.items() if word.startswith(name)})
            found += [name + fault for fault in part.faults(own)]
        return found
