"""Draw the figures of a hindcast from its tables.

Each function that draws a complete figure saves it and returns its path.

Reads   the tables and about.json that `sim.hindcast.hindcast` wrote.
Writes  fans.png, skill.png and reliability.png next to them.
"""

import math
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes

from sim.hindcast.design import GROWTH, MAPS, MIXTURE, PANJ, TABLES, TARGETS
from sim.plots.charts import (
    Spaces,
    add_key,
    date_axis,
    days_of,
    fill_bands,
    key_line,
    key_mark,
    mark_end_of_record,
    new_panels,
    number_axis,
    save_next_to,
)
from sim.plots.colours import EARTH, FAINT, INK, QUIET, REPORTED, SECOND, SIMULATED, SIMULATED_DARK
from sim.plots.style import in_style
from sim.plots.tables import Row, read_object, read_rows, reading
from sim.wording import counted, list_words

RIVALS = ("free_panj", "no_change", "last_seven_days", GROWTH, "recent_days", "neighbours", MIXTURE)
COLOURS = dict(zip(RIVALS, (SIMULATED_DARK, QUIET, EARTH, SECOND, "#4f8f6f", "#b0589a", SIMULATED), strict=True))
SHAPES = dict(zip(RIVALS, "sDv^oPX", strict=True))
FROM = date(2021, 6, 1)  # first day on the axis of the fans
CUTS = ("low_90", "low_50", "median", "high_50", "high_90")
SHORT = {
    "country": "Afghanistan", "north": "nine northern provinces", "badakhshan": "Badakhshan",
    "soldiers": "soldiers across", "map": "map, all districts", "map_open": "map, districts not yet lost",
}  # fmt: skip


def name_of(forecast: str) -> str:
    """Return the name of a forecast for readers: `free Panj` for `free_panj`."""
    return forecast.replace("_", " ").replace("panj", "Panj")


class Made(NamedTuple):
    """The tables and metadata of a hindcast, as read from its folder."""

    folder: Path
    about: dict[str, Any]
    tables: dict[str, list[Row]]

    def rows(self, table: str, **where: object) -> list[Row]:
        """Return the rows of a table with the given values.

        Args:
            table: Name of the table, without `.csv`.
            where: Required values, with names of columns as keywords.
        """
        wanted = {key: str(value) for key, value in where.items()}
        return [row for row in self.tables[table] if all(row[key] == value for key, value in wanted.items())]


def read_hindcast(folder: Path) -> Made:
    """Read the files of a hindcast.

    Args:
        folder: The folder that `python -m sim hindcast` wrote.

    Returns:
        The tables and metadata of the hindcast.

    Raises:
        PanjError: A file is missing or malformed.
    """
    with reading(folder, "hindcast", "the files of python -m sim hindcast"):
        about = read_object(folder / "about.json")
        return Made(folder, about, {name: read_rows(folder / f"{name}.csv") for name in TABLES})


def describe_hindcast(made: Made) -> str:
    """Return the common text of all captions: numbers of origins and worlds, basis of the worlds, and seed."""
    about = made.about
    runs = f"{about['repeats']} runs of the sampler x " if about["repeats"] > 1 else ""
    return (
        f"{counted(len(about['origins']), 'origin')} x {runs}{about['worlds']:,} worlds with numbers from their "
        "priors, each conditioned on what was published up to the origin, then new random draws; naive forecasts with "
        f"as many members. Seed {about['seed']}. A hindcast: the rules were written by people who knew these weeks."
    )


@in_style
def draw_hindcast(folder: Path) -> list[Path]:
    """Draw every figure of a hindcast.

    Args:
        folder: The folder that `python -m sim hindcast` wrote.

    Returns:
        The paths of the figures.

    Raises:
        PanjError: A file is missing or malformed.
    """
    made = read_hindcast(folder)
    return [draw_fans(made), draw_skill(made), draw_reliability(made)]


def draw_fans(made: Made) -> Path:
    """Draw two forecasts of every count from every origin, with the record.

    Each count has two panels in a row: the fans of Panj on the left, those of exponential growth on the right.
    """
    figure, panels = new_panels(
        2 * len(TARGETS), 2, 1.55, Spaces(left=0.62, right=0.15, top=0.3, bottom=0.3, across=0.45, down=0.5)
    )
    for place, axes in enumerate(panels):
        name, target = (PANJ, GROWTH)[place % 2], list(TARGETS)[place // 2]
        draw_fan(axes, made, target, name)
        axes.set_title(f"{SHORT[target]}: {name_of(name)}", fontsize=8.5)
    handles = [
        key_line("record", REPORTED, 1.6), key_mark("origin", "o", INK),
        key_line("median, 50 and 90 % from one origin", SIMULATED, 6, alpha=0.4),
        key_line("the same, next origin", SECOND, 6, alpha=0.4),
    ]  # fmt: skip
    add_key(figure, handles, 4)
    caption = (
        f"{describe_hindcast(made)} A fan is the forecast from one origin for all days up to 7 July; colours alternate "
        "between origins. Districts taken and soldiers across since 1 May; in the record each dated fall counts 1 / "
        "the share that have a date (docs/explanation/hindcast.md). Scales are cut at 1.6 times the last number of the "
        "record."
    )
    return save_next_to(made, "fans.png", figure, "Forecasts from each origin, and the record", caption)


def draw_fan(axes: Axes, made: Made, target: str, name: str) -> None:
    """Draw the record of one count, and one forecast of it as fans, with one fan per origin."""
    record = made.rows("record", target=target)
    days, values = [date.fromisoformat(row["target_end_date"]) for row in record], numbers(record, "observation")
    top = 1.6 * max(values)
    for place, origin in enumerate(made.about["origins"]):
        rows = made.rows("counts", target=target, forecast=name, origin=origin)
        start = values[days.index(date.fromisoformat(origin))]
        across = days_of([date.fromisoformat(origin), *(date.fromisoformat(row["day"]) for row in rows)])
        cuts = [np.array([start, *numbers(rows, cut)]) for cut in CUTS]
        colour = (SIMULATED, SECOND)[place % 2]
        fill_bands(axes, across, cuts, colour)
        axes.plot(across, cuts[2], color=colour, linewidth=1.1)
        axes.plot(across[:1], [start], "o", color=INK, markersize=2.6, zorder=7)
    axes.plot(days_of(days), values, color=REPORTED, linewidth=1.6, drawstyle="steps-post", zorder=6)
    shown = [day for day in days if day >= FROM]
    date_axis(axes, shown)
    axes.set_ylim(0, top)
    number_axis(axes)
    mark_end_of_record(axes, shown, label=False)


def numbers(rows: Sequence[Row], column: str) -> list[float]:
    """Return a column as numbers, with nan for empty cells."""
    return [float(row[column] or "nan") for row in rows]


def draw_skill(made: Made) -> Path:
    """Draw mean differences in score (Panj minus each other forecast) by horizon, with one panel per target or map."""
    targets = [*TARGETS, *MAPS]
    figure, panels = new_panels(
        len(targets), 2, 1.7, Spaces(left=0.62, right=0.15, top=0.3, bottom=0.4, across=0.55, down=0.6)
    )
    for axes, target in zip(panels, targets, strict=True):
        score = "brier" if target in MAPS else "crps_log"
        draw_differences(axes, made, target, score)
        axes.set_title(
            f"{SHORT[target]}: {'Brier score' if score == 'brier' else 'CRPS of log(1 + number)'}", fontsize=8.5
        )
    handles = [key_mark(name_of(name), SHAPES[name], COLOURS[name]) for name in RIVALS]
    add_key(figure, handles, 4)
    caption = (
        f"{describe_hindcast(made)} Mean difference in score, Panj minus the other forecast, over the origins that "
        f"reach the horizon ({list_words(reached(made))}): below the line Panj is better, above it worse. Lines: 90 % "
        "interval of a block bootstrap over origins in blocks of three; with so few origins they are rough."
    )
    return save_next_to(
        made, "skill.png", figure, "Panj minus the other forecasts: difference in score, by horizon", caption
    )


def reached(made: Made) -> list[str]:
    """Return the number of origins whose forecasts can be scored, per horizon, such as `9 at 1 d`."""
    rows = made.rows("coverage", forecast=PANJ, target=next(iter(TARGETS)))
    return [f"{row['origins']} at {row['horizon']}\u00a0d" for row in rows]


def draw_differences(axes: Axes, made: Made, target: str, score: str) -> None:
    """Draw mean differences in score for one target (Panj minus each other forecast), with intervals, by horizon."""
    horizons = made.about["horizons"]
    for place, rival in enumerate(RIVALS):
        rows = made.rows("differences", target=target, score=score, forecast=PANJ, rival=rival)
        for row in rows:
            across = horizons.index(int(row["horizon"])) + (place - len(RIVALS) / 2 + 0.5) * 0.11
            low, middle, high = (float(row[key] or "nan") for key in ("low_90", "difference", "high_90"))
            axes.plot([across] * 2, [low, high], color=COLOURS[rival], linewidth=1.1)
            axes.plot([across], [middle], SHAPES[rival], color=COLOURS[rival], markersize=4)
    axes.axhline(0, color=INK, linewidth=0.8)
    axes.set_xticks(range(len(horizons)), [f"{one} d" for one in horizons])
    axes.set_xlim(-0.5, len(horizons) - 0.5)


def draw_reliability(made: Made) -> Path:
    """Plot the share of districts that were lost against the forecast probability of loss, for each horizon."""
    horizons = made.about["horizons"]
    figure, panels = new_panels(
        len(horizons), 2, 2.3, Spaces(left=0.62, right=0.15, top=0.3, bottom=0.45, across=0.55, down=0.7)
    )
    for axes, horizon in zip(panels, horizons, strict=True):
        axes.plot([0, 1], [0, 1], color=FAINT, linewidth=1.2)
        for name, colour in ((PANJ, SIMULATED), ("free_panj", SIMULATED_DARK), ("neighbours", COLOURS["neighbours"])):
            rows = made.rows("reliability", target="map_open", horizon=horizon, forecast=name)
            across, up = numbers(rows, "probability"), numbers(rows, "share_lost")
            sizes = [8 + 6 * math.sqrt(count) for count in numbers(rows, "districts")]
            axes.plot(across, up, color=colour, linewidth=0.9)
            axes.scatter(across, up, s=sizes, color=colour, alpha=0.7, linewidths=0, zorder=4)
        axes.set(xlim=(-0.03, 1.03), ylim=(-0.03, 1.03))
        axes.set_title(f"{counted(int(horizon), 'day')} ahead", fontsize=8.5)
        axes.set_xlabel("probability of being lost", fontsize=8)
        axes.set_ylabel("share that was lost", fontsize=8)
    handles = [
        key_mark("Panj", "o", SIMULATED), key_mark("free Panj", "o", SIMULATED_DARK),
        key_mark("neighbours", "o", COLOURS["neighbours"]), key_line("as often as forecast", FAINT, 1.2),
    ]  # fmt: skip
    add_key(figure, handles, 4)
    caption = (
        f"{describe_hindcast(made)} Districts of the north-east and the Tajik frontier that were not known as lost at "
        "the origin, over all origins that reach the horizon, in ten bins of probability; the larger a dot, the more "
        "districts. Below the line too many losses were expected, above it too few. Districts of one origin fall "
        "together, so that few of them are independent."
    )
    return save_next_to(made, "reliability.png", figure, "Did districts fall as often as forecast?", caption)
