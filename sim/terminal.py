"""A wrapper around standard output that raises no error if the pipe is closed, the disk full or output missing."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


class Output:
    """Standard output that discards everything after the first write that fails."""

    def __init__(self, file: Any) -> None:
        self.file = file
        self.error: OSError | None = None

    def write(self, text: str) -> int:
        """Write text, replacing characters that the terminal's encoding lacks, and return its length."""
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
        """Store the first error and discard all further output, including what Python flushes when it exits."""
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
    """Replace standard output by an `Output` for the duration of a block.

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
