"""A student opens a lesson, runs campaigns, answers, loads the page anew, and saves a file that can be marked."""

import json
import os
import re
import subprocess
import sys

import pytest
from playwright.sync_api import expect

from sim.classroom.lessons.hand_in import read_hand_in
from sim.classroom.lessons.lesson import lesson_of, sheet_of

WHO = "Your name or the number"
RESULTS = "table:not(.panj-drawn table)"  # tables of results, not those of what a picture shows


def open_lesson(page, number, student):
    lesson = lesson_of(number)
    page.get_by_label("Lesson", exact=True).select_option(lesson.name)
    page.get_by_label(WHO).fill(student)
    page.get_by_role("button", name="Open the lesson").click()
    page.get_by_role("heading", name=f"{number}. {lesson.title}").wait_for()
    page.get_by_role("heading", name=f"Sheet of {student}").wait_for()
    screens = len(lesson.tasks) + 2 + bool(lesson.forecasts)
    page.wait_for_function("count => document.querySelectorAll('.panj-steps button').length === count", arg=screens)
    page.wait_for_function("() => !document.querySelector('[data-screen] details[open]')")


def task_of(page, key):
    """The screen of a task, to which the page goes."""
    place = page.evaluate(
        "key => [...document.querySelectorAll('[data-screen]')].findIndex(one => one.dataset.screen === key)", key
    )
    page.locator(".panj-steps button").nth(place).click()
    task = page.locator(f"[data-task={key}]")
    task.wait_for()
    return task


def go_to_end(page):
    page.locator(".panj-steps button").last.click()
    page.get_by_role("heading", name="Hand in").wait_for()


def words_in_sight(page):
    """Words of the lesson in the window, without drawings, the navigation and the sources below."""
    return page.evaluate(WORDS)


WORDS = r"""() => {
    const seen = [], walk = document.createTreeWalker(document.querySelector("[role=main]"), NodeFilter.SHOW_TEXT);
    while (walk.nextNode()) {
        const text = walk.currentNode.textContent.trim(), parent = walk.currentNode.parentElement;
        if (!text || parent.closest("svg, style, [popover], option") || !parent.checkVisibility()) continue;
        const range = document.createRange();
        range.selectNodeContents(walk.currentNode);
        const box = range.getBoundingClientRect();
        if (box.height && box.top < innerHeight && box.bottom > 0) seen.push(text);
    }
    return seen.join(" ").split(/\s+/).filter(word => /\p{L}/u.test(word)).length;
}"""
MOST_WORDS = 60


def live(page, key, runs):
    task = task_of(page, key)
    if task.get_by_label("Campaigns", exact=True).count():
        task.get_by_label("Campaigns", exact=True).select_option(str(runs))
        task.get_by_role("button", name="Run campaigns").click()
    else:
        task.get_by_role("button", name="Run it").click()
    task.get_by_text("Your answer will be based on").wait_for(timeout=60_000)
    return task


def answer(task, *values, said):
    for place, value in enumerate(values):
        task.locator(".panj-answer input").nth(place).fill(str(value))
    task.get_by_role("button", name="Check").click()
    task.locator(".panj-said", has_text=said).wait_for()


def to_another_lesson(page):
    page.get_by_role("button", name="Start", exact=True).click()
    page.locator("summary", has_text="Another lesson").click()


def numbers_of(task):
    """Campaigns, and the numbers that are shown, of the first settings in the table."""
    return [
        float(cell.replace(",", ""))
        for cell in task.locator(f"{RESULTS} tbody tr").first.locator("td").all_inner_texts()
    ]


def estimate_of(number, student, key, folder, runs=100):
    """The right answer to a task, from campaigns that are run with compiled rules."""
    asked = [sys.executable, "-c", ESTIMATE, str(number), student, key, str(folder), str(runs)]
    environment = {name: value for name, value in os.environ.items() if name != "NUMBA_DISABLE_JIT"}
    return float(subprocess.run(asked, capture_output=True, text=True, check=True, env=environment).stdout)


ESTIMATE = """
import sys
from pathlib import Path
from sim.classroom.lessons.campaigns import CampaignStore
from sim.classroom.lessons.estimates import Sample, estimate
from sim.classroom.lessons.lesson import lesson_of, sheet_of

number, student, key, folder, runs = sys.argv[1:]
sheet = sheet_of(lesson_of(int(number)), student)
print(estimate(sheet, sheet.task(key), Sample(CampaignStore(Path(folder)), sheet.first_seed, int(runs))).number)
"""


def test_a_student_goes_through_a_lesson_and_hands_in(visitor, keep, tmp_path):
    page = visitor("lessons")
    open_lesson(page, 1, "Zarina")
    answer(task_of(page, "guess"), 0, 1000, said="Your guess is kept")
    median = live(page, "median", 100)
    assert median.locator("svg").count() >= 1
    assert "nine in ten" not in median.locator(".panj-picture").get_attribute("aria-label")
    median.locator(".panj-drawn summary").click()
    bins = median.locator(".panj-drawn tbody tr")
    assert sum(int(text) for text in bins.locator("td:nth-child(2)").all_inner_texts()) == 100
    assert bins.filter(has_text="median").count() == 1
    keep(page, "classroom_lesson_drawn", whole=True)
    assert not median.locator(RESULTS).count()  # the answer is asked on the picture before any table shows it
    answer(median, 987654, said="0 of 2")
    assert not median.locator(RESULTS).count()  # a wrong answer does not show the right one
    right = estimate_of(1, "Zarina", "median", tmp_path)
    answer(median, right, said="2 of 2")
    median.locator(RESULTS).wait_for()
    campaigns, _mean, *rest = numbers_of(median)
    assert campaigns == 100 and rest == [pytest.approx(right, rel=1e-3)]  # not the range, for which a task still asks
    keep(page, "classroom_lesson", whole=True)

    one = live(page, "reaches", 1)
    one.locator(".panj-answer input").first.fill("0")
    one.get_by_role("button", name="Check").click()
    one.locator(".trouble", has_text="1 was run, at least 50 are needed").wait_for()

    meaning = task_of(page, "meaning")
    meaning.get_by_text("this report does not contradict").click()
    meaning.get_by_role("button", name="Check").click()
    meaning.locator(".panj-said .note").wait_for()
    meaning.get_by_text("Your answer, which counts").wait_for()
    assert not meaning.get_by_role("button", name="Check").count()  # no other choice can be tried
    sentences = task_of(page, "own_words")
    sentences.locator("textarea").fill("<b>In this model</b> half lie below.")
    sentences.get_by_role("button", name="Keep").click()
    sentences.locator(".panj-said .note").wait_for()

    page.reload()
    task_of_loaded = page.locator("[data-task=median]")
    task_of_loaded.wait_for(state="attached")
    page.wait_for_function("() => document.querySelector('[data-task=median] .panj-answer input')?.value > ''")
    go_to_end(page)
    with page.expect_download() as waiting:
        page.get_by_text("Save my answers as a file").click()
    path = tmp_path / waiting.value.suggested_filename
    waiting.value.save_as(path)
    hand_in = read_hand_in(path)
    assert hand_in.sheet == sheet_of(lesson_of(1), "Zarina")
    assert set(hand_in.answers) == {"guess", "median", "reaches", "meaning", "own_words"}
    assert hand_in.answers["median"].value == pytest.approx(right, rel=1e-3) and hand_in.answers["median"].runs == 100
    assert hand_in.answers["reaches"].runs == 1
    assert json.loads(path.read_text(encoding="utf-8"))["lesson"] == "reading_a_distribution"


def test_a_difference_is_shown_over_pairs_and_a_ladder_as_a_table(visitor, keep, tmp_path):
    page = visitor("lessons")
    open_lesson(page, 3, "4")
    task = live(page, "verdict", 50)
    expect(task.locator("svg.panj-pairs > circle")).to_have_count(50)
    assert "on average" not in task.inner_text()  # the verdict in words follows the answer
    task.get_by_text("cannot tell", exact=True).click()
    task.get_by_role("button", name="Check").click()
    task.get_by_text("Your answer, which counts: cannot tell").wait_for()
    assert not task.locator(RESULTS).count() and "on average" not in task.inner_text()  # other tasks still ask for it
    for key in ("difference", "worse"):
        asked = live(page, key, 100)
        answer(asked, estimate_of(3, "4", key, tmp_path), said="2 of 2")
    asked.get_by_text("on average").wait_for()
    expect(asked.locator(f"{RESULTS} tbody tr")).to_have_count(2)
    assert numbers_of(asked)[0] == 100
    keep(page, "classroom_lesson_pairs", whole=True)
    to_another_lesson(page)
    open_lesson(page, 2, "4")
    ladder = live(page, "steepest", 10)
    expect(ladder.locator(f"{RESULTS} tbody tr")).to_have_count(4)
    ladder.get_by_text("second to third").click()
    ladder.get_by_role("button", name="Check").click()
    ladder.locator(".trouble", has_text="10 were run, at least 50 are needed").wait_for()


def test_a_check_on_too_few_campaigns_tells_nothing_and_a_choice_counts_in_all_tabs(visitor):
    page = visitor("lessons")
    open_lesson(page, 3, "9")
    other = page.context.new_page()
    other.goto(page.url.partition("?")[0])
    other.wait_for_selector(".shell h1")
    open_lesson(other, 3, "9")
    task = live(page, "verdict", 10)
    for choice in ("more", "fewer", "cannot tell"):
        task.get_by_text(choice, exact=True).click()
        task.get_by_role("button", name="Check").click()
        task.locator(".trouble", has_text="10 were run, at least 50 are needed").wait_for()
        page.wait_for_timeout(300)
        assert not task.locator(".panj-said .note").count() and not task.locator(RESULTS).count()
        assert "That fits" not in task.inner_text() and "of 3" not in task.inner_text()
    task = live(page, "verdict", 50)
    task.get_by_text("based on these 50 campaigns").wait_for(timeout=60_000)  # not the 10 before
    task.get_by_text("more", exact=True).click()
    task.get_by_role("button", name="Check").click()
    task.get_by_text("Your answer, which counts: more").wait_for()
    second = live(other, "verdict", 50)
    second.get_by_text("fewer", exact=True).click()
    second.get_by_role("button", name="Check").click()
    second.get_by_text("Your answer, which counts: more").wait_for()
    assert not second.locator(".panj-said .note").count()  # the second choice is not marked
    third = page.context.new_page()
    third.goto(page.url.partition("?")[0])
    third.wait_for_selector(".shell h1")
    open_lesson(third, 3, "9")
    task_of(third, "verdict").get_by_text("Your answer, which counts: more").wait_for()


def test_neighbours_have_other_tasks_and_see_nothing_of_each_other(visitor):
    pages = [visitor("lessons"), visitor("lessons")]
    for place, page in enumerate(pages):
        open_lesson(page, 1, str(place + 1))
        answer(task_of(page, "guess"), place, 10 + place, said="Your guess is kept")
    asked = [page.locator("[data-task=median] .prose").first.text_content() for page in pages]
    assert asked[0] != asked[1]
    assert [page.locator("[data-task=guess] input").first.input_value() for page in pages] == ["0", "1"]
    for page in pages:
        go_to_end(page)
        page.get_by_text("1 answer is kept").wait_for()


def test_what_is_no_number_is_said_and_keeps_nothing(visitor):
    page = visitor("lessons")
    open_lesson(page, 1, "9")
    task = task_of(page, "guess")
    task.locator("input").nth(0).fill("__import__('os')")
    task.locator("input").nth(1).fill("2")
    task.get_by_role("button", name="Check").click()
    task.locator(".trouble", has_text="expected a number").wait_for()
    go_to_end(page)
    assert not page.get_by_text("Save my answers").count()


def test_a_name_is_shown_as_text_and_never_as_markup(visitor):
    page = visitor("lessons")
    open_lesson(page, 1, "<img src=x onerror=alert(1)>")
    expect(page.get_by_text("Sheet of <img src=x onerror=alert(1)>")).to_have_count(1)


def test_a_lesson_can_be_read_on_a_telephone(visitor, keep):
    page = visitor("lessons", width=360)
    open_lesson(page, 2, "3")
    live(page, "low_share", 10)
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    keep(page, "classroom_lesson_telephone", whole=True)


def test_no_label_is_cut_and_a_range_stays_in_one_line_on_a_telephone(visitor):
    page = visitor("lessons", width=390)
    label = page.locator(".panj-opening label", has_text=WHO)
    assert label.evaluate("one => one.scrollWidth <= one.clientWidth")
    open_lesson(page, 1, "3")
    ends = task_of(page, "guess").locator(".panj-answer input")
    assert ends.nth(0).bounding_box()["y"] == ends.nth(1).bounding_box()["y"]


def test_a_lesson_is_opened_and_answered_from_the_keyboard(visitor):
    page = visitor("lessons")
    page.get_by_label(WHO).focus()
    page.keyboard.type("6")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.innerText") == "Open the lesson"
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="Sheet of 6").wait_for()
    page.get_by_role("button", name="Four times").focus()
    page.keyboard.press("Enter")
    page.locator("[data-task=four_times]").wait_for()
    page.locator("[data-task=four_times] input").first.focus()
    page.keyboard.press("Space")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.locator("[data-task=four_times] .panj-said", has_text="1 of 1").wait_for()


def test_what_came_is_shown_only_once_a_student_has_fixed_all_ranges(visitor, keep):
    page = visitor("lessons")
    open_lesson(page, 7, "12")
    keep(page, "classroom_forecasts", whole=True)
    keys = [task.key for task in lesson_of(7).forecasts]
    for key in keys:
        assert page.get_by_role("button", name="Lock my ranges").count() == 0
        task = task_of(page, key)
        for place, value in enumerate((100, 900, 150, 400)):
            task.locator(".panj-answer input").nth(place).fill(str(value))
        task.get_by_role("button", name="Keep").click()
        task.locator(".panj-said", has_text="Your ranges are kept").wait_for()
    page.get_by_role("button", name="What was reported").click()
    page.get_by_role("button", name="Lock my ranges").wait_for()
    sent = page.content()
    assert "1,582" not in sent and "1,037" not in sent and "1582" not in sent
    page.get_by_role("button", name="Lock my ranges").click()
    page.get_by_text("Reported: 1,582").wait_for()
    expect(page.locator("figure.claims svg[role=img]")).to_have_count(len(keys))
    assert page.locator(f"[data-task={keys[0]}] .panj-answer").count() == 0
    keep(page, "classroom_forecasts_after", whole=True)
    page.set_viewport_size({"width": 390, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    keep(page, "classroom_forecasts_390", whole=True)
    page.reload()
    page.get_by_role("button", name="What was reported").click()
    page.get_by_text("Reported: 1,582").wait_for()
    assert page.locator(f"[data-task={keys[0]}] .panj-answer").count() == 0


def test_no_screen_of_a_lesson_shows_more_than_sixty_words(visitor):
    page = visitor("lessons", height=800)
    many = {"first": words_in_sight(page)}
    for number in range(1, 8):
        if number > 1:
            to_another_lesson(page)
        open_lesson(page, number, "5")
        for screen in page.locator(".panj-steps button").all():
            screen.click()
            page.wait_for_function("one => one.getAttribute('aria-current') === 'step'", arg=screen.element_handle())
            page.wait_for_timeout(100)
            many[f"{number}: {screen.get_attribute('aria-label')}"] = words_in_sight(page)
    assert not {name: words for name, words in many.items() if words > MOST_WORDS}


def test_a_term_is_explained_where_a_lesson_first_uses_it(visitor):
    page = visitor("lessons")
    open_lesson(page, 1, "5")
    expect(page.locator("[data-task] .term", has_text="median")).to_have_count(1)
    median = task_of(page, "median").locator(".term", has_text="median")
    median.focus()
    page.keyboard.press("Enter")
    page.get_by_text("half of the campaigns are at or below it").wait_for()
    page.keyboard.press("Escape")
    page.get_by_text("half of the campaigns are at or below it").wait_for(state="hidden")


def test_a_figure_named_in_a_lesson_is_a_link_to_its_row(visitor):
    page = visitor("lessons")
    open_lesson(page, 1, "5")
    page.locator("summary", has_text="Background").click()
    with page.context.expect_page() as opened:
        page.get_by_role("link", name="F001", exact=True).first.click()
    row = opened.value
    row.locator(".figure-card").nth(1).wait_for()
    assert row.locator(".figure-card").first.inner_text().startswith("F001")
    assert not re.search(r"\bseed\b|\bS\d\b", row.locator(".figures").inner_text())


def test_a_student_hands_in_to_the_class_and_the_teacher_marks_in_the_browser(visitor, keep):
    teacher, student = visitor("teacher"), visitor("join")
    teacher.get_by_role("button", name="Open a session").click()
    code = teacher.locator(".claims-code").first.inner_text().replace(" ", "")
    student.get_by_label("Code").fill(code)
    student.get_by_label("Nickname").fill("Nur")
    student.get_by_role("button", name="Join").click()
    student.get_by_text("you are").first.wait_for()
    student.goto(student.url.replace("join", "lessons").partition("?")[0])
    student.wait_for_selector(".shell h1")
    open_lesson(student, 1, "12")
    four = task_of(student, "four_times")
    four.get_by_text("half as wide").click()
    four.get_by_role("button", name="Check").click()
    four.locator(".panj-said", has_text="1 of 1").wait_for()
    go_to_end(student)
    student.get_by_role("button", name="Hand in to class").click()
    student.get_by_text("Handed in to class").wait_for()
    teacher.get_by_text("One student has handed in").wait_for()
    teacher.get_by_role("button", name="Mark them").click()
    row = teacher.locator("table tr", has_text="1. Reading a distribution")
    row.wait_for(timeout=120_000)
    assert "1 of" in row.inner_text()
    with teacher.expect_download() as waiting:
        teacher.get_by_role("link", name="Marks as CSV").click()
    assert ",four times," in waiting.value.path().read_text(encoding="utf-8")
    teacher.get_by_label("Columns and decimals").first.select_option(label="tab, decimal comma")
    with teacher.expect_download() as waiting:
        teacher.get_by_role("link", name="Marks as CSV").click()
    assert "\tfour times\t" in waiting.value.path().read_text(encoding="utf-8-sig")
    keep(teacher, "marks", whole=True)
