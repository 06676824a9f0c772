"""Draw a map of the probability that the Taliban hold each district on one evening, with reported losses as dots.

Reads   districts.parquet; the geometry of `sim.plots.land`.
"""

from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection, PathCollection
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.path import Path as Outline

from sim.data.facts import THE_LINE, capitals_by_size
from sim.data.record import lost_in_record
from sim.data.shapes import note_on_shapes
from sim.errors import PanjError
from sim.plots.charts import add_key, key_line, key_mark, new_figure, save_study_chart
from sim.plots.colours import INK, QUIET, REPORTED
from sim.plots.land import CREDIT, Bounds, Land, Lines, country_bounds, frontier_bounds, read_land
from sim.plots.style import CHANCE, HALO, WIDTH, in_style
from sim.study.reader import Study
from sim.wording import format_day, name_of_post

EVENING = date(2021, 7, 5)  # the day after the largest night
NEIGHBOURS = "#ededed"
ROOM_FOR_WORDS = 2.05  # height of the legend, colour scale and caption, inches
MARK = 4.0  # smallest distance between a name and a mark, points
PLACE_WEIGHT = 4.0  # penalty for covering another mark or name, relative to covering a dot of the record
LETTER = 0.62  # width of a character as a share of the font size
LINE = 1.1  # height of a line of text, relative to the font size
# offsets of names, points
SIDES = [(right * 6.0, up) for ups in ((5.0, 0.0, -6.0), (12.0, -13.0)) for right in (1, -1) for up in ups]
CROWDED = 4.0  # smallest weighted overlap, in square points, at which a capital gets no name
RECORD: dict[str, Any] = {
    "color": REPORTED,
    "markeredgecolor": "white",
    "markeredgewidth": 0.6,
}  # style of the dot that marks a district reported lost
SOURCES = (
    f"{CREDIT}; dates of loss and posts as named row by row in districts.csv and posts.csv. Boundaries imply no"
    " opinion. A district without a dot has no reported date of loss; it may still have been lost."
)


@in_style
def draw_map_of(study: Study, evening: date | None, path: Path) -> Path:
    """Draw the map of one day in two parts: the country above, and the frontier with the names of the posts below.

    Args:
        study: A study limited to one cell.
        evening: The day of the map; by default 5 July, or the nearest day that the study has.
        path: Path of the PNG.

    Returns:
        The path of the file that was written.

    Raises:
        PanjError: The study does not have this day.
    """
    day = evening or default_evening(study)
    figure = new_map(shares_of_runs(study, day), day)
    title = f"Simulated probability that the Taliban hold a district\nEvening of {format_day(day, year=True)}"
    if day > THE_LINE:
        title += " (beyond the record)"
    sources = SOURCES + note_on_shapes(read_land().facts.district_id)
    return save_study_chart(figure, study, title, sources, path, {"evening": day.isoformat()})


def new_map(chance: np.ndarray, day: date) -> Figure:
    """Draw maps of the country and of the frontier that show the probability of Taliban control by district.

    Args:
        chance: Share of campaigns in which the Taliban hold each district, in file order; NaN without data.
        day: Day of the map; districts reported lost by its end get a dot.

    Returns:
        The figure, with its legend.
    """
    land = read_land()
    views = {"country": country_bounds(land), "frontier": frontier_bounds(land)}
    heights = [(north - south) / (east - west) for west, south, east, north in views.values()]
    figure = new_figure(WIDTH * sum(heights) + ROOM_FOR_WORDS)
    whole, frontier = figure.subplots(2, 1, height_ratios=heights)
    for axes, (view, bounds) in zip((whole, frontier), views.items(), strict=True):
        set_view(axes, land, view, bounds)
        districts = shapes_of(land, cmap=CHANCE, norm=Normalize(0, 1), array=np.ma.masked_invalid(chance))
        for each in (districts, *lines_of(land)):
            axes.add_collection(each, autolim=False)
        draw_record(axes, land, day)
        draw_places(axes, land)
    name_places(whole, land, WIDTH, day)
    name_places(frontier, land, WIDTH, day, posts=True)
    add_scale(figure, whole, frontier)
    add_key(figure, key_of(day), 2)
    return figure


def default_evening(study: Study) -> date:
    """Return 5 July, or the nearest day that the study has."""
    return min(max(EVENING, study.evenings[0]), study.evenings[-1])


def shares_of_runs(study: Study, day: date) -> np.ndarray:
    """Return the share of campaigns in which the Taliban hold each district, in file order.

    It is NaN for a district without data. Raise PanjError if the study does not have the day.
    """
    rows = study.districts[study.districts["date"].dt.date == day].set_index("district_id")["share_of_runs_taliban"]
    if rows.empty:
        days = study.districts["date"].dt.date
        raise PanjError(f"map, evening: found {day}, expected a day from {days.min()} to {days.max()}")
    return rows.reindex(list(read_land().facts.district_id)).to_numpy(float)


def path_of(rings: Lines) -> Outline:
    """Return closed rings as one matplotlib path, which may have holes."""
    codes = [np.full(len(ring), Outline.LINETO, Outline.code_type) for ring in rings]
    for code in codes:
        code[0], code[-1] = Outline.MOVETO, Outline.CLOSEPOLY
    return Outline(np.concatenate(rings), np.concatenate(codes))


def set_view(axes: Axes, land: Land, view: str, bounds: Bounds, size: float = 9.0) -> None:
    """Set up axes as a map, with the neighbouring countries and their names in grey.

    Args:
        axes: Empty axes.
        land: Geometry of the country, as returned by `read_land`.
        view: `country` or `frontier`, which determines the positions of the neighbours' names.
        bounds: West, south, east and north, in km.
        size: Font size of the neighbours' names, in points.
    """
    axes.add_collection(LineCollection(land.abroad, colors="white", linewidths=1.0))
    for name, place in land.names[view].items():
        style: dict[str, Any] = {"fontsize": size, "color": QUIET, "style": "italic", "in_layout": False}
        axes.text(float(place[0]), float(place[1]), name, ha="center", va="center", **style)
    axes.set_xlim(bounds[0], bounds[2])
    axes.set_ylim(bounds[1], bounds[3])
    axes.set_aspect("equal")
    axes.set_facecolor(NEIGHBOURS)
    axes.grid(visible=False)
    axes.set_xticks([])
    axes.set_yticks([])
    axes.spines[:].set_visible(False)


def shapes_of(land: Land, **style: Any) -> PathCollection:
    """Create one collection with the shapes of all districts, without borders.

    Args:
        land: Geometry of the country, as returned by `read_land`.
        style: Further options of `PathCollection`, such as colours.

    Returns:
        The collection, in the order of the districts.
    """
    return PathCollection([path_of(rings) for rings in land.districts], linewidth=0, **style)


def lines_of(land: Land, **style: Any) -> list[LineCollection]:
    """Create the lines of a map: borders of districts and provinces, the outline of the country, and the frontier.

    Args:
        land: Geometry of the country, as returned by `read_land`.
        style: Further options of `LineCollection`, such as `animated`.

    Returns:
        One collection per kind of line, in the order in which they should be drawn.
    """
    looks = (
        (land.borders, "white", 0.4),
        (land.provinces, QUIET, 0.5),
        (land.outline, QUIET, 0.9),
        (land.frontier, INK, 2.0),
    )
    return [
        LineCollection(lines, colors=colour, linewidths=wide, capstyle="round", **style)
        for lines, colour, wide in looks
    ]


def draw_record(axes: Axes, land: Land, day: date) -> None:
    """Draw a dot in every district that was reported lost by the end of a day; losses without a date get no dot."""
    axes.plot(*land.centres[lost_in_record(day)].T, "o", markersize=4.6, **RECORD)


def draw_places(axes: Axes, land: Land) -> None:
    """Draw provincial capitals as squares and posts as triangles."""
    capitals = land.centres[land.facts.is_capital]
    axes.plot(*capitals.T, "s", markerfacecolor="white", markeredgecolor=INK, markeredgewidth=0.9, markersize=4)
    axes.plot(*land.posts.T, "^", color=INK, markeredgecolor="white", markeredgewidth=0.7, markersize=7)


def name_places(
    axes: Axes, land: Land, width: float, day: date, posts: bool = False, size: float = 7.0
) -> list[Artist]:
    """Write the names of posts and capitals where they overlap the least with marks and other names.

    Posts are named first, then capitals in descending order of population. A capital is not named if its name would
    cover too much.

    Args:
        axes: The map, with its view set.
        land: Geometry of the country, as returned by `read_land`.
        width: Width of the map, in inches.
        day: The day of the map; names avoid the dots of districts lost by then.
        posts: Whether to name posts; if so, every post is named, and posts at the same place share one text.
        size: Font size of capitals, in points; posts are one point larger.

    Returns:
        The texts that were added to the map.
    """
    facts = land.facts
    (west, east), (south, north) = axes.get_xlim(), axes.get_ylim()
    km = (east - west) / (width * 72)  # km per point
    names: dict[tuple[float, float], list[str]] = {}
    for place, post in zip(land.posts.tolist() if posts else [], facts.post if posts else [], strict=True):
        names.setdefault(tuple(place), []).append(name_of_post(post))
    must = len(names)
    for row in capitals_by_size(facts):
        if west < land.centres[row][0] < east and south < land.centres[row][1] < north:
            names.setdefault(tuple(land.centres[row].tolist()), []).append(facts.district[row])
    places = np.array([*names]) / km
    marks = np.concatenate([places, land.centres[lost_in_record(day)] / km])
    taken = np.concatenate([marks - MARK, marks + MARK], axis=1)
    weight = np.where(np.arange(len(marks)) < len(places), PLACE_WEIGHT, 1.0)
    view = np.array([[west, south, east, north]]) / km
    written: list[Artist] = []
    for number, (place, found) in enumerate(zip(places, names.values(), strict=True)):
        text, large = ", ".join(found), size + (number < must)
        boxes = np.array([box_of(place, side, text, large) for side in SIDES])
        weight[number] = 0.0  # a name may cover its own mark
        covered = shared(boxes, taken) @ weight + (shared(boxes, boxes).diagonal() - shared(boxes, view)[:, 0])
        weight[number] = PLACE_WEIGHT
        best = int(np.argmin(covered))
        if number < must or covered[best] < CROWDED:
            taken, weight = np.concatenate([taken, boxes[best : best + 1]]), np.append(weight, PLACE_WEIGHT)
            x, y = (place + SIDES[best]) * km
            style: dict[str, Any] = {"color": INK, "path_effects": HALO, "va": "center", "zorder": 9, "fontsize": large}
            style |= {"ha": "left" if SIDES[best][0] > 0 else "right", "in_layout": False}
            written.append(axes.text(x, y, text, **style))
    return written


def box_of(place: np.ndarray, side: tuple[float, float], text: str, size: float) -> list[float]:
    """Estimate the bounding box, in points, of a name written at an offset (`side`) from its mark."""
    x, y = place + side
    reach = LETTER * size * len(text) * (1 if side[0] > 0 else -1)
    return [min(x, x + reach), y - LINE * size / 2, max(x, x + reach), y + LINE * size / 2]


def shared(boxes: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Return the areas of overlap between two lists of boxes (boxes x others)."""
    low = np.maximum(boxes[:, np.newaxis, :2], others[:, :2])
    high = np.minimum(boxes[:, np.newaxis, 2:], others[:, 2:])
    return np.asarray((high - low).clip(min=0).prod(axis=2))


def add_scale(figure: Figure, whole: Axes, frontier: Axes) -> None:
    """Add the colour scale below both maps, and a scale bar of 100 km to each."""
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
    """Create the legend entries of the map of a given day."""
    return [
        key_mark(f"dated as lost by {format_day(min(day, THE_LINE))} (record)"),
        key_mark("provincial capital", "s", INK, hollow=True),
        key_mark("crossing point", "^", INK),
        key_line("the Panj, border with Tajikistan", INK, 2),
    ]
