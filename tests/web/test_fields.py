"""What the form macros print: labels, hints, errors, and the links between them."""

import pytest
from werkzeug.datastructures import MultiDict
from wtforms import (
    BooleanField,
    DateField,
    FileField,
    Form,
    HiddenField,
    IntegerField,
    RadioField,
    SelectField,
    SelectMultipleField,
    TextAreaField,
)
from wtforms.validators import InputRequired, NumberRange
from wtforms.widgets import CheckboxInput, ListWidget

from tests.web.reading import Page


class NeedForm(Form):
    service = SelectField("Service", [InputRequired("Choose the service")], choices=["", "meals"])
    quantity = IntegerField("How many", [InputRequired("Enter how many"), NumberRange(1, 999)])
    urgency = RadioField("Urgency", [InputRequired("Choose the urgency")], choices=["red", "yellow", "blue"])
    groups = SelectMultipleField("Groups", choices=["old", "child"], option_widget=CheckboxInput(), widget=ListWidget())
    regions = SelectMultipleField("Regions", choices=["1", "2"])
    deadline = DateField("Deadline", description="The last useful day")
    note = TextAreaField("Note")
    consent = BooleanField("Consent is on record", [InputRequired("Ask for consent first")])
    paper = FileField("Paper")
    version = HiddenField()


@pytest.fixture
def show_field(show):
    def render(form: Form, name: str, arguments: str = "") -> Page:
        text = '{% from "components/field.html" import field %}{{ field(f' + arguments + ") }}"
        return show(text, f=form[name])

    return render


def refused(**values: str) -> NeedForm:
    """The form as it comes back: something was sent, and some of it is wrong."""
    form = NeedForm(MultiDict(values or {"quantity": "0"}))
    assert not form.validate()
    return form


@pytest.mark.parametrize(
    ("name", "tag"),
    [
        ("service", "select"),
        ("quantity", "input"),
        ("regions", "select"),
        ("deadline", "input"),
        ("note", "textarea"),
        ("consent", "input"),
        ("paper", "input"),
    ],
)
def test_a_field_has_a_label_of_its_own(show_field, name, tag):
    page = show_field(NeedForm(), name)
    control = page.by_id(name)
    assert control.tag == tag
    label = page.one("label", for_=name)
    assert NeedForm()[name].label.text in label.text
    assert control["aria-invalid"] is None


def test_hint_and_error_are_both_linked(show_field):
    page = show_field(refused(), "quantity", ', hint="Whole units", suffix="meals", min=1')
    control = page.by_id("quantity")
    assert control["aria-describedby"] == "quantity-hint quantity-error"
    assert control["aria-invalid"] == "true"
    assert control["min"] == "1"
    assert page.by_id("quantity-hint").text == "Whole units"
    assert "Number must be between 1 and 999" in page.by_id("quantity-error").text
    assert page.one("span", class_="input-group-text").text == "meals"


def test_a_page_may_name_a_field_itself(show_field):
    for name in ("quantity", "urgency", "consent"):
        page = show_field(NeedForm(), name, ', label="Other words"')
        assert "Other words" in page.all("legend" if name == "urgency" else "label")[0].text
        assert "label" not in page.by_id(name).attributes


def test_a_description_is_the_hint(show_field):
    page = show_field(NeedForm(), "deadline")
    assert page.by_id("deadline")["type"] == "date"
    assert page.by_id("deadline")["aria-describedby"] == "deadline-hint"
    assert page.by_id("deadline-hint").text == "The last useful day"


def test_required_is_said_to_eyes_and_to_machines(show_field):
    page = show_field(NeedForm(), "quantity")
    assert "required" in page.by_id("quantity").attributes
    assert page.one("span", class_="required-mark")["aria-hidden"] == "true"
    assert show_field(NeedForm(), "note").all("span", class_="required-mark") == []


def test_radio_buttons_are_one_named_group_of_cards(show_field):
    page = show_field(refused(), "urgency", ', descriptions={"red": "Cannot wait 72 hours"}')
    group = page.one("fieldset", role="radiogroup")
    assert group["aria-describedby"] == "urgency-error"
    assert group["aria-invalid"] == "true"
    assert group["aria-required"] == "true"
    assert page.one("legend").text.startswith("Urgency")
    options = page.all("input", type="radio")
    assert [option["value"] for option in options] == ["red", "yellow", "blue"]
    assert options[0]["aria-describedby"] == "urgency-0-note"
    assert page.by_id("urgency-0-note").text == "Cannot wait 72 hours"
    assert [label["for"] for label in page.all("label")] == [option["id"] for option in options]


def test_a_list_of_checkboxes_is_a_group(show_field):
    page = show_field(NeedForm(MultiDict({"groups": "child"})), "groups")
    assert page.one("fieldset")["role"] is None
    boxes = page.all("input", type="checkbox")
    assert ["checked" in box.attributes for box in boxes] == [False, True]


def test_a_hidden_field_is_only_itself(show_field):
    page = show_field(NeedForm(version="7"), "version")
    assert [element.tag for element in page.elements] == ["input"]


def test_the_error_summary_links_every_error_to_its_field(show):
    page = show('{% from "components/form.html" import error_summary %}{{ error_summary(form) }}', form=refused())
    assert page.one("div", role="alert")["tabindex"] == "-1"
    targets = [link["href"] for link in page.all("a")]
    assert targets == ["#service", "#quantity", "#urgency-0", "#consent"]


def test_a_form_without_errors_has_no_summary(show):
    text = '{% from "components/form.html" import error_summary %}{{ error_summary(form) }}'
    assert show(text, form=NeedForm()).elements == []
