"""Matching two files that are read: candidates, fit, flow, reasons."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np

from marketplace.matches.aside import aside
from marketplace.matches.file_codes import code_tables
from marketplace.matches.file_outputs import CandidatesFile, Result
from matching import Policy, solve
from matching.columns import Int32s
from matching.eligibility.rules import Candidates, Needs, Offers, candidate_blocks, candidates
from matching.explain.accounts import shortages, unmatched, waiting
from matching.problem import Problem
from matching.scoring import Scorer
from matching.solution import Solution
from matching.tables import CapacityTable, Language, NeedTable
from matching.tables.build import affordable, earlier_of, problem_of, rule_columns, tiers_on

STAGES = {
    "read": ("读取", "Read"),
    "candidates": ("筛选与评分", "Candidates"),
    "solve": ("求解", "Solve"),
    "explain": ("说明原因", "Explain"),
    "write": ("写出", "Write"),
}


class Stopwatch:
    """Seconds by stage, told to a progress bar while they run."""

    def __init__(self, bar: Callable[[str, float], None]) -> None:
        self.seconds = dict.fromkeys(STAGES, 0.0)
        self._bar = bar

    @contextmanager
    def stage(self, name: str) -> Iterator[Callable[[float], None]]:
        """Time a stage; what it yields takes the share done."""
        started = time.perf_counter()
        self._bar(name, 0.0)
        yield lambda share: self._bar(name, share)
        self._bar(name, 1.0)
        self.seconds[name] += time.perf_counter() - started


@dataclass(frozen=True)
class Work:
    """What both ways of matching take."""

    needs: NeedTable
    capacity: CapacityTable
    rules: Needs
    offers: Offers
    scorer: Scorer
    policy: Policy
    as_of: np.datetime64
    clock: Stopwatch
    time_limit: float | None
    file: CandidatesFile

    def problem(self, arcs: Candidates, fit: Int32s) -> Problem:
        """The problem of these pairs, needs counting as the policy says of their waiting."""
        tier = tiers_on(self.needs, self.policy, self.as_of)
        return problem_of(self.needs, self.capacity, arcs, fit, fairness=self.policy.fairness, tier=tier)


@dataclass(frozen=True)
class Matched:
    """The outcome of the solver: pairs that it was given, how many there are in all, and what it made of them."""

    arcs: Candidates
    fit: Int32s
    total: int
    problem: Problem
    solution: Solution


@contextmanager
def match_tables(
    needs: NeedTable,
    capacity: CapacityTable,
    policy: Policy,
    day: date,
    language: Language,
    clock: Stopwatch,
    *,
    folder: Path,
    time_limit: float | None = None,
) -> Iterator[tuple[Result, Callable[[], None]]]:
    """Match two read files.

    Yields:
        the result, and what waits until `candidates.csv` stands in ``folder``: it is written meanwhile.
    """
    tables, as_of = code_tables(), np.datetime64(day, "D")
    with clock.stage("candidates"):
        rules, offers, words = rule_columns(needs, capacity, tables)
        scorer = Scorer(rules, offers, tables, policy, as_of, earlier=earlier_of(needs, capacity))
        file = CandidatesFile(folder, needs, capacity)
    work = Work(needs, capacity, rules, offers, scorer, policy, as_of, clock, time_limit, file)
    way = _all_at_once if policy.candidates_per_need is None else _in_blocks
    with way(work) as (found, written):
        with clock.stage("explain"):
            _, budget_bound = affordable(capacity)
            reasons = unmatched(found.problem, found.solution, rules, offers, tables, as_of, budget_bound=budget_bound)
            short = shortages(found.problem, found.solution, rules, reasons, policy=policy)
            queues = waiting(found.problem, found.solution, reasons)
        result = Result(
            needs, capacity, tables, rules, offers, words, found.arcs, found.fit, found.total, found.problem,
            found.solution, reasons, short, queues, policy, day.isoformat(), language,
        )  # fmt: skip
        yield result, written


@contextmanager
def _all_at_once(work: Work) -> Iterator[tuple[Matched, Callable[[], None]]]:
    """All pairs in memory; their file is written while they are solved."""
    with work.clock.stage("candidates"):
        arcs = candidates(work.rules, work.offers, code_tables(), work.as_of)
        fit = work.scorer.fit(arcs)

    def write() -> None:
        work.file.start()
        work.file.add(arcs.need, arcs.offer, fit)

    with aside(write) as written:
        with work.clock.stage("solve") as progress:
            problem = work.problem(arcs, fit)
            solution = solve(problem, work.policy, time_limit=work.time_limit, progress=progress)
        yield Matched(arcs, fit, len(arcs), problem, solution), written


@contextmanager
def _in_blocks(work: Work) -> Iterator[tuple[Matched, Callable[[], None]]]:
    """Few pairs in memory; all of them pass by block by block, and are written the first time."""
    from matching.generation import Block, completed, generate

    def blocks() -> Iterator[Block]:
        for arcs in candidate_blocks(work.rules, work.offers, code_tables(), work.as_of):
            yield Block(arcs.need, arcs.offer, arcs.metres, work.scorer.fit(arcs))

    with work.clock.stage("solve") as progress:
        nothing = np.zeros(0, np.int32)
        found = generate(
            blocks,
            work.problem(Candidates(nothing, nothing, nothing), nothing),
            work.policy,
            time_limit=work.time_limit,
            progress=progress,
            seen=lambda block: work.file.add(block.need, block.offer, block.fit),
        )
    with work.clock.stage("explain"):
        found = completed(found, blocks, work.policy)
    arcs = Candidates(found.arcs.need, found.arcs.offer, found.arcs.metres)
    yield Matched(arcs, found.arcs.fit, found.total, found.problem, found.solution), lambda: None
