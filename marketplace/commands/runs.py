"""`marketplace run`: one matching run over the database."""

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import click
from rich.console import Console
from rich.table import Table
from sqlalchemy import select

from marketplace import regions
from marketplace.commands.console import (
    FAILED,
    WRONG_INPUT,
    application,
    index_changes,
    language,
    need_database,
    progress_bar,
    say,
    stop,
)
from marketplace.commands.index import check_region
from marketplace.extensions import db
from marketplace.matches import services
from marketplace.matches.models import MatchRun
from marketplace.matches.solving import SolverStopped
from marketplace.organizations.models import Alliance
from marketplace.permissions import system_actor
from matching.reasons import REASONS

TIME_LIMIT = 3
COLOURS = {"red": ("红", "red"), "yellow": ("黄", "yellow"), "blue": ("蓝", "blue")}
_REASONS = {reason.code: reason for reason in REASONS}


@click.command("run", short_help=say("对数据库做一次匹配", "One matching run over the database"))
@click.option("--region", callback=check_region, help=say("地区代码，包含下级", "Code of a region, with all below it"))
@click.option(
    "--alliance", help=say("联盟标识，只用其成员的服务能力", "Slug of an alliance: its members' capacity alone")
)
@click.option("--json", "as_json", is_flag=True, help=say("以 JSON 输出", "Print JSON"))
def run_command(region: str | None, alliance: str | None, *, as_json: bool) -> None:
    """Match the open needs of a region with the capacity on offer; proposals go to the suppliers' inboxes."""
    with application():
        need_database()
        if alliance is not None:
            _need_alliance(alliance)
        with matching_bar() as told:
            try:
                run = services.run_now(system_actor("run"), region or regions.NINGXIA, alliance, told)
            except SolverStopped as error:
                stop(FAILED, f"求解中断：{error}", f"The solver stopped: {error}")
        index_changes()
        if as_json:
            click.echo(json.dumps(told_as_json(run), ensure_ascii=False))
        else:
            print_result(run)
        state, status = run.state, run.status
    if state != "done":
        stop(FAILED, "匹配没有完成", "The run did not finish")
    if status == "feasible":
        sys.exit(TIME_LIMIT)


def _need_alliance(slug: str) -> None:
    """Stop where no alliance has this slug, and tell those that there are."""
    slugs = sorted(db.session.scalars(select(Alliance.slug)))
    if slug not in slugs:
        stop(
            WRONG_INPUT,
            f"没有标识为“{slug}”的联盟；现有：{'、'.join(slugs) or '无'}",
            f"No alliance is called “{slug}”; there are: {', '.join(slugs) or 'none'}",
        )


@contextmanager
def matching_bar() -> Iterator[Callable[[float], None]]:
    """A bar that takes the share done."""
    with progress_bar("匹配", "Matching") as told:
        yield lambda share: told(round(share * 1000), 1000)


def told_as_json(run: MatchRun) -> dict[str, Any]:
    """What `--json` prints."""
    return {"run": run.public_id, "region": run.region, "state": run.state, "status": run.status, **run.summary}


def print_result(run: MatchRun) -> None:
    """A run's figures as a table on stdout."""
    figures = run.summary
    table = Table(title=say("匹配结果", "Matching result"), show_header=False)
    table.add_column()
    table.add_column(justify="right")
    table.add_row(say("需求", "Needs"), str(figures["needs"]))
    table.add_row(say("单位", "Units"), str(figures["units"]))
    for code, (zh, en) in COLOURS.items():
        served, unserved = figures["served"].get(code, 0), figures["unserved"].get(code, 0)
        of = say(f"{served} / 共 {served + unserved}", f"{served} of {served + unserved}")
        table.add_row(say(f"已满足·{zh}", f"Served, {en}"), of)
    for code, units in sorted(figures["unserved_by_reason"].items(), key=lambda item: -item[1]):
        text = _REASONS[code].text(language()) if code in _REASONS else say("近期均已婉拒", "all declined lately")
        table.add_row(say(f"未满足·{text}", f"Unserved: {text}"), str(units))
    table.add_row(say("秒", "Seconds"), f"{sum(figures['seconds'].values()):.1f}")
    Console(file=sys.stdout).print(table)
