"""Spearheads gather, sweep a province, choose the next and multiply; local forces press at home.

Reads   holders, influence, garrisons, roads, attention that policy gives to a region.
Writes  prongs, mobile forces on the march or before a district, pressed districts, provinces under pressure.
Source  article 4 and AAN ("a preemptive strike to prevent a northern opposition"); evidence F072, F073, F079, F089,
        F101. Assumption: a prong never besieges a capital while its province has rural districts left to take, and
        its first move waits for weeks of preparation after the withdrawal begins (guess). Men whom a swept province
        no longer needs form a new spearhead (guess; from F099, F100 and F064 to F066, falls doubled within a week).
"""

import math
from typing import NamedTuple

from sim.engine.bookkeeping import note
from sim.engine.chance import Luck, Stream, draw, gumbel
from sim.engine.compile import rule
from sim.engine.world import (
    NOBODY,
    Districts,
    Event,
    Forces,
    Garrisons,
    Holder,
    Log,
    Mode,
    Phase,
    Prongs,
    Provinces,
    Roads,
    Whole,
)


class Advance(NamedTuple):
    """Numbers of the rule; meaning, unit, source and range in `configs/rules/advance.yaml`."""

    march_km_per_day: float
    gather_days: float
    gather_spread: float
    sweep_days: float
    adjacency: float
    distance: float
    weakness: float
    remaining: float
    siege: float
    whim: float
    target_weak: float
    target_isolated: float
    target_influence: float
    target_value: float
    target_ring: float
    target_distance: float
    shared_target: float
    press_start: float
    press_stop: float
    press_under_pressure: float
    local_assault: float
    local_assault_under_pressure: float
    local_assault_ratio: float
    besiege_patience: float
    spare_share: float
    spearhead_men: float


@rule
def starts_to_press(influence: float, under_pressure: bool, chance: float, boost: float, luck: float) -> bool:
    """Local forces come out where the Taliban already rule daily life, and when a spearhead is near."""
    factor = boost if under_pressure else 1.0
    return luck < chance * influence * factor


@rule
def stops_pressing(under_pressure: bool, chance: float, luck: float) -> bool:
    """Pressure lets up by chance, but never while a spearhead sweeps the province."""
    return not under_pressure and luck < chance


@rule
def march_days(km: float, km_per_day: float) -> float:
    """A march takes at least a day."""
    return max(1.0, math.ceil(km / km_per_day))


@rule
def advance(  # the walk needs both sides and the map
    districts: Districts,
    provinces: Provinces,
    roads: Roads,
    garrisons: Garrisons,
    forces: Forces,
    prongs: Prongs,
    numbers: Advance,
    luck: Luck,
    log: Log,
    tally: Whole,
) -> None:
    """Prongs decide first, their columns obey, local forces follow suit."""
    for prong in range(prongs.province.size):
        lead(prong, districts, provinces, roads, garrisons, forces, prongs, numbers, luck, log, tally)
    mark_pressure(districts, provinces, prongs)
    count_sought(districts, forces)
    for force in range(districts.holder.size, forces.men.size):  # local forces are the first rows, one a district
        move_column(force, districts, provinces, roads, garrisons, forces, prongs, numbers, luck)
    press(districts, provinces, garrisons, forces, numbers, luck)


@rule
def lead(  # the walk needs both sides and the map
    prong: int,
    districts: Districts,
    provinces: Provinces,
    roads: Roads,
    garrisons: Garrisons,
    forces: Forces,
    prongs: Prongs,
    numbers: Advance,
    luck: Luck,
    log: Log,
    tally: Whole,
) -> None:
    """Gather until ready, then sweep until the province is done, then choose the next and gather again."""
    if prongs.province[prong] == NOBODY:  # not raised yet
        return
    prongs.phase_days[prong] += 1
    if prongs.phase[prong] == Phase.GATHER:
        prongs.days_left[prong] -= 1.0
        if prongs.days_left[prong] <= 0.0:
            left = is_any_left(prongs.province[prong], districts, provinces)
            prongs.phase[prong] = Phase.SWEEP if left else Phase.SIEGE
            prongs.phase_days[prong] = 0
            note(log, tally, luck.day, Event.PRONG_MOVES, provinces.capital[prongs.province[prong]], prong, 0, 0, 0)
        return
    if is_done(prong, districts, provinces, prongs, numbers.sweep_days):
        swept = prongs.province[prong]
        provinces.swept_on[swept] = luck.day
        turn_to_next(prong, districts, provinces, roads, prongs, numbers, luck)
        call_together(prong, forces)
        raise_spearhead(swept, districts, provinces, roads, forces, prongs, numbers, luck)


@rule
def turn_to_next(
    prong: int,
    districts: Districts,
    provinces: Provinces,
    roads: Roads,
    prongs: Prongs,
    numbers: Advance,
    luck: Luck,
) -> None:
    """The prong has its next province in mind and gathers for days."""
    prongs.province[prong] = next_province(prong, districts, provinces, roads, prongs, numbers, luck)
    prongs.phase[prong] = Phase.GATHER
    prongs.phase_days[prong] = 0
    spread = 2.0 * draw(luck, Stream.PRONG_GATHER, prongs.identity[prong]) - 1.0
    prongs.days_left[prong] = numbers.gather_days * (1.0 + numbers.gather_spread * spread)


@rule
def raise_spearhead(
    province: int,
    districts: Districts,
    provinces: Provinces,
    roads: Roads,
    forces: Forces,
    prongs: Prongs,
    numbers: Advance,
    luck: Luck,
) -> None:
    """Men whom a swept province no longer needs at home form a new spearhead, if there are enough of them."""
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
    turn_to_next(prong, districts, provinces, roads, prongs, numbers, luck)


@rule
def spare_men(local: int, share: float) -> int:
    """Whole men of a local force who can leave a district that is won."""
    return int(share * local)


@rule
def not_yet_raised(prongs: Prongs) -> int:
    """The first spearhead that is still to come, or -1."""
    for prong in range(prongs.province.size):
        if prongs.province[prong] == NOBODY:
            return prong
    return NOBODY


@rule
def form_columns(prong: int, men: int, base: int, first_mobile: int, forces: Forces) -> None:
    """The men are shared out over the columns of the spearhead, which gather at the base."""
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
def rural_left(province: int, districts: Districts, provinces: Provinces) -> int:
    """Districts of a province, the capital aside, that the government still holds."""
    left = 0
    for district in range(provinces.first[province], provinces.end[province]):
        if not districts.is_capital[district]:
            left += districts.holder[district] == Holder.GOVERNMENT
    return left


@rule
def is_any_left(province: int, districts: Districts, provinces: Provinces) -> bool:
    """The government still holds a district of the province beside the capital."""
    for district in range(provinces.first[province], provinces.end[province]):
        if not districts.is_capital[district]:
            if districts.holder[district] == Holder.GOVERNMENT:
                return True
    return False


@rule
def is_done(prong: int, districts: Districts, provinces: Provinces, prongs: Prongs, sweep_days: float) -> bool:
    """A sweep ends when nothing rural is left or its time is up; a siege when the capital falls or time is up."""
    province = prongs.province[prong]
    if prongs.phase[prong] == Phase.SWEEP:
        return prongs.phase_days[prong] >= sweep_days or not is_any_left(province, districts, provinces)
    fallen = districts.holder[provinces.capital[province]] == Holder.TALIBAN
    return fallen or prongs.phase_days[prong] >= 3.0 * sweep_days


@rule
def next_province(
    prong: int,
    districts: Districts,
    provinces: Provinces,
    roads: Roads,
    prongs: Prongs,
    numbers: Advance,
    luck: Luck,
) -> int:
    """The best by nearness, weakness, attention and what is left to take; no two prongs choose one province."""
    here = prongs.province[prong]
    best = here
    highest = -1e9
    mark_taken(prong, provinces, prongs)
    mark_beside(here, districts, provinces, roads)
    for province in range(provinces.capital.size):
        if provinces.taken[province] or districts.holder[provinces.capital[province]] == Holder.TALIBAN:
            continue
        left = rural_left(province, districts, provinces)
        value = numbers.remaining * left / max(1, rural_districts(province, districts, provinces))
        if left == 0:
            value = numbers.siege
        weakness = numbers.weakness * rural_influence(province, districts, provinces)
        value += weakness + math.log(provinces.attention[province])
        if province != here and provinces.beside[province]:
            value += numbers.adjacency
        value -= numbers.distance * roads.between[provinces.capital[here], provinces.capital[province]] / 100.0
        actor = prongs.identity[prong] * 10000 + districts.identity[provinces.capital[province]]
        value += numbers.whim * gumbel(luck, Stream.PROVINCE_CHOICE, actor)
        if value > highest:
            highest = value
            best = province
    return best


@rule
def rural_districts(province: int, districts: Districts, provinces: Provinces) -> int:
    """Districts of a province, the capital aside."""
    count = 0
    for district in range(provinces.first[province], provinces.end[province]):
        count += not districts.is_capital[district]
    return count


@rule
def rural_influence(province: int, districts: Districts, provinces: Provinces) -> float:
    """Mean influence of the Taliban in the districts of a province, the capital aside."""
    total = 0.0
    for district in range(provinces.first[province], provinces.end[province]):
        if not districts.is_capital[district]:
            total += districts.influence[district]
    return total / max(1, rural_districts(province, districts, provinces))


@rule
def mark_beside(province: int, districts: Districts, provinces: Provinces, roads: Roads) -> None:
    """The provinces in which a district is next to a district of this one; itself among them."""
    provinces.beside[:] = False
    for district in range(provinces.first[province], provinces.end[province]):
        for link in range(roads.first[district], roads.first[district + 1]):
            provinces.beside[districts.province[roads.neighbour[link]]] = True


@rule
def mark_taken(prong: int, provinces: Provinces, prongs: Prongs) -> None:
    """The provinces that other prongs already have in mind."""
    provinces.taken[:] = False
    for other in range(prongs.province.size):
        if other != prong and prongs.province[other] != NOBODY:
            provinces.taken[prongs.province[other]] = True


@rule
def call_together(prong: int, forces: Forces) -> None:
    """The columns leave what they do and gather."""
    for force in range(forces.men.size):
        if forces.prong[force] == prong:
            forces.mode[force] = Mode.GATHER
            forces.mode_days[force] = 0
            forces.losses[force] = 0


@rule
def mark_pressure(districts: Districts, provinces: Provinces, prongs: Prongs) -> None:
    """A province is under pressure while a prong is at work in it."""
    provinces.under_pressure[:] = False
    for prong in range(prongs.province.size):
        if prongs.province[prong] != NOBODY and prongs.phase[prong] != Phase.GATHER:
            provinces.under_pressure[prongs.province[prong]] = True


@rule
def move_column(
    force: int,
    districts: Districts,
    provinces: Provinces,
    roads: Roads,
    garrisons: Garrisons,
    forces: Forces,
    prongs: Prongs,
    numbers: Advance,
    luck: Luck,
) -> None:
    """A column marches to its target, stays before it while the place holds out, and then takes the next."""
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
    target = next_target(force, districts, provinces, roads, garrisons, forces, prongs, numbers, luck)
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
    """It parleys, assaults or besieges a district that still holds out, within its patience."""
    mode = forces.mode[force]
    if mode == Mode.BESIEGE and forces.mode_days[force] > patience and not districts.is_capital[forces.district[force]]:
        return False
    at_work = mode == Mode.PARLEY or mode == Mode.ASSAULT or mode == Mode.BESIEGE
    return at_work and districts.holder[forces.district[force]] == Holder.GOVERNMENT


@rule
def next_target(
    force: int,
    districts: Districts,
    provinces: Provinces,
    roads: Roads,
    garrisons: Garrisons,
    forces: Forces,
    prongs: Prongs,
    numbers: Advance,
    luck: Luck,
) -> int:
    """The best district of the target province: weak, isolated, friendly, valuable, near; -1 if none is left."""
    prong = forces.prong[force]
    province = prongs.province[prong]
    best = NOBODY
    highest = -1e9
    for district in range(provinces.first[province], provinces.end[province]):
        if districts.holder[district] == Holder.TALIBAN:
            continue
        if districts.is_capital[district] != (prongs.phase[prong] == Phase.SIEGE):
            continue
        value = attraction(district, districts, garrisons, numbers)
        value -= numbers.target_distance * roads.between[forces.district[force], district] / 100.0
        value -= numbers.shared_target * districts.sought[district]
        value += gumbel(luck, Stream.DISTRICT_CHOICE, forces.identity[force] * 10000 + districts.identity[district])
        if value > highest:
            highest = value
            best = district
    return best


@rule
def attraction(district: int, districts: Districts, garrisons: Garrisons, numbers: Advance) -> float:
    """What makes a district worth taking, wherever the column stands."""
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
    """Columns before each district, or on the way to it; those that gather are neither."""
    districts.sought[:] = 0
    for force in range(districts.holder.size, forces.men.size):  # local forces are the first rows, one a district
        if forces.men[force] > 0 and forces.mode[force] != Mode.GATHER:
            marches = forces.mode[force] == Mode.MARCH
            districts.sought[forces.destination[force] if marches else forces.district[force]] += 1


@rule
def press(
    districts: Districts,
    provinces: Provinces,
    garrisons: Garrisons,
    forces: Forces,
    numbers: Advance,
    luck: Luck,
) -> None:
    """Local forces come out or go home, and now and then attack alone."""
    for district in range(districts.holder.size):
        force = district  # local forces are the first rows, one a district
        if districts.holder[district] == Holder.TALIBAN or forces.men[force] == 0:
            districts.pressed[district] = False
            forces.mode[force] = Mode.HOLD
            continue
        near = provinces.under_pressure[districts.province[district]]
        lot = draw(luck, Stream.PRESS, districts.identity[district])
        if districts.pressed[district]:
            districts.pressed[district] = not stops_pressing(near, numbers.press_stop, lot)
        else:
            districts.pressed[district] = starts_to_press(
                districts.influence[district], near, numbers.press_start, numbers.press_under_pressure, lot
            )
        chance = numbers.local_assault * (numbers.local_assault_under_pressure if near else 1.0)
        choose_local_mode(force, district, chance, districts, garrisons, forces, numbers, luck)


@rule
def choose_local_mode(
    force: int,
    district: int,
    chance: float,
    districts: Districts,
    garrisons: Garrisons,
    forces: Forces,
    numbers: Advance,
    luck: Luck,
) -> None:
    """A local force holds, sends elders while it presses, and assaults alone by this chance."""
    forces.mode_days[force] += 1
    if not districts.pressed[district]:
        forces.mode[force] = Mode.HOLD
    elif forces.mode[force] == Mode.HOLD:
        forces.mode[force] = Mode.PARLEY
    strong = forces.men[force] >= numbers.local_assault_ratio * garrisons.men[district]
    may_assault = forces.mode[force] == Mode.PARLEY and strong and not districts.is_capital[district]
    if may_assault and draw(luck, Stream.LOCAL_ASSAULT, districts.identity[district]) < chance:
        forces.mode[force] = Mode.ASSAULT
        forces.mode_days[force] = 0
        forces.losses[force] = 0
