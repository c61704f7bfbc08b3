"""The demo world proves its figures: each is counted or summed from the rows, never printed."""

import re
from collections import Counter
from pathlib import Path

from ortools.graph.python import max_flow

from marketplace import regions
from marketplace.demo import generate
from marketplace.demo.demands import may_serve
from tests.marketplace.demo_rows import (
    ALLOCATIONS,
    CAPACITY,
    DAWUKOU,
    HOUSEHOLDS,
    HUINONG,
    JINFENG,
    LAST_SIGN_IN_VOLUNTEER,
    LIVE,
    MEMBERS,
    NEEDS,
    ORGANIZATIONS,
    PERSONS,
    XINGQING,
    claims_of_wishes_in_dawukou,
    programme_deliveries,
    project_title,
    read,
    units,
)


def test_generator_writes_the_committed_bytes(tmp_path: Path) -> None:
    assert generate.main(["--directory", str(tmp_path)]) == 0
    written = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    committed = {path.name: path.read_bytes() for path in generate.DIRECTORY.glob("*.csv")}
    assert written == committed


def test_wbn_members_is_30() -> None:
    kinds = {row["id"]: row["kind"] for row in ORGANIZATIONS}
    members = [row["organization"] for row in MEMBERS]
    assert len(members) == len(set(members)) == 30
    assert {row["alliance"] for row in MEMBERS} == {row["id"] for row in read("alliances")}
    assert {kinds[member] for member in members} == {
        "law_firm", "hospital", "merchant", "enterprise", "charity", "volunteer_team",
    }  # fmt: skip


def test_wbn_wishes_claimed_is_137_of_which_118_are_confirmed() -> None:
    claims = claims_of_wishes_in_dawukou()
    assert len(claims) == len({row["need"] for row in claims}) == 137
    states = Counter(row["state"] for row in claims)
    assert states["confirmed"] == 118
    assert states["accepted"] + states["delivering"] + states["delivered"] == 19
    assert min(states.values()) >= 5
    assert {row["source"] for row in ALLOCATIONS if row["volunteer"]} == {"claim"}


def test_sign_in_volunteers_hold_no_live_claim() -> None:
    live = [row for row in ALLOCATIONS if row["state"] in LIVE]
    volunteers = [row["volunteer"] for row in live if row["volunteer"]]
    assert volunteers
    assert all(volunteer > LAST_SIGN_IN_VOLUNTEER for volunteer in volunteers)
    assert any(row["capacity"] for row in live if row["source"] == "claim")
    everyone = {row["volunteer"] for row in ALLOCATIONS if row["volunteer"]}
    assert everyone <= {f"volunteer-{number:02d}" for number in range(1, 71)}


def test_wbn_supported_jobs_is_10_distinct_persons() -> None:
    placed = [row for row in ALLOCATIONS if NEEDS[row["need"]]["category"] == "S0904" and row["state"] == "confirmed"]
    needs = [NEEDS[row["need"]] for row in placed]
    assert len(placed) == sum(int(row["quantity"]) for row in placed) == 10
    assert {(need["kind"], need["region"]) for need in needs} == {("employment", DAWUKOU)}
    households = [need["household"] for need in needs]
    assert len(set(households)) == 10
    for household in households:
        disabled = [row for row in PERSONS if row["household"] == household and "G-DISABLED" in row["groups"]]
        assert len(disabled) == 1


def test_xxn_households_is_15() -> None:
    helped = [row for row in ALLOCATIONS if project_title(row) == "兴系你" and row["state"] == "confirmed"]
    needs = [NEEDS[row["need"]] for row in helped]
    assert len({need["household"] for need in needs}) == 15
    assert {need["region"] for need in needs} == {XINGQING}
    assert len(needs) > 15


def test_hn_goods_is_565000_yuan() -> None:
    goods = [row for row in programme_deliveries() if row["value_kind"] == "goods"]
    assert sum(int(row["value_yuan"]) for row in goods) == 565_000
    assert {NEEDS[row["need"]]["kind"] for row in goods} == {"goods"}
    for row in goods:
        assert 200 <= int(row["value_yuan"]) / int(row["quantity"]) <= 1500


def test_hn_invested_is_65000_yuan() -> None:
    money = [row for row in programme_deliveries() if row["value_kind"] == "money"]
    assert sum(int(row["value_yuan"]) for row in money) == 65_000
    assert {NEEDS[row["need"]]["kind"] for row in money} == {"grant"}
    assert len({NEEDS[row["need"]]["household"] for row in money}) == len(money)


def test_hn_beneficiary_is_750_person_times() -> None:
    deliveries = programme_deliveries()
    assert sum(int(row["people_served"]) for row in deliveries) == 750
    assert {NEEDS[row["need"]]["region"] for row in deliveries} == {HUINONG}
    assert {project_title(row) for row in deliveries} == {"慈善幸福家园", "同心圆梦·慈善助学"}


def test_triage_colours_are_3_in_jinfeng() -> None:
    colours = {row["colour"] for row in HOUSEHOLDS.values() if row["region"] == JINFENG}
    assert colours >= {"RED", "YELLOW", "BLUE"}
    assert {row["colour"] for row in HOUSEHOLDS.values()} == {"RED", "YELLOW", "BLUE", "UNRATED"}


def test_more_than_400_open_needs_over_all_22_counties() -> None:
    held = units(ALLOCATIONS, "need")
    waiting = [row for row in NEEDS.values() if row["state"] == "open" and held[row["id"]] < int(row["quantity"])]
    assert len(NEEDS) >= 480
    assert len(waiting) >= 400
    assert {row["region"] for row in waiting} == {county.code for county in regions.counties()}
    assert {row["kind"] for row in waiting} == {"micro_wish", "goods", "service", "employment", "grant"}


def test_at_least_80_open_wishes_may_be_claimed() -> None:
    held = units(ALLOCATIONS, "need")
    wishes = [row for row in NEEDS.values() if row["kind"] == "micro_wish"]
    claimable = [row for row in wishes if row["state"] == "open" and row["consent_date"] and not held[row["id"]]]
    assert len(claimable) >= 80
    assert Counter(row["region"] for row in claimable).most_common(1)[0][0] == DAWUKOU
    assert {row["state"] for row in wishes} == {"open", "closed", "review", "draft"}


def test_wishes_are_single_cheap_and_free_of_marks_of_a_person() -> None:
    telling = re.compile(r"\d{5,}|小学|中学|幼儿园|班|号楼|单元|室|组|村|巷|病|癌|残|孤儿|服刑|演示|某")
    for row in NEEDS.values():
        if row["kind"] == "micro_wish":
            assert row["quantity"] == "1"
            assert not row["value_yuan"] or 0 < int(row["value_yuan"]) < 500
            assert not telling.search(row["title"]), row["title"]
    titles = [row["title"] for row in NEEDS.values() if row["kind"] == "micro_wish"]
    assert len(set(titles)) >= 150


def test_urgency_is_mixed_15_35_50() -> None:
    current = [row["urgency"] for row in NEEDS.values() if row["state"] != "closed"]
    shares = {urgency: round(100 * count / len(current)) for urgency, count in Counter(current).items()}
    assert shares == {"red": 15, "yellow": 35, "blue": 50}


def test_some_needs_wait_for_consent() -> None:
    without = [row for row in NEEDS.values() if row["state"] == "open" and not row["consent_date"]]
    assert 5 <= len(without) <= 20
    assert all(row["kind"] != "micro_wish" for row in without)
    for row in NEEDS.values():
        assert bool(row["consent_date"]) == bool(row["consent_by"])
        assert row["consent_by"] in ("", "self", "guardian")


def test_quantities_hold_on_both_sides() -> None:
    by_need, by_capacity = units(ALLOCATIONS, "need"), units(ALLOCATIONS, "capacity")
    for number, need in NEEDS.items():
        assert 1 <= int(need["quantity"]) <= 10
        assert by_need[number] <= int(need["quantity"])
        if need["state"] == "closed":
            assert by_need[number] == int(need["quantity"])
        if by_need[number]:
            assert need["state"] in ("open", "closed")
            assert need["consent_date"]
    for number, capacity in CAPACITY.items():
        assert by_capacity[number] <= int(capacity["quantity"])


def test_every_allocation_has_one_supplier_that_may_serve_the_need() -> None:
    for row in ALLOCATIONS:
        assert bool(row["capacity"]) != bool(row["volunteer"])
        if row["capacity"]:
            assert may_serve(CAPACITY[row["capacity"]], NEEDS[row["need"]])


def test_dates_of_allocations_are_in_order() -> None:
    today = generate.AS_OF.isoformat()
    for row in ALLOCATIONS:
        assert NEEDS[row["need"]]["posted"] < row["accepted_on"] <= today
        assert bool(row["delivered_on"]) == (row["state"] in ("delivered", "confirmed"))
        assert bool(row["confirmed_on"]) == (row["state"] == "confirmed") == bool(row["satisfaction"])
        if row["delivered_on"]:
            assert row["accepted_on"] <= row["delivered_on"] <= today
        if row["confirmed_on"]:
            assert row["delivered_on"] <= row["confirmed_on"] <= today
        if row["state"] in ("accepted", "delivering"):
            assert row["due_on"] > today


def test_most_open_units_can_be_served_and_some_red_ones_cannot() -> None:
    by_need, by_capacity = units(ALLOCATIONS, "need"), units(ALLOCATIONS, "capacity")
    graph = max_flow.SimpleMaxFlow()
    offers = {number: 2 + position for position, number in enumerate(CAPACITY)}
    pool_names = sorted({row["pool"] for row in CAPACITY.values() if row["pool"]})
    pools = {name: 2 + len(offers) + position for position, name in enumerate(pool_names)}
    pool_quantity: dict[str, int] = {}
    for number, row in CAPACITY.items():
        end = pools[row["pool"]] if row["pool"] else 1
        graph.add_arc_with_capacity(offers[number], end, int(row["quantity"]) - by_capacity[number])
        if row["pool"]:
            assert pool_quantity.setdefault(row["pool"], int(row["pool_quantity"])) == int(row["pool_quantity"])
    for name, node in pools.items():
        graph.add_arc_with_capacity(node, 1, pool_quantity[name])
    total = 0
    hopeless_red = 0
    pairs = 0
    for position, need in enumerate(row for row in NEEDS.values() if row["state"] == "open" and row["consent_date"]):
        node = 2 + len(offers) + len(pools) + position
        left = int(need["quantity"]) - by_need[need["id"]]
        graph.add_arc_with_capacity(0, node, left)
        able = [number for number, row in CAPACITY.items() if may_serve(row, need)]
        for number in able:
            graph.add_arc_with_capacity(node, offers[number], left)
        total += left
        pairs += len(able)
        hopeless_red += need["urgency"] == "red" and not able
    assert graph.solve(0, 1) == graph.OPTIMAL
    assert 0.70 <= graph.optimal_flow() / total <= 0.80
    assert hopeless_red >= 3
    assert pairs >= 600
