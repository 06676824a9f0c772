"""One campaign as a list of events and daily series: `python -m sim story results/one [seed=7] [province=Badakhshan]`.

Reads   about.json and config.yaml of a study, and events.parquet and days.parquet where it holds one campaign.
Writes  for one campaign of several stories/cell_<cell>_seed_<seed>/ with events.parquet, days.parquet and
        campaign.json, from the campaign run again. `sim.story.story` turns it into sentences.
Assumed A row of the log is under the day on which it happened; a night's crossing under the day before the morning.
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
from sim.study.reader import read_about


class Happening(NamedTuple):
    """A row of the log."""

    date: date
    event: str
    district_id: str
    district: str
    province: str
    who: str  # kind of unit, prong or post, by event
    men: int
    how: str
    why: str


class Dated(NamedTuple):
    """A dated event of the timeline."""

    date: date
    text: str
    is_told: bool = False  # whether the text is a sentence by itself


@dataclass(frozen=True)
class Chronicle:
    """The events and daily series of one campaign, or the part of them in a province or in some days."""

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
    first: date  # of the days that are shown
    last: date
    province: str = ""  # empty: the country

    @cached_property
    def by_day(self) -> dict[date, list[Happening]]:
        """What happened on each day that is shown."""
        days: dict[date, list[Happening]] = {}
        for one in self.happenings:
            days.setdefault(one.date, []).append(one)
        return days

    @property
    def facts(self) -> Facts:
        """Districts and posts by name."""
        return facts_here()

    @property
    def posts(self) -> tuple[str, ...]:
        """Posts of the province, or all of them."""
        facts = self.facts
        places = zip(facts.post, facts.post_district, strict=True)
        return tuple(post for post, here in places if self.province in ("", facts.province[here]))

    def row(self, day: date) -> int:
        """Of an evening in the series."""
        return (day - self.start).days

    def of(self, event: str) -> list[Happening]:
        """All happenings of a kind, in order."""
        return [one for one in self.happenings if one.event == event]

    def on(self, day: date, name: str) -> int:
        """A daily series on a day."""
        return int(self.evenings[name][self.row(day)])

    def grown(self, day: date, name: str) -> int:
        """By how much a running total grew on a day."""
        row = self.row(day)
        return int(self.evenings[name][row] - (self.evenings[name][row - 1] if row else 0))

    def in_time(self, name: str) -> np.ndarray:
        """A daily series on the days that are shown."""
        return self.evenings[name][self.row(self.first) : self.row(self.last) + 1]

    def at_posts(self, what: str, day: date) -> dict[str, int]:
        """A daily series by post on a day, where it is not zero, for instance `admitted`."""
        found = {post: self.on(day, f"{what}_{post}") for post in self.posts}
        return {post: people for post, people in found.items() if people}

    def narrowed(self, province: str = "", first: date | None = None, last: date | None = None) -> "Chronicle":
        """A province, or some days; PanjError for a province that there is not, or days outside the campaign."""
        first, last = first or self.first, last or self.last
        check_part(province, first, last, self.start, self.end)
        kept = [one for one in self.happenings if first <= one.date <= last and province in ("", one.province)]
        dated = [one for one in self.dated if first <= max(one.date, self.start) <= last]
        return replace(
            self, happenings=tuple(kept), dated=tuple(dated), first=first, last=last, province=province or self.province
        )


def check_part(province: str, first: date, last: date, start: date, end: date) -> None:
    """A province that there is, or none, and days of a campaign in their order; PanjError names the key."""
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
        folder: With events.parquet and days.parquet.
        campaign: What `campaign.json`, `fork.json` or `about_only_campaign` gives.
        branch: Of a fork; empty for a single campaign.

    Returns:
        The whole campaign.

    Raises:
        PanjError: A table cannot be read or lacks a column.
    """
    events, days = (read_table(folder / name, branch) for name in ("events.parquet", "days.parquet"))
    return chronicle_of(events, days.filter(pc.field("seed") == campaign["seed"]), campaign)


def chronicle_of(events: pa.Table, days: pa.Table, campaign: Mapping[str, Any]) -> Chronicle:
    """The same from tables in memory; arguments as `read_chronicle`."""
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
    """A table, or the rows of one branch; PanjError where it cannot be read."""
    try:
        table = pq.read_table(path)
    except (OSError, pa.ArrowException) as error:
        raise PanjError(f"{path}: found no table that can be read ({error}), expected one") from None
    return table.filter(pc.field("branch") == branch) if branch else table


def rows_of(events: pa.Table) -> Sequence[tuple[Any, ...]]:
    """The columns of a happening, row by row."""
    missing = [name for name in Happening._fields if name not in events.column_names]
    if missing:
        raise PanjError(f"events.parquet: column {', '.join(missing)} missing, expected a log of this version")
    return list(zip(*(events[name].to_pylist() for name in Happening._fields), strict=True))


@cache
def facts_here() -> Facts:
    """The facts, read once."""
    return read_facts()


def sums(happenings: Sequence[Happening], key: Callable[[Happening], str]) -> dict[str, int]:
    """Men by a key, the most first; equal ones in the order in which they came."""
    found: dict[str, int] = {}
    for one in happenings:
        found[key(one)] = found.get(key(one), 0) + one.men
    return dict(sorted(found.items(), key=lambda pair: -pair[1]))


def counts(happenings: Sequence[Happening], key: Callable[[Happening], str]) -> dict[str, int]:
    """How many there are by a key, the most first."""
    return sums([one._replace(men=1) for one in happenings], key)


Check = Callable[[Story, date, date], None]  # of a part, for a campaign from a first day to a last
TABLES = ("events.parquet", "days.parquet")


def read_telling(request: Story, check: Check) -> tuple[Path, dict[str, Any]]:
    """The folder of the tables of one campaign, run again where they are missing, and what is recorded of it.

    The part that is asked for is checked before anything is run.
    """
    folder, cell = request.folder, request.cell
    about = read_about(folder)
    for held in about.get("cells", []):
        if held["cell"] == cell:
            check(request, *(date.fromisoformat(held[key]) for key in ("start_date", "end_date")))
    if holds_the_log(folder, about, request.seed, cell):
        return folder, about_only_campaign(folder, about)
    return write_campaign(folder, request.seed, cell)


def holds_the_log(folder: Path, about: dict[str, Any], seed: int | None, cell: int) -> bool:
    """Whether the study is this one campaign and kept what happened in it."""
    is_one = about.get("campaigns") == 1 and len(about.get("cells", [])) == 1 and cell == 0
    return is_one and seed in (None, about["first_seed"]) and all((folder / name).is_file() for name in TABLES)


def about_only_campaign(folder: Path, about: dict[str, Any]) -> dict[str, Any]:
    """Describe the only campaign of a study as `campaign.json` does."""
    cell = about["cells"][0]
    return {
        **{key: about.get(key) for key in STAMPED},
        "scenario": about["scenario"],
        "cell": cell["cell"],
        "cell_label": cell["label"],
        "cell_words": cell["words"],
        "calibration": cell["calibration"],
        "seed": about["first_seed"],
        "start_date": cell["start_date"],
        "end_date": cell["end_date"],
        "dated": dated_of(read_yaml(folder / "config.yaml").get("events", [])),
    }


def write_campaign(folder: Path, seed: int | None, cell: int) -> tuple[Path, dict[str, Any]]:
    """Run the campaign again and write its tables together."""
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
