"""Score forecasts against the record: the targets, and the falls of districts in the north-east and on the frontier.

A forecast is an ensemble of independent campaigns, equally weighted unless weights are given. Scores are computed on
the scale of their target; lower is better, except for AUC. No interval is widened by the observation error;
`inside_with_error` states whether that error would explain the difference. A Monte Carlo error is the uncertainty of a
score that is due to the number of campaigns; it does not show whether the model is right.

Source  CRPS: Hersbach 2000; its fair form for small ensembles: Ferro 2014. With weights, the mean distance between
        members is divided by 1 minus the sum of squared weights, which for equal weights is Ferro's form. Against a
        range: the threshold-weighted CRPS with no weight inside the range, Gneiting and Ranjan 2011. Shares: the energy
        score, Gneiting and Raftery 2007. Brier score: Brier 1950. AUC: Hanley and McNeil 1982. Monte Carlo errors:
        jackknife of a U-statistic, Arvesen 1969, and bootstrap over campaigns, Efron and Tibshirani 1993.
"""

import math
from collections.abc import Sequence
from datetime import date
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm, rankdata

from sim.configuration.posterior import weighted_quantiles
from sim.scoring.forecasts import DAYS, KNOWN_UNTIL, Floats, Forecast, Integers
from sim.scoring.targets import DATED, DAY_0, DistrictTargets, Target, bounds_of
from sim.study.reader import CUTS

# days for which forecasts are scored on whether each district has been lost by the end of the day
LOST_BY: tuple[date, ...] = (KNOWN_UNTIL, date(2021, 7, 5))
KNOWN_EVENT = "takhar_kunduz_june"  # the event whose figures can be read off the map of 22 June
RESAMPLES = 400  # number of bootstrap resamples; the relative error of a standard error is then 1/28
SEED_OF_RESAMPLING = 20210705  # fixed, so that the same table always gives exactly the same standard errors


class Score(NamedTuple):
    """A score and its Monte Carlo standard error; each is nan if undefined."""

    value: float
    error: float


UNKNOWN = Score(math.nan, math.nan)


class Intervals(NamedTuple):
    """The median of the campaigns, and the ends of their central 50 % and 90 % intervals, in the order of `CUTS`."""

    low_90: float
    low_50: float
    median: float
    high_50: float
    high_90: float

    def hold(self, low: float, high: float) -> bool:
        """Return whether the 90 % interval overlaps a range; both include their ends."""
        return bool(low <= self.high_90 and high >= self.low_90)


NO_INTERVALS = Intervals(*[math.nan] * 5)


def intervals_of(values: Floats, weights: Floats | None = None) -> Intervals:
    """Return the median and the 50 % and 90 % intervals of campaigns.

    Args:
        values: One value per campaign.
        weights: One weight per campaign; None means equal weights. Only unweighted quantiles are interpolated.
    """
    cuts = np.quantile(values, CUTS) if weights is None else weighted_quantiles(values, weights, CUTS)
    return Intervals(*cuts.tolist())


class Measured(NamedTuple):
    """The result of comparing a target with a forecast.

    The intervals are in the unit of the outcome; the score is on the scale of the target, which may be logarithmic.
    """

    intervals: Intervals
    inside: bool  # whether the reported value is in the 90 % interval
    inside_with_error: bool  # whether it is in that interval after the observation error is added to the campaigns
    score: Score
    missing: int  # number of campaigns without the outcome, which are excluded


class Part(NamedTuple):
    """The reported and simulated share of one post in the split of soldiers over posts."""

    outcome: str
    reported: float
    intervals: Intervals
    inside: bool


class Districts(NamedTuple):
    """Scores of one forecast over the districts of the north-east and of the frontier."""

    absolute: Score  # mean error of the median date of fall, days
    late: Score  # mean signed error of that date, days; positive if the forecast is too late
    dated: int  # number of districts whose loss is dated to a day or a range of days, or was reported by a day
    # number of dated districts lost by 7 July in fewer than half of the campaigns; they are scored as lost on 8 July
    not_lost: int
    brier: tuple[Score, ...]  # one score per day of LOST_BY
    auc: tuple[Score, ...]
    known: tuple[int, ...]  # number of districts known to be lost or not lost by the end of each of these days
    lost: tuple[int, ...]  # number of districts known to be lost by the end of each of these days


def is_forecast(target: Target, forecast: Forecast) -> bool:
    """Return whether a forecast contains every outcome of a target and did not use data that reveal its figure."""
    names = [part for part, _ in target.parts] or [target.outcome]
    knows = forecast.from_day > DAY_0 and (target.date < forecast.from_day or target.event == KNOWN_EVENT)
    return not knows and all(name in forecast.outcomes for name in names)


def measure(target: Target, forecast: Forecast) -> Measured | None:
    """Compare a target with a forecast.

    Args:
        target: A reported figure, or the split of soldiers over posts.
        forecast: Campaigns, with or without weights.

    Returns:
        Intervals and score; None if the forecast lacks an outcome of the target, or was made from data that reveal its
        figure.
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
    """Convert numbers from the unit of an outcome to the scale of a target.

    Args:
        numbers: Numbers in the unit of the outcome; infinite ones are returned unchanged.
        target: The target, whose scale is linear or log.

    Returns:
        On a linear scale, the same numbers; on a log scale, log(1 + number), with negative numbers taken as 0.
    """
    return np.where(np.isinf(numbers), numbers, np.log1p(np.maximum(numbers, 0))) if target.scale == "log" else numbers


class Shares(NamedTuple):
    """The reported and simulated share of soldiers at each post of a split."""

    reported: Floats  # (posts) reported share of the soldiers
    found: Floats  # (posts, campaigns) simulated share of the soldiers
    weights: Floats | None  # (campaigns) weights; None means equal weights


def shares_of(target: Target, forecast: Forecast) -> Shares:
    """Return the reported split, and the split of each campaign with half a group (`target.sd` / 2 men) added per post.

    Because of this addition, a post that nobody used in a campaign counts as unlikely rather than impossible. A
    campaign in which nobody used any of the posts is excluded, since the added men alone would give it an even split.
    """
    reported = np.array([soldiers for _, soldiers in target.parts])
    found = np.nan_to_num(np.array([forecast.outcomes[name] for name, _ in target.parts]))
    some = found.sum(axis=0) > 0
    men = found[:, some] + target.sd / 2
    weights = None if forecast.weights is None else forecast.weights[some]
    return Shares(reported / reported.sum(), men / men.sum(axis=0), weights)


def measure_split(target: Target, forecast: Forecast) -> Measured:
    """Score a split of soldiers over posts.

    The intervals are those of the mean distance between the splits of the campaigns. The reported split is inside if
    its mean distance from the simulated splits is at most the 90 % quantile of these distances. The observation error
    is multinomial.
    """
    reported, shares, weights = shares_of(target, forecast)
    missing = forecast.campaigns - shares.shape[1]
    if not shares.size:
        return Measured(NO_INTERVALS, False, False, UNKNOWN, missing)
    groups = round(float(sum(soldiers for _, soldiers in target.parts)) / target.sd)
    score = crps_of_parts(shares - reported[:, None], weights)
    return Measured(
        intervals_of(distances_of_splits(shares, weights), weights),
        is_within_spread(shares, reported, weights),
        is_within_spread(shares_with_error(shares, groups), reported, weights),
        Score(score.value / 2, score.error / 2),
        missing,
    )


def is_within_spread(shares: Floats, reported: Floats, weights: Floats | None) -> bool:
    """Return whether the reported split is as close to the campaigns as they are to each other.

    Its mean distance from the campaigns must not exceed the 90 % quantile of their mean distances from each other.
    """
    apart = distances_of_splits(shares, weights)
    farthest = np.quantile(apart, 0.9) if weights is None else weighted_quantiles(apart, weights, (0.9,))[0]
    return bool(distance_to_split(shares, reported, weights) <= farthest + 1e-12)


def reported_distance(target: Target, forecast: Forecast) -> float:
    """Return the mean distance of the reported split from the campaigns; nan if no campaign has a split."""
    reported, shares, weights = shares_of(target, forecast)
    return distance_to_split(shares, reported, weights) if shares.size else math.nan


def parts_of(target: Target, forecast: Forecast) -> list[Part]:
    """Return, for each post of a split, the reported share and the intervals of the simulated shares.

    The list is empty if no campaign has a split.
    """
    reported, shares, weights = shares_of(target, forecast)
    if not shares.size:
        return []
    every = [intervals_of(row, weights) for row in shares]
    return [Part(name, share, found, found.hold(share, share))
            for (name, _), share, found in zip(target.parts, reported.tolist(), every, strict=True)]  # fmt: skip


def days_of(dates: NDArray[np.datetime64]) -> Integers:
    """Convert dates to days of the campaign; a missing date becomes the day after the end of the record."""
    return np.where(np.isnat(dates), DAYS + 1, (dates - np.datetime64(DAY_0)).astype(np.int64))


def was_lost(targets: DistrictTargets, evening: date) -> Floats:
    """Return which districts are known to have been lost by the end of a day.

    Args:
        targets: The range of days on which each district may have been lost.
        evening: The day.

    Returns:
        (districts) 1 if the district must have been lost by then, 0 if it cannot have been, nan if it is not known.
    """
    day = np.datetime64(evening)
    must, cannot = targets.latest <= day, targets.earliest > day
    return np.where(must, 1.0, np.where(cannot, 0.0, np.nan))


def measure_districts(targets: DistrictTargets, forecast: Forecast) -> Districts | None:
    """Score dates and probabilities of falls over districts, with bootstrap errors.

    Args:
        targets: The range of days on which each district may have been lost.
        forecast: Campaigns with the days on which districts were lost.

    Returns:
        The scores, or None if the days are not stored. If the forecast used the falls up to 22 June, the scores of
        dates and of 22 June are nan.
    """
    if forecast.lost_on is None:
        return None
    chances = lost_by(forecast.lost_on[:, targets.district])
    mean, resamples = chances.mean(axis=0), resampled(chances)
    dated = np.isin(targets.known, DATED)
    bounds = days_of(targets.earliest)[dated], days_of(targets.latest)[dated]
    median = median_days(mean[:, dated])
    errors = outside(median, *bounds)
    spread = outside(median_days(resamples[:, :, dated]), *bounds)
    knows = forecast.from_day > DAY_0
    scores = [score_day(targets, evening, mean, resamples, knows) for evening in LOST_BY]
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


def score_day(
    targets: DistrictTargets, evening: date, mean: Floats, resamples: Floats, knows: bool
) -> tuple[Score, Score]:
    """Return the Brier score and the AUC of the probabilities that districts are lost by the end of a day.

    Only districts that are known to have been lost or held by then are scored. Both scores are nan if the forecast used
    the falls up to that day.
    """
    if knows and evening <= KNOWN_UNTIL:
        return UNKNOWN, UNKNOWN
    truth = was_lost(targets, evening)
    known, day = ~np.isnan(truth), (evening - DAY_0).days
    chance, spread = mean[day, known], resamples[:, day, known]
    return (
        with_error(brier(chance, truth[known]), brier(spread, truth[known])),
        with_error(area_under_curve(chance, truth[known]), area_under_curve(spread, truth[known])),
    )


def share_lost_by(targets: DistrictTargets, forecast: Forecast, evening: date) -> Floats:
    """Return the share of campaigns in which each district is lost by the end of a day; nan if unknown."""
    if forecast.lost_on is None:
        return np.full(targets.district.size, math.nan)
    return (forecast.lost_on[:, targets.district] <= (evening - DAY_0).days).mean(axis=0)


class Tally(NamedTuple):
    """Numbers of targets on which Panj scores better than another forecast, scores worse, or is too close to call.

    Two scores differ if the difference exceeds 1.96 standard errors. The Monte Carlo errors of the two are treated as
    independent, which is conservative for forecasts with common seeds.
    """

    better: int
    worse: int
    cannot_tell: int


def tally(ours: Sequence[Measured], theirs: Sequence[Measured | None]) -> Tally:
    """Count the targets on which Panj scores better or worse than another forecast.

    Args:
        ours: Results of Panj, one per target.
        theirs: Results of the other forecast, one per target; None where it does not cover the target.
    """
    signs = [sign_of(our.score, their.score) for our, their in zip(ours, theirs, strict=True) if their is not None]
    return Tally(signs.count(-1), signs.count(1), signs.count(0))


def sign_of(ours: Score, theirs: Score) -> int:
    """Return -1 if our score is lower, 1 if theirs is lower, and 0 if the Monte Carlo errors are too large."""
    gap, doubt = ours.value - theirs.value, 1.96 * math.hypot(ours.error, theirs.error)
    return 0 if math.isnan(gap) or math.isnan(doubt) or abs(gap) <= max(doubt, 1e-12) else int(math.copysign(1, gap))


def weights_or_ones(weights: Floats | None, count: int) -> Floats:
    """Return the weights of campaigns.

    Args:
        weights: One weight per campaign; None means equal weights.
        count: Number of campaigns.

    Returns:
        The given weights, or ones if there are none.
    """
    return np.ones(count) if weights is None else weights


def gaps(members: Floats, weights: Floats | None = None) -> Floats:
    """Return, for each member, the weighted sum of its distances to all others, computed in O(n log n)."""
    order = np.argsort(members, kind="stable")
    ordered, heavy = members[order], weights_or_ones(weights, members.size)[order]
    below = np.cumsum(heavy) - heavy
    above = heavy.sum() - below - heavy
    own = heavy * ordered
    found = np.empty(ordered.size)
    found[order] = ordered * (below - above) + own.sum() - 2 * (np.cumsum(own) - own) - own
    return found


def outside(numbers: Floats | Integers, low: float | Floats | Integers, high: float | Floats | Integers) -> Floats:
    """Return the signed distance of each number from a range: negative below it, 0 inside it, positive above it.

    The CRPS of these distances against 0 is the threshold-weighted CRPS with no weight inside the range.

    Args:
        numbers: Numbers on the scale of a target, or days.
        low: Lower end of the range; -inf if it has none.
        high: Upper end of the range; inf if it has none.
    """
    return np.where(numbers < low, numbers - low, np.where(numbers > high, numbers - high, 0.0))


def crps(members: Floats, weights: Floats | None = None) -> Score:
    """Return the CRPS of an ensemble against 0: mean distance from 0 minus half the mean distance between members.

    Args:
        members: Signed distances from the reported figure, on the scale of the target.
        weights: One weight per member; None means equal weights.

    Returns:
        The fair score, which is 0 if every member equals the reported figure, and can be negative for a small ensemble.
        The score of a single member is its distance from 0. The Monte Carlo error is nan for fewer than three members.
    """
    return crps_of_parts(members[None, :], weights)


def crps_of_parts(parts: Floats, weights: Floats | None = None) -> Score:
    """Return the sum of the CRPS of several numbers, each against 0.

    For shares of a whole, half of this sum is an energy score: it measures the share that is misplaced.

    Args:
        parts: (numbers, campaigns) Signed distances from the reported numbers.
        weights: One weight per campaign; None means equal weights.

    Returns:
        The score; nan if there is no campaign or a distance is nan.
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
    value = 0.0 if abs(value) < 1e-12 else value  # remove rounding errors
    if count == 2:
        return Score(value, math.nan)
    rest = whole - heavy  # remaining weight after each member is excluded in turn
    pairs = 2 * (rest**2 - (squares - heavy**2))
    without = (near.sum() - near) / rest - (apart.sum() - 2 * apart) / pairs
    return Score(value, float(np.sqrt((count - 1) * without.var())))


def interval_with_error_holds(
    members: Floats, low: float, high: float, sd: float, weights: Floats | None = None
) -> bool:  # fmt: skip
    """Return whether the 90 % interval overlaps a range after normal error is added to the campaigns.

    Args:
        members: One number per campaign, on the scale of the target.
        low: Lower end of the reported range.
        high: Upper end of the reported range.
        sd: Standard deviation of the observation error.
        weights: One weight per campaign; None means equal weights.
    """
    if sd > 0:
        below, above = norm.cdf((high - members) / sd), norm.cdf((members - low) / sd)
    else:
        below, above = members <= high, members >= low
    return all(mean_of(one.astype(np.float64), weights) >= CUTS[0] for one in (below, above))


def mean_of(values: Floats, weights: Floats | None = None) -> float:
    """Return the weighted mean over campaigns."""
    heavy = weights_or_ones(weights, values.size)
    return float((heavy * values).sum() / heavy.sum())


def distances_of_splits(shares: Floats, weights: Floats | None = None) -> Floats:
    """Return, for each campaign, the mean distance of its split from the splits of the other campaigns.

    The distance between two splits is the share of the whole that would have to be moved to make them equal.

    Args:
        shares: (posts, campaigns) Share of the soldiers at each post.
        weights: One weight per campaign; None means equal weights.
    """
    heavy = weights_or_ones(weights, shares.shape[1])
    others = heavy.sum() - heavy if heavy.size > 1 else np.ones(1)
    return sum((gaps(row, weights) for row in shares), np.zeros(heavy.size)) / 2 / others


def distance_to_split(shares: Floats, reported: Floats, weights: Floats | None = None) -> float:
    """Return the mean distance of the reported split from the splits of the campaigns."""
    return mean_of(np.abs(shares - reported[:, None]).sum(axis=0), weights) / 2


def shares_with_error(shares: Floats, groups: int) -> Floats:
    """Draw one split per campaign with multinomial observation error, for `groups` independent groups."""
    rng = np.random.default_rng(SEED_OF_RESAMPLING)
    return rng.multinomial(groups, np.ascontiguousarray(shares.T)).T / groups


def brier(chance: Floats, is_lost: Floats) -> Floats:
    """Return the Brier score, the mean squared error of probabilities over districts.

    Args:
        chance: (..., districts) Forecast probability that the district is lost.
        is_lost: (districts) 1 if the district was lost, otherwise 0.

    Returns:
        (...) The scores. 0 is best; always forecasting 0.5 gives 0.25.
    """
    return np.mean((chance - is_lost) ** 2, axis=-1)


def area_under_curve(chance: Floats, is_lost: Floats) -> Floats:
    """Return the AUC, the probability that a lost district had a higher forecast probability than one not lost.

    Ties count as half; 0.5 means no skill. The AUC is nan if all districts were lost, or none.
    """
    lost = int(is_lost.sum())
    kept = is_lost.size - lost
    if not lost or not kept:
        return np.full(chance.shape[:-1], np.nan)
    ranks = rankdata(chance, axis=-1)[..., is_lost.astype(np.bool_)].sum(axis=-1)
    return (ranks - lost * (lost + 1) / 2) / (lost * kept)


def lost_by(lost_on: Integers) -> Floats:
    """Return 1 for each district that is lost in a campaign by the end of a day of the record, and otherwise 0.

    Args:
        lost_on: (campaigns, districts) Day of the first loss.

    Returns:
        (campaigns, DAYS + 1, districts)
    """
    return (lost_on[:, None, :] <= np.arange(DAYS + 1)[None, :, None]).astype(np.float64)


def median_days(chance: Floats) -> Integers:
    """Return the first day on which a district has been lost in at least half of the campaigns.

    Args:
        chance: (..., days, districts) Share of campaigns in which the district is lost by the end of the day.

    Returns:
        (..., districts) The day, or one more than the last day if the district is lost in fewer than half of the
        campaigns.
    """
    reached = chance >= 0.5 - 1e-9
    return np.where(reached.any(axis=-2), reached.argmax(axis=-2), chance.shape[-2])


def resampled(values: Floats) -> Floats:
    """Return the means over campaigns (the first axis) of bootstrap resamples, drawn with replacement."""
    count = values.shape[0]
    rng = np.random.default_rng(SEED_OF_RESAMPLING)
    weights = rng.multinomial(count, np.full(count, 1 / count), RESAMPLES) / count
    return (weights @ values.reshape(count, -1)).reshape(RESAMPLES, *values.shape[1:])


def with_error(value: Floats | float, resamples: Floats) -> Score:
    """Return a score whose error is the standard deviation of its resamples; nan if any resample is not finite."""
    spread = float(np.std(resamples, ddof=1)) if np.isfinite(resamples).all() else math.nan
    return Score(float(value), spread)
