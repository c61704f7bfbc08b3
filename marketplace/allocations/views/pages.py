"""The page of one allocation, and where a press on it leads."""

from typing import Any

from flask import current_app, flash, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_wtf import FlaskForm

from marketplace.allocations import services
from marketplace.allocations.forms import (
    OUTCOME_NAMES,
    AcceptPartForm,
    ConfirmForm,
    DeliveryForm,
    DueForm,
    LinkForm,
    PhotoForm,
    PlanVisitForm,
    ProblemForm,
    ReasonForm,
    ThanksForm,
)
from marketplace.allocations.wording import event_line
from marketplace.errors import InvalidInput
from marketplace.permissions import Permission
from marketplace.records import today


def page_of(allocation_id: str, status: int = 200, **forms: Any) -> ResponseReturnValue:
    """The page of one allocation; `forms` are those that were sent and refused, and what is shown once."""
    allocation = services.find(g.actor, allocation_id)
    given = {
        "due_form": DueForm(due_on=allocation.due_on),
        "delivery_form": DeliveryForm(
            delivered_on=today(), quantity=allocation.quantity - allocation.delivered_quantity, people_served=1
        ),
        "confirm_form": ConfirmForm(),
        "problem_form": ProblemForm(),
        "decline_form": ReasonForm(),
        "part_form": AcceptPartForm(quantity=max(allocation.quantity - 1, 1)),
        "release_form": ReasonForm(),
        "reveal_form": ReasonForm(services.REVEAL_REASONS),
        "guest_form": ReasonForm(services.CALL_REASONS),
        "photo_form": PhotoForm(),
        "thanks_form": ThanksForm(thanks=allocation.thanks),
        "link_form": LinkForm(),
        "plan_form": PlanVisitForm(),
        "contact": None,
        "guest_phone": None,
        "answer_url": None,
    }
    page = render_template(
        "allocations/show.html",
        allocation=allocation,
        need=allocation.need,
        capacity=allocation.capacity,
        supplier=services.suppliers_of([allocation]).get(allocation.organization_id or 0),
        alternatives=services.alternatives(allocation),
        effect=services.effect(allocation),
        broken=services.rule_texts(allocation.reasons.get("broken", ())),
        OUTCOME_NAMES=OUTCOME_NAMES,
        divisible=services.divisible(allocation),
        events=[event_line(event) for event in services.events_of(allocation)],
        **(given | forms),
    )
    return page, status


def back(allocation_id: str, text: str) -> ResponseReturnValue:
    """To the allocation's page, with a word of what was done."""
    flash(text, "success")
    return redirect(url_for("allocations.show", allocation_id=allocation_id), 303)


def in_list() -> bool:
    """Whether the press came from a volunteer's list, who has no page for a single allocation."""
    return bool(request.form.get("to_claims") or request.form.get("to_offers")) or not g.actor.may(
        Permission.ALLOCATION_VIEW
    )


def list_address() -> str:
    """The volunteer's list that a press came from: of claims, or of what they offer themselves."""
    return url_for("offers.own") if request.form.get("to_offers") else url_for("allocations.claims")


def onward(allocation_id: str, text: str) -> ResponseReturnValue:
    """Back to where the reader came from: a volunteer has a list, a supplier a page."""
    if not in_list():
        return back(allocation_id, text)
    flash(text, "success")
    return redirect(list_address(), 303)


def refused(allocation_id: str, errors: dict[str, Any], **forms: Any) -> ResponseReturnValue:
    """The same for what was refused."""
    if not in_list():
        return page_of(allocation_id, 422, **forms)
    services.find_to_deliver(g.actor, allocation_id)  # another's looks absent, whatever the form holds
    for messages in errors.values():
        for message in messages:
            flash(str(message), "error")
    return redirect(list_address(), 303)


def blame(form: FlaskForm, error: InvalidInput) -> None:
    """Show a service's refusal beside the fields that it is about."""
    for name, message in error.fields.items():
        if name in form:
            form[name].errors = [*form[name].errors, message]
        else:
            form.form_errors.append(message)


def public_address(endpoint: str, **values: Any) -> str:
    """A page's whole address, as letters and printed cards carry it."""
    return str(current_app.extensions["marketplace.settings"].base_url) + url_for(endpoint, **values)
