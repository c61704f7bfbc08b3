"""The hard rules against their reading pair by pair, and each rule's border."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from matching.eligibility.rules import candidates, funnel
from tests.support.rule_worlds import (
    AS_OF,
    NEEDS,
    OFFERS,
    TABLES,
    Need,
    Offer,
    columns,
    distance,
    rules,
)

NEED = Need("S0301", "640104", None, (), (), None, 0)
OFFER = Offer(("S0301",), ("640104",), None, None, (), (), None, None)


def pairs(needs: list[Need], offers: list[Offer]) -> list[tuple[int, int]]:
    need_columns, offer_columns, _ = columns(needs, offers)
    found = candidates(need_columns, offer_columns, TABLES, AS_OF)
    return list(zip(found.need.tolist(), found.offer.tolist(), strict=True))


def eligible(need: Need, offer: Offer) -> bool:
    return pairs([need], [offer]) == [(0, 0)]


@settings(deadline=None)
@given(st.lists(NEEDS, max_size=8), st.lists(OFFERS, max_size=8))
def test_candidates_are_what_the_rules_say_pair_by_pair(needs: list[Need], offers: list[Offer]) -> None:
    expected = [(i, j) for i, need in enumerate(needs) for j, offer in enumerate(offers) if all(rules(need, offer))]
    assert pairs(needs, offers) == expected


@settings(deadline=None, max_examples=200)
@given(
    st.lists(NEEDS, min_size=1, max_size=5),
    st.lists(OFFERS, max_size=8),
    st.lists(st.tuples(st.floats(-0.01, 0.01), st.floats(-0.01, 0.01)), min_size=4, max_size=6),
    st.sampled_from([3, 1_000_000]),
)
def test_crowds_of_neighbours_are_looked_at_by_cells_and_nothing_is_lost(
    needs: list[Need], offers: list[Offer], moves: list[tuple[float, float]], chunk: int
) -> None:
    crowd = [
        replace(need, point=need.point and (need.point[0] + north, need.point[1] + east))
        for need in needs
        for north, east in moves
    ]
    need_columns, offer_columns, _ = columns(crowd, offers)
    found = candidates(need_columns, offer_columns, TABLES, AS_OF, chunk_pairs=chunk)
    expected = [(i, j) for i, need in enumerate(crowd) for j, offer in enumerate(offers) if all(rules(need, offer))]
    assert list(zip(found.need.tolist(), found.offer.tolist(), strict=True)) == expected


@settings(deadline=None)
@given(st.lists(NEEDS, max_size=8), st.lists(OFFERS, max_size=8))
def test_chunks_do_not_show(needs: list[Need], offers: list[Offer]) -> None:
    need_columns, offer_columns, _ = columns(needs, offers)
    found = candidates(need_columns, offer_columns, TABLES, AS_OF, chunk_pairs=3)
    assert list(zip(found.need.tolist(), found.offer.tolist(), strict=True)) == pairs(needs, offers)


@settings(deadline=None)
@given(NEEDS, st.lists(OFFERS, max_size=8))
def test_funnel_counts_offers_after_each_rule(need: Need, offers: list[Offer]) -> None:
    need_columns, offer_columns, words = columns([need], offers)
    told = funnel(need_columns, offer_columns, TABLES, AS_OF, np.array([0]))
    kept = [rules(need, offer) for offer in offers]
    assert told.left[0].tolist() == [sum(all(row[:rule]) for row in kept) for rule in range(1, 7)]
    near = [distance(need, offer) for offer, row in zip(offers, kept, strict=True) if all(row[:2])]
    assert told.nearest_metres[0] == (round(min(near) * 1000) if near else -1)
    lacking = [
        set(need.requires) - set(offer.qualifications) for offer, row in zip(offers, kept, strict=True) if all(row[:4])
    ]
    missing = set(words.told(told.missing[0]))
    assert missing in lacking if lacking else not missing
    assert len(missing) == min(map(len, lacking), default=0)


@settings(deadline=None)
@given(NEEDS, OFFERS, st.sets(st.sampled_from(["T-DIBAO", "T-NONE", "G-MIGCHILD"])))
def test_recognition_and_origin_never_change_who_is_eligible(need: Need, offer: Offer, codes: set[str]) -> None:
    before = eligible(need, offer)
    assert eligible(replace(need, groups=tuple({*need.groups, *codes})), offer) == before
    assert eligible(need, replace(offer, groups=tuple({*offer.groups, *codes}))) == before


def test_a_leaf_is_served_by_its_category_but_not_the_other_way_round() -> None:
    assert eligible(NEED, replace(OFFER, categories=("S03",)))
    assert not eligible(replace(NEED, category="S03"), OFFER)
    assert not eligible(NEED, replace(OFFER, categories=("S0302", "S06")))


@pytest.mark.parametrize(
    ("listed", "wanted", "expected"),
    [
        ("640000", "640104", True),
        ("640100", "640104", True),
        ("640100", "640202", False),
        ("640104", "640106", False),
        ("640104", "640100", False),
    ],
)
def test_a_region_covers_what_lies_below_it(listed: str, wanted: str, expected: bool) -> None:
    assert eligible(replace(NEED, region=wanted), replace(OFFER, regions=(listed,))) is expected


def test_a_need_on_the_circle_is_inside_and_a_radius_of_zero_reaches_the_door() -> None:
    need = replace(NEED, point=(38.5, 106.3))
    offer = replace(OFFER, point=(38.7, 106.4))
    edge = distance(need, offer)
    assert eligible(need, replace(offer, radius=edge))
    assert not eligible(need, replace(offer, radius=edge - 0.001))
    assert eligible(need, replace(offer, point=need.point, radius=0.0))


def test_a_missing_point_is_the_seat_of_the_first_region() -> None:
    here = replace(OFFER, regions=("640104", "640202"), radius=1.0)
    assert eligible(NEED, here)
    assert not eligible(replace(NEED, region="640202"), here)


def test_dates_count_from_the_first_to_the_last_day() -> None:
    assert eligible(replace(NEED, deadline=0), replace(OFFER, begins=0, ends=0))
    assert not eligible(replace(NEED, deadline=-1), OFFER)
    assert not eligible(NEED, replace(OFFER, begins=1))
    assert not eligible(NEED, replace(OFFER, ends=-1))


def test_more_than_64_qualifications() -> None:
    many = tuple(f"q{number}" for number in range(70))
    needs = [replace(NEED, requires=many), replace(NEED, requires=many[:1])]
    offers = [replace(OFFER, qualifications=many), replace(OFFER, qualifications=many[:69])]
    assert pairs(needs, offers) == [(0, 0), (1, 0), (1, 1)]


def test_distances_are_told_in_metres() -> None:
    need_columns, offer_columns, _ = columns([NEED], [replace(OFFER, point=(39.0, 106.0))])
    found = candidates(need_columns, offer_columns, TABLES, AS_OF)
    assert found.metres.tolist() == [round(1000 * distance(NEED, replace(OFFER, point=(39.0, 106.0))))]
