"""The page What if: one campaign continued twice from the end of a day, unchanged and with one decision changed."""

from datetime import date, timedelta
from html import escape
from typing import NamedTuple

import solara
from solara.lab import use_task

from sim.classroom.choice.fields import POLICIES, describe_choice, fields_of
from sim.classroom.desk import the_desk
from sim.classroom.hooks import chosen, day, followed, seed, use_attempt
from sim.classroom.parts import Heading, Note, Trouble
from sim.classroom.parts.follow import following, sample
from sim.classroom.parts.map import Map
from sim.classroom.parts.questions import SeedForm, Sentences, Table, listed
from sim.classroom.parts.sheet import Sheet, day_field, one_of, read_day
from sim.classroom.player import Forked, fork
from sim.classroom.texts import texts_of
from sim.configuration.overrides import Override, Overrides, parse
from sim.errors import PanjError
from sim.story.fork_story import TwoDays

USUAL = date(2021, 7, 4), Override.of("reinforcement", "answer_every_call")
SHOWN_DAYS = 4
FOLLOWED, AS_WATCHED = "followed", "as_watched"  # a world that followed the record; the campaign of Watch


class ForkRequest(NamedTuple):
    """A day, the decision that is changed at its end, and the campaign in which it is changed."""

    evening: date
    change: Override
    kind: str = AS_WATCHED

    def choice(self, overrides: Overrides, watched: str) -> Overrides:
        """Return the overrides of the campaign that is forked.

        They are the visitor's and, if the campaign follows the record, overrides that name the last day to follow.
        """
        return following(overrides, self.evening.isoformat() if self.kind == FOLLOWED else watched)


@solara.component
def Page() -> None:
    """Show the form for the day and the decision and, once it is sent, both branches."""
    texts = texts_of("what_if")
    Heading(texts.say("heading"))
    Note(texts.say("about", choice=describe_choice(chosen.value)))
    SeedForm()
    try:
        settings = the_desk().settings(following(chosen.value, followed.value))
    except PanjError as error:
        Trouble(str(error))
        return
    start, last = settings.start_date, settings.end_date - timedelta(days=1)
    begun = start + timedelta(days=day.peek()) if day.peek() else USUAL[0]
    asked, set_asked = solara.use_state(ForkRequest(max(start, min(begun, last)), USUAL[1], kinds()[0]))
    trouble, attempt = use_attempt()
    is_wanted, set_wanted = solara.use_state(False)

    def ask(given: dict[str, str]) -> None:
        set_asked(read_asked(given))
        set_wanted(True)

    Question(asked, start, last, lambda given: attempt(lambda: ask(given)))
    Trouble(trouble)
    if is_wanted and not trouble:
        Answer(asked, seed.value)


def read_asked(given: dict[str, str]) -> ForkRequest:
    """Return the request that was typed into the form; raise PanjError if the decision or the day is not valid."""
    if given["decision"] not in {f"{group}={one.name}" for group in POLICIES for one in fields_of()[group].options}:
        raise PanjError(texts_of("what_if").say("bad_choice", found=given["decision"]))
    return ForkRequest(read_day("day", given["evening"]), parse(given["decision"]), given.get("kind", AS_WATCHED))


def kinds() -> list[str]:
    """Return the kinds of campaign that can be continued, the default first."""
    try:
        sample()
    except PanjError:
        return [AS_WATCHED]
    return [FOLLOWED, AS_WATCHED]


@solara.component
def Question(asked: ForkRequest, start: date, last: date, on_asked: solara.Callable[[dict[str, str]], None]) -> None:
    """Show the form for the kind of campaign, the day and the decision."""
    texts = texts_of("what_if")
    decisions = [
        {"value": f"{group}={one.name}", "text": one.label, "help": one.help, "group": fields_of()[group].label}
        for group in POLICIES
        for one in fields_of()[group].options
    ]
    worlds = [{"value": one, "text": texts.say(f"kind_{one}")} for one in kinds()]
    Sheet(
        [
            *([one_of("kind", texts.say("kind"), asked.kind, worlds, "radio")] if len(worlds) > 1 else []),
            day_field("evening", texts.say("evening"), asked.evening, start, last, texts.say("evening_help")),
            one_of("decision", texts.say("decision"), asked.change.text, decisions),
        ],
        texts.say("go"),
        on_asked,
    )


@solara.component
def Answer(asked: ForkRequest, number: int) -> None:
    """Run both branches in a separate thread, and show them when they are finished."""
    texts, choice = texts_of("what_if"), asked.choice(chosen.value, followed.value)
    task = use_task(lambda: answer_of(choice, number, asked), dependencies=[choice, number, asked])
    if task.pending or task.value is None:
        Note(texts.say("waits"), live=True)
    elif isinstance(task.value, str):
        Trouble(task.value)
    else:
        Asked(choice, asked.evening)
        Parted(task.value, asked)


@solara.component
def Asked(choice: Overrides, evening: date) -> None:
    """Show which question the fork answers, and where the campaign's uncertain numbers come from."""
    settings = the_desk().settings(choice)
    Note(settings.question(evening) or texts_of("what_if").say("free_question"), live=True)
    Note(texts_of("story").say("calibration", calibration=settings.calibration))


def answer_of(choice: Overrides, number: int, asked: ForkRequest) -> Forked | str:
    """Run both branches and return them, or return the message of an error."""
    try:
        return fork(choice, number, asked.evening, asked.change)
    except PanjError as error:
        return str(error)


@solara.component
def Parted(forked: Forked, asked: ForkRequest) -> None:
    """Show the first event that differs, both maps side by side, and the outcomes and stories of both branches."""
    texts = texts_of("what_if")
    change, morning = describe_change(asked.change), texts.day(asked.evening + timedelta(days=1))
    Heading(texts.say("result", change=change, day=texts.day(asked.evening)), 2)
    Heading(texts.say("head_first"), 3)
    Sentences(forked.first)
    if forked.left:
        Note(texts.say("left", keys=texts.listed([label_of(key) for key in forked.left])))
    labels = [texts.say("as_it_went"), texts.say("with_change", day=morning)]
    begin = forked.day if forked.first_day is None else forked.first_day
    Map(forked.films, labels, begin, day.set, forked.day)
    Heading(texts.say("head_outcomes"), 2)
    heads = [texts.say(f"column_{name}") for name in ("outcome", "reported", "before", "after", "difference")]
    Table(heads, forked.outcomes, texts.say("outcomes_about"))
    Note(forked.same_outcomes)
    Heading(texts.say("head_both"), 2)
    solara.HTML("div", unsafe_innerHTML=stories_in_html(forked))
    Note(texts.say("many"))


def describe_change(change: Override) -> str:
    """Describe a change using the labels in the form, such as `Help for garrisons: Every call is answered`."""
    field = fields_of()[change.key]
    return f"{field.label}: {field.describe(change.value)}"


def label_of(key: str) -> str:
    """Return the label of a number in the form, or its key if it has no field."""
    return fields_of()[key].label if key in fields_of() else key


def stories_in_html(forked: Forked) -> str:
    """Return as HTML the days on which the branches differ; all but the first few are collapsed."""
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
    """Return one day as HTML: side by side the sentences that only one branch has, then those that both have."""
    texts = texts_of("what_if")
    parts = [f"<h3>{escape(texts.day(one.date, year=True))}</h3><div class='twofold'>"]
    parts += [
        f"<div class='{key}'><strong>{escape(texts.say(key))}</strong>{listed(getattr(one, key))}</div>"
        for key in ("before", "after", "both")
        if getattr(one, key)
    ]
    return "".join([*parts, "</div>"])
