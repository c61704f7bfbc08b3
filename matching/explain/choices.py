"""One need explained: where its units went, what every other choice would cost, and who would lose by it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, NamedTuple

import numpy as np

from matching.columns import Bools, Int64s
from matching.explain.chains import Chains, Move
from matching.explain.changes import Change, Rules, changes_of, units_more
from matching.explain.load import Load
from matching.policy import Policy
from matching.prices.levels import Levels, Worths
from matching.prices.paths import NEVER, NotOptimal
from matching.prices.settled import by_need
from matching.prices.worth import DEFAULT_POLICY, World, world_of
from matching.problem import FIT_MAX, Problem
from matching.solution import Solution

Outcome = Literal["assigned", "displaced", "held", "no candidate"]
PartsOf = Callable[[Int64s], Mapping[str, Int64s]]
"""The parts of the fit, by name, of arcs given by row number."""


class Choice(NamedTuple):
    """An offer that serves units of the need.

    Attributes:
        offer, units, fit: where, how many, how well.
        parts: the parts of the fit by name; empty where the caller gave none.
    """

    offer: int
    units: int
    fit: int
    parts: Mapping[str, int]


class RunnerUp(NamedTuple):
    """An offer that could have served a unit of the need.

    Attributes:
        offer, fit, parts: as of a choice.
        cost: what the whole loses if a unit of the need is served here all the same, by units of each tier and
            fit, less what a balance takes; never below 0 as a whole where exact. None where there is no capacity
            at all, or where not exact, a rule on the offer hides it; beside a reserve there is the worth alone.
        worth: the same as one number in the objective's terms, with what a reserve asks for units that are kept
            for later; None where there is no telling.
        moves: what others do then, in their order: who gives way, who loses a unit, who gets one.
        exact: whether solving again with that unit here would lose just this; otherwise what is decided for
            bundles, whole needs and the like is kept, and the true loss may be less.
    """

    offer: int
    fit: int
    parts: Mapping[str, int]
    cost: Levels | None
    worth: int | None
    moves: tuple[Move, ...]
    exact: bool


class Held(NamedTuple):
    """An offer with free units that a reserve keeps from the need.

    Attributes:
        offer: where.
        free: units of this need that there is room for.
        worth: what a unit of the need is worth there, in the objective's terms.
        taken: what it takes, its use x the offer's price: what the last unit is worth to needs still to come. The
            worth is not more.
        tier: what a tier is worth above the next, to tell both in tiers.
    """

    offer: int
    free: int
    worth: int
    taken: int
    tier: int


@dataclass(frozen=True)
class Explanation:
    """What became of one need.

    Attributes:
        need: its row number.
        outcome: "assigned" if any unit is served; "no candidate"; "held" if free units are kept for later;
            "displaced" if others took the capacity or a binding rule kept it free.
        quantity, served: units.
        candidates: offers it could go to, the best fit first: (offer, fit, units given, units left there).
        taken: units by tier that its full candidates, or the pools that bind them, serve.
        tier: the need's own.
        chosen: the offers that serve it, most units first.
        runners_up: its other offers, the least cost first; of a unit served if all are, else of one more unit.
        changes: the least change of each kind that would serve a unit more of it, the smallest first; empty
            for a need that is served in full.
        priced: whether costs and changes could be told. Not where the solution is not known to be the best for
            what it aims at, as beside a reserve when it is not proven: costs are None then.
        held: where units of it are not served, the offers whose free units a reserve keeps from it, those that
            lack least first.
        tiers: how many tiers the policy weighs.
        tier_worth: what a tier is worth above the next, in the objective's terms.
    """

    need: int
    outcome: Outcome
    quantity: int
    served: int
    candidates: tuple[tuple[int, int, int, int], ...]
    taken: tuple[int, ...]
    tier: int
    chosen: tuple[Choice, ...]
    runners_up: tuple[RunnerUp, ...]
    changes: tuple[Change, ...]
    priced: bool
    held: tuple[Held, ...] = ()
    tiers: int = 0
    tier_worth: int = 1


class Explainer:
    """Explains needs of one solution: what all explanations share is worked out once."""

    def __init__(self, problem: Problem, solution: Solution, policy: Policy = DEFAULT_POLICY) -> None:
        self._problem, self._solution, self._policy = problem, solution, policy
        self._priced: _Priced | None = None
        with suppress(NotOptimal):
            self._priced = _Priced(problem, world_of(problem, solution, policy))
        settled = self._priced.settled if self._priced else None
        plain = settled is not None and settled.coupled.size == 0 and solution.status == "optimal"
        self._load = Load.of(problem, solution, settled.arc[settled.moved] if settled and plain else None)
        self._tier_worth = (problem.capacity.size + 1) * FIT_MAX + 1
        if settled is not None and settled.arc.size == problem.need.size:  # else needs under rules have none there
            self._arc, self._first = settled.arc, settled.first_arc
        else:
            order, self._first = by_need(problem.need, problem.quantity.size)
            self._arc = np.arange(problem.need.size) if order is None else order

    def explain(self, need: int, *, parts: PartsOf | None = None, rules: Rules | None = None) -> Explanation:
        """Explain one need; see :func:`explain`."""
        problem = self._problem
        if not 0 <= need < problem.quantity.size:
            raise IndexError(f"need {need} of {problem.quantity.size}")
        arcs = self._arcs(need)
        offer, fit = problem.offer[arcs].astype(np.int64), problem.fit[arcs].astype(np.int64)
        flow = self._solution.flow[arcs]
        nodes = np.unique(self._load.binding[offer[self._load.full[offer]]])
        served, quantity = int(flow.sum()), int(problem.quantity[need])
        order = np.lexsort((offer, -fit))
        told = [(int(offer[i]), int(fit[i]), int(flow[i]), max(int(self._load.room[offer[i]]), 0)) for i in order]
        named = parts(arcs) if parts is not None else {}
        shares = [{name: int(column[place]) for name, column in named.items()} for place in range(arcs.size)]
        given = sorted(np.flatnonzero(flow > 0).tolist(), key=lambda i: (-int(flow[i]), int(offer[i])))
        held = self._held(need, arcs) if served < quantity else ()
        found: list[Change] = []
        if served < quantity and self._priced:
            found = self._priced.changes(need, offer, fit, rules)
        return Explanation(
            need=need,
            outcome=self._outcome(served, offer, held),
            quantity=quantity,
            served=served,
            candidates=tuple(told),
            taken=tuple(self._load.taken[nodes].sum(axis=0).tolist()),
            tier=int(problem.tier[need]),
            chosen=tuple(Choice(int(offer[i]), int(flow[i]), int(fit[i]), shares[i]) for i in given),
            runners_up=self._runners_up(need, offer, fit, flow, shares),
            changes=tuple(found),
            priced=self._priced is not None,
            held=held,
            tiers=self._policy.tiers,
            tier_worth=self._tier_worth,
        )

    def _arcs(self, need: int) -> Int64s:
        return self._arc[self._first[need] : self._first[need + 1]]

    def _outcome(self, served: int, offer: Int64s, held: tuple[Held, ...]) -> Outcome:
        if served:
            return "assigned"
        if offer.size == 0:
            return "no candidate"
        if self._solution.reserve is not None:
            return "held" if held else "displaced"
        return "held" if (self._solution.held[offer] > 0).any() else "displaced"

    def _held(self, need: int, arcs: Int64s) -> tuple[Held, ...]:
        """The offers with room whose price the need's worth does not pass."""
        problem, reserve = self._problem, self._solution.reserve
        if reserve is None:
            return ()
        found = []
        for arc in arcs.tolist():
            offer, use = int(problem.offer[arc]), int(problem.use[arc])
            worth = (self._policy.tiers - int(problem.tier[need])) * self._tier_worth + int(problem.fit[arc])
            free, taken = int(self._load.room[offer]) // max(use, 1), use * int(reserve[offer])
            if free > 0 and worth <= taken:  # only arcs that take something can be refused
                found.append(Held(offer, free, worth, taken, self._tier_worth))
        return tuple(sorted(found, key=lambda one: (one.taken - one.worth, one.offer)))

    def _runners_up(
        self, need: int, offer: Int64s, fit: Int64s, flow: Int64s, shares: list[dict[str, int]]
    ) -> tuple[RunnerUp, ...]:
        """The offers that do not serve it; where it lacks units, a unit more at one that does is no choice."""
        others = np.flatnonzero(flow == 0)
        if self._priced:
            lacks = bool(flow.sum() < self._problem.quantity[need])
            costs = self._priced.costs(need, lacks, offer, fit, flow)
            exact = self._priced.exact[need]
        else:
            costs, exact = [_Cost(None, None, ())] * others.size, False
        found = [
            RunnerUp(int(offer[place]), int(fit[place]), shares[place], *cost, exact=bool(exact))
            for place, cost in zip(others.tolist(), costs, strict=True)
        ]
        return tuple(sorted(found, key=lambda one: (one.worth is None, one.worth or 0, -one.fit, one.offer)))


class _Cost(NamedTuple):
    """What another choice costs, as in :class:`RunnerUp`."""

    cost: Levels | None
    worth: int | None
    moves: tuple[Move, ...]


class _Priced:
    """What of an explanation rests on the exchanges of the solution."""

    def __init__(self, problem: Problem, world: World) -> None:
        self._world, self._chains, self.settled = world, Chains(world), world.settled
        self.exact: Bools = np.full(problem.quantity.size, not world.fair)
        self.exact[problem.need[world.settled.coupled]] = False

    def changes(self, need: int, offer: Int64s, fit: Int64s, rules: Rules | None) -> list[Change]:
        """The changes that would serve a unit more; none for a need under a rule that takes more than that."""
        if self.settled.needs[need]:
            return []
        free = ~self.settled.offers[offer]
        if isinstance(self._world.scale, Worths):  # a unit more at an offer that is held would be held too
            free &= self._world.weight[need] + fit > self._world.loads.more[offer]
        found = units_more(self._world, self._chains, need, offer[free], fit[free])
        if rules is not None:
            found = sorted([*found, *changes_of(rules, self._world, need)], key=Change.size)
        return found

    def costs(self, need: int, lacks: bool, offer: Int64s, fit: Int64s, flow: Int64s) -> list[_Cost]:
        """The cost of each offer that does not serve the need: of one unit more if it lacks any, else of one's move."""
        world, serving = self._world, flow > 0
        if lacks:
            search, own = self._chains.to_others(need), int(world.weight[need])
        else:
            search, own = self._chains.to_own(offer[serving], fit[serving]), 0
        found = []
        for at, fits in zip(offer[~serving].tolist(), fit[~serving].tolist(), strict=True):
            label = int(search.label[at])
            if label <= NEVER:
                found.append(_Cost(None, None, ()))
                continue
            lost = -(label + own + fits)
            worth = int(world.scale.worth(np.array([lost]))[0])
            found.append(_Cost(world.scale.levels(lost), worth, self._chains.moves(search, at, need)))
        return found


@lru_cache(maxsize=1)
def explainer(problem: Problem, solution: Solution, policy: Policy = DEFAULT_POLICY) -> Explainer:
    """The explainer of a solution; the last one is kept, as needs of one solution are asked for in a row."""
    return Explainer(problem, solution, policy)


def explain(
    problem: Problem,
    solution: Solution,
    policy: Policy = DEFAULT_POLICY,
    *,
    need: int,
    parts: PartsOf | None = None,
    rules: Rules | None = None,
) -> Explanation:
    """Explain one need: where its units went, what other choices would cost, and what would help.

    Args:
        problem, solution, policy: what was solved, and how.
        need: row number.
        parts: gives the parts of the fit of arcs, to be told with each offer.
        rules: the columns behind the arcs; with them the least changes of radius, groups and the like are told.
    Raises:
        IndexError: there is no such need.
    """
    return explainer(problem, solution, policy).explain(need, parts=parts, rules=rules)
