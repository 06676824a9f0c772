"""Watch and story in a browser: play, pause, step, drag, keys; the map, the log and the curves are of one day."""

import json
import re
import time

import pytest
from playwright.sync_api import expect

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
    assert page.locator(".log h3").inner_text() == "5 July, simulated: free campaign, seed 0"
    assert "5 July, and on the night before 6 July" in page.locator(".posts-table caption").inner_text()
    said = page.locator(f"{BOARD} svg.country").get_attribute("aria-label")
    held = int(re.search(r"hold (\d+) of 399", said)[1])
    expect(page.locator(f"{BOARD} .country .is-theirs")).to_have_count(held)
    share = page.locator(".curve figcaption").first.inner_text()
    assert f"{held / 3.99:.0f} %" in share
    log = page.locator(".log").inner_text()
    assert "Reported:" in log and page.locator(".log li.is-reported").count()


def test_the_record_is_dots_and_ends_with_7_july(watch):
    page = watch()
    outlines = f"{BOARD} .country .lost"
    assert page.locator(outlines).count() == 0
    go_to(page, 67)
    at_the_line = page.locator(outlines).count()
    assert at_the_line > 100 and not page.locator(".beyond-badge").count()
    go_to(page, 90)
    expect(page.locator(outlines)).to_have_count(at_the_line)
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
    expect(page.locator(f"{BOARD} .pointed")).to_have_count(1)


def test_a_district_is_pointed_at(watch):
    page = watch()
    page.locator(f"{BOARD} .country .district").nth(200).hover()
    assert re.search(r"\w+, \w+.*\n+.*(Held|Taken|Left|Handed)", page.locator(".district-texts").inner_text())


def test_a_campaign_is_named_as_simulated_and_another_is_one_button_away(watch):
    page = watch()
    label = page.locator(".side-name")
    assert label.inner_text() == "Simulated: a free campaign, seed 0"
    page.get_by_role("button", name="Again").click()
    page.wait_for_function("document.querySelector('.side-name')?.innerText.endsWith('seed 0') === false")
    number = int(re.search(r"seed (\d+)", label.inner_text())[1])
    assert 0 < number <= 9999
    page.get_by_text("Choose another campaign").click()
    field = page.get_by_role("textbox", name="Seed")
    assert field.input_value() == str(number)
    field.fill("10000")
    field.press("Enter")
    page.wait_for_selector("text=found '10000', expected a whole number from 0 to 9999")
    assert label.inner_text().endswith(f"seed {number}")


def test_reported_events_have_another_colour_and_a_source(watch):
    page = watch()
    go_to(page, 62)  # 2 July
    page.locator(".log summary").click()
    reported = page.locator(".log li.is-reported")
    assert "Bagram" in reported.first.inner_text() and "F015" in reported.first.inner_text()
    simulated = page.locator(".log li.is-simulated").first
    colour = "one => getComputedStyle(one).color"
    assert reported.first.evaluate(colour) != simulated.evaluate(colour)
    page.goto(page.url.split("?")[0] + "?choice=mobilisation=early&evening=2021-06-22")
    page.wait_for_selector(".log li.is-assumed")
    assert "Assumed" in page.locator(".log li.is-assumed").first.inner_text()  # nobody ordered them on 22 June
    assert not page.locator(".log li.is-reported").get_by_text("reservists").count()


@pytest.mark.parametrize(("width", "height"), [(1024, 768), (1280, 800), (1920, 1080)])
def test_the_map_is_seven_tenths_of_the_height_with_the_river_beside_it(watch, width, height):
    page = watch(width=width, height=height)
    stage = page.locator(".stage").bounding_box()
    assert stage["height"] == pytest.approx(0.7 * height, abs=2)
    page.evaluate("scrollTo(0, document.querySelector('.stage').offsetTop - 120)")
    for picture in (".country", ".frontier", ".log"):
        box = page.locator(f"{BOARD} {picture}").bounding_box()
        assert box["y"] >= 0 and box["y"] + box["height"] <= height, picture


@pytest.mark.parametrize("width", [390, 1280])
def test_clock_and_controls_stay_in_sight(watch, width):
    page = watch(width=width, height=800)
    page.evaluate("scrollTo(0, document.querySelector('.curves').getBoundingClientRect().top + scrollY - 300)")
    assert page.locator(".board-date").bounding_box()["y"] >= 0
    assert page.get_by_role("button", name="Play").bounding_box()["y"] < 200


def test_a_curve_does_not_run_ahead_of_the_clock(watch):
    page = watch()
    ends = """() => [...document.querySelectorAll('.curve')].map((one) => {
      const at = Number(one.querySelector('.today').getAttribute('x1'));
      const line = one.querySelector('.curve-line').getBBox();
      const boxes = [...one.querySelectorAll('.reported')].map((dot) => dot.getBBox());
      const dots = boxes.map((box) => box.x + box.width / 2);
      return [at, line.x + line.width, Math.max(0, ...dots)];
    })"""
    for day in (20, 50, 65, 90):
        go_to(page, day)
        for clock, line, dot in page.evaluate(ends):
            assert line <= clock + 0.2 and dot <= clock + 0.2


def test_playing_stops_at_the_end_of_the_record_which_is_said_aloud(watch):
    page = watch()
    go_to(page, 65)
    said = page.locator(f"{BOARD} [role=status]")
    assert not said.inner_text()
    page.locator(f"{BOARD} .pace select").select_option("fast")
    page.get_by_role("button", name="Play").click()
    page.wait_for_function("document.querySelector('.panj-board [role=status]').innerText.includes('record ends')")
    page.wait_for_timeout(1500)
    assert day_of(page) == 67 and page.get_by_role("button", name="Play").is_visible()
    page.get_by_role("button", name="Play").click()
    page.wait_for_function("document.querySelector('.panj-board [role=status]').innerText.includes('model alone')")


def test_playing_slows_where_much_happens(watch):
    page = watch()
    took = []
    for day in (3, 63):
        go_to(page, day)
        page.locator(f"{BOARD} .pace select").select_option("slow")
        page.get_by_role("button", name="Play").click()
        passed = f"Number(document.querySelector('.panj-board input[type=range]').value) > {day + 1}"
        began = time.monotonic()
        page.wait_for_function(passed, timeout=20_000)
        took.append(time.monotonic() - began)
        page.get_by_role("button", name="Pause").click()
    quiet, busy = took
    assert busy > 1.3 * quiet


def test_the_marks_of_the_record_can_be_told_from_what_is_under_them(watch):
    page = watch()
    go_to(page, 60)
    dot = page.locator(f"{BOARD} .country .lost").first
    style = dot.evaluate("one => { const s = getComputedStyle(one); return [s.fill, s.stroke, s.strokeWidth]; }")
    assert contrast(style[0], style[1]) >= 3 and float(style[2].removesuffix("px")) >= 2
    line = page.locator(f"{BOARD} .record-end").first.evaluate("one => getComputedStyle(one).stroke")
    after = page.locator(f"{BOARD} .after").first.evaluate("one => getComputedStyle(one).fill")
    assert contrast(line, after) >= 3 and contrast(line, "rgb(255, 255, 255)") >= 3


def contrast(one, other):
    def luminance(colour):
        parts = [int(part) / 255 for part in re.findall(r"\d+", colour)[:3]]
        red, green, blue = (part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def test_a_map_names_cities_and_posts_and_credits_its_shapes(watch):
    page = watch()
    cities = page.locator(f"{BOARD} .country .city-name").all_text_contents()
    assert {"Kabul", "Kandahar", "Fayzabad"} <= set(cities)
    posts = page.locator(f"{BOARD} .frontier .post-name").all_text_contents()
    assert "Sher Khan Bandar" in " ".join(posts) and "Ishkashim" in " ".join(posts)
    assert "geoBoundaries" in page.locator(".credit").inner_text()


def test_two_visitors_do_not_move_each_other(watch):
    one, other = watch(), watch()
    go_to(one, 40)
    one.get_by_role("button", name="Again").click()
    one.wait_for_function("document.querySelector('.side-name')?.innerText.endsWith('seed 0') === false")
    other.wait_for_timeout(500)
    assert day_of(other) == 0 and other.locator(".side-name").inner_text().endswith("seed 0")
    assert day_of(one) == 40  # another seed keeps the day


def test_the_day_goes_along_to_the_other_pages(watch):
    page = watch()
    go_to(page, 62)
    page.wait_for_timeout(800)
    page.get_by_text("Change one decision").click()
    page.get_by_label("Find an evening and an outcome for me").uncheck()
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
    page.get_by_text("The simulated campaign day by day").click()
    keep(page, "story")
    page.get_by_label("Province").select_option("Badakhshan")
    page.get_by_label("From", exact=True).fill("2021-07-01")
    page.get_by_label("To", exact=True).fill("2021-07-05")
    page.get_by_role("button", name="Show the story").click()
    page.wait_for_function("!document.body.innerText.includes('22 June 2021')")
    days = page.locator(".prose h3").all_inner_texts()
    assert set(days) <= {f"{day} July 2021, simulated" for day in range(1, 6)}
    assert "(Takhar)" not in page.locator(".content").inner_text()
    assert "Simulated: a free campaign, seed 0" in page.locator(".content").inner_text()


def test_days_that_there_are_not_are_refused_in_words(visitor):
    page = visitor("story")
    page.wait_for_selector("text=The simulated campaign day by day")
    page.get_by_label("From", exact=True).fill("2021-07-06")
    page.get_by_label("To", exact=True).fill("2021-07-05")
    page.get_by_role("button", name="Show the story").click()
    page.wait_for_selector("text=from: found 2021-07-06, expected a day up to 2021-07-05")


def test_a_world_that_followed_the_record_is_offered_where_a_sample_is(watch, keep):
    page = watch()
    page.get_by_text("Choose another campaign").click()
    if page.get_by_text("Free campaigns only").count():
        assert page.get_by_label("Followed what was reported").count() == 0
        return
    page.get_by_label("Followed what was reported").check()
    page.locator("input[type=date]").fill("2021-06-22")
    page.get_by_role("button", name="Show it").click()
    page.get_by_text("followed the record to the evening of 22 June").first.wait_for()
    keep(page, "watch_record", whole=True)
    page.get_by_role("link", name="Change one decision").click()
    assert page.get_by_label("up to that evening").is_checked()
