"""Large-neighbourhood search: free a part of a solution, solve it exactly with the rest held, and again.

Which part decides how well it does. Three kinds take turns, the more often the better they did lately:

* *guide*: needs that a relaxation would serve otherwise (Danna, Rothberg & Le Pape 2005, RINS);
* *near*: a need and those that are served where it could go, and theirs, as ejection chains would visit them;
* *wanting*: the same, begun from a need that is not served in full.

The size of the part follows how long the last ones took (Shaw 1998; Pisinger & Ropke 2010, adaptive LNS).
"""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np

from matching.columns import Bools, Int64s
from matching.coupled.crew import Crew
from matching.coupled.program import Program, Rows
from matching.coupled.relaxation import Floats
from matching.coupled.search import search

FIRST_GROUPS = 24
"""Needs and bundles in the first part."""

SECONDS_A_PART = 1.0
"""The most for one part; parts are sized to be proven within it."""

MOST_MOVED = 200
"""Units by which a part, or a kernel, may change a count of a group or an offer's load."""

PATIENCE = 150
"""Proven parts in a row without a gain after which to stop."""

USED = 0.02
"""A guide uses a column from this value on."""

KINDS = ("guide", "near", "wanting")


class Neighbourhoods:
    """The needs and bundles of a component (*groups*: they stand or fall together) and who can take whose place."""

    def __init__(self, program: Program) -> None:
        arcs = program.step.size
        self._program = program
        self._group = np.unique(program.tied, return_inverse=True)[1].astype(np.int64)
        self.count = int(self._group.max()) + 1
        self._offer = np.unique(program.offer, return_inverse=True)[1].astype(np.int64)
        self._by_group = _Index(self._group, self.count)
        self._by_offer = _Index(self._offer, int(self._offer.max()) + 1)
        self._quantity = np.maximum.reduceat(
            (program.step * program.most[:arcs])[self._by_group.order], self._by_group.start[:-1]
        )

    def wanting(self, values: Int64s, worth: Int64s) -> Int64s:
        """Groups that could give more of a worth than they do: those with nothing, or with a unit missing."""
        arcs = self._program.step.size
        got = np.bincount(self._group, weights=values[:arcs] * self._program.step, minlength=self.count)
        worthy = np.bincount(self._group, weights=worth[:arcs] > 0, minlength=self.count) > 0
        return np.flatnonzero(worthy & (got < self._quantity))

    def disagreeing(self, values: Int64s, guide: Floats, size: int, random: np.random.Generator) -> Int64s:
        """Groups drawn without repetition, likelier where the guide differs from the values."""
        arcs = self._program.step.size
        apart = np.bincount(self._group, weights=np.abs(guide[:arcs] - values[:arcs]), minlength=self.count)
        keys = np.log(apart + 0.02) + random.gumbel(size=self.count)  # the largest keys are such a draw
        return np.argpartition(-keys, min(size, self.count) - 1)[:size]

    def around(self, seed: int, values: Int64s, size: int, random: np.random.Generator) -> Int64s:
        """The seed, groups served where it could go, a few that could go there too, then the same around those."""
        chosen, queue, place = {seed}, [seed], 0
        visited: set[int] = set()
        while place < len(queue) and len(chosen) < size:
            arcs = self._by_group.rows(queue[place])
            place += 1
            for offer in random.permutation(np.unique(self._offer[arcs])).tolist():
                if offer in visited:
                    continue
                visited.add(offer)
                here = self._by_offer.rows(offer)
                busy = random.permutation(np.unique(self._group[here[values[here] > 0]]))[: size // 3 + 1]
                others = self._group[random.choice(here, min(4, here.size), replace=False)]
                for group in (*busy.tolist(), *others.tolist()):
                    if group not in chosen and len(chosen) < size:
                        chosen.add(group)
                        queue.append(group)
        return np.fromiter(chosen, np.int64)

    def free(self, groups: Int64s, values: Int64s) -> Bools:
        """The columns of some groups and of the switches and counts that hang on them."""
        program = self._program
        free = np.zeros(program.most.size, np.bool_)
        among = np.zeros(self.count, np.bool_)
        among[groups] = True
        free[: program.step.size] = among[self._group]
        free[program.switch[free[program.member]]] = True
        counts = program.counts
        if counts.group.size:
            moved = np.where(free[counts.arc], program.step[counts.arc] * program.most[counts.arc], 0)
            spread = np.bincount(counts.owner, weights=moved, minlength=counts.group.size)
            free |= program.near(values, np.minimum(spread, MOST_MOVED).astype(np.int64))
        return free


class _Index:
    """The rows that have each key."""

    def __init__(self, key: Int64s, size: int) -> None:
        self.order = np.argsort(key, kind="stable")
        self.start = np.append(0, np.cumsum(np.bincount(key, minlength=size)))

    def rows(self, key: int) -> Int64s:
        return self.order[self.start[key] : self.start[key + 1]]


def improve(
    program: Program,
    places: Neighbourhoods,
    rows: Rows,
    aim: Int64s,
    worth: Int64s,
    values: Int64s,
    guide: Floats | None,
    promising: Bools,
    *,
    enough: int,
    seconds: float,
    crew: Crew,
    random: np.random.Generator,
    clock: Callable[[], float] = time.monotonic,
) -> Int64s:
    """A solution whose ``worth`` is at least that of ``values``, and whose ``aim`` is too.

    Args:
        program, places: the component.
        rows: its rows and those that keep the levels above.
        aim: int64 (columns,), what each part is solved for: mostly the level, a little what comes after it.
        worth: int64 (columns,), the level itself; it never falls.
        values: int64 (columns,), a solution of ``rows``.
        guide: a solution of a relaxation, or None.
        promising: bool (columns,), the columns worth trying besides those in use.
        enough: stop once the worth reaches this, as nothing is above it.
        seconds: for all parts together.
        crew: who searches.
        random: it chooses the parts.
        clock: seconds, for the end.
    """
    ends = clock() + seconds
    size, quiet, arcs = float(FIRST_GROUPS), 0, program.step.size
    luck = {kind: 1.0 for kind in KINDS if guide is not None or kind != "guide"}
    reached = int(np.dot(worth, values))
    while reached < enough and quiet < PATIENCE:
        left = ends - clock()
        if left < 0.02:
            break
        odds = np.array(list(luck.values()))
        kind = list(luck)[random.choice(odds.size, p=odds / odds.sum())]
        groups = _drawn(kind, places, values, guide, worth, round(size), random)
        free = places.free(groups, values)
        free[:arcs] &= promising[:arcs] | (values[:arcs] > 0)
        held = rows.add(worth, reached) if np.any(aim != worth) else rows
        limit = min(SECONDS_A_PART, left)
        began = clock()
        found = search(program, held, aim, values, free, seconds=limit, crew=crew, seed=int(random.integers(2**31 - 1)))
        took = clock() - began
        gained = found.values is not None and int(np.dot(aim, found.values - values)) > 0
        if found.values is not None and int(np.dot(aim, found.values - values)) >= 0:
            values = found.values
            reached = int(np.dot(worth, values))
        luck[kind] = 0.9 * luck[kind] + 0.1 * (10.0 if gained else 0.5)
        quiet = 0 if gained or not found.proven else quiet + 1
        if found.proven and groups.size >= places.count:
            break
        if not found.proven:
            size = max(size * 0.85, 4.0)
        elif took < SECONDS_A_PART / 4:
            size = min(size * 1.1, places.count)
    return values


def _drawn(
    kind: str,
    places: Neighbourhoods,
    values: Int64s,
    guide: Floats | None,
    worth: Int64s,
    size: int,
    random: np.random.Generator,
) -> Int64s:
    if kind == "guide" and guide is not None:
        return places.disagreeing(values, guide, size, random)
    seeds = places.wanting(values, worth) if kind == "wanting" else np.zeros(0, np.int64)
    seed = random.choice(seeds) if seeds.size else random.integers(places.count)
    return places.around(int(seed), values, size, random)


def kernel(program: Program, values: Int64s, guide: Floats) -> Bools:
    """The columns that either the solution or the guide uses, all switches, and counts near the solution's.

    After Angelelli, Mansini & Speranza 2010 (Computers & Operations Research 37, kernel search).
    """
    free = (values > 0) | (guide > USED)
    free[program.step.size :] = True
    free[program.switches_end :] = False
    return free | program.near(values, np.full(program.counts.group.size, MOST_MOVED))


def rounded(program: Program, guide: Floats) -> Int64s:
    """A guide as whole numbers, each need at least on the arc used most: a hint, hardly a solution."""
    arcs = program.step.size
    values = np.round(guide).astype(np.int64)
    order = np.lexsort((guide[:arcs], program.need))
    most_used = order[np.flatnonzero(np.diff(program.need[order], append=-1))]
    values[most_used] = np.maximum(values[most_used], guide[most_used] > USED)
    return values
