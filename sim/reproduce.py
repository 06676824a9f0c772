"""A figure or table made again from what it carries: `python -m sim reproduce results/policy/figures/map.png`.

Every PNG, GIF and parquet file of a study carries the words, seeds, versions and fingerprints that it was made with and
the recipe that makes it from the tables. A CSV carries nothing; the folder in which it lies does.

Reads   one file, wherever it lies; a CSV and what differs in settings: also the folder of its study.
Writes  the study, lived again, as `<study>_again` beside the old one, and in it the same figure or table.
Assumed Where campaigns run decides nothing (`python -m sim verify` shows it), so that this need not be as it was.

What a figure or table says of how it was made: words, seeds, versions, fingerprints and the recipe it carries.

Reads   the text chunk of a PNG, the comment of a GIF, the metadata of a parquet file; for a CSV the study it lies in.
"""

import json
import re
import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq
from rich.console import Console

from sim.compare.compare import write_verdicts
from sim.data.configs import read_yaml
from sim.data.facts import Facts, read_facts
from sim.engine.compile import fingerprint_of_rules
from sim.errors import PanjError, unknown
from sim.options import Compare, Reproduce
from sim.outcomes import fingerprint_of_outcomes
from sim.provenance import commit, stamp, versions
from sim.run.console import console_of
from sim.run.run import Stopped, run_sweep
from sim.run.verify import TABLES, columns_of_table, damaged, difference_of, frames_of, rows_of
from sim.settings.compose import Composer
from sim.settings.overrides import MULTIRUN, fixed_of, parse
from sim.settings.settings import Precision
from sim.settings.sweep import Cell, Sweep, alike, cell_of, compose_sweep
from sim.study.reader import read_about
from sim.study.store import different

NOT_KEPT = ("executor", "executor.workers", "executor.address", "results_dir", "study")
Redraw = Callable[[Path, Mapping[str, Any]], Path]


class Change(NamedTuple):
    """Something that is not as it was."""

    what: str
    then: str
    now: str


Word = str


def main(request: Reproduce, redraw: Redraw) -> int:
    """Make a file again and say whether it is the same: 0 if it is, 1 if not; `redraw` draws a figure by its recipe."""
    path, words = request.file, request.overrides
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
        fixed = fixed_of(kept)
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
    found: tuple[Cell, ...] = tuple(cell_of(number, words, fixed, composer) for number, words in enumerate(cells))
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
    folders = (folder,) if other is None else (folder, other)
    write_verdicts(Compare(folders=folders, outcome=(str(recipe.get("outcome")),), baseline=recipe.get("baseline")))


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


ABOVE = 3  # folders in which the study of a file is sought: figures/frames/map.png
BY_ITSELF = ("sensitivity", "discover")  # verbs whose words make everything again


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
