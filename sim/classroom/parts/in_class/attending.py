"""The part of every page for students in a class session: the question, and the teacher's call to the class."""

from functools import partial

import solara
from solara.server.kernel_context import PageStatus, contexts, get_current_context

from sim.classroom.hooks import session, use_session_state
from sim.classroom.notices import current_seat, notice_of
from sim.classroom.parts.distribution import Said
from sim.classroom.sessions.register import the_register
from sim.classroom.sessions.session import Place
from sim.classroom.texts import texts_of

# number of times that a session was joined or left in this browser tab
seats_changed: solara.Reactive[int] = solara.reactive(0)


def is_connected(page: str) -> bool:
    """Return whether a browser is connected to an open page, given the id of that page."""
    context = contexts.get(page)
    return context is not None and PageStatus.CONNECTED in context.page_status.values()


def use_attendance(page: str) -> Place | None:
    """Record that the visitor's browser shows a page, and follow its class session.

    Args:
        page: Name of the page, as in its address.

    Returns:
        The student's view of the newest open session; None if the browser has joined none.
    """
    opened, browser, register = get_current_context().id, session(), the_register()
    is_here = partial(is_connected, opened)
    solara.use_effect(lambda: register.presence.enter(opened, browser, page, is_here), [page])
    solara.use_effect(lambda: lambda: register.presence.leave(opened), [])
    code = solara.use_memo(lambda: current_seat(browser), [page, seats_changed.value])
    return use_session_state(code, lambda: register.place(code, browser))


@solara.component
def Attending(place: Place | None, page: str) -> None:
    """Show the teacher's current call to the class and, except on the page Class, the current question.

    Args:
        place: The student's view of the session; None if the browser has joined none. The element exists in either
            case, so that the rest of the page is not rebuilt when a session begins or ends.
        page: Name of the page, as in its address.
    """
    told = notice_of(place, solara.use_router().root_path, f"/{page}")
    look = ["attending", *([f"attending-{told.call}"] if told.call else []), *([] if told.said else ["is-empty"])]
    attributes = {"role": "region", "aria-label": texts_of("class").say("attend_name"), "aria-live": "polite"}
    with solara.Div(classes=look, attributes=attributes):
        if told.called:
            Said(told.called, "strong")
        if told.said:
            Said(told.said)
            Said(told.link, "a", attributes={"href": told.href})
