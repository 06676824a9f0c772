"""A posterior: weighted draws of the uncertain numbers, kept in one file, of which a campaign takes one by its seed.

Reads and writes `posterior.parquet`: columns `weight`, `seed` and `distance` (of the campaign in the bank), and a
        column a number that was drawn. The text `panj` in its metadata says what it was made from.
Gives   `Posterior`, as draws need it: small, hashable, and sent to workers whole.
Assumed A file that the user names was fitted with these rules and this data, or it is refused. The file that Panj
        ships is used whatever has changed since; then every run says so. Numbers that were not drawn and have been
        declared otherwise since never refuse a file, but are named in every run as well.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Any
from zlib import crc32

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from sim.chance import draw_parameters
from sim.errors import PanjError, unknown
from sim.parameters import check_range, declared_numbers, folder_of
from sim.rules import fingerprint_of_rules

OF_A_ROW = ("weight", "seed", "distance")
SAYS = ("rules_fingerprint", "data_fingerprint", "targets", "numbers", "priors", "rows")  # what is needed of `panj`
ROW = np.array([crc32(b"calibration.row")], np.int64)  # the lasting identity of the draw that chooses
SHOWN = 3  # numbers named in a note
MAKES = "a file that python -m sim calibrate results/bank makes"
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Posterior:
    """Weighted draws; two are equal when all their draws are."""

    digest: str  # of keys, weights and draws
    keys: tuple[str, ...]
    note: str  # what runs say of it
    weights: Floats = field(compare=False, repr=False)  # a draw; they need not add up to one
    rows: Floats = field(compare=False, repr=False)  # draws x keys

    def numbers(self, seed: int) -> dict[str, float]:
        """The draw of a seed: one by its weight, whatever else is asked for."""
        share = np.empty(1)
        draw_parameters(np.uint64(seed), ROW, share)
        until = np.cumsum(self.weights)
        row = min(int(np.searchsorted(until, share[0] * until[-1], side="right")), until.size - 1)
        return dict(zip(self.keys, self.rows[row].tolist(), strict=True))

    @property
    def ends(self) -> tuple[dict[str, float], dict[str, float]]:
        """The lowest and the highest of each number."""
        low, high = (dict(zip(self.keys, row.tolist(), strict=True))
                     for row in (self.rows.min(axis=0), self.rows.max(axis=0)))  # fmt: skip
        return low, high

    @property
    def median(self) -> "Posterior":
        """One draw: the weighted median of each number by itself, which no draw need have had together."""
        middle = np.array([weighted_quantiles(column, self.weights, (0.5,)) for column in self.rows.T]).T
        return posterior_of(self.keys, np.ones(1), middle, f"the median of {self.note}")


def posterior_of(keys: tuple[str, ...], weights: Floats, rows: Floats, note: str) -> Posterior:
    """Draws with their weights."""
    weights, rows = np.ascontiguousarray(weights, np.float64), np.ascontiguousarray(rows, np.float64)
    digest = sha256(json.dumps(keys).encode() + weights.tobytes() + rows.tobytes()).hexdigest()[:16]
    return Posterior(digest, keys, note, weights, rows)


def weighted_quantiles(values: Floats, weights: Floats, shares: Iterable[float]) -> Floats:
    """The lowest values up to which these shares of the weight lie: always values that were drawn."""
    order = np.argsort(values, kind="stable")
    until = np.cumsum(weights[order]) / weights.sum()
    places = np.searchsorted(until, np.asarray(list(shares)) - 1e-12)
    found: Floats = values[order][np.minimum(places, values.size - 1)]
    return found


def table_of(posterior: Posterior, seeds: NDArray[np.int64], distances: Floats, about: Mapping[str, Any]) -> pa.Table:
    """The file of a posterior."""
    columns: dict[str, Any] = {"weight": posterior.weights, "seed": seeds, "distance": distances}
    columns |= dict(zip(posterior.keys, np.ascontiguousarray(posterior.rows.T), strict=True))
    return pa.table(columns).replace_schema_metadata({"panj": json.dumps(about, sort_keys=True)})


def shipped() -> Path:
    """Where the posterior lies that Panj ships."""
    return folder_of("configs") / "posterior.parquet"


def posterior_for(file: str | None, data: str) -> Posterior:
    """The posterior in a file, or the one that is shipped, for data of this fingerprint; PanjError if it is none."""
    path = Path(file) if file else shipped()
    if not path.is_file():
        found = f"no file {path}" if file else "none, and none is shipped yet"
        raise PanjError(f"calibration.file: found {found}, expected {MAKES}")
    return read_posterior(path, path.stat().st_mtime_ns, data, file is None)


@lru_cache(maxsize=4)
def read_posterior(path: Path, _changed: int, data: str, is_shipped: bool) -> Posterior:
    """The file, checked; PanjError names what is wrong with it."""
    where = f"calibration.file, {path}"
    table = open_table(path, where)
    about = about_of(table, where)
    stale = [name for name, here in (("rules", fingerprint_of_rules()), ("data", data))
             if about[f"{name}_fingerprint"] != here]  # fmt: skip
    if stale and not is_shipped:
        raise PanjError(f"{where}: found draws fitted with other {' and '.join(stale)}, expected those of this version;"
                        " make the bank again and then: python -m sim calibrate")  # fmt: skip
    keys = tuple(name for name in table.column_names if name not in OF_A_ROW)
    weights, rows = numbers_in(table, keys, where)
    return posterior_of(keys, weights, rows, note_of(len(rows), about, stale))


def open_table(path: Path, where: str) -> pa.Table:
    """The table with the columns that it must have."""
    import pyarrow.parquet as pq  # workers are sent what was read

    try:
        table = pq.read_table(path)
    except (OSError, pa.ArrowException) as error:
        raise PanjError(f"{where}: found something damaged ({error}), expected {MAKES}") from None
    for name in OF_A_ROW:
        if name not in table.column_names:
            raise PanjError(f"{where}: found no column {name}, expected {MAKES}")
    for name in table.column_names:
        if name not in OF_A_ROW and name not in declared_numbers():
            raise unknown(where, name, declared_numbers())
    return table


def about_of(table: pa.Table, where: str) -> dict[str, Any]:
    """What the file says of how it was made."""
    try:
        about = dict(json.loads((table.schema.metadata or {})[b"panj"]))
    except (KeyError, ValueError, TypeError):
        raise PanjError(f"{where}: found nothing on how it was made, expected {MAKES}") from None
    for name in SAYS:
        if name not in about:
            raise PanjError(f"{where}: found nothing on {name}, expected {MAKES}")
    return about


def numbers_in(table: pa.Table, keys: tuple[str, ...], where: str) -> tuple[Floats, Floats]:
    """Weights and draws, every one a number in its declared range."""
    try:
        weights = table["weight"].to_numpy().astype(np.float64)
        rows = np.array([table[key].to_numpy().astype(np.float64) for key in keys]).T
    except (ValueError, TypeError) as error:
        raise PanjError(f"{where}: found something that is no number ({error}), expected {MAKES}") from None
    if not keys or not weights.size or not np.isfinite(weights).all() or weights.min() < 0 or weights.sum() <= 0:
        raise PanjError(f"{where}: found no draws with weights, expected {MAKES}")
    for key, column in zip(keys, rows.T, strict=True):
        for value in (column.min(), column.max()):
            try:
                check_range(key, float(value), "")
            except PanjError as error:
                raise PanjError(f"{where}: {error}") from None
    return weights, rows


def note_of(draws: int, about: Mapping[str, Any], stale: list[str]) -> str:
    """What runs say: how many draws, fitted to what, and whether anything has changed since."""
    note = f"{draws:,} weighted draws fitted to {about['targets']} targets"
    if stale:
        note += f", BUT WITH OTHER {' AND '.join(stale).upper()} THAN THESE: fit again"
    declared = declared_numbers()
    others = [key for key, value in about["numbers"].items() if key not in declared or declared[key].value != value]
    if others:
        more = f" and {len(others) - SHOWN} more" if len(others) > SHOWN else ""
        said = ", ".join(f"{key}={about['numbers'][key]:g}" for key in others[:SHOWN])
        note += f", BUT WITH {said}{more}, WHICH ARE DECLARED OTHERWISE"
    return note
