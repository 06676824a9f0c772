"""Each target beside each forecast, and the districts of the north-east beside the days on which they can have fallen.

Reads   targets, forecasts, days of falls (which score here, and found nothing).
Gives   `Measured` a target and forecast, `Districts` a forecast, `Part` a post of the split.
Assumed The number reported, or the range that its source allows, is taken as it stands: no interval is widened by the
        error of observation. `inside_with_error` says beside it whether that error would cover the rest.

How far a forecast lies from what was reported: CRPS, intervals, Brier score, AUC and error of dates, from arrays.

A *forecast* is an ensemble of campaigns, each as likely as the others; a score is better when it is lower, but for AUC.
Nothing here reads a file or runs a campaign, and a score is always of numbers on the scale of their target.

Source  CRPS: Hersbach 2000; its form for few members (*fair*): Ferro 2014. Against a range: the threshold-weighted
        CRPS, Gneiting and Ranjan 2011, with no weight inside the range. Shares: the energy score, Gneiting and Raftery
        2007. Brier 1950. AUC: Hanley and McNeil 1982. Monte Carlo error: jackknife of a U-statistic, Arvesen 1969, and
        bootstrap over campaigns, Efron and Tibshirani 1993.
Assumed Campaigns are independent of each other. A Monte Carlo error says how far the number of campaigns limits a
        score, and not whether the model is right.

One target beside campaigns that count by their weights, as `sim.score.measure` has it for equal ones.

Source  as `sim.score.measure`. The fair form of the CRPS for weights divides the mean distance between members by
        1 - the sum of squared weights, which for equal weights is what Ferro 2014 has.
Assumed As in `sim.score.measure`; quantiles are the lowest members up to which so much of the weight lies.
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

LOST_BY: tuple[date, ...] = (KNOWN_UNTIL, date(2021, 7, 5))  # evenings for which districts are scored
TOLD = "takhar_kunduz_june"  # the event that whoever has the map of 22 June has been told
Floats = NDArray[np.float64]


class Score(NamedTuple):
    """A score and its Monte Carlo error: one standard error; nan where nothing can be said."""

    value: float
    error: float


class Measured(NamedTuple):
    """One target beside one forecast; in the unit of the outcome, but the score on the scale of the target."""

    cuts: tuple[float, ...]  # 5, 25, 50, 75 and 95 % of campaigns
    inside: bool  # the 90 % interval
    inside_with_error: bool  # the 90 % interval of what would be reported of the campaigns
    score: Score
    missing: int  # campaigns without the outcome, which are left out


class Part(NamedTuple):
    """The share of one post in the split."""

    outcome: str
    reported: float
    cuts: tuple[float, ...]
    inside: bool


class Districts(NamedTuple):
    """How one forecast did over the districts of the north-east and of the frontier."""

    absolute: Score  # mean error of the median date of fall, days
    late: Score  # mean signed error: too late is positive
    dated: int  # districts with a day, a window or a last day
    not_lost: int  # of them: lost by fewer than half of the campaigns by 7 July, counted as lost on the day after
    brier: tuple[Score, ...]  # a score an evening of LOST_BY
    auc: tuple[Score, ...]
    known: tuple[int, ...]  # districts of which is known whether they were lost by that evening
    lost: tuple[int, ...]  # of them: lost


def is_forecast(target: Target, forecast: Forecast) -> bool:
    """Whether a forecast says anything of a target: it has the outcomes, and was not told the answer."""
    names = [part for part, _ in target.parts] or [target.outcome]
    told = forecast.from_day > DAY_0 and (target.date < forecast.from_day or target.event == TOLD)
    return not told and all(name in forecast.outcomes for name in names)


def measure(target: Target, forecast: Forecast) -> Measured | None:
    """A target beside a forecast; None where the forecast says nothing of it."""
    if not is_forecast(target, forecast):
        return None
    if target.parts:
        return measure_split(target, forecast)
    every = forecast.outcomes[target.outcome]
    members = every[~np.isnan(every)]
    if not members.size:
        return Measured((math.nan,) * 5, False, False, UNKNOWN, every.size)
    low, high = bounds_of(target)
    cuts = np.quantile(members, CUTS)
    on_scale, (low_there, high_there) = scaled(members, target), scaled(np.array([low, high]), target)
    return Measured(
        tuple(cuts.tolist()),
        interval_holds(cuts, low, high),
        interval_with_error_holds(on_scale, low_there, high_there, target.sd),
        crps(outside(on_scale, low_there, high_there)),
        every.size - members.size,
    )


def scaled(numbers: Floats, target: Target) -> Floats:
    """Numbers on the scale of the target; no bound stays no bound."""
    return np.where(np.isinf(numbers), numbers, np.log1p(np.maximum(numbers, 0))) if target.scale == "log" else numbers


def shares_of(target: Target, forecast: Forecast) -> tuple[Floats, Floats]:
    """The reported shares and those of campaigns (posts x campaigns), with half a group of men added to each post.

    As in `sim.score.targets.distance_of_split`: a post that a campaign left empty is unlikely, not impossible.
    A campaign with nobody at all these posts has no split and is left out: an even one would flatter it.
    """
    reported = np.array([soldiers for _, soldiers in target.parts])
    found = np.nan_to_num(np.array([forecast.outcomes[name] for name, _ in target.parts]))
    men = found[:, found.sum(axis=0) > 0] + target.sd / 2
    return reported / reported.sum(), men / men.sum(axis=0)


def measure_split(target: Target, forecast: Forecast) -> Measured:
    """The split: its numbers are mean distances of campaigns from each other, beside which the reported one stands.

    Inside is when it is no farther from the campaigns than 90 % of them are; its error is multinomial.
    """
    reported, shares = shares_of(target, forecast)
    missing = forecast.campaigns - shares.shape[1]
    if not shares.size:
        return Measured((math.nan,) * 5, False, False, UNKNOWN, missing)
    distances = distances_of_splits(shares)
    groups = round(float(sum(soldiers for _, soldiers in target.parts)) / target.sd)
    erring = shares_with_error(shares, groups)
    score = crps_of_parts(shares - reported[:, None])
    return Measured(
        tuple(np.quantile(distances, CUTS).tolist()),
        is_no_farther(shares, reported),
        is_no_farther(erring, reported),
        Score(score.value / 2, score.error / 2),
        missing,
    )


def is_no_farther(shares: Floats, reported: Floats) -> bool:
    """Whether a split is no farther from the campaigns than 90 % of them are from each other."""
    farthest = np.quantile(distances_of_splits(shares), 0.9)
    return bool(distance_to_split(shares, reported) <= farthest + 1e-12)


def reported_distance(target: Target, forecast: Forecast) -> float:
    """How far the reported split lies from those of the campaigns on average."""
    reported, shares = shares_of(target, forecast)
    return distance_to_split(shares, reported) if shares.size else math.nan


def parts_of(target: Target, forecast: Forecast) -> list[Part]:
    """Each post of the split: reported share and shares of campaigns."""
    reported, shares = shares_of(target, forecast)
    if not shares.size:
        return []
    cuts = np.quantile(shares, CUTS, axis=1).T
    return [
        Part(name, float(share), tuple(row.tolist()), interval_holds(row, share, share))
        for (name, _), share, row in zip(target.parts, reported, cuts, strict=True)
    ]


def days_of(dates: NDArray[np.datetime64]) -> NDArray[np.int64]:
    """Numbers of days of the campaign; the day after the line where there is no date."""
    known = ~np.isnat(dates)
    days = np.full(dates.size, DAYS + 1, np.int64)
    days[known] = (dates[known] - np.datetime64(DAY_0)).astype(np.int64)
    return days


def was_lost(targets: DistrictTargets, evening: date) -> Floats:
    """1 where a district must have been lost by the evening, 0 where it cannot have been, nan where it may."""
    day = np.datetime64(evening)
    must, cannot = targets.latest <= day, targets.earliest > day
    return np.where(must, 1.0, np.where(cannot, 0.0, np.nan))


def measure_districts(targets: DistrictTargets, forecast: Forecast) -> Districts | None:
    """Dates and chances over districts, with errors from resampled campaigns; None without losses by campaign.

    Whoever was told who had fallen by an evening has no score for it.
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
    told = forecast.from_day > DAY_0
    scores = [score_evening(targets, evening, mean, resamples, told) for evening in LOST_BY]
    truths = [was_lost(targets, evening) for evening in LOST_BY]
    return Districts(
        UNKNOWN if told else with_error(np.abs(errors).mean(), np.abs(spread).mean(axis=1)),
        UNKNOWN if told else with_error(errors.mean(), spread.mean(axis=1)),
        int(dated.sum()),
        int((median > DAYS).sum()),
        tuple(score[0] for score in scores),
        tuple(score[1] for score in scores),
        tuple(int((~np.isnan(truth)).sum()) for truth in truths),
        tuple(int(np.nansum(truth)) for truth in truths),
    )


def score_evening(
    targets: DistrictTargets, evening: date, mean: Floats, resamples: Floats, told: bool
) -> tuple[Score, Score]:
    """Brier score and AUC of "lost by this evening", over districts of which that is known."""
    if told and evening <= KNOWN_UNTIL:
        return UNKNOWN, UNKNOWN
    truth = was_lost(targets, evening)
    known, day = ~np.isnan(truth), (evening - DAY_0).days
    chance, spread = mean[day, known], resamples[:, day, known]
    return (
        with_error(brier(chance, truth[known]), brier(spread, truth[known])),
        with_error(area_under_curve(chance, truth[known]), area_under_curve(spread, truth[known])),
    )


def chances_by(targets: DistrictTargets, forecast: Forecast, evening: date) -> Floats:
    """The share of campaigns that have lost each district by the evening; nan where losses were not kept."""
    if forecast.lost_on is None:
        return np.full(targets.district.size, math.nan)
    return (forecast.lost_on[:, targets.district] <= (evening - DAY_0).days).mean(axis=0)


class Tally(NamedTuple):
    """Panj against another forecast: where the difference of scores is more than 1.96 Monte Carlo errors.

    The errors are taken as independent, which with common seeds is cautious.
    """

    better: int
    worse: int
    cannot_tell: int


def tally(ours: Sequence[Measured], theirs: Sequence[Measured | None]) -> Tally:
    """Targets on which one forecast has the lower score."""
    signs = [sign_of(our.score, their.score) for our, their in zip(ours, theirs, strict=True) if their is not None]
    return Tally(signs.count(-1), signs.count(1), signs.count(0))


def sign_of(ours: Score, theirs: Score) -> int:
    """-1 where ours is lower, 1 where theirs is, 0 where the number of campaigns does not tell."""
    gap, doubt = ours.value - theirs.value, 1.96 * math.hypot(ours.error, theirs.error)
    return 0 if math.isnan(gap) or math.isnan(doubt) or abs(gap) <= max(doubt, 1e-12) else int(math.copysign(1, gap))


CUTS = (0.05, 0.25, 0.5, 0.75, 0.95)  # of the 90 % interval, the 50 % interval and the median
RESAMPLES = 400  # for a standard error to one part in 28
LUCK_OF_RESAMPLING = 20210705  # fixed, so that the same table gives the same error to the last digit
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


def weighted_gaps(members: Floats, weights: Floats) -> Floats:
    """The mean distance from each member to all members, itself included; weights add up to one. n log n."""
    order = np.argsort(members, kind="stable")
    ordered, heavy = members[order], weights[order]
    below, mass = np.cumsum(heavy * ordered) - heavy * ordered, np.cumsum(heavy) - heavy
    above, rest = (heavy * ordered).sum() - below - heavy * ordered, 1 - mass - heavy
    found = np.empty(ordered.size)
    found[order] = ordered * (mass - rest) - below + above
    return found


def weighted_crps(parts: Floats, weights: Floats) -> Score:
    """The sum of the CRPS of several numbers against 0: a row a number, a column a campaign; error by jackknife.

    With equal weights it is `scoring.crps_of_parts`, to the last digits of arithmetic.
    """
    count = parts.shape[1]
    if count == 0 or np.isnan(parts).any():
        return UNKNOWN
    weights = weights / weights.sum()
    away = np.abs(parts).sum(axis=0)
    if count == 1:
        return Score(float(away[0]), math.nan)
    apart = sum((weighted_gaps(row, weights) for row in parts), np.zeros(count))
    total, pairs, squares = float(weights @ away), float(weights @ apart), float((weights**2).sum())
    value = total - pairs / (1 - squares) / 2
    value = 0.0 if abs(value) < 1e-12 else value  # the last digits of arithmetic
    if count == 2:
        return Score(value, math.nan)
    rest = 1 - weights  # the weight of the others when each member is left out in turn
    lonely = rest**2 - (squares - weights**2)
    without = (total - weights * away) / rest - (pairs - 2 * weights * apart) / lonely / 2
    return Score(value, float(np.sqrt((count - 1) * without.var())))


def measure_weighted(target: Target, forecast: Forecast, weights: Floats) -> Measured | None:
    """A target beside weighted campaigns; None where the forecast says nothing of it."""
    if not is_forecast(target, forecast):
        return None
    if target.parts:
        return measure_weighted_split(target, forecast, weights)
    every = forecast.outcomes[target.outcome]
    there = ~np.isnan(every)
    if not there.any():
        return Measured((math.nan,) * 5, False, False, UNKNOWN, every.size)
    members, heavy = every[there], weights[there] / weights[there].sum()
    low, high = bounds_of(target)
    cuts = weighted_quantiles(members, heavy, CUTS)
    on_scale, (low_there, high_there) = scaled(members, target), scaled(np.array([low, high]), target)
    return Measured(
        tuple(cuts.tolist()),
        interval_holds(cuts, low, high),
        with_error_holds(on_scale, heavy, low_there, high_there, target.sd),
        weighted_crps(outside(on_scale, low_there, high_there)[None, :], heavy),
        int((~there).sum()),
    )


def with_error_holds(members: Floats, weights: Floats, low: float, high: float, sd: float) -> bool:
    """Whether the 90 % interval of what would be reported of the campaigns holds some of the range."""
    if sd > 0:
        below, above = weights @ norm.cdf((high - members) / sd), weights @ norm.cdf((members - low) / sd)
    else:
        below, above = weights @ (members <= high), weights @ (members >= low)
    return bool(below >= CUTS[0] and above >= CUTS[0])


def measure_weighted_split(target: Target, forecast: Forecast, weights: Floats) -> Measured:
    """The split, by weighted distances of campaigns from each other; the error of reports is not added to it."""
    men = np.nan_to_num(np.array([forecast.outcomes[name] for name, _ in target.parts])).sum(axis=0)
    reported, shares = shares_of(target, forecast)
    missing = int((men == 0).sum())
    if shares.shape[1] < 2:
        return Measured((math.nan,) * 5, False, False, UNKNOWN, missing)
    heavy = weights[men > 0] / weights[men > 0].sum()
    apart = sum((weighted_gaps(row, heavy) for row in shares), np.zeros(heavy.size)) / 2 / (1 - heavy)
    cuts = weighted_quantiles(apart, heavy, CUTS)
    farthest = float(np.abs(shares - reported[:, None]).sum(axis=0) @ heavy / 2)
    score = weighted_crps(shares - reported[:, None], heavy)
    inside = farthest <= float(weighted_quantiles(apart, heavy, (0.9,))[0]) + 1e-12
    return Measured(tuple(cuts.tolist()), inside, inside, Score(score.value / 2, score.error / 2), missing)
