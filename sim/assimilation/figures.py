"""Draw the figures of a sample of worlds: worlds and free campaigns compared with reports, and sampler diagnostics.

No campaign is run or read. Each function that draws a complete figure saves it and returns its path.

Reads   the tables that `python -m sim assimilate` wrote.
Writes  PNG files next to them.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from itertools import cycle
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap, Normalize, to_hex
from matplotlib.dates import DayLocator, date2num
from matplotlib.figure import Figure
from matplotlib.ticker import LogFormatter, MaxNLocator

from sim.data.facts import facts_here
from sim.data.record import (
    AAN_NEWLY_HELD,
    AAN_START,
    ABOUT_A_THIRD,
    LWJ_COUNTS,
    NIGHTS,
    aan_shares,
    lwj_shares,
    point,
)
from sim.data.shapes import note_on_shapes
from sim.plots.captions import true_minus
from sim.plots.charts import (
    Spaces,
    add_key,
    date_axis,
    days_of,
    draw_bands,
    draw_interval,
    draw_whiskers,
    key_line,
    key_mark,
    label_axes,
    label_row,
    mark_count,
    mark_points,
    new_panels,
    number_axis,
    save_next_to,
    set_rows,
)
from sim.plots.colours import (
    EARTH,
    INK,
    QUIET,
    REPORTED,
    REPORTED_OTHER,
    SAND,
    SECOND,
    SIMULATED,
    SIMULATED_DARK,
    SIMULATED_LIGHT,
)
from sim.plots.maps import SOURCES, new_map
from sim.plots.style import in_style
from sim.plots.tables import Row, read_object, read_rows, reading
from sim.study.reader import Bands
from sim.wording import counted, format_day, format_short_day, name_of_post, paragraph, percent

TABLES = ("stages", "observations", "days", "crossings", "districts", "luck")
LOOKS = {  # name in legends, colour of lines and colour of bars of each sample
    "free": ("free campaigns", EARTH, SAND),
    "assimilated": ("assimilated worlds", SIMULATED, SIMULATED_LIGHT),
}
QUANTILES = ("low_5", "low_25", "median", "high_75", "high_95")
AREAS = {  # title of the panel and label of its vertical axis, for each quantity and area in days.csv
    ("share_held", "country"): ("The country: districts held by the Taliban", "% of all districts"),
    ("lost", "nine northern provinces"): ("Nine northern provinces: districts lost since 1 May", "districts"),
    ("lost", "Badakhshan"): ("Badakhshan: districts lost since 1 May", "districts"),
}
SHIFT = 0.19  # half of the distance between the bars of the two samples
MOST_REPORTS = 32  # largest number of reports in the surprise figure
LUCK = LinearSegmentedColormap.from_list(
    "luck", ["#173554", "#2b5c8a", "#b9cbd8", "#f7f3e9", "#cdbfe0", "#7b5aa6", "#4c3370"]
)
MOST_LUCK = 4.0  # ends of the colour scale, in standard deviations of one free campaign
LINES_OF_MOVES = tuple(  # colours and line styles, assigned to the kinds of proposals in order
    (colour, line) for colour in (SIMULATED, SIMULATED_LIGHT, SECOND, EARTH) for line in ("-", ":")
)
LEFT = (  # numbers of distinct worlds: column of stages.csv, legend label, colour
    ("distinct_lasting_draws", "lasting draws", SIMULATED), ("distinct_numbers", "numbers", EARTH),
    ("origins", "worlds of the prior", SECOND),
)  # fmt: skip


class WorldTables(NamedTuple):
    """The tables that describe a sample of worlds, read from its folder."""

    folder: Path
    about: dict[str, Any]
    stages: list[Row]
    observations: list[Row]
    days: list[Row]
    crossings: list[Row]
    districts: list[Row]
    luck: list[Row]

    @property
    def until(self) -> date:
        """The last day of the reports on which the worlds are conditioned."""
        return date.fromisoformat(self.about["until"])

    @property
    def is_sample(self) -> bool:
        """Whether there are enough worlds with different lasting draws (made once per campaign) for a sample."""
        return bool(self.about["distinct_lasting_draws"] >= self.about["floor"])


def read_world_tables(folder: Path) -> WorldTables:
    """Read the tables of a sample.

    Args:
        folder: Folder to which `python -m sim assimilate` wrote them.

    Raises:
        PanjError: A file is missing or damaged.
    """
    with reading(folder, "assimilate", "the files of a sample"):
        tables = (read_rows(folder / f"{name}.csv") for name in TABLES)
        return WorldTables(folder, read_object(folder / "about.json"), *tables)


@in_style
def draw_all_worlds(made: WorldTables) -> list[Path]:
    """Draw every figure of a sample, save them next to its tables, and return their paths."""
    return [draw(made) for draw in FIGURES]


def describe_worlds(made: WorldTables) -> str:
    """Return the common text of all captions: the worlds, the reports that condition them, and the free campaigns."""
    about = made.about
    failed = (
        f"{counted(about['free_failed'], 'free campaign')} failed and are left out." if about["free_failed"] else ""
    )
    few = "" if made.is_sample else f", too few for a sample ({about['floor']} are needed)"
    return paragraph(
        f"Assimilated: {about['worlds']:,} worlds, numbers and random draws conditioned on {about['observations']} "
        f"reports up to {format_day(made.until, year=True)}; they have {about['distinct_lasting_draws']} distinct sets "
        f"of lasting draws{few}. Free: {counted(about['free'], 'campaign')}, numbers from the prior, conditioned on "
        "nothing.",
        failed,
    )


def bands_in(rows: Iterable[Row]) -> Bands:
    """Convert table rows with the quantiles of one sample to bands, which have no days if the rows have no dates."""
    kept = list(rows)
    cuts = ([float(row[name]) for row in kept] for name in QUANTILES)
    return Bands([date.fromisoformat(row["date"]) for row in kept if "date" in row], *map(np.array, cuts))


def draw_days(made: WorldTables) -> Path:
    """Draw districts held or lost, by day and for three areas: in worlds, in free campaigns and as reported."""
    caption = (
        f"{describe_worlds(made)} Lines are medians; bands contain 50 and 90 % of campaigns. Reported, country: "
        f"Afghanistan Analysts Network ({AAN_START}, {AAN_NEWLY_HELD}), Long War Journal ({', '.join(LWJ_COUNTS)}; a "
        f"wider sense), RFE/RL ({ABOUT_A_THIRD}); each counts its own set of districts, so shares are compared. "
        "Reported, below: falls that have a date (districts.csv), nearly all in Badakhshan, fewer elsewhere."
    )
    figure, panels = new_panels(len(AREAS), 1, 1.9, Spaces(left=0.75, right=0.2, top=0.35, bottom=0.3, down=0.55))
    for axes, ((quantity, area), (title, unit)) in zip(panels, AREAS.items(), strict=True):
        rows = [row for row in made.days if (row["quantity"], row["area"]) == (quantity, area)]
        for sample, (name, colour, _) in LOOKS.items():
            bands = bands_in(row for row in rows if row["sample"] == sample)
            draw_bands(axes, bands, colour, name, "--" if sample == "free" else "-")
        evenings = bands.evenings
        if quantity == "share_held":
            for points, shape, colour in (
                (aan_shares(), "s", REPORTED), (lwj_shares(), "D", REPORTED_OTHER), ([point(ABOUT_A_THIRD)], "o", INK),
            ):  # fmt: skip
                mark_points(axes, evenings, points, shape, colour, "", 5)
            number_axis(axes, unit="share")
        else:
            dated = [int(row["dated_falls"]) for row in rows if row["sample"] == "free"]
            axes.step(days_of(evenings), dated, where="post", color=REPORTED, linewidth=1.8)
        axes.set_title(title, fontsize=9.5)
        label_axes(axes, "", unit)
        axes.set_ylim(0, None)
        date_axis(axes, evenings)
    add_key(figure, [*keys_of_samples(), key_line("reported falls that have a date", REPORTED, 1.8),
                     key_mark("AAN", "s"), key_mark("LWJ", "D", REPORTED_OTHER), key_mark("RFE/RL", "o", INK)], 3,
            fontsize=8.5)  # fmt: skip
    return save_next_to(made, "days.png", figure, "Districts by day: free campaigns, worlds and the record", caption)


def keys_of_samples() -> list[Artist]:
    """Return the legend entries for worlds and for free campaigns."""
    return [
        key_line(name, colour, 1.8, linestyle="--" if sample == "free" else "-")
        for sample, (name, colour, _) in LOOKS.items()
    ]


def draw_crossings(made: WorldTables) -> Path:
    """Draw the numbers of soldiers who crossed, by night and by post, in worlds, in free campaigns and as reported."""
    caption = (
        f"{describe_worlds(made)} Bars are medians; thick lines contain 50 % and thin lines 90 % of campaigns. "
        "Diamonds: "
        f"Tajik border service and press counts ({', '.join(NIGHTS)}), placed on the last day that they cover; by "
        "post, posts.csv (a lower bound where the source says at least). A night is dated by the morning on which it "
        "ended."
    )
    nights = [row for row in made.crossings if row["post"] == "all" and row["night"] != "all"]
    posts = [row for row in made.crossings if row["post"] != "all" and row["night"] == "all"]
    figure, (above, below) = new_panels(2, 1, 2.6, Spaces(left=1.3, right=0.3, top=0.35, bottom=0.5, down=0.75))
    draw_nights(above, nights, made.until)
    draw_posts(below, posts, made.until)
    bars: list[Artist] = [key_line(name, bar, 8) for name, _, bar in LOOKS.values()]
    add_key(figure, [*bars, key_mark("reported", "D")], 3)
    return save_next_to(
        made,
        "crossings.png",
        figure,
        "Soldiers who crossed: free campaigns, worlds and the record",
        caption,
    )


def draw_nights(axes: Axes, rows: Sequence[Row], until: date) -> None:
    """Draw the crossings by night in worlds and in free campaigns, with the reported counts.

    The first night shown is two days before the first reported count or a week before the last day, `until`, if that is
    earlier.
    """
    first = min(point(NIGHTS[0]).day - timedelta(days=2), until - timedelta(days=7))
    rows = [row for row in rows if date.fromisoformat(row["night"]) >= first]
    nights = [first + timedelta(days=day) for day in range((until - first).days + 1)]
    for side, (sample, look) in zip((-1, 1), LOOKS.items(), strict=True):
        chosen = [row for row in rows if row["sample"] == sample]
        places = days_of([date.fromisoformat(row["night"]) for row in chosen]) + side * SHIFT
        draw_spreads(axes, places, chosen, look)
    for row in rows:
        if row["reported"] and row["sample"] == "assimilated":
            night, soldiers = float(date2num(date.fromisoformat(row["night"]))), float(row["reported"])
            mark_count(axes, (night, soldiers), f"{soldiers:,.0f}", -7)
    axes.set_title("By night", fontsize=9.5)
    label_axes(axes, "", "soldiers per night")
    axes.set_ylim(0, None)
    date_axis(axes, nights, room=0.7, locator=DayLocator(interval=1 + len(nights) // 9))
    number_axis(axes)


def draw_posts(axes: Axes, rows: Sequence[Row], until: date) -> None:
    """Draw the number of soldiers who crossed at each post: in worlds, in free campaigns and as reported.

    A post is shown if a count is reported for it, or if soldiers crossed there in more than 5 % of the worlds or of the
    free campaigns.
    """
    names = list(dict.fromkeys(row["post"] for row in rows if float(row["high_95"]) > 0 or row["reported"]))
    for side, (sample, look) in zip((-1, 1), LOOKS.items(), strict=True):
        chosen = [row for row in rows if row["sample"] == sample and row["post"] in names]
        places = np.array([names.index(row["post"]) for row in chosen]) + side * SHIFT
        draw_spreads(axes, places, chosen, look, across=True)
    for row in rows:
        if row["reported"] and row["sample"] == "assimilated":
            soldiers = float(row["reported"])
            mark_count(axes, (soldiers, float(names.index(row["post"]))), f"{soldiers:,.0f}", 7)
    axes.set_yticks(range(len(names)), [name_of_post(name) for name in names])
    axes.set_ylim(len(names) - 0.4, -0.6)
    axes.set_title(f"By post, up to {format_day(until)}", fontsize=9.5)
    label_axes(axes, "soldiers let in")
    axes.set_xlim(0, None)
    axes.grid(axis="y", visible=False)
    number_axis(axes, "x")


def draw_spreads(
    axes: Axes, places: np.ndarray, rows: Sequence[Row], look: tuple[str, str, str], across: bool = False
) -> None:
    """Draw a bar for each median, with whiskers for the intervals.

    Args:
        axes: Axes to draw in.
        places: Positions of the bars.
        rows: Table rows with the quantiles, one per bar.
        look: Entry of `LOOKS` for the sample.
        across: Whether the bars are horizontal.
    """
    bands = bands_in(rows)
    (axes.barh if across else axes.bar)(places, bands.median, 2 * SHIFT, color=look[2])
    draw_whiskers(axes, places, bands, across=across, colour=look[1])


def draw_where(made: WorldTables) -> Path:
    """Draw the map of the assimilated worlds at the end of their last day, with the reported falls."""
    return draw_map(made, "assimilated", "map.png")


def draw_where_free(made: WorldTables) -> Path:
    """Draw the map of the free campaigns at the end of the last day, with the reported falls."""
    return draw_map(made, "free", "map_free.png")


def draw_map(made: WorldTables, sample: str, name: str) -> Path:
    """Draw a map of the share of a sample in which the Taliban hold each district at the end of the last day.

    Args:
        made: The tables of the sample.
        sample: `assimilated` or `free`.
        name: File name of the figure.
    """
    figure = new_map(np.array([float(row[f"share_{sample}"]) for row in made.districts]), made.until)
    title = f"Districts held by the Taliban, {LOOKS[sample][0]}, {format_day(made.until, year=True)}"
    note = note_on_shapes(facts_here().district_id)
    return save_next_to(made, name, figure, title, f"{describe_worlds(made)} Sources: {SOURCES}{note}")


def draw_surprise(made: WorldTables) -> Path:
    """Draw the surprise of the `MOST_REPORTS` most surprising reports, one per row.

    A bar shows the surprise given the reports of all earlier stages; a dot shows it in the worlds after the last stage.
    """
    rows = sorted(made.observations, key=lambda row: -float(row["surprise"]))[:MOST_REPORTS]
    rest = len(made.observations) - len(rows)
    others = f"The {counted(rest, 'report')} with the least surprise are only in observations.csv. " if rest else ""
    caption = (
        f"{describe_worlds(made)} Surprise: by how many log units a report is less probable than in a campaign that "
        "agrees with it best; 2 corresponds to about two standard errors of the source. Bar: given all reports of "
        "earlier stages. Dot: in the worlds after the last stage. * marks reports whose day of publication is a guess. "
        f"{others}The number on the right is the reported figure."
    )
    figure, (axes,) = new_panels(1, 1, 0.19 * len(rows), Spaces(left=3.75, right=0.65, top=0.1, bottom=0.45))
    for place, row in enumerate(rows):
        draw_interval(axes, place, [0.0, float(row["surprise"])], SIMULATED_LIGHT, 7)
        axes.plot([float(row["surprise_at_the_end"])], [place], "o", color=SIMULATED_DARK, markersize=4.5, zorder=3)
        star = " *" if row["published_is"] == "guess" else ""
        label_row(axes, place, -0.015, f"{row['description']}{star}", fontsize=7.5)
        label_row(axes, place, 1.02, f"{float(row['value']):,g}", color=REPORTED)
    set_rows(axes, len(rows))
    axes.set_xlim(0, None)
    label_axes(axes, "surprise (log units)")
    add_key(figure, [key_line("given all earlier reports", SIMULATED_LIGHT, 7),
                     key_mark("in the worlds after the last stage", "o", SIMULATED_DARK)], 2)  # fmt: skip
    return save_next_to(made, "surprise.png", figure, "How surprising each report is", caption)


def draw_stages(made: WorldTables) -> Path:
    """Draw the progress of the sampler.

    Effective sample size and temperature are drawn by step and run of the sampler, log evidence by stage and run.
    Numbers of distinct worlds are sums over runs, and acceptance rates are means over runs; both are drawn by stage.
    """
    by_run: dict[str, list[Row]] = {}
    for row in made.stages:
        by_run.setdefault(row["repeat"], []).append(row)
    runs = f"Each of {len(by_run)} runs of the sampler has a line; " if len(by_run) > 1 else ""
    caption = (
        f"{describe_worlds(made)} {runs}{'a' if runs else 'A'} dot above is a step of tempering, which raises the "
        "weight of a stage's reports until the effective sample size is half of the worlds. Below: state after each "
        f"stage, named by its last day. Left: distinct worlds{' of all runs together' if runs else ''}; with fewer "
        f"than {made.about['floor']} distinct sets of lasting draws (line), the worlds are not called a sample. "
        f"Accepted: share of the proposals, by kind{', mean over all runs' if runs else ''}."
    )
    figure, panels = new_panels(6, 2, 1.65, Spaces(left=0.6, right=0.2, top=0.35, bottom=0.55, across=0.65, down=0.75))
    size, temperature, left, accepted, evidence, key = panels
    thin: dict[str, Any] = {"color": SIMULATED, "markersize": 3 if len(by_run) == 1 else 1.5, "linewidth": 0.8}
    for axes, column, title in ((size, "effective_sample_size", "effective sample size"),
                                (temperature, "temperature", "temperature")):  # fmt: skip
        for rows in by_run.values():
            axes.plot(range(1, len(rows) + 1), [float(row[column]) for row in rows], "o-", **thin)
        axes.set_title(title, fontsize=9)
        axes.set_ylim(0, 1.08 * max(float(row[column]) for row in made.stages))
        axes.set_xlim(0.5, 0.5 + max(len(rows) for rows in by_run.values()))
        axes.xaxis.set_major_locator(MaxNLocator(8, integer=True, min_n_ticks=1))
        label_axes(axes, "step")
    by_stage = {row["until"]: [one for one in made.stages if one["until"] == row["until"]] for row in made.stages}
    draw_left(left, by_stage, made.about["floor"])
    moves = [name for name in made.stages[0] if name.startswith("accepted, ")]
    for move, (colour, line) in zip(moves, cycle(LINES_OF_MOVES), strict=False):
        shares = [mean_of(rows, move) for rows in by_stage.values()]
        accepted.plot(range(len(by_stage)), shares, line, color=colour, linewidth=1.5, marker=".", markersize=3)
    accepted.set_title("accepted", fontsize=9)
    accepted.set_ylim(0, 1)
    number_axis(accepted, unit="share")
    for rows in by_run.values():
        steps = np.array([[row["until"] == day for row in rows] for day in by_stage])
        gained = np.cumsum(steps @ [float(row["log_evidence"]) for row in rows])
        evidence.plot(range(len(by_stage)), gained, "o-", **thin)
    evidence.set_title("log evidence of all reports so far", fontsize=9)
    days = [format_short_day(date.fromisoformat(day)) for day in by_stage]
    for axes in (left, accepted, evidence):
        axes.set_xticks(range(len(days)), days, rotation=60, fontsize=7)
        axes.tick_params(axis="y", which="both", labelsize=8)
    key.axis("off")
    handles = [key_line(f"left: {label}", colour, 1.2, marker="o", markersize=3) for _, label, colour in LEFT]
    handles += [
        key_line(f"accepted: {move.removeprefix('accepted, ')}", colour, linestyle=line)
        for move, (colour, line) in zip(moves, cycle(LINES_OF_MOVES), strict=False)
    ]
    key.legend(handles=handles, loc="upper left", fontsize=6.5, labelspacing=0.3, borderaxespad=0)
    return save_next_to(made, "stages.png", figure, "Progress of the sampler", caption)


def draw_left(axes: Axes, by_stage: Mapping[str, Sequence[Row]], floor: int) -> None:
    """Draw the numbers of distinct worlds left after each stage, summed over the runs of the sampler.

    A horizontal line marks `floor`, the smallest number of distinct sets of lasting draws of a sample.
    """
    for column, _, colour in LEFT:
        values = [
            sum(float(row[column] or "nan") for row in {row["repeat"]: row for row in rows}.values())
            for rows in by_stage.values()
        ]
        axes.plot(range(len(values)), values, "o-", color=colour, markersize=3, linewidth=1.2)
    axes.axhline(floor, color=QUIET, linestyle="--", linewidth=0.8)
    axes.set_yscale("log")
    for which in (axes.yaxis.set_major_formatter, axes.yaxis.set_minor_formatter):
        which(LogFormatter(labelOnlyBase=False, minor_thresholds=(1.5, 0.5)))
    axes.set_title("distinct worlds left", fontsize=9)


def mean_of(rows: Sequence[Row], column: str) -> float:
    """Return the mean of a column over the rows in which it has a value, or nan if there are none."""
    known = [float(row[column]) for row in rows if row[column]]
    return sum(known) / len(known) if known else float("nan")


def draw_luck(made: WorldTables) -> Path:
    """Draw the ledger of chance for daily draws: one panel per region, one row per stream, one column per week."""
    rows = [row for row in made.luck if row["since"] != made.about["start_date"]]
    streams, regions = (list(dict.fromkeys(row[name] for row in rows)) for name in ("drawn", "region"))
    weeks = sorted({(row["since"], row["until"]) for row in rows})
    spaces = Spaces(left=2.25, right=0.12, top=0.35, bottom=0.75, across=0.15, down=0.42)
    figure, panels = new_panels(len(regions), 2, 0.135 * len(streams), spaces)
    for place, (axes, region) in enumerate(zip(panels, regions, strict=True)):
        fields = {(row["drawn"], (row["since"], row["until"])): row for row in rows if row["region"] == region}
        shade(axes, [[fields.get((stream, week)) for week in weeks] for stream in streams], made.about["luck_rate"])
        axes.set_title(region[0].upper() + region[1:], fontsize=9)
        axes.set_yticks(range(len(streams)), streams if place % 2 == 0 else [""] * len(streams), fontsize=6.5)
        is_last = place >= len(regions) - 2
        ends = [format_short_day(date.fromisoformat(until)) for _, until in weeks]
        axes.set_xticks(range(len(weeks)), ends if is_last else [""] * len(ends), rotation=60, fontsize=6.5)
    return save_luck(made, figure, "luck.png", "Chance in the worlds, by week (named by its last day)")


def draw_luck_once(made: WorldTables) -> Path:
    """Draw the ledger of chance for draws made once, with one row per stream and one column per region."""
    rows = [row for row in made.luck if row["since"] == made.about["start_date"]]
    streams, regions = (list(dict.fromkeys(row[name] for row in rows)) for name in ("drawn", "region"))
    figure, (axes,) = new_panels(1, 1, 0.2 * len(streams), Spaces(left=2.9, right=0.15, top=0.1, bottom=0.85))
    fields = {(row["drawn"], row["region"]): row for row in rows}
    shade(axes, [[fields.get((stream, region)) for region in regions] for stream in streams], made.about["luck_rate"])
    axes.set_yticks(range(len(streams)), streams, fontsize=7.5)
    axes.set_xticks(range(len(regions)), [region.replace(" and ", "\nand ") for region in regions], rotation=30,
                    ha="right", fontsize=7.5)  # fmt: skip
    return save_luck(made, figure, "luck_once.png", "Chance in the worlds: draws made once in a campaign")


def shade(axes: Axes, rows: Sequence[Sequence[Row | None]], rate: float) -> None:
    """Draw a heat map of the ledger of chance, with a dot on every finding; cells with too few draws are white.

    Args:
        axes: Axes to draw in.
        rows: Rows of luck.csv, arranged as in the heat map; None for a cell without a row.
        rate: False discovery rate below which a cell counts as a finding.
    """
    luck = np.array([[float("nan") if row is None else float(row["luck"]) for row in line] for line in rows])
    axes.imshow(luck, LUCK, aspect="auto", norm=Normalize(-MOST_LUCK, MOST_LUCK))
    found = [(across, down) for down, line in enumerate(rows) for across, row in enumerate(line)
             if row is not None and float(row["q"]) < rate]  # fmt: skip
    if found:
        axes.plot(*np.array(found).T, "o", color="white", markeredgecolor=INK, markeredgewidth=0.6, markersize=3)
    axes.grid(visible=False)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)


def save_luck(made: WorldTables, figure: Figure, name: str, title: str) -> Path:
    """Add a legend and a caption to a heat map of the ledger of chance, save it, and return its path."""
    caption = (
        f"{describe_worlds(made)} Chance: sum of the scores of the draws that the model could have used, in standard "
        f"deviations of one free campaign; mean of {made.about['luck_worlds']:,} worlds. Dot: false discovery rate "
        "below "
        f"{percent(made.about['luck_rate'])}. The meaning of low and high draws and the p-values are in luck.csv."
    )
    colours = LUCK(np.linspace(0, 1, 5))
    words = ("low draws: -4", "-2", "0, as in free campaigns", "2", "high draws: 4")
    add_key(figure, [key_mark(true_minus(text), "s", to_hex(colour), markersize=7)
                     for text, colour in zip(words, colours, strict=True)], 5, fontsize=7.5)  # fmt: skip
    return save_next_to(made, name, figure, title, caption)


FIGURES = (
    draw_days, draw_crossings, draw_where, draw_where_free, draw_surprise, draw_stages, draw_luck, draw_luck_once,
)  # fmt: skip
