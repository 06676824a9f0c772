"""Record which page of the classroom each browser has open, in memory only.

A page is open from `enter` until `leave`. A page with a connection counts as closed once the connection is lost. A page
without a connection calls `enter` about once a second, and counts as closed `AWAY` seconds after the last call. If a
browser has several pages open, such as two tabs, the last opened page is recorded and, after it is closed, the previous
one.
"""

import threading
import time
from collections.abc import Callable
from typing import NamedTuple

AWAY = 5.0  # seconds after which a page without a connection counts as closed
CHECK = 1.0  # seconds between checks for pages that disappeared without `leave`
MOST_TABS = 20  # largest number of recorded pages per browser
Connected = Callable[[], bool]


class Opened(NamedTuple):
    """A page that a browser has open."""

    browser: str
    name: str
    is_connected: Connected | None  # returns whether the page is connected; None if the page calls `enter` repeatedly
    seen: float  # time of its last call of `enter`, by the clock of `Presence`


class Presence:
    """The open pages of all browsers. Its methods may be called from any thread.

    Args:
        on_change: Called with a browser whenever its open page changes.
        clock: Returns the time in seconds.
    """

    def __init__(
        self, on_change: Callable[[str], None] = lambda _: None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.on_change, self.clock = on_change, clock
        self.lock, self.telling = threading.Lock(), threading.Lock()
        self.pages: dict[str, Opened] = {}  # open pages by id, in order of opening
        self.reported: dict[str, str] = {}  # page of each browser at the last call of `on_change`
        self.is_watched = False

    def enter(self, page: str, browser: str, name: str, is_connected: Connected | None = None) -> None:
        """Record that a browser has a page open.

        Repeated calls do not change the order in which pages were opened, unless the name of the page has changed.

        Args:
            page: Id of the open page, which is unique.
            browser: Secret of the browser.
            name: Name of the page.
            is_connected: Returns whether the browser is connected to the page; None if the page calls `enter`
                repeatedly.
        """
        here = Opened(browser, name, is_connected, self.clock())
        with self.lock:
            before = self.pages.get(page)
            is_known = before is not None and (before.browser, before.name) == (browser, name) and self.is_open(before)
            if not is_known:
                self.pages.pop(page, None)
                own = [one for one, opened in self.pages.items() if opened.browser == browser]
                for one in own[: max(0, len(own) + 1 - MOST_TABS)]:
                    del self.pages[one]
            self.pages[page] = here
            starts, self.is_watched = not self.is_watched, True
        if starts:
            threading.Thread(target=self.watch, name="presence", daemon=True).start()
        if not is_known:
            self.tell()

    def leave(self, page: str) -> None:
        """Forget a page that was closed."""
        with self.lock:
            is_known = self.pages.pop(page, None) is not None
        if is_known:
            self.tell()

    def is_open(self, opened: Opened) -> bool:
        """Return whether a page is still open."""
        if opened.is_connected is not None:
            return opened.is_connected()
        return self.clock() - opened.seen < AWAY

    def where(self) -> dict[str, str]:
        """Return the name of the last opened page of each browser that is still open, keyed by browser."""
        with self.lock:
            pages = list(self.pages.values())
        return {page.browser: page.name for page in pages if self.is_open(page)}

    def tell(self) -> None:
        """Call `on_change` for each browser whose page has changed; forget pages that disappeared without `leave`."""
        with self.telling:
            with self.lock:
                gone = [one for one, page in self.pages.items() if page.is_connected is None and not self.is_open(page)]
                for one in gone:  # a page with a connection may reconnect
                    del self.pages[one]
            here, before = self.where(), self.reported
            self.reported = here
            for browser in here.keys() | before.keys():
                if here.get(browser) != before.get(browser):
                    self.on_change(browser)

    def watch(self) -> None:
        """Check for pages that disappeared without `leave`, in an endless loop; this is the loop of a thread."""
        while True:
            time.sleep(CHECK)
            self.tell()
