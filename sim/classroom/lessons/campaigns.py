"""Run the campaigns of lessons that are done outside the classroom server, and store them in the results folder.

Reads   <results>/lessons/<fingerprint of settings>/*.parquet, one file per chunk of seeds.
Writes  the same files; a chunk that cannot be read is run again.
Assumes The fingerprint covers everything that determines a campaign: settings, rules, data, outcomes and draws.
"""

from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from sim.classroom.worker import run_piece
from sim.configuration.compose import Composer
from sim.configuration.overrides import Overrides
from sim.configuration.settings import Order, Piece, Settings
from sim.configuration.sweep import Cell
from sim.errors import PanjError
from sim.execution.executors import cores
from sim.study.files import write_file

CHUNK = 50  # campaigns per file
KEPT = "lessons"  # subfolder of the results folder


class CampaignStore:
    """A store of campaigns in the results folder, keyed by settings and seed."""

    def __init__(self, results: Path) -> None:
        self.folder = results / KEPT
        self.orders: dict[Overrides, Order] = {}

    @cached_property
    def composer(self) -> Composer:
        """The composer of settings, created only when it is needed, because creating it takes a second."""
        return Composer()

    def settings(self, overrides: Overrides) -> Settings:
        """Return the settings of a choice, with daily series off; raise PanjError if the overrides are invalid."""
        return self.composer.settings(overrides + Overrides.of(["daily=false"]))

    def order(self, overrides: Overrides) -> Order:
        """Return a choice's settings in the form that workers receive, cached; raise PanjError if they are invalid."""
        if overrides not in self.orders:
            self.orders[overrides] = Cell(0, {}, (), self.settings(overrides)).order
        return self.orders[overrides]

    def table(self, overrides: Overrides, first_seed: int, runs: int) -> pa.Table:
        """Return campaigns with consecutive seeds from the store, which runs the campaigns that it does not have yet.

        Args:
            overrides: The choice of settings.
            first_seed: Seed of the first campaign.
            runs: Number of campaigns.

        Returns:
            One row per campaign, in the order of seeds, with `seed` and every outcome.

        Raises:
            PanjError: The settings are wrong, or a campaign fails.
        """
        order = self.order(overrides)
        last = first_seed + runs
        chunks = range(first_seed // CHUNK, -(-last // CHUNK))
        missing = [chunk for chunk in chunks if not self.path(order, chunk).exists()]
        with ThreadPoolExecutor(cores()) as pool:
            ran = dict(zip(missing, pool.map(lambda chunk: self.run(order, chunk), missing), strict=True))
        whole = pa.concat_tables(ran[chunk] if chunk in ran else self.read(order, chunk) for chunk in chunks)
        return whole.slice(first_seed - chunks.start * CHUNK, runs)

    def path(self, order: Order, chunk: int) -> Path:
        """Return the path of the file in which a chunk of campaigns is stored."""
        return self.folder / order.key / f"seeds_{chunk * CHUNK:09d}.parquet"

    def read(self, order: Order, chunk: int) -> pa.Table:
        """Read a stored chunk and return it; if its file is damaged, run the chunk again."""
        try:
            table = pq.read_table(self.path(order, chunk))
        except (OSError, pa.ArrowException):
            return self.run(order, chunk)
        return table if table.num_rows == CHUNK else self.run(order, chunk)

    def run(self, order: Order, chunk: int) -> pa.Table:
        """Run a chunk, store it atomically and return it; raise PanjError if a campaign fails."""
        table, error = run_piece(Piece(order, tuple(range(chunk * CHUNK, (chunk + 1) * CHUNK))))
        if error:
            raise PanjError(f"campaigns: found a failed campaign ({error}), expected all to finish")
        write_file(self.path(order, chunk), lambda file: pq.write_table(table, file))
        return table
