"""Lay out a country of 1, 4 or 16 copies of Afghanistan, to measure growth with the number of districts.

Each tile is the mirror image of its neighbours, and the districts at the edge between two tiles are linked, each to its
own reflection. Quantities of the whole country (men, spearheads, commandos, help, places) grow with the number of
tiles, and news from the rest of the country weighs less, so that conditions in each district stay the same. Some of
these numbers exceed the ranges of the settings, which are prior ranges for one country. One feature cannot be tiled:
there is one capital city, the first district, to which families of every tile travel.
"""

from typing import Any, NamedTuple

import numpy as np

from sim.configuration.settings import Settings
from sim.data.facts import Facts, Floats, Integers
from sim.engine.day import Rules
from sim.engine.layout import LOG_ROWS, Layout, blank, lay_out
from sim.engine.timeline import Timeline
from sim.engine.world import Act, Condition, Log

EDGE = 0.2  # degrees from the outermost district centre to the edge of a tile
JOINED = 12  # districts at each edge of a tile that are linked to their reflection
IDENTITIES = 100_000  # offset of identities from tile to tile; identities of one tile and of mobile forces are lower
OF_DISTRICTS = ("district_id", "district", "province", "provinces")  # texts that name one object each
OF_POSTS = ("post_id", "post", "post_name")
REPEATED_TEXTS = ("region", "region_of_province", "tajik_district", "post_kind")
REPEATED = ("population", "votes_per_head", "tajik_border_km", "is_capital", "airfield", "highway", "mountain")
PLACED = ("latitude", "longitude", "post_latitude", "post_longitude")
COUNTED_OVER_ALL = {  # numbers of the rules that belong to the country, not to a district
    "founding": ("fighting_men", "rolls", "commando_columns", "taliban_men", "mobile_men", "prongs"),
    "supply": ("airlift_per_day",),
    "calls": ("flights_per_day",),
    "flight": ("rows",),
    "admission": ("camp_places", "aid_places"),
    "reserves": ("csto_men",),
    "counterattack": ("attempts_per_day",),
}


class Tiled(NamedTuple):
    """Layout, rules and timeline of a campaign in the larger country."""

    layout: Layout
    rules: Rules
    timeline: Timeline


def tiled(settings: Settings, side: int) -> Tiled:
    """Lay out side x side copies of the country of `settings`."""
    tiles = side * side
    facts, rules = tiled_facts(settings.facts, side), tiled_rules(settings.rules, tiles)
    posts = {tile_name(post, tile): change for post, change in settings.posts.items() for tile in range(tiles)}
    layout = lay_out(facts, rules, settings.attention, posts)
    world = layout.world._replace(log=blank(Log, LOG_ROWS * tiles))
    return Tiled(layout._replace(world=world), rules, tiled_timeline(settings.timeline, settings.facts, tiles))


def tiled_facts(facts: Facts, side: int) -> Facts:
    """Repeat districts, provinces and posts in every tile, with unique names and identities, and link the tiles."""
    tiles, districts = side * side, len(facts.district_id)
    first, neighbour, km = tiled_links(facts, side)
    named: dict[str, Any] = {trait: tile_names(getattr(facts, trait), tiles) for trait in OF_DISTRICTS + OF_POSTS}
    texts: dict[str, Any] = {trait: getattr(facts, trait) * tiles for trait in REPEATED_TEXTS}
    same: dict[str, Any] = {trait: np.tile(getattr(facts, trait), tiles) for trait in REPEATED}
    placed: dict[str, Any] = {trait: tiled_degrees(trait, facts, side) for trait in PLACED}
    return Facts(
        **named, **texts, **same, **placed,
        province_of=shifted(facts.province_of, tiles, len(facts.provinces)),
        identity=shifted(facts.identity, tiles, IDENTITIES),
        first_neighbour=first, neighbour=neighbour, link_km=km,
        post_district=shifted(facts.post_district, tiles, districts),
        fingerprint=f"{facts.fingerprint}x{tiles}",
    )  # fmt: skip


def tile_names(names: tuple[str, ...], tiles: int) -> tuple[str, ...]:
    """Repeat names in every tile; from the second tile on they have the number of the tile."""
    return tuple(tile_name(name, tile) for tile in range(tiles) for name in names)


def tile_name(name: str, tile: int) -> str:
    """Name an object in a tile, such as `Kabul`, and `Kabul_2` in the second tile."""
    return name if tile == 0 else f"{name}_{tile + 1}"


def shifted(numbers: Integers, tiles: int, step: int) -> Integers:
    """Repeat the numbers once per tile, each time `step` higher."""
    return np.concatenate([numbers + tile * step for tile in range(tiles)])


def tiled_degrees(trait: str, facts: Facts, side: int) -> Floats:
    """Return latitudes or longitudes of all tiles, with every second row or column reflected."""
    degrees, across = getattr(facts, trait), trait.endswith("longitude")
    edges = facts.longitude if across else facts.latitude
    low, high = edges.min() - EDGE, edges.max() + EDGE
    places = [tile % side if across else tile // side for tile in range(side * side)]
    return np.concatenate([
        place * (high - low) + (degrees if place % 2 == 0 else low + high - degrees) for place in places
    ])  # fmt: skip


def tiled_links(facts: Facts, side: int) -> tuple[Integers, Integers, Floats]:
    """Return the first link of each district, and the far ends and km of all links, within and between tiles."""
    count, tiles = len(facts.district_id), side * side
    start = np.repeat(np.arange(count), np.diff(facts.first_neighbour))
    here, there = joints(facts, side)
    starts = np.concatenate([shifted(start, tiles, count), here, there])
    ends = np.concatenate([shifted(facts.neighbour, tiles, count), there, here])
    between = np.full(2 * here.size, np.median(facts.link_km))
    km = np.concatenate([np.tile(facts.link_km, tiles), between])
    order = np.argsort(starts, kind="stable")
    first = np.concatenate([[0], np.cumsum(np.bincount(starts, minlength=count * tiles))]).astype(np.int64)
    return first, ends[order], km[order]


def joints(facts: Facts, side: int) -> tuple[Integers, Integers]:
    """Return both ends of the links between tiles: to the tile on the right, and to the tile above."""
    count, here, there = len(facts.district_id), [], []
    for tile in range(side * side):
        up, right = divmod(tile, side)
        for place, step, degrees in ((right, 1, facts.longitude), (up, side, facts.latitude)):
            if place + 1 < side:
                edge = np.argsort(degrees)[-JOINED:] if place % 2 == 0 else np.argsort(degrees)[:JOINED]
                here.append(tile * count + edge)
                there.append((tile + step) * count + edge)
    none = np.zeros(0, np.int64)
    return np.concatenate([none, *here]), np.concatenate([none, *there])


def tiled_rules(rules: Rules, tiles: int) -> Rules:
    """Multiply men, columns, flights and places by `tiles`, and divide the fear caused by falls elsewhere."""
    larger: dict[str, Any] = {
        rule: getattr(rules, rule)._replace(**{name: getattr(getattr(rules, rule), name) * tiles for name in names})
        for rule, names in COUNTED_OVER_ALL.items()
    }
    return rules._replace(**larger, news=rules.news._replace(country=rules.news.country / tiles))


def tiled_timeline(timeline: Timeline, facts: Facts, tiles: int) -> Timeline:
    """Repeat events of a district in its copies, and multiply reservists by `tiles`."""
    local = timeline.act != Act.SET
    times = np.where(local, tiles, 1)
    subject = np.repeat(timeline.subject, times)
    copies = np.concatenate([np.arange(time) for time in times])
    amount = timeline.amount * np.where(~local & (timeline.subject == Condition.RESERVISTS_ORDERED), tiles, 1)
    return Timeline(
        np.repeat(timeline.day, times),
        np.repeat(timeline.act, times),
        subject + copies * len(facts.district_id),
        np.repeat(amount, times),
    )
