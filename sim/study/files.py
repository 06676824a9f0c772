"""The one way to write files: next to their place first, then flushed to disk and renamed, so whole or not at all."""

import csv
import io
import json
import os
import shutil
import sys
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from uuid import uuid4

import pyarrow as pa

from sim.errors import PanjError


def make_arrow_lean() -> None:
    """For a process that only makes tables: memory is given back to the system, and pandas is not imported.

    With its first array pyarrow would import pandas (0.4 s and 40 MB) only to recognise types that it is never given.
    """
    pa.set_memory_pool(pa.system_memory_pool())
    if "pandas" not in sys.modules:
        sys.modules["pandas"] = None  # type: ignore[assignment]  # as if it were not installed
        with suppress(AttributeError):
            pa.array([0])  # pyarrow looks for it once, and remembers


@contextmanager
def lean_arrow() -> Iterator[None]:
    """`make_arrow_lean` for the length of a block."""
    usual = pa.default_memory_pool()
    make_arrow_lean()
    try:
        yield
    finally:
        if sys.modules["pandas"] is None:
            del sys.modules["pandas"]
        pa.set_memory_pool(usual)


@contextmanager
def write_errors(place: Path, key: str = "results_dir") -> Iterator[None]:
    """Turn a full disk or a folder without permission into one line.

    Args:
        place: What was being written, for the message.
        key: What the user set, or the verb that wrote.

    Raises:
        PanjError: For every OSError of the block.
    """
    try:
        yield
    except OSError as error:
        raise PanjError(
            f"{key}: cannot write {place} ({error.strerror or error}); what was recorded before is kept, "
            "and the same command goes on from there"
        ) from error


def write_file(path: Path, content: str | bytes | Callable[[Path], object]) -> Path:
    """Write a file in one step: a process that is killed or a full disk leaves what was there before.

    Args:
        path: Where the file goes; missing folders are made.
        content: Text (UTF-8), bytes, or a function that writes to the temporary path that it is given.

    Returns:
        `path`.

    Raises:
        OSError: When it cannot be written; wrap the call in `write_errors` to name the setting behind it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{uuid4().hex}.partial")
    try:
        if callable(content):
            content(temporary)
        else:
            temporary.write_bytes(content.encode() if isinstance(content, str) else content)
        flush(temporary)
        temporary.replace(path)
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
    return path


def flush(path: Path) -> None:
    """Wait until the disk holds the file: after a power cut a name must not stand for an empty file."""
    with path.open("rb+") as file:
        os.fsync(file.fileno())


@contextmanager
def write_folder(folder: Path, key: str, fresh: Path | None = None, outdated: Collection[str] = ()) -> Iterator[Path]:
    """Replace files of a folder together, once all of them are made; when the block raises, none is replaced.

    Args:
        folder: Where the files go; its parent must exist.
        key: What the user set, or the verb that writes; errors begin with it.
        fresh: A folder on the same disk to make them in; next to `folder` unless given.
        outdated: Names of files that are removed if they were not made this time.

    Yields:
        The folder to write into. `about.json` is moved last: it vouches for the other files.

    Raises:
        PanjError: When something cannot be written.
    """
    fresh = fresh or folder.with_name(f".{folder.name}.{os.getpid()}")
    if not folder.parent.is_dir():
        raise PanjError(f"{key}: found no folder {folder.parent}, expected one")
    shutil.rmtree(fresh, ignore_errors=True)
    try:
        with write_errors(folder, key):
            fresh.mkdir()
            yield fresh
            folder.mkdir(exist_ok=True)
            made = sorted((path.name for path in fresh.iterdir()), key=lambda name: (name == "about.json", name))
            for name in made:
                flush(fresh / name)
            for name in made:
                (fresh / name).replace(folder / name)
            for name in set(outdated).difference(made):
                (folder / name).unlink(missing_ok=True)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def json_text(content: Mapping[str, Any], indent: int = 1) -> str:
    """JSON as it is kept in files, with a newline at the end."""
    return json.dumps(content, indent=indent) + "\n"


def yaml_text(config: Mapping[str, Any]) -> str:
    """Plain settings as YAML."""
    import yaml

    return str(yaml.safe_dump(json.loads(json.dumps(config)), sort_keys=False))


def csv_text(rows: Sequence[Mapping[str, Any]]) -> str:
    """Rows as CSV under a header of the keys of the first; no rows give an empty text."""
    file = io.StringIO()
    if rows:
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    return file.getvalue()
