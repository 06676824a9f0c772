"""A map of the probability that each district is held by the Taliban at the end of one day, with the record on top.

Reads   districts.parquet; the geometry of `sim.plots.land`.
"""

from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.collections import PathCollection
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.path import Path as Outline

from sim.data.facts import THE_LINE
from sim.data.record import lost_in_record
from sim.errors import PanjError
from sim.plots.charts import add_key, key_line, key_mark, new_figure, save_study_chart
from sim.plots.colours import INK, QUIET, REPORTED
from sim.plots.land import HOME, MARGIN, Land, country_bounds, frontier_bounds, largest, polygons_of, read_land
from sim.plots.style import CHANCE, HALO, WIDTH, in_style
from sim.study.reader import Study, read_study
from sim.wording import format_day, say_post

EVENING = date(2021, 7, 5)  # the day after the largest night
ROOM_FOR_A_NAME = 30_000.0  # smallest visible area of a named neighbour, square km
NEIGHBOURS = "#ededed"
ROOM_FOR_WORDS = 2.05  # inches for legend, colour scale and caption
MARK = (20.0, 10.0)  # km around a post, east-west and north-south, that no name may cover
NAME_WIDTH, NAME_HEIGHT = 5.0, 9.0  # character width and line height of a post's name, points
SOURCES = (
    "outlines Natural Earth 1:10m; centroids OCHA/AGCHO 2018; dates of loss and posts as named row by row in"
    " districts.csv and posts.csv. Cells are the land nearest to each centroid, not district boundaries. A district"
    " without a dot is not dated, which is not the same as not lost."
)


def draw_map(folder: Path, evening: date | None = None, cell: int = 0) -> Path:
    """Draw the map of one day to `figures/`, named after the day.

    Args:
        folder: The folder of a study.
        evening: The day of the map; by default 5 July, or the last day before it.
        cell: Cell number.

    Returns:
        The path of the map.

    Raises:
        PanjError: The study is incomplete or does not have this day.
    """
    study = read_study(folder, cell)
    day = evening or default_evening(study)
    return draw_map_of(study, day, folder / "figures" / f"map_{day:%Y_%m_%d}.png")


@in_style
def draw_map_of(study: Study, evening: date | None, path: Path) -> Path:
    """Draw the country (top) and the frontier with the names of the posts (bottom) to a path; see `draw_map`."""
    day = evening or default_evening(study)
    land, chance = read_land(), chances(study, day)
    views = country_bounds(land), frontier_bounds(land)
    heights = [(north - south) / (east - west) for west, south, east, north in views]
    figure = new_figure(WIDTH * sum(heights) + ROOM_FOR_WORDS)
    whole, frontier = figure.subplots(2, 1, height_ratios=heights)
    for axes, bounds in zip((whole, frontier), views, strict=True):
        draw_land(axes, land, bounds)
        draw_chances(axes, land, chance)
        draw_record(axes, land, day)
        draw_places(axes, land)
        name_countries(axes, land, bounds)
    name_posts(frontier, land)
    add_scale(figure, whole, frontier)
    add_key(figure, key_of(day), 2)
    title = f"Chance that the Taliban hold a district, evening of {format_day(day, year=True)}"
    if day > THE_LINE:
        title += "\n(beyond the record)"
    return save_study_chart(figure, study, title, SOURCES, path, {"evening": day.isoformat()})


def default_evening(study: Study) -> date:
    """5 July, or the last day of a study that ends before it."""
    return min(max(EVENING, study.evenings[0]), study.evenings[-1])


def chances(study: Study, day: date) -> np.ndarray:
    """Share of campaigns in which the Taliban hold each district, in file order; NaN where the study has no data."""
    rows = study.districts[study.districts["date"].dt.date == day].set_index("district_id")["share_of_runs_taliban"]
    if rows.empty:
        days = study.districts["date"].dt.date
        raise PanjError(f"map, evening: found {day}, expected a day from {days.min()} to {days.max()}")
    return rows.reindex(list(read_land().facts.district_id)).to_numpy(float)


def outline_of(shape: Any) -> Outline:
    """A shapely (multi)polygon as one matplotlib path, with holes."""
    rings = [ring for part in polygons_of(shape) for ring in (part.exterior, *part.interiors)]
    return Outline.make_compound_path(*(Outline(np.asarray(ring.coords), closed=True) for ring in rings))


def draw_land(axes: Axes, land: Land, bounds: tuple[float, float, float, float]) -> None:
    """Draw the neighbouring countries in light grey and set the view to the bounds."""
    for name, shape in land.countries.items():
        if name != HOME:
            style: dict[str, Any] = {"facecolor": NEIGHBOURS, "edgecolor": "white", "linewidth": 1.0}
            axes.add_collection(PathCollection([outline_of(shape)], **style))
    axes.set_xlim(bounds[0], bounds[2])
    axes.set_ylim(bounds[1], bounds[3])
    axes.set_aspect("equal")
    axes.set_facecolor(NEIGHBOURS)
    axes.grid(visible=False)
    axes.set_xticks([])
    axes.set_yticks([])
    axes.spines[:].set_visible(False)


def draw_chances(axes: Axes, land: Land, chance: np.ndarray) -> None:
    """Shade every district by its probability, and draw the outline and the frontier on top."""
    paths = [outline_of(cell) for cell in land.cells]
    cells = PathCollection(paths, cmap=CHANCE, norm=Normalize(0, 1), edgecolor="white", linewidth=0.35)
    cells.set_array(np.ma.masked_invalid(chance))
    axes.add_collection(cells)
    axes.add_collection(
        PathCollection([outline_of(land.countries[HOME])], facecolor="none", edgecolor=QUIET, linewidth=0.8)
    )
    for line in getattr(land.frontier, "geoms", [land.frontier]):
        axes.plot(*np.asarray(line.coords).T, color=INK, linewidth=2.0, solid_capstyle="round")


def draw_record(axes: Axes, land: Land, day: date) -> None:
    """Draw a dot in every district recorded as lost by the end of that day; undated ones are not marked."""
    lost = land.centroids[lost_in_record(day)]
    axes.plot(*lost.T, "o", color=REPORTED, markeredgecolor="white", markeredgewidth=0.6, markersize=4.6)


def draw_places(axes: Axes, land: Land) -> None:
    """Draw capitals as squares, posts as triangles."""
    capitals = land.centroids[land.facts.is_capital]
    axes.plot(*capitals.T, "s", markerfacecolor="white", markeredgecolor=INK, markeredgewidth=1.0, markersize=5)
    axes.plot(*land.posts.T, "^", color=INK, markeredgecolor="white", markeredgewidth=0.7, markersize=7)


def name_countries(axes: Axes, land: Land, bounds: tuple[float, float, float, float]) -> None:
    """Write the name of each neighbour with enough visible area."""
    view = shapely.box(*bounds).buffer(-MARGIN / 4)
    for name, shape in land.countries.items():
        seen = shape.intersection(view)
        if name != HOME and seen.area > min(ROOM_FOR_A_NAME, view.area / 12):
            place = shapely.maximum_inscribed_circle(largest(seen)).coords[0]
            axes.text(place[0], place[1], name, ha="center", va="center", fontsize=9, color=QUIET, style="italic")


def name_posts(axes: Axes, land: Land) -> None:
    """Write the names of posts, once per location, avoiding other names and posts."""
    names: dict[tuple[float, float], list[str]] = {}
    for place, post in zip(land.posts, land.facts.post, strict=True):
        names.setdefault((float(place[0]), float(place[1])), []).append(say_post(post))
    marks = {place: shapely.box(*np.subtract(place, MARK), *np.add(place, MARK)) for place in names}
    (west, east), (south, north) = axes.get_xlim(), axes.get_ylim()
    view = shapely.box(west, south, east, north)
    written = [view.buffer(east - west).difference(view)]  # keeps names inside the view
    for place, posts in names.items():
        text = ", ".join(posts)
        others = [mark for there, mark in marks.items() if there != place]
        away = free_side(axes, place, text, others, written)
        style: dict[str, Any] = {"fontsize": 8, "color": INK, "path_effects": HALO, "va": "center", "zorder": 9}
        axes.annotate(text, place, away, textcoords="offset points", ha="left" if away[0] > 0 else "right", **style)


def free_side(
    axes: Axes, place: tuple[float, float], text: str, marks: list[Any], written: list[Any]
) -> tuple[float, float]:
    """The candidate offset in points at which a name overlaps least with marks and names already written."""
    km = (axes.get_xlim()[1] - axes.get_xlim()[0]) / (WIDTH * 72)  # per point

    def box(away: tuple[float, float]) -> Any:
        x, y = place[0] + away[0] * km, place[1] + away[1] * km
        reach = NAME_WIDTH * len(text) * km * (1 if away[0] > 0 else -1)
        return shapely.box(min(x, x + reach), y - NAME_HEIGHT / 2 * km, max(x, x + reach), y + NAME_HEIGHT / 2 * km)

    sides = [(right * 7.0, up) for ups in ((6.0, 0.0, -7.0), (14.0, -15.0)) for right in (1, -1) for up in ups]
    best = min(sides, key=lambda away: sum(float(box(away).intersection(each).area) for each in marks + written))
    written.append(box(best))
    return best


def add_scale(figure: Figure, whole: Axes, frontier: Axes) -> None:
    """Draw the colour scale, and a scale bar of 100 km on each panel."""
    shades = next(each for each in whole.collections if each.get_array() is not None)
    bar = figure.colorbar(shades, ax=[whole, frontier], location="bottom", shrink=0.6, aspect=35, pad=0.01)
    bar.set_label("share of campaigns in which the Taliban hold the district (%)", fontsize=9)
    bar.ax.xaxis.set_major_formatter(lambda share, _: f"{share * 100:.0f}")
    for axes in (whole, frontier):
        west, north = axes.get_xlim()[0], axes.get_ylim()[1]
        inch = (axes.get_xlim()[1] - west) / WIDTH
        axes.plot([west + 15, west + 115], [north - inch / 3] * 2, color=INK, linewidth=2)
        axes.text(west + 65, north - inch / 3.6, "100 km", ha="center", va="bottom", fontsize=8)


def key_of(day: date) -> list[Artist]:
    """Legend entries for the marks."""
    return [
        key_mark(f"dated as lost by {format_day(min(day, THE_LINE))} (record)"),
        key_mark("provincial capital", "s", INK, hollow=True),
        key_mark("crossing point", "^", INK),
        key_line("border with Tajikistan", INK, 2),
    ]
