"""The start page: an introduction with links to the other pages."""

import solara

from sim.classroom.hooks import use_campaigns
from sim.classroom.parts import Heading, Note, Prose
from sim.classroom.texts import texts_of
from sim.configuration.overrides import BASELINE

WAYS = ("watch", "change", "compare", "what_if", "story", "lessons", "join")
RUNS = 200


@solara.component
def Page() -> None:
    """Show the introduction, and the progress of the baseline campaigns, with which everything is compared."""
    texts = texts_of("home")
    Heading(texts.say("heading"))
    Prose(texts.say("about"))
    Heading(texts.say("ways"), 2)
    Prose("\n".join(f"- {texts.say(way)}" for way in WAYS))
    Prose(texts.say("teacher"))
    Baseline()


@solara.component
def Baseline() -> None:
    """Show the progress of the baseline campaigns."""
    texts = texts_of("home")
    asked = use_campaigns(BASELINE, RUNS)
    if asked.ticket is None:
        return
    done = asked.ticket.done
    is_ready = done >= RUNS
    said = texts.say("ready", done) if is_ready else texts.say("getting_ready", done=done, runs=RUNS)
    Note(said, live=True)
