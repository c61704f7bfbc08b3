"""Forms of cases: shape only. Choices are handed in by the views."""

from collections.abc import Iterable
from typing import Any

from flask_babel import lazy_gettext as _
from flask_wtf import FlaskForm
from flask_wtf.file import FileField
from wtforms import (
    BooleanField,
    DateField,
    IntegerField,
    RadioField,
    SelectField,
    SelectMultipleField,
    StringField,
    TextAreaField,
)
from wtforms.fields.choices import SelectChoice
from wtforms.validators import InputRequired, Length, Optional
from wtforms.widgets import CheckboxInput, HiddenInput, ListWidget

from marketplace.records import known_version
from marketplace.wording import RELATIONS

SEXES = {"F": _("Female"), "M": _("Male")}
PURPOSES = {
    "share": _("Share the need with suppliers who may help"),
    "publish": _("Publish a micro-wish, without name or address"),
}
GIVERS = {
    "self": _("The person"),
    "guardian": _("The guardian"),
    "legal_basis": _("A legal basis on record (for sharing only)"),
}

METHODS = {
    "paper": _("Signed on paper"),
    "spoken": _("Spoken, before a witness"),
    "recording": _("Sound or video recording"),
    "online": _("In writing by phone or computer"),
}
FIELDS = {
    "need": _("Sharing: what is needed"),
    "name": _("Sharing: the name, after acceptance"),
    "phone": _("Sharing: the phone number, after acceptance"),
    "address": _("Sharing: the address, after acceptance"),
    "details": _("Sharing: details of the need, after acceptance"),
    "text": _("Publishing: the text of the wish"),
    "price": _("Publishing: the price band"),
    "county": _("Publishing: the county"),
    "age_band": _("Publishing: the age band"),
    "group": _("Publishing: one broad group"),
    "deadline": _("Publishing: how soon"),
}
POSITIONS = {
    "social_worker": _("Social worker"),
    "officer": _("Civil-affairs officer"),
    "coordinator": _("Coordinator"),
    "resource": _("Resource party"),
}


def choices(words: dict[str, Any] | Iterable[tuple[str, Any]], *, empty: Any = None) -> list[SelectChoice]:
    """Codes and words as a field takes them; `empty` is the words for no choice."""
    pairs = words.items() if isinstance(words, dict) else words
    first = [] if empty is None else [SelectChoice("", empty)]
    return [*first, *(SelectChoice(code, label) for code, label in pairs)]


class CaseFilterForm(FlaskForm):
    """Filters of the work list; read from the address."""

    class Meta:
        csrf = False

    number = StringField(_("Case number"), [Optional(), Length(max=24)])
    colour = SelectField(_("Triage colour"), [Optional()], validate_choice=False)
    region = SelectField(_("Region"), [Optional()], validate_choice=False)


class CaseForm(FlaskForm):
    version = IntegerField(widget=HiddenInput(), default=1, filters=[known_version])
    region = SelectField(_("Where the household lives"), [InputRequired(_("Choose where the household lives"))])
    opened_on = DateField(_("Taken up on"), [Optional()])
    summary = TextAreaField(
        _("Summary for caseworkers"), [Optional(), Length(max=2000, message=_("At most 2,000 characters"))]
    )


class PersonForm(FlaskForm):
    version = IntegerField(widget=HiddenInput(), default=1, filters=[known_version])
    name = StringField(_("Name"), [Optional(), Length(max=60, message=_("At most 60 characters"))])
    relation = SelectField(_("Place in the household"), choices=choices(RELATIONS))
    id_number = StringField(
        _("Identity number"), [Optional(), Length(max=24, message=_("18 characters, spaces aside"))]
    )
    phone = StringField(_("Phone"), [Optional(), Length(max=30, message=_("At most 30 characters"))])
    address = StringField(_("Address"), [Optional(), Length(max=200, message=_("At most 200 characters"))])
    birth_on = DateField(_("Date of birth"), [Optional()])
    sex = SelectField(_("Sex"), [Optional()], choices=choices(SEXES, empty=_("Not recorded")))
    tier = SelectField(_("Recognition"))
    groups = SelectMultipleField(
        _("Groups"), widget=ListWidget(prefix_label=False), option_widget=CheckboxInput(), validate_choice=True
    )
    hukou_region = SelectField(_("Province of household registration"), [Optional()])
    residence_permit = BooleanField(_("Holds a residence permit of Ningxia"))
    needs_guardian = BooleanField(_("An adult for whom a guardian decides"))


class ConsentForm(FlaskForm):
    purpose = RadioField(
        _("What the household agrees to"), [InputRequired(_("Choose what the household agrees to"))],
        choices=choices(PURPOSES),
    )  # fmt: skip
    person = SelectField(_("Whom it is about"), [Optional()])
    given_by = RadioField(
        _("Given by"), [InputRequired(_("Choose who gave the consent"))], choices=choices(GIVERS)
    )  # fmt: skip
    legal_basis = SelectField(_("Legal basis, where that stands in for a consent"), [Optional()])
    child_agreed = BooleanField(_("The child said yes too (from 14 to 17)"))
    fields = SelectMultipleField(
        _("What may be told"), widget=ListWidget(prefix_label=False), option_widget=CheckboxInput(),
        choices=choices(FIELDS),
    )  # fmt: skip
    method = SelectField(_("How it was given"), choices=choices(METHODS), default="paper")
    evidence = FileField(_("Signed paper (picture or PDF, up to 10 MB)"))
    refusal_offered = BooleanField(_("I told them that saying no costs them nothing"))
    given_on = DateField(_("Given on"), [InputRequired(_("Enter the day of the consent"))])
    expires_on = DateField(_("Until (empty: until taken back)"), [Optional()])


class TeamForm(FlaskForm):
    position = SelectField(_("Place"), choices=choices(POSITIONS))
    user = SelectField(_("Staff who serve this region"), [Optional()])
    email = StringField(_("Or the e-mail address of an account"), [Optional(), Length(max=254)])


class TriageForm(FlaskForm):
    colour = RadioField(_("Colour"), [InputRequired(_("Choose a colour"))])
    rule = SelectField(_("Rule that decides"), [InputRequired(_("Choose the rule that decides the colour"))])
