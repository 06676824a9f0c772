"""A page's wish for campaigns: asked for when it is needed, drawn anew as they come, withdrawn when nobody looks."""

import threading
import time
from collections.abc import Callable
from typing import NamedTuple

import solara

from sim.classroom.desk import Ticket, Words, the_desk
from sim.classroom.reading import Campaigns
from sim.classroom.state import session
from sim.errors import PanjError

OFTEN, SELDOM = 0.4, 2.0  # seconds between two drawings, at least and at most, while campaigns come
SPARE, LONGEST = 10, 4.0  # times as long as a drawing took, and seconds at most: in a full class each draws less often


class Asked(NamedTuple):
    """What has come of a wish."""

    ticket: Ticket | None
    trouble: str  # why there is no ticket, or no more campaigns
    words: Words

    @property
    def campaigns(self) -> Campaigns | None:
        """As far as they are there; None without a ticket."""
        if self.ticket is None:
            return None
        return Campaigns(the_desk().settings(self.words), self.ticket.table(), self.ticket.runs)


def use_campaigns(words: Words | None, runs: int, wish: int = 0, first_seed: int = 0) -> Asked:
    """Ask for campaigns and draw again when more are there; None asks for nothing, another `wish` asks again."""
    _, set_seen = solara.use_state((0, 0, False))

    def ask() -> Asked:
        if words is None:
            return Asked(None, "", ())
        try:
            return Asked(the_desk().ask(session(), words, runs, first_seed), "", words)
        except PanjError as error:
            return Asked(None, str(error), words)

    asked = solara.use_memo(ask, [words, runs, wish, first_seed])
    ticket = asked.ticket

    def follow() -> Callable[[], None] | None:
        if ticket is None:
            return None
        news, hurry, is_left = threading.Event(), threading.Event(), threading.Event()

        def hear() -> None:
            news.set()
            if ticket.ended:
                hurry.set()

        unwatch = ticket.watch(hear)

        def tell() -> None:
            """In a thread of this visitor: drawing keeps nobody's campaigns waiting."""
            said = None
            while not is_left.is_set():
                now = ticket.done, ticket.place, ticket.ended
                started = time.monotonic()
                if now != said:
                    said = now
                    set_seen(now)
                if now[-1]:
                    return
                hurry.wait(min(max(OFTEN, SPARE * (time.monotonic() - started)), LONGEST))
                news.wait(SELDOM)
                news.clear()

        threading.Thread(target=tell, daemon=True).start()

        def leave() -> None:
            unwatch()
            is_left.set()
            hurry.set()
            if not ticket.ended:
                ticket.withdraw()

        return leave

    solara.use_effect(follow, [ticket])
    return asked._replace(trouble=asked.trouble or (ticket.error if ticket else ""))
