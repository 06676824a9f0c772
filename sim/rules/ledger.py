"""What happened is written down once, where it happens.

Reads   the day.
Writes  the log and its running number.
Source  none: bookkeeping.
"""

from sim.rules import rule
from sim.world import Count, Log, Whole


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
