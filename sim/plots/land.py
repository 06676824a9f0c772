"""Projected geometry in km: countries, one Voronoi cell per district, posts and the frontier on the Panj.

Reads   data/districts.csv, data/posts.csv, data/outline.geojson.
Source  Outlines: Natural Earth 1:10m. Centroids: derived from OCHA/AGCHO 2018.
Assumed District boundaries are not in the data, so each district is drawn as the land closer to its centroid than any
        other. Shapes are therefore approximate; only the outline of the country is real.
"""

import json
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import shapely
from pyproj import Transformer

from sim.data.facts import DATA, Facts, read_facts

PROJECTION = "+proj=lcc +lat_0=34 +lon_0=66 +lat_1=31 +lat_2=37 +datum=WGS84 +units=km"
HOME, BEYOND_THE_RIVER = "Afghanistan", "Tajikistan"
MARGIN = 70.0  # margin around the country, km
FRONTIER_MARGIN = 45.0  # margin around the posts, km
TOUCH = 3.0  # distance within which two outlines are the same boundary, km


@dataclass(frozen=True)
class Land:
    """Static geometry of all maps, in projected km."""

    facts: Facts
    countries: dict[str, Any]  # shapely geometry by name
    cells: list[Any]  # (districts) shapely geometry
    centroids: np.ndarray  # districts x 2
    posts: np.ndarray  # posts x 2
    frontier: Any  # the boundary with Tajikistan


@cache
def read_land() -> Land:
    """Read and project outlines, cells and places."""
    facts = read_facts()
    to_plane = Transformer.from_crs("EPSG:4326", PROJECTION, always_xy=True)
    countries = read_countries(to_plane)
    centroids = np.column_stack(to_plane.transform(facts.longitude, facts.latitude))
    posts = np.column_stack(to_plane.transform(facts.post_longitude, facts.post_latitude))
    cells = make_cells(centroids, countries[HOME])
    frontier = countries[HOME].boundary.intersection(countries[BEYOND_THE_RIVER].buffer(TOUCH))
    return Land(facts, countries, cells, centroids, posts, frontier)


def read_countries(to_plane: Transformer) -> dict[str, Any]:
    """The projected outline of each country."""
    features = json.loads((DATA / "outline.geojson").read_text(encoding="utf-8"))["features"]
    shapes = {each["properties"]["country"]: shapely.from_geojson(json.dumps(each["geometry"])) for each in features}
    return {name: shapely.make_valid(project(shape, to_plane)) for name, shape in shapes.items()}


def project(shape: Any, to_plane: Transformer) -> Any:
    """Project a shape from degrees to km."""
    return shapely.transform(shape, lambda points: np.column_stack(to_plane.transform(points[:, 0], points[:, 1])))


def make_cells(centroids: np.ndarray, country: Any) -> list[Any]:
    """Voronoi cells of the centroids, clipped to the country."""
    points = shapely.points(centroids)
    polygons = list(shapely.voronoi_polygons(shapely.multipoints(points), extend_to=country).geoms)
    point_row, polygon_row = shapely.STRtree(polygons).query(points, predicate="intersects")
    polygon_of = dict(zip(point_row.tolist(), polygon_row.tolist(), strict=True))
    return [polygons[polygon_of[row]].intersection(country) for row in range(len(points))]


def country_bounds(land: Land) -> tuple[float, float, float, float]:
    """Bounds of the country (west, south, east, north), with a margin."""
    west, south, east, north = land.countries[HOME].bounds
    return west - MARGIN, south - MARGIN, east + MARGIN, north + MARGIN


def frontier_bounds(land: Land) -> tuple[float, float, float, float]:
    """Bounds of the frontier with Tajikistan (west, south, east, north), with a margin."""
    west, south, east, north = land.frontier.bounds
    return west - FRONTIER_MARGIN, south - FRONTIER_MARGIN, east + FRONTIER_MARGIN, north + FRONTIER_MARGIN


def polygons_of(shape: Any) -> list[Any]:
    """The polygons of a shape, without stray points and lines of an intersection."""
    return [part for part in getattr(shape, "geoms", [shape]) if part.geom_type == "Polygon"]


def largest(shape: Any) -> Any:
    """The largest polygon of a shape."""
    return max(polygons_of(shape), key=lambda part: float(part.area))
