"""The page Watch: one campaign on the animated map, with a control for its seed."""

import solara

from sim.classroom.choice.fields import describe_choice
from sim.classroom.hooks import arrivals, chosen, day, followed, seed
from sim.classroom.parts import Folded, Heading, Note, Trouble
from sim.classroom.parts.follow import FollowForm, following
from sim.classroom.parts.map import Map
from sim.classroom.parts.questions import Again, SeedField
from sim.classroom.player import film_for
from sim.classroom.texts import texts_of
from sim.errors import PanjError


@solara.component
def Page() -> None:
    """Show one campaign of the visitor's choice of settings."""
    texts = texts_of("watch")
    first = solara.use_memo(day.peek, [arrivals.value])
    Heading(texts.say("heading"))
    with solara.Div(classes=["again"]):
        Note(texts.say("about", choice=describe_choice(chosen.value)))
        Again()
    with Folded(texts.say("other")):
        FollowForm()
        SeedField()
    try:
        film = film_for(following(chosen.value, followed.value), seed.value)
    except PanjError as error:
        Trouble(str(error))
        return
    Map([film], [texts.say("one")], first).key(f"map {arrivals.value}")
    with solara.Div(classes=["onward"], attributes={"role": "navigation", "aria-label": texts.say("onward")}):
        solara.Link("/story", children=[texts.say("to_story")])
        solara.Link("/what_if", children=[texts.say("to_what_if")])
