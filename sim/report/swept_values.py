"""Draw outcomes by swept value: lines for one swept number, heat maps for two swept keys, dots for many cells.

Reads   summary.csv for medians, spread and reported figures; runs.parquet for the bands.
A cell *meets* the record if the 90 % interval of its campaigns contains the reported value or part of the reported
range, and enough campaigns have a value (`sim.report.outcomes.FEWEST`).
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.colors import Normalize
from matplotlib.patches import Patch, Rectangle
from matplotlib.ticker import MaxNLocator

from sim.plots.captions import format_setting, name_key
from sim.plots.charts import (
    Spaces,
    add_key,
    fill_bands,
    ink_on,
    key_line,
    key_mark,
    key_of_reported,
    mark_reported,
    new_panels,
    number_axis,
    save_study_chart,
)
from sim.plots.colours import INK, REPORTED, SIMULATED, SIMULATED_DARK, SIMULATED_LIGHT
from sim.plots.style import CHANCE
from sim.report.outcomes import (
    FEWEST,
    cite_reported,
    format_cell,
    is_inside,
    label_of,
    number_in,
    reported_numbers,
    summary_row,
    text_in,
    wrap,
)
from sim.study.reader import CUTS, Study, StudyCell, Value

WIDEST = 12  # largest number of values of a key in a heat map
FULL_ENOUGH = 0.6  # smallest share of the fields of a heat map that have a cell
COLUMNS = 2  # number of heat maps or line panels per row
PARTS = ("low_5", "median", "high_95")  # columns of the summary that are drawn
GROUPS = 6  # number of equally large groups of cells along a key, with medians joined by a line
KEYS = 3  # largest number of swept keys in the scatter plots
ONE_SIDE = {"low": "at least", "high": "at most", "value": ""}
FIELD = 0.34  # heat map row height, inches


class Field(NamedTuple):
    """A field of a heat map, for one cell of the study."""

    median: float
    meets: bool  # whether the 90 % interval of enough campaigns includes the reported figure
    off: float  # distance of the median from the reported value; infinite if either is missing


def draw_against_one_key(sweep: Study, path: Path, names: Sequence[str]) -> Path:
    """Draw outcomes against one swept number: median line, 50 and 90 % bands, and the record."""
    key = sweep.swept[0]
    figure, panels = new_panels(len(names), COLUMNS, 1.5, Spaces(across=0.75, down=0.95))
    for axes, name in zip(panels, names, strict=True):
        draw_line(axes, sweep, key, name)
        axes.set_xlabel(name_key(sweep, key), fontsize=8.5)
    label = "simulated: median, 50 and 90 % of campaigns"
    handles: list[Artist] = [key_line(label, marker="o", markersize=4), *key_of_reported("^")]
    base = sweep.base.get(key)
    if base is not None:
        handles.append(key_line(f"base: {format_setting(base)}", INK, 1.2, linestyle=":"))
    add_key(figure, handles, 2)
    return save_study_chart(figure, sweep, f"Outcomes and {key}", cite_reported(sweep.summary, names), path)


def draw_line(axes: Axes, sweep: Study, key: str, name: str) -> None:
    """Draw one outcome against the swept number: median, bands, and a line at the base value."""
    groups = sweep.runs.dropna(subset=[name]).groupby(key)[name]
    cuts = groups.quantile(list(CUTS)).unstack()
    value = cuts.index.to_numpy(float)
    fill_bands(axes, value, [cuts[cut].to_numpy(float) for cut in CUTS], SIMULATED)
    axes.plot(value, cuts[CUTS[2]], color=SIMULATED, marker="o", markersize=4, linewidth=1.8)
    base = sweep.base.get(key)
    if isinstance(base, int | float):
        axes.axvline(base, color=INK, linestyle=":", linewidth=1.2)
    outcome_axis(axes, summary_row(sweep.summary, name), name, letters=36)


def outcome_axis(axes: Axes, row: pd.Series, name: str, letters: int) -> None:
    """Set up the vertical axis of an outcome, with its reported figure.

    `letters` is the line width of the title; if it is 0, the axis has neither title nor unit.
    """
    mark_reported(axes, *reported_numbers(row), across=True)
    unit = text_in(row, "unit")
    if letters:
        axes.set_title(wrap(label_of(row, name), letters), fontsize=9.5)
        axes.set_ylabel(unit, fontsize=8.5)
    axes.tick_params(labelsize=8.5)
    axes.yaxis.set_major_locator(MaxNLocator(4))
    number_axis(axes, unit=unit, whole=False)


def values_of_key(cells: Sequence[StudyCell], key: str) -> list[Value]:
    """Return the distinct values of a swept key: sorted if all are numbers, otherwise in the order of the cells."""
    values = list(dict.fromkeys(cell.values[key] for cell in cells))
    numbers = [value for value in values if isinstance(value, int | float)]
    return sorted(numbers) if len(numbers) == len(values) else values  # type: ignore[return-value]


def others_fixed(sweep: Study) -> dict[str, Value]:
    """Return the fixed value of each swept key except the first two: the base value or else the first value."""
    fixed = {}
    for key in sweep.swept[2:]:
        values = values_of_key(sweep.cells, key)
        usual = [value for value in values if sweep.is_base(key, value)]
        fixed[key] = (usual or values)[0]
    return fixed


def grid_cells(sweep: Study) -> list[StudyCell]:
    """Return the cells in which every swept key except the first two has its fixed value."""
    fixed = others_fixed(sweep)
    return [cell for cell in sweep.cells if all(cell.values[key] == value for key, value in fixed.items())]


def is_grid(sweep: Study) -> bool:
    """Return whether the first two swept keys form a grid that is small and complete enough for a heat map."""
    cells = grid_cells(sweep)
    tall, wide = (len(values_of_key(cells, key)) for key in sweep.swept[:2])
    return max(tall, wide) <= WIDEST and min(tall, wide) > 1 and len(cells) >= FULL_ENOUGH * tall * wide


def describe_fixed(sweep: Study) -> str:
    """Describe the fixed values of all swept keys after the first two; empty if only two are swept."""
    fixed = others_fixed(sweep)
    kept = ", ".join(
        f"{name_key(sweep, key)} at {format_setting(value)}"
        + (" (base)" if sweep.is_base(key, value) else " (not the base)")
        for key, value in fixed.items()
    )
    return f" Fixed: {kept}." if kept else ""


def draw_against_two_keys(sweep: Study, path: Path, names: Sequence[str]) -> Path:
    """Draw one heat map of medians per outcome, with the first swept key as rows and the second as columns."""
    cells = grid_cells(sweep)
    down, across = (values_of_key(cells, key) for key in sweep.swept[:2])
    longest = max(len(line) for value in down for line in wrap(format_setting(value), 16).split("\n"))
    left = 0.45 + 0.075 * longest
    lines = max(break_words(format_setting(value)).count("\n") + 1 for value in across)
    spaces = Spaces(left=left, across=0.2, down=0.78 + 0.14 * lines, bottom=0.25 + 0.14 * lines, right=0.1, top=0.5)
    figure, panels = new_panels(len(names), COLUMNS, max(FIELD * len(down), 0.7), spaces)
    first, second = (name_key(sweep, key) for key in sweep.swept[:2])
    for number, (axes, name) in enumerate(zip(panels, names, strict=True)):
        draw_heat(axes, sweep, cells, name)
        axes.set_xlabel(second, fontsize=8.5)
        axes.tick_params(labelleft=number % COLUMNS == 0)
    for axes in panels[::COLUMNS]:
        axes.set_ylabel(first, fontsize=8.5)
    add_key(figure, heat_key(), 2)
    sources = f"{cite_reported(sweep.summary, names)}{describe_fixed(sweep)}"
    return save_study_chart(figure, sweep, f"Outcomes by {first} and {second}", sources, path)


def draw_heat(axes: Axes, sweep: Study, cells: Sequence[StudyCell], name: str) -> None:
    """Draw the heat map of one outcome over two keys, with a frame around each cell that meets the record."""
    down, across = (values_of_key(cells, key) for key in sweep.swept[:2])
    fields = {place_of(sweep, cell, down, across): field_of(sweep, cell, name) for cell in cells if cell.finished}
    table = np.full((len(down), len(across)), np.nan)
    for place, field in fields.items():
        table[place] = field.median
    scale = Normalize(np.nanmin(table), np.nanmax(table)) if np.isfinite(table).any() else Normalize(0, 1)
    axes.pcolormesh(np.ma.masked_invalid(table), cmap=CHANCE, norm=scale, edgecolors="white", linewidth=1.5)
    row = summary_row(sweep.summary, name)
    for place, field in fields.items():
        if np.isfinite(field.median):
            text, size = format_value(field.median, text_in(row, "unit")), 9 if len(across) <= 6 else 7
            style: dict[str, Any] = {"fontsize": size, "color": ink_on(float(scale(field.median)))}
            axes.text(place[1] + 0.5, place[0] + 0.5, text, ha="center", va="center", **style)
    mark_fields(axes, fields)
    axes.invert_yaxis()
    axes.grid(visible=False)
    axes.spines[:].set_visible(False)
    names = [break_words(format_setting(value)) for value in across]
    axes.set_xticks(np.arange(len(across)) + 0.5, names, fontsize=8.5)
    axes.set_yticks(np.arange(len(down)) + 0.5, [wrap(format_setting(value), 16) for value in down], fontsize=8.5)
    axes.tick_params(length=0)
    axes.set_title(f"{wrap(label_of(row, name), 44)}\n", fontsize=9)
    style = {"fontsize": 8.5, "color": REPORTED, "va": "bottom"}
    axes.annotate(f"reported: {format_reported(row)}", (0, 1), (0, 3), "axes fraction", "offset points", **style)


def format_value(value: float, unit: str) -> str:
    """Format a share in per cent, and any other number to three significant figures."""
    return f"{value:.0%}" if unit.startswith("share") else format_cell(value)


def format_reported(row: pd.Series) -> str:
    """Format the reported figure of an outcome and its range in the same way as values in the fields.

    Return `nothing` if nothing was reported.
    """
    known = zip(("value", "low", "high"), reported_numbers(row), strict=True)
    said = {part: format_value(number, text_in(row, "unit")) for part, number in known if number is not None}
    if {"low", "high"} <= said.keys():
        between = f"{said['low']} to {said['high']}" if said["low"] != said["high"] else ""
        value = said.get("value", "")
        return f"{value} ({between})" if value and between else value or between or said["low"]
    return next((f"{which} {said[part]}".strip() for part, which in ONE_SIDE.items() if part in said), "nothing")


def break_words(text: str) -> str:
    """Return a text with one word per line, so that it fits below a field of the heat map."""
    return text.replace(" ", "\n")


def place_of(sweep: Study, cell: StudyCell, down: Sequence[Value], across: Sequence[Value]) -> tuple[int, int]:
    """Return the row and the column of a cell in the heat map."""
    return down.index(cell.values[sweep.swept[0]]), across.index(cell.values[sweep.swept[1]])


def field_of(sweep: Study, cell: StudyCell, name: str) -> Field:
    """Return the field of a cell: its median from the summary, compared with the reported figure."""
    row = summary_row(sweep.summary[sweep.summary["cell"] == cell.number], name)
    median, value = number_in(row["median"]), reported_numbers(row)[0]
    off = np.inf if median is None or value is None else abs(median - value)
    is_enough = cell.finished - (number_in(row["missing"]) or 0) >= FEWEST
    return Field(np.nan if median is None else median, is_enough and is_inside(row) == "yes", off)


def mark_fields(axes: Axes, fields: Mapping[tuple[int, int], Field]) -> None:
    """Draw a frame around fields that meet the record, and a diamond in the field with the nearest median."""
    for (row, column), field in fields.items():
        if field.meets:
            frame: dict[str, Any] = {"fill": False, "edgecolor": REPORTED, "linewidth": 1.8, "zorder": 5}
            axes.add_patch(Rectangle((column + 0.03, row + 0.06), 0.94, 0.88, **frame))
    nearest = min((field.off for field in fields.values()), default=np.inf)
    for (row, column), field in fields.items():
        if np.isfinite(nearest) and field.off == nearest:
            style: dict[str, Any] = {"markeredgecolor": "white", "markersize": 6, "zorder": 6}
            axes.plot(column + 0.12, row + 0.5, "D", color=REPORTED, **style)


def heat_key() -> list[Artist]:
    """Create the legend entries of a heat map, for frame, diamond and shade."""
    framed = f"reported figure in 90 % interval ({FEWEST} campaigns or more)"
    return [
        Patch(fill=False, edgecolor=REPORTED, linewidth=1.8, label=framed),
        key_mark("median nearest to report", "D", markeredgecolor="white", markersize=6),
        Patch(facecolor=CHANCE(0.6), label="shade: lowest to highest median"),
    ]


def draw_scatter(sweep: Study, path: Path, names: Sequence[str]) -> Path:
    """Draw scatter plots: one row per outcome, one column per swept key, one dot per cell."""
    keys = strongest_keys(sweep, names)
    spaces = Spaces(left=0.72, across=0.16, down=0.42, bottom=0.75, top=0.4)
    figure, panels = new_panels(len(names) * len(keys), len(keys), 1.25, spaces)
    for number, axes in enumerate(panels):
        name, key = names[number // len(keys)], keys[number % len(keys)]
        first, last = number % len(keys) == 0, number // len(keys) == len(names) - 1
        draw_dots(axes, sweep, key, name)
        outcome_axis(axes, summary_row(sweep.summary, name), name, letters=90 if first else 0)
        axes.tick_params(labelleft=first, labelbottom=last)
        if last:
            axes.set_xlabel(wrap(name_key(sweep, key), 34), fontsize=9)
    handles = [
        key_mark("median of a cell", "o", SIMULATED, markersize=4),
        key_line("5 to 95 % of its campaigns", SIMULATED_LIGHT, 1.2),
        key_line("median of each of six groups", SIMULATED_DARK, 1.8),
    ]
    add_key(figure, [*handles, *key_of_reported("^")], 2)
    sources = cite_reported(sweep.summary, names)
    if len(keys) < len(sweep.swept):
        sources += f" Of {len(sweep.swept)} swept keys, the {len(keys)} that correlate most with the medians are shown."
    return save_study_chart(figure, sweep, "Outcomes and each swept key", sources, path)


def draw_dots(axes: Axes, sweep: Study, key: str, name: str) -> None:
    """Draw the median of an outcome in each cell against one swept key, with a thin line for the 90 % interval."""
    rows = sweep.summary[sweep.summary["outcome"] == name].set_index("cell")
    place = places_of(sweep, key)
    cells = [cell for cell in sweep.cells if cell.finished and cell.number in rows.index]
    at = np.array([place[cell.number] for cell in cells])
    low, median, high = (numbers_of(rows.loc[[cell.number for cell in cells], part]) for part in PARTS)
    axes.vlines(at, low, high, color=SIMULATED_LIGHT, linewidth=0.7, alpha=0.5)
    axes.plot(at, median, "o", color=SIMULATED, markersize=3, markeredgewidth=0, alpha=0.7)
    values = values_of_key(sweep.cells, key)
    if not all(isinstance(value, int | float) for value in values):
        axes.set_xticks(range(len(values)), [break_words(format_setting(value)) for value in values], fontsize=8.5)
        return
    axes.xaxis.set_major_locator(MaxNLocator(4))
    if len(values) >= GROUPS**2:
        order = np.argsort(at)
        middles = [(at[group].mean(), np.nanmedian(median[group])) for group in np.array_split(order, GROUPS)]
        axes.plot(*np.transpose(middles), color=SIMULATED_DARK, linewidth=1.8)


def numbers_of(column: pd.Series) -> np.ndarray:
    """Convert a summary column to an array of floats, with NaN for dates and missing entries."""
    return pd.to_numeric(column, errors="coerce").to_numpy(float)


def places_of(sweep: Study, key: str) -> dict[int, float]:
    """Return the position of each cell on the axis of a swept key, keyed by cell number.

    The position is the value itself if all values of the key are numbers, otherwise the index of the value.
    """
    values = values_of_key(sweep.cells, key)
    choice = {value: float(place) for place, value in enumerate(values)}
    numeric = all(isinstance(value, int | float) for value in values)
    return {cell.number: float(cell.values[key]) if numeric else choice[cell.values[key]] for cell in sweep.cells}


def strongest_keys(sweep: Study, names: Sequence[str]) -> list[str]:
    """Return the swept keys with the strongest rank correlation with the medians of the cells.

    The strength is the mean absolute correlation over the outcomes. At most `KEYS` keys are returned, in the order of
    the command line.
    """
    if len(sweep.swept) <= KEYS:
        return list(sweep.swept)
    places = pd.DataFrame({key: places_of(sweep, key) for key in sweep.swept})
    middle = sweep.runs.groupby("cell")[list(names)].median()
    pull = {key: middle.rank().corrwith(places[key].rank()).abs().mean() for key in sweep.swept}
    strongest = sorted(sweep.swept, key=lambda key: -pull[key])[:KEYS]
    return [key for key in sweep.swept if key in strongest]
