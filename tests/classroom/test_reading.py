"""Two tables of outcomes, planted so that the answer is known, and what is said of them."""

from datetime import date
from itertools import pairwise
from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.classroom.reading import (
    CLEAR,
    DOTS,
    EARLY,
    MAIN_OUTCOMES,
    NOTHING,
    ONE,
    PAIR_DOTS,
    SAME,
    UNCLEAR,
    Campaigns,
    dots_of,
    edges_of,
    outcomes_of,
    outcomes_to_choose,
    read,
    ticks_of,
    to_plain,
)
from sim.compare.pairs import judge
from sim.compare.sentences import FEW
from sim.errors import PanjError
from sim.study.reader import Measure

COUNT, DATE, SHARE = "troops_crossed_by_2021_07_07", "first_capital_fell", "share_without_fight"
RUNS = 200


def study(last=date(2021, 9, 11), calibration="calibrated", runs=1):
    start, days = date(2021, 5, 1), (last - date(2021, 5, 1)).days
    return SimpleNamespace(start_date=start, end_date=last, days=days, calibration=calibration, sampler_runs=runs)


def campaigns(values, name=COUNT, settings=None, seeds=None):
    kind = pa.string() if name == DATE else pa.float64()
    seeds = range(len(values)) if seeds is None else seeds
    table = pa.table({"seed": pa.array(list(seeds), pa.int64()), name: pa.array(list(values), kind)})
    return Campaigns(settings or study(), table, RUNS)


def noise(count, seed=0, size=50.0):
    return np.random.default_rng(seed).normal(1000.0, size, count).round()


def test_a_planted_difference_is_told_apart_with_the_interval_that_compare_gives():
    base = noise(60)
    changed = base + 100 + noise(60, 1, 20.0) - 1000
    reading = read(campaigns(base), campaigns(changed), COUNT, "more of it")
    found = judge(changed, base)
    assert reading.sure == CLEAR
    assert reading.sentence.startswith('With "more of it",') and "higher" in reading.sentence
    assert f"{found.mean_low:.0f}"[:2] in reading.sentence and "60 worlds" in reading.sentence


def test_worlds_of_several_runs_of_the_sampler_do_not_count_as_independent():
    base = noise(80)
    changed = base + 100.0 * (np.arange(80) % 4 - 1)  # on average higher, but not in every run
    worlds = study(runs=4)
    alone = read(campaigns(base), campaigns(changed), COUNT)
    together = read(campaigns(base, settings=worlds), campaigns(changed, settings=worlds), COUNT)
    assert alone.sure == CLEAR
    assert together.sure != CLEAR


def test_pairing_is_by_seed_and_not_by_row():
    base, order = noise(60), np.random.default_rng(2).permutation(60)
    straight = read(campaigns(base), campaigns(base + 1), COUNT)
    mixed = read(campaigns(base), campaigns((base + 1)[order], seeds=order), COUNT)
    assert straight.sentence == mixed.sentence


def test_chance_alone_is_no_clear_difference():
    reading = read(campaigns(noise(40, 1)), campaigns(noise(40, 2)), COUNT)
    assert reading.sure == UNCLEAR
    assert "no difference" in reading.sentence


def test_nothing_is_told_apart_with_few_campaigns_however_large_the_difference():
    base = noise(FEW - 1)
    assert read(campaigns(base), campaigns(base + 5000 + noise(FEW - 1, 3)), COUNT).sure == EARLY
    base = noise(FEW)
    assert read(campaigns(base), campaigns(base + 5000 + noise(FEW, 3)), COUNT).sure == CLEAR


def test_no_difference_in_any_pair_is_said_so():
    assert read(campaigns(noise(30)), campaigns(noise(30)), COUNT).sure == SAME


def test_a_single_run_may_be_due_to_chance_and_has_no_verdict():
    reading = read(campaigns([5.0]), campaigns([9.0]), COUNT)
    assert reading.sure == ONE and not reading.sentence
    assert "chance" in reading.headline and "one campaign" in reading.base.text
    alone = read(campaigns([5.0]), None, COUNT)
    assert alone.sure == ONE and alone.changed is None


def test_before_any_campaign_there_is_nothing_to_say():
    empty = Campaigns(study(), None, RUNS)
    for pair in ((empty, None), (empty, empty), (campaigns(noise(30)), empty)):
        reading = read(*pair, COUNT)
        assert reading.sure == NOTHING and not reading.sentence
        assert len(reading.base.bars) == len(reading.edges) - 1


def test_an_event_that_did_not_come_counts_as_the_day_after_the_last_and_is_said():
    values = ["2021-08-06", None, "2021-08-08", *["2021-08-10"] * 30]
    reading = read(campaigns(values, DATE), None, DATE)
    assert "In one the event did not occur" in reading.base.text and "12 September" in reading.base.text
    assert reading.edges[-1] > (date(2021, 9, 12) - date(2021, 5, 1)).days
    assert reading.base.missing == 0


def test_a_missing_number_is_left_out_and_counted():
    reading = read(campaigns([0.2, None, 0.4, 0.3], SHARE), None, SHARE)
    assert (reading.base.missing, reading.base.done) == (1, 4)
    assert reading.base.median == pytest.approx(0.3)


def test_the_reported_figure_is_inside_the_picture_with_its_source():
    reading = read(campaigns([1.0, 2.0, 3.0]), None, COUNT)
    assert reading.edges[0] <= reading.mark.value <= reading.edges[-1]
    assert reading.mark.rows and all(row.startswith("F") and "(" in row for row in reading.mark.rows)
    assert reading.mark.rows[0].split(":")[0] in reading.mark.text


def test_a_lower_bound_is_called_one():
    name = "refugees_admitted_by_2021_07_07"
    reading = read(campaigns([500.0, 2000.0], name), None, name)
    assert "at least" in reading.mark.text and reading.mark.high is None


def test_what_is_past_the_record_is_marked():
    def says_beyond(name):
        return any("beyond the record" in note for note in read(campaigns([5.0, 6.0], name), None, name).notes)

    assert says_beyond("calls_answered") and not says_beyond(COUNT)
    assert read(campaigns(["2021-08-06"] * 3, DATE), None, DATE).beyond == (date(2021, 7, 7) - date(2021, 5, 1)).days


def test_campaigns_to_come_are_shown_with_a_verdict():
    base = noise(60)
    part = read(campaigns(base), campaigns(base + noise(60, 1)), COUNT)
    whole = [campaigns(values)._replace(runs=60) for values in (base, base + noise(60, 1))]
    assert any("More campaigns are coming" in note for note in part.notes)
    assert not any("More campaigns are coming" in note for note in read(*whole, COUNT).notes)


def test_every_picture_says_how_many_campaigns_and_where_their_numbers_come_from():
    reading = read(campaigns(noise(30), settings=study(calibration="not calibrated")), campaigns(noise(7)), COUNT)
    assert (reading.base.done, reading.base.runs, reading.base.calibration) == (30, RUNS, "not calibrated")
    assert reading.changed.calibration == "calibrated"
    assert "30 of 200" in reading.summary and "7 of 200" in reading.summary


def test_only_outcomes_that_campaigns_come_to_can_be_chosen():
    early = study(last=date(2021, 6, 30))
    assert COUNT not in outcomes_to_choose(early) and "share_held_by_taliban_2021_06_30" in outcomes_to_choose(early)
    assert set(outcomes_to_choose(study())) == set(MAIN_OUTCOMES) <= set(outcomes_of(date(2021, 5, 1), 133))
    for name, settings in ((COUNT, early), ("no_such", study())):
        with pytest.raises(PanjError, match="found"):
            read(campaigns([1.0], settings=settings), None, name)


NUMBERS = st.lists(st.floats(-1e6, 1e6).map(lambda value: float(np.float32(value))), min_size=1, max_size=60)
WHOLE = st.lists(st.integers(0, 5000).map(float), min_size=1, max_size=60)


@given(st.one_of(NUMBERS, WHOLE), st.lists(st.floats(-1e5, 1e5), max_size=2), st.sampled_from(["men", "days", "share"]))
def test_bars_hold_every_campaign_and_the_reported_figure(values, marks, unit):
    measure = Measure("x", "x", unit, unit == "days", {})
    edges = edges_of(np.asarray(values), marks, measure)
    assert all(low < high for low, high in pairwise(edges)) and len(edges) <= 45
    assert all(edges[0] <= value <= edges[-1] for value in [*values, *marks])
    ticks = ticks_of(edges, measure)
    assert len(ticks) <= 13 and all(edges[0] - 1e-6 <= tick <= edges[-1] + 1e-6 for tick in ticks)


@given(st.lists(st.integers(0, 20).map(float), min_size=1, max_size=200))
def test_dots_are_campaigns_while_few_and_never_more_than_the_picture_has(values):
    dots = dots_of(np.sort(np.asarray(values)))
    assert len(dots) == min(len(values), DOTS)
    assert set(dots) <= set(values)


def test_a_page_gets_plain_lists_and_mappings():
    import json

    reading = read(campaigns(noise(30)), campaigns(noise(30, 4)), COUNT)
    told = json.loads(json.dumps(to_plain(reading), allow_nan=False))
    assert told["base"]["bars"] == reading.base.bars and told["summary"] == reading.summary


def test_every_pair_is_a_dot_on_its_side_of_zero():
    base = noise(200)
    shift = np.array([-3.0] * 120 + [0.0] * 30 + [5.0] * 50)
    pairs = read(campaigns(base), campaigns(base + shift), COUNT).pairs
    assert len(pairs.dots) == 200
    assert (pairs.lower, pairs.equal, pairs.higher) == (120, 30, 50)
    assert [sum(dot < 0 for dot in pairs.dots), sum(dot > 0 for dot in pairs.dots)] == [120, 50]
    assert pairs.mean == pytest.approx(shift.mean()) and pairs.low < pairs.mean < pairs.high
    assert "120 of 200 pairs" in pairs.text


@given(st.lists(st.integers(-50, 50), min_size=1, max_size=60))
def test_zero_and_every_dot_are_on_the_axis(shifts):
    base = noise(len(shifts))
    pairs = read(campaigns(base), campaigns(base + np.array(shifts)), COUNT).pairs
    low, high = pairs.edges
    assert low < min(0, *pairs.dots) and high > max(0, *pairs.dots)


def test_dots_are_paired_by_seed_and_not_by_row():
    base, order = noise(60), np.random.default_rng(2).permutation(60)
    pairs = read(campaigns(base), campaigns((base + 1)[order], seeds=order), COUNT).pairs
    assert set(pairs.dots) == {1.0}


def test_more_pairs_than_dots_become_quantiles():
    base = noise(600)
    pairs = read(campaigns(base), campaigns(base + noise(600, 1)), COUNT).pairs
    assert len(pairs.dots) == PAIR_DOTS and pairs.lower + pairs.equal + pairs.higher == 600


def test_differences_of_dates_are_days_earlier_or_later():
    base, later = ["2021-08-06"] * 30, ["2021-08-09"] * 30
    pairs = read(campaigns(base, DATE), campaigns(later, DATE), DATE).pairs
    assert set(pairs.dots) == {3.0} and "later" in pairs.text and "days" in pairs.unit


def test_no_pair_gives_no_dots():
    assert read(campaigns(noise(30)), None, COUNT).pairs is None
    assert read(campaigns(noise(5)), campaigns(noise(5), seeds=range(50, 55)), COUNT).pairs is None


@pytest.mark.parametrize(
    ("calibration", "kind"),
    [
        ("calibrated: posterior of 1,250 weighted draws", "calibrated"),
        ("assimilated: 400 worlds that followed the record to 2021-07-07", "assimilated"),
        ("numbers drawn from the priors, not calibrated", "free"),
        ("numbers as declared, not calibrated", "free"),
    ],
)
def test_a_chart_says_how_many_runs_it_shows_and_of_which_kind(calibration, kind):
    one = campaigns(noise(30), settings=study(calibration=calibration))
    for reading, runs in ((read(one, None, COUNT), "30 runs"), (read(one, one, COUNT), "30 pairs")):
        assert kind in reading.made and runs in reading.made and "1,250" not in reading.made
