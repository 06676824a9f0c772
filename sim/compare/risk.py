"""The risk that an outcome passes a threshold, in two cells with the same seeds, as difference and as ratio.

In a world the threshold is *prevented* if only the baseline passes it, *caused* if only the cell does.

Source  Intervals for paired proportions: Bonett and Price 2012 (difference), Bonett and Price 2006 (ratio), both among
        those that Fagerland, Lydersen and Laake 2014 recommend; of one risk: Wilson 1927.
Assumed Worlds are exchangeable.
"""

import math
from datetime import date
from typing import NamedTuple

import numpy as np
from scipy.stats import binomtest, norm

from sim.compare.pairs import Judgement, fold_of
from sim.options import Range
from sim.study.reader import Measure, Worlds
from sim.wording import format_day

METHOD_OF_RISK = (
    "95 %: adjusted Wald for the difference of paired risks (Bonett and Price 2012), hybrid Wilson for their ratio "
    "(Bonett and Price 2006), Wilson for each risk"
)


class Risk(NamedTuple):
    """In how many paired worlds an outcome passes a threshold, and the ratio of the two risks."""

    in_both: int
    prevented: int
    caused: int
    in_neither: int
    ratio: float  # risk in the cell over risk in the baseline; nan if neither has any
    ratio_low: float
    ratio_high: float  # may be inf

    @property
    def worlds(self) -> int:
        """Paired worlds."""
        return self.in_both + self.prevented + self.caused + self.in_neither

    @property
    def share(self) -> float:
        """The risk in the cell."""
        return (self.in_both + self.caused) / self.worlds

    @property
    def baseline_share(self) -> float:
        """The risk in the baseline."""
        return (self.in_both + self.prevented) / self.worlds


def passing(worlds: Worlds, asked: Range, measure: Measure, first_day: date) -> Worlds:
    """The same worlds with 1 where the outcome passes the threshold, 0 where it does not, nan where it is missing."""
    values = worlds.values + first_day.toordinal() if measure.is_date else worlds.values
    marks = np.where(np.isnan(values), math.nan, asked.holds(values).astype(float))
    return worlds._replace(values=marks)


def judge_risk(cell: np.ndarray, baseline: np.ndarray) -> tuple[Judgement, Risk]:
    """Estimate risk difference and risk ratio between paired worlds.

    Args:
        cell: 1 where the threshold is passed and 0 elsewhere, one value per world, none missing, at least one.
        baseline: The same for the baseline, in the same order.

    Returns:
        The difference as a `Judgement` whose mean is the risk difference and whose median is nan, and the counts of
        worlds with the ratio.
    """
    differences = cell - baseline
    both, prevented, caused = (int(count.sum()) for count in (cell * baseline == 1, differences < 0, differences > 0))
    counts = both, prevented, caused, cell.size - both - prevented - caused
    difference = Judgement(
        cell.size, float(differences.mean()), *interval_of_risk(differences), math.nan, math.nan, math.nan,
        prevented, counts[0] + counts[3], caused, prevented / cell.size, fold_of(cell, baseline, differences),
    )  # fmt: skip
    return difference, Risk(*counts, *ratio_of(*counts[:3]))


def interval_of_risk(differences: np.ndarray, most: float = 1.0, alpha: float = 0.05) -> tuple[float, float]:
    """Adjusted Wald interval of a mean of paired differences of zeros and ones (Bonett and Price 2012).

    Two invented worlds, one with the largest possible difference and one with the smallest, keep the interval honest
    where no or few worlds differ. For means of several such differences within a world, as in a main effect, the same
    two are added.

    Args:
        differences: One per world.
        most: The largest possible difference.
        alpha: 1 minus the confidence level.

    Returns:
        The ends of the interval, in shares.
    """
    adjusted = np.append(differences, [most, -most])
    half = float(norm.ppf(1 - alpha / 2) * adjusted.std() / math.sqrt(adjusted.size))
    middle = float(adjusted.mean())
    return max(-most, middle - half), min(most, middle + half)


def ratio_of(both: int, prevented: int, caused: int) -> tuple[float, float, float]:
    """Risk ratio of two paired risks with its 95 % hybrid Wilson interval (Bonett and Price 2006)."""
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


def wilson(count: int, size: int, z: float) -> tuple[float, float]:
    """Wilson interval of a share, for a given quantile of the normal distribution."""
    found = binomtest(count, size).proportion_ci(2 * float(norm.cdf(z)) - 1, method="wilson")
    return float(found.low), float(found.high)


def spread_of_risk(marks: np.ndarray) -> tuple[float, float, float]:
    """The risk in the campaigns of one cell with its 95 % Wilson interval; nan without a campaign."""
    known = marks[~np.isnan(marks)]
    if not known.size:
        return math.nan, math.nan, math.nan
    return float(known.mean()), *wilson(int(known.sum()), int(known.size), float(norm.ppf(0.975)))


def say_range(asked: Range, measure: Measure) -> str:
    """`above 1,037 soldiers`, `above 30 % and below 40 %`, `later than 5 July`."""
    words = {"above": "later than", "below": "earlier than"} if measure.is_date else {}
    return " and ".join(f"{words.get(key, key)} {say_end(end.value, measure)}" for key, end in asked.thresholds.items())


def say_end(value: float, measure: Measure) -> str:
    """A threshold with its unit."""
    if measure.is_date:
        return format_day(date.fromordinal(round(value)))
    return f"{100 * value:.10g} %" if measure.unit.startswith("share") else f"{value:,.10g} {measure.unit}".strip()
