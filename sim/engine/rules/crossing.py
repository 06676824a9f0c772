"""Soldiers at the river cross the same night, as far as Tajik policy and room allow.

Reads   units at posts, room, share of units that a post admits.
Writes  men interned in Tajikistan, men turned back or captured, counts of the posts.
Source  articles 1 to 3; evidence F001, F004, F005, F021 to F029, F033 to F036. Room: guess. Assumption: a post
        decides on a unit as a whole, and decides the same on every later night.
"""

from typing import NamedTuple

from sim.engine.bookkeeping import note
from sim.engine.chance import Stream, drawn_once, uniform
from sim.engine.compile import rule
from sim.engine.rules.retreat import capture
from sim.engine.world import Districts, Event, Holder, Posts, Today, Units, UnitState, luck_in


class Crossing(NamedTuple):
    """Parameters of the crossing rule; values, ranges and sources are in `configs/rules/crossing.yaml`."""

    room_bridge: float  # people per day: capacity of a bridge
    room_ford: float  # people per day: capacity of a ford
    room_post: float  # people per day: capacity of a post without a bridge
    room_frontage: float  # people per day: capacity of open river frontage
    room_pass: float  # people per day: capacity of a mountain pass
    admits: float  # share: share of units that a post admits; policies set it for each post
    captured_waiting: float  # share per night: men of a waiting unit who are captured if the Taliban hold the bank
    gives_up_days: float  # days: days before a refused unit disperses


@rule
def is_let_in(admits: float, draw: float) -> bool:
    """Return whether a post admits a unit: never if the share `admits` is 0, always if it is 1."""
    return draw < admits


@rule
def cross(districts: Districts, units: Units, posts: Posts, numbers: Crossing, today: Today) -> None:
    """Let every unit at a post ask to cross, in row order; men left behind may be captured or go into hiding.

    Args:
        districts: Holders are read.
        units: Men by fate and states are written.
        posts: Counts of soldiers are written.
        numbers: Parameters of the crossing rule.
        today: Source of random draws; the event log is written.
    """
    for unit in range(units.men.size):
        if units.state[unit] == UnitState.CROSSED:
            units.state[unit] = UnitState.INTERNED
        if units.state[unit] != UnitState.WAITING:
            continue
        ask_at_post(unit, districts, units, posts, today)
        if units.men[unit] > 0:
            wait_at_river(unit, districts, units, numbers, today)


@rule
def ask_at_post(unit: int, districts: Districts, units: Units, posts: Posts, today: Today) -> None:
    """Admit as many men of a unit as its post has room for tonight, if the post admits the unit at all.

    Men who are turned away are counted and logged only on the unit's first night at the post.
    """
    post = units.post[unit]
    province = districts.province[units.home[unit]]
    once = drawn_once(today.lasting, province)  # the same answer every night
    men = 0
    if is_let_in(posts.admits_soldiers[post], uniform(once, Stream.ADMIT_SOLDIERS, units.identity[unit])):
        men = min(units.men[unit], posts.room[post] - posts.admitted_today[post])
    refused = units.men[unit] - men
    if units.state_days[unit] == 0:
        posts.soldiers_refused[post] += refused
        if refused > 0:
            note(today, Event.TURNED_BACK, posts.district[post], post, refused, 0, 0)
    if men == 0:
        return
    posts.admitted_today[post] += men
    posts.soldiers_admitted[post] += men
    units.interned[unit] += men
    units.crossed[unit] += men
    units.men[unit] -= men
    note(today, Event.CROSSING, posts.district[post], post, men, 0, 0)
    if units.men[unit] == 0:
        units.state[unit] = UnitState.CROSSED
        units.state_days[unit] = 0


@rule
def wait_at_river(unit: int, districts: Districts, units: Units, numbers: Crossing, today: Today) -> None:
    """Capture some of the waiting men if the Taliban hold the bank, and disperse a unit that has waited too long.

    `numbers.gives_up_days` sets how long a unit waits.
    """
    if districts.holder[units.district[unit]] == Holder.TALIBAN:
        luck = luck_in(districts.province[units.home[unit]], today)
        draw = uniform(luck, Stream.CAPTURE_AT_POST, units.identity[unit])
        capture(unit, numbers.captured_waiting, draw, units, today)
    if units.men[unit] > 0 and units.state_days[unit] >= numbers.gives_up_days:
        units.dispersed[unit] += units.men[unit]
        units.men[unit] = 0
        units.state[unit] = UnitState.DISPERSED
        units.state_days[unit] = 0
