"""What a worker process of the classroom does: run a few campaigns and return their outcomes.

A process of its own, because pages and campaigns in one process would wait for each other: every campaign begins and
ends with a little Python. Nothing here imports what is slow to import, so that a new process starts quickly.
"""

import os

import pyarrow as pa

from sim.run.work import work
from sim.settings.settings import Piece
from sim.study.columns import runs_table

NICE = 10  # campaigns leave the processor to pages
CELL_COLUMNS = ["cell", "run"]  # of a study, without meaning here


def run_piece(piece: Piece) -> tuple[pa.Table, str]:
    """Run the campaigns of some seeds of one choice of settings.

    Args:
        piece: the settings, and the seeds to run.

    Returns:
        One row per campaign by seed, with `seed` and every outcome; and the error of the first that failed, or "".
    """
    chunk = work([piece])[0]
    failed = (
        f"seed {row['seed']}: {row['error']}" for row in chunk.select(["seed", "error"]).to_pylist() if row["error"]
    )
    return runs_table(chunk, {"cell": 0, "values": {}}, 0).drop_columns(CELL_COLUMNS), next(failed, "")


def run_piece_nicely(piece: Piece) -> tuple[pa.Table, str]:
    """Do the same in a process that yields to all others, where the system supports it."""
    if hasattr(os, "nice") and os.nice(0) < NICE:
        os.nice(NICE)
    return run_piece(piece)
