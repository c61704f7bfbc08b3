"""What anyone sees first, in both languages, on a phone, and without JavaScript."""

from collections.abc import Callable

from axe_playwright_python.sync_playwright import Axe

from tests.browser.conftest import Site, Visitor


def test_the_front_page_is_chinese_and_turns_english_by_a_switch(visit: Callable[..., Visitor], site: Site) -> None:
    visitor = visit()
    page = visitor.open("/")
    assert page.locator("html").get_attribute("lang") == "zh-Hans-CN"
    visitor.picture("front-zh")
    page.locator("form.locale-switch button").first.click()
    page.wait_for_selector("html[lang=en]")
    visitor.picture("front-en")


def test_signing_in_is_one_form_whose_first_button_submits(visit: Callable[..., Visitor], site: Site) -> None:
    site.person("someone@example.org")
    visitor = visit(phone=True)
    page = visitor.open("/account/login")
    assert page.locator("input[type=email]").count() == 1
    assert page.locator("input[type=password]").count() == 1
    visitor.picture("sign-in-phone")
    visitor.sign_in("someone@example.org")


def test_front_page_and_sign_in_have_no_accessibility_violation(visit: Callable[..., Visitor], site: Site) -> None:
    visitor = visit()
    for path in ("/", "/account/login", "/account/register"):
        results = Axe().run(visitor.open(path))
        assert results.violations_count == 0, results.generate_report()
