"""Filters of the trail, read from the address: shape only."""

from flask_babel import lazy_gettext as _
from flask_wtf import FlaskForm
from wtforms import BooleanField, DateField, IntegerField, SelectField
from wtforms.validators import NumberRange, Optional

_LARGEST = 2**31 - 1


class TrailFilterForm(FlaskForm):
    """What a reader of the trail asks to see."""

    class Meta:
        csrf = False

    chain = SelectField(_("County"), [Optional()], validate_choice=False)
    record_type = SelectField(_("Kind of record"), [Optional()], validate_choice=False)
    record_id = IntegerField(_("Number of the record"), [Optional(), NumberRange(1, _LARGEST)])
    actor_id = IntegerField(_("Number of the account"), [Optional(), NumberRange(1, _LARGEST)])
    first_on = DateField(_("From"), [Optional()])
    last_on = DateField(_("Until"), [Optional()])
    looks = BooleanField(_("Only looks at personal data"))
