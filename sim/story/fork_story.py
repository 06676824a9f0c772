"""Report how the two branches of a forked campaign differ, as a page, two stories and a figure.

A night has the date of the morning on which it ends. The figure shows shares of districts, not numbers, because sources
differ in the total number of districts.

Reads   forks/<name>/ of a study: fork.json, events.parquet, days.parquet, outcomes.csv and, with several campaigns,
        verdicts.csv; evidence rows on shares of districts and on counts of soldiers.
Writes  fork.md, story_as_it_went.md, story_changed.md and fork.png in the same folder.
"""

import json
import re
import textwrap
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.dates import date2num
from rich.console import Console
from rich.table import Table

from sim.configuration.changes import title_of_scenario
from sim.data.record import ALL_SOLDIERS, NIGHTS, aan_shares, counted_so_far
from sim.errors import PanjError
from sim.plots.charts import (
    add_key_of,
    date_axis,
    draw_bands,
    mark_end_of_record,
    mark_points,
    new_figure,
    number_axis,
    save_study_chart,
)
from sim.plots.colours import INK, REPORTED, SECOND, SIMULATED
from sim.plots.style import in_style
from sim.plots.tables import Row, read_rows
from sim.provenance import shell_command
from sim.story.chronicle import Chronicle, Dated, LogEvent, read_chronicle, read_table
from sim.story.story import bullets, days_shown, name_of_cell, page_of, story_of, wrapped
from sim.story.telling import texts_on
from sim.study.files import write_file
from sim.study.reader import Study, StudyCell, bands_of
from sim.terminal import console_of
from sim.wording import MOST_NAMED, Language, language_of, name_of_post, number, significant

SHOWN_DAYS, SHOWN_OUTCOMES = 3, 14  # largest numbers of days and outcomes printed to a terminal


def columns(language: Language) -> list[str]:
    """Return the column headers of the outcomes table."""
    return [language.say(f"column_{name}") for name in ("outcome", "reported", "before", "after", "difference")]


Rows = list[Row]


class Branches(NamedTuple):
    """The two branches of a forked campaign, and the tables that compare them."""

    about: dict[str, Any]
    before: Chronicle  # the unchanged branch; both branches start on the day after the fork
    after: Chronicle
    outcomes: Rows
    verdicts: Rows

    @property
    def evening(self) -> date:
        """The day at the end of which the campaign was forked."""
        return date.fromisoformat(self.about["day"])


def page_of_fork(branches: Branches, language: Language) -> str:
    """Return the complete comparison of the two branches as a Markdown page.

    Args:
        branches: The branches and the tables that compare them.
        language: Language of the page.
    """
    lines = [f"# {title_of(branches, language)}", ""]
    for sentence in describe_fork(branches, language):
        lines += [sentence, ""]
    lines += [f"## {language.say('head_first')}", "", *bullets(describe_first_difference(branches, language)), ""]
    lines += [
        f"## {language.say('head_outcomes')}",
        "",
        f"| {' | '.join(columns(language))} |",
        "|---|---|---|---|---|",
    ]
    lines += [f"| {' | '.join(cells_of(row, language))} |" for row in chosen_outcomes(branches)]
    lines += ["", *describe_same_outcomes(branches, language), "![](fork.png)", ""]
    if branches.verdicts:
        lines += [
            f"## {language.say('head_many', branches.about['forked'])}",
            "",
            describe_pairs_of_fork(branches, language),
            "",
        ]
        lines += [*bullets([row["sentence"] for row in branches.verdicts]), ""]
    lines += [f"## {language.say('head_both')}", ""]
    days, same = two_stories(branches, language)
    for day in days:
        lines += [f"### {language.day(day.date, year=True)}", ""]
        for key in ("both", "before", "after"):
            sentences = getattr(day, key)
            if sentences:
                lines += [f"**{language.say(key)}**", "", *bullets(sentences), ""]
    if same:
        lines += [language.say("same_days", same), ""]
    return "\n".join(lines).rstrip() + "\n"


def describe_pairs_of_fork(branches: Branches, language: Language) -> str:
    """Return a sentence on the seeds and the definition of the differences."""
    first, last = branches.about["seeds"]
    return language.say("many_told", first=first, last=last)


def print_fork(branches: Branches, folder: Path, console: Console, language: Language) -> None:
    """Print a short version of the comparison to a terminal."""
    lines = [title_of(branches, language), "", *wrapped(describe_fork(branches, language), ""), ""]
    lines += [language.say("head_first"), *wrapped(describe_first_difference(branches, language))]
    console.print("\n".join(lines), soft_wrap=True)
    table = Table(title=language.say("head_outcomes"))
    for head in columns(language):
        table.add_column(head, overflow="fold")
    for row in chosen_outcomes(branches)[:SHOWN_OUTCOMES]:
        table.add_row(*cells_of(row, language))
    console.print(table)
    if branches.verdicts:
        lines = [
            "",
            language.say("head_many", branches.about["forked"]),
            *wrapped([describe_pairs_of_fork(branches, language)], ""),
        ]
        lines += wrapped([row["sentence"] for row in branches.verdicts])
        console.print("\n".join(lines), soft_wrap=True)
    days, _ = two_stories(branches, language)
    lines = ["", language.say("head_both")] if days else []
    for day in days[:SHOWN_DAYS]:
        lines += ["", language.day(day.date, year=True)]
        for key in ("both", "before", "after"):
            if getattr(day, key):
                lines += [f"  {language.say(key)}", *(f"  {line}" for line in wrapped(getattr(day, key)))]
    if len(days) > SHOWN_DAYS:
        path = folder / "fork.md"
        lines += ["", *wrapped([language.say("shown_differing", SHOWN_DAYS, all=number(len(days)), path=path)], "")]
    console.print("\n".join(lines), soft_wrap=True)


def show_fork(folder: Path) -> int:
    """Write the pages and the figure of a fork, print a short version, and suggest the next command.

    Args:
        folder: Folder of the fork, with the tables written by `sim.story.fork`.

    Returns:
        The exit code, which is always 0.

    Raises:
        PanjError: A table is missing or damaged.
    """
    language = language_of()
    branches = read_branches(folder, language)
    texts = {
        "fork.md": page_of_fork(branches, language),
        f"story_{BEFORE}.md": page_of(story_of(branches.before, language), language),
        f"story_{AFTER}.md": page_of(story_of(branches.after, language), language),
    }
    for name, text in texts.items():
        write_file(folder / name, text)
    draw_fork(folder, branches.about, language)
    console = console_of()
    print_fork(branches, folder, console, language)
    for line in (language.say("written"), *(f"  {path}" for path in sorted(folder.iterdir()))):
        console.print(line, soft_wrap=True)
    console.print(language.say("next", command=next_command(branches, folder.parent.parent)), soft_wrap=True)
    return 0


def next_command(branches: Branches, study: Path) -> str:
    """Return a command to try next: the fork with 50 seeds or, if it already has several, up to a week earlier."""
    about = branches.about
    overrides = [word for word in about["fork_words"] if not word.startswith(("runs=", "day="))]
    if about["cell_label"] and not any(word.startswith("cell=") for word in overrides):
        overrides.append(f"cell={about['cell']}")
    if about.get("outcomes"):
        overrides.append(f"outcome={','.join(about['outcomes'])}")
    is_one = about["forked"] == 1
    day = branches.evening if is_one else max(branches.before.start, branches.evening - timedelta(days=7))
    return shell_command(["fork", study, f"day={day}", *overrides, f"runs={50 if is_one else about['forked']}"])


TITLE_LETTERS = 60  # characters per line of the title
HELD, CROSSED = "share_held_by_taliban", "troops_crossed"


@in_style
def draw_fork(folder: Path, about: Mapping[str, Any], language: Language) -> Path:
    """Draw, for both branches, the share of districts held and the soldiers who crossed.

    Args:
        folder: Folder of the fork.
        about: Content of fork.json.
        language: Language of titles and labels.

    Returns:
        The path of the figure, fork.png.
    """
    evening = date.fromisoformat(about["day"])
    figure = new_figure(7.4)
    above, below = figure.subplots(2, 1, sharex=True)
    evenings = draw_branches((above, below), folder, about, language)
    mark_points(above, evenings, aan_shares(), "D", REPORTED, language.say("figure_reported"), 6)
    mark_points(below, evenings, counted_so_far(), "D", REPORTED, "", 6)
    number_axis(above, unit="share")
    number_axis(below)
    for axes, name in ((above, "held"), (below, "crossed")):
        axes.set_ylim(0, None)
        axes.set_title(language.say(f"figure_{name}"))
        axes.set_ylabel(language.say(f"figure_{name}_axis"))
        date_axis(axes, evenings)
        mark_end_of_record(axes, evenings, label=axes is below)
    mark_turn((above, below), evening, language)
    add_key_of(figure, above, columns=1)
    change = textwrap.fill(language.listed(about["changes"]), TITLE_LETTERS)
    title = language.say("figure_title", day=language.day(evening, year=True), change=change)
    shares, counts = language.listed([point.id for point in aan_shares()]), language.listed([*NIGHTS, ALL_SOLDIERS])
    sources = language.say("figure_sources", shares=shares, counts=counts)
    recipe = {"fork": " ".join(["python -m sim fork <folder of the study>", *about["fork_words"]])}
    return save_study_chart(figure, shown(folder, about), title, sources, folder / "fork.png", recipe)


def draw_branches(panels: tuple[Axes, Axes], folder: Path, about: Mapping[str, Any], language: Language) -> list[date]:
    """Draw the unchanged branch as solid lines, and the changed branch, from the day of the fork on, as dashed lines.

    Returns:
        The days of the campaign.
    """
    table = read_table(folder / "days.parquet", "as_it_went")
    evenings = evenings_of(table)
    for branch, colour, key in (("as_it_went", SIMULATED, "figure_before"), ("changed", SECOND, "figure_after")):
        table = read_table(folder / "days.parquet", branch)
        first = evenings.index(date.fromisoformat(about["day"])) if branch == "changed" else 0
        label = language.say(key)
        if about["forked"] > 1:
            label = language.say("figure_bands", name=label)
        held, crossed = (series_of(table, column, len(evenings)) for column in (HELD, CROSSED))
        for axes, values in zip(panels, (held, np.cumsum(crossed, axis=0)), strict=True):
            draw_bands(
                axes, bands_of(evenings[first:], values[first:]), colour, label, "--" if branch == "changed" else "-"
            )
    return evenings


def evenings_of(days: Any) -> list[date]:
    """Return the days of a campaign, in order; all campaigns in days.parquet have the same days."""
    first = days["seed"].to_numpy() == days["seed"][0].as_py()
    return [day for day, is_first in zip(days["date"].cast("date32").to_pylist(), first, strict=True) if is_first]


def series_of(days: Any, column: str, evenings: int) -> np.ndarray:
    """Return a column of days.parquet as an array (days x campaigns)."""
    return np.asarray(days[column].to_numpy().reshape(-1, evenings).T, dtype=np.float64)


def mark_turn(panels: Sequence[Axes], evening: date, language: Language) -> None:
    """Draw a vertical line on the day of the fork in each panel, and label the line in the first panel."""
    for axes in panels:
        axes.axvline(float(date2num(evening)), color=INK, linewidth=1.2, zorder=7)
    text = language.say("figure_turn", day=language.day(evening))
    panels[0].annotate(
        text, (float(date2num(evening)), 0.97), xycoords=panels[0].get_xaxis_transform(), xytext=(-4, 0),
        textcoords="offset points", ha="right", va="top", fontsize=8.5, color=INK, zorder=9,
    )  # fmt: skip


def shown(folder: Path, about: Mapping[str, Any]) -> Study:
    """Return a fork as a `Study`, for functions that write captions of studies."""
    cell = StudyCell(
        about["cell"], about["cell_label"], {}, date.fromisoformat(about["start_date"]),
        date.fromisoformat(about["end_date"]), runs=about["forked"], calibration=about["calibration"],
    )  # fmt: skip
    return Study(folder, str(about["study"]), about, (cell,), cell)


BEFORE, AFTER = "as_it_went", "changed"


class Difference(NamedTuple):
    """The first day on which the logs of the branches differ, and the events of that day in only one log."""

    day: date
    before: tuple[LogEvent, ...]
    after: tuple[LogEvent, ...]


def read_branches(folder: Path, language: Language) -> Branches:
    """Read the files of a fork.

    Args:
        folder: Folder of the fork.
        language: Language of the texts of late events.

    Raises:
        PanjError: A file is missing or damaged.
    """
    try:
        about = json.loads((folder / "fork.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise PanjError(
            f"{folder / 'fork.json'}: found no readable file ({error}), expected one that python -m sim fork wrote"
        ) from None
    before = read_chronicle(folder, about, BEFORE)
    after = with_late(read_chronicle(folder, changed_of(about), AFTER), about, language)
    outcomes, verdicts = (
        read_rows(path) if (path := folder / name).is_file() else [] for name in ("outcomes.csv", "verdicts.csv")
    )
    return branches_of(about, before, after, outcomes, verdicts)


def changed_of(about: Mapping[str, Any]) -> dict[str, Any]:
    """Return the metadata of the changed branch: a copy of those of the fork, with the dated events of that branch."""
    return {**about, "dated": about["dated_changed"]}


def branches_of(about: dict[str, Any], before: Chronicle, after: Chronicle, outcomes: Rows, verdicts: Rows) -> Branches:
    """Return both branches, limited to the days after the fork.

    Args:
        about: Content of fork.json.
        before: The whole campaign without the change.
        after: The whole campaign with the change.
        outcomes: Rows of outcomes.csv.
        verdicts: Rows of verdicts.csv; empty if only one campaign was forked.
    """
    morning = date.fromisoformat(about["day"]) + timedelta(days=1)
    return Branches(about, before.narrowed(first=morning), after.narrowed(first=morning), outcomes, verdicts)


def with_late(changed: Chronicle, about: Mapping[str, Any], language: Language) -> Chronicle:
    """Return the chronicle of the changed branch, with late events added to its dated events.

    Late events are those dated by the change on or before the day of the fork, and are applied on the next day.

    Args:
        changed: Chronicle of the changed branch.
        about: Content of fork.json.
        language: Language in which the events are described.
    """
    return replace(changed, dated=tuple(sorted((*late_of(about, language), *changed.dated), key=lambda one: one.date)))


def late_of(about: Mapping[str, Any], language: Language) -> list[Dated]:
    """Return the events dated by the change on or before the day of the fork, which are applied on the next day."""
    return [
        Dated(
            date.fromisoformat(day),
            language.say("late_set", condition=language.say(f"condition_{name}"), value=f"{value:,g}")
            if act == "set"
            else language.say("late_deed", name=name.replace("_", " ")),
            is_told=True,
        )
        for day, name, value, act in about["late"]
    ]


def first_difference(before: Chronicle, after: Chronicle) -> Difference | None:
    """Return the first day on which the logs of two branches differ.

    Args:
        before: Chronicle of the unchanged branch.
        after: Chronicle of the changed branch.

    Returns:
        The day, and its events that are in only one log; None if the logs agree.
    """
    for day in days_shown(before):
        here, there = before.by_day.get(day, []), after.by_day.get(day, [])
        if here != there:
            return Difference(day, only_in(here, there), only_in(there, here))
    return None


def only_in(rows: Sequence[LogEvent], others: Sequence[LogEvent]) -> tuple[LogEvent, ...]:
    """Return the rows without an equal in `others`; each row of `others` cancels at most one equal row."""
    left = Counter(others)
    found = []
    for one in rows:
        if left[one]:
            left[one] -= 1
        else:
            found.append(one)
    return tuple(found)


def first_evening(before: Chronicle, after: Chronicle) -> date | None:
    """Return the first day on which a daily series differs between two branches.

    Args:
        before: Chronicle of the unchanged branch.
        after: Chronicle of the changed branch.

    Returns:
        The day, or None if all series agree.
    """
    pairs = ((values, after.evenings[name]) for name, values in before.evenings.items())
    rows = [int(np.flatnonzero(here != there)[0]) for here, there in pairs if (here != there).any()]
    return before.start + timedelta(days=min(rows)) if rows else None


MAIN = (  # outcomes listed first if they end after the fork
    "share_held_by_taliban_2021_07_05", "share_held_by_taliban_2021_07_07", "badakhshan_lost_2021_07_05",
    "capitals_lost_2021_07_07", "troops_crossed_by_2021_07_07", "troops_crossed_largest_night",
    "troops_captured_by_2021_07_07", "troops_killed_by_2021_07_07", "people_displaced_by_2021_07_07",
    "refugees_admitted_by_2021_07_07",
)  # fmt: skip


def describe_first_difference(branches: Branches, language: Language) -> list[str]:
    """Describe the first difference between the branches.

    Args:
        branches: The branches.
        language: Language of the sentences.

    Returns:
        Sentences on the first events that differ or, if the logs agree, on the first day on which a daily series
        differs.
    """
    found = first_difference(branches.before, branches.after)
    if found is not None:
        sentences = [language.say("fork_first", day=language.day(found.day, year=True))]
        for key, rows in (("fork_only_before", found.before), ("fork_only_after", found.after)):
            if rows:
                events = [describe_event(one, language) for one in together(rows)]
                sentences.append(language.say(key, what=language.listed(events, MOST_NAMED)))
        return sentences
    evening = first_evening(branches.before, branches.after)
    return [language.say("fork_numbers", day=language.day(evening)) if evening else language.say("fork_same")]


def together(rows: Sequence[LogEvent]) -> list[LogEvent]:
    """Merge events of the same kind and place, adding up their men.

    Soldiers who crossed or were turned back are merged only if they were at the same post, and moves of prongs only if
    the prong is the same. The merged events are in order of first appearance.
    """
    found: dict[tuple[str, str, str], LogEvent] = {}
    for one in rows:
        key = one.event, one.district_id, one.who if one.event in ("crossing", "turned_back", "prong_moves") else ""
        found[key] = found[key]._replace(men=found[key].men + one.men) if key in found else one
    return list(found.values())


def describe_event(one: LogEvent, language: Language) -> str:
    """Describe an event of the log in a few words."""
    place = language.say("place", district=one.district, province=one.province)
    return language.say(
        f"event_{one.event}", place=place, province=one.province, men=number(one.men), post=name_of_post(one.who)
    )


def describe_fork(branches: Branches, language: Language) -> list[str]:
    """Return sentences on the forked campaign, the change and the interpretation of the comparison."""
    about, before = branches.about, branches.before
    sentences = [
        language.say(
            "fork_told", seed=before.seed, study=before.study, cell=name_of_cell(before, language),
            scenario=title_of_scenario(before.scenario), day=language.day(branches.evening, year=True),
            change=language.listed(about["changes"]), calibration=before.calibration,
        ),
        language.say("fork_one"),
    ]  # fmt: skip
    sentences += [about["question"]] if about.get("question") else []
    return [*sentences, language.say("fork_left", keys=language.listed(about["left"]))] if about["left"] else sentences


def title_of(branches: Branches, language: Language) -> str:
    """Return the title of the comparison, which names the campaign and the day of the fork."""
    before = branches.before
    return language.say(
        "fork_title", study=before.study, seed=before.seed, day=language.day(branches.evening, year=True)
    )


class TwoDays(NamedTuple):
    """The sentences on one day: those in both branches, only in the unchanged one, and only in the changed one."""

    date: date
    both: list[str]
    before: list[str]
    after: list[str]


def two_stories(branches: Branches, language: Language) -> tuple[list[TwoDays], int]:
    """Return the days on which the sentences of the two branches differ.

    Args:
        branches: The branches.
        language: Language of the sentences.

    Returns:
        These days with their sentences, and the number of days on which the sentences are the same. A day on which
        neither branch has a sentence is not counted.
    """
    days, same = [], 0
    for day in days_shown(branches.before):
        here, there = (texts_on(side, day, language) for side in (branches.before, branches.after))
        if here == there:
            same += bool(here)
            continue
        both = [sentence for sentence in here if sentence in there]
        days.append(TwoDays(day, both, *([one for one in side if one not in both] for side in (here, there))))
    return days, same


def chosen_outcomes(branches: Branches) -> Rows:
    """Return outcomes that end after the fork: the requested ones, then the main ones, then all others that differ."""
    open_ = [row for row in branches.outcomes if date.fromisoformat(row["last_day"]) > branches.evening]
    names = dict.fromkeys((*branches.about.get("outcomes", ()), *MAIN))
    main = [row for name in names for row in open_ if row["outcome"] == name]
    return [*main, *(row for row in open_ if row not in main and row["difference"] not in ("", "0"))]


def describe_same_outcomes(branches: Branches, language: Language) -> list[str]:
    """Return a sentence on the number of outcomes that are omitted because both branches agree.

    Args:
        branches: The branches and the table of their outcomes.
        language: Language of the sentence.

    Returns:
        The sentence and a blank line, or an empty list if no outcome is omitted.
    """
    open_ = sum(date.fromisoformat(row["last_day"]) > branches.evening for row in branches.outcomes)
    left = open_ - len(chosen_outcomes(branches))
    return [language.say("same_outcomes", left), ""] if left else []


def cells_of(row: Mapping[str, str], language: Language) -> tuple[str, ...]:
    """Format a row of outcomes.csv for display.

    Args:
        row: Row of outcomes.csv, as text by column.
        language: Language of labels and units.

    Returns:
        One text per column of `columns`.
    """
    is_share, is_date = row["unit"].startswith("share"), row["unit"] == "date"
    unit = "%" if is_share else language.unit("days" if is_date else row["unit"])
    before, after = (value_as_text(row[side], is_share) for side in (BEFORE, AFTER))
    change = value_as_text(row["difference"], is_share)
    sign = "+" if change and float(row["difference"]) > 0 else ""
    reported = format_reported_figure(row["reported"], is_share) or "-"
    label = row["label"] if is_date else f"{row['label']} ({unit})"
    return label, reported, before or "-", after or "-", f"{sign}{change}{f' {unit}' * is_date}" if change else "-"


def format_reported_figure(text: str, is_share: bool) -> str:
    """Format a reported figure: `0.375 (F064)`, or `37.5 (F064)` for a share in per cent."""
    numbers, bracket, ids = text.partition(" (")
    if is_share:
        numbers = re.sub(r"\d+(\.\d+)?", lambda found: f"{100 * float(found[0]):.1f}", numbers)
    return f"{numbers}{bracket}{ids}"


def value_as_text(text: str, is_share: bool) -> str:
    """Format a value of outcomes.csv: a share in per cent, any other number to at least three significant figures.

    Dates and empty cells are returned unchanged.
    """
    try:
        value = float(text)
    except ValueError:
        return text
    return f"{100 * value:.1f}" if is_share else significant(value)
