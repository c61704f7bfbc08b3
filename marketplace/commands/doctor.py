"""`marketplace doctor`: checks an installation and says what to mend."""

import shutil
import sqlite3
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

import click
from flask import Flask
from rich.console import Console
from rich.markup import escape
from rich.table import Table
from sqlalchemy import func, select, text

from marketplace import create_app
from marketplace.accounts.models import User, email_index
from marketplace.commands.console import FAILED, database_state, say
from marketplace.extensions import db, wal_is_safe
from marketplace.needs.models import Need
from marketplace.organizations.models import Organization
from marketplace.projects.models import Project
from marketplace.search import index
from marketplace.search import services as search
from marketplace.settings import Settings, SettingsError, new_field_key

OLDEST_PYTHON = (3, 11)
LEAST_FREE_BYTES = 1024**3
#: A worker takes up changes within seconds; so many waiting mean that none is running.
MOST_BEHIND = 1000


@dataclass(frozen=True)
class Finding:
    """One check: what was looked at, what was found, and what to do where it is not as it should be."""

    name: str
    found: str
    mend: str = ""

    @property
    def well(self) -> bool:
        return not self.mend


@click.command("doctor", short_help=say("检查安装", "Check the installation"))
def doctor_command() -> None:
    """Check the installation and say what to mend; exit 1 when something is broken."""
    findings = [_python()]
    try:
        app = create_app()
    except SettingsError as error:
        mend = say("请更正", "correct it")
        if "FIELD_KEYS" in str(error):
            mend += say(f"；新的密钥可用：{new_field_key()}", f"; a new key: {new_field_key()}")
        findings.append(Finding(say("设置", "Settings"), str(error), mend))
    else:
        with app.app_context():
            findings += _examine(app)
            db.session.remove()
            db.engine.dispose()
    table = Table(say("检查", "Check"))
    for heading in (say("结果", "Found"), say("处理办法", "What to do")):
        table.add_column(heading, overflow="fold")  # a key or a path is of no use cut short
    for finding in findings:
        mark = say("正常", "fine") if finding.well else finding.mend
        table.add_row(finding.name, escape(finding.found), escape(mark), style=None if finding.well else "bold red")
    Console(file=sys.stdout).print(table)
    if not all(finding.well for finding in findings):
        sys.exit(FAILED)


def _examine(app: Flask) -> list[Finding]:
    settings: Settings = app.extensions["marketplace.settings"]
    findings = [_secrets(settings), _disk(settings)]
    checks: list[Callable[[Settings], Finding]] = [_database, _migrations]
    try:
        findings += [check(settings) for check in checks]
        if database_state() == "current":
            findings += [_keys(settings), _index(settings), _queue(app, settings)]
    except Exception as error:  # noqa: BLE001  # whatever fails here is what the doctor has to tell
        findings.append(
            Finding(
                say("数据库", "Database"),
                type(error).__name__,
                say("无法连接；请检查 DATABASE_URL", "It cannot be reached; check DATABASE_URL"),
            )
        )
    return findings


def _python() -> Finding:
    version = ".".join(map(str, sys.version_info[:3]))
    old = sys.version_info < OLDEST_PYTHON
    return Finding("Python", version, say("需要 3.11 以上", "3.11 or later is needed") if old else "")


def _secrets(settings: Settings) -> Finding:
    path = settings.instance_dir / "secrets.json"
    name = say("密钥文件", "Keys")
    if not path.exists():
        return Finding(name, say("来自环境变量", "from the environment"))
    readable = path.stat().st_mode & 0o077
    mend = (
        say(f"别人也能读取；请运行 chmod 600 {path}", f"others can read it; run chmod 600 {path}") if readable else ""
    )
    return Finding(name, str(path), mend)


def _disk(settings: Settings) -> Finding:
    free = shutil.disk_usage(settings.instance_dir).free
    mend = say("空间不足 1 GB;请清理磁盘", "less than 1 GB; free some space") if free < LEAST_FREE_BYTES else ""
    return Finding(say("磁盘空间", "Free disk"), f"{free / 1024**3:.1f} GB", mend)


def _database(_settings: Settings) -> Finding:
    engine = db.engine
    name = say("数据库", "Database")
    if engine.dialect.name != "sqlite":
        version = db.session.scalar(text("SHOW server_version"))
        return Finding(name, f"{engine.dialect.name} {version}")
    mode = str(db.session.scalar(text("PRAGMA journal_mode"))).lower()
    keys = db.session.scalar(text("PRAGMA foreign_keys"))
    wanted = "wal" if wal_is_safe(sqlite3.sqlite_version_info) else "delete"
    mend = ""
    if mode != wanted:
        mend = say(
            f"日志模式应为 {wanted}；请停止所有进程后重新启动",
            f"journal mode should be {wanted}; stop every process and start again",
        )
    elif not keys:
        mend = say("外键检查未打开；请报告此问题", "foreign keys are off; report this")
    return Finding(name, f"SQLite {sqlite3.sqlite_version}, {mode}", mend)


def _migrations(_settings: Settings) -> Finding:
    state = database_state()
    name = say("数据库版本", "Migrations")
    if state == "current":
        return Finding(name, say("最新", "current"))
    if state == "foreign":
        found, mend = say("别的程序的表", "another program's tables"), say("请检查 DATABASE_URL", "check DATABASE_URL")
    elif state == "empty":
        found, mend = say("没有表", "no tables"), say("请运行 marketplace init", "run marketplace init")
    else:
        found, mend = say("落后", "behind"), say("请运行 marketplace upgrade", "run marketplace upgrade")
    return Finding(name, found, mend)


def _keys(_settings: Settings) -> Finding:
    name = say("加密字段", "Encrypted fields")
    stored = db.session.execute(select(User.email_sealed, User.email_index).limit(1)).first()
    if stored is None:
        return Finding(name, say("还没有数据", "nothing stored yet"))
    try:
        found = email_index(stored.email_sealed.plain()) == stored.email_index
    except ValueError:
        return Finding(
            name,
            say("打不开", "do not open"),
            say("FIELD_KEYS 与数据不符；请恢复原来的密钥", "FIELD_KEYS do not fit the data; restore the former keys"),
        )
    if not found:
        return Finding(
            name,
            say("可以打开，但找不到", "open, but are not found"),
            say(
                "INDEX_KEY 或 FIELD_KEYS 中最旧的密钥与数据不符；请恢复原来的",
                "INDEX_KEY, or the oldest of FIELD_KEYS, does not fit the data; restore the former one",
            ),
        )
    return Finding(name, say("可以打开", "open"))


def _index(_settings: Settings) -> Finding:
    name, mend = say("检索索引", "Search index"), say("请运行 marketplace reindex", "run marketplace reindex")
    if not index.current().is_complete:
        stored = db.session.scalar(select(func.count()).select_from(Organization))
        return Finding(name, say("还没有", "none yet"), mend if stored else "")
    behind = search.behind()
    held = Counter(key.partition(":")[0] for key in index.current().contents())
    if behind > MOST_BEHIND:
        told = say(
            "没有后台进程；请运行 marketplace worker 或 reindex",
            "no worker is running; run marketplace worker or reindex",
        )
        return Finding(name, say(f"落后 {behind} 处更改", f"{behind} changes behind"), told)
    tables = (("project", Project), ("organization", Organization))
    wrong = [kind for kind, model in tables if held[kind] != _count(model)]
    wrong += ["need"] if held["need"] > _count(Need) else []
    if wrong and not behind:
        return Finding(name, say("与数据库不符", "differs from the database"), mend)
    return Finding(name, say(f"{sum(held.values())} 条", f"{sum(held.values())} entries"))


def _count(model: type) -> int:
    return int(db.session.scalar(select(func.count()).select_from(model)) or 0)


def _queue(app: Flask, settings: Settings) -> Finding:
    name = say("任务队列", "Queue")
    try:
        waiting = app.extensions["marketplace.queue"].pending_count()
    except Exception as error:  # noqa: BLE001  # a queue out of reach is what the doctor has to tell
        return Finding(
            name, type(error).__name__, say("无法连接；请检查 REDIS_URL", "It cannot be reached; check REDIS_URL")
        )
    where = "Redis" if settings.redis_url else "SQLite"
    return Finding(name, say(f"{where}，{waiting} 个等待", f"{where}, {waiting} waiting"))
