"""Worker process of the classroom: runs a few campaigns and returns their outcomes.

Campaigns run in processes of their own. In one process, pages and campaigns would delay each other, because every
campaign runs some Python code at its start and end. This module imports as little as possible, so that a new process
starts quickly.
"""

import os

import pyarrow as pa

from sim.configuration.settings import Piece
from sim.execution.work import work
from sim.study.columns import runs_table

NICE = 10  # niceness: pages take priority over campaigns
CELL_COLUMNS = ["cell", "run"]  # columns that only studies need


def run_piece(piece: Piece) -> tuple[pa.Table, str]:
    """Run campaigns of one choice of settings.

    Args:
        piece: The settings, and the seed of each campaign.

    Returns:
        A table with one row per campaign, in the order of the seeds, with columns for the seed, the drawn numbers and
        every outcome; and the error of the first campaign that failed, or an empty string if none failed.
    """
    chunk = work([piece])[0]
    failed = (
        f"seed {row['seed']}: {row['error']}" for row in chunk.select(["seed", "error"]).to_pylist() if row["error"]
    )
    return runs_table(chunk, {"cell": 0, "values": {}}, 0).drop_columns(CELL_COLUMNS), next(failed, "")


def run_piece_nicely(piece: Piece) -> tuple[pa.Table, str]:
    """Call `run_piece` at low priority, if the system supports it.

    Args:
        piece: The settings, and the seed of each campaign.

    Returns:
        The result of `run_piece`.
    """
    if hasattr(os, "nice") and os.nice(0) < NICE:
        os.nice(NICE)
    return run_piece(piece)
