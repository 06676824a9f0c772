"""Draw the figures of a study of several cells: outcomes and daily series by cell, and outcomes by swept value.

Reads   runs.parquet, days.parquet (one column of one cell at a time), summary.csv, evidence.csv.
Cells are in order of effect: the base, then the others, in descending order of their difference from it. If there is no
base, the first cell takes its place. The effect of a cell is the absolute difference between its medians and those of
the base, in standard deviations over all campaigns, averaged over the outcomes shown. If there are more than 24 cells,
only twelve of them are shown, at equal steps in this order.
"""

from collections.abc import Callable, Sequence
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.dates import AutoDateLocator
from matplotlib.ticker import FixedLocator, Locator, MaxNLocator

from sim.data.record import ALL_SOLDIERS, NIGHTS, Point, aan_shares, counted_so_far, lwj_shares
from sim.plots.captions import name_cell
from sim.plots.charts import (
    Spaces,
    add_key,
    date_axis,
    days_of,
    draw_bands,
    draw_histogram,
    key_line,
    key_mark,
    mark_end_of_record,
    mark_points,
    mark_reported,
    new_panels,
    number_axis,
    save_study_chart,
)
from sim.plots.colours import INK, QUIET, REPORTED, REPORTED_OTHER, SIMULATED
from sim.plots.page import PageFigure
from sim.plots.style import HALO, WIDTH
from sim.report.outcomes import (
    FEWEST,
    are_whole,
    bins_of,
    chosen_outcomes,
    cite_reported,
    key_of_outcomes,
    label_of,
    nights_shown,
    reported_numbers,
    summary_row,
    text_in,
    wrap,
    write_instead,
)
from sim.report.swept_values import describe_fixed, draw_against_one_key, draw_against_two_keys, draw_scatter, is_grid
from sim.study.reader import MANY_CELLS, Bands, Study, StudyCell, bands_of
from sim.wording import format_day

SWEEP_OUTCOMES = (
    "share_held_by_taliban_2021_06_30",
    "badakhshan_lost_2021_07_05",
    "border_share_taliban_2021_07_05",
    "troops_crossed_by_2021_07_07",
    "troops_crossed_largest_night",
    "refugees_admitted_by_2021_07_07",
)
STAND_INS = 12  # number of cells shown if there are too many
ACROSS = 3  # number of panels per row
ROW = 0.5  # height of the row of a cell, inches
LETTERS = 15.0  # characters per inch of a panel title
BARS = 0.6  # share of the row height used for bars; the rest is used for the name of the cell


DASHED = (0, (3, 2))  # line style of the base


Marks = tuple[list[Point], str, str]  # reported figures of one source, with the shape and colour of their markers


class Course(NamedTuple):
    """A daily quantity with one panel per cell."""

    quantity: str
    title: str
    unit: str
    total: bool  # whether daily values are accumulated from day 0
    nights: bool  # whether only the nights returned by `nights_shown` are shown
    reported: Callable[[], dict[str, Marks]]  # returns the reported figures by label
    sources: str  # sources of the reported figures, for the caption


DISTRICTS = Course(
    "share_held_by_taliban",
    "Simulated districts held by the Taliban, by evening and cell",
    "% of all districts",
    total=False,
    nights=False,
    reported=lambda: {
        "AAN: district centres held": (aan_shares(), "s", REPORTED),
        "LWJ: controlled, in a wider sense": (lwj_shares(), "D", REPORTED_OTHER),
    },
    sources="Afghanistan Analysts Network and FDD Long War Journal, as in the figures of one cell.",
)
CROSSINGS = Course(
    "troops_crossed",
    "Simulated soldiers who crossed into Tajikistan so far, by cell",
    "soldiers since day 0",
    total=True,
    nights=True,
    reported=lambda: {"reported, accumulated from the first counted night": (counted_so_far(), "D", REPORTED)},
    sources=f"sums of the counted nights ({', '.join(NIGHTS)}) and the total reported ({ALL_SOLDIERS}); nobody counted"
    " before the first of them, while simulated soldiers are counted from day 0.",
)


def figures_of(sweep: Study) -> dict[str, PageFigure]:
    """Return the figures of a sweep, which depend on its swept keys.

    Args:
        sweep: A study with all its cells.

    Returns:
        The figures, keyed by file name, in page order.
    """
    few = describe_stand_ins(sweep)
    return {
        **value_figures(sweep),
        "outcomes_by_cell": PageFigure(
            "Outcomes, cell by cell",
            "Each row is the histogram of one cell, scaled to its highest bar. The tick is the median; the dashed line"
            f" is the reported figure, the same in every row.{few}",
            draw_outcomes_by_cell,
        ),
        "districts_by_cell": PageFigure(
            "Districts held, cell by cell",
            f"Median, 50 and 90 % of campaigns, and reported counts.{describe_base(sweep)}{few}",
            partial(draw_course, course=DISTRICTS),
        ),
        "crossings_by_cell": PageFigure(
            "Soldiers who crossed, cell by cell",
            f"Totals from day 0 to each morning, and reported counts.{describe_base(sweep)}{few}",
            partial(draw_course, course=CROSSINGS),
        ),
    }


def value_figures(sweep: Study) -> dict[str, PageFigure]:
    """Return the figures of outcomes by swept value: lines, heat maps, or scatter plots with one dot per cell.

    There are none without outcomes to show, or if only one key is swept and not all of its values are numbers.
    """
    names = outcomes_of(sweep)
    if not names:
        return {}
    if len(sweep.swept) == 1:
        if not is_number(sweep, sweep.swept[0]):
            return {}
        explained = "The line joins the medians of the cells; the bands contain 50 and 90 % of their campaigns."
        draw = partial(draw_against_one_key, names=names)
        return {"outcomes_by_value": PageFigure("Outcomes and the swept value", explained, draw)}
    figures = {}
    if is_grid(sweep):
        explained = (
            "Each field is a cell with its median. In a framed field, the 90 % interval of the campaigns, at least "
            f"{FEWEST}, contains the reported figure; the diamond marks the median nearest to that figure."
            f"{describe_fixed(sweep)}"
        )
        heading = "Outcomes and the two swept keys" if len(sweep.swept) == 2 else "Outcomes and two of the swept keys"
        draw = partial(draw_against_two_keys, names=names)
        figures["outcomes_by_two_keys"] = PageFigure(heading, explained, draw)
    if not figures or len(sweep.cells) > MANY_CELLS:
        explained = (
            "Each dot is the median of a cell, and the thin line its 90 % interval; each column has one swept key. If"
            " there are many cells, the dark line joins the medians of six groups of them."
        )
        draw = partial(draw_scatter, names=names)
        figures["outcomes_by_key"] = PageFigure("Outcomes and each swept key", explained, draw)
    return figures


def is_number(sweep: Study, key: str) -> bool:
    """Return whether every value of a swept key is a number."""
    return all(isinstance(cell.values[key], int | float) for cell in sweep.cells)


def outcomes_of(sweep: Study) -> list[str]:
    """Return the names of the outcomes shown on the page of a sweep."""
    return chosen_outcomes(sweep.runs, SWEEP_OUTCOMES, sweep.swept)


def cells_by_effect(sweep: Study) -> list[StudyCell]:
    """Return the cells with a finished campaign: the base (or else the first cell), then the others.

    The others are in descending order of their difference from the base.
    """
    finished = [cell for cell in sweep.cells if cell.finished]
    base = next((cell for cell in finished if cell == sweep.base_cell), finished[0])
    names = outcomes_of(sweep)
    if not names:  # no outcome is counted by the last day
        return sorted(finished, key=lambda cell: cell != base)
    medians = sweep.runs.groupby("cell")[names].median()
    away = ((medians - medians.loc[base.number]).abs() / sweep.runs[names].std().replace(0, np.nan)).mean(axis=1)
    effect = away.fillna(0).to_dict()
    return sorted(finished, key=lambda cell: (cell != base, -effect[cell.number], cell.number))


def shown_cells(sweep: Study) -> list[StudyCell]:
    """Return the cells to show, in order of effect.

    These are all cells with a finished campaign or, if there are too many, twelve at equal steps in that order.
    """
    order = cells_by_effect(sweep)
    if len(order) <= MANY_CELLS:
        return order
    return [order[step] for step in np.rint(np.linspace(0, len(order) - 1, STAND_INS)).astype(int)]


def describe_stand_ins(sweep: Study) -> str:
    """Return a sentence on the number of cells shown and their choice; empty if all are shown."""
    shown, finished = shown_cells(sweep), sum(cell.finished > 0 for cell in sweep.cells)
    if len(shown) == finished:
        return ""
    return f" {len(shown)} of {finished:,} cells, at equal steps from the largest to the smallest effect."


def describe_base(sweep: Study) -> str:
    """Return a sentence on the dashed line for the base, or one stating that no cell has the base values."""
    base = sweep.base_cell
    if base is None or not base.finished:
        return " No cell has the values of the base scenario."
    return f" The thin dashed line is the median of the base, {name_cell(sweep, base)}."


def draw_outcomes_by_cell(sweep: Study, path: Path) -> Path:
    """Draw the distribution of each outcome in each cell, with one column per outcome and one row per cell."""
    names, cells = outcomes_of(sweep), shown_cells(sweep)
    across = max(1, min(ACROSS, len(names)))
    spaces = Spaces(left=0.22, across=0.3, down=0.95, top=0.45, bottom=0.5)
    figure, panels = new_panels(max(1, len(names)), across, ROW * len(cells), spaces)
    if not names:
        last = max(cell.end_date for cell in cells)
        write_instead(panels.pop(), f"No outcome is counted by {format_day(last)}.")
    for number, (axes, name) in enumerate(zip(panels, names, strict=True)):
        draw_rows(axes, sweep, cells, name)
        if number % across == 0:
            name_rows(axes, sweep, cells)
    add_key(figure, key_of_outcomes(), 4)
    sources = f"{cite_reported(sweep.summary, names)}{describe_stand_ins(sweep)}"
    return save_study_chart(figure, sweep, "Simulated outcomes and the record, by cell", sources, path)


def draw_rows(axes: Axes, sweep: Study, cells: Sequence[StudyCell], name: str) -> None:
    """Draw one outcome: the histogram of each cell in its own row, and the reported figure across all rows."""
    row = summary_row(sweep.summary, name)
    values = {cell.number: values_in(sweep, cell, name) for cell in cells}
    everything = np.concatenate(list(values.values()))
    unit = text_in(row, "unit")
    whole = are_whole(everything, unit)
    for place, cell in enumerate(cells):
        draw_row(axes, values[cell.number], place, bins_of(everything, whole) if everything.size else [0.0, 1.0])
    mark_reported(axes, *reported_numbers(row))
    axes.set_ylim(len(cells), 0)
    axes.patch.set_visible(False)  # the background would cover names that extend from the previous column
    axes.set_yticks(range(len(cells) + 1))
    axes.tick_params(axis="y", length=0, labelleft=False)
    axes.spines["left"].set_visible(False)
    axes.set_title(wrap(label_of(row, name), 29), fontsize=9.5)
    axes.set_xlabel(unit, fontsize=8.5)
    axes.tick_params(labelsize=8.5)
    axes.xaxis.set_major_locator(MaxNLocator(4, integer=whole))
    number_axis(axes, "x", unit, whole)


def values_in(sweep: Study, cell: StudyCell, name: str) -> np.ndarray:
    """Return the values of an outcome in one cell, without missing ones."""
    return sweep.runs.loc[sweep.runs["cell"] == cell.number, name].dropna().to_numpy(float)


def draw_row(axes: Axes, values: np.ndarray, place: int, bins: Sequence[float]) -> None:
    """Draw the histogram of one cell in the lower part of its row, with a tick at the median."""
    if not values.size:
        axes.text(0.5, place + 0.7, "in no campaign", transform=axes.get_yaxis_transform(), ha="center", fontsize=8)
        return
    counts, edges = np.histogram(values, bins)
    floor = place + 1.0
    draw_histogram(axes, floor - BARS * counts / counts.max(), edges, floor)
    axes.vlines(float(np.median(values)), floor - BARS, floor, color=SIMULATED, linewidth=1.8)


def name_rows(axes: Axes, sweep: Study, cells: Sequence[StudyCell]) -> None:
    """Write the name of each cell above its bars; long names extend into the next columns."""
    style: dict[str, Any] = {"fontsize": 8, "path_effects": HALO, "color": INK, "zorder": 9}
    for place, cell in enumerate(cells):
        base = " (base)" if cell == sweep.base_cell else ""
        text, weight = f"{name_cell(sweep, cell)}{base}", "bold" if base else "normal"
        axes.text(0, place + 0.32, text, transform=axes.get_yaxis_transform(), weight=weight, **style)


def draw_course(sweep: Study, path: Path, course: Course) -> Path:
    """Draw a daily quantity in one panel per cell, with the same scales in all panels; return the path."""
    cells = shown_cells(sweep)
    across = min(ACROSS, len(cells))
    figure, panels = new_panels(len(cells), across, 1.15, Spaces(left=0.68, across=0.16, down=0.42, bottom=0.32))
    base = sweep.base_cell
    middle = course_of(sweep.of_cell(base.number), course) if base is not None and base.finished else None
    top = 0.0
    for axes, cell in zip(panels, cells, strict=True):
        top = max(top, draw_cell(axes, sweep, cell, course, middle))
    for number, axes in enumerate(panels):
        axes.set_ylim(0, top * 1.04 or 1.0)
        axes.tick_params(labelsize=8.5, labelleft=number % across == 0, labelbottom=number + across >= len(cells))
    figure.supylabel(course.unit, fontsize=9, x=0.005)
    add_key(figure, course_key(course, middle is not None, cells), 2)
    return save_study_chart(figure, sweep, course.title, f"{course.sources}{describe_stand_ins(sweep)}", path)


def course_of(study: Study, course: Course) -> Bands:
    """Compute the median and the bands of a daily quantity in one cell, for the days or nights shown."""
    values = study.series(course.quantity)
    values = np.cumsum(values, axis=0) if course.total else values
    wanted = set(nights_shown(study) if course.nights else []) or set(study.evenings)
    rows = [row for row, evening in enumerate(study.evenings) if evening in wanted]
    return bands_of([study.evenings[row] for row in rows], values[rows])


def draw_cell(axes: Axes, sweep: Study, cell: StudyCell, course: Course, middle: Bands | None) -> float:
    """Draw the bands of one cell, the median of the base and the reported figures; return the highest value drawn.

    The highest value does not include the median of the base.
    """
    bands = course_of(sweep.of_cell(cell.number), course)
    if middle is not None and cell != sweep.base_cell:
        axes.plot(days_of(middle.evenings), middle.median, color=INK, linewidth=1.0, linestyle=DASHED, zorder=3)
    draw_bands(axes, bands, SIMULATED, "")
    highest = [mark_points(axes, bands.evenings, *marks, label="", size=5) for marks in course.reported().values()]
    date_axis(axes, bands.evenings, locator=few_days(bands.evenings))
    axes.yaxis.set_major_locator(MaxNLocator(4))
    number_axis(axes, unit=course.quantity)
    mark_end_of_record(axes, bands.evenings, label=False)
    base = " (base)" if cell == sweep.base_cell else ""
    letters = int(axes.get_position().width * WIDTH * LETTERS)
    axes.set_title(wrap(f"{name_cell(sweep, cell)}{base}", letters), fontsize=8.5)
    return max(float(bands.high_95.max()), *highest)


def few_days(evenings: Sequence[date]) -> Locator:
    """Return a locator for ticks on the first day of each month, except near the right edge of the panel.

    Labels near the edge would overlap the next panel. If fewer than two ticks remain, return an automatic locator.
    """
    far = evenings[-1] - (evenings[-1] - evenings[0]) / 6
    firsts = [day for day in evenings if day.day == 1 and day <= far]
    if len(firsts) < 2:
        return AutoDateLocator(minticks=2, maxticks=4, interval_multiples=True)
    return FixedLocator(days_of(firsts).tolist())


def course_key(course: Course, with_base: bool, cells: Sequence[StudyCell]) -> list[Artist]:
    """Create the legend entries of a figure drawn by `draw_course`."""
    one = all(cell.finished == 1 for cell in cells)
    handles: list[Artist] = [
        key_line("simulated" if one else "simulated: median, 50 and 90 % of campaigns", SIMULATED, 1.8),
        *(
            key_mark(label, shape, colour, markeredgecolor="white", markersize=6)
            for label, (_, shape, colour) in course.reported().items()
        ),
    ]
    if with_base:
        handles.append(key_line("median of the base", INK, 1, linestyle=DASHED))
    return [*handles, key_line("end of the record", QUIET, 1.3, linestyle=":")]
