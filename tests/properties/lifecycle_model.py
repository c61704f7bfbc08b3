"""The life-cycle of needs, capacities and allocations in plain Python: quantities, states and nothing else."""

from dataclasses import dataclass, field

HOLDS_NEED = {"accepted", "delivering", "delivered", "confirmed"}
HOLDS_CAPACITY = HOLDS_NEED | {"reopened"}
LIVE = {"accepted", "delivering", "delivered"}


@dataclass
class Row:
    """What the model knows of an allocation."""

    need: int
    supplier: tuple[str, int]
    quantity: int
    state: str
    source: str = "manual"
    delivered: int = 0
    day_set: bool = False


@dataclass
class NeedRow:
    """What the model knows of a need."""

    quantity: int
    state: str
    wish: bool
    approved: bool
    closing: str | None = None

    @property
    def open(self) -> bool:
        return self.state == "open"


@dataclass
class CapacityRow:
    """What the model knows of a capacity; an organization's is offered from the start."""

    quantity: int
    state: str = "offered"
    active: bool = True


@dataclass
class Model:
    """Everything of one small world."""

    needs: dict[int, NeedRow] = field(default_factory=dict)
    capacities: dict[int, CapacityRow] = field(default_factory=dict)
    rows: dict[int, Row] = field(default_factory=dict)

    def given(self, need: int) -> int:
        return sum(row.quantity for row in self.rows.values() if row.need == need and row.state in HOLDS_NEED)

    def spent(self, capacity: int) -> int:
        return sum(
            row.quantity
            for row in self.rows.values()
            if row.supplier == ("capacity", capacity) and row.state in HOLDS_CAPACITY
        )

    def fits(self, need: int, capacity: int, quantity: int) -> bool:
        """Whether so many units may be given now."""
        offered = self.capacities[capacity]
        return (
            self.needs[need].open
            and offered.active
            and offered.state == "offered"
            and self.given(need) + quantity <= self.needs[need].quantity
            and self.spent(capacity) + quantity <= offered.quantity
        )

    def asked(self, need: int, capacity: int) -> bool:
        """Whether a proposal of this pair is open."""
        pair = (need, ("capacity", capacity), "proposed")
        return any((row.need, row.supplier, row.state) == pair for row in self.rows.values())

    def confirmed(self, need: int) -> int:
        return sum(row.quantity for row in self.rows.values() if row.need == need and row.state == "confirmed")

    def live_claims(self, volunteer: int) -> int:
        return sum(row.supplier == ("volunteer", volunteer) and row.state in LIVE for row in self.rows.values())

    def end_proposals(self, capacity: int) -> None:
        """What has stopped is asked nothing more."""
        for row in self.rows.values():
            if row.supplier == ("capacity", capacity) and row.state == "proposed":
                row.state = "superseded"
