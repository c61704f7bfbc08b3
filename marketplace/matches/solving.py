"""One matching as a pure step, and the child process that does it.

The engine holds the interpreter's lock and cannot be interrupted, so a run solves in a process of its own that
can be stopped. This module loads neither the web nor the database: that process starts quickly and is handed
columns of numbers, never a record.
"""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from marketplace.matches.archive import save
from marketplace.matches.file_codes import code_tables
from marketplace.matches.foresight.ahead import Kept, Pairs, futures_of, kept_for
from marketplace.matches.foresight.saving import weighed
from marketplace.matches.holds.telling import KeptWaiting, kept_waiting
from marketplace.matches.snapshot import Snapshot
from marketplace.matches.waiting import counted_tiers
from matching import Problem, Solution, solve
from matching.eligibility.rules import Candidates, candidate_blocks
from matching.explain.accounts import Shortages, Unmatched, shortages, unmatched
from matching.generation import Block, completed, generate
from matching.reasons import REASONS
from matching.scoring import PARTS, Earlier, Scorer

ALTERNATIVES = 3
"""So many next best offers are kept with each proposal."""

TIME_LIMIT_SECONDS = 300.0
"""After this the search in coupled parts stops with the best found; networks take seconds."""

DECLINED_ONLY = len(REASONS)
"""Stands in columns of reasons for the one that the library does not know: all who could help declined lately."""

Tell = Callable[[float], None]


class SolverStopped(RuntimeError):
    """The child process ended without a result; the message names the error or the exit code."""


@dataclass(frozen=True)
class Result:
    """What a matching found, by row number of its snapshot.

    Attributes:
        need, offer, units, fit, metres: int64 (s,), the pairs that are given units.
        parts: int64 (s, 5), parts of the fit in the order of `matching.scoring.PARTS`.
        alternatives: for each pair, up to three (offer, fit, metres) of other offers, the best first.
        unmatched: needs not served in full, and why.
        declined_only: bool (u,), of the unmatched: all who could help declined lately.
        plain: units served by tier without a reserve, as the run counted them.
        shortages: what is short by category, region and reason, where one unit more helps most first; of what
            only those who declined could serve the reason is DECLINED_ONLY.
        held: int64 (m,), units of each offer kept back that somebody waiting could have used.
        kept: what they are kept for; None where the run looked at tonight alone.
        waiting: the needs that could have used them.
        served, total_fit, status, bound, engines, candidates, digest, seconds: for the summary.
    """

    need: NDArray[np.int64]
    offer: NDArray[np.int64]
    units: NDArray[np.int64]
    fit: NDArray[np.int64]
    metres: NDArray[np.int64]
    parts: NDArray[np.int64]
    alternatives: list[list[tuple[int, int, int]]]
    unmatched: Unmatched
    declined_only: NDArray[np.bool_]
    shortages: Shortages
    held: NDArray[np.int64]
    kept: Kept | None
    plain: tuple[int, ...]
    waiting: KeptWaiting
    served: tuple[int, ...]
    total_fit: int
    status: str
    bound: dict[str, Any]
    engines: dict[str, float]
    candidates: int
    digest: str
    seconds: dict[str, float]


@dataclass(frozen=True)
class Matched:
    """The best flow of a snapshot, and what it was found among.

    Attributes:
        arcs, fit: the pairs of the problem, in its order: all, or those that `candidates_per_need` left in.
        eligible: int64 (n,), offers that the hard rules allow each need, whoever declined.
        total: how many pairs there are in all.
        kept: what capacity is kept back for; None where tonight alone is looked at.
    """

    arcs: Candidates
    fit: NDArray[np.int32]
    eligible: NDArray[np.int64]
    total: int
    problem: Problem
    solution: Solution
    scorer: Scorer
    kept: Kept | None = None


def scorer_of(snapshot: Snapshot) -> Scorer:
    """What scores the pairs of a snapshot."""
    earlier = Earlier(snapshot.earlier[:, 0], snapshot.earlier[:, 1], snapshot.organization_id)
    return Scorer(snapshot.needs, snapshot.offers, code_tables(), snapshot.policy, snapshot.as_of, earlier=earlier)


def matched(snapshot: Snapshot, tell: Tell = lambda _share: None, *, solving: Tell = lambda _share: None) -> Matched:
    """Candidates, fit and the best flow of a snapshot under its policy.

    Args:
        tell: called with the share of the candidates looked at, 0 to 1. solving: with the share solved.
    """
    scorer = scorer_of(snapshot)
    eligible = np.zeros(snapshot.quantity.size, np.int64)
    first = True

    def blocks() -> Iterator[Block]:
        nonlocal first
        counting, first = first, False
        for found in candidate_blocks(snapshot.needs, snapshot.offers, code_tables(), snapshot.as_of):
            if counting:
                eligible[:] += np.bincount(found.need, minlength=eligible.size)
                tell((float(found.need[-1]) + 1) / eligible.size if len(found) else 0.0)
            arcs = _without_barred(found, snapshot.barred)
            yield Block(arcs.need, arcs.offer, arcs.metres, scorer.fit(arcs))

    policy, kept = snapshot.policy, None
    # The search over few pairs of each need proves itself by coverage and fit alone, not beyond prices.
    if policy.candidates_per_need is None or snapshot.ahead is not None:
        every = [Block(*(np.zeros(0, np.int32) for _ in Block._fields)), *blocks()]
        arcs = Block(*(np.concatenate(column) for column in zip(*every, strict=True)))
        tell(1.0)
        problem = _problem(snapshot, arcs)
        kept, futures = _kept(snapshot, problem)
        reserve = None if kept is None else kept.price
        solution = solve(problem, policy, time_limit=TIME_LIMIT_SECONDS, progress=solving, reserve=reserve)
        if kept is not None:
            kept = weighed(kept, problem, solution, futures, policy)
        total = problem.need.size
    else:
        nothing = Block(*(np.zeros(0, np.int32) for _ in Block._fields))
        rows = _problem(snapshot, nothing)
        found = generate(blocks, rows, policy, time_limit=TIME_LIMIT_SECONDS, progress=solving)
        found = completed(found, blocks, policy)
        arcs, problem, solution, total = found.arcs, found.problem, found.solution, found.total
    pairs = Candidates(arcs.need, arcs.offer, arcs.metres)
    return Matched(pairs, arcs.fit, eligible, total, problem, solution, scorer, kept)


def _kept(snapshot: Snapshot, problem: Problem) -> tuple[Kept | None, list[Problem]]:
    """What capacity is worth to those still to come, and the futures that say so."""
    ahead = snapshot.ahead
    if ahead is None:
        return None, []
    pairs = Pairs.of(ahead.needs, snapshot.offers, snapshot.policy, snapshot.as_of)
    futures = futures_of(ahead, pairs, problem)
    return kept_for(problem, ahead, futures, snapshot.policy), futures


def _problem(snapshot: Snapshot, arcs: Block) -> Problem:
    return Problem(
        quantity=snapshot.quantity,
        tier=counted_tiers(snapshot),
        bundle=snapshot.bundle,
        whole=snapshot.whole,
        # Fairness is between the counties; without it a group says nothing.
        group=snapshot.needs.region if snapshot.policy.fairness else None,
        capacity=snapshot.capacity,
        pool=snapshot.pool,
        pool_capacity=snapshot.pool_capacity,
        minimum_batch=snapshot.minimum_batch,
        # Without a pace nobody asks what was given this month, and runs stay comparable.
        given=snapshot.given if snapshot.policy.pace_weight else None,
        need=arcs.need,
        offer=arcs.offer,
        fit=arcs.fit,
    )


def match(snapshot: Snapshot, tell: Tell = lambda _share: None, archive: Path | None = None) -> Result:
    """Candidates, fit, flow and explanations of a snapshot; calls `tell` with the share done, from 0 to 1.

    Args:
        archive: where to keep input and flow, for explanations later.
    Raises:
        InvalidProblem: the columns break a rule.
        InvalidSolution: the engine's result fails its independent check.
    """
    clock = [time.perf_counter()]
    solving_since: list[float] = []

    def tell_solving(share: float) -> None:
        solving_since.append(time.perf_counter())
        tell(0.3 + 0.55 * share)

    found = matched(snapshot, lambda share: tell(0.3 * share), solving=tell_solving)
    clock += [min(solving_since, default=time.perf_counter()), time.perf_counter()]
    reasons = unmatched(
        found.problem,
        found.solution,
        snapshot.needs,
        snapshot.offers,
        code_tables(),
        snapshot.as_of,
        budget_bound=snapshot.budget_bound,
    )
    declined_only = (reasons.candidates == 0) & (found.eligible[reasons.need] > 0)
    told = replace(reasons, reason=np.where(declined_only, np.int8(DECLINED_ONLY), reasons.reason))
    short = shortages(found.problem, found.solution, snapshot.needs, told, policy=snapshot.policy)
    used = np.flatnonzero(found.solution.flow)
    arcs, solution = found.arcs, found.solution
    parts = found.scorer.parts(arcs.need[used], arcs.offer[used], arcs.metres[used])
    if archive is not None:
        save(archive, snapshot, arcs.metres, found.problem, solution, found.kept)
    result = Result(
        need=arcs.need[used].astype(np.int64),
        offer=arcs.offer[used].astype(np.int64),
        units=solution.flow[used],
        fit=found.fit[used].astype(np.int64),
        metres=arcs.metres[used].astype(np.int64),
        parts=np.stack([getattr(parts, name) for name in PARTS], axis=1),
        alternatives=_alternatives(arcs, found.fit, solution.flow, used),
        unmatched=reasons,
        declined_only=declined_only,
        shortages=short,
        held=solution.held,
        kept=found.kept,
        plain=solution.bound.served,
        waiting=kept_waiting(found.problem, solution, snapshot.policy, found.kept),
        served=solution.served,
        total_fit=solution.fit,
        status=solution.status,
        bound={"served": list(solution.bound.served), "fit": solution.bound.fit},
        engines=dict(solution.engines),
        candidates=found.total,
        digest=found.problem.digest,
        seconds={},
    )
    clock.append(time.perf_counter())
    tell(1.0)
    for name, begin, end in zip(("candidates", "solve", "explain"), clock, clock[1:], strict=False):
        result.seconds[name] = round(end - begin, 3)
    return result


def _without_barred(found: Candidates, barred: NDArray[np.int64]) -> Candidates:
    """The pairs that no supplier declined lately."""
    if barred.size == 0 or len(found) == 0:
        return found
    width = np.int64(max(int(found.offer.max()), int(barred[:, 1].max())) + 1)
    keep = ~np.isin(found.need * width + found.offer, barred[:, 0] * width + barred[:, 1])
    return Candidates(found.need[keep], found.offer[keep], found.metres[keep])


def _alternatives(
    arcs: Candidates, fit: NDArray[np.int32], flow: NDArray[np.int64], used: NDArray[np.intp]
) -> list[list[tuple[int, int, int]]]:
    begins = np.searchsorted(arcs.need, arcs.need[used], side="left")
    ends = np.searchsorted(arcs.need, arcs.need[used], side="right")
    kept = []
    for begin, end in zip(begins.tolist(), ends.tolist(), strict=True):
        others = begin + np.flatnonzero(flow[begin:end] == 0)
        best = others[np.argsort(-fit[others], kind="stable")[:ALTERNATIVES]]
        kept.append([(int(arcs.offer[arc]), int(fit[arc]), int(arcs.metres[arc])) for arc in best])
    return kept


def in_child(work: Callable[[Tell], Any], *, pause: float = 1.0) -> Iterator[Any]:
    """Do a piece of work in a process of its own: gives the share done at least every `pause` seconds as a float,
    at last its outcome, which is no float.

    Closing the iterator, or an error in whoever reads it, stops the process at once.

    Args:
        work: takes what to tell the share to; it can be pickled, as a `partial` of a function of a module.
    Raises:
        SolverStopped: the process failed, or was killed.
    """
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe(duplex=False)
    child = context.Process(target=_work, args=(theirs, work), name="matching", daemon=True)
    child.start()
    theirs.close()
    share = 0.0
    try:
        while True:
            if ours.poll(pause):
                try:
                    kind, value = ours.recv()
                except EOFError:
                    child.join()
                    raise SolverStopped(f"exit code {child.exitcode}") from None
                if kind == "failed":
                    raise SolverStopped(value)
                if kind == "result":
                    yield value
                    return
                share = value
            yield share
    finally:
        ours.close()
        child.terminate()
        child.join()
        child.close()


def match_in_child(snapshot: Snapshot, *, pause: float = 1.0, archive: Path | None = None) -> Iterator[float | Result]:
    """Match in a process of its own; see `in_child` and `match`."""
    return in_child(partial(_match, snapshot, archive), pause=pause)


def _match(snapshot: Snapshot, archive: Path | None, tell: Tell) -> Result:
    return match(snapshot, tell, archive)


def _work(out: Connection, work: Callable[[Tell], Any]) -> None:
    """Body of the child process."""
    try:
        result = work(lambda share: out.send(("progress", share)))
    except (ValueError, MemoryError, ArithmeticError, RuntimeError, OSError) as error:
        out.send(("failed", f"{type(error).__name__}: {error}"[:400]))
    else:
        out.send(("result", result))
