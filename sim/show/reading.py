"""A study as it lies on disk, read once and checked, for everything that shows it.

Reads   about.json, config.yaml, runs.parquet, days.parquet, districts.parquet, summary.csv of one folder.
Gives   `Study`: typed tables with real dates. Nothing here simulates.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from sim.errors import PanjError

FILES = ("about.json", "config.yaml", "runs.parquet", "days.parquet", "districts.parquet", "summary.csv")
NEEDED = {
    "runs.parquet": ("run", "seed"),
    "days.parquet": ("run", "date", "share_held_by_taliban"),
    "districts.parquet": ("district_id", "date", "share_of_runs_taliban"),
    "summary.csv": (
        "outcome", "reported", "reported_low", "reported_high", "reported_value", "median", "low_5", "high_95",
        "evidence", "label", "unit", "counted",
    ),
}  # fmt: skip
ABOUT_KEYS = ("study", "scenario", "scenario_about", "choices", "runs", "calibration")


@dataclass(frozen=True)
class Study:
    """One finished study: what it was, and its tables."""

    about: dict[str, Any]
    settings: str  # config.yaml as it stands
    runs: pd.DataFrame  # a row a run, a column an outcome
    days: pd.DataFrame  # a row a run and evening
    districts: pd.DataFrame  # a row a district and evening
    summary: pd.DataFrame  # a row an outcome

    @property
    def evenings(self) -> list[date]:
        """The evenings of the study, in order, day 0 first."""
        return sorted(set(self.days["date"].dt.date))


@dataclass(frozen=True)
class Bands:
    """The middle and the spread of a quantity over the campaigns, evening by evening."""

    evenings: list[date]
    low_5: np.ndarray
    low_25: np.ndarray
    median: np.ndarray
    high_75: np.ndarray
    high_95: np.ndarray


def read_study(folder: Path) -> Study:
    """Every table of the folder; `PanjError` names what is missing and what was expected."""
    refuse_missing_files(folder)
    return Study(
        about=read_about(folder / "about.json"),
        settings=(folder / "config.yaml").read_text(encoding="utf-8"),
        runs=read_table(folder / "runs.parquet", pd.read_parquet),
        days=with_dates(read_table(folder / "days.parquet", pd.read_parquet)),
        districts=with_dates(read_table(folder / "districts.parquet", pd.read_parquet)),
        summary=read_table(folder / "summary.csv", pd.read_csv),
    )


def refuse_missing_files(folder: Path) -> None:
    """A study is a folder that holds every file."""
    if not folder.is_dir():
        raise PanjError(f"study folder: found no folder '{folder}', expected one such as results/july_2021")
    missing = [name for name in FILES if not (folder / name).is_file()]
    if missing:
        found = ", ".join(sorted(path.name for path in folder.iterdir())) or "nothing"
        raise PanjError(f"{folder}: {' and '.join(missing)} missing; found {found}, expected {', '.join(FILES)}")


def read_about(path: Path) -> dict[str, Any]:
    """What the study says of itself."""
    try:
        about = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise PanjError(f"{path}: found text that is not JSON ({error}), expected keys and values") from None
    missing = [key for key in ABOUT_KEYS if key not in about]
    if missing:
        raise PanjError(f"{path}: {', '.join(missing)} missing; found {', '.join(about)}")
    return dict(about)


def read_table(path: Path, read: Callable[[Path], pd.DataFrame]) -> pd.DataFrame:
    """A table with rows and with the columns that every figure needs."""
    try:
        table = read(path)
    except (OSError, ValueError) as error:
        raise PanjError(f"{path}: found a file that cannot be read ({error}), expected a table") from None
    need_columns(table, NEEDED[path.name], str(path))
    if table.empty:
        raise PanjError(f"{path}: found no rows, expected at least one")
    return table


def need_columns(table: pd.DataFrame, columns: Sequence[str], place: str) -> None:
    """Refuse a table that lacks a column."""
    missing = [name for name in columns if name not in table.columns]
    if missing:
        raise PanjError(f"{place}: column {', '.join(missing)} missing; found {', '.join(map(str, table.columns))}")


def with_dates(table: pd.DataFrame) -> pd.DataFrame:
    """The same rows with `date` as a day, however it was written."""
    return table.assign(date=pd.to_datetime(table["date"]))


def spread(study: Study, quantity: str) -> Bands:
    """Median, 50 % and 90 % bands over the campaigns of one column of days.parquet."""
    need_columns(study.days, (quantity,), "days.parquet")
    by_evening = study.days.pivot(index="date", columns="run", values=quantity).sort_index()
    return bands_of(list(by_evening.index.date), by_evening.to_numpy(float))


def bands_of(evenings: list[date], values: np.ndarray) -> Bands:
    """The same five quantiles of any table of evenings x campaigns."""
    there = np.isfinite(values).any(axis=1)  # an evening that no campaign has stays empty
    cuts = np.full((5, len(values)), np.nan)
    cuts[:, there] = np.nanquantile(values[there], (0.05, 0.25, 0.5, 0.75, 0.95), axis=1)
    return Bands(evenings, *cuts)
