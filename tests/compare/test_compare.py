"""What `panj compare` says of two cells, on made-up studies whose answers can be worked out on a board."""

import csv
import dataclasses
import json
import math
import struct
import warnings
from datetime import date
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sim.compare import figure as show
from sim.compare.compare import MAIN_OUTCOMES, Comparison, about_comparison, compare, open_studies
from sim.compare.compare import write_verdicts as write_all
from sim.compare.pairs import RESAMPLES, choose_baseline, clear, intervals_of, judge, with_titles
from sim.compare.sentences import difference_in_words, notes_on_fixed, quote_outcome
from sim.configuration.changes import title_of_scenario
from sim.configuration.numbers import declared_numbers
from sim.data.facts import THE_LINE
from sim.errors import PanjError
from sim.execution import plan
from sim.options import Animate, Compare, Fork, Score, Story, read_request
from sim.outcome import declared_rows, fingerprint_of_row, is_as_defined, last_day_of, row_of
from sim.plots.tables import read_rows
from sim.report.outcomes import chosen_outcomes
from sim.story.story import describe_outcome_of_campaign
from sim.study.reader import Measure, open_study, read_measure, runs_of_seeds
from sim.wording import language_of

WORLDS = 24
CHOICES = {"reinforcement": "as_reported", "morale": "reported", "border": "as_reported"}
LABELS = {
    "troops_crossed": ("Soldiers who crossed", "soldiers"),
    "share_held": ("Districts held", "share"),
    "first_capital_fell": ("Date when the first capital fell", "date"),
}


def write_verdicts(words):
    return write_all(read_request(Compare, words))


def verdicts_of(folder, outcome, baseline=None, against=None, asked=None):
    """All verdicts on one outcome, as `write_verdicts` would write them."""
    study, other = open_studies(folder, against)
    return compare(study, other, outcome, choose_baseline(baseline, study, other), asked)


def write_study(folder, cells, seeds=None, **about):
    """A study of `cells`: (values of swept keys, outcomes by name); a campaign a seed, seeds 0, 1, ... unless given."""
    folder.mkdir(parents=True)
    swept = list(cells[0][0])
    tables, rows = [], []
    for number, (values, outcomes) in enumerate(cells):
        size = len(next(iter(outcomes.values())))
        of_cell = list(range(size)) if seeds is None else seeds[number]
        label = ", ".join(f"{key}={value}" for key, value in values.items())
        rows.append(
            {
                "cell": number, "label": label, "values": values, "words": [], "runs": size, "failed": 0,
                "start_date": "2021-05-01", "end_date": "2021-09-11",
            }
        )  # fmt: skip
        numbers = {"cell": pa.array([number] * size, pa.int32()), "run": list(range(size)), "seed": of_cell}
        tables.append(pa.table({**numbers, **{name: typed(name, column) for name, column in outcomes.items()}}))
    runs = pa.concat_tables(tables)
    pq.write_table(runs, folder / "runs.parquet")
    write_summary(folder / "summary.csv", cells[0][1])
    made = {
        "study": folder.name, "scenario": "july_2021", "choices": CHOICES, "start_date": "2021-05-01",
        "end_date": "2021-09-11", "calibration": "not calibrated yet", "runs": WORLDS, "campaigns": runs.num_rows,
        "first_seed": 0, "swept": swept, "cells": rows, "rules_fingerprint": "a" * 16, "data_fingerprint": "b" * 16,
    }  # fmt: skip
    (folder / "about.json").write_text(json.dumps({**made, **about}))
    return folder


def typed(name, column):
    return pa.array(column, pa.string() if LABELS.get(name, ("", ""))[1] == "date" else pa.float64())


def write_summary(path, outcomes):
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["cell", "outcome", "label", "unit", "reported", "reported_value", "reported_low", "evidence"])
        for name in outcomes:
            reported = ("1037 (F001)", 1037, "", "F001") if name == "troops_crossed" else ("",) * 4
            writer.writerow([0, name, *LABELS.get(name, (name, "")), *reported])


def one_key(*pairs):
    """Cells of `reinforcement`, with soldiers who crossed."""
    return [({"reinforcement": value}, {"troops_crossed": column}) for value, column in pairs]


def grid(outcome="troops_crossed"):
    """Two keys that both have the value as_reported; cell n has n more than cell 0 in every world."""
    keys = [(one, two) for one in ("none", "as_reported") for two in ("closed", "as_reported")]
    return [
        ({"reinforcement": one, "border": two}, {outcome: [10.0 * seed + number for seed in range(WORLDS)]})
        for number, (one, two) in enumerate(keys)
    ]


def pairs_of(comparison: Comparison):
    return [(row.cell, row.baseline_cell) for row in comparison.verdicts]


def test_differences_are_paired_by_seed_and_exact(tmp_path):
    cells = one_key(("as_reported", [1.0, 6.0, 4.0]), ("none", [10.0, 3.0, 5.0]))
    folder = write_study(tmp_path / "made", cells, [[0, 1, 2], [2, 0, 1]])
    found = verdicts_of(folder, "troops_crossed").verdicts[0].judgement
    assert found.mean_difference == pytest.approx(7 / 3)  # 3 - 1, 5 - 6, 10 - 4
    assert found.median_difference == 2
    assert (found.worlds, found.worlds_lower, found.worlds_equal, found.worlds_higher) == (3, 1, 0, 2)
    assert found.chance_lower == pytest.approx(1 / 3)
    assert found.fold == pytest.approx(58 / 37)  # (13 + 19/3) / (37/3)
    assert found.mean_low < 7 / 3 < found.mean_high


def test_worlds_that_only_one_cell_has_are_left_out_and_counted(tmp_path):
    cells = one_key(("as_reported", [5.0] * 4), ("none", [1.0, 2.0, 4.0]))
    folder = write_study(tmp_path / "made", cells, [[0, 1, 2, 3], [9, 2, 3]])
    row = verdicts_of(folder, "troops_crossed").verdicts[0]
    assert (row.judgement.worlds, row.judgement.mean_difference, row.unpaired) == (2, -2.0, 3)
    assert "3 worlds that are in only one of the two cells" in row.sentence


def test_pairing_is_worth_the_more_the_more_chance_is_shared():
    luck = np.random.default_rng(1).normal(size=400)
    own = np.random.default_rng(2).normal(size=(2, 400))
    close, far = (judge(luck + small * own[0] + 1, luck + small * own[1]).fold for small in (0.1, 1.0))
    assert close > 50 and 1.5 < far < 2.5
    assert judge(luck + 1, luck).fold == math.inf
    assert judge(luck, -luck).fold == pytest.approx(0.5)
    assert math.isnan(judge(np.ones(5), np.zeros(5)).fold)


@pytest.mark.parametrize(
    ("baseline", "expected"),
    [
        (None, [(0, 3), (1, 3), (2, 3)]),
        ("closed", [(1, 0), (3, 2)]),
        ("none", [(2, 0), (3, 1)]),
        ("reinforcement=as_reported", [(0, 2), (1, 3)]),
        ("border=as_reported", [(0, 1), (2, 3)]),
        ("border=closed,reinforcement=none", [(1, 0), (2, 0), (3, 0)]),
        ("2", [(0, 2), (1, 2), (3, 2)]),
        ("cell=1", [(0, 1), (2, 1), (3, 1)]),
    ],
)
def test_a_baseline_is_a_value_several_values_or_a_cell(tmp_path, baseline, expected):
    comparison = verdicts_of(write_study(tmp_path / "made", grid()), "troops_crossed", baseline)
    assert pairs_of(comparison) == expected
    assert [row.judgement.mean_difference for row in comparison.verdicts] == [cell - base for cell, base in expected]


@pytest.mark.parametrize(
    ("baseline", "said"),
    [
        ("as_reported", "expected baseline=reinforcement=as_reported or baseline=border=as_reported"),
        ("as_reportd", "reinforcement=none, .*did you mean 'as_reported'"),
        ("border=open", "expected reinforcement=none, .*border=closed, .*or the number of a cell, 0 to 3"),
        ("bordr=closed", "baseline: found 'bordr', expected one of reinforcement, border; did you mean 'border'"),
        ("border=closed,none", "found 'none' in 'border=closed,none', expected key=value"),
        ("7", "found '7', expected reinforcement=none"),
        ("cell=7", "found 'cell=7', expected"),
    ],
)
def test_a_baseline_that_fits_nothing_or_two_things_is_refused(tmp_path, baseline, said):
    with pytest.raises(PanjError, match=said):
        verdicts_of(write_study(tmp_path / "made", grid()), "troops_crossed", baseline)


def test_a_number_that_is_both_a_value_and_a_cell_is_refused(tmp_path):
    cells = [({"rules.news.fade_days": float(days)}, {"troops_crossed": [days, 1.0]}) for days in (3, 1, 9)]
    folder = write_study(tmp_path / "made", cells)
    with pytest.raises(PanjError, match=r"baseline=rules\.news\.fade_days=1 or baseline=cell=1"):
        verdicts_of(folder, "troops_crossed", "1")
    assert pairs_of(verdicts_of(folder, "troops_crossed", "9")) == [(0, 2), (1, 2)]
    assert pairs_of(verdicts_of(folder, "troops_crossed", "2")) == [(0, 2), (1, 2)]


def test_without_a_baseline_the_unchanged_cell_is_taken_else_the_first_and_it_is_said(tmp_path):
    known = one_key(("none", [1.0, 2.0]), ("as_reported", [1.0, 2.0]))
    other = one_key(("none", [1.0, 2.0]), ("airlift", [1.0, 2.0]))
    taken = verdicts_of(write_study(tmp_path / "known", known), "troops_crossed").baseline
    assert taken.said == "cell 1 (reinforcement=as_reported), which has the settings before the sweep"
    taken = verdicts_of(write_study(tmp_path / "other", other), "troops_crossed").baseline
    assert "cell 0 (reinforcement=none), the first, because no cell has" in taken.said


def test_the_settings_that_a_sweep_of_numbers_started_from_stand_in_its_config(tmp_path):
    cells = [({"rules.news.fade_days": days}, {"troops_crossed": [days, 1.0]}) for days in (3.0, 5.0, 10.0)]
    folder = write_study(tmp_path / "made", cells)
    assert pairs_of(verdicts_of(folder, "troops_crossed")) == [(0, 2), (1, 2)]  # 10 is declared
    (folder / "config.yaml").write_text("rules:\n  rules.news.fade_days: 5\n")
    assert pairs_of(verdicts_of(folder, "troops_crossed")) == [(0, 1), (2, 1)]


def test_an_unknown_outcome_is_told_what_there_is(tmp_path):
    folder = write_study(tmp_path / "made", one_key(("as_reported", [1.0]), ("none", [2.0])))
    with pytest.raises(
        PanjError, match="found 'troops_crosed', expected one of troops_crossed; did you mean 'troops_c"
    ):
        verdicts_of(folder, "troops_crosed")
    with pytest.raises(PanjError, match="found 'reinforcement', expected one of troops_crossed"):
        verdicts_of(folder, "reinforcement")


def test_without_a_common_seed_nothing_is_compared(tmp_path):
    cells = one_key(("as_reported", [1.0, 2.0]), ("none", [3.0, 4.0]), ("airlift", [5.0, 6.0]))
    strangers = write_study(tmp_path / "strangers", cells, [[0, 1], [2, 3], [4, 5]])
    with pytest.raises(PanjError, match=r"no common seeds .*0 to 5.*expected at least one"):
        verdicts_of(strangers, "troops_crossed")
    some = verdicts_of(write_study(tmp_path / "some", cells, [[0, 1], [0, 1], [4, 5]]), "troops_crossed")
    assert pairs_of(some) == [(1, 0)]
    assert some.notes[0].endswith("reinforcement=airlift and reinforcement=as_reported.") and "seed" in some.notes[0]


def test_dates_are_compared_in_days_and_an_event_that_did_not_come_counts_as_the_day_after_the_last(tmp_path):
    dates = {
        "as_reported": ["2021-08-03", "2021-08-10", None, None],
        "none": ["2021-08-01", "2021-08-10", "2021-09-01", None],
    }
    cells = [({"reinforcement": name}, {"first_capital_fell": days}) for name, days in dates.items()]
    comparison = verdicts_of(write_study(tmp_path / "made", cells), "first_capital_fell")
    row = comparison.verdicts[0]
    assert row.judgement.mean_difference == pytest.approx((-2 + 0 - 11 + 0) / 4)  # 12 September to 1 September: 11
    assert (row.judgement.worlds_lower, row.judgement.worlds_equal) == (2, 2)
    assert (row.without_event, row.baseline_without_event, row.missing) == (1, 2, 0)
    assert "3.25 days earlier" in row.sentence
    assert "in 1 world with the change and in 2 without it" in row.sentence
    assert "the day after the last, 2021-09-12" in row.sentence
    assert any("counts as the day after its last" in note for note in comparison.notes)
    assert row.baseline_campaigns.high_95 == 134  # 12 September is 134 days after 1 May


def test_dates_that_never_come_are_equal(tmp_path):
    cells = [({"reinforcement": name}, {"first_capital_fell": [None, None]}) for name in ("as_reported", "none")]
    row = verdicts_of(write_study(tmp_path / "made", cells), "first_capital_fell").verdicts[0]
    assert (row.judgement.mean_difference, row.judgement.worlds_equal) == (0, 2)
    assert "is the same in every one of 2 worlds" in row.sentence


def test_missing_values_are_left_out_and_counted(tmp_path):
    cells = one_key(("as_reported", [1.0, None, 3.0, 4.0]), ("none", [2.0, 2.0, math.nan, 7.0]))
    row = verdicts_of(write_study(tmp_path / "made", cells), "troops_crossed").verdicts[0]
    assert (row.judgement.worlds, row.judgement.mean_difference, row.missing) == (2, 2.0, 2)
    assert "Left out: 2 worlds with a missing value" in row.sentence


def test_an_outcome_that_no_world_has_on_both_sides_is_refused(tmp_path):
    cells = one_key(("as_reported", [None, 1.0]), ("none", [2.0, None]))
    with pytest.raises(PanjError, match="no world with a value in both a cell and its baseline"):
        verdicts_of(write_study(tmp_path / "made", cells), "troops_crossed")


def test_one_world_has_no_interval_and_the_sentence_says_so(tmp_path):
    row = verdicts_of(
        write_study(tmp_path / "made", one_key(("as_reported", [5.0]), ("none", [3.0]))), "troops_crossed"
    ).verdicts[0]
    assert row.judgement.mean_difference == -2 and math.isnan(row.judgement.mean_low) and not row.is_clear
    assert "2 soldiers lower in the only world" in row.sentence


def test_differences_that_never_vary_have_an_interval_of_no_width():
    found = judge(np.arange(5.0) + 2, np.arange(5.0))
    assert (found.mean_low, found.mean_high, found.median_low, found.median_high) == (2, 2, 2, 2)
    assert judge(np.array([]), np.array([])).worlds == 0


@pytest.mark.parametrize("values", [[1, 2], [0, 0, 1e9], [*[0] * 50, 1], [0.1 + 0.2, 0.3, 0.3], [-1, 1] * 30])
def test_awkward_differences_have_a_finite_interval_and_no_warning(values):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        means, medians = intervals_of(np.array(values, float))
    assert np.isfinite([*means, *medians]).all()
    assert means[0] <= np.mean(values) <= means[1] or means[0] == pytest.approx(np.mean(values))
    assert medians[0] <= np.median(values) <= medians[1]


def test_the_same_worlds_give_the_same_interval_to_the_last_digit_in_any_order():
    luck = np.random.default_rng(5)
    cell, base = luck.gamma(1, 50, 80), luck.gamma(1, 60, 80)
    assert judge(cell, base) == judge(cell.copy(), base.copy())


def test_the_order_of_rows_changes_nothing(tmp_path):
    luck = np.random.default_rng(6).gamma(1, 50, (2, 40))
    order = np.random.default_rng(7).permutation(40)
    tidy = write_study(tmp_path / "tidy", one_key(("as_reported", luck[0]), ("none", luck[1])))
    cells = one_key(("as_reported", luck[0]), ("none", luck[1][order]))
    untidy = write_study(tmp_path / "untidy", cells, [range(40), order])
    one, other = (verdicts_of(folder, "troops_crossed").verdicts[0].judgement for folder in (tidy, untidy))
    assert one == other


def test_intervals_hold_the_truth_in_about_95_of_100_data_sets():
    luck = np.random.default_rng(1)
    sets = luck.normal(1.0, 3.0, (200, 60))
    intervals = [intervals_of(one) for one in sets]
    means = sum(low <= 1 <= high for (low, high), _ in intervals)
    medians = sum(low <= 1 <= high for _, (low, high) in intervals)
    assert 180 <= means <= 198 and 180 <= medians <= 199  # 190 expected, give or take 3


def test_the_interval_of_the_mean_is_as_wide_as_theory_says_for_many_worlds():
    values = np.random.default_rng(8).normal(0, 1, 3_000)
    (low, high), _ = intervals_of(values)
    assert (high - low) / 2 == pytest.approx(1.96 * values.std() / math.sqrt(3_000), rel=0.06)


def test_more_worlds_never_hide_a_steady_difference():
    base = np.random.default_rng(9).normal(0, 50, 400)
    change = 4 + np.random.default_rng(11).normal(0, 20, 400)
    few, many = (judge(base[:size] + change[:size], base[:size]) for size in (15, 400))
    assert not clear(few.mean_low, few.mean_high) and clear(many.mean_low, many.mean_high)
    assert not clear(0.0, 1.0) and not clear(math.nan, math.nan) and clear(-2.0, -1.0)


def test_the_sentence_of_a_clear_difference_gives_direction_unit_interval_and_worlds(tmp_path):
    after = [90.0, 92.0] * (WORLDS // 2)
    folder = write_study(tmp_path / "made", one_key(("as_reported", [100.0] * WORLDS), ("none", after)))
    row = verdicts_of(folder, "troops_crossed").verdicts[0]
    found = row.judgement
    assert row.is_clear
    assert row.sentence == (
        'With reinforcement=none instead of as_reported, "Soldiers who crossed" (11 September) is on average 9 '
        f"soldiers lower (95 % interval: {-found.mean_high:.0f} to {-found.mean_low:.0f} soldiers lower; 24 worlds)."
    )


def test_the_sentence_of_an_interval_that_spans_zero_says_that_nothing_can_be_told(tmp_path):
    after = [100.0 + (-1) ** seed * seed for seed in range(WORLDS)]
    cells = grid()[2:]
    cells[0][1]["troops_crossed"], cells[1][1]["troops_crossed"] = after, [100.0] * WORLDS
    row = verdicts_of(write_study(tmp_path / "made", cells), "troops_crossed").verdicts[0]
    assert not row.is_clear
    assert row.sentence.startswith(
        "With border=closed instead of as_reported (reinforcement=as_reported in both), no difference in "
        '"Soldiers who crossed" (11 September) was detected with 24 worlds: on average it is 0.5 soldiers lower, 95 % '
    )
    assert row.sentence.endswith("soldiers higher.")


def test_shares_are_told_in_percentage_points_and_few_worlds_are_warned_of(tmp_path):
    columns = ([0.30, 0.40, 0.35], [0.33, 0.45, 0.39])
    cells = [
        ({"reinforcement": name}, {"share_held": column})
        for name, column in zip(("as_reported", "none"), columns, strict=True)
    ]
    sentence = verdicts_of(write_study(tmp_path / "made", cells), "share_held").verdicts[0].sentence
    assert "on average 4 percentage points higher" in sentence
    assert "With fewer than 20 worlds such an interval is too narrow." in sentence


def test_a_verdict_rests_on_one_statistic_even_where_mean_and_median_disagree(tmp_path):
    after = [0.0] * 14 + [50.0, 60.0] * 5
    folder = write_study(tmp_path / "made", one_key(("as_reported", [0.0] * 24), ("none", after)))
    row = verdicts_of(folder, "troops_crossed").verdicts[0]
    assert row.is_clear and not clear(row.judgement.median_low, row.judgement.median_high)
    assert row.sentence.count("interval") == 1 and "median" not in row.sentence


@pytest.mark.parametrize(
    ("outcome", "day", "said"),
    [
        ("troops_crossed_largest_night", "Crossed in the largest night", '"Crossed in the largest night" (7 July)'),
        ("troops_crossed_by_2021_07_07", "Crossed by 7 July", '"Crossed by 7 July"'),
        ("lost_2021_06_18_to_06_21", "Lost from 18 to 21 June", '"Lost from 18 to 21 June"'),
        ("crossed_ishkashim", "Crossed at ishkashim by 7 July", '"Crossed at ishkashim by 7 July"'),
        ("capital_fell_kunduz", "Capital of Kunduz fell", '"Capital of Kunduz fell" (11 September)'),
        ("of_ones_own", "Of one's own by 17 July", '"Of one\'s own by 17 July" (11 September)'),
    ],
)
def test_every_sentence_names_the_day_up_to_which_its_outcome_counts(outcome, day, said):
    last_day = last_day_of(outcome, date(2021, 9, 11))
    assert quote_outcome(Measure(outcome, day, "soldiers", False, {}, last_day)) == said


def test_a_count_by_an_earlier_definition_names_no_day_and_is_said(tmp_path):
    name, cells = "troops_crossed_by_2021_06_22", [({"border": value}, {}) for value in ("as_reported", "closed")]
    for number, (_, outcomes) in enumerate(cells):
        outcomes[name] = [10.0 * seed + number for seed in range(WORLDS)]
    now = fingerprint_of_row(declared_rows()[name])
    same = write_study(tmp_path / "same", cells, outcomes={name: now})
    other = write_study(tmp_path / "other", cells, outcomes={name: "0" * 16})
    assert read_measure(open_study(same), name).last_day == date(2021, 6, 22)
    assert not any("has been changed or removed" in note for note in verdicts_of(same, name).notes)
    assert read_measure(open_study(other), name).last_day is None
    assert any("has been changed or removed" in note for note in verdicts_of(other, name).notes)
    with pytest.raises(PanjError, match=r"found one definition in .*same and another in .*other"):
        verdicts_of(same, name, against=other)


@pytest.mark.parametrize("name", ["crossed_ishkashim", "largest_night_ishkashim", "newly_fallen_2021_07_08"])
def test_outcomes_that_are_derived_are_recognised_by_their_definition(name):
    end = date(2021, 7, 8)
    assert is_as_defined(name, end, fingerprint_of_row(row_of(name, end)))
    assert not is_as_defined(name, end, "0" * 16)


def test_an_outcome_that_was_declared_after_the_study_names_the_way_to_count_it(tmp_path):
    folder = write_study(tmp_path / "made", one_key(("as_reported", [1.0, 2.0]), ("none", [1.0, 3.0])))
    with pytest.raises(PanjError, match=r"declared after the study was made.*run the command of the study again"):
        read_measure(open_study(folder), "troops_crossed_by_2021_06_22")


def test_after_a_comparison_with_another_study_the_next_step_does_not_need_it(tmp_path):
    one = write_study(tmp_path / "one", one_key(("as_reported", [1.0, 2.0, 4.0])))
    other = write_study(tmp_path / "other", one_key(("as_reported", [2.0, 2.0, 3.0])))
    for words in ([], ["above=1"]):
        tables = write_verdicts([str(one), str(other), "outcome=troops_crossed", *words])
        expected = ["memo", str(one), "outcome=troops_crossed", *words]  # a report needs daily series
        assert show.next_command(tables[0]).split()[3:] == expected
        (one / "days.parquet").touch()
        assert show.next_command(tables[0]).split()[3:] == ["report", str(one)]
        (one / "days.parquet").unlink()


def test_words_for_sizes():
    soldiers = Measure("x", "X", "soldiers", False, {})
    days = Measure("x", "X", "days", True, {})
    assert difference_in_words(-1234.4, soldiers) == "1,234 soldiers lower"
    assert difference_in_words(1.0, soldiers) == "1 soldier higher"
    assert difference_in_words(-2.5, days) == "2.5 days earlier"
    assert difference_in_words(0.0, days) == "no different"


def two_studies(tmp_path, **about):
    ours = [({"reinforcement": "none"}, [5.0, 6.0, 9.0]), ({"reinforcement": "airlift"}, [1.0, 2.0, 3.0])]
    theirs = [({"reinforcement": "none"}, [4.0, 4.0, 4.0]), ({"reinforcement": "as_reported"}, [7.0, 7.0, 7.0])]
    folders = []
    for name, cells, extra in (("ours", ours, {}), ("theirs", theirs, about)):
        made = [(values, {"troops_crossed": column}) for values, column in cells]
        folders.append(write_study(tmp_path / name, made, **extra))
    return folders


def test_cells_of_two_studies_are_matched_by_their_settings_and_the_rest_is_named(tmp_path):
    ours, theirs = two_studies(tmp_path)
    comparison = verdicts_of(ours, "troops_crossed", against=theirs)
    assert pairs_of(comparison) == [(0, 0)]
    row = comparison.verdicts[0]
    assert row.judgement.mean_difference == pytest.approx(8 / 3)
    assert row.baseline_study == "theirs"
    assert "With study ours (reinforcement=none) instead of study theirs (reinforcement=none)" in row.sentence
    assert comparison.notes[0].startswith("Left out") and comparison.notes[0].endswith(": reinforcement=airlift.")


def test_a_cell_of_another_study_may_be_the_baseline_for_all(tmp_path):
    ours, theirs = two_studies(tmp_path)
    comparison = verdicts_of(ours, "troops_crossed", "as_reported", theirs)
    assert pairs_of(comparison) == [(0, 1), (1, 1)]
    assert [row.judgement.mean_difference for row in comparison.verdicts] == pytest.approx([-1 / 3, -5])


def test_a_plain_study_is_the_baseline_for_all_and_finds_its_own_in_a_sweep(tmp_path):
    sweep = write_study(tmp_path / "sweep", one_key(("none", [1.0, 3.0]), ("as_reported", [5.0, 8.0])))
    plain = write_study(tmp_path / "plain", [({}, {"troops_crossed": [5.0, 9.0]})])
    assert pairs_of(verdicts_of(sweep, "troops_crossed", against=plain)) == [(0, 0), (1, 0)]
    back = verdicts_of(plain, "troops_crossed", against=sweep)
    assert pairs_of(back) == [(0, 1)]
    assert back.verdicts[0].judgement.mean_difference == 0.5
    assert back.campaigns == 4


def test_studies_of_other_rules_data_or_settings_are_warned_of(tmp_path):
    ours, theirs = two_studies(tmp_path, rules_fingerprint="c" * 16, choices={**CHOICES, "border": "closed"})
    notes = verdicts_of(ours, "troops_crossed", against=theirs).notes
    assert notes[0].startswith("Warning: the two studies were made with different rules (aaaaaaaaaaaaaaaa and cccc")
    assert notes[1] == "ours differs from theirs in border=as_reported and not closed."


def test_intervals_over_worlds_of_several_runs_of_the_sampler_are_those_over_runs():
    """Effects that differ between runs by 3 and between the worlds of a run by 1, around a true effect of 0."""
    draws, seeds = np.random.default_rng(5), np.arange(400)
    runs = runs_of_seeds(seeds, 8)
    alike, held = 0, 0
    for _ in range(200):
        differences = draws.normal(0.0, 3.0, 8)[runs] + draws.normal(size=seeds.size)
        found, wide = (judge(differences, np.zeros(seeds.size), one) for one in (None, runs))
        assert wide.mean_difference == found.mean_difference
        assert wide.mean_low <= found.mean_low and wide.mean_high >= found.mean_high
        alike += found.mean_low <= 0.0 <= found.mean_high
        held += wide.mean_low <= 0.0 <= wide.mean_high
    assert alike / 200 < 0.5
    assert 0.9 <= held / 200 <= 0.99


def test_a_study_of_worlds_of_several_runs_says_how_its_intervals_were_made(tmp_path):
    ours = [float(seed % 4) + 0.1 * (seed % 3) for seed in range(40)]
    cells = one_key(("as_reported", [0.0] * 40), ("none", ours))
    alone, together = (write_study(tmp_path / f"{runs}", cells, sampler_runs=runs) for runs in (1, 4))
    widths, methods = [], []
    for folder in (alone, together):
        comparison = verdicts_of(folder, "troops_crossed")
        judgement = comparison.verdicts[0].judgement
        widths.append(judgement.mean_high - judgement.mean_low)
        methods.append(about_comparison(comparison)["intervals"])
    half = 3.1824463 * np.std([np.mean(ours[run::4]) for run in range(4)], ddof=1) / 2  # t with 3 degrees of freedom
    assert widths[1] == pytest.approx(2 * half)
    assert widths[0] < widths[1]
    assert methods[1].endswith("95 % t over the 4 runs of the sampler from which the worlds are")
    assert "sampler" not in methods[0]


def test_posts_attention_and_events_in_which_two_studies_differ_are_named(tmp_path):
    ours, theirs = two_studies(tmp_path)
    handed_over = "{name: bagram_handed_over, date: '2021-07-02', day: 62, value: 0.0}"
    (ours / "config.yaml").write_text(
        "posts: {ishkashim: {soldiers: 0.2}, tem: {room: 2.0}}\nattention: {Northern: 3.0}\n", encoding="utf-8"
    )
    (theirs / "config.yaml").write_text(
        f"posts: {{ishkashim: {{soldiers: 0.6}}}}\nattention: {{Northern: 3.0}}\nevents: [{handed_over}]\n",
        encoding="utf-8",
    )
    assert verdicts_of(ours, "troops_crossed", against=theirs).notes[0] == (
        "ours differs from theirs in posts.ishkashim.soldiers=0.2 and not 0.6, posts.tem.room=2.0 (only in ours), "
        "timeline.events.bagram_handed_over (only in theirs)."
    )


def test_worlds_of_the_record_say_what_is_asked_of_them_and_are_not_paired_with_others(tmp_path):
    cells = one_key(("as_reported", [1.0, 2.0]), ("none", [1.0, 2.0]))
    ours = write_study(tmp_path / "ours", cells, worlds="d" * 16, what_if="In hindsight: ...")
    assert verdicts_of(ours, "troops_crossed").notes[0] == "In hindsight: ..."
    free = write_study(tmp_path / "free", cells)
    with pytest.raises(PanjError, match=r"^compare: found .* with different worlds"):
        verdicts_of(ours, "troops_crossed", against=free)


def test_studies_without_common_seeds_are_not_compared(tmp_path):
    ours = write_study(tmp_path / "ours", [({}, {"troops_crossed": [1.0, 2.0]})])
    theirs = write_study(tmp_path / "theirs", [({}, {"troops_crossed": [1.0, 2.0]})], [[50, 51]])
    with pytest.raises(PanjError, match=r"no common seeds \(0 to 1 in .*ours and 50 to 51 in .*theirs\)"):
        verdicts_of(ours, "troops_crossed", against=theirs)


def test_cells_that_end_on_other_days_are_warned_of(tmp_path):
    folder = write_study(tmp_path / "made", one_key(("as_reported", [1.0, 2.0]), ("none", [1.0, 2.0])))
    about = json.loads((folder / "about.json").read_text())
    about["cells"][1]["end_date"] = "2021-08-01"
    (folder / "about.json").write_text(json.dumps(about))
    assert "Warning: some cells begin or end on a different day" in verdicts_of(folder, "troops_crossed").notes[0]


def test_nothing_to_compare_is_said(tmp_path):
    alone = write_study(tmp_path / "alone", [({}, {"troops_crossed": [1.0, 2.0]})])
    with pytest.raises(PanjError, match=r"compare: found one cell in"):
        verdicts_of(alone, "troops_crossed")
    with pytest.raises(PanjError, match="twice, expected two different studies"):
        verdicts_of(alone, "troops_crossed", against=alone)
    with pytest.raises(PanjError, match=r"found no about\.json"):
        verdicts_of(tmp_path / "nowhere", "troops_crossed")
    (alone / "about.json").write_text('{"study": "old", "runs": 3}')
    with pytest.raises(PanjError, match="expected a study of this version"):
        verdicts_of(alone, "troops_crossed")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "compare: found 0 folders"),
        (["a", "b", "c"], "compare: found 3 folders"),
        (["a", "outcom=x"], "found 'outcom', expected one of .*did you mean 'outcome'"),
        (["a", "outcome="], "outcome: found 'outcome='"),
        (["a", "baseline=x", "baseline=y"], "baseline: found 'baseline=y'"),
    ],
)
def test_wrong_words_are_told_what_was_expected(words, said):
    with pytest.raises(PanjError, match=said):
        write_verdicts(words)


@pytest.fixture
def swept(tmp_path):
    return write_study(tmp_path / "swept", grid())


def test_verdicts_are_written_whole_and_written_again_alike(swept):
    (table,) = write_verdicts([str(swept), "outcome=troops_crossed"])
    first = table.read_bytes()
    table.write_bytes(b"old")
    assert write_verdicts([str(swept), "outcome=troops_crossed"]) == [table]
    assert table.read_bytes() == first
    assert table == swept / "verdicts" / "troops_crossed.csv"
    assert sorted(path.name for path in table.parent.iterdir()) == ["troops_crossed.csv", "troops_crossed.json"]
    rows = list(csv.DictReader(table.open()))
    assert [row["mean_difference"] for row in rows] == ["-3.0", "-2.0", "-1.0"]
    about = json.loads(table.with_suffix(".json").read_text())
    assert about["provenance"]["study"] == "swept" and str(RESAMPLES // 1000) in about["intervals"]
    assert about["campaigns"] == 4 * WORLDS


def test_an_older_table_is_never_written_into(swept):
    (table,) = write_verdicts([str(swept), "outcome=troops_crossed"])
    table.write_bytes(b"old")
    reader = swept / "still_open.csv"
    reader.hardlink_to(table)
    write_verdicts([str(swept), "outcome=troops_crossed"])
    assert reader.read_bytes() == b"old" and table.read_bytes() != b"old"


def test_another_baseline_keeps_the_usual_verdicts(swept):
    usual = write_verdicts([str(swept), "outcome=troops_crossed"])
    other = write_verdicts([str(swept), "outcome=troops_crossed", "baseline=closed"])
    assert other == [swept / "verdicts" / "troops_crossed__vs_border-closed.csv"]
    assert show.tables_in(swept) == usual


def test_nothing_is_written_where_one_outcome_is_unknown(swept):
    with pytest.raises(PanjError, match="found 'troops'"):
        write_verdicts([str(swept), "outcome=troops_crossed,troops"])
    assert not (swept / "verdicts").exists()


def test_without_an_outcome_the_main_ones_are_taken_else_the_first(tmp_path):
    cells = one_key(("as_reported", [1.0, 2.0]), ("none", [1.0, 2.0]))
    assert [path.stem for path in write_verdicts([str(write_study(tmp_path / "few", cells))])] == ["troops_crossed"]
    for _, outcomes in cells:
        outcomes[MAIN_OUTCOMES[0]] = [1.0, 2.0]
    assert [path.stem for path in write_verdicts([str(write_study(tmp_path / "main", cells))])] == [MAIN_OUTCOMES[0]]


def test_by_default_outcomes_are_within_the_record():
    assert all(last_day_of(name, date(2021, 9, 11)) <= THE_LINE for name in (*MAIN_OUTCOMES, *plan.OUTCOMES))


def test_an_outcome_without_a_value_spoils_no_other_and_is_named(tmp_path):
    first, second = MAIN_OUTCOMES[:2]
    cells = one_key(("as_reported", [1.0, 2.0]), ("none", [1.0, 3.0]))
    cells = [(values, {first: [None, None], second: row["troops_crossed"]}) for values, row in cells]
    (table,) = write_verdicts([str(write_study(tmp_path / "short", cells))])
    assert table.stem == second
    assert any(first in note and second not in note for note in show.read_verdicts(table).about["notes"])


def test_numbers_that_were_drawn_are_no_outcomes(tmp_path):
    cells = one_key(("as_reported", [1.0, 2.0]), ("none", [1.0, 2.0]))
    cells = [(values, {"rules.news.fade_days": [3.0, 4.0], **row}) for values, row in cells]
    folder = write_study(tmp_path / "drawn", cells)
    assert open_study(folder).outcomes == ("troops_crossed",)
    with pytest.raises(PanjError):
        verdicts_of(folder, "rules.news.fade_days")


def test_equal_cells_are_said_to_be_equal(tmp_path, capsys):
    folder = write_study(tmp_path / "equal", one_key(("as_reported", [1.0, 2.0]), ("none", [1.0, 2.0])))
    assert show.main(write_verdicts([str(folder)])) == 0
    printed = " ".join(capsys.readouterr().out.split())
    assert "is the same in every one of 2 worlds" in printed and "Nothing differs in any world" in printed
    assert " inf" not in printed
    cells = one_key(("as_reported", [1.0, 2.0]), ("none", [3.0, 4.0]))
    show.main(write_verdicts([str(write_study(tmp_path / "steady", cells))]))
    assert " inf" not in capsys.readouterr().out


def text_chunks(path: Path) -> dict[str, str]:
    """Keyword and text of every tEXt chunk of a PNG file."""
    data, place, found = path.read_bytes(), 8, {}
    while place < len(data):
        size, kind = struct.unpack(">I4s", data[place : place + 8])
        if kind == b"tEXt":
            key, _, text = data[place + 8 : place + 8 + size].partition(b"\0")
            found[key.decode()] = text.decode("latin-1")
        place += size + 12
    return found


def test_the_verb_prints_sentences_draws_a_chart_and_says_what_is_next(swept, capsys):
    tables = write_verdicts([str(swept), "outcome=troops_crossed", "baseline=border=closed"])
    assert show.main(tables) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert (
        'With border=as_reported instead of closed (reinforcement=none in both), "Soldiers who crossed" (11 September) '
        "is exactly 1" in said
    )
    assert "96 campaigns, not calibrated yet" in said
    assert "Written:" in said and "Next: open" in said
    picture = tables[0].with_suffix(".png")
    assert str(picture) in said.replace(" ", "") or str(picture) in said
    made = json.loads(text_chunks(picture)["panj"])
    assert made["study"] == "swept" and made["recipe"]["file"] == f"verdicts/{picture.name}"
    assert not list(picture.parent.glob(".*"))


def test_a_chart_has_each_baseline_above_its_cells_and_no_more_rows_than_can_be_read(tmp_path):
    (table,) = write_verdicts(
        [str(write_study(tmp_path / "few", grid())), "outcome=troops_crossed", "baseline=border=closed"]
    )
    verdicts = show.read_verdicts(table)
    bars, left_out = show.bars_of(verdicts, show.labels_of(verdicts).of)
    assert [(bar.verdict is None, bar.label.split("=")[-1]) for bar in bars] == [
        (True, "closed"), (False, "as_reported"), (True, "closed"), (False, "as_reported"),
    ]  # fmt: skip
    assert left_out == 0
    many = [({"rules.news.fade_days": 1.0 + step}, {"troops_crossed": [step, 2 * step]}) for step in range(71)]
    (table,) = write_verdicts([str(write_study(tmp_path / "many", many)), "outcome=troops_crossed", "baseline=cell=0"])
    verdicts = show.read_verdicts(table)
    bars, left_out = show.bars_of(verdicts, show.labels_of(verdicts).of)
    assert (len(bars), left_out) == (61, 10)
    drawn = [bar.verdict.judgement.mean_difference for bar in bars if bar.verdict]
    assert min(drawn) == 16.5  # the ten smallest are not drawn
    assert "The 60 largest differences; 10 more are in the table." in show.caption_of(verdicts, left_out)
    assert bars[1].label.startswith("fade_days=")


def test_a_chart_says_how_many_campaigns_how_far_to_trust_them_and_what_was_reported(swept):
    (table,) = write_verdicts([str(swept), "outcome=troops_crossed"])
    caption = show.caption_of(show.read_verdicts(table), 0)
    assert caption.startswith(
        "96 simulated campaigns, 24 worlds (seeds) a pair, "
        "scenario july_2021 (Decisions as reported), not calibrated yet."
    )
    assert (
        "Nothing was reported on differences. Reported for the outcome itself: 1,037 (F001) in evidence.csv." in caption
    )


def test_verdicts_that_are_missing_or_damaged_are_named(swept):
    with pytest.raises(PanjError, match=r"troops_crossed\.csv: cannot be read; python -m sim compare writes it"):
        show.read_verdicts(swept / "verdicts" / "troops_crossed.csv")
    (table,) = write_verdicts([str(swept), "outcome=troops_crossed"])
    table.write_text("cell\n1\n")
    with pytest.raises(PanjError, match="found invalid content"):
        show.read_verdicts(table)


def test_labels_of_many_cells_name_their_keys_once(tmp_path):
    long = ("answer_every_call", "counter_offensive")
    values = [
        (one, f"{two}_{step}") for one in long for two in ("commanders_stay", "paid_on_time") for step in range(4)
    ]
    cells = [({"reinforcement": one, "morale": two}, {"troops_crossed": [1.0, 2.0]}) for one, two in values]
    labels = []
    for size in (3, len(cells)):
        (table,) = write_verdicts([str(write_study(tmp_path / f"cells{size}", cells[:size]))])
        labels.append(show.labels_of(show.read_verdicts(table)))
    first = "reinforcement=answer_every_call, morale=commanders_stay_0"
    assert labels[0].of[first] == "reinforcement=answer_every_call,\nmorale=commanders_stay_0" and not labels[0].keys
    assert labels[1].of[first] == "answer_every_call,\ncommanders_stay_0"
    assert labels[1].keys == "reinforcement, morale"


def test_a_study_with_a_very_long_name_leaves_room_for_the_chart(tmp_path):
    studies = [write_study(tmp_path / name, [({}, {"troops_crossed": [1.0, 2.0, 4.0]})]) for name in ("a", "b" * 200)]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for first, second in (studies, studies[::-1]):
            (table,) = write_verdicts([str(first), str(second), "outcome=troops_crossed"])
            show.draw_table(table)
    bars, _ = show.bars_of(verdicts := show.read_verdicts(table), show.labels_of(verdicts).of)
    assert all(len(line) < 40 for bar in bars for line in bar.label.split("\n"))


def test_keys_that_end_alike_keep_their_full_names(tmp_path):
    cells = [({"rules.parley.base": step, "rules.morale.base": 1.0}, {"troops_crossed": [step]}) for step in (1.0, 2.0)]
    (table,) = write_verdicts([str(write_study(tmp_path / "alike", cells))])
    labels = show.labels_of(show.read_verdicts(table)).of
    assert labels["rules.parley.base=2.0, rules.morale.base=1.0"] == "rules.parley.base=2.0,\nrules.morale.base=1.0"


def test_one_cell_is_meant_by_default_everywhere_and_it_is_said(tmp_path):
    known = open_study(write_study(tmp_path / "known", one_key(("none", [1.0, 2.0]), ("as_reported", [1.0, 2.0]))))
    assert known.choose_cell(None).number == 1 and known.choose_cell(0).number == 0
    assert "cell 1 (reinforcement=as_reported)" in known.note_on_choice(None) and known.note_on_choice(1) == ""
    other = open_study(write_study(tmp_path / "other", one_key(("none", [1.0, 2.0]), ("airlift", [1.0, 2.0]))))
    assert other.choose_cell(None).number == 0 and "no cell has" in other.note_on_choice(None)
    declared = declared_numbers()["rules.news.fade_days"].value
    cells = [({"rules.news.fade_days": value}, {"troops_crossed": [1.0]}) for value in (declared / 2, declared)]
    drawn = open_study(write_study(tmp_path / "drawn", cells))
    assert drawn.choose_cell(None).number == 1 and "declared values" in drawn.note_on_choice(None)
    assert "declared values" not in known.note_on_choice(None) + other.note_on_choice(None)
    alone = open_study(write_study(tmp_path / "alone", [({}, {"troops_crossed": [1.0]})]))
    assert alone.note_on_choice(None) == ""
    for verb in (Story, Fork, Score, Animate):
        kept = {field.name: field.default for field in dataclasses.fields(verb)}
        assert kept["cell"] in (None, ())


def test_a_story_places_an_outcome_among_the_other_campaigns(tmp_path):
    cells = one_key(("as_reported", [5.0, 1.0, 9.0, None]), ("none", [0.0] * 4))
    study = open_study(write_study(tmp_path / "made", cells))
    of_campaign = {"start_date": "2021-05-01", "cell": 0, "seed": 0}
    told = describe_outcome_of_campaign(study, "troops_crossed", of_campaign, language_of())
    assert "5 soldiers in this campaign" in told and "lower in 1 and higher in 1 of the 3 other campaigns" in told
    assert "1,037 (F001)" in told
    assert "no value" in describe_outcome_of_campaign(study, "troops_crossed", of_campaign | {"seed": 3}, language_of())
    with pytest.raises(PanjError):
        describe_outcome_of_campaign(study, "troops", of_campaign, language_of())


def test_figures_show_outcomes_that_have_values_and_never_numbers_that_were_drawn():
    runs = pd.DataFrame({"cell": [0], "seed": [1], "rules.news.fade_days": [3.0], "late": [math.nan], "early": [2.0]})
    assert chosen_outcomes(runs, ["late"]) == ["early"]
    assert chosen_outcomes(runs, ["late"], but=["early"]) == []


@pytest.mark.parametrize(("closed", "is_said"), [([0.0] * WORLDS, True), ([0.0, 1.0] * (WORLDS // 2), False)])
@pytest.mark.parametrize("words", [[], ["above=5"], ["effects=true"]])
def test_an_outcome_that_the_settings_may_determine_is_said_to_be_no_finding(tmp_path, closed, is_said, words):
    cells = [
        ({"border": "as_reported"}, {"troops_crossed": [float(seed) for seed in range(WORLDS)]}),
        ({"border": "closed"}, {"troops_crossed": closed}),
    ]
    folder = write_study(tmp_path / "made", cells)
    table = write_verdicts([str(folder), "outcome=troops_crossed", *words])[0]
    notes = json.loads(table.with_suffix(".json").read_text())["notes"]
    assert any("border=closed" in note and "not a finding" in note for note in notes) == is_said


def test_an_outcome_that_varies_nowhere_has_no_note_of_its_own():
    worlds = [SimpleNamespace(there=np.ones(3, bool), values=np.zeros(3), cell=None)] * 2
    assert notes_on_fixed(worlds) == []


# The baseline is called by its title wherever it is named, so that nobody takes it for what happened


def test_a_scenario_is_named_with_its_title() -> None:
    assert title_of_scenario("july_2021") == "july_2021 (Decisions as reported)"
    assert title_of_scenario("no_such_scenario") == "no_such_scenario"


def test_a_baseline_of_scenarios_is_said_with_the_title_and_any_other_unchanged() -> None:
    assert with_titles("cell 0 (scenario=july_2021)") == "cell 0 (scenario=july_2021 (Decisions as reported))"
    assert with_titles("cell 1 (morale=brittle)") == "cell 1 (morale=brittle)"


def test_a_single_campaign_has_a_median_and_no_interval(tmp_path):
    folder = write_study(
        tmp_path / "one", [({"border": border}, {"calls_made": [4.0]}) for border in ("open", "closed")]
    )
    (table,) = write_verdicts([str(folder), "outcome=calls_made", "baseline=border=open"])
    (row,) = read_rows(table)
    for name in ("cell", "baseline"):
        assert (row[f"{name}_median"], row[f"{name}_low_5"], row[f"{name}_high_95"]) == ("4.0", "", "")
