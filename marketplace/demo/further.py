"""What a market at work also shows, in small number: months, questions, volunteers' offers, visits afterwards."""

from datetime import timedelta

from marketplace import audit
from marketplace.allocations.models import FollowUp
from marketplace.demo.accounts import Accounts
from marketplace.demo.world import World
from marketplace.extensions import db
from marketplace.permissions import Role
from marketplace.projects.models import Capacity
from marketplace.projects.services import RecurrenceFacts
from marketplace.projects.services.recurring import offer_monthly

DAWUKOU, HUINONG = "640202", "640205"
MONTHLY = 8
STALE = 6
#: Days since the last confirmation of stale capacity: past its month, within the grace.
STALE_DAYS = 40
VISITS = 12
FIRST_VISIT = timedelta(days=30)
#: Title, category, hours a month, places, whether a coordinator has approved it.
OFFERS = (
    ("上门理发,周末有空", "S0304", 8, (DAWUKOU,), True),
    ("陪老人聊天、读报", "S0101", 12, (DAWUKOU, HUINONG), True),
    ("小学数学辅导", "S0801", 6, (DAWUKOU,), True),
    ("会开车,可以接送就医", "S0402", 10, (DAWUKOU, HUINONG), True),
    ("手机使用一对一教学", "S1003", 4, (DAWUKOU,), False),
    ("家电小修", "S0306", 6, (HUINONG,), False),
)


def make_further(world: World, accounts: Accounts) -> None:
    """Add it to a world that is loaded, inside the caller's transaction."""
    _months(world)
    _questions(world)
    _offers(world, accounts)
    _visits(world)
    db.session.flush()


def _own(world: World) -> list[Capacity]:
    """What Dawukou offers today."""
    return [
        row
        for row in world.capacity.values()
        if row.region == DAWUKOU and row.active and (row.valid_until is None or row.valid_until >= world.day)
    ]


def _months(world: World) -> None:
    services = [row for row in _own(world) if row.pool_id is None and row.budget_fen is None]
    for number, capacity in enumerate(services[:MONTHLY]):
        facts = RecurrenceFacts(capacity.quantity, carry_over=number % 2 == 0, last_month=capacity.valid_until)
        offer_monthly(world.actor, capacity, facts)


def _questions(world: World) -> None:
    for capacity in _own(world)[-STALE:]:
        capacity.confirmed_on = world.day - timedelta(days=STALE_DAYS)


def _offers(world: World, accounts: Accounts) -> None:
    volunteers = [account.user for account in accounts.everyone if account.role is Role.VOLUNTEER and account.user]
    for user, (title, category, hours, places, approved) in zip(volunteers[4:], OFFERS, strict=False):
        offer = Capacity(
            owner_id=user.id,
            region=places[0],
            title=title,
            categories=[category],
            regions=sorted(places),
            unit="次",
            quantity=hours,
            groups=[],
            qualifications=[],
            confirmed_on=world.day,
            state="offered" if approved else "review",
            reviewed_by="system:demo-review" if approved else None,
            checks="身份证明、无犯罪记录证明已看(演示)" if approved else None,
        )
        db.session.add(offer)
        db.session.flush()
        audit.record(world.actor, "capacity:offer_posted", offer, after=offer.state)
        offer_monthly(world.actor, offer, RecurrenceFacts(quantity=hours))


def _visits(world: World) -> None:
    """After services that were confirmed: those due by today are made but for a few, which wait for a caseworker."""
    confirmed = [row for row in world.allocations if row.state == "confirmed" and not row.wish and row.confirmed_at]
    for number, allocation in enumerate(confirmed[-VISITS:]):
        assert allocation.confirmed_at is not None  # noqa: S101  # chosen by it
        due_on = allocation.confirmed_at.date() + FIRST_VISIT
        made = due_on < world.day and number % 4 != 0
        db.session.add(
            FollowUp(
                allocation_id=allocation.id,
                region=allocation.region,
                due_on=due_on,
                visited_on=due_on if made else None,
                outcome=("partly" if number % 5 == 0 else "solved") if made else None,
                satisfaction=5 - number % 3 if made else None,
                visited_by="system:demo" if made else None,
            )
        )
