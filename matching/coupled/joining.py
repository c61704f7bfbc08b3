"""Fairness between groups that coupled parts share, and then the fit: all parts with a common group together.

Coverage adds up over parts, so each part settles its own first; fairness does not, so parts that share a group are
joined. Their units by tier are kept, part by part. Small joins are one program: first as fair as can be, then the
best fit of what is as fair. Large ones are improved part by part with the rest held, and bounded by the relaxed
network alone.
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from fractions import Fraction
from typing import NamedTuple

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from matching.columns import Int64s
from matching.coupled.climb import SMALL, Climb
from matching.coupled.crew import Crew
from matching.coupled.program import Rows
from matching.coupled.search import search
from matching.coupled.sharing import Shares
from matching.coupling import Coupling
from matching.fairness.groups import Aims, convex_flow, served_by_group
from matching.network.flow import best_flow
from matching.problem import Problem

TOGETHER = 20_000
"""Joins of up to so many arcs and units are one program."""

PROVABLE = 1_500
"""Joins of up to so many are worth an open end where there is no time limit."""

LONGEST = 60.0
"""Seconds for a larger one where there is no limit."""

SHARE_OF_FAIRNESS = 0.5
"""Fairness may take this share of the time; the fit has the rest."""

TRIES = 20
"""Vectors of units by group in the window of rounding, before fairness is called not proven."""


class Piece(NamedTuple):
    """A part of a join.

    Attributes:
        arcs: row numbers of its arcs.
        network: none of its rules couples.
    """

    arcs: Int64s
    network: bool


class Joined(NamedTuple):
    """What is known of a join whose coverage is the best.

    Attributes:
        fairness: no solution has less over the groups of the join.
        optimal: fairness, and the fit less balance, are proven best.
        fit: no solution as fair as ``fairness`` has more fit.
    """

    fairness: Fraction
    optimal: bool
    fit: int


class Join:
    """Parts that share groups. The flows given are on all arcs of the problem, the best coverage in each part."""

    def __init__(
        self, problem: Problem, coupling: Coupling, pieces: Sequence[Piece], aims: Aims, *, exactly: bool
    ) -> None:
        """Prepare.

        Args:
            aims: of fairness, and balance if there is one.
            exactly: the units by tier may not be passed in networks, though there is room (a reserve keeps it).
        """
        self._problem, self._coupling, self._exactly = problem, coupling, exactly
        self.pieces = pieces
        self.arcs = np.sort(np.concatenate([piece.arcs for piece in pieces]))
        inside = np.unique(aims.group[problem.need[self.arcs]])
        self._inside = inside[inside >= 0]
        self._aims = aims._replace(before=np.zeros_like(aims.before))

    def fairness(self, flow: Int64s) -> Fraction:
        """The sum of served**2 / size over its groups."""
        served = served_by_group(self._aims, self._problem.need[self.arcs], flow[self.arcs])
        rows = zip(served[self._inside].tolist(), self._aims.size[self._inside].tolist(), strict=True)
        return sum((Fraction(units * units, size) for units, size in rows), Fraction(0))

    def settle(self, flow: Int64s, seconds: float, crew: Crew) -> Joined:
        """Make a flow fairer, then fitter, in place, for about so many seconds; ``math.inf`` for no limit."""
        ends = time.monotonic() + seconds
        least = self._least(flow)
        needs = np.unique(self._problem.need[self.arcs])
        size = max(self.arcs.size, int(self._problem.quantity[needs].sum()))
        if seconds == math.inf and size > PROVABLE:
            ends = time.monotonic() + LONGEST
        if size > TOGETHER:
            return self._in_turn(flow, least, ends, crew)
        return self._together(flow, self.pieces, self._aims, least, ends, crew)

    def _least(self, flow: Int64s) -> Fraction:
        """What no flow of this coverage goes below.

        The fairest flow of the relaxed network tells, where its coverage is the same; else the same total spread
        over the groups in fractions, by the inequality of Cauchy and Schwarz.
        """
        problem, arcs = self._problem, self.arcs
        relaxed = np.zeros_like(flow)
        relaxed[arcs] = convex_flow(self._coupling.network.of(arcs), self._aims.without_balance())
        tier = problem.tier[problem.need[arcs]]
        if not np.any(np.bincount(tier, weights=relaxed[arcs] - flow[arcs])):
            return self.fairness(relaxed)
        needs = np.unique(problem.need[arcs])
        outside = int(problem.quantity[needs[self._aims.group[needs] < 0]].sum())
        total = max(int(flow[arcs].sum()) - outside, 0)
        return Fraction(total * total, int(self._aims.size[self._inside].sum()))

    def _in_turn(self, flow: Int64s, least: Fraction, ends: float, crew: Crew) -> Joined:
        """Part after part with the rest held, until none gains or the time is over."""
        need, gained = self._problem.need, True
        while gained and time.monotonic() < ends:
            gained = False
            for number, piece in enumerate(self.pieces):
                left = (ends - time.monotonic()) / (len(self.pieces) - number)
                own = served_by_group(self._aims, need[piece.arcs], flow[piece.arcs])
                aims = self._aims._replace(before=served_by_group(self._aims, need, flow) - own)
                before = self.fairness(flow)
                if not piece.network:
                    self._together(flow, [piece], aims, Fraction(0), time.monotonic() + max(left, 0), crew)
                elif not self._exactly:
                    flow[piece.arcs] = convex_flow(self._coupling.network.of(piece.arcs), aims)
                gained |= self.fairness(flow) < before
        return Joined(min(least, self.fairness(flow)), optimal=False, fit=self.most_fit(self.arcs, flow))

    def most_fit(self, arcs: Int64s, flow: Int64s) -> int:
        """The best fit of the relaxed network for the coverage of a flow."""
        tier, limits = self._problem.tier[self._problem.need[arcs]], np.zeros(self._problem.tiers, np.int64)
        np.add.at(limits, tier, flow[arcs])
        return int(np.dot(best_flow(self._coupling.network.of(arcs), limits), self._problem.fit[arcs].astype(np.int64)))

    def _together(
        self, flow: Int64s, pieces: Sequence[Piece], aims: Aims, least: Fraction, ends: float, crew: Crew
    ) -> Joined:
        """Some parts as one program; ``least`` bounds the fairness of their groups."""
        arcs = np.sort(np.concatenate([piece.arcs for piece in pieces]))
        crew = crew._replace(workers=1) if arcs.size <= SMALL else crew
        climb = Climb(self._problem, self._coupling, arcs, crew, aims)
        tier = self._problem.tier[self._problem.need[arcs]]
        for piece in pieces:
            inside = np.isin(arcs, piece.arcs)
            for level in np.unique(tier[inside]).tolist():
                counted = (inside & (tier == level)).astype(np.int64)
                reached = int(np.dot(counted, flow[arcs]))
                climb.keep(counted, reached)
                if self._exactly:
                    climb.keep_columns(-climb.columns(counted), -reached)
        shares = Shares(climb.program, aims)
        fair = _Fairest(climb, shares, flow[arcs])
        left = ends - time.monotonic()
        fair.search(least, left * (1 if left == math.inf else SHARE_OF_FAIRNESS))
        climb.forget()
        fit = climb.columns(self._problem.fit[arcs].astype(np.int64)) - climb.program.charge
        most, rows = self.most_fit(arcs, flow), climb.rows
        bound, as_fair = most, False
        for _ in range(TRIES):
            climb.rows = fair.kept(rows)
            found, bound = climb.level(fair.flow, fit, fit, most, max(ends - time.monotonic(), 0.0))
            as_fair = fair.allows(found)
            if as_fair or time.monotonic() >= ends:
                break
        flow[arcs] = found if as_fair else fair.flow
        optimal = fair.proven and as_fair and int(np.dot(fit, climb.program.values(found))) >= bound
        return Joined(fair.least, optimal, bound if fair.proven and not aims.balance.most else most)


class _Fairest:
    """The fairness of some parts.

    Attributes:
        flow: the fairest found.
        reached: its fairness.
        least: what no solution goes below; ``proven`` if it is reached.
    """

    def __init__(self, climb: Climb, shares: Shares, flow: Int64s) -> None:
        self._climb, self._shares = climb, shares
        self._seen: set[tuple[int, ...]] = set()
        self.least = Fraction(0)
        self._take(flow)

    @property
    def proven(self) -> bool:
        return self.reached <= self.least

    def _take(self, flow: Int64s) -> None:
        self.flow = flow
        self._served = self._shares.served(self._climb.program.values(flow))
        self.reached = self._shares.fairness(self._served)

    def search(self, least: Fraction, seconds: float) -> None:
        """Search for about so many seconds; nothing is below ``least``."""
        ends = time.monotonic() + seconds
        self.least = min(least, self.reached)
        if self.proven:
            return
        worth = self._shares.worth
        found, bound = self._climb.level(self.flow, worth, worth, self._shares.most_worth(least), seconds)
        values = self._climb.program.values(found)
        if self._shares.fairness(self._shares.served(values)) < self.reached:
            self._take(found)
        self.least = min(max(least, self._shares.bound(bound)), self.reached)
        if not self.proven and not self._shares.exact and int(np.dot(worth, values)) >= bound:
            self._try_the_window(ends)

    def _try_the_window(self, ends: float) -> None:
        """Try what rounding may have hidden: every vector of units that could be fairer yet."""
        climb, worth = self._climb, self._shares.worth
        rows = self._shares.sorted(climb.rows)
        everything = np.ones(worth.size, np.bool_)
        seen = self._served
        for _ in range(TRIES):
            self._seen.add(seen)
            rows = self._shares.cut(rows, seen)
            within = rows.add(worth, self._shares.least_worth(self.reached))
            start = climb.program.values(self.flow)
            left = ends - time.monotonic()
            found = search(climb.program, within, worth, start, everything, seconds=left, crew=climb.crew)
            if found.values is None:
                if found.proven:
                    self.least = self.reached
                return
            seen = self._shares.served(found.values)
            if self._shares.fairness(seen) < self.reached:
                self._take(climb.program.flow(found.values))

    def allows(self, flow: Int64s) -> bool:
        """Whether a flow is as fair as the fairest found; one that is not is remembered."""
        served = self._shares.served(self._climb.program.values(flow))
        self._seen.add(served)
        return self._shares.fairness(served) <= self.reached

    def kept(self, rows: Rows) -> Rows:
        """The rows, and those that keep what is as fair; what rounding hides of others is known where it was seen."""
        rows = rows.add(self._shares.worth, self._shares.least_worth(self.reached))
        unfair = [served for served in self._seen if self._shares.fairness(served) > self.reached]
        if unfair:
            rows = self._shares.sorted(rows)
        for served in sorted(unfair):
            rows = self._shares.cut(rows, served)
        return rows


def joins_of(
    problem: Problem,
    coupling: Coupling,
    networks: Sequence[Int64s],
    coupled: Sequence[Int64s],
    aims: Aims,
    *,
    exactly: bool,
) -> list[Join]:
    """The joins that hold a coupled part and a group; parts that share a group are in one, directly or by others."""
    pieces = [Piece(arcs, network=False) for arcs in coupled] + [Piece(arcs, network=True) for arcs in networks]
    held = [np.unique(aims.group[problem.need[piece.arcs]]) for piece in pieces]
    places = np.concatenate([np.full(groups.size, place) for place, groups in enumerate(held)])
    groups = np.concatenate(held)
    linked = groups >= 0
    size = len(pieces) + aims.size.size
    graph = coo_array((np.ones(int(linked.sum())), (places[linked], len(pieces) + groups[linked])), shape=(size, size))
    label = connected_components(graph, directed=False)[1][: len(pieces)]
    joins = []
    for number in np.unique(label[: len(coupled)]).tolist():
        members = [pieces[place] for place in np.flatnonzero(label == number).tolist()]
        if any(np.any(held[place] >= 0) for place in np.flatnonzero(label == number).tolist()):
            joins.append(Join(problem, coupling, members, aims, exactly=exactly))
    return joins
