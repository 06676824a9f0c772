"""A campaign of a finished study, lived again from the words of the study, its cell and its seed.

Reads   about.json and chunks/study.json of a study.
Gives   the settings of one cell, checked to be those of the study to the last number; its campaigns; their logs.
Assumed The same seed, settings and code give the same campaign, which `python -m sim verify` shows.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa

from sim.campaign import Campaign, run_campaign
from sim.errors import CampaignError, PanjError
from sim.provenance import STAMPED, read_about
from sim.results import chunk_of, days_table, events_table, rows_of
from sim.study.calibrate import made_whole
from sim.study.scope import CellScope, Scope, different, read_scope
from sim.study.settings import Composer, Settings
from sim.study.words import fixed_of
from sim.study.work import outcomes_of

Word = str
SHOWN = 4  # differences


class Origin(NamedTuple):
    """One cell of a finished study, whose campaigns can be lived again."""

    folder: Path
    about: dict[str, Any]
    cell: CellScope
    words: tuple[Word, ...]  # that give its settings
    settings: Settings


def origin_of(folder: Path, cell: int, composer: Composer) -> Origin:
    """The settings of a cell; PanjError where there is no study or no such cell, or where rules or data were others."""
    about = read_about(folder)
    scope = read_scope(folder)
    if scope is None or "words" not in about:
        raise PanjError(f"{folder}: found no record of campaigns, expected a study of this version; run it again")
    held = cell_of(folder, scope, cell)
    fixed = fixed_of(about["words"])
    words = (*fixed, *held.words)
    settings = composer.settings(words)
    if settings.fingerprint() != held.fingerprint:
        raise cannot_live_again(folder, scope, composer.settings(fixed))
    return Origin(folder, about, held, words, settings)


def cell_of(folder: Path, scope: Scope, number: int) -> CellScope:
    """The cell with this number; PanjError says which there are."""
    for cell in scope.cells:
        if cell.number == number:
            return cell
    raise PanjError(f"cell: found {number}, expected a number from 0 to {len(scope.cells) - 1}, the cells of {folder}")


def cannot_live_again(folder: Path, scope: Scope, base: Settings) -> PanjError:
    """What has changed since the study was made."""
    found = different(scope.base, json.loads(json.dumps(base.as_dict())))
    more = f" and {len(found) - SHOWN} more" if len(found) > SHOWN else ""
    said = "; ".join(found[:SHOWN]) or "what the cell resolves to"
    return PanjError(
        f"{folder}: found campaigns of other settings, rules or data than these ({said}{more}), expected the same, "
        "for a campaign of theirs cannot be lived again; run the study again under a new name: study=NAME"
    )


def seed_of(origin: Origin, asked: int | None) -> int:
    """The seed that was asked for, or the first; PanjError when the study has no such campaign."""
    first = int(origin.about["first_seed"])
    last = first + origin.cell.runs - 1
    if asked is None:
        return first
    if not first <= asked <= last:
        raise PanjError(f"seed: found {asked}, expected a seed of the study, from {first} to {last}")
    return asked


def live_again(settings: Settings, seed: int) -> Campaign:
    """The campaign of a seed; PanjError where it cannot come to its end."""
    try:
        return run_campaign(settings.layout.world, settings.rules_of(seed), settings.timeline, seed, settings.days)
    except CampaignError as error:
        raise cannot_end(seed, error) from error


def cannot_end(seed: int, error: CampaignError) -> PanjError:
    """A campaign that failed in the study fails again."""
    return PanjError(f"seed: found {seed}, whose campaign does not come to its end ({error}), expected another")


def evenings_of(campaign: Campaign, settings: Settings, cell: int = 0) -> pa.Table:
    """Its evenings, in the form of days.parquet."""
    facts, start = settings.facts, settings.start_date
    outcomes = outcomes_of(start, settings.days)
    chunk = chunk_of([rows_of(campaign, outcomes, facts, start)], outcomes, facts, settings.days)
    return days_table(chunk, cell, campaign.seed, len(facts.district), start)


def log_of(campaign: Campaign, settings: Settings) -> pa.Table:
    """Its log, in the form of events.parquet."""
    return events_table(campaign, settings.facts, settings.start_date)


def about_campaign(origin: Origin, seed: int) -> dict[str, Any]:
    """What is said of one campaign wherever it is told: of which study, by which numbers, with which dated events."""
    cell = origin.cell
    return {
        **{key: origin.about.get(key) for key in STAMPED},
        "scenario": origin.settings.choices["scenario"],
        "cell": cell.number,
        "cell_label": cell.label,
        "cell_words": list(cell.words),
        "calibration": origin.settings.calibration,
        "seed": seed,
        "start_date": cell.start_date,
        "end_date": cell.end_date,
        "dated": dated_of(origin.settings.as_dict()["events"]),
    }


def dated_of(events: Sequence[Mapping[str, Any]]) -> list[list[str]]:
    """Day and text of every dated event."""
    return [[str(event["date"]), str(event["text"])] for event in events if event.get("text")]


@contextmanager
def kept_whole(verb: str, place: Path) -> Iterator[Path]:
    """A folder for what a verb writes under a study: all of it or nothing, as in `made_whole`."""
    try:
        place.parent.mkdir(exist_ok=True)
    except OSError as error:
        raise PanjError(f"{verb}: cannot write {place} ({error.strerror or error})") from error
    with made_whole(place, verb) as half:
        yield half


def options_of(verb: str, words: Sequence[Word], keys: Sequence[str], usage: str) -> dict[str, str]:
    """`key=value` for the keys of a verb, each at most once and with a value; other words are left to the caller."""
    found: dict[str, str] = {}
    for word in words:
        key, equals, value = word.partition("=")
        if not equals or key not in keys:
            continue
        if key in found or not value:
            raise PanjError(f"{verb}: found '{word}', expected {key}= once, with a value: {usage}")
        found[key] = value
    return found


def whole(key: str, text: str, low: int = 0, high: int | None = None) -> int:
    """A whole number within bounds; PanjError names the key."""
    until = f"of at least {low}" if high is None else f"from {low} to {high}"
    if not text.isdecimal() or int(text) < low or (high is not None and int(text) > high):
        raise PanjError(f"{key}: found '{text}', expected a whole number {until}")
    return int(text)


def day_of(key: str, text: str) -> date:
    """A date; PanjError names the key."""
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise PanjError(f"{key}: found '{text}', expected a date such as 2021-07-04") from error


def folder_of_study(verb: str, words: Sequence[Word], usage: str) -> Path:
    """The one word without = is the folder."""
    folders = [word for word in words if "=" not in word]
    if len(folders) != 1 or folders[0].startswith("-"):
        raise PanjError(f"{verb}: found '{' '.join(folders)}', expected one folder of a study: {usage}")
    return Path(folders[0])
