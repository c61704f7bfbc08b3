"""One need explained: the chosen offer, the others with their cost, the smallest change, and the sentences."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from matching import Policy, Problem, explain, prices, solve
from matching.explain.accounts import shortages, unmatched
from matching.explain.chains import NOWHERE, Move
from matching.explain.changes import Rules
from matching.explain.choices import Explanation, explainer
from matching.explain.sentences import Names, describe, kilometres, points
from matching.prices.levels import Levels
from matching.reasons import Reason
from matching.scoring import PARTS, Scorer
from matching.tables.build import rule_columns
from tests.matching.test_explain import AS_OF, TABLES, Matched
from tests.support.matching_problems import large_problem
from tests.support.table_files import Record


class Told:
    """Two files, matched, with all that can be told of a need."""

    def __init__(self, needs: list[Record], capacity: list[Record]) -> None:
        self.matched = Matched(needs, capacity)
        rules, offers, self.words = rule_columns(self.matched.needs, self.matched.capacity, TABLES)
        self.rules = Rules(rules, offers, TABLES, AS_OF)
        self._scorer = Scorer(rules, offers, TABLES, Policy(), AS_OF)

    def parts(self, arcs: Any) -> dict[str, Any]:
        """The parts of the fit, at the door."""
        problem = self.matched.problem
        found = self._scorer.parts(problem.need[arcs], problem.offer[arcs], np.zeros(arcs.size, np.int32))
        return {name: getattr(found, name) for name in PARTS}

    def of(self, need: int = 0) -> Explanation:
        """One need."""
        matched = self.matched
        return explain(matched.problem, matched.solution, need=need, parts=self.parts, rules=self.rules)

    def sentences(self, language: str, need: int = 0) -> list[str]:
        """One need in sentences."""
        names = Names(
            need=lambda row: f"N{row}",
            offer=lambda row: f"C{row}",
            qualification=lambda bit: self.words.names[bit],
            group=lambda bit: TABLES.groups.name(bit, language),
        )
        return describe(self.of(need), language, names)


FAR = {"lat": 38.6, "lon": 106.3, "radius_km": 5}


@pytest.mark.parametrize(
    ("need", "capacity", "rule", "english", "chinese"),
    [
        ({}, FAR, Reason.TOO_FAR, "km further", "服务半径扩大"),
        ({"groups": "G-ILL"}, {"groups": "G-ELDALONE"}, Reason.GROUP, "open to a group of this household", "人群"),
        ({"requires": "Q-NURSE"}, {}, Reason.QUALIFICATION, "had the qualification: Q-NURSE", "具备资质：Q-NURSE"),
        ({}, {"valid_until": "2026-11-23"}, Reason.DATES, "were valid today", "今天有效"),
        ({}, {"regions": "640106"}, Reason.NO_REGION, "also served this region", "也服务这个地区"),
        ({}, {"categories": "S06"}, Reason.NO_CATEGORY, "also offered this category", "也提供这类服务"),
    ],
)
def test_the_smallest_change_is_the_one_rule_that_fails(
    need: Record, capacity: Record, rule: Reason, english: str, chinese: str
) -> None:
    told = Told([need], [capacity])
    assert told.of().outcome == "no candidate"
    (change,) = told.of().changes
    assert (change.rule, change.offer, change.cost) == (rule, 0, None)
    assert told.sentences("en")[0] == "No capacity that meets the conditions can serve this need."
    assert english in told.sentences("en")[1]
    assert chinese in told.sentences("zh")[1]


def test_a_radius_falls_short_by_the_distance_beyond_it() -> None:
    told = Told([{"lat": 38.7, "lon": 106.3}], [FAR, {**FAR, "radius_km": 8}])
    near = Told([{"lat": 38.7, "lon": 106.3}], [{**FAR, "radius_km": 11.1}])
    assert [change.metres for change in near.of().changes] == [20]
    (change,) = told.of().changes
    # A tenth of a degree of latitude is 11.12 km.
    assert (change.offer, change.metres) == (1, 3120)
    assert "went 3.2 km further" in told.sentences("en")[1]


def test_a_change_that_two_rules_ask_for_is_not_small() -> None:
    told = Told([{"requires": "Q-NURSE"}], [FAR])
    assert told.of().changes == ()
    assert told.sentences("en")[-1] == "No single change would serve it: new capacity is needed."
    assert told.sentences("zh")[-1] == "改变任何一项条件都不足以满足，需要新的资源。"


def test_a_change_at_a_full_offer_helps_only_the_more_urgent() -> None:
    others = [{"quantity": 5, "lat": 38.6, "lon": 106.3}]
    blue = Told([{"quantity": 1}, *others], [FAR])
    assert blue.of().changes == ()
    red = Told([{"quantity": 1, "urgency": "red"}, *others], [FAR])
    (change,) = red.of().changes
    assert change.rule is Reason.TOO_FAR
    assert change.cost is not None
    assert change.cost.units == (0, 0, 1)
    assert "but 1 blue unit less is served" in red.sentences("en")[1]
    assert "但蓝色需求少满足 1 份" in red.sentences("zh")[1]


def test_no_change_helps_a_need_whose_deadline_has_passed() -> None:
    told = Told([{"deadline": "2026-11-23"}], [{}])
    assert told.of().changes == ()


def three(**changes: Any) -> Problem:
    """A blue need 2 waits; a red need 0 could move from the second offer to the first, where yellow 1 is."""
    columns = {
        "quantity": [1, 1, 1],
        "tier": [0, 1, 2],
        "capacity": [1, 1],
        "need": [0, 0, 1, 2],
        "offer": [0, 1, 0, 1],
        "fit": [9000, 8000, 7000, 6000],
    }
    return Problem(**{**columns, **changes})


def test_the_chain_of_those_who_would_give_way() -> None:
    problem = three()
    told = explain(problem, solve(problem), need=2)
    (one,) = told.runners_up
    assert one.moves == (Move(0, 1, 0), Move(1, 0, NOWHERE))
    assert one.cost == Levels((0, 1, -1), 7000 + 8000 - 9000 - 6000)
    assert one.worth == 3 * 10_000 + 1
    assert describe(told, "en") == [
        "1 unit is not served: the 1 capacity that fits went to 1 red unit.",
        (
            "From “2” instead (fit 60): 1 yellow unit less is served. "
            "Affected: need 1 moves from “2” to “1”; need 2 loses 1 unit of “1”."
        ),
        "One more unit at “2” would serve a unit.",
    ]
    assert describe(told, "zh") == [
        "还有 1 份未满足：符合条件的 1 项资源的名额已用于红色 1 份。",
        (
            "若由「2」提供（契合度 60 分）：黄色需求少满足 1 份。"
            "受影响的是：需求「1」从「2」改到「1」；需求「2」失去「1」的 1 份。"
        ),
        "「2」若增加 1 份名额，即可满足 1 份。",
    ]


def test_a_served_need_tells_its_offer_and_what_the_other_would_cost() -> None:
    problem = three()
    told = explain(problem, solve(problem), need=0)
    (choice,), (one,) = told.chosen, told.runners_up
    assert (choice.offer, choice.units, choice.fit, choice.parts) == (1, 1, 8000, {})
    # The yellow need would lose its unit; the blue one would get the one that the red need gives up.
    assert one.moves == (Move(1, 0, NOWHERE), Move(2, NOWHERE, 1))
    assert one.cost == Levels((0, 1, -1), 8000 + 7000 - 9000 - 6000)
    assert describe(told, "en")[1].startswith(
        "From “1” instead (fit 90): 1 yellow unit less is served, 1 blue unit more is served."
    )
    assert "黄色需求少满足 1 份，蓝色需求多满足 1 份" in describe(told, "zh")[1]
    assert told.changes == ()


def test_parts_of_the_fit_are_told_with_each_offer() -> None:
    told = Told([{"quantity": 1}], [{}, {"categories": "S03"}])
    (choice,), (one,) = told.of().chosen, told.of().runners_up
    assert set(choice.parts) == set(one.parts) == set(PARTS)
    assert choice.parts["specialisation"] > one.parts["specialisation"]
    assert "specialisation 100" in told.sentences("en")[0]
    assert "专业对口 100 分" in told.sentences("zh")[0]
    assert "专业对口" in told.sentences("zh")[1]
    assert one.cost is not None
    assert f"总契合度减少 {points(one.cost.fit)} 分" in told.sentences("zh")[1]


def test_an_equal_choice_costs_nothing() -> None:
    told = Told([{"quantity": 1}], [{}, {}])
    assert told.of().runners_up[0].worth == 0
    assert "nothing is lost, it is just as good" in told.sentences("en")[1]
    assert "同样好" in told.sentences("zh")[1]


def test_an_offer_without_capacity_costs_nothing_that_could_be_told() -> None:
    told = Told([{"quantity": 1}], [{}, {"quantity": 0}])
    assert told.of().runners_up[0].cost is None
    assert "has no capacity at all" in told.sentences("en")[1]
    assert "没有任何名额" in told.sentences("zh")[1]


def test_a_unit_more_that_goes_to_another_first_names_it() -> None:
    problem = Problem(quantity=[1, 1, 1], tier=[1] * 3, capacity=[1], need=[0, 1, 2], offer=[0] * 3, fit=[9, 8, 7])
    told = explain(problem, solve(problem), need=2)
    assert [(change.offer, change.first) for change in told.changes] == [(0, 1)]
    assert "go first to need 2, as urgent" in describe(told, "en")[-1]
    assert "先轮到同样紧急、更契合的需求「2」" in describe(told, "zh")[-1]
    first = explain(problem, solve(problem), need=1)
    assert [(change.offer, change.first) for change in first.changes] == [(0, NOWHERE)]


def test_behind_more_urgent_needs_it_takes_more_units() -> None:
    problem = Problem(quantity=[4, 1], tier=[0, 1], capacity=[1], need=[0, 1], offer=[0, 0], fit=[9, 8])
    told = explain(problem, solve(problem), need=1)
    assert [(change.offer, change.first, change.units) for change in told.changes] == [(0, NOWHERE, 4)]
    assert describe(told, "en")[-1] == (
        "4 more units at “1” would serve a unit: at most 3 more urgent or better fitting come first."
    )
    assert (
        describe(told, "zh")[-1] == "「1」若增加 4 份名额，即可满足 1 份（排在前面的更紧急或更契合的需求最多 3 份）。"
    )


def test_long_chains_are_told_by_who_loses_and_gets() -> None:
    problem = Problem(
        quantity=[1] * 5, tier=[0, 0, 0, 0, 1], capacity=[1] * 4 + [1], need=[0, 0, 1, 1, 2, 2, 3, 3, 4],
        offer=[0, 1, 1, 2, 2, 3, 3, 4, 4], fit=[10, 9, 10, 9, 10, 9, 10, 9, 10],
    )  # fmt: skip
    solution = solve(Problem(**{**problem.columns(), "capacity": [0, 1, 1, 1, 1]}))
    assert solution.flow.tolist() == [0, 1, 0, 1, 0, 1, 0, 1, 0]
    told = explain(Problem(**{**problem.columns(), "capacity": [0, 1, 1, 1, 1]}), solution, need=4)
    (one,) = told.runners_up
    assert [move.target for move in one.moves] == [3, 2, 1, NOWHERE]
    assert describe(told, "en")[1].endswith(" Affected: need 1 loses 1 unit of “2”; 3 more units change their offers.")
    assert describe(told, "zh")[1].endswith("受影响的是：需求「1」失去「2」的 1 份；另有 3 份需求改换资源。")


def test_a_chain_ends_where_the_need_itself_gives_up_its_unit() -> None:
    """Not a step further: the need could move on from there to spare capacity, but it is the one that asks."""
    problem = Problem(
        quantity=[1, 2, 3, 3], tier=[0] * 4, capacity=[4, 5, 1], need=[0, 0, 0, 1, 1, 2, 3],
        offer=[0, 1, 2, 0, 1, 1, 0], fit=[0] * 7,
    )  # fmt: skip
    solution = solve(problem)
    flow = np.array([1, 0, 0, 0, 2, 3, 3], np.int64)
    told = explain(problem, replace(solution, flow=flow), need=0)
    assert [(one.offer, one.worth, one.moves) for one in told.runners_up] == [(1, 0, (Move(1, 1, 0),)), (2, 0, ())]


def test_needs_under_rules_are_estimates_and_promise_no_small_change() -> None:
    problem = three(whole=[False, False, True], quantity=[1, 1, 2])
    told = explain(problem, solve(problem), need=2)
    assert told.changes == ()
    assert [one.exact for one in told.runners_up] == [False]
    assert "estimate that keeps bundles" in describe(told, "en")[1]
    assert "保持不变时的估计" in describe(told, "zh")[1]


def test_tiers_beyond_the_colours_have_numbers() -> None:
    problem = Problem(quantity=[1, 1], tier=[3, 4], capacity=[1], need=[0, 1], offer=[0, 0], fit=[9, 8])
    told = explain(problem, solve(problem), need=1)
    assert "1 level 4 unit" in describe(told, "en")[1]
    assert "第 4 级需求少满足 1 份" in describe(told, "zh")[1]


@pytest.mark.parametrize("seed", range(3))
def test_costs_and_prices_agree_in_larger_worlds(seed: int) -> None:
    problem = large_problem(seed)
    solution = solve(problem)
    told = prices(problem, solution)
    left = problem.quantity - np.bincount(problem.need, weights=solution.flow, minlength=400).astype(np.int64)
    for need in np.flatnonzero(left > 0)[:40].tolist():
        found = explain(problem, solution, need=need)
        step = 41 * 10_000 + 1
        for one in found.runners_up:
            if one.worth is not None:
                own = (3 - found.tier) * step + one.fit
                assert one.worth == told.loss[one.offer] - own


def test_the_explainer_of_the_last_solution_is_kept() -> None:
    problem = three()
    solution = solve(problem)
    assert explainer(problem, solution) is explainer(problem, solution)
    assert explainer(problem, solve(problem)) is not explainer(problem, solution)


def test_shortages_count_the_needs_that_one_unit_more_would_serve() -> None:
    """Both categories are full; only where the red need waits would a unit more go to a red one."""
    needs: list[Record] = [
        {"urgency": "red", "quantity": 6},
        {"urgency": "blue", "quantity": 1},
        {"urgency": "blue", "quantity": 9, "category": "S0601"},
        {"urgency": "blue", "quantity": 1, "category": "S0601"},
    ]
    matched = Matched(needs, [{}, {"categories": "S0601", "quantity": 0}])
    short = matched.short
    told = [
        (TABLES.categories.codes[row], helped.tolist())
        for row, helped in zip(short.category, short.helped, strict=True)
    ]
    assert told == [("S0301", [1, 0, 0]), ("S0601", [0, 0, 2])]
    known = prices(matched.problem, matched.solution)
    again = shortages(matched.problem, matched.solution, rule_columns(matched.needs, matched.capacity, TABLES)[0],
                      matched.found, known)  # fmt: skip
    assert again.helped.tolist() == short.helped.tolist()


def test_a_solution_that_keeps_capacity_back_is_told_without_costs() -> None:
    matched = Matched([{"quantity": 1}, {"category": "S0601"}], [{}])
    nothing = np.zeros_like(matched.solution.flow)
    held = replace(matched.solution, flow=nothing, served=(0, 0, 0), fit=0, held=np.array([1], np.int64))
    told = explain(matched.problem, held, need=0)
    assert (told.outcome, told.priced, told.changes) == ("held", False, ())
    assert [(one.offer, one.cost, one.worth) for one in told.runners_up] == [(0, None, None)]
    assert describe(told, "en") == ["1 unit is not served: the free capacity is held for more urgent needs to come."]
    assert describe(told, "zh") == ["还有 1 份未满足：可用的名额为以后更紧急的需求保留。"]
    rules, offers, _ = rule_columns(matched.needs, matched.capacity, TABLES)
    found = unmatched(matched.problem, held, rules, offers, TABLES, AS_OF)
    short = shortages(matched.problem, held, rules, found)
    assert sorted(short.helped.sum(axis=1).tolist()) == [0, 1]


def test_kilometres_are_told_so_that_they_are_enough() -> None:
    assert [kilometres(metres) for metres in (1, 100, 101, 12_340)] == ["0.1", "0.1", "0.2", "12.4"]
    assert [points(fit) for fit in (0, 5, 50, 8543, 10_000)] == ["0", "0.05", "0.5", "85.43", "100"]
