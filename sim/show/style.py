"""One look for every figure: quiet colours that the colour-blind can tell apart, dates on the axis, a caption below.

Blue is what was simulated, orange what was reported. Whatever lies past the evening of 7 July is lightened, because
nothing is known there to set it beside.
"""

import textwrap
from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter, DateFormatter, date2num
from matplotlib.figure import Figure
from matplotlib.ticker import StrMethodFormatter

from sim.facts import THE_LINE
from sim.show.reading import Bands, Study

SIMULATED, SIMULATED_LIGHT, SIMULATED_DARK = "#2b5c8a", "#9dbdd8", "#173554"
SECOND, SAND, EARTH = "#7b5aa6", "#cdb98a", "#8c7230"
REPORTED, REPORTED_OTHER = "#c05a00", "#8a3b00"
INK, QUIET, FAINT = "#222222", "#666666", "#dddddd"
CHANCE = LinearSegmentedColormap.from_list("chance", ["#f7f3e9", "#b9cbd8", "#5d8bb0", "#2b5c8a", "#173554"])
WIDTH = 7.0  # inches, so that letters are still readable on a telephone
LETTERS_PER_INCH = 15.5  # of the caption
RESOLUTION = 130  # dots per inch

STYLE = {
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
    """Title above, caption below, written to disk."""
    caption = f"{say_campaigns(study)} Sources: {sources}"
    lines = textwrap.fill(caption, int(figure.get_figwidth() * LETTERS_PER_INCH))
    figure.suptitle(title, x=0.012, ha="left", fontsize=13, fontweight="bold")
    figure.supxlabel(lines, x=0.012, ha="left", fontsize=8, color=QUIET)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=RESOLUTION)
    return path


def draw_bands(axes: Axes, bands: Bands, colour: str, label: str, scale: float = 1.0) -> None:
    """A median line in its 50 % and 90 % bands."""
    for low, high, strength in ((bands.low_5, bands.high_95, 0.16), (bands.low_25, bands.high_75, 0.28)):
        axes.fill_between(bands.evenings, low * scale, high * scale, color=colour, alpha=strength, linewidth=0)
    axes.plot(bands.evenings, bands.median * scale, color=colour, linewidth=1.8, label=label)


def say_bands(study: Study, what: str) -> str:
    """The label of a median line."""
    return what if len(study.runs) == 1 else f"{what}: median, 50 and 90 % of campaigns"


def date_axis(axes: Axes, evenings: Sequence[date], room: int = 1) -> None:
    """Days along the bottom, a few days of room at the ends, and the end of the record where it falls inside."""
    first, last = evenings[0] - timedelta(days=room), evenings[-1] + timedelta(days=room)
    axes.set_xlim(date2num(first), date2num(last))
    locator = AutoDateLocator(minticks=3, maxticks=8)
    axes.xaxis.set_major_locator(locator)
    formatter = ConciseDateFormatter(locator, show_offset=False)
    formatter.formats[1] = formatter.zero_formats[2] = "1 %b"
    formatter.formats[2] = "%-d %b"
    axes.xaxis.set_major_formatter(formatter if len(evenings) > 2 else DateFormatter("%-d %b"))
    axes.grid(axis="x", visible=False)


def mark_end_of_record(axes: Axes, evenings: Sequence[date], label: bool = True) -> None:
    """A dotted line at the end of the record; what lies past it is lightened."""
    if not evenings[0] <= THE_LINE <= evenings[-1]:
        return
    axes.axvline(date2num(THE_LINE), color=QUIET, linestyle=":", linewidth=1.3, zorder=6)
    axes.axvspan(date2num(THE_LINE), axes.get_xlim()[1], color="white", alpha=0.62, linewidth=0, zorder=5)
    if label:
        place = {"rotation": 90, "va": "top", "ha": "right", "fontsize": 8.5, "color": QUIET, "zorder": 7}
        axes.text(date2num(THE_LINE), 0.985, "record ends ", transform=axes.get_xaxis_transform(), **place)


def thousands(axes: Axes, which: str = "y") -> None:
    """Marks 1,000 with a comma."""
    getattr(axes, f"{which}axis").set_major_formatter(StrMethodFormatter("{x:,.0f}"))
