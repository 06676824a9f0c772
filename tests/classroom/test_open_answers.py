"""No text on the screens of a lesson answers a task that a student has not answered yet."""

import re
from functools import cache
from itertools import permutations
from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pytest
import solara
from planted import PlantedCampaigns, luck, student_with

from sim.classroom.lessons.collected import FirstChoices
from sim.classroom.lessons.estimates import Sample, estimate, reported_value
from sim.classroom.lessons.forecasts import reported_in
from sim.classroom.lessons.lesson import FORECAST, lesson_of, outcome_of, read_lessons, sheet_of
from sim.classroom.lessons.marking import Answer, fits
from sim.classroom.pages import lessons
from sim.classroom.parts import distribution
from sim.classroom.parts.drawn import untold
from sim.classroom.reading import Campaigns, read
from sim.configuration.compose import Composer

RUNS = 100
NEAREST = 3.37  # mean of decisions as reported, as a multiple of the reported figure
STUDENTS = [str(number) for number in range(6)]
BY_LESSON = pytest.mark.parametrize("lesson", read_lessons(), ids=lambda one: one.name)


@pytest.fixture(scope="module")
def settings_of():
    """The settings of a choice, composed once."""
    return cache(Composer().settings)


@pytest.fixture(autouse=True)
def no_answers(monkeypatch):
    """Pages without pictures, on which nothing is answered before the test or after it."""

    @solara.component
    def NoPicture(**_given):
        solara.Div()

    monkeypatch.setattr(distribution, "Picture", NoPicture)
    monkeypatch.setattr(lessons, "Picture", NoPicture, raising=False)
    yield
    lessons.answers.set({})
    lessons.told.set(frozenset())


def far_apart(sheet, nearest=NEAREST):
    """Campaigns whose settings are so far apart that no number of one is near a number or difference of others."""
    order = {overrides: place for place, overrides in enumerate(sheet.settings.values())}

    def value(overrides, outcome, seeds):
        middle = middle_of(outcome)
        scale, centre = (0.05, 0.4) if outcome_of(outcome).is_share else (40.0, 200.0)
        z = (luck(seeds, outcome) - centre) / scale
        place = order[overrides]
        return middle * (nearest + 50 * place + 0.1 * (1 + 0.1 * place) * z + 0.02 * z**2)

    return PlantedCampaigns(value)


def middle_of(outcome):
    value, low, high, _ = outcome_of(outcome).reported
    return next((one for one in (value, low, high) if one), 0.4 if outcome_of(outcome).is_share else 200.0)


def text_of_screen(sheet, task, planted, settings_of, monkeypatch, runs=RUNS):
    """The visible text of the campaigns of a task, outside pictures."""

    def requested(overrides, runs, first_seed=0):
        if overrides is None:
            return SimpleNamespace(ticket=None, trouble="", campaigns=None, overrides=overrides)
        ticket = SimpleNamespace(done=runs, runs=runs, ended=True, place=0)
        campaigns = Campaigns(settings_of(overrides), planted.table(overrides, first_seed, runs), runs)
        return SimpleNamespace(ticket=ticket, trouble="", campaigns=campaigns, overrides=overrides)

    monkeypatch.setattr(lessons, "use_campaigns", requested)
    runs = 1 if task.measure == "first_campaign" else runs
    return text_of(lessons.CampaignsOfTask(sheet, task, runs, lambda _: None))


def text_of(element):
    box, rc = solara.render(element, handle_error=False)
    found, seen = [], set()

    def walk(one):
        if isinstance(one, str):
            found.append(one)
        elif isinstance(one, list | tuple):
            for part in one:
                walk(part)
        elif hasattr(one, "keys") and id(one) not in seen:
            seen.add(id(one))
            walk(getattr(one, "children", []))
            walk(getattr(one, "v_slots", []) or [])
            walk(str(getattr(one, "unsafe_innerHTML", "") or ""))

    walk(box)
    rc.close()
    return re.sub(r"<[^>]+>", " ", " ".join(found))


def numbers_in(text):
    plain = re.sub(r"\b[FS]\d+\b", " ", text)
    return {
        float(one.replace(",", "")) / (100 if percent else 1)
        for one, percent in re.findall(r"(-?\d[\d,]*(?:\.\d+)?)( %)?", plain)
    }


def screens(sheet, nearest, settings_of, monkeypatch):
    planted = far_apart(sheet, nearest)
    return {
        task.key: text_of_screen(sheet, task, planted, settings_of, monkeypatch) for task in sheet.tasks if task.needs
    }


def asks_for(sheet, task):
    """The estimates that answer a task for a number or a range."""
    sample = Sample(far_apart(sheet), sheet.first_seed, 1 if task.measure == "first_campaign" else RUNS)
    ends = [task] if task.kind == "number" else [task._replace(measure="quantile", quantile=q) for q in (0.05, 0.95)]
    return [estimate(sheet, one, sample) for one in ends]


@BY_LESSON
@pytest.mark.parametrize("student", STUDENTS)
def test_before_any_answer_no_number_and_no_difference_of_two_answers_a_task(lesson, student, settings_of, monkeypatch):
    sheet = sheet_of(lesson, student)
    here, elsewhere = (screens(sheet, nearest, settings_of, monkeypatch) for nearest in (NEAREST, 5.3))
    for key, text in here.items():
        assert sheet.task(key).ladder or text == elsewhere[key], key  # nothing is said that rests on the campaigns
    for task in sheet.tasks:
        if task.kind not in ("number", "range"):
            continue
        near = [key for key in here if sheet.task(key).outcome == task.outcome]
        told = {one for key in near for one in numbers_in(here[key]) - numbers_in(elsewhere[key])}
        is_difference = bool(task.minus) or task.measure in ("gap", "mean_gap", "best_group_gap")
        printed = told | {one for one in outcome_of(task.outcome).reported[:3] if one is not None}
        of_two = {after - before for before, after in permutations(printed, 2)} if is_difference else set()
        for found in asks_for(sheet, task):
            assert not [one for one in told | of_two if fits(one, found)], task.key


@BY_LESSON
def test_no_text_of_a_lesson_answers_its_other_tasks(lesson):
    sheet = sheet_of(lesson, "3")
    before = " ".join([lesson.question, *lesson.goals, *(fact.says for fact in lesson.background)])
    for task in sheet.tasks:
        others = " ".join([before, *(one.asks for one in sheet.tasks if one is not task)])
        if task.kind == FORECAST:
            assert reported_in(task) not in numbers_in(others), task.key
        if task.kind == "quiz":
            assert task.right not in others, task.key
        if task.kind == "evidence" and task.solution:
            assert task.solution not in others, task.key


def answered(sheet, *keys, value="cannot tell"):
    """Answer choices for good, and numbers with all points."""
    chosen = {key: Answer(value, RUNS) for key in keys if sheet.task(key).kind not in ("number", "range")}
    lessons.keep(sheet, {**lessons.answers_of(sheet), **chosen})
    lessons.told.set(lessons.told.value | {(*lessons.key_of(sheet), key) for key in keys if key not in chosen})


def screen(sheet, key, settings_of, monkeypatch):
    return text_of_screen(sheet, sheet.task(key), far_apart(sheet), settings_of, monkeypatch)


def test_the_verdict_in_words_waits_for_the_choice_next_to_it(settings_of, monkeypatch):
    sheet = student_with(lesson_of(3), outcome="troops_captured_by_2021_07_07")
    answered(sheet, "difference", "worse")
    said = screen(sheet, "difference", settings_of, monkeypatch)
    assert "on average" not in said and "median" not in said
    answered(sheet, "verdict")
    said = screen(sheet, "difference", settings_of, monkeypatch)
    assert "on average" in said and "median" in said


def test_the_table_of_groups_waits_for_the_nearest_group_and_for_all_campaigns(settings_of, monkeypatch):
    sheet = sheet_of(lesson_of(5), "1")
    for key in ("best_of_ten", "sober"):
        assert "distance from the report" not in screen(sheet, "best_of_ten", settings_of, monkeypatch)
        answered(sheet, key)
    assert "distance from the report" in screen(sheet, "best_of_ten", settings_of, monkeypatch)


def test_what_changes_more_is_shown_as_pictures_until_the_difference_is_found(settings_of, monkeypatch):
    sheet = sheet_of(lesson_of(6), "1")
    for key in ("rival", "policy"):
        said = screen(sheet, "larger", settings_of, monkeypatch)
        assert "median" not in said and said.count("100 pairs of runs") == 2
        answered(sheet, key)
    assert "median" in screen(sheet, "larger", settings_of, monkeypatch)


def test_too_few_campaigns_show_no_table_even_once_a_task_is_answered(settings_of, monkeypatch):
    sheet = sheet_of(lesson_of(1), "1")
    answered(sheet, "one_campaign", "median", "range", "reaches", "inside", value="no")
    for runs in (RUNS, 10):
        said = text_of_screen(sheet, sheet.task("inside"), far_apart(sheet), settings_of, monkeypatch, runs)
        assert ("median" in said) == (runs == RUNS)


def test_the_means_of_ten_groups_are_drawn_with_the_mean_of_all(settings_of):
    sheet = sheet_of(lesson_of(5), "1")
    task, planted = sheet.task("best_of_ten"), far_apart(sheet)
    overrides = sheet.overrides(task.of)
    table = planted.table(overrides, sheet.first_seed, RUNS)
    found = lessons.reading_of_groups(Campaigns(settings_of(overrides), table, RUNS), task)
    values = table[task.outcome].to_numpy()
    assert found.base.dots == pytest.approx(sorted(values.reshape(10, 10).mean(axis=1)))
    assert found.base.median == pytest.approx(np.mean(values))
    nearest = min(abs(one - reported_value(outcome_of(task.outcome))) for one in found.base.dots)
    assert nearest == pytest.approx(estimate(sheet, task, Sample(planted, sheet.first_seed, RUNS)).number)


def test_the_first_choice_of_a_browser_counts_in_all_its_tabs():
    choices, first, second = FirstChoices(), Answer("more", 50), Answer("fewer", 100)
    assert choices.keep("", "browser", "lesson 4", "verdict", first) == first
    assert choices.keep("", "browser", "lesson 4", "verdict", second) == first
    assert choices.of("", "browser", "lesson 4") == {"verdict": first}
    for others in (("", "another", "lesson 4"), ("", "browser", "lesson 5")):
        assert choices.of(*others) == {}
        assert choices.keep(*others, "verdict", second) == second


@pytest.mark.parametrize(("before", "after"), [("", "ABCDEF"), ("ABCDEF", "")])
def test_to_join_or_leave_a_class_gives_no_second_first_choice(before, after):
    choices, first, second = FirstChoices(), Answer("more", 50), Answer("fewer", 100)
    assert choices.keep(before, "browser", "lesson 4", "verdict", first) == first
    assert choices.of(after, "browser", "lesson 4") == {"verdict": first}
    assert choices.keep(after, "browser", "lesson 4", "verdict", second) == first
    assert choices.of(before, "browser", "lesson 4") == {"verdict": first}


def test_the_next_class_on_the_same_computers_has_its_own_first_choices():
    choices, first, second = FirstChoices(), Answer("more", 50), Answer("fewer", 100)
    choices.keep("ABCDEF", "browser", "lesson 4", "verdict", first)
    assert choices.of("GHJKLM", "browser", "lesson 4") == {}
    assert choices.keep("GHJKLM", "browser", "lesson 4", "verdict", second) == second
    assert choices.of("", "browser", "lesson 4") == {"verdict": second}, "it is the newest class that has left"
    assert choices.of("ABCDEF", "browser", "lesson 4") == {"verdict": first}


def pictures_of(sheet, key, planted, settings_of, monkeypatch):
    """What the pictures of a task give to readers who cannot see them: the description, and the tables."""
    given = []

    @solara.component
    def Seen(reading, **_given):
        given.append((reading["summary"], reading.get("tables", [])))
        solara.Div()

    for page in (distribution, lessons):
        monkeypatch.setattr(page, "Picture", Seen)
    text_of_screen(sheet, sheet.task(key), planted, settings_of, monkeypatch)
    return given


@BY_LESSON
def test_the_text_of_a_picture_answers_no_open_task_but_its_values_can_be_read(lesson, settings_of, monkeypatch):
    sheet = sheet_of(lesson, "1")
    for task in (one for one in sheet.tasks if one.needs):
        here, elsewhere = (
            pictures_of(sheet, task.key, far_apart(sheet, nearest), settings_of, monkeypatch)
            for nearest in (NEAREST, 5.3)
        )
        assert [said for said, _ in here] == [said for said, _ in elsewhere], "nothing is said that rests on campaigns"
        for _, tables in here:
            assert tables and all(table["rows"] for table in tables)
            for table in tables:
                assert {len(row) for row in table["rows"]} == {len(table["heads"])}
                for place in range(1, len(table["heads"]) - 1):
                    assert sum(int(row[place]) for row in table["rows"]) in (1, 10, RUNS), task.key
                marks = " ".join(row[-1] for row in table["rows"])
                assert marks.strip() and not numbers_in(marks.replace("95 %", "")), "a mark is where its row is"


def test_the_text_of_a_picture_has_the_results_once_its_task_is_answered(settings_of, monkeypatch):
    sheet = sheet_of(lesson_of(1), "1")
    answered(sheet, "one_campaign", "median", "range", "reaches", "inside", value="no")
    ((said, tables),) = pictures_of(sheet, "median", far_apart(sheet), settings_of, monkeypatch)
    assert "half end at or below" in said and not tables


def test_a_value_is_told_to_the_width_of_its_bin(settings_of):
    settings = settings_of(sheet_of(lesson_of(3), "1").overrides("as_reported"))
    name = "troops_captured_by_2021_07_07"
    base = pa.table({"seed": np.arange(4), name: [0.0, 100.0, 200.0, 1000.0]})
    changed = pa.table({"seed": np.arange(4), name: [0.0, 50.0, 230.0, 1400.0]})
    found = read(Campaigns(settings, base, 4), Campaigns(settings, changed, 4), name)
    pairs, bars = untold(found, settings, ("one", "other"))["tables"]
    assert found.pairs.ticks[1][0] - found.pairs.ticks[0][0] == 100
    assert [row[:2] for row in pairs["rows"] if row[1] != "0"] == [
        ["-50 to -25", "1"], ["0", "1"], ["+25 to +50", "1"], ["+375 to +400", "1"],
    ]  # fmt: skip
    (middle,) = (row for row in pairs["rows"] if "average of the pairs" in row[-1])
    assert middle[0] == "+75 to +100", "the average is 95"
    assert sum(int(row[1]) for row in bars["rows"]) == sum(int(row[2]) for row in bars["rows"]) == 4
    ends = [tuple(float(end.replace(",", "")) for end in row[0].split(" to ")) for row in bars["rows"]]
    (median,) = (end for end, row in zip(ends, bars["rows"], strict=True) if "median, one" in row[-1])
    assert median[0] <= 150 <= median[-1]
