"""Which page of the classroom each browser has open. Kept in memory only."""

import threading
from collections.abc import Callable
from typing import NamedTuple


class Opened(NamedTuple):
    """A page that a browser has open."""

    browser: str
    name: str
    is_connected: Callable[[], bool]


class Presence:
    """The open pages of all browsers. Its methods may be called from any thread."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.pages: dict[str, Opened] = {}  # by id of the open page, the one that was opened last at the end

    def enter(self, page: str, opened: Opened) -> None:
        """Record a page that a browser has opened, given the id of the page."""
        with self.lock:
            self.pages.pop(page, None)
            self.pages[page] = opened

    def leave(self, page: str) -> None:
        """Forget a page that was closed."""
        with self.lock:
            self.pages.pop(page, None)

    def where(self) -> dict[str, str]:
        """Return the name of the page that each connected browser opened last, keyed by browser."""
        with self.lock:
            pages = list(self.pages.values())
        return {page.browser: page.name for page in pages if page.is_connected()}
