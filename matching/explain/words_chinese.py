"""Explanations in Chinese."""

from __future__ import annotations

from collections.abc import Mapping

from matching.explain.chains import NOWHERE, Move
from matching.explain.changes import Change
from matching.explain.choices import Choice, Explanation, Held, RunnerUp
from matching.explain.words import Words, kilometres, points, told_moves, weighed
from matching.prices.levels import Levels
from matching.reasons import Reason


class Chinese(Words):
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
                first = f"{offer}若增加 1 份名额，先轮到同样紧急、更契合的{self.need(change.first)}"
                return f"{first}；增加 {change.units} 份即可满足 1 份" if change.units else first
            if change.units > 1:
                before = f"排在前面的更紧急或更契合的需求最多 {change.units - 1} 份"
                return f"{offer}若增加 {change.units} 份名额，即可满足 1 份（{before}）"
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
