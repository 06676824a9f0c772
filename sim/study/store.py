"""Store the campaigns of a study: the scope of the study, and one immutable file per chunk of campaigns.

Chunks are `results/<study>/chunks/<fingerprint of a cell>/<first seed>-<last seed>.<digest>.arrow`. The digest
consists of the first digits of the SHA-256 hash of the content, so that damage is detected. Files are written
atomically: a process that is killed leaves complete chunks and at most one partial file, which the next command
removes.

`chunks/study.json` is written before the first campaign. It contains the base settings, the swept keys, and the cells
with the number of campaigns requested for each. A later command may add campaigns and cells. A command with other
settings, rules or data is rejected with a list of the differences, so that all campaigns of a study are comparable.
"""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from functools import cache, partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import feather

from sim.configuration.sweep import Cell, Sweep
from sim.data.facts import Facts
from sim.errors import PanjError
from sim.outcome import read_outcomes
from sim.provenance import digest_of, seal
from sim.study.columns import Counting, bring_up_to_date, uncountable_in
from sim.study.files import json_text, read_sealed, write_errors, write_file
from sim.study.reader import StudyCell
from sim.wording import say

SHOWN = 5  # maximum number of differences listed in an error
# keys of a cell that study.json lacks: it has `number` for `cell`, and is written before failures are known
LEFT_OUT = ("cell", "failed")
NAME = re.compile(r"\d+-\d+\.[0-9a-f]{16}\.arrow")


MENDED = "the complete command of the study restores it from the chunks"


class DamagedScope(PanjError):
    """Error for a study with chunks whose study.json is damaged or missing."""


class Recorded(NamedTuple):
    """Stored campaigns of one cell: their seeds, and the files that contain them."""

    paths: tuple[Path, ...]
    done: frozenset[int]  # seeds of finished campaigns
    failed: frozenset[int]  # seeds of campaigns that have failed and never finished
    damaged: tuple[Path, ...]  # chunks that cannot be used


def record(study: Path, key: str, chunk: pa.Table) -> Path:
    """Store a chunk of campaigns in a new file.

    Args:
        study: Folder of the study.
        key: Fingerprint of the cell.
        chunk: Chunk with one row per campaign, from `sim.study.columns.chunk_of`.

    Returns:
        Path of the new file.

    Raises:
        PanjError: If the file cannot be written, for instance because the disk is full.
    """
    content = content_of(chunk)
    seeds = chunk["seed"].to_numpy()
    path = study / "chunks" / key / f"{seeds.min()}-{seeds.max()}.{digest_of(content)}.arrow"
    with write_errors(study):
        return write_file(path, content)


def remove_partial_files(study: Path) -> None:
    """Remove partial files that killed processes left behind; the caller must hold the lock of the study."""
    for left in (study / "chunks").rglob(".*.partial"):
        left.unlink(missing_ok=True)


def content_of(chunk: pa.Table) -> pa.Buffer:
    """Serialise a chunk as the bytes of an Arrow file."""
    sink = pa.BufferOutputStream()
    feather.write_feather(chunk.combine_chunks(), sink, compression="zstd", compression_level=1)
    return sink.getvalue()


def recorded(study: Path, key: str, needed: Collection[str] = ()) -> Recorded:
    """Find the stored campaigns of a cell by reading every file and checking its digest.

    Args:
        study: Folder of the study.
        key: Fingerprint of the cell.
        needed: Columns that a chunk with finished campaigns must have.

    Returns:
        Seeds and files of the campaigns; a file that is unreadable or lacks a column is listed as damaged.
    """
    done: set[int] = set()
    failed: set[int] = set()
    paths, damaged = [], []
    for path in sorted((study / "chunks" / key).glob("*.arrow")):
        chunk = read_chunk(path, ["seed", "error"], needed)
        if chunk is None:
            damaged.append(path)
            continue
        seeds, is_done = chunk["seed"].to_numpy(), chunk["error"].is_null().to_numpy()
        done |= set(seeds[is_done].tolist())
        failed |= set(seeds[~is_done].tolist())
        paths.append(path)
    return Recorded(tuple(paths), frozenset(done), frozenset(failed - done), tuple(damaged))


def intact_content(path: Path) -> bytes | None:
    """Return the bytes of a chunk, or None if the file cannot be read or its digest does not match."""
    try:
        content = path.read_bytes()
    except OSError:
        return None
    return content if [digest_of(content)] == path.name.split(".")[1:2] else None


def read_chunk(path: Path, columns: list[str] | None = None, needed: Collection[str] = ()) -> pa.Table | None:
    """Read a chunk, or some of its columns.

    Return None if the file is damaged, or if it has finished campaigns but lacks a needed column.
    """
    content = intact_content(path)
    if content is None:
        return None
    try:
        chunk = feather.read_table(pa.BufferReader(content), columns=columns)
        with pa.ipc.open_file(pa.BufferReader(content)) as file:
            names = file.schema.names
    except (pa.ArrowException, OSError):
        return None
    is_whole = set(needed) <= set(names) or chunk["error"].null_count == 0
    return chunk if is_whole else None


def chunks_of(study: Path, key: str, counting: Counting | None = None) -> Iterator[tuple[pa.Table, pa.Table]]:
    """Read the campaigns of a cell chunk by chunk, in order of seed and without repeated seeds.

    Args:
        study: Folder of the study.
        key: Fingerprint of the cell.
        counting: The requested outcomes; those that a chunk lacks or that have been redefined are counted from the
            stored data. By default, outcomes are returned as stored.

    Yields:
        Two tables per chunk, or per group of chunks with overlapping seeds: one row per finished campaign, and one row
        per failed campaign.

    Raises:
        PanjError: For an outcome that cannot be counted from the stored data.
    """
    files = (study / "chunks" / key).glob("*.arrow")
    for together in overlapping(path for path in files if NAME.fullmatch(path.name)):
        contents = [chunk for path in together if (chunk := read_chunk(path)) is not None]
        if not contents:
            continue
        if counting is not None:
            contents = [bring_up_to_date(chunk, counting) for chunk in contents]
        chunk = pa.concat_tables(contents, promote_options="default")
        if chunk["error"].null_count == chunk.num_rows:  # the usual case: no campaign failed
            done, failed = chunk, chunk.slice(0, 0)
        else:
            done, failed = chunk.filter(pc.field("error").is_null()), chunk.filter(~pc.field("error").is_null())
        if len(contents) > 1:  # seeds that were retried, or were run by two processes at once
            done = without_repeats(done)
            failed = without_repeats(failed.filter(~pc.field("seed").isin(done["seed"])))
        yield done.combine_chunks(), failed.combine_chunks()


def overlapping(paths: Iterable[Path]) -> Iterator[list[Path]]:
    """Group files whose ranges of seeds overlap, and yield the groups in order of seed."""
    together: list[Path] = []
    last = -1
    for (first, to), path in sorted((seeds_of(path), path) for path in paths):
        if together and first > last:
            yield together
            together = []
        together.append(path)
        last = max(last, to)
    if together:
        yield together


def seeds_of(path: Path) -> tuple[int, int]:
    """Return the first and last seed of a chunk, from its file name."""
    first, last = path.name.split(".")[0].split("-")
    return int(first), int(last)


def without_repeats(chunk: pa.Table) -> pa.Table:
    """Return the first row of each seed in a chunk, in order of seed."""
    _, first = np.unique(chunk["seed"].to_numpy(), return_index=True)
    return chunk.take(first)


@dataclass(frozen=True)
class Scope:
    """Scope of a study: base settings, swept keys, and cells with the number of campaigns requested in each."""

    base: dict[str, Any]  # settings before the sweep, as returned by `Settings.as_dict`
    swept: tuple[str, ...]
    first_seed: int
    cells: tuple[StudyCell, ...]
    outcomes: Mapping[str, str] = field(default_factory=dict)  # fingerprints of the outcomes, by name
    facts: Facts | None = field(default=None, compare=False)  # data of a requested scope; None for a stored one

    @property
    def daily(self) -> bool:
        """Whether the study stores daily series."""
        return self.base.get("daily", True)


def scope_of(sweep: Sweep) -> Scope:
    """Return the scope of the study that a sweep requests."""
    base = sweep.base
    lengths = dict.fromkeys((cell.settings.start_date, cell.settings.days) for cell in sweep.cells)
    table = [row for start, days in lengths for row in read_outcomes(base.facts, start, days)]
    return Scope(
        base.as_dict(), sweep.swept, base.seed, tuple(map(recorded_cell, sweep.cells)),
        {row.name: row.fingerprint for row in table}, base.facts,
    )  # fmt: skip


def recorded_cell(cell: Cell) -> StudyCell:
    """Convert a cell of a sweep to a cell of a stored study."""
    settings = cell.settings
    return StudyCell(
        cell.number, cell.label, cell.values, settings.start_date, settings.end_date, cell.words,
        settings.fingerprint(), settings.runs, 0, settings.title, settings.calibration,
    )  # fmt: skip


def scope_file(study: Path) -> Path:
    """Return the path of the scope file of a study."""
    return study / "chunks" / "study.json"


def read_scope(study: Path) -> Scope | None:
    """Read the scope of the study in a folder.

    Args:
        study: Folder of the study.

    Returns:
        The scope, or None if there is no study yet.

    Raises:
        DamagedScope: If there are chunks, but study.json is damaged or missing.
        PanjError: If the folder contains other files, but neither study.json nor chunks.
    """
    path = scope_file(study)
    if not path.is_file():
        others = [one.name for one in study.iterdir() if one.name != "chunks"] if study.is_dir() else []
        if any(study.glob("chunks/*/*.arrow")):
            raise DamagedScope(f"{path}: found no such file, expected the scope of a study; {MENDED}")
        if others:
            raise PanjError(f"study: found {study} with {', '.join(sorted(others)[:4])} and no stored campaigns, "
                            "expected a new name; choose study=NAME, or move the folder away")  # fmt: skip
        return None
    try:
        found = read_sealed(path)
        return Scope(
            found["base"], tuple(found["swept"]), found["first_seed"], tuple(map(StudyCell.from_dict, found["cells"])),
            found.get("outcomes", {}),
        )  # fmt: skip
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise DamagedScope(
            f"{path}: found a damaged file ({str(error)[:60]}), expected the scope of a study; {MENDED}"
        ) from error


def mended_scope(study: Path, asked: Scope) -> Scope:
    """Reconstruct the scope of a study whose study.json is damaged or missing.

    Args:
        study: Folder of the study.
        asked: Scope that a command requests.

    Returns:
        The requested scope, extended so that every cell includes all its stored campaigns.

    Raises:
        DamagedScope: If there are chunks of cells that the command does not request.
        PanjError: If an outcome cannot be counted from the stored campaigns.
    """
    known = {cell.fingerprint for cell in asked.cells}
    others = sorted(path.parent.name for path in study.glob("chunks/*/*.arrow") if path.parent.name not in known)
    if others:
        raise DamagedScope(
            f"{scope_file(study)}: found it damaged or missing, and campaigns of cells that this command "
            f"does not request ({others[0]}), expected the complete command of the study; or choose study=NAME"
        )
    if lost := uncountable(study, asked.cells, asked):
        raise another_study(study, lost)
    cells = []
    for cell in asked.cells:
        seeds = [seed - asked.first_seed + 1 for seed in recorded(study, cell.fingerprint).done]
        cells.append(cell._replace(runs=max([cell.runs, *seeds])))
    return replace(asked, cells=tuple(cells))


def rename_damaged(path: Path) -> None:
    """Rename a damaged file, if it exists, so that it is kept but no longer read."""
    if path.is_file() or path.is_symlink():
        path.replace(path.with_suffix(".damaged"))


def write_scope(study: Path, scope: Scope) -> None:
    """Write the scope of a study to chunks/study.json.

    Args:
        study: Folder of the study.
        scope: Scope to write.

    Raises:
        PanjError: If the folder cannot be written.
    """
    content = {
        "outcomes": dict(scope.outcomes),
        "base": scope.base,
        "swept": scope.swept,
        "first_seed": scope.first_seed,
        "cells": [
            {"number": cell.number} | {key: value for key, value in cell.as_dict().items() if key not in LEFT_OUT}
            for cell in scope.cells
        ],
    }
    with write_errors(study):
        write_file(scope_file(study), json_text(seal(content)))


def join_scopes(study: Path, old: Scope | None, new: Scope) -> Scope:
    """Merge a requested scope into the scope of a study.

    Args:
        study: Folder of the study, for errors.
        old: Scope of the study so far; None for a new study.
        new: Requested scope.

    Returns:
        Scope with the cells and campaigns of both.

    Raises:
        PanjError: If the campaigns of the two are not comparable; the message lists the differences.
    """
    if old is None:
        return new
    differences = compare_settings(old.base, new.base)
    if old.swept != new.swept:
        differences.append(f"swept keys: {', '.join(old.swept) or 'none'} there, {', '.join(new.swept) or 'none'} here")
    if old.first_seed != new.first_seed:
        differences.append(f"seed: {old.first_seed} there, {new.first_seed} here")
    there, asked = ({key_of(cell): cell for cell in scope.cells} for scope in (old, new))
    for key, cell in asked.items():
        if key in there and there[key].fingerprint != cell.fingerprint and not differences:
            differences.append(f"the resolved settings of {cell.label or 'the scenario'}")
    differences += uncountable(study, old.cells, new)
    if differences:
        raise another_study(study, differences)
    cells = [
        cell._replace(runs=max(cell.runs, asked[key].runs), calibration=asked[key].calibration)
        if key in asked
        else cell
        for key, cell in there.items()
    ]
    added = [cell for key, cell in asked.items() if key not in there]
    cells += [cell._replace(number=len(cells) + place) for place, cell in enumerate(added)]
    return replace(old, cells=tuple(cells), outcomes={**old.outcomes, **new.outcomes})


def another_study(study: Path, differences: Sequence[str]) -> PanjError:
    """Return the error for a command whose campaigns are not comparable with those of a study."""
    return PanjError(
        f"study: found another study in {study} (it differs in {first_of(differences, SHOWN)}), "
        "expected the same settings, rules and data; choose a new name with study=NAME, or move the folder away"
    )


def uncountable(study: Path, cells: Iterable[StudyCell], asked: Scope) -> list[str]:
    """Describe the outcomes of a requested scope that stored campaigns lack and that cannot be counted from their data.

    The chunks themselves decide, because an outcome may have been declared for only some of the commands of a study.

    Args:
        study: Folder of the study.
        cells: Cells whose stored campaigns the tables will include.
        asked: The requested scope.
    """
    if asked.facts is None:
        return []
    counting_of = cache(partial(counting_for, asked.facts))  # most cells have the same dates
    found = {
        row.name
        for cell in cells
        for path in (study / "chunks" / cell.fingerprint).glob("*.arrow")
        for row in uncountable_in(schema_of(path).empty_table(), counting_of(cell.start_date, cell.end_date))
        if has_finished(path)
    }
    return [f"outcomes.{name}, which cannot be counted from stored campaigns" for name in sorted(found)]


def counting_for(facts: Facts, start: date, end: date) -> Counting:
    """Return the outcomes that are declared now, for campaigns between two dates."""
    days = (end - start).days
    return Counting(read_outcomes(facts, start, days), facts, start, days)


def schema_of(path: Path) -> pa.Schema:
    """Return the schema of a chunk without reading its rows, empty if the file is damaged."""
    try:
        with pa.OSFile(str(path)) as file, pa.ipc.open_file(file) as chunk:
            return chunk.schema
    except (pa.ArrowException, OSError, ValueError):
        return pa.schema([])


def has_finished(path: Path) -> bool:
    """Return whether a chunk is intact and contains a finished campaign."""
    chunk = read_chunk(path, ["error"])
    return chunk is not None and chunk["error"].null_count > 0


def key_of(cell: StudyCell) -> tuple[str, ...]:
    """Return the swept values of a cell as text, which identifies the cell within its study."""
    return tuple(f"{key}={value!r}" for key, value in cell.values.items())


def compare_settings(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """List the differences between two sets of settings, such as `rules.news.fade_days: 10 there, 5 here`.

    Args:
        old: Settings of the study ("there"), as returned by `Settings.as_dict`.
        new: Requested settings ("here"), in the same form.
    """
    there, here = dict(flatten(old)), dict(flatten(new))
    keys = [key for key in {**there, **here} if there.get(key) != here.get(key)]
    return [f"{key}: {say(there.get(key, 'none'))} there, {say(here.get(key, 'none'))} here" for key in keys]


def first_of(differences: Sequence[str], most: int) -> str:
    """Join the first few differences.

    Args:
        differences: Descriptions of the differences.
        most: Largest number of differences to include.

    Returns:
        The first differences, followed by the number of any others.
    """
    more = f" and {len(differences) - most} more" if len(differences) > most else ""
    return f"{'; '.join(differences[:most])}{more}"


def flatten(node: Any, path: str = "") -> list[tuple[str, Any]]:
    """Flatten nested settings to a list of paths and values.

    Args:
        node: Settings as returned by `Settings.as_dict`, or a part of them.
        path: Dotted path of the node; empty for the whole settings.

    Returns:
        Path and value of every leaf. The path of a number is its full key, such as `rules.news.fade_days`, and the path
        of a choice is its group. Items of lists are identified by their name or, if they have none, by their position.
    """
    if isinstance(node, Mapping):
        inner = [(str(key), value) for key, value in node.items()]
    elif isinstance(node, Sequence) and not isinstance(node, str):
        inner = [(str(one.get("name", place)) if isinstance(one, Mapping) else str(place), one)
                 for place, one in enumerate(node)]  # fmt: skip
    else:
        return [(path, node)]
    top = {"rules": "", "choices": ""}.get(path, f"{path}." if path else "")
    return [leaf for key, value in inner for leaf in flatten(value, f"{top}{key}")]
