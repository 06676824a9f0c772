"""The page Story: one campaign in sentences, day by day, and the reports for the same days."""

from datetime import date
from html import escape

import solara

from sim import options
from sim.classroom.choice.fields import describe_choice
from sim.classroom.hooks import chosen, followed, keep, seed, use_kept
from sim.classroom.parts import Folded, Heading, Note, Trouble
from sim.classroom.parts.follow import following, watched_settings
from sim.classroom.parts.map import describe_campaign
from sim.classroom.parts.questions import SeedForm, Sentences
from sim.classroom.parts.sheet import Sheet, day_field, one_of, read_day
from sim.classroom.player import chronicle_for, numbers_from
from sim.classroom.texts import marked, texts_of
from sim.data.facts import THE_LINE, facts_here
from sim.errors import PanjError
from sim.story.story import Story, heading_of_day, story_of, with_line

FIRST = date(2021, 6, 22)  # default first day, on which Sher Khan Bandar fell
SHORT = 1  # number of sentences of the summary that are not collapsed
Filters = dict[str, str]


@solara.component
def Page() -> None:
    """Show the form for province and days, and the story."""
    texts = texts_of("story")
    Heading(texts.say("heading"))
    SeedForm()
    try:
        settings = watched_settings()
    except PanjError as error:
        Trouble(str(error))
        return
    start, end = settings.start_date, settings.end_date
    province, _ = use_kept("province", "")
    first, _ = use_kept("from", max(start, min(FIRST, end)).isoformat())
    last, _ = use_kept("to", max(start, min(THE_LINE, end)).isoformat())
    asked = {"province": province, "from": first, "to": last}
    try:
        Choice(asked, start, end, keep)
        story = tell(asked, seed.value)
    except PanjError as error:
        Trouble(str(error))
        return
    Told(story)


def tell(asked: Filters, number: int) -> Story:
    """Return the requested part of the story; raise PanjError for an unknown province or an invalid day."""
    filters = {key: text for key, text in asked.items() if text}
    part = options.read_options(options.Story, filters)
    return story_of(chronicle_for(following(chosen.value, followed.value), number).narrowed(**part), texts_of("story"))


@solara.component
def Choice(asked: Filters, start: date, end: date, on_asked: solara.Callable[[Filters], None]) -> None:
    """Show the form for province and days."""
    texts = texts_of("story")
    whole = {"value": "", "text": texts.say("whole"), "group": texts.say("country")}
    names = sorted(facts_here().provinces)
    provinces = [{"value": name, "text": name, "group": texts.say("provinces")} for name in names]
    Sheet(
        [
            one_of("province", texts.say("province"), asked["province"], [whole, *provinces]),
            day_field("from", texts.say("from"), read_day("from", asked["from"]), start, end),
            day_field("to", texts.say("to"), read_day("to", asked["to"]), start, end),
        ],
        texts.say("tell"),
        on_asked,
    )


@solara.component
def Told(story: Story) -> None:
    """Show the first sentence of a story and, collapsed, the other sentences, the days and the reports."""
    texts = texts_of("story")
    settings = watched_settings()
    campaign, choice = describe_campaign(settings, seed.value), describe_choice(chosen.value)
    Note(texts.say("seed_of", campaign=campaign, choice=choice), live=True)
    Heading(texts.say("head_summary"), 2, is_seen=False)
    Sentences(story.summary[:SHORT])
    with Folded(texts.say("more")):
        Sentences(story.summary[SHORT:])
        Note(texts.say("chance"))
        Note(texts.say("reason"))
        Note(texts_of("map").say(f"map_numbers_{numbers_from(settings)}"))
    with Folded(texts.say("head_days")):
        Note(texts.say("reported_lines"))
        solara.HTML("div", unsafe_innerHTML=days_in_html(story), classes=["prose"])
    label, *rows = story.record
    with Folded(texts.say("head_record")):
        Note(label)
        Sentences(rows)


def days_in_html(story: Story) -> str:
    """Return the days and their sentences as HTML, with a note where the record ends."""
    texts = texts_of("story")
    parts = []
    for day, is_after in with_line(story.days):
        if is_after:
            parts.append(f"<p><em>{escape(texts.say('after_record', day=texts.day(THE_LINE, year=True)))}</em></p>")
        lines = "".join(f'<li class="is-{one.kind}">{marked(escape(one.text))}</li>' for one in day.told)
        parts.append(f"<h3>{escape(heading_of_day(day.date, texts))}</h3><ul>{lines}</ul>")
    return "".join(parts) or f"<p>{escape(texts.say('nothing'))}</p>"
