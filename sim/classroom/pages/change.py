"""Change: a choice of settings as a form, its campaigns over the baseline's, and what can be said of the difference."""

from collections.abc import Callable
from typing import NamedTuple

import solara

from sim.classroom.choice.fields import say_change
from sim.classroom.choice.form import Form
from sim.classroom.choice.parse import read_words
from sim.classroom.desk import Words
from sim.classroom.hooks import Asked, chosen, use_campaigns
from sim.classroom.parts import Folded, Heading, Note, Press, Prose, Trouble
from sim.classroom.parts.choose import Choose
from sim.classroom.parts.distribution import Distribution
from sim.classroom.parts.faces import Faces
from sim.classroom.parts.form import FormPart
from sim.classroom.reading import MAIN_OUTCOMES, outcomes_to_choose, read
from sim.classroom.texts import words_of
from sim.errors import PanjError
from sim.wording import Language

RUNS = 200
BASELINE: Words = ()


class Wanted(NamedTuple):
    """What was asked for last."""

    words: Words | None = None
    runs: int = RUNS
    wish: int = 0  # how often a button was pressed


@solara.component
def Page() -> None:
    """The form on one side, the distribution on the other."""
    words = words_of("change")
    form, set_form = use_form()
    wanted = solara.use_reactive(Wanted())
    Heading(words.say("heading"))
    Prose(words.say("about"))
    with solara.Div(classes=["two"]):
        with solara.Div():
            Heading(words.say("choice"), 2)
            FormPart(form, set_form)
            with Folded(words.say("faces")):
                Note(words.say("faces_about"))
                Faces(form, set_form)
        with solara.Div(classes=["panj-result"]):
            Heading(words.say("result"), 2)
            Wish(form, set_form, lambda runs: wanted.set(Wanted(form.words(), runs, wanted.value.wish + 1)))
            Result(form, wanted.value)


def use_form() -> tuple[Form, Callable[[Form], None]]:
    """The form of the choice that goes along from page to page; title and description stay on this page."""
    form, set_form = solara.use_state(form_of(chosen.value))
    if form.words() != chosen.value:
        form = form_of(chosen.value)

    def change(new: Form) -> None:
        set_form(new)
        chosen.set(new.words())

    return form, change


def form_of(words: Words) -> Form:
    """The form of a choice that another page made; the baseline for one that is none."""
    try:
        return read_words(words).form
    except PanjError:
        return Form()


@solara.component
def Wish(form: Form, on_form: Callable[[Form], None], on_run: Callable[[int], None]) -> None:
    """What is changed, in words, and the buttons."""
    words = words_of("change")
    Note(
        words.say("what_changes", said=say_change(form, Form())) if form.words() else words.say("no_change"), live=True
    )
    with solara.Div(classes=["panj-buttons"]):
        Press(words.say("run"), on_click=lambda: on_run(RUNS), is_main=True)
        Press(words.say("run_one"), on_click=lambda: on_run(1))
        Press(words.say("back_all"), on_click=lambda: on_form(Form()), disabled=not form.words())


@solara.component
def Result(form: Form, wanted: Wanted) -> None:
    """The chosen outcome of the baseline and of what was asked for."""
    words = words_of("change")
    is_baseline = wanted == Wanted(BASELINE, RUNS, wanted.wish)
    base = use_campaigns(BASELINE, RUNS)
    ours = use_campaigns(None if is_baseline else wanted.words, wanted.runs, wanted.wish)
    outcome, set_outcome = solara.use_state(MAIN_OUTCOMES[0])
    if base.campaigns is None:
        Trouble(base.trouble)
        return
    Trouble(ours.trouble)
    Note(say_progress(ours if ours.ticket else base, words), live=True)
    if wanted.words is None:
        Note(words.say("not_run"))
    elif wanted.words != form.words():
        Note(words.say("stale"), live=True)
    shown = ours.campaigns or base.campaigns
    options = outcomes_to_choose(shown.settings)
    outcome = outcome if outcome in options else next(iter(options))
    Choose(words.say("outcome"), options, outcome, set_outcome)
    said = say_change(form_of(wanted.words or ()), Form())
    Distribution(read(base.campaigns, ours.campaigns, outcome, said))
    if ours.ticket:
        Note(words.say("pairs"))


def say_progress(asked: Asked, words: Language) -> str:
    """In line, being computed, or all there."""
    ticket = asked.ticket
    assert ticket is not None
    if ticket.ended:
        return words.say("whole", ticket.done)
    if ticket.place and not ticket.done:
        return words.say("in_line", ticket.place)
    return words.say("going", done=ticket.done, runs=ticket.runs)
