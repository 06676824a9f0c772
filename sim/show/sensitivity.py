"""Which numbers move an outcome, in the terminal and as figures: a tornado an outcome, and heat maps over all outcomes.

Reads   morris.csv, sobol.csv, outcomes.csv and sensitivity.json, which `sim.study.sensitivity` wrote.
Writes  tornado_<outcome>.png, heat_map.png (Sobol') and screening.png (Morris) beside them.
"""

import csv
import json
import sys
import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from rich.console import Console
from rich.table import Table

from sim.errors import PanjError
from sim.show.calibration import page, short
from sim.show.colours import (
    FAINT,
    INK,
    QUIET,
    REPORTED,
    SIMULATED,
    SIMULATED_DARK,
    SIMULATED_LIGHT,
)
from sim.show.style import (
    CAPTION,
    CHANCE,
    EDGE,
    HEADING,
    LETTERS_PER_INCH,
    LINE,
    RESOLUTION,
    STYLE,
    WIDTH,
    write_whole,
)

LUCK = "chance"  # the row of luck among the numbers
LEFT, GAP, RIGHT, INDICES = 2.0, 0.3, 0.15, 1.8  # inches: number names, between and beside panels, the right panel
BAR, AXIS, KEY = 0.24, 0.5, 0.42  # inches: a row of a tornado, the axis below it, the key above
FIELD, HEAD = 0.17, 0.125  # inches: a row of a heat map, a line of the names of outcomes above it
LEAST = 0.005  # total index that is shown
DARK = 0.45  # of the shades, from which letters are white
TABLE_WIDTH = 118  # letters, where there is no terminal
Row = dict[str, str]


class Measured(NamedTuple):
    """A sensitivity study as it lies on disk."""

    folder: Path
    about: dict[str, Any]
    morris: list[Row]
    sobol: list[Row]
    outcomes: dict[str, Row]

    def of(self, table: list[Row], outcome: str) -> list[Row]:
        """The rows of one outcome without that of chance."""
        return [row for row in table if row["outcome"] == outcome and row["number"] != LUCK]


def read_measured(folder: Path) -> Measured:
    """The files of a sensitivity study; PanjError where one is missing or is something else."""
    try:
        about = dict(json.loads((folder / "sensitivity.json").read_text(encoding="utf-8")))
        morris, sobol, outcomes = (rows_of(folder / f"{name}.csv") for name in ("morris", "sobol", "outcomes"))
        return Measured(folder, about, morris, sobol, {row["outcome"]: row for row in outcomes})
    except OSError as error:
        raise PanjError(f"{error.filename}: cannot be read; python -m sim sensitivity writes it") from None
    except (ValueError, KeyError) as error:
        raise PanjError(f"{folder}: found something else ({error}), expected a sensitivity study") from None


def rows_of(path: Path) -> list[Row]:
    """The rows of a table."""
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def draw_sensitivity(folder: Path) -> list[Path]:
    """Every figure; those of outcomes that are no longer asked for go away."""
    made = read_measured(folder)
    with rc_context(STYLE):
        drawn = [draw_screening(made)]
        if made.sobol:
            drawn += [draw_heat_map(made), *(draw_tornado(made, outcome) for outcome in made.outcomes)]
    for path in {*folder.glob("tornado_*.png"), *folder.glob("heat_map.png")} - set(drawn):
        path.unlink()
    return drawn


def draw_tornado(made: Measured, outcome: str) -> Path:
    """Left, how far the outcome goes with each number, beside what was reported; right, its Sobol' indices."""
    rows, about = made.of(made.sobol, outcome), made.outcomes[outcome]
    caption = (
        f"{say_made(made, about['design'])} Left: the outcome where a number lies in the lowest and in the highest "
        "fifth of its prior, on average over all others here; the line is the mean of all. Right: shares of the "
        "variance between points, by the number alone (first) and with all its interactions (total), with 95\u00a0% "
        f"bootstrap intervals. Dotted: what the luck of the seeds leaves in it ({float(about['chance_left']):.0%}); a "
        f"total index may hold so much of it. {say_shares(made, about)} {say_sources(about)}"
    )
    figure, below, tall = page(BAR * len(rows) + AXIS, caption, KEY)
    wide = WIDTH - LEFT - GAP - RIGHT - INDICES
    across, high = (below + AXIS) / tall, BAR * len(rows) / tall
    effects = figure.add_axes((LEFT / WIDTH, across, wide / WIDTH, high))
    indices = figure.add_axes(((LEFT + wide + GAP) / WIDTH, across, INDICES / WIDTH, high))
    draw_effects(effects, rows, about)
    draw_indices(indices, rows, float(about["chance_left"]))
    handles = [
        Patch(color=SIMULATED_LIGHT, label="number in its lowest fifth"),
        Patch(color=SIMULATED_DARK, label="in its highest fifth"),
        Line2D([], [], color=REPORTED, linewidth=1.8, label="reported"),
        Line2D([], [], color=SIMULATED, linewidth=5, label="first order"),
        Line2D([], [], color=SIMULATED_LIGHT, linewidth=5, label="total"),
    ]
    figure.legend(handles=handles, loc="upper left", bbox_to_anchor=(0, 1 - 0.3 / tall), ncols=5, fontsize=7.5,
                  columnspacing=1.2, handlelength=1.2)  # fmt: skip
    return finish(figure, made.folder / f"tornado_{outcome}.png", about["label"], caption, tall, made.about)


def draw_effects(axes: Axes, rows: Sequence[Row], about: Row) -> None:
    """A bar to either side of the mean for each number."""
    mean = float(about["mean"])
    for place, row in enumerate(rows):
        ends = sorted(((float(row["at_low"]), SIMULATED_LIGHT), (float(row["at_high"]), SIMULATED_DARK)),
                      key=lambda end: -abs(end[0] - mean))  # fmt: skip
        for end, colour in ends:  # the longer first, so that both are seen where they lie on one side
            axes.barh(place, end - mean, 0.62, mean, color=colour, linewidth=0)
    axes.axvline(mean, color=INK, linewidth=0.9)
    draw_reported(axes, about)
    dress(axes, len(rows))
    axes.set_yticks(range(len(rows)), [short(row["number"]) for row in rows], fontsize=8)
    axes.locator_params(axis="x", nbins=5)
    axes.set_xlabel("days after the first day" if about["unit"] == "days" else about["unit"], fontsize=8.5)


def draw_reported(axes: Axes, about: Row) -> None:
    """A line at what was reported, a band over its range."""
    ends = [float(about[f"reported_{end}"]) for end in ("low", "value", "high") if about[f"reported_{end}"]]
    if not ends or about["unit"] == "days":
        return
    axes.axvspan(min(ends), max(ends), color=REPORTED, alpha=0.15, linewidth=0)
    axes.axvline(float(about["reported_value"]) if about["reported_value"] else ends[0], color=REPORTED, linewidth=1.8)


def draw_indices(axes: Axes, rows: Sequence[Row], left: float) -> None:
    """First in total order, each with its interval."""
    for place, row in enumerate(rows):
        for name, shift, width, colour in (("total", 0.17, 0.3, SIMULATED_LIGHT), ("first", -0.17, 0.3, SIMULATED)):
            axes.barh(place + shift, max(0.0, float(row[name])), width, color=colour, linewidth=0)
            axes.plot([float(row[f"{name}_low"]), float(row[f"{name}_high"])], [place + shift] * 2, color=INK,
                      linewidth=0.9)  # fmt: skip
    axes.axvline(left, color=QUIET, linewidth=1.1, linestyle=":")
    dress(axes, len(rows))
    axes.set_yticks(range(len(rows)), [])
    axes.set_xlim(0, max(0.2, *(float(row["total_high"]) for row in rows)) * 1.05)
    axes.locator_params(axis="x", nbins=4)
    axes.set_xlabel("share of the variance", fontsize=8.5)


def dress(axes: Axes, rows: int) -> None:
    """The first row on top, no lines across."""
    axes.set_ylim(rows - 0.5, -0.5)
    axes.grid(axis="y", visible=False)
    axes.tick_params(axis="x", labelsize=8)
    axes.tick_params(axis="y", length=0)


def draw_heat_map(made: Measured) -> Path:
    """Total Sobol' indices: numbers down, outcomes across."""
    caption = (
        f"{say_made(made, 'sobol')} In each field the total Sobol' index: the share of the variance between points "
        "that goes with the number and all its interactions. A field is empty where the 95\u00a0% bootstrap interval "
        f"reaches down to what the luck of the seeds may put there, or to {LEAST:.1%}. "
        f"{say_sources(*made.outcomes.values())}"
    )
    fields = {
        (row["number"], row["outcome"]): float(row["total"])
        for row in made.sobol
        if row["number"] != LUCK
        and float(row["total_low"]) > max(LEAST, float(made.outcomes[row["outcome"]]["chance_left"]))
    }
    keys = sorted(made.about["chosen"], key=lambda key: -sum(fields.get((key, one), 0.0) for one in made.outcomes))
    return draw_heat(made, "heat_map.png", "What moves each outcome", caption, fields, keys)


def draw_screening(made: Measured) -> Path:
    """Morris's mu*, as a share of the largest of its outcome, of every number."""
    caption = (
        f"{say_made(made, 'morris')} In each field mu*, the mean size of a step of the number, as a share of the "
        "largest of its outcome. A field is empty where it is no more than what luck alone reaches for any "
        "of the numbers in 5 of 100 such screenings. Bold: chosen for Sobol' indices, "
        f"at most {len(made.about['chosen'])} of those that matter here. {say_sources(*made.outcomes.values())}"
    )
    fields = {
        (row["number"], row["outcome"]): float(row["share_of_largest"])
        for row in made.morris
        if row["matters"] == "yes" and row["outcome"] in made.outcomes
    }
    numbers = dict.fromkeys(row["number"] for row in made.morris)
    keys = sorted(numbers, key=lambda key: -max(fields.get((key, one), 0.0) for one in made.outcomes))
    return draw_heat(made, "screening.png", "Which numbers matter at all", caption, fields, keys)


def draw_heat(
    made: Measured, name: str, title: str, caption: str, fields: dict[tuple[str, str], float], keys: Sequence[str]
) -> Path:
    """Shaded fields with their numbers; an empty one is white."""
    outcomes = list(made.outcomes.values())
    wide = min(WIDTH - LEFT - RIGHT, 1.3 * len(outcomes))
    letters = int(wide / len(outcomes) * 15)
    heads = ["\n".join(textwrap.wrap(one["label"], letters) + textwrap.wrap(say_reported(one), letters))
             for one in outcomes]  # fmt: skip
    lines = max(head.count("\n") + 1 for head in heads)
    figure, below, tall = page(HEAD * lines + FIELD * len(keys), caption)
    axes = figure.add_axes((LEFT / WIDTH, below / tall, wide / WIDTH, FIELD * len(keys) / tall))
    shades = np.array([[fields.get((key, one["outcome"]), np.nan) for one in outcomes] for key in keys])
    axes.imshow(shades, CHANCE, aspect="auto", vmin=0, vmax=1)
    for (down, across), value in np.ndenumerate(shades):
        if not np.isnan(value):
            axes.text(across, down, f"{value:.2f}", ha="center", va="center", fontsize=7,
                      color="white" if value > DARK else INK)  # fmt: skip
    axes.set_yticks(range(len(keys)), [short(key) for key in keys], fontsize=7)
    for key, words in zip(keys, axes.get_yticklabels(), strict=True):
        words.set_fontweight("bold" if name == "screening.png" and key in made.about["chosen"] else "normal")
    axes.xaxis.tick_top()
    axes.set_xticks(range(len(outcomes)), heads, fontsize=7)
    axes.set_xticks(np.arange(len(outcomes) + 1) - 0.5, minor=True)
    axes.set_yticks(np.arange(len(keys) + 1) - 0.5, minor=True)
    axes.grid(visible=False)
    axes.grid(which="minor", color=FAINT, linewidth=0.6)
    axes.tick_params(which="both", length=0)
    for spine in axes.spines.values():
        spine.set_visible(False)
    return finish(figure, made.folder / name, title, caption, tall, made.about)


def finish(figure: Figure, path: Path, title: str, caption: str, tall: float, about: dict[str, Any]) -> Path:
    """Title above, caption below, and inside the file what it was made from."""
    figure.text(EDGE, 1 - 0.1 / tall, title, va="top", fontproperties=HEADING)
    figure.text(EDGE, 0.06 / tall, textwrap.fill(caption, int(WIDTH * LETTERS_PER_INCH)), va="bottom", fontsize=CAPTION,
                color=QUIET, linespacing=LINE)  # fmt: skip
    said = json.dumps({key: value for key, value in about.items() if key != "priors"}, sort_keys=True)
    options: dict[str, Any] = {"format": "png", "dpi": RESOLUTION, "metadata": {"panj": said}}
    return write_whole(path, lambda file: figure.savefig(file, **options))


def say_made(made: Measured, design: str) -> str:
    """How many campaigns, and that their numbers come from the prior."""
    about, one = made.about, made.about["designs"][design]
    failed = f" {one['failed']:,} failed and are left out." if one["failed"] else ""
    numbers = about["designs"]["morris"]["numbers"]
    varied = f"All {one['numbers']}" if design == "morris" else f"{one['numbers']} of {numbers}"
    rest = "" if design == "morris" else "; the others have their declared values"
    return (
        f"{one['campaigns']:,} campaigns to {about['end_date']}, scenario {about['scenario']}: {one['points']:,} "
        f"points, at each the mean over the same seeds {about['first_seed']} to {about['last_seed']} (common random "
        f"numbers). {varied} uncertain numbers vary over their priors, not calibrated{rest}.{failed}"
    )


def say_shares(made: Measured, about: Row) -> str:
    """What numbers and chance decide in one campaign."""
    return (
        f"Of the variance of single campaigns here, the numbers explain {float(about['share_numbers']):.0%} and chance "
        f"{float(about['share_chance']):.0%}."
    )


def say_reported(about: Row) -> str:
    """Below the name of an outcome."""
    return f"reported {about['reported_text'].partition(' (')[0]}" if about["reported_text"] else "not reported"


def say_sources(*outcomes: Row) -> str:
    """Where the reported figures stand."""
    ids = list(dict.fromkeys(id for one in outcomes for id in one["evidence"].replace(",", " ").split()))
    return f"Sources: {', '.join(ids)} in evidence.csv." if ids else "Nothing was reported of it."


def show_sensitivity(folder: Path) -> int:
    """A table an outcome, what was written and what to do next."""
    made = read_measured(folder)
    console = Console(file=sys.stdout, width=None if sys.stdout.isatty() else TABLE_WIDTH, highlight=False)
    for about in made.outcomes.values():
        console.print(table_of(made, about))
    console.print("Written:")
    for path in [*sorted(folder.glob("*.csv")), *sorted(folder.glob("*.png"))]:
        console.print(f"  {path}", soft_wrap=True)
    console.print(f"Next: {next_step(made)}", soft_wrap=True)
    return 0


def table_of(made: Measured, about: Row) -> Table:
    """The numbers of one outcome by their total index, or by mu* where there are no indices."""
    title = f"{about['label']}: mean {say(about['mean'])} {about['unit']}, reported {about['reported_text'] or '-'}"
    caption = f"{say_made(made, about['design'])} {say_shares(made, about)}"
    table = Table(title=title, title_justify="left", caption=caption, caption_justify="left", pad_edge=False)
    table.add_column("number", no_wrap=True)
    if made.sobol:
        for name in ("total index", "95 %", "first", "95 %", "in its lowest fifth", "highest"):
            table.add_column(name, justify="right")
        for row in made.of(made.sobol, about["outcome"]):
            table.add_row(row["number"].removeprefix("rules."), *index(row, "total"), *index(row, "first"),
                          say(row["at_low"]), say(row["at_high"]))  # fmt: skip
        table.add_row("chance left in the means", f"{float(about['chance_left']):.2f}", *[""] * 5)
        return table
    for name in ("mu*", "95 %", "floor of chance"):
        table.add_column(name, justify="right")
    for row in made.of(made.morris, about["outcome"])[:10]:
        ends = f"{say(row['mu_star_low'])} to {say(row['mu_star_high'])}"
        table.add_row(row["number"].removeprefix("rules."), say(row["mu_star"]), ends, say(row["floor_of_chance"]))
    return table


def index(row: Row, name: str) -> tuple[str, str]:
    """An index and its interval."""
    return f"{float(row[name]):.2f}", f"{float(row[f'{name}_low']):.2f} to {float(row[f'{name}_high']):.2f}"


def say(cell: str) -> str:
    """A number to three figures."""
    return f"{float(cell):,.0f}" if abs(float(cell)) >= 100 else f"{float(cell):.3g}"


def next_step(made: Measured) -> str:
    """See the number that moves the first outcome most."""
    if not made.sobol:
        return "python -m sim sensitivity with more runs, or other outcomes"
    key = made.sobol[0]["number"]
    low, high, scale = made.about["priors"][key]
    middle = (low * high) ** 0.5 if scale == "log" else (low + high) / 2
    return f"see it: python -m sim -m {key}={low:.3g},{middle:.3g},{high:.3g} end_date={made.about['end_date']}"
