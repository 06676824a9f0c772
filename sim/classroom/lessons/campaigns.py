"""Run the campaigns of lessons outside the classroom server, and store them in the results folder.

Reads   <results>/lessons/<fingerprint of settings>/*.parquet, one file per chunk of seeds.
Writes  the same files; unreadable chunks are run again.
Assumes The fingerprint covers everything that determines a campaign: settings, rules, data, outcomes and draws.
"""

from abc import ABC, abstractmethod
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from sim.classroom.worker import run_piece
from sim.configuration.compose import Composer
from sim.configuration.overrides import Overrides
from sim.configuration.settings import Order, Piece, Settings
from sim.configuration.sweep import order_of
from sim.errors import PanjError
from sim.execution.executors import cores
from sim.study.files import write_file

CHUNK = 50  # campaigns per file
KEPT = "lessons"  # subfolder of the results folder


class ChunkedCampaigns(ABC):
    """Campaigns in chunks of consecutive seeds; missing chunks are run on all cores."""

    @abstractmethod
    def order(self, overrides: Overrides) -> Order:
        """Return a choice's settings in the form that workers receive; raise PanjError if they are invalid."""

    @abstractmethod
    def kept(self, order: Order, chunk: int) -> pa.Table | None:
        """Return a stored chunk, or None if it must be run."""

    @abstractmethod
    def keep(self, order: Order, chunk: int, table: pa.Table) -> None:
        """Store a finished chunk."""

    @abstractmethod
    def run_piece(self, piece: Piece) -> tuple[pa.Table, str]:
        """Run campaigns; return their table, and the error of the first campaign that failed or an empty string."""

    def table(self, overrides: Overrides, first_seed: int, runs: int) -> pa.Table:
        """Return campaigns with consecutive seeds, running those that are not stored.

        Args:
            overrides: The choice of settings.
            first_seed: Seed of the first campaign.
            runs: Number of campaigns.

        Returns:
            One row per campaign, in the order of seeds, with `seed` and every outcome.

        Raises:
            PanjError: The settings are invalid, or a campaign fails.
        """
        order = self.order(overrides)
        chunks = range(first_seed // CHUNK, -(-(first_seed + runs) // CHUNK))
        found = {chunk: self.kept(order, chunk) for chunk in chunks}
        missing = [chunk for chunk, table in found.items() if table is None]
        with ThreadPoolExecutor(cores()) as pool:
            found |= dict(zip(missing, pool.map(lambda chunk: self.run(order, chunk), missing), strict=True))
        return pa.concat_tables(found[chunk] for chunk in chunks).slice(first_seed - chunks.start * CHUNK, runs)

    def run(self, order: Order, chunk: int) -> pa.Table:
        """Run a chunk, store it and return it; raise PanjError if a campaign fails."""
        table, error = self.run_piece(Piece(order, tuple(range(chunk * CHUNK, (chunk + 1) * CHUNK))))
        if error:
            raise PanjError(f"campaigns: found a failed campaign ({error}), expected all to finish")
        self.keep(order, chunk, table)
        return table


class CampaignStore(ChunkedCampaigns):
    """A store of campaigns in the results folder, keyed by settings and seed."""

    def __init__(self, results: Path) -> None:
        self.folder = results / KEPT
        self.orders: dict[Overrides, Order] = {}

    @cached_property
    def composer(self) -> Composer:
        """The composer of settings, created only when needed, which takes a second."""
        return Composer()

    def settings(self, overrides: Overrides) -> Settings:
        """Return the settings of a choice, without daily series; raise PanjError if the overrides are invalid."""
        return self.composer.settings(overrides + Overrides.of(["daily=false"]))

    def order(self, overrides: Overrides) -> Order:
        """Return a choice's settings in the form that workers receive, cached; raise PanjError if they are invalid."""
        if overrides not in self.orders:
            self.orders[overrides] = order_of(self.settings(overrides))
        return self.orders[overrides]

    def path(self, order: Order, chunk: int) -> Path:
        """Return the path of the file in which a chunk of campaigns is stored."""
        return self.folder / order.key / f"seeds_{chunk * CHUNK:09d}.parquet"

    def kept(self, order: Order, chunk: int) -> pa.Table | None:
        """Read a stored chunk; return None if there is no file or it is damaged."""
        try:
            table = pq.read_table(self.path(order, chunk), page_checksum_verification=True)
        except (OSError, pa.ArrowException):
            return None
        return table if table.num_rows == CHUNK else None

    def keep(self, order: Order, chunk: int, table: pa.Table) -> None:
        """Store a chunk atomically."""
        write_file(self.path(order, chunk), lambda file: pq.write_table(table, file, write_page_checksum=True))

    def run_piece(self, piece: Piece) -> tuple[pa.Table, str]:
        """Run campaigns in this process; return their table, and the error of the first campaign that failed."""
        return run_piece(piece)
