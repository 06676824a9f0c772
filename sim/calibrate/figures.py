"""Draw and print a fit and a comparison of rival theories, from their tables.

Reads   the files that `sim.calibrate.page` reads; theories.csv, told_apart.csv, theory_targets.csv and theories.json,
        as written by `sim.calibrate.theories`.
Writes  prior_posterior.png, pairs.png and predictive.png next to a fit (and events.png and steps.png if it was
        refined); theories.png and theory_targets.png next to a comparison.
"""

import math
from collections.abc import Callable, Mapping
from itertools import cycle
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator
from rich.table import Table

from sim.calibrate.page import (
    BINS,
    Fitted,
    Floats,
    acceptance_of,
    describe_chains,
    describe_events,
    describe_fit,
    describe_inside,
    describe_learned,
    read_fit,
    share_of,
    why_left_out,
)
from sim.plots.captions import name_number, true_minus, wrap_number
from sim.plots.charts import (
    Spaces,
    add_key,
    draw_bins,
    draw_interval,
    key_mark,
    label_row,
    new_panels,
    save_next_to,
    set_rows,
    shade_fields,
)
from sim.plots.colours import FAINT, INK, QUIET, REPORTED, SECOND, SIMULATED, SIMULATED_DARK, SIMULATED_LIGHT
from sim.plots.style import WIDTH, in_style
from sim.plots.tables import Row, new_table, print_results, read_object, read_rows, reading
from sim.provenance import shell_command
from sim.scoring.figures import Interval, Look, draw_targets
from sim.wording import significant, span_of

EVENT_MARKS: dict[str, dict[str, Any]] = {  # style of the score in each column of events.csv
    "bank": {"label": "prior", "shape": "|", "colour": QUIET, "markersize": 9},
    "ensembles": {"label": "ensembles of the draws", "shape": "s", "colour": SIMULATED_LIGHT},
    "again": {"label": "new campaigns", "shape": "o", "colour": SIMULATED},
    "without": {"label": "new campaigns, without the event", "shape": "D", "colour": SECOND, "hollow": True},
}


@in_style
def draw_fit(folder: Path) -> list[Path]:
    """Draw every figure of a fit.

    Args:
        folder: The folder of the fit, as written by `python -m sim calibrate`.

    Returns:
        The paths of the figures.

    Raises:
        PanjError: If a file of the fit is missing or malformed.
    """
    made = read_fit(folder)
    figures = [draw_prior_posterior(made), draw_pairs(made), draw_predictive(made)]
    return [*figures, draw_events(made), draw_steps(made)] if made.is_refined else figures


def draw_prior_posterior(made: Fitted) -> Path:
    """Draw the posterior of each fitted parameter over the range of its prior, in one panel per parameter."""
    caption = (
        f"{describe_fit(made)} One panel per number, from the lowest to the highest value of its prior, on its scale. "
        "Before the fit, all bins were equally likely (the line at 1); the bars show how many times as likely they are "
        "after it."
    )
    if made.by_chain:
        caption += " Each thin line is a single chain."
    figure, panels = new_panels(
        len(made.shares), 2, 0.85, Spaces(left=0.5, right=0.2, top=0.35, bottom=0.35, across=0.6, down=0.7)
    )
    for axes, (key, shares) in zip(panels, made.shares.items(), strict=True):
        draw_number(axes, made, key, shares)
    return save_next_to(made, "prior_posterior.png", figure, "The fitted numbers, before and after", caption)


def draw_number(axes: Axes, made: Fitted, key: str, shares: Floats) -> None:
    """Draw the posterior of one parameter as a histogram, with its median and the distribution in each chain."""
    heights, edges = np.histogram(shares, BINS, (0, 1), weights=made.weights / made.weights.sum() * BINS)
    draw_bins(axes, heights)
    for weights, alone in made.by_chain:
        counts, _ = np.histogram(alone[key], BINS, (0, 1), weights=weights)
        axes.stairs(counts / counts.sum() * BINS, edges, color=SIMULATED_DARK, linewidth=0.7)
    row, (low, high, scale) = made.rows[key], made.about["priors"][key]
    axes.axvline(share_of(np.array([float(row["posterior_median"])]), low, high, scale)[0], color=INK, linewidth=1.2)
    half = math.sqrt(low * high) if scale == "log" else (low + high) / 2
    axes.set_xticks([0, 0.5, 1], [true_minus(significant(value)) for value in (low, half, high)], fontsize=8)
    title = f"{name_number(key)} (contraction {float(row['contraction']):.2f})"
    axes.set_title(true_minus(title), fontsize=8.5)


def draw_pairs(made: Fitted) -> Path:
    """Draw the joint distribution of each pair of fitted parameters."""
    caption = (
        f"{describe_fit(made)} A dot is a draw, darker for a larger weight; each axis runs from the lowest to the "
        "highest value of the prior, on its scale. Before the fit, dots would fill every panel evenly. In the corner: "
        "the correlation."
    )
    keys = list(made.shares)
    count = max(1, len(keys) - 1)
    gap = 0.06
    height = (WIDTH - 1.1) / count - gap
    spaces = Spaces(left=0.95, right=0.15, top=0.1, bottom=0.4, across=gap, down=gap)
    figure, panels = new_panels(count * count, count, height, spaces)
    strength = np.clip(made.weights / made.weights.max(), 0.05, 1) * 0.8
    for place, axes in enumerate(panels):
        down, across = place // count + 1, place % count
        if across >= down or down >= len(keys):
            axes.remove()
            continue
        one, other = made.shares[keys[across]], made.shares[keys[down]]
        axes.scatter(one, other, s=2.5, color=SIMULATED, alpha=strength, linewidths=0)
        axes.set(xlim=(0, 1), ylim=(0, 1), xticks=[], yticks=[])
        style: dict[str, Any] = {"ha": "right", "va": "top", "fontsize": 6.5, "transform": axes.transAxes}
        style["bbox"] = {"color": "white", "alpha": 0.7, "pad": 0.8}
        axes.text(0.97, 0.97, true_minus(f"{correlation(one, other, made.weights):+.2f}"), **style)
        if across == 0:
            axes.set_ylabel(wrap_number(keys[down]), fontsize=6.8, rotation=0, ha="right", va="center")
        if down == len(keys) - 1:
            axes.set_xlabel(wrap_number(keys[across]), fontsize=6.8)
    return save_next_to(made, "pairs.png", figure, "Which values go together", caption)


def correlation(one: Floats, other: Floats, weights: Floats) -> float:
    """Compute the weighted correlation of two samples, or return 0 if one of them is constant."""
    spread = np.cov(np.array([one, other]), aweights=weights)
    size = math.sqrt(spread[0, 0] * spread[1, 1])
    return float(spread[0, 1] / size) if size > 0 else 0.0


def draw_predictive(made: Fitted) -> Path:
    """Draw the reported figure of each target, and intervals of its outcome in the prior and the fit."""
    if made.is_refined:
        word = "posterior"
        dark = (
            f"Dark: {made.about['again']:,} new campaigns with draws of the posterior and new seeds (from "
            f"{made.about['again_from']})."
        )
    else:
        word = "accepted"
        dark = "The accepted campaigns are weighted and are shown as they were run, before their numbers were adjusted."
    caption = (
        f"{describe_fit(made)} Each row has its own scale, on which the 90 % interval of all campaigns from the prior "
        f"runs from −1 to 1. {dark} Inside: the reported number, or part of its range, is in their 90 % interval. "
        "* marks fitted targets. The split by post is left out. Targets of one event are not independent. Sources: "
        "evidence named in sim/data/targets.csv."
    )
    intervals = (
        Interval("{}_90", "prior, 90 %", 2.2, SIMULATED_LIGHT),
        Interval(f"{made.shown}_{{}}_90", f"{word}, 90 %"),
    )
    look = Look(intervals, shown=f"{made.shown}_", name=word, scale="90 % interval of the prior")
    figure, handles = draw_targets(made.predictive, look)
    add_key(figure, handles, 3, fontsize=7.5)
    return save_next_to(made, "predictive.png", figure, "Targets before and after the fit", caption)


def draw_events(made: Fitted) -> Path:
    """Draw the score of each event in the prior, the ensembles, and new campaigns fitted with and without the event."""
    caption = (
        f"{describe_fit(made)} One row per event, with its number of reported figures. Score: CRPS of each figure, "
        "divided by that of the prior sample plus the observation error, and averaged over the event; 0 if every "
        f"campaign equals the record. New campaigns: {made.about['again']:,}, with draws of the posterior and other "
        "seeds. Without the event: the same campaigns, with weights that give the posterior of all other events."
    )
    rows = sorted(made.events, key=lambda row: -float(row["bank"]) + float(row["again"]))
    figure, (axes,) = new_panels(1, 1, 0.2 * len(rows), Spaces(left=1.9, right=0.2, top=0.2, bottom=0.45))
    for place, row in enumerate(rows):
        label_row(axes, place, -0.02, f"{row['event'].replace('_', ' ')} ({row['targets']})")
        ends = [float(row[name]) for name in ("bank", "again")]
        axes.plot(ends, [place, place], color=FAINT, linewidth=1.5, zorder=1)
        for name, look in EVENT_MARKS.items():
            style = {key: value for key, value in look.items() if key != "label"}
            axes.add_line(key_mark("", **style, zorder=3))
            axes.lines[-1].set_data([float(row[name])], [place])
    set_rows(axes, len(rows))
    values = [float(row[name]) for row in rows for name in EVENT_MARKS]
    axes.set_xlim(min(0.0, *values) - 0.05, max(values) + 0.05)
    axes.axvline(0, color=INK, linewidth=0.8, zorder=0)
    axes.set_xlabel("score (lower is nearer to the record)", fontsize=8.5)
    add_key(figure, [key_mark(**look) for look in EVENT_MARKS.values()], 4, fontsize=8)
    return save_next_to(made, "events.png", figure, "How near the campaigns come to each event", caption)


def draw_steps(made: Fitted) -> Path:
    """Draw learning rate, effective sample size and acceptance rate at each step, with one line per chain."""
    chains: dict[str, list[Row]] = {}
    for row in made.steps:
        chains.setdefault(row["chain"], []).append(row)
    caption = (
        f"{describe_fit(made)} One line per chain. Learning rate: the weight of the scores after the step; 0 is the "
        "prior. Effective draws: how many draws count as the learning rate is raised, before resampling; the first "
        "step chooses from four times as many draws as are kept (the line). Accepted: share of the proposals of a step."
    )
    figure, panels = new_panels(3, 3, 1.35, Spaces(left=0.5, top=0.35, bottom=0.5, across=0.5))
    columns: dict[str, Callable[[Row], float]] = {
        "learning rate": lambda row: float(row["learning_rate"]),
        "effective draws": lambda row: float(row["effective_sample_size"]),
        "accepted [%]": lambda row: 100 * acceptance_of(row),
    }
    for axes, (title, value) in zip(panels, columns.items(), strict=True):
        for rows, shade in zip(chains.values(), cycle((SIMULATED, SIMULATED_LIGHT, SECOND, SIMULATED_DARK))):
            numbers = [int(row["step"]) for row in rows]
            axes.plot(numbers, [value(row) for row in rows], color=shade, marker="o", markersize=3.5)
        axes.set_title(title, fontsize=9)
        axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))
        axes.set_ylim(0, 1.08 * max(value(row) for row in made.steps))
        axes.tick_params(labelsize=8)
        axes.set_xlabel("step", fontsize=8)
    kept = made.about["draws"] / made.about["chains"]
    panels[1].set_ylim(0, 1.08 * max(kept, *map(columns["effective draws"], made.steps)))
    panels[1].axhline(kept, color=QUIET, linewidth=0.9, linestyle=":")
    return save_next_to(made, "steps.png", figure, "From the prior to the posterior", caption)


def show_fit(folder: Path) -> int:
    """Print the fitted parameters, the files written and the next command.

    Args:
        folder: The folder of the fit.

    Returns:
        The exit code, 0.

    Raises:
        PanjError: If a file of the fit is missing or malformed.
    """
    made = read_fit(folder)
    lines: list[Table | str] = [
        table_of(made), describe_inside(made), *describe_learned(made), *describe_events(made), *describe_chains(made),
    ]  # fmt: skip
    if made.about["left_out"]:
        lines.append(f"Not fitted, because {why_left_out(made)}: {', '.join(made.about['left_out'])}")
    run = shell_command(["calibration=posterior", f"calibration.file={folder / 'posterior.parquet'}"])
    files = sorted(path for path in folder.iterdir() if path.is_file())
    return print_results(lines, files, f"open {folder / 'report.html'}; or {run}")


def table_of(made: Fitted) -> Table:
    """Make the table of the fitted parameters, with prior and posterior."""
    caption = (
        "All numbers are fitted; shown are those whose variance the record reduces most. All are in diagnostics.csv."
        if made.is_refined
        else f"Tolerance {made.about['tolerance']:.3g}, in units of sqrt(sd² + spread²). Every other number keeps the "
        "draws of the accepted campaigns; all are in diagnostics.csv, and shares of variance in screening.csv."
    ) + " Contraction: 1 minus the share of the prior variance that is left."
    heads = ("prior median", "90 %", "posterior median", "90 %", "contraction", "KS")
    table = new_table(f"Fitted numbers. {describe_fit(made)}", caption, "number", heads)
    for key in made.about["chosen"]:
        row = made.rows[key]
        cells = []
        for stage in ("prior", "posterior"):
            median, low, high = (significant(float(row[f"{stage}_{end}"])) for end in ("median", "low_90", "high_90"))
            cells += [median, f"{low} to {high}"]
        last = (significant(float(row[name])) for name in ("contraction", "ks_distance"))
        table.add_row(key.removeprefix("rules."), *cells, *last)
    return table


class Rivals(NamedTuple):
    """Content of the files of a comparison of theories."""

    folder: Path
    about: dict[str, Any]
    weights: list[Row]
    told_apart: list[Row]
    targets: list[Row]

    @property
    def names(self) -> list[str]:
        """The names of the theories."""
        return list(self.about["theories"])


def read_theories(folder: Path) -> Rivals:
    """Read the files of a comparison. Raise PanjError if one is missing or damaged."""
    with reading(folder, "theories", "a comparison written by python -m sim theories"):
        tables = (read_rows(folder / f"{name}.csv") for name in ("theories", "told_apart", "theory_targets"))
        return Rivals(folder, read_object(folder / "theories.json"), *tables)


@in_style
def draw_theories(folder: Path) -> list[Path]:
    """Draw the weights of the theories, and the targets that each theory leaves unexplained.

    Args:
        folder: The folder of the comparison, as written by `python -m sim theories`.

    Returns:
        The paths of both figures.

    Raises:
        PanjError: If a file is missing or damaged.
    """
    made = read_theories(folder)
    return [draw_weights(made), draw_unexplained(made)]


def describe_rivals(about: Mapping[str, Any]) -> str:
    """Describe the sample: the number of campaigns for each theory, and the number of fitted targets."""
    return (
        f"{span_of(about['campaigns'])} campaigns of each theory, drawn from the prior, not calibrated, compared with "
        f"the {len(about['fitted'])} reported figures that are fitted."
    )


def draw_weights(made: Rivals) -> Path:
    """Draw two panels: the weights of the theories at each tolerance, and the mean weights if each theory is true."""
    caption = (
        f"{describe_rivals(made.about)} Left: weight of each theory, all equally likely beforehand; bars are 95 % "
        "intervals of Monte Carlo error, from all, a third and a tenth of the accepted campaigns (dark to light). "
        f"Right: mean weight if the theory of the row is true, over {made.about['truths']} campaigns of it whose "
        "outcomes are near the record; theories with similar rows cannot be distinguished. The comparison uses these "
        "reported figures alone."
    )
    spaces = Spaces(left=1.45, right=0.2, top=0.15, bottom=0.5, across=1.3)
    figure, (left, right) = new_panels(2, 2, 0.55 * len(made.names) + 0.4, spaces, widths=(2.15, 1.9))
    draw_bars(left, made)
    draw_told_apart(right, made)
    return save_next_to(made, "theories.png", figure, "Rival theories of the collapse", caption)


def draw_bars(axes: Axes, made: Rivals) -> None:
    """Draw the weight of each theory at each tolerance, with its interval."""
    tolerances = list(dict.fromkeys(row["accept"] for row in made.weights))
    for row in made.weights:
        shade = tolerances.index(row["accept"])
        colour = (SIMULATED, "#6d96bd", SIMULATED_LIGHT)[min(shade, 2)]
        place = made.names.index(row["theory"]) + 0.22 * (shade - 1)
        draw_interval(axes, place, [float(row["low_95"]), float(row["high_95"])], colour, 2.6)
        axes.plot([float(row["weight"])], [place], "o", color=colour, markersize=5)
    axes.set_yticks(range(len(made.names)), [name.replace("_", " ") for name in made.names], fontsize=9)
    axes.set_ylim(len(made.names) - 0.5, -0.5)
    axes.set_xlim(-0.02, 1.02)
    axes.set_xlabel("weight", fontsize=9)
    axes.tick_params(axis="x", labelsize=8)


def draw_told_apart(axes: Axes, made: Rivals) -> None:
    """Draw a heat map of the mean weight of each theory (column) if each theory (row) is true."""
    shade_fields(axes, np.array([[float(row[name]) for name in made.names] for row in made.told_apart]), 8.5)
    short = [name.replace("_", "\n") for name in made.names]
    axes.set_xticks(range(len(short)), short, fontsize=7)
    axes.set_yticks(range(len(short)), short, fontsize=7)
    axes.set_ylabel("true theory", fontsize=8.5)
    axes.set_xlabel("gets the weight", fontsize=8.5)


def draw_unexplained(made: Rivals) -> Path:
    """Draw which targets are inside the 90 % intervals of the campaigns nearest to the record, per theory."""
    caption = (
        f"{describe_rivals(made.about)} The intervals are those of the nearest {made.about['accept']:.2g} of the "
        "campaigns of each theory. * marks fitted targets. Targets of one event are adjacent and not independent."
    )
    targets = list(dict.fromkeys((row["event"], row["target"], row["use"]) for row in made.targets))
    places = {target: place for place, (_, target, _) in enumerate(targets)}
    figure, (axes,) = new_panels(1, 1, 0.17 * len(targets), Spaces(left=3.3, right=0.3, top=0.4, bottom=0.05))
    for row in made.targets:
        inside = row["inside_90"] == "yes"
        look: dict[str, Any] = {"color": SIMULATED} if inside else {"color": REPORTED, "markerfacecolor": "white"}
        spot = made.names.index(row["theory"]), places[row["target"]]
        axes.plot(*spot, "o" if inside else "D", markersize=5, **look)
    for place in range(1, len(targets)):
        if targets[place][0] != targets[place - 1][0]:
            axes.axhline(place - 0.5, color=FAINT, linewidth=0.7, zorder=0)
    labels = [f"{target.replace('_', ' ')}{' *' if use == 'fitted' else ''}" for _, target, use in targets]
    axes.set_yticks(range(len(targets)), labels, fontsize=7.5)
    axes.set_xticks(range(len(made.names)), [name.replace("_", "\n") for name in made.names], fontsize=8)
    axes.xaxis.set_ticks_position("top")
    axes.set_xlim(-0.6, len(made.names) - 0.4)
    axes.set_ylim(len(targets) - 0.4, -0.6)
    axes.tick_params(length=0)
    axes.grid(visible=False)
    outside = key_mark("outside", "D", REPORTED, hollow=True)
    add_key(figure, [key_mark("reported figure inside the 90 % interval", "o", SIMULATED), outside], 2)
    return save_next_to(made, "theory_targets.png", figure, "What each theory leaves unexplained", caption)


def show_theories(folder: Path) -> int:
    """Print the result of the comparison, the files written and the next command.

    Args:
        folder: The folder of the comparison.

    Returns:
        The exit code, 0.

    Raises:
        PanjError: If a file is missing or damaged.
    """
    about = read_theories(folder).about
    sentences = [*about["weights"], *about["told_apart"], *about["failures"]]
    next_step = f"open {folder / 'theory_targets.png'}; or {shell_command(['theory=odds_only'])}"
    return print_results(sentences, sorted(folder.iterdir()), next_step)
