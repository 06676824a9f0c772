"""Pages are drawn again after every change, the last one included."""

import time
from types import SimpleNamespace

import solara

from sim.classroom import hooks
from sim.configuration.overrides import BASELINE


def test_a_request_that_ends_while_the_page_is_drawn_is_drawn_once_more(monkeypatch):
    listeners = []

    def watch(listener):
        listeners.append(listener)
        return lambda: listeners.remove(listener)

    ticket = SimpleNamespace(done=190, place=0, ended=False, error="", withdraw=lambda: None, watch=watch)
    monkeypatch.setattr(hooks, "the_desk", lambda: SimpleNamespace(ask=lambda *_: ticket))
    monkeypatch.setattr(hooks, "session", lambda: "anybody")
    drawn = []

    @solara.component
    def Page():
        drawn.append(hooks.use_campaigns(BASELINE, 200).ticket.done)
        if len(drawn) == 2:  # the draw that the first look asks for
            ticket.done, ticket.ended = 200, True
            for listener in listeners:
                listener()
        solara.Text(str(drawn[-1]))

    _, shown = solara.render(Page(), handle_error=False)
    ends = time.monotonic() + 10
    while drawn[-1] != 200 and time.monotonic() < ends:
        time.sleep(0.02)
    shown.close()
    assert drawn[-1] == 200
