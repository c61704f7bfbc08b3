"""A run that looks ahead: what is kept, for whom, and what the archive of the run tells of it."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from flask import Flask

from marketplace.extensions import db
from marketplace.matches import archive
from marketplace.matches.foresight.ahead import Ahead, Drawn, kept_for
from marketplace.matches.snapshot import Snapshot
from marketplace.matches.solving import match
from matching import Policy, Problem
from matching.foresight.expectations import CAUTION
from matching.reasons import REASONS, Reason
from tests.marketplace.matches.run_support import snapshot
from tests.support import world


def ahead_with(offers: int, **values: Any) -> Ahead:
    """Offers that last for thirty days and were not released, and a run every night."""
    told = {
        "futures": (),
        "first": np.zeros(offers, np.int64),
        "last": np.full(offers, 30),
        "released": np.zeros(offers, np.bool_),
        "next_run": 1,
        "days_known": 365,
    }
    return Ahead(**told | values)  # type: ignore[arg-type]  # the values are those of the fields


def ahead_of(shot: Snapshot, tiers: list[int], days: list[int], **values: Any) -> Ahead:
    """One future in which the first need of a snapshot comes again, as urgent as told and on the days told."""
    told = {
        "needs": shot.needs,
        "quantity": np.ones(shot.quantity.size, np.int64),
        "tier": shot.tier,
        "futures": (Drawn(np.array(tiers, np.int64), np.array(days, np.int64)),),
    }
    return ahead_with(shot.capacity.size, **told | values)


@pytest.fixture
def shot(app: Flask) -> Snapshot:
    """Two blue needs tonight, a red and a yellow one that serve as the past, and one unit for whom they may."""
    world.a_capacity(quantity=1)
    red = world.a_need(urgency="red", quantity=1)
    blue = [world.a_need(urgency="blue", quantity=1) for _ in range(2)]
    read = snapshot()
    assert read.need_id.tolist() == [red.id, *(one.id for one in blue)]
    red.state, red.closing = "closed", "withdrawn"
    db.session.commit()
    return replace(snapshot(), ahead=ahead_of(read, [0], [3]))


def test_the_last_unit_is_kept_for_a_red_need_that_will_come(shot: Snapshot, tmp_path: Path) -> None:
    result = match(shot, archive=tmp_path / "run.npz")
    assert result.units.tolist() == []
    assert result.held.tolist() == [1]
    assert result.kept is not None
    assert result.kept.to_come.tolist() == [[1.0 / CAUTION, 0.0, 0.0]]
    assert result.kept.saved.tolist() == [1.0 / CAUTION, 0.0, -1.0]  # what tonight cost is sure
    assert {REASONS[code] for code in result.unmatched.reason.tolist()} == {Reason.HELD}
    kept = archive.load(tmp_path / "run.npz")
    assert kept.explain(0).outcome == "held"
    assert kept.kept is not None
    assert (kept.kept.last.tolist(), kept.kept.days_known, kept.kept.weighed) == ([30], 365, 1)


def test_what_is_told_of_those_expected_leaves_out_the_margin_of_the_draw(shot: Snapshot) -> None:
    assert shot.ahead is not None
    drawn = replace(shot.ahead, futures=(Drawn(np.zeros(23, np.int64), np.full(23, 3)),))  # 15 % more than 20
    kept = match(replace(shot, ahead=drawn)).kept
    assert kept is not None
    assert float(kept.to_come.sum() + kept.queue.sum()) == pytest.approx(20)
    assert kept.queue[0, 0] == pytest.approx(22 / CAUTION)


@pytest.mark.parametrize(
    ("why", "values"),
    [
        ("nobody comes while it lasts", {"last": np.array([2])}),
        ("it ends before the next run", {"last": np.array([6]), "next_run": 7}),
        ("its supplier asked for it", {"released": np.array([True])}),
        ("it begins too late for who comes", {"futures": ()}),
    ],
)
def test_nothing_is_kept_where_it_would_be_for_nobody(shot: Snapshot, why: str, values: dict[str, Any]) -> None:
    assert shot.ahead is not None
    result = match(replace(shot, ahead=replace(shot.ahead, **values)))
    assert (result.units.tolist(), result.held.tolist()) == ([1], [0]), why
    assert result.kept is not None
    assert result.kept.price.tolist() == [0]


def test_capacity_is_worth_less_the_nearer_its_end(shot: Snapshot) -> None:
    """A red need comes in three days, in ten or in twenty: those after the end do not count."""
    assert shot.ahead is not None
    ahead = replace(shot.ahead, futures=tuple(Drawn(np.array([0]), np.array([day])) for day in (3, 10, 20)))
    prices = []
    for last in (25, 15, 5, 2):
        result = match(replace(shot, ahead=replace(ahead, last=np.array([last]))))
        assert result.kept is not None
        prices.append(int(result.kept.price[0]))
    assert sorted(set(prices), reverse=True) == prices
    assert prices[-1] == 0


def through_another(urgent: int, plenty: int) -> Any:
    """A blue need that only the first offer can serve, one that both can, and red ones to come for the second alone."""
    sides = {"capacity": [1, plenty]}
    tonight = Problem(quantity=[1, 1], tier=[2, 2], need=[0, 1, 1], offer=[0, 0, 1], fit=[50, 40, 60], **sides)
    rows = np.arange(urgent)
    future = Problem(quantity=rows * 0 + 1, tier=rows * 0, need=rows, offer=rows * 0 + 1, fit=rows * 0 + 50, **sides)
    ahead = ahead_with(needs=None, quantity=np.ones(0, np.int64), tier=np.zeros(0, np.int8), offers=2)
    return kept_for(tonight, ahead, [future], Policy()).price.tolist()


def test_nobody_competes_through_an_offer_that_has_enough_for_all() -> None:
    assert through_another(urgent=1, plenty=3) == [0, 0]
    # the red ones push the second need to the first offer, where one of the two goes without
    first, second = through_another(urgent=2, plenty=2)
    assert first > 0
    assert second > first


def test_a_run_without_it_keeps_nothing_and_says_so(shot: Snapshot, tmp_path: Path) -> None:
    result = match(replace(shot, ahead=None), archive=tmp_path / "run.npz")
    assert (result.units.tolist(), result.kept) == ([1], None)
    assert archive.load(tmp_path / "run.npz").kept is None
