"""From a result to what is stored and read: proposals with their reasons, why needs stay unserved, the summary."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
from flask_babel import format_decimal
from flask_babel import gettext as _

from marketplace import wording
from marketplace.matches.coverage import by_colour, coverage, served_units
from marketplace.matches.file_codes import code_tables
from marketplace.matches.holds import words as held_words
from marketplace.matches.models import RunOutcome
from marketplace.matches.snapshot import Snapshot
from marketplace.matches.solving import DECLINED_ONLY, Result
from marketplace.matches.waiting import counted_tiers
from marketplace.needs.models import URGENCIES
from matching.explain.accounts import Shortages
from matching.explain.sentences import PART_NAMES
from matching.reasons import REASONS, Reason
from matching.scoring import PARTS

DECLINED = "declined"
"""Everybody who could help declined lately; the one reason that the library does not know."""

HELD = Reason.HELD.code

_BY_CODE = {reason.code: reason for reason in REASONS}


@dataclass(frozen=True)
class Fresh:
    """The scope as it is when a result is written: versions of needs, versions and counters of capacity."""

    needs: Mapping[int, int]
    capacities: Mapping[int, tuple[int, int]]


@dataclass(frozen=True)
class Written:
    """What a result becomes.

    Attributes:
        proposals: rows for `allocations.services.propose`.
        outcomes: rows of `RunOutcome`.
        shortages: rows of `RunShortage`.
        holds: rows of `RunHold`.
        stale_needs, stale_capacities: records that changed while the run was on its way; left out.
    """

    proposals: list[dict[str, Any]]
    outcomes: list[dict[str, Any]]
    shortages: list[dict[str, Any]]
    holds: list[dict[str, Any]]
    stale_needs: int
    stale_capacities: int


def written(run_id: int, snapshot: Snapshot, result: Result, fresh: Fresh) -> Written:
    """The rows of a result, without what changed since the snapshot."""
    same_need = np.array(
        [fresh.needs.get(key) == version for key, version in _pairs(snapshot.need_id, snapshot.need_version)], np.bool_
    )
    before = zip(snapshot.capacity_version.tolist(), snapshot.capacity_allocated.tolist(), strict=True)
    same_offer = np.array(
        [fresh.capacities.get(key) == told for key, told in zip(snapshot.capacity_id.tolist(), before, strict=True)],
        np.bool_,
    )
    kept = np.flatnonzero(same_need[result.need] & same_offer[result.offer])
    counted = counted_tiers(snapshot)
    return Written(
        proposals=[_proposal(snapshot, result, int(row), counted) for row in kept],
        outcomes=_outcomes(run_id, snapshot, result, same_need, counted),
        shortages=_shortages(run_id, result.shortages),
        holds=_holds(run_id, snapshot, result, same_offer),
        stale_needs=int((~same_need).sum()),
        stale_capacities=int((~same_offer).sum()),
    )


def _pairs(one: Any, other: Any) -> Iterator[tuple[int, int]]:
    return zip(one.tolist(), other.tolist(), strict=True)


def _proposal(snapshot: Snapshot, result: Result, row: int, counted: Any) -> dict[str, Any]:
    need, offer = int(result.need[row]), int(result.offer[row])
    supplier = int(snapshot.organization_id[offer])
    waited = (snapshot.as_of - snapshot.needs.posted[need]).astype(np.int64)
    return {
        "need_id": int(snapshot.need_id[need]),
        "capacity_id": int(snapshot.capacity_id[offer]),
        # A volunteer's own offer goes under minus the volunteer's key.
        "organization_id": supplier if supplier > 0 else None,
        "claimant_id": None if supplier > 0 else -supplier,
        "region": snapshot.regions[need],
        "wish": snapshot.wishes[need],
        "quantity": int(result.units[row]),
        "fit": int(result.fit[row]),
        "reasons": {
            "parts": told_parts(result.parts[row].tolist()),
            "metres": int(result.metres[row]),
            "waiting_days": max(int(waited), 0),
            **_counted_as(snapshot, counted, need),
            "alternatives": [
                {"capacity": int(snapshot.capacity_id[other]), "fit": fit, "metres": metres}
                for other, fit, metres in result.alternatives[row]
            ],
        },
    }


def told_parts(values: Sequence[int]) -> dict[str, int]:
    """The parts of a fit by name; continuity only where it speaks for the supplier."""
    parts = dict(zip(PARTS, values, strict=True))
    if not parts["continuity"]:
        del parts["continuity"]
    return parts


def unserved(snapshot: Snapshot, result: Result) -> Iterator[tuple[int, int, str]]:
    """Key, units left and reason code of each need not served in full."""
    found = result.unmatched
    for place in range(found.need.size):
        code = DECLINED if result.declined_only[place] else REASONS[int(found.reason[place])].code
        yield int(snapshot.need_id[found.need[place]]), int(found.unserved[place]), code


def _counted_as(snapshot: Snapshot, counted: Any, need: int) -> dict[str, str]:
    """What waiting made a need count as; nothing where that is its own colour."""
    return {"counted_as": URGENCIES[counted[need]]} if counted[need] != snapshot.tier[need] else {}


def _outcomes(run_id: int, snapshot: Snapshot, result: Result, same_need: Any, counted: Any) -> list[dict[str, Any]]:
    found = result.unmatched
    kept = _kept(snapshot, result)
    rows = []
    for place in np.flatnonzero(same_need[found.need]).tolist():
        reason = DECLINED if result.declined_only[place] else REASONS[int(found.reason[place])].code
        details: dict[str, Any] = {"candidates": int(found.candidates[place])}
        details |= _counted_as(snapshot, counted, int(found.need[place]))
        if reason == "too_far" and found.nearest_metres[place] >= 0:
            details["nearest_metres"] = int(found.nearest_metres[place])
            details["radius_metres"] = int(found.radius_metres[place])
        if reason == "qualification":
            details["missing"] = _codes(found.missing[place], snapshot.qualifications)
        taken = dict(zip(URGENCIES, found.taken[place].tolist(), strict=False))
        if any(taken.values()):
            details["taken"] = taken
        if reason == HELD and int(found.need[place]) in kept:
            details["kept"] = kept[int(found.need[place])]
        rows.append(
            {
                "run_id": run_id,
                "need_id": int(snapshot.need_id[found.need[place]]),
                "quantity": int(found.unserved[place]),
                "reason": reason,
                "details": details,
            }
        )
    return rows


def _kept(snapshot: Snapshot, result: Result) -> dict[int, dict[str, Any]]:
    """What is known of units kept from needs, by the need's row: see `holds.words.of_need`."""
    found = result.waiting
    return {
        int(need): {
            "urgent": int(found.urgent[place]),
            "alike": int(found.alike[place]),
            "fewer": int(found.fewer[place]),
            "until": str(snapshot.as_of + found.last[place]),
            "capacities": [int(snapshot.capacity_id[offer]) for offer in found.offers[place]],
        }
        for place, need in enumerate(found.need.tolist())
    }


def _holds(run_id: int, snapshot: Snapshot, result: Result, same_offer: Any) -> list[dict[str, Any]]:
    if result.kept is None:
        return []
    rows = []
    for offer in np.flatnonzero((result.held > 0) & same_offer).tolist():
        expected = dict.fromkeys(URGENCIES, 0) | dict(
            zip(URGENCIES, np.rint(result.kept.to_come[offer]).astype(int).tolist(), strict=False)
        )
        rows.append(
            {
                "run_id": run_id,
                "capacity_id": int(snapshot.capacity_id[offer]),
                "units": int(result.held[offer]),
                "until": (snapshot.as_of + result.kept.last[offer]).astype(date),
                **{f"expected_{colour}": number for colour, number in expected.items()},
            }
        )
    return rows


def _shortages(run_id: int, found: Shortages) -> list[dict[str, Any]]:
    tables = code_tables()
    rows = []
    for place in range(found.needs.size):
        units, helped = (
            dict(zip(URGENCIES, [*column[place].tolist(), 0, 0, 0], strict=False))
            for column in (found.units, found.helped)
        )
        rows.append(
            {
                "run_id": run_id,
                "category": tables.categories.codes[found.category[place]],
                "region": tables.regions.codes[found.region[place]],
                "reason": _code(int(found.reason[place])),
                "needs": int(found.needs[place]),
                "units": int(found.units[place].sum()),
                **{f"units_{colour}": number for colour, number in units.items()},
                **{f"helped_{colour}": number for colour, number in helped.items()},
            }
        )
    return rows


def _code(reason: int) -> str:
    return DECLINED if reason == DECLINED_ONLY else REASONS[reason].code


def _codes(mask: Any, words: tuple[str, ...]) -> list[str]:
    return [word for bit, word in enumerate(words) if int(mask[bit // 64]) >> (bit % 64) & 1]


def summary(snapshot: Snapshot, result: Result, made: Written, seconds: Mapping[str, float]) -> dict[str, Any]:
    """The counts of a run, as `marketplace run --json` and its page show them."""
    served = served_units(snapshot.quantity, result.need, result.units)
    by_reason: dict[str, int] = {}
    for row in made.outcomes:
        by_reason[row["reason"]] = by_reason.get(row["reason"], 0) + row["quantity"]
    return {
        "needs": int(snapshot.quantity.size),
        "units": int(snapshot.quantity.sum()),
        "capacity": int(snapshot.free.sum()),
        "capacities": int(snapshot.capacity.size),
        "candidates": result.candidates,
        "served": by_colour(snapshot, served),
        "unserved": by_colour(snapshot, snapshot.quantity - served),
        **coverage(snapshot, served),
        "unserved_by_reason": dict(sorted(by_reason.items(), key=lambda item: -item[1])),
        "proposals": len(made.proposals),
        **({"foresight": _looked_ahead(result)} if result.kept is not None else {}),
        **_raised(snapshot),
        "stale": {"needs": made.stale_needs, "capacities": made.stale_capacities},
        "declined_pairs": int(snapshot.barred.shape[0]),
        "fit": result.total_fit,
        "status": result.status,
        "bound": result.bound,
        "engines": result.engines,
        "seconds": dict(seconds),
        "as_of": str(snapshot.as_of),
    }


def _looked_ahead(result: Result) -> dict[str, Any]:
    """What holding cost that night and is expected to save, by what the needs counted as; only where a run held."""
    kept = result.kept
    served = dict(zip(URGENCIES, (*result.served, 0, 0, 0), strict=False))
    plain = dict(zip(URGENCIES, (*result.plain, 0, 0, 0), strict=False))
    saved = kept.saved.tolist() if kept is not None else []
    return {
        "held": int(result.held.sum()),
        "waits": {colour: plain[colour] - served[colour] for colour in URGENCIES},
        "saved": {colour: round(units, 1) for colour, units in zip(URGENCIES, saved, strict=False)},
        "weighed": kept.weighed if kept is not None else 0,
        "days_known": kept.days_known if kept is not None else 0,
    }


def _raised(snapshot: Snapshot) -> dict[str, dict[str, int]]:
    """Units that counted as more urgent than their colour, by what they counted as; nothing where none did."""
    counted = counted_tiers(snapshot)
    raised = {
        colour: int(snapshot.quantity[(counted == tier) & (snapshot.tier > tier)].sum())
        for tier, colour in enumerate(URGENCIES)
    }
    return {"counted_as": raised} if any(raised.values()) else {}


def reason_text(code: str) -> str:
    """Why a need is not served, in the language of the page."""
    if code in _BY_CODE:
        return _BY_CODE[code].text("en" if wording.language() == "en" else "zh")
    return str(_("Everybody who could help has declined lately")) if code == DECLINED else code


def detail_text(outcome: RunOutcome) -> str:
    """The numbers behind the reason, in words; empty where there are none."""
    told = outcome.details
    if outcome.reason == HELD:
        return held_words.of_need(told.get("kept", {}))
    if "nearest_metres" in told:
        nearest = _kilometres(told["nearest_metres"])
        if told.get("radius_metres", -1) >= 0:
            return str(
                _(
                    "The nearest is %(nearest)s km away and goes %(radius)s km far.",
                    nearest=nearest,
                    radius=_kilometres(told["radius_metres"]),
                )
            )
        return str(_("The nearest is %(nearest)s km away.", nearest=nearest))
    if told.get("missing"):
        names = ", ".join(wording.qualification_name(code) for code in told["missing"])
        return str(_("Missing: %(names)s.", names=names))
    if told.get("taken"):
        taken = {colour: units for colour, units in told["taken"].items() if units}
        words = ", ".join(f"{wording.URGENCIES[colour]} {units}" for colour, units in taken.items())
        return str(_("Taken by: %(words)s.", words=words))
    if told.get("candidates"):
        return str(_("%(number)s capacities could serve it.", number=told["candidates"]))
    return ""


def _kilometres(metres: int) -> str:
    return str(format_decimal(metres / 1000, format="#,##0.#"))


def share(served: int, asked: int) -> int:
    """Percent served, rounded down so that 100 means all; 100 where nothing is asked for."""
    return 100 * served // asked if asked else 100


def parts_in_words(parts: Mapping[str, int]) -> list[tuple[str, int]]:
    """The parts of a fit: name in the language of the page, and points of 100."""
    english = wording.language() == "en"
    return [(PART_NAMES[name][english], round(value / 100)) for name, value in parts.items()]
