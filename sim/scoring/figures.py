"""Print the scores of a study and draw a chart of reported and simulated figures, with one row per target.

Reads   score.csv, score_forecasts.csv, score_split.csv and score.json, which `sim.scoring.score` wrote.
Writes  score.png next to them.
"""

import math
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple

from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from rich.table import Table

from sim.plots.captions import describe_failures, true_minus
from sim.plots.charts import (
    Spaces,
    add_key,
    draw_interval,
    draw_median,
    key_line,
    key_mark,
    label_row,
    new_panels,
    save_chart,
    set_rows,
)
from sim.plots.colours import FAINT, INK, QUIET, REPORTED, SIMULATED, SIMULATED_LIGHT
from sim.plots.style import in_style
from sim.plots.tables import Row, new_table, print_results, read_object, read_rows, reading
from sim.provenance import fitted_until, shell_command
from sim.study.files import write_errors
from sim.wording import counted, format_day, format_short_day, paragraph, significant, span, with_range

LETTERS = 132  # line width in characters if the output is not a terminal
FILES = ("score.csv", "score_districts.csv", "score_forecasts.csv", "score_split.csv", "score.json")
SPREAD = ("reported", "median", "50 %", "90 %")


class Scores(NamedTuple):
    """The tables and metadata of a score."""

    folder: Path
    about: dict[str, Any]
    targets: list[Row]
    forecasts: list[Row]
    split: list[Row]

    @property
    def others(self) -> list[str]:
        """Names of the forecasts other than Panj."""
        return [one["name"] for one in self.about["forecasts"][1:]]


def read_scores(folder: Path) -> Scores:
    """Read the files in the folder of a score. Raise PanjError if one is missing or malformed."""
    with reading(folder, "score", "the files of python -m sim score"):
        about = read_object(folder / "score.json")
        tables = [read_rows(folder / f"{name}.csv") for name in ("score", "score_forecasts", "score_split")]
        if not tables[0]:
            raise ValueError("no rows in score.csv")
        return Scores(folder, about, *tables)


def main(folder: Path) -> int:
    """Print the tables of a score, draw its chart and suggest the next command.

    Args:
        folder: Folder to which `sim.scoring.score` wrote the tables.

    Returns:
        The exit code, which is always 0, whatever the score.

    Raises:
        PanjError: A file is missing, malformed or cannot be written.
    """
    scores = read_scores(folder)
    tables = targets_table(scores), forecasts_table(scores), districts_table(scores), split_table(scores)
    picture = draw_scores(scores)
    next_step = f"open {picture}; or score a decision: {shell_command(['score', 'border=closed'])}"
    return print_results(
        [*tables, *sentences(scores)], [*(folder / name for name in FILES), picture], next_step, LETTERS
    )


def title_of(scores: Scores) -> str:
    """Return the common part of all table titles: study, number of campaigns, seeds and source of the parameters."""
    about = scores.about
    return f"{about['study']}{label_of(about)}: {campaigns_of(about)}, {about['calibration']}"


def label_of(about: Mapping[str, Any]) -> str:
    """Return the swept values of the cell that is scored, after a comma; empty if nothing is swept."""
    return f", {about['label']}" if about["label"] else ""


def campaigns_of(about: Mapping[str, Any]) -> str:
    """Return the number of campaigns that are scored, and their seeds."""
    return f"{counted(about['campaigns'], 'campaign')}, seeds {about['first_seed']} to {about['last_seed']}"


def fitted_days(about: Mapping[str, Any]) -> str:
    """Format the last day of the reports that were fitted; empty if all reports were fitted."""
    until = fitted_until(about["calibration"])
    return format_day(until) if until else ""


def about_marked(about: Mapping[str, Any]) -> str:
    """Return the sentence that explains the asterisk on some targets."""
    if days := fitted_days(about):
        return f"* marks targets up to {days}, the only ones available to the fit."
    return "* marks targets that the first fit of calibrate uses; its refined fit uses all."


def targets_table(scores: Scores) -> Table:
    """Return a table of all targets, grouped by event."""
    table = new_table(
        f"Reported and simulated. {title_of(scores)}",
        "Inside: the reported number, or part of its range, is in the 90 % interval; (yes): only with the observation "
        "error. CRPS: lower is better, in the unit of the outcome (log targets: of the logarithm), ± one Monte Carlo "
        f"error. {about_marked(scores.about)}",
        "target", SPREAD,
    )  # fmt: skip
    table.add_column("inside")
    table.add_column("CRPS", justify="right", overflow="fold")
    for event, rows in by_event(scores.targets):
        table.add_row(event.replace("_", " "), style="bold")
        for row in rows:
            mark = " *" if row["use"] == "fitted" else ""
            inside = "(yes)" if row["inside_90"] == "no" and row["inside_90_with_error"] == "yes" else row["inside_90"]
            crps = format_score(row["crps"], row["crps_error"])
            table.add_row(f"  {row['target']}{mark}", format_reported(row), *spread_cells(row), inside, crps)
    return table


def spread_cells(row: Row) -> list[str]:
    """Return table cells for the median and the 50 % and 90 % intervals."""
    ranges = ([format_cell(row[f"{end}_{per_cent}"]) for end in ("low", "high")] for per_cent in (50, 90))
    return [format_cell(row["median"]), *(span(low, high) for low, high in ranges)]


def forecasts_table(scores: Scores) -> Table:
    """Return a table of the CRPS of Panj and of every other forecast, per target."""
    late = "; ".join(f"{one['name']}: {one['about']} (knows {one['knows']})" for one in scores.about["forecasts"][1:])
    table = new_table(
        f"CRPS of other forecasts. {title_of(scores)}",
        "Lower is better. A cell is empty if the forecast does not cover the target, or was made with data that "
        f"reveal it. {late}. Naive forecasts are "
        "fitted to counts up to 22 June; up to that day they are not forecasts.",
        "target", ("panj", *(name.replace("_", " ") for name in scores.others)),
    )  # fmt: skip
    for row in (row for _, rows in by_event(scores.targets) for row in rows):
        if any(row[name] for name in scores.others):
            table.add_row(row["target"], *(format_cell(row[name]) for name in ("crps", *scores.others)))
    return table


def districts_table(scores: Scores) -> Table:
    """Return a table of how well each forecast predicts falls in the districts of the north-east and of the frontier.

    The scores are of the dates of falls, and of the probabilities that districts are lost by 22 June and by 5 July.
    """
    heads = {
        "absolute_error_days": "error, days", "days_late": "late, days", "brier_2021_06_22": "Brier 22 June",
        "auc_2021_06_22": "AUC 22 June", "brier_2021_07_05": "Brier 5 July", "auc_2021_07_05": "AUC 5 July",
    }  # fmt: skip
    counts = ("dated", "known_2021_06_22", "lost_2021_06_22", "known_2021_07_05", "lost_2021_07_05")
    known = scores.forecasts[0] if scores.forecasts else dict.fromkeys(counts, "0")
    table = new_table(
        f"North-east and frontier, district by district. {title_of(scores)}",
        f"Median date of fall against the days that the record allows ({known['dated']} dated districts; not lost by 7 "
        f"July counts as 8 July, so that error is a lower bound); Brier score and AUC of lost by 22 June "
        f"({known['lost_2021_06_22']} lost of {known['known_2021_06_22']} of which it is known) and by 5 July "
        f"({known['lost_2021_07_05']} of {known['known_2021_07_05']}; three of the rest are provincial capitals, which "
        "no naive forecast covers, so this AUC is uninformative). ± one bootstrap error. No skill: Brier 0.25, AUC 0.5."
        + ("" if scores.forecasts else " This study has no stored campaigns (chunks/), so there are no scores."),
        "forecast", (*heads.values(), "not lost by 7 July"), wrap_first=True,
    )  # fmt: skip
    for row in scores.forecasts:
        cells = (format_score(row[key], row[f"{key}_error"]) for key in heads)
        table.add_row(row["forecast"].replace("_", " "), *cells, row["not_lost"])
    return table


def split_table(scores: Scores) -> Table:
    """Return a table of each post's reported and simulated share of the soldiers who crossed in the largest night."""
    campaigns = int(scores.split[0]["campaigns"]) if scores.split else 0
    table = new_table(
        f"Split of the largest night over posts, share of soldiers. {title_of(scores)}",
        f"Of the {counted(campaigns, 'campaign')} in which anybody crossed at these posts in that night; half a group "
        "of men is added to each post, as in the error of the target.",
        "post", SPREAD,
    )  # fmt: skip
    table.add_column("inside")
    for row in scores.split:
        post = row["outcome"].removeprefix("largest_night_")
        table.add_row(post, format_cell(row["reported"]), *spread_cells(row), row["inside_90"])
    return table


def sentences(scores: Scores) -> list[str]:
    """Return sentences that summarise the tables, by target and by event."""
    events, targets = scores.about["events"], scores.targets
    inside = sum(row["inside_90"] == "yes" for row in targets)
    with_error = sum(row["inside_90_with_error"] == "yes" for row in targets)
    fitted = [row for row in events if row["fitted"]]
    whole = sum(row["inside"] == row["targets"] for row in events)
    none = sum(row["inside"] == 0 for row in events)
    met = sum(row["fitted_inside"] == row["fitted"] for row in fitted)
    lines = [
        f"Inside the 90 % interval: {inside} of {len(targets)} targets ({with_error} with the observation error). "
        f"By event: all targets in {whole} of {len(events)} events, none in {none}; all targets "
        f"{f'up to {days}' if (days := fitted_days(scores.about)) else 'of the first fit'} in {met} of {len(fitted)}."
    ]
    for name, found in scores.about["against"].items():
        everything, late = found["all"], found["after_22_june"]
        lines.append(
            f"Against {name.replace('_', ' ')}: CRPS lower on {everything['better']} targets, higher on "
            f"{everything['worse']}, {everything['cannot_tell']} too close to decide; of those after 22 June lower on "
            f"{late['better']}, higher on {late['worse']}."
        )
    lines.append("Targets of the same event are not independent; do not count them as separate successes.")
    return lines


def format_reported(row: Row) -> str:
    """Format the reported figure of the target in a row of score.csv: a number, a range, a bound, or a split.

    A split is given as the mean distance of the reported split from the simulated ones.
    """
    low, high = format_cell(row["reported_low"]), format_cell(row["reported_high"])
    value = format_cell(row["reported"])
    if row["error"] == "multinomial":
        return f"{value} apart"
    return with_range(value, low, high)


def format_score(value: str, error: str) -> str:
    """Format a score and its standard error: `0.0126 ± 0.0007`."""
    return f"{significant(float(value))} ± {float(error):.1g}" if value and error else format_cell(value)


ROW = 0.155  # row height, inches
# half-width of the chart, in half-widths of the 90 % interval; a reported value beyond it is drawn as an arrow
REACH = 3.0


class Interval(NamedTuple):
    """An interval to be drawn for every target: the columns of its ends, its legend label and its style."""

    columns: str  # template of the column names, such as `{}_90`, filled with low and high
    label: str
    width: float = 4.6
    colour: str = SIMULATED
    shift: float = 0.0  # distance above the middle of the row, in rows

    def ends(self, row: Row) -> tuple[str, str]:
        """Return the lower and upper end of the interval as table cells, which are empty if there is no interval."""
        return row[self.columns.format("low")], row[self.columns.format("high")]


class Look(NamedTuple):
    """Table columns and labels of the simulated values in a chart of targets."""

    intervals: Sequence[Interval]  # the first is drawn at the bottom
    of_scale: str = ""  # prefix of the columns of the 90 % interval that defines the scale from -1 to 1
    shown: str = ""  # prefix of the columns of the median and interval printed on the right
    inside: str = "inside_90"  # column that states whether the reported value is inside the interval
    name: str = "median"  # label of the printed values
    scale: str = "90 % interval"  # name of the interval that defines the scale


class Scale(NamedTuple):
    """The scale of one row of the chart, with the 90 % interval from -1 to 1."""

    middle: float
    half: float
    is_log: bool

    def place(self, cell: str) -> float:
        """Return the position of a table cell on the scale; nan if the cell is empty."""
        return (level(cell, self.is_log) - self.middle) / self.half


@in_style
def draw_scores(scores: Scores) -> Path:
    """Draw the chart of all targets, grouped by event, and save it atomically as score.png in the folder of the score.

    Returns:
        The path of the figure.

    Raises:
        PanjError: The figure cannot be written.
    """
    intervals = Interval("{}_90", "90 % of campaigns", 2.2, SIMULATED_LIGHT), Interval("{}_50", "50 %")
    figure, handles = draw_targets(scores.targets, Look(intervals))
    handles += [key_line("its range", REPORTED, 2.0), key_line("its error (1 sd)", REPORTED, 0.9)]
    add_key(figure, handles, 4, fontsize=7.5)
    path, about = scores.folder / "score.png", scores.about
    with write_errors(path, "score"):
        return save_chart(figure, path, "Targets: reported and simulated", caption_of(about), about["provenance"])


def draw_targets(rows: Sequence[Row], look: Look) -> tuple[Figure, list[Artist]]:
    """Draw one row per target, each on its own scale, with its intervals, its median and the reported value.

    The reported value, the median and the 90 % interval are also printed on the right of the row.

    Args:
        rows: Rows of a table of targets, with columns `event`, `target`, `use`, `scale`, `error`, `sd` and `reported*`.
        look: The intervals to draw, the columns that they are read from, and the labels.

    Returns:
        The figure without title and caption, and its legend entries.
    """
    lines: list[str | Row] = []
    for event, group in by_event(rows):
        lines += [event, *group]
    spaces = Spaces(left=2.2, right=1.85, top=0.22, bottom=0.5)
    figure, (axes,) = new_panels(1, 1, ROW * len(lines), spaces)
    for place, line in enumerate(lines):
        if isinstance(line, str):
            label_row(axes, place, -0.02, line.replace("_", " "), fontweight="bold")
            axes.axhline(place + 0.5, color=FAINT, linewidth=0.6, zorder=0)
        else:
            draw_target(axes, place, line, look)
    set_rows(axes, len(lines))
    axes.set_xlim(-REACH - 0.15, REACH + 0.15)
    axes.set_xticks(range(-3, 4), [true_minus(str(half)) for half in range(-3, 4)])
    axes.set_xlabel(f"half-widths of the {look.scale} from its middle", fontsize=8.5)
    for end in (-1, 1):
        axes.axvline(end, color=QUIET, linewidth=0.7, linestyle=":", zorder=1)
    label_row(axes, -1.1, 1.02, f"reported | {look.name} (90 %)", color=QUIET)
    handles: list[Artist] = [key_line(one.label, one.colour, one.width) for one in look.intervals]
    handles += [key_mark(look.name if look.name == "median" else f"{look.name}, median", "|", INK, markersize=8)]
    handles += [
        key_mark("reported, inside"),
        key_mark("reported, outside", "D", hollow=True),
        key_mark("at least", ">"),
    ]
    return figure, handles


def draw_target(axes: Axes, place: int, row: Row, look: Look) -> None:
    """Draw one target in the row at `place`, or a note if no campaign has its outcome."""
    star = " *" if row["use"] == "fitted" else ""
    label_row(axes, place, -0.02, row["target"].replace("_", " ") + star)
    median, ends = row[f"{look.shown}median"], [row[f"{look.shown}{end}_90"] for end in ("low", "high")]
    if not median or not row[f"{look.of_scale}median"]:
        label_row(axes, place, 1.02, "in no campaign", color=QUIET)
        return
    scale = scale_of(row, look.of_scale)
    for interval in look.intervals:
        if all(interval.ends(row)):
            spots = [clip(scale.place(end)) for end in interval.ends(row)]
            draw_interval(axes, place - interval.shift, spots, interval.colour, interval.width)
    draw_median(axes, place, clip(scale.place(median)))
    draw_reported(axes, place, row, scale, row[look.inside] == "yes")
    low, value, high = (format_cell(row[key]) for key in ("reported_low", "reported", "reported_high"))
    reported = value or (f"{low}–{high}" if low and high else f"≥ {low}" if low else f"≤ {high}")
    text = f"{reported} | {format_cell(median)} ({'–'.join(format_cell(end) for end in ends)})"
    label_row(axes, place, 1.02, text, color=QUIET)


def by_event(rows: Sequence[Row]) -> list[tuple[str, list[Row]]]:
    """Group rows by event, with events in order of first appearance."""
    events: dict[str, list[Row]] = {}
    for row in rows:
        events.setdefault(row["event"], []).append(row)
    return list(events.items())


def level(cell: str, is_log: bool) -> float:
    """Convert a table cell to a number: the ordinal of a date, or a number x, as log(1 + x) if `is_log`.

    An empty cell becomes nan.
    """
    if not cell:
        return math.nan
    if is_date(cell):
        return float(date.fromisoformat(cell).toordinal())
    return math.log1p(max(0.0, float(cell))) if is_log else float(cell)


def is_date(cell: str) -> bool:
    """Return whether a table cell is a date such as 2021-07-05."""
    return cell.count("-") == 2


def scale_of(row: Row, prefix: str) -> Scale:
    """Return the scale that maps the 90 % interval of a row to -1 to 1.

    If that interval has no width, the unit of the scale is the observation error, or 1 if there is none.
    """
    is_log = row["scale"] == "log" and row["error"] != "multinomial"
    low, high = (level(row[f"{prefix}{end}_90"], is_log) for end in ("low", "high"))
    half = (high - low) / 2 or float(row["sd"]) or 1.0
    return Scale((low + high) / 2, half, is_log)


def draw_reported(axes: Axes, place: int, row: Row, scale: Scale, inside: bool) -> None:
    """Draw the reported figure of a target: a marker, and lines for its range and its error.

    The marker of a bound is a triangle that points towards the values that the bound allows. Any other marker is a
    circle if the report is inside the interval and a diamond if not. Markers are filled if the report is inside.
    A marker beyond the visible part of the scale is drawn at the edge, with its position as text.
    """
    low, high, value = (scale.place(row[key]) for key in ("reported_low", "reported_high", "reported"))
    is_bound = math.isnan(value) and (math.isnan(low) != math.isnan(high))
    spots = [spot for spot in (value, low, high) if not math.isnan(spot)]
    nearest = max(min(spots), min(max(spots), 0.0))
    at = nearest if math.isnan(value) and not is_bound else spots[0]
    error = 0.0 if row["error"] == "multinomial" else float(row["sd"]) / scale.half
    for reach, width in ((error, 0.9), (0.0, 2.0)):
        ends = [clip(min(spots) - reach), clip(max(spots) + reach)]
        if is_bound and reach == 0.0:
            ends = [clip(low), REACH] if math.isnan(high) else [-REACH, clip(high)]
        draw_interval(axes, place + 0.2, ends, REPORTED, width)
    shape = (">" if math.isnan(high) else "<") if is_bound else "o" if inside else "D"
    face = REPORTED if inside else "white"
    style: dict[str, Any] = {"markersize": 4.2, "markeredgewidth": 1.1, "zorder": 5, "clip_on": False}
    axes.plot([clip(at)], [place + 0.2], shape, color=REPORTED, markerfacecolor=face, **style)
    if abs(at) > REACH:
        arrow, side = (f"{at:+.0f} →", "right") if at > 0 else (f"← {at:+.0f}", "left")
        offset = (-6, 0) if at > 0 else (6, 0)
        style = {"ha": side, "va": "center", "fontsize": 6, "color": REPORTED, "zorder": 6}
        style["bbox"] = {"color": "white", "pad": 0.6}
        axes.annotate(true_minus(arrow), (clip(at), place + 0.2), offset, textcoords="offset points", **style)


def clip(spot: float) -> float:
    """Clip a position to the visible part of the scale."""
    return max(-REACH, min(REACH, spot))


def format_cell(cell: str) -> str:
    """Format a cell of a table of targets for readers.

    Args:
        cell: A number, a date such as 2021-07-05, or an empty string.

    Returns:
        A number to three significant figures, or in whole thousands if it is 10,000 or more; a date as `5 Jul`; an
        empty string for an empty cell.
    """
    if not cell:
        return ""
    if is_date(cell):
        return format_short_day(date.fromisoformat(cell))
    size = float(cell)
    return f"{size / 1000:,.0f}k" if abs(size) >= 10_000 else significant(size)


def caption_of(about: Mapping[str, Any]) -> str:
    """Return the caption of the chart: campaigns, seeds, source of the parameters, and how to read a row."""
    return paragraph(
        f"{campaigns_of(about)}, scenario {about['scenario']}{label_of(about)}, {about['calibration']}.",
        describe_failures(about["failed"]),
        "Each row has its own scale, on which the 90 % interval of campaigns runs from −1 to 1; where all campaigns "
        "agree, its unit is the observation error. "
        "Numbers of soldiers who crossed are on a logarithmic scale. Inside: the reported number, or part of its "
        "range, is within the 90 % interval, which the observation error does not widen. The split is shown as the "
        "mean distance of each campaign's split, and of the reported one, from those of the other campaigns. "
        f"{about_marked(about)} Targets of one event are not independent. "
        "Sources: evidence named in sim/data/targets.csv.",
    )
