"""`marketplace simulate` from the command line: policies side by side over the same days."""

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from marketplace.matches.file_simulation import COLUMNS, simulate_command
from tests.support.table_files import CAPACITY, NEED, csv_bytes


def run(*arguments: object) -> Result:
    return CliRunner().invoke(simulate_command, [str(argument) for argument in arguments])


@pytest.fixture
def files(tmp_path: Path) -> list[object]:
    """Six needs on six days for three units; the last need fits best, the first has waited longest."""
    needs = [
        {**NEED, "id": f"N{day}", "quantity": 1, "posted": f"2026-01-{day:02}", "groups": "T-DIBAO" if day > 3 else ""}
        for day in range(1, 7)
    ]
    (tmp_path / "needs.csv").write_bytes(csv_bytes(needs))
    (tmp_path / "capacity.csv").write_bytes(
        csv_bytes([{**CAPACITY, "quantity": 3, "groups": "T-DIBAO", "valid_from": "2026-01-06"}])
    )
    return ["--needs", tmp_path / "needs.csv", "--capacity", tmp_path / "capacity.csv"]


def told(result: Result) -> dict[str, Any]:
    assert result.exit_code == 0, result.output
    answer: dict[str, Any] = json.loads(result.stdout)
    return answer


def test_policies_are_compared_by_waiting_coverage_and_churn(files: list[object], tmp_path: Path) -> None:
    patient = tmp_path / "patient.toml"
    patient.write_text("waiting_weight = 1000\nwaiting_full_days = 10\n")
    answer = told(run(*files, "--policy", patient, "--json", "--accept", 1, "--answer-days", 0))
    rows = {(row["policy"], row["urgency"]): row for row in answer["rows"]}
    assert set(rows) == {(name, colour) for name in ("default", "patient") for colour in ("blue", "all")}
    assert (answer["from"], answer["days"], answer["left_out"]) == ("2026-01-01", 20, 0)
    for row in rows.values():
        assert (row["units"], row["served"], row["coverage_percent"], row["open"]) == (6, 3, 50.0, 3)
    # By default the three of the group are served on the sixth day; the patient policy serves who came first.
    assert rows["default", "blue"]["waited_mean"] == 1.0
    assert rows["patient", "blue"]["waited_mean"] == 4.0
    assert rows["patient", "blue"]["waited_ninetieth"] == 5


def test_the_table_is_written_and_printed(files: list[object], tmp_path: Path) -> None:
    out = tmp_path / "table.csv"
    result = run(*files, "--out", out, "--days", 3, "--lang", "en")
    assert result.exit_code == 0
    assert "3 needs take no part" in result.stderr
    assert "Coverage" in result.stdout
    rows = list(csv.DictReader(io.StringIO(out.read_text("utf-8"))))
    assert tuple(rows[0]) == COLUMNS
    assert [row["served"] for row in rows] == ["0", "0"]
    assert rows[0]["waited_mean"] == rows[0]["churn_percent"] == ""


def test_the_same_seed_tells_the_same(files: list[object]) -> None:
    first, again, other = (told(run(*files, "--json", "--accept", 0.5, "--seed", seed)) for seed in (1, 1, 3))
    assert first == again
    assert first["rows"] != other["rows"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [(["--days", 0], "--days"), (["--accept", 2], "--accept"), (["--from", "2027-01-01"], "--from")],
)
def test_wrong_options_are_refused(files: list[object], arguments: list[object], message: str) -> None:
    result = run(*files, *arguments)
    assert result.exit_code == 2
    assert message in result.stderr


def test_every_fault_of_every_input_is_told(files: list[object], tmp_path: Path) -> None:
    bad = tmp_path / "bad.toml"
    bad.write_text("closeness_weight = -1\n")
    (tmp_path / "needs.csv").write_text("id,category,region\nN1,S0301,640104\n")
    result = run(*files, "--policy", bad, "--policy", tmp_path / "missing.toml")
    assert result.exit_code == 2
    assert all(part in result.stderr for part in ("needs.csv:1:", "bad.toml:1:closeness_weight", "missing.toml:1:-"))
