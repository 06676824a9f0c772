"""Print and draw the results of sensitivity studies and of box searches.

Each function that draws a complete figure saves it and returns its path.

Reads   morris.csv, sobol.csv, outcomes.csv and sensitivity.json, which `sim.explore.sensitivity` wrote; boxes.csv,
        limits.csv, trade_off.csv, campaigns.parquet and discover.json, which `sim.explore.discover` wrote.
Writes  tornado_<outcome>.png, heat_map.png (Sobol') and screening.png (Morris) for a sensitivity study, and boxes.png
        for boxes, each in the folder of the tables.
"""

import textwrap
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from matplotlib.axes import Axes
from matplotlib.patches import Patch, Rectangle
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullLocator
from numpy.typing import NDArray
from rich.table import Table

from sim.plots.captions import cite, describe_failures, name_number
from sim.plots.charts import (
    Spaces,
    add_key,
    draw_interval,
    key_line,
    key_mark,
    label_axes,
    mark_reported,
    new_panels,
    save_next_to,
    set_rows,
    shade_fields,
    tick_in_per_cent,
)
from sim.plots.colours import FAINT, INK, QUIET, REPORTED, SIMULATED, SIMULATED_DARK, SIMULATED_LIGHT
from sim.plots.style import WIDTH, in_style
from sim.plots.tables import Row, new_table, print_results, read_object, read_rows, reading
from sim.provenance import shell_command
from sim.study.reader import read_columns
from sim.wording import counted, format_day, list_words, paragraph, percent, reported_in_words, significant

CHANCE_ROW = "chance"  # value of the column `number` in the row for noise
NAMES, RIGHT = 2.0, 0.15  # left margin, for the names of parameters, and right margin, in inches
BAR, FIELD, HEAD = 0.24, 0.17, 0.125  # heights in inches: tornado row, heat map row, text line above a heat map
LEAST = 0.005  # lower end of its interval above which a total index is shown
DOTS = 1500  # largest number of campaigns drawn as dots
TENTHS = 10
Floats = NDArray[np.float64]
Truths = NDArray[np.bool_]


class Measured(NamedTuple):
    """The tables and metadata of a sensitivity study."""

    folder: Path
    about: dict[str, Any]
    morris: list[Row]
    sobol: list[Row]
    outcomes: dict[str, Row]

    def of(self, table: list[Row], outcome: str) -> list[Row]:
        """Return the rows of a table for one outcome, without the row for noise."""
        return [row for row in table if row["outcome"] == outcome and row["number"] != CHANCE_ROW]


def read_measured(folder: Path) -> Measured:
    """Read the files of a sensitivity study. Raise PanjError if one is missing or malformed."""
    with reading(folder, "sensitivity", "a sensitivity study"):
        morris, sobol, outcomes = (read_rows(folder / f"{name}.csv") for name in ("morris", "sobol", "outcomes"))
        about = read_object(folder / "sensitivity.json")
        return Measured(folder, about, morris, sobol, {row["outcome"]: row for row in outcomes})


@in_style
def draw_sensitivity(folder: Path) -> list[Path]:
    """Draw every figure of a sensitivity study, and delete figures of outcomes that are no longer requested.

    Args:
        folder: The folder written by `python -m sim sensitivity`.

    Returns:
        The paths of the figures.

    Raises:
        PanjError: A file is missing or malformed.
    """
    made = read_measured(folder)
    drawn = [draw_screening(made)]
    if made.sobol:
        drawn += [draw_heat_map(made), *(draw_tornado(made, outcome) for outcome in made.outcomes)]
    for path in {*folder.glob("tornado_*.png"), *folder.glob("heat_map.png")} - set(drawn):
        path.unlink()
    return drawn


def draw_tornado(made: Measured, outcome: str) -> Path:
    """Draw two panels for an outcome, with one row per parameter.

    The left panel shows the outcome at low and at high values of the parameter, and the reported figure. The right
    panel shows the Sobol' indices of the parameter.
    """
    rows, about = made.of(made.sobol, outcome), made.outcomes[outcome]
    caption = (
        f"{describe_design(made, about['design'])} Left: the outcome where a number is in the lowest and in the "
        "highest fifth of its prior, averaged over all other numbers; the line is the mean of all. Right: shares of "
        "the variance between points, due to the number alone (first) and including all its interactions (total), with "
        "95 % bootstrap intervals. Dotted: the share that is still due to chance "
        f"({percent(float(about['chance_left']))}); a total "
        f"index may include as much. {describe_shares(about)} {describe_sources(about)}"
    )
    spaces = Spaces(left=NAMES, right=RIGHT, top=0.1, bottom=0.5, across=0.3)
    figure, (effects, indices) = new_panels(2, 2, BAR * len(rows), spaces, widths=(2.75, 1.8))
    draw_effects(effects, rows, about)
    draw_indices(indices, rows, float(about["chance_left"]))
    handles = [
        Patch(color=SIMULATED_LIGHT, label="number in its lowest fifth"),
        Patch(color=SIMULATED_DARK, label="in its highest fifth"),
        *([key_line("reported", REPORTED, 1.8, linestyle="--")] if is_marked(about) else []),
        key_line("first order", SIMULATED, 5),
        key_line("total", SIMULATED_LIGHT, 5),
    ]
    add_key(figure, handles, 5, fontsize=7.5, handlelength=1.7)
    return save_next_to(made, f"tornado_{outcome}.png", figure, about["label"], caption)


def draw_effects(axes: Axes, rows: Sequence[Row], about: Row) -> None:
    """Draw bars from the overall mean of an outcome to its mean at low and at high values of each parameter."""
    mean = float(about["mean"])
    for place, row in enumerate(rows):
        ends = sorted(((float(row["at_low"]), SIMULATED_LIGHT), (float(row["at_high"]), SIMULATED_DARK)),
                      key=lambda end: -abs(end[0] - mean))  # fmt: skip
        for end, colour in ends:  # longer bars first, so that both are visible on the same side
            axes.barh(place, end - mean, 0.62, mean, color=colour, linewidth=0)
    axes.axvline(mean, color=INK, linewidth=0.9)
    if is_marked(about):
        value, low, high = (float(cell) if cell else None for cell in reported_cells(about))
        mark_reported(axes, value, low, high)
    set_rows(axes, len(rows))
    axes.set_yticks(range(len(rows)), [name_number(row["number"]) for row in rows], fontsize=8)
    axes.tick_params(axis="y", length=0)
    axes.locator_params(axis="x", nbins=5)
    axes.set_xlabel("days after the first day" if about["unit"] == "days" else about["unit"], fontsize=8.5)


def is_marked(about: Row) -> bool:
    """Return whether an outcome has a reported figure that can be drawn (not a date)."""
    return about["unit"] != "days" and any(reported_cells(about))


def reported_cells(about: Row) -> list[str]:
    """Return the reported value of an outcome and its low and high bounds as table cells, empty if missing."""
    return [about[f"reported_{part}"] for part in ("value", "low", "high")]


def draw_indices(axes: Axes, rows: Sequence[Row], left: float) -> None:
    """Draw total- and first-order indices with intervals, and a line at `left`, the share of variance due to noise."""
    for place, row in enumerate(rows):
        for name, shift, width, colour in (("total", 0.17, 0.3, SIMULATED_LIGHT), ("first", -0.17, 0.3, SIMULATED)):
            axes.barh(place + shift, max(0.0, float(row[name])), width, color=colour, linewidth=0)
            draw_interval(axes, place + shift, [float(row[f"{name}_low"]), float(row[f"{name}_high"])], INK, 0.9)
    axes.axvline(left, color=QUIET, linewidth=1.1, linestyle=":")
    set_rows(axes, len(rows))
    axes.set_xlim(0, max(0.2, *(float(row["total_high"]) for row in rows)) * 1.05)
    axes.locator_params(axis="x", nbins=4)
    axes.set_xlabel("share of the variance", fontsize=8.5)


def draw_heat_map(made: Measured) -> Path:
    """Draw a heat map of total Sobol' indices, with parameters as rows and outcomes as columns."""
    caption = (
        f"{describe_design(made, 'sobol')} Each field gives the total Sobol' index: the share of the variance between "
        "points that is due to the number and all its interactions. A field is empty where the 95 % bootstrap "
        f"interval includes the share that may be due to chance, or {percent(LEAST, 1)}. "
        f"{describe_sources(*made.outcomes.values())}"
    )
    fields = {
        (row["number"], row["outcome"]): float(row["total"])
        for row in made.sobol
        if row["number"] != CHANCE_ROW
        and float(row["total_low"]) > max(LEAST, float(made.outcomes[row["outcome"]]["chance_left"]))
    }
    keys = sorted(made.about["chosen"], key=lambda key: -sum(fields.get((key, one), 0.0) for one in made.outcomes))
    return draw_heat(made, "heat_map.png", "Numbers that affect each outcome", caption, fields, keys)


def draw_screening(made: Measured) -> Path:
    """Draw a heat map of mu* by parameter and outcome, each as a share of the largest mu* for that outcome."""
    caption = (
        f"{describe_design(made, 'morris')} Each field gives mu*, the mean size of a step of the number, as a share of "
        "the largest mu* of the outcome. A field is empty where mu* does not exceed the value that chance reaches "
        "for any of the numbers in 5 of 100 such screenings. Bold: chosen for Sobol' indices, "
        f"at most {len(made.about['chosen'])} of those that matter here. {describe_sources(*made.outcomes.values())}"
    )
    fields = {
        (row["number"], row["outcome"]): float(row["share_of_largest"])
        for row in made.morris
        if row["matters"] == "yes" and row["outcome"] in made.outcomes
    }
    numbers = dict.fromkeys(row["number"] for row in made.morris)
    keys = sorted(numbers, key=lambda key: -max(fields.get((key, one), 0.0) for one in made.outcomes))
    return draw_heat(made, "screening.png", "Screening: which numbers matter", caption, fields, keys)


def draw_heat(
    made: Measured, name: str, title: str, caption: str, fields: dict[tuple[str, str], float], keys: Sequence[str]
) -> Path:
    """Draw a heat map with parameters as rows and outcomes as columns, and save it.

    Args:
        made: The sensitivity study.
        name: File name of the figure.
        title: Title of the figure.
        caption: Caption of the figure.
        fields: Values by parameter and outcome; fields without a value are white.
        keys: Keys of the parameters, in the order of rows.
    """
    outcomes = list(made.outcomes.values())
    wide = min(WIDTH - NAMES - RIGHT, 1.3 * len(outcomes))
    letters = int(wide / len(outcomes) * 15)
    heads = ["\n".join(textwrap.wrap(one["label"], letters) + textwrap.wrap(describe_reported(one), letters))
             for one in outcomes]  # fmt: skip
    lines = max(head.count("\n") + 1 for head in heads)
    spaces = Spaces(left=NAMES, right=WIDTH - NAMES - wide, top=HEAD * lines + 0.15, bottom=0.05)
    figure, (axes,) = new_panels(1, 1, FIELD * len(keys), spaces)
    shade_fields(axes, np.array([[fields.get((key, one["outcome"]), np.nan) for one in outcomes] for key in keys]), 7)
    axes.set_yticks(range(len(keys)), [name_number(key) for key in keys], fontsize=7)
    for key, label in zip(keys, axes.get_yticklabels(), strict=True):
        label.set_fontweight("bold" if name == "screening.png" and key in made.about["chosen"] else "normal")
    axes.xaxis.tick_top()
    axes.set_xticks(range(len(outcomes)), heads, fontsize=7)
    axes.set_xticks(np.arange(len(outcomes) + 1) - 0.5, minor=True)
    axes.set_yticks(np.arange(len(keys) + 1) - 0.5, minor=True)
    axes.grid(which="minor", color=FAINT, linewidth=0.6)
    axes.tick_params(which="both", length=0)
    axes.spines[:].set_visible(False)
    return save_next_to(made, name, figure, title, caption)


def describe_design(made: Measured, design: str) -> str:
    """Describe a design: its campaigns, scenario, points and seeds, and the number of varied parameters."""
    about, one = made.about, made.about["designs"][design]
    numbers = about["designs"]["morris"]["numbers"]
    varied = f"All {one['numbers']}" if design == "morris" else f"{one['numbers']} of {numbers}"
    rest = "" if design == "morris" else "; the others have their declared values"
    first, last = about["first_seed"], about["last_seed"]
    of_seeds = (
        f"at each one campaign with the same seed, {first}"
        if first == last
        else f"at each the mean over the same seeds {first} to {last}"
    )
    return paragraph(
        f"{counted(one['campaigns'], 'campaign')} to {about['end_date']}, scenario {about['scenario']}: "
        f"{counted(one['points'], 'point')}, {of_seeds} (common random "
        f"numbers). {varied} uncertain numbers vary over their priors, not calibrated{rest}.",
        describe_failures(one["failed"]),
    )


def describe_shares(about: Row) -> str:
    """Return a sentence on the shares of the variance of single campaigns that are due to parameters and to noise."""
    if not any(float(about[key]) for key in ("share_numbers", "share_chance")):
        return "It does not vary here, so there is no effect to measure."
    return (
        f"Of the variance of single campaigns here, the numbers explain {percent(float(about['share_numbers']))} "
        f"and chance {percent(float(about['share_chance']))}."
    )


def describe_reported(about: Row) -> str:
    """Format the reported figure of an outcome, or return `not reported`."""
    return f"reported {about['reported_text'].partition(' (')[0]}" if about["reported_text"] else "not reported"


def describe_sources(*outcomes: Row) -> str:
    """Return a sentence on the sources of the reported figures, or one stating that nothing was reported."""
    ids = cite(*(one["evidence"] for one in outcomes))
    return f"Sources: {', '.join(ids)} in evidence.csv." if ids else "Nothing was reported on it."


def show_sensitivity(folder: Path) -> int:
    """Print one table per outcome and the files written, and suggest the next command.

    Args:
        folder: The folder of the sensitivity study.

    Returns:
        The exit code, which is always 0.

    Raises:
        PanjError: A file is missing or malformed.
    """
    made = read_measured(folder)
    files = [*sorted(folder.glob("*.csv")), *sorted(folder.glob("*.png"))]
    return print_results([table_of(made, about) for about in made.outcomes.values()], files, next_step(made))


def table_of(made: Measured, about: Row) -> Table:
    """Return the table of parameters for one outcome, in descending order of total index.

    Without Sobol' indices, the table contains the ten parameters with the largest mu*.
    """
    mean = significant(float(about["mean"]))
    title = f"{about['label']}: mean {mean} {about['unit']}, reported {about['reported_text'] or '-'}"
    caption = f"{describe_design(made, about['design'])} {describe_shares(about)}"
    if made.sobol:
        heads = ("total index", "95 %", "first", "95 %", "in its lowest fifth", "highest")
        table = new_table(title, caption, "number", heads)
        for row in made.of(made.sobol, about["outcome"]):
            ends = (significant(float(row[key])) for key in ("at_low", "at_high"))
            table.add_row(row["number"].removeprefix("rules."), *index(row, "total"), *index(row, "first"), *ends)
        table.add_row("chance left in the means", f"{float(about['chance_left']):.2f}", *[""] * 5)
        return table
    table = new_table(title, caption, "number", ("mu*", "95 %", "floor of chance"))
    for row in made.of(made.morris, about["outcome"])[:10]:
        middle, low, high, floor = (
            significant(float(row[key])) for key in ("mu_star", "mu_star_low", "mu_star_high", "floor_of_chance")
        )
        table.add_row(row["number"].removeprefix("rules."), middle, f"{low} to {high}", floor)
    return table


def index(row: Row, name: str) -> tuple[str, str]:
    """Return a Sobol' index and its interval as table cells."""
    return f"{float(row[name]):.2f}", f"{float(row[f'{name}_low']):.2f} to {float(row[f'{name}_high']):.2f}"


def next_step(made: Measured) -> str:
    """Suggest a command that sweeps the parameter with the largest total index for the first outcome.

    If there are no Sobol' indices, suggest the same study with twice as many campaigns per point.
    """
    if not made.sobol:
        words = [word for word in made.about["words"] if not word.startswith("runs=")]
        runs = 2 * made.about["runs"]
        return f"more campaigns per point: {shell_command([*words, f'runs={runs}'])}"
    key = made.sobol[0]["number"]
    low, high, scale = made.about["priors"][key]
    middle = (low * high) ** 0.5 if scale == "log" else (low + high) / 2
    swept = ["-m", f"{key}={low:.3g},{middle:.3g},{high:.3g}", f"end_date={made.about['end_date']}"]
    return f"see it: {shell_command(swept)}"


class Discovered(NamedTuple):
    """The tables and metadata of discovered boxes."""

    folder: Path
    about: dict[str, Any]
    boxes: list[Row]
    limits: dict[str, list[Row]]  # rows of limits.csv, by box
    steps: dict[str, list[Row]]  # rows of trade_off.csv, by box
    campaigns: pa.Table  # table of the campaigns in the holdout half

    @property
    def shown(self) -> list[Row]:
        """The rows of all findings or, if there are none, of the first box."""
        return [row for row in self.boxes if is_finding(row)] or self.boxes[:1]


def read_discovered(folder: Path) -> Discovered:
    """Read the files written by `python -m sim discover`. Raise PanjError if one is missing or malformed."""
    with reading(folder, "discover", "discoveries"):
        boxes, *others = (read_rows(folder / f"{name}.csv") for name in ("boxes", "limits", "trade_off"))
        limits, steps = (
            {box["box"]: [row for row in rows if row["box"] == box["box"]] for box in boxes} for rows in others
        )
        campaigns = read_columns(folder / "campaigns.parquet").filter(pc.field("half") == "other")
        return Discovered(folder, read_object(folder / "discover.json"), boxes, limits, steps, campaigns)


def describe_box(made: Discovered, row: Row) -> str:
    """Describe a box in one sentence: its limits, density and coverage, and whether it is a finding."""
    earlier = " outside earlier boxes" if int(row["box"]) > 1 else ""
    limits = made.limits[row["box"]]
    doubtful = [describe_limit(limit) for limit in limits if limit["holds"] == "no"]
    doubt = f"; {list_words(doubtful)} may be due to chance" if doubtful and is_finding(row) else ""
    begin = f"Box {row['box']}: where" if is_finding(row) else f"Box {row['box']} is not a finding: where"
    density, low, high, elsewhere, coverage = (
        percent(float(row[key])) for key in ("density", "density_low", "density_high", "density_elsewhere", "coverage")
    )
    return (
        f"{begin} {list_words([describe_limit(limit) for limit in limits])}, {describe_case(made.about)} in "
        f"{density} of campaigns{earlier} (density, {low} to {high}; elsewhere {elsewhere}), and {coverage} of all "
        f"campaigns of that kind are in it (coverage){doubt}."
    )


def describe_limit(limit: Row) -> str:
    """Describe a limit of a box, such as `news: fade days is above 5.2`."""
    return f"{name_number(limit['number'])} is {limit['side']} {significant(float(limit['limit']))}"


def is_finding(row: Row) -> bool:
    """Return whether a row of boxes.csv describes a finding, as defined in `sim.explore.discover`."""
    return row["finding"] == "yes"


def describe_case(about: dict[str, Any]) -> str:
    """Describe the condition of a case: `"Soldiers who crossed in the largest night" is above 1,000`."""
    sides = {"above": "after", "below": "before"} if about["is_date"] else {"above": "above", "below": "below"}
    ends = [f"{sides[side]} {format_threshold(text)}" for side, text in about["thresholds"].items()]
    return f'"{about["label"]}" is {" and ".join(ends)}'


def format_threshold(text: str) -> str:
    """Format a threshold, such as `1,000` or `5 July 2021`."""
    if text.count("-") == 2:
        return format_day(date.fromisoformat(text), year=True)
    return f"{float(text):,g}"


@in_style
def draw_discovered(folder: Path) -> list[Path]:
    """Draw each box, and the trade-off between coverage and density during its search.

    Args:
        folder: The folder that `python -m sim discover` wrote.

    Returns:
        The path of boxes.png, in a list that is empty if no box was found.

    Raises:
        PanjError: A file is missing or malformed.
    """
    made = read_discovered(folder)
    if not made.boxes:
        (folder / "boxes.png").unlink(missing_ok=True)
        return []
    return [draw_boxes(made)]


def draw_boxes(made: Discovered) -> Path:
    """Draw a row of two panels for each box: its position among the campaigns, and the steps of its search."""
    caption = (
        f"{describe_sample(made)} Left: up to {DOTS:,} campaigns of the half not used to find the boxes, without "
        "those in earlier boxes, along the two numbers that restrict a box most, on the scale of their priors (with "
        "one number: share of cases along it). Right: every step of the search, measured in both halves; where they "
        "differ, the box fits noise. Dotted: the share of cases among all campaigns. "
        f"{describe_threshold(made.about)}"
    )
    spaces = Spaces(left=0.75, right=RIGHT, top=0.3, bottom=0.5, across=0.72, down=0.9)
    figure, panels = new_panels(2 * len(made.shown), 2, 2.35, spaces)
    for where, trade, row in zip(panels[::2], panels[1::2], made.shown, strict=True):
        draw_where(where, made, row["box"])
        draw_trade_off(trade, made, row)
        doubt = "" if is_finding(row) else " (no finding)"
        numbers = f"density {float(row['density']):.2f}, coverage {float(row['coverage']):.2f}"
        where.set_title(f"Box {row['box']}{doubt}: {numbers}", fontsize=9)
    handles = [
        key_mark("case", "o", SIMULATED, markersize=4),
        key_mark("other campaign", "o", SIMULATED_LIGHT, markersize=4),
        Patch(fill=False, edgecolor=INK, linewidth=1.5, label="box"),
        key_line("in the other half", SIMULATED),
        key_line("where it was found", SIMULATED_LIGHT),
    ]
    add_key(figure, handles, 5, fontsize=7.5)
    return save_next_to(made, "boxes.png", figure, describe_case(made.about).replace('"', ""), caption)


def draw_where(axes: Axes, made: Discovered, box: str) -> None:
    """Plot the campaigns against the two parameters whose limits are most significant, with the box as a frame.

    If the box restricts a single parameter, plot the share of cases against this parameter instead.
    """
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
    sides = [high - low for low, high in ends]
    frame: dict[str, Any] = {"fill": False, "edgecolor": INK, "linewidth": 1.5, "zorder": 4}
    axes.add_patch(Rectangle((ends[0][0], ends[1][0]), *sides, **frame))
    for name, key in zip("xy", keys, strict=True):
        scale_axis(axes, name, made, key)
    axes.grid(visible=False)


def draw_along(axes: Axes, made: Discovered, box: str, key: str, values: Floats, cases: Truths) -> None:
    """Plot the share of cases in each tenth of the campaigns along a parameter, and mark the range of the box."""
    parts = np.array_split(np.argsort(values, kind="stable"), TENTHS)
    axes.plot([values[part].mean() for part in parts], [cases[part].mean() for part in parts], color=SIMULATED,
              marker="o", markersize=4)  # fmt: skip
    axes.axvspan(*ends_of(made, box, key), fill=False, edgecolor=INK, linewidth=1.5)
    scale_axis(axes, "x", made, key)
    axes.set_ylim(0, None)
    axes.yaxis.set_major_formatter(FuncFormatter(tick_in_per_cent))
    axes.set_ylabel("share of cases", fontsize=8.5)


def ends_of(made: Discovered, box: str, key: str) -> tuple[float, float]:
    """Return the lower and upper limit of a box on one parameter, or the end of the prior where there is none."""
    low, high, _ = made.about["priors"][key]
    ends = {"above": low, "below": high}
    ends |= {limit["side"]: float(limit["limit"]) for limit in made.limits[box] if limit["number"] == key}
    return ends["above"], ends["below"]


def scale_axis(axes: Axes, name: str, made: Discovered, key: str) -> None:
    """Set the range and scale of an axis to those of a parameter's prior, and its label to the parameter's name.

    Args:
        axes: Axes to change.
        name: `x` or `y`.
        made: The discovered boxes, whose metadata contain the priors.
        key: Key of the parameter.
    """
    low, high, scale = made.about["priors"][key]
    getattr(axes, f"set_{name}scale")(scale)
    getattr(axes, f"set_{name}lim")(low, high)
    axis = getattr(axes, f"{name}axis")
    if scale == "log":
        axis.set_major_locator(FixedLocator([low, (low * high) ** 0.5, high]))
        axis.set_major_formatter(FuncFormatter(lambda value, _: significant(value, 2)))
        axis.set_minor_locator(NullLocator())
    else:
        axis.set_major_locator(MaxNLocator(4))
    getattr(axes, f"set_{name}label")(name_number(key), fontsize=8.5)
    axes.tick_params(labelsize=8)


def draw_trade_off(axes: Axes, made: Discovered, row: Row) -> None:
    """Plot density against coverage after every step of the search for a box, in both halves."""
    steps = made.steps[row["box"]]
    for part, colour in (("found_", SIMULATED_LIGHT), ("", SIMULATED)):
        line = [(float(step[f"{part}coverage"]), float(step[f"{part}density"])) for step in steps]
        axes.plot(*np.transpose(line), color=colour, linewidth=1.4, marker="o", markersize=2.2)
    axes.plot(float(row["coverage"]), float(row["density"]), "s", markersize=8, markerfacecolor="none",
              markeredgecolor=INK, markeredgewidth=1.5, zorder=5)  # fmt: skip
    axes.axhline(made.about["cases"] / made.about["campaigns"], color=QUIET, linewidth=1.1, linestyle=":")
    axes.set_xlim(0, 1.03)
    axes.set_ylim(0, None)
    label_axes(axes, "coverage: share of all cases", "density: cases in the box")


def describe_sample(made: Discovered) -> str:
    """Return sentences that describe the sample: the number of campaigns, their bank, and the number of cases."""
    about = made.about
    return paragraph(
        f"{about['campaigns']:,} campaigns of {about['study']} (seeds {about['first_seed']} to {about['last_seed']}), "
        f"scenario {about['scenario']}, {about['calibration']}: {counted(about['cases'], 'case')}.",
        describe_failures(about["failed"]),
        "One does not have the outcome and is left out."
        if about["missing"] == 1
        else f"{about['missing']:,} do not have the outcome and are left out."
        if about["missing"]
        else "",
        "An event that did not occur counts as later than the last day." if about["is_date"] else "",
        "Boxes are found in every other campaign and measured in the rest.",
    )


def describe_threshold(about: dict[str, Any]) -> str:
    """Return a sentence with the reported figure of the outcome, or one stating that nothing was reported."""
    text = reported_in_words(about["reported"], about["unit"])
    return f"Reported: {text} in evidence.csv." if text else "Nothing was reported on this outcome."


def show_discovered(folder: Path) -> int:
    """Print one sentence per box and the files written, and suggest the next command.

    Args:
        folder: The folder that `python -m sim discover` wrote.

    Returns:
        The exit code, which is always 0.

    Raises:
        PanjError: A file is missing or malformed.
    """
    made = read_discovered(folder)
    lines = [describe_sample(made)]
    if not any(map(is_finding, made.shown)):
        case = describe_case(made.about)
        lines.append(f"No box was found in which {case} significantly more often than elsewhere.")
    lines += [describe_box(made, row) for row in made.shown]
    lines.append(describe_threshold(made.about))
    lines.append("Shares are shares of the prior, before any fit. The quasi-p value of each limit is in limits.csv.")
    return print_results(lines, sorted(folder.iterdir()), suggest_run(made))


def suggest_run(made: Discovered) -> str:
    """Suggest a run in the middle of the first box, or another search if that box is not a finding."""
    if not made.boxes or not is_finding(made.boxes[0]):
        return f"another threshold, or a larger bank: {shell_command(['bank', 'runs=50000'])}"
    overrides = []
    for key in dict.fromkeys(limit["number"] for limit in made.limits["1"]):
        low, high = ends_of(made, "1", key)
        overrides.append(f"{key}={(low + high) / 2:.4g}")
    command = shell_command([*overrides, f"end_date={made.about['end_date']}"])
    return f"run in the middle of box 1: {command}"
