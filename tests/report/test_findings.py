"""What a page says first comes from the campaigns, names one date per sentence, and says what does not fit."""

import re
from copy import copy
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from test_show import write_study
from test_show_sweeps import POLICY, write_sweep

from sim.data.facts import THE_LINE
from sim.data.record import NIGHTS, point
from sim.report import findings
from sim.report.findings import findings_of, findings_of_sweep, place_among
from sim.report.outcomes import (
    LARGEST_NIGHT,
    OFTEN,
    TALLEST,
    draw_dots,
    format_rounded,
    nights_shown,
    summary_row,
    values_of,
)
from sim.report.report import entry_of, filmed_cells, write_report
from sim.report.sweeps import MANY_CELLS, cells_by_effect, outcomes_of, shown_cells
from sim.study.reader import Study, read_study, read_sweep

DATES = re.compile(r"\d+ (?:May|June|July|August|September)")


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Study:
    return read_study(write_study(tmp_path_factory.mktemp("findings") / "made_up", 40))


@pytest.fixture(scope="module")
def sweep(tmp_path_factory: pytest.TempPathFactory) -> Study:
    return read_sweep(write_sweep(tmp_path_factory.mktemp("findings") / "sweep", POLICY, 4))


def row_of(value: float | None, low: float | None, high: float | None) -> pd.Series:
    return pd.Series({"reported_value": value, "reported_low": low, "reported_high": high})


@pytest.mark.parametrize(
    ("reported", "sides", "fits"),
    [
        ((5.0, 5.0, 5.0), (0.4, 0.1, 0.5), True),
        ((100.0, None, None), (1.0, 0.0, 0.0), False),
        ((9.0, 8.0, 9.0), (0.8, 0.1, 0.1), True),
        ((None, 3.0, 5.0), (0.2, 0.3, 0.5), True),
        ((None, 11.0, None), (1.0, 0.0, 0.0), False),
        ((None, None, 0.0), (0.0, 0.0, 1.0), False),
        ((None, 1.0, None), (0.0, 1.0, 0.0), True),
    ],
)
def test_a_reported_figure_has_a_place_among_campaigns(
    reported: tuple[float | None, float | None, float | None], sides: tuple[float, float, float], fits: bool
) -> None:
    place = place_among(np.arange(1.0, 11.0), row_of(*reported))
    assert place is not None and tuple(place) == pytest.approx(sides) and place.fits == fits


def test_there_is_no_place_without_a_report_or_without_campaigns() -> None:
    assert place_among(np.arange(5.0), row_of(None, None, None)) is None
    assert place_among(np.empty(0), row_of(1.0, 1.0, 1.0)) is None


def test_a_share_of_campaigns_is_not_rounded_to_none_or_all() -> None:
    place = place_among(np.arange(1000.0), row_of(999.0, None, None))
    assert place is not None and place.text.startswith("over 99 % below")


def test_at_most_five_sentences_of_one_date_each_say_what_was_found(study: Study, sweep: Study) -> None:
    values = study.runs[LARGEST_NIGHT]
    for sentences in (findings_of(study), findings_of_sweep(sweep, cells_by_effect(sweep), outcomes_of(sweep))):
        assert 3 <= len(sentences) <= 5
        named = [re.sub("“.*”", "", sentence) for sentence in sentences]
        assert all(len(set(DATES.findall(sentence))) <= 1 for sentence in named)
    found = findings_of(study)
    assert f"median {format_rounded(values.median())} soldiers" in found[0]
    assert f"In {int((values >= 1037).sum())} of 40 campaigns" in found[1]
    assert "reported figure" in found[-1]


def test_one_campaign_is_not_told_as_a_spread(tmp_path: Path) -> None:
    found = findings_of(read_study(write_study(tmp_path / "one", 1)))
    assert not [sentence for sentence in found if "median" in sentence or "nine of ten" in sentence]
    assert "chance" in found[-1]


def test_one_campaign_in_each_cell_is_not_told_as_a_spread_or_a_misfit(tmp_path: Path) -> None:
    one = read_sweep(write_sweep(tmp_path / "one", POLICY, 1))
    found = findings_of_sweep(one, cells_by_effect(one), outcomes_of(one))
    assert not re.findall("median|nine of ten|of the campaigns|not fit", " ".join(found))
    assert "in the one campaign" in found[0] and "shaped by chance" in found[-1]


@pytest.mark.parametrize("runs", [2, 4, 19])
def test_few_campaigns_are_not_told_as_a_misfit_by_any_page(runs: int, tmp_path: Path) -> None:
    said = f"{runs} campaigns are too few to tell which reported figures do not fit; at least 20 are needed."
    few = read_study(write_study(tmp_path / "few", runs))
    assert findings_of(few)[-1] == said
    cells = read_sweep(write_sweep(tmp_path / "cells", POLICY, runs))
    assert findings_of_sweep(cells, cells_by_effect(cells), outcomes_of(cells))[-1] == f"In the base cell, {said}"
    for name, row in ((name, summary_row(few.summary, name)) for name in few.summary["outcome"]):
        assert not entry_of(values_of(few, name), row).fits


def test_as_many_campaigns_as_can_tell_are_told(tmp_path: Path) -> None:
    enough = read_study(write_study(tmp_path / "enough", 20))
    assert re.search(
        r"reported figures? (do(es)? not fit|is reached)|reported figures is reached", findings_of(enough)[-1]
    )
    entries = [
        entry_of(values_of(enough, name), summary_row(enough.summary, name)) for name in enough.summary["outcome"]
    ]
    assert any(entry.fits for entry in entries)


def test_an_outcome_with_a_value_in_few_campaigns_is_not_counted(study: Study) -> None:
    names = [name for name in study.summary["outcome"] if name in study.runs]
    few = copy(study)
    few.__dict__["runs"] = study.runs.assign(**{name: study.runs[name].where(study.runs.index < 12) for name in names})
    assert findings_of(few)[-1].startswith("12 campaigns are too few to tell")
    few.__dict__["runs"] = few.runs.assign(**{LARGEST_NIGHT: 0.0})
    assert findings_of(few)[-1].startswith("1 of 1 reported figure does not fit")


def test_one_campaign_with_a_value_among_several_is_not_told_as_a_spread(study: Study) -> None:
    row = summary_row(study.summary, LARGEST_NIGHT).copy()
    row[["low_5", "median", "high_95"]] = np.nan, 1037.0, np.nan
    said = findings.describe_median(row, LARGEST_NIGHT)
    assert ": 1,040 soldiers in the one campaign that has a value; reported: " in said


def test_equal_cells_are_not_told_as_a_range(sweep: Study) -> None:
    names = [name for name in findings.HEADLINES if name in sweep.runs]
    equal = copy(sweep)
    equal.__dict__["runs"] = sweep.runs.assign(**dict.fromkeys(names, 0.0))
    cells = cells_by_effect(sweep)
    assert findings.describe_chances(equal, cells).endswith("soldiers or more in 0 % of the campaigns of every cell.")
    assert findings.describe_range(equal, cells, LARGEST_NIGHT).endswith(": median 0 soldiers in every cell.")


def test_a_study_that_ends_early_is_answered_with_its_last_day(study: Study, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(findings, "HEADLINES", ())
    last_day = study.evenings[-1].isoformat().replace("-", "_")
    monkeypatch.setattr(findings, "ON_THE_LAST_DAY", ("share_held_by_taliban_last_day", LARGEST_NIGHT))
    there = [name for name in (f"share_held_by_taliban_{last_day}", LARGEST_NIGHT) if name in study.runs]
    found = findings_of(study)
    assert there and sum("median" in sentence for sentence in found) == len(there)


def test_the_base_comes_first_and_then_what_differs_most(sweep: Study) -> None:
    cells = cells_by_effect(sweep)
    assert cells[0] == sweep.base_cell and sorted(cell.number for cell in cells) == [0, 1, 2, 3]
    medians = sweep.runs.groupby("cell")[outcomes_of(sweep)].median()
    away = ((medians - medians.loc[cells[0].number]).abs() / sweep.runs[outcomes_of(sweep)].std()).mean(axis=1)
    effects = [away[cell.number] for cell in cells[1:]]
    assert effects == sorted(effects, reverse=True) and effects[0] > 0
    assert filmed_cells(sweep) == (cells[0].number, cells[1].number)


def test_no_figure_has_more_than_24_panels(tmp_path: Path) -> None:
    many = read_sweep(write_sweep(tmp_path / "many", [{"rules.news.fade_days": float(n)} for n in range(1, 31)], 1))
    assert len(shown_cells(many)) <= MANY_CELLS == 24


def test_nights_begin_where_crossings_do(study: Study) -> None:
    nights, often = nights_shown(study), (study.series("troops_crossed") > 0).mean(axis=1) >= OFTEN
    assert nights[0] == min(study.evenings[int(np.argmax(often))], point(NIGHTS[0]).day)
    assert nights[-1] > THE_LINE


@pytest.mark.parametrize(("reported", "above"), [(150.0, 12), (-1.0, 50), (500.0, 0), (None, 0)])
def test_a_dot_is_one_campaign_in_fifty(reported: float | None, above: int) -> None:
    axes = Figure().add_subplot()
    assert draw_dots(axes, np.arange(200.0), reported) == above
    drawn = np.concatenate([np.asarray(line.get_xdata(), float) for line in axes.lines])
    assert np.isfinite(drawn).sum() == 50
    assert axes.get_ylim()[1] >= TALLEST


def test_the_page_answers_before_it_shows_tables(sweep: Study, study: Study) -> None:
    for shown in (sweep, study):
        text = write_report(shown.folder).read_text(encoding="utf-8")
        assert text.index("In short") < text.index("<h2>Figures</h2>") < text.index("<table")
        assert all(text.rindex("<details", 0, place) > text.rfind("</details", 0, place) for place in places(text))
        assert "Overlap" not in text


def places(text: str) -> list[int]:
    return [found.start() for found in re.finditer("<table", text)]
