"""The start page: an introduction, a picture of the river, and links to pages to begin with."""

import solara

from sim.classroom.hooks import use_campaigns
from sim.classroom.parts import Heading, Note, Prose
from sim.classroom.parts.river import RiverPicture
from sim.classroom.scenes import ADDRESS as SCENES
from sim.classroom.texts import texts_of
from sim.configuration.overrides import BASELINE

WAYS = ("watch", "change", "what_if", "lessons", "join")
RUNS = 200


@solara.component
def Page() -> None:
    """Show the introduction, the picture, the links, and the progress of the baseline campaigns."""
    texts = texts_of("home")
    Heading(texts.say("heading"))
    with solara.Div(classes=["start"]):
        with solara.Div():
            Prose(texts.say("about"))
            Prose(texts.say("care"), classes=("care",))
            with solara.Div(classes=["ways"], attributes={"role": "navigation", "aria-label": texts.say("ways")}):
                for way in WAYS:
                    solara.Link(f"/{way}", children=[texts.say(way)])
                scenes = f"{solara.use_router().root_path}{SCENES}"
                solara.HTML("a", texts.say("scenes"), attributes={"href": scenes})
        with solara.Div():
            RiverPicture()
    Baseline()


@solara.component
def Baseline() -> None:
    """Show the progress of the campaigns with decisions as reported, the baseline for every choice."""
    texts = texts_of("home")
    asked = use_campaigns(BASELINE, RUNS)
    if asked.ticket is None:
        return
    done = asked.ticket.done
    is_ready = done >= RUNS
    said = texts.say("ready", done) if is_ready else texts.say("getting_ready", done=done, runs=RUNS)
    Note(said, live=True)
