"""The smallest change that would serve a unit more of a need: one unit, a wider radius, one group and the like."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from matching.columns import Bools, Int64s
from matching.eligibility.codes import CodeTables
from matching.eligibility.rules import EARTH_RADIUS_KM, RADIUS_TOLERANCE_KM, Needs, Offers, open_on
from matching.explain.chains import NOWHERE, Chains
from matching.prices.levels import Levels, Worths
from matching.prices.paths import NEVER
from matching.prices.worth import World
from matching.reasons import FUNNEL_REASONS, Reason

ORDER = (
    Reason.CAPACITY_TAKEN,
    Reason.TOO_FAR,
    Reason.GROUP,
    Reason.QUALIFICATION,
    Reason.DATES,
    Reason.NO_REGION,
    Reason.NO_CATEGORY,
)
"""Kinds of change, those that ask least of an organization first."""


class Rules(NamedTuple):
    """What the hard rules know of needs and offers, in the rows of the problem, on a day."""

    needs: Needs
    offers: Offers
    tables: CodeTables
    as_of: np.datetime64


class Change(NamedTuple):
    """A change at one offer that would serve a unit more of the need.

    Attributes:
        rule: what would have to change: CAPACITY_TAKEN for one unit more, else the one rule that fails.
        offer: where.
        metres: by how much the radius falls short (TOO_FAR), else 0.
        missing: the qualifications it lacks, as bit positions (QUALIFICATION); the groups of the need that it
            could open for, as bit positions (GROUP).
        first: of one unit more, the need that would come in: this one, or one just as urgent that is worth
            more; -1 where it is plain that this need is served.
        cost: what others lose, where the offer's units are taken by less urgent needs; None for nothing.
        units: how many units more (CAPACITY_TAKEN): so many are enough, fewer may be; 0 where there is no telling.
    """

    rule: Reason
    offer: int
    metres: int = 0
    missing: tuple[int, ...] = ()
    first: int = NOWHERE
    cost: Levels | None = None
    units: int = 1

    def size(self) -> tuple[bool, bool, int, int, int, int, int]:
        """Smaller changes are less: sure ones, at nobody's cost, of an easy kind, by little."""
        unsure = self.rule is Reason.CAPACITY_TAKEN and self.first != NOWHERE
        order = ORDER.index(self.rule)
        return (unsure, self.cost is not None, order, self.units, len(self.missing), self.metres, self.offer)


def units_more(world: World, chains: Chains, need: int, offers: Int64s, fits: Int64s) -> list[Change]:
    """Units more at the candidate where it takes few: one where the need is first in line.

    Otherwise more urgent ones come first. With every unit given the ways of others into the offer only get worse
    (distances of successive best paths never shrink: Ahuja, Magnanti & Orlin 1993, Network Flows, section 9.7), so
    no more units come before than now have a better way in.
    """
    if offers.size == 0:
        return []
    own = world.coming_in[need] + fits
    enter = world.enter[offers]
    sure = np.flatnonzero(own >= enter)
    if sure.size:
        place = int(sure[np.lexsort([offers[sure], -fits[sure]])[0]])
        return [Change(Reason.CAPACITY_TAKEN, int(offers[place]))]
    place = int(np.lexsort([offers, enter - own])[0])
    offer = int(offers[place])
    gained, lost, _ = world.scale.read(enter[[place]])
    tier, _, _ = world.scale.read(np.array([world.weight[need]]))
    first = chains.first_in_line(offer) if gained[0] == tier[0] and lost[0] < 0 else NOWHERE
    if world.fair:  # every unit changes what the next of its group weighs
        return [] if first == NOWHERE else [Change(Reason.CAPACITY_TAKEN, offer, first=first, units=0)]
    return [Change(Reason.CAPACITY_TAKEN, offer, first=first, units=chains.before(offer, int(own[place])) + 1)]


def changes_of(rules: Rules, world: World, need: int) -> list[Change]:
    """For each rule, the offer that fails it alone and by least, and that would serve the need then."""
    fails, short, lacking = _failing(rules, need)
    leave = world.leave[: len(rules.offers)]
    # A new pair's fit is unknown: whether the need comes in is told by the tiers alone.
    worth = np.where(leave > NEVER, leave + world.coming_in[need], NEVER)
    possible = (worth > 0) & ~world.settled.offers
    if isinstance(world.scale, Worths):  # who would give way is not told in tiers: only what is free is offered
        leave = leave + world.loads.more[: leave.size]
        possible &= leave == 0
    once = np.flatnonzero((fails.sum(axis=1) == 1) & possible)
    found = []
    for place, rule in enumerate(FUNNEL_REASONS):
        at = once[fails[once, place]]
        if at.size == 0 or (rule is Reason.DATES and not open_on(rules.as_of, rules.needs, rules.offers)[0][need]):
            continue
        best = int(at[np.lexsort([at, -leave[at], short[at], lacking.sum(axis=1)[at], leave[at] < 0])[0]])
        cost = None if leave[best] == 0 else world.scale.levels(-int(leave[best]))
        missing: tuple[int, ...] = ()
        if rule is Reason.QUALIFICATION:
            missing = tuple(np.flatnonzero(lacking[best]).tolist())
        elif rule is Reason.GROUP:
            missing = _bits(int(rules.needs.groups[need] & rules.tables.excluding_groups))
        metres = math.ceil(short[best]) if rule is Reason.TOO_FAR else 0
        if rule is not Reason.GROUP or missing:
            found.append(Change(rule, best, metres, missing, NOWHERE, cost))
    return found


def _failing(rules: Rules, need: int) -> tuple[Bools, np.ndarray[tuple[int], np.dtype[np.float64]], Bools]:
    """Which rules each offer fails (m, 6), by how many metres, and which qualifications it lacks (m, bits)."""
    needs, offers, tables, as_of = rules
    category, region = needs.category[need], needs.region[need]
    fails = np.zeros((len(offers), len(FUNNEL_REASONS)), np.bool_)
    fails[:, 0] = ~(offers.categories & tables.category_covers[:, category]).any(axis=1)
    fails[:, 1] = ~(offers.regions & tables.region_covers[:, region]).any(axis=1)
    beyond = _kilometres(rules, need) - offers.radius_km - RADIUS_TOLERANCE_KM
    fails[:, 2] = beyond > 0  # no radius: not a number, which is above nothing
    limits = offers.groups & tables.excluding_groups
    fails[:, 3] = (limits != 0) & ((limits & needs.groups[need]) == 0)
    words = needs.requires[need][None, :] & ~offers.qualifications
    bits = (words[:, :, None] >> np.arange(64, dtype=np.uint64)) & np.uint64(1)
    lacking = bits.reshape(len(offers), -1).astype(np.bool_)
    fails[:, 4] = lacking.any(axis=1)
    need_open, offer_open = open_on(as_of, needs, offers)
    fails[:, 5] = ~offer_open | ~need_open[need]
    return fails, np.where(fails[:, 2], beyond * 1000, 0.0), lacking


def _kilometres(rules: Rules, need: int) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Great-circle distance of the need to each offer (haversine), a missing point at the region's seat."""
    needs, offers, seats = rules.needs, rules.offers, rules.tables.seats
    lat, lon = float(needs.lat[need]), float(needs.lon[need])
    if math.isnan(lat) or math.isnan(lon):
        lat, lon = seats[needs.region[need]].tolist()
    unknown = np.isnan(offers.lat) | np.isnan(offers.lon)
    lats = np.radians(np.where(unknown, seats[offers.seat, 0], offers.lat))
    lons = np.radians(np.where(unknown, seats[offers.seat, 1], offers.lon))
    part = np.sin((lats - math.radians(lat)) / 2) ** 2
    part += np.cos(lats) * math.cos(math.radians(lat)) * np.sin((lons - math.radians(lon)) / 2) ** 2
    return np.asarray(2 * EARTH_RADIUS_KM * np.arcsin(np.sqrt(np.minimum(part, 1.0))))


def _bits(mask: int) -> tuple[int, ...]:
    return tuple(bit for bit in range(mask.bit_length()) if mask >> bit & 1)
