"""Processes that start at the same moment, each with connections of its own."""

import gc
import multiprocessing
import random
import traceback
from collections import Counter
from collections.abc import Callable
from multiprocessing.synchronize import Barrier

from flask import Flask

from marketplace.errors import MarketplaceError
from marketplace.extensions import db

PROCESSES = 64
#: So many attempts are made before the rest, so that the processes begin with what a server knows after its first
#: requests: compiled statements above all, which would be made 64 times otherwise.
AHEAD = 20
_fork = multiprocessing.get_context("fork")

#: Does the attempt of a number; what came of it in a word.
Attempt = Callable[[int], str]


def race(
    app: Flask, attempt: Attempt, attempts: int, *, seed: int, processes: int = PROCESSES, ahead: int = AHEAD
) -> Counter[str]:
    """Share attempts out among processes, let all go at once, count what came of them.

    An attempt that the rules refuse counts under the name of its error, anything else that is raised under
    "broken: …", which no race allows.
    """
    order = list(range(attempts))
    random.Random(seed).shuffle(order)  # noqa: S311  # a repeatable order, no secret
    counted: Counter[str] = Counter()
    with app.app_context():
        for number in order[:ahead]:
            counted[outcome(attempt, number)] += 1
    close_all(app)
    order = order[ahead:]
    processes = min(processes, len(order))
    gate = _fork.Barrier(processes)
    results = _fork.Queue()
    crowd = [
        _fork.Process(target=_run, args=(app, attempt, order[place::processes], gate, results))
        for place in range(processes)
    ]
    gc.collect()
    gc.freeze()  # the children's collector leaves what they share with us alone, and so do not copy it
    for process in crowd:
        process.start()
    gc.unfreeze()
    for _process in crowd:
        counted.update(results.get(timeout=600))
    for process in crowd:
        process.join(timeout=30)
    return counted


def close_all(app: Flask) -> None:
    """Close every connection: SQLite's must not be carried over a fork."""
    with app.app_context():
        db.session.remove()
        db.engine.dispose()
    app.extensions["marketplace.queue"].storage.close()


def _run(
    app: Flask, attempt: Attempt, numbers: list[int], gate: Barrier, results: "multiprocessing.Queue[Counter[str]]"
) -> None:
    counted: Counter[str] = Counter()
    with app.app_context():
        db.engine.dispose(close=False)  # the parent's connections stay the parent's
        gate.wait(timeout=120)
        for number in numbers:
            counted[outcome(attempt, number)] += 1
        db.session.remove()
        db.engine.dispose()
    results.put(counted)


def outcome(attempt: Attempt, number: int) -> str:
    """What came of one attempt."""
    try:
        return attempt(number)
    except MarketplaceError as error:
        return type(error).__name__
    except Exception as error:  # noqa: BLE001  # whatever else comes out is what the race looks for
        return f"broken: {type(error).__name__} {traceback.format_exc(limit=-2)[-300:]}"
    finally:
        db.session.rollback()


def broken(counted: Counter[str]) -> list[str]:
    """What must not come out of any attempt."""
    return [word for word in counted if word.startswith("broken")]
