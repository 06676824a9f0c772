"""What fits say of what they were not shown, in two figures, each target beside what was reported.

Reads   heldout.csv and left_out.csv, which `sim.study.heldout` wrote, and the fit beside them.
Writes  heldout.png and left_out.png beside them.
"""

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from sim.errors import PanjError
from sim.show import score_figure
from sim.show.calibration import Fitted, Row, finish, page
from sim.show.colours import (
    FAINT,
    INK,
    QUIET,
    REPORTED,
    SECOND,
    SIMULATED,
    SIMULATED_LIGHT,
)
from sim.show.score_figure import AXIS, LEFT, RIGHT, ROW, by_event, clip, draw_reported, label, place_of
from sim.show.style import WIDTH

KEY = 0.62  # inches between title and panel


def draw_heldout(made: Fitted) -> list[Path]:
    """Both figures; the look of all figures must be in force."""
    rows = [row for row in shown(made.folder / "heldout.csv") if row["kind"] == "predicted"]
    left, about = shown(made.folder / "left_out.csv"), made.about
    campaigns = (
        f"The nearest {100 * about['accept']:.3g} % of {about['rows']:,} campaigns drawn from the prior (seeds "
        f"{about['first_seed']} to {about['last_seed']}), by weight."
    )
    return [
        draw_sides(
            made, rows, "held_out", "fit of 22 June", "heldout.png",
            "23 June to 7 July, from what was known on 22 June",
            f"{campaigns} Dark: fitted to what had ended and been reported by 22 June; purple: the full fit, which was "
            "shown the targets marked * and is no prediction.",
        ),
        draw_sides(
            made, left, "left_out", "event left out", "left_out.png", "Each event, from all others",
            f"{campaigns} Dark: fitted to the targets of all other events; purple: the full fit, which was shown the "
            "targets marked *.",
        ),
    ]  # fmt: skip


def shown(path: Path) -> list[Row]:
    """The rows that have a place on a scale of their own: all but the split."""
    return [row for row in read_rows(path) if row["error"] != "multinomial"]


def read_rows(path: Path) -> list[Row]:
    """A table; PanjError where there is none."""
    try:
        with path.open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
    except OSError:
        rows = []
    if not rows:
        raise PanjError(f"{path}: found no rows that can be read, expected what the check of a calibration writes")
    return rows


def draw_sides(
    made: Fitted, rows: Sequence[Row], side: str, name: str, file: str, title: str, first: str
) -> Path:  # fmt: skip
    """A row a target: before any fit, by the full fit, and by the fit that was not shown it."""
    lines: list[str | Row] = []
    for event, group in by_event(rows):
        lines += [event, *group]
    caption = (
        f"{first} Each row has its own scale, on which the 90 % interval of all campaigns (light) runs from −1 to 1. "
        "Campaigns are shown as they were lived. Inside: the number reported, or some of its range, lies in the 90 % "
        "interval of the dark bar. The split by post is in the table alone. Targets of one event are not independent. "
        "Sources: evidence named in sim/data/targets.csv."
    )
    figure, below, tall = page(ROW * len(lines) + AXIS, caption, KEY)
    axes = figure.add_axes(
        (LEFT / WIDTH, (below + AXIS) / tall, (WIDTH - LEFT - RIGHT) / WIDTH, ROW * len(lines) / tall)
    )
    for place, line in enumerate(lines):
        draw_line(axes, place, line, side)
    score_figure.dress(axes, len(lines))
    axes.set_xlabel("half-widths of the 90 % interval of the bank from its middle", fontsize=8.5)
    axes.texts[-1].set_text("reported | predicted (90 %)")
    mark: dict[str, Any] = {"linewidth": 0, "color": REPORTED, "markersize": 5}
    handles = [
        Line2D([], [], color=SIMULATED_LIGHT, linewidth=2.2, label="before any fit, 90 %"),
        Line2D([], [], color=SIMULATED, linewidth=4.6, label=f"{name}, 90 %"),
        Line2D([], [], color=SECOND, linewidth=1.4, label="full fit, 90 %"),
        Line2D([], [], color=INK, marker="|", linewidth=0, markersize=8, label="median"),
        Line2D([], [], marker="o", **mark, label="reported, inside"),
        Line2D([], [], marker="D", markerfacecolor="white", **mark, label="reported, outside"),
        Line2D([], [], marker=">", **mark, label="at least"),
    ]
    figure.legend(handles=handles, loc="upper left", bbox_to_anchor=(0, 1 - 0.3 / tall), ncols=4, fontsize=7.5,
                  columnspacing=1.4)  # fmt: skip
    return finish(figure, made, file, title, caption, tall)


def draw_line(axes: Axes, place: int, line: str | Row, side: str) -> None:
    """An event's name, or a target with its three bars and what was reported."""
    if isinstance(line, str):
        label(axes, place, -0.02, line.replace("_", " "), INK, "right", "bold")
        axes.axhline(place + 0.5, color=FAINT, linewidth=0.6, zorder=0)
        return
    star = " *" if line["use"] == "fitted" else ""
    label(axes, place, -0.02, line["target"].replace("_", " ") + star, INK, "right")
    if not line["prior_median"] or not line[f"{side}_median"]:
        label(axes, place, 1.02, "in no campaign", QUIET, "left")
        return
    row = line | {
        "low_90": line["prior_low_90"],
        "high_90": line["prior_high_90"],
        "inside_90": line[f"{side}_inside_90"],
    }
    where = place_of(row)
    bars = (("prior", 0.0, 2.2, SIMULATED_LIGHT), (side, 0.0, 4.6, SIMULATED), ("full", -0.34, 1.4, SECOND))
    for what, shift, width, colour in bars:
        if line[f"{what}_median"]:
            ends = [clip(where.of(line[f"{what}_{end}_90"])) for end in ("low", "high")]
            axes.plot(ends, [place + shift] * 2, color=colour, linewidth=width, solid_capstyle="butt", zorder=2)
    axes.plot([clip(where.of(line[f"{side}_median"]))], [place], marker="|", color=INK, markersize=7,
              markeredgewidth=1.4, zorder=3)  # fmt: skip
    draw_reported(axes, place, row, where)
    said = row | {key: line[f"{side}_{key}"] for key in ("low_90", "median", "high_90")}
    label(axes, place, 1.02, score_figure.say_both(said), QUIET, "left")
