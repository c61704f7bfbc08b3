"""A household's earlier supplier scores higher: in files that tell of it, and from what the database keeps."""

from pathlib import Path

import pytest
from flask import Flask

from marketplace.matches import services
from marketplace.permissions import system_actor
from tests.marketplace.matches.match_command import match, rows
from tests.marketplace.matches.run_support import proposals, snapshot
from tests.support import world
from tests.support.table_files import CAPACITY, NEED, csv_bytes


def files(folder: Path, **more: object) -> tuple[Path, Path]:
    """One need that two organizations could serve just as well."""
    needs, capacity = folder / "needs.csv", folder / "capacity.csv"
    needs.write_bytes(csv_bytes([{**NEED, "quantity": 1, **more}]))
    capacity.write_bytes(
        csv_bytes([{**CAPACITY, "id": f"C{number}", "organization": f"机构Ａ{number}"} for number in (1, 2)])
    )
    return needs, capacity


@pytest.mark.parametrize(("told", "chosen"), [("机构A2", "C2"), ("机构a1;别家", "C1")])
def test_a_file_may_name_earlier_suppliers(tmp_path: Path, told: str, chosen: str) -> None:
    match(*files(tmp_path, earlier_suppliers=told), tmp_path / "out")
    (found,) = rows(tmp_path / "out/matches.csv")
    assert found["capacity_id"] == chosen
    fits = {row["capacity_id"]: int(row["fit"]) for row in rows(tmp_path / "out/candidates.csv")}
    assert fits[chosen] == max(fits.values()) > min(fits.values())
    assert "原服务机构" in (tmp_path / "out/report.html").read_text("utf-8")


@pytest.mark.parametrize("told", ["", "不在文件里的机构"])
def test_a_file_that_names_none_is_matched_as_without_the_column(tmp_path: Path, told: str) -> None:
    match(*files(tmp_path, earlier_suppliers=told), tmp_path / "with")
    match(*files(tmp_path), tmp_path / "without")
    for name in ("matches.csv", "candidates.csv", "unmatched.csv"):
        assert (tmp_path / "with" / name).read_bytes() == (tmp_path / "without" / name).read_bytes()


def test_a_household_is_not_enough_to_know_its_earlier_suppliers(tmp_path: Path) -> None:
    match(*files(tmp_path, household="H1"), tmp_path / "with")
    match(*files(tmp_path), tmp_path / "without")
    assert rows(tmp_path / "with/candidates.csv") == rows(tmp_path / "without/candidates.csv")


@pytest.mark.parametrize(
    ("state", "satisfaction", "known"),
    [
        ("confirmed", None, True), ("confirmed", 5, True), ("confirmed", 2, False), ("delivered", None, True),
        ("accepted", None, False), ("reopened", None, False), ("declined", None, False),
    ],
)  # fmt: skip
def test_who_counts_as_an_earlier_supplier(app: Flask, state: str, satisfaction: int | None, known: bool) -> None:
    case = world.a_case()
    helper, other = world.a_capacity(), world.a_capacity()
    reason = {"decline_reason": "timing"} if state == "declined" else {}
    world.an_allocation(world.a_need(case), helper, state=state, satisfaction=satisfaction, **reason)
    need = world.a_need(case, quantity=1, category="S1102")
    stranger = world.a_need()
    frozen = snapshot()
    told = {(int(frozen.need_id[row]), int(key)) for row, key in frozen.earlier.tolist()}
    assert ((need.id, helper.organization_id) in told) is known
    assert not any(key == other.organization_id or row == stranger.id for row, key in told)


def test_a_run_prefers_who_helped_before_and_says_so(app: Flask) -> None:
    case = world.a_case()
    world.a_capacity()
    helper = world.a_capacity(world.a_project())
    world.a_capacity()
    world.an_allocation(world.a_need(case, quantity=1, state="open"), helper, state="confirmed")
    need, stranger = world.a_need(case, quantity=1), world.a_need(quantity=1)
    services.run_now(system_actor("test"), world.DAWUKOU)
    by_need = {row.need_id: row for row in proposals()}
    assert by_need[need.id].capacity_id == helper.id
    assert by_need[need.id].reasons["parts"]["continuity"] == 10_000
    assert "continuity" not in by_need[stranger.id].reasons["parts"]
