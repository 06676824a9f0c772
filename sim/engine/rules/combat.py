"""An assault costs both sides men every day until the defence breaks or the attack is called off.

Reads   forces that assault or press, garrisons, dread of their districts, air cover.
Writes  men killed on both sides, districts that fall today after a fight, successful stands, fighting, sieges.
Source  Lanchester 1916 (losses in proportion to the enemy's men); evidence F101 (three to one, two days), F104, F105,
        F106 (losses on fall), F110 (a relief force destroyed without support), F120 (outposts that are pressed lose men
        between assaults). Rates: guess. Assumption: dread makes the defence break sooner.
"""

from typing import NamedTuple

from sim.engine.bookkeeping import EVEN_MORALE, leave_garrison, list_units, log_ratio, note
from sim.engine.chance import Luck, Stream, logistic, uniform, whole
from sim.engine.compile import rule
from sim.engine.world import (
    NOBODY,
    Armies,
    Condition,
    Count,
    Districts,
    Event,
    Fall,
    Forces,
    Garrisons,
    Holder,
    Land,
    Mode,
    Role,
    Today,
    Units,
    UnitState,
    Whole,
    Why,
    luck_in,
)


class Combat(NamedTuple):
    """Parameters of the combat rule; values, ranges and sources are in `configs/rules/combat.yaml`."""

    defenders_killed: float  # per day per attacker: defenders killed by one attacker
    attackers_killed: float  # per day per defender: attackers killed by one defender
    air_support: float  # factor above 1: increase in the strength of the defence with full air cover
    local_share: float  # share: part of a local force that joins the assault of a mobile force
    break_intercept: float  # logit: log-odds that a defence at equal strength breaks, before the other terms
    break_losses: float  # logit per share lost: weight of the day's losses
    break_ratio: float  # per log ratio: weight of the ratio of attackers to defenders
    break_morale: float  # logit per morale: weight of morale above one half
    break_resolve: float  # logit per standard deviation: weight of the resolve of the command
    break_dread: float  # logit per dread: weight of dread
    heavy_losses: float  # share of defenders per day: losses above which the log attributes a broken defence to losses
    low_morale: float  # morale: morale below which the log attributes a broken defence to morale
    called_off_losses: float  # share of attackers: losses at which an attack is called off
    called_off_days: float  # days: days after which an attack is called off
    stand_relief: float  # share of dread: dread that a successful stand removes from neighbouring districts
    momentum_loss: float  # momentum: momentum that a failed assault costs
    momentum_least: float  # momentum: lowest momentum
    siege_encirclement: float  # share of neighbours: districts around a capital that must be lost before it can fall
    siege_strength: float  # Taliban per defender: ratio needed for an assault on a capital
    siege_morale: float  # morale: added to the morale of a besieged garrison; the sum is the strength of one of its men
    siege_days: float  # days: days of encirclement before an assault
    siege_rate: float  # probability per day: fall of a capital once all conditions are met
    harassment: float  # men per day: losses of an outpost in a pressed district between assaults


@rule
def break_probability(  # one argument per term of the sum
    loss_share: float, ratio: float, morale: float, resolve: float, dread: float, numbers: Combat
) -> float:
    """Return the probability that a defence breaks today.

    Losses, dread and a higher ratio raise it; morale and resolve lower it. `loss_share` is the share of the defenders
    killed today, and `ratio` the number of attackers per defender.
    """
    return logistic(
        numbers.break_intercept
        + numbers.break_losses * loss_share
        + numbers.break_ratio * log_ratio(ratio)
        - numbers.break_morale * (morale - EVEN_MORALE)
        - numbers.break_resolve * resolve
        + numbers.break_dread * dread
    )


@rule
def is_called_off(loss_share: float, days: int, numbers: Combat) -> bool:
    """Return whether the attackers call off their assault, which they do after too many losses or too many days."""
    return loss_share >= numbers.called_off_losses or days >= numbers.called_off_days


@rule
def fight(land: Land, armies: Armies, numbers: Combat, today: Today) -> None:
    """Run one day of fighting in every district under assault, and one day of siege at every government-held capital.

    Args:
        land: Fighting, falling districts, stands and dread are written.
        armies: Losses and modes are written.
        numbers: Parameters of the combat rule.
        today: Source of random draws, and of air cover; the event log and running totals are written.
    """
    districts, garrisons, units, forces = land.districts, armies.garrisons, armies.units, armies.forces
    for district in range(districts.holder.size):  # local forces are the first rows, one per district
        assaults = forces.mode[district] == Mode.ASSAULT and districts.holder[district] == Holder.GOVERNMENT
        districts.fighting[district] = 1.0 if assaults else 0.0
    for force in range(districts.holder.size, forces.men.size):
        here = forces.district[force]
        if forces.mode[force] == Mode.ASSAULT and districts.holder[here] == Holder.GOVERNMENT:
            districts.fighting[here] = 1.0
    for district in range(districts.holder.size):
        if districts.fighting[district] > 0.0 and districts.falling[district] == Fall.NONE:
            if garrisons.men[district] > 0:
                fight_one_day(district, land, armies, numbers, today)
        if districts.is_capital[district] and districts.holder[district] == Holder.GOVERNMENT:
            luck = luck_in(districts.province[district], today)
            besiege_one_day(district, land, garrisons, numbers, luck)
    harass(districts, garrisons, units, numbers.harassment, today)


@rule
def harass(districts: Districts, garrisons: Garrisons, units: Units, men_a_day: float, today: Today) -> None:
    """Apply the losses that outposts in pressed districts suffer every day, in addition to those in assaults."""
    for place in range(list_units(districts.pressed, garrisons, units)):
        unit = units.listed[place]
        if units.role[unit] != Role.OUTPOST or units.men[unit] == 0:
            continue
        luck = luck_in(districts.province[units.home[unit]], today)
        dead = min(units.men[unit], whole(men_a_day, uniform(luck, Stream.HARASSMENT, units.identity[unit])))
        if dead > 0:
            lose(unit, dead, garrisons, units)


@rule
def lose(unit: int, dead: int, garrisons: Garrisons, units: Units) -> None:
    """Record `dead` men of a unit that holds a district as killed; the unit is destroyed if none remain."""
    units.losses[unit] = dead / units.men[unit]
    units.men[unit] -= dead
    units.killed[unit] += dead
    garrisons.present[units.district[unit]] -= dead
    if units.men[unit] == 0:
        leave_garrison(unit, garrisons, units)
        units.state[unit] = UnitState.DESTROYED
        units.state_days[unit] = 0


@rule
def fight_one_day(district: int, land: Land, armies: Armies, numbers: Combat, today: Today) -> None:
    """Apply one day of losses to both sides; then the defence may break or the attackers may call off the assault.

    If neither happens, the assault goes on.
    """
    districts, garrisons, units, forces = land.districts, armies.garrisons, armies.units, armies.forces
    actor, luck = districts.identity[district], luck_in(districts.province[district], today)
    defenders = garrisons.men[district]
    attackers = strength(district, forces, numbers.local_share)
    if attackers <= 0.0:
        return
    support = 1.0 + numbers.air_support * today.conditions[Condition.AIR_COVER]
    fallen = whole(
        min(defenders, numbers.defenders_killed * attackers / support),
        uniform(luck, Stream.DEFENDER_LOSSES, actor),
    )
    killed = whole(numbers.attackers_killed * defenders * support, uniform(luck, Stream.ATTACKER_LOSSES, actor))
    fallen = kill_defenders(district, garrisons, units, min(fallen, defenders))
    killed = kill_attackers(district, forces, killed, today.tally)
    loss_share = fallen / defenders
    ratio = attackers / (max(1, defenders - fallen) * support)
    morale = garrisons.morale[district]
    probability = break_probability(
        loss_share, ratio, morale, garrisons.resolve[district], districts.dread[district], numbers
    )
    if fallen == defenders or uniform(luck, Stream.BREAK, actor) < probability:
        districts.falling[district] = Fall.FOUGHT
        districts.why[district] = Why.LOSSES if loss_share > numbers.heavy_losses else Why.FORCE
        if morale < numbers.low_morale:
            districts.why[district] = Why.MORALE
    else:
        call_off_assaults(district, land, forces, numbers, today)


@rule
def strength(district: int, forces: Forces, local_share: float) -> float:
    """Return the strength of the attackers: the men who assault, weighted by momentum.

    A local force that does not take part in the assault still adds a share of its men, without momentum.
    """
    total = 0.0
    force = district  # local forces are the first rows, one per district
    while force != NOBODY:
        if forces.mode[force] == Mode.ASSAULT:
            total += forces.men[force] * forces.momentum[force]
        elif force == district:
            total += local_share * forces.men[force]
        force = forces.next_there[force]
    return total


@rule
def kill_defenders(district: int, garrisons: Garrisons, units: Units, fallen: int) -> int:
    """Record `fallen` men of a garrison as killed, divided among its units by size, and return the number killed."""
    left = fallen
    men = garrisons.present[district]
    unit = garrisons.first_unit[district]
    while unit != NOBODY and left > 0:
        if units.men[unit] > 0:
            dead = min(left, units.men[unit], (fallen * units.men[unit] + men - 1) // men)
            lose(unit, dead, garrisons, units)
            left -= dead
        unit = units.next_there[unit]
    return fallen - left


@rule
def kill_attackers(district: int, forces: Forces, killed: int, tally: Whole) -> int:
    """Record up to `killed` men of the assaulting forces as killed, in list order, and return the number killed."""
    left = killed
    force = district  # local forces are the first rows, one per district
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
def call_off_assaults(district: int, land: Land, forces: Forces, numbers: Combat, today: Today) -> None:
    """Turn assaults that are called off into sieges, and lower the momentum of the forces that called them off.

    If no assault on the district remains, the district has stood, and dread in the neighbouring districts falls.
    """
    districts, roads = land.districts, land.roads
    still = 0
    gave_up = 0
    force = district  # local forces are the first rows, one per district
    while force != NOBODY:
        loss_share = forces.losses[force] / max(1, forces.men[force] + forces.losses[force])
        if forces.mode[force] == Mode.ASSAULT and is_called_off(loss_share, forces.mode_days[force], numbers):
            forces.mode[force] = Mode.BESIEGE
            forces.mode_days[force] = 0
            forces.momentum[force] = max(numbers.momentum_least, forces.momentum[force] - numbers.momentum_loss)
            gave_up += 1
        still += forces.mode[force] == Mode.ASSAULT
        force = forces.next_there[force]
    if gave_up > 0 and still == 0:
        districts.stood_on[district] = today.luck.day
        note(today, Event.STAND, district, -1, 0, Fall.NONE, Why.NONE)
        for link in range(roads.first[district], roads.first[district + 1]):
            districts.dread[roads.neighbour[link]] *= 1.0 - numbers.stand_relief


@rule
def besiege_one_day(district: int, land: Land, garrisons: Garrisons, numbers: Combat, luck: Luck) -> None:
    """Run one day of the siege of a capital, which may fall.

    The capital can fall only after the Taliban have held enough of its neighbouring districts for enough days, and only
    while a mobile force is outside it and the Taliban there outnumber its garrison (weighted by morale) by enough.
    """
    districts, roads = land.districts, land.roads
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
    defenders = garrisons.men[district] * (numbers.siege_morale + garrisons.morale[district])
    if districts.siege_days[district] < numbers.siege_days or garrisons.mobile[district] == 0:
        return
    if outside < numbers.siege_strength * defenders:
        return
    districts.fighting[district] = 1.0
    if uniform(luck, Stream.SIEGE, districts.identity[district]) < numbers.siege_rate:
        districts.falling[district] = Fall.FOUGHT
        districts.why[district] = Why.SIEGE
