"""Worlds on disk: numbers and seeds of campaigns that followed the record, one row each.

Writes  worlds.parquet: one row per world with its numbers in their own units, its seeds by day and of draws made
        once, its log likelihood by observation, and the world of the prior from which it descends.
Gives   `Worlds`, read back from such a file: a campaign can be run again from any row.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from sim.assimilate.campaigns import DAILY, LASTING, NUMBER_SHARE, address_of
from sim.assimilate.sampler import Cloud, Floats
from sim.engine.chance import Address
from sim.errors import PanjError
from sim.settings.draws import Prior

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


class Worlds(NamedTuple):
    """Campaigns that followed the record, of equal weight."""

    keys: tuple[str, ...]  # numbers
    numbers: Floats  # worlds x numbers, in their own units
    addresses: tuple[Address, ...]
    about: dict[str, Any]  # how they were made

    def numbers_of(self, world: int) -> dict[str, float]:
        """The numbers of one world, by key."""
        return dict(zip(self.keys, self.numbers[world].tolist(), strict=True))


def table_of_worlds(
    cloud: Cloud, priors: Sequence[Prior], names: Sequence[str], terms: Floats, about: Mapping[str, Any]
) -> pa.Table:
    """The table of a sample.

    Args:
        cloud: the sample.
        priors: of the numbers.
        names: of the observations.
        terms: worlds x observations: log likelihoods.
        about: how the sample was made; kept in the metadata.
    """
    shares, daily, lasting = cloud.state[NUMBER_SHARE], cloud.state[DAILY], cloud.state[LASTING]
    addresses = [address_of(*seeds) for seeds in zip(daily, lasting, strict=True)]
    lists: dict[str, list[list[int]]] = {
        "first_day": [[day for day, _ in one.runs] for one in addresses],
        "seed": [[seed for _, seed in one.runs] for one in addresses],
        "stream": [[stream for stream, _, _ in one.lasting] for one in addresses],
        "province": [[province for _, province, _ in one.lasting] for one in addresses],
        "seed_once": [[seed for _, _, seed in one.lasting] for one in addresses],
    }
    columns: dict[str, pa.Array] = {
        "world": pa.array(np.arange(len(addresses), dtype=np.int32)),
        "origin": pa.array(cloud.origin.astype(np.int32)),
        **{name: pa.array(lists[name], kind) for name, kind in SEEDS.items()},
    }
    for place, prior in enumerate(priors):
        columns[prior.key] = pa.array([prior.at(float(share)) for share in shares[:, place]], pa.float64())
    for place, name in enumerate(names):
        columns[LOG_LIKELIHOOD + name] = pa.array(terms[:, place].astype(np.float32))
    return pa.table(columns).replace_schema_metadata({ABOUT: json.dumps(about, sort_keys=True).encode()})


def write_worlds(table: pa.Table, path: Path) -> None:
    """Write a sample as a Parquet file."""
    pq.write_table(table, path, compression="zstd", compression_level=19, write_page_checksum=True)


def read_worlds(path: Path) -> Worlds:
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
    except FileNotFoundError:
        raise PanjError(
            f"worlds.file: found no file {path}, expected one that python -m sim assimilate wrote"
        ) from None
    except (OSError, pa.ArrowException, KeyError, ValueError) as error:
        reason = " ".join(str(error).split())[:120]
        raise PanjError(f"worlds.file: found {path}, which cannot be read ({reason}), expected {EXPECTED}") from error
    addresses = tuple(
        Address(tuple(zip(days, seeds, strict=True)), tuple(zip(streams, provinces, others, strict=True)))
        for days, seeds, streams, provinces, others in zip(*lists.values(), strict=True)
    )
    if not addresses or not np.isfinite(numbers).all():
        raise PanjError(f"worlds.file: found {path} with {len(addresses)} worlds, expected some, with finite numbers")
    return Worlds(keys, numbers, addresses, about)
