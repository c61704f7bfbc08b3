"""Changes of the objective in its own terms, as units by tier and fit, and as labels of paths.

Sums of the contract's weights (T - t) * ((m + 1) * F + 1) do not tell which tiers gained: T - 0 is also (T - 1)
+ (T - 2) for T = 3. Labels of paths therefore weigh the tiers 0 < w(K - 1) < ... < w(0) with all differences
different (a Sidon set: 2 p k + k^2 mod p for a prime p > K, Erdős & Turán 1941). A path gains a unit of at most
one tier and loses one of at most one, so its label tells which. Every decreasing choice of positive weights has
the same best paths (:mod:`matching.network.flow`).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from matching.columns import Int64s
from matching.policy import Policy
from matching.problem import FIT_MAX, Problem


class Levels(NamedTuple):
    """A change of the objective: units served more (below 0: fewer) by tier, and the change of fit."""

    units: tuple[int, ...]
    fit: int


class Scale:
    """The two ways to weigh the tiers of a problem, and from one to the other.

    In labels, ranks of fairness between groups weigh less than a unit of any tier and more than all fit.
    """

    def __init__(self, problem: Problem, policy: Policy, ranks: int = 0) -> None:
        offers, pools = problem.capacity.size, problem.pool_capacity.size
        self.tiers = problem.tiers
        self.contract_step = (offers + 1) * FIT_MAX + 1
        self._top = max(policy.tiers, problem.tiers)
        # A path's fit, of either sign, stays below half of this; so does what it changes of the balance: loads of
        # offers count where it passes to or from a pool or the ground, which it visits once each.
        self.rank_step = 2 * ((offers + 2) * FIT_MAX + 2 * (pools + 2) * policy.dearest_load) + 1
        self._step = self.rank_step * (2 * ranks + 1)
        present = np.unique(problem.tier).astype(np.int64)
        rank = np.arange(present.size, 0, -1)
        prime = _prime_above(present.size)
        code = np.append(2 * prime * rank + rank * rank % prime, 0)  # the last stands for no tier at all
        tier = np.append(present, -1)
        difference = (code[:, None] - code[None, :]).ravel()
        gained, lost = np.repeat(tier, tier.size), np.tile(tier, tier.size)
        same = gained == lost
        gained[same] = lost[same] = -1
        self._codes, first = np.unique(difference, return_index=True)
        self._gained, self._lost = gained[first], lost[first]
        self._weight = np.zeros(self.tiers + 1, np.int64)
        self._weight[tier] = code * self._step
        self._contract = np.append((self._top - np.arange(self.tiers, dtype=np.int64)) * self.contract_step, 0)

    def weight(self, tier: Int64s) -> Int64s:
        """What a unit of each tier weighs in labels, beside its fit."""
        return self._weight[tier]

    def read(self, label: Int64s) -> tuple[Int64s, Int64s, Int64s]:
        """The tier that each label gains a unit of, the one that it loses one of (-1 none), and its fit."""
        code = (label + self._step // 2) // self._step
        place = np.searchsorted(self._codes, code)
        rest = label - code * self._step
        rest = rest - (rest + self.rank_step // 2) // self.rank_step * self.rank_step
        return self._gained[place], self._lost[place], rest

    def worth(self, label: Int64s) -> Int64s:
        """Labels in the objective's terms."""
        gained, lost, fit = self.read(label)
        return np.asarray(self._contract[gained] - self._contract[lost] + fit)

    def levels(self, label: int) -> Levels | None:
        """A label as units by tier and fit, less what loads cost; None where labels do not tell."""
        gained, lost, fit = (int(column[0]) for column in self.read(np.array([label], np.int64)))
        units = [0] * self.tiers
        if gained >= 0:
            units[gained] += 1
        if lost >= 0:
            units[lost] -= 1
        return Levels(tuple(units), fit)


class Worths(Scale):
    """Labels in the contract's worths, for objectives that are one sum and no levels: those with a reserve."""

    def weight(self, tier: Int64s) -> Int64s:
        """What a unit of each tier is worth beside its fit."""
        return self._contract[tier]

    def read(self, label: Int64s) -> tuple[Int64s, Int64s, Int64s]:
        """No tiers (-1), and the label."""
        nothing = np.full(label.shape, -1, np.int64)
        return nothing, nothing, label

    def worth(self, label: Int64s) -> Int64s:
        """The labels themselves."""
        return label

    def levels(self, label: int) -> Levels | None:
        """Nothing: which tiers gain or lose is known from the moves alone."""
        del label
        return None


def _prime_above(number: int) -> int:
    """The least prime above a number; one lies below twice of it."""
    candidates = range(number + 1, 2 * number + 3)
    return next(prime for prime in candidates if prime > 1 and all(prime % divisor for divisor in range(2, prime)))
