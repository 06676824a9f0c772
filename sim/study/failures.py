"""The campaigns of a study that raised, grouped by cause and by where in the settings they lie.

Reads   failures.parquet and about.json of a study.
Gives   `python -m sim failures results/<study>`: a table, and a command that lives one of them again under a debugger.
"""

import re
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow.parquet as pq
from rich.console import Console
from rich.table import Table

from sim.errors import PanjError
from sim.provenance import read_about
from sim.study.design import LUCK
from sim.study.sweep import say
from sim.study.words import fixed_of, parse

USAGE = "python -m sim failures results/<study>"
NOT_AGAIN = (
    "runs",
    "seed",
    "study",
    "results_dir",
    "executor",
    "precision",
    "sampling",
    "runs_max",
)  # for one campaign


class Cause(NamedTuple):
    """Failures that say the same, numbers aside."""

    said: str
    campaigns: int
    cells: tuple[int, ...]
    example: dict[str, Any]  # a row of failures.parquet


def main(words: Sequence[str]) -> int:
    """Print the causes; 0 whether or not there are any."""
    from sim.study.run import console_of

    if len(words) != 1 or "=" in words[0]:
        raise PanjError(f"failures: found '{' '.join(words)}', expected one folder: {USAGE}")
    folder = Path(words[0])
    show(folder, read_about(folder), console_of())
    return 0


def show(folder: Path, about: dict[str, Any], console: Console) -> None:
    """The table, where each cause lies, and a command."""
    causes = causes_of(folder)
    if not causes:
        console.print(f"{folder}: every one of {about['campaigns']} campaigns finished.")
        return
    table = Table(title=f"{about['failed']} of {about['campaigns'] + about['failed']} campaigns failed")
    for column in ("cause", "campaigns", "where", "example"):
        table.add_column(column, overflow="fold")
    for cause in causes:
        example = f"cell {cause.example['cell']}, seed {cause.example['seed']}: {cause.example['error']}"
        table.add_row(cause.said, str(cause.campaigns), "\n".join(region_of(cause, about)), example)
    console.print(table)
    if LUCK in about["swept"]:
        console.print(
            "They are points of a sensitivity study, which settings do not name. Tracebacks: failures.parquet."
        )
        return
    console.print("To live one of them again under a debugger (NUMBA_DISABLE_JIT=1 before it steps into the rules):")
    for cause in causes:
        console.print(f"  {command_of(cause, about)}", soft_wrap=True)
    console.print("The same sweep command tries the failed campaigns again. Tracebacks are in failures.parquet.")


def causes_of(folder: Path) -> list[Cause]:
    """Most frequent first."""
    path = folder / "failures.parquet"
    if not path.is_file():
        return []
    groups: dict[str, list[dict[str, Any]]] = {}
    for row in pq.read_table(path).drop_columns(["traceback"]).to_pylist():
        groups.setdefault(re.sub(r"\d+", "N", row["error"]), []).append(row)
    causes = [
        Cause(said, len(rows), tuple(sorted({row["cell"] for row in rows})), rows[0]) for said, rows in groups.items()
    ]
    return sorted(causes, key=lambda cause: (-cause.campaigns, cause.said))


def region_of(cause: Cause, about: dict[str, Any]) -> list[str]:
    """For each swept key the values or the range within which the cause is found, and out of which."""
    if not about["swept"]:
        return [f"{cause.campaigns} of {about['campaigns'] + about['failed']} campaigns"]
    cells = {cell["cell"]: cell["values"] for cell in about["cells"]}
    lines = [f"{len(cause.cells)} of {len(cells)} cells"]
    for key in about["swept"]:
        there, everywhere = [{values[key] for values in some} for some in
                             ([cells[cell] for cell in cause.cells], cells.values())]  # fmt: skip
        if there == everywhere:
            continue
        if all(isinstance(value, int | float) for value in everywhere):
            lines.append(f"{key} from {say(min(there))} to {say(max(there))} "
                         f"(swept from {say(min(everywhere))} to {say(max(everywhere))})")  # fmt: skip
        else:
            lines.append(f"{key}={', '.join(sorted(map(str, there)))} (of {len(everywhere)} values)")
    return lines if len(lines) > 1 else [*lines, "at every value of what was swept"]


def command_of(cause: Cause, about: dict[str, Any]) -> str:
    """One line that lives the example again."""
    cell = next(cell for cell in about["cells"] if cell["cell"] == cause.example["cell"])
    fixed = [word for word in fixed_of(about["words"]) if parse(word).key_or_group.split(".")[0] not in NOT_AGAIN]
    words = [*fixed, *cell["words"], f"seed={cause.example['seed']}"]
    return shlex.join(["python", "-m", "pdb", "-c", "continue", "-m", "sim.study.again", *words])
