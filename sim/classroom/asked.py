"""A page's wish for campaigns: asked for when it is needed, drawn anew as they come, withdrawn when nobody looks."""

import time
from typing import NamedTuple

import solara
from solara.server.kernel_context import get_current_context

from sim.classroom.desk import Ticket, Words, the_desk
from sim.classroom.reading import Campaigns
from sim.classroom.state import for_this_page, session
from sim.errors import PanjError

OFTEN = 0.4  # seconds between two drawings, at least, while campaigns come


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


def use_campaigns(words: Words | None, runs: int, first_seed: int = 0) -> Asked:
    """Ask for campaigns and draw again when more are there; None asks for nothing."""
    _, set_seen = solara.use_state(0)

    def ask() -> Asked:
        if words is None:
            return Asked(None, "", ())
        try:
            return Asked(the_desk().ask(session(), words, runs, first_seed), "", words)
        except PanjError as error:
            return Asked(None, str(error), words)

    asked = solara.use_memo(ask, [words, runs, first_seed])
    ticket = asked.ticket

    def follow():
        if ticket is None:
            return None
        last = [0.0]
        visitor = get_current_context()

        def seen() -> None:
            if ticket.ended or time.monotonic() - last[0] > OFTEN:
                last[0] = time.monotonic()
                with visitor:  # a thread of the desk belongs to nobody: what it makes new would reach no browser
                    set_seen(ticket.done + ticket.ended)

        unwatch = ticket.watch(for_this_page(seen))
        seen()

        def leave() -> None:
            unwatch()
            if not ticket.ended:
                ticket.withdraw()

        return leave

    solara.use_effect(follow, [ticket])
    return asked._replace(trouble=asked.trouble or (ticket.error if ticket else ""))
