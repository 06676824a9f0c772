"""Interned soldiers are flown home after some days, and some of them rejoin a garrison.

Reads   interned units, holders of capitals.
Writes  men flown home, men back under arms.
Source  evidence F019 (an adviser says on 7 July that those who fled are coming back); days and share: guess.
        Assumption: men who rejoin do so in the capital of their home province or, if that has fallen, in Kabul.
"""

from typing import NamedTuple

from sim.engine.bookkeeping import join_garrison, note
from sim.engine.chance import Stream, uniform
from sim.engine.compile import rule
from sim.engine.rules.flight import CAPITAL_CITY
from sim.engine.world import NEVER, Armies, Event, Holder, Land, Today, UnitState, luck_in


class Returning(NamedTuple):
    """Parameters of the return rule; values, ranges and sources are in `configs/rules/returning.yaml`."""

    interned_days: float  # days: days in Tajikistan before the flight home
    home_days: float  # days: days at home before a unit may rejoin
    rejoin: float  # probability: a unit flown home takes up arms again
    morale: float  # morale: morale of a unit that rejoins


@rule
def is_flown_home(days: int, interned_days: float) -> bool:
    """Return whether a unit has been interned for long enough to be flown home."""
    return days >= interned_days


@rule
def bring_home(land: Land, armies: Armies, numbers: Returning, today: Today) -> None:
    """Fly home units whose internment is over, and let some of those at home rejoin a garrison.

    Args:
        land: Holders are read.
        armies: Men and states of units are written, and the garrisons that they join.
        numbers: Parameters of the return rule.
        today: Source of random draws; the event log is written.
    """
    units = armies.units
    for unit in range(units.men.size):
        waits = units.interned[unit] == 0 or units.state[unit] == UnitState.WAITING
        if not waits and is_flown_home(units.state_days[unit], numbers.interned_days):
            units.flown_home[unit] += units.interned[unit]
            units.interned[unit] = 0
            units.state[unit] = UnitState.FLOWN_HOME
            units.state_days[unit] = 0
        elif units.state[unit] == UnitState.FLOWN_HOME and units.state_days[unit] == int(numbers.home_days):
            luck = luck_in(land.districts.province[units.home[unit]], today)
            if uniform(luck, Stream.REJOIN, units.identity[unit]) < numbers.rejoin:
                rejoin(unit, land, armies, numbers.morale, today)


@rule
def rejoin(unit: int, land: Land, armies: Armies, morale: float, today: Today) -> None:
    """Add a unit to the garrison of the capital of its home province, or of Kabul if the Taliban hold that capital.

    Nothing changes if the Taliban hold both.
    """
    districts, provinces, units = land.districts, land.provinces, armies.units
    city = provinces.capital[districts.province[units.home[unit]]]
    if districts.holder[city] == Holder.TALIBAN:
        city = CAPITAL_CITY
    if districts.holder[city] == Holder.TALIBAN:
        return
    note(today, Event.RETURN, city, unit, units.flown_home[unit], 0, 0)
    units.men[unit] += units.flown_home[unit]
    units.flown_home[unit] = 0
    units.morale[unit] = morale
    units.asked_days[unit] = NEVER
    join_garrison(unit, city, armies.garrisons, units)
