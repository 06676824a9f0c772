"""Build charts and save them: panels, axes, marks for intervals and for reported figures, legends, and captions.

Panels made by `new_panels` have fixed positions in inches, which is far faster than a layout that measures every label.
The title and caption are added when a figure is saved; a figure with fixed panels is enlarged to make room for them.
"""

import json
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg, RendererAgg
from matplotlib.dates import AutoDateLocator, date2num, num2date
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, Locator, MaxNLocator, StrMethodFormatter
from matplotlib.transforms import ScaledTranslation

from sim.data.facts import THE_LINE
from sim.data.record import Point
from sim.errors import shortened
from sim.plots.captions import describe_campaigns
from sim.plots.colours import INK, QUIET, REPORTED, SIMULATED, SIMULATED_LIGHT
from sim.plots.style import CAPTION, CHANCE, DARK, EDGE, HALO, HEADING, LETTERS_PER_INCH, RESOLUTION, WIDTH
from sim.provenance import stamp
from sim.study.files import write_file
from sim.study.reader import Bands, Study
from sim.wording import format_short_day, is_share

NOT_STAMPED = ("numbers", "priors", "units")  # metadata of a fit that are not stored in its figures
LINE = 1.2  # line height relative to the font size
POINTS = 72.0  # points per inch
WIDEST_TICK = 0.5  # half of the widest label of a tick, in inches
ROOM_OF_CAPTION = 0.6  # part of the height of a figure with a layout engine that a caption may take, in inches
FEWEST_LETTERS = 20  # of a line of a caption, however narrow the figure is
KEPT: ContextVar[list[Figure] | None] = ContextVar("KEPT", default=None)  # figures collected by `keep_figures`


class Tables(Protocol):
    """Tables that a subcommand wrote, with their folder and metadata."""

    @property
    def folder(self) -> Path:
        """Folder of the tables."""

    @property
    def about(self) -> Mapping[str, Any]:
        """Metadata of the tables, from the JSON file in the same folder."""


class Spaces(NamedTuple):
    """Margins around fixed panels and gaps between them, in inches."""

    left: float = 0.62
    right: float = 0.12
    top: float = 0.42
    bottom: float = 0.5
    across: float = 0.35  # gap between columns
    down: float = 0.8  # gap between rows


def new_figure(height: float) -> Figure:
    """Create an empty figure of the usual width that uses matplotlib's constrained layout.

    Args:
        height: Height of the figure, in inches.

    Returns:
        The figure, `WIDTH` inches wide.
    """
    return Figure(figsize=(WIDTH, height), layout="constrained")


def new_panels(
    count: int, columns: int, height: float, spaces: Spaces, widths: Sequence[float] = ()
) -> tuple[Figure, list[Axes]]:
    """Create a figure with panels at fixed positions.

    Args:
        count: Number of panels; the last row may have fewer than the others.
        columns: Number of panels per row.
        height: Height of a panel, in inches.
        spaces: Margins and gaps, in inches.
        widths: Relative widths of the columns; equal by default.

    Returns:
        The figure, `WIDTH` inches wide, and its panels, row by row.
    """
    rows = -(-count // columns)
    tall = spaces.top + rows * height + (rows - 1) * spaces.down + spaces.bottom
    shares = np.array(widths or [1.0] * columns)
    wide = shares / shares.sum() * (WIDTH - spaces.left - spaces.right - (columns - 1) * spaces.across)
    lefts = spaces.left + np.cumsum(wide) - wide + spaces.across * np.arange(columns)
    figure = Figure(figsize=(WIDTH, tall))
    panels = []
    for place in range(count):
        row, column = divmod(place, columns)
        low = tall - spaces.top - (row + 1) * height - row * spaces.down
        panels.append(figure.add_axes((lefts[column] / WIDTH, low / tall, wide[column] / WIDTH, height / tall)))
    return figure, panels


def save_study_chart(
    figure: Figure, shown: Study, title: str, sources: str, path: Path, chosen: Mapping[str, Any] | None = None
) -> Path:
    """Save a figure of a study with a caption that describes its campaigns and sources.

    The file contains the metadata from which `python -m sim reproduce` can redraw the figure or, for a figure of a
    fork, print the command that redraws it.

    Args:
        figure: The figure to save.
        shown: The study from which the figure was drawn.
        title: Title above the figure.
        sources: Sources of the reported figures, to follow "Sources:" in the caption.
        path: Path of the PNG.
        chosen: Other choices that determine the figure, such as the day of a map or the command of a fork.

    Returns:
        The path of the file that was written.
    """
    file = path.relative_to(shown.folder) if path.is_relative_to(shown.folder) else Path("figures", path.name)
    of_cell = {"cell": shown.cell.number, "evening": None} if shown.focus is not None else {}
    recipe = {"file": file.as_posix(), **of_cell, **(chosen or {})}
    caption = f"{describe_campaigns(shown)} Sources: {sources}"
    return save_chart(figure, path, title, caption, stamp(shown.about, recipe))


def save_chart(figure: Figure, path: Path, title: str, caption: str, made: str | Mapping[str, Any]) -> Path:
    """Add the title above a figure and the caption below it, and save it as a PNG.

    Args:
        figure: The figure to save.
        path: Path of the PNG, which is replaced atomically.
        title: Title above the figure and its legend.
        caption: Caption below the figure; this function wraps it.
        made: Metadata to store in the file: JSON text, or a mapping that is converted to JSON.

    Returns:
        The path of the file that was written; within `keep_figures`, nothing is written.
    """
    set_around(figure, title, caption)
    if (kept := KEPT.get()) is not None:
        kept.append(figure)
        return path
    provenance = made if isinstance(made, str) else json.dumps(made, sort_keys=True)
    options: dict[str, Any] = {"format": "png", "dpi": RESOLUTION, "metadata": {"panj": provenance}}
    return write_file(path, lambda file: figure.savefig(file, **options))


@contextmanager
def keep_figures() -> Iterator[list[Figure]]:
    """Collect the figures that are saved within a block instead of writing them to files.

    Yields:
        The list of figures, with title and caption, to which `save_chart` appends.
    """
    kept: list[Figure] = []
    token = KEPT.set(kept)
    try:
        yield kept
    finally:
        KEPT.reset(token)


def save_next_to(made: Tables, name: str, figure: Figure, title: str, caption: str) -> Path:
    """Save a figure in the folder of the tables from which it was drawn.

    Args:
        made: The tables; their metadata are stored in the figure.
        name: File name of the PNG.
        figure: The figure to save.
        title: Title above the figure and its legend.
        caption: Caption below the figure; this function wraps it.

    Returns:
        The path of the file that was written.
    """
    about = {key: value for key, value in made.about.items() if key not in NOT_STAMPED}
    return save_chart(figure, made.folder / name, title, caption, about)


def set_around(figure: Figure, title: str, caption: str) -> None:
    """Add a title and a caption to a figure, with or without a layout engine, and compute its final layout."""
    title = wrap_to_width(figure, title, HEADING)
    if figure.legends:
        figure.legends[0].set_title(title, prop=HEADING)
        figure.legends[0].set_alignment("left")
    if figure.get_layout_engine() is None:
        make_room(figure, title, wrap_caption(figure, caption))
        keep_ticks_inside(figure)
    else:
        lay_out(figure, title, caption)


def keep_ticks_inside(figure: Figure) -> None:
    """Move the last label of a horizontal axis to the left, if its end would be outside the figure."""
    renderer, edge = FigureCanvasAgg(figure).get_renderer(), figure.bbox.width
    for axes in figure.axes:
        if edge - axes.get_window_extent().x1 < WIDEST_TICK * figure.dpi:
            for label in axes.get_xticklabels():
                outside = label.get_window_extent(renderer).x1 - edge
                if outside > 0:
                    moved = ScaledTranslation(-(outside + 1) / figure.dpi, 0, figure.dpi_scale_trans)
                    label.set_transform(label.get_transform() + moved)


def lay_out(figure: Figure, title: str, caption: str) -> None:
    """Add a title and a caption to a figure with a layout engine, compute the layout, and remove the engine.

    With the engine, the layout would be computed again when the figure is saved.
    """
    if not figure.legends:
        figure.suptitle(title, x=EDGE, ha="left", fontproperties=HEADING)
    add_caption(figure, caption)
    engine = figure.get_layout_engine()
    assert engine is not None
    engine.execute(figure)
    figure.set_layout_engine(None)  # the value "none" would keep a placeholder engine and cause a second pass


def add_caption(figure: Figure, caption: str) -> None:
    """Add a caption below a figure that has a layout engine, and enlarge the figure if the caption is long.

    Args:
        figure: The figure to which the caption is added; its height includes `ROOM_OF_CAPTION`.
        caption: The caption; this function wraps it.
    """
    said = figure.supxlabel(wrap_caption(figure, caption), x=EDGE, ha="left", fontsize=CAPTION, color=QUIET)
    height = said.get_window_extent(FigureCanvasAgg(figure).get_renderer()).height / figure.dpi
    figure.set_figheight(float(figure.get_figheight() + max(0.0, height - ROOM_OF_CAPTION)))


def wrap_caption(figure: Figure, caption: str) -> str:
    """Wrap a caption to the width of a figure."""
    return wrap_to_width(figure, caption, FontProperties(size=CAPTION))


def wrap_to_width(figure: Figure, text: str, font: FontProperties) -> str:
    """Wrap a text so that every line fits between the margins of a figure, and shorten very long names in it."""
    text, letters = shorten_words(text), int(figure.get_figwidth() * LETTERS_PER_INCH)
    room = figure.bbox.width * (1 - 2 * EDGE)
    drawn = RendererAgg(1, 1, figure.dpi)  # letters are wider at few dots per inch
    while True:
        lines = textwrap.wrap(text, letters)
        widths = [drawn.get_text_width_height_descent(line, font, ismath=False)[0] for line in lines]
        if max(widths, default=0) <= room or letters <= FEWEST_LETTERS:
            return "\n".join(lines)
        letters -= 1


def shorten_words(text: str, most: int = 60) -> str:
    """Shorten every word of a text, such as the name of a study, that has more than `most` letters."""
    return " ".join(shortened(word, most) for word in text.split(" "))


def make_room(figure: Figure, title: str, caption: str) -> None:
    """Enlarge a figure with fixed panels to make room for title, legend and caption; panels keep their size."""
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
    """Return the height in inches that a figure needs above its panels for the title and any legend."""
    if not figure.legends:
        return 0.12 + (title.count("\n") + 1) * HEADING.get_size_in_points() * LINE / POINTS
    renderer = FigureCanvasAgg(figure).get_renderer()
    return 0.08 + float(figure.legends[0].get_window_extent(renderer).height / figure.dpi)


def add_key(figure: Figure, handles: Sequence[Artist], columns: int, **style: Any) -> None:
    """Add a legend with the given entries above the panels of a figure.

    Args:
        figure: A figure with or without a layout engine.
        handles: Entries of the legend.
        columns: Number of columns in which the entries are arranged; fewer are used if they are too wide.
        style: Further options of `Figure.legend`.
    """
    place: Any = "upper left" if figure.get_layout_engine() is None else "outside upper left"
    renderer = FigureCanvasAgg(figure).get_renderer()
    for number in range(columns, 0, -1):
        legend = figure.legend(handles=handles, loc=place, ncols=number, columnspacing=1.4, **style)
        if number == 1 or legend.get_window_extent(renderer).width <= figure.bbox.width:
            return
        legend.remove()


def add_key_of(figure: Figure, axes: Axes, columns: int = 2) -> None:
    """Add a legend above the panels of a figure, with one entry for each labelled artist of a given panel.

    Args:
        figure: A figure with a layout engine.
        axes: The panel whose labelled artists are listed.
        columns: Number of columns in which the entries are arranged.
    """
    figure.legend(*axes.get_legend_handles_labels(), loc="outside upper left", ncols=columns)


def key_line(label: str, colour: str = SIMULATED, width: float = 1.6, **style: Any) -> Line2D:
    """Create a legend entry that shows a line.

    Args:
        label: Text of the entry.
        colour: Colour of the line.
        width: Width of the line, in points.
        style: Further options of `Line2D`.

    Returns:
        The entry, to be passed to `add_key`.
    """
    return Line2D([], [], color=colour, linewidth=width, label=label, **style)


def key_mark(label: str, shape: str = "o", colour: str = REPORTED, hollow: bool = False, **style: Any) -> Line2D:
    """Create a legend entry that shows a marker.

    Args:
        label: Text of the entry.
        shape: Shape of the marker, as in matplotlib: `o` for a circle, `s` for a square.
        colour: Colour of the marker.
        hollow: Whether the marker is filled with white.
        style: Further options of `Line2D`.

    Returns:
        The entry, to be passed to `add_key`.
    """
    face = {"markerfacecolor": "white"} if hollow else {}
    return Line2D([], [], color=colour, marker=shape, linewidth=0, label=label, **{"markersize": 5, **face, **style})


def key_of_reported(arrow: str = ">") -> list[Line2D]:
    """Create the legend entries for the marks that `mark_reported` draws for reported figures.

    Args:
        arrow: Shape of the arrow at a lower bound: `>` if the outcome is on the horizontal axis, `^` if it is on the
            vertical one.

    Returns:
        Three entries: for a reported value, a reported range and a lower bound.
    """
    return [
        key_line("reported", REPORTED, 1.8, linestyle="--"),
        key_line("range reported", REPORTED, 8, alpha=0.25),
        key_mark("at least", arrow),
    ]


def mark_reported(axes: Axes, value: float | None, low: float | None, high: float | None, across: bool = False) -> None:
    """Mark the reported figure of an outcome on its axis.

    A value is drawn as a dashed line, and a range as a band. If only one end of a range is given, it is drawn as a thin
    line with an arrow that points towards the values consistent with the report.

    Args:
        axes: A panel with the outcome on the horizontal axis or, if `across` is true, on the vertical axis.
        value: The reported value, in the unit of the axis; None if none was reported.
        low: The lower end of the reported range, or None.
        high: The upper end of the reported range, or None.
        across: Whether lines and bands are horizontal.
    """
    span, line = (axes.axhspan, axes.axhline) if across else (axes.axvspan, axes.axvline)
    if low is not None and high is not None and low < high:
        span(low, high, color=REPORTED, alpha=0.2, linewidth=0)
    elif (low is None) != (high is None):
        bound = high if low is None else low
        assert bound is not None
        line(bound, color=REPORTED, linewidth=1.2)
        shape = ("v" if low is None else "^") if across else ("<" if low is None else ">")
        (x, y), through = ((0.96, bound), axes.get_yaxis_transform()) if across else (
            (bound, 0.94), axes.get_xaxis_transform())  # fmt: skip
        axes.plot([x], [y], marker=shape, color=REPORTED, markersize=7, transform=through)
    if value is not None:
        line(value, color=REPORTED, linewidth=1.8, linestyle="--")


def mark_points(
    axes: Axes, days: Sequence[date], points: Sequence[Point], shape: str, colour: str, label: str, size: float = 7
) -> float:
    """Mark reported figures for single days, each with its range, from one source.

    Args:
        axes: A panel with days on the horizontal axis.
        days: The days shown, in order; figures for other days are omitted.
        points: The reported figures.
        shape: Shape of the markers.
        colour: Colour of markers and ranges.
        label: Label in the legend; an empty string gives no entry.
        size: Size of the markers, in points.

    Returns:
        The upper end of the highest range drawn, or 0 if none of the days shown has a figure.
    """
    seen = [each for each in points if days[0] <= each.day <= days[-1]]
    if not seen:
        return 0.0
    value, low, high = np.array([[each.value, each.low, each.high] for each in seen]).T
    style: dict[str, Any] = {"fmt": shape, "color": colour, "markersize": size, "capsize": size / 2, "elinewidth": 1.6}
    style |= {"markeredgecolor": "white", "zorder": 8, "clip_on": False, "label": label or "_nolegend_"}
    axes.errorbar(days_of([each.day for each in seen]), value, [value - low, high - value], **style)
    return float(high.max())


def draw_interval(axes: Axes, row: float, ends: Sequence[float], colour: str, width: float) -> None:
    """Draw an interval as a horizontal bar.

    Args:
        axes: The panel to draw in.
        row: Vertical position of the bar, in the unit of the vertical axis.
        ends: Lower and upper end of the interval, in the unit of the horizontal axis.
        colour: Colour of the bar.
        width: Thickness of the bar, in points.
    """
    axes.plot(ends, [row, row], color=colour, linewidth=width, solid_capstyle="butt", zorder=2)


def draw_median(axes: Axes, row: float, median: float, colour: str = INK) -> None:
    """Draw a median as a short vertical tick.

    Args:
        axes: The panel to draw in.
        row: Vertical position of the middle of the tick, in the unit of the vertical axis.
        median: The median, in the unit of the horizontal axis.
        colour: Colour of the tick.
    """
    axes.plot([median], [row], marker="|", color=colour, markersize=8, markeredgewidth=1.5, zorder=3)


def label_row(axes: Axes, row: float, x: float, text: str, **style: Any) -> None:
    """Write text next to one row of a panel, inside the panel or to the left of it.

    Args:
        axes: The panel to write in.
        row: Vertical position of the text, in the unit of the vertical axis.
        x: Horizontal position, as a share of the width of the panel. Text starts at this position or, if `x` is
            negative (left of the panel), ends there.
        text: The text to write.
        style: Further options of `Axes.text`.
    """
    side = "right" if x < 0 else "left"
    style = {"fontsize": 7, "va": "center", **style}
    axes.text(x, row, text, transform=axes.get_yaxis_transform(), ha=side, **style)


def label_axes(axes: Axes, across: str, up: str = "") -> None:
    """Label the axes of a panel in the small font for figures with many panels.

    Args:
        axes: The panel to label.
        across: Label of the horizontal axis.
        up: Label of the vertical axis.
    """
    axes.set_xlabel(across, fontsize=8.5)
    axes.set_ylabel(up, fontsize=8.5)
    axes.tick_params(labelsize=8)


def draw_bins(axes: Axes, heights: np.ndarray) -> None:
    """Draw a histogram over the range 0 to 1, with a line at the height of a uniform distribution, 1.

    Args:
        axes: The panel to draw in.
        heights: Height of each bar, relative to the height under a uniform distribution; all bars are equally wide.
    """
    size = len(heights)
    style: dict[str, Any] = {"color": SIMULATED, "alpha": 0.75, "linewidth": 0.6, "edgecolor": "white"}
    axes.bar(np.arange(size) / size, heights, 1 / size, align="edge", **style)
    axes.axhline(1, color=QUIET, linewidth=1.2)
    axes.set_xlim(0, 1)
    axes.tick_params(axis="y", labelsize=7.5)


def set_rows(axes: Axes, rows: int) -> None:
    """Set up a panel for rows, numbered from 0 at the top, without horizontal grid lines, ticks or left spine.

    Args:
        axes: The panel to set up.
        rows: Number of rows.
    """
    axes.set_ylim(rows - 0.4, -0.6)
    axes.set_yticks([])
    axes.grid(axis="y", visible=False)
    axes.spines["left"].set_visible(False)
    axes.tick_params(axis="x", labelsize=8)


def shade_fields(axes: Axes, shares: np.ndarray, size: float) -> None:
    """Draw a heat map of shares, with the value written in each field.

    Args:
        axes: The panel to draw in.
        shares: Shares from 0 to 1, rows x columns; fields with NaN stay empty.
        size: Font size of the values, in points.
    """
    axes.imshow(shares, CHANCE, aspect="auto", vmin=0, vmax=1)
    for (row, column), share in np.ndenumerate(shares):
        if not np.isnan(share):
            axes.text(column, row, f"{share:.2f}", ha="center", va="center", fontsize=size, color=ink_on(share))
    axes.grid(visible=False)
    axes.tick_params(which="both", length=0)


def ink_on(shade: float) -> str:
    """Choose the text colour that is readable on a shade of the colour scale `CHANCE`.

    Args:
        shade: Position on the colour scale, from 0 to 1.

    Returns:
        White on dark shades, otherwise `INK`.
    """
    return "white" if shade > DARK else INK


def draw_bands(axes: Axes, bands: Bands, colour: str, label: str, line: str = "-") -> None:
    """Draw the median of a daily quantity as a line, with 50 % and 90 % bands.

    Args:
        axes: A panel with days on the horizontal axis.
        bands: Quantiles over campaigns, by day.
        colour: Colour of line and bands.
        label: Label of the line in the legend.
        line: Line style of the median, as in matplotlib.
    """
    cuts = (bands.low_5, bands.low_25, bands.median, bands.high_75, bands.high_95)
    fill_bands(axes, days_of(bands.evenings), cuts, colour)
    axes.plot(days_of(bands.evenings), bands.median, line, color=colour, linewidth=1.8, label=label)


def fill_bands(axes: Axes, across: np.ndarray, cuts: Sequence[np.ndarray], colour: str) -> None:
    """Fill the 90 % and the 50 % band between quantiles.

    Args:
        axes: The panel to draw in.
        across: Horizontal positions, in ascending order.
        cuts: Quantiles at 5, 25, 50, 75 and 95 %, each with one value per position.
        colour: Colour of the bands.
    """
    for low, high, strength in ((cuts[0], cuts[4], 0.16), (cuts[1], cuts[3], 0.28)):
        axes.fill_between(across, low, high, color=colour, alpha=strength, linewidth=0)


def label_bands(study: Study, name: str) -> str:
    """Return the legend label for a line that `draw_bands` draws.

    Args:
        study: A study limited to one cell.
        name: Name of the quantity.

    Returns:
        The name, followed by an explanation of the bands if there is more than one campaign.
    """
    return name if study.cell.finished == 1 else f"{name}: median, 50 and 90 % of campaigns"


def draw_whiskers(
    axes: Axes, places: np.ndarray, bands: Bands, across: bool = False, labels: bool = False, colour: str = SIMULATED
) -> None:
    """Draw whiskers: thin lines over the central 90 % of campaigns, and thick lines over the central 50 %.

    Args:
        axes: The panel to draw in.
        places: Positions of the whiskers: horizontal for vertical whiskers, vertical for horizontal ones.
        bands: Quantiles over campaigns, with one value of each quantile per position.
        across: Whether the whiskers are horizontal.
        labels: Whether the lines get labels for a legend.
        colour: Colour of the whiskers.
    """
    lines = axes.hlines if across else axes.vlines
    for low, high, width, label in (
        (bands.low_5, bands.high_95, 1.0, "5 to 95 % of campaigns"),
        (bands.low_25, bands.high_75, 3.5, "25 to 75 % of campaigns"),
    ):
        lines(places, low, high, color=colour, linewidth=width, label=label if labels else "")


def mark_count(axes: Axes, place: tuple[float, float], text: str, away: float) -> None:
    """Draw a reported count as a diamond with a label.

    Args:
        axes: The panel to draw in.
        place: Horizontal and vertical position of the diamond, in the units of the axes.
        text: Text of the label.
        away: Distance of the label from the diamond, in points; positive to the right, negative to the left.
    """
    axes.plot(*place, "D", color=REPORTED, markeredgecolor="white", markersize=7, zorder=8)
    style: dict[str, Any] = {"color": REPORTED, "fontsize": 9, "zorder": 9, "path_effects": HALO, "va": "center"}
    side = "right" if away < 0 else "left"
    axes.annotate(text, place, (away, 0), textcoords="offset points", ha=side, **style)


def draw_histogram(axes: Axes, counts: np.ndarray, edges: np.ndarray, floor: float = 0.0) -> None:
    """Draw the histogram of an outcome over campaigns.

    Args:
        axes: The panel to draw in.
        counts: Vertical position of the top of each bar, in the unit of the axis.
        edges: Horizontal positions of the edges of the bars, one more than there are bars.
        floor: Vertical position of the base of all bars.
    """
    axes.stairs(counts, edges, baseline=floor, fill=True, color=SIMULATED_LIGHT)


def days_of(days: Sequence[date]) -> np.ndarray:
    """Convert dates to matplotlib's day numbers for date axes.

    Args:
        days: The dates to convert.

    Returns:
        One number per date: days since matplotlib's epoch.
    """
    return np.asarray(date2num(list(days)), dtype=np.float64)


def date_axis(axes: Axes, days: Sequence[date], room: float = 1.0, locator: Locator | None = None) -> None:
    """Set up the horizontal axis of a panel as a date axis.

    Args:
        axes: The panel to set up.
        days: The days shown, in order.
        room: Margin before the first and after the last day, in days.
        locator: Locator of the ticks; by default, 3 to 8 ticks at dates such as the first of each month.
    """
    axes.set_xlim(date2num(days[0]) - room, date2num(days[-1]) + room)
    axes.xaxis.set_major_locator(locator or AutoDateLocator(minticks=3, maxticks=8, interval_multiples=True))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda time, _: format_short_day(num2date(time))))
    axes.grid(axis="x", visible=False)


def mark_end_of_record(axes: Axes, days: Sequence[date], label: bool = True) -> None:
    """Draw a dotted line at the end of the record, 7 July 2021, and lighten the panel after that day.

    Args:
        axes: A panel with days on the horizontal axis.
        days: The days shown, in order; nothing is drawn if they do not include the end of the record.
        label: Whether to write "record ends" above the line.
    """
    if not days[0] <= THE_LINE <= days[-1]:
        return
    first, last = axes.get_xlim()
    end = date2num(THE_LINE)
    axes.axvline(end, color=QUIET, linestyle=":", linewidth=1.3, zorder=6)
    axes.axvspan(end, last, color="white", alpha=0.62, linewidth=0, zorder=5)
    if label:
        side = "left" if last - end > (last - first) / 6 else "right"
        axes.text(end, 1.01, "record ends", transform=axes.get_xaxis_transform(), ha=side, fontsize=8.5, color=QUIET)


def tick_in_per_cent(share: float, _position: int | None = None) -> str:
    """Return the label of a tick at a share, with the decimals that it needs, such as 10% or 2.5%."""
    return f"{100 * share:.6g}%"


def number_axis(axes: Axes, which: str = "y", unit: str = "", whole: bool = True) -> None:
    """Format the numbers of an axis: shares in per cent, all others with thousands separators.

    An axis of whole numbers has ticks only at whole numbers; call it after the locator of the axis is set.

    Args:
        axes: The panel whose axis is formatted.
        which: The axis, `x` or `y`.
        unit: Unit of the numbers; a unit that begins with `share` is shown in per cent.
        whole: Whether numbers other than shares are shown without decimals.
    """
    number = StrMethodFormatter("{x:,.0f}" if whole else "{x:,g}")
    axis = getattr(axes, f"{which}axis")
    axis.set_major_formatter(FuncFormatter(tick_in_per_cent) if is_share(unit) else number)
    if whole and not is_share(unit) and isinstance(axis.get_major_locator(), MaxNLocator):
        axis.get_major_locator().set_params(integer=True)
