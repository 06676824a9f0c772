"""Read the shapes of districts in degrees, as written by docs/make_shapes.py.

Reads   data/shapes.topojson.
Source  geoBoundaries gbOpen AFG ADM2 (CC BY 4.0), from the map of AIMS and ESOC; Runfola and others 2020,
        PLoS ONE 15(4): e0231866. Simplified to about a kilometre; boundaries imply no opinion on their legal course.
"""

import json
from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any

import numpy as np

from sim.data.facts import DATA

SHAPES = "shapes.topojson"
CREDIT = "district shapes geoBoundaries (www.geoboundaries.org, CC BY 4.0; Runfola and others 2020), simplified"
DECIMALS = 3  # decimal places of degrees, as in the file

Ring = list[list[float]]  # longitude and latitude of each point, in degrees; the first point is repeated at the end
Polygon = list[Ring]  # the outline (counterclockwise), followed by any holes (clockwise)


@cache
def read_topology() -> dict[str, Any]:
    """Read the stored topology of the map, with arcs in grid steps."""
    topology: dict[str, Any] = json.loads((DATA / SHAPES).read_text(encoding="utf-8"))
    return topology


def arcs_in_degrees() -> list[np.ndarray]:
    """Return the arcs of the map, each an array of points x 2 (longitude and latitude in degrees)."""
    topology = read_topology()
    return [np.cumsum(arc, axis=0) * topology["transform"]["scale"] for arc in topology["arcs"]]


def join(arcs: Sequence[np.ndarray], numbers: Iterable[int]) -> np.ndarray:
    """Join the arcs with the given numbers into one line; as in TopoJSON, ~n means arc n reversed."""
    pieces = [arcs[number] if number >= 0 else arcs[~number][::-1] for number in numbers]
    return np.concatenate([pieces[0], *(piece[1:] for piece in pieces[1:])])


def shapes_in_order(codes: Iterable[str]) -> list[dict[str, Any]]:
    """Return the stored shapes of districts, given by P-code; a district of the user's without one has no arcs."""
    stored = {shape["id"]: shape for shape in read_topology()["objects"]["districts"]["geometries"]}
    return [stored.get(code, {"id": code, "arcs": []}) for code in codes]


def note_on_shapes(codes: Iterable[str]) -> str:
    """Return a sentence, after a space, on the districts that maps leave out for want of a shape; empty without any."""
    missing = [shape["id"] for shape in shapes_in_order(codes) if not shape["arcs"]]
    return f" Left out of the map, since Panj has no shape for them: {', '.join(missing)}." if missing else ""


def district_polygons() -> dict[str, list[Polygon]]:
    """Return the shape of each district as GeoJSON polygons, keyed by P-code.

    Outlines run counterclockwise and holes clockwise, as RFC 7946 requires.
    """
    arcs = arcs_in_degrees()
    return {
        shape["id"]: [
            [oriented(join(arcs, ring), is_outline=place == 0) for place, ring in enumerate(part)]
            for part in shape["arcs"]
        ]
        for shape in read_topology()["objects"]["districts"]["geometries"]
    }


def oriented(points: np.ndarray, is_outline: bool) -> Ring:
    """Return a closed ring, counterclockwise if it is an outline and clockwise if it is a hole."""
    east, north = points[:, 0], points[:, 1]
    is_counterclockwise = float(east[:-1] @ north[1:] - east[1:] @ north[:-1]) > 0
    ring = points if is_counterclockwise == is_outline else points[::-1]
    found: Ring = ring.round(DECIMALS).tolist()
    return found
