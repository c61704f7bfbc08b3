"""`marketplace simulate`: what policies would do with the needs of a file, day by day, without a database."""

import csv
import io
import json
import sys
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

import click
import numpy as np

from marketplace.matches.file_codes import code_tables
from marketplace.matches.file_reading import WRONG_INPUT, default_language, read_inputs, say
from matching import Policy, Timeline, simulate
from matching.tables import URGENCIES, CapacityTable, Language, NeedTable, csv_text, safe_text
from matching.tables.course import LONGEST_DAYS, course_of, span_of

TIME_LIMIT = 3
DAYS_AFTER = 14
"""So many days are simulated after the last need came, unless told: the last ones wait too."""

COLUMNS = (
    "policy", "urgency", "units", "served", "coverage_percent", "expired", "open",
    "waited_mean", "waited_median", "waited_ninetieth", "unserved_waited_mean",
    "churn_percent", "declined", "runs",
)  # fmt: skip
"""The columns of the table, one row a policy and colour, then one for all colours."""

ALL = "all"
WIDTH = 110
"""Characters of the table where no terminal tells its own."""


def _help(zh: str, en: str) -> str:
    return say(default_language(), zh, en)


@dataclass(frozen=True)
class Options:
    """How the days go, whatever the policy."""

    begin: date
    days: int
    run_every: int
    answer_days: int
    accept: float
    stay: int
    seed: int
    time_limit: float | None


@click.command("simulate", short_help=_help("按天模拟匹配规则的效果", "What policies would do, day by day"))
@click.option("--needs", "needs_path", required=True, type=click.Path(path_type=Path), help="CSV, XLSX")
@click.option("--capacity", "capacity_path", required=True, type=click.Path(path_type=Path), help="CSV, XLSX")
@click.option(
    "--policy",
    "policy_paths",
    multiple=True,
    type=click.Path(path_type=Path),
    help=_help("要比较的规则，TOML 文件，可多次给出", "A policy to compare, TOML; may be given several times."),
)
@click.option(
    "--from",
    "begin",
    type=click.DateTime(["%Y-%m-%d"]),
    help=_help("第一天  [默认：最早的登记日期]", "The first day  [default: when the first need was posted]"),
)
@click.option(
    "--days",
    type=click.IntRange(1, LONGEST_DAYS),
    help=_help(
        "天数  [默认：到最后一项登记之后 14 天]", "How many days  [default: till 14 days after the last need came]"
    ),
)
@click.option("--run-every", type=click.IntRange(1), default=1, show_default=True, help=_help("几天匹配一次", "Days"))
@click.option(
    "--answer-days",
    type=click.IntRange(0),
    default=3,
    show_default=True,
    help=_help("机构几天后答复", "Days until a supplier answers."),
)
@click.option(
    "--accept",
    type=click.FloatRange(0, 1),
    default=0.9,
    show_default=True,
    help=_help("机构接受的概率", "Probability that a supplier accepts."),
)
@click.option(
    "--stay",
    type=click.IntRange(0, 10_000),
    default=0,
    show_default=True,
    help=_help("为保持已有建议而加的契合度", "Fit added to what is proposed already: less churn."),
)
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help=_help("随机种子", "Random seed."))
@click.option(
    "--time-limit", type=click.FloatRange(min=0, min_open=True), help=_help("每次求解的秒数", "Seconds a run.")
)
@click.option(
    "--out", type=click.Path(path_type=Path, dir_okay=False), help=_help("把表写入 CSV", "Write the table as CSV.")
)
@click.option("--json", "as_json", is_flag=True, help=_help("输出 JSON", "Print JSON."))
@click.option("--lang", type=click.Choice(["zh", "en"]), help=_help("语言", "Language."))
@click.pass_context
def simulate_command(
    context: click.Context,
    *,
    needs_path: Path,
    capacity_path: Path,
    policy_paths: tuple[Path, ...],
    begin: datetime | None,
    days: int | None,
    as_json: bool,
    out: Path | None,
    lang: Language | None,
    **options: Any,
) -> None:
    """Let the needs come on the days they were posted, match nightly, and tell waiting, churn and coverage.

    The default policy comes first, then those given, over the same days and the same suppliers' answers. Exit
    codes: 0 done, 2 a file or an option is wrong, 3 the time limit stopped a run, 1 anything else.
    """
    language = lang or default_language()
    needs, capacity, policies = read_inputs(needs_path, capacity_path, policy_paths, language)
    chosen = _options(context, needs, begin, days, language, options)
    names = ["default", *_names(policy_paths)]
    rows: list[dict[str, Any]] = []
    optimal = True
    for name, policy in zip(names, (Policy(), *policies), strict=True):
        click.echo(say(language, f"模拟 {name}：{chosen.days} 天", f"Simulating {name}: {chosen.days} days"), err=True)
        timeline, left_out = _simulated(needs, capacity, policy, chosen)
        rows += _rows(name, timeline)
        optimal &= bool(timeline.nights.optimal.all())
    if left_out:
        click.echo(
            say(
                language,
                f"{left_out} 项需求未参加：登记在最后一天之后，或期限已过。",
                f"{left_out} needs take no part: they came after the last day, or their deadline had passed.",
            ),
            err=True,
        )
    table = csv_text(COLUMNS, [[_cell(row[column]) for column in COLUMNS] for row in rows])
    if out is not None:
        try:
            out.write_text(table, "utf-8", newline="")
        except OSError as error:
            raise click.ClickException(f"{out}: {error.strerror or error}") from error
    if as_json:
        told = {"from": chosen.begin.isoformat(), "days": chosen.days, "left_out": left_out, "rows": rows}
        click.echo(json.dumps(told, ensure_ascii=False))
    else:
        _print(table, language)
    if not optimal:
        context.exit(TIME_LIMIT)


def _options(
    context: click.Context,
    needs: NeedTable,
    begin: datetime | None,
    days: int | None,
    language: Language,
    options: dict[str, Any],
) -> Options:
    span = span_of(needs)
    first = begin.date() if begin else (span[0] if span else date(1970, 1, 1))
    if days is None:
        days = ((span[1] - first).days if span else 0) + 1 + DAYS_AFTER
    if not 1 <= days <= LONGEST_DAYS:
        click.echo(
            say(
                language,
                f"从 {first} 起共 {days} 天；请用 --from 和 --days 给出 1 到 {LONGEST_DAYS} 天。",
                f"{days} days from {first}; give 1 to {LONGEST_DAYS} with --from and --days.",
            ),
            err=True,
        )
        context.exit(WRONG_INPUT)
    return Options(begin=first, days=days, **options)


def _names(paths: tuple[Path, ...]) -> list[str]:
    """What each policy is called: its file, and its number where two files are called alike."""
    stems = [safe_text(path.stem) for path in paths]
    return [stem if stems.count(stem) == 1 else f"{stem} ({number})" for number, stem in enumerate(stems, 1)]


def _simulated(needs: NeedTable, capacity: CapacityTable, policy: Policy, options: Options) -> tuple[Timeline, int]:
    course = course_of(needs, capacity, code_tables(), policy, options.begin, options.days)
    timeline = simulate(
        course.days,
        course.offers,
        policy,
        run_every=options.run_every,
        answer_days=options.answer_days,
        accept=options.accept,
        stay=options.stay,
        opens=course.opens,
        closes=course.closes,
        seed=options.seed,
        time_limit=options.time_limit,
    )
    return timeline, course.left_out


def _rows(name: str, timeline: Timeline) -> list[dict[str, Any]]:
    """The rows of one policy: each colour that has needs, then all together."""
    needs, nights = timeline.needs, timeline.nights
    whole = {
        "churn_percent": round(100 * timeline.churn, 1),
        "declined": int(nights.declined.sum()),
        "runs": int(nights.ran.sum()),
    }
    waiting = timeline.waiting()
    rows = []
    for tier, colour in enumerate(URGENCIES):
        chosen = needs.tier == tier
        if not chosen.any():
            continue
        spread, unserved = waiting.served, waiting.unserved
        rows.append(
            {
                **_units(name, colour, needs, chosen),
                "waited_mean": _days(spread.mean[tier]),
                "waited_median": int(spread.median[tier]) if spread.units[tier] else None,
                "waited_ninetieth": int(spread.ninetieth[tier]) if spread.units[tier] else None,
                "unserved_waited_mean": _days(unserved.mean[tier]),
                **dict.fromkeys(whole),
            }
        )
    every = np.ones(needs.tier.size, np.bool_)
    waited = timeline.work.accepted_on - needs.day[timeline.work.need]
    days = np.repeat(waited, timeline.work.units)
    rows.append(
        {
            **_units(name, ALL, needs, every),
            "waited_mean": _days(days.mean() if days.size else np.nan),
            "waited_median": int(np.quantile(days, 0.5, method="inverted_cdf")) if days.size else None,
            "waited_ninetieth": int(np.quantile(days, 0.9, method="inverted_cdf")) if days.size else None,
            "unserved_waited_mean": None,
            **whole,
        }
    )
    return rows


def _units(name: str, colour: str, needs: Any, chosen: Any) -> dict[str, Any]:
    units, served, expired = (int(column[chosen].sum()) for column in (needs.quantity, needs.served, needs.expired))
    return {
        "policy": name,
        "urgency": colour,
        "units": units,
        "served": served,
        "coverage_percent": round(100 * served / units, 1) if units else None,
        "expired": expired,
        "open": units - served - expired,
    }


def _days(mean: Any) -> float | None:
    return None if np.isnan(mean) else round(float(mean), 2)


def _cell(value: Any) -> Any:
    return "" if value is None else value


_TITLES = {
    "policy": ("规则", "Policy"),
    "urgency": ("紧急程度", "Urgency"),
    "units": ("份数", "Units"),
    "served": ("已满足", "Served"),
    "coverage_percent": ("满足率%", "Coverage %"),
    "expired": ("过期", "Expired"),
    "open": ("仍等候", "Open"),
    "waited_mean": ("平均等候天数", "Mean wait"),
    "waited_median": ("中位数", "Median"),
    "waited_ninetieth": ("九成在", "90th"),
    "churn_percent": ("变动率%", "Churn %"),
}
_COLOURS = {"red": ("▲ 红", "▲ red"), "yellow": ("◆ 黄", "◆ yellow"), "blue": ("● 蓝", "● blue"), ALL: ("合计", "all")}


def _print(table: str, language: Language) -> None:
    """The table on standard output, its main columns."""
    from rich.console import Console
    from rich.table import Table

    shown = Table(title=say(language, "模拟结果（等候按天计）", "Simulation (waiting in days)"))
    for name, words in _TITLES.items():
        shown.add_column(say(language, *words), justify="left" if name in ("policy", "urgency") else "right")
    before = None
    for row in csv.DictReader(io.StringIO(table)):
        told = {**row, "urgency": say(language, *_COLOURS[row["urgency"]])}
        told["policy"], before = ("" if row["policy"] == before else row["policy"]), row["policy"]
        shown.add_row(*(told[name] for name in _TITLES), end_section=row["urgency"] == ALL)
    Console(width=None if sys.stdout.isatty() else WIDTH).print(shown)
