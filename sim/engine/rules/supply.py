"""A garrison uses up its supply, and is restocked if open roads connect it to a hub.

Reads   holders, roads, pressed districts, garrisons, units.
Writes  connected districts, days of supply.
Source  evidence F107 (40 days of siege, then flown out), articles: "supply lines strained", "ran out of supplies".
        Assumption: the roads of a district are cut if pressing or besieging Taliban are numerous enough.
"""

from typing import NamedTuple

from sim.engine.bookkeeping import mean_hunger
from sim.engine.compile import rule
from sim.engine.world import NOBODY, Armies, Districts, Garrisons, Holder, Land, Units


class Supply(NamedTuple):
    """Parameters of the supply rule; values, ranges and sources are in `configs/rules/supply.yaml`."""

    full_days: float  # days: days that a restocked garrison can last
    # days of supply: supply that a cut-off garrison uses per day; below 1 because it finds some supply locally
    eaten_per_day: float
    restock_per_day: float  # days of supply: supply that reaches a connected garrison per day
    hungry_below: float  # days: supply below which a garrison goes hungry
    road_cut_ratio: float  # Taliban per garrison man: pressing force that closes the roads of a district
    airlift_per_day: float  # garrisons per day: cut-off garrisons supplied by air


@rule
def is_road_cut(pressed: bool, local: int, mobile: int, garrison: int, ratio: float) -> bool:
    """Return whether the roads of a district are closed.

    Roads are closed if the district is pressed by local forces or faces a mobile force, and the Taliban there number at
    least `ratio` men per man of the garrison.
    """
    return (pressed or mobile > 0) and local + mobile >= ratio * garrison


@rule
def supply(land: Land, armies: Armies, numbers: Supply) -> None:
    """Find connected districts, use up or restock the supply of every garrison, then supply some garrisons by air.

    Args:
        land: Connected districts are written.
        armies: Supply of units, hunger of garrisons and whether they are fully stocked are written.
        numbers: Parameters of the supply rule.
    """
    districts, garrisons, units = land.districts, armies.garrisons, armies.units
    find_connected(land, garrisons, numbers.road_cut_ratio)
    hungry = list_hungry(districts, garrisons, units, numbers) if numbers.airlift_per_day >= 1.0 else 0
    for district in range(districts.holder.size):
        if not (garrisons.stocked[district] and districts.connected[district]):
            use_up_or_restock(district, districts.connected[district], garrisons, units, numbers)
    airlift(hungry, districts, garrisons, units, numbers)


@rule
def use_up_or_restock(district: int, connected: bool, garrisons: Garrisons, units: Units, numbers: Supply) -> None:
    """Update the supply of every unit of a garrison for one day, and record whether all are fully stocked."""
    change = numbers.restock_per_day if connected else -numbers.eaten_per_day
    stocked = connected
    unit = garrisons.first_unit[district]
    while unit != NOBODY:
        units.supply_days[unit] = min(numbers.full_days, max(0.0, units.supply_days[unit] + change))
        stocked = stocked and units.supply_days[unit] == numbers.full_days
        unit = units.next_there[unit]
    garrisons.stocked[district] = stocked


@rule
def find_connected(land: Land, garrisons: Garrisons, ratio: float) -> None:
    """Mark as connected the government districts that reach a hub through districts with open roads.

    Hubs that the government holds are always connected; any other district must itself have open roads.
    """
    districts, roads = land.districts, land.roads
    connected = districts.connected
    connected[:] = False
    todo = districts.reached
    found = 0
    for district in range(connected.size):
        districts.closed[district] = districts.holder[district] != Holder.GOVERNMENT or is_road_cut(
            districts.pressed[district],
            garrisons.local[district],
            garrisons.mobile[district],
            garrisons.men[district],
            ratio,
        )
        if districts.is_hub[district] and districts.holder[district] == Holder.GOVERNMENT:
            districts.closed[district] = True
            connected[district] = True
            todo[found] = district
            found += 1
    done = 0
    while done < found:
        here = todo[done]
        done += 1
        for link in range(roads.first[here], roads.first[here + 1]):
            there = roads.neighbour[link]
            if not districts.closed[there]:
                districts.closed[there] = True
                connected[there] = True
                todo[found] = there
                found += 1


@rule
def airlift(hungry: int, districts: Districts, garrisons: Garrisons, units: Units, numbers: Supply) -> None:
    """Fully restock the hungriest of the listed garrisons by air, one per flight."""
    for _flight in range(int(numbers.airlift_per_day)):
        neediest = -1
        for place in range(hungry):
            district = districts.choice[place]
            if neediest < 0 or garrisons.hunger[district] > garrisons.hunger[neediest]:
                neediest = district
        if neediest < 0 or garrisons.hunger[neediest] <= 0.0:
            break
        garrisons.hunger[neediest] = 0.0
        unit = garrisons.first_unit[neediest]
        while unit != NOBODY:
            units.supply_days[unit] = numbers.full_days
            unit = units.next_there[unit]


@rule
def list_hungry(districts: Districts, garrisons: Garrisons, units: Units, numbers: Supply) -> int:
    """List in `districts.choice` the cut-off districts with a hungry garrison, and return their number."""
    found = 0
    for district in range(districts.holder.size):
        if districts.connected[district] or garrisons.men[district] == 0:
            continue
        garrisons.hunger[district] = mean_hunger(district, garrisons, units, numbers.hungry_below)
        if garrisons.hunger[district] > 0.0:
            districts.choice[found] = district
            found += 1
    return found
