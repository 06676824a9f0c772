"""Run one campaign from day 0 to the last day in one compiled call, and record the state at the end of every day."""

from enum import IntEnum
from typing import NamedTuple

import numpy as np

from sim.engine.bookkeeping import form_garrisons
from sim.engine.chance import Address, Seeds, first_seed, seeds_of
from sim.engine.compile import entry, rule
from sim.engine.day import Rules, run_day
from sim.engine.layout import begin, fresh, renew
from sim.engine.timeline import Timeline
from sim.engine.world import Count, Fall, Holder, Real, UnitState, Whole, World
from sim.errors import CampaignError

ENDS = {
    1: "the space for rows of the log is full",
    2: "the space for refugee rows is full (rules.flight.rows)",
    3: "rural garrisons need more men than there are (rules.founding.fighting_men)",
}


class Series(IntEnum):
    """Daily series of a campaign.

    Series whose names end in `_TOTAL` are running totals since day 0; all others are counts for one day, or the state
    at the end of the day.
    """

    DISTRICTS_HELD_BY_TALIBAN = 0
    HANDED_OVER = 1
    FOUGHT = 2
    ABANDONED = 3
    RETAKEN = 4
    TROOPS_HOLDING = 5
    TROOPS_CROSSED = 6
    TROOPS_INTERNED = 7
    TROOPS_CAPTURED_TOTAL = 8
    TROOPS_SURRENDERED_TOTAL = 9
    TROOPS_KILLED_TOTAL = 10
    TROOPS_DISPERSED_TOTAL = 11
    PEOPLE_ON_THE_ROAD = 12
    PEOPLE_WAITING = 13
    PEOPLE_SETTLED = 14
    PEOPLE_DISPLACED_TOTAL = 15
    REFUGEES_ADMITTED_TOTAL = 16
    REFUGEES_REFUSED_TOTAL = 17
    MEAN_MORALE = 18
    MEAN_DREAD = 19
    RESERVISTS = 20
    CALLS_MADE_TOTAL = 21
    CALLS_ANSWERED_TOTAL = 22
    GUARDS_PER_ARRIVAL = 23


class Record(NamedTuple):
    """The daily record of a campaign; row 0 is day 0."""

    holder: np.ndarray  # days x districts, Holder, int8
    series: Real  # days x Series
    crossed: Whole  # days x posts: soldiers admitted that night
    admitted: Whole  # days x posts: people admitted that day
    waiting: Whole  # days x posts: people in the queue


class Campaign(NamedTuple):
    """A finished campaign: its seed, its world at the end of the last day, and its daily record."""

    seed: int
    world: World
    record: Record


def blank_record(world: World, days: int) -> Record:
    """Return an empty record for a campaign.

    Args:
        world: World of the campaign, from which the number of districts and posts is taken.
        days: Number of days after day 0.
    """
    posts = world.posts.district.size
    return Record(
        np.zeros((days + 1, world.districts.holder.size), np.int8),
        np.zeros((days + 1, len(Series))),
        np.zeros((days + 1, posts), np.int64),
        np.zeros((days + 1, posts), np.int64),
        np.zeros((days + 1, posts), np.int64),
    )


def run_campaign(
    layout: World, rules: Rules, timeline: Timeline, seed: int | Address, days: int, world: World | None = None
) -> Campaign:
    """Run one campaign from day 0 to its last day.

    Args:
        layout: The world before the draws of day 0; it is not written to.
        rules: Parameters of every rule.
        timeline: Dated events, which are applied on their days.
        seed: One seed for all draws, or an `Address` with separate seeds for some days, streams or provinces.
        days: Number of days after day 0.
        world: The world of an earlier campaign with the same layout, which is overwritten; by default, a new world is
            made.

    Returns:
        The campaign, with the world of the last day and the record of `days` + 1 days.

    Raises:
        CampaignError: If the space for refugees or for the log is full, or if rural garrisons need more men than the
            government has.
    """
    if world is None:
        world = fresh(layout)
    else:
        renew(world, layout)
    record = blank_record(world, days)
    last = run_days(world, rules, timeline, seeds_of(seed, days, layout.provinces.capital.size), record)
    number = first_seed(seed)
    raise_if_spent(world, last, number)
    return Campaign(number, world, record)


def raise_if_spent(world: World, day: int, seed: int) -> None:
    """Raise CampaignError if a campaign could not continue to its last day.

    Args:
        world: The world at the end of the last day that was run.
        day: Number of the last day that was run.
        seed: Seed of the campaign, for the message.

    Raises:
        CampaignError: If the campaign ended before its last day; the message gives the seed, the day and the cause.
    """
    spent = int(world.tally[Count.CANNOT_GO_ON])
    if spent:
        raise CampaignError(f"seed {seed}, day {day}: {ENDS[spent]}")


@entry
def run_days(world: World, rules: Rules, timeline: Timeline, seeds: Seeds, record: Record) -> int:
    """Run all days of a campaign, one per row of the record, and return the number of the last day that was run."""
    for day in range(record.series.shape[0]):
        if day == 0:
            begin(world, rules, timeline, seeds)
        else:
            run_day(world, rules, timeline, seeds, day)
        record_day(world, record, day)
        if world.tally[Count.CANNOT_GO_ON] != 0:
            return day
    return record.series.shape[0] - 1


@entry
def step(world: World, rules: Rules, timeline: Timeline, seeds: Seeds, record: Record, day: int) -> None:
    """Run a single day, with the same result as `run_days`, for callers that stop after every day.

    Args:
        world: The world at the end of the day before; it is updated.
        rules: Parameters of every rule.
        timeline: Dated events, which are applied on their days.
        seeds: Hashed seeds of all draws.
        record: The record; row `day` is written.
        day: Number of the day; on day 0 the initial state is drawn.
    """
    if day == 0:
        begin(world, rules, timeline, seeds)
    else:
        run_day(world, rules, timeline, seeds, day)
    record_day(world, record, day)


@entry
def regroup(world: World) -> None:
    """Form the garrisons again, for callers that may have written to traits of units between two days."""
    form_garrisons(world.garrisons, world.units)


@rule
def record_day(world: World, record: Record, day: int) -> None:
    """Write the state at the end of a day to a row of the record.

    Args:
        world: The world at the end of the day.
        record: The record; row `day` is written.
        day: Number of the day.
    """
    row = record.series[day]
    tally = world.tally
    record_districts(world, record.holder[day], row, day)
    record_units(world, row)
    record_people(world, row)
    record_posts(world, record, row, day)
    row[Series.PEOPLE_DISPLACED_TOTAL] = tally[Count.PEOPLE_DISPLACED]
    row[Series.REFUGEES_ADMITTED_TOTAL] = tally[Count.ADMITTED]
    row[Series.REFUGEES_REFUSED_TOTAL] = tally[Count.REFUSED]
    row[Series.RESERVISTS] = tally[Count.RESERVISTS]
    row[Series.CALLS_MADE_TOTAL] = tally[Count.CALLS_MADE]
    row[Series.CALLS_ANSWERED_TOTAL] = tally[Count.CALLS_ANSWERED]


@rule
def record_districts(world: World, holder: np.ndarray, row: Real, day: int) -> None:
    """Record holders, today's recaptures, today's falls by kind, and the mean dread of government districts."""
    districts = world.districts
    dread = 0.0
    held = 0
    for district in range(districts.holder.size):
        holder[district] = districts.holder[district]
        if districts.holder[district] == Holder.TALIBAN:
            row[Series.DISTRICTS_HELD_BY_TALIBAN] += 1.0
        else:
            dread += districts.dread[district]
            held += 1
        if districts.lost_on[district] == day:
            row[Series.HANDED_OVER] += districts.lost_how[district] == Fall.HANDED_OVER
            row[Series.FOUGHT] += districts.lost_how[district] == Fall.FOUGHT
            row[Series.ABANDONED] += districts.lost_how[district] == Fall.ABANDONED
        if districts.retaken_on[district] == day:
            row[Series.RETAKEN] += 1.0
    row[Series.MEAN_DREAD] = dread / max(1, held)


@rule
def record_units(world: World, row: Real) -> None:
    """Record the number and mean morale of men who hold districts, and the number of men who met each fate."""
    units = world.units
    holding = 0
    morale = 0.0
    for unit in range(units.men.size):
        if units.state[unit] == UnitState.HOLDING:
            holding += units.men[unit]
            morale += units.men[unit] * units.morale[unit]
    row[Series.TROOPS_HOLDING] = holding
    row[Series.TROOPS_INTERNED] = units.interned.sum()
    row[Series.TROOPS_CAPTURED_TOTAL] = units.captured.sum()
    row[Series.TROOPS_SURRENDERED_TOTAL] = units.surrendered.sum()
    row[Series.TROOPS_KILLED_TOTAL] = units.killed.sum()
    row[Series.TROOPS_DISPERSED_TOTAL] = units.dispersed.sum()
    row[Series.MEAN_MORALE] = morale / max(1, holding)


@rule
def record_people(world: World, row: Real) -> None:
    """Record the number of people on the road, waiting at posts and settled."""
    refugees = world.refugees
    for place in range(world.tally[Count.TRAVELLERS]):
        row[Series.PEOPLE_ON_THE_ROAD] += refugees.people[world.queues.travelling[place]]
    row[Series.PEOPLE_WAITING] = world.posts.people_waiting.sum()
    row[Series.PEOPLE_SETTLED] = world.tally[Count.SETTLED]


@rule
def record_posts(world: World, record: Record, row: Real, day: int) -> None:
    """Record, for each post, the soldiers and the people admitted today, and the people waiting.

    Also record the soldiers who crossed today and the guards per arrival, both over all posts together.
    """
    posts = world.posts
    guards = 0
    arrivals = 0
    for post in range(posts.district.size):
        soldiers = posts.soldiers_admitted[post] - posts.soldiers_before[post]
        record.crossed[day, post] = soldiers
        record.admitted[day, post] = posts.people_admitted[post] - posts.people_before[post]
        record.waiting[day, post] = posts.people_waiting[post]
        row[Series.TROOPS_CROSSED] += soldiers
        guards += posts.guards[post] + posts.reservists[post]
        arrivals += posts.arrivals_today[post]
    row[Series.GUARDS_PER_ARRIVAL] = guards / max(1, arrivals)
