"""Standard output that cannot stop the work: a pipe that was closed, a full disk, or no output at all."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


class Output:
    """Standard output that is silent after the first time it cannot be written."""

    def __init__(self, file: Any) -> None:
        self.file = file
        self.error: OSError | None = None

    def write(self, text: str) -> int:
        """Write, as long as that works; what an old code page lacks is replaced."""
        try:
            self.file.write(text)
        except UnicodeEncodeError:
            self.write(text.encode(self.file.encoding, "replace").decode(self.file.encoding))
        except OSError as error:
            self.close_with(error)
        return len(text)

    def flush(self) -> None:
        """Flush, as long as that works."""
        try:
            self.file.flush()
        except OSError as error:
            self.close_with(error)

    def close_with(self, error: OSError) -> None:
        """Send what is printed from now on nowhere, also what Python flushes when it ends."""
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
    """Replace standard output for the duration of a block.

    Yields:
        The output, whose `error` is set once it cannot be written. A closed pipe (`| head`) is no error for users.
    """
    usual = sys.stdout
    output = Output(open(os.devnull, "w") if usual is None else usual)  # noqa: SIM115
    sys.stdout = output  # type: ignore[assignment]
    try:
        yield output
    finally:
        output.flush()
        sys.stdout = usual
