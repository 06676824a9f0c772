"""Measure how much the random draws of worlds differ from those of free campaigns: the ledger of chance, luck.csv.

The ledger has one cell per stream of draws, region and week. No campaign is run: a draw is a function of seed, stream,
day and actor, so it can be recomputed. Each draw is converted to a standard normal score.

Only draws that the model could have used are counted. Depending on the stream, these are the draws of districts that
the government held at the end of the previous day, of districts that fell on the day and of their units, or of
districts that could be retaken; all draws of day 0 are counted. A draw cannot affect whether it is counted, so in a
free campaign the sum of the scores in a cell has mean 0 and a variance equal to the number of draws. `luck` is the mean
of this sum over worlds, divided by the square root of the mean number of draws; its unit is the standard deviation of
one free campaign.

Several worlds may share a draw; its weight is the share of worlds in which it is counted. The variance of the mean is
the sum of squared weights, so the p-value `p` (two-sided, normal) is exact, except that later weights may depend on
earlier draws. `q` is the false discovery rate (Benjamini and Hochberg 1995) over the table. As a check, a ledger of an
equal number of free campaigns is also made.

Draws that the model never used, such as those of a district that nobody pressed, are also counted, because the record
of a campaign does not identify them; this can bias luck towards zero, but not away from it. Streams whose actors can be
anywhere (columns, prongs, families) are excluded, as are the streams of users' own rules, since only the rule itself
knows which actors draw from its stream, and when.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta
from enum import Enum
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri
from scipy.stats import false_discovery_control

from sim.assimilation.campaigns import DAILY_STREAMS, ONCE
from sim.data.facts import Facts
from sim.data.own_rules import own_rules
from sim.engine.chance import TO_UNIT, Stream, local_of, splitmix
from sim.engine.layout import COMMANDO_IDENTITY
from sim.engine.world import Role, Units
from sim.sampler import Floats, Integers

WORLDS = 400  # number of worlds in the ledger: the first ones, which are a random sample
WEEK = 7  # length of a week, days
RATE = 0.05  # false discovery rate below which a cell counts as a finding
LEAST = 0.99  # cells with fewer draws per world are excluded
hashed = getattr(splitmix, "py_func", splitmix)  # uncompiled function, which also accepts arrays

Booleans = NDArray[np.bool_]
Seeds = NDArray[np.uint64]


class Eligible(Enum):
    """The districts whose random draws the model could have used on a day."""

    HELD = "districts that the government held at the end of the day before"
    FELL = "districts that fell on that day"
    LOST = "districts lost earlier that the Taliban still held at the end of the day before"
    ONCE = "all, once"


class Line(NamedTuple):
    """A stream of random draws in the ledger: its actors, the draws that are counted, and the decision."""

    stream: Stream
    actors: str  # actors that draw: `districts`, `units`, `outposts` or `capitals`
    eligible: Eligible  # districts whose draws are counted
    label: str  # decision made by the draw
    low: str  # meaning of low draws
    high: str  # meaning of high draws
    is_normal: bool = False  # whether draws are normal rather than uniform
    factor: int = 1  # factor by which the model multiplies the actor's identity to identify a draw


LINES = (
    Line(Stream.PRESS, "districts", Eligible.HELD, "local forces start or stop pressing",
         "local forces start and stop pressing sooner", "local forces start and stop pressing later"),
    Line(Stream.LOCAL_ASSAULT, "districts", Eligible.HELD, "local forces attack alone",
         "local forces attack more often", "local forces attack less often"),
    Line(Stream.ELDERS, "districts", Eligible.HELD, "elders are sent",
         "elders are sent more often", "elders are sent less often"),
    Line(Stream.HANDOVER, "districts", Eligible.HELD, "handover by a garrison",
         "garrisons hand over more readily", "garrisons hand over less readily"),
    Line(Stream.OUTPOST, "outposts", Eligible.HELD, "surrender of an outpost",
         "outposts surrender more readily", "outposts surrender less readily"),
    Line(Stream.DEFENDER_LOSSES, "districts", Eligible.HELD, "losses of defenders, rounded",
         "losses are rounded down", "losses are rounded up"),
    Line(Stream.ATTACKER_LOSSES, "districts", Eligible.HELD, "losses of attackers, rounded",
         "losses are rounded down", "losses are rounded up"),
    Line(Stream.BREAK, "districts", Eligible.HELD, "a defence breaks",
         "defences break more readily", "defences break less readily"),
    Line(Stream.SIEGE, "districts", Eligible.HELD, "a siege succeeds",
         "sieges succeed more often", "sieges succeed less often"),
    Line(Stream.LEAVE_UNATTACKED, "districts", Eligible.HELD, "a cut-off garrison leaves its district",
         "cut-off garrisons leave their districts more readily",
         "cut-off garrisons leave their districts less readily"),
    Line(Stream.ROAD_OPEN, "districts", Eligible.FELL, "a road is open to those who flee",
         "more roads are open", "fewer roads are open"),
    Line(Stream.REFUSE_SURRENDER, "units", Eligible.FELL, "surrender after a handover",
         "more units surrender", "fewer units surrender"),
    Line(Stream.CHANGE_SIDES, "units", Eligible.FELL, "militia change sides",
         "more militia change sides", "fewer militia change sides"),
    Line(Stream.CAPTURE_ON_FALL, "units", Eligible.FELL, "capture when a district falls, rounded",
         "captures are rounded down", "captures are rounded up"),
    Line(Stream.CAPTURE_IN_FLIGHT, "units", Eligible.FELL, "capture in flight, rounded",
         "captures are rounded down", "captures are rounded up"),
    Line(Stream.COUNTERATTACK, "districts", Eligible.LOST, "target of a counter-attack",
         "other districts are chosen", "these districts are chosen", factor=100),
    Line(Stream.RETAKE, "districts", Eligible.LOST, "a counter-attack succeeds",
         "counter-attacks succeed more often", "counter-attacks succeed less often"),
    Line(Stream.INFLUENCE, "districts", Eligible.ONCE, "influence of the Taliban on day 0",
         "influence is lower", "influence is higher", is_normal=True),
    Line(Stream.HELD_ON_DAY_0, "districts", Eligible.ONCE, "districts held on day 0",
         "fewer of its districts are held on day 0", "more of its districts are held on day 0"),
    Line(Stream.PROVINCE_RESOLVE, "capitals", Eligible.ONCE, "resolve of provinces",
         "resolve is lower", "resolve is higher", is_normal=True),
    Line(Stream.DISTRICT_RESOLVE, "districts", Eligible.ONCE, "resolve of districts",
         "resolve is lower", "resolve is higher", is_normal=True),
    Line(Stream.UNIT_RESOLVE, "units", Eligible.ONCE, "resolve of units",
         "resolve is lower", "resolve is higher", is_normal=True),
    Line(Stream.GARRISON_SIZE, "districts", Eligible.ONCE, "size of garrisons",
         "garrisons are smaller", "garrisons are larger", is_normal=True),
    Line(Stream.THRESHOLD, "districts", Eligible.ONCE, "threshold of dread (theory private_thresholds)",
         "thresholds are lower", "thresholds are higher", is_normal=True),
    Line(Stream.PRONG_START, "capitals", Eligible.ONCE, "where prongs start",
         "prongs start elsewhere", "prongs start here"),
)  # fmt: skip


def own_streams() -> dict[str, int]:
    """Return the streams of the user's own rules, which are not in the ledger, keyed by rule name."""
    return {rule.name: rule.stream for rule in own_rules()}


class Cell(NamedTuple):
    """Sums, by region and week, over those draws of one stream that the ledger counts."""

    total: Floats  # sum of scores, each weighted by the share of worlds with the draw
    variance: Floats  # variance of this sum in free campaigns that share seeds in the same way as the worlds
    draws: Floats  # number of draws per world


class Places(NamedTuple):
    """Home of each actor of a stream, with one array element per actor."""

    district: Integers
    region: Integers
    province: Integers


def rows_of_luck(
    daily: Seeds,
    lasting: Seeds,
    local: Seeds,
    held: Booleans,
    facts: Facts,
    units: Units,
    regions: Mapping[str, Sequence[str]],
    start: date,
) -> list[dict[str, Any]]:
    """Return the ledger of chance of a sample of worlds, with one row per stream, region and week.

    Args:
        daily: (worlds, days, DAILY_STREAMS) Seeds of daily draws.
        lasting: (worlds, ONCE, provinces) Seeds of draws made once.
        local: (worlds, days, provinces) Separate seeds of provinces; 0 if none.
        held: (worlds, days, districts) Whether the Taliban hold the district at the end of the day.
        facts: Facts about the districts: identities, provinces and capitals.
        units: Units before day 0, whose identities and homes are the same in every world.
        regions: Provinces of each region; a district is counted in the first region that includes it.
        start: Date of day 0.

    Returns:
        The rows of luck.csv, without cells that have less than about one draw per world.
    """  # fmt: skip
    last = daily.shape[1] - 1
    weeks = weeks_of(last)
    region_of = np.array(
        [next(row for row, names in enumerate(regions.values()) if one in names) for one in facts.province]
    )
    rows: list[dict[str, Any]] = []
    for line in LINES:
        actors, home = actors_of(line, facts, units)
        if line.eligible is Eligible.ONCE:
            cell, dates = sum_once(line, actors, home, lasting, region_of, facts), [(0, 0)]
        else:
            places = Places(home, region_of[home], facts.province_of[home])
            cell, dates = sum_by_week(line, actors, places, daily, local, held, weeks), weeks
        for place, region in enumerate(regions):
            for week, (first, until) in enumerate(dates):
                total, variance, draws = (float(part[place, week]) for part in cell)
                if draws >= LEAST:
                    days = (start + timedelta(days=day) for day in (first, until))
                    rows.append({**row_of(line, region, *days), **figures_of(total, variance, draws)})
    rates = false_discovery_control([row["p"] for row in rows]) if rows else []
    for row, rate in zip(rows, rates, strict=True):
        row["q"] = float(rate)
    return rows


def weeks_of(last: int) -> list[tuple[int, int]]:
    """Return the first and last day of each week from day 1 to `last`; the first week may be shorter than the rest."""
    ends = range(last, 0, -WEEK)
    return [(max(1, end - WEEK + 1), end) for end in reversed(ends)]


def row_of(line: Line, region: str, since: date, until: date) -> dict[str, Any]:
    """Return the columns that describe a cell: stream, region, days, distribution, meaning of low and high draws."""
    return {
        "stream": line.stream.name.lower(), "drawn": line.label, "region": region,
        "since": since.isoformat(), "until": until.isoformat(), "scale": "normal" if line.is_normal else "uniform",
        "low": line.low, "high": line.high,
    }  # fmt: skip


def figures_of(total: float, variance: float, draws: float) -> dict[str, float]:
    """Return the columns with the numbers of a cell, including its luck and its p-value.

    Args:
        total: Weighted sum of the scores.
        variance: Variance of this sum in free campaigns.
        draws: Number of counted draws per world.
    """
    luck = total / math.sqrt(draws)
    return {
        "draws": draws,  # number of draws per world
        "mean": total / draws,  # mean score of a draw, in standard deviations
        "luck": luck,  # standard deviations of one free campaign; negative for low draws
        "one_in": 1.0
        # one in this many free campaigns deviates at least as much in this direction
        / max(float(ndtr(-abs(luck))), 1e-300),
        "spread": math.sqrt(variance / draws),  # standard deviation of luck in free campaigns with equally shared seeds
        "p": float(2.0 * ndtr(-abs(total) / math.sqrt(variance))),
    }


def actors_of(line: Line, facts: Facts, units: Units) -> tuple[Integers, Integers]:
    """Return the identity used for the draws of each actor of a stream, and the actor's home district."""
    if line.actors in ("districts", "capitals"):
        home = np.flatnonzero(facts.is_capital) if line.actors == "capitals" else np.arange(len(facts.district))
        return facts.identity[home] * line.factor, home
    chosen = units.role == Role.OUTPOST if line.actors == "outposts" else units.identity < COMMANDO_IDENTITY
    return units.identity[chosen], units.home[chosen]


def sum_by_week(
    line: Line,
    actors: Integers,
    places: Places,
    daily: Seeds,
    local: Seeds,
    held: Booleans,
    weeks: Sequence[tuple[int, int]],
) -> Cell:
    """Sum, by region and week, the normal scores of the daily draws that the model could have used.

    Args:
        line: The stream.
        actors: Identity of each actor.
        places: Home of each actor.
        daily: (worlds, days, DAILY_STREAMS) Seeds of daily draws.
        local: (worlds, days, provinces) Separate seeds of provinces; 0 if none.
        held: (worlds, days, districts) Whether the Taliban hold the district at the end of the day.
        weeks: First and last day of each week.
    """
    cell = Cell(*np.zeros((3, int(places.region.max()) + 1, len(weeks))))
    seeds = daily[:, :, DAILY_STREAMS.index(line.stream)]
    for week, (first, until) in enumerate(weeks):
        for day in range(first, until + 1):
            eligible: Booleans = np.asarray(eligible_on(line, held, day))[:, places.district]
            for there, own in groups_of(places.province, local[:, day]):
                keys = hashed(hashed(seeds[:, day], int(line.stream)), day) ^ local_of(own)
                add(cell, week, scored(line, keys, actors[there], eligible[:, there]), places.region[there])
    return cell


def groups_of(province_of: Integers, local: Seeds) -> Iterator[tuple[Integers, Seeds]]:
    """Divide actors into groups that have the same seeds on a day, and yield the positions and seeds of each group.

    All provinces without separate seeds form one group, and any other province forms its own group. The seeds are the
    separate seeds, one per world.

    Args:
        province_of: Province of each actor.
        local: (worlds, provinces) Separate seeds of provinces on the day; 0 if none.
    """
    has_own: Booleans = (local != 0).any(axis=0)
    yield np.flatnonzero(~has_own[province_of]), np.zeros(local.shape[0], np.uint64)
    for province in np.flatnonzero(has_own):
        yield np.flatnonzero(province_of == province), local[:, province]


def eligible_on(line: Line, held: Booleans, day: int) -> Booleans:
    """Return whether the model could have used the draws of a stream on a day (worlds x districts)."""
    before = held[:, day - 1]
    if line.eligible is Eligible.HELD:
        return ~before
    return held[:, day] & ~before if line.eligible is Eligible.FELL else before & ~held[:, 0]


def sum_once(line: Line, actors: Integers, home: Integers, lasting: Seeds, region_of: Integers, facts: Facts) -> Cell:
    """Sum, by region, the normal scores of the draws that are made once.

    Args:
        line: The stream.
        actors: Identity of each actor.
        home: Home district of each actor.
        lasting: (worlds, ONCE, provinces) Seeds; those of the actor's province are used.
        region_of: Region of each district.
        facts: Facts about the districts, with their provinces.
    """
    cell = Cell(*np.zeros((3, int(region_of.max()) + 1, 1)))
    for province in range(len(facts.provinces)):
        there = facts.province_of[home] == province
        eligible = np.ones((lasting.shape[0], int(there.sum())), bool)
        keys = hashed(hashed(lasting[:, ONCE.index(line.stream), province], int(line.stream)), 0)
        add(cell, 0, scored(line, keys, actors[there], eligible), region_of[home[there]])
    return cell


def scored(line: Line, keys: Seeds, actors: Integers, eligible: Booleans) -> tuple[Integers, Floats, Floats]:
    """Return the normal score of every distinct draw that the model could have used on a day.

    Worlds with the same seeds have the same draws, which are returned only once.

    Args:
        line: The stream.
        keys: (worlds) Hash of the seeds, the stream and the day.
        actors: Identity of each actor.
        eligible: (worlds, actors) Whether the model could have used the draw.

    Returns:
        For each draw: the position of its actor in `actors`, the share of worlds that could have used it, and its
        normal score.
    """
    different, which = np.unique(keys, return_inverse=True)
    order = np.argsort(which, kind="stable")
    starts = np.searchsorted(which[order], np.arange(different.size))
    shares = np.add.reduceat(eligible[order].astype(np.float64), starts, axis=0) / keys.size
    rows, places = np.nonzero(shares)
    drawn = hashed(different[rows], actors[places])
    return places, shares[rows, places], normal_of(drawn) if line.is_normal else score_of(drawn)


def score_of(keys: Seeds) -> Floats:
    """Convert 64-bit keys to the normal scores of the uniform draws that the model makes from them."""
    return np.asarray(ndtri(((keys >> np.uint64(11)) + 0.5) * TO_UNIT))


def normal_of(keys: Seeds) -> Floats:
    """Convert 64-bit keys to the normal draws that the model makes from them."""
    radius, angle = ((hashed(keys, place) >> np.uint64(11)) for place in range(2))
    return np.asarray(np.sqrt(-2.0 * np.log((radius + 1.0) * TO_UNIT)) * np.cos(2.0 * math.pi * angle * TO_UNIT))


def add(cell: Cell, week: int, draws: tuple[Integers, Floats, Floats], region_of: Integers) -> None:
    """Add the scores, variances and numbers of draws from `scored` to the sums by region for one week."""
    places, shares, scores = draws
    for sums, values in zip(cell, (shares * scores, shares**2, shares), strict=True):
        sums[:, week] += np.bincount(region_of[places], values, sums.shape[0])
