"""With which cell each cell is compared: the words after `baseline=`, or what is usual.

`as_reported` is a value of one swept key, and each cell is compared with the one that is like it but for that key;
`reinforcement=as_reported,morale=reported` names one cell for all, and so does its number.
"""

import re
from collections.abc import Mapping
from typing import NamedTuple

from sim.errors import PanjError, nearest, unknown
from sim.study.finished import Cell, Finished, Value, same


class Baseline(NamedTuple):
    """What cells are compared with: one cell for all, or for each the cell that is like it but for `pinned`."""

    cell: Cell | None
    pinned: Mapping[str, Value]
    said: str
    slug: str  # for the name of a file; empty when it was not asked for
    asked: str | None = None  # the words after baseline=


def partner_of(cell: Cell, study: Finished, other: Finished, baseline: Baseline) -> Cell | None:
    """The cell that this one is compared with, if the other study has it."""
    if baseline.cell is not None:
        return baseline.cell
    keys = {*study.swept, *other.swept}
    wanted = {**study.base, **cell.values, **baseline.pinned}
    for one in other.cells:
        settings = {**other.base, **one.values}
        if all(same(settings.get(key), wanted.get(key)) for key in keys):
            return one
    return None


def choose_baseline(text: str | None, study: Finished, other: Finished) -> Baseline:
    """The words after `baseline=`, or without them what is usual; PanjError when they fit nothing or two things."""
    baseline = usual_baseline(study, other) if text is None else read_baseline(text, other)
    baseline = baseline._replace(asked=text)
    if other is study:
        return baseline
    slug = f"study_{plain(other.name)}{'_' if baseline.slug else ''}{baseline.slug}"
    return baseline._replace(said=f"study {other.name}{', ' if baseline.said else ''}{baseline.said}", slug=slug)


def read_baseline(text: str, other: Finished) -> Baseline:
    """A number of a cell, a value of one swept key, or keys with values."""
    if text.startswith("cell="):
        return numbered_baseline(text, text.removeprefix("cell="), other)
    if "=" in text:
        return pinned_baseline(text, other)
    readings = [f"{key}={text}" for key in other.swept if any(same(text, cell.values[key]) for cell in other.cells)]
    if text.isdecimal() and int(text) in {cell.number for cell in other.cells}:
        readings.append(f"cell={text}")
    if not readings:
        raise no_such_baseline(text, other)
    if len(readings) > 1:
        ways = " or ".join(f"baseline={reading}" for reading in readings)
        raise PanjError(f"baseline: found '{text}', which can mean {len(readings)} things; write {ways}")
    return read_baseline(readings[0], other)


def usual_baseline(study: Finished, other: Finished) -> Baseline:
    """The cell in which nothing was changed, else the first; of a second study its only cell, or equal settings."""
    if other is not study:
        if len(other.cells) == 1:
            return Baseline(other.cells[0], {}, "", "")
        return Baseline(None, {}, "each cell against the cell of equal settings", "")
    for cell in study.cells:
        if all(same(value, study.base.get(key)) for key, value in cell.values.items()):
            return Baseline(
                cell, {}, f"cell {cell.number} ({cell.label}), the settings that the sweep started from", ""
            )
    first = study.cells[0]
    why = "the first, because no cell has the settings that the sweep started from"
    return Baseline(first, {}, f"cell {first.number} ({first.label}), {why}", "")


def numbered_baseline(text: str, number: str, other: Finished) -> Baseline:
    """One cell by its number."""
    for cell in other.cells:
        if str(cell.number) == number:
            return of_cell(cell)
    raise no_such_baseline(text, other)


def of_cell(cell: Cell) -> Baseline:
    """One cell for all."""
    return Baseline(cell, {}, f"cell {cell.number}{f' ({cell.label})' if cell.label else ''}", f"cell_{cell.number}")


def pinned_baseline(text: str, other: Finished) -> Baseline:
    """`key=value` for some swept keys: the rest stays as it is in each cell; for all of them: one cell."""
    pinned: dict[str, Value] = {}
    for part in text.split(","):
        key, equals, value = part.strip().partition("=")
        if not equals:
            raise PanjError(f"baseline: found '{part}' in '{text}', expected key=value, with commas between")
        if key not in other.swept:
            raise unknown("baseline", key, other.swept or ["the number of a cell"])
        known = [cell.values[key] for cell in other.cells if same(value, cell.values[key])]
        if not known:
            raise no_such_baseline(text, other)
        pinned[key] = known[0]
    said = ", ".join(f"{key}={value}" for key, value in pinned.items())
    if set(pinned) != set(other.swept):
        like = "each cell against the cell that is like it otherwise"
        return Baseline(None, pinned, f"{said}, {like}", plain(said.replace("=", "-").replace(", ", "_")))
    for cell in other.cells:
        if all(same(cell.values[key], value) for key, value in pinned.items()):
            return of_cell(cell)
    raise no_such_baseline(text, other)


def no_such_baseline(text: str, other: Finished) -> PanjError:
    """What could have been meant."""
    values = list(dict.fromkeys(f"{key}={cell.values[key]}" for key in other.swept for cell in other.cells))
    near = nearest(text, [*values, *(value.partition("=")[2] for value in values)])
    numbers = f"the number of a cell, {other.cells[0].number} to {other.cells[-1].number}"
    return PanjError(f"baseline: found '{text}', expected {', '.join([*values, 'or ' + numbers])}{near}")


def plain(text: str) -> str:
    """Letters, digits, dots, dashes and lines only, for the name of a file."""
    return re.sub(r"[^\w.-]+", "_", text)
