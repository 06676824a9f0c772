"""One campaign that goes on twice from an evening: as it went, and on another course, with the same luck.

Chance needs nothing kept: a draw depends on seed, rule, day and actor alone. So both branches have the same world on
the evening of the fork, to the last digit, and from the next morning on each goes on by its own rules.

Reads   a layout, two courses, a seed, a day.
Writes  nothing.
"""

from typing import Any, NamedTuple, TypeVar

import numpy as np

from sim.campaign import Campaign, Record, blank_record, raise_if_spent, step
from sim.day import Rules
from sim.founding import fresh
from sim.rules import cache_folder, compiled
from sim.timeline import Timeline
from sim.world import Posts, Provinces, World

TRAITS_OF_POSTS = ("base_room", "admits_soldiers", "admits_families", "guards")  # laid out, written by no rule
STEP_COMPILED = "campaign.step-*.nbi"  # what Numba keeps of the compiled `step`
Group = TypeVar("Group", bound=tuple)


class Course(NamedTuple):
    """What decides a campaign from some morning on."""

    rules: Rules
    timeline: Timeline
    layout: World  # of which only `attention` and what policies say of posts count, once a campaign has begun


def live_branches(before: Course, after: Course, seed: int, days: int, day: int) -> tuple[Campaign, Campaign]:
    """`days` days after day 0 as it went, and the same with another course from the morning after evening `day` on.

    Raises CampaignError when the space for rows was spent in either.
    """
    world = fresh(before.layout)
    record = blank_record(world, days)
    live_days(world, record, before, seed, 0, day)
    other, other_record = copied(world), copied(record)
    turn(other, after)
    live_days(world, record, before, seed, day + 1, days)
    live_days(other, other_record, after, seed, day + 1, days)
    return Campaign(seed, world, record), Campaign(seed, other, other_record)


def step_is_cold() -> bool:
    """Whether the first turn of `step` will have to compile it, which takes about ten seconds."""
    return compiled and not any(cache_folder().rglob(STEP_COMPILED))


def warm(course: Course) -> None:
    """Compile `step` for this installation, or read it, by one day that nobody sees."""
    world = fresh(course.layout)
    step(world, course.rules, course.timeline, np.uint64(0), blank_record(world, 1), 0)


def live_days(world: World, record: Record, course: Course, seed: int, first: int, last: int) -> None:
    """Day after day, both ends counted."""
    for day in range(first, last + 1):
        step(world, course.rules, course.timeline, np.uint64(seed), record, day)
        raise_if_spent(world, day, seed)


def copied(group: Group) -> Group:
    """Everything anew, but for roads, which nobody writes."""
    traits: dict[str, Any] = {}
    for name, trait in zip(group._fields, group, strict=True):  # type: ignore[attr-defined]
        traits[name] = trait if name == "roads" else copied(trait) if isinstance(trait, tuple) else trait.copy()
    return type(group)(**traits)


def turn(world: World, course: Course) -> None:
    """What lies in the world because a policy said so when it was laid out, as the new course has it."""
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
