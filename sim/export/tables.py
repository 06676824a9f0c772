"""Write the tables of a study as CSV for spreadsheets, or as an Excel workbook.

Reads   every table of the study, and its comparisons.
Writes  a folder with one CSV per table, codebook.csv and datapackage.json; or one .xlsx with a sheet per table, and
        the sheets `about` and `codebook`.
"""

import csv
import gc
import io
import json
import math
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import date, datetime
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from sim.data.evidence import CREDITS
from sim.errors import PanjError
from sim.study.codebook import CODEBOOK, Codebook, Column, columns_in
from sim.study.files import USUAL, Dialect, write_file, write_folder, write_rows
from sim.study.package import PACKAGE, write_description
from sim.study.reader import Study, naming, read_head

Cell = str | int | float | bool | date | None
Rows = Iterator[Sequence[Cell]]
MOST_ROWS = 1_048_576  # largest number of rows in an Excel sheet, including the heading
LONGEST_NAME = 31  # largest length of the name of a sheet, characters
LONGEST_TEXT = 32_767  # largest length of the text in a cell, characters
MOST_DIGITS = 15  # number of digits that Excel keeps; further digits become zeros
BATCH = 20_000  # number of rows in memory at a time


class Part(NamedTuple):
    """Selection of the rows to write: those of one cell or day, in tables that have cells or days."""

    cell: int | None
    day: date | None

    def has(self, row: Mapping[str, Cell]) -> bool:
        """Return whether a row, given as a mapping from columns to values, is included."""
        is_of_cell = self.cell is None or row.get("cell") in (None, self.cell)
        return is_of_cell and (self.day is None or row.get("date") in (None, self.day))


class Table(NamedTuple):
    """One table: name, columns, and a function that reads its rows."""

    name: str
    columns: Sequence[Column]
    rows: Callable[[], Rows]


def tables_of(study: Study, part: Part) -> list[Table]:
    """Return all tables of a study, in the order of its codebook."""
    book = Codebook.of_folder(study.folder)
    by_table: dict[str, list[Column]] = {}
    for column in columns_in(study.folder, book):
        by_table.setdefault(column.table, []).append(column)
    return [Table(name, columns, reader_of(study.folder, columns, part)) for name, columns in by_table.items()]


def reader_of(folder: Path, columns: Sequence[Column], part: Part) -> Callable[[], Rows]:
    """Return a function that reads the rows of a table."""
    name = columns[0].table
    read = rows_of_parquet if name.endswith(".parquet") else rows_of_csv
    return lambda: read(folder / name, columns, part)


def rows_of_parquet(path: Path, columns: Sequence[Column], part: Part) -> Rows:
    """Yield the rows of a Parquet table, with dates as `date` and missing values as None."""
    names = {column.column for column in columns}
    with naming(path), pq.ParquetFile(path, page_checksum_verification=True) as file:
        for batch in file.iter_batches(BATCH):
            table = pa.Table.from_batches([batch])
            if part.cell is not None and "cell" in names:
                table = table.filter(pc.field("cell") == part.cell)
            if part.day is not None and "date" in names:
                table = table.filter(pc.field("date") == pa.scalar(datetime.combine(part.day, datetime.min.time())))
            yield from zip(*(plain(table[column.column], column.type) for column in columns), strict=True)


def plain(column: pa.ChunkedArray, kind: str) -> list[Cell]:
    """Return a column as a list of Python values."""
    found: list[Cell] = (column.cast(pa.date32()) if kind == "date" else column).to_pylist()
    return found


def rows_of_csv(path: Path, columns: Sequence[Column], part: Part) -> Rows:
    """Yield the rows of a CSV of a study, with numbers and dates converted and empty cells as None."""
    readers = {column.column: READERS[column.type] for column in columns}
    with path.open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            found = {name: read_cell(readers[name], text) for name, text in row.items()}
            if part.has(found):
                yield list(found.values())


READERS: dict[str, Callable[[str], Cell]] = {
    "integer": int, "number": float, "date": date.fromisoformat, "string": str, "boolean": lambda text: text == "True",
}  # fmt: skip


def read_cell(read: Callable[[str], Cell], text: str) -> Cell:
    """Convert a cell of a CSV; text that does not match the type of its column is returned unchanged."""
    with suppress(ValueError):
        return read(text) if text else None
    return text


def write_csv(study: Study, folder: Path, part: Part, dialect: Dialect = USUAL) -> None:
    """Write every table as CSV, with codebook.csv and datapackage.json.

    Tables of an earlier export to the same folder that are not written again are deleted, if listed in its
    datapackage.json; all other files are kept.

    Args:
        study: The study.
        folder: Folder to write to, which may contain an earlier export.
        part: Rows to write.
        dialect: Separator and decimal mark of the CSV files.
    """
    columns: list[Column] = []
    with write_folder(folder, "out", outdated=tables_before(folder)) as fresh:
        for table in tables_of(study, part):
            name = Path(table.name.replace("/", "_")).with_suffix(".csv").name
            with (fresh / name).open("w", newline="", encoding=dialect.encoding) as file:
                write_rows(file, [[column.column for column in table.columns]], dialect)
                write_rows(file, table.rows(), dialect)
            columns += [column._replace(table=name) for column in table.columns]
        write_description(fresh, study.about, columns, {}, dialect)


def tables_before(folder: Path) -> set[str]:
    """Return the names of the tables of an earlier export to a folder, according to its datapackage.json."""
    try:
        resources = json.loads((folder / PACKAGE).read_text(encoding="utf-8"))["resources"]
        paths = {str(resource["path"]) for resource in resources}
    except (OSError, ValueError, KeyError, TypeError):
        return set()
    return {path for path in paths if Path(path).name == path and path.endswith(".csv")}


def write_workbook(study: Study, path: Path, part: Part) -> None:
    """Write an Excel workbook: the sheets `about` and `codebook`, and one sheet per table.

    Args:
        study: The study.
        path: New file.
        part: Rows to write.

    Raises:
        PanjError: If a table has too many rows for a sheet; nothing is written.
    """
    tables = tables_of(study, part)
    refuse_long_tables(study.folder, tables, part)
    with errors_told_once():
        content = workbook_of(study, tables)
    write_file(path, content)


def workbook_of(study: Study, tables: Sequence[Table]) -> bytes:
    """Return the content of the Excel workbook of a study."""
    from openpyxl import Workbook

    names = names_of_sheets([table.name for table in tables])
    book = Workbook(write_only=True)
    fill(book.create_sheet("about"), ("what", "text"), about_rows(study, dict(zip(names, tables, strict=True))))
    for name, table in zip(names, tables, strict=True):
        fill(book.create_sheet(name), [column.column for column in table.columns], table.rows())
    fill(
        book.create_sheet(Path(CODEBOOK).stem), Column._fields, (column for table in tables for column in table.columns)
    )
    content = io.BytesIO()
    book.save(content)
    return content.getvalue()


@contextmanager
def errors_told_once() -> Iterator[None]:
    """Discard the sheets of a workbook after an error without the further errors that they then print.

    openpyxl writes sheets to temporary files first. If one of them cannot be written, as on a full disk, each sheet
    that is not finished tries again when it is discarded, and Python prints that error.
    """
    try:
        yield
    except OSError as error:
        usual, sys.unraisablehook = sys.unraisablehook, ignore
        try:
            traceback.clear_frames(error.__traceback__)
            gc.collect()
        finally:
            sys.unraisablehook = usual
        raise


def ignore(_: object) -> None:
    """Print nothing about an error that Python ignores."""


def refuse_long_tables(folder: Path, tables: Sequence[Table], part: Part) -> None:
    """Raise PanjError if a table has too many rows for an Excel sheet."""
    for table in tables:
        if not table.name.endswith(".parquet") or read_head(folder / table.name, ()).num_rows < MOST_ROWS:
            continue
        found = sum(1 for _ in table.rows())
        if found >= MOST_ROWS:
            key = "cell" if part.cell is None else "day"
            raise PanjError(
                f"to: found {found:,} rows of {table.name}, expected fewer than {MOST_ROWS:,} for xlsx; choose {key}= "
                "or to=csv"
            )


def names_of_sheets(tables: Sequence[str]) -> list[str]:
    """Return the names of the tables' sheets: file names without suffix, unique and short enough for Excel."""
    names: list[str] = []
    for table in tables:
        stem = Path(table).stem
        name = stem[:LONGEST_NAME]
        while name.lower() in map(str.lower, names):
            mark = f"~{len(names)}"
            name = stem[: LONGEST_NAME - len(mark)] + mark
        names.append(name)
    return names


def about_rows(study: Study, sheets: Mapping[str, Table]) -> Iterator[tuple[str, str]]:
    """Yield information for readers of the workbook: campaigns, settings, provenance, credits and sheets."""
    about = study.about
    yield "study", study.name
    yield "scenario", str(about.get("scenario_title") or about.get("scenario"))
    yield "campaigns", str(about.get("campaigns"))
    yield "numbers of the model", str(about.get("calibration"))
    yield "command", str(about.get("command"))
    yield "days", f"{about.get('start_date')} to {about.get('end_date')}"
    yield "rules", str(about.get("rules_fingerprint"))
    yield (
        "read this first",
        "All tables are simulated. Reported figures are in the sheet summary. Units: sheet codebook.",
    )
    yield "credit", CREDITS
    for name, table in sheets.items():
        yield f"sheet {name}", table.name


def fill(sheet: Any, heading: Sequence[str], rows: Iterator[Sequence[Cell]]) -> None:
    """Write a heading, which remains visible when scrolling, and rows to a sheet."""
    sheet.freeze_panes = "A2"
    sheet.append(list(heading))
    for row in rows:
        sheet.append([in_sheet(sheet, cell) for cell in row])


def in_sheet(sheet: Any, cell: Cell) -> Any:
    """Convert a value for a sheet: text is never a formula; non-finite numbers become text or missing.

    Integers with more digits than Excel keeps, such as large seeds, also become text.
    """
    if isinstance(cell, int) and abs(cell) >= 10**MOST_DIGITS:
        return str(cell)
    if isinstance(cell, float) and not math.isfinite(cell):
        return None if math.isnan(cell) else str(cell)
    if not isinstance(cell, str):
        return cell
    from openpyxl.cell import WriteOnlyCell
    from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE

    text = ILLEGAL_CHARACTERS_RE.sub(" ", cell)[:LONGEST_TEXT]
    if not text.startswith("="):
        return text
    found = WriteOnlyCell(sheet, text)
    found.data_type = "s"
    return found
