"""Which campaign is shown: a seed that can be typed, and one that is rolled."""

import secrets

import solara

from sim.classroom.parts import Press, Trouble
from sim.classroom.state import seed
from sim.classroom.words import words_of
from sim.errors import PanjError

MOST = 9999


@solara.component
def SeedForm() -> None:
    """The seed of the session; `roll again` draws another."""
    words = words_of("watch")
    text, set_text = solara.use_state(str(seed.value))
    trouble, set_trouble = solara.use_state("")

    def show(given: str) -> None:
        """Take it if it is one."""
        set_text(given)
        try:
            seed.set(read_seed(given))
            set_trouble("")
        except PanjError as error:
            set_trouble(str(error))

    with solara.Div(classes=["seed-form"]):
        solara.InputText(words.say("seed", most=MOST), value=text, on_value=show, dense=True)
        Press(words.say("again"), lambda: show(str(secrets.randbelow(MOST + 1))), is_main=True)
    Trouble(trouble)


def read_seed(given: str) -> int:
    """A whole number within bounds; PanjError says what was found."""
    text = given.strip()
    if not (text.isascii() and text.isdecimal() and len(text) <= len(str(MOST)) and int(text) <= MOST):
        raise PanjError(words_of("watch").say("bad_seed", found=text[:20], most=MOST))
    return int(text)
