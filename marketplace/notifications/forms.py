"""Forms of notices."""

from typing import Any

from flask_babel import lazy_gettext as _
from flask_wtf import FlaskForm
from wtforms import SelectChoice, SelectField

from marketplace.notifications.models import MAILS, TOPICS
from marketplace.notifications.rules import TOPIC_NAMES

ANSWERS: dict[str, Any] = {"never": _("No e-mail"), "daily": _("Once a day"), "at_once": _("At once")}


class ChoicesForm(FlaskForm):
    """When to send e-mail, for each topic."""


for _topic in TOPICS:
    setattr(
        ChoicesForm,
        _topic,
        SelectField(TOPIC_NAMES[_topic], choices=[SelectChoice(answer, ANSWERS[answer]) for answer in MAILS]),
    )
