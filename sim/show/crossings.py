"""Soldiers who crossed the Panj: night by night, and post by post, beside what was counted.

Reads   days.parquet (troops_crossed), runs.parquet (crossed_<post>); evidence.csv and posts.csv for the counts.
Assumed A night belongs to the morning on which it ends: the night of 4-5 July is 5 July.
"""

from datetime import date, timedelta
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.dates import DateFormatter, DayLocator, date2num
from matplotlib.ticker import MaxNLocator

from sim.facts import THE_LINE, Facts, read_facts
from sim.show.reading import Bands, Study, bands_of, need_columns, spread
from sim.show.record import ALL_NIGHTS, NIGHTS, counted_at, point, reported
from sim.show.style import (
    QUIET,
    REPORTED,
    SIMULATED,
    SIMULATED_LIGHT,
    finish,
    mark_end_of_record,
    new_figure,
    thousands,
)

NIGHTS_PAST_THE_LINE = timedelta(days=2)  # shown, lightened, so that the end of the record does not look like an end


def draw_crossings(study: Study, path: Path) -> Path:
    """Two panels: nights above, posts below."""
    figure = new_figure(9.2)
    above, below = figure.subplots(2, 1, height_ratios=(1, 1.35))
    draw_nights(above, study)
    draw_posts(below, study, read_facts())
    figure.legend(*below.get_legend_handles_labels(), loc="outside upper left", ncols=2)
    sources = (
        f"Tajik border service and press counts ({', '.join(NIGHTS)}); by post, posts.csv. The counts of"
        f" {point(NIGHTS[-1]).day:%-d %B} belong to the night that ended that morning."
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
    axes.set_xlim(date2num(nights[0]) - 0.7, date2num(nights[-1]) + 0.7)
    axes.xaxis.set_major_locator(DayLocator(interval=3 if len(nights) > 7 else 1))
    axes.xaxis.set_major_formatter(DateFormatter("%-d %b"))
    axes.grid(axis="x", visible=False)
    thousands(axes)
    mark_end_of_record(axes, nights)


def say_too_short(axes: Axes) -> None:
    """Words in place of an empty panel."""
    first = reported(ALL_NIGHTS).date_start
    words = f"This study has no nights from {first:%-d %B} on,\nwhen crossings were first reported."
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
    axes.bar(bands.evenings, bands.median, 0.75, color=SIMULATED_LIGHT)
    axes.vlines(bands.evenings, bands.low_5, bands.high_95, color=SIMULATED, linewidth=1)
    axes.vlines(bands.evenings, bands.low_25, bands.high_75, color=SIMULATED, linewidth=3.5)


def draw_counts(axes: Axes, nights: list[date]) -> None:
    """What was counted on each night, with its range and number."""
    for count in (point(id) for id in NIGHTS):
        if nights[0] <= count.day <= nights[-1]:
            axes.vlines([count.day], count.low, count.high, color=REPORTED, linewidth=1.5, zorder=7)
            axes.plot([count.day], [count.value], "D", color=REPORTED, markeredgecolor="white", markersize=7, zorder=8)
            style = {"color": REPORTED, "fontsize": 9, "ha": "right", "va": "bottom", "zorder": 8}
            axes.annotate(f"{count.value:,.0f}", (date2num(count.day), count.value), (-6, 2), textcoords="offset points", **style)


def draw_posts(axes: Axes, study: Study, facts: Facts) -> None:
    """One row a post from west to east: median bar, 90 % whisker, and what was counted there."""
    columns = [f"crossed_{post}" for post in facts.post]
    need_columns(study.runs, columns, "runs.parquet")
    bands = bands_of([THE_LINE] * len(columns), study.runs[columns].to_numpy(float).T)
    rows = np.arange(len(columns))
    axes.barh(rows, bands.median, 0.62, color=SIMULATED_LIGHT, label="median of campaigns")
    axes.hlines(rows, bands.low_5, bands.high_95, color=SIMULATED, linewidth=1, label="5 to 95 % of campaigns")
    axes.hlines(rows, bands.low_25, bands.high_75, color=SIMULATED, linewidth=3.5, label="25 to 75 % of campaigns")
    for row, post in zip(rows, facts.post, strict=True):
        draw_count_at(axes, float(row), post)
    axes.plot([], [], "D", color=REPORTED, markeredgecolor="white", markersize=7, label="reported")
    axes.set_yticks(rows, [say_post(name) for name in facts.post])
    axes.invert_yaxis()
    axes.set_title(f"By post, up to {THE_LINE:%-d %B}")
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
    axes.plot([soldiers], [row], "D", color=REPORTED, markeredgecolor="white", markersize=7, zorder=8)
    style = {"color": REPORTED, "fontsize": 9, "ha": "left", "va": "center", "zorder": 8}
    axes.annotate(f"{soldiers:,}{'+' if at_least else ''}", (soldiers, row), (7, 0), textcoords="offset points", **style)


def say_post(slug: str) -> str:
    """A post's short name in words: sher_khan_bandar is Sher Khan Bandar."""
    return " ".join(part.capitalize() if part != "e" else part for part in slug.split("_"))
