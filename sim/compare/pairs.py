"""Paired differences between two cells: size, intervals, direction and gain from pairing; and the choice of pairs.

A *world* is a seed. Two cells with one seed share parameters and random draws (common random numbers), so a
difference within a world is the effect of the decision, not of chance.

With a value of one swept key, such as `baseline=as_reported`, each cell is compared with the cell that differs only in
that key. Values of all keys, such as `baseline=reinforcement=as_reported,morale=reported`, or a cell number select one
baseline for all cells.

Source  Common random numbers: Law and Kelton 2000, chapter 11; Glasserman and Yao 1992. Intervals: bootstrap over
        worlds, Efron and Tibshirani 1993, chapters 13 and 14, as in `scipy.stats.bootstrap`.
Assumed Worlds are exchangeable.
"""

import math
import re
from collections.abc import Mapping
from hashlib import sha256
from typing import Any, NamedTuple

import numpy as np
from scipy.stats import bootstrap

from sim.errors import PanjError, nearest, unknown
from sim.study.reader import Study, StudyCell, Value, same

LONGEST = 90  # bytes of a part of a file name
RESAMPLES = 2_000  # Efron and Tibshirani recommend at least 1,000
HELD_AT_ONCE = 1_000_000  # maximum numbers in memory while resampling
LUCK_OF_RESAMPLING = 20210705  # fixed seed, so that the same table gives exactly the same interval
METHOD = (
    f"95 % bootstrap over worlds, {RESAMPLES:,} resamples: bias-corrected and accelerated for the mean, percentile for "
    "the median (scipy.stats.bootstrap)"
)


class Judgement(NamedTuple):
    """Summary of the differences over paired worlds, in the unit of the outcome; NaN where unknown."""

    worlds: int
    mean_difference: float
    mean_low: float
    mean_high: float
    median_difference: float
    median_low: float
    median_high: float
    worlds_lower: int
    worlds_equal: int
    worlds_higher: int
    chance_lower: float  # share of worlds in which the cell is lower (a date: earlier)
    fold: float  # factor by which independent seeds would need more campaigns for the same interval; may be inf


NOTHING = Judgement(
    0, math.nan, math.nan, math.nan, math.nan, math.nan, math.nan, 0, 0, 0, math.nan, math.nan
)  # fmt: skip


def judge(cell: np.ndarray, baseline: np.ndarray) -> Judgement:
    """Estimate the difference between paired values.

    Intervals are bootstrapped over worlds (Efron and Tibshirani 1993): bias-corrected and accelerated for the mean,
    since differences are skewed; percentile for the median, for which the jackknife behind acceleration fails. The
    seed of resampling is fixed.

    Args:
        cell: One value per world, none missing.
        baseline: The values in the same worlds, in the same order.

    Returns:
        The summary. With one pair the intervals are NaN; with no pair every number except the counts is NaN. If all
        differences are equal, the intervals have zero width. `fold` is (var cell + var baseline) / var difference (Law
        and Kelton 2000): infinite if the difference never varies, and NaN if neither cell varies.
    """
    differences = np.asarray(cell, float) - np.asarray(baseline, float)
    worlds = int(differences.size)
    if worlds == 0:
        return NOTHING
    lower, higher = int((differences < 0).sum()), int((differences > 0).sum())
    mean, median = float(differences.mean()), float(np.median(differences))
    means, medians = intervals_of(differences)
    return Judgement(
        worlds, mean, *means, median, *medians, lower, worlds - lower - higher, higher,
        lower / worlds, fold_of(cell, baseline, differences),
    )  # fmt: skip


def intervals_of(differences: np.ndarray) -> tuple[tuple[float, float], tuple[float, float]]:
    """Compute the 95 % intervals of the mean and of the median of a one-dimensional array."""
    if differences.size < 2:
        return (math.nan, math.nan), (math.nan, math.nan)
    if never_varies(differences):
        middle = float(np.median(differences))
        return (middle, middle), (middle, middle)
    means = interval_of(differences, np.mean, "BCa")
    if not np.isfinite(means).all():
        means = interval_of(differences, np.mean, "percentile")
    return means, interval_of(differences, np.median, "percentile")


def interval_of(differences: np.ndarray, statistic: Any, method: str) -> tuple[float, float]:
    """Compute one bootstrap interval, with a limited number of resamples in memory at a time."""
    result = bootstrap(
        (differences,), statistic, n_resamples=RESAMPLES, method=method, vectorized=True, axis=-1,
        batch=max(1, HELD_AT_ONCE // differences.size), random_state=np.random.default_rng(LUCK_OF_RESAMPLING),
    )  # fmt: skip
    return float(result.confidence_interval.low), float(result.confidence_interval.high)


def never_varies(values: np.ndarray) -> bool:
    """Return whether all values are equal, up to rounding error.

    Args:
        values: At least one value.

    Returns:
        True if the range is at most 1e-12 of the largest magnitude (or of 1, if that is larger).
    """
    return bool(np.ptp(values) <= 1e-12 * max(1.0, float(np.abs(values).max())))


def fold_of(cell: np.ndarray, baseline: np.ndarray, differences: np.ndarray) -> float:
    """Compute how many times as many campaigns independent seeds would need for an interval of the same width."""
    if differences.size < 2 or (never_varies(cell) and never_varies(baseline)):
        return math.nan
    if never_varies(differences):
        return math.inf
    return float((np.var(cell, ddof=1) + np.var(baseline, ddof=1)) / np.var(differences, ddof=1))


def clear(low: float, high: float) -> bool:
    """Return whether an interval excludes zero.

    Args:
        low: Lower end; NaN if unknown.
        high: Upper end; NaN if unknown.

    Returns:
        False for an interval that contains or touches zero, or is unknown.
    """
    return low > 0 or high < 0


class Baseline(NamedTuple):
    """The choice of baselines: one cell for all, or for each cell the one that differs only in the keys of `pinned`."""

    cell: StudyCell | None
    pinned: Mapping[str, Value]
    said: str
    slug: str  # for file names; empty if not requested
    asked: str | None = None  # the text after baseline=


def partner_of(cell: StudyCell, study: Study, other: Study, baseline: Baseline) -> StudyCell | None:
    """Return the baseline of a cell. Return None if the other study does not have it."""
    if baseline.cell is not None:
        return baseline.cell
    keys = {*study.swept, *other.swept}
    wanted = {**study.base, **cell.values, **baseline.pinned}
    for one in other.cells:
        settings = {**other.base, **one.values}
        if all(same(settings.get(key), wanted.get(key)) for key in keys):
            return one
    return None


def choose_baseline(text: str | None, study: Study, other: Study) -> Baseline:
    """Parse the requested baseline, or choose the default.

    Raise PanjError if the text matches nothing or is ambiguous.
    """
    baseline = usual_baseline(study, other) if text is None else read_baseline(text, other)
    baseline = baseline._replace(asked=text)
    if other is study:
        return baseline
    slug = f"study_{plain(other.name)}{'_' if baseline.slug else ''}{baseline.slug}"
    return baseline._replace(said=f"study {other.name}{', ' if baseline.said else ''}{baseline.said}", slug=slug)


def read_baseline(text: str, other: Study) -> Baseline:
    """Parse a baseline: a cell number, a value of one swept key, or keys with values."""
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


def usual_baseline(study: Study, other: Study) -> Baseline:
    """Return the default baseline.

    In the same study, it is the cell with the base settings, or the first cell if none has them. In a second study, it
    is the only cell, or if there are several, the one with the same settings as the cell that is compared.
    """
    if other is not study:
        if len(other.cells) == 1:
            return Baseline(other.cells[0], {}, "", "")
        return Baseline(None, {}, "each cell against the cell of equal settings", "")
    return Baseline(study.default_cell, {}, study.about_default_cell, "")


def numbered_baseline(text: str, number: str, other: Study) -> Baseline:
    """Return the baseline with a given cell number."""
    for cell in other.cells:
        if str(cell.number) == number:
            return of_cell(cell)
    raise no_such_baseline(text, other)


def of_cell(cell: StudyCell) -> Baseline:
    """Return a baseline that is the same cell for all cells."""
    return Baseline(cell, {}, f"cell {cell.number}{f' ({cell.label})' if cell.label else ''}", f"cell_{cell.number}")


def pinned_baseline(text: str, other: Study) -> Baseline:
    """Parse a baseline given as settings `key=value`, separated by commas.

    If every swept key is named, they select one cell. Otherwise the keys not named keep their value in each cell.
    """
    pinned: dict[str, Value] = {}
    for part in text.split(","):
        key, equals, value = part.strip().partition("=")
        if not equals:
            raise PanjError(f"baseline: found '{part}' in '{text}', expected key=value, separated by commas")
        if key not in other.swept:
            raise unknown("baseline", key, other.swept or ["the number of a cell"])
        known = [cell.values[key] for cell in other.cells if same(value, cell.values[key])]
        if not known:
            raise no_such_baseline(text, other)
        pinned[key] = known[0]
    said = ", ".join(f"{key}={value}" for key, value in pinned.items())
    if set(pinned) != set(other.swept):
        like = "each cell against the cell with otherwise equal settings"
        return Baseline(None, pinned, f"{said}, {like}", plain(said.replace("=", "-").replace(", ", "_")))
    for cell in other.cells:
        if all(same(cell.values[key], value) for key, value in pinned.items()):
            return of_cell(cell)
    raise no_such_baseline(text, other)


def no_such_baseline(text: str, other: Study) -> PanjError:
    """Return the error for an unknown baseline, with suggestions."""
    values = list(dict.fromkeys(f"{key}={cell.values[key]}" for key in other.swept for cell in other.cells))
    near = nearest(text, [*values, *(value.partition("=")[2] for value in values)])
    numbers = f"the number of a cell, {other.cells[0].number} to {other.cells[-1].number}"
    return PanjError(f"baseline: found '{text}', expected {', '.join([*values, 'or ' + numbers])}{near}")


def plain(text: str) -> str:
    """Reduce text to letters, digits, dots, hyphens and underscores for a file name. Cut long text and add a hash."""
    name = re.sub(r"[^\w.-]+", "_", text)
    if len(name.encode()) <= LONGEST:
        return name
    return f"{name.encode()[:LONGEST].decode(errors='ignore')}-{sha256(text.encode()).hexdigest()[:6]}"
