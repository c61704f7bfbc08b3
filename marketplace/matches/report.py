"""`report.html`: the result of matching two files on one page that a caseworker can print."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from numpy.typing import NDArray

from marketplace.matches.advice import ADVICE
from marketplace.matches.file_outputs import Result, by_colour, qualification_name, reason_text, unserved_by_tier
from matching.explain.accounts import Explainer, Rules, Shortages
from matching.explain.sentences import Names, describe
from matching.reasons import REASONS
from matching.tables import URGENCIES

ROWS_SHOWN = 5000
"""Rows of each long table; the CSV files have all."""

SHORTAGES_SHOWN = 20
TOLD = 30
"""So many of the most urgent unmatched needs are told what would serve them, and who would lose by it."""

TOLD_UP_TO = 20_000
"""Needs up to which that is told: in larger files it would take longer than the matching."""

TITLE_SHOWN = 80


@dataclass(frozen=True)
class Colour:
    """A row of the table of totals."""

    code: str
    served: int
    unserved: int

    @property
    def units(self) -> int:
        return self.served + self.unserved

    @property
    def percent(self) -> int:
        """Share served, rounded down so that 100 % means all."""
        return 100 * self.served // self.units if self.units else 100


def render(result: Result, *, seconds: dict[str, float], peak_mb: float, input_sha256: str) -> str:
    """The page as HTML, complete in itself: no script, no file or address outside it."""
    english = result.language == "en"
    environment = Environment(
        loader=FileSystemLoader(_template_folder()),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    served, unserved = by_colour(result.solution.served), by_colour(unserved_by_tier(result))
    return environment.get_template("matches/report.html").render(
        say=lambda zh, en: en if english else zh,
        english=english,
        result=result,
        colours=[Colour(code, served[code], unserved[code]) for code in URGENCIES],
        whole=Colour("all", sum(served.values()), sum(unserved.values())),
        reasons=_reasons(result),
        matches=_matches(result),
        match_count=int(np.count_nonzero(result.solution.flow)),
        unmatched=_unmatched(result),
        full=_full_capacity(result),
        shortages=_shortages(result),
        rows_shown=ROWS_SHOWN,
        weights=_weights(result),
        seconds=seconds,
        peak_mb=peak_mb,
        input_sha256=input_sha256,
    )


def _template_folder() -> Path:
    """templates/: inside the installed package, or beside it in a checkout."""
    package = Path(__file__).parents[1]
    packaged = package / "_assets" / "templates"
    return packaged if packaged.is_dir() else package.parent / "templates"


def _short(text: str) -> str:
    return f"{text[:TITLE_SHOWN]}…" if len(text) > TITLE_SHOWN else text


def _need(result: Result, need: int) -> dict[str, Any]:
    needs, tables, language = result.needs, result.tables, result.language
    return {
        "id": needs.id[need],
        "title": _short(needs.title[need]),
        "category": tables.categories.name(int(needs.category[need]), language),
        "region": tables.regions.name(int(needs.region[need]), language),
        "colour": URGENCIES[needs.tier[need]],
    }


def _capacity(result: Result, offer: int) -> dict[str, Any]:
    capacity = result.capacity
    return {
        "id": capacity.id[offer],
        "title": _short(capacity.title[offer]),
        "organization": _short(capacity.organization[offer]),
    }


def _matches(result: Result) -> list[dict[str, Any]]:
    """Pairs that serve, the most urgent first."""
    given = np.flatnonzero(result.solution.flow)
    order = given[np.argsort(result.needs.tier[result.arcs.need[given]], kind="stable")][:ROWS_SHOWN]
    return [
        {
            "need": _need(result, int(result.arcs.need[arc])),
            "capacity": _capacity(result, int(result.arcs.offer[arc])),
            "units": int(result.solution.flow[arc]),
            "fit": int(result.fit[arc]),
            "km": result.arcs.metres[arc] / 1000,
        }
        for arc in order.tolist()
    ]


def _unmatched(result: Result) -> list[dict[str, Any]]:
    """Needs with units left, the most urgent first."""
    found = result.unmatched
    order = np.argsort(result.needs.tier[found.need], kind="stable")[:ROWS_SHOWN]
    told = _told(result, order[:TOLD]) if len(result.needs) <= TOLD_UP_TO else {}
    return [
        {
            "need": _need(result, int(found.need[row])),
            "units": int(found.unserved[row]),
            "quantity": int(result.needs.quantity[found.need[row]]),
            "reason": reason_text(result, row),
            "advice": told.get(row) or [ADVICE[REASONS[found.reason[row]]][result.language == "en"]],
        }
        for row in order.tolist()
    ]


def _told(result: Result, rows: NDArray[np.intp]) -> dict[int, list[str]]:
    """For rows of the unmatched: what the nearest other choice would cost, and the least changes that would serve."""
    tables, language = result.tables, result.language
    names = Names(
        need=lambda need: _short(result.needs.title[need]) or result.needs.id[need],
        offer=lambda offer: _short(result.capacity.title[offer]) or result.capacity.id[offer],
        qualification=lambda bit: qualification_name(result, result.words.names[bit]),
        group=lambda bit: tables.groups.name(bit, language),
    )
    rules = Rules(result.rules, result.offers, tables, np.datetime64(result.as_of, "D"))
    explainer = Explainer(result.problem, result.solution, result.policy)
    told = {}
    for row in rows.tolist():
        found = explainer.explain(int(result.unmatched.need[row]), rules=rules)
        told[row] = describe(found, language, names, runners_up=1)[len(found.chosen) + 1 :]
    return told


def _reasons(result: Result) -> list[tuple[str, int]]:
    """Unserved units by reason, the most first."""
    units = np.bincount(result.unmatched.reason, weights=result.unmatched.unserved, minlength=len(REASONS))
    order = np.argsort(-units, kind="stable")
    return [(REASONS[place].text(result.language), int(units[place])) for place in order.tolist() if units[place]]


def _full_capacity(result: Result) -> list[dict[str, Any]]:
    """Full capacity with the units that wait for it."""
    queues = result.waiting
    return [
        {
            "capacity": _capacity(result, offer),
            "quantity": int(result.problem.capacity[offer]),
            "waiting": by_colour(queues.units[row]),
        }
        for row, offer in enumerate(queues.offer[:SHORTAGES_SHOWN].tolist())
    ]


def _shortages(result: Result) -> list[dict[str, Any]]:
    """Where help is most needed, by category, region and reason."""
    short: Shortages = result.shortages
    tables, language = result.tables, result.language
    return [
        {
            "category": tables.categories.name(int(short.category[row]), language),
            "region": tables.regions.name(int(short.region[row]), language),
            "reason": REASONS[short.reason[row]].text(language),
            "advice": ADVICE[REASONS[short.reason[row]]][language == "en"],
            "units": by_colour(short.units[row]),
            "helped": by_colour(short.helped[row]),
            "total": int(short.units[row].sum()),
            "needs": int(short.needs[row]),
        }
        for row in range(min(short.needs.size, SHORTAGES_SHOWN))
    ]


def _weights(result: Result) -> list[tuple[str, str]]:
    """The policy's values with their names."""
    english, policy = result.language == "en", result.policy
    shares = {name: weight for name, weight in policy.weights.items() if name != "continuity" or result.earlier}
    total = sum(shares.values())
    names = {
        "closeness": ("距离近", "Closeness"),
        "specialisation": ("专业对口", "Specialisation"),
        "group_fit": ("人群契合", "Group fit"),
        "waiting": ("等候时间", "Waiting time"),
        "continuity": ("原服务机构", "Earlier supplier"),
    }
    told = [(names[name][english], f"{weight / total:.0%}") for name, weight in shares.items()]
    scale, days = f"{policy.closeness_scale_km:g}", f"{policy.waiting_full_days:g}"
    told.append(("Closeness halves at", f"{scale} km") if english else ("距离得分减半处", f"{scale} 公里"))
    told.append(("Waiting counts in full after", f"{days} days") if english else ("等候计满", f"{days} 天"))
    return told
