"""The chart of a score: a row a target, each on its own scale, what was simulated beside what was reported.

Reads   the rows of score.csv and what score.json says of all of them.
Writes  score.png beside them.
"""

import json
import math
import textwrap
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from sim.errors import PanjError
from sim.show.colours import (
    FAINT,
    INK,
    QUIET,
    REPORTED,
    SIMULATED,
    SIMULATED_LIGHT,
)
from sim.show.style import (
    CAPTION,
    EDGE,
    HEADING,
    LETTERS_PER_INCH,
    LINE,
    POINTS,
    RESOLUTION,
    STYLE,
    WIDTH,
    write_whole,
)

ROW, ABOVE = 0.155, 0.95  # inches: a row, and the room above the panel
LEFT, RIGHT, AXIS = 2.2, 1.85, 0.5  # inches beside and below the panel
REACH = 3.0  # half-widths of the 90 % interval that are shown; what lies farther is set at the edge with an arrow
Row = dict[str, str]


class Place(NamedTuple):
    """Numbers of one row on its own scale: the 90 % interval runs from -1 to 1."""

    middle: float
    half: float
    is_log: bool

    def of(self, cell: str) -> float:
        """Where a number lies; nan where there is none."""
        return (level(cell, self.is_log) - self.middle) / self.half


def draw_scores(folder: Path, rows: Sequence[Row], about: dict[str, Any]) -> Path:
    """All targets, by event; the file takes the place of an older one whole and says what it was made from."""
    lines: list[str | Row] = []
    for event, group in by_event(rows):
        lines += [event, *group]
    caption = textwrap.fill(caption_of(about), int(WIDTH * LETTERS_PER_INCH))
    below = AXIS + (caption.count("\n") + 1) * CAPTION * LINE / POINTS + 0.1
    tall = ABOVE + ROW * len(lines) + below
    with rc_context(STYLE):
        figure = Figure(figsize=(WIDTH, tall))
        size = (LEFT / WIDTH, below / tall, (WIDTH - LEFT - RIGHT) / WIDTH, ROW * len(lines) / tall)
        axes = figure.add_axes(size)
        for place, line in enumerate(lines):
            draw_line(axes, place, line)
        dress(axes, len(lines))
        name(figure, caption, tall)
        made = json.dumps(about["provenance"], sort_keys=True)
        options: dict[str, Any] = {"format": "png", "dpi": RESOLUTION, "metadata": {"panj": made}}
        try:
            return write_whole(folder / "score.png", lambda file: figure.savefig(file, **options))
        except OSError as error:
            raise PanjError(f"score: cannot write {folder / 'score.png'} ({error.strerror or error})") from error


def by_event(rows: Sequence[Row]) -> list[tuple[str, list[Row]]]:
    """The rows of each event together, events in the order in which they first come."""
    events: dict[str, list[Row]] = {}
    for row in rows:
        events.setdefault(row["event"], []).append(row)
    return list(events.items())


def level(cell: str, is_log: bool) -> float:
    """A number as such or as the logarithm of one more, a date as its ordinal; nan where there is none."""
    if not cell:
        return math.nan
    if cell.count("-") == 2:
        return float(date.fromisoformat(cell).toordinal())
    return math.log1p(max(0.0, float(cell))) if is_log else float(cell)


def place_of(row: Row) -> Place:
    """The scale of a row; where all campaigns agree, the error of observation is the unit, or one."""
    is_log = row["scale"] == "log" and row["error"] != "multinomial"
    low, high = level(row["low_90"], is_log), level(row["high_90"], is_log)
    half = (high - low) / 2 or float(row["sd"]) or 1.0
    return Place((low + high) / 2, half, is_log)


def draw_line(axes: Axes, place: int, line: str | Row) -> None:
    """An event's name, or a target: bars of what was simulated, the mark of what was reported, and both in numbers."""
    if isinstance(line, str):
        label(axes, place, -0.02, line.replace("_", " "), INK, "right", "bold")
        axes.axhline(place + 0.5, color=FAINT, linewidth=0.6, zorder=0)
        return
    label(
        axes, place, -0.02, line["target"].replace("_", " ") + (" *" if line["use"] == "fitted" else ""), INK, "right"
    )
    if not line["median"]:
        label(axes, place, 1.02, "in no campaign", QUIET, "left")
        return
    where = place_of(line)
    for ends, width, colour in ((90, 2.2, SIMULATED_LIGHT), (50, 4.6, SIMULATED)):
        span = [where.of(line[f"low_{ends}"]), where.of(line[f"high_{ends}"])]
        axes.plot(span, [place, place], color=colour, linewidth=width, solid_capstyle="butt", zorder=2)
    axes.plot([where.of(line["median"])], [place], marker="|", color=INK, markersize=7, markeredgewidth=1.4, zorder=3)
    draw_reported(axes, place, line, where)
    label(axes, place, 1.02, say_both(line), QUIET, "left")


def draw_reported(axes: Axes, place: int, row: Row, where: Place) -> None:
    """A mark at the number, a line over its range and its error; a filled mark is inside, a hollow diamond is not."""
    low, high = where.of(row["reported_low"]), where.of(row["reported_high"])
    value = where.of(row["reported"])
    is_bound = math.isnan(value) and (math.isnan(low) != math.isnan(high))
    spots = [spot for spot in (value, low, high) if not math.isnan(spot)]
    at = (
        max(min(spots), min(max(spots), 0.0)) if math.isnan(value) and not is_bound else spots[0]
    )  # of a range the nearest
    error = 0.0 if row["error"] == "multinomial" else float(row["sd"]) / where.half
    for reach, width in ((error, 0.9), (0.0, 2.0)):
        ends = [clip(min(spots) - reach), clip(max(spots) + reach)]
        if is_bound and reach == 0.0:
            ends = [clip(low), REACH] if math.isnan(high) else [-REACH, clip(high)]
        axes.plot(ends, [place + 0.2] * 2, color=REPORTED, linewidth=width, solid_capstyle="butt", zorder=4)
    inside = row["inside_90"] == "yes"
    shape = (">" if math.isnan(high) else "<") if is_bound else "o" if inside else "D"
    axes.plot(
        [clip(at)], [place + 0.2], marker=shape, color=REPORTED, markerfacecolor=REPORTED if inside else "white",
        markersize=4.2, markeredgewidth=1.1, zorder=5, clip_on=False,
    )  # fmt: skip
    if abs(at) > REACH:
        words, side = (f"{at:+.0f} →", "right") if at > 0 else (f"← {at:+.0f}", "left")
        offset = (-6, 0) if at > 0 else (6, 0)
        axes.annotate(words.replace("-", "−"), (clip(at), place + 0.2), offset, textcoords="offset points", ha=side,
                      va="center", fontsize=6, color=REPORTED, zorder=6,
                      bbox={"color": "white", "pad": 0.6})  # fmt: skip


def clip(spot: float) -> float:
    """Within what is shown."""
    return max(-REACH, min(REACH, spot))


def label(axes: Axes, place: int, x: float, text: str, colour: str, side: str, weight: str = "normal") -> None:
    """Words beside a row."""
    axes.text(x, place, text, transform=axes.get_yaxis_transform(), ha=side, va="center", fontsize=6.8, color=colour,
              fontweight=weight)  # fmt: skip


def say_both(row: Row) -> str:
    """`12 | 18 (5–36)`."""
    low, value, high = (say(row[key]) for key in ("reported_low", "reported", "reported_high"))
    reported = value or (f"{low}–{high}" if low and high else f"≥ {low}" if low else f"≤ {high}")
    return f"{reported} | {say(row['median'])} ({say(row['low_90'])}–{say(row['high_90'])})"


def say(cell: str) -> str:
    """A number to three figures, from 10,000 on in thousands; a date as 5 Jul; nothing where there is none."""
    if not cell:
        return ""
    if cell.count("-") == 2:
        day = date.fromisoformat(cell)
        return f"{day.day} {day:%b}"
    size = float(cell)
    if abs(size) >= 10_000:
        return f"{size / 1000:,.0f}k"
    return f"{size:,.0f}" if abs(size) >= 100 else f"{size:.3g}"


def dress(axes: Axes, lines: int) -> None:
    """The bottom axis, the ends of the 90 % interval, and nothing else."""
    axes.set_ylim(lines - 0.4, -0.6)
    axes.set_xlim(-REACH - 0.15, REACH + 0.15)
    axes.set_yticks([])
    axes.set_xticks([-3, -2, -1, 0, 1, 2, 3], ["−3", "−2", "−1", "0", "1", "2", "3"], fontsize=8)
    axes.spines["left"].set_visible(False)
    axes.grid(axis="y", visible=False)
    for end in (-1, 1):
        axes.axvline(end, color=QUIET, linewidth=0.7, linestyle=":", zorder=1)
    axes.set_xlabel("half-widths of the 90 % interval from its middle", fontsize=8.5)
    axes.text(1.02, -0.7, "reported | median (90 %)", transform=axes.get_yaxis_transform(), fontsize=6.8, color=QUIET,
              va="bottom")  # fmt: skip


def name(figure: Figure, caption: str, tall: float) -> None:
    """Title, key and caption."""
    mark: dict[str, Any] = {"linewidth": 0, "color": REPORTED, "markersize": 5}
    handles = [
        Line2D([], [], color=SIMULATED, linewidth=4.6, label="50 % of campaigns"),
        Line2D([], [], color=SIMULATED_LIGHT, linewidth=2.2, label="90 %"),
        Line2D([], [], color=INK, marker="|", linewidth=0, markersize=8, label="median"),
        Line2D([], [], marker="o", **mark, label="reported, inside"),
        Line2D([], [], marker="D", markerfacecolor="white", **mark, label="reported, outside"),
        Line2D([], [], marker=">", **mark, label="at least"),
        Line2D([], [], color=REPORTED, linewidth=2.0, label="its range"),
        Line2D([], [], color=REPORTED, linewidth=0.9, label="its error (1 sd)"),
    ]
    figure.text(EDGE, 1 - 0.1 / tall, "Targets: reported beside simulated", va="top", fontproperties=HEADING)
    figure.legend(handles=handles, loc="upper left", bbox_to_anchor=(0, 1 - 0.3 / tall), ncols=4, fontsize=7.5,
                  columnspacing=1.4)  # fmt: skip
    figure.text(EDGE, 0.06 / tall, caption, va="bottom", fontsize=CAPTION, color=QUIET, linespacing=LINE)


def caption_of(about: dict[str, Any]) -> str:
    """How many campaigns, with which seeds, how far to trust them, and how to read a row."""
    label = f", {about['label']}" if about["label"] else ""
    failed = f" {about['failed']} campaigns failed and are left out." if about["failed"] else ""
    return (
        f"{about['campaigns']:,} campaigns, seeds {about['first_seed']} to {about['last_seed']}, scenario "
        f"{about['scenario']}{label}, {about['calibration']}.{failed} Each row has its own scale, on which the 90 % "
        "interval of campaigns runs from −1 to 1; where all campaigns agree its unit is the error of observation. "
        "Numbers of soldiers that cross are on a logarithmic scale. Inside: the number reported, or some of its range, "
        "lies within the 90 % interval; the error of observation does not widen it. The split is a distance: how far "
        "splits of campaigns, and the one reported, lie from the others. * to be fitted later, the others only scored. "
        "Targets of one event are not independent. Sources: evidence named in sim/data/targets.csv."
    )
