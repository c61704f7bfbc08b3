"""Explanations in English."""

from __future__ import annotations

from collections.abc import Mapping

from matching.explain.chains import NOWHERE, Move
from matching.explain.changes import Change
from matching.explain.choices import Choice, Explanation, Held, RunnerUp
from matching.explain.words import Words, kilometres, points, told_moves, weighed
from matching.prices.levels import Levels
from matching.reasons import Reason


class English(Words):
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
                first = (
                    f"One more unit at {offer} would go first to {self.need(change.first)}, as urgent and a better fit"
                )
                return f"{first}; {change.units} more would serve this one" if change.units else first
            if change.units > 1:
                before = f"at most {change.units - 1} more urgent or better fitting come first"
                return f"{change.units} more units at {offer} would serve a unit: {before}"
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
