"""The first page: what this is, and where to begin."""

import solara

from sim.classroom.hooks import use_campaigns
from sim.classroom.parts import Heading, Note, Prose
from sim.classroom.texts import words_of

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
    asked = use_campaigns((), RUNS)
    if asked.ticket is None:
        return
    done = asked.ticket.done
    is_ready = done >= RUNS
    said = words.say("ready", done) if is_ready else words.say("getting_ready", done=done, runs=RUNS)
    Note(said, live=True)
