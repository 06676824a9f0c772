"""What the teacher of a session can undo for a minute. It is kept in memory only, and forgotten after that minute."""

import threading
from collections.abc import Callable
from itertools import count

from sim.classroom.sessions.session import Undo

MINUTE = 60.0  # seconds in which something can be undone
Restore = Callable[[], None]


class Undos:
    """What can be undone in each session. Its methods may be called from any thread.

    Args:
        announce: Called with the code of a session when something can no longer be undone.
    """

    def __init__(self, announce: Callable[[str], None]) -> None:
        self.announce = announce
        self.lock = threading.Lock()
        self.numbers = count(1)
        self.kept: dict[str, dict[Undo, Restore]] = {}

    def add(self, code: str, kind: str, what: str, restore: Restore) -> None:
        """Keep for a minute how to undo something in a session."""
        with self.lock:
            undo = Undo(next(self.numbers), kind, what)
            self.kept.setdefault(code, {})[undo] = restore
        timer = threading.Timer(MINUTE, self.expire, (code, undo.number))
        timer.daemon = True
        timer.start()

    def expire(self, code: str, number: int) -> None:
        """Forget what has not been undone in its minute."""
        if self.take(code, number) is not None:
            self.announce(code)

    def take(self, code: str, number: int) -> Restore | None:
        """Return how to undo something, and forget it; None if it can no longer be undone."""
        with self.lock:
            found = next((undo for undo in self.kept.get(code, ()) if undo.number == number), None)
            return self.kept[code].pop(found) if found else None

    def of(self, code: str) -> tuple[Undo, ...]:
        """Return what can be undone in a session, in the order in which it was done."""
        with self.lock:
            return tuple(self.kept.get(code, ()))

    def forget(self, code: str) -> None:
        """Forget everything about a session, because it was deleted."""
        with self.lock:
            self.kept.pop(code, None)
