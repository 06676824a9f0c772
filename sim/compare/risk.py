"""Estimate the risk that an outcome passes a threshold, and compare it between two cells with the same seeds.

In a world, the event is *prevented* if only the baseline passes the threshold, and *caused* if only the cell does.

Source  Intervals for paired proportions: Bonett and Price 2012 (difference), Bonett and Price 2006 (ratio), both
        recommended by Fagerland, Lydersen and Laake 2014; for one risk: Wilson 1927. Over runs of the sampler: ratio of
        two means of clusters, linearised (Cochran 1977, chapter 6).
Assumed Worlds are exchangeable; worlds that followed the record are so only within a run of the sampler, and runs are
        exchangeable.
"""

import math
from datetime import date
from typing import NamedTuple

import numpy as np

from sim.compare.pairs import Judgement, fold_of, over_runs
from sim.options import Range
from sim.study.reader import Measure, Worlds
from sim.wording import Language, language_of

METHOD_OF_RISK = (
    "95 %: adjusted Wald for the difference of paired risks (Bonett and Price 2012), hybrid Wilson for their ratio "
    "(Bonett and Price 2006), Wilson for each risk"
)


class Risk(NamedTuple):
    """Numbers of worlds in which a cell, its baseline, both or neither passes the threshold, and the risk ratio."""

    in_both: int
    prevented: int
    caused: int
    in_neither: int
    ratio: float  # risk in the cell over risk in the baseline; NaN if both are zero
    ratio_low: float
    ratio_high: float  # upper end of the 95 % interval of the ratio; may be inf

    @property
    def worlds(self) -> int:
        """Number of paired worlds."""
        return self.in_both + self.prevented + self.caused + self.in_neither

    @property
    def share(self) -> float:
        """Risk in the cell, as a share of worlds."""
        return (self.in_both + self.caused) / self.worlds

    @property
    def baseline_share(self) -> float:
        """Risk in the baseline, as a share of worlds."""
        return (self.in_both + self.prevented) / self.worlds


def passing(worlds: Worlds, asked: Range, measure: Measure, first_day: date) -> Worlds:
    """Replace each value in the requested range by 1 and any other by 0; a missing value remains NaN.

    Args:
        worlds: Values of the outcome; dates as days after `first_day`.
        asked: The requested range.
        measure: Description of the outcome.
        first_day: Day 0 of dates.

    Returns:
        The same worlds with ones and zeros.
    """
    values = worlds.values + first_day.toordinal() if measure.is_date else worlds.values
    marks = np.where(np.isnan(values), math.nan, asked.holds(values).astype(float))
    return worlds._replace(values=marks)


def judge_risk(cell: np.ndarray, baseline: np.ndarray, runs: np.ndarray | None = None) -> tuple[Judgement, Risk]:
    """Estimate the risk difference and the risk ratio of a cell and its baseline, over paired worlds.

    Args:
        cell: One value per world: 1 if the threshold is passed, otherwise 0; at least one world, none missing.
        baseline: The values of the baseline in the same worlds, in the same order.
        runs: Run of the sampler of each world, for worlds of several runs; the intervals are then those over runs if
            these are wider.

    Returns:
        A `Judgement` whose mean is the risk difference and whose median is NaN; and a `Risk` with the numbers of worlds
        in which the event was prevented, was caused, or is the same in both cells, and the risk ratio.
    """
    differences = cell - baseline
    both, prevented, caused = (int(count.sum()) for count in (cell * baseline == 1, differences < 0, differences > 0))
    counts = both, prevented, caused, cell.size - both - prevented - caused
    ends = over_runs(interval_of_risk(differences), differences, runs)
    difference = Judgement(
        cell.size, float(differences.mean()), *ends, math.nan, math.nan, math.nan,
        prevented, counts[0] + counts[3], caused, prevented / cell.size, fold_of(cell, baseline, differences),
    )  # fmt: skip
    ratio, *of_ratio = ratio_of(*counts[:3])
    return difference, Risk(*counts, ratio, *ratio_over_runs((of_ratio[0], of_ratio[1]), cell, baseline, runs))


def interval_of_risk(differences: np.ndarray, most: float = 1.0, alpha: float = 0.05) -> tuple[float, float]:
    """Compute the adjusted Wald interval of a risk difference between paired worlds (Bonett and Price 2012).

    Two artificial worlds with the largest and the smallest possible difference are added, so that the interval is not
    too narrow if few worlds differ. The same method is used for effects, whose value in each world is the mean of
    several differences.

    Args:
        differences: One difference per world, as a share.
        most: The largest possible difference.
        alpha: 1 minus the confidence level.

    Returns:
        Lower and upper end of the interval, as shares.
    """
    from scipy.stats import norm  # slow to import

    adjusted = np.append(differences, [most, -most])
    half = float(norm.ppf(1 - alpha / 2) * adjusted.std() / math.sqrt(adjusted.size))
    middle = float(adjusted.mean())
    return max(-most, middle - half), min(most, middle + half)


def ratio_of(both: int, prevented: int, caused: int) -> tuple[float, float, float]:
    """Compute the ratio of two paired risks and its 95 % hybrid Wilson interval (Bonett and Price 2006)."""
    from scipy.stats import norm  # slow to import

    either, ours, theirs = both + prevented + caused, both + caused, both + prevented
    if either == 0:
        return math.nan, math.nan, math.nan
    of_ratio = math.sqrt((prevented + caused + 2) / ((ours + 1) * (theirs + 1)))
    of_risks = sum(math.sqrt((1 - (one + 1) / (either + 2)) / (one + 1)) for one in (ours, theirs))
    z = float(norm.ppf(0.975)) * of_ratio / of_risks
    (low, high), (base_low, base_high) = (wilson(one, either, z) for one in (ours, theirs))
    return (
        ours / theirs if theirs else math.inf,
        low / base_high,
        high / base_low if base_low > 0 else math.inf,
    )


def ratio_over_runs(
    found: tuple[float, float], cell: np.ndarray, baseline: np.ndarray, runs: np.ndarray | None
) -> tuple[float, float]:
    """Widen an interval of a risk ratio over worlds to that over the runs of the sampler, if that is wider.

    The logarithm of the ratio is linearised: it varies between runs as the mean of (cell - ratio x baseline) / risk of
    the cell.

    Args:
        found: The interval over worlds, as if they were independent.
        cell: One mark per world.
        baseline: The marks of the baseline in the same worlds.
        runs: Run of the sampler of each world; None if worlds are unrelated.

    Returns:
        The interval; the given one for fewer than two runs, or if one of the risks is zero.
    """
    ours, theirs = float(cell.mean()), float(baseline.mean())
    if ours == 0 or theirs == 0:
        return found
    ratio = ours / theirs
    low, high = over_runs((0.0, 0.0), (cell - ratio * baseline) / ours, runs)
    return min(found[0], ratio * math.exp(low)), max(found[1], ratio * math.exp(high))


def wilson(count: int, size: int, z: float) -> tuple[float, float]:
    """Compute the Wilson interval of the share `count` / `size`, where `z` is the normal quantile (1.96 for 95 %)."""
    from scipy.stats import binomtest, norm  # slow to import

    found = binomtest(count, size).proportion_ci(2 * float(norm.cdf(z)) - 1, method="wilson")
    return float(found.low), float(found.high)


def spread_of_risk(marks: np.ndarray, runs: np.ndarray | None = None) -> tuple[float, float, float]:
    """Compute the risk in the campaigns of one cell and its 95 % Wilson interval.

    Args:
        marks: One mark per campaign: 1, 0, or NaN if it has no value.
        runs: Run of the sampler of each campaign, for worlds of several runs; the interval is then that over runs if
            this is wider.

    Returns:
        The risk and the ends of its interval; all NaN if no campaign has a value.
    """
    from scipy.stats import norm  # slow to import

    there = ~np.isnan(marks)
    known = marks[there]
    if not known.size:
        return math.nan, math.nan, math.nan
    found = wilson(int(known.sum()), int(known.size), float(norm.ppf(0.975)))
    low, high = over_runs(found, known, None if runs is None else runs[there])
    return float(known.mean()), max(0.0, low), min(1.0, high)


def format_bounds(asked: Range, measure: Measure, language: Language | None = None) -> str:
    """Describe a range as text.

    Args:
        asked: The range.
        measure: Description of the outcome, with its unit and type.
        language: Language of the text; None for English.

    Returns:
        Text such as `above 1,037 soldiers`, `above 30 % and below 40 %` or `later than 5 July`.
    """
    says = language or language_of()
    keys = {"above": "later_than", "below": "earlier_than"} if measure.is_date else {"above": "above", "below": "below"}
    ends = asked.thresholds.items()
    return says.listed([says.say(keys[key], value=format_range_end(end.value, measure, says)) for key, end in ends])


def format_range_end(value: float, measure: Measure, language: Language) -> str:
    """Format a threshold with its unit, or as a date if the outcome is one."""
    if measure.is_date:
        return language.day(date.fromordinal(round(value)))
    if measure.is_share:
        return f"{100 * value:.10g} %"
    return f"{value:,.10g} {language.unit(measure.unit, value == 1)}".strip()
