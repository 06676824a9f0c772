"""A campaign as a list of events and daily series: `python -m sim story results/one [seed=7] [province=Badakhshan]`.

Reads   about.json and config.yaml of a study, and events.parquet and days.parquet if it has a single campaign.
Writes  for one campaign of several stories/cell_<cell>_seed_<seed>/ with events.parquet, days.parquet and
        campaign.json, from the campaign run again. `sim.story.story` turns it into sentences.
Assumed A row of the log is dated by the day of the event; a crossing is dated by the day on which the night began.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import cache, cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from sim.data.configs import read_yaml
from sim.data.facts import Facts, read_facts
from sim.errors import PanjError, unknown
from sim.options import Story
from sim.provenance import STAMPED
from sim.run.rerun import about_campaign, dated_of, evenings_of, log_of, origin_of, rerun_campaign, seed_of
from sim.settings.compose import Composer
from sim.study.files import json_text, write_folder
from sim.study.reader import Study, open_study


class Happening(NamedTuple):
    """An event in the log of a campaign."""

    date: date
    event: str
    district_id: str
    district: str
    province: str
    who: str  # kind of unit, prong or post, depending on the event
    men: int
    how: str  # manner of a fall
    why: str  # main reason of a fall


class Dated(NamedTuple):
    """A dated event of the timeline, such as a decision of the government."""

    date: date
    text: str
    is_told: bool = False  # whether the text is a complete sentence


@dataclass(frozen=True)
class Chronicle:
    """Events and daily series of one campaign, optionally limited to a province or a range of days."""

    study: str
    seed: int
    cell: int
    cell_label: str
    scenario: str
    calibration: str
    start: date
    end: date
    happenings: tuple[Happening, ...]
    evenings: Mapping[str, np.ndarray]  # daily series by name, day 0 first
    dated: tuple[Dated, ...]
    first: date  # first day shown
    last: date
    province: str = ""  # empty: the whole country

    @cached_property
    def by_day(self) -> dict[date, list[Happening]]:
        """Events by day, for the days shown."""
        days: dict[date, list[Happening]] = {}
        for one in self.happenings:
            days.setdefault(one.date, []).append(one)
        return days

    @property
    def facts(self) -> Facts:
        """Facts about districts and posts."""
        return facts_here()

    @property
    def posts(self) -> tuple[str, ...]:
        """Posts of the province, or all posts."""
        facts = self.facts
        places = zip(facts.post, facts.post_district, strict=True)
        return tuple(post for post, here in places if self.province in ("", facts.province[here]))

    def row(self, day: date) -> int:
        """Return the row number of a day in the series."""
        return (day - self.start).days

    def of(self, event: str) -> list[Happening]:
        """Return all events of one kind, in order."""
        return [one for one in self.happenings if one.event == event]

    def on(self, day: date, name: str) -> int:
        """Return the value of a daily series on a day."""
        return int(self.evenings[name][self.row(day)])

    def grown(self, day: date, name: str) -> int:
        """Return the increase of a running total on a day."""
        row = self.row(day)
        return int(self.evenings[name][row] - (self.evenings[name][row - 1] if row else 0))

    def in_time(self, name: str) -> np.ndarray:
        """Return a daily series on the days shown."""
        return self.evenings[name][self.row(self.first) : self.row(self.last) + 1]

    def at_posts(self, what: str, day: date) -> dict[str, int]:
        """Return the non-zero values by post of a daily series, such as `admitted`, on a day."""
        found = {post: self.on(day, f"{what}_{post}") for post in self.posts}
        return {post: people for post, people in found.items() if people}

    def narrowed(self, province: str = "", first: date | None = None, last: date | None = None) -> "Chronicle":
        """Return the chronicle limited to a province or a range of days.

        Args:
            province: Name of the province; empty for the whole country.
            first: First day to keep; by default the first day shown.
            last: Last day to keep; by default the last day shown.

        Raises:
            PanjError: For an unknown province, or days outside the campaign.
        """
        first, last = first or self.first, last or self.last
        check_part(province, first, last, self.start, self.end)
        kept = [one for one in self.happenings if first <= one.date <= last and province in ("", one.province)]
        dated = [one for one in self.dated if first <= max(one.date, self.start) <= last]
        return replace(
            self, happenings=tuple(kept), dated=tuple(dated), first=first, last=last, province=province or self.province
        )


def check_part(province: str, first: date, last: date, start: date, end: date) -> None:
    """Raise PanjError unless the province exists or is empty, and the days are in the campaign and in order."""
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
        campaign: Metadata from `campaign.json`, `fork.json` or `about_only_campaign`.
        branch: Branch of a fork; empty for a single campaign.

    Returns:
        The whole campaign.

    Raises:
        PanjError: If a table cannot be read or lacks a column.
    """
    events, days = (read_table(folder / name, branch) for name in ("events.parquet", "days.parquet"))
    return chronicle_of(events, days.filter(pc.field("seed") == campaign["seed"]), campaign)


def chronicle_of(events: pa.Table, days: pa.Table, campaign: Mapping[str, Any]) -> Chronicle:
    """Build a chronicle from tables in memory.

    Args:
        events: Rows of events.parquet.
        days: Rows of days.parquet, of this campaign only.
        campaign: Metadata, as for `read_chronicle`.

    Raises:
        PanjError: If a column is missing.
    """
    start, end = (date.fromisoformat(campaign[key]) for key in ("start_date", "end_date"))
    series = [name for name in days.column_names if name not in ("branch", "cell", "run", "seed", "date")]
    dated = [Dated(date.fromisoformat(day), text) for day, text in campaign["dated"]]
    return Chronicle(
        study=campaign["study"], seed=campaign["seed"], cell=campaign["cell"], cell_label=campaign["cell_label"],
        scenario=campaign["scenario"], calibration=campaign["calibration"], start=start, end=end,
        happenings=tuple(Happening(*row) for row in rows_of(events)),
        evenings={name: days[name].to_numpy() for name in series},
        dated=tuple(sorted(dated, key=lambda one: one.date)), first=start, last=end,
    )  # fmt: skip


def read_table(path: Path, branch: str) -> pa.Table:
    """Read a table, or the rows of one branch; raises PanjError if it cannot be read."""
    try:
        table = pq.read_table(path)
    except (OSError, pa.ArrowException) as error:
        raise PanjError(f"{path}: found no readable table ({error}), expected one") from None
    return table.filter(pc.field("branch") == branch) if branch else table


def rows_of(events: pa.Table) -> Sequence[tuple[Any, ...]]:
    """Return the fields of a `Happening` for each row; raises PanjError if a column is missing."""
    missing = [name for name in Happening._fields if name not in events.column_names]
    if missing:
        raise PanjError(f"events.parquet: column {', '.join(missing)} missing, expected a log of this version")
    days = events.set_column(events.column_names.index("date"), "date", events["date"].cast(pa.date32()))
    return list(zip(*(days[name].to_pylist() for name in Happening._fields), strict=True))


@cache
def facts_here() -> Facts:
    """Return the content of the data files, which are read once."""
    return read_facts()


def sums(happenings: Sequence[Happening], key: Callable[[Happening], str]) -> dict[str, int]:
    """Return the number of men by key, largest first, with ties in order of appearance."""
    found: dict[str, int] = {}
    for one in happenings:
        found[key(one)] = found.get(key(one), 0) + one.men
    return dict(sorted(found.items(), key=lambda pair: -pair[1]))


def counts(happenings: Sequence[Happening], key: Callable[[Happening], str]) -> dict[str, int]:
    """Return the number of events by key, largest first."""
    return sums([one._replace(men=1) for one in happenings], key)


Check = Callable[[Story, date, date], None]  # checks the requested part against the first and last day of a campaign
TABLES = ("events.parquet", "days.parquet")


def read_telling(request: Story, check: Check) -> tuple[Path, dict[str, Any]]:
    """Find the tables of one campaign, or rerun the campaign to write them.

    Args:
        request: The study, and the cell and seed of the campaign.
        check: Function that checks the requested part before anything is run.

    Returns:
        The folder with the tables, and the metadata of the campaign.

    Raises:
        PanjError: For an invalid request, or a campaign that cannot be rerun.
    """
    study = open_study(request.folder)
    cell = study.choose_cell(request.cell)
    check(request, cell.start_date, cell.end_date)
    if holds_the_log(study, request.seed):
        return study.folder, about_only_campaign(study)
    return write_campaign(study.folder, request.seed, cell.number)


def holds_the_log(study: Study, seed: int | None) -> bool:
    """Check whether the study consists of this campaign alone and has its event log."""
    is_one = study.about.get("campaigns") == 1 and len(study.cells) == 1
    is_it = is_one and seed in (None, study.about["first_seed"])
    return is_it and all((study.folder / name).is_file() for name in TABLES)


def about_only_campaign(study: Study) -> dict[str, Any]:
    """Return the metadata of the only campaign of a study, in the form of `campaign.json`."""
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
    """Rerun a campaign, write its tables, and return their folder and the metadata."""
    origin = origin_of(folder, cell, Composer())
    number = seed_of(origin, seed)
    campaign = rerun_campaign(origin.settings, number)
    tables = log_of(campaign, origin.settings), evenings_of(campaign, origin.settings, cell)
    place = folder / "stories" / f"cell_{cell}_seed_{number}"
    about = about_campaign(origin, number)
    place.parent.mkdir(exist_ok=True)
    with write_folder(place, "story") as half:
        for name, table in zip(TABLES, tables, strict=True):
            pq.write_table(table, half / name)
        (half / "campaign.json").write_text(json_text(about), encoding="utf-8")
    return place, about
