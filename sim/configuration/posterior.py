"""Read posteriors: weighted draws of the uncertain numbers. The seed of a campaign selects its draw.

The file `posterior.parquet` has one column per drawn number and the columns `weight`, `seed` and `distance`. In a first
fit, `seed` and `distance` are the seed of the draw's campaign in the prior sample and its distance from the record; in
a refined fit, they are the first seed of the draw's ensemble and the sum of its scores over events. The key `panj` of
the metadata records how the fit was made. `Posterior` is small and hashable, so that it can be sent to workers.

A file named by the user is rejected unless it was fitted with the current rules and data. The shipped file is used even
if these have changed, with a note in every run: numbers that are no longer drawn have their declared values, and draws
outside the current prior range are clipped to it. If only the evidence, the priors, or the defaults of numbers that
were not drawn have changed, any file remains valid, but every run notes the change as well.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Any
from zlib import crc32

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from sim.configuration.numbers import check_range, declared_numbers
from sim.data.configs import folder_of
from sim.data.facts import THE_LINE, fingerprint_of_record
from sim.engine.chance import draw_parameters
from sim.engine.compile import fingerprint_of_rules
from sim.errors import PanjError, unknown
from sim.provenance import UP_TO, sealed_text, unsealed
from sim.wording import counted

OF_A_ROW = ("weight", "seed", "distance")
# required keys of the metadata
REQUIRED = ("rules_fingerprint", "data_fingerprint", "targets", "numbers", "priors", "rows")
ROW = np.array([crc32(b"calibration.row")], np.int64)  # permanent identity of the random draw that selects a row
SHOWN = 3  # largest number of changed numbers listed in a note
EXPECTED = "a file written by python -m sim calibrate results/bank"
Floats = NDArray[np.float64]
Ranges = Sequence[tuple[Any, ...]]  # current priors: key, lowest and highest value, scale and other fields


@dataclass(frozen=True)
class Posterior:
    """Weighted draws of the uncertain numbers.

    Two posteriors are equal if their digests, keys and notes are equal.
    """

    digest: str  # hash of keys, weights and draws
    keys: tuple[str, ...]  # keys of the drawn numbers, one per column of `rows`
    note: str  # description of the fit, for output
    weights: Floats = field(compare=False, repr=False)  # (draws) weights, which need not add up to one
    rows: Floats = field(compare=False, repr=False)  # (draws, keys) values in the units of the numbers
    doubt: str = field(default="", compare=False)  # description of changes since the fit, printed by every run

    @property
    def description(self) -> str:
        """The description of the posterior, followed by any changes since the fit."""
        return f"{self.note}, BUT {self.doubt}" if self.doubt else self.note

    @cached_property
    def until(self) -> Floats:
        """Cumulative weights, in the order of the draws."""
        return np.cumsum(self.weights)

    def numbers(self, seed: int) -> dict[str, float]:
        """Return the numbers of the draw selected by a seed, keyed by setting.

        The probability of a draw is proportional to its weight.
        """
        return dict(zip(self.keys, self.rows[self.row(seed)].tolist(), strict=True))

    def row(self, seed: int) -> int:
        """Return the row of the draw selected by a seed."""
        share = draw_parameters(seed, ROW)[0]
        return min(int(np.searchsorted(self.until, share * self.until[-1], side="right")), self.until.size - 1)

    @property
    def ends(self) -> tuple[dict[str, float], dict[str, float]]:
        """The lowest and the highest value of each number among the draws, as two mappings by key."""
        low, high = (dict(zip(self.keys, row.tolist(), strict=True))
                     for row in (self.rows.min(axis=0), self.rows.max(axis=0)))  # fmt: skip
        return low, high

    @property
    def median(self) -> "Posterior":
        """A posterior with a single draw: the weighted median of each number.

        It may differ from all draws of this posterior.
        """
        middle = np.array([weighted_quantiles(column, self.weights, (0.5,)) for column in self.rows.T]).T
        return posterior_of(self.keys, np.ones(1), middle, self.note, self.doubt)


def posterior_of(keys: tuple[str, ...], weights: Floats, rows: Floats, note: str, doubt: str = "") -> Posterior:
    """Build a posterior from its draws and compute its digest.

    Args:
        keys: Keys of the drawn numbers, one per column of the rows.
        weights: (draws) Weights; they need not add up to one.
        rows: (draws, keys) Values in the units of the numbers.
        note: Description printed by runs.
        doubt: Description of the changes since the fit; empty if there are none.
    """
    weights, rows = np.ascontiguousarray(weights, np.float64), np.ascontiguousarray(rows, np.float64)
    digest = sha256(json.dumps(keys).encode() + weights.tobytes() + rows.tobytes()).hexdigest()[:16]
    return Posterior(digest, keys, note, weights, rows, doubt)


def weighted_quantiles(values: Floats, weights: Floats, shares: Iterable[float]) -> Floats:
    """Return weighted quantiles without interpolation, so that each quantile is one of the values.

    Args:
        values: (n) Sample, in any order.
        weights: (n) Weights; they need not add up to one.
        shares: Probabilities from 0 to 1.

    Returns:
        One quantile per probability, in the unit of the values.
    """
    order = np.argsort(values, kind="stable")
    until = np.cumsum(weights[order]) / weights.sum()
    places = np.searchsorted(until, np.asarray(list(shares)) - 1e-12)
    found: Floats = values[order][np.minimum(places, values.size - 1)]
    return found


def table_of(posterior: Posterior, seeds: NDArray[np.int64], distances: Floats, about: Mapping[str, Any]) -> pa.Table:
    """Build the table for posterior.parquet.

    Args:
        posterior: Posterior whose draws and weights are written.
        seeds: (draws) Seed of each draw's campaign, or of the first campaign of its ensemble.
        distances: (draws) Distance of that campaign from the record, or the summed score of the ensemble.
        about: Metadata that records how the fit was made; the digest of the posterior is added to it.
    """
    columns: dict[str, Any] = {"weight": posterior.weights, "seed": seeds, "distance": distances}
    columns |= dict(zip(posterior.keys, np.ascontiguousarray(posterior.rows.T), strict=True))
    return pa.table(columns).replace_schema_metadata({"panj": sealed_text({**about, "posterior": posterior.digest})})


def shipped() -> Path:
    """Return the path of the shipped posterior."""
    return folder_of("configs") / "posterior.parquet"


def posterior_for(file: str | None, data: str, current_priors: Ranges) -> Posterior:
    """Read a posterior, check it, and note the changes since it was fitted.

    Args:
        file: Path of the file; None for the shipped one.
        data: Fingerprint of the current data.
        current_priors: Current priors: key, lowest and highest value, scale and other fields of each.

    Raises:
        PanjError: If the file is missing or invalid, or if it is not the shipped one and was fitted with other rules
            or data.
    """
    path = Path(file).expanduser() if file else shipped()
    if not path.is_file():
        found = f"no file {path}" if file else f"no file {path}, which is part of Panj"
        raise PanjError(f"calibration.file: found {found}, expected {EXPECTED}; calibration=as_declared needs no file")
    return read_posterior(path, path.stat().st_mtime_ns, data, current_priors, file is None)


@lru_cache(maxsize=4)
def read_posterior(path: Path, _changed: int, data: str, current_priors: Ranges, is_shipped: bool) -> Posterior:
    """Read and check a posterior file, or raise a PanjError that names the file and the problem."""
    where = f"calibration.file, {path}"
    table = open_table(path, where)
    about = about_of(table, where)
    stale = changed_since(about, data, current_priors)
    refused = [name for name in stale if name in ("rules", "data")]
    if refused and not is_shipped:
        raise PanjError(f"{where}: found a fit with other {' and '.join(refused)}, expected one with the current rules "
                        "and data; run python -m sim bank and python -m sim calibrate again")  # fmt: skip
    whole = table
    if is_shipped:
        table = table.select([*OF_A_ROW, *(key for key, *_ in current_priors if key in table.column_names)])
    keys = keys_of(table, where)
    weights, rows = numbers_in(table, keys, where)
    if is_shipped:
        rows = clipped_to_priors(rows, keys, current_priors)
    check_rows(rows, keys, where)
    digest = digest_in(whole, where)
    if about.get("posterior", digest) != digest:  # files of older versions have no digest
        raise PanjError(f"{where}: found a damaged file (its draws do not match their digest), expected {EXPECTED}")
    kind = "weighted draws" if np.ptp(weights) else "draws"
    until = about.get("until", THE_LINE.isoformat())
    part = "" if until == THE_LINE.isoformat() else f"{UP_TO}{until}"
    note = f"{len(rows):,} {kind} fitted to {counted(about['targets'], 'target')}{part}"
    return posterior_of(keys, weights, rows, note, doubt_of(about, stale))


def changed_since(about: Mapping[str, Any], data: str, current_priors: Ranges) -> list[str]:
    """Return which of `rules`, `data`, `evidence` and `priors` have changed since the fit."""
    stale = [name for name, here in (("rules", fingerprint_of_rules()), ("data", data))
             if about[f"{name}_fingerprint"] != here]  # fmt: skip
    record = fingerprint_of_record()
    stale += ["evidence"] * (about.get("record_fingerprint", record) != record)
    here = {key: [low, high, scale] for key, low, high, scale, *_ in current_priors}
    return stale + ["priors"] * any(here.get(key) != prior for key, prior in about["priors"].items())


def open_table(path: Path, where: str) -> pa.Table:
    """Read the table of a posterior file, or raise PanjError if it is damaged or lacks a required column."""
    import pyarrow.parquet as pq  # not at the top, since workers never read the file

    try:
        with pq.ParquetFile(path, page_checksum_verification=True) as file:  # `read_table` would import pandas
            table = file.read()
            names = table.column_names
    except (OSError, pa.ArrowException, ValueError) as error:  # ValueError if a name is not valid UTF-8
        raise PanjError(f"{where}: found a damaged file ({error}), expected {EXPECTED}") from None
    for name in OF_A_ROW:
        if name not in names:
            raise PanjError(f"{where}: found no column {name}, expected {EXPECTED}")
    return table


def digest_in(table: pa.Table, where: str) -> str:
    """Return the digest of the draws in a table, with all their columns, declared or not."""
    keys = tuple(name for name in table.column_names if name not in OF_A_ROW)
    return posterior_of(keys, *numbers_in(table, keys, where), "").digest


def keys_of(table: pa.Table, where: str) -> tuple[str, ...]:
    """Return the keys of the drawn numbers in a posterior table, or raise PanjError if a key is not declared."""
    keys = tuple(name for name in table.column_names if name not in OF_A_ROW)
    for key in keys:
        if key not in declared_numbers():
            raise unknown(where, key, declared_numbers())
    return keys


def about_of(table: pa.Table, where: str) -> dict[str, Any]:
    """Return the metadata that records how the fit was made, or raise PanjError if it is incomplete."""
    text = (table.schema.metadata or {}).get(b"panj")
    if text is None:
        raise PanjError(f"{where}: found no metadata on how it was made, expected {EXPECTED}")
    try:
        about = unsealed(text)
    except ValueError as error:
        raise PanjError(f"{where}: found damaged metadata on how it was made ({error}), expected {EXPECTED}") from None
    for name in REQUIRED:
        if name not in about:
            raise PanjError(f"{where}: found no {name} in the metadata, expected {EXPECTED}")
    return about


def numbers_in(table: pa.Table, keys: tuple[str, ...], where: str) -> tuple[Floats, Floats]:
    """Return the weights and draws in the table of a file.

    Raises:
        PanjError: If there is no draw or no drawn number, if a value is not a number, if a weight is negative or not
            finite, or if all weights are zero.
    """
    try:
        weights = table["weight"].to_numpy().astype(np.float64)
        rows = np.array([table[key].to_numpy().astype(np.float64) for key in keys]).T
    except (ValueError, TypeError) as error:
        raise PanjError(f"{where}: found a value that is not a number ({error}), expected {EXPECTED}") from None
    if not keys or not weights.size or not np.isfinite(weights).all() or weights.min() < 0 or weights.sum() <= 0:
        raise PanjError(f"{where}: found no draws with valid weights, expected {EXPECTED}")
    return weights, rows


def clipped_to_priors(rows: Floats, keys: tuple[str, ...], current_priors: Ranges) -> Floats:
    """Clip draws to the current prior ranges and round integers, so that an old file can still be used."""
    ends = {key: (low, high) for key, low, high, *_ in current_priors}
    within = np.clip(rows, *np.array([ends[key] for key in keys]).T)
    return np.where([declared_numbers()[key].is_whole for key in keys], np.round(within), within)


def check_rows(rows: Floats, keys: tuple[str, ...], where: str) -> None:
    """Raise PanjError if a draw is outside the declared range of its number."""
    for key, column in zip(keys, rows.T, strict=True):
        for value in (column.min(), column.max()):
            try:
                check_range(key, float(value), "")
            except PanjError as error:
                raise PanjError(f"{where}: {error}") from None


def doubt_of(about: Mapping[str, Any], stale: list[str]) -> str:
    """Describe the changes since the fit; return an empty string if there are none."""
    doubts = [f"with other {' and '.join(stale)} than these (fit again)"] if stale else []
    declared = declared_numbers()
    others = [key for key, value in about["numbers"].items() if key not in declared or declared[key].value != value]
    if others:
        more = f" and {len(others) - SHOWN} more" if len(others) > SHOWN else ""
        said = ", ".join(f"{key}={about['numbers'][key]:g}" for key in others[:SHOWN])
        doubts.append(f"with {said}{more}, declared differently here")
    return ", and ".join(doubts)
