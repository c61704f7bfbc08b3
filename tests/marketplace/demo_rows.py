"""The rows of the demo world, as its files have them."""

import csv
from collections import Counter

from marketplace.demo import generate

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
