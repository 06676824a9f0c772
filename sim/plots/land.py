"""Read the geometry of maps, projected to km: districts, provinces, the country, its neighbours, frontier and posts.

Reads   data/districts.csv, data/posts.csv, and data/shapes.topojson (by `sim.data.shapes`).
Source  Districts: geoBoundaries gbOpen AFG ADM2 (CC BY 4.0), from the map of AIMS and ESOC; Runfola and others 2020,
        PLoS ONE 15(4): e0231866. Neighbours: Natural Earth 1:10m.
Assumes Boundaries are simplified to about a kilometre and imply no opinion on their legal course. Sharak-e-Hayratan has
        no shape in the source; it is cut off from Kaldar along the line between the two centres.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from pyproj import Transformer

from sim.data import shapes as stored
from sim.data.facts import Facts, facts_here
from sim.data.own import remembered
from sim.data.shapes import arcs_in_degrees, join, read_topology, shapes_in_order

PROJECTION = "+proj=lcc +lat_0=34 +lon_0=66 +lat_1=31 +lat_2=37 +datum=WGS84 +units=km"
CREDIT = f"{stored.CREDIT}; neighbours Natural Earth"  # shown on every map, as required by the licence CC BY 4.0
MARGIN, NARROW_MARGIN = 70.0, 28.0  # margin around the country on a large and on a small map, km
FRONTIER_MARGIN = 45.0  # margin around the frontier, km

Bounds = tuple[float, float, float, float]  # west, south, east, north
Lines = list[np.ndarray]  # each line is an array of points x 2, in km; a closed ring repeats its first point


@dataclass(frozen=True)
class Land:
    """Static geometry of all maps, in projected km."""

    facts: Facts
    districts: list[Lines]  # rings of each district, in file order; without a shape, a ring that is only its centre
    outline: Lines  # outline of the country
    borders: Lines  # borders between districts of the same province
    provinces: Lines  # borders between provinces
    frontier: Lines  # border with Tajikistan
    abroad: Lines  # borders between neighbouring countries
    # positions of the names of neighbouring countries, by view (country or frontier) and name
    names: dict[str, dict[str, np.ndarray]]
    centres: np.ndarray  # districts x 2: centroid, or a point inside the shape if the centroid is outside it
    posts: np.ndarray  # posts x 2: position


@remembered()
def read_land() -> Land:
    """Read the shapes, centres and posts, and project them to km.

    Returns:
        The geometry; later calls return the same object.
    """
    facts = facts_here()
    arcs = [to_km(arc) for arc in arcs_in_degrees()]
    objects = read_topology()["objects"]
    shapes = shapes_in_order(facts.district_id)
    rings = [[ring for part in shape["arcs"] for ring in part] for shape in shapes]
    centroids = zip(facts.longitude, facts.latitude, strict=True)
    centres = [shape.get("properties", {}).get("place", place) for shape, place in zip(shapes, centroids, strict=True)]
    points = to_km(np.array(centres))
    sides = sides_of(rings, len(arcs))
    provinces = [{int(facts.province_of[row]) for row in side} for side in sides]
    return Land(
        facts=facts,
        districts=[
            [join(arcs, ring) for ring in shape] or [np.repeat(point[np.newaxis], 4, axis=0)]
            for shape, point in zip(rings, points, strict=True)
        ],
        outline=[arcs[arc] for arc, side in enumerate(sides) if len(side) == 1],
        borders=[arcs[arc] for arc, side in enumerate(sides) if len(side) == 2 > len(provinces[arc])],
        provinces=[arcs[arc] for arc in range(len(arcs)) if len(provinces[arc]) == 2],
        frontier=[join(arcs, line) for line in objects["frontier"]["arcs"]],
        abroad=[join(arcs, line) for line in objects["abroad"]["arcs"]],
        names={
            view: {name: to_km(np.array([place]))[0] for name, place in names.items()}
            for view, names in objects["abroad"]["properties"]["names"].items()
        },
        centres=points,
        posts=to_km(np.column_stack([facts.post_longitude, facts.post_latitude])),
    )


@cache
def projection() -> Transformer:
    """Return the projection from longitude and latitude in degrees to km."""
    return Transformer.from_crs("EPSG:4326", PROJECTION, always_xy=True)


def to_km(degrees: np.ndarray) -> np.ndarray:
    """Project points from degrees to km.

    Args:
        degrees: Longitude and latitude, points x 2.

    Returns:
        East and north in km, points x 2.
    """
    return np.column_stack(projection().transform(degrees[:, 0], degrees[:, 1]))


def to_degrees(km: np.ndarray) -> np.ndarray:
    """Project points from km back to degrees.

    Args:
        km: East and north, points x 2.

    Returns:
        Longitude and latitude in degrees, points x 2.
    """
    return np.column_stack(projection().transform(km[:, 0], km[:, 1], direction="INVERSE"))


def sides_of(rings: Sequence[Sequence[Sequence[int]]], count: int) -> list[set[int]]:
    """Return, for each arc, the row numbers of the districts whose outline it is part of.

    An arc inside the country is part of two outlines, an arc on its border of one, and an arc abroad of none.
    """
    sides: list[set[int]] = [set() for _ in range(count)]
    for row, shape in enumerate(rings):
        for arc in (arc for ring in shape for arc in ring):
            sides[arc if arc >= 0 else ~arc].add(row)
    return sides


def bounds_of(lines: Lines) -> np.ndarray:
    """Return the bounding box of lines.

    Args:
        lines: Lines in km.

    Returns:
        West, south, east and north, in km.
    """
    points = np.concatenate(lines)
    return np.concatenate([points.min(axis=0), points.max(axis=0)])


def around(bounds: np.ndarray, margin: float) -> Bounds:
    """Extend a bounding box by a margin.

    Args:
        bounds: West, south, east and north, in km.
        margin: Margin on every side, in km.

    Returns:
        West, south, east and north, in km.
    """
    west, south, east, north = bounds + margin * np.array([-1, -1, 1, 1])
    return float(west), float(south), float(east), float(north)


def country_bounds(land: Land, margin: float = MARGIN) -> Bounds:
    """Return the bounding box of the country, with a margin.

    Args:
        land: Geometry of the country, as returned by `read_land`.
        margin: Margin on every side, in km.

    Returns:
        West, south, east and north, in km.
    """
    return around(bounds_of(land.outline), margin)


def frontier_bounds(land: Land) -> Bounds:
    """Return the bounding box of the frontier with Tajikistan, with a margin of `FRONTIER_MARGIN`.

    Args:
        land: Geometry of the country, as returned by `read_land`.

    Returns:
        West, south, east and north, in km.
    """
    return around(bounds_of(land.frontier), FRONTIER_MARGIN)
