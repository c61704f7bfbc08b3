"""The parts of the fit by their definitions, and what may never lower it."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from matching import Policy
from matching.eligibility import candidates
from matching.scoring import PARTS, Parts, Scorer, score
from tests.support.rule_worlds import AS_OF, NEEDS, OFFERS, TABLES, Need, Offer, columns, distance

NEED = Need("S0301", "640104", None, (), (), None, 0)
OFFER = Offer(("S0301",), ("640104",), None, None, (), (), None, None)


def parts(need: Need, offer: Offer, policy: Policy | None = None) -> Parts:
    need_columns, offer_columns, _ = columns([need], [offer])
    scorer = Scorer(need_columns, offer_columns, TABLES, policy or Policy(), AS_OF)
    zero = np.zeros(1, np.int32)
    return scorer.parts(zero, zero, np.array([round(1000 * distance(need, offer))], np.int32))


@settings(deadline=None)
@given(st.lists(NEEDS, max_size=6), st.lists(OFFERS, max_size=6))
def test_fit_is_the_weighted_mean_of_the_parts(needs: list[Need], offers: list[Offer]) -> None:
    policy = Policy(closeness_weight=3, specialisation_weight=0, group_fit_weight=2, waiting_weight=1)
    need_columns, offer_columns, _ = columns(needs, offers)
    arcs = candidates(need_columns, offer_columns, TABLES, AS_OF)
    fit = score(arcs, need_columns, offer_columns, TABLES, policy, AS_OF)
    found = Scorer(need_columns, offer_columns, TABLES, policy, AS_OF).parts(arcs.need, arcs.offer, arcs.metres)
    expected = (3 * found.closeness + 2 * found.group_fit + found.waiting) // 6
    assert fit.tolist() == expected.tolist()
    for name in PARTS:
        part = getattr(found, name)
        assert ((part >= 0) & (part <= 10_000)).all()


def test_closeness_is_full_at_the_door_and_half_at_the_scale() -> None:
    policy = Policy(closeness_scale_km=10)
    assert parts(NEED, OFFER, policy).closeness.tolist() == [10_000]
    lat, lon = TABLES.seats[TABLES.regions.position["640104"]]
    ten_km_north = (float(lat) + np.degrees(10 / 6371.0088), float(lon))
    assert parts(NEED, replace(OFFER, point=ten_km_north), policy).closeness.tolist() == [5_000]


@pytest.mark.parametrize(
    ("need", "offers", "expected"),
    [
        ("S0301", ("S0301",), 10_000),
        ("S0301", ("S0301", "S0601"), 5_000),
        ("S0301", ("S03",), 1_666),
        ("S03", ("S03",), 10_000),
    ],
)
def test_specialisation_is_the_share_of_the_offer_that_is_this_service(
    need: str, offers: tuple[str, ...], expected: int
) -> None:
    found = parts(replace(NEED, category=need), replace(OFFER, categories=offers))
    assert found.specialisation.tolist() == [expected]


def test_groups_and_recognitions_in_common_raise_the_fit() -> None:
    need = replace(NEED, groups=("G-ILL", "T-DIBAO", "G-MIGCHILD"))
    told = [
        parts(need, replace(OFFER, groups=groups)).group_fit.item()
        for groups in ((), ("G-ELDALONE",), ("T-DIBAO",), ("T-DIBAO", "G-ILL"), ("T-DIBAO", "G-ILL", "G-MIGCHILD"))
    ]
    assert told == [0, 0, 5_000, 7_500, 8_750]


@settings(deadline=None)
@given(NEEDS, OFFERS, st.sampled_from(["T-DIBAO", "T-TEKUN", "G-MIGCHILD"]))
def test_a_recognition_more_never_lowers_a_part(need: Need, offer: Offer, code: str) -> None:
    before = parts(need, offer).group_fit.item()
    assert parts(replace(need, groups=tuple({*need.groups, code})), offer).group_fit.item() >= before
    assert parts(need, replace(offer, groups=tuple({*offer.groups, code}))).group_fit.item() >= before


@pytest.mark.parametrize(("waited", "expected"), [(-3, 0), (0, 0), (45, 5_000), (90, 10_000), (400, 10_000)])
def test_waiting_counts_up_to_the_full_days(waited: int, expected: int) -> None:
    assert parts(replace(NEED, waited=waited), OFFER).waiting.tolist() == [expected]


def test_weights_must_say_something() -> None:
    class Nothing:
        closeness_weight = specialisation_weight = group_fit_weight = waiting_weight = 0
        closeness_scale_km = waiting_full_days = 1.0

    need_columns, offer_columns, _ = columns([NEED], [OFFER])
    with pytest.raises(ValueError, match="above 0"):
        Scorer(need_columns, offer_columns, TABLES, Nothing(), AS_OF)
