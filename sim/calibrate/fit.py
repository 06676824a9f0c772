"""First fit of a bank: choose parameters (screening), accept campaigns near the record, and adjust their parameters.

Reads   a bank (prior sample): a study of one cell (resumable, on any executor) with `calibration=prior` and no
        daily tables; for each seed, `runs.parquet` contains the drawn parameters (`rules.<rule>.<number>`) and every
        outcome. Calibration, its checks, held-out fits and rival theories all read banks, so that no campaign is run
        twice.
Returns `Bank`; `Summaries`, outcomes on the scales of the targets; `Screening`, with the share that each
        parameter explains of the variance of each summary, and the parameters chosen, at most eight; `Fit`.
Source  First-order indices from given data: random balance designs (Tarantola, Gatelli and Mara 2006) as in Plischke
        2010, corrected for bias by Tissot and Prieur 2012, from SALib. Adjustment by local linear regression: Beaumont,
        Zhang and Balding 2002, on the log odds of each cumulative prior probability, so that no adjusted value is
        outside the prior.
Method  A parameter is ranked by the summary that it affects most. Effects that are pure interactions are missed.
"""

from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from scipy.linalg import lstsq
from scipy.special import expit, logit

from sim.calibrate.tables import effective_size
from sim.configuration.draws import Prior
from sim.configuration.numbers import declared_numbers
from sim.configuration.overrides import AnyOverrides, Overrides
from sim.configuration.posterior import Posterior, posterior_of
from sim.data.facts import facts_here
from sim.engine.compile import fingerprint_of_rules
from sim.errors import PanjError
from sim.outcome import fingerprint_of_outcomes, read_outcomes
from sim.scoring.forecasts import numbers_of
from sim.scoring.measure import outside, scaled
from sim.scoring.targets import Target, bounds_of
from sim.study.reader import read_about, read_columns
from sim.study.store import read_scope

MOST_CHOSEN = 8
HARMONICS = 10  # number of Fourier harmonics (the default of SALib)
LEAST = 0.01  # lower limit of the share of variance that a parameter must explain to be fitted
CHANCE = 20.0  # CHANCE / campaigns is roughly the largest of 100 indices caused by noise alone (3 sd of 10 terms)
NORMAL = 1.4826  # factor from median absolute deviation to normal standard deviation
UNIT = 1.0  # unit of the distance from an exact count, which has no observation error
Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


class Summaries(NamedTuple):
    """The summaries (campaigns x targets) by which campaigns are compared with the record."""

    targets: tuple[Target, ...]
    left_out: tuple[str, ...]  # targets to be fitted whose outcomes are not in the bank
    numbers: Floats  # values on the scale of the target; NaN if missing
    outside: Floats  # deviation from the reported range in `units`: negative below it, 0 inside it, positive above it
    units: Floats  # (targets) unit in which deviations from the target are measured

    @property
    def distances(self) -> Floats:
        """The distance of each campaign from the record."""
        return distances_of(self.targets, self.outside)


def distances_of(targets: Sequence[Target], outside: Floats) -> Floats:
    """Compute the distance of each campaign from the record.

    Events have equal weights, as do the targets within an event.

    Args:
        targets: The targets, one per column of `outside`.
        outside: Deviations from the reported ranges (campaigns x targets), in the units of the targets.

    Returns:
        One distance per campaign, infinite if a value is missing. Squared deviations are averaged over the targets of
        each event and then over events; the distance is the square root of the result.
    """
    events = list(dict.fromkeys(target.event for target in targets))
    squares = np.zeros(len(outside))
    for event in events:
        columns = [place for place, target in enumerate(targets) if target.event == event]
        squares += (outside[:, columns] ** 2).mean(axis=1) / len(events)
    return np.where(np.isnan(squares), np.inf, np.sqrt(squares))


def scaled_bounds(targets: Sequence[Target]) -> tuple[Floats, Floats]:
    """Return the lowest and the highest value that each target allows, on the scale of the target."""
    low, high = np.array([scaled(np.array(bounds_of(target)), target) for target in targets]).T
    return low, high


def outside_of(numbers: Floats, low: Floats, high: Floats, units: Floats) -> Floats:
    """Compute the deviations of numbers from the range of each target.

    Args:
        numbers: (campaigns, targets) Numbers on the scales of the targets.
        low: (targets) Lowest value that the target allows, on its scale.
        high: (targets) Highest value that the target allows, on its scale.
        units: (targets) Units in which the result is expressed.

    Returns:
        (campaigns, targets) Deviations in the units of the targets: negative below the range, 0 inside it, positive
        above it; NaN where a number is missing.
    """
    return np.where(np.isnan(numbers), np.nan, outside(numbers, low, high)) / units


def summaries_of(outcomes: pa.Table, targets: Sequence[Target]) -> Summaries:
    """Compute the summaries of all campaigns in a table, for each fitted target whose outcome is in the table.

    Raise PanjError if there is no such target.
    """
    fitted = [target for target in targets if target.use == "fitted" and not target.parts]
    found = {target: column_of(outcomes, target) for target in fitted}
    known = {target: column for target, column in found.items() if not np.isnan(column).all()}
    if not known:
        raise PanjError("calibrate: found a bank without any outcome to fit, expected campaigns up to 7 July")
    units = np.array([unit_of(target, column) for target, column in known.items()])
    numbers = np.array(list(known.values())).T
    left_out = tuple(target.target for target in fitted if target not in known)
    return Summaries(tuple(known), left_out, numbers, outside_of(numbers, *scaled_bounds(tuple(known)), units), units)


def column_of(outcomes: pa.Table, target: Target) -> Floats:
    """Return the outcome of a target, one value per campaign, on the scale of the target; all NaN if it is missing."""
    if target.outcome not in outcomes.column_names:
        return np.full(outcomes.num_rows, np.nan)
    return scaled(numbers_of(outcomes[target.outcome]), target)


def unit_of(target: Target, column: Floats) -> float:
    """Compute the unit of a target: sqrt(sd² + spread²).

    `sd` is the observation error. `spread` is the spread over the bank: the median absolute deviation, scaled to a
    standard deviation. It prevents a target that few campaigns meet from dominating the distance. If `sd` is 0, as for
    an exact figure, the unit is 1.
    """
    if target.sd == 0:
        return UNIT
    there = column[~np.isnan(column)]
    spread = NORMAL * float(np.median(np.abs(there - np.median(there))))
    return float(np.hypot(target.sd, spread))


class Screening(NamedTuple):
    """The effects of the parameters on the summaries, and the parameters chosen for the fit."""

    keys: tuple[str, ...]
    shares: Floats  # keys x summaries: share of the variance explained by the parameter alone
    floor: float  # shares below this count as zero
    chosen: tuple[str, ...]  # keys of the parameters to fit, in descending order of the variance that they explain

    @property
    def most(self) -> Floats:
        """The largest share of the variance of any summary that each parameter explains."""
        return np.asarray(self.shares.max(axis=1), np.float64)


def screen(keys: tuple[str, ...], drawn: Floats, summaries: Summaries) -> Screening:
    """Compute the first-order index of every parameter for every summary, and choose the parameters to fit.

    Raise PanjError if no parameter has a large enough index.
    """
    ranks = np.argsort(np.argsort(drawn, axis=0, kind="stable"), axis=0, kind="stable").astype(np.float64)
    shares = np.array([indices_of(keys, ranks, column) for column in summaries.numbers.T]).T
    floor = max(LEAST, CHANCE / len(drawn))
    most = shares.max(axis=1)
    ranked = [place for place in np.argsort(-most, kind="stable") if most[place] >= floor]
    if not ranked:
        raise PanjError(f"calibrate: found no number that explains {floor:.3g} or more of the variance of a target, "
                        "expected at least one; try a larger bank: python -m sim bank runs=50000")  # fmt: skip
    return Screening(keys, shares, floor, tuple(keys[place] for place in ranked[:MOST_CHOSEN]))


def indices_of(keys: tuple[str, ...], ranks: Floats, column: Floats) -> Floats:
    """Compute the first-order index of every parameter for one summary. All are 0 if the summary is constant."""
    from SALib.analyze import rbd_fast  # slow to import

    there = ~np.isnan(column)
    if not there.any() or np.ptp(column[there]) == 0:
        return np.zeros(len(keys))
    problem = {"num_vars": len(keys), "names": list(keys), "bounds": [[0, len(ranks)]] * len(keys)}
    with np.errstate(invalid="ignore"):  # a resample of a small bank may be constant, but its interval is not used
        found = rbd_fast.analyze(problem, ranks[there], column[there], M=HARMONICS, num_resamples=2, seed=1)
    return np.clip(np.array(found["S1"], np.float64), 0.0, 1.0)


def rows_of_screening(screening: Screening, summaries: Summaries) -> list[dict[str, str]]:
    """Make one row per parameter, strongest first, with the share of the variance of each summary that it explains."""
    names = [target.target for target in summaries.targets]
    rows = []
    for place in np.argsort(-screening.most, kind="stable"):
        key = screening.keys[place]
        shares = {name: f"{share:.4f}" for name, share in zip(names, screening.shares[place], strict=True)}
        rows.append({"number": key, "chosen": "yes" if key in screening.chosen else "no",
                     "largest_share": f"{screening.most[place]:.4f}", **shares})  # fmt: skip
    return rows


EDGE = 1e-4  # cumulative probabilities are clipped to at least this distance from 0 and 1
NEGLIGIBLE = 1e-6  # singular values below this share of the largest are treated as 0 (redundant summaries)


def shares_of(priors: Sequence[Prior], rows: Floats) -> Floats:
    """Convert values (rows x parameters) to cumulative prior probabilities; see `Prior.share`."""
    shares = np.empty(rows.shape)
    for place, prior in enumerate(priors):
        if declared_numbers()[prior.key].is_whole:
            shares[:, place] = (rows[:, place] - prior.low + 0.5) / (prior.high - prior.low + 1)
            continue
        on_scale = np.log if prior.scale == "log" else np.asarray
        low, high = on_scale(prior.low), on_scale(prior.high)
        shares[:, place] = (on_scale(rows[:, place]) - low) / (high - low)
    return shares


def numbers_of_shares(priors: Sequence[Prior], shares: Floats) -> Floats:
    """Convert cumulative prior probabilities (rows x parameters) to values; see `Prior.at`."""
    rows = np.empty(shares.shape)
    for place, prior in enumerate(priors):
        if declared_numbers()[prior.key].is_whole:
            rows[:, place] = prior.low + np.floor(shares[:, place] * (prior.high - prior.low + 1))
        elif prior.scale == "log":
            low, high = np.log(prior.low), np.log(prior.high)
            rows[:, place] = np.exp(low + shares[:, place] * (high - low))
        else:
            rows[:, place] = prior.low + shares[:, place] * (prior.high - prior.low)
    return np.clip(rows, [prior.low for prior in priors], [prior.high for prior in priors])


def adjusted(drawn: Floats, priors: Sequence[Prior], chosen: Sequence[int], outside: Floats, weights: Floats) -> Floats:
    """Adjust the chosen parameters of each draw to the record, by weighted linear regression.

    Args:
        drawn: Draws x parameters, in the units of the parameters.
        priors: One prior per parameter.
        chosen: Column indices of the adjusted parameters.
        outside: Deviations from the reported ranges (draws x summaries), in the units of the targets.
        weights: One weight per draw.

    Returns:
        The adjusted draws (draws x parameters), unchanged if no summary varies.
    """
    varying = outside[:, np.ptp(outside, axis=0) > 0]
    if not varying.size:
        return drawn
    moved, places = [priors[place] for place in chosen], list(chosen)
    odds = logit(np.clip(shares_of(moved, drawn[:, places]), EDGE, 1 - EDGE))
    centred = [values - np.average(values, axis=0, weights=weights) for values in (varying, odds)]
    slopes = lstsq(*(values * np.sqrt(weights)[:, None] for values in centred), cond=NEGLIGIBLE)[0]
    rows = drawn.copy()
    rows[:, places] = numbers_of_shares(moved, expit(odds - varying @ slopes))
    return rows


USUAL = {"runs": "50000"}
ALWAYS = {"calibration": "prior", "daily": "false"}
DRAWN = "rules."  # prefix of the columns of drawn parameters


class Bank(NamedTuple):
    """The completed campaigns of a bank, sorted by seed."""

    folder: Path
    keys: tuple[str, ...]  # keys of the drawn parameters
    seeds: NDArray[np.int64]
    drawn: NDArray[np.float64]  # (campaigns, keys) drawn values, in the units of the parameters
    outcomes: pa.Table  # one row per campaign, one column per outcome
    failed: int


def bank_overrides(words: AnyOverrides) -> Overrides:
    """Add the defaults and the fixed settings of a bank to the overrides of the run that fills it.

    Args:
        words: The overrides from the command line.

    Returns:
        The overrides with the defaults and the fixed settings of a bank.

    Raises:
        PanjError: If the overrides give several cells, or contain a setting that is not allowed in a bank.
    """
    overrides = Overrides.of(words)
    for row in overrides:
        if row.sweeps:
            raise PanjError(
                f"bank: found '{row.text}', expected one cell without swept values; make one bank per theory"
            )
    for key, value in ALWAYS.items():
        found = overrides.get(key)
        if found and found.text != f"{key}={value}":
            raise PanjError(
                f"{key}: found '{found.text}', expected {key}={value}; python -m sim run accepts other values"
            )
    theory = overrides.get("theory")
    named = {"study": study_of(theory.value_text if theory else "contagion")}
    return overrides.with_usual({**USUAL, **ALWAYS, **named})


def study_of(theory: str) -> str:
    """Return the default name of the bank of a theory."""
    return "bank" if theory == "contagion" else f"bank_{theory}"


def read_bank(folder: Path) -> Bank:
    """Read a finished bank.

    Args:
        folder: The folder of the bank.

    Returns:
        Its completed campaigns.

    Raises:
        PanjError: If the folder is not a bank, or was made with other rules, data or outcomes.
    """
    about = read_about(folder)
    table = read_columns(folder / "runs.parquet")
    keys = tuple(name for name in table.column_names if name.startswith(DRAWN))
    if not keys or len(about.get("cells", ())) != 1 or "priors" not in base_of(folder)["draws"]:
        raise PanjError(f"{folder}: found a study that is not a prior sample, expected one made by python -m sim bank")
    facts = facts_here()
    here = {"rules": fingerprint_of_rules(), "data": facts.fingerprint}
    counted = about.get("outcomes", {})  # banks of older versions have a single fingerprint of all outcomes instead
    if counted:
        first, last = (date.fromisoformat(about[key]) for key in ("start_date", "end_date"))
        others = [row.name for row in read_outcomes(facts, first, (last - first).days)
                  if counted.get(row.name, row.fingerprint) != row.fingerprint]  # fmt: skip
        if others:
            raise PanjError(f"bank: found {folder}, in which outcomes.{others[0]} has a different definition, expected "
                            "the current one; make the bank again")  # fmt: skip
    else:
        here["outcomes"] = fingerprint_of_outcomes()
    for name, expected in here.items():
        found = about[f"{name}_fingerprint"]
        if found != expected:
            raise PanjError(f"bank: found {folder} with {name} of version {found}, expected {expected}; make the bank "
                            "again")  # fmt: skip
    table = table.sort_by("seed")
    outcomes = table.drop_columns([*keys, "cell", "run", "seed"])
    drawn = np.column_stack([table[key].to_numpy() for key in keys])
    return Bank(folder, keys, table["seed"].to_numpy(), drawn, outcomes, about["failed"])


DRAWS_PER_COEFFICIENT = 5  # minimum number of accepted campaigns per regression coefficient


class Nearest(NamedTuple):
    """The accepted campaigns, in the order of the bank."""

    rows: Integers  # row numbers of the accepted campaigns in the bank
    distances: Floats
    weights: Floats
    tolerance: float  # distance at which the weight becomes 0

    @property
    def effective(self) -> float:
        """The effective sample size of the accepted campaigns."""
        return effective_size(self.weights)


class Fit(NamedTuple):
    """A bank and its first fit."""

    bank: Bank
    priors: tuple[Prior, ...]  # prior of each parameter of the bank
    targets: tuple[Target, ...]
    summaries: Summaries
    screening: Screening
    nearest: Nearest
    posterior: Posterior


def fit(bank: Bank, priors: tuple[Prior, ...], targets: Sequence[Target], accept: float) -> Fit:
    """Fit the parameters of a bank by screening, rejection and regression adjustment.

    Args:
        bank: Campaigns drawn from the priors.
        priors: One prior per parameter of the bank.
        targets: Reported figures; only those to be fitted are used.
        accept: Share of the campaigns to accept, from 0 to 1.

    Returns:
        The fit; the same bank always gives exactly the same posterior.

    Raises:
        PanjError: If there is no outcome to fit, no parameter affects any outcome, or too few campaigns are accepted.
    """
    summaries = summaries_of(bank.outcomes, targets)
    screening = screen(bank.keys, bank.drawn, summaries)
    nearest = nearest_of(summaries.distances, accept, DRAWS_PER_COEFFICIENT * (1 + len(summaries.targets)))
    chosen = tuple(bank.keys.index(key) for key in screening.chosen)
    rows = adjusted(bank.drawn[nearest.rows], priors, chosen, summaries.outside[nearest.rows], nearest.weights)
    posterior = posterior_of(bank.keys, nearest.weights, rows, "")
    return Fit(bank, priors, tuple(targets), summaries, screening, nearest, posterior)


def nearest_of(distances: Floats, accept: float, fewest: int) -> Nearest:
    """Accept the share `accept` of campaigns that are nearest, with weights 1 - (distance / tolerance)².

    The tolerance is the distance of the nearest campaign that is not accepted. Raise PanjError if fewer than `fewest`
    campaigns have a positive weight.
    """
    order = np.argsort(distances, kind="stable")
    count = min(round(accept * distances.size), int(np.isfinite(distances).sum()))
    if count >= max(fewest, 1):
        beyond = float(distances[order[min(count, distances.size - 1)]])
        tolerance = beyond if np.isfinite(beyond) else float(distances[order[count - 1]])
        rows = np.sort(order[:count])
        near = distances[rows]
        weights = 1.0 - (near / tolerance) ** 2 if near.min() < tolerance else np.ones(count)
        kept = weights > 0
        if kept.sum() >= fewest:
            return Nearest(rows[kept], near[kept], weights[kept], tolerance)
    raise PanjError(
        f"accept: found {accept:g} of {distances.size:,} campaigns, which gives at most {count:,} draws, expected at "
        f"least {fewest} for these targets; accept more or make a larger bank: python -m sim bank runs=50000"
    )


def base_of(folder: Path) -> dict[str, Any]:
    """Read the resolved settings of a bank as JSON types. Raise PanjError if the folder has none."""
    scope = read_scope(folder)
    if scope is None or "draws" not in scope.base:
        raise PanjError(f"calibrate: found no stored campaigns in {folder}, expected a bank from python -m sim bank")
    return scope.base


def priors_of(bank: Bank) -> tuple[Prior, ...]:
    """Return the priors from which a bank was drawn, which may differ from the current ones.

    Args:
        bank: The bank.

    Returns:
        One prior per drawn parameter.
    """
    priors = base_of(bank.folder)["draws"]["priors"]
    return tuple(Prior(key, *priors[key]) for key in bank.keys)
