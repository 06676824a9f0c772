"""Read the log and the daily series of one campaign, for `python -m sim story` and `python -m sim fork`.

`sim.story.story` turns a chronicle into sentences. Events have the date of their day, and crossings the date on which
the night began.

Reads   about.json and config.yaml of a study, and events.parquet and days.parquet if it has a single campaign.
Writes  stories/cell_<cell>_seed_<seed>/ in a study of several campaigns: events.parquet, days.parquet and
        campaign.json of one campaign, which is rerun.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from sim.configuration.compose import Composer
from sim.data.configs import read_yaml
from sim.data.facts import Facts, facts_here
from sim.errors import PanjError, unknown
from sim.execution.rerun import about_campaign, dated_of, evenings_of, log_of, origin_of, rerun_campaign, seed_of
from sim.options import Story
from sim.provenance import ASSIMILATED, STAMPED, kind_of
from sim.study.codebook import Codebook, write_codebook
from sim.study.files import json_text, make_folder, write_folder
from sim.study.reader import Study, open_study, read_columns


class LogEvent(NamedTuple):
    """An event in the log of a campaign, with the columns of events.parquet used in stories."""

    date: date
    event: str
    district_id: str
    district: str
    province: str
    who: str  # kind of unit, prong or post, depending on the event
    men: int
    how: str  # manner of the fall, if the event is a fall
    why: str  # main reason for the fall, if the event is a fall


class Dated(NamedTuple):
    """A dated event of the timeline, such as a decision of the government."""

    date: date
    text: str
    source: str = ""  # source, if the event was reported; empty if it is an assumption or was changed
    is_told: bool = False  # whether the text is a complete sentence


@dataclass(frozen=True)
class Chronicle:
    """The events and daily series of one campaign, which may be limited to a province and to a range of days."""

    study: str
    seed: int
    cell: int
    cell_label: str
    scenario: str
    calibration: str
    start: date
    end: date
    happenings: tuple[LogEvent, ...]
    evenings: Mapping[str, np.ndarray]  # daily series by name, from day 0
    dated: tuple[Dated, ...]
    first: date  # first of the days shown
    last: date
    province: str = ""  # province shown; empty for the whole country

    @cached_property
    def by_day(self) -> dict[date, list[LogEvent]]:
        """The events of each day shown, without days that have no event."""
        days: dict[date, list[LogEvent]] = {}
        for one in self.happenings:
            days.setdefault(one.date, []).append(one)
        return days

    @property
    def is_free(self) -> bool:
        """Whether the random draws of the campaign are independent of the record."""
        return kind_of(self.calibration) != ASSIMILATED

    @property
    def facts(self) -> Facts:
        """Facts about districts and posts."""
        return facts_here()

    @property
    def posts(self) -> tuple[str, ...]:
        """The posts of the province shown, or all posts if the whole country is shown."""
        facts = self.facts
        places = zip(facts.post, facts.post_district, strict=True)
        return tuple(post for post, here in places if self.province in ("", facts.province[here]))

    def row(self, day: date) -> int:
        """Return the row number of a day in the daily series."""
        return (day - self.start).days

    def of(self, event: str) -> list[LogEvent]:
        """Return all events of one kind, such as `fall`, in order of occurrence."""
        return [one for one in self.happenings if one.event == event]

    def on(self, day: date, name: str) -> int:
        """Return the value of a daily series on a day."""
        return int(self.evenings[name][self.row(day)])

    def grown(self, day: date, name: str) -> int:
        """Return the increase of a running total, such as `refugees_refused_total`, on a day."""
        row = self.row(day)
        return int(self.evenings[name][row] - (self.evenings[name][row - 1] if row else 0))

    def in_time(self, name: str) -> np.ndarray:
        """Return the values of a daily series on the days shown."""
        return self.evenings[name][self.row(self.first) : self.row(self.last) + 1]

    def at_posts(self, what: str, day: date) -> dict[str, int]:
        """Return the value of a daily series, such as `admitted`, at each post on a day, without posts with 0."""
        found = {post: self.on(day, f"{what}_{post}") for post in self.posts}
        return {post: people for post, people in found.items() if people}

    def narrowed(self, province: str = "", first: date | None = None, last: date | None = None) -> "Chronicle":
        """Return the chronicle limited to a province, to a range of days, or to both.

        Args:
            province: Name of the province; empty to keep all provinces shown.
            first: First day to keep; None for the first day shown.
            last: Last day to keep; None for the last day shown.

        Raises:
            PanjError: The province is unknown, or the days are not in the campaign or not in order.
        """
        first, last = first or self.first, last or self.last
        check_part(province, first, last, self.start, self.end)
        kept = [one for one in self.happenings if first <= one.date <= last and province in ("", one.province)]
        dated = [one for one in self.dated if first <= max(one.date, self.start) <= last]
        return replace(
            self, happenings=tuple(kept), dated=tuple(dated), first=first, last=last, province=province or self.province
        )


def check_part(province: str, first: date, last: date, start: date, end: date) -> None:
    """Raise PanjError if a province is given but unknown, or if the days are outside the campaign or not in order."""
    provinces = facts_here().provinces
    if province and province not in provinces:
        raise unknown("province", province, provinces)
    for key, day in (("from", first), ("to", last)):
        if not start <= day <= end:
            raise PanjError(f"{key}: found {day}, expected a day of the campaign, from {start} to {end}")
    if first > last:
        raise PanjError(f"from: found {first}, expected a day up to {last}")


def read_chronicle(folder: Path, campaign: Mapping[str, Any], branch: str = "") -> Chronicle:
    """Read a campaign from the tables in a folder.

    Args:
        folder: Folder with events.parquet and days.parquet.
        campaign: Metadata from campaign.json, fork.json or `about_only_campaign`.
        branch: Name of the branch of a fork; empty if the tables are not of a fork.

    Returns:
        The whole campaign.

    Raises:
        PanjError: A table cannot be read or lacks a column.
    """
    events, days = (read_table(folder / name, branch) for name in ("events.parquet", "days.parquet"))
    return chronicle_of(events, days.filter(pc.field("seed") == campaign["seed"]), campaign)


def chronicle_of(events: pa.Table, days: pa.Table, campaign: Mapping[str, Any]) -> Chronicle:
    """Build a chronicle from tables in memory.

    Args:
        events: Rows of events.parquet.
        days: Rows of days.parquet, of this campaign only.
        campaign: Metadata of the campaign, as in `read_chronicle`.

    Raises:
        PanjError: The table of events lacks a column.
    """
    start, end = (date.fromisoformat(campaign[key]) for key in ("start_date", "end_date"))
    series = [name for name in days.column_names if name not in ("branch", "cell", "run", "seed", "date")]
    dated = [Dated(date.fromisoformat(day), *said) for day, *said in campaign["dated"]]
    return Chronicle(
        study=campaign["study"], seed=campaign["seed"], cell=campaign["cell"], cell_label=campaign["cell_label"],
        scenario=campaign["scenario"], calibration=campaign["calibration"], start=start, end=end,
        happenings=tuple(LogEvent(*row) for row in rows_of(events)),
        evenings={name: days[name].to_numpy() for name in series},
        dated=tuple(sorted(dated, key=lambda one: one.date)), first=start, last=end,
    )  # fmt: skip


def read_table(path: Path, branch: str) -> pa.Table:
    """Read a Parquet table, or only the rows of one branch if `branch` is not empty.

    Raise PanjError if the table cannot be read or is damaged.
    """
    return read_columns(path, filters=(("branch", "==", branch),) if branch else None)


def rows_of(events: pa.Table) -> Sequence[tuple[Any, ...]]:
    """Return the values of each row of events.parquet in the order of the fields of `LogEvent`.

    Raise PanjError if a column is missing.
    """
    missing = [name for name in LogEvent._fields if name not in events.column_names]
    if missing:
        raise PanjError(f"events.parquet: found no column {', '.join(missing)}, expected a log with all columns")
    days = events.set_column(events.column_names.index("date"), "date", events["date"].cast(pa.date32()))
    return list(zip(*(days[name].to_pylist() for name in LogEvent._fields), strict=True))


def sums(happenings: Sequence[LogEvent], key: Callable[[LogEvent], str]) -> dict[str, int]:
    """Add up the numbers of men in events by key.

    Args:
        happenings: The events.
        key: Returns the key of an event, such as its province.

    Returns:
        Number of men for each key in descending order; ties are in order of appearance.
    """
    found: dict[str, int] = {}
    for one in happenings:
        found[key(one)] = found.get(key(one), 0) + one.men
    return dict(sorted(found.items(), key=lambda pair: -pair[1]))


def counts(happenings: Sequence[LogEvent], key: Callable[[LogEvent], str]) -> dict[str, int]:
    """Return the number of events for each key in descending order; ties are in order of appearance."""
    return sums([one._replace(men=1) for one in happenings], key)


# a function that raises PanjError if a campaign with these days lacks the requested part
Check = Callable[[Story, date, date], None]
TABLES = ("events.parquet", "days.parquet")


def read_telling(request: Story, check: Check) -> tuple[Path, dict[str, Any]]:
    """Find the log and daily series of one campaign, rerunning the campaign if the study lacks them.

    Args:
        request: The study, the cell and seed of the campaign, and the part to show.
        check: Raises PanjError if the campaign lacks the requested part; called before anything is run.

    Returns:
        The folder with the tables, and the metadata of the campaign.

    Raises:
        PanjError: The request is invalid, or the campaign cannot be rerun.
    """
    study = open_study(request.folder)
    cell = study.choose_cell(request.cell)
    check(request, cell.start_date, cell.end_date)
    if holds_the_log(study, request.seed):
        return study.folder, about_only_campaign(study)
    return write_campaign(study.folder, request.seed, cell.number)


def holds_the_log(study: Study, seed: int | None) -> bool:
    """Return whether a study consists only of the requested campaign and contains its log and daily series.

    Args:
        study: The study.
        seed: Seed of the requested campaign; None for any.
    """
    is_one = study.about.get("campaigns") == 1 and len(study.cells) == 1
    is_it = is_one and seed in (None, study.about["first_seed"])
    return is_it and all((study.folder / name).is_file() for name in TABLES)


def about_only_campaign(study: Study) -> dict[str, Any]:
    """Return the metadata of the only campaign in a study, in the form of campaign.json."""
    about, cell = study.about, study.cells[0]
    return {
        **{key: about.get(key) for key in STAMPED},
        "scenario": about["scenario"],
        "cell": cell.number,
        "cell_label": cell.label,
        "cell_words": list(cell.overrides),
        "calibration": cell.calibration,
        "seed": about["first_seed"],
        "start_date": cell.start_date.isoformat(),
        "end_date": cell.end_date.isoformat(),
        "dated": dated_of(read_yaml(study.folder / "config.yaml").get("events", [])),
    }


def write_campaign(folder: Path, seed: int | None, cell: int) -> tuple[Path, dict[str, Any]]:
    """Rerun a campaign and write its log, daily series and metadata; return the folder and the metadata.

    Args:
        folder: Folder of the study.
        seed: Seed of the campaign; None for the first seed of the study.
        cell: Number of the cell to which the campaign belongs.
    """
    origin = origin_of(folder, cell, Composer())
    number = seed_of(origin, seed)
    campaign = rerun_campaign(origin.settings, number)
    tables = log_of(campaign, origin.settings), evenings_of(campaign, origin.settings, cell)
    place = folder / "stories" / f"cell_{cell}_seed_{number}"
    about = about_campaign(origin, number)
    settings = origin.settings
    book = Codebook.of_dates(settings.facts, [(settings.start_date, settings.end_date)])
    make_folder(place.parent)
    with write_folder(place, "story") as half:
        for name, table in zip(TABLES, tables, strict=True):
            book.write(table, half / name)
        write_codebook(half, book, TABLES)
        (half / "campaign.json").write_text(json_text(about), encoding="utf-8")
    return place, about
