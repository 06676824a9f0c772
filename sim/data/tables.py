"""Read CSV data files and check them cell by cell; errors name file, line and column."""

import csv
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from io import StringIO
from pathlib import Path

from sim.data.own import is_own
from sim.errors import PanjError, unknown


@dataclass(frozen=True)
class Row:
    """One line of a data file.

    `place` is the file, line and key for error messages; `cells` maps columns to text.
    """

    place: str
    cells: Mapping[str, str]

    @property
    def file(self) -> str:
        """Name of the file, as shown in errors."""
        return self.place.partition(" line ")[0]

    def wrong(self, column: str, expected: str) -> PanjError:
        """Return the error for an invalid cell; its message names the file, line, key and column."""
        return PanjError(f"{self.place}, {column}: found '{self.cells[column]}', expected {expected}")

    def text(self, column: str) -> str:
        """Return the text of a cell, or raise PanjError if it is empty."""
        if not self.cells[column]:
            raise self.wrong(column, "some text")
        return self.cells[column]

    def one_of(self, column: str, names: Iterable[str]) -> str:
        """Return the text of a cell, or raise PanjError if it is not one of `names`."""
        names = list(names)
        if self.cells[column] not in names:
            raise unknown(f"{self.place}, {column}", self.cells[column], names)
        return self.cells[column]

    def number(self, column: str, low: float = -math.inf, high: float = math.inf) -> float:
        """Return the number in a cell, or raise PanjError if it is not finite or not from `low` to `high`."""
        try:
            value = float(self.cells[column])
        except ValueError:
            raise self.wrong(column, "a number") from None
        if not math.isfinite(value):
            raise self.wrong(column, "a finite number")
        if not low <= value <= high:
            raise self.wrong(
                column, f"a number of at least {low:g}" if high == math.inf else f"a number from {low:g} to {high:g}"
            )
        return value

    def count(self, column: str, low: int = 0) -> int | None:
        """Return the whole number in a cell, or None if the cell is empty.

        Raises:
            PanjError: If the cell contains anything but a whole number of at least `low`.
        """
        if not self.cells[column]:
            return None
        value = self.number(column, low)
        if value != int(value):
            raise self.wrong(column, "a whole number")
        return int(value)

    def optional(self, column: str) -> float | None:
        """Return the number in a cell, or None if it is empty; raise PanjError unless it is a number of at least 0."""
        return self.number(column, 0) if self.cells[column] else None

    def day(self, column: str) -> date:
        """Return the date in a cell, or raise PanjError if it is not a date in ISO format, such as 2021-07-05."""
        try:
            return date.fromisoformat(self.cells[column])
        except ValueError:
            raise self.wrong(column, "a date such as 2021-07-05") from None


def read_table(path: Path, columns: Sequence[str], key: Sequence[str]) -> list[Row]:
    """Return the rows of a CSV file, with only the given columns.

    Args:
        path: Path of a UTF-8 file with a header.
        columns: Names of the columns to read; others are ignored.
        key: Names of the columns that together identify a row.

    Returns:
        The rows in file order, with every cell stripped of surrounding spaces.

    Raises:
        PanjError: If the file is missing, is not valid CSV or has no rows, if a column is missing or occurs twice, or
            if two rows have the same key or a row has no key.
    """
    file = named(path)
    reader = csv.reader(StringIO(read_text(path), newline=""), strict=True)
    try:
        header = next(reader)
        check_header(file, header, columns)
        rows = [make_row(f"{file} line {reader.line_num}", header, cells, columns, key) for cells in reader]
    except csv.Error as error:
        raise PanjError(
            f"{file} line {reader.line_num}: found an invalid line ({error}), expected one cell per column"
        ) from None
    if not rows:
        raise PanjError(f"{file}: found a header without rows, expected at least one row")
    refuse_duplicates(rows, key)
    return rows


def named(path: Path) -> str:
    """Return the name of a data file of Panj, or the path of one of the user's files, for errors."""
    return str(path) if is_own(path) else path.name


def read_text(path: Path) -> str:
    """Return the text of a UTF-8 file, without a byte order mark, or raise PanjError if it is empty or unreadable."""
    try:
        content = path.read_bytes()
    except OSError:
        raise PanjError(f"{named(path)}: found no readable file of this name in {path.parent}, expected one") from None
    if not content.strip():
        raise PanjError(f"{named(path)}: found an empty file, expected a header and rows")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise PanjError(f"{named(path)} line {line}: found bytes that are not UTF-8, expected UTF-8 text") from None


def check_header(file: str, header: Sequence[str], columns: Sequence[str]) -> None:
    """Raise PanjError unless the header contains every expected column exactly once."""
    if len(header) == 1 and (mark := next((mark for mark in ";\t" if mark in header[0]), "")):
        raise PanjError(f"{file} line 1: found columns separated by {mark!r}, expected ',' between them")
    for column in columns:
        if column not in header:
            raise PanjError(f"{file} line 1: found columns {', '.join(header)}, expected also '{column}'")
        refuse_column_twice(file, header, column)


def refuse_column_twice(file: str, header: Sequence[str], column: str) -> None:
    """Raise PanjError if the header contains a column more than once."""
    if header.count(column) > 1:
        raise PanjError(f"{file} line 1: found column '{column}' twice, expected it once")


def header_of(path: Path) -> list[str]:
    """Return the columns of a CSV file in file order, or raise PanjError if it is empty or unreadable."""
    return next(csv.reader(StringIO(read_text(path), newline="")))


def refuse_unknown_columns(path: Path, columns: Sequence[str]) -> None:
    """Raise PanjError if a CSV file has a column that is not one of `columns`, or one of them twice.

    Args:
        path: Path of a UTF-8 file with a header.
        columns: Names of all columns that the file may have.
    """
    header = header_of(path)
    for column in header:
        if column not in columns:
            raise unknown(f"{named(path)} line 1, columns", column, columns)
        refuse_column_twice(named(path), header, column)


def make_row(
    place: str, header: Sequence[str], cells: Sequence[str], columns: Sequence[str], key: Sequence[str]
) -> Row:
    """Return a row with only the wanted columns; its key is added to `place`.

    Raise csv.Error for too few or too many cells.
    """
    if len(cells) != len(header):
        raise csv.Error(f"{len(cells)} {'cell' if len(cells) == 1 else 'cells'} instead of {len(header)}")
    named_cells = {column: cell.strip() for column, cell in zip(header, cells, strict=True)}
    name = " ".join(named_cells[column] for column in key)
    return Row(f"{place} ({name})", {column: named_cells[column] for column in columns})


def refuse_duplicates(rows: Sequence[Row], key: Sequence[str]) -> None:
    """Raise PanjError if two rows have the same key, or if a part of a key is empty."""
    seen: dict[tuple[str, ...], str] = {}
    for row in rows:
        name = tuple(row.text(column) for column in key)
        if name in seen:
            raise PanjError(
                f"{row.place}: found the same {' and '.join(key)} as in {seen[name]}, expected a different one"
            )
        seen[name] = row.place
