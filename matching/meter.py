"""The time limit of a solve, and what it tells of its progress."""

from __future__ import annotations

import math
import time
from collections.abc import Callable


class Clock:
    """The time limit as a budget that parts draw on."""

    def __init__(self, started: float, limit: float | None) -> None:
        self._ends = math.inf if limit is None else started + limit

    def part(self, share: float) -> Clock:
        """A clock for what may take so large a share of what is left."""
        now = time.perf_counter()
        return Clock(now, None if self._ends == math.inf else (self._ends - now) * share)

    def left(self) -> float:
        """Seconds left; ``math.inf`` without a limit."""
        return max(self._ends - time.perf_counter(), 0.0)

    def share(self, part: float) -> float | None:
        """Seconds for a part of what is left to do; None without a limit."""
        return None if self._ends == math.inf else max(self._ends - time.perf_counter(), 0.0) * part


class Meter:
    """Tells how much is done, in arcs; what it tells never falls, and is 1.0 only at the end."""

    def __init__(self, progress: Callable[[float], None] | None, arcs: int) -> None:
        self._progress, self._whole, self._done, self._told = progress, arcs + 1, 0, -1.0
        self._partly = 0.0
        self.heard = progress is not None
        self._tell(0.0)

    def _tell(self, fraction: float) -> None:
        if self._progress is not None and fraction > self._told:
            self._told = fraction
            self._progress(fraction)

    def beat(self) -> None:
        """Nothing new: a chance for the listener to stop the work."""
        if self._progress is not None:
            self._progress(self._told)

    def add(self, arcs: int) -> None:
        """So many more arcs are done."""
        self._done += arcs
        self._tell((self._done + self._partly) / self._whole)

    def partly(self, arcs: float) -> None:
        """Besides, so many others are done, parts of them counted in part; a beat if that is no news."""
        told, self._partly = self._told, arcs
        self._tell((self._done + self._partly) / self._whole)
        if self._told == told:
            self.beat()

    def wholly(self, arcs: int) -> None:
        """What was done in part is done: so many arcs."""
        self._partly = 0.0
        self.add(arcs)

    def finish(self) -> None:
        """Everything is done."""
        self._tell(1.0)
