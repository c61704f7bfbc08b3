"""The public card: its white list, its bands, and the crowd it hides in (P6)."""

from collections import Counter
from dataclasses import fields
from datetime import date, timedelta
from typing import Any

import pytest
from flask import Flask

from marketplace.needs import services
from marketplace.needs.anonymity import MINIMUM_CROWD, age_band_of, broad_group, generalise, public_count, wide_age
from marketplace.needs.cards import WishCard, deadline_band_of, price_band_of
from marketplace.needs.services import BoardFilter
from marketplace.permissions import ANYONE
from tests.support.client import Browser
from tests.support.world import DAWUKOU, HUINONG, XINGQING, a_case, a_need, a_wish

WHITE_LIST = {
    "public_id", "reference", "category", "title", "price_band_fen", "region", "group", "age", "deadline_band",
    "state",
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


ENOUGH, FEW = MINIMUM_CROWD, MINIMUM_CROWD - 1


@pytest.mark.parametrize(
    ("alike", "shown"),
    [
        ((ENOUGH, ENOUGH, ENOUGH, ENOUGH), (DAWUKOU, "7-12", "child")),
        ((FEW, ENOUGH, ENOUGH, ENOUGH), ("640200", "7-12", "child")),
        ((FEW, FEW, ENOUGH, ENOUGH), ("640200", "child", "child")),
        ((FEW, FEW, FEW, ENOUGH), ("640200", "child", "household")),
        ((FEW, FEW, FEW, FEW), ("640200", None, "household")),
    ],
)
def test_fewer_than_five_alike_are_shown_as_part_of_more(
    alike: tuple[int, ...], shown: tuple[str, str | None, str]
) -> None:
    steps: list[tuple[str, str | None, str | None]]
    steps = [(DAWUKOU, "7-12", "child"), ("640200", "7-12", "child"), ("640200", "child", "child"),
             ("640200", "child", None)]  # fmt: skip
    counts = dict(zip(steps, alike, strict=True))
    found = generalise(DAWUKOU, "7-12", "child", "S1102", lambda region, age, group, _c: counts[region, age, group])
    assert found == shown


@pytest.mark.parametrize(
    ("age", "band"), [(0, "0-6"), (6, "0-6"), (7, "7-12"), (13, "13-15"), (17, "16-17"), (18, "18-59"), (80, "80+"),
                      (119, "80+"), (None, None), (-1, None)],
)  # fmt: skip
def test_an_age_is_told_as_a_band(age: int | None, band: str | None) -> None:
    assert age_band_of(age) == band


@pytest.mark.parametrize(("band", "wide"), [("0-6", "child"), ("16-17", "child"), ("18-59", "adult"), (None, None)])
def test_a_band_that_tells_too_much_becomes_child_or_adult(band: str | None, wide: str | None) -> None:
    assert wide_age(band) == wide


def _wishes(region: str, number: int, **values: Any) -> None:
    for _place in range(number):
        a_wish(a_case(region), groups=["G-HARDCHILD"], **values)


def test_public_counts_under_five_are_no_number(app: Flask, client: Browser) -> None:
    assert [public_count(number) for number in (0, 1, 4, 5)] == [0, "<5", "<5", 5]
    a_need()
    assert "&lt;5" in client.get("/").get_data(as_text=True)


def test_the_board_counts_households_not_wishes(app: Flask) -> None:
    """Five wishes of one family are one family."""
    case = a_case()
    for _place in range(MINIMUM_CROWD):
        a_wish(case, groups=["G-HARDCHILD"])
    assert {(card.region, card.group) for card in services.newest_wishes(9)} == {("640200", "household")}


def test_one_household_in_several_age_bands_counts_once_among_the_children_of_a_prefecture(app: Flask) -> None:
    case = a_case()
    for band in ("0-6", "7-12", "13-15", "16-17", "0-6"):
        a_wish(case, groups=["G-HARDCHILD"], age_band=band, consent_by="guardian")
    shown = {(card.region, card.age, card.group) for card in services.newest_wishes(9)}
    assert shown == {("640200", None, "household")}


def test_an_age_band_that_five_share_stands_on_the_card(app: Flask) -> None:
    _wishes(DAWUKOU, MINIMUM_CROWD, age_band="7-12", consent_by="guardian")
    _wishes(DAWUKOU, 1, age_band="13-15", consent_by="guardian")
    shown = Counter((card.region, card.age, card.group) for card in services.newest_wishes(9))
    assert shown == {(DAWUKOU, "7-12", "child"): MINIMUM_CROWD, ("640200", "child", "child"): 1}


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
