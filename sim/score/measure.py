"""Scores of forecasts against the record, for targets and for districts of the north-east.

Reads   targets, forecasts, and the dates of falls (which only score; the simulation never starts from them).
Gives   `Measured` per target and forecast, `Districts` per forecast, `Part` per post of a split.
Source  CRPS: Hersbach 2000; its fair form for few members: Ferro 2014. For members with weights it divides the mean
        distance between members by 1 - the sum of squared weights, which for equal weights is Ferro's form. Against a
        range: the threshold-weighted CRPS with no weight inside the range, Gneiting and Ranjan 2011. Shares: the energy
        score, Gneiting and Raftery 2007. Brier 1950. AUC: Hanley and McNeil 1982. Monte Carlo errors: jackknife of a
        U-statistic, Arvesen 1969, and bootstrap over campaigns, Efron and Tibshirani 1993.
Assumed A forecast is an ensemble of independent campaigns, equally weighted unless it has weights. A score is
        of numbers on the scale of their target, and better when lower, except AUC. The reported number or range is
        used as is: no interval is widened by the observation error; `inside_with_error` says whether that error
        would explain the difference. A Monte Carlo error says how far the number of campaigns limits a score, not
        whether the model is right.
"""

import math
from collections.abc import Sequence
from datetime import date
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm, rankdata

from sim.score.forecasts import DAY_0, DAYS, KNOWN_UNTIL, Forecast
from sim.score.targets import DistrictTargets, Known, Target, bounds_of
from sim.settings.posterior import weighted_quantiles

LOST_BY: tuple[date, ...] = (KNOWN_UNTIL, date(2021, 7, 5))  # days at whose end districts are scored
KNOWN_EVENT = "takhar_kunduz_june"  # the event that a forecast with the map of 22 June already knows
CUTS = (0.05, 0.25, 0.5, 0.75, 0.95)  # quantiles of `Intervals`
RESAMPLES = 400  # gives a standard error accurate to one part in 28
SEED_OF_RESAMPLING = 20210705  # fixed seed, so that the same table gives exactly the same error
Floats = NDArray[np.float64]


class Score(NamedTuple):
    """A score and its Monte Carlo standard error; nan where undefined."""

    value: float
    error: float


UNKNOWN = Score(math.nan, math.nan)


class Intervals(NamedTuple):
    """The median and the ends of the central 50 and 90 % intervals of campaigns."""

    low_90: float
    low_50: float
    median: float
    high_50: float
    high_90: float

    def hold(self, low: float, high: float) -> bool:
        """Whether the 90 % interval, ends included, overlaps a range."""
        return bool(low <= self.high_90 and high >= self.low_90)


NO_INTERVALS = Intervals(*[math.nan] * 5)


def intervals_of(values: Floats, weights: Floats | None = None) -> Intervals:
    """Intervals of campaigns; with weights, inverse weighted quantiles (no interpolation)."""
    cuts = np.quantile(values, CUTS) if weights is None else weighted_quantiles(values, weights, CUTS)
    return Intervals(*cuts.tolist())


class Measured(NamedTuple):
    """One target compared with one forecast, in the unit of the outcome; the score is on the scale of the target."""

    intervals: Intervals
    inside: bool  # whether the reported value is in the 90 % interval
    inside_with_error: bool  # the same after adding observation error to the campaigns
    score: Score
    missing: int  # campaigns without the outcome, which are left out


class Part(NamedTuple):
    """One post's share of the split."""

    outcome: str
    reported: float
    intervals: Intervals
    inside: bool


class Districts(NamedTuple):
    """Scores of one forecast over the districts of the north-east and of the frontier."""

    absolute: Score  # mean error of the median date of fall, days
    late: Score  # mean signed error: too late is positive
    dated: int  # districts with a day, a window or a last day
    not_lost: int  # of these, lost by fewer than half of the campaigns by 7 July; counted as lost on the day after
    brier: tuple[Score, ...]  # one score per day of LOST_BY
    auc: tuple[Score, ...]
    known: tuple[int, ...]  # districts known to be lost or not lost by the end of that day
    lost: tuple[int, ...]  # of these, lost


def is_forecast(target: Target, forecast: Forecast) -> bool:
    """Whether a forecast can be scored on a target: it has the outcomes and did not use the answer."""
    names = [part for part, _ in target.parts] or [target.outcome]
    knows = forecast.from_day > DAY_0 and (target.date < forecast.from_day or target.event == KNOWN_EVENT)
    return not knows and all(name in forecast.outcomes for name in names)


def measure(target: Target, forecast: Forecast) -> Measured | None:
    """Compare a target with a forecast.

    Args:
        target: a reported figure, or the split of men over posts.
        forecast: campaigns, with or without weights.

    Returns:
        Intervals, score and Monte Carlo error; None where the forecast does not cover the target.
    """
    if not is_forecast(target, forecast):
        return None
    if target.parts:
        return measure_split(target, forecast)
    every = forecast.outcomes[target.outcome]
    known = ~np.isnan(every)
    members, missing = every[known], int((~known).sum())
    if not members.size:
        return Measured(NO_INTERVALS, False, False, UNKNOWN, missing)
    weights = None if forecast.weights is None else forecast.weights[known]
    low, high = bounds_of(target)
    intervals = intervals_of(members, weights)
    on_scale, (low_there, high_there) = scaled(members, target), scaled(np.array([low, high]), target)
    return Measured(
        intervals,
        intervals.hold(low, high),
        interval_with_error_holds(on_scale, low_there, high_there, target.sd, weights),
        crps(outside(on_scale, low_there, high_there), weights),
        missing,
    )


def scaled(numbers: Floats, target: Target) -> Floats:
    """Numbers on the scale of the target; an infinite bound stays infinite."""
    return np.where(np.isinf(numbers), numbers, np.log1p(np.maximum(numbers, 0))) if target.scale == "log" else numbers


class Shares(NamedTuple):
    """Shares of the men at each post of a split."""

    reported: Floats
    found: Floats  # posts x campaigns
    weights: Floats | None  # one per campaign


def shares_of(target: Target, forecast: Forecast) -> Shares:
    """The reported split and those of the campaigns, with half a group of men added to each post.

    This makes a post that a campaign left empty unlikely, not impossible.
    A campaign with nobody at any of these posts has no split and is left out: an even split would favour it.
    """
    reported = np.array([soldiers for _, soldiers in target.parts])
    found = np.nan_to_num(np.array([forecast.outcomes[name] for name, _ in target.parts]))
    some = found.sum(axis=0) > 0
    men = found[:, some] + target.sd / 2
    weights = None if forecast.weights is None else forecast.weights[some]
    return Shares(reported / reported.sum(), men / men.sum(axis=0), weights)


def measure_split(target: Target, forecast: Forecast) -> Measured:
    """Score the split: its intervals are those of the mean distances between campaigns.

    The split is inside when it is no farther from the campaigns than 90 % of them are; its error is multinomial.
    """
    reported, shares, weights = shares_of(target, forecast)
    missing = forecast.campaigns - shares.shape[1]
    if not shares.size:
        return Measured(NO_INTERVALS, False, False, UNKNOWN, missing)
    groups = round(float(sum(soldiers for _, soldiers in target.parts)) / target.sd)
    score = crps_of_parts(shares - reported[:, None], weights)
    return Measured(
        intervals_of(distances_of_splits(shares, weights), weights),
        is_no_farther(shares, reported, weights),
        is_no_farther(shares_with_error(shares, groups), reported, weights),
        Score(score.value / 2, score.error / 2),
        missing,
    )


def is_no_farther(shares: Floats, reported: Floats, weights: Floats | None) -> bool:
    """Whether a split is no farther from the campaigns than 90 % of them are from each other."""
    apart = distances_of_splits(shares, weights)
    farthest = np.quantile(apart, 0.9) if weights is None else weighted_quantiles(apart, weights, (0.9,))[0]
    return bool(distance_to_split(shares, reported, weights) <= farthest + 1e-12)


def reported_distance(target: Target, forecast: Forecast) -> float:
    """Mean distance of the reported split from those of the campaigns."""
    reported, shares, weights = shares_of(target, forecast)
    return distance_to_split(shares, reported, weights) if shares.size else math.nan


def parts_of(target: Target, forecast: Forecast) -> list[Part]:
    """Reported share and shares of campaigns, one row per post of the split."""
    reported, shares, weights = shares_of(target, forecast)
    if not shares.size:
        return []
    every = [intervals_of(row, weights) for row in shares]
    return [Part(name, share, found, found.hold(share, share))
            for (name, _), share, found in zip(target.parts, reported.tolist(), every, strict=True)]  # fmt: skip


def days_of(dates: NDArray[np.datetime64]) -> NDArray[np.int64]:
    """Day numbers of the campaign; missing dates become the day after the end of the record."""
    known = ~np.isnat(dates)
    days = np.full(dates.size, DAYS + 1, np.int64)
    days[known] = (dates[known] - np.datetime64(DAY_0)).astype(np.int64)
    return days


def was_lost(targets: DistrictTargets, evening: date) -> Floats:
    """1 where a district must have been lost by the end of a day, 0 where it cannot have been, nan where unknown."""
    day = np.datetime64(evening)
    must, cannot = targets.latest <= day, targets.earliest > day
    return np.where(must, 1.0, np.where(cannot, 0.0, np.nan))


def measure_districts(targets: DistrictTargets, forecast: Forecast) -> Districts | None:
    """Score dates and probabilities over districts, with bootstrap errors; None without losses per campaign.

    A forecast that used the map of a day has no score for that day.
    """
    if forecast.lost_on is None:
        return None
    chances = lost_by(forecast.lost_on[:, targets.district], DAYS)
    mean, resamples = chances.mean(axis=0), resampled(chances)
    dated = np.isin(targets.known, (Known.DAY, Known.WINDOW, Known.BY))
    bounds = days_of(targets.earliest)[dated], days_of(targets.latest)[dated]
    median = median_days(mean[:, dated])
    errors = error_of_days(median, *bounds)
    spread = error_of_days(median_days(resamples[:, :, dated]), *bounds)
    knows = forecast.from_day > DAY_0
    scores = [score_evening(targets, evening, mean, resamples, knows) for evening in LOST_BY]
    truths = [was_lost(targets, evening) for evening in LOST_BY]
    return Districts(
        UNKNOWN if knows else with_error(np.abs(errors).mean(), np.abs(spread).mean(axis=1)),
        UNKNOWN if knows else with_error(errors.mean(), spread.mean(axis=1)),
        int(dated.sum()),
        int((median > DAYS).sum()),
        tuple(score[0] for score in scores),
        tuple(score[1] for score in scores),
        tuple(int((~np.isnan(truth)).sum()) for truth in truths),
        tuple(int(np.nansum(truth)) for truth in truths),
    )


def score_evening(
    targets: DistrictTargets, evening: date, mean: Floats, resamples: Floats, knows: bool
) -> tuple[Score, Score]:
    """Brier score and AUC of "lost by the end of this day", over districts where that is known."""
    if knows and evening <= KNOWN_UNTIL:
        return UNKNOWN, UNKNOWN
    truth = was_lost(targets, evening)
    known, day = ~np.isnan(truth), (evening - DAY_0).days
    chance, spread = mean[day, known], resamples[:, day, known]
    return (
        with_error(brier(chance, truth[known]), brier(spread, truth[known])),
        with_error(area_under_curve(chance, truth[known]), area_under_curve(spread, truth[known])),
    )


def chances_by(targets: DistrictTargets, forecast: Forecast, evening: date) -> Floats:
    """Share of campaigns that have lost each district by the end of a day; nan where losses were not recorded."""
    if forecast.lost_on is None:
        return np.full(targets.district.size, math.nan)
    return (forecast.lost_on[:, targets.district] <= (evening - DAY_0).days).mean(axis=0)


class Tally(NamedTuple):
    """Count of targets on which Panj or another forecast is better by more than 1.96 Monte Carlo errors.

    The errors are treated as independent, which is conservative with common seeds.
    """

    better: int
    worse: int
    cannot_tell: int


def tally(ours: Sequence[Measured], theirs: Sequence[Measured | None]) -> Tally:
    """Count the targets on which each forecast has the lower score."""
    signs = [sign_of(our.score, their.score) for our, their in zip(ours, theirs, strict=True) if their is not None]
    return Tally(signs.count(-1), signs.count(1), signs.count(0))


def sign_of(ours: Score, theirs: Score) -> int:
    """-1 where ours is lower, 1 where theirs is, 0 where there are too few campaigns to tell."""
    gap, doubt = ours.value - theirs.value, 1.96 * math.hypot(ours.error, theirs.error)
    return 0 if math.isnan(gap) or math.isnan(doubt) or abs(gap) <= max(doubt, 1e-12) else int(math.copysign(1, gap))


def weights_or_ones(weights: Floats | None, count: int) -> Floats:
    """The weights of campaigns; ones if there are none."""
    return np.ones(count) if weights is None else weights


def gaps(members: Floats, weights: Floats | None = None) -> Floats:
    """Weighted sum of distances from each member to all members, by sorting, in O(n log n)."""
    order = np.argsort(members, kind="stable")
    ordered, heavy = members[order], weights_or_ones(weights, members.size)[order]
    below = np.cumsum(heavy) - heavy
    above = heavy.sum() - below - heavy
    own = heavy * ordered
    found = np.empty(ordered.size)
    found[order] = ordered * (below - above) + own.sum() - 2 * (np.cumsum(own) - own) - own
    return found


def outside(numbers: Floats, low: float | Floats, high: float | Floats) -> Floats:
    """How far numbers are from a range: negative below it, 0 inside it, positive above it.

    The range counts as one point, so that a CRPS of these against 0 is the CRPS with no weight inside the range.
    """
    return np.where(numbers < low, numbers - low, np.where(numbers > high, numbers - high, 0.0))


def crps(members: Floats, weights: Floats | None = None) -> Score:
    """CRPS of an ensemble against 0: mean distance from 0 less half the mean distance between members.

    Args:
        members: distances from what was reported, in the unit of the score.
        weights: one per member; None means equal weights.

    Returns:
        The fair score: 0 when all are right, sometimes negative with few members. One member gives its distance and no
        error, two give no error.
    """
    return crps_of_parts(members[None, :], weights)


def crps_of_parts(parts: Floats, weights: Floats | None = None) -> Score:
    """The sum of the CRPS of several numbers, each against 0; `parts` is numbers x campaigns.

    For shares of one whole, half of it is an energy score: the share of the whole that is in the wrong place.
    """
    count = parts.shape[1]
    if count == 0 or np.isnan(parts).any():
        return UNKNOWN
    away = np.abs(parts).sum(axis=0)
    if count == 1:
        return Score(float(away[0]), math.nan)
    heavy = weights_or_ones(weights, count)
    whole, squares = float(heavy.sum()), float((heavy**2).sum())
    near = heavy * away
    apart = heavy * sum((gaps(row, weights) for row in parts), np.zeros(count))
    value = float(near.sum() / whole - apart.sum() / (2 * (whole * whole - squares)))
    value = 0.0 if abs(value) < 1e-12 else value  # rounding error
    if count == 2:
        return Score(value, math.nan)
    rest = whole - heavy  # remaining weight when each member is left out in turn
    pairs = 2 * (rest**2 - (squares - heavy**2))
    without = (near.sum() - near) / rest - (apart.sum() - 2 * apart) / pairs
    return Score(value, float(np.sqrt((count - 1) * without.var())))


def interval_with_error_holds(
    members: Floats, low: float, high: float, sd: float, weights: Floats | None = None
) -> bool:  # fmt: skip
    """Whether the 90 % interval of the campaigns plus normal error with `sd` overlaps a range."""
    if sd > 0:
        below, above = norm.cdf((high - members) / sd), norm.cdf((members - low) / sd)
    else:
        below, above = members <= high, members >= low
    return all(mean_of(one.astype(np.float64), weights) >= CUTS[0] for one in (below, above))


def mean_of(values: Floats, weights: Floats | None = None) -> float:
    """Weighted mean over campaigns."""
    heavy = weights_or_ones(weights, values.size)
    return float((heavy * values).sum() / heavy.sum())


def distances_of_splits(shares: Floats, weights: Floats | None = None) -> Floats:
    """Mean distance of the split of each campaign from those of the others; `shares` is parts x campaigns.

    A distance is the share of the whole that has to be moved to make two splits equal.
    """
    heavy = weights_or_ones(weights, shares.shape[1])
    others = heavy.sum() - heavy if heavy.size > 1 else np.ones(1)
    return sum((gaps(row, weights) for row in shares), np.zeros(heavy.size)) / 2 / others


def distance_to_split(shares: Floats, reported: Floats, weights: Floats | None = None) -> float:
    """Mean distance of the reported split from those of the campaigns."""
    return mean_of(np.abs(shares - reported[:, None]).sum(axis=0), weights) / 2


def shares_with_error(shares: Floats, groups: int) -> Floats:
    """Multinomial draws of shares, as if reported for `groups` independent groups of men."""
    rng = np.random.default_rng(SEED_OF_RESAMPLING)
    return rng.multinomial(groups, np.ascontiguousarray(shares.T)).T / groups


def brier(chance: Floats, is_lost: Floats) -> Floats:
    """Mean squared error of probabilities over districts (the last axis): 0 is perfect, 0.25 is a coin toss."""
    return np.mean((chance - is_lost) ** 2, axis=-1)


def area_under_curve(chance: Floats, is_lost: Floats) -> Floats:
    """AUC: how often a lost district had a higher probability than one not lost; ties count half, 0.5 is no skill."""
    lost = int(is_lost.sum())
    kept = is_lost.size - lost
    if not lost or not kept:
        return np.full(chance.shape[:-1], np.nan)
    ranks = rankdata(chance, axis=-1)[..., is_lost.astype(np.bool_)].sum(axis=-1)
    return (ranks - lost * (lost + 1) / 2) / (lost * kept)


def lost_by(lost_on: NDArray[np.int64], days: int) -> Floats:
    """Whether each campaign has lost each district by the end of each day: campaigns x days x districts, 0 or 1."""
    return (lost_on[:, None, :] <= np.arange(days + 1)[None, :, None]).astype(np.float64)


def median_days(chance: Floats) -> NDArray[np.int64]:
    """The day by whose end half of the campaigns have lost a district; the number of days where they never do.

    `chance` is ... x days x districts.
    """
    reached = chance >= 0.5 - 1e-9
    return np.where(reached.any(axis=-2), reached.argmax(axis=-2), chance.shape[-2])


def error_of_days(days: NDArray[np.int64], earliest: NDArray[np.int64], latest: NDArray[np.int64]) -> Floats:
    """Days too late (positive) or too early (negative); 0 from the first to the last day that the record allows."""
    return np.where(days < earliest, days - earliest, np.where(days > latest, days - latest, 0)).astype(np.float64)


def resampled(values: Floats) -> Floats:
    """Means over campaigns (the first axis) of resamples drawn with replacement."""
    count = values.shape[0]
    rng = np.random.default_rng(SEED_OF_RESAMPLING)
    weights = rng.multinomial(count, np.full(count, 1 / count), RESAMPLES) / count
    return (weights @ values.reshape(count, -1)).reshape(RESAMPLES, *values.shape[1:])


def with_error(value: Floats | float, resamples: Floats) -> Score:
    """A score with the standard deviation of its resamples as its error."""
    spread = float(np.std(resamples, ddof=1)) if np.isfinite(resamples).all() else math.nan
    return Score(float(value), spread)
