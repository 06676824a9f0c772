"""A garrison under threat asks for help; the headquarters answers a few calls a day, by policy.

Reads   garrisons, districts, commandos in reserve.
Writes  days since a unit asked, commandos on the way or arrived, calls made and answered.
Source  article 2 ("they had asked for reinforcements but their call was ignored"), evidence F110, F111. Size of the
        commando pool and number of flights: guess. Assumption: help goes by air, to one garrison at a time.
"""

from typing import NamedTuple

from sim.engine.bookkeeping import note
from sim.engine.compile import rule
from sim.engine.world import (
    NEVER,
    Count,
    Districts,
    Event,
    Fall,
    Garrisons,
    Holder,
    Log,
    Role,
    UnitKind,
    Units,
    UnitState,
    Whole,
    Why,
)


class Calls(NamedTuple):
    """Numbers of the rule; meaning, unit, source and range in `configs/rules/calls.yaml`."""

    threat_ratio: float
    patience_days: float
    flights_per_day: float
    travel_days: float
    columns_per_call: float
    quiet_days: float
    weight_capital: float
    weight_border: float
    weight_highway: float
    weight_other: float


@rule
def asks(mobile: int, local: int, pressed: bool, garrison: int, threat_ratio: float) -> bool:
    """A mobile force before the place is reason enough; local ones are when they press in numbers."""
    return garrison > 0 and (mobile > 0 or (pressed and local >= threat_ratio * garrison))


@rule
def urgency(is_capital: bool, has_post: bool, highway: bool, threat: float, numbers: Calls) -> float:
    """What the headquarters values, times how badly the garrison is outnumbered (at most four times)."""
    weight = numbers.weight_other
    if highway:
        weight = max(weight, numbers.weight_highway)
    if has_post:
        weight = max(weight, numbers.weight_border)
    if is_capital:
        weight = max(weight, numbers.weight_capital)
    return weight * min(4.0, threat)


@rule
def call_for_help(
    districts: Districts, garrisons: Garrisons, units: Units, numbers: Calls, day: int, log: Log, tally: Whole
) -> None:
    """Help under way comes nearer; garrisons ask; the most urgent calls are answered; idle commandos go home."""
    bring_help(districts, units)
    ask(districts, garrisons, units, numbers, day, log, tally)
    answer(districts, garrisons, units, numbers, day, log, tally)
    stand_down(districts, units, numbers.quiet_days, day)


@rule
def first_commando(units: Units) -> int:
    """Commandos are the last rows; nobody else is sent from the reserve."""
    first = units.kind.size
    while first > 0 and units.kind[first - 1] == UnitKind.COMMANDO:
        first -= 1
    return first


@rule
def bring_help(districts: Districts, units: Units) -> None:
    """A column that has arrived holds the district, unless it has fallen: then it turns back."""
    for unit in range(first_commando(units), units.men.size):
        if units.state[unit] != UnitState.RELIEVING:
            continue
        units.days_to_go[unit] -= 1.0
        if units.days_to_go[unit] > 0.0:
            continue
        units.state_days[unit] = 0
        if districts.holder[units.destination[unit]] == Holder.GOVERNMENT:
            units.district[unit] = units.destination[unit]
            units.state[unit] = UnitState.HOLDING
        else:
            units.state[unit] = UnitState.RESERVE


@rule
def ask(
    districts: Districts, garrisons: Garrisons, units: Units, numbers: Calls, day: int, log: Log, tally: Whole
) -> None:
    """Every unit of a threatened garrison counts the days since it asked; a quiet one stops."""
    for district in range(districts.holder.size):
        districts.threatened[district] = asks(
            garrisons.mobile[district],
            garrisons.local[district],
            districts.pressed[district],
            garrisons.men[district],
            numbers.threat_ratio,
        )
    for unit in range(units.men.size):
        if units.state[unit] != UnitState.HOLDING or units.men[unit] == 0:
            continue
        here = units.district[unit]
        if districts.threatened[here]:
            speaks = units.kind[unit] == UnitKind.POLICE and units.role[unit] == Role.GARRISON
            if units.asked_days[unit] == NEVER and units.home[unit] == here and speaks:
                tally[Count.CALLS_MADE] += 1
                note(log, tally, day, Event.CALL, here, unit, garrisons.men[here], Fall.NONE, Why.NONE)
            units.asked_days[unit] += 1
        else:
            units.asked_days[unit] = NEVER


@rule
def answer(
    districts: Districts, garrisons: Garrisons, units: Units, numbers: Calls, day: int, log: Log, tally: Whole
) -> None:
    """As many calls as there are flights, the most urgent first; those who were heard begin to wait anew."""
    answered = 0
    callers = list_callers(districts, garrisons) if numbers.flights_per_day >= 1.0 else 0
    for _flight in range(int(numbers.flights_per_day)):
        if not answer_one(callers, districts, garrisons, units, numbers, day, log, tally):
            break
        answered += 1
    if answered == 0:
        return
    for unit in range(units.men.size):
        if units.state[unit] == UnitState.HOLDING and districts.chosen[units.district[unit]]:
            units.asked_days[unit] = 0


@rule
def list_callers(districts: Districts, garrisons: Garrisons) -> int:
    """Threatened districts whose call was not answered yet, in order, none of them chosen; how many there are."""
    districts.chosen[:] = False
    found = 0
    for district in range(districts.holder.size):
        if districts.holder[district] == Holder.GOVERNMENT and garrisons.unanswered[district] > 0.0:
            if districts.threatened[district]:
                districts.choice[found] = district
                found += 1
    return found


@rule
def answer_one(
    callers: int,
    districts: Districts,
    garrisons: Garrisons,
    units: Units,
    numbers: Calls,
    day: int,
    log: Log,
    tally: Whole,
) -> bool:
    """The most urgent call that nobody has answered gets columns from the reserve, if any are left."""
    caller = most_urgent(callers, districts, garrisons, numbers, day)
    if caller < 0:
        return False
    sent = 0
    men = 0
    for unit in range(first_commando(units), units.men.size):
        if sent >= int(numbers.columns_per_call):
            break
        if units.state[unit] == UnitState.RESERVE and units.men[unit] > 0:
            units.state[unit] = UnitState.RELIEVING
            units.state_days[unit] = 0
            units.destination[unit] = caller
            units.days_to_go[unit] = numbers.travel_days
            men += units.men[unit]
            sent += 1
    if sent == 0:
        return False
    districts.helped_on[caller] = day
    districts.chosen[caller] = True
    tally[Count.CALLS_ANSWERED] += 1
    note(log, tally, day, Event.ANSWER, caller, -1, men, Fall.NONE, Why.NONE)
    return True


@rule
def most_urgent(callers: int, districts: Districts, garrisons: Garrisons, numbers: Calls, day: int) -> int:
    """The caller of the highest urgency that was not helped within its patience, or -1."""
    best = -1
    highest = 0.0
    for place in range(callers):
        district = districts.choice[place]
        if districts.helped_on[district] != NEVER and day - districts.helped_on[district] < numbers.patience_days:
            continue
        threat = (garrisons.mobile[district] + garrisons.local[district]) / max(1, garrisons.men[district])
        value = urgency(
            districts.is_capital[district], districts.has_post[district], districts.highway[district], threat, numbers
        )
        if value > highest:
            highest = value
            best = district
    return best


@rule
def stand_down(districts: Districts, units: Units, quiet_days: float, day: int) -> None:
    """Commandos whose district has been quiet go back to the reserve; what they retook they go on holding."""
    for unit in range(first_commando(units), units.men.size):
        if units.state[unit] != UnitState.HOLDING:
            continue
        here = units.district[unit]
        is_quiet = districts.pressure_days[here] == 0 and units.state_days[unit] >= quiet_days
        if is_quiet and districts.retaken_on[here] == NEVER:
            units.state[unit] = UnitState.RESERVE
            units.state_days[unit] = 0
            units.district[unit] = units.home[unit]
