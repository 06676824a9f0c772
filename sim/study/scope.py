"""What a study holds: its base settings, what it sweeps, its cells and how many campaigns of each were asked for.

Kept in `chunks/study.json` from before the first campaign on. A later command may add campaigns and cells; a command
with other settings, rules or data is refused with the difference: one study never mixes what cannot be compared.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

from sim.errors import PanjError
from sim.study.store import write_whole
from sim.study.sweep import Cell, Sweep, say

SHOWN = 5  # differences


class CellScope(NamedTuple):
    """One cell of a study."""

    number: int
    label: str
    values: dict[str, Any]  # of each swept key
    words: tuple[str, ...]
    fingerprint: str
    runs: int  # asked for
    title: str
    start_date: str
    end_date: str
    calibration: str = ""  # where its numbers come from, in words


@dataclass(frozen=True)
class Scope:
    """The whole of a study."""

    base: dict[str, Any]  # Settings.as_dict of the words that do not sweep
    swept: tuple[str, ...]
    first_seed: int
    cells: tuple[CellScope, ...]

    @property
    def daily(self) -> bool:
        """Whether the evenings of every campaign are kept."""
        return self.base.get("daily", True)


def scope_of(sweep: Sweep) -> Scope:
    """What a command line asks for."""
    return Scope(sweep.base.as_dict(), sweep.swept, sweep.base.seed, tuple(map(cell_scope_of, sweep.cells)))


def cell_scope_of(cell: Cell) -> CellScope:
    """One cell of it."""
    settings = cell.settings
    return CellScope(
        cell.number, cell.label, cell.values, cell.words, settings.fingerprint(), settings.runs, settings.title,
        settings.start_date.isoformat(), settings.end_date.isoformat(), settings.calibration,
    )  # fmt: skip


def read_scope(study: Path) -> Scope | None:
    """What the folder holds; None where there is no study yet, PanjError where the folder holds something else."""
    path = study / "chunks" / "study.json"
    if not path.is_file():
        others = [one.name for one in study.iterdir() if one.name != "chunks"] if study.is_dir() else []
        if others:
            raise PanjError(f"study: found {study} with {', '.join(sorted(others)[:4])} and no record of campaigns, "
                            "expected a new name; choose study=NAME, or move the folder away")  # fmt: skip
        return None
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        cells = tuple(CellScope(**{**cell, "words": tuple(cell["words"])}) for cell in found["cells"])
        return Scope(found["base"], tuple(found["swept"]), found["first_seed"], cells)
    except (ValueError, KeyError, TypeError) as error:
        raise PanjError(f"{path}: found something damaged ({error}), expected the scope of a study") from error


def write_scope(study: Path, scope: Scope) -> None:
    """Write it whole or not at all."""
    path = study / "chunks" / "study.json"
    content = {
        "base": scope.base,
        "swept": scope.swept,
        "first_seed": scope.first_seed,
        "cells": [cell._asdict() for cell in scope.cells],
    }
    write_whole(path, (json.dumps(content, indent=1) + "\n").encode(), study)


def joined(study: Path, old: Scope | None, new: Scope) -> Scope:
    """The scope of both; PanjError when they cannot be in one study, with the difference."""
    if old is None:
        return new
    differences = different(old.base, new.base)
    if old.swept != new.swept:
        differences.append(f"swept keys: {', '.join(old.swept) or 'none'} there, {', '.join(new.swept) or 'none'} here")
    if old.first_seed != new.first_seed:
        differences.append(f"seed: {old.first_seed} there, {new.first_seed} here")
    there = {key_of(cell): cell for cell in old.cells}
    for cell in new.cells:
        if key_of(cell) in there and there[key_of(cell)].fingerprint != cell.fingerprint and not differences:
            differences.append(f"what {cell.label or 'the scenario'} resolves to")
    if differences:
        more = f" and {len(differences) - SHOWN} more" if len(differences) > SHOWN else ""
        raise PanjError(
            f"study: found another study in {study} (differs in {'; '.join(differences[:SHOWN])}{more}), "
            "expected the same settings, rules and data, or a new name: choose study=NAME, or move the folder away"
        )
    asked = {key_of(cell): cell for cell in new.cells}
    cells = [grown(cell, asked[key_of(cell)]) if key_of(cell) in asked else cell for cell in old.cells]
    added = [cell for cell in new.cells if key_of(cell) not in there]
    cells += [cell._replace(number=len(cells) + place) for place, cell in enumerate(added)]
    return replace(old, cells=tuple(cells))


def grown(cell: CellScope, asked: CellScope) -> CellScope:
    """The same cell with as many campaigns as are asked for now, and what is said of its numbers now."""
    return cell._replace(runs=max(cell.runs, asked.runs), calibration=asked.calibration)


def key_of(cell: CellScope) -> tuple[str, ...]:
    """The swept values, by which a cell is known."""
    return tuple(f"{key}={value!r}" for key, value in cell.values.items())


def different(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """`rules.news.fade_days: 10 there, 5 here` for every value that differs."""
    there, here = dict(flat(old)), dict(flat(new))
    keys = [key for key in {**there, **here} if there.get(key) != here.get(key)]
    return [f"{key}: {say(there.get(key, 'none'))} there, {say(here.get(key, 'none'))} here" for key in keys]


def flat(node: Any, path: str = "") -> list[tuple[str, Any]]:
    """Leaves by their dotted path; the numbers of rules under their own keys, events under their names."""
    if isinstance(node, Mapping):
        inner = [(str(key), value) for key, value in node.items()]
    elif isinstance(node, Sequence) and not isinstance(node, str):
        inner = [(str(one.get("name", place)) if isinstance(one, Mapping) else str(place), one)
                 for place, one in enumerate(node)]  # fmt: skip
    else:
        return [(path, node)]
    top = {"rules": "", "choices": ""}.get(path, f"{path}." if path else "")
    return [leaf for key, value in inner for leaf in flat(value, f"{top}{key}")]
