"""What the coupled engine rests on, each part alone against exact answers: rows, bounds, single columns, parts."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

import matching.coupled.climb
import matching.coupled.relaxation
from matching import FIT_MAX, Problem, solve
from matching.components import split
from matching.coupled.climb import Climb, _State
from matching.coupled.crew import Crew, Solvers
from matching.coupled.decomposition import _with_and_without, blocks, decompose
from matching.coupled.improve import Neighbourhoods, improve, kernel, rounded
from matching.coupled.program import Program, Rows, program
from matching.coupled.relaxation import Relaxed, relax, weigh
from matching.coupled.search import search
from matching.coupling import examine
from tests.support.matching_oracles import best_by_milp, flows, is_feasible
from tests.support.matching_problems import COUPLED, FEATURES, problems

checked = settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
seeds = st.integers(0, 2**32 - 1)


def alone_searching() -> Crew:
    return Crew(1, Solvers())


def programs(problem: Problem) -> list[tuple[np.ndarray, Program]]:
    coupling = examine(problem)
    return [(arcs, program(problem, coupling, arcs)) for arcs in split(problem, coupling).coupled]


def keeps(rows: Rows, values: np.ndarray) -> bool:
    activity = rows.activity(values)
    return bool(np.all(activity >= rows.lower) and np.all(activity <= rows.upper))


def alone(problem: Problem, arcs: np.ndarray) -> Problem:
    """The problem with these arcs only."""
    columns: dict[str, Any] = dict(problem.columns())
    for name in ("need", "offer", "fit", "cost", "use"):
        columns[name] = columns[name][arcs]
    return Problem(**columns)


def worths(problem: Problem, arcs: np.ndarray, made: Program) -> list[np.ndarray]:
    """The columns' worth in each tier, and in the fit."""
    levels = [(problem.tier[made.need] == tier) for tier in np.unique(problem.tier[made.need])]
    padded = [np.zeros(made.most.size, np.int64) for _ in range(len(levels) + 1)]
    for columns, level in zip(padded, [*levels, problem.fit[arcs]], strict=True):
        columns[: arcs.size] = level.astype(np.int64) * made.step
    return padded


def best_of(made: Program, rows: Rows, worth: np.ndarray) -> tuple[int, np.ndarray]:
    start = np.zeros(made.most.size, np.int64)
    found = search(made, rows, worth, start, np.ones(start.size, np.bool_), seconds=60, crew=alone_searching())
    assert found.proven
    assert found.values is not None
    return int(worth @ found.values), found.values


def relaxed(made: Program, worth: np.ndarray) -> Relaxed | None:
    nothing = np.zeros(made.most.size, np.int64)
    return relax(made, made.rows, worth, nothing, nothing > 0, 10.0, Solvers())


@checked
@given(data=st.data())
def test_the_rows_say_what_the_contract_says(data: st.DataObject) -> None:
    features = data.draw(st.lists(st.sampled_from(FEATURES), unique=True))
    problem = data.draw(problems(*features, needs=4, offers=3, units=2, arcs=5))
    for arcs, made in programs(problem):
        part = alone(problem, arcs)
        for flow in flows(part):
            whole_steps = all(units % step == 0 for units, step in zip(flow, made.step.tolist(), strict=True))
            values = made.values(np.array(flow, np.int64))
            ours = whole_steps and bool(np.all(values <= made.most)) and keeps(made.rows, values)
            assert ours == is_feasible(part, flow)
            if ours:
                assert made.flow(values).tolist() == flow


@checked
@given(data=st.data())
def test_sifting_ends_at_the_relaxation_of_all_columns(data: st.DataObject) -> None:
    problem = data.draw(problems(*data.draw(st.lists(st.sampled_from(COUPLED), min_size=1, unique=True))))
    for arcs, made in programs(problem):
        for worth in worths(problem, arcs, made):
            at_once = relaxed(made, worth)
            with pytest.MonkeyPatch.context() as patched:
                patched.setattr(matching.coupled.relaxation, "WHOLE", 0)
                patched.setattr(matching.coupled.relaxation, "FIRST", 1)
                patched.setattr(matching.coupled.relaxation, "MORE", 1)
                sifted = relaxed(made, worth)
            assert at_once is not None
            assert sifted is not None
            assert sifted.exact_bound == pytest.approx(at_once.exact_bound, rel=1e-4, abs=0.11)


@checked
@given(data=st.data(), seed=seeds)
def test_any_multipliers_give_a_bound_and_losses_that_hold(data: st.DataObject, seed: int) -> None:
    problem = data.draw(problems(*data.draw(st.lists(st.sampled_from(COUPLED), min_size=1, unique=True))))
    random = np.random.default_rng(seed)
    for arcs, made in programs(problem):
        for worth in worths(problem, arcs, made):
            best, values = best_of(made, made.rows, worth)
            solved = relaxed(made, worth)
            assert solved is not None
            wild = random.normal(size=made.rows.lower.size) * max(int(worth.max()), 1)
            for told in (solved, weigh(made, made.rows, worth, wild, solved.values)):
                assert told.bound >= best
                away = np.where(told.at_most, made.most - values, values)
                assert best <= told.exact_bound - float((told.loss * away).sum()) + 1e-6 * max(told.exact_bound, 1)


def knapsacks(seed: int, *, needs: int, offers: int) -> Problem:
    """Generalized assignment with some needs tied, and some in two tiers."""
    rng = np.random.default_rng(seed)
    use = rng.integers(1, 12, (offers, needs))
    return Problem(
        quantity=[1] * needs,
        tier=rng.integers(0, 2, needs),
        capacity=(rng.uniform(0.4, 1.0, offers) * use.sum(axis=1) / offers).astype(int),
        need=np.tile(np.arange(needs), offers),
        offer=np.repeat(np.arange(offers), needs),
        fit=rng.integers(0, FIT_MAX + 1, use.size),
        use=use.ravel(),
        bundle=np.where(rng.random(needs) < 0.3, rng.integers(0, 3, needs), -1),
    )


@checked
@given(seed=seeds, needs=st.integers(3, 9), offers=st.integers(1, 3), seconds=st.sampled_from([0.0, 0.05]))
def test_the_decomposition_bounds_at_least_as_well_as_the_relaxation(
    seed: int, needs: int, offers: int, seconds: float
) -> None:
    problem = knapsacks(seed, needs=needs, offers=offers)
    for arcs, made in programs(problem):
        kept = blocks(made, made.rows)
        if kept is None:
            continue
        for worth in worths(problem, arcs, made):
            best, values = best_of(made, made.rows, worth)
            linear = relaxed(made, worth)
            assert linear is not None
            told = decompose(made, made.rows, worth, kept, linear.duals, best, seconds)
            assert best <= told.bound <= linear.bound + 1
            moved = np.where(told.at_most, values == 0, values > 0)
            for column in np.flatnonzero(moved[: arcs.size]):
                assert best <= told.exact_bound - told.loss[column] + 1e-6 * max(told.exact_bound, 1)


@checked
@given(seed=seeds, size=st.integers(1, 7), capacity=st.integers(0, 15))
def test_items_with_and_without_match_enumeration(seed: int, size: int, capacity: int) -> None:
    rng = np.random.default_rng(seed)
    profit, weight = rng.normal(size=size), rng.integers(0, 9, size)
    masks = (np.arange(2**size)[:, None] >> np.arange(size)) & 1
    allowed = masks[masks @ weight <= capacity]
    inside, outside = _with_and_without(profit, weight, capacity)
    for item in range(size):
        for told, state in ((inside, 1), (outside, 0)):
            totals = allowed[allowed[:, item] == state] @ profit
            assert told[item] == pytest.approx(totals.max() if totals.size else -np.inf)


@checked
@given(data=st.data(), seed=seeds)
def test_parts_keep_the_rules_and_never_lose(data: st.DataObject, seed: int) -> None:
    problem = data.draw(problems(*data.draw(st.lists(st.sampled_from(COUPLED), min_size=1, unique=True))))
    random = np.random.default_rng(seed)
    for arcs, made in programs(problem):
        first, *_, fit = worths(problem, arcs, made)
        best, _ = best_of(made, made.rows, first)
        start = np.zeros(made.most.size, np.int64)
        everything = np.ones(start.size, np.bool_)
        guide = random.random(start.size) * made.most
        assert np.all(rounded(made, guide) <= made.most)
        assert kernel(made, start, guide)[arcs.size :].all()
        values = improve(
            made, Neighbourhoods(made), made.rows, first * 10 * FIT_MAX + fit, first, start, guide, everything,
            enough=best, seconds=0.5, crew=alone_searching(), random=random,
        )  # fmt: skip
        assert keeps(made.rows, values)
        assert 0 <= first @ values <= best
        held = made.rows.add(first, int(first @ values))
        assert keeps(held, values)


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data(), medium=st.sampled_from([0, 5_000]))
def test_the_long_way_reaches_the_optimum_of_the_exact_model(data: st.DataObject, medium: int) -> None:
    """Small problems take every step that only large ones take otherwise."""
    features = data.draw(st.lists(st.sampled_from(FEATURES), unique=True))
    problem = data.draw(problems(*features))
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(matching.coupled.climb, "SMALL", 0)
        patched.setattr(matching.coupled.climb, "HANDY", 0)
        patched.setattr(matching.coupled.climb, "MEDIUM", medium)
        patched.setattr(matching.coupled.relaxation, "WHOLE", medium)
        patched.setattr(matching.coupled.climb, "LONGEST", 0.3)
        solution = solve(problem, workers=1)
    assert solution.status == "optimal"
    assert (solution.served, solution.fit) == best_by_milp(problem)


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(seed=seeds, needs=st.integers(4, 10), offers=st.integers(2, 3))
def test_knapsacks_reach_the_optimum_of_the_exact_model(seed: int, needs: int, offers: int) -> None:
    problem = knapsacks(seed, needs=needs, offers=offers)
    assume(programs(problem))
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(matching.coupled.climb, "SMALL", 0)
        patched.setattr(matching.coupled.climb, "HANDY", 0)
        patched.setattr(matching.coupled.climb, "LONGEST", 0.3)
        solution = solve(problem, workers=1)
    assert solution.status == "optimal"
    assert (solution.served, solution.fit) == best_by_milp(problem)


@checked
@given(data=st.data(), seed=seeds)
def test_what_bounds_close_leaves_every_better_solution_open(data: st.DataObject, seed: int) -> None:
    """From the empty solution, with columns closed by the relaxation or the decomposition, to the optimum."""
    drawn = data.draw(
        st.sampled_from([(), ("bundle",), ("use",), ("budget", "minimum_batch"), ("whole", "exclusions")])
    )
    problem = data.draw(problems(*drawn)) if drawn else knapsacks(seed, needs=6, offers=2)
    coupling = examine(problem)
    for arcs, made in programs(problem):
        climb = Climb(problem, coupling, arcs, alone_searching())
        for worth, level in zip(worths(problem, arcs, made), (*np.unique(problem.tier[made.need]), -1), strict=True):
            best, optimum = best_of(made, made.rows, worth)
            linear = relaxed(made, worth)
            assert linear is not None
            kept = blocks(made, made.rows)
            tighter = linear if kept is None else decompose(made, made.rows, worth, kept, linear.duals, best, 0.02)
            near = np.where(optimum.cumsum() % 2 == 1, 0, optimum)  # some start, mostly broken
            starts = [np.zeros_like(optimum), *([near] if keeps(made.rows, near) else [])]
            for told in (linear, tighter):
                for start in starts:
                    state = _State(climb, made.flow(start), worth, told.bound, math.inf)
                    state.whole(1.0, told)
                    assert (state.reached, state.bound) == (best, best), level
