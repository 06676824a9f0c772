"""Which numbers move an outcome, in the terminal and as figures: a tornado an outcome, and heat maps over all outcomes.

Reads   morris.csv, sobol.csv, outcomes.csv and sensitivity.json, which `sim.explore.sensitivity` wrote.
Writes  tornado_<outcome>.png, heat_map.png (Sobol') and screening.png (Morris) beside them.

Boxes in which an outcome lies beyond a threshold: a sentence each, and a figure of box and trade-off.

Reads   boxes.csv, limits.csv, trade_off.csv, campaigns.parquet and discover.json, which `sim.explore.discover` wrote.
Writes  boxes.png beside them.
"""

import csv
import json
import sys
import textwrap
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch, Rectangle
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullLocator, PercentFormatter
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from sim.calibrate.figures import page
from sim.calibrate.page import short
from sim.errors import PanjError
from sim.plots.colours import FAINT, INK, QUIET, REPORTED, SIMULATED, SIMULATED_DARK, SIMULATED_LIGHT
from sim.plots.style import (
    CAPTION,
    CHANCE,
    EDGE,
    HEADING,
    LETTERS_PER_INCH,
    LINE,
    RESOLUTION,
    STYLE,
    WIDTH,
)
from sim.study.files import write_file

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
    return write_file(path, lambda file: figure.savefig(file, **options))


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


BOX_PANEL, BOX_AXIS, BOX_HEAD, BOX_KEY = 2.35, 0.62, 0.28, 0.32  # inches: a panel, below and above it, the key
BOX_LEFT, BOX_GAP, BOX_RIGHT = 0.75, 0.72, 0.15  # inches beside and between panels
DOTS = 1500  # campaigns shown
TENTHS = 10
Floats = NDArray[np.float64]
Truths = NDArray[np.bool_]


class Discovered(NamedTuple):
    """Discoveries as they lie on disk."""

    folder: Path
    about: dict[str, Any]
    boxes: list[Row]
    limits: dict[str, list[Row]]  # by box
    steps: dict[str, list[Row]]
    campaigns: pa.Table  # of the half that did not shape the boxes

    @property
    def shown(self) -> list[Row]:
        """The findings; where there is none, the box that is none."""
        return [row for row in self.boxes if is_finding(row)] or self.boxes[:1]


def read_discovered(folder: Path) -> Discovered:
    """The files of a discovery; PanjError where one is missing or is something else."""
    try:
        about = dict(json.loads((folder / "discover.json").read_text(encoding="utf-8")))
        boxes, limits, steps = (rows_of(folder / f"{name}.csv") for name in ("boxes", "limits", "trade_off"))
        numbers = [row["box"] for row in boxes]
        of_limits, of_steps = (
            {box: [row for row in rows if row["box"] == box] for box in numbers} for rows in (limits, steps)
        )
        campaigns = pq.read_table(folder / "campaigns.parquet")
        return Discovered(folder, about, boxes, of_limits, of_steps, campaigns.filter(pc.field("half") == "other"))
    except OSError as error:
        raise PanjError(f"{error.filename}: cannot be read; python -m sim discover writes it") from None
    except (ValueError, KeyError) as error:
        raise PanjError(f"{folder}: found something else ({error}), expected discoveries") from None


def say_box(made: Discovered, row: Row) -> str:
    """One box as one sentence: where it lies, its density and its coverage, and whether it is more than luck."""
    earlier = " outside the boxes before" if int(row["box"]) > 1 else ""
    luck = [limit for limit in made.limits[row["box"]] if limit["holds"] == "no"]
    doubt = f"; {' and '.join(say_limit(limit) for limit in luck)} may be luck" if luck and is_finding(row) else ""
    begin = f"Box {row['box']}: where" if is_finding(row) else f"Box {row['box']} is no finding, but luck: where"
    density, low, high, elsewhere, coverage = (
        f"{float(row[key]):.0%}" for key in ("density", "density_low", "density_high", "density_elsewhere", "coverage")
    )
    return (
        f"{begin} {listed([say_limit(limit) for limit in made.limits[row['box']]])}, {say_case(made.about)} in "
        f"{density} of campaigns{earlier} (density, {low} to {high}; elsewhere {elsewhere}), and {coverage} of all "
        f"campaigns of that kind lie there (coverage){doubt}."
    )


def say_limit(limit: Row) -> str:
    """`news: fade days is above 5.2`."""
    return f"{short(limit['number'])} is {limit['side']} {float(limit['limit']):.3g}"


def listed(parts: Sequence[str]) -> str:
    """`a, b and c`."""
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"


def is_finding(row: Row) -> bool:
    """More than luck."""
    return row["finding"] == "yes"


def say_case(about: dict[str, Any]) -> str:
    """`"Soldiers who crossed in the largest night" is above 1,000`."""
    sides = {"above": "after", "below": "before"} if about["is_date"] else {"above": "above", "below": "below"}
    ends = [f"{sides[side]} {say_threshold(text)}" for side, text in about["thresholds"].items()]
    return f'"{about["label"]}" is {" and ".join(ends)}'


def say_threshold(text: str) -> str:
    """1,000, or 5 July 2021."""
    if text.count("-") == 2:
        day = date.fromisoformat(text)
        return f"{day.day} {day:%B %Y}"
    return f"{float(text):,g}"


def draw_discovered(folder: Path) -> list[Path]:
    """A row of two panels a box: where it lies, and what coverage costs in density."""
    made = read_discovered(folder)
    if not made.boxes:
        (folder / "boxes.png").unlink(missing_ok=True)
        return []
    with rc_context(STYLE):
        return [draw_boxes(made)]


def draw_boxes(made: Discovered) -> Path:
    """Every box, each on the campaigns that earlier ones left."""
    rows = len(made.shown)
    caption = (
        f"{say_bank(made)} Left: up to {DOTS:,} campaigns of the half that did not shape the boxes, without those in "
        "earlier boxes, along the two numbers that restrict a box most, on the scale of their priors (with one number: "
        "share of cases along it). Right: every step of the search, measured in both halves; where they part, the box "
        f"follows luck. Dotted: the share of cases among all. {say_reported_threshold(made.about)}"
    )
    figure, below, tall = page(rows * (BOX_PANEL + BOX_AXIS + BOX_HEAD), caption, BOX_KEY)
    wide = (WIDTH - BOX_LEFT - BOX_GAP - BOX_RIGHT) / 2
    for place, row in enumerate(made.shown):
        low = (below + (rows - 1 - place) * (BOX_PANEL + BOX_AXIS + BOX_HEAD) + BOX_AXIS) / tall
        where, trade = (
            figure.add_axes((left / WIDTH, low, wide / WIDTH, BOX_PANEL / tall))
            for left in (BOX_LEFT, BOX_LEFT + wide + BOX_GAP)
        )
        draw_where(where, made, row["box"])
        draw_trade_off(trade, made, row)
        luck = "" if is_finding(row) else " (no finding)"
        where.set_title(f"Box {row['box']}{luck}: density {float(row['density']):.2f}, coverage "
                        f"{float(row['coverage']):.2f}", fontsize=9)  # fmt: skip
    handles = [
        Line2D([], [], marker="o", linewidth=0, markersize=4, color=SIMULATED, label="case"),
        Line2D([], [], marker="o", linewidth=0, markersize=4, color=SIMULATED_LIGHT, label="other campaign"),
        Patch(fill=False, edgecolor=INK, linewidth=1.5, label="box"),
        Line2D([], [], color=SIMULATED, linewidth=1.6, label="in the other half"),
        Line2D([], [], color=SIMULATED_LIGHT, linewidth=1.6, label="where it was found"),
    ]
    figure.legend(handles=handles, loc="upper left", bbox_to_anchor=(0, 1 - 0.3 / tall), ncols=5, fontsize=7.5,
                  columnspacing=1.2)  # fmt: skip
    title = say_case(made.about).replace('"', "")
    return finish(figure, made.folder / "boxes.png", title, caption, tall, made.about)


def draw_where(axes: Axes, made: Discovered, box: str) -> None:
    """The campaigns along the two numbers that restrict most, and the box as a frame."""
    ranked = sorted(made.limits[box], key=lambda limit: float(limit["quasi_p"]))
    keys = list(dict.fromkeys(limit["number"] for limit in ranked))[:2]
    boxes = made.campaigns["box"].to_numpy()
    left = (boxes == 0) | (boxes >= int(box))
    cases = made.campaigns["case"].to_numpy()[left]
    columns = [made.campaigns[key].to_numpy()[left] for key in keys]
    if len(keys) == 1:
        draw_along(axes, made, box, keys[0], columns[0], cases)
        return
    for kind, colour, strength in ((False, SIMULATED_LIGHT, 0.5), (True, SIMULATED, 0.9)):
        shown = np.flatnonzero(cases[:DOTS] == kind)
        axes.scatter(columns[0][shown], columns[1][shown], s=5, color=colour, alpha=strength, linewidths=0)
    ends = [ends_of(made, box, key) for key in keys]
    frame = Rectangle((ends[0][0], ends[1][0]), ends[0][1] - ends[0][0], ends[1][1] - ends[1][0], fill=False,
                      edgecolor=INK, linewidth=1.5, zorder=4)  # fmt: skip
    axes.add_patch(frame)
    for name, key in zip("xy", keys, strict=True):
        scale_axis(axes, name, made, key)
    axes.grid(visible=False)


def draw_along(axes: Axes, made: Discovered, box: str, key: str, values: Floats, cases: Truths) -> None:
    """The share of cases in each tenth of the campaigns along one number, and the box as a span."""
    parts = np.array_split(np.argsort(values, kind="stable"), TENTHS)
    axes.plot([values[part].mean() for part in parts], [cases[part].mean() for part in parts], color=SIMULATED,
              marker="o", markersize=4)  # fmt: skip
    axes.axvspan(*ends_of(made, box, key), fill=False, edgecolor=INK, linewidth=1.5)
    scale_axis(axes, "x", made, key)
    axes.set_ylim(0, None)
    axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    axes.set_ylabel("share of cases", fontsize=8.5)
    axes.tick_params(labelsize=8)


def ends_of(made: Discovered, box: str, key: str) -> tuple[float, float]:
    """From where to where a box runs along a number."""
    low, high, _ = made.about["priors"][key]
    ends = {"above": low, "below": high}
    ends |= {limit["side"]: float(limit["limit"]) for limit in made.limits[box] if limit["number"] == key}
    return ends["above"], ends["below"]


def scale_axis(axes: Axes, name: str, made: Discovered, key: str) -> None:
    """From the lowest to the highest value of the prior, on its scale, with plain numbers."""
    low, high, scale = made.about["priors"][key]
    getattr(axes, f"set_{name}scale")(scale)
    getattr(axes, f"set_{name}lim")(low, high)
    axis = getattr(axes, f"{name}axis")
    if scale == "log":
        axis.set_major_locator(FixedLocator([low, (low * high) ** 0.5, high]))
        axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.2g}"))
        axis.set_minor_locator(NullLocator())
    else:
        axis.set_major_locator(MaxNLocator(4))
    getattr(axes, f"set_{name}label")(short(key), fontsize=8.5)
    axes.tick_params(labelsize=8)


def draw_trade_off(axes: Axes, made: Discovered, row: Row) -> None:
    """Coverage against density along the search."""
    steps = made.steps[row["box"]]
    for part, colour in (("found_", SIMULATED_LIGHT), ("", SIMULATED)):
        line = [(float(step[f"{part}coverage"]), float(step[f"{part}density"])) for step in steps]
        axes.plot(*np.transpose(line), color=colour, linewidth=1.4, marker="o", markersize=2.2)
    axes.plot(float(row["coverage"]), float(row["density"]), "s", markersize=8, markerfacecolor="none",
              markeredgecolor=INK, markeredgewidth=1.5, zorder=5)  # fmt: skip
    axes.axhline(made.about["cases"] / made.about["campaigns"], color=QUIET, linewidth=1.1, linestyle=":")
    axes.set_xlim(0, 1.03)
    axes.set_ylim(0, None)
    axes.set_xlabel("coverage: share of all cases", fontsize=8.5)
    axes.set_ylabel("density: cases in the box", fontsize=8.5)
    axes.tick_params(labelsize=8)


def say_bank(made: Discovered) -> str:
    """How many campaigns, of which bank."""
    about = made.about
    failed = f" {about['failed']:,} failed and are left out." if about["failed"] else ""
    never = " An event that did not come counts as later than the last day." if about["is_date"] else ""
    missing = f" {about['missing']:,} have no such outcome and are left out." if about["missing"] else ""
    return (
        f"{about['campaigns']:,} campaigns of {about['study']} (seeds {about['first_seed']} to {about['last_seed']}), "
        f"scenario {about['scenario']}, {about['calibration']}: {about['cases']:,} cases.{failed}{missing}{never} "
        "Boxes are found in every other campaign and measured in the rest."
    )


def say_reported_threshold(about: dict[str, Any]) -> str:
    """What was reported, beside the threshold."""
    return f"Reported: {about['reported']['text']} in evidence.csv." if about["reported"]["text"] else (
        "Nothing was reported of this outcome.")  # fmt: skip


def show_discovered(folder: Path) -> int:
    """The sentences, what was written and what to do next."""
    made = read_discovered(folder)
    console = Console(file=sys.stdout, width=None if sys.stdout.isatty() else TABLE_WIDTH, highlight=False)
    console.print(say_bank(made))
    if not any(map(is_finding, made.shown)):
        console.print(f"No box was found in which {say_case(made.about)} more often than elsewhere by more than luck.")
    for row in made.shown:
        console.print(say_box(made, row))
    console.print(say_reported_threshold(made.about))
    console.print("Numbers are those of the prior: shares of what was believed before any fit. Quasi-p values of each "
                  "limit are in limits.csv.")  # fmt: skip
    console.print("Written:")
    for path in sorted(folder.iterdir()):
        console.print(f"  {path}", soft_wrap=True)
    console.print(f"Next: {next_step_with_box(made)}", soft_wrap=True)
    return 0


def next_step_with_box(made: Discovered) -> str:
    """Live the first box; without one, ask otherwise."""
    if not made.boxes or not is_finding(made.boxes[0]):
        return "another threshold, or a larger bank: python -m sim bank runs=50000"
    words = []
    for key in dict.fromkeys(limit["number"] for limit in made.limits["1"]):
        low, high = ends_of(made, "1", key)
        words.append(f"{key}={(low + high) / 2:.4g}")
    return f"live in the middle of box 1: python -m sim {' '.join(words)} end_date={made.about['end_date']}"
