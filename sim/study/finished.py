"""A finished study as far as comparing needs it: its cells, its base settings, one outcome of its campaigns.

Reads   about.json, config.yaml, summary.csv and single columns of runs.parquet.
"""

import csv
import math
from collections.abc import Mapping
from datetime import date, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from sim.errors import PanjError, unknown
from sim.parameters import declared_numbers, read_yaml
from sim.provenance import read_about

EPOCH = date(1970, 1, 1)
Value = str | float | None


class Cell(NamedTuple):
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
    cells: tuple[Cell, ...]
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

    cell: Cell
    seeds: np.ndarray
    values: np.ndarray  # nan where missing; an event that did not come has the day after the last
    there: np.ndarray  # whether the campaign has a value of its own


def read_finished(folder: Path) -> Finished:
    """What is needed of a study folder; PanjError names what is missing."""
    about = read_about(folder)
    if "cells" not in about or "swept" not in about:
        raise PanjError(f"{folder / 'about.json'}: found no cells, expected a study of this version; run it again")
    cells = tuple(
        Cell(
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
