"""What a task asks of campaigns, and how far the number of campaigns limits it.

Reads   tables of outcomes, a row a campaign; two of them are paired by seed.
Source  Intervals: bootstrap over campaigns (Efron and Tibshirani 1993) by `scipy.stats.bootstrap`; of a share, Wilson's
        (Brown, Cai and DasGupta 2001) by `scipy.stats.binomtest`. The luck of resampling is fixed.
Assumed Campaigns are exchangeable. A campaign without the outcome is left out.
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

from sim.classroom.lessons.lesson import Asked, Overrides, Sheet, Task, outcome_of
from sim.compare.pairs import LUCK_OF_RESAMPLING, RESAMPLES, clear, never_varies
from sim.errors import PanjError, unknown

LEVEL = 0.95
ENDS = (0.05, 0.95)  # between them nine campaigns in ten
BATCH = 200  # resamples in memory at a time
GROUPS = 10  # equal parts in which somebody looks for the best one
Statistic = Callable[..., Any]


class Estimate(NamedTuple):
    """A number of some campaigns; without an error or interval (nan) where one campaign is all there is."""

    number: float
    error: float  # standard error
    low: float  # 95 % interval
    high: float
    campaigns: int


class Campaigns(Protocol):
    """Whoever has campaigns: the results folder, the desk of the classroom, a test."""

    def table(self, overrides: Overrides, first_seed: int, runs: int) -> pa.Table:
        """A row a campaign by seed, a column an outcome."""
        ...


class Sample(NamedTuple):
    """Which campaigns an answer rests on."""

    campaigns: Campaigns
    first_seed: int
    runs: int

    def values(self, overrides: Overrides, outcome: str) -> np.ndarray:
        """An outcome of every campaign; nan where one does not have it."""
        table = self.campaigns.table(overrides, self.first_seed, self.runs)
        if outcome not in table.column_names:
            raise unknown("lesson, outcome", outcome, table.column_names)
        column = table[outcome]
        if not (pa.types.is_floating(column.type) or pa.types.is_integer(column.type)):
            raise PanjError(f"lesson, outcome: found {outcome}, which is no number, expected one that is")
        return np.asarray(column.cast(pa.float64()).to_numpy(zero_copy_only=False), float)


def measured(sheet: Sheet, task: Task, sample: Sample) -> Estimate:
    """What the task asks for, of these campaigns; PanjError where no campaign has the outcome."""
    values = sample.values(sheet.overrides(task.of), task.outcome)
    if task.minus:
        values = values - sample.values(sheet.overrides(task.minus), task.outcome)
    if task.measure not in MEASURES:
        raise unknown(f"task {task.key}, measure", task.measure, MEASURES)
    values = values[~np.isnan(values)]
    if not values.size:
        raise PanjError(f"task {task.key}: found no campaign with {task.outcome}, expected more campaigns")
    return MEASURES[task.measure](values, task, outcome_of(task.outcome))


def first_campaign(values: np.ndarray, _task: Task, _asked: Asked) -> Estimate:
    """The campaign of the first seed."""
    return Estimate(float(values[0]), math.nan, math.nan, math.nan, 1)


def mean(values: np.ndarray, _task: Task, _asked: Asked) -> Estimate:
    """The mean over campaigns; of paired campaigns the mean difference."""
    return bootstrapped(values, np.mean, "BCa")


def median(values: np.ndarray, _task: Task, _asked: Asked) -> Estimate:
    """Half of the campaigns lie below."""
    return bootstrapped(values, np.median)


def quantile(values: np.ndarray, task: Task, _asked: Asked) -> Estimate:
    """So large a share of the campaigns lies below."""
    return bootstrapped(values, partial(np.quantile, q=task.quantile))


def gap(values: np.ndarray, _task: Task, asked: Asked) -> Estimate:
    """How far the median lies from what was reported."""
    return bootstrapped(values, partial(gap_of, reported=reported_value(asked)))


def best_group_gap(values: np.ndarray, _task: Task, asked: Asked) -> Estimate:
    """How far the mean of the luckiest tenth of the campaigns, in the order of seeds, lies from what was reported."""
    groups = np.array_split(values, min(GROUPS, values.size))
    reported = reported_value(asked)
    best = min(groups, key=lambda group: abs(float(group.mean()) - reported))
    return bootstrapped(best, lambda sample, axis=-1: np.abs(np.mean(sample, axis=axis) - reported))


def mean_gap(values: np.ndarray, _task: Task, asked: Asked) -> Estimate:
    """How far the mean lies from what was reported."""
    reported = reported_value(asked)
    return bootstrapped(values, lambda sample, axis=-1: np.abs(np.mean(sample, axis=axis) - reported))


def share_at_least(values: np.ndarray, task: Task, asked: Asked) -> Estimate:
    """The share of campaigns in which the outcome reaches the threshold."""
    threshold = reported_value(asked) if task.threshold == "reported" else float(task.threshold)
    return share_of(values >= threshold)


def share_higher(values: np.ndarray, _task: Task, _asked: Asked) -> Estimate:
    """The share of pairs in which the first is the higher."""
    return share_of(values > 0)


MEASURES: dict[str, Callable[[np.ndarray, Task, Asked], Estimate]] = {
    one.__name__: one
    for one in (
        first_campaign, mean, median, quantile, gap, mean_gap, best_group_gap, share_at_least, share_higher,
    )
}  # fmt: skip
SHARES = ("share_at_least", "share_higher")


def gap_of(values: np.ndarray, axis: int = -1, *, reported: float) -> Any:
    """The distance of the median from a number."""
    return np.abs(np.median(values, axis=axis) - reported)


def reported_value(asked: Asked) -> float:
    """What was reported as one number, or the bound where it is one; PanjError where nothing was."""
    value, low, high, _ = asked.reported
    for one in (value, low, high):
        if one is not None:
            return one
    raise PanjError(f"lesson, outcome: found {asked.name}, of which nothing was reported, expected another")


def share_of(marked: np.ndarray) -> Estimate:
    """A share of campaigns; its error is that of an interval that also knows how little a share of nothing says."""
    interval = binomtest(int(marked.sum()), marked.size).proportion_ci(LEVEL, method="wilson")
    half = (interval.high - interval.low) / 2
    return Estimate(float(marked.mean()), half / norm.ppf((1 + LEVEL) / 2), interval.low, interval.high, marked.size)


def bootstrapped(values: np.ndarray, statistic: Statistic, method: str = "percentile") -> Estimate:
    """A statistic with its standard error and interval."""
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
    """One bootstrap with fixed luck; several samples are resampled together, campaign by campaign."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a degenerate interval is nan, and is made in another way
        return bootstrap(
            samples, statistic, n_resamples=RESAMPLES, method=method, vectorized=True, paired=len(samples) > 1, axis=-1,
            batch=BATCH, random_state=np.random.default_rng(LUCK_OF_RESAMPLING),
        )  # fmt: skip


def reported_inside(sheet: Sheet, task: Task, sample: Sample) -> set[str]:
    """Whether the reported figure lies between the ends: `yes`, `no`, or both where chance in the ends decides."""
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
    """More, fewer, or cannot tell."""
    if math.isnan(found.low) or not clear(found.low, found.high):
        return "cannot tell"
    return "more" if found.low > 0 else "fewer"


def rank_choices(sheet: Sheet, task: Task, sample: Sample) -> dict[str, tuple[float, bool]]:
    """By choice: its score, and whether it may be the one that is asked for; the best of the sample always may.

    A choice may be the one as long as the 95 % interval of its distance from the best touches zero: bootstrap over
    campaigns, all settings resampled together. With one campaign only the best may.
    """
    columns = [sample.values(sheet.overrides(name), task.outcome) for name in task.ladder]
    if task.minus:
        base = sample.values(sheet.overrides(task.minus), task.outcome)
        columns = [column - base for column in columns]
    there = ~np.isnan(columns).any(axis=0)
    samples = [column[there] for column in columns]
    if not samples[0].size:
        raise PanjError(f"task {task.key}: found no campaign with {task.outcome}, expected more campaigns")
    if task.measure not in SCORES:
        raise unknown(f"task {task.key}, measure", task.measure, SCORES)
    score = partial(SCORES[task.measure], asked=outcome_of(task.outcome))
    scores = [float(one) for one in score(*samples)]
    best = int(np.argmax(scores))
    return {
        choice: (scores[place], place == best or may_be_best(samples, score, place, best))
        for place, choice in enumerate(task.choices)
    }


def may_be_best(samples: Sequence[np.ndarray], score: Statistic, place: int, best: int) -> bool:
    """Whether chance alone may have put one behind the best."""
    if samples[0].size < 2:
        return False

    def behind(*again: np.ndarray, axis: int = -1) -> Any:
        scores = score(*again, axis=axis)
        return scores[best] - scores[place]

    low, high = resampled(samples, behind, "percentile").confidence_interval
    return not clear(float(low), float(high))


def nearest(*samples: np.ndarray, axis: int = -1, asked: Asked) -> list[Any]:
    """The smaller the gap between median and report, the higher."""
    return [-gap_of(sample, axis, reported=reported_value(asked)) for sample in samples]


def steepest(*samples: np.ndarray, axis: int = -1, asked: Asked) -> list[Any]:
    """How far the mean moves from each rung of a ladder to the next."""
    means = [np.mean(sample, axis=axis) for sample in samples]
    return [np.abs(after - before) for before, after in pairwise(means)]


def largest(*samples: np.ndarray, axis: int = -1, asked: Asked) -> list[Any]:
    """How far from zero a mean lies."""
    return [np.abs(np.mean(sample, axis=axis)) for sample in samples]


SCORES: dict[str, Statistic] = {one.__name__: one for one in (nearest, steepest, largest)}
