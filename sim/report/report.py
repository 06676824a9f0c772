"""A study as one HTML page that needs nothing else: figures inside, a table, the record it is set beside, the terms.

Reads   the study's folder and its figures (drawn first where they are missing); data/evidence.csv.
Writes  report.html, over all cells; report_cell_<number>.html for one of several. The page loads nothing; links lead to
        the sources and to the tables beside it.

The figures of a study, drawn from its tables and the record alone: `python -m sim report results/<study>`.

Reads   the study's folder; data/evidence.csv, data/posts.csv, data/districts.csv, data/outline.geojson.
Writes  figures/*.png in the folder; for one cell of several, figures/cell_<number>/*.png.

One figure drawn again from its recipe, which every PNG carries inside: file, cell, evening.

Reads   the tables of a folder in the format of a study, the same as the figure came from or another.
Writes  that one figure, under its own name in that folder.

Pictures drawn at the same time, each in a copy of this process, as many as there are cores.

A study with several cells as one HTML page: the question, a table of cells beside the record, figures over all.

Reads   the study's folder and its figures (drawn first where they are missing).
Writes  report.html.
"""

import os
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from datetime import date
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd
from matplotlib import rc_context

from sim.compare.figure import MOST_SENTENCES, Verdicts, draw_forest, read_verdicts, written
from sim.data import record
from sim.errors import PanjError, unknown
from sim.options import Report
from sim.plots.maps import draw_map_of
from sim.plots.page import VerdictBlock, read_film, read_picture, say_choices, say_list, write_page
from sim.plots.style import STYLE, say_cell, say_count, say_setting
from sim.report.animation import draw_animation, film_for, write_frames, write_gif
from sim.report.evenings import draw_districts_by_day, draw_falls_by_week, draw_morale, draw_refugees
from sim.report.outcomes import draw_crossings, draw_outcomes, number_of, say, say_inside, summary_row, words
from sim.report.sweeps import figures_of, outcomes_of, say_stand_ins, shown_cells
from sim.report.swept_values import values_of_key
from sim.study.reader import Study, StudyCell, has_several_cells, read_study, read_sweep

CAPTIONS = {  # figure: (heading, how to read it, which also stands in for the picture)
    "districts_by_day": (
        "Districts held, by evening",
        "The line is the middle campaign; half of all campaigns lie in the dark band and nine in ten in the light one."
        " Marks are what was counted at the time.",
    ),
    "map": (
        "Where",
        "The darker a district, the more campaigns have it in Taliban hands that evening. A dot is a district dated as"
        " lost by then in the record; many losses were never dated.",
    ),
    "outcomes": (
        "Outcomes",
        "Bars count campaigns. Dashed lines are what was reported, shaded bands its range.",
    ),
    "crossings": (
        "Soldiers crossing the Panj",
        "Bars are medians, whiskers the spread, diamonds what was counted that night or at that post.",
    ),
    "falls_by_week": ("How districts fell", "Median falls of each kind, week by week, and the range of their total."),
    "morale": ("Morale and dread", "Both run from 0 to 1 and are means over the country. Thin lines are dated events."),
    "refugees": (
        "Refugees and queues",
        "People on the road, people at the river, and the posts they wait at. The arrow says at least so many.",
    ),
}
CITED = (
    *(record.AAN_START, record.AAN_NEWLY_HELD, record.AAN_LOST_BACK, record.ABOUT_A_THIRD, *record.LWJ_COUNTS),
    *(*record.NIGHTS, record.ALL_NIGHTS, record.CIVILIANS_ADMITTED, *record.EVENTS),
)


class Line(NamedTuple):
    """A row of the summary table, in words."""

    label: str
    counted: str
    unit: str
    reported: str
    median: str
    spread: str
    inside: str  # whether what was reported lies within the spread


def write_report(folder: Path, cell: int | None = None, verdicts: Sequence[VerdictBlock] = ()) -> Path:
    """The page of a study, written to its folder: over all cells, or of one."""
    if cell is None and has_several_cells(folder):
        return write_sweep_report(folder, verdicts)
    return write_study_report(read_study(folder, cell or 0), verdicts)


def write_study_report(study: Study, verdicts: Sequence[VerdictBlock] = ()) -> Path:
    """The page of one cell."""
    if not all(picture(study, name).is_file() for name in CAPTIONS):
        side_by_side(study_figures(study))
    lines = [make_line(row) for _, row in study.summary.iterrows()]
    several = len(study.about["cells"]) > 1
    content = {
        "heading": f"{study.about['study']}, cell {study.cell.number}" if several else study.about["study"],
        "scenario": str(study.cell.values.get("scenario", study.about["scenario"])),
        "number": study.cell.number,
        "swept": study.cell.label if several else "",
        "choices": say_choices({**study.about["choices"], **study.cell.values}),
        "lines": [line for line in lines if line.reported],
        "other_lines": [line for line in lines if not line.reported],
        "verdicts": verdicts,
        "figures": [
            *(read_picture(picture(study, name), *caption) for name, caption in CAPTIONS.items()),
            *read_film(picture(study, "map").parent),
        ],
    }
    name = f"report_cell_{study.cell.number}.html" if several else "report.html"
    return write_page(study.folder / name, "report.html", study, CITED, content)


def make_line(row: pd.Series) -> Line:
    """One outcome in words."""
    spread = "" if pd.isna(row["low_5"]) else f"{say(row['low_5'])} to {say(row['high_95'])}"
    without = number_of(row.get("missing")) or 0
    return Line(
        label=words(row, "label", str(row["outcome"]).replace("_", " ")),
        counted=words(row, "counted"),
        unit=words(row, "unit"),
        reported=words(row, "reported"),
        median=say(row["median"]),
        spread=f"{spread} (not in {without:.0f} campaigns)".strip() if without else spread,
        inside=say_inside(row),
    )


def draw_everything(folder: Path, evening: date | None = None, cell: int | None = None) -> list[Path]:
    """Every figure, the map by evening, and the page that holds them; their paths, the page last."""
    figures = all_figures(folder, evening, cell)
    film = film_of(folder) if cell is None else []
    drawn = side_by_side([*film, *figures])  # the film first, which takes as long as all others
    return [*drawn, write_report(folder, cell, verdicts_of(folder) if cell is None else ())]


Deed = Callable[[], Path]  # draws one file; can be pickled


def film_of(folder: Path) -> list[Deed]:
    """What draws the map by evening, the old ones gone: of the study, or of the base cell beside the cell that differs
    most; not of one campaign.
    """
    sweep = read_sweep(folder)
    if max(cell.finished for cell in sweep.cells) < 2:
        return []
    for old in (folder / "figures").glob("districts*.gif"):
        old.unlink()
    return [partial(draw_animation, folder, filmed_cells(sweep))]


def filmed_cells(sweep: Study) -> tuple[int, ...]:
    """The base cell (or the first), and of the others the one whose middle campaign is farthest from it."""
    middle = sweep.runs.groupby("cell")[outcomes_of(sweep)[0]].median()
    base = sweep.base_cell.number if sweep.base_cell is not None else int(middle.index[0])
    away = (middle.drop(base) - middle[base]).abs()
    return (base,) if away.empty else (base, int(away.idxmax()))


def verdicts_of(folder: Path) -> list[VerdictBlock]:
    """What was compared in the study against its own base, in words and pictures."""
    tables = written(folder)
    verdicts = [read_verdicts(table) for table in tables]
    pictures = side_by_side([partial(draw_forest, each) for each in verdicts])
    return [block_of(*each) for each in zip(tables, verdicts, pictures, strict=True)]


def block_of(table: Path, verdicts: Verdicts, picture: Path) -> VerdictBlock:
    """One outcome; beyond a few sentences the table has the others."""
    sentences = [row.sentence for row in verdicts.rows][:MOST_SENTENCES]
    more = len(verdicts.rows) - len(sentences)
    rest = [f"{more} more stand in {table.parent.name}/{table.name}."] if more else []
    return VerdictBlock(verdicts.about["label"], [*sentences, *rest], picture)


def main(request: Report) -> int:
    """`panj report results/<study> [cell=...] [evening=...]`: draw the figures and write the report again."""
    *figures, report = draw_everything(request.folder, request.evening, request.cell)
    print(f"{len(figures)} figures in {figures[0].parent}, report in {report}")
    return 0


FIGURES: dict[str, Callable[[Study, Path], Path]] = {
    "districts_by_day": draw_districts_by_day,
    "outcomes": draw_outcomes,
    "crossings": draw_crossings,
    "falls_by_week": draw_falls_by_week,
    "morale": draw_morale,
    "refugees": draw_refugees,
}


def draw_all(folder: Path, evening: date | None = None, cell: int | None = None) -> list[Path]:
    """Every figure of the study, written to `figures/`: over all cells, or of one cell with its map of `evening`."""
    return side_by_side(all_figures(folder, evening, cell))


def all_figures(folder: Path, evening: date | None = None, cell: int | None = None) -> list[Deed]:
    """What draws every figure of the study, one each."""
    if cell is None and has_several_cells(folder):
        if evening is not None:
            raise PanjError("report, evening: found several cells, expected one, such as cell=0 evening=2021-07-05")
        return sweep_figures(read_sweep(folder))
    return study_figures(read_study(folder, cell or 0), evening)


def study_figures(study: Study, evening: date | None = None) -> list[Deed]:
    """Every figure of one cell; the map is of `evening`."""
    first, *others = (partial(draw_figure, study, name) for name in FIGURES)
    return [first, partial(draw_map_in_style, study, evening), *others]


def sweep_figures(sweep: Study) -> list[Deed]:
    """Every figure over all cells."""
    return [partial(draw_sweep_figure, sweep, name) for name in figures_of(sweep)]


def draw_figure(study: Study, name: str) -> Path:
    """One figure of one cell."""
    with rc_context(STYLE):
        return FIGURES[name](study, picture(study, name))


def draw_map_in_style(study: Study, evening: date | None) -> Path:
    """The map of one cell."""
    with rc_context(STYLE):
        return draw_map_of(study, evening, picture(study, "map"))


def draw_sweep_figure(sweep: Study, name: str) -> Path:
    """One figure over all cells."""
    with rc_context(STYLE):
        return figures_of(sweep)[name].draw(sweep, picture(sweep, name))


def picture(shown: Study, name: str) -> Path:
    """Where a figure is kept; the figures of one cell of several have a folder of their own."""
    folder = shown.folder / "figures"
    if shown.focus is not None and len(shown.about["cells"]) > 1:
        folder /= f"cell_{shown.cell.number}"
    return folder / f"{name}.png"


def redraw(folder: Path, recipe: Mapping[str, Any]) -> Path:
    """The figure that the recipe names, from the tables of `folder` and into it."""
    file = file_of(recipe)
    if file.parent.name == "verdicts":
        return draw_forest(read_verdicts((folder / file).with_suffix(".csv")))
    if "every" in recipe:
        return redraw_film(folder, file, recipe)
    return redraw_sweep(folder, file) if recipe.get("cell") is None else redraw_study(folder, file, recipe)


def file_of(recipe: Mapping[str, Any]) -> Path:
    """The file that the recipe names: a name inside `figures/` or `verdicts/` and nowhere else."""
    file = Path(str(recipe.get("file", "")))
    if file.parts[:1] not in (("figures",), ("verdicts",)) or ".." in file.parts or not file.suffix:
        raise PanjError(f"recipe, file: found '{recipe.get('file')}', expected a file such as figures/map.png")
    return file


def redraw_study(folder: Path, file: Path, recipe: Mapping[str, Any]) -> Path:
    """A figure of one cell."""
    study = read_study(folder, int(recipe["cell"]))
    with rc_context(STYLE):
        if file.stem == "map" or file.stem.startswith("map_"):
            evening = recipe.get("evening")
            return draw_map_of(study, date.fromisoformat(evening) if evening else None, folder / file)
        if file.stem not in FIGURES:
            raise unknown("recipe, file", file.stem, [*FIGURES, "map"])
        return FIGURES[file.stem](study, folder / file)


def redraw_sweep(folder: Path, file: Path) -> Path:
    """A figure over all cells."""
    sweep = read_sweep(folder)
    figures = figures_of(sweep)
    if file.stem not in figures:
        raise unknown("recipe, file", file.stem, figures)
    with rc_context(STYLE):
        return figures[file.stem].draw(sweep, folder / file)


def redraw_film(folder: Path, file: Path, recipe: Mapping[str, Any]) -> Path:
    """The map by evening, or one frame of it."""
    first, last = (date.fromisoformat(recipe[key]) for key in ("from", "to"))
    film = film_for(folder, recipe["cell"], first, last, recipe["every"])
    if file.suffix == ".gif":
        return write_gif(film)
    write_frames(film)
    return folder / file


def side_by_side(deeds: Sequence[Deed]) -> list[Path]:
    """What each deed drew, in their order; the first to raise is raised.

    A copy of a process has imported already what it draws with. Only Linux makes copies that are safe to draw in;
    elsewhere one deed follows the other.
    """
    workers = min(len(os.sched_getaffinity(0)), len(deeds)) if sys.platform == "linux" else 1
    if workers < 2:
        return [deed() for deed in deeds]
    with ProcessPoolExecutor(workers, get_context("fork"), leave_interrupts) as pool:
        return [drawn.result() for drawn in [pool.submit(deed) for deed in deeds]]


def leave_interrupts() -> None:
    """Ctrl-C is for the process that waits for all; a picture takes a second."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


CITED_BY_SWEEPS = (record.AAN_START, record.AAN_NEWLY_HELD, *record.LWJ_COUNTS, *record.NIGHTS, record.ALL_SOLDIERS)
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
    return write_page(folder / "report.html", "sweep.html", sweep, CITED_BY_SWEEPS, content)


def say_worlds(sweep: Study) -> str:
    """How many campaigns each cell has, and what its cells share."""
    runs = {cell.runs for cell in sweep.cells}
    each = say_count(next(iter(runs))) if len(runs) == 1 else f"{min(runs):,} to {max(runs):,} campaigns"
    return (
        f"There are {len(sweep.cells):,} cells of {each}, with the same seeds in each, so that what differs between two"
        " cells comes from their settings."
    )


def say_values(sweep: Study, key: str) -> str:
    """The values of a swept key, and that of the base."""
    values = values_of_key(sweep.cells, key)
    told = ", ".join(say_setting(value) for value in values)
    if len(values) > MOST_VALUES:
        told = f"{len(values)} values, {say_setting(values[0])} to {say_setting(values[-1])}"
    return f"{told} (base: {say_setting(sweep.base[key])})" if key in sweep.base else told


def say_failures(sweep: Study) -> str:
    """How many campaigns did not come to their end, and where to read why."""
    failed = sum(cell.failed for cell in sweep.cells)
    if not failed:
        return ""
    empty = [str(cell.number) for cell in sweep.cells if not cell.finished]
    none = f" Cells without any campaign that came to its end: {', '.join(empty)}." if empty else ""
    command = f"python -m sim failures results/{sweep.about['study']}"
    return f"{say_count(failed)} failed and {'is' if failed == 1 else 'are'} left out.{none} Why: {command}"


def column_of(sweep: Study, name: str) -> Column:
    """The head of a column."""
    row = summary_row(sweep.summary, name)
    return Column(words(row, "label", name.replace("_", " ")), words(row, "unit"), words(row, "reported", "nothing"))


def row_of(sweep: Study, cell: StudyCell, names: Sequence[str]) -> Row:
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
