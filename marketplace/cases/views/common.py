"""What the pages of cases share."""

from typing import Any

from flask import render_template
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_wtf import FlaskForm

from marketplace import wording
from marketplace.cases import services
from marketplace.cases.forms import (
    GIVERS,
    METHODS,
    POSITIONS,
    PURPOSES,
    SEXES,
    TeamForm,
    TriageForm,
    choices,
)
from marketplace.cases.models import Case
from marketplace.errors import InvalidInput
from marketplace.permissions import Actor, Slice
from marketplace.records import today

cases = Slice("cases", __name__)


def region_choices(actor: Actor, empty: Any = None) -> list[Any]:
    return choices(((code, wording.region_full_name(code)) for code in services.regions_of(actor)), empty=empty)


def blame(form: FlaskForm, error: InvalidInput) -> None:
    """Show a service's refusal beside the fields it is about."""
    for name, message in error.fields.items():
        form[name].errors = [*form[name].errors, message]
    if not error.fields:
        form.form_errors.append(error.message)


def triage_form_of(case: Case) -> TriageForm:
    form = TriageForm(data={"colour": case.colour})
    form.colour.choices = choices(wording.COLOURS)
    form.rule.choices = choices(services.TRIAGE_RULES, empty=_("Choose a rule"))
    return form


def team_form_of(case: Case) -> TeamForm:
    """The form that adds somebody to a case's care team; its staff are those who serve the region."""
    form = TeamForm()
    found = ((one.user.public_id, f"{one.user.name} · {_places(one)}") for one in services.candidates(case))
    form.user.choices = choices(found, empty=_("Choose somebody"))
    return form


def _places(candidate: services.Candidate) -> str:
    return " / ".join(str(POSITIONS[position]) for position in candidate.positions if position != "resource")


def case_page(
    case: Case, status: int = 200, *, triage_form: TriageForm | None = None, team_form: TeamForm | None = None
) -> ResponseReturnValue:
    """A case's own page, with a form on it as it was refused."""
    page = render_template(
        "cases/show.html",
        case=case,
        history=services.case_history(case),
        words={
            "relations": wording.RELATIONS,
            "sexes": SEXES,
            "purposes": PURPOSES,
            "givers": GIVERS,
            "methods": METHODS,
            "positions": POSITIONS,
        },
        today=today(),
        triage_form=triage_form or triage_form_of(case),
        team_form=team_form or team_form_of(case),
        discarded_people=services.discarded_people(case),
        reveal_reasons=services.REVEAL_REASONS,
        restricting={rule: services.TRIAGE_RULES[rule] for rule in services.RESTRICTING},
    )
    return page, status
