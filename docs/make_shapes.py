"""Make sim/data/shapes.topojson, the shapes of all maps, from the published boundaries.

    python docs/make_shapes.py district_shapes.geojson outline.geojson

Reads   district_shapes.geojson: one polygon per row of districts.csv (property `district_id`), from geoBoundaries
        gbOpen AFG ADM2; outline.geojson: countries of the region (property `country`), from Natural Earth 1:10m.
Writes  a TopoJSON file in degrees, in which a border between two districts is stored once: `districts` in the order of
        districts.csv, `frontier` (the border with Tajikistan), `abroad` (borders between the neighbours), and as
        property `names` the positions of neighbours' names in views of the whole country and of the frontier.
Needs   shapely, which comes with the extra `test`. Maps themselves only read the file.
"""

import json
import sys
from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import combinations, pairwise
from pathlib import Path
from typing import Any

import numpy as np
import shapely

from sim.data.facts import DATA, read_facts
from sim.data.shapes import SHAPES
from sim.plots.land import FRONTIER_MARGIN, NARROW_MARGIN, around, to_degrees, to_km

BEYOND_THE_RIVER = "Tajikistan"
HOME = "Afghanistan"
TOLERANCE = 1.3  # km; detail below about one pixel of the largest map is left out
STEP = 0.002  # degrees; grid of the stored points, about 200 m
TOUCH = 8.0  # km; lines of the two sources within this distance are the same border
ROOM_FOR_A_NAME = 18.0  # km; radius around the point of a name that has to be within its country and the view
EDGE = 0.025  # minimum distance of the point of a name from the sides of a view, as a share of its width

Point = tuple[int, int]  # on the grid
Line = tuple[Point, ...]


def read_shapes(path: Path, key: str) -> dict[str, Any]:
    """Read the shapes of a GeoJSON file in km, by a property; parts without area are left out."""
    features = json.loads(path.read_text(encoding="utf-8"))["features"]
    shapes = {}
    for feature in features:
        parts = feature["geometry"]["coordinates"]
        parts = parts if feature["geometry"]["type"] == "MultiPolygon" else [parts]
        polygons = [shapely.Polygon(part[0], part[1:]) for part in parts if len(set(map(tuple, part[0]))) > 2]
        shapes[feature["properties"][key]] = shapely.transform(shapely.MultiPolygon(polygons), to_km)
    return shapes


def on_grid(points: np.ndarray) -> Line:
    """Convert points in km to grid points, without repetitions."""
    steps = [(int(x), int(y)) for x, y in np.rint(to_degrees(points) / STEP)]
    return tuple(one for one, before in zip(steps, [None, *steps], strict=False) if one != before)


def rings_of(shape: Any) -> list[list[Line]]:
    """Return the closed rings of each polygon of a shape, on the grid."""
    return [
        [ring for ring in map(on_grid, (np.asarray(one.coords) for one in (part.exterior, *part.interiors)))
         if len(set(ring)) > 2]
        for part in shapely.get_parts(shape)
    ]  # fmt: skip


def frontier_of(home: Any, beyond: Any) -> Any:
    """Return the longest part of the outline that is near the country beyond the river."""
    outline = np.asarray(max(shapely.get_parts(home), key=lambda part: part.area).exterior.coords)[:-1]
    near = shapely.distance(shapely.points(outline), beyond) < TOUCH
    outline, near = (np.roll(each, -int(np.argmin(near)), axis=0) for each in (outline, near))
    starts, ends = (np.flatnonzero(near & ~np.roll(near, step)) for step in (1, -1))
    longest = int(np.argmax(ends - starts))
    return shapely.LineString(outline[starts[longest] : ends[longest] + 1])


class Arcs:
    """Lines between junctions, each stored once; a ring is a list of their numbers, negative where reversed."""

    def __init__(self, rings: Sequence[Line], ends: Sequence[Point]) -> None:
        """Find the junctions: the given ends, and every point at which a number of borders other than two meet."""
        neighbours = defaultdict(set)
        for ring in rings:
            for one, other in pairwise(ring):
                neighbours[one].add(other)
                neighbours[other].add(one)
        self.junctions = {point for point, others in neighbours.items() if len(others) != 2} | set(ends)
        self.numbers: dict[Line, int] = {}

    def cut(self, line: Line) -> list[int]:
        """Split a line or a closed ring at junctions, and return the numbers of its arcs."""
        places = [place for place, point in enumerate(line[:-1]) if point in self.junctions]
        if line[0] == line[-1] and places:
            line = (*line[places[0] : -1], *line[: places[0] + 1])
            places = [place for place, point in enumerate(line[:-1]) if point in self.junctions]
        pieces = [
            line[start : end + 1] for start, end in zip([*places] or [0], [*places[1:], len(line) - 1], strict=True)
        ]
        return [self.number(piece) for piece in pieces]

    def number(self, arc: Line) -> int:
        """Return the number of an arc; if its reverse is stored, the complement of that number."""
        if arc[::-1] in self.numbers:
            return ~self.numbers[arc[::-1]]
        return self.numbers.setdefault(arc, len(self.numbers))


def names_in(countries: dict[str, Any], home: Any, view: Any) -> Iterator[tuple[str, list[float]]]:
    """Yield the middle of the widest visible part of each neighbour that has room for its name, in degrees."""
    west, _, east, _ = view.bounds
    inside = view.buffer(-EDGE * (east - west))
    for name, shape in countries.items():
        seen = shape.difference(home).intersection(inside)
        if name != HOME and not seen.is_empty:
            widest = shapely.maximum_inscribed_circle(max(shapely.get_parts(seen), key=lambda part: part.area))
            if widest.length > ROOM_FOR_A_NAME:
                yield name, in_degrees(widest.coords[0])


def place_in(shape: Any) -> list[float]:
    """Return a point well inside a shape, in degrees, to replace a centre that another source puts outside it."""
    return in_degrees(shapely.maximum_inscribed_circle(shape).coords[0])


def in_degrees(place: Sequence[float]) -> list[float]:
    """Convert a point in km to degrees, rounded to about a km."""
    return [round(float(each), 2) for each in to_degrees(np.array([place]))[0]]


def make(districts: Path, countries: Path) -> str:
    """Make the text of the TopoJSON file."""
    by_code, abroad = read_shapes(districts, "district_id"), read_shapes(countries, "country")
    facts = read_facts()
    codes = list(facts.district_id)
    centres = to_km(np.column_stack([facts.longitude, facts.latitude]))
    shapes = shapely.coverage_simplify([by_code[code] for code in codes], TOLERANCE)
    polygons = [rings_of(shape) for shape in shapes]
    rings = [ring for parts in polygons for part in parts for ring in part]
    home = shapely.coverage_union_all(shapes)
    river = frontier_of(home, abroad[BEYOND_THE_RIVER])
    frontier = on_grid(np.asarray(river.coords))
    arcs = Arcs(rings, (frontier[0], frontier[-1]))
    lines = [on_grid(np.asarray(line.coords)) for line in lines_between(abroad, home)]
    views = {"country": (home, NARROW_MARGIN), "frontier": (river, FRONTIER_MARGIN)}
    boxes = {view: shapely.box(*around(np.array(seen.bounds), margin)) for view, (seen, margin) in views.items()}
    objects = {
        "districts": {
            "type": "GeometryCollection",
            "geometries": [
                {
                    "type": "MultiPolygon",
                    "id": code,
                    "arcs": [[arcs.cut(ring) for ring in part] for part in parts if part],
                    **({} if shape.contains(shapely.Point(centre)) else {"properties": {"place": place_in(shape)}}),
                }
                for code, shape, parts, centre in zip(codes, shapes, polygons, centres, strict=True)
            ],
        },
        "frontier": {"type": "MultiLineString", "arcs": [arcs.cut(frontier)]},
        "abroad": {
            "type": "MultiLineString",
            "arcs": [[arcs.number(line)] for line in lines],
            "properties": {"names": {view: dict(names_in(abroad, home, box)) for view, box in boxes.items()}},
        },
    }
    return topology(objects, list(arcs.numbers))


def lines_between(countries: dict[str, Any], home: Any) -> list[Any]:
    """Return the borders between neighbouring countries, outside Afghanistan."""
    shared = [
        one.boundary.intersection(other.boundary)
        for (name, one), (another, other) in combinations(countries.items(), 2)
        if HOME not in (name, another)
    ]
    lines = shapely.line_merge(shapely.union_all(shared).difference(home)).simplify(TOLERANCE)
    return [line for line in shapely.get_parts(lines) if line.geom_type == "LineString" and line.length > TOUCH]


def topology(objects: dict[str, Any], arcs: Sequence[Line]) -> str:
    """Format TopoJSON, with every arc as steps from point to point."""
    steps = [[list(arc[0]), *np.diff(arc, axis=0).tolist()] for arc in arcs]
    transform = {"scale": [STEP, STEP], "translate": [0, 0]}
    whole = {"type": "Topology", "transform": transform, "objects": objects, "arcs": steps}
    return json.dumps(whole, separators=(",", ":")) + "\n"


if __name__ == "__main__":
    (DATA / SHAPES).write_text(make(*map(Path, sys.argv[1:3])), encoding="utf-8")
