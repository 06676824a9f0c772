"""The record of what is done: one file a chunk, under the fingerprint of its cell, never changed once it has its name.

`results/<study>/chunks/<fingerprint>/<first seed>-<last seed>.<digest>.arrow`. A file is written under another name,
flushed to the disk, and then renamed; its name holds the first digits of the SHA-256 of its content. A process that is
killed at any moment therefore leaves whole chunks and at most a nameless rest, which the next command clears away, and
damage to a file is seen.
"""

import os
import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple
from uuid import uuid4

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import feather

from sim.results import cannot_write

DIGITS = 16  # of the digest in the name
NAME = re.compile(r"\d+-\d+\.[0-9a-f]{16}\.arrow")


class Recorded(NamedTuple):
    """What the record holds of one cell."""

    paths: tuple[Path, ...]
    done: frozenset[int]  # seeds that have finished
    failed: frozenset[int]  # seeds that raised and have not finished since
    damaged: tuple[Path, ...]


def record(study: Path, key: str, chunk: pa.Table) -> Path:
    """Write a chunk of the cell `key`; PanjError when the disk is full or the folder read-only."""
    content = content_of(chunk)
    seeds = chunk["seed"].to_numpy()
    path = study / "chunks" / key / f"{seeds.min()}-{seeds.max()}.{digest_of(content)}.arrow"
    write_whole(path, content, study)
    return path


def write_whole(path: Path, content: pa.Buffer | bytes, study: Path) -> None:
    """Write under another name, then rename; PanjError when the disk is full or the folder read-only."""
    partial = path.with_name(f".{path.name}.{uuid4().hex}.partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with partial.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    except OSError as error:
        with suppress(OSError):
            partial.unlink(missing_ok=True)
        raise cannot_write(study, error) from error


def clear_rests(study: Path) -> None:
    """Away with what killed processes left half written; only for the one process that works in the study."""
    for partial in (study / "chunks").rglob(".*.partial"):
        partial.unlink(missing_ok=True)


def content_of(chunk: pa.Table) -> pa.Buffer:
    """The chunk as the bytes of an Arrow file."""
    sink = pa.BufferOutputStream()
    feather.write_feather(chunk.combine_chunks(), sink, compression="zstd", compression_level=1)
    return sink.getvalue()


def digest_of(content: pa.Buffer | bytes) -> str:
    """The first digits of the SHA-256."""
    return sha256(content).hexdigest()[:DIGITS]


def recorded(study: Path, key: str) -> Recorded:
    """What is done of a cell; every file is read and its digest checked. What cannot be read is damaged too."""
    done: set[int] = set()
    failed: set[int] = set()
    paths, damaged = [], []
    for path in sorted((study / "chunks" / key).glob("*.arrow")):
        content = whole_content(path)
        if content is None:
            damaged.append(path)
            continue
        chunk = feather.read_table(pa.BufferReader(content), columns=["seed", "error"])
        seeds, is_done = chunk["seed"].to_numpy(), chunk["error"].is_null().to_numpy()
        done |= set(seeds[is_done].tolist())
        failed |= set(seeds[~is_done].tolist())
        paths.append(path)
    return Recorded(tuple(paths), frozenset(done), frozenset(failed - done), tuple(damaged))


def whole_content(path: Path) -> bytes | None:
    """The bytes of a chunk; None when they are not those that were written, or cannot be read."""
    try:
        content = path.read_bytes()
    except OSError:
        return None
    return content if digest_of(content) == path.name.split(".")[1] else None


def chunks_of(study: Path, key: str) -> Iterator[tuple[pa.Table, pa.Table]]:
    """Finished and failed campaigns of a cell in the order of their seeds, each seed once, a chunk at a time."""
    files = (study / "chunks" / key).glob("*.arrow")
    for together in overlapping(path for path in files if NAME.fullmatch(path.name)):
        contents = [content for path in together if (content := whole_content(path)) is not None]
        if not contents:
            continue
        chunk = pa.concat_tables(feather.read_table(pa.BufferReader(content)) for content in contents)
        if chunk["error"].null_count == chunk.num_rows:  # as a rule, and then nothing is copied
            done, failed = chunk, chunk.slice(0, 0)
        else:
            done, failed = chunk.filter(pc.field("error").is_null()), chunk.filter(~pc.field("error").is_null())
        if len(contents) > 1:  # seeds that were tried again, or by two processes at once
            done = each_once(done)
            failed = each_once(failed.filter(~pc.field("seed").isin(done["seed"])))
        yield done.combine_chunks(), failed.combine_chunks()


def overlapping(paths: Iterable[Path]) -> Iterator[list[Path]]:
    """Files in the order of their seeds; those whose seeds overlap together."""
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
    """The first and the last seed of a chunk, from its name."""
    first, last = path.name.split(".")[0].split("-")
    return int(first), int(last)


def each_once(chunk: pa.Table) -> pa.Table:
    """One row a seed, in their order."""
    _, first = np.unique(chunk["seed"].to_numpy(), return_index=True)
    return chunk.take(first)
