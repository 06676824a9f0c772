"""What the targets promise: every number from its evidence, every outcome there, nothing of day 0."""

import csv
import math
import shutil
from collections import Counter
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from shared import rewrite

from sim.data.evidence import Evidence, read_evidence
from sim.data.facts import DATA, THE_LINE, Facts, read_facts, read_falls
from sim.errors import PanjError
from sim.outcome import Outcome, read_outcomes
from sim.scoring.forecasts import NEVER, Forecast, numbers_of
from sim.scoring.measure import measure, outside, scaled
from sim.scoring.targets import (
    MOST_FITTED,
    Known,
    Target,
    bounds_of,
    district_targets,
    read_targets,
)

START = date(2021, 5, 1)


@pytest.fixture(scope="module")
def facts() -> Facts:
    return read_facts()


@pytest.fixture(scope="module")
def outcomes(facts: Facts) -> tuple[Outcome, ...]:
    return read_outcomes(facts, START, 100)


@pytest.fixture(scope="module")
def evidence() -> list[Evidence]:
    return read_evidence()


@pytest.fixture(scope="module")
def targets(evidence: list[Evidence], outcomes: tuple[Outcome, ...]) -> dict[str, Target]:
    return {row.target: row for row in read_targets(evidence, outcomes)}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(DATA, tmp_path / "data"))


def spoil(folder: Path, target: str, **cells: str) -> None:
    """Write these cells into the row of one target."""
    rewrite(folder / "targets.csv", lambda rows: next(row for row in rows if row["target"] == target).update(cells))


# What the table says


def test_every_target_is_answered_and_has_its_reason(targets: dict[str, Target], outcomes: tuple[Outcome, ...]) -> None:
    names = {row.name for row in outcomes}
    for row in targets.values():
        assert {name for name, _ in row.parts} <= names if row.parts else row.outcome in names, row.target
        assert row.reason and row.event and row.quantity and row.scope
        assert START < row.date <= THE_LINE


def test_few_targets_are_fitted_and_most_events_among_them_once(targets: dict[str, Target]) -> None:
    fitted = [row for row in targets.values() if row.use == "fitted"]
    assert 8 <= len(fitted) <= MOST_FITTED
    events = Counter(row.event for row in fitted)
    assert {event for event, count in events.items() if count > 1} == {"national_pace"}


def test_nothing_that_is_fitted_is_fitted_twice(targets: dict[str, Target], evidence: list[Evidence]) -> None:
    conflicts = {row.id: {row.id, *row.conflicts} for row in evidence}
    fitted = [row for row in targets.values() if row.use == "fitted"]
    for one in fitted:
        for other in fitted:
            if one is not other:
                assert not set(other.evidence) & {id for own in one.evidence for id in conflicts[own]}
                assert one.outcome != other.outcome


def test_no_target_rests_on_day_0_or_on_what_is_only_shown_or_set(
    targets: dict[str, Target], evidence: list[Evidence]
) -> None:
    known = {row.id: row for row in evidence}
    used = {id for row in targets.values() for id in row.evidence}
    assert {known[id].use for id in used} == {"calibration"}
    assert not used & {"F003", "F075", "F076", "F103"}
    assert not any(set(row.evidence) == {"F064"} for row in targets.values())


@pytest.mark.parametrize(
    ("target", "value"),
    [
        ("lwj_14_june", 104 / 407),
        ("lwj_29_june", 157 / 407),
        ("aan_30_june", 158 / 421),
        ("a_third_5_july", 0.333),
        ("aan_retaken_30_june", 8),
        ("badakhshan_5_july", 26),
        ("badakhshan_four_days", 22),
        ("takhar_two_days", 9),
        ("capitals_7_july", 0),
        ("crossed_by_22_june", 134),
        ("crossed_by_28_june", 151),
        ("before_largest_night", 545),
        ("largest_night", 1037),
        ("largest_night_posts", 7),
        ("crossed_by_5_july_pieces", 1582),
        ("ishkashim_let_in", 152),
        ("paktya_six_days", 11 * 11 / 14),
    ],
)
def test_a_value_is_that_of_its_evidence(targets: dict[str, Target], target: str, value: float) -> None:
    assert targets[target].value == pytest.approx(value)


@pytest.mark.parametrize(
    ("target", "low", "high"),
    [
        ("badakhshan_without_fight", 0.115, 0.8),
        ("ishkashim_captured", 24, math.inf),
        ("a_third_5_july", 0.333, 0.386),
        ("largest_night", 1037, 1037),
        ("before_largest_night", 545, 595),
        ("badakhshan_2_july", 8, 10),
        ("badakhshan_left_5_july", 26, 27),
    ],
)
def test_a_range_is_that_of_its_evidence(targets: dict[str, Target], target: str, low: float, high: float) -> None:
    assert bounds_of(targets[target]) == pytest.approx((low, high))


def test_the_main_night_is_one_split_over_seven_posts(targets: dict[str, Target]) -> None:
    split = targets["largest_night_split"]
    assert dict(split.parts)["largest_night_tem"] == 312
    assert len(split.parts) == 7
    assert sum(soldiers for _, soldiers in split.parts) == 1037
    assert [row.target for row in targets.values() if row.parts] == ["largest_night_split"]


def test_reports_in_conflict_stand_side_by_side(targets: dict[str, Target]) -> None:
    outcomes = Counter(row.outcome for row in targets.values())
    for outcome in ("share_held_by_taliban_2021_07_05", "badakhshan_lost_2021_07_05", "badakhshan_without_fight",
                    "border_share_taliban_2021_07_05", "troops_crossed_by_2021_07_07"):  # fmt: skip
        assert outcomes[outcome] > 1, outcome
    assert targets["milley_june"].value < 0.2 < targets["aan_30_june"].value


# What is refused


@pytest.mark.parametrize(
    ("target", "cells", "said"),
    [
        ("aan_30_june", {"outcome": "share_held_2021"}, r"outcome: found 'share_held_2021', expected one of .* did"),
        ("largest_night_split", {"parts": "tem=F001;temm=F025"}, r"outcome: found 'largest_night_temm', expected one"),
        ("largest_night_split", {"parts": "tem=F025;langar=F027"}, r"parts: found .* figures that add up to 1037"),
        ("largest_night_split", {"parts": ""}, r"outcome: found 'largest_night_<post>'"),
        ("largest_night", {"parts": "tem=F001"}, r"parts: found 'tem=F001', expected posts .* error is multinomial"),
        ("aan_30_june", {"value": "0.38"}, r"value: found '0.38', expected 0.375297, which is \(F064 \+ F065\) / 421"),
        ("crossed_by_22_june", {"value": "133"}, r"value: found '133', expected 134, which is F029"),
        ("aan_30_june", {"value": ""}, r"value: found '', expected a number"),
        ("aan_30_june", {"value_from": ""}, r"value: found '0.3753', expected an empty cell, because value_from"),
        ("aan_30_june", {"value_from": "F064 +"}, r"value_from: found 'F064 \+', expected a formula"),
        ("aan_30_june", {"value_from": "F064 / 0"}, r"value_from: found 'F064 / 0', expected a formula"),
        ("aan_30_june", {"value_from": "surely_lost('May')"}, r"value_from: found .* expected a formula"),
        ("aan_30_june", {"value_from": "perhaps_lost_border('May')"}, r"value_from: found .* expected a formula"),
        ("aan_30_june", {"value_from": "max(F064)"}, r"value_from: found 'max', expected one of how_many"),
        ("aan_30_june", {"value_from": "F064 ** 2"}, r"value_from: found 'F064 \*\* 2', expected a formula"),
        ("aan_30_june", {"value_from": "F999"}, r"value_from: found 'F999', expected one of"),
        ("aan_30_june", {"value_from": "F041.high"}, r"value_from: found no high in evidence F041"),
        ("badakhshan_2_july", {"value_from": "surely_lost('2021-05-01', '2021-07-02', 'Badakshan')"},
         r"found 'Badakshan', .* did you mean 'Badakhshan'"),
        ("largest_night_date", {"value": "2021-07-04"}, r"value: found '2021-07-04'"),
        ("crossed_by_22_june", {"value_from": "F003"}, r"found evidence F003 for context, expected .* calibration"),
        ("aan_30_june", {"value_from": "F064 / 421", "value": "0.0784"}, r"found only evidence of 2021-05-01"),
        ("aan_30_june", {"date": "2021-05-01"}, r"date: found '2021-05-01', expected a day after 2021-05-01"),
        ("aan_30_june", {"date": "2021-07-08"}, r"date: found '2021-07-08', expected a day up to 2021-07-07"),
        ("largest_night", {"date": "2021-07-03"}, r"found evidence F001 of a later time"),
        ("aan_30_june", {"error": "guess"}, r"error: found 'guess', expected one of exact"),
        ("aan_30_june", {"error": "range"}, r"low: found '', expected a number, because error is range"),
        ("aan_30_june", {"error": "exact"}, r"sd: found '0.02', expected 0 for an exact figure"),
        ("aan_30_june", {"sd": "0"}, r"sd: found '0', expected 0 for an exact figure and more than 0 for any other"),
        ("aan_30_june", {"sd": ""}, r"sd: found '', expected a number"),
        ("aan_30_june", {"scale": "square"}, r"scale: found 'square', expected one of linear, log"),
        ("aan_30_june", {"use": "shown"}, r"use: found 'shown', expected one of fitted, scored"),
        ("aan_30_june", {"reason": ""}, r"reason: found '', expected some text"),
        ("aan_30_june", {"event": ""}, r"event: found '', expected some text"),
        ("badakhshan_without_fight", {"value": "0.8", "value_from": "F090"}, r"value: found '0.8', expected an empty"),
        ("a_third_5_july", {"low": "0.386", "low_from": "F012.high"}, r"low, value and high in increasing order"),
    ],
)  # fmt: skip
def test_a_wrong_target_is_refused_with_its_row(
    folder: Path, evidence: list[Evidence], outcomes: tuple[Outcome, ...], target: str, cells: dict[str, str], said: str
) -> None:
    spoil(folder, target, **cells)
    with pytest.raises(PanjError, match=said) as error:
        read_targets(evidence, outcomes, folder)
    assert str(error.value).startswith("targets.csv line ")
    assert f"({target})" in str(error.value)


@pytest.mark.parametrize("column", ["source", "date_start"])
def test_evidence_without_source_or_date_is_refused(folder: Path, column: str) -> None:
    path = folder / "evidence.csv"
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    next(row for row in rows if row["id"] == "F065")[column] = ""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    with pytest.raises(PanjError, match=rf"\(F065\), {column}: found '', expected"):
        read_evidence(folder)


def test_evidence_that_lost_its_source_is_refused_by_the_target(
    evidence: list[Evidence], outcomes: tuple[Outcome, ...]
) -> None:
    nameless = [replace(row, source="") if row.id == "F065" else row for row in evidence]
    with pytest.raises(PanjError, match=r"\(aan_30_june\): found evidence F065 without source or date"):
        read_targets(nameless, outcomes)


def test_more_than_twelve_fitted_targets_are_refused(
    folder: Path, evidence: list[Evidence], outcomes: tuple[Outcome, ...]
) -> None:
    rewrite(folder / "targets.csv", lambda rows: [row | {"use": "fitted"} for row in rows])
    with pytest.raises(PanjError, match=r"use: found 64 targets to be fitted, expected at most 12"):
        read_targets(evidence, outcomes, folder)


@pytest.mark.parametrize(("target", "partner"), [("lwj_retaken_21_june", "aan_retaken_30_june"),
                                                 ("civilians_gorno_badakhshan", "largest_night")])  # fmt: skip
def test_two_fitted_targets_in_conflict_are_refused(
    folder: Path, evidence: list[Evidence], outcomes: tuple[Outcome, ...], target: str, partner: str
) -> None:
    spoil(folder, target, use="fitted")
    with pytest.raises(PanjError, match=rf"(?=.*{target})(?=.*{partner}).*expected at most one of them to be fitted"):
        read_targets(evidence, outcomes, folder)


def test_a_change_of_the_evidence_does_not_go_unseen(evidence: list[Evidence], outcomes: tuple[Outcome, ...]) -> None:
    changed = [replace(row, value=1038.0) if row.id == "F001" else row for row in evidence]
    with pytest.raises(PanjError, match=r"\(largest_night\), value: found '1037', expected 1038, which is F001"):
        read_targets(changed, outcomes)


# How far a campaign is outside what was reported


def away(row: Target, value: float) -> float:
    """In standard deviations of the error, or in counts of an exact figure."""
    low, high = scaled(np.array(bounds_of(row)), row)
    return abs(float(outside(scaled(np.array([value]), row), low, high)[0])) / (row.sd or 1)


@pytest.mark.parametrize(
    ("target", "value", "expected"),
    [
        ("badakhshan_without_fight", 0.2, 0.0),  # inside a range nothing is preferred
        ("badakhshan_without_fight", 0.7, 0.0),
        ("aan_30_june", 158 / 421 + 0.04, 2.0),  # beyond it distance grows in standard deviations
        ("largest_night", 1038 * 2 - 1, math.log(2) / 0.1),  # crossings are compared by their logarithm
        ("largest_night", 1038 / 2 - 1, math.log(2) / 0.1),
        ("ishkashim_captured", 5000, 0.0),  # a lower bound is open above
        ("ishkashim_captured", 0, 2.0),
        ("capitals_7_july", 0.0, 0.0),  # an exact figure is met or missed
        ("capitals_7_july", 1.0, 1.0),
    ],
)
def test_distance_is_in_standard_deviations_beyond_what_was_said(
    targets: dict[str, Target], target: str, value: float, expected: float
) -> None:
    assert away(targets[target], value) == pytest.approx(expected)


def test_both_ends_of_a_range_are_as_strict(targets: dict[str, Target]) -> None:
    row = targets["badakhshan_without_fight"]
    assert [away(row, 0.9), away(row, 0.015)] == pytest.approx([0.1 / row.sd] * 2)


def test_dates_are_compared_by_days_and_a_missing_one_is_the_day_after_the_line(targets: dict[str, Target]) -> None:
    row = targets["largest_night_date"]
    found, missing = numbers_of(pa.chunked_array([["2021-07-05", None]]))
    assert found == row.value and missing == NEVER
    assert away(row, found) == 0 < away(row, missing)


def test_the_same_split_is_nearest_whatever_its_size(targets: dict[str, Target]) -> None:
    row = targets["largest_night_split"]

    def score(**men: float) -> float:
        numbers = {name: np.array([men.get(name, 0.0)]) for name, _ in row.parts}
        found = measure(row, Forecast("", "", "", numbers, None, 1, START))
        assert found is not None
        return found.score.value

    alike = score(**{name: 100 * soldiers for name, soldiers in row.parts})
    even, one = score(**dict.fromkeys(dict(row.parts), 150.0)), score(largest_night_tem=1037.0)
    assert alike < 0.05 and alike < even < one < math.inf


# District by district


def test_districts_of_the_north_east_and_of_the_border_have_their_days(facts: Facts) -> None:
    rows = district_targets(facts)
    known = Counter(Known(kind).name for kind in rows.known.tolist())
    assert known == {"DAY": 30, "WINDOW": 11, "BY": 7, "NOT_LOST": 3, "UNDATED": 3}
    assert {facts.province[district] for district in rows.district} == {"Badakhshan", "Takhar", "Kunduz", "Balkh"}


def test_what_is_known_of_a_day_bounds_it(facts: Facts) -> None:
    rows = district_targets(facts)
    days = {
        facts.district[district]: (str(first), str(last))
        for district, first, last in zip(rows.district, rows.earliest, rows.latest, strict=True)
    }
    assert days["Shighnan"] == ("2021-07-05", "2021-07-05")  # a day
    assert days["Darqad"] == ("2021-06-19", "2021-06-20")  # a window of about two days
    assert days["Chahab"] == ("2021-05-01", "2021-06-22")  # by: an upper bound
    assert days["Khulm"] == ("2021-05-01", "NaT")  # undated: censored
    assert days["Taloqan"] == ("2021-07-08", "NaT")  # a capital that was held


def test_without_dates_every_district_is_censored(facts: Facts) -> None:
    falls = read_falls()
    undated = falls._replace(fell_date=np.full(399, np.datetime64("NaT"), "datetime64[D]"), precision=("",) * 399)
    known = district_targets(facts, undated).known
    assert set(known.tolist()) == {Known.UNDATED, Known.NOT_LOST}
