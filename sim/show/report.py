"""A study as one HTML page that needs nothing else: figures inside, a table, the record it is set beside, the terms.

Reads   the study's folder and its figures (drawn first where they are missing); data/evidence.csv.
Writes  report.html, over all cells; report_cell_<number>.html for one of several. The page loads nothing; links lead to
        the sources and to the tables beside it.
"""

from collections.abc import Sequence
from datetime import date
from functools import partial
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from sim.errors import PanjError, unknown
from sim.show import record
from sim.show.animation import draw_animation
from sim.show.figures import all_figures, picture, study_figures
from sim.show.outcomes import number_of, say, say_inside, words
from sim.show.page import VerdictBlock, read_film, read_picture, say_choices, write_page
from sim.show.reading import Study, Sweep, has_several_cells, read_study, read_sweep
from sim.show.side_by_side import Deed, side_by_side
from sim.show.sweep_page import write_sweep_report
from sim.show.sweeps import outcomes_of
from sim.show.verdicts import MOST_SENTENCES, Verdicts, draw_forest, read_verdicts, written

CAPTIONS = {  # figure: (heading, how to read it, which also stands in for the picture)
    "districts_by_day": (
        "Districts held, by evening",
        "The line is the middle campaign; half of all campaigns lie in the dark band and nine in ten in the light one."
        " Marks are what was counted at the time.",
    ),
    "map": (
        "Where",
        "The darker a district, the more campaigns have it in Taliban hands that evening. A dot is a district dated as"
        " lost by then in the record; many losses were never dated.",
    ),
    "outcomes": (
        "Outcomes",
        "Bars count campaigns. Dashed lines are what was reported, shaded bands its range.",
    ),
    "crossings": (
        "Soldiers crossing the Panj",
        "Bars are medians, whiskers the spread, diamonds what was counted that night or at that post.",
    ),
    "falls_by_week": ("How districts fell", "Median falls of each kind, week by week, and the range of their total."),
    "morale": ("Morale and dread", "Both run from 0 to 1 and are means over the country. Thin lines are dated events."),
    "refugees": (
        "Refugees and queues",
        "People on the road, people at the river, and the posts they wait at. The arrow says at least so many.",
    ),
}
CITED = (
    *(record.AAN_START, record.AAN_NEWLY_HELD, record.AAN_LOST_BACK, record.ABOUT_A_THIRD, *record.LWJ_COUNTS),
    *(*record.NIGHTS, record.ALL_NIGHTS, record.CIVILIANS_ADMITTED, *record.EVENTS),
)
USAGE = "python -m sim report results/<study> [cell=0] [evening=2021-07-05]"


class Line(NamedTuple):
    """A row of the summary table, in words."""

    label: str
    counted: str
    unit: str
    reported: str
    median: str
    spread: str
    inside: str  # whether what was reported lies within the spread


class Wanted(NamedTuple):
    """What the command line asks for."""

    folder: Path
    evening: date | None  # of the map
    cell: int | None  # none: the page over all cells


def write_report(folder: Path, cell: int | None = None, verdicts: Sequence[VerdictBlock] = ()) -> Path:
    """The page of a study, written to its folder: over all cells, or of one."""
    if cell is None and has_several_cells(folder):
        return write_sweep_report(folder, verdicts)
    return write_study_report(read_study(folder, cell or 0), verdicts)


def write_study_report(study: Study, verdicts: Sequence[VerdictBlock] = ()) -> Path:
    """The page of one cell."""
    if not all(picture(study, name).is_file() for name in CAPTIONS):
        side_by_side(study_figures(study))
    lines = [make_line(row) for _, row in study.summary.iterrows()]
    several = len(study.about["cells"]) > 1
    content = {
        "heading": f"{study.about['study']}, cell {study.cell.number}" if several else study.about["study"],
        "scenario": str(study.cell.values.get("scenario", study.about["scenario"])),
        "number": study.cell.number,
        "swept": study.cell.label if several else "",
        "choices": say_choices({**study.about["choices"], **study.cell.values}),
        "lines": [line for line in lines if line.reported],
        "other_lines": [line for line in lines if not line.reported],
        "verdicts": verdicts,
        "figures": [
            *(read_picture(picture(study, name), *caption) for name, caption in CAPTIONS.items()),
            *read_film(picture(study, "map").parent),
        ],
    }
    name = f"report_cell_{study.cell.number}.html" if several else "report.html"
    return write_page(study.folder / name, "report.html", study, CITED, content)


def make_line(row: pd.Series) -> Line:
    """One outcome in words."""
    spread = "" if pd.isna(row["low_5"]) else f"{say(row['low_5'])} to {say(row['high_95'])}"
    without = number_of(row.get("missing")) or 0
    return Line(
        label=words(row, "label", str(row["outcome"]).replace("_", " ")),
        counted=words(row, "counted"),
        unit=words(row, "unit"),
        reported=words(row, "reported"),
        median=say(row["median"]),
        spread=f"{spread} (not in {without:.0f} campaigns)".strip() if without else spread,
        inside=say_inside(row),
    )


def draw_everything(folder: Path, evening: date | None = None, cell: int | None = None) -> list[Path]:
    """Every figure, the map by evening, and the page that holds them; their paths, the page last."""
    figures = all_figures(folder, evening, cell)
    film = film_of(folder) if cell is None else []
    drawn = side_by_side([*film, *figures])  # the film first, which takes as long as all others
    return [*drawn, write_report(folder, cell, verdicts_of(folder) if cell is None else ())]


def film_of(folder: Path) -> list[Deed]:
    """What draws the map by evening, the old ones gone: of the study, or of the base cell beside the cell that differs
    most; not of one campaign.
    """
    sweep = read_sweep(folder)
    if max(cell.finished for cell in sweep.cells) < 2:
        return []
    for old in (folder / "figures").glob("districts*.gif"):
        old.unlink()
    return [partial(draw_animation, folder, filmed_cells(sweep))]


def filmed_cells(sweep: Sweep) -> tuple[int, ...]:
    """The base cell (or the first), and of the others the one whose middle campaign is farthest from it."""
    middle = sweep.runs.groupby("cell")[outcomes_of(sweep)[0]].median()
    base = sweep.base_cell.number if sweep.base_cell is not None else int(middle.index[0])
    away = (middle.drop(base) - middle[base]).abs()
    return (base,) if away.empty else (base, int(away.idxmax()))


def verdicts_of(folder: Path) -> list[VerdictBlock]:
    """What was compared in the study against its own base, in words and pictures."""
    tables = written(folder)
    verdicts = [read_verdicts(table) for table in tables]
    pictures = side_by_side([partial(draw_forest, each) for each in verdicts])
    return [block_of(*each) for each in zip(tables, verdicts, pictures, strict=True)]


def block_of(table: Path, verdicts: Verdicts, picture: Path) -> VerdictBlock:
    """One outcome; beyond a few sentences the table has the others."""
    sentences = [row.sentence for row in verdicts.rows][:MOST_SENTENCES]
    more = len(verdicts.rows) - len(sentences)
    rest = [f"{more} more stand in {table.parent.name}/{table.name}."] if more else []
    return VerdictBlock(verdicts.about["label"], [*sentences, *rest], picture)


def main(arguments: list[str]) -> int:
    """`panj report results/<study> [cell=...] [evening=...]`: draw the figures and write the report again."""
    wanted = read_arguments(arguments)
    *figures, report = draw_everything(*wanted)
    print(f"{len(figures)} figures in {figures[0].parent}, report in {report}")
    return 0


def read_arguments(arguments: list[str]) -> Wanted:
    """One folder, and perhaps a cell and the evening of its map."""
    folders = [text for text in arguments if "=" not in text]
    options = dict(text.split("=", 1) for text in arguments if "=" in text)
    if len(folders) != 1 or len(folders) + len(options) != len(arguments):
        raise PanjError(f"report: found '{' '.join(arguments)}', expected {USAGE}")
    for key in options:
        if key not in ("cell", "evening"):
            raise unknown("report", key, ["cell", "evening"])
    return Wanted(Path(folders[0]), read_evening(options.get("evening")), read_cell(options.get("cell")))


def read_evening(text: str | None) -> date | None:
    """The day in `evening=2021-07-05`."""
    try:
        return None if text is None else date.fromisoformat(text)
    except ValueError:
        raise PanjError(f"report, evening: found '{text}', expected a date such as 2021-07-05") from None


def read_cell(text: str | None) -> int | None:
    """The number in `cell=3`."""
    if text is None or text.isdigit():
        return None if text is None else int(text)
    raise PanjError(f"report, cell: found '{text}', expected a number such as 0")
