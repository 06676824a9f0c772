"""How far a forecast lies from what was reported: CRPS, intervals, Brier score, AUC and error of dates, from arrays.

A *forecast* is an ensemble of campaigns, each as likely as the others; a score is better when it is lower, but for AUC.
Nothing here reads a file or runs a campaign, and a score is always of numbers on the scale of their target.

Source  CRPS: Hersbach 2000; its form for few members (*fair*): Ferro 2014. Against a range: the threshold-weighted
        CRPS, Gneiting and Ranjan 2011, with no weight inside the range. Shares: the energy score, Gneiting and Raftery
        2007. Brier 1950. AUC: Hanley and McNeil 1982. Monte Carlo error: jackknife of a U-statistic, Arvesen 1969, and
        bootstrap over campaigns, Efron and Tibshirani 1993.
Assumed Campaigns are independent of each other. A Monte Carlo error says how far the number of campaigns limits a
        score, and not whether the model is right.
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm, rankdata

CUTS = (0.05, 0.25, 0.5, 0.75, 0.95)  # of the 90 % interval, the 50 % interval and the median
RESAMPLES = 400  # for a standard error to one part in 28
LUCK_OF_RESAMPLING = 20210705  # fixed, so that the same table gives the same error to the last digit
Floats = NDArray[np.float64]


class Score(NamedTuple):
    """A score and its Monte Carlo error: one standard error; nan where nothing can be said."""

    value: float
    error: float


UNKNOWN = Score(math.nan, math.nan)


def gaps(members: Floats) -> Floats:
    """The sum of distances from each member to all others, by sorting: n log n, never n x n."""
    order = np.argsort(members, kind="stable")
    ordered = members[order]
    place = np.arange(ordered.size)
    before = np.cumsum(ordered) - ordered
    found = np.empty(ordered.size)
    found[order] = ordered * (2 * place + 1 - ordered.size) + ordered.sum() - 2 * before - ordered
    return found


def outside(numbers: Floats, low: float, high: float) -> Floats:
    """How far numbers lie from a range: below it negative, within it 0, above it positive.

    It takes the range for one point, so that a CRPS of these against 0 is the CRPS with no weight inside the range.
    """
    return np.where(numbers < low, numbers - low, np.where(numbers > high, numbers - high, 0.0))


def crps(members: Floats) -> Score:
    """CRPS of an ensemble against 0: mean distance to what was reported less half the mean distance between members.

    In the unit of the members; 0 only when all are right. One campaign gives its distance and no error.
    """
    return crps_of_parts(members[None, :])


def crps_of_parts(parts: Floats) -> Score:
    """The sum of the CRPS of several numbers, a row a number and a column a campaign, each against 0.

    Half of it, for shares of one whole, is an energy score: the share of the whole that is in the wrong place.
    """
    count = parts.shape[1]
    if count == 0 or np.isnan(parts).any():
        return UNKNOWN
    away = np.abs(parts).sum(axis=0)
    if count == 1:
        return Score(float(away[0]), math.nan)
    apart = sum((gaps(row) for row in parts), np.zeros(count))
    value = float(away.mean() - apart.sum() / (2 * count * (count - 1)))
    value = 0.0 if abs(value) < 1e-12 else value  # the last digits of arithmetic; few members can give less than 0
    if count == 2:
        return Score(value, math.nan)
    without = (away.sum() - away) / (count - 1) - (apart.sum() - 2 * apart) / (2 * (count - 1) * (count - 2))
    return Score(value, float(np.sqrt((count - 1) * without.var())))


def interval_holds(cuts: Floats, low: float, high: float) -> bool:
    """Whether what was reported, or some of its range, lies within the 90 % interval, ends included."""
    return bool(low <= cuts[-1] and high >= cuts[0])


def interval_with_error_holds(members: Floats, low: float, high: float, sd: float) -> bool:
    """The same where a report of each campaign would err normally with this standard deviation; 0 is no error."""
    if sd > 0:
        below, above = float(norm.cdf((high - members) / sd).mean()), float(norm.cdf((members - low) / sd).mean())
    else:
        below, above = float((members <= high).mean()), float((members >= low).mean())
    return below >= CUTS[0] and above >= CUTS[0]


def distances_of_splits(shares: Floats) -> Floats:
    """How far the split of each campaign lies from those of the others on average; `shares` is parts x campaigns.

    A distance is the share of the whole that would have to be moved to make two splits equal.
    """
    count = shares.shape[1]
    return sum((gaps(row) for row in shares), np.zeros(count)) / 2 / max(1, count - 1)


def distance_to_split(shares: Floats, reported: Floats) -> float:
    """How far the reported split lies from those of the campaigns on average."""
    return float(np.abs(shares - reported[:, None]).sum(axis=0).mean() / 2)


def shares_with_error(shares: Floats, groups: int) -> Floats:
    """Shares as a report of so many groups of men, each drawn by itself, would give them."""
    luck = np.random.default_rng(LUCK_OF_RESAMPLING)
    return luck.multinomial(groups, np.ascontiguousarray(shares.T)).T / groups


def brier(chance: Floats, is_lost: Floats) -> Floats:
    """Mean squared error of chances over districts (the last axis): 0 is perfect, 0.25 is what a coin gives."""
    return np.mean((chance - is_lost) ** 2, axis=-1)


def area_under_curve(chance: Floats, is_lost: Floats) -> Floats:
    """How often a lost district had a higher chance than one that was not lost; equal ones count half. 0.5 is none."""
    lost = int(is_lost.sum())
    kept = is_lost.size - lost
    if not lost or not kept:
        return np.full(chance.shape[:-1], np.nan)
    ranks = rankdata(chance, axis=-1)[..., is_lost.astype(np.bool_)].sum(axis=-1)
    return (ranks - lost * (lost + 1) / 2) / (lost * kept)


def lost_by(lost_on: NDArray[np.int64], days: int) -> Floats:
    """Whether each campaign has lost each district by each evening: campaigns x evenings x districts, 0 or 1."""
    return (lost_on[:, None, :] <= np.arange(days + 1)[None, :, None]).astype(np.float64)


def median_days(chance: Floats) -> NDArray[np.int64]:
    """The evening by which half of the campaigns have lost a district; the number of evenings where they have not.

    `chance` is ... x evenings x districts.
    """
    reached = chance >= 0.5 - 1e-9
    return np.where(reached.any(axis=-2), reached.argmax(axis=-2), chance.shape[-2])


def error_of_days(days: NDArray[np.int64], earliest: NDArray[np.int64], latest: NDArray[np.int64]) -> Floats:
    """Days too late (positive) or too early (negative); 0 from the first to the last day that the record allows."""
    return np.where(days < earliest, days - earliest, np.where(days > latest, days - latest, 0)).astype(np.float64)


def resampled(values: Floats) -> Floats:
    """Means over campaigns (the first axis) of resamples drawn with replacement."""
    count = values.shape[0]
    luck = np.random.default_rng(LUCK_OF_RESAMPLING)
    weights = luck.multinomial(count, np.full(count, 1 / count), RESAMPLES) / count
    return (weights @ values.reshape(count, -1)).reshape(RESAMPLES, *values.shape[1:])


def with_error(value: Floats | float, resamples: Floats) -> Score:
    """A score beside the spread of its resamples."""
    spread = float(np.std(resamples, ddof=1)) if np.isfinite(resamples).all() else math.nan
    return Score(float(value), spread)
