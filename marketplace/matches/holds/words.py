"""What is kept for later, in sentences: for the need that waits, and for the supplier whose units are kept.

Numbers are means over the futures that the run looked at, rounded: "about". What was not told is not said.
"""

from collections.abc import Mapping
from datetime import date
from typing import Any

from flask_babel import gettext as _
from flask_babel import ngettext

from marketplace import wording
from marketplace.matches.holds.models import RunHold
from marketplace.needs.models import URGENCIES


def of_need(told: Mapping[str, Any]) -> str:
    """Why free units are kept from a need, and when its turn would be.

    Args:
        told: `urgent` and `alike`, units that more urgent needs and as urgent ones still to come are expected to get
            there; `fewer`, so many units less must be asked for before it has its turn, 0 where that would not help;
            `until`, the last day looked ahead to. Empty where nothing is known.
    """
    if not told:
        return str(_("Free units are kept for more urgent needs that may still come."))
    day = wording.day(date.fromisoformat(told["until"]))
    urgent, alike, fewer = int(told["urgent"]), int(told["alike"]), int(told["fewer"])
    if not urgent and not alike:
        return str(
            _("Kept in case more urgent needs come by %(day)s; fewer than one unit is expected on average.", day=day)
        )
    if urgent:
        kept = ngettext(
            "Kept for about %(num)s unit that more urgent needs are expected to take by %(day)s",
            "Kept for about %(num)s units that more urgent needs are expected to take by %(day)s",
            urgent,
            day=day,
        )
    else:
        kept = ngettext(
            "Kept for about %(num)s unit that needs as urgent and better placed are expected to take by %(day)s",
            "Kept for about %(num)s units that needs as urgent and better placed are expected to take by %(day)s",
            alike,
            day=day,
        )
    if not fewer:
        return str(_("%(kept)s. Even if none of them came, other needs that wait would come first.", kept=kept))
    turn = ngettext(
        "this need would be next if about %(num)s unit fewer were asked for",
        "this need would be next if about %(num)s units fewer were asked for",
        fewer,
    )
    return str(_("%(kept)s; %(turn)s.", kept=kept, turn=turn))


def of_capacity(hold: RunHold) -> str:
    """What units of a capacity are kept for; nothing of who waits."""
    counts = {colour: int(getattr(hold, f"expected_{colour}")) for colour in URGENCIES}
    between = ", " if wording.language() == "en" else "、"
    told = between.join(f"{wording.URGENCIES[colour]} {units}" for colour, units in counts.items() if units)
    day = wording.day(hold.until)
    if not told:
        return str(_("Kept in case urgent needs come by %(day)s; fewer than one unit is expected on average.", day=day))
    return str(_("Expected to be taken by %(day)s, by urgency: about %(told)s.", day=day, told=told))
