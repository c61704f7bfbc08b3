"""Templates as texts: each parses, uses what it imports, shows only icons that are shipped, and holds nothing
that the content policy would refuse."""

import re
from pathlib import Path

import pytest
from jinja2 import Environment, FileSystemLoader, nodes

from marketplace.assets import icon_names

TEMPLATES = Path(__file__).resolve().parents[2] / "templates"
# The report of `marketplace match` is one file that is mailed and printed: its styles travel inside it.
SELF_CONTAINED = {"matches/report.html"}
NAMES = sorted(path.relative_to(TEMPLATES).as_posix() for path in TEMPLATES.rglob("*.html"))

INLINE = {
    "a script in the page": re.compile(r"<script(?![^>]*\bsrc=)", re.IGNORECASE),
    "a style in the page": re.compile(r"<style\b", re.IGNORECASE),
    "a style attribute": re.compile(r"\sstyle\s*=\s*[\"'{]", re.IGNORECASE),
    "an event attribute": re.compile(r"\son[a-z]+\s*=\s*[\"'{]", re.IGNORECASE),
    "a script address": re.compile(r"javascript:", re.IGNORECASE),
    "evaluated htmx": re.compile(r"\shx-(?:on|vals=[\"']js|headers=[\"']js)", re.IGNORECASE),
    "a file of another server": re.compile(r"<(?:script|link|img|iframe)[^>]+(?:src|href)=[\"'](?:https?:)?//"),
}


@pytest.fixture(scope="module")
def environment() -> Environment:
    return Environment(loader=FileSystemLoader(TEMPLATES), extensions=["jinja2.ext.i18n"], autoescape=True)


def source(name: str) -> str:
    """A template's text without its comments."""
    return re.sub(r"\{#.*?#\}", "", (TEMPLATES / name).read_text("utf-8"), flags=re.DOTALL)


def names_used(environment: Environment, name: str) -> set[str]:
    """Every name that a template reads, with those of the templates it includes."""
    tree = environment.parse(source(name))
    used = {node.name for node in tree.find_all(nodes.Name) if node.ctx == "load"}
    for include in tree.find_all(nodes.Include):
        if isinstance(include.template, nodes.Const):
            used |= names_used(environment, include.template.value)
    return used


@pytest.mark.parametrize("name", NAMES)
def test_it_parses_and_holds_nothing_inline(environment, name):
    environment.get_template(name)
    if name not in SELF_CONTAINED:
        found = [what for what, pattern in INLINE.items() if pattern.search(source(name))]
        assert found == [], f"{name} holds {', '.join(found)}"


@pytest.mark.parametrize("name", NAMES)
def test_every_import_exists_and_is_used(environment, name):
    used = names_used(environment, name)
    for imported in environment.parse(source(name)).find_all(nodes.FromImport):
        target = environment.parse(source(imported.template.value))
        macros = {macro.name for macro in target.find_all(nodes.Macro)}
        for entry in imported.names:
            wanted, known_as = entry if isinstance(entry, tuple) else (entry, entry)
            assert wanted in macros, f"{name}: {imported.template.value} has no macro {wanted}"
            assert known_as in used, f"{name} imports {known_as} and does not use it"


@pytest.mark.parametrize("name", NAMES)
def test_it_includes_and_extends_only_what_is_there(environment, name):
    tree = environment.parse(source(name))
    for link in [*tree.find_all(nodes.Include), *tree.find_all(nodes.Extends)]:
        if isinstance(link.template, nodes.Const):
            assert link.template.value in NAMES


@pytest.mark.parametrize("name", NAMES)
def test_its_icons_are_shipped(environment, name):
    asked = set()
    for call in environment.parse(source(name)).find_all(nodes.Call):
        arguments = [keyword.value for keyword in call.kwargs if keyword.key == "icon"]
        if isinstance(call.node, nodes.Name) and call.node.name in {"icon", "draw"}:
            arguments += call.args[:1]
        asked |= {value.value for value in arguments if isinstance(value, nodes.Const) and value.value}
    assert asked <= icon_names(), f"not in the sprite: {sorted(asked - icon_names())}"


@pytest.mark.parametrize("name", NAMES)
def test_every_form_that_changes_something_carries_its_token(name):
    for form in re.findall(r"<form\b.*?</form>", source(name), flags=re.DOTALL | re.IGNORECASE):
        if re.search(r"method\s*=\s*[\"']post", form, re.IGNORECASE):
            assert "csrf_token" in form or "hidden_tag" in form, f"{name}: {form[:80]}"
