"""Whether campaigns are the same to the last digit, wherever and however they run: `python -m sim verify`.

The measure is a hash of what the tables of a study hold: rows in the order of cell, seed, date and district, column by
column with its name and type. How a file lays out its rows, compresses them or describes itself does not count; nor
do the times that a command took and the lines of code in a traceback. Missing, 0, nan and an empty text all differ.

Reads   runs.parquet, days.parquet, districts.parquet and failures.parquet, a column at a time.
Writes  nothing that stays: `verify` runs its small studies in a temporary folder.
Assumed One nan is like another: which of its bits are set says nothing of a campaign.

In what two files differ: tables by content, spreadsheets by rows, pictures by pixels.
"""

import csv
import io
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
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

from sim.data.configs import PACKAGE
from sim.engine.compile import compiled
from sim.errors import PanjError
from sim.run.console import console_of
from sim.run.run import Stopped, compile_rules, run_sweep
from sim.settings.overrides import MULTIRUN, parse
from sim.settings.settings import Executor
from sim.settings.sweep import Sweep, compose_sweep
from sim.study.reader import read_about

TABLES = ("runs.parquet", "days.parquet", "districts.parquet", "failures.parquet")
ORDER = ("cell", "seed", "date", "district_id")  # of rows, by those columns that a table has
LEFT_OUT = ("traceback",)
DIGITS = 16  # of a hash, as of every fingerprint
ROWS = 100_000  # hashed at once
SHOWN = 6  # columns of a table that differ
Hashes = dict[str, str]
DAYS = 10  # of a campaign, unless an end is asked for; in plain Python a day takes half a second
USUAL = {"runs": "3"}
USUAL_SWEEP = ("reinforcement", "as_reported,none")
CAPTION = "Seconds with starting Python and workers. Plain Python: the same rules, not compiled (NUMBA_DISABLE_JIT=1)."
SET_HERE = ("study", "results_dir", "executor", "executor.workers")


def hash_of_tables(folder: Path) -> Hashes:
    """The hash of each table that a study has, and under `all` of all of them."""
    hashes = {name: hash_of(columns) for name, columns in columns_of_tables(folder).items()}
    return {**hashes, "all": hash_of(hashes)}


def columns_of_tables(folder: Path) -> dict[str, Hashes]:
    """The hash of each column of each table that a study has."""
    found = {name: columns_of_table(folder / name) for name in TABLES if (folder / name).is_file()}
    if not found:
        raise PanjError(f"{folder}: found none of {', '.join(TABLES)}, expected the folder of a study")
    return found


def hash_of(hashes: Mapping[str, str]) -> str:
    """One hash of named ones, in whatever order they come."""
    return sha256(json.dumps(dict(hashes), sort_keys=True).encode()).hexdigest()[:DIGITS]


def columns_of_table(path: Path) -> Hashes:
    """The hash of each column; PanjError for a file that is no table."""
    try:
        with pq.ParquetFile(path) as file:
            order = order_of(file)
            fields = [field for field in file.schema_arrow if field.name not in LEFT_OUT]
            return {field.name: hash_of_column(file, field, order) for field in fields}
    except (OSError, pa.ArrowException) as error:
        said = " ".join(str(error).split())[:160]
        raise PanjError(f"{path}: found something that cannot be read ({said}), expected a table of a study") from error


def order_of(file: pq.ParquetFile) -> np.ndarray | None:
    """Where the rows lie that are first, second, ...; None where they lie in order."""
    keys = [name for name in ORDER if name in file.schema_arrow.names]
    if not keys:
        return None
    order = pc.sort_indices(file.read(columns=keys), [(key, "ascending") for key in keys]).to_numpy()
    return None if (order[1:] > order[:-1]).all() else order


def hash_of_column(file: pq.ParquetFile, field: pa.Field, order: np.ndarray | None) -> str:
    """Name, type, which values are missing, how long they are and what they are."""
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
    """Which values are there, the lengths of texts, and the values themselves, nought where one is missing."""
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
    """Dates and times as the whole numbers that they are."""
    if not pa.types.is_temporal(values.type):
        return values
    return values.view(pa.int32() if values.type.bit_width == 32 else pa.int64())


def little(numbers: np.ndarray) -> bytes:
    """The bits, in the same order on every machine."""
    return numbers.astype(numbers.dtype.newbyteorder("<"), copy=False).tobytes()


def say_differences(one: Mapping[str, Hashes], other: Mapping[str, Hashes]) -> str:
    """`days.parquet (mean_morale, waiting_ishkashim)`: tables and columns whose hashes differ; empty for none."""
    said = []
    for table in dict.fromkeys([*one, *other]):
        if table not in one or table not in other:
            said.append(f"{table} (only one has it)")
        elif one[table] != other[table]:
            said.append(f"{table} ({say_columns(one[table], other[table])})")
    return ", ".join(said)


def say_columns(one: Hashes, other: Hashes) -> str:
    """Columns whose hashes differ, or that only one has."""
    columns = [name for name in dict.fromkeys([*one, *other]) if one.get(name) != other.get(name)]
    more = f" and {len(columns) - SHOWN} more columns" if len(columns) > SHOWN else ""
    return f"{', '.join(columns[:SHOWN])}{more}"


class Way(NamedTuple):
    """One way to run a study."""

    name: str
    executor: Executor
    is_compiled: bool


class Outcome(NamedTuple):
    """What came of one way."""

    way: str
    campaigns: int
    failed: int
    seconds: float
    tables: dict[str, Hashes]
    error: str  # why there are no tables


def ways_of(address: str | None) -> tuple[Way, ...]:
    """The ways that are compared; the last has rules compiled if they are not compiled here, and else not."""
    dask = Executor("dask", 0, address) if address else Executor("dask", 2, None)
    return (
        Way("one thread", Executor("threads", 1, None), compiled),
        Way("two threads", Executor("threads", 2, None), compiled),
        Way("two processes", Executor("processes", 2, None), compiled),
        Way(f"Dask at {address}" if address else "Dask, two workers", dask, compiled),
        Way("plain Python" if compiled else "compiled", Executor("threads", 1, None), not compiled),
    )


def main(words: Sequence[str]) -> int:
    """`python -m sim verify [key=value ...]`: 0 when every way gives the same, 1 when one does not."""
    try:
        return verify(words, console_of())
    except Stopped as stopped:
        raise KeyboardInterrupt from stopped


def verify(given: Sequence[str], console: Console, ways: Sequence[Way] | None = None) -> int:
    """Run the study that the words describe in every way, and say whether all tables are the same."""
    address, wanted = without_address(given)
    words, sweep = study_of(wanted)
    ways = ways_of(address) if ways is None else ways
    cells = f"{len(sweep.cells)} cells" if len(sweep.cells) > 1 else "one cell"
    console.print(
        f"The same study, {cells} of {sweep.base.runs} campaigns of {sweep.base.days} days, run in {len(ways)} ways: "
        f"{' '.join(words)}",
        markup=False,
    )
    compile_rules(sweep.cells[0].order, sweep.base.seed, console)
    outcomes = []
    with tempfile.TemporaryDirectory(prefix="panj-verify-") as folder:
        for number, way in enumerate(ways):
            console.print(f"  {way.name} ...")
            outcomes.append(outcome_of(way, words, sweep, Path(folder) / str(number)))
    console.print(table_of(outcomes))
    said = conclusion(outcomes)
    for line in said or [f"The same: {len(ways)} ways give the same tables to the last digit."]:
        console.print(line, markup=False)
    return 1 if said else 0


def without_address(given: Sequence[str]) -> tuple[str | None, list[str]]:
    """The scheduler that Dask is to use, if one is named, and the other words; PanjError for what is set here."""
    address = None
    words = []
    for word in given:
        override = None if word in MULTIRUN else parse(word)
        if override is not None and override.key_or_group in SET_HERE:
            raise PanjError(
                f"verify, {override.key_or_group}: found '{word}', expected settings of campaigns only: "
                "verify runs on every executor, in a temporary folder"
            )
        if override is not None and override.key_or_group == "executor.address":
            address = str(override.value())
        else:
            words.append(word)
    return address, words


def study_of(given: Sequence[str]) -> tuple[list[str], Sweep]:
    """A study small enough for plain Python, changed by the words that were given; all of its words, and the cells."""
    keys = {parse(word).key_or_group for word in given if word not in MULTIRUN}
    key, values = USUAL_SWEEP
    sweeps = not keys & {key} and not any(word in MULTIRUN for word in given)
    words = ["-m", f"{key}={values}"] if sweeps else []
    words += [f"{key}={value}" for key, value in USUAL.items() if key not in keys]
    words += given
    sweep = compose_sweep(words)
    if "end_date" not in keys:
        start = max(cell.settings.start_date for cell in sweep.cells)
        words.append(f"end_date={start + timedelta(days=DAYS)}")
        sweep = compose_sweep(words)
    return words, sweep


def outcome_of(way: Way, words: Sequence[str], sweep: Sweep, folder: Path) -> Outcome:
    """Run one way; one that cannot run is told as such, and the others run."""
    started = time.perf_counter()
    try:
        study = live_here(sweep, way, folder) if way.is_compiled == compiled else live_elsewhere(words, way, folder)
        about, tables = read_about(study), columns_of_tables(study)
    except Stopped:
        raise
    except Exception as error:
        return Outcome(way.name, 0, 0, time.perf_counter() - started, {}, f"{type(error).__name__}: {error}")
    return Outcome(way.name, about["campaigns"], about["failed"], time.perf_counter() - started, tables, "")


def live_here(sweep: Sweep, way: Way, folder: Path) -> Path:
    """Run in this process; the folder of the study."""
    base = replace(sweep.base, study="verify", results_dir=folder, executor=way.executor)
    return run_sweep(replace(sweep, base=base), Console(file=io.StringIO())).folder


def live_elsewhere(words: Sequence[str], way: Way, folder: Path) -> Path:
    """Run in a new process, with rules compiled or plain: that is settled when Python starts."""
    environment = {
        **os.environ,
        "NUMBA_DISABLE_JIT": "0" if way.is_compiled else "1",
        "PYTHONPATH": os.pathsep.join(filter(None, [str(PACKAGE.parent), os.environ.get("PYTHONPATH")])),
    }
    command = [sys.executable, "-m", "sim.run.verify", str(folder), *words]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        last = done.stderr.strip().splitlines()[-1:] or ["it said nothing"]
        raise PanjError(f"found exit code {done.returncode}, expected 0: {last[0]}")
    return folder / "verify"


def table_of(outcomes: Sequence[Outcome]) -> Table:
    """A row a way."""
    table = Table(title="One study, run in different ways", caption=CAPTION)
    for column in ("way", "campaigns", "seconds", "hash of all tables", "same"):
        table.add_column(column, justify="right" if column in ("campaigns", "seconds") else "left", overflow="fold")
    for one in outcomes:
        failed = f", {one.failed} failed" if one.failed else ""
        all_tables = hash_of({name: hash_of(columns) for name, columns in one.tables.items()})
        same = "yes" if one.tables and one.tables == outcomes[0].tables else "no"
        table.add_row(
            one.way, f"{one.campaigns}{failed}", f"{one.seconds:.1f}", all_tables if one.tables else "did not run", same
        )
    return table


def conclusion(outcomes: Sequence[Outcome]) -> list[str]:
    """What is not the same, a sentence each; nothing when all is."""
    first = outcomes[0]
    said = [f"Did not run: {one.way}: {' '.join(one.error.split())[:300]}" for one in outcomes if one.error]
    for one in outcomes[1:]:
        if first.tables and one.tables and one.tables != first.tables:
            said.append(f"Not the same: {one.way} differs from {first.way} in "
                        f"{say_differences(first.tables, one.tables)}.")  # fmt: skip
    if not said and not first.campaigns:
        said.append("Nothing to compare: no campaign came to its last day.")
    return said


def live_alone(words: Sequence[str]) -> None:
    """What `live_elsewhere` starts: a folder, then the words of a study."""
    way = Way("", Executor("threads", 1, None), compiled)
    live_here(compose_sweep(words[1:]), way, Path(words[0]))


def damaged(path: Path, error: Exception) -> PanjError:
    """A file that cannot be read."""
    said = " ".join(str(error).split())[:160]
    return PanjError(f"{path}: found a damaged file ({said}), expected a whole {path.suffix} of a study")


def difference_of(one: Path, other: Path) -> str:
    """What differs between two files of the same kind; empty for nothing."""
    kind = one.suffix.lower()
    if kind == ".parquet":
        columns = columns_of_table(one), columns_of_table(other)
        return "" if columns[0] == columns[1] else f"columns {say_columns(*columns)}"
    if kind == ".csv":
        return difference_of_rows(rows_of(one), rows_of(other))
    return difference_of_frames(one, other)


def rows_of(path: Path) -> list[list[str]]:
    """The rows of a CSV, its head first."""
    try:
        with path.open(encoding="utf-8", newline="") as file:
            return list(csv.reader(file))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise damaged(path, error) from error


def difference_of_rows(one: Sequence[list[str]], other: Sequence[list[str]]) -> str:
    """How many rows differ, and in which columns."""
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
    count = "1 row" if len(rows) == 1 else f"{len(rows)} rows"
    return f"{count}, in {', '.join(names.get(place, '?') for place in sorted(places))}"


def difference_of_frames(one: Path, other: Path) -> str:
    """How many pixels of which picture differ, or how long a picture is shown."""
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
    """Every picture of a PNG or GIF as height x width x 4, and for how long it is shown."""
    from PIL import Image, ImageSequence

    try:
        with Image.open(path) as image:
            for frame in ImageSequence.Iterator(image):
                yield np.asarray(frame.convert("RGBA")), int(frame.info.get("duration", 0))
    except (OSError, SyntaxError, ValueError, EOFError) as error:
        raise damaged(path, error) from error


if __name__ == "__main__":
    live_alone(sys.argv[1:])
