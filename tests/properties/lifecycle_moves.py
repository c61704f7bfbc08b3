"""A small world and the moves of its needs and capacities; each must succeed exactly where the model says so."""

from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from marketplace.accounts.services import actor_of
from marketplace.allocations import services
from marketplace.errors import MarketplaceError
from marketplace.extensions import db
from marketplace.needs import services as needs
from marketplace.needs.models import Need
from marketplace.permissions import Actor, Role
from marketplace.projects import services as projects
from marketplace.projects.models import Capacity
from tests.properties.lifecycle_model import CapacityRow, Model, NeedRow, Row
from tests.support import world


def attempt(act: Any, expected: bool) -> Any:
    """Do it; it must succeed exactly where the model says so. Gives the result, or None where it was refused."""
    refusal = None
    try:
        result = act()
    except MarketplaceError as error:
        refusal = error
    finally:
        db.session.rollback()
    if refusal is not None:
        assert not expected, f"refused: {refusal!r}"
        return None
    assert expected, "done, though the model refuses it"
    return result


class SmallWorld(RuleBasedStateMachine):
    """Two needs, four wishes, two capacities of organizations, a volunteer's offer, and the people around them."""

    model: Model

    @initialize(quantities=st.lists(st.integers(1, 3), min_size=5, max_size=5))
    def a_small_world(self, quantities: list[int]) -> None:
        self.model = Model()
        case = world.a_case()
        made = [world.a_need(case, quantity=quantities[0]), world.a_need(case, quantity=quantities[1], state="draft")]
        made += [world.a_wish(case) for _ in range(3)] + [world.a_wish(case, state="draft", approved_by=None)]
        self.addresses = {need.id: need.public_id for need in made}
        self.regions = {need.id: need.region for need in made}
        for need in made:
            self.model.needs[need.id] = NeedRow(need.quantity, need.state, need.wish, need.approved_by is not None)
        self.owners: dict[int, Actor] = {}
        self.suppliers: dict[int, Any] = {}
        for quantity in quantities[2:4]:
            capacity = world.a_capacity(quantity=quantity)
            self._offered(capacity, world.a_user(region=None, organization=capacity.organization), "offered")
        volunteer = world.a_user(Role.VOLUNTEER, region=None)
        offer = world.a_volunteers_offer(volunteer, quantity=quantities[4])
        self._offered(offer, volunteer, "review")
        self.volunteers = [actor_of(world.a_user(Role.VOLUNTEER)) for _ in range(2)]
        self.caseworker, self.colleague = (actor_of(world.a_user(Role.CASEWORKER)) for _ in range(2))
        self.coordinator = actor_of(world.a_user(Role.COORDINATOR))
        db.session.rollback()
        services.expire_overdue()  # what an earlier world left behind
        db.session.rollback()

    def _offered(self, capacity: Capacity, user: Any, state: str) -> None:
        self.model.capacities[capacity.id] = CapacityRow(capacity.quantity, state)
        self.owners[capacity.id] = actor_of(user)
        self.suppliers[capacity.id] = {"organization_id": capacity.organization_id, "claimant_id": capacity.owner_id}
        self.addresses_of_capacity = {**getattr(self, "addresses_of_capacity", {}), capacity.id: capacity.public_id}

    def actor_for(self, row: Row) -> Actor:
        kind, key = row.supplier
        return self.owners[key] if kind == "capacity" else next(v for v in self.volunteers if v.user_id == key)

    def need_at(self, number: int) -> tuple[int, NeedRow, str]:
        key = sorted(self.model.needs)[number % len(self.model.needs)]
        return key, self.model.needs[key], self.addresses[key]

    def capacity_at(self, number: int) -> tuple[int, CapacityRow, str]:
        key = sorted(self.model.capacities)[number % len(self.model.capacities)]
        return key, self.model.capacities[key], self.addresses_of_capacity[key]


class NeedMoves(SmallWorld):
    """What people do to needs."""

    @rule(number=st.integers(0, 5))
    def send(self, number: int) -> None:
        _key, need, address = self.need_at(number)
        if attempt(lambda: needs.send(self.caseworker, address, anyway=True), need.state == "draft"):
            need.state = "review" if need.wish else "open"

    @rule(number=st.integers(2, 5))
    def approve(self, number: int) -> None:
        _key, need, address = self.need_at(number)
        if attempt(lambda: needs.approve(self.colleague, address, judged=True), need.state == "review"):
            need.state, need.approved = "open", True

    @rule(number=st.integers(2, 5))
    def send_back(self, number: int) -> None:
        _key, need, address = self.need_at(number)
        if attempt(lambda: needs.send_back(self.colleague, address, "请写得更清楚"), need.state == "review"):
            need.state = "draft"

    @rule(number=st.integers(2, 5), words=st.sampled_from(["一双35码棉鞋", "一双36码棉鞋"]))
    def rewrite(self, number: int, words: str) -> None:
        """The public text of an open wish changes: it is hidden until approved again."""
        key, need, address = self.need_at(number)
        row = db.session.get_one(Need, key)
        entry = needs.NeedEntry(
            kind="micro_wish", category=row.category, title=words, region=row.region, quantity=1, urgency=row.urgency,
            value_fen=row.value_fen,
        )  # fmt: skip
        version = row.version
        db.session.rollback()
        allowed = need.state == "draft" or (need.open and self.model.given(key) == 0)
        act = lambda: needs.edit(self.caseworker, address, entry, version, send=False, anyway=True)  # noqa: E731  # one line
        if attempt(act, allowed):
            need.state, need.approved = "review" if need.open else "draft", False

    @rule(number=st.integers(0, 5))
    def withdraw(self, number: int) -> None:
        key, need, address = self.need_at(number)
        allowed = need.state != "closed" and self.model.given(key) == 0
        if attempt(lambda: needs.withdraw(self.caseworker, address, "not_needed"), allowed):
            need.state, need.closing = "closed", "withdrawn"

    @rule(number=st.integers(0, 5))
    def open_again(self, number: int) -> None:
        key, need, address = self.need_at(number)
        left = self.model.given(key) < need.quantity and need.closing != "fulfilled"
        allowed = need.state == "closed" and left and (need.approved or not need.wish)
        if attempt(lambda: needs.reopen(self.caseworker, address, "仍然需要"), allowed):
            need.state, need.closing = "open", None


class CapacityMoves(SmallWorld):
    """What suppliers and coordinators do to capacity."""

    @rule(number=st.integers(0, 1), back=st.booleans())
    def stop_or_offer_again(self, number: int, back: bool) -> None:
        key, capacity, address = self.capacity_at(number)
        act = projects.restore if back else projects.withdraw
        if attempt(lambda: act(self.owners[key], address), capacity.active is not back):
            capacity.active = back
            if not back:
                self.model.end_proposals(key)

    def _offer(self) -> tuple[int, CapacityRow, str, int]:
        key, offer, address = self.capacity_at(2)
        version = db.session.get_one(Capacity, key).version
        db.session.rollback()
        return key, offer, address, version

    @rule()
    def approve_offer(self) -> None:
        from marketplace.projects.services.offers import approve

        _key, offer, address, version = self._offer()
        if attempt(lambda: approve(self.coordinator, address, version, "查验原件"), offer.state == "review"):
            offer.state = "offered"

    @rule()
    def return_offer(self) -> None:
        key, offer, address, version = self._offer()
        act = lambda: projects.send_back_offer(self.coordinator, address, version, "请写明时间")  # noqa: E731  # one line
        if attempt(act, offer.state != "returned"):
            offer.state = "returned"
            self.model.end_proposals(key)

    @rule(hours=st.integers(1, 3), words=st.sampled_from(["上门理发", "上门剪发"]))
    def rewrite_offer(self, hours: int, words: str) -> None:
        key, offer, address, version = self._offer()
        before = db.session.get_one(Capacity, key).title
        db.session.rollback()
        facts = projects.OfferFacts(
            title=words, categories=("S0103",), hours=hours, home=world.DAWUKOU, regions=(world.DAWUKOU,)
        )
        act = lambda: projects.edit_offer(self.owners[key], address, version, facts)  # noqa: E731  # one line
        if attempt(act, self.model.spent(key) <= hours):
            offer.quantity = hours
            if offer.state == "returned" or (offer.state == "offered" and words != before):
                offer.state = "review"
