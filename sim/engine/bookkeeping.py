"""Keep the units of each garrison, count the men of both sides in each district, and write the log.

Reads   units that hold a district, forces, posts.
Writes  garrisons, the forces of each district, daily counts of units and posts, the log.
Source  none. Units that travel, wait at a post or are in reserve are not part of a garrison.
"""

import math
from typing import NamedTuple

from sim.engine.compile import rule
from sim.engine.world import (
    NEVER,
    NOBODY,
    Armies,
    Count,
    Districts,
    Forces,
    Garrisons,
    Mode,
    Posts,
    Today,
    Truth,
    Units,
    UnitState,
)

LEAST_RATIO = 0.05
EVEN_MORALE = 0.5  # middle of the scale, at which morale makes holding out neither more nor less likely


class Endurance(NamedTuple):
    """Thresholds in days at which hunger begins and patience is exhausted."""

    hungry_below: float  # days: supply below which a garrison goes hungry
    patience_days: float  # days after which an unanswered call has its full effect


@rule
def log_ratio(ratio: float) -> float:
    """Return the natural logarithm of a ratio of men; a ratio below LEAST_RATIO counts as LEAST_RATIO."""
    return math.log(max(LEAST_RATIO, ratio))


@rule
def hunger_of(supply_days: float, hungry_below: float) -> float:
    """Return the hunger of a garrison, from 0 (enough supply) to 1 (no supply).

    Args:
        supply_days: Days that the garrison's supply will last.
        hungry_below: Days of supply below which a garrison goes hungry.
    """
    if supply_days >= hungry_below:
        return 0.0
    return min(1.0, max(0.0, 1.0 - supply_days / hungry_below))


@rule
def unanswered_of(asked_days: int, patience_days: float) -> float:
    """Return how far a garrison's patience is exhausted by waiting for help, from 0 (not at all) to 1.

    Args:
        asked_days: Days since the garrison called for help; 0 on the day of the call, -1 if it has not called.
        patience_days: Days after which the result is 1.
    """
    if asked_days <= 0:
        return 0.0
    return min(1.0, max(0.0, asked_days / patience_days))


@rule
def start_day(units: Units, posts: Posts) -> None:
    """Increase the days that every unit has spent in its state by one, and reset the daily counts of every post."""
    for unit in range(units.state_days.size):
        units.state_days[unit] += 1
    for post in range(posts.room.size):
        posts.soldiers_before[post] = posts.soldiers_admitted[post]
        posts.people_before[post] = posts.people_admitted[post]
        posts.admitted_today[post] = 0
        posts.arrivals_today[post] = 0


@rule
def form_garrisons(garrisons: Garrisons, units: Units) -> None:
    """Form all garrisons from the states of the units: link the units of each in row order, and count their men."""
    garrisons.first_unit[:] = NOBODY
    garrisons.present[:] = 0
    garrisons.waiting[:] = False
    garrisons.stocked[:] = False
    for unit in range(units.men.size - 1, -1, -1):  # backwards, so that they are linked in order
        if units.state[unit] == UnitState.HOLDING:
            here = units.district[unit]
            units.next_there[unit] = garrisons.first_unit[here]
            garrisons.first_unit[here] = unit
            garrisons.present[here] += units.men[unit]
            garrisons.waiting[here] = garrisons.waiting[here] or units.asked_days[unit] != NEVER


@rule
def join_garrison(unit: int, district: int, garrisons: Garrisons, units: Units) -> None:
    """Add a unit that holds no district to the garrison of this district."""
    units.district[unit] = district
    units.state[unit] = UnitState.HOLDING
    units.state_days[unit] = 0
    garrisons.present[district] += units.men[unit]
    garrisons.waiting[district] = garrisons.waiting[district] or units.asked_days[unit] != NEVER
    garrisons.stocked[district] = False
    before = NOBODY
    after = garrisons.first_unit[district]
    while after != NOBODY and after < unit:
        before = after
        after = units.next_there[after]
    link(before, unit, district, garrisons, units)
    units.next_there[unit] = after


@rule
def leave_garrison(unit: int, garrisons: Garrisons, units: Units) -> None:
    """Remove a unit and its current men from the garrison of its district, before the state of the unit changes.

    The unit keeps its link to the next unit, so that a loop over the garrison can continue from it.
    """
    district = units.district[unit]
    garrisons.present[district] -= units.men[unit]
    before = NOBODY
    here = garrisons.first_unit[district]
    while here != unit and here != NOBODY:
        before = here
        here = units.next_there[here]
    link(before, units.next_there[unit], district, garrisons, units)


@rule
def link(before: int, unit: int, district: int, garrisons: Garrisons, units: Units) -> None:
    """Link `unit` after the unit `before` in a garrison, or put it first if `before` is NOBODY."""
    if before == NOBODY:
        garrisons.first_unit[district] = unit
    else:
        units.next_there[before] = unit


@rule
def list_units(chosen: Truth, garrisons: Garrisons, units: Units) -> int:
    """List in `units.listed`, in row order, the units that hold the chosen districts, and return their number.

    Args:
        chosen: (districts) Whether to list the units that hold the district.
        garrisons: The links to the first units are read.
        units: The links between units are read; `listed` is written.
    """
    found = 0
    for district in range(chosen.size):
        if not chosen[district]:
            continue
        unit = garrisons.first_unit[district]
        while unit != NOBODY:
            place = found
            while place > 0 and units.listed[place - 1] > unit:  # only units that came from elsewhere are out of order
                units.listed[place] = units.listed[place - 1]
                place -= 1
            units.listed[place] = unit
            found += 1
            unit = units.next_there[unit]
    return found


@rule
def muster(districts: Districts, armies: Armies, endurance: Endurance) -> None:
    """Count the men of both sides in every district, and average the state of garrisons over their men.

    Averages are computed only where rules may need them: for garrisons that face Taliban or have a column in their
    district.

    Args:
        districts: `pressed` is read.
        armies: `garrisons` and the links between `forces` are written; `units` and men of `forces` are read.
        endurance: Thresholds in days at which hunger begins and patience is exhausted.
    """
    garrisons, units, forces = armies.garrisons, armies.units, armies.forces
    count_forces(garrisons, forces)
    for district in range(garrisons.faced.size):
        garrisons.men[district] = garrisons.present[district]
        garrisons.faced[district] = districts.pressed[district] or garrisons.mobile[district] > 0
        if garrisons.faced[district] or forces.next_there[district] != NOBODY:
            average_garrison(district, garrisons, units, endurance)


@rule
def average_garrison(district: int, garrisons: Garrisons, units: Units, endurance: Endurance) -> None:
    """Average the morale, resolve, hunger and unanswered calls of a garrison over its men."""
    morale, resolve, unanswered = 0.0, 0.0, 0.0
    unit = garrisons.first_unit[district]
    while unit != NOBODY:
        men = units.men[unit]
        morale += men * units.morale[unit]
        resolve += men * units.resolve[unit]
        unanswered += men * unanswered_of(units.asked_days[unit], endurance.patience_days)
        unit = units.next_there[unit]
    men = max(1, garrisons.men[district])
    garrisons.morale[district] = morale / men
    garrisons.resolve[district] = resolve / men
    garrisons.hunger[district] = mean_hunger(district, garrisons, units, endurance.hungry_below)
    garrisons.unanswered[district] = unanswered / men


@rule
def mean_hunger(district: int, garrisons: Garrisons, units: Units, hungry_below: float) -> float:
    """Return the mean hunger of a garrison, weighted by men."""
    hunger = 0.0
    unit = garrisons.first_unit[district]
    while unit != NOBODY:
        hunger += units.men[unit] * hunger_of(units.supply_days[unit], hungry_below)
        unit = units.next_there[unit]
    return hunger / max(1, garrisons.men[district])


@rule
def count_forces(garrisons: Garrisons, forces: Forces) -> None:
    """Count the men of local and mobile forces at each district, and link the forces of each district in a list.

    Men of mobile forces count only while their force negotiates, assaults or besieges; the list contains all forces.
    """
    locals_end = garrisons.local.size
    for district in range(locals_end):  # local forces are the first rows, one per district
        garrisons.mobile[district] = 0
        garrisons.local[district] = forces.men[district]
        forces.next_there[district] = NOBODY
    for force in range(forces.men.size - 1, locals_end - 1, -1):  # backwards, so that the list is in order
        district = forces.district[force]
        forces.next_there[force] = forces.next_there[district]
        forces.next_there[district] = force
        mode = forces.mode[force]
        if mode == Mode.PARLEY or mode == Mode.ASSAULT or mode == Mode.BESIEGE:
            garrisons.mobile[district] += forces.men[force]


@rule
def note(today: Today, event: int, district: int, actor: int, men: int, how: int, why: int) -> None:
    """Append one row to the log.

    If the log is full, no row is added, and the campaign ends with a CampaignError at the end of the day.

    Args:
        today: Number of the day; the log and the running totals are written.
        event: Kind of event, an `Event`.
        district: Row of the district.
        actor: Row of the unit, force, prong or post, depending on the kind of event; -1 for none.
        men: Number of men concerned.
        how: How the district fell, a `Fall`; 0 if it did not fall.
        why: Main reason, a `Why`; 0 if there is none.
    """
    row = today.tally[Count.LOGGED]
    if row >= today.log.day.size:
        today.tally[Count.CANNOT_GO_ON] = 1
        return
    today.log.day[row] = today.luck.day
    today.log.event[row] = event
    today.log.district[row] = district
    today.log.actor[row] = actor
    today.log.men[row] = men
    today.log.how[row] = how
    today.log.why[row] = why
    today.tally[Count.LOGGED] = row + 1
