"""One matching as a pure step, and the child process that does it.

The engine holds the interpreter's lock and cannot be interrupted, so a run solves in a process of its own that
can be stopped. This module loads neither the web nor the database: that process starts quickly and is handed
columns of numbers, never a record.
"""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any

import numpy as np
from numpy.typing import NDArray

from marketplace.matches.file_codes import code_tables
from matching import Policy, Problem, solve
from matching.eligibility import Candidates, Needs, Offers, candidates
from matching.explain import Unmatched, unmatched
from matching.scoring import PARTS, Earlier, Scorer

ALTERNATIVES = 3
"""So many next best offers are kept with each proposal."""

TIME_LIMIT_SECONDS = 300.0
"""After this the search in coupled parts stops with the best found; networks take seconds."""

Tell = Callable[[float], None]


class SolverStopped(RuntimeError):
    """The child process ended without a result; the message names the error or the exit code."""


@dataclass(frozen=True)
class Snapshot:
    """The frozen input of a run: columns by row number, and which records the rows are.

    Attributes:
        needs, offers: what the hard and soft rules ask.
        quantity, tier, bundle, whole: of the needs, as in `matching.Problem`.
        capacity, pool, pool_capacity, minimum_batch: of the offers and pools, as there.
        free: int64 (m,), units of each offer neither given nor promised, whatever its budget pays for.
        budget_bound: bool (m,), offers whose capacity is what their budget pays for.
        barred: int64 (d, 2), pairs of rows that a supplier declined lately.
        earlier: int64 (e, 2), need rows and keys of organizations that have helped their household before.
        need_id, need_version, capacity_id, capacity_version, capacity_allocated, organization_id: int64 keys;
            the last is minus the volunteer's key where the offer is a volunteer's own.
        regions: region code of each need. wishes: whether each need is a micro-wish.
        qualifications: code of each bit of the masks.
        as_of: datetime64[D], the day of the run.
        policy: weights of the fit.
    """

    needs: Needs
    offers: Offers
    quantity: NDArray[np.int64]
    tier: NDArray[np.int8]
    bundle: NDArray[np.int32]
    whole: NDArray[np.bool_]
    capacity: NDArray[np.int64]
    pool: NDArray[np.int32]
    pool_capacity: NDArray[np.int64]
    minimum_batch: NDArray[np.int64]
    free: NDArray[np.int64]
    budget_bound: NDArray[np.bool_]
    barred: NDArray[np.int64]
    earlier: NDArray[np.int64]
    need_id: NDArray[np.int64]
    need_version: NDArray[np.int64]
    capacity_id: NDArray[np.int64]
    capacity_version: NDArray[np.int64]
    capacity_allocated: NDArray[np.int64]
    organization_id: NDArray[np.int64]
    regions: tuple[str, ...]
    wishes: tuple[bool, ...]
    qualifications: tuple[str, ...]
    as_of: np.datetime64
    policy: Policy


@dataclass(frozen=True)
class Result:
    """What a matching found, by row number of its snapshot.

    Attributes:
        need, offer, units, fit, metres: int64 (s,), the pairs that are given units.
        parts: int64 (s, 5), parts of the fit in the order of `matching.scoring.PARTS`.
        alternatives: for each pair, up to three (offer, fit, metres) of other offers, the best first.
        unmatched: needs not served in full, and why.
        declined_only: bool (u,), of the unmatched: all who could help declined lately.
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
    served: tuple[int, ...]
    total_fit: int
    status: str
    bound: dict[str, Any]
    engines: dict[str, float]
    candidates: int
    digest: str
    seconds: dict[str, float]


def match(snapshot: Snapshot, tell: Tell = lambda _share: None) -> Result:
    """Candidates, fit, flow and explanations of a snapshot; calls `tell` with the share done, from 0 to 1.

    Raises:
        InvalidProblem: the columns break a rule.
        InvalidSolution: the engine's result fails its independent check.
    """
    clock = [time.perf_counter()]
    tables = code_tables()
    found = candidates(snapshot.needs, snapshot.offers, tables, snapshot.as_of)
    eligible = np.bincount(found.need, minlength=snapshot.quantity.size)
    arcs = _without_barred(found, snapshot.barred)
    tell(0.2)
    earlier = Earlier(snapshot.earlier[:, 0], snapshot.earlier[:, 1], snapshot.organization_id)
    scorer = Scorer(snapshot.needs, snapshot.offers, tables, snapshot.policy, snapshot.as_of, earlier=earlier)
    fit = scorer.fit(arcs)
    problem = Problem(
        quantity=snapshot.quantity,
        tier=snapshot.tier,
        bundle=snapshot.bundle,
        whole=snapshot.whole,
        capacity=snapshot.capacity,
        pool=snapshot.pool,
        pool_capacity=snapshot.pool_capacity,
        minimum_batch=snapshot.minimum_batch,
        need=arcs.need,
        offer=arcs.offer,
        fit=fit,
    )
    clock.append(time.perf_counter())
    tell(0.3)
    solution = solve(
        problem,
        snapshot.policy,
        time_limit=TIME_LIMIT_SECONDS,
        progress=lambda share: tell(0.3 + 0.55 * share),
    )
    clock.append(time.perf_counter())
    found_unmatched = unmatched(
        problem,
        solution,
        snapshot.needs,
        snapshot.offers,
        tables,
        snapshot.as_of,
        budget_bound=snapshot.budget_bound,
    )
    used = np.flatnonzero(solution.flow)
    parts = scorer.parts(arcs.need[used], arcs.offer[used], arcs.metres[used])
    result = Result(
        need=arcs.need[used].astype(np.int64),
        offer=arcs.offer[used].astype(np.int64),
        units=solution.flow[used],
        fit=fit[used].astype(np.int64),
        metres=arcs.metres[used].astype(np.int64),
        parts=np.stack([getattr(parts, name) for name in PARTS], axis=1),
        alternatives=_alternatives(arcs, fit, solution.flow, used),
        unmatched=found_unmatched,
        declined_only=(found_unmatched.candidates == 0) & (eligible[found_unmatched.need] > 0),
        served=solution.served,
        total_fit=solution.fit,
        status=solution.status,
        bound={"served": list(solution.bound.served), "fit": solution.bound.fit},
        engines=dict(solution.engines),
        candidates=len(arcs),
        digest=problem.digest,
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


def match_in_child(snapshot: Snapshot, *, pause: float = 1.0) -> Iterator[float | Result]:
    """Match in a process of its own: gives the share done at least every `pause` seconds, at last the result.

    Closing the iterator, or an error in whoever reads it, stops the process at once.

    Raises:
        SolverStopped: the process failed, or was killed.
    """
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe(duplex=False)
    child = context.Process(target=_work, args=(theirs, snapshot), name="matching", daemon=True)
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


def _work(out: Connection, snapshot: Snapshot) -> None:
    """Body of the child process."""
    try:
        result = match(snapshot, lambda share: out.send(("progress", share)))
    except (ValueError, MemoryError, ArithmeticError, RuntimeError) as error:
        out.send(("failed", f"{type(error).__name__}: {error}"[:400]))
    else:
        out.send(("result", result))
