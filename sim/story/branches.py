"""One campaign that goes on twice from an evening with the same chance: as it went, and with a change.

Nothing of chance has to be kept: a draw depends on seed, stream, day and actor alone. Both branches have the same world
on the evening of the fork, to the last digit, and from the next morning on each follows its own rules.

A policy, a number of a rule or a dated event that is still to come may change. Three things cannot: what has happened,
what acts on day 0 alone, and which rows and roads there are. Whom a post admits, its room and the attention that a
region gets are part of the world that was laid out on day 0; they are laid out again.

Reads   the settings of a cell, the overrides of the change, a seed, a day; errors come before anything is run.
Assumed A condition that the change would have set by that evening (pay, air cover, an order) is set on the next
        morning. Men whom it would have sent or raised by then come on the next morning; nobody comes twice.
"""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any, NamedTuple, Protocol, TypeVar

import numpy as np

from sim.engine.campaign import Campaign, Record, blank_record, raise_if_spent, step
from sim.engine.compile import cache_folder, compiled
from sim.engine.day import Rules
from sim.engine.layout import conditions_before_events, fresh
from sim.engine.timeline import Timeline
from sim.engine.world import Condition, Posts, Provinces, World
from sim.errors import PanjError, nearest, unknown
from sim.settings.draws import LAID_OUT
from sim.settings.events import timeline_of
from sim.settings.numbers import declared_numbers
from sim.settings.overrides import EVENTS, GROUPS, MAIN_KEYS, AnyOverrides, Override, Overrides
from sim.settings.settings import Event, Settings

TRAITS_OF_POSTS = ("base_room", "admits_soldiers", "admits_families", "guards")  # laid out, written by no rule
STEP_COMPILED = "campaign.step-*.nbi"  # what Numba keeps of the compiled `step`
Group = TypeVar("Group", bound=tuple)


class Course(NamedTuple):
    """What decides a campaign from some morning on."""

    rules: Rules
    timeline: Timeline
    layout: World  # of which only `attention` and what policies say of posts count, once a campaign has begun


def run_branches(before: Course, after: Course, seed: int, days: int, day: int) -> tuple[Campaign, Campaign]:
    """Run a campaign twice, as it went and with another course from the morning after an evening on.

    Args:
        before: The course of the campaign as it went.
        after: The other course.
        seed: Of both.
        days: After day 0 that are run.
        day: Number of the day on whose evening they part.

    Returns:
        The campaign as it went, and with the change.

    Raises:
        CampaignError: The space for rows was spent in either.
    """
    world = fresh(before.layout)
    record = blank_record(world, days)
    run_days(world, record, before, seed, 0, day)
    other, other_record = copied(world), copied(record)
    turn(other, after)
    run_days(world, record, before, seed, day + 1, days)
    run_days(other, other_record, after, seed, day + 1, days)
    return Campaign(seed, world, record), Campaign(seed, other, other_record)


def step_is_cold() -> bool:
    """Whether the first turn of `step` will have to compile it, which takes about ten seconds."""
    return compiled and not any(cache_folder().rglob(STEP_COMPILED))


def warm(course: Course) -> None:
    """Compile `step` for this installation, or read it, by one day that nobody sees."""
    world = fresh(course.layout)
    step(world, course.rules, course.timeline, np.uint64(0), blank_record(world, 1), 0)


def run_days(world: World, record: Record, course: Course, seed: int, first: int, last: int) -> None:
    """Day after day, both ends counted."""
    for day in range(first, last + 1):
        step(world, course.rules, course.timeline, np.uint64(seed), record, day)
        raise_if_spent(world, day, seed)


def copied(group: Group) -> Group:
    """A copy of every array but roads, which nobody writes."""
    traits: dict[str, Any] = {}
    for name, trait in zip(group._fields, group, strict=True):  # type: ignore[attr-defined]
        traits[name] = trait if name == "roads" else copied(trait) if isinstance(trait, tuple) else trait.copy()
    return type(group)(**traits)


def turn(world: World, course: Course) -> None:
    """Set what policies laid out in the world on day 0 as the new course has it."""
    world.provinces.attention[:] = course.layout.provinces.attention
    for trait in TRAITS_OF_POSTS:
        getattr(world.posts, trait)[:] = getattr(course.layout.posts, trait)
    each = course.rules.reserves.room_per_reservist
    world.posts.room[:] = world.posts.base_room + (each * world.posts.reservists).astype(np.int64)


def same_traits(one: World, other: World) -> bool:
    """Whether `turn` would change nothing."""
    pairs: list[tuple[Posts | Provinces, Posts | Provinces, tuple[str, ...]]] = [
        (one.posts, other.posts, TRAITS_OF_POSTS),
        (one.provinces, other.provinces, ("attention",)),
    ]
    return all(
        np.array_equal(getattr(here, trait), getattr(there, trait)) for here, there, traits in pairs for trait in traits
    )


OF_POSTS = {
    key for key in LAID_OUT if key.startswith(("rules.crossing.", "rules.admission.", "rules.reserves."))
}  # laid out again
FOUNDING = "rules.founding."
WHOLE_CAMPAIGN = {*MAIN_KEYS, "scenario", "timeline", "calibration", "calibration.file", "executor", "sampling"}
DECISIONS = (
    f"a decision: {', '.join(GROUPS)}, a number such as rules.news.fade_days, or a dated event such as "
    "timeline.events.reservists_ordered.date"
)


class Settles(Protocol):
    """Resolves overrides to settings: a `Composer`, or a cache of one."""

    def settings(self, overrides: Sequence[str]) -> Settings:
        """Settings of one cell; PanjError for anything that is wrong."""


class Turn(NamedTuple):
    """A cell before and after its turning point."""

    before: Settings
    after: Settings
    day: int  # on whose evening it turns
    events: tuple[Event, ...]  # of the changed branch: what had happened, then what the change leaves to come
    timeline: Timeline  # the same, as rules read it
    late: tuple[Event, ...]  # set or done on the next morning, for their day has passed
    left: tuple[str, ...]  # numbers of the change that act on day 0 alone, and so do not act

    def courses(self, seed: int) -> tuple[Course, Course]:
        """As it went and with the change, for the campaign of a seed."""
        before, after = self.before.rules_of(seed), self.after.rules_of(seed)
        return (
            Course(before, self.before.timeline, self.before.layout.world),
            Course(after._replace(founding=before.founding), self.timeline, self.after.layout.world),
        )


def turn_of(words: AnyOverrides, changes: AnyOverrides, evening: date, composer: Settles) -> Turn:
    """Both sides of the turning point, checked; PanjError names the key."""
    overrides, changes = Overrides.of(words), Overrides.of(changes)
    for row in changes:
        check_key(row)
    before = composer.settings(overrides.words)
    day = check_day(before, evening)
    after = composer.settings(changed(overrides, changes).words)
    for row in changes:
        check_event(row, before, after, evening)
    left = check_numbers(before, after)
    late, to_come = passed(before.events, after.events, day), still_to_come(before.events, after.events, day)
    events = (*(event for event in before.events if event.day <= day), *late, *to_come)
    return Turn(before, after, day, events, timeline_of(events, before.facts), late, left)


def check_key(change: Override) -> None:
    """A decision that can be changed at the end of a day."""
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
        raise PanjError(f"{key}: found a number that acts on day 0 alone, expected one that acts later")
    if key in LAID_OUT - OF_POSTS:
        raise PanjError(f"{key}: found a number that decides which rows or roads there are, which are there from day 0 "
                        f"on, expected {DECISIONS}")  # fmt: skip


def check_day(settings: Settings, evening: date) -> int:
    """An evening of the campaign after which there is another; the number of its day."""
    last = settings.end_date - timedelta(days=1)
    if not settings.start_date <= evening <= last:
        raise PanjError(f"day: found {evening}, expected an evening from {settings.start_date} to {last}, before the "
                        "last of the campaign")  # fmt: skip
    return (evening - settings.start_date).days


def changed(words: AnyOverrides, changes: AnyOverrides) -> Overrides:
    """The overrides of the cell, with those of the change in place of what they change."""
    overrides, changes = Overrides.of(words), Overrides.of(changes)
    if len(changes.keys) < len(changes.rows):
        raise PanjError(f"fork: found '{' '.join(changes.words)}', expected each key once")
    return overrides.without(changes.keys) + changes


def check_event(change: Override, before: Settings, after: Settings, evening: date) -> None:
    """A dated event can be moved, changed, added or left out while it is still to come."""
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
                            "expected one that is still to come; choose an earlier day")  # fmt: skip
        raise PanjError(f"{EVENTS}{name}.date: found {event.date}, expected a date after the evening of {evening}")


def check_numbers(before: Settings, after: Settings) -> tuple[str, ...]:
    """Numbers of the change that act on day 0 alone; PanjError for those that decide rows or roads."""
    differ = [key for key, value in before.numbers.items() if after.numbers[key] != value]
    for key in differ:
        if key in LAID_OUT - OF_POSTS and not key.startswith(FOUNDING):
            raise PanjError(f"{key}: found a policy that changes it from {before.numbers[key]:g} to "
                            f"{after.numbers[key]:g}, expected none that does, for it decides which rows or roads "
                            "there are from day 0 on")  # fmt: skip
    return tuple(key for key in differ if key.startswith(FOUNDING))


def is_deed(event: Event) -> bool:
    """Whether it sends or raises men: it is done once, where a condition lasts."""
    return event.act not in ("set", "context")


def done_by(events: Sequence[Event], day: int) -> set[str]:
    """Names of the deeds that are done by an evening."""
    return {event.name for event in events if is_deed(event) and event.day <= day}


def still_to_come(before: Sequence[Event], after: Sequence[Event], day: int) -> tuple[Event, ...]:
    """What the change leaves for the mornings after the evening."""
    done = done_by(before, day)
    return tuple(event for event in after if event.day > day and event.name not in done)


def passed(before: Sequence[Event], after: Sequence[Event], day: int) -> tuple[Event, ...]:
    """What the change would have set or done by the evening and had not been: on the next morning."""
    done = done_by(before, day)
    deeds = [event for event in after if is_deed(event) and event.day <= day and event.name not in done]
    here, there = standing(before, day), standing(after, day)
    conditions = [event for name, event in there.items() if event.value != here[name].value]
    return tuple(event._replace(day=day + 1) for event in (*conditions, *deeds))


def standing(events: Sequence[Event], day: int) -> dict[str, Event]:
    """The event that last set each condition by an evening; what holds before any event counts as one."""
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
    """Refuse a change that leaves every rule, post, region and coming event as it was."""
    if not same_traits(turn.before.layout.world, turn.after.layout.world):
        return
    if rows_after(turn.before.timeline, turn.day) != rows_after(turn.timeline, turn.day):
        return
    for seed in seeds:
        before, after = turn.courses(seed)
        if acting(before.rules) != acting(after.rules):
            return
    why = f"; {', '.join(turn.left)} would act on day 0 alone" if turn.left else ""
    raise PanjError(
        f"fork: found nothing that '{' '.join(changes)}' changes after that evening{why}, expected a change that acts"
    )


def rows_after(timeline: Timeline, day: int) -> list[tuple[float, ...]]:
    """The rows of a timeline that are still to come."""
    rows = np.flatnonzero(timeline.day > day)
    return [tuple(float(column[row]) for column in timeline) for row in rows]


def acting(rules: Rules) -> Rules:
    """The numbers that rules read day by day; those that are laid out are compared in the world."""
    for key in LAID_OUT:
        _, rule, name = key.split(".")
        rules = rules._replace(**{rule: getattr(rules, rule)._replace(**{name: 0})})
    return rules


def check_outcome(name: str, known: Sequence[str]) -> None:
    """An outcome that campaigns have."""
    if name not in known:
        raise unknown("outcome", name, known)
