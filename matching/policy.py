"""What a matching aims at beyond the contract's order: tiers and the weights of the fit's parts."""

from __future__ import annotations

import tomllib
from dataclasses import asdict, dataclass, fields
from os import PathLike
from pathlib import Path

from matching.problem import FIT_MAX


class InvalidPolicy(ValueError):
    """A policy has an unknown key, a value of the wrong type, or one outside its range."""


@dataclass(frozen=True)
class Policy:
    """How to match. The default serves the most units tier by tier, then prefers the best fit.

    Attributes:
        tiers: how many levels of urgency the organization uses, 1 to 128; it scales what a served unit is
            worth when it is weighed against needs still to come.
        fairness: whether, after coverage by tier and before fit, the least sum of served**2 / size over the
            groups of needs is wanted: of equal coverage, the one that leaves no group far behind the others.
        load_balance_weight: whole number from 0 to 10000. In the last level the u-th unit that an offer with
            room for c units serves costs load_balance_weight * u // c of fit: nothing for the first units, all
            of it for the last one. A larger weight spreads work over offers at the price of fit.
        pace_weight: whole number from 0 to 10000. In the last level the u-th unit that an offer with room for c
            units serves, having given g of its present month before (``Problem.given``), costs
            pace_weight * (g + u) // (g + c) of fit too. Units go first to those that have given the least of their
            month.
        yellow_after_days: from this day of waiting on a need of tier 2 or less urgent counts as one of tier 1 in a
            run (:mod:`matching.ageing`), at least 1; None for never.
        red_after_days: from this day on as tier 1, by its own tier or by waiting, a need counts as one of tier 0, at
            least 1; None for never.
        closeness_weight, specialisation_weight, group_fit_weight, waiting_weight: shares of four parts of an
            arc's fit, whole numbers from 0 to 1000000, not all 0. Only their proportion counts. A larger
            closeness weight favours near offers, specialisation those made for this very category, group fit
            those for the need's own groups, waiting the needs posted longest ago.
        continuity_weight: the share of a fifth part, the household's earlier supplier, beside these four; 0 to
            1000000. It counts only where earlier suppliers are known.
        closeness_scale_km: the distance at which closeness has clearly faded, above 0.
        waiting_full_days: the days of waiting that count in full, above 0.
        candidates_per_need: how many of its best arcs a need keeps at first, at least 1; None keeps all. It
            bounds the memory and never changes how good the result is: see :mod:`matching.generation`.
    """

    tiers: int = 3
    fairness: bool = False
    load_balance_weight: int = 0
    pace_weight: int = 0
    yellow_after_days: int | None = None
    red_after_days: int | None = None
    closeness_weight: int = 40
    specialisation_weight: int = 25
    group_fit_weight: int = 20
    waiting_weight: int = 15
    continuity_weight: int = 15
    closeness_scale_km: float = 20.0
    waiting_full_days: float = 90.0
    candidates_per_need: int | None = None

    def __post_init__(self) -> None:
        for field in fields(self):
            self._check_type(field.name, str(field.type), getattr(self, field.name))
        if not 1 <= self.tiers <= 128:
            raise InvalidPolicy(f"tiers: must be from 1 to 128, got {self.tiers}")
        for name in ("candidates_per_need", "yellow_after_days", "red_after_days"):
            if (value := getattr(self, name)) is not None and value < 1:
                raise InvalidPolicy(f"{name}: must be at least 1, got {value}")
        for name in ("load_balance_weight", "pace_weight"):
            if not 0 <= (weight := getattr(self, name)) <= FIT_MAX:
                raise InvalidPolicy(f"{name}: must be from 0 to {FIT_MAX}, got {weight}")
        for name, weight in self.weights.items():
            if not 0 <= weight <= 1_000_000:
                raise InvalidPolicy(f"{name}_weight: must be from 0 to 1000000, got {weight}")
        if sum(self.weights.values()) == self.continuity_weight:
            raise InvalidPolicy("closeness_weight: at least one of the first four weights must be above 0")

    def _check_type(self, name: str, kind: str, value: object) -> None:
        whole = kind == "int" or (kind == "int | None" and value is not None)
        if whole and type(value) is not int:
            raise InvalidPolicy(f"{name}: expected a whole number, got {value!r}")
        if kind == "bool" and type(value) is not bool:
            raise InvalidPolicy(f"{name}: expected true or false, got {value!r}")
        if kind == "float":
            if not isinstance(value, int | float) or isinstance(value, bool):
                raise InvalidPolicy(f"{name}: expected a number, got {value!r}")
            if not 0 < value < float("inf"):
                raise InvalidPolicy(f"{name}: must be above 0 and finite, got {value!r}")
            object.__setattr__(self, name, float(value))

    @property
    def dearest_load(self) -> int:
        """The most of fit that a unit costs for its offer's load, tonight's and the month's together."""
        return self.load_balance_weight + self.pace_weight

    @property
    def weights(self) -> dict[str, int]:
        """The weights by the name of their part of the fit."""
        return {
            "closeness": self.closeness_weight,
            "specialisation": self.specialisation_weight,
            "group_fit": self.group_fit_weight,
            "waiting": self.waiting_weight,
            "continuity": self.continuity_weight,
        }

    @classmethod
    def from_toml(cls, source: str | PathLike[str]) -> Policy:
        """Read a policy from a TOML file, or from the text itself.

        A ``str`` with a line break or an equals sign, or an empty one, is text; any other is a path. Keys are
        the attributes above, all optional.

        Raises:
            InvalidPolicy: the text is no TOML, or a key or value is refused; the message names the key.
            OSError: the file cannot be read.
        """
        text = source if isinstance(source, str) and (not source.strip() or set("\n=") & set(source)) else None
        try:
            told = tomllib.loads(Path(source).read_text("utf-8-sig") if text is None else text)
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise InvalidPolicy(f"not a TOML text in UTF-8: {error}") from error
        known = [field.name for field in fields(cls)]
        for key in told:
            if key not in known:
                raise InvalidPolicy(f"{key}: unknown key; known are {', '.join(known)}")
        return cls(**told)

    def as_dict(self) -> dict[str, int | float | None]:
        """The values by name, for reports and records."""
        return asdict(self)
