"""`marketplace search` and `reindex`."""

import json
import sys

import click
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from marketplace import regions
from marketplace.commands.console import (
    WRONG_INPUT,
    application,
    index_changes,
    need_database,
    progress_bar,
    say,
    stop,
)
from marketplace.permissions import system_actor
from marketplace.search import services
from marketplace.search.documents import KINDS
from marketplace.search.words import MOST_CHARACTERS

#: Kinds that the command line knows and that have no records yet give no results.
CHOICES = (*KINDS, "policy")
WORDS = {
    "need": ("需求", "need"),
    "wish": ("微心愿", "wish"),
    "project": ("项目", "project"),
    "organization": ("机构", "organization"),
}


def check_region(_context: click.Context, _parameter: click.Parameter, value: str | None) -> str | None:
    """A region option: a code of Ningxia."""
    if value is not None and not regions.exists(value):
        raise click.BadParameter(say(f"没有代码为 {value} 的地区", f"no region has the code {value}"))
    return value


@click.command("search", short_help=say("检索", "Search"))
@click.argument("query", nargs=-1, required=True)
@click.option("--kind", type=click.Choice(CHOICES))
@click.option("--region", callback=check_region, help=say("地区代码，包含下级", "Code of a region, with all below it"))
@click.option("--limit", type=click.IntRange(1, services.MOST_HITS), default=20, show_default=True)
@click.option("--json", "as_json", is_flag=True, help=say("以 JSON 输出", "Print JSON"))
def search_command(query: tuple[str, ...], *, kind: str | None, region: str | None, limit: int, as_json: bool) -> None:
    """Search as an administrator, after catching up with what has changed."""
    text = " ".join(query)
    if len(text) > MOST_CHARACTERS:
        stop(WRONG_INPUT, "检索词最多 200 个字", "A query has at most 200 characters")
    with application():
        need_database()
        if services.is_behind():
            index_changes()
        kinds = (kind,) if kind else KINDS
        groups = services.find(system_actor("search"), text, kinds=kinds, region=region, per_page=limit)
        found = sorted((item for group in groups for item in group.items), key=lambda item: -item.score)[:limit]
        results = [
            {
                "kind": item.kind,
                "id": item.row.public_id,
                "external_id": item.row.external_id,
                "title": item.title,
                "score": round(item.score, 4),
            }
            for item in found
        ]
    if as_json:
        click.echo(json.dumps({"results": results}, ensure_ascii=False))
        return
    if not results:
        click.echo(say("没有找到", "Nothing found"), err=True)
        return
    table = Table(say("类型", "Kind"))
    for heading in (say("编号", "Id"), say("标题", "Title"), say("得分", "Score")):
        table.add_column(heading, overflow="fold")
    for result in results:
        known = escape(str(result["external_id"] or result["id"]))
        table.add_row(say(*WORDS[str(result["kind"])]), known, escape(str(result["title"])), str(result["score"]))
    Console(file=sys.stdout).print(table)


@click.command("reindex", short_help=say("重建检索索引", "Rebuild the search index"))
def reindex_command() -> None:
    """Rebuild the search index from the database."""
    with application():
        need_database()
        with progress_bar("重建检索索引", "Rebuilding the search index") as told:
            count = services.rebuild(told)
    click.echo(say(f"索引中有 {count} 条", f"{count} entries in the index"))
