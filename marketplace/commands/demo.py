"""`marketplace demo`: a demo world from nothing, one matching run, and the web server."""

import io
import json
import os
from pathlib import Path
from typing import Any

import click
from flask import Flask
from rich.console import Console
from rich.table import Table

from marketplace import jobs
from marketplace.commands.console import WRONG_INPUT, application, progress_bar, say, stop, talk
from marketplace.commands.runs import matching_bar, print_result
from marketplace.commands.server import HOST, PORT, lead_links_to, need_port, serve
from marketplace.demo.accounts import Accounts
from marketplace.demo.load import load, make_anew, may_load
from marketplace.matches import services as matches
from marketplace.permissions import ROLE_NAMES, system_actor
from marketplace.regions import NINGXIA
from marketplace.search import services as search


@click.command(
    "demo", short_help=say("演示世界：数据、一次匹配、网站", "A demo world: data, one matching, the web server")
)
@click.option(
    "--serve/--no-serve", "then_serve", default=True, help=say("随后运行网站", "Run the web server afterwards")
)
@click.option("--host", default=HOST, show_default=True)
@click.option("--port", type=click.IntRange(1, 65535), default=PORT, show_default=True)
@click.option(
    "--accounts",
    "accounts_file",
    type=click.Path(path_type=Path, dir_okay=False),
    help=say("把演示账户写入 JSON 文件", "Write the demo accounts to a JSON file"),
)
def demo_command(*, then_serve: bool, host: str, port: int, accounts_file: Path | None) -> None:
    """Make a demo world, run one matching, print its result, then serve it.

    Only in an empty instance or one marked as a demo, which is made anew; anything else is left untouched (exit 2).
    """
    if accounts_file is not None and not accounts_file.absolute().parent.is_dir():
        stop(WRONG_INPUT, f"没有文件夹 {accounts_file.parent}", f"There is no folder {accounts_file.parent}")
    lead_links_to(host, port)
    with application() as app:
        if not may_load():
            stop(
                WRONG_INPUT,
                "这个实例里有真实数据，演示只能在空实例或演示实例中运行；什么也没有改变。请另设 INSTANCE_DIR。",
                "This instance holds data of its own; a demo needs an empty or a demo instance. "
                "Nothing was changed. Set another INSTANCE_DIR.",
            )
        if then_serve:
            need_port(host, port)  # a demo that is served already is not taken from under its visitors
        accounts = _make_world(app)
        if accounts_file is not None:
            _write_accounts(accounts_file, accounts)
        with matching_bar() as share:
            run = matches.run_now(system_actor("demo"), NINGXIA, None, share)
        print_result(run)
        search.catch_up()
        if then_serve:
            serve(app, host, port, _accounts_text(accounts))
        else:
            click.echo(_accounts_text(accounts))


def _make_world(app: Flask) -> Accounts:
    queue: Any = app.extensions["marketplace.queue"]
    queue.flush()  # jobs of a former demo speak of records that are gone
    make_anew()
    with progress_bar("载入演示数据", "Loading the demo world") as told:
        accounts = load(told)
    with progress_bar("建立检索索引", "Building the search index") as told:
        search.rebuild(told)
    jobs.work_off(app)
    return accounts


def _write_accounts(path: Path, accounts: Accounts) -> None:
    """Passwords: readable by the owner alone."""
    told = json.dumps([account.told() for account in accounts.everyone], ensure_ascii=False, indent=1)
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(told + "\n")
    talk(f"演示账户已写入 {path}", f"The demo accounts are in {path}")


def _accounts_text(accounts: Accounts) -> str:
    title = say(
        "演示账户（每种角色一个，密码每次重新生成）", "Demo accounts, one a role, with passwords made anew each time"
    )
    table = Table(say("角色", "Role"), say("邮箱", "E-mail"), say("密码", "Password"), title=title)
    for account in accounts.one_of_each_role():
        table.add_row(str(ROLE_NAMES[account.role]), account.email, account.password)
    text = io.StringIO()
    Console(file=text, width=100).print(table)
    return text.getvalue().rstrip()
