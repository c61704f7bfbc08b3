"""The frozen input of a run, as columns of numbers: what the process that solves is handed, never a record."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from marketplace.matches.foresight.ahead import Ahead
from matching import Policy
from matching.eligibility.rules import Needs, Offers


@dataclass(frozen=True)
class Snapshot:
    """The frozen input of a run: columns by row number, and which records the rows are.

    Attributes:
        needs, offers: what the hard and soft rules ask.
        quantity, tier, bundle, whole: of the needs, as in `matching.Problem`; the tier is the caseworker's colour.
        capacity, pool, pool_capacity, minimum_batch, given: of the offers and pools, as there; given is of the month.
        free: int64 (m,), units of each offer neither given nor promised, whatever its budget pays for.
        budget_bound: bool (m,), offers whose capacity is what their budget pays for.
        barred: int64 (d, 2), pairs of rows that a supplier declined lately.
        earlier: int64 (e, 2), need rows and keys of organizations that have helped their household before.
        need_id, need_version, capacity_id, capacity_version, capacity_allocated, organization_id: int64 keys;
            the last is minus the volunteer's key where the offer is a volunteer's own.
        regions: region code of each need. wishes: whether each need is a micro-wish.
        qualifications: code of each bit of the masks.
        as_of: datetime64[D], the day of the run.
        policy: weights of the fit.
        ahead: who may still come; None matches tonight alone.
    """

    needs: Needs
    offers: Offers
    quantity: NDArray[np.int64]
    tier: NDArray[np.int8]
    bundle: NDArray[np.int32]
    whole: NDArray[np.bool_]
    capacity: NDArray[np.int64]
    pool: NDArray[np.int32]
    pool_capacity: NDArray[np.int64]
    minimum_batch: NDArray[np.int64]
    given: NDArray[np.int64]
    free: NDArray[np.int64]
    budget_bound: NDArray[np.bool_]
    barred: NDArray[np.int64]
    earlier: NDArray[np.int64]
    need_id: NDArray[np.int64]
    need_version: NDArray[np.int64]
    capacity_id: NDArray[np.int64]
    capacity_version: NDArray[np.int64]
    capacity_allocated: NDArray[np.int64]
    organization_id: NDArray[np.int64]
    regions: tuple[str, ...]
    wishes: tuple[bool, ...]
    qualifications: tuple[str, ...]
    as_of: np.datetime64
    policy: Policy
    ahead: Ahead | None = None
