"""An assault wears both sides down by the day until the defence breaks or the attack is called off.

Reads   forces that assault or press, garrisons, their dread, air cover.
Writes  men killed on both sides, districts that fall today after a fight, successful stands, fighting, sieges.
Source  Lanchester 1916 (losses in proportion to the enemy's men); evidence F101 (three to one, two days), F104, F105,
        F106 (losses on fall), F110 (a relief force destroyed without support), F120 (outposts that are pressed lose men
        between assaults). Rates: guess. Assumption: dread makes the defence break sooner.
"""

import math
from typing import NamedTuple

from sim.engine.bookkeeping import note
from sim.engine.chance import Luck, Stream, draw, logistic, whole
from sim.engine.compile import rule
from sim.engine.world import (
    NOBODY,
    Condition,
    Count,
    Districts,
    Event,
    Fall,
    Forces,
    Garrisons,
    Holder,
    Log,
    Mode,
    Real,
    Roads,
    Role,
    Units,
    UnitState,
    Whole,
    Why,
)


class Combat(NamedTuple):
    """Numbers of the rule; meaning, unit, source and range in `configs/rules/combat.yaml`."""

    defenders_killed: float
    attackers_killed: float
    air_support: float
    local_share: float
    break_intercept: float
    break_losses: float
    break_ratio: float
    break_morale: float
    break_resolve: float
    break_dread: float
    heavy_losses: float
    low_morale: float
    called_off_losses: float
    called_off_days: float
    stand_relief: float
    momentum_loss: float
    siege_encirclement: float
    siege_strength: float
    siege_days: float
    siege_rate: float
    harassment: float


@rule
def breaks(  # one argument a term of the sentence
    loss_share: float, ratio: float, morale: float, resolve: float, dread: float, numbers: Combat
) -> float:
    """The chance that a defence gives way today: losses, numbers and dread against it, morale and command for it."""
    return logistic(
        numbers.break_intercept
        + numbers.break_losses * loss_share
        + numbers.break_ratio * math.log(max(0.05, ratio))
        - numbers.break_morale * (morale - 0.5)
        - numbers.break_resolve * resolve
        + numbers.break_dread * dread
    )


@rule
def is_called_off(loss_share: float, days: int, numbers: Combat) -> bool:
    """The attackers give up after too many losses or too many days."""
    return loss_share >= numbers.called_off_losses or days >= numbers.called_off_days


@rule
def fight(
    districts: Districts,
    roads: Roads,
    garrisons: Garrisons,
    units: Units,
    forces: Forces,
    conditions: Real,
    numbers: Combat,
    luck: Luck,
    log: Log,
    tally: Whole,
) -> None:
    """Every district under assault fights one day; sieges of capitals go on one day."""
    air_cover = conditions[Condition.AIR_COVER]
    districts.fighting[:] = 0.0
    for force in range(forces.men.size):
        here = forces.district[force]
        if forces.mode[force] == Mode.ASSAULT and districts.holder[here] == Holder.GOVERNMENT:
            districts.fighting[here] = 1.0
    line_up(districts, units)
    for district in range(districts.holder.size):
        if districts.fighting[district] > 0.0 and districts.falling[district] == Fall.NONE:
            if garrisons.men[district] > 0:
                fight_one_day(
                    district, districts, roads, garrisons, units, forces, air_cover, numbers, luck, log, tally
                )
        if districts.is_capital[district] and districts.holder[district] == Holder.GOVERNMENT:
            besiege_one_day(district, districts, roads, garrisons, numbers, luck)
    harass(districts, units, numbers.harassment, luck)


@rule
def harass(districts: Districts, units: Units, men_a_day: float, luck: Luck) -> None:
    """Outposts of a district that local forces press lose men between the assaults."""
    for unit in range(units.men.size):
        if units.role[unit] != Role.OUTPOST or units.state[unit] != UnitState.HOLDING or units.men[unit] == 0:
            continue
        if not districts.pressed[units.district[unit]]:
            continue
        dead = min(units.men[unit], whole(men_a_day, draw(luck, Stream.HARASSMENT, units.identity[unit])))
        if dead > 0:
            lose(unit, dead, units)


@rule
def lose(unit: int, dead: int, units: Units) -> None:
    """So many of its men are killed today; a unit without men is no more."""
    units.losses[unit] = dead / units.men[unit]
    units.men[unit] -= dead
    units.killed[unit] += dead
    if units.men[unit] == 0:
        units.state[unit] = UnitState.DESTROYED
        units.state_days[unit] = 0


@rule
def line_up(districts: Districts, units: Units) -> None:
    """Who holds a district under assault, in order, so that each fight looks only at those who are there."""
    districts.defender[:] = NOBODY
    for unit in range(units.men.size - 1, -1, -1):  # the last first, so that they stand in order
        here = units.district[unit]
        if districts.fighting[here] > 0.0 and units.state[unit] == UnitState.HOLDING:
            units.next_there[unit] = districts.defender[here]
            districts.defender[here] = unit


@rule
def fight_one_day(
    district: int,
    districts: Districts,
    roads: Roads,
    garrisons: Garrisons,
    units: Units,
    forces: Forces,
    air_cover: float,
    numbers: Combat,
    luck: Luck,
    log: Log,
    tally: Whole,
) -> None:
    """Both sides lose men; then the defence breaks, or the attack is called off, or neither."""
    actor = districts.identity[district]
    defenders = garrisons.men[district]
    attackers = strength(district, forces, numbers.local_share)
    if attackers <= 0.0:
        return
    support = 1.0 + numbers.air_support * air_cover
    fallen = whole(
        min(defenders, numbers.defenders_killed * attackers / support), draw(luck, Stream.DEFENDER_LOSSES, actor)
    )
    killed = whole(numbers.attackers_killed * defenders * support, draw(luck, Stream.ATTACKER_LOSSES, actor))
    first = districts.defender[district]
    fallen = kill_defenders(first, men_of(first, units), units, min(fallen, defenders))
    killed = kill_attackers(district, forces, killed, tally)
    loss_share = fallen / defenders
    ratio = attackers / (max(1, defenders - fallen) * support)
    morale = garrisons.morale[district]
    chance = breaks(loss_share, ratio, morale, garrisons.resolve[district], districts.dread[district], numbers)
    if fallen == defenders or draw(luck, Stream.BREAK, actor) < chance:
        districts.falling[district] = Fall.FOUGHT
        districts.why[district] = Why.LOSSES if loss_share > numbers.heavy_losses else Why.FORCE
        if morale < numbers.low_morale:
            districts.why[district] = Why.MORALE
    else:
        call_off(district, districts, roads, forces, numbers, luck.day, log, tally)


@rule
def strength(district: int, forces: Forces, local_share: float) -> float:
    """Attackers by momentum; of a local force that does not lead the assault only a share joins."""
    total = 0.0
    force = district  # local forces are the first rows, one a district
    while force != NOBODY:
        if forces.mode[force] == Mode.ASSAULT:
            total += forces.men[force] * forces.momentum[force]
        elif force == district:
            total += local_share * forces.men[force]
        force = forces.next_there[force]
    return total


@rule
def kill_defenders(first: int, men: int, units: Units, fallen: int) -> int:
    """The dead are taken from the units in order, the same share of each of all `men`, until all are counted."""
    left = fallen
    unit = first
    while unit != NOBODY and left > 0:
        if units.men[unit] > 0:
            dead = min(left, units.men[unit], (fallen * units.men[unit] + men - 1) // men)
            lose(unit, dead, units)
            left -= dead
        unit = units.next_there[unit]
    return fallen - left


@rule
def men_of(first: int, units: Units) -> int:
    """Men of the units that hold a district, from the first of them on."""
    men = 0
    unit = first
    while unit != NOBODY:
        men += units.men[unit]
        unit = units.next_there[unit]
    return men


@rule
def kill_attackers(district: int, forces: Forces, killed: int, tally: Whole) -> int:
    """The dead are taken from the forces that assault, in order."""
    left = killed
    force = district  # local forces are the first rows, one a district
    while force != NOBODY and left > 0:
        if forces.mode[force] == Mode.ASSAULT:
            dead = min(left, forces.men[force])
            forces.men[force] -= dead
            forces.killed[force] += dead
            forces.losses[force] += dead
            left -= dead
        force = forces.next_there[force]
    tally[Count.TALIBAN_KILLED] += killed - left
    return killed - left


@rule
def call_off(
    district: int,
    districts: Districts,
    roads: Roads,
    forces: Forces,
    numbers: Combat,
    day: int,
    log: Log,
    tally: Whole,
) -> None:
    """Forces that have had enough go over to a siege or home; a district left in peace has stood, and hearts rise."""
    still = 0
    gave_up = 0
    force = district  # local forces are the first rows, one a district
    while force != NOBODY:
        loss_share = forces.losses[force] / max(1, forces.men[force] + forces.losses[force])
        if forces.mode[force] == Mode.ASSAULT and is_called_off(loss_share, forces.mode_days[force], numbers):
            forces.mode[force] = Mode.BESIEGE
            forces.mode_days[force] = 0
            forces.momentum[force] = max(0.5, forces.momentum[force] - numbers.momentum_loss)
            gave_up += 1
        still += forces.mode[force] == Mode.ASSAULT
        force = forces.next_there[force]
    if gave_up > 0 and still == 0:
        districts.stood_on[district] = day
        note(log, tally, day, Event.STAND, district, -1, 0, Fall.NONE, Why.NONE)
        for link in range(roads.first[district], roads.first[district + 1]):
            districts.dread[roads.neighbour[link]] *= 1.0 - numbers.stand_relief


@rule
def besiege_one_day(
    district: int, districts: Districts, roads: Roads, garrisons: Garrisons, numbers: Combat, luck: Luck
) -> None:
    """A capital falls only if encircled, besieged for long enough, and outnumbered enough at the end."""
    around = roads.first[district + 1] - roads.first[district]
    lost = 0
    outside = garrisons.local[district] + garrisons.mobile[district]
    for link in range(roads.first[district], roads.first[district + 1]):
        neighbour = roads.neighbour[link]
        if districts.holder[neighbour] == Holder.TALIBAN:
            lost += 1
    if around == 0 or lost < numbers.siege_encirclement * around:
        districts.siege_days[district] = 0
        return
    districts.siege_days[district] += 1
    defenders = garrisons.men[district] * (0.5 + garrisons.morale[district])
    if districts.siege_days[district] < numbers.siege_days or garrisons.mobile[district] == 0:
        return
    if outside < numbers.siege_strength * defenders:
        return
    districts.fighting[district] = 1.0
    if draw(luck, Stream.SIEGE, districts.identity[district]) < numbers.siege_rate:
        districts.falling[district] = Fall.FOUGHT
        districts.why[district] = Why.SIEGE
