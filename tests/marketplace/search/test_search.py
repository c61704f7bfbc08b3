"""Search: what is found, by whom; that the index follows the database and holds nothing personal."""

import random
import threading
from collections.abc import Callable

import pytest
from flask import Flask
from sqlalchemy import func, select

from marketplace import events, jobs
from marketplace.extensions import db
from marketplace.needs.models import Need
from marketplace.organizations.models import Alliance, AllianceMember
from marketplace.permissions import ANYONE, Role, system_actor
from marketplace.search import index, services, words
from marketplace.search.documents import region_mark
from marketplace.search.models import IndexChange
from marketplace.transitions import transaction
from tests.support.client import Browser
from tests.support.world import (
    CANARIES,
    DAWUKOU,
    HUINONG,
    a_capacity,
    a_case,
    a_need,
    a_project,
    a_user,
    a_wish,
    an_organization,
    save,
)

STAFF = system_actor("test")
HONGSIBU = "640303"


def titles(text: str, actor: object = STAFF, **options: object) -> dict[str, list[str]]:
    found = services.find(actor, text, **options)  # type: ignore[arg-type]
    return {results.kind: [item.title for item in results.items] for results in found}


@pytest.fixture
def indexed(app: Flask) -> Callable[[], int]:
    return services.rebuild


def test_an_unsegmented_chinese_query_finds_place_and_group(app: Flask, indexed: Callable[[], int]) -> None:
    organization = an_organization(region=HONGSIBU)
    wanted = a_project(organization, title="居家照护到家")
    a_capacity(wanted, categories=["S02"], regions=[HONGSIBU], groups=["G-ELDUNABLE"], title="上门照护")
    a_capacity(a_project(title="少儿阅读"), categories=["S08"], groups=["G-HARDCHILD"])
    indexed()
    assert titles("红寺堡区失能老人") == {"project": ["居家照护到家"]}
    assert titles("失能老人 红寺堡")["project"][0] == "居家照护到家"


@pytest.mark.parametrize(
    ("text", "title"),
    [
        ("棉鞋", "一双34码棉鞋"),
        ("34码棉鞋", "一双34码棉鞋"),
        ("我想要棉鞋", "一双34码棉鞋"),
        ("鞋", "一双34码棉鞋"),
        ("Warm clothing", "一双34码棉鞋"),
        ("dawukou", "一双34码棉鞋"),
        ("ＤＡＷＵＫＯＵ 棉鞋", "一双34码棉鞋"),
        ("daw*", "一双34码棉鞋"),
        ("石嘴山 棉鞋", "一双34码棉鞋"),
        ("衣被御寒物资", "一双34码棉鞋"),
    ],
)
def test_a_wish_is_found_by_its_words_place_and_category(
    app: Flask, indexed: Callable[[], int], text: str, title: str
) -> None:
    a_wish(title=title)
    a_wish(title="一台收音机", category="S1104", case=a_case(HONGSIBU))
    indexed()
    assert titles(text, ANYONE, kinds=("wish",))["wish"][0] == title


def test_all_words_come_before_some_of_them(app: Flask, indexed: Callable[[], int]) -> None:
    a_wish(title="红色雨伞")
    a_wish(title="蓝色书包")
    indexed()
    assert titles("红色雨伞", ANYONE) == {"wish": ["红色雨伞"]}
    (results,) = services.find(ANYONE, "红色书包")
    assert not results.exact
    assert {item.title for item in results.items} == {"红色雨伞", "蓝色书包"}


def test_the_public_sees_neither_drafts_nor_needs(app: Flask, indexed: Callable[[], int]) -> None:
    a_need(title="轮椅出行")
    a_wish(title="轮椅坐垫草稿", state="draft", approved_by=None)
    a_wish(title="轮椅坐垫")
    a_project(title="轮椅借用草稿", state="draft")
    a_project(title="轮椅借用")
    an_organization(name="轮椅之友未核验", state="registered")
    an_organization(name="轮椅之友")
    indexed()
    assert titles("轮椅", ANYONE) == {"wish": ["轮椅坐垫"], "project": ["轮椅借用"], "organization": ["轮椅之友"]}
    assert set(titles("轮椅", STAFF)["need"]) == {"轮椅出行", "轮椅坐垫草稿", "轮椅坐垫"}


def test_staff_find_needs_of_their_region_alone(app: Flask, indexed: Callable[[], int], client: Browser) -> None:
    a_need(title="轮椅出行")
    a_need(a_case(HUINONG), title="惠农轮椅")
    indexed()
    page = client.sign_in(a_user(Role.CASEWORKER)).get("/search?q=轮椅").get_data(as_text=True)
    assert "轮椅出行" in page
    assert "惠农轮椅" not in page


def test_a_region_means_all_below_it(app: Flask, indexed: Callable[[], int], monkeypatch: pytest.MonkeyPatch) -> None:
    for region in (DAWUKOU, HUINONG, HONGSIBU):
        a_wish(a_case(region), title=f"轮椅{region}")
    indexed()
    # So few hits are looked at that the region must already have been minded when they were picked.
    monkeypatch.setattr(services, "MOST_HITS", 2)
    assert set(titles("轮椅", ANYONE, region="640200")["wish"]) == {f"轮椅{DAWUKOU}", f"轮椅{HUINONG}"}
    assert titles("轮椅", ANYONE, region=HONGSIBU) == {"wish": [f"轮椅{HONGSIBU}"]}
    assert all(region_mark(HONGSIBU) not in term.words for term in words.query_terms(region_mark(HONGSIBU)))


def test_restricted_cases_are_in_no_search(app: Flask, indexed: Callable[[], int]) -> None:
    case = a_case(restricted=True)
    a_need(case, title="临时庇护")
    a_wish(case, title="庇护所用品")
    indexed()
    assert titles("庇护") == {}


def test_an_authorisation_taken_back_is_felt_at_once(app: Flask, indexed: Callable[[], int]) -> None:
    wish = a_wish(title="一盏台灯")
    indexed()
    wish.state = "review"
    db.session.commit()
    assert titles("台灯", ANYONE) == {}


def test_members_of_an_alliance_are_found_by_its_name(app: Flask, indexed: Callable[[], int]) -> None:
    member = an_organization(name="石城律师事务所")
    alliance = save(Alliance(slug="wu", name="武帮您", name_en="Wu Bang Nin", region=DAWUKOU))
    save(AllianceMember(alliance_id=alliance.id, organization_id=member.id))
    indexed()
    assert titles("武帮您", ANYONE) == {"organization": ["石城律师事务所"]}


def change_and_fail(need_id: int) -> None:
    with transaction():
        events.changed.send("need", ids=[need_id])
        raise RuntimeError("undone")


def test_a_change_is_noted_in_its_transaction_and_taken_up_by_one_job(app: Flask) -> None:
    wish = a_wish(title="一盏台灯")
    with pytest.raises(RuntimeError, match="undone"):
        change_and_fail(wish.id)
    assert services.behind() == 0
    with transaction():
        events.changed.send("need", ids=[wish.id])
        events.changed.send("need", ids=[wish.id])
    assert services.behind() == 2
    db.session.rollback()  # ends this test's own read, which would keep the job's write waiting
    assert jobs.work_off(app) == 1
    assert services.behind() == 0
    assert titles("台灯", ANYONE) == {"wish": ["一盏台灯"]}
    assert services.catch_up() == 0


def test_a_lost_job_is_made_good_by_the_sweeper(app: Flask) -> None:
    wish = a_wish(title="一盏台灯")
    with transaction():
        events.changed.send("need", ids=[wish.id])
    app.extensions["marketplace.queue"].flush()
    services.catch_up_if_behind()
    assert titles("台灯", ANYONE) == {"wish": ["一盏台灯"]}


def test_the_index_equals_the_database_after_random_changes(app: Flask) -> None:
    draw = random.Random(20_261_124)  # noqa: S311  # a fixed course of events, no secret
    cases = [a_case(), a_case(HUINONG)]
    wishes = [a_wish(draw.choice(cases), title=f"心愿{number}") for number in range(8)]
    projects = [a_project(title=f"项目{number}") for number in range(3)]
    services.rebuild()
    for _step in range(60):
        with transaction():
            kind = draw.randrange(4)
            if kind == 0:
                wish = db.session.get_one(Need, draw.choice(wishes).id)
                wish.state, wish.closing = draw.choice([("open", None), ("review", None), ("closed", "withdrawn")])
                wish.title = f"心愿{draw.randrange(1000)}"
                events.changed.send("need", ids=[wish.id])
            elif kind == 1:
                case = db.session.merge(draw.choice(cases))
                case.restricted = not case.restricted
                events.changed.send("case", ids=[case.id])
            elif kind == 2:
                project = db.session.merge(draw.choice(projects))
                project.title = f"项目{draw.randrange(1000)}"
                events.changed.send("project", ids=[project.id])
            else:
                need = Need(
                    kind="service", category="S0201", title="新需求", region=DAWUKOU, quantity=1, urgency="blue",
                    posted_on=wishes[0].posted_on, author="user:0",
                )  # fmt: skip
                db.session.add(need)
                db.session.flush()
                events.changed.send("need", ids=[need.id])
        if draw.random() < 0.3:
            services.catch_up()
    services.catch_up()
    assert index.current().contents() == services.expected_contents()
    assert db.session.scalar(select(func.count()).select_from(IndexChange)) == 0
    for project in projects:
        assert project.title in titles(project.title)["project"]


def test_writers_take_turns_and_readers_go_on(app: Flask) -> None:
    wishes = [a_wish(title=f"台灯{number}").id for number in range(12)]
    services.rebuild()
    db.session.remove()
    failures: list[BaseException] = []

    def write(ids: list[int]) -> None:
        try:
            with app.app_context():
                for key in ids:
                    with transaction():
                        events.changed.send("need", ids=[key])
                    services.catch_up()
                    assert titles("台灯", ANYONE)
                db.session.remove()
        except BaseException as error:  # noqa: BLE001  # a thread's failure must reach the test
            failures.append(error)

    threads = [threading.Thread(target=write, args=(wishes[part::3],)) for part in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=120)
    assert failures == []
    assert services.behind() == 0
    assert index.current().contents() == services.expected_contents()


def test_a_database_without_its_index_gets_one(app: Flask) -> None:
    a_wish(title="一盏台灯")
    assert services.is_behind()
    services.catch_up_if_behind()
    assert titles("台灯", ANYONE) == {"wish": ["一盏台灯"]}
    assert not services.is_behind()


def test_an_index_of_an_earlier_edition_is_made_anew(app: Flask) -> None:
    wish = a_wish(title="一盏台灯")
    services.rebuild()
    folder = app.extensions["marketplace.settings"].index_dir
    (folder / index.COMPLETE).rename(folder / "complete")  # what the first edition left
    with index.current().writing() as writer:
        writer.remove([f"need:{wish.id}", f"wish:{wish.id}"])  # its entries were others
    assert services.is_behind()
    services.catch_up_if_behind()
    assert titles("台灯", ANYONE) == {"wish": ["一盏台灯"]}
    assert not services.is_behind()


def test_files_removed_under_a_running_server_are_made_good(app: Flask) -> None:
    a_wish(title="一盏台灯")
    services.rebuild()
    assert titles("台灯", ANYONE)
    for path in app.extensions["marketplace.settings"].index_dir.iterdir():
        path.unlink()
    assert titles("台灯", ANYONE) == {}
    services.catch_up_if_behind()
    assert titles("台灯", ANYONE) == {"wish": ["一盏台灯"]}


def test_what_left_the_marketplace_leaves_the_files(app: Flask) -> None:
    wish = a_wish(title="独一无二的望远镜")
    services.rebuild()
    folder = app.extensions["marketplace.settings"].index_dir
    assert any("望远镜".encode() in path.read_bytes() for path in folder.iterdir())
    with transaction():
        wish = db.session.get_one(Need, wish.id)
        db.session.delete(wish)
        events.changed.send("need", ids=[wish.id])
    services.optimise()
    assert not any("望远镜".encode() in path.read_bytes() for path in folder.iterdir())


def test_the_index_is_its_owners_alone_and_holds_nothing_personal(app: Flask, indexed: Callable[[], int]) -> None:
    a_need()
    a_wish()
    a_capacity()
    indexed()
    folder = app.extensions["marketplace.settings"].index_dir
    assert folder.stat().st_mode & 0o777 == 0o700
    stored = b"".join(path.read_bytes() for path in folder.iterdir())
    assert stored
    for value in CANARIES.values():
        assert value.encode() not in stored
        assert titles(value, kinds=("need", "organization")) == {} or value == CANARIES["id_number"]


def test_queries_stay_small() -> None:
    assert len(words.query_terms(" ".join(f"w{number}" for number in range(50)))) == words.MOST_TERMS
    assert words.query_terms("*clothes") == words.query_terms("clothes")
    assert words.query_terms("?*!()") == []


def test_the_page_groups_filters_and_says_when_there_is_nothing(
    app: Flask, client: Browser, indexed: Callable[[], int]
) -> None:
    a_wish(title="轮椅坐垫")
    for number in range(7):
        a_project(title=f"轮椅借用{number}")
    indexed()
    page = client.get("/search?q=轮椅&lang=en").get_data(as_text=True)
    assert "轮椅坐垫" in page
    assert "All results of this kind" in page
    page = client.get("/search?q=轮椅&kind=project&lang=en").get_data(as_text=True)
    assert page.count('href="/projects/') == 7
    assert "轮椅坐垫" not in page
    assert "Nothing found" in client.get("/search?q=轮椅&region=640104&lang=en").get_data(as_text=True)
    assert client.get("/search?lang=en").status_code == 200
    assert client.get(f"/search?q={'x' * 201}").status_code == 422
    assert client.get("/search?q=x&region=999999").status_code == 422
    assert client.get("/search?q=%27%22%3Cscript%3E").status_code == 200
    assert client.get("/search?q=%00").status_code == 400
