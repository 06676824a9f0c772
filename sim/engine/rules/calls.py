"""A garrison under threat asks for help; headquarters answers a few calls per day, depending on policy.

Reads   garrisons, districts, commandos in reserve.
Writes  days since a unit asked, commandos on the way or arrived, calls made and answered.
Source  article 2 ("they had asked for reinforcements but their call was ignored"), evidence F110, F111. Size of the
        commando pool and number of flights: guess. Assumption: help goes by air, to one garrison at a time.
"""

from typing import NamedTuple

from sim.engine.bookkeeping import join_garrison, leave_garrison, list_units, note
from sim.engine.compile import rule
from sim.engine.world import (
    NEVER,
    NOBODY,
    Armies,
    Count,
    Districts,
    Event,
    Fall,
    Garrisons,
    Holder,
    Role,
    Today,
    UnitKind,
    Units,
    UnitState,
    Why,
)


class Calls(NamedTuple):
    """Parameters of the rule for calls; values, ranges and sources are in `configs/rules/calls.yaml`."""

    threat_ratio: float  # Taliban per garrison man: pressing local force at which a garrison asks for help
    patience_days: float  # days: days after which an unanswered call has its full effect
    threat_limit: float  # Taliban per garrison man: ratio above which a call becomes no more urgent
    flights_per_day: float  # calls per day: calls that can be answered per day
    travel_days: float  # days: from the decision to the arrival
    columns_per_call: float  # columns: commando columns sent in answer to a call
    quiet_days: float  # days: days without a threat after which commandos return to the reserve
    weight_capital: float  # weight: urgency of a provincial capital
    weight_border: float  # weight: urgency of a crossing point
    weight_highway: float  # weight: urgency of a district on a highway
    weight_other: float  # weight: urgency of any other district


@rule
def asks(mobile: int, local: int, pressed: bool, garrison: int, threat_ratio: float) -> bool:
    """Return whether a garrison asks for help.

    It does if it has any men and either faces a mobile force or is pressed by a large enough local force.
    """
    return garrison > 0 and (mobile > 0 or (pressed and local >= threat_ratio * garrison))


@rule
def urgency(is_capital: bool, has_post: bool, highway: bool, threat: float, numbers: Calls) -> float:
    """Return the weight that headquarters gives to a call: the value of the place times the threat to it.

    `threat` is the number of Taliban per garrison man; above `threat_limit`, it counts as `threat_limit`.
    """
    weight = numbers.weight_other
    if highway:
        weight = max(weight, numbers.weight_highway)
    if has_post:
        weight = max(weight, numbers.weight_border)
    if is_capital:
        weight = max(weight, numbers.weight_capital)
    return weight * min(numbers.threat_limit, threat)


@rule
def call_for_help(districts: Districts, armies: Armies, numbers: Calls, today: Today) -> None:
    """Move help that is under way, let garrisons ask, answer the most urgent calls, and recall idle commandos.

    Args:
        districts: Threatened districts and days of help are written.
        armies: Commandos, the garrisons that they join or leave, and days since a call are written.
        numbers: Parameters of the rule for calls.
        today: Number of the day; the event log and running totals are written.
    """
    units = armies.units
    bring_help(districts, armies.garrisons, units)
    ask(districts, armies, numbers, today)
    answer(districts, armies, numbers, today)
    stand_down(districts, armies.garrisons, units, numbers.quiet_days, today.luck.day)


@rule
def first_commando(units: Units) -> int:
    """Return the row of the first commando unit; commandos are the last rows."""
    first = units.kind.size
    while first > 0 and units.kind[first - 1] == UnitKind.COMMANDO:
        first -= 1
    return first


@rule
def bring_help(districts: Districts, garrisons: Garrisons, units: Units) -> None:
    """Move relieving columns one day closer.

    On arrival, a column holds the district or, if that has fallen, returns to the reserve.
    """
    for unit in range(first_commando(units), units.men.size):
        if units.state[unit] != UnitState.RELIEVING:
            continue
        units.days_to_go[unit] -= 1.0
        if units.days_to_go[unit] > 0.0:
            continue
        if districts.holder[units.destination[unit]] == Holder.GOVERNMENT:
            join_garrison(unit, units.destination[unit], garrisons, units)
        else:
            units.state[unit] = UnitState.RESERVE
            units.state_days[unit] = 0


@rule
def ask(districts: Districts, armies: Armies, numbers: Calls, today: Today) -> None:
    """Let threatened garrisons ask for help, or count the days since they asked, and withdraw all other calls."""
    garrisons, units = armies.garrisons, armies.units
    for district in range(districts.holder.size):
        districts.threatened[district] = asks(
            garrisons.mobile[district],
            garrisons.local[district],
            districts.pressed[district],
            garrisons.men[district],
            numbers.threat_ratio,
        )
        if districts.threatened[district] or garrisons.waiting[district]:
            garrisons.waiting[district] = districts.threatened[district]
            ask_or_withdraw(district, districts.threatened[district], garrisons, units, today)


@rule
def ask_or_withdraw(district: int, threatened: bool, garrisons: Garrisons, units: Units, today: Today) -> None:
    """Let the units of a threatened garrison ask or wait for help, or withdraw its calls if it is not threatened."""
    unit = garrisons.first_unit[district]
    while unit != NOBODY:
        if units.men[unit] > 0 and threatened:
            speaks = units.kind[unit] == UnitKind.POLICE and units.role[unit] == Role.GARRISON
            if units.asked_days[unit] == NEVER and units.home[unit] == district and speaks:
                today.tally[Count.CALLS_MADE] += 1
                note(today, Event.CALL, district, unit, garrisons.men[district], Fall.NONE, Why.NONE)
            units.asked_days[unit] += 1
        elif units.men[unit] > 0:
            units.asked_days[unit] = NEVER
        unit = units.next_there[unit]


@rule
def answer(districts: Districts, armies: Armies, numbers: Calls, today: Today) -> None:
    """Answer the most urgent calls, one per flight, and reset the waiting time of garrisons that get help."""
    garrisons, units = armies.garrisons, armies.units
    answered = 0
    callers = list_callers(districts, garrisons) if numbers.flights_per_day >= 1.0 else 0
    for _flight in range(int(numbers.flights_per_day)):
        if not answer_one(callers, districts, armies, numbers, today):
            break
        answered += 1
    if answered == 0:
        return
    for place in range(list_units(districts.chosen, garrisons, units)):
        units.asked_days[units.listed[place]] = 0


@rule
def list_callers(districts: Districts, garrisons: Garrisons) -> int:
    """List in `districts.choice` the threatened districts with an unanswered call, and return their number.

    `districts.chosen` is cleared; `answer_one` marks in it the districts to which it sends help.
    """
    districts.chosen[:] = False
    found = 0
    for district in range(districts.holder.size):
        if districts.holder[district] == Holder.GOVERNMENT and garrisons.unanswered[district] > 0.0:
            if districts.threatened[district]:
                districts.choice[found] = district
                found += 1
    return found


@rule
def answer_one(callers: int, districts: Districts, armies: Armies, numbers: Calls, today: Today) -> bool:
    """Send columns from the reserve to the most urgent unanswered call.

    Return False if there is no such call or no column in reserve.
    """
    garrisons, units = armies.garrisons, armies.units
    caller = most_urgent(callers, districts, garrisons, numbers, today.luck.day)
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
    districts.helped_on[caller] = today.luck.day
    districts.chosen[caller] = True
    today.tally[Count.CALLS_ANSWERED] += 1
    note(today, Event.ANSWER, caller, -1, men, Fall.NONE, Why.NONE)
    return True


@rule
def most_urgent(callers: int, districts: Districts, garrisons: Garrisons, numbers: Calls, day: int) -> int:
    """Return the district whose call is most urgent, or -1 if no call can be answered.

    Districts to which help was sent in the last `patience_days` days are excluded.
    """
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
def stand_down(districts: Districts, garrisons: Garrisons, units: Units, quiet_days: float, day: int) -> None:
    """Return commandos in quiet districts to the reserve; those in retaken districts stay."""
    for unit in range(first_commando(units), units.men.size):
        if units.state[unit] != UnitState.HOLDING:
            continue
        here = units.district[unit]
        is_quiet = districts.pressure_days[here] == 0 and units.state_days[unit] >= quiet_days
        if is_quiet and districts.retaken_on[here] == NEVER:
            leave_garrison(unit, garrisons, units)
            units.state[unit] = UnitState.RESERVE
            units.state_days[unit] = 0
            units.district[unit] = units.home[unit]
