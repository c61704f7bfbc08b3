"""What sentences of explanations share in all languages: names, numbers, and which moves are told."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from matching.explain.chains import NOWHERE, Move
from matching.reasons import COLOURS

PART_NAMES = {
    "closeness": ("距离", "closeness"),
    "specialisation": ("专业对口", "specialisation"),
    "group_fit": ("人群契合", "group fit"),
    "waiting": ("等候时间", "waiting time"),
    "continuity": ("原服务方", "earlier supplier"),
}

SHORT_CHAIN = 3
"""So many moves are told one by one; of longer chains only who loses or gets a unit."""


class Names(NamedTuple):
    """What rows and bits are called; without one they are numbered."""

    need: Callable[[int], str] | None = None
    offer: Callable[[int], str] | None = None
    qualification: Callable[[int], str] | None = None
    group: Callable[[int], str] | None = None


class Words:
    """What both languages share."""

    english = False

    def __init__(self, names: Names) -> None:
        self._names = names

    def need(self, row: int) -> str:
        """A need's name."""
        told = self._names.need(row) if self._names.need else str(row + 1)
        return f"need {told}" if self.english else f"需求「{told}」"

    def offer(self, row: int) -> str:
        """An offer's name."""
        told = self._names.offer(row) if self._names.offer else str(row + 1)
        return f"“{told}”" if self.english else f"「{told}」"

    def bits(self, name: Callable[[int], str] | None, bits: Sequence[int]) -> str:
        """Names of qualifications or groups."""
        return (", " if self.english else "、").join(name(bit) if name else str(bit + 1) for bit in bits)

    def tier(self, tier: int) -> str:
        """A tier's colour, or its number."""
        colours = COLOURS["en" if self.english else "zh"]
        if tier < len(colours):
            return colours[tier] if self.english else f"{colours[tier]}色"
        return f"level {tier + 1}" if self.english else f"第 {tier + 1} 级"

    def scale(self, tiers: int) -> str:
        """What a unit of each tier counts where units are weighed."""
        counts = range(tiers, 0, -1)
        if self.english:
            return ", ".join(f"{self.tier(tier)} counts {count}" for tier, count in enumerate(counts))
        return "、".join(f"{self.tier(tier)}计 {count}" for tier, count in enumerate(counts))

    def parts(self, parts: Mapping[str, int]) -> str:
        """The parts of a fit in brackets; nothing without any."""
        if not parts:
            return ""
        told = [(PART_NAMES.get(name, (name, name))[self.english], value) for name, value in parts.items()]
        if self.english:
            return " (" + ", ".join(f"{name} {points(value)}" for name, value in told) + ")"
        return "（" + "、".join(f"{name} {points(value)} 分" for name, value in told) + "）"


def told_moves(moves: Sequence[Move]) -> list[Move]:
    """The moves that are told one by one: all of a short chain; of a long one who loses or gets a unit."""
    if len(moves) <= SHORT_CHAIN:
        return list(moves)
    return [move for move in moves if NOWHERE in (move.source, move.target)] or list(moves[:1])


def points(fit: int) -> str:
    """A fit of 0 to 10000 in points of 100, with as many digits as it takes."""
    return f"{fit / 100:.2f}".rstrip("0").rstrip(".")


def kilometres(metres: int) -> str:
    """Metres as kilometres with one digit, rounded up: what is told must be enough."""
    return f"{-(-metres // 100) / 10:.1f}"


def weighed(worth: int, tier: int) -> str:
    """A worth in tiers, with two digits."""
    return f"{worth / tier:.2f}"
