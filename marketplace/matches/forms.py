"""Forms of matching runs: shape only."""

from collections.abc import Iterable
from typing import Any

from flask_babel import lazy_gettext as _
from flask_wtf import FlaskForm
from wtforms import BooleanField, FloatField, HiddenField, IntegerField, SelectChoice, SelectField
from wtforms.validators import InputRequired, NumberRange, Optional
from wtforms.widgets import HiddenInput

from marketplace.matches.trial import UNCHANGED, Changes
from marketplace.records import known_version
from matching import Policy

BALANCE_UNIT = 100
"""Points of the form that are one of `Policy.load_balance_weight` and of `Policy.pace_weight`."""


class ScopeForm(FlaskForm):
    """What a run is over; read from the address for a preview, and sent to start."""

    region = SelectField(
        _("Region"),
        [InputRequired(_("Choose a region of the list."))],
        invalid_choice_message=_("Choose a region of the list."),
    )
    alliance = SelectField(_("Capacity of"), invalid_choice_message=_("Choose an alliance of the list."))

    def __init__(
        self, regions: Iterable[tuple[str, str]], alliances: Iterable[tuple[str, str]], *arguments: Any, **options: Any
    ) -> None:
        super().__init__(*arguments, **options)
        self.region.choices = [SelectChoice(code, name) for code, name in regions]
        everyone = SelectChoice("", str(_("Everybody")))
        self.alliance.choices = [everyone, *(SelectChoice(slug, name) for slug, name in alliances)]


def _weight(label: Any, description: Any) -> IntegerField:
    told = _("Enter a whole number from 0 to 1000")
    return IntegerField(label, [InputRequired(told), NumberRange(0, 1000, message=told)], description=description)


class PolicyForm(FlaskForm):
    """What runs of a scope aim at, whether one starts every night, and what else may be tried."""

    region = HiddenField()
    alliance = HiddenField()
    version = IntegerField(widget=HiddenInput(), default=0, filters=[lambda number: known_version(number)])
    closeness_weight = _weight(_("Closeness"), _("Prefers suppliers near the household."))
    specialisation_weight = _weight(
        _("Specialisation"), _("Prefers suppliers for this very service, and keeps the versatile free.")
    )
    group_fit_weight = _weight(_("Group fit"), _("Prefers suppliers that are there for this household's groups."))
    waiting_weight = _weight(_("Waiting time"), _("Prefers needs that have waited longest."))
    continuity_weight = _weight(_("Earlier supplier"), _("Prefers who has helped this household before."))
    closeness_scale_km = FloatField(
        _("Closeness halves at"),
        [InputRequired(_("Enter kilometres")), NumberRange(0.1, 1000, message=_("Enter 0.1 to 1000 kilometres"))],
    )
    waiting_full_days = FloatField(
        _("Waiting counts in full after"),
        [InputRequired(_("Enter days")), NumberRange(1, 3650, message=_("Enter 1 to 3650 days"))],
    )
    load_balance = IntegerField(
        _("Spread the work"),
        [InputRequired(_("Enter a whole number from 0 to 100")), NumberRange(0, 100)],
        description=_("0 to 100 points of fit given up to keep room at every supplier."),
    )
    pace = IntegerField(
        _("Spread the work over the month"),
        [InputRequired(_("Enter a whole number from 0 to 100")), NumberRange(0, 100)],
        description=_("0 to 100 points of fit given up so that those come first who have given least this month."),
        default=0,
    )
    yellow_after_days = IntegerField(
        _("A blue need counts as yellow after"),
        [Optional(), NumberRange(1, 3650, message=_("Enter 1 to 3650 days, or nothing"))],
        description=_("Days of waiting. Empty never raises it; its colour stays blue in every list."),
    )
    red_after_days = IntegerField(
        _("A yellow need counts as red after"),
        [Optional(), NumberRange(1, 3650, message=_("Enter 1 to 3650 days, or nothing"))],
        description=_("Days as yellow, by its own colour or by waiting. Empty never raises it."),
    )
    fairness = BooleanField(
        _("Even out between the counties"),
        description=_("Of results that serve equally many, take the one that leaves no county far behind."),
    )
    candidates_per_need = IntegerField(
        _("Suppliers looked at first for each need"),
        [Optional(), NumberRange(1, 1000, message=_("Enter a whole number from 1 to 1000, or nothing"))],
        description=_("Saves memory in very large runs; the result stays the best. Empty looks at all."),
    )
    capacity_percent = IntegerField(
        _("Capacity"),
        [InputRequired(_("Enter percent")), NumberRange(0, 1000, message=_("Enter 0 to 1000 percent"))],
        default=UNCHANGED,
    )
    radius_percent = IntegerField(
        _("How far suppliers go"),
        [InputRequired(_("Enter percent")), NumberRange(1, 1000, message=_("Enter 1 to 1000 percent"))],
        default=UNCHANGED,
    )
    nightly = BooleanField(_("Start a run every night"))
    hour = SelectField(
        _("Starts at"),
        coerce=int,
        choices=[SelectChoice(hour, f"{hour:02}:00") for hour in range(24)],
        invalid_choice_message=_("Choose an hour of the list."),
    )

    @staticmethod
    def told(policy: Policy) -> dict[str, Any]:
        """A policy as the fields show it."""
        values = policy.as_dict()
        values["load_balance"] = policy.load_balance_weight // BALANCE_UNIT
        values["pace"] = policy.pace_weight // BALANCE_UNIT
        return values

    def validate(self, extra_validators: Any = None) -> bool:
        """Fields, and what no single field can tell: something must count."""
        if not super().validate(extra_validators):
            return False
        weights = (self.closeness_weight, self.specialisation_weight, self.group_fit_weight, self.waiting_weight)
        if not any(field.data for field in weights):
            self.closeness_weight.errors = [_("At least one of the first four weights must be above 0.")]
            return False
        return True

    def policy(self) -> Policy:
        """The policy that the fields tell; they are valid."""
        return Policy(
            closeness_weight=self.closeness_weight.data,
            specialisation_weight=self.specialisation_weight.data,
            group_fit_weight=self.group_fit_weight.data,
            waiting_weight=self.waiting_weight.data,
            continuity_weight=self.continuity_weight.data,
            closeness_scale_km=self.closeness_scale_km.data,
            waiting_full_days=self.waiting_full_days.data,
            load_balance_weight=self.load_balance.data * BALANCE_UNIT,
            pace_weight=self.pace.data * BALANCE_UNIT,
            yellow_after_days=self.yellow_after_days.data,
            red_after_days=self.red_after_days.data,
            fairness=self.fairness.data,
            candidates_per_need=self.candidates_per_need.data,
        )

    def changes(self) -> Changes:
        """What the fields would try."""
        return Changes(self.policy(), self.capacity_percent.data, self.radius_percent.data)
