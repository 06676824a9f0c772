"""Describe one campaign in sentences: a summary, the events of each day, and the reported figures for the same days.

Reads   a `Chronicle`, and the record.
Writes  story.md, a page, and story.txt, a text for the terminal.
"""

import math
import textwrap
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Any, NamedTuple

from sim import options
from sim.compare.sentences import format_amount, quote_outcome
from sim.configuration.changes import title_of_scenario
from sim.data.facts import THE_LINE
from sim.provenance import shell_command
from sim.story.chronicle import Chronicle, LogEvent, check_part, counts, read_chronicle, sums
from sim.story.telling import (
    DaySentence,
    capital_ids,
    describe_manners,
    describe_record,
    list_by_post,
    list_reasons,
    sentences_on,
)
from sim.study.files import write_file
from sim.study.reader import Study, notes_on_definition, open_study, read_measure, read_worlds
from sim.wording import MOST_NAMED, Language, language_of, name_of_post, number, paragraph

SHOWN_DAYS, SHOWN_ROWS = 7, 8  # largest numbers of days and of rows of the record printed to a terminal
LETTERS = 100  # characters per line of the text for the terminal
WEEK = timedelta(days=7)
REASONS = 4  # largest number of reasons named in the summary


class Day(NamedTuple):
    """A day and the sentences on it (at least one)."""

    date: date
    told: tuple[DaySentence, ...]
    events: int  # number of log rows on that day, by which the busiest days are found

    @property
    def sentences(self) -> tuple[str, ...]:
        """The sentences on the day, as texts."""
        return tuple(one.text for one in self.told)


class Story(NamedTuple):
    """A campaign in sentences."""

    title: str
    notes: tuple[str, ...]  # subject of the story and hints for reading it
    summary: tuple[str, ...]
    days: tuple[Day, ...]
    record: tuple[str, ...]  # an introduction, then one sentence per evidence row


def story_of(chronicle: Chronicle, language: Language | None = None, outcomes: Sequence[str] = ()) -> Story:
    """Return the story of a campaign.

    Args:
        chronicle: The campaign, or the part of it to describe.
        language: Language of the sentences; None means English.
        outcomes: Sentences on requested outcomes, placed at the beginning of the summary.
    """
    language = language or language_of()
    by_day = chronicle.by_day
    found = [
        Day(day, tuple(sentences_on(chronicle, day, language)), len(by_day.get(day, [])))
        for day in days_shown(chronicle)
    ]
    return Story(
        language.say("title", study=chronicle.study, kind=describe_kind(chronicle, language), seed=chronicle.seed),
        (describe_shown_part(chronicle, language), language.say("one_of_many"), language.say("reason")),
        (*outcomes, *summarise_campaign(chronicle, language)),
        tuple(day for day in found if day.told),
        tuple(describe_record(chronicle, language)),
    )


def describe_kind(chronicle: Chronicle, language: Language) -> str:
    """Describe whether a campaign is free or followed the record at first."""
    return language.say("kind_free" if chronicle.is_free else "kind_followed")


def describe_shown_part(chronicle: Chronicle, language: Language) -> str:
    """Return a sentence on the campaign, the part of it that is shown, and the source of its parameters."""
    first, last = (language.day(day, year=True) for day in (chronicle.first, chronicle.last))
    part = language.say(
        "part_province" if chronicle.province else "part_time", province=chronicle.province, first=first, last=last
    )
    return language.say(
        "told", seed=chronicle.seed, study=chronicle.study, cell=name_of_cell(chronicle, language), part=part,
        scenario=title_of_scenario(chronicle.scenario), calibration=chronicle.calibration,
    )  # fmt: skip


def name_of_cell(chronicle: Chronicle, language: Language) -> str:
    """Return a text that names the cell of the campaign; empty for a study of one cell."""
    return language.say("told_cell", cell=chronicle.cell, label=chronicle.cell_label) if chronicle.cell_label else ""


def summarise_campaign(chronicle: Chronicle, language: Language) -> list[str]:
    """Return the sentences of the summary: on falls, capitals, calls for help, fates of men, crossings and families."""
    return [
        *short_falls(chronicle, language),
        *short_capitals(chronicle, language),
        *short_help(chronicle, language),
        *short_fates(chronicle, language),
        *short_river(chronicle, language),
        *short_families(chronicle, language),
    ]


def short_falls(chronicle: Chronicle, language: Language) -> list[str]:
    """Return sentences on the districts that fell: number, manners, reasons, and the day with the most falls.

    If the whole country is shown, the first sentence compares the numbers of districts held by the Taliban before and
    at the end of the days shown.
    """
    told = []
    falls = chronicle.of("fall")
    if not chronicle.province:
        evenings = max(chronicle.start, chronicle.first - timedelta(days=1)), chronicle.last
        first, last = (language.day(evening) for evening in evenings)
        before, held = (number(chronicle.on(evening, "districts_held_by_taliban")) for evening in evenings)
        every = number(len(chronicle.facts.district))
        told.append(language.say("sum_held", first=first, last=last, held=held, before=before, all=every))
    if not falls:
        return [*told, language.say("sum_none_fell")]
    told.append(language.say("sum_fell", len(falls), hows=describe_manners(falls, language)))
    again = sum(times > 1 for times in counts(falls, lambda one: one.district_id).values())
    if again:
        told.append(language.say("sum_again", again))
    day, most = next(iter(counts(falls, lambda one: one.date.isoformat()).items()))
    told.append(language.say("sum_most", most, day=language.day(date.fromisoformat(day))))
    whys = list_reasons(falls, language, REASONS)
    return [*told, language.say("sum_why", whys=whys)] if whys else told


def short_capitals(chronicle: Chronicle, language: Language) -> list[str]:
    """Return a sentence on the provincial capitals that fell and the days of their falls."""
    capitals = capital_ids(chronicle)
    fell = [one for one in chronicle.of("fall") if one.district_id in capitals]
    if not fell:
        return [language.say("sum_no_capital")]
    names = [language.say("sum_capital", district=one.district, day=language.day(one.date)) for one in fell]
    return [language.say("sum_capitals", len(fell), names=language.listed(names, 2 * MOST_NAMED))]


def short_help(chronicle: Chronicle, language: Language) -> list[str]:
    """Return sentences on calls for help, help that was sent, districts retaken, and assaults that were called off.

    One of them is on the number of districts that fell within a week although they were sent help.
    """
    calls, answers = chronicle.of("call"), chronicle.of("answer")
    told = []
    if not calls and not answers:
        told.append(language.say("sum_no_calls"))
    elif not answers:
        told.append(language.say("sum_no_answers", calls=language.say("sum_calls", len(calls))))
    else:
        men = number(sum(one.men for one in answers))
        told.append(language.say("sum_answers", len(answers), calls=language.say("sum_calls", len(calls)), men=men))
        vain = {one.district_id for one in answers if falls_soon(one, chronicle)}
        if vain:
            told.append(language.say("sum_in_vain", len(vain)))
    for event in ("retaken", "stand"):
        count = len(chronicle.of(event))
        if count:
            told.append(language.say({"retaken": "sum_retaken", "stand": "sum_stands"}[event], count))
    return told


def falls_soon(answer: LogEvent, chronicle: Chronicle) -> bool:
    """Return whether the district to which an answer sent help fell within a week."""
    return any(
        fall.district_id == answer.district_id and answer.date <= fall.date <= answer.date + WEEK
        for fall in chronicle.of("fall")
    )


def short_fates(chronicle: Chronicle, language: Language) -> list[str]:
    """Return one sentence each on any men who were captured and any men who surrendered."""
    men = {event: sum(one.men for one in chronicle.of(event)) for event in ("capture", "surrender")}
    keys = {"capture": "sum_captured", "surrender": "sum_surrendered"}
    return [language.say(keys[event], count) for event, count in men.items() if count]


def short_river(chronicle: Chronicle, language: Language) -> list[str]:
    """Return sentences on soldiers who crossed (in all, by post, in the largest night) and on those turned back."""
    crossings = chronicle.of("crossing")
    by_post = sums(crossings, lambda one: one.who)
    if not by_post:
        told = [language.say("sum_none_crossed")]
    else:
        told = [language.say("sum_crossed", sum(by_post.values()), posts=list_by_post(by_post, language))]
        day, men = next(iter(sums(crossings, lambda one: one.date.isoformat()).items()))
        night = [one for one in crossings if one.date.isoformat() == day]
        posts = language.listed(list(sums(night, lambda one: name_of_post(one.who))), MOST_NAMED)
        morning = language.day(date.fromisoformat(day) + timedelta(days=1))
        told.append(language.say("sum_largest", day=morning, men=number(men), posts=posts))
    refused = sum(one.men for one in chronicle.of("turned_back"))
    return [*told, language.say("sum_turned_back", refused)] if refused else told


def short_families(chronicle: Chronicle, language: Language) -> list[str]:
    """Return sentences on the people who left home, who were admitted or refused, and who waited at posts.

    If a single province is shown, return only the sentence on people admitted at its posts.
    """
    by_post = {post: int(chronicle.in_time(f"admitted_{post}").sum()) for post in chronicle.posts}
    admitted = {post: people for post, people in by_post.items() if people}
    told = []
    if not chronicle.province:
        left = sum(chronicle.grown(day, "people_displaced_total") for day in days_shown(chronicle))
        told.append(language.say("sum_left_home", people=number(left)))
    if admitted:
        told.append(language.say("sum_admitted", sum(admitted.values()), posts=list_by_post(admitted, language)))
    elif chronicle.posts:
        told.append(language.say("sum_none_admitted"))
    if chronicle.province:
        return told
    refused = sum(chronicle.grown(day, "refugees_refused_total") for day in days_shown(chronicle))
    if refused:
        told.append(language.say("sum_refused", people=number(refused)))
    waiting = chronicle.in_time("people_waiting")
    if waiting.max() > 0:
        day = chronicle.first + timedelta(days=int(waiting.argmax()))
        told.append(language.say("sum_waited", day=language.day(day), people=number(float(waiting.max()))))
    return told


def days_shown(chronicle: Chronicle) -> list[date]:
    """Return every day shown, including days on which nothing happened."""
    return [chronicle.first + timedelta(days=day) for day in range((chronicle.last - chronicle.first).days + 1)]


def heading_of_day(day: date, language: Language) -> str:
    """Return the heading of a day, which states that the day is simulated.

    Args:
        day: The day.
        language: Language of the heading.
    """
    return language.say("simulated_day", day=language.day(day, year=True))


def page_of(story: Story, language: Language) -> str:
    """Return the whole story as a Markdown page.

    Args:
        story: The story.
        language: Language of headings and notes.
    """
    lines = [f"# {story.title}", "", *paragraphs(story.notes), f"## {language.say('head_summary')}", ""]
    lines += [*bullets(story.summary), "", f"## {language.say('head_days')}", ""]
    for day, is_after in with_line(story.days):
        if is_after:
            lines += [f"*{language.say('after_record', day=language.day(THE_LINE, year=True))}*", ""]
        lines += [f"### {heading_of_day(day.date, language)}", "", *bullets(day.sentences), ""]
    if not story.days:
        lines += [language.say("nothing"), ""]
    label, *rows = story.record
    return (
        "\n".join([*lines, f"## {language.say('head_record')}", "", f"*{label}*", "", *bullets(rows)]).rstrip() + "\n"
    )


def text_of(story: Story, language: Language, days: int | None = None, rows: int | None = None, path: str = "") -> str:
    """Return the story as plain text.

    Args:
        story: The story.
        language: Language of the headings and notes.
        days: Number of days to include, chosen by number of events; None for all.
        rows: Number of rows of the record to include; None for all.
        path: Path of the whole story, to which the text refers if it is incomplete.
    """
    lines = [story.title, "", *wrapped(story.notes, ""), "", language.say("head_summary"), *wrapped(story.summary)]
    lines += ["", language.say("head_days")]
    shown = busiest_days(story.days, days)
    for day, is_after in with_line(shown):
        if is_after:
            lines += ["", *wrapped([language.say("after_record", day=language.day(THE_LINE, year=True))], "")]
        lines += ["", heading_of_day(day.date, language), *wrapped(day.sentences)]
    if not story.days:
        lines.append(language.say("nothing"))
    if len(shown) < len(story.days):
        lines += ["", *wrapped([language.say("shown_days", len(shown), all=number(len(story.days)), path=path)], "")]
    label, *record = story.record
    lines += ["", language.say("head_record"), *wrapped([label], ""), *wrapped(record[:rows])]
    if rows is not None and len(record) > rows:
        lines += wrapped([language.say("shown_record", len(record) - rows, path=path)], "")
    return "\n".join(lines) + "\n"


def busiest_days(days: Sequence[Day], most: int | None) -> list[Day]:
    """Return the days with the most events, at most `most` of them (None means all), in chronological order."""
    if most is None or len(days) <= most:
        return list(days)
    chosen = sorted(days, key=lambda day: (-day.events, day.date))[:most]
    return sorted(chosen, key=lambda day: day.date)


def with_line(days: Sequence[Day]) -> list[tuple[Day, bool]]:
    """Return each day with a flag that is true only for the first day after the end of the record.

    Args:
        days: Days on which something happened, in chronological order.
    """
    after = next((day.date for day in days if day.date > THE_LINE), None)
    return [(day, day.date == after) for day in days]


def paragraphs(sentences: Sequence[str]) -> list[str]:
    """Return the lines of Markdown paragraphs, one paragraph per sentence."""
    return [line for sentence in sentences for line in (sentence, "")]


def bullets(sentences: Sequence[str]) -> list[str]:
    """Return the lines of a Markdown list, one item per sentence."""
    return [f"- {sentence}" for sentence in sentences]


def wrapped(sentences: Sequence[str], mark: str = "- ") -> list[str]:
    """Return sentences wrapped to lines of at most `LETTERS` characters; the first line of each begins with `mark`."""
    blank = " " * len(mark)
    return [
        line
        for sentence in sentences
        for line in textwrap.wrap(sentence, LETTERS, initial_indent=mark, subsequent_indent=blank)
    ]


def part_of(request: options.Story) -> dict[str, Any]:
    """Return the requested province, first day and last day, if given, as arguments of `narrowed`."""
    asked = {"province": request.province, "first": request.first, "last": request.last}
    return {key: value for key, value in asked.items() if value is not None}


def check_filters(request: options.Story, start: date, end: date) -> None:
    """Check, before a campaign is run, that the requested part of it exists.

    Args:
        request: The requested province and days.
        start: First day of the campaign.
        end: Last day of the campaign.

    Raises:
        PanjError: The province is unknown, or the days are outside the campaign or not in order.
    """
    check_part(request.province, request.first or start, request.last or end, start, end)


def name_of(request: options.Story) -> str:
    """Return the file name, without extension, of a story.

    It is `story` for a whole campaign. A part has a different name, such as `story_badakhshan_from_2021-07-01`, so that
    it does not overwrite the whole story.
    """
    parts = [request.province.lower().replace(" ", "_")] if request.province else []
    days = [f"{key}_{day}" for key, day in (("from", request.first), ("to", request.last)) if day]
    return "_".join(["story", *parts, *days])


def tell(
    folder: Path, campaign: Mapping[str, Any], request: options.Story, language: Language
) -> tuple[Chronicle, Story]:
    """Return the requested part of a campaign and its story.

    Args:
        folder: Folder with the tables of the campaign.
        campaign: Metadata of the campaign, as in campaign.json.
        request: The requested part of the campaign, and the requested outcomes.
        language: Language of the sentences.

    Raises:
        PanjError: A table cannot be read, or the study has no such outcome.
    """
    study = open_study(request.folder)
    chronicle = read_chronicle(folder, campaign).narrowed(**part_of(request))
    outcomes = [describe_outcome_of_campaign(study, name, campaign, language) for name in request.outcome]
    return chronicle, story_of(chronicle, language, outcomes)


def show_story(folder: Path, campaign: Mapping[str, Any], request: options.Story) -> int:
    """Write a story as a page and a text file, print a short version, and suggest the next command.

    Args:
        folder: Folder with the tables of the campaign, to which the story is written.
        campaign: Metadata of the campaign, as in campaign.json.
        request: The requested part of the campaign, and the requested outcomes.

    Returns:
        The exit code, which is always 0.

    Raises:
        PanjError: A table cannot be read, or the study has no such outcome.
    """
    language = language_of()
    chronicle, story = tell(folder, campaign, request, language)
    if note := open_study(request.folder).note_on_choice(request.cell):
        print(note)
    text, page = (folder / f"{name_of(request)}.{kind}" for kind in ("txt", "md"))
    write_file(text, text_of(story, language))
    write_file(page, page_of(story, language))
    print(text_of(story, language, SHOWN_DAYS, SHOWN_ROWS, str(page)))
    print(language.say("written"), f"  {text}", f"  {page}", sep="\n")
    print(language.say("next", command=next_command(folder, campaign, chronicle)))
    return 0


def describe_outcome_of_campaign(study: Study, name: str, campaign: Mapping[str, Any], language: Language) -> str:
    """Describe an outcome of a campaign: its value, its rank within its cell, and the reported figure.

    Args:
        study: The study of the campaign.
        name: Name of the outcome.
        campaign: Metadata of the campaign; only its seed, cell and first day are used.
        language: Language of the sentences.

    Returns:
        One to three sentences, without a value if the campaign has none; the last is a warning if the outcome was
        counted by another definition than the present one.

    Raises:
        PanjError: The study has no such outcome.
    """
    measure = read_measure(study, name)
    start = date.fromisoformat(campaign["start_date"])
    worlds = read_worlds(study, measure, start)[campaign["cell"]]
    is_this = worlds.seeds == campaign["seed"]
    found, others = worlds.values[is_this], worlds.values[~is_this]
    warnings = notes_on_definition(measure)
    if not found.size or math.isnan(found[0]):
        return paragraph(language.say("sum_outcome_missing", outcome=quote_outcome(measure, language)), *warnings)
    value = float(found[0])
    said = (
        language.day(start + timedelta(days=round(value)), year=True)
        if measure.is_date
        else format_amount(value, measure, language)
    )
    told = language.say(
        "sum_outcome", outcome=quote_outcome(measure, language), value=said, others=number(len(others)),
        lower=number((others < value).sum()), higher=number((others > value).sum()),
    )  # fmt: skip
    reported = measure.reported_figure
    beside = language.say("sum_outcome_reported", reported=reported) if reported else ""
    return paragraph(told, beside, *warnings)


def next_command(folder: Path, campaign: Mapping[str, Any], chronicle: Chronicle) -> str:
    """Return a command that forks the campaign on 4 July 2021, or on the first day shown if that is later.

    The fork is always before the last day of the campaign.
    """
    study = folder.parent.parent if folder.parent.name == "stories" else folder
    day = min(max(chronicle.first, date(2021, 7, 4)), chronicle.end - timedelta(days=1))
    where = [f"{key}={campaign[key]}" for key in ("seed", "cell")]
    return shell_command(["fork", study, f"day={day}", "reinforcement=answer_every_call", *where])
