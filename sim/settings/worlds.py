"""Worlds that followed the record: numbers and seeds of campaigns, read from a file that `assimilate` wrote.

Reads   worlds.parquet: one row per world with its numbers in their own units, its seeds by day and of draws made once.
Gives   `Worlds`. A campaign of seed s is world s modulo their number, followed to the last day that reports speak of;
        from the day after it draws from seed s alone.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from sim.data.configs import folder_of
from sim.engine.chance import Address
from sim.engine.compile import fingerprint_of_rules
from sim.errors import PanjError
from sim.settings.posterior import Floats

FREE, RECORD = "free", "record"
ABOUT = b"panj"  # metadata key
LOG_LIKELIHOOD = "log_likelihood/"  # prefix of the columns of observations
EXPECTED = "one that python -m sim assimilate wrote"
SEEDS = {
    "first_day": pa.list_(pa.int16()),
    "seed": pa.list_(pa.int64()),
    "stream": pa.list_(pa.int8()),
    "province": pa.list_(pa.int8()),
    "seed_once": pa.list_(pa.int64()),
}


@dataclass(frozen=True)
class Worlds:
    """Campaigns that followed the record, of equal weight; equal when made of the same numbers and seeds."""

    digest: str  # hash of numbers and seeds
    keys: tuple[str, ...] = field(compare=False)  # numbers
    numbers: Floats = field(compare=False, repr=False)  # worlds x numbers, in their own units
    addresses: tuple[Address, ...] = field(compare=False, repr=False)
    about: Mapping[str, Any] = field(compare=False, repr=False)  # how they were made

    @property
    def until(self) -> date:
        """The last day that reports speak of."""
        return date.fromisoformat(self.about["until"])

    @property
    def said(self) -> str:
        """Text for summaries, figures and pages."""
        return f"assimilated: {len(self.addresses):,} worlds that followed the record to {self.until}"

    def numbers_of(self, seed: int) -> dict[str, float]:
        """The numbers of the world of a seed, by key."""
        return dict(zip(self.keys, self.numbers[seed % len(self.addresses)].tolist(), strict=True))

    def address_of(self, seed: int) -> Address:
        """The address of the campaign of a seed."""
        world = self.addresses[seed % len(self.addresses)]
        start = date.fromisoformat(self.about["start_date"])
        return Address((*world.runs, ((self.until - start).days + 1, seed)), world.lasting)


def worlds_for(file: str | None, data: str) -> Worlds:
    """The worlds in a file, for data with this fingerprint; by default `configs/worlds.parquet`.

    Raises:
        PanjError: if there is no such file, or it is damaged or of other rules or data.
    """
    path = Path(file).expanduser() if file else folder_of("configs") / "worlds.parquet"
    if not path.is_file():
        raise PanjError(f"worlds.file: found no file {path}, expected {EXPECTED}; or worlds=free without one")
    worlds = read_worlds(path, path.stat().st_mtime_ns)
    there = {"rules": worlds.about["rules_fingerprint"], "data": worlds.about["data_fingerprint"]}
    other = [name for name, here in (("rules", fingerprint_of_rules()), ("data", data)) if there[name] != here]
    if other:
        raise PanjError(
            f"worlds.file: found {path}, made with other {' and '.join(other)}, expected worlds of this version: "
            "python -m sim assimilate"
        )
    return worlds


@lru_cache(maxsize=4)
def read_worlds(path: Path, _changed: int = 0) -> Worlds:
    """Read a sample.

    Args:
        path: of a file that `assimilate` wrote.

    Raises:
        PanjError: for a file that is missing, damaged or something else.
    """
    try:
        table = pq.read_table(path, page_checksum_verification=True)
        about = json.loads((table.schema.metadata or {})[ABOUT])
        keys = tuple(about["numbers"])
        numbers = np.column_stack([table[key].to_numpy() for key in keys])
        lists = {name: table[name].to_pylist() for name in SEEDS}
        addresses = tuple(
            Address(tuple(zip(days, seeds, strict=True)), tuple(zip(streams, provinces, others, strict=True)))
            for days, seeds, streams, provinces, others in zip(*lists.values(), strict=True)
        )
    except (OSError, pa.ArrowException, KeyError, ValueError, TypeError) as error:
        reason = " ".join(str(error).split())[:120]
        raise PanjError(f"worlds.file: found {path}, which cannot be read ({reason}), expected {EXPECTED}") from error
    if not addresses or not np.isfinite(numbers).all():
        raise PanjError(f"worlds.file: found {path} with {len(addresses)} worlds, expected some, with finite numbers")
    made_of = json.dumps([keys, addresses]).encode() + numbers.tobytes()
    return Worlds(sha256(made_of).hexdigest()[:16], keys, numbers, addresses, about)
