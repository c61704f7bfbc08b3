"""A made-up world of needs and capacity in the file formats, the same for the same seed.

People live round the seats of the counties; capacity serves a county, a prefecture or all of Ningxia, with one to
four leaf categories or a whole category, some with a radius, groups, qualifications or a shared pool.
"""

import csv
from datetime import date, timedelta
from pathlib import Path

import numpy as np

from marketplace import regions, taxonomy

AS_OF = date(2026, 11, 24)
URGENCIES = ("red", "yellow", "blue")
KINDS = ("micro_wish", "goods", "service", "employment", "grant")
WORLDLY = ["11", "13", "14", "15", "21", "32", "34", "37", "41", "50", "51", "53", "61", "62", "63", "64", "65"]

NEED_HEADER = (
    *("id", "kind", "category", "region", "lat", "lon", "quantity", "urgency", "groups", "requires", "deadline"),
    *("posted", "household", "bundle", "whole", "value_yuan", "title", "hukou"),
)
CAPACITY_HEADER = (
    *("id", "organization", "pool", "pool_quantity", "categories", "regions", "lat", "lon", "radius_km"),
    *("quantity", "budget_yuan", "unit_cost_yuan", "groups", "qualifications", "minimum_batch"),
    *("valid_from", "valid_until", "title"),
)


PROVINCIAL = (0.25, 0.5, 0.25)
"""The shares of capacity that serve a county, that serve a county or prefecture, and that have a radius."""

LOCAL = (0.9, 0.98, 0.6)
"""The same where there is so much capacity that most of it serves its own county."""


def write_world(
    folder: Path, *, needs: int, capacities: int, seed: int = 10, reach: tuple[float, float, float] = PROVINCIAL
) -> tuple[Path, Path]:
    """Write needs.csv and capacity.csv to a folder and return their paths."""
    random = np.random.default_rng(seed)
    need_path, capacity_path = folder / "needs.csv", folder / "capacity.csv"
    _write(need_path, NEED_HEADER, _needs(needs, random))
    _write(capacity_path, CAPACITY_HEADER, _capacities(capacities, needs, random, reach))
    return need_path, capacity_path


def _write(path: Path, header: tuple[str, ...], records: list[list[object]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(records)


def _scattered(random: np.random.Generator, lat: float, lon: float) -> tuple[str, str]:
    return f"{lat + random.normal(0, 0.08):.5f}", f"{lon + random.normal(0, 0.1):.5f}"


def _groups() -> list[str]:
    return [term.code for term in taxonomy.target_groups() if term.code != taxonomy.ALL]


def _needs(count: int, random: np.random.Generator) -> list[list[object]]:
    counties = regions.counties()
    weights = random.dirichlet(np.full(len(counties), 3.0))
    leaves = taxonomy.leaves()
    groups, tiers = _groups(), [term.code for term in taxonomy.assist_tiers()]
    place = random.choice(len(counties), count, p=weights)
    leaf = random.integers(len(leaves), size=count)
    quantity = np.where(random.random(count) < 0.8, 1, random.integers(2, 6, count))
    urgency = random.choice(3, count, p=(0.15, 0.35, 0.5))
    kind = random.integers(len(KINDS), size=count)
    chance = random.random((count, 4))
    waited = random.integers(0, 200, count)
    picked = random.integers(len(groups), size=(count, 2))
    tier = random.integers(len(tiers), size=count)
    origin = random.integers(len(WORLDLY), size=count)
    records: list[list[object]] = []
    for i in range(count):
        county, category = counties[place[i]], leaves[leaf[i]]
        lat, lon = _scattered(random, county.lat, county.lon) if chance[i, 0] < 0.9 else ("", "")
        own = {groups[picked[i, 0]], groups[picked[i, 1]]} if chance[i, 1] < 0.7 else set()
        requires = ";".join(category.qualifications) if chance[i, 2] < 0.3 else ""
        deadline = AS_OF + timedelta(days=int(waited[i]) % 90) if chance[i, 3] < 0.4 else ""
        posted = AS_OF - timedelta(days=int(waited[i]))
        records.append([
            f"N{i:06d}", KINDS[kind[i]], category.code, county.code, lat, lon, quantity[i], URGENCIES[urgency[i]],
            ";".join(sorted({*own, tiers[tier[i]]})), requires, deadline, posted, f"H{i // 2:06d}", "", "",
            "", f"{category.name_zh} {i}", f"{WORLDLY[origin[i]]}0000",
        ])  # fmt: skip
    return records


def _capacities(
    count: int, needs: int, random: np.random.Generator, shares: tuple[float, float, float]
) -> list[list[object]]:
    everywhere = regions.all_regions()
    counties = regions.counties()
    parents, leaves = taxonomy.parents(), taxonomy.leaves()
    qualifications = [term.code for term in taxonomy.qualifications()]
    groups = _groups()
    mean = max(needs * 1.2 / count, 1.0)
    records: list[list[object]] = []
    for i in range(count):
        if random.random() < 0.35:
            chosen = {parents[random.integers(len(parents))].code}
        else:
            chosen = {leaves[place].code for place in random.integers(len(leaves), size=random.integers(1, 5))}
        home = counties[random.integers(len(counties))]
        reach = random.random()
        served = [home.code] if reach < shares[0] else [home.parent_code] if reach < shares[1] else [everywhere[0].code]
        lat, lon = _scattered(random, home.lat, home.lon)
        radius = f"{random.uniform(8, 120):.1f}" if random.random() < shares[2] else ""
        listed = {groups[place] for place in random.integers(len(groups), size=4)} if random.random() < 0.2 else ()
        skilled = random.choice(qualifications, 5, replace=False) if random.random() < 0.6 else ()
        pool = f"P{random.integers(max(count // 20, 1)):03d}" if random.random() < 0.2 else ""
        records.append([
            f"C{i:05d}", f"机构{i % 300}", pool, int(mean * 6) + 1 if pool else "", ";".join(sorted(chosen)),
            ";".join(served), lat, lon, radius, random.poisson(mean) + 1, "", "", ";".join(sorted(listed)),
            ";".join(skilled), "", AS_OF - timedelta(days=int(random.integers(1, 300))),
            AS_OF + timedelta(days=int(random.integers(0, 300))), f"资源 {i}",
        ])  # fmt: skip
    return records
