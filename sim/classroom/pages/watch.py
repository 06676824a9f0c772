"""The page Watch: one campaign on the animated map, with a control for its seed."""

import solara

from sim.classroom.choice.fields import describe_change
from sim.classroom.choice.form import Form
from sim.classroom.choice.parse import read_overrides
from sim.classroom.hooks import chosen, day, followed, seed
from sim.classroom.parts import Heading, Note, Trouble
from sim.classroom.parts.follow import FollowForm, following
from sim.classroom.parts.map import Map
from sim.classroom.parts.questions import SeedForm
from sim.classroom.player import film_for
from sim.classroom.texts import texts_of
from sim.errors import PanjError
from sim.settings.overrides import Overrides


@solara.component
def Page() -> None:
    """Show one campaign of the visitor's choice of settings."""
    texts = texts_of("watch")
    first = solara.use_memo(day.peek, [])
    Heading(texts.say("heading"))
    Note(texts.say("about", choice=describe_choice(chosen.value)))
    FollowForm()
    SeedForm()
    try:
        film = film_for(following(chosen.value, followed.value), seed.value)
    except PanjError as error:
        Trouble(str(error))
        return
    Map([film], [texts.say("one")], first, day.set)
    with solara.Div(classes=["onward"], attributes={"role": "navigation", "aria-label": texts.say("onward")}):
        solara.Link("/story", children=[texts.say("to_story")])
        solara.Link("/what_if", children=[texts.say("to_what_if")])


def describe_choice(overrides: Overrides) -> str:
    """Describe how a choice differs from the baseline.

    Args:
        overrides: The choice of settings.

    Returns:
        The differences in words, or the overrides themselves if the form cannot read them.
    """
    if not overrides:
        return texts_of("watch").say("baseline")
    try:
        return describe_change(read_overrides(overrides).form, Form())
    except PanjError:
        return " ".join(overrides.words)
