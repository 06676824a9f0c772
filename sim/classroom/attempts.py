"""What a visitor tries, and the sentence that says why it could not be."""

from collections.abc import Callable

import solara

from sim.errors import PanjError

Act = Callable[[], object]


def use_attempt() -> tuple[str, Callable[[Act], None]]:
    """The trouble of the last attempt, nothing if it went well; and how to attempt something."""
    trouble, set_trouble = solara.use_state("")

    def attempt(act: Act) -> None:
        try:
            act()
        except PanjError as error:
            set_trouble(str(error))
        else:
            set_trouble("")

    return trouble, attempt
