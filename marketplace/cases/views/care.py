"""Consent, triage, restriction and the care team of a case."""

from flask import flash, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from marketplace import uploads, wording
from marketplace.cases import services
from marketplace.cases.forms import FIELDS, POSITIONS, ConsentForm, choices
from marketplace.cases.views.common import blame, case_page, cases, team_form_of, triage_form_of
from marketplace.errors import InvalidInput
from marketplace.permissions import Permission
from marketplace.records import today


@cases.route("/cases/<case_id>/consents/new", methods=["GET", "POST"], permission=Permission.CASE_EDIT)
def add_consent(case_id: str) -> ResponseReturnValue:
    case = services.load_case(g.actor, case_id, Permission.CASE_EDIT)
    start = {
        "given_on": today(),
        "fields": list(FIELDS),
        "purpose": request.args.get("purpose"),
        "person": request.args.get("person", ""),
    }
    form = ConsentForm(data=start)
    form.person.choices = choices(
        ((person.public_id, wording.person_choice(person)) for person in case.people),
        empty=_("The household as a whole"),
    )
    form.legal_basis.choices = choices(services.LEGAL_BASES, empty=_("None: somebody agreed"))
    if form.validate_on_submit():
        given = services.ConsentGiven(
            purpose=form.purpose.data,
            given_by=form.given_by.data,
            given_on=form.given_on.data,
            expires_on=form.expires_on.data,
            person=form.person.data or "",
            fields=tuple(form.fields.data or ()),
            method=form.method.data,
            legal_basis=form.legal_basis.data or "",
            child_agreed=form.child_agreed.data,
            refusal_offered=form.refusal_offered.data,
        )
        try:
            paper = form.evidence.data.stream if form.evidence.data else None
            services.give_consent(g.actor, case_id, given, paper)
        except InvalidInput as error:
            blame(form, error)
        else:
            flash(_("The consent is recorded."), "success")
            return redirect(url_for("cases.show", case_id=case_id), 303)
    return render_template("cases/consent.html", form=form, case=case), 422 if form.errors else 200


@cases.route("/cases/<case_id>/consents/<consent_id>/withdraw", methods=["POST"], permission=Permission.CASE_EDIT)
def withdraw_consent(case_id: str, consent_id: str) -> ResponseReturnValue:
    services.withdraw_consent(g.actor, case_id, consent_id)
    flash(_("The consent is withdrawn. What was published because of it is hidden from now on."), "success")
    return redirect(url_for("cases.show", case_id=case_id), 303)


@cases.route("/cases/<case_id>/consents/<consent_id>/evidence", methods=["POST"], permission=Permission.PERSON_REVEAL)
def show_evidence(case_id: str, consent_id: str) -> ResponseReturnValue:
    consent = services.show_evidence(g.actor, case_id, consent_id)
    return uploads.send(consent.evidence_file or "", consent.evidence_type or "")


@cases.route("/cases/<case_id>/triage", methods=["POST"], permission=Permission.CASE_TRIAGE)
def rate(case_id: str) -> ResponseReturnValue:
    case = services.load_case(g.actor, case_id, Permission.CASE_TRIAGE)
    form = triage_form_of(case)
    if form.validate_on_submit():
        try:
            services.rate(g.actor, case_id, form.colour.data, form.rule.data)
        except InvalidInput as error:
            blame(form, error)
        else:
            flash(_("The triage colour is set."), "success")
            return redirect(url_for("cases.show", case_id=case_id), 303)
    return case_page(services.case_page(g.actor, case_id), 422, triage_form=form)


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


@cases.route("/cases/care", permission=Permission.ACCOUNT_OWN)
def care() -> ResponseReturnValue:
    found = services.team_cases(g.actor, request.args.get("page", 1, type=int))
    return render_template(
        "cases/care.html",
        cases=found,
        positions=POSITIONS,
        url_for_page=lambda page: url_for("cases.care", page=page),
    )


@cases.route("/cases/<case_id>/team", methods=["POST"], permission=Permission.CASE_TRIAGE)
def add_to_team(case_id: str) -> ResponseReturnValue:
    case = services.load_case(g.actor, case_id, Permission.CASE_TRIAGE)
    form = team_form_of(case)
    if form.validate_on_submit():
        try:
            services.add_to_team(
                g.actor, case_id, form.position.data, user_id=form.user.data or "", email=form.email.data or ""
            )
        except InvalidInput as error:
            blame(form, error)
        else:
            flash(_("The care team has one more."), "success")
            return redirect(url_for("cases.show", case_id=case_id), 303)
    return case_page(services.case_page(g.actor, case_id), 422, team_form=form)


@cases.route("/cases/<case_id>/team/<teammate_id>/remove", methods=["POST"], permission=Permission.CASE_TRIAGE)
def remove_from_team(case_id: str, teammate_id: str) -> ResponseReturnValue:
    services.remove_from_team(g.actor, case_id, teammate_id)
    flash(_("The care team has one less."), "success")
    return redirect(url_for("cases.show", case_id=case_id), 303)


@cases.route("/cases/<case_id>/team/<teammate_id>/hand-over", methods=["POST"], permission=Permission.CASE_TRIAGE)
def hand_over(case_id: str, teammate_id: str) -> ResponseReturnValue:
    try:
        services.hand_over(g.actor, case_id, teammate_id, request.form.get("user", ""))
    except InvalidInput as error:
        flash(str(error.message), "error")
    else:
        flash(_("The place on the care team is handed over."), "success")
    # Who handed the own place of a restricted case over does not see the case any more.
    return redirect(url_for("cases.index"), 303)
