"""What a change would do: the same needs matched before and after it, and the difference by tier and by label.

Both matchings are optimal for their problem, but an optimum is seldom the only one. What each tier gains or
loses as a whole is certain; *which* needs gain, lose or move holds for these two solutions, and where fits are
equal others would do as well. Where a matching is not proven optimal (``Difference.certain``), a part of the
difference may be the search's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from matching.columns import Int8s, Int32s, Int64s, InvalidProblem, at_least, column, default, first
from matching.policy import Policy
from matching.problem import Problem
from matching.solution import Solution
from matching.solve import solve

DEFAULT_POLICY = Policy()


class Breakdown(NamedTuple):
    """Units by level: a tier, or a label such as a region. All int64 (levels,), indexed by the level's number.

    Attributes:
        wanted: units asked for.
        before, after: units served before and after.
        gained: units of needs that are served more, by how much more.
        lost: units of needs that are served less, by how much less; ``after = before + gained - lost``.
        moved: units that are served both times, by another offer after.
    """

    wanted: Int64s
    before: Int64s
    after: Int64s
    gained: Int64s
    lost: Int64s
    moved: Int64s

    @property
    def unchanged(self) -> Int64s:
        """Units served by the same offer both times."""
        return self.before - self.lost - self.moved

    @property
    def difference(self) -> Int64s:
        """Units served more after than before; negative for fewer."""
        return self.after - self.before


class Served(NamedTuple):
    """What changed for each need, int64 (n,) units; the words are those of :class:`Breakdown`."""

    wanted: Int64s
    before: Int64s
    after: Int64s
    gained: Int64s
    lost: Int64s
    moved: Int64s

    def by(self, level: Int8s | Int32s | Int64s) -> Breakdown:
        """The sums by level, an int column (n,); needs at -1 are left out."""
        known = level >= 0
        size = int(level.max()) + 1 if known.any() else 0
        return Breakdown(*(sums(size, level[known], units[known]) for units in self))


class Pairs(NamedTuple):
    """Units that go from offers to needs, columns of the same length; a pair may occur more than once."""

    need: Int32s | Int64s
    offer: Int32s | Int64s
    units: Int64s


@dataclass(frozen=True, eq=False)
class Arcs:
    """Arcs to add to a problem: need, offer, fit, and cost (0) and use (1) where they are given; (a,) each."""

    need: ArrayLike
    offer: ArrayLike
    fit: ArrayLike
    cost: ArrayLike | None = None
    use: ArrayLike | None = None


@dataclass(frozen=True, eq=False)
class Changes:
    """What is changed in a problem; what is not given stays as it is.

    Attributes:
        capacity: int64 (m,), each offer's capacity.
        capacity_factor: the capacity (the given one, if there is one) times this, rounded down. Taken by its
            decimal digits, so that 0.29 x 100 is 29.
        pool_capacity: int64 (p,), each pool's capacity.
        budget: int64 fen (m,), each offer's budget, -1 for no limit.
        fit: int32 (k,), each arc's fit: other weights of a policy act through it.
        keep: bool (k,), the arcs that stay; those at False are removed.
        arcs: arcs to add after those that stay, as a wider radius does.
    """

    capacity: ArrayLike | None = None
    capacity_factor: float | Fraction = 1
    pool_capacity: ArrayLike | None = None
    budget: ArrayLike | None = None
    fit: ArrayLike | None = None
    keep: ArrayLike | None = None
    arcs: Arcs | None = None

    def applied(self, problem: Problem) -> Problem:
        """The changed problem.

        Raises:
            InvalidProblem: a change has the wrong length, type or values.
        """
        columns = problem.columns()
        for name in ("capacity", "pool_capacity", "budget", "fit"):
            given = getattr(self, name)
            if given is not None:
                old = columns[name]
                columns[name] = column(name, given, old.dtype.type, old.size)
        factor = self._factor()
        if factor != 1:
            columns["capacity"] = [int(units * factor) for units in columns["capacity"].tolist()]
        names = ("need", "offer", "fit", "cost", "use")
        if self.keep is not None:
            keep = column("keep", self.keep, np.bool_, problem.need.size)
            columns.update({name: columns[name][keep] for name in names})
        if self.arcs is not None:
            rows = column("need", self.arcs.need, np.int32).size
            more = {
                "need": self.arcs.need,
                "offer": self.arcs.offer,
                "fit": self.arcs.fit,
                "cost": default(self.arcs.cost, rows, 0),
                "use": default(self.arcs.use, rows, 1),
            }
            columns.update({name: np.concatenate([columns[name], np.asarray(more[name])]) for name in names})
        return Problem(**columns)

    def _factor(self) -> Fraction:
        try:
            factor = Fraction(str(self.capacity_factor))
        except ValueError as error:
            raise InvalidProblem("capacity_factor", None, f"no number: {self.capacity_factor}") from error
        if factor < 0:
            raise InvalidProblem("capacity_factor", None, f"must be at least 0, got {self.capacity_factor}")
        return factor


@dataclass(frozen=True, eq=False)
class Difference:
    """What a change does.

    Attributes:
        needs: units by need, in the rows of the problem.
        tiers: units by tier (colour).
        labels: units by each label that was given, by its name.
        before, after: the two solutions, with fit and fairness.
        problem: the changed problem, to go on from.
    """

    needs: Served
    tiers: Breakdown
    before: Solution
    after: Solution
    problem: Problem
    labels: Mapping[str, Breakdown] = field(default_factory=dict)

    @property
    def certain(self) -> bool:
        """Both solutions are proven optimal, so the change alone makes the difference in coverage."""
        return self.before.status == self.after.status == "optimal"

    @property
    def better(self) -> bool | None:
        """Whether coverage, tier by tier from the most urgent, is better after; None if it is the same."""
        differing = self.tiers.difference[np.flatnonzero(self.tiers.difference)]
        return bool(differing[0] > 0) if differing.size else None


def compare(
    before: tuple[Problem, Solution],
    after: tuple[Problem, Solution],
    *,
    labels: Mapping[str, ArrayLike] | None = None,
) -> Difference:
    """The difference between two matchings of the same needs.

    Offers are told apart by their rows: those of ``after`` may be more or fewer at the end. Arcs may differ.

    Args:
        labels: int columns (n,) by name, such as the number of each need's region; -1 for none.

    Raises:
        InvalidProblem: the needs differ in number, quantity or tier, or a label has the wrong length or type.
    """
    old, new = before[0], after[0]
    if old.quantity.size != new.quantity.size:
        raise InvalidProblem("quantity", None, f"{old.quantity.size} needs before, {new.quantity.size} after")
    first("quantity", old.quantity != new.quantity, "the needs before and after must be the same")
    first("tier", old.tier != new.tier, "the needs before and after must be the same")
    needs = changed(old.quantity, *(Pairs(one.need, one.offer, two.flow) for one, two in (before, after)))
    return Difference(
        needs=needs,
        tiers=needs.by(old.tier),
        before=before[1],
        after=after[1],
        problem=new,
        labels={name: needs.by(label_column(name, label, old.quantity.size)) for name, label in (labels or {}).items()},
    )


def what_if(
    problem: Problem,
    changes: Changes | None = None,
    policy: Policy = DEFAULT_POLICY,
    *,
    new_policy: Policy | None = None,
    before: Solution | None = None,
    labels: Mapping[str, ArrayLike] | None = None,
    time_limit: float | None = None,
    workers: int | None = None,
) -> Difference:
    """Match as things are and as they would be, and tell the difference.

    Args:
        changes: what is changed in the problem.
        policy: what is aimed at now.
        new_policy: what would be aimed at, if that changes. Fairness, balance and tiers act at once; the
            weights of the fit's parts through ``changes.fit``.
        before: the solution of the problem as it is, where it is known, to save a solve.
        labels: as for :func:`compare`.
        time_limit, workers: for each of the two, as for :func:`matching.solve`.

    Raises:
        InvalidProblem: a change or label is refused.
    """
    changed_problem = problem if changes is None else changes.applied(problem)
    now = solve(problem, policy, time_limit=time_limit, workers=workers) if before is None else before
    then = solve(changed_problem, new_policy or policy, time_limit=time_limit, workers=workers)
    return compare((problem, now), (changed_problem, then), labels=labels)


def changed(quantity: Int64s, before: Pairs, after: Pairs) -> Served:
    """What each need (n rows) gets before and after, and what of it changed."""
    offers = 1 + max((int(pairs.offer.max()) for pairs in (before, after) if pairs.offer.size), default=0)
    (old_pairs, old), (new_pairs, new) = (_folded(pairs, offers) for pairs in (before, after))
    same, one, two = np.intersect1d(old_pairs, new_pairs, assume_unique=True, return_indices=True)
    was = sums(quantity.size, old_pairs // offers, old)
    now = sums(quantity.size, new_pairs // offers, new)
    stayed = sums(quantity.size, same // offers, np.minimum(old[one], new[two]))
    return Served(
        wanted=quantity.copy(),
        before=was,
        after=now,
        gained=np.maximum(now - was, 0),
        lost=np.maximum(was - now, 0),
        moved=np.minimum(was, now) - stayed,
    )


def label_column(name: str, label: ArrayLike | None, rows: int) -> Int32s:
    """The label of each need as a checked column; -1 everywhere if there is none."""
    checked = column(name, default(label, rows, -1), np.int32, rows)
    at_least(name, checked, -1)
    return checked


def sums(size: int, rows: Int8s | Int32s | Int64s, amounts: Int64s) -> Int64s:
    """The sum of the amounts of each row, in int64 (``bincount`` would round large ones)."""
    totals = np.zeros(size, np.int64)
    np.add.at(totals, rows, amounts)
    return totals


def _folded(pairs: Pairs, offers: int) -> tuple[Int64s, Int64s]:
    """Each pair that carries units once, as need x offers + offer, with its units."""
    used = np.flatnonzero(pairs.units)
    keys = pairs.need[used].astype(np.int64) * offers + pairs.offer[used]
    unique, place = np.unique(keys, return_inverse=True)
    return unique, sums(unique.size, place, pairs.units[used])
