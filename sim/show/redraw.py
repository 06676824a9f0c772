"""One figure drawn again from its recipe, which every PNG carries inside: file, cell, evening.

Reads   the tables of a folder in the format of a study, the same as the figure came from or another.
Writes  that one figure, under its own name in that folder.
"""

from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

from matplotlib import rc_context

from sim.errors import PanjError, unknown
from sim.show.animation import read_film, write_frames, write_gif
from sim.show.figures import FIGURES
from sim.show.maps import draw_map_of
from sim.show.reading import read_study, read_sweep
from sim.show.style import STYLE
from sim.show.sweeps import figures_of
from sim.show.verdicts import draw_forest, read_verdicts


def redraw(folder: Path, recipe: Mapping[str, Any]) -> Path:
    """The figure that the recipe names, from the tables of `folder` and into it."""
    file = file_of(recipe)
    if file.parent.name == "verdicts":
        return draw_forest(read_verdicts((folder / file).with_suffix(".csv")))
    if "every" in recipe:
        return redraw_film(folder, file, recipe)
    return redraw_sweep(folder, file) if recipe.get("cell") is None else redraw_study(folder, file, recipe)


def file_of(recipe: Mapping[str, Any]) -> Path:
    """The file that the recipe names: a name inside `figures/` or `verdicts/` and nowhere else."""
    file = Path(str(recipe.get("file", "")))
    if file.parts[:1] not in (("figures",), ("verdicts",)) or ".." in file.parts or not file.suffix:
        raise PanjError(f"recipe, file: found '{recipe.get('file')}', expected a file such as figures/map.png")
    return file


def redraw_study(folder: Path, file: Path, recipe: Mapping[str, Any]) -> Path:
    """A figure of one cell."""
    study = read_study(folder, int(recipe["cell"]))
    with rc_context(STYLE):
        if file.stem == "map" or file.stem.startswith("map_"):
            evening = recipe.get("evening")
            return draw_map_of(study, date.fromisoformat(evening) if evening else None, folder / file)
        if file.stem not in FIGURES:
            raise unknown("recipe, file", file.stem, [*FIGURES, "map"])
        return FIGURES[file.stem](study, folder / file)


def redraw_sweep(folder: Path, file: Path) -> Path:
    """A figure over all cells."""
    sweep = read_sweep(folder)
    figures = figures_of(sweep)
    if file.stem not in figures:
        raise unknown("recipe, file", file.stem, figures)
    with rc_context(STYLE):
        return figures[file.stem].draw(sweep, folder / file)


def redraw_film(folder: Path, file: Path, recipe: Mapping[str, Any]) -> Path:
    """The map by evening, or one frame of it."""
    first, last = (date.fromisoformat(recipe[key]) for key in ("from", "to"))
    film = read_film(folder, recipe["cell"], first, last, recipe["every"])
    if file.suffix == ".gif":
        return write_gif(film)
    write_frames(film)
    return folder / file
