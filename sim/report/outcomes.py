"""Draw the distributions of outcomes, and the number of soldiers who crossed in each night and at each post.

Reads   runs.parquet, days.parquet (troops_crossed), summary.csv for labels, units and reported figures; evidence.csv
        and posts.csv for counted crossings.
A night is dated by the morning on which it ends: the night of 4-5 July is 5 July.
"""

import math
from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.dates import DayLocator, date2num
from matplotlib.ticker import MaxNLocator

from sim.configuration.numbers import declared_numbers
from sim.data.facts import THE_LINE, Facts, facts_here
from sim.data.record import NIGHTS, counted_at, point
from sim.plots.captions import cite
from sim.plots.charts import (
    Spaces,
    add_key,
    add_key_of,
    date_axis,
    days_of,
    draw_histogram,
    draw_whiskers,
    key_line,
    key_mark,
    key_of_reported,
    mark_count,
    mark_end_of_record,
    mark_reported,
    new_figure,
    new_panels,
    number_axis,
    save_study_chart,
)
from sim.plots.colours import QUIET, REPORTED, SIMULATED, SIMULATED_LIGHT
from sim.study.reader import Study, bands_of, need_columns
from sim.wording import format_day, name_of_post, significant

MAIN_OUTCOMES = (
    "share_held_by_taliban_2021_06_30",
    "share_held_by_taliban_2021_07_05",
    "retaken_2021_06_30",
    "share_without_fight",
    "badakhshan_lost_2021_07_05",
    "badakhshan_most_lost_in_four_days",
    "border_share_taliban_2021_07_05",
    "capitals_lost_2021_07_07",
    "troops_crossed_by_2021_07_07",
    "troops_crossed_largest_night",
    "posts_used_largest_night",
    "refugees_admitted_by_2021_07_07",
)
LARGEST_NIGHT = "troops_crossed_largest_night"
COLUMNS = 2
MANY = 40  # range of whole numbers above which they are binned
BARS = 24  # number of bins of a histogram
FEW = 6  # smallest range of an axis of whole numbers
# a reported figure does not fit if at most this share of campaigns is at or above it, or at or below it
TAIL = 0.05
FEWEST = round(1 / TAIL)  # smallest number of campaigns that can tell whether a figure fits
OFTEN = 0.05  # smallest share of campaigns with a crossing in the first night shown
DOTS, TALLEST = 50, 8  # number of dots in a quantile plot, and smallest height of its axis, in dots
NIGHTS_PAST_THE_LINE = timedelta(days=2)  # nights after the end of the record that are shown in a lighter shade


class Outcomes(Protocol):
    """Outcomes of campaigns with their summary: a cell of a study, or campaigns in a notebook."""

    @property
    def runs(self) -> pd.DataFrame:
        """Table with one row per campaign and one column per outcome."""

    @property
    def summary(self) -> pd.DataFrame:
        """Table with one row per outcome: median, spread, label, unit and reported figure."""


def draw_outcomes(study: Study, path: Path) -> Path:
    """Draw one small histogram per main outcome, with the reported figure.

    Args:
        study: A study limited to one cell.
        path: Path of the figure.

    Returns:
        The path of the file that was written.
    """
    names = chosen_outcomes(study.runs)
    figure, panels = new_panels(max(1, len(names)), COLUMNS, 0.95, Spaces())
    if not names:
        write_instead(panels.pop(), f"No outcome is counted by {format_day(study.cell.end_date)}.")
    for axes, name in zip(panels, names, strict=True):
        draw_outcome(axes, study, name)
    for axes in panels[::COLUMNS]:
        axes.set_ylabel("campaigns", fontsize=8.5)
    add_key(figure, key_of_outcomes(), 4)
    return save_study_chart(
        figure, study, "Simulated outcomes and the record", cite_reported(study.summary, names), path
    )


def chosen_outcomes(runs: pd.DataFrame, wanted: Sequence[str] = MAIN_OUTCOMES, but: Sequence[str] = ()) -> list[str]:
    """Choose the numeric outcomes to show, among those that have a value in at least one campaign.

    Args:
        runs: Table with one row per campaign and one column per outcome.
        wanted: The preferred outcomes.
        but: Other columns that are not outcomes, such as swept keys; seeds and drawn parameters are always excluded.

    Returns:
        The preferred outcomes that have a value or, if there are none, at most `len(wanted)` other outcomes.
    """
    others = {"cell", "run", "seed", *but, *declared_numbers()}
    numbers = runs.select_dtypes("number").dropna(axis="columns", how="all").columns
    known = [name for name in numbers if name not in others]
    return [name for name in wanted if name in known] or known[: len(wanted)]


def summary_row(summary: pd.DataFrame, name: str) -> pd.Series:
    """Return the row of an outcome in a summary, or a row of missing entries if there is none."""
    rows = summary[summary["outcome"] == name]
    return rows.iloc[0] if len(rows) else pd.Series(index=summary.columns, dtype=object)


def text_in(row: pd.Series, column: str, otherwise: str = "") -> str:
    """Return a cell of a summary row as text, or `otherwise` if it is missing."""
    return otherwise if pd.isna(row[column]) else str(row[column])


def label_of(row: pd.Series, name: str) -> str:
    """Return the label of an outcome or, if it has none, its name with spaces instead of underscores."""
    return text_in(row, "label", name.replace("_", " "))


def number_in(cell: Any) -> float | None:
    """Return a table cell as a number, or None if it is missing or is not a number, such as a date."""
    try:
        return None if pd.isna(cell) else float(cell)
    except ValueError:
        return None


def reported_numbers(row: pd.Series) -> tuple[float | None, float | None, float | None]:
    """Return the reported value of an outcome, and the lower and the upper end of its reported range.

    Each of the three is None if it was not reported.
    """
    value, low, high = (number_in(row[f"reported_{part}"]) for part in ("value", "low", "high"))
    return value, low, high


def format_cell(cell: Any) -> str:
    """Format a number to three significant digits, but keep all digits before the point: 0.125, 12.5, 1,037.

    A date is left unchanged, and a missing entry gives an empty string.
    """
    number = number_in(cell)
    if number is None:
        return "" if pd.isna(cell) else str(cell)
    return significant(number)


def format_rounded(cell: Any) -> str:
    """Format a simulated number rounded to three significant digits: 0.125, 12.5, 1,040.

    A date is left unchanged, and a missing entry gives an empty string.
    """
    number = number_in(cell)
    return format_cell(cell if number is None else float(f"{number:.3g}"))


def format_spread(row: pd.Series) -> str:
    """Format the 90 % interval of an outcome: `5 to 36`. Return an empty string if no campaign has a value."""
    return "" if pd.isna(row["low_5"]) else f"{format_rounded(row['low_5'])} to {format_rounded(row['high_95'])}"


def values_of(study: Outcomes, name: str) -> np.ndarray:
    """Return the value of a numeric outcome in each campaign that has one.

    The array is empty if the outcome is a date or if there is no such outcome.
    """
    if name not in study.runs or not pd.api.types.is_numeric_dtype(study.runs[name]):
        return np.empty(0)
    return study.runs[name].dropna().to_numpy(float)


def is_inside(row: pd.Series) -> str:
    """Return `yes` or `no`: whether the 90 % interval of an outcome contains the reported value or overlaps the range.

    Return an empty string if nothing was reported or there is no interval.
    """
    value, low, high = reported_numbers(row)
    low_5, high_95 = number_in(row["low_5"]), number_in(row["high_95"])
    known = [number for number in (low, value, high) if number is not None]
    if low_5 is None or high_95 is None or not known:
        return ""
    lowest = min(known) if low is not None or value is not None else -math.inf
    highest = max(known) if high is not None or value is not None else math.inf
    return "yes" if lowest <= high_95 and highest >= low_5 else "no"


def draw_outcome(axes: Axes, study: Outcomes, name: str) -> None:
    """Draw the histogram of one outcome, with the median as a line and the reported figure as a dashed line or band.

    Args:
        axes: An empty panel.
        study: The campaigns and the summary of their outcomes.
        name: The outcome, a column of `study.runs`.
    """
    row = summary_row(study.summary, name)
    values = study.runs[name].dropna().to_numpy(float)
    unit = text_in(row, "unit")
    axes.set_title(wrap(label_of(row, name)), fontsize=9.5)
    if values.size == 0:  # for instance because the study ends before the date of the outcome
        write_instead(axes, "in no campaign", fontsize=8.5)
        return
    whole = are_whole(values, unit)
    middle = float(np.median(values))
    draw_histogram(axes, *np.histogram(values, bins_of(values, whole)))
    axes.axvline(middle, color=SIMULATED, linewidth=1.6)
    mark_reported(axes, *reported_numbers(row))
    if reported_numbers(row) == (None, None, None):
        style: dict[str, Any] = {"ha": "right", "va": "top", "fontsize": 8, "color": QUIET}
        axes.text(0.98, 0.95, "nothing reported", transform=axes.transAxes, **style)
    first, last = axes.get_xlim()
    if whole and last - first < FEW:  # show at least FEW whole numbers, but none below -1
        first = max(middle - FEW / 2, -1.0)
        axes.set_xlim(first, first + FEW)
    axes.set_xlabel(unit, fontsize=8.5)
    axes.tick_params(labelsize=8.5)
    axes.yaxis.set_major_locator(MaxNLocator(3, integer=True))
    axes.xaxis.set_major_locator(MaxNLocator(5, integer=whole))
    number_axis(axes, "x", unit, whole)


def write_instead(axes: Axes, text: str, **style: Any) -> None:
    """Write text in the middle of an empty panel, and remove its ticks."""
    axes.text(0.5, 0.5, text, transform=axes.transAxes, ha="center", va="center", color=QUIET, **style)
    axes.set_xticks([])
    axes.set_yticks([])


def wrap(text: str, letters: int = 43) -> str:
    """Wrap a title to at most two lines, truncating a longer one."""
    if len(text) <= letters:
        return text
    cut = text.rfind(" ", 0, letters)
    rest = text[cut + 1 :]
    return f"{text[:cut]}\n{rest if len(rest) <= letters else rest[: letters - 1] + '…'}"


def are_whole(values: np.ndarray, unit: str = "") -> bool:
    """Return whether an outcome should be shown without decimals.

    Args:
        values: Values of the outcome; without any, the answer is False.
        unit: Unit of the outcome; the answer is False for a unit that begins with `share`.

    Returns:
        True if all values are whole numbers and the unit is not a share.
    """
    return not unit.startswith("share") and values.size > 0 and bool(np.all(values == np.rint(values)))


def bins_of(values: np.ndarray, whole: bool) -> list[float]:
    """Choose the edges of a histogram.

    Args:
        values: One value per campaign, at least one.
        whole: Whether the values are whole numbers.

    Returns:
        The edges of one bar per whole number if the values are whole and their range is at most `MANY`, of a single bar
        if all values are equal, and otherwise of `BARS` bars of equal width.
    """
    low, high = float(values.min()), float(values.max())
    if whole and high - low <= MANY:
        return [float(edge) for edge in np.arange(low - 0.5, high + 1.0)]
    if low == high:
        width = max(abs(low) / BARS, 0.01)
        return [low - width / 2, low + width / 2]
    return [float(edge) for edge in np.linspace(low, high, BARS + 1)]


def key_of_outcomes() -> list[Artist]:
    """Create the legend entries of a figure whose panels are drawn by `draw_outcome`.

    Returns:
        The entries for the median and for reported figures.
    """
    return [key_line("median of campaigns"), *key_of_reported()]


def cite_reported(summary: pd.DataFrame, names: Sequence[str]) -> str:
    """Return the part of a caption with the evidence ids cited in a summary for some outcomes."""
    ids = cite(*(text_in(summary_row(summary, name), "evidence") for name in names))
    return f"for what was reported, {', '.join(ids) or 'no rows'} in evidence.csv."


def draw_crossings(study: Study, path: Path) -> Path:
    """Draw the soldiers who crossed the Panj, by night (top) and by post (bottom).

    Args:
        study: A study limited to one cell.
        path: Path of the figure.

    Returns:
        The path of the file that was written.

    Raises:
        PanjError: The study has no crossings by post.
    """
    figure = new_figure(9.2)
    above, below = figure.subplots(2, 1, height_ratios=(1, 1.35))
    draw_nights(above, study)
    draw_posts(below, study, facts_here())
    add_key_of(figure, below)
    sources = (
        f"Tajik border service and press counts ({', '.join(NIGHTS)}); by post, posts.csv. The counts of"
        f" {format_day(point(NIGHTS[-1]).day)} belong to the night that ended that morning."
    )
    return save_study_chart(figure, study, "Simulated soldiers who crossed into Tajikistan", sources, path)


def nights_shown(study: Study) -> list[date]:
    """Return the nights of a study to show, up to two days after the end of the record.

    The first one is the earlier of the first night with a reported count and the first night in which soldiers crossed
    in at least 5 % of campaigns.
    """
    often = (study.series("troops_crossed") > 0).mean(axis=1) >= OFTEN
    simulated = study.evenings[int(np.argmax(often))] if often.any() else date.max
    first, last = min(simulated, point(NIGHTS[0]).day), THE_LINE + NIGHTS_PAST_THE_LINE
    return [night for night in study.evenings if first <= night <= last]


def draw_nights(axes: Axes, study: Study) -> None:
    """Draw crossings by night: medians as bars, 50 and 90 % intervals as whiskers, reported counts as diamonds."""
    nights = nights_shown(study)
    axes.set_title("By night")
    axes.set_ylabel("soldiers per night")
    if not nights:
        first = format_day(point(NIGHTS[0]).day)
        write_instead(axes, f"This study has no nights from {first} on,\nwhen crossings were first reported.")
        return
    rows = [study.evenings.index(night) for night in nights]
    bands = bands_of(nights, study.series("troops_crossed")[rows])
    axes.bar(days_of(nights), bands.median, 0.75, color=SIMULATED_LIGHT)
    draw_whiskers(axes, days_of(nights), bands)
    for count in (point(id) for id in NIGHTS):
        if nights[0] <= count.day <= nights[-1]:
            night = float(date2num(count.day))
            axes.vlines([night], count.low, count.high, color=REPORTED, linewidth=1.5, zorder=7)
            mark_count(axes, (night, count.value), f"{count.value:,.0f}", -7)
    axes.set_ylim(0, axes.get_ylim()[1] * 1.08)
    date_axis(axes, nights, room=0.7, locator=DayLocator(interval=1 + len(nights) // 8))
    number_axis(axes)
    mark_end_of_record(axes, nights)


def draw_largest_night(study: Study, path: Path) -> Path:
    """Draw the distribution of soldiers in the largest night as 50 dots of 2 % each, and the reported number."""
    row, values = summary_row(study.summary, LARGEST_NIGHT), values_of(study, LARGEST_NIGHT)
    figure = new_figure(3.8)
    axes = figure.add_subplot()
    if values.size:
        value = reported_numbers(row)[0]
        above = draw_dots(axes, values, value)
        handles: list[Artist] = [key_mark("2 % of campaigns", "o", SIMULATED_LIGHT, markersize=7)]
        if value is not None:
            mark_reported(axes, value, None, None)
            axes.set_title(f"{above} of {DOTS} dots are at the reported figure or above it")
            handles.append(
                key_line(f"reported: {value:,.0f} ({text_in(row, 'evidence')})", REPORTED, 1.8, linestyle="--")
            )
        add_key(figure, handles, 2)
        axes.set_xlabel("soldiers in the largest night up to 7 July")
        number_axis(axes, "x")
    else:
        write_instead(axes, "in no campaign")
    title = "Simulated soldiers who crossed in the largest night"
    return save_study_chart(figure, study, title, cite_reported(study.summary, [LARGEST_NIGHT]), path)


def draw_dots(axes: Axes, values: np.ndarray, reported_value: float | None) -> int:
    """Draw the values as a quantile dot plot; return the number of dots at or above the reported value."""
    dots = np.quantile(values, (np.arange(DOTS) + 0.5) / DOTS)
    reach = max(float(dots[-1]), reported_value or 0.0, 1.0) * 1.06
    width = reach / 40
    column = np.floor(dots / width)
    height = np.arange(DOTS) - np.searchsorted(column, column)
    above = dots >= (np.inf if reported_value is None else reported_value)
    for which, face in ((~above, SIMULATED_LIGHT), (above, SIMULATED)):
        style: dict[str, Any] = {"markersize": 10, "markerfacecolor": face, "markeredgecolor": "white"}
        axes.plot(np.where(which, dots, np.nan), height + 0.5, "o", **style)
    axes.set_xlim(0, reach)
    axes.set_ylim(0, max(float(height.max()) + 1.5, TALLEST))
    axes.set_yticks([])
    axes.grid(axis="y", visible=False)
    axes.spines["left"].set_visible(False)
    return int(above.sum())


def west_to_east(facts: Facts) -> list[str]:
    """Return the short names of the posts from west to east."""
    return [facts.post[row] for row in np.argsort(facts.post_longitude, kind="stable")]


def draw_posts(axes: Axes, study: Study, facts: Facts) -> None:
    """Draw crossings by post in rows from west to east, each with median, whiskers and reported count."""
    posts = west_to_east(facts)
    columns = [f"crossed_{post}" for post in posts]
    need_columns(study.runs.columns, columns, "runs.parquet")
    bands = bands_of([THE_LINE] * len(columns), study.runs[columns].to_numpy(float).T)
    rows = np.arange(len(columns))
    axes.barh(rows, bands.median, 0.62, color=SIMULATED_LIGHT, label="median of campaigns")
    draw_whiskers(axes, rows, bands, across=True, labels=True)
    for row, post in zip(rows, posts, strict=True):
        counted = counted_at(post, THE_LINE)
        if counted is not None:  # a plus sign if the source reports *at least* this number
            soldiers, at_least = counted
            mark_count(axes, (soldiers, float(row)), f"{soldiers:,}{'+' if at_least else ''}", 7)
    axes.plot([], [], "D", color=REPORTED, markeredgecolor="white", markersize=7, label="reported")
    axes.set_yticks(rows, [name_of_post(post) for post in posts])
    axes.invert_yaxis()
    axes.set_title(f"By post, up to {format_day(THE_LINE)}")
    axes.set_xlabel("soldiers let in")
    axes.set_xlim(0, axes.get_xlim()[1] * 1.06)
    axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))
    axes.grid(axis="y", visible=False)
    number_axis(axes, "x")
