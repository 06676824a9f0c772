"""Soldiers who crossed the Panj: night by night, and post by post, beside what was counted.

Reads   days.parquet (troops_crossed), runs.parquet (crossed_<post>); evidence.csv and posts.csv for the counts.
Assumed A night belongs to the morning on which it ends: the night of 4-5 July is 5 July.
"""

from datetime import date, timedelta
from pathlib import Path
from typing import Any, Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.dates import DayLocator, date2num
from matplotlib.ticker import MaxNLocator

from sim.facts import THE_LINE, Facts, read_facts
from sim.show.colours import QUIET, REPORTED, SIMULATED, SIMULATED_LIGHT
from sim.show.language import say_post
from sim.show.reading import Bands, Study, bands_of, need_columns, spread
from sim.show.record import ALL_NIGHTS, NIGHTS, counted_at, point, reported
from sim.show.style import (
    HALO,
    add_legend,
    date_axis,
    days_of,
    finish,
    mark_end_of_record,
    new_figure,
    say_day,
    thousands,
)

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
