"""A trial: the same needs matched as today's policy has it and as another would, and the difference.

Both matchings are the best of their kind, computed on one frozen input; nothing is proposed to anybody.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from marketplace.matches.coverage import by_colour, coverage, served_units
from marketplace.matches.snapshot import Snapshot
from marketplace.matches.solving import Matched, Tell, matched
from marketplace.matches.waiting import by_colour as told_by_colour
from matching import Policy
from matching.eligibility.rules import Candidates
from matching.scoring import Scorer
from matching.simulate.whatif import Breakdown, compare
from matching.tables import URGENCIES

UNCHANGED = 100


@dataclass(frozen=True)
class Changes:
    """What is tried: another policy, and how it would be with more capacity or longer ways, in percent of today's."""

    policy: Policy
    capacity_percent: int = UNCHANGED
    radius_percent: int = UNCHANGED

    def applied(self, snapshot: Snapshot) -> Snapshot:
        """The input as it would be."""
        radius = snapshot.offers.radius_km * self.radius_percent / UNCHANGED
        return replace(
            snapshot,
            policy=self.policy,
            offers=replace(snapshot.offers, radius_km=radius),
            capacity=snapshot.capacity * self.capacity_percent // UNCHANGED,
            pool_capacity=snapshot.pool_capacity * self.capacity_percent // UNCHANGED,
        )


@dataclass(frozen=True)
class Tried:
    """The outcome of a trial: what a page and a record show of it."""

    summary: dict[str, Any]


def work(snapshot: Snapshot, changes: Changes) -> Callable[[Tell], Tried]:
    """What `solving.in_child` takes to do a trial."""
    return partial(_try, snapshot, changes)


def _try(snapshot: Snapshot, changes: Changes, tell: Tell) -> Tried:
    then = changes.applied(snapshot)
    before, after = (
        matched(one, partial(_part, half, 0.0, 0.3), solving=partial(_part, half, 0.3, 1.0))
        for one, half in ((snapshot, partial(_part, tell, 0.0, 0.5)), (then, partial(_part, tell, 0.5, 1.0)))
    )
    # The two may let waiting raise needs differently; what is told goes by the colours that caseworkers gave.
    first, second = (told_by_colour(one.problem, snapshot) for one in (before, after))
    difference = compare((first, before.solution), (second, after.solution))
    summary = {
        "needs": int(snapshot.quantity.size),
        "units": int(snapshot.quantity.sum()),
        "capacity": [int(one.capacity.sum()) for one in (snapshot, then)],
        "before": _figures(snapshot, before, before.scorer),
        "after": _figures(then, after, before.scorer),
        "colours": _rows(difference.tiers, list(URGENCIES)),
        "certain": difference.certain,
        "better": difference.better,
        "as_of": str(snapshot.as_of),
    }
    return Tried(summary)


def _part(tell: Tell, begin: float, end: float, share: float) -> None:
    """Tell the share of a part of the work as one of the whole."""
    tell(begin + (end - begin) * share)


def _rows(breakdown: Breakdown, names: list[str]) -> dict[str, dict[str, int]]:
    """What each level gains, loses and keeps; levels that the problem does not have are zeros."""
    told = {name: column.tolist() for name, column in breakdown._asdict().items()}
    return {
        code: {name: values[place] if place < len(values) else 0 for name, values in told.items()}
        for place, code in enumerate(names)
    }


def _figures(snapshot: Snapshot, found: Matched, judge: Scorer) -> dict[str, Any]:
    """What one of the two does: coverage, and the means over the served units; the fit is as `judge` has it."""
    used = np.flatnonzero(found.solution.flow)
    units, need = found.solution.flow[used], found.arcs.need[used]
    served = served_units(snapshot.quantity, need, units)
    total = int(units.sum())
    waited = np.maximum((snapshot.as_of - snapshot.needs.posted).astype(np.int64), 0)
    pairs = Candidates(need, found.arcs.offer[used], found.arcs.metres[used])
    offers = np.unique(found.arcs.offer[used]).size
    return {
        "served": by_colour(snapshot, served),
        **coverage(snapshot, served),
        "fit": _mean(judge.fit(pairs), units, total),
        "metres": _mean(found.arcs.metres[used], units, total),
        "waiting_days": _mean(waited[need], units, total),
        "capacities": offers,
        "candidates": found.total,
        "status": found.solution.status,
    }


def _mean(values: Any, units: Any, total: int) -> float | None:
    return round(float((values.astype(np.int64) * units).sum() / total), 2) if total else None
