"""A choice of settings as one typed value: the differences from the defaults, in canonical order.

`Form` is the type. `put` and `merged` check changes and return a changed form. `Form.overrides` and `command_of` turn a
form into a command line. `usual_of` reads the settings of a scenario, including those inherited from base scenarios.

Reads   configs/config.yaml and scenarios/scenario/*.yaml for the defaults.

A number that is set directly overrides policies and the scenario, as on the command line. Sections of a scenario are
merged. A number set by a scenario becomes a number of the form, after the scenario's own factor and shift for that
number have been applied. A factor or shift for a number that is set directly has no effect and is dropped.
"""

import math
import re
import shlex
from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from functools import cache
from typing import Any, NamedTuple, TypeGuard

from sim.classroom.texts import shown, text_of
from sim.configuration.compose import chain_of, check_dates, main_choices, named_in
from sim.configuration.events import EVENT_KEYS
from sim.configuration.numbers import check_range, declared_numbers
from sim.configuration.numbers import known as full_key
from sim.configuration.overrides import DRAW_GROUPS, EVENTS, GROUPS, Override, Overrides, choices_of, file_of
from sim.data.configs import folder_of, read_yaml
from sim.errors import PanjError, unknown

CHOSEN = ("scenario", *GROUPS, *DRAW_GROUPS, "timeline")  # groups, in the order of overrides
DATES = ("start_date", "end_date")
NAME = re.compile(r"[A-Za-z][\w. -]*", re.ASCII)  # a name that needs no quotes in a mapping
MOST_DAYS = 245  # largest number of days in a campaign, enough to reach the end of 2021


class Usual(NamedTuple):
    """The settings of a scenario before a visitor changes any."""

    scenario: str
    chosen: Mapping[str, str]
    dates: Mapping[str, str]
    scale: Mapping[str, float]  # keys as written in its file
    shift: Mapping[str, float]
    strike: tuple[str, ...]


class Form(NamedTuple):
    """A choice of settings, stored as its differences from the defaults. `Form()` is the baseline."""

    chosen: Mapping[str, str] = {}  # choices that differ from those of the scenario, by group
    dates: Mapping[str, str] = {}
    numbers: Mapping[str, float] = {}  # numbers that are set directly, by full key
    scale: Mapping[str, float] = {}  # factors by short key, in addition to those of the scenario
    shift: Mapping[str, float] = {}
    attention: Mapping[str, float] = {}  # weights, by region
    posts: Mapping[str, Mapping[str, float]] = {}
    events: Mapping[str, Mapping[str, Any]] = {}  # changed columns of an event, or all columns of a new event, by event
    strike: tuple[str, ...] = ()
    title: str = ""
    about: str = ""

    @property
    def scenario(self) -> str:
        """The name of the scenario on which the form is based."""
        return self.chosen.get("scenario", usual_of("").scenario)

    @property
    def usual(self) -> Usual:
        """The settings of the scenario itself, without the changes of the form."""
        return usual_of(self.scenario)

    def value(self, key: str) -> str | float | None:
        """Return the value of a field: a choice, a date or a number; None for a number that the form does not set."""
        if key in CHOSEN:
            return self.chosen.get(key, self.usual.chosen[key])
        if key in DATES:
            return self.dates.get(key, self.usual.dates[key])
        return self.numbers.get(key)

    def overrides(self) -> Overrides:
        """Return the overrides in canonical order, without title and description, which do not affect campaigns."""
        return Overrides.from_rows(rows_of(self))


def rows_of(form: Form) -> Iterator[Override]:
    """Yield the overrides of a form in canonical order."""
    for keys, values in ((CHOSEN, form.chosen), (DATES, form.dates), (declared_numbers(), form.numbers)):
        yield from (Override.of(key, values[key]) for key in keys if key in values)
    for section in ("scale", "shift"):
        for key, value in getattr(form, section).items():
            yield Override.of(f"scenario.{section}", {spelled(key, getattr(form.usual, section)): value}, "+")
    for region, value in form.attention.items():
        yield Override.of("scenario.attention", {region: value}, "+")
    for post, change in form.posts.items():
        yield from (Override.of("scenario.posts", {post: {key: value}}, "+") for key, value in change.items())
    yield from (Override.of(f"{EVENTS}{name}", sign="~") for name in form.strike)
    known = timeline_events(form) if form.events else []
    for name, columns in form.events.items():
        for column, value in columns.items():
            if name in known:
                yield Override.of(f"{EVENTS}{name}.{column}", value)
            else:
                yield Override.of("scenario.events", {name: {column: value}}, "+")


def command_of(form: Form) -> str:
    """Return a form's overrides, title and description as arguments of `python -m sim run`, quoted for a shell."""
    said = [Override.of(f"scenario.{key}", getattr(form, key)) for key in ("title", "about") if getattr(form, key)]
    return shlex.join(row.text for row in (*form.overrides(), *said))


def timeline_events(form: Form) -> list[str]:
    """Return the names of the dated events in the form's timeline, before policies change them."""
    return list(read_yaml(file_of("timeline", str(form.value("timeline"))))["events"])


def canonical(form: Form) -> Form:
    """Reduce a form to its differences from the defaults, in canonical order; raise PanjError if settings conflict."""
    usual, numbers = form.usual, declared_numbers()
    default = usual_of("").scenario
    form = form._replace(
        chosen={
            key: form.chosen[key]
            for key in CHOSEN
            if key in form.chosen and form.chosen[key] != (default if key == "scenario" else usual.chosen[key])
        },
        dates={key: form.dates[key] for key in DATES if form.dates.get(key, usual.dates[key]) != usual.dates[key]},
        numbers={key: form.numbers[key] for key in numbers if key in form.numbers},
        scale=of_unset(form.scale, form),
        shift=of_unset(form.shift, form),
        attention=dict(sorted(form.attention.items())),
        posts={post: dict(sorted(form.posts[post].items())) for post in sorted(form.posts) if form.posts[post]},
        events={name: dict(sorted(form.events[name].items())) for name in sorted(form.events) if form.events[name]},
        strike=tuple(sorted(form.strike)),
    )
    check_span(form)
    check_events(form)
    return form


def of_unset(values: Mapping[str, float], form: Form) -> dict[str, float]:
    """Return factors or shifts sorted by key, without those for numbers that the form sets, which have no effect."""
    return {key: values[key] for key in sorted(values) if f"rules.{key}" not in form.numbers}


def check_span(form: Form) -> None:
    """Raise PanjError if the dates are in the wrong order, or too far apart for a classroom."""
    start, end = check_dates(str(form.value("start_date")), str(form.value("end_date")))
    if (end - start).days > MOST_DAYS:
        raise PanjError(f"end_date: found {end}, expected at most {MOST_DAYS} days after {start}")


def check_events(form: Form) -> None:
    """Raise PanjError if an event is both changed and removed.

    The command line and the scenario file of such a form would give different campaigns.
    """
    policies = {group: read_yaml(file_of(group, str(form.value(group)))) for group in GROUPS}
    strikers: dict[str, str] = dict.fromkeys(form.usual.strike, f"scenario={form.scenario}")
    changers: dict[str, str] = {}
    for group, said in policies.items():
        strikers |= {name: f"{group}={form.value(group)}" for name in said.get("strike", [])}
        changers |= {name: f"{group}={form.value(group)}" for name in said.get("events", {})}
    strikers |= {name: f"~timeline.events.{name}" for name in form.strike}
    for name in form.events:
        if name in strikers:
            raise PanjError(f"timeline.events.{name}: found this change and {strikers[name]}, which removes "
                            "the event; expected one of the two")  # fmt: skip
    for name in form.strike:
        if name in changers:
            raise PanjError(f"~timeline.events.{name}: found this removal and {changers[name]}, which changes the "
                            "event; expected one of the two")  # fmt: skip


SECTIONS = ("title", "about", "set", "scale", "shift", "attention", "posts", "events", "strike")  # of a scenario
# resolution of refugee families, which determines memory use
TECHNICAL = ("rules.flight.rows", "rules.flight.people_per_row")
# largest number of characters in a title, a description and the text of an event
MOST_TITLE, MOST_ABOUT, MOST_SAID = 100, 2_000, 120


def put(form: Form, key: str, value: str | float | None) -> Form:
    """Change one field of a form.

    Args:
        form: The form to change.
        key: Key of the field.
        value: The new value; None restores the default.

    Returns:
        The changed form, in canonical order.

    Raises:
        PanjError: The value is unknown or out of range, or contradicts another setting.
    """
    if value is not None:
        return canonical(merged(form, {key: value}))

    def rest(values: Mapping[str, Any]) -> dict[str, Any]:
        return {name: kept for name, kept in values.items() if name != key}

    return canonical(form._replace(chosen=rest(form.chosen), dates=rest(form.dates), numbers=rest(form.numbers)))


def merged(form: Form, change: Mapping[str, Any]) -> Form:
    """Check changes, keyed by setting, and return the changed form.

    The key `scenario` chooses a scenario. The value of the key `scenario.`, with a dot, is a mapping of scenario
    sections, such as `scale` and `events`, which are merged into the sections of the form.
    """
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
    """Convert a date, given as text or as parsed by YAML, to ISO format; raise PanjError if it is not a date."""
    try:
        return date.fromisoformat(str(value)).isoformat()
    except ValueError as error:
        raise PanjError(f"{key}: found '{shown(str(value))}', expected a date such as 2021-07-08") from error


def number_of(key: str, value: Any) -> float:
    """Check a new value for a number of a rule and return it as int or float; raise PanjError if it is not allowed."""
    if key not in declared_numbers():
        raise unknown("rules", key, declared_numbers())
    if key in TECHNICAL:
        raise PanjError(f"{key}: found {value}, expected no change, because it determines the memory of a campaign")
    check_range(key, value, "")
    return int(value) if declared_numbers()[key].is_whole else float(value)


def merge_scenario(form: Form, parts: Mapping[str, Any]) -> Form:
    """Merge sections of a scenario into a form and return it; numbers in section `set` become numbers of the form."""
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
    """Return the value of a number in the section `set`, after applying the factor and the shift for that number."""
    check_range(key, value, "in scenario.set")
    for section in ("scale", "shift"):
        own = {short_key(name): amount for name, amount in getattr(form.usual, section).items()}
        amount = {**own, **getattr(form, section)}.get(short_key(key))
        if amount is not None:
            value = value * amount if section == "scale" else value + amount
    return number_of(key, value)


def are_texts(value: object) -> TypeGuard[list[str]]:
    """Return whether a value from YAML, JSON or a browser is a list of texts."""
    return isinstance(value, list) and all(isinstance(one, str) for one in value)


def mapping(section: str, value: Any) -> Mapping[str, Any]:
    """Check and return a mapping keyed by name, or an empty mapping for None; raise PanjError for anything else."""
    if value is None:
        return {}
    if not isinstance(value, Mapping) or not all(isinstance(key, str) and NAME.fullmatch(key) for key in value):
        raise PanjError(f"scenario.{section}: found '{shown(str(value))}', expected a mapping from names to values")
    return value


def finite(section: str, values: Any) -> dict[str, float]:
    """Check and return a mapping from names to finite numbers; raise PanjError for anything else."""
    found = {}
    for key, value in mapping(section, values).items():
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            raise PanjError(f"scenario.{section}.{key}: found '{shown(str(value))}', expected a number")
        found[key] = float(value)
    return found


def factors(section: str, values: Any) -> dict[str, float]:
    """Check factors or shifts and return them keyed by short key; raise PanjError for an invalid key or value."""
    found = {}
    for key, value in finite(section, values).items():
        full = full_key(key, f"scenario.{section}")
        if full in TECHNICAL:
            raise PanjError(f"scenario.{section}: found '{key}', expected a number that does not determine memory use")
        found[short_key(full)] = value
    return found


def event_of(name: str, columns: Any) -> dict[str, Any]:
    """Check and return the given columns of a dated event.

    Raise PanjError if the name of the event, a column or a value is not valid.
    """
    found: dict[str, Any] = {}
    if not re.fullmatch(r"[A-Za-z]\w{0,59}", name):
        raise PanjError(f"timeline.events: found name '{shown(name)}', expected a letter, then letters, digits or '_'")
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
    """Merge two mappings of mappings; where both have a value, that of the second is used."""
    return {**one, **{key: {**one.get(key, {}), **value} for key, value in other.items()}}


def struck(names: Any, form: Form) -> list[str]:
    """Return the names of the events to remove, except those that the scenario of the form already removes.

    Raise PanjError if `names` is not a list, or if an event is unknown.
    """
    if names is not None and not are_texts(names):
        raise PanjError(f"scenario.strike: found '{shown(str(names))}', expected a list of names of events")
    for name in names or []:
        if name not in timeline_events(form):
            raise unknown("scenario.strike", name, timeline_events(form))
    return [name for name in names or [] if name not in form.usual.strike]


@cache
def usual_of(scenario: str) -> Usual:
    """Return the settings of a scenario, or of the default scenario if the name is empty."""
    chosen = main_choices()
    main = read_yaml(folder_of("configs") / "config.yaml")
    dates = {key: str(main[key]) for key in DATES}
    scenario = scenario or chosen["scenario"]
    scale: dict[str, float] = {}
    shift: dict[str, float] = {}
    strike: tuple[str, ...] = ()
    for said in chain_of(scenario).values():
        chosen |= named_in(said.get("defaults") or [])
        dates |= {key: str(said[key]) for key in dates if key in said}
        own = said.get("scenario") or {}
        scale |= own.get("scale") or {}
        shift |= own.get("shift") or {}
        strike = tuple(own["strike"]) if "strike" in own else strike
    return Usual(scenario, chosen | {"scenario": scenario}, dates, scale, shift, strike)


def short_key(key: str) -> str:
    """Return a key without the prefix `rules.`, which scenario files may omit."""
    return key.removeprefix("rules.")


def spelled(key: str, named: Iterable[str]) -> str:
    """Return a short key as spelled in the scenario's file, so that a new value replaces the value in the file."""
    return f"rules.{key}" if f"rules.{key}" in named else key
