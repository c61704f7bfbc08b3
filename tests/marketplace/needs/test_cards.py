"""The public card: its white list, its bands, and the crowd it hides in (P6)."""

from collections import Counter
from dataclasses import fields
from datetime import date, timedelta
from typing import Any

import pytest
from flask import Flask

from marketplace.needs import services
from marketplace.needs.anonymity import MINIMUM_CROWD, broad_group, generalise
from marketplace.needs.cards import WishCard, deadline_band_of, price_band_of
from marketplace.needs.services import BoardFilter
from marketplace.permissions import ANYONE
from tests.support.world import DAWUKOU, HUINONG, XINGQING, a_case, a_wish

WHITE_LIST = {
    "public_id", "reference", "category", "title", "price_band_fen", "region", "group", "deadline_band", "state",
}  # fmt: skip


def test_a_card_has_exactly_the_fields_that_may_be_public() -> None:
    assert {field.name for field in fields(WishCard)} == WHITE_LIST


@pytest.mark.parametrize(
    ("value_fen", "band"), [(None, None), (1, 5_000), (5_000, 5_000), (5_001, 10_000), (50_000, 50_000), (50_001, 0)]
)
def test_a_price_is_told_as_a_band(value_fen: int | None, band: int | None) -> None:
    assert price_band_of(value_fen) == band


@pytest.mark.parametrize(("days", "band"), [(0, "week"), (7, "week"), (8, "month"), (30, "month"), (31, "later")])
def test_a_deadline_is_told_as_a_band(days: int, band: str) -> None:
    on = date(2026, 11, 24)
    assert deadline_band_of(on + timedelta(days=days), on) == band
    assert deadline_band_of(None, on) == "none"


def test_illness_bereavement_and_recognition_are_no_broad_group() -> None:
    assert broad_group(["G-ILL", "G-MENTAL", "T-DIBAO"]) == "household"
    assert broad_group(["G-ORPHAN"]) == "child"
    assert broad_group(["G-ELDALONE", "G-SEVDIS"]) == "elder"


@pytest.mark.parametrize(
    ("in_county", "in_prefecture", "shown"),
    [
        (MINIMUM_CROWD, MINIMUM_CROWD, (DAWUKOU, "child")),
        (MINIMUM_CROWD - 1, MINIMUM_CROWD, ("640200", "child")),
        (1, MINIMUM_CROWD - 1, ("640200", "household")),
    ],
)
def test_fewer_than_five_alike_are_shown_as_part_of_more(
    in_county: int, in_prefecture: int, shown: tuple[str, str]
) -> None:
    counts = {DAWUKOU: in_county, "640200": in_prefecture}
    assert generalise(DAWUKOU, "child", "S1102", lambda region, *_rest: counts[region]) == shown


def _wishes(region: str, number: int, **values: Any) -> None:
    for _place in range(number):
        a_wish(a_case(region), groups=["G-HARDCHILD"], **values)


def test_the_board_counts_households_not_wishes(app: Flask) -> None:
    """Five wishes of one family are one family."""
    case = a_case()
    for _place in range(MINIMUM_CROWD):
        a_wish(case, groups=["G-HARDCHILD"])
    assert {(card.region, card.group) for card in services.newest_wishes(9)} == {("640200", "household")}


def test_every_card_of_the_board_stands_for_five_households_or_names_no_county_and_group(app: Flask) -> None:
    _wishes(DAWUKOU, MINIMUM_CROWD)
    _wishes(HUINONG, 2)
    _wishes(XINGQING, 1)
    shown = Counter((card.region, card.group) for card in services.newest_wishes(20))
    assert shown == {(DAWUKOU, "child"): MINIMUM_CROWD, ("640200", "child"): 2, ("640100", "household"): 1}


def test_the_county_filter_does_not_tell_what_the_wider_region_hides(app: Flask) -> None:
    """A wish shown under its prefecture is found under each of its counties, so that none is ruled out."""
    _wishes(DAWUKOU, MINIMUM_CROWD)
    _wishes(HUINONG, 2)
    found = {county: services.board(ANYONE, BoardFilter(county=county), 1) for county in (DAWUKOU, HUINONG, "640221")}
    assert {county: page.total for county, page in found.items()} == {DAWUKOU: 7, HUINONG: 2, "640221": 2}
    assert services.board(ANYONE, BoardFilter(county=XINGQING), 1).total == 0
