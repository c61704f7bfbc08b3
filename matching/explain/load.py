"""How full offers and pools are."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from matching.columns import Bools, Int64s
from matching.problem import Problem
from matching.solution import Solution


@dataclass(frozen=True)
class Load:
    """How full offers and pools are, and with whose units.

    Attributes:
        full: bool (m,), the offer itself or a pool above it has no unit left.
        binding: int64 (m,), the outermost that is full: m + the pool's number, or the offer's, also where nothing
            is. The units of two different ones are never the same.
        taken: int64 (m + p, T), units served by tier.
        used: int64 (m + p,), capacity taken, in the terms of ``use``.
        room: int64 (m,), capacity left at each offer and in every pool above it, in the terms of ``use``.
    """

    full: Bools
    binding: Int64s
    taken: Int64s
    used: Int64s
    room: Int64s

    @classmethod
    def of(cls, problem: Problem, solution: Solution, used_arcs: Int64s | None = None) -> Load:
        """The load of a solution; ``used_arcs`` are the arcs that carry units, where they are known."""
        offers, pools = problem.capacity.size, problem.pool_capacity.size
        taken = np.zeros((offers + pools, max(problem.tiers, 1)), np.int64)
        used = np.zeros(offers + pools, np.int64)
        arcs = np.flatnonzero(solution.flow > 0) if used_arcs is None else used_arcs
        flow, offer = solution.flow[arcs], problem.offer[arcs]
        tiers = taken.shape[1]
        np.add.at(taken.ravel(), offer.astype(np.int64) * tiers + problem.tier[problem.need[arcs]], flow)
        np.add.at(used, offer, flow * problem.use[arcs])
        binding = np.arange(offers)
        room = problem.capacity - used[:offers]
        pool = problem.pool.astype(np.int64)
        while (pool >= 0).any():
            inside = np.flatnonzero(pool >= 0)
            np.add.at(taken, offers + pool[inside], taken[inside])
            np.add.at(used, offers + pool[inside], used[inside])
            pool[inside] = problem.pool_parent[pool[inside]]
        pool = problem.pool.astype(np.int64)
        while (pool >= 0).any():
            inside = np.flatnonzero(pool >= 0)
            spare = problem.pool_capacity[pool[inside]] - used[offers + pool[inside]]
            room[inside] = np.minimum(room[inside], spare)
            bound = inside[spare <= 0]
            binding[bound] = offers + pool[bound]
            pool[inside] = problem.pool_parent[pool[inside]]
        return cls(room <= 0, binding, taken, used, room)
