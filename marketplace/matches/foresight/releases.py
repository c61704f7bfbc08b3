"""Capacity that its supplier does not want kept for anybody."""

from datetime import date


def released_capacities(_day: date) -> set[int]:
    """Keys of the capacities that are not kept back on a day."""
    return set()
