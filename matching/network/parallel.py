"""Networks solved in processes that can be stopped.

The flow solver holds the interpreter's lock and cannot be interrupted, so threads gain nothing and a progress
callback would not be called until it ends. Here each worker is a fork of this process: it inherits the arrays
without a copy, takes the number of one part after another from a pipe, writes units into shared memory and
tells the number of the part it did. To stop, the workers are killed. A fork starts in about 10 ms; a fresh
interpreter would take 0.2 s for its imports, and would run an unguarded main module again.

Forking a process with threads is safe here because the child does nothing but NumPy, the solver and pipes:
it takes none of the locks that another thread might hold at that moment, and ends without clean-up handlers.
"""

from __future__ import annotations

import mmap
import os
import select
import signal
import struct
import warnings
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Self

import numpy as np

from matching.columns import Int64s

HEARTBEAT_SECONDS = 0.1
"""How often the caller hears from a wait, which is its chance to stop it."""

_NUMBER = struct.Struct("=i")  # far shorter than PIPE_BUF: read and written in one piece


def solve_parts(
    parts: Sequence[Int64s],
    one: Callable[[Int64s], Int64s],
    flow: Int64s,
    done: Callable[[Int64s], None],
    heartbeat: Callable[[], None],
    workers: int,
) -> None:
    """Fill in the flow of each part, by forked workers; largest parts first.

    Args:
        parts: row numbers of arcs.
        one: the flow on the arcs of one part; the same arcs give the same flow in any process.
        flow: int64 (k,), to fill in.
        done: called after each part, when its flow is in place.
        heartbeat: called while waiting; what it or ``done`` raises stops the workers and is passed on.
        workers: how many processes.
    """
    order = sorted(range(len(parts)), key=lambda number: (-parts[number].size, number))
    left = set(order)
    with _Workers(parts, one, order, min(workers, len(parts))) as crew:
        while left:
            number = crew.next(HEARTBEAT_SECONDS)
            if number is None:
                heartbeat()
            elif number < 0:
                break
            else:
                left.discard(number)
                flow[parts[number]] = crew.result(number)
                done(parts[number])
    for number in order:  # what a worker that was lost left behind; an error of the solver shows here
        if number in left:
            flow[parts[number]] = one(parts[number])
            done(parts[number])


class _Workers:
    """Forked processes and the pipes to them; leaving the context ends them."""

    def __init__(self, parts: Sequence[Int64s], one: Callable[[Int64s], Int64s], order: list[int], count: int) -> None:
        sizes = np.array([part.size for part in parts])
        self._ends = np.cumsum(sizes)
        self._memory = mmap.mmap(-1, max(int(self._ends[-1]) * 8, 1))
        self._pids: list[int] = []
        tasks, give = os.pipe()
        self._results, tell = os.pipe()
        try:
            for _ in range(count):
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore", DeprecationWarning)  # Python 3.12 warns of forks with threads
                    pid = os.fork()
                if pid == 0:
                    os.close(give)
                    os.close(self._results)
                    self._work(parts, one, tasks, tell)
                self._pids.append(pid)
            for start in range(0, len(order), 1024):  # a pipe holds 64 KiB, and workers are reading already
                os.write(give, b"".join(_NUMBER.pack(number) for number in order[start : start + 1024]))
        finally:
            for end in (tasks, give, tell):
                os.close(end)

    def _work(self, parts: Sequence[Int64s], one: Callable[[Int64s], Int64s], tasks: int, tell: int) -> None:
        """A worker's life; it never returns."""
        status, parent = 1, os.getppid()
        try:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            while told := os.read(tasks, _NUMBER.size):
                if os.getppid() != parent:  # whoever wanted this was killed
                    break
                (number,) = _NUMBER.unpack(told)
                self.result(number)[:] = one(parts[number])
                os.write(tell, told)
            status = 0
        finally:
            os._exit(status)

    def result(self, number: int) -> Int64s:
        """The shared memory for the units of a part."""
        end = int(self._ends[number])
        start = int(self._ends[number - 1]) if number else 0
        return np.frombuffer(self._memory, np.int64, end - start, start * 8)

    def next(self, seconds: float) -> int | None:
        """The next part that is done; None if there is none within ``seconds``, -1 if there will be none."""
        ready, _, _ = select.select([self._results], [], [], seconds)
        if not ready:
            return None
        told = os.read(self._results, _NUMBER.size)
        return int(_NUMBER.unpack(told)[0]) if told else -1

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for pid in self._pids:
            os.kill(pid, signal.SIGKILL)  # one that has ended is not yet gone: nobody has waited for it
        for pid in self._pids:
            os.waitpid(pid, 0)
        os.close(self._results)
