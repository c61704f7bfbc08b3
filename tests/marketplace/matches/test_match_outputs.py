"""What the outputs of `marketplace match` say of what is short."""

from pathlib import Path

from tests.marketplace.matches.match_command import match, rows
from tests.support.table_files import CAPACITY, NEED, csv_bytes


def test_shortages_rank_by_the_needs_that_one_more_unit_would_serve(tmp_path: Path) -> None:
    """Two red and two yellow needs for one unit: one more unit goes to a red need, and no yellow one is in line."""
    needs = [{**NEED, "id": f"N{row}", "quantity": 1, "urgency": ("red", "yellow")[row % 2]} for row in range(4)]
    far = {**NEED, "id": "N9", "quantity": 3, "category": "S0601", "urgency": "yellow", "title": "没有人做"}
    (tmp_path / "needs.csv").write_bytes(csv_bytes([*needs, far], columns=[*far]))
    (tmp_path / "capacity.csv").write_bytes(csv_bytes([{**CAPACITY, "quantity": 1, "title": "唯一的资源"}]))
    match(tmp_path / "needs.csv", tmp_path / "capacity.csv", tmp_path / "out")
    found = [
        tuple(row[name] for name in ("category", "reason", "units", "helped_red", "helped_yellow", "helped"))
        for row in rows(tmp_path / "out/shortages.csv")
    ]
    assert found == [("S0301", "capacity_taken", "3", "1", "0", "1"), ("S0601", "no_category", "3", "0", "1", "1")]
    page = (tmp_path / "out/report.html").read_text("utf-8")
    assert "「唯一的资源」若增加 1 份名额，即可满足 1 份。" in page
    assert "改变任何一项条件都不足以满足，需要新的资源。" in page


def test_a_fair_policy_evens_out_between_the_regions_of_a_file(tmp_path: Path) -> None:
    """Four needs in each of two counties for four units: by fit alone the near county would get them all."""
    needs = [
        {**NEED, "id": f"{region}-{number}", "region": region, "quantity": 1}
        for region in ("640104", "640106")
        for number in range(4)
    ]
    (tmp_path / "needs.csv").write_bytes(csv_bytes(needs))
    (tmp_path / "capacity.csv").write_bytes(csv_bytes([{**CAPACITY, "regions": "640104;640106", "quantity": 4}]))
    (tmp_path / "fair.toml").write_text("fairness = true\n")
    shares = []
    for policy in ([], ["--policy", tmp_path / "fair.toml"]):
        match(tmp_path / "needs.csv", tmp_path / "capacity.csv", tmp_path / "out", *policy)
        served = [row["need_id"].split("-")[0] for row in rows(tmp_path / "out/matches.csv")]
        shares.append((served.count("640104"), served.count("640106")))
    assert shares == [(4, 0), (2, 2)]
