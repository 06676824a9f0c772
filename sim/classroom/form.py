"""The form of a choice of settings: what differs from the defaults, as override words in one canonical order.

Reads   configs/ and scenarios/ for what is usual.
Gives   a `Form`, its words for the command line, and what contradicts itself as a PanjError.
Assumed A number that is set outright wins over policies and scenario, as on the command line.
"""

import re
import shlex
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from sim.classroom.usual import Usual, spelled, usual_of
from sim.errors import PanjError
from sim.parameters import declared_numbers, read_yaml
from sim.study.settings import check_dates
from sim.study.words import DRAW_GROUPS, GROUPS, file_of

CHOSEN = ("scenario", *GROUPS, *DRAW_GROUPS, "timeline")  # groups, in the order of words
DATES = ("start_date", "end_date")
PLAIN = re.compile(r"[A-Za-z][\w-]*|\d{4}-\d\d-\d\d", re.ASCII)  # needs no quotes
MOST_DAYS = 245  # a campaign to the end of 2021


class Form(NamedTuple):
    """A choice of settings: what differs from the defaults, and nothing else. `Form()` is the baseline."""

    chosen: Mapping[str, str] = {}  # choice by group, where it is not what the scenario takes
    dates: Mapping[str, str] = {}
    numbers: Mapping[str, float] = {}  # set outright, by full key
    scale: Mapping[str, float] = {}  # numbers by short key, on top of what the scenario says itself
    shift: Mapping[str, float] = {}
    attention: Mapping[str, float] = {}  # by region
    posts: Mapping[str, Mapping[str, float]] = {}
    events: Mapping[str, Mapping[str, Any]] = {}  # columns that are changed, or all of a new event
    strike: tuple[str, ...] = ()
    title: str = ""
    about: str = ""

    @property
    def scenario(self) -> str:
        """The scenario that it starts from."""
        return self.chosen.get("scenario", usual_of("").scenario)

    @property
    def usual(self) -> Usual:
        """What its scenario takes by itself."""
        return usual_of(self.scenario)

    def value(self, key: str) -> str | float | None:
        """What a field shows: the choice, the date, or the number; None for a number that is left as it is."""
        if key in CHOSEN:
            return self.chosen.get(key, self.usual.chosen[key])
        if key in DATES:
            return self.dates.get(key, self.usual.dates[key])
        return self.numbers.get(key)

    def words(self) -> tuple[str, ...]:
        """The override words that decide campaigns, in canonical order; title and description decide nothing."""
        return tuple(word for _, word in keyed_words(self))


def keyed_words(form: Form) -> list[tuple[str, str]]:
    """Every word with the key of the field that it belongs to; parts of a scenario have `scenario.<section>`."""
    words = [(key, f"{key}={form.chosen[key]}") for key in CHOSEN if key in form.chosen]
    words += [(key, f"{key}={form.dates[key]}") for key in DATES if key in form.dates]
    words += [(key, f"{key}={form.numbers[key]!r}") for key in declared_numbers() if key in form.numbers]
    for section in ("scale", "shift"):
        named = {spelled(key, getattr(form.usual, section)): value for key, value in getattr(form, section).items()}
        words += [(f"scenario.{section}", f"+scenario.{section}={{{key}:{value!r}}}") for key, value in named.items()]
    words += [
        ("scenario.attention", f"+scenario.attention={{{key}:{form.attention[key]!r}}}") for key in form.attention
    ]
    for post, change in form.posts.items():
        words += [("scenario.posts", f"+scenario.posts={{{post}:{{{key}:{change[key]!r}}}}}") for key in change]
    words += [(f"timeline.events.{name}", f"~timeline.events.{name}") for name in form.strike]
    return words + [(f"timeline.events.{name}", word) for name in form.events for word in event_words(name, form)]


def event_words(name: str, form: Form) -> list[str]:
    """A word a column: of an event of the timeline as one writes it, of a new one as the scenario's own."""
    known = name in timeline_events(form)
    return [
        f"timeline.events.{name}.{column}={quoted(value)}"
        if known
        else f"+scenario.events={{{name}:{{{column}:{quoted(value)}}}}}"
        for column, value in form.events[name].items()
    ]


def quoted(value: Any) -> str:
    """A value as Hydra's grammar reads it back."""
    if value is None:
        return "null"
    if not isinstance(value, str):
        return repr(value)
    if PLAIN.fullmatch(value) and value.lower() not in ("null", "true", "false", "nan", "inf"):
        return value
    escaped = re.sub(r"(\\*)'", lambda found: found[1] * 2 + r"\'", value)
    tail = len(escaped) - len(escaped.rstrip("\\"))
    return f"'{escaped}{chr(92) * tail}'"


def command_of(form: Form) -> str:
    """The words as one pastes them behind `python -m sim run`, quoted for a shell, with title and description."""
    said = [f"scenario.{key}={quoted(getattr(form, key))}" for key in ("title", "about") if getattr(form, key)]
    return shlex.join([*form.words(), *said])


def other_words(form: Form, fields: Iterable[str]) -> list[str]:
    """Words of what is set and has no field of its own."""
    shown_ = set(fields)
    return [word for key, word in keyed_words(form) if key not in shown_]


def timeline_events(form: Form) -> list[str]:
    """Names of the dated events, before policies."""
    return list(read_yaml(file_of("timeline", str(form.value("timeline"))))["events"])


def canonical(form: Form) -> Form:
    """Only what differs from the defaults, each in its one order; PanjError for what contradicts itself."""
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
    """Factors and amounts in order, without those of numbers that are set outright: these act on nothing."""
    return {key: values[key] for key in sorted(values) if f"rules.{key}" not in form.numbers}


def check_span(form: Form) -> None:
    """Days that a room can live."""
    start, end = check_dates(str(form.value("start_date")), str(form.value("end_date")))
    if (end - start).days > MOST_DAYS:
        raise PanjError(f"end_date: found {end}, expected at most {MOST_DAYS} days after {start}")


def check_events(form: Form) -> None:
    """No event is both changed and struck, by whomever: on the command line and in a file that would differ."""
    policies = {group: read_yaml(file_of(group, str(form.value(group)))) for group in GROUPS}
    strikers: dict[str, str] = dict.fromkeys(form.usual.strike, f"scenario={form.scenario}")
    changers: dict[str, str] = {}
    for group, said in policies.items():
        strikers |= {name: f"{group}={form.value(group)}" for name in said.get("strike", [])}
        changers |= {name: f"{group}={form.value(group)}" for name in said.get("events", {})}
    strikers |= {name: f"~timeline.events.{name}" for name in form.strike}
    for name in form.events:
        if name in strikers:
            raise PanjError(f"timeline.events.{name}: found a change of it beside {strikers[name]}, which takes the "
                            "event away; expected one of the two")  # fmt: skip
    for name in form.strike:
        if name in changers:
            raise PanjError(f"~timeline.events.{name}: found beside {changers[name]}, which changes the event; "
                            "expected one of the two")  # fmt: skip
