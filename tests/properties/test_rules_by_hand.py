"""The rules for a pair by hand say what the matching says of it."""

from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from marketplace import regions, taxonomy
from marketplace.allocations.services.rules import broken, kilometres
from marketplace.matches.file_codes import code_tables
from marketplace.matches.problem import _days, _degrees, _group_mask, _masks, _seat, _table
from marketplace.needs.models import Need
from marketplace.projects.models import Capacity
from marketplace.records import today
from matching.eligibility.rules import Needs, Offers, candidates
from tests.support.world import in_days

CATEGORIES = [category.code for category in taxonomy.categories()]
REGIONS = [region.code for region in regions.all_regions()]
COUNTIES = [region.code for region in regions.counties()]
GROUPS = [
    *(term.code for term in taxonomy.target_groups() if term.code != taxonomy.ALL),
    *(term.code for term in taxonomy.assist_tiers()),
    taxonomy.ALL,
]
QUALIFICATIONS = [term.code for term in taxonomy.qualifications()][:4]
DAYS = st.none() | st.integers(-3, 3).map(in_days)
POINTS = st.none() | st.tuples(st.floats(35.3, 39.3), st.floats(104.3, 107.6))


def _some(codes: list[str], most: int = 3, least: int = 0) -> Any:
    return st.lists(st.sampled_from(codes), min_size=least, max_size=most, unique=True)


@st.composite
def pairs(draw: Any) -> tuple[Need, Capacity]:
    here, there = draw(POINTS), draw(POINTS)
    category = draw(st.sampled_from(CATEGORIES))
    need = Need(
        id=1, category=category, region=draw(st.sampled_from(COUNTIES)), groups=draw(_some(GROUPS[:-1], 4)),
        requires=draw(_some(QUALIFICATIONS)), latitude=here and here[0], longitude=here and here[1], quantity=1,
    )  # fmt: skip
    near = [category, category[:3], *CATEGORIES[:3]]
    served = [need.region, need.region[:4] + "00", regions.NINGXIA, *REGIONS[:4]]
    first, last = sorted([draw(DAYS), draw(DAYS)], key=lambda day: (day is not None, day or today()))
    capacity = Capacity(
        id=1, categories=draw(_some([code for code in near if code in CATEGORIES], least=1)),
        regions=draw(_some([code for code in served if code in REGIONS], least=1)), groups=draw(_some(GROUPS, 4)),
        qualifications=draw(_some(QUALIFICATIONS, 4)), latitude=there and there[0], longitude=there and there[1],
        radius_km=draw(st.none() | st.floats(1, 400)), valid_from=first if last else None, valid_until=last,
        minimum_batch=0, allocated=0, quantity=9, confirmed_on=today(),
    )  # fmt: skip
    return need, capacity


def _by_matching(need: Need, capacity: Capacity) -> tuple[bool, int]:
    tables = code_tables()
    words = sorted({*need.requires, *capacity.qualifications})
    needs = Needs(
        category=np.array([tables.categories.position[need.category]], np.int32),
        region=np.array([tables.regions.position[need.region]], np.int32),
        lat=_degrees([need.latitude]), lon=_degrees([need.longitude]),
        groups=np.array([_group_mask(need.groups)], np.uint64), requires=_masks([need.requires], words),
        deadline=_days([None]), posted=_days([today()]),
    )  # fmt: skip
    offers = Offers(
        categories=_table([capacity.categories], tables.categories.position),
        regions=_table([capacity.regions], tables.regions.position),
        seat=np.array([_seat(capacity.regions)], np.int32),
        lat=_degrees([capacity.latitude]), lon=_degrees([capacity.longitude]), radius_km=_degrees([capacity.radius_km]),
        groups=np.array([_group_mask(capacity.groups)], np.uint64),
        qualifications=_masks([capacity.qualifications], words),
        valid_from=_days([capacity.valid_from]), valid_until=_days([capacity.valid_until]),
    )  # fmt: skip
    found = candidates(needs, offers, tables, np.datetime64(today(), "D"))
    return len(found) == 1, int(found.metres[0]) if len(found) else -1


@given(pairs())
@settings(max_examples=300, deadline=None)
def test_a_pair_breaks_a_rule_by_hand_exactly_where_matching_refuses_it(pair: tuple[Need, Capacity]) -> None:
    need, capacity = pair
    eligible, metres = _by_matching(need, capacity)
    assert (broken(need, capacity, 1) == []) == eligible
    if eligible:
        assert abs(kilometres(need, capacity) * 1000 - metres) <= 1
