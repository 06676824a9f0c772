"""The decisions of a claim: one list a policy group, with what the choice means below it."""

from collections.abc import Callable
from functools import partial

import solara

from sim.classroom.choices import chosen_in, groups, words_for
from sim.classroom.claims import Words
from sim.classroom.parts import Note


@solara.component
def Decisions(words: Words, on_words: Callable[[Words], None]) -> None:
    """All groups; `on_words` is told what is chosen, where it is not the usual."""
    chosen = chosen_in(words)

    def choose(name: str, choice: str) -> None:
        on_words(words_for({**chosen, name: choice}, words))

    with solara.Div(classes=["claims-fields"]):
        for group in groups():
            choice = chosen.get(group.name, group.usual)
            Decision(group.name, choice, group.about, partial(choose, group.name))


@solara.component
def Decision(name: str, choice: str, about: dict[str, str], on_choice: Callable[[str], None]) -> None:
    """One group."""
    said = {option: option.replace("_", " ") for option in about}
    named = {text: option for option, text in said.items()}
    with solara.Div():
        solara.Select(
            name.replace("_", " "), list(named), said[choice], on_value=lambda text: on_choice(named[text]), dense=True
        )
        Note(about[choice])
