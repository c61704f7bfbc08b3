"""HTTP of cases."""

from typing import Any

from flask import flash, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_wtf import FlaskForm

from marketplace import regions, taxonomy, wording
from marketplace.cases import services
from marketplace.cases.forms import (
    GIVERS,
    PURPOSES,
    RELATIONS,
    SEXES,
    CaseFilterForm,
    CaseForm,
    ConsentForm,
    PersonForm,
    TriageForm,
    choices,
)
from marketplace.cases.models import Case, Person
from marketplace.errors import InvalidInput
from marketplace.paging import page_addresses
from marketplace.permissions import Actor, Permission, Slice
from marketplace.records import today

cases = Slice("cases", __name__)


def _region_choices(actor: Actor, empty: Any = None) -> list[Any]:
    return choices(((code, wording.region_full_name(code)) for code in services.regions_of(actor)), empty=empty)


def _blame(form: FlaskForm, error: InvalidInput) -> None:
    """Show a service's refusal beside the fields it is about."""
    for name, message in error.fields.items():
        form[name].errors = [*form[name].errors, message]
    if not error.fields:
        form.form_errors.append(error.message)


def _case_form(case: Case | None = None) -> CaseForm:
    form = CaseForm(obj=None, data={"region": case.region, "opened_on": case.opened_on} if case else None)
    form.region.choices = _region_choices(g.actor, empty=_("Choose a region"))
    if request.method == "GET":
        form.version.data = case.version if case else 1
        form.opened_on.data = form.opened_on.data or today()
    return form


def _person_form(person: Person | None = None) -> PersonForm:
    kept = ("relation", "sex", "tier", "groups", "hukou_region", "residence_permit", "version")
    form = PersonForm(data={name: getattr(person, name) for name in kept} if person else None)
    language = wording.language()
    form.tier.choices = choices((term.code, wording.group_name(term.code)) for term in taxonomy.assist_tiers())
    form.groups.choices = choices((code, wording.group_name(code)) for code in services.GROUPS)
    form.hukou_region.choices = choices(
        ((province.code, regions.province_name(province.code, language)) for province in regions.provinces()),
        empty=_("Not recorded"),
    )
    if request.method == "GET" and person is None:
        form.tier.data = "T-NONE"
    return form


def _person_entry(form: PersonForm) -> services.PersonEntry:
    return services.PersonEntry(
        name=form.name.data or "",
        relation=form.relation.data or "",
        id_number=form.id_number.data or "",
        phone=form.phone.data or "",
        address=form.address.data or "",
        birth_on=form.birth_on.data,
        sex=form.sex.data or "",
        tier=form.tier.data,
        groups=tuple(form.groups.data or ()),
        hukou_region=form.hukou_region.data or "",
        residence_permit=form.residence_permit.data,
    )


def _triage_form(case: Case) -> TriageForm:
    form = TriageForm(data={"colour": case.colour})
    form.colour.choices = choices(wording.COLOURS)
    form.rule.choices = choices(services.TRIAGE_RULES, empty=_("Choose a rule"))
    return form


@cases.route("/cases", permission=Permission.CASE_VIEW)
def index() -> ResponseReturnValue:
    form = CaseFilterForm(request.args)
    form.colour.choices = choices(wording.COLOURS, empty=_("All colours"))
    form.region.choices = _region_choices(g.actor, empty=_("All regions"))
    wanted = services.CaseFilter(form.number.data or "", form.colour.data or "", form.region.data or "")
    found = services.work_list(g.actor, wanted, request.args.get("page", 1, type=int))
    return render_template("cases/index.html", form=form, cases=found, url_for_page=page_addresses("cases.index", form))


@cases.route("/cases/new", methods=["GET", "POST"], permission=Permission.CASE_EDIT)
def new() -> ResponseReturnValue:
    form = _case_form()
    if form.validate_on_submit():
        try:
            case = services.open_case(
                g.actor, services.CaseEntry(form.region.data, form.summary.data, form.opened_on.data)
            )
        except InvalidInput as error:
            _blame(form, error)
        else:
            flash(_("Case %(number)s is open. Add the people of the household.", number=case.number), "success")
            return redirect(url_for("cases.show", case_id=case.public_id), 303)
    return render_template("cases/edit.html", form=form, case=None), 422 if form.errors else 200


@cases.route("/cases/<case_id>", permission=Permission.CASE_VIEW)
def show(case_id: str) -> ResponseReturnValue:
    case = services.case_page(g.actor, case_id)
    return _case_page(case)


def _case_page(case: Case, status: int = 200, triage_form: TriageForm | None = None) -> ResponseReturnValue:
    page = render_template(
        "cases/show.html",
        case=case,
        history=services.case_history(case),
        words={"relations": RELATIONS, "sexes": SEXES, "purposes": PURPOSES, "givers": GIVERS},
        today=today(),
        triage_form=triage_form or _triage_form(case),
        reveal_reasons=services.REVEAL_REASONS,
        restricting={rule: services.TRIAGE_RULES[rule] for rule in services.RESTRICTING},
    )
    return page, status


@cases.route("/cases/<case_id>/edit", methods=["GET", "POST"], permission=Permission.CASE_EDIT)
def edit(case_id: str) -> ResponseReturnValue:
    case = services.load_case(g.actor, case_id, Permission.CASE_EDIT)
    form = _case_form(case)
    if form.validate_on_submit():
        entry = services.CaseEntry(form.region.data, form.summary.data, form.opened_on.data)
        try:
            services.edit_case(g.actor, case_id, entry, form.version.data)
        except InvalidInput as error:
            _blame(form, error)
        else:
            flash(_("The case is saved."), "success")
            return redirect(url_for("cases.show", case_id=case_id), 303)
    return render_template("cases/edit.html", form=form, case=case), 422 if form.errors else 200


@cases.route("/cases/<case_id>/people/new", methods=["GET", "POST"], permission=Permission.CASE_EDIT)
def add_person(case_id: str) -> ResponseReturnValue:
    case = services.load_case(g.actor, case_id, Permission.CASE_EDIT)
    form = _person_form()
    if form.validate_on_submit():
        try:
            saved = services.add_person(g.actor, case_id, _person_entry(form))
        except InvalidInput as error:
            _blame(form, error)
        else:
            return _person_saved(case_id, saved)
    return render_template("cases/person.html", form=form, case=case, person=None), 422 if form.errors else 200


@cases.route("/cases/<case_id>/people/<person_id>/edit", methods=["GET", "POST"], permission=Permission.CASE_EDIT)
def edit_person(case_id: str, person_id: str) -> ResponseReturnValue:
    case, person = services.load_person(g.actor, case_id, person_id, Permission.CASE_EDIT)
    form = _person_form(person)
    if form.validate_on_submit():
        try:
            saved = services.edit_person(g.actor, case_id, person_id, _person_entry(form), form.version.data)
        except InvalidInput as error:
            _blame(form, error)
        else:
            return _person_saved(case_id, saved)
    return render_template("cases/person.html", form=form, case=case, person=person), 422 if form.errors else 200


def _person_saved(case_id: str, saved: services.PersonSaved) -> ResponseReturnValue:
    flash(_("The person is saved."), "success")
    for warning in saved.warnings:
        flash(str(warning), "warning")
    return redirect(url_for("cases.show", case_id=case_id), 303)


@cases.route("/cases/<case_id>/people/<person_id>/reveal", methods=["POST"], permission=Permission.PERSON_REVEAL)
def reveal(case_id: str, person_id: str) -> ResponseReturnValue:
    try:
        case, person, plain = services.reveal_person(g.actor, case_id, person_id, request.form.get("reason", ""))
    except InvalidInput as error:
        flash(str(error.message), "error")
        return redirect(url_for("cases.show", case_id=case_id), 303)
    return render_template("cases/reveal.html", case=case, person=person, plain=plain, relations=RELATIONS)


@cases.route("/cases/<case_id>/reveal", methods=["POST"], permission=Permission.PERSON_REVEAL)
def reveal_summary(case_id: str) -> ResponseReturnValue:
    try:
        case, plain = services.reveal_summary(g.actor, case_id, request.form.get("reason", ""))
    except InvalidInput as error:
        flash(str(error.message), "error")
        return redirect(url_for("cases.show", case_id=case_id), 303)
    return render_template("cases/reveal.html", case=case, person=None, plain=plain, relations=RELATIONS)


@cases.route("/cases/<case_id>/consents/new", methods=["GET", "POST"], permission=Permission.CASE_EDIT)
def add_consent(case_id: str) -> ResponseReturnValue:
    case = services.load_case(g.actor, case_id, Permission.CASE_EDIT)
    form = ConsentForm(data={"given_on": today(), "purpose": request.args.get("purpose")})
    if form.validate_on_submit():
        given = services.ConsentGiven(
            form.purpose.data, form.given_by.data, form.given_on.data, form.expires_on.data
        )  # fmt: skip
        try:
            services.give_consent(g.actor, case_id, given)
        except InvalidInput as error:
            _blame(form, error)
        else:
            flash(_("The consent is recorded."), "success")
            return redirect(url_for("cases.show", case_id=case_id), 303)
    return render_template("cases/consent.html", form=form, case=case), 422 if form.errors else 200


@cases.route("/cases/<case_id>/consents/<consent_id>/withdraw", methods=["POST"], permission=Permission.CASE_EDIT)
def withdraw_consent(case_id: str, consent_id: str) -> ResponseReturnValue:
    services.withdraw_consent(g.actor, case_id, consent_id)
    flash(_("The consent is withdrawn. What was published because of it is hidden from now on."), "success")
    return redirect(url_for("cases.show", case_id=case_id), 303)


@cases.route("/cases/<case_id>/triage", methods=["POST"], permission=Permission.CASE_TRIAGE)
def rate(case_id: str) -> ResponseReturnValue:
    case = services.load_case(g.actor, case_id, Permission.CASE_TRIAGE)
    form = _triage_form(case)
    if form.validate_on_submit():
        try:
            services.rate(g.actor, case_id, form.colour.data, form.rule.data)
        except InvalidInput as error:
            _blame(form, error)
        else:
            flash(_("The triage colour is set."), "success")
            return redirect(url_for("cases.show", case_id=case_id), 303)
    return _case_page(services.case_page(g.actor, case_id), 422, triage_form=form)


@cases.route("/cases/<case_id>/restrict", methods=["POST"], permission=Permission.CASE_TRIAGE)
def restrict(case_id: str) -> ResponseReturnValue:
    wanted = request.form.get("restricted") == "1"
    try:
        services.restrict(g.actor, case_id, wanted, request.form.get("rule", ""))
    except InvalidInput as error:
        flash(str(error.message), "error")
    else:
        flash(_("The case is restricted.") if wanted else _("The restriction has ended."), "success")
    return redirect(url_for("cases.show", case_id=case_id), 303)
