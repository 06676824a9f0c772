"""Districts held and soldiers crossed by evening in both branches, with the evening of the fork and the record.

Reads   days.parquet of a fork; evidence rows on shares of districts and on counts of soldiers.
Assumed A night belongs to the morning on which it ends. Shares are compared, for each source counts its own districts.
"""

import textwrap
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.dates import date2num
from matplotlib.ticker import PercentFormatter

from sim.show.chronicle import read_table
from sim.show.colours import INK, REPORTED, SECOND, SIMULATED
from sim.show.language import Language
from sim.show.reading import Cell, Study, bands_of
from sim.show.record import ALL_SOLDIERS, NIGHTS, Point, aan_shares, counted_so_far
from sim.show.style import (
    STYLE,
    add_legend,
    date_axis,
    days_of,
    draw_bands,
    finish,
    mark_end_of_record,
    new_figure,
    thousands,
)

TITLE_LETTERS = 60  # in a line
HELD, CROSSED = "share_held_by_taliban", "troops_crossed"


def draw_fork(folder: Path, about: Mapping[str, Any], words: Language) -> Path:
    """fork.png in the folder of the fork."""
    evening = date.fromisoformat(about["day"])
    with rc_context(STYLE):
        figure = new_figure(7.4)
        above, below = figure.subplots(2, 1, sharex=True)
        evenings = draw_branches((above, below), folder, about, words)
        draw_points(above, evenings, aan_shares(), words.say("figure_reported"))
        draw_points(below, evenings, counted_so_far(), "")
        above.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
        thousands(below)
        for axes, name in ((above, "held"), (below, "crossed")):
            axes.set_ylim(0, None)
            axes.set_title(words.say(f"figure_{name}"))
            axes.set_ylabel(words.say(f"figure_{name}_axis"))
            date_axis(axes, evenings)
            mark_end_of_record(axes, evenings, label=axes is below)
        mark_turn((above, below), evening, words)
        add_legend(figure, above, columns=1)
        change = textwrap.fill(words.listed(about["changes"]), TITLE_LETTERS)
        title = words.say("figure_title", day=words.day(evening, year=True), change=change)
        sources = words.say(
            "figure_sources", shares=words.listed([point.id for point in aan_shares()]),
            counts=words.listed([*NIGHTS, ALL_SOLDIERS]),
        )  # fmt: skip
        return finish(figure, shown(folder, about), title, sources, folder / "fork.png", {"fork": command_of(about)})


def draw_branches(panels: tuple[Axes, Axes], folder: Path, about: Mapping[str, Any], words: Language) -> list[date]:
    """As it went, and from the evening of the fork on the other course, dashed; the evenings of the campaign."""
    table = read_table(folder / "days.parquet", "as_it_went")
    evenings = evenings_of(table)
    for branch, colour, key in (("as_it_went", SIMULATED, "figure_before"), ("changed", SECOND, "figure_after")):
        table = read_table(folder / "days.parquet", branch)
        first = evenings.index(date.fromisoformat(about["day"])) if branch == "changed" else 0
        label = words.say(key)
        if about["forked"] > 1:
            label = words.say("figure_bands", name=label)
        held, crossed = (series_of(table, column, len(evenings)) for column in (HELD, CROSSED))
        for axes, values in zip(panels, (held, np.cumsum(crossed, axis=0)), strict=True):
            draw_bands(axes, bands_of(evenings[first:], values[first:]), colour, label)
            axes.lines[-1].set_linestyle("--" if branch == "changed" else "-")
    return evenings


def evenings_of(days: Any) -> list[date]:
    """The evenings of the first campaign."""
    first = days["seed"].to_numpy() == days["seed"][0].as_py()
    return [day for day, is_first in zip(days["date"].to_pylist(), first, strict=True) if is_first]


def series_of(days: Any, column: str, evenings: int) -> np.ndarray:
    """A column as evenings x campaigns."""
    return np.asarray(days[column].to_numpy().reshape(-1, evenings).T, dtype=np.float64)


def draw_points(axes: Axes, evenings: Sequence[date], points: Sequence[Point], label: str) -> None:
    """What was reported, with its range, where the campaign has the days."""
    seen = [each for each in points if evenings[0] <= each.day <= evenings[-1]]
    if not seen:
        return
    value = np.array([each.value for each in seen])
    reach = np.array([[each.value - each.low for each in seen], [each.high - each.value for each in seen]])
    style: dict[str, Any] = {"fmt": "D", "color": REPORTED, "markersize": 6, "capsize": 3, "zorder": 8}
    style |= {"markeredgecolor": "white", "label": label or "_nolegend_"}
    axes.errorbar(days_of([each.day for each in seen]), value, reach, **style)


def mark_turn(panels: Sequence[Axes], evening: date, words: Language) -> None:
    """A line on the evening of the fork, named once."""
    for axes in panels:
        axes.axvline(float(date2num(evening)), color=INK, linewidth=1.2, zorder=7)
    text = words.say("figure_turn", day=words.day(evening))
    panels[0].annotate(
        text, (float(date2num(evening)), 0.97), xycoords=panels[0].get_xaxis_transform(), xytext=(-4, 0),
        textcoords="offset points", ha="right", va="top", fontsize=8.5, color=INK, zorder=9,
    )  # fmt: skip


def shown(folder: Path, about: Mapping[str, Any]) -> Study:
    """The fork as captions know a study."""
    cell = Cell(about["cell"], about["cell_label"], {}, about["forked"], 0, about["calibration"])
    return Study(folder, about, "", cell)


def command_of(about: Mapping[str, Any]) -> str:
    """What makes it again."""
    return " ".join(["python -m sim fork <folder of the study>", *about["fork_words"]])
