"""Turn overrides into a sweep: one cell per combination of settings, all checked before any is run.

Hydra's grammar gives the values of each swept key. A grid contains every combination of them; a Latin hypercube
contains points spread evenly over ranges (McKay, Beckman and Conover 1979; SciPy's `qmc`). A plain run is a sweep with
one cell.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from itertools import product
from typing import Any, NamedTuple

import numpy as np

from sim.configuration.compose import Composer
from sim.configuration.numbers import declared_numbers, is_number
from sim.configuration.overrides import (
    HOW_KEYS,
    MAIN_KEYS,
    MOST_CELLS,
    AnyOverrides,
    Override,
    Overrides,
    check_form,
    check_key,
    check_once,
    parse,
    values_of,
)
from sim.configuration.settings import Order, Settings
from sim.data.facts import Facts
from sim.data.own import EVENTS, is_needed_by_workers, own_file, own_folder, own_yaml
from sim.engine.compile import fingerprint_of_rules
from sim.errors import PanjError, unknown
from sim.outcome import is_date, own_rows, read_outcomes, unknown_outcome
from sim.wording import say


class Cell(NamedTuple):
    """One combination of the swept settings."""

    number: int
    values: dict[str, Any]  # value of each swept key
    words: tuple[str, ...]  # overrides that set these values, for about.json
    settings: Settings

    @property
    def label(self) -> str:
        """Values of the swept keys as text, such as `reinforcement=none, morale=brittle`; empty if nothing is swept."""
        return ", ".join(f"{key}={say(value)}" for key, value in self.values.items())

    @property
    def order(self) -> Order:
        """Settings of the cell, in the form that is sent to workers."""
        return order_of(self.settings)


def order_of(settings: Settings) -> Order:
    """Return settings in the form that is sent to workers."""
    return Order(
        key=settings.fingerprint(),
        rules=settings.rules,
        draws=settings.draws,
        timeline=settings.timeline,
        attention=tuple(sorted(settings.attention.items())),
        posts=tuple((post, tuple(sorted(change.items()))) for post, change in sorted(settings.posts.items())),
        start=settings.start_date,
        days=settings.days,
        daily=settings.daily,
        fingerprints=(settings.facts.fingerprint, fingerprint_of_rules(), settings.outcomes_fingerprint),
        config_dir=str(own_folder()) if is_needed_by_workers() else "",
    )


@dataclass(frozen=True)
class Sweep:
    """All cells that a command line requests."""

    base: Settings  # settings with only the overrides that do not sweep
    swept: tuple[str, ...]  # swept keys
    cells: tuple[Cell, ...]
    words: tuple[str, ...]  # overrides as typed, which about.json records
    same: tuple[tuple[int, int], ...]  # pairs of cells that resolve to the same settings

    @property
    def doubts(self) -> tuple[str, ...]:
        """Descriptions, without duplicates, of changes since the posteriors in use were fitted."""
        return tuple(dict.fromkeys(cell.settings.doubt for cell in self.cells if cell.settings.doubt))

    @property
    def last_day(self) -> date:
        """Last day of the cell that ends latest."""
        return max(cell.settings.end_date for cell in self.cells)

    @property
    def too_late(self) -> tuple[str, ...]:
        """The user's events and outcomes dated after the last day of every cell."""
        own = {f"event {name}": row for name, row in own_yaml(own_file(EVENTS)).items()}
        own |= {f"outcome {name}": row for name, row in own_rows().items()}
        days = {name: str(row.get("date") or row.get("until") or "") for name, row in own.items() if row}
        return tuple(f"{name} ({day})" for name, day in days.items() if day > self.last_day.isoformat())


def compose_sweep(words: AnyOverrides, facts: Facts | None = None) -> Sweep:
    """Compose and check every cell before anything runs.

    Args:
        words: Overrides, parsed or as typed, including -m if any of them sweeps.
        facts: Districts, roads and posts; read from `sim/data` by default.

    Returns:
        The sweep, with one cell per combination of the swept values.

    Raises:
        PanjError: For an invalid setting; the message names its key and, in a sweep, the cell.
    """
    overrides, composer = Overrides.of(words), Composer(facts)
    many = [row for row in overrides if row.sweeps and overrides.sweeps]
    fixed = Overrides.from_rows(row for row in overrides if row not in many)
    if overrides.sweeps:
        check_once(overrides)
    for row in many:
        check_swept(row)
    base = composer.settings(fixed)
    for key in base.sampling.keys:
        if key in overrides and base.sampling.method == "latin_hypercube":
            raise PanjError(f"{key}: found a value for a key that is also in sampling.keys, expected only one of them")
    combinations = expand(many, base)
    cells = tuple(
        cell_of(number, Overrides.from_rows(combination), fixed, composer)
        for number, combination in enumerate(combinations)
    )
    swept = tuple(cells[0].values)
    check_outcomes(base, cells)
    same = alike(cells)
    check_effect(cells, swept)
    return Sweep(with_name(base, swept), swept, cells, overrides.words, same)


def check_swept(override: Override) -> None:
    """Raise PanjError if a swept key or one of its choices is unknown."""
    check_form(override)
    key = override.key
    if key in (*MAIN_KEYS, *HOW_KEYS, *declared_numbers()) or "." in key:
        check_key(key, "")
    elif not override.is_interval:
        for one in values_of(override):
            check_key(key, one.value_text)


def expand(many: Sequence[Override], base: Settings) -> list[tuple[Override, ...]]:
    """Return the swept overrides of every cell.

    The points of a Latin hypercube vary fastest, then the last key with a list of values; the first such key varies
    slowest.
    """
    ranges = {one.key: one for one in many if one.is_interval}
    others = [one for one in many if one.key not in ranges]
    points = base.sampling.points if base.sampling.method == "latin_hypercube" else 1
    count = points * math.prod(one.count for one in others)
    if count > MOST_CELLS:
        raise PanjError(f"sweep: found {count} cells, expected at most {MOST_CELLS}; try sampling=latin_hypercube")
    listed, points_made = [values_of(one) for one in others], points_of(ranges, base)
    return [(*values, *point) for values in product(*listed) for point in points_made]


def points_of(ranges: Mapping[str, Override], base: Settings) -> list[tuple[Override, ...]]:
    """Return the points of the Latin hypercube as overrides, or a single empty point for a grid."""
    sampling = base.sampling
    if sampling.method == "grid":
        if ranges:
            key = next(iter(ranges))
            raise PanjError(f"{key}: found interval(), which needs sampling=latin_hypercube, expected a list of values")
        return [()]
    bounds = {key: bounds_of(key, override) for key, override in ranges.items()}
    for key in sampling.keys:
        if key not in declared_numbers():
            raise unknown("sampling.keys", key, declared_numbers())
        if key in bounds:
            raise PanjError(f"{key}: found both an interval() and an entry in sampling.keys, expected one of them")
        bounds[key] = declared_numbers()[key].low, declared_numbers()[key].high
    if not bounds:
        raise PanjError(
            "sampling: found latin_hypercube with no number to vary, expected "
            "rules.<rule>.<number>=interval(low,high) or sampling.keys=[rules.<rule>.<number>]"
        )
    from scipy.stats import qmc  # slow to import and rarely needed

    low, high = np.array(list(bounds.values()), float).T
    unit = qmc.LatinHypercube(len(bounds), rng=np.random.default_rng(sampling.seed)).random(sampling.points)
    return [tuple(map(coordinate, bounds, row)) for row in low + unit * (high - low)]


def bounds_of(key: str, override: Override) -> tuple[float, float]:
    """Return the bounds in an override such as `rules.news.fade_days=interval(2,6)`.

    Raises:
        PanjError: If the key is not a number of a rule, or if the bounds are infinite or not in ascending order.
    """
    if key not in declared_numbers():
        raise PanjError(f"{key}: found interval(), which only numbers of rules can have, expected a list of values")
    interval = override.value
    low, high = float(interval.start), float(interval.end)
    if not -math.inf < low < high < math.inf:
        raise PanjError(f"{key}: found interval({low:g},{high:g}), expected two finite bounds, the lower one first")
    return low, high


def coordinate(key: str, value: float) -> Override:
    """Return the override that sets a number to a coordinate of a point, rounded if the number must be an integer."""
    is_whole = declared_numbers()[key].is_whole
    return parse(f"{key}={round(value)}" if is_whole else f"{key}={float(value)!r}")


def cell_of(number: int, swept: AnyOverrides, fixed: Overrides, composer: Composer) -> Cell:
    """Resolve the settings of one cell and return the cell.

    Args:
        number: Number of the cell in its sweep, counted from 0.
        swept: Overrides of the swept keys, with one value each; empty for a plain run.
        fixed: Overrides common to all cells.
        composer: Composer that resolves and caches settings.

    Raises:
        PanjError: For an invalid setting; the message names its key and, in a sweep, the cell.
    """
    swept = Overrides.of(swept)
    try:
        settings = composer.settings(fixed + swept)
    except PanjError as error:
        if not swept.rows:
            raise
        raise PanjError(f"cell {number} ({', '.join(swept.words)}): {error}", key=error.key) from error
    values = {row.key: settings.numbers[row.key] if row.is_number else plain_value(row) for row in swept}
    return Cell(number, values, swept.words, settings)


def plain_value(override: Override) -> Any:
    """Return the value of an override as a float if it is a number, otherwise as text."""
    value = override.value
    return float(value) if is_number(value) else str(value)


def check_outcomes(base: Settings, cells: Sequence[Cell]) -> None:
    """Raise PanjError if an outcome is invalid, or if `precision.outcome` is unknown or has no mean."""
    for start, days in {(cell.settings.start_date, cell.settings.days) for cell in cells}:
        table = read_outcomes(base.facts, start, days)
        names = [row.name for row in table if row.last >= 0 and not is_date(row)]  # outcomes with a mean
        if base.precision.outcome is not None and base.precision.outcome not in names:
            last = start + timedelta(days=days)
            raise unknown_outcome("precision.outcome", base.precision.outcome, names, last)


def alike(cells: Sequence[Cell]) -> tuple[tuple[int, int], ...]:
    """Find cells with the same resolved settings, whose campaigns are computed only once.

    Args:
        cells: Cells of one sweep.

    Returns:
        One pair per repeated cell: the numbers of the first cell with the same settings and of the repeated cell.
    """
    first: dict[str, int] = {}
    pairs = []
    for cell in cells:
        key = cell.settings.fingerprint()
        if first.setdefault(key, cell.number) != cell.number:
            pairs.append((first[key], cell.number))
    return tuple(pairs)


def check_effect(cells: Sequence[Cell], swept: Sequence[str]) -> None:
    """Raise PanjError if a swept key has no effect, whatever the values of the other swept keys."""
    for key in swept:
        values = {cell.values[key] for cell in cells}
        groups: dict[tuple[Any, ...], set[str]] = {}
        for cell in cells:
            others = tuple(value for other, value in cell.values.items() if other != key)
            groups.setdefault(others, set()).add(cell.settings.fingerprint())
        if len(groups) < len(cells) and all(len(found) == 1 for found in groups.values()):
            raise PanjError(
                f"{key}: found values ({', '.join(sorted(map(say, values)))}) that resolve to the same settings "
                f"in all combinations, such as cells 0 ({cells[0].label}) and 1 ({cells[1].label}), "
                "expected a key that has an effect"
            )


def with_name(base: Settings, swept: Sequence[str]) -> Settings:
    """Return the base settings; in a sweep without `study=`, the swept keys are added to the study name."""
    named = any(text.startswith("study=") for text in base.overrides)
    if named or not swept:
        return base
    short = "-".join(key.removeprefix("rules.").removeprefix("timeline.events.") for key in swept)
    return replace(base, study=f"{base.study}__by-{short}"[:120])
