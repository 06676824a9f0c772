"""A study on disk: checked once, then read piece by piece by everything that shows or compares it.

Reads   about.json, config.yaml, runs.parquet, days.parquet, districts.parquet, summary.csv of one folder.
Assumed Rows of days.parquet are sorted by cell, seed and date, and every campaign has all its evenings, so that one
        column of one cell can be read and folded into evenings x campaigns; the whole table is never in memory.
"""

import csv
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Self

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from sim.data.configs import read_yaml
from sim.errors import PanjError, unknown
from sim.settings.numbers import declared_numbers

if TYPE_CHECKING:
    import pandas as pd  # slow to import; only frames need it

EPOCH = date(1970, 1, 1)
FILES = ("about.json", "config.yaml", "runs.parquet", "days.parquet", "districts.parquet", "summary.csv")
NEEDED = {
    "runs.parquet": ("cell", "run", "seed"),
    "days.parquet": ("cell", "run", "date", "share_held_by_taliban"),
    "districts.parquet": ("cell", "district_id", "date", "share_of_runs_taliban"),
    "summary.csv": (
        "cell", "outcome", "reported", "reported_low", "reported_high", "reported_value", "median", "low_5", "high_95",
        "evidence", "label", "unit", "counted",
    ),
}  # fmt: skip
SHOWN_KEYS = ("scenario", "scenario_about", "runs", "calibration")  # of about.json, for figures and pages
MANY_CELLS = 24  # beyond which cells are no longer listed or drawn one by one
CUTS = (0.05, 0.25, 0.5, 0.75, 0.95)
Value = str | int | float | bool


class StudyCell(NamedTuple):
    """One combination of swept settings, as a study keeps it; its campaigns are its seeds."""

    number: int
    label: str  # `reinforcement=none, morale=brittle`; empty for a plain run
    values: Mapping[str, Value]  # of each swept key
    start_date: date
    end_date: date
    overrides: tuple[str, ...] = ()  # that set the values
    fingerprint: str = ""  # of its settings; its chunks are under this name
    runs: int = 0  # campaigns asked for
    failed: int = 0  # of them
    title: str = ""  # of the scenario
    calibration: str = ""  # where its numbers come from, in words

    @classmethod
    def from_dict(cls, row: Mapping[str, Any]) -> Self:
        """A cell as about.json or chunks/study.json has it."""
        return cls(
            int(row["cell"] if "cell" in row else row["number"]), str(row["label"]), dict(row["values"]),
            date.fromisoformat(row["start_date"]), date.fromisoformat(row["end_date"]),
            tuple(row.get("words", ())), row.get("fingerprint", ""), row.get("runs", 0), row.get("failed", 0),
            row.get("title", ""), row.get("calibration", ""),
        )  # fmt: skip

    def as_dict(self) -> dict[str, Any]:
        """The cell as about.json has it."""
        return {
            "cell": self.number, "label": self.label, "values": dict(self.values), "words": list(self.overrides),
            "fingerprint": self.fingerprint, "runs": self.runs, "failed": self.failed, "title": self.title,
            "start_date": self.start_date.isoformat(), "end_date": self.end_date.isoformat(),
            "calibration": self.calibration,
        }  # fmt: skip

    @property
    def finished(self) -> int:
        """Campaigns that reached their last day."""
        return self.runs - self.failed

    @property
    def after_last(self) -> date:
        """The date that stands for an event that did not come."""
        return self.end_date + timedelta(days=1)


@dataclass(frozen=True)
class Study:
    """A study on disk, or one cell of it; its tables are read when they are first asked for."""

    folder: Path
    name: str  # under which it was run
    about: Mapping[str, Any]  # about.json
    cells: tuple[StudyCell, ...]
    focus: StudyCell | None = None  # the one cell that tables are limited to; None: all of them

    @property
    def swept(self) -> tuple[str, ...]:
        """Keys that differ between cells, in the order of the command line."""
        return tuple(self.about["swept"])

    @property
    def cell(self) -> StudyCell:
        """The cell that tables are limited to."""
        assert self.focus is not None, "a study of all its cells"
        return self.focus

    def of_cell(self, number: int) -> "Study":
        """The same study, limited to one cell; PanjError lists the cells that there are."""
        return replace(self, focus=find_cell(self.cells, number))

    @cached_property
    def settings(self) -> str:
        """config.yaml as text; empty where there is none."""
        path = self.folder / "config.yaml"
        return path.read_text(encoding="utf-8") if path.is_file() else ""

    @cached_property
    def base(self) -> Mapping[str, Value]:
        """Choices, dates, numbers and dated events before anything is swept, by the full key that would sweep them."""
        config = read_yaml(self.folder / "config.yaml") if self.settings else {}
        events = {
            f"timeline.events.{event['name']}.{key}": value
            for event in config.get("events") or []
            for key, value in event.items()
            if key != "name"
        }
        numbers = {key: row.value for key, row in declared_numbers().items()} | (config.get("rules") or {})
        dates = {key: self.about[key] for key in ("start_date", "end_date") if key in self.about}
        return {**numbers, **events, **self.about["choices"], **dates}

    @property
    def base_cell(self) -> StudyCell | None:
        """The cell in which every swept key has the value that the sweep started from, if there is one."""
        return next((cell for cell in self.cells if all(self.is_base(*pair) for pair in cell.values.items())), None)

    def is_base(self, key: str, value: Value) -> bool:
        """Whether a swept key has its base value."""
        return key in self.base and same(value, self.base[key])

    @cached_property
    def outcomes(self) -> tuple[str, ...]:
        """Columns of runs.parquet other than cell, run, seed and what was swept."""
        others = {"cell", "run", "seed", *self.swept}
        return tuple(name for name in open_runs(self.folder).names if name not in others)

    @cached_property
    def runs(self) -> "pd.DataFrame":
        """One row per campaign, one column per outcome; of several cells only numbers, and the swept keys with them."""
        import pandas as pd

        path = self.folder / "runs.parquet"
        if self.focus is not None:
            table = pd.read_parquet(path, filters=self.rows)
            return table.drop(columns=["cell", *self.cell.values], errors="ignore")
        schema = pq.read_schema(path)
        need_columns(schema.names, self.swept, str(path))
        keys = ["cell", *self.swept, "run", "seed"]
        numbers = [
            field.name for field in schema if pa.types.is_floating(field.type) or pa.types.is_integer(field.type)
        ]
        return pd.read_parquet(path, columns=[*keys, *(name for name in numbers if name not in keys)])

    @cached_property
    def summary(self) -> "pd.DataFrame":
        """One row per outcome and cell, with what was reported."""
        import pandas as pd

        path = self.folder / "summary.csv"
        try:
            table = pd.read_csv(path)
        except (OSError, ValueError) as error:
            raise cannot_read(path, error) from None
        need_columns(table.columns, NEEDED[path.name], str(path))
        if table.empty:
            raise PanjError(f"{path}: found no rows, expected at least one")
        return table if self.focus is None else table[table["cell"] == self.cell.number].reset_index(drop=True)

    @cached_property
    def districts(self) -> "pd.DataFrame":
        """One row per district and evening of the cell, with real dates."""
        import pandas as pd

        table = pd.read_parquet(self.folder / "districts.parquet", filters=self.rows)
        return table.drop(columns="cell").assign(date=pd.to_datetime(table["date"]))

    @cached_property
    def evenings(self) -> list[date]:
        """The evenings of the cell's campaigns in order, day 0 first."""
        column = pq.read_table(self.folder / "days.parquet", columns=["date"], filters=self.rows).column("date")
        days = column.cast(pa.date32()).to_numpy()
        if not days.size:
            raise PanjError(f"{self.folder}: cell {self.cell.number} has no campaign that came to its end")
        again = np.flatnonzero(days[1:] <= days[:-1])
        first = days[: int(again[0]) + 1 if again.size else days.size]
        if days.size % first.size or not (days.reshape(-1, first.size) == first).all():
            place = f"{self.folder / 'days.parquet'}: cell {self.cell.number}"
            raise PanjError(f"{place}: found campaigns of unequal length, expected the same evenings in each, in order")
        return [day.item() for day in first]

    @property
    def rows(self) -> list[tuple[str, str, int]]:
        """Which rows of a table belong to the cell."""
        return [("cell", "==", self.cell.number)]

    def series(self, column: str) -> np.ndarray:
        """One column of days.parquet as evenings x campaigns, the campaigns by seed."""
        path = self.folder / "days.parquet"
        need_columns(pq.read_schema(path).names, (column,), "days.parquet")
        values = pq.read_table(path, columns=[column], filters=self.rows).column(column)
        table = values.to_numpy().reshape(-1, len(self.evenings))
        return np.ascontiguousarray(table.T, dtype=np.float64)


def read_about(folder: Path) -> dict[str, Any]:
    """The provenance of a study, from about.json.

    Raises:
        PanjError: When the folder holds none, or a damaged one.
    """
    path = folder / "about.json"
    try:
        return dict(json.loads(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise PanjError(f"{folder}: found no about.json, expected the folder of a study") from error
    except ValueError as error:
        raise PanjError(f"{path}: found something damaged, expected JSON") from error


def open_study(folder: Path) -> Study:
    """A study, of which only about.json has been read.

    Args:
        folder: Such as results/july_2021.

    Returns:
        The study with all its cells.

    Raises:
        PanjError: When the folder holds no study, or one of a version that did not keep what is needed.
    """
    about = read_about(folder)
    need_keys(folder, about, ("study", "swept", "choices", "cells"))
    of_all = about.get("calibration", "")
    try:
        cells = [
            StudyCell.from_dict({**row, "calibration": row.get("calibration") or of_all}) for row in about["cells"]
        ]
    except (KeyError, TypeError, ValueError) as error:
        raise too_old(folder, f"{error} of a cell") from None
    return Study(folder, str(about["study"]), about, tuple(cells))


def need_keys(folder: Path, about: Mapping[str, Any], keys: Sequence[str]) -> None:
    """Refuse an about.json that lacks a key."""
    missing = [key for key in keys if key not in about]
    if missing:
        raise too_old(folder, ", ".join(missing))


def too_old(folder: Path, what: str) -> PanjError:
    """A study that does not record what is needed now."""
    return PanjError(
        f"{folder / 'about.json'}: {what} missing, expected a study of this version; "
        "run it again under a new name: study=NAME"
    )


def read_study(folder: Path, cell: int = 0) -> Study:
    """One cell of a study whose files are all there and whole, with something to show.

    Args:
        folder: Such as results/july_2021.
        cell: Its number.

    Raises:
        PanjError: When a file or column is missing, there is no such cell, or every campaign of it failed.
    """
    study = read_sweep(folder).of_cell(cell)
    if study.cell.finished == 0:
        raise PanjError(f"{folder}: in cell {cell} every campaign failed; see python -m sim failures {folder}")
    return study


def read_sweep(folder: Path) -> Study:
    """A study with all its cells, whose files are all there and have the columns that figures need.

    Raises:
        PanjError: When a file or column is missing or a table has no rows.
    """
    refuse_missing_files(folder)
    study = open_study(folder)
    need_keys(folder, study.about, SHOWN_KEYS)
    for name in FILES:
        if name.endswith(".parquet") and read_head(folder / name, NEEDED[name]).num_rows == 0:
            raise PanjError(f"{folder / name}: found no rows, expected at least one")
    return study


def has_several_cells(folder: Path) -> bool:
    """Whether the study in the folder is over several cells."""
    refuse_missing_files(folder)
    return len(open_study(folder).cells) > 1


def refuse_missing_files(folder: Path) -> None:
    """A study that can be shown is a folder that holds every file."""
    if not folder.is_dir():
        raise PanjError(f"study folder: found no folder '{folder}', expected one such as results/july_2021")
    missing = [name for name in FILES if not (folder / name).is_file()]
    if missing:
        found = ", ".join(sorted(path.name for path in folder.iterdir())) or "nothing"
        raise PanjError(f"{folder}: {' and '.join(missing)} missing; found {found}, expected {', '.join(FILES)}")


def find_cell(cells: Sequence[StudyCell], number: int) -> StudyCell:
    """The cell with this number; PanjError lists those that there are."""
    for cell in cells:
        if cell.number == number:
            return cell
    known = "; ".join(f"{cell.number} {cell.label}".strip() for cell in cells[:MANY_CELLS])
    more = f"; and so on to {cells[-1].number}" if len(cells) > MANY_CELLS else ""
    raise PanjError(f"cell: found {number}, expected one of {known}{more}")


def open_runs(folder: Path) -> pa.Schema:
    """The columns of runs.parquet and their types; PanjError for a table that cannot be read or lacks its keys."""
    return read_head(folder / "runs.parquet", ("cell", "seed")).schema.to_arrow_schema()


def read_head(path: Path, columns: Sequence[str]) -> pq.FileMetaData:
    """The head of a table that has these columns; its rows are not read."""
    try:
        head = pq.read_metadata(path)
    except (OSError, pa.ArrowException) as error:
        raise cannot_read(path, error) from None
    need_columns(head.schema.to_arrow_schema().names, columns, str(path))
    return head


def cannot_read(path: Path, error: Exception) -> PanjError:
    """A damaged table in one line."""
    said = " ".join(str(error).split())[:160]
    return PanjError(f"{path}: found something that cannot be read ({said}), expected a table of a study")


def need_columns(found: "Sequence[str] | pd.Index", columns: Sequence[str], place: str) -> None:
    """Refuse a table that lacks a column."""
    missing = [name for name in columns if name not in found]
    if missing:
        raise PanjError(f"{place}: column {', '.join(missing)} missing; found {', '.join(map(str, found))}")


def same(one: Value | None, other: Value | None) -> bool:
    """Equal as numbers where both are numbers (3 is 3.0), otherwise as text."""
    try:
        return float(one) == float(other)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return str(one) == str(other)


class Measure(NamedTuple):
    """An outcome in words, and what was reported of it."""

    outcome: str
    label: str
    unit: str  # of a difference: days for a date
    is_date: bool
    reported: dict[str, Any]  # text, value, low, high, evidence


def read_measure(study: Study, outcome: str) -> Measure:
    """An outcome as summary.csv describes it.

    Raises:
        PanjError: When the study has no such outcome, or no summary that can be read.
    """
    if outcome not in study.outcomes:
        raise unknown(f"outcome of {study.folder}", outcome, study.outcomes)
    row = summary_row(study.folder / "summary.csv", outcome)
    kind = open_runs(study.folder).field(outcome).type
    is_date = row.get("unit") == "date" or pa.types.is_string(kind) or pa.types.is_large_string(kind)
    numbers = {
        part: float(text) if (text := row.get(f"reported_{part}")) else None for part in ("value", "low", "high")
    }
    reported = {"text": row.get("reported") or "", **numbers, "evidence": row.get("evidence") or ""}
    unit = "days" if is_date else row.get("unit") or ""
    return Measure(outcome, row.get("label") or outcome.replace("_", " "), unit, is_date, reported)


def summary_row(path: Path, outcome: str) -> dict[str, str]:
    """The first row of an outcome, without pandas; empty where the summary does not have it."""
    try:
        with path.open(newline="", encoding="utf-8") as file:
            return next((row for row in csv.DictReader(file) if row.get("outcome") == outcome), {})
    except OSError as error:
        raise cannot_read(path, error) from None


class Worlds(NamedTuple):
    """One outcome of the campaigns of one cell; the three arrays have one row per campaign."""

    cell: StudyCell
    seeds: np.ndarray
    values: np.ndarray  # nan where missing; an event that did not come has the day after the last
    there: np.ndarray  # whether the campaign has a value of its own


def read_worlds(study: Study, measure: Measure, first_day: date) -> dict[int, Worlds]:
    """One outcome of every campaign.

    Args:
        study: Where to read.
        measure: The outcome.
        first_day: From which dates are counted, in days.

    Returns:
        The campaigns of each cell, by its number.

    Raises:
        PanjError: When the column holds neither numbers nor dates.
    """
    path = study.folder / "runs.parquet"
    try:
        table = pq.read_table(path, columns=["cell", "seed", measure.outcome])
        column = table[measure.outcome]
        if measure.is_date:
            column = column.cast(pa.date32()).cast(pa.int32())
        values = column.cast(pa.float64()).to_numpy()
    except (OSError, pa.ArrowException) as error:
        kind = "dates such as 2021-07-05" if measure.is_date else "numbers"
        raise PanjError(f"{path}: {measure.outcome}: expected {kind} ({error})") from None
    if measure.is_date:
        values = values - (first_day - EPOCH).days
    cells, seeds = table["cell"].to_numpy(), table["seed"].to_numpy()
    worlds = {}
    for cell in study.cells:
        rows = cells == cell.number
        there = ~np.isnan(values[rows])
        never = (cell.after_last - first_day).days if measure.is_date else math.nan
        worlds[cell.number] = Worlds(cell, seeds[rows], np.where(there, values[rows], never), there)
    return worlds


@dataclass(frozen=True)
class Bands:
    """The middle and the spread of a quantity over the campaigns, evening by evening."""

    evenings: list[date]
    low_5: np.ndarray
    low_25: np.ndarray
    median: np.ndarray
    high_75: np.ndarray
    high_95: np.ndarray


def spread(study: Study, quantity: str) -> Bands:
    """Median, 50 % and 90 % bands over the campaigns of one column of days.parquet."""
    return bands_of(study.evenings, study.series(quantity))


def bands_of(evenings: list[date], values: np.ndarray) -> Bands:
    """Median, 50 % and 90 % bands of any table of evenings x campaigns; nan where no campaign has the evening."""
    if np.isfinite(values).all():
        return Bands(evenings, *np.quantile(values, CUTS, axis=1))
    there = np.isfinite(values).any(axis=1)
    cuts = np.full((len(CUTS), len(values)), np.nan)
    cuts[:, there] = np.nanquantile(values[there], CUTS, axis=1)
    return Bands(evenings, *cuts)
