"""The parts of the fit by their definitions, and what may never lower it."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from matching import Policy
from matching.eligibility.rules import candidates
from matching.scoring import PARTS, Earlier, Parts, Scorer, score
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
        continuity_weight = 1
        closeness_scale_km = waiting_full_days = 1.0

    need_columns, offer_columns, _ = columns([NEED], [OFFER])
    with pytest.raises(ValueError, match="above 0"):
        Scorer(need_columns, offer_columns, TABLES, Nothing(), AS_OF)


PAIRS = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 3)), max_size=8)
SUPPLIERS = st.lists(st.integers(-1, 3), max_size=6)


@settings(deadline=None)
@given(PAIRS, SUPPLIERS)
def test_an_earlier_supplier_is_known_at_each_of_its_offers(pairs: list[tuple[int, int]], of_offer: list[int]) -> None:
    earlier = Earlier([need for need, _ in pairs], [supplier for _, supplier in pairs], of_offer)
    need, offer = np.divmod(np.arange(6 * len(of_offer)), max(len(of_offer), 1))
    told = earlier.holds(need.astype(np.int32), offer.astype(np.int32))
    asked = zip(need.tolist(), offer.tolist(), strict=True)
    assert told.tolist() == [of_offer[j] >= 0 and (i, of_offer[j]) in pairs for i, j in asked]
    assert len(earlier) == len({pair for pair in pairs if pair[1] in of_offer})


@settings(deadline=None)
@given(st.lists(NEEDS, min_size=1, max_size=5), st.lists(OFFERS, min_size=1, max_size=5), PAIRS)
def test_continuity_raises_the_fit_of_the_earlier_supplier_above_all_others_alike(
    needs: list[Need], offers: list[Offer], pairs: list[tuple[int, int]]
) -> None:
    need_columns, offer_columns, _ = columns(needs, offers)
    arcs = candidates(need_columns, offer_columns, TABLES, AS_OF)
    policy = Policy()
    known = [(need, supplier) for need, supplier in pairs if need < len(needs)]
    suppliers = [place % 4 for place in range(len(offers))]
    earlier = Earlier([need for need, _ in known], [supplier for _, supplier in known], suppliers)
    told = score(arcs, need_columns, offer_columns, TABLES, policy, AS_OF, earlier=earlier)
    scorer = Scorer(need_columns, offer_columns, TABLES, policy, AS_OF)
    parts = scorer.parts(arcs.need, arcs.offer, arcs.metres)
    plain = 40 * parts.closeness + 25 * parts.specialisation + 20 * parts.group_fit + 15 * parts.waiting
    there = np.array([(n, suppliers[m]) in known for n, m in zip(arcs.need, arcs.offer, strict=True)], np.int64)
    expected = (plain + 15 * 10_000 * there) // 115 if len(earlier) else plain // 100
    assert told.tolist() == expected.tolist()


def test_without_known_suppliers_or_weight_continuity_changes_nothing() -> None:
    need_columns, offer_columns, _ = columns([NEED, NEED], [OFFER])
    arcs = candidates(need_columns, offer_columns, TABLES, AS_OF)

    def fit(earlier: Earlier | None, weight: int = 15) -> list[int]:
        policy = Policy(continuity_weight=weight)
        told: list[int] = score(arcs, need_columns, offer_columns, TABLES, policy, AS_OF, earlier=earlier).tolist()
        return told

    plain, known = fit(None), Earlier([0], [7], [7])
    assert fit(Earlier([], [], [-1])) == fit(Earlier([0], [3], [7])) == fit(Earlier([0], [-1], [-1])) == plain
    assert fit(known, 0) == plain
    one, other = fit(known)
    assert one > other == plain[1] * 100 // 115
