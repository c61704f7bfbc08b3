"""The input of a matching: columns of needs, offers and arcs, checked once when they enter."""

from __future__ import annotations

import hashlib
import os
import tempfile
import zipfile
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from matching.columns import (
    Bools,
    Int8s,
    Int32s,
    Int64s,
    InvalidProblem,
    at_least,
    between,
    column,
    default,
    first,
)

__all__ = ["FIT_MAX", "InvalidProblem", "Problem"]

FIT_MAX = 10_000
"""The best fit of an arc; the worst is 0."""

LARGEST_TOTAL = 2**62
"""Totals (units x fit, cost, use) stay below this, so that no sum of the model overflows int64."""

FORMAT = 1
"""The version of the ``.npz`` files; part of the digest."""


@dataclass(frozen=True, init=False, eq=False, repr=False)
class Problem:
    """Needs, offers and the arcs between them, as read-only contiguous columns.

    Every argument is a keyword. A column may be any sequence of whole numbers; it is converted to the type
    named below, and refused if a value would change by that. Ids are not part of a problem: row numbers are.

    Needs (n):
        quantity: int64, units asked for, at least 1.
        tier: int8, 0 is the most urgent.
        bundle: int32, needs with the same number are served in full together or not at all; -1 none.
        whole: bool, all of its quantity comes from one offer, or nothing does.
        group: int32, the group it counts for in a fairness level; -1 none.
    Offers (m):
        capacity: int64, at least 0, in the terms of ``use``.
        pool: int32, the pool it draws on too; -1 none.
        budget: int64 fen, the most its units may cost together; -1 no limit.
        minimum_batch: int64, the least units it serves if it serves any; 0 none.
        given: int64, units it has given already in its present month, of capacity that is not in ``capacity`` any
            more; 0 none. Only a policy's ``pace_weight`` looks at it.
    Pools (p):
        pool_capacity: int64, at least 0, for the uses of all offers in it and below it.
        pool_parent: int32, the pool it lies in; -1 none.
    Arcs (k), at most one for each pair:
        need, offer: int32, row numbers.
        fit: int32, 0 to 10000, the worth of one unit on the arc within a tier.
        cost: int64 fen a unit, at least 0.
        use: int64, capacity a unit takes, at least 0 (1 unless told).
    exclusions: int32 (q, 2), pairs of different needs that may not share an offer.

    Raises:
        InvalidProblem: a column has the wrong length, type or values; it names array, index and rule.
    """

    quantity: Int64s
    tier: Int8s
    capacity: Int64s
    need: Int32s
    offer: Int32s
    fit: Int32s
    pool: Int32s
    pool_capacity: Int64s
    pool_parent: Int32s
    bundle: Int32s
    whole: Bools
    group: Int32s
    budget: Int64s
    minimum_batch: Int64s
    cost: Int64s
    use: Int64s
    exclusions: Int32s
    given: Int64s

    def __init__(
        self,
        *,
        quantity: ArrayLike,
        tier: ArrayLike,
        capacity: ArrayLike,
        need: ArrayLike,
        offer: ArrayLike,
        fit: ArrayLike,
        pool: ArrayLike | None = None,
        pool_capacity: ArrayLike | None = None,
        pool_parent: ArrayLike | None = None,
        bundle: ArrayLike | None = None,
        whole: ArrayLike | None = None,
        group: ArrayLike | None = None,
        budget: ArrayLike | None = None,
        minimum_batch: ArrayLike | None = None,
        cost: ArrayLike | None = None,
        use: ArrayLike | None = None,
        exclusions: ArrayLike | None = None,
        given: ArrayLike | None = None,
    ) -> None:
        put = object.__setattr__
        put(self, "quantity", column("quantity", quantity, np.int64))
        needs = self.quantity.size
        put(self, "tier", column("tier", tier, np.int8, needs))
        put(self, "capacity", column("capacity", capacity, np.int64))
        offers = self.capacity.size
        put(self, "need", column("need", need, np.int32))
        arcs = self.need.size
        put(self, "offer", column("offer", offer, np.int32, arcs))
        put(self, "fit", column("fit", fit, np.int32, arcs))
        put(self, "pool_capacity", column("pool_capacity", default(pool_capacity, 0, 0), np.int64))
        pools = self.pool_capacity.size
        put(self, "pool_parent", column("pool_parent", default(pool_parent, pools, -1), np.int32, pools))
        put(self, "pool", column("pool", default(pool, offers, -1), np.int32, offers))
        put(self, "bundle", column("bundle", default(bundle, needs, -1), np.int32, needs))
        put(self, "whole", column("whole", default(whole, needs, 0, np.bool_), np.bool_, needs))
        put(self, "group", column("group", default(group, needs, -1), np.int32, needs))
        put(self, "budget", column("budget", default(budget, offers, -1), np.int64, offers))
        put(
            self,
            "minimum_batch",
            column("minimum_batch", default(minimum_batch, offers, 0), np.int64, offers),
        )
        put(self, "cost", column("cost", default(cost, arcs, 0), np.int64, arcs))
        put(self, "use", column("use", default(use, arcs, 1), np.int64, arcs))
        put(self, "exclusions", column("exclusions", default(exclusions, 0, 0), np.int32, pairs=True))
        put(self, "given", column("given", default(given, offers, 0), np.int64, offers))
        self._check()

    def _check(self) -> None:
        needs, offers, pools = self.quantity.size, self.capacity.size, self.pool_capacity.size
        at_least("quantity", self.quantity, 1)
        at_least("tier", self.tier, 0)
        at_least("bundle", self.bundle, -1)
        at_least("group", self.group, -1)
        at_least("capacity", self.capacity, 0)
        at_least("budget", self.budget, -1)
        at_least("minimum_batch", self.minimum_batch, 0)
        at_least("given", self.given, 0)
        between("pool", self.pool, -1, pools)
        at_least("pool_capacity", self.pool_capacity, 0)
        between("pool_parent", self.pool_parent, -1, pools)
        self._check_pool_tree()
        between("need", self.need, 0, needs)
        between("offer", self.offer, 0, offers)
        between("fit", self.fit, 0, FIT_MAX + 1)
        at_least("cost", self.cost, 0)
        at_least("use", self.use, 0)
        self._check_pairs_differ()
        between("exclusions", self.exclusions, 0, needs)
        first("exclusions", self.exclusions[:, 0] == self.exclusions[:, 1], "a need cannot exclude itself")
        self._check_totals()

    def _check_pool_tree(self) -> None:
        """Climb with doubled steps: who still has an ancestor after as many steps as pools is in a ring."""
        ancestor, steps = self.pool_parent, 1
        while steps <= ancestor.size and ancestor.size and ancestor.max() >= 0:
            ancestor = np.where(ancestor >= 0, ancestor[ancestor], np.int32(-1))
            steps *= 2
        if ancestor.size and ancestor.max() >= 0:
            ring = int(ancestor[ancestor >= 0].min())
            raise InvalidProblem("pool_parent", ring, "pools may not lie in each other in a ring")

    def _check_pairs_differ(self) -> None:
        key = self.need.astype(np.int64)
        key *= max(self.capacity.size, 1)
        key += self.offer
        if np.all(key[1:] > key[:-1]):
            return
        ordered = np.sort(key)
        if np.all(ordered[1:] > ordered[:-1]):
            return
        order = np.argsort(key, kind="stable")
        again = order[1:][key[order[1:]] == key[order[:-1]]]
        index = int(again.min())
        pair = f"need {self.need[index]}, offer {self.offer[index]}"
        raise InvalidProblem("need", index, f"the pair ({pair}) occurs twice; give each pair one arc")

    def _check_totals(self) -> None:
        """Refuse sizes whose sums could leave int64; float sums are exact enough with a bit to spare."""
        if float(self.quantity.sum(dtype=np.float64)) * FIT_MAX >= LARGEST_TOTAL:
            largest = int(self.quantity.argmax())
            raise InvalidProblem("quantity", largest, "the total is too large: units x fit must stay below 2**62")
        for name, amount, plain in (("cost", self.cost, 0), ("use", self.use, 1)):
            if np.all(amount == plain):
                continue
            most = amount.astype(np.float64) * self.quantity[self.need]
            if float(most.sum()) >= LARGEST_TOTAL:
                raise InvalidProblem(
                    name, int(most.argmax()), f"the total is too large: units x {name} must stay below 2**62"
                )

    @property
    def tiers(self) -> int:
        """How many tiers a solution reports: the largest tier and one, 0 without needs."""
        return int(self.tier.max()) + 1 if self.tier.size else 0

    @property
    def digest(self) -> str:
        """SHA-256 (hex) over every column's name, shape and values: the same problem, the same digest."""
        seal = hashlib.sha256(f"matching.Problem {FORMAT}".encode())
        for name, array in self.columns().items():
            little = array.astype(array.dtype.newbyteorder("<"), copy=False)
            seal.update(f"|{name} {array.dtype.name} {array.shape}|".encode())
            seal.update(little.data)
        return seal.hexdigest()

    def columns(self) -> dict[str, Any]:
        """The columns by name, in the order of the class; ``given`` only where an offer has given anything.

        So digests and files of problems that say nothing of it are what they were before there was such a column.
        """
        columns = {field.name: getattr(self, field.name) for field in fields(self)}
        if not self.given.any():
            del columns["given"]
        return columns

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write one ``.npz`` to exactly ``path``; an earlier file is replaced at once or not at all."""
        target = Path(path)
        handle, partial = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
        try:
            with os.fdopen(handle, "wb") as stream:
                np.savez(stream, digest=np.array(self.digest), **self.columns())
            Path(partial).replace(target)
        except BaseException:
            Path(partial).unlink(missing_ok=True)
            raise

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Problem:
        """Read what :meth:`save` wrote, and check it again, the digest too.

        Raises:
            InvalidProblem: it is no such file, lacks a column, or was changed since it was written.
        """
        try:
            with Path(path).open("rb") as stream, np.load(stream, allow_pickle=False) as stored:
                names = [field.name for field in fields(cls) if field.name != "given" or "given" in stored.files]
                if set(stored.files) != {*names, "digest"}:
                    differing = ", ".join(sorted(set(stored.files) ^ {*names, "digest"}))
                    raise InvalidProblem("file", None, f"missing or unknown columns: {differing}")
                told, columns = str(stored["digest"]), {name: stored[name] for name in names}
        except (ValueError, EOFError, zipfile.BadZipFile, TypeError, AttributeError) as error:
            if isinstance(error, InvalidProblem):
                raise
            raise InvalidProblem("file", None, f"not a saved problem: {error}") from error
        problem = cls(**columns)
        if problem.digest != told:
            raise InvalidProblem("file", None, "the digest differs: the file was changed after it was saved")
        return problem

    def __repr__(self) -> str:
        needs, offers, pools = self.quantity.size, self.capacity.size, self.pool_capacity.size
        return f"Problem(needs={needs}, offers={offers}, arcs={self.need.size}, pools={pools})"
