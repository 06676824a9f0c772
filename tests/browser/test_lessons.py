"""A student opens a lesson, runs campaigns, answers, loads the page anew, and saves a file that can be marked."""

import json
import re

import pytest

from sim.classroom.lessons.hand_in import read_hand_in
from sim.classroom.lessons.lesson import lesson_of, sheet_of

WHO = "Your name or the number"


def open_lesson(page, number, student):
    lesson = lesson_of(number)
    page.get_by_label("Lesson", exact=True).select_option(lesson.name)
    page.get_by_label(WHO).fill(student)
    page.get_by_role("button", name="Open the lesson").click()
    page.get_by_role("heading", name=f"{number}. {lesson.title}").wait_for()
    page.get_by_role("heading", name=f"Tasks for {student}").wait_for()


def live(page, key, runs):
    task = page.locator(f"[data-task={key}]")
    task.wait_for()
    if task.get_by_label("Campaigns", exact=True).count():
        task.get_by_label("Campaigns", exact=True).select_option(str(runs))
        task.get_by_role("button", name="Run campaigns").click()
    else:
        task.get_by_role("button", name="Run it").click()
    task.get_by_text("Your answer will be based on").wait_for(timeout=60_000)
    task.locator("table td:nth-of-type(1)", has_text=re.compile(rf"^{runs}$")).first.wait_for()
    return task


def answer(task, *values, said):
    for place, value in enumerate(values):
        task.locator(".panj-answer input").nth(place).fill(str(value))
    task.get_by_role("button", name="Check").click()
    task.locator(".panj-said", has_text=said).wait_for()


def numbers_of(task):
    """Campaigns, mean, median and both ends, of the first settings in the table."""
    return [float(cell.replace(",", "")) for cell in task.locator("table").first.locator("td").all_inner_texts()[:5]]


def test_a_student_goes_through_a_lesson_and_hands_in(visitor, keep, tmp_path):
    page = visitor("lessons")
    open_lesson(page, 1, "Zarina")
    answer(page.locator("[data-task=guess]"), 0, 1000, said="Your guess is kept")
    median = live(page, "median", 100)
    assert median.locator("svg").count() >= 1
    found = numbers_of(median)
    assert found[0] == 100
    answer(median, 10 * found[2] + 77, said="0 of 2")
    answer(median, found[2], said="2 of 2")
    keep(page, "classroom_lesson", whole=True)

    one = live(page, "reaches", 1)
    answer(one, 0, said="Flagged: this conclusion rests on one campaign")

    meaning = page.locator("[data-task=meaning]")
    meaning.get_by_text("this report does not contradict").click()
    meaning.get_by_role("button", name="Check").click()
    meaning.locator(".panj-said .note").wait_for()
    overrides = page.locator("[data-task=own_words]")
    overrides.locator("textarea").fill("<b>In this model</b> half lie below.")
    overrides.get_by_role("button", name="Keep").click()
    overrides.locator(".panj-said .note").wait_for()

    page.reload()
    page.wait_for_selector("[data-task=median]")
    page.wait_for_function("() => document.querySelector('[data-task=median] .panj-answer input')?.value > ''")
    with page.expect_download() as waiting:
        page.get_by_text("Save my hand-in").click()
    path = tmp_path / waiting.value.suggested_filename
    waiting.value.save_as(path)
    hand_in = read_hand_in(path)
    assert hand_in.sheet == sheet_of(lesson_of(1), "Zarina")
    assert set(hand_in.answers) == {"guess", "median", "reaches", "meaning", "own_words"}
    assert (
        hand_in.answers["median"].value == pytest.approx(found[2], rel=1e-6) and hand_in.answers["median"].runs == 100
    )
    assert hand_in.answers["reaches"].runs == 1
    assert json.loads(path.read_text(encoding="utf-8"))["lesson"] == "reading_a_distribution"


def test_a_difference_is_shown_over_pairs_and_a_ladder_as_a_table(visitor, keep):
    page = visitor("lessons")
    open_lesson(page, 3, "4")
    task = live(page, "verdict", 50)
    assert task.locator("tbody tr").count() == 2
    task.get_by_text("cannot tell", exact=True).click()
    keep(page, "classroom_lesson_pairs", whole=True)
    open_lesson(page, 2, "4")
    ladder = live(page, "steepest", 10)
    assert ladder.locator("tbody tr").count() == 4
    ladder.get_by_text("second to third").click()
    ladder.get_by_role("button", name="Check").click()
    ladder.locator(".trouble", has_text="10 campaigns").wait_for()


def test_neighbours_have_other_tasks_and_see_nothing_of_each_other(visitor):
    pages = [visitor("lessons"), visitor("lessons")]
    for place, page in enumerate(pages):
        open_lesson(page, 1, str(place + 1))
        answer(page.locator("[data-task=guess]"), place, 10 + place, said="Your guess is kept")
    asked = [page.locator("[data-task=median] .prose").first.inner_text() for page in pages]
    assert asked[0] != asked[1]
    assert [page.locator("[data-task=guess] input").first.input_value() for page in pages] == ["0", "1"]
    for page in pages:
        page.get_by_text("1 answer is kept").wait_for()


def test_what_is_no_number_is_said_and_keeps_nothing(visitor):
    page = visitor("lessons")
    open_lesson(page, 1, "9")
    task = page.locator("[data-task=guess]")
    task.locator("input").nth(0).fill("__import__('os')")
    task.locator("input").nth(1).fill("2")
    task.get_by_role("button", name="Check").click()
    task.locator(".trouble", has_text="expected a number").wait_for()
    assert not page.get_by_text("Save my hand-in").count()


def test_a_name_is_shown_as_text_and_never_as_markup(visitor):
    page = visitor("lessons")
    open_lesson(page, 1, "<img src=x onerror=alert(1)>")
    assert page.get_by_text("Tasks for <img src=x onerror=alert(1)>").count() == 1


def test_a_lesson_can_be_read_on_a_telephone(visitor, keep):
    page = visitor("lessons", width=360)
    open_lesson(page, 2, "3")
    live(page, "low_share", 10)
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    keep(page, "classroom_lesson_telephone", whole=True)


def test_a_lesson_is_opened_and_answered_from_the_keyboard(visitor):
    page = visitor("lessons")
    page.get_by_label(WHO).focus()
    page.keyboard.type("6")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.innerText") == "Open the lesson"
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="Tasks for 6").wait_for()
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
        assert page.get_by_role("button", name="Fix my ranges").count() == 0
        task = page.locator(f"[data-task={key}]")
        for place, value in enumerate((100, 900, 150, 400)):
            task.locator(".panj-answer input").nth(place).fill(str(value))
        task.get_by_role("button", name="Keep").click()
        task.locator(".panj-said", has_text="Your ranges are kept").wait_for()
    page.get_by_role("button", name="Fix my ranges").wait_for()
    sent = page.content()
    assert "1,582" not in sent and "1,037" not in sent and "1582" not in sent
    page.get_by_role("button", name="Fix my ranges").click()
    page.get_by_text("Reported: 1,582").wait_for()
    assert page.locator("figure.claims svg[role=img]").count() == len(keys)
    assert page.locator(f"[data-task={keys[0]}] .panj-answer").count() == 0
    keep(page, "classroom_forecasts_after", whole=True)
    page.set_viewport_size({"width": 390, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    keep(page, "classroom_forecasts_390", whole=True)
    page.reload()
    page.get_by_text("Reported: 1,582").wait_for()
    assert page.locator(f"[data-task={keys[0]}] .panj-answer").count() == 0
