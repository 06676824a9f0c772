"""Interned soldiers are flown home after some days, and some of them rejoin a garrison.

Reads   interned units, holders of capitals.
Writes  men flown home, men back under arms.
Source  evidence F019 (an adviser says on 7 July that those who fled are coming back); days and share: guess.
        Assumption: those who rejoin hold the capital of their home province, or else Kabul.
"""

from typing import NamedTuple

from sim.engine.bookkeeping import note
from sim.engine.chance import Luck, Stream, draw
from sim.engine.compile import rule
from sim.engine.rules.flight import CAPITAL_CITY
from sim.engine.world import NEVER, Districts, Event, Holder, Log, Provinces, Units, UnitState, Whole


class Returning(NamedTuple):
    """Numbers of the rule; meaning, unit, source and range in `configs/rules/returning.yaml`."""

    interned_days: float
    home_days: float
    rejoin: float
    morale: float


@rule
def is_flown_home(days: int, interned_days: float) -> bool:
    """Nobody flies before the days of internment are over."""
    return days >= interned_days


@rule
def bring_home(
    districts: Districts,
    provinces: Provinces,
    units: Units,
    numbers: Returning,
    luck: Luck,
    log: Log,
    tally: Whole,
) -> None:
    """Every interned unit, in order."""
    for unit in range(units.men.size):
        waits = units.interned[unit] == 0 or units.state[unit] == UnitState.WAITING
        if not waits and is_flown_home(units.state_days[unit], numbers.interned_days):
            units.flown_home[unit] += units.interned[unit]
            units.interned[unit] = 0
            units.state[unit] = UnitState.FLOWN_HOME
            units.state_days[unit] = 0
        elif units.state[unit] == UnitState.FLOWN_HOME and units.state_days[unit] == int(numbers.home_days):
            if draw(luck, Stream.REJOIN, units.identity[unit]) < numbers.rejoin:
                rejoin(unit, districts, provinces, units, numbers.morale, luck, log, tally)


@rule
def rejoin(
    unit: int,
    districts: Districts,
    provinces: Provinces,
    units: Units,
    morale: float,
    luck: Luck,
    log: Log,
    tally: Whole,
) -> None:
    """The men are a garrison again."""
    city = provinces.capital[districts.province[units.home[unit]]]
    if districts.holder[city] == Holder.TALIBAN:
        city = CAPITAL_CITY
    if districts.holder[city] == Holder.TALIBAN:
        return
    note(log, tally, luck.day, Event.RETURN, city, unit, units.flown_home[unit], 0, 0)
    units.men[unit] += units.flown_home[unit]
    units.flown_home[unit] = 0
    units.district[unit] = city
    units.state[unit] = UnitState.HOLDING
    units.state_days[unit] = 0
    units.morale[unit] = morale
    units.asked_days[unit] = NEVER
