"""Score the forecasts of every origin, and compute paired differences between forecasts.

Lower scores are better. Scores of counts are in the unit of the target or of log(1 + count); Brier scores have no unit.

Source  Fair CRPS and Brier score: `sim.scoring.measure`. Weighted interval score: Bracher and others 2021,
        doi:10.1371/journal.pcbi.1008618. Energy score: Gneiting and Raftery 2007. Circular block bootstrap: Politis and
        Romano 1992.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta
from typing import Any, NamedTuple

import numpy as np
from scipy.spatial.distance import pdist

from sim.hindcast.design import BINS, BLOCK, FORECASTS, GROWTH, MAPS, MIXTURE, PANJ, QUANTILES, RESAMPLES, TARGETS
from sim.hindcast.naive import Ensemble
from sim.hindcast.record import Reported, day_of
from sim.scoring.forecasts import Floats
from sim.scoring.measure import SEED_OF_RESAMPLING, brier, crps, intervals_of, was_lost

Row = dict[str, Any]
COUNT_SCORES = ("crps", "crps_log", "wis")
PATH_SCORES = ("energy", "energy_log")
ENDS = (5.0, 95.0)  # percentiles of the resampled mean difference


class Origin(NamedTuple):
    """The forecasts from one origin, and the record as it was known on that day."""

    day: date
    horizons: tuple[int, ...]
    forecasts: Mapping[str, Ensemble]  # forecasts, keyed by name
    known: Reported  # the record as it was known at the origin


def weighted_interval_score(members: Floats, reported: float) -> float:
    """Return the weighted interval score of a forecast, from the quantiles used by forecast hubs.

    Args:
        members: The forecast, one number per member.
        reported: The value in the record.

    Returns:
        The score, in the unit of the members: twice the mean quantile loss.
    """
    return quantile_score(np.quantile(members, QUANTILES), QUANTILES, reported)


def quantile_score(quantiles: Floats, levels: Sequence[float], reported: float) -> float:
    """Return the weighted interval score of quantiles whose levels are symmetric about 0.5.

    Args:
        quantiles: The forecast, one quantile per level.
        levels: Probability levels of the quantiles, from 0 to 1.
        reported: The value in the record.

    Returns:
        The score, in the unit of the quantiles: twice the mean quantile loss.
    """
    shares = np.asarray(levels)
    gap = reported - quantiles
    return float(2 * np.maximum(shares * gap, (shares - 1) * gap).mean())


def energy_score(paths: Floats, reported: Floats) -> float:
    """Return the fair energy score of a forecast of paths.

    Args:
        paths: The forecast (members x horizons).
        reported: The value in the record at each horizon.

    Returns:
        The mean distance of members from the record, minus half the mean distance between two different members.
    """
    return float(np.linalg.norm(paths - reported, axis=1).mean() - pdist(paths).mean() / 2)


def score_counts(origins: Sequence[Origin], record: Reported) -> list[Row]:
    """Return the rows of counts.csv: intervals and scores by origin, target, horizon and forecast."""
    return [
        {
            "origin": one.day.isoformat(), "horizon": horizon, "day": (one.day + timedelta(horizon)).isoformat(),
            "target": target, "forecast": name,
            **score_count(forecast.paths[:, place, column], reported_on(record, place, one.day, horizon)),
        }
        for one in origins
        for place, target in enumerate(TARGETS)
        for column, horizon in enumerate(one.horizons)
        for name, forecast in one.forecasts.items() if forecast.paths.shape[1]
    ]  # fmt: skip


def reported_on(record: Reported, target: int, origin: date, horizon: int) -> float:
    """Return the value of a target in the record, `horizon` days after an origin."""
    return float(record.counts[target, day_of(origin) + horizon])


def score_count(members: Floats, reported: float) -> Row:
    """Return the columns with the intervals and scores of a forecast of one number."""
    found = intervals_of(members)
    return {
        "reported": reported, **found._asdict(),
        "inside_50": int(found.low_50 <= reported <= found.high_50),
        "inside_90": int(found.low_90 <= reported <= found.high_90),
        "crps": crps(members - reported).value,
        "crps_log": crps(np.log1p(members) - np.log1p(reported)).value,
        "wis": weighted_interval_score(members, reported),
    }  # fmt: skip


def score_paths(origins: Sequence[Origin], record: Reported) -> list[Row]:
    """Return the rows of paths.csv: energy scores over all horizons by origin, target and forecast."""
    found = []
    for one in origins:
        for place, target in enumerate(TARGETS):
            reported = np.array([reported_on(record, place, one.day, horizon) for horizon in one.horizons])
            for name, forecast in one.forecasts.items():
                if forecast.paths.shape[1]:
                    paths = forecast.paths[:, place]
                    found.append({
                        "origin": one.day.isoformat(), "horizons": len(one.horizons), "target": target,
                        "forecast": name, "energy": energy_score(paths, reported),
                        "energy_log": energy_score(np.log1p(paths), np.log1p(reported)),
                    })  # fmt: skip
    return found


def on_maps(origins: Sequence[Origin], record: Reported) -> Iterator[tuple[Row, Floats, Floats]]:
    """Yield key columns, probabilities of loss and actual losses of every forecast of a map.

    Districts are excluded if it is not known whether they were lost by the forecast day.
    """
    for one in origins:
        new = was_lost(one.known.districts, one.day) != 1
        for column, horizon in enumerate(one.horizons):
            day = one.day + timedelta(horizon)
            lost = was_lost(record.districts, day)
            for target, meant in zip(MAPS, (np.ones(lost.size, np.bool_), new), strict=True):
                rows = meant & ~np.isnan(lost)
                for name, forecast in one.forecasts.items():
                    place = {
                        "origin": one.day.isoformat(), "horizon": horizon, "day": day.isoformat(), "target": target,
                        "forecast": name,
                    }  # fmt: skip
                    yield place, forecast.probabilities[column, rows], lost[rows]


def score_maps(origins: Sequence[Origin], record: Reported) -> list[Row]:
    """Return the rows of maps.csv: Brier scores (means over districts) by origin, horizon, map and forecast."""
    return [
        {**place, "districts": lost.size, "lost": int(lost.sum()), "brier": float(brier(probabilities, lost))}
        for place, probabilities, lost in on_maps(origins, record)
        if lost.size
    ]


def reliability(origins: Sequence[Origin], record: Reported) -> list[Row]:
    """Return the rows of reliability.csv: how often districts with similar forecast probabilities were lost.

    There is one row per horizon, map, forecast and bin of probability. Districts are pooled over all origins.
    """
    pooled: dict[tuple[int, str, str], list[tuple[Floats, Floats]]] = {}
    for place, probabilities, lost in on_maps(origins, record):
        pooled.setdefault((place["horizon"], place["target"], place["forecast"]), []).append((probabilities, lost))
    found = []
    for (horizon, target, name), parts in pooled.items():
        probabilities, lost = (np.concatenate(column) for column in zip(*parts, strict=True))
        bins = np.minimum((probabilities * BINS).astype(np.int64), BINS - 1)
        for number in np.unique(bins):
            here = bins == number
            found.append({
                "horizon": horizon, "target": target, "forecast": name, "from": number / BINS,
                "to": (number + 1) / BINS, "districts": int(here.sum()),
                "probability": float(probabilities[here].mean()), "share_lost": float(lost[here].mean()),
            })  # fmt: skip
    return found


def coverage(rows: Sequence[Row]) -> list[Row]:
    """Return the rows of coverage.csv: how often intervals contain the record by target, horizon and forecast.

    Args:
        rows: Rows of `score_counts`.
    """
    return [
        {
            "target": target, "horizon": horizon, "forecast": name, "origins": len(group),
            "coverage_50": float(np.mean([row["inside_50"] for row in group])),
            "coverage_90": float(np.mean([row["inside_90"] for row in group])),
        }
        for (target, horizon, name), group in grouped(rows, ("target", "horizon", "forecast")).items()
    ]  # fmt: skip


def grouped(rows: Sequence[Row], keys: Sequence[str]) -> dict[tuple[Any, ...], list[Row]]:
    """Group rows that have equal values in the columns `keys`; rows keep their order within each group."""
    found: dict[tuple[Any, ...], list[Row]] = {}
    for row in rows:
        found.setdefault(tuple(row[key] for key in keys), []).append(row)
    return found


def differences(counts: Sequence[Row], paths: Sequence[Row], maps: Sequence[Row]) -> list[Row]:
    """Return the rows of differences.csv, the paired differences between forecasts.

    Panj is compared with every other forecast; the mixture is also compared with exponential growth.

    Args:
        counts: Rows of `score_counts`.
        paths: Rows of `score_paths`, which have no horizon.
        maps: Rows of `score_maps`.

    Returns:
        One row per score, target, horizon and pair. The first forecast is better if the difference is below 0.
    """
    pairs = [(PANJ, name) for name in FORECASTS if name != PANJ] + [(MIXTURE, GROWTH)]
    sources = ((counts, COUNT_SCORES), ([{**row, "horizon": ""} for row in paths], PATH_SCORES), (maps, ("brier",)))
    return [
        compared(ours, theirs, score, target, horizon, one, other)
        for rows, scores in sources
        for (target, horizon), group in grouped(rows, ("target", "horizon")).items()
        for one, other in pairs
        for score in scores
        if (theirs := by_origin(group, other, score)) and (ours := by_origin(group, one, score))
    ]


def by_origin(rows: Sequence[Row], name: str, score: str) -> dict[str, float]:
    """Return the scores of one forecast, keyed by origin."""
    return {row["origin"]: row[score] for row in rows if row["forecast"] == name}


def compared(
    ours: Mapping[str, float], theirs: Mapping[str, float], score: str, target: str, horizon: Any, one: str, other: str
) -> Row:
    """Return the row of differences.csv for two forecasts, paired by origin.

    Args:
        ours: Scores of the first forecast, keyed by origin.
        theirs: Scores of the second forecast, keyed by origin.
        score: Name of the score.
        target: Name of the target or map.
        horizon: Lead time, in days; empty for scores of paths.
        one: Name of the first forecast.
        other: Name of the second forecast.
    """
    pairs = np.array([(ours[origin], theirs[origin]) for origin in ours])
    apart = pairs[:, 0] - pairs[:, 1]
    low, high = block_interval(apart)
    return {
        "score": score, "target": target, "horizon": horizon, "forecast": one, "rival": other, "origins": apart.size,
        "mean": float(pairs[:, 0].mean()), "mean_rival": float(pairs[:, 1].mean()), "difference": float(apart.mean()),
        "low_90": low, "high_90": high, "better": int((apart < 0).sum()), "worse": int((apart > 0).sum()),
    }  # fmt: skip


def block_interval(values: Floats) -> tuple[float, float]:
    """Return the 90 % interval of a mean over successive origins, from a circular block bootstrap.

    Args:
        values: One value per origin, in the order of origins.

    Returns:
        The lower and upper end. Both are nan if there are at most `BLOCK` values, because all resamples would then have
        the same mean.
    """
    if values.size <= BLOCK:
        return np.nan, np.nan
    rng = np.random.default_rng(SEED_OF_RESAMPLING)
    starts = rng.integers(values.size, size=(RESAMPLES, -(-values.size // BLOCK)))
    places = (starts[:, :, None] + np.arange(BLOCK)) % values.size
    means = values[places.reshape(RESAMPLES, -1)[:, : values.size]].mean(axis=1)
    low, high = np.percentile(means, ENDS).tolist()
    return low, high
