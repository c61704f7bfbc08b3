"""What is kept back now: by the newest run that looked at it, unless something has changed since."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import joinedload

from marketplace import regions
from marketplace.extensions import db
from marketplace.matches.foresight.releases import released_capacities
from marketplace.matches.holds.models import RunHold
from marketplace.matches.models import MatchRun, RunOutcome
from marketplace.matches.scope import shown_need
from marketplace.needs.models import Need
from marketplace.projects.models import Capacity
from marketplace.records import today
from matching.reasons import Reason

HELD = Reason.HELD.code


@dataclass(frozen=True)
class HeldNeed:
    """A need from which free units are kept.

    Attributes:
        run: that kept them.
        told: what is known of them, see `outcomes` and `words.of_need`; empty where nothing is.
    """

    run: MatchRun
    told: dict[str, Any]

    @property
    def capacity_ids(self) -> list[int]:
        """Keys of capacities whose units are kept from it, the one where its turn comes soonest first."""
        return list(self.told.get("capacities", ()))


def held_need(need: Need) -> HeldNeed | None:
    """What is kept from a need now; None where nothing is, where it has help, or where its case is restricted.

    Nothing is where the day looked ahead to has passed, and where no unit is left of the capacities that the run named,
    or their suppliers had them released.
    """
    if need.state != "open" or need.outstanding < 1:
        return None
    query = (
        select(RunOutcome, MatchRun)
        .join(MatchRun, MatchRun.id == RunOutcome.run_id)
        .join(Need, Need.id == RunOutcome.need_id)
        .where(RunOutcome.need_id == need.id, MatchRun.ordinary(), MatchRun.trial.is_(False), shown_need())
    )
    found = db.session.execute(query.order_by(RunOutcome.run_id.desc()).limit(1)).first()
    if found is None or found[0].reason != HELD or _looked_at_since(found[1], need.region):
        return None
    held = HeldNeed(found[1], dict(found[0].details.get("kept", {})))
    until = held.told.get("until")
    if (until and date.fromisoformat(until) < today()) or (held.capacity_ids and not _any_left(held.capacity_ids)):
        return None
    return held


def held_units(capacities: Sequence[Capacity]) -> dict[int, RunHold]:
    """What is kept of each capacity now, by its key; those of which nothing is kept are left out."""
    free = {capacity.id: capacity.free for capacity in capacities if capacity.active and capacity.free > 0}
    if not free:
        return {}
    newest = select(func.max(RunHold.id)).where(RunHold.capacity_id.in_(free)).group_by(RunHold.capacity_id)
    lasting = select(RunHold).where(RunHold.id.in_(newest), RunHold.until.is_(None) | (RunHold.until >= today()))
    rows = list(db.session.scalars(lasting.options(joinedload(RunHold.run))))
    looked = {run: _looked_at_since(run, run.region) for run in {row.run for row in rows}}
    let_go = released_capacities(today()) if rows else set()
    return {row.capacity_id: row for row in rows if not looked[row.run] and row.capacity_id not in let_go}


def _any_left(keys: Sequence[int]) -> bool:
    """Whether units of any of these capacities are free still, and not released."""
    left = select(Capacity.id).where(
        Capacity.id.in_(keys),
        Capacity.id.not_in(released_capacities(today())),
        Capacity.active,
        Capacity.quantity > Capacity.allocated,
        Capacity.valid_until.is_(None) | (Capacity.valid_until >= today()),
    )
    return db.session.scalar(left.limit(1)) is not None


def _looked_at_since(run: MatchRun, region: str) -> bool:
    """Whether a later run over a region has decided anew, with the capacity of everyone or of the same alliance."""
    chain = [region, *(above.code for above in regions.ancestors(region))]
    later = select(MatchRun.id).where(
        MatchRun.id > run.id,
        MatchRun.region.in_(chain),
        MatchRun.alliance_id.is_(None) | MatchRun.alliance_id.is_not_distinct_from(run.alliance_id),
        MatchRun.ordinary(),
        MatchRun.trial.is_(False),
        MatchRun.state == "done",
    )
    return db.session.scalar(later.limit(1)) is not None
