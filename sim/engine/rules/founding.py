"""Influence, holders, resolve, garrisons and forces are drawn once per campaign, on day 0.

Reads   facts of districts (votes, people, frontage, places), configured strengths.
Writes  influence, resolve, holders, men, morale, supply and places of units, forces and prongs.
Source  evidence F064 (33 of 421 held), F113 and F158 (300,699 on the rolls, 180,000 who fight), F157 (58,000 to
        100,000 Taliban), F101 to F109 (sizes of garrisons and outposts); votes of 2019 as a proxy for the reach of
        the state. The rule never reads the date of a fall.
"""

import math
from typing import NamedTuple

import numpy as np

from sim.engine.bookkeeping import form_garrisons
from sim.engine.chance import Stream, drawn_once, gumbel, logistic, normal, spread_around, uniform
from sim.engine.compile import rule
from sim.engine.rules.advance import mark_taken, rural_districts, rural_influence
from sim.engine.rules.morale import Morale
from sim.engine.rules.supply import Supply
from sim.engine.world import (
    NOBODY,
    Armies,
    Count,
    Districts,
    ForceKind,
    Forces,
    Holder,
    Land,
    Mode,
    Phase,
    Prongs,
    Role,
    Today,
    UnitKind,
    Units,
    UnitState,
)


class Founding(NamedTuple):
    """Parameters of the rule for day 0; values, ranges and sources are in `configs/rules/founding.yaml`."""

    taliban_share: float  # share of districts: districts held by the Taliban on day 0
    held_sharpness: float  # per unit of reach: how sharply the odds of being held fall with votes per head
    influence_bias: float  # logit: influence in a district with ordinary turnout
    influence_votes: float  # per unit of reach: how influence falls with votes per head
    influence_spread: float  # logit: standard deviation of lasting differences in influence between districts
    votes_scale: float  # votes per head: turnout at which the presence of the state is average
    votes_floor: float  # share of the scale: added to votes so that the logarithm is finite without votes
    resolve_province: float  # standard deviations: lasting difference between provincial commands
    resolve_district: float  # standard deviations: lasting difference between district commands
    resolve_unit: float  # standard deviations: spread of resolve between units
    fighting_men: int  # men: men of all government units on day 0
    rolls: int  # men: men on paper; the gap to those who fight is the ghost share
    police_men: float  # men: police garrison of a rural district centre
    militia_men: float  # men: local militia where there is one
    militia_share: float  # share of districts: rural districts with a local militia
    outposts: int  # outposts: outposts of a rural district
    outpost_men: float  # men: men of an outpost
    highway_army_men: float  # men: army company of a rural district on a highway
    capital_army_units: int  # units: army units of a provincial capital
    border_post_men: float  # men: border force at a crossing point
    border_men_per_km: float  # men per km: border force along the Tajik frontage
    commando_columns: int  # columns: columns in the national reserve
    commando_men: float  # men: men of a commando column
    size_spread: float  # log standard deviation: spread of garrison sizes between districts
    taliban_men: int  # men: all Taliban forces on day 0
    mobile_men: int  # men: men of mobile columns
    prongs: int  # prongs: largest number of prongs at one time
    first_prongs: int  # prongs: prongs on day 0; the others are raised from men of swept provinces
    columns_per_prong: int  # columns: mobile forces of a prong
    first_gather_days: float  # days: mean preparation before the first sweep
    first_gather_spread: float  # share: half-width of the distribution of preparation times, relative to the mean
    start_attention: float  # weight: attention of Taliban policy to a region, in the choice of first targets
    start_weakness: float  # weight: mean influence in a province, in the choice of first targets
    start_mountain: float  # weight: penalty for high mountains, in the choice of first targets
    start_whim: float  # weight: random variation in the choice of the first targets


@rule
def state_absence(votes_per_head: float, scale: float, floor: float) -> float:
    """Return a measure of how absent the state is from a district, which is 0 if votes per head equal `scale`.

    It is positive if fewer people voted, and negative if more did: minus the natural logarithm of votes per head
    divided by `scale`, after `floor` times `scale` is added to both, so that it is finite even without votes.
    """
    return -math.log((votes_per_head + floor * scale) / ((1.0 + floor) * scale))


@rule
def draw_day_zero(land: Land, armies: Armies, numbers: Founding, morale: Morale, supply: Supply, today: Today) -> None:
    """Draw everything that differs between campaigns on day 0: influence, then holders, then men on both sides.

    Args:
        land: Influence, holders, resolve and the draws for thresholds are written.
        armies: Men, morale and places of both sides are written.
        numbers: Parameters of the rule for day 0.
        morale: Parameters of the morale rule, which set the initial morale of units.
        supply: Parameters of the supply rule, which set the initial supply of units.
        today: Source of the random draws of day 0; the running totals are written.
    """
    districts, units, forces = land.districts, armies.units, armies.forces
    draw_influence(districts, numbers, today.lasting)
    draw_holders(districts, numbers, today.lasting)
    draw_resolve(land, units, numbers, today.lasting)
    size_garrisons(land, units, numbers, today)
    for unit in range(units.men.size):
        units.morale[unit] = min(1.0, max(0.0, morale.base + morale.resolve * units.resolve[unit]))
        units.supply_days[unit] = supply.full_days
    form_garrisons(armies.garrisons, units)
    size_forces(districts, forces, numbers)
    place_prongs(land, armies, numbers, today.lasting)


@rule
def draw_influence(districts: Districts, numbers: Founding, lasting: np.ndarray) -> None:
    """Draw Taliban influence in each district; it tends to be higher where fewer people voted."""
    for district in range(districts.influence.size):
        score = numbers.influence_bias
        score += numbers.influence_votes * state_absence(
            districts.votes_per_head[district], numbers.votes_scale, numbers.votes_floor
        )
        here = drawn_once(lasting, districts.province[district])
        score += numbers.influence_spread * normal(here, Stream.INFLUENCE, districts.identity[district])
        districts.influence[district] = logistic(score)


@rule
def draw_holders(districts: Districts, numbers: Founding, lasting: np.ndarray) -> None:
    """Choose at random the rural districts that the Taliban hold on day 0, preferring those where fewer people voted.

    Their number follows from `taliban_share`.
    """
    for district in range(districts.holder.size):
        score = numbers.held_sharpness * state_absence(
            districts.votes_per_head[district], numbers.votes_scale, numbers.votes_floor
        )
        here = drawn_once(lasting, districts.province[district])
        districts.held_score[district] = score + gumbel(here, Stream.HELD_ON_DAY_0, districts.identity[district])
    for _ in range(int(numbers.taliban_share * districts.holder.size + 0.5)):
        best = NOBODY
        highest = -math.inf
        for district in range(districts.holder.size):
            if districts.held_score[district] <= highest or districts.is_capital[district]:
                continue
            if districts.holder[district] != Holder.TALIBAN:
                highest = districts.held_score[district]
                best = district
        districts.holder[best] = Holder.TALIBAN


@rule
def draw_resolve(land: Land, units: Units, numbers: Founding, lasting: np.ndarray) -> None:
    """Draw the lasting resolve of each province, district and unit, and the threshold of each district."""
    districts, provinces = land.districts, land.provinces
    for province in range(provinces.resolve.size):
        actor = districts.identity[provinces.capital[province]]
        here = drawn_once(lasting, province)
        provinces.resolve[province] = numbers.resolve_province * normal(here, Stream.PROVINCE_RESOLVE, actor)
    for district in range(districts.resolve.size):
        province = districts.province[district]
        here = drawn_once(lasting, province)
        own = numbers.resolve_district * normal(here, Stream.DISTRICT_RESOLVE, districts.identity[district])
        districts.resolve[district] = provinces.resolve[province] + own
        districts.threshold_draw[district] = normal(here, Stream.THRESHOLD, districts.identity[district])
    for unit in range(units.resolve.size):
        here = drawn_once(lasting, districts.province[units.home[unit]])
        own = numbers.resolve_unit * normal(here, Stream.UNIT_RESOLVE, units.identity[unit])
        units.resolve[unit] = districts.resolve[units.home[unit]] + own


@rule
def usual_size(unit: int, districts: Districts, units: Units, numbers: Founding, lasting: np.ndarray) -> float:
    """Return the number of men of a unit outside a provincial capital, before the random factor of its district.

    Whether a militia unit has any men is drawn at random.
    """
    kind = units.kind[unit]
    if kind == UnitKind.COMMANDO:
        return numbers.commando_men
    if kind == UnitKind.BORDER:
        if units.role[unit] == Role.GARRISON:
            return numbers.border_post_men
        return numbers.border_men_per_km * districts.frontier_km[units.home[unit]]
    if units.role[unit] == Role.OUTPOST:
        return numbers.outpost_men
    if kind == UnitKind.ARMY:
        return numbers.highway_army_men
    if kind == UnitKind.POLICE:
        return numbers.police_men
    here = drawn_once(lasting, districts.province[units.home[unit]])
    has_one = uniform(here, Stream.GARRISON_SIZE, units.identity[unit] + 500) < numbers.militia_share
    return numbers.militia_men if has_one else 0.0


@rule
def size_garrisons(land: Land, units: Units, numbers: Founding, today: Today) -> None:
    """Set the size of every unit and station it.

    Units of capitals, except commando columns, share the men who are left after all other units.
    """
    districts = land.districts
    left = numbers.fighting_men
    total = 0.0
    for unit in range(units.men.size):
        total += weight_in_capital(unit, districts, units)
        if not is_of_capital(unit, districts, units):
            units.founded[unit] = rural_size(unit, districts, units, numbers, today.lasting)
            left -= units.founded[unit]
    if left < 0:
        today.tally[Count.CANNOT_GO_ON] = 3
        left = 0
    before = 0.0
    for unit in range(units.men.size):
        if is_of_capital(unit, districts, units):
            after = before + weight_in_capital(unit, districts, units)
            units.founded[unit] = part_of(left, before, after, total)
            before = after
        station(unit, numbers.rolls / numbers.fighting_men, land, units)


@rule
def is_of_capital(unit: int, districts: Districts, units: Units) -> bool:
    """Return whether a unit's home is a provincial capital and the unit is not a commando column."""
    return districts.is_capital[units.home[unit]] and units.kind[unit] != UnitKind.COMMANDO


@rule
def weight_in_capital(unit: int, districts: Districts, units: Units) -> float:
    """Return the weight of a unit of a capital when men are divided: the square root of the capital's population.

    It is 0 for units outside capitals, for commando columns and for militia, since capitals have no militia on day 0.
    """
    if not is_of_capital(unit, districts, units) or units.kind[unit] == UnitKind.MILITIA:
        return 0.0
    return math.sqrt(districts.population[units.home[unit]])


@rule
def rural_size(unit: int, districts: Districts, units: Units, numbers: Founding, lasting: np.ndarray) -> int:
    """Return the number of men of a unit outside a capital: its usual size times a random factor of its district.

    Commando columns always have their usual size.
    """
    factor = 1.0
    if units.kind[unit] != UnitKind.COMMANDO:
        home = units.home[unit]
        here = drawn_once(lasting, districts.province[home])
        deviation = normal(here, Stream.GARRISON_SIZE, districts.identity[home])
        factor = math.exp(numbers.size_spread * deviation)
    return int(usual_size(unit, districts, units, numbers, lasting) * factor + 0.5)


@rule
def part_of(men: int, before: float, after: float, total: float) -> int:
    """Return how many of `men` one unit or force gets when they are divided by weights that add up to `total`.

    `before` is the sum of all weights before its own, and `after` that sum plus its own weight; so the rounded parts
    add up to `men`.
    """
    return int(men * after / total + 0.5) - int(men * before / total + 0.5)


@rule
def station(unit: int, paper: float, land: Land, units: Units) -> None:
    """Set the men and state of a unit, and place it in its home district.

    If the Taliban hold that district, the unit is placed in the provincial capital instead.
    """
    districts, provinces = land.districts, land.provinces
    home = units.home[unit]
    men = units.founded[unit]
    units.men[unit] = men
    units.paper[unit] = int(men * paper + 0.5)
    units.district[unit] = home
    if districts.holder[home] == Holder.TALIBAN:
        units.district[unit] = provinces.capital[districts.province[home]]
    units.state[unit] = UnitState.RESERVE if units.kind[unit] == UnitKind.COMMANDO else UnitState.HOLDING


@rule
def size_forces(districts: Districts, forces: Forces, numbers: Founding) -> None:
    """Set the men of all forces on day 0.

    Local men are divided by influence and population, mobile men equally among the columns of the first prongs.
    """
    count = districts.influence.size
    columns = min(numbers.first_prongs, numbers.prongs) * numbers.columns_per_prong
    total = 0.0
    for district in range(count):
        total += weight_of_local(district, districts)
    before = 0.0
    for force in range(forces.men.size):
        if forces.kind[force] == ForceKind.LOCAL:
            after = before + weight_of_local(force, districts)
            forces.men[force] = part_of(numbers.taliban_men - numbers.mobile_men, before, after, total)
            forces.mode[force] = Mode.HOLD
            before = after
        else:
            column = 1.0 * (force - count)
            if column < columns:
                forces.men[force] = part_of(numbers.mobile_men, column, column + 1.0, 1.0 * columns)
            forces.mode[force] = Mode.GATHER


@rule
def weight_of_local(district: int, districts: Districts) -> float:
    """Return the weight of a local force when men are divided: influence times the square root of the population."""
    return districts.influence[district] * math.sqrt(districts.population[district])


@rule
def place_prongs(land: Land, armies: Armies, numbers: Founding, lasting: np.ndarray) -> None:
    """Place the first prongs in provinces with high attention, high Taliban influence and few mountains.

    The choice varies at random between campaigns.
    """
    forces, prongs = armies.forces, armies.prongs
    for prong in range(prongs.province.size):
        prongs.province[prong] = NOBODY
    for prong in range(min(numbers.first_prongs, prongs.province.size)):
        province = first_target(prong, land, prongs, numbers, lasting)
        prongs.province[prong] = province
        prongs.phase[prong] = Phase.GATHER
        here = drawn_once(lasting, province)
        draw = uniform(here, Stream.PRONG_GATHER, prongs.identity[prong])
        prongs.days_left[prong] = spread_around(numbers.first_gather_days, numbers.first_gather_spread, draw)
        base = friendliest(province, land)
        for force in range(forces.men.size):
            if forces.prong[force] == prong:
                forces.district[force] = base


@rule
def first_target(prong: int, land: Land, prongs: Prongs, numbers: Founding, lasting: np.ndarray) -> int:
    """Return the province with the highest value as a first target, among those that no other prong has chosen."""
    districts, provinces = land.districts, land.provinces
    best = 0
    highest = -math.inf
    mark_taken(prong, provinces, prongs)
    for province in range(provinces.capital.size):
        if provinces.taken[province]:
            continue
        value = numbers.start_weakness * rural_influence(province, land)
        value -= numbers.start_mountain * rural_mountain(province, land)
        value += numbers.start_attention * math.log(provinces.attention[province])
        actor = districts.identity[provinces.capital[province]]
        here = drawn_once(lasting, province)
        value += numbers.start_whim * gumbel(here, Stream.PRONG_START, actor)
        if value > highest:
            highest = value
            best = province
    return best


@rule
def rural_mountain(province: int, land: Land) -> float:
    """Return the mean mountain index of a province's rural districts, from 0 (plain) to 1 (high mountain)."""
    districts, provinces = land.districts, land.provinces
    total = 0.0
    for district in range(provinces.first[province], provinces.end[province]):
        if not districts.is_capital[district]:
            total += districts.mountain[district]
    return total / max(1, rural_districts(province, land))


@rule
def friendliest(province: int, land: Land) -> int:
    """Return a province's rural district with the highest Taliban influence, or its capital if no district is rural."""
    districts, provinces = land.districts, land.provinces
    best = NOBODY
    for district in range(provinces.first[province], provinces.end[province]):
        if districts.is_capital[district]:
            continue
        if best < 0 or districts.influence[district] > districts.influence[best]:
            best = district
    return provinces.capital[province] if best < 0 else best
