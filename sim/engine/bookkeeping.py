"""Counting of both sides per district, the start of a day, and the log.

Reads   units that hold, forces, posts.
Writes  garrisons, the forces of each district, the log.
Source  none: bookkeeping. A unit on the road, at a post or in reserve holds nothing.
"""

import math
from typing import NamedTuple

from sim.engine.compile import rule
from sim.engine.world import NOBODY, Armies, Count, Forces, Garrisons, Mode, Posts, Today, Units, UnitState

LEAST_RATIO = 0.05
EVEN_MORALE = 0.5  # the middle of the scale, where morale speaks neither for nor against holding out


class Endurance(NamedTuple):
    """How long a garrison bears hunger and unanswered calls."""

    hungry_below: float  # days: supply below which hunger is felt
    patience_days: float  # days after which an unanswered call has its full effect


@rule
def log_ratio(ratio: float) -> float:
    """Natural logarithm of a ratio of men, bounded below where one side has hardly anyone."""
    return math.log(max(LEAST_RATIO, ratio))


@rule
def hunger_of(supply_days: float, hungry_below: float) -> float:
    """Hunger from 0 (enough supply) to 1 (none)."""
    if supply_days >= hungry_below:
        return 0.0
    return min(1.0, max(0.0, 1.0 - supply_days / hungry_below))


@rule
def unanswered_of(asked_days: int, patience_days: float) -> float:
    """Share of its patience that a garrison has used up since it called for help: 0 before a call, at most 1."""
    if asked_days <= 0:
        return 0.0
    return min(1.0, max(0.0, asked_days / patience_days))


@rule
def start_day(units: Units, posts: Posts) -> None:
    """Add a day to the time in state of every unit and clear the daily counts of every post."""
    for unit in range(units.state_days.size):
        units.state_days[unit] += 1
    for post in range(posts.room.size):
        posts.soldiers_before[post] = posts.soldiers_admitted[post]
        posts.people_before[post] = posts.people_admitted[post]
        posts.admitted_today[post] = 0
        posts.arrivals_today[post] = 0


@rule
def muster(armies: Armies, endurance: Endurance) -> None:
    """Count both sides in every district.

    Args:
        armies: `garrisons` is written; `units` and `forces` are read.
        endurance: when hunger and unanswered calls are felt.
    """
    garrisons, units, forces = armies.garrisons, armies.units, armies.forces
    count_garrisons(garrisons, units, endurance)
    count_forces(garrisons, forces)


@rule
def count_garrisons(garrisons: Garrisons, units: Units, endurance: Endurance) -> None:
    """Count men, and average morale, resolve, hunger and unanswered calls weighted by men."""
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
    """Count local forces and the mobile forces outside each district, and link the forces of one district."""
    locals_end = garrisons.local.size
    for district in range(locals_end):  # local forces are the first rows, one per district
        garrisons.mobile[district] = 0
        garrisons.local[district] = forces.men[district]
        forces.next_there[district] = NOBODY
    for force in range(forces.men.size - 1, locals_end - 1, -1):  # backwards, so that they are linked in order
        district = forces.district[force]
        forces.next_there[force] = forces.next_there[district]
        forces.next_there[district] = force
        mode = forces.mode[force]
        if mode == Mode.PARLEY or mode == Mode.ASSAULT or mode == Mode.BESIEGE:
            garrisons.mobile[district] += forces.men[force]


@rule
def note(today: Today, event: int, district: int, actor: int, men: int, how: int, why: int) -> None:
    """Append one row to the log; a full log ends the campaign with a CampaignError."""
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
