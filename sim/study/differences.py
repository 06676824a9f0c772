"""In what two files differ: tables by content, spreadsheets by rows, pictures by pixels."""

import csv
from collections.abc import Iterator, Sequence
from itertools import zip_longest
from pathlib import Path

import numpy as np

from sim.errors import PanjError
from sim.study.sameness import columns_of_table, say_columns


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
