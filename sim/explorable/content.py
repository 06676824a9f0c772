"""Collect the content of a page other than campaigns: map, reported figures, sources and texts.

Reads   text/<language>.yaml, data/shapes.topojson, data/evidence.csv, about.json of the study.
"""

import re
from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

import numpy as np
import yaml

from sim.configuration.changes import about_of
from sim.data.evidence import Evidence, value_as_text
from sim.data.facts import Facts
from sim.data.record import (
    ABOUT_A_THIRD,
    Point,
    aan_shares,
    counts_by_post,
    evidence,
    lwj_shares,
    out_of,
    point,
    reported,
)
from sim.data.shapes import CREDIT, arcs_in_degrees, note_on_shapes, shapes_in_order
from sim.errors import unknown
from sim.explorable import TEXTS
from sim.explorable.campaigns import Gathered, split
from sim.plots.captions import format_setting
from sim.plots.land import country_bounds, read_land, sides_of, to_km
from sim.plots.page import PROVENANCE, as_text, is_shown, make_source
from sim.provenance import kind_of
from sim.story.telling import format_days
from sim.wording import Language, language_of, number

MARGIN = 35.0  # margin around the country, km
FIRST = "F035"  # reported figure of the first scene
CITIES = ("Kabul", "Kunduz", "Kandahar", "Hirat")  # capitals named on the map for orientation
# matches {F035} (its value), {F035.id} (its id) and {F035.day} (its last day)
CITED = re.compile(r"\{(F\d+)(?:\.(\w+))?\}")
SCENES = ("river", "draw", "run", "gather", "reports", "decision", "claim")


def read_texts(language: str = "en") -> dict[str, Any]:
    """Read the texts of the page, with reported figures in place of `{F035}`.

    Args:
        language: Name of the file, without its extension.

    Raises:
        PanjError: There are no texts in this language.
    """
    known = sorted(path.stem for path in TEXTS.glob("*.yaml"))
    if language not in known:
        raise unknown("lang", language, known)
    texts: dict[str, Any] = yaml.safe_load((TEXTS / f"{language}.yaml").read_text(encoding="utf-8"))
    usual = language_of(language)
    texts["says"] |= {"date": usual.sentences["date"], "months": usual.sentences["month"]}
    found: dict[str, Any] = filled(texts, usual)
    return found


def filled(node: Any, language: Language) -> Any:
    """Fill every reported figure into a tree of texts, with dates in a language."""
    if isinstance(node, Mapping):
        return {key: filled(value, language) for key, value in node.items()}
    if isinstance(node, list):
        return [filled(value, language) for value in node]
    return (
        CITED.sub(lambda found: format_figure(reported(found[1]), found[2] or "value", language), node)
        if isinstance(node, str)
        else node
    )


def format_figure(row: Evidence, what: str, language: Language) -> str:
    """Format the value, the id or the last day of a reported figure."""
    if what == "value":
        return number(row.value) if row.value is not None else value_as_text(row)
    return {"id": row.id, "day": language.day(row.date_end), "source": row.source}[what]


def ids_in(node: Any) -> list[str]:
    """Return the ids of the figures cited in a tree of texts, without duplicates."""
    return list(dict.fromkeys(re.findall(r"\bF\d{3}\b", yaml.safe_dump(node, allow_unicode=True))))


def about_page(gathered: Gathered, texts: Mapping[str, Any]) -> dict[str, Any]:
    """Return the JSON of a page: descriptions of campaigns, the map, reported figures and variable sentences.

    Args:
        gathered: Campaigns of the page.
        texts: Texts of the page, as returned by `read_texts`.
    """
    study, facts = gathered.study, gathered.facts
    cell = gathered.study.cells[0]
    return {
        "version": 1,
        "start": cell.start_date.isoformat(),
        "days": (cell.end_date - cell.start_date).days + 1,
        "districts": len(facts.district),
        "posts": len(facts.post),
        "seeds": list(gathered.seeds),
        "worlds": [
            {"key": one, "title": texts["worlds"][one], "manner": manner_of(gathered, one, texts)}
            for one in gathered.worlds
        ],
        "decisions": [describe(one, texts) for one in gathered.decisions],
        "fingerprints": {what: study.about[f"{what}_fingerprint"] for what in ("rules", "data", "settings")},
        "map": geometry(),
        "first": first_night(facts),
        "record": record(cell.start_date, len(facts.district)),
        "says": texts["says"],
    }


def describe(decision: str, texts: Mapping[str, Any]) -> dict[str, str]:
    """Return the key, the short title and the description of a decision; an empty one is `as reported`."""
    if not decision:
        return {"key": "", "title": texts["as_reported"], "about": ""}
    group, choice = split(decision)
    usual = f"{format_setting(group)}: {format_setting(choice)}"
    about = texts["abouts"].get(decision) or about_of(group, choice)
    return {"key": decision, "title": texts["decisions"].get(decision, usual), "about": about}


def manner_of(gathered: Gathered, worlds: str, texts: Mapping[str, Any]) -> str:
    """Return a short text on the source of random draws and parameters of campaigns, such as `free, calibrated`."""
    kind = kind_of(gathered.cell_of(worlds, "").calibration)
    return str(texts["says"]["manner"][worlds]).format(numbers=texts["says"]["numbers"].get(kind, kind))


def first_night(facts: Facts) -> dict[str, Any]:
    """Return the figure of the first scene: its id, the number of soldiers, and the row of the post."""
    row = reported(FIRST)
    post = next(one.post for one in counts_by_post() if one.night == row.date_end and one.soldiers == row.value)
    return {"id": row.id, "soldiers": int(row.value or 0), "post": facts.post.index(post)}


def geometry() -> dict[str, Any]:
    """Return the map in whole km from its north-western corner, with arcs as first points followed by steps."""
    land = read_land()
    west, south, east, north = country_bounds(land, MARGIN)
    rings = [[ring for part in shape["arcs"] for ring in part] for shape in shapes_in_order(land.facts.district_id)]
    arcs = [to_km(arc) for arc in arcs_in_degrees()]
    provinces = [{int(land.facts.province_of[row]) for row in side} for side in sides_of(rings, len(arcs))]
    used = {arc if arc >= 0 else ~arc for shape in rings for ring in shape for arc in ring}
    on_page = lambda places: np.rint((places - (west, north)) * (1, -1)).astype(int)  # noqa: E731
    cities = {
        name: row for row, name in enumerate(land.facts.district) if name in CITIES and land.facts.is_capital[row]
    }
    return {
        "size": [round(east - west), round(north - south)],
        "arcs": [steps(on_page(arc)) if place in used else [] for place, arc in enumerate(arcs)],
        "districts": rings,
        "provinces": [arc for arc in used if len(provinces[arc]) == 2],
        "river": [on_page(line).tolist() for line in land.frontier],
        "posts": on_page(land.posts).tolist(),
        "cities": [[name, *on_page(land.centres[row]).tolist()] for name, row in sorted(cities.items())],
    }


def steps(points: np.ndarray) -> list[int]:
    """Return a line as a flat list: the first point, then the steps between points, without repeated points."""
    moves = np.diff(points, axis=0, prepend=0)
    kept = np.asarray(moves.any(axis=1))
    kept[[0, -1]] = True
    found: list[int] = moves[kept].reshape(-1).tolist()
    return found


def record(start: date, districts: int) -> list[dict[str, Any]]:
    """Return the reported shares of districts as points of the chart.

    Each point has a day, the share as a number of districts of the model, the reported count, and an id.
    """
    kinds = [("centres", aan_shares()), ("control", lwj_shares()), ("about", [point(ABOUT_A_THIRD)])]
    return [
        {"kind": kind, "day": (one.day - start).days, "value": round(one.value * districts, 1), "id": one.id,
         "text": count_of(one)}
        for kind, points in kinds for one in points
    ]  # fmt: skip


def count_of(found: Point) -> str:
    """Format a reported share as counted, such as `33/421`, or in per cent if only the share was reported."""
    if found.id == ABOUT_A_THIRD:
        return f"{round(100 * found.value)}\u202f%"
    total = out_of(found.id)
    return f"{round(found.value * total)}/{total:.0f}"


def sources_of(ids: Iterable[str], language: Language) -> list[Any]:
    """Return evidence rows as sources of the page, in the order of the table, with days in a language."""
    wanted = set(ids)
    return [
        make_source(row)._replace(when=format_days(row, language, year=True))
        for id, row in evidence().items()
        if id in wanted
    ]


def provenance_of(gathered: Gathered) -> dict[str, str]:
    """Return the provenance of the page in English: seeds, numbers, command, versions and fingerprints."""
    about = gathered.study.about
    rows = {text: str(about[key]) for key, text in PROVENANCE.items() if is_shown(about, key) and key != "seconds"}
    libraries = ", ".join(f"{name} {found}" for name, found in as_text(about.get("versions", {})).items())
    worlds = {f"Campaigns: {one}": gathered.cell_of(one, "").calibration for one in gathered.worlds}
    worlds |= {"In hindsight": gathered.hindsight} if gathered.hindsight else {}
    seeds = f"{gathered.seeds[0]} to {gathered.seeds[-1]}, the same with every decision"
    shapes = f"{CREDIT}.{note_on_shapes(read_land().facts.district_id)}"
    return {**rows, **worlds, "Seeds": seeds, "Libraries": libraries, "Map": shapes.removesuffix(".")}
