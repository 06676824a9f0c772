"""Compute the estimates that tasks ask for, with errors due to the limited number of campaigns.

Reads   tables of outcomes, one row per campaign; two tables are paired by seed.
Source  Intervals: bootstrap over campaigns (Efron and Tibshirani 1993) by `scipy.stats.bootstrap`; for a share, Wilson
        interval (Brown, Cai and DasGupta 2001) by `scipy.stats.binomtest`. The seed of resampling is fixed.
Assumes Campaigns are exchangeable. Campaigns without a value of the outcome are excluded.
"""

import math
import warnings
from collections.abc import Callable, Sequence
from functools import partial
from itertools import pairwise
from typing import Any, NamedTuple, Protocol

import numpy as np
import pyarrow as pa
from scipy.stats import binomtest, bootstrap, norm

from sim.classroom.lessons.lesson import Sheet, Task, TaskOutcome, outcome_of
from sim.classroom.sessions.claims import ENDS
from sim.compare.pairs import LUCK_OF_RESAMPLING, RESAMPLES, clear, never_varies
from sim.configuration.overrides import Overrides
from sim.errors import PanjError, unknown

LEVEL = 0.95
BATCH = 200  # number of resamples in memory at a time
GROUPS = 10  # number of groups of equal size for `best_group_gap`
Statistic = Callable[..., Any]


class Estimate(NamedTuple):
    """An estimate with its standard error and 95 % interval, which are NaN for a single campaign."""

    number: float
    error: float  # standard error
    low: float  # lower end of the 95 % interval
    high: float
    campaigns: int


class CampaignSource(Protocol):
    """A source of campaigns: the store in the results folder, the desk of the classroom, or a test."""

    def table(self, overrides: Overrides, first_seed: int, runs: int) -> pa.Table:
        """Return one row per campaign, in the order of seeds, with `seed` and every outcome."""
        ...


class Sample(NamedTuple):
    """The campaigns on which an answer is based."""

    campaigns: CampaignSource
    first_seed: int
    runs: int

    def values(self, overrides: Overrides, outcome: str) -> np.ndarray:
        """Return the outcome of each campaign, in the order of seeds; NaN for a campaign without a value."""
        table = self.campaigns.table(overrides, self.first_seed, self.runs)
        if outcome not in table.column_names:
            raise unknown("lesson, outcome", outcome, table.column_names)
        column = table[outcome]
        if not (pa.types.is_floating(column.type) or pa.types.is_integer(column.type)):
            raise PanjError(f"lesson, outcome: found {outcome}, which is not a number, expected a numeric outcome")
        return np.asarray(column.cast(pa.float64()).to_numpy(zero_copy_only=False), float)


def estimate(sheet: Sheet, task: Task, sample: Sample) -> Estimate:
    """Estimate the number that a task asks for.

    Args:
        sheet: The sheet of the student.
        task: The task, with settings, outcome and measure.
        sample: The campaigns to use.

    Returns:
        The estimate in the unit of the outcome, with its error and 95 % interval.

    Raises:
        PanjError: Settings, outcome or measure are unknown, or no campaign has a value of the outcome.
    """
    if task.measure not in MEASURES:
        raise unknown(f"task {task.key}, measure", task.measure, MEASURES)
    (values,) = samples_of(sheet, task, (task.of,), sample)
    return MEASURES[task.measure](values, task, outcome_of(task.outcome))


def samples_of(sheet: Sheet, task: Task, names: Sequence[str], sample: Sample) -> list[np.ndarray]:
    """Return the outcome of a task under each of the named settings, minus that under `task.minus` if it is given.

    All arrays refer to the same campaigns: those with a value under all of these settings.

    Raises:
        PanjError: Settings or outcome are unknown, or no campaign has a value under all settings.
    """
    columns = [sample.values(sheet.overrides(name), task.outcome) for name in names]
    if task.minus:
        base = sample.values(sheet.overrides(task.minus), task.outcome)
        columns = [column - base for column in columns]
    there = ~np.isnan(columns).any(axis=0)
    if not there.any():
        raise PanjError(f"task {task.key}: found no campaign with a value of {task.outcome}, expected at least one")
    return [column[there] for column in columns]


def first_campaign(values: np.ndarray, _task: Task, _asked: TaskOutcome) -> Estimate:
    """Return the outcome of the first campaign that has a value, without standard error and interval."""
    return Estimate(float(values[0]), math.nan, math.nan, math.nan, 1)


def mean(values: np.ndarray, _task: Task, _asked: TaskOutcome) -> Estimate:
    """Estimate the mean over campaigns, or the mean difference of paired campaigns."""
    return bootstrapped(values, np.mean, "BCa")


def median(values: np.ndarray, _task: Task, _asked: TaskOutcome) -> Estimate:
    """Estimate the median over campaigns."""
    return bootstrapped(values, np.median)


def quantile(values: np.ndarray, task: Task, _asked: TaskOutcome) -> Estimate:
    """Estimate a quantile of the outcome over campaigns; the task states which quantile."""
    return bootstrapped(values, partial(np.quantile, q=task.quantile))


def gap(values: np.ndarray, _task: Task, asked: TaskOutcome) -> Estimate:
    """Estimate the distance of the median over campaigns from the reported figure."""
    return bootstrapped(values, partial(gap_of, reported=reported_value(asked)))


def best_group_gap(values: np.ndarray, task: Task, asked: TaskOutcome) -> Estimate:
    """Estimate the distance of the mean of the best of ten groups of campaigns from the reported figure.

    Campaigns are grouped in order of seed; the best group is the one whose mean is nearest to the reported figure.
    """
    groups = np.array_split(values, min(GROUPS, values.size))
    best = min(groups, key=lambda group: abs(float(group.mean()) - reported_value(asked)))
    return mean_gap(best, task, asked)


def mean_gap(values: np.ndarray, _task: Task, asked: TaskOutcome) -> Estimate:
    """Estimate the distance of the mean over campaigns from the reported figure."""
    return bootstrapped(values, partial(gap_of, reported=reported_value(asked), middle=np.mean))


def share_at_least(values: np.ndarray, task: Task, asked: TaskOutcome) -> Estimate:
    """Estimate the share of campaigns in which the outcome is at least the threshold of the task."""
    threshold = reported_value(asked) if task.threshold == "reported" else float(task.threshold)
    return share_of(values >= threshold)


def share_higher(values: np.ndarray, _task: Task, _asked: TaskOutcome) -> Estimate:
    """Estimate the share of pairs of campaigns in which the difference in the outcome is above zero."""
    return share_of(values > 0)


MEASURES: dict[str, Callable[[np.ndarray, Task, TaskOutcome], Estimate]] = {
    one.__name__: one
    for one in (
        first_campaign, mean, median, quantile, gap, mean_gap, best_group_gap, share_at_least, share_higher,
    )
}  # fmt: skip
SHARES = ("share_at_least", "share_higher")


def gap_of(values: np.ndarray, axis: int = -1, *, reported: float, middle: Statistic = np.median) -> Any:
    """Return the absolute difference between the median (or another `middle`) of values and the reported figure."""
    return np.abs(middle(values, axis=axis) - reported)


def reported_value(asked: TaskOutcome) -> float:
    """Return the reported figure of an outcome.

    Args:
        asked: The outcome.

    Returns:
        The reported value or, if there is none, the lower or else the upper bound, in the unit of the outcome.

    Raises:
        PanjError: Nothing was reported.
    """
    value, low, high, _ = asked.reported
    for one in (value, low, high):
        if one is not None:
            return one
    raise PanjError(f"lesson, outcome: found {asked.name} without a reported figure, expected an outcome with one")


def share_of(marked: np.ndarray) -> Estimate:
    """Estimate a share of campaigns.

    The error is derived from the Wilson interval, so that it is positive even if all campaigns agree.
    """
    interval = binomtest(int(marked.sum()), marked.size).proportion_ci(LEVEL, method="wilson")
    half = (interval.high - interval.low) / 2
    return Estimate(float(marked.mean()), half / norm.ppf((1 + LEVEL) / 2), interval.low, interval.high, marked.size)


def bootstrapped(values: np.ndarray, statistic: Statistic, method: str = "percentile") -> Estimate:
    """Estimate a statistic with its bootstrap error and 95 % interval.

    Args:
        values: One value per campaign, without NaN.
        statistic: Function of an array and an axis, such as `np.mean`.
        method: Method of `scipy.stats.bootstrap`; if its interval is not finite, the percentile method is used.

    Returns:
        The estimate, in the unit of the values.
    """
    number = float(statistic(values, axis=-1))
    if values.size < 2:
        return Estimate(number, math.nan, math.nan, math.nan, values.size)
    if never_varies(values):
        return Estimate(number, 0.0, number, number, values.size)
    found = resampled((values,), statistic, method)
    low, high = found.confidence_interval
    if not (math.isfinite(low) and math.isfinite(high)):
        low, high = resampled((values,), statistic, "percentile").confidence_interval
    return Estimate(number, float(found.standard_error), float(low), float(high), values.size)


def resampled(samples: Sequence[np.ndarray], statistic: Statistic, method: str) -> Any:
    """Return the result of a bootstrap with a fixed seed; resamples take the same campaigns from all samples."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a degenerate interval is NaN and is replaced
        return bootstrap(
            samples, statistic, n_resamples=RESAMPLES, method=method, vectorized=True, paired=len(samples) > 1, axis=-1,
            batch=BATCH, random_state=np.random.default_rng(LUCK_OF_RESAMPLING),
        )  # fmt: skip


def reported_inside(sheet: Sheet, task: Task, sample: Sample) -> set[str]:
    """Return the correct answers to a task that asks whether the reported figure is in the middle 90 % of campaigns.

    Args:
        sheet: The sheet of the student.
        task: The task, with settings and outcome.
        sample: The campaigns to use.

    Returns:
        `yes` or `no`, or both if sampling error alone may decide between them.
    """
    values = sample.values(sheet.overrides(task.of), task.outcome)
    values = values[~np.isnan(values)]
    low, high = (bootstrapped(values, partial(np.quantile, q=end)) for end in ENDS)
    value, lowest, highest, _ = outcome_of(task.outcome).reported
    first = value if lowest is None else lowest
    last = value if highest is None else highest

    def holds(low: float, high: float) -> str:
        return "yes" if (first is None or first <= high) and (last is None or last >= low) else "no"

    found = {holds(low.number, high.number)}
    if values.size > 1:
        found |= {holds(low.high, high.low), holds(low.low, high.high)}
    return found


def verdict(found: Estimate) -> str:
    """Return the verdict from the 95 % interval of a difference: `more`, `fewer` or `cannot tell`."""
    if math.isnan(found.low) or not clear(found.low, found.high):
        return "cannot tell"
    return "more" if found.low > 0 else "fewer"


def rank_choices(sheet: Sheet, task: Task, sample: Sample) -> dict[str, tuple[float, bool]]:
    """Score the choices of a task, and find every choice that may be the best.

    A choice may be the best if zero is in the 95 % bootstrap interval of the difference between the highest score and
    its own; resamples take the same campaigns under all settings. With one campaign, only the choice with the highest
    score may be the best.

    Args:
        sheet: The sheet of the student.
        task: The task, with settings, outcome, choices and the name of the score.
        sample: The campaigns to use.

    Returns:
        The score of each choice, and whether it may be the best.

    Raises:
        PanjError: Settings, outcome or score are unknown, or no campaign has a value under all settings.
    """
    if task.measure not in SCORES:
        raise unknown(f"task {task.key}, measure", task.measure, SCORES)
    samples = samples_of(sheet, task, task.ladder, sample)
    score = partial(SCORES[task.measure], asked=outcome_of(task.outcome))
    scores = [float(one) for one in score(*samples)]
    best = int(np.argmax(scores))
    return {
        choice: (scores[place], place == best or may_be_best(samples, score, place, best))
        for place, choice in enumerate(task.choices)
    }


def may_be_best(samples: Sequence[np.ndarray], score: Statistic, place: int, best: int) -> bool:
    """Return whether sampling error alone may explain the gap between a choice and the best; False for one campaign."""
    if samples[0].size < 2:
        return False

    def behind(*again: np.ndarray, axis: int = -1) -> Any:
        scores = score(*again, axis=axis)
        return scores[best] - scores[place]

    low, high = resampled(samples, behind, "percentile").confidence_interval
    return not clear(float(low), float(high))


def nearest(*samples: np.ndarray, axis: int = -1, asked: TaskOutcome) -> list[Any]:
    """Score each choice by the negative distance of its median from the reported figure."""
    return [-gap_of(sample, axis, reported=reported_value(asked)) for sample in samples]


def steepest(*samples: np.ndarray, axis: int = -1, asked: TaskOutcome) -> list[Any]:
    """Score each step between neighbouring settings on a task's ladder by the absolute change in the mean outcome."""
    means = [np.mean(sample, axis=axis) for sample in samples]
    return [np.abs(after - before) for before, after in pairwise(means)]


def largest(*samples: np.ndarray, axis: int = -1, asked: TaskOutcome) -> list[Any]:
    """Score each choice by the distance of its mean from zero."""
    return [np.abs(np.mean(sample, axis=axis)) for sample in samples]


SCORES: dict[str, Statistic] = {one.__name__: one for one in (nearest, steepest, largest)}
