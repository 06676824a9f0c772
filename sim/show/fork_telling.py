"""What differs between two branches of one campaign, in words: the first event, the days side by side, the outcomes.

Reads   `Branches`. No drawing library.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import date
from typing import NamedTuple

from sim.show.chronicle import Happening
from sim.show.fork_reading import AFTER, BEFORE, Branches, Rows, first_difference, first_evening
from sim.show.language import MOST_NAMED, Language, number, say_post
from sim.show.story import days_of, say_cell
from sim.show.telling import tell_day

MAIN = (  # outcomes that come first, where they differ
    "share_held_by_taliban_2021_07_05", "share_held_by_taliban_2021_07_07", "share_held_by_taliban_{last}",
    "badakhshan_lost_2021_07_05", "capitals_lost", "first_capital_fell", "troops_crossed_by_2021_07_07",
    "troops_crossed", "troops_captured", "troops_surrendered", "troops_killed", "calls_made", "calls_answered",
    "people_displaced", "refugees_admitted", "refugees_refused",
)  # fmt: skip


def tell_first(branches: Branches, words: Language) -> list[str]:
    """The first event that differs, in words."""
    found = first_difference(branches.before, branches.after)
    if found is not None:
        told = [words.say("fork_first", day=words.day(found.day, year=True))]
        for key, rows in (("fork_only_before", found.before), ("fork_only_after", found.after)):
            if rows:
                events = [say_event(one, words) for one in together(rows)]
                told.append(words.say(key, what=words.listed(events, MOST_NAMED)))
        return told
    evening = first_evening(branches.before, branches.after)
    return [words.say("fork_numbers", day=words.day(evening)) if evening else words.say("fork_same")]


def together(rows: Sequence[Happening]) -> list[Happening]:
    """Men of the same fate in the same place counted together, in the order in which the first came."""
    found: dict[tuple[str, str, str], Happening] = {}
    for one in rows:
        key = one.event, one.district_id, one.who if one.event in ("crossing", "turned_back", "prong_moves") else ""
        found[key] = found[key]._replace(men=found[key].men + one.men) if key in found else one
    return list(found.values())


def say_event(one: Happening, words: Language) -> str:
    """A row of the log in a few words."""
    place = words.say("place", district=one.district, province=one.province)
    return words.say(
        f"event_{one.event}", place=place, province=one.province, men=number(one.men), post=say_post(one.who)
    )


def told_of(branches: Branches, words: Language) -> list[str]:
    """What was forked, and how to take it."""
    about, before = branches.about, branches.before
    told = [
        words.say(
            "fork_told", seed=before.seed, study=before.study, cell=say_cell(before, words), scenario=before.scenario,
            day=words.day(branches.evening, year=True), change=words.listed(about["changes"]),
            calibration=before.calibration,
        ),
        words.say("fork_dice"),
    ]  # fmt: skip
    return [*told, words.say("fork_left", keys=words.listed(about["left"]))] if about["left"] else told


def title_of(branches: Branches, words: Language) -> str:
    """Of which campaign, on which evening."""
    before = branches.before
    return words.say("fork_title", study=before.study, seed=before.seed, day=words.day(branches.evening, year=True))


class TwoDays(NamedTuple):
    """One day in both branches: what both have, and what only one has."""

    date: date
    both: list[str]
    before: list[str]
    after: list[str]


def two_stories(branches: Branches, words: Language) -> tuple[list[TwoDays], int]:
    """Every day that differs, and how many days with events do not."""
    told, same = [], 0
    for day in days_of(branches.before):
        here, there = (tell_day(side, day, words) for side in (branches.before, branches.after))
        if here == there:
            same += bool(here)
            continue
        both = [sentence for sentence in here if sentence in there]
        told.append(TwoDays(day, both, *([one for one in side if one not in both] for side in (here, there))))
    return told, same


def chosen_outcomes(branches: Branches) -> Rows:
    """Those that differ and those that matter most, the most important first; of what ends after the evening."""
    open_ = [row for row in branches.outcomes if date.fromisoformat(row["last_day"]) > branches.evening]
    names = dict.fromkeys(name.format(last=branches.about["end_date"].replace("-", "_")) for name in MAIN)
    main = [row for name in names for row in open_ if row["outcome"] == name]
    return [*main, *(row for row in open_ if row not in main and row["difference"] not in ("", "0"))]


def tell_same_outcomes(branches: Branches, words: Language) -> list[str]:
    """How many outcomes that end after the evening are left out of the table, for they are the same in both."""
    open_ = sum(date.fromisoformat(row["last_day"]) > branches.evening for row in branches.outcomes)
    left = open_ - len(chosen_outcomes(branches))
    return [words.say("same_outcomes", left), ""] if left else []


def cells_of(row: Mapping[str, str]) -> tuple[str, ...]:
    """An outcome as a line of a table."""
    is_share, is_date = row["unit"].startswith("share"), row["unit"] == "date"
    unit = "%" if is_share else "days" if is_date else row["unit"]
    before, after = (say_value(row[side], is_share) for side in (BEFORE, AFTER))
    change = say_value(row["difference"], is_share)
    sign = "+" if change and float(row["difference"]) > 0 else ""
    reported = say_reported(row["reported"], is_share) or "-"
    label = row["label"] if is_date else f"{row['label']} ({unit})"
    return label, reported, before or "-", after or "-", f"{sign}{change}{' days' * is_date}" if change else "-"


def say_reported(text: str, is_share: bool) -> str:
    """`0.375 (F064)` as it stands, or a share in per cent: `37.5 (F064)`."""
    numbers, bracket, ids = text.partition(" (")
    if is_share:
        numbers = re.sub(r"\d+(\.\d+)?", lambda found: f"{100 * float(found[0]):.1f}", numbers)
    return f"{numbers}{bracket}{ids}"


def say_value(text: str, is_share: bool) -> str:
    """Thousands marked, a share in per cent, a date as it stands; nothing where there is nothing."""
    try:
        value = float(text)
    except ValueError:
        return text
    return f"{100 * value:.1f}" if is_share else number(value) if value == int(value) else f"{value:.3g}"
