"""Components for answers: the form for a student's answer, and the link that saves all answers to a file."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import solara

from sim.classroom.digits import number_in
from sim.classroom.lessons.forecasts import LEVELS
from sim.classroom.lessons.lesson import CHOSEN, FORECAST, NUMBERS, RANGES, Task
from sim.classroom.lessons.marking import Value
from sim.classroom.texts import texts_of
from sim.errors import PanjError
from sim.wording import Language

LABELS = ("number", "from", "to", "nine", "half", "choice", "id", "words", "keep", "check")


@solara.component_vue("answer.vue")
def Form(
    kind: str,
    choices: Sequence[dict[str, str]],
    given: list[str],
    labels: dict[str, str],
    event_answer: Callable[[Any], None],
) -> None:
    """Show the form for an answer; `event_answer` receives a mapping of texts: `first`, `second`, `third`, `fourth`."""


@solara.component_vue("hand_in.vue")
def Keeper(name: str, text: str, answered: int, event_load: Callable[[Any], None]) -> None:
    """Store a hand-in in this tab of the browser.

    Args:
        name: Key under which the hand-in is stored; empty to store nothing.
        text: Content of the hand-in.
        answered: Number of answers in the hand-in.
        event_load: Called with a mapping that contains the `text` stored earlier in this tab, if there is one.
    """


@solara.component_vue("save.vue")
def Save(text: str, file: str, label: str) -> None:
    """Show a link that saves a text as a file."""


@solara.component
def AnswerForm(
    task: Task, given: Value | None, on_answer: Callable[[Value], None], on_trouble: Callable[[str], None]
) -> None:
    """Show the controls for answering a task.

    Args:
        task: The task, whose kind determines the controls.
        given: The answer that the student has given; None if there is none.
        on_answer: Called with a new answer.
        on_trouble: Called with the error message if an answer cannot be parsed.
    """
    texts = texts_of("lessons")

    def answer(found: Any) -> None:
        try:
            on_answer(value_of(task, found))
        except PanjError as error:
            on_trouble(str(error))

    labels = {key: texts.say(f"answer_{key}") for key in LABELS}
    if task.kind in CHOSEN:  # the first answer counts
        labels["check"] = texts.say("answer_check_once")
    choices = [{"value": one, "text": text_of_choice(task, one, texts)} for one in task.choices]
    Form(kind=shape_of(task), choices=choices, given=shown(given), labels=labels, event_answer=answer)


def text_of_choice(task: Task, choice: str, texts: Language) -> str:
    """Return the displayed text of a choice; choices common to all tasks of a kind are in the texts of the page."""
    return texts.say(f"choice_{choice.replace(' ', '_')}") if task.kind in ("verdict", "inside") else choice


def shape_of(task: Task) -> str:
    """Return the kind of controls used to answer a task, such as `range`."""
    if task.kind in NUMBERS:
        return "number"
    if task.kind == FORECAST:
        return FORECAST
    if task.kind in RANGES:
        return "range"
    return "choice" if task.kind in CHOSEN else "id" if task.kind == "evidence" else "words"


def value_of(task: Task, found: Any) -> Value:
    """Convert the texts from a browser to an answer; raise PanjError if a number cannot be parsed."""
    given = found if isinstance(found, Mapping) else {}
    first, second, third, fourth = (str(given.get(key, "")) for key in ("first", "second", "third", "fourth"))
    shape = shape_of(task)
    if shape == "number":
        return number_of(first)
    if shape == "range":
        return number_of(first), number_of(second)
    if shape == FORECAST:  # the 90 % range comes first in the form
        return tuple(number_of(text) for text in (first, third, fourth, second))
    return first


def number_of(text: str) -> float:
    """Parse a number such as `1,037`, `0.41` or `0,41` in any script; raise PanjError if it is not a number."""
    number = number_in(text)
    if number is None:
        raise PanjError(texts_of("lessons").say("no_number", found=text[:40]))
    return number


def shown(given: Value | None) -> list[str]:
    """Convert an answer to one text per control, in the order of the controls."""
    if given is None:
        return ["", ""]
    if isinstance(given, tuple):
        told = [f"{one:.12g}" for one in given]
        return [told[0], told[3], told[1], told[2]] if len(told) == len(LEVELS) else told
    return [given if isinstance(given, str) else f"{given:.12g}", ""]
