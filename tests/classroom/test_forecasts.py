"""Ranges given on the evening of 22 June: nothing later is told before they are fixed, and all are scored alike."""

import json
import re
from itertools import pairwise

import nbformat
import numpy as np
import pytest
import solara
from planted import PlantedCampaigns

from sim.classroom import exercises
from sim.classroom.lessons import forecasts
from sim.classroom.lessons.collected import ClassRanges
from sim.classroom.lessons.forecasts import (
    LEVELS,
    ORIGIN,
    compared,
    given_ranges,
    growth,
    known_counts,
    mixture_of,
    reported_in,
    write_panj,
)
from sim.classroom.lessons.hand_in import as_text, grade, write_hand_in
from sim.classroom.lessons.lesson import folder_of_exercises, lesson_of, rows_of, sheet_of
from sim.classroom.lessons.marking import Answer, mark
from sim.classroom.pages import lessons as page
from sim.classroom.parts import reveal
from sim.classroom.parts.answer import shown, value_of
from sim.classroom.sessions.register import Register
from sim.data.record import evidence
from sim.errors import PanjError
from sim.hindcast.scores import quantile_score

LESSON = lesson_of("knowing_what_they_knew")
SHEET = sheet_of(LESSON, "5")
RANGES = {
    "districts_after_8_days": (90.0, 110.0, 140.0, 200.0), "districts_after_13_days": (95.0, 120.0, 180.0, 250.0),
    "soldiers_after_8_days": (134.0, 140.0, 300.0, 600.0), "soldiers_after_13_days": (134.0, 150.0, 500.0, 900.0),
}  # fmt: skip
ANSWERS = {key: Answer(value) for key, value in RANGES.items()}
TOKEN = re.compile(r"(?<![\w.-])\d[\d,]*(?:\.\d+)?(?![\w-])")


def numbers_in(text):
    """Every number of a text; dates as 2021-06-30 and ids as F065 are none."""
    return {float(one.replace(",", "")) for one in TOKEN.findall(text)}


def later_figures():
    """Everything that was reported of days after the evening, and the sums by which forecasts are scored."""
    rows = [row for row in evidence().values() if row.date_end > ORIGIN]
    found = {number for row in rows for number in (row.value, row.low, row.high) if number is not None}
    return found | {reported_in(task) for task in LESSON.forecasts} | {
        round(forecasts.other_count(task)) for task in LESSON.forecasts
    }  # fmt: skip


def known_numbers():
    """Numbers that may be on the page: those of the background, of the counts known, of dates, tasks and the score."""
    told = " ".join([*(fact.says for fact in LESSON.background), *(task.asks for task in LESSON.tasks)])
    counts = {round(number) for one in known_counts() for number in one[1:]}
    small = {float(number) for number in range(32)} | {45, 50, 90, 2021}  # days, tasks, minutes, per cent
    return numbers_in(told) | counts | small | {36.0, 40.0}  # choices of a quiz


NOT_SHOWN = ("template", "css", "_view_module_version", "_model_module_version")  # code, the same on every page


def all_state(element):
    """Everything that a rendered page sends to a browser."""
    box, rc = solara.render(element, handle_error=False)
    seen, found = set(), []

    def collect(widget):
        if id(widget) in seen:
            return
        seen.add(id(widget))
        for name in getattr(widget, "keys", []):
            value = getattr(widget, name, None)
            gather(value, name)

    def gather(value, name=""):
        if hasattr(value, "keys") and hasattr(value, "comm"):
            collect(value)
        elif isinstance(value, dict):
            for one in value.values():
                gather(one)
        elif isinstance(value, list | tuple):
            for one in value:
                gather(one)
        elif isinstance(value, str) and name not in (
            "template",
            "_view_module_version",
            "_model_module_version",
            "css",
        ):
            found.append(value)
        elif isinstance(value, int | float) and not isinstance(value, bool):
            found.append(f" {value} ")

    collect(box)
    return " ".join(found), rc


TEACHER = "browser of the teacher"


@pytest.fixture
def ours(register):
    return ClassRanges(register)


@pytest.fixture
def code(register):
    """A class that two students have joined."""
    code, _ = register.open_session(TEACHER)
    for one in ("one", "two"):
        register.join(code, one, one)
    return code


@pytest.fixture
def opened(monkeypatch, ours):
    """The page of the lesson with these answers, fixed or not; its text and state."""
    monkeypatch.setattr(page, "session", lambda: "a browser")
    monkeypatch.setattr(page, "session_code", lambda seats_of: "")
    for module in (page, reveal):
        monkeypatch.setattr(module, "the_class_ranges", lambda: ours)

    def show(answers, is_fixed=False):
        if is_fixed:
            ours.fix("", "a browser", page.name_of_sheet(SHEET), RANGES)

        @solara.component
        def Shown():
            page.opened.set(SHEET)
            page.answers.set({page.key_of(SHEET): answers})
            page.Page()

        text, rc = all_state(Shown())
        rc.close()
        return text

    return show


@pytest.mark.parametrize("answers", [{}, ANSWERS], ids=["nothing given", "all given"])
def test_no_later_figure_is_on_the_page_before_the_ranges_are_fixed(opened, answers):
    text = opened(answers)
    assert "How many districts" in text and "134 soldiers" in text
    own = {number for value in RANGES.values() for number in value} if answers else set()
    assert not (numbers_in(text) & later_figures()) - known_numbers() - own
    assert not [task for task in LESSON.tasks if task.because and task.because in text]
    assert not [id for task in LESSON.forecasts for id in task.sum if evidence()[id].quote in text]


def test_what_was_reported_is_shown_once_they_are_fixed(opened):
    text = opened(ANSWERS, True)
    for task in LESSON.forecasts:
        assert f"{reported_in(task):,.0f}" in text and task.because in text
        assert all(evidence()[id].quote in text for id in task.sum)
    assert numbers_in(text) >= {1582.0, 133.0} and {1582.0, 133.0} <= later_figures()


@pytest.mark.parametrize(
    ("later", "said"), [({}, "cannot answer it now"), ({"guess": Answer((2.0, 4.0))}, "Your guess is locked: 2 to 4")]
)
def test_a_page_that_is_loaded_again_shows_what_was_fixed_whatever_the_browser_sends(opened, later, said):
    """Answers come from the tab of the browser; the server remembers which were fixed."""
    opened(ANSWERS, True)
    text = opened({key: Answer((1.0, 2.0, 3.0, 4.0)) for key in RANGES} | later)
    assert "Lock my ranges" not in text and said in text
    for ranges in RANGES.values():
        assert forecasts.format_ranges(ranges) in text


def test_no_later_figure_is_in_the_students_notebook():
    notebook = nbformat.read(folder_of_exercises() / "7_knowing_what_they_knew.ipynb", 4)
    told = " ".join(cell.source for cell in notebook.cells)
    assert not (numbers_in(told) & later_figures()) - known_numbers() - {100.0}  # campaigns, of which none are needed


def test_the_background_was_published_by_the_evening():
    rows = [row for fact in LESSON.background for row in rows_of(fact)]
    assert rows and all(row.date_end <= ORIGIN for row in rows)


def test_what_was_known_is_not_changed_by_what_came_later(monkeypatch):
    before, fitted = known_counts(), growth("country", "2021-06-30")
    falls = forecasts.read_falls()
    late = falls.fell_date > np.datetime64(ORIGIN)
    dates = np.where(late, np.datetime64("2021-06-23"), falls.fell_date)
    rows = forecasts.read_observations(tuple(evidence().values()))
    other = [one._replace(value=one.value + 500) if one.published > ORIGIN else one for one in rows]
    monkeypatch.setattr(forecasts, "read_falls", lambda: falls._replace(fell_date=dates))
    monkeypatch.setattr(forecasts, "read_observations", lambda evidence: other)
    for kept in (forecasts.known_record, growth):
        kept.cache_clear()
    assert late.any() and len(other) == len(rows)
    assert known_counts() == before and growth("country", "2021-06-30") == fitted
    assert before[-1].day == ORIGIN and before[-1].soldiers == 134
    for kept in (forecasts.known_record, growth):
        kept.cache_clear()


def test_a_check_does_not_say_what_came_and_a_teacher_is_told():
    for task in LESSON.forecasts:
        own = mark(SHEET, task, ANSWERS[task.key], PlantedCampaigns())
        graded = mark(SHEET, task, ANSWERS[task.key], PlantedCampaigns(), 100)
        assert own.points == graded.points == task.points
        assert not numbers_in(" ".join(own.says))
        assert f"{reported_in(task):,.0f}" in " ".join(graded.says)


@pytest.mark.parametrize("value", [(1.0, 2.0), (1.0, 2.0, 4.0, 3.0), (1.0, 2.0, 3.0, float("nan")), "1 to 2", 5.0])
def test_ranges_are_four_numbers_in_order(value):
    with pytest.raises(PanjError, match="answer districts_after_13_days: found"):
        mark(SHEET, SHEET.task("districts_after_13_days"), Answer(value), PlantedCampaigns())


def test_the_form_asks_for_the_wider_range_first():
    task, typed = (
        SHEET.task("soldiers_after_13_days"),
        {"first": "10", "second": "1,500", "third": "20", "fourth": "30"},
    )
    assert value_of(task, typed) == (10.0, 20.0, 30.0, 1500.0)
    assert shown((10.0, 20.0, 30.0, 1500.0)) == ["10", "1500", "20", "30"]


def test_the_score_is_the_mean_of_two_interval_scores():
    """By hand (Bracher and others 2021): width times (1 - level) / 2, and one for each unit missed."""
    by_hand = ((200 - 90) * 0.05 + (140 - 110) * 0.25 + (150 - 140)) / 2
    assert quantile_score(np.array(RANGES["districts_after_8_days"]), LEVELS, 150.0) == pytest.approx(by_hand)


def test_a_class_of_one_is_that_student_and_a_mixture_lies_between():
    one, other = RANGES["soldiers_after_8_days"], RANGES["soldiers_after_13_days"]
    assert mixture_of([one]) == pytest.approx(one, rel=0.01)
    mixed = mixture_of([one, other])
    assert mixed == pytest.approx(mixture_of([other, one]))
    assert all(low <= high for low, high in pairwise(mixed))
    assert one[3] < mixed[3] < other[3]


TASK = SHEET.task("districts_after_8_days")
OTHER = {TASK.key: (0.0, 0.0, 0.0, 0.0)}


def test_the_class_is_shown_from_the_second_student_on_and_first_ranges_stay(ours, code):
    ours.fix(code, "one", "a sheet", RANGES)
    ours.fix(code, "one", "a sheet", OTHER)
    ours.fix("", "elsewhere", "a sheet", RANGES)
    assert ours.ranges(code, TASK.key) == [RANGES[TASK.key]]
    assert len(compared(TASK, RANGES[TASK.key], ours.ranges(code, TASK.key))) == len(compared(TASK, RANGES[TASK.key]))
    ours.fix(code, "two", "a sheet", {TASK.key: (300.0, 310.0, 320.0, 330.0)})
    rows = compared(TASK, RANGES[TASK.key], ours.ranges(code, TASK.key))
    assert rows[0].ranges == RANGES[TASK.key] and rows[1].ranges == mixture_of(ours.ranges(code, TASK.key))


def test_a_listener_hears_of_each_student_until_it_leaves(ours):
    heard = []
    leave = ours.watch(lambda: heard.append(1))
    ours.fix("", "one", "a sheet", RANGES)
    leave()
    ours.fix("", "two", "a sheet", RANGES)
    assert heard == [1]


def test_a_restart_loses_no_ranges_of_a_class_and_lets_nobody_give_others(register, ours, code):
    ours.fix(code, "one", "a sheet", RANGES)
    register.storage.close()
    again = ClassRanges(Register(register.storage.path, lambda _: None, list))
    assert again.of("one", "a sheet") == RANGES and again.ranges(code, TASK.key) == [RANGES[TASK.key]]
    assert again.of("one", "another sheet") is None and again.of("two", "a sheet") is None
    again.fix(code, "one", "a sheet", OTHER)
    assert again.ranges(code, TASK.key) == [RANGES[TASK.key]] and again.of("one", "a sheet") == RANGES


def test_ranges_that_could_not_be_stored_are_not_final(register, ours, code, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(json, "dumps", lambda _: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            ours.fix(code, "one", "a sheet", RANGES)
    assert ours.of("one", "a sheet") is None
    ours.fix(code, "one", "a sheet", OTHER)
    assert ours.ranges(code, TASK.key) == [OTHER[TASK.key]]


def test_ranges_that_are_final_stay_so_when_they_cannot_be_stored_again(register, ours, code, monkeypatch):
    ours.fix(code, "one", "a sheet", RANGES)
    register.leave(code, "one")
    register.join(code, "one", "one again")
    monkeypatch.setattr(json, "dumps", lambda _: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        ours.fix(code, "one", "a sheet", OTHER)
    assert ours.of("one", "a sheet") == RANGES


def test_ranges_belong_to_one_sheet_of_one_browser_and_to_one_class_or_none(ours, code):
    ours.fix(code, "one", "a sheet", RANGES)
    ours.fix("", "elsewhere", "a sheet", OTHER)
    assert ours.of("one", "another sheet") is None and ours.of("two", "a sheet") is None
    assert ours.ranges("", TASK.key) == [OTHER[TASK.key]] and ours.ranges(code, TASK.key) == [RANGES[TASK.key]]
    assert ours.ranges(code, "another task") == []


def test_who_makes_ranges_final_before_joining_a_class_gives_it_no_others(ours, code):
    ours.fix("", "one", "a sheet", RANGES)
    ours.fix(code, "one", "a sheet", OTHER)
    assert ours.ranges(code, TASK.key) == [RANGES[TASK.key]]


def test_ranges_are_deleted_with_the_seat_but_who_saw_the_reports_gives_no_others(register, ours, code):
    ours.fix(code, "one", "a sheet", RANGES)
    ours.fix(code, "two", "a sheet", RANGES)
    register.leave(code, "one")
    assert len(ours.ranges(code, TASK.key)) == 1 and ours.of("one", "a sheet") == RANGES
    register.join(code, "one", "one again")
    ours.fix(code, "one", "a sheet", OTHER)
    assert ours.ranges(code, TASK.key) == [RANGES[TASK.key]] * 2


def test_ranges_of_a_removed_student_come_back_with_an_undo(register, ours, code):
    ours.fix(code, "one", "a sheet", RANGES)
    member = register.room(code, TEACHER).teams[0].members[0].number
    register.remove(code, TEACHER, member)
    assert ours.ranges(code, TASK.key) == []
    register.undo(code, TEACHER, register.room(code, TEACHER).undos[0].number)
    assert ours.ranges(code, TASK.key) == [RANGES[TASK.key]]


def test_what_identifies_a_sheet_is_in_no_file(register, ours, code):
    ours.fix(code, "one", "Quetzalcoatl", RANGES)
    path = register.storage.path
    assert b"Quetzalcoatl" not in b"".join(one.read_bytes() for one in path.parent.glob(f"{path.name}*"))


def test_ranges_count_only_when_all_are_given():
    assert given_ranges(LESSON, RANGES) == RANGES
    assert given_ranges(LESSON, dict(list(RANGES.items())[:3])) is None
    assert given_ranges(lesson_of(1), {}) is None


COUNTS = "origin,day,target,forecast,low_90,low_50,high_50,high_90\n2021-06-22,2021-06-30,country,{},1,2,3,4\n"
ABOUT = {
    "command": "hindcast", "commit": "x", "worlds": 8, "seed": 0, "rules_fingerprint": "r", "data_fingerprint": "d",
    "until": {"2021-06-22": "2021-06-22"},
}  # fmt: skip


def test_the_forecast_of_panj_is_taken_from_a_hindcast_and_missing_days_are_named(tmp_path):
    (tmp_path / "about.json").write_text(json.dumps(ABOUT))
    (tmp_path / "counts.csv").write_text(COUNTS.format("panj") + COUNTS.format("free_panj").split("\n")[1])
    path = write_panj(tmp_path, [("country", "2021-06-30")], tmp_path / "panj.json")
    assert json.loads(path.read_text())["forecasts"] == {"country": {"2021-06-30": [1, 2, 3, 4]}}
    with pytest.raises(PanjError, match="found no forecast of soldiers on 2021-07-05"):
        write_panj(tmp_path, [("soldiers", "2021-07-05")], tmp_path / "none.json")
    assert not (tmp_path / "none.json").exists()


def test_the_forecast_that_ships_has_every_task_and_what_it_was_conditioned_on():
    about = forecasts.panj_file()
    assert about["until"] == ORIGIN.isoformat() and tuple(about["levels"]) == LEVELS and about["worlds"] >= 100
    for task in LESSON.forecasts:
        ranges = forecasts.panj(task.target, task.day)
        assert ranges and all(low <= high for low, high in pairwise(ranges))
    assert "22 June" in forecasts.describe_panj(forecasts.texts_of("forecasts"))


@pytest.mark.parametrize("content", [None, "{", "[]"])
def test_without_a_file_the_others_are_still_compared(monkeypatch, tmp_path, content):
    (tmp_path / "lessons").mkdir()
    if content is not None:
        (tmp_path / "lessons" / forecasts.PANJ_FILE).write_text(content)
    monkeypatch.setattr(forecasts, "folder_of_exercises", lambda: tmp_path)
    forecasts.panj_file.cache_clear()
    task = SHEET.task("districts_after_8_days")
    assert forecasts.panj(task.target, task.day) is None
    assert [row.name for row in compared(task, RANGES[task.key])] == ["You", "Exponential growth"]
    assert "no forecast" in forecasts.describe_panj(forecasts.texts_of("forecasts"))
    forecasts.panj_file.cache_clear()


def test_in_a_notebook_ranges_are_fixed_by_the_reveal(capsys):
    lesson = exercises.open_lesson(7, "5")
    lesson.reveal()
    assert not numbers_in(capsys.readouterr().out) - known_numbers()
    lesson.answers.update(ANSWERS)
    lesson.reveal()
    assert "Reported: 1,582" in capsys.readouterr().out
    lesson.check("soldiers_after_13_days", [1, 2, 3, 4])
    assert "locked" in capsys.readouterr().out and lesson.ranges == RANGES
    lesson.check("guess", [3, 4])
    assert "cannot answer it now" in capsys.readouterr().out and "guess" not in lesson.answers


def test_a_teacher_is_told_the_score_of_the_class_when_several_hand_in(tmp_path):
    other = {key: tuple(2 * number for number in value) for key, value in RANGES.items()}
    graded = []
    for student, ranges in (("1", RANGES), ("2", other), ("3", {})):
        sheet = sheet_of(LESSON, student)
        path = tmp_path / f"{student}.json"
        path.write_text(write_hand_in(sheet, {key: Answer(value) for key, value in ranges.items()}))
        graded.append(grade(path, PlantedCampaigns(), 100))
    told = as_text(graded)
    for key in RANGES:
        mixed = forecasts.compared(SHEET.task(key), mixture_of([RANGES[key], other[key]]))[0]
        assert f"{key.replace('_', ' ')}: 2 students combined, {forecasts.format_ranges(mixed.ranges)}" in told
    assert "students combined" not in as_text([graded[0], graded[2]])
