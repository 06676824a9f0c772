"""Worker process of the classroom: runs a few campaigns and returns their outcomes.

Campaigns run in separate processes because pages and campaigns in one process would delay each other: every campaign
begins and ends with some Python code. This module imports nothing slow, so that a new process starts quickly.
"""

import os

import pyarrow as pa

from sim.run.work import work
from sim.settings.settings import Piece
from sim.study.columns import runs_table

NICE = 10  # niceness: pages take priority over campaigns
CELL_COLUMNS = ["cell", "run"]  # columns of a study that have no meaning here


def run_piece(piece: Piece) -> tuple[pa.Table, str]:
    """Run the campaigns of some seeds of one choice of settings.

    Args:
        piece: The settings and the seeds.

    Returns:
        One row per campaign, by seed, with `seed` and every outcome; and the error of the first that failed, or "".
    """
    chunk = work([piece])[0]
    failed = (
        f"seed {row['seed']}: {row['error']}" for row in chunk.select(["seed", "error"]).to_pylist() if row["error"]
    )
    return runs_table(chunk, {"cell": 0, "values": {}}, 0).drop_columns(CELL_COLUMNS), next(failed, "")


def run_piece_nicely(piece: Piece) -> tuple[pa.Table, str]:
    """Call `run_piece` at low priority, if the system supports it.

    Args:
        piece: The settings and the seeds.

    Returns:
        The result of `run_piece`.
    """
    if hasattr(os, "nice") and os.nice(0) < NICE:
        os.nice(NICE)
    return run_piece(piece)
