"""Problem: what it accepts, converts and refuses; its digest and its file."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings

from matching import InvalidProblem, Problem
from tests.support.matching_problems import FEATURES, columns_of, problems

PLAIN: dict[str, Any] = {
    "quantity": [2, 1, 1],
    "tier": [0, 1, 2],
    "capacity": [2, 1],
    "need": [0, 1, 1, 2],
    "offer": [0, 0, 1, 1],
    "fit": [10, 20, 30, 40],
}
POOLS: dict[str, Any] = {"pool": [0, 1], "pool_capacity": [5, 5]}


def test_optional_columns_have_the_documented_defaults() -> None:
    problem = Problem(**PLAIN)
    assert problem.pool.tolist() == [-1, -1]
    assert problem.pool_capacity.size == problem.pool_parent.size == 0
    assert problem.bundle.tolist() == problem.group.tolist() == [-1, -1, -1]
    assert problem.whole.tolist() == [False, False, False]
    assert problem.budget.tolist() == [-1, -1]
    assert problem.minimum_batch.tolist() == [0, 0]
    assert problem.cost.tolist() == [0, 0, 0, 0]
    assert problem.use.tolist() == [1, 1, 1, 1]
    assert problem.exclusions.shape == (0, 2)
    assert Problem(**PLAIN, **POOLS).pool_parent.tolist() == [-1, -1]


def test_columns_have_the_contract_types_and_cannot_be_written() -> None:
    problem = Problem(**PLAIN, exclusions=[[0, 1]])
    types = {name: array.dtype.name for name, array in problem.columns().items()}
    wide = {"quantity", "capacity", "pool_capacity", "budget", "minimum_batch", "cost", "use"}
    narrow = {"need", "offer", "fit", "pool", "pool_parent", "bundle", "group", "exclusions"}
    expected = dict.fromkeys(wide, "int64") | dict.fromkeys(narrow, "int32") | {"tier": "int8", "whole": "bool"}
    assert types == expected
    for array in problem.columns().values():
        assert array.flags.c_contiguous
        with pytest.raises(ValueError, match="read-only"):
            array[...] = 0
    with pytest.raises(dataclasses.FrozenInstanceError):
        problem.quantity = problem.capacity  # type: ignore[misc]  # the point of the test


@pytest.mark.parametrize("dtype", [np.int8, np.uint8, np.int16, np.uint64, np.float32, np.float64])
def test_whole_numbers_of_other_types_are_converted(dtype: type[Any]) -> None:
    given_columns = {name: np.array(values, dtype) for name, values in PLAIN.items()}
    assert Problem(**given_columns).digest == Problem(**PLAIN).digest


def test_the_caller_keeps_the_arrays_it_gave() -> None:
    capacity = np.array([2, 1], np.int64)
    view = capacity.view()
    view.flags.writeable = False
    for given_capacity in (capacity, view):
        problem = Problem(**{**PLAIN, "capacity": given_capacity})
        capacity[0] = 9
        assert problem.capacity.tolist() == [2, 1]
        capacity[0] = 2
    assert capacity.flags.writeable


def test_columns_out_of_larger_tables_become_contiguous() -> None:
    table = np.array([[2, 0], [1, 0]], np.int64)
    assert Problem(**{**PLAIN, "capacity": table[:, 0]}).capacity.flags.c_contiguous


def test_nothing_at_all_is_a_problem() -> None:
    problem = Problem(quantity=[], tier=[], capacity=[], need=[], offer=[], fit=[])
    assert (problem.tiers, problem.need.size) == (0, 0)


REFUSED: list[tuple[dict[str, Any], str, int | None, str]] = [
    ({"quantity": [2, 0, 1]}, "quantity", 1, "at least 1"),
    ({"quantity": [2, 1.5, 1]}, "quantity", 1, "whole number, got 1.5"),
    ({"quantity": [2, float("nan"), 1]}, "quantity", 1, "whole number"),
    ({"quantity": [2, float("inf"), 1]}, "quantity", 1, "whole number"),
    ({"quantity": [2, 2.0**63, 1]}, "quantity", 1, "outside int64"),
    ({"quantity": np.array([2, 2**63, 1], np.uint64)}, "quantity", 1, "outside int64"),
    ({"quantity": [2, 2**70, 1]}, "quantity", None, "whole numbers"),
    ({"quantity": ["2", "1", "1"]}, "quantity", None, "whole numbers"),
    ({"quantity": [True, True, True]}, "quantity", None, "whole numbers"),
    ({"quantity": [1 + 0j, 1, 1]}, "quantity", None, "whole numbers"),
    ({"quantity": [[1], [1], [1]]}, "quantity", None, "one dimension"),
    ({"quantity": [[1], [1, 2], [1]]}, "quantity", None, "no column"),
    ({"quantity": 3}, "quantity", None, "one dimension"),
    ({"quantity": [2, 2**49, 1]}, "quantity", 1, "total is too large"),
    ({"tier": [0, 1]}, "tier", None, "expected 3 rows, got 2"),
    ({"tier": [0, 1, -1]}, "tier", 2, "at least 0"),
    ({"tier": [0, 128, 1]}, "tier", 1, "outside int8"),
    ({"capacity": [2, -1]}, "capacity", 1, "at least 0"),
    ({"need": [0, 1, 1, 3]}, "need", 3, r"\[0, 3\)"),
    ({"need": [-1, 1, 1, 2]}, "need", 0, r"\[0, 3\)"),
    ({"need": [0, 1, 1]}, "offer", None, "expected 3 rows, got 4"),
    ({"offer": [0, 0, 2, 1]}, "offer", 2, r"\[0, 2\)"),
    ({"offer": [0, 0, 0, 1]}, "need", 2, "need 1, offer 0.* occurs twice"),
    ({"need": [2, 1, 0, 2], "offer": [1, 0, 0, 1]}, "need", 3, "need 2, offer 1.* occurs twice"),
    ({"fit": [10, 20, 10001, 40]}, "fit", 2, r"\[0, 10001\)"),
    ({"fit": [10, 20, 30, -1]}, "fit", 3, r"\[0, 10001\)"),
    ({"pool": [0, -1]}, "pool", 0, r"\[-1, 0\)"),
    ({"pool": [0, 2], "pool_capacity": [5, 5]}, "pool", 1, r"\[-1, 2\)"),
    ({**POOLS, "pool_capacity": [5, -5]}, "pool_capacity", 1, "at least 0"),
    ({**POOLS, "pool_parent": [-1, 2]}, "pool_parent", 1, r"\[-1, 2\)"),
    ({**POOLS, "pool_parent": [-1]}, "pool_parent", None, "expected 2 rows, got 1"),
    ({**POOLS, "pool_parent": [0, -1]}, "pool_parent", 0, "ring"),
    ({"pool": [0, 0], "pool_capacity": [5] * 4, "pool_parent": [3, 2, 1, -1]}, "pool_parent", 1, "ring"),
    ({"pool": [0, 0], "pool_capacity": [5] * 4, "pool_parent": [1, 2, 3, 1]}, "pool_parent", 1, "ring"),
    ({"bundle": [0, -2, 0]}, "bundle", 1, "at least -1"),
    ({"whole": [0, 2, 0]}, "whole", 1, r"outside bool \[0, 1\]"),
    ({"group": [0, 0, -2]}, "group", 2, "at least -1"),
    ({"budget": [-2, 0]}, "budget", 0, "at least -1"),
    ({"minimum_batch": [0, -1]}, "minimum_batch", 1, "at least 0"),
    ({"cost": [0, 0, -1, 0]}, "cost", 2, "at least 0"),
    ({"cost": [0, 2**62, 1, 0]}, "cost", 1, "total is too large"),
    ({"use": [0, 0, -1, 0]}, "use", 2, "at least 0"),
    ({"use": [0, 0, 1, 2**63 - 1]}, "use", 3, "total is too large"),
    ({"exclusions": [[0, 1], [2, 2]]}, "exclusions", 1, "exclude itself"),
    ({"exclusions": [[0, 1], [2, 3]]}, "exclusions", 1, r"\[0, 3\)"),
    ({"exclusions": [[0, 1, 2]]}, "exclusions", None, r"shape \(q, 2\)"),
    ({"exclusions": [0, 1]}, "exclusions", None, r"shape \(q, 2\)"),
]


@pytest.mark.parametrize(("changes", "array", "index", "rule"), REFUSED)
def test_a_broken_rule_is_named_with_array_and_index(
    changes: dict[str, Any], array: str, index: int | None, rule: str
) -> None:
    with pytest.raises(InvalidProblem, match=rule) as caught:
        Problem(**{**PLAIN, **changes})
    assert (caught.value.array, caught.value.index) == (array, index)
    assert str(caught.value).startswith(array if index is None else f"{array}[{index}]: ")


def test_a_deep_chain_of_pools_is_no_ring() -> None:
    chain = Problem(**PLAIN, pool=[0, 3], pool_capacity=[1] * 7, pool_parent=[1, 2, 3, 4, 5, 6, -1])
    assert chain.pool_parent.tolist() == [1, 2, 3, 4, 5, 6, -1]


def test_columns_are_given_by_name_only() -> None:
    with pytest.raises(TypeError):
        Problem([1], [0], [1], [0], [0], [0])  # type: ignore[misc]  # the point of the test
    with pytest.raises(TypeError, match="hukou"):
        Problem(**PLAIN, hukou=[1, 2, 3])


@settings(max_examples=50, deadline=None)
@given(problem=problems(*FEATURES))
def test_a_saved_problem_is_read_back_equal(tmp_path_factory: pytest.TempPathFactory, problem: Problem) -> None:
    path = tmp_path_factory.mktemp("problem") / "run.problem"
    problem.save(path)
    loaded = Problem.load(path)
    assert loaded.digest == problem.digest
    for name, array in problem.columns().items():
        assert np.array_equal(getattr(loaded, name), array), name
    assert [file.name for file in path.parent.iterdir()] == ["run.problem"]


def test_saving_the_same_problem_writes_the_same_bytes(tmp_path: Path) -> None:
    for name in ("one", "two"):
        Problem(**PLAIN).save(tmp_path / name)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


def test_a_failed_save_leaves_the_earlier_file(tmp_path: Path) -> None:
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "inside").touch()
    with pytest.raises(OSError, match="taken"):
        Problem(**PLAIN).save(tmp_path / "taken")
    assert [file.name for file in tmp_path.iterdir()] == ["taken"]


def changed_values(columns: dict[str, Any]) -> dict[str, Any]:
    return {**columns, "fit": np.array([11, 20, 30, 40], np.int32)}


def without_a_column(columns: dict[str, Any]) -> dict[str, Any]:
    return {name: array for name, array in columns.items() if name != "cost"}


def with_one_more(columns: dict[str, Any]) -> dict[str, Any]:
    return {**columns, "hukou": np.zeros(3)}


def with_pickled_objects(columns: dict[str, Any]) -> dict[str, Any]:
    return {**columns, "fit": np.array([{}, 1, 2, 3], object)}


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (changed_values, "digest differs"),
        (without_a_column, "cost"),
        (with_one_more, "hukou"),
        (with_pickled_objects, "not a saved problem"),
    ],
)
def test_a_changed_file_is_refused(tmp_path: Path, change: Any, told: str) -> None:
    problem = Problem(**PLAIN)
    with (tmp_path / "file").open("wb") as stream:
        np.savez(stream, **change({**columns_of(problem), "digest": np.array(problem.digest)}))
    with pytest.raises(InvalidProblem, match=told):
        Problem.load(tmp_path / "file")


@pytest.mark.parametrize("content", [b"", b"id,quantity\n", b"PK\x03\x04 cut short", b"\x93NUMPY\x01\x00 cut short"])
def test_another_kind_of_file_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "file").write_bytes(content)
    with pytest.raises(InvalidProblem, match="not a saved problem"):
        Problem.load(tmp_path / "file")


def test_a_file_with_one_array_is_refused(tmp_path: Path) -> None:
    with (tmp_path / "file").open("wb") as stream:
        np.save(stream, np.arange(3))
    with pytest.raises(InvalidProblem, match="not a saved problem"):
        Problem.load(tmp_path / "file")


def test_the_digest_tells_every_column_apart() -> None:
    seen = {Problem(**PLAIN).digest}
    changes: list[dict[str, Any]] = [
        {"quantity": [3, 1, 1]},
        {"tier": [0, 2, 2]},
        {"capacity": [2, 2]},
        {"need": [0, 1, 2, 2], "offer": [0, 0, 0, 1]},
        {"fit": [10, 20, 30, 41]},
        POOLS,
        {**POOLS, "pool_parent": [1, -1]},
        {"bundle": [0, 0, -1]},
        {"whole": [1, 0, 0]},
        {"group": [0, 0, -1]},
        {"budget": [0, 0]},
        {"minimum_batch": [0, 1]},
        {"cost": [0, 1, 0, 0]},
        {"use": [0, 1, 1, 1]},
        {"exclusions": [[0, 1]]},
        {"exclusions": [[1, 0]]},
    ]
    for change in changes:
        digest = Problem(**{**PLAIN, **change}).digest
        assert digest not in seen, change
        seen.add(digest)
