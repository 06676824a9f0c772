"""The page Compare: two choices of settings with the same random draws, as distributions and on two linked maps."""

import shlex

import solara

from sim.classroom.address import REPORTED, choice_from
from sim.classroom.choice.fields import describe_change, fields_of
from sim.classroom.choice.form import Form, command_of
from sim.classroom.hooks import RequestState, arrivals, chosen, day, own, seed, use_campaigns, use_kept
from sim.classroom.pages.change import RUNS, form_of
from sim.classroom.parts import Heading, Note, Press, Prose, Trouble
from sim.classroom.parts.distribution import Distribution
from sim.classroom.parts.map import Map
from sim.classroom.parts.questions import Choose, SeedForm
from sim.classroom.player import film_for
from sim.classroom.reading import outcome_groups, outcomes_to_choose, read, usual_outcome
from sim.classroom.texts import texts_of
from sim.configuration.overrides import BASELINE, Overrides
from sim.errors import PanjError

NAMED = "scenario="
FIRST_SEEN = "scenario=call_answered"  # choice that is compared with decisions as reported by default


@solara.component
def Page() -> None:
    """Show two choices, the distributions of their campaigns, and one campaign of each."""
    texts = texts_of("compare")
    mine = own_choices()
    first, set_first = use_kept("first", mine[1] if len(mine) > 1 else REPORTED)
    second, set_second = use_kept("second", mine[0] if mine else FIRST_SEEN)
    Heading(texts.say("heading"))
    Prose(texts.say("about"))
    try:
        choices = overrides_for(first), overrides_for(second)
    except PanjError as error:
        Trouble(str(error))
        choices, first, second = (BASELINE, overrides_for(FIRST_SEEN)), REPORTED, FIRST_SEEN
    options = options_with(first, second)

    def swap() -> None:
        set_first(second)
        set_second(first)

    with solara.Div(classes=["panj-buttons"]):
        Choose(texts.say("left"), options, first, set_first)
        Choose(texts.say("right"), options, second, set_second)
        Press(texts.say("swap"), on_click=swap)
    if choices[0] == choices[1]:
        Trouble(texts.say("same"))
        return
    said = describe_change(form_of(choices[1]), form_of(choices[0]))
    if first != REPORTED:  # if it is `REPORTED`, the second choice is described by its differences
        Note(texts.say("differ", said=said), live=True)
    titles = short(first), short(second)
    Many(*choices, titles, said)
    One(*choices, titles)


def own_choices() -> list[str]:
    """Return the names of the visitor's choices: the current one, then earlier ones, newest first."""
    return list(dict.fromkeys(name_of(one) for one in (chosen.value, *own.value) if one))


def name_of(overrides: Overrides) -> str:
    """Return the name of a choice in the address: its overrides, or `reported` for decisions as reported."""
    return command_of(form_of(overrides)) or REPORTED


def overrides_for(name: str) -> Overrides:
    """Return the overrides of a named choice; raise PanjError if the name is invalid."""
    return BASELINE if name == REPORTED else choice_from(shlex.split(name))


def options_with(*names: str) -> dict[str, str]:
    """Return the labels of all choices that can be compared.

    These are decisions as reported, the visitor's own choices, every scenario, and the choices with the given names.
    """
    texts = texts_of("compare")
    scenarios = [f"{NAMED}{option.name}" for option in fields_of()["scenario"].options[1:]]
    mine = [name for name in dict.fromkeys((*own_choices(), *names)) if name != REPORTED and name not in scenarios]
    return {
        REPORTED: texts.say("baseline"),
        **{name: texts.say("mine", said=short(name)) for name in mine},
        **{name: texts.say("scenario", title=short(name)) for name in scenarios},
    }


def short(name: str) -> str:
    """Return a short label for a named choice, as used in charts."""
    if name == REPORTED:
        return texts_of("compare").say("baseline")
    form = form_of(overrides_for(name))
    is_scenario = form == Form(chosen={"scenario": form.scenario})
    return fields_of()["scenario"].describe(form.scenario) if is_scenario else describe_change(form, Form())


@solara.component
def Many(left: Overrides, right: Overrides, titles: tuple[str, str], said: str) -> None:
    """Show the distributions of both choices, updated as campaigns finish."""
    texts = texts_of("compare")
    both = use_campaigns(left, RUNS), use_campaigns(right, RUNS)
    kept_outcome, set_outcome = use_kept("outcome", "")
    outcome = kept_outcome or usual_outcome(left, right)
    Heading(texts.say("many"), 2)
    if trouble_of(both):
        Trouble(trouble_of(both))
        return
    base, other = (asked.campaigns for asked in both)
    assert base is not None
    assert other is not None
    done = [asked.ticket.done for asked in both if asked.ticket]
    if sum(done) < 2 * RUNS:
        Note(texts_of("change").say("going", done=sum(done), runs=2 * RUNS), live=True)
    earlier = min((base, other), key=lambda one: one.settings.end_date)
    options = outcomes_to_choose(earlier.settings)
    outcome = outcome if outcome in options else next(iter(options))
    Choose(texts.say("outcome"), options, outcome, set_outcome, outcome_groups())
    Distribution(read(base, other, outcome, said, titles), *titles, level=3, is_named=False)


def trouble_of(both: tuple[RequestState, RequestState]) -> str:
    """Return the error of the first request that has one; empty if neither has."""
    return next((asked.trouble for asked in both if asked.trouble or asked.ticket is None), "")


@solara.component
def One(left: Overrides, right: Overrides, titles: tuple[str, str]) -> None:
    """Show one campaign of each choice on two linked maps."""
    texts = texts_of("compare")
    first = solara.use_memo(day.peek, [arrivals.value])
    Heading(texts.say("one"), 2)
    Note(texts.say("one_about"))
    SeedForm()
    try:
        films = [film_for(choice, seed.value) for choice in (left, right)]
    except PanjError as error:
        Trouble(str(error))
        return
    with solara.Div(classes=["panj-one"]):
        Map(films, list(titles), first).key(f"map {arrivals.value}")
