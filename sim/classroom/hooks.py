"""A page's wish for campaigns: asked for when it is needed, drawn anew as they come, withdrawn when nobody looks.

What a visitor tries, and the sentence that says why it could not be.

Which class session a page is about, and where one joins.

What a visitor has chosen, which goes along from page to page; every visitor has their own.

A page that changes when others act: it reads again when its class session has changed, until the page is closed.
"""

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import NamedTuple, TypeVar
from urllib.parse import parse_qs

import numpy as np
import solara
from solara.server.kernel_context import get_current_context

from sim.classroom.desk import Overrides, Ticket, the_desk
from sim.classroom.reading import Campaigns
from sim.classroom.sessions.claims import Refused, by_seed
from sim.classroom.sessions.register import USUAL_RUNS, the_register
from sim.classroom.sessions.session import Session, spelled
from sim.errors import PanjError

OFTEN, SELDOM = 0.4, 2.0  # seconds between two drawings, at least and at most, while campaigns come
SPARE, LONGEST = 10, 4.0  # times as long as a drawing took, and seconds at most: in a full class each draws less often


class Asked(NamedTuple):
    """What has come of a wish."""

    ticket: Ticket | None
    trouble: str  # why there is no ticket, or no more campaigns
    overrides: Overrides

    @property
    def campaigns(self) -> Campaigns | None:
        """As far as they are there; None without a ticket."""
        if self.ticket is None:
            return None
        return Campaigns(the_desk().settings(self.overrides), self.ticket.table(), self.ticket.runs)


def use_campaigns(overrides: Overrides | None, runs: int, wish: int = 0, first_seed: int = 0) -> Asked:
    """Ask for campaigns and draw again when more are there; None asks for nothing, another `wish` asks again."""
    _, set_seen = solara.use_state((0, 0, False))

    def ask() -> Asked:
        if overrides is None:
            return Asked(None, "", ())
        try:
            return Asked(the_desk().ask(session(), overrides, runs, first_seed), "", overrides)
        except PanjError as error:
            return Asked(None, str(error), overrides)

    asked = solara.use_memo(ask, [overrides, runs, wish, first_seed])
    ticket = asked.ticket

    def follow() -> Callable[[], None] | None:
        if ticket is None:
            return None
        news, hurry, is_left = threading.Event(), threading.Event(), threading.Event()

        def hear() -> None:
            news.set()
            if ticket.ended:
                hurry.set()

        unwatch = ticket.watch(hear)

        def tell() -> None:
            """In a thread of this visitor: drawing keeps nobody's campaigns waiting."""
            said = None
            while not is_left.is_set():
                now = ticket.done, ticket.place, ticket.ended
                started = time.monotonic()
                if now != said:
                    said = now
                    set_seen(now)
                if now[-1]:
                    return
                hurry.wait(min(max(OFTEN, SPARE * (time.monotonic() - started)), LONGEST))
                news.wait(SELDOM)
                news.clear()

        threading.Thread(target=tell, daemon=True).start()

        def leave() -> None:
            unwatch()
            is_left.set()
            hurry.set()
            if not ticket.ended:
                ticket.withdraw()

        return leave

    solara.use_effect(follow, [ticket])
    return asked._replace(trouble=asked.trouble or (ticket.error if ticket else ""))


Act = Callable[[], object]


def use_attempt() -> tuple[str, Callable[[Act], None]]:
    """The trouble of the last attempt, nothing if it went well; and how to attempt something."""
    trouble, set_trouble = solara.use_state("")

    def attempt(act: Act) -> None:
        try:
            act()
        except PanjError as error:
            set_trouble(str(error))
        else:
            set_trouble("")

    return trouble, attempt


QUERY = "class"  # in an address: /join?class=FKMRWX
ENDS = (0.05, 0.95)


def session_code(sessions_of: Callable[[str], list[Session]]) -> str:
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


chosen: solara.Reactive[Overrides] = solara.reactive(())  # the choice of settings; () is the baseline
seed: solara.Reactive[int] = solara.reactive(0)  # of the one campaign that is watched, told or forked
day: solara.Reactive[int] = solara.reactive(0)  # of it, on which a page last stood; 0 is the first


def session() -> str:
    """Who this is: the secret that the server gave to this browser, the same on all its pages."""
    return str(get_current_context().session_id)


BREATH = 0.1  # seconds between two drawings, at least
Read = TypeVar("Read")


def use_session_state(code: str, read: Callable[[], Read]) -> Read | None:
    """What `read` gives, now and after every change of a session; None where the session or the right to it is gone."""

    def found() -> Read | None:
        with suppress(Refused):
            return read()
        return None

    at_first = solara.use_memo(found, [code])
    latest, set_latest = solara.use_state(at_first, key=code)

    def watch() -> Callable[[], None]:
        news, is_left = threading.Event(), threading.Event()
        unwatch = the_register().watch(code, news.set)

        def follow() -> None:
            """In a thread of this visitor: nobody waits until this page is drawn."""
            while not is_left.is_set():
                set_latest(found())  # at first, too: something may have changed since the first reading
                news.wait()
                is_left.wait(BREATH)  # changes that come together are drawn together
                news.clear()

        threading.Thread(target=follow, name="watched", daemon=True).start()

        def leave() -> None:
            unwatch()
            is_left.set()
            news.set()

        return leave

    solara.use_effect(watch, [code])
    return latest
