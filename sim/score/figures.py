"""A score as tables in the terminal: targets, forecasts beside each other, districts of the north-east, posts, events.

Reads   score.csv, score_districts.csv, score_forecasts.csv, score_split.csv and score.json, which `sim.score.score`
        wrote; nothing is computed here.

The chart of a score: a row a target, each on its own scale, what was simulated beside what was reported.

Reads   the rows of score.csv and what score.json says of all of them.
Writes  score.png beside them.
"""

import csv
import json
import math
import sys
import textwrap
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from rich.console import Console
from rich.table import Table

from sim.errors import PanjError
from sim.plots.colours import FAINT, INK, QUIET, REPORTED, SIMULATED, SIMULATED_LIGHT
from sim.plots.style import (
    CAPTION,
    EDGE,
    HEADING,
    LETTERS_PER_INCH,
    LINE,
    POINTS,
    RESOLUTION,
    STYLE,
    WIDTH,
)
from sim.study.files import write_errors, write_file

LETTERS_WIDE = 132  # letters, where there is no terminal
FILES = ("score.csv", "score_districts.csv", "score_forecasts.csv", "score_split.csv", "score.json")
Row = dict[str, str]


class Scores(NamedTuple):
    """A score as it lies on disk."""

    folder: Path
    about: dict[str, Any]
    targets: list[Row]
    forecasts: list[Row]
    split: list[Row]

    @property
    def others(self) -> list[str]:
        """The forecasts beside Panj."""
        return [one["name"] for one in self.about["forecasts"][1:]]


def read_scores(folder: Path) -> Scores:
    """The files of a score; PanjError where one is missing or is something else."""
    try:
        about = dict(json.loads((folder / "score.json").read_text(encoding="utf-8")))
        tables = [rows_of(folder / name) for name in ("score.csv", "score_forecasts.csv", "score_split.csv")]
        if not tables[0]:
            raise ValueError("no rows in score.csv")
        return Scores(folder, about, *tables)
    except OSError as error:
        raise PanjError(f"{error.filename}: cannot be read; python -m sim score writes it") from None
    except ValueError as error:
        raise PanjError(
            f"{folder}: found something else ({error}), expected the files of python -m sim score"
        ) from None


def rows_of(path: Path) -> list[Row]:
    """The rows of a table by column."""
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def main(folder: Path) -> int:
    """Show, draw, and say what to do next; 0 whatever the score."""
    console = Console(width=None if sys.stdout.isatty() else LETTERS_WIDE, highlight=False, markup=False)
    scores = read_scores(folder)
    for table in (targets_table(scores), forecasts_table(scores), districts_table(scores), split_table(scores)):
        console.print(table)
    for line in sentences(scores):
        console.print(line, soft_wrap=True)
    picture = draw_scores(folder, scores.targets, scores.about)
    console.print("Written:")
    for path in (*(folder / name for name in FILES), picture):
        console.print(f"  {path}", soft_wrap=True)
    console.print(f"Next: open {picture}; or score a decision: python -m sim score border=closed", soft_wrap=True)
    return 0


def title_of(scores: Scores) -> str:
    """How many campaigns, with which seeds, how far to trust them."""
    about = scores.about
    label = f", {about['label']}" if about["label"] else ""
    return (f"{about['study']}{label}: {about['campaigns']:,} campaigns, seeds {about['first_seed']} to "
            f"{about['last_seed']}, {about['calibration']}")  # fmt: skip


def new_table(title: str, caption: str) -> Table:
    """A table with its title and caption at the left."""
    return Table(title=title, caption=caption, title_justify="left", caption_justify="left", pad_edge=False)


def add_numbers(table: Table, names: Sequence[str]) -> None:
    """Columns of numbers."""
    for name in names:
        table.add_column(name, justify="right", overflow="fold")


def targets_table(scores: Scores) -> Table:
    """Every target, by event."""
    table = new_table(
        f"Reported and simulated. {title_of(scores)}",
        "Inside: the number reported, or some of its range, lies in the 90 % interval; (yes): only with the error of "
        "observation. CRPS: lower is better, in the unit of the outcome (log targets: of the logarithm), ± one Monte "
        "Carlo error. * fitted later, the others only scored.",
    )
    table.add_column("target", no_wrap=True)
    add_numbers(table, ("reported", "median", "50 %", "90 %"))
    table.add_column("inside")
    add_numbers(table, ("CRPS",))
    for event, rows in by_event(scores.targets):
        table.add_row(event.replace("_", " "), style="bold")
        for row in rows:
            mark = " *" if row["use"] == "fitted" else ""
            table.add_row(
                f"  {row['target']}{mark}", say_reported(row), say(row["median"]), say_range(row, 50),
                say_range(row, 90), say_inside(row), say_score(row["crps"], row["crps_error"]),
            )  # fmt: skip
    return table


def forecasts_table(scores: Scores) -> Table:
    """The CRPS of Panj and of every other forecast, target by target."""
    late = "; ".join(f"{one['name']}: {one['about']} (knows {one['knows']})" for one in scores.about["forecasts"][1:])
    table = new_table(
        f"CRPS beside other forecasts. {title_of(scores)}",
        f"Lower is better; empty: it says nothing of the target, or was told. {late}. Naive forecasts are fitted to "
        "counts up to 22 June; before that day they are no forecasts.",
    )
    table.add_column("target", no_wrap=True)
    add_numbers(table, ("panj", *(name.replace("_", " ") for name in scores.others)))
    for row in (row for _, rows in by_event(scores.targets) for row in rows):
        if any(row[name] for name in scores.others):
            table.add_row(row["target"], *(say(row[name]) for name in ("crps", *scores.others)))
    return table


def districts_table(scores: Scores) -> Table:
    """Dates and chances over the districts of the north-east."""
    keys = (
        "absolute_error_days",
        "days_late",
        "brier_2021_06_22",
        "auc_2021_06_22",
        "brier_2021_07_05",
        "auc_2021_07_05",
    )
    known = scores.forecasts[0] if scores.forecasts else dict.fromkeys(
        ("dated", "known_2021_06_22", "lost_2021_06_22", "known_2021_07_05", "lost_2021_07_05"), "0")  # fmt: skip
    table = new_table(
        f"North-east and frontier, district by district. {title_of(scores)}",
        f"Median date of fall against the days that the record allows ({known['dated']} dated districts; not lost by 7 "
        f"July counts as 8 July, so that error is a lower bound); Brier score and AUC of lost by 22 June "
        f"({known['lost_2021_06_22']} lost of {known['known_2021_06_22']} of which it is known) and by 5 July "
        f"({known['lost_2021_07_05']} of {known['known_2021_07_05']}; three of the rest are provincial capitals, which "
        "no naive forecast lets fall, so this AUC says little). ± one bootstrap error. A coin: Brier 0.25, AUC 0.5."
        + ("" if scores.forecasts else " No record of campaigns (chunks/) is kept in this study: no scores."),
    )
    table.add_column("forecast", overflow="fold")
    heads = ("error, days", "late, days", "Brier 22 June", "AUC 22 June", "Brier 5 July", "AUC 5 July")
    add_numbers(table, (*heads, "not lost by 7 July"))
    for row in scores.forecasts:
        cells = (say_score(row[key], row[f"{key}_error"]) for key in keys)
        table.add_row(row["forecast"].replace("_", " "), *cells, row["not_lost"])
    return table


def split_table(scores: Scores) -> Table:
    """Shares of the posts in the largest night."""
    campaigns = scores.split[0]["campaigns"] if scores.split else "0"
    table = new_table(
        f"Split of the largest night over posts, share of soldiers. {title_of(scores)}",
        f"Of the {campaigns} campaigns in which somebody crossed at these posts in that night; half a group of men is "
        "added to each post, as in the error of the target.",
    )
    table.add_column("post")
    add_numbers(table, ("reported", "median", "50 %", "90 %"))
    table.add_column("inside")
    for row in scores.split:
        post = row["outcome"].removeprefix("largest_night_")
        table.add_row(post, say(row["reported"]), say(row["median"]), say_range(row, 50), say_range(row, 90),
                      row["inside_90"])  # fmt: skip
    return table


def sentences(scores: Scores) -> list[str]:
    """What the tables come to, each independent event counted once."""
    events, targets = scores.about["events"], scores.targets
    inside = sum(row["inside_90"] == "yes" for row in targets)
    with_error = sum(row["inside_90_with_error"] == "yes" for row in targets)
    fitted = [row for row in events if row["fitted"]]
    whole = sum(row["inside"] == row["targets"] for row in events)
    none = sum(row["inside"] == 0 for row in events)
    met = sum(row["fitted_inside"] == row["fitted"] for row in fitted)
    lines = [
        f"Inside the 90 % interval: {inside} of {len(targets)} targets ({with_error} with the error of observation). "
        f"By event: all targets in {whole} of {len(events)} events, none in {none}; all targets that are to be fitted "
        f"in {met} of {len(fitted)}."
    ]
    for name, found in scores.about["against"].items():
        everything, late = found["all"], found["after_22_june"]
        lines.append(
            f"Against {name.replace('_', ' ')}: CRPS lower on {everything['better']} targets, higher on "
            f"{everything['worse']}, {everything['cannot_tell']} cannot be told; of those after 22 June lower on "
            f"{late['better']}, higher on {late['worse']}."
        )
    lines.append("The targets of one event tell of the same thing; do not count them as independent.")
    return lines


def say_reported(row: Row) -> str:
    """The number, its range, or its bound."""
    low, high = say(row["reported_low"]), say(row["reported_high"])
    if row["error"] == "multinomial":
        return f"{say(row['reported'])} apart"
    if row["reported"] and low == high:
        return say(row["reported"])
    span = f"{low} to {high}" if low and high else f"at least {low}" if low else f"at most {high}"
    return f"{say(row['reported'])} ({span})" if row["reported"] else span


def say_range(row: Row, per_cent: int) -> str:
    """`5 to 36`."""
    low, high = say(row[f"low_{per_cent}"]), say(row[f"high_{per_cent}"])
    return low if low == high else f"{low} to {high}"


def say_inside(row: Row) -> str:
    """Yes, no, or only with the error of observation."""
    return "(yes)" if row["inside_90"] == "no" and row["inside_90_with_error"] == "yes" else row["inside_90"]


def say_score(value: str, error: str) -> str:
    """`0.0126 ± 0.0007`."""
    return f"{float(value):.3g} ± {float(error):.1g}" if value and error else say(value)


ROW, ABOVE = 0.155, 0.95  # inches: a row, and the room above the panel
LEFT, RIGHT, AXIS = 2.2, 1.85, 0.5  # inches beside and below the panel
REACH = 3.0  # half-widths of the 90 % interval that are shown; what lies farther is set at the edge with an arrow


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
        with write_errors(folder / "score.png", "score"):
            return write_file(folder / "score.png", lambda file: figure.savefig(file, **options))


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
