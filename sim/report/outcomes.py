"""How the main outcomes are spread over the campaigns, with the reported value beside them.

Reads   runs.parquet for the outcomes, summary.csv for words, units and what was reported.

Soldiers who crossed the Panj: night by night, and post by post, beside what was counted.

Reads   days.parquet (troops_crossed), runs.parquet (crossed_<post>); evidence.csv and posts.csv for the counts.
Assumed A night belongs to the morning on which it ends: the night of 4-5 July is 5 July.
"""

import math
from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.dates import DayLocator, date2num
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator, PercentFormatter, StrMethodFormatter

from sim.data.facts import THE_LINE, Facts, read_facts
from sim.data.record import ALL_NIGHTS, NIGHTS, counted_at, point, reported
from sim.plots.colours import QUIET, REPORTED, SIMULATED, SIMULATED_LIGHT
from sim.plots.style import (
    HALO,
    Spaces,
    add_legend,
    date_axis,
    days_of,
    finish,
    mark_end_of_record,
    new_figure,
    new_panels,
    say_day,
    thousands,
)
from sim.study.reader import Bands, Study, bands_of, need_columns, spread
from sim.wording import say_post

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
COLUMNS = 2
MANY = 40  # distinct whole numbers beyond which bars take in more than one
BARS = 24
FEW = 6  # whole numbers that an axis shows at least


def draw_outcomes(study: Study, path: Path) -> Path:
    """One small histogram an outcome."""
    names = chosen_outcomes(study.runs)
    figure, panels = new_panels(-(-len(names) // COLUMNS), COLUMNS, 0.95, Spaces())
    for axes, name in zip(panels, names, strict=False):
        draw_outcome(axes, study, name)
    for axes in panels[len(names) :]:
        axes.remove()
    for axes in panels[::COLUMNS]:
        axes.set_ylabel("campaigns", fontsize=8.5)
    figure.legend(handles=key(), loc="upper left", ncols=4)
    sources = f"for what was reported, {say_ids(study.summary, names)} in evidence.csv."
    return finish(figure, study, "Outcomes beside the record", sources, path)


def chosen_outcomes(runs: pd.DataFrame, wanted: Sequence[str] = MAIN_OUTCOMES, but: Sequence[str] = ()) -> list[str]:
    """The outcomes wanted, where campaigns have them; where they have none of them, the first numbers there are."""
    numbers = [name for name in runs.select_dtypes("number").columns if name not in ("cell", "run", "seed", *but)]
    known = [name for name in wanted if name in numbers and runs[name].notna().any()]
    return known or numbers[: len(wanted)]


def summary_row(summary: pd.DataFrame, name: str) -> pd.Series:
    """What the summary says of an outcome; empty where it says nothing."""
    rows = summary[summary["outcome"] == name]
    return rows.iloc[0] if len(rows) else pd.Series(index=summary.columns, dtype=object)


def words(row: pd.Series, column: str, otherwise: str = "") -> str:
    """A cell of text."""
    return otherwise if pd.isna(row[column]) else str(row[column])


def say(cell: Any) -> str:
    """A number to three figures, thousands marked; a date as it stands; nothing where there is none."""
    number = number_of(cell)
    if number is None:
        return "" if pd.isna(cell) else str(cell)
    return f"{number:,.0f}" if abs(number) >= 100 or number == int(number) else f"{number:.3g}"


def number_of(cell: Any) -> float | None:
    """The cell as a number; a column that also holds dates was read as text."""
    try:
        return None if pd.isna(cell) else float(cell)
    except ValueError:
        return None


def say_inside(row: pd.Series) -> str:
    """Whether the reported value, or some of its range, lies within the middle 90 % of campaigns."""
    value, low, high = (number_of(row[f"reported_{part}"]) for part in ("value", "low", "high"))
    low_5, high_95 = number_of(row["low_5"]), number_of(row["high_95"])
    known = [number for number in (low, value, high) if number is not None]
    if low_5 is None or high_95 is None or not known:
        return ""
    lowest = min(known) if low is not None or value is not None else -math.inf
    highest = max(known) if high is not None or value is not None else math.inf
    return "yes" if lowest <= high_95 and highest >= low_5 else "no"


def draw_outcome(axes: Axes, study: Study, name: str) -> None:
    """The campaigns as bars, their median as a tick below, the record as a line or a band."""
    row = summary_row(study.summary, name)
    values = study.runs[name].dropna().to_numpy(float)
    unit = words(row, "unit")
    share = unit.startswith("share")
    if values.size == 0:
        draw_nothing(axes, words(row, "label", name.replace("_", " ")))
        return
    whole = not share and values_are_whole(values)
    counts, edges = np.histogram(values, bins_of(values, whole))
    axes.stairs(counts, edges, fill=True, color=SIMULATED_LIGHT)
    axes.axvline(float(np.median(values)), color=SIMULATED, linewidth=1.6)
    draw_reported(axes, row)
    if whole:
        widen(axes, float(np.median(values)))
    axes.set_title(wrap(words(row, "label", name.replace("_", " "))), fontsize=9.5)
    axes.set_xlabel(unit, fontsize=8.5)
    axes.tick_params(labelsize=8.5)
    axes.yaxis.set_major_locator(MaxNLocator(3, integer=True))
    axes.xaxis.set_major_locator(MaxNLocator(5, integer=whole))
    axes.xaxis.set_major_formatter(PercentFormatter(1, decimals=0) if share else say_ticks(whole))


def draw_nothing(axes: Axes, label: str) -> None:
    """An outcome that no campaign has, for instance because the study ends before its date."""
    axes.set_title(wrap(label), fontsize=9.5)
    axes.text(0.5, 0.5, "in no campaign", transform=axes.transAxes, ha="center", va="center", fontsize=8.5, color=QUIET)
    axes.set_xticks([])
    axes.set_yticks([])


def widen(axes: Axes, middle: float) -> None:
    """Show a few whole numbers at least, and few below zero."""
    first, last = axes.get_xlim()
    if last - first < FEW:
        first = max(middle - FEW / 2, -1.0)
        axes.set_xlim(first, first + FEW)


def say_ticks(whole: bool) -> StrMethodFormatter:
    """Whole numbers as they are, others with their decimals."""
    return StrMethodFormatter("{x:,.0f}" if whole else "{x:,g}")


def wrap(text: str, letters: int = 43) -> str:
    """A title in at most two lines."""
    if len(text) <= letters:
        return text
    cut = text.rfind(" ", 0, letters)
    rest = text[cut + 1 :]
    return f"{text[:cut]}\n{rest if len(rest) <= letters else rest[: letters - 1] + '…'}"


def values_are_whole(values: np.ndarray) -> bool:
    """Whether every campaign gave a whole number."""
    return bool(np.all(values == np.rint(values)))


def bins_of(values: np.ndarray, whole: bool) -> list[float]:
    """One bar a whole number while they are few, else equal steps over the campaigns."""
    low, high = float(values.min()), float(values.max())
    if whole and high - low <= MANY:
        return [float(edge) for edge in np.arange(low - 0.5, high + 1.0)]
    if low == high:
        width = max(abs(low) / BARS, 0.01)
        return [low - width / 2, low + width / 2]
    return [float(edge) for edge in np.linspace(low, high, BARS + 1)]


def draw_reported(axes: Axes, row: pd.Series) -> None:
    """A band from low to high, a line at the value, an arrow where only one side is known."""
    value, low, high = (row[f"reported_{part}"] for part in ("value", "low", "high"))
    if not pd.isna(low) and not pd.isna(high) and low < high:
        axes.axvspan(float(low), float(high), color=REPORTED, alpha=0.2, linewidth=0)
    elif pd.isna(low) != pd.isna(high):
        draw_one_side(axes, float(high if pd.isna(low) else low), "<" if pd.isna(low) else ">")
    if not pd.isna(value):
        axes.axvline(float(value), color=REPORTED, linewidth=2, linestyle="--")
    if pd.isna(value) and pd.isna(low) and pd.isna(high):
        axes.text(
            0.98, 0.95, "nothing reported", transform=axes.transAxes, ha="right", va="top", fontsize=8, color=QUIET
        )


def draw_one_side(axes: Axes, bound: float, marker: str) -> None:
    """*At least* or *at most*: a thin line whose head points to where the record allows it to lie."""
    axes.axvline(bound, color=REPORTED, linewidth=1.2)
    axes.plot([bound], [0.9], marker=marker, color=REPORTED, markersize=8, transform=axes.get_xaxis_transform())


def key() -> list[Line2D]:
    """What the lines mean."""
    return [
        Line2D([], [], color=SIMULATED, linewidth=1.6, label="median of campaigns"),
        Line2D([], [], color=REPORTED, linewidth=2, linestyle="--", label="reported"),
        Line2D([], [], color=REPORTED, linewidth=8, alpha=0.25, label="range reported"),
        Line2D([], [], color=REPORTED, linewidth=0, marker=">", label="at least"),
    ]


def say_ids(summary: pd.DataFrame, names: Sequence[str]) -> str:
    """The evidence that the summary cites for these outcomes."""
    cited = [words(summary_row(summary, name), "evidence") for name in names]
    ids = dict.fromkeys(id for text in cited for id in text.replace(";", " ").replace(",", " ").split())
    return ", ".join(ids) or "no rows"


Side = Literal["left", "right"]
NIGHTS_PAST_THE_LINE = timedelta(days=2)  # shown, lightened, so that the end of the record does not look like an end


def draw_crossings(study: Study, path: Path) -> Path:
    """Two panels: nights above, posts below."""
    figure = new_figure(9.2)
    above, below = figure.subplots(2, 1, height_ratios=(1, 1.35))
    draw_nights(above, study)
    draw_posts(below, study, read_facts())
    add_legend(figure, below)
    sources = (
        f"Tajik border service and press counts ({', '.join(NIGHTS)}); by post, posts.csv. The counts of"
        f" {say_day(point(NIGHTS[-1]).day)} belong to the night that ended that morning."
    )
    return finish(figure, study, "Soldiers crossing into Tajikistan", sources, path)


def nights_shown(study: Study) -> list[date]:
    """From the first night on which a crossing was reported to just past the record, where the study has them."""
    first, last = reported(ALL_NIGHTS).date_start, THE_LINE + NIGHTS_PAST_THE_LINE
    return [night for night in study.evenings if first <= night <= last]


def draw_nights(axes: Axes, study: Study) -> None:
    """Median bars with thick 50 % and thin 90 % whiskers; reported counts as diamonds with their numbers."""
    nights = nights_shown(study)
    axes.set_title("By night")
    axes.set_ylabel("soldiers in the night")
    if not nights:
        say_too_short(axes)
        return
    draw_bars(axes, keep(spread(study, "troops_crossed"), nights))
    draw_counts(axes, nights)
    axes.set_ylim(0, axes.get_ylim()[1] * 1.08)
    date_axis(axes, nights, room=0.7, locator=DayLocator(interval=3 if len(nights) > 7 else 1))
    thousands(axes)
    mark_end_of_record(axes, nights)


def say_too_short(axes: Axes) -> None:
    """Words in place of an empty panel."""
    first = reported(ALL_NIGHTS).date_start
    words = f"This study has no nights from {say_day(first)} on,\nwhen crossings were first reported."
    axes.text(0.5, 0.5, words, transform=axes.transAxes, ha="center", va="center", color=QUIET)
    axes.set_xticks([])
    axes.set_yticks([])


def keep(bands: Bands, nights: list[date]) -> Bands:
    """The same quantiles for some of the evenings."""
    rows = [bands.evenings.index(night) for night in nights]
    parts = (bands.low_5, bands.low_25, bands.median, bands.high_75, bands.high_95)
    return Bands(nights, *(part[rows] for part in parts))


def draw_bars(axes: Axes, bands: Bands) -> None:
    """Bars from zero to the median, whiskers for the spread."""
    time = days_of(bands.evenings)
    axes.bar(time, bands.median, 0.75, color=SIMULATED_LIGHT)
    axes.vlines(time, bands.low_5, bands.high_95, color=SIMULATED, linewidth=1)
    axes.vlines(time, bands.low_25, bands.high_75, color=SIMULATED, linewidth=3.5)


def draw_counts(axes: Axes, nights: list[date]) -> None:
    """What was counted on each night, with its range and number."""
    for count in (point(id) for id in NIGHTS):
        if nights[0] <= count.day <= nights[-1]:
            night = float(date2num(count.day))
            axes.vlines([night], count.low, count.high, color=REPORTED, linewidth=1.5, zorder=7)
            draw_number(axes, (night, count.value), f"{count.value:,.0f}", "right")


def draw_number(axes: Axes, place: tuple[float, float], text: str, side: Side) -> None:
    """A diamond with its number on one side."""
    axes.plot(*place, "D", color=REPORTED, markeredgecolor="white", markersize=7, zorder=8)
    style: dict[str, Any] = {"color": REPORTED, "fontsize": 9, "zorder": 9, "path_effects": HALO}
    away = -7 if side == "right" else 7
    axes.annotate(text, place, (away, 0), textcoords="offset points", ha=side, va="center", **style)


def west_to_east(facts: Facts) -> list[str]:
    """Short names of the posts in the order in which the river passes them, by longitude."""
    return [facts.post[row] for row in np.argsort(facts.post_longitude, kind="stable")]


def draw_posts(axes: Axes, study: Study, facts: Facts) -> None:
    """One row a post from west to east: median bar, 90 % whisker, and what was counted there."""
    posts = west_to_east(facts)
    columns = [f"crossed_{post}" for post in posts]
    need_columns(study.runs.columns, columns, "runs.parquet")
    bands = bands_of([THE_LINE] * len(columns), study.runs[columns].to_numpy(float).T)
    rows = np.arange(len(columns))
    axes.barh(rows, bands.median, 0.62, color=SIMULATED_LIGHT, label="median of campaigns")
    axes.hlines(rows, bands.low_5, bands.high_95, color=SIMULATED, linewidth=1, label="5 to 95 % of campaigns")
    axes.hlines(rows, bands.low_25, bands.high_75, color=SIMULATED, linewidth=3.5, label="25 to 75 % of campaigns")
    for row, post in zip(rows, posts, strict=True):
        draw_count_at(axes, float(row), post)
    axes.plot([], [], "D", color=REPORTED, markeredgecolor="white", markersize=7, label="reported")
    axes.set_yticks(rows, [say_post(post) for post in posts])
    axes.invert_yaxis()
    axes.set_title(f"By post, up to {say_day(THE_LINE)}")
    axes.set_xlabel("soldiers let in")
    axes.set_xlim(0, axes.get_xlim()[1] * 1.06)
    axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))
    axes.grid(axis="y", visible=False)
    thousands(axes, "x")


def draw_count_at(axes: Axes, row: float, post: str) -> None:
    """A diamond and its number; a plus where the source says *at least*; nothing where nobody counted."""
    counted = counted_at(post, THE_LINE)
    if counted is None:
        return
    soldiers, at_least = counted
    draw_number(axes, (soldiers, row), f"{soldiers:,}{'+' if at_least else ''}", "left")
