"""What a worker process of the desk does: live a few campaigns, and give back their outcomes.

A process of its own, for pages and campaigns would wait for each other within one: every campaign begins and ends with
a little Python. Nothing here imports what is slow to import.
"""

import os

import pyarrow as pa

from sim.results import runs_table
from sim.study.work import Piece, work

NICE = 10  # campaigns leave the processor to pages
OF_A_CELL = ["cell", "run"]


def live(piece: Piece) -> tuple[pa.Table, str]:
    """A row a campaign, with `seed` and every outcome; and why the first that failed did so."""
    give_way()
    lived = work([piece])[0]
    failed = [error for error in lived["error"].to_pylist() if error]
    table = runs_table(lived, {"cell": 0, "values": {}}, 0).drop_columns(OF_A_CELL)
    return table, failed[0] if failed else ""


def give_way() -> None:
    """Once a process, where the system knows such a thing."""
    if hasattr(os, "nice") and os.nice(0) < NICE:
        os.nice(NICE)
