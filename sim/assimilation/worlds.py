"""Store campaigns that were conditioned on the record as numbers and seeds from which they can be rerun.

Writes  worlds.parquet, which `sim.configuration.worlds` reads. Each row contains the numbers of a world in their units,
        its seeds of daily draws and of draws made once, its log likelihood by observation, the run of the
        sampler that it is from, and the number of its ancestor in the prior samples of all runs.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from sim.assimilation.campaigns import NUMBER_SHARE, address_of
from sim.configuration.draws import Prior
from sim.configuration.worlds import ABOUT, LOG_LIKELIHOOD, SEEDS
from sim.provenance import sealed_text
from sim.sampler import Floats, Pool
from sim.study.codebook import Codebook


def table_of_worlds(
    pool: Pool, priors: Sequence[Prior], names: Sequence[str], terms: Floats, about: Mapping[str, Any]
) -> pa.Table:
    """Return the table of a sample, with one row per world.

    Args:
        pool: The worlds, with numbers as cumulative prior probabilities.
        priors: Prior of each number, for the conversion of its share to its unit.
        names: Names of the observations.
        terms: (worlds, observations) Log likelihoods.
        about: Description of how the sample was made, stored with its digest in the metadata of the file.
    """
    shares = pool.state[NUMBER_SHARE]
    addresses = [address_of(*seeds) for seeds in zip(*pool.state[NUMBER_SHARE + 1 :], strict=True)]
    columns: dict[str, pa.Array] = {
        "world": pa.array(np.arange(len(addresses), dtype=np.int32)),
        "repeat": pa.array((pool.repeat + 1).astype(np.int16)),
        "origin": pa.array(pool.origin.astype(np.int32)),
    }
    for field, kinds in SEEDS.items():
        for place, (name, kind) in enumerate(kinds.items()):
            columns[name] = pa.array([[part[place] for part in getattr(one, field)] for one in addresses], kind)
    for place, prior in enumerate(priors):
        columns[prior.key] = pa.array([prior.at(float(share)) for share in shares[:, place]], pa.float64())
    for place, name in enumerate(names):
        columns[LOG_LIKELIHOOD + name] = pa.array(terms[:, place].astype(np.float32))
    return pa.table(columns).replace_schema_metadata({ABOUT: sealed_text(about).encode()})


def write_worlds(table: pa.Table, path: Path) -> None:
    """Write the table of a sample as a Parquet file."""
    form = {"compression": "zstd", "compression_level": 19, "use_dictionary": False}
    Codebook({}, {}).write(table, path, "worlds.parquet", **form)
