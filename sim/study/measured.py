"""Each target beside each forecast, and the districts of the north-east beside the days on which they can have fallen.

Reads   targets, forecasts, days of falls (which score here, and found nothing).
Gives   `Measured` a target and forecast, `Districts` a forecast, `Part` a post of the split.
Assumed The number reported, or the range that its source allows, is taken as it stands: no interval is widened by the
        error of observation. `inside_with_error` says beside it whether that error would cover the rest.
"""

import math
from collections.abc import Sequence
from datetime import date
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sim.study import scoring
from sim.study.forecasts import Forecast
from sim.study.naive import DAY_0, DAYS, KNOWN_UNTIL
from sim.study.scoring import UNKNOWN, Score
from sim.targets import DistrictTargets, Known, Target, bounds_of

LOST_BY = (KNOWN_UNTIL, date(2021, 7, 5))  # evenings for which districts are scored
TOLD = "takhar_kunduz_june"  # the event that whoever has the map of 22 June has been told
Floats = NDArray[np.float64]


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
    cuts = np.quantile(members, scoring.CUTS)
    on_scale, (low_there, high_there) = scaled(members, target), scaled(np.array([low, high]), target)
    return Measured(
        tuple(cuts.tolist()),
        scoring.interval_holds(cuts, low, high),
        scoring.interval_with_error_holds(on_scale, low_there, high_there, target.sd),
        scoring.crps(scoring.outside(on_scale, low_there, high_there)),
        every.size - members.size,
    )


def scaled(numbers: Floats, target: Target) -> Floats:
    """Numbers on the scale of the target; no bound stays no bound."""
    return np.where(np.isinf(numbers), numbers, np.log1p(np.maximum(numbers, 0))) if target.scale == "log" else numbers


def shares_of(target: Target, forecast: Forecast) -> tuple[Floats, Floats]:
    """The reported shares and those of campaigns (posts x campaigns), with half a group of men added to each post.

    As in `sim.targets.distance_of_split`: a post that a campaign left empty is unlikely, not impossible. A campaign
    with nobody at all these posts has no split and is left out: an even one would flatter it.
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
    distances = scoring.distances_of_splits(shares)
    groups = round(float(sum(soldiers for _, soldiers in target.parts)) / target.sd)
    erring = scoring.shares_with_error(shares, groups)
    score = scoring.crps_of_parts(shares - reported[:, None])
    return Measured(
        tuple(np.quantile(distances, scoring.CUTS).tolist()),
        is_no_farther(shares, reported),
        is_no_farther(erring, reported),
        Score(score.value / 2, score.error / 2),
        missing,
    )


def is_no_farther(shares: Floats, reported: Floats) -> bool:
    """Whether a split is no farther from the campaigns than 90 % of them are from each other."""
    farthest = np.quantile(scoring.distances_of_splits(shares), 0.9)
    return bool(scoring.distance_to_split(shares, reported) <= farthest + 1e-12)


def reported_distance(target: Target, forecast: Forecast) -> float:
    """How far the reported split lies from those of the campaigns on average."""
    reported, shares = shares_of(target, forecast)
    return scoring.distance_to_split(shares, reported) if shares.size else math.nan


def parts_of(target: Target, forecast: Forecast) -> list[Part]:
    """Each post of the split: reported share and shares of campaigns."""
    reported, shares = shares_of(target, forecast)
    if not shares.size:
        return []
    cuts = np.quantile(shares, scoring.CUTS, axis=1).T
    return [
        Part(name, float(share), tuple(row.tolist()), scoring.interval_holds(row, share, share))
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
    chances = scoring.lost_by(forecast.lost_on[:, targets.district], DAYS)
    mean, resamples = chances.mean(axis=0), scoring.resampled(chances)
    dated = np.isin(targets.known, (Known.DAY, Known.WINDOW, Known.BY))
    bounds = days_of(targets.earliest)[dated], days_of(targets.latest)[dated]
    median = scoring.median_days(mean[:, dated])
    errors = scoring.error_of_days(median, *bounds)
    spread = scoring.error_of_days(scoring.median_days(resamples[:, :, dated]), *bounds)
    told = forecast.from_day > DAY_0
    scores = [score_evening(targets, evening, mean, resamples, told) for evening in LOST_BY]
    truths = [was_lost(targets, evening) for evening in LOST_BY]
    return Districts(
        UNKNOWN if told else scoring.with_error(np.abs(errors).mean(), np.abs(spread).mean(axis=1)),
        UNKNOWN if told else scoring.with_error(errors.mean(), spread.mean(axis=1)),
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
        scoring.with_error(scoring.brier(chance, truth[known]), scoring.brier(spread, truth[known])),
        scoring.with_error(
            scoring.area_under_curve(chance, truth[known]), scoring.area_under_curve(spread, truth[known])
        ),
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
