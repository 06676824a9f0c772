"""Merge the dated events of the timeline file, policies, scenario and overrides into one timeline, and check them."""

from collections.abc import Mapping, Sequence
from datetime import date
from functools import cache
from typing import Any

import numpy as np
from omegaconf import DictConfig, OmegaConf

from sim.configuration.numbers import Choice, is_number
from sim.configuration.overrides import EVENTS, Overrides, file_of
from sim.configuration.settings import Event
from sim.data.configs import read_yaml
from sim.data.facts import Facts, row_of_district
from sim.engine.timeline import Timeline
from sim.engine.world import Act, Condition
from sim.errors import PanjError, nearest, unknown

EVENT_KEYS = {"date", "act", "condition", "district", "value", "source", "text"}
MOST_MEN = 1_000_000  # largest number that one event can add or order
ACTS = {"set": Act.SET, "reinforce": Act.REINFORCE, "raise_militia": Act.RAISE_MILITIA}


def resolve_events(
    timeline: DictConfig, choices: Sequence[Choice], overrides: Overrides, start: date
) -> tuple[Event, ...]:
    """Return the dated events, as changed by policies, scenario and overrides, sorted by day and name.

    Policies, scenario and overrides can all add, change or delete events. Overrides take precedence.

    Args:
        timeline: Columns of every event of the config, by name.
        choices: Policies, theory and scenario, in the order in which they apply.
        overrides: Overrides of the settings.
        start: Date of day 0.

    Raises:
        PanjError: For an invalid event, or for the deletion of an event that does not exist.
    """
    rows: dict[str, dict[str, Any]] = OmegaConf.to_container(timeline, resolve=True)  # type: ignore[assignment]
    explicit = [row.key for row in overrides if row.key.startswith(EVENTS) and not row.deletes]
    for choice in choices:
        where = f"{choice.group}={choice.name}"
        for name in choice.strike:
            if name not in rows:
                raise PanjError(
                    f"{where}, strike: found '{name}', expected the name of a dated event{nearest(name, rows)}"
                )
        for name in choice.strike:
            rows.pop(name)
        for name, change in choice.events.items():
            rows[name] = rows.get(name, {}) | dict(change)
    for key in explicit:
        name, _, column = key.removeprefix(EVENTS).partition(".")
        if name in rows and column:
            rows[name][column] = OmegaConf.select(timeline, f"{name}.{column}")
    events = [event_of(name, row, start) for name, row in rows.items()]
    return tuple(sorted(events, key=lambda event: (event.day, event.name)))


def event_of(name: str, row: Mapping[str, Any], start: date) -> Event:
    """Check one row of a timeline and return its event.

    Args:
        name: Name of the event.
        row: Columns of the row: date, act, subject, value, source and text.
        start: Date of day 0.

    Raises:
        PanjError: A column is missing or invalid; the key is `timeline.events.<name>.<column>`.
    """
    odd = set(row) - EVENT_KEYS
    if odd:
        raise unknown(f"timeline.events.{name}", sorted(odd)[0], sorted(EVENT_KEYS))
    for key in ("date", "act", "source"):
        if not row.get(key):
            raise PanjError(f"timeline.events.{name}.{key}: found nothing, expected a value")
    try:
        day = (date.fromisoformat(str(row["date"])) - start).days
    except ValueError as error:
        raise PanjError(
            f"timeline.events.{name}.date: found '{row['date']}', expected a date such as 2021-07-05"
        ) from error
    if row["act"] not in (*ACTS, "context"):
        raise unknown(f"timeline.events.{name}.act", row["act"], (*ACTS, "context"))
    value = row.get("value", 0.0)
    if not is_number(value) or not 0 <= value <= MOST_MEN:
        raise PanjError(f"timeline.events.{name}.value: found {value}, expected a number from 0 to {MOST_MEN}")
    check_condition(name, row)
    return Event(
        name, day, str(row["date"]), row["act"], row.get("condition"), row.get("district"), float(value),
        row["source"], row.get("text", ""),
    )  # fmt: skip


def check_condition(name: str, row: Mapping[str, Any]) -> None:
    """Raise PanjError if an event sets an unknown condition, or a value that is too large."""
    if row["act"] != "set":
        return
    names = [condition.name.lower() for condition in Condition if condition != Condition.ORDER_DAY]
    if row.get("condition") not in names:
        raise unknown(f"timeline.events.{name}.condition", str(row.get("condition")), names)
    limit = MOST_MEN if row["condition"] == "reservists_ordered" else 1.0
    if row.get("value", 0.0) > limit:
        raise PanjError(f"timeline.events.{name}.value: found {row['value']}, expected at most {limit:g}")


TIMELINE = "summer_2021"  # name of the timeline of reported events
GUESS = "guess"  # first word of the source of an unreported event


@cache
def reported_rows() -> dict[str, Event]:
    """Return the reported events of the default timeline, without guesses, keyed by name."""
    rows = read_yaml(file_of("timeline", TIMELINE))["events"]
    events = (event_of(name, row, date.min) for name, row in rows.items())
    return {event.name: event for event in events if not event.source.startswith(GUESS)}


def reported_source(event: Mapping[str, Any]) -> str:
    """Return the source of a dated event that was reported and not changed by any setting.

    Args:
        event: The fields of an `Event`, keyed by name.

    Returns:
        The source, such as `F015`; empty if the event is a guess, or was added or changed by a policy, a scenario or an
        override.
    """
    row = reported_rows().get(str(event.get("name")))
    if row is None or any(event.get(key) != value for key, value in row._asdict().items() if key != "day"):
        return ""
    return row.source


def timeline_of(events: Sequence[Event], facts: Facts) -> Timeline:
    """Convert the events that have an effect to arrays for the rules.

    Args:
        events: Events of the timeline, with day numbers.
        facts: Districts, in which the districts of events are looked up.

    Raises:
        PanjError: If the district of an event is unknown or ambiguous.
    """
    rows: list[tuple[int, int, int, float]] = []
    for event in events:
        if event.act == "set":
            rows.append((event.day, ACTS[event.act], Condition[str(event.condition).upper()], event.value))
        elif event.act != "context":
            district = row_of_district(facts, event.district, f"timeline.events.{event.name}.district")
            rows.append((event.day, ACTS[event.act], district, event.value))
    day, act, subject, amount = zip(*rows, strict=True) if rows else ((), (), (), ())
    return Timeline(
        np.array(day, np.int64), np.array(act, np.int64), np.array(subject, np.int64), np.array(amount, np.float64)
    )
