"""A first fit of the uncertain numbers to the record, from a bank alone: `python -m sim calibrate [results/bank]`.

Reads   a bank of these rules, this data and these outcomes; the targets that are to be fitted.
Writes  calibration/ in the bank: posterior.parquet, screening.csv, diagnostics.csv, predictive.csv, fit.json.
        `sim.show.calibration` shows and draws them. A folder that is there stays whole until the new one is.
Source  Rejection with an Epanechnikov kernel and local linear regression: Beaumont, Zhang and Balding 2002, on the log
        odds of each number between the ends of its prior, so that no adjusted number leaves it. The regression is
        scikit-learn's.
Assumed The campaigns that come nearest, a share `accept` of all, stand for the posterior. Each keeps all of its drawn
        numbers, so that what belongs together stays together; only the numbers that screening chose are adjusted. The
        error of observation enters by the units of distance, not as noise: where a campaign comes nearer than that
        error, the posterior is too sure.
"""

import json
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray
from rich.console import Console
from scipy.special import expit, logit

from sim.errors import PanjError, unknown
from sim.provenance import commit, read_about, versions
from sim.study import scoring
from sim.study.bank import Bank, read_bank
from sim.study.draws import Prior
from sim.study.forecasts import numbers_of
from sim.study.posterior import Posterior, posterior_of, table_of, weighted_quantiles
from sim.study.scope import read_scope
from sim.study.score import targets_here
from sim.study.score_tables import bounds_in_words, say, text_of
from sim.study.screening import Screening, Summaries, rows_of_screening, screen, summaries_of
from sim.targets import Target, bounds_of

USAGE = "python -m sim calibrate [results/bank] [accept=0.01]"
BANK, ACCEPT = Path("results/bank"), 0.01
DRAWS_A_COEFFICIENT = 5  # accepted campaigns a coefficient of the regression, at least
EDGE = 1e-4  # of the prior: how near to its ends the log odds are taken
SPACE = "rules.flight.rows"  # how much space there is, which decides no number as long as it is enough
STAMPED = (
    "words", "first_seed", "runs", "settings_fingerprint", "data_fingerprint", "rules_fingerprint",
    "outcomes_fingerprint",
)  # fmt: skip
Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


class Request(NamedTuple):
    """What was asked on the command line."""

    folder: Path
    accept: float  # share of the campaigns


class Nearest(NamedTuple):
    """The accepted campaigns, in the order of the bank."""

    rows: Integers  # of the bank
    distances: Floats
    weights: Floats
    tolerance: float  # the distance at which the weight becomes 0

    @property
    def effective(self) -> float:
        """How many draws of equal weight tell as much: (sum of weights)² / sum of squares (Kish 1965)."""
        return float(self.weights.sum() ** 2 / (self.weights**2).sum())


class Fit(NamedTuple):
    """A bank and what was made of it."""

    bank: Bank
    priors: tuple[Prior, ...]  # of the bank, a number each
    targets: tuple[Target, ...]
    summaries: Summaries
    screening: Screening
    nearest: Nearest
    posterior: Posterior


def read_request(words: Sequence[str]) -> Request:
    """`results/bank accept=0.02`; PanjError says what was expected."""
    folders = [word for word in words if "=" not in word]
    given = dict(word.split("=", 1) for word in words if word not in folders)
    for key in given:
        if key != "accept":
            raise unknown("calibrate", key, ("accept",))
    if len(folders) > 1 or any(word.startswith("-") for word in folders):
        raise PanjError(f"calibrate: found '{' '.join(folders)}', expected one folder: {USAGE}")
    try:
        accept = float(given.get("accept", ACCEPT))
    except ValueError:
        accept = -1.0
    if not 0 < accept < 1:
        raise PanjError(f"accept: found '{given['accept']}', expected a share of the campaigns between 0 and 1")
    return Request(Path(folders[0]) if folders else BANK, accept)


def fit(bank: Bank, priors: tuple[Prior, ...], targets: Sequence[Target], accept: float) -> Fit:
    """Screening, rejection and adjustment; the same bank gives the same posterior to the last digit."""
    summaries = summaries_of(bank.outcomes, targets)
    screening = screen(bank.keys, bank.drawn, summaries)
    nearest = nearest_of(summaries.distances, accept, DRAWS_A_COEFFICIENT * (1 + len(summaries.targets)))
    chosen = tuple(bank.keys.index(key) for key in screening.chosen)
    rows = adjusted(bank.drawn[nearest.rows], priors, chosen, summaries.outside[nearest.rows], nearest.weights)
    posterior = posterior_of(bank.keys, nearest.weights, rows, "")
    return Fit(bank, priors, tuple(targets), summaries, screening, nearest, posterior)


def nearest_of(distances: Floats, accept: float, fewest: int) -> Nearest:
    """The nearest share of the campaigns; each weighs 1 - (distance / tolerance)², the first beyond them nothing."""
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
        f"accept: found {accept:g} of {distances.size:,} campaigns, {count:,} draws at most, expected at least "
        f"{fewest} to fit so many targets; accept a larger share, or make a larger bank: python -m sim bank runs=50000"
    )


def adjusted(drawn: Floats, priors: Sequence[Prior], chosen: Sequence[int], outside: Floats, weights: Floats) -> Floats:
    """The draws with their chosen numbers moved to where the regression expects them at the record itself."""
    from sklearn.linear_model import LinearRegression  # slow to import

    varying = outside[:, np.ptp(outside, axis=0) > 0]
    if not varying.size:
        return drawn
    shares = np.array([[priors[place].share(value) for place, value in zip(chosen, row[list(chosen)], strict=True)]
                       for row in drawn])  # fmt: skip
    odds = logit(np.clip(shares, EDGE, 1 - EDGE))
    slopes = LinearRegression().fit(varying, odds, sample_weight=weights).coef_
    moved = expit(odds - varying @ slopes.T)
    rows = drawn.copy()
    for column, place in enumerate(chosen):
        rows[:, place] = [priors[place].at(float(share)) for share in moved[:, column]]
    return rows


def rows_of_diagnostics(made: Fit) -> list[dict[str, Any]]:
    """A row a number: prior beside posterior, and how much narrower and how far away the posterior is."""
    weights, even = made.nearest.weights, np.ones(len(made.bank.drawn))
    whole = {"draws": weights.size, "effective_sample_size": f"{made.nearest.effective:.1f}",
             "tolerance": f"{made.nearest.tolerance:.6g}"}  # fmt: skip
    rows = []
    for place, prior in enumerate(made.priors):
        before, after = made.bank.drawn[:, place], made.posterior.rows[:, place]
        believed = np.array([prior.share(value) for value in before])
        shares = np.array([prior.share(value) for value in after])
        rows.append({
            "number": prior.key, "adjusted": "yes" if prior.key in made.screening.chosen else "no",
            **cuts_in_words("prior", before, even), **cuts_in_words("posterior", after, weights),
            "contraction": f"{1 - spread_of(shares, weights) / spread_of(believed, even):.4f}",
            "ks_distance": f"{farthest_from_even(shares, weights):.4f}", **whole,
        })  # fmt: skip
    return rows


def cuts_in_words(what: str, values: Floats, weights: Floats) -> dict[str, str]:
    """Median and the ends of the 50 and 90 % intervals."""
    names = ("low_90", "low_50", "median", "high_50", "high_90")
    cuts = weighted_quantiles(values, weights, scoring.CUTS)
    return {f"{what}_{name}": f"{cut:.6g}" for name, cut in zip(names, cuts, strict=True)}


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


def rows_of_predictive(made: Fit) -> list[dict[str, Any]]:
    """A row a target with one outcome: all campaigns of the bank, those accepted, and what was reported.

    `low_90` to `high_90` are of the whole bank, `accepted_...` of the accepted campaigns by their weights, as lived:
    nothing here is adjusted.
    """
    rows = []
    for target in made.targets:
        if target.parts or target.outcome not in made.bank.outcomes.column_names:
            continue
        every = numbers_of(made.bank.outcomes[target.outcome])
        near = every[made.nearest.rows]
        there, known = ~np.isnan(near), ~np.isnan(every)
        if not there.any():
            continue
        before = weighted_quantiles(every[known], np.ones(int(known.sum())), scoring.CUTS)
        after = weighted_quantiles(near[there], made.nearest.weights[there], scoring.CUTS)
        names = ("low_90", "low_50", "median", "high_50", "high_90")
        low, high = bounds_of(target)
        rows.append({
            "target": target.target, "event": target.event, "use": target.use, "reported": say(target.value, target),
            **bounds_in_words(target),
            **{name: say(cut, target) for name, cut in zip(names, before, strict=True)},
            **{f"accepted_{name}": say(cut, target) for name, cut in zip(names, after, strict=True)},
            "prior_inside_90": "yes" if scoring.interval_holds(before, low, high) else "no",
            "inside_90": "yes" if scoring.interval_holds(after, low, high) else "no",
            "error": target.error, "scale": target.scale, "sd": target.sd, "missing": int((~there).sum()),
        })  # fmt: skip
    return rows


def about_fit(made: Fit, request: Request) -> dict[str, Any]:
    """What the posterior was made from, so that a run can say whether it still holds."""
    about, base = read_about(made.bank.folder), base_of(made.bank.folder)
    drawn = set(made.bank.keys)
    numbers = {key: value for key, value in base["rules"].items() if key not in drawn and key != SPACE}
    priors = {prior.key: [prior.low, prior.high, prior.scale] for prior in made.priors}
    return {
        "bank": about["study"], **{key: about.get(key) for key in STAMPED}, "bank_commit": about.get("commit"),
        "commit": commit(), "versions": versions() | {name: version(name) for name in ("salib", "scikit-learn")},
        "rows": len(made.bank.seeds), "failed": made.bank.failed, "last_seed": int(made.bank.seeds.max()),
        "accept": request.accept, "draws": made.nearest.rows.size, "tolerance": made.nearest.tolerance,
        "effective_sample_size": made.nearest.effective, "targets": len(made.summaries.targets),
        "fitted": [target.target for target in made.summaries.targets], "left_out": list(made.summaries.left_out),
        "units": dict(zip((target.target for target in made.summaries.targets), made.summaries.units.tolist(),
                          strict=True)),
        "chosen": list(made.screening.chosen), "floor": made.screening.floor, "numbers": numbers, "priors": priors,
        "priors_fingerprint": sha256(json.dumps(priors, sort_keys=True).encode()).hexdigest()[:16],
        "posterior": made.posterior.digest,
    }  # fmt: skip


def base_of(folder: Path) -> dict[str, Any]:
    """The settings of a bank, in plain values."""
    scope = read_scope(folder)
    if scope is None or "draws" not in scope.base:
        raise PanjError(f"calibrate: found no record of campaigns in {folder}, expected what python -m sim bank makes")
    return scope.base


def priors_of(bank: Bank) -> tuple[Prior, ...]:
    """What the bank was drawn from, which may no longer be what is declared."""
    priors = base_of(bank.folder)["draws"]["priors"]
    return tuple(Prior(key, *priors[key]) for key in bank.keys)


def write_fit(request: Request, folder: Path, console: Console) -> Fit:
    """Fit and write the tables; PanjError for a bank of other rules, data or outcomes."""
    bank = read_bank(request.folder)
    console.print(f"{request.folder}: screening {len(bank.keys)} numbers on {len(bank.seeds):,} campaigns ...")
    made = fit(bank, priors_of(bank), targets_here(), request.accept)
    about = about_fit(made, request)
    texts = {
        "screening.csv": text_of(rows_of_screening(made.screening, made.summaries)),
        "diagnostics.csv": text_of(rows_of_diagnostics(made)),
        "predictive.csv": text_of(rows_of_predictive(made)),
        "fit.json": json.dumps(about, indent=1) + "\n",
    }
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8")
    seeds = bank.seeds[made.nearest.rows]
    pq.write_table(table_of(made.posterior, seeds, made.nearest.distances, about), folder / "posterior.parquet")
    return made


@contextmanager
def made_whole(folder: Path) -> Iterator[Path]:
    """A folder beside the place; its files move there, each in one step, when all are made, and else none does."""
    half = folder.with_name(f".{folder.name}.{os.getpid()}")
    try:
        if not folder.parent.is_dir():
            raise PanjError(f"calibrate: found no folder {folder.parent}, expected a bank: python -m sim bank")
        half.mkdir()
        yield half
        folder.mkdir(exist_ok=True)
        for path in sorted(half.iterdir()):
            os.replace(path, folder / path.name)
    except OSError as error:
        raise PanjError(f"calibrate: cannot write {folder} ({error.strerror or error})") from error
    finally:
        shutil.rmtree(half, ignore_errors=True)
