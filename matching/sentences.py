"""Explanations in sentences that a caseworker reads, in Chinese and English."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from matching.chains import NOWHERE, Move
from matching.changes import Change
from matching.choices import Choice, Explanation, Held, RunnerUp
from matching.levels import Levels
from matching.reasons import COLOURS, Reason

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


def describe(told: Explanation, language: str, names: Names | None = None, *, runners_up: int = 3) -> list[str]:
    """An explanation in sentences, in ``zh`` or ``en``.

    Args:
        names: what needs, offers, qualifications and groups are called.
        runners_up: so many other choices are told at most.
    """
    named = Names() if names is None else names
    words = _English(named) if language == "en" else _Chinese(named)
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


class _Words:
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


class _Chinese(_Words):
    def chosen(self, choice: Choice) -> str:
        """Who serves it."""
        fit = f"契合度 {points(choice.fit)} 分{self.parts(choice.parts)}"
        return f"由{self.offer(choice.offer)}提供 {choice.units} 份，{fit}。"

    def unserved(self, told: Explanation, missing: int) -> str:
        """Why units are not served."""
        if told.outcome == "no candidate":
            return "没有符合条件的资源可以满足这项需求。"
        if told.held or told.outcome == "held":
            return f"还有 {missing} 份未满足：可用的名额为以后更紧急的需求保留。"
        taken = "、".join(f"{self.tier(tier)} {units} 份" for tier, units in enumerate(told.taken) if units)
        count = len(told.candidates)
        if not taken:
            return f"还有 {missing} 份未满足：符合条件的 {count} 项资源不能再接受这项需求。"
        return f"还有 {missing} 份未满足：符合条件的 {count} 项资源的名额已用于{taken}。"

    def held(self, told: Explanation, one: Held) -> str:
        """Where units are kept from it, and by how much."""
        return (
            f"{self.offer(one.offer)}空余 {one.free} 份：预计最后一份对以后的需求值 {weighed(one.taken, one.tier)}，"
            f"这项需求值 {weighed(one.worth, one.tier)}（{self.scale(told.tiers)}，契合度另计），"
            "只有值得更多时才会动用。"
        )

    def runner_up(self, told: Explanation, one: RunnerUp) -> str:
        """What another choice would cost."""
        start = f"若由{self.offer(one.offer)}提供（契合度 {points(one.fit)} 分{self._inner(one.parts)}）"
        if one.worth is None:
            return f"{start}：{'它没有任何名额' if one.exact else '预算、最小批量等规则使代价无法估计'}。"
        effect = self._effect(one.cost, told) if one.cost is not None else self._weighed(one.worth, told)
        about = "" if one.exact else "（套餐、整体满足等决定保持不变时的估计）"
        changed = [self._move(move) for move in told_moves(one.moves)]
        others = len(one.moves) - len(changed)
        if others:
            changed.append(f"另有 {others} 份需求改换资源")
        return f"{start}：{effect}{about}。" + (f"受影响的是：{'；'.join(changed)}。" if changed else "")

    def _inner(self, parts: Mapping[str, int]) -> str:
        return self.parts(parts).replace("（", "，").replace("）", "")

    def _weighed(self, worth: int, told: Explanation) -> str:
        if worth == 0:
            return "对整体没有损失，同样好"
        return f"连同为以后保留的名额，整体少 {weighed(worth, told.tier_worth)}（{self.scale(told.tiers)}）"

    def _effect(self, cost: Levels, told: Explanation) -> str:
        units = list(cost.units)
        if told.served < told.quantity:  # the unit gained is this need's own
            units[told.tier] += 1
        lost = [
            f"{self.tier(tier)}需求{'少' if count > 0 else '多'}满足 {abs(count)} 份"
            for tier, count in enumerate(units)
            if count
        ]
        if cost.fit > 0:
            lost.append(f"总契合度减少 {points(cost.fit)} 分")
        elif cost.fit < 0:
            lost.append(f"总契合度增加 {points(-cost.fit)} 分")
        return "，".join(lost) if lost else "对整体没有损失，同样好"

    def _move(self, move: Move) -> str:
        if move.target == NOWHERE:
            return f"{self.need(move.need)}失去{self.offer(move.source)}的 1 份"
        if move.source == NOWHERE:
            return f"{self.need(move.need)}得到{self.offer(move.target)}的 1 份"
        return f"{self.need(move.need)}从{self.offer(move.source)}改到{self.offer(move.target)}"

    def change(self, change: Change) -> str:
        """What would help."""
        told = self._change(change)
        if change.cost is not None:
            lost = "、".join(
                f"{self.tier(tier)}需求少满足 {count} 份" for tier, count in enumerate(change.cost.units) if count > 0
            )
            told = f"{told}，但{lost or '契合度略降'}"
        return f"{told}。"

    def _change(self, change: Change) -> str:
        offer = self.offer(change.offer)
        if change.rule is Reason.CAPACITY_TAKEN:
            if change.first != NOWHERE:
                return f"{offer}若增加 1 份名额，先轮到同样紧急、更契合的{self.need(change.first)}"
            return f"{offer}若增加 1 份名额，即可满足 1 份"
        if change.rule is Reason.TOO_FAR:
            return f"{offer}若把服务半径扩大 {kilometres(change.metres)} 公里，即可满足"
        if change.rule is Reason.GROUP:
            return f"{offer}若也面向该家庭所属人群（{self.bits(self._names.group, change.missing)}），即可满足"
        if change.rule is Reason.QUALIFICATION:
            return f"{offer}若具备资质：{self.bits(self._names.qualification, change.missing)}，即可满足"
        if change.rule is Reason.DATES:
            return f"{offer}若在今天有效，即可满足"
        if change.rule is Reason.NO_REGION:
            return f"{offer}若也服务这个地区，即可满足"
        return f"{offer}若也提供这类服务，即可满足"

    def released(self) -> str:
        """Who can give what is held."""
        return "资源方可以申请释放保留的名额，统筹员说明理由后也可以破例安排。"

    def nothing_small(self) -> str:
        """Nothing small would help."""
        return "改变任何一项条件都不足以满足，需要新的资源。"


class _English(_Words):
    english = True

    def chosen(self, choice: Choice) -> str:
        """Who serves it."""
        units = "1 unit" if choice.units == 1 else f"{choice.units} units"
        return f"{self.offer(choice.offer)} gives {units}, fit {points(choice.fit)} of 100{self.parts(choice.parts)}."

    def unserved(self, told: Explanation, missing: int) -> str:
        """Why units are not served."""
        if told.outcome == "no candidate":
            return "No capacity that meets the conditions can serve this need."
        start = "1 unit is not served" if missing == 1 else f"{missing} units are not served"
        if told.held or told.outcome == "held":
            return f"{start}: the free capacity is held for more urgent needs to come."
        taken = ", ".join(f"{units} {self.tier(tier)}" for tier, units in enumerate(told.taken) if units)
        count = len(told.candidates)
        capacities = "the 1 capacity that fits" if count == 1 else f"the {count} capacities that fit"
        went = f"went to {taken} unit{'' if sum(told.taken) == 1 else 's'}" if taken else "cannot take it"
        return f"{start}: {capacities} {went}."

    def held(self, told: Explanation, one: Held) -> str:
        """Where units are kept from it, and by how much."""
        free = "1 unit" if one.free == 1 else f"{one.free} units"
        return (
            f"{self.offer(one.offer)} has {free} free: the last one is expected to be worth "
            f"{weighed(one.taken, one.tier)} to needs still to come, this need is worth {weighed(one.worth, one.tier)} "
            f"there ({self.scale(told.tiers)}, fit beside that); it is given only for more."
        )

    def runner_up(self, told: Explanation, one: RunnerUp) -> str:
        """What another choice would cost."""
        start = f"From {self.offer(one.offer)} instead (fit {points(one.fit)}{self._inner(one.parts)})"
        if one.worth is None:
            why = "it has no capacity at all" if one.exact else "rules on budgets, batches and the like hide the cost"
            return f"{start}: {why}."
        about = "" if one.exact else " (an estimate that keeps bundles and the like as they are)"
        changed = [self._move(move) for move in told_moves(one.moves)]
        others = len(one.moves) - len(changed)
        if others:
            changed.append(
                "1 more unit changes its offer" if others == 1 else f"{others} more units change their offers"
            )
        effect = self._effect(one.cost, told) if one.cost is not None else self._weighed(one.worth, told)
        return f"{start}: {effect}{about}." + (f" Affected: {'; '.join(changed)}." if changed else "")

    def _inner(self, parts: Mapping[str, int]) -> str:
        return self.parts(parts).replace(" (", ", ").replace(")", "")

    def _weighed(self, worth: int, told: Explanation) -> str:
        if worth == 0:
            return "nothing is lost, it is just as good"
        told_worth = weighed(worth, told.tier_worth)
        return f"the whole loses {told_worth}, capacity kept for later included ({self.scale(told.tiers)})"

    def _effect(self, cost: Levels, told: Explanation) -> str:
        units = list(cost.units)
        if told.served < told.quantity:  # the unit gained is this need's own
            units[told.tier] += 1
        lost = [
            f"1 {self.tier(tier)} unit {'less' if count > 0 else 'more'} is served"
            for tier, count in enumerate(units)
            if count
        ]
        if cost.fit > 0:
            lost.append(f"total fit falls by {points(cost.fit)} points")
        elif cost.fit < 0:
            lost.append(f"total fit rises by {points(-cost.fit)} points")
        return ", ".join(lost) if lost else "nothing is lost, it is just as good"

    def _move(self, move: Move) -> str:
        if move.target == NOWHERE:
            return f"{self.need(move.need)} loses 1 unit of {self.offer(move.source)}"
        if move.source == NOWHERE:
            return f"{self.need(move.need)} gets 1 unit of {self.offer(move.target)}"
        return f"{self.need(move.need)} moves from {self.offer(move.source)} to {self.offer(move.target)}"

    def change(self, change: Change) -> str:
        """What would help."""
        told = self._change(change)
        if change.cost is not None:
            lost = ", ".join(
                f"{count} {self.tier(tier)} unit less is served"
                for tier, count in enumerate(change.cost.units)
                if count > 0
            )
            told = f"{told}, but {lost or 'total fit falls a little'}"
        return f"{told}."

    def _change(self, change: Change) -> str:
        offer = self.offer(change.offer)
        if change.rule is Reason.CAPACITY_TAKEN:
            if change.first != NOWHERE:
                return (
                    f"One more unit at {offer} would go first to {self.need(change.first)}, as urgent and a better fit"
                )
            return f"One more unit at {offer} would serve a unit"
        if change.rule is Reason.TOO_FAR:
            return f"It would be served if {offer} went {kilometres(change.metres)} km further"
        if change.rule is Reason.GROUP:
            groups = self.bits(self._names.group, change.missing)
            return f"It would be served if {offer} were open to a group of this household ({groups})"
        if change.rule is Reason.QUALIFICATION:
            missing = self.bits(self._names.qualification, change.missing)
            return f"It would be served if {offer} had the qualification: {missing}"
        if change.rule is Reason.DATES:
            return f"It would be served if {offer} were valid today"
        if change.rule is Reason.NO_REGION:
            return f"It would be served if {offer} also served this region"
        return f"It would be served if {offer} also offered this category"

    def released(self) -> str:
        """Who can give what is held."""
        return "The supplier may ask for its release, and a coordinator may make an exception, with a reason."

    def nothing_small(self) -> str:
        """Nothing small would help."""
        return "No single change would serve it: new capacity is needed."


def kilometres(metres: int) -> str:
    """Metres as kilometres with one digit, rounded up: what is told must be enough."""
    return f"{-(-metres // 100) / 10:.1f}"


def weighed(worth: int, tier: int) -> str:
    """A worth in tiers, with two digits."""
    return f"{worth / tier:.2f}"
