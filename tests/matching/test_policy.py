"""Policy: defaults, what it refuses, and how it is read from TOML."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from matching import InvalidPolicy, Policy


def test_the_default_has_three_tiers_and_weights_that_add_to_a_hundred_without_continuity() -> None:
    policy = Policy()
    assert policy.tiers == 3
    assert policy.weights == {
        "closeness": 40, "specialisation": 25, "group_fit": 20, "waiting": 15, "continuity": 15,
    }  # fmt: skip
    assert (policy.closeness_scale_km, policy.waiting_full_days) == (20.0, 90.0)
    assert policy.candidates_per_need is None
    assert (policy.yellow_after_days, policy.red_after_days) == (None, None)
    with pytest.raises(dataclasses.FrozenInstanceError):
        policy.tiers = 4  # type: ignore[misc]  # the point of the test


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"tiers": 0}, "tiers: must be from 1 to 128, got 0"),
        ({"tiers": 129}, "tiers: must be from 1 to 128"),
        ({"tiers": 3.0}, "tiers: expected a whole number, got 3.0"),
        ({"tiers": True}, "tiers: expected a whole number, got True"),
        ({"fairness": 1}, "fairness: expected true or false, got 1"),
        ({"load_balance_weight": 10_001}, "load_balance_weight: must be from 0 to 10000"),
        ({"pace_weight": -1}, "pace_weight: must be from 0 to 10000"),
        ({"load_balance_weight": True}, "load_balance_weight: expected a whole number"),
        ({"yellow_after_days": 0}, "yellow_after_days: must be at least 1, got 0"),
        ({"red_after_days": 1.5}, "red_after_days: expected a whole number, got 1.5"),
        ({"waiting_weight": -1}, "waiting_weight: must be from 0 to 1000000"),
        ({"waiting_weight": 10**7}, "waiting_weight: must be from 0 to 1000000"),
        ({"waiting_weight": "15"}, "waiting_weight: expected a whole number, got '15'"),
        ({"candidates_per_need": 0}, "candidates_per_need: must be at least 1, got 0"),
        ({"candidates_per_need": 8.0}, "candidates_per_need: expected a whole number, got 8.0"),
        ({"closeness_scale_km": 0}, "closeness_scale_km: must be above 0"),
        ({"closeness_scale_km": float("nan")}, "closeness_scale_km: must be above 0 and finite"),
        ({"waiting_full_days": float("inf")}, "waiting_full_days: must be above 0 and finite"),
        ({"waiting_full_days": "90"}, "waiting_full_days: expected a number, got '90'"),
        ({"waiting_full_days": False}, "waiting_full_days: expected a number"),
        (
            dict.fromkeys(("closeness_weight", "specialisation_weight", "group_fit_weight", "waiting_weight"), 0),
            "at least one of the first four weights",
        ),
    ],
)
def test_values_out_of_range_or_type_are_refused(values: dict[str, Any], told: str) -> None:
    with pytest.raises(InvalidPolicy, match=told):
        Policy(**values)


def test_toml_sets_the_keys_it_names() -> None:
    policy = Policy.from_toml("tiers = 5\ncloseness_weight = 0\nwaiting_full_days = 30\n")
    assert policy == Policy(tiers=5, closeness_weight=0, waiting_full_days=30.0)
    assert Policy.from_toml("tiers = 5") == Policy(tiers=5)
    assert Policy.from_toml("") == Policy()


def test_toml_is_read_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "policy.toml"
    path.write_bytes("\ufeff# 武帮您\r\nwaiting_weight = 60\r\n".encode())
    assert Policy.from_toml(path) == Policy.from_toml(str(path)) == Policy(waiting_weight=60)
    with pytest.raises(FileNotFoundError):
        Policy.from_toml(tmp_path / "none.toml")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("tier = 3", "tier: unknown key; known are tiers, fairness, load_balance_weight, pace_weight"),
        ("[matching]\ntiers = 3", "matching: unknown key"),
        ("tiers = ", "not a TOML text"),
        ("tiers = 3\ntiers = 4", "not a TOML text"),
        ("tiers = '3'", "tiers: expected a whole number"),
    ],
)
def test_toml_faults_are_told(text: str, told: str) -> None:
    with pytest.raises(InvalidPolicy, match=told):
        Policy.from_toml(text)


def test_a_file_in_another_encoding_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "policy.toml"
    path.write_bytes("# 武帮您\n".encode("gb18030"))
    with pytest.raises(InvalidPolicy, match="UTF-8"):
        Policy.from_toml(path)


def test_a_policy_is_recorded_by_its_values() -> None:
    policy = Policy(tiers=2, candidates_per_need=8)
    assert Policy(**policy.as_dict()) == policy  # type: ignore[arg-type]  # values of both number types
