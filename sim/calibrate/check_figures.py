"""Whether the calibration is sound, in two figures: ranks of truths in their posteriors, and what intervals hold.

Reads   sbc.csv and sbc_ranks.csv, which `sim.calibrate.checks` wrote, and the fit beside them; counts ranks in bins.
Writes  sbc.png and coverage.png beside them.

What fits say of what they were not shown, in two figures, each target beside what was reported.

Reads   heldout.csv and left_out.csv, which `sim.calibrate.heldout` wrote, and the fit beside them.
Writes  heldout.png and left_out.png beside them.
"""

import csv
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from numpy.typing import NDArray
from scipy.stats import binom

from sim.calibrate.figures import finish, page
from sim.calibrate.page import Fitted, Row, read_fit, short
from sim.errors import PanjError
from sim.plots.colours import FAINT, INK, QUIET, REPORTED, SECOND, SIMULATED, SIMULATED_LIGHT
from sim.plots.style import STYLE, WIDTH
from sim.score import figures
from sim.score.figures import AXIS, LEFT, RIGHT, ROW, by_event, clip, draw_reported, label, place_of

BINS = 10  # of ranks
PANEL, ACROSS = 1.5, 2  # inches; panels side by side
LINE_HEIGHT = 0.175  # inches a number
RANKS_LEFT, RANKS_RIGHT, RANKS_AXIS, RANKS_KEY = 2.05, 1.5, 0.5, 0.3  # inches
NO_FAULT = "no fault seen"
Floats = NDArray[np.float64]


def draw_checks(folder: Path) -> list[Path]:
    """Every figure of the checks of a fit."""
    made, rows = read_fit(folder), read_rows(folder / "sbc.csv")
    ranks = read_rows(folder / "sbc_ranks.csv")
    with rc_context(STYLE):
        return [draw_ranks(made, rows, ranks), draw_coverage(made, rows), *draw_heldout(made)]


def draw_ranks(made: Fitted, rows: list[Row], ranks: list[Row]) -> Path:
    """A panel a fitted number: how often its truth had each rank."""
    fitted = [row for row in rows if row["adjusted"] == "yes"]
    down = math.ceil(len(fitted) / ACROSS)
    caption = (
        f"{say_truths(rows)} A panel is a fitted number: where its true value lay among the draws of its posterior, "
        "from below all to above all. A sound fit fills every bin alike (1). The band holds 19 of 20 bins of a sound "
        "fit, so one bin in twenty lies outside it by luck. High at both ends: intervals too narrow; high in the "
        "middle: too wide; high at one end: off to one side. Line: the same truths, reported without error."
    )
    figure, below, tall = page(down * PANEL, caption)
    for place, row in enumerate(fitted):
        left = (0.45 + place % ACROSS * (WIDTH - 0.6) / ACROSS) / WIDTH
        bottom = (below + (down - 1 - place // ACROSS) * PANEL + 0.3) / tall
        axes = figure.add_axes((left, bottom, ((WIDTH - 0.6) / ACROSS - 0.4) / WIDTH, (PANEL - 0.65) / tall))
        draw_number(axes, row, ranks)
    handles = [
        Patch(color=SIMULATED, alpha=0.75, label="reported with error"),
        Line2D([], [], color=SECOND, linewidth=1.4, label="reported without error"),
        Patch(color=FAINT, label="19 of 20 bins of a sound fit"),
    ]
    figure.legend(handles=handles, loc="upper left", bbox_to_anchor=(0, 1 - 0.3 / tall), ncols=3, fontsize=8)
    return finish(figure, made, "sbc.png", "Ranks of true values in their posteriors", caption, tall)


def draw_number(axes: Axes, row: Row, ranks: list[Row]) -> None:
    """Bars and line of one number, over the band."""
    key, edges = row["number"], np.linspace(0, 1, BINS + 1)
    heights, count = heights_of(ranks, "with_error", key)
    exact, _ = heights_of(ranks, "without_error", key)
    low, high = binom.interval(0.95, count, 1 / BINS)
    axes.axhspan(low * BINS / count, high * BINS / count, color=FAINT, linewidth=0, zorder=0)
    axes.bar(edges[:-1], heights, 1 / BINS, align="edge", color=SIMULATED, alpha=0.75, linewidth=0.6, edgecolor="white")
    axes.stairs(exact, edges, color=SECOND, linewidth=1.4, baseline=None)
    axes.axhline(1, color=QUIET, linewidth=0.9)
    axes.set(xlim=(0, 1), ylim=(0, max(1.6, 1.1 * heights.max(), 1.1 * exact.max())), yticks=[0, 1])
    axes.set_xticks([0, 0.5, 1], ["below all", "", "above all"], fontsize=7.5)
    axes.get_xticklabels()[0].set_horizontalalignment("left")
    axes.get_xticklabels()[2].set_horizontalalignment("right")
    axes.tick_params(axis="y", labelsize=7.5)
    axes.set_title(f"{short(key)}: {row['width']}", fontsize=8.5)


def heights_of(ranks: list[Row], check: str, key: str) -> tuple[Floats, int]:
    """How many times as often as in a sound fit each bin was hit, and of how many truths."""
    values = np.array([float(row[key]) for row in ranks if row["check"] == check])
    counts, _ = np.histogram(values, BINS, (0, 1))
    return counts * BINS / max(1, values.size), values.size


def draw_coverage(made: Fitted, rows: list[Row]) -> Path:
    """A row a number: what share of the truths its 50 and 90 % intervals hold, and how much the fit finds out."""
    near = rows[0]["truths_near"]
    caption = (
        f"{say_truths(rows)} Marks: share of the true values inside the 50 % and the 90 % interval, which should be on "
        f"the dotted lines; bars: its 95 % interval. Hollow: {int(near):,} truths whose reports are nearest to the "
        "record. Purple: a fault that is more than luck (5 % of such verdicts are wrong on average). Recovery: the "
        "share of the squared error of knowing only the prior that the fit takes away; half or more is identified, a "
        "twentieth or more weakly (italic: not identified). Bold numbers were fitted; the others keep what was drawn."
    )
    figure, below, tall = page(LINE_HEIGHT * len(rows) + RANKS_AXIS, caption, RANKS_KEY)
    size = (
        RANKS_LEFT / WIDTH,
        (below + RANKS_AXIS) / tall,
        (WIDTH - RANKS_LEFT - RANKS_RIGHT) / WIDTH,
        LINE_HEIGHT * len(rows) / tall,
    )
    axes = figure.add_axes(size)
    for place, row in enumerate(rows):
        draw_row(axes, place, row)
    for right in (0.5, 0.9):
        axes.axvline(right, color=INK, linewidth=0.8, linestyle=":", zorder=1)
    axes.set(xlim=(0.3, 1), ylim=(len(rows) - 0.4, -0.8), yticks=[])
    axes.set_xlabel("share of the true values inside the interval", fontsize=8.5)
    axes.tick_params(axis="x", labelsize=8)
    axes.grid(axis="y", visible=False)
    axes.spines["left"].set_visible(False)
    axes.text(1.02, -0.9, "recovery", transform=axes.get_yaxis_transform(), fontsize=7, color=QUIET, va="bottom")
    handles = [
        Line2D([], [], marker="o", color=SIMULATED, linewidth=1.4, markersize=4.5, label="no fault seen"),
        Line2D([], [], marker="o", color=SECOND, linewidth=1.4, markersize=4.5, label="too narrow, too wide or off"),
        Line2D([], [], marker="o", color=QUIET, markerfacecolor="white", linewidth=0, markersize=4.5,
               label="near the record"),
    ]  # fmt: skip
    figure.legend(handles=handles, loc="upper left", bbox_to_anchor=(0, 1 - 0.3 / tall), ncols=3, fontsize=8)
    return finish(figure, made, "coverage.png", "What intervals hold, and what the fit finds out", caption, tall)


def draw_row(axes: Axes, place: int, row: Row) -> None:
    """One number."""
    colour = SIMULATED if row["width"] == NO_FAULT else SECOND
    weight = "bold" if row["adjusted"] == "yes" else "normal"
    for interval in ("50", "90"):
        name = f"coverage_{interval}"
        ends = [float(row[f"{name}_low"]), float(row[f"{name}_high"])]
        axes.plot(ends, [place, place], color=colour, linewidth=1.4, solid_capstyle="butt", zorder=2)
        axes.plot([float(row[f"{name}_near"])], [place + 0.28], marker="o", color=QUIET, markerfacecolor="white",
                  markersize=3, markeredgewidth=0.7, zorder=3)  # fmt: skip
        axes.plot([float(row[name])], [place], marker="o", color=colour, markersize=3.6, zorder=4)
    across = axes.get_yaxis_transform()
    axes.text(-0.02, place, short(row["number"]), transform=across, ha="right", va="center", fontsize=7,
              fontweight=weight)  # fmt: skip
    words = f"{float(row['recovery']):.2f}".replace("-", "−") + f"  {row['width'] if colour == SECOND else ''}"
    axes.text(1.02, place, words, transform=across, va="center", fontsize=7, color=QUIET,
              style="italic" if row["identified"] == "not identified" else "normal")  # fmt: skip
    if place % 2:
        axes.axhspan(place - 0.5, place + 0.5, color=SIMULATED_LIGHT, alpha=0.12, linewidth=0, zorder=0)


def say_truths(rows: list[Row]) -> str:
    """How many campaigns stood in for the truth."""
    return (
        f"{int(rows[0]['truths']):,} campaigns of the bank (drawn from the prior) stood in for the truth; what would "
        "have been reported of each, with the errors that targets declare, was fitted without it by rejection and "
        "regression."
    )


HELDOUT_KEY = 0.62  # inches between title and panel


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
    figure, below, tall = page(ROW * len(lines) + AXIS, caption, HELDOUT_KEY)
    axes = figure.add_axes(
        (LEFT / WIDTH, (below + AXIS) / tall, (WIDTH - LEFT - RIGHT) / WIDTH, ROW * len(lines) / tall)
    )
    for place, line in enumerate(lines):
        draw_line(axes, place, line, side)
    figures.dress(axes, len(lines))
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
    label(axes, place, 1.02, figures.say_both(said), QUIET, "left")
