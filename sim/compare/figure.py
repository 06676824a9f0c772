"""Print and draw verdicts and effects, one row per cell or effect, from the tables of `sim.compare.compare`.

Reads   verdicts/<name>.csv and .json of a study.
Writes  verdicts/<name>.png next to them.
"""

import math
import textwrap
from collections.abc import Callable, Mapping, Sequence
from datetime import date, timedelta
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any, Generic, NamedTuple, TypeVar

from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.ticker import FuncFormatter, MaxNLocator
from rich.console import Console
from rich.table import Table

from sim.compare.compare import has_values, verdict_in
from sim.compare.effects import Effect, is_full_grid, name_of_interval
from sim.compare.pairs import parsed
from sim.compare.sentences import Verdict, directions
from sim.configuration.changes import title_of_scenario
from sim.plots.captions import true_minus
from sim.plots.charts import (
    add_key,
    draw_interval,
    draw_median,
    key_line,
    key_mark,
    mark_reported,
    new_figure,
    save_chart,
    shorten_words,
)
from sim.plots.colours import FAINT, INK, QUIET, REPORTED, SECOND, SIMULATED, SIMULATED_LIGHT
from sim.plots.style import in_style
from sim.plots.tables import print_end, read_object, read_rows, reading
from sim.provenance import shell_command
from sim.study.files import write_errors
from sim.study.reader import open_study
from sim.terminal import console_of
from sim.wording import COUNTED, counted, format_short_day, is_share, reported_in_words, significant, span_of

MOST_CELLS = 60  # largest number of rows in a readable chart
FEW_LABELS = 12  # number of rows above which the keys of long labels are written only once, above the rows
MOST_SENTENCES = 12  # maximum number of sentences to print
# characters per line of output to a file, and of labels
LETTERS, LETTERS_OF_LABEL = 110, 34
LETTERS_OF_EFFECT = 48  # characters per line in the label of an effect
NIGHT = "troops_crossed_largest_night"
STRIPE = "#f3f3f1"  # background colour of the row of a baseline
LINE, GAP = 0.165, 0.13  # height of a line of a label, and gap between rows, inches


Row = TypeVar("Row")


class ResultTable(NamedTuple, Generic[Row]):
    """Verdicts or effects on one outcome, read from disk: path of the table, metadata and rows."""

    path: Path
    about: dict[str, Any]  # metadata such as outcome, label, unit, reported, studies, baseline, notes and campaigns
    rows: tuple[Row, ...]  # if these are effects, the metadata also contain paragraph and worlds


Verdicts = ResultTable[Verdict]
EffectsTable = ResultTable[Effect]


class Bar(NamedTuple):
    """A row of the chart: a cell with its verdict, or a baseline, with the median and interval of its values."""

    label: str
    verdict: Verdict | None
    middle: float
    low: float
    high: float


def read_verdicts(table: Path) -> Verdicts:
    """Read a table of verdicts and its metadata.

    Args:
        table: Path of verdicts/<outcome>.csv of a study; the metadata are in the .json file next to it.

    Returns:
        The verdicts; unknown numbers are NaN.

    Raises:
        PanjError: A file is missing or lacks a column.
    """
    return read_result(table, verdict_in, "compare", "verdicts")


def read_effects(table: Path) -> EffectsTable:
    """Read a table of effects and its metadata; raise PanjError if a file is missing or damaged."""
    return read_result(table, partial(parsed, Effect), "compare effects=true", "effects")


def read_result(table: Path, parse: Callable[[Mapping[str, str]], Row], verb: str, what: str) -> ResultTable[Row]:
    """Read a table of verdicts or effects and its metadata; raise PanjError if a file is missing or damaged.

    Args:
        table: Path of the table.
        parse: Function that converts a row.
        verb: Command that writes the table, for errors.
        what: Description of the content of the table, for errors.
    """
    about = table.with_suffix(".json")
    with reading(table, verb, f"{what} and {about.name}"):
        rows = tuple(map(parse, read_rows(table)))
        return ResultTable(table, shown_about(read_object(about)), rows)


def shown_about(about: dict[str, Any]) -> dict[str, Any]:
    """Return the metadata of a table, prepared for display.

    With a threshold, the label and the unit are those of a risk, which has no reported figure.
    """
    if not about.get("thresholds"):  # verdicts of older versions have no such key
        return {"thresholds": {}, "question": about["label"], **about}
    none = {"value": None, "low": None, "high": None}
    label = f"Risk that {about['question']}"
    return {
        **about, "label": label, "unit": "share of worlds", "is_date": False, "reported": {**about["reported"], **none},
    }  # fmt: skip


def is_of_effects(table: Path) -> bool:
    """Return whether a table in the folder `verdicts` contains effects, according to its file name."""
    return "effects" in table.stem.split("__")


def draw_table(table: Path) -> Path:
    """Draw a table of verdicts or of effects.

    Args:
        table: Path of verdicts/<name>.csv of a study.

    Returns:
        Path of the chart, verdicts/<name>.png.

    Raises:
        PanjError: A file is missing or damaged, or the chart cannot be written.
    """
    return draw_effects(read_effects(table)) if is_of_effects(table) else draw_forest(read_verdicts(table))


def tables_in(folder: Path) -> list[Path]:
    """Find the tables that compare the outcomes of a study's cells with those of the default baseline.

    Args:
        folder: The folder of the study.

    Returns:
        The paths, sorted by name, without tables of risks or effects, or with a requested baseline.
    """
    return [path for path in sorted((folder / "verdicts").glob("*.csv")) if "__" not in path.stem]


def main(tables: Sequence[Path]) -> int:
    """Print and draw new comparisons, and suggest the next command.

    Args:
        tables: Paths of verdicts/<name>.csv, one per outcome.

    Returns:
        The exit code, 0.

    Raises:
        PanjError: A file is missing or damaged, or a chart cannot be written.
    """
    console = console_of(width=LETTERS)
    paths: list[Path] = []
    for table in tables:
        if is_of_effects(table):
            print_effects(read_effects(table), console)
        else:
            print_verdicts(read_verdicts(table), console)
        paths += [table, table.with_suffix(".json"), draw_table(table)]
    print_end(console, paths, f"open {paths[2]}; or {next_command(tables[0])}")
    return 0


def next_command(table: Path) -> str:
    """Return the command to suggest after a comparison.

    After a comparison of outcomes, suggest comparing the risk of a large night or, if the study does not have this
    outcome or ends before it is counted, writing the report. After a comparison of risks, suggest estimating effects if
    several keys were swept over a full grid. After a comparison with another study, which a command on this folder
    alone would not repeat, suggest writing the report. In all other cases, suggest comparing the main outcomes. The
    baseline remains that of the comparison. A study without daily series has no report; for it, suggest a memo.
    """
    folder = table.parent.parent
    about = read_object(table.with_suffix(".json"))
    study = open_study(folder)
    has_page = (folder / "days.parquet").is_file()
    asked = [f"{key}={text}" for key, text in about["thresholds"].items()]
    page = ["report", folder] if has_page else ["memo", folder, f"outcome={about['outcome']}", *asked]
    if len(about.get("studies", ())) > 1:
        return shell_command(page)
    baseline = about.get("provenance", {}).get("recipe", {}).get("baseline")
    compared = ["compare", folder, *([f"baseline={baseline}"] if baseline else [])]
    has_effects = len(study.swept) > 1 and is_full_grid(study) and min(cell.finished for cell in study.cells) > 1
    if is_of_effects(table) or (asked and not has_effects):
        return shell_command(compared)
    if asked:
        return shell_command([*compared, f"outcome={about['outcome']}", *asked, "effects=true"])
    value = about["reported"]["value"]
    if NIGHT not in study.outcomes or not has_values(study, NIGHT):
        return shell_command(page)
    return shell_command(
        [*compared, f"outcome={NIGHT}", f"above={value if about['outcome'] == NIGHT and value else 1037:g}"]
    )


def print_effects(found: EffectsTable, console: Console) -> None:
    """Print the table of effects, then the notes and the paragraph."""
    about = found.about
    table = Table(
        title=f"Simulated effects on: {about['label']} ({unit_of(about)}), from {about['baseline']}",
        caption=f"{about['campaigns']:,} campaigns, {about['worlds']:,} worlds (seeds), {about['calibration']}.",
        title_justify="left", caption_justify="left",
    )  # fmt: skip
    table.add_column("effect", overflow="fold", ratio=1)
    for column in ("size", name_of_interval(len(found.rows))):
        table.add_column(column, justify="right")
    for row in found.rows[:MOST_CELLS]:
        ends = " to ".join(format_difference(end, about) for end in (row.low, row.high))
        table.add_row(row.change, format_difference(row.size, about), ends)
    console.print(table)
    for text in (*about["notes"], about["paragraph"]):
        console.print(text)
    console.print()


def print_verdicts(verdicts: Verdicts, console: Console) -> None:
    """Print the table of verdicts, then the notes and the sentences."""
    about = verdicts.about
    table = Table(
        title=f"Simulated: {about['label']} ({unit_of(about)}), against {about['baseline']}",
        caption=f"A world is a seed. {counted(about['campaigns'], 'campaign')}, {about['calibration']}.",
        title_justify="left", caption_justify="left",
    )  # fmt: skip
    table.add_column("cell", overflow="fold", ratio=1)
    low = directions(about["is_date"])[0]
    of_mean = ("mean\ndifference", "95 % interval", "median\ndifference", f"{low}\nin", "pairing")
    of_risk = ("risk\nin %", "difference", "95 % interval", "ratio\n(95 % interval)", "prevented", "caused")
    for column in of_risk if about["thresholds"] else of_mean:
        table.add_column(column, justify="right")
    for row in verdicts.rows:
        table.add_row(*cells_of(row, about))
    console.print(table)
    for note in about["notes"]:
        console.print(note)
    print_sentences(verdicts.rows, console)
    console.print(describe_pairing(verdicts.rows))
    console.print()


def cells_of(row: Verdict, about: dict[str, Any]) -> list[str]:
    """Return the cells of a row of the printed table as text."""
    label = row.cell_label.replace(", ", "\n") or about["studies"][0]
    ends = row.judgement.mean_low, row.judgement.mean_high
    interval = "?" if math.isnan(ends[0]) else " to ".join(format_difference(end, about) for end in ends)
    if row.risk is not None:
        ratio = "-"
        if not math.isnan(row.risk.ratio):
            ratio = f"{row.risk.ratio:.3g} ({row.risk.ratio_low:.3g} to {row.risk.ratio_high:.3g})"
        return [
            label, format_level(row.risk.share, about), format_difference(row.judgement.mean_difference, about),
            interval, ratio, f"{row.risk.prevented:,}", f"{row.risk.caused:,}",
        ]  # fmt: skip
    return [
        label,
        format_difference(row.judgement.mean_difference, about),
        interval,
        format_difference(row.judgement.median_difference, about),
        f"{row.judgement.worlds_lower:,} of {row.judgement.worlds:,}",
        "" if not math.isfinite(row.judgement.fold) else f"{row.judgement.fold:.3g} x",
    ]


def by_size(rows: Sequence[Verdict]) -> list[Verdict]:
    """Return verdicts in descending order of the mean difference; those without common seeds are last."""
    return sorted(rows, key=lambda row: -abs(row.judgement.mean_difference) if row.judgement.worlds else 0.0)


def print_sentences(rows: Sequence[Verdict], console: Console) -> None:
    """Print the sentence of each verdict; if there are many, only those with the largest differences."""
    if len(rows) > MOST_SENTENCES:
        console.print(f"The {MOST_SENTENCES} largest differences (the table contains all):")
        rows = by_size(rows)[:MOST_SENTENCES]
    for row in rows:
        console.print(f"- {row.sentence}")


def describe_pairing(rows: Sequence[Verdict]) -> str:
    """Return a sentence on the gain from common seeds: the median factor by which they reduce the campaigns needed."""
    if all(row.judgement.worlds_equal == row.judgement.worlds for row in rows):
        return "Nothing differs in any world, so the gain from common seeds is unknown."
    folds = [row.judgement.fold for row in rows if math.isfinite(row.judgement.fold)]
    if not folds:
        return "Each difference is the same in all worlds, so the gain from common seeds is unknown."
    times = f"{median(folds):.3g} times the campaigns"
    if median(folds) < 1.05:
        return f"Pairing by seed saved nothing here ({times}, median over cells)."
    return f"Pairing by seed: without it, as precise an answer would take {times} (median of cells)."


@in_style
def draw_forest(verdicts: Verdicts) -> Path:
    """Draw the difference of each cell from its baseline, with its interval, next to the distribution of the cell.

    The reported figure is drawn with the distributions. With a threshold, differences of risks are drawn next to the
    risks, which have no reported figure. If there are more than 60 cells, only the 60 with the largest absolute
    differences are drawn, and the caption states this.

    Args:
        verdicts: The comparison to draw.

    Returns:
        Path of the chart, which has the name of the table with the suffix .png and is replaced atomically.

    Raises:
        PanjError: The chart cannot be written.
    """
    about, labels = verdicts.about, labels_of(verdicts)
    bars, left_out = bars_of(verdicts, labels.of)
    figure = forest_of(bars, labels.keys, about, about)
    add_key(figure, key_of(about), 4, fontsize=8.5)
    return save_result(figure, verdicts, f"Simulated: {about['label']}", caption_of(verdicts, left_out))


def save_result(figure: Figure, drawn: ResultTable[Any], title: str, caption: str) -> Path:
    """Save the chart of a table next to the table, and return its path; raise PanjError if it cannot be written."""
    path = drawn.path.with_suffix(".png")
    with write_errors(path, "compare"):
        return save_chart(figure, path, title, caption, made_for(drawn.about, path))


def forest_of(bars: Sequence[Bar], keys: str, about: dict[str, Any], about_campaigns: dict[str, Any]) -> Figure:
    """Create a figure with differences from the baseline on the left and the campaigns themselves on the right.

    Args:
        bars: The rows of the chart.
        keys: Heading above the labels of the rows; it may be empty.
        about: Metadata of the differences, prepared by `shown_about`.
        about_campaigns: Metadata of the values on the right, which may differ from `about`: the outcome itself can be
            shown next to differences of a risk.

    Returns:
        The figure, without title, legend and caption.
    """
    heights, places = heights_of([bar.label for bar in bars])
    figure = new_figure(sum(heights) + 2.6)
    differences, campaigns = figure.subplots(1, 2, width_ratios=(3, 2))
    for axes in (differences, campaigns):
        rule_rows(axes, bars, places, heights)
    draw_differences(differences, about, bars, places)
    head_labels(differences, keys)
    draw_campaigns(campaigns, about_campaigns, bars, places)
    return figure


def heights_of(labels: Sequence[str]) -> tuple[list[float], list[float]]:
    """Return the heights of rows with labels of one or more lines, and the distances of their centres from the top."""
    heights = [LINE * (1 + label.count("\n")) + GAP for label in labels]
    return heights, [sum(heights[:row]) + height / 2 for row, height in enumerate(heights)]


def bars_of(verdicts: Verdicts, labels: dict[str, str]) -> tuple[list[Bar], int]:
    """Return the rows of the chart.

    Args:
        verdicts: The verdicts to draw.
        labels: Short label of each row, keyed by its full label.

    Returns:
        The rows (each baseline, followed by the cells compared with it, the largest difference first), and the number
        of cells omitted for lack of space.
    """
    shown = by_size(verdicts.rows)[:MOST_CELLS]
    groups: dict[int, list[Verdict]] = {}
    for row in shown:
        groups.setdefault(row.baseline_cell, []).append(row)
    bars = []
    for rows in groups.values():
        first = rows[0]
        label = labels[first.baseline_label] or wrap(first.baseline_study)
        bars.append(Bar(label, None, *first.baseline_campaigns))
        for row in rows:
            label = labels[row.cell_label] or wrap(verdicts.about["studies"][0])
            bars.append(Bar(label, row, *row.campaigns))
    return bars, len(verdicts.rows) - len(shown)


class Labels(NamedTuple):
    """Short labels of rows, and their heading."""

    of: dict[str, str]  # short label by full label
    keys: str  # heading: the keys, if short labels contain only values; otherwise empty


def labels_of(verdicts: Verdicts) -> Labels:
    """Shorten labels such as `rules.news.fade_days=3.0` to `fade_days=3.0`.

    If there are many long labels, all with the same keys, they show only values, and the keys become a heading.
    """
    full = dict.fromkeys(label for row in verdicts.rows for label in (row.cell_label, row.baseline_label))
    parts = {label: [part.partition("=") for part in label.split(", ")] for label in full}
    keys = list(dict.fromkeys(key for label in full for key, equals, _ in parts[label] if equals))
    ends = [key.rpartition(".")[2] for key in keys]
    short = {key: end if ends.count(end) == 1 else key for key, end in zip(keys, ends, strict=True)}
    of = {
        label: ", ".join(f"{short.get(key, key)}{equals}{value}" for key, equals, value in parts[label])
        for label in full
    }
    alike = {tuple(key for key, equals, _ in parts[label] if equals) for label in full if label} == {tuple(keys)}
    if alike and len(of) > FEW_LABELS and max(map(len, of.values())) > LETTERS_OF_LABEL:
        of = {label: ", ".join(value for _, _, value in parts[label]) for label in full}
        return Labels({label: wrap(short_one) for label, short_one in of.items()}, wrap(", ".join(short.values())))
    return Labels({label: wrap(short_one) for label, short_one in of.items()}, "")


def wrap(label: str) -> str:
    """Wrap a label, if possible at the commas between settings, and shorten names longer than two lines."""
    lines = [""]
    for part in shorten_words(label, 2 * LETTERS_OF_LABEL).split(", "):
        if lines[-1] and len(lines[-1]) + len(part) + 2 > LETTERS_OF_LABEL:
            lines[-1] += ","
            lines.append(part)
        else:
            lines[-1] += f"{', ' if lines[-1] else ''}{part}"
    return "\n".join(piece for line in lines for piece in textwrap.wrap(line, LETTERS_OF_LABEL + 1) or [""])


def rule_rows(axes: Axes, bars: Sequence[Bar], places: Sequence[float], heights: Sequence[float]) -> None:
    """Set up the rows of a panel, with a grey stripe behind each baseline."""
    axes.set_ylim(sum(heights), 0)
    axes.set_yticks(places, [])
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="y", visible=False)
    for bar, place, height in zip(bars, places, heights, strict=False):  # no stripes are drawn without bars
        if bar.verdict is None:
            axes.axhspan(place - height / 2, place + height / 2, color=STRIPE, linewidth=0, zorder=0)


def draw_differences(axes: Axes, about: dict[str, Any], bars: Sequence[Bar], places: Sequence[float]) -> None:
    """Draw the differences as points with 95 % intervals; a point is hollow if its interval includes zero."""
    axes.set_yticks(places, [bar.label for bar in bars], fontsize=8.5)
    axes.axvline(0, color=INK, linewidth=1)
    for bar, place in zip(bars, places, strict=True):
        if bar.verdict is None:
            note(axes, place, "baseline")
            continue
        found = bar.verdict.judgement
        if not found.worlds:
            note(axes, place, "no value")
            continue
        colour = SIMULATED if bar.verdict.is_clear else QUIET
        ends = (found.mean_low, found.mean_high)
        draw_difference(axes, place, found.mean_difference, ends, colour, bar.verdict.is_clear)
    if all(row.judgement.mean_difference == 0 for row in (bar.verdict for bar in bars) if row and row.judgement.worlds):
        axes.set_xlim(-1, 1)
    scale_differences(axes, about)
    what = "Risk difference" if about["thresholds"] else "Mean difference"
    axes.set_title(f"{what} from the baseline", fontsize=9.5)


def draw_difference(
    axes: Axes, place: float, size: float, ends: tuple[float, float], colour: str, is_clear: bool
) -> None:
    """Draw a difference as a point with its interval; the point is hollow unless the interval excludes zero."""
    draw_interval(axes, place, ends, colour, 1.6)
    face = colour if is_clear else "white"
    axes.plot([size], [place], "o", color=colour, markerfacecolor=face, markersize=5, zorder=3)


def scale_differences(axes: Axes, about: dict[str, Any]) -> None:
    """Set up the horizontal axis of differences: ticks, numbers, and a label with the unit and both directions."""
    axes.margins(x=0.08)
    axes.xaxis.set_major_locator(MaxNLocator(5))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: format_difference(value, about)))
    down, up = directions(about["is_date"])
    axes.set_xlabel(f"← {down}    {unit_of(about)}    {up} →", fontsize=9)


def note(axes: Axes, place: float, text: str) -> None:
    """Write a note next to the zero line in a row that has no point."""
    axes.annotate(text, (0, place), (4, 0), textcoords="offset points", fontsize=8, color=QUIET, va="center")


def head_labels(axes: Axes, keys: str) -> None:
    """Write the swept keys as a heading above the row labels, which show the values of these keys."""
    where: dict[str, Any] = {"xycoords": "axes fraction", "textcoords": "offset points"}
    axes.annotate(keys, (0, 1), (-8, 5), **where, fontsize=8.5, color=QUIET, ha="right", va="bottom")


def draw_campaigns(axes: Axes, about: dict[str, Any], bars: Sequence[Bar], places: Sequence[float]) -> None:
    """Draw the median and 90 % interval (or the risk) of each cell, and the reported figure."""
    mark_reported(axes, *(about["reported"][part] for part in ("value", "low", "high")))
    for bar, place in zip(bars, places, strict=True):
        draw_interval(axes, place, [bar.low, bar.high], SIMULATED_LIGHT, 3.2)
        draw_median(axes, place, bar.middle, SIMULATED)
    axes.spines["left"].set_color(FAINT)
    axes.xaxis.set_major_locator(MaxNLocator(3, integer=about["is_date"] or about["unit"] in COUNTED))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: format_level(value, about)))
    axes.set_xlabel("date" if about["is_date"] else unit_of(about, difference=False), fontsize=9)
    axes.set_title("The simulated risk itself" if about["thresholds"] else "The simulated campaigns", fontsize=9.5)


def key_of(about: dict[str, Any]) -> list[Artist]:
    """Create the legend entries of the chart of verdicts."""
    risk = bool(about["thresholds"])
    median_mark = {"marker": "|", "markeredgecolor": SIMULATED, "markersize": 9, "markeredgewidth": 1.8}
    handles: list[Artist] = [
        key_line(f"{'risk' if risk else 'mean'} difference, 95 % interval", marker="o", markersize=5),
        key_line("no difference detected", QUIET, marker="o", markersize=5, markerfacecolor="white"),
        key_line("risk, 95 % interval" if risk else "median, 90 % of campaigns", SIMULATED_LIGHT, 3.2, **median_mark),
    ]
    reported = about["reported"]
    if risk:
        return handles
    if reported["value"] is not None:
        handles.append(key_line("reported", REPORTED, 1.8, linestyle="--"))
    elif reported["low"] is not None and reported["high"] is not None:
        handles.append(Patch(color=REPORTED, alpha=0.25, label="reported"))
    elif reported["text"]:
        shape, bound = (">", "at least") if reported["high"] is None else ("<", "at most")
        handles.append(key_mark(f"reported: {bound}", shape))
    return handles


def caption_of(verdicts: Verdicts, left_out: int) -> str:
    """Return the caption of the chart of verdicts: campaigns, worlds, calibration, baseline, notes and reported figure.

    Args:
        verdicts: The verdicts that are drawn.
        left_out: Number of cells that are only in the table and not in the chart.
    """
    about = verdicts.about
    worlds = {row.judgement.worlds for row in verdicts.rows}
    pairs = f"{span_of(worlds)} {'world' if worlds == {1} else 'worlds'} (seeds) a pair"
    reported = reported_in_words(about["reported"], about["unit"])
    parts = [
        f"{counted(about['campaigns'], 'simulated campaign')}, {pairs}, "
        f"scenario {title_of_scenario(about['scenario'])}, {about['calibration']}.",
        f"Baseline: {about['baseline']}.",
        f"The {len(verdicts.rows) - left_out} largest differences; {left_out} more are in the table."
        if left_out
        else "",
        *about["notes"],
        "Intervals cover the uncertainty from the limited number of worlds, not that of the model.",
        "Nothing was reported on differences" + ("." if reported else ", nor on the outcome itself."),
        f"Reported for the outcome itself: {reported} in evidence.csv." if reported else "",
    ]
    return " ".join(part for part in parts if part)


@in_style
def draw_effects(found: EffectsTable) -> Path:
    """Draw effects in descending order of size, with their joint intervals and the paragraph as caption.

    Args:
        found: The effects to draw.

    Returns:
        Path of the chart, verdicts/<name>.png, which is replaced atomically.

    Raises:
        PanjError: The chart cannot be written.
    """
    about, rows = found.about, found.rows[:MOST_CELLS]
    labels = ["\n".join(textwrap.wrap(row.change, LETTERS_OF_EFFECT)) for row in rows]
    heights, places = heights_of(labels)
    figure = new_figure(sum(heights) + 2.6)
    axes = figure.subplots()
    rule_rows(axes, [], places, heights)
    axes.set_yticks(places, labels, fontsize=8.5)
    axes.axvline(0, color=INK, linewidth=1)
    for row, place in zip(rows, places, strict=True):
        colour = SIMULATED if row.kind == "main" else SECOND
        draw_difference(axes, place, row.size, (row.low, row.high), colour, row.is_clear)
    scale_differences(axes, about)
    handles: list[Artist] = [
        key_line("main effect", marker="o", markersize=5),
        key_line("interaction", SECOND, marker="o", markersize=5),
        key_line("not clear of zero", QUIET, marker="o", markersize=5, markerfacecolor="white"),
    ]
    add_key(figure, handles, 3, fontsize=8.5)
    return save_result(figure, found, f"Simulated effects on: {about['label']}", caption_of_effects(found))


def caption_of_effects(found: EffectsTable) -> str:
    """Return the caption of the chart of effects: paragraph, campaigns, calibration, base, notes, reported figure."""
    about = found.about
    reported = reported_in_words(about["reported"], about["unit"])
    more = len(found.rows) - MOST_CELLS
    parts = [
        about["paragraph"],
        f"{about['campaigns']:,} simulated campaigns, {about['worlds']:,} worlds (seeds), "
        f"scenario {title_of_scenario(about['scenario'])}, {about['calibration']}. Base: {about['baseline']}.",
        f"The {MOST_CELLS} largest effects; {more} more are in the table." if more > 0 else "",
        *about["notes"],
        "An interaction is the difference between the effect of two changes together and the sum of their effects.",
        f"Nothing was reported on effects. Reported for the outcome itself: {reported} in evidence.csv."
        if reported
        else "Nothing was reported on effects, nor on the outcome itself.",
    ]
    return " ".join(part for part in parts if part)


def made_for(about: dict[str, Any], path: Path) -> dict[str, Any]:
    """Return the provenance of a chart, which differs from that of its table only in the file name.

    Args:
        about: Metadata of the table.
        path: Path of the chart.
    """
    made = dict(about["provenance"])
    return {**made, "recipe": {**made["recipe"], "file": f"{path.parent.name}/{path.name}"}}


def unit_of(about: dict[str, Any], difference: bool = True) -> str:
    """Return the unit of differences or of values of an outcome.

    Args:
        about: Metadata of the table, prepared by `shown_about`.
        difference: Whether to return the unit of differences rather than of values.

    Returns:
        The unit; for shares, `percentage points` for differences and `per cent` for values.
    """
    if is_share(about["unit"]):
        return "percentage points" if difference else "per cent"
    return str(about["unit"])


def format_difference(value: float, about: dict[str, Any]) -> str:
    """Format a difference with its sign.

    Args:
        value: The difference, in the unit of the outcome.
        about: Metadata of the table, with the type and the unit of the outcome.

    Returns:
        The difference to three significant digits; a question mark for nan.
    """
    if math.isnan(value):
        return "?"
    size = value * 100 if is_share(about["unit"]) else value
    text = f"{'+' if size >= 0 else ''}{significant(size)}"
    return "0" if float(text.replace(",", "")) == 0 else true_minus(text)


def format_level(value: float, about: dict[str, Any]) -> str:
    """Format a value of the outcome for its axis.

    Args:
        value: The value, in the unit of the outcome.
        about: Metadata of the table, with the type and the unit of the outcome.
    """
    if about["is_date"]:
        return format_short_day(date.fromisoformat(about["first_day"]) + timedelta(days=round(value)))
    return significant(value * 100 if is_share(about["unit"]) else value)
