"""What a figure or table says of how it was made: words, seeds, versions, fingerprints and the recipe it carries.

Reads   the text chunk of a PNG, the comment of a GIF, the metadata of a parquet file; for a CSV the study it lies in.
"""

import json
import re
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from sim.errors import PanjError, unknown
from sim.provenance import read_about, stamp
from sim.study.differences import damaged, frames_of, rows_of
from sim.study.sameness import TABLES, columns_of_table

ABOVE = 3  # folders in which the study of a file is sought: figures/frames/map.png
BY_ITSELF = ("sensitivity", "discover")  # verbs whose words make everything again
Word = str


class Made(NamedTuple):
    """What a file says of how it was made."""

    study: str
    words: tuple[Word, ...]
    first_seed: int
    runs: tuple[int, ...]  # of each cell; one number where all have the same
    cells: tuple[tuple[Word, ...], ...] | None  # words of each cell, where those of the command do not give them
    known: Mapping[str, str]  # fingerprints and versions by name
    settings: str  # fingerprint of the settings that are not swept
    recipe: Mapping[str, Any]


def read_made(path: Path) -> Made:
    """What a file carries, checked."""
    made = made_of(content_of(path), str(path))
    if "fork" in made.recipe:
        raise PanjError(f"{path}: found a fork of study {made.study}, which is made again by {made.recipe['fork']}")
    file = Path(str(made.recipe.get("file", "")))
    if file.suffix != path.suffix.lower() or ".." in file.parts or file.is_absolute():
        raise PanjError(f"{path}: found the recipe of '{file}' inside, expected that of a {path.suffix} of a study")
    if file.suffix in (".parquet", ".csv") and len(file.parts) == 1 and file.name not in (*TABLES, "summary.csv"):
        raise unknown(f"{path}, recipe", file.name, (*TABLES, "summary.csv"))
    return made


def content_of(path: Path) -> str:
    """The stamp of a file as text."""
    readers = {".png": stamp_of_picture, ".gif": stamp_of_picture, ".parquet": stamp_of_table, ".csv": stamp_of_csv}
    if not path.is_file():
        raise PanjError(f"reproduce: found no file {path}, expected a figure or table of a study")
    if path.suffix.lower() not in readers:
        raise PanjError(f"{path}: found a file of kind '{path.suffix}', expected one of {', '.join(readers)}")
    found = readers[path.suffix.lower()](path)
    if found is None:
        raise PanjError(
            f"{path}: found nothing inside that says how it was made, expected a PNG, GIF or parquet file that "
            "Panj wrote and nothing else has saved since"
        )
    return found


def check_whole(path: Path) -> None:
    """Read all of a file, so that damage is told before a study is lived again."""
    if path.suffix.lower() == ".parquet":
        columns_of_table(path)
    elif path.suffix.lower() == ".csv":
        rows_of(path)
    else:
        for _ in frames_of(path):
            pass


def stamp_of_picture(path: Path) -> str | None:
    """The text chunk of a PNG, the comment of a GIF."""
    from PIL import Image

    try:
        with Image.open(path) as image:
            image.load()
            found = image.info.get("panj" if image.format == "PNG" else "comment")
    except (OSError, SyntaxError, ValueError, EOFError) as error:
        raise damaged(path, error) from error
    return found.decode(errors="replace") if isinstance(found, bytes) else found


def stamp_of_table(path: Path) -> str | None:
    """The metadata of a parquet file."""
    try:
        found = (pq.read_schema(path).metadata or {}).get(b"panj")
    except (OSError, pa.ArrowException) as error:
        raise damaged(path, error) from error
    return found.decode(errors="replace") if found else None


def stamp_of_csv(path: Path) -> str:
    """A CSV carries nothing: what lies beside it says how it was made."""
    place = path.resolve()
    if place.parent.name == "verdicts":
        beside = place.with_suffix(".json")
        try:
            return json.dumps(json.loads(beside.read_text(encoding="utf-8"))["provenance"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise PanjError(
                f"{path}: found no {beside.name} beside it that says how it was made, expected one"
            ) from error
    if place.name != "summary.csv" or not (place.parent / "about.json").is_file():
        raise PanjError(f"{path}: found a CSV that is not in the folder of its study, expected summary.csv beside "
                        "about.json, or verdicts/*.csv in that folder")  # fmt: skip
    return stamp(read_about(place.parent), {"file": place.name})


def refuse_by_itself(words: Sequence[Word], where: str) -> None:
    """What is no figure or table of a plain study says which command makes it, from the record that it keeps."""
    if words and words[0] in BY_ITSELF:
        command = shlex.join(["python", "-m", "sim", *map(str, words)])
        raise PanjError(f"{where}: found what one command makes, and makes again from its record, expected a figure or "
                        f"table of a study; the command is: {command}")  # fmt: skip


def made_of(content: str, where: str) -> Made:
    """The text of a stamp, checked."""
    try:
        found = json.loads(content)
        refuse_by_itself(found["words"], where)
        runs = found.get("runs_of_cells") or [found["runs"]]
        cells = found.get("words_of_cells")
        known = {name: found.get(f"{name}_fingerprint") for name in ("rules", "data", "outcomes")}
        known |= {"commit": found.get("commit"), **(found.get("versions") or {})}
        made = Made(
            found["study"], tuple(map(str, found["words"])), int(found["first_seed"]), tuple(map(int, runs)),
            None if cells is None else tuple(tuple(map(str, words)) for words in cells),
            {name: str(value) for name, value in known.items() if value}, str(found.get("settings_fingerprint")),
            dict(found["recipe"]),
        )  # fmt: skip
    except PanjError:
        raise
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise PanjError(
            f"{where}: found a damaged note of how it was made ({type(error).__name__}: {error}), expected study, "
            "words, first_seed, runs and recipe; was it made by an older version?"
        ) from error
    if not re.fullmatch(r"[\w-][\w.-]*", str(made.study)):
        raise PanjError(f"{where}: found study '{made.study}' inside, expected the name of a folder")
    return made
