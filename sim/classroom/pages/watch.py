"""Watch one campaign: the map that plays, with the seed to roll again."""

import solara

from sim.classroom.choice.fields import say_change
from sim.classroom.choice.form import Form
from sim.classroom.choice.parse import read_words
from sim.classroom.desk import Words
from sim.classroom.hooks import chosen, day, seed
from sim.classroom.parts import Heading, Note, Trouble
from sim.classroom.parts.map import Map
from sim.classroom.parts.questions import SeedForm
from sim.classroom.player import film_for
from sim.classroom.texts import words_of
from sim.errors import PanjError


@solara.component
def Page() -> None:
    """One campaign of the session's choice."""
    words = words_of("watch")
    first = solara.use_memo(day.peek, [])
    Heading(words.say("heading"))
    Note(words.say("about", choice=say_choice(chosen.value)))
    SeedForm()
    try:
        film = film_for(chosen.value, seed.value)
    except PanjError as error:
        Trouble(str(error))
        return
    Map([film], [words.say("one")], first, day.set)
    with solara.Div(classes=["onward"], attributes={"role": "navigation", "aria-label": words.say("onward")}):
        solara.Link("/story", children=[words.say("to_story")])
        solara.Link("/what_if", children=[words.say("to_what_if")])


def say_choice(words: Words) -> str:
    """What is chosen otherwise than in the baseline, in words; as on the command line where the form has none."""
    if not words:
        return words_of("watch").say("baseline")
    try:
        return say_change(read_words(words).form, Form())
    except PanjError:
        return " ".join(words)
