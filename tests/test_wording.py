"""Numbers, dates, plurals and lists read as an English reader expects."""

from datetime import date

import pytest

from sim.data.configs import folder_of, read_yaml
from sim.wording import (
    COUNTED,
    counted,
    counted_span,
    format_day,
    format_seconds,
    format_short_day,
    list_words,
    percent,
    reported_in_words,
    significant,
    span,
    span_of,
    whole,
    with_range,
)


@pytest.mark.parametrize(
    ("value", "said"),
    [(0, "0"), (0.12345, "0.123"), (-0.5, "-0.5"), (5.0, "5"), (12.34, "12.3"), (99.96, "100"), (1036.6, "1,037"),
     (443_300.0, "443,300"), (-1234.5, "-1,234"), (1.5e7, "15,000,000")],
)  # fmt: skip
def test_a_number_keeps_three_digits_and_never_shows_a_power_of_ten(value: float, said: str) -> None:
    assert significant(value) == said


@pytest.mark.parametrize(
    ("value", "said"),
    [(0, "0"), (0.04, "0.04"), (-0.36, "-0.4"), (0.96, "1"), (1.4, "1"), (87.6, "88"), (1036.6, "1,037")],
)
def test_a_count_has_no_decimals_but_a_mean_below_one_is_not_none(value: float, said: str) -> None:
    assert whole(value) == said


def test_a_unit_is_counted_if_outcomes_count_it() -> None:
    units = {row["unit"] for row in read_yaml(folder_of("configs") / "outcomes.yaml").values()}
    assert units - COUNTED == {"share", "date", "guards a person"} and units >= COUNTED


def test_more_or_fewer_digits_can_be_asked_for() -> None:
    assert [significant(value, 4) for value in (0.123456, 999.94, 12_345.6)] == ["0.1235", "999.9", "12,346"]
    assert significant(23.4, 2) == "23"


def test_a_noun_is_singular_after_one_alone() -> None:
    assert [counted(many, "world") for many in (0, 1, 10_000)] == ["0 worlds", "1 world", "10,000 worlds"]


@pytest.mark.parametrize(
    ("value", "low", "high", "said"),
    [("", "", "", ""), ("5", "", "", "5"), ("5", "5", "5", "5"), ("5", "2", "9", "5 (2 to 9)"),
     ("", "2", "9", "2 to 9"), ("", "2", "", "at least 2"), ("", "", "9", "at most 9"),
     ("5", "2", "", "5 (at least 2)")],
)  # fmt: skip
def test_a_range_is_named_only_where_it_adds_something(value: str, low: str, high: str, said: str) -> None:
    assert with_range(value, low, high) == said


@pytest.mark.parametrize(
    ("value", "low", "high", "unit", "said"),
    [
        (1587.0, 1587.0, 1587.0, "soldiers", "1,587 (F039)"),
        (0.333, 0.333, 0.386, "share", "33.3 %, range 33.3 to 38.6 % (F039)"),
        (None, 0.1351, None, "share", "at least 13.5 % (F039)"),
        (None, None, 12000.0, "people", "at most 12,000 (F039)"),
        (500.0, 500.0, 545.0, "soldiers", "500, range 500 to 545 (F039)"),
        (None, None, None, "date", "4 July"),
    ],
)
def test_a_reported_figure_is_in_the_unit_of_its_axis(value, low, high, unit: str, said: str) -> None:
    reported = {"value": value, "low": low, "high": high, "evidence": "F039", "text": "4 July"}
    assert reported_in_words(reported, unit) == said


def test_a_range_of_counts_is_singular_for_ones_alone() -> None:
    assert [counted_span(counts, "pair") for counts in ([1], [1, 1], [2], [3, 1], [1000])] == [
        "1 pair", "1 pair", "2 pairs", "1 to 3 pairs", "1,000 pairs",
    ]  # fmt: skip


def test_equal_ends_are_one_number() -> None:
    assert span("7", "7") == "7"
    assert [span_of(numbers) for numbers in ([200], [1000, 200, 200])] == ["200", "200 to 1,000"]


def test_words_are_joined_with_one_and() -> None:
    assert [list_words(list(names)) for names in ("", "a", "ab", "abc")] == ["", "a", "a and b", "a, b and c"]


def test_dates_shares_and_durations_in_words() -> None:
    day = date(2021, 7, 5)
    assert [format_day(day), format_day(day, year=True), format_short_day(day)] == ["5 July", "5 July 2021", "5 Jul"]
    assert [percent(0.574), percent(0.0051, 2)] == ["57 %", "0.51 %"]
    assert [format_seconds(seconds) for seconds in (12.4, 59.6, 200, 7500)] == [
        "12 s", "1 min 0 s", "3 min 20 s", "2 h 5 min",
    ]  # fmt: skip
