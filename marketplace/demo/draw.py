"""Repeatable draws for the demo world."""

import hashlib
from collections.abc import Sequence
from typing import TypeVar

Item = TypeVar("Item")

SEED = "bangnin demo world 1"


class Draw:
    """A stream of draws that depends on its key alone.

    Each record of the demo world draws from a stream of its own, so that adding one record leaves the
    others as they were, on every platform and Python version.
    """

    def __init__(self, *key: object) -> None:
        self._key = "/".join([SEED, *(str(part) for part in key)])
        self._count = 0

    def _next(self) -> int:
        self._count += 1
        digest = hashlib.sha256(f"{self._key}#{self._count}".encode()).digest()
        return int.from_bytes(digest[:8], "big")

    def integer(self, low: int, high: int) -> int:
        """A whole number from `low` to `high`, both included."""
        return low + self._next() % (high - low + 1)

    def chance(self, percent: int) -> bool:
        """True in `percent` of 100 draws."""
        return self.integer(1, 100) <= percent

    def choice(self, items: Sequence[Item]) -> Item:
        """One of the items, each as likely as the others."""
        return items[self.integer(0, len(items) - 1)]

    def weighted(self, weights: dict[Item, int]) -> Item:
        """One of the keys, as likely as its weight says."""
        rest = self.integer(1, sum(weights.values()))
        for item, weight in weights.items():
            rest -= weight
            if rest <= 0:
                return item
        raise AssertionError("weights are positive")

    def shuffled(self, items: Sequence[Item]) -> list[Item]:
        """The items in a drawn order."""
        left = list(items)
        return [left.pop(self.integer(0, len(left) - 1)) for _ in range(len(left))]
