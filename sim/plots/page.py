"""Write pages of results: self-contained HTML files with embedded pictures, sources and provenance.

Reads   templates/, data/evidence.csv, the pictures and file names in the folder of a study.
Writes  one HTML file, atomically.
"""

import base64
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from sim.configuration.changes import title_of_scenario
from sim.data.evidence import Evidence, value_as_text
from sim.data.record import evidence
from sim.plots.captions import cite, describe_campaigns, format_setting
from sim.plots.tables import Row
from sim.study.files import write_file
from sim.study.reader import FILES, Study, notes_on_definitions
from sim.wording import counted, format_day

PROVENANCE = {  # label on the page of each key of about.json
    "study": "Study",
    "start_date": "First day",
    "end_date": "Last day",
    "campaigns": "Campaigns",
    "runs": "Campaigns per cell",
    "failed": "Failed",
    "first_seed": "First seed",
    "calibration": "Calibration",
    "command": "Command",
    "seconds": "Seconds taken",
    "commit": "Version of the code",
    "data_fingerprint": "Fingerprint of the data",
    "rules_fingerprint": "Fingerprint of the rules",
    "settings_fingerprint": "Fingerprint of the settings",
}
MOST_ROWS = 200  # largest number of rows of a table on the page; the file contains all rows
FILM = "districts*.gif"  # file names of animated maps


class Picture(NamedTuple):
    """A picture that is embedded in a page."""

    heading: str
    explained: str  # how to read the picture; also its alternative text
    kind: str  # image format: png or gif
    data: str  # base64


class TableBlock(NamedTuple):
    """A table of results on a page, which may be only the first rows of a file."""

    name: str  # file name; empty if the table is not stored in a file
    columns: list[str]
    rows: list[list[str]]
    more: int  # number of rows that are only in the file


class PageFigure(NamedTuple):
    """A figure of a page: its heading, an explanation, and the function that draws it to a path."""

    heading: str
    explained: str
    draw: Callable[[Any, Path], Path]


class VerdictBlock(NamedTuple):
    """A comparison of cells on a page: heading, sentences and picture."""

    heading: str
    sentences: list[str]
    picture: Path

    @property
    def data(self) -> str:
        """The picture as base64 text."""
        return encode(self.picture)


class Source(NamedTuple):
    """A row of evidence.csv, formatted for the list of sources on a page."""

    id: str
    said: str  # what was reported
    when: str  # day or days of the report
    source: str
    link: str  # address of the source; empty if it has none


def write_page(path: Path, template: str, shown: Study, ids: Iterable[str], content: Mapping[str, Any]) -> Path:
    """Write a page of results.

    Args:
        path: Path of the HTML file, which is replaced atomically.
        template: File name of the template, in templates/.
        shown: The study, restricted to one cell or with all of its cells.
        ids: Ids of the evidence shown in the figures; ids cited in the summary are added.
        content: Other variables of the template.

    Returns:
        The path of the file that was written.
    """
    about = shown.about if shown.focus is None else {**shown.about, "calibration": shown.cell.calibration}
    page = template_of(template).render(
        about=about,
        campaigns=describe_campaigns(shown),
        warnings=notes_on_definitions(shown),
        provenance={words: about[key] for key, words in PROVENANCE.items() if is_shown(about, key)},
        versions=as_text(about.get("versions", {})),
        settings=shown.settings,
        files=[name for name in (*FILES, "failures.parquet") if (shown.folder / name).is_file()],
        sources=[make_source(evidence()[id]) for id in cited(shown.summary, ids)],
        **content,
    )
    return write_file(path, page)


def template_of(name: str) -> Any:
    """Load a template in which missing variables raise an error and all values are escaped.

    Args:
        name: File name of the template, in templates/.

    Returns:
        The Jinja template.
    """
    places = FileSystemLoader(Path(__file__).parent / "templates")
    settings: dict[str, Any] = {"autoescape": True, "trim_blocks": True, "lstrip_blocks": True}
    environment = Environment(loader=places, undefined=StrictUndefined, **settings)
    environment.globals |= {"title_of_scenario": title_of_scenario, "counted": counted}
    return environment.get_template(name)


def block(name: str, rows: Sequence[Row]) -> TableBlock:
    """Return a table for a page, with all columns of its file and at most MOST_ROWS rows.

    Args:
        name: File name of the table.
        rows: All rows of the file.

    Returns:
        The table for the page.
    """
    columns = list(rows[0]) if rows else []
    return TableBlock(name, [column.replace("_", " ") for column in columns],
                      [[row[column] for column in columns] for row in rows[:MOST_ROWS]],
                      max(0, len(rows) - MOST_ROWS))  # fmt: skip


def is_shown(about: Mapping[str, Any], key: str) -> bool:
    """Return whether the provenance on a page includes a key of about.json.

    The number of campaigns per cell (`runs`) is included if there are several cells, or if about.json has no total. The
    number of failures is included if it is not zero. Any other key is included if it has a value.
    """
    if key == "runs":
        return len(about["cells"]) > 1 or "campaigns" not in about
    return about.get(key) not in (None, "") and not (key == "failed" and about[key] == 0)


def read_picture(path: Path, heading: str, explained: str) -> Picture:
    """Read a figure for embedding in a page.

    Args:
        path: Path of the PNG or GIF.
        heading: Heading above the picture.
        explained: Explanation of how to read the picture; also its alternative text.

    Returns:
        The picture, with its content as base64.
    """
    return Picture(heading, explained, path.suffix[1:], encode(path))


def read_film(folder: Path) -> list[Picture]:
    """Read the animated maps in a folder for embedding in a page.

    Args:
        folder: Folder of the figures.

    Returns:
        The animations, sorted by file name. The list is empty if there are none.
    """
    explained = (
        "The darker a district, the more campaigns have it in Taliban hands that evening, as on the map of one evening."
        " A dot marks a district with a reported date of loss; the record ends on 7 July."
    )
    return [read_picture(path, "Animated map of the districts held", explained) for path in sorted(folder.glob(FILM))]


def encode(path: Path) -> str:
    """Return the content of a file as base64 text."""
    return base64.b64encode(path.read_bytes()).decode("ascii")


def as_text(pairs: Mapping[str, Any]) -> dict[str, str]:
    """Convert the keys and values of a mapping to text, with spaces instead of underscores in keys.

    Args:
        pairs: The mapping, such as versions, keyed by library.

    Returns:
        A mapping from text to text.
    """
    return {str(key).replace("_", " "): str(value) for key, value in pairs.items()}


def format_choices(choices: Mapping[str, Any]) -> dict[str, str]:
    """Format choices of settings, with spaces instead of underscores.

    Args:
        choices: The choice in each group of settings, keyed by group.

    Returns:
        The same mapping with formatted names and choices.
    """
    return {key.replace("_", " "): format_setting(choice) for key, choice in choices.items()}


def cited(summary: pd.DataFrame, ids: Iterable[str]) -> list[str]:
    """Return the evidence ids that are in `ids` or cited in the summary, in the order of evidence.csv."""
    shown = {*ids, *cite(*summary["evidence"].dropna().astype(str).unique())}
    return [id for id in evidence() if id in shown]


def make_source(row: Evidence) -> Source:
    """Format a row of evidence.csv for the list of sources on a page.

    Args:
        row: The row to format.

    Returns:
        The row as text; the link is empty if the source has no web address.
    """
    dates = dict.fromkeys(format_day(day, year=True) for day in (row.date_start, row.date_end))
    said = f"{row.quote or row.quantity.replace('_', ' ')}: {value_as_text(row)} {row.unit}, {row.scope}"
    link = row.source_url if row.source_url.startswith("http") else ""
    return Source(row.id, said, " to ".join(dates), row.source, link)
