"""`marketplace init` and `upgrade`."""

import secrets

import click
from flask_migrate import upgrade
from sqlalchemy import func, select

from marketplace.accounts import services as accounts
from marketplace.accounts.models import User
from marketplace.commands.console import (
    FAILED,
    WRONG_INPUT,
    application,
    database_state,
    need_database,
    say,
    stop,
    talk,
)
from marketplace.extensions import db
from marketplace.needs import services as needs

SHORTEST_PASSWORD = 12
ADMINISTRATOR = "administrator@bangnin.example"


@click.command("init", short_help=say("建立数据库和第一个管理员", "Create the database and the first administrator"))
@click.option(
    "--email", default=ADMINISTRATOR, show_default=True, help=say("管理员的邮箱", "The administrator's e-mail")
)
@click.option("--password", help=say("不给出时自动生成并只显示一次", "Made and shown once when not given"))
def init_command(email: str, password: str | None) -> None:
    """Create the database and the first administrator."""
    if password is not None and len(password) < SHORTEST_PASSWORD:
        stop(WRONG_INPUT, "密码至少 12 个字", "The password needs at least 12 characters")
    if "@" not in email:
        stop(WRONG_INPUT, f"“{email}”不是邮箱地址", f"“{email}” is no e-mail address")
    with application():
        need_database()
        if db.session.scalar(select(func.count()).select_from(User)):
            stop(WRONG_INPUT, "已有账户；什么也没有改变", "There are accounts already; nothing was changed")
        made = password or secrets.token_urlsafe(15)
        accounts.first_administrator(email, made)
    click.echo(say(f"管理员：{email}", f"Administrator: {email}"))
    if password is None:
        click.echo(say(f"密码（只显示这一次）：{made}", f"Password (shown this once): {made}"))


@click.command("upgrade", short_help=say("把数据库升级到当前版本", "Migrate the database to this version"))
def upgrade_command() -> None:
    """Migrate the database to this version."""
    with application():
        before = database_state()
        if before == "foreign":
            stop(
                FAILED,
                "这个数据库属于别的程序；请检查 DATABASE_URL",
                "This database is another program's; check DATABASE_URL",
            )
        if before != "current":
            upgrade()
            needs.note_live_channels()
    if before == "current":
        talk("数据库已是最新版本。", "The database is current already.")
    else:
        talk("数据库已升级。", "The database was upgraded.")
