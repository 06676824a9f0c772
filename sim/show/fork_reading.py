"""A fork as it lies on disk: both branches from the morning after it, and in what they first differ.

Reads   forks/<name>/ of a study: fork.json, events.parquet, days.parquet, outcomes.csv and, of many, verdicts.csv.
"""

import csv
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from sim.errors import PanjError
from sim.show.chronicle import Chronicle, Dated, Happening, read_chronicle
from sim.show.language import Language
from sim.show.story import days_of

BEFORE, AFTER = "as_it_went", "changed"
Rows = list[dict[str, str]]


class Branches(NamedTuple):
    """Both branches of a campaign, and in what they differ."""

    about: dict[str, Any]
    before: Chronicle  # both from the morning after the evening of the fork on
    after: Chronicle
    outcomes: Rows
    verdicts: Rows

    @property
    def evening(self) -> date:
        """Of the fork."""
        return date.fromisoformat(self.about["day"])


class Difference(NamedTuple):
    """The first day on which the logs differ, and what only one of them has."""

    day: date
    before: tuple[Happening, ...]
    after: tuple[Happening, ...]


def read_branches(folder: Path, words: Language) -> Branches:
    """What `python -m sim fork` wrote; PanjError where it is not there."""
    try:
        about = json.loads((folder / "fork.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise PanjError(
            f"{folder / 'fork.json'}: cannot be read ({error}), expected what python -m sim fork writes"
        ) from None
    before = read_chronicle(folder, about, BEFORE)
    after = with_late(read_chronicle(folder, changed_of(about), AFTER), about, words)
    outcomes, verdicts = (rows_of(folder / name) for name in ("outcomes.csv", "verdicts.csv"))
    return branches_of(about, before, after, outcomes, verdicts)


def changed_of(about: Mapping[str, Any]) -> dict[str, Any]:
    """What is said of the changed branch: the same but for dated events."""
    return {**about, "dated": about["dated_changed"]}


def branches_of(about: dict[str, Any], before: Chronicle, after: Chronicle, outcomes: Rows, verdicts: Rows) -> Branches:
    """Both from the morning after the fork on."""
    morning = date.fromisoformat(about["day"]) + timedelta(days=1)
    return Branches(about, before.narrowed(first=morning), after.narrowed(first=morning), outcomes, verdicts)


def with_late(changed: Chronicle, about: Mapping[str, Any], words: Language) -> Chronicle:
    """The changed branch with what the change sets or does on the morning after the fork."""
    return replace(changed, dated=tuple(sorted((*late_of(about, words), *changed.dated), key=lambda one: one.date)))


def rows_of(path: Path) -> Rows:
    """A table; none where there is no file."""
    if not path.is_file():
        return []
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def late_of(about: Mapping[str, Any], words: Language) -> list[Dated]:
    """What the change sets or does on the next morning, for its own day had passed."""
    return [
        Dated(
            date.fromisoformat(day),
            words.say("late_set", condition=words.say(f"condition_{name}"), value=f"{value:,g}")
            if act == "set"
            else words.say("late_deed", name=name.replace("_", " ")),
            is_told=True,
        )
        for day, name, value, act in about["late"]
    ]


def first_difference(before: Chronicle, after: Chronicle) -> Difference | None:
    """The first day whose events are not the same, and those that only one has, in their order; None for none."""
    for day in days_of(before):
        here, there = before.by_day.get(day, []), after.by_day.get(day, [])
        if here != there:
            return Difference(day, only_in(here, there), only_in(there, here))
    return None


def only_in(rows: Sequence[Happening], others: Sequence[Happening]) -> tuple[Happening, ...]:
    """Those that the others lack, each as often as they lack it."""
    left = Counter(others)
    found = []
    for one in rows:
        if left[one]:
            left[one] -= 1
        else:
            found.append(one)
    return tuple(found)


def first_evening(before: Chronicle, after: Chronicle) -> date | None:
    """The first evening that differs in any number."""
    pairs = ((values, after.evenings[name]) for name, values in before.evenings.items())
    rows = [int(np.flatnonzero(here != there)[0]) for here, there in pairs if (here != there).any()]
    return before.start + timedelta(days=min(rows)) if rows else None
