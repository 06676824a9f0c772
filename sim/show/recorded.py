"""What was reported of the same days and the same place, in sentences of its own: the record beside a story.

Reads   data/evidence.csv, dates of loss in data/districts.csv.
Assumed A row speaks of a province when it names the province, or no other and one of its districts or posts.
"""

import re
from datetime import date
from functools import cache

import numpy as np

from sim.evidence import Evidence
from sim.facts import THE_LINE, read_falls
from sim.show.chronicle import Chronicle
from sim.show.language import MOST_NAMED, Language
from sim.show.record import evidence

ALSO = {"Paktya": ("Paktia",), "Hilmand": ("Helmand",), "Sar-e-Pul": ("Sar-e Pul",), "Jawzjan": ("Jowzjan",)}


def tell_record(chronicle: Chronicle, words: Language) -> list[str]:
    """What it is, then a row each in the order of days; the districts that are dated as lost come last."""
    line = words.day(THE_LINE, year=True)
    rows = sorted(rows_within(chronicle), key=lambda row: (row.date_end, row.date_start, row.id))
    told = [
        words.say("record_row", days=say_days(row, words), scope=row.scope, said=row.quote, id=row.id) for row in rows
    ]
    told += tell_dated(chronicle, words)
    if not told:
        return [words.say("record_none", day=line)]
    return [words.say("record_label", day=line), *told]


def rows_within(chronicle: Chronicle) -> list[Evidence]:
    """Rows to compare with that begin in the time told and end by the end of the record."""
    return [
        row
        for row in evidence().values()
        if row.use == "calibration"
        and chronicle.first <= row.date_end <= THE_LINE
        and chronicle.start <= row.date_start <= chronicle.last
        and speaks_of(row, chronicle)
    ]


def speaks_of(row: Evidence, chronicle: Chronicle) -> bool:
    """Whether a row says something of the province that is told; of the country every row does."""
    if not chronicle.province or any(names(row, name) for name in names_of(chronicle.province)):
        return True
    others = [other for other in chronicle.facts.provinces if other != chronicle.province]
    if any(names(row, name) for other in others for name in names_of(other)):
        return False  # several provinces have a Baharak
    return any(names(row, place) for place in places_of(chronicle))


def names_of(province: str) -> tuple[str, ...]:
    """As it is written here and elsewhere."""
    return (province, *ALSO.get(province, ()))


def places_of(chronicle: Chronicle) -> list[str]:
    """Districts and posts of the province that is told."""
    facts = chronicle.facts
    pairs = zip(facts.post_name, facts.post_district, strict=True)
    posts = [part for name, here in pairs if facts.province[here] == chronicle.province for part in name.split(" / ")]
    places = zip(facts.district, facts.province, strict=True)
    return [*posts, *(district for district, province in places if province == chronicle.province)]


def names(row: Evidence, name: str) -> bool:
    """Whether a whole name stands in what the row says."""
    said = f"{row.scope} {row.quote}".replace("-", " ")
    return re.search(rf"\b{re.escape(name.replace('-', ' '))}\b", said, re.IGNORECASE) is not None


def say_days(row: Evidence, words: Language) -> str:
    """`5 July`, or `4 July to 5 July`."""
    first, last = words.day(row.date_start), words.day(row.date_end)
    return last if row.date_start == row.date_end else words.say("record_days", first=first, last=last)


def tell_dated(chronicle: Chronicle, words: Language) -> list[str]:
    """Districts dated as lost in this time, and how many of them this campaign had lost by its end or the record's."""
    facts, fell = chronicle.facts, fell_dates()
    last = min(chronicle.last, THE_LINE)
    inside = (fell >= np.datetime64(chronicle.first)) & (fell <= np.datetime64(last))
    rows = [row for row in np.flatnonzero(inside) if chronicle.province in ("", facts.province[row])]
    if not rows:
        return []
    listed = words.listed([facts.district[row] for row in rows], 2 * MOST_NAMED)
    told = f"{words.say('record_dated', len(rows), names=listed)} {words.say('record_undated')}"
    taken = {one.district_id for one in chronicle.of("fall") if one.date <= last}
    here = sum(facts.district_id[row] in taken for row in rows)
    return [f"{told} {words.say('record_dated_here', here, day=words.day(last))}"]


def lost_in_record(evening: date) -> list[int]:
    """Rows of the districts dated as lost by that evening; past the end of the record none is added."""
    return np.flatnonzero(fell_dates() <= np.datetime64(min(evening, THE_LINE))).tolist()


@cache
def fell_dates() -> np.ndarray:
    """When each district is reported to have been lost; NaT where nothing is dated."""
    return read_falls().fell_date
