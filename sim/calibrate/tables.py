"""The tables of a fit: prior beside posterior a number, the record beside campaigns a target, generations, chains.

Gives   rows for diagnostics.csv, predictive.csv, generations.csv and chains.csv.
Source  Kish 1965 for the effective sample size; the standard error of a weighted mean as for importance sampling
        (Owen 2013, chapter 9).
"""

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from sim.score import measure
from sim.score.forecasts import numbers_of
from sim.score.score import bounds_in_words, say
from sim.score.targets import Target, bounds_of
from sim.settings.draws import Prior
from sim.settings.posterior import Posterior, weighted_quantiles

CUTS = ("low_90", "low_50", "median", "high_50", "high_90")
APART = 3.0  # standard errors: chains that are farther apart do not agree
Floats = NDArray[np.float64]
Row = dict[str, Any]


class Ensemble(NamedTuple):
    """Campaigns with their weights."""

    outcomes: pa.Table
    weights: Floats


def effective_size(weights: Floats) -> float:
    """How many draws of equal weight tell as much: (sum of weights)² / sum of squares (Kish 1965)."""
    return float(weights.sum() ** 2 / (weights**2).sum())


def rows_of_numbers(
    priors: Sequence[Prior], chosen: Sequence[str], believed: Floats, posterior: Posterior, tolerance: float,
    first: Posterior | None = None,
) -> list[Row]:  # fmt: skip
    """A row a number: prior beside posterior, and how much narrower and how far away the posterior is.

    `believed` is what the bank drew, campaigns x numbers; `first` the fit that came before, where there is one.
    """
    weights, even = posterior.weights, np.ones(len(believed))
    whole = {"draws": weights.size, "effective_sample_size": f"{effective_size(weights):.1f}",
             "tolerance": f"{tolerance:.6g}"}  # fmt: skip
    rows = []
    for place, prior in enumerate(priors):
        before, after = believed[:, place], posterior.rows[:, place]
        shares = np.array([prior.share(value) for value in after])
        spread = spread_of(np.array([prior.share(value) for value in before]), even)
        earlier = {} if first is None else cuts_in_words("first", first.rows[:, place], first.weights)
        rows.append({
            "number": prior.key, "chosen": "yes" if prior.key in chosen else "no",
            **cuts_in_words("prior", before, even), **earlier, **cuts_in_words("posterior", after, weights),
            "contraction": f"{1 - spread_of(shares, weights) / spread:.4f}",
            "ks_distance": f"{farthest_from_even(shares, weights):.4f}", **whole,
        })  # fmt: skip
    return rows


def cuts_in_words(what: str, values: Floats, weights: Floats) -> dict[str, str]:
    """Median and the ends of the 50 and 90 % intervals."""
    cuts = weighted_quantiles(values, weights, measure.CUTS)
    return {f"{what}_{name}": f"{cut:.6g}" for name, cut in zip(CUTS, cuts, strict=True)}


def spread_of(values: Floats, weights: Floats) -> float:
    """The weighted variance."""
    mean = float(np.average(values, weights=weights))
    return float(np.average((values - mean) ** 2, weights=weights))


def farthest_from_even(shares: Floats, weights: Floats) -> float:
    """The Kolmogorov-Smirnov distance between weighted shares of the prior and the prior itself, which is even."""
    order = np.argsort(shares, kind="stable")
    until = np.cumsum(weights[order]) / weights.sum()
    before = np.concatenate([[0.0], until[:-1]])
    return float(max(np.abs(until - shares[order]).max(), np.abs(before - shares[order]).max()))


def rows_of_record(targets: Sequence[Target], bank: pa.Table, fitted: Mapping[str, Ensemble]) -> list[Row]:
    """A row a target with one outcome: all campaigns of the bank, each ensemble of the fit, and what was reported.

    `low_90` to `high_90` are of the whole bank, `<name>_...` of an ensemble by its weights; `inside_90` is of the last.
    """
    rows = []
    for target in targets:
        if target.parts or target.outcome not in bank.column_names:
            continue
        every = numbers_of(bank[target.outcome])
        known = ~np.isnan(every)
        after = {name: cuts_of(one, target) for name, one in fitted.items()}
        if any(cuts is None for cuts in after.values()):
            continue
        before = weighted_quantiles(every[known], np.ones(int(known.sum())), measure.CUTS)
        low, high = bounds_of(target)
        inside = {name: "yes" if measure.interval_holds(cuts, low, high) else "no"
                  for name, cuts in after.items() if cuts is not None}  # fmt: skip
        last = list(fitted)[-1]
        rows.append({
            "target": target.target, "event": target.event, "use": target.use, "reported": say(target.value, target),
            **bounds_in_words(target),
            **{name: say(cut, target) for name, cut in zip(CUTS, before, strict=True)},
            **{f"{name}_{cut}": say(value, target) for name, cuts in after.items() if cuts is not None
               for cut, value in zip(CUTS, cuts, strict=True)},
            "prior_inside_90": "yes" if measure.interval_holds(before, low, high) else "no",
            **{f"{name}_inside_90": one for name, one in inside.items()},
            "inside_90": inside[last],
            "error": target.error, "scale": target.scale, "sd": target.sd,
            "missing": missing_in(fitted[last], target), "evidence": " ".join(target.evidence),
        })  # fmt: skip
    return rows


def cuts_of(ensemble: Ensemble, target: Target) -> Floats | None:
    """Quantiles of one outcome by weight; None where no campaign has it."""
    values = numbers_of(ensemble.outcomes[target.outcome])
    there = ~np.isnan(values) & (ensemble.weights > 0)
    return weighted_quantiles(values[there], ensemble.weights[there], measure.CUTS) if there.any() else None


def missing_in(ensemble: Ensemble, target: Target) -> int:
    """Campaigns without the outcome."""
    return int(np.isnan(numbers_of(ensemble.outcomes[target.outcome])).sum())


def rows_of_chains(priors: Sequence[Prior], shares: Sequence[Floats], weights: Sequence[Floats]) -> list[Row]:
    """A row a fitted number: the median of each chain, and how far their means lie apart.

    `apart` is the largest gap between the means of two chains, `error` its standard error from the draws alone, both in
    standard deviations of the posterior, on the scale of the prior; they agree within APART errors.
    """
    rows = []
    together = np.concatenate([one / one.sum() for one in weights])
    for place, prior in enumerate(priors):
        columns = [one[:, place] for one in shares]
        spread = np.sqrt(spread_of(np.concatenate(columns), together)) or 1.0
        means = [float(np.average(column, weights=weight)) for column, weight in zip(columns, weights, strict=True)]
        errors = [error_of_mean(column, weight) for column, weight in zip(columns, weights, strict=True)]
        pairs = [(abs(means[one] - means[other]), float(np.hypot(errors[one], errors[other])))
                 for one, other in combinations(range(len(means)), 2)]  # fmt: skip
        gap, error = max(pairs, key=lambda pair: pair[0] / (pair[1] or 1.0))
        medians = [prior.at(float(weighted_quantiles(column, weight, (0.5,))[0]))
                   for column, weight in zip(columns, weights, strict=True)]  # fmt: skip
        rows.append({
            "number": prior.key, **{f"chain_{one}": f"{middle:.6g}" for one, middle in enumerate(medians)},
            "apart": f"{gap / spread:.4f}", "error": f"{error / spread:.4f}",
            "agree": "yes" if gap <= APART * error else "no",
        })  # fmt: skip
    return rows


def error_of_mean(values: Floats, weights: Floats) -> float:
    """The standard error of a weighted mean."""
    parts = weights / weights.sum()
    return float(np.sqrt((parts**2 * (values - (parts * values).sum()) ** 2).sum()))
