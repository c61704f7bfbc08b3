"""What an organization has done, as its public profile tells it: counts and rates that name nobody.

Allocations stand above organizations, so the figures come from whoever registered with `provide`.
"""

from collections.abc import Callable
from dataclasses import dataclass

#: Below this a count is told as "fewer than", and no rate is told at all.
SMALLEST = 5


@dataclass(frozen=True)
class TrackRecord:
    """Figures of an organization.

    Attributes:
        delivered: help that was delivered or confirmed.
        dated: of these, how many had a day by which to deliver; on_time: how many of those kept it.
        rated: how many households were asked; satisfaction: the sum of their answers, 1 to 5 each.
    """

    delivered: int = 0
    dated: int = 0
    on_time: int = 0
    rated: int = 0
    satisfaction: int = 0

    @property
    def delivered_told(self) -> str:
        """The count as it may be published."""
        return told(self.delivered)

    @property
    def on_time_percent(self) -> int | None:
        """Share delivered by the day promised, in percent; None where too few had one."""
        return round(100 * self.on_time / self.dated) if self.dated >= SMALLEST else None

    @property
    def satisfaction_mean(self) -> float | None:
        """Mean of the answers, one decimal; None where too few were asked."""
        return round(self.satisfaction / self.rated, 1) if self.rated >= SMALLEST else None


def told(count: int) -> str:
    """A count as it may be published: one to four are told as fewer than five."""
    return f"<{SMALLEST}" if 0 < count < SMALLEST else str(count)


Provider = Callable[[int], TrackRecord]
_PROVIDERS: list[Provider] = []


def provide(function: Provider) -> Provider:
    """Register the function that gives an organization's figures by its key; the last one counts."""
    _PROVIDERS[:] = [function]
    return function


def track_record(organization_id: int) -> TrackRecord:
    """An organization's figures; zeros where nobody provides them."""
    return _PROVIDERS[0](organization_id) if _PROVIDERS else TrackRecord()
