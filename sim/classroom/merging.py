"""One change more to a form, checked: a choice, a date, a number, or a part of what a scenario says itself.

Reads   values as a field, a word or a file gives them.
Gives   the changed form, or a PanjError that names the key, what was found and what was expected.
Assumed Sections of a scenario merge. A number that a scenario sets is a number of the form, after that scenario's own
        factors; a factor of a number that is set outright acts on nothing and is left out.
"""

import math
import re
from collections.abc import Mapping
from datetime import date
from typing import Any

from sim.classroom.form import CHOSEN, DATES, Form, canonical, timeline_events
from sim.classroom.plain_text import shown, text_of
from sim.classroom.usual import full_key, short_key
from sim.errors import PanjError, unknown
from sim.parameters import check_range, declared_numbers
from sim.study.events import EVENT_KEYS
from sim.study.words import choices_of

SECTIONS = ("title", "about", "set", "scale", "shift", "attention", "posts", "events", "strike")  # of a scenario
TECHNICAL = ("rules.flight.rows", "rules.flight.people_per_row")  # how finely families are counted: memory, no history
MOST_TITLE, MOST_ABOUT, MOST_SAID = 100, 2_000, 120  # letters of a title, of what is said of it, of an event's text


def put(form: Form, key: str, value: str | float | None) -> Form:
    """The form with one field changed; None takes a change back. PanjError for a value that cannot be."""
    if value is not None:
        return canonical(merged(form, {key: value}))

    def rest(values: Mapping[str, Any]) -> dict[str, Any]:
        return {name: kept for name, kept in values.items() if name != key}

    return canonical(form._replace(chosen=rest(form.chosen), dates=rest(form.dates), numbers=rest(form.numbers)))


def merged(form: Form, change: Mapping[str, Any]) -> Form:
    """A form with one more change, checked."""
    for key, value in change.items():
        if key == "scenario.":
            form = merge_scenario(form, value)
        elif key in CHOSEN:
            if value not in choices_of(key):
                raise unknown(key, str(value), choices_of(key))
            form = form._replace(chosen={**form.chosen, key: value})
        elif key in DATES:
            form = form._replace(dates={**form.dates, key: date_of(key, value)})
        else:
            form = form._replace(numbers={**form.numbers, key: number_of(key, value)})
    return form


def date_of(key: str, value: Any) -> str:
    """An ISO date; a file may hold it unquoted."""
    try:
        return date.fromisoformat(str(value)).isoformat()
    except ValueError as error:
        raise PanjError(f"{key}: found '{shown(str(value))}', expected a date such as 2021-09-11") from error


def number_of(key: str, value: Any) -> float:
    """The value of a number of a rule: known, in its declared range, and of its type."""
    if key not in declared_numbers():
        raise unknown("rules", key, declared_numbers())
    if key in TECHNICAL:
        raise PanjError(f"{key}: found {value}, expected no change: it decides the memory that a campaign takes")
    check_range(key, value, "")
    return int(value) if declared_numbers()[key].is_whole else float(value)


def merge_scenario(form: Form, parts: Mapping[str, Any]) -> Form:
    """What a scenario says itself, on top: sections merge, and numbers that it sets become numbers of the form."""
    for section in parts:
        if section not in SECTIONS:
            raise unknown("scenario", section, SECTIONS)
    posts, events = (mapping(section, parts.get(section)) for section in ("posts", "events"))
    form = form._replace(
        scale={**form.scale, **factors("scale", parts.get("scale"))},
        shift={**form.shift, **factors("shift", parts.get("shift"))},
        attention={**form.attention, **finite("attention", parts.get("attention"))},
        posts=deeply(form.posts, {post: finite(f"posts.{post}", change) for post, change in posts.items()}),
        events=deeply(form.events, {name: event_of(name, columns) for name, columns in events.items()}),
        strike=tuple(dict.fromkeys([*form.strike, *struck(parts.get("strike"), form)])),
        title=text_of("title", parts.get("title", form.title), MOST_TITLE),
        about=text_of("about", parts.get("about", form.about), MOST_ABOUT),
    )
    numbers = dict(form.numbers)
    for key, value in mapping("set", parts.get("set")).items():
        numbers[full_key(key, "scenario.set")] = set_by(full_key(key, "scenario.set"), value, form)
    return form._replace(numbers=numbers)


def set_by(key: str, value: Any, form: Form) -> float:
    """What a scenario leaves of a number that it sets, and then scales and shifts."""
    check_range(key, value, "in scenario.set")
    for section in ("scale", "shift"):
        own = {short_key(name): amount for name, amount in getattr(form.usual, section).items()}
        amount = {**own, **getattr(form, section)}.get(short_key(key))
        if amount is not None:
            value = value * amount if section == "scale" else value + amount
    return number_of(key, value)


def mapping(section: str, value: Any) -> Mapping[str, Any]:
    """Names with values; nothing is none."""
    if value is None:
        return {}
    if not isinstance(value, Mapping) or not all(isinstance(key, str) for key in value):
        raise PanjError(f"scenario.{section}: found '{shown(str(value))}', expected names with values")
    return value


def finite(section: str, values: Any) -> dict[str, float]:
    """Numbers by name."""
    found = {}
    for key, value in mapping(section, values).items():
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            raise PanjError(f"scenario.{section}.{key}: found '{shown(str(value))}', expected a number")
        found[key] = float(value)
    return found


def factors(section: str, values: Any) -> dict[str, float]:
    """Numbers by the short key of a number of a rule."""
    found = {}
    for key, value in finite(section, values).items():
        full = full_key(key, f"scenario.{section}")
        if full in TECHNICAL:
            raise PanjError(f"scenario.{section}: found '{key}', which decides the memory that a campaign takes")
        found[short_key(full)] = value
    return found


def event_of(name: str, columns: Any) -> dict[str, Any]:
    """What is changed of an event, or all of a new one; only plain values."""
    found: dict[str, Any] = {}
    if not re.fullmatch(r"[A-Za-z]\w{0,59}", name):
        raise PanjError(f"timeline.events: found the name '{shown(name)}', expected letters, digits and '_'")
    for column, value in mapping(f"events.{name}", columns).items():
        if column not in EVENT_KEYS:
            raise unknown(f"timeline.events.{name}", column, sorted(EVENT_KEYS))
        if column == "value":
            found |= finite(f"events.{name}", {column: value})
        elif column == "date":
            found[column] = date_of(f"timeline.events.{name}.date", value)
        else:
            found[column] = None if value is None else text_of(f"events.{name}.{column}", value, MOST_SAID)
    return found


def deeply(
    one: Mapping[str, Mapping[str, Any]], other: Mapping[str, Mapping[str, Any]]
) -> dict[str, Mapping[str, Any]]:
    """Two levels merged."""
    return {**one, **{key: {**one.get(key, {}), **value} for key, value in other.items()}}


def struck(names: Any, form: Form) -> list[str]:
    """Events of the timeline that are taken out, but for those that the scenario takes out already."""
    if names is not None and (not isinstance(names, list) or not all(isinstance(name, str) for name in names)):
        raise PanjError(f"scenario.strike: found '{shown(str(names))}', expected a list of events")
    for name in names or []:
        if name not in timeline_events(form):
            raise unknown("scenario.strike", name, timeline_events(form))
    return [name for name in names or [] if name not in form.usual.strike]
