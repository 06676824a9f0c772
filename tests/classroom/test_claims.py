"""Claims on claims: what may be sent, and how a range is scored."""

import math

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as some
from planted import refusal

from sim.classroom.choice.parse import parse_choice
from sim.classroom.sessions.claims import (
    ABOVE,  # fmt: skip
    BELOW,
    EDGE,
    EFFECT,  # fmt: skip
    FITTING,
    INSIDE,
    LARGEST,
    LONGEST_OVERRIDE,
    LONGEST_REASON,
    MOST_OVERRIDES,
    NARROW,
    OUTCOME,
    WIDE,
    Answer,
    Claim,
    answer_of,
    checked_claim,
    clean_overrides,
    clean_reason,
    dump_answer,
    failed,
    interval_score,
    load_answer,
    middle,
    number_typed,
    score_of,
    tally,
)
from sim.classroom.sessions.session import beyond_the_record, measure_of, offered
from sim.configuration.overrides import BASELINE, Overrides
from sim.errors import PanjError

numbers = some.floats(-1e6, 1e6)


def answer(values, mean=0.0, low=0.0, high=0.0):
    return Answer(tuple(values), (), 0, mean, low, high, "as declared")


def table(values, first=0):
    return pa.table({"seed": list(range(first, first + len(values))), "peak_queue": pa.array(values, pa.float64())})


def test_the_words_of_a_claim_are_kept_as_the_form_writes_them():
    overrides = ["rules.news.fade_days=5", "timeline.events.bagram_handed_over.date=2021-06-20", "border=closed"]
    kept = clean_overrides(Overrides.of(overrides))
    assert kept == clean_overrides(kept) == clean_overrides(Overrides.of(overrides[::-1]))
    assert kept.words[0] == "border=closed" and len(kept) == 3
    assert clean_overrides(BASELINE) == clean_overrides(Overrides.of(["border=as_reported"])) == BASELINE


@pytest.mark.parametrize(
    "word",
    [
        "runs=100000", "seed=3", "study=x", "results_dir=/tmp", "executor=dask", "executor.address=tcp://host",
        "calibration.file=/etc/passwd", "calibration=prior", "debug=true", "hydra.run.dir=/", "~border",
        "start_date=2021-06-01", "end_date=2021-07-01", "rules.nothing.there=1", "border=${oc.env:HOME}",
        "border=nowhere", "border=open,closed", "", "border",
    ],
)  # fmt: skip
def test_what_decides_how_campaigns_are_run_or_is_no_setting_is_no_part_of_a_claim(word):
    with pytest.raises(PanjError):
        clean_overrides(parse_choice([word]))


def test_words_are_few_and_short():
    assert refusal(clean_overrides, Overrides.of(["border=open"] * (MOST_OVERRIDES + 1))) == "many_words"
    assert refusal(clean_overrides, Overrides.of(["border=" + "x" * LONGEST_OVERRIDE])) == "long_word"


@pytest.mark.parametrize(
    ("typed", "number"),
    [
        ("1037", 1037),
        (" 1,037 ", 1037),
        ("1 037", 1037),
        ("-12.5", -12.5),
        ("\u2212300", -300),
        ("+3", 3),
        ("34 %", 34),
    ],
)  # fmt: skip
def test_a_number_is_read_as_people_type_it(typed, number):
    assert number_typed(typed) == number


@pytest.mark.parametrize(
    "typed", ["", "1,5", "1.037.000", "10,37", "1e5", "nan", "inf", "ten", "1" * 40, "--1", "1_000"]
)
def test_a_number_that_could_be_read_in_two_ways_is_refused(typed):
    assert refusal(number_typed, typed) == "odd_number"


@pytest.mark.parametrize(
    ("low", "high", "confidence", "why"),
    [
        (math.nan, 1.0, 0.9, "odd_bound"), (0.0, math.inf, 0.9, "odd_bound"), (0.0, 2 * LARGEST, 0.9, "odd_bound"),
        (1.0, 1.0, 0.9, "no_range"), (2.0, 1.0, 0.9, "no_range"), (0.0, 1.0, 1.0, "odd_confidence"),
        (0.0, 1.0, 0.1, "odd_confidence"), (0.0, 1.0, math.nan, "odd_confidence"),
    ],
)  # fmt: skip
def test_a_range_has_two_ordinary_ends_in_order_and_a_confidence(low, high, confidence, why):
    assert refusal(checked_claim, Claim(BASELINE, low, high, confidence), EFFECT) == why


def test_an_outcome_is_not_less_than_nothing_and_an_effect_may_be():
    claim = Claim(Overrides.of(["border=closed"]), -20.0, -10.0)
    assert checked_claim(claim, EFFECT) == claim
    assert refusal(checked_claim, claim, OUTCOME) == "below_nothing"


def test_a_choice_that_changes_nothing_has_an_outcome_and_no_effect():
    claim = Claim(Overrides.of(["border=as_reported"]), 20.0, 30.0)
    assert checked_claim(claim, OUTCOME).overrides == BASELINE
    assert refusal(checked_claim, claim, EFFECT) == "nothing_chosen"


def test_a_reason_is_short_and_hides_nothing():
    assert clean_reason("  one \n\n\u202etwo\t three ") == "one\ntwo three"
    assert refusal(clean_reason, "x" * (LONGEST_REASON + 1)) == "long_reason"


@pytest.mark.parametrize(
    ("low", "high", "said"), [(-2, -1, "lower"), (1, 2, "higher"), (-1, 2, "either"), (0, 2, "either")]
)
def test_a_direction_is_said_only_by_a_range_that_keeps_clear_of_zero(low, high, said):
    assert Claim(BASELINE, low, high).direction == said


def test_an_effect_is_the_difference_of_campaigns_with_one_seed():
    found = answer_of(table([10.0, 20.0, None, 40.0]), table([1.0, 2.0, 3.0, None, 5.0]), "peak_queue", "prior")
    assert found.values == (10.0, 20.0, 40.0)
    assert found.effects == (9.0, 18.0)
    assert (found.mean, found.missing, found.calibration) == (13.5, 1, "prior")
    assert found.low <= found.mean <= found.high


def test_the_interval_of_an_effect_in_worlds_of_several_runs_is_over_the_runs():
    ours, base = table([float(seed % 2) for seed in range(20)]), table([0.0] * 20)
    alone, together = answer_of(ours, base, "peak_queue", ""), answer_of(ours, base, "peak_queue", "", 2)
    assert alone.mean == together.mean == 0.5
    assert alone.low > 0.0 and alone.high < 1.0
    assert together.high - together.low == pytest.approx(12.7062047)  # t with one degree of freedom, runs 0 and 1


def test_the_order_of_rows_decides_nothing():
    ours, base = table([3.0, 1.0, 4.0, 1.0, 5.0]), table([2.0, 7.0, 1.0, 8.0, 2.0])
    turned = ours.take(pa.array([4, 2, 0, 1, 3]))
    assert answer_of(turned, base, "peak_queue", "") == answer_of(ours, base, "peak_queue", "")


def test_an_answer_is_kept_to_the_last_digit():
    found = answer_of(table([1 / 3, 2 / 7, 0.1]), table([0.3, 0.2, 1e-17]), "peak_queue", "drawn")
    assert load_answer(dump_answer(found)) == found


def test_campaigns_that_failed_score_nothing():
    kept = load_answer(dump_answer(failed("all posts are closed")))
    assert kept.error == "all posts are closed"
    assert score_of(Claim(BASELINE, 0, 1), EFFECT, kept) is None
    assert score_of(Claim(BASELINE, 0, 1), OUTCOME, kept) is None


@pytest.mark.parametrize(
    ("mean", "low", "high", "verdict", "total"),
    [
        (5.0, 4.0, 6.0, INSIDE, 10.0),
        (-5.0, -6.0, -4.0, BELOW, 10.0 + 20 * 5),
        (12.0, 11.0, 13.0, ABOVE, 10.0 + 20 * 2),
        (0.5, -0.5, 1.5, EDGE, 10.0),
        (10.5, 9.5, 11.5, EDGE, 10.0 + 20 * 0.5),
    ],
)
def test_an_effect_is_scored_by_width_and_twenty_for_each_unit_missed_at_90_per_cent(mean, low, high, verdict, total):
    score = score_of(Claim(BASELINE, 0.0, 10.0, 0.9), EFFECT, answer([], mean, low, high))
    assert score.verdict == verdict
    assert score.total == pytest.approx(total)
    assert score.penalty == pytest.approx(total - 10) and score.width == 10


def test_a_range_for_an_outcome_is_compared_with_all_campaigns():
    values = np.arange(100.0)
    fitting = score_of(Claim(BASELINE, 4.5, 94.5, 0.9), OUTCOME, answer(values))
    assert (fitting.verdict, fitting.held) == (FITTING, pytest.approx(0.9))
    assert score_of(Claim(BASELINE, 40.0, 60.0, 0.9), OUTCOME, answer(values)).verdict == NARROW
    assert score_of(Claim(BASELINE, 0.0, 99.0, 0.5), OUTCOME, answer(values)).verdict == WIDE
    missed = score_of(Claim(BASELINE, 200.0, 300.0, 0.9), OUTCOME, answer(values))
    assert (missed.held, missed.miss) == (0.0, pytest.approx(200 - values.mean()))


@given(some.lists(numbers, min_size=20, max_size=60), numbers, numbers, some.sampled_from([0.5, 0.8, 0.9, 0.95]))
def test_nobody_scores_better_than_the_middle_of_the_campaigns_themselves(values, one, other, confidence):
    values = np.array(values)
    best = interval_score(*middle(values, confidence), confidence, values)
    claimed = interval_score(min(one, other), max(one, other), confidence, values)
    slack = 2 / (1 - confidence) / values.size * np.ptp(values)  # between two campaigns the quantile is a convention
    assert claimed >= best - slack - 1e-6


@given(numbers, some.floats(0.01, 1e5), some.floats(0.01, 1e5), numbers)
def test_a_wider_range_costs_more_where_it_wins_nothing(low, width, more, value):
    inside = low + width / 2
    narrow = interval_score(low, low + width, 0.9, np.array([inside]))
    assert interval_score(low, low + width + more, 0.9, np.array([inside])) > narrow - 1e-9
    assert interval_score(low, low + width, 0.9, np.array([value])) >= narrow - 1e-6


def test_a_class_is_told_how_many_ranges_held_and_how_many_ought_to_have():
    claims = [Claim(BASELINE, 0.0, 10.0), Claim(BASELINE, 20.0, 30.0), Claim(BASELINE, 0.0, 30.0, 0.5)]
    scored = [(claim, score_of(claim, EFFECT, answer([], 5.0, 4.9, 5.1))) for claim in claims]
    found = tally(scored)
    assert (found.ranges, found.held, found.expected) == (3, 2, pytest.approx(2.3))


# The outcomes about which a class may be asked


def test_no_question_is_about_the_dead_or_a_date():
    names = offered()
    assert names and not [name for name in names if "killed" in name]
    assert "largest_night" not in names and "troops_crossed_by_2021_07_07" in names


def test_what_is_counted_to_the_last_day_is_beyond_the_record():
    assert "troops_crossed" in beyond_the_record()
    assert "troops_crossed_by_2021_07_07" not in beyond_the_record()


@pytest.mark.parametrize("name", ["troops_crossed_by_2021_07_07", "vanished"])
def test_every_outcome_has_a_label(name):
    assert measure_of(name).label
