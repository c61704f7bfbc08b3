"""The life of a need: Hypothesis plays any order of moves and compares the database with a model of the rules."""

from collections.abc import Callable
from itertools import pairwise
from typing import Any, ClassVar

from flask import Flask
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import select

from marketplace import audit
from marketplace.accounts.services import actor_of
from marketplace.cases import services as cases
from marketplace.errors import InvalidInput, StateConflict
from marketplace.extensions import db
from marketplace.needs import services
from marketplace.needs.models import Need
from marketplace.needs.services import NeedEntry
from marketplace.permissions import Actor, Role
from marketplace.records import today
from tests.support.world import DAWUKOU, a_case, a_user


class NeedLife(RuleBasedStateMachine):
    """One need of one case; two caseworkers. Every rule may be tried at any time."""

    people: ClassVar[tuple[Actor, Actor]]
    moves_seen: ClassVar[set[str]] = set()

    @initialize(wish=st.sampled_from([True, True, False]), quantity=st.integers(1, 3))
    def begin(self, wish: bool, quantity: int) -> None:
        self.wish, self.quantity = wish, 1 if wish else quantity
        self.case = a_case()
        self.entry = NeedEntry(
            kind="micro_wish" if wish else "goods", category="S1102", title="冬衣", region=DAWUKOU,
            quantity=self.quantity, urgency="blue",
        )  # fmt: skip
        self.need_id = services.post(self.people[0], self.entry, self.case.public_id, send=False).id
        self.state, self.closing = "draft", None
        self.allocated, self.author, self.approved = 0, 0, False
        self.publish, self.internal = True, False

    @property
    def need(self) -> Need:
        return db.session.get_one(Need, self.need_id)

    def attempt(self, allowed: bool, function: Callable[..., Any], *arguments: Any, **options: Any) -> bool:
        """Call a service; it must succeed exactly where the model allows it."""
        refusal: Exception | None = None
        try:
            function(*arguments, **options)
        except (StateConflict, InvalidInput) as error:
            refusal = error
        assert allowed is (refusal is None), f"{function.__name__} in {self.state}: {refusal or 'was not refused'}"
        if allowed:
            self.moves_seen.add(f"{function.__name__} from {self.state}")
        return allowed

    @property
    def may_edit(self) -> bool:
        return self.state == "draft" or (self.wish and self.state == "open" and self.allocated == 0)

    @rule(move=st.sampled_from(["send", "edit", "approve", "send_back", "withdraw", "reopen", "take", "give_back"]))
    def try_anything(self, move: str) -> None:
        """Whatever the state: what the rules do not allow must be refused."""
        arguments = {
            "send": (0,),
            "edit": (1, False),
            "approve": (0,),
            "send_back": (0,),
            "take": (1,),
            "give_back": (1,),
        }
        getattr(self, move)(*arguments.get(move, ()))

    @precondition(lambda self: self.state == "draft")
    @rule(who=st.integers(0, 1))
    def send(self, who: int) -> None:
        if self.attempt(self.state == "draft", services.send, self.people[who], self.need.public_id):
            self.state = "review" if self.wish else "open"

    @precondition(lambda self: self.may_edit)
    @rule(who=st.integers(0, 1), send=st.booleans())
    def edit(self, who: int, send: bool) -> None:
        need = self.need
        if self.attempt(
            self.may_edit, services.edit, self.people[who], need.public_id, self.entry, need.version, send=send
        ):
            self.author, self.approved, self.internal = who, False, False  # as the form says
            if self.state == "open":
                self.state = "review"
            elif send:
                self.state = "review" if self.wish else "open"

    @precondition(lambda self: self.state == "review")
    @rule(who=st.integers(0, 1))
    def approve(self, who: int) -> None:
        allowed = self.state == "review" and who != self.author and (self.publish or self.internal)
        if self.attempt(allowed, services.approve, self.people[who], self.need.public_id):
            self.state, self.approved = "open", True

    @precondition(lambda self: self.state == "review")
    @rule(who=st.integers(0, 1))
    def send_back(self, who: int) -> None:
        if self.attempt(
            self.state == "review", services.send_back, self.people[who], self.need.public_id, "请写明尺码"
        ):
            self.state = "draft"

    @precondition(lambda self: self.state != "closed")
    @rule()
    def withdraw(self) -> None:
        allowed = self.state != "closed" and self.allocated == 0
        if self.attempt(allowed, services.withdraw, self.people[0], self.need.public_id, "not_needed"):
            self.state, self.closing = "closed", "withdrawn"

    @precondition(lambda self: self.state == "closed")
    @rule()
    def reopen(self) -> None:
        published = self.publish and self.need.publish_consent_on is not None
        living = not self.wish or (self.approved and (self.internal or published))
        allowed = self.state == "closed" and self.closing != "fulfilled" and self.allocated < self.quantity and living
        if self.attempt(allowed, services.reopen, self.people[0], self.need.public_id, "又需要了"):
            self.state, self.closing = "open", None

    @precondition(lambda self: self.state == "open")
    @rule(units=st.integers(1, 3))
    def take(self, units: int) -> None:
        allowed = self.state == "open" and self.allocated + units <= self.quantity
        if self.attempt(allowed, services.take, self.need_id, units):
            self.allocated += units

    @precondition(lambda self: self.allocated > 0)
    @rule(units=st.integers(1, 3))
    def give_back(self, units: int) -> None:
        if self.attempt(units <= self.allocated, services.give_back, self.need_id, units):
            self.allocated -= units
            if self.wish and self.state == "open" and not self.publish:
                self.internal = True  # sharing is still agreed to, so it is matched all the same

    @precondition(lambda self: self.state == "open")
    @rule(confirmed=st.integers(0, 3))
    def fulfil(self, confirmed: int) -> None:
        confirmed = min(confirmed, self.allocated)
        closes = self.state == "open" and confirmed >= self.quantity
        assert services.fulfil_if_complete(self.people[0], self.need, confirmed) is closes
        if closes:
            self.moves_seen.add("fulfil_if_complete from open")
            self.state, self.closing = "closed", "fulfilled"

    @precondition(lambda self: self.closing == "fulfilled")
    @rule()
    def help_failed(self) -> None:
        """As allocations do it: only a fulfilled need's help can fail, and its units come back first."""
        if self.closing != "fulfilled" or self.allocated == 0:
            return
        services.give_back(self.need_id, 1)
        self.allocated -= 1
        opens = not self.wish or self.publish or self.internal
        assert services.reopen_after_failure(self.people[0], self.need) is opens
        self.state, self.closing = ("open", None) if opens else ("closed", "withdrawn")
        self.moves_seen.add("reopen_after_failure from closed")

    @precondition(lambda self: self.state in ("draft", "review") and self.publish)
    @rule()
    def get_on(self) -> None:
        """The usual way, so that what comes after it is tried often."""
        if self.state == "draft":
            self.send(self.author)
        if self.state == "review":
            self.approve(1 - self.author)

    @precondition(lambda self: self.state == "open" and self.allocated == 0)
    @rule()
    def serve_all(self) -> None:
        self.take(self.quantity)
        self.fulfil(self.quantity)

    @precondition(lambda self: self.state in ("open", "closed"))
    @rule()
    def take_consent_back(self) -> None:
        for consent in list(self.case.consents):
            if consent.purpose == "publish" and consent.withdrawn_on is None:
                cases.withdraw_consent(self.people[0], self.case.public_id, consent.public_id)
        self.publish = False
        if self.wish and self.state == "open" and self.allocated == 0:
            self.internal = True
            self.moves_seen.add("follow from open")

    @precondition(lambda self: self.wish and self.state in ("review", "open") and self.internal)
    @rule(who=st.integers(0, 1))
    def publish_after_all(self, who: int) -> None:
        allowed = self.internal and self.publish and self.allocated == 0 and self.state != "closed"
        if self.attempt(allowed, services.publish_after_all, self.people[who], self.need.public_id):
            self.author, self.internal, self.approved = who, False, False
            self.state = "review"

    @precondition(lambda self: self.wish and self.state == "open")
    @rule(changed_their_mind=st.booleans())
    def keep_internal(self, changed_their_mind: bool) -> None:
        if self.attempt(self.state == "open", services.keep_internal, self.people[0], self.need.public_id):
            self.internal = True
            if changed_their_mind:
                self.publish_after_all(1)

    @precondition(lambda self: not self.publish)
    @rule()
    def give_consent(self) -> None:
        cases.give_consent(self.people[0], self.case.public_id, cases.ConsentGiven("publish", "guardian", today()))
        self.publish = True

    @invariant()
    def the_database_agrees(self) -> None:
        if not hasattr(self, "need_id"):
            return
        db.session.expire_all()
        need = self.need
        assert (need.state, need.closing, need.allocated) == (self.state, self.closing, self.allocated)
        assert need.internal_only is self.internal
        public = self.wish and self.state == "open" and self.publish and not self.internal
        assert need.is_public is public
        listed = db.session.scalar(select(Need.id).where(Need.id == need.id, Need.public_rows()))
        assert (listed is not None) is public

    @invariant()
    def every_change_of_state_is_one_event_that_follows_the_one_before(self) -> None:
        if not hasattr(self, "need_id"):
            return
        states = [
            (event.before, event.after)
            for event in audit.history("need", self.need_id)
            if "state" in event.fields or event.action == "need:created"
        ]
        assert all(before[1] == after[0] for before, after in pairwise(states))
        assert states[-1][1] == self.state


def test_no_order_of_moves_leaves_the_rules(app: Flask) -> None:
    NeedLife.people = (
        actor_of(a_user(Role.CASEWORKER)),
        actor_of(a_user(Role.CASEWORKER)),
    )
    NeedLife.moves_seen.clear()
    run_state_machine_as_test(
        NeedLife,
        settings=settings(
            max_examples=90,
            stateful_step_count=30,
            deadline=None,
            derandomize=True,
            phases=(Phase.explicit, Phase.generate),  # shrinking takes minutes; the failing order is printed anyway
            suppress_health_check=list(HealthCheck),
        ),
    )
    assert {
        "send from draft", "edit from draft", "edit from open", "approve from review", "send_back from review",
        "withdraw from draft", "withdraw from open", "reopen from closed", "take from open",
        "fulfil_if_complete from open", "reopen_after_failure from closed", "follow from open",
        "publish_after_all from open", "keep_internal from open",
    } <= NeedLife.moves_seen  # fmt: skip
    assert audit.verify() == []
