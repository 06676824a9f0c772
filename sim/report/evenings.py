"""Draw daily series: districts held, how districts fell, refugees and queues, morale and dread.

Reads   days.parquet; evidence rows from the Afghanistan Analysts Network, the Long War Journal and RFE/RL; evidence
        rows on dated events and on civilians who were let into Tajikistan.
Shares of districts are compared, not counts, because sources differ in the total number of districts.
"""

from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.dates import date2num
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from sim.data.facts import THE_LINE, facts_here
from sim.data.record import (
    AAN_LOST_BACK,
    AAN_NEWLY_HELD,
    AAN_START,
    ABOUT_A_THIRD,
    CIVILIANS_ADMITTED,
    EVENTS,
    LWJ_COUNTS,
    aan_shares,
    lwj_shares,
    point,
    reported,
)
from sim.plots.charts import (
    add_key_of,
    date_axis,
    days_of,
    draw_bands,
    label_bands,
    mark_end_of_record,
    mark_points,
    new_figure,
    number_axis,
    save_study_chart,
)
from sim.plots.colours import EARTH, INK, QUIET, REPORTED, REPORTED_OTHER, SAND, SECOND, SIMULATED, SIMULATED_LIGHT
from sim.plots.style import CHANCE, HALO
from sim.report.outcomes import west_to_east
from sim.study.reader import Bands, Study, bands_of, spread
from sim.wording import format_day, name_of_post

HOW = {  # label and colour of each daily series of falls
    "handed_over": ("handed over", SIMULATED_LIGHT),
    "fought": ("taken in a fight", SIMULATED),
    "abandoned": ("abandoned", SAND),
}
WEEK = 7  # length of a week, days


def draw_districts_by_day(study: Study, path: Path) -> Path:
    """Draw the daily share of districts held by the Taliban, with the shares reported for the same days."""
    figure = new_figure(5.4)
    axes = figure.add_subplot()
    draw_bands(axes, spread(study, "share_held_by_taliban"), SIMULATED, label_bands(study, "simulated"))
    for points, shape, colour, label in (
        (aan_shares(), "s", REPORTED, "AAN: district centres held"),
        (lwj_shares(), "D", REPORTED_OTHER, "LWJ: districts controlled (a wider sense)"),
        ([point(ABOUT_A_THIRD)], "o", INK, "RFE/RL: about a third"),
    ):
        mark_points(axes, study.evenings, points, shape, colour, label)
    axes.set_ylim(0, None)
    number_axis(axes, unit="share")
    axes.set_ylabel("districts held by the Taliban (% of all)")
    date_axis(axes, study.evenings)
    mark_end_of_record(axes, study.evenings)
    add_key_of(figure, axes)
    return save_study_chart(figure, study, "Simulated districts held by the Taliban, by evening", cite_shares(), path)


def cite_shares() -> str:
    """Return the part of a caption on the sources of the reported shares, with evidence ids."""
    lost_back = point(AAN_LOST_BACK)
    return (
        f"Afghanistan Analysts Network ({AAN_START}, {AAN_NEWLY_HELD}; {lost_back.value:.0f} more were taken and lost"
        f" again, {AAN_LOST_BACK}); FDD Long War Journal ({', '.join(LWJ_COUNTS)}); RFE/RL ({ABOUT_A_THIRD})."
        " Each counts its own set of districts, so shares are compared."
    )


def draw_falls_by_week(study: Study, path: Path) -> Path:
    """Draw the districts lost in each week: stacked medians by manner of loss, and the 90 % interval of the total."""
    weeks, falls = falls_by_week(study)
    figure = new_figure(5.2)
    axes = figure.add_subplot()
    lengths = np.diff([*days_of(weeks), days_of(study.evenings)[-1] + 1])
    middle = days_of(weeks) + lengths / 2
    floor = np.zeros(len(weeks))
    for (words, colour), table in zip(HOW.values(), falls.values(), strict=True):
        part = bands_of(weeks, table).median
        axes.bar(middle, part, lengths * 0.8, bottom=floor, color=colour, label=words)
        floor += part
    total = np.sum(list(falls.values()), axis=0)
    draw_total(axes, middle, bands_of(weeks, total), total.shape[1])
    axes.set_ylabel("districts lost in the week")
    date_axis(axes, [weeks[0], study.evenings[-1] + timedelta(days=1)])
    mark_end_of_record(axes, study.evenings)
    add_key_of(figure, axes)
    sources = (
        "the campaigns themselves; a week runs from Saturday to Friday when the study begins on 1 May; the last may be"
        " cut short."
    )
    return save_study_chart(figure, study, "How districts fell in the simulation, by week", sources, path)


def falls_by_week(study: Study) -> tuple[list[date], dict[str, np.ndarray]]:
    """Return the first day of each week, and the districts lost by manner (arrays of weeks x campaigns)."""
    starts = np.arange(0, len(study.evenings), WEEK)
    falls = {how: np.add.reduceat(study.series(how), starts, axis=0) for how in HOW}
    return [study.evenings[start] for start in starts], falls


def draw_total(axes: Axes, middle: np.ndarray, total: Bands, runs: int) -> None:
    """Draw the median and the 90 % interval of each week's total, except for a single campaign.

    The total has its own mark because the stacked medians may not add up to the median of the total.
    """
    if runs == 1:
        return
    reach = np.array([total.median - total.low_5, total.high_95 - total.median])
    style: dict[str, Any] = {"fmt": "o", "color": INK, "markersize": 4, "capsize": 3, "elinewidth": 1.2}
    axes.errorbar(middle, total.median, reach, label="all: median, 5 to 95 % of campaigns", **style)


def draw_refugees(study: Study, path: Path) -> Path:
    """Draw three panels: people on the road, people waiting or admitted at the river, and the queue at each post."""
    figure = new_figure(9.6)
    road, river, queues = figure.subplots(3, 1, height_ratios=(1, 1.15, 1.45))
    draw_people(road, study, {"people_on_the_road": ("on the road", EARTH)}, "On the road inside Afghanistan")
    at_the_river = {
        "people_waiting": ("waiting at a post", SECOND),
        "refugees_admitted_total": ("let into Tajikistan so far", SIMULATED),
    }
    draw_people(river, study, at_the_river, "At the river")
    draw_civilians_reported(river, study)
    river.legend(loc="upper left")
    draw_queues(figure, queues, study)
    reporter = reported(CIVILIANS_ADMITTED).source
    sources = (
        f"{reporter} ({CIVILIANS_ADMITTED}: {count_civilians()} or more civilians in Gorno-Badakhshan; the figure may"
        " repeat the soldiers). Lines are medians in 50 and 90 % bands; queues are means."
    )
    return save_study_chart(figure, study, "Simulated refugees and queues, by evening", sources, path)


def count_civilians() -> str:
    """Return the reported number of civilians let in, formatted as text."""
    return f"{point(CIVILIANS_ADMITTED).value:,.0f}"


def draw_people(axes: Axes, study: Study, lines: dict[str, tuple[str, str]], title: str) -> None:
    """Draw one panel with numbers of people by day; `lines` maps quantities to labels and colours."""
    for quantity, (words, colour) in lines.items():
        draw_bands(axes, spread(study, quantity), colour, words)
    axes.set_title(title)
    axes.set_ylabel("people")
    axes.set_ylim(0, None)
    number_axis(axes)
    date_axis(axes, study.evenings)
    mark_end_of_record(axes, study.evenings)


def draw_civilians_reported(axes: Axes, study: Study) -> None:
    """Mark the reported number of civilians let in with an upward arrow, because it is a lower bound."""
    civilians = point(CIVILIANS_ADMITTED)
    if not study.evenings[0] <= civilians.day <= study.evenings[-1]:
        return
    where = (float(date2num(civilians.day)), civilians.value)
    label = f"reported: {count_civilians()} or more"
    axes.plot(*where, "^", color=REPORTED, markeredgecolor="white", markersize=10, zorder=8, label=label)


def draw_queues(figure: Figure, axes: Axes, study: Study) -> None:
    """Draw a heat map of the mean number of people waiting: one row per post (west to east), one column per day."""
    posts = west_to_east(facts_here())
    columns = [f"waiting_{post}" for post in posts]
    people = np.array([study.series(column).mean(axis=1) for column in columns])
    edges = days_of(study.evenings) - 0.5
    across, down = np.append(edges, edges[-1] + 1), np.arange(len(posts) + 1)
    shade = axes.pcolormesh(across, down, people, cmap=CHANCE, vmin=0, vmax=max(people.max(), 1))
    axes.set_yticks(np.arange(len(posts)) + 0.5, [name_of_post(post) for post in posts], fontsize=8.5)
    axes.invert_yaxis()
    axes.set_title("Waiting at each post")
    axes.grid(visible=False)
    date_axis(axes, study.evenings)
    mark_end_of_record(axes, study.evenings, label=False)
    bar = figure.colorbar(shade, ax=axes, pad=0.01, aspect=18)
    bar.set_label("people waiting (mean)", fontsize=8.5)
    bar.locator = MaxNLocator(4, integer=True)
    bar.ax.yaxis.set_major_formatter(lambda number, _: f"{number:,.0f}")


def draw_morale(study: Study, path: Path) -> Path:
    """Draw mean morale and dread by day, with dated events in a strip above."""
    figure = new_figure(5.6)
    strip, axes = figure.subplots(2, 1, sharex=True, height_ratios=(1, 2.6))
    draw_bands(axes, spread(study, "mean_morale"), SIMULATED, label_bands(study, "morale of men holding districts"))
    draw_bands(axes, spread(study, "mean_dread"), SECOND, label_bands(study, "dread in districts the government holds"))
    axes.set_ylim(0, 1)
    axes.set_ylabel("mean, from 0 to 1")
    date_axis(axes, study.evenings)
    draw_events(strip, axes, study)
    mark_end_of_record(axes, study.evenings)
    add_key_of(figure, axes, columns=1)
    sources = f"dated events as reported ({', '.join(EVENTS)}); a scenario may move or remove them."
    return save_study_chart(figure, study, "Simulated morale and dread, by evening", sources, path)


def draw_events(strip: Axes, axes: Axes, study: Study) -> None:
    """Draw a thin line on the day of each dated event, with its name in the strip above the panel."""
    seen = [(reported(id).date_end, words) for id, words in EVENTS.items() if in_study(reported(id).date_end, study)]
    before = bool(seen) and have_room_before(seen, study)
    strip.set_ylim(len(seen) + 0.2, -0.8)
    strip.axis("off")
    for row, (day, words) in enumerate(reversed(seen) if before else seen):
        time = float(date2num(day))
        strip.vlines([time], row - 0.4, len(seen) + 0.2, color=QUIET, linewidth=0.8)
        axes.axvline(time, color=QUIET, linewidth=0.8)
        text = f"{words}, {format_day(day)} " if before else f" {words}, {format_day(day)}"
        style: dict[str, Any] = {"fontsize": 8.5, "color": INK, "path_effects": HALO}
        strip.text(time, row, text, ha="right" if before else "left", va="center", **style)


def have_room_before(events: Sequence[tuple[date, str]], study: Study) -> bool:
    """Return whether there is more room for names to the left of the first event than to the right of the last."""
    return (events[0][0] - study.evenings[0]).days > (study.evenings[-1] - events[-1][0]).days


def in_study(day: date, study: Study) -> bool:
    """Return whether a day is covered by the study and is not after the end of the record."""
    return study.evenings[0] <= day <= min(THE_LINE, study.evenings[-1])
