"""A finished study as far as comparing needs it: its cells, its base settings, one outcome of its campaigns.

Reads   about.json, config.yaml, summary.csv and single columns of runs.parquet.

A study as it lies on disk, checked once and read piece by piece, for everything that shows it.

Reads   about.json, config.yaml, runs.parquet, days.parquet, districts.parquet, summary.csv of one folder.
Gives   `Study`: one cell of a study. `Sweep`: all of its cells. Nothing here simulates.
Assumed Rows of days.parquet lie by cell, seed and date, and every campaign has all its evenings, so that one column
        of one cell is read and folded into evenings x campaigns; the whole table is never in memory.
"""

import csv
import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import yaml

from sim.data.configs import read_yaml
from sim.errors import PanjError, unknown
from sim.provenance import read_about
from sim.settings.numbers import declared_numbers

EPOCH = date(1970, 1, 1)
Value = str | float | None


class StudyCell(NamedTuple):
    """One combination of swept settings."""

    number: int
    label: str
    values: Mapping[str, Value]
    start: date
    last: date

    @property
    def after_last(self) -> date:
        """As which an event counts that did not come."""
        return self.last + timedelta(days=1)


class Finished(NamedTuple):
    """A finished study, as far as comparing needs it."""

    folder: Path
    name: str
    about: dict[str, Any]
    base: dict[str, Value]  # settings before anything is swept, by full key
    cells: tuple[StudyCell, ...]
    outcomes: tuple[str, ...]

    @property
    def swept(self) -> tuple[str, ...]:
        """Keys that differ between cells."""
        return tuple(self.about["swept"])


class Measure(NamedTuple):
    """An outcome in words, and what was reported of it."""

    outcome: str
    label: str
    unit: str  # of a difference: days for a date
    is_date: bool
    reported: dict[str, Any]  # text, value, low, high, evidence


class Worlds(NamedTuple):
    """One outcome of the campaigns of one cell; the three arrays have a row a campaign."""

    cell: StudyCell
    seeds: np.ndarray
    values: np.ndarray  # nan where missing; an event that did not come has the day after the last
    there: np.ndarray  # whether the campaign has a value of its own


def read_finished(folder: Path) -> Finished:
    """What is needed of a study folder; PanjError names what is missing."""
    about = read_about(folder)
    if "cells" not in about or "swept" not in about:
        raise PanjError(f"{folder / 'about.json'}: found no cells, expected a study of this version; run it again")
    cells = tuple(
        StudyCell(
            int(row["cell"]), str(row["label"]), dict(row["values"]),
            date.fromisoformat(row["start_date"]), date.fromisoformat(row["end_date"]),
        )
        for row in about["cells"]
    )  # fmt: skip
    others = {"cell", "run", "seed", *about["swept"]}
    columns = [name for name in open_runs(folder).names if name not in others]
    return Finished(folder, str(about["study"]), about, base_settings(folder, about), cells, tuple(columns))


def open_runs(folder: Path) -> pa.Schema:
    """The columns of runs.parquet and their types."""
    try:
        schema = pq.read_schema(folder / "runs.parquet")
    except (OSError, pa.ArrowException) as error:
        raise PanjError(f"{folder / 'runs.parquet'}: found no table that can be read, expected one ({error})") from None
    missing = [name for name in ("cell", "seed") if name not in schema.names]
    if missing:
        raise PanjError(f"{folder / 'runs.parquet'}: column {', '.join(missing)} missing")
    return schema


def base_settings(folder: Path, about: Mapping[str, Any]) -> dict[str, Value]:
    """Choices, dates, numbers and dated events of a study before anything is swept, by full key."""
    base: dict[str, Value] = {key: row.value for key, row in declared_numbers().items()}
    config = read_yaml(folder / "config.yaml") if (folder / "config.yaml").is_file() else {}
    base |= config.get("rules", {})
    for event in config.get("events", []):
        base |= {f"timeline.events.{event['name']}.{key}": value for key, value in event.items() if key != "name"}
    return {**base, **about["choices"], "start_date": about["start_date"], "end_date": about["end_date"]}


def read_measure(study: Finished, outcome: str) -> Measure:
    """The outcome as summary.csv describes it; PanjError when the study has no such outcome."""
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
    """The first row of the outcome; empty where the summary does not know it."""
    try:
        with path.open(newline="", encoding="utf-8") as file:
            return next((row for row in csv.DictReader(file) if row.get("outcome") == outcome), {})
    except OSError as error:
        raise PanjError(f"{path}: cannot be read ({error.strerror}), expected the summary of a study") from None


def read_worlds(study: Finished, measure: Measure, first_day: date) -> dict[int, Worlds]:
    """The outcome of every campaign, by number of the cell; a date is days after `first_day`."""
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


def same(one: Value, other: Value) -> bool:
    """Equal as numbers where both are numbers (3 is 3.0), otherwise as text."""
    try:
        return float(one) == float(other)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return str(one) == str(other)


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
ABOUT_KEYS = ("study", "scenario", "scenario_about", "choices", "runs", "calibration", "swept", "cells")
MANY_CELLS = 24  # beyond which cells are no longer listed or drawn one by one
CUTS = (0.05, 0.25, 0.5, 0.75, 0.95)
ShownValue = str | int | float | bool


class ShownCell(NamedTuple):
    """One combination of swept settings; its campaigns are its seeds."""

    number: int
    label: str  # `reinforcement=none, morale=brittle`; empty for a plain run
    values: Mapping[str, ShownValue]  # of each swept key
    runs: int  # campaigns asked for
    failed: int
    calibration: str  # where its numbers come from, in words

    @property
    def finished(self) -> int:
        """Campaigns that came to their last day."""
        return self.runs - self.failed


@dataclass(frozen=True)
class Study:
    """One cell of a study: what it was, and its tables, each read when it is first asked for."""

    folder: Path
    about: Mapping[str, Any]
    settings: str  # config.yaml as it stands
    cell: ShownCell

    @cached_property
    def runs(self) -> pd.DataFrame:
        """A row a campaign, a column an outcome."""
        table = pd.read_parquet(self.folder / "runs.parquet", filters=self.rows)
        return table.drop(columns=["cell", *self.cell.values], errors="ignore")

    @cached_property
    def districts(self) -> pd.DataFrame:
        """A row a district and evening, with real dates."""
        table = pd.read_parquet(self.folder / "districts.parquet", filters=self.rows)
        return table.drop(columns="cell").assign(date=pd.to_datetime(table["date"]))

    @cached_property
    def summary(self) -> pd.DataFrame:
        """A row an outcome."""
        table = read_summary(self.folder)
        return table[table["cell"] == self.cell.number].reset_index(drop=True)

    @cached_property
    def evenings(self) -> list[date]:
        """The evenings of the study, in order, day 0 first."""
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
        """Which rows of a table belong to this cell."""
        return [("cell", "==", self.cell.number)]

    def series(self, column: str) -> np.ndarray:
        """One column of days.parquet as evenings x campaigns, the campaigns by seed."""
        path = self.folder / "days.parquet"
        need_columns(pq.read_schema(path).names, (column,), "days.parquet")
        values = pq.read_table(path, columns=[column], filters=self.rows).column(column)
        table = values.to_numpy().reshape(-1, len(self.evenings))
        return np.ascontiguousarray(table.T, dtype=np.float64)


@dataclass(frozen=True)
class Sweep:
    """All cells of a study."""

    folder: Path
    about: Mapping[str, Any]
    settings: str  # config.yaml as it stands
    cells: tuple[ShownCell, ...]
    swept: tuple[str, ...]  # keys, in the order of the command line
    runs: pd.DataFrame  # a row a cell and campaign: cell, swept keys, run, seed, outcomes that are numbers
    summary: pd.DataFrame  # a row a cell and outcome

    def cell(self, number: int) -> ShownCell:
        """One cell by its number."""
        return cell_of(self.cells, number)

    def study(self, number: int) -> Study:
        """One cell with its tables."""
        return Study(self.folder, self.about, self.settings, self.cell(number))

    @cached_property
    def base(self) -> Mapping[str, ShownValue]:
        """The value of each swept key in the scenario that was swept; a key may be unknown."""
        known = {**self.about["choices"], "scenario": self.about["scenario"], **settings_by_key(self.settings)}
        return {key: known[key] for key in self.swept if key in known}

    @property
    def base_cell(self) -> ShownCell | None:
        """The cell in which every swept key has the value of the base, if there is one."""
        return next((cell for cell in self.cells if same_values(cell.values, self.base)), None)


@dataclass(frozen=True)
class Bands:
    """The middle and the spread of a quantity over the campaigns, evening by evening."""

    evenings: list[date]
    low_5: np.ndarray
    low_25: np.ndarray
    median: np.ndarray
    high_75: np.ndarray
    high_95: np.ndarray


def read_study(folder: Path, cell: int = 0) -> Study:
    """One cell of the study; `PanjError` names what is missing and what was expected."""
    about = check_study(folder)
    settings = (folder / "config.yaml").read_text(encoding="utf-8")
    study = Study(folder, about, settings, cell_of(cells_of(about), cell))
    refuse_empty(study)
    return study


def read_sweep(folder: Path, outcomes: Sequence[str] | None = None) -> Sweep:
    """All cells of the study, with some outcomes of its campaigns or with all that are numbers."""
    about = check_study(folder)
    swept = tuple(about["swept"])
    path = folder / "runs.parquet"
    schema = pq.read_schema(path)
    keys = ["cell", *swept, "run", "seed"]
    numbers = [field.name for field in schema if pa.types.is_floating(field.type) or pa.types.is_integer(field.type)]
    wanted = list(numbers if outcomes is None else outcomes)
    need_columns(schema.names, [*swept, *wanted], str(path))
    runs = pd.read_parquet(path, columns=[*keys, *(name for name in wanted if name not in keys)])
    settings = (folder / "config.yaml").read_text(encoding="utf-8")
    return Sweep(folder, about, settings, cells_of(about), swept, runs, read_summary(folder))


def has_several_cells(folder: Path) -> bool:
    """Whether the study in the folder is over several cells."""
    refuse_missing_files(folder)
    return len(read_about_shown(folder / "about.json")["cells"]) > 1


def check_study(folder: Path) -> dict[str, Any]:
    """What the study says of itself, once every file is there with rows and with the columns that figures need."""
    refuse_missing_files(folder)
    about = read_about_shown(folder / "about.json")
    for name in FILES:
        if name.endswith(".parquet"):
            check_table(folder / name)
    return about


def refuse_missing_files(folder: Path) -> None:
    """A study is a folder that holds every file."""
    if not folder.is_dir():
        raise PanjError(f"study folder: found no folder '{folder}', expected one such as results/july_2021")
    missing = [name for name in FILES if not (folder / name).is_file()]
    if missing:
        found = ", ".join(sorted(path.name for path in folder.iterdir())) or "nothing"
        raise PanjError(f"{folder}: {' and '.join(missing)} missing; found {found}, expected {', '.join(FILES)}")


def refuse_empty(study: Study) -> None:
    """A cell in which no campaign came to its end has nothing to show."""
    if study.cell.finished == 0:
        number, name = study.cell.number, study.folder
        raise PanjError(f"{name}: in cell {number} every campaign failed; see python -m sim failures {name}")


def read_about_shown(path: Path) -> dict[str, Any]:
    """What the study says of itself."""
    try:
        about = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise PanjError(f"{path}: found text that is not JSON ({error}), expected keys and values") from None
    missing = [key for key in ABOUT_KEYS if key not in about]
    if missing:
        raise PanjError(f"{path}: {', '.join(missing)} missing; found {', '.join(about)}")
    return dict(about)


def cells_of(about: Mapping[str, Any]) -> tuple[ShownCell, ...]:
    """The cells of a study in order; a plain run has one."""
    return tuple(
        ShownCell(
            cell["cell"], cell["label"], cell["values"], cell["runs"], cell["failed"],
            cell.get("calibration") or about["calibration"],
        )
        for cell in about["cells"]
    )  # fmt: skip


def cell_of(cells: Sequence[ShownCell], number: int) -> ShownCell:
    """The cell with this number; `PanjError` lists those that there are."""
    for cell in cells:
        if cell.number == number:
            return cell
    known = "; ".join(f"{cell.number} {cell.label}".strip() for cell in cells[:MANY_CELLS])
    more = f"; and so on to {cells[-1].number}" if len(cells) > MANY_CELLS else ""
    raise PanjError(f"cell: found {number}, expected one of {known}{more}")


def check_table(path: Path) -> None:
    """A table with rows and with the columns that every figure needs; only its head is read."""
    try:
        head = pq.read_metadata(path)
    except (OSError, ValueError) as error:
        raise cannot_read(path, error) from None
    need_columns(head.schema.to_arrow_schema().names, NEEDED[path.name], str(path))
    if head.num_rows == 0:
        raise PanjError(f"{path}: found no rows, expected at least one")


def read_summary(folder: Path) -> pd.DataFrame:
    """Every cell's outcomes, beside what was reported."""
    path = folder / "summary.csv"
    table = read_table(path, pd.read_csv)
    need_columns(table.columns, NEEDED[path.name], str(path))
    if table.empty:
        raise PanjError(f"{path}: found no rows, expected at least one")
    return table


def read_table(path: Path, read: Callable[[Path], pd.DataFrame]) -> pd.DataFrame:
    """A table, or an error that names it."""
    try:
        return read(path)
    except (OSError, ValueError) as error:
        raise cannot_read(path, error) from None


def cannot_read(path: Path, error: Exception) -> PanjError:
    """A damaged table in one line."""
    return PanjError(f"{path}: found a file that cannot be read ({error}), expected a table")


def need_columns(found: Sequence[str] | pd.Index, columns: Sequence[str], place: str) -> None:
    """Refuse a table that lacks a column."""
    missing = [name for name in columns if name not in found]
    if missing:
        raise PanjError(f"{place}: column {', '.join(missing)} missing; found {', '.join(map(str, found))}")


def settings_by_key(settings: str) -> dict[str, ShownValue]:
    """Every setting of config.yaml under the full name by which it is swept."""
    kept = yaml.safe_load(settings) or {}
    plain = {key: value for key, value in kept.items() if not isinstance(value, dict | list)}
    events = {
        f"timeline.events.{event['name']}.{key}": value
        for event in kept.get("events") or []
        for key, value in event.items()
    }
    return {**plain, **(kept.get("rules") or {}), **events}


def same_values(values: Mapping[str, ShownValue], base: Mapping[str, ShownValue]) -> bool:
    """Whether every swept key has its base value; numbers are compared as numbers."""
    return all(key in base and same_value(value, base[key]) for key, value in values.items())


def same_value(one: ShownValue, other: ShownValue) -> bool:
    """0.3 is 0.3 and 5 is 5.0, however they were written."""
    return one == other or str(one) == str(other)


def spread(study: Study, quantity: str) -> Bands:
    """Median, 50 % and 90 % bands over the campaigns of one column of days.parquet."""
    return bands_of(study.evenings, study.series(quantity))


def bands_of(evenings: list[date], values: np.ndarray) -> Bands:
    """The same five quantiles of any table of evenings x campaigns."""
    if np.isfinite(values).all():
        return Bands(evenings, *np.quantile(values, CUTS, axis=1))
    there = np.isfinite(values).any(axis=1)  # an evening that no campaign has stays empty
    cuts = np.full((len(CUTS), len(values)), np.nan)
    cuts[:, there] = np.nanquantile(values[there], CUTS, axis=1)
    return Bands(evenings, *cuts)
