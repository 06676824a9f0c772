"""How many districts the Taliban held, evening by evening, and how districts fell, week by week.

Reads   days.parquet; evidence rows of the Afghanistan Analysts Network, the Long War Journal and RFE/RL.
Assumed Shares are compared, not counts, because each source counts another number of districts.
"""

from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.dates import date2num
from matplotlib.ticker import PercentFormatter

from sim.show.colours import (
    INK,
    REPORTED,
    REPORTED_OTHER,
    SAND,
    SIMULATED,
    SIMULATED_LIGHT,
)
from sim.show.reading import Bands, Study, bands_of, spread
from sim.show.record import (
    AAN_LOST_BACK,
    AAN_NEWLY_HELD,
    AAN_START,
    ABOUT_A_THIRD,
    LWJ_COUNTS,
    Point,
    aan_shares,
    lwj_shares,
    point,
)
from sim.show.style import (
    add_legend,
    date_axis,
    days_of,
    draw_bands,
    finish,
    mark_end_of_record,
    new_figure,
    say_bands,
)

HOW = {  # series: (words, colour)
    "handed_over": ("handed over", SIMULATED_LIGHT),
    "fought": ("taken in a fight", SIMULATED),
    "abandoned": ("abandoned", SAND),
}
WEEK = 7  # days


def draw_districts_by_day(study: Study, path: Path) -> Path:
    """Share of districts in Taliban hands every evening, with what was counted at the time."""
    figure = new_figure(5.4)
    axes = figure.add_subplot()
    draw_bands(axes, spread(study, "share_held_by_taliban"), SIMULATED, say_bands(study, "simulated"))
    draw_points(axes, study, aan_shares(), "s", REPORTED, "AAN: district centres held")
    draw_points(axes, study, lwj_shares(), "D", REPORTED_OTHER, "LWJ: districts controlled (a wider sense)")
    draw_points(axes, study, [point(ABOUT_A_THIRD)], "o", INK, "RFE/RL: about a third")
    axes.set_ylim(0, None)
    axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    axes.set_ylabel("districts held by the Taliban (% of all)")
    date_axis(axes, study.evenings)
    mark_end_of_record(axes, study.evenings)
    add_legend(figure, axes)
    return finish(figure, study, "Districts held by the Taliban, by evening", say_share_sources(), path)


def draw_points(axes: Axes, study: Study, points: Sequence[Point], marker: str, colour: str, label: str) -> None:
    """Reported shares with their ranges, where the study covers their days."""
    seen = [each for each in points if study.evenings[0] <= each.day <= study.evenings[-1]]
    if not seen:
        return
    value = np.array([each.value for each in seen])
    reach = np.array([[each.value - each.low for each in seen], [each.high - each.value for each in seen]])
    style: dict[str, Any] = {
        "fmt": marker,
        "color": colour,
        "markersize": 7,
        "capsize": 3,
        "elinewidth": 1.6,
        "zorder": 8,
    }
    axes.errorbar(days_of([each.day for each in seen]), value, reach, markeredgecolor="white", label=label, **style)


def say_share_sources() -> str:
    """Who counted, by evidence id."""
    lost_back = point(AAN_LOST_BACK)
    return (
        f"Afghanistan Analysts Network ({AAN_START}, {AAN_NEWLY_HELD}; {lost_back.value:.0f} more were taken and lost"
        f" again, {AAN_LOST_BACK}); FDD Long War Journal ({', '.join(LWJ_COUNTS)}); RFE/RL ({ABOUT_A_THIRD})."
        " Each counts its own set of districts, so shares are compared."
    )


def draw_falls_by_week(study: Study, path: Path) -> Path:
    """How districts fell in each week: medians stacked, and the range of the total."""
    weeks, falls = falls_by_week(study)
    figure = new_figure(5.2)
    axes = figure.add_subplot()
    middle = [date2num(week) + WEEK / 2 for week in weeks]
    stack_falls(axes, middle, [bands_of(weeks, table) for table in falls.values()])
    total = np.sum(list(falls.values()), axis=0)
    draw_total(axes, middle, bands_of(weeks, total), total.shape[1])
    axes.set_ylabel("districts lost in the week")
    date_axis(axes, [weeks[0], max(study.evenings[-1], weeks[-1] + timedelta(days=WEEK))])
    mark_end_of_record(axes, study.evenings)
    add_legend(figure, axes)
    sources = (
        "the campaigns themselves; a week runs from Saturday to Friday when the study begins on 1 May; the last may be"
        " cut short."
    )
    return finish(figure, study, "How districts fell, by week", sources, path)


def falls_by_week(study: Study) -> tuple[list[date], dict[str, np.ndarray]]:
    """First day of each week, and for each way to fall a table of weeks x campaigns."""
    starts = np.arange(0, len(study.evenings), WEEK)
    falls = {how: np.add.reduceat(study.series(how), starts, axis=0) for how in HOW}
    return [study.evenings[start] for start in starts], falls


def stack_falls(axes: Axes, middle: Sequence[float], parts: Sequence[Bands]) -> None:
    """One bar a week, its parts the medians of the ways to fall."""
    floor = np.zeros(len(middle))
    for (words, colour), part in zip(HOW.values(), parts, strict=True):
        axes.bar(middle, part.median, WEEK * 0.8, bottom=floor, color=colour, label=words)
        floor += part.median


def draw_total(axes: Axes, middle: Sequence[float], total: Bands, runs: int) -> None:
    """The median of the total and its 90 % range; medians of the parts need not add up to it."""
    if runs == 1:
        return
    reach = np.array([total.median - total.low_5, total.high_95 - total.median])
    style: dict[str, Any] = {"fmt": "o", "color": INK, "markersize": 4, "capsize": 3, "elinewidth": 1.2}
    axes.errorbar(middle, total.median, reach, label="all: median, 5 to 95 % of campaigns", **style)
