"""Read tables of results, and print tables in a terminal."""

import csv
import json
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from sim.errors import PanjError

Row = dict[str, str]  # CSV row by column


def read_rows(path: Path) -> list[Row]:
    """Read the rows of a CSV file, each by column."""
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def read_object(path: Path) -> dict[str, Any]:
    """Read the object in a JSON file; ValueError when it is something else."""
    return dict(json.loads(path.read_text(encoding="utf-8")))


@contextmanager
def reading(place: Path, verb: str, expected: str) -> Iterator[None]:
    """Convert errors while reading results into a one-line PanjError.

    Args:
        place: The file or folder being read.
        verb: The verb that writes it.
        expected: What was expected.

    Raises:
        PanjError: A file is missing or malformed.
    """
    try:
        yield
    except OSError as error:
        raise PanjError(f"{error.filename}: cannot be read; python -m sim {verb} writes it") from None
    except (ValueError, KeyError) as error:
        raise PanjError(f"{place}: found something else ({error}), expected {expected}") from None


def console_for_tables(width: int = 118) -> Console:
    """A console as wide as the terminal, or `width` characters where there is none."""
    return Console(file=sys.stdout, width=None if sys.stdout.isatty() else width, highlight=False, markup=False)


def new_table(title: str, caption: str, first: str, numbers: Iterable[str], wrap_first: bool = False) -> Table:
    """A table with a column of names and columns of numbers; title and caption left-aligned."""
    table = Table(title=title, caption=caption, title_justify="left", caption_justify="left", pad_edge=False)
    table.add_column(first, no_wrap=not wrap_first, overflow="fold")
    for name in numbers:
        table.add_column(name, justify="right", overflow="fold")
    return table


def print_results(parts: Iterable[Table | str], written: Iterable[Path], next_step: str, width: int = 118) -> int:
    """Print the results of a verb.

    Args:
        parts: Tables and sentences.
        written: The files written.
        next_step: A command to try next, without "Next:".
        width: Line width where there is no terminal, in characters.

    Returns:
        The exit code, 0.
    """
    console = console_for_tables(width)
    for part in parts:
        console.print(part, soft_wrap=isinstance(part, str))
    print_end(console, written, next_step)
    return 0


def print_end(console: Console, written: Iterable[Path], next_step: str) -> None:
    """Print the files written and the next command."""
    for line in ("Written:", *(f"  {path}" for path in written), f"Next: {next_step}"):
        console.print(line, soft_wrap=True)
