"""Read studies from disk: a study is checked when it is opened, and its tables are read when they are needed.

Reads about.json, config.yaml, runs.parquet, days.parquet, districts.parquet and summary.csv of one folder. Rows of
days.parquet are sorted by cell, seed and date, and every campaign has all its days. One column of one cell can
therefore be read and reshaped to days x campaigns without loading the whole table.
"""

import csv
import math
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import cached_property, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Self

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from sim.configuration.numbers import declared_numbers
from sim.data.configs import read_yaml
from sim.errors import PanjError, unknown
from sim.outcome import day_in_name, declared_rows, is_as_defined, last_day_of
from sim.provenance import seal
from sim.study.files import digest_of_file, json_text, make_folder, read_sealed, write_errors, write_file
from sim.wording import MOST_NAMED, counted, is_share, language_of, reported_in_words

if TYPE_CHECKING:
    import pandas as pd  # slow to import; needed only for data frames

    from sim.configuration.overrides import Overrides

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
AS_WRITTEN = "the file as written by Panj; run the command of the study again to restore it"
SHOWN_KEYS = ("scenario", "scenario_about", "runs", "calibration")  # keys of about.json shown on figures and pages
MANY_CELLS = 24  # number of cells above which not all are listed or drawn
QUANTILES = ("median", "low_5", "high_95")  # columns of summary.csv; for dates, the names end in _date
CUTS = (0.05, 0.25, 0.5, 0.75, 0.95)
Value = str | int | float | bool


class StudyCell(NamedTuple):
    """One cell of a study: a combination of swept settings, with one campaign per seed."""

    number: int
    label: str  # swept values, such as `reinforcement=none, morale=brittle`; empty if nothing is swept
    values: Mapping[str, Value]  # value of each swept key
    start_date: date
    end_date: date
    overrides: tuple[str, ...] = ()  # overrides that set the values
    fingerprint: str = ""  # hash of the settings, which is also the name of the folder with the chunks
    runs: int = 0  # number of campaigns requested
    failed: int = 0  # number of campaigns that failed
    title: str = ""  # title of the scenario
    calibration: str = ""  # source of the numbers, as text

    @classmethod
    def from_dict(cls, row: Mapping[str, Any]) -> Self:
        """Create a cell from its row in about.json or chunks/study.json."""
        return cls(
            int(row["cell"] if "cell" in row else row["number"]), str(row["label"]), dict(row["values"]),
            date.fromisoformat(row["start_date"]), date.fromisoformat(row["end_date"]),
            tuple(row.get("words", ())), row.get("fingerprint", ""), row.get("runs", 0), row.get("failed", 0),
            row.get("title", ""), row.get("calibration", ""),
        )  # fmt: skip

    def as_dict(self) -> dict[str, Any]:
        """Return the cell as a row of about.json."""
        return {
            "cell": self.number, "label": self.label, "values": dict(self.values), "words": list(self.overrides),
            "fingerprint": self.fingerprint, "runs": self.runs, "failed": self.failed, "title": self.title,
            "start_date": self.start_date.isoformat(), "end_date": self.end_date.isoformat(),
            "calibration": self.calibration,
        }  # fmt: skip

    @property
    def finished(self) -> int:
        """Number of campaigns that reached their last day."""
        return self.runs - self.failed

    @property
    def after_last(self) -> date:
        """Day after the last day, used as the date of an event that did not occur."""
        return self.end_date + timedelta(days=1)


@dataclass(frozen=True)
class Study:
    """A study on disk, optionally limited to one cell; tables are read when they are first used."""

    folder: Path
    name: str  # name of the study
    about: Mapping[str, Any]  # content of about.json
    cells: tuple[StudyCell, ...]
    focus: StudyCell | None = None  # cell to which tables are limited; None for all cells

    @property
    def swept(self) -> tuple[str, ...]:
        """Keys that differ between cells, in the order of the command line."""
        return tuple(self.about["swept"])

    @property
    def first_day(self) -> date:
        """First day of the base settings, from which dates of outcomes are counted."""
        return date.fromisoformat(self.about["start_date"])

    @property
    def last_day(self) -> date:
        """Last day of the cell that ends latest."""
        return max(cell.end_date for cell in self.cells)

    @property
    def cell(self) -> StudyCell:
        """Cell to which tables are limited."""
        assert self.focus is not None, "a study of all its cells"
        return self.focus

    def end_of(self, outcome: str) -> date:
        """Return the last day of the cell whose last day is in the name of an outcome, or else of the latest cell."""
        named = [cell.end_date for cell in self.cells if day_in_name(cell.end_date) in outcome]
        return max(named, default=self.last_day)

    @property
    def outdated(self) -> tuple[str, ...]:
        """Outcomes that the study counted by another definition than the present one."""
        rows, counted_by = declared_rows(), self.about.get("outcomes", {})
        return tuple(
            name for name in self.outcomes if not is_as_defined(name, self.end_of(name), counted_by.get(name, ""), rows)
        )

    def of_cell(self, number: int) -> "Study":
        """Return the same study limited to one cell; raise PanjError if there is no such cell."""
        return replace(self, focus=find_cell(self.cells, number))

    @cached_property
    def settings(self) -> str:
        """Content of config.yaml as text; empty if there is no such file."""
        path = self.folder / "config.yaml"
        return path.read_text(encoding="utf-8") if path.is_file() else ""

    @cached_property
    def base(self) -> Mapping[str, Value]:
        """Choices, dates, numbers, dated events, posts and attention of the base settings, keyed by full key."""
        config = read_yaml(self.folder / "config.yaml") if self.settings else {}
        events = {
            f"timeline.events.{event['name']}.{key}": value
            for event in config.get("events") or []
            for key, value in event.items()
            if key not in ("name", "day")  # the day is that of the date
        }
        numbers = {key: row.value for key, row in declared_numbers().items()} | (config.get("rules") or {})
        dates = {key: self.about[key] for key in ("start_date", "end_date") if key in self.about}
        posts = {
            f"posts.{post}.{trait}": value
            for post, change in (config.get("posts") or {}).items()
            for trait, value in change.items()
        }
        attention = {f"attention.{region}": value for region, value in (config.get("attention") or {}).items()}
        return {**numbers, **events, **posts, **attention, **self.about["choices"], **dates}

    @property
    def sampler_runs(self) -> int:
        """Runs of the sampler from which the worlds of all campaigns are, one of each run in turn; 1 if unrelated."""
        return int(self.about.get("sampler_runs", 1))

    @property
    def base_cell(self) -> StudyCell | None:
        """Cell in which every swept key has its base value; None if there is no such cell."""
        return next((cell for cell in self.cells if all(self.is_base(*pair) for pair in cell.values.items())), None)

    @property
    def default_cell(self) -> StudyCell:
        """Cell used by default: the base cell or, if there is none, the first cell."""
        return self.base_cell or self.cells[0]

    @property
    def about_default_cell(self) -> str:
        """Text that names the default cell and, in a sweep, states why it is the default."""
        cell = self.default_cell
        has_numbers = any(key in declared_numbers() for key in cell.values)
        if self.base_cell is None:
            why = "the first, because no cell has the settings before the sweep"
        elif has_numbers and self.about["choices"].get("calibration") != "as_declared":
            why = "which has the settings before the sweep, but with the declared values of the swept numbers"
        else:
            why = "which has the settings before the sweep"
        return f"cell {cell.number} ({cell.label}), {why}" if cell.label else f"cell {cell.number}"

    def choose_cell(self, number: int | None) -> StudyCell:
        """Return the cell with the given number, or the default cell if `number` is None.

        Raise PanjError if there is no such cell.
        """
        return self.default_cell if number is None else find_cell(self.cells, number)

    def note_on_choice(self, number: int | None) -> str:
        """Return a sentence that names the default cell, for output if the user named no cell.

        Return an empty string if `number` is given, or if the study has only one cell.
        """
        is_chosen = number is None and len(self.cells) > 1
        return f"No cell was named, so this is {self.about_default_cell}." if is_chosen else ""

    def is_base(self, key: str, value: Value) -> bool:
        """Return whether a value is the base value of a swept key."""
        return key in self.base and same(value, self.base[key])

    @cached_property
    def outcomes(self) -> tuple[str, ...]:
        """Names of the outcomes: columns of runs.parquet except cell, run, seed, swept keys and drawn numbers."""
        others = {"cell", "run", "seed", *self.swept, *declared_numbers()}
        return tuple(name for name in open_runs(self.folder).names if name not in others)

    @cached_property
    def runs(self) -> "pd.DataFrame":
        """Table with one row per campaign.

        If the study is limited to a cell, the table has every column of runs.parquet except the cell and the swept
        keys. Otherwise it has only the cell, swept keys, run, seed and the other numeric columns.
        """

        path = self.folder / "runs.parquet"
        if self.focus is not None:
            table = read_columns(path, filters=self.rows).to_pandas()
            return table.drop(columns=["cell", *self.cell.values], errors="ignore")
        schema = open_runs(self.folder)
        need_columns(schema.names, self.swept, str(path))
        keys = ["cell", *self.swept, "run", "seed"]
        numbers = [
            field.name for field in schema if pa.types.is_floating(field.type) or pa.types.is_integer(field.type)
        ]
        return read_columns(path, [*keys, *(name for name in numbers if name not in keys)]).to_pandas()

    @cached_property
    def summary(self) -> "pd.DataFrame":
        """Table of quantiles, label, unit and reported figure, with one row per cell and outcome."""
        import pandas as pd

        path = self.folder / "summary.csv"
        try:
            table = pd.read_csv(path, dtype={f"{name}{end}": object for name in QUANTILES for end in ("", "_date")})
        except (OSError, ValueError) as error:
            raise cannot_read(path, error) from None
        need_columns(table.columns, NEEDED[path.name], str(path))
        if table.empty:
            raise PanjError(f"{path}: found no rows, expected at least one")
        if f"{QUANTILES[0]}_date" in table:
            is_date = table["unit"] == "date"
            for name in QUANTILES:
                table[name] = table[name].where(~is_date, table.pop(f"{name}_date"))
        return table if self.focus is None else table[table["cell"] == self.cell.number].reset_index(drop=True)

    @cached_property
    def districts(self) -> "pd.DataFrame":
        """Table of the cell, with one row per district and day; dates are timestamps."""
        import pandas as pd

        table = read_columns(self.folder / "districts.parquet", filters=self.rows).to_pandas()
        return table.drop(columns="cell").assign(date=pd.to_datetime(table["date"]))

    @cached_property
    def evenings(self) -> list[date]:
        """Dates covered by the cell's campaigns, in order from day 0."""
        column = read_columns(self.folder / "days.parquet", ["date"], self.rows).column("date")
        days = column.cast(pa.date32()).to_numpy()
        if not days.size:
            raise PanjError(f"{self.folder}: found no finished campaign in cell {self.cell.number}, expected one")
        again = np.flatnonzero(days[1:] <= days[:-1])
        first = days[: int(again[0]) + 1 if again.size else days.size]
        if days.size % first.size or not (days.reshape(-1, first.size) == first).all():
            place = f"{self.folder / 'days.parquet'}: cell {self.cell.number}"
            raise PanjError(f"{place}: found campaigns of unequal length, expected the same days in each, in order")
        return [day.item() for day in first]

    @property
    def rows(self) -> list[tuple[str, str, int]]:
        """Parquet filter that selects the rows of the cell."""
        return [("cell", "==", self.cell.number)]

    def series(self, column: str) -> np.ndarray:
        """Return a column of days.parquet for the cell as an array of days x campaigns; campaigns are in seed order."""
        path = self.folder / "days.parquet"
        need_columns(read_head(path, ()).schema.to_arrow_schema().names, (column,), "days.parquet")
        values = read_columns(path, [column], self.rows).column(column)
        table = values.to_numpy().reshape(-1, len(self.evenings))
        return np.ascontiguousarray(table.T, dtype=np.float64)


def read_about(folder: Path) -> dict[str, Any]:
    """Read about.json of a study and check its digest.

    Args:
        folder: Folder of the study.

    Returns:
        The content of about.json.

    Raises:
        PanjError: If about.json is missing or damaged.
    """
    path = folder / "about.json"
    try:
        return read_sealed(path)
    except OSError as error:
        raise PanjError(f"{folder}: found no about.json, expected the folder of a study") from error
    except ValueError as error:
        raise PanjError(f"{path}: found a damaged file, expected {AS_WRITTEN}") from error


def with_dates_of(about: Mapping[str, Any], given: "Overrides") -> "Overrides":
    """Return the overrides of a study, with its dates added if they were defaults that have since changed.

    Nothing is added if the cells have different dates, since these are set by overrides or a scenario.

    Args:
        about: Content of about.json of the study.
        given: The overrides.
    """
    dates = {(row["start_date"], row["end_date"]) for row in about.get("cells", ()) if "end_date" in row}
    return given.with_dates(*map(date.fromisoformat, dates.pop())) if len(dates) == 1 else given


def open_study(folder: Path) -> Study:
    """Open a study, and check its tables against the digests in about.json without loading them.

    Args:
        folder: Folder of the study, such as results/july_2021.

    Returns:
        The study with all its cells.

    Raises:
        PanjError: If the folder has no study, a study of a version that is too old, or a damaged table.
    """
    about = read_about(folder)
    check_tables(folder, about)
    need_keys(folder, about, ("study", "swept", "choices", "cells"))
    of_all = about.get("calibration", "")
    try:
        cells = [
            StudyCell.from_dict({**row, "calibration": row.get("calibration") or of_all}) for row in about["cells"]
        ]
    except (KeyError, TypeError, ValueError) as error:
        raise too_old(folder, f"{error} of a cell") from None
    return Study(folder, str(about["study"]), about, tuple(cells))


def check_tables(folder: Path, about: Mapping[str, Any]) -> None:
    """Check the tables of a study against the digests in about.json.

    Missing tables are not checked, nor are studies of older versions, which have no digests.

    Raises:
        PanjError: If a table has changed since it was written.
    """
    for name in about.get("tables", {}):
        if (folder / name).exists() and not is_as_written(folder, name, about):
            raise PanjError(f"{folder / name}: found a damaged file, expected {AS_WRITTEN}")


def is_as_written(folder: Path, name: str, about: Mapping[str, Any]) -> bool:
    """Return whether a table of a study exists and has not changed since it was written.

    Args:
        folder: Folder of the study.
        name: File name of the table.
        about: Content of about.json of the study, which contains the digest.
    """
    path = folder / name
    try:
        found = path.stat()
        return known_digest(path, found.st_mtime_ns, found.st_size, found.st_ino) == about["tables"][name]
    except (OSError, KeyError, TypeError):
        return False


@lru_cache(maxsize=512)
def known_digest(path: Path, _changed: int, _size: int, _file: int) -> str:
    """Return the digest of a file; the result is cached until the file's modification time, size or inode changes."""
    return digest_of_file(path)


DRAWN = ("report.html", "figures/*.png", "verdicts/*")  # patterns of files made from the tables
DRAWN_FROM = "figures/drawn.json"


def note_drawn(folder: Path) -> None:
    """Store the digests of the report and figures of a study, and of the tables from which they were made."""
    files = sorted(path for kind in DRAWN for path in folder.glob(kind))
    made = {path.relative_to(folder).as_posix(): digest_of_file(path) for path in files}
    tables = read_about(folder).get("tables")
    write_file(folder / DRAWN_FROM, json_text(seal({"tables": tables, "files": made})))


def is_drawn(folder: Path) -> bool:
    """Return whether the report and figures of a study are intact and were made from its current tables."""
    try:
        drawn, about = read_sealed(folder / DRAWN_FROM), read_about(folder)
        return drawn["tables"] == about["tables"] and all(
            digest_of_file(folder / name) == digest for name, digest in drawn["files"].items()
        )
    except (OSError, ValueError, KeyError, PanjError):
        return False


def unfinished(folder: Path) -> str:
    """Return a note with the number of campaigns in the tables of a study that was stopped.

    Return an empty string if the study is complete.
    """
    about = read_about(folder)
    there = about.get("campaigns", 0) + about.get("failed", 0)
    if about.get("asked", there) <= there:
        return ""
    return f"Note: {folder} was stopped: its tables have {there:,} of {counted(about['asked'], 'campaign')}.\n"


def copy_to(folder: Path, out: Path) -> Path:
    """Create a writable folder that contains the data of a study.

    The folder contains symbolic links to the files of the study, or copies if the system does not allow links.

    Args:
        folder: Folder of a study, which may be read-only.
        out: New folder, or an earlier copy of the same study.

    Returns:
        The new folder, `out`.

    Raises:
        PanjError: If `out` has other files or cannot be written.
    """
    about = read_about(folder)
    if out.is_dir() and any(out.iterdir()) and (not (out / "about.json").is_file() or read_about(out) != about):
        raise PanjError(f"out: found {out} with other files, expected a new folder")
    with write_errors(out, "out"):
        make_folder(out)
        for name in (*about.get("tables", FILES), "about.json", "chunks"):
            source, target = folder / name, out / name
            if source.exists() and not target.exists():
                try:
                    target.symlink_to(source.resolve())
                except OSError:  # on Windows, links need a special permission
                    (shutil.copytree if source.is_dir() else shutil.copy2)(source, target)
    return out


def need_keys(folder: Path, about: Mapping[str, Any], keys: Sequence[str]) -> None:
    """Raise PanjError if about.json lacks one of `keys`."""
    missing = [key for key in keys if key not in about]
    if missing:
        raise too_old(folder, ", ".join(missing))


def too_old(folder: Path, what: str) -> PanjError:
    """Return the error for a study of an older version, whose about.json lacks a required entry."""
    return PanjError(
        f"{folder / 'about.json'}: {what} missing, expected a study of this version; "
        "run it again under a new name: study=NAME"
    )


def read_study(folder: Path, cell: int = 0) -> Study:
    """Open a study limited to one cell.

    Args:
        folder: Folder of the study, such as results/july_2021.
        cell: Number of the cell.

    Returns:
        The study, whose tables contain only the cell.

    Raises:
        PanjError: If a file or column is missing, there is no such cell, or all campaigns of the cell failed.
    """
    study = read_sweep(folder).of_cell(cell)
    if study.cell.finished == 0:
        raise PanjError(
            f"{folder}: found only failed campaigns in cell {cell}, expected a finished one; to see why: "
            f"python -m sim failures {folder}"
        )
    return study


def read_sweep(folder: Path) -> Study:
    """Open a study with all its cells, and check that its files have the columns that figures need.

    Args:
        folder: Folder of the study.

    Returns:
        The study, whose tables contain all cells.

    Raises:
        PanjError: If a file or column is missing, or a table has no rows.
    """
    refuse_missing_files(folder)
    study = open_study(folder)
    need_keys(folder, study.about, SHOWN_KEYS)
    for name in FILES:
        if name.endswith(".parquet") and read_head(folder / name, NEEDED[name]).num_rows == 0:
            raise PanjError(f"{folder / name}: found no rows, expected at least one")
    return study


def has_several_cells(folder: Path) -> bool:
    """Return whether the study in a folder has more than one cell; raise PanjError if one of its files is missing."""
    refuse_missing_files(folder)
    return len(open_study(folder).cells) > 1


def refuse_missing_files(folder: Path) -> None:
    """Raise PanjError if a study or one of its files is missing."""
    if not folder.is_dir():
        raise PanjError(f"study folder: found no folder '{folder}', expected one such as results/july_2021")
    missing = [name for name in FILES if not (folder / name).is_file()]
    if missing == ["days.parquet"]:
        raise PanjError(
            f"{folder}: found no days.parquet, expected daily tables, which a study made with daily=false does not "
            "have; run its command with daily=true and another study=NAME"
        )
    if missing:
        raise PanjError(
            f"{folder}: found no {', '.join(missing)}, expected a finished study; the command that made it writes its "
            "tables again"
        )


def find_cell(cells: Sequence[StudyCell], number: int) -> StudyCell:
    """Return the cell that has a given number.

    Args:
        cells: Cells of a study.
        number: Number of the cell.

    Raises:
        PanjError: If there is no such cell; the message lists the cells that exist.
    """
    for cell in cells:
        if cell.number == number:
            return cell
    known = "; ".join(f"{cell.number} {cell.label}".strip() for cell in cells[:MANY_CELLS])
    more = f"; and so on to {cells[-1].number}" if len(cells) > MANY_CELLS else ""
    raise PanjError(f"cell: found {number}, expected one of {known}{more}")


def open_runs(folder: Path) -> pa.Schema:
    """Read the schema of the runs.parquet of a study.

    Args:
        folder: Folder of the study.

    Raises:
        PanjError: If the table cannot be read or lacks a key column.
    """
    return read_head(folder / "runs.parquet", ("cell", "seed")).schema.to_arrow_schema()


def read_head(path: Path, columns: Sequence[str]) -> pq.FileMetaData:
    """Read the metadata of a table without its rows.

    Args:
        path: Path of the Parquet file.
        columns: Columns that the table must have.

    Raises:
        PanjError: The file cannot be read or lacks one of the columns.
    """
    with naming(path):
        head = pq.read_metadata(path)
    need_columns(head.schema.to_arrow_schema().names, columns, str(path))
    return head


def read_columns(
    path: Path, columns: Sequence[str] | None = None, filters: Sequence[tuple[str, str, int | str]] | None = None
) -> pa.Table:
    """Read rows of a Parquet file and verify its checksums.

    Args:
        path: Path of the file.
        columns: Columns to read; all by default.
        filters: Conditions (column, operator, value) that rows must meet; all rows by default.

    Raises:
        PanjError: If the file cannot be read or is damaged.
    """
    wanted = None if columns is None else list(columns)
    with naming(path):
        conditions = None if filters is None else list(filters)
        return pq.read_table(path, columns=wanted, filters=conditions, page_checksum_verification=True)


@contextmanager
def naming(path: Path) -> Iterator[None]:
    """Convert errors that occur while a table is read within a block to a PanjError that names the file.

    Args:
        path: Path of the file.

    Raises:
        PanjError: For any OSError or Arrow error in the block.
    """
    try:
        yield
    except (OSError, pa.ArrowException) as error:
        raise cannot_read(path, error) from None


def cannot_read(path: Path, error: Exception) -> PanjError:
    """Return the error for a table that cannot be read.

    Args:
        path: Path of the file.
        error: Error raised by the library that reads it.
    """
    said = " ".join(str(error).split())[:160]
    return PanjError(f"{path}: found a file that cannot be read ({said}), expected {AS_WRITTEN}")


def need_columns(found: "Sequence[str] | pd.Index", columns: Sequence[str], place: str) -> None:
    """Check that a table has certain columns.

    Args:
        found: Names of the existing columns.
        columns: Names of the required columns.
        place: Name of the table, for errors.

    Raises:
        PanjError: If a column is missing.
    """
    missing = [name for name in columns if name not in found]
    if missing:
        columns_missing = f"column{'s' * (len(missing) > 1)} {', '.join(missing)}"
        raise PanjError(f"{place}: {columns_missing} missing; found {', '.join(map(str, found))}")


def same(one: Value | None, other: Value | None) -> bool:
    """Return whether two values of a setting are equal.

    Numbers are compared as numbers (3 equals 3.0), all other values as text.

    Args:
        one: A value, or None.
        other: Another value, or None.
    """
    try:
        return float(one) == float(other)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return str(one) == str(other)


class Measure(NamedTuple):
    """Description of an outcome: label, unit, last day and reported figure."""

    outcome: str
    label: str
    unit: str  # unit of differences (days for a date)
    is_date: bool
    reported: dict[str, Any]  # reported figure: text, value, low, high, evidence
    last_day: date | None = None  # last day that the outcome counts; None if unknown
    is_as_defined: bool = True  # whether the study counted the outcome by its present definition

    @property
    def reported_figure(self) -> str:
        """The reported figure with its evidence, in the unit of the outcome; empty if nothing was reported."""
        return reported_in_words(self.reported, self.unit)

    @property
    def is_share(self) -> bool:
        """Whether the outcome is a share."""
        return is_share(self.unit)


def read_measure(study: Study, outcome: str) -> Measure:
    """Read the description of an outcome from summary.csv.

    Args:
        study: Study that counts the outcome.
        outcome: Name of the outcome.

    Raises:
        PanjError: If the study has no such outcome, or if its summary cannot be read.
    """
    end = study.end_of(outcome)
    if outcome not in study.outcomes and outcome in declared_rows() and last_day_of(outcome, end) <= end:
        raise PanjError(
            f"outcome of {study.folder}: found '{outcome}', which was declared after the study was made, expected one "
            "that it has counted; run the command of the study again, which counts it from the stored campaigns"
        )
    if outcome not in study.outcomes:
        raise unknown(f"outcome of {study.folder}", outcome, study.outcomes, "panj list outcomes")
    row = summary_row(study.folder / "summary.csv", outcome)
    kind = open_runs(study.folder).field(outcome).type
    is_date = row.get("unit") == "date" or not (pa.types.is_floating(kind) or pa.types.is_integer(kind))
    numbers = {
        part: float(text) if (text := row.get(f"reported_{part}")) else None for part in ("value", "low", "high")
    }
    reported = {"text": row.get("reported") or "", **numbers, "evidence": row.get("evidence") or ""}
    unit = "days" if is_date else row.get("unit") or ""
    is_current = is_as_defined(outcome, end, study.about.get("outcomes", {}).get(outcome, ""))
    return Measure(
        outcome, row.get("label") or outcome.replace("_", " "), unit, is_date, reported,
        last_day_of(outcome, end) if is_current else None, is_current,
    )  # fmt: skip


def notes_on_definition(*measures: Measure) -> list[str]:
    """Return a note on outcomes that the study counted by another definition than the present one, if there are any.

    Args:
        *measures: Descriptions of the outcomes of one study that are shown.
    """
    changed = [measure for measure in measures if not measure.is_as_defined]
    if not changed:
        return []
    names = [measure.outcome for measure in changed]
    by = (
        f'"{changed[0].label}" by a definition of {names[0]} that has'
        if len(changed) == 1
        else f"{len(changed)} outcomes by definitions that have"
    )
    which = f" ({language_of().listed(names, MOST_NAMED)})" if len(changed) > 1 else ""
    return [
        f"Warning: the study counted {by} been changed or removed{which}; to count outcomes as they are declared now, "
        "run the command of the study again."
    ]


def notes_on_definitions(study: Study) -> list[str]:
    """Return a note on all outcomes of a study that it counted by another definition, if there are any."""
    return notes_on_definition(*(read_measure(study, outcome) for outcome in study.outdated))


def summary_row(path: Path, outcome: str) -> dict[str, str]:
    """Read the first row of an outcome in summary.csv without pandas; return an empty dict if there is no such row."""
    try:
        stat = path.stat()
    except OSError as error:
        raise cannot_read(path, error) from None
    return first_rows(path, stat.st_mtime_ns, stat.st_size).get(outcome, {})


@lru_cache(4)
def first_rows(path: Path, _changed: int, _size: int) -> dict[str, dict[str, str]]:
    """Read the first row of every outcome in summary.csv; the result is cached."""
    found: dict[str, dict[str, str]] = {}
    for row in read_summary(path):
        found.setdefault(row["outcome"], row)
    return found


def read_summary(path: Path) -> list[dict[str, str]]:
    """Read the rows of summary.csv as text, without pandas.

    Args:
        path: Path of the file.

    Raises:
        PanjError: If the file is missing, cannot be read or has no column `outcome`.
    """
    try:
        with path.open(newline="", encoding="utf-8") as file:
            reader = csv.DictReader(file)
            rows, names = list(reader), reader.fieldnames or ()
    except (OSError, ValueError, csv.Error) as error:
        raise cannot_read(path, error) from None
    need_columns(names, ("outcome",), str(path))
    return rows


def runs_of_seeds(seeds: np.ndarray, sampler_runs: int) -> np.ndarray | None:
    """Return the run of the sampler from which the world of each seed is, or None if worlds are unrelated.

    A file of worlds has one world of each run in turn, and equally many of each.
    """
    return seeds % sampler_runs if sampler_runs > 1 else None


class Worlds(NamedTuple):
    """Values of one outcome in the campaigns of one cell."""

    cell: StudyCell
    seeds: np.ndarray  # (campaigns) seed of each campaign
    values: np.ndarray  # (campaigns) NaN if missing; for an event that did not occur, the day after the last day
    there: np.ndarray  # (campaigns) bool: whether the campaign has a value of the outcome
    sampler_runs: int = 1  # runs of the sampler from which the campaigns are, one of each run in turn; 1 if unrelated

    @property
    def runs(self) -> np.ndarray | None:
        """Run of the sampler from which each campaign is; None if campaigns are unrelated."""
        return runs_of_seeds(self.seeds, self.sampler_runs)


def read_worlds(study: Study, measure: Measure, first_day: date) -> dict[int, Worlds]:
    """Read the values of one outcome in all campaigns of a study.

    Args:
        study: Study whose campaigns are read.
        measure: Description of the outcome.
        first_day: Day 0. An outcome that is a date is returned as the number of days since then.

    Returns:
        Values in each cell, keyed by cell number.

    Raises:
        PanjError: If the column cannot be read, or has neither numbers nor dates.
    """
    path = study.folder / "runs.parquet"
    table = read_columns(path, ["cell", "seed", measure.outcome])
    try:
        values = numbers_of(table[measure.outcome], measure, first_day)
    except pa.ArrowException as error:
        kind = "dates such as 2021-07-05" if measure.is_date else "numbers"
        raise PanjError(f"{path}, {measure.outcome}: found values of another type ({error}), expected {kind}") from None
    cells, seeds = table["cell"].to_numpy(), table["seed"].to_numpy()
    rows = {cell.number: cells == cell.number for cell in study.cells}
    return {
        cell.number: worlds_in(
            cell, seeds[rows[cell.number]], values[rows[cell.number]], measure, first_day, study.sampler_runs
        )
        for cell in study.cells
    }


def numbers_of(column: pa.ChunkedArray, measure: Measure, first_day: date) -> np.ndarray:
    """Return the column of an outcome as numbers, with dates as days after the first day and NaN for missing values.

    Raises:
        pa.ArrowException: The values are of another type.
    """
    if not measure.is_date:
        return column.cast(pa.float64()).to_numpy()
    return column.cast(pa.date32()).cast(pa.int32()).cast(pa.float64()).to_numpy() - (first_day - EPOCH).days


def worlds_in(
    cell: StudyCell, seeds: np.ndarray, values: np.ndarray, measure: Measure, first_day: date, sampler_runs: int = 1
) -> Worlds:
    """Return the campaigns of a cell, given their values from `numbers_of`."""
    there = ~np.isnan(values)
    never = (cell.after_last - first_day).days if measure.is_date else math.nan
    return Worlds(cell, seeds, np.where(there, values, never), there, sampler_runs)


@dataclass(frozen=True)
class Bands:
    """Quantiles of a daily quantity over campaigns, each with one value per day."""

    evenings: list[date]
    low_5: np.ndarray
    low_25: np.ndarray
    median: np.ndarray
    high_75: np.ndarray
    high_95: np.ndarray


def spread(study: Study, quantity: str) -> Bands:
    """Return the median and the 50 % and 90 % bands of one daily series over the campaigns of a cell.

    Args:
        study: Study limited to one cell.
        quantity: Column of days.parquet.
    """
    return bands_of(study.evenings, study.series(quantity))


def bands_of(evenings: list[date], values: np.ndarray) -> Bands:
    """Return the median and the 50 % and 90 % bands over campaigns.

    Args:
        evenings: Dates of the rows of `values`.
        values: (days, campaigns) Values of the quantity; NaN if missing.

    Returns:
        Quantiles per day, ignoring missing values; NaN on days without any value.
    """
    if np.isfinite(values).all():
        return Bands(evenings, *np.quantile(values, CUTS, axis=1))
    there = np.isfinite(values).any(axis=1)
    cuts = np.full((len(CUTS), len(values)), np.nan)
    cuts[:, there] = np.nanquantile(values[there], CUTS, axis=1)
    return Bands(evenings, *cuts)
