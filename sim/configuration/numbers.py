"""Resolve the numbers of the rules from defaults, draws, policies and overrides.

Every number of a rule is declared once, in `configs/rules/<rule>.yaml`, with unit, range, source and meaning. Values
are resolved in a fixed order, with later steps taking precedence: the default; the value drawn for the seed, if any;
set, scale and shift of policies, theory and scenario; overrides. Errors name the key of the number.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from sim.data.configs import folder_of, read_yaml
from sim.data.own_rules import numbers_files
from sim.data.places import naming_own_files
from sim.data.tables import named
from sim.engine.day import Rules
from sim.errors import PanjError, nearest, unknown

COLUMNS = ("value", "unit", "range", "source", "meaning")  # columns of a number in the YAML file of its rule
OWN_PRIOR = "prior"  # additional column for a number of a user's rule


class Number(NamedTuple):
    """One declared number with the key `rules.<rule>.<name>`; values outside `low` to `high` are rejected."""

    key: str
    value: float
    low: float
    high: float
    unit: str
    source: str
    meaning: str
    is_whole: bool


@dataclass(frozen=True)
class Choice:
    """Changes made by one policy, theory or scenario: the file `name` in the config group `group`."""

    group: str
    name: str
    about: str = ""
    set: Mapping[str, float] = field(default_factory=dict)
    scale: Mapping[str, float] = field(default_factory=dict)
    shift: Mapping[str, float] = field(default_factory=dict)
    attention: Mapping[str, float] = field(default_factory=dict)
    posts: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    events: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    strike: tuple[str, ...] = ()


@cache
def declared_numbers() -> dict[str, Number]:
    """Return the declarations of all numbers of all rules, keyed by full key, in the order of `Rules`.

    Raises:
        PanjError: If a YAML file is invalid or does not declare exactly the numbers of its rule.
    """
    numbers: dict[str, Number] = {}
    for rule, kind in Rules.__annotations__.items():
        path = numbers_files().get(rule) or folder_of("configs") / "rules" / f"{rule}.yaml"
        with naming_own_files([path], alone=True):
            numbers |= numbers_in(path, rule, kind.__annotations__)
    return numbers


def numbers_in(path: Path, rule: str, fields: Mapping[str, type]) -> dict[str, Number]:
    """Return the numbers declared in the YAML file of a rule, by key.

    Args:
        path: The file.
        rule: Name of the rule.
        fields: Types of the numbers in the code of the rule, by name.
    """
    rows = read_yaml(path)
    if set(rows) != set(fields):
        odd = sorted(set(rows) ^ set(fields))
        raise PanjError(
            f"{named(path)}: found numbers that are not in both the rule and its YAML file: "
            f"{', '.join(odd)}; expected the same numbers in both"
        )
    return {
        f"rules.{rule}.{name}": number(f"rules.{rule}.{name}", rows[name], type_of is int)
        for name, type_of in fields.items()
    }


def number(key: str, row: Any, is_whole: bool) -> Number:
    """Return the number declared in one row of YAML, or raise PanjError if a column is missing or invalid."""
    if not isinstance(row, Mapping):
        raise PanjError(f"{key}: found '{row}', expected a mapping with {', '.join(COLUMNS)}")
    missing = set(COLUMNS) - set(row)
    if missing:
        raise PanjError(
            f"{key}: found no {', '.join(sorted(missing))}, expected value, unit, range, source and meaning"
        )
    for name in row:
        if name not in (*COLUMNS, OWN_PRIOR):
            raise unknown(f"{key}, {name}", name, (*COLUMNS, OWN_PRIOR))
    ends = row["range"]
    if not isinstance(ends, list) or len(ends) != 2 or not all(map(is_number, ends)) or not ends[0] < ends[1]:
        raise PanjError(
            f"{key}, range: found '{ends}', expected the smallest and the largest value, such as [0.0, 1.0]"
        )
    low, high = ends
    value = row["value"]
    if not is_number(value) or not low <= value <= high or (is_whole and value % 1):
        raise PanjError(
            f"{key}, value: found '{value}', expected a {'whole ' if is_whole else ''}number from {low} to {high}"
        )
    return Number(key, row["value"], low, high, row["unit"], row["source"], row["meaning"], is_whole)


def is_number(value: object) -> bool:
    """Return whether a value of a YAML file is a number."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def resolve(
    choices: Iterable[Choice], explicit: Mapping[str, float], drawn: Mapping[str, float] | None = None
) -> dict[str, float]:
    """Resolve the numbers of all rules for one campaign.

    Args:
        choices: Choices of policies, theory and scenario, in the order in which they apply.
        explicit: Values that overrides set, keyed by setting.
        drawn: Values drawn for the campaign's seed, keyed by setting; None if nothing is drawn.

    Returns:
        A mapping from the key of every declared number to its value; whole numbers are int.

    Raises:
        PanjError: For an unknown key or a value out of range.
    """
    values = {key: row.value for key, row in declared_numbers().items()} | dict(drawn or {})
    for choice in choices:
        where = f"{choice.group}={choice.name}"
        for key, value in choice.set.items():
            values[known(key, where)] = value
        for key, factor in choice.scale.items():
            values[known(key, where)] *= factor
        for key, amount in choice.shift.items():
            values[known(key, where)] += amount
        for key in {*choice.set, *choice.scale, *choice.shift}:
            check_range(known(key, where), values[known(key, where)], f"after {where}")
    for key, value in explicit.items():
        check_range(known(key, "override"), value, "")
        values[key] = value
    return {key: int(value) if declared_numbers()[key].is_whole else float(value) for key, value in values.items()}


def known(key: str, where: str) -> str:
    """Return the full key of a number.

    Args:
        key: Key as given; `news.fade_days` is short for `rules.news.fade_days`.
        where: Origin of the key, such as `border=closed`, for the beginning of the error message.

    Raises:
        PanjError: For an unknown key.
    """
    full = key if key.startswith("rules.") else f"rules.{key}"
    if full not in declared_numbers():
        raise PanjError(f"{where}: found '{key}', expected the key of a number{nearest(full, declared_numbers())}")
    return full


def check_range(key: str, value: float, where: str) -> None:
    """Check that a value is within the declared range of its number, and is an integer if required.

    Args:
        key: Full key of the number.
        value: Value to check, in the unit of the number.
        where: Text after the key in errors, such as `after border=closed`.

    Raises:
        PanjError: For a value that is out of range, not a number, or not an integer where one is required.
    """
    row = declared_numbers()[key]
    expected = f"{'a whole number' if row.is_whole else 'a number'} from {row.low} to {row.high} ({row.unit})"
    if not is_number(value) or not row.low <= value <= row.high:
        raise PanjError(f"{key}{' ' + where if where else ''}: found {value}, expected {expected}")
    if row.is_whole and value != int(value):
        raise PanjError(f"{key}{' ' + where if where else ''}: found {value}, expected {expected}")


def typed(values: Mapping[str, float]) -> Rules:
    """Convert values by key to `Rules`, casting each value to the type declared in its rule."""
    parts = {}
    for rule, kind in Rules.__annotations__.items():
        casts = kind.__annotations__
        parts[rule] = kind(**{name: casts[name](values[f"rules.{rule}.{name}"]) for name in casts})
    return Rules(**parts)
