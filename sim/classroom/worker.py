"""Worker process of the classroom: runs a few campaigns and returns their outcomes.

Campaigns run in separate processes. In one process, pages and campaigns would delay each other, because every
campaign runs some Python code at its start and end. This module imports as little as possible, so that a new process
starts quickly.
"""

import os
from collections.abc import Callable
from typing import Any

import pyarrow as pa

from sim.configuration.settings import Piece
from sim.execution.work import work
from sim.study.columns import runs_table

NICE = 10  # niceness, so that pages have priority over campaigns
CELL_COLUMNS = ["cell", "run"]  # columns that are needed only in studies


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


def nicely(function: Callable[..., Any], *arguments: Any) -> Any:
    """Call a function at low priority, if the system supports it; this process keeps that priority.

    Args:
        function: A module-level function.
        arguments: Its arguments.

    Returns:
        The result of the function.
    """
    if hasattr(os, "nice") and os.nice(0) < NICE:
        os.nice(NICE)
    return function(*arguments)
