"""A garrison is more likely to lose heart if a neighbouring garrison has crossed the river.

Reads   men of units who have crossed, roads, holders.
Writes  morale of units.
Source  none: an exercise. Assumption: news of a crossing reaches the next district in any later night.
"""

from typing import NamedTuple

from sim.engine.chance import uniform
from sim.engine.compile import rule
from sim.engine.world import Armies, Border, Land, Today, UnitState

AFTER = "cross"
STREAM = 50
WRITES = ("districts.chosen", "units.morale")


class Neighbours(NamedTuple):
    """Numbers of the rule; values, ranges and sources are in neighbours.yaml."""

    hears: float  # probability per day: a unit hears that a neighbouring garrison has crossed
    morale: float  # morale: loss of morale caused by this news


@rule
def act(land: Land, armies: Armies, border: Border, numbers: Neighbours, today: Today) -> None:
    """Units that hold a district next to the home of a unit that has crossed may lose morale."""
    districts, roads, units = land.districts, land.roads, armies.units
    for district in range(districts.holder.size):
        districts.chosen[district] = False
    for unit in range(units.men.size):
        if units.crossed[unit] > 0:
            home = units.home[unit]
            for link in range(roads.first[home], roads.first[home + 1]):
                districts.chosen[roads.neighbour[link]] = True
    for unit in range(units.men.size):
        if units.state[unit] == UnitState.HOLDING and districts.chosen[units.district[unit]]:
            if uniform(today.luck, STREAM, units.identity[unit]) < numbers.hears:
                units.morale[unit] = max(0.0, units.morale[unit] - numbers.morale)
