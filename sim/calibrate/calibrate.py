"""Fit the uncertain parameters to the record from a bank: `python -m sim calibrate [results/bank] [refine=quick]`.

Reads   a bank (prior sample) made with the current rules, data and outcomes; the targets to be fitted.
Writes  calibration/ in the bank, or calibration_2021-06-22/ if `until` is that day: posterior.parquet, screening.csv,
        diagnostics.csv, predictive.csv, fit.json; for a refined fit also posterior_first.parquet, steps.csv,
        events.csv, chains.csv and chains.parquet, and the stages of its chains in chains/. `sim.calibrate.figures`
        prints and draws them, `sim.calibrate.page` makes an HTML page. The files of an earlier fit are replaced only
        when all new ones are complete.
Source  First fit: rejection with an Epanechnikov kernel and local linear regression, Beaumont, Zhang and Balding 2002.
        Refined fit: see `sim.calibrate.chains`.
Assumed The campaigns nearest to the record (a share `accept` of all) represent the posterior. An accepted campaign
        keeps all its drawn parameters, so that their correlations are preserved; only the parameters chosen by
        screening are adjusted. The observation error enters through the units of distance and is not added as noise.
        The posterior is therefore too narrow if campaigns come nearer to the record than that error.
"""

import json
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from typing import Any

from rich.console import Console

from sim.calibrate.fit import (
    Fit,
    Floats,
    Integers,
    base_of,
    fit,
    priors_of,
    read_bank,
    rows_of_screening,
)
from sim.calibrate.heldout import targets_until
from sim.calibrate.refine import (
    about_refined,
    draws_of_chains,
    refined_fit,
    rows_of_agreement,
    rows_of_events,
    rows_of_steps,
)
from sim.calibrate.tables import effective_size, rows_of_numbers, rows_of_record, write_described, write_tables
from sim.configuration.posterior import Posterior, table_of
from sim.data.facts import THE_LINE, fingerprint_of_record
from sim.errors import PanjError
from sim.options import Calibrate
from sim.provenance import commit, versions
from sim.scoring.forecasts import forecast_of, targets_here
from sim.study.reader import read_about
from sim.wording import counted

QUICK, FULL, NONE = "quick", "full", "none"
REFINED_ONLY = {"posterior_first.parquet", "steps.csv", "events.csv", "chains.csv", "chains.parquet",
                "steps.png", "events.png"}  # fmt: skip
SPACE = "rules.flight.rows"  # number of refugee rows; it has no effect on results if large enough
OF_A_POSTERIOR = (  # keys of fit.json that the refined fit replaces
    "draws", "tolerance", "effective_sample_size", "posterior", "targets", "fitted", "left_out", "units", "chosen",
)  # fmt: skip
STAMPED = (
    "words", "first_seed", "runs", "settings_fingerprint", "data_fingerprint", "rules_fingerprint",
    "outcomes_fingerprint",
)  # fmt: skip


def rows_of_diagnostics(made: Fit) -> list[dict[str, Any]]:
    """Make the rows of diagnostics.csv: the prior of each parameter and its posterior in the first fit."""
    return rows_of_numbers(made.priors, made.screening.chosen, made.bank.drawn, made.posterior, made.nearest.tolerance)


def rows_of_predictive(made: Fit) -> list[dict[str, Any]]:
    """Make the rows of predictive.csv: the outcome of each target in the whole bank and in the accepted campaigns."""
    outcomes, nearest = made.bank.outcomes, made.nearest
    accepted = forecast_of(outcomes.take(nearest.rows), made.targets, nearest.weights)
    return rows_of_record(made.targets, forecast_of(outcomes, made.targets), {"accepted": accepted})


def about_fit(made: Fit, request: Calibrate) -> dict[str, Any]:
    """Collect the metadata of the posterior, from which a run checks whether the posterior is still valid."""
    about, base = read_about(made.bank.folder), base_of(made.bank.folder)
    drawn = set(made.bank.keys)
    numbers = {key: value for key, value in base["rules"].items() if key not in drawn and key != SPACE}
    priors = {prior.key: [prior.low, prior.high, prior.scale] for prior in made.priors}
    return {
        "bank": about["study"], **{key: about.get(key) for key in STAMPED}, "bank_commit": about.get("commit"),
        "commit": commit(), "versions": versions() | {"salib": version("salib")},
        "rows": len(made.bank.seeds), "failed": made.bank.failed, "last_seed": int(made.bank.seeds.max()),
        "accept": request.accept, "refine": request.refine, "until": request.until.isoformat(),
        "draws": made.nearest.rows.size, "tolerance": made.nearest.tolerance,
        "effective_sample_size": made.nearest.effective, "targets": len(made.summaries.targets),
        "fitted": [target.target for target in made.summaries.targets], "left_out": list(made.summaries.left_out),
        "units": dict(zip((target.target for target in made.summaries.targets), made.summaries.units.tolist(),
                          strict=True)),
        "chosen": list(made.screening.chosen), "floor": made.screening.floor, "numbers": numbers, "priors": priors,
        "priors_fingerprint": sha256(json.dumps(priors, sort_keys=True).encode()).hexdigest()[:16],
        "posterior": made.posterior.digest, "record_fingerprint": fingerprint_of_record(),
    }  # fmt: skip


def write_fit(request: Calibrate, folder: Path, console: Console) -> None:
    """Fit a bank, refine the fit if that is requested, and write the tables.

    Args:
        request: The bank, the settings of the fit and the refinement effort.
        folder: The folder to write to.
        console: Console for progress.

    Raises:
        PanjError: If the bank was made with other rules, data or outcomes, or is too small.
    """
    check_until(request)
    bank = read_bank(request.folder)
    numbers = counted(len(bank.keys), "number")
    console.print(f"{request.folder}: screening {numbers} on {len(bank.seeds):,} campaigns ...")
    targets = targets_here() if request.is_whole else targets_until(targets_here(), request.until)
    made = fit(bank, priors_of(bank), targets, request.accept)
    about, tables = about_fit(made, request), {}
    if request.refine == NONE:
        write_posterior(folder / "posterior.parquet", made.posterior, bank.seeds[made.nearest.rows],
                        made.nearest.distances, about)  # fmt: skip
        tables = {"diagnostics.csv": rows_of_diagnostics(made), "predictive.csv": rows_of_predictive(made)}
    else:
        about, tables = write_refined(made, about, request, folder, console)
    screening = rows_of_screening(made.screening, made.summaries)
    write_tables(folder, {**tables, "screening.csv": screening, "fit.json": about})


def check_until(request: Calibrate) -> None:
    """Raise PanjError if the record ends before `until`, or if checks are requested for a fit to part of the record."""
    if request.until > THE_LINE:
        raise PanjError(f"until: found {request.until}, expected a day up to {THE_LINE}", key="until")
    if request.check and not request.is_whole:
        raise PanjError(
            f"check: found true with until={request.until}, expected false, or until={THE_LINE}", key="check"
        )


def write_refined(
    made: Fit, about: dict[str, Any], request: Calibrate, folder: Path, console: Console
) -> tuple[dict[str, Any], dict[str, list[dict[str, Any]]]]:
    """Refine the fit, write the first and the refined posterior, and return the other tables.

    Returns:
        The content of fit.json, and a mapping from the file names of the other tables to their rows.
    """
    write_posterior(folder / "posterior_first.parquet", made.posterior, made.bank.seeds[made.nearest.rows],
                    made.nearest.distances, about)  # fmt: skip
    found = refined_fit(made, request, request.place, console)
    first = {key: about[key] for key in OF_A_POSTERIOR}
    score = found.refined.scores.sum(axis=1)
    whole = {
        **about, **about_refined(found, request, made.priors, made.targets), "first": first, "tolerance": None,
        "effective_sample_size": effective_size(found.posterior.weights), "posterior": found.posterior.digest,
    }  # fmt: skip
    write_posterior(folder / "posterior.parquet", found.posterior, found.refined.seeds, score, whole)
    write_described(draws_of_chains(made.priors, found), folder / "chains.parquet")
    bank = forecast_of(made.bank.outcomes, made.targets)
    used = [target._replace(use="fitted" if target in found.units else "scored") for target in made.targets]
    tables = {
        "diagnostics.csv": rows_of_numbers(made.priors, whole["chosen"], made.bank.drawn, found.posterior, None,
                                           made.posterior),
        "steps.csv": rows_of_steps(found.refined), "events.csv": rows_of_events(found, made.targets, bank),
        "predictive.csv": rows_of_record(used, bank, found.forecasts(used)),
    }  # fmt: skip
    agreement = rows_of_agreement(made, found.refined)
    return whole, tables | ({"chains.csv": agreement} if agreement else {})


def write_posterior(
    path: Path, posterior: Posterior, seeds: Integers, distances: Floats, about: dict[str, Any]
) -> None:
    """Write the weighted draws of a posterior and their metadata as a Parquet file."""
    table = table_of(posterior, seeds, distances, about)
    write_described(table, path, compression="zstd", use_dictionary=False, use_byte_stream_split=True)
