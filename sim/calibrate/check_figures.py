"""Draw figures that check a calibration: ranks of true values, coverage of intervals, and held-out targets.

Reads   sbc.csv and sbc_ranks.csv, as written by `sim.calibrate.checks`; heldout.csv and left_out.csv, as written by
        `sim.calibrate.heldout`; the fit next to them.
Writes  sbc.png, coverage.png, heldout.png and left_out.png next to them.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Patch
from scipy.stats import binom

from sim.calibrate.page import Fitted, Floats, read_fit
from sim.errors import PanjError
from sim.plots.captions import name_number, true_minus
from sim.plots.charts import (
    Spaces,
    add_key,
    draw_bins,
    draw_interval,
    key_line,
    key_mark,
    label_row,
    new_panels,
    save_next_to,
    set_rows,
)
from sim.plots.colours import FAINT, INK, QUIET, SECOND, SIMULATED, SIMULATED_LIGHT
from sim.plots.style import in_style
from sim.plots.tables import Row, read_rows
from sim.scoring.figures import Interval, Look, draw_targets

BINS = 10  # number of bins for ranks
ROW = 0.175  # row height per parameter, inches
NO_FAULT = "no fault seen"


@in_style
def draw_checks(folder: Path) -> list[Path]:
    """Draw every figure of the checks of a fit.

    Args:
        folder: The folder of the fit, with the tables of its checks.

    Returns:
        The paths of the figures.

    Raises:
        PanjError: If a table is missing or has no rows.
    """
    made, rows = read_fit(folder), read_table(folder / "sbc.csv")
    return [
        draw_ranks(made, rows, read_table(folder / "sbc_ranks.csv")),
        draw_coverage(made, rows),
        *draw_held_out(made),
    ]


def read_table(path: Path) -> list[Row]:
    """Read a table. Raise PanjError if it is missing or has no rows."""
    rows = read_rows(path) if path.is_file() else []
    if not rows:
        raise PanjError(f"{path}: found no readable rows, expected a table written by the checks of a fit")
    return rows


def draw_ranks(made: Fitted, rows: list[Row], ranks: list[Row]) -> Path:
    """Draw a histogram of the ranks of true values, one panel per fitted parameter."""
    fitted = [row for row in rows if row["adjusted"] == "yes"]
    caption = (
        f"{describe_truths(rows)} One panel per fitted number: the rank of its true value among the draws of its "
        "posterior, from 0 (below all) to 1 (above all). In a sound fit, all bins are equally high (1). The band "
        "contains 19 of 20 bins of a sound fit, so one bin in twenty is outside it by chance. Bins that are high at "
        "both ends mean that intervals are too narrow; high in the middle, too wide; high at one end, off-centre. "
        "Line: the same truths, reported without error."
    )
    figure, panels = new_panels(len(fitted), 2, 0.85, Spaces(left=0.45, right=0.2, top=0.3, bottom=0.3, down=0.65))
    for axes, row in zip(panels, fitted, strict=True):
        draw_number(axes, row, ranks)
    handles = [
        Patch(color=SIMULATED, alpha=0.75, label="reported with error"),
        key_line("reported without error", SECOND, 1.4),
        Patch(color=FAINT, label="19 of 20 bins of a sound fit"),
    ]
    add_key(figure, handles, 3, fontsize=8)
    return save_next_to(made, "sbc.png", figure, "Ranks of true values in their posteriors", caption)


def draw_number(axes: Axes, row: Row, ranks: list[Row]) -> None:
    """Draw the ranks of one parameter, for reports with and without error, and the 95 % band of sound fits."""
    key, edges = row["number"], np.linspace(0, 1, BINS + 1)
    heights, count = heights_of(ranks, "with_error", key)
    exact, _ = heights_of(ranks, "without_error", key)
    low, high = binom.interval(0.95, count, 1 / BINS)
    axes.axhspan(low * BINS / count, high * BINS / count, color=FAINT, linewidth=0, zorder=0)
    draw_bins(axes, heights)
    axes.stairs(exact, edges, color=SECOND, linewidth=1.4, baseline=None)
    axes.set(ylim=(0, max(1.6, 1.1 * heights.max(), 1.1 * exact.max())), yticks=[0, 1])
    axes.set_xticks([0, 0.5, 1], ["below all", "", "above all"], fontsize=7.5)
    axes.get_xticklabels()[0].set_horizontalalignment("left")
    axes.get_xticklabels()[2].set_horizontalalignment("right")
    axes.set_title(f"{name_number(key)}: {row['width']}", fontsize=8.5)


def heights_of(ranks: list[Row], check: str, key: str) -> tuple[Floats, int]:
    """Return the count of ranks in each bin, relative to a sound fit, and the number of truths."""
    values = np.array([float(row[key]) for row in ranks if row["check"] == check])
    counts, _ = np.histogram(values, BINS, (0, 1))
    return counts * BINS / max(1, values.size), values.size


def draw_coverage(made: Fitted, rows: list[Row]) -> Path:
    """Draw the coverage of intervals and the share of the squared prior error that the fit removes, per parameter."""
    caption = (
        f"{describe_truths(rows)} Marks: share of the true values inside the 50 % and the 90 % interval, which should "
        f"be on the dotted lines; bars: its 95 % interval. Hollow: {int(rows[0]['truths_near']):,} truths whose "
        "reports are nearest to the record. Purple: a significant fault (5 % of such verdicts are wrong on average). "
        "Recovery: the share of the squared error of the prior mean that the fit removes; half or more is identified, "
        "a twentieth or more weakly (italic: not identified). Bold numbers were fitted; the others keep their drawn "
        "values."
    )
    figure, (axes,) = new_panels(1, 1, ROW * len(rows), Spaces(left=2.05, right=1.5, top=0.2, bottom=0.5))
    set_rows(axes, len(rows))
    for place, row in enumerate(rows):
        draw_row(axes, place, row)
    for right in (0.5, 0.9):
        axes.axvline(right, color=INK, linewidth=0.8, linestyle=":", zorder=1)
    axes.set_xlim(0.3, 1)
    axes.set_xlabel("share of the true values inside the interval", fontsize=8.5)
    label_row(axes, -1.2, 1.02, "recovery", color=QUIET)
    handles = [
        key_line(NO_FAULT, SIMULATED, 1.4, marker="o", markersize=4.5),
        key_line("too narrow, too wide or off-centre", SECOND, 1.4, marker="o", markersize=4.5),
        key_mark("near the record", "o", QUIET, hollow=True, markersize=4.5),
    ]
    add_key(figure, handles, 3, fontsize=8)
    return save_next_to(made, "coverage.png", figure, "Coverage of intervals, and recovery of true values", caption)


def draw_row(axes: Axes, place: int, row: Row) -> None:
    """Draw the row of one parameter: coverage of intervals, and share of the squared prior error removed."""
    colour = SIMULATED if row["width"] == NO_FAULT else SECOND
    near: dict[str, Any] = {"markerfacecolor": "white", "markersize": 3, "markeredgewidth": 0.7, "zorder": 3}
    for name in ("coverage_50", "coverage_90"):
        draw_interval(axes, place, [float(row[f"{name}_low"]), float(row[f"{name}_high"])], colour, 1.4)
        axes.plot([float(row[f"{name}_near"])], [place + 0.28], "o", color=QUIET, **near)
        axes.plot([float(row[name])], [place], "o", color=colour, markersize=3.6, zorder=4)
    weight = "bold" if row["adjusted"] == "yes" else "normal"
    label_row(axes, place, -0.02, name_number(row["number"]), fontweight=weight)
    recovery = true_minus(f"{float(row['recovery']):.2f}")
    style = "italic" if row["identified"] == "not identified" else "normal"
    label_row(axes, place, 1.02, f"{recovery}  {row['width'] * (colour == SECOND)}", color=QUIET, style=style)
    if place % 2:
        axes.axhspan(place - 0.5, place + 0.5, color=SIMULATED_LIGHT, alpha=0.12, linewidth=0, zorder=0)


def describe_truths(rows: list[Row]) -> str:
    """Describe the campaigns that served as truths: their number, and the fit to each."""
    return (
        f"{int(rows[0]['truths']):,} campaigns drawn from the prior served as truths. A synthetic report of each, with "
        "the errors that the targets declare, was fitted by rejection and regression without that campaign."
    )


class HeldOut(NamedTuple):
    """File name, column prefix and texts of a figure on held-out targets."""

    file: str
    side: str  # prefix of the columns that the dark bar shows
    label: str  # label of the dark bar in the legend
    title: str
    dark: str  # meaning of the dark bar


HELD_OUT = HeldOut(
    "heldout.png", "held_out_", "fit of 22 June, 90 %", "23 June to 7 July, from what was known on 22 June",
    "fitted to what had ended and been reported by 22 June",
)  # fmt: skip
LEFT_OUT = HeldOut(
    "left_out.png", "left_out_", "event left out, 90 %", "Each event, from all others",
    "fitted to the targets of all other events",
)  # fmt: skip


def draw_held_out(made: Fitted) -> list[Path]:
    """Draw two figures: predictions of targets after 22 June, and predictions of the targets of each omitted event."""
    predicted = [row for row in read_table(made.folder / "heldout.csv") if row["kind"] == "predicted"]
    tables = {HELD_OUT: predicted, LEFT_OUT: read_table(made.folder / "left_out.csv")}
    return [draw_sides(made, rows, shown) for shown, rows in tables.items()]


def draw_sides(made: Fitted, rows: Sequence[Row], shown: HeldOut) -> Path:
    """Draw three intervals for each target: from the prior, from the full fit, and from a fit without the target."""
    about = made.about
    caption = (
        f"The nearest {100 * about['accept']:.3g} % of {about['rows']:,} campaigns drawn from the prior (seeds "
        f"{about['first_seed']} to {about['last_seed']}), by weight. Dark: {shown.dark}; purple: the full fit, which "
        "used the targets marked * and so does not predict them. Each row has its own scale, on which the 90 % "
        "interval of all campaigns (light) runs from −1 to 1. Campaigns are shown unadjusted. Inside: the reported "
        "number, or part of its range, is in the 90 % interval of the dark bar. The split by post is only in the "
        "table. Targets of one event are not independent. Sources: evidence named in sim/data/targets.csv."
    )
    intervals = (
        Interval("prior_{}_90", "before any fit, 90 %", 2.2, SIMULATED_LIGHT),
        Interval(f"{shown.side}{{}}_90", shown.label),
        Interval("full_{}_90", "full fit, 90 %", 1.4, SECOND, shift=0.34),
    )
    look = Look(intervals, "prior_", shown.side, f"{shown.side}inside_90", "predicted", "90 % interval of the prior")
    on_a_scale = [row for row in rows if row["error"] != "multinomial"]
    figure, handles = draw_targets(on_a_scale, look)
    add_key(figure, handles, 4, fontsize=7.5)
    return save_next_to(made, shown.file, figure, shown.title, caption)
