"""Describe each day of a campaign in sentences, and the reported figures for the days and the place shown.

A sentence names a few places and counts the others. An evidence row is about a province if it names that province, or
if it names one of its districts or posts and no other province.

Reads   a `Chronicle`, data/evidence.csv, the dates of loss in data/districts.csv, and the sentences of a language.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import NamedTuple

import numpy as np

from sim.data.evidence import FOUNDING, Evidence
from sim.data.facts import THE_LINE
from sim.data.record import evidence, fell_dates
from sim.story.chronicle import Chronicle, Dated, LogEvent, counts, sums
from sim.wording import MOST_NAMED, Language, name_of_post, number

HOW = ("handed_over", "fought", "abandoned")
FEW = 2  # number of provinces with a single loss above which one sentence covers them all
MOST_POSTS = 4  # largest number of posts named in a sentence


REPORTED, ASSUMED, SIMULATED = "reported", "assumed", "simulated"  # kinds of sentences on a day


class DaySentence(NamedTuple):
    """A sentence on a day, and whether it is about a reported event, an assumption or the simulation."""

    kind: str
    text: str


def texts_on(chronicle: Chronicle, day: date, language: Language) -> list[str]:
    """Return the texts of all sentences on a day, without their kinds."""
    return [one.text for one in sentences_on(chronicle, day, language)]


def sentences_on(chronicle: Chronicle, day: date, language: Language) -> list[DaySentence]:
    """Return all sentences on a day, beginning with those on dated events.

    Args:
        chronicle: The campaign, or the part of it that is shown.
        day: The day to describe.
        language: Language of the sentences.

    Returns:
        The sentences. There are none if nothing happened, or if a single province is shown and only national events
        happened.
    """
    rows = chronicle.by_day.get(day, [])
    told = [
        *describe_orders(chronicle, rows, language),
        *describe_falls(chronicle, rows, day, language),
        *describe_help(chronicle, rows, language),
        *describe_fates(chronicle, rows, language),
        *describe_river(chronicle, rows, day, language),
    ]
    today = [one for one in chronicle.dated if max(one.date, chronicle.start) == day]
    if chronicle.province and not told:  # a day with only national events is not described for a province
        return []
    return [*(describe_dated_event(one, language) for one in today), *(DaySentence(SIMULATED, text) for text in told)]


def describe_dated_event(one: Dated, language: Language) -> DaySentence:
    """Return the sentence on a dated event, with its source if it was reported, or else as an assumption."""
    if one.is_told:
        return DaySentence(ASSUMED, one.text)
    if one.source:
        return DaySentence(
            REPORTED, language.say("dated_reported", text=one.text, source=name_articles(one.source, language))
        )
    return DaySentence(ASSUMED, language.say("dated_assumed", text=one.text))


def name_articles(source: str, language: Language) -> str:
    """Replace the numbers of newspaper articles in the source of an event by the names of the newspapers."""

    def named(found: re.Match[str]) -> str:
        papers = language.listed([FOUNDING[int(each) - 1] for each in found[1].split(" and ")])
        return language.say("articles", papers=papers)

    return re.sub(r"articles? (\d(?: and \d)*)", named, source)


def describe_orders(chronicle: Chronicle, rows: Sequence[LogEvent], language: Language) -> list[str]:
    """Describe the men who were sent or raised by dated events, and the spearheads that set out."""
    told = []
    for one in of(rows, "dated"):
        place = place_of(one, chronicle, language)
        if one.who:
            told.append(language.say("took_up_arms", one.men, place=place))
        elif one.men:
            told.append(language.say("reinforced", one.men, place=place))
        else:
            told.append(language.say("none_to_reinforce", place=place))
    spearheads = list(dict.fromkeys(one.province for one in of(rows, "prong_moves")))
    if spearheads:
        told.append(language.say("spearheads", len(spearheads), names=language.listed(spearheads, MOST_NAMED)))
    return told


def describe_falls(chronicle: Chronicle, rows: Sequence[LogEvent], day: date, language: Language) -> list[str]:
    """Describe the falls of a day: those of capitals, then those of rural districts, grouped by province.

    The province with the most falls of rural districts comes first. If the whole country is shown, the last sentence
    states how many districts the Taliban hold at the end of the day.
    """
    falls = of(rows, "fall")
    capitals = capital_ids(chronicle)
    told = [describe_fall(one, name_capital(one, language), language) for one in falls if one.district_id in capitals]
    rural: dict[str, list[LogEvent]] = {}
    for one in falls:
        if one.district_id not in capitals:
            rural.setdefault(one.province, []).append(one)
    groups = sorted(rural.values(), key=len, reverse=True)
    told += [describe_falls_in_province(group, language) for group in groups if len(group) > 1]
    alone = [group[0] for group in groups if len(group) == 1]
    if len(alone) > FEW:
        told.append(describe_scattered_falls(alone, chronicle, language))
    else:
        told += [describe_fall(one, place_of(one, chronicle, language), language) for one in alone]
    if falls and not chronicle.province:
        held = number(chronicle.on(day, "districts_held_by_taliban"))
        told.append(language.say("held", held=held, all=number(len(chronicle.facts.district))))
    return told


def capital_ids(chronicle: Chronicle) -> set[str]:
    """Return the P-codes of the provincial capitals."""
    facts = chronicle.facts
    return {code for code, is_capital in zip(facts.district_id, facts.is_capital, strict=True) if is_capital}


def name_capital(one: LogEvent, language: Language) -> str:
    """Return the name of a capital with its province: `Taloqan, the capital of Takhar,`."""
    return language.say("capital", district=one.district, province=one.province)


def describe_fall(one: LogEvent, place: str, language: Language) -> str:
    """Describe the manner and, if known, the reason of one fall."""
    fell = language.say(f"fell_{one.how}", place=place)
    if one.why == "none":
        return language.say("fell", fell=fell)
    return language.say("fell_because", fell=fell, why=language.say(f"why_{one.why}"))


def describe_falls_in_province(falls: Sequence[LogEvent], language: Language) -> str:
    """Describe the fall of several districts of one province."""
    names = language.listed([one.district for one in falls], MOST_NAMED)
    hows = describe_manners(falls, language)
    return with_reasons(
        language.say("fell_together", len(falls), province=falls[0].province, names=names, hows=hows), falls, language
    )


def describe_scattered_falls(falls: Sequence[LogEvent], chronicle: Chronicle, language: Language) -> str:
    """Describe the falls of single districts in several provinces in one sentence."""
    names = language.listed([place_of(one, chronicle, language) for one in falls], MOST_NAMED)
    return with_reasons(
        language.say("fell_scattered", len(falls), names=names, hows=describe_manners(falls, language)), falls, language
    )


def with_reasons(text: str, falls: Sequence[LogEvent], language: Language) -> str:
    """Append the reasons for falls, most frequent first, to the sentence on these falls."""
    whys = list_reasons(falls, language)
    return language.say("fell_reasons", fell=text, whys=whys) if whys else text


def describe_manners(falls: Sequence[LogEvent], language: Language) -> str:
    """Describe the manners of falls, such as `4 were left undefended and one was taken in a fight`."""
    found = counts(falls, lambda one: one.how)
    if len(found) == 1 and len(falls) > 1:
        return language.say(f"both_{falls[0].how}") if len(falls) == 2 else language.say(f"all_{falls[0].how}")
    return language.listed([language.say(f"how_{how}", found[how]) for how in found if how in HOW])


def list_reasons(falls: Sequence[LogEvent], language: Language, most: int | None = None) -> str:
    """List the reasons for falls with their counts, most frequent first: `dread (4) and low morale (1)`.

    Args:
        falls: The falls to count; those without a reason are ignored.
        language: Language of the sentences.
        most: Largest number of reasons to list; None for all.
    """
    found = counts([one for one in falls if one.why != "none"], lambda one: one.why)
    pairs = list(found.items())[:most]
    return language.listed([language.say("counted", count, name=language.say(f"reason_{why}")) for why, count in pairs])


def describe_help(chronicle: Chronicle, rows: Sequence[LogEvent], language: Language) -> list[str]:
    """Describe assaults that were called off, districts retaken, calls for help, and the answers to calls."""
    told = []
    for event, key in (("stand", "stood"), ("retaken", "retaken"), ("call", "called")):
        places = list(dict.fromkeys(place_of(one, chronicle, language) for one in of(rows, event)))
        if places:
            told.append(language.say(key, len(places), names=language.listed(places, MOST_NAMED)))
    answers = of(rows, "answer")
    if answers:
        places = list(dict.fromkeys(place_of(one, chronicle, language) for one in answers))
        men = number(sum(one.men for one in answers))
        told.append(language.say("answered", len(places), men=men, names=language.listed(places, MOST_NAMED)))
    return told


def describe_fates(chronicle: Chronicle, rows: Sequence[LogEvent], language: Language) -> list[str]:
    """Return sentences on the men who were captured, surrendered and came home, by province or district."""
    told = []
    for event, key in (("capture", "captured"), ("surrender", "surrendered"), ("return", "returned")):
        men = sums(of(rows, event), lambda one: one.district if chronicle.province else one.province)
        if sum(men.values()):
            told.append(
                language.say(
                    key, sum(men.values()), names=list_by_place(men, ("in_one_place", "in_place"), MOST_NAMED, language)
                )
            )
    return told


def describe_river(chronicle: Chronicle, rows: Sequence[LogEvent], day: date, language: Language) -> list[str]:
    """Describe soldiers who crossed or were turned back in the night after a day, and people admitted on that day.

    If the whole country is shown, also state the numbers of people who were refused, were waiting and left home.
    """
    told = []
    crossed = sums(of(rows, "crossing"), lambda one: one.who)
    if crossed:
        morning = language.day(day + timedelta(days=1))
        told.append(language.say("crossed", sum(crossed.values()), day=morning, posts=list_by_post(crossed, language)))
    refused = sums(of(rows, "turned_back"), lambda one: one.who)
    if refused:
        told.append(language.say("turned_back", sum(refused.values()), posts=list_by_post(refused, language)))
    admitted = chronicle.at_posts("admitted", day)
    if admitted:
        told.append(language.say("admitted", sum(admitted.values()), posts=list_by_post(admitted, language)))
    if chronicle.province:
        return told
    told += [
        language.say(key, people)
        for key, people in (
            ("refused", chronicle.grown(day, "refugees_refused_total")),
            ("waiting", chronicle.on(day, "people_waiting")),
            ("left_home", chronicle.grown(day, "people_displaced_total")),
        )
        if people and (told or rows)  # a day on which families only leave home is not described
    ]
    return told


def list_by_post(people: Mapping[str, int], language: Language) -> str:
    """List numbers of people by post, in descending order: `213 at Ruzvai and 104 at Shohon`."""
    by_name = {name_of_post(post): count for post, count in people.items()}
    return list_by_place(by_name, ("at_one_post", "at_post"), MOST_POSTS, language)


def list_by_place(people: Mapping[str, int], keys: tuple[str, str], most: int, language: Language) -> str:
    """List numbers of people by place, in descending order: `213 in Kunduz and 104 in Balkh`.

    Args:
        people: Number of people, keyed by the name of the place.
        keys: Key of the text for a single place, such as `all in Kunduz`, and key of the text for one of several.
        most: Largest number of places to name.
        language: Language of the texts.
    """
    alone, each = keys
    if len(people) == 1:
        ((name, count),) = people.items()
        return language.say(alone, count, name=name)
    ordered = sorted(people.items(), key=lambda pair: -pair[1])
    return language.listed([language.say(each, count, name=name) for name, count in ordered], most)


def place_of(one: LogEvent, chronicle: Chronicle, language: Language) -> str:
    """Return the district of an event, with its province unless a single province is shown: `Khwahan (Badakhshan)`."""
    return one.district if chronicle.province else language.say("place", district=one.district, province=one.province)


def of(rows: Sequence[LogEvent], event: str) -> list[LogEvent]:
    """Return the log rows of one kind of event."""
    return [one for one in rows if one.event == event]


ALSO = {"Paktya": ("Paktia",), "Hilmand": ("Helmand",), "Sar-e-Pul": ("Sar-e Pul",), "Jawzjan": ("Jowzjan",)}


def describe_record(chronicle: Chronicle, language: Language) -> list[str]:
    """Return sentences on the reported figures for the days and the place shown.

    Returns:
        An introduction, one sentence per evidence row in order of date, and one on lost districts, or a single sentence
        if nothing was reported.
    """
    line = language.day(THE_LINE, year=True)
    rows = sorted(rows_within(chronicle), key=lambda row: (row.date_end, row.date_start, row.id))
    told = [
        language.say(
            "record_row",
            days=format_days(row, language),
            scope=language.quoted(row.scope),
            said=language.quoted(row.quote),
            id=row.id,
        )
        for row in rows
    ]
    told += describe_losses(chronicle, language)
    if not told:
        return [language.say("record_none", day=line)]
    return [language.say("record_label", day=line), *told]


def rows_within(chronicle: Chronicle) -> list[Evidence]:
    """Return the evidence rows that can be compared with the days and the place shown.

    These rows have the use `calibration` and cover at least one day shown. None of them begins before the campaign, or
    ends after the end of the record.
    """
    return [
        row
        for row in evidence().values()
        if row.use == "calibration"
        and chronicle.first <= row.date_end <= THE_LINE
        and chronicle.start <= row.date_start <= chronicle.last
        and is_about(row, chronicle)
    ]


def is_about(row: Evidence, chronicle: Chronicle) -> bool:
    """Return whether an evidence row is about the province shown; always true if the whole country is shown."""
    if not chronicle.province or any(names(row, name) for name in names_of(chronicle.province)):
        return True
    others = [other for other in chronicle.facts.provinces if other != chronicle.province]
    if any(names(row, name) for other in others for name in names_of(other)):
        return False  # names such as Baharak occur in several provinces
    return any(names(row, place) for place in places_of(chronicle))


def names_of(province: str) -> tuple[str, ...]:
    """Return the spellings of a province: first the one in the data, then those in the sources."""
    return (province, *ALSO.get(province, ()))


def places_of(chronicle: Chronicle) -> list[str]:
    """Return the names of the districts and posts of the province shown."""
    facts = chronicle.facts
    pairs = zip(facts.post_name, facts.post_district, strict=True)
    posts = [part for name, here in pairs if facts.province[here] == chronicle.province for part in name.split(" / ")]
    places = zip(facts.district, facts.province, strict=True)
    return [*posts, *(district for district, province in places if province == chronicle.province)]


def names(row: Evidence, name: str) -> bool:
    """Return whether an evidence row contains the name of a place as a whole word, ignoring hyphens and case."""
    said = f"{row.scope} {row.quote}".replace("-", " ")
    return re.search(rf"\b{re.escape(name.replace('-', ' '))}\b", said, re.IGNORECASE) is not None


def format_days(row: Evidence, language: Language, year: bool = False) -> str:
    """Format the days that an evidence row covers.

    Args:
        row: The evidence row.
        language: Language of the dates.
        year: Whether to include the year.

    Returns:
        Text such as `5 July` or `4 July to 5 July`.
    """
    first, last = language.day(row.date_start, year), language.day(row.date_end, year)
    return last if row.date_start == row.date_end else language.say("record_days", first=first, last=last)


def describe_losses(chronicle: Chronicle, language: Language) -> list[str]:
    """Return a sentence on the districts reported lost, and on those that fell in the campaign, up to 7 July.

    Returns:
        A list with one text, which also names some of these districts, or an empty list if no loss was reported.
    """
    facts, fell = chronicle.facts, fell_dates()
    last = min(chronicle.last, THE_LINE)
    inside = (fell >= np.datetime64(chronicle.first)) & (fell <= np.datetime64(last))
    rows = [row for row in np.flatnonzero(inside) if chronicle.province in ("", facts.province[row])]
    if not rows:
        return []
    listed = language.listed([facts.district[row] for row in rows], 2 * MOST_NAMED)
    told = language.say("record_dated", len(rows), names=listed)
    taken = {one.district_id for one in chronicle.of("fall") if one.date <= last}
    here = sum(facts.district_id[row] in taken for row in rows)
    if 0 < here < len(rows):
        here_too = language.say("record_dated_here", here, day=language.day(last))
    else:
        here_too = language.say("record_dated_all" if here else "record_dated_none", len(rows), day=language.day(last))
    return [f"{told} {here_too} {language.say('record_undated')}"]
