"""Explanations in sentences that a caseworker reads, in Chinese and English."""

from __future__ import annotations

from matching.explain.choices import Explanation
from matching.explain.words import PART_NAMES, Names, kilometres, points
from matching.explain.words_chinese import Chinese
from matching.explain.words_english import English

__all__ = ["PART_NAMES", "Names", "describe", "kilometres", "points"]


def describe(told: Explanation, language: str, names: Names | None = None, *, runners_up: int = 3) -> list[str]:
    """An explanation in sentences, in ``zh`` or ``en``.

    Args:
        names: what needs, offers, qualifications and groups are called.
        runners_up: so many other choices are told at most.
    """
    named = Names() if names is None else names
    words = English(named) if language == "en" else Chinese(named)
    lines = [words.chosen(choice) for choice in told.chosen]
    missing = told.quantity - told.served
    if missing:
        lines.append(words.unserved(told, missing))
        lines += [words.held(told, one) for one in told.held[:runners_up]]
    if not told.priced:
        return lines
    lines += [words.runner_up(told, one) for one in told.runners_up[:runners_up]]
    lines += [words.change(change) for change in told.changes]
    if told.held:
        lines.append(words.released())
    elif missing and not told.changes:
        lines.append(words.nothing_small())
    return lines
