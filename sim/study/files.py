"""Write files atomically: each is written to a temporary file in the same folder, flushed to disk and renamed."""

import csv
import errno
import glob
import io
import json
import math
import os
import re
import shutil
import sys
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import date
from functools import cache
from hashlib import file_digest
from pathlib import Path
from typing import IO, Any, NamedTuple
from uuid import uuid4

import pyarrow as pa
from filelock import FileLock, Timeout

from sim.errors import PanjError
from sim.options import SEPARATOR_OF, SEPARATORS
from sim.provenance import DIGITS, unsealed

NO_PLACE = (  # errors for a path where nothing can be created
    *(errno.ENOTDIR, errno.ENOENT, errno.EEXIST),
    *(errno.EACCES, errno.EPERM, errno.EROFS),
)
ONLY_WRITING = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS)  # errors that reading a file cannot give
KEPT = "earlier files are kept, and the same command continues from there"
LOCK = ".lock"  # lock file in a folder, locked while a process that uses the folder, or has made it, is running
PARTIAL = re.compile(r"\..+\.[0-9a-f]{32}\.partial")  # name of a temporary file of `write_file`
LONGEST = 3600  # seconds that writing a file may pause; an older temporary file was left by a killed process


def make_arrow_lean() -> None:
    """Reduce the memory that Arrow uses in this process.

    Memory is returned to the system as soon as it is free, and pandas is not imported. Otherwise, pyarrow would import
    it with the first array (0.4 s and 40 MB) to recognise types that do not occur here.
    """
    pa.set_memory_pool(pa.system_memory_pool())
    if "pandas" not in sys.modules:
        sys.modules["pandas"] = None  # type: ignore[assignment]  # treated as not installed
        with suppress(AttributeError):
            pa.array([0])  # pyarrow looks for pandas only at this point


@contextmanager
def lean_arrow() -> Iterator[None]:
    """Apply `make_arrow_lean` for the duration of a block."""
    usual = pa.default_memory_pool()
    make_arrow_lean()
    try:
        yield
    finally:
        if sys.modules["pandas"] is None:
            del sys.modules["pandas"]
        pa.set_memory_pool(usual)


class PlaceTaken(PanjError):
    """Error for a folder in the place of a file, or a file in the place of a folder; its message names the path."""


@contextmanager
def write_errors(place: Path, key: str = "results_dir", left: str = KEPT) -> Iterator[None]:
    """Convert operating-system errors, such as a full disk, to a one-line PanjError.

    Args:
        place: Path being written, for the message.
        key: Setting or subcommand that determines the path, for the message.
        left: What is left after the error, for the message.

    Raises:
        PanjError: For any OSError in the block, and for any file or folder in the place of the other.
    """
    try:
        yield
    except PlaceTaken as error:
        raise PanjError(f"{key}: {error}") from error
    except OSError as error:
        advice = left
        if error.errno in NO_PLACE:
            another = f"; choose another one with {key}=" if key in ("results_dir", "out") else ""
            advice = f"expected a writable place{another}"
        raise PanjError(f"{key}: cannot write {place} ({error.strerror or error}); {advice}") from error


def write_file(path: Path, content: str | bytes | Callable[[Path], object]) -> Path:
    """Write a file atomically: if the process is killed or the disk is full, the old file is kept.

    The first file that a process writes to a folder also clears the folder of what killed processes left there.

    Args:
        path: Path of the file; missing parent folders are created.
        content: Text (UTF-8), bytes, or a function that writes to a temporary path.

    Returns:
        The path.

    Raises:
        PlaceTaken: If there is a folder in the place of the file, or a file in the place of one of its parent folders.
        OSError: If the file cannot be written. For both errors, `write_errors` adds the name of the setting.
    """
    make_folder(path.parent)
    refuse_folder(path)
    remove_left_files(path.parent)
    temporary = path.with_name(f".{path.name}.{uuid4().hex}.partial")
    try:
        if callable(content):
            content(temporary)
        else:
            temporary.write_bytes(content.encode() if isinstance(content, str) else content)
        flush(temporary)
        temporary.replace(path)
        flush_folder(path.parent)
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
    return path


@cache
def remove_left_files(folder: Path) -> None:
    """Remove temporary files that killed processes left in a folder, once per process.

    Files changed within the last hour are kept, since another process may be writing them.
    """
    with suppress(OSError):
        for left in folder.iterdir():
            if PARTIAL.fullmatch(left.name) and time.time() - left.lstat().st_mtime > LONGEST:
                left.unlink(missing_ok=True)


def make_folder(folder: Path) -> Path:
    """Create a folder, with its parent folders, unless it exists.

    Args:
        folder: Path of the folder.

    Returns:
        The path.

    Raises:
        PlaceTaken: If there is a file in the place of the folder or of one of its parent folders.
        OSError: If the folder cannot be created.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError):
        file = next((one for one in (folder, *folder.parents) if one.exists() and not one.is_dir()), folder)
        raise PlaceTaken(f"{file}: found a file, expected a folder; move or remove it") from None
    return folder


@contextmanager
def no_empty_folders(*folders: Path) -> Iterator[None]:
    """Remove folders that a block has made and left empty, if the block is stopped or fails.

    Args:
        folders: Folders that the block may make. Of these and their parents, those that exist before are kept.

    Yields:
        Nothing; the folders are made inside the `with` block.
    """
    fresh = {place for folder in folders for place in (folder, *folder.parents) if not place.exists()}
    try:
        yield
    except BaseException:
        for place in sorted(fresh, reverse=True):  # those inside others first
            with suppress(OSError):
                place.rmdir()
        raise


def remove_if_only(folder: Path, names: Collection[str]) -> None:
    """Remove a folder, with everything in it, if nothing in it has a name other than the given ones.

    Args:
        folder: The folder, which need not exist.
        names: Names of files and folders that are of no use alone.
    """
    found = {path.name for path in folder.rglob("*")}
    if found and found <= set(names):
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def locked(
    folder: Path, key: str, *, inside: str = "", useless: Collection[str] = (), otherwise: str = ""
) -> Iterator[None]:
    """Hold the lock of a folder for the duration of a block.

    If nothing of use is in the folder at the end of the block, it is removed.

    Args:
        folder: The folder, which is made if necessary.
        key: Key or verb that an error names.
        inside: Folder inside it that is made too and has the lock file; the folder itself if empty.
        useless: Names of files and folders in it that are of no use alone.
        otherwise: What else to do if another process holds the lock, other than to wait.

    Yields:
        Nothing; the folder is used inside the `with` block.

    Raises:
        PanjError: If another process holds the lock, or if the folder cannot be written to.
    """
    place = folder / inside
    with no_empty_folders(place), write_errors(folder):
        make_folder(place)
        try:
            with FileLock(place / LOCK).acquire(timeout=0):
                try:
                    yield
                finally:
                    remove_if_only(folder, (*useless, LOCK))
        except Timeout as error:
            raise PanjError(
                f"{key}: found another process using {folder}, expected none; wait until it has finished{otherwise}"
            ) from error


def refuse_folder(path: Path) -> None:
    """Raise PlaceTaken if there is a folder in the place of a file that is about to be written."""
    if path.is_dir():
        raise PlaceTaken(f"{path}: found a folder, expected a file; move or remove it")


def flush(path: Path) -> None:
    """Flush a file to disk, so that a power failure cannot leave an empty file."""
    with path.open("rb+") as file:
        os.fsync(file.fileno())


def flush_folder(folder: Path) -> None:
    """Flush a folder to disk, if the system supports it, so that a power failure cannot undo a rename."""
    with suppress(OSError):
        opened = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(opened)
        finally:
            os.close(opened)


def sha256_of(path: Path) -> str:
    """Return the SHA-256 hash of a file, as 64 hexadecimal digits, without loading the whole file."""
    with path.open("rb") as file:
        return file_digest(file, "sha256").hexdigest()


def digest_of_file(path: Path) -> str:
    """Return the digest of the content of a file, as in `digest_of`."""
    return sha256_of(path)[:DIGITS]


def read_sealed(path: Path) -> dict[str, Any]:
    """Read a JSON object that was written with `seal`, and check its digest.

    Args:
        path: Path of the file.

    Returns:
        The object, with its digest; files of older versions have none and are not checked.

    Raises:
        OSError: If the file cannot be read.
        ValueError: If it is not a JSON object, or if its digest does not match.
    """
    return unsealed(path.read_text(encoding="utf-8"))


def holds(folder: Path, asked: str) -> bool:
    """Return whether a folder already contains the complete result of a request.

    Args:
        folder: Folder of the result, which need not exist.
        asked: Hash of everything that determines the result, as stored in its about.json.

    Raises:
        PanjError: The folder contains the result of another request, or its about.json is damaged.
    """
    path = folder / "about.json"
    if not path.exists():
        return False
    try:
        is_same = read_sealed(path).get("asked") == asked
    except (OSError, ValueError) as error:
        raise PanjError(f"name: found a damaged {path} ({error}), expected another name: name=NAME") from None
    if not is_same:
        raise PanjError(f"name: found {folder} with another result, expected a new name: name=NAME")
    return True


@contextmanager
def write_folder(folder: Path, key: str, fresh: Path | None = None, outdated: Collection[str] = ()) -> Iterator[Path]:
    """Provide a temporary folder for files, which are all moved to their destination when the `with` block ends.

    If the block raises an error, no file in the destination is replaced.

    Args:
        folder: Destination; its parent folder must exist.
        key: Setting or subcommand named at the beginning of error messages.
        fresh: Temporary folder on the same disk; by default, one next to `folder`.
        outdated: Names of files to remove from the folder if the block does not write them.

    Yields:
        The temporary folder. `about.json` is moved last, since it marks the other files as complete.

    Raises:
        PanjError: If a file cannot be written.
    """
    fresh = fresh or folder.with_name(f".{folder.name}.{os.getpid()}")
    if not folder.parent.is_dir():
        raise PanjError(f"{key}: found no folder {folder.parent}, expected an existing one")
    remove_abandoned(folder)
    shutil.rmtree(fresh, ignore_errors=True)
    try:
        with write_errors(folder, key):
            fresh.mkdir()
            with FileLock(fresh / LOCK):
                yield fresh
                make_folder(folder)
                made = sorted((path.name for path in fresh.iterdir()), key=lambda name: (name == "about.json", name))
                made.remove(LOCK)
                for name in made:
                    refuse_folder(folder / name)
                    flush(fresh / name)
                for name in made:
                    (fresh / name).replace(folder / name)
                for name in set(outdated).difference(made):
                    (folder / name).unlink(missing_ok=True)
                flush_folder(folder)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def remove_abandoned(folder: Path) -> None:
    """Remove temporary folders next to `folder` that killed processes left behind.

    Folders of running processes are kept, since these hold a lock.
    """
    for left in folder.parent.glob(f".{glob.escape(folder.name)}.*"):
        if re.fullmatch(r"\d+", left.name.rpartition(".")[2]) and left.is_dir():
            with suppress(OSError, Timeout), FileLock(left / LOCK, timeout=0):
                shutil.rmtree(left, ignore_errors=True)


def json_text(content: Mapping[str, Any], indent: int = 1) -> str:
    """Format a mapping as JSON, with a final newline.

    Args:
        content: The mapping.
        indent: Number of spaces per level.
    """
    return json.dumps(content, indent=indent) + "\n"


def yaml_text(config: Mapping[str, Any]) -> str:
    """Format a mapping as YAML, in the given order; all values must be storable in JSON."""
    import yaml

    return str(yaml.safe_dump(json.loads(json.dumps(config)), sort_keys=False))


class Dialect(NamedTuple):
    """Conventions of a CSV file: separator and decimal mark."""

    delimiter: str = ","
    decimal: str = "."
    encoding: str = "utf-8"

    @property
    def separator(self) -> str:
        """Name of the separator of columns, such as `semicolon`."""
        return next(name for name, mark in SEPARATORS.items() if mark == self.delimiter)

    @property
    def name(self) -> str:
        """Text for file names, which describes how the dialect differs from the default."""
        decimal = "_decimal_comma" if self.decimal == "," else ""
        return decimal + (f"_{self.separator}" if self.separator != SEPARATOR_OF[self.decimal] else "")


USUAL = Dialect()


def dialect_of(separator: str, decimal: str) -> Dialect:
    """Return the CSV conventions for the spreadsheets of a country.

    Args:
        separator: Separator of columns, one of `SEPARATORS`; empty for the usual one with this decimal mark (a
            semicolon with a decimal comma).
        decimal: Decimal mark: `.` or `,`.

    Returns:
        The dialect; files in another than the default dialect begin with a byte order mark, from which Excel recognises
        UTF-8.

    Raises:
        PanjError: If separator and decimal mark are both a comma.
    """
    chosen = separator or SEPARATOR_OF[decimal]
    if SEPARATORS[chosen] == decimal:
        raise PanjError("separator: found 'comma' with a decimal comma, expected semicolon or tab")
    found = Dialect(SEPARATORS[chosen], decimal)
    return found if found == USUAL else found._replace(encoding="utf-8-sig")


def refuse_dialect(separator: str, decimal: str, form: str) -> None:
    """Raise PanjError if CSV conventions were requested together with another output format.

    Args:
        separator: Separator of columns; empty if none was requested.
        decimal: Decimal mark; the default if none was requested.
        form: Option that requests another format than CSV, such as `to=xlsx`.
    """
    for key, value in (("separator", separator), ("decimal", decimal)):
        if value not in ("", USUAL.decimal):
            csv_form = f"{form.partition('=')[0]}=csv"
            raise PanjError(f"{key}: found '{value}' with {form}, expected it with {csv_form} only")


def csv_rows(rows: Iterable[Sequence[Any]], dialect: Dialect = USUAL) -> str:
    """Format rows as CSV; missing values (None or nan) are empty, and dates are in ISO format.

    Args:
        rows: Rows of cells, beginning with the header if there is one.
        dialect: Separator and decimal mark.
    """
    file = io.StringIO()
    write_rows(file, rows, dialect)
    return file.getvalue()


def write_rows(file: IO[str], rows: Iterable[Sequence[Any]], dialect: Dialect = USUAL) -> None:
    """Write rows as CSV to an open file, in the format of `csv_rows`.

    Args:
        file: File opened for writing text.
        rows: Rows of cells, beginning with the header if there is one.
        dialect: Separator and decimal mark.
    """
    writer = csv.writer(file, delimiter=dialect.delimiter, lineterminator="\n")
    writer.writerows([cell_text(cell, dialect.decimal) for cell in row] for row in rows)


def cell_text(cell: Any, decimal: str = ".") -> str:
    """Return a value as text from which it can be read back exactly; empty if it is missing."""
    if cell is None or (isinstance(cell, float) and math.isnan(cell)):
        return ""
    if isinstance(cell, float):
        return repr(float(cell)).removesuffix(".0").replace(".", decimal)
    return cell.isoformat() if isinstance(cell, date) else str(cell)


def csv_text(rows: Sequence[Mapping[str, Any]], columns: Sequence[str] = ()) -> str:
    """Format rows as CSV with a header.

    Args:
        rows: The rows, with the same keys in each.
        columns: The header, which a table that may be without rows needs; by default, the keys of the first row.

    Raises:
        ValueError: If a row has a key that is not in `columns`.
    """
    file = io.StringIO()
    header = list(columns or (rows[0] if rows else ()))
    if header:
        writer = csv.DictWriter(file, header, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    return file.getvalue()
