"""What is said to `marketplace match`, and what it says: settings, faults, exit codes, time and memory."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.marketplace.matches.match_command import OUTPUTS, changed, match, rows, run, world

__all__ = ["world"]


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


def test_the_command_does_not_load_the_web_application(world: Path, tmp_path: Path) -> None:
    code = (
        "import sys; from marketplace.cli import group; "
        f"group(['match', '--needs', r'{world / 'needs.csv'}', '--capacity', r'{world / 'capacity.csv'}', "
        f"'--out', r'{tmp_path}'], standalone_mode=False); "
        "print(sorted({'flask', 'sqlalchemy', 'whoosh', 'wtforms'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.rstrip().endswith("[]")
