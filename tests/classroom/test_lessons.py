"""Claims on the lessons as they are written, on what each student finds in them, and on how answers are judged."""

import re
from itertools import pairwise

import numpy as np
import pytest
import yaml
from planted import PlantedCampaigns, luck, student_with

from sim.classroom.lessons import lesson
from sim.classroom.lessons.estimates import MEASURES, SCORES, Sample, estimate, rank_choices, share_of
from sim.classroom.lessons.lesson import (
    BLOCK,
    FORECAST,
    LONGEST_CODE,
    MINUTES,
    Task,
    lesson_of,
    outcome_of,
    outcome_rows,
    read_lesson,
    read_lessons,
    sheet_of,
    student_code,
)
from sim.classroom.lessons.marking import MOST_RUNS, REFERENCE_SEED, Answer, format_answer, mark
from sim.configuration.compose import Composer
from sim.data.facts import THE_LINE
from sim.data.record import evidence
from sim.errors import PanjError

LESSONS = read_lessons()
BY_NAME = pytest.mark.parametrize("lesson", LESSONS, ids=[lesson.name for lesson in LESSONS])
TITLES = [
    "Reading a distribution", "Tipping points", "Was help the missing thing?", "The border's dilemma",
    "Fitting a model and fooling yourself", "What the model leaves out", "Knowing what they knew",
]  # fmt: skip
MANY = 1000


@pytest.fixture(scope="module")
def composer():
    return Composer()


def test_there_are_seven_lessons_in_their_order():
    assert [lesson.title for lesson in LESSONS] == TITLES
    assert [lesson.number for lesson in LESSONS] == [1, 2, 3, 4, 5, 6, 7]


@BY_NAME
def test_a_lesson_has_goals_minutes_tasks_and_questions(lesson):
    assert sum(step.minutes for step in lesson.timing) == MINUTES
    assert len(lesson.goals) >= 3 and len(lesson.questions) >= 3 and len(lesson.debrief) >= 2
    assert {"guess", "words"} <= {task.kind for task in lesson.tasks}
    assert sum(task.needs > 1 or task.kind == FORECAST for task in lesson.tasks) >= 3


@BY_NAME
def test_the_background_rests_on_rows_up_to_the_line(lesson):
    rows = [evidence()[id] for fact in lesson.background for id in fact.evidence]
    assert all(fact.evidence for fact in lesson.background)
    assert all(row.date_end <= THE_LINE for row in rows)


@BY_NAME
def test_every_option_of_every_parameter_can_be_asked(lesson, composer):
    """All students together meet every option; all settings compose, and every outcome is counted by their end."""
    longest = max(len(options) for options in lesson.parameters.values())
    composed = {}
    for number in range(longest):
        sheet = sheet_of(lesson, number)
        for overrides in sheet.settings.values():
            composed[overrides] = composed.get(overrides) or composer.settings(overrides)
        for task in sheet.tasks:
            assert "{" not in task.asks
            assert not task.right or task.kind == "exact" or task.right in task.choices
            if task.outcome:
                assert outcome_of(task.outcome).unit != "date"
                row = outcome_rows()[task.outcome]
                assert (row.get("date") or row.get("until") or THE_LINE) <= min(
                    one.end_date for one in composed.values()
                )
            if task.measure:
                assert task.measure in (SCORES if task.kind == "pick" else MEASURES)
            if (
                "gap" in task.measure
                or task.threshold == "reported"
                or task.kind == "inside"
                or task.measure == "nearest"
            ):
                assert outcome_of(task.outcome).reported.evidence


@BY_NAME
def test_neighbours_who_count_off_share_no_parameter(lesson):
    for one, other in pairwise(sheet_of(lesson, number) for number in range(1, 31)):
        assert one.first_seed != other.first_seed
        for name, options in lesson.parameters.items():
            if len(options) > 1:
                keys = [key for key in one.parameters if key == name or key.startswith(f"{name}_")]
                assert any(one.parameters[key] != other.parameters[key] for key in keys)


@BY_NAME
def test_a_student_finds_the_same_sheet_again_however_the_name_is_written(lesson):
    one, other = sheet_of(lesson, "Zarina  K"), sheet_of(lesson, " zarina k ")
    assert one.parameters == other.parameters and one.settings == other.settings
    assert sheet_of(lesson, 12) == sheet_of(lesson, "12")


@BY_NAME
def test_students_with_names_do_not_all_have_the_same_numbers(lesson):
    seeds = {sheet_of(lesson, name).first_seed for name in ("Zarina", "Farrukh", "Malika", "Rustam", "Sitora", "Daler")}
    assert len(seeds) > 1
    assert all(seed % BLOCK == 0 and seed + BLOCK <= MOST_RUNS < REFERENCE_SEED for seed in seeds)


@pytest.mark.parametrize("said", ["", "   ", "x" * (LONGEST_CODE + 1), "a\x1b[2Jb", None, 1.5, True, ["1"]])
def test_a_student_is_a_short_name_or_a_number(said):
    with pytest.raises(PanjError, match="student: found"):
        student_code(said)


@pytest.mark.parametrize("which", ["8", "tipping", "../1", ""])
def test_a_lesson_that_there_is_not_is_refused_by_name(which):
    with pytest.raises(PanjError, match=r"lesson: found .* expected one of 1, reading_a_distribution"):
        lesson_of(which)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"timing": [{"minutes": 44, "who": "all", "what": "x"}]}, "found 44 minutes, expected 45"),
        ({"background": [{"says": "x", "evidence": ["F999"]}]}, "found 'F999'"),
        ({"colour": "red"}, "found 'colour'"),
        ({"goals": None}, "cannot be read"),
        ({"tasks": [{"key": "a", "asks": "x", "kind": "number", "of": "nowhere"}]}, "found 'nowhere'"),
        ({"tasks": [{"key": "a", "asks": "x", "kind": "riddle"}]}, "found 'riddle'"),
        ({"tasks": [{"key": "a", "asks": "x", "kind": "forecast", "target": "weather"}]}, "found 'weather'"),
        ({"tasks": [{"key": "a", "asks": "x", "kind": "forecast", "sum": ["F999"]}]}, "found 'F999'"),
        ({"tasks": [{"key": "a", "asks": "x", "kind": "words"}] * 2}, "found a key twice"),
    ],
)
def test_a_faulty_lesson_is_refused_with_what_is_wrong(tmp_path, change, said):
    source = lesson.folder_of_exercises() / "lessons" / "1_reading_a_distribution.yaml"
    rows = yaml.safe_load(source.read_text(encoding="utf-8"))
    path = tmp_path / "1_faulty.yaml"
    path.write_text(yaml.safe_dump({**rows, **change}), encoding="utf-8")
    with pytest.raises(PanjError, match=said):
        read_lesson(path)


# --- how answers are judged


@pytest.fixture(scope="module")
def sheet():
    return student_with(lesson_of(1), outcome="troops_crossed_largest_night")


@pytest.fixture(scope="module")
def campaigns():
    return PlantedCampaigns()


def own(sheet, runs=100):
    return luck(range(sheet.first_seed, sheet.first_seed + runs), "troops_crossed_largest_night")


def test_the_students_own_median_earns_all_points_checked_and_graded(sheet, campaigns):
    answer = Answer(float(np.median(own(sheet))), 100)
    for reference in (0, MANY):
        found = mark(sheet, sheet.task("median"), answer, campaigns, reference)
        assert (found.points, found.flags) == (2, ())


def test_an_answer_may_be_rounded_and_may_lie_within_the_interval(sheet, campaigns):
    own_median = float(np.median(own(sheet)))
    error = estimate(sheet, sheet.task("median"), Sample(campaigns, sheet.first_seed, 100)).error
    for value in (round(own_median), own_median + error, own_median - error):
        assert mark(sheet, sheet.task("median"), Answer(value, 100), campaigns, MANY).points == 2


def test_a_number_from_elsewhere_earns_nothing_and_is_told_why(sheet, campaigns):
    found = mark(sheet, sheet.task("median"), Answer(400.0, 100), campaigns, MANY)
    assert found.points == 0
    assert "does not fit your own campaigns" in found.says[0] and "1,000 other campaigns" in found.says[1]


def test_counts_are_whole_numbers_and_an_answer_is_told_as_it_was_given(sheet, campaigns):
    task = sheet.task("median")
    assert format_answer(87.6, task._replace(measure="")) == "88"
    said, told = mark(sheet, task, Answer(9.26, 100), campaigns, MANY).says
    assert "9.26 does not fit" in said and not re.search(r"\d\.\d", said.replace("9.26", "") + told)


@BY_NAME
def test_settings_that_change_no_decision_are_called_decisions_as_reported(lesson):
    for name, words in lesson.settings.items():
        is_reported = all(word.startswith("end_date=") for word in words)
        assert (lesson.name_of(name) == "Decisions as reported") == is_reported and lesson.name_of(name) != "baseline"


def test_a_check_does_not_give_the_answer_away(sheet, campaigns):
    said = " ".join(mark(sheet, sheet.task("median"), Answer(400.0, 100), campaigns).says)
    own_median = float(np.median(own(sheet)))
    assert "does not fit" in said and f"{own_median:.0f}" not in said


def test_a_student_with_unlucky_seeds_is_not_blamed(sheet):
    """The student's own campaigns lie far from all others; the number that they give is right, and this is said."""
    shifted = PlantedCampaigns(
        lambda overrides, outcome, seeds: luck(seeds, outcome) + 300.0 * (np.asarray(seeds) < REFERENCE_SEED)
    )
    answer = Answer(float(np.median(own(sheet))) + 300.0, 100)
    found = mark(sheet, sheet.task("median"), answer, shifted, MANY)
    assert found.points == 2
    assert any("due to your seeds" in said for said in found.says)


def test_what_many_other_campaigns_say_is_right_too(sheet):
    shifted = PlantedCampaigns(
        lambda overrides, outcome, seeds: luck(seeds, outcome) + 15.0 * (np.asarray(seeds) >= REFERENCE_SEED)
    )
    found = mark(sheet, sheet.task("median"), Answer(215.0, 100), shifted, MANY)
    assert found.points == 2
    assert not mark(sheet, sheet.task("median"), Answer(260.0, 100), shifted, MANY).points


def test_a_conclusion_from_one_campaign_is_flagged_and_earns_nothing(sheet, campaigns):
    found = mark(sheet, sheet.task("median"), Answer(float(own(sheet, 1)[0]), 1), campaigns, MANY)
    assert found.points == 0
    assert len(found.flags) == 1 and "Chance alone" in found.flags[0] and "50" in found.flags[0]


def test_a_conclusion_from_few_campaigns_is_flagged_and_earns_half(sheet, campaigns):
    found = mark(sheet, sheet.task("median"), Answer(float(np.median(own(sheet, 9))), 9), campaigns, MANY)
    assert found.points == 1
    assert len(found.flags) == 1 and "9 campaigns" in found.flags[0]


def test_a_question_about_one_campaign_is_answered_by_one(sheet, campaigns):
    task = sheet.task("one_campaign")
    first = float(own(sheet, 1)[0])
    assert mark(sheet, task, Answer(first, 1), campaigns, MANY)[1:4] == (1, 1, ("That fits.",))
    for read in (0.96 * first, 1.04 * first):  # a number that is read from a picture is a little off
        assert mark(sheet, task, Answer(read, 1), campaigns, MANY).points == 1
    for read in (0.9 * first, 1.1 * first):
        assert mark(sheet, task, Answer(read, 1), campaigns, MANY).points == 0


def test_the_whole_class_has_one_outcome_in_the_first_lesson():
    sheets = [sheet_of(lesson_of(1), student) for student in ("1", "2", "3", "Zarina", "Rustam")]
    assert {task.outcome for sheet in sheets for task in sheet.tasks if task.outcome} == {
        sheets[0].parameters["outcome"]
    }
    assert len({sheet.first_seed for sheet in sheets[:3]}) == 3


def test_each_end_of_a_range_earns_half(sheet, campaigns):
    low, high = np.quantile(own(sheet), [0.05, 0.95]).tolist()
    task = sheet.task("range")
    assert mark(sheet, task, Answer((low, high), 100), campaigns, MANY).points == 2
    assert mark(sheet, task, Answer((low, high + 500), 100), campaigns, MANY).points == 1
    assert mark(sheet, task, Answer((low - 500, high + 500), 100), campaigns, MANY).points == 0


def test_whether_the_report_is_inside_follows_from_the_campaigns(sheet):
    reported = outcome_of("troops_crossed_largest_night").reported.value
    far, near = (
        PlantedCampaigns(),
        PlantedCampaigns(lambda overrides, outcome, seeds: luck(seeds, outcome) - 200 + reported),
    )
    task = sheet.task("inside")
    assert mark(sheet, task, Answer("no", 100), far, MANY).points == 2
    assert mark(sheet, task, Answer("yes", 100), far, MANY).points == 0
    assert mark(sheet, task, Answer("yes", 100), near, MANY).points == 2


def test_a_report_on_the_very_end_of_the_range_can_be_answered_either_way(sheet):
    reported = outcome_of("troops_crossed_largest_night").reported.value
    end = float(np.quantile(own(sheet), 0.95))
    on_the_end = PlantedCampaigns(lambda overrides, outcome, seeds: luck(seeds, outcome) - end + reported)
    for value in ("yes", "no"):
        assert mark(sheet, sheet.task("inside"), Answer(value, 100), on_the_end).points == 2


@pytest.fixture(scope="module")
def helped():
    return student_with(lesson_of(3), outcome="newly_fallen_2021_07_07", policy="answer_every_call")


def shifting(by):
    """Campaigns in which answering every call changes every outcome by so much, give or take one."""

    def value(overrides, outcome, seeds):
        helps = "reinforcement=answer_every_call" in overrides.words
        return luck(seeds, outcome) + helps * (by + np.where(np.asarray(seeds) % 2, 1.0, -1.0))

    return PlantedCampaigns(value)


@pytest.mark.parametrize(("by", "right"), [(-20, "fewer"), (20, "more"), (0, "cannot tell")])
def test_a_verdict_is_that_of_the_paired_interval(helped, by, right):
    task = helped.task("verdict")
    for value in task.choices:
        found = mark(helped, task, Answer(value, 100), shifting(by), MANY)
        assert (found.points == task.points) == (value == right)


def test_a_verdict_from_one_pair_is_flagged_whatever_it_says(helped):
    task = helped.task("verdict")
    for value in task.choices:
        found = mark(helped, task, Answer(value, 1), shifting(-20), MANY)
        assert found.points == 0 and found.flags


def test_a_verdict_that_only_others_show_is_half_right(helped):
    """The student's own pairs show nothing; the many others do."""

    def value(overrides, outcome, seeds):
        helps = "reinforcement=answer_every_call" in overrides.words
        own_pairs, sign = np.asarray(seeds) < REFERENCE_SEED, np.where(np.asarray(seeds) % 2, 1.0, -1.0)
        return luck(seeds, outcome) + helps * np.where(own_pairs, 40 * sign, -40)

    task = helped.task("verdict")
    found = mark(helped, task, Answer("fewer", 100), PlantedCampaigns(value), MANY)
    assert found.points == task.points / 2
    assert any("a conclusion needs evidence" in said for said in found.says)


def test_a_difference_is_taken_pair_by_pair(helped):
    """Unpaired, the error would be that of the luck, which is far larger than that of the difference."""
    found = estimate(helped, helped.task("difference"), Sample(shifting(-20), helped.first_seed, 100))
    assert found.number == pytest.approx(-20, abs=1) and found.error < 1


@pytest.fixture(scope="module")
def ladder():
    return student_with(lesson_of(2), ladder_key="rules.news.province")


def stepping(heights, noise=1.0):
    """Campaigns whose mean climbs from rung to rung by these heights."""

    def value(overrides, outcome, seeds):
        rung = next(
            place
            for place, word in enumerate(("0.03", "0.06", "0.12", "0.24"))
            if f"=0.{word[2:]}" in overrides.words[0]
        )
        return noise * luck(np.asarray(seeds) + 1000 * rung, outcome) + sum(heights[:rung])

    return PlantedCampaigns(value)


def test_the_steepest_step_is_the_one_that_is_right(ladder):
    task = ladder.task("steepest")
    points = [mark(ladder, task, Answer(choice, 100), stepping([5, 100, 5]), MANY).points for choice in task.choices]
    assert points == [0, task.points, 0]


def test_steps_that_chance_cannot_tell_apart_are_all_right(ladder):
    task = ladder.task("steepest")
    points = [mark(ladder, task, Answer(choice, 100), stepping([30, 30, 2]), MANY).points for choice in task.choices]
    assert points == [task.points, task.points, 0]


def test_from_one_campaign_only_the_best_may_be_the_best(ladder):
    task = ladder.task("steepest")
    allowed = [may_be for _, may_be in rank_choices(ladder, task, Sample(stepping([5, 5, 5]), 0, 1)).values()]
    assert sum(allowed) == 1


def test_a_chain_of_thresholds_ends_where_it_is_broken(ladder):
    task = ladder.task("chain")
    gap = ladder.parameters["chain"]
    thresholds = sorted([*(one for one in range(10) if one != gap), gap + 1])
    acting = 0
    while acting < 10 and thresholds[acting] <= acting:
        acting += 1
    assert mark(ladder, task, Answer(float(acting), 0), PlantedCampaigns()).points == 1
    assert mark(ladder, task, Answer(10.0, 0), PlantedCampaigns()).points == 0


def test_the_best_of_small_groups_is_nearer_than_all_together():
    """And this is what the lesson on fooling oneself shows: with luck alone the winner looks better than the whole."""
    sheet = student_with(lesson_of(5), outcome="newly_fallen_2021_06_30")
    sample = Sample(PlantedCampaigns(), sheet.first_seed, 100)
    lucky, sober = (estimate(sheet, sheet.task(key), sample).number for key in ("best_of_ten", "sober"))
    assert lucky < sober
    assert mark(sheet, sheet.task("best_of_ten"), Answer(lucky, 100), PlantedCampaigns(), MANY).points == 2


@pytest.mark.parametrize(("id", "points"), [("F081", 2), ("f065 ", 2), ("F014", 0), ("F999", 0)])
def test_a_row_in_conflict_is_found_in_the_evidence(id, points):
    sheet = student_with(lesson_of(6), row="F012")
    assert mark(sheet, sheet.task("conflict"), Answer(id, 0), PlantedCampaigns()).points == points


@pytest.mark.parametrize(("id", "points"), [("F074", 2), ("F001", 0), ("F006", 0)])
def test_a_row_without_an_outcome_is_found_in_the_evidence(id, points):
    sheet = sheet_of(lesson_of(6), "1")
    assert mark(sheet, sheet.task("unanswered"), Answer(id, 0), PlantedCampaigns()).points == points


def test_a_guess_earns_its_point_by_being_made_and_is_never_scored(sheet, campaigns):
    for value in ((0.0, 1.0), (0.0, 1e6)):
        assert mark(sheet, sheet.task("guess"), Answer(value, 100), campaigns, MANY).points == 1


def test_no_answer_earns_nothing_and_asks_for_no_campaign(sheet):
    campaigns = PlantedCampaigns()
    assert mark(sheet, sheet.task("median"), None, campaigns, MANY).points == 0
    assert not campaigns.asked


@pytest.mark.parametrize(
    ("key", "answer", "said"),
    [
        ("median", Answer("many", 100), "expected a number"),
        ("median", Answer(True, 100), "expected a number"),
        ("median", Answer(float("nan"), 100), "expected a number"),
        ("median", Answer(float("inf"), 100), "expected a number"),
        ("median", Answer(10**400, 100), "expected a number"),
        ("median", Answer(1.0, 0), "expected the number of campaigns"),
        ("median", Answer(1.0, -5), "expected a whole number from 0"),
        ("median", Answer(1.0, 1.5), "expected a whole number from 0"),
        ("median", Answer(1.0, MOST_RUNS + 1), "expected a whole number from 0"),
        ("range", Answer(1.0, 100), "expected two numbers"),
        ("range", Answer((2.0, 1.0), 100), "the lower number first"),
        ("inside", Answer("maybe", 100), "expected one of yes; no"),
        ("own_words", Answer("x" * 5000, 0), "expected at most"),
        ("own_words", Answer(7.0, 0), "expected text"),
    ],
)
def test_an_answer_of_another_kind_is_refused_by_name(sheet, campaigns, key, answer, said):
    with pytest.raises(PanjError, match=f"answer {key}.*{said}"):
        mark(sheet, sheet.task(key), answer, campaigns)


def test_a_share_of_nothing_still_has_an_error():
    found = share_of(np.zeros(50, bool))
    assert found.number == 0 and found.low == pytest.approx(0, abs=1e-12) and 0 < found.high < 0.1 and found.error > 0


def test_campaigns_without_the_outcome_are_left_out(sheet):
    holes = PlantedCampaigns(
        lambda overrides, outcome, seeds: np.where(np.asarray(seeds) % 2, np.nan, luck(seeds, outcome))
    )
    found = estimate(sheet, sheet.task("median"), Sample(holes, sheet.first_seed, 100))
    assert found.campaigns == 50
    with pytest.raises(PanjError, match="found no campaign"):
        estimate(sheet, sheet.task("median"), Sample(PlantedCampaigns(lambda w, o, s: np.full(len(s), np.nan)), 0, 10))


def test_the_same_answer_gets_the_same_mark(sheet, campaigns):
    answer = Answer(205.0, 60)
    marks = [mark(sheet, task, answer, PlantedCampaigns(), MANY) for task in [sheet.task("median")] * 2]
    assert marks[0] == marks[1]


def test_a_task_says_how_many_campaigns_it_needs():
    assert lesson.read_task({"key": "a", "asks": "x", "kind": "quiz"}).needs == 0
    assert lesson.read_task({"key": "a", "asks": "x", "kind": "number", "measure": "first_campaign"}).needs == 1
    assert lesson.read_task({"key": "a", "asks": "x", "kind": "verdict"}) == Task(
        "a", "x", "verdict", choices=("more", "fewer", "cannot tell"), needs=50
    )
