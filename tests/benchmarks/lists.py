"""List pages over a large database: python -m tests.benchmarks.lists [--needs N] [--rounds R].

A made-up instance in SQLite: needs of all kinds over the 22 counties, cases, organizations with capacity,
allocations, runs. Each list is opened by everyone who may, on its first and on later pages and with filters, and
timed from request to the last byte, rendering included, in one process. Prints the slowest median, the 95th percentile
and the most SQL statements of each page.
"""

import argparse
import random
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from statistics import median, quantiles

from flask import Flask
from flask_migrate import upgrade
from sqlalchemy import event, update

from marketplace import create_app, regions
from marketplace.extensions import db
from marketplace.needs.models import KINDS, URGENCIES, Need
from marketplace.permissions import Role
from marketplace.records import today
from tests.conftest import settings_in
from tests.races.worlds import copies
from tests.support import world
from tests.support.client import Browser

LIMIT_MS, LIMIT_STATEMENTS = 150, 12
CATEGORIES = ("S1102", "S1101", "S0201", "S0101")


@contextmanager
def site() -> Iterator[Flask]:
    """An application over a new SQLite database."""
    with tempfile.TemporaryDirectory(prefix="bangnin-lists-") as folder:
        app = create_app(settings_in(Path(folder)), TESTING=True, RATELIMIT_ENABLED=False, KEPT_BRIEFLY_SECONDS=60)
        app.test_client_class = Browser
        with app.app_context():
            upgrade()
            yield app
            db.session.remove()
            db.engine.dispose()


def fill(needs: int) -> None:
    """Records of every kind; a third of the needs are micro-wishes."""
    chance = random.Random(12)  # noqa: S311  # a repeatable world, no secret
    counties = [county.code for county in regions.counties()]
    county = lambda place: counties[place % len(counties)]  # noqa: E731  # a column of copies

    case = world.a_case(region=counties[0])
    cases = [case, *copies(case, needs // 4, region=county, number=lambda place: f"C-{place:07}")]
    organization = world.an_organization()
    organizations = [organization, *copies(organization, 199, region=county, name=lambda place: f"测试机构{place}")]
    project = world.a_project(organization)
    projects = [project, *copies(
        project, 499, organization_id=lambda place: organizations[place % 200].id, region=county,
    )]  # fmt: skip
    capacity = world.a_capacity(project, quantity=100_000)
    copies(
        capacity, 999, region=county,
        project_id=lambda place: projects[place % 500].id,
        organization_id=lambda place: projects[place % 500].organization_id,
    )  # fmt: skip
    kinds = [kind for kind in KINDS if kind != "micro_wish"]
    need = world.a_need(case, quantity=1)
    shared = {
        "region": county,
        "case_id": lambda place: cases[place % len(cases)].id,
        "urgency": lambda _place: chance.choice(URGENCIES),
        "category": lambda _place: chance.choice(CATEGORIES),
        "posted_on": lambda _place: today() - timedelta(days=chance.randrange(300)),
    }
    rest = needs * 2 // 3
    rows = copies(need, rest, kind=lambda _place: chance.choice(kinds), **shared)
    wish = world.a_wish(case)
    copies(wish, needs - rest, **shared)
    proposal = world.an_allocation(need, capacity)
    copies(
        proposal, needs // 4, need_id=lambda place: rows[place].id, region=lambda place: rows[place].region,
        state=lambda place: ("proposed", "accepted", "delivered", "confirmed")[place % 4],
    )  # fmt: skip
    db.session.execute(update(Need).where(Need.id.in_([row.id for row in rows[: needs // 4]])).values(version=2))
    copies(world.a_run(), 200)
    db.session.commit()


def visitors(app: Flask) -> dict[str, Browser]:
    """One of each role, signed in."""
    organization = db.session.query(world.Organization).first()
    people = {
        "public": None,
        "volunteer": world.a_user(Role.VOLUNTEER),
        "caseworker": world.a_user(Role.CASEWORKER, region=world.DAWUKOU),
        "charity": world.a_user(region=None, organization=organization),
        "coordinator": world.a_user(Role.COORDINATOR, region="640000"),
        "officer": world.a_user(Role.OFFICER, region="640000"),
        "auditor": world.a_user(Role.AUDITOR, region="640000"),
        "administrator": world.a_user(Role.ADMINISTRATOR, region="640000"),
    }
    browsers: dict[str, Browser] = {}
    for role, user in people.items():
        browser = app.test_client()
        if isinstance(browser, Browser):
            browsers[role] = browser.sign_in(user) if user else browser
    return browsers


PAGES = (
    "/wishes", "/wishes?page=40", "/wishes?region=640202", "/needs", "/needs?page=500", "/needs?urgency=red",
    "/needs?state=review", "/needs?region=640202&kind=goods", "/cases", "/cases?page=100", "/allocations",
    "/allocations?tab=accepted&page=20", "/allocations?urgency=red", "/projects", "/projects?page=10",
    "/organizations", "/organizations?page=5", "/alliances", "/runs", "/runs?page=5", "/account/claims",
    "/account/notifications", "/",
)  # fmt: skip


def measure(app: Flask, rounds: int) -> list[tuple[str, str, list[float], int]]:
    """For each page and role that may see it: milliseconds of each round, and the most statements of one."""
    counted = [0]

    @event.listens_for(db.engine, "before_cursor_execute")
    def _count(*_arguments: object) -> None:
        counted[0] += 1

    measured = []
    for role, browser in visitors(app).items():
        for page in PAGES:
            times, most = [], 0
            for turn in range(rounds + 1):
                counted[0] = 0
                began = time.perf_counter()
                answer = browser.get(page)
                spent = (time.perf_counter() - began) * 1000
                if answer.status_code != 200:
                    break
                if turn:  # the first fills the caches of templates and statements
                    times.append(spent)
                    most = max(most, counted[0])
            if times:
                measured.append((role, page, times, most))
    return measured


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--needs", type=int, default=200_000)
    parser.add_argument("--rounds", type=int, default=20)
    asked = parser.parse_args()
    with site() as app:
        began = time.monotonic()
        fill(asked.needs)
        print(f"{asked.needs:,} needs made in {time.monotonic() - began:.0f} s")  # noqa: T201  # a command's output
        print(f"{'page':38} {'role':14} {'median':>8} {'p95':>8}  statements")  # noqa: T201  # as above
        for role, page, times, most in measure(app, asked.rounds):
            high = quantiles(times, n=20)[-1] if len(times) > 1 else times[0]
            mark = " !" if high > LIMIT_MS or most > LIMIT_STATEMENTS else ""
            print(f"{page:38} {role:14} {median(times):6.0f}ms {high:6.0f}ms  {most}{mark}")  # noqa: T201  # as above


if __name__ == "__main__":
    main()
