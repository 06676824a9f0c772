"""A fit as a table in the terminal and figures: prior and posterior, pairs of numbers, the record, and the chains.

Reads   what `sim.calibrate.page` reads; nothing is computed here but counts for drawing.
Writes  prior_posterior.png, pairs.png and predictive.png beside it; of a refined fit generations.png as well.

Rival theories as sentences in the terminal and two figures: weights, and what each theory leaves unexplained.

Reads   theories.csv, told_apart.csv, theory_targets.csv and theories.json, which `sim.calibrate.theories` wrote.
Writes  theories.png and theory_targets.png beside them.
"""

import csv
import json
import math
import sys
import textwrap
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from sim.calibrate.page import (
    BINS,
    Fitted,
    read_fit,
    say_chains,
    say_fit,
    say_inside,
    say_learned,
    say_pressed,
    share_of,
    short,
    stacked,
)
from sim.errors import PanjError
from sim.plots.colours import FAINT, INK, QUIET, REPORTED, SIMULATED, SIMULATED_DARK, SIMULATED_LIGHT
from sim.plots.style import (
    CAPTION,
    CHANCE,
    EDGE,
    HEADING,
    LETTERS_PER_INCH,
    LINE,
    POINTS,
    RESOLUTION,
    STYLE,
    WIDTH,
)
from sim.score import figures
from sim.score.figures import AXIS, LEFT, RIGHT, ROW, by_event, clip, draw_reported, label, place_of
from sim.study.files import write_file

ABOVE, KEY = 0.45, 0.5  # inches above the panels: the title, and a key
TABLE_WIDTH = 118  # letters, where there is no terminal
Floats = NDArray[np.float64]


def draw_fit(folder: Path) -> list[Path]:
    """Every figure of a fit."""
    made = read_fit(folder)
    with rc_context(STYLE):
        figures = [draw_prior_posterior(made), draw_pairs(made), draw_predictive(made)]
        return [*figures, draw_generations(made)] if made.is_refined else figures


def draw_prior_posterior(made: Fitted) -> Path:
    """A panel a fitted number: how its draws lie within what was believed before."""
    columns = 2
    rows = math.ceil(len(made.shares) / columns)
    caption = (
        f"{say_fit(made)} A panel is a number, from the lowest to the highest value that was believed "
        "possible, on its scale. Before the fit each step was as likely as the others (the line at 1); the "
        "bars say how many times as likely it is now."
    )
    if made.by_chain:
        caption += " A thin line is the last generation of one chain by itself, not adjusted."
    figure, below, tall = page(rows * 1.55, caption)
    for place, (key, shares) in enumerate(made.shares.items()):
        across, down = place % columns, place // columns
        width = (WIDTH - 0.9) / columns - 0.4
        axes = figure.add_axes(
            (
                (0.5 + across * (WIDTH - 0.7) / columns) / WIDTH,
                (below + (rows - 1 - down) * 1.55 + 0.35) / tall,
                width / WIDTH, 0.85 / tall,
            )
        )  # fmt: skip
        draw_number(axes, made, key, shares)
    return finish(figure, made, "prior_posterior.png", "The fitted numbers, before and after", caption, tall)


def draw_number(axes: Axes, made: Fitted, key: str, shares: Floats) -> None:
    """The bars of one number, with its median."""
    heights, edges = np.histogram(shares, BINS, (0, 1), weights=made.weights / made.weights.sum() * BINS)
    axes.bar(edges[:-1], heights, 1 / BINS, align="edge", color=SIMULATED, alpha=0.75, linewidth=0)
    axes.axhline(1, color=QUIET, linewidth=1.2)
    for weights, alone in made.by_chain:
        counts, _ = np.histogram(alone[key], BINS, (0, 1), weights=weights)
        axes.stairs(counts / counts.sum() * BINS, edges, color=SIMULATED_DARK, linewidth=0.7)
    row, (low, high, scale) = made.rows[key], made.about["priors"][key]
    middle = share_of(np.array([float(row["posterior_median"])]), low, high, scale)[0]
    axes.axvline(middle, color=INK, linewidth=1.2)
    half = math.sqrt(low * high) if scale == "log" else (low + high) / 2
    axes.set_xticks([0, 0.5, 1], [f"{value:.3g}" for value in (low, half, high)], fontsize=8)
    axes.set_xlim(0, 1)
    axes.tick_params(axis="y", labelsize=7.5)
    said = f"{short(key)} (contraction {float(row['contraction']):.2f})"
    axes.set_title(said.replace("-", "−"), fontsize=8.5)


def draw_pairs(made: Fitted) -> Path:
    """A panel a pair of fitted numbers: which values go together."""
    keys = list(made.shares)
    count = max(1, len(keys) - 1)
    side = (WIDTH - 1.1) / count
    caption = (
        f"{say_fit(made)} A dot is a draw, the darker the more it weighs; each axis runs from the lowest to "
        "the highest value of the prior, on its scale. Before the fit dots would fill every panel evenly. In "
        "the corner: their correlation."
    )
    figure, below, tall = page(side * count + 0.4, caption)
    strength = np.clip(made.weights / made.weights.max(), 0.05, 1) * 0.8
    for down in range(1, len(keys)):
        for across in range(down):
            axes = figure.add_axes(
                (
                    (0.95 + across * side) / WIDTH,
                    (below + 0.35 + (count - down) * side) / tall,
                    side * 0.93 / WIDTH, side * 0.93 / tall,
                )
            )  # fmt: skip
            one, other = made.shares[keys[across]], made.shares[keys[down]]
            axes.scatter(one, other, s=2.5, color=SIMULATED, alpha=strength, linewidths=0)
            axes.set(xlim=(0, 1), ylim=(0, 1), xticks=[], yticks=[])
            axes.text(0.97, 0.97, f"{correlation(one, other, made.weights):+.2f}".replace("-", "−"), ha="right",
                      va="top", fontsize=6.5, transform=axes.transAxes, bbox={"color": "white", "alpha": 0.7,
                                                                             "pad": 0.8})  # fmt: skip
            if across == 0:
                axes.set_ylabel(stacked(keys[down]), fontsize=6.8, rotation=0, ha="right", va="center")
            if down == len(keys) - 1:
                axes.set_xlabel(stacked(keys[across]), fontsize=6.8)
    return finish(figure, made, "pairs.png", "Which values go together", caption, tall)


def correlation(one: Floats, other: Floats, weights: Floats) -> float:
    """The weighted correlation; 0 where one of the two does not vary."""
    spread = np.cov(np.array([one, other]), aweights=weights)
    size = math.sqrt(spread[0, 0] * spread[1, 1])
    return float(spread[0, 1] / size) if size > 0 else 0.0


def draw_predictive(made: Fitted) -> Path:
    """A row a target: all campaigns of the bank, those of the fit, and what was reported."""
    word = "posterior" if made.is_refined else "accepted"
    lines: list[str | Row] = []
    for event, group in by_event(made.predictive):
        lines += [event, *group]
    lived = (
        f"Dark: {made.about['again']:,} campaigns with draws of the posterior and other luck (seeds from "
        f"{made.about['again_from']})."
        if made.is_refined
        else "The accepted campaigns are shown as they were lived, by their weights; the adjusted numbers have not "
        "been lived yet."
    )
    caption = (
        f"{say_fit(made)} Each row has its own scale, on which the 90 % interval of the whole bank runs from "
        f"−1 to 1. {lived} Inside: the number reported, or some of its range, lies in their 90 % "
        "interval. * fitted, the others not. The split by post is left out. Targets of one event are not "
        "independent. Sources: evidence named in sim/data/targets.csv."
    )
    figure, below, tall = page(ROW * len(lines) + AXIS, caption, KEY)
    size = (LEFT / WIDTH, (below + AXIS) / tall, (WIDTH - LEFT - RIGHT) / WIDTH, ROW * len(lines) / tall)
    axes = figure.add_axes(size)
    for place, line in enumerate(lines):
        draw_target(axes, place, line, made.shown)
    figures.dress(axes, len(lines))
    axes.set_xlabel("half-widths of the 90 % interval of the bank from its middle", fontsize=8.5)
    axes.texts[-1].set_text(f"reported | {word} (90 %)")
    mark: dict[str, Any] = {"linewidth": 0, "color": REPORTED, "markersize": 5}
    handles = [
        Line2D([], [], color=SIMULATED_LIGHT, linewidth=2.2, label="bank, 90 %"),
        Line2D([], [], color=SIMULATED, linewidth=4.6, label=f"{word}, 90 %"),
        Line2D([], [], color=INK, marker="|", linewidth=0, markersize=8, label=f"{word}, median"),
        Line2D([], [], marker="o", **mark, label="reported, inside"),
        Line2D([], [], marker="D", markerfacecolor="white", **mark, label="reported, outside"),
        Line2D([], [], marker=">", **mark, label="at least"),
    ]
    figure.legend(handles=handles, loc="upper left", bbox_to_anchor=(0, 1 - 0.3 / tall), ncols=3, fontsize=7.5,
                  columnspacing=1.4)  # fmt: skip
    return finish(figure, made, "predictive.png", "Targets before and after the fit", caption, tall)


Row = dict[str, str]


def draw_target(axes: Axes, place: int, line: str | Row, shown: str) -> None:
    """An event's name, or a target: the bar of the bank, that of the fit's campaigns, and what was reported."""
    if isinstance(line, str):
        label(axes, place, -0.02, line.replace("_", " "), INK, "right", "bold")
        axes.axhline(place + 0.5, color=FAINT, linewidth=0.6, zorder=0)
        return
    star = " *" if line["use"] == "fitted" else ""
    label(axes, place, -0.02, line["target"].replace("_", " ") + star, INK, "right")
    where = place_of(line)
    for what, width, colour in (("", 2.2, SIMULATED_LIGHT), (f"{shown}_", 4.6, SIMULATED)):
        ends = [clip(where.of(line[f"{what}{end}_90"])) for end in ("low", "high")]
        axes.plot(ends, [place, place], color=colour, linewidth=width, solid_capstyle="butt", zorder=2)
    axes.plot([clip(where.of(line[f"{shown}_median"]))], [place], marker="|", color=INK, markersize=7,
              markeredgewidth=1.4, zorder=3)  # fmt: skip
    draw_reported(axes, place, line, where)
    after = {key: line[f"{shown}_{key}"] for key in ("low_90", "median", "high_90")}
    label(axes, place, 1.02, figures.say_both(line | after), QUIET, "left")


def draw_generations(made: Fitted) -> Path:
    """Three panels: how near the draws are, how many proposals were accepted, and how many draws tell as much."""
    numbers = [int(row["generation"]) for row in made.generations]
    columns = {
        name: np.array([float(row[name]) for row in made.generations])
        for name in ("tolerance", "acceptance", "effective_sample_size", "draws")
    }
    caption = (
        f"{say_fit(made)} Generation 0 are the nearest campaigns of the bank, of equal weight. Tolerance: the distance "
        "within which all draws of a generation lie; the line is what the error of observation alone would give, below"
        " which nothing can be told. Accepted: share of the campaigns lived for a generation. Effective: draws of equal"
        " weight that would tell as much, of all draws (the bars)."
    )
    figure, below, tall = page(2.2, caption)
    wide = (WIDTH - 1.0) / 3
    panels = [
        figure.add_axes(((0.55 + place * wide) / WIDTH, (below + 0.55) / tall, (wide - 0.55) / WIDTH, 1.35 / tall))
        for place in range(3)
    ]
    titles = ("tolerance", "accepted [%]", "effective draws")
    values = (columns["tolerance"], 100 * columns["acceptance"], columns["effective_sample_size"])
    for axes, title, heights in zip(panels, titles, values, strict=True):
        axes.plot(numbers, heights, color=SIMULATED, marker="o", markersize=4)
        axes.set_title(title, fontsize=9)
        axes.set_xticks(numbers[:: max(1, len(numbers) // 6)])
        axes.set_ylim(0, 1.08 * max(heights))
        axes.tick_params(labelsize=8)
        axes.set_xlabel("generation", fontsize=8)
    panels[0].axhline(made.about["error_of_observation"], color=REPORTED, linewidth=1.2)
    panels[2].bar(numbers, columns["draws"], color=FAINT, width=0.6, zorder=0)
    panels[2].set_ylim(0, 1.08 * max(columns["draws"]))
    return finish(figure, made, "generations.png", "How the chains came nearer", caption, tall)


def page(panels: float, caption: str, key: float = 0.0) -> tuple[Figure, float, float]:
    """An empty figure with room for title, panels and caption; inches below the panels, and of the whole."""
    lines = textwrap.fill(caption, int(WIDTH * LETTERS_PER_INCH)).count("\n") + 1
    below = lines * CAPTION * LINE / POINTS + 0.15
    tall = ABOVE + key + panels + below
    return Figure(figsize=(WIDTH, tall)), below, tall


def finish(figure: Figure, made: Fitted, name: str, title: str, caption: str, tall: float) -> Path:
    """Title above, caption below, and what the figure was made from inside it."""
    text = textwrap.fill(caption, int(WIDTH * LETTERS_PER_INCH))
    figure.text(EDGE, 1 - 0.1 / tall, title, va="top", fontproperties=HEADING)
    figure.text(EDGE, 0.06 / tall, text, va="bottom", fontsize=CAPTION, color=QUIET, linespacing=LINE)
    about = {key: value for key, value in made.about.items() if key not in ("numbers", "priors", "units")}
    options: dict[str, Any] = {"format": "png", "dpi": RESOLUTION,
                               "metadata": {"panj": json.dumps(about, sort_keys=True)}}  # fmt: skip
    return write_file(made.folder / name, lambda file: figure.savefig(file, **options))


def show_fit(folder: Path) -> int:
    """The table of fitted numbers, what was written and what to do next."""
    made = read_fit(folder)
    console = Console(file=sys.stdout, width=None if sys.stdout.isatty() else TABLE_WIDTH, highlight=False)
    console.print(table_of(made))
    for line in (say_inside(made), say_learned(made), *say_pressed(made), *say_chains(made)):
        console.print(line, soft_wrap=True)
    if made.about["left_out"]:
        console.print(f"Not fitted, because the bank has no such outcome: {', '.join(made.about['left_out'])}")
    console.print("Written:")
    for path in sorted(path for path in folder.iterdir() if path.is_file()):
        console.print(f"  {path}", soft_wrap=True)
    console.print(f"Next: open {folder / 'report.html'}; or python -m sim calibration=posterior "
                  f"calibration.file={folder / 'posterior.parquet'}", soft_wrap=True)  # fmt: skip
    return 0


def say(cell: str) -> str:
    """A number to three figures."""
    return f"{float(cell):.3g}"


def table_of(made: Fitted) -> Table:
    """The fitted numbers, prior beside posterior."""
    about = made.about
    caption = (
        f"Tolerance {about['tolerance']:.3g}, in units of sqrt(sd² + spread²). Contraction: 1 less the share of the "
        "prior's variance that is left. Every other number keeps the draws of the accepted campaigns; all are in "
        "diagnostics.csv, shares of variance in screening.csv."
    )
    title = f"Fitted numbers. {say_fit(made)}"
    table = Table(title=title, title_justify="left", caption=caption, caption_justify="left", pad_edge=False)
    table.add_column("number", no_wrap=True)
    for name in ("prior median", "90 %", "posterior median", "90 %", "contraction", "KS"):
        table.add_column(name, justify="right", overflow="fold")
    for key in about["chosen"]:
        row = made.rows[key]
        prior, after = (
            (say(row[f"{what}_median"]), f"{say(row[f'{what}_low_90'])} to {say(row[f'{what}_high_90'])}")
            for what in ("prior", "posterior")
        )
        table.add_row(key.removeprefix("rules."), *prior, *after, say(row["contraction"]), say(row["ks_distance"]))
    return table


TARGET_ROW = 0.17  # inches a target


class Rivals(NamedTuple):
    """What lies on disk."""

    folder: Path
    about: dict[str, Any]
    weights: list[Row]
    told_apart: list[Row]
    targets: list[Row]


def read_theories(folder: Path) -> Rivals:
    """The files of a comparison; PanjError where one is missing or damaged."""
    try:
        about = dict(json.loads((folder / "theories.json").read_text(encoding="utf-8")))
        tables = []
        for name in ("theories.csv", "told_apart.csv", "theory_targets.csv"):
            with (folder / name).open(newline="", encoding="utf-8") as file:
                tables.append(list(csv.DictReader(file)))
    except OSError as error:
        raise PanjError(f"{error.filename}: cannot be read; python -m sim theories writes it") from None
    except ValueError as error:
        raise PanjError(
            f"{folder}: found something else ({error}), expected what python -m sim theories makes"
        ) from None
    return Rivals(folder, about, *tables)


def draw_theories(folder: Path) -> list[Path]:
    """Both figures."""
    made = read_theories(folder)
    with rc_context(STYLE):
        return [draw_weights(made), draw_targets(made)]


def say_banks(made: Rivals) -> str:
    """How many campaigns of which theories, and what they were held against."""
    counts = sorted(set(made.about["campaigns"]))
    many = f"{counts[0]:,}" if len(counts) == 1 else f"{counts[0]:,} to {counts[-1]:,}"
    return (f"{many} campaigns of each theory, drawn from the prior, not calibrated, held against the "
            f"{len(made.about['fitted'])} reported figures that are fitted.")  # fmt: skip


def draw_weights(made: Rivals) -> Path:
    """Weights by theory and tolerance; beside them the weights where the truth is known."""
    names = made.about["theories"]
    caption = (
        f"{say_banks(made)} Left: weight of each theory, all equally likely beforehand; bars are 95 % intervals of "
        "Monte Carlo error, from all, a third and a tenth of the accepted campaigns (dark to light). Right: mean "
        f"weight where the theory of the row is true, over {made.about['truths']} campaigns of it whose outcomes come "
        "near the record: rows that are alike cannot be told apart. Theories are compared on these figures alone."
    )
    figure, below, tall = blank(0.55 * len(names) + 0.9, caption)
    axes = place_axes(figure, (1.45, 2.15), below, tall)
    draw_bars(axes, made)
    axes = place_axes(figure, (4.9, 1.9), below, tall)
    draw_told_apart(axes, made)
    return finish_theories(figure, made, "theories.png", "Rival theories of the collapse", caption, tall)


def draw_bars(axes: Axes, made: Rivals) -> None:
    """A line a theory and tolerance."""
    names = made.about["theories"]
    tolerances = list(dict.fromkeys(row["accept"] for row in made.weights))
    for row in made.weights:
        shade = tolerances.index(row["accept"])
        colour = (SIMULATED, "#6d96bd", SIMULATED_LIGHT)[min(shade, 2)]
        place = names.index(row["theory"]) + 0.22 * (shade - 1)
        low, middle, high = (float(row[key]) for key in ("low_95", "weight", "high_95"))
        axes.plot([low, high], [place, place], color=colour, linewidth=2.6, solid_capstyle="butt")
        axes.plot([middle], [place], "o", color=colour, markersize=5)
    axes.set_yticks(range(len(names)), [name.replace("_", " ") for name in names], fontsize=9)
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.set_xlim(-0.02, 1.02)
    axes.set_xlabel("weight", fontsize=9)
    axes.tick_params(axis="x", labelsize=8)


def draw_told_apart(axes: Axes, made: Rivals) -> None:
    """Numbers on a ground that is the darker the more weight."""
    names = made.about["theories"]
    found = np.array([[float(row[name]) for name in names] for row in made.told_apart])
    axes.imshow(found, cmap=CHANCE, vmin=0, vmax=1, aspect="auto")
    for place, row in enumerate(found):
        for at, weight in enumerate(row):
            axes.text(at, place, f"{weight:.2f}", ha="center", va="center", fontsize=8.5,
                      color="white" if weight > 0.55 else INK)  # fmt: skip
    short = [name.replace("_", "\n") for name in names]
    axes.set_xticks(range(len(names)), short, fontsize=7)
    axes.set_yticks(range(len(names)), short, fontsize=7)
    axes.set_ylabel("true theory", fontsize=8.5)
    axes.set_xlabel("gets the weight", fontsize=8.5)
    axes.grid(visible=False)
    axes.tick_params(length=0)


def draw_targets(made: Rivals) -> Path:
    """A row a target, a column a theory: inside or outside the 90 % interval of its best campaigns."""
    names = made.about["theories"]
    targets = list(dict.fromkeys((row["event"], row["target"], row["use"]) for row in made.targets))
    inside = {(row["theory"], row["target"]): row["inside_90"] == "yes" for row in made.targets}
    caption = (
        f"{say_banks(made)} Of each theory the nearest {made.about['accept']:.2g} of them. Filled: the "
        "reported figure lies in their 90 % interval; open: it does not. * fitted; the others are only looked at. "
        "Targets of one event stand together and are not independent."
    )
    figure, below, tall = blank(TARGET_ROW * len(targets) + 0.55, caption)
    axes = place_axes(figure, (3.3, 3.4), below - 0.25, tall, above=0.95)
    for place, (_event, target, _use) in enumerate(targets):
        for at, name in enumerate(names):
            is_inside = inside.get((name, target))
            if is_inside is not None:
                colour, face = (SIMULATED, SIMULATED) if is_inside else (REPORTED, "white")
                shape = "o" if is_inside else "D"
                axes.plot([at], [place], shape, markersize=5, linewidth=0, color=colour, markerfacecolor=face)
    starts = [place for place in range(1, len(targets)) if targets[place][0] != targets[place - 1][0]]
    for place in starts:
        axes.axhline(place - 0.5, color=FAINT, linewidth=0.7, zorder=0)
    labels = [f"{target.replace('_', ' ')}{' *' if use == 'fitted' else ''}" for _event, target, use in targets]
    axes.set_yticks(range(len(targets)), labels, fontsize=7.5)
    axes.set_xticks(range(len(names)), [name.replace("_", "\n") for name in names], fontsize=8)
    axes.xaxis.set_ticks_position("top")
    axes.set_xlim(-0.6, len(names) - 0.4)
    axes.set_ylim(len(targets) - 0.4, -0.6)
    axes.tick_params(length=0)
    axes.grid(visible=False)
    return finish_theories(figure, made, "theory_targets.png", "What each theory leaves unexplained", caption, tall)


def blank(panels: float, caption: str) -> tuple[Figure, float, float]:
    """An empty figure; inches below its panels and of the whole."""
    below = (textwrap.fill(caption, int(WIDTH * LETTERS_PER_INCH)).count("\n") + 1) * CAPTION * LINE / POINTS + 0.8
    tall = below + panels + 0.45
    return Figure(figsize=(WIDTH, tall)), below, tall


def place_axes(figure: Figure, across: tuple[float, float], below: float, tall: float, above: float = 0.5) -> Axes:
    """Axes from so many inches from the left, so wide, above the caption and below the title."""
    left, width = across
    return figure.add_axes((left / WIDTH, below / tall, width / WIDTH, (tall - below - above) / tall))


def finish_theories(figure: Figure, made: Rivals, name: str, title: str, caption: str, tall: float) -> Path:
    """Title above, caption below, and what the figure was made from inside it."""
    text = textwrap.fill(caption, int(WIDTH * LETTERS_PER_INCH))
    figure.text(EDGE, 1 - 0.1 / tall, title, va="top", fontproperties=HEADING)
    figure.text(EDGE, 0.06 / tall, text, va="bottom", fontsize=CAPTION, color=QUIET, linespacing=LINE)
    options: dict[str, Any] = {"format": "png", "dpi": RESOLUTION,
                               "metadata": {"panj": json.dumps(made.about, sort_keys=True)}}  # fmt: skip
    return write_file(made.folder / name, lambda file: figure.savefig(file, **options))


def show_theories(folder: Path) -> int:
    """The sentences, what was written and what to do next."""
    made = read_theories(folder)
    console = Console(file=sys.stdout, width=None if sys.stdout.isatty() else TABLE_WIDTH, highlight=False)
    for part in ("weights", "told_apart", "failures"):
        for sentence in made.about[part]:
            console.print(sentence)
    console.print("Written:")
    for path in sorted(folder.iterdir()):
        console.print(f"  {path}", soft_wrap=True)
    console.print(f"Next: open {folder / 'theory_targets.png'}; or python -m sim theory=odds_only", soft_wrap=True)
    return 0
