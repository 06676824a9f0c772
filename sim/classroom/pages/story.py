"""The story of one campaign: in short, day by day, and what was reported of the same days."""

from datetime import date
from html import escape

import solara

from sim.classroom.desk import the_desk
from sim.classroom.hooks import chosen, seed
from sim.classroom.pages.watch import say_choice
from sim.classroom.parts import Heading, Note, Trouble
from sim.classroom.parts.questions import Option, Questions, SeedForm, Sentences, choice_field, day_field, listed
from sim.classroom.player import chronicle_for
from sim.classroom.texts import words_of
from sim.data.facts import THE_LINE
from sim.errors import PanjError
from sim.story.chronicle import facts_here
from sim.story.story import Story, read_filters, story_of, with_line

FIRST = date(2021, 6, 22)  # of the days that are told when nothing else is asked for: Sher Khan Bandar falls
Filters = dict[str, str]


@solara.component
def Page() -> None:
    """A choice of province and days, and the story."""
    words = words_of("story")
    Heading(words.say("heading"))
    Note(words.say("about", choice=say_choice(chosen.value)))
    SeedForm()
    try:
        start, end = days_of_choice()
    except PanjError as error:
        Trouble(str(error))
        return
    usual = {"from": max(start, min(FIRST, end)).isoformat(), "to": max(start, min(THE_LINE, end)).isoformat()}
    asked, set_asked = solara.use_state({"province": "", **usual})
    Choice(asked, start, end, set_asked)
    try:
        story = tell(asked, seed.value)
    except PanjError as error:
        Trouble(str(error))
        return
    Told(story)


def days_of_choice() -> tuple[date, date]:
    """The first and the last day of a campaign of the session's choice."""
    settings = the_desk().settings(chosen.value)
    return settings.start_date, settings.end_date


def tell(asked: Filters, number: int) -> Story:
    """The part that was asked for; PanjError for one that there is not."""
    filters = {key: text for key, text in asked.items() if text}
    return story_of(chronicle_for(chosen.value, number).narrowed(**read_filters(filters)), words_of("story"))


@solara.component
def Choice(asked: Filters, start: date, end: date, on_asked: solara.Callable[[Filters], None]) -> None:
    """Of a province, and of days."""
    words = words_of("story")
    provinces = [Option(name, name) for name in sorted(facts_here().provinces)]
    groups = {words.say("country"): [Option("", words.say("whole"))], words.say("provinces"): provinces}
    Questions(
        [
            choice_field("province", words.say("province"), asked["province"], groups),
            day_field("from", words.say("from"), date.fromisoformat(asked["from"]), start, end),
            day_field("to", words.say("to"), date.fromisoformat(asked["to"]), start, end, words.say("record_note")),
        ],
        words.say("tell"),
        on_asked,
    )


@solara.component
def Told(story: Story) -> None:
    """All of it."""
    words = words_of("story")
    settings = the_desk().settings(chosen.value)
    Note(words.say("seed_of", seed=seed.value), live=True)
    Heading(words.say("head_summary"), 2)
    Sentences(story.summary)
    Note(words.say("reason"))
    Heading(words.say("head_days"), 2)
    solara.HTML("div", unsafe_innerHTML=days_in_html(story), classes=["prose"])
    label, *rows = story.record
    Heading(words.say("head_record"), 2)
    Note(label)
    Sentences(rows)
    Note(words.say("calibration", calibration=settings.calibration))


def days_in_html(story: Story) -> str:
    """Every day with its sentences; a line where the record ends."""
    words = words_of("story")
    parts = []
    for day, is_after in with_line(story.days):
        if is_after:
            parts.append(f"<p><em>{escape(words.say('after_record', day=words.day(THE_LINE, year=True)))}</em></p>")
        parts.append(f"<h3>{escape(words.day(day.date, year=True))}</h3>{listed(day.sentences)}")
    return "".join(parts) or f"<p>{escape(words.say('nothing'))}</p>"
