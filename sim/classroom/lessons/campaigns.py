"""Campaigns for lessons outside the classroom's server: lived when asked for, and kept in the results folder.

Reads   <results>/lessons/<fingerprint of settings>/*.parquet, a chunk of seeds a file.
Writes  the same. A chunk that cannot be read is lived again.
Assumed The fingerprint says all that decides a campaign: settings, rules, data, outcomes and draws.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from sim.classroom.lessons.lesson import Overrides
from sim.errors import PanjError
from sim.run.executors import cores
from sim.run.work import work
from sim.settings.compose import Composer
from sim.settings.settings import Order, Piece
from sim.settings.sweep import Cell
from sim.study.columns import runs_table
from sim.study.files import write_file

CHUNK = 50
OF_A_CELL = ["cell", "run"]
KEPT = "lessons"  # folder under the results


class CampaignStore:
    """Campaigns by settings and seed."""

    def __init__(self, results: Path) -> None:
        self.folder = results / KEPT
        self.orders: dict[Overrides, Order] = {}

    @cached_property
    def composer(self) -> Composer:
        """Made when first needed: it takes a second."""
        return Composer()

    def order(self, overrides: Overrides) -> Order:
        """What the words resolve to; PanjError for what is wrong with them."""
        if overrides not in self.orders:
            self.orders[overrides] = Cell(0, {}, (), self.composer.settings([*overrides, "daily=false"])).order
        return self.orders[overrides]

    def table(self, overrides: Overrides, first_seed: int, runs: int) -> pa.Table:
        """The campaigns of so many seeds, a row each, from the record or lived now."""
        order = self.order(overrides)
        last = first_seed + runs
        chunks = range(first_seed // CHUNK, -(-last // CHUNK))
        missing = [chunk for chunk in chunks if not self.path(order, chunk).exists()]
        with ThreadPoolExecutor(cores()) as pool:
            lived = dict(zip(missing, pool.map(lambda chunk: self.live(order, chunk), missing), strict=True))
        whole = pa.concat_tables(lived[chunk] if chunk in lived else self.read(order, chunk) for chunk in chunks)
        return whole.slice(first_seed - chunks.start * CHUNK, runs)

    def path(self, order: Order, chunk: int) -> Path:
        """Where a chunk lies."""
        return self.folder / order.key / f"seeds_{chunk * CHUNK:09d}.parquet"

    def read(self, order: Order, chunk: int) -> pa.Table:
        """A chunk as it was kept; a damaged one is lived again."""
        try:
            table = pq.read_table(self.path(order, chunk))
        except (OSError, pa.ArrowException):
            return self.live(order, chunk)
        return table if table.num_rows == CHUNK else self.live(order, chunk)

    def live(self, order: Order, chunk: int) -> pa.Table:
        """Live a chunk and keep it, whole or not at all."""
        seeds = tuple(range(chunk * CHUNK, (chunk + 1) * CHUNK))
        table = outcomes_of_seeds(order, seeds)
        write_file(self.path(order, chunk), lambda file: pq.write_table(table, file))
        return table


def outcomes_of_seeds(order: Order, seeds: Sequence[int]) -> pa.Table:
    """A row a seed; PanjError where a campaign does not come to its end."""
    chunk = work([Piece(order, tuple(seeds))])[0]
    for seed, error in zip(chunk["seed"].to_pylist(), chunk["error"].to_pylist(), strict=True):
        if error:
            raise PanjError(
                f"seed {seed}: found a campaign that does not come to its end ({error}), expected one that does"
            )
    return runs_table(chunk, {"cell": 0, "values": {}}, 0).drop_columns(OF_A_CELL)
