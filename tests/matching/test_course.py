"""Fit that grows while needs wait, validity of offers over the days, and the days that two files make."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from matching import Arrivals, Growth, InvalidProblem, Policy, Problem, simulate
from matching.eligibility.rules import candidates
from matching.scoring import Scorer, waiting_part
from matching.tables import capacity_of, needs_of
from matching.tables.build import rule_columns
from matching.tables.course import course_of, span_of
from tests.support.rule_worlds import AS_OF, NEEDS, OFFERS, TABLES, Need, Offer, columns
from tests.support.table_files import CAPACITY, NEED, Record, csv_bytes

OFFER = Problem(quantity=[], tier=[], capacity=[1], need=[], offer=[], fit=[])
BEGIN = date(2026, 1, 1)


def waiting(steady: int, waited: int = 0, **more: Any) -> Arrivals:
    """One need of one unit, whose fit is half of what stays and half of its waiting."""
    problem = Problem(quantity=[1], tier=[0], capacity=[1], need=[0], offer=[0], fit=[0])
    return Arrivals(problem, growth=Growth(np.array([steady]), 2, np.array([waited])), **more)


NOBODY = Arrivals(OFFER)
HALF = Policy(waiting_weight=1, waiting_full_days=10)


def test_a_need_that_has_waited_overtakes_a_better_fit() -> None:
    days = [waiting(0), waiting(2_500), NOBODY, NOBODY]
    # Both wait from the second day on, each a thousand points a day of its own: the first is a day ahead.
    assert simulate(days, OFFER, HALF, workers=1, run_every=2).needs.served.tolist() == [0, 1]
    ahead = [waiting(0, waited=3), *days[1:]]
    assert simulate(ahead, OFFER, HALF, workers=1, run_every=2).needs.served.tolist() == [1, 0]
    still = replace(HALF, waiting_weight=0)
    assert simulate(ahead, OFFER, still, workers=1, run_every=2).needs.served.tolist() == [0, 1]


def test_fit_without_growth_stays_as_it_is() -> None:
    days = [waiting(4_000), Arrivals(Problem(quantity=[1], tier=[0], capacity=[1], need=[0], offer=[0], fit=[2_600]))]
    # On the second night the first need has (4000 + 1000) // 2.
    assert simulate(days, OFFER, HALF, workers=1, run_every=2).needs.served.tolist() == [0, 1]
    days[1] = Arrivals(Problem(quantity=[1], tier=[0], capacity=[1], need=[0], offer=[0], fit=[2_400]))
    assert simulate(days, OFFER, HALF, workers=1, run_every=2).needs.served.tolist() == [1, 0]


@settings(deadline=None)
@given(st.lists(NEEDS, min_size=1, max_size=4), st.lists(OFFERS, min_size=1, max_size=4), st.integers(0, 200))
def test_grown_fit_is_the_fit_of_a_later_day(needs: list[Need], offers: list[Offer], later: int) -> None:
    rules, served, _ = columns(needs, offers)
    policy = Policy(waiting_full_days=77.7)
    arcs = candidates(rules, served, TABLES, AS_OF)
    scorer = Scorer(rules, served, TABLES, policy, AS_OF)
    then = Scorer(rules, served, TABLES, policy, AS_OF + later).fit(arcs)
    waited = np.maximum((AS_OF + later - rules.posted).astype(np.int64), 0)[arcs.need]
    part = waiting_part(waited, policy.waiting_full_days)
    assert then.tolist() == ((scorer.steady(arcs) + policy.waiting_weight * part) // scorer.total).tolist()


@pytest.mark.parametrize(
    ("opens", "closes", "day"),
    [([0], [9], 0), ([2], [9], 2), ([0], [0], 0), ([3], [2], None), ([0], [-1], None)],
)
def test_an_offer_serves_while_it_is_valid(opens: list[int], closes: list[int], day: int | None) -> None:
    timeline = simulate([waiting(1), NOBODY, NOBODY, NOBODY], OFFER, HALF, workers=1, opens=opens, closes=closes)
    assert timeline.work.accepted_on.tolist() == ([] if day is None else [day])


def test_what_could_not_be_answered_while_the_offer_is_valid_is_not_proposed() -> None:
    days = [waiting(1), NOBODY, NOBODY]
    assert simulate(days, OFFER, HALF, workers=1, answer_days=2, closes=[1]).needs.served.tolist() == [0]
    assert simulate(days, OFFER, HALF, workers=1, answer_days=1, closes=[1]).needs.served.tolist() == [1]
    with pytest.raises(ValueError, match="closes: expected 1 days"):
        simulate(days, OFFER, HALF, closes=[1, 2])


@pytest.mark.parametrize(
    ("growth", "told"),
    [
        (Growth(np.array([1, 2]), 2, np.array([0])), "steady: expected 1 rows"),
        (Growth(np.array([1]), 2, np.array([-1])), "waited"),
        (Growth(np.array([-1]), 2, np.array([0])), "steady"),
        (Growth(np.array([1]), 0, np.array([0])), "total"),
        (Growth(np.array([20_001]), 2, np.array([0])), "total"),
    ],
)
def test_growth_that_does_not_fit_is_refused(growth: Growth, told: str) -> None:
    with pytest.raises(InvalidProblem, match=told):
        Arrivals(Problem(quantity=[1], tier=[0], capacity=[1], need=[0], offer=[0], fit=[0]), growth=growth)


def course(needs: list[Record], capacity: list[Record], days: int = 5) -> Any:
    """The days of two files."""
    table = needs_of(csv_bytes([{**NEED, "id": f"N{row}", **one} for row, one in enumerate(needs)]), "n.csv", TABLES)
    offers = [{**CAPACITY, "id": f"C{row}", **one} for row, one in enumerate(capacity)]
    return course_of(table, capacity_of(csv_bytes(offers), "c.csv", TABLES), TABLES, Policy(), BEGIN, days)


def test_needs_come_on_their_days() -> None:
    posted = ["2026-01-03", "2025-12-22", "", "2026-01-06", "2026-01-01"]
    needs = [{"posted": day, "deadline": end} for day, end in zip(posted, ["", "", "", "", "2025-12-31"], strict=True)]
    found = course(needs, [{}])
    assert [arrivals.problem.quantity.size for arrivals in found.days] == [2, 0, 1, 0, 0]
    assert found.days[0].growth.waited.tolist() == [10, 0]
    assert found.left_out == 2


def test_deadlines_and_validity_are_counted_from_the_first_day() -> None:
    found = course(
        [{"posted": "2026-01-02", "deadline": "2026-01-04"}],
        [{"valid_from": "2026-01-03", "valid_until": ""}, {"valid_from": "", "valid_until": "2025-12-31"}],
    )
    assert found.days[1].deadline.tolist() == [3]
    assert found.opens.tolist() == [2, 0]
    assert found.closes.tolist() == [5, -1]
    timeline = simulate(found.days, found.offers, workers=1, opens=found.opens, closes=found.closes)
    assert timeline.work.accepted_on.tolist() == [2]


def test_a_bundle_comes_with_the_last_of_its_needs() -> None:
    needs = [{"posted": day, "bundle": "B", "household": "H"} for day in ("2026-01-02", "2026-01-04")]
    found = course(needs, [{}])
    assert [arrivals.problem.quantity.size for arrivals in found.days] == [0, 0, 0, 2, 0]
    assert found.days[3].growth.waited.tolist() == [2, 0]
    assert simulate(found.days, found.offers, workers=1).needs.served.sum() == 4


def test_the_span_of_a_file() -> None:
    table = needs_of(csv_bytes([{**NEED, "posted": ""}]), "n.csv", TABLES)
    assert span_of(table) is None
    rows = [{**NEED, "id": day, "posted": day} for day in ("2026-01-03", "2026-02-01")]
    assert span_of(needs_of(csv_bytes(rows), "n.csv", TABLES)) == (date(2026, 1, 3), date(2026, 2, 1))
    offers = capacity_of(csv_bytes([CAPACITY]), "c.csv", TABLES)
    assert len(rule_columns(table, offers, TABLES)[0]) == 1
    with pytest.raises(ValueError, match="days: must be from 1"):
        course_of(table, offers, TABLES, Policy(), BEGIN, 0)
