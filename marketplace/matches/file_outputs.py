"""What `marketplace match` writes: four CSV files, a summary and a report, all of them or none."""

import json
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from matching.columns import Int32s
from matching.eligibility.codes import CodeTables
from matching.eligibility.rules import Candidates, Needs, Offers
from matching.explain.accounts import Shortages, Unmatched, Waiting
from matching.policy import Policy
from matching.problem import Problem
from matching.reasons import REASONS, Numbers, sentence
from matching.solution import Solution
from matching.tables import URGENCIES, CapacityTable, Language, NeedTable, csv_text, safe_text
from matching.tables.build import Words
from matching.tables.write import PairColumn, pair_header, pair_lines

FILES = ("matches.csv", "unmatched.csv", "shortages.csv", "candidates.csv", "summary.json", "report.html")


@dataclass(frozen=True)
class Result:
    """One matching of two files, with all that its outputs tell.

    Attributes:
        arcs, fit: the pairs of the problem, in its order: all of them, or those that the policy's
            `candidates_per_need` left in.
        candidates: how many eligible pairs there are.
    """

    needs: NeedTable
    capacity: CapacityTable
    tables: CodeTables
    rules: Needs
    offers: Offers
    words: Words
    arcs: Candidates
    fit: Int32s
    candidates: int
    problem: Problem
    solution: Solution
    unmatched: Unmatched
    shortages: Shortages
    waiting: Waiting
    policy: Policy
    as_of: str
    language: Language

    @property
    def earlier(self) -> bool:
        """Whether the file of needs tells of earlier suppliers."""
        return any(self.needs.earlier)


def by_colour(units: Any) -> dict[str, int]:
    """Units by colour from units by tier; a tier that nobody has counts 0."""
    told = [int(count) for count in units]
    return {name: told[tier] if tier < len(told) else 0 for tier, name in enumerate(URGENCIES)}


def served_by_tier(result: Result) -> list[int]:
    """Units served, by the tier that the file tells, whatever a need counted as in the run."""
    problem = result.problem
    units = np.bincount(result.needs.tier[problem.need], weights=result.solution.flow, minlength=len(URGENCIES))
    return [int(count) for count in units]


def unserved_by_tier(result: Result) -> list[int]:
    """Units not served, by the same."""
    units = np.bincount(
        result.needs.tier[result.unmatched.need], weights=result.unmatched.unserved, minlength=len(URGENCIES)
    )
    return [int(count) for count in units]


def qualification_name(result: Result, word: str) -> str:
    """A qualification by its name; one of the file's own words stands for itself."""
    known = result.tables.qualifications
    return known.name(known.position[word], result.language) if word in known.position else word


def reason_text(result: Result, row: int) -> str:
    """Why the unmatched need of a row is unmatched, in a sentence."""
    found = result.unmatched
    deadline = result.needs.deadline[found.need[row]]
    missing = [qualification_name(result, word) for word in result.words.told(found.missing[row])]
    numbers = Numbers(
        considered=int(found.considered[row]),
        nearest_metres=int(found.nearest_metres[row]),
        radius_metres=int(found.radius_metres[row]),
        missing=missing,
        taken=found.taken[row].tolist(),
        passed=str(deadline) if deadline < np.datetime64(result.as_of, "D") else "",
    )
    return sentence(REASONS[found.reason[row]], numbers, result.language)


@contextmanager
def replacing(folder: Path) -> Iterator[Path]:
    """A folder to write into; its files move to `folder` together when all are written, else none does."""
    folder.mkdir(parents=True, exist_ok=True)
    partial = Path(tempfile.mkdtemp(dir=folder, prefix=".writing-"))
    try:
        yield partial
        for name in FILES:
            (partial / name).replace(folder / name)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


CANDIDATES_HEADER = ("need_id", "capacity_id", "fit")


class CandidatesFile:
    """candidates.csv: every eligible pair, handed over in blocks or at once."""

    def __init__(self, folder: Path, needs: NeedTable, capacity: CapacityTable) -> None:
        nobody = np.zeros(0, np.int32)
        self._need, self._offer = PairColumn.of(needs.id, nobody), PairColumn.of(capacity.id, nobody)
        self._path = folder / "candidates.csv"
        self.start()

    def start(self) -> None:
        """Begin the file anew."""
        self._path.write_bytes(pair_header(CANDIDATES_HEADER))

    def add(self, need: Int32s, offer: Int32s, fit: Int32s) -> None:
        """Append pairs."""
        columns = [self._need.at(need), self._offer.at(offer), PairColumn.of_numbers(fit)]
        with self._path.open("ab") as file:
            file.writelines(pair_lines(columns))


def write_matches(result: Result, folder: Path) -> None:
    """matches.csv: one row for each pair that serves."""
    given = np.flatnonzero(result.solution.flow)
    columns = [
        PairColumn.of(result.needs.id, result.arcs.need[given]),
        PairColumn.of(result.capacity.id, result.arcs.offer[given]),
        PairColumn.of_numbers(result.solution.flow[given]),
        PairColumn.of_numbers(result.fit[given]),
    ]
    with (folder / "matches.csv").open("wb") as file:
        file.write(pair_header(("need_id", "capacity_id", "quantity", "fit")))
        file.writelines(pair_lines(columns))


UNMATCHED_HEADER = (
    "need_id",
    "quantity",
    "reason",
    "requested",
    "category",
    "region",
    "urgency",
    "candidates",
    "nearest_km",
    "radius_km",
    "missing",
    "taken_red",
    "taken_yellow",
    "taken_blue",
    "text",
)


def write_unmatched(result: Result, folder: Path) -> None:
    """unmatched.csv: one row for each need with units that are not served; quantity is how many."""
    found, needs, tables = result.unmatched, result.needs, result.tables
    taken = np.zeros((len(found), len(URGENCIES)), np.int64)
    taken[:, : found.taken.shape[1]] = found.taken
    rows = zip(
        found.need.tolist(),
        found.unserved.tolist(),
        found.reason.tolist(),
        found.candidates.tolist(),
        found.considered.tolist(),
        found.nearest_metres.tolist(),
        found.radius_metres.tolist(),
        taken.tolist(),
        strict=True,
    )
    passed = np.where(needs.deadline < np.datetime64(result.as_of, "D"), needs.deadline, np.datetime64("NaT", "D"))
    passed = passed[found.need].astype(np.int64).tolist()
    records = []
    # Many needs share the same reason with the same numbers; the sentence is built once for all of them.
    texts: dict[tuple[object, ...], str] = {}
    for row, (need, units, reason, candidates, considered, nearest, radius, took) in enumerate(rows):
        missing = tuple(found.missing[row].tolist()) if found.missing[row].any() else ()
        key = (reason, considered, nearest, radius, missing, passed[row], *took)
        if key not in texts:
            texts[key] = reason_text(result, row)
        records.append(
            (
                safe_text(needs.id[need]),
                units,
                REASONS[reason].code,
                int(needs.quantity[need]),
                tables.categories.codes[needs.category[need]],
                tables.regions.codes[needs.region[need]],
                URGENCIES[needs.tier[need]],
                candidates,
                f"{nearest / 1000:.3f}" if nearest >= 0 else "",
                f"{radius / 1000:g}" if radius >= 0 else "",
                safe_text(";".join(result.words.told(found.missing[row]))) if missing else "",
                *took,
                texts[key],
            )
        )
    (folder / "unmatched.csv").write_text(csv_text(UNMATCHED_HEADER, records), "utf-8", newline="")


SHORTAGES_HEADER = (
    "category",
    "category_name",
    "region",
    "region_name",
    "reason",
    "units_red",
    "units_yellow",
    "units_blue",
    "units",
    "needs",
    "full_capacity",
    "text",
    "helped_red",
    "helped_yellow",
    "helped_blue",
    "helped",
)


def write_shortages(result: Result, folder: Path) -> None:
    """shortages.csv: units not served by category, region and reason, where one unit more helps most first.

    `helped` counts the needs of a row that one more unit would serve, each asked by itself.
    """
    short, tables = result.shortages, result.tables
    records = []
    for row in range(short.needs.size):
        units = by_colour(short.units[row])
        category, region = int(short.category[row]), int(short.region[row])
        reason = REASONS[short.reason[row]]
        records.append(
            (
                tables.categories.codes[category],
                tables.categories.name(category, result.language),
                tables.regions.codes[region],
                tables.regions.name(region, result.language),
                reason.code,
                *units.values(),
                sum(units.values()),
                int(short.needs[row]),
                safe_text(";".join(result.capacity.id[offer] for offer in short.full[row])),
                reason.text(result.language),
                *by_colour(short.helped[row]).values(),
                int(short.helped[row].sum()),
            )
        )
    (folder / "shortages.csv").write_text(csv_text(SHORTAGES_HEADER, records), "utf-8", newline="")


def summary(result: Result, *, seconds: dict[str, float], peak_mb: float, input_sha256: str) -> dict[str, Any]:
    """The figures of summary.json: units throughout, by colour where it says so.

    The bound is told by the colours that needs counted as; where waiting raised some, so is what was served.
    """
    solution, bound = result.solution, result.solution.bound
    raised = bool((result.problem.tier != result.needs.tier).any())
    counted = {"served_as_counted": by_colour(solution.served)} if raised else {}
    return {
        "needs": len(result.needs),
        "units": int(result.problem.quantity.sum()),
        "capacity": int(result.capacity.quantity.sum()),
        "candidates": result.candidates,
        "served": by_colour(served_by_tier(result)),
        "unserved": by_colour(unserved_by_tier(result)),
        "fit": solution.fit,
        "status": solution.status,
        "bound": {
            "served": by_colour(bound.served),
            "fairness": None if bound.fairness is None else str(bound.fairness),
            "fit": bound.fit,
        },
        "engines": {name: round(share, 6) for name, share in solution.engines.items()},
        "seconds": {stage: round(value, 3) for stage, value in seconds.items()},
        "peak_mb": round(peak_mb, 1),
        "input_sha256": input_sha256,
        "policy": {"as_of": result.as_of, **result.policy.as_dict()},
        **counted,
    }


def summary_text(figures: dict[str, Any]) -> str:
    """summary.json as text."""
    return json.dumps(figures, ensure_ascii=False, indent=2) + "\n"
