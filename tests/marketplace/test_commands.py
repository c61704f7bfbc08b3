"""The commands as processes: exit codes, what goes to stdout, what goes to stderr."""

import json
import os
import re
import signal
import socket
import sqlite3
import subprocess
import sys
import urllib.request
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner
from flask_migrate import upgrade

from marketplace import create_app
from marketplace.cli import COMMANDS, group
from marketplace.commands.server import lead_links_to
from marketplace.extensions import db
from tests.conftest import settings_in
from tests.support.commands import Result, marketplace, started

NEEDS = """id,kind,category,region,quantity,household,title,consent_date
N1,goods,S1102,640202,2,H1,两套冬衣,2026-11-01
N2,service,S0201,640202,1,H2,陪伴就医,
"""
CAPACITY = """id,organization,categories,regions,quantity,title
C1,暖心慈善,S11,640200,10,冬衣发放
"""
Command = Callable[..., Result]


@pytest.fixture
def instance(migrated: Path, tmp_path: Path) -> Path:
    """An instance with an empty, migrated database."""
    folder = tmp_path / "instance"
    folder.mkdir(mode=0o700)
    (folder / "bangnin.db").write_bytes(migrated.read_bytes())
    return folder


@pytest.fixture
def command(instance: Path) -> Command:
    return lambda *arguments, **environ: marketplace(instance, *arguments, **environ)


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    needs, capacity = tmp_path / "needs.csv", tmp_path / "capacity.csv"
    needs.write_text(NEEDS, "utf-8")
    capacity.write_text(CAPACITY, "utf-8")
    return needs, capacity


def rows(instance: Path, statement: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(instance / "bangnin.db")) as connection:
        found = connection.execute(statement).fetchall()
        connection.commit()
    return found


def free_port() -> int:
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_every_command_is_listed_and_explains_itself(tmp_path: Path) -> None:
    listed = marketplace(tmp_path, "--help")
    assert listed.returncode == 0
    for name in COMMANDS:
        assert f"  {name}" in listed.stdout
    chinese = marketplace(tmp_path, "--help", DEFAULT_LOCALE="zh_Hans_CN").stdout.splitlines()
    for line in chinese[chinese.index("Commands:") + 1 :]:
        assert re.search(r"[\u4e00-\u9fff]", line), line
    assert "CSV 或 XLSX" in marketplace(tmp_path, "match", "--help", DEFAULT_LOCALE="zh_Hans_CN").stdout
    assert "CSV or XLSX" in marketplace(tmp_path, "match", "--help").stdout
    assert not (tmp_path / "bangnin.db").exists()


@pytest.mark.parametrize(
    "arguments",
    [
        ("nonsense",),
        ("import", "unicorns", "x.csv"),
        ("import", "needs"),
        ("export", "needs", "needs.pdf"),
        ("search",),
        ("search", "x" * 201),
        ("search", "x", "--region", "999999"),
        ("search", "x", "--limit", "0"),
        ("run", "--region", "110000"),
        ("serve", "--port", "0"),
        ("init", "--password", "short"),
        ("demo", "--no-serve", "--accounts", "/no/such/folder/accounts.json"),
    ],
)
def test_a_wrong_command_line_ends_with_2_before_anything_is_opened(
    arguments: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("INSTANCE_DIR", str(tmp_path / "untouched"))
    result = CliRunner().invoke(group, list(arguments))
    assert result.exit_code == 2
    assert result.stdout == ""
    assert result.stderr.strip()
    assert not (tmp_path / "untouched").exists()


def test_what_only_the_instance_can_tell_ends_with_2_as_well(command: Command) -> None:
    for arguments in (("run", "--alliance", "nobody"), ("export", "needs", "/no/such/folder/needs.csv")):
        result = command(*arguments)
        assert (result.returncode, result.stdout) == (2, "")
        assert "Traceback" not in result.stderr
        assert arguments[-1] in result.stderr


def test_init_makes_the_first_administrator_once(tmp_path: Path) -> None:
    instance = tmp_path / "new"
    made = marketplace(instance, "init", "--email", "first@example.org")
    assert made.returncode == 0
    assert "first@example.org" in made.stdout
    password = made.stdout.rpartition(": ")[2].strip()
    assert len(password) >= 12
    assert rows(instance, "SELECT count(*) FROM user") == [(1,)]
    assert marketplace(instance, "init").returncode == 2
    assert rows(instance, "SELECT count(*) FROM user") == [(1,)]
    assert (instance.stat().st_mode & 0o777) == 0o700


def test_import_search_run_and_export(
    command: Command, instance: Path, files: tuple[Path, Path], tmp_path: Path
) -> None:
    needs, capacity = files
    result = command("import", "capacity", capacity)
    assert (result.returncode, result.stdout) == (0, "1 new, 0 changed, 0 unchanged\n")
    dry = command("import", "needs", needs, "--dry-run")
    assert dry.stdout.startswith("Dry run, nothing written: 2 new, 0 changed, 0 unchanged\n")
    assert rows(instance, "SELECT count(*) FROM need") == [(0,)]
    result = command("import", "needs", needs)
    assert result.stdout == (
        "2 new, 0 changed, 0 unchanged\n1 needs have no consent date and stay out of matching runs\n"
    )
    assert "Importing" in result.stderr
    assert rows(instance, "SELECT count(*) FROM index_change") == [(0,)]
    events = rows(instance, "SELECT count(*) FROM audit_event")
    assert command("import", "needs", needs).stdout.startswith("0 new, 0 changed, 2 unchanged\n")
    assert rows(instance, "SELECT count(*) FROM audit_event") == events

    found = json.loads(command("search", "冬衣", "--json").stdout)["results"]
    assert {(item["kind"], item["external_id"], item["title"]) for item in found} >= {("need", "N1", "两套冬衣")}
    assert {item["kind"] for item in found} == {"need", "project"}
    assert set(found[0]) == {"kind", "id", "external_id", "title", "score"}
    only = json.loads(command("search", "冬衣", "--kind", "need", "--limit", "1", "--json").stdout)["results"]
    assert [item["external_id"] for item in only] == ["N1"]
    assert json.loads(command("search", "冬衣", "--region", "640104", "--json").stdout) == {"results": []}
    assert json.loads(command("search", "冬衣", "--kind", "policy", "--json").stdout) == {"results": []}
    assert "两套冬衣" in command("search", "clothes", "--kind", "need").stdout

    figures = json.loads(command("run", "--region", "640202", "--json").stdout)
    assert (figures["needs"], figures["units"], figures["status"]) == (1, 2, "optimal")
    assert figures["served"] == {"red": 0, "yellow": 0, "blue": 2}
    table = command("run")
    assert table.returncode == 0
    assert "Served, blue" in table.stdout

    copy = tmp_path / "copy.xlsx"
    assert command("export", "needs", copy).returncode == 0
    assert command("import", "needs", copy).stdout.startswith("0 new, 0 changed, 2 unchanged\n")


def test_a_bad_file_lists_every_fault_and_writes_nothing(command: Command, instance: Path, tmp_path: Path) -> None:
    path = tmp_path / "needs.csv"
    path.write_text("编号,类别,地区,数量\nN1,S1102,大武口区,0\nN1,没有,火星,2\n", "utf-8")
    result = command("import", "needs", path)
    assert (result.returncode, result.stdout) == (2, "")
    lines = [line for line in result.stderr.splitlines() if line.startswith(f"{path}:")]
    assert [line.removeprefix(f"{path}:").split(": ")[0] for line in lines] == [
        "2:数量", "3:编号", "3:类别", "3:地区",
    ]  # fmt: skip
    assert rows(instance, "SELECT (SELECT count(*) FROM need) + (SELECT count(*) FROM audit_event)") == [(0,)]
    assert command("import", "needs", tmp_path / "absent.csv").returncode == 2


def test_the_audit_trail_is_checked(command: Command, instance: Path, files: tuple[Path, Path]) -> None:
    command("import", "capacity", files[1])
    assert command("audit", "verify").returncode == 0
    rows(instance, "DROP TRIGGER audit_event_no_update")
    rows(instance, "UPDATE audit_event SET action = 'need:stolen' WHERE id = 1")
    result = command("audit", "verify")
    assert (result.returncode, result.stdout) == (1, "")
    assert "was changed" in result.stderr


def test_the_doctor_says_what_to_mend(command: Command, instance: Path, files: tuple[Path, Path]) -> None:
    assert command("import", "capacity", files[1]).returncode == 0
    assert command("doctor").returncode == 0
    (instance / "secrets.json").chmod(0o644)
    loose = command("doctor")
    assert loose.returncode == 1
    assert "chmod 600" in loose.stdout
    (instance / "secrets.json").chmod(0o600)
    for path in (instance / "index").iterdir():
        path.unlink()
    assert "marketplace reindex" in command("doctor").stdout
    assert "2 entries" in command("reindex").stdout
    assert command("doctor").returncode == 0


def test_an_empty_instance_is_not_well_yet(tmp_path: Path) -> None:
    result = marketplace(tmp_path / "new", "doctor")
    assert result.returncode == 1
    assert "marketplace init" in result.stdout


def test_production_needs_its_secrets(tmp_path: Path) -> None:
    result = marketplace(tmp_path / "new", "serve", BASE_URL="https://example.org")
    assert result.returncode == 1
    assert "SECRET_KEY" in result.stderr
    doctor = marketplace(tmp_path / "new", "doctor", BASE_URL="https://example.org", SECRET_KEY="s" * 40)
    assert doctor.returncode == 1
    assert "FIELD_KEYS" in doctor.stdout


def test_the_doctor_prints_a_whole_key_and_sees_keys_that_do_not_fit(tmp_path: Path) -> None:
    narrow = {"BASE_URL": "https://example.org", "SECRET_KEY": "s" * 40, "COLUMNS": "60"}
    cells = re.findall(r"│([^│\n]*)│\n", marketplace(tmp_path / "new", "doctor", **narrow).stdout)
    key = re.search(r"anewkey:([\w=-]{44})", "".join(cells).replace(" ", ""))
    assert key is not None, cells
    given = {"SECRET_KEY": "s" * 40, "FIELD_KEYS": key[1]}
    assert marketplace(tmp_path, "init", **given).returncode == 0
    assert marketplace(tmp_path, "doctor", **given).returncode == 0
    for wrong in ({**given, "INDEX_KEY": "another"}, {**given, "FIELD_KEYS": "another"}):
        doctor = marketplace(tmp_path, "doctor", **wrong)
        assert doctor.returncode == 1
        assert "restore the former" in doctor.stdout


def test_a_setting_that_cannot_be_used_is_told_without_a_traceback(tmp_path: Path) -> None:
    for arguments in (("search", "x"), ("serve",), ("doctor",)):
        result = marketplace(tmp_path, *arguments, DATABASE_URL="nonsense")
        assert result.returncode == 1
        assert "DATABASE_URL must look like" in result.stdout + result.stderr
        assert "Traceback" not in result.stderr


def test_a_worker_without_its_queue_ends_at_once(instance: Path) -> None:
    result = marketplace(instance, "worker", REDIS_URL=f"redis://127.0.0.1:{free_port()}/0")
    assert result.returncode == 1
    assert "check REDIS_URL" in result.stderr
    assert "Traceback" not in result.stderr


def test_brackets_in_a_table_are_text(tmp_path: Path) -> None:
    folder = tmp_path / "a[b]c"
    assert "a[b]c" in marketplace(folder, "doctor", COLUMNS="200").stdout


def test_waiting_migrations_stop_a_command_until_the_upgrade(tmp_path: Path) -> None:
    older = create_app(settings_in(tmp_path))
    with older.app_context():
        upgrade(revision="0002")
        db.engine.dispose()

    result = marketplace(tmp_path, "search", "x")
    assert result.returncode == 1
    assert "marketplace upgrade" in result.stderr
    assert "marketplace upgrade" in marketplace(tmp_path, "doctor").stdout
    assert marketplace(tmp_path, "upgrade").returncode == 0
    assert marketplace(tmp_path, "search", "x").returncode == 0


def test_another_programs_database_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "bangnin.db").touch()
    rows(tmp_path, "CREATE TABLE theirs (id INTEGER)")
    for arguments in (("search", "x"), ("upgrade",), ("init",), ("serve",)):
        assert marketplace(tmp_path, *arguments).returncode == 1
    assert rows(tmp_path, "SELECT name FROM sqlite_master") == [("theirs",)]


def test_an_unreachable_database_is_told_without_a_traceback(tmp_path: Path) -> None:
    result = marketplace(tmp_path, "search", "x", DATABASE_URL="sqlite:////no/such/folder/bangnin.db")
    assert result.returncode == 1
    assert "database" in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize(
    ("host", "set_to", "leads_to"),
    [
        ("127.0.0.1", None, "http://127.0.0.1:8123"),
        ("0.0.0.0", "", "http://127.0.0.1:8123"),  # noqa: S104  # as an operator may say it
        ("::1", None, "http://[::1]:8123"),
        ("127.0.0.1", "https://help.example.org", "https://help.example.org"),
    ],
)
def test_links_and_printed_codes_lead_to_the_port_that_is_served(
    monkeypatch: pytest.MonkeyPatch, host: str, set_to: str | None, leads_to: str
) -> None:
    monkeypatch.setenv("BASE_URL", set_to or "")
    if set_to is None:
        monkeypatch.delenv("BASE_URL")
    lead_links_to(host, 8123)
    assert os.environ["BASE_URL"] == leads_to


def test_serve_answers_and_ends_with_0(instance: Path) -> None:
    port = free_port()
    with started(instance, "serve", "--port", str(port)) as server:
        assert server.stdout is not None
        assert server.stdout.readline() == f"Address: http://127.0.0.1:{port}/\n"
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=30) as answer:
            assert answer.status == 200
        taken = marketplace(instance, "serve", "--port", str(port))
        assert taken.returncode == 1
        assert str(port) in taken.stderr
        server.send_signal(signal.SIGTERM)
        server.communicate(timeout=30)
        assert server.returncode == 0


def test_a_worker_does_what_waits(instance: Path, files: tuple[Path, Path]) -> None:
    marketplace(instance, "import", "needs", files[0])
    with started(instance, "worker") as worker:
        assert worker.stderr is not None
        assert worker.stderr.readline().startswith("Working")
        with closing(sqlite3.connect(instance / "queue.db")) as queue:
            while queue.execute("SELECT count(*) FROM task").fetchone()[0]:
                assert worker.poll() is None
        worker.send_signal(signal.SIGTERM)
        worker.communicate(timeout=30)
        assert worker.returncode == 0


def test_commands_load_only_when_asked_for() -> None:
    script = (
        "import sys, marketplace.cli as cli; cli.group.get_command(None, 'match');"
        "print(sorted({'flask', 'sqlalchemy', 'whoosh', 'jieba'} & set(sys.modules)))"
    )
    told = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60)
    assert told.stdout == "[]\n"
