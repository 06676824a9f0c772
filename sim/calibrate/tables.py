"""Make the tables that describe a fit: priors and posteriors, targets and their outcomes, and agreement of chains.

Returns rows of diagnostics.csv, predictive.csv and chains.csv.
Source  Kish 1965 for the effective sample size; the standard error of a weighted mean as in importance sampling
        (Owen 2013, chapter 9).
"""

from collections.abc import Mapping, Sequence
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from sim.configuration.draws import Prior
from sim.configuration.posterior import Posterior, weighted_quantiles
from sim.scoring.forecasts import Forecast
from sim.scoring.measure import Intervals, intervals_of, weights_or_ones
from sim.scoring.score import bounds_in_words, cell_text
from sim.scoring.targets import Target, bounds_of
from sim.study.codebook import Codebook
from sim.study.files import csv_text, json_text, write_file

RESULT = "calibration"  # kind of result in `result_columns.yaml`
APART = 3.0  # difference between the means of two chains, in standard errors, above which they disagree
Floats = NDArray[np.float64]
Row = dict[str, Any]


def write_tables(folder: Path, contents: Mapping[str, Sequence[Row] | Row]) -> None:
    """Write files to the folder of a fit; `contents` maps file names to rows (for CSV) or to a mapping (for JSON)."""
    for name, content in contents.items():
        write_file(folder / name, json_text(content) if isinstance(content, Mapping) else csv_text(content))


def write_described(table: pa.Table, path: Path, **form: Any) -> None:
    """Write a Parquet file of a fit, with the description, unit and source of each column as metadata.

    Args:
        table: The table.
        path: Path of the file.
        form: Options of `pyarrow.parquet.write_table`.
    """
    Codebook({}, {}).write(table, path, f"{RESULT}/{path.name}", **form)


def effective_size(weights: Floats) -> float:
    """Compute the effective sample size: (sum of weights)² / sum of squares (Kish 1965)."""
    return float(weights.sum() ** 2 / (weights**2).sum())


def rows_of_numbers(
    priors: Sequence[Prior], chosen: Sequence[str], bank_draws: Floats, posterior: Posterior, tolerance: float | None,
    first: Posterior | None = None,
) -> list[Row]:  # fmt: skip
    """Make one row per parameter: its prior and posterior, the contraction, and the distance between the two.

    Args:
        priors: One prior per parameter.
        chosen: Keys of the fitted parameters.
        bank_draws: The drawn parameters of the bank, campaigns x parameters.
        posterior: The posterior, with all parameters.
        tolerance: Largest distance of an accepted campaign; None if draws are not chosen by distance.
        first: The posterior of the first fit, if the fit was refined.

    Returns:
        The rows, in the order of the priors.
    """
    weights, even = posterior.weights, np.ones(len(bank_draws))
    whole = {"draws": weights.size, "effective_sample_size": f"{effective_size(weights):.1f}",
             "tolerance": "" if tolerance is None else f"{tolerance:.6g}"}  # fmt: skip
    rows = []
    for place, prior in enumerate(priors):
        before, after = bank_draws[:, place], posterior.rows[:, place]
        shares, drawn = (np.array([prior.share(value) for value in values]) for values in (after, before))
        spread = spread_of(drawn, even)
        earlier = {} if first is None else cells_of_intervals("first", first.rows[:, place], first.weights)
        rows.append({
            "number": prior.key, "chosen": "yes" if prior.key in chosen else "no",
            **cells_of_intervals("prior", before, even), **earlier, **cells_of_intervals("posterior", after, weights),
            "contraction": f"{1 - spread_of(shares, weights) / spread:.4f}",
            "ks_distance": f"{distance_from_uniform(shares, weights):.4f}", **whole,
        })  # fmt: skip
    return rows


def cells_of_intervals(what: str, values: Floats, weights: Floats) -> dict[str, str]:
    """Make the table cells with the median of weighted values and the ends of their 50 % and 90 % intervals."""
    return {f"{what}_{name}": f"{end:.6g}" for name, end in intervals_of(values, weights)._asdict().items()}


def spread_of(values: Floats, weights: Floats) -> float:
    """Compute the weighted variance."""
    mean = float(np.average(values, weights=weights))
    return float(np.average((values - mean) ** 2, weights=weights))


def distance_from_uniform(shares: Floats, weights: Floats) -> float:
    """Compute the Kolmogorov-Smirnov distance between weighted prior shares and the uniform distribution."""
    order = np.argsort(shares, kind="stable")
    until = np.cumsum(weights[order]) / weights.sum()
    before = np.concatenate([[0.0], until[:-1]])
    return float(max(np.abs(until - shares[order]).max(), np.abs(before - shares[order]).max()))


def rows_of_record(targets: Sequence[Target], bank: Forecast, fitted: Mapping[str, Forecast]) -> list[Row]:
    """Make one row per target: the reported figure, and intervals of its outcome in the bank and in the fit.

    A target that consists of several outcomes, or whose outcome a forecast does not cover, is excluded.

    Args:
        targets: The reported figures.
        bank: All campaigns of the bank, for the columns `low_90` to `high_90`.
        fitted: Forecasts from campaigns of the fit, keyed by the prefix of their columns; the column `inside_90` refers
            to the last of them.

    Returns:
        The rows, in the order of the targets, without targets for which a forecast has no value.
    """
    rows = []
    for target in (one for one in targets if not one.parts and one.outcome in bank.outcomes):
        before, *after = (known_intervals(one, target) for one in (bank, *fitted.values()))
        by_name = {name: found for name, found in zip(fitted, after, strict=True) if found}
        if before is None or len(by_name) < len(fitted):
            continue
        bounds, last = bounds_of(target), list(fitted)[-1]
        inside = {name: "yes" if found.hold(*bounds) else "no" for name, found in {"prior": before, **by_name}.items()}
        rows.append({
            "target": target.target, "event": target.event, "use": target.use,
            "reported": cell_text(target.value, target), **bounds_in_words(target),
            **{name: cell_text(end, target) for name, end in before._asdict().items()},
            **{f"{name}_{key}": cell_text(end, target) for name, found in by_name.items()
               for key, end in found._asdict().items()},
            **{f"{name}_inside_90": one for name, one in inside.items()}, "inside_90": inside[last],
            "error": target.error, "scale": target.scale, "sd": target.sd,
            "missing": int(np.isnan(fitted[last].outcomes[target.outcome]).sum()),
            "evidence": " ".join(target.evidence),
        })  # fmt: skip
    return rows


def known_intervals(forecast: Forecast, target: Target) -> Intervals | None:
    """Compute the intervals of a target's outcome in a forecast, or return None if no campaign has the outcome."""
    values = forecast.outcomes[target.outcome]
    weights = weights_or_ones(forecast.weights, values.size)
    known = ~np.isnan(values) & (weights > 0)
    return intervals_of(values[known], weights[known]) if known.any() else None


def rows_of_chains(priors: Sequence[Prior], shares: Sequence[Floats], weights: Sequence[Floats]) -> list[Row]:
    """Make one row per fitted parameter: the median in each chain, and the largest difference between two chains.

    For each pair of chains, the difference between their means is divided by its Monte Carlo standard error. For the
    pair with the largest ratio, `apart` is the difference and `error` the standard error, both in standard deviations
    of the posterior, on the scale of the prior. The chains agree if `apart` is at most APART times `error`.
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
    """Compute the standard error of a weighted mean."""
    parts = weights / weights.sum()
    return float(np.sqrt((parts**2 * (values - (parts * values).sum()) ** 2).sum()))
