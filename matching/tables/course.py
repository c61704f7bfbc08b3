"""From two files to the days of a simulation: needs come on the day they were posted, capacity has its validity."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import NamedTuple

import numpy as np

from matching.columns import Int64s
from matching.eligibility.codes import CodeTables
from matching.eligibility.rules import Candidates, candidates
from matching.policy import Policy
from matching.problem import Problem
from matching.scoring import Scorer
from matching.simulate.arrivals import Arrivals, Growth
from matching.tables.build import earlier_of, problem_of, rule_columns
from matching.tables.read import CapacityTable, NeedTable

LONGEST_DAYS = 3660


class Course(NamedTuple):
    """What `matching.simulate.days` takes.

    Attributes:
        days: the arrivals of each day. offers: what there is on the first day.
        opens, closes: int64 (m,), the days on which each offer serves.
        left_out: needs that no day of the simulation could serve: posted after it, or past their deadline.
    """

    days: list[Arrivals]
    offers: Problem
    opens: Int64s
    closes: Int64s
    left_out: int


def span_of(needs: NeedTable) -> tuple[date, date] | None:
    """The first and the last day on which a need was posted; None where the file tells none."""
    told = needs.posted[~np.isnat(needs.posted)]
    if told.size == 0:
        return None
    return told.min().astype(object), told.max().astype(object)


def course_of(
    needs: NeedTable, capacity: CapacityTable, tables: CodeTables, policy: Policy, begin: date, days: int
) -> Course:
    """The days from ``begin`` on under a policy.

    Needs posted earlier, and those without a day, are there on the first day; the former have waited since.
    A bundle comes with the last of its needs. The weights and scales of the policy are in the arrivals.

    Args:
        days: how many days, 1 to 3660.
    """
    if not 1 <= days <= LONGEST_DAYS:
        raise ValueError(f"days: must be from 1 to {LONGEST_DAYS}, got {days}")
    first = np.datetime64(begin, "D")
    posted = np.where(np.isnat(needs.posted), first, needs.posted)
    came = (posted - first).astype(np.int64)
    day = _with_bundles(np.maximum(came, 0), needs)
    deadline = np.where(np.isnat(needs.deadline), -1, (needs.deadline - first).astype(np.int64))
    late = ~np.isnat(needs.deadline) & (deadline < day)
    there = (day < days) & ~late
    rules, offers, _ = rule_columns(needs, capacity, tables)
    never = np.full(len(offers), np.datetime64("NaT", "D"))
    always = replace(offers, valid_from=never, valid_until=never)
    undated = replace(rules, deadline=np.full(len(rules), np.datetime64("NaT", "D")))
    arcs = candidates(undated, always, tables, first)
    scorer = Scorer(rules, offers, tables, policy, first, earlier=earlier_of(needs, capacity))
    problem = problem_of(needs, capacity, arcs, scorer.fit(arcs), fairness=policy.fairness)
    growth = Growth(scorer.steady(arcs), scorer.total, np.maximum(day - came, 0))
    arrivals = [
        _arrivals(problem, growth, deadline, needs, np.flatnonzero(there & (day == number))) for number in range(days)
    ]
    nothing = Candidates(*(np.zeros(0, np.int32) for _ in range(3)))
    return Course(
        days=arrivals,
        offers=problem_of(needs, capacity, nothing, np.zeros(0, np.int32)),
        opens=np.where(np.isnat(offers.valid_from), 0, (offers.valid_from - first).astype(np.int64)),
        closes=np.where(np.isnat(offers.valid_until), days, (offers.valid_until - first).astype(np.int64)),
        left_out=int(np.count_nonzero(~there)),
    )


def _with_bundles(day: Int64s, needs: NeedTable) -> Int64s:
    bundled = np.flatnonzero(needs.bundle >= 0)
    last = np.zeros(len(needs.bundle_names), np.int64)
    np.maximum.at(last, needs.bundle[bundled], day[bundled])
    day[bundled] = last[needs.bundle[bundled]]
    return day


def _arrivals(problem: Problem, growth: Growth, deadline: Int64s, needs: NeedTable, rows: Int64s) -> Arrivals:
    """The needs of some rows as a day of their own."""
    place = np.full(len(needs), -1, np.int64)
    place[rows] = np.arange(rows.size)
    arcs = np.flatnonzero(place[problem.need] >= 0)
    columns = problem.columns()
    columns.update({name: columns[name][rows] for name in ("quantity", "tier", "bundle", "whole", "group")})
    columns.update({name: columns[name][arcs] for name in ("offer", "fit", "cost", "use")})
    columns["need"] = place[problem.need[arcs]]
    return Arrivals(
        Problem(**columns),
        deadline=deadline[rows],
        label=needs.region[rows],
        growth=Growth(growth.steady[arcs], growth.total, growth.waited[rows]),
    )
