"""A page that changes when others act: it reads again when its class session has changed, until the page is closed."""

from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

import solara
from solara.server.kernel_context import get_current_context

from sim.classroom.claims import Refused
from sim.classroom.register import the_register

Read = TypeVar("Read")


def use_watched(code: str, read: Callable[[], Read]) -> Read | None:
    """What `read` gives, now and after every change of a session; None where the session or the right to it is gone."""

    def found() -> Read | None:
        with suppress(Refused):
            return read()
        return None

    at_first = solara.use_memo(found, [code])
    latest, set_latest = solara.use_state(at_first, key=code)

    def watch() -> Callable[[], None]:
        context = get_current_context()

        def listener() -> None:
            if context.closed_event.is_set():
                raise RuntimeError("the page has gone")
            with context:  # widgets are made for the visitor of this page
                set_latest(found())

        unwatch = the_register().watch(code, listener)
        set_latest(found())  # what changed between the first reading and now
        return unwatch

    solara.use_effect(watch, [code])
    return latest
