"""Check that campaigns are bit-identical on every executor: `python -m sim verify`.

Studies are compared by hashes of runs.parquet, days.parquet, districts.parquet and failures.parquet, read one column
at a time. Rows are ordered by cell, seed, date and district, and a column is hashed with its name and type. File
layout, compression and metadata are ignored, as are tracebacks. Missing values, 0, nan and empty strings all differ
from each other; all nans are equal, regardless of their bits. Studies are run in a temporary folder.

`difference_of` describes the differences between two files: tables by content, CSVs by rows, images by pixels.
"""

import csv
import io
import json
import os
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from hashlib import sha256
from itertools import zip_longest
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from rich.console import Console
from rich.table import Table

from sim.configuration.overrides import AnyOverrides, Overrides
from sim.configuration.settings import Executor
from sim.configuration.sweep import Sweep, compose_sweep
from sim.engine.compile import compiled
from sim.engine.world import Count, Event
from sim.errors import CampaignError, PanjError, Stopped
from sim.execution import work
from sim.execution.compiling import compile_rules
from sim.execution.run import run_sweep
from sim.options import missing_of, require_extra
from sim.processes import output_of
from sim.study.columns import names_of
from sim.study.reader import cannot_read, read_about
from sim.terminal import console_of
from sim.wording import counted

TABLES = ("runs.parquet", "days.parquet", "districts.parquet", "failures.parquet")
ORDER = ("cell", "seed", "date", "district_id")  # sort keys of rows, if a table has them
LEFT_OUT = ("traceback",)
DIGITS = 16  # hexadecimal digits of a hash, as in fingerprints
ROWS = 100_000  # number of rows hashed at a time
SHOWN = 6  # largest number of differing columns listed per table
Hashes = dict[str, str]
DAYS = 68  # days after 1 May, enough for every kind of event; a day takes half a second if rules are not compiled
USUAL = {"runs": "1"}
USUAL_SWEEP = ("reinforcement", "as_reported,none")
CAPTION = (
    "Seconds include starting Python and workers. Plain Python: rules that are not compiled (NUMBA_DISABLE_JIT=1)."
)
SET_HERE = ("study", "results_dir", "executor", "executor.workers")


def columns_of_tables(folder: Path) -> dict[str, Hashes]:
    """Hash every column of the tables of a study.

    Args:
        folder: Folder of the study.

    Returns:
        Hash of each column, keyed by table and column name.

    Raises:
        PanjError: If the folder has no table, or one that cannot be read.
    """
    found = {name: columns_of_table(folder / name) for name in TABLES if (folder / name).is_file()}
    if not found:
        raise PanjError(f"{folder}: found none of {', '.join(TABLES)}, expected the folder of a study")
    return found


def hash_of(hashes: Mapping[str, str]) -> str:
    """Combine several named hashes into one hash that does not depend on their order."""
    return sha256(json.dumps(dict(hashes), sort_keys=True).encode()).hexdigest()[:DIGITS]


def columns_of_table(path: Path) -> Hashes:
    """Hash the columns of a parquet file.

    Args:
        path: Path of the file.

    Returns:
        Hash of each column, keyed by name, without columns of tracebacks.

    Raises:
        PanjError: If the file cannot be read.
    """
    try:
        with pq.ParquetFile(path, page_checksum_verification=True) as file:
            order = order_of(file)
            fields = [field for field in file.schema_arrow if field.name not in LEFT_OUT]
            return {field.name: hash_of_column(file, field, order) for field in fields}
    except (OSError, pa.ArrowException) as error:
        raise cannot_read(path, error) from error


def order_of(file: pq.ParquetFile) -> np.ndarray | None:
    """Return the indices that sort the rows by cell, seed, date and district.

    Return None if the rows are already sorted or have none of these columns.
    """
    keys = [name for name in ORDER if name in file.schema_arrow.names]
    if not keys:
        return None
    order = pc.sort_indices(file.read(columns=keys), [(key, "ascending") for key in keys]).to_numpy()
    return None if (order[1:] > order[:-1]).all() else order


def hash_of_column(file: pq.ParquetFile, field: pa.Field, order: np.ndarray | None) -> str:
    """Return the hash of a column: its name, type, validity, text lengths and values."""
    column = file.read(columns=[field.name])
    if order is not None:
        column = column.take(order)
    parts = sha256(), sha256(), sha256()
    for batch in column.to_batches(max_chunksize=ROWS):
        for digest, part in zip(parts, parts_of(batch.column(0)), strict=True):
            digest.update(part)
    said = json.dumps([field.name, str(field.type), *(digest.hexdigest() for digest in parts)])
    return sha256(said.encode()).hexdigest()[:DIGITS]


def parts_of(values: pa.Array) -> tuple[bytes, bytes, bytes]:
    """Return three byte strings to hash for a column: validity, text lengths, and values (0 or empty if missing)."""
    there = values.is_valid().to_numpy(zero_copy_only=False).tobytes()
    if pa.types.is_floating(values.type):
        numbers = values.fill_null(0.0).to_numpy()
        return there, b"", little(np.where(np.isnan(numbers), np.array(np.nan, numbers.dtype), numbers))
    if pa.types.is_boolean(values.type) or pa.types.is_integer(values.type) or pa.types.is_temporal(values.type):
        numbers = values.fill_null(False) if pa.types.is_boolean(values.type) else whole(values).fill_null(0)
        return there, b"", little(numbers.to_numpy(zero_copy_only=False))
    found = values.cast(pa.large_string()).cast(pa.large_binary()).fill_null(b"").to_pylist()
    return there, little(np.array([len(text) for text in found], np.int64)), b"".join(found)


def whole(values: pa.Array) -> pa.Array:
    """Convert dates and times to the stored integers; return other values unchanged."""
    if not pa.types.is_temporal(values.type):
        return values
    return values.view(pa.int32() if values.type.bit_width == 32 else pa.int64())


def little(numbers: np.ndarray) -> bytes:
    """Return the bytes of an array, in little-endian order on every machine."""
    return numbers.astype(numbers.dtype.newbyteorder("<"), copy=False).tobytes()


def describe_differences(one: Mapping[str, Hashes], other: Mapping[str, Hashes]) -> str:
    """List the tables and columns that differ: `days.parquet (mean_morale, waiting_ishkashim)`.

    The text is empty if nothing differs.
    """
    said = []
    for table in dict.fromkeys([*one, *other]):
        if table not in one or table not in other:
            said.append(f"{table} (only one has it)")
        elif one[table] != other[table]:
            said.append(f"{table} ({describe_columns(one[table], other[table])})")
    return ", ".join(said)


def describe_columns(one: Hashes, other: Hashes) -> str:
    """List the first few columns that differ or are in only one table, with the number of the others."""
    columns = [name for name in dict.fromkeys([*one, *other]) if one.get(name) != other.get(name)]
    more = f" and {len(columns) - SHOWN} more columns" if len(columns) > SHOWN else ""
    return f"{', '.join(columns[:SHOWN])}{more}"


class Way(NamedTuple):
    """One way to run a study: an executor, with or without compilation."""

    name: str
    executor: Executor
    is_compiled: bool


class Result(NamedTuple):
    """Result of running the study in one way."""

    way: str
    campaigns: int
    failed: int
    seconds: float
    tables: dict[str, Hashes]
    error: str  # reason why there are no tables; empty if there are tables


def ways_of(address: str | None) -> tuple[Way, ...]:
    """Return the ways to compare.

    The last one is the opposite of this process: uncompiled rules if rules are compiled here, otherwise compiled.
    """
    dask = Executor("dask", 0, address) if address else Executor("dask", 2, None)
    return (
        Way("one thread", Executor("threads", 1, None), compiled),
        Way("two threads", Executor("threads", 2, None), compiled),
        Way("two processes", Executor("processes", 2, None), compiled),
        Way(f"Dask at {address}" if address else "Dask, two workers", dask, compiled),
        Way("plain Python" if compiled else "compiled", Executor("threads", 1, None), not compiled),
    )


def main(overrides: Sequence[str]) -> int:
    """Run `python -m sim verify [key=value ...]`.

    Args:
        overrides: Overrides that change the study to run.

    Returns:
        The exit code: 0 if all ways give the same results, otherwise 1.

    Raises:
        PanjError: A setting is invalid, or is fixed by this subcommand.
    """
    try:
        return verify(overrides, console_of())
    except Stopped as stopped:
        raise KeyboardInterrupt from stopped


def verify(given: AnyOverrides, console: Console, ways: Sequence[Way] | None = None) -> int:
    """Run one study in several ways and print whether all tables are the same.

    Args:
        given: Overrides that change the study to run, which has few campaigns by default.
        console: Console to print to.
        ways: Ways to compare; `ways_of` by default.

    Returns:
        Exit code: 0 if all ways give the same tables, otherwise 1. Dask is left out, and named, if it is not installed.

    Raises:
        PanjError: For a setting that is invalid or fixed by this subcommand, or an address without Dask.
    """
    address, wanted = without_address(Overrides.of(given))
    if address:
        require_extra("cluster", "executor.address")
    overrides, sweep = study_of(wanted)
    has_dask = bool(address) or not missing_of("cluster")
    if ways is None:
        ways = [way for way in ways_of(address) if way.executor.kind != "dask" or has_dask]
    console.print(
        f"The same study, {counted(len(sweep.cells), 'cell')} of {counted(sweep.base.runs, 'campaign')} of "
        f"{counted(sweep.base.days, 'day')}, run in {len(ways)} ways: {' '.join(overrides.words)}"
    )
    compile_rules(sweep.cells[0].order, sweep.base.seed, console)
    if compiled:
        console.print(describe_events(events_of(sweep)), soft_wrap=True)
    results = []
    with tempfile.TemporaryDirectory(prefix="panj-verify-") as folder:
        for number, way in enumerate(ways):
            console.print(f"  {way.name} ...")
            results.append(result_of(way, overrides.words, sweep, Path(folder) / str(number)))
    console.print(table_of(results))
    said = conclusion(results)
    for line in said or [f"The same: {len(ways)} ways give the same tables to the last digit."]:
        console.print(line)
    if not has_dask:
        console.print('Not compared: Dask, which is not installed. Install it with: pip install "panj[cluster]"')
    return 1 if said else 0


def events_of(sweep: Sweep) -> Counter[Event]:
    """Run the campaigns of a sweep, and count the logged events of each kind in campaigns that finish."""
    found: Counter[Event] = Counter()
    for cell in sweep.cells:
        settings = cell.settings
        for seed in range(settings.seed, settings.seed + settings.runs):
            rules, luck = settings.rules_of(seed), settings.seed_of(seed)
            with suppress(CampaignError):
                world = work.run_campaign(settings.layout.world, rules, settings.timeline, luck, settings.days).world
                found.update(map(Event, world.log.event[: int(world.tally[Count.LOGGED])].tolist()))
    return found


def describe_events(found: Mapping[Event, int]) -> str:
    """Describe events, as in `Events in them: 212 fall, 92 crossing. Not compared, since none occurs: stand.`"""
    there = ", ".join(f"{found[kind]} {names_of(Event)[kind]}" for kind in Event if found.get(kind))
    missing = ", ".join(names_of(Event)[kind] for kind in Event if not found.get(kind))
    return f"Events in them: {there or 'none'}." + (f" Not compared, since none occurs: {missing}." if missing else "")


def without_address(given: Overrides) -> tuple[str | None, Overrides]:
    """Split overrides into the address of a Dask scheduler (None if not given) and all other overrides.

    Raises:
        PanjError: For a setting that is fixed by this subcommand.
    """
    for row in given:
        if row.key in SET_HERE:
            raise PanjError(
                f"verify, {row.key}: found '{row.text}', expected settings of campaigns only, since "
                "verify uses every executor and a temporary folder", key=row.key,
            )  # fmt: skip
    address = given.get("executor.address")
    return str(address.value) if address else None, given.without(["executor.address"])


def study_of(given: Overrides) -> tuple[Overrides, Sweep]:
    """Return the overrides and cells of a study that, by default, is small enough to run uncompiled.

    The overrides `given` take precedence over the defaults.
    """
    key, values = USUAL_SWEEP
    overrides = Overrides.of([] if given.sweeps or key in given else ["-m", f"{key}={values}"])
    overrides += [f"{name}={value}" for name, value in USUAL.items() if name not in given]
    overrides += given
    sweep = compose_sweep(overrides)
    if "end_date" not in given:
        start = max(cell.settings.start_date for cell in sweep.cells)
        overrides += [f"end_date={start + timedelta(days=DAYS)}"]
        sweep = compose_sweep(overrides)
    return overrides, sweep


def result_of(way: Way, overrides: Sequence[str], sweep: Sweep, folder: Path) -> Result:
    """Run the study in one way and return the result, or an error instead of tables if it could not be run."""
    started = time.perf_counter()
    try:
        if way.is_compiled == compiled:
            study = run_in_this_process(sweep, way, folder)
        else:
            study = run_in_new_process(overrides, way, folder)
        about, tables = read_about(study), columns_of_tables(study)
    except Stopped:
        raise
    except Exception as error:
        return Result(way.name, 0, 0, time.perf_counter() - started, {}, f"{type(error).__name__}: {error}")
    return Result(way.name, about["campaigns"], about["failed"], time.perf_counter() - started, tables, "")


def run_in_this_process(sweep: Sweep, way: Way, folder: Path) -> Path:
    """Run the study in this process and return its folder."""
    base = replace(sweep.base, study="verify", results_dir=folder, executor=way.executor)
    return run_sweep(replace(sweep, base=base), Console(file=io.StringIO())).folder


def run_in_new_process(overrides: Sequence[str], way: Way, folder: Path) -> Path:
    """Run the study in a new process and return its folder.

    Compilation can only be switched on or off when Python starts.
    """
    environment = {**os.environ, "NUMBA_DISABLE_JIT": "0" if way.is_compiled else "1"}
    done = output_of("sim.execution.verify", folder, *overrides, env=environment)
    if done.returncode:
        last = done.stderr.strip().splitlines()[-1:] or ["no message"]
        raise PanjError(f"verify: found exit code {done.returncode}, expected 0: {last[0]}")
    return folder / "verify"


def table_of(results: Sequence[Result]) -> Table:
    """Return a table of the results, with one row per way."""
    table = Table(title="One study, run in different ways", caption=CAPTION)
    for column in ("way", "campaigns", "seconds", "hash of all tables", "same"):
        table.add_column(column, justify="right" if column in ("campaigns", "seconds") else "left", overflow="fold")
    for one in results:
        failed = f", {one.failed} failed" if one.failed else ""
        all_tables = hash_of({name: hash_of(columns) for name, columns in one.tables.items()})
        same = "yes" if one.tables and one.tables == results[0].tables else "no"
        table.add_row(
            one.way, f"{one.campaigns}{failed}", f"{one.seconds:.1f}", all_tables if one.tables else "did not run", same
        )
    return table


def conclusion(results: Sequence[Result]) -> list[str]:
    """Return sentences on ways that failed or differ from the first, or on missing results; none if all agree."""
    first = results[0]
    said = [f"Did not run: {one.way}: {' '.join(one.error.split())[:300]}" for one in results if one.error]
    for one in results[1:]:
        if first.tables and one.tables and one.tables != first.tables:
            said.append(f"Not the same: {one.way} differs from {first.way} in "
                        f"{describe_differences(first.tables, one.tables)}.")  # fmt: skip
    if not said and not first.campaigns:
        said.append("Nothing to compare: no campaign reached its last day.")
    return said


def run_for_verify(overrides: Sequence[str]) -> None:
    """Run a study in a process started by `run_in_new_process`.

    Args:
        overrides: Folder to write to, followed by the overrides of the study.
    """
    way = Way("", Executor("threads", 1, None), compiled)
    run_in_this_process(compose_sweep(overrides[1:]), way, Path(overrides[0]))


def damaged(path: Path, error: Exception) -> PanjError:
    """Return the error for a file that cannot be read.

    Args:
        path: Path of the file.
        error: Error raised by the library that reads the file.
    """
    message = " ".join(str(error).split())[:160]
    return PanjError(f"{path}: found a damaged file ({message}), expected a complete {path.suffix} file of a study")


def difference_of(one: Path, other: Path) -> str:
    """Compare two files of the same kind.

    Args:
        one: Path of a parquet file, CSV, PNG or GIF.
        other: Path of another file of the same kind.

    Returns:
        Description of the differences; empty if there are none.

    Raises:
        PanjError: For a file that cannot be read.
    """
    kind = one.suffix.lower()
    if kind == ".parquet":
        columns = columns_of_table(one), columns_of_table(other)
        return "" if columns[0] == columns[1] else f"columns {describe_columns(*columns)}"
    if kind == ".csv":
        return difference_of_rows(rows_of(one), rows_of(other))
    return difference_of_frames(one, other)


def rows_of(path: Path) -> list[list[str]]:
    """Return the rows of a CSV, including its header, or raise PanjError if it cannot be read."""
    try:
        with path.open(encoding="utf-8", newline="") as file:
            return list(csv.reader(file))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise damaged(path, error) from error


def difference_of_rows(one: Sequence[list[str]], other: Sequence[list[str]]) -> str:
    """Describe the difference between two CSVs: in columns, in the number of rows, or in some rows.

    The text is empty if they do not differ.
    """
    if one[:1] != other[:1]:
        return "the columns"
    if len(one) != len(other):
        return f"{len(one) - 1} rows and {len(other) - 1} rows"
    rows = [(left, right) for left, right in zip(one, other, strict=True) if left != right]
    places = {
        place for left, right in rows for place, pair in enumerate(zip_longest(left, right)) if len(set(pair)) > 1
    }
    names = dict(enumerate(one[0])) if one else {}
    if not rows:
        return ""
    return f"{counted(len(rows), 'row')}, in {', '.join(names.get(place, '?') for place in sorted(places))}"


def difference_of_frames(one: Path, other: Path) -> str:
    """Describe the first difference between the images of two files: in size, pixels or duration.

    An image without a counterpart in the other file is also a difference. The text is empty without a difference.
    """
    for number, (left, right) in enumerate(zip_longest(frames_of(one), frames_of(other))):
        where = f"picture {number + 1}: " if one.suffix.lower() == ".gif" else ""
        if left is None or right is None:
            return f"{where}only one has it"
        if left[0].shape != right[0].shape:
            return (
                f"{where}{left[0].shape[1]} x {left[0].shape[0]} and {right[0].shape[1]} x {right[0].shape[0]} pixels"
            )
        if (left[0] != right[0]).any():
            return f"{where}{(left[0] != right[0]).any(axis=2).mean():.3%} of all pixels"
        if left[1] != right[1]:
            return f"{where}shown for {left[1]} ms and {right[1]} ms"
    return ""


def frames_of(path: Path) -> Iterator[tuple[np.ndarray, int]]:
    """Read the images of a PNG or GIF.

    Args:
        path: Path of the file.

    Yields:
        Each image as an array of height x width x 4 (RGBA), with its duration in ms.

    Raises:
        PanjError: If the file is damaged.
    """
    from PIL import Image, ImageSequence

    try:
        with Image.open(path) as image:
            for frame in ImageSequence.Iterator(image):
                yield np.asarray(frame.convert("RGBA")), int(frame.info.get("duration", 0))
    except (OSError, SyntaxError, ValueError, EOFError) as error:
        raise damaged(path, error) from error


if __name__ == "__main__":
    run_for_verify(sys.argv[1:])
