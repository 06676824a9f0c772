"""The page What if: campaigns continued twice from the end of a day, unchanged and with one decision changed."""

from collections.abc import Callable
from datetime import date, timedelta
from functools import partial
from html import escape
from typing import NamedTuple, cast

import solara
from solara.lab import use_task

from sim.classroom.choice.fields import POLICIES, Option, chosen_in, describe_choice, describe_value, fields_of
from sim.classroom.desk import the_desk
from sim.classroom.hooks import chosen, day, followed, seed, use_attempt
from sim.classroom.pairs import (
    PAIRS,
    TRIAL,
    Example,
    Fork,
    Suggestion,
    evenings_to_try,
    the_pair_runner,
    turn_for,
)
from sim.classroom.parts import Folded, Heading, Note, Press, Trouble
from sim.classroom.parts.distribution import Distribution
from sim.classroom.parts.follow import following, sample, watched_settings
from sim.classroom.parts.map import Map
from sim.classroom.parts.questions import Choose, SeedForm, Sentences, Table, listed
from sim.classroom.parts.sheet import Sheet, day_field, one_of, read_day, tick
from sim.classroom.player import Forked, fork
from sim.classroom.reading import MAIN_OUTCOMES, Campaigns, outcome_groups, outcome_of, outcomes_to_choose, read
from sim.classroom.texts import texts_of
from sim.configuration.overrides import BASELINE, Override, Overrides, parse
from sim.configuration.settings import Settings
from sim.errors import PanjError
from sim.story.fork_story import TwoDays

USUAL = Override.of("reinforcement", "answer_every_call")
SHOWN_DAYS = 4
# values of `kind`: worlds that followed the record, or campaigns of the page Watch
FOLLOWED, AS_WATCHED = "followed", "as_watched"


class ForkRequest(NamedTuple):
    """The changed decision, the campaigns in which it is changed, and the evening and outcome, if chosen."""

    change: Override
    evening: date | None = None  # None to search for an evening and an outcome
    outcome: str = ""
    kind: str = AS_WATCHED

    def fork_on(self, evening: date, overrides: Overrides, watched: str) -> Fork:
        """Return the fork on an evening of the visitor's campaigns or, on request, of worlds that followed the record.

        Args:
            evening: Day at the end of which the decision is changed.
            overrides: The visitor's choice of settings.
            watched: Day to which the campaigns of the page Watch follow the record; or empty.
        """
        until = evening.isoformat() if self.kind == FOLLOWED else watched
        return Fork(following(overrides, until), self.change, evening)


@solara.component
def Page() -> None:
    """Show the form for the decision and, once it is sent, the effects of the decision."""
    texts = texts_of("what_if")
    Heading(texts.say("heading"))
    try:
        settings = watched_settings()
    except PanjError as error:
        Trouble(str(error))
        return
    start, last = settings.start_date, settings.end_date - timedelta(days=1)
    mine = chosen.value, followed.value
    forks = solara.use_memo(lambda: forks_to_try((start, last), *mine), [mine])
    known = the_pair_runner().known_example(forks)
    asked, set_asked = solara.use_state(ForkRequest(known.change if known else USUAL, kind=kinds()[0]))
    trouble, attempt = use_attempt()
    is_wanted, set_wanted = solara.use_state(False)

    def ask(given: dict[str, str]) -> None:
        set_asked(read_asked(given))
        set_wanted(True)

    def show_example(found: Example) -> None:
        set_asked(ForkRequest(found.change, kind=asked.kind))
        set_wanted(True)

    Question(asked, start, last, lambda given: attempt(lambda: ask(given)))
    if chosen.value:
        Note(texts.say("settings", choice=describe_choice(chosen.value)))
    with Folded(texts.say("more")):
        Note(texts.say("about"))
        Note(texts.say("find_help", trial=TRIAL, pairs=PAIRS))
    Trouble(trouble)
    if not is_wanted and known is None:
        Hint(forks, show_example)
    if is_wanted and not trouble:
        Answer(asked, seed.value, (start, last)).key(answer_key(asked))


def answer_key(asked: ForkRequest) -> str:
    """Return a text with everything on which the answer to a request depends."""
    return f"{asked} {seed.value} {chosen.value.words} {followed.value}"


def warm() -> None:
    """While nobody is waiting for campaigns, run an example and its answer, to save the first visitor a wait."""
    settings, runner = the_desk().settings(BASELINE), the_pair_runner()
    days = settings.start_date, settings.end_date - timedelta(days=1)
    example = runner.example(forks_to_try(days, BASELINE, ""))
    asked = ForkRequest(example.change if example else USUAL, kind=kinds()[0])
    runner.prepare(forks_for(partial(asked.fork_on, overrides=BASELINE, watched=""), days))


def forks_to_try(days: tuple[date, date], overrides: Overrides, watched: str) -> list[Fork]:
    """Return the fork on the latest evening to try for each possible change of one decision.

    Args:
        days: First day of the campaigns, and last evening on which a decision can change.
        overrides: The visitor's choice of settings.
        watched: Day to which the campaigns of the page Watch follow the record; or empty.
    """
    evening, now, kind = evenings_to_try(*days)[0], chosen_in(overrides), kinds()[0]
    changes = [
        Override.of(group, one.name)
        for group in POLICIES
        for one in fields_of()[group].options
        if one.name != now[group]
    ]
    changes.sort(key=lambda change: change != USUAL)  # the usual decision first, the others in the order of the form
    return [ForkRequest(one, kind=kind).fork_on(evening, overrides, watched) for one in changes]


@solara.component
def Hint(forks: list[Fork], on_example: Callable[[Example], None]) -> None:
    """Search for a decision with a clear answer in a separate thread, then show a button that requests it."""
    texts = texts_of("what_if")
    task = use_task(lambda: the_pair_runner().example(forks), dependencies=[forks])
    found = task.value if task.finished else None
    if found is not None:
        Note(texts.say("example_about"))
        label = texts.say("example", change=describe_change(found.change), day=texts.day(found.found.evening))
        with solara.Div(classes=["panj-buttons"]):
            Press(label, lambda: on_example(found))


def read_asked(given: dict[str, str]) -> ForkRequest:
    """Return the request entered in the form; raise PanjError if the decision or the day is invalid."""
    texts = texts_of("what_if")
    if given["decision"] not in {f"{group}={one.name}" for group in POLICIES for one in fields_of()[group].options}:
        raise PanjError(texts.say("bad_choice", found=given["decision"]))
    change, kind = parse(given["decision"]), given.get("kind", AS_WATCHED)
    if given.get("find"):
        return ForkRequest(change, kind=kind)
    evening = read_day("day", given["evening"])
    return ForkRequest(change, evening, outcome_of(settings_to_line(), given["outcome"]).name, kind)


def kinds() -> list[str]:
    """Return the kinds of campaign that can be continued, the default first."""
    try:
        sample()
    except PanjError:
        return [AS_WATCHED]
    return [FOLLOWED, AS_WATCHED]


def settings_to_line() -> Settings:
    """Return the settings of baseline campaigns that end with the record, which determine the outcomes on offer."""
    return turn_for(Fork(BASELINE, USUAL, the_desk().settings(BASELINE).start_date), the_desk()).before


@solara.component
def Question(asked: ForkRequest, start: date, last: date, on_asked: solara.Callable[[dict[str, str]], None]) -> None:
    """Show the form for the decision and, unless they are to be searched for, the evening and the outcome."""
    texts = texts_of("what_if")
    now = chosen_in(chosen.value)
    decisions = [
        {"value": f"{group}={one.name}", "text": one.label, "help": help_of(group, one), "group": field.label}
        for group, field in ((group, fields_of()[group]) for group in POLICIES)
        for one in field.options
        if one.name != now[group]
    ]
    worlds = [{"value": one, "text": texts.say(f"kind_{one}")} for one in kinds()]
    watched = start + timedelta(days=day.value)  # the evening last shown by another page
    evening = asked.evening or (watched if start < watched < last else evenings_to_try(start, last)[0])
    help = texts.say("evening_help")
    by_hand, heads = ["find", False], outcome_groups()
    outcomes = [{"value": name, "text": said, "group": heads[name]}
                for name, said in outcomes_to_choose(settings_to_line()).items()]  # fmt: skip
    Sheet(
        [
            one_of("decision", texts.say("decision"), asked.change.text, decisions),
            *([one_of("kind", texts.say("kind"), asked.kind, worlds, "radio")] if len(worlds) > 1 else []),
            tick("find", texts.say("find"), asked.evening is None),
            {**day_field("evening", texts.say("evening"), evening, start, last, help), "only": by_hand},
            one_of("outcome", texts.say("outcome"), asked.outcome or MAIN_OUTCOMES[0], outcomes, only=by_hand),
        ],
        texts.say("go"),
        on_asked,
    )  # fmt: skip


def help_of(group: str, option: Option) -> str:
    """Return a text on the effect of a decision that is changed in the middle of a campaign."""
    texts, key = texts_of("what_if"), f"fork.{group}.{option.name}"
    if key in texts.sentences:
        return texts.say(key)
    try:
        said = texts_of("form").say(f"{group}.{option.name}.help")
    except PanjError:  # a choice added by the user
        said = option.help
    return texts.say("fork_usual", help=said)


@solara.component
def Answer(asked: ForkRequest, number: int, days: tuple[date, date]) -> None:
    """Find the evening and the outcome if they are not given, then show the answer."""
    texts = texts_of("what_if")
    watched, overrides = followed.value, chosen.value
    fork_on = partial(asked.fork_on, overrides=overrides, watched=watched)
    task = use_task(lambda: found_for(asked, fork_on, days), dependencies=[])
    if task.pending or task.value is None:
        Note(texts.say("searching", pairs=PAIRS), live=True)
    elif isinstance(task.value, str):
        Trouble(task.value)
    else:
        found = task.value
        day = texts.day(found.evening)
        change, morning = describe_change(asked.change), texts.day(found.evening + timedelta(days=1))
        Heading(texts.say("result", change=change, day=day), 2)
        if asked.evening is None:
            key = "suggested" if found.is_clear else "suggested_best"
            Note(texts.say(key, day=day, trial=TRIAL), live=True)
        fork = fork_on(found.evening)
        Many(fork, found.outcome, texts.say("change_in", change=change, day=morning))
        One(fork, number, asked.change)


def found_for(asked: ForkRequest, fork_on: Callable[[date], Fork], days: tuple[date, date]) -> Suggestion | str:
    """Return the requested or found evening and outcome, or the message of an error."""
    if asked.evening is not None:
        return Suggestion(asked.evening, asked.outcome)
    try:
        return the_pair_runner().suggest(forks_for(fork_on, days))
    except PanjError as error:
        return str(error)


def forks_for(fork_on: Callable[[date], Fork], days: tuple[date, date]) -> list[Fork]:
    """Return one fork per evening to try, all with the same decision."""
    return [fork for fork in map(fork_on, evenings_to_try(*days)) if can_be_followed(fork)]


def can_be_followed(fork: Fork) -> bool:
    """Return whether the campaigns of a fork exist: False if no worlds followed the record up to its day."""
    try:
        the_desk().settings(fork.overrides)
    except PanjError:
        return False
    return True


@solara.component
def Many(fork: Fork, outcome: str, change: str) -> None:
    """Run the pairs of a fork in a separate thread, and draw their differences as they finish."""
    texts = texts_of("what_if")
    shown, set_shown = solara.use_state(outcome)
    found, set_found = solara.use_state(cast(tuple[Campaigns, Campaigns] | None, None))
    trouble, set_trouble = solara.use_state("")

    def run() -> None:
        try:
            for campaigns in the_pair_runner().pairs(fork):
                set_found(campaigns)
        except PanjError as error:
            set_trouble(str(error))

    use_task(run, dependencies=[])
    Trouble(trouble)
    if found is None:
        return
    without, with_ = found
    Choose(texts.say("outcome"), outcomes_to_choose(without.settings), shown, set_shown, outcome_groups())
    if without.table is not None and without.table.num_rows < without.runs:
        Note(texts.say("going", done=without.table.num_rows, pairs=without.runs), live=True)
    labels = texts.say("as_it_went"), change
    Distribution(read(without, with_, shown, change, labels), *labels, level=3, is_named=False)


@solara.component
def One(fork: Fork, number: int, change: Override) -> None:
    """Run one pair in a separate thread, and show it day by day when it has finished."""
    texts = texts_of("what_if")
    task = use_task(lambda: answer_of(fork, number), dependencies=[])
    Heading(texts.say("head_one"), 2)
    Note(texts.say("one_about"))
    SeedForm()
    if task.pending or task.value is None:
        Note(texts.say("waits"), live=True)
    elif isinstance(task.value, str):
        Trouble(task.value)
    else:
        Parted(task.value, fork.evening, change)
        with Folded(texts.say("how_made")):
            Asked(fork.overrides, fork.evening)


@solara.component
def Asked(choice: Overrides, evening: date) -> None:
    """Show the question of the fork, and the source of the campaign's uncertain numbers."""
    settings = the_desk().settings(choice)
    Note(settings.question(evening) or texts_of("what_if").say("free_question"), live=True)
    texts = texts_of("story")
    Note(texts.say("calibration", calibration=texts.quoted(settings.calibration)))


def answer_of(asked: Fork, number: int) -> Forked | str:
    """Run both branches and return them, or return the message of an error."""
    try:
        return fork(asked.overrides, number, asked.evening, asked.change)
    except PanjError as error:
        return str(error)


@solara.component
def Parted(forked: Forked, evening: date, change: Override) -> None:
    """Show the first event that differs, both maps side by side, and the outcomes and stories of both branches."""
    texts = texts_of("what_if")
    morning = texts.day(evening + timedelta(days=1))
    Heading(texts.say("head_first"), 3)
    Sentences(forked.first)
    if forked.left:
        Note(texts.say("left", keys=texts.listed([label_of(key) for key in forked.left])))
    labels = [texts.say("as_it_went"), texts.say("with_change", day=morning)]
    begin = forked.day if forked.first_day is None else forked.first_day
    Map(forked.films, labels, begin, forked.day)
    Heading(texts.say("head_outcomes"), 3)
    heads = [texts.say(f"column_{name}") for name in ("outcome", "reported", "before", "after", "difference")]
    Table(heads, forked.outcomes, texts.say("outcomes_about"))
    Note(forked.same_outcomes)
    Heading(texts.say("head_both"), 3)
    solara.HTML("div", unsafe_innerHTML=stories_in_html(forked))


def describe_change(change: Override) -> str:
    """Describe a change using the labels in the form, such as `Help for garrisons: Every call is answered`."""
    field = fields_of()[change.key]
    return describe_value(field, change.value)


def label_of(key: str) -> str:
    """Return the label of a number in the form, or its key if it has no field."""
    return fields_of()[key].label if key in fields_of() else key


def stories_in_html(forked: Forked) -> str:
    """Return the days on which the branches differ as HTML; all but the first few are collapsed."""
    texts = texts_of("what_if")
    first, others = forked.days[:SHOWN_DAYS], forked.days[SHOWN_DAYS:]
    counts = texts.say("differing", len(forked.days)), texts.say("same_days", forked.same_days)
    told = [f"<p>{escape(' '.join(counts))}</p>"]
    told += [day_in_html(one) for one in first]
    if others:
        rest = "".join(day_in_html(one) for one in others)
        told.append(f"<details><summary>{escape(texts.say('all_days', len(others)))}</summary>{rest}</details>")
    return "".join(told)


def day_in_html(one: TwoDays) -> str:
    """Return one day as HTML: the sentences of only one branch, side by side, then those of both."""
    texts = texts_of("what_if")
    parts = [f"<h4>{escape(texts.day(one.date, year=True))}</h4><div class='twofold'>"]
    parts += [
        f"<div class='{key}'><strong>{escape(texts.say(key))}</strong>{listed(getattr(one, key))}</div>"
        for key in ("before", "after", "both")
        if getattr(one, key)
    ]
    return "".join([*parts, "</div>"])
