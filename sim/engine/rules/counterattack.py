"""Commandos try to retake lost districts, at the rate that policy allows.

Reads   lost districts next to connected ones, the Taliban men in them, commandos in reserve.
Writes  holders, commandos, men killed.
Source  evidence F066 (by 30 June the Taliban had lost 8 of 133 districts that they had taken), F080, F110; rate and
        odds: guess, compared with F066.
        Assumption: a retaken district is held by the commandos alone.
"""

import math
from typing import NamedTuple

from sim.engine.bookkeeping import join_garrison, log_ratio, note
from sim.engine.chance import Stream, gumbel, logistic, uniform, whole
from sim.engine.compile import rule
from sim.engine.rules.calls import first_commando
from sim.engine.world import (
    NOBODY,
    Armies,
    Count,
    Districts,
    Event,
    Fall,
    Forces,
    Garrisons,
    Holder,
    Land,
    Mode,
    Today,
    Units,
    UnitState,
    Why,
    luck_in,
)


class Counterattack(NamedTuple):
    """Parameters of the counter-attack rule; values, ranges and sources are in `configs/rules/counterattack.yaml`."""

    attempts_per_day: float  # attempts per day: attempts to retake a district
    columns: float  # columns: commando columns of an attempt
    odds: float  # logit: log-odds of success at equal numbers
    force_ratio: float  # per log ratio: weight of the ratio of commandos to Taliban men
    killed: float  # share of men: commandos killed in an attempt
    calm: float  # share of dread: dread that a recapture removes from the district
    supply_days: float  # days: supply that commandos bring with them


@rule
def recapture_probability(ratio: float, numbers: Counterattack) -> float:
    """Return the probability of success with `ratio` commandos per Taliban man; a higher ratio never lowers it."""
    return logistic(numbers.odds + numbers.force_ratio * log_ratio(ratio))


@rule
def strike_back(land: Land, armies: Armies, numbers: Counterattack, today: Today) -> None:
    """Try to retake as many districts as policy allows, as long as there are commandos in reserve.

    Args:
        land: Holders and dread are written; roads are read.
        armies: Commandos and forces are written; garrisons are read.
        numbers: Parameters of the counter-attack rule.
        today: Source of random draws; the event log and running totals are written.
    """
    districts, garrisons, units = land.districts, armies.garrisons, armies.units
    attempts = whole(numbers.attempts_per_day, uniform(today.luck, Stream.COUNTERATTACK, 0))
    if attempts == 0 or reserve_of(units, numbers.columns) == 0:
        return
    within_reach = list_within_reach(land)
    for attempt in range(attempts):
        target = weakest_lost(attempt, within_reach, districts, garrisons, today)
        if target < 0:
            return
        men = reserve_of(units, numbers.columns)
        if men == 0:
            return
        try_to_retake(target, men, districts, armies, numbers, today)


@rule
def list_within_reach(land: Land) -> int:
    """List in `districts.choice` the lost districts that border a connected district, and return their number."""
    districts = land.districts
    found = 0
    for district in range(districts.holder.size):
        if districts.holder[district] == Holder.TALIBAN and districts.lost_on[district] >= 0:
            if is_next_to_connected(district, land):
                districts.choice[found] = district
                found += 1
    return found


@rule
def weakest_lost(attempt: int, within_reach: int, districts: Districts, garrisons: Garrisons, today: Today) -> int:
    """Return a random lost district within reach, more likely a weakly held one; -1 if no such district is left.

    Districts that were already retaken today are excluded.
    """
    best = NOBODY
    highest = -math.inf
    for place in range(within_reach):
        district = districts.choice[place]
        if districts.retaken_on[district] == today.luck.day:
            continue
        actor = districts.identity[district] * 100 + attempt
        value = gumbel(luck_in(districts.province[district], today), Stream.COUNTERATTACK, actor)
        value -= math.log(1.0 + garrisons.local[district] + garrisons.mobile[district])
        if value > highest:
            highest = value
            best = district
    return best


@rule
def is_next_to_connected(district: int, land: Land) -> bool:
    """Return whether a neighbour of the district is connected, so that commandos can attack from there."""
    districts, roads = land.districts, land.roads
    for link in range(roads.first[district], roads.first[district + 1]):
        if districts.connected[roads.neighbour[link]]:
            return True
    return False


@rule
def reserve_of(units: Units, columns: float) -> int:
    """Return the number of men in the first `columns` commando columns in reserve."""
    men = 0
    found = 0
    for unit in range(first_commando(units), units.men.size):
        if found < columns and units.state[unit] == UnitState.RESERVE and units.men[unit] > 0:
            men += units.men[unit]
            found += 1
    return men


@rule
def try_to_retake(
    target: int, men: int, districts: Districts, armies: Armies, numbers: Counterattack, today: Today
) -> None:
    """Attack a district with commandos from the reserve, and apply the losses of both sides.

    If the attack succeeds and commandos survive, the government holds the district again.
    """
    garrisons, units, forces = armies.garrisons, armies.units, armies.forces
    actor = districts.identity[target]
    ratio = men / max(1, garrisons.local[target] + garrisons.mobile[target])
    luck = luck_in(districts.province[target], today)
    succeeds = uniform(luck, Stream.RETAKE, actor) < recapture_probability(ratio, numbers)
    found = 0
    survivors = 0
    for unit in range(first_commando(units), units.men.size):
        if found >= numbers.columns:
            break
        if units.state[unit] != UnitState.RESERVE or units.men[unit] == 0:
            continue
        found += 1
        draw = uniform(luck, Stream.COUNTERATTACK_LOSSES, units.identity[unit])
        dead = min(units.men[unit], whole(numbers.killed * units.men[unit], draw))
        units.killed[unit] += dead
        units.men[unit] -= dead
        units.state_days[unit] = 0
        if units.men[unit] == 0:
            units.state[unit] = UnitState.DESTROYED
        elif succeeds:
            units.supply_days[unit] = numbers.supply_days
            join_garrison(unit, target, garrisons, units)
        survivors += units.men[unit]
    lost = min(forces.men[target], whole(numbers.killed * men, uniform(luck, Stream.COUNTERATTACK_LOSSES, actor)))
    forces.men[target] -= lost
    forces.killed[target] += lost
    today.tally[Count.TALIBAN_KILLED] += lost
    if succeeds and survivors > 0:
        take_back(target, districts, forces, numbers.calm, today.luck.day)
        today.tally[Count.RETAKEN] += 1
        note(today, Event.RETAKEN, target, -1, men, Fall.NONE, Why.NONE)


@rule
def take_back(target: int, districts: Districts, forces: Forces, calm: float, day: int) -> None:
    """Give a district back to the government, reduce its dread, and turn assaults by forces there into sieges."""
    districts.holder[target] = Holder.GOVERNMENT
    districts.retaken_on[target] = day
    districts.pressed[target] = False
    districts.falling[target] = Fall.NONE
    districts.dread[target] *= 1.0 - calm
    force = target  # local forces are the first rows, one per district
    while force != NOBODY:
        if forces.mode[force] == Mode.ASSAULT:
            forces.mode[force] = Mode.BESIEGE
            forces.mode_days[force] = 0
        force = forces.next_there[force]
