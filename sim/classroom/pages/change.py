"""The page Change: a form for a choice of settings, with distributions of an outcome for it and for the baseline."""

from collections.abc import Callable
from typing import NamedTuple

import solara

from sim.classroom.choice.fields import describe_change
from sim.classroom.choice.form import Form
from sim.classroom.choice.parse import read_overrides
from sim.classroom.hooks import RequestState, chosen, remember, use_campaigns, use_kept
from sim.classroom.parts import Folded, Heading, Note, Press, Trouble
from sim.classroom.parts.distribution import Distribution
from sim.classroom.parts.faces import Faces
from sim.classroom.parts.form import FormPart
from sim.classroom.parts.questions import Choose
from sim.classroom.reading import outcome_groups, outcomes_to_choose, read, usual_outcome
from sim.classroom.texts import texts_of
from sim.configuration.overrides import BASELINE, Overrides
from sim.errors import PanjError
from sim.wording import Language

RUNS = 200


class Wanted(NamedTuple):
    """The visitor's latest request for campaigns."""

    overrides: Overrides | None = None
    runs: int = RUNS
    wish: int = 0  # number of times that campaigns were requested


@solara.component
def Page() -> None:
    """Show the form and the distribution side by side."""
    texts = texts_of("change")
    form, set_form = use_form()
    wanted = solara.use_reactive(Wanted())

    def run(runs: int) -> None:
        remember(form.overrides())
        wanted.set(Wanted(form.overrides(), runs, wanted.value.wish + 1))

    Heading(texts.say("heading"))
    with solara.Div(classes=["two"]):
        with solara.Div():
            Heading(texts.say("choice"), 2, is_seen=False)
            FormPart(form, set_form)
            with Folded(texts.say("faces")):
                Note(texts.say("faces_about"))
                Faces(form, set_form)
        with solara.Div(classes=["panj-result"]):
            Heading(texts.say("result"), 2, is_seen=False)
            RunControls(form, set_form, run)
            Result(form, wanted.value)


def use_form() -> tuple[Form, Callable[[Form], None]]:
    """Return the form of the visitor's choice and a function that changes it.

    All pages share the choice; title and description are kept only on this page.
    """
    form, set_form = solara.use_state(form_of(chosen.value))
    if form.overrides() != chosen.value:
        form = form_of(chosen.value)

    def change(new: Form) -> None:
        set_form(new)
        chosen.set(new.overrides())

    return form, change


def form_of(overrides: Overrides) -> Form:
    """Return the form of a choice of settings, or the form of the baseline if the choice cannot be read."""
    try:
        return read_overrides(overrides).form
    except PanjError:
        return Form()


@solara.component
def RunControls(form: Form, on_form: Callable[[Form], None], on_run: Callable[[int], None]) -> None:
    """Show the visitor's changes to the baseline, and buttons to run campaigns or restore the baseline."""
    texts = texts_of("change")
    Note(texts.say("what_changes", said=describe_change(form, Form())) if form.overrides() else "", live=True)
    with solara.Div(classes=["panj-buttons"]):
        Press(texts.say("run"), on_click=lambda: on_run(RUNS), is_main=True)
        Press(texts.say("run_one"), on_click=lambda: on_run(1))
        if form.overrides():
            Press(texts.say("back_all"), on_click=lambda: on_form(Form()))


@solara.component
def Result(form: Form, wanted: Wanted) -> None:
    """Show the distribution of an outcome under the baseline and under the requested choice."""
    texts = texts_of("change")
    is_baseline = wanted == Wanted(BASELINE, RUNS, wanted.wish)
    base = use_campaigns(BASELINE, RUNS)
    ours = use_campaigns(None if is_baseline else wanted.overrides, wanted.runs, wanted.wish)
    kept_outcome, set_outcome = use_kept("outcome", "")
    outcome = kept_outcome or usual_outcome(wanted.overrides or BASELINE)
    if base.campaigns is None:
        Trouble(base.trouble)
        return
    Trouble(ours.trouble)
    Note(describe_progress(ours if ours.ticket else base, texts), live=True)
    if (wanted.overrides or BASELINE) != form.overrides():
        Note(texts.say("not_run" if wanted.overrides is None else "stale"), live=True)
    shown = ours.campaigns or base.campaigns
    options = outcomes_to_choose(shown.settings)
    outcome = outcome if outcome in options else next(iter(options))
    Choose(texts.say("outcome"), options, outcome, set_outcome, outcome_groups())
    said = describe_change(form_of(wanted.overrides or BASELINE), Form())
    Distribution(read(base.campaigns, ours.campaigns, outcome, said), says=ours.ticket is not None, is_named=False)
    if ours.ticket:
        Note(texts.say("pairs"))


def describe_progress(asked: RequestState, texts: Language) -> str:
    """Describe the progress of a request for campaigns."""
    ticket = asked.ticket
    assert ticket is not None
    if ticket.ended:
        return texts.say("whole", ticket.done)
    if ticket.place and not ticket.done:
        return texts.say("in_line", ticket.place)
    return texts.say("going", done=ticket.done, runs=ticket.runs)
