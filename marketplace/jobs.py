"""Work after the answer: a queue in the instance by default, in Redis by setting.

A killed worker loses its task, so a job's truth is its own row in the database: tasks are idempotent and
take ids only, and the periodic sweepers enqueue again what was left behind.
"""

from collections.abc import Callable
from typing import Any

import structlog
from flask import Flask, current_app
from huey import Huey, RedisHuey, SqliteHuey, crontab
from huey.consumer import Consumer

from marketplace.settings import Settings
from marketplace.transitions import afterwards

log = structlog.get_logger(__name__)
_TASKS: dict[str, Callable[..., None]] = {}
_SWEEPERS: list[Callable[[], None]] = []
#: So many of the longest waiting jobs are compared before one more is asked for.
LOOKED_AT = 8


def job(name: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Register a function as the work behind a job name; it runs inside an application context."""

    def register(function: Callable[..., None]) -> Callable[..., None]:
        _TASKS[name] = function
        return function

    return register


def sweeper(function: Callable[[], None]) -> Callable[[], None]:
    """Register a function that a worker calls every minute, to take up what was left behind."""
    _SWEEPERS.append(function)
    return function


def init_app(app: Flask, settings: Settings) -> None:
    queue: Huey = (
        RedisHuey("bangnin", url=settings.redis_url, store_intermediate_errors=False)
        if settings.redis_url
        else SqliteHuey("bangnin", filename=str(settings.instance_dir / "queue.db"), store_intermediate_errors=False)
    )

    def perform(name: str, *arguments: Any) -> None:
        with app.app_context():
            _TASKS[name](*arguments)

    def sweep() -> None:
        with app.app_context():
            for function in _SWEEPERS:
                function()

    app.extensions["marketplace.queue"] = queue
    app.extensions["marketplace.perform"] = queue.task(name="perform")(perform)
    queue.periodic_task(crontab(minute="*"), name="sweep")(sweep)


def enqueue(name: str, *arguments: Any) -> None:
    """Have a worker do a registered job soon, once an open transaction is committed.

    Where the same job with the same arguments still waits, nothing more is asked: its worker will read what is
    committed by now.

    Args:
        arguments: ids, never personal data.
    """
    if name not in _TASKS:
        raise LookupError(f"no job is called {name}")
    afterwards((name, *arguments), lambda: _ask(name, *arguments))


def _ask(name: str, *arguments: Any) -> None:
    """Reading the queue's beginning makes nobody wait, as adding to a file does where many write at once."""
    queue: Huey = current_app.extensions["marketplace.queue"]
    if not any(task.args == (name, *arguments) for task in queue.pending(LOOKED_AT)):
        current_app.extensions["marketplace.perform"](name, *arguments)


def work_off(app: Flask) -> int:
    """Do everything that waits in the queue, here and now; how many jobs were done."""
    queue: Huey = app.extensions["marketplace.queue"]
    done = 0
    while (task := queue.dequeue()) is not None:
        queue.execute(task)
        done += 1
    return done


class _QuietConsumer(Consumer):
    def _set_signal_handlers(self) -> None:
        """The process around the worker handles its signals."""


def start_worker(app: Flask, *, threads: int = 1) -> Consumer:
    """Start a worker on threads of this process; `.stop(graceful=True)` ends it."""
    consumer = _QuietConsumer(
        app.extensions["marketplace.queue"], workers=threads, periodic=True, initial_delay=0.05, max_delay=0.5
    )
    consumer.start()
    log.info("worker_started", threads=threads)
    return consumer
