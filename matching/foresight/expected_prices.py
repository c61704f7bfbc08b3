"""What the last unit of each offer is worth to tonight's open needs and those still to come.

Nobody knows who will come; sampled *futures* stand for it. For each of them the open needs and the future's are
served together, as well as the capacity that is left allows. What that optimum loses when one unit is taken from
an offer, and from every pool above it, is the price of the offer in this future: 0 where it has more than will be
asked for, the worth of an urgent need where one would go without. The mean over the futures is what a run
compares its needs with (:mod:`matching.reserve.aim`); Ahani, Gölz, Procaccia, Teytelboym & Trapp (2023, Dynamic
placement in refugee resettlement, Operations Research) place by such prices.

The loss is not found by solving again: in the residual network of the optimum it is the best path from the offer
to where a need gives up a unit, one search for all offers (:mod:`matching.prices.exchanges`).

*A need is held at an offer only if in at least one future the last unit there goes to a need at least as urgent.*
Held means that its worth w is at most the mean price (where a unit takes one unit of capacity), so that in some
future the loss is at least w. The path behind a loss takes a unit from one need and moves others, whose fits change
by less than the worth of a tier: the need that gives way is of a tier with at least that worth.

*Rules that couple.* Where bundles, wholeness, budgets, batches, exclusions or differing uses bind, a unit less can
change what is taken as a whole, and no path tells. Parts of up to ``RESOLVED`` arcs are solved again for each offer,
up to ``RESOLVED_OFFERS``. In others the rules are relaxed: the price is that of the network without them, of a unit
of capacity the worth of a unit served divided by the least use. This estimate can keep back too much, for what the
rules would not have let happen. And a reserve is a price for each unit alone: it does not promise that what a bundle
takes as a whole is worth more than the sum of its prices, nor that as many of the most urgent are served as could be.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from matching.columns import Bools, Floats, Int64s, InvalidProblem
from matching.components import split
from matching.coupling import Coupling, examine, uses_of
from matching.network.parallel import solve_parts
from matching.network.sifting import Guess, exact_flow
from matching.policy import Policy
from matching.prices.exchanges import exchanges_of
from matching.prices.levels import Scale
from matching.prices.paths import NEVER
from matching.prices.settled import by_need
from matching.prices.worth import best_paths
from matching.problem import Problem
from matching.reserve.aim import tier_worth, with_arcs
from matching.solve import solve

DEFAULT_POLICY = Policy()

RESOLVED = 200
"""Coupled parts of up to so many arcs are solved again for each of their offers."""

RESOLVED_OFFERS = 100
"""So many offers at most, the smallest parts first."""

FORK_FROM = 100_000
"""Futures with fewer arcs together are priced in this process."""


class Outlook(NamedTuple):
    """What the futures say of each offer, as means over them; what to tell people is rounded from it.

    Attributes:
        price: int64 (m,), as :func:`expected_prices` gives it.
        to_come: float (m, T), units of each tier still to come that get capacity of the offer.
        queue: float (m, T), units of each tier still to come that the offer could serve and that get none
            anywhere. Before a unit of some tier would have its turn, so many more urgent ones must stay away.
        lost: int64 (f, m), the price of each offer in each future; the open needs may set it alone.
    """

    price: Int64s
    to_come: Floats
    queue: Floats
    lost: Int64s


def expected_prices(
    problem: Problem, futures: Sequence[Problem], policy: Policy = DEFAULT_POLICY, *, workers: int | None = None
) -> Int64s:
    """What the last unit of each offer is worth, on the mean of the futures; for ``solve(..., reserve=...)``.

    Open needs count too, so that the last unit can be held from the very need that sets its price. Where capacity
    ends tonight, set its price to 0; where nobody is to come at all, give no futures.

    Args:
        problem: tonight's open needs and the capacity that is left.
        futures: needs still to come, with their arcs to the same offers by row number; all other columns of
            offers and pools are this problem's. Groups do not matter.
        policy: its ``tiers`` weigh a unit; prices are those of coverage and fit, without fairness or balance.
        workers: how many processes price futures; None takes every core. The result does not depend on it.
    Returns:
        int64 (m,), at least 0: the mean of the futures' prices, rounded down; zeros without any future.
    Raises:
        InvalidProblem: a future has other offers, or a tier is not among the policy's.
    """
    return outlook(problem, futures, policy, workers=workers).price


def outlook(
    problem: Problem, futures: Sequence[Problem], policy: Policy = DEFAULT_POLICY, *, workers: int | None = None
) -> Outlook:
    """The expected prices and whom they speak of; arguments and errors as of :func:`expected_prices`."""
    offers, tiers = problem.capacity.size, policy.tiers
    plain = Policy(tiers=tiers)
    tier_worth(problem, plain)
    for number, future in enumerate(futures):
        if future.capacity.size != offers:
            raise InvalidProblem("futures", number, f"must have the {offers} offers, got {future.capacity.size}")
        tier_worth(future, plain)
    if not futures or not offers:
        nobody = np.zeros((offers, tiers))
        return Outlook(np.zeros(offers, np.int64), nobody, nobody, np.zeros((len(futures), offers), np.int64))
    size = offers * (1 + 2 * tiers)
    told = np.zeros(size * len(futures), np.int64)
    parts = np.split(np.arange(told.size), len(futures))

    guess: Guess | None = None

    def price(part: Int64s) -> Int64s:
        nonlocal guess
        joint = together(problem, futures[int(part[0]) // size])
        priced = _priced(joint, plain, guess)
        guess = guess or priced.guess  # the first one's, whoever prices the others
        return np.concatenate([priced.lost, *_to_come(joint, priced.flow, problem.need.size, tiers)])

    told[parts[0]] = price(parts[0])
    arcs = sum(problem.need.size + future.need.size for future in futures)
    crew = min(workers or len(os.sched_getaffinity(0)), len(futures) - 1)
    if crew > 1 and arcs >= FORK_FROM:
        solve_parts(parts[1:], price, told, lambda _: None, lambda: None, crew)
    else:
        for part in parts[1:]:
            told[part] = price(part)
    by_future = told.reshape(len(futures), size)
    sums = by_future.sum(axis=0)
    to_come, queue = (sums[offers:] / len(futures)).reshape(2, offers, tiers)
    return Outlook(np.asarray(sums[:offers] // len(futures), np.int64), to_come, queue, by_future[:, :offers])


def _to_come(joint: Problem, flow: Int64s, known: int, tiers: int) -> tuple[Int64s, Int64s]:
    """Units by offer and tier of the needs behind the first ``known`` arcs: those served there, and those that wait."""
    served, waiting = np.zeros((2, joint.capacity.size * tiers), np.int64)
    need, offer, units = joint.need[known:], joint.offer[known:], flow[known:]
    used = np.flatnonzero(units)
    left = joint.quantity.copy()
    np.subtract.at(left, need[used], units[used])
    asking = np.flatnonzero((left > 0)[need])
    for told, arcs, many in ((served, used, units[used]), (waiting, asking, left[need[asking]])):
        np.add.at(told, offer[arcs].astype(np.int64) * tiers + joint.tier[need[arcs]], many)
    return served, waiting


def together(problem: Problem, future: Problem) -> Problem:
    """The open needs and then the future's, over the capacity of the problem."""
    needs = problem.quantity.size
    bundle = future.bundle.copy()
    bundle[bundle >= 0] += int(problem.bundle.max(initial=-1)) + 1  # bundles are of one list or the other
    shifted = {"bundle": bundle, "need": future.need + needs, "exclusions": future.exclusions + needs}
    own = problem.columns()
    for name in ("quantity", "tier", "bundle", "whole", "group", "need", "offer", "fit", "cost", "use", "exclusions"):
        own[name] = np.concatenate([own[name], shifted.get(name, getattr(future, name))])
        own[name].flags.writeable = False  # so that it is not copied
    return Problem(**own)


class _Drop(NamedTuple):
    """What taking one from each offer and every pool above it does, in units served.

    Attributes:
        own: int64 (m,), the units of each offer by its own capacity and budget.
        start: int64 (m,), the innermost node, an offer or a pool behind the offers, from which on all have one unit
            less, up to the outermost; -1 where none has.
        uneven: bool (m,), a node above has no unit less though one below it has.
        none: bool (m,), there is nothing to take: the offer or a pool above it has no capacity.
        least: int64 (m,), the least use.
        tree: int64 (m,), equal for offers that draw on one outermost pool.
    """

    own: Int64s
    start: Int64s
    uneven: Bools
    none: Bools
    least: Int64s
    tree: Int64s


def _drop(problem: Problem) -> _Drop:
    uses, everything = uses_of(problem), int(problem.quantity.sum())
    offers = problem.capacity.size
    payable = np.full(offers, np.iinfo(np.int64).max)
    if problem.budget.size and problem.budget.max() >= 0:
        least = np.full(offers, np.iinfo(np.int64).max)
        np.minimum.at(least, problem.offer, problem.cost)
        limited = (problem.budget >= 0) & (least > 0)
        payable[limited] = problem.budget[limited] // least[limited]
    own = np.minimum(uses.units(problem.capacity, uses.offer, everything), payable)
    less = np.minimum(uses.units(np.maximum(problem.capacity - 1, 0), uses.offer, everything), payable)
    fewer = np.maximum(problem.pool_capacity - 1, 0)
    pool_less = uses.units(fewer, uses.pool, everything) < uses.units(problem.pool_capacity, uses.pool, everything)
    start = np.where(less < own, np.arange(offers), -1)
    uneven, none = np.zeros(offers, np.bool_), problem.capacity == 0
    pool = problem.pool.astype(np.int64)
    while (inside := np.flatnonzero(pool >= 0)).size:
        above = pool[inside]
        none[inside] |= problem.pool_capacity[above] == 0
        uneven[inside] |= (start[inside] >= 0) & ~pool_less[above]
        start[inside] = np.where((start[inside] < 0) & pool_less[above], offers + above, start[inside])
        pool[inside] = problem.pool_parent[above]
    return _Drop(own, start, uneven, none, uses.least[uses.offer], uses.offer)


def losses(problem: Problem, policy: Policy = DEFAULT_POLICY) -> Int64s:
    """int64 (m,): what the optimum loses by one unit less of each offer and every pool above it; 0 where there is none.

    A coupled part can gain in the sum of worths where it loses a more urgent unit to several others: 0 then.
    """
    return _priced(problem, policy, None).lost


class _Priced(NamedTuple):
    """The losses, the best flow in the network of the rules, and its prices for others to begin with."""

    lost: Int64s
    flow: Int64s
    guess: Guess


def _priced(problem: Problem, policy: Policy, guess: Guess | None) -> _Priced:
    """The losses of a problem; a guess makes the flow faster and no different in worth."""
    coupling = examine(problem)
    parts = split(problem, coupling)
    drop = _drop(problem)
    coupled = np.zeros(problem.capacity.size, np.bool_)
    for arcs in parts.coupled:  # with the offers beside them that only share a pool
        coupled |= np.isin(drop.tree, drop.tree[problem.offer[arcs]])
    flow = np.zeros(problem.need.size, np.int64)
    for arcs in (*parts.networks, *parts.coupled):
        flow[arcs] = exact_flow(coupling.network if arcs.size == flow.size else coupling.network.of(arcs), guess)
    lost, found = _by_paths(problem, policy, coupling, flow, drop, coupled)
    left = RESOLVED_OFFERS
    for arcs in sorted([*parts.coupled, *parts.networks], key=len):
        if arcs.size > RESOLVED:
            break
        offers = np.flatnonzero(np.isin(drop.tree, drop.tree[problem.offer[arcs]])).astype(np.int64)
        again = offers[coupled[offers] | drop.uneven[offers]]
        if again.size and again.size <= left:
            left -= again.size
            lost[again] = _by_solving_again(problem, policy, arcs, again)
    lost[drop.none] = 0
    return _Priced(np.maximum(lost, 0), flow, found)


def _by_paths(
    problem: Problem, policy: Policy, coupling: Coupling, flow: Int64s, drop: _Drop, coupled: Bools
) -> tuple[Int64s, Guess]:
    """The losses in the network of the rules, exact where none couples and no pool's units fall apart; its prices."""
    network = coupling.network._replace(capacity=drop.own)
    if not coupling.live.all():
        network, flow = network.of(coupling.live), flow[coupling.live]
    order, first_arc = by_need(network.need, problem.quantity.size)
    if order is not None:
        network, flow = network.of(order), flow[order]
    scale = Scale(problem, policy)
    weight = scale.weight(problem.tier.astype(np.int64))
    graph = exchanges_of(network, flow, np.flatnonzero(flow > 0), weight, first_arc)
    leave, _ = best_paths(graph.back, graph.ground)
    start = np.where(coupled & (drop.start < 0) & (drop.own > 0), np.arange(drop.own.size), drop.start)
    label = np.where(start >= 0, leave[start], 0)
    lost = scale.worth(np.where(label > NEVER, -label, 0))
    known = leave[: graph.ground] > NEVER
    tier, _, fit = scale.read(np.where(known, -leave[: graph.ground], 0))
    return np.where(coupled, lost // np.maximum(drop.least, 1), lost), Guess(tier, fit)


def _by_solving_again(problem: Problem, policy: Policy, arcs: Int64s, offers: Int64s) -> Int64s:
    """The losses of some offers of a small part, each by solving it with the unit taken."""
    needs, need = np.unique(problem.need[arcs], return_inverse=True)
    place = np.full(problem.quantity.size, -1, np.int64)
    place[needs] = np.arange(needs.size)
    excluded = place[problem.exclusions]
    rows = {name: getattr(problem, name)[needs] for name in ("quantity", "tier", "bundle", "whole", "group")}
    part = with_arcs(problem, arcs, **rows, need=need, exclusions=excluded[(excluded >= 0).all(axis=1)])
    by_tier = tier_worth(part, policy)
    worth = by_tier[part.need] + part.fit
    before = int(np.dot(worth, solve(part, policy, workers=1).flow))
    lost = np.zeros(offers.size, np.int64)
    for row, offer in enumerate(offers.tolist()):
        capacity, pool_capacity, pool = part.capacity.copy(), part.pool_capacity.copy(), int(part.pool[offer])
        capacity[offer] -= 1
        while pool >= 0:
            pool_capacity[pool] -= 1
            pool = int(part.pool_parent[pool])
        if min(int(capacity[offer]), int(pool_capacity.min(initial=0))) >= 0:
            less = with_arcs(part, np.arange(arcs.size), capacity=capacity, pool_capacity=pool_capacity)
            lost[row] = before - int(np.dot(worth, solve(less, policy, workers=1).flow))
    return lost
