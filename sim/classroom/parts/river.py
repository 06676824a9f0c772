"""A still picture of the river Panj, the border and the crossing points, drawn from the project's own data."""

from functools import cache
from html import escape

import numpy as np
import solara

from sim.classroom.parts import Note
from sim.classroom.player import meets, path_of, placed
from sim.classroom.texts import declared, texts_of
from sim.plots.colours import INK, QUIET
from sim.plots.land import Land, frontier_bounds, read_land
from sim.wording import name_of_post

MARK = 10  # half of the width of a post, in drawing units of 0.5 km
RIGHT, BELOW = (16, 9, "start"), (-14, 46, "start")  # position of a name: offsets in drawing units, and text anchor
NAMED = {"sher_khan_bandar": BELOW, "ruzvai": RIGHT, "ishkashim": RIGHT, "langar": RIGHT}


@solara.component
def RiverPicture() -> None:
    """Show the picture, with a description for screen readers and the credit of the shapes below."""
    solara.HTML("div", unsafe_innerHTML=river_in_svg(), classes=["river-picture"])
    Note(texts_of("home").say("credit"))


@cache
def river_in_svg() -> str:
    """Return the picture as SVG, in the units of `sim.classroom.player.shapes`."""
    land = read_land()
    view = west, _, _, north = frontier_bounds(land)
    corner = np.array([west, north])
    across, down = placed((view[2], view[1]), corner)
    near = [rings for rings in land.districts if meets(rings, view)]
    districts = "".join(path_of(rings, corner) for rings in near)
    names = "".join(
        f'<text class="land" x="{east}" y="{south}">{escape(declared("countries", name, name))}</text>'
        for name, (east, south) in ((name, placed(place, corner)) for name, place in land.names["frontier"].items())
    )
    return (
        f'<svg viewBox="0 0 {across} {down}" role="img" aria-label="{escape(described(land))}">'
        f'<path d="{path_of(land.abroad, corner)}" fill="none" stroke="#ffffff" stroke-width="3"/>'
        f'<path d="{districts}" fill="#e9dfc4" stroke="#ffffff" stroke-width="1.5"/>'
        f'<path d="{path_of(land.provinces, corner)}" fill="none" stroke="{QUIET}" stroke-width="2"/>'
        f'<path d="{path_of(land.frontier, corner)}" fill="none" stroke="{INK}" stroke-width="7"'
        f' stroke-linecap="round"/>{names}{own_names(land, corner, down)}{posts_in_svg(land, corner)}</svg>'
    )


def own_names(land: Land, corner: np.ndarray, down: int) -> str:
    """Return the names of the river (above its upper course) and of Afghanistan (at the lower edge)."""
    texts, posts = texts_of("home"), dict(zip(land.facts.post, land.posts, strict=True))
    (west, _), (east, top) = (placed(posts[slug], corner) for slug in ("ishkashim", "langar"))
    return (
        f'<text class="river" x="{(west + east) // 2 - 30}" y="{top - 60}">{escape(texts.say("river"))}</text>'
        f'<text class="land" x="{west * 2 // 3}" y="{down - 22}">{escape(texts.say("land"))}</text>'
    )


def posts_in_svg(land: Land, corner: np.ndarray) -> str:
    """Return the crossing points as triangles, with the names of some of them."""
    found = []
    for slug, place in zip(land.facts.post, land.posts, strict=True):
        east, south = placed(place, corner)
        found.append(
            f'<path d="M{east} {south - MARK}l{MARK} {2 * MARK}h{-2 * MARK}z" fill="#ffffff" stroke="{INK}"'
            ' stroke-width="3"/>'
        )
        if slug in NAMED:
            right, below, anchor = NAMED[slug]
            where = f'x="{east + right}" y="{south + below}" text-anchor="{anchor}"'
            found.append(f"<text {where}>{escape(name_of_post(slug))}</text>")
    return "".join(found)


def described(land: Land) -> str:
    """Return the description of the picture for readers who cannot see it."""
    order = np.argsort(land.posts[:, 0])
    first, last = (name_of_post(land.facts.post[row]) for row in (order[0], order[-1]))
    return texts_of("home").say("picture", len(order), first=first, last=last)
