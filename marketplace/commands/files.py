"""`marketplace import` and `export`: files into and out of the database."""

import sys
from pathlib import Path

import click

from marketplace.commands.console import (
    WRONG_INPUT,
    application,
    index_changes,
    language,
    need_database,
    progress_bar,
    say,
    stop,
    talk,
)
from marketplace.exchange import services
from marketplace.permissions import system_actor
from matching.tables import InvalidTable, Language

ENDINGS = (".csv", ".xlsx")
LANGUAGE: Language = "en" if language() == "en" else "zh"


@click.command("import", short_help=say("把表格文件导入数据库", "Bring a file into the database"))
@click.argument("kind", type=click.Choice(list(services.KINDS)))
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--dry-run", is_flag=True, help=say("只说明会发生什么，不写入", "Say what would happen; write nothing"))
def import_command(kind: str, file: Path, *, dry_run: bool) -> None:
    """Bring a CSV or XLSX file into the database, all of it or nothing.

    The file's id is kept: a second import of the file changes what differs and nothing else. Exit codes: 0 done,
    2 the file is wrong (every fault on stderr, nothing written), 1 anything else.
    """
    with application():
        need_database()
        try:
            with progress_bar("导入", "Importing") as told:
                outcome = services.import_file(
                    system_actor("import"), kind, file, language=LANGUAGE, dry_run=dry_run, progress=told
                )
        except InvalidTable as error:
            _print_faults(error)
            sys.exit(WRONG_INPUT)
        if not dry_run:
            index_changes()
    for warning in outcome.warnings:
        click.echo(warning.line(LANGUAGE), err=True)
    counts = say(
        f"新增 {outcome.new}，更改 {outcome.changed}，未变 {outcome.unchanged}",
        f"{outcome.new} new, {outcome.changed} changed, {outcome.unchanged} unchanged",
    )
    click.echo(say(f"试运行，未写入：{counts}", f"Dry run, nothing written: {counts}") if dry_run else counts)
    if outcome.without_consent:
        click.echo(
            say(
                f"{outcome.without_consent} 条需求没有同意日期，不参加匹配",
                f"{outcome.without_consent} needs have no consent date and stay out of matching runs",
            )
        )


def _print_faults(error: InvalidTable) -> None:
    for fault in error.faults:
        click.echo(fault.line(LANGUAGE), err=True)
    if error.uncounted:
        talk(f"另有 {error.uncounted} 处错误未列出", f"{error.uncounted} more faults are not listed")
    talk("未写入任何内容。", "Nothing was written.")


@click.command("export", short_help=say("把机构、项目、服务能力、家庭或需求导出为文件", "Write a table to a file"))
@click.argument("kind", type=click.Choice(list(services.KINDS)))
@click.argument("file", type=click.Path(path_type=Path))
def export_command(kind: str, file: Path) -> None:
    """Write a table to FILE, .csv or .xlsx, in the columns that import reads; nothing of it tells who somebody is."""
    if file.suffix.lower() not in ENDINGS:
        stop(WRONG_INPUT, f"{file}：文件名须以 .csv 或 .xlsx 结尾", f"{file}: the name must end in .csv or .xlsx")
    with application():
        need_database()
        try:
            count = services.export_file(kind, file)
        except OSError as error:
            reason = error.strerror or type(error).__name__
            stop(WRONG_INPUT, f"{file}：无法写入（{reason}）", f"{file}: cannot be written ({reason})")
    click.echo(say(f"已写出 {count} 行到 {file}", f"{count} rows written to {file}"))
