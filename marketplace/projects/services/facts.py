"""What members say of a capacity, and the rules that it keeps by itself."""

from dataclasses import dataclass
from datetime import date
from typing import Any

from flask_babel import lazy_gettext as _

from marketplace import regions, taxonomy
from marketplace.errors import InvalidInput
from marketplace.money import MAXIMUM_FEN

#: Groups that a form offers: those that may limit a capacity, and those that only raise the fit of a match.
GROUPS = taxonomy.EXCLUDING_GROUPS | taxonomy.NEVER_EXCLUDE
#: Beyond these lies a slip of the keyboard; their product still fits a 64-bit column.
MOST_UNITS = 1_000_000
MOST_UNIT_COST_FEN = 10**9
MOST_POOL_UNITS = 10**9


class _Faults(dict[str, Any]):
    """Field -> what is wrong with it; the first fault of a field counts."""

    def add_if(self, broken: bool, name: str, message: Any) -> None:
        if broken:
            self.setdefault(name, message)


def _uppermost(codes: tuple[str, ...]) -> list[str]:
    """Regions without those that another of them covers, in the order of their codes."""
    return sorted(
        {code for code in codes if not any(upper != code and regions.contains(upper, code) for upper in codes)}
    )


@dataclass(frozen=True)
class CapacityFacts:
    """What a member says of a capacity; the same facts as a row of capacity.csv.

    Attributes:
        unit: stored in Chinese; empty is the unit of its categories.
        groups: codes of GROUPS; those that may limit (EXCLUDING_GROUPS) do, the others only raise the fit.
        pool_name: name of a quantity shared with other capacities; empty is none.
        pool_quantity: of the pool; None leaves an existing pool as it is.
    """

    categories: tuple[str, ...]
    regions: tuple[str, ...]
    quantity: int
    title: str = ""
    unit: str = ""
    radius_km: float | None = None
    latitude: float | None = None
    longitude: float | None = None
    groups: tuple[str, ...] = ()
    qualifications: tuple[str, ...] = ()
    valid_from: date | None = None
    valid_until: date | None = None
    pool_name: str = ""
    pool_quantity: int | None = None
    budget_fen: int | None = None
    unit_cost_fen: int = 0
    minimum_batch: int = 0

    def columns(self) -> dict[str, Any]:
        """Column values, but for the pool.

        Raises:
            InvalidInput: values break rules; all of them are named.
        """
        faults = _Faults()
        self._check_codes(faults)
        self._check_numbers(faults)
        if faults:
            raise InvalidInput(fields=faults)
        return {
            "title": self.title.strip(),
            "categories": sorted(set(self.categories)),
            "regions": _uppermost(self.regions),
            "unit": self.unit or self._unit_of_categories(),
            "quantity": self.quantity,
            "radius_km": self.radius_km,
            "latitude": self.latitude,
            "longitude": self.longitude,
            "groups": sorted(set(self.groups)),
            "qualifications": sorted(set(self.qualifications)),
            "valid_from": self.valid_from,
            "valid_until": self.valid_until,
            "budget_fen": self.budget_fen,
            "unit_cost_fen": self.unit_cost_fen,
            "minimum_batch": self.minimum_batch,
        }

    def _check_codes(self, faults: _Faults) -> None:
        known_units = {term.code for term in taxonomy.vocabulary("unit")}
        known_qualifications = {term.code for term in taxonomy.qualifications()}
        faults.add_if(
            not self.categories or not all(map(taxonomy.exists, self.categories)),
            "categories",
            _("Choose at least one kind of help"),
        )
        faults.add_if(
            not self.regions or not all(map(regions.exists, self.regions)),
            "regions",
            _("Choose at least one region that you serve"),
        )
        faults.add_if(
            not set(self.groups) <= GROUPS,
            "groups",
            _("A capacity cannot be kept for this group. Choose from the list; origin and registration are not on it."),
        )
        faults.add_if(not set(self.qualifications) <= known_qualifications, "qualifications", _("Choose from the list"))
        faults.add_if(bool(self.unit) and self.unit not in known_units, "unit", _("Choose a unit of the list"))

    def _check_numbers(self, faults: _Faults) -> None:
        whole_number = _("Enter a whole number from 1 to %(most)s", most=f"{MOST_UNITS:,}")
        faults.add_if(not 1 <= self.quantity <= MOST_UNITS, "quantity", whole_number)
        faults.add_if(
            not 0 <= self.minimum_batch <= self.quantity,
            "minimum_batch",
            _("The smallest batch is at most the quantity; leave it empty when one unit is worth the way"),
        )
        faults.add_if(
            self.radius_km is not None and not 0 < self.radius_km <= 2000,
            "radius_km",
            _("Enter kilometres above 0, or leave it empty for no limit"),
        )
        faults.add_if(
            (self.latitude is None) != (self.longitude is None),
            "latitude" if self.latitude is None else "longitude",
            _("Give latitude and longitude, or neither"),
        )
        faults.add_if(not abs(self.latitude or 0) <= 90, "latitude", _("Latitudes run from -90 to 90"))
        faults.add_if(not abs(self.longitude or 0) <= 180, "longitude", _("Longitudes run from -180 to 180"))
        faults.add_if(
            not 0 <= (self.pool_quantity or 0) <= MOST_POOL_UNITS, "pool_quantity", _("Enter 0 or more units")
        )
        faults.add_if(
            bool(self.valid_from and self.valid_until and self.valid_until < self.valid_from),
            "valid_until",
            _("The last day is before the first: exchange the two or correct one"),
        )
        faults.add_if(
            not 0 <= (self.budget_fen or 0) <= MAXIMUM_FEN, "budget_fen", _("Enter an amount of 0 yuan or more")
        )
        faults.add_if(
            not 0 <= self.unit_cost_fen <= MOST_UNIT_COST_FEN, "unit_cost_fen", _("Enter an amount of 0 yuan or more")
        )

    def _unit_of_categories(self) -> str:
        """The unit that all categories share, or 次 where they differ."""
        units = {taxonomy.unit(code) for code in self.categories}
        return units.pop() if len(units) == 1 else taxonomy.DEFAULT_UNIT
