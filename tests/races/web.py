"""Many people press at once: live HTTP against two server processes on one database."""

import http.client
import re
import subprocess
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from urllib.parse import urlencode

from flask import Flask
from sqlalchemy import func, select

from marketplace import audit
from marketplace.accounts.models import User
from marketplace.allocations import services as allocations
from marketplace.allocations.models import Allocation
from marketplace.extensions import db
from marketplace.projects.models import Capacity
from marketplace.settings import Settings
from tests.races import worlds
from tests.support import world
from tests.support.client import Browser
from tests.support.commands import started
from tests.support.servers import free_port

PEOPLE, WISHES, OFFERS, UNITS = 64, 60, 10, 20


@contextmanager
def two_servers(settings: Settings) -> Iterator[list[int]]:
    """Two `marketplace serve` on one instance; their ports once both answer."""
    keys = {"SECRET_KEY": settings.keys.secret_key, "FIELD_KEYS": ",".join(settings.keys.field_keys)}
    with ExitStack() as running:
        ports = [free_port(), free_port()]
        for port in ports:
            server = started(
                settings.instance_dir, "serve", "--port", str(port), DATABASE_URL=settings.database_url, **keys
            )
            running.callback(_stop, server)
            first_line = server.stdout.readline() if server.stdout else ""
            if not re.search(rf":{port}/", first_line):
                raise RuntimeError(f"the server did not start: {first_line}{server.stderr and server.stderr.read()}")
        yield ports


def _stop(server: "subprocess.Popen[str]") -> None:
    server.terminate()
    server.communicate(timeout=30)


class Pressing:
    """Four in five attempts claim one of 60 wishes, the fifth accepts one of the proposals for 200 units."""

    def __init__(self, app: Flask, ports: list[int], number: int) -> None:
        self.app, self.ports, self.number = app, ports, number
        app.test_client_class = Browser
        with app.app_context():
            first = world.a_wish()
            self.wishes = [row.public_id for row in (first, *worlds.copies(first, WISHES - 1))]
            capacity = world.a_capacity(quantity=UNITS)
            offers = [capacity, *worlds.copies(capacity, OFFERS - 1)]
            need = world.a_need(quantity=1)
            proposals = max(number // 5, 1)
            needs = [need, *worlds.copies(need, proposals - 1)]
            proposal = world.an_allocation(need, capacity)
            rows = worlds.copies(
                proposal,
                proposals - 1,
                need_id=lambda place: needs[place + 1].id,
                capacity_id=lambda place: offers[(place + 1) % OFFERS].id,
            )
            self.granted = min(UNITS, proposals // OFFERS)
            self.offers = [offer.id for offer in offers]
            self.proposals = [row.public_id for row in (proposal, *rows)]
            people = [world.a_user(world.Role.VOLUNTEER) for _place in range(PEOPLE)]
            self.people = [self._signed_in(user) for user in people]
            self.member = self._signed_in(world.a_user(region=None, organization=capacity.organization))
            db.session.remove()
        self.connections: dict[int, http.client.HTTPConnection] = {}

    def _signed_in(self, user: User) -> tuple[str, str]:
        """Cookie and token of a signed-in browser."""
        browser = self.app.test_client()
        if not isinstance(browser, Browser):
            raise TypeError("the application makes other clients")
        browser.sign_in(user)
        token = browser.csrf_token()
        cookie = browser.get_cookie("bangnin")
        return f"bangnin={cookie.value if cookie else ''}", token

    def attempt(self, number: int) -> str:
        turn, fifth = divmod(number, 5)
        if fifth == 4:
            return self._post(number, self.member, f"/allocations/{self.proposals[turn % len(self.proposals)]}/accept")
        person = number % PEOPLE
        wish = self.wishes[(number // PEOPLE + person) % WISHES]
        return self._post(number, self.people[person], f"/wishes/{wish}/claim")

    def _post(self, number: int, who: tuple[str, str], address: str) -> str:
        cookie, token = who
        port = self.ports[number % len(self.ports)]
        connection = self.connections.setdefault(port, http.client.HTTPConnection("127.0.0.1", port, timeout=60))
        headers = {"Cookie": cookie, "Content-Type": "application/x-www-form-urlencoded"}
        connection.request("POST", address, urlencode({"csrf_token": token}), headers)
        answer = connection.getresponse()
        answer.read()
        return str(answer.status) if answer.status < 500 else f"broken: {answer.status} {address}"

    def faults(self, counted: Counter[str]) -> list[str]:
        """What is not as it must be."""
        with self.app.app_context():
            db.session.remove()
            claimed = db.session.execute(
                select(Allocation.need_id, func.count())
                .where(Allocation.source == "claim")
                .group_by(Allocation.need_id)
            ).all()
            held = db.session.scalars(
                select(func.count())
                .select_from(Allocation)
                .where(Allocation.source == "claim")
                .group_by(Allocation.claimant_id)
            ).all()
            given = db.session.scalars(select(Capacity.allocated).where(Capacity.id.in_(self.offers))).all()
            found = [word for word in counted if word.startswith("broken")]
            if [count for _need, count in claimed] != [1] * WISHES:
                found.append(f"{len(claimed)} of {WISHES} wishes are claimed: {claimed}")
            if max(held) > 3:
                found.append(f"one person holds {max(held)} wishes")
            if set(given) != {self.granted}:
                found.append(f"units given of the offers: {given}")
            return [*found, *audit.verify(), *allocations.reconcile()]
