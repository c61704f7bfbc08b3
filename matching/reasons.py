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

    considered: int = 0
    nearest_metres: int = -1
    radius_metres: int = -1
    missing: Sequence[str] = ()
    taken: Sequence[int] = ()
    passed: str = ""
    """The need's deadline, where it has passed."""


COLOURS = {"zh": ("红", "黄", "蓝"), "en": ("red", "yellow", "blue")}
"""Names of the tiers where they are the three colours of urgency."""


def sentence(reason: Reason, numbers: Numbers, language: str) -> str:
    """The reason in a sentence with its numbers, in ``zh`` or ``en``."""
    told = reason.text(language)
    more = _numbers(reason, numbers, language == "en")
    if not more:
        return told
    return f"{told}: {more}" if language == "en" else f"{told}：{more}"


def _numbers(reason: Reason, numbers: Numbers, english: bool) -> str:
    """What a reason has to tell beside its name; empty for nothing."""
    count, nearest, radius = numbers.considered, numbers.nearest_metres / 1000, numbers.radius_metres / 1000
    if reason is Reason.TOO_FAR:
        if english:
            return f"the nearest of {count} is {nearest:.1f} km away and goes {radius:g} km"
        return f"{count} 项资源中最近的在 {nearest:.1f} 公里外，服务半径 {radius:g} 公里"
    if reason is Reason.QUALIFICATION:
        missing = (", " if english else "、").join(numbers.missing)
        return f"{missing} ({count} in reach)" if english else f"{missing}（范围内有 {count} 项资源）"
    if reason is Reason.CAPACITY_TAKEN:
        taken = _by_colour(numbers.taken, english)
        return f"{count} would fit, they serve {taken}" if english else f"有 {count} 项资源符合，已用于{taken}"
    if reason is Reason.DATES and numbers.passed:
        return f"the deadline was {numbers.passed}" if english else f"截止日期为 {numbers.passed}"
    if reason in (Reason.NO_REGION, Reason.GROUP, Reason.DATES):
        return f"{count} considered" if english else f"共 {count} 项"
    return ""


def _by_colour(units: Sequence[int], english: bool) -> str:
    names = COLOURS["en" if english else "zh"]
    told = [(names[tier], count) for tier, count in enumerate(units) if count and tier < len(names)]
    if english:
        return ", ".join(f"{count} {name}" for name, count in told) + " units"
    return "、".join(f"{name} {count}" for name, count in told) + " 份"
