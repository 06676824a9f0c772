"""One look for every figure: quiet colours that the colour-blind can tell apart, dates on the axis, a caption below.

Blue is what was simulated, orange what was reported. Whatever lies past the evening of 7 July is lightened, because
nothing is known there to set it beside.
"""

import textwrap
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.dates import AutoDateLocator, date2num, num2date
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.patheffects import withStroke
from matplotlib.ticker import FuncFormatter, Locator, StrMethodFormatter

from sim.facts import THE_LINE
from sim.show.reading import Bands, Study

SIMULATED, SIMULATED_LIGHT, SIMULATED_DARK = "#2b5c8a", "#9dbdd8", "#173554"
SECOND, SAND, EARTH = "#7b5aa6", "#cdb98a", "#8c7230"
REPORTED, REPORTED_OTHER = "#c05a00", "#8a3b00"
INK, QUIET, FAINT = "#222222", "#666666", "#dddddd"
CHANCE = LinearSegmentedColormap.from_list("chance", ["#f7f3e9", "#b9cbd8", "#5d8bb0", "#2b5c8a", "#173554"])
WIDTH = 7.0  # inches, so that letters are still readable on a telephone
LETTERS_PER_INCH = 17.3  # of the caption
HALO = [withStroke(linewidth=2.5, foreground="white")]  # keeps letters readable on any ground
RESOLUTION = 130  # dots per inch

STYLE: Any = {  # matplotlib settings, in force while a figure is drawn
    "font.family": "DejaVu Sans",
    "font.size": 10.5,
    "axes.titlesize": 11,
    "axes.titlelocation": "left",
    "axes.labelsize": 10,
    "axes.labelcolor": INK,
    "axes.edgecolor": QUIET,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "axes.grid": True,
    "grid.color": "#ececec",
    "grid.linewidth": 0.8,
    "xtick.labelsize": 9.5,
    "ytick.labelsize": 9.5,
    "legend.fontsize": 9,
    "legend.frameon": False,
    "text.color": INK,
    "figure.facecolor": "white",
    "figure.constrained_layout.h_pad": 0.06,
    "savefig.facecolor": "white",
}


def new_figure(height: float) -> Figure:
    """An empty figure of the common width."""
    return Figure(figsize=(WIDTH, height), layout="constrained")


def say_campaigns(study: Study) -> str:
    """How many campaigns, of which scenario, and how far to trust them."""
    runs = int(study.about["runs"])
    words = f"{runs:,} {'campaign' if runs == 1 else 'campaigns'}, scenario {study.about['scenario']}"
    dice = " One campaign: one roll of the dice." if runs == 1 else ""
    return f"{words}, {study.about['calibration']}.{dice}"


def finish(figure: Figure, study: Study, title: str, sources: str, path: Path) -> Path:
    """Title above (on the key where there is one, so that the two keep clear of each other), caption below; to disk."""
    caption = f"{say_campaigns(study)} Sources: {sources}"
    lines = textwrap.fill(caption, int(figure.get_figwidth() * LETTERS_PER_INCH))
    bold = FontProperties(size=13, weight="bold")
    if figure.legends:
        figure.legends[0].set_title(title, prop=bold)
        figure.legends[0].set_alignment("left")
    else:
        figure.suptitle(title, x=0.012, ha="left", fontproperties=bold)
    figure.supxlabel(lines, x=0.012, ha="left", fontsize=8, color=QUIET)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=RESOLUTION)
    return path


def add_legend(figure: Figure, axes: Axes, columns: int = 2) -> None:
    """What the lines and marks of a panel mean, above the figure."""
    figure.legend(*axes.get_legend_handles_labels(), loc="outside upper left", ncols=columns)


def say_day(day: date) -> str:
    """5 July."""
    return f"{day.day} {day:%B}"


def draw_bands(axes: Axes, bands: Bands, colour: str, label: str) -> None:
    """A median line in its 50 % and 90 % bands."""
    time = days_of(bands.evenings)
    for low, high, strength in ((bands.low_5, bands.high_95, 0.16), (bands.low_25, bands.high_75, 0.28)):
        axes.fill_between(time, low, high, color=colour, alpha=strength, linewidth=0)
    axes.plot(time, bands.median, color=colour, linewidth=1.8, label=label)


def days_of(days: Sequence[date]) -> np.ndarray:
    """Dates as matplotlib counts them, in days."""
    return np.asarray(date2num(list(days)), dtype=np.float64)


def say_bands(study: Study, what: str) -> str:
    """The label of a median line."""
    return what if len(study.runs) == 1 else f"{what}: median, 50 and 90 % of campaigns"


def date_axis(axes: Axes, evenings: Sequence[date], room: float = 1.0, locator: Locator | None = None) -> None:
    """Days along the bottom, with `room` days to spare at both ends."""
    axes.set_xlim(date2num(evenings[0]) - room, date2num(evenings[-1]) + room)
    axes.xaxis.set_major_locator(locator or AutoDateLocator(minticks=3, maxticks=8, interval_multiples=True))
    axes.xaxis.set_major_formatter(FuncFormatter(say_tick))
    axes.grid(axis="x", visible=False)


def say_tick(time: float, _: int | None = None) -> str:
    """5 Jul."""
    day = num2date(time)
    return f"{day.day} {day:%b}"


def mark_end_of_record(axes: Axes, evenings: Sequence[date], label: bool = True) -> None:
    """A dotted line at the end of the record; what lies past it is lightened."""
    if not evenings[0] <= THE_LINE <= evenings[-1]:
        return
    first, last = axes.get_xlim()
    end = date2num(THE_LINE)
    axes.axvline(end, color=QUIET, linestyle=":", linewidth=1.3, zorder=6)
    axes.axvspan(end, last, color="white", alpha=0.62, linewidth=0, zorder=5)
    if label:
        side = "left" if last - end > (last - first) / 6 else "right"
        axes.text(end, 1.01, "record ends", transform=axes.get_xaxis_transform(), ha=side, fontsize=8.5, color=QUIET)


def thousands(axes: Axes, which: str = "y") -> None:
    """Marks 1,000 with a comma."""
    getattr(axes, f"{which}axis").set_major_formatter(StrMethodFormatter("{x:,.0f}"))
