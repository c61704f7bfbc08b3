"""`marketplace match` from the command line, as others call it."""

import csv
import json
import os
import re
import subprocess
import sys
import time
from datetime import date
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.optimize import linprog
from scipy.sparse import csr_array

from matching.tables import CAPACITY_COLUMNS, NEED_COLUMNS
from tests.benchmarks.world import AS_OF, write_world
from tests.support.rule_worlds import Need, Offer, rules
from tests.support.table_files import csv_bytes, xlsx_bytes

OUTPUTS = {"matches.csv", "unmatched.csv", "shortages.csv", "candidates.csv", "summary.json", "report.html"}
SUMMARY_KEYS = (
    *("needs", "units", "capacity", "candidates", "served", "unserved", "fit", "status", "bound", "engines"),
    *("seconds", "peak_mb", "input_sha256", "policy"),
)


def run(*arguments: object, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "marketplace.cli", "match", *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env={**{name: value for name, value in os.environ.items() if name != "DEFAULT_LOCALE"}, **environ},
    )


def match(needs: Path, capacity: Path, out: Path, *more: object, **environ: str) -> dict[str, Any]:
    done = run(
        "--needs", needs, "--capacity", capacity, "--out", out, "--json", "--as-of", "2026-11-24", *more, **environ
    )
    assert done.returncode == 0, done.stderr
    summary: dict[str, Any] = json.loads(done.stdout)
    return summary


def tables(out: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in out.glob("*.csv")}


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def without_times(out: Path) -> tuple[dict[str, Any], str]:
    """The summary and the report less their times, memory and digest."""
    summary = json.loads((out / "summary.json").read_text("utf-8"))
    for key in ("seconds", "peak_mb", "input_sha256"):
        del summary[key]
    page = (out / "report.html").read_text("utf-8")
    page = re.sub(r"[0-9a-f]{64}", "", page)
    return summary, re.sub(r"<dt>(用时|内存峰值)</dt><dd>[^<]*</dd>", "", page)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("world")
    write_world(folder, needs=300, capacities=60)
    return folder


@pytest.fixture(scope="module")
def matched(world: Path) -> tuple[Path, dict[str, Any]]:
    out = world / "out"
    return out, match(world / "needs.csv", world / "capacity.csv", out)


def changed(world: Path, folder: Path, name: str, change: Any) -> Path:
    """A copy of an input file with its records changed."""
    records = rows(world / name)
    records = change(records)
    path = folder / name
    path.write_bytes(csv_bytes(records))
    return path


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


def test_a_run_that_the_time_limit_stops_is_exit_code_3_with_its_result(world: Path, tmp_path: Path) -> None:
    def coupled(records: list[dict[str, str]]) -> list[dict[str, str]]:
        return [
            {
                **record,
                "whole": "yes",
                "quantity": str(2 + place % 7),
                "category": "S0301",
                "requires": "",
                "groups": "",
            }
            for place, record in enumerate(records)
        ]

    def general(records: list[dict[str, str]]) -> list[dict[str, str]]:
        return [
            {**record, "categories": "S03", "regions": "640000", "groups": "", "radius_km": ""} for record in records
        ]

    needs = changed(world, tmp_path, "needs.csv", coupled)
    capacity = changed(world, tmp_path, "capacity.csv", general)
    out = tmp_path / "out"
    done = run("--needs", needs, "--capacity", capacity, "--out", out, "--json", "--time-limit", "0.01")
    assert done.returncode == 3, done.stderr
    summary = json.loads(done.stdout)
    assert summary["status"] == "feasible"
    assert {path.name for path in out.iterdir()} == OUTPUTS
    best = tuple(summary["bound"]["served"].values())
    assert tuple(summary["served"].values()) <= best


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


def test_a_run_replaces_the_files_of_an_earlier_one(world: Path, tmp_path: Path) -> None:
    out = tmp_path / "deep" / "out"
    match(world / "needs.csv", world / "capacity.csv", out)
    (out / "mine.txt").write_text("kept")
    (out / "matches.csv").write_text("old")
    match(world / "needs.csv", world / "capacity.csv", out)
    assert {path.name for path in out.iterdir()} == {*OUTPUTS, "mine.txt"}
    assert rows(out / "matches.csv")


def test_without_json_a_table_is_printed_and_english_is_a_setting(world: Path, tmp_path: Path) -> None:
    arguments = ("--needs", world / "needs.csv", "--capacity", world / "capacity.csv", "--out", tmp_path)
    assert "未满足" in run(*arguments).stdout
    english = run(*arguments, DEFAULT_LOCALE="en")
    assert "Unserved units" in english.stdout
    assert '<html lang="en">' in (tmp_path / "report.html").read_text("utf-8")
    assert "capacity" in rows(tmp_path / "unmatched.csv")[0]["text"]
    assert run(*arguments, "--lang", "zh", DEFAULT_LOCALE="en").stdout.count("未满足")


def test_a_folder_that_cannot_be_written_is_exit_code_1(world: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    inputs = ("--needs", world / "needs.csv", "--capacity", world / "capacity.csv")
    done = run(*inputs, "--out", tmp_path / "file" / "out")
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert run(*inputs, "--out", tmp_path / "file").returncode == 2


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


def test_the_policy_weighs_and_its_faults_are_told(world: Path, tmp_path: Path) -> None:
    policy = tmp_path / "policy.toml"
    policy.write_text("closeness_weight = 0\nwaiting_weight = 100\n", "utf-8")
    inputs = (world / "needs.csv", world / "capacity.csv")
    summary = match(*inputs, tmp_path / "out", "--policy", policy)
    assert summary["policy"]["waiting_weight"] == 100
    policy.write_text("closeness_weight = 0\nhukou_weight = 1\n", "utf-8")
    done = run("--needs", inputs[0], "--capacity", inputs[1], "--out", tmp_path / "none", "--policy", policy)
    assert done.returncode == 2
    assert done.stderr.startswith(f"{policy}:2:hukou_weight: ")
    assert not (tmp_path / "none").exists()
    policy.write_text("tiers = 3\n\n[waiting_weight]\nred = 1\n", "utf-8")
    done = run("--needs", inputs[0], "--capacity", inputs[1], "--policy", policy)
    assert done.stderr.startswith(f"{policy}:3:waiting_weight: ")
    missing = run("--needs", inputs[0], "--capacity", inputs[1], "--policy", tmp_path / "no.toml")
    assert missing.returncode == 2
    assert missing.stderr == f"{tmp_path / 'no.toml'}:1:-: 找不到或无法读取这个文件；请检查路径\n"


def test_faults_of_all_inputs_are_told_in_one_go(world: Path, tmp_path: Path) -> None:
    needs, policy = tmp_path / "needs.csv", tmp_path / "policy.toml"
    needs.write_text("id,category,region,quantity\n" + "N,S9999,640104,0\n" * 1500, "utf-8")
    policy.write_text("tiers = red", "utf-8")
    done = run("--needs", needs, "--capacity", tmp_path / "none.csv", "--policy", policy, "--out", tmp_path / "out")
    assert done.returncode == 2
    told = [line.rpartition(": ")[0] for line in done.stderr.splitlines()]
    first = [f"{needs}:2:category", f"{needs}:2:quantity", f"{needs}:3:id", f"{needs}:3:category"]
    assert told[:4] == first
    assert len(told) == 3 * 1500 - 1 + 2
    assert done.stderr.splitlines()[-2].startswith(f"{tmp_path / 'none.csv'}:1:-: ")
    assert done.stderr.splitlines()[-1].startswith(f"{policy}:1:-: ")
    assert not (tmp_path / "out").exists()


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


def test_the_day_decides_and_today_is_the_default(world: Path, tmp_path: Path) -> None:
    later = match(world / "needs.csv", world / "capacity.csv", tmp_path / "later", "--as-of", "2030-01-01")
    assert later["candidates"] == 0
    assert {row["reason"] for row in rows(tmp_path / "later" / "unmatched.csv")} >= {"dates"}
    done = run("--needs", world / "needs.csv", "--capacity", world / "capacity.csv", "--out", tmp_path, "--json")
    assert re.fullmatch(r"20\d\d-\d\d-\d\d", json.loads(done.stdout)["policy"]["as_of"])


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("--needs", "n.csv"),
        ("--needs", "n.csv", "--capacity", "c.csv", "--time-limit", "-1"),
        ("--needs", "n.csv", "--capacity", "c.csv", "--as-of", "yesterday"),
        ("--needs", "n.csv", "--capacity", "c.csv", "--nonsense"),
    ],
)
def test_a_wrong_command_line_is_exit_code_2(arguments: tuple[str, ...]) -> None:
    done = run(*arguments)
    assert done.returncode == 2
    assert done.stdout == ""


def test_400_needs_and_60_capacities_take_under_3_seconds_from_a_cold_start(tmp_path: Path) -> None:
    write_world(tmp_path, needs=400, capacities=60)
    started = time.perf_counter()
    match(tmp_path / "needs.csv", tmp_path / "capacity.csv", tmp_path / "out")
    assert time.perf_counter() - started < 3


def test_the_command_does_not_load_the_web_application(world: Path, tmp_path: Path) -> None:
    code = (
        "import sys; from marketplace.cli import group; "
        f"group(['match', '--needs', r'{world / 'needs.csv'}', '--capacity', r'{world / 'capacity.csv'}', "
        f"'--out', r'{tmp_path}'], standalone_mode=False); "
        "print(sorted({'flask', 'sqlalchemy', 'whoosh', 'wtforms'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.rstrip().endswith("[]")
