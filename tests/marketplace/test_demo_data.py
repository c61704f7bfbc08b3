"""The demo world proves its figures: each is counted or summed from the rows, never printed."""

import csv
import re
from collections import Counter, defaultdict
from datetime import date
from pathlib import Path

import pytest
from ortools.graph.python import max_flow

from marketplace import credit_code, regions, taxonomy
from marketplace.demo import generate
from marketplace.demo.demands import may_serve
from marketplace.demo.families import CHECK_CHARACTERS, CHECK_WEIGHTS

Row = dict[str, str]
HOLDING = {"accepted", "delivering", "delivered", "confirmed"}
LIVE = HOLDING - {"confirmed"}
DAWUKOU, HUINONG, XINGQING, JINFENG = "640202", "640205", "640104", "640106"
LAST_SIGN_IN_VOLUNTEER = "volunteer-40"


def read(name: str) -> list[Row]:
    with (generate.DIRECTORY / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def split(text: str) -> list[str]:
    return [part for part in text.split(";") if part]


ORGANIZATIONS, MEMBERS, PROJECTS = read("organizations"), read("alliance_members"), read("projects")
CAPACITY = {row["id"]: row for row in read("capacity")}
HOUSEHOLDS = {row["id"]: row for row in read("households")}
PERSONS = read("persons")
NEEDS = {row["id"]: row for row in read("needs")}
ALLOCATIONS = read("allocations")
PROJECT_TITLES = {row["id"]: row["title"] for row in PROJECTS}


def project_title(allocation: Row) -> str:
    """The project behind an allocation, or nothing for a volunteer's."""
    return PROJECT_TITLES[CAPACITY[allocation["capacity"]]["project"]] if allocation["capacity"] else ""


def units(allocations: list[Row], key: str) -> Counter[str]:
    """Held units by need or by capacity."""
    held: Counter[str] = Counter()
    for row in allocations:
        if row["state"] in HOLDING and row[key]:
            held[row[key]] += int(row["quantity"])
    return held


def claims_of_wishes_in_dawukou() -> list[Row]:
    return [
        row
        for row in ALLOCATIONS
        if row["source"] == "claim"
        and NEEDS[row["need"]]["kind"] == "micro_wish"
        and NEEDS[row["need"]]["region"] == DAWUKOU
    ]


def programme_deliveries() -> list[Row]:
    programmes = ("慈善幸福家园", "同心圆梦·慈善助学")
    return [row for row in ALLOCATIONS if project_title(row) in programmes and row["state"] == "confirmed"]


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


def test_special_rules_stay_a_handful() -> None:
    assert len(CAPACITY) >= 90
    assert 1 <= sum(bool(row["budget_yuan"]) for row in CAPACITY.values()) <= 5
    assert 1 <= sum(bool(row["minimum_batch"]) for row in CAPACITY.values()) <= 2
    assert 1 <= len({row["pool"] for row in CAPACITY.values() if row["pool"]}) <= 4
    bundles = Counter(row["bundle"] for row in NEEDS.values() if row["bundle"])
    assert 1 <= len(bundles) <= 4
    assert min(bundles.values()) >= 2
    assert 1 <= sum(bool(row["whole"]) for row in NEEDS.values()) <= 5


def test_people_come_from_many_provinces() -> None:
    provinces = {row["hukou"][:2] for row in PERSONS}
    assert len(provinces) >= 30
    away = sum(not row["hukou"].startswith("64") for row in PERSONS)
    assert 0.25 < away / len(PERSONS) < 0.6
    for row in (*PERSONS, *NEEDS.values()):
        assert regions.exists(row["hukou"]) or regions.province(row["hukou"]) is not None


def test_identity_numbers_have_18_digits_and_fail_their_check() -> None:
    for row in PERSONS:
        number = row["id_number"]
        assert re.fullmatch(r"\d{18}", number)
        total = sum(int(digit) * weight for digit, weight in zip(number[:17], CHECK_WEIGHTS, strict=True))
        assert number[17] != CHECK_CHARACTERS[total % 11]
        assert number[6:14] == row["birth_on"].replace("-", "")
    # The weights and characters are those of GB 11643: the standard's own example passes.
    example = "11010519491231002X"
    total = sum(int(digit) * weight for digit, weight in zip(example[:17], CHECK_WEIGHTS, strict=True))
    assert CHECK_CHARACTERS[total % 11] == example[17]


def test_people_are_invented_in_every_field() -> None:
    assert len({row["name"] for row in PERSONS}) == len(PERSONS)
    assert len({row["id_number"] for row in PERSONS}) == len(PERSONS)
    assert len({row["phone"] for row in PERSONS}) == len(PERSONS)
    for row in PERSONS:
        assert re.fullmatch(r"演示[甲乙丙丁戊己庚辛壬癸][子丑寅卯辰巳午未申酉戌亥][一二三四五六七八九十]+", row["name"])
        assert re.fullmatch(r"100\d{8}", row["phone"])
        assert "演示路" in row["address"]


def test_organizations_say_that_they_are_demo() -> None:
    for row in ORGANIZATIONS:
        assert row["name"].endswith("（演示）")
        assert row["name_en"].endswith("(demo)")
        assert "演示" in row["summary"]
        assert re.fullmatch(r"演示联系人\d+", row["contact_name"])
        assert re.fullmatch(r"095[1-5]-555-01\d\d", row["contact_phone"])
    everything = "".join(path.read_text(encoding="utf-8") for path in generate.DIRECTORY.glob("*.csv"))
    assert "石嘴山市教育发展基金会" not in everything
    assert "示例,非官方解释" in read("alliances")[0]["summary"]
    assert "G-NONLOCAL" not in everything


def test_credit_codes_are_valid_visibly_demo_and_unique() -> None:
    codes = [row["credit_code"] for row in ORGANIZATIONS]
    assert len(set(codes)) == len(codes)
    for code in codes:
        assert credit_code.is_valid(code)
        assert code[8:11] == "DEM"
    assert sum(row["state"] == "registered" for row in ORGANIZATIONS) == 2


def test_projects_belong_to_organizations_and_the_known_ones_exist() -> None:
    owners = {row["id"]: row for row in ORGANIZATIONS}
    titles = {row["title"]: owners[row["organization"]] for row in PROJECTS}
    for title, region in (("慈善幸福家园", HUINONG), ("同心圆梦·慈善助学", HUINONG), ("兴系你", XINGQING)):
        assert titles[title]["region"] == region
    assert {row["state"] for row in PROJECTS} == {"open", "paused", "draft", "closed"}
    assert {row["funding"] for row in PROJECTS} == {"charity", "government_purchase", "mixed"}
    for row in PROJECTS:
        assert row["starts_on"] < row["ends_on"]
        if row["state"] == "open":
            assert owners[row["organization"]]["state"] == "verified"
    projects = {row["id"]: row for row in PROJECTS}
    for row in CAPACITY.values():
        project = projects[row["project"]]
        assert project["state"] == "open"
        assert owners[project["organization"]]["name"] == row["organization"]


@pytest.mark.parametrize(
    "name",
    ["organizations", "alliances", "projects", "capacity", "households", "persons", "needs", "allocations"],
)
def test_ids_are_unique(name: str) -> None:
    numbers = [row["id"] for row in read(name)]
    assert len(set(numbers)) == len(numbers)


def test_every_code_is_known() -> None:
    groups = {term.code for term in taxonomy.target_groups()}
    tiers = {term.code for term in taxonomy.assist_tiers()}
    qualifications = {term.code for term in taxonomy.qualifications()}
    for row in CAPACITY.values():
        assert all(taxonomy.exists(code) for code in split(row["categories"]))
        assert all(regions.exists(code) for code in split(row["regions"]))
        assert set(split(row["groups"])) <= taxonomy.EXCLUDING_GROUPS | taxonomy.NEVER_EXCLUDE
        assert set(split(row["qualifications"])) <= qualifications
    for row in NEEDS.values():
        assert taxonomy.exists(row["category"])
        assert regions.get(row["region"]).level == "county"
        assert set(split(row["groups"])) <= groups
        assert set(split(row["requires"])) <= qualifications
        assert HOUSEHOLDS[row["household"]]["region"] == row["region"]
    for row in PERSONS:
        assert row["household"] in HOUSEHOLDS
        assert row["tier"] in tiers
        assert set(split(row["groups"])) <= groups
        assert row["residence_permit"] in ("0", "1")
    for row in (*ORGANIZATIONS, *HOUSEHOLDS.values()):
        assert regions.exists(row["region"])


def test_dates_are_dates_and_open_deadlines_lie_ahead() -> None:
    for name, columns in generate.DATE_COLUMNS.items():
        for row in read(name):
            for column in columns:
                assert not row[column] or date.fromisoformat(row[column])
    for row in NEEDS.values():
        if row["state"] != "closed" and row["deadline"]:
            assert row["deadline"] > generate.AS_OF.isoformat()
        assert row["posted"] < generate.AS_OF.isoformat()


def test_households_have_a_first_person_whose_hukou_the_needs_repeat() -> None:
    people: dict[str, list[Row]] = defaultdict(list)
    for row in PERSONS:
        people[row["household"]].append(row)
    assert people.keys() == HOUSEHOLDS.keys()
    for need in NEEDS.values():
        first = people[need["household"]][0]
        assert first["relation"] == "self"
        assert first["hukou"] == need["hukou"]
