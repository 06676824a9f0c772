"""One target beside campaigns that count by their weights, as `sim.study.measured` has it for equal ones.

Source  as `sim.study.scoring`. The fair form of the CRPS for weights divides the mean distance between members by
        1 - the sum of squared weights, which for equal weights is what Ferro 2014 has.
Assumed As in `sim.study.measured`; quantiles are the lowest members up to which so much of the weight lies.
"""

import math

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm

from sim.study import scoring
from sim.study.forecasts import Forecast
from sim.study.measured import Measured, is_forecast, scaled, shares_of
from sim.study.posterior import weighted_quantiles
from sim.study.scoring import UNKNOWN, Score
from sim.targets import Target, bounds_of

Floats = NDArray[np.float64]


def gaps(members: Floats, weights: Floats) -> Floats:
    """The mean distance from each member to all members, itself included; weights add up to one. n log n."""
    order = np.argsort(members, kind="stable")
    ordered, heavy = members[order], weights[order]
    below, mass = np.cumsum(heavy * ordered) - heavy * ordered, np.cumsum(heavy) - heavy
    above, rest = (heavy * ordered).sum() - below - heavy * ordered, 1 - mass - heavy
    found = np.empty(ordered.size)
    found[order] = ordered * (mass - rest) - below + above
    return found


def crps(parts: Floats, weights: Floats) -> Score:
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
    apart = sum((gaps(row, weights) for row in parts), np.zeros(count))
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
        return measure_split(target, forecast, weights)
    every = forecast.outcomes[target.outcome]
    there = ~np.isnan(every)
    if not there.any():
        return Measured((math.nan,) * 5, False, False, UNKNOWN, every.size)
    members, heavy = every[there], weights[there] / weights[there].sum()
    low, high = bounds_of(target)
    cuts = weighted_quantiles(members, heavy, scoring.CUTS)
    on_scale, (low_there, high_there) = scaled(members, target), scaled(np.array([low, high]), target)
    return Measured(
        tuple(cuts.tolist()),
        scoring.interval_holds(cuts, low, high),
        with_error_holds(on_scale, heavy, low_there, high_there, target.sd),
        crps(scoring.outside(on_scale, low_there, high_there)[None, :], heavy),
        int((~there).sum()),
    )


def with_error_holds(members: Floats, weights: Floats, low: float, high: float, sd: float) -> bool:
    """Whether the 90 % interval of what would be reported of the campaigns holds some of the range."""
    if sd > 0:
        below, above = weights @ norm.cdf((high - members) / sd), weights @ norm.cdf((members - low) / sd)
    else:
        below, above = weights @ (members <= high), weights @ (members >= low)
    return bool(below >= scoring.CUTS[0] and above >= scoring.CUTS[0])


def measure_split(target: Target, forecast: Forecast, weights: Floats) -> Measured:
    """The split, by weighted distances of campaigns from each other; the error of reports is not added to it."""
    men = np.nan_to_num(np.array([forecast.outcomes[name] for name, _ in target.parts])).sum(axis=0)
    reported, shares = shares_of(target, forecast)
    missing = int((men == 0).sum())
    if shares.shape[1] < 2:
        return Measured((math.nan,) * 5, False, False, UNKNOWN, missing)
    heavy = weights[men > 0] / weights[men > 0].sum()
    apart = sum((gaps(row, heavy) for row in shares), np.zeros(heavy.size)) / 2 / (1 - heavy)
    cuts = weighted_quantiles(apart, heavy, scoring.CUTS)
    farthest = float(np.abs(shares - reported[:, None]).sum(axis=0) @ heavy / 2)
    score = crps(shares - reported[:, None], heavy)
    inside = farthest <= float(weighted_quantiles(apart, heavy, (0.9,))[0]) + 1e-12
    return Measured(tuple(cuts.tolist()), inside, inside, Score(score.value / 2, score.error / 2), missing)
