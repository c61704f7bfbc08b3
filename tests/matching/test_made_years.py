"""A made year with foresight beside the same without and hindsight: the benchmark's own, one seed and two futures."""

from __future__ import annotations

from tests.benchmarks.foresight_years import line_of, told_of


def test_foresight_serves_the_most_urgent_almost_as_hindsight_would() -> None:
    told = told_of("seasonal", 2, 2)
    (red, yellow, _), best = told.hindsight
    assert told.ahead.served[0] >= 0.985 * red
    assert told.ahead.served[0] > 1.2 * told.nightly.served[0]
    assert told.ahead.served[1] >= 0.93 * yellow
    assert told.ahead.fit >= 0.95 * best
    assert told.ahead.unspent <= told.capacity // 100
    assert "fewer red than nightly in 0" in line_of("seasonal", [told])
