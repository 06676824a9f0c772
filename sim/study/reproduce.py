"""A figure or table made again from what it carries: `python -m sim reproduce results/policy/figures/map.png`.

Every PNG, GIF and parquet file of a study carries the words, seeds, versions and fingerprints that it was made with and
the recipe that makes it from the tables. A CSV carries nothing; the folder in which it lies does.

Reads   one file, wherever it lies; a CSV and what differs in settings: also the folder of its study.
Writes  the study, lived again, as `<study>_again` beside the old one, and in it the same figure or table.
Assumed Where campaigns run decides nothing (`python -m sim verify` shows it), so that this need not be as it was.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

from rich.console import Console

from sim.errors import PanjError, unknown
from sim.facts import Facts, read_facts
from sim.outcomes import fingerprint_of_outcomes
from sim.parameters import read_yaml
from sim.provenance import commit, read_about, versions
from sim.rules import fingerprint_of_rules
from sim.study.compare import write_verdicts
from sim.study.differences import difference_of
from sim.study.made import ABOVE, Made, Word, check_whole, made_of, read_made
from sim.study.run import Stopped, console_of, run_sweep
from sim.study.scope import different
from sim.study.settings import Composer, Precision
from sim.study.sweep import Cell, Sweep, alike, cell_of, compose_sweep
from sim.study.words import MULTIRUN, fixed_of, parse

USAGE = "python -m sim reproduce FILE [executor=... executor.workers=... executor.address=... results_dir=...]"
HERE = ("executor", "executor.workers", "executor.address", "results_dir")  # what is chosen anew
NOT_KEPT = (*HERE, "study")
Redraw = Callable[[Path, Mapping[str, Any]], Path]


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
