"""The demo world's records are sound: invented people, known codes, dates in order, nothing that is not marked."""

import re
from collections import Counter, defaultdict
from datetime import date

import pytest

from marketplace import credit_code, regions, taxonomy
from marketplace.demo import generate
from marketplace.demo.families import CHECK_CHARACTERS, CHECK_WEIGHTS
from tests.marketplace.demo_rows import (
    CAPACITY,
    HOUSEHOLDS,
    HUINONG,
    NEEDS,
    ORGANIZATIONS,
    PERSONS,
    PROJECTS,
    XINGQING,
    Row,
    read,
    split,
)


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
