"""Import and export: all or nothing, twice is once, nothing below what is given, a round trip changes nothing."""

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select

from marketplace import audit
from marketplace.accounts import services as accounts
from marketplace.audit import AuditEvent
from marketplace.cases.models import Case, Consent
from marketplace.demo.generate import DIRECTORY
from marketplace.exchange import services
from marketplace.exchange.services import Outcome
from marketplace.extensions import db
from marketplace.needs import services as needs
from marketplace.needs.models import Need
from marketplace.organizations.models import Organization
from marketplace.permissions import ANYONE, Role, system_actor
from marketplace.projects.models import Capacity, Pool, Project
from marketplace.records import today
from marketplace.search import index
from marketplace.search import services as search
from matching.tables import InvalidTable
from tests.marketplace.exchange.conftest import CAPACITY, NEED, Write
from tests.support.world import a_capacity, a_case, a_need, a_user, a_wish, an_allocation

IMPORT = system_actor("import")
DAY = "2026-11-01"


def bring(kind: str, path: Path, **options: Any) -> Outcome:
    return services.import_file(IMPORT, kind, path, **options)


def counts(outcome: Outcome) -> tuple[int, int, int]:
    return outcome.new, outcome.changed, outcome.unchanged


def faults(kind: str, path: Path) -> list[str]:
    with pytest.raises(InvalidTable) as caught:
        bring(kind, path, language="en")
    return [f"{fault.row}:{fault.column}: {fault.text('en')}" for fault in caught.value.faults]


def state_of_the_database() -> dict[str, list[Any]]:
    """Every row of every table but the index's change log."""
    return {
        table.name: sorted(map(repr, db.session.execute(select(table))))
        for table in db.metadata.sorted_tables
        if table.name != "index_change"
    }


@pytest.fixture
def one_need(app: Flask, write: Write) -> Callable[..., Need]:
    """Imports one need; gives its row as stored."""

    def imported(**values: Any) -> Need:
        bring("needs", write(NEED | values))
        db.session.expire_all()
        need: Need = db.session.execute(select(Need).where(Need.external_id == values.get("id", "N1"))).scalar_one()
        return need

    return imported


def test_a_need_is_stored_open_with_its_consent_and_household(one_need: Callable[..., Need]) -> None:
    need = one_need(household="户1", consent_date=DAY, consent_by="guardian", urgency="red", value_yuan="99.5")
    assert (need.state, need.imported, need.author) == ("open", True, "system:import")
    assert (need.share_consent_on, need.consent_by, need.publish_consent_on) == (date(2026, 11, 1), "guardian", None)
    assert (need.urgency, need.value_fen, need.unit, need.title) == ("red", 9950, "份", "衣被御寒物资")
    assert need.posted_on == today()
    case = need.case
    assert case is not None
    assert (case.external_id, case.region, case.imported) == ("户1", "640202", True)
    assert [(consent.purpose, consent.given_by) for consent in case.consents] == [("share", "guardian")]


def test_a_wish_lands_in_review_and_may_then_be_published(one_need: Callable[..., Need]) -> None:
    wish = one_need(kind="微心愿", quantity="1", household="户1", consent_date=DAY)
    assert (wish.state, wish.approved_by, wish.publish_consent_on) == ("review", None, date(2026, 11, 1))
    assert {consent.purpose for consent in wish.case.consents} == {"share", "publish"}  # type: ignore[union-attr]


def test_needs_without_consent_are_counted(app: Flask, write: Write) -> None:
    outcome = bring("needs", write(NEED, NEED | {"id": "N2", "consent_date": DAY}))
    assert outcome.without_consent == 1
    assert bring("needs", write(NEED, NEED | {"id": "N2", "consent_date": DAY})).without_consent == 1


def test_capacity_makes_its_organization_project_and_pool(app: Flask, write: Write) -> None:
    row = CAPACITY | {"pool": "面包车", "pool_quantity": "5", "radius_km": "0", "groups": "失能老人"}
    outcome = bring("capacity", write(row, CAPACITY | {"id": "C2", "organization": ""}))
    assert counts(outcome) == (2, 0, 0)
    capacity = db.session.execute(select(Capacity).where(Capacity.external_id == "C1")).scalar_one()
    organization, project = capacity.organization, capacity.project
    assert (organization.name, organization.state, organization.imported) == ("暖心慈善", "verified", True)
    assert (project.state, project.imported, project.organization_id) == ("open", True, organization.id)
    assert (capacity.confirmed_on, capacity.region, capacity.groups) == (today(), "640200", ["G-ELDUNABLE"])
    assert capacity.pool is not None
    assert (capacity.pool.name, capacity.pool.quantity) == ("面包车", 5)
    assert db.session.scalar(select(func.count()).select_from(Organization)) == 2


def test_more_capacity_of_a_known_organization_joins_it(app: Flask, write: Write) -> None:
    known = a_capacity().organization
    bring("capacity", write(CAPACITY | {"organization": known.name}))
    bring("capacity", write(CAPACITY | {"id": "C2", "organization": known.name}))
    assert db.session.scalar(select(func.count()).select_from(Organization)) == 1
    assert db.session.scalar(select(func.count()).select_from(Project).where(Project.imported)) == 1


@pytest.mark.parametrize("kind", ["needs", "capacity"])
@pytest.mark.parametrize("ending", [".csv", ".xlsx"])
def test_the_demo_world_twice_and_round_trip_changes_nothing(
    app: Flask, tmp_path: Path, kind: str, ending: str
) -> None:
    path = DIRECTORY / f"{kind}.csv"
    total = len(path.read_text("utf-8").splitlines()) - 1
    assert counts(bring(kind, path)) == (total, 0, 0)
    before = state_of_the_database()
    assert counts(bring(kind, path)) == (0, 0, total)
    copy = tmp_path / f"copy{ending}"
    assert services.export_file(kind, copy) == total
    assert counts(bring(kind, copy)) == (0, 0, total)
    assert state_of_the_database() == before
    assert audit.verify() == []


def test_records_made_in_the_application_survive_a_round_trip(app: Flask, tmp_path: Path) -> None:
    need = a_need(
        title="-5℃ 也能穿的棉衣", groups=["G-ILL", "G-ELDUNABLE"], requires=["Q-NURSE"], latitude=39.01, longitude=106.4
    )
    a_wish(value_fen=1)
    an_allocation(need, a_capacity(title="=1+1", radius_km=2.5, budget_fen=123_45, unit_cost_fen=7), state="accepted")
    before = state_of_the_database()
    for kind, total in (("needs", 2), ("capacity", 1)):
        for ending in ("csv", "xlsx"):
            path = tmp_path / f"{kind}.{ending}"
            services.export_file(kind, path)
            assert counts(bring(kind, path)) == (0, 0, total)
    assert state_of_the_database() == before


def test_texts_that_spreadsheets_would_run_are_written_as_text(app: Flask, tmp_path: Path) -> None:
    a_need(title='=HYPERLINK("http://x","y")')
    services.export_file("needs", tmp_path / "needs.csv")
    assert "'=HYPERLINK" in (tmp_path / "needs.csv").read_text("utf-8-sig")


def test_needs_of_restricted_cases_are_not_exported(app: Flask, tmp_path: Path) -> None:
    a_need(a_case(restricted=True))
    assert services.export_file("needs", tmp_path / "needs.csv") == 0


def test_a_changed_row_changes_that_record_alone(app: Flask, write: Write) -> None:
    bring("needs", write(NEED, NEED | {"id": "N2"}))
    events = db.session.scalar(select(func.count()).select_from(AuditEvent)) or 0
    outcome = bring("needs", write(NEED | {"quantity": "3"}, NEED | {"id": "N2"}))
    assert counts(outcome) == (0, 1, 1)
    need, other = db.session.scalars(select(Need).order_by(Need.id).execution_options(populate_existing=True))
    assert (need.quantity, need.version, other.version) == (3, 2, 1)
    assert db.session.scalar(select(func.count()).select_from(AuditEvent)) == events + 1
    assert audit.history("need", need.id)[-1].fields == ["quantity"]


def test_columns_that_a_file_leaves_out_stay_as_they_are(one_need: Callable[..., Need], write: Write) -> None:
    one_need(title="两件棉衣", urgency="red", groups="失能老人", consent_date=DAY)
    assert counts(bring("needs", write(NEED))) == (0, 0, 1)
    assert counts(bring("needs", write(NEED | {"title": "", "posted": "", "consent_date": ""}))) == (0, 0, 1)


def test_an_old_file_does_not_bring_back_a_consent_taken_back(one_need: Callable[..., Need], write: Write) -> None:
    need = one_need(household="户1", consent_date=DAY)
    consent = db.session.execute(select(Consent)).scalar_one()
    consent.withdrawn_on = date(2026, 11, 5)
    need.share_consent_on = None
    db.session.commit()
    outcome = bring("needs", write(NEED | {"household": "户1", "consent_date": DAY}))
    assert (counts(outcome), outcome.without_consent) == ((0, 0, 1), 1)
    assert counts(bring("needs", write(NEED | {"household": "户1", "consent_date": "2026-11-10"}))) == (0, 1, 0)


def test_nothing_is_stored_below_what_is_given(app: Flask, write: Write) -> None:
    bring("needs", write(NEED))
    row = CAPACITY | {"budget_yuan": "100", "unit_cost_yuan": "5", "pool": "车", "pool_quantity": "9"}
    bring("capacity", write(row))
    need = db.session.execute(select(Need)).scalar_one()
    capacity = db.session.execute(select(Capacity)).scalar_one()
    an_allocation(need, capacity, quantity=2, state="accepted")
    capacity.committed_fen = 1000
    db.session.commit()
    assert faults("needs", write(NEED | {"quantity": "1"})) == [
        "2:quantity: 2 units are given or promised already; write at least 2"
    ]
    changed = row | {"quantity": "1", "budget_yuan": "9.99", "unit_cost_yuan": "6", "pool_quantity": "1"}
    changed |= {"organization": "别的机构"}
    assert [line.partition(": ")[0] for line in faults("capacity", write(changed))] == [
        "2:budget_yuan", "2:organization", "2:pool_quantity", "2:quantity", "2:unit_cost_yuan",
    ]  # fmt: skip
    assert db.session.execute(select(Pool.quantity)).scalar_one() == 9


def test_faults_name_the_columns_of_the_file(app: Flask, write: Write) -> None:
    row = {"编号": "N1", "类型": "微心愿", "类别": "S1102", "地区": "大武口区", "数量": "2", "标题": "长" * 161}
    assert [line.partition(": ")[0] for line in faults("needs", write(row))] == ["2:数量", "2:标题"]


def test_a_bad_file_writes_nothing(app: Flask, write: Write) -> None:
    before = state_of_the_database()
    bad = write(NEED, NEED | {"id": "N2", "category": "没有"}, NEED | {"id": "N3", "quantity": "-1"})
    assert len(faults("needs", bad)) == 2
    assert len(faults("capacity", write(CAPACITY, CAPACITY))) == 1
    wish = NEED | {"id": "W1", "kind": "micro_wish", "household": "户1"}
    assert len(faults("needs", write(NEED, wish, wish | {"id": "W2"}))) == 2
    assert state_of_the_database() == before


def test_a_dry_run_writes_nothing_and_tells_the_same(app: Flask, write: Write) -> None:
    before = state_of_the_database()
    path = write(NEED | {"household": "户1"}, NEED | {"id": "N2"})
    told = bring("needs", path, dry_run=True)
    assert state_of_the_database() == before
    assert told == bring("needs", path)


def test_the_public_text_of_an_open_wish_is_hidden_until_approved_again(
    one_need: Callable[..., Need], write: Write
) -> None:
    row = NEED | {"kind": "micro_wish", "quantity": "1", "household": "户1", "consent_date": DAY, "title": "一件棉衣"}
    wish = one_need(**row)
    wish.state, wish.approved_by = "open", "user:1"
    db.session.commit()
    assert counts(bring("needs", write(row | {"urgency": "red"}))) == (0, 1, 0)
    db.session.refresh(wish)
    assert wish.state == "open"
    assert counts(bring("needs", write(row | {"urgency": "red", "title": "一件羽绒服"}))) == (0, 1, 0)
    db.session.refresh(wish)
    assert (wish.state, wish.approved_by) == ("review", None)
    wish.state, wish.approved_by, wish.allocated = "open", "user:1", 1
    db.session.commit()
    assert faults("needs", write(row | {"urgency": "red"}))[0].startswith("2:id: this wish is claimed")
    assert faults("needs", write(NEED | {"quantity": "1", "kind": "goods"}))[0].startswith("2:kind")


def test_a_title_that_gives_somebody_away_is_not_kept(app: Flask, write: Write) -> None:
    path = write(NEED | {"title": "联系张三13800138000"}, NEED | {"id": "N2", "title": "13号楼的轮椅"})
    outcome = bring("needs", path)
    assert [(fault.row, fault.column) for fault in outcome.warnings] == [(2, "title")]
    assert "13800138000" not in outcome.warnings[0].text("zh")
    assert list(db.session.scalars(select(Need.title).order_by(Need.id))) == ["衣被御寒物资", "13号楼的轮椅"]
    assert counts(bring("needs", path)) == (0, 0, 2)


def test_an_imported_wish_is_published_by_a_second_person(app: Flask, write: Write) -> None:
    row = {"kind": "micro_wish", "quantity": "1", "household": "户1", "title": "一盏台灯", "consent_date": DAY}
    bring("needs", write(NEED | row))
    before = titles_found("台灯")
    officer = accounts.actor_of(a_user(Role.OFFICER))
    needs.approve(officer, db.session.execute(select(Need.public_id)).scalar_one())
    assert (before, titles_found("台灯")) == ([], ["一盏台灯"])


def titles_found(text: str) -> list[str]:
    """Titles that the public finds."""
    search.catch_up()
    return [item.title for results in search.find(ANYONE, text) for item in results.items]


def test_ids_longer_than_the_database_keeps_are_faults(app: Flask, write: Write) -> None:
    assert faults("needs", write(NEED | {"id": "N" * 81}))[0].startswith("2:id: it has 81 characters")
    assert faults("capacity", write(CAPACITY | {"id": "C" * 81}))[0].startswith("2:id")


def test_control_characters_do_not_spoil_a_workbook(app: Flask, tmp_path: Path) -> None:
    a_need(title="两套\x0b冬衣")
    assert services.export_file("needs", tmp_path / "needs.xlsx") == 1
    assert bring("needs", tmp_path / "needs.xlsx").changed == 1


def test_a_case_is_known_again_by_its_file_id_or_public_id(app: Flask, write: Write) -> None:
    case = a_case()
    bring("needs", write(NEED | {"household": case.public_id}, NEED | {"id": "N2", "household": "户2"}))
    bring("needs", write(NEED | {"id": "N3", "household": "户2"}))
    assert db.session.scalar(select(func.count()).select_from(Case)) == 2


def test_the_index_follows_an_import(app: Flask, write: Write) -> None:
    bring("capacity", write(CAPACITY | {"title": "羽绒服"}))
    bring("needs", write(NEED | {"title": "羽绒服两件"}))
    search.catch_up()
    assert index.current().contents() == search.expected_contents()
    assert [results.kind for results in search.find(IMPORT, "羽绒服")] == ["need", "project"]
    assert [results.kind for results in search.find(ANYONE, "羽绒服")] == ["project"]


def test_more_rows_than_one_part_holds_come_in_and_into_the_index(app: Flask, write: Write) -> None:
    rows = [
        NEED | {"id": f"N{number}", "household": f"H{number // 2}", "title": f"第{number}份"} for number in range(1200)
    ]
    assert bring("needs", write(*rows)).new == 1200
    search.catch_up()
    assert index.current().contents() == search.expected_contents()
    assert len({key for key in index.current().contents() if key.startswith("need:")}) == 1200
