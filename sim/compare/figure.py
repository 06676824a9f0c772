"""What a decision changed, cell by cell: the verdicts of `panj compare` as a table, as sentences and as a chart.

Reads   verdicts/<outcome>.csv and .json of a study, which `sim.compare.compare` wrote; nothing is computed here.
Writes  verdicts/<outcome>.png beside them.
"""

import csv
import json
import math
import sys
import textwrap
from collections.abc import Callable, Sequence
from datetime import date, timedelta
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import FuncFormatter, MaxNLocator
from rich.console import Console
from rich.table import Table

from sim.errors import PanjError
from sim.plots.colours import FAINT, INK, QUIET, REPORTED, SIMULATED, SIMULATED_LIGHT
from sim.plots.style import LETTERS_PER_INCH, RESOLUTION, STYLE, WIDTH
from sim.study.files import write_errors, write_file

MOST_CELLS = 60  # that a chart can hold and still be read
FEW_LABELS = 12  # beyond which the keys of long labels are named once, above them
MOST_SENTENCES = 12  # that a terminal can hold and still be read
LETTERS_OF_LABEL = 34
STRIPE = "#f3f3f1"  # under a baseline
LINE, GAP = 0.165, 0.13  # inches: a line of a label, and between rows


class Row(NamedTuple):
    """One cell beside its baseline, in the unit of the outcome; nan where nothing can be said."""

    cell_label: str
    baseline_study: str
    baseline_cell: int
    baseline_label: str
    worlds: int
    mean_difference: float
    mean_low: float
    mean_high: float
    median_difference: float
    median_low: float
    median_high: float
    worlds_lower: int
    chance_lower: float
    fold: float
    cell_median: float
    cell_low_5: float
    cell_high_95: float
    baseline_median: float
    baseline_low_5: float
    baseline_high_95: float
    sentence: str

    @property
    def is_clear(self) -> bool:
        """Whether the interval of the mean difference keeps clear of zero."""
        return self.mean_low > 0 or self.mean_high < 0


class Verdicts(NamedTuple):
    """A written comparison on one outcome: where it lies, what holds for all rows, and the rows."""

    path: Path
    about: dict[str, Any]  # outcome, label, unit, is_date, reported, studies, baseline, notes, campaigns, ...
    rows: tuple[Row, ...]


class Bar(NamedTuple):
    """One line of the chart: the verdict on a cell, or, without one, a baseline."""

    label: str
    verdict: Row | None
    middle: float
    low: float
    high: float


def read_verdicts(table: Path) -> Verdicts:
    """A written comparison; PanjError where a file is missing or lacks a column."""
    about = table.with_suffix(".json")
    try:
        with table.open(newline="", encoding="utf-8") as file:
            rows = tuple(row_of(row) for row in csv.DictReader(file))
        return Verdicts(table, dict(json.loads(about.read_text(encoding="utf-8"))), rows)
    except OSError as error:
        raise PanjError(f"{error.filename}: cannot be read; python -m sim compare writes it") from None
    except (KeyError, ValueError) as error:
        raise PanjError(f"{table}: found something else ({error}), expected verdicts and {about.name}") from None


def row_of(cells: dict[str, str]) -> Row:
    """Text, whole numbers and numbers, each as declared; an empty number is unknown."""
    casts: dict[str, Callable[[str], str | int | float]] = {
        "str": str,
        "int": int,
        "float": lambda text: float(text) if text else math.nan,
    }
    kinds = {name: kind.__name__ for name, kind in Row.__annotations__.items()}
    return Row(**{name: casts[kind](cells[name]) for name, kind in kinds.items()})  # type: ignore[arg-type]


def written(folder: Path) -> list[Path]:
    """The tables of verdicts that a study has against its own baseline, for a page that shows them."""
    return [path for path in sorted((folder / "verdicts").glob("*.csv")) if "__vs_" not in path.stem]


def main(tables: Sequence[Path]) -> int:
    """Show the tables that were just written, say what they mean, draw them, and say what to do next."""
    console = Console(width=None if sys.stdout.isatty() else 110, highlight=False, markup=False, soft_wrap=False)
    paths: list[Path] = []
    for table in tables:
        verdicts = read_verdicts(table)
        print_verdicts(verdicts, console)
        paths += [table, table.with_suffix(".json"), draw_forest(verdicts)]
    console.print("Written:")
    for path in paths:
        console.print(f"  {path}", soft_wrap=True)
    study = tables[0].parent.parent
    console.print(
        f"Next: open {paths[2]}; or ask of another outcome: python -m sim compare {study} outcome=first_capital_fell",
        soft_wrap=True,
    )
    return 0


def print_verdicts(verdicts: Verdicts, console: Console) -> None:
    """The table, then the sentences."""
    about = verdicts.about
    table = Table(
        title=f"{about['label']} ({unit_of(about)}), against {about['baseline']}",
        caption=f"A world is a seed. {about['campaigns']:,} campaigns, {about['calibration']}.",
        title_justify="left", caption_justify="left",
    )  # fmt: skip
    table.add_column("cell", overflow="fold", ratio=1)
    for column in ("mean\ndifference", "95 % interval", "median\ndifference", f"{directions(about)[0]}\nin", "pairing"):
        table.add_column(column, justify="right")
    for row in verdicts.rows:
        table.add_row(*cells_of(row, about))
    console.print(table)
    for note in about["notes"]:
        console.print(note)
    print_sentences(verdicts.rows, console)
    console.print(say_pairing(verdicts.rows))
    console.print()


def cells_of(row: Row, about: dict[str, Any]) -> list[str]:
    """A row of the table in the terminal."""
    return [
        row.cell_label.replace(", ", "\n") or about["studies"][0],
        say(row.mean_difference, about),
        say_range(row.mean_low, row.mean_high, about),
        say(row.median_difference, about),
        f"{row.worlds_lower:,} of {row.worlds:,}",
        "" if math.isnan(row.fold) else f"{row.fold:.3g} x",
    ]


def print_sentences(rows: Sequence[Row], console: Console) -> None:
    """All of them, or those on the largest differences."""
    largest = sorted(rows, key=lambda row: -abs(row.mean_difference) if row.worlds else 0.0)[:MOST_SENTENCES]
    if len(rows) > len(largest):
        console.print(f"The {len(largest)} largest differences in words; the table that is written has them all:")
    for row in rows if len(rows) <= len(largest) else largest:
        console.print(f"- {row.sentence}")


def say_pairing(rows: Sequence[Row]) -> str:
    """What common seeds were worth."""
    folds = [row.fold for row in rows if not math.isnan(row.fold)]
    if not folds:
        return "Pairing: nothing varied, so it cannot be said what common seeds were worth."
    middle = median(folds)
    if middle < 1.05:
        return f"Pairing by seed saved nothing here ({middle:.2g} times the campaigns, median over cells)."
    return (
        f"Pairing by seed: without it, as sure an answer would take {middle:.3g} times the campaigns (median of cells)."
    )


def draw_forest(verdicts: Verdicts) -> Path:
    """Differences with their intervals, a row a cell, beside the campaigns of each cell and what was reported.

    Drawn to verdicts/<outcome>.png, which takes the place of an older one whole; its text chunk `panj` says what it was
    made from. Beyond 60 cells only the 60 with the largest mean differences are drawn, and the caption says so.
    """
    labels = labels_of(verdicts)
    bars, left_out = bars_of(verdicts, labels.of)
    with rc_context(STYLE):
        heights = [LINE * (1 + bar.label.count("\n")) + GAP for bar in bars]
        figure = Figure(figsize=(WIDTH, sum(heights) + 2.6), layout="constrained")
        differences, campaigns = figure.subplots(1, 2, width_ratios=(3, 2))
        places = middles_of(heights)
        for axes in (differences, campaigns):
            rule_rows(axes, bars, places, heights)
        draw_differences(differences, verdicts.about, bars, places)
        head_labels(differences, labels.keys)
        draw_campaigns(campaigns, verdicts.about, bars, places)
        name_sides(figure, verdicts.about, caption_of(verdicts, left_out))
        return save(figure, verdicts)


def bars_of(verdicts: Verdicts, labels: dict[str, str]) -> tuple[list[Bar], int]:
    """Each baseline and under it the cells compared with it; and how many cells there was no room for."""
    ranked = sorted(verdicts.rows, key=lambda row: -abs(row.mean_difference) if row.worlds else 0.0)
    shown = {id(row) for row in ranked[:MOST_CELLS]}
    groups: dict[int, list[Row]] = {}
    for row in verdicts.rows:
        if id(row) in shown:
            groups.setdefault(row.baseline_cell, []).append(row)
    bars = []
    for rows in groups.values():
        first = rows[0]
        bars.append(
            Bar(
                labels[first.baseline_label] or first.baseline_study, None,
                first.baseline_median, first.baseline_low_5, first.baseline_high_95,
            )
        )  # fmt: skip
        for row in rows:
            label = labels[row.cell_label] or verdicts.about["studies"][0]
            bars.append(Bar(label, row, row.cell_median, row.cell_low_5, row.cell_high_95))
    return bars, len(verdicts.rows) - len(shown)


class Labels(NamedTuple):
    """What the rows of a chart are called, by their full label; `keys` heads them where they give values only."""

    of: dict[str, str]
    keys: str


def labels_of(verdicts: Verdicts) -> Labels:
    """`rules.news.fade_days=3.0` becomes `fade_days=3.0` if no other key ends so; many long labels lose all keys."""
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
    """Lines that keep a setting together where they can."""
    lines = [""]
    for part in label.split(", "):
        if lines[-1] and len(lines[-1]) + len(part) + 2 > LETTERS_OF_LABEL:
            lines[-1] += ","
            lines.append(part)
        else:
            lines[-1] += f"{', ' if lines[-1] else ''}{part}"
    return "\n".join(piece for line in lines for piece in textwrap.wrap(line, LETTERS_OF_LABEL + 1) or [""])


def middles_of(heights: Sequence[float]) -> list[float]:
    """Where each row lies, counted downwards."""
    return [sum(heights[:row]) + height / 2 for row, height in enumerate(heights)]


def rule_rows(axes: Axes, bars: Sequence[Bar], places: Sequence[float], heights: Sequence[float]) -> None:
    """The same rows in both panels; a grey stripe under each baseline."""
    axes.set_ylim(sum(heights), 0)
    axes.set_yticks(places, [])
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="y", visible=False)
    for bar, place, height in zip(bars, places, heights, strict=True):
        if bar.verdict is None:
            axes.axhspan(place - height / 2, place + height / 2, color=STRIPE, linewidth=0, zorder=0)


def draw_differences(axes: Axes, about: dict[str, Any], bars: Sequence[Bar], places: Sequence[float]) -> None:
    """A point and its 95 % interval; a hollow point where no difference can be told."""
    axes.set_yticks(places, [bar.label for bar in bars], fontsize=8.5)
    axes.axvline(0, color=INK, linewidth=1)
    for bar, place in zip(bars, places, strict=True):
        row = bar.verdict
        if row is None:
            note(axes, place, "baseline")
        elif not row.worlds:
            note(axes, place, "no value")
        else:
            colour = SIMULATED if row.is_clear else QUIET
            axes.plot([row.mean_low, row.mean_high], [place, place], color=colour, linewidth=1.6)
            face = colour if row.is_clear else "white"
            axes.plot(
                [row.mean_difference], [place], "o", color=colour, markerfacecolor=face, markersize=5, zorder=3
            )  # fmt: skip
    if all(row.mean_difference == 0 for row in (bar.verdict for bar in bars) if row and row.worlds):
        axes.set_xlim(-1, 1)
    axes.margins(x=0.08)
    axes.xaxis.set_major_locator(MaxNLocator(5))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: say(value, about)))
    down, up = directions(about)
    axes.set_xlabel(f"← {down}    {unit_of(about)}    {up} →", fontsize=9)
    axes.set_title("Mean difference from the baseline", fontsize=9.5)


def note(axes: Axes, place: float, text: str) -> None:
    """A word beside the zero line, in a row that has no point."""
    axes.annotate(text, (0, place), (4, 0), textcoords="offset points", fontsize=8, color=QUIET, va="center")


def head_labels(axes: Axes, keys: str) -> None:
    """Which settings the labels give the values of."""
    where: dict[str, Any] = {"xycoords": "axes fraction", "textcoords": "offset points"}
    axes.annotate(keys, (0, 1), (-8, 5), **where, fontsize=8.5, color=QUIET, ha="right", va="bottom")


def draw_campaigns(axes: Axes, about: dict[str, Any], bars: Sequence[Bar], places: Sequence[float]) -> None:
    """Where the campaigns of a cell lie, and what was reported of the outcome."""
    draw_reported(axes, about["reported"])
    for bar, place in zip(bars, places, strict=True):
        axes.plot([bar.low, bar.high], [place, place], color=SIMULATED_LIGHT, linewidth=3.2, solid_capstyle="butt")
        axes.plot([bar.middle], [place], "|", color=SIMULATED, markersize=9, markeredgewidth=1.8)
    axes.spines["left"].set_color(FAINT)
    axes.xaxis.set_major_locator(MaxNLocator(3, integer=about["is_date"]))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: say_level(value, about)))
    axes.set_xlabel("date" if about["is_date"] else unit_of(about, difference=False), fontsize=9)
    axes.set_title("The campaigns themselves", fontsize=9.5)


def draw_reported(axes: Axes, reported: dict[str, Any]) -> None:
    """A dashed line at the value, a band from low to high, a thin line where only one side is known."""
    value, low, high = (reported[part] for part in ("value", "low", "high"))
    if low is not None and high is not None and low < high:
        axes.axvspan(low, high, color=REPORTED, alpha=0.2, linewidth=0, zorder=0)
    elif (low is None) != (high is None):
        bound, marker = (low, ">") if high is None else (high, "<")
        axes.axvline(bound, color=REPORTED, linewidth=1.2)
        axes.plot([bound], [0.98], marker=marker, color=REPORTED, markersize=6, transform=axes.get_xaxis_transform())
    if value is not None:
        axes.axvline(value, color=REPORTED, linewidth=1.8, linestyle="--")


def name_sides(figure: Figure, about: dict[str, Any], caption: str) -> None:
    """Title and key above, caption below."""
    point: dict[str, Any] = {"marker": "o", "markersize": 5}
    handles: list[Line2D | Patch] = [
        Line2D([], [], color=SIMULATED, **point, label="mean, 95 % interval"),
        Line2D([], [], color=QUIET, markerfacecolor="white", **point, label="no difference can be told"),
        Line2D(
            [], [], color=SIMULATED_LIGHT, linewidth=3.2, marker="|", markeredgecolor=SIMULATED, markersize=9,
            markeredgewidth=1.8, label="median, 90 % of campaigns",
        ),
    ]  # fmt: skip
    reported = about["reported"]
    if reported["value"] is not None:
        handles.append(Line2D([], [], color=REPORTED, linestyle="--", linewidth=1.8, label="reported"))
    elif reported["text"]:
        handles.append(Patch(color=REPORTED, alpha=0.25, label="reported"))
    title = "\n".join(textwrap.wrap(about["label"], 60))
    key = figure.legend(handles=handles, loc="outside upper left", ncols=4, fontsize=8.5, columnspacing=1.2)
    key.set_title(title, prop=FontProperties(size=13, weight="bold"))
    key.set_alignment("left")
    lines = textwrap.fill(caption, int(WIDTH * LETTERS_PER_INCH))
    figure.supxlabel(lines, x=0.012, ha="left", fontsize=8, color=QUIET)


def caption_of(verdicts: Verdicts, left_out: int) -> str:
    """How many campaigns, how far to trust them, against what, and what the marks do not say."""
    about = verdicts.about
    worlds = sorted({row.worlds for row in verdicts.rows})
    span = f"{worlds[0]:,}" if len(worlds) == 1 else f"{worlds[0]:,} to {worlds[-1]:,}"
    pairs = f"{span} {'world' if worlds[-1] == 1 else 'worlds'} (seeds) a pair"
    reported = about["reported"]["text"]
    parts = [
        f"{about['campaigns']:,} campaigns, {pairs}, scenario {about['scenario']}, {about['calibration']}.",
        f"Baseline: {about['baseline']}.",
        f"The {MOST_CELLS} largest differences; {left_out} more are in the table." if left_out else "",
        *about["notes"],
        "Intervals say how far the number of worlds limits the answer, not how far the model is right.",
        "Nothing was reported of differences" + ("." if reported else ", nor of the outcome itself."),
        f"Reported of the outcome itself: {reported} in evidence.csv." if reported else "",
    ]
    return " ".join(part for part in parts if part)


def save(figure: Figure, verdicts: Verdicts) -> Path:
    """A picture that says what it was made from, under its name only when it is whole."""
    path = verdicts.path.with_suffix(".png")
    made = dict(verdicts.about["provenance"])
    made["recipe"] = {**made["recipe"], "file": f"{path.parent.name}/{path.name}"}
    options: dict[str, Any] = {
        "format": "png", "dpi": RESOLUTION, "metadata": {"panj": json.dumps(made, sort_keys=True)},
    }  # fmt: skip
    with write_errors(path, "compare"):
        return write_file(path, lambda file: figure.savefig(file, **options))


def directions(about: dict[str, Any]) -> tuple[str, str]:
    """Down and up, as one says of a number or of a date."""
    return ("earlier", "later") if about["is_date"] else ("lower", "higher")


def is_share(about: dict[str, Any]) -> bool:
    """Whether the outcome is a part of a whole."""
    return str(about["unit"]).startswith("share")


def unit_of(about: dict[str, Any], difference: bool = True) -> str:
    """In which numbers are given; shares are given in per cent."""
    if is_share(about):
        return "percentage points" if difference else "per cent"
    return str(about["unit"])


def say(value: float, about: dict[str, Any]) -> str:
    """A difference with its sign, to three figures."""
    if math.isnan(value):
        return "?"
    size = value * 100 if is_share(about) else value
    text = f"{size:+,.0f}" if abs(size) >= 100 else f"{size:+.3g}"
    return "0" if float(text.replace(",", "")) == 0 else text.replace("-", "−")


def say_range(low: float, high: float, about: dict[str, Any]) -> str:
    """`-298 to -130`."""
    return "?" if math.isnan(low) else f"{say(low, about)} to {say(high, about)}"


def say_level(value: float, about: dict[str, Any]) -> str:
    """A level of the outcome on its axis."""
    if about["is_date"]:
        day = date.fromisoformat(about["first_day"]) + timedelta(days=round(value))
        return f"{day.day} {day:%b}"
    size = value * 100 if is_share(about) else value
    return f"{size:,.0f}" if abs(size) >= 100 else f"{size:.3g}"
