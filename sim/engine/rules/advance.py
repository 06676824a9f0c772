"""Prongs gather, sweep a province and choose the next; new prongs form; local forces press their own district.

Reads   holders, influence, garrisons, roads, attention that policy gives to a region.
Writes  prongs, modes and positions of forces, pressed districts, provinces under pressure.
Source  article 4 and AAN ("a preemptive strike to prevent a northern opposition"); evidence F072, F073, F079, F089,
        F101. Assumptions: a prong does not begin a siege of a capital while its province has rural districts left to
        take; prongs prepare for weeks after the withdrawal begins before they first move (guess); men whom a swept
        province no longer needs form a new prong (guess; by F099, F100 and F064 to F066, falls doubled within a week).
"""

import math
from typing import NamedTuple

from sim.engine.bookkeeping import note
from sim.engine.chance import Luck, Stream, gumbel, spread_around, uniform
from sim.engine.compile import rule
from sim.engine.world import (
    NOBODY,
    Armies,
    Districts,
    Event,
    Forces,
    Garrisons,
    Holder,
    Land,
    Mode,
    Phase,
    Prongs,
    Provinces,
    Today,
    luck_in,
)

PER_100_KM = 100.0  # road km per unit of the distance weights


class Advance(NamedTuple):
    """Parameters of the advance rule; values, ranges and sources are in `configs/rules/advance.yaml`."""

    march_km_per_day: float  # road km per day: march of a column
    gather_days: float  # days: mean days between two sweeps of a prong
    gather_spread: float  # share: half-width of the gathering around its mean
    sweep_days: float  # days: longest sweep of one province
    siege_sweeps: float  # sweeps: longest siege of a capital, as a multiple of the longest sweep
    adjacency: float  # weight: preference of a prong for a province next to the one that it has swept
    distance: float  # per 100 road km: penalty for distance when a prong chooses a province
    weakness: float  # per share of influence: weight of influence when a prong chooses a province
    remaining: float  # per share left: weight of districts left to take when a prong chooses a province
    siege: float  # weight: value of a capital whose province is taken
    whim: float  # weight: random variation in the choice of the next province
    target_weak: float  # per log man: weight of the weakness of the garrison when a column chooses a district
    target_isolated: float  # weight: weight of isolation when a column chooses a district
    target_influence: float  # per influence: weight of influence when a column chooses a district
    target_value: float  # weight: value of a crossing point or a highway
    target_ring: float  # weight: value of a district next to the capital
    target_distance: float  # per 100 road km: penalty for distance when a column chooses a district
    shared_target: float  # weight: penalty for a district that is already the target of another column
    press_start: float  # probability per day per influence: local forces start to press their district
    press_stop: float  # probability per day: local forces stop pressing their district
    press_under_pressure: float  # factor: how much more readily they start to press while a prong sweeps the province
    local_assault: float  # probability per day: a pressing local force attacks alone
    # factor: how much more often it attacks alone while a prong sweeps the province
    local_assault_under_pressure: float
    local_assault_ratio: float  # Taliban per garrison man: ratio below which a local force never attacks alone
    besiege_patience: float  # days: days before a column leaves a district that holds out
    spare_share: float  # share of local men: men of captured districts who join a new prong when a sweep ends
    spearhead_men: float  # men: smallest number of men that form a new prong


@rule
def starts_to_press(influence: float, under_pressure: bool, probability: float, boost: float, draw: float) -> bool:
    """Return whether the local force of a district starts to press it.

    The probability rises with Taliban influence, and is higher while a prong sweeps or besieges the province.
    """
    factor = boost if under_pressure else 1.0
    return draw < probability * influence * factor


@rule
def stops_pressing(under_pressure: bool, probability: float, draw: float) -> bool:
    """Return whether a local force stops pressing; it never does while a prong sweeps or besieges its province."""
    return not under_pressure and draw < probability


@rule
def march_days(km: float, km_per_day: float) -> float:
    """Return the duration of a march in whole days, at least 1."""
    return max(1.0, math.ceil(km / km_per_day))


@rule
def advance(land: Land, armies: Armies, numbers: Advance, today: Today) -> None:
    """Move all prongs, then their columns, then all local forces.

    Args:
        land: Provinces under pressure and pressed districts are written.
        armies: Forces and prongs are written; garrisons are read.
        numbers: Parameters of the advance rule.
        today: Source of random draws; the event log is written.
    """
    districts, provinces, forces, prongs = land.districts, land.provinces, armies.forces, armies.prongs
    for prong in range(prongs.province.size):
        lead(prong, land, armies, numbers, today)
    mark_pressure(provinces, prongs)
    count_sought(districts, forces)
    for force in range(districts.holder.size, forces.men.size):  # local forces are the first rows, one per district
        move_column(force, land, armies, numbers, today)
    press(land, armies, numbers, today)


@rule
def lead(prong: int, land: Land, armies: Armies, numbers: Advance, today: Today) -> None:
    """Run one day of a prong, which gathers, then sweeps or besieges its province, then chooses its next province."""
    provinces, forces, prongs = land.provinces, armies.forces, armies.prongs
    if prongs.province[prong] == NOBODY:  # not raised yet
        return
    prongs.phase_days[prong] += 1
    if prongs.phase[prong] == Phase.GATHER:
        prongs.days_left[prong] -= 1.0
        if prongs.days_left[prong] <= 0.0:
            left = is_any_left(prongs.province[prong], land)
            prongs.phase[prong] = Phase.SWEEP if left else Phase.SIEGE
            prongs.phase_days[prong] = 0
            note(today, Event.PRONG_MOVES, provinces.capital[prongs.province[prong]], prong, 0, 0, 0)
        return
    if is_done(prong, land, prongs, numbers):
        swept = prongs.province[prong]
        provinces.swept_on[swept] = today.luck.day
        turn_to_next(prong, land, prongs, numbers, today.luck)
        recall_columns(prong, forces)
        raise_prong(swept, land, armies, numbers, today.luck)


@rule
def turn_to_next(prong: int, land: Land, prongs: Prongs, numbers: Advance, luck: Luck) -> None:
    """Choose the next province of a prong, and let the prong gather for it."""
    prongs.province[prong] = next_province(prong, land, prongs, numbers, luck)
    prongs.phase[prong] = Phase.GATHER
    prongs.phase_days[prong] = 0
    draw = uniform(luck, Stream.PRONG_GATHER, prongs.identity[prong])
    prongs.days_left[prong] = spread_around(numbers.gather_days, numbers.gather_spread, draw)


@rule
def raise_prong(province: int, land: Land, armies: Armies, numbers: Advance, luck: Luck) -> None:
    """Form a new prong from men whom a swept province no longer needs, if enough men and an unused prong are left."""
    districts, provinces, forces, prongs = land.districts, land.provinces, armies.forces, armies.prongs
    prong = not_yet_raised(prongs)
    men = 0
    base = NOBODY
    for district in range(provinces.first[province], provinces.end[province]):
        if districts.holder[district] == Holder.TALIBAN:
            men += spare_men(forces.men[district], numbers.spare_share)
            if base < 0 or forces.men[district] > forces.men[base]:
                base = district
    if prong < 0 or base < 0 or men < numbers.spearhead_men:
        return
    for district in range(provinces.first[province], provinces.end[province]):
        if districts.holder[district] == Holder.TALIBAN:
            forces.men[district] -= spare_men(forces.men[district], numbers.spare_share)
    form_columns(prong, men, base, districts.holder.size, forces)
    prongs.province[prong] = province
    turn_to_next(prong, land, prongs, numbers, luck)


@rule
def spare_men(local: int, share: float) -> int:
    """Return how many men of a local force can leave its district, held by the Taliban, to join a new prong."""
    return int(share * local)


@rule
def not_yet_raised(prongs: Prongs) -> int:
    """Return the first prong that has not been raised yet, or -1 if all have."""
    for prong in range(prongs.province.size):
        if prongs.province[prong] == NOBODY:
            return prong
    return NOBODY


@rule
def form_columns(prong: int, men: int, base: int, first_mobile: int, forces: Forces) -> None:
    """Divide `men` equally among the columns of a prong, which gather in the district `base`."""
    columns = 0
    for force in range(first_mobile, forces.men.size):
        columns += forces.prong[force] == prong
    left = men
    for force in range(first_mobile, forces.men.size):
        if forces.prong[force] == prong:
            forces.men[force] = left // columns
            forces.district[force] = base
            forces.mode[force] = Mode.GATHER
            forces.mode_days[force] = 0
            left -= left // columns
            columns -= 1


@rule
def rural_left(province: int, land: Land) -> int:
    """Return the number of rural districts of a province that the government still holds."""
    districts, provinces = land.districts, land.provinces
    left = 0
    for district in range(provinces.first[province], provinces.end[province]):
        if not districts.is_capital[district]:
            left += districts.holder[district] == Holder.GOVERNMENT
    return left


@rule
def is_any_left(province: int, land: Land) -> bool:
    """Return whether the government still holds a rural district of the province."""
    districts, provinces = land.districts, land.provinces
    for district in range(provinces.first[province], provinces.end[province]):
        if not districts.is_capital[district]:
            if districts.holder[district] == Holder.GOVERNMENT:
                return True
    return False


@rule
def is_done(prong: int, land: Land, prongs: Prongs, numbers: Advance) -> bool:
    """Return whether a prong has finished with its province.

    A sweep ends when no rural district is left to take, and a siege when the capital has fallen. Either also ends
    after its longest duration.
    """
    districts, provinces = land.districts, land.provinces
    province = prongs.province[prong]
    if prongs.phase[prong] == Phase.SWEEP:
        return prongs.phase_days[prong] >= numbers.sweep_days or not is_any_left(province, land)
    fallen = districts.holder[provinces.capital[province]] == Holder.TALIBAN
    return fallen or prongs.phase_days[prong] >= numbers.siege_sweeps * numbers.sweep_days


@rule
def next_province(prong: int, land: Land, prongs: Prongs, numbers: Advance, luck: Luck) -> int:
    """Return the province that a prong values most, among those that no other prong has chosen.

    The value depends on districts left to take, influence, attention, distance and chance. Provinces whose capital has
    fallen are excluded; if no province remains, the prong stays in its own province.
    """
    districts, provinces, roads = land.districts, land.provinces, land.roads
    here = prongs.province[prong]
    best = here
    highest = -math.inf
    mark_taken(prong, provinces, prongs)
    mark_adjacent(here, land)
    for province in range(provinces.capital.size):
        if provinces.taken[province] or districts.holder[provinces.capital[province]] == Holder.TALIBAN:
            continue
        left = rural_left(province, land)
        value = numbers.remaining * left / max(1, rural_districts(province, land))
        if left == 0:
            value = numbers.siege
        weakness = numbers.weakness * rural_influence(province, land)
        value += weakness + math.log(provinces.attention[province])
        if province != here and provinces.adjacent[province]:
            value += numbers.adjacency
        value -= numbers.distance * roads.between[provinces.capital[here], provinces.capital[province]] / PER_100_KM
        actor = prongs.identity[prong] * 10000 + districts.identity[provinces.capital[province]]
        value += numbers.whim * gumbel(luck, Stream.PROVINCE_CHOICE, actor)
        if value > highest:
            highest = value
            best = province
    return best


@rule
def rural_districts(province: int, land: Land) -> int:
    """Return the number of districts of a province other than its capital."""
    districts, provinces = land.districts, land.provinces
    count = 0
    for district in range(provinces.first[province], provinces.end[province]):
        count += not districts.is_capital[district]
    return count


@rule
def rural_influence(province: int, land: Land) -> float:
    """Return the mean Taliban influence in the districts of a province other than its capital."""
    districts, provinces = land.districts, land.provinces
    total = 0.0
    for district in range(provinces.first[province], provinces.end[province]):
        if not districts.is_capital[district]:
            total += districts.influence[district]
    return total / max(1, rural_districts(province, land))


@rule
def mark_adjacent(province: int, land: Land) -> None:
    """Mark the provinces that border a province; the province itself is marked as well."""
    districts, provinces, roads = land.districts, land.provinces, land.roads
    provinces.adjacent[:] = False
    for district in range(provinces.first[province], provinces.end[province]):
        for link in range(roads.first[district], roads.first[district + 1]):
            provinces.adjacent[districts.province[roads.neighbour[link]]] = True


@rule
def mark_taken(prong: int, provinces: Provinces, prongs: Prongs) -> None:
    """Mark the provinces chosen by prongs other than the given prong."""
    provinces.taken[:] = False
    for other in range(prongs.province.size):
        if other != prong and prongs.province[other] != NOBODY:
            provinces.taken[prongs.province[other]] = True


@rule
def recall_columns(prong: int, forces: Forces) -> None:
    """Stop the columns of a prong and let them gather."""
    for force in range(forces.men.size):
        if forces.prong[force] == prong:
            forces.mode[force] = Mode.GATHER
            forces.mode_days[force] = 0
            forces.losses[force] = 0


@rule
def mark_pressure(provinces: Provinces, prongs: Prongs) -> None:
    """Mark as under pressure the provinces that a prong sweeps or besieges."""
    provinces.under_pressure[:] = False
    for prong in range(prongs.province.size):
        if prongs.province[prong] != NOBODY and prongs.phase[prong] != Phase.GATHER:
            provinces.under_pressure[prongs.province[prong]] = True


@rule
def move_column(force: int, land: Land, armies: Armies, numbers: Advance, today: Today) -> None:
    """March a column to its target, keep it there while it is busy, then send it to the next target."""
    districts, roads, forces, prongs = land.districts, land.roads, armies.forces, armies.prongs
    if forces.men[force] == 0:
        return
    prong = forces.prong[force]
    forces.mode_days[force] += 1
    if forces.mode[force] == Mode.MARCH:
        forces.days_to_go[force] -= 1.0
        if forces.days_to_go[force] <= 0.0:
            forces.district[force] = forces.destination[force]
            forces.mode[force] = Mode.PARLEY
            forces.mode_days[force] = 0
            forces.losses[force] = 0
        return
    if prongs.phase[prong] == Phase.GATHER or is_busy(force, districts, forces, numbers.besiege_patience):
        return
    if forces.mode[force] != Mode.GATHER:
        districts.sought[forces.district[force]] -= 1
    target = next_target(force, land, armies, numbers, luck_in(prongs.province[prong], today))
    forces.mode[force] = Mode.HOLD
    forces.mode_days[force] = 0
    districts.sought[target if target >= 0 else forces.district[force]] += 1
    if target >= 0:
        km = roads.between[forces.district[force], target]
        forces.destination[force] = target
        forces.days_to_go[force] = march_days(km, numbers.march_km_per_day)
        forces.mode[force] = Mode.MARCH


@rule
def is_busy(force: int, districts: Districts, forces: Forces, patience: float) -> bool:
    """Return whether a column negotiates with, assaults or besieges a district that still holds out.

    A siege of a district other than a capital ends after `patience` days.
    """
    mode = forces.mode[force]
    if mode == Mode.BESIEGE and forces.mode_days[force] > patience and not districts.is_capital[forces.district[force]]:
        return False
    at_work = mode == Mode.PARLEY or mode == Mode.ASSAULT or mode == Mode.BESIEGE
    return at_work and districts.holder[forces.district[force]] == Holder.GOVERNMENT


@rule
def next_target(force: int, land: Land, armies: Armies, numbers: Advance, luck: Luck) -> int:
    """Return the district that a column values most in the province of its prong; -1 if no target is left."""
    districts, provinces, roads, garrisons, forces, prongs = (
        land.districts,
        land.provinces,
        land.roads,
        armies.garrisons,
        armies.forces,
        armies.prongs,
    )
    prong = forces.prong[force]
    province = prongs.province[prong]
    best = NOBODY
    highest = -math.inf
    for district in range(provinces.first[province], provinces.end[province]):
        if districts.holder[district] == Holder.TALIBAN:
            continue
        if districts.is_capital[district] != (prongs.phase[prong] == Phase.SIEGE):
            continue
        value = attraction(district, districts, garrisons, numbers)
        value -= numbers.target_distance * roads.between[forces.district[force], district] / PER_100_KM
        value -= numbers.shared_target * districts.sought[district]
        value += gumbel(luck, Stream.DISTRICT_CHOICE, forces.identity[force] * 10000 + districts.identity[district])
        if value > highest:
            highest = value
            best = district
    return best


@rule
def attraction(district: int, districts: Districts, garrisons: Garrisons, numbers: Advance) -> float:
    """Return the value of a district as a target, without the effects of distance, other columns and chance."""
    value = -numbers.target_weak * math.log(1.0 + garrisons.men[district])
    if not districts.connected[district]:
        value += numbers.target_isolated
    value += numbers.target_influence * districts.influence[district]
    if districts.has_post[district] or districts.highway[district]:
        value += numbers.target_value
    if districts.in_ring[district]:
        value += numbers.target_ring
    return value


@rule
def count_sought(districts: Districts, forces: Forces) -> None:
    """Count the columns at each district or on the march to it; gathering columns are not counted."""
    districts.sought[:] = 0
    for force in range(districts.holder.size, forces.men.size):  # local forces are the first rows, one per district
        if forces.men[force] > 0 and forces.mode[force] != Mode.GATHER:
            marches = forces.mode[force] == Mode.MARCH
            districts.sought[forces.destination[force] if marches else forces.district[force]] += 1


@rule
def press(land: Land, armies: Armies, numbers: Advance, today: Today) -> None:
    """Let local forces start or stop pressing their districts, and sometimes attack alone."""
    districts, provinces, forces = land.districts, land.provinces, armies.forces
    for district in range(districts.holder.size):
        force = district  # local forces are the first rows, one per district
        if districts.holder[district] == Holder.TALIBAN or forces.men[force] == 0:
            districts.pressed[district] = False
            forces.mode[force] = Mode.HOLD
            continue
        province = districts.province[district]
        near, luck = provinces.under_pressure[province], luck_in(province, today)
        draw = uniform(luck, Stream.PRESS, districts.identity[district])
        if districts.pressed[district]:
            districts.pressed[district] = not stops_pressing(near, numbers.press_stop, draw)
        else:
            districts.pressed[district] = starts_to_press(
                districts.influence[district], near, numbers.press_start, numbers.press_under_pressure, draw
            )
        probability = numbers.local_assault * (numbers.local_assault_under_pressure if near else 1.0)
        direct_local_force(district, probability, districts, armies, numbers, luck)


@rule
def direct_local_force(
    district: int, probability: float, districts: Districts, armies: Armies, numbers: Advance, luck: Luck
) -> None:
    """Set the mode of a local force: hold if it does not press its district, otherwise parley, assault or siege.

    A force in parley assaults alone with the given probability, if it is strong enough and the district is not a
    capital. A force that called off an assault goes on with its siege.
    """
    force = district  # local forces are the first rows, one per district
    garrisons, forces = armies.garrisons, armies.forces
    forces.mode_days[force] += 1
    if not districts.pressed[district]:
        forces.mode[force] = Mode.HOLD
    elif forces.mode[force] == Mode.HOLD:
        forces.mode[force] = Mode.PARLEY
    strong = forces.men[force] >= numbers.local_assault_ratio * garrisons.men[district]
    may_assault = forces.mode[force] == Mode.PARLEY and strong and not districts.is_capital[district]
    if may_assault and uniform(luck, Stream.LOCAL_ASSAULT, districts.identity[district]) < probability:
        forces.mode[force] = Mode.ASSAULT
        forces.mode_days[force] = 0
        forces.losses[force] = 0
