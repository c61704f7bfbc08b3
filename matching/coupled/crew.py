"""Who searches coupled parts: threads that any moment can stop, so that a Ctrl-C or a cancelled run ends at once.

CP-SAT and GLOP let go of the interpreter's lock, so threads are enough, and cost nothing to start. The thread that
called waits, hears signals and tells progress; the work is done aside.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from queue import Empty, SimpleQueue
from typing import NamedTuple, Protocol, TypeVar

HEARTBEAT_SECONDS = 0.1
"""How often the caller hears from a wait, which is its chance to stop it."""

PARTING_SECONDS = 2.0
"""How long the searches have to end when they are stopped; then they are left to end by themselves."""


Task = TypeVar("Task")


class Stopped(Exception):
    """The searches were told to stop; what they found is lost."""


class Stoppable(Protocol):
    """A solver that runs."""

    def stop_search(self) -> None:
        """End it soon."""


class Solvers:
    """All that runs for one solve."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._running: list[Stoppable] = []
        self._stopped = False

    def stop(self) -> None:
        """End every search that runs, and refuse others."""
        with self._lock:
            self._stopped = True
            running = list(self._running)
        for solver in running:
            solver.stop_search()

    @contextmanager
    def running(self, solver: Stoppable) -> Iterator[None]:
        """While it runs, a solver can be stopped.

        Raises:
            Stopped: the searches were stopped, before or meanwhile.
        """
        self.check()
        with self._lock:
            self._running.append(solver)
        try:
            yield
        finally:
            with self._lock:
                self._running.remove(solver)
        self.check()

    def check(self) -> None:
        """Raise :class:`Stopped` if the searches were stopped."""
        if self._stopped:
            raise Stopped


class Crew(NamedTuple):
    """With how many threads a search works (None for one a core), and who may stop it."""

    workers: int | None
    solvers: Solvers


def all_done(
    tasks: Sequence[Task],
    do: Callable[[Task], None],
    done: Callable[[Task], None],
    heartbeat: Callable[[], None],
    threads: int,
    solvers: Solvers,
) -> None:
    """Do all tasks, in order, so many at a time.

    Args:
        do: called aside.
        done: called here after each task.
        heartbeat: called here while waiting. What it or ``done`` raises, as what a task does, stops the searches
            and is passed on.
        solvers: those that the tasks use.
    """
    waiting: deque[Task] = deque(tasks)
    ended: SimpleQueue[tuple[Task, Exception | None]] = SimpleQueue()

    def work() -> None:
        while True:
            try:
                task = waiting.popleft()
            except IndexError:
                return
            try:
                do(task)
            except Exception as error:  # noqa: BLE001  # it is raised again where somebody waits for it
                ended.put((task, error))
            else:
                ended.put((task, None))

    crew = [threading.Thread(target=work, daemon=True) for _ in range(min(threads, len(tasks)))]
    for thread in crew:
        thread.start()
    left = len(tasks)
    try:
        while left:
            try:
                task, error = ended.get(timeout=HEARTBEAT_SECONDS)
            except Empty:
                heartbeat()
                continue
            if error is not None:
                raise error
            left -= 1
            done(task)
            if ended.empty():
                heartbeat()
    finally:
        if left:
            waiting.clear()
            _part(crew, solvers)


def _part(crew: list[threading.Thread], solvers: Solvers) -> None:
    """Stop what runs; a search that has not begun to listen is told again."""
    step = 0.05
    for _ in range(round(PARTING_SECONDS / step)):
        solvers.stop()
        for thread in crew:
            thread.join(step / len(crew))
        if not any(thread.is_alive() for thread in crew):
            return
