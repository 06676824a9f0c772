"""A fit of the uncertain numbers to the record, from a bank: `python -m sim calibrate [results/bank] [refine=quick]`.

Reads   a bank of these rules, this data and these outcomes; the targets that are to be fitted.
Writes  calibration/ in the bank: posterior.parquet, screening.csv, diagnostics.csv, predictive.csv, fit.json; of a
        refined fit also posterior_first.parquet, generations.csv, chains.csv and chains.parquet, and the record of its
        chains in chains/. `sim.show.calibration` shows and draws them, `sim.show.calibration_page` makes a page of
        them. A folder that is there stays whole until the new one is.
Source  The first fit: rejection with an Epanechnikov kernel and local linear regression, Beaumont, Zhang and Balding
        2002. Then chains: see `sim.study.refine`.
Assumed The campaigns that come nearest, a share `accept` of all, stand for the posterior. Each keeps all of its drawn
        numbers, so that what belongs together stays together; only the numbers that screening chose are adjusted. The
        error of observation enters by the units of distance, not as noise: where a campaign comes nearer than that
        error, the posterior is too sure.
"""

import json
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray
from rich.console import Console

from sim.chance import LAST_SEED
from sim.errors import PanjError, unknown
from sim.provenance import commit, read_about, versions
from sim.study.adjust import adjusted
from sim.study.bank import Bank, read_bank
from sim.study.draws import Prior
from sim.study.fit_tables import Ensemble, effective_size, rows_of_numbers, rows_of_record
from sim.study.posterior import Posterior, posterior_of, table_of
from sim.study.scope import read_scope
from sim.study.score import targets_here
from sim.study.score_tables import text_of
from sim.study.screening import Screening, Summaries, rows_of_screening, screen, summaries_of
from sim.targets import Target

USAGE = "python -m sim calibrate [results/bank] [refine=quick] [accept=0.01] [chains=2] [seed=0] [check=true]"
BANK, ACCEPT = Path("results/bank"), 0.01
QUICK, FULL, NONE = "quick", "full", "none"
REFINES = (QUICK, FULL, NONE)  # the first is the default
REFINED_ONLY = {"posterior_first.parquet", "generations.csv", "chains.csv", "chains.parquet",
                "generations.png"}  # fmt: skip
KEYS = ("accept", "refine", "chains", "seed", "check")
TRUTHS = {"true": True, "false": False}
CHAINS, MOST_CHAINS = 2, 64  # whatever the machine: the same call gives the same digits
DRAWS_A_COEFFICIENT = 5  # accepted campaigns a coefficient of the regression, at least
SPACE = "rules.flight.rows"  # how much space there is, which decides no number as long as it is enough
OF_A_POSTERIOR = ("draws", "tolerance", "effective_sample_size", "posterior")  # what the refined one says anew
STAMPED = (
    "words", "first_seed", "runs", "settings_fingerprint", "data_fingerprint", "rules_fingerprint",
    "outcomes_fingerprint",
)  # fmt: skip
Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


class Request(NamedTuple):
    """What was asked on the command line."""

    folder: Path
    accept: float  # share of the campaigns, for the first fit
    refine: str = "none"  # how much is lived to refine it: quick, full or none
    chains: int = 1
    seed: int = 0  # of the chains
    check: bool = False  # whether the fit is checked: truths among campaigns, and fits on a part of the evidence

    @property
    def place(self) -> Path:
        """Where the fit comes to lie."""
        return self.folder / "calibration"


class Nearest(NamedTuple):
    """The accepted campaigns, in the order of the bank."""

    rows: Integers  # of the bank
    distances: Floats
    weights: Floats
    tolerance: float  # the distance at which the weight becomes 0

    @property
    def effective(self) -> float:
        """How many draws of equal weight tell as much."""
        return effective_size(self.weights)


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
    """`results/bank accept=0.02 refine=full`; PanjError says what was expected."""
    folders = [word for word in words if "=" not in word]
    given = dict(word.split("=", 1) for word in words if word not in folders)
    for key in given:
        if key not in KEYS:
            raise unknown("calibrate", key, KEYS)
    if len(folders) > 1 or any(word.startswith("-") for word in folders):
        raise PanjError(f"calibrate: found '{' '.join(folders)}', expected one folder: {USAGE}")
    accept = share_to_accept(given)
    refine = given.get("refine", REFINES[0])
    if refine not in REFINES:
        raise unknown("refine", refine, REFINES)
    check = given.get("check", "false")
    if check not in TRUTHS:
        raise unknown("check", check, TRUTHS)
    return Request(
        Path(folders[0]) if folders else BANK, accept, refine,
        whole_number(given, "chains", CHAINS, 1, MOST_CHAINS), whole_number(given, "seed", 0, 0, LAST_SEED),
        TRUTHS[check],
    )  # fmt: skip


def share_to_accept(given: Mapping[str, str]) -> float:
    """The share of the campaigns that counts as near; PanjError for what is no share."""
    try:
        accept = float(given.get("accept", ACCEPT))
    except ValueError:
        accept = -1.0
    if not 0 < accept < 1:
        raise PanjError(f"accept: found '{given['accept']}', expected a share of the campaigns between 0 and 1")
    return accept


def whole_number(given: Mapping[str, str], key: str, usual: int, low: int, high: int) -> int:
    """A whole number between bounds."""
    text = given.get(key, str(usual))
    if not text.isdecimal() or not low <= int(text) <= high:
        raise PanjError(f"{key}: found '{text}', expected a whole number from {low} to {high}")
    return int(text)


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


def rows_of_diagnostics(made: Fit) -> list[dict[str, Any]]:
    """A row a number of the first fit."""
    return rows_of_numbers(made.priors, made.screening.chosen, made.bank.drawn, made.posterior, made.nearest.tolerance)


def rows_of_predictive(made: Fit) -> list[dict[str, Any]]:
    """A row a target: the bank and the campaigns that the first fit accepted, as lived; nothing here is adjusted."""
    accepted = Ensemble(made.bank.outcomes.take(made.nearest.rows), made.nearest.weights)
    return rows_of_record(made.targets, made.bank.outcomes, {"accepted": accepted})


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
        "accept": request.accept, "refine": request.refine,
        "draws": made.nearest.rows.size, "tolerance": made.nearest.tolerance,
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


def write_fit(request: Request, folder: Path, console: Console) -> None:
    """Fit, refine as asked, and write the tables; PanjError for a bank of other rules, data or outcomes."""
    bank = read_bank(request.folder)
    console.print(f"{request.folder}: screening {len(bank.keys)} numbers on {len(bank.seeds):,} campaigns ...")
    made = fit(bank, priors_of(bank), targets_here(), request.accept)
    about, texts = about_fit(made, request), {}
    if request.refine == NONE:
        write_posterior(folder / "posterior.parquet", made.posterior, bank.seeds[made.nearest.rows],
                        made.nearest.distances, about)  # fmt: skip
        texts = {"diagnostics.csv": rows_of_diagnostics(made), "predictive.csv": rows_of_predictive(made)}
    else:
        about, texts = write_refined(made, about, request, folder, console)
    texts["screening.csv"] = rows_of_screening(made.screening, made.summaries)
    for name, rows in texts.items():
        (folder / name).write_text(text_of(rows), encoding="utf-8")
    (folder / "fit.json").write_text(json.dumps(about, indent=1) + "\n", encoding="utf-8")


def write_refined(
    made: Fit, about: dict[str, Any], request: Request, folder: Path, console: Console
) -> tuple[dict[str, Any], dict[str, list[dict[str, Any]]]]:
    """Both posteriors; gives what is said of the refined one and its tables by file."""
    from sim.study.refined import (  # imports pyABC
        about_refined,
        draws_of_chains,
        fitted_in,
        refined_fit,
        rows_of_agreement,
        rows_of_generations,
    )

    write_posterior(folder / "posterior_first.parquet", made.posterior, made.bank.seeds[made.nearest.rows],
                    made.nearest.distances, about)  # fmt: skip
    found = refined_fit(made, request, request.place, console)
    tolerance = found.refined.last[0].tolerance
    first = {key: about[key] for key in OF_A_POSTERIOR}
    whole = {
        **about, **about_refined(found, request), "first": first, "draws": found.seeds.size, "tolerance": tolerance,
        "effective_sample_size": effective_size(found.posterior.weights), "posterior": found.posterior.digest,
        "versions": about["versions"] | {"pyabc": version("pyabc")},
    }  # fmt: skip
    write_posterior(folder / "posterior.parquet", found.posterior, found.seeds, found.distances, whole)
    pq.write_table(draws_of_chains(fitted_in(made), found.refined), folder / "chains.parquet")
    numbers = rows_of_numbers(made.priors, made.screening.chosen, made.bank.drawn, found.posterior, tolerance,
                              made.posterior)  # fmt: skip
    tables = {
        "diagnostics.csv": numbers, "generations.csv": rows_of_generations(found.refined),
        "predictive.csv": rows_of_record(made.targets, made.bank.outcomes, found.ensembles),
    }  # fmt: skip
    agreement = rows_of_agreement(made, found.refined)
    return whole, tables | ({"chains.csv": agreement} if agreement else {})


def write_posterior(
    path: Path, posterior: Posterior, seeds: Integers, distances: Floats, about: dict[str, Any]
) -> None:
    """One file of weighted draws, with what they were made from; packed as numbers that hardly repeat."""
    table = table_of(posterior, seeds, distances, about)
    pq.write_table(table, path, compression="zstd", use_dictionary=False, use_byte_stream_split=True)


@contextmanager
def made_whole(folder: Path, verb: str = "calibrate") -> Iterator[Path]:
    """A folder beside the place; its files move there, each in one step, when all are made, and else none does.

    Files of an earlier fit that this one does not have are then taken away; chains and sections stay.
    """
    half = folder.with_name(f".{folder.name}.{os.getpid()}")
    try:
        if not folder.parent.is_dir():
            raise PanjError(f"calibrate: found no folder {folder.parent}, expected a bank: python -m sim bank")
        half.mkdir()
        yield half
        folder.mkdir(exist_ok=True)
        made = [path.name for path in sorted(half.iterdir())]
        for name in made:
            os.replace(half / name, folder / name)
        for name in REFINED_ONLY.difference(made):
            (folder / name).unlink(missing_ok=True)
    except OSError as error:
        raise PanjError(f"{verb}: cannot write {folder} ({error.strerror or error})") from error
    finally:
        shutil.rmtree(half, ignore_errors=True)
