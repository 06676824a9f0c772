"""The figures of a study, drawn from its tables and the record alone: `python -m sim report results/<study>`.

Reads   the study's folder; data/evidence.csv, data/posts.csv, data/districts.csv, data/outline.geojson.
Writes  figures/*.png in the folder; for one cell of several, figures/cell_<number>/*.png.
"""

from collections.abc import Callable
from datetime import date
from functools import partial
from pathlib import Path

from matplotlib import rc_context

from sim.errors import PanjError
from sim.show.crossings import draw_crossings
from sim.show.districts import draw_districts_by_day, draw_falls_by_week
from sim.show.maps import draw_map_of
from sim.show.outcomes import draw_outcomes
from sim.show.people import draw_morale, draw_refugees
from sim.show.reading import Study, Sweep, has_several_cells, read_study, read_sweep
from sim.show.side_by_side import Deed, side_by_side
from sim.show.style import STYLE
from sim.show.sweeps import figures_of

FIGURES: dict[str, Callable[[Study, Path], Path]] = {
    "districts_by_day": draw_districts_by_day,
    "outcomes": draw_outcomes,
    "crossings": draw_crossings,
    "falls_by_week": draw_falls_by_week,
    "morale": draw_morale,
    "refugees": draw_refugees,
}


def draw_all(folder: Path, evening: date | None = None, cell: int | None = None) -> list[Path]:
    """Every figure of the study, written to `figures/`: over all cells, or of one cell with its map of `evening`."""
    return side_by_side(all_figures(folder, evening, cell))


def all_figures(folder: Path, evening: date | None = None, cell: int | None = None) -> list[Deed]:
    """What draws every figure of the study, one each."""
    if cell is None and has_several_cells(folder):
        if evening is not None:
            raise PanjError("report, evening: found several cells, expected one, such as cell=0 evening=2021-07-05")
        return sweep_figures(read_sweep(folder))
    return study_figures(read_study(folder, cell or 0), evening)


def study_figures(study: Study, evening: date | None = None) -> list[Deed]:
    """Every figure of one cell; the map is of `evening`."""
    first, *others = (partial(draw_figure, study, name) for name in FIGURES)
    return [first, partial(draw_map_in_style, study, evening), *others]


def sweep_figures(sweep: Sweep) -> list[Deed]:
    """Every figure over all cells."""
    return [partial(draw_sweep_figure, sweep, name) for name in figures_of(sweep)]


def draw_figure(study: Study, name: str) -> Path:
    """One figure of one cell."""
    with rc_context(STYLE):
        return FIGURES[name](study, picture(study, name))


def draw_map_in_style(study: Study, evening: date | None) -> Path:
    """The map of one cell."""
    with rc_context(STYLE):
        return draw_map_of(study, evening, picture(study, "map"))


def draw_sweep_figure(sweep: Sweep, name: str) -> Path:
    """One figure over all cells."""
    with rc_context(STYLE):
        return figures_of(sweep)[name].draw(sweep, picture(sweep, name))


def picture(shown: Study | Sweep, name: str) -> Path:
    """Where a figure is kept; the figures of one cell of several have a folder of their own."""
    folder = shown.folder / "figures"
    if isinstance(shown, Study) and len(shown.about["cells"]) > 1:
        folder /= f"cell_{shown.cell.number}"
    return folder / f"{name}.png"
