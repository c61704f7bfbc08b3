"""The public card of a micro-wish: a type of its own, so that a column added to needs is never published by accident.

Only what DOMAIN.md 7 lists as public is here.
"""

from dataclasses import dataclass
from datetime import date, timedelta

from marketplace.wording import PRICE_BANDS_FEN

#: How soon a wish is needed, as far as the public card says.
DEADLINE_BANDS = ("week", "month", "later", "none")
#: Days within which the nearer of them end; what a reader may filter by.
DEADLINE_DAYS = {"week": 7, "month": 30}


@dataclass(frozen=True, slots=True)
class WishCard:
    """A micro-wish as anyone may see it.

    Attributes:
        public_id: random id of its address.
        reference: random reference that people can read out, e.g. W-7KQ2M9XE.
        category: service category code.
        title: de-identified text, screened and approved by a second person.
        price_band_fen: upper end of the price band, fen; 0 is above the highest band, None is open.
        region: code of the county, or of its prefecture where too few like it live in the county.
        group: broad group: child, elder or household.
        age: age band of the person, or child or adult where too few share the band; None is not told.
        deadline_band: one of DEADLINE_BANDS.
        state: claimable, claimed by someone, or realised.
    """

    public_id: str
    reference: str
    category: str
    title: str
    price_band_fen: int | None
    region: str
    group: str
    age: str | None
    deadline_band: str
    state: str

    @property
    def claimable(self) -> bool:
        return self.state == "claimable"


def price_band_of(value_fen: int | None) -> int | None:
    """Upper end of the band that a value lies in: 0 above the highest, None for no value."""
    if value_fen is None:
        return None
    return next((band for band in PRICE_BANDS_FEN if value_fen <= band), 0)


def deadline_band_of(deadline: date | None, on: date) -> str:
    """How soon a last useful day comes, seen from a day."""
    if deadline is None:
        return "none"
    return next((band for band, days in DEADLINE_DAYS.items() if deadline <= on + timedelta(days=days)), "later")
