"""A study as one HTML page that needs nothing else: figures inside, a table, the record it is set beside, the terms.

Reads   the study's folder and its figures (drawn first where they are missing); data/evidence.csv.
Writes  report.html. The page loads nothing; links lead to the sources.
"""

import base64
import math
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from sim.errors import PanjError
from sim.evidence import Evidence, say_value
from sim.show import record
from sim.show.figures import draw_all, picture
from sim.show.outcomes import words
from sim.show.reading import Study, read_study
from sim.show.record import evidence
from sim.show.style import say_campaigns, say_day

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
CITED = tuple(
    id
    for ids in (
        (record.AAN_START, record.AAN_NEWLY_HELD, record.AAN_LOST_BACK, record.ABOUT_A_THIRD),
        (*record.LWJ_COUNTS, *record.NIGHTS, record.ALL_NIGHTS, record.CIVILIANS_ADMITTED, *record.EVENTS),
    )
    for id in ids
)  # fmt: skip
PROVENANCE = {  # key of about.json: words
    "study": "Study",
    "start_date": "First day",
    "end_date": "Last day",
    "runs": "Campaigns",
    "first_seed": "First seed",
    "calibration": "Calibration",
    "command": "Command",
    "seconds": "Seconds taken",
    "commit": "Version of the code",
    "data_fingerprint": "Fingerprint of the data",
    "rules_fingerprint": "Fingerprint of the rules",
}


USAGE = "python -m sim report results/<study> [evening=2021-07-05]"


class Figure(NamedTuple):
    """A picture on the page."""

    heading: str
    explained: str
    data: str  # base64 of a PNG file


class Line(NamedTuple):
    """A row of the summary table, in words."""

    label: str
    counted: str
    unit: str
    reported: str
    median: str
    spread: str
    inside: str  # whether what was reported lies within the spread


class Source(NamedTuple):
    """A reported figure that the page shows."""

    id: str
    said: str
    when: str
    source: str
    link: str


def write_report(folder: Path) -> Path:
    """The page of a study, written to report.html in its folder."""
    study = read_study(folder)
    if not all(picture(folder, name).is_file() for name in CAPTIONS):
        draw_all(folder)
    lines = [make_line(row) for _, row in study.summary.iterrows()]
    page = template().render(
        about=study.about,
        campaigns=say_campaigns(study),
        figures=[read_figure(folder, name) for name in CAPTIONS],
        lines=[line for line in lines if line.reported],
        other_lines=[line for line in lines if not line.reported],
        choices=say_keys(study.about["choices"]),
        provenance={words: study.about[key] for key, words in PROVENANCE.items() if key in study.about},
        versions=say_keys(study.about.get("versions", {})),
        settings=study.settings,
        sources=[make_source(evidence()[id]) for id in cited(study)],
    )
    path = folder / "report.html"
    path.write_text(page, encoding="utf-8")
    return path


def template() -> Any:
    """The page with its gaps; a gap without a value is an error, and every value is escaped."""
    places = FileSystemLoader(Path(__file__).parent / "templates")
    settings: dict[str, Any] = {"autoescape": True, "trim_blocks": True, "lstrip_blocks": True}
    return Environment(loader=places, undefined=StrictUndefined, **settings).get_template("report.html")


def read_figure(folder: Path, name: str) -> Figure:
    """A drawn figure, ready to be put inside the page."""
    return Figure(*CAPTIONS[name], base64.b64encode(picture(folder, name).read_bytes()).decode("ascii"))


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


def say(cell: Any) -> str:
    """A number to three figures, thousands marked; a date as it stands; nothing where there is none."""
    number = number_of(cell)
    if number is None:
        return "" if pd.isna(cell) else str(cell)
    return f"{number:,.0f}" if abs(number) >= 100 or number == int(number) else f"{number:.3g}"


def number_of(cell: Any) -> float | None:
    """The cell as a number; a column that also holds dates was read as text."""
    try:
        return None if pd.isna(cell) else float(cell)
    except ValueError:
        return None


def say_inside(row: pd.Series) -> str:
    """Whether the reported value, or some of its range, lies within the middle 90 % of campaigns."""
    value, low, high = (number_of(row[f"reported_{part}"]) for part in ("value", "low", "high"))
    low_5, high_95 = number_of(row["low_5"]), number_of(row["high_95"])
    known = [number for number in (low, value, high) if number is not None]
    if low_5 is None or high_95 is None or not known:
        return ""
    lowest = min(known) if low is not None or value is not None else -math.inf
    highest = max(known) if high is not None or value is not None else math.inf
    return "yes" if lowest <= high_95 and highest >= low_5 else "no"


def say_keys(pairs: Mapping[str, Any]) -> dict[str, str]:
    """Names and values as plain text."""
    return {str(key).replace("_", " "): str(value) for key, value in pairs.items()}


def cited(study: Study) -> list[str]:
    """Ids of the evidence that the figures or the summary show, in the order of the file."""
    summary = " ".join(study.summary["evidence"].dropna().astype(str)).replace(";", " ").replace(",", " ")
    shown = {*CITED, *summary.split()}
    return [id for id in evidence() if id in shown]


def make_source(row: Evidence) -> Source:
    """A row of the record in words; a link only where the source is on the web."""
    dates = dict.fromkeys(f"{say_day(day)} {day.year}" for day in (row.date_start, row.date_end))
    said = f"{row.quote or row.quantity.replace('_', ' ')}: {say_value(row)} {row.unit}, {row.scope}"
    link = row.source_url if row.source_url.startswith("http") else ""
    return Source(row.id, said, " to ".join(dates), row.source, link)


def main(arguments: list[str]) -> int:
    """`panj report results/<study> [evening=...]`: draw the figures and write the report again."""
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
