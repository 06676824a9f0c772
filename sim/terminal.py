"""Standard output: a console, JSON results, and a wrapper that tolerates a closed pipe or a full disk."""

import json
import math
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, redirect_stdout
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from rich.console import Console

WIDTH = 110  # line width in characters if the output is not a terminal


class Answer(NamedTuple):
    """The result of a verb that returns more than an exit code."""

    code: int = 0  # exit code
    folder: Path | None = None  # folder written by the verb, which --quiet prints
    result: Callable[[], Any] | None = None  # returns the result for --json: mappings, lists and plain values


class Output:
    """Standard output that discards everything after the first failed write."""

    def __init__(self, file: Any) -> None:
        self.file = file
        self.error: OSError | None = None

    def write(self, text: str) -> int:
        """Write text, replacing characters that the encoding of the terminal lacks, and return its length."""
        try:
            self.file.write(text)
        except UnicodeEncodeError:
            self.write(text.encode(self.file.encoding, "replace").decode(self.file.encoding))
        except OSError as error:
            self.close_with(error)
        return len(text)

    def flush(self) -> None:
        """Flush the output; like a failed write, a failed flush discards all further output."""
        try:
            self.file.flush()
        except OSError as error:
            self.close_with(error)

    def close_with(self, error: OSError) -> None:
        """Store the first error and discard all further output, including that flushed when Python exits."""
        if self.error is None:
            self.error = error
            nowhere = os.open(os.devnull, os.O_WRONLY)
            try:
                os.dup2(nowhere, self.file.fileno())
            except (OSError, ValueError):
                self.file = open(os.devnull, "w")  # noqa: SIM115  (for the rest of the process)
            finally:
                os.close(nowhere)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.file, name)


@contextmanager
def safe_output() -> Iterator[Output]:
    """Replace standard output with an `Output` for the duration of a block.

    Yields:
        The output; its `error` is set once a write has failed. Callers treat a closed pipe (`| head`) as success.
    """
    usual = sys.stdout
    output = Output(open(os.devnull, "w") if usual is None else usual)  # noqa: SIM115
    sys.stdout = output  # type: ignore[assignment]
    try:
        yield output
    finally:
        output.flush()
        sys.stdout = usual


@contextmanager
def moved_output(is_dropped: bool, is_moved: bool) -> Iterator[None]:
    """Discard standard output, or redirect it to standard error, for the duration of a block.

    Args:
        is_dropped: Whether to discard it.
        is_moved: Whether to redirect it to standard error, if it is not discarded.
    """
    if is_dropped or (is_moved and sys.stderr is None):
        with open(os.devnull, "w", encoding="utf-8") as nowhere, redirect_stdout(nowhere):
            yield
    elif is_moved:
        with redirect_stdout(Output(sys.stderr)):  # type: ignore[type-var]
            yield
    else:
        yield


def json_line(result: Any) -> str:
    """Format a result as one line of JSON.

    Args:
        result: Mappings, lists and plain values. Dates become ISO dates, paths become texts and non-finite numbers
            become null, since JSON has none of these.
    """
    return json.dumps(plain(result), ensure_ascii=False)


def plain(value: Any) -> Any:
    """Replace values that JSON does not support with ones that it does."""
    if isinstance(value, Mapping):
        return {str(key): plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(one) for one in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if value is None or isinstance(value, str | int):
        return value
    return value.isoformat() if isinstance(value, date) else str(value)


def console_of(file: Any = None, width: int = WIDTH) -> "Console":
    """Return a console for output, as wide as the terminal.

    Args:
        file: File to write to; standard output by default.
        width: Width in characters if standard output is not a terminal.

    Returns:
        The console, which does not interpret markup in the text.
    """
    from rich.console import Console  # slow to import

    wide = None if sys.stdout.isatty() else width
    return Console(file=file or sys.stdout, width=wide, highlight=False, markup=False)
