"""Suggestions for one need, over 100,000 needs and 1,000 capacities: what the service and its page take.

    python -m tests.benchmarks.suggestions [--needs N] [--capacities M] [--asked K] [--instance FOLDER]

Files of the made-up world are imported as a user would; then needs are drawn at random and asked for, once warm
and once with the capacity changed before each question, so that what is kept of it has to be made anew. Target:
under 300 ms. An instance that a run has left in FOLDER is taken up again.
"""

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import click
import numpy as np
from flask_migrate import upgrade
from sqlalchemy import select, update

from marketplace import create_app
from marketplace.exchange import services as exchange
from marketplace.extensions import db
from marketplace.matches import services
from marketplace.needs.models import Need
from marketplace.permissions import Role, system_actor
from marketplace.projects.models import Capacity
from tests.benchmarks.world import write_world
from tests.conftest import settings_in
from tests.support import world
from tests.support.client import Browser

TARGET_MS = 300
SYSTEM = system_actor("benchmark")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--needs", type=int, default=100_000)
    parser.add_argument("--capacities", type=int, default=1_000)
    parser.add_argument("--asked", type=int, default=200)
    parser.add_argument("--instance", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.instance or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        measure(folder, options.needs, options.capacities, options.asked)


def measure(folder: Path, needs: int, capacities: int, asked: int) -> None:
    """Print one line of JSON with the figures."""
    fresh = not (folder / "bangnin.db").exists()
    app = create_app(settings_in(folder))
    app.test_client_class = Browser
    with app.app_context():
        if fresh:
            upgrade()
            need_path, capacity_path = write_world(folder, needs=needs, capacities=capacities)
            # An import takes a wish as one unit alone; the made-up world's wishes have several.
            need_path.write_text(need_path.read_text("utf-8").replace(",micro_wish,", ",goods,"), "utf-8")
            exchange.import_file(SYSTEM, "needs", need_path, language="en")
            exchange.import_file(SYSTEM, "capacity", capacity_path, language="en")
        keys = list(db.session.scalars(select(Need.public_id).where(Need.state == "open").order_by(Need.id)))
        chosen = [keys[place] for place in np.random.default_rng(1).integers(0, len(keys), asked)]
        offered = int(db.session.query(Capacity).count())
        services.suggest(SYSTEM, chosen[0])
        warm = [_timed(services.suggest, SYSTEM, key) for key in chosen]
        found = [len(services.suggest(SYSTEM, key).rows) for key in chosen]
        anew = []
        for key in chosen[: asked // 4]:
            db.session.execute(update(Capacity).where(Capacity.id == 1).values(version=Capacity.version + 1))
            db.session.commit()
            anew.append(_timed(services.suggest, SYSTEM, key))
        user = world.a_user(Role.ADMINISTRATOR, region=None)
        db.session.rollback()
        browser = app.test_client()
        assert isinstance(browser, Browser)
        browser.sign_in(user)
        pages = [_timed(browser.get, f"/needs/{key}/suggestions") for key in chosen]
    click.echo(
        json.dumps(
            {
                "needs": len(keys),
                "capacities": offered,
                "suppliers_shown": round(statistics.mean(found), 2),
                "service_ms": _figures(warm),
                "service_with_changed_capacity_ms": _figures(anew),
                "page_ms": _figures(pages),
                "target_ms": TARGET_MS,
            }
        )
    )


def _timed(work: Callable[..., object], *arguments: object) -> tuple[float, float]:
    """Milliseconds by the clock and of the processor."""
    began, used = time.perf_counter(), time.process_time()
    work(*arguments)
    return 1000 * (time.perf_counter() - began), 1000 * (time.process_time() - used)


def _figures(measured: list[tuple[float, float]]) -> dict[str, float]:
    milliseconds = [clock for clock, _ in measured]
    return {
        "processor_median": round(statistics.median(used for _, used in measured), 1),
        "median": round(statistics.median(milliseconds), 1),
        "p95": round(statistics.quantiles(milliseconds, n=20)[-1], 1),
        "most": round(max(milliseconds), 1),
    }


if __name__ == "__main__":
    main()
