"""Random matching problems: Hypothesis strategies whose features are switched one by one, and larger ones by seed."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st

from matching import Problem

FEATURES = ("pools", "nested", "bundle", "whole", "budget", "minimum_batch", "exclusions", "use")
COUPLED = FEATURES[2:]


@st.composite
def problems(
    draw: st.DrawFn,
    *features: str,
    needs: int = 6,
    offers: int = 4,
    units: int = 3,
    arcs: int = 18,
) -> Problem:
    """A small problem with the given ``FEATURES``; sizes are the most of each."""
    n = draw(st.integers(1, needs) | st.just(needs))
    m = draw(st.integers(1, offers) | st.just(offers))
    # A mask over all pairs makes dense problems as likely as sparse ones; lists of pairs mostly come out short.
    mask = draw(st.lists(st.booleans(), min_size=n * m, max_size=n * m))
    pairs = [divmod(place, m) for place, there in enumerate(mask) if there][:arcs]
    k = len(pairs)

    def column(values: st.SearchStrategy[Any], rows: int) -> list[Any]:
        return draw(st.lists(values, min_size=rows, max_size=rows))

    columns: dict[str, Any] = {
        "quantity": column(st.integers(1, units), n),
        "tier": column(st.integers(0, 3), n),
        "capacity": column(st.integers(0, 2 * units), m),
        "need": [need for need, _ in pairs],
        "offer": [offer for _, offer in pairs],
        # Few different values make ties, which is where levels could be mixed up; the ends are the worst case.
        "fit": column(st.sampled_from((0, 1, 2, 5000, 9999, 10000)), k),
    }
    if "pools" in features or "nested" in features:
        p = draw(st.integers(1, 3))
        columns["pool"] = column(st.integers(-1, p - 1), m)
        columns["pool_capacity"] = column(st.integers(0, 2 * units), p)
        if "nested" in features:
            columns["pool_parent"] = [draw(st.integers(-1, pool - 1)) for pool in range(p)]
    if "bundle" in features:
        columns["bundle"] = column(st.integers(-1, 2), n)
    if "whole" in features:
        columns["whole"] = column(st.booleans(), n)
    if "budget" in features:
        columns["budget"] = column(st.integers(-1, 12), m)
        columns["cost"] = column(st.integers(0, 5), k)
    if "minimum_batch" in features:
        columns["minimum_batch"] = column(st.integers(0, 2 * units), m)
    if "use" in features:
        columns["use"] = column(st.integers(0, 4), k)
    if "exclusions" in features and n > 1:
        pair = st.lists(st.integers(0, n - 1), min_size=2, max_size=2, unique=True)
        columns["exclusions"] = draw(st.lists(pair, max_size=4))
    return Problem(**columns)


@st.composite
def months(draw: st.DrawFn, problem: Problem) -> Problem:
    """The problem whose offers have given some of their month already."""
    offers = problem.capacity.size
    given = draw(st.lists(st.sampled_from((0, 0, 1, 2, 7, 300)), min_size=offers, max_size=offers))
    return Problem(**{**columns_of(problem), "given": given})


def columns_of(problem: Problem) -> dict[str, Any]:
    """A problem's columns as writable copies, to build a changed one from."""
    return {name: array.copy() for name, array in problem.columns().items()}


def large_problem(
    seed: int, *, needs: int = 400, offers: int = 40, arcs_a_need: int = 6, counties: int = 1, **changes: Any
) -> Problem:
    """A problem with as many needs as asked for, in counties that share nothing."""
    rng = np.random.default_rng(seed)
    need = np.repeat(np.arange(needs), arcs_a_need)
    width = offers // counties
    county = rng.integers(0, counties, needs)
    chosen = np.argsort(rng.random((needs, width)), axis=1)[:, :arcs_a_need]
    offer = (county[:, None] * width + chosen).ravel()
    columns: dict[str, Any] = {
        "quantity": rng.integers(1, 4, needs),
        "tier": rng.choice(3, needs, p=[0.1, 0.3, 0.6]),
        "capacity": rng.integers(0, 2 * 2 * needs // offers, offers),
        "need": need,
        "offer": offer,
        "fit": rng.integers(0, 10001, need.size),
    }
    return Problem(**{**columns, **changes})
