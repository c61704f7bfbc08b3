"""What runs keep back, and requests about it, by the shortest honest way: the rows that a run writes."""

from typing import Any

from marketplace.matches.holds.models import HoldException, HoldRelease, RunHold
from marketplace.matches.models import MatchRun, RunOutcome
from marketplace.needs.models import Need
from marketplace.projects.models import Capacity
from tests.support.world import a_capacity, a_need, a_run, in_days, save


def a_hold(capacity: Capacity | None = None, run: MatchRun | None = None, **values: Any) -> RunHold:
    """A run that keeps two of a capacity's units for red needs of the next thirty days."""
    capacity = capacity or a_capacity()
    run = run or a_run(capacity.region)
    given = {
        "run_id": run.id, "capacity_id": capacity.id, "units": 2, "expected_red": 2, "expected_yellow": 1,
        "expected_blue": 0, "until": in_days(30),
    }  # fmt: skip
    hold: RunHold = save(RunHold(**(given | values)))
    return hold


def a_held_need(hold: RunHold | None = None, need: Need | None = None, **told: Any) -> Need:
    """A blue need from which the run kept these units."""
    hold = hold or a_hold()
    need = need or a_need(urgency="blue", quantity=1)
    kept = {"urgent": 3, "alike": 0, "fewer": 2, "until": str(hold.until), "capacities": [hold.capacity_id]}
    save(
        RunOutcome(
            run_id=hold.run_id, need_id=need.id, quantity=need.outstanding, reason="held", details={"kept": kept | told}
        )
    )
    return need


def a_release(capacity: Capacity | None = None, **values: Any) -> HoldRelease:
    """A supplier's request that waits for a decision."""
    capacity = capacity or a_hold().capacity
    given = {
        "capacity_id": capacity.id, "organization_id": capacity.organization_id, "owner_id": capacity.owner_id,
        "units": 2, "reason": "月底前人手空闲", "asked_by": "user:0",
    }  # fmt: skip
    row: HoldRelease = save(HoldRelease(**(given | values)))
    return row


def an_exception(need: Need | None = None, **values: Any) -> HoldException:
    """A caseworker's request that waits for a decision."""
    need = need or a_held_need()
    row: HoldException = save(
        HoldException(**({"need_id": need.id, "reason": "等不到月底", "asked_by": "user:0"} | values))
    )
    return row
