"""A page that changes when others act: it reads again when its class session has changed, until the page is closed."""

import threading
from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

import solara

from sim.classroom.claims import Refused
from sim.classroom.register import the_register

BREATH = 0.1  # seconds between two drawings, at least
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
