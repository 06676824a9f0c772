"""Count the men of both sides in each district, reset daily counts, and write the log.

Reads   units that hold a district, forces, posts.
Writes  garrisons, the forces of each district, the log.
Source  none. Units that travel, wait at a post or are in reserve are not part of a garrison.
"""

import math
from typing import NamedTuple

from sim.engine.compile import rule
from sim.engine.world import NOBODY, Armies, Count, Forces, Garrisons, Mode, Posts, Today, Units, UnitState

LEAST_RATIO = 0.05
EVEN_MORALE = 0.5  # middle of the scale, at which morale makes holding out neither more nor less likely


class Endurance(NamedTuple):
    """Thresholds in days: the supply below which hunger begins, and the wait after which patience is exhausted."""

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
    """Add a day to the time that every unit has spent in its state, and reset the daily counts of every post."""
    for unit in range(units.state_days.size):
        units.state_days[unit] += 1
    for post in range(posts.room.size):
        posts.soldiers_before[post] = posts.soldiers_admitted[post]
        posts.people_before[post] = posts.people_admitted[post]
        posts.admitted_today[post] = 0
        posts.arrivals_today[post] = 0


@rule
def muster(armies: Armies, endurance: Endurance) -> None:
    """Count the men of both sides in every district, and average the state of each garrison over its men.

    Args:
        armies: `garrisons` and the links between `forces` are written; `units` and men of `forces` are read.
        endurance: Thresholds in days at which hunger begins and patience is exhausted.
    """
    garrisons, units, forces = armies.garrisons, armies.units, armies.forces
    count_garrisons(garrisons, units, endurance)
    count_forces(garrisons, forces)


@rule
def count_garrisons(garrisons: Garrisons, units: Units, endurance: Endurance) -> None:
    """Count the men of each garrison, and average its morale, resolve, hunger and unanswered calls over its men."""
    for trait in (garrisons.morale, garrisons.resolve, garrisons.hunger, garrisons.unanswered):
        trait[:] = 0.0
    garrisons.men[:] = 0
    for unit in range(units.men.size):
        men = units.men[unit]
        if units.state[unit] != UnitState.HOLDING or men == 0:
            continue
        district = units.district[unit]
        garrisons.men[district] += men
        garrisons.morale[district] += men * units.morale[unit]
        garrisons.resolve[district] += men * units.resolve[unit]
        garrisons.hunger[district] += men * hunger_of(units.supply_days[unit], endurance.hungry_below)
        garrisons.unanswered[district] += men * unanswered_of(units.asked_days[unit], endurance.patience_days)
    for district in range(garrisons.men.size):
        men = max(1, garrisons.men[district])
        garrisons.morale[district] /= men
        garrisons.resolve[district] /= men
        garrisons.hunger[district] /= men
        garrisons.unanswered[district] /= men


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
