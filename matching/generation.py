"""Exact matching over more candidates than memory should hold: column generation.

A need keeps its best arcs at first, ``Policy.candidates_per_need`` of them. What they allow is solved, and the
prices of that solution tell which of the others could improve it: those go in, and it is solved again until
there are none. The arcs that are not in are only ever looked at a block at a time (Gilmore & Gomory 1961, A
linear programming approach to the cutting-stock problem, Operations Research 9).

*Proof that nothing better is left out.* Let x be a best flow on the arcs that are in. Its network of exchanges
(:mod:`matching.prices.exchanges`) has a price p for every offer and pool, and 0 for the ground, such that p(head) >=
p(tail) + gain on each of its edges. An arc (i, j) that is out adds edges to j: from every offer a that serves i,
with gain fit(i, j) - fit(i, a), and from the ground with gain weight(i) + fit(i, j) while i has unserved units.
Where they too obey the inequality, the sum round any closed path of the whole network is at most 0, so no
exchange improves x, and x is best of all (optimality by residual cycles; Ahuja, Magnanti & Orlin 1993, Network
Flows, theorem 9.1). Otherwise the arc goes in. Arcs only ever go in, so it ends.

Prices prove networks alone. A component in which some rule couples needs or offers keeps all its arcs and is
solved once; and so is everything under a policy that aims at more than coverage and fit.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, fields, replace
from typing import NamedTuple

import numpy as np

from matching.columns import Bools, Int32s, Int64s
from matching.linkage import Linkage
from matching.policy import Policy
from matching.prices.paths import NEVER
from matching.prices.worth import World, world_of
from matching.problem import FIT_MAX, Problem
from matching.solution import Bound, Solution
from matching.solve import solve
from matching.verify import verify

CUT = 4 * FIT_MAX
"""A price without a lower limit is taken to be so far below the upper one; any distance proves as much."""

PLAIN = frozenset(
    {"tiers", "candidates_per_need", "closeness_scale_km", "waiting_full_days", "yellow_after_days", "red_after_days"}
)
"""What a policy may set, beside the weights of the fit's parts, and still aim at coverage and fit alone."""


class Block(NamedTuple):
    """Arcs (k) of whole needs, sorted by need, then offer.

    Attributes:
        need, offer: int32 (k,), row numbers.
        metres: int32 (k,), carried along.
        fit: int32 (k,), 0 to 10000.
    """

    need: Int32s
    offer: Int32s
    metres: Int32s
    fit: Int32s

    def of(self, rows: Bools | Int64s) -> Block:
        """Some of the arcs."""
        return Block(*(column[rows] for column in self))


Blocks = Callable[[], Iterable[Block]]
"""All arcs from the first to the last need, the same at every call."""


@dataclass(frozen=True)
class Generated:
    """A matching over all arcs, and those that it was found and proven on.

    Attributes:
        arcs: the arcs that are in, in the order of the problem's.
        problem: the rows with these arcs.
        solution: best over all arcs, in or out, as far as its status says.
        total: how many arcs there are.
        rounds: how often the networks were solved.
    """

    arcs: Block
    problem: Problem
    solution: Solution
    total: int
    rounds: int


def generate(
    blocks: Blocks,
    rows: Problem,
    policy: Policy,
    *,
    time_limit: float | None = None,
    workers: int | None = None,
    progress: Callable[[float], None] | None = None,
    seen: Callable[[Block], None] | None = None,
) -> Generated:
    """Solve over all arcs of ``blocks``, holding few of them at a time.

    Args:
        blocks: the arcs; each costs nothing and uses one unit of capacity.
        rows: the needs, offers and pools; its own arcs are ignored.
        policy: its ``candidates_per_need`` is how many arcs of a need are in at first, and how many go in a
            round; None takes all.
        time_limit, workers, progress: as :func:`matching.solve`.
        seen: called with each block, once, in order.
    """
    clock = _Clock(time_limit)
    chosen, total, coupled = _first_choice(blocks, rows, policy, seen)
    apart = coupled[chosen.offer]
    decided = None
    if apart.any() and not apart.all():
        decided = solve(_with_arcs(rows, chosen.of(apart)), policy, time_limit=clock.left(), workers=workers)
    fixed, free = (chosen.of(apart), chosen.of(~apart)) if decided is not None else (chosen.of(apart[:0]), chosen)
    rounds, dropped = 0, total - chosen.need.size
    while True:
        problem = _with_arcs(rows, free)
        tell = None if progress is None else _part_of(progress, rounds)
        solution = solve(problem, policy, time_limit=clock.left(), workers=workers, progress=tell)
        rounds += 1
        if dropped == 0:
            break
        test = _Test.of(problem, world_of(problem, solution, policy), _middle)
        more = _gathered(test.best(block, policy.candidates_per_need) for block in _outside(blocks, coupled))
        if more.need.size == 0:
            break
        free = _merged(free, more, rows.capacity.size)
        dropped -= more.need.size
    if decided is None:
        return Generated(free, problem, solution, total, rounds)
    arcs = _merged(fixed, free, rows.capacity.size)
    whole = _with_arcs(rows, arcs)
    return Generated(arcs, whole, _together(whole, coupled[arcs.offer], decided, solution), total, rounds)


def completed(generated: Generated, blocks: Blocks, policy: Policy) -> Generated:
    """The same matching with every arc that an explanation speaks of.

    In go all arcs of needs that are not served in full, and those that raise what one more unit of an offer
    would gain, so that reasons, counts and gains are those of all arcs.
    """
    if generated.total == generated.arcs.need.size:
        return generated
    served = np.zeros(generated.problem.quantity.size, np.int64)
    np.add.at(served, generated.problem.need, generated.solution.flow)
    waits = served < generated.problem.quantity
    generated = _with_more(generated, _gathered(block.of(waits[block.need]) for block in blocks()))
    while True:
        world = world_of(generated.problem, generated.solution, policy)
        test = _Test.of(generated.problem, world, _least)
        coupled = np.zeros(generated.problem.capacity.size, np.bool_)
        coupled[generated.problem.offer[world.settled.coupled]] = True
        more = _gathered(test.best(block, None) for block in _outside(blocks, coupled))
        if more.need.size == 0:
            return generated
        generated = _with_more(generated, more)


def _first_choice(
    blocks: Blocks, rows: Problem, policy: Policy, seen: Callable[[Block], None] | None
) -> tuple[Block, int, Bools]:
    """The arcs that are in at first, how many there are, and bool (m,): the offers in coupled components."""
    most = policy.candidates_per_need if _is_plain(policy) else None
    linkage = Linkage(rows)
    total, best = 0, []
    for block in blocks():
        total += block.need.size
        if seen is not None:
            seen(block)
        if most is not None:
            linkage.add(block.need, block.offer)
        best.append(block if most is None else _best(block, block.fit.astype(np.int64), most))
    chosen, coupled = _gathered(best), linkage.coupled()
    if most is None or not coupled.any():
        return chosen, total, np.zeros(rows.capacity.size, np.bool_)
    inside = _gathered(block.of(coupled[block.offer]) for block in blocks())
    return _merged(chosen.of(~coupled[chosen.offer]), inside, rows.capacity.size), total, coupled


def _is_plain(policy: Policy) -> bool:
    """Whether coverage and fit are all that the policy aims at."""
    standard = Policy()
    known = PLAIN | {f"{name}_weight" for name in policy.weights}
    names = (field.name for field in fields(policy) if field.name not in known)
    return all(getattr(policy, name) == getattr(standard, name) for name in names)


def _outside(blocks: Blocks, coupled: Bools) -> Iterator[Block]:
    """The arcs that prices can speak of."""
    for block in blocks():
        yield block.of(~coupled[block.offer]) if coupled.any() else block


def _best(block: Block, worth: Int64s, most: int) -> Block:
    """At most so many arcs of each need, those of greatest worth, the first of equals."""
    if block.need.size == 0:
        return block
    order = np.lexsort((-worth, block.need))
    need = block.need[order]
    first = np.flatnonzero(np.r_[True, need[1:] != need[:-1]])
    rank = np.arange(need.size) - np.repeat(first, np.diff(np.r_[first, need.size]))
    keep = np.zeros(need.size, np.bool_)
    keep[order[rank < most]] = True
    return block.of(keep)


def _gathered(parts: Iterable[Block]) -> Block:
    several = [Block(*(np.zeros(0, np.int32) for _ in Block._fields)), *parts]
    return Block(*(np.concatenate(column) for column in zip(*several, strict=True)))


def _merged(one: Block, other: Block, offers: int) -> Block:
    """The arcs of both, each once, sorted."""
    both = _gathered((one, other))
    _, first = np.unique(both.need.astype(np.int64) * offers + both.offer, return_index=True)
    return both.of(first)


def _with_arcs(rows: Problem, arcs: Block) -> Problem:
    columns = {name: array for name, array in rows.columns().items() if name not in ("cost", "use")}
    return Problem(**{**columns, "need": arcs.need, "offer": arcs.offer, "fit": arcs.fit})


def _with_more(generated: Generated, more: Block) -> Generated:
    """The same flow on some more arcs."""
    offers = generated.problem.capacity.size
    arcs = _merged(generated.arcs, more, offers)
    key = arcs.need.astype(np.int64) * offers + arcs.offer
    flow = np.zeros(key.size, np.int64)
    flow[np.searchsorted(key, generated.arcs.need.astype(np.int64) * offers + generated.arcs.offer)] = (
        generated.solution.flow
    )
    flow.flags.writeable = False
    problem = _with_arcs(generated.problem, arcs)
    return replace(generated, arcs=arcs, problem=problem, solution=replace(generated.solution, flow=flow))


def _together(problem: Problem, apart: Bools, coupled: Solution, network: Solution) -> Solution:
    """One solution from those of the coupled components and of the others; bounds of separate parts add up."""
    flow = np.zeros(problem.need.size, np.int64)
    flow[apart], flow[~apart] = coupled.flow, network.flow
    flow.flags.writeable = False
    share = float(np.count_nonzero(apart)) / problem.need.size
    engines = {name: share * part for name, part in coupled.engines.items()}
    for name, part in network.engines.items():
        engines[name] = engines.get(name, 0.0) + (1 - share) * part
    pairs = (zip(one, other, strict=True) for one, other in ((coupled.served, network.served),
                                                             (coupled.bound.served, network.bound.served)))  # fmt: skip
    served, bound = (tuple(map(sum, pair)) for pair in pairs)
    solution = Solution(
        flow=flow,
        served=served,
        fit=coupled.fit + network.fit,
        status=coupled.status if network.status == "optimal" else network.status,
        fairness=None,
        bound=Bound(bound, None, coupled.bound.fit + network.bound.fit),
        engines=engines,
        verified=False,
        held=coupled.held + network.held,
        timings={stage: seconds + coupled.timings[stage] for stage, seconds in network.timings.items()},
    )
    verify(problem, solution)
    return replace(solution, verified=True)


def _middle(world: World, offers: int) -> Int64s:
    """Between the least and the greatest prices, so that few arcs tie with them; whole parts of means prove too."""
    greatest = np.where(world.leave == NEVER, -NEVER // 4, -world.leave)
    least = np.maximum(world.enter, greatest - CUT)
    middle: Int64s = (least + greatest) // 2
    return middle[:offers]


def _least(world: World, offers: int) -> Int64s:
    """The least prices: what the best path from the ground to each offer is worth; NEVER where there is none."""
    return world.enter[:offers]


class _Test(NamedTuple):
    """What an arc must be worth, beyond the price of its offer, to be of use.

    Attributes:
        price: int64 (m,), labels.
        bar: int64 (n,), fit less price that every unit of a need has already.
    """

    price: Int64s
    bar: Int64s

    @classmethod
    def of(cls, problem: Problem, world: World, told: Callable[[World, int], Int64s]) -> _Test:
        price = told(world, problem.capacity.size)
        settled = world.settled
        need, moved = settled.network.need[settled.moved], settled.moved
        beyond_all = np.iinfo(np.int64).max
        bar = np.full(problem.quantity.size, beyond_all)
        paid = price[settled.network.offer[moved]]
        # No path enters an offer at NEVER, so none goes on from it.
        np.minimum.at(bar, need, np.where(paid == NEVER, beyond_all, settled.network.fit[moved] - paid))
        served = np.zeros(problem.quantity.size, np.int64)
        np.add.at(served, need, settled.flow[moved])
        waits = served < settled.network.quantity
        bar[waits] = np.minimum(bar[waits], -world.weight[waits])
        return cls(price, bar)

    def best(self, block: Block, most: int | None) -> Block:
        """The arcs of a block that could improve the flow or raise a price, at most so many a need."""
        beyond = block.fit - self.price[block.offer]
        rows = np.flatnonzero(beyond > self.bar[block.need])
        found = block.of(rows)
        return found if most is None else _best(found, beyond[rows], most)


def _part_of(progress: Callable[[float], None], rounds: int) -> Callable[[float], None]:
    """Each round is half of what is left; nobody knows how many there will be."""
    return lambda share: progress(1 - 0.5**rounds * (1 - share / 2))


class _Clock:
    """Seconds left of a limit, never quite none: the solver wants some."""

    def __init__(self, limit: float | None) -> None:
        self._ends = math.inf if limit is None else time.perf_counter() + limit

    def left(self) -> float | None:
        return None if self._ends == math.inf else max(self._ends - time.perf_counter(), 0.001)
