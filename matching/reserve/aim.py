"""Capacity kept back for needs still to come: what a run with a reserve aims at, and what it left unused.

A reserve is a price for each offer: what the last unit there is worth to needs still to come (see
:mod:`matching.foresight.expected_prices`). A unit of need is served on an arc only where it is worth *more* than
what it takes,

    (T - t) * ((m + 1) * F + 1) + fit > use * price

with T tiers of the policy, m offers and F the best fit. Serving at equality would give the last unit to whoever
comes first, though waiting costs nothing. Networks then maximise the sum of (worth - use * price). Parts whose
rules couple refuse the same arcs, serve the most units tier by tier as without a reserve, and settle the last
level by the sum of (fit - use * price).

*Most urgent first.* Without pools, moving units on to serve one more of a tier changes the sum by the worth of that
unit and the fits on the way, less what the last unit is worth where it gives way, or less the price where it moves
to free capacity: every price between cancels out. As the last arc is allowed, its worth exceeds that price. So a
unit of the most urgent tier is left out, though the arcs permit it, only where the fits on the way lose more than
the last one's worth exceeds its price. Less urgent units are left out also because a more urgent one would have to
move to where the price is higher. Offers of one pool can have different prices, and a unit of the pool then goes
where more of its worth is left.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from matching.columns import Bools, Int64s, InvalidProblem, at_least, column, first
from matching.coupling import examine
from matching.fairness.groups import Aims, add_loads
from matching.network.flow import Arcs, Network, compacted
from matching.network.market import market_of
from matching.network.sifting import SIFT_FROM, exact_flow, flow_by_prices
from matching.policy import Policy
from matching.problem import FIT_MAX, Problem


class Kept(NamedTuple):
    """What a reserve makes of a problem.

    Attributes:
        price: int64 (m,), the reserve.
        arcs: int64 (a,), rows of the arcs that may be used.
        value: int64 (a,), what a unit on each of them is worth beyond what it takes; at least 1.
        problem: the problem of these arcs. Its ``fit`` is fit - use * price, raised by the same for all arcs so
            that none is below 0, and may pass the greatest fit: for the last level of the objective alone.
    """

    price: Int64s
    arcs: Int64s
    value: Int64s
    problem: Problem


def tier_worth(problem: Problem, policy: Policy) -> Int64s:
    """int64 (n,): what a served unit of each need is worth beside its fit.

    Raises:
        InvalidProblem: a tier is not among the policy's, so that a unit of it would be worth nothing or less.
    """
    beyond = problem.tier >= policy.tiers
    first("tier", beyond, f"must be below the policy's {policy.tiers} tiers where units are weighed", problem.tier)
    step = (problem.capacity.size + 1) * FIT_MAX + 1
    return (policy.tiers - problem.tier.astype(np.int64)) * step


def is_worth_it(worth: Int64s, use: Int64s, price: Int64s) -> Bools:
    """Whether each worth is more than use x price, without the product, which could overflow."""
    pays: Bools = (use == 0) | (price <= (worth - 1) // np.maximum(use, 1))
    return pays


def kept_back(problem: Problem, policy: Policy, reserve: ArrayLike | None) -> Kept | None:
    """What a reserve makes of a problem; None where nothing is kept back.

    Raises:
        InvalidProblem: the reserve is no int64 column (m,) of prices of at least 0, or a tier is beyond the policy's.
    """
    if reserve is None:
        return None
    price = column("reserve", reserve, np.int64, problem.capacity.size)
    at_least("reserve", price, 0)
    by_tier = tier_worth(problem, policy)
    if not price.any():
        return None
    worth = by_tier[problem.need] + problem.fit
    at = price[problem.offer]
    arcs = np.flatnonzero(is_worth_it(worth, problem.use, at)).astype(np.int64)
    paid = problem.use[arcs] * at[arcs]
    last = problem.fit[arcs] - paid
    return Kept(price, arcs, worth[arcs] - paid, _with_fit(problem, arcs, last - min(int(last.min(initial=0)), 0)))


def with_arcs(problem: Problem, arcs: Int64s, **changes: Any) -> Problem:
    """The problem with some of its arcs only, and other columns where told."""
    columns = problem.columns()
    chosen = {name: columns[name][arcs] for name in ("need", "offer", "fit", "cost", "use")}
    return Problem(**{**columns, **chosen, **changes})


def _with_fit(problem: Problem, arcs: Int64s, fit: Int64s) -> Problem:
    """The problem of some arcs with a last level that no fit of 0 to 10000 could tell, which the check refuses."""
    narrowed = with_arcs(problem, arcs)
    fit.flags.writeable = False
    object.__setattr__(narrowed, "fit", fit)
    return narrowed


def worthiest_flow(network: Network, value: Int64s, aims: Aims | None = None) -> Int64s:
    """The flow of the greatest sum of values, less what its imbalance costs where the aims have a weight for it.

    Args:
        network: its columns; its tiers and fits are not looked at.
        value: int64 (k,), what a unit on each arc adds; at least 1.
        aims: those of the policy, for the balance alone.
    Returns:
        int64 (k,), units on each arc. The same input gives the same flow.
    """
    if network.need.size == 0:
        return np.zeros(0, np.int64)
    balance = aims.balance.of(np.unique(network.offer)) if aims is not None else None
    if (balance is None or not balance.most) and network.need.size >= SIFT_FROM:
        market = market_of(network, value)
        flow = None if market is None else flow_by_prices(market)
        if market is not None and flow is not None:
            return market.in_given_order(flow)
    compact, _ = compacted(network)
    needs, offers, pools = compact.quantity.size, compact.capacity.size, compact.pool_capacity.size
    first_pool, sink = needs + offers, needs + offers + pools
    total, top = int(compact.quantity.sum()), int(value.max())
    arcs = Arcs()
    arcs.add(np.arange(needs), sink, compact.quantity, top)
    add_loads(arcs, compact, balance, total)
    above = np.where(compact.pool_parent >= 0, first_pool + compact.pool_parent, sink)
    arcs.add(np.arange(first_pool, sink), above, np.minimum(compact.pool_capacity, total), 0)
    serving = arcs.add(compact.need, needs + compact.offer, compact.quantity[compact.need], top - value)
    flow = arcs.cheapest(np.append(np.arange(needs), sink), np.append(compact.quantity, -total), serving)
    if flow is None:
        raise InvalidProblem("reserve", None, "the worth of a unit leaves the range of the flow solver")
    return flow


def left_over(problem: Problem, flow: Int64s) -> tuple[Problem, Int64s]:
    """What a run left: unserved units and the capacity, money and room in pools that are free for them.

    Returns:
        problem: its needs are those with units left, its offers all, and nothing in it says who comes first.
        arcs: int64, the row of the given problem that each of its arcs is.
    """
    used = np.flatnonzero(flow)
    need, offer, units = problem.need[used], problem.offer[used], flow[used]
    quantity, own = problem.quantity.copy(), np.zeros(problem.capacity.size, np.int64)
    np.subtract.at(quantity, need, units)
    np.add.at(own, offer, units * problem.use[used])
    spent, served = np.zeros((2, problem.capacity.size), np.int64)
    np.add.at(spent, offer, units * problem.cost[used])
    np.add.at(served, offer, units)
    pool_left = problem.pool_capacity.copy()
    pool = problem.pool.astype(np.int64)
    while (inside := np.flatnonzero(pool >= 0)).size:
        np.subtract.at(pool_left, pool[inside], own[inside])
        pool[inside] = problem.pool_parent[pool[inside]]
    waiting = np.flatnonzero(quantity > 0)
    place = np.full(quantity.size, -1, np.int64)
    place[waiting] = np.arange(waiting.size)
    free = (place[problem.need] >= 0) & ~_beside_an_excluded(problem, used)
    arcs = np.flatnonzero(free).astype(np.int64)
    apart = place[problem.exclusions]
    rest = with_arcs(
        problem,
        arcs,
        quantity=quantity[waiting],
        tier=np.zeros(waiting.size, np.int8),
        bundle=problem.bundle[waiting],
        whole=problem.whole[waiting],
        group=problem.group[waiting],
        need=place[problem.need[arcs]],
        capacity=problem.capacity - own,
        pool_capacity=pool_left,
        budget=np.where(problem.budget >= 0, problem.budget - spent, -1),
        minimum_batch=np.where(served > 0, 0, problem.minimum_batch),
        exclusions=apart[(apart >= 0).all(axis=1)],
    )
    return rest, arcs


def _beside_an_excluded(problem: Problem, used: Any) -> Bools:
    """bool (k,): arcs to an offer that serves a need which theirs may not share it with."""
    beside = np.zeros(problem.need.size, np.bool_)
    if problem.exclusions.size == 0:
        return beside
    taken = set(zip(problem.need[used].tolist(), problem.offer[used].tolist(), strict=True))
    others: dict[int, set[int]] = {}
    for one, other in problem.exclusions.tolist():
        others.setdefault(one, set()).add(other)
        others.setdefault(other, set()).add(one)
    for arc in np.flatnonzero(np.isin(problem.need, problem.exclusions)).tolist():
        offer = int(problem.offer[arc])
        beside[arc] = any((other, offer) in taken for other in others[int(problem.need[arc])])
    return beside


def further_flow(rest: Problem) -> tuple[Int64s, bool]:
    """As many units as possible on what is left, by the network of its rules; and whether these allow it so."""
    coupling = examine(rest)
    live = np.flatnonzero(coupling.live).astype(np.int64)
    flow = np.zeros(rest.need.size, np.int64)
    flow[live] = exact_flow(coupling.network.of(live))
    coupled: Bools = coupling.needs[rest.need[live]] | coupling.offers[rest.offer[live]]
    return flow, not (coupled.any() and flow.any())
