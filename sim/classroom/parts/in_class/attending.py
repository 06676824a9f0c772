"""The part of every page for students in a class session: the question, and the teacher's call to the class."""

from functools import partial

import solara
from solara.server.kernel_context import PageStatus, contexts, get_current_context

from sim.classroom.gate import CLASS, JOIN_PATH
from sim.classroom.hooks import session, use_session_state
from sim.classroom.parts.distribution import Said
from sim.classroom.parts.in_class.scenes_clock import LinkToScenes
from sim.classroom.sessions.register import the_register
from sim.classroom.sessions.session import ANSWERED, DEBRIEF, EYES, OPEN, Place, measure_of
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


def current_seat(browser: str) -> str:
    """Return the code of the newest open session that a browser has joined; empty if there is none."""
    return next((one.code for one in the_register().seats_of(browser) if not one.is_ended), "")


@solara.component
def Attending(place: Place | None, page: str) -> None:
    """Show the teacher's current call to the class and, except on the page Class, the current question.

    Args:
        place: The student's view of the session; None if the browser has joined none. The element exists in either
            case, so that the rest of the page is not rebuilt when a session begins or ends.
        page: Name of the page, as in its address.
    """
    texts, root = texts_of("class"), solara.use_router().root_path
    question, call = (place.question, place.call) if place else (None, "")
    is_asked = question is not None and question.stage in (OPEN, ANSWERED, DEBRIEF) and f"/{page}" != JOIN_PATH
    is_in_scenes = place is not None and place.scene is not None and f"/{page}" != JOIN_PATH
    is_empty = not is_asked and not is_in_scenes
    look = ["attending", *([f"attending-{call}"] if call else []), *(["is-empty"] if is_empty else [])]
    attributes = {"role": "region", "aria-label": texts.say("attend_name"), "aria-live": "polite"}
    with solara.Div(classes=look, attributes=attributes):
        if call:
            Said(texts.say(f"attend_{call}"), "strong")
        if is_in_scenes and place and call != EYES:
            LinkToScenes(place.session.code)
        elif is_asked and place and question and call != EYES:
            Said(texts.say("attend_question", number=question.number, label=measure_of(question.outcome).label))
            key = "attend_answer" if question.stage == OPEN and place.sent is None else "attend_look"
            Said(texts.say(key), "a", attributes={"href": f"{root}{JOIN_PATH}?{CLASS}={place.session.code}"})
