"""The two roads to a matching agree: files matched directly, and the same files imported and run."""

import csv
import json
import random
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from flask import Flask
from sqlalchemy import select

from marketplace import regions, taxonomy
from marketplace.allocations.models import Allocation
from marketplace.exchange import services as exchange
from marketplace.extensions import db
from marketplace.matches import services
from marketplace.matches.files import match_command
from marketplace.matches.models import RunOutcome
from marketplace.needs.models import Need
from marketplace.permissions import system_actor
from marketplace.projects.models import Capacity

SYSTEM = system_actor("test")
CATEGORIES = [leaf.code for leaf in taxonomy.leaves()][:12]
COUNTIES = [county.code for county in regions.counties()][:6]
GROUPS = ["G-ELDUNABLE", "G-DISABLED", "G-MIGCHILD", "T-DIBAO"]
POOLS = {"": "", "一号车": 12, "二号车": 9}


def _point(chance: random.Random, county: str, spread: float) -> dict[str, Any]:
    if chance.random() < 0.3:
        return {"lat": "", "lon": ""}
    seat = regions.get(county)
    return {
        name: round(value + chance.uniform(-spread, spread), 2)
        for name, value in zip(("lat", "lon"), (seat.lat, seat.lon), strict=True)
    }


def _needs(chance: random.Random) -> list[dict[str, Any]]:
    rows = []
    for number in range(60):
        county = chance.choice(COUNTIES)
        rows.append(
            {
                "id": f"N{number:03d}",
                "kind": chance.choice(["goods", "service", "employment"]),
                "category": chance.choice(CATEGORIES),
                "region": county,
                **_point(chance, county, 0.1),
                "quantity": chance.randint(1, 4),
                "urgency": chance.choice(["red", "yellow", "blue"]),
                "groups": ";".join(chance.sample(GROUPS, chance.randint(0, 2))),
                "requires": chance.choice(["", "", "", "Q-LAWYER"]),
                "deadline": chance.choice(["", "2099-01-01"]),
                "posted": f"2026-{chance.randint(8, 10):02d}-{chance.randint(1, 28):02d}",
                "household": f"H{number // 2}",
                "bundle": f"B{number // 2}" if number < 8 else "",
                "whole": chance.choice(["no", "no", "yes"]),
                "title": "需求",
                "consent_date": "2026-10-30",
                "consent_by": "self",
            }
        )
    return rows


def _capacity(chance: random.Random) -> list[dict[str, Any]]:
    rows = []
    for number in range(25):
        county, pool = chance.choice(COUNTIES), chance.choice(list(POOLS))
        budget, cost = chance.choice([("", ""), ("", ""), (500, 100)])
        rows.append(
            {
                "id": f"C{number:03d}",
                "organization": f"机构{number // 2}",
                "pool": pool,
                "pool_quantity": POOLS[pool],
                "categories": ";".join(chance.sample(CATEGORIES, chance.randint(1, 3))),
                "regions": chance.choice([county, f"{county[:4]}00", "640000"]),
                **_point(chance, county, 0.0),
                "radius_km": chance.choice(["", "10", "60"]),
                "quantity": chance.randint(1, 9),
                "budget_yuan": budget,
                "unit_cost_yuan": cost,
                "groups": chance.choice(["", "", ";".join(chance.sample(GROUPS, 2))]),
                "qualifications": chance.choice(["", "Q-LAWYER;Q-NURSE"]),
                "minimum_batch": chance.choice(["", "", "2"]),
                "valid_from": chance.choice(["", "", "2098-01-01"]),
                "title": "能力",
            }
        )
    return rows


def _write(path: Path, rows: list[dict[str, Any]]) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_files_and_database_give_the_same_matching(app: Flask, tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311  # a world to test in
    needs, capacity = _write(tmp_path / "n.csv", _needs(chance)), _write(tmp_path / "c.csv", _capacity(chance))
    (tmp_path / "policy.toml").write_text("yellow_after_days = 60\nred_after_days = 30\n")  # as sites have it
    command = ["--needs", str(needs), "--capacity", str(capacity), "--out", str(tmp_path / "out"), "--json"]
    command += ["--policy", str(tmp_path / "policy.toml")]
    answer = CliRunner().invoke(match_command, command, catch_exceptions=False)
    assert answer.exit_code == 0, answer.stderr
    told = json.loads(answer.stdout)
    for kind, path in (("capacity", capacity), ("needs", needs)):
        exchange.import_file(SYSTEM, kind, path)
    run = services.run_now(SYSTEM, regions.NINGXIA)
    for figure in ("needs", "units", "capacity", "candidates", "served", "fit", "status"):
        assert run.summary[figure] == told[figure], figure
    assert sum(told["served"].values()) > 10

    pairs = db.session.execute(
        select(Need.external_id, Capacity.external_id, Allocation.quantity, Allocation.fit)
        .join(Need, Need.id == Allocation.need_id)
        .join(Capacity, Capacity.id == Allocation.capacity_id)
    )
    assert {tuple(map(str, row)) for row in pairs} == {
        (row["need_id"], row["capacity_id"], row["quantity"], row["fit"]) for row in _rows(tmp_path / "out/matches.csv")
    }
    unserved = db.session.execute(
        select(Need.external_id, RunOutcome.quantity, RunOutcome.reason).join(Need, Need.id == RunOutcome.need_id)
    )
    assert {tuple(map(str, row)) for row in unserved} == {
        (row["need_id"], row["quantity"], row["reason"]) for row in _rows(tmp_path / "out/unmatched.csv")
    }
