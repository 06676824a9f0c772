"""Continue a campaign twice from the end of a day, unchanged and with a change, with the same random draws.

No random state has to be stored, because a draw depends only on seed, stream, day and actor. Both branches have exactly
the same world at the end of the day of the fork; from the next day, each branch follows its own rules.

The change may be a different policy, a different number of a rule, or a different future event. It cannot affect the
past, numbers that are used only on day 0, or which rows and roads exist; such a change is refused before anything is
run. The share of people admitted at each post, its capacity, and the attention to each region are set on day 0, so the
changed branch sets them again after the fork.

A condition that the change would have set by the end of that day (pay, air cover, an order) is set on the next day. Men
whom the change would have sent or raised by then also arrive on the next day, but no men arrive twice.
"""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import NamedTuple, Protocol

import numpy as np

from sim.configuration.draws import LAID_OUT
from sim.configuration.events import timeline_of
from sim.configuration.numbers import declared_numbers
from sim.configuration.overrides import (
    DRAW_GROUPS,
    DRAW_KEYS,
    EVENTS,
    GROUPS,
    MAIN_KEYS,
    AnyOverrides,
    Override,
    Overrides,
)
from sim.configuration.settings import Event, Settings
from sim.engine.campaign import Campaign, Record, blank_record, raise_if_spent, step
from sim.engine.chance import Address, Seeds, seeds_of
from sim.engine.compile import cache_folder, compiled
from sim.engine.day import Rules
from sim.engine.layout import conditions_before_events, fresh, renew
from sim.engine.timeline import Timeline
from sim.engine.world import Condition, Count, Posts, Provinces, World
from sim.errors import PanjError, nearest, unknown
from sim.provenance import PYTHON

# set on day 0 and not written by any rule
TRAITS_OF_POSTS = ("base_room", "admits_soldiers", "admits_families", "guards")
STEP_COMPILED = f"campaign.step-*.{PYTHON}*.nbi"  # Numba's cache file of the compiled `step`


class Course(NamedTuple):
    """Rules, events and layout with which a campaign continues from a given world and seed."""

    rules: Rules
    timeline: Timeline
    layout: World  # world before day 0; a branch from a later day uses only its attention and policies of posts


def run_branches(
    before: Course,
    after: Course,
    seed: int,
    days: int,
    day: int,
    draws: int | Address | None = None,
    worlds: tuple[World, World] | None = None,
) -> tuple[Campaign, Campaign]:
    """Run a campaign to the end of a day, and continue it twice: without a change and with it.

    Args:
        before: Rules, events and layout without the change.
        after: Rules, events and layout with the change.
        seed: Seed of both branches.
        days: Number of days to run after day 0.
        day: The day at the end of which the campaign is forked, counted from day 0.
        draws: Seed or address of the random draws; None for `seed`.
        worlds: Two worlds of this layout, such as those of earlier branches, to be overwritten; by default, new ones
            are made.

    Returns:
        The campaign without the change, followed by the campaign with it.

    Raises:
        CampaignError: A branch needs more rows than its arrays have.
    """
    world, other = worlds or (fresh(before.layout), fresh(before.layout))
    if worlds is not None:
        renew(world, before.layout)
    record = blank_record(world, days)
    seeds = seeds_of(seed if draws is None else draws, days, world.provinces.capital.size)
    run_days(world, record, before, seeds, 0, day, seed)
    copy_into(other, world)
    other_record = record._replace(**{name: trait.copy() for name, trait in record._asdict().items()})
    turn(other, after)
    run_days(world, record, before, seeds, day + 1, days, seed)
    run_days(other, other_record, after, seeds, day + 1, days, seed)
    return Campaign(seed, world, record), Campaign(seed, other, other_record)


def step_is_cold() -> bool:
    """Return whether the first call of `step` must compile it, which takes about ten seconds."""
    return compiled and not any(cache_folder().rglob(STEP_COMPILED))


def warm(course: Course) -> None:
    """Compile `step`, or load it from the cache, by running one day of any campaign and discarding the result."""
    world = fresh(course.layout)
    seeds = seeds_of(0, 1, world.provinces.capital.size)
    step(world, course.rules, course.timeline, seeds, blank_record(world, 1), 0)


def run_days(world: World, record: Record, course: Course, seeds: Seeds, first: int, last: int, seed: int) -> None:
    """Advance a world in place through the days `first` to `last`, inclusive, and add them to its record."""
    for day in range(first, last + 1):
        step(world, course.rules, course.timeline, seeds, record, day)
        raise_if_spent(world, day, seed)


def copy_into(world: World, original: World) -> None:
    """Make a world equal to another one with the same layout, by copying only the rows that are in use.

    Most rows of refugees, queues and the log are unused, and take up no memory until they are written to.
    """
    renew(world, original)
    rows, logged = int(original.tally[Count.REFUGEE_ROWS]), int(original.tally[Count.LOGGED])
    for name, used in (("refugees", rows), ("log", logged)):
        for trait, there in zip(getattr(world, name), getattr(original, name), strict=True):
            trait[:used] = there[:used]
    queues, there = world.queues, original.queues
    queues.front[:], queues.back[:] = there.front, there.back
    queues.behind[:rows], queues.travelling[:rows] = there.behind[:rows], there.travelling[:rows]


def turn(world: World, course: Course) -> None:
    """Switch a world, in place, to the policies of another course.

    This sets the values that policies determine on day 0: the attention to provinces, and the capacity, guards and
    admitted shares of posts. Garrisons no longer count as fully stocked, since the course may set another `full_days`.
    """
    world.garrisons.stocked[:] = False
    world.provinces.attention[:] = course.layout.provinces.attention
    for trait in TRAITS_OF_POSTS:
        getattr(world.posts, trait)[:] = getattr(course.layout.posts, trait)
    each = course.rules.reserves.room_per_reservist
    world.posts.room[:] = world.posts.base_room + (each * world.posts.reservists).astype(np.int64)


def same_traits(one: World, other: World) -> bool:
    """Return whether two worlds agree in everything that `turn` sets."""
    pairs: list[tuple[Posts | Provinces, Posts | Provinces, tuple[str, ...]]] = [
        (one.posts, other.posts, TRAITS_OF_POSTS),
        (one.provinces, other.provinces, ("attention",)),
    ]
    return all(
        np.array_equal(getattr(here, trait), getattr(there, trait)) for here, there, traits in pairs for trait in traits
    )


# parameters of the posts, which may change after day 0 because `turn` applies them again
OF_POSTS = {key for key in LAID_OUT if key.startswith(("rules.crossing.", "rules.admission.", "rules.reserves."))}
FOUNDING = "rules.founding."
WHOLE_CAMPAIGN = {*MAIN_KEYS, "scenario", "timeline", *DRAW_GROUPS, *DRAW_KEYS, "executor", "sampling"}
DECISIONS = (
    f"a decision: {', '.join(GROUPS)}, a number such as rules.news.fade_days, or a dated event such as "
    "timeline.events.reservists_ordered.date"
)


class SettingsResolver(Protocol):
    """An object that resolves overrides to settings: a `Composer`, or a wrapper that caches its results."""

    def settings(self, overrides: Overrides) -> Settings:
        """Resolve the settings of one cell. Raise PanjError if an override is invalid."""


class Turn(NamedTuple):
    """A change of settings at the end of a day, resolved and checked."""

    before: Settings
    after: Settings
    day: int  # day at the end of which the change is made, counted from day 0
    events: tuple[Event, ...]  # events of the changed branch: unchanged past events, and later events with the change
    timeline: Timeline  # the same events as arrays
    late: tuple[Event, ...]  # events applied on the next day because their day has passed
    left: tuple[str, ...]  # keys of changed numbers that have no effect because they act only on day 0

    def courses(self, seed: int) -> tuple[Course, Course]:
        """Return the courses of a campaign without the change and with it, given its seed."""
        before, after = self.before.rules_of(seed), self.after.rules_of(seed)
        return (
            Course(before, self.before.timeline, self.before.layout.world),
            Course(after._replace(founding=before.founding), self.timeline, self.after.layout.world),
        )


def turn_of(words: AnyOverrides, changes: AnyOverrides, evening: date, composer: SettingsResolver) -> Turn:
    """Resolve a change at the end of a day to settings and events, and check that it is allowed.

    Args:
        words: Overrides of the cell.
        changes: Overrides of the change.
        evening: The day at the end of which the change is made.
        composer: Resolves overrides to settings.

    Raises:
        PanjError: The change cannot be made during a campaign, or not on that day; the message names the key.
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
    """Raise PanjError unless an override sets a policy, a number or a dated event that may change during a campaign."""
    key = change.key
    if key in GROUPS or (key.startswith(EVENTS) and key.count(".") > 1):
        return
    if key in WHOLE_CAMPAIGN:
        raise PanjError(f"{key}: found '{change.text}', which applies to a whole campaign, expected {DECISIONS}")
    if key not in declared_numbers():
        names = [*GROUPS, *declared_numbers()]
        hint = nearest(key, names) or nearest(f"rules.{key}", names)
        raise PanjError(f"{key}: found an unknown key, expected {DECISIONS}{hint}")
    if key.startswith(FOUNDING):
        raise PanjError(f"{key}: found a number that is used only on day 0, expected one that is used after the fork")
    if key in LAID_OUT - OF_POSTS:
        raise PanjError(f"{key}: found a number that decides which rows or roads exist and so cannot change "
                        f"after day 0, expected {DECISIONS}")  # fmt: skip


def check_day(settings: Settings, evening: date) -> int:
    """Return the number of a date in the campaign, counted from day 0.

    Raise PanjError if the date is outside the campaign, or is its last day.
    """
    last = settings.end_date - timedelta(days=1)
    if not settings.start_date <= evening <= last:
        raise PanjError(f"day: found {evening}, expected a day from {settings.start_date} to {last}, which is the day "
                        "before the last day of the campaign")  # fmt: skip
    return (evening - settings.start_date).days


def changed(words: AnyOverrides, changes: AnyOverrides) -> Overrides:
    """Combine the overrides of a cell and of a change; where both set a key, the change takes precedence.

    Raise PanjError if the change contains a key twice.
    """
    overrides, changes = Overrides.of(words), Overrides.of(changes)
    if len(changes.keys) < len(changes.rows):
        raise PanjError(f"fork: found '{' '.join(changes.words)}', expected each key once")
    return overrides.without(changes.keys) + changes


def check_event(change: Override, before: Settings, after: Settings, evening: date) -> None:
    """Raise PanjError if an override affects a dated event that is not after the fork.

    The event must be after the fork both without the change and with it. Overrides of other keys are accepted.
    """
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
                            "expected a later event; choose an earlier day for the fork")  # fmt: skip
        raise PanjError(f"{EVENTS}{name}.date: found {event.date}, expected a date after the evening of {evening}")


def check_numbers(before: Settings, after: Settings) -> tuple[str, ...]:
    """Return the keys of changed numbers without effect, since they are used only on day 0.

    Raise PanjError if the change alters a number that determines which rows or roads exist.
    """
    differ = [key for key, value in before.numbers.items() if after.numbers[key] != value]
    for key in differ:
        if key in LAID_OUT - OF_POSTS and not key.startswith(FOUNDING):
            raise PanjError(f"{key}: found a policy that changes this number from {before.numbers[key]:g} to "
                            f"{after.numbers[key]:g}, expected a policy that does not, because the number decides "
                            "which rows or roads exist from day 0 on")  # fmt: skip
    return tuple(key for key in differ if key.startswith(FOUNDING))


def is_deed(event: Event) -> bool:
    """Return whether an event sends or raises men, rather than setting a lasting condition or changing nothing."""
    return event.act not in ("set", "context")


def done_by(events: Sequence[Event], day: int) -> set[str]:
    """Return the names of the events that have sent or raised men by the end of a day."""
    return {event.name for event in events if is_deed(event) and event.day <= day}


def still_to_come(before: Sequence[Event], after: Sequence[Event], day: int) -> tuple[Event, ...]:
    """Return the events of the changed branch that are dated after the fork.

    Events that have already sent or raised men by the end of that day are excluded, so that no men arrive twice.

    Args:
        before: Events without the change.
        after: Events with the change.
        day: The day of the fork.
    """
    done = done_by(before, day)
    return tuple(event for event in after if event.day > day and event.name not in done)


def passed(before: Sequence[Event], after: Sequence[Event], day: int) -> tuple[Event, ...]:
    """Return the effects that the change would have had by the fork, as events dated on the next day.

    These events set the conditions that would have had different values by then, and send or raise men whom only the
    change would have sent or raised.
    """
    done = done_by(before, day)
    deeds = [event for event in after if is_deed(event) and event.day <= day and event.name not in done]
    here, there = standing(before, day), standing(after, day)
    conditions = [event for name, event in there.items() if event.value != here[name].value]
    return tuple(event._replace(day=day + 1) for event in (*conditions, *deeds))


def standing(events: Sequence[Event], day: int) -> dict[str, Event]:
    """Return the event that last set each condition by the end of a day, keyed by condition.

    If no event has set a condition, its event has day 0 and the initial value.
    """
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
    """Check that a change has an effect after the fork: on a rule, a post, a region or a dated event.

    Args:
        turn: The resolved change.
        seeds: Seeds of the campaigns to be forked; the change must have an effect in at least one of them.
        changes: Overrides of the change, for the error message.

    Raises:
        PanjError: The change has no effect in any campaign.
    """
    if not same_traits(turn.before.layout.world, turn.after.layout.world):
        return
    if rows_after(turn.before.timeline, turn.day) != rows_after(turn.timeline, turn.day):
        return
    for seed in seeds:
        before, after = turn.courses(seed)
        if acting(before.rules) != acting(after.rules):
            return
    why = f" ({', '.join(turn.left)} is used only on day 0)" if turn.left else ""
    raise PanjError(
        f"fork: found nothing that '{' '.join(changes)}' changes after that day{why}, expected a change with an effect"
    )


def rows_after(timeline: Timeline, day: int) -> list[tuple[float, ...]]:
    """Return the events of a timeline that are dated after a day, one tuple per event."""
    rows = np.flatnonzero(timeline.day > day)
    return [tuple(float(column[row]) for column in timeline) for row in rows]


def acting(rules: Rules) -> Rules:
    """Return the rules with 0 for every number that is used only in the layout.

    Two sets of rules give different results only if the returned numbers differ; layouts are compared separately.
    """
    for key in LAID_OUT:
        _, rule, name = key.split(".")
        rules = rules._replace(**{rule: getattr(rules, rule)._replace(**{name: 0})})
    return rules


def check_outcome(name: str, known: Sequence[str]) -> None:
    """Raise PanjError if an outcome is not among `known`, the outcomes of the campaigns."""
    if name not in known:
        raise unknown("outcome", name, known, "panj list outcomes")
