"""The page change."""

import solara

from sim.classroom.parts import Heading
from sim.classroom.words import words_of


@solara.component
def Page() -> None:
    """Nothing yet."""
    Heading(words_of("shell").say("page_change"))
