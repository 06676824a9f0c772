"""The figures of a study, drawn from its tables and the record alone: `python -m sim report results/<study>`.

Reads   the study's folder; data/evidence.csv, data/posts.csv, data/districts.csv, data/outline.geojson.
Writes  figures/*.png in the folder, and report.html (sim/show/report.py).
"""

from collections.abc import Callable
from datetime import date
from pathlib import Path

from matplotlib import rc_context

from sim.errors import PanjError
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
USAGE = "python -m sim report results/<study> [evening=2021-07-05]"


def draw_all(folder: Path, evening: date | None = None) -> list[Path]:
    """Every figure of the study, written to `figures/`; the map is of `evening`."""
    study = read_study(folder)
    with rc_context(STYLE):
        drawn = [draw(study, picture(folder, name)) for name, draw in FIGURES.items()]
        return [drawn[0], draw_map_of(study, evening, picture(folder, "map")), *drawn[1:]]


def picture(folder: Path, name: str) -> Path:
    """Where a figure is kept."""
    return folder / "figures" / f"{name}.png"


def main(arguments: list[str]) -> int:
    """`panj report results/<study> [evening=...]`: draw the figures and write the report again."""
    from sim.show.report import write_report  # noqa: PLC0415  the report draws missing figures itself

    folder, evening = read_arguments(arguments)
    figures = draw_all(folder, evening)
    report = write_report(folder)
    print(f"{len(figures)} figures in {folder / 'figures'}, report in {report}")
    return 0


def read_arguments(arguments: list[str]) -> tuple[Path, date | None]:
    """One folder, and perhaps the evening of the map."""
    folders = [text for text in arguments if "=" not in text]
    options = [text for text in arguments if "=" in text]
    if len(folders) != 1 or len(options) > 1:
        raise PanjError(f"report: found '{' '.join(arguments)}', expected {USAGE}")
    return Path(folders[0]), read_evening(options[0]) if options else None


def read_evening(option: str) -> date:
    """The day in `evening=2021-07-05`."""
    key, _, day = option.partition("=")
    try:
        if key == "evening":
            return date.fromisoformat(day)
    except ValueError:
        pass
    raise PanjError(f"report: found '{option}', expected evening= and a date such as evening=2021-07-05")
