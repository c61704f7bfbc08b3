"""An independent check of a solution: feasible by every rule, complete, its sums re-added.

It reads the problem alone and shares no code with the engines. It cannot prove that a solution is the best
one; what it can rule out at once is that a unit was left out though an arc, its offer and its pools had room
for it.
"""

from __future__ import annotations

from fractions import Fraction
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from matching.columns import Bools, Int8s, Int32s, Int64s
from matching.policy import Policy
from matching.problem import FIT_MAX, Problem
from matching.solution import Solution

SHOWN = 5
"""So many rows that break one rule are named; the rest is counted."""


class InvalidSolution(ValueError):
    """A solution breaks rules of its problem; ``faults`` lists them."""

    def __init__(self, faults: list[str]) -> None:
        self.faults = faults
        super().__init__("; ".join(faults))


class Report(NamedTuple):
    """What a check counted: units by tier, total fit, arcs used, and needs served in full and in part."""

    served: tuple[int, ...]
    fit: int
    arcs_used: int
    needs_in_full: int
    needs_in_part: int


def verify(problem: Problem, solution: Solution, policy: Policy | None = None, reserve: Int64s | None = None) -> Report:
    """Check ``solution`` against ``problem`` and count it again.

    Args:
        policy: what it was made for; without it, its imbalance is believed.
        reserve: int64 (m,), the prices that it was made with; they need the policy.

    Raises:
        InvalidSolution: it breaks a rule; every rule that is broken is listed with its first rows.
    """
    flow = solution.flow
    if flow.shape != problem.need.shape or flow.dtype != np.int64:
        raise InvalidSolution([f"flow: expected int64 {problem.need.shape}, got {flow.dtype} {flow.shape}"])
    faults: list[str] = []
    _fault(faults, "flow: below 0 on arcs", flow < 0)
    _fault(faults, "flow: more than the need asks for on arcs", flow > problem.quantity[problem.need])
    if faults:
        raise InvalidSolution(faults)  # sums of such flows could overflow
    used = np.flatnonzero(flow)
    count = _Count(problem, used, flow[used])
    _check_needs(problem, count, faults)
    _check_offers(problem, count, faults)
    _check_exclusions(problem, count, faults)
    served, fit = objective(problem, flow)
    _check_objective(problem, solution, policy, count, faults)
    worthy = np.ones(problem.need.size, np.bool_)
    if reserve is not None and policy is not None:
        worthy = _check_reserve(problem, solution, policy, reserve, count, faults)
    elif solution.beyond_reserve is not None:
        faults.append("beyond_reserve: told without a reserve")
    if solution.status == "optimal":
        _check_complete(problem, count, worthy, faults)
    if faults:
        raise InvalidSolution(faults)
    in_full = count.need_units == problem.quantity
    in_part = (count.need_units > 0) & ~in_full
    return Report(served, fit, used.size, int(in_full.sum()), int(in_part.sum()))


def objective(problem: Problem, flow: Int64s) -> tuple[tuple[int, ...], int]:
    """Units served per tier and total fit of a flow."""
    used = np.flatnonzero(flow)
    units = flow[used]
    served = _sums(problem.tiers, problem.tier[problem.need[used]], units)
    return tuple(served.tolist()), int(np.dot(units, problem.fit[used].astype(np.int64)))


def _check_objective(
    problem: Problem, solution: Solution, policy: Policy | None, count: _Count, faults: list[str]
) -> None:
    """Every number that a solution tells of its objective, counted again; and the bound against them."""
    served, fit = objective(problem, solution.flow)
    if served != solution.served:
        faults.append(f"served: {solution.served} told, {served} counted")
    if fit != solution.fit:
        faults.append(f"fit: {solution.fit} told, {fit} counted")
    fairness = None if solution.fairness is None else _fairness(problem, count)
    if fairness != solution.fairness:
        faults.append(f"fairness: {solution.fairness} told, {fairness} counted")
    if policy is not None:
        balance = _imbalance(problem, count, policy) if policy.load_balance_weight or policy.pace_weight else None
        if balance != solution.imbalance:
            faults.append(f"imbalance: {solution.imbalance} told, {balance} counted")
        if policy.fairness != (fairness is not None):
            faults.append("fairness: told if and only if the policy asks for it")
    reached, bound = (served, -(fairness or 0), fit), solution.bound
    bounded = (bound.served, -(bound.fairness or 0), bound.fit)
    if bounded < reached:
        faults.append(f"bound: {bound} is below what was reached")
    proven = (
        3 if solution.imbalance is None else 2
    )  # where fit is traded for balance, the bound is that of the fit alone
    plain = solution.beyond_reserve is None  # with a reserve, less is served than could be
    if solution.status == "optimal" and plain and bounded[:proven] != reached[:proven]:
        faults.append(f"bound: {bound} differs from an optimal value")


def _check_reserve(
    problem: Problem, solution: Solution, policy: Policy, reserve: Int64s, count: _Count, faults: list[str]
) -> Bools:
    """Check what a reserve allows and what was kept back; bool (k,), arcs where a unit more must gain."""
    step = (problem.capacity.size + 1) * FIT_MAX + 1
    worth = ((policy.tiers - problem.tier.astype(np.int64)) * step)[problem.need] + problem.fit
    price = reserve[problem.offer]
    refused = (problem.use > 0) & (price > (worth - 1) // np.maximum(problem.use, 1))
    beyond = np.where(refused, 0, worth - problem.use * price)  # products that overflow are refused ones
    _fault(faults, "reserve: a unit is not worth more than it takes on arcs", refused & (solution.flow > 0))
    value = int(np.dot(beyond[count.arcs], count.units))
    if solution.beyond_reserve != value:
        faults.append(f"beyond_reserve: {solution.beyond_reserve} told, {value} counted")
    _fault(faults, "held: below 0 at offers", solution.held < 0)
    least = np.full(problem.capacity.size, np.iinfo(np.int64).max)
    np.minimum.at(least, problem.offer, problem.use)
    room = (problem.capacity - count.offer_use) // np.maximum(least, 1)
    _fault(faults, "held: more than is free at offers", (least > 0) & (solution.held > room))
    unserved = int((problem.quantity - count.need_units).sum())
    if int(solution.held.sum()) > unserved:
        faults.append(f"held: {int(solution.held.sum())} units for {unserved} that are not served")
    # Fairness is settled after the units of each tier are fixed, and may leave one out that would gain.
    worthy: Bools = (beyond > policy.load_balance_weight + policy.pace_weight) & (solution.fairness is None)
    return worthy


def _fairness(problem: Problem, count: _Count) -> Fraction:
    """The sum over groups of served**2 / size."""
    groups: dict[int, list[int]] = {}
    for group, wanted, got in zip(
        problem.group.tolist(), problem.quantity.tolist(), count.need_units.tolist(), strict=True
    ):
        if group >= 0:
            entry = groups.setdefault(group, [0, 0])
            entry[0] += got
            entry[1] += wanted
    return sum((Fraction(got * got, wanted) for got, wanted in groups.values()), Fraction(0))


def _imbalance(problem: Problem, count: _Count, policy: Policy) -> int:
    """The sum over units u of each offer of what its balance and pace take.

    These are min(weight, weight * (before + u) // (before + full)), where full is what the capacity could serve, and
    before is 0 for the balance of tonight and what the offer has given already for its pace.
    """
    least = np.full(problem.capacity.size, np.iinfo(np.int64).max)
    np.minimum.at(least, problem.offer, np.maximum(problem.use, 1))
    full = np.clip(problem.capacity // least, 1, 2**40).tolist()
    total = 0
    for weight, before in ((policy.load_balance_weight, problem.given * 0), (policy.pace_weight, problem.given)):
        befores = np.minimum(before, 2**40).tolist()
        for units, room, ahead in zip(count.offer_units.tolist(), full, befores, strict=True):
            # A unit costs at least s from number ceil(s * whole / weight) - ahead on; count the units for each s.
            whole, most = ahead + room, weight * (ahead + min(units, room)) // (ahead + room) if units else 0
            begins = [max(-(-step * whole // weight) - ahead, 1) for step in range(1, most + 1)]
            total += sum(units - begin + 1 for begin in begins)
    return total


class _Count:
    """Sums over the arcs in use."""

    def __init__(self, problem: Problem, used: NDArray[np.intp], units: Int64s) -> None:
        self.arcs, self.units = used, units
        self.need, self.offer = problem.need[used], problem.offer[used]
        self.need_units = _sums(problem.quantity.size, self.need, units)
        self.offer_units = _sums(problem.capacity.size, self.offer, units)
        self.offer_use = _sums(problem.capacity.size, self.offer, units * problem.use[used])
        self.offer_cost = _sums(problem.capacity.size, self.offer, units * problem.cost[used])
        pooled = problem.pool >= 0
        self.pool_use = _sums(problem.pool_capacity.size, problem.pool[pooled], self.offer_use[pooled])
        rising = self.pool_use
        nested = problem.pool_parent >= 0
        while rising.any():  # one nesting further up each time
            rising = _sums(rising.size, problem.pool_parent[nested], rising[nested])
            self.pool_use = self.pool_use + rising


def _check_needs(problem: Problem, count: _Count, faults: list[str]) -> None:
    _fault(faults, "quantity: more than asked for at needs", count.need_units > problem.quantity)
    part = (count.need_units > 0) & (count.need_units < problem.quantity)
    _fault(faults, "whole: served in part at needs", problem.whole & part)
    if problem.whole.any():
        arcs_of = np.bincount(count.need, minlength=problem.quantity.size)
        _fault(faults, "whole: served by several offers at needs", problem.whole & (arcs_of > 1))
    bundled = problem.bundle >= 0
    if bundled.any():
        _, bundle = np.unique(problem.bundle[bundled], return_inverse=True)
        touched = np.bincount(bundle, weights=count.need_units[bundled] > 0) > 0
        lacking = np.bincount(bundle, weights=count.need_units[bundled] < problem.quantity[bundled]) > 0
        broken = np.zeros(bundled.size, np.bool_)
        broken[bundled] = (touched & lacking)[bundle]
        _fault(faults, "bundle: neither in full nor left out at needs", broken)


def _check_offers(problem: Problem, count: _Count, faults: list[str]) -> None:
    _fault(faults, "capacity: exceeded at offers", count.offer_use > problem.capacity)
    _fault(faults, "pool_capacity: exceeded at pools", count.pool_use > problem.pool_capacity)
    _fault(faults, "budget: exceeded at offers", (problem.budget >= 0) & (count.offer_cost > problem.budget))
    few = (count.offer_units > 0) & (count.offer_units < problem.minimum_batch)
    _fault(faults, "minimum_batch: opened for less at offers", few)


def _check_exclusions(problem: Problem, count: _Count, faults: list[str]) -> None:
    if problem.exclusions.size == 0:
        return
    concerned = np.isin(count.need, problem.exclusions)
    offers_of: dict[int, set[int]] = {}
    for need, offer in zip(count.need[concerned].tolist(), count.offer[concerned].tolist(), strict=True):
        offers_of.setdefault(need, set()).add(offer)
    broken = [
        bool(offers_of.get(one, set()) & offers_of.get(other, set())) for one, other in problem.exclusions.tolist()
    ]
    _fault(faults, "exclusions: share an offer at pairs", np.array(broken, np.bool_))


def _check_complete(problem: Problem, count: _Count, worthy: Bools, faults: list[str]) -> None:
    """No worthy arc may be left that could carry one unit more by itself, whatever else stays as it is."""
    wanting = (count.need_units < problem.quantity) & ~problem.whole & (problem.bundle < 0)
    wanting[problem.exclusions.ravel()] = False
    spare = problem.capacity - count.offer_use
    pool_spare = problem.pool_capacity - count.pool_use
    above: Int32s = problem.pool
    while above.size and above.max() >= 0:
        inside = above >= 0
        spare[inside] = np.minimum(spare[inside], pool_spare[above[inside]])
        above = np.where(inside, problem.pool_parent[above], np.int32(-1))
    money = np.where(problem.budget >= 0, problem.budget - count.offer_cost, np.iinfo(np.int64).max)
    ready = count.offer_units + 1 >= problem.minimum_batch
    left = np.flatnonzero(wanting[problem.need] & worthy)
    left = left[ready[problem.offer[left]]]
    offer = problem.offer[left]
    possible = (problem.use[left] <= spare[offer]) & (problem.cost[left] <= money[offer])
    _fault(faults, "status: called optimal, but a unit more fits on arcs", possible, left)


def _sums(size: int, rows: Int32s | Int8s, amounts: Int64s) -> Int64s:
    """The sum of the amounts of each row, in int64 (``bincount`` would round large ones)."""
    sums = np.zeros(size, np.int64)
    np.add.at(sums, rows, amounts)
    return sums


def _fault(faults: list[str], rule: str, broken: Bools, rows: NDArray[np.intp] | None = None) -> None:
    if not broken.any():
        return
    places = np.flatnonzero(broken) if rows is None else rows[broken]
    named = ", ".join(map(str, places[:SHOWN].tolist()))
    more = f" and {places.size - SHOWN} more" if places.size > SHOWN else ""
    faults.append(f"{rule} {named}{more}")
