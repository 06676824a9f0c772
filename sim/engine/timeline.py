"""Apply dated events: decisions from outside the model, one per row of data, that take effect on given dates.

Reads   rows (day, act, subject, amount) from `configs/timeline`, as changed by policies and scenarios.
Writes  conditions, commandos in threatened districts, men of militias.
Source  named in each row.
"""

from typing import NamedTuple

from sim.engine.bookkeeping import join_garrison, note
from sim.engine.compile import rule
from sim.engine.world import (
    NEVER,
    Act,
    Armies,
    Condition,
    Count,
    Districts,
    Event,
    Holder,
    Real,
    Role,
    Today,
    UnitKind,
    UnitState,
    Whole,
)


class Timeline(NamedTuple):
    """Dated events that have an effect; events that are only context are excluded."""

    day: Whole
    act: Whole  # Act
    subject: Whole  # Condition, or district
    amount: Real


@rule
def apply_events(timeline: Timeline, districts: Districts, armies: Armies, today: Today) -> None:
    """Apply the events of the day in order; on day 0, also apply those of earlier days.

    Args:
        timeline: Dated events of the campaign that have an effect.
        districts: Holders are read; the day of the latest help is written.
        armies: Men and positions of commandos and militias, and the garrisons that they join, are written.
        today: Number of the day; conditions, the event log and running totals are written.
    """
    for row in range(timeline.day.size):
        if timeline.day[row] != today.luck.day and not (today.luck.day == 0 and timeline.day[row] < 0):
            continue
        subject = timeline.subject[row]
        amount = timeline.amount[row]
        if timeline.act[row] == Act.SET:
            today.conditions[subject] = amount
            if subject == Condition.RESERVISTS_ORDERED:
                today.conditions[Condition.ORDER_DAY] = timeline.day[row]
        elif timeline.act[row] == Act.REINFORCE:
            reinforce(subject, int(amount), districts, armies, today)
        else:
            raise_militia(subject, int(amount), districts, armies, today)


@rule
def reinforce(district: int, men: int, districts: Districts, armies: Armies, today: Today) -> None:
    """Fly columns from the reserve into a district that the government holds.

    Columns are sent until they have at least `men` men in total, or until the reserve is empty.
    """
    if districts.holder[district] != Holder.GOVERNMENT:
        return
    units = armies.units
    sent = 0
    for unit in range(units.men.size):
        if sent >= men:
            break
        if units.state[unit] == UnitState.RESERVE and units.men[unit] > 0:
            join_garrison(unit, district, armies.garrisons, units)
            sent += units.men[unit]
    districts.helped_on[district] = today.luck.day
    note(today, Event.DATED, district, -1, sent, 0, 0)


@rule
def raise_militia(district: int, men: int, districts: Districts, armies: Armies, today: Today) -> None:
    """Add men to the militia of a district and count them as raised.

    Nothing changes if the Taliban hold the district, or if none of its militia is in a garrison.
    """
    if districts.holder[district] != Holder.GOVERNMENT:
        return
    units = armies.units
    for unit in range(units.men.size):
        of_the_place = units.home[unit] == district and units.kind[unit] == UnitKind.MILITIA
        if of_the_place and units.role[unit] == Role.GARRISON and units.state[unit] == UnitState.HOLDING:
            units.men[unit] += men
            garrisons, here = armies.garrisons, units.district[unit]
            garrisons.present[here] += men
            garrisons.waiting[here] = garrisons.waiting[here] or units.asked_days[unit] != NEVER
            units.founded[unit] += men
            units.paper[unit] += men
            today.tally[Count.RAISED] += men
            note(today, Event.DATED, district, unit, men, 0, 0)
            return
