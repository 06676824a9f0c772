"""One look for every figure: quiet colours that the colour-blind can tell apart, dates on the axis, a caption below.

Blue is what was simulated, orange what was reported. Whatever lies past the evening of 7 July is lightened, because
nothing is known there to set it beside.
"""

import textwrap
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.dates import AutoDateLocator, date2num, num2date
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.patheffects import withStroke
from matplotlib.ticker import FuncFormatter, Locator, StrMethodFormatter

from sim.data.facts import THE_LINE
from sim.plots.colours import INK, QUIET
from sim.provenance import stamp
from sim.study.files import write_file
from sim.study.reader import Bands, Study, StudyCell

CHANCE = LinearSegmentedColormap.from_list("chance", ["#f7f3e9", "#b9cbd8", "#5d8bb0", "#2b5c8a", "#173554"])
WIDTH = 7.0  # inches, so that letters are still readable on a telephone
LETTERS_PER_INCH = 17.3  # of the caption
HALO = [withStroke(linewidth=2.5, foreground="white")]  # keeps letters readable on any ground
RESOLUTION = 130  # dots per inch
HEADING, CAPTION = FontProperties(size=13, weight="bold"), 8.0  # title and caption, in points
EDGE = 0.012  # of the width, before title and caption
LINE = 1.2  # height of a line as a share of its letters
POINTS = 72.0  # in an inch
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


class Spaces(NamedTuple):
    """Inches around and between panels at fixed places."""

    left: float = 0.62
    right: float = 0.12
    top: float = 0.42
    bottom: float = 0.5
    across: float = 0.35
    down: float = 0.8


def new_figure(height: float) -> Figure:
    """An empty figure of the common width."""
    return Figure(figsize=(WIDTH, height), layout="constrained")


def new_panels(rows: int, columns: int, height: float, spaces: Spaces) -> tuple[Figure, list[Axes]]:
    """Panels of one height at fixed places, row by row: far quicker than a layout that measures every label."""
    tall = spaces.top + rows * height + (rows - 1) * spaces.down + spaces.bottom
    wide = (WIDTH - spaces.left - spaces.right - (columns - 1) * spaces.across) / columns
    figure = Figure(figsize=(WIDTH, tall))
    places = [
        (
            spaces.left + column * (wide + spaces.across),
            tall - spaces.top - (row + 1) * height - row * spaces.down,
        )
        for row in range(rows)
        for column in range(columns)
    ]
    scale = np.array([WIDTH, tall, WIDTH, tall])
    return figure, [figure.add_axes(tuple(np.array([*place, wide, height]) / scale)) for place in places]


def say_campaigns(shown: Study) -> str:
    """How many campaigns, of which scenario, and how far to trust them."""
    if shown.focus is None:
        return say_campaigns_of_all(shown)
    cell = shown.cell
    words = f"{say_count(cell.finished)}, scenario {cell.values.get('scenario', shown.about['scenario'])}"
    values = f", {cell.label}" if cell.label else ""
    failed = f" {say_count(cell.failed)} failed and {'is' if cell.failed == 1 else 'are'} left out." * bool(cell.failed)
    dice = " One campaign: one roll of the dice." if cell.finished == 1 else ""
    return f"{words}{values}, {cell.calibration}.{dice}{failed}"


def say_campaigns_of_all(sweep: Study) -> str:
    """The campaigns of all cells together, and how many a cell has."""
    finished = [cell.finished for cell in sweep.cells]
    each = f"{min(finished):,}" if min(finished) == max(finished) else f"{min(finished):,} to {max(finished):,}"
    words = f"{say_count(sum(finished))}, {each} in each of {len(finished):,} cells, scenario {sweep.about['scenario']}"
    failed = sum(cell.failed for cell in sweep.cells)
    left_out = f" {say_count(failed)} failed and {'is' if failed == 1 else 'are'} left out." if failed else ""
    dice = " One campaign in a cell: one roll of the dice." if max(finished) == 1 else ""
    return f"{words}, {sweep.about['calibration']}.{dice}{left_out}"


def say_cell(sweep: Study, cell: StudyCell) -> str:
    """A cell in few words: `reinforcement none, contagion 0.3`."""
    return ", ".join(f"{say_key(sweep, key)} {say_setting(value)}" for key, value in cell.values.items())


def say_key(sweep: Study, key: str) -> str:
    """The last word of a key while no other swept key ends in it."""
    last = key.rpartition(".")[2]
    alone = sum(other.rpartition(".")[2] == last for other in sweep.swept) == 1
    return last.replace("_", " ") if alone and not key.startswith("timeline.") else key


def say_setting(value: object) -> str:
    """A swept value: words without underscores, numbers to four figures."""
    return f"{value:.4g}" if isinstance(value, float) else str(value).replace("_", " ")


def say_count(campaigns: int) -> str:
    """1 campaign, 10,000 campaigns."""
    return f"{campaigns:,} {'campaign' if campaigns == 1 else 'campaigns'}"


def finish(
    figure: Figure,
    shown: Study,
    title: str,
    sources: str,
    path: Path,
    chosen: Mapping[str, Any] | None = None,
) -> Path:
    """Title above (on the key where there is one, so that the two keep clear of each other), caption below; to disk.

    `chosen` is what else decides the figure, such as the evening of a map: with it the file can be drawn again.
    """
    caption = f"{say_campaigns(shown)} Sources: {sources}"
    lines = textwrap.fill(caption, int(figure.get_figwidth() * LETTERS_PER_INCH))
    if figure.legends:
        figure.legends[0].set_title(title, prop=HEADING)
        figure.legends[0].set_alignment("left")
    if figure.get_layout_engine() is None:
        make_room(figure, title, lines)
    else:
        lay_out(figure, title, lines)
    recipe = recipe_of(shown, path, chosen or {})
    return write_file(path, lambda file: figure.savefig(file, **png_options(shown, recipe)))


def lay_out(figure: Figure, title: str, caption: str) -> None:
    """Find every place once; a figure that keeps its layout engine does so twice when it is saved."""
    if not figure.legends:
        figure.suptitle(title, x=EDGE, ha="left", fontproperties=HEADING)
    figure.supxlabel(caption, x=EDGE, ha="left", fontsize=CAPTION, color=QUIET)
    engine = figure.get_layout_engine()
    assert engine is not None
    engine.execute(figure)
    figure.set_layout_engine(None)  # not "none", which keeps a place holder and with it the second round


def make_room(figure: Figure, title: str, caption: str) -> None:
    """Panels at fixed places keep their size; the page grows above them for title and key and below for the caption."""
    height = float(figure.get_figheight())
    above, below = room_above(figure, title), (caption.count("\n") + 1) * CAPTION * LINE / POINTS + 0.12
    tall = height + above + below
    figure.set_figheight(tall)
    for axes in figure.axes:
        box = axes.get_position()
        axes.set_position((box.x0, (box.y0 * height + below) / tall, box.width, box.height * height / tall))
    figure.text(EDGE, 0.06 / tall, caption, va="bottom", fontsize=CAPTION, color=QUIET, linespacing=LINE)
    if not figure.legends:
        figure.text(EDGE, 1 - 0.08 / tall, title, va="top", fontproperties=HEADING)


def room_above(figure: Figure, title: str) -> float:
    """Inches that the title takes, or the key with the title in it."""
    if not figure.legends:
        return 0.12 + (title.count("\n") + 1) * HEADING.get_size_in_points() * LINE / POINTS
    renderer = FigureCanvasAgg(figure).get_renderer()
    return 0.08 + float(figure.legends[0].get_window_extent(renderer).height / figure.dpi)


def recipe_of(shown: Study, path: Path, chosen: Mapping[str, Any]) -> dict[str, Any]:
    """What draws this file again from its folder: its name in the folder, the cell, the evening."""
    file = path.relative_to(shown.folder) if path.is_relative_to(shown.folder) else Path("figures", path.name)
    of_cell = {"cell": shown.cell.number, "evening": None} if shown.focus is not None else {}
    return {"file": file.as_posix(), **of_cell, **chosen}


def png_options(shown: Study, recipe: Mapping[str, Any]) -> dict[str, Any]:
    """How a figure is saved, with its provenance inside."""
    return {"format": "png", "dpi": RESOLUTION, "metadata": {"panj": stamp(shown.about, recipe)}}


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
    return what if study.cell.finished == 1 else f"{what}: median, 50 and 90 % of campaigns"


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
