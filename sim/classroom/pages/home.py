"""The first page: what this is, and where to begin."""

import solara

from sim.classroom.desk import the_desk
from sim.classroom.parts import Heading, Note, Prose
from sim.classroom.state import for_this_page, session
from sim.classroom.words import words_of

WAYS = ("watch", "change", "compare", "what_if", "story", "lessons", "join")
RUNS = 200


@solara.component
def Page() -> None:
    """Text, and how far the baseline is, which everybody compares with."""
    words = words_of("home")
    Heading(words.say("heading"))
    Prose(words.say("about"))
    Heading(words.say("ways"), 2)
    Prose("\n".join(f"- {words.say(way)}" for way in WAYS))
    Prose(words.say("teacher"))
    Baseline()


@solara.component
def Baseline() -> None:
    """Campaigns of the baseline that are there."""
    words = words_of("home")
    ticket = solara.use_memo(lambda: the_desk().ask(session(), (), RUNS), [])
    done, set_done = solara.use_state(ticket.done)
    solara.use_effect(lambda: ticket.watch(for_this_page(lambda: set_done(ticket.done))), [ticket])
    is_ready = done >= ticket.runs
    said = words.say("ready", done) if is_ready else words.say("getting_ready", done=done, runs=ticket.runs)
    Note(said, live=True)
