"""Reproduce a figure or table from its metadata: `python -m sim reproduce results/policy/figures/map.png`.

Every PNG, GIF and Parquet file of a study stores the overrides, seeds, versions and fingerprints with which it was
made, and a recipe for making it from the tables. A CSV file has no metadata; instead, the metadata of its study are
used or, for a table of verdicts, those in the JSON file next to it.

Reads the text chunk of a PNG, the comment of a GIF, the metadata of a Parquet file; for a CSV file, and to list
      settings that have changed, the study that contains the file.
Writes  the rerun study as `<study>_again` next to the old one, and in it the same figure or table.

The executor has no effect on results (`python -m sim verify` checks this), so a different one may be used.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq
from rich.console import Console

from sim.compare.compare import write_verdicts
from sim.configuration.compose import Composer
from sim.configuration.overrides import MULTIRUN, Overrides
from sim.configuration.settings import Precision
from sim.configuration.sweep import Cell, Sweep, alike, cell_of, compose_sweep
from sim.data.configs import read_yaml
from sim.data.facts import Facts, facts_here
from sim.engine.compile import fingerprint_of_rules
from sim.errors import PanjError, Stopped, unknown
from sim.execution.run import run_sweep
from sim.execution.verify import TABLES, columns_of_table, damaged, difference_of, frames_of, rows_of
from sim.options import Compare, Reproduce, read_name, read_threshold
from sim.outcome import fingerprint_of_outcomes
from sim.provenance import commit, shell_command, stamp, versions
from sim.study.reader import read_about, with_dates_of
from sim.study.store import compare_settings
from sim.terminal import console_of

NOT_KEPT = ("executor", "executor.workers", "executor.address", "results_dir", "study")
PICTURES = (".png", ".gif")  # suffixes of files that are drawn
ABOVE = 3  # number of parent folders searched for the study of a file such as figures/frames/map.png
BY_ITSELF = ("sensitivity", "discover")  # verbs whose files only the original command can recreate
Redraw = Callable[[Path, Mapping[str, Any]], Path]


def main(request: Reproduce, redraw: Redraw) -> int:
    """Reproduce a file and print whether the new file equals the original.

    Args:
        request: The file, and optionally the executor and folder for the rerun of its study.
        redraw: Function that draws a figure into the folder of a study from a recipe, and returns its path.

    Returns:
        Exit code: 0 if both files are the same, 1 if not.

    Raises:
        PanjError: For a file without valid metadata, or one that the current settings cannot produce.
    """
    path, given = request.file, Overrides.of(request.overrides)
    console = console_of()
    made = read_made(path)
    check_whole(path)
    check_kind(made)
    print_lines(console, *describe(path, made))
    facts = facts_here()
    changes = changes_since(made, facts)
    print_changes(console, changes)
    home = home_of(path, made)
    sweep = sweep_of(made, given, facts, home)
    settings = changes_of_settings(made, sweep, home, changes)
    print_changes(console, settings)
    try:
        again = make_again(made, sweep, given, facts, home, redraw, console)
    except Stopped as stopped:
        raise KeyboardInterrupt from stopped
    return conclude(path, again, [*changes, *settings], console)


def print_changes(console: Console, changes: Sequence[str]) -> None:
    """Print each change on a separate line."""
    print_lines(console, *(f"Changed since: {change}" for change in changes))


def print_lines(console: Console, *lines: str) -> None:
    """Print lines without wrapping or markup."""
    for line in lines:
        console.print(line, soft_wrap=True)


class Made(NamedTuple):
    """Parsed metadata that describe how a file was made."""

    study: str
    words: tuple[str, ...]
    first_seed: int
    runs: tuple[int, ...]  # number of campaigns in each cell; a single number if it is the same in all cells
    cells: tuple[tuple[str, ...], ...] | None  # overrides of each cell; None if they follow from the command
    known: Mapping[str, str]  # fingerprints and versions by name
    settings: str  # fingerprint of the settings that are not swept
    recipe: Mapping[str, Any]


def check_kind(made: Made) -> None:
    """Raise PanjError for a picture that is not a figure of a study or of a comparison, such as that of a memo."""
    file = Path(str(made.recipe["file"]))
    if file.suffix in PICTURES and file.parts[:1] not in (("figures",), ("verdicts",)):
        raise PanjError(f"recipe, file: found '{file}', expected a figure of a study or of a comparison, such as "
                        "figures/map.png")  # fmt: skip


def describe(path: Path, made: Made) -> list[str]:
    """Describe how a file was made, as lines of text."""
    runs = f"{min(made.runs)} to {max(made.runs)}" if len(made.runs) > 1 else str(made.runs[0])
    noun = "campaign" if runs == "1" else "campaigns"
    each = " in each cell" if any(word in MULTIRUN for word in made.words) or made.cells else ""
    known = ", ".join(f"{name} {value}" for name, value in made.known.items())
    return [
        f"{path.name} is {made.recipe['file']} of study {made.study}: {runs} {noun}{each}, from seed "
        f"{made.first_seed} on, made by",
        f"  {shell_command(made.words)}",
        f"with {known}.",
    ]


def changes_since(made: Made, facts: Facts) -> list[str]:
    """List the changes in code, data and libraries since a file was made: `rules: 1f... then, 2e... now`."""
    now = {"rules": fingerprint_of_rules(), "data": facts.fingerprint, "outcomes": fingerprint_of_outcomes()}
    now |= {"commit": commit() or "none", **versions()}
    pairs = ((name, then, now.get(name, "none")) for name, then in made.known.items())
    return [f"{name}: {then} then, {here} now" for name, then, here in pairs if then != here]


def changes_of_settings(made: Made, sweep: Sweep, home: Path | None, others: Sequence[str]) -> list[str]:
    """List the settings that have changed since a file was made, although the overrides are the same.

    Without the study of the file, only the fingerprints of the settings are compared, and not even these if rules, data
    or outcomes have changed, because the fingerprints would then differ in any case.
    """
    now = json.loads(json.dumps(sweep.base.as_dict()))
    if home is not None and (home / "config.yaml").is_file():
        then = read_yaml(home / "config.yaml")
        pairs = [{key: value for key, value in one.items() if key in then and key in now and "fingerprint" not in key}
                 for one in (then, now)]  # fmt: skip
        return [f"settings: {text.removesuffix(' here').replace(' there, ', ' then, ')} now"
                for text in compare_settings(*pairs)]  # fmt: skip
    if any(change.startswith(("rules:", "data:", "outcomes:")) for change in others):
        return []  # the fingerprint of the settings includes those of rules and data
    now_is = sweep.base.fingerprint()
    return [f"settings: {made.settings} then, {now_is} now"] * (made.settings != now_is)


def home_of(path: Path, made: Made) -> Path | None:
    """Return the folder of the study of a file, or None if the file is not in it."""
    for folder in path.resolve().parents[:ABOVE]:
        try:
            about = read_about(folder)
        except PanjError:
            continue
        if (about.get("study"), about.get("settings_fingerprint")) == (made.study, made.settings):
            return folder
    return None


def sweep_of(made: Made, given: Overrides, facts: Facts, home: Path | None = None) -> Sweep:
    """Return the sweep from which a file was made, with the original number of campaigns in each cell.

    If `home` is the folder of its study, the dates are those of the study even if the defaults have changed.
    """
    executor = given.without(["results_dir"])
    kept = Overrides.of(made.words).without(NOT_KEPT)
    kept = kept if home is None else with_dates_of(read_about(home), kept)
    if made.cells is None:
        sweep = compose_sweep(kept + executor, facts)
    else:
        sweep = sweep_of_cells(made.cells, kept.fixed + executor, facts)
    runs = made.runs * len(sweep.cells) if len(made.runs) == 1 else made.runs
    if len(runs) != len(sweep.cells):
        raise PanjError(f"words: found settings of {len(sweep.cells)} cells, expected {len(runs)} as in the study")
    cells = tuple(
        cell._replace(settings=replace(cell.settings, runs=count))
        for cell, count in zip(sweep.cells, runs, strict=True)
    )
    base = replace(sweep.base, precision=Precision(None, 0.0, max(runs)))
    return replace(sweep, base=base, cells=cells, words=made.words if made.cells is None else sweep.words)


def sweep_of_cells(cells: Sequence[Sequence[str]], fixed: Overrides, facts: Facts) -> Sweep:
    """Return the sweep of a study whose cells come from several commands."""
    composer = Composer(facts)
    found: tuple[Cell, ...] = tuple(cell_of(number, words, fixed, composer) for number, words in enumerate(cells))
    return Sweep(composer.settings(fixed), tuple(found[0].values), found, fixed.words, alike(found))


def make_again(
    made: Made, sweep: Sweep, given: Overrides, facts: Facts, home: Path | None, redraw: Redraw, console: Console
) -> Path:
    """Rerun the study of a file (or both studies of a comparison), make the file again and return its path.

    Studies are rerun in hidden folders, from which the same command continues if it was stopped. They are moved next to
    the old ones when the file has been made, or if it cannot be made.
    """
    chosen = given.get("results_dir")
    results = Path(str(chosen.value)) if chosen else home.parent if home else sweep.base.results_dir
    file = Path(made.recipe["file"])
    folders = [rebuild(sweep, made.study, results, console)]
    try:
        if file.parts[0] == "verdicts":
            against = made.recipe.get("against")
            if against:
                there = made_of(json.dumps(against), "against")
                print_changes(console, changes_since(there, facts))
                folders.append(rebuild(sweep_of(there, given, facts), there.study, results, console))
            judge_again(folders, made.recipe)
        if file.suffix in PICTURES:
            draw_again(folders[0], made.recipe, redraw)
        if not (folders[0] / file).is_file():
            raise PanjError(f"reproduce: found no {file} in {folders[0]} after the rerun, expected that file")
    except PanjError:
        for folder in dict.fromkeys(folders):
            show(folder)
        raise
    first, *_ = [show(folder) for folder in dict.fromkeys(folders)]
    return first / file


def draw_again(folder: Path, recipe: Mapping[str, Any], redraw: Redraw) -> None:
    """Redraw the figure described by a recipe; raise PanjError if the recipe is incomplete."""
    try:
        redraw(folder, recipe)
    except (KeyError, TypeError, IndexError) as error:
        raise PanjError(
            f"reproduce: found recipe {json.dumps(dict(recipe))}, from which no figure of {folder} can be drawn "
            f"({type(error).__name__}: {error}), expected one written by Panj"
        ) from error


def rebuild(sweep: Sweep, study: str, results: Path, console: Console) -> Path:
    """Rerun a study in a hidden folder, resuming any interrupted rerun, and return the folder of the new study."""
    cells = [(cell.settings.fingerprint(), cell.settings.runs) for cell in sweep.cells]
    mark = sha256(json.dumps([sweep.base.seed, cells]).encode()).hexdigest()[:8]
    work = results / f".{study}_again-{mark}"
    print_lines(console, f"Running study {study} again ...")
    return run_sweep(replace(sweep, base=replace(sweep.base, study=study, results_dir=work)), console).folder


def show(folder: Path) -> Path:
    """Move a rerun study out of its hidden folder, and return its new path."""
    work = folder.parent
    name = fresh_name(work.parent, f"{folder.name}_again")
    folder.rename(name)
    work.rmdir()
    return name


def fresh_name(results: Path, name: str) -> Path:
    """Return a path that does not exist yet: `policy_again` or, if that exists, `policy_again_2` and so on."""
    number, path = 1, results / name
    while path.exists():
        number += 1
        path = results / f"{name}_{number}"
    return path


def judge_again(folders: Sequence[Path], recipe: Mapping[str, Any]) -> None:
    """Write the tables of a comparison again according to its recipe, from one or two rerun studies."""
    above, below = (read_threshold(key, str(recipe[key])) if recipe.get(key) else None for key in ("above", "below"))
    write_verdicts(
        Compare(
            folders=tuple(folders), outcome=(str(recipe.get("outcome")),), baseline=recipe.get("baseline"),
            above=above, below=below, effects=bool(recipe.get("effects")),
        )
    )  # fmt: skip


def conclude(path: Path, again: Path, changes: Sequence[str], console: Console) -> int:
    """Print whether both files are the same and, if not, the changes; return the exit code."""
    difference = difference_of(path, again)
    if not difference:
        unit = "pixel" if path.suffix.lower() in (".png", ".gif") else "digit"
        told = " although something changed since (above)" if changes else ""
        print_lines(console, f"The same{told}: {again} equals {path} to the last {unit}.")
        return 0
    print_lines(console, f"Different: {difference}. Compared: {path} and {again}")
    if changes:
        print_lines(console, f"What changed since it was made: {'; '.join(changes)}")
    else:
        print_lines(
            console, "Nothing named in the file has changed since it was made; the file itself may have been altered."
        )
    return 1


def read_made(path: Path) -> Made:
    """Return the metadata of a file; raise PanjError if `reproduce` cannot make such a file."""
    made = made_of(content_of(path), str(path))
    if "fork" in made.recipe:
        raise PanjError(
            f"{path}: found a fork of study {made.study}, which this command recreates: {made.recipe['fork']}"
        )
    file = Path(str(made.recipe.get("file", "")))
    if file.suffix != path.suffix.lower() or ".." in file.parts or file.is_absolute():
        raise PanjError(f"{path}: found metadata of '{file}', expected metadata of a {path.suffix} file")
    if file.suffix in (".parquet", ".csv") and len(file.parts) == 1 and file.name not in (*TABLES, "summary.csv"):
        raise unknown(f"{path}, recipe", file.name, (*TABLES, "summary.csv"))
    return made


def metadata_of(path: Path) -> dict[str, Any]:
    """Return the unchecked metadata of a file, empty if they are damaged. Raise PanjError if there are none."""
    try:
        return dict(json.loads(content_of(path)))
    except (ValueError, TypeError) as error:
        if isinstance(error, PanjError):
            raise
        return {}


def content_of(path: Path) -> str:
    """Return the metadata of a file as JSON text."""
    readers = {".png": stamp_of_picture, ".gif": stamp_of_picture, ".parquet": stamp_of_table, ".csv": stamp_of_csv}
    if not path.is_file():
        there = f"the folder {path}" if path.is_dir() else f"no file {path}"
        raise PanjError(f"reproduce: found {there}, expected a figure or table of a study")
    if path.suffix.lower() not in readers:
        raise PanjError(f"{path}: found a file of kind '{path.suffix}', expected one of {', '.join(readers)}")
    found = readers[path.suffix.lower()](path)
    if found is None:
        raise PanjError(
            f"{path}: found no metadata on how it was made, expected a PNG, GIF or parquet file that Panj wrote and no "
            "other program has saved since"
        )
    return found


def check_whole(path: Path) -> None:
    """Read a file completely, and raise PanjError if it is damaged, before its study is rerun."""
    if path.suffix.lower() == ".parquet":
        columns_of_table(path)
    elif path.suffix.lower() == ".csv":
        rows_of(path)
    else:
        for _ in frames_of(path):
            pass


def stamp_of_picture(path: Path) -> str | None:
    """Return the metadata of a PNG (a text chunk) or GIF (its comment), or None if it has none."""
    from PIL import Image

    try:
        with Image.open(path) as image:
            image.load()
            found = image.info.get("panj" if image.format == "PNG" else "comment")
    except (OSError, SyntaxError, ValueError, EOFError) as error:
        raise damaged(path, error) from error
    return found.decode(errors="replace") if isinstance(found, bytes) else found


def stamp_of_table(path: Path) -> str | None:
    """Return the metadata of a parquet file, or None if it has none."""
    try:
        found = (pq.read_schema(path).metadata or {}).get(b"panj")
    except (OSError, pa.ArrowException) as error:
        raise damaged(path, error) from error
    return found.decode(errors="replace") if found else None


def stamp_of_csv(path: Path) -> str:
    """Return the metadata of a CSV file, which are stored in another file.

    The metadata of a table of verdicts are in the JSON file next to it, and those of summary.csv in about.json.
    """
    place = path.resolve()
    if place.parent.name == "verdicts":
        source = place.with_suffix(".json")
        try:
            return json.dumps(json.loads(source.read_text(encoding="utf-8"))["provenance"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise PanjError(
                f"{path}: found no {source.name} next to it, expected that file, which records how it was made"
            ) from error
    if place.name != "summary.csv" or not (place.parent / "about.json").is_file():
        raise PanjError(f"{path}: found a CSV that is not in the folder of its study, expected summary.csv next to "
                        "about.json, or verdicts/*.csv in that folder")  # fmt: skip
    return stamp(read_about(place.parent), {"file": place.name})


def refuse_by_itself(words: Sequence[str], where: str) -> None:
    """Raise a PanjError that names the command if only the command that wrote a file can recreate it."""
    if words and words[0] in BY_ITSELF:
        command = shell_command(words)
        raise PanjError(f"{Path(where).name}: found a file that this command recreates: {command}")


def made_of(content: str, where: str) -> Made:
    """Parse and check the metadata of a file; errors name the file as `where`."""
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
            f"{where}: found damaged metadata ({type(error).__name__}: {error}), expected study, "
            "words, first_seed, runs and recipe; was it made by an older version?"
        ) from error
    try:
        read_name("study", str(made.study))
    except PanjError as error:
        raise PanjError(
            f"{where}: found study '{made.study}' in its metadata, expected the name of a folder"
        ) from error
    return made
