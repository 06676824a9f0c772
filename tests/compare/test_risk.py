"""The risk of passing a threshold in two cells with the same seeds."""

import math
from datetime import date

import numpy as np
import pytest
from test_compare import one_key, verdicts_of, write_study, write_verdicts

from sim.compare import figure as show
from sim.compare.risk import format_bounds, interval_of_risk, judge_risk, ratio_of, spread_of_risk
from sim.compare.sentences import notes_on_ties
from sim.errors import PanjError
from sim.options import Range, read_threshold
from sim.study.reader import Measure, StudyCell, Worlds

DAY_0 = date(2021, 5, 1)


def asked(above=None, below=None):
    ends = (("above", above), ("below", below))
    return Range(*(read_threshold(key, text) if text else None for key, text in ends))


def marks_of(both, prevented, caused, neither):
    """Zeros and ones of a cell and of its baseline."""
    cell = [1.0] * both + [0.0] * prevented + [1.0] * caused + [0.0] * neither
    baseline = [1.0] * both + [1.0] * prevented + [0.0] * caused + [0.0] * neither
    return np.array(cell), np.array(baseline)


@pytest.mark.parametrize(
    ("counts", "low", "high", "ratio", "ratio_low", "ratio_high"),
    [
        # Cavo et al. 2012 in Fagerland, Lydersen and Laake 2017, chapter 8: ratio 0.8667, 0.7579 to 0.9910
        ((59, 16, 6, 80), -0.1196, -0.0030, 0.8667, 0.7579, 0.9910),
        # Bentur et al. 2009 in Fagerland, Lydersen and Laake 2014: difference -0.508 to -0.013
        ((1, 7, 1, 12), -0.5084, -0.0134, 0.25, None, None),
    ],
)
def test_intervals_are_those_of_worked_examples(counts, low, high, ratio, ratio_low, ratio_high):
    found, risk = judge_risk(*marks_of(*counts))
    assert (found.mean_low, found.mean_high) == pytest.approx((low, high), abs=6e-4)
    assert (risk.in_both, risk.prevented, risk.caused, risk.in_neither) == counts
    assert risk.ratio == pytest.approx(ratio, abs=5e-5)
    if ratio_low is not None:
        assert (risk.ratio_low, risk.ratio_high) == pytest.approx((ratio_low, ratio_high), abs=5e-5)


@pytest.mark.parametrize("chances", [(0.05, 0.04, 0.01, 0.9), (0.3, 0.2, 0.1, 0.4), (0.0, 0.03, 0.0, 0.97)])
def test_intervals_cover_the_truth_as_often_as_they_say(chances):
    draws = np.random.default_rng(7).multinomial(150, chances, size=1500)
    difference = chances[2] - chances[1]
    ratio = (chances[0] + chances[2]) / (chances[0] + chances[1])
    hits, of_ratio = [], []
    for both, prevented, caused, neither in draws.tolist():
        low, high = interval_of_risk(np.repeat([0.0, -1.0, 1.0], [both + neither, prevented, caused]))
        hits.append(low <= difference <= high)
    for both, prevented, caused, _ in draws[:200].tolist():
        _, low, high = ratio_of(both, prevented, caused)
        of_ratio.append(math.isnan(low) or low <= ratio <= high)
    assert 0.935 <= np.mean(hits) <= 0.995
    assert np.mean(of_ratio) >= 0.9


def test_worlds_that_do_not_differ_still_leave_room_for_a_difference():
    low, high = interval_of_risk(np.zeros(100))
    assert low == -high and 0.01 < high < 0.05
    assert interval_of_risk(np.zeros(10_000))[1] < high / 50
    assert interval_of_risk(np.full(50, -1.0))[0] == -1  # never beyond what is possible


def test_a_threshold_compares_risks_world_by_world(tmp_path):
    after = [100.0, 1037.0, 1038.0, 1500.0, 10.0] * 4
    before = [1200.0, 1200.0, 1200.0, 10.0, 20.0] * 4
    folder = write_study(tmp_path / "made", one_key(("as_reported", before), ("none", after)))
    comparison = verdicts_of(folder, "troops_crossed", asked=asked("1037"))
    row = comparison.verdicts[0]
    assert row.risk is not None
    assert (row.risk.in_both, row.risk.prevented, row.risk.caused, row.risk.in_neither) == (4, 8, 4, 4)
    assert (row.risk.share, row.risk.baseline_share) == (0.4, 0.6)
    assert row.judgement.mean_difference == pytest.approx(-0.2)
    assert row.campaigns.median == 0.4
    assert "is above 1,037 soldiers in 8 of 20 worlds instead of 12" in row.sentence
    assert row.sentence.count("interval") == 1
    assert "prevented in 8, caused in 4, unchanged in 8" in row.sentence


def test_a_table_of_risks_is_read_as_it_was_written_and_leaves_the_usual_one(tmp_path, capsys):
    folder = write_study(tmp_path / "made", one_key(("as_reported", [9.0, 1.0] * 9), ("none", [1.0, 2.0] * 9)))
    usual = write_verdicts([str(folder), "outcome=troops_crossed"])
    (table,) = write_verdicts([str(folder), "outcome=troops_crossed", "above=5"])
    assert table.name == "troops_crossed__above_5.csv" and show.tables_in(folder) == usual
    comparison = verdicts_of(folder, "troops_crossed", asked=asked("5"))
    read = show.read_verdicts(table).rows
    assert [row.risk for row in read] == [row.risk for row in comparison.verdicts]
    assert [row.sentence for row in read] == [row.sentence for row in comparison.verdicts]
    assert show.main([table]) == 0
    assert table.with_suffix(".png").is_file() and "prevented" in capsys.readouterr().out


def test_a_date_that_never_comes_is_later_than_any(tmp_path):
    dates = {"as_reported": ["2021-07-01", "2021-07-09", None, None], "none": ["2021-07-06", "2021-07-01", None, None]}
    cells = [({"reinforcement": name}, {"first_capital_fell": days}) for name, days in dates.items()]
    folder = write_study(tmp_path / "made", cells)
    row = verdicts_of(folder, "first_capital_fell", asked=asked("2021-07-05")).verdicts[0]
    assert row.risk is not None
    assert (row.risk.in_both, row.risk.prevented, row.risk.caused, row.risk.in_neither) == (2, 1, 1, 0)
    assert "is later than 5 July in 3 of 4 worlds" in row.sentence
    early = verdicts_of(folder, "first_capital_fell", asked=asked(below="2021-07-05")).verdicts[0].risk
    assert early is not None and early.in_neither == 2


def test_a_missing_value_is_left_out_and_passes_no_threshold(tmp_path):
    cells = one_key(("as_reported", [9.0, None, 1.0]), ("none", [9.0, 9.0, 9.0]))
    row = verdicts_of(write_study(tmp_path / "made", cells), "troops_crossed", asked=asked("5")).verdicts[0]
    assert row.risk is not None and (row.risk.worlds, row.risk.caused, row.missing) == (2, 1, 1)


@pytest.mark.parametrize(
    ("words", "key"),
    [
        (["above=1037"], "above"),
        (["outcome=troops_crossed,share_held", "above=1"], "above"),
        (["outcome=troops_crossed", "above=2021-07-05"], "above"),
        (["outcome=share_held", "below=50"], "below"),
        (["outcome=troops_crossed", "above=10", "below=10"], "above"),
        (["outcome=troops_crossed", "above=nan"], "above"),
        (["outcome=troops_crossed", "effects=perhaps"], "effects"),
    ],
)
def test_a_threshold_that_does_not_fit_is_refused_by_its_key_and_nothing_is_written(tmp_path, words, key):
    cells = one_key(("as_reported", [1.0, 2.0]), ("none", [3.0, 4.0]))
    cells = [(values, {**row, "share_held": [0.1, 0.2]}) for values, row in cells]
    folder = write_study(tmp_path / "made", cells)
    with pytest.raises(PanjError) as refused:
        write_verdicts([str(folder), *words])
    assert refused.value.key == key
    assert not (folder / "verdicts").exists()


def test_a_range_in_words():
    assert format_bounds(asked("0.3", "0.4"), Measure("x", "X", "share", False, {})) == "above 30 % and below 40 %"
    soldiers = Measure("x", "X", "soldiers", False, {}, date(2021, 7, 7))
    assert format_bounds(asked("1037"), soldiers) == "above 1,037 soldiers"


def test_campaigns_exactly_at_a_threshold_are_stated_once_per_cell():
    cells = [StudyCell(number, f"border={name}", {}, DAY_0, DAY_0) for number, name in enumerate(("open", "closed"))]
    values = [np.array([1037.0, 5.0, np.nan]), np.array([1037.0, 1037.0, 2000.0])]
    worlds = [Worlds(cell, np.arange(3), each, ~np.isnan(each)) for cell, each in zip(cells, values, strict=True)]
    measure = Measure("crossed", "Soldiers", "soldiers", False, {})
    over = asked(above="1037")
    assert notes_on_ties(worlds[:1] * 2, measure, DAY_0, over) == [
        "1 campaign of border=open has exactly 1,037 soldiers and is not counted as above."
    ]
    assert notes_on_ties(worlds, measure, DAY_0, over) == [
        "1 campaign of border=open; 2 campaigns of border=closed have exactly 1,037 soldiers and are not counted as "
        "above."
    ]
    assert notes_on_ties(worlds, measure, DAY_0, None) == []


def test_intervals_of_risks_and_ratios_over_runs_of_the_sampler_cover_the_truth():
    """Runs of the sampler with risks of their own: of 30 % on average in the baseline, of two thirds of that here."""
    draws, runs = np.random.default_rng(3), np.arange(400) % 8
    names = ("baseline", "cell", "ratio")
    alike, held = dict.fromkeys(names, 0), dict.fromkeys(names, 0)
    for _ in range(200):
        risks = draws.beta(3.0, 7.0, 8)[runs]
        baseline = (draws.random(runs.size) < risks).astype(float)
        cell = (draws.random(runs.size) < draws.beta(2.0, 8.0, 8)[runs]).astype(float)
        for one, hits in ((None, alike), (runs, held)):
            _, risk = judge_risk(cell, baseline, one)
            ends = spread_of_risk(baseline, one)[1:], spread_of_risk(cell, one)[1:], (risk.ratio_low, risk.ratio_high)
            for name, (low, high), truth in zip(names, ends, (0.3, 0.2, 2 / 3), strict=True):
                hits[name] += low <= truth <= high
    assert all(alike[name] < 0.8 * 200 for name in names), alike
    assert all(0.9 * 200 <= held[name] <= 0.995 * 200 for name in names), held


def test_the_interval_of_a_risk_over_runs_is_students_t_within_zero_and_one():
    marks, runs = np.array([1.0, 0.0, 1.0, 1.0, np.nan, 0.0, 1.0, 0.0]), np.array([0, 1, 0, 1, 0, 1, 0, 1])
    risk, low, high = spread_of_risk(marks, runs)  # 3 of 3 and 1 of 4
    assert risk == pytest.approx(4 / 7)
    assert (low, high) == (0.0, 1.0)
    assert spread_of_risk(np.zeros(40), np.arange(40) % 8) == spread_of_risk(np.zeros(40))


def test_the_interval_of_a_ratio_over_runs_is_that_of_the_linearised_logarithm():
    cell, baseline = np.array([1.0, 0, 0, 0, 1, 1, 0, 0]), np.array([1.0, 1, 1, 0, 1, 1, 0, 0])
    runs = np.repeat([0, 1], 4)
    _, risk = judge_risk(np.tile(cell, 50), np.tile(baseline, 50), np.tile(runs, 50))
    # ratio 3 / 5; the runs have (1/4 - 3/5 x 3/4) / (3/8) and (2/4 - 3/5 x 2/4) / (3/8), so +-8/15; t 12.706
    half = 12.7062047 * (8 / 15)
    assert risk.ratio == pytest.approx(0.6)
    assert (risk.ratio_low, risk.ratio_high) == pytest.approx((0.6 * math.exp(-half), 0.6 * math.exp(half)))
    assert judge_risk(np.zeros(8), baseline, runs)[1] == judge_risk(np.zeros(8), baseline)[1]
