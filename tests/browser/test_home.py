"""The shell: pages, the way between them, no request to another host (which every visitor checks)."""

import pytest

PAGES = {
    "": "Start", "watch": "Watch", "change": "Change", "compare": "Compare", "what_if": "What if", "story": "Story",
    "evidence": "Evidence", "lessons": "Lessons", "join": "Class", "teacher": "Teacher",
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
    page.wait_for_selector("text=/Ready: 200 campaigns/", timeout=60_000)
    keep(page, "classroom_home")


def test_the_first_page_has_a_picture_real_links_and_a_word_on_the_dead(visitor):
    page = visitor()
    picture = page.locator(".river-picture svg")
    assert "Panj" in picture.get_attribute("aria-label") and picture.bounding_box()["height"] > 100
    assert "geoBoundaries" in page.locator(".content").inner_text()
    addresses = [one.get_attribute("href") for one in page.locator(".ways a").all()]
    assert {"/watch", "/change", "/lessons", "/join", "/explorable"} <= set(addresses)
    care = page.locator(".care").inner_text()
    assert "died" in care and "always leave" in care


def test_the_first_page_has_at_most_sixty_words_of_its_own(visitor):
    page = visitor()
    texts = [page.locator("h1").inner_text(), page.locator(".start > div >> nth=0").inner_text()]
    assert len(" ".join(texts).split()) <= 60


def test_a_page_can_be_read_on_a_telephone(visitor):
    page = visitor(width=360)
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
