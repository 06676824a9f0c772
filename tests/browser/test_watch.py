"""Watch and story in a browser: play, pause, step, drag, keys; the map, the log and the curves are of one day."""

import json
import re

import pytest

BOARD = ".panj-board"


@pytest.fixture
def watch(visitor):
    def open_watch(**window):
        page = visitor("watch", **window)
        page.wait_for_selector(f"{BOARD} .country .district")
        return page

    return open_watch


def date_of(page):
    return re.search(r"Evening of (\d+ \w+)", page.locator(".board-date").inner_text())[1]


def go_to(page, day):
    page.locator(f"{BOARD} input[type=range]").fill(str(day))


def day_of(page):
    return int(page.locator(f"{BOARD} input[type=range]").input_value())


def test_a_day_is_stepped_forward_and_back(watch):
    page = watch()
    assert date_of(page) == "1 May"
    assert ", 0 of them taken on this day" in page.locator("svg.country").get_attribute("aria-label")  # held before
    page.get_by_role("button", name="One day forward").click()
    page.get_by_role("button", name="One day forward").click()
    assert date_of(page) == "3 May"
    page.get_by_role("button", name="One day back").click()
    assert date_of(page) == "2 May"


def test_it_plays_until_it_is_paused(watch):
    page = watch()
    page.get_by_role("button", name="Play").click()
    page.wait_for_function("document.querySelector('.panj-board input[type=range]')?.value >= 3")
    page.get_by_role("button", name="Pause").click()
    stood = day_of(page)
    page.wait_for_timeout(1200)
    assert day_of(page) == stood >= 3


def test_keys_move_it(watch):
    page = watch()
    page.locator(f"{BOARD} svg.country").focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("PageUp")
    assert day_of(page) == 8
    page.keyboard.press("ArrowLeft")
    assert day_of(page) == 7
    page.keyboard.press("End")
    last = page.locator(f"{BOARD} input[type=range]").get_attribute("max")
    assert day_of(page) == int(last)
    page.keyboard.press("Home")
    assert day_of(page) == 0
    page.keyboard.press("Space")
    page.wait_for_function("document.querySelector('.panj-board input[type=range]')?.value >= 1")
    page.keyboard.press("Space")
    stood = day_of(page)
    page.wait_for_timeout(1200)
    assert day_of(page) == stood


def test_a_key_in_a_field_is_a_letter_and_no_step(watch):
    page = watch()
    field = page.get_by_label("Find a district")
    field.fill("Khwahan")
    field.press("ArrowLeft")
    field.press("Space")
    assert day_of(page) == 0 and page.get_by_role("button", name="Play").is_visible()


def test_a_curve_is_dragged_to_a_day(watch):
    page = watch()
    chart = page.locator(f"{BOARD} .curve svg").first
    chart.scroll_into_view_if_needed()
    box = chart.bounding_box()
    page.mouse.move(box["x"] + box["width"] * 0.3, box["y"] + box["height"] / 2)
    page.mouse.down()
    early = day_of(page)
    page.mouse.move(box["x"] + box["width"] * 0.8, box["y"] + box["height"] / 2)
    page.mouse.up()
    assert 0 < early < day_of(page)


def test_map_log_posts_and_curves_are_of_the_evening_that_is_shown(watch):
    page = watch()
    go_to(page, 65)
    assert date_of(page) == "5 July"
    assert page.locator(".log h3").inner_text() == "Simulated events of 5 July"
    assert "5 July, and in the night to 6 July" in page.locator(".posts-table caption").inner_text()
    said = page.locator(f"{BOARD} svg.country").get_attribute("aria-label")
    held = int(re.search(r"hold (\d+) of 399", said)[1])
    assert page.locator(f"{BOARD} .country .is-theirs").count() == held
    share = page.locator(".curve figcaption").first.inner_text()
    assert f"{held / 3.99:.0f} %" in share
    log = page.locator(".log").inner_text()
    assert f"the Taliban held {held} of 399" in log or "fell" not in log


def test_the_record_is_an_outline_and_ends_with_7_july(watch):
    page = watch()
    outlines = f"{BOARD} .country .lost"
    assert page.locator(outlines).count() == 0
    go_to(page, 67)
    at_the_line = page.locator(outlines).count()
    assert at_the_line > 100 and not page.locator(".beyond-badge").count()
    go_to(page, 90)
    assert page.locator(outlines).count() == at_the_line
    assert page.locator(".beyond-badge").inner_text() == "beyond the record"
    assert "the model alone" in page.locator(".beyond-line").inner_text()


def test_a_district_is_found_by_name_and_says_how_it_fared(watch):
    page = watch()
    field = page.get_by_label("Find a district")
    field.fill("Khwahan, Badakhshan")
    field.press("Enter")
    told = page.locator(".district-texts")
    assert "Held by the government on the evening of 1 May." in told.inner_text()
    assert "Record:" in told.inner_text()
    assert page.locator(f"{BOARD} .pointed").count() == 1


def test_a_district_is_pointed_at(watch):
    page = watch()
    page.locator(f"{BOARD} .country .district").nth(200).hover()
    assert re.search(r"\w+, \w+.*\n+.*(Held|Taken|Left|Handed)", page.locator(".district-texts").inner_text())


def test_it_is_one_roll_of_the_dice_and_can_be_rolled_again(watch):
    page = watch()
    label = page.locator(".side-name")
    assert label.inner_text().endswith("one roll of the dice, seed 0")
    page.get_by_role("button", name="Roll again").click()
    page.wait_for_function("document.querySelector('.side-name')?.innerText.endsWith('seed 0') === false")
    number = int(re.search(r"seed (\d+)", label.inner_text())[1])
    assert 0 < number <= 9999
    field = page.get_by_label("Seed")
    field.fill("10000")
    field.press("Enter")
    page.wait_for_selector("text=found '10000', expected a whole number from 0 to 9999")
    assert label.inner_text().endswith(f"seed {number}")


def test_two_visitors_do_not_move_each_other(watch):
    one, other = watch(), watch()
    go_to(one, 40)
    one.get_by_role("button", name="Roll again").click()
    one.wait_for_function("document.querySelector('.side-name')?.innerText.endsWith('seed 0') === false")
    other.wait_for_timeout(500)
    assert day_of(other) == 0 and other.locator(".side-name").inner_text().endswith("seed 0")
    assert day_of(one) == 40  # another seed keeps the day


def test_the_day_goes_along_to_the_other_pages(watch):
    page = watch()
    go_to(page, 62)
    page.wait_for_timeout(800)
    page.get_by_text("Change one decision").click()
    page.wait_for_selector("input[type=date]")
    assert page.locator("input[type=date]").input_value() == "2021-07-02"


@pytest.mark.parametrize(("width", "height"), [(360, 740), (1280, 900), (1920, 1080)])
def test_it_can_be_read_on_a_telephone_a_desk_and_a_wall(watch, keep, width, height):
    page = watch(width=width, height=height)
    go_to(page, 64)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    small = page.evaluate(
        """() => [...document.querySelectorAll('.panj-board *')]
        .filter((one) => [...one.childNodes].some((part) => part.nodeType === 3 && part.textContent.trim()))
        .filter((one) => one.tagName !== 'OPTION' && one.getBoundingClientRect().width > 2)
        .map((one) => [one.tagName, one.className.baseVal || one.className, parseFloat(getComputedStyle(one).fontSize)
          * (one.closest('svg') && one.getScreenCTM ? one.getScreenCTM().a : 1)])
        .filter(([,, size]) => size < 15)"""
    )
    assert not small, json.dumps(small[:5])
    page.wait_for_timeout(400)
    keep(page, f"watch_{width}", whole=width == 360)


def test_a_story_is_told_of_the_days_and_the_province_that_are_asked_for(visitor, keep):
    page = visitor("story")
    page.wait_for_selector("text=Day by day")
    keep(page, "story")
    page.get_by_label("Province").select_option("Badakhshan")
    page.get_by_label("From", exact=True).fill("2021-07-01")
    page.get_by_label("To", exact=True).fill("2021-07-05")
    page.get_by_role("button", name="Show the story").click()
    page.wait_for_function("!document.body.innerText.includes('22 June 2021')")
    days = page.locator(".prose h3").all_inner_texts()
    assert set(days) <= {f"{day} July 2021" for day in range(1, 6)}
    assert "(Takhar)" not in page.locator(".content").inner_text()
    assert "one roll of the dice" in page.locator(".content").inner_text()


def test_days_that_there_are_not_are_refused_in_words(visitor):
    page = visitor("story")
    page.wait_for_selector("text=Day by day")
    page.get_by_label("From", exact=True).fill("2021-07-06")
    page.get_by_label("To", exact=True).fill("2021-07-05")
    page.get_by_role("button", name="Show the story").click()
    page.wait_for_selector("text=from: found 2021-07-06, expected a day up to 2021-07-05")


def test_a_world_that_followed_the_record_is_offered_where_a_sample_is(watch, keep):
    page = watch()
    if page.get_by_text("Free campaigns only").count():
        assert page.get_by_label("Worlds that followed").count() == 0
        return
    page.get_by_label("Worlds that followed").check()
    page.locator("input[type=date]").fill("2021-06-22")
    page.get_by_role("button", name="Show it").click()
    page.get_by_text("followed the record to the evening of 22 June").first.wait_for()
    keep(page, "watch_record", whole=True)
    page.get_by_role("link", name="Change one decision").click()
    assert page.get_by_label("up to that evening").is_checked()
