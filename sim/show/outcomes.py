"""How the main outcomes are spread over the campaigns, with the reported value beside them.

Reads   runs.parquet for the outcomes, summary.csv for words, units and what was reported.
"""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator, PercentFormatter, StrMethodFormatter

from sim.show.colours import QUIET, REPORTED, SIMULATED, SIMULATED_LIGHT
from sim.show.reading import Study
from sim.show.style import Spaces, finish, new_panels

MAIN_OUTCOMES = (
    "share_held_by_taliban_2021_06_30",
    "share_held_by_taliban_2021_07_05",
    "retaken_2021_06_30",
    "share_without_fight",
    "badakhshan_lost_2021_07_05",
    "badakhshan_most_lost_in_four_days",
    "border_share_taliban_2021_07_05",
    "capitals_lost_2021_07_07",
    "troops_crossed_by_2021_07_07",
    "troops_crossed_largest_night",
    "posts_used_largest_night",
    "refugees_admitted_by_2021_07_07",
)
COLUMNS = 2
MANY = 40  # distinct whole numbers beyond which bars take in more than one
BARS = 24
FEW = 6  # whole numbers that an axis shows at least


def draw_outcomes(study: Study, path: Path) -> Path:
    """One small histogram an outcome."""
    names = chosen_outcomes(study.runs)
    figure, panels = new_panels(-(-len(names) // COLUMNS), COLUMNS, 0.95, Spaces())
    for axes, name in zip(panels, names, strict=False):
        draw_outcome(axes, study, name)
    for axes in panels[len(names) :]:
        axes.remove()
    for axes in panels[::COLUMNS]:
        axes.set_ylabel("campaigns", fontsize=8.5)
    figure.legend(handles=key(), loc="upper left", ncols=4)
    sources = f"for what was reported, {say_ids(study.summary, names)} in evidence.csv."
    return finish(figure, study, "Outcomes beside the record", sources, path)


def chosen_outcomes(runs: pd.DataFrame, wanted: Sequence[str] = MAIN_OUTCOMES, but: Sequence[str] = ()) -> list[str]:
    """The outcomes wanted, where campaigns have them; where they have none of them, the first numbers there are."""
    numbers = [name for name in runs.select_dtypes("number").columns if name not in ("cell", "run", "seed", *but)]
    known = [name for name in wanted if name in numbers and runs[name].notna().any()]
    return known or numbers[: len(wanted)]


def summary_row(summary: pd.DataFrame, name: str) -> pd.Series:
    """What the summary says of an outcome; empty where it says nothing."""
    rows = summary[summary["outcome"] == name]
    return rows.iloc[0] if len(rows) else pd.Series(index=summary.columns, dtype=object)


def words(row: pd.Series, column: str, otherwise: str = "") -> str:
    """A cell of text."""
    return otherwise if pd.isna(row[column]) else str(row[column])


def say(cell: Any) -> str:
    """A number to three figures, thousands marked; a date as it stands; nothing where there is none."""
    number = number_of(cell)
    if number is None:
        return "" if pd.isna(cell) else str(cell)
    return f"{number:,.0f}" if abs(number) >= 100 or number == int(number) else f"{number:.3g}"


def number_of(cell: Any) -> float | None:
    """The cell as a number; a column that also holds dates was read as text."""
    try:
        return None if pd.isna(cell) else float(cell)
    except ValueError:
        return None


def say_inside(row: pd.Series) -> str:
    """Whether the reported value, or some of its range, lies within the middle 90 % of campaigns."""
    value, low, high = (number_of(row[f"reported_{part}"]) for part in ("value", "low", "high"))
    low_5, high_95 = number_of(row["low_5"]), number_of(row["high_95"])
    known = [number for number in (low, value, high) if number is not None]
    if low_5 is None or high_95 is None or not known:
        return ""
    lowest = min(known) if low is not None or value is not None else -math.inf
    highest = max(known) if high is not None or value is not None else math.inf
    return "yes" if lowest <= high_95 and highest >= low_5 else "no"


def draw_outcome(axes: Axes, study: Study, name: str) -> None:
    """The campaigns as bars, their median as a tick below, the record as a line or a band."""
    row = summary_row(study.summary, name)
    values = study.runs[name].dropna().to_numpy(float)
    unit = words(row, "unit")
    share = unit.startswith("share")
    if values.size == 0:
        draw_nothing(axes, words(row, "label", name.replace("_", " ")))
        return
    whole = not share and values_are_whole(values)
    counts, edges = np.histogram(values, bins_of(values, whole))
    axes.stairs(counts, edges, fill=True, color=SIMULATED_LIGHT)
    axes.axvline(float(np.median(values)), color=SIMULATED, linewidth=1.6)
    draw_reported(axes, row)
    if whole:
        widen(axes, float(np.median(values)))
    axes.set_title(wrap(words(row, "label", name.replace("_", " "))), fontsize=9.5)
    axes.set_xlabel(unit, fontsize=8.5)
    axes.tick_params(labelsize=8.5)
    axes.yaxis.set_major_locator(MaxNLocator(3, integer=True))
    axes.xaxis.set_major_locator(MaxNLocator(5, integer=whole))
    axes.xaxis.set_major_formatter(PercentFormatter(1, decimals=0) if share else say_ticks(whole))


def draw_nothing(axes: Axes, label: str) -> None:
    """An outcome that no campaign has, for instance because the study ends before its date."""
    axes.set_title(wrap(label), fontsize=9.5)
    axes.text(0.5, 0.5, "in no campaign", transform=axes.transAxes, ha="center", va="center", fontsize=8.5, color=QUIET)
    axes.set_xticks([])
    axes.set_yticks([])


def widen(axes: Axes, middle: float) -> None:
    """Show a few whole numbers at least, and few below zero."""
    first, last = axes.get_xlim()
    if last - first < FEW:
        first = max(middle - FEW / 2, -1.0)
        axes.set_xlim(first, first + FEW)


def say_ticks(whole: bool) -> StrMethodFormatter:
    """Whole numbers as they are, others with their decimals."""
    return StrMethodFormatter("{x:,.0f}" if whole else "{x:,g}")


def wrap(text: str, letters: int = 43) -> str:
    """A title in at most two lines."""
    if len(text) <= letters:
        return text
    cut = text.rfind(" ", 0, letters)
    rest = text[cut + 1 :]
    return f"{text[:cut]}\n{rest if len(rest) <= letters else rest[: letters - 1] + '…'}"


def values_are_whole(values: np.ndarray) -> bool:
    """Whether every campaign gave a whole number."""
    return bool(np.all(values == np.rint(values)))


def bins_of(values: np.ndarray, whole: bool) -> list[float]:
    """One bar a whole number while they are few, else equal steps over the campaigns."""
    low, high = float(values.min()), float(values.max())
    if whole and high - low <= MANY:
        return [float(edge) for edge in np.arange(low - 0.5, high + 1.0)]
    if low == high:
        width = max(abs(low) / BARS, 0.01)
        return [low - width / 2, low + width / 2]
    return [float(edge) for edge in np.linspace(low, high, BARS + 1)]


def draw_reported(axes: Axes, row: pd.Series) -> None:
    """A band from low to high, a line at the value, an arrow where only one side is known."""
    value, low, high = (row[f"reported_{part}"] for part in ("value", "low", "high"))
    if not pd.isna(low) and not pd.isna(high) and low < high:
        axes.axvspan(float(low), float(high), color=REPORTED, alpha=0.2, linewidth=0)
    elif pd.isna(low) != pd.isna(high):
        draw_one_side(axes, float(high if pd.isna(low) else low), "<" if pd.isna(low) else ">")
    if not pd.isna(value):
        axes.axvline(float(value), color=REPORTED, linewidth=2, linestyle="--")
    if pd.isna(value) and pd.isna(low) and pd.isna(high):
        axes.text(
            0.98, 0.95, "nothing reported", transform=axes.transAxes, ha="right", va="top", fontsize=8, color=QUIET
        )


def draw_one_side(axes: Axes, bound: float, marker: str) -> None:
    """*At least* or *at most*: a thin line whose head points to where the record allows it to lie."""
    axes.axvline(bound, color=REPORTED, linewidth=1.2)
    axes.plot([bound], [0.9], marker=marker, color=REPORTED, markersize=8, transform=axes.get_xaxis_transform())


def key() -> list[Line2D]:
    """What the lines mean."""
    return [
        Line2D([], [], color=SIMULATED, linewidth=1.6, label="median of campaigns"),
        Line2D([], [], color=REPORTED, linewidth=2, linestyle="--", label="reported"),
        Line2D([], [], color=REPORTED, linewidth=8, alpha=0.25, label="range reported"),
        Line2D([], [], color=REPORTED, linewidth=0, marker=">", label="at least"),
    ]


def say_ids(summary: pd.DataFrame, names: Sequence[str]) -> str:
    """The evidence that the summary cites for these outcomes."""
    cited = [words(summary_row(summary, name), "evidence") for name in names]
    ids = dict.fromkeys(id for text in cited for id in text.replace(";", " ").replace(",", " ").split())
    return ", ".join(ids) or "no rows"
