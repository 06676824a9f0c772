"""Who wants to know when a class session changes, and one thread that tells them, one after the other.

Assumed Nobody who writes waits for those who read: changes that come while a listener is being told are told together.
"""

import threading
from collections.abc import Callable
from contextlib import suppress

Listener = Callable[[], None]


class Bulletin:
    """Listeners by session code. Every method may be called from any thread."""

    def __init__(self) -> None:
        self.changed = threading.Condition()
        self.listeners: dict[str, list[Listener]] = {}
        self.news: dict[str, None] = {}  # codes in the order of their first change that nobody was told of
        threading.Thread(target=self.serve, name="bulletin", daemon=True).start()

    def watch(self, code: str, listener: Listener) -> Callable[[], None]:
        """Call `listener` after every change of a session; what is returned ends that."""
        with self.changed:
            self.listeners.setdefault(code, []).append(listener)
        return lambda: self.forget(code, listener)

    def forget(self, code: str, listener: Listener) -> None:
        """Tell a listener no more."""
        with self.changed:
            theirs = self.listeners.get(code, [])
            if listener in theirs:
                theirs.remove(listener)
            if not theirs:
                self.listeners.pop(code, None)

    def tell(self, code: str) -> None:
        """Something has changed in a session."""
        with self.changed:
            self.news[code] = None
            self.changed.notify()

    def serve(self) -> None:
        """What the thread does for ever; a listener that fails, because its page has gone, is told no more."""
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
                    with suppress(ValueError):
                        self.forget(code, listener)
