"""What every page of results shares: a frame that loads nothing, pictures inside it, its sources and how it was made.

Reads   templates/, data/evidence.csv, the pictures and file names in the folder of a study.
Writes  one HTML file, whole or not at all.
"""

import base64
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from sim.data.evidence import Evidence, say_value
from sim.data.record import evidence
from sim.plots.captions import cite, describe_campaigns, format_day, format_setting
from sim.study.files import write_file
from sim.study.reader import FILES, Study

PROVENANCE = {  # key of about.json: words
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
FILM = "districts*.gif"  # the ensemble map by evening, where it was made


class Picture(NamedTuple):
    """A picture on the page."""

    heading: str
    explained: str
    kind: str  # png or gif
    data: str  # base64


class PageFigure(NamedTuple):
    """A figure of a page: its heading, how to read it, and what draws it to a path."""

    heading: str
    explained: str
    draw: Callable[[Any, Path], Path]


class VerdictBlock(NamedTuple):
    """A comparison in words, and its picture."""

    heading: str
    sentences: list[str]
    picture: Path

    @property
    def data(self) -> str:
        """The picture, ready to be put inside the page."""
        return encode(self.picture)


class Source(NamedTuple):
    """A reported figure that the page shows."""

    id: str
    said: str
    when: str
    source: str
    link: str


def write_page(path: Path, template: str, shown: Study, ids: Iterable[str], content: Mapping[str, Any]) -> Path:
    """Write a page of results.

    Args:
        path: Of the HTML file, which is replaced in one step.
        template: Its name in templates/.
        shown: The study, or one of its cells.
        ids: Of the evidence that its figures show; what the summary cites is added.
        content: What else the template asks for.

    Returns:
        The path.
    """
    about = shown.about if shown.focus is None else {**shown.about, "calibration": shown.cell.calibration}
    page = template_of(template).render(
        about=about,
        campaigns=describe_campaigns(shown),
        provenance={words: about[key] for key, words in PROVENANCE.items() if is_told(about, key)},
        versions=as_text(about.get("versions", {})),
        settings=shown.settings,
        files=[name for name in (*FILES, "failures.parquet") if (shown.folder / name).is_file()],
        sources=[make_source(evidence()[id]) for id in cited(shown.summary, ids)],
        **content,
    )
    return write_file(path, page)


def template_of(name: str) -> Any:
    """The page with its gaps; a gap without a value is an error, and every value is escaped."""
    places = FileSystemLoader(Path(__file__).parent / "templates")
    settings: dict[str, Any] = {"autoescape": True, "trim_blocks": True, "lstrip_blocks": True}
    return Environment(loader=places, undefined=StrictUndefined, **settings).get_template(name)


def is_told(about: Mapping[str, Any], key: str) -> bool:
    """Whether a line of the provenance has something to say; a plain run has no campaigns a cell."""
    if key == "runs":
        return len(about["cells"]) > 1 or "campaigns" not in about
    return about.get(key) not in (None, "") and not (key == "failed" and about[key] == 0)


def read_picture(path: Path, heading: str, explained: str) -> Picture:
    """A drawn figure, ready to be put inside the page."""
    return Picture(heading, explained, path.suffix[1:], encode(path))


def read_film(folder: Path) -> list[Picture]:
    """The ensemble map by evening, if the folder has one."""
    explained = (
        "Blue districts are in Taliban hands in most campaigns, sand-coloured ones in few; the paler a district, the"
        " more campaigns disagree about it. Outlined districts are dated as lost in the record, which ends on 7 July."
    )
    return [read_picture(path, "Where, evening by evening", explained) for path in sorted(folder.glob(FILM))]


def encode(path: Path) -> str:
    """A file as text inside a page."""
    return base64.b64encode(path.read_bytes()).decode("ascii")


def as_text(pairs: Mapping[str, Any]) -> dict[str, str]:
    """Names, without underscores, and values as plain text."""
    return {str(key).replace("_", " "): str(value) for key, value in pairs.items()}


def format_choices(choices: Mapping[str, Any]) -> dict[str, str]:
    """Groups and what was chosen in each, as plain text."""
    return {key.replace("_", " "): format_setting(choice) for key, choice in choices.items()}


def cited(summary: pd.DataFrame, ids: Iterable[str]) -> list[str]:
    """Ids of the evidence that the figures or the summary show, in the order of the file."""
    shown = {*ids, *cite(*summary["evidence"].dropna().astype(str).unique())}
    return [id for id in evidence() if id in shown]


def make_source(row: Evidence) -> Source:
    """A row of the record in words; a link only where the source is on the web."""
    dates = dict.fromkeys(f"{format_day(day)} {day.year}" for day in (row.date_start, row.date_end))
    said = f"{row.quote or row.quantity.replace('_', ' ')}: {say_value(row)} {row.unit}, {row.scope}"
    link = row.source_url if row.source_url.startswith("http") else ""
    return Source(row.id, said, " to ".join(dates), row.source, link)
