"""Drawn futures: copies of what came, in number and season as the record lets expect, the same for the same seed."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pytest

from matching.foresight.expectations import LEAST_DAYS, LEAST_NEEDS, Record, ThinHistory, draw, expected, rates

FIRST = date(2024, 1, 1)
DAYS = 730


def course(days: int = DAYS) -> np.ndarray:
    """Needs a day: twice as many in deep winter as in summer, few at weekends."""
    day = np.arange(days)
    return (8 + 4 * np.cos(2 * np.pi * day / 365.25)) * np.where((day + FIRST.weekday()) % 7 >= 5, 0.25, 1.3)


def record_of(rate: np.ndarray, seed: int = 1) -> Record:
    count = np.random.default_rng(seed).poisson(rate)
    return Record(np.repeat(np.arange(rate.size), count), FIRST, rate.size)


def test_as_many_are_expected_as_season_and_weekday_let_come() -> None:
    told = rates(record_of(course()), FIRST + timedelta(DAYS), 365)
    true = course(DAYS + 365)[DAYS:]
    months = np.arange(365) // 61
    for month in range(5):
        at = months == month
        assert told[at].sum() == pytest.approx(true[at].sum(), rel=0.15)
    weekend = (np.arange(DAYS, DAYS + 365) + FIRST.weekday()) % 7 >= 5
    assert told[weekend].mean() < 0.35 * told[~weekend].mean()


def test_copies_come_in_their_season() -> None:
    record = record_of(course())
    for future in draw(record, FIRST + timedelta(DAYS), 365, seed=3):
        apart = (future.day + DAYS - record.day[future.row] + 182) % 365 - 182
        assert np.percentile(np.abs(apart), 90) < 60
        assert np.all(np.diff(future.day) >= 0)


def test_growth_is_seen_where_a_year_before_tells_of_it() -> None:
    rate = np.full(DAYS, 6.0)
    rate[365:] *= 1.6
    start = FIRST + timedelta(DAYS)
    assert rates(record_of(rate), start, 60).mean() > 1.35 * 6
    assert rates(record_of(rate[:365]), FIRST + timedelta(365), 60).mean() == pytest.approx(6, rel=0.15)


def test_a_few_days_of_many_needs_are_no_trend() -> None:
    rate = np.full(DAYS, 6.0)
    rate[-25:-20] *= 10
    later = rates(record_of(rate), FIRST + timedelta(DAYS), 200)[120:]
    assert later.mean() == pytest.approx(6, rel=0.35)


def test_the_seed_decides_and_the_order_of_the_rows_does_not() -> None:
    record = record_of(course(200))
    shuffled = np.random.default_rng(5).permutation(record.day.size)
    other = Record(record.day[shuffled], FIRST, 200, key=record.key[shuffled])
    start = FIRST + timedelta(200)
    one, again, elsewhere = (
        draw(record, start, 30, seed=7),
        draw(record, start, 30, seed=7),
        draw(other, start, 30, seed=7),
    )
    for first, second, third in zip(one, again, elsewhere, strict=True):
        assert first.row.tolist() == second.row.tolist()
        assert record.key[first.row].tolist() == other.key[third.row].tolist()
    assert one[0].row.tolist() != draw(record, start, 30, seed=8)[0].row.tolist()


def test_what_came_from_the_start_on_is_not_looked_at() -> None:
    whole = record_of(course(300))
    known = Record(whole.day[whole.day < 200], FIRST, 200)
    start = FIRST + timedelta(200)
    assert [one.row.tolist() for one in draw(whole, start, 40)] == [one.row.tolist() for one in draw(known, start, 40)]


def test_scale_multiplies_what_comes() -> None:
    record, start = record_of(course()), FIRST + timedelta(DAYS)
    plain, more = (sum(one.row.size for one in draw(record, start, 200, scale=scale)) for scale in (1.0, 1.3))
    assert more == pytest.approx(1.3 * plain, rel=0.05)
    assert all(one.row.size == 0 for one in draw(record, start, 200, scale=0.0))


@pytest.mark.parametrize(("days", "needs"), [(LEAST_DAYS - 1, 500), (300, LEAST_NEEDS - 1), (0, 0)])
def test_a_short_record_is_no_ground_for_a_forecast(days: int, needs: int) -> None:
    record = Record(np.arange(needs) % max(days, 1), FIRST, days)
    assert record.is_thin
    with pytest.raises(ThinHistory) as told:
        draw(record, FIRST + timedelta(days), 10)
    assert (told.value.days, told.value.needs) == (days, needs)


def test_a_coordinators_own_expectation_is_drawn_by_the_month() -> None:
    futures = expected([30.0, 3.0, 0.0], 365, number=5, seed=1)
    count = np.mean([np.bincount(one.row, minlength=3) for one in futures], axis=0)
    assert count[:2] == pytest.approx([360, 36], rel=0.2)
    assert count[2] == 0
    assert all(np.all(np.diff(one.day) >= 0) and one.day.max() < 365 for one in futures)
    assert [one.row.tolist() for one in expected([], 20, number=2)] == [[], []]


@pytest.mark.parametrize("options", [{"horizon": -1}, {"number": 0}, {"seed": -1}, {"scale": -0.1}])
def test_options_out_of_range_are_refused(options: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=next(iter(options))):
        expected([1.0], **{"horizon": 5, **options})  # type: ignore[arg-type]  # values of both number types
