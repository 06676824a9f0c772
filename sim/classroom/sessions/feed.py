"""Notify pages of changes in class sessions.

A writer never waits for listeners. Changes to a session during the calls of listeners are announced together.
"""

import threading
from collections.abc import Callable
from contextlib import suppress

Listener = Callable[[], None]


class ChangeFeed:
    """Registry of the listeners of each session, called by a single background thread.

    `watch`, `forget` and `announce` may be called from any thread.
    """

    def __init__(self) -> None:
        self.changed = threading.Condition()
        self.listeners: dict[str, list[Listener]] = {}
        self.news: dict[str, None] = {}  # changed sessions, in the order of their first change not yet announced
        threading.Thread(target=self.serve, name="change feed", daemon=True).start()

    def watch(self, code: str, listener: Listener) -> Callable[[], None]:
        """Register a listener to be called after every change of a session; return a function that removes it."""
        with self.changed:
            self.listeners.setdefault(code, []).append(listener)
        return lambda: self.forget(code, listener)

    def forget(self, code: str, listener: Listener) -> None:
        """Remove a listener of a session, if it has not been removed already."""
        with self.changed, suppress(KeyError, ValueError):
            self.listeners[code].remove(listener)
            if not self.listeners[code]:
                del self.listeners[code]

    def announce(self, code: str) -> None:
        """Announce a change of a session to its listeners, without waiting for them."""
        with self.changed:
            self.news[code] = None
            self.changed.notify()

    def serve(self) -> None:
        """Call the listeners of changed sessions in an endless loop, and remove those that fail (closed pages)."""
        while True:
            with self.changed:
                while not self.news:
                    self.changed.wait()
                code = next(iter(self.news))
                del self.news[code]
                listeners = list(self.listeners.get(code, []))
            for listener in listeners:
                try:
                    listener()
                except Exception:
                    self.forget(code, listener)
