"""The shell: pages, the way between them, no request to another host (which every visitor checks)."""

import pytest

PAGES = {
    "": "Start", "watch": "Watch", "change": "Change", "compare": "Compare", "what_if": "What if", "story": "Story",
    "lessons": "Lessons", "join": "Class", "teacher": "Teacher", "projector": "Projector",
}  # fmt: skip


@pytest.mark.parametrize("name", PAGES)
def test_every_page_opens_by_its_address_and_says_where_one_is(visitor, name):
    page = visitor(name)
    assert page.locator("[aria-current=page]").inner_text() == PAGES[name]


def test_pages_are_changed_without_loading_anew(visitor):
    page = visitor()
    page.evaluate("window.same = true")
    for name in ("Watch", "Change", "Start"):
        page.locator(".pages").get_by_text(name, exact=True).click()
        page.locator("[aria-current=page]").get_by_text(name, exact=True).wait_for()
    assert page.evaluate("window.same")


def test_the_first_page_says_when_the_baseline_is_there(visitor, keep):
    page = visitor()
    page.wait_for_selector("text=The baseline is ready", timeout=60_000)
    keep(page, "classroom_home")


def test_a_page_can_be_read_on_a_telephone(visitor):
    page = visitor(width=360)
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
