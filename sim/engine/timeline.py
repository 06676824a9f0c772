"""Dated events: what happened outside the rules is a row of data with a date, not a line of code.

Reads   rows (day, act, subject, amount), compiled from `configs/timeline` and what policies and scenarios change.
Writes  conditions; commandos sent; militias raised.
Source  each row names its own.
"""

from typing import NamedTuple

from sim.engine.bookkeeping import note
from sim.engine.compile import rule
from sim.engine.world import (
    Act,
    Condition,
    Count,
    Districts,
    Event,
    Holder,
    Log,
    Real,
    Role,
    UnitKind,
    Units,
    UnitState,
    Whole,
)


class Timeline(NamedTuple):
    """Rows that act, by day; context rows act on nothing and are not here."""

    day: Whole
    act: Whole  # Act
    subject: Whole  # Condition, or district
    amount: Real


@rule
def happen(
    timeline: Timeline, districts: Districts, units: Units, conditions: Real, day: int, log: Log, tally: Whole
) -> None:
    """Every row of today takes effect, in order; on day 0 those of earlier days too."""
    for row in range(timeline.day.size):
        if timeline.day[row] != day and not (day == 0 and timeline.day[row] < 0):
            continue
        subject = timeline.subject[row]
        amount = timeline.amount[row]
        if timeline.act[row] == Act.SET:
            conditions[subject] = amount
            if subject == Condition.RESERVISTS_ORDERED:
                conditions[Condition.ORDER_DAY] = timeline.day[row]
        elif timeline.act[row] == Act.REINFORCE:
            reinforce(subject, int(amount), districts, units, day, log, tally)
        else:
            raise_militia(subject, int(amount), districts, units, day, log, tally)


@rule
def reinforce(district: int, men: int, districts: Districts, units: Units, day: int, log: Log, tally: Whole) -> None:
    """Columns from the reserve are flown in until enough men have come, if the government still holds the place."""
    if districts.holder[district] != Holder.GOVERNMENT:
        return
    sent = 0
    for unit in range(units.men.size):
        if sent >= men:
            break
        if units.state[unit] == UnitState.RESERVE and units.men[unit] > 0:
            units.state[unit] = UnitState.HOLDING
            units.state_days[unit] = 0
            units.district[unit] = district
            sent += units.men[unit]
    districts.helped_on[district] = day
    note(log, tally, day, Event.DATED, district, -1, sent, 0, 0)


@rule
def raise_militia(
    district: int, men: int, districts: Districts, units: Units, day: int, log: Log, tally: Whole
) -> None:
    """Men of the district take up arms, if the government still holds it; they are counted as raised."""
    if districts.holder[district] != Holder.GOVERNMENT:
        return
    for unit in range(units.men.size):
        of_the_place = units.home[unit] == district and units.kind[unit] == UnitKind.MILITIA
        if of_the_place and units.role[unit] == Role.GARRISON and units.state[unit] == UnitState.HOLDING:
            units.men[unit] += men
            units.founded[unit] += men
            units.paper[unit] += men
            tally[Count.RAISED] += men
            note(log, tally, day, Event.DATED, district, unit, men, 0, 0)
            return
