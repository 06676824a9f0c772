"""Read tables of results, and print tables in a terminal."""

import csv
import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from sim.errors import PanjError
from sim.terminal import console_of

Row = dict[str, str]  # cells of a CSV row, by column


def read_rows(path: Path) -> list[Row]:
    """Read a CSV file.

    Args:
        path: Path of the file.

    Returns:
        The rows, each a mapping from column to text.
    """
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def read_object(path: Path) -> dict[str, Any]:
    """Read a JSON file that contains an object.

    Args:
        path: Path of the file.

    Returns:
        The object.

    Raises:
        ValueError: The file contains no JSON object.
    """
    return dict(json.loads(path.read_text(encoding="utf-8")))


@contextmanager
def reading(place: Path, verb: str, expected: str) -> Iterator[None]:
    """Convert errors that occur while results are read within a block to a PanjError with a one-line message.

    Args:
        place: The file or folder being read.
        verb: The subcommand that writes it.
        expected: Description of the expected content.

    Yields:
        None.

    Raises:
        PanjError: A file is missing or malformed.
    """
    try:
        yield
    except PanjError:
        raise
    except (OSError, ValueError, KeyError) as error:
        if isinstance(error, OSError) and error.filename is not None:
            raise PanjError(f"{error.filename}: cannot be read; python -m sim {verb} writes it") from None
        raise PanjError(f"{place}: found invalid content ({error}), expected {expected}") from None


def new_table(title: str, caption: str, first: str, numbers: Iterable[str], wrap_first: bool = False) -> Table:
    """Create an empty table whose first column is for names and whose other columns are for numbers.

    Args:
        title: Title above the table.
        caption: Caption below the table.
        first: Heading of the first column.
        numbers: Headings of the other columns.
        wrap_first: Whether long names are wrapped instead of being kept on one line.

    Returns:
        The table.
    """
    table = Table(title=title, caption=caption, title_justify="left", caption_justify="left", pad_edge=False)
    table.add_column(first, no_wrap=not wrap_first, overflow="fold")
    for name in numbers:
        table.add_column(name, justify="right", overflow="fold")
    return table


def print_results(parts: Iterable[Table | str], written: Iterable[Path], next_step: str, width: int = 118) -> int:
    """Print the results of a subcommand, the paths of the files written, and a command to try next.

    Args:
        parts: Tables and sentences, in the order in which they are printed.
        written: Paths of the files.
        next_step: The command to try next; `Next:` is printed before it.
        width: Line width in characters if the output is not a terminal.

    Returns:
        The exit code, which is always 0.
    """
    console = console_of(width=width)
    for part in parts:
        console.print(part, soft_wrap=isinstance(part, str))
    print_end(console, written, next_step)
    return 0


def print_end(console: Console, written: Iterable[Path], next_step: str) -> None:
    """Print the files that a subcommand wrote and a command to try next.

    Args:
        console: The console to print on.
        written: Paths of the files.
        next_step: The command to try next; `Next:` is printed before it.
    """
    for line in ("Written:", *(f"  {path}" for path in written), f"Next: {next_step}"):
        console.print(line, soft_wrap=True)
