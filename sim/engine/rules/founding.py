"""Day 0: influence, lasting differences, holders, garrisons and forces are drawn once and never re-rolled.

Reads   facts of districts (votes, people, frontage, places), configured strengths.
Writes  everything that differs between campaigns on day 0.
Source  evidence F064 (33 of 421 held), F113 and F158 (300,699 on the rolls, 180,000 who fight), F157 (58,000 to
        100,000 Taliban), F101 to F109 (sizes of garrisons and outposts); votes of 2019 as a stand-in for the reach of
        the government. Never reads a fall date.
"""

import math
from typing import NamedTuple

from sim.engine.chance import Luck, Stream, draw, gumbel, logistic, normal
from sim.engine.compile import rule
from sim.engine.rules.advance import mark_taken, rural_districts, rural_influence
from sim.engine.world import (
    NOBODY,
    Count,
    Districts,
    ForceKind,
    Forces,
    Holder,
    Mode,
    Phase,
    Prongs,
    Provinces,
    Role,
    UnitKind,
    Units,
    UnitState,
    Whole,
)


class Founding(NamedTuple):
    """Numbers of the rule; meaning, unit, source and range in `configs/rules/founding.yaml`."""

    taliban_share: float
    held_sharpness: float
    influence_bias: float
    influence_votes: float
    influence_spread: float
    votes_scale: float
    resolve_province: float
    resolve_district: float
    resolve_unit: float
    fighting_men: int
    rolls: int
    police_men: float
    militia_men: float
    militia_share: float
    outposts: int
    outpost_men: float
    highway_army_men: float
    border_post_men: float
    border_men_per_km: float
    commando_columns: int
    commando_men: float
    size_spread: float
    taliban_men: int
    mobile_men: int
    prongs: int
    first_prongs: int
    columns_per_prong: int
    first_gather_days: float
    first_gather_spread: float
    start_attention: float
    start_weakness: float
    start_mountain: float
    start_whim: float


@rule
def distance_of_state(votes_per_head: float, scale: float) -> float:
    """0 where votes per head are at the scale, above where the state reaches less far."""
    return -math.log((votes_per_head + 0.15 * scale) / (1.15 * scale))


@rule
def draw_day_zero(
    districts: Districts,
    provinces: Provinces,
    units: Units,
    forces: Forces,
    prongs: Prongs,
    base_morale: float,
    resolve_weight: float,
    full_days: float,
    numbers: Founding,
    luck: Luck,
    tally: Whole,
) -> None:
    """Influence first, then who holds what, then men on both sides."""
    draw_influence(districts, numbers, luck)
    draw_holders(districts, numbers, luck)
    draw_resolve(districts, provinces, units, numbers, luck)
    size_garrisons(districts, provinces, units, numbers, luck, tally)
    for unit in range(units.men.size):
        units.morale[unit] = min(1.0, max(0.0, base_morale + resolve_weight * units.resolve[unit]))
        units.supply_days[unit] = full_days
    size_forces(districts, forces, numbers)
    place_prongs(districts, provinces, forces, prongs, numbers, luck)


@rule
def draw_influence(districts: Districts, numbers: Founding, luck: Luck) -> None:
    """More where fewer voted, with lasting differences between districts."""
    for district in range(districts.influence.size):
        score = numbers.influence_bias
        score += numbers.influence_votes * distance_of_state(districts.votes_per_head[district], numbers.votes_scale)
        score += numbers.influence_spread * normal(luck, Stream.INFLUENCE, districts.identity[district])
        districts.influence[district] = logistic(score)


@rule
def draw_holders(districts: Districts, numbers: Founding, luck: Luck) -> None:
    """As many rural districts as reported are Taliban-held, drawn with odds that fall with votes per head."""
    for district in range(districts.holder.size):
        lot = numbers.held_sharpness * distance_of_state(districts.votes_per_head[district], numbers.votes_scale)
        districts.lot[district] = lot + gumbel(luck, Stream.HELD_ON_DAY_0, districts.identity[district])
    for _ in range(int(numbers.taliban_share * districts.holder.size + 0.5)):
        best = NOBODY
        highest = -1e9
        for district in range(districts.holder.size):
            if districts.lot[district] <= highest or districts.is_capital[district]:
                continue
            if districts.holder[district] != Holder.TALIBAN:
                highest = districts.lot[district]
                best = district
        districts.holder[best] = Holder.TALIBAN


@rule
def draw_resolve(districts: Districts, provinces: Provinces, units: Units, numbers: Founding, luck: Luck) -> None:
    """Commands differ by province, by district and by unit, for the whole campaign."""
    for province in range(provinces.resolve.size):
        actor = districts.identity[provinces.capital[province]]
        provinces.resolve[province] = numbers.resolve_province * normal(luck, Stream.PROVINCE_RESOLVE, actor)
    for district in range(districts.resolve.size):
        own = numbers.resolve_district * normal(luck, Stream.DISTRICT_RESOLVE, districts.identity[district])
        districts.resolve[district] = provinces.resolve[districts.province[district]] + own
        districts.threshold_lot[district] = normal(luck, Stream.THRESHOLD, districts.identity[district])
    for unit in range(units.resolve.size):
        own = numbers.resolve_unit * normal(luck, Stream.UNIT_RESOLVE, units.identity[unit])
        units.resolve[unit] = districts.resolve[units.home[unit]] + own


@rule
def usual_size(unit: int, districts: Districts, units: Units, numbers: Founding, luck: Luck) -> float:
    """Men of a unit outside a provincial capital, before its own share of chance."""
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
    has_one = draw(luck, Stream.GARRISON_SIZE, units.identity[unit] + 500) < numbers.militia_share
    return numbers.militia_men if has_one else 0.0


@rule
def size_garrisons(
    districts: Districts, provinces: Provinces, units: Units, numbers: Founding, luck: Luck, tally: Whole
) -> None:
    """Rural units have their usual sizes; the provincial capitals share the rest of all who fight."""
    left = numbers.fighting_men
    total = 0.0
    for unit in range(units.men.size):
        total += weight_in_capital(unit, districts, units)
        if not is_of_capital(unit, districts, units):
            units.founded[unit] = rural_size(unit, districts, units, numbers, luck)
            left -= units.founded[unit]
    if left < 0:
        tally[Count.CANNOT_GO_ON] = 3
        left = 0
    before = 0.0
    for unit in range(units.men.size):
        if is_of_capital(unit, districts, units):
            after = before + weight_in_capital(unit, districts, units)
            units.founded[unit] = part_of(left, before, after, total)
            before = after
        station(unit, numbers.rolls / numbers.fighting_men, districts, provinces, units)


@rule
def is_of_capital(unit: int, districts: Districts, units: Units) -> bool:
    """Police and army of a provincial capital, and the militia that may be raised there."""
    return districts.is_capital[units.home[unit]] and units.kind[unit] != UnitKind.COMMANDO


@rule
def weight_in_capital(unit: int, districts: Districts, units: Units) -> float:
    """Larger cities have more men, by the square root of their people; no militia stands there on day 0."""
    if not is_of_capital(unit, districts, units) or units.kind[unit] == UnitKind.MILITIA:
        return 0.0
    return math.sqrt(districts.population[units.home[unit]])


@rule
def rural_size(unit: int, districts: Districts, units: Units, numbers: Founding, luck: Luck) -> int:
    """The usual size times what chance gives to the district; commando columns are all alike."""
    factor = 1.0
    if units.kind[unit] != UnitKind.COMMANDO:
        chance = normal(luck, Stream.GARRISON_SIZE, districts.identity[units.home[unit]])
        factor = math.exp(numbers.size_spread * chance)
    return int(usual_size(unit, districts, units, numbers, luck) * factor + 0.5)


@rule
def part_of(men: int, before: float, after: float, total: float) -> int:
    """Whole men for the stretch from `before` to `after` of `total`; consecutive stretches add up to all men."""
    return int(men * after / total + 0.5) - int(men * before / total + 0.5)


@rule
def station(unit: int, paper: float, districts: Districts, provinces: Provinces, units: Units) -> None:
    """A unit stands at home; where the Taliban hold its home, it stands in the provincial capital."""
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
    """Local men by influence and people; mobile ones in equal columns of the first spearheads."""
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
    """Local men by influence and the square root of people."""
    return districts.influence[district] * math.sqrt(districts.population[district])


@rule
def place_prongs(
    districts: Districts, provinces: Provinces, forces: Forces, prongs: Prongs, numbers: Founding, luck: Luck
) -> None:
    """The first target provinces: those that get attention and are weak, by lot; the first prongs gather there."""
    for prong in range(prongs.province.size):
        prongs.province[prong] = NOBODY
    for prong in range(min(numbers.first_prongs, prongs.province.size)):
        province = first_target(prong, districts, provinces, prongs, numbers, luck)
        prongs.province[prong] = province
        prongs.phase[prong] = Phase.GATHER
        spread = 2.0 * draw(luck, Stream.PRONG_GATHER, prongs.identity[prong]) - 1.0
        prongs.days_left[prong] = numbers.first_gather_days * (1.0 + numbers.first_gather_spread * spread)
        base = friendliest(province, districts, provinces)
        for force in range(forces.men.size):
            if forces.prong[force] == prong:
                forces.district[force] = base


@rule
def first_target(
    prong: int, districts: Districts, provinces: Provinces, prongs: Prongs, numbers: Founding, luck: Luck
) -> int:
    """The best province that no other prong has."""
    best = 0
    highest = -1e9
    mark_taken(prong, provinces, prongs)
    for province in range(provinces.capital.size):
        if provinces.taken[province]:
            continue
        value = numbers.start_weakness * rural_influence(province, districts, provinces)
        value -= numbers.start_mountain * rural_mountain(province, districts, provinces)
        value += numbers.start_attention * math.log(provinces.attention[province])
        actor = districts.identity[provinces.capital[province]]
        value += numbers.start_whim * gumbel(luck, Stream.PRONG_START, actor)
        if value > highest:
            highest = value
            best = province
    return best


@rule
def rural_mountain(province: int, districts: Districts, provinces: Provinces) -> float:
    """Mean height of the districts of a province, 0 plain to 1 high mountain, the capital aside."""
    total = 0.0
    for district in range(provinces.first[province], provinces.end[province]):
        if not districts.is_capital[district]:
            total += districts.mountain[district]
    return total / max(1, rural_districts(province, districts, provinces))


@rule
def friendliest(province: int, districts: Districts, provinces: Provinces) -> int:
    """The rural district of a province in which the Taliban have most influence."""
    best = NOBODY
    for district in range(provinces.first[province], provinces.end[province]):
        if districts.is_capital[district]:
            continue
        if best < 0 or districts.influence[district] > districts.influence[best]:
            best = district
    return provinces.capital[province] if best < 0 else best
