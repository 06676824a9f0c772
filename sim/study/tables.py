"""Build the tables of a study from its chunks, with memory that does not depend on the number of chunks.

Tables are written to a temporary folder and then replace all old ones at once, with `about.json` last.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, nullcontext, suppress
from datetime import date
from functools import cache, partial
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from sim.configuration.overrides import MULTIRUN
from sim.data.facts import Facts
from sim.outcome import Outcome, read_outcomes
from sim.provenance import DIGITS, seal, stamp
from sim.study.codebook import Codebook, columns_in
from sim.study.columns import (
    CHANGES,
    DAILY,
    FIRST_FALL,
    NOT_FALLEN,
    Counting,
    SummaryRow,
    days_table,
    districts_table,
    failures_table,
    held_of,
    runs_table,
    stored_type,
    summarise,
)
from sim.study.files import csv_text, json_text, sha256_of, write_folder, yaml_text
from sim.study.package import write_description
from sim.study.reader import QUANTILES, StudyCell
from sim.study.store import Scope, chunks_of

TABLES = ("runs.parquet", "days.parquet", "districts.parquet", "failures.parquet", "summary.csv", "config.yaml")
EVENTS = "events.parquet"  # log of a study with only one campaign
GROUP = 20_000  # rows per row group
MOST_KEYS = 8  # largest number of swept keys with columns in all tables; with more, only runs.parquet has them
Chunk = tuple[pa.Table, pa.Table]  # the finished and the failed campaigns of a chunk


class TableWriter:
    """Writer of a Parquet file whose row groups each belong to one cell; columns that a cell lacks are empty.

    The metadata of each field in the schema are its `description`, `unit` and `source`.
    """

    def __init__(self, path: Path, about: Mapping[str, Any], book: Codebook, columns: pa.Schema | None = None) -> None:
        self.path = path
        self.book = book
        self.metadata = {"panj": stamp(about, {"file": path.name})}
        self.columns = columns
        self.writer: pq.ParquetWriter | None = None
        self.waiting: list[pa.Table] = []
        self.rows = 0

    def add(self, table: pa.Table) -> None:
        """Add rows to the pending ones, and write these if there are enough for a row group."""
        self.waiting.append(table)
        self.rows += table.num_rows
        if self.rows >= GROUP:
            self.flush()

    def flush(self) -> None:
        """Write any pending rows as a row group.

        Call it at the end of each cell, so that cells can be read separately.
        """
        if not self.waiting:
            return
        table = pa.concat_tables(self.waiting)
        self.waiting, self.rows = [], 0
        if self.writer is None:
            schema = self.book.describe(self.path.name, self.columns or table.schema).with_metadata(self.metadata)
            words = [field.name for field in schema if pa.types.is_string(field.type)]  # dictionary-encode only text
            self.writer = pq.ParquetWriter(
                self.path, schema, compression="zstd", compression_level=1, use_dictionary=words,
                write_page_checksum=True,
            )  # fmt: skip
        names = self.writer.schema.names
        if table.column_names != names:
            there = dict(zip(table.column_names, table.columns, strict=True))
            empty = {field.name: pa.nulls(table.num_rows, field.type) for field in self.writer.schema}
            table = pa.table({name: there.get(name, empty[name]) for name in names})
        self.writer.write_table(table.cast(self.writer.schema))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Write pending rows, unless an error occurred, and close the file; without any rows, no file is created."""
        try:
            if error is None:
                self.flush()
        finally:
            if self.writer is not None:
                self.close_writer(self.writer, error)

    def close_writer(self, writer: pq.ParquetWriter, error: BaseException | None) -> None:
        """Close the writer and mark it as closed, so that its garbage collection does not fail on a full disk.

        If the block has already raised an error (`error`), errors of the operating system are suppressed.
        """
        try:
            with nullcontext() if error is None else suppress(OSError):
                writer.close()
        finally:
            writer.is_open = False


def write_tables(
    study: Path, scope: Scope, facts: Facts, about: dict[str, Any], events: pa.Table | None = None
) -> list[list[SummaryRow]]:
    """Write the tables of a study, their descriptions, config.yaml, and about.json with the digest of each table.

    Args:
        study: Folder of the study.
        scope: Scope of the study.
        facts: Districts and posts of the campaigns.
        about: Content of about.json; cells, numbers of campaigns and failures, and digests are added to it.
        events: Event log of the only campaign; None if there are several.

    Returns:
        Summary of every cell, with one row per outcome.

    Raises:
        PanjError: If the folder cannot be written.
    """
    about |= entries_beyond_command(scope, about)
    book = Codebook.of_dates(facts, ((cell.start_date, cell.end_date) for cell in scope.cells))
    with write_folder(study, "results_dir", study / ".tables", (*TABLES, EVENTS)) as fresh:
        cells, summaries = write_cells(fresh, study, scope, facts, about, book)
        about["cells"] = [cell.as_dict() for cell in cells]
        about["campaigns"] = sum(cell.finished for cell in cells)
        about["failed"] = sum(cell.failed for cell in cells)
        write_summary(summaries, scope, fresh / "summary.csv")
        said = {"study": about["study"], "calibration_in_words": about["calibration"]}
        config = {**said, **scope.base, **cells_in_yaml(scope)}
        (fresh / "config.yaml").write_text(yaml_text(config), encoding="utf-8")
        if events is not None:
            book.write(events, fresh / EVENTS)
        hashes = {name: sha256_of(path) for name in (*TABLES, EVENTS) if (path := fresh / name).is_file()}
        about["tables"] = {name: digits[:DIGITS] for name, digits in hashes.items()}
        write_description(fresh, about, columns_in(fresh, book), hashes)
        (fresh / "about.json").write_text(json_text(seal(about), indent=2), encoding="utf-8")
    return summaries


def entries_beyond_command(scope: Scope, about: Mapping[str, Any]) -> dict[str, Any]:
    """Return the entries of about.json that the command does not determine: campaigns and overrides of each cell.

    Numbers of campaigns are included if they differ between cells, for instance after a requested precision. Overrides
    are included if cells were added by earlier commands. An omitted entry is None.
    """
    runs = [cell.runs for cell in scope.cells]
    is_said = not scope.swept or (about.get("cells_from_words") and any(word in MULTIRUN for word in about["words"]))
    return {
        "runs_of_cells": runs if len(set(runs)) > 1 else None,
        "words_of_cells": None if is_said else [list(cell.overrides) for cell in scope.cells],
    }


def write_cells(
    fresh: Path, study: Path, scope: Scope, facts: Facts, about: Mapping[str, Any], book: Codebook
) -> tuple[list[StudyCell], list[list[SummaryRow]]]:
    """Write the rows of every cell to the tables of a study, and close the tables.

    Returns:
        The cells, with their numbers of stored campaigns and of failures, and the summary of each cell.
    """
    with ExitStack() as stack:
        tables = {name: stack.enter_context(TableWriter(fresh / name, about, book)) for name in TABLES[:4]}
        tables["runs.parquet"].columns = columns_of_runs(study, scope, facts)
        return fill(tables, study, scope, facts)


def fill(
    tables: Mapping[str, TableWriter], study: Path, scope: Scope, facts: Facts
) -> tuple[list[StudyCell], list[list[SummaryRow]]]:
    """Write the rows of every cell to open tables, and return the result of `write_cells`."""
    held, summaries = [], []
    outcomes_of = cache(partial(read_outcomes, facts))  # most cells have the same dates
    kinds = swept_kinds(scope)
    for cell in scope.cells:
        start, days = cell.start_date, (cell.end_date - cell.start_date).days
        outcomes = outcomes_of(start, days)
        tally = CellTally(len(facts.district), days + 1, outcomes)
        named = tabled(cell, kinds)
        for done, failed in ahead(chunks_of(study, cell.fingerprint, Counting(outcomes, facts, start, days))):
            wanted = within(done, scope.first_seed, cell.runs), within(failed, scope.first_seed, cell.runs)
            add_chunk(tables, wanted, named, scope.first_seed, facts, start)
            tally.add(*wanted)
        many = named if len(kinds) <= MOST_KEYS else {**named, "values": {}}
        share = tally.held / max(1, tally.runs)
        districts = districts_table(many, share, tally.median_fall(), facts, start)
        tables["districts.parquet"].add(districts if tally.runs else districts.slice(0, 0))
        for table in tables.values():
            table.flush()
        summaries.append(summarise(tally.outcomes(), outcomes))
        held.append(cell._replace(runs=tally.runs + tally.failed, failed=tally.failed))
    return held, summaries


def swept_kinds(scope: Scope) -> dict[str, Callable[[Any], Any]]:
    """Return the type of each swept key in tables.

    It is the common type of the values, float for a mixture of integers and floats, and otherwise str.
    """
    kinds: dict[str, Callable[[Any], Any]] = {}
    for key in scope.swept:
        found = {type(cell.values[key]) for cell in scope.cells}
        kinds[key] = found.pop() if len(found) == 1 else float if found <= {int, float} else str
    return kinds


def tabled(cell: StudyCell, kinds: Mapping[str, Callable[[Any], Any]]) -> dict[str, Any]:
    """Return the number of a cell and its swept values, converted to the types of their keys in tables."""
    return {"cell": cell.number, "values": {key: kinds[key](value) for key, value in cell.values.items()}}


def ahead(chunks: Iterator[Chunk]) -> Iterator[Chunk]:
    """Yield chunks in order, while a background thread reads the next chunk."""
    with ThreadPoolExecutor(1) as reader:
        coming = reader.submit(next, chunks, None)
        while (chunk := coming.result()) is not None:
            coming = reader.submit(next, chunks, None)
            yield chunk


def within(chunk: pa.Table, first_seed: int, runs: int) -> pa.Table:
    """Return the rows of a chunk whose seeds are among the `runs` consecutive seeds from `first_seed`."""
    seeds = chunk["seed"].to_numpy()
    wanted = (first_seed <= seeds) & (seeds < first_seed + runs)
    return chunk if wanted.all() else chunk.filter(pa.array(wanted))


def columns_of_runs(study: Path, scope: Scope, facts: Facts) -> pa.Schema | None:
    """Return the schema of runs.parquet, with the columns of all cells, or None if no campaign is stored.

    Cells can differ in dated outcomes and drawn numbers.
    """
    schemas, kinds = [], swept_kinds(scope)
    for cell in {(cell.start_date, cell.end_date, cell.calibration): cell for cell in scope.cells}.values():
        start, days = cell.start_date, (cell.end_date - cell.start_date).days
        counting = Counting(read_outcomes(facts, start, days), facts, start, days)
        for done, _ in chunks_of(study, cell.fingerprint, counting):
            schemas.append(runs_table(done, tabled(cell, kinds), 0).schema)
            if done.num_rows:  # in older studies, failed campaigns may lack columns
                break
    return pa.unify_schemas(schemas) if schemas else None


def add_chunk(
    tables: Mapping[str, TableWriter], chunk: Chunk, cell: Mapping[str, Any], first_seed: int,
    facts: Facts, start: date,
) -> None:  # fmt: skip
    """Add one chunk to the tables of campaigns, of days and of failures.

    A chunk without finished campaigns still adds its columns, so that runs.parquet and days.parquet are written.
    """
    done, failed = chunk
    tables["runs.parquet"].add(runs_table(done, cell, first_seed))
    if any(name.startswith(DAILY) for name in done.column_names):
        cell = cell if len(cell["values"]) <= MOST_KEYS else {**cell, "values": {}}
        tables["days.parquet"].add(days_table(done, cell, first_seed, len(facts.district), start))
    if failed.num_rows:
        tables["failures.parquet"].add(failures_table(failed, cell))


class CellTally:
    """Outcomes of a cell, and numbers of campaigns in which the Taliban hold, or first take, each district by day."""

    def __init__(self, districts: int, evenings: int, table: Sequence[Outcome]) -> None:
        self.runs = self.failed = 0
        self.held = np.zeros((evenings, districts), np.int64)
        # number of campaigns by day of first fall; the last row counts those without a fall
        self.fell = np.zeros((evenings + 1, districts), np.int64)
        kinds = {row.name: stored_type(row) for row in table}
        # tables of outcomes, beginning with an empty one that defines the columns
        self.parts = [pa.schema(kinds).empty_table()]

    def add(self, done: pa.Table, failed: pa.Table) -> None:
        """Add the finished and failed campaigns of one chunk."""
        evenings, districts = self.held.shape
        self.failed += failed.num_rows
        self.parts.append(done.select(self.parts[0].column_names))
        if not done.num_rows:
            return
        self.runs += done.num_rows
        self.held += held_of(done[CHANGES].combine_chunks().flatten().to_numpy(), evenings, districts)
        first = done[FIRST_FALL].combine_chunks().flatten().to_numpy().reshape(-1, districts)
        np.add.at(self.fell, (np.minimum(first, evenings), np.arange(districts)[None, :]), 1)

    def outcomes(self) -> pa.Table:
        """Return a table with one row per finished campaign and one column per outcome."""
        return pa.concat_tables(self.parts)

    def median_fall(self) -> np.ndarray:
        """Return the first day on which each district has fallen in at least half of the campaigns, or NOT_FALLEN.

        The value is NOT_FALLEN for a district that falls in fewer campaigns.
        """
        reached = np.cumsum(self.fell, axis=0) > (self.runs - 1) // 2
        day = reached.argmax(axis=0)
        return np.where(day < len(self.held), day, NOT_FALLEN)


def cells_in_yaml(scope: Scope) -> dict[str, Any]:
    """Return the cells of a sweep under the key `cells`, for config.yaml; empty if nothing is swept."""
    if not scope.swept:
        return {}
    return {"cells": [{"cell": cell.number, **cell.values, "fingerprint": cell.fingerprint} for cell in scope.cells]}


def write_summary(summaries: Sequence[Sequence[SummaryRow]], scope: Scope, path: Path) -> None:
    """Write summary.csv, with one row per cell and outcome; quantiles of dates are in separate columns."""
    rows = [
        {"cell": cell.number, "cell_label": cell.label} | quantiles_apart(row._asdict())
        for cell, summary in zip(scope.cells, summaries, strict=True)
        for row in summary
    ]
    path.write_text(csv_text(rows), encoding="utf-8", newline="")


def quantiles_apart(row: dict[str, Any]) -> dict[str, Any]:
    """Move the quantiles of a date in a summary row to separate columns, so that each column has a single type."""
    is_date = row["unit"] == "date"
    dates = {f"{name}_date": row[name] if is_date else "" for name in QUANTILES}
    return row | (dict.fromkeys(QUANTILES, "") if is_date else {}) | dates
