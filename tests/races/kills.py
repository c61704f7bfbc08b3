"""Processes are killed at any moment: what was answered stays done, and nothing stays half done.

`kill -9` shows the death of a process, not the loss of power: for that, SQLite writes with synchronous=FULL and
PostgreSQL with fsync, and their own crash tests stand for it.
"""

import multiprocessing
import os
import random
import signal
import time
from pathlib import Path

from flask import Flask

from marketplace.extensions import db
from tests.races.crowd import close_all, outcome
from tests.races.invariants import Race

_fork = multiprocessing.get_context("fork")
WORKERS = 8


def kill_under_load(app: Flask, held: Race, folder: Path, *, kills: int, seed: int) -> set[int]:
    """Let workers try at random and kill one after another; the attempts that a worker was told are done."""
    choice = random.Random(seed)  # noqa: S311  # a repeatable order, no secret
    close_all(app)
    started = 0
    workers = []

    def start() -> None:
        nonlocal started
        process = _fork.Process(target=_work, args=(app, held, folder / f"answered-{started}", seed + started))
        process.start()
        workers.append(process)
        started += 1

    for _place in range(WORKERS):
        start()
    for _kill in range(kills):
        time.sleep(choice.uniform(0.002, 0.06))  # the load goes on meanwhile: the moment of the kill is the test
        victim = workers.pop(choice.randrange(len(workers)))
        os.kill(victim.pid or 0, signal.SIGKILL)
        victim.join()
        start()
    for process in workers:
        process.terminate()
        process.join()
    told = [int(line) for path in folder.glob("answered-*") for line in path.read_text().splitlines() if line.isdigit()]
    return set(told)


def _work(app: Flask, held: Race, answered: Path, seed: int) -> None:
    choice = random.Random(seed)  # noqa: S311  # a repeatable order, no secret
    stopped = []
    signal.signal(signal.SIGTERM, lambda *_signal: stopped.append(True))
    with app.app_context(), answered.open("a", buffering=1) as file:
        db.engine.dispose(close=False)
        while not stopped:
            number = choice.randrange(held.number)
            if outcome(held.attempt, number) in ("accepted", "delivered"):
                file.write(f"{number}\n")
