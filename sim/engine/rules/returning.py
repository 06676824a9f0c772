"""Interned soldiers are flown home after some days, and some of them rejoin a garrison.

Reads   interned units, holders of capitals.
Writes  men flown home, men back under arms.
Source  evidence F019 (an adviser says on 7 July that those who fled are coming back); days and share: guess.
        Assumption: those who rejoin hold the capital of their home province, or else Kabul.
"""

from typing import NamedTuple

from sim.engine.bookkeeping import note
from sim.engine.chance import Stream, uniform
from sim.engine.compile import rule
from sim.engine.rules.flight import CAPITAL_CITY
from sim.engine.world import NEVER, Event, Holder, Land, Today, Units, UnitState


class Returning(NamedTuple):
    """Numbers of the rule; values, ranges and sources are in `configs/rules/returning.yaml`."""

    interned_days: float  # days: days in Tajikistan before the flight home
    home_days: float  # days: days at home before a unit may rejoin
    rejoin: float  # probability: a unit flown home takes up arms again
    morale: float  # morale: morale of a unit that rejoins


@rule
def is_flown_home(days: int, interned_days: float) -> bool:
    """Whether the days of internment are over."""
    return days >= interned_days


@rule
def bring_home(land: Land, units: Units, numbers: Returning, today: Today) -> None:
    """Fly interned units home, and let those at home rejoin.

    Args:
        land: Holders are read.
        units: Men and states are written.
        numbers: Numbers of the rule.
        today: Draws and log.
    """
    for unit in range(units.men.size):
        waits = units.interned[unit] == 0 or units.state[unit] == UnitState.WAITING
        if not waits and is_flown_home(units.state_days[unit], numbers.interned_days):
            units.flown_home[unit] += units.interned[unit]
            units.interned[unit] = 0
            units.state[unit] = UnitState.FLOWN_HOME
            units.state_days[unit] = 0
        elif units.state[unit] == UnitState.FLOWN_HOME and units.state_days[unit] == int(numbers.home_days):
            if uniform(today.luck, Stream.REJOIN, units.identity[unit]) < numbers.rejoin:
                rejoin(unit, land, units, numbers.morale, today)


@rule
def rejoin(unit: int, land: Land, units: Units, morale: float, today: Today) -> None:
    """Make a unit a garrison again, in the capital of its province or in Kabul."""
    districts, provinces = land.districts, land.provinces
    city = provinces.capital[districts.province[units.home[unit]]]
    if districts.holder[city] == Holder.TALIBAN:
        city = CAPITAL_CITY
    if districts.holder[city] == Holder.TALIBAN:
        return
    note(today, Event.RETURN, city, unit, units.flown_home[unit], 0, 0)
    units.men[unit] += units.flown_home[unit]
    units.flown_home[unit] = 0
    units.district[unit] = city
    units.state[unit] = UnitState.HOLDING
    units.state_days[unit] = 0
    units.morale[unit] = morale
    units.asked_days[unit] = NEVER
