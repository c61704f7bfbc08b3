"""`marketplace match` from the command line, as others call it."""

import json
from datetime import date
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.optimize import linprog
from scipy.sparse import csr_array

from matching.tables import CAPACITY_COLUMNS, NEED_COLUMNS
from tests.benchmarks.world import AS_OF
from tests.marketplace.matches.match_command import (
    OUTPUTS,
    SUMMARY_KEYS,
    changed,
    match,
    matched,
    rows,
    tables,
    without_times,
    world,
)
from tests.support.rule_worlds import Need, Offer, rules
from tests.support.table_files import csv_bytes, xlsx_bytes

__all__ = ["matched", "world"]


def test_summary_and_files(matched: tuple[Path, dict[str, Any]], world: Path) -> None:
    out, summary = matched
    assert {path.name for path in out.iterdir()} == OUTPUTS
    assert tuple(summary) == SUMMARY_KEYS
    assert json.loads((out / "summary.json").read_text("utf-8")) == summary
    needs, capacity = rows(world / "needs.csv"), rows(world / "capacity.csv")
    assert summary["needs"] == len(needs)
    assert summary["units"] == sum(int(need["quantity"]) for need in needs)
    assert summary["capacity"] == sum(int(offer["quantity"]) for offer in capacity)
    for colour in ("red", "yellow", "blue"):
        asked = sum(int(need["quantity"]) for need in needs if need["urgency"] == colour)
        assert summary["served"][colour] + summary["unserved"][colour] == asked
    assert set(summary["seconds"]) == {"read", "candidates", "solve", "explain", "write"}
    assert summary["status"] == "optimal"
    assert summary["bound"]["served"] == summary["served"]
    assert summary["policy"]["as_of"] == "2026-11-24"


def test_outputs_agree_with_each_other(matched: tuple[Path, dict[str, Any]], world: Path) -> None:
    out, summary = matched
    pairs = {(row["need_id"], row["capacity_id"]): int(row["fit"]) for row in rows(out / "candidates.csv")}
    assert len(pairs) == summary["candidates"]
    flow = rows(out / "matches.csv")
    assert flow
    assert all(pairs[row["need_id"], row["capacity_id"]] == int(row["fit"]) for row in flow)
    assert sum(int(row["quantity"]) * int(row["fit"]) for row in flow) == summary["fit"]
    given: dict[str, int] = {}
    for row in flow:
        given[row["need_id"]] = given.get(row["need_id"], 0) + int(row["quantity"])
        assert int(row["quantity"]) > 0
    left = {row["need_id"]: int(row["quantity"]) for row in rows(out / "unmatched.csv")}
    for need in rows(world / "needs.csv"):
        assert given.get(need["id"], 0) + left.get(need["id"], 0) == int(need["quantity"])
    assert sum(left.values()) == sum(summary["unserved"].values())
    assert sum(int(row["units"]) for row in rows(out / "shortages.csv")) == sum(left.values())


def _day(text: str) -> int | None:
    return (date.fromisoformat(text) - AS_OF).days if text else None


def _point(record: dict[str, str]) -> tuple[float, float] | None:
    return (float(record["lat"]), float(record["lon"])) if record["lat"] else None


def _several(text: str) -> tuple[str, ...]:
    return tuple(text.split(";")) if text else ()


def test_candidates_are_what_a_plain_reading_of_the_files_says(
    matched: tuple[Path, dict[str, Any]], world: Path
) -> None:
    needs = {
        record["id"]: Need(
            category=record["category"],
            region=record["region"],
            point=_point(record),
            groups=_several(record["groups"]),
            requires=_several(record["requires"]),
            deadline=_day(record["deadline"]),
            waited=0,
        )
        for record in rows(world / "needs.csv")
    }
    offers = {
        record["id"]: Offer(
            categories=_several(record["categories"]),
            regions=_several(record["regions"]),
            point=_point(record),
            radius=float(record["radius_km"]) if record["radius_km"] else None,
            groups=_several(record["groups"]),
            qualifications=_several(record["qualifications"]),
            begins=_day(record["valid_from"]),
            ends=_day(record["valid_until"]),
        )
        for record in rows(world / "capacity.csv")
    }
    expected = [(i, j) for i, need in needs.items() for j, offer in offers.items() if all(rules(need, offer))]
    told = [(row["need_id"], row["capacity_id"]) for row in rows(matched[0] / "candidates.csv")]
    assert told == expected


def test_the_result_is_the_optimum_of_an_independent_solver(matched: tuple[Path, dict[str, Any]], world: Path) -> None:
    """Most red units, then yellow, then blue, then fit: HiGHS on what the files say, with pools."""
    needs = {record["id"]: record for record in rows(world / "needs.csv")}
    offers = {record["id"]: record for record in rows(world / "capacity.csv")}
    pairs = rows(matched[0] / "candidates.csv")
    tiers = {"red": 3, "yellow": 2, "blue": 1}
    step = len(offers) * 10_000 + 1
    worth = [tiers[needs[pair["need_id"]]["urgency"]] * step + int(pair["fit"]) for pair in pairs]
    limits: dict[tuple[str, str], tuple[int, list[int]]] = {}
    for arc, pair in enumerate(pairs):
        offer = offers[pair["capacity_id"]]
        bounds = [
            ("need", pair["need_id"], needs[pair["need_id"]]["quantity"]),
            ("offer", offer["id"], offer["quantity"]),
        ]
        if offer["pool"]:
            bounds.append(("pool", offer["pool"], offer["pool_quantity"]))
        for kind, name, most in bounds:
            limits.setdefault((kind, name), (int(most), []))[1].append(arc)
    most = [bound for bound, _ in limits.values()]
    arcs = [of for _, of in limits.values()]
    matrix = csr_array(
        (np.ones(sum(map(len, arcs))), (np.repeat(np.arange(len(arcs)), list(map(len, arcs))), np.concatenate(arcs)))
    )
    best = linprog(-np.array(worth, np.float64), A_ub=matrix, b_ub=most, method="highs-ds")
    assert best.status == 0
    served, fit = matched[1]["served"], matched[1]["fit"]
    assert round(-best.fun) == sum(tiers[colour] * step * units for colour, units in served.items()) + fit


def test_hukou_permuted_or_deleted_changes_nothing(
    matched: tuple[Path, dict[str, Any]], world: Path, tmp_path: Path
) -> None:
    def permuted(records: list[dict[str, str]]) -> list[dict[str, str]]:
        values = np.random.default_rng(1).permutation([record["hukou"] for record in records]).tolist()
        return [{**record, "hukou": value} for record, value in zip(records, values, strict=True)]

    def deleted(records: list[dict[str, str]]) -> list[dict[str, str]]:
        return [{name: value for name, value in record.items() if name != "hukou"} for record in records]

    for change in (permuted, deleted):
        needs = changed(world, tmp_path, "needs.csv", change)
        summary = match(needs, world / "capacity.csv", tmp_path / "out")
        assert tables(tmp_path / "out") == tables(matched[0])
        assert without_times(tmp_path / "out") == without_times(matched[0])
        assert summary["input_sha256"] != matched[1]["input_sha256"]


def test_the_order_of_rows_changes_nothing(matched: tuple[Path, dict[str, Any]], world: Path, tmp_path: Path) -> None:
    def shuffled(records: list[dict[str, str]]) -> list[dict[str, str]]:
        return [records[place] for place in np.random.default_rng(2).permutation(len(records))]

    match(
        changed(world, tmp_path, "needs.csv", shuffled),
        changed(world, tmp_path, "capacity.csv", shuffled),
        tmp_path / "out",
    )
    assert tables(tmp_path / "out") == tables(matched[0])
    assert without_times(tmp_path / "out") == without_times(matched[0])


@pytest.mark.parametrize("shape", ["gb18030", "utf-8-sig", "chinese", "xlsx"])
def test_the_same_facts_in_other_files(
    matched: tuple[Path, dict[str, Any]], world: Path, tmp_path: Path, shape: str
) -> None:
    paths = []
    for name, headers in (("needs", NEED_COLUMNS), ("capacity", CAPACITY_COLUMNS)):
        records = rows(world / f"{name}.csv")
        path = tmp_path / f"{name}.{'xlsx' if shape == 'xlsx' else 'csv'}"
        if shape == "xlsx":
            path.write_bytes(xlsx_bytes(records))
        elif shape == "chinese":
            path.write_bytes(csv_bytes(records, chinese=headers, encoding="gb18030"))
        else:
            path.write_bytes(csv_bytes(records, encoding=shape))
        paths.append(path)
    match(paths[0], paths[1], tmp_path / "out")
    assert tables(tmp_path / "out") == tables(matched[0])


class _References(HTMLParser):
    """Collects what a page would load or run."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in ("script", "link", "img", "iframe", "object", "embed", "base"):
            self.found.append(tag)
        self.found += [f"{name}={value}" for name, value in attrs if name in ("src", "href") or name.startswith("on")]


def test_the_report_is_complete_in_itself_and_escapes_what_it_tells(world: Path, tmp_path: Path) -> None:
    def marked(records: list[dict[str, str]]) -> list[dict[str, str]]:
        return [{**record, "title": "<script>alert(1)</script>"} for record in records]

    match(changed(world, tmp_path, "needs.csv", marked), world / "capacity.csv", tmp_path / "out")
    page = (tmp_path / "out" / "report.html").read_text("utf-8")
    parser = _References()
    parser.feed(page)
    assert parser.found == []
    assert "url(" not in page
    assert "&lt;script&gt;alert(1)" in page
    for row in rows(tmp_path / "out" / "unmatched.csv"):
        assert row["need_id"] in page


def test_few_candidates_a_need_give_the_same_result_and_tell_all(
    matched: tuple[Path, dict[str, Any]], world: Path, tmp_path: Path
) -> None:
    policy = tmp_path / "policy.toml"
    policy.write_text("candidates_per_need = 1")
    out = tmp_path / "out"
    summary = match(world / "needs.csv", world / "capacity.csv", out, "--policy", policy)
    whole, before = matched
    for key in ("needs", "units", "candidates", "served", "unserved", "fit", "status", "bound"):
        assert summary[key] == before[key]
    assert (out / "candidates.csv").read_bytes() == (whole / "candidates.csv").read_bytes()
    degree: dict[str, int] = {}
    for row in rows(out / "candidates.csv"):
        degree[row["need_id"]] = degree.get(row["need_id"], 0) + 1
    left = rows(out / "unmatched.csv")
    assert left
    assert all(int(row["candidates"]) == degree.get(row["need_id"], 0) for row in left)
