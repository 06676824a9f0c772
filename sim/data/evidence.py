"""Read and filter the record: dated figures reported up to the end of 7 July 2021, each with its source.

Reads   data/evidence.csv.
Returns `Evidence` rows, filters for them, and a table for the console.
Source  named in each row. Where a source gives no number ("dozens"), the bounds are our interpretation, which the note
        explains.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from sim.data import own
from sim.data.facts import DATA, THE_LINE
from sim.data.tables import Row, header_of, read_table, refuse_unknown_columns
from sim.errors import PanjError, unknown

if TYPE_CHECKING:
    from rich.console import Console

COLUMNS = (
    "id", "date_start", "date_end", "quantity", "value", "low", "high", "unit", "scope",
    "source", "source_url", "quote", "confidence", "use", "note", "conflicts",
)  # fmt: skip
FILTER_KEYS = ("quantity", "scope", "use", "date", "source", "id", "confidence", "conflicts")
# what is named, by column
NAMED_BY = {"id": "id", "conflicts": "id", "quantity": "quantity", "use": "use", "confidence": "confidence"}
FOUNDING = (
    "Irish Times",
    "The National",
    "VOA/Reuters",
    "RFE/RL via AMN",
    "TRT World",
)  # credits of the founding articles 1 to 5
OWN_LINK = "seed:"  # prefix of the link to a founding article, which has no address
USES = ("calibration", "input", "context")
CONFIDENCES = ("high", "medium", "low")
CREDITS = (
    "Figures: the press, UN bodies, the Afghanistan Analysts Network, the Long War Journal and official statements,"
    " as named in each row; links and notes: panj evidence --json."
)


@dataclass(frozen=True)
class Evidence:
    """One reported figure: a row of evidence.csv."""

    id: str
    date_start: date
    date_end: date
    quantity: str
    value: float | None  # reported value in `unit`; None if the source is verbal
    low: float | None  # lower bound in `unit`; None if there is none
    high: float | None  # upper bound in `unit`; None if there is none
    unit: str
    scope: str  # area to which it applies
    source: str  # source in the form in which it is cited
    source_url: str  # address of the source; empty if it has none
    quote: str  # paraphrase of the statement
    confidence: str  # high, medium or low
    use: str  # calibration: compared with results; input: used by the model; context: only shown
    note: str
    conflicts: tuple[str, ...]  # ids of rows that contradict this one, repeat it or are part of the same count


def read_evidence(folder: Path | None = None) -> list[Evidence]:
    """Return all reported figures, in file order.

    Args:
        folder: Folder of evidence.csv; by default the data folder of the package, followed by the user's own rows.

    Raises:
        PanjError: If a row is invalid, for instance without a source or date; the message names file, line and column.
            Also raised if one of the user's rows has the id of another row.
    """
    rows = read_table((folder or DATA) / own.EVIDENCE, COLUMNS, ("id",))
    path = own.own_file(own.EVIDENCE) if folder is None else None
    if path is not None and own.has_rows(own.EVIDENCE):
        shipped = {row.cells["id"] for row in rows}
        refuse_unknown_columns(path, header_of(DATA / own.EVIDENCE))
        mine = read_table(path, COLUMNS, ("id",))
        for row in mine:
            if row.cells["id"] in shipped:
                raise row.wrong("id", "another id, since a figure of Panj has this one")
        rows += mine
    ids = {row.cells["id"] for row in rows}
    return [read_figure(row, ids) for row in rows]


def read_figure(row: Row, ids: set[str]) -> Evidence:
    """Parse and check one row of evidence.csv; `ids` are the ids of all rows."""
    value, low, high = read_numbers(row)
    date_start, date_end = read_dates(row)
    return Evidence(
        id=row.text("id"),
        date_start=date_start,
        date_end=date_end,
        quantity=row.text("quantity"),
        value=value,
        low=low,
        high=high,
        unit=row.text("unit"),
        scope=row.text("scope"),
        source=credit_of(row.text("source"), row.cells["source_url"]),
        source_url=link_of(row.cells["source_url"]),
        quote=row.cells["quote"],
        confidence=row.one_of("confidence", CONFIDENCES),
        use=row.one_of("use", USES),
        note=row.cells["note"],
        conflicts=read_conflicts(row, ids),
    )


def credit_of(source: str, link: str) -> str:
    """Return the credit of a source, with the marks of the founding articles replaced.

    Args:
        source: The cell of the column `source`, such as `VOA/Reuters, 2021-07-05/06 (seed); S3`.
        link: The cell of the column with the link. `S3` means a founding article only if the link refers to one as
            well.
    """
    text = re.sub(r" \(seeds?\)|(?<= and TRT) seeds", "", source)
    if not link.startswith(OWN_LINK):
        return text
    return re.sub(r"\bS([0-4])\b,?", lambda found: f"{FOUNDING[int(found[1])]}{', ' * found[0].endswith(',')}", text)


def link_of(link: str) -> str:
    """Return the address of a source; empty for a founding article."""
    return "" if link.startswith(OWN_LINK) else link


def read_numbers(row: Row) -> tuple[float | None, float | None, float | None]:
    """Parse the columns `value`, `low` and `high` of a row, each of which may be empty (None).

    Check that at least one of `low`, `value` and `high` is given, and that those given are in ascending order.
    """
    value, low, high = (row.optional(column) for column in ("value", "low", "high"))
    if value is None and low is None and high is None:
        raise row.wrong("value", "a number in at least one of low, value and high")
    for lower, upper, column in ((low, high, "low"), (low, value, "low"), (value, high, "value")):
        if lower is not None and upper is not None and lower > upper:
            raise row.wrong(column, f"at most {upper:g}, so that low, value and high are in order")
    return value, low, high


def read_dates(row: Row) -> tuple[date, date]:
    """Parse the first and last day of a figure.

    Raise PanjError if the last day is before the first, or if the first is after 7 July 2021.
    """
    start, end = row.day("date_start"), row.day("date_end")
    if start > THE_LINE:
        raise row.wrong("date_start", f"a day up to {THE_LINE}")
    if end < start:
        raise row.wrong("date_end", f"{start} or later")
    return start, end


def read_conflicts(row: Row, ids: set[str]) -> tuple[str, ...]:
    """Parse the ids of the rows that conflict with this row, and check that other rows have these ids."""
    conflicts = tuple(name for name in row.cells["conflicts"].split(";") if name)
    for name in conflicts:
        if name not in ids or name == row.cells["id"]:
            raise row.wrong("conflicts", f"only ids of other rows; '{name}' is not one of them")
    return conflicts


def select(rows: Sequence[Evidence], filters: Sequence[str]) -> list[Evidence]:
    """Return the rows that match every filter, in the same order.

    Args:
        rows: Rows to choose from.
        filters: Filters; each is `key=text`, or a text that may occur anywhere in a row.

    Raises:
        PanjError: If a filter has an unknown key, no text to search for, a malformed date, or a name that no row has
            (id, quantity, use or confidence).
    """
    tests = [split_filter(text) for text in filters]
    for key, text in tests:
        check_name(rows, key, text)
    return [row for row in rows if all(matches(row, key, text) for key, text in tests)]


def split_filter(text: str) -> tuple[str, str]:
    """Split a filter into its key and its search text, or raise PanjError if it is invalid.

    The key is empty if the filter has no `=`.
    """
    key, equals, wanted = text.partition("=") if "=" in text else ("", "", text)
    key, wanted = key.strip().lower(), wanted.strip()
    if equals and key not in FILTER_KEYS:
        raise unknown("evidence filter", key, FILTER_KEYS)
    if not wanted:
        raise PanjError(f"evidence filter '{text}': found no text to search for, expected key=text or words")
    if key == "date" and not re.fullmatch(r"\d{4}(-\d\d(-\d\d)?)?", wanted):
        raise PanjError(f"evidence filter date: found '{wanted}', expected a year, month or day such as 2021-07-05")
    return key, wanted


def check_name(rows: Sequence[Evidence], key: str, wanted: str) -> None:
    """Raise PanjError if a filter names an id, quantity, use or confidence that no row has."""
    column = NAMED_BY.get(key)
    names = list(dict.fromkeys(str(getattr(row, column)) for row in rows)) if column else []
    if names and not any(plain(wanted) in plain(name) for name in names):
        raise unknown(f"evidence {key}", wanted, names)


def matches(row: Evidence, key: str, wanted: str) -> bool:
    """Return whether a row matches one filter, ignoring case and treating `_` as a space."""
    if key == "date":
        return covers(row, wanted)
    return plain(wanted) in plain(searched_text(row, key))


def covers(row: Evidence, day: str) -> bool:
    """Return whether the dates of a figure include `day`, or any day of it if it is a month or a year."""
    return row.date_start.isoformat()[: len(day)] <= day <= row.date_end.isoformat()[: len(day)]


def searched_text(row: Evidence, key: str) -> str:
    """Return the text searched by a filter: one column (for `source`, also the link), or all columns without a key."""
    if key == "conflicts":
        return ";".join(row.conflicts)
    if key == "source":
        return f"{row.source} {row.source_url}"
    if key:
        return str(getattr(row, key))
    return " ".join(str(cell) for cell in vars(row).values() if cell is not None)


def plain(text: str) -> str:
    """Return the text in lower case, with spaces instead of `_`."""
    return text.lower().replace("_", " ")


def show(rows: Sequence[Evidence], console: Console) -> None:
    """Print the rows as a table that fits into 80 characters, followed by the number of rows and the credits."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 1, 0), pad_edge=False, collapse_padding=True)
    for title in ("quantity", "value, unit", "date", "scope", "source", "use, conflicts"):
        table.add_column(title, overflow="fold", min_width=11)
    for row in rows:
        table.add_row(*(Text(cell) for cell in table_cells(row)))  # `Text`, so that brackets are not parsed as markup
    console.print(table)
    console.print(f"{len(rows)} {'row' if len(rows) == 1 else 'rows'}. {CREDITS}", highlight=False)


def table_cells(row: Evidence) -> list[str]:
    """Return the table cells of one figure; `_` in the quantity becomes a space, so that long names wrap."""
    days = [row.date_start.isoformat()]
    if row.date_end != row.date_start:
        days.append(row.date_end.isoformat())
    use = [row.use, f"conflicts: {' '.join(row.conflicts)}"] if row.conflicts else [row.use]
    quantity = f"{row.id}\n{row.quantity.replace('_', ' ')}"
    return [quantity, f"{value_as_text(row)} {row.unit}", "\n".join(days), row.scope, row.source, "\n".join(use)]


def value_as_text(row: Evidence) -> str:
    """Format a figure as its value, its range or both, such as `1,037 (1,000 to 1,100)`."""
    span = format_bounds(row.low, row.high)
    if row.value is None:
        return span
    value = number_as_text(row.value)
    if span in ("", value):
        return value
    return f"{value} ({span})"


def format_bounds(low: float | None, high: float | None) -> str:
    """Format a range such as `1,000 to 1,100` or `at least 1,000`.

    The result is a single number if both bounds are equal, and an empty string if there are no bounds.
    """
    if low is None and high is None:
        return ""
    if low is None or high is None:
        return f"at least {number_as_text(low)}" if low is not None else f"at most {number_as_text(high)}"
    return number_as_text(low) if low == high else f"{number_as_text(low)} to {number_as_text(high)}"


def number_as_text(number: float | None) -> str:
    """Format a number: an integer with thousands separators, another to three significant digits, None as empty."""
    if number is None:
        return ""
    return f"{number:,.0f}" if number == int(number) else f"{number:,.3g}"


def main(arguments: list[str]) -> int:
    """Print the rows that match every filter, for `panj evidence [key=text | words] ...`, and return exit code 0."""
    from rich.console import Console

    console = Console()
    rows = read_evidence()
    chosen = select(rows, arguments)
    if chosen:
        show(chosen, console)
    else:
        console.print(describe_no_match(rows, arguments), markup=False, highlight=False)
    return 0


def describe_no_match(rows: Sequence[Evidence], filters: Sequence[str]) -> str:
    """Return a message that no row matches the filters, with a list of all quantities."""
    quantities = "\n".join(f"  {name}" for name in sorted({row.quantity for row in rows}))
    return f"No evidence matches {' '.join(filters)}. Quantities:\n{quantities}"
