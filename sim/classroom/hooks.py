"""Hooks shared by the pages: the visitor's browser and choice, requests for campaigns, and updates of shared state."""

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import NamedTuple, TypeVar
from urllib.parse import parse_qs

import numpy as np
import solara
from solara.server.kernel_context import get_current_context

from sim.classroom.desk import Ticket, the_desk
from sim.classroom.reading import Campaigns
from sim.classroom.sessions.claims import ENDS, Refused, by_seed
from sim.classroom.sessions.register import USUAL_RUNS, the_register
from sim.classroom.sessions.session import Session, spelled
from sim.errors import PanjError
from sim.settings.overrides import BASELINE, Overrides

OFTEN, SELDOM = 0.4, 2.0  # minimum and maximum seconds between updates of a distribution
SPARE, LONGEST = 10, 4.0  # pause per second of drawing, and its maximum in seconds: a full class redraws less often
BREATH = 0.1  # minimum seconds between updates of a class session
QUERY = "class"  # in an address: /join?class=FKMRWX
State = TypeVar("State")
Action = Callable[[], object]

chosen: solara.Reactive[Overrides] = solara.reactive(BASELINE)  # the visitor's choice of settings
followed: solara.Reactive[str] = solara.reactive("")  # day to which campaigns of these pages follow the record
seed: solara.Reactive[int] = solara.reactive(0)  # seed of the campaign on the pages Watch, Story and What if
day: solara.Reactive[int] = solara.reactive(0)  # day of that campaign last shown on a page; 0 is the first


def session() -> str:
    """Identify the visitor's browser.

    Returns:
        The secret that the server gave to this browser, the same on all its pages.
    """
    return str(get_current_context().session_id)


class RequestState(NamedTuple):
    """The state of a page's request for campaigns."""

    ticket: Ticket | None
    trouble: str  # the error if there is no ticket or the campaigns have stopped; else empty
    overrides: Overrides

    @property
    def campaigns(self) -> Campaigns | None:
        """The campaigns finished so far; None without a ticket."""
        if self.ticket is None:
            return None
        return Campaigns(the_desk().settings(self.overrides), self.ticket.table(), self.ticket.runs)


def use_campaigns(overrides: Overrides | None, runs: int, wish: int = 0, first_seed: int = 0) -> RequestState:
    """Request campaigns, redraw the page as they finish, and cancel the request when the page is left.

    Args:
        overrides: The choice of settings; None requests nothing.
        runs: Number of campaigns.
        wish: Counter of requests; a new value repeats the request.
        first_seed: Seed of the first campaign.

    Returns:
        The state of the request.
    """
    _, set_seen = solara.use_state((0, 0, False))

    def ask() -> RequestState:
        if overrides is None:
            return RequestState(None, "", BASELINE)
        try:
            return RequestState(the_desk().ask(session(), overrides, runs, first_seed), "", overrides)
        except PanjError as error:
            return RequestState(None, str(error), overrides)

    request = solara.use_memo(ask, [overrides, runs, wish, first_seed])
    ticket = request.ticket

    def follow() -> Callable[[], None] | None:
        if ticket is None:
            return None
        seen: list[object] = []

        def update() -> bool:
            state = ticket.done, ticket.place, ticket.ended
            if seen != [state]:
                seen[:] = [state]
                set_seen(state)
            return ticket.ended

        def pause(spent: float) -> float:
            return min(max(OFTEN, SPARE * spent), LONGEST)

        stop = follow_updates(ticket.watch, update, pause, SELDOM, lambda: ticket.ended)

        def leave() -> None:
            stop()
            if not ticket.ended:
                ticket.withdraw()

        return leave

    solara.use_effect(follow, [ticket])
    return request._replace(trouble=request.trouble or (ticket.error if ticket else ""))


def use_session_state(code: str, read: Callable[[], State]) -> State | None:
    """Read part of a class session now and after every change.

    Args:
        code: Code of the session.
        read: Returns what the page shows; raises Refused if the session does not exist or may not be seen.

    Returns:
        The latest value; None if reading was refused.
    """

    def found() -> State | None:
        with suppress(Refused):
            return read()
        return None

    at_first = solara.use_memo(found, [code])
    latest, set_latest = solara.use_state(at_first, key=code)

    def update() -> bool:
        set_latest(found())
        return False

    solara.use_effect(
        lambda: follow_updates(lambda listener: the_register().watch(code, listener), update, lambda _: BREATH), [code]
    )
    return latest


def follow_updates(
    watch: Callable[[Callable[[], None]], Callable[[], None]],
    update: Callable[[], bool],
    pause: Callable[[float], float],
    longest: float | None = None,
    is_urgent: Callable[[], bool] = lambda: False,
) -> Callable[[], None]:
    """Call `update` now and after changes, in a separate thread per visitor, so that drawing does not delay others.

    Args:
        watch: Registers a listener and returns the function that removes it.
        update: Redraws; returns True to end the updates.
        pause: Maps the seconds that an update took to seconds to wait, so that changes in this time are drawn together.
        longest: Seconds after which to update without a change; None waits for a change.
        is_urgent: Whether a change is to be drawn without a pause.

    Returns:
        A function that ends the updates.
    """
    news, hurry, is_left = threading.Event(), threading.Event(), threading.Event()

    def listen() -> None:
        news.set()
        if is_urgent():
            hurry.set()

    def run() -> None:
        while not is_left.is_set():
            started = time.monotonic()
            if update():
                return
            hurry.wait(pause(time.monotonic() - started))
            news.wait(longest)
            news.clear()

    unwatch = watch(listen)
    threading.Thread(target=run, name="page", daemon=True).start()

    def leave() -> None:
        unwatch()
        for event in (is_left, hurry, news):
            event.set()

    return leave


def use_attempt() -> tuple[str, Callable[[Action], None]]:
    """Keep the error of an action for display.

    Returns:
        The error of the last action, empty if it succeeded, and a function that attempts an action.
    """
    trouble, set_trouble = solara.use_state("")

    def attempt(act: Action) -> None:
        try:
            act()
        except PanjError as error:
            set_trouble(str(error))
        else:
            set_trouble("")

    return trouble, attempt


def session_code(sessions_of: Callable[[str], list[Session]]) -> str:
    """Determine the class session that a page is about.

    Args:
        sessions_of: Returns the sessions of a browser, the newest first.

    Returns:
        The code in the address, or else that of the newest session of this browser; empty if there is none.
    """
    given = parse_qs(solara.use_router().search or "").get(QUERY, [""])[0]
    found = sessions_of(session())
    return spelled(given) or (found[0].code if found else "")


def middle_of_baseline(outcome: str) -> tuple[float, float] | None:
    """Compute the middle 90 % of an outcome over the baseline campaigns.

    Args:
        outcome: Name of the outcome.

    Returns:
        The 5 and 95 % quantiles, in the unit of the outcome; None until the campaigns are finished.
    """
    ticket = the_desk().ask("class baseline", BASELINE, USUAL_RUNS)
    table = ticket.table()
    if not ticket.ended or table is None:
        ticket.withdraw()
        return None
    values = list(by_seed(table, outcome).values())
    if not values:
        return None
    low, high = np.quantile(values, ENDS).tolist()
    return low, high
