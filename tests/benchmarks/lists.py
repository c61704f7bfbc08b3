"""List pages over a large database: python -m tests.benchmarks.lists [--needs N] [--rounds R].

A made-up instance in SQLite: needs of all kinds over the 22 counties, cases, organizations with capacity,
allocations, runs, and what waits for staff: reviews, visits, hand-overs, requests, the trail. Each list is opened by
everyone who may, on its first and on later pages and with filters, and timed from request to the last byte, rendering
included, in one process. Prints the slowest median, the 95th percentile and the most SQL statements of each page.
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

from marketplace import audit, create_app, regions
from marketplace.allocations.models import Allocation
from marketplace.extensions import db
from marketplace.needs.models import KINDS, URGENCIES, Need
from marketplace.organizations.models import Organization
from marketplace.permissions import Role, system_actor
from marketplace.records import now, today
from tests.conftest import settings_in
from tests.races.worlds import copies
from tests.support import world
from tests.support.client import Browser
from tests.support.held import a_release, an_exception
from tests.support.past import a_backtest

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
    rows = copies(
        need, rest, kind=lambda _place: chance.choice(kinds), state=lambda place: "open" if place % 50 else "draft",
        share_consent_on=lambda place: None if place % 21 == 1 else today(),
        reference=lambda place: f"W-N{place:07}", **shared,
    )  # fmt: skip
    wish = world.a_wish(case)
    copies(
        wish, needs - rest, state=lambda place: "open" if place % 50 else "review",
        reference=lambda place: f"W-M{place:07}", **shared,
    )  # fmt: skip
    proposal = world.an_allocation(need, capacity)
    given = copies(
        proposal, needs // 4, need_id=lambda place: rows[place].id, region=lambda place: rows[place].region,
        state=lambda place: ("proposed", "accepted", "delivered", "confirmed")[place % 4],
        due_on=lambda place: today() - timedelta(days=20) if place % 16 == 1 else None,
        expires_at=lambda place: now() + timedelta(days=2) if place % 4 == 0 else None,
        accepted_at=lambda place: now() if place % 4 else None,
    )  # fmt: skip
    db.session.execute(update(Need).where(Need.id.in_([row.id for row in rows[: needs // 4]])).values(version=2))
    copies(world.a_run(), 200, state=lambda place: "done" if place < 190 else "failed")
    _work(rows, [row for row in given if row.state == "confirmed"], organization)
    db.session.commit()


def _work(needs: list[Need], confirmed: list[Allocation], organization: Organization) -> None:
    """What waits for staff and for a supplier beside needs and proposals, and the trail of it all."""
    counties = [county.code for county in regions.counties()]
    copies(world.an_organization(state="registered"), 100, region=lambda place: counties[place % len(counties)])
    copies(world.a_project(organization, state="submitted"), 100)
    stale = copies(world.a_capacity(world.a_project(organization), confirmed_on=today() - timedelta(days=40)), 300)
    copies(world.a_volunteers_offer(), 500, region=lambda place: counties[place % len(counties)])
    visit = world.a_visit(confirmed[0])
    copies(
        visit, len(confirmed) - 1, allocation_id=lambda place: confirmed[place + 1].id,
        region=lambda place: confirmed[place + 1].region,
        due_on=lambda place: today() + timedelta(days=place % 40 - 20),
    )  # fmt: skip
    copies(an_exception(needs[0]), min(500, len(needs) - 1), need_id=lambda place: needs[place + 1].id)
    copies(a_release(stale[0]), len(stale) - 1, capacity_id=lambda place: stale[place + 1].id)
    copies(a_backtest(), 50)
    copies(world.an_assessment(world.DAWUKOU, state="draft"), 100, edition=lambda place: place + 2)
    copies(world.a_notice(world.a_user(Role.VOLUNTEER)), 100, key=lambda place: f"note-{place}")
    rows = [(need.id, need.region) for need in needs]
    audit.record_many(system_actor("import"), "need:imported", "need", rows, after="open")


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
    "/account/notifications", "/", "/waiting",
    "/needs?waiting=review", "/needs?waiting=urgent", "/needs?waiting=consent", "/needs/drafts",
    "/allocations?waiting=1", "/allocations?tab=running&waiting=1", "/allocations/handover", "/follow-ups",
    "/organizations?tab=queue", "/projects?tab=queue", "/projects?tab=mine", "/offers", "/offers?waiting=1",
    "/holds", "/holds?kind=releases", "/runs?waiting=1", "/runs/foresight", "/assessments", "/account/staff",
    "/audit", "/audit?page=100", "/cases/care", "/cases/put-away", "/cards", "/account/offers", "/account/record",
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
