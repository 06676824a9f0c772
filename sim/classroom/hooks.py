"""Solara hooks shared by pages: the visitor's browser and choice, requests for campaigns, and updates of pages."""

import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import NamedTuple, TypeVar
from urllib.parse import parse_qs

import numpy as np
import solara
from solara.server.kernel_context import get_current_context

from sim.classroom.desk import Ticket, the_desk
from sim.classroom.gate import CLASS
from sim.classroom.reading import Campaigns
from sim.classroom.sessions.claims import ENDS, Refused, by_seed
from sim.classroom.sessions.register import USUAL_RUNS, the_register
from sim.classroom.sessions.session import Session, spelled
from sim.configuration.overrides import BASELINE, Overrides
from sim.errors import PanjError

OFTEN, SELDOM = 0.4, 2.0  # shortest and longest time between updates of a distribution, seconds
# pause per second of drawing, and longest pause, in seconds, so that large classes redraw less often
SPARE, LONGEST = 10, 4.0
BREATH = 0.1  # shortest time between updates of a class session, seconds
State = TypeVar("State")
Action = Callable[[], object]

chosen: solara.Reactive[Overrides] = solara.reactive(BASELINE)  # the visitor's choice of settings
followed: solara.Reactive[str] = solara.reactive("")  # day up to which campaigns follow the record, or empty
seed: solara.Reactive[int] = solara.reactive(0)  # seed of the campaign on the pages Watch, Story and What if
day: solara.Reactive[int] = solara.reactive(0)  # last day of the campaign that these pages show, counted from day 0
kept: solara.Reactive[Mapping[str, str]] = solara.reactive({})  # other text values in the address, by key
own: solara.Reactive[tuple[Overrides, ...]] = solara.reactive(())  # choices that the visitor has run, newest first
arrivals: solara.Reactive[int] = solara.reactive(0)  # number of times that the state was set from an address
MOST_OWN = 6  # largest number of remembered choices


def keep(texts: Mapping[str, str]) -> None:
    """Store texts in the address of the page.

    Args:
        texts: The texts, by key in the address.
    """
    if {**kept.peek(), **texts} != kept.peek():
        kept.set({**kept.peek(), **texts})


def use_kept(key: str, usual: str) -> tuple[str, Callable[[str], None]]:
    """Use a text stored in the address of the page, so that it survives a reload, Back and a second tab.

    Args:
        key: Key of the text in the address, one of `sim.classroom.address.KEYS`.
        usual: The default text.

    Returns:
        The text, and a function that changes it.
    """
    solara.use_effect(lambda: keep({key: kept.peek().get(key, usual)}), [])
    return kept.value.get(key, usual), lambda text: keep({key: text})


def remember(overrides: Overrides) -> None:
    """Remember a choice that the visitor has run, for comparison with others.

    Args:
        overrides: The choice of settings; decisions as reported are not remembered.
    """
    if overrides:
        others = (one for one in own.peek() if one != overrides)
        own.set((overrides, *others)[:MOST_OWN])


def session() -> str:
    """Return the identifier of the visitor's browser.

    Returns:
        The secret in the browser's cookie, which is the same on all pages.
    """
    return str(get_current_context().session_id)


class RequestState(NamedTuple):
    """State of a page's request for campaigns."""

    ticket: Ticket | None
    trouble: str  # the error that prevented the request or stopped its campaigns; empty if there is none
    overrides: Overrides

    @property
    def campaigns(self) -> Campaigns | None:
        """The campaigns finished so far; None if there is no ticket."""
        if self.ticket is None:
            return None
        return Campaigns(the_desk().settings(self.overrides), self.ticket.table(), self.ticket.runs)


def use_campaigns(overrides: Overrides | None, runs: int, wish: int = 0, first_seed: int = 0) -> RequestState:
    """Request campaigns, redraw the page as they finish, and cancel the request when the page is left.

    Args:
        overrides: The choice of settings; None to request nothing.
        runs: Number of campaigns.
        wish: Any number; the campaigns are requested again when it changes.
        first_seed: Seed of the first campaign.

    Returns:
        The state of the request.
    """
    no_ticket: Ticket | None = None
    _, set_seen = solara.use_state((no_ticket, 0, 0, False))

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

        def pause(spent: float) -> float:
            return min(max(OFTEN, SPARE * spent), LONGEST)

        stop = follow_updates(ticket.watch, shower_of(ticket, set_seen), pause, SELDOM, lambda: ticket.ended)

        def leave() -> None:
            stop()
            if not ticket.ended:
                ticket.withdraw()

        return leave

    solara.use_effect(follow, [ticket])
    return request._replace(trouble=request.trouble or (ticket.error if ticket else ""))


def shower_of(ticket: Ticket, draw: Callable[[tuple[Ticket, int, int, bool]], None]) -> Callable[[], bool]:
    """Return a function that redraws a request if its state has changed.

    The function returns True once it has drawn the request as ended. If a request ends while the page is being drawn,
    the page must be drawn once more.

    Args:
        ticket: The request.
        draw: Function that draws a state: the request, its finished campaigns, its place in the queue, and whether it
            has ended. The request is included because a page is redrawn only if its state differs: a request that ends
            before it is first drawn could otherwise have the same state as an earlier one.
    """
    seen: list[object] = []

    def show() -> bool:
        state = ticket, ticket.done, ticket.place, ticket.ended
        if seen != [state]:
            seen[:] = [state]
            draw(state)
        return state[-1]

    return show


def use_session_state(code: str, read: Callable[[], State], longest: float | None = None) -> State | None:
    """Read part of a class session, and read it again and redraw the page after every change to the session.

    Args:
        code: Code of the session.
        read: Returns what the page shows; raises Refused if the session does not exist or the visitor may not see it.
        longest: Seconds after which the part is read again even without a change; None to wait indefinitely.

    Returns:
        The last result of `read`; None if it raised Refused.
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

    def follow() -> Callable[[], None]:
        return follow_updates(lambda one: the_register().watch(code, one), update, lambda _: BREATH, longest)

    solara.use_effect(follow, [code])
    return latest


def follow_updates(
    watch: Callable[[Callable[[], None]], Callable[[], None]],
    update: Callable[[], bool],
    pause: Callable[[float], float],
    longest: float | None = None,
    is_urgent: Callable[[], bool] = lambda: False,
) -> Callable[[], None]:
    """Call `update` now and after every change, in a separate thread, so that no page waits for another.

    Args:
        watch: Registers a listener for changes, and returns a function that removes it.
        update: Redraws the page; returns True to end the updates.
        pause: Returns the pause after an update, given the time that it took, both in seconds; changes during the pause
            are drawn together.
        longest: Seconds to wait for a change after the pause before updating anyway; None to wait indefinitely.
        is_urgent: Returns whether a change must be drawn without a pause.

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
    """Create a function that calls an action and stores the message of any PanjError for display.

    Returns:
        The message of the PanjError raised by the latest action (empty if there was none), and the function.
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
    """Return the code of the class session to which a page belongs.

    Args:
        sessions_of: Returns the sessions of a browser, the newest first.

    Returns:
        The code in the URL of the page, or else that of the browser's newest session; empty if there is neither.
    """
    given = parse_qs(solara.use_router().search or "").get(CLASS, [""])[0]
    found = sessions_of(session())
    code = spelled(given) or (found[0].code if found else "")
    solara.use_effect(lambda: keep({CLASS: code}), [code])
    return code


def middle_of_baseline(outcome: str) -> tuple[float, float] | None:
    """Return the ends of the middle 90 % of an outcome over the baseline campaigns.

    Args:
        outcome: Name of the outcome.

    Returns:
        The 5 % and 95 % quantiles, in the unit of the outcome; None if the campaigns have not finished, or none of
        them has a value.
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
