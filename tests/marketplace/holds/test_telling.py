"""What is told of kept units: for how many they are kept, and when a need's turn would be; found by hand."""

from typing import Any

import numpy as np
import pytest
from flask import Flask
from flask_babel import force_locale

from marketplace.matches.foresight.ahead import Kept
from marketplace.matches.holds import words
from marketplace.matches.holds.models import RunHold
from marketplace.matches.holds.telling import KeptWaiting, kept_waiting
from matching import Policy, Problem, solve
from matching.problem import FIT_MAX
from tests.support.world import in_days

POLICY = Policy()


def problem() -> Problem:
    """Two offers of three and one units; needs yellow, blue, blue and red, all of which could go to the first."""
    return Problem(
        quantity=np.array([1, 1, 2, 1]),
        tier=np.array([1, 2, 2, 0]),
        capacity=np.array([3, 1]),
        need=np.array([0, 1, 1, 2, 3]),
        offer=np.array([0, 0, 1, 0, 0]),
        fit=np.array([50, 70, 60, 90, 10]),
    )


def kept(price: list[int], to_come: list[list[float]], queue: list[list[float]]) -> Kept:
    return Kept(
        np.array(price), np.array(to_come), np.array(queue), np.array([30, 12]), np.zeros(3), weighed=1, days_known=365
    )


def found(price: list[int], queue: list[list[float]]) -> KeptWaiting:
    told = kept(price, [[1.6, 0.3, 0.1], [0.2, 0.1, 0.5]], queue)
    return kept_waiting(problem(), solve(problem(), POLICY, reserve=told.price), POLICY, told)


def test_the_turn_of_each_need_counts_who_is_before_it() -> None:
    """A red unit is worth more than a price of two tiers and a half, the others are not."""
    tier = 3 * FIT_MAX + 1
    waiting = found([2 * tier + tier // 2, 0], [[0.3, 0.3, 5.0], [0, 0, 0]])
    assert waiting.need.tolist() == [0, 2]  # need 1 goes to the second offer, need 3 takes its unit
    assert waiting.offers == [[0], [0]]
    assert waiting.urgent.tolist() == [2, 2]  # 1.6 red of the yellow one's view, 1.9 of the blue one's
    assert waiting.alike.tolist() == [0, 0]
    # two are free; yellow: 1.9 to be taken, 0.3 red without and its own; blue: 2.0, 0.6, the yellow one and its own
    assert waiting.fewer.tolist() == [2, 3]
    assert waiting.last.tolist() == [30, 30]


def test_a_need_is_told_of_the_offer_where_its_turn_comes_soonest() -> None:
    tier = 3 * FIT_MAX + 1
    waiting = found([3 * tier, 3 * tier], [[0, 0, 0], [0, 0, 0]])
    assert waiting.need.tolist() == [0, 1, 2]
    assert waiting.offers == [[0], [1, 0], [0]]
    # at the first offer, where two are free, the yellow one comes before the blue one with two units
    assert waiting.fewer.tolist() == [1, 1, 2]
    assert waiting.urgent.tolist() == [2, 0, 2]
    assert waiting.alike.tolist() == [0, 1, 0]
    assert waiting.last.tolist() == [30, 12, 30]


def test_without_a_reserve_nobody_is_kept_waiting() -> None:
    plain = solve(problem(), POLICY)
    assert kept_waiting(problem(), plain, POLICY, None).need.size == 0
    assert found([0, 0], [[0, 0, 0], [0, 0, 0]]).need.size == 0


UNTIL = "2027-03-31"


@pytest.mark.parametrize(
    ("told", "english", "chinese"),
    [
        (
            {"urgent": 12, "alike": 4, "fewer": 3},
            (
                "Kept for about 12 units that more urgent needs are expected to take by Mar 31, 2027; "
                "this need would be next if about 3 units fewer were asked for."
            ),
            "12",
        ),
        (
            {"urgent": 0, "alike": 1, "fewer": 1},
            (
                "Kept for about 1 unit that needs as urgent and better placed are expected to take by Mar 31, 2027; "
                "this need would be next if about 1 unit fewer were asked for."
            ),
            "1",
        ),
        (
            {"urgent": 2, "alike": 0, "fewer": 0},
            (
                "Kept for about 2 units that more urgent needs are expected to take by Mar 31, 2027. "
                "Even if none of them came, other needs that wait would come first."
            ),
            "2",
        ),
        (
            {"urgent": 0, "alike": 0, "fewer": 9},
            "Kept in case more urgent needs come by Mar 31, 2027; fewer than one unit is expected on average.",
            "2027",
        ),
    ],
)
def test_only_what_is_known_is_said_and_in_both_languages(
    app: Flask, told: dict[str, int], english: str, chinese: str
) -> None:
    with app.test_request_context():
        with force_locale("en"):
            assert words.of_need({**told, "until": UNTIL}) == english
            assert words.of_need({}) == "Free units are kept for more urgent needs that may still come."
        with force_locale("zh_Hans_CN"):
            said = words.of_need({**told, "until": UNTIL})
            assert chinese in said
            assert "2027年3月31日" in said


def test_a_supplier_is_told_counts_by_urgency(app: Flask) -> None:
    hold = RunHold(units=2, expected_red=3, expected_yellow=0, expected_blue=1, until=in_days(3))
    with app.test_request_context(), force_locale("en"):
        assert "about Red: urgent 3, Blue: can wait 1" in words.of_capacity(hold)
        hold.expected_red = hold.expected_blue = 0
        assert "fewer than one unit" in words.of_capacity(hold)


def waiting_ones(
    capacity: list[int], to_come: list[list[float]], arcs: list[tuple[int, int, int]], **columns: Any
) -> Any:
    """What needs of one unit, blue unless told, are told where every unit is kept; arcs are need, offer and fit."""
    need, offer, fit = zip(*arcs, strict=True)
    told = {"tier": np.full(max(need) + 1, 2)} | columns
    one = Problem(quantity=np.ones(max(need) + 1), capacity=capacity, need=need, offer=offer, fit=fit, **told)
    price = np.full(len(capacity), 3 * ((len(capacity) + 1) * FIT_MAX + 1) + FIT_MAX)
    expected = Kept(price, np.array(to_come), np.zeros((len(capacity), 3)), np.full(len(capacity), 9), np.zeros(3),
                    weighed=1, days_known=365)  # fmt: skip
    return kept_waiting(one, solve(one, POLICY, reserve=price), POLICY, expected)


def test_units_that_are_free_beyond_what_is_expected_bring_a_turn_nearer() -> None:
    """Five units are free and two red ones expected on the mean: a sixth that waits alone would get none anyway."""
    waiting = waiting_ones([5], [[2.0, 0, 0]], [(need, 0, 90 - need) for need in range(6)])
    assert waiting.fewer.tolist() == [1, 1, 1, 1, 2, 0]


def test_who_waits_at_two_capacities_is_in_one_line() -> None:
    waiting = waiting_ones([1, 1], [[1.0, 0, 0], [1.0, 0, 0]], [(0, 0, 90), (0, 1, 80), (1, 0, 90), (1, 1, 70)])
    assert waiting.fewer.tolist() == [1, 1]
    assert sorted(rows[0] for rows in waiting.offers) == [0, 1]


def test_the_most_urgent_has_the_turn_at_a_pool_whoever_it_is_held_beside() -> None:
    """One unit for both capacities: what is held is the blue one's, who fits best, but red would come first."""
    waiting = waiting_ones(
        [1, 1], [[1.0, 0, 0], [1.0, 0, 0]], [(0, 0, 10), (1, 1, 90)], tier=[0, 2], pool=[0, 0], pool_capacity=[1]
    )
    assert waiting.fewer.tolist() == [1, 0]


def test_a_need_behind_more_that_wait_than_are_expected_is_told_of_no_turn() -> None:
    """One unit is expected to be taken, and two better placed units wait already: nobody's absence would help."""
    one = Problem(
        quantity=np.array([2, 1]), tier=np.array([2, 2]), capacity=np.array([1]), need=np.array([0, 1]),
        offer=np.array([0, 0]), fit=np.array([90, 10]),
    )  # fmt: skip
    told = Kept(np.array([2 * (2 * FIT_MAX + 1)]), np.array([[1.0, 0, 0]]), np.array([[4.2, 0, 0]]), np.array([9]),
                np.zeros(3), weighed=1, days_known=365)  # fmt: skip
    waiting = kept_waiting(one, solve(one, POLICY, reserve=told.price), POLICY, told)
    assert waiting.fewer.tolist() == [6, 0]  # its own unit, and 4.2 red ones that get none
