"""Differences over paired worlds: how large, how surely, how often, and what pairing was worth.

A *world* is a seed. Two cells with one seed share their draw and all their luck (common random numbers), so what
differs within a world is what the decision did and not what chance did.

Source  Common random numbers: Law and Kelton 2000, chapter 11; Glasserman and Yao 1992. Intervals: bootstrap over
        worlds, Efron and Tibshirani 1993, chapters 13 and 14, as in `scipy.stats.bootstrap`.
Assumed Worlds are exchangeable.
"""

import math
from typing import Any, NamedTuple

import numpy as np
from scipy.stats import bootstrap

RESAMPLES = 2_000  # Efron and Tibshirani ask for a thousand at least
HELD_AT_ONCE = 1_000_000  # numbers in memory while resampling
LUCK_OF_RESAMPLING = 20210705  # fixed, so that the same table gives the same interval to the last digit
METHOD = (
    f"95 % bootstrap over worlds, {RESAMPLES:,} resamples: bias-corrected and accelerated for the mean, percentile for "
    "the median (scipy.stats.bootstrap)"
)


class Judgement(NamedTuple):
    """Differences over paired worlds, in the unit of the outcome; nan where nothing can be said."""

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
    chance_lower: float  # share of worlds in which the cell ends lower; for a date: earlier
    fold: float  # times fewer campaigns than independent seeds would need for an interval as narrow; inf possible


NOTHING = Judgement(
    0, math.nan, math.nan, math.nan, math.nan, math.nan, math.nan, 0, 0, 0, math.nan, math.nan
)  # fmt: skip


def judge(cell: np.ndarray, baseline: np.ndarray) -> Judgement:
    """What differs, pair by pair: `cell[i]` and `baseline[i]` are float values of the same world, none missing.

    Intervals are bootstrapped over worlds (Efron and Tibshirani 1993): bias-corrected and accelerated for the mean,
    since differences are skewed; percentile for the median, for which the jackknife behind acceleration fails. The
    luck of resampling is fixed. One pair has no interval (nan), no pair has nothing; where all differences are equal
    the interval has no width. `fold` is (var cell + var baseline) / var difference (Law and Kelton 2000), inf where
    the difference never varies and nan where nothing varies.
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
    """The 95 % intervals of the mean and of the median of a one-dimensional array."""
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
    """One bootstrap, a bounded number of resamples in memory at a time."""
    result = bootstrap(
        (differences,), statistic, n_resamples=RESAMPLES, method=method, vectorized=True, axis=-1,
        batch=max(1, HELD_AT_ONCE // differences.size), random_state=np.random.default_rng(LUCK_OF_RESAMPLING),
    )  # fmt: skip
    return float(result.confidence_interval.low), float(result.confidence_interval.high)


def never_varies(values: np.ndarray) -> bool:
    """Whether all are equal, but for the last digits of arithmetic."""
    return bool(np.ptp(values) <= 1e-12 * max(1.0, float(np.abs(values).max())))


def fold_of(cell: np.ndarray, baseline: np.ndarray, differences: np.ndarray) -> float:
    """How many times more campaigns independent seeds would need for the same interval."""
    if differences.size < 2 or (never_varies(cell) and never_varies(baseline)):
        return math.nan
    if never_varies(differences):
        return math.inf
    return float((np.var(cell, ddof=1) + np.var(baseline, ddof=1)) / np.var(differences, ddof=1))


def clear(low: float, high: float) -> bool:
    """Whether an interval keeps clear of zero; one that only touches zero, or is unknown, does not."""
    return low > 0 or high < 0
