"""Files of a study are written whole or not at all."""

import csv
import io
import json
import os
import shutil
import sys
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from uuid import uuid4

import pyarrow as pa

from sim.errors import PanjError


def make_arrow_lean() -> None:
    """For a process that only makes tables: memory is given back to the system, and pandas stays outside.

    With its first array pyarrow would import pandas (0.4 s and 40 MB) only to know the types of what it is never given.
    """
    pa.set_memory_pool(pa.system_memory_pool())
    if "pandas" not in sys.modules:
        sys.modules["pandas"] = None  # type: ignore[assignment]  # as if it were not there
        with suppress(AttributeError):
            pa.array([0])  # pyarrow looks for it once, and remembers


@contextmanager
def lean_arrow() -> Iterator[None]:
    """The same for a while."""
    usual = pa.default_memory_pool()
    make_arrow_lean()
    try:
        yield
    finally:
        if sys.modules["pandas"] is None:
            del sys.modules["pandas"]
        pa.set_memory_pool(usual)


def cannot_write(folder: Path, error: OSError) -> PanjError:
    """A full disk or a folder without permission, in one line."""
    return PanjError(
        f"results_dir: cannot write {folder} ({error.strerror or error}); what was recorded before is kept, "
        "and the same command goes on from there"
    )


def write_yaml(config: Mapping[str, Any], path: Path) -> None:
    """Plain settings as YAML."""
    import yaml

    path.write_text(yaml.safe_dump(json.loads(json.dumps(config)), sort_keys=False), encoding="utf-8")


@contextmanager
def made_whole(folder: Path, verb: str = "calibrate", outdated: Collection[str] = ()) -> Iterator[Path]:
    """A folder beside the place; its files move there, each in one step, when all are made, and else none does.

    Files named in `outdated` that were not made this time are then removed.
    """
    half = folder.with_name(f".{folder.name}.{os.getpid()}")
    try:
        if not folder.parent.is_dir():
            raise PanjError(f"calibrate: found no folder {folder.parent}, expected a bank: python -m sim bank")
        half.mkdir()
        yield half
        folder.mkdir(exist_ok=True)
        made = [path.name for path in sorted(half.iterdir())]
        for name in made:
            os.replace(half / name, folder / name)
        for name in set(outdated).difference(made):
            (folder / name).unlink(missing_ok=True)
    except OSError as error:
        raise PanjError(f"{verb}: cannot write {folder} ({error.strerror or error})") from error
    finally:
        shutil.rmtree(half, ignore_errors=True)


def replace_text(path: Path, text: str) -> None:
    """Write under a name of its own, then take the place of what was there."""
    partial = path.with_name(f".{path.name}.partial-{os.getpid()}")
    try:
        partial.write_text(text, encoding="utf-8", newline="")
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def text_of(rows: Sequence[dict[str, Any]]) -> str:
    """Rows for a spreadsheet; the header alone cannot be known of none."""
    file = io.StringIO()
    if rows:
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    return file.getvalue()


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
