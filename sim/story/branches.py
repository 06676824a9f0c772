"""Branches a campaign at the end of a day: it continues unchanged and with a change, with the same random draws.

No random state has to be stored: a draw depends only on seed, stream, day and actor. Both branches have exactly the
same world at the end of the day of the fork, and from the next day on each follows its own rules.

A policy, a number of a rule or a future dated event may change. Three things cannot: what has already happened, what
acts only on day 0, and which rows and roads exist. The shares that a post admits, its capacity and the attention that a
region gets are part of the world of day 0; the changed branch sets them again.

Reads   the settings of a cell, the overrides of the change, a seed, a day; errors are raised before anything is run.
Assumed A condition that the change would have set by that day (pay, air cover, an order) is set on the next
        day. Men whom it would have sent or raised by then arrive on the next day; no men arrive twice.
"""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any, NamedTuple, Protocol, TypeVar

import numpy as np

from sim.engine.campaign import Campaign, Record, blank_record, raise_if_spent, step
from sim.engine.chance import Address, Seeds, seeds_of
from sim.engine.compile import cache_folder, compiled
from sim.engine.day import Rules
from sim.engine.layout import conditions_before_events, fresh
from sim.engine.timeline import Timeline
from sim.engine.world import Condition, Posts, Provinces, World
from sim.errors import PanjError, nearest, unknown
from sim.settings.draws import LAID_OUT
from sim.settings.events import timeline_of
from sim.settings.numbers import declared_numbers
from sim.settings.overrides import (
    DRAW_GROUPS,
    DRAW_KEYS,
    EVENTS,
    GROUPS,
    MAIN_KEYS,
    AnyOverrides,
    Override,
    Overrides,
)
from sim.settings.settings import Event, Settings

TRAITS_OF_POSTS = ("base_room", "admits_soldiers", "admits_families", "guards")  # set on day 0, not written by any rule
STEP_COMPILED = "campaign.step-*.nbi"  # Numba's cache files of the compiled `step`
Group = TypeVar("Group", bound=tuple)


class Course(NamedTuple):
    """Everything that determines the further course of a campaign, given its world and seed."""

    rules: Rules
    timeline: Timeline
    layout: World  # after day 0 only `attention` and the policies of posts are used


def run_branches(
    before: Course, after: Course, seed: int, days: int, day: int, draws: int | Address | None = None
) -> tuple[Campaign, Campaign]:
    """Run a campaign to the end of a day and continue it twice: unchanged, and with another course.

    Args:
        before: The unchanged course.
        after: The changed course.
        seed: Seed of both branches.
        days: Number of days to run after day 0.
        day: Number of the day at whose end they branch.
        draws: The seed or address of the random draws; by default the seed.

    Returns:
        The campaign without the change, followed by the campaign with it.

    Raises:
        CampaignError: If either branch runs out of rows.
    """
    world = fresh(before.layout)
    record = blank_record(world, days)
    seeds = seeds_of(seed if draws is None else draws, days, world.provinces.capital.size)
    run_days(world, record, before, seeds, 0, day, seed)
    other, other_record = copied(world), copied(record)
    turn(other, after)
    run_days(world, record, before, seeds, day + 1, days, seed)
    run_days(other, other_record, after, seeds, day + 1, days, seed)
    return Campaign(seed, world, record), Campaign(seed, other, other_record)


def step_is_cold() -> bool:
    """Check whether the first call of `step` has to compile it, which takes about ten seconds."""
    return compiled and not any(cache_folder().rglob(STEP_COMPILED))


def warm(course: Course) -> None:
    """Compile `step`, or load it from the cache, by running one day whose result is discarded.

    Args:
        course: Any course.
    """
    world = fresh(course.layout)
    seeds = seeds_of(0, 1, world.provinces.capital.size)
    step(world, course.rules, course.timeline, seeds, blank_record(world, 1), 0)


def run_days(world: World, record: Record, course: Course, seeds: Seeds, first: int, last: int, seed: int) -> None:
    """Run the days from `first` to `last`, both included."""
    for day in range(first, last + 1):
        step(world, course.rules, course.timeline, seeds, record, day)
        raise_if_spent(world, day, seed)


def copied(group: Group) -> Group:
    """Return a deep copy of the group; roads are read-only, so they are shared rather than copied."""
    traits: dict[str, Any] = {}
    for name, trait in zip(group._fields, group, strict=True):  # type: ignore[attr-defined]
        traits[name] = trait if name == "roads" else copied(trait) if isinstance(trait, tuple) else trait.copy()
    return type(group)(**traits)


def turn(world: World, course: Course) -> None:
    """Set the parts of the world that policies determine on day 0 to those of another course."""
    world.provinces.attention[:] = course.layout.provinces.attention
    for trait in TRAITS_OF_POSTS:
        getattr(world.posts, trait)[:] = getattr(course.layout.posts, trait)
    each = course.rules.reserves.room_per_reservist
    world.posts.room[:] = world.posts.base_room + (each * world.posts.reservists).astype(np.int64)


def same_traits(one: World, other: World) -> bool:
    """Check whether `turn` from one world to the other would change nothing."""
    pairs: list[tuple[Posts | Provinces, Posts | Provinces, tuple[str, ...]]] = [
        (one.posts, other.posts, TRAITS_OF_POSTS),
        (one.provinces, other.provinces, ("attention",)),
    ]
    return all(
        np.array_equal(getattr(here, trait), getattr(there, trait)) for here, there, traits in pairs for trait in traits
    )


OF_POSTS = {
    key for key in LAID_OUT if key.startswith(("rules.crossing.", "rules.admission.", "rules.reserves."))
}  # set again by `turn`
FOUNDING = "rules.founding."
WHOLE_CAMPAIGN = {*MAIN_KEYS, "scenario", "timeline", *DRAW_GROUPS, *DRAW_KEYS, "executor", "sampling"}
DECISIONS = (
    f"a decision: {', '.join(GROUPS)}, a number such as rules.news.fade_days, or a dated event such as "
    "timeline.events.reservists_ordered.date"
)


class Settles(Protocol):
    """Resolves overrides to settings: a `Composer`, or a cache of one."""

    def settings(self, overrides: Overrides) -> Settings:
        """Resolve the settings of one cell; raises PanjError for any invalid override."""


class Turn(NamedTuple):
    """A change of settings at the end of a day."""

    before: Settings
    after: Settings
    day: int  # number of the day at whose end the change is made
    events: tuple[Event, ...]  # of the changed branch: past events, then the future events with the change
    timeline: Timeline  # the same events as arrays
    late: tuple[Event, ...]  # events that are applied on the next day, because their own day has passed
    left: tuple[str, ...]  # changed numbers that act only on day 0 and so have no effect

    def courses(self, seed: int) -> tuple[Course, Course]:
        """Return the courses without and with the change, for the campaign with this seed."""
        before, after = self.before.rules_of(seed), self.after.rules_of(seed)
        return (
            Course(before, self.before.timeline, self.before.layout.world),
            Course(after._replace(founding=before.founding), self.timeline, self.after.layout.world),
        )


def turn_of(words: AnyOverrides, changes: AnyOverrides, evening: date, composer: Settles) -> Turn:
    """Resolve and check a change at the end of a day.

    Args:
        words: Overrides of the cell.
        changes: Overrides of the change.
        evening: The day.
        composer: Resolves overrides to settings.

    Raises:
        PanjError: For a change that cannot be made during a campaign or on that day; names the key.
    """
    overrides, changes = Overrides.of(words), Overrides.of(changes)
    for row in changes:
        check_key(row)
    before = composer.settings(overrides)
    day = check_day(before, evening)
    after = composer.settings(changed(overrides, changes))
    for row in changes:
        check_event(row, before, after, evening)
    left = check_numbers(before, after)
    late, to_come = passed(before.events, after.events, day), still_to_come(before.events, after.events, day)
    events = (*(event for event in before.events if event.day <= day), *late, *to_come)
    return Turn(before, after, day, events, timeline_of(events, before.facts), late, left)


def check_key(change: Override) -> None:
    """Raise PanjError unless the key is a decision that can be changed during a campaign."""
    key = change.key
    if key in GROUPS or (key.startswith(EVENTS) and key.count(".") > 1):
        return
    if key in WHOLE_CAMPAIGN:
        raise PanjError(f"{key}: found '{change.text}', which holds for a whole campaign, expected {DECISIONS}")
    if key not in declared_numbers():
        names = [*GROUPS, *declared_numbers()]
        hint = nearest(key, names) or nearest(f"rules.{key}", names)
        raise PanjError(f"{key}: found no such decision, expected {DECISIONS}{hint}")
    if key.startswith(FOUNDING):
        raise PanjError(f"{key}: found a number that acts only on day 0, expected one that acts later")
    if key in LAID_OUT - OF_POSTS:
        raise PanjError(f"{key}: found a number that decides which rows or roads exist, which cannot change after day "
                        f"0, expected {DECISIONS}")  # fmt: skip


def check_day(settings: Settings, evening: date) -> int:
    """Check that a day is within the campaign and not its last, and return its number."""
    last = settings.end_date - timedelta(days=1)
    if not settings.start_date <= evening <= last:
        raise PanjError(f"day: found {evening}, expected a day from {settings.start_date} to {last}, before the last "
                        "day of the campaign")  # fmt: skip
    return (evening - settings.start_date).days


def changed(words: AnyOverrides, changes: AnyOverrides) -> Overrides:
    """Return the overrides of the cell, in which those of the change replace the same keys."""
    overrides, changes = Overrides.of(words), Overrides.of(changes)
    if len(changes.keys) < len(changes.rows):
        raise PanjError(f"fork: found '{' '.join(changes.words)}', expected each key once")
    return overrides.without(changes.keys) + changes


def check_event(change: Override, before: Settings, after: Settings, evening: date) -> None:
    """Raise PanjError unless an event that is moved, changed, added or removed is still in the future."""
    key = change.key
    if not key.startswith(EVENTS):
        return
    name = key.removeprefix(EVENTS).partition(".")[0]
    dates = [(side, event) for side in (before, after) for event in side.events if event.name == name]
    day = (evening - before.start_date).days
    for side, event in dates:
        if event.day > day:
            continue
        if side is before:
            raise PanjError(f"{key}: found an event that had happened by the evening of {evening} ({event.date}), "
                            "expected one in the future; choose an earlier day")  # fmt: skip
        raise PanjError(f"{EVENTS}{name}.date: found {event.date}, expected a date after the evening of {evening}")


def check_numbers(before: Settings, after: Settings) -> tuple[str, ...]:
    """Return the keys of changed numbers that act only on day 0.

    Raises PanjError for a change of a number that decides which rows or roads exist.
    """
    differ = [key for key, value in before.numbers.items() if after.numbers[key] != value]
    for key in differ:
        if key in LAID_OUT - OF_POSTS and not key.startswith(FOUNDING):
            raise PanjError(f"{key}: found a policy that changes it from {before.numbers[key]:g} to "
                            f"{after.numbers[key]:g}, expected one that does not, since it decides which rows or roads "
                            "exist from day 0 on")  # fmt: skip
    return tuple(key for key in differ if key.startswith(FOUNDING))


def is_deed(event: Event) -> bool:
    """Check whether an event sends or raises men, which happens only once, rather than setting a lasting condition."""
    return event.act not in ("set", "context")


def done_by(events: Sequence[Event], day: int) -> set[str]:
    """Return the names of the one-time events that have happened by the end of a day."""
    return {event.name for event in events if is_deed(event) and event.day <= day}


def still_to_come(before: Sequence[Event], after: Sequence[Event], day: int) -> tuple[Event, ...]:
    """Return the changed branch's events after the fork, without one-time events that have happened already."""
    done = done_by(before, day)
    return tuple(event for event in after if event.day > day and event.name not in done)


def passed(before: Sequence[Event], after: Sequence[Event], day: int) -> tuple[Event, ...]:
    """Return the events that the change dates by the day of the fork and that have not happened.

    They are applied on the next day.
    """
    done = done_by(before, day)
    deeds = [event for event in after if is_deed(event) and event.day <= day and event.name not in done]
    here, there = standing(before, day), standing(after, day)
    conditions = [event for name, event in there.items() if event.value != here[name].value]
    return tuple(event._replace(day=day + 1) for event in (*conditions, *deeds))


def standing(events: Sequence[Event], day: int) -> dict[str, Event]:
    """Return, by condition, the event that last set it by the end of a day; initial values count as events."""
    usual = conditions_before_events()
    found = {
        condition.name.lower(): Event(
            condition.name.lower(), 0, "", "set", condition.name.lower(), None, float(usual[condition]), "", ""
        )
        for condition in Condition
        if condition != Condition.ORDER_DAY
    }
    for event in events:
        if event.act == "set" and event.day <= day:
            found[str(event.condition)] = event
    return found


def check_effect(turn: Turn, seeds: Sequence[int], changes: Sequence[str]) -> None:
    """Check that a change affects a rule, a post, a region or a future event.

    Args:
        turn: The change.
        seeds: Seeds of the campaigns to be forked.
        changes: Its overrides, for errors.

    Raises:
        PanjError: If it affects nothing.
    """
    if not same_traits(turn.before.layout.world, turn.after.layout.world):
        return
    if rows_after(turn.before.timeline, turn.day) != rows_after(turn.timeline, turn.day):
        return
    for seed in seeds:
        before, after = turn.courses(seed)
        if acting(before.rules) != acting(after.rules):
            return
    why = f" ({', '.join(turn.left)} acts only on day 0)" if turn.left else ""
    raise PanjError(
        f"fork: found nothing that '{' '.join(changes)}' changes after that day{why}, expected a change with an effect"
    )


def rows_after(timeline: Timeline, day: int) -> list[tuple[float, ...]]:
    """Return the rows of a timeline after a day."""
    rows = np.flatnonzero(timeline.day > day)
    return [tuple(float(column[row]) for column in timeline) for row in rows]


def acting(rules: Rules) -> Rules:
    """Return the rules with every number that acts through the layout set to 0.

    The effect of these numbers on the world is compared separately.
    """
    for key in LAID_OUT:
        _, rule, name = key.split(".")
        rules = rules._replace(**{rule: getattr(rules, rule)._replace(**{name: 0})})
    return rules


def check_outcome(name: str, known: Sequence[str]) -> None:
    """Raise PanjError for an unknown outcome; `known` are the outcomes of the campaigns."""
    if name not in known:
        raise unknown("outcome", name, known)
