"""Reason codes: why units of a need are not served, in Chinese and English."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from typing import NamedTuple


class Reason(Enum):
    """Why units of a need are not served: a code with its text in Chinese and English."""

    NO_CATEGORY = ("no_category", "没有提供该类别服务的资源", "nobody offers this category")
    NO_REGION = ("no_region", "该类别的资源不服务这个地区", "those who offer the category do not serve the region")
    TOO_FAR = ("too_far", "超出服务半径", "out of reach of those who serve the region")
    GROUP = ("group", "不在资源限定的人群之内", "outside the groups that the capacity is for")
    QUALIFICATION = ("qualification", "没有具备所需资质的资源", "nobody in reach has the required qualifications")
    DATES = ("dates", "不在有效期内或已过截止日期", "not valid on this day, or past the deadline")
    CAPACITY_TAKEN = ("capacity_taken", "名额已被占满", "the capacity is taken")
    NO_CAPACITY = ("no_capacity", "符合条件的资源没有名额", "the capacity that fits has no units")
    BUDGET = ("budget", "预算已用完", "the budget is used up")
    BUNDLE = ("bundle", "套餐无法整体满足", "its bundle cannot be served in full")
    WHOLE = ("whole", "没有一家能整体满足", "no single capacity can serve all of it")
    MINIMUM_BATCH = ("minimum_batch", "达不到资源的最小批量", "the least batch of the capacity is not reached")
    EXCLUSION = ("exclusion", "不能与另一需求共用资源", "it may not share capacity with another need")
    HELD = ("held", "名额为以后更紧急的需求保留", "capacity is held for more urgent needs to come")
    NOT_PROVEN = ("not_proven", "达到时间上限，未能证明", "the time limit ended the search")

    def __init__(self, code: str, zh: str, en: str) -> None:
        self.code, self.zh, self.en = code, zh, en

    def text(self, language: str) -> str:
        """The text in ``zh`` or ``en``."""
        return self.en if language == "en" else self.zh


FUNNEL_REASONS = (
    Reason.NO_CATEGORY,
    Reason.NO_REGION,
    Reason.TOO_FAR,
    Reason.GROUP,
    Reason.QUALIFICATION,
    Reason.DATES,
)
"""In the order of the rules, as `Funnel.left`."""

REASONS = tuple(Reason)
"""Columns of reasons hold positions in this."""


class Numbers(NamedTuple):
    """What stands behind the reason of one need; only what the reason speaks of is used."""

    candidates: int = 0
    nearest_metres: int = -1
    radius_metres: int = -1
    missing: Sequence[str] = ()
    taken: Sequence[int] = ()


COLOURS = {"zh": ("红", "黄", "蓝"), "en": ("red", "yellow", "blue")}
"""Names of the tiers where they are the three colours of urgency."""


def sentence(reason: Reason, numbers: Numbers, language: str) -> str:
    """The reason in a sentence with its numbers, in ``zh`` or ``en``."""
    english = language == "en"
    told = reason.text(language)
    if reason is Reason.TOO_FAR and numbers.nearest_metres >= 0:
        nearest, radius = numbers.nearest_metres / 1000, numbers.radius_metres / 1000
        if english:
            return f"{told}: the nearest is {nearest:.1f} km away and goes {radius:g} km"
        return f"{told}：最近的在 {nearest:.1f} 公里外，服务半径 {radius:g} 公里"
    if reason is Reason.QUALIFICATION and numbers.missing:
        return f"{told}: {', '.join(numbers.missing)}" if english else f"{told}：{'、'.join(numbers.missing)}"
    if reason is Reason.CAPACITY_TAKEN and any(numbers.taken):
        taken = _by_colour(numbers.taken, language)
        if english:
            return f"{told}: {numbers.candidates} would fit, they serve {taken} units"
        return f"{told}：有 {numbers.candidates} 项资源符合，已用于{taken}"
    return told


def _by_colour(units: Sequence[int], language: str) -> str:
    names = COLOURS["en" if language == "en" else "zh"]
    told = [
        f"{count} {names[tier]}" if language == "en" else f"{names[tier]} {count}"
        for tier, count in enumerate(units)
        if count and tier < len(names)
    ]
    return ", ".join(told) if language == "en" else "、".join(told)
