"""Ageing: by what days a need counts as more urgent, and that nobody waits for ever where capacity is renewed."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from marketplace.matches.files import match_command
from matching import Arrivals, Growth, Policy, Problem, simulate
from matching.ageing import aged_tiers
from tests.support.table_files import CAPACITY, NEED, csv_bytes

AGEING = Policy(yellow_after_days=60, red_after_days=30)


@pytest.mark.parametrize(
    ("policy", "tier", "waited", "counted"),
    [
        (AGEING, 2, 59, 2),
        (AGEING, 2, 60, 1),
        (AGEING, 2, 89, 1),
        (AGEING, 2, 90, 0),
        (AGEING, 1, 29, 1),
        (AGEING, 1, 30, 0),
        (AGEING, 0, 500, 0),
        (AGEING, 4, 60, 1),
        (Policy(), 2, 10_000, 2),
        (Policy(yellow_after_days=60), 2, 10_000, 1),
        (Policy(red_after_days=30), 2, 10_000, 2),
        (Policy(red_after_days=30), 1, 30, 0),
    ],
)
def test_a_need_counts_by_its_days_of_waiting(policy: Policy, tier: int, waited: int, counted: int) -> None:
    assert aged_tiers([tier], [waited], policy).tolist() == [counted]


def test_days_as_yellow_count_from_when_it_became_yellow_or_would_have() -> None:
    """Waiting 200 days, yellow for 10 of them by its caseworker, it counted as yellow for 140 already."""
    assert aged_tiers([1, 1, 2], [40, 200, 40], AGEING, [10, 10, 35]).tolist() == [1, 0, 2]


def longest_waits(policy: Policy) -> list[int]:
    """The longest wait of each tier where red needs alone could take the two units that every day of a year brings."""
    offers = Problem(quantity=[], tier=[], capacity=[0], need=[], offer=[], fit=[])
    days, arrivals = 260, []
    for day in range(days):
        tiers = [0, 0, 1, 2] if day % 10 == 0 else [0, 0] if day < 200 else [0]
        rows = np.arange(len(tiers))
        problem = Problem(
            quantity=np.ones(rows.size), tier=tiers, capacity=[0], need=rows, offer=rows * 0, fit=rows * 0
        )  # the fit grows with the waiting
        growth = Growth(np.full(rows.size, 5000 * 85), 100, rows * 0)
        arrivals.append(Arrivals(problem, capacity=[2], growth=growth))
    timeline = simulate(arrivals, offers, policy)
    needs, work = timeline.needs, timeline.work
    until = np.full(needs.day.size, days, np.int64)
    until[work.need] = work.accepted_on
    return [int((until - needs.day)[needs.tier == tier].max()) for tier in range(3)]


def test_waiting_is_bounded_where_capacity_is_renewed() -> None:
    plain, aged = longest_waits(Policy()), longest_waits(AGEING)
    assert min(plain[1:]) > 200  # until the red needs become fewer
    assert aged[1] <= 30
    assert aged[2] <= 90
    assert aged[0] <= 30  # what the others' turn costs those who come first otherwise


def test_files_count_needs_by_their_waiting_and_tell_of_their_own_colour(tmp_path: Path) -> None:
    """The blue need of last spring goes before the red one of today; the figures go by the file's colours."""
    needs = [
        {**NEED, "id": "old", "quantity": 1, "urgency": "blue", "posted": "2026-03-01"},
        {**NEED, "id": "new", "quantity": 1, "urgency": "yellow", "posted": "2026-11-20"},
    ]
    paths = {"needs.csv": needs, "capacity.csv": [{**CAPACITY, "quantity": 1}]}
    for name, rows in paths.items():
        (tmp_path / name).write_bytes(csv_bytes(rows))
    (tmp_path / "policy.toml").write_text("yellow_after_days = 60\nred_after_days = 30\n", "utf-8")
    told = []
    for extra in ((), ("--policy", tmp_path / "policy.toml")):
        files = ("--needs", tmp_path / "needs.csv", "--capacity", tmp_path / "capacity.csv")
        arguments = [*files, "--as-of", "2026-11-24", "--out", tmp_path / "out", "--json", *extra]
        result = CliRunner().invoke(match_command, [str(argument) for argument in arguments])
        assert result.exit_code == 0, result.output
        told.append(json.loads(result.stdout))
    plain, aged = told
    assert (plain["served"], plain.get("served_as_counted")) == ({"red": 0, "yellow": 1, "blue": 0}, None)
    assert (aged["served"], aged["unserved"]) == (
        {"red": 0, "yellow": 0, "blue": 1},
        {"red": 0, "yellow": 1, "blue": 0},
    )
    assert aged["served_as_counted"] == {"red": 1, "yellow": 0, "blue": 0}
