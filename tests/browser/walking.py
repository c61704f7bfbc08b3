"""A person at a browser who reads: everything is found by the words on the page, in the language of the page."""

import re
from functools import cache

from babel.messages.mofile import read_mo
from babel.support import Translations
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import Visitor
from tests.support.catalogues import FOLDER

expect.set_options(timeout=15_000)  # as patient as a press: a busy machine is no fault of the page

# Latin words that a Chinese page shows as they are: our own name, the other language's, and kinds of files.
LATIN = {"Bangnin", "English", "JPEG", "PNG", "WebP", "PDF", "Excel", "CSV", "XLSX"}
_WORD = re.compile(r"(?<![\w@./:-])[A-Za-z]{3,}(?![\w@./:-])")


@cache
def _chinese() -> Translations:
    with (FOLDER / "messages.mo").open("rb") as file:
        read_mo(file)
        file.seek(0)
        return Translations(file)


def in_chinese(text: str, **values: object) -> str:
    """The Chinese of an English source text; a text that has none is a mistake of the test."""
    translated = _chinese().ugettext(text)
    assert translated != text, f"no Chinese text for: {text}"
    return translated % values if values else translated


class Walk:
    """What a person does on pages: press, follow, fill, choose, and read.

    Texts are given in English, as in the source, and looked for in the language of the page.
    """

    def __init__(self, visitor: Visitor, name: str, *, english: bool = False) -> None:
        self.visitor, self.page, self.name, self.english = visitor, visitor.page, name, english
        self.step = 0

    def words(self, text: str, **values: object) -> str:
        if self.english:
            return text % values if values else text
        return in_chinese(text, **values)

    def press(self, text: str, *, within: Locator | Page | None = None, **values: object) -> None:
        (within or self.page).get_by_role("button", name=self.words(text, **values), exact=True).first.click()

    def follow(self, text: str, **values: object) -> None:
        """Open a link by its words."""
        self.page.get_by_role("link", name=self.words(text, **values), exact=True).first.click()

    def section(self, text: str) -> None:
        """Open an entry of the menu."""
        menu = self.page.get_by_role("navigation", name=self.words("Sections"))
        toggle = menu.get_by_role("button", name=self.words("Menu"))
        if toggle.is_visible():
            toggle.click()
        menu.get_by_role("link", name=self.words(text), exact=True).click()

    def unfold(self, text: str) -> None:
        """Open a folded part by the words on it."""
        self.page.locator("summary", has_text=self.words(text)).first.click()

    def field(self, label: str) -> Locator:
        """The control under a label, its required mark aside."""
        return self.page.get_by_label(re.compile(f"^\\s*{re.escape(self.words(label))}\\s*\\*?\\s*$")).first

    def fill(self, label: str, value: str) -> None:
        self.field(label).fill(value)

    def select(self, label: str, code: str) -> None:
        self.field(label).select_option(code)

    def tick(self, legend: str, option: str, *, named: bool = False) -> None:
        """Choose one of the cards under a legend; `named`: the option is a word of a list, not of the catalogue."""
        group = self.page.locator("fieldset").filter(
            has=self.page.locator("legend", has_text=re.compile(f"^\\s*{re.escape(self.words(legend))}\\s*\\*?\\s*$"))
        )
        words = option if named else self.words(option)
        group.locator("label.choice").filter(
            has=self.page.locator(".choice__label", has_text=re.compile(f"^\\s*{re.escape(words)}\\s*$"))
        ).click()

    def agree(self, text: str) -> None:
        """Tick a single box."""
        self.page.locator("label.choice", has_text=self.words(text)).click()

    def confirm(self) -> None:
        """Answer the question that a press of weight asks."""
        self.press("Yes, go on", within=self.page.get_by_role("dialog"))

    def told(self, text: str, **values: object) -> None:
        """Wait for the message that tells what the last action did."""
        expect(self.page.locator(".flash").filter(has_text=self.words(text, **values))).to_be_visible()

    def heading(self, text: str, **values: object) -> None:
        """Wait for a page by its title."""
        expect(self.page.get_by_role("heading", level=1)).to_have_text(self.words(text, **values))

    def heading_is(self, title: str) -> None:
        """Wait for the page of a record by its own name."""
        expect(self.page.get_by_role("heading", level=1)).to_have_text(title)

    def open_entry(self, title: str) -> None:
        """Open a record of a list by its own name."""
        self.page.locator("main").get_by_role("link", name=title).first.click()
        self.heading_is(title)

    def unfold_entry(self, name: str) -> None:
        """Open a part of a long list of choices by its own name."""
        self.page.locator("summary", has_text=name).first.click()

    def dialog_asks(self, text: str) -> None:
        expect(self.page.get_by_role("dialog")).to_contain_text(self.words(text))

    def reads(self, text: str, **values: object) -> None:
        """Wait until words stand somewhere on the page."""
        expect(self.page.locator("main").get_by_text(self.words(text, **values)).first).to_be_visible()

    def reads_words(self, text: str) -> None:
        """Wait until somebody's own words stand on the page."""
        expect(self.page.locator("main").get_by_text(text).first).to_be_visible()

    def picture(self, step: str) -> None:
        """A screenshot to look at, in order; and what a look would find is asserted: width and language."""
        self.step += 1
        self.page.wait_for_load_state()
        self.page.evaluate("scrollTo(0, 0)")  # or what sticks to the screen is drawn in the middle of the page
        self.visitor.picture(f"{self.name}-{self.step:02d}-{step}")
        wide = too_wide(self.page)
        assert not wide, f"wider than the screen: {wide}"
        foreign = [] if self.english else [word for word in latin_words(self.page) if word not in self.name.split("-")]
        assert not foreign, f"not in Chinese: {foreign}"


def too_wide(page: Page) -> list[str]:
    """What makes a page scroll sideways."""
    found: list[str] = page.evaluate(
        """() => {
            const width = document.documentElement.clientWidth;
            if (document.documentElement.scrollWidth <= width) return [];
            return [...document.querySelectorAll("body *")]
                .filter(one => one.getBoundingClientRect().right > width + 1)
                .map(one => one.outerHTML.slice(0, 120));
        }"""
    )
    return found


def latin_words(page: Page) -> list[str]:
    """Words of Latin letters that a reader of a Chinese page meets outside parts marked as another language."""
    text: str = page.evaluate(
        """() => {
            const kept = [];
            const walk = node => {
                for (const child of node.childNodes) {
                    if (child.nodeType === Node.TEXT_NODE) kept.push(child.data);
                    if (child.nodeType !== Node.ELEMENT_NODE || ["SCRIPT", "STYLE"].includes(child.tagName)) continue;
                    if (child.lang && !child.lang.startsWith("zh")) continue;
                    for (const name of ["aria-label", "placeholder", "alt", "title"])
                        if (child.hasAttribute(name)) kept.push(child.getAttribute(name));
                    walk(child);
                }
            };
            walk(document.body);
            kept.push(document.title);
            return kept.join("\\n");
        }"""
    )
    return sorted(set(_WORD.findall(text)) - LATIN)
