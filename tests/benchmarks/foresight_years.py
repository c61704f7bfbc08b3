"""Foresight over made years, beside nightly runs without it and beside hindsight.

    python -m tests.benchmarks.foresight_years [--seeds N] [--seed S ...] [--scenario NAME ...] [--futures F]

For each scenario of `made_years` and each seed the same year is run three ways: every night exactly for that night;
every night with the prices of futures that are drawn from what had come by then; and all at once in hindsight.
Forecasts know the record alone, never how the year was made. Accepted work stays. Prints for each scenario: what
foresight served of each colour and the sum of fit as shares of hindsight's, means over the seeds (the nightly run's in
brackets); in how many seeds foresight served fewer red needs than the nightly run; capacity unspent at its end that
somebody who waited could have used, as a share of all capacity; the mean days that served needs waited, by colour.
"""

import argparse
import os
import sys
import time
from collections.abc import Sequence
from multiprocessing import get_context
from typing import NamedTuple

import numpy as np

from matching import Problem, Timeline, simulate, solve
from matching.columns import Floats
from tests.benchmarks.made_years import (
    LOTS,
    SCENARIOS,
    Forecast,
    Year,
    arrivals_of,
    hindsight_of,
    made_year,
    of_rows,
    pairs,
    problem_of,
)

SEEDS = range(1, 21)


class Run(NamedTuple):
    """What one way of running a year came to: units served by tier, total fit, days waited by tier, units unspent."""

    served: Floats
    fit: int
    waited: Floats
    unspent: int


class Told(NamedTuple):
    """A year run in all ways; hindsight has neither waiting nor unspent capacity."""

    hindsight: tuple[Floats, int]
    nightly: Run
    ahead: Run
    capacity: int
    seconds: float


def told_of(scenario: str, seed: int, futures: int) -> Told:
    """Run a year in all ways; seconds are of the processor, of the run that looks ahead."""
    year = made_year(scenario, seed)
    best = solve(hindsight_of(year), workers=1)
    days, nobody = arrivals_of(year), of_rows(year.needs, slice(0))
    offers = problem_of(nobody, year.lots, pairs(nobody, year.lots))
    nightly = simulate(days, offers, closes=year.lots.closes, workers=1)
    started = time.process_time()
    ahead = simulate(days, offers, closes=year.lots.closes, workers=1, ahead=Forecast(year, futures).prices)
    seconds = time.process_time() - started
    whole = np.array(best.served, np.float64), best.fit
    return Told(whole, _run(year, nightly), _run(year, ahead), int(year.lots.capacity.sum()), seconds)


def _run(year: Year, timeline: Timeline) -> Run:
    need, offer, fit = pairs(year.needs, year.lots)
    table = np.zeros((year.needs.day.size, LOTS), np.int64)
    table[need, offer] = fit
    work, tier = timeline.work, timeline.needs.tier
    total = int(np.dot(table[work.need, work.offer], work.units))
    served = np.asarray(np.bincount(tier, timeline.needs.served, 3), np.float64)
    return Run(served, total, timeline.waiting().served.mean, _unspent(year, timeline))


def _unspent(year: Year, timeline: Timeline) -> int:
    """Units that ended with a lot though somebody who waited on its last night could have used them."""
    work, lots = timeline.work, year.lots
    left = lots.capacity - np.bincount(work.offer, work.units, LOTS).astype(np.int64)
    until = np.full(year.needs.day.size, 2 * lots.closes.max())
    until[work.need] = work.accepted_on
    need, offer, fit = pairs(year.needs, lots)
    units = 0
    for night in np.unique(lots.closes).tolist():
        waits = (year.needs.day <= night) & (until > night)
        kept = waits[need] & (lots.closes[offer] == night)
        own = problem_of(year.needs, lots, (need[kept], offer[kept], fit[kept]))
        units += sum(solve(Problem(**{**own.columns(), "capacity": left}), workers=1).served)
    return units


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--seeds", type=int, default=len(SEEDS), help="so many of the fixed seeds")
    parser.add_argument("--seed", type=int, action="append", help="other seeds instead")
    parser.add_argument("--scenario", choices=SCENARIOS, action="append")
    parser.add_argument("--futures", type=int, default=5)
    parser.add_argument("--workers", type=int, default=len(os.sched_getaffinity(0)))
    told = parser.parse_args()
    seeds = told.seed or list(SEEDS)[: told.seeds]
    for scenario in told.scenario or SCENARIOS:
        tasks = [(scenario, seed, told.futures) for seed in seeds]
        with get_context("fork").Pool(told.workers) as crew:
            sys.stdout.write(line_of(scenario, crew.starmap(told_of, tasks, chunksize=1)))
        sys.stdout.flush()


def line_of(scenario: str, runs: Sequence[Told]) -> str:
    """The figures of a scenario."""

    def share(way: str) -> list[str]:
        values = [
            [*(getattr(run, way).served / run.hindsight[0]), getattr(run, way).fit / run.hindsight[1]] for run in runs
        ]
        return [f"{value:.4f}" for value in np.mean(values, axis=0)]

    named = zip(("red", "yellow", "blue", "fit"), share("ahead"), share("nightly"), strict=True)
    shares = ", ".join(f"{name} {ours} ({nightly})" for name, ours, nightly in named)
    least = min(run.ahead.served[0] / run.hindsight[0][0] for run in runs)
    fewer = sum(run.ahead.served[0] < run.nightly.served[0] for run in runs)
    unspent = [sum(getattr(run, way).unspent for run in runs) for way in ("ahead", "nightly")]
    lost = " ".join(f"{units / sum(run.capacity for run in runs):.4%}" for units in unspent)
    waited = [
        np.mean([getattr(run, way).waited for run in runs], axis=0).round(1).tolist() for way in Told._fields[1:3]
    ]
    return (
        f"{scenario}, {len(runs)} seeds: {shares}\n"
        f"    least red {least:.4f}, fewer red than nightly in {fewer}; unspent, ahead and nightly {lost}; "
        f"days waited, nightly {waited[0]}, ahead {waited[1]}; "
        f"{np.mean([run.seconds for run in runs]):.1f} s of processor a year\n"
    )


if __name__ == "__main__":
    main()
