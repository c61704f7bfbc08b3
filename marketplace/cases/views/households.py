"""Households and the people in them: the list, their pages, and looks at personal data."""

from flask import flash, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from marketplace import regions, taxonomy, wording
from marketplace.cases import services
from marketplace.cases.forms import CaseFilterForm, CaseForm, PersonForm, choices
from marketplace.cases.models import Case, Person
from marketplace.cases.views.common import blame, case_page, cases, region_choices
from marketplace.errors import InvalidInput
from marketplace.paging import page_addresses
from marketplace.permissions import Permission
from marketplace.records import today


def _case_form(case: Case | None = None) -> CaseForm:
    form = CaseForm(obj=None, data={"region": case.region, "opened_on": case.opened_on} if case else None)
    form.region.choices = region_choices(g.actor, empty=_("Choose a region"))
    if request.method == "GET":
        form.version.data = case.version if case else 1
        form.opened_on.data = form.opened_on.data or today()
        if case is None and len(served := services.regions_of(g.actor)) == 1:  # whoever serves one county chooses none
            form.region.data = served[0]
    return form


def _person_form(person: Person | None = None) -> PersonForm:
    kept = ("relation", "sex", "tier", "groups", "hukou_region", "residence_permit", "needs_guardian", "version")
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
    form.name.flags.required = person is None
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
        needs_guardian=form.needs_guardian.data,
    )


@cases.route("/cases", permission=Permission.CASE_VIEW)
def index() -> ResponseReturnValue:
    form = CaseFilterForm(request.args)
    form.colour.choices = choices(wording.COLOURS, empty=_("All colours"))
    form.region.choices = region_choices(g.actor, empty=_("All regions"))
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
            blame(form, error)
        else:
            flash(_("Case %(number)s is open. Add the people of the household.", number=case.number), "success")
            return redirect(url_for("cases.show", case_id=case.public_id), 303)
    return render_template("cases/edit.html", form=form, case=None), 422 if form.errors else 200


@cases.route("/cases/<case_id>", permission=Permission.CASE_VIEW)
def show(case_id: str) -> ResponseReturnValue:
    case = services.case_page(g.actor, case_id)
    return case_page(case)


@cases.route("/cases/<case_id>/edit", methods=["GET", "POST"], permission=Permission.CASE_EDIT)
def edit(case_id: str) -> ResponseReturnValue:
    case = services.load_case(g.actor, case_id, Permission.CASE_EDIT)
    form = _case_form(case)
    if form.validate_on_submit():
        entry = services.CaseEntry(form.region.data, form.summary.data, form.opened_on.data)
        try:
            services.edit_case(g.actor, case_id, entry, form.version.data)
        except InvalidInput as error:
            blame(form, error)
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
            blame(form, error)
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
            blame(form, error)
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
    return render_template("cases/reveal.html", case=case, person=person, plain=plain, relations=wording.RELATIONS)


@cases.route("/cases/<case_id>/reveal", methods=["POST"], permission=Permission.PERSON_REVEAL)
def reveal_summary(case_id: str) -> ResponseReturnValue:
    try:
        case, plain = services.reveal_summary(g.actor, case_id, request.form.get("reason", ""))
    except InvalidInput as error:
        flash(str(error.message), "error")
        return redirect(url_for("cases.show", case_id=case_id), 303)
    return render_template("cases/reveal.html", case=case, person=None, plain=plain, relations=wording.RELATIONS)
