"""Compare: two choices side by side, with the same luck and by the same clock."""

import solara

from sim.classroom.choice.fields import fields_of, say_change
from sim.classroom.choice.form import Form
from sim.classroom.desk import Words
from sim.classroom.hooks import Asked, chosen, day, seed, use_campaigns
from sim.classroom.pages.change import RUNS, form_of, say_progress
from sim.classroom.parts import Heading, Note, Press, Prose, Trouble
from sim.classroom.parts.choose import Choose
from sim.classroom.parts.distribution import Distribution
from sim.classroom.parts.map import Map
from sim.classroom.parts.questions import SeedForm
from sim.classroom.player import film_for
from sim.classroom.reading import MAIN_OUTCOMES, outcomes_to_choose, read
from sim.classroom.texts import words_of
from sim.errors import PanjError

BASELINE, MINE, NAMED = "baseline", "mine", "scenario="
FIRST_SEEN = "scenario=call_answered"  # beside the baseline, while nothing was chosen


@solara.component
def Page() -> None:
    """Two choices, their campaigns together, and one campaign of each."""
    words = words_of("compare")
    names, set_names = solara.use_state((BASELINE, MINE if chosen.value else FIRST_SEEN))
    Heading(words.say("heading"))
    Prose(words.say("about"))
    options = choices()
    left, right = (name if name in options else BASELINE for name in names)
    with solara.Div(classes=["panj-buttons"]):
        Choose(words.say("left"), options, left, lambda name: set_names((name, right)))
        Choose(words.say("right"), options, right, lambda name: set_names((left, name)))
        Press(words.say("swap"), on_click=lambda: set_names((right, left)))
    if words_for(left) == words_for(right):
        Trouble(words.say("same"))
        return
    forms = form_of(words_for(left)), form_of(words_for(right))
    said = say_change(forms[1], forms[0])
    Note(words.say("differ", said=said), live=True)
    titles = short(left), short(right)
    Many(words_for(left), words_for(right), titles, said)
    One(words_for(left), words_for(right), titles)


def choices() -> dict[str, str]:
    """What can be compared: the baseline, the visitor's own choice, every scenario."""
    words = words_of("compare")
    own = {MINE: words.say("mine", said=say_change(form_of(chosen.value), Form()))} if chosen.value else {}
    named = {
        f"{NAMED}{option.name}": words.say("scenario", title=option.label)
        for option in fields_of()["scenario"].options[1:]
    }
    return {BASELINE: words.say("baseline"), **own, **named}


def words_for(name: str) -> Words:
    """The settings behind a name."""
    return chosen.value if name == MINE else () if name == BASELINE else (name,)


def short(name: str) -> str:
    """What it is called beside a picture."""
    words = words_of("compare")
    if name.startswith(NAMED):
        return fields_of()["scenario"].said(name.removeprefix(NAMED))
    return words_of("reading").say("base") if name == BASELINE else words.say("mine_short")


@solara.component
def Many(left: Words, right: Words, titles: tuple[str, str], said: str) -> None:
    """The campaigns of both, which fill in together."""
    words = words_of("compare")
    both = use_campaigns(left, RUNS), use_campaigns(right, RUNS)
    outcome, set_outcome = solara.use_state(MAIN_OUTCOMES[0])
    Heading(words.say("many"), 2)
    if trouble_of(both):
        Trouble(trouble_of(both))
        return
    base, other = (asked.campaigns for asked in both)
    assert base is not None
    assert other is not None
    for title, asked in zip(titles, both, strict=True):
        if asked.ticket and not asked.ticket.ended:
            Note(f"{title}: {say_progress(asked, words_of('change'))}", live=True)
    earlier = min((base, other), key=lambda one: one.settings.end_date)
    options = outcomes_to_choose(earlier.settings)
    outcome = outcome if outcome in options else next(iter(options))
    Choose(words.say("outcome"), options, outcome, set_outcome)
    Distribution(read(base, other, outcome, said, titles), *titles, level=3)


def trouble_of(both: tuple[Asked, Asked]) -> str:
    """Why there is nothing to compare."""
    return next((asked.trouble for asked in both if asked.trouble or asked.ticket is None), "")


@solara.component
def One(left: Words, right: Words, titles: tuple[str, str]) -> None:
    """One campaign of each on two maps by one clock."""
    words = words_of("compare")
    first = solara.use_memo(lambda: day.value, [])
    Heading(words.say("one"), 2)
    Note(words.say("one_about"))
    SeedForm()
    try:
        films = [film_for(choice, seed.value) for choice in (left, right)]
    except PanjError as error:
        Trouble(str(error))
        return
    with solara.Div(classes=["panj-one"]):
        Map(films, list(titles), first, day.set)
