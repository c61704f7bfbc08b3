"""`marketplace match`: matches two files without a database."""

import gc
import hashlib
import resource
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import click
import numpy as np

from marketplace.matches.aside import aside
from marketplace.matches.file_matching import STAGES, Stopwatch, match_tables
from marketplace.matches.file_outputs import (
    Result,
    by_colour,
    replacing,
    served_by_tier,
    summary,
    summary_text,
    unserved_by_tier,
    write_matches,
    write_shortages,
    write_unmatched,
)
from marketplace.matches.file_reading import default_language, read_inputs, say
from matching import Policy
from matching.reasons import REASONS
from matching.tables import Language

TIME_LIMIT = 3
CHINA = timezone(timedelta(hours=8))
"""Asia/Shanghai has had no summer time since 1991; the plain offset needs no time-zone files."""


def _help(zh: str, en: str) -> str:
    return say(default_language(), zh, en)


_FORMATS = _help("CSV 或 XLSX 文件", "CSV or XLSX.")


@click.command("match", short_help=_help("匹配需求与服务能力两个文件", "Match a file of needs with a file of capacity"))
@click.option("--needs", "needs_path", required=True, type=click.Path(path_type=Path), help=_FORMATS)
@click.option("--capacity", "capacity_path", required=True, type=click.Path(path_type=Path), help=_FORMATS)
@click.option(
    "--policy", "policy_path", type=click.Path(path_type=Path), help=_help("权重,TOML 文件", "Weights, as TOML.")
)
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("matches"),
    show_default=True,
    help=_help("结果文件夹;替换其中以前的结果", "Folder for the results; those of an earlier run are replaced."),
)
@click.option(
    "--json", "as_json", is_flag=True, help=_help("只输出 JSON 摘要", "Print the summary as JSON and nothing else.")
)
@click.option(
    "--time-limit",
    type=click.FloatRange(min=0, min_open=True),
    help=_help("求解的秒数上限", "Seconds for the solver."),
)
@click.option(
    "--as-of",
    type=click.DateTime(["%Y-%m-%d"]),
    help=_help(
        "以哪一天判断日期和等待时间  [默认:北京时间今天]",
        "The day on which dates and waiting are judged  [default: today in China]",
    ),
)
@click.option(
    "--lang",
    type=click.Choice(["zh", "en"]),
    help=_help("语言  [默认:DEFAULT_LOCALE 的语言]", "Language  [default: that of DEFAULT_LOCALE]"),
)
@click.pass_context
def match_command(
    context: click.Context,
    *,
    needs_path: Path,
    capacity_path: Path,
    policy_path: Path | None,
    out: Path,
    as_json: bool,
    time_limit: float | None,
    as_of: datetime | None,
    lang: Language | None,
) -> None:
    """Match needs with capacity, explain what is not matched, and write it all to a folder.

    Exit codes: 0 done, 2 a file or an option is wrong and nothing was written, 3 the time limit stopped the
    search with a result that may not be the best, 1 anything else.
    """
    # One short-lived process that builds millions of small objects and drops none: collecting is wasted time.
    gc.disable()
    language = lang or default_language()
    day = as_of.date() if as_of else datetime.now(CHINA).date()
    with _progress(language) as bar:
        clock = Stopwatch(bar)
        with clock.stage("read"):
            needs, capacity, policies = read_inputs(
                needs_path, capacity_path, [policy_path] if policy_path else [], language
            )
            policy = policies[0] if policies else Policy()
            digest = _digest(needs_path, capacity_path)
        try:
            with (
                replacing(out) as folder,
                match_tables(needs, capacity, policy, day, language, clock, folder=folder, time_limit=time_limit) as (
                    result,
                    candidates_written,
                ),
            ):
                figures = _write(result, folder, clock, digest, candidates_written)
        except OSError as error:
            raise click.ClickException(f"{out}: {error.strerror or error}") from error
    if as_json:
        click.echo(summary_text(figures), nl=False)
    else:
        _print_table(result, figures["seconds"])
        click.echo(say(language, f"结果已写入 {out}/", f"Results are in {out}/"), err=True)
    if result.solution.status != "optimal":
        click.echo(
            say(language, "已到时间上限，结果未必最优。", "Stopped by the time limit; there may be better."), err=True
        )
        context.exit(TIME_LIMIT)


def _digest(*paths: Path) -> str:
    seal = hashlib.sha256()
    for path in paths:
        seal.update(path.read_bytes())
    return seal.hexdigest()


def _write(
    result: Result, folder: Path, clock: Stopwatch, digest: str, candidates_written: Callable[[], None]
) -> dict[str, Any]:
    """Write all files into a folder and return the summary."""
    from marketplace.matches.report import render

    peak_mb = _peak_mb()

    def report() -> None:
        # It tells the seconds of the stages before it; its own rendering is in the summary's.
        page = render(result, seconds=clock.seconds, peak_mb=peak_mb, input_sha256=digest)
        (folder / "report.html").write_text(page, "utf-8")

    with clock.stage("write"), aside(report) as report_written:
        write_matches(result, folder)
        write_unmatched(result, folder)
        write_shortages(result, folder)
        report_written()
        candidates_written()
    figures = summary(result, seconds=clock.seconds, peak_mb=_peak_mb(), input_sha256=digest)
    (folder / "summary.json").write_text(summary_text(figures), "utf-8")
    return figures


def _peak_mb() -> float:
    """The most memory this process has held, in MB of 1024² bytes."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 1024**2 if sys.platform == "darwin" else peak / 1024


@contextmanager
def _progress(language: Language) -> Iterator[Callable[[str, float], None]]:
    """A progress bar on a terminal; silence elsewhere, where nobody watches and rich would cost its import."""
    if not sys.stderr.isatty():
        yield lambda _name, _share: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f}%"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("", total=len(STAGES))
        names = list(STAGES)

        def tell(name: str, share: float) -> None:
            progress.update(task, completed=names.index(name) + share, description=say(language, *STAGES[name]))

        yield tell


def _print_table(result: Result, seconds: dict[str, float]) -> None:
    """The outcome as a small table on standard output."""
    from rich.console import Console
    from rich.table import Table

    language = result.language
    served, unserved = by_colour(served_by_tier(result)), by_colour(unserved_by_tier(result))
    table = Table(title=say(language, "匹配结果", "Matching"))
    table.add_column("")
    names = (("▲ 红", "▲ Red"), ("◆ 黄", "◆ Yellow"), ("● 蓝", "● Blue"), ("合计", "Total"))
    for name in names:
        table.add_column(say(language, *name), justify="right")
    for title, units in (
        (say(language, "已满足（份）", "Served units"), served),
        (say(language, "未满足（份）", "Unserved units"), unserved),
    ):
        table.add_row(title, *(f"{count:,}" for count in units.values()), f"{sum(units.values()):,}")
    reasons = np.bincount(result.unmatched.reason, weights=result.unmatched.unserved, minlength=len(REASONS))
    for place in np.argsort(-reasons, kind="stable").tolist():
        if reasons[place]:
            table.add_row(f"  {REASONS[place].text(language)}", "", "", "", f"{int(reasons[place]):,}")
    table.add_section()
    table.add_row(say(language, "需求", "Needs"), "", "", "", f"{len(result.needs):,}")
    table.add_row(say(language, "资源", "Capacities"), "", "", "", f"{len(result.capacity):,}")
    table.add_row(say(language, "可行配对", "Candidates"), "", "", "", f"{result.candidates:,}")
    table.add_row(say(language, "用时（秒）", "Seconds"), "", "", "", f"{sum(seconds.values()):.2f}")
    Console().print(table)
