"""Change: the form, its campaigns over the baseline's, and the three faces of one choice."""

import re

import pytest

RUN = "Run 200 campaigns"


def choose(page, key, value):
    page.locator(f"[data-key='{key}'] select").select_option(value)
    page.wait_for_selector(f"[data-key='{key}'].panj-changed")


def run(page):
    page.get_by_role("button", name=RUN).click()
    page.wait_for_selector("text=Your choice >> nth=0")


def said(page):
    return page.locator(".panj-result").inner_text()


def faces(page):
    page.get_by_text("Take your choice out of the classroom").click()
    page.wait_for_selector(".panj-faces pre", state="visible")
    return page.locator(".panj-faces pre").all_inner_texts()


def load(page, text):
    page.locator(".panj-faces textarea").fill(text)
    page.locator(".panj-faces").get_by_role("button", name="Load").click()


def test_two_hundred_campaigns_fill_in_over_the_baseline_and_one_sentence_says_how_sure_we_are(visitor, keep):
    page = visitor("change")
    choose(page, "reinforcement", "answer_every_call")
    page.wait_for_selector(".panj-result >> text=Every call is answered")
    run(page)
    page.locator(".panj-ways").get_by_role("button", name="Differences").wait_for()
    page.locator(".panj-ways").get_by_role("button", name="Bars").click()
    page.wait_for_function("document.querySelectorAll('.panj-key-item').length === 3")
    page.wait_for_selector("text=All 200 campaigns are finished", timeout=90_000)
    page.wait_for_selector("text=/clear difference|No difference/")
    text = said(page)
    assert text.count("200 / 200") == 2 and "95 % interval" in text and "200 worlds" in text
    assert "evidence F012" in text and "calibrated" in text
    summary = page.locator(".panj-picture").get_attribute("aria-label")
    assert "200 of 200 campaigns" in summary and "Reported" in summary
    keep(page, "classroom_change")


def test_another_outcome_of_the_same_campaigns_is_there_without_running_them_again(visitor):
    page = visitor("change")
    page.wait_for_selector(".panj-picture")
    page.locator(".panj-choose select").select_option("share_held_by_taliban_2021_07_05")
    page.wait_for_selector("h2:has-text('Districts held by the Taliban on 5 July')")
    page.get_by_role("button", name="Dots").click()
    assert page.locator(".panj-picture circle").count() >= 20
    assert page.get_by_role("button", name="Dots").get_attribute("aria-pressed") == "true"


def test_a_single_run_is_said_to_be_one_campaign(visitor):
    page = visitor("change")
    choose(page, "border", "closed")
    page.get_by_role("button", name="Run one campaign").click()
    page.wait_for_selector("text=/One campaign/")
    page.locator(".panj-ways").get_by_role("button", name="Differences").wait_for()
    page.locator(".panj-ways").get_by_role("button", name="Bars").click()
    assert "1 / 1" in said(page) and "95 % interval" not in said(page)


def test_the_form_the_command_line_and_the_file_are_one_thing(visitor):
    page = visitor("change")
    choose(page, "border", "closed")
    command, file = faces(page)
    assert command == "python -m sim run border=closed"
    assert "override /border: closed" in file
    load(page, "scenario=refugee_surge rules.news.fade_days=5 rules.news.country=0.001")
    page.wait_for_selector("[data-key='scenario'].panj-changed")
    assert page.locator("[data-key='scenario'] select").input_value() == "refugee_surge"
    assert page.locator("[data-key='rules.news.fade_days'] .panj-number").input_value() == "5"
    assert "0.001" in page.locator(".panj-other").inner_text()
    assert "rules." not in page.locator(".panj-other").inner_text()
    shown = page.locator(".panj-faces pre").nth(1)
    shown.filter(has_text="news.country: 0.001").wait_for()
    file = shown.inner_text()
    page.get_by_role("button", name="Back to decisions as reported").click()
    page.wait_for_function("!document.querySelector('.panj-field.panj-changed')")
    load(page, file)
    page.wait_for_selector("[data-key='rules.news.fade_days'].panj-changed")
    page.wait_for_function("file => document.querySelectorAll('.panj-faces pre')[1].innerText === file", arg=file)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("border=clsed", "border: found 'clsed', expected one of"),
        ("scenario.title='${oc.env:HOME}'", "without interpolation"),
        ("scenario: {set: {news.fade_days: 900}}", "rules.news.fade_days"),
        ("<img src=x onerror=alert(1)>", "found"),
    ],
)
def test_what_cannot_be_loaded_is_said_and_changes_nothing(visitor, text, told):
    page = visitor("change")
    before = faces(page)
    load(page, text)
    page.wait_for_selector(".trouble")
    assert told in page.locator(".trouble").first.inner_text()
    assert page.locator(".panj-faces pre").all_inner_texts() == before
    assert page.locator("img[src=x]").count() == 0


def number_field(page):
    """Open the part with the numbers and return the field of one of them."""
    page.get_by_text("Numbers", exact=True).click()
    return page.locator("[data-key='rules.news.fade_days'] .panj-number")


def test_a_number_out_of_range_is_refused_next_to_its_field(visitor):
    page = visitor("change")
    field = number_field(page)
    field.fill("900")
    field.press("Enter")
    page.wait_for_selector("[data-key='rules.news.fade_days'] .trouble")
    told = page.locator("[data-key='rules.news.fade_days'] .trouble").inner_text()
    assert re.search(r"found 900.*expected a number from", told)


def test_the_form_is_filled_in_with_the_keyboard_alone(visitor):
    page = visitor("change")
    page.locator("[data-key='scenario'] select").focus()
    page.keyboard.press("Tab")  # to what the field is about
    page.keyboard.press("Tab")
    page.keyboard.press("ArrowDown")
    page.wait_for_selector("[data-key='reinforcement'].panj-changed")
    assert page.evaluate("document.activeElement.tagName") == "SELECT"


def test_every_control_has_a_name_for_a_screen_reader(visitor):
    page = visitor("change")
    page.wait_for_selector(".panj-picture")
    nameless = page.evaluate(
        """() => [...document.querySelectorAll('.shell input, .shell select, .shell textarea, .shell button')]
            .filter(one => !one.labels?.length && !one.getAttribute('aria-label') && !one.textContent.trim()).length"""
    )
    assert nameless == 0


def test_the_page_fits_a_telephone(visitor, keep):
    page = visitor("change", width=360)
    page.wait_for_selector(".panj-picture")
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    keep(page, "classroom_change_telephone")


def test_a_number_is_typed_in_the_digits_of_any_script_and_refused_with_a_word(visitor):
    page = visitor("change")
    field = number_field(page)
    field.fill("۵")
    field.press("Enter")
    page.wait_for_selector("[data-key='rules.news.fade_days'].panj-changed")
    assert "rules.news.fade_days=5" in faces(page)[0]
    field.fill("five")
    field.press("Enter")
    page.wait_for_selector("[data-key='rules.news.fade_days'] .trouble")
    assert "five" in page.locator("[data-key='rules.news.fade_days'] .trouble").inner_text()
