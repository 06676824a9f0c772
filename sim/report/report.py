"""Draw the figures of a study and write its HTML page from its tables and the record, without running campaigns.

Reads   the study's folder; data/evidence.csv, data/posts.csv, data/districts.csv; the geometry of `sim.plots.land`.
Writes  figures/*.png and report.html for the whole study; for one cell of several, figures/cell_<number>/*.png and
        report_cell_<number>.html. A page is self-contained and links to the sources and to the tables next to it.
"""

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures.process import BrokenProcessPool
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from sim.compare.figure import MOST_SENTENCES, Verdicts, by_size, draw_forest, draw_table, read_verdicts, tables_in
from sim.data import record
from sim.errors import PanjError, unknown
from sim.options import Report
from sim.plots.captions import describe_failures, format_setting, name_key
from sim.plots.land import read_land
from sim.plots.maps import draw_map_of
from sim.plots.page import PageFigure, VerdictBlock, format_choices, read_film, read_picture, write_page
from sim.plots.style import in_style
from sim.processes import interrupts_deferred, worker_pool
from sim.provenance import shell_command
from sim.report.animation import draw_animation, make_film, write_frames, write_gif
from sim.report.evenings import draw_districts_by_day, draw_falls_by_week, draw_morale, draw_refugees
from sim.report.findings import HEADLINES, findings_of, findings_of_sweep, place_among
from sim.report.outcomes import (
    FEWEST,
    draw_crossings,
    draw_largest_night,
    draw_outcomes,
    format_rounded,
    format_spread,
    label_of,
    number_in,
    summary_row,
    text_in,
    values_of,
)
from sim.report.sweeps import cells_by_effect, describe_stand_ins, figures_of, outcomes_of, shown_cells, values_in
from sim.report.swept_values import values_of_key
from sim.study.reader import (
    Study,
    StudyCell,
    has_several_cells,
    notes_on_definitions,
    open_study,
    read_study,
    read_sweep,
)
from sim.wording import counted, counted_span, list_words

FIGURES = {  # figures of a single cell; explanations are also alternative texts
    "districts_by_day": PageFigure(
        "Simulated districts held, by evening",
        "The line is the median; the dark band contains half of the campaigns and the light one nine in ten. Marks are"
        " what was counted at the time.",
        draw_districts_by_day,
    ),
    "map": PageFigure(
        "Simulated districts held, on a map",
        "The darker a district, the more campaigns have it in Taliban hands that evening. A dot marks a district with a"
        " reported date of loss by then; many losses were never dated.",
        lambda study, path: draw_map_of(study, None, path),
    ),
    "outcomes": PageFigure(
        "Simulated outcomes",
        "Histograms of campaigns. A dashed line is the reported figure, and a shaded band its range.",
        draw_outcomes,
    ),
    "largest_night": PageFigure(
        "The largest simulated night",
        "Each dot stands for 2 % of campaigns; dark dots are at or above the reported figure (dashed line).",
        draw_largest_night,
    ),
    "crossings": PageFigure(
        "Simulated soldiers crossing the Panj",
        "Bars are medians, whiskers 50 and 90 % intervals of campaigns, and diamonds reported counts.",
        draw_crossings,
    ),
    "falls_by_week": PageFigure(
        "How districts fell in the simulation",
        "Median falls of each kind, week by week, and the 90 % interval of their total.",
        draw_falls_by_week,
    ),
    "morale": PageFigure(
        "Simulated morale and dread",
        "Both run from 0 to 1 and are means over the country. Thin lines are dated events.",
        draw_morale,
    ),
    "refugees": PageFigure(
        "Simulated refugees and queues",
        "People on the road, at the river, and waiting at each post. The arrow marks a reported minimum.",
        draw_refugees,
    ),
}
CITED_BY_SWEEPS = (record.AAN_START, record.AAN_NEWLY_HELD, *record.LWJ_COUNTS, *record.NIGHTS, record.ALL_SOLDIERS)
CITED = (
    *(record.AAN_START, record.AAN_NEWLY_HELD, record.AAN_LOST_BACK, record.ABOUT_A_THIRD, *record.LWJ_COUNTS),
    *(*record.NIGHTS, record.ALL_NIGHTS, record.CIVILIANS_ADMITTED, *record.EVENTS),
)
MOST_VALUES = 12  # number of values of a key above which only the first and last are listed
MOST_ROWS = 500  # largest number of rows in the table of all cells; the rest are in summary.csv


class Line(NamedTuple):
    """One outcome as a row of the summary table, with all cells as text."""

    label: str
    counted: str
    unit: str
    reported: str
    median: str
    spread: str
    place: str  # position of the reported figure among the campaigns


class Column(NamedTuple):
    """One outcome as a column of the table of cells: its label, its unit and its reported figure."""

    label: str
    unit: str
    reported: str


class Entry(NamedTuple):
    """One field of the table of cells: an outcome in one cell, compared with the reported figure."""

    median: str
    spread: str
    place: str  # position of the reported figure among the campaigns
    fits: bool  # whether enough campaigns can tell, and more than 5 % of them reach the reported figure


class Row(NamedTuple):
    """One cell of a study as a row of the table of cells."""

    number: int
    chosen: list[str]  # values of the swept keys
    base: bool
    campaigns: str
    page: str  # file name of the page of this cell; empty if there is none
    entries: list[Entry]


Drawing = Callable[[], Path]  # a picklable function that draws one file and returns its path


def read_shown(folder: Path, cell: int | None = None) -> Study:
    """Read the part of a study shown on a page.

    Args:
        folder: Folder of the study.
        cell: Number of the cell to show; None for all cells.

    Returns:
        The study, limited to the cell if one is given or if it has only one.

    Raises:
        PanjError: The study is incomplete, or there is no such cell.
    """
    return read_sweep(folder) if cell is None and has_several_cells(folder) else read_study(folder, cell or 0)


def figures_for(shown: Study) -> dict[str, PageFigure]:
    """Return the figures of a page by name, which differ between a page of all cells and a page of one cell."""
    return figures_of(shown) if shown.focus is None else FIGURES


def picture(shown: Study, name: str) -> Path:
    """Return the path of a figure of a page.

    Args:
        shown: The study, limited to a cell if the page is about one cell.
        name: Name of the figure.

    Returns:
        Path in `figures/` of the study or, for one cell of several, in a subfolder of that cell.
    """
    folder = shown.folder / "figures"
    if shown.focus is not None and len(shown.cells) > 1:
        folder /= f"cell_{shown.cell.number}"
    return folder / f"{name}.png"


@in_style
def draw_figure(shown: Study, name: str, evening: date | None, path: Path) -> Path:
    """Draw one figure of a page.

    Args:
        shown: The study, limited to a cell if the page is about one cell.
        name: Name of the figure, a key of `figures_for`.
        evening: Day of the map of a single cell; None for 5 July or the nearest day of the study.
        path: Path of the figure.

    Returns:
        The path of the file that was written.
    """
    if name == "map" and shown.focus is not None:
        return draw_map_of(shown, evening, path)
    return figures_for(shown)[name].draw(shown, path)


def prepare() -> None:
    """Read the geometry of the maps in advance, so that a process waiting for a study can draw sooner."""
    read_land()


def drawings_of(shown: Study, evening: date | None = None) -> list[Drawing]:
    """Return a list of functions without arguments that each draw one figure of the page."""
    return [partial(draw_figure, shown, name, evening, picture(shown, name)) for name in figures_for(shown)]


def drawings_in(folder: Path, evening: date | None, cell: int | None) -> list[Drawing]:
    """Read a study, and return a list of functions without arguments that each draw one of its figures.

    Raise PanjError if a day for the map is given although several cells are shown.
    """
    shown = read_shown(folder, cell)
    if evening is not None and shown.focus is None:
        raise PanjError("report, evening: found several cells, expected one, such as cell=0 evening=2021-07-05")
    return drawings_of(shown, evening)


def draw_everything(folder: Path, evening: date | None = None, cell: int | None = None) -> list[Path]:
    """Draw all figures and the animated map, and write the page.

    Args:
        folder: The folder of the study.
        evening: Day shown by the map of a single cell; by default 5 July, or the nearest day in the study.
        cell: Number of the cell to show. By default the page shows the whole study, with animation and comparisons.

    Returns:
        The paths of the figures, then the path of the page.

    Raises:
        PanjError: The study is incomplete or has no such cell or day.
    """
    film = drawings_of_film(folder) if cell is None else []
    # the animation comes first because it takes as long as all the rest
    drawn = in_parallel([*film, *drawings_in(folder, evening, cell)])
    return [*drawn, write_report(folder, cell, verdicts_of(folder) if cell is None else ())]


def drawings_of_film(folder: Path) -> list[Drawing]:
    """Delete old animated GIFs of a study, and return a list with the function that draws the animated map.

    If several cells have finished campaigns, the map shows the base (or else the first of them) and the cell with the
    largest difference from it. If no cell has more than one finished campaign, the list is empty and nothing is
    deleted.
    """
    sweep = read_sweep(folder)
    if max(cell.finished for cell in sweep.cells) < 2:
        return []
    for old in (folder / "figures").glob("districts*.gif"):
        old.unlink()
    return [partial(draw_animation, folder, filmed_cells(sweep))]


def filmed_cells(sweep: Study) -> tuple[int, ...]:
    """Return the number of the base cell (or else the first) and, if there are others, of the most different one."""
    return tuple(cell.number for cell in cells_by_effect(sweep)[:2])


def verdicts_of(folder: Path) -> list[VerdictBlock]:
    """Read the comparisons of cells in a study, draw a figure of each, and return them for the page."""
    order = {name: place for place, name in enumerate(HEADLINES)}
    tables = sorted(tables_in(folder), key=lambda table: order.get(table.stem, len(order)))
    verdicts = [read_verdicts(table) for table in tables]
    pictures = in_parallel([partial(draw_forest, each) for each in verdicts])
    return [block_of(*each) for each in zip(tables, verdicts, pictures, strict=True)]


def block_of(table: Path, verdicts: Verdicts, drawn: Path) -> VerdictBlock:
    """Prepare a comparison of cells for the page: its figure, the sentences on its largest differences, and a note."""
    sentences = [row.sentence for row in by_size(verdicts.rows)][:MOST_SENTENCES]
    more = len(verdicts.rows) - len(sentences)
    rest = [f"{more} more are in {table.parent.name}/{table.name}."] if more else []
    return VerdictBlock(verdicts.about["label"], [*sentences, *rest], drawn)


def in_parallel(drawings: Sequence[Drawing]) -> list[Path]:
    """Draw several files: in parallel, in forks of this process, on Linux, and otherwise one after the other.

    There are at most as many forks as cores. A fork does not have to import the drawing libraries again; on other
    systems, drawing in forks is unsafe.

    Args:
        drawings: One drawing function per file.

    Returns:
        The paths, in the same order.

    Raises:
        PanjError: A figure could not be drawn; the first error is raised. Or a drawing process was killed.
    """
    workers = min(len(os.sched_getaffinity(0)), len(drawings)) if sys.platform == "linux" else 1
    if workers < 2:
        return [draw() for draw in drawings]
    try:
        with worker_pool(workers, "fork") as pool:
            with interrupts_deferred():
                futures = [pool.submit(draw) for draw in drawings]
            return [drawn.result() for drawn in futures]
    except BrokenProcessPool as error:
        raise PanjError(
            "report: found a killed drawing process (out of memory, or a signal), expected it to finish; run the same "
            "command to draw again"
        ) from error


def redraw(folder: Path, recipe: Mapping[str, Any]) -> Path:
    """Redraw a figure or an animation from the metadata in its file, with the same file name.

    Args:
        folder: The folder of the study, which may differ from the one from which the figure was first drawn.
        recipe: The metadata in the file: its path, and the cell and evening of a figure, or the cells and days of an
            animation.

    Returns:
        The path of the figure.

    Raises:
        PanjError: The recipe does not match a figure of the study.
    """
    file = Path(str(recipe.get("file", "")))
    if file.parts[:1] not in (("figures",), ("verdicts",)) or ".." in file.parts or not file.suffix:
        raise PanjError(f"recipe, file: found '{recipe.get('file')}', expected a file such as figures/map.png")
    if file.parent.name == "verdicts":
        return draw_table((folder / file).with_suffix(".csv"))
    if "every" in recipe:
        first, last = (date.fromisoformat(recipe[key]) for key in ("from", "to"))
        film = make_film(folder, recipe["cell"], first, last, recipe["every"])
        if file.suffix == ".gif":
            return write_gif(film)
        write_frames(film)
        return folder / file
    cell, evening = recipe.get("cell"), recipe.get("evening")
    shown = read_sweep(folder) if cell is None else read_study(folder, int(cell))
    name = "map" if file.stem.startswith("map_") else file.stem
    if name not in figures_for(shown):
        raise unknown("recipe, file", name, figures_for(shown))
    return draw_figure(shown, name, date.fromisoformat(evening) if evening else None, folder / file)


def write_report(folder: Path, cell: int | None = None, verdicts: Sequence[VerdictBlock] = ()) -> Path:
    """Write the page of a study to its folder, after drawing all figures if any is missing.

    Args:
        folder: The folder of the study.
        cell: Number of the cell to show; by default the page shows the whole study.
        verdicts: Comparisons to show on the page.

    Returns:
        The path of the page.

    Raises:
        PanjError: The study is incomplete or has no such cell.
    """
    shown = read_shown(folder, cell)
    pictures = {name: picture(shown, name) for name in figures_for(shown)}
    if not all(path.is_file() for path in pictures.values()):
        in_parallel(drawings_of(shown))
    drawn = zip(pictures.values(), figures_for(shown).values(), strict=True)
    figures = [read_picture(path, figure.heading, figure.explained) for path, figure in drawn]
    films = read_film(next(iter(pictures.values())).parent)
    content = {"verdicts": verdicts, "figures": [*figures, *films]}
    if shown.focus is None:
        return write_page(folder / "report.html", "sweep.html", shown, CITED_BY_SWEEPS, content | about_sweep(shown))
    several = len(shown.cells) > 1
    name = f"report_cell_{shown.cell.number}.html" if several else "report.html"
    return write_page(folder / name, "report.html", shown, CITED, content | about_study(shown, several))


def about_study(study: Study, several: bool) -> dict[str, Any]:
    """Return the template variables for the page of one cell; `several` is whether the study has other cells."""
    lines = [make_line(study, row) for _, row in study.summary.iterrows()]
    return {
        "heading": f"{study.about['study']}, cell {study.cell.number}" if several else study.about["study"],
        "scenario": str(study.cell.values.get("scenario", study.about["scenario"])),
        "number": study.cell.number,
        "swept": study.cell.label if several else "",
        "choices": format_choices({**study.about["choices"], **study.cell.values}),
        "findings": findings_of(study),
        "is_single": study.cell.finished == 1,
        "lines": [line for line in lines if line.reported],
        "other_lines": [line for line in lines if not line.reported],
    }


def make_line(study: Study, row: pd.Series) -> Line:
    """Format one outcome as a row of the summary table."""
    without = number_in(row.get("missing")) or 0
    spread = format_spread(row)
    side = place_among(values_of(study, str(row["outcome"])), row)
    return Line(
        label=label_of(row, str(row["outcome"])),
        counted=text_in(row, "counted"),
        unit=text_in(row, "unit"),
        reported=text_in(row, "reported"),
        median=format_rounded(row["median"]),
        spread=f"{spread} (not in {counted(int(without), 'campaign')})".strip() if without else spread,
        place="" if side is None else side.text,
    )


def about_sweep(sweep: Study) -> dict[str, Any]:
    """Return the template variables for the page of a sweep, including the table of cells next to the record."""
    cells, names = shown_cells(sweep), outcomes_of(sweep)
    finished = cells_by_effect(sweep)
    rest = finished[:MOST_ROWS] if len(cells) < len(finished) else []
    varied = list_words([f"{key} is varied" if len(sweep.swept) == 1 else key for key in sweep.swept])
    runs = {cell.runs for cell in sweep.cells}
    return {
        "heading": sweep.about["study"],
        "question": varied + ("" if len(sweep.swept) == 1 else " are varied together"),
        "worlds": f"There are {len(sweep.cells):,} cells of {counted_span(runs, 'campaign')}, with the same seeds in"
        " each, so that differences between cells are due to their settings.",
        "swept": {key: list_values(sweep, key) for key in sweep.swept},
        "failures": describe_failed_cells(sweep),
        "choices": format_choices(sweep.about["choices"]),
        "findings": findings_of_sweep(sweep, finished, names),
        "fewest": FEWEST,
        "keys": [name_key(sweep, key) for key in sweep.swept],
        "columns": [column_of(sweep, name) for name in names],
        "rows": [row_of(sweep, cell, names) for cell in cells],
        "all_rows": [row_of(sweep, cell, names) for cell in rest],
        "stand_ins": describe_stand_ins(sweep),
        "example": cells[-1].number,
    }


def list_values(sweep: Study, key: str) -> str:
    """List the values of a swept key as text, followed by the base value if there is one.

    Args:
        sweep: The study with all its cells.
        key: The swept key.

    Returns:
        The values or, if there are many, their number, the first and the last.
    """
    values = values_of_key(sweep.cells, key)
    listed = ", ".join(format_setting(value) for value in values)
    if len(values) > MOST_VALUES:
        listed = f"{len(values)} values, {format_setting(values[0])} to {format_setting(values[-1])}"
    return f"{listed} (base: {format_setting(sweep.base[key])})" if key in sweep.base else listed


def describe_failed_cells(sweep: Study) -> str:
    """Return sentences on failed campaigns, cells without finished campaigns, and the command that prints the errors.

    Return an empty string if no campaign failed.
    """
    failed = describe_failures(sum(cell.failed for cell in sweep.cells))
    if not failed:
        return ""
    empty = [str(cell.number) for cell in sweep.cells if not cell.finished]
    none = f" Cells without any finished campaign: {', '.join(empty)}." if empty else ""
    command = shell_command(["failures", f"results/{sweep.about['study']}"])
    return f"{failed}{none} Why: {command}"


def column_of(sweep: Study, name: str) -> Column:
    """Return the column of an outcome in the table of cells."""
    row = summary_row(sweep.summary, name)
    return Column(label_of(row, name), text_in(row, "unit"), text_in(row, "reported", "nothing"))


def row_of(sweep: Study, cell: StudyCell, names: Sequence[str]) -> Row:
    """Return the row of a cell in the table of cells, with one entry per outcome."""
    summary = sweep.summary[sweep.summary["cell"] == cell.number]
    rows = {name: summary_row(summary, name) for name in names}
    page = f"report_cell_{cell.number}.html"
    return Row(
        cell.number,
        [format_setting(cell.values[key]) for key in sweep.swept],
        cell == sweep.base_cell,
        counted(cell.finished, "campaign"),
        page if (sweep.folder / page).is_file() else "",
        [entry_of(values_in(sweep, cell, name), row) for name, row in rows.items()],
    )


def entry_of(values: np.ndarray, row: pd.Series) -> Entry:
    """Return a field of the table of cells, from an outcome's values in one cell and its row in the summary."""
    side = place_among(values, row)
    place, fits = ("", False) if side is None else (side.text, side.fits and values.size >= FEWEST)
    return Entry(format_rounded(row["median"]), format_spread(row), place, fits)


def main(request: Report) -> int:
    """Run `python -m sim report`: redraw the figures of a study, rewrite its page, and return the exit code."""
    *figures, report = draw_everything(request.folder, request.evening, request.cell)
    for warning in notes_on_definitions(open_study(request.folder)):
        print(warning)
    print(f"{counted(len(figures), 'figure')} in {figures[0].parent}, report in {report}")
    return 0
