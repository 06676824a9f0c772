"""Choose the baseline of each cell, and estimate paired differences, their intervals and the gain from pairing.

A *world* is a seed. Campaigns with the same seed in two cells share parameters and random draws (common random
numbers), so a difference within a world is due to the settings alone.

With a value of one swept key, such as `baseline=as_reported`, each cell is compared with the cell that differs only in
that key. Values of all keys, such as `baseline=reinforcement=as_reported,morale=reported`, or a cell number select one
baseline for all cells.

Source  Common random numbers: Law and Kelton 2000, chapter 11; Glasserman and Yao 1992. Intervals: bootstrap over
        worlds, Efron and Tibshirani 1993, chapters 13 and 14, as in `scipy.stats.bootstrap`.
Assumed Worlds are exchangeable; worlds that followed the record are so only within a run of the sampler, and runs are
        exchangeable.
"""

import math
import re
from collections.abc import Callable, Mapping
from hashlib import sha256
from typing import Any, NamedTuple, TypeVar

import numpy as np

from sim.configuration.changes import title_of_scenario
from sim.errors import PanjError, nearest, unknown
from sim.study.reader import Study, StudyCell, Value, same

LONGEST = 90  # largest length of the baseline in a file name, bytes
RESAMPLES = 2_000  # number of bootstrap resamples; Efron and Tibshirani recommend at least 1,000
HELD_AT_ONCE = 1_000_000  # largest number of resampled values in memory at once
# fixed seed of the bootstrap, so that the same data always give exactly the same interval
LUCK_OF_RESAMPLING = 20210705
METHOD = (
    f"95 % bootstrap over worlds, {RESAMPLES:,} resamples: bias-corrected and accelerated for the mean, percentile for "
    "the median (scipy.stats.bootstrap)"
)
METHOD_OVER_RUNS = "at least as wide as 95 % t over the {} runs of the sampler from which the worlds are"


Fields = TypeVar("Fields", bound=tuple[Any, ...])


class Judgement(NamedTuple):
    """Summary of the paired differences over worlds, in the unit of the outcome; unknown numbers are NaN."""

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
    chance_lower: float  # share of worlds in which the outcome is lower in the cell, or earlier if it is a date
    fold: float  # factor by which independent seeds would require more campaigns for the same interval; may be inf


NOTHING = Judgement(
    0, math.nan, math.nan, math.nan, math.nan, math.nan, math.nan, 0, 0, 0, math.nan, math.nan
)  # fmt: skip


def parsed(kind: type[Fields], row: Mapping[str, str], prefix: str = "") -> Fields:
    """Parse columns of a table on disk to a NamedTuple of numbers and texts.

    Args:
        kind: Type of the result; each of its fields has a column.
        row: Cells keyed by column.
        prefix: Prefix of the column names before the names of the fields.

    Returns:
        The NamedTuple; an empty number is NaN.

    Raises:
        KeyError: A column is missing.
        ValueError: An entry is not a number.
    """
    return kind(*(convert(row[f"{prefix}{name}"] or "nan") for name, convert in kind.__annotations__.items()))


def method_over(method: str, sampler_runs: int) -> str:
    """Return the description of a method of intervals over the worlds of a number of runs of the sampler."""
    return f"{method}; {METHOD_OVER_RUNS.format(sampler_runs)}" if sampler_runs > 1 else method


def over_runs(
    found: tuple[float, float],
    differences: np.ndarray,
    runs: np.ndarray | None,
    statistic: Callable[[np.ndarray], Any] = np.mean,
    alpha: float = 0.05,
) -> tuple[float, float]:
    """Widen an interval over worlds to that over the runs of the sampler, if that is wider.

    Worlds of one run are alike, so they do not count as independent. The interval over runs is Student's t over the
    statistic of each run, as for clusters of equal size.

    Args:
        found: The interval over worlds, as if they were independent.
        differences: One difference per world.
        runs: Run of the sampler of each world; None if worlds are unrelated.
        statistic: The mean or the median.
        alpha: 1 minus the confidence level.

    Returns:
        The interval; the given one for fewer than two runs.
    """
    from scipy.stats import t as student  # slow to import

    groups = [] if runs is None else [differences[runs == run] for run in np.unique(runs)]
    if len(groups) < 2 or never_varies(differences):
        return found
    spread = float(np.std([statistic(group) for group in groups], ddof=1)) / math.sqrt(len(groups))
    half, middle = float(student.ppf(1 - alpha / 2, len(groups) - 1)) * spread, float(statistic(differences))
    return min(found[0], middle - half), max(found[1], middle + half)


def judge(cell: np.ndarray, baseline: np.ndarray, runs: np.ndarray | None = None) -> Judgement:
    """Estimate the difference between paired values.

    Intervals are bootstrapped over worlds (Efron and Tibshirani 1993). That of the mean is bias-corrected and
    accelerated, because differences are skewed. That of the median is a percentile interval, because the jackknife
    estimate of the acceleration fails for medians. The seed of the bootstrap is fixed.

    Args:
        cell: One value per world, none missing.
        baseline: The values in the same worlds, in the same order.
        runs: Run of the sampler of each world, for worlds of several runs; the intervals are then those over runs if
            these are wider.

    Returns:
        The summary. With one pair, the intervals are NaN; without any pair, all numbers except the counts are NaN. If
        all differences are equal, the intervals have zero width. `fold` is (var cell + var baseline) / var difference
        (Law and Kelton 2000): infinite if the difference never varies, and NaN if neither cell varies.
    """
    differences = np.asarray(cell, float) - np.asarray(baseline, float)
    worlds = int(differences.size)
    if worlds == 0:
        return NOTHING
    lower, higher = int((differences < 0).sum()), int((differences > 0).sum())
    mean, median = float(differences.mean()), float(np.median(differences))
    means, medians = intervals_of(differences)
    means, medians = over_runs(means, differences, runs), over_runs(medians, differences, runs, np.median)
    return Judgement(
        worlds, mean, *means, median, *medians, lower, worlds - lower - higher, higher,
        lower / worlds, fold_of(cell, baseline, differences),
    )  # fmt: skip


def intervals_of(differences: np.ndarray) -> tuple[tuple[float, float], tuple[float, float]]:
    """Compute 95 % bootstrap intervals of the mean and of the median of differences, one per world."""
    means = interval_of_mean(differences)
    if differences.size < 2 or never_varies(differences):
        return means, means
    return means, interval_of(differences, np.median, "percentile")


def interval_of_mean(differences: np.ndarray) -> tuple[float, float]:
    """Compute the 95 % bootstrap interval of the mean of differences, one per world; NaN for fewer than two."""
    if differences.size < 2:
        return math.nan, math.nan
    if never_varies(differences):
        middle = float(np.median(differences))
        return middle, middle
    means = interval_of(differences, np.mean, "BCa")
    return means if np.isfinite(means).all() else interval_of(differences, np.mean, "percentile")


def interval_of(differences: np.ndarray, statistic: Any, method: str) -> tuple[float, float]:
    """Compute the 95 % bootstrap interval of a statistic, with a limited number of resamples in memory at once."""
    from scipy.stats import bootstrap  # slow to import

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
    """Compute the factor by which unpaired cells would require more campaigns for an interval of the same width.

    Return infinity if the difference never varies, and NaN if neither cell varies or there are fewer than two worlds.
    """
    if differences.size < 2 or (never_varies(cell) and never_varies(baseline)):
        return math.nan
    if never_varies(differences):
        return math.inf
    return float((np.var(cell, ddof=1) + np.var(baseline, ddof=1)) / np.var(differences, ddof=1))


def clear(low: float, high: float) -> bool:
    """Return whether an interval excludes zero.

    Args:
        low: Lower end of the interval; NaN if unknown.
        high: Upper end of the interval; NaN if unknown.

    Returns:
        True if the interval excludes zero; False if it contains zero, has zero as an end, or is unknown.
    """
    return low > 0 or high < 0


class Baseline(NamedTuple):
    """Choice of baselines: one for all cells, or for each cell the one that differs only in the keys `pinned`."""

    cell: StudyCell | None  # the baseline of all cells; None if cells have different baselines
    pinned: Mapping[str, Value]  # values of swept keys that all baselines have in common
    said: str  # description of the baseline for titles and captions
    slug: str  # text for file names; empty for the default baseline
    asked: str | None = None  # text after baseline= on the command line


def partner_of(cell: StudyCell, study: Study, other: Study, baseline: Baseline) -> StudyCell | None:
    """Return the baseline of a cell, or None if the study `other` does not contain it."""
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
    """Parse the requested baseline, or choose the default if `text` is None.

    Args:
        text: Text after `baseline=` on the command line.
        study: The study whose cells are compared.
        other: The study with the baselines, which may be the same.

    Returns:
        The choice of baselines.

    Raises:
        PanjError: The text matches no cell, or is ambiguous.
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
        raise PanjError(f"baseline: found '{text}', which has {len(readings)} possible meanings, expected {ways}")
    return read_baseline(readings[0], other)


def usual_baseline(study: Study, other: Study) -> Baseline:
    """Return the default choice of baselines.

    Within one study, the baseline is the cell with the base settings or, if there is none, the first cell. In a second
    study, it is the only cell or, if there are several, the cell with the same settings as the one compared.
    """
    if other is not study:
        if len(other.cells) == 1:
            return Baseline(other.cells[0], {}, "", "")
        return Baseline(None, {}, "each cell against the cell with equal settings", "")
    return Baseline(study.default_cell, {}, with_titles(study.about_default_cell), "")


def numbered_baseline(text: str, number: str, other: Study) -> Baseline:
    """Return the choice of the cell with a given number as the baseline of all cells."""
    for cell in other.cells:
        if str(cell.number) == number:
            return of_cell(cell)
    raise no_such_baseline(text, other)


def of_cell(cell: StudyCell) -> Baseline:
    """Return the choice of a given cell as the baseline of all cells."""
    said = with_titles(f"cell {cell.number}{f' ({cell.label})' if cell.label else ''}")
    return Baseline(cell, {}, said, f"cell_{cell.number}")


def with_titles(said: str) -> str:
    """Add the titles of scenarios to the description of a baseline: `scenario=no_parley (No elders are sent)`."""
    return re.sub(r"\bscenario=(\w+)", lambda found: f"scenario={title_of_scenario(found[1])}", said)


def pinned_baseline(text: str, other: Study) -> Baseline:
    """Parse a baseline given as settings `key=value`, separated by commas.

    If all swept keys are set, one cell is the baseline of all cells. Otherwise, the baseline of each cell has these
    settings and equals the cell in all other keys.
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
    """Return the error for an unknown baseline; it lists the possible baselines and suggests the most similar one."""
    values = list(dict.fromkeys(f"{key}={cell.values[key]}" for key in other.swept for cell in other.cells))
    near = nearest(text, [*values, *(value.partition("=")[2] for value in values)])
    numbers = f"the number of a cell, {other.cells[0].number} to {other.cells[-1].number}"
    return PanjError(f"baseline: found '{text}', expected {', '.join([*values, 'or ' + numbers])}{near}")


def plain(text: str) -> str:
    """Make a text suitable for a file name: characters other than letters, digits and `.-_` become `_`.

    A long text is truncated, and a hash of the whole text is appended.
    """
    name = re.sub(r"[^\w.-]+", "_", text)
    if len(name.encode()) <= LONGEST:
        return name
    return f"{name.encode()[:LONGEST].decode(errors='ignore')}-{sha256(text.encode()).hexdigest()[:6]}"
