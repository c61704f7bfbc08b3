"""expected_prices and solve with a reserve: by hand, what they refuse, and how they stop."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from matching import (
    Cancelled,
    InvalidProblem,
    InvalidSolution,
    Policy,
    Problem,
    Solution,
    expected_prices,
    explain,
    solve,
    verify,
)
from matching.explain.sentences import Names, describe
from matching.foresight.expected_prices import outlook
from matching.reasons import Reason
from tests.support.matching_problems import columns_of, large_problem

STEP = 2 * 10_000 + 1
"""The worth of a tier with one offer."""

BLUE_AND_OPEN = {"quantity": [1], "tier": [2], "capacity": [1], "need": [0], "offer": [0], "fit": [500]}
TONIGHT = Problem(**BLUE_AND_OPEN)
RED_TO_COME = Problem(**{**BLUE_AND_OPEN, "tier": [0], "fit": [100]})
NOBODY_TO_COME = Problem(quantity=[], tier=[], capacity=[7], need=[], offer=[], fit=[])


def test_the_last_unit_is_kept_for_a_red_need_to_come() -> None:
    prices = expected_prices(TONIGHT, [RED_TO_COME], Policy(), workers=2)
    assert (prices.dtype, prices.tolist()) == (np.int64, [3 * STEP + 100])
    kept = solve(TONIGHT, Policy(), reserve=prices)
    assert (kept.flow.tolist(), kept.served, kept.fit, kept.held.tolist()) == ([0], (0, 0, 0), 0, [1])
    assert (kept.status, kept.verified, kept.beyond_reserve) == ("optimal", True, 0)
    assert kept.bound == ((0, 0, 1), None, 500)


def test_an_outlook_tells_for_whom_a_unit_is_kept_and_who_waits_beside() -> None:
    three = Problem(
        quantity=[2, 1, 1], tier=[0, 0, 1], capacity=[9], need=[0, 1, 2], offer=[0, 0, 0], fit=[100, 90, 80]
    )  # fmt: skip
    told = outlook(TONIGHT, [three, NOBODY_TO_COME], Policy())
    assert told.price.tolist() == [(3 * STEP + 100 + STEP + 500) // 2]
    assert told.to_come.tolist() == [[0.5, 0.0, 0.0]]  # one unit in one of two futures
    assert told.queue.tolist() == [[1.0, 0.5, 0.0]]
    assert outlook(TONIGHT, [], Policy()).queue.tolist() == [[0.0, 0.0, 0.0]]


def test_a_price_is_the_mean_over_the_futures_rounded_down() -> None:
    prices = expected_prices(TONIGHT, [RED_TO_COME, NOBODY_TO_COME, NOBODY_TO_COME], Policy())
    assert prices.tolist() == [(3 * STEP + 100 + 2 * (STEP + 500)) // 3]


@pytest.mark.parametrize(("price", "served"), [(STEP + 499, 1), (STEP + 500, 0)])
def test_a_unit_worth_just_its_price_is_held(price: int, served: int) -> None:
    kept = solve(TONIGHT, Policy(), reserve=[price])
    assert (kept.served[2], kept.held.tolist()) == (served, [1 - served])


def test_what_a_unit_uses_counts_against_its_worth() -> None:
    problem = Problem(**{**BLUE_AND_OPEN, "capacity": [4], "use": [2], "fit": [501]})
    assert solve(problem, Policy(), reserve=[(STEP + 501) // 2]).served[2] == 0
    assert solve(problem, Policy(), reserve=[(STEP + 501) // 2 - 1]).served[2] == 1
    assert solve(problem, Policy(), reserve=[2**62]).served[2] == 0


def test_units_held_are_what_could_still_be_served_and_no_more() -> None:
    """Two offers of one pool with one unit: only one of the two blue needs could have come."""
    problem = Problem(
        quantity=[1, 1], tier=[2, 2], capacity=[1, 1], need=[0, 1], offer=[0, 1], fit=[5, 5], pool=[0, 0],
        pool_capacity=[1],
    )  # fmt: skip
    kept = solve(problem, Policy(), reserve=[10**9, 10**9])
    assert (kept.served[2], int(kept.held.sum())) == (0, 1)


def test_a_bundle_that_could_not_be_served_in_full_holds_nothing() -> None:
    bundled: dict[str, Any] = {
        "quantity": [1, 1], "tier": [2, 2], "need": [0, 1], "offer": [0, 0], "fit": [5, 5], "bundle": [0, 0],
    }  # fmt: skip
    assert solve(Problem(**bundled, capacity=[1]), reserve=[10**9]).held.tolist() == [0]
    assert solve(Problem(**bundled, capacity=[2]), reserve=[10**9]).held.tolist() == [2]


@pytest.mark.parametrize(
    ("reserve", "named"),
    [([-1], r"reserve\[0\]: must be at least 0"), ([1, 2], "reserve: expected 1 rows"), ([0.5], r"reserve\[0\]")],
)
def test_a_reserve_is_a_column_of_prices(reserve: list[float], named: str) -> None:
    with pytest.raises(InvalidProblem, match=named):
        solve(TONIGHT, Policy(), reserve=reserve)


def test_tiers_beyond_the_policys_cannot_be_weighed() -> None:
    low = Problem(**{**BLUE_AND_OPEN, "tier": [3]})
    for ask in (
        lambda: solve(low, Policy(), reserve=[0]),
        lambda: expected_prices(low, [TONIGHT], Policy()),
        lambda: expected_prices(TONIGHT, [low], Policy()),
    ):
        with pytest.raises(InvalidProblem, match=r"tier\[0\]: must be below the policy's 3 tiers"):
            ask()
    assert solve(low, Policy(tiers=4), reserve=[0]).served == (0, 0, 0, 1)


def test_a_future_speaks_of_the_same_offers() -> None:
    other = Problem(**{**BLUE_AND_OPEN, "capacity": [1, 1]})
    with pytest.raises(InvalidProblem, match=r"futures\[1\]: must have the 1 offers, got 2"):
        expected_prices(TONIGHT, [TONIGHT, other], Policy())


def _spoilt(solution: Solution, **changes: Any) -> Solution:
    return replace(solution, **changes)


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"beyond_reserve": 4}, "beyond_reserve: 4 told, 0 counted"),
        ({"held": np.array([2])}, "held: more than is free at offers 0; held: 2 units for 1"),
        ({"held": np.array([-1])}, "held: below 0"),
        ({"flow": np.array([1]), "served": (0, 0, 1), "fit": 500, "held": np.array([0])}, "not worth more"),
    ],
)
def test_a_solution_with_a_reserve_is_checked(changes: dict[str, Any], fault: str) -> None:
    price = np.array([STEP + 500])
    kept = solve(TONIGHT, Policy(), reserve=price)
    verify(TONIGHT, kept, Policy(), price)
    with pytest.raises(InvalidSolution, match=fault):
        verify(TONIGHT, _spoilt(kept, **changes), Policy(), price)
    with pytest.raises(InvalidSolution, match="told without a reserve"):
        verify(TONIGHT, kept, Policy())


def test_serving_what_is_worth_its_price_is_not_left_out() -> None:
    price = np.array([1])
    kept = solve(TONIGHT, Policy(), reserve=price)
    nothing = _spoilt(kept, flow=np.array([0]), served=(0, 0, 0), fit=0, beyond_reserve=0)
    with pytest.raises(InvalidSolution, match="a unit more fits on arcs 0"):
        verify(TONIGHT, nothing, Policy(), price)


@pytest.mark.parametrize("coupled", [False, True], ids=["networks", "coupled"])
def test_large_runs_with_a_reserve_tell_their_progress_and_can_be_stopped(coupled: bool) -> None:
    problem = large_problem(3, needs=4000, offers=120, arcs_a_need=8, counties=4)
    if coupled:
        columns = columns_of(problem)
        columns["bundle"][:40] = np.arange(40) // 2
        problem = Problem(**columns)
    reserve = np.full(120, 2 * 121 * 10_000)
    told: list[float] = []
    kept = solve(problem, Policy(), reserve=reserve, progress=told.append, time_limit=20.0)
    assert (told, told[0], told[-1]) == (sorted(set(told)), 0.0, 1.0)
    assert kept.verified
    assert kept.served[0] > 0
    assert kept.served[2] == 0
    assert kept.held.sum() > 0

    def stop(share: float) -> None:
        if share > 0.3:
            raise Cancelled

    assert solve(problem, Policy(), reserve=reserve, progress=stop).status == "cancelled"


def test_a_run_with_a_reserve_is_the_same_on_any_number_of_workers() -> None:
    problem = large_problem(5, needs=6000, offers=120, arcs_a_need=20, counties=6)
    future = large_problem(6, needs=6000, offers=120, arcs_a_need=20, counties=6)
    prices = expected_prices(problem, [future, future], Policy(), workers=2)
    one, two = (solve(problem, Policy(), reserve=prices, workers=workers) for workers in (1, 2))
    assert prices.any()
    assert one.flow.tolist() == two.flow.tolist()
    assert one.held.tolist() == two.held.tolist()


def test_a_held_need_is_explained_with_the_numbers_behind_it() -> None:
    kept = solve(TONIGHT, Policy(), reserve=expected_prices(TONIGHT, [RED_TO_COME], Policy()))
    told = explain(TONIGHT, kept, need=0)
    assert (told.outcome, told.served, told.priced) == ("held", 0, True)
    assert told.held == ((0, 1, STEP + 500, 3 * STEP + 100, STEP),)
    assert [(one.offer, one.worth, one.cost) for one in told.runners_up] == [(0, 2 * STEP - 400, None)]
    names = Names(offer=lambda _: "轮椅")
    assert describe(told, "zh", names) == [
        "还有 1 份未满足：可用的名额为以后更紧急的需求保留。",
        (
            "「轮椅」空余 1 份：预计最后一份对以后的需求值 3.00，这项需求值 1.02"
            "（红色计 3、黄色计 2、蓝色计 1，契合度另计），只有值得更多时才会动用。"
        ),
        "若由「轮椅」提供（契合度 5 分）：连同为以后保留的名额，整体少 1.98（红色计 3、黄色计 2、蓝色计 1）。",
        "资源方可以申请释放保留的名额，统筹员说明理由后也可以破例安排。",
    ]
    assert describe(told, "en") == [
        "1 unit is not served: the free capacity is held for more urgent needs to come.",
        (
            "“1” has 1 unit free: the last one is expected to be worth 3.00 to needs still to come, this need is worth "
            "1.02 there (red counts 3, yellow counts 2, blue counts 1, fit beside that); it is given only for more."
        ),
        (
            "From “1” instead (fit 5): the whole loses 1.98, capacity kept for later included "
            "(red counts 3, yellow counts 2, blue counts 1)."
        ),
        "The supplier may ask for its release, and a coordinator may make an exception, with a reason.",
    ]


def test_a_need_whose_offers_are_full_is_displaced_beside_a_reserve_too() -> None:
    two = Problem(quantity=[1, 1], tier=[0, 2], capacity=[1], need=[0, 1], offer=[0, 0], fit=[5, 5])
    told = explain(two, solve(two, reserve=[1]), need=1)
    assert (told.outcome, told.held) == ("displaced", ())
    assert [change.rule for change in told.changes] == [Reason.CAPACITY_TAKEN]


def test_fairness_may_leave_out_a_unit_that_would_gain_a_hair() -> None:
    """Both needs together are worth just as much as the first alone. One unit is fixed then, and the fairest chosen."""
    last = 3 * 40_001 - 1  # the price that leaves the first need a worth of 1 at the third offer
    problem = Problem(
        quantity=[1, 1], tier=[0, 0], capacity=[0, 1, 1], need=[0, 0, 0, 1, 1], offer=[0, 1, 2, 0, 1],
        fit=[0, 1, 0, 0, 0], group=[0, -1],
    )  # fmt: skip
    kept = solve(problem, Policy(fairness=True), reserve=[0, 0, last])
    assert (kept.status, kept.verified) == ("optimal", True)
    if kept.served == (1,):
        assert (kept.fairness, kept.flow.tolist()) == (0, [0, 0, 0, 0, 1])
    else:
        assert (kept.fairness, kept.flow.tolist()) == (1, [0, 0, 1, 0, 1])
