"""Small helpers that tests of several folders share."""

import csv
import os
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
Table = list[dict[str, str]]


def rewrite(path: Path, change: Callable[[Table], Table | None]) -> None:
    """Change the rows of a CSV file; `change` either edits them in place or returns new ones."""
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    rows = change(rows) or rows
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def spoil(path: Path, row: int, **cells: str) -> None:
    """Overwrite cells in one row of a CSV file; row 0 is line 2 of the file."""
    rewrite(path, lambda rows: rows[row].update(cells))


def evidence_row(**cells: str) -> str:
    """Return a line of evidence.csv with a made-up figure; `cells` are those that differ from the usual."""
    row = {
        "id": "M001", "date_start": "2021-06-21", "date_end": "2021-06-21", "quantity": "districts", "value": "3",
        "unit": "districts", "scope": "Kunduz", "source": "a source", "confidence": "low", "use": "context", **cells,
    }  # fmt: skip
    header = (ROOT / "sim" / "data" / "evidence.csv").read_text(encoding="utf-8").splitlines()[0].split(",")
    return ",".join(row.get(name, "") for name in header) + "\n"


def raising(error: BaseException) -> Callable[..., Any]:
    """Return a function that raises an error whatever its arguments are."""

    def function(*_arguments: Any, **_named: Any) -> None:
        raise error

    return function


def free_port() -> int:
    """Return the number of a port on which nothing listens."""
    with socket.socket() as trial:
        trial.bind(("127.0.0.1", 0))
        return int(trial.getsockname()[1])


def run_python(script: str, *words: str, cwd: Path | None = None, **environment: str) -> subprocess.CompletedProcess:
    """Run a script in a separate process and return the finished process.

    It imports `sim` from this clone unless PYTHONPATH is given.
    """
    return subprocess.run(
        [sys.executable, "-c", script, *words], capture_output=True, text=True, check=False, cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
    )  # fmt: skip
