"""Build the world with which campaigns start, from facts and settings.

The layout (the rows of every group, and traits such as population and the lengths of roads) depends only on data and
settings and is built once. Everything that differs between campaigns is drawn by the compiled `draw_day_zero`.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple, TypeVar

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import shortest_path

from sim.data.facts import Facts
from sim.engine.chance import Address, Seeds, seeds_of
from sim.engine.compile import rule
from sim.engine.day import Rules
from sim.engine.rules.founding import draw_day_zero
from sim.engine.timeline import Timeline, apply_events
from sim.engine.world import (
    NEVER,
    NOBODY,
    Condition,
    Count,
    Districts,
    ForceKind,
    Forces,
    Garrisons,
    Log,
    Posts,
    Prongs,
    Provinces,
    Queues,
    Real,
    Refugees,
    Roads,
    Role,
    Short,
    Truth,
    UnitKind,
    Units,
    Whole,
    World,
    armies_of,
    land_of,
    today_of,
)
from sim.errors import PanjError, unknown

LOG_ROWS = 40000
COMMANDO_IDENTITY = 10_000_000  # larger than every identity derived from home and ordinal
ROOM_OF_KIND = {
    "bridge": "room_bridge",
    "ford": "room_ford",
    "post": "room_post",
    "river frontage": "room_frontage",
    "mountain pass": "room_pass",
}
DTYPES = {Whole: np.int64, Real: np.float64, Truth: np.bool_}
STARTS_AS = {  # initial values of traits whose initial value is not 0
    "lost_on": NEVER, "first_lost_on": NEVER, "retaken_on": NEVER, "stood_on": NEVER, "helped_on": NEVER,
    "swept_on": NEVER, "asked_days": NEVER, "post": NOBODY, "prong": NOBODY, "next_there": NOBODY,
    "first_unit": NOBODY, "momentum": 1.0, "attention": 1.0,
}  # fmt: skip
Group = TypeVar("Group", bound=tuple)


class Layout(NamedTuple):
    """A world before the draws of day 0, with the facts from which it was built."""

    facts: Facts
    world: World


def lay_out(
    facts: Facts, rules: Rules, attention: Mapping[str, float], posts: Mapping[str, Mapping[str, float]]
) -> Layout:
    """Build the world before the draws of day 0.

    Args:
        facts: Districts, links and posts.
        rules: Parameters of every rule.
        attention: Weight of each region in Taliban planning, above 0; a region that is not given has a weight of 1.
        posts: Changes to each post, by its name: `soldiers` and `families` (shares admitted, from 0 to 1), and `room`
            (factor from 0 to 100).

    Returns:
        The layout, which all campaigns with these settings share.

    Raises:
        PanjError: For an unknown region or post, a value out of range, districts that are not all connected, or a
            province whose districts are not in consecutive rows.
    """
    roads = lay_out_roads(facts, rules)
    districts = lay_out_districts(facts, roads)
    world = World(
        districts=districts,
        provinces=lay_out_provinces(facts, attention),
        roads=roads,
        garrisons=blank(Garrisons, len(facts.district_id)),
        units=lay_out_units(facts, rules),
        forces=lay_out_forces(facts, rules),
        prongs=blank(Prongs, rules.founding.prongs)._replace(
            identity=np.arange(1, rules.founding.prongs + 1, dtype=np.int64)
        ),
        posts=lay_out_posts(facts, rules, posts),
        refugees=reserved(Refugees, rules.flight.rows),
        queues=blank_queues(len(facts.post), rules.flight.rows),
        log=blank(Log, LOG_ROWS),
        conditions=conditions_before_events(),
        tally=np.zeros(len(Count), np.int64),
    )
    return Layout(facts, world)


def conditions_before_events() -> np.ndarray:
    """Return the conditions before any dated event: full air cover and pay; no reservists, CSTO help or aid.

    Returns:
        One value per `Condition`.
    """
    conditions = np.zeros(len(Condition))
    conditions[Condition.AIR_COVER] = 1.0
    conditions[Condition.PAY] = 1.0
    return conditions


def blank(group: type[Group], rows: int) -> Group:
    """Return a new group with every trait at its initial value.

    Args:
        group: Type of the group, such as `Districts`.
        rows: Number of rows in the group.
    """
    arrays: dict[str, Any] = {}
    for trait, kind in group.__annotations__.items():
        dtype = DTYPES[kind]
        start = STARTS_AS.get(trait, 0)
        arrays[trait] = np.full(rows, start, dtype) if start else np.zeros(rows, dtype)
    return group(**arrays)


def reserved(group: type[Group], rows: int) -> Group:
    """Return a new group of zeros in one large block of memory, which uses no physical memory until it is written to.

    Separate small arrays would reuse heap memory, which would have to be cleared first.
    """
    block = np.zeros((len(group.__annotations__), rows), np.int64)
    kinds = group.__annotations__.values()
    return group(*(trait.view(DTYPES[kind]) for trait, kind in zip(block, kinds, strict=True)))


def blank_queues(posts: int, rows: int) -> Queues:
    """Return queues with no families in them.

    Args:
        posts: Number of posts.
        rows: Largest number of refugee rows.
    """
    return Queues(
        front=np.full(posts, NOBODY, np.int64),
        back=np.full(posts, NOBODY, np.int64),
        behind=np.zeros(rows, np.int64),
        travelling=np.zeros(rows, np.int64),
    )


def lay_out_districts(facts: Facts, roads: Roads) -> Districts:
    """Return the districts with the traits that the data give, before any random draw."""
    nearest = np.full(len(facts.district_id), NOBODY)
    if facts.post_district.size:
        nearest = roads.between[:, facts.post_district].argmin(axis=1)
    has_post = np.zeros(len(facts.district_id), np.bool_)
    has_post[facts.post_district] = True
    return blank(Districts, len(facts.district_id))._replace(
        identity=facts.identity.copy(),
        province=facts.province_of.copy(),
        is_capital=facts.is_capital.copy(),
        is_hub=facts.is_capital & facts.airfield,
        population=facts.population.copy(),
        at_home=facts.population.copy(),
        votes_per_head=facts.votes_per_head.copy(),
        mountain=facts.mountain.copy(),
        highway=facts.highway.copy(),
        in_ring=ring_of_capitals(facts),
        has_post=has_post,
        frontier_km=facts.tajik_border_km.copy(),
        nearest_post=nearest.astype(np.int64),
    )


def ring_of_capitals(facts: Facts) -> np.ndarray:
    """Return whether each district borders the capital of its own province, as a bool array of shape (districts)."""
    ring = np.zeros(len(facts.district_id), np.bool_)
    for capital in np.flatnonzero(facts.is_capital):
        for there in facts.neighbour[facts.first_neighbour[capital] : facts.first_neighbour[capital + 1]]:
            ring[there] |= facts.province_of[there] == facts.province_of[capital]
    return ring


def lay_out_provinces(facts: Facts, attention: Mapping[str, float]) -> Provinces:
    """Return the provinces with their capitals, the rows of their districts and their weights in Taliban planning.

    Args:
        facts: Districts and their provinces, capitals and regions.
        attention: Weight of each region in Taliban planning, above 0; a region that is not given has a weight of 1.

    Raises:
        PanjError: For an unknown region, a weight that is not above 0, or a province whose districts are not in
            consecutive rows.
    """
    regions = dict.fromkeys(facts.region_of_province)
    for region, weight in attention.items():
        if region not in regions:
            raise unknown("attention", region, regions)
        if not weight > 0:
            raise PanjError(f"attention.{region}: found {weight}, expected a number above 0")
    if (np.diff(facts.province_of) < 0).any():
        raise PanjError(
            "districts.csv: found a province whose districts are scattered over the file, expected consecutive rows"
        )
    capitals = np.zeros(len(facts.provinces), np.int64)
    capitals[facts.province_of[facts.is_capital]] = np.flatnonzero(facts.is_capital)
    rows = np.arange(len(facts.provinces))
    first, end = np.searchsorted(facts.province_of, rows), np.searchsorted(facts.province_of, rows, side="right")
    weights = np.array([float(attention.get(region, 1.0)) for region in facts.region_of_province])
    return blank(Provinces, len(facts.provinces))._replace(
        capital=capitals, first=first.astype(np.int64), end=end.astype(np.int64), attention=weights
    )


def lay_out_roads(facts: Facts, rules: Rules) -> Roads:
    """Return the roads: the travel time of every link, and the shortest paths between all districts.

    Links are longer in mountains.

    Raises:
        PanjError: If some districts cannot be reached from others.
    """
    count = len(facts.district_id)
    start = np.repeat(np.arange(count), np.diff(facts.first_neighbour))
    height = (facts.mountain[start] + facts.mountain[facts.neighbour]) / 2.0
    km = facts.link_km * rules.journeys.road_factor * (1.0 + rules.journeys.mountain_factor * height)
    graph = csr_array((km, facts.neighbour, facts.first_neighbour), shape=(count, count))
    between = shortest_path(graph, method="D")
    if not np.isfinite(between).all():
        raise PanjError(
            "districts.csv: found districts that cannot be reached from others, expected all to be connected"
        )
    first, neighbour = facts.first_neighbour.copy(), facts.neighbour.copy()
    return Roads(first, neighbour, km / rules.journeys.km_per_day, between, onward_links(first, neighbour, between))


def onward_links(first: Whole, neighbour: Whole, between: Real) -> Short:
    """Return, for every goal and district, the link that a family there takes towards the goal if there is no fighting.

    It is the link that `cheapest_link` chooses, counted from the first link of the district; the array has the shape
    (goals, districts). Its small integers let it fit in the processor's cache.
    """
    count = len(first) - 1
    onward = np.zeros((count, count), np.int16)
    for here in range(count):
        links = np.arange(first[here], first[here + 1])
        there = neighbour[links]
        price = between[there, :] + between[here, there][:, None]
        price[between[there, :] >= between[here, :]] = np.inf
        onward[:, here] = price.argmin(axis=0)
    return onward


def lay_out_units(facts: Facts, rules: Rules) -> Units:
    """Return the units, whose rows are the same for every seed.

    The identity of a unit is derived from its home and ordinal; commando columns are numbered separately.
    """
    rows = [row for district in range(len(facts.district_id)) for row in units_of(district, facts, rules)]
    for column in range(rules.founding.commando_columns):
        rows.append((COMMANDO_IDENTITY + column, int(UnitKind.COMMANDO), int(Role.COLUMN), 0))
    identity, kind, role, home = np.array(rows, np.int64).T.copy()
    return blank(Units, len(home))._replace(identity=identity, kind=kind, role=role, home=home)


def units_of(district: int, facts: Facts, rules: Rules) -> list[tuple[int, int, int, int]]:
    """Return the identity, kind, role and home of every unit of one district, except commando columns."""
    kinds = [(UnitKind.POLICE, Role.GARRISON), (UnitKind.MILITIA, Role.GARRISON)]
    if facts.is_capital[district]:
        kinds += [(UnitKind.ARMY, Role.GARRISON)] * rules.founding.capital_army_units
    else:
        kinds += [(UnitKind.POLICE, Role.OUTPOST)] * rules.founding.outposts
        kinds += [(UnitKind.ARMY, Role.GARRISON)] * int(facts.highway[district])
    kinds += [(UnitKind.BORDER, Role.GARRISON)] * int(np.sum(facts.post_district == district))
    kinds += [(UnitKind.BORDER, Role.OUTPOST)] * int(facts.tajik_border_km[district] > 0)
    first = int(facts.identity[district]) * 1000
    return [(first + ordinal, int(kind), int(role), district) for ordinal, (kind, role) in enumerate(kinds)]


def lay_out_forces(facts: Facts, rules: Rules) -> Forces:
    """Return the forces: one local force per district, in district order, then the columns of every prong."""
    count = len(facts.district_id)
    columns = rules.founding.columns_per_prong
    prong = np.repeat(np.arange(rules.founding.prongs, dtype=np.int64), columns)
    ordinal = np.tile(np.arange(columns, dtype=np.int64), rules.founding.prongs)
    return blank(Forces, count + prong.size)._replace(
        identity=np.concatenate([facts.identity, 10_000 + (prong + 1) * 100 + ordinal]),
        kind=np.concatenate([np.full(count, ForceKind.LOCAL), np.full(prong.size, ForceKind.MOBILE)]).astype(np.int64),
        prong=np.concatenate([np.full(count, NOBODY), prong]),
        district=np.concatenate([np.arange(count), np.zeros(prong.size, np.int64)]),
    )


def lay_out_posts(facts: Facts, rules: Rules, changes: Mapping[str, Mapping[str, float]]) -> Posts:
    """Return the posts, with their room and the shares of soldiers and families that they admit.

    Room depends on the kind of crossing and on policy, and the shares depend on policy.
    """
    rooms, soldiers, families = [], [], []
    for name, kind in zip(facts.post, facts.post_kind, strict=True):
        change = changes.get(name, {})
        rooms.append(int(getattr(rules.crossing, ROOM_OF_KIND[kind]) * change.get("room", 1.0)))
        soldiers.append(float(change.get("soldiers", rules.crossing.admits)))
        families.append(float(change.get("families", rules.admission.admits)))
    check_posts(facts, changes)
    count = len(facts.post)
    return blank(Posts, count)._replace(
        identity=np.arange(1, count + 1, dtype=np.int64),
        district=facts.post_district.copy(),
        base_room=np.array(rooms, np.int64),
        room=np.array(rooms, np.int64),
        admits_soldiers=np.array(soldiers),
        admits_families=np.array(families),
        guards=np.full(count, int(rules.reserves.guards_per_post), np.int64),
    )


def check_posts(facts: Facts, changes: Mapping[str, Mapping[str, float]]) -> None:
    """Check the changes that policies make to posts.

    Args:
        facts: Facts with the names of the posts.
        changes: Changes to each post, as in the argument `posts` of `lay_out`.

    Raises:
        PanjError: For an unknown post or trait, or a value out of range.
    """
    limits = {"soldiers": 1.0, "families": 1.0, "room": 100.0}
    for post, change in changes.items():
        if post not in facts.post:
            raise unknown("posts", post, facts.post)
        for trait, value in change.items():
            if trait not in limits:
                raise unknown(f"posts.{post}", trait, limits)
            if not 0.0 <= value <= limits[trait]:
                raise PanjError(f"posts.{post}.{trait}: found {value}, expected a number from 0 to {limits[trait]:g}")


def found(layout: World, rules: Rules, timeline: Timeline, seed: int | Address) -> World:
    """Draw day 0 with a seed or an address, and return the result as a new world; the layout is not written to."""
    world = fresh(layout)
    begin(world, rules, timeline, seeds_of(seed, 0, layout.provinces.capital.size))
    return world


def fresh(layout: World) -> World:
    """Return a world that a campaign can write to, made from a layout.

    Args:
        layout: The world before the draws of day 0; it is not written to.

    Returns:
        A copy that shares the read-only roads of the layout and has no refugees or logged events yet.
    """
    copies = {}
    for name, group in layout._asdict().items():
        if name == "roads":
            copies[name] = group
        elif name == "queues":
            copies[name] = blank_queues(group.front.size, group.behind.size)
        elif name == "refugees":
            copies[name] = reserved(type(group), group.people.size)
        elif name == "log":
            copies[name] = type(group)(*(np.zeros(trait.shape, trait.dtype) for trait in group))
        elif isinstance(group, tuple):
            copies[name] = type(group)(*(trait.copy() for trait in group))
        else:
            copies[name] = group.copy()
    return World(**copies)


def renew(world: World, layout: World) -> None:
    """Reset a world that a campaign has used to its layout, by overwriting only what the campaign may have changed.

    This is cheaper than a new world when many campaigns run one after another and their worlds are not kept.
    """
    used = {"refugees": int(world.tally[Count.REFUGEE_ROWS]), "log": int(world.tally[Count.LOGGED])}
    groups: Any = zip(layout._fields, world, layout, strict=True)
    for name, group, there in groups:
        if name in used:
            for trait in group:
                trait[: used[name]] = 0
        elif name == "queues":
            for trait in (group.front, group.back):
                trait[:] = NOBODY  # all other traits are read only for rows in use
        elif isinstance(group, np.ndarray):
            group[:] = there
        elif name != "roads":
            for trait, start in zip(group, there, strict=True):
                trait[:] = start


@rule
def begin(world: World, rules: Rules, timeline: Timeline, seeds: Seeds) -> None:
    """Draw the state of day 0 and apply the dated events of day 0 and earlier."""
    today = today_of(world, seeds, 0)
    draw_day_zero(land_of(world), armies_of(world), rules.founding, rules.morale, rules.supply, today)
    apply_events(timeline, world.districts, armies_of(world), today)
