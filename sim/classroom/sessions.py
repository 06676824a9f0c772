"""Which class session a page is about, and where one joins."""

from collections.abc import Callable
from urllib.parse import parse_qs

import numpy as np
import solara

from sim.classroom.answers import by_seed
from sim.classroom.desk import the_desk
from sim.classroom.register import USUAL_RUNS
from sim.classroom.rooms import Session, spelled
from sim.classroom.state import session

QUERY = "class"  # in an address: /join?class=FKMRWX
ENDS = (0.05, 0.95)


def asked_for(sessions_of: Callable[[str], list[Session]]) -> str:
    """The code in the address, or that of the newest session of this browser, or nothing."""
    given = parse_qs(solara.use_router().search or "").get(QUERY, [""])[0]
    found = sessions_of(session())
    return spelled(given) or (found[0].code if found else "")


def middle_of_baseline(outcome: str) -> tuple[float, float] | None:
    """Between which numbers nine of ten campaigns of the baseline end; None while they are not there."""
    ticket = the_desk().ask("class baseline", (), USUAL_RUNS)
    table = ticket.table()
    if not ticket.ended or table is None:
        ticket.withdraw()
        return None
    values = list(by_seed(table, outcome).values())
    if not values:
        return None
    low, high = np.quantile(values, ENDS).tolist()
    return low, high
