"""The game of thresholds in a browser: it deals, counts rounds, and shows what one changed card does."""

import pytest
from test_access import faults
from test_explorable import tab_to

WIDTHS = (390, 1280)


@pytest.fixture
def game(visitor):
    """Call it for the page of the game."""

    def open_game(width=1280, height=800):
        page = visitor("lessons?lesson=tipping_points", width, height)
        page.goto(f"{page.url.partition('/lessons')[0]}/thresholds")
        page.wait_for_selector("html[data-ready]")
        return page

    return open_game


def play(page):
    """Click through all rounds, and return what was said after each."""
    said = []
    while page.locator("#next").is_enabled():
        page.click("#next")
        said.append(page.inner_text("#said"))
    return said


def deal(page, numbers):
    page.select_option("#kind", "hand")
    page.fill("#hand", numbers)
    page.click("#deal button >> nth=0")


@pytest.mark.parametrize("width", WIDTHS)
def test_everybody_goes_and_after_one_changed_card_one_does(game, width, keep):
    page = game(width)
    assert page.evaluate("document.documentElement.scrollWidth") <= width and not faults(page)
    said = play(page)
    assert len(said) == 11 and said[0].startswith("Round 1: 1 of 10") and "10 of 10" in said[-1]
    page.select_option("#from", "1")
    page.fill("#to", "2")
    page.click("#change button")
    assert page.inner_text("#found") == "10 of 10 went. With a 2 in place of one 1, 1 of 10 go."
    assert page.locator("#chart path").count() == 2 and page.locator("#key-changed").is_visible()
    assert "0, 1, 1" in page.get_attribute("#chart", "aria-label")
    assert page.evaluate("document.documentElement.scrollWidth") <= width and not faults(page)
    keep(page, f"thresholds_{width}", whole=True)


def test_nobody_goes_where_nobody_holds_a_0_and_all_at_once_where_all_do(game):
    page = game()
    deal(page, "1 1 2 3")
    assert len(play(page)) == 1 and "0 of 4" in page.inner_text("#said")
    deal(page, "0 0 0")
    assert [line.split(":")[1][:7] for line in play(page)[:1]] == [" 3 of 3"]
    deal(page, "0 1 x")
    assert "0 1 x" in page.inner_text("#dealt") and "found" in page.inner_text("#dealt")


def test_the_same_seed_deals_the_same_cards(game):
    page = game()
    page.select_option("#kind", "drawn")
    found = []
    for seed in ("5", "6", "5"):
        page.fill("#seed", seed)
        page.click("#deal button >> nth=0")
        found.append(page.inner_text("#dealt"))
    assert found[0] == found[2] != found[1]


def test_it_is_played_with_keys_alone(game):
    page = game()
    tab_to(page, "#next")
    page.keyboard.press("Enter")
    assert "1 of 10" in page.inner_text("#said")
    tab_to(page, "#to")
    page.keyboard.press("Enter")
    assert "of 10 go" in page.inner_text("#found")


def test_cards_alone_are_printed(game):
    page = game()
    page.emulate_media(media="print")
    assert page.locator(".card:visible").count() == 10 and not page.locator("main").is_visible()
    assert page.locator(".card b").all_inner_texts() == [str(number) for number in range(10)]


def test_numbers_are_typed_in_the_digits_of_any_script_and_shown_as_they_are_taken(game):
    page = game()
    page.fill("#people", "۱۲")
    page.click("#deal button >> nth=0")
    assert "0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11" in page.inner_text("#dealt") and page.input_value("#people") == "12"
    for typed, taken in (("٣٫٥", "4"), ("\u200f۱۲\u200f", "12"), ("\u2212۴", "2"), ("۱٬۰۳۷", "60")):
        page.fill("#people", typed)
        page.click("#deal button >> nth=0")
        assert page.input_value("#people") == taken and page.locator("#dealt.wrong").count() == 0
    for typed in ("many", "3,5", ""):
        page.fill("#people", typed)
        page.click("#deal button >> nth=0")
        assert page.input_value("#people") == typed and "from 2 to 60" in page.inner_text("#dealt.wrong")
    page.fill("#people", "12")
    page.fill("#to", "x")
    page.keyboard.press("Enter")
    assert "from 0 to" in page.inner_text("#found.wrong")
    page.fill("#to", "۲")
    page.keyboard.press("Enter")
    assert page.locator("#found.wrong").count() == 0 and page.input_value("#to") == "2"
    deal(page, "٠، ١، ١")
    assert "0, 1, 1" in page.inner_text("#dealt")
