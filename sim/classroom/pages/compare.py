"""The page Compare: two choices of settings with the same random draws, as distributions and on two linked maps."""

import solara

from sim.classroom.choice.fields import describe_change, fields_of
from sim.classroom.choice.form import Form
from sim.classroom.hooks import RequestState, chosen, day, seed, use_campaigns
from sim.classroom.pages.change import RUNS, describe_progress, form_of
from sim.classroom.parts import Heading, Note, Press, Prose, Trouble
from sim.classroom.parts.choose import Choose
from sim.classroom.parts.distribution import Distribution
from sim.classroom.parts.map import Map
from sim.classroom.parts.questions import SeedForm
from sim.classroom.player import film_for
from sim.classroom.reading import MAIN_OUTCOMES, outcome_groups, outcomes_to_choose, read
from sim.classroom.texts import texts_of
from sim.configuration.overrides import Overrides
from sim.errors import PanjError

BASELINE, MINE, NAMED = "baseline", "mine", "scenario="
FIRST_SEEN = "scenario=call_answered"  # shown next to the baseline until the visitor chooses something


@solara.component
def Page() -> None:
    """Show two choices, the distributions of their campaigns, and one campaign of each."""
    texts = texts_of("compare")
    names, set_names = solara.use_state((BASELINE, MINE if chosen.value else FIRST_SEEN))
    Heading(texts.say("heading"))
    Prose(texts.say("about"))
    options = choices()
    left, right = (name if name in options else BASELINE for name in names)
    with solara.Div(classes=["panj-buttons"]):
        Choose(texts.say("left"), options, left, lambda name: set_names((name, right)))
        Choose(texts.say("right"), options, right, lambda name: set_names((left, name)))
        Press(texts.say("swap"), on_click=lambda: set_names((right, left)))
    if overrides_for(left) == overrides_for(right):
        Trouble(texts.say("same"))
        return
    forms = form_of(overrides_for(left)), form_of(overrides_for(right))
    said = describe_change(forms[1], forms[0])
    Note(texts.say("differ", said=said), live=True)
    titles = short(left), short(right)
    Many(overrides_for(left), overrides_for(right), titles, said)
    One(overrides_for(left), overrides_for(right), titles)


def choices() -> dict[str, str]:
    """Return the label of each choice that can be compared: the baseline, the visitor's own and every scenario."""
    texts = texts_of("compare")
    own = {MINE: texts.say("mine", said=describe_change(form_of(chosen.value), Form()))} if chosen.value else {}
    named = {
        f"{NAMED}{option.name}": texts.say("scenario", title=option.label)
        for option in fields_of()["scenario"].options[1:]
    }
    return {BASELINE: texts.say("baseline"), **own, **named}


def overrides_for(name: str) -> Overrides:
    """Return the overrides of a named choice."""
    return chosen.value if name == MINE else Overrides.of([] if name == BASELINE else [name])


def short(name: str) -> str:
    """Return a short label for a named choice, as used in charts."""
    texts = texts_of("compare")
    if name.startswith(NAMED):
        return fields_of()["scenario"].describe(name.removeprefix(NAMED))
    return texts_of("reading").say("base") if name == BASELINE else texts.say("mine_short")


@solara.component
def Many(left: Overrides, right: Overrides, titles: tuple[str, str], said: str) -> None:
    """Show the distributions of both choices, updated as campaigns finish."""
    texts = texts_of("compare")
    both = use_campaigns(left, RUNS), use_campaigns(right, RUNS)
    outcome, set_outcome = solara.use_state(MAIN_OUTCOMES[0])
    Heading(texts.say("many"), 2)
    if trouble_of(both):
        Trouble(trouble_of(both))
        return
    base, other = (asked.campaigns for asked in both)
    assert base is not None
    assert other is not None
    for title, asked in zip(titles, both, strict=True):
        if asked.ticket and not asked.ticket.ended:
            Note(f"{title}: {describe_progress(asked, texts_of('change'))}", live=True)
    earlier = min((base, other), key=lambda one: one.settings.end_date)
    options = outcomes_to_choose(earlier.settings)
    outcome = outcome if outcome in options else next(iter(options))
    Choose(texts.say("outcome"), options, outcome, set_outcome, outcome_groups())
    Distribution(read(base, other, outcome, said, titles), *titles, level=3)


def trouble_of(both: tuple[RequestState, RequestState]) -> str:
    """Return the error of the first of the two requests that has one; empty if neither has."""
    return next((asked.trouble for asked in both if asked.trouble or asked.ticket is None), "")


@solara.component
def One(left: Overrides, right: Overrides, titles: tuple[str, str]) -> None:
    """Show one campaign of each choice on two linked maps."""
    texts = texts_of("compare")
    first = solara.use_memo(lambda: day.value, [])
    Heading(texts.say("one"), 2)
    Note(texts.say("one_about"))
    SeedForm()
    try:
        films = [film_for(choice, seed.value) for choice in (left, right)]
    except PanjError as error:
        Trouble(str(error))
        return
    with solara.Div(classes=["panj-one"]):
        Map(films, list(titles), first, day.set)
