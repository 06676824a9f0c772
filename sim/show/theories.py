"""Rival theories as sentences in the terminal and two figures: weights, and what each theory leaves unexplained.

Reads   theories.csv, told_apart.csv, theory_targets.csv and theories.json, which `sim.study.theories` wrote.
Writes  theories.png and theory_targets.png beside them.
"""

import csv
import json
import sys
import textwrap
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from rich.console import Console

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
    CHANCE,
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

ROW = 0.17  # inches a target
TABLE_WIDTH = 118  # letters, where there is no terminal
Row = dict[str, str]


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
    return finish(figure, made, "theories.png", "Rival theories of the collapse", caption, tall)


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
    figure, below, tall = blank(ROW * len(targets) + 0.55, caption)
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
    return finish(figure, made, "theory_targets.png", "What each theory leaves unexplained", caption, tall)


def blank(panels: float, caption: str) -> tuple[Figure, float, float]:
    """An empty figure; inches below its panels and of the whole."""
    below = (textwrap.fill(caption, int(WIDTH * LETTERS_PER_INCH)).count("\n") + 1) * CAPTION * LINE / POINTS + 0.8
    tall = below + panels + 0.45
    return Figure(figsize=(WIDTH, tall)), below, tall


def place_axes(figure: Figure, across: tuple[float, float], below: float, tall: float, above: float = 0.5) -> Axes:
    """Axes from so many inches from the left, so wide, above the caption and below the title."""
    left, width = across
    return figure.add_axes((left / WIDTH, below / tall, width / WIDTH, (tall - below - above) / tall))


def finish(figure: Figure, made: Rivals, name: str, title: str, caption: str, tall: float) -> Path:
    """Title above, caption below, and what the figure was made from inside it."""
    text = textwrap.fill(caption, int(WIDTH * LETTERS_PER_INCH))
    figure.text(EDGE, 1 - 0.1 / tall, title, va="top", fontproperties=HEADING)
    figure.text(EDGE, 0.06 / tall, text, va="bottom", fontsize=CAPTION, color=QUIET, linespacing=LINE)
    options: dict[str, Any] = {"format": "png", "dpi": RESOLUTION,
                               "metadata": {"panj": json.dumps(made.about, sort_keys=True)}}  # fmt: skip
    return write_whole(made.folder / name, lambda file: figure.savefig(file, **options))


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
