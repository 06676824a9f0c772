"""Check invariants at the end of a day, for instance that nobody vanishes and that no post exceeds its room.

Reads   the world at the end of a day and the world of day 0.
Writes  nothing; raises an error for the first invariant that does not hold, with its row and numbers.
Source  none; this is bookkeeping.
"""

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np

from sim.engine.world import (
    NEVER,
    NOBODY,
    Count,
    Holder,
    Queues,
    Real,
    Refugees,
    RefugeeState,
    Truth,
    UnitState,
    Whole,
    World,
)

FATES = ("men", "killed", "captured", "surrendered", "dispersed", "changed_sides", "interned", "flown_home")
OVER = (  # states in which a unit has no men under arms
    UnitState.CROSSED, UnitState.INTERNED, UnitState.FLOWN_HOME, UnitState.SURRENDERED, UnitState.DISPERSED,
    UnitState.CAPTURED, UnitState.DESTROYED, UnitState.CHANGED_SIDES,
)  # fmt: skip
MAY_BE_MISSING = {  # integer traits in which -1 means nobody or never
    "lost_on": NEVER, "first_lost_on": NEVER, "retaken_on": NEVER, "stood_on": NEVER, "helped_on": NEVER,
    "swept_on": NEVER, "asked_days": NEVER, "post": NOBODY, "nearest_post": NOBODY, "prong": NOBODY, "actor": NOBODY,
    "front": NOBODY, "back": NOBODY, "behind": NOBODY, "first_unit": NOBODY, "next_there": NOBODY,
    "prongs.province": NOBODY,
}  # fmt: skip
SHARES = (
    ("districts", "influence"), ("districts", "dread"), ("units", "morale"), ("garrisons", "morale"),
    ("garrisons", "hunger"), ("garrisons", "unanswered"), ("posts", "admits_soldiers"), ("posts", "admits_families"),
)  # fmt: skip


class InvariantError(AssertionError):
    """Error for an invariant that does not hold at the end of a day."""


class Claim(NamedTuple):
    """An invariant that was checked in every row of a group, with a function that describes a violation."""

    holds: Truth  # (rows) whether the invariant holds in each row
    describe: Callable[[int], str]  # returns the description of a row that violates the invariant


def check(world: World, day_zero: World, day: int, morning_room: Whole | None = None) -> None:
    """Check every invariant at the end of a day.

    Args:
        world: The world at the end of the day.
        day_zero: The world of the same campaign at the end of day 0.
        day: Number of the day.
        morning_room: (posts) `posts.room` in the morning, before reservists change it; if None, room is not checked.

    Raises:
        InvariantError: For the first invariant that does not hold.
    """
    for claim in claims(world, day_zero, day, morning_room):
        wrong = np.flatnonzero(~claim.holds)
        if wrong.size:
            others = f" (and {wrong.size - 1} more)" if wrong.size > 1 else ""
            raise InvariantError(f"day {day}: {claim.describe(int(wrong[0]))}{others}")


def claims(world: World, day_zero: World, day: int, morning_room: Whole | None) -> Iterator[Claim]:
    """Yield the claims of all invariants, beginning with the simplest."""
    yield from nothing_is_negative(world)
    yield from shares_are_shares(world)
    yield from every_soldier_is_counted(world, day_zero)
    yield from every_fighter_is_counted(world, day_zero)
    yield from every_person_is_counted(world)
    yield from every_queue_is_counted(world, day)
    yield from posts_respect_their_limits(world, morning_room)
    yield from the_gone_have_no_men(world)
    yield from districts_have_one_holder(world, day)
    yield from rows_point_at_rows(world)
    yield from every_garrison_is_kept(world)


def single(holds: bool, text: str) -> Claim:
    """Return a claim about a single value, such as a total, with the text to report if the claim does not hold."""
    return Claim(np.array([holds]), lambda _row: text)


def nothing_is_negative(world: World) -> Iterator[Claim]:
    """Yield claims that integer traits and days of supply are at least 0.

    Integer traits of `MAY_BE_MISSING` may also be -1, which means nobody or never.
    """
    for name, group in world._asdict().items():
        for trait, values in group._asdict().items() if hasattr(group, "_asdict") else [(name, group)]:
            if values.dtype == np.int64:
                lowest = MAY_BE_MISSING.get(trait, MAY_BE_MISSING.get(f"{name}.{trait}", 0))
                flat = values.reshape(-1)
                yield Claim(flat >= lowest, _below(f"{name}.{trait}", flat, lowest))
    days = world.units.supply_days
    yield Claim(days >= 0.0, _below("units.supply_days", days, 0))


def _below(where: str, values: Whole | Real, lowest: int) -> Callable[[int], str]:
    return lambda row: f"{where}[{row}] is {values[row]}, expected at least {lowest}"


def shares_are_shares(world: World) -> Iterator[Claim]:
    """Yield claims that the traits in `SHARES` are from 0 to 1, and that all float traits except roads are finite."""
    for name, trait in SHARES:
        values = getattr(getattr(world, name), trait)
        yield Claim((values >= 0.0) & (values <= 1.0), _beyond(f"{name}.{trait}", values))
    for name, group in world._asdict().items():
        for trait, values in group._asdict().items() if hasattr(group, "_asdict") else [(name, group)]:
            if values.dtype == np.float64 and name != "roads":
                yield Claim(np.isfinite(values), _no_number(f"{name}.{trait}", values))


def _beyond(where: str, values: Real) -> Callable[[int], str]:
    return lambda row: f"{where}[{row}] is {values[row]}, expected 0 to 1"


def _no_number(where: str, values: Real) -> Callable[[int], str]:
    return lambda row: f"{where}[{row}] is {values[row]}, expected a finite number"


def every_soldier_is_counted(world: World, day_zero: World) -> Iterator[Claim]:
    """Yield claims that the men of each unit add up to `founded`, and that `founded` grows only by men raised later.

    The men of a unit are counted in the columns `FATES`.
    """
    units = world.units
    fates = np.sum([getattr(units, fate) for fate in FATES], axis=0)
    yield Claim(
        fates == units.founded,
        lambda row: (
            f"unit {row} (identity {units.identity[row]}) counts {fates[row]} men in all states, "
            f"expected {units.founded[row]}, its number when it was founded"
        ),
    )
    expected = day_zero.units.founded.sum() - day_zero.tally[Count.RAISED] + world.tally[Count.RAISED]
    found = units.founded.sum()
    yield single(
        found == expected,
        f"units were founded with {found} men, expected {expected}, those of day 0 and those raised later",
    )


def every_fighter_is_counted(world: World, day_zero: World) -> Iterator[Claim]:
    """Yield claims that the Taliban men, alive or dead, add up to those of day 0 plus those who changed sides since.

    The number of dead must also equal the running total.
    """
    found = world.forces.men.sum() + world.forces.killed.sum()
    began = day_zero.forces.men.sum() + day_zero.forces.killed.sum() - day_zero.units.changed_sides.sum()
    expected = began + world.units.changed_sides.sum()
    yield single(
        found == expected,
        f"forces count {found} men alive and dead, expected {expected}, those of day 0 and those who changed sides",
    )
    dead = world.forces.killed.sum()
    counted = world.tally[Count.TALIBAN_KILLED]
    yield single(dead == counted, f"forces count {dead} dead, expected {counted}, as in the tally")


def every_garrison_is_kept(world: World) -> Iterator[Claim]:
    """Yield claims that each garrison lists the units that hold its district, in row order, and counts their men.

    The garrison must also record whether any of its units waits for an answer to a call, and units of a fully stocked
    garrison must all have the same supply.
    """
    garrisons, units = world.garrisons, world.units
    holds = units.state == UnitState.HOLDING
    count = garrisons.present.size
    found = [linked_units(world, district) for district in range(count)]
    expected = [np.flatnonzero(holds & (units.district == district)).tolist() for district in range(count)]
    yield Claim(
        np.array([one == other for one, other in zip(found, expected, strict=True)]),
        lambda row: f"garrison {row} links the units {found[row]}, expected {expected[row]}, those that hold it",
    )
    men = np.bincount(units.district[holds], weights=units.men[holds], minlength=count).astype(np.int64)
    yield Claim(
        garrisons.present == men,
        lambda row: f"garrison {row} counts {garrisons.present[row]} men, expected {men[row]}, as in its units",
    )
    asked = np.bincount(units.district[holds & (units.men > 0) & (units.asked_days != NEVER)], minlength=count) > 0
    yield Claim(
        garrisons.waiting | ~asked,
        lambda row: f"garrison {row} is not recorded as waiting, expected it to be, since a unit has asked for help",
    )
    stores = [units.supply_days[rows] for rows in found]
    yield Claim(
        np.array(
            [not full or len(set(store.tolist())) < 2 for full, store in zip(garrisons.stocked, stores, strict=True)]
        ),
        lambda row: (
            f"garrison {row} is recorded as fully stocked, but its units have {stores[row].tolist()} days of supply"
        ),
    )


def linked_units(world: World, district: int) -> list[int]:
    """Return the rows of the units of a garrison, in order, or too many rows if the list is circular."""
    rows: list[int] = []
    unit = int(world.garrisons.first_unit[district])
    while unit != NOBODY and len(rows) <= world.units.men.size:  # the second condition ends a circular list
        rows.append(unit)
        unit = int(world.units.next_there[unit])
    return rows


def every_person_is_counted(world: World) -> Iterator[Claim]:
    """Yield claims that the people of each district, at home and in refugee rows, add up to its population.

    Unused refugee rows must be empty.
    """
    districts, refugees = world.districts, world.refugees
    away = np.bincount(refugees.origin, weights=refugees.people, minlength=districts.at_home.size).astype(np.int64)
    yield Claim(
        districts.at_home + away == districts.population,
        lambda row: (
            f"district {row} has {districts.at_home[row]} people at home and {away[row]} in refugee rows, "
            f"expected {districts.population[row]} in total"
        ),
    )
    unused = np.arange(refugees.people.size) >= world.tally[Count.REFUGEE_ROWS]
    yield Claim(
        ~unused | (refugees.people == 0),
        lambda row: f"refugee row {row} is not in use but has {refugees.people[row]} people, expected none",
    )


def every_queue_is_counted(world: World, day: int) -> Iterator[Claim]:
    """Yield claims that the counts and the queue of each post agree with the refugee rows of families there.

    The list of travellers must also contain exactly the families on the road, in row order.
    """
    refugees, posts, queues = world.refugees, world.posts, world.queues
    waiting = people_at_posts(refugees, refugees.state == RefugeeState.WAITING, posts.district.size)
    yield Claim(
        posts.people_waiting == waiting,
        lambda row: (
            f"post {row} counts {posts.people_waiting[row]} people waiting, expected {waiting[row]}, as in their rows"
        ),
    )
    admitted = people_at_posts(refugees, refugees.state == RefugeeState.ADMITTED, posts.district.size)
    yield Claim(
        posts.people_admitted == admitted,
        lambda row: (
            f"post {row} counts {posts.people_admitted[row]} people admitted, "
            f"expected {admitted[row]}, as in their rows"
        ),
    )
    rows = np.bincount(
        refugees.post[(refugees.state == RefugeeState.WAITING) & (refugees.people > 0)], minlength=posts.district.size
    )
    lines = np.array([len(queue_of(queues, post)) for post in range(posts.district.size)])
    yield Claim(lines == rows, lambda row: f"queue of post {row} has length {lines[row]}, expected {rows[row]}")
    filled = world.tally[Count.REFUGEE_ROWS]
    travelling = np.flatnonzero(refugees.state[:filled] == RefugeeState.ON_THE_ROAD)
    listed = queues.travelling[: world.tally[Count.TRAVELLERS]]
    yield single(
        np.array_equal(travelling, listed),
        f"the list of travellers has {listed.size} rows, expected exactly the {travelling.size} rows on the road",
    )
    late = np.flatnonzero(refugees.due_on[travelling] <= day)
    yield single(
        not late.size, f"refugee row {travelling[late[:1]]} is on the road and was due by today, expected later"
    )


def queue_of(queues: Queues, post: int) -> list[int]:
    """Return the rows of the families in the queue of a post, in order.

    Args:
        queues: Queues of all posts.
        post: Row of the post.

    Returns:
        Row numbers in `Refugees`, or more rows than there are families if the list is circular.
    """
    rows: list[int] = []
    family = int(queues.front[post])
    while family != NOBODY and len(rows) <= queues.behind.size:  # the second condition ends a circular list
        rows.append(family)
        family = int(queues.behind[family])
    return rows


def people_at_posts(refugees: Refugees, chosen: Truth, posts: int) -> Whole:
    """Count the people in the chosen refugee rows, and return one number per post."""
    return np.bincount(refugees.post[chosen], weights=refugees.people[chosen], minlength=posts).astype(np.int64)


def posts_respect_their_limits(world: World, morning_room: Whole | None) -> Iterator[Claim]:
    """Yield claims that no post admits more people than it has room for, or people whom policy bars from it.

    Units and posts must also count the same number of men who crossed.
    """
    posts, units = world.posts, world.units
    if morning_room is not None:
        yield Claim(
            posts.admitted_today <= morning_room,
            lambda row: f"post {row} admitted {posts.admitted_today[row]} today, expected at most {morning_room[row]}",
        )
    for admits, admitted, who in (
        (posts.admits_soldiers, posts.soldiers_admitted, "soldiers"),
        (posts.admits_families, posts.people_admitted, "people"),
    ):
        yield Claim((admits > 0.0) | (admitted == 0), _closed(admitted, who))
    over = units.crossed.sum()
    counted = posts.soldiers_admitted.sum()
    yield single(over == counted, f"units count {over} men who crossed, expected {counted}, as at posts")


def _closed(admitted: Whole, who: str) -> Callable[[int], str]:
    return lambda row: f"post {row} is closed to {who} but admitted {admitted[row]}, expected none"


def the_gone_have_no_men(world: World) -> Iterator[Claim]:
    """Yield claims that units in a final state have no men, and that units hold only government districts."""
    units, districts = world.units, world.districts
    over = np.isin(units.state, OVER)
    yield Claim(
        ~over | (units.men == 0),
        lambda row: (
            f"unit {row} is {UnitState(units.state[row]).name} but still has {units.men[row]} men, expected none"
        ),
    )
    holds = (units.state == UnitState.HOLDING) & (units.men > 0)
    lost = districts.holder[units.district] == Holder.TALIBAN
    yield Claim(
        ~(holds & lost),
        lambda row: (
            f"unit {row} has {units.men[row]} men holding district {units.district[row]}, which the Taliban hold"
        ),
    )
    known = (units.state >= UnitState.HOLDING) & (units.state <= UnitState.CHANGED_SIDES)
    yield Claim(known, lambda row: f"unit {row} is in state {units.state[row]}, expected one of `UnitState`")


def districts_have_one_holder(world: World, day: int) -> Iterator[Claim]:
    """Yield claims that each district has one holder, and that only government districts are connected or pressed.

    No loss or recapture may be dated after `day`.
    """
    districts = world.districts
    one = (districts.holder == Holder.GOVERNMENT) | (districts.holder == Holder.TALIBAN)
    yield Claim(one, lambda row: f"district {row} is held by {districts.holder[row]}, expected 0 or 1")
    yield Claim(
        ~districts.connected | (districts.holder == Holder.GOVERNMENT),
        lambda row: f"district {row} is connected to a hub, but the Taliban hold it",
    )
    yield Claim(
        ~districts.pressed | (districts.holder == Holder.GOVERNMENT),
        lambda row: f"district {row} is pressed by local forces, but the Taliban hold it already",
    )
    yield Claim(
        (districts.lost_on <= day) & (districts.retaken_on <= day),
        lambda row: (
            f"district {row} was lost on day {districts.lost_on[row]} and retaken on day {districts.retaken_on[row]} "
            f"(-1: never), expected no later day than {day}"
        ),
    )


def rows_point_at_rows(world: World) -> Iterator[Claim]:
    """Yield claims that every reference to a district, province, post or prong points to an existing row."""
    districts, provinces, posts = world.districts.holder.size, world.provinces.capital.size, world.posts.district.size
    for where, values, rows in (
        ("units.district", world.units.district, districts),
        ("units.destination", world.units.destination, districts),
        ("units.post", world.units.post, posts),
        ("forces.district", world.forces.district, districts),
        ("forces.destination", world.forces.destination, districts),
        ("forces.prong", world.forces.prong, world.prongs.province.size),
        ("prongs.province", world.prongs.province, provinces),
        ("refugees.district", world.refugees.district, districts),
        ("refugees.next_district", world.refugees.next_district, districts),
        ("refugees.destination", world.refugees.destination, districts),
    ):
        yield Claim(values < rows, _no_row(where, values, rows))


def _no_row(where: str, values: Whole, rows: int) -> Callable[[int], str]:
    return lambda row: f"{where}[{row}] is {values[row]}, expected below {rows}"
