"""Commandos retake a district now and then, at the rate that policy allows.

Reads   districts lost next to connected ones, commandos in reserve, Taliban men there.
Writes  holders, commandos, men killed.
Source  evidence F066 (8 of 133 lost again by 30 June), F080, F110; rate and odds: guess, held against F066.
        Assumption: what is retaken is held by the commandos alone.
"""

import math
from typing import NamedTuple

from sim.engine.bookkeeping import note
from sim.engine.chance import Luck, Stream, draw, gumbel, logistic, whole
from sim.engine.compile import rule
from sim.engine.rules.calls import first_commando
from sim.engine.world import (
    NOBODY,
    Count,
    Districts,
    Event,
    Fall,
    Forces,
    Garrisons,
    Holder,
    Log,
    Mode,
    Roads,
    Units,
    UnitState,
    Whole,
    Why,
)


class Counterattack(NamedTuple):
    """Numbers of the rule; meaning, unit, source and range in `configs/rules/counterattack.yaml`."""

    attempts_per_day: float
    columns: float
    odds: float
    force_ratio: float
    killed: float
    calm: float
    supply_days: float


@rule
def retakes(ratio: float, numbers: Counterattack) -> float:
    """The chance that the attempt succeeds: more commandos never make it smaller."""
    return logistic(numbers.odds + numbers.force_ratio * math.log(max(0.05, ratio)))


@rule
def strike_back(
    districts: Districts,
    roads: Roads,
    garrisons: Garrisons,
    units: Units,
    forces: Forces,
    numbers: Counterattack,
    luck: Luck,
    log: Log,
    tally: Whole,
) -> None:
    """As many attempts as the policy allows, while there are commandos."""
    attempts = whole(numbers.attempts_per_day, draw(luck, Stream.COUNTERATTACK, 0))
    if attempts == 0 or reserve_of(units, numbers.columns) == 0:
        return
    within_reach = list_within_reach(districts, roads)
    for attempt in range(attempts):
        target = weakest_lost(attempt, within_reach, districts, garrisons, luck)
        if target < 0:
            return
        men = reserve_of(units, numbers.columns)
        if men == 0:
            return
        try_to_retake(target, men, districts, garrisons, units, forces, numbers, luck, log, tally)


@rule
def list_within_reach(districts: Districts, roads: Roads) -> int:
    """Lost districts next to a connected one, in order; how many there are."""
    found = 0
    for district in range(districts.holder.size):
        if districts.holder[district] == Holder.TALIBAN and districts.lost_on[district] >= 0:
            if is_next_to_connected(district, districts, roads):
                districts.choice[found] = district
                found += 1
    return found


@rule
def weakest_lost(attempt: int, within_reach: int, districts: Districts, garrisons: Garrisons, luck: Luck) -> int:
    """Of the lost districts within reach one that is weakly held rather than strongly, once a day, or -1."""
    best = NOBODY
    highest = -1e9
    for place in range(within_reach):
        district = districts.choice[place]
        if districts.retaken_on[district] == luck.day:
            continue
        actor = districts.identity[district] * 100 + attempt
        value = gumbel(luck, Stream.COUNTERATTACK, actor)
        value -= math.log(1.0 + garrisons.local[district] + garrisons.mobile[district])
        if value > highest:
            highest = value
            best = district
    return best


@rule
def is_next_to_connected(district: int, districts: Districts, roads: Roads) -> bool:
    """There is a road to attack along."""
    for link in range(roads.first[district], roads.first[district + 1]):
        if districts.connected[roads.neighbour[link]]:
            return True
    return False


@rule
def reserve_of(units: Units, columns: float) -> int:
    """Men of the first columns in reserve."""
    men = 0
    found = 0
    for unit in range(first_commando(units), units.men.size):
        if found < columns and units.state[unit] == UnitState.RESERVE and units.men[unit] > 0:
            men += units.men[unit]
            found += 1
    return men


@rule
def try_to_retake(
    target: int,
    men: int,
    districts: Districts,
    garrisons: Garrisons,
    units: Units,
    forces: Forces,
    numbers: Counterattack,
    luck: Luck,
    log: Log,
    tally: Whole,
) -> None:
    """Men fall on both sides; if it succeeds the commandos stay and the local force goes back to its villages."""
    actor = districts.identity[target]
    ratio = men / max(1, garrisons.local[target] + garrisons.mobile[target])
    succeeds = draw(luck, Stream.RETAKE, actor) < retakes(ratio, numbers)
    found = 0
    survivors = 0
    for unit in range(first_commando(units), units.men.size):
        if found >= numbers.columns:
            break
        if units.state[unit] != UnitState.RESERVE or units.men[unit] == 0:
            continue
        found += 1
        chance = draw(luck, Stream.COUNTERATTACK_LOSSES, units.identity[unit])
        dead = min(units.men[unit], whole(numbers.killed * units.men[unit], chance))
        units.killed[unit] += dead
        units.men[unit] -= dead
        if units.men[unit] == 0:
            units.state[unit] = UnitState.DESTROYED
        elif succeeds:
            units.state[unit] = UnitState.HOLDING
            units.district[unit] = target
            units.supply_days[unit] = numbers.supply_days
        units.state_days[unit] = 0
        survivors += units.men[unit]
    lost = min(forces.men[target], whole(numbers.killed * men, draw(luck, Stream.COUNTERATTACK_LOSSES, actor)))
    forces.men[target] -= lost
    forces.killed[target] += lost
    tally[Count.TALIBAN_KILLED] += lost
    if succeeds and survivors > 0:
        take_back(target, districts, forces, numbers.calm, luck.day)
        tally[Count.RETAKEN] += 1
        note(log, tally, luck.day, Event.RETAKEN, target, -1, men, Fall.NONE, Why.NONE)


@rule
def take_back(target: int, districts: Districts, forces: Forces, calm: float, day: int) -> None:
    """The government holds it again; dread there eases; mobile forces that were inside go over to a siege."""
    districts.holder[target] = Holder.GOVERNMENT
    districts.retaken_on[target] = day
    districts.pressed[target] = False
    districts.falling[target] = Fall.NONE
    districts.dread[target] *= 1.0 - calm
    force = target  # local forces are the first rows, one a district
    while force != NOBODY:
        if forces.mode[force] == Mode.ASSAULT:
            forces.mode[force] = Mode.BESIEGE
            forces.mode_days[force] = 0
        force = forces.next_there[force]
