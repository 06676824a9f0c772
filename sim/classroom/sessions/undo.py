"""Actions that the teacher of a session can undo for a minute, kept in memory only."""

import threading
from collections.abc import Callable
from itertools import count

from sim.classroom.sessions.session import Undo
from sim.classroom.sessions.storage import Dismissed

MINUTE = 60.0  # seconds during which an action can be undone


class Undos:
    """Actions that can be undone, by session. Its methods may be called from any thread.

    Args:
        announce: Called with the code of a session when an action can no longer be undone.
    """

    def __init__(self, announce: Callable[[str], None]) -> None:
        self.announce = announce
        self.lock = threading.Lock()
        self.numbers = count(1)
        self.kept: dict[str, dict[Undo, Dismissed | None]] = {}

    def add(self, code: str, kind: str, what: str, dismissed: Dismissed | None = None) -> None:
        """Record an action in a session for a minute, with the deleted rows."""
        with self.lock:
            undo = Undo(next(self.numbers), kind, what)
            self.kept.setdefault(code, {})[undo] = dismissed
        timer = threading.Timer(MINUTE, self.expire, (code, undo.number))
        timer.daemon = True
        timer.start()

    def expire(self, code: str, number: int) -> None:
        """Forget an action that was not undone in time."""
        if self.drop(code, number):
            self.announce(code)

    def drop(self, code: str, number: int) -> bool:
        """Forget an action; return whether it could still have been undone."""
        with self.lock:
            found = next((undo for undo in self.kept.get(code, ()) if undo.number == number), None)
            if found:
                del self.kept[code][found]
            return found is not None

    def of(self, code: str) -> tuple[Undo, ...]:
        """Return the actions that can be undone in a session, oldest first."""
        with self.lock:
            return tuple(self.kept.get(code, ()))

    def dismissed(self, code: str) -> dict[int, Dismissed]:
        """Return the deleted rows that a session can restore, keyed by the number of the action, oldest first."""
        with self.lock:
            return {undo.number: rows for undo, rows in self.kept.get(code, {}).items() if rows is not None}

    def forget(self, code: str) -> None:
        """Forget all actions in a deleted session."""
        with self.lock:
            self.kept.pop(code, None)
