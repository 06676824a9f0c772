"""Soldiers at the river are let over the same night, as far as Tajik policy and room allow.

Reads   units before posts, room, whom a post admits.
Writes  men interned in Tajikistan, men turned back or captured, counts of the posts.
Source  articles 1 to 3; evidence F001, F004, F005, F021 to F029, F033 to F036. Room: guess. Assumption: a post
        answers a unit as a whole, and gives the same answer again until the policy or the unit's luck changes.
"""

from typing import NamedTuple

from sim.engine.bookkeeping import note
from sim.engine.chance import Luck, Stream, draw
from sim.engine.compile import rule
from sim.engine.rules.retreat import capture
from sim.engine.world import Districts, Event, Holder, Log, Posts, Units, UnitState, Whole


class Crossing(NamedTuple):
    """Numbers of the rule; meaning, unit, source and range in `configs/rules/crossing.yaml`."""

    room_bridge: float
    room_ford: float
    room_post: float
    room_frontage: float
    room_pass: float
    admits: float
    captured_waiting: float
    gives_up_days: float


@rule
def is_let_in(admits: float, luck: float) -> bool:
    """A post that admits nobody lets nobody in, one that admits all lets everyone in."""
    return luck < admits


@rule
def cross(
    districts: Districts, units: Units, posts: Posts, numbers: Crossing, luck: Luck, log: Log, tally: Whole
) -> None:
    """Every unit before a post asks, in order; those who stay behind may be captured or go into hiding."""
    for unit in range(units.men.size):
        if units.state[unit] == UnitState.CROSSED:
            units.state[unit] = UnitState.INTERNED
        if units.state[unit] != UnitState.WAITING:
            continue
        ask_at_post(unit, units, posts, luck, log, tally)
        if units.men[unit] > 0:
            wait_at_river(unit, districts, units, numbers, luck, log, tally)


@rule
def ask_at_post(unit: int, units: Units, posts: Posts, luck: Luck, log: Log, tally: Whole) -> None:
    """The post lets the unit in as far as there is room tonight, or refuses it."""
    post = units.post[unit]
    once = Luck(luck.seed, 0)  # the same answer every night
    men = 0
    if is_let_in(posts.admits_soldiers[post], draw(once, Stream.ADMIT_SOLDIERS, units.identity[unit])):
        men = min(units.men[unit], posts.room[post] - posts.admitted_today[post])
    refused = units.men[unit] - men
    if units.state_days[unit] == 0:
        posts.soldiers_refused[post] += refused
        if refused > 0:
            note(log, tally, luck.day, Event.TURNED_BACK, posts.district[post], post, refused, 0, 0)
    if men == 0:
        return
    posts.admitted_today[post] += men
    posts.soldiers_admitted[post] += men
    units.interned[unit] += men
    units.crossed[unit] += men
    units.men[unit] -= men
    note(log, tally, luck.day, Event.CROSSING, posts.district[post], post, men, 0, 0)
    if units.men[unit] == 0:
        units.state[unit] = UnitState.CROSSED
        units.state_days[unit] = 0


@rule
def wait_at_river(
    unit: int, districts: Districts, units: Units, numbers: Crossing, luck: Luck, log: Log, tally: Whole
) -> None:
    """Where the Taliban hold the bank some are captured every night; after some days the rest disperse."""
    if districts.holder[units.district[unit]] == Holder.TALIBAN:
        chance = draw(luck, Stream.CAPTURE_AT_POST, units.identity[unit])
        capture(unit, numbers.captured_waiting, chance, units, luck, log, tally)
    if units.men[unit] > 0 and units.state_days[unit] >= numbers.gives_up_days:
        units.dispersed[unit] += units.men[unit]
        units.men[unit] = 0
        units.state[unit] = UnitState.DISPERSED
        units.state_days[unit] = 0
