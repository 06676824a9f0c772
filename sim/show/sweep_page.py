"""A study with several cells as one HTML page: the question, a table of cells beside the record, figures over all.

Reads   the study's folder and its figures (drawn first where they are missing).
Writes  report.html.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from sim.show import record
from sim.show.figures import picture, sweep_figures
from sim.show.outcomes import say, say_inside, summary_row, words
from sim.show.page import VerdictBlock, read_film, read_picture, say_choices, say_list, write_page
from sim.show.reading import Cell, Sweep, read_sweep
from sim.show.side_by_side import side_by_side
from sim.show.style import say_cell, say_count, say_setting
from sim.show.sweeps import figures_of, outcomes_of, say_stand_ins, shown_cells
from sim.show.swept_values import values_of_key

CITED = (record.AAN_START, record.AAN_NEWLY_HELD, *record.LWJ_COUNTS, *record.NIGHTS, record.ALL_SOLDIERS)
MOST_VALUES = 12  # of a key that are listed one by one
MOST_ROWS = 500  # of the table of all cells; more stand in summary.csv


class Column(NamedTuple):
    """An outcome of the table, and what was reported of it."""

    label: str
    unit: str
    reported: str


class Entry(NamedTuple):
    """An outcome of a cell, in words."""

    median: str
    spread: str
    inside: str  # whether what was reported lies within the spread


class Row(NamedTuple):
    """A cell of the table."""

    number: int
    label: str
    base: bool
    campaigns: str
    page: str  # the page of this cell, where it was made
    entries: list[Entry]


def write_sweep_report(folder: Path, verdicts: Sequence[VerdictBlock] = ()) -> Path:
    """The page over all cells, written to report.html in the folder."""
    sweep = read_sweep(folder)
    drawn = figures_of(sweep)
    if not all(picture(sweep, name).is_file() for name in drawn):
        side_by_side(sweep_figures(sweep))
    cells, names = shown_cells(sweep), outcomes_of(sweep)
    everything = [cell for cell in sweep.cells if cell.finished]
    rest = everything[:MOST_ROWS] if len(cells) < len(everything) else []
    content = {
        "heading": sweep.about["study"],
        "question": say_list([f"{key} is varied" if len(sweep.swept) == 1 else key for key in sweep.swept])
        + ("" if len(sweep.swept) == 1 else " are varied together"),
        "worlds": say_worlds(sweep),
        "swept": {key: say_values(sweep, key) for key in sweep.swept},
        "failures": say_failures(sweep),
        "choices": say_choices(sweep.about["choices"]),
        "columns": [column_of(sweep, name) for name in names],
        "rows": [row_of(sweep, cell, names) for cell in cells],
        "all_rows": [row_of(sweep, cell, names) for cell in rest],
        "stand_ins": say_stand_ins(sweep),
        "example": cells[-1].number,
        "verdicts": verdicts,
        "figures": [
            *(read_picture(picture(sweep, name), figure.heading, figure.explained) for name, figure in drawn.items()),
            *read_film(folder / "figures"),
        ],
    }
    return write_page(folder / "report.html", "sweep.html", sweep, CITED, content)


def say_worlds(sweep: Sweep) -> str:
    """How many campaigns each cell has, and what its cells share."""
    runs = {cell.runs for cell in sweep.cells}
    each = say_count(next(iter(runs))) if len(runs) == 1 else f"{min(runs):,} to {max(runs):,} campaigns"
    return (
        f"There are {len(sweep.cells):,} cells of {each}, with the same seeds in each, so that what differs between two"
        " cells comes from their settings."
    )


def say_values(sweep: Sweep, key: str) -> str:
    """The values of a swept key, and that of the base."""
    values = values_of_key(sweep.cells, key)
    told = ", ".join(say_setting(value) for value in values)
    if len(values) > MOST_VALUES:
        told = f"{len(values)} values, {say_setting(values[0])} to {say_setting(values[-1])}"
    return f"{told} (base: {say_setting(sweep.base[key])})" if key in sweep.base else told


def say_failures(sweep: Sweep) -> str:
    """How many campaigns did not come to their end, and where to read why."""
    failed = sum(cell.failed for cell in sweep.cells)
    if not failed:
        return ""
    empty = [str(cell.number) for cell in sweep.cells if not cell.finished]
    none = f" Cells without any campaign that came to its end: {', '.join(empty)}." if empty else ""
    command = f"python -m sim failures results/{sweep.about['study']}"
    return f"{say_count(failed)} failed and {'is' if failed == 1 else 'are'} left out.{none} Why: {command}"


def column_of(sweep: Sweep, name: str) -> Column:
    """The head of a column."""
    row = summary_row(sweep.summary, name)
    return Column(words(row, "label", name.replace("_", " ")), words(row, "unit"), words(row, "reported", "nothing"))


def row_of(sweep: Sweep, cell: Cell, names: Sequence[str]) -> Row:
    """A cell and its outcomes."""
    summary = sweep.summary[sweep.summary["cell"] == cell.number]
    page = f"report_cell_{cell.number}.html"
    return Row(
        cell.number,
        say_cell(sweep, cell),
        cell == sweep.base_cell,
        say_count(cell.finished),
        page if (sweep.folder / page).is_file() else "",
        [entry_of(summary_row(summary, name)) for name in names],
    )


def entry_of(row: pd.Series) -> Entry:
    """Median and spread; empty where no campaign has the outcome."""
    spread = "" if pd.isna(row["low_5"]) else f"{say(row['low_5'])} to {say(row['high_95'])}"
    return Entry(say(row["median"]), spread, say_inside(row))
