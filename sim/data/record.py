"""Look up reported figures by id or by post, for comparison with simulated figures.

Reads   data/evidence.csv, data/posts.csv.
Source  named in each row. A night belongs to the morning on which it ends: 4-5 July is 5 July.
"""

import re
from datetime import date
from pathlib import Path
from typing import NamedTuple

import numpy as np

from sim.data.evidence import Evidence, read_evidence
from sim.data.facts import FIRST_DAY, THE_LINE, read_falls
from sim.data.own import remembered, table
from sim.data.tables import Row, read_table
from sim.errors import unknown

AAN_START, AAN_NEWLY_HELD, AAN_LOST_BACK = "F064", "F065", "F066"
LWJ_COUNTS = ("F075", "F077", "F081")
ABOUT_A_THIRD = "F012"
NIGHTS = ("F029", "F033", "F035", "F036", "F001")  # counts of soldiers who crossed in one night
ALL_NIGHTS = "F037"  # evidence on all nights with reported crossings
ALL_SOLDIERS = "F039"  # total of soldiers who had crossed by the end of the record
CIVILIANS_ADMITTED = "F013"
COUNT = re.compile(r"(\d{4}-\d\d-\d\d): (\d+)(\+?)")  # a night and the soldiers counted in it
EVENTS = {  # labels on a time axis, by evidence id
    "F154": "Sher Khan Bandar taken",
    "F015": "Bagram handed over, air cover ends",
    "F018": "commandos reach Faizabad",
    "F001": "largest night of crossings",
    "F006": "20,000 Tajik reservists ordered",
}


class Point(NamedTuple):
    """A reported number for one day, with its range; `open_ended` means that only a lower bound was reported."""

    day: date
    value: float
    low: float
    high: float
    open_ended: bool
    id: str


class Count(NamedTuple):
    """Soldiers counted at one post in one night."""

    post: str
    night: date
    soldiers: int
    at_least: bool


@remembered()
def evidence() -> dict[str, Evidence]:
    """Return a mapping from ids to the rows of evidence.csv."""
    return {row.id: row for row in read_evidence()}


def reported(id: str) -> Evidence:
    """Return the row of evidence.csv with the given id.

    Args:
        id: Id of the row, such as `F001`.

    Raises:
        PanjError: For an unknown id.
    """
    rows = evidence()
    if id not in rows:
        raise unknown("evidence.csv, id", id, rows)
    return rows[id]


def point(id: str, scale: float = 1.0) -> Point:
    """Return a reported figure as a point on the last day that it covers.

    If the figure has no value, its lower bound is used as the value; without a lower bound, its upper bound is used.

    Args:
        id: Id of a row of evidence.csv.
        scale: Number by which the value and its range are divided.
    """
    row = reported(id)
    known = [number for number in (row.value, row.low, row.high) if number is not None]
    value = row.value if row.value is not None else known[0]
    open_ended = row.low is not None and row.high is None
    return Point(row.date_end, value / scale, min(known) / scale, max(known) / scale, open_ended, id)


def out_of(id: str) -> float:
    """Return the total number of districts that a report refers to, such as 421 if its unit is `of 421`."""
    return float(reported(id).unit.split()[-1])


def aan_shares() -> list[Point]:
    """Return the shares of district centres that AAN counted as held by the Taliban on 1 May and at the end of June."""
    start, newly = reported(AAN_START), reported(AAN_NEWLY_HELD)
    held = point(AAN_START).value + point(AAN_NEWLY_HELD).value
    share = held / out_of(AAN_NEWLY_HELD)
    return [point(start.id, out_of(start.id)), Point(newly.date_end, share, share, share, False, newly.id)]


def lwj_shares() -> list[Point]:
    """Return the shares of districts that the Long War Journal counted as controlled by the Taliban.

    Its definition of control is broader than that of AAN, which counts only district centres held by the Taliban.
    """
    return [point(id, out_of(id)) for id in LWJ_COUNTS]


def counted_so_far() -> list[Point]:
    """Return the cumulative count of soldiers after each night with a count, followed by the reported total."""
    nights = [point(id) for id in NIGHTS]
    parts = np.cumsum([[night.value, night.low, night.high] for night in nights], axis=0).tolist()
    sums = [
        night._replace(value=value, low=low, high=high) for night, (value, low, high) in zip(nights, parts, strict=True)
    ]
    return [*sums, point(ALL_SOLDIERS)]


@remembered()
def counts_by_post() -> tuple[Count, ...]:
    """Return all counts of soldiers in posts.csv.

    The cell `2021-07-04: 94; 2021-07-05: 104` gives two counts, and `300+` means at least 300.
    """
    return read_counts_of(table("posts.csv"))


def read_counts_of(path: Path) -> tuple[Count, ...]:
    """Return all counts of soldiers in a table of posts.

    Args:
        path: Path of posts.csv.

    Raises:
        PanjError: If the table or one of its counts is invalid; the message names file, line and column.
    """
    rows = read_table(path, ("post_id", "post", "reported_crossings"), ("post_id",))
    return tuple(count for row in rows for count in read_counts(row))


def read_counts(row: Row) -> list[Count]:
    """Parse the counts of soldiers, one per night, in the row of a post in posts.csv.

    Raises:
        PanjError: If the cell has anything but counts, a night outside the record, or a night twice.
    """
    parts = [part.strip() for part in row.cells["reported_crossings"].split(";") if part.strip()]
    counts = [read_count(row, part) for part in parts]
    if len({count.night for count in counts}) < len(counts):
        raise row.wrong("reported_crossings", "one count per night")
    return counts


def read_count(row: Row, part: str) -> Count:
    """Parse one count, such as `2021-07-03: 300+`; raise PanjError if it is invalid or outside the record."""
    found = COUNT.fullmatch(part)
    try:
        night = date.fromisoformat(found[1]) if found else None
    except ValueError:
        night = None
    if found is None or night is None:
        raise row.wrong("reported_crossings", "nights with counts, such as '2021-07-04: 94; 2021-07-05: 300+'")
    if not FIRST_DAY <= night <= THE_LINE:
        raise row.wrong("reported_crossings", f"nights from {FIRST_DAY} to {THE_LINE}")
    return Count(row.cells["post"], night, int(found[2]), found[3] == "+")


def counted_at(post: str, until: date) -> tuple[int, bool] | None:
    """Return the total number of soldiers counted at a post up to a day.

    Args:
        post: Short name of the post.
        until: Morning of the last night that is included.

    Returns:
        The number of soldiers, and whether it is a lower bound; None if there is no count.
    """
    counts = [count for count in counts_by_post() if count.post == post and count.night <= until]
    if not counts:
        return None
    return sum(count.soldiers for count in counts), any(count.at_least for count in counts)


def lost_in_record(evening: date) -> list[int]:
    """Return the row numbers of the districts reported lost by the end of a day.

    A day after 7 July 2021 counts as 7 July 2021.
    """
    return np.flatnonzero(fell_dates() <= np.datetime64(min(evening, THE_LINE))).tolist()


@remembered()
def fell_dates() -> np.ndarray:
    """Return the reported day of each district's first loss, with NaT for a district without a dated loss."""
    return read_falls().fell_date
