"""The story of one campaign in plain sentences: in short, day by day, and what was reported of the same days.

Reads   a `Chronicle`; the record.
Gives   `Story`, and the text of a page (`story.md`) and of a terminal (`story.txt`).
"""

import textwrap
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Any, NamedTuple

from sim import options
from sim.data.facts import THE_LINE
from sim.story.chronicle import Chronicle, Happening, check_part, counts, read_chronicle, sums
from sim.story.telling import capital_ids, say_hows, say_posts, say_whys, tell_day, tell_record
from sim.study.files import write_file
from sim.wording import MOST_NAMED, Language, language_of, number, say_post

SHOWN_DAYS, SHOWN_ROWS = 7, 8  # in a terminal
LETTERS = 100  # in a line
WEEK = timedelta(days=7)
REASONS = 4  # named in short


class Day(NamedTuple):
    """A day on which something happened."""

    date: date
    sentences: tuple[str, ...]
    events: int  # rows of the log, by which the fullest days are found


class Story(NamedTuple):
    """All that is told of a campaign."""

    title: str
    notes: tuple[str, ...]
    summary: tuple[str, ...]
    days: tuple[Day, ...]
    record: tuple[str, ...]  # what it is, then a row each


def story_of(chronicle: Chronicle, words: Language | None = None) -> Story:
    """The same chronicle gives the same story to the last letter."""
    words = words or language_of()
    by_day = chronicle.by_day
    found = [Day(day, tuple(tell_day(chronicle, day, words)), len(by_day.get(day, []))) for day in days_told(chronicle)]
    return Story(
        words.say("title", study=chronicle.study, seed=chronicle.seed),
        (tell_what(chronicle, words), words.say("dice"), words.say("reason")),
        tuple(tell_short(chronicle, words)),
        tuple(day for day in found if day.sentences),
        tuple(tell_record(chronicle, words)),
    )


def tell_what(chronicle: Chronicle, words: Language) -> str:
    """Of which campaign, which part, by which numbers."""
    first, last = (words.day(day, year=True) for day in (chronicle.first, chronicle.last))
    part = words.say(
        "part_province" if chronicle.province else "part_time", province=chronicle.province, first=first, last=last
    )
    return words.say(
        "told", seed=chronicle.seed, study=chronicle.study, cell=say_cell(chronicle, words), part=part,
        scenario=chronicle.scenario, calibration=chronicle.calibration,
    )  # fmt: skip


def say_cell(chronicle: Chronicle, words: Language) -> str:
    """Nothing for a study of one cell."""
    return words.say("told_cell", cell=chronicle.cell, label=chronicle.cell_label) if chronicle.cell_label else ""


def tell_short(chronicle: Chronicle, words: Language) -> list[str]:
    """Falls, capitals, help, men, the river, families."""
    return [
        *short_falls(chronicle, words),
        *short_capitals(chronicle, words),
        *short_help(chronicle, words),
        *short_fates(chronicle, words),
        *short_river(chronicle, words),
        *short_families(chronicle, words),
    ]


def short_falls(chronicle: Chronicle, words: Language) -> list[str]:
    """How many, how, why, and on which day the most."""
    told = []
    falls = chronicle.of("fall")
    if not chronicle.province:
        evenings = max(chronicle.start, chronicle.first - timedelta(days=1)), chronicle.last
        first, last = (words.day(evening) for evening in evenings)
        before, held = (number(chronicle.on(evening, "districts_held_by_taliban")) for evening in evenings)
        every = number(len(chronicle.facts.district))
        told.append(words.say("sum_held", first=first, last=last, held=held, before=before, all=every))
    if not falls:
        return [*told, words.say("sum_none_fell")]
    told.append(words.say("sum_fell", len(falls), hows=say_hows(falls, words)))
    again = sum(times > 1 for times in counts(falls, lambda one: one.district_id).values())
    if again:
        told.append(words.say("sum_again", again))
    day, most = next(iter(counts(falls, lambda one: one.date.isoformat()).items()))
    told.append(words.say("sum_most", most, day=words.day(date.fromisoformat(day))))
    whys = say_whys(falls, words, REASONS)
    return [*told, words.say("sum_why", whys=whys)] if whys else told


def short_capitals(chronicle: Chronicle, words: Language) -> list[str]:
    """Which provincial capitals fell, and when."""
    capitals = capital_ids(chronicle)
    fell = [one for one in chronicle.of("fall") if one.district_id in capitals]
    if not fell:
        return [words.say("sum_no_capital")]
    names = [words.say("sum_capital", district=one.district, day=words.day(one.date)) for one in fell]
    return [words.say("sum_capitals", len(fell), names=words.listed(names, 2 * MOST_NAMED))]


def short_help(chronicle: Chronicle, words: Language) -> list[str]:
    """Calls, answers, answers that saved nothing; what was retaken and what stood."""
    calls, answers = chronicle.of("call"), chronicle.of("answer")
    told = []
    if not calls and not answers:
        told.append(words.say("sum_no_calls"))
    elif not answers:
        told.append(words.say("sum_no_answers", calls=words.say("sum_calls", len(calls))))
    else:
        men = number(sum(one.men for one in answers))
        told.append(words.say("sum_answers", len(answers), calls=words.say("sum_calls", len(calls)), men=men))
        vain = {one.district_id for one in answers if falls_soon(one, chronicle)}
        if vain:
            told.append(words.say("sum_in_vain", len(vain)))
    for event in ("retaken", "stand"):
        count = len(chronicle.of(event))
        if count:
            told.append(words.say({"retaken": "sum_retaken", "stand": "sum_stands"}[event], count))
    return told


def falls_soon(answer: Happening, chronicle: Chronicle) -> bool:
    """Whether a district to which help was sent fell within a week."""
    return any(
        fall.district_id == answer.district_id and answer.date <= fall.date <= answer.date + WEEK
        for fall in chronicle.of("fall")
    )


def short_fates(chronicle: Chronicle, words: Language) -> list[str]:
    """Captured, and given up."""
    men = {event: sum(one.men for one in chronicle.of(event)) for event in ("capture", "surrender")}
    keys = {"capture": "sum_captured", "surrender": "sum_surrendered"}
    return [words.say(keys[event], count) for event, count in men.items() if count]


def short_river(chronicle: Chronicle, words: Language) -> list[str]:
    """Soldiers by post, the largest night, those turned back."""
    crossings = chronicle.of("crossing")
    by_post = sums(crossings, lambda one: one.who)
    if not by_post:
        told = [words.say("sum_none_crossed")]
    else:
        told = [words.say("sum_crossed", sum(by_post.values()), posts=say_posts(by_post, words))]
        day, men = next(iter(sums(crossings, lambda one: one.date.isoformat()).items()))
        night = [one for one in crossings if one.date.isoformat() == day]
        posts = words.listed(list(sums(night, lambda one: say_post(one.who))), MOST_NAMED)
        morning = words.day(date.fromisoformat(day) + timedelta(days=1))
        told.append(words.say("sum_largest", day=morning, men=number(men), posts=posts))
    refused = sum(one.men for one in chronicle.of("turned_back"))
    return [*told, words.say("sum_turned_back", refused)] if refused else told


def short_families(chronicle: Chronicle, words: Language) -> list[str]:
    """People who left home, were let over, were refused, waited; by post where only a province is told."""
    by_post = {post: int(chronicle.in_time(f"admitted_{post}").sum()) for post in chronicle.posts}
    admitted = {post: people for post, people in by_post.items() if people}
    told = []
    if not chronicle.province:
        left = sum(chronicle.grown(day, "people_displaced_total") for day in days_told(chronicle))
        told.append(words.say("sum_left_home", people=number(left)))
    if admitted:
        told.append(words.say("sum_admitted", sum(admitted.values()), posts=say_posts(admitted, words)))
    elif chronicle.posts:
        told.append(words.say("sum_none_admitted"))
    if chronicle.province:
        return told
    refused = sum(chronicle.grown(day, "refugees_refused_total") for day in days_told(chronicle))
    if refused:
        told.append(words.say("sum_refused", people=number(refused)))
    waiting = chronicle.in_time("people_waiting")
    if waiting.max() > 0:
        day = chronicle.first + timedelta(days=int(waiting.argmax()))
        told.append(words.say("sum_waited", day=words.day(day), people=number(float(waiting.max()))))
    return told


def days_told(chronicle: Chronicle) -> list[date]:
    """Every day that is told."""
    return [chronicle.first + timedelta(days=day) for day in range((chronicle.last - chronicle.first).days + 1)]


def page_of(story: Story, words: Language) -> str:
    """The whole story in Markdown."""
    lines = [f"# {story.title}", "", *paragraphs(story.notes), f"## {words.say('head_summary')}", ""]
    lines += [*bullets(story.summary), "", f"## {words.say('head_days')}", ""]
    for day, is_after in with_line(story.days):
        if is_after:
            lines += [f"*{words.say('after_record', day=words.day(THE_LINE, year=True))}*", ""]
        lines += [f"### {words.day(day.date, year=True)}", "", *bullets(day.sentences), ""]
    if not story.days:
        lines += [words.say("nothing"), ""]
    label, *rows = story.record
    return "\n".join([*lines, f"## {words.say('head_record')}", "", f"*{label}*", "", *bullets(rows)]).rstrip() + "\n"


def text_of(story: Story, words: Language, days: int | None = None, rows: int | None = None, path: str = "") -> str:
    """The story for a terminal: the `days` fullest days and the first `rows` of the record, or all of both."""
    lines = [story.title, "", *wrapped(story.notes, ""), "", words.say("head_summary"), *wrapped(story.summary)]
    lines += ["", words.say("head_days")]
    shown = fullest(story.days, days)
    for day, is_after in with_line(shown):
        if is_after:
            lines += ["", *wrapped([words.say("after_record", day=words.day(THE_LINE, year=True))], "")]
        lines += ["", words.day(day.date, year=True), *wrapped(day.sentences)]
    if not story.days:
        lines.append(words.say("nothing"))
    if len(shown) < len(story.days):
        lines += ["", *wrapped([words.say("shown_days", len(shown), all=number(len(story.days)), path=path)], "")]
    label, *record = story.record
    lines += ["", words.say("head_record"), *wrapped([label], ""), *wrapped(record[:rows])]
    if rows is not None and len(record) > rows:
        lines += wrapped([words.say("shown_record", len(record) - rows, path=path)], "")
    return "\n".join(lines) + "\n"


def fullest(days: Sequence[Day], most: int | None) -> list[Day]:
    """The days with the most events, in the order of time."""
    if most is None or len(days) <= most:
        return list(days)
    chosen = sorted(days, key=lambda day: (-day.events, day.date))[:most]
    return sorted(chosen, key=lambda day: day.date)


def with_line(days: Sequence[Day]) -> list[tuple[Day, bool]]:
    """Each day, and whether it is the first after the end of the record."""
    after = next((day.date for day in days if day.date > THE_LINE), None)
    return [(day, day.date == after) for day in days]


def paragraphs(sentences: Sequence[str]) -> list[str]:
    """An empty line after each."""
    return [line for sentence in sentences for line in (sentence, "")]


def bullets(sentences: Sequence[str]) -> list[str]:
    """A line each."""
    return [f"- {sentence}" for sentence in sentences]


def wrapped(sentences: Sequence[str], mark: str = "- ") -> list[str]:
    """Lines of a width that can be read."""
    blank = " " * len(mark)
    return [
        line
        for sentence in sentences
        for line in textwrap.wrap(sentence, LETTERS, initial_indent=mark, subsequent_indent=blank)
    ]


def part_of(request: options.Story) -> dict[str, Any]:
    """Province, first and last day, as far as they are asked for."""
    asked = {"province": request.province, "first": request.first, "last": request.last}
    return {key: value for key, value in asked.items() if value is not None}


def check_filters(request: options.Story, start: date, end: date) -> None:
    """Whether a campaign of these days has the part that is asked for, before it is run; PanjError names the key."""
    check_part(request.province, request.first or start, request.last or end, start, end)


def name_of(request: options.Story) -> str:
    """`story`, or `story_badakhshan_from_2021-07-01`: a part does not overwrite the whole."""
    parts = [request.province.lower().replace(" ", "_")] if request.province else []
    days = [f"{key}_{day}" for key, day in (("from", request.first), ("to", request.last)) if day]
    return "_".join(["story", *parts, *days])


def show_story(folder: Path, campaign: Mapping[str, Any], request: options.Story) -> int:
    """Tell it in the terminal and in two files, and say what to do next."""
    words = language_of()
    chronicle = read_chronicle(folder, campaign).narrowed(**part_of(request))
    story = story_of(chronicle, words)
    text, page = (folder / f"{name_of(request)}.{kind}" for kind in ("txt", "md"))
    write_file(text, text_of(story, words))
    write_file(page, page_of(story, words))
    print(text_of(story, words, SHOWN_DAYS, SHOWN_ROWS, str(page)))
    print(words.say("written"), f"  {text}", f"  {page}", sep="\n")
    print(words.say("next", command=next_command(folder, campaign, chronicle)))
    return 0


def next_command(folder: Path, campaign: Mapping[str, Any], chronicle: Chronicle) -> str:
    """Change a decision in the midst of it."""
    study = folder.parent.parent if folder.parent.name == "stories" else folder
    day = min(max(chronicle.first, date(2021, 7, 4)), chronicle.end - timedelta(days=1))
    where = f" seed={campaign['seed']}" + (f" cell={campaign['cell']}" if campaign["cell"] else "")
    return f"python -m sim fork {study} day={day} reinforcement=answer_every_call{where}"
