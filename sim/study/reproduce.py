"""A figure or table made again from what it carries: `python -m sim reproduce results/policy/figures/map.png`.

Every PNG, GIF and parquet file of a study carries the words, seeds, versions and fingerprints that it was made with and
the recipe that makes it from the tables. A CSV carries nothing; the folder in which it lies does.

Reads   one file, wherever it lies; a CSV and what differs in settings: also the folder of its study.
Writes  the study, lived again, as `<study>_again` beside the old one, and in it the same figure or table.
Assumed Where campaigns run decides nothing (`python -m sim verify` shows it), so that this need not be as it was.
"""

import csv
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from hashlib import sha256
from itertools import zip_longest
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from rich.console import Console

from sim.errors import PanjError, unknown
from sim.facts import Facts, read_facts
from sim.outcomes import fingerprint_of_outcomes
from sim.parameters import read_yaml
from sim.provenance import commit, read_about, stamp, versions
from sim.rules import fingerprint_of_rules
from sim.study.compare import write_verdicts
from sim.study.run import Stopped, console_of, run_sweep
from sim.study.sameness import TABLES, columns_of_table, say_columns
from sim.study.scope import different
from sim.study.settings import Composer, Precision
from sim.study.sweep import Cell, Sweep, alike, cell_of, compose_sweep
from sim.study.words import MULTIRUN, parse

USAGE = "python -m sim reproduce FILE [executor=... executor.workers=... executor.address=... results_dir=...]"
HERE = ("executor", "executor.workers", "executor.address", "results_dir")  # what is chosen anew
NOT_KEPT = (*HERE, "study")
ABOVE = 3  # folders in which the study of a file is sought: figures/frames/map.png

Word = str
Redraw = Callable[[Path, Mapping[str, Any]], Path]


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


class Change(NamedTuple):
    """Something that is not as it was."""

    what: str
    then: str
    now: str


def main(words: Sequence[Word], redraw: Redraw) -> int:
    """0 when the file came out the same, 1 when it did not."""
    paths = [word for word in words if "=" not in word or Path(word).is_file()]
    if len(paths) != 1:
        raise PanjError(f"reproduce: found '{' '.join(words)}', expected {USAGE}")
    return reproduce(Path(paths[0]), [word for word in words if word not in paths], redraw)


def reproduce(path: Path, words: Sequence[Word], redraw: Redraw) -> int:
    """Make a file again and say whether it is the same; `redraw` draws a figure in a folder by its recipe."""
    for word in words:
        if parse(word).key_or_group not in HERE:
            raise unknown("reproduce", parse(word).key_or_group, HERE)
    console = console_of()
    made = read_made(path)
    check_whole(path)
    say(console, *in_words(path, made))
    facts = read_facts()
    changes = changes_since(made, facts)
    say(console, *said_of(changes))
    home = home_of(path, made)
    sweep = sweep_of(made, words, facts)
    settings = changes_of_settings(made, sweep, home, changes)
    say(console, *said_of(settings))
    try:
        again = make_again(made, sweep, words, facts, home, redraw, console)
    except Stopped as stopped:
        raise KeyboardInterrupt from stopped
    return conclude(path, again, [*changes, *settings], console)


def say(console: Console, *lines: str) -> None:
    """Lines as they are."""
    for line in lines:
        console.print(line, markup=False, soft_wrap=True)


def read_made(path: Path) -> Made:
    """What a file carries, checked."""
    made = made_of(content_of(path), str(path))
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


def damaged(path: Path, error: Exception) -> PanjError:
    """A file that cannot be read."""
    said = " ".join(str(error).split())[:160]
    return PanjError(f"{path}: found a damaged file ({said}), expected a whole {path.suffix} of a study")


def made_of(content: str, where: str) -> Made:
    """The text of a stamp, checked."""
    try:
        found = json.loads(content)
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
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise PanjError(
            f"{where}: found a damaged note of how it was made ({type(error).__name__}: {error}), expected study, "
            "words, first_seed, runs and recipe; was it made by an older version?"
        ) from error
    if not re.fullmatch(r"[\w-][\w.-]*", str(made.study)):
        raise PanjError(f"{where}: found study '{made.study}' inside, expected the name of a folder")
    return made


def in_words(path: Path, made: Made) -> list[str]:
    """What was read, for a person."""
    runs = f"{min(made.runs)} to {max(made.runs)}" if len(made.runs) > 1 else str(made.runs[0])
    each = " in each cell" if any(word in MULTIRUN for word in made.words) or made.cells else ""
    known = ", ".join(f"{name} {value}" for name, value in made.known.items())
    return [
        f"{path.name} is {made.recipe['file']} of study {made.study}: {runs} campaigns{each}, from seed "
        f"{made.first_seed} on, made by",
        f"  python -m sim {' '.join(made.words)}",
        f"with {known}.",
    ]


def changes_since(made: Made, facts: Facts) -> list[Change]:
    """Code, data and libraries that are not as they were."""
    now = {"rules": fingerprint_of_rules(), "data": facts.fingerprint, "outcomes": fingerprint_of_outcomes()}
    now |= {"commit": commit() or "none", **versions()}
    return [
        Change(name, then, now.get(name, "none")) for name, then in made.known.items() if then != now.get(name, "none")
    ]


def changes_of_settings(made: Made, sweep: Sweep, home: Path | None, others: Sequence[Change]) -> list[Change]:
    """Settings that the same words give now and did not then: one by one where the folder of the study is at hand."""
    now = json.loads(json.dumps(sweep.base.as_dict()))
    if home is not None and (home / "config.yaml").is_file():
        then = read_yaml(home / "config.yaml")
        pairs = [{key: value for key, value in one.items() if key in then and key in now and "fingerprint" not in key}
                 for one in (then, now)]  # fmt: skip
        return [Change("settings", text, "") for text in different(*pairs)]
    if {"rules", "data", "outcomes"} & {change.what for change in others}:
        return []  # the fingerprint of settings holds theirs
    return [Change("settings", made.settings, sweep.base.fingerprint())] * (made.settings != sweep.base.fingerprint())


def said_of(changes: Sequence[Change]) -> list[str]:
    """A line a change."""
    return [f"Changed since: {say_change(change)}" for change in changes]


def say_change(change: Change) -> str:
    """`rules: 1f… then, 2e… now`."""
    if change.now:
        return f"{change.what}: {change.then} then, {change.now} now"
    return f"{change.what}: {change.then.removesuffix(' here').replace(' there, ', ' then, ')} now"


def home_of(path: Path, made: Made) -> Path | None:
    """The folder of the study of a file, if the file lies in it."""
    for folder in path.resolve().parents[:ABOVE]:
        try:
            about = read_about(folder)
        except PanjError:
            continue
        if (about.get("study"), about.get("settings_fingerprint")) == (made.study, made.settings):
            return folder
    return None


def sweep_of(made: Made, words: Sequence[Word], facts: Facts) -> Sweep:
    """The cells that a file was made from, with as many campaigns as each had."""
    executor = [word for word in words if parse(word).key_or_group != "results_dir"]
    kept = [word for word in made.words if word in MULTIRUN or parse(word).key_or_group not in NOT_KEPT]
    if made.cells is None:
        sweep = compose_sweep([*kept, *executor], facts)
    else:
        fixed = [word for word in kept if word not in MULTIRUN and not parse(word).is_sweep_override()]
        sweep = sweep_of_cells(made.cells, [*fixed, *executor], facts)
    runs = made.runs * len(sweep.cells) if len(made.runs) == 1 else made.runs
    if len(runs) != len(sweep.cells):
        raise PanjError(f"words: found {len(sweep.cells)} cells, expected the {len(runs)} that the study had")
    cells = tuple(
        cell._replace(settings=replace(cell.settings, runs=count))
        for cell, count in zip(sweep.cells, runs, strict=True)
    )
    base = replace(sweep.base, precision=Precision(None, 0.0, max(runs)))
    return replace(sweep, base=base, cells=cells, words=made.words if made.cells is None else sweep.words)


def sweep_of_cells(cells: Sequence[Sequence[Word]], fixed: Sequence[Word], facts: Facts) -> Sweep:
    """A sweep of cells that several commands made."""
    composer = Composer(facts)
    found: tuple[Cell, ...] = tuple(
        cell_of(number, words, fixed, composer, facts) for number, words in enumerate(cells)
    )
    return Sweep(composer.settings(fixed), tuple(found[0].values), found, tuple(fixed), alike(found))


def make_again(
    made: Made, sweep: Sweep, words: Sequence[Word], facts: Facts, home: Path | None, redraw: Redraw, console: Console
) -> Path:
    """Live the study again and make the file from it; where it lies."""
    chosen = [str(parse(word).value()) for word in words if parse(word).key_or_group == "results_dir"]
    beside = Path(chosen[-1]) if chosen else home.parent if home else sweep.base.results_dir
    folder = rebuild(sweep, made.study, beside, console)
    file = Path(made.recipe["file"])
    if file.parts[0] == "verdicts":
        against = made.recipe.get("against")
        other = None
        if against:
            there = made_of(json.dumps(against), "against")
            say(console, *said_of(changes_since(there, facts)))
            other = rebuild(sweep_of(there, words, facts), there.study, beside, console)
        judge_again(folder, other, made.recipe)
    if file.suffix in (".png", ".gif"):
        draw_again(folder, made.recipe, redraw)
    if not (folder / file).is_file():
        raise PanjError(f"reproduce: found no {file} in {folder} after making the study again, expected it")
    return folder / file


def draw_again(folder: Path, recipe: Mapping[str, Any], redraw: Redraw) -> None:
    """The figure; a recipe that lacks what its figure needs is a damaged one."""
    try:
        redraw(folder, recipe)
    except (KeyError, TypeError, IndexError) as error:
        raise PanjError(
            f"reproduce: found recipe {json.dumps(dict(recipe))}, which {folder} cannot be drawn from "
            f"({type(error).__name__}: {error}), expected one that Panj wrote"
        ) from error


def rebuild(sweep: Sweep, study: str, beside: Path, console: Console) -> Path:
    """The study under a name that there is not yet; one that was stopped half-way goes on."""
    cells = [(cell.settings.fingerprint(), cell.settings.runs) for cell in sweep.cells]
    mark = sha256(json.dumps([sweep.base.seed, cells]).encode()).hexdigest()[:8]
    work = beside / f".{study}_again-{mark}"
    say(console, f"Living study {study} again ...")
    ran = run_sweep(replace(sweep, base=replace(sweep.base, study=study, results_dir=work)), console)
    name = fresh_name(beside, f"{study}_again")
    ran.folder.rename(name)
    work.rmdir()
    return name


def fresh_name(beside: Path, name: str) -> Path:
    """`policy_again`, or `policy_again_2` if there is one."""
    number, path = 1, beside / name
    while path.exists():
        number += 1
        path = beside / f"{name}_{number}"
    return path


def judge_again(folder: Path, other: Path | None, recipe: Mapping[str, Any]) -> None:
    """The verdicts of the recipe."""
    words = [str(folder), *([str(other)] if other else []), f"outcome={recipe.get('outcome')}"]
    if recipe.get("baseline") is not None:
        words.append(f"baseline={recipe['baseline']}")
    write_verdicts(words)


def conclude(path: Path, again: Path, changes: Sequence[Change], console: Console) -> int:
    """Say whether both are the same, and if not what changed; the exit code."""
    difference = difference_of(path, again)
    if not difference:
        unit = "pixel" if path.suffix.lower() in (".png", ".gif") else "digit"
        told = " although something changed since (above)" if changes else ""
        say(console, f"The same{told}: {again} holds what {path} holds, to the last {unit}.")
        return 0
    say(console, f"Different: {difference}. Compared: {path} and {again}")
    if changes:
        say(console, f"What changed since it was made: {'; '.join(map(say_change, changes))}")
    else:
        say(
            console, "Nothing that the file names has changed since it was made; the file itself may have been altered."
        )
    return 1


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
