"""Reasons: each rule's, who took the capacity, and the explanation of one need."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings

from marketplace.matches.file_codes import code_tables
from matching import Policy, Problem, Solution, solve
from matching.eligibility.rules import candidates
from matching.explain.accounts import Unmatched, explain, shortages, unmatched, waiting
from matching.reasons import REASONS, Numbers, Reason, sentence
from matching.scoring import score
from matching.tables import capacity_of, needs_of
from matching.tables.build import affordable, problem_of, rule_columns
from tests.support.matching_problems import problems
from tests.support.table_files import CAPACITY, NEED, Record, csv_bytes

TABLES = code_tables()
AS_OF = np.datetime64("2026-11-24", "D")


def named(records: list[Record], least: Record) -> bytes:
    """A file of these records, each over the least one of its kind, with ids in their order."""
    whole = [{**least, "id": f"{number:03d}", **record} for number, record in enumerate(records)]
    return csv_bytes(whole, columns=list({name: 0 for record in whole for name in record}))


class Matched:
    """Two files, matched and explained."""

    def __init__(self, needs: list[Record], capacity: list[Record]) -> None:
        self.needs = needs_of(named(needs, NEED), "needs.csv", TABLES)
        self.capacity = capacity_of(named(capacity, CAPACITY), "capacity.csv", TABLES)
        rules, offers, self.words = rule_columns(self.needs, self.capacity, TABLES)
        arcs = candidates(rules, offers, TABLES, AS_OF)
        fit = score(arcs, rules, offers, TABLES, Policy(), AS_OF)
        self.problem: Problem = problem_of(self.needs, self.capacity, arcs, fit)
        self.solution: Solution = solve(self.problem)
        _, bound = affordable(self.capacity)
        self.found: Unmatched = unmatched(self.problem, self.solution, rules, offers, TABLES, AS_OF, budget_bound=bound)
        self.short = shortages(self.problem, self.solution, rules, self.found)
        self.queues = waiting(self.problem, self.solution, self.found)

    @property
    def reasons(self) -> list[tuple[int, int, str]]:
        """(need, units, reason) of each need that is not served in full."""
        codes = [REASONS[place].code for place in self.found.reason]
        return list(zip(self.found.need.tolist(), self.found.unserved.tolist(), codes, strict=True))


@pytest.mark.parametrize(
    ("need", "capacity", "reason"),
    [
        ({}, {"categories": "S06"}, "no_category"),
        ({}, {"regions": "640106"}, "no_region"),
        ({}, {"lat": 38.0, "lon": 106.0, "radius_km": 5}, "too_far"),
        ({"groups": "G-ILL"}, {"groups": "G-ELDALONE"}, "group"),
        ({"requires": "Q-NURSE"}, {"qualifications": "Q-REHAB"}, "qualification"),
        ({}, {"valid_until": "2026-11-23"}, "dates"),
        ({"deadline": "2026-11-23"}, {}, "dates"),
        ({}, {"quantity": 0}, "no_capacity"),
        ({}, {"budget_yuan": 10, "unit_cost_yuan": 11}, "budget"),
        ({"whole": "yes", "quantity": 6}, {}, "whole"),
        ({}, {"minimum_batch": 4}, "minimum_batch"),
    ],
)
def test_the_reason_is_the_rule_that_leaves_nobody(need: Record, capacity: Record, reason: str) -> None:
    matched = Matched([{"quantity": 2, **need}], [capacity])
    quantity = int(matched.needs.quantity[0])
    assert matched.reasons == [(0, quantity, reason)]
    assert matched.found.considered.tolist() == [1]


def test_rules_are_asked_in_their_order() -> None:
    far_and_unqualified = [{"lat": 38.0, "lon": 106.0, "radius_km": 5}, {"regions": "640106"}]
    assert Matched([{"requires": "Q-NURSE"}], far_and_unqualified).reasons == [(0, 2, "too_far")]


def test_numbers_behind_a_rule() -> None:
    far = Matched([{}], [{"lat": 38.0, "lon": 106.0, "radius_km": 5}])
    assert 50_000 < far.found.nearest_metres[0] < 80_000
    assert far.found.radius_metres.tolist() == [5_000]
    lacking = Matched([{"requires": "Q-NURSE;Q-REHAB"}], [{"qualifications": "Q-REHAB"}, {}])
    assert lacking.words.told(lacking.found.missing[0]) == ["Q-NURSE"]


def test_capacity_taken_tells_by_which_tier() -> None:
    needs = [
        {"urgency": "red", "quantity": 3},
        {"urgency": "yellow", "quantity": 4},
        {"urgency": "blue", "quantity": 1},
    ]
    matched = Matched(needs, [{"quantity": 5}])
    assert matched.reasons == [(1, 2, "capacity_taken"), (2, 1, "capacity_taken")]
    assert matched.found.taken.tolist() == [[3, 2, 0], [3, 2, 0]]
    assert matched.queues.offer.tolist() == [0]
    assert matched.queues.units.tolist() == [[0, 2, 1]]


def test_a_pool_that_binds_two_candidates_took_its_units_once() -> None:
    pooled = {"pool": "P", "pool_quantity": 3, "quantity": 3}
    matched = Matched([{"urgency": "red", "quantity": 3}, {"quantity": 2}], [pooled, pooled])
    assert matched.reasons == [(1, 2, "capacity_taken")]
    assert matched.found.taken.tolist() == [[3, 0, 0]]
    assert matched.found.candidates.tolist() == [2]


def test_a_bundle_left_out_while_others_have_room() -> None:
    matched = Matched(
        [{"bundle": "B", "quantity": 1}, {"bundle": "B", "quantity": 1, "category": "S0601"}], [{"quantity": 5}]
    )
    assert matched.reasons == [(0, 1, "bundle"), (1, 1, "no_category")]


def test_what_no_empty_offer_could_serve_was_not_taken_by_others() -> None:
    """A blue need has all of the capacity, and yet it is not what keeps the yellow ones unserved."""
    taken = {"urgency": "blue", "quantity": 4}
    whole = Matched([{"urgency": "yellow", "whole": "yes", "quantity": 5}, taken], [{"quantity": 4}])
    assert whole.reasons == [(0, 5, "whole")]
    pooled = {"pool": "P", "pool_quantity": 4, "quantity": 9}
    assert Matched([{"urgency": "yellow", "whole": "yes", "quantity": 5}, taken], [pooled]).reasons == whole.reasons
    beside = {"urgency": "yellow", "bundle": "B", "quantity": 1}
    bundle = Matched([beside, {**beside, "category": "S0601"}, taken], [{"quantity": 4}])
    assert bundle.reasons == [(0, 1, "bundle"), (1, 1, "no_category")]
    large = Matched([{**beside, "quantity": 5}, taken], [{"quantity": 4}])
    assert large.reasons == [(0, 5, "bundle")]


def test_what_an_empty_offer_could_serve_whole_was_taken() -> None:
    needs: list[Record] = [{"urgency": "red", "quantity": 4}, {"whole": "yes", "quantity": 4}]
    assert Matched(needs, [{"quantity": 4}]).reasons == [(1, 4, "capacity_taken")]
    bundle: list[Record] = [{"urgency": "red", "quantity": 4}, {"bundle": "B", "quantity": 2}]
    assert Matched(bundle, [{"quantity": 4}]).reasons == [(1, 2, "capacity_taken")]


def test_shortages_by_category_region_and_reason_the_most_urgent_first() -> None:
    needs = [
        {"quantity": 9},
        {"quantity": 1, "urgency": "red", "region": "640202"},
        {"quantity": 2, "urgency": "yellow"},
        {"quantity": 1, "category": "S0601"},
    ]
    short = Matched(needs, [{"quantity": 3}]).short
    rows = [
        (
            TABLES.categories.codes[short.category[row]],
            TABLES.regions.codes[short.region[row]],
            REASONS[short.reason[row]].code,
            short.units[row].tolist(),
            int(short.needs[row]),
            short.full[row],
        )
        for row in range(short.needs.size)
    ]
    assert rows == [
        ("S0301", "640202", "no_region", [1, 0, 0], 1, []),
        ("S0301", "640104", "capacity_taken", [0, 0, 8], 1, [0]),
        ("S0601", "640104", "no_category", [0, 0, 1], 1, []),
    ]


def test_nothing_is_short_where_all_are_served() -> None:
    matched = Matched([{}], [{}])
    assert matched.reasons == []
    assert matched.short.needs.size == 0
    assert matched.queues.offer.size == 0


@settings(deadline=None)
@given(problems("nested", "whole", "minimum_batch"))
def test_every_need_is_explained_by_its_flow(problem: Problem) -> None:
    solution = solve(problem)
    for need in range(problem.quantity.size):
        told = explain(problem, solution, need=need)
        arcs = np.flatnonzero(problem.need == need)
        assert told.served == solution.flow[arcs].sum()
        assert sorted((offer, given) for offer, _, given, _ in told.candidates) == sorted(
            zip(problem.offer[arcs].tolist(), solution.flow[arcs].tolist(), strict=True)
        )
        expected = "assigned" if told.served else "displaced" if arcs.size else "no candidate"
        assert told.outcome == expected
        plain = not problem.whole.any() and not problem.minimum_batch.any()
        if plain and told.served < told.quantity:
            assert all(room == 0 for *_, room in told.candidates)


def test_explain_refuses_a_need_that_is_not_there() -> None:
    matched = Matched([{}], [{}])
    with pytest.raises(IndexError):
        explain(matched.problem, matched.solution, need=1)


@pytest.mark.parametrize("reason", Reason)
def test_every_reason_has_both_texts(reason: Reason) -> None:
    assert reason.zh
    assert reason.en.isascii()
    assert not reason.zh.isascii()


@pytest.mark.parametrize(
    ("reason", "numbers", "zh", "en"),
    [
        (Reason.TOO_FAR, {"nearest_metres": 12_340, "radius_metres": 5_000}, "12.3 公里", "12.3 km away and goes 5 km"),
        (Reason.QUALIFICATION, {"missing": ["护士"], "considered": 2}, "护士", ": 护士 (2 in reach)"),
        (Reason.CAPACITY_TAKEN, {"considered": 2, "taken": [3, 0, 1]}, "红 3、蓝 1 份", "3 red, 1 blue units"),
        (Reason.DATES, {"passed": "2026-01-02"}, "截止日期为 2026-01-02", "the deadline was 2026-01-02"),
        (Reason.DATES, {"considered": 4}, "共 4 项", "4 considered"),
        (Reason.GROUP, {}, "人群", "groups"),
    ],
)
def test_sentences_tell_the_numbers(reason: Reason, numbers: dict[str, Any], zh: str, en: str) -> None:
    assert zh in sentence(reason, Numbers(**numbers), "zh")
    assert en in sentence(reason, Numbers(**numbers), "en")
