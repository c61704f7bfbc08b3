"""simulate: units are never made or lost, accepted work stays, and small cases worked out by hand."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from matching import Arrivals, InvalidProblem, Policy, Problem, Timeline, simulate, solve
from tests.support.matching_problems import columns_of, large_problem, problems

COUPLED = ("pools", "nested", "bundle", "whole", "budget", "minimum_batch", "use", "exclusions")

OFFER = Problem(quantity=[], tier=[], capacity=[1], need=[], offer=[], fit=[])
NOBODY = Arrivals(OFFER)


def one(tier: int = 0, *, quantity: int = 1, fit: int = 10, **columns: Any) -> Problem:
    """One need that the only offer can serve."""
    return Problem(quantity=[quantity], tier=[tier], capacity=[1], need=[0], offer=[0], fit=[fit], **columns)


def pairs_of(problem: Problem) -> list[tuple[int, int]]:
    """The pair of each arc."""
    return list(zip(problem.need.tolist(), problem.offer.tolist(), strict=True))


@st.composite
def worlds(draw: st.DrawFn, *features: str) -> tuple[list[Arrivals], Problem, dict[str, Any]]:
    """Some days that share the offers and pools of the first, and options to simulate them with."""
    size = {"needs": 4, "offers": 3, "arcs": 9}
    world = draw(problems(*features, **size))
    offers, pools = world.capacity.size, world.pool_capacity.size
    shared = {name: getattr(world, name) for name in ("capacity", "pool", "budget", "minimum_batch")}
    days = []
    for day, problem in enumerate([world, *draw(st.lists(problems(*features, **size), min_size=1, max_size=4))]):
        columns = columns_of(problem)
        there = columns["offer"] < offers
        columns.update({name: columns[name][there] for name in ("need", "offer", "fit", "cost", "use")})
        columns.update(shared, pool_capacity=world.pool_capacity, pool_parent=world.pool_parent)
        needs = problem.quantity.size
        deadline = draw(st.lists(st.just(-1) | st.integers(day, day + 3), min_size=needs, max_size=needs))
        label = draw(st.lists(st.integers(-1, 2), min_size=needs, max_size=needs))
        more = draw(st.lists(st.integers(0, 2), min_size=offers, max_size=offers))
        days.append(Arrivals(Problem(**columns), deadline=deadline, label=label, capacity=more))
    assert pools == days[-1].problem.pool_capacity.size
    options = {
        "run_every": draw(st.integers(1, 3)),
        "answer_days": draw(st.integers(0, 2)),
        "accept": draw(st.sampled_from((0.0, 0.5, 0.8, 1.0))),
        "stay": draw(st.sampled_from((0, 3, 10000))),
        "seed": draw(st.integers(0, 5)),
    }
    return days, world, options


def check(days: list[Arrivals], world: Problem, options: dict[str, Any], timeline: Timeline) -> None:
    """Everything a timeline must keep, counted from its log of work in plain loops."""
    needs = timeline.needs
    left = needs.quantity.tolist()
    capacity, budget, pools = world.capacity.tolist(), world.budget.tolist(), world.pool_capacity.tolist()
    arcs = [{pair: place for place, pair in enumerate(pairs_of(day.problem))} for day in days]
    log = list(zip(*(column.tolist() for column in timeline.work), strict=True))
    assert [entry[4] for entry in log] == sorted(entry[4] for entry in log)
    for today, arrivals in enumerate(days):
        capacity = [units + more for units, more in zip(capacity, arrivals.capacity.tolist(), strict=True)]
        for need, offer, units, proposed, accepted in log:
            if accepted != today:
                continue
            day = int(needs.day[need])
            problem = days[day].problem
            arc = arcs[day][int(needs.row[need]), offer]
            assert units > 0
            assert day <= proposed <= accepted - options["answer_days"]
            assert needs.deadline[need] < 0 or accepted <= needs.deadline[need]
            left[need] -= units
            used = units * int(problem.use[arc])
            capacity[offer] -= used
            pool = int(world.pool[offer])
            while pool >= 0:
                pools[pool] -= used
                pool = int(world.pool_parent[pool])
            if world.budget[offer] >= 0:
                budget[offer] -= units * int(problem.cost[arc])
                assert budget[offer] >= 0
        assert min([*capacity, *pools, *left, 0]) == 0
    assert (needs.quantity - needs.served).tolist() == left
    over = (needs.deadline >= 0) & (needs.deadline < len(days))
    assert needs.expired.tolist() == np.where(over, left, 0).tolist()
    assert np.all(needs.proposed <= needs.open)
    for by in ("tier", "label"):
        course = timeline.course(by)
        assert np.all(course.open >= 0)
        level = getattr(needs, by)
        for place in range(course.open.shape[1]):
            at = level == place
            end = [int(part[-1, place]) for part in (course.arrived, course.served, course.expired, course.open)]
            assert end == [int(part[at].sum()) for part in (needs.quantity, needs.served, needs.expired, needs.open)]
    check_rules(days, timeline)
    if options["accept"] == 1 and options["answer_days"] == 0:
        batches = np.bincount(timeline.work.offer, timeline.work.units, world.capacity.size)
        assert np.all((batches == 0) | (batches >= world.minimum_batch))


def check_rules(days: list[Arrivals], timeline: Timeline) -> None:
    """Bundles are served in full or not at all, whole needs by one offer, and exclusions are kept."""
    needs, work = timeline.needs, timeline.work
    for day, arrivals in enumerate(days):
        problem, rows = arrivals.problem, np.flatnonzero(needs.day == day)
        served, wanted = needs.served[rows], problem.quantity
        for bundle in set(problem.bundle.tolist()) - {-1}:
            full = (served == wanted)[problem.bundle == bundle]
            assert full.all() or not served[problem.bundle == bundle].any()
        offers_of = [set(work.offer[work.need == row].tolist()) for row in rows]
        for row in np.flatnonzero(problem.whole).tolist():
            assert served[row] in (0, wanted[row])
            assert len(offers_of[row]) <= 1
        for first, second in problem.exclusions.tolist():
            assert not offers_of[first] & offers_of[second]


@settings(max_examples=60, deadline=None)
@given(worlds("nested"))
def test_units_are_never_made_or_lost_and_capacity_is_kept(
    drawn: tuple[list[Arrivals], Problem, dict[str, Any]],
) -> None:
    days, world, options = drawn
    check(days, world, options, simulate(days, world, workers=1, **options))


@settings(max_examples=15, deadline=None)
@given(worlds(*COUPLED))
def test_coupled_rules_hold_over_the_days(drawn: tuple[list[Arrivals], Problem, dict[str, Any]]) -> None:
    days, world, options = drawn
    check(days, world, options, simulate(days, world, workers=1, **options))


@settings(max_examples=40, deadline=None)
@given(worlds("pools"))
def test_what_was_accepted_does_not_depend_on_what_comes_later(
    drawn: tuple[list[Arrivals], Problem, dict[str, Any]],
) -> None:
    days, world, options = drawn
    whole = simulate(days, world, workers=1, **options)
    for end in range(len(days)):
        part = simulate(days[:end], world, workers=1, **options)
        for early, late in zip(part.work, whole.work, strict=True):
            assert early.tolist() == late[: early.size].tolist()
        assert np.all(whole.work.accepted_on[part.work.need.size :] >= end)
        for night, same in zip(part.nights, whole.nights, strict=True):
            assert night.tolist() == same[:end].tolist()


@settings(max_examples=40, deadline=None)
@given(problems("nested"), st.booleans())
def test_one_day_is_one_solve(problem: Problem, fairness: bool) -> None:
    columns = columns_of(problem)
    columns["group"] = [place % 2 for place in range(problem.quantity.size)]
    problem, policy = Problem(**columns), Policy(fairness=fairness, load_balance_weight=3)
    solution = solve(problem, policy, workers=1)
    timeline = simulate([Arrivals(problem)], problem, policy, workers=1)
    assert tuple(timeline.course().served[-1].tolist()) == solution.served
    used = np.flatnonzero(solution.flow)
    told = (timeline.work.need.tolist(), timeline.work.offer.tolist(), timeline.work.units.tolist())
    assert told == tuple(column[used].tolist() for column in (problem.need, problem.offer, solution.flow))


def test_waiting_is_counted_from_arrival_to_acceptance() -> None:
    # Two needs a day for one unit a day: the later ones wait, and who is not served by day 3 leaves.
    capacity = [1]
    pair = Problem(quantity=[1, 1], tier=[0, 1], capacity=[0], need=[0, 1], offer=[0, 0], fit=[1, 1])
    days = [Arrivals(pair, deadline=[3, 3], capacity=capacity), *[Arrivals(OFFER, capacity=capacity)] * 1]
    days += [Arrivals(pair, deadline=[3, 3]), NOBODY]
    empty = Problem(quantity=[], tier=[], capacity=[0], need=[], offer=[], fit=[])
    timeline = simulate(days, empty, workers=1)
    assert timeline.needs.served.tolist() == [1, 1, 0, 0]
    assert timeline.needs.expired.tolist() == [0, 0, 1, 1]
    waiting = timeline.waiting()
    assert waiting.served.mean.tolist() == [0.0, 1.0]
    assert waiting.served.median.tolist() == waiting.served.ninetieth.tolist() == [0, 1]
    assert waiting.unserved.median.tolist() == [1, 1]
    assert timeline.course().coverage[:, 1].tolist() == [0.0, 1.0, 0.5, 0.5]
    assert timeline.course("label").arrived.shape == (4, 0)


@settings(max_examples=60, deadline=None)
@given(worlds())
def test_percentiles_are_those_of_the_units_one_by_one(
    drawn: tuple[list[Arrivals], Problem, dict[str, Any]],
) -> None:
    days, world, options = drawn
    timeline = simulate(days, world, workers=1, **options)
    work, spread = timeline.work, timeline.waiting("label").served
    for label in range(spread.units.size):
        waited = sorted(
            int(accepted - timeline.needs.day[need])
            for need, units, accepted in zip(work.need, work.units, work.accepted_on, strict=True)
            for _ in range(units)
            if timeline.needs.label[need] == label
        )
        assert spread.units[label] == len(waited)
        if not waited:
            assert (spread.median[label], spread.ninetieth[label]) == (-1, -1)
            assert np.isnan(spread.mean[label])
            continue
        assert spread.mean[label] == pytest.approx(np.mean(waited))
        assert spread.median[label] == np.quantile(waited, 0.5, method="inverted_cdf")
        assert spread.ninetieth[label] == np.quantile(waited, 0.9, method="inverted_cdf")


def test_a_more_urgent_need_takes_the_place_of_a_proposal_and_not_of_accepted_work() -> None:
    days = [Arrivals(one(1)), Arrivals(one(0)), NOBODY, NOBODY]
    slow = simulate(days, OFFER, answer_days=2, workers=1)
    assert slow.needs.served.tolist() == [0, 1]
    assert slow.work.accepted_on.tolist() == [3]
    assert slow.nights.withdrawn.tolist() == [0, 1, 0, 0]
    assert slow.churn == Fraction(1, 2)
    quick = simulate(days, OFFER, answer_days=1, workers=1)
    assert quick.needs.served.tolist() == [1, 0]
    assert quick.churn == 0.0
    told = quick.compare(slow)
    assert told.tiers.difference.tolist() == [1, -1]
    assert told.churn == (0.0, 0.5)
    assert [one.served.units.tolist() for one in told.waiting] == [[0, 1], [1, 0]]


def test_a_proposal_that_cannot_be_answered_in_time_is_not_made() -> None:
    days = [Arrivals(one(), deadline=[1]), NOBODY, NOBODY]
    assert simulate(days, OFFER, answer_days=1, workers=1).needs.served.tolist() == [1]
    late = simulate(days, OFFER, answer_days=2, workers=1)
    assert late.nights.proposed.tolist() == [0, 0, 0]
    assert late.needs.expired.tolist() == [1]


def test_who_declines_is_not_asked_again_and_its_unit_goes_to_others() -> None:
    both = Problem(quantity=[1], tier=[0], capacity=[1, 1], need=[0, 0], offer=[0, 1], fit=[9, 1])
    empty = Problem(quantity=[], tier=[], capacity=[1, 1], need=[], offer=[], fit=[])
    timeline = simulate([Arrivals(both), Arrivals(empty), Arrivals(empty)], empty, accept=[0.0, 1.0], workers=1)
    assert timeline.nights.declined.tolist() == [1, 0, 0]
    assert (timeline.work.offer.tolist(), timeline.work.accepted_on.tolist()) == ([1], [1])


def test_a_need_does_not_follow_accepted_work_that_it_excludes() -> None:
    pair = {"quantity": [1, 1], "tier": [0, 1], "need": [0, 1], "offer": [0, 0], "fit": [1, 1]}
    room = Problem(quantity=[], tier=[], capacity=[2], need=[], offer=[], fit=[])
    timeline = simulate([Arrivals(Problem(capacity=[2], exclusions=[[1, 0]], **pair)), NOBODY], room, workers=1)
    assert timeline.needs.served.tolist() == [1, 0]


def test_one_that_declines_turns_down_the_bundle() -> None:
    both = Problem(quantity=[1, 1], tier=[0, 0], capacity=[1, 1], need=[0, 1], offer=[0, 1], fit=[1, 1], bundle=[0, 0])
    timeline = simulate([Arrivals(both)], both, accept=[1.0, 0.0], workers=1)
    assert (timeline.nights.declined.tolist(), timeline.work.need.size) == ([2], 0)


def test_a_bundle_is_answered_as_a_whole_when_a_part_of_it_moves() -> None:
    shared = {"capacity": [1, 1, 1], "fit": [1, 9, 1], "need": [0, 1, 1], "offer": [0, 1, 2]}
    bundle = Problem(quantity=[1, 1], tier=[1, 1], bundle=[0, 0], **shared)
    urgent = Problem(quantity=[1], tier=[0], capacity=[1, 1, 1], need=[0], offer=[1], fit=[1])
    empty = Problem(quantity=[], tier=[], capacity=[1, 1, 1], need=[], offer=[], fit=[])
    days = [Arrivals(bundle), Arrivals(urgent), Arrivals(empty), Arrivals(empty)]
    work = simulate(days, empty, answer_days=2, workers=1).work
    assert list(zip(work.need.tolist(), work.offer.tolist(), work.accepted_on.tolist(), strict=True)) == [
        (0, 0, 2),
        (1, 2, 2),
        (2, 1, 3),
    ]


def test_a_bundle_binds_its_own_day_and_ends_when_a_part_of_it_expires() -> None:
    bundle = {"quantity": [1, 1], "tier": [0, 0], "capacity": [0], "fit": [1, 1], "bundle": [0, 0], "offer": [0, 0]}
    pair = Problem(need=[0, 1], **bundle)
    days = [Arrivals(pair, deadline=[0, -1]), Arrivals(pair, capacity=[4])]
    assert simulate(days, pair, workers=1).needs.served.tolist() == [0, 0, 1, 1]


def test_accepted_work_fills_every_pool_above_it() -> None:
    nested = one(pool=[0], pool_capacity=[2, 1], pool_parent=[1, -1])
    days = [Arrivals(nested, capacity=[5]), Arrivals(nested)]
    assert simulate(days, nested, workers=1).needs.served.tolist() == [1, 0]


def test_accepted_units_count_for_the_least_batch_of_an_offer() -> None:
    several = {"capacity": [3], "minimum_batch": [2], "need": [0], "offer": [0], "fit": [1], "tier": [0]}
    days = [Arrivals(Problem(quantity=[2], **several)), Arrivals(Problem(quantity=[1], **several))]
    assert simulate(days, Problem(quantity=[1], **several), workers=1).needs.served.tolist() == [2, 1]


def test_runs_come_as_often_as_asked_for_and_staying_lessens_churn() -> None:
    days = [Arrivals(one(fit=10)), Arrivals(one(fit=20)), NOBODY, NOBODY]
    assert simulate(days, OFFER, run_every=2, workers=1).nights.ran.tolist() == [False, True, False, True]
    assert simulate(days, OFFER, answer_days=3, workers=1).churn == pytest.approx(1 / 3)
    assert simulate(days, OFFER, answer_days=3, stay=11, workers=1).churn == 0.0


def test_the_same_seed_gives_the_same_timeline_and_policies_meet_the_same_suppliers() -> None:
    empty = large_problem(0, needs=40, offers=20)
    days = [Arrivals(large_problem(day, needs=40, offers=20), label=np.arange(40) % 3) for day in range(4)]
    options: dict[str, Any] = {"accept": 0.6, "answer_days": 1, "workers": 1}
    first, again, other = (simulate(days, empty, seed=seed, **options) for seed in (1, 1, 2))
    for one_column, two in zip((*first.work, *first.nights), (*again.work, *again.nights), strict=True):
        assert one_column.tolist() == two.tolist()
    assert first.work.need.tolist() != other.work.need.tolist()
    same = first.compare(again)
    assert same.needs.gained.sum() == same.needs.lost.sum() == same.needs.moved.sum() == 0
    balanced = simulate(days, empty, Policy(load_balance_weight=10000), seed=1, **options)
    told = first.compare(balanced)
    assert told.labels.wanted.sum() == told.tiers.wanted.sum()
    with pytest.raises(InvalidProblem, match="same arrivals"):
        first.compare(simulate(days[:3], empty, **options))
    with pytest.raises(ValueError, match="read-only"):
        first.work.units[0] = 7


def test_with_a_pace_work_goes_first_to_who_has_given_least_of_the_month() -> None:
    # Two offers of 10 units, one of which fits a little better; a unit comes each day, and day 4 renews the other.
    offers = Problem(quantity=[], tier=[], capacity=[10, 10], need=[], offer=[], fit=[], given=[2, 0])
    one = Problem(quantity=[1], tier=[0], capacity=[0, 0], need=[0, 0], offer=[0, 1], fit=[5001, 5000])
    days = [Arrivals(one, capacity=[0, 5] if day == 4 else None) for day in range(7)]
    plain = simulate(days, offers, workers=1)
    assert plain.work.offer.tolist() == [0] * 7
    paced = simulate(days, offers, Policy(pace_weight=10_000), workers=1)
    assert paced.work.offer.tolist() == [1, 1, 0, 1, 1, 1, 1]


def test_no_days_and_days_without_needs_are_simulated_too() -> None:
    assert simulate([], OFFER).days == 0
    assert simulate([NOBODY, NOBODY], OFFER).needs.quantity.size == 0


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"run_every": 0}, "run_every: must be at least 1"),
        ({"answer_days": -1}, "answer_days: must be at least 0"),
        ({"seed": -1}, "seed: must be at least 0"),
        ({"stay": 10001}, "stay: must be from 0 to 10000"),
        ({"accept": 1.5}, "accept: expected probabilities"),
        ({"accept": [0.5, 0.5]}, "accept: expected probabilities"),
    ],
)
def test_options_out_of_range_are_refused(options: dict[str, Any], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        simulate([NOBODY], OFFER, **options)


def test_days_of_other_offers_and_deadlines_in_the_past_are_refused() -> None:
    with pytest.raises(InvalidProblem, match="expected 1 offers on day 0, got 20"):
        simulate([Arrivals(large_problem(0, needs=40, offers=20))], OFFER)
    with pytest.raises(InvalidProblem, match=r"deadline\[0\]: must not be before the need's own day, 1, got 0"):
        simulate([NOBODY, Arrivals(one(), deadline=[0])], OFFER)
    with pytest.raises(InvalidProblem, match="deadline: expected 1 rows"):
        Arrivals(one(), deadline=[1, 2])
