"""A run's input and flow in one file, so that any of its needs can be explained later, as it was decided then.

Numbers and keys of records alone: no name, no text of a need. This module loads neither the web nor the database.
"""

from __future__ import annotations

import json
import os
import tempfile
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, fields
from fractions import Fraction
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from marketplace.matches.file_codes import code_tables
from marketplace.matches.foresight.ahead import Kept
from marketplace.matches.snapshot import Snapshot
from matching import Bound, Policy, Problem, Solution
from matching.eligibility.rules import Needs, Offers
from matching.explain.accounts import Explainer, Explanation, Rules
from matching.scoring import PARTS, Earlier, Scorer

_KEPT = ("price", "to_come", "queue", "last", "saved")
_KEYS = ("need_id", "capacity_id", "organization_id", "earlier")


class NoArchive(LookupError):
    """The run was not kept, or its file is gone or of an older version."""


@dataclass(frozen=True)
class Archive:
    """A run as it was decided.

    Attributes:
        metres: int32 (k,), the distance of each arc.
        need_id, capacity_id: int64, which records the rows are.
        qualifications: code of each bit of the masks.
        kept: what capacity was kept back for, by the problem's offers; None where the run looked at that night alone.
        as_of: the day of the run.
    """

    problem: Problem
    solution: Solution
    policy: Policy
    rules: Rules
    metres: NDArray[np.int32]
    need_id: NDArray[np.int64]
    capacity_id: NDArray[np.int64]
    organization_id: NDArray[np.int64]
    qualifications: tuple[str, ...]
    explainer: Explainer
    scorer: Scorer
    kept: Kept | None
    as_of: np.datetime64

    def row_of(self, need_id: int) -> int:
        """The row of a need.

        Raises:
            NoArchive: it took no part in the run.
        """
        row = int(np.searchsorted(self.need_id, need_id))
        if row == self.need_id.size or self.need_id[row] != need_id:
            raise NoArchive(need_id)
        return row

    def explain(self, row: int) -> Explanation:
        """One need, with the parts of the fit and the least changes that would serve it."""
        return self.explainer.explain(row, parts=self._parts, rules=self.rules)

    def metres_to(self, row: int) -> dict[int, int]:
        """Metres to each offer that the need could go to, by the offer's row."""
        arcs = np.flatnonzero(self.problem.need == row)
        return dict(zip(self.problem.offer[arcs].tolist(), self.metres[arcs].tolist(), strict=True))

    def _parts(self, arcs: NDArray[np.int64]) -> Mapping[str, NDArray[np.int64]]:
        problem = self.problem
        found = self.scorer.parts(problem.need[arcs], problem.offer[arcs], self.metres[arcs])
        told = {name: getattr(found, name) for name in PARTS}
        if not told["continuity"].any():
            del told["continuity"]
        return told


def save(
    path: Path,
    snapshot: Snapshot,
    metres: NDArray[np.int32],
    problem: Problem,
    solution: Solution,
    kept: Kept | None = None,
) -> None:
    """Keep a run; the file appears at once or not at all."""
    told = {
        "served": solution.served,
        "fit": solution.fit,
        "status": solution.status,
        "fairness": _text(solution.fairness),
        "bound": [solution.bound.served, _text(solution.bound.fairness), solution.bound.fit],
        "engines": dict(solution.engines),
        "imbalance": solution.imbalance,
        "policy": snapshot.policy.as_dict(),
        "qualifications": snapshot.qualifications,
        "as_of": str(snapshot.as_of),
        "beyond_reserve": solution.beyond_reserve,
        "kept": None if kept is None else {"weighed": kept.weighed, "days_known": kept.days_known},
    }
    columns: dict[str, Any] = {f"problem_{name}": array for name, array in problem.columns().items()}
    for side, rows in (("needs", snapshot.needs), ("offers", snapshot.offers)):
        columns |= {f"{side}_{field.name}": getattr(rows, field.name) for field in fields(rows)}
    columns |= {name: getattr(snapshot, name) for name in _KEYS}
    columns |= {"metres": metres, "flow": solution.flow, "held": solution.held, "told": np.array(json.dumps(told))}
    if solution.reserve is not None:
        columns["reserve"] = solution.reserve
    if kept is not None:
        columns |= {f"kept_{name}": getattr(kept, name) for name in _KEPT}
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, partial = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as stream:
            np.savez(stream, **columns)
        Path(partial).replace(path)
    except BaseException:
        Path(partial).unlink(missing_ok=True)
        raise


def _text(fraction: Fraction | None) -> str | None:
    return None if fraction is None else str(fraction)


def _fraction(text: str | None) -> Fraction | None:
    return None if text is None else Fraction(text)


@lru_cache(maxsize=2)
def load(path: Path) -> Archive:
    """A run that was kept; the last two are held in memory.

    Raises:
        NoArchive: there is none that can be read.
    """
    try:
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as stored:
            columns = {name: stored[name] for name in stored.files}
        told = json.loads(str(columns["told"]))
        rows = {field.name: columns[f"problem_{field.name}"] for field in fields(Problem) if field.name != "given"}
        problem = Problem(**rows, given=columns.get("problem_given"))
        needs = Needs(**{field.name: columns[f"needs_{field.name}"] for field in fields(Needs)})
        offers = Offers(**{field.name: columns[f"offers_{field.name}"] for field in fields(Offers)})
        policy = Policy(**told["policy"])
        served, fairness, fit = told["bound"]
        solution = Solution(
            flow=columns["flow"],
            served=tuple(told["served"]),
            fit=told["fit"],
            status=told["status"],
            fairness=_fraction(told["fairness"]),
            bound=Bound(tuple(served), _fraction(fairness), fit),
            engines=told["engines"],
            verified=True,
            held=columns["held"],
            timings={},
            imbalance=told["imbalance"],
            reserve=columns.get("reserve"),
            beyond_reserve=told.get("beyond_reserve"),
        )
        kept = told.get("kept") and Kept(**{name: columns[f"kept_{name}"] for name in _KEPT}, **told["kept"])
    except (OSError, EOFError, KeyError, ValueError, TypeError, zipfile.BadZipFile) as error:
        raise NoArchive(path.name) from error
    as_of = np.datetime64(told["as_of"], "D")
    earlier = Earlier(columns["earlier"][:, 0], columns["earlier"][:, 1], columns["organization_id"])
    return Archive(
        problem=problem,
        solution=solution,
        policy=policy,
        rules=Rules(needs, offers, code_tables(), as_of),
        metres=columns["metres"],
        need_id=columns["need_id"],
        capacity_id=columns["capacity_id"],
        organization_id=columns["organization_id"],
        qualifications=tuple(told["qualifications"]),
        explainer=Explainer(problem, solution, policy),
        scorer=Scorer(needs, offers, code_tables(), policy, as_of, earlier=earlier),
        kept=kept or None,
        as_of=as_of,
    )
