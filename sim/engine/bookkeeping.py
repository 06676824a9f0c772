"""Who stands in a district is counted from the units and forces themselves.

Reads   units that hold, forces.
Writes  garrisons, which forces stand in one district.
Source  none: counting. A unit on the road, at a post or in reserve holds nothing.

What happened is written down once, where it happens.

Reads   the day.
Writes  the log and its running number.
Source  none: bookkeeping.
"""

from sim.engine.compile import rule
from sim.engine.world import NOBODY, Count, Forces, Garrisons, Log, Mode, Posts, Units, UnitState, Whole


@rule
def hunger_of(supply_days: float, hungry_below: float) -> float:
    """0 with enough supply, 1 with none."""
    if supply_days >= hungry_below:
        return 0.0
    return min(1.0, max(0.0, 1.0 - supply_days / hungry_below))


@rule
def unanswered_of(asked_days: int, patience_days: float) -> float:
    """0 before a call, 1 once the patience of those who called is used up."""
    if asked_days <= 0:
        return 0.0
    return min(1.0, max(0.0, asked_days / patience_days))


@rule
def turn_the_day(units: Units, posts: Posts) -> None:
    """A new morning: a day more in every unit's state, a clean sheet at every post."""
    for unit in range(units.state_days.size):
        units.state_days[unit] += 1
    for post in range(posts.room.size):
        posts.soldiers_before[post] = posts.soldiers_admitted[post]
        posts.people_before[post] = posts.people_admitted[post]
        posts.admitted_today[post] = 0
        posts.arrivals_today[post] = 0


@rule
def muster(garrisons: Garrisons, units: Units, forces: Forces, hungry_below: float, patience_days: float) -> None:
    """Both sides are counted, district by district."""
    count_garrisons(garrisons, units, hungry_below, patience_days)
    count_forces(garrisons, forces)


@rule
def count_garrisons(garrisons: Garrisons, units: Units, hungry_below: float, patience_days: float) -> None:
    """Men, and the means of what they feel, weighted by men."""
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
        garrisons.hunger[district] += men * hunger_of(units.supply_days[unit], hungry_below)
        garrisons.unanswered[district] += men * unanswered_of(units.asked_days[unit], patience_days)
    for district in range(garrisons.men.size):
        men = max(1, garrisons.men[district])
        garrisons.morale[district] /= men
        garrisons.resolve[district] /= men
        garrisons.hunger[district] /= men
        garrisons.unanswered[district] /= men


@rule
def count_forces(garrisons: Garrisons, forces: Forces) -> None:
    """Local forces at home; mobile forces that stand before a district, not those on the march; who is where."""
    locals_end = garrisons.local.size
    for district in range(locals_end):  # local forces are the first rows, one a district
        garrisons.mobile[district] = 0
        garrisons.local[district] = forces.men[district]
        forces.next_there[district] = NOBODY
    for force in range(forces.men.size - 1, locals_end - 1, -1):  # the last first, so that they stand in order
        district = forces.district[force]
        forces.next_there[force] = forces.next_there[district]
        forces.next_there[district] = force
        mode = forces.mode[force]
        if mode == Mode.PARLEY or mode == Mode.ASSAULT or mode == Mode.BESIEGE:
            garrisons.mobile[district] += forces.men[force]


@rule
def note(  # one argument a column of the log
    log: Log, tally: Whole, day: int, event: int, district: int, actor: int, men: int, how: int, why: int
) -> None:
    """One more row of the log; a full log is marked, and ends the campaign with a named error."""
    row = tally[Count.LOGGED]
    if row >= log.day.size:
        tally[Count.CANNOT_GO_ON] = 1
        return
    log.day[row] = day
    log.event[row] = event
    log.district[row] = district
    log.actor[row] = actor
    log.men[row] = men
    log.how[row] = how
    log.why[row] = why
    tally[Count.LOGGED] = row + 1
