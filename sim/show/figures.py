"""The figures of a study, drawn from its tables and the record alone: `python -m sim report results/<study>`.

Reads   the study's folder; data/evidence.csv, data/posts.csv, data/districts.csv, data/outline.geojson.
Writes  figures/*.png in the folder.
"""

from collections.abc import Callable
from datetime import date
from pathlib import Path

from matplotlib import rc_context

from sim.show.crossings import draw_crossings
from sim.show.districts import draw_districts_by_day, draw_falls_by_week
from sim.show.maps import draw_map_of
from sim.show.outcomes import draw_outcomes
from sim.show.people import draw_morale, draw_refugees
from sim.show.reading import Study, read_study
from sim.show.style import STYLE

FIGURES: dict[str, Callable[[Study, Path], Path]] = {
    "districts_by_day": draw_districts_by_day,
    "outcomes": draw_outcomes,
    "crossings": draw_crossings,
    "falls_by_week": draw_falls_by_week,
    "morale": draw_morale,
    "refugees": draw_refugees,
}


def draw_all(folder: Path, evening: date | None = None) -> list[Path]:
    """Every figure of the study, written to `figures/`; the map is of `evening`."""
    study = read_study(folder)
    with rc_context(STYLE):
        drawn = [draw(study, picture(folder, name)) for name, draw in FIGURES.items()]
        return [drawn[0], draw_map_of(study, evening, picture(folder, "map")), *drawn[1:]]


def picture(folder: Path, name: str) -> Path:
    """Where a figure is kept."""
    return folder / "figures" / f"{name}.png"
