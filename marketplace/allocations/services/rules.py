"""The hard rules of matching for one pair at a time, for people who assign by hand.

The same rules as `matching.eligibility`, which this layer does not import; a property test holds the two together.
A coordinator is warned of what is broken and may go on knowingly: a supplier may serve beyond what its capacity says.
"""

from datetime import timedelta
from math import asin, cos, radians, sin, sqrt
from typing import Any

from flask_babel import lazy_gettext as _

from marketplace import regions, taxonomy
from marketplace.needs.models import Need
from marketplace.projects.models import Capacity
from marketplace.records import today

EARTH_RADIUS_KM = 6371.0088
RADIUS_TOLERANCE_KM = 1e-6
FRESH_DAYS = 60
"""Capacity that its supplier has not confirmed for longer is left out of runs."""
#: Groups that may raise fit and never decide: recognitions, migrant children; and what is a statistic alone.
_NEVER_DECIDE = ("G-MIGCHILD", "G-NONLOCAL", "ALL")

RULES = {
    "category": _("It does not offer this kind of help."),
    "region": _("It does not serve this region."),
    "distance": _("It lies farther away than the supplier goes."),
    "group": _("It is meant for other groups."),
    "qualification": _("A qualification that the need asks for is missing."),
    "dates": _("It is not offered on these days."),
    "confirmation": _("Its supplier has not confirmed it for 60 days."),
    "batch": _("It is fewer than the supplier goes out for."),
    "declined": _("The supplier declined this need in the last 30 days."),
}


def kilometres(need: Need, capacity: Capacity) -> float:
    """Great-circle distance; a missing point is the seat of the region, of the first that a capacity lists."""
    listed = next((code for code in capacity.regions if regions.exists(code)), regions.NINGXIA)
    lat1, lon1 = _point(need.latitude, need.longitude, need.region)
    lat2, lon2 = _point(capacity.latitude, capacity.longitude, listed)
    a, b = radians(lat1), radians(lat2)
    half = sin((b - a) / 2) ** 2 + cos(a) * cos(b) * sin(radians(lon2 - lon1) / 2) ** 2
    return 2 * EARTH_RADIUS_KM * asin(sqrt(min(half, 1.0)))


def _point(latitude: float | None, longitude: float | None, region: str) -> tuple[float, float]:
    if latitude is not None and longitude is not None:
        return latitude, longitude
    seat = regions.get(region)
    return seat.lat, seat.lon


def broken(need: Need, capacity: Capacity, quantity: int, *, declined: set[tuple[int, int]] | None = None) -> list[str]:
    """Codes of RULES that giving units of a capacity to a need breaks, in the order of the rules.

    Args:
        declined: pairs of need and capacity that suppliers declined lately.
    """
    day = today()
    served = [code for code in capacity.groups if not code.startswith("T-") and code not in _NEVER_DECIDE]
    begun = capacity.valid_from is None or capacity.valid_from <= day
    lasting = capacity.valid_until is None or capacity.valid_until >= day
    fresh = capacity.confirmed_on is not None and capacity.confirmed_on >= day - timedelta(days=FRESH_DAYS)
    near = capacity.radius_km is None or kilometres(need, capacity) <= capacity.radius_km + RADIUS_TOLERANCE_KM
    holds: dict[str, Any] = {
        "category": any(taxonomy.covers(code, need.category) for code in capacity.categories),
        "region": any(regions.contains(code, need.region) for code in capacity.regions),
        "distance": near,
        "group": "ALL" in capacity.groups or not served or bool(set(served) & set(need.groups)),
        "qualification": set(need.requires) <= set(capacity.qualifications),
        "dates": begun and lasting,
        "confirmation": fresh,
        "batch": capacity.allocated + quantity >= capacity.minimum_batch,
        "declined": (need.id, capacity.id) not in (declined or set()),
    }
    return [code for code, kept in holds.items() if not kept]
