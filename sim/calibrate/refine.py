"""Refine the fit of a bank with chains whose draws are scored by ensembles of campaigns, and run the posterior.

Reads   a bank, its targets, and the settings of the bank.
Writes  chains/<digest>/ in the folder of the fit, with every stage of the chains. The digest covers everything that
        determines a fit, so that a finished fit is reused.
Returns `RefinedFit`; `Scorer`, which runs and scores ensembles on worker processes.
Method  All targets are used, not only those of the first fit; all events have equal weights. A target whose score is 0
        for the bank, because its range contains every campaign, is excluded. Campaigns are also run with draws of the
        posterior and new seeds, since each draw is slightly favoured by the seeds of its own ensemble. The learning
        rate is the one at which such campaigns score best, among the rates at the ends of stages. The campaigns used
        for this choice are not used again when the fit is compared with the record.
"""

import json
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from rich.console import Console

from sim.calibrate.chains import (
    CHAIN,
    DRAWN,
    MOVES,
    PARTS,
    RATES,
    SEED_BITS,
    SHARES,
    Effort,
    Problem,
    Refined,
    Sizes,
    locked_folder,
    processes,
    refine,
)
from sim.calibrate.fit import UNIT, Bank, Fit
from sim.calibrate.tables import effective_size, rows_of_chains, spread_of
from sim.configuration.draws import POSTERIOR, Draws, Prior, numbers_at
from sim.configuration.posterior import Posterior, posterior_of
from sim.configuration.settings import Order, Piece
from sim.configuration.sweep import compose_sweep
from sim.engine.campaign import run_campaign
from sim.engine.layout import Layout, fresh
from sim.engine.world import World
from sim.errors import CampaignError, PanjError
from sim.execution.executors import cores
from sim.execution.work import check_versions, layout_of, outcomes_of, run_piece
from sim.options import Calibrate
from sim.outcome import Outcome, count_outcomes
from sim.processes import interrupts_deferred
from sim.sampler import HALF, JITTER, LENGTHS, SCALE, STEPS, SUBSETS, Step
from sim.scoring.forecasts import Forecast, forecast_of, names_of
from sim.scoring.measure import measure
from sim.scoring.targets import Target
from sim.study.columns import stored_type, with_dates
from sim.study.reader import read_about

EFFORTS = {  # on two cores, quick takes about 4 minutes and full (used for the shipped posterior) about 25
    "quick": Effort(draws=128, campaigns=16, moves=4),
    "full": Effort(draws=256, campaigns=32, moves=6),
}
METHOD = 4  # version of the method; raise it whenever chains or scores change, so that earlier chains are not continued
# distance of a campaign without the outcome: some shares are undefined without falls or crossings
FARTHEST = 1.0
SHOWN = 8  # number of parameters in figures and tables: those whose variance the record reduces the most
AGAIN = 500  # campaigns run with draws of the posterior, for comparison with the targets
PIECE = 50  # campaigns per task of a worker process
LIBRARIES = ("numpy", "scipy")  # libraries whose versions affect the draws of a chain
Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


class Trial(NamedTuple):
    """The scores at one learning rate, summed over events."""

    rate: float
    ensembles: float  # mean over the ensembles of the draws
    again: float  # score of new campaigns that are run with the draws


class RefinedFit(NamedTuple):
    """The posterior of a refined fit, campaigns of its ensembles, and new campaigns run with draws of it."""

    effort: Effort
    events: tuple[str, ...]
    units: dict[Target, float]  # units in which the scores of the targets are measured
    refined: Refined
    trials: tuple[Trial, ...]  # scores at each learning rate that was tried
    posterior: Posterior
    # outcomes that targets use, in the first campaign of the ensemble of each draw, in the order of the draws
    accepted: pa.Table
    again: pa.Table  # campaigns run with draws of the posterior and new seeds, without failures
    again_from: int  # seed of the first of the new campaigns
    folder: Path  # folder of the chains
    campaigns: int  # campaigns that the chains ran

    def forecasts(self, targets: Sequence[Target]) -> dict[str, Forecast]:
        """Return two forecasts, keyed by column prefix: campaigns of the ensembles, and campaigns with new seeds."""
        return {
            "accepted": forecast_of(self.accepted, targets, self.refined.weights),
            "again": forecast_of(self.again, targets),
        }


def refined_fit(made: Fit, request: Calibrate, place: Path, console: Console) -> RefinedFit:
    """Run the chains of a request, then campaigns with draws from their posterior.

    A call that was interrupted continues from the last complete stage.

    Args:
        made: The first fit.
        request: The refinement effort and the seed.
        place: The folder of the fit.
        console: Console for progress.

    Returns:
        The refined fit.

    Raises:
        PanjError: If the settings of the bank resolve differently now, if every ensemble contains a failed campaign, or
            if a process was killed.
    """
    order = order_of(made.bank)
    units = units_of(made.targets, forecast_of(made.bank.outcomes, made.targets))
    effort, asked = EFFORTS[request.refine], asked_of(made, request, units)
    digest = sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()[:16]
    folder = place / "chains" / digest
    with locked_folder(folder, asked), processes(cores()) as pool:
        problem = problem_of(made, order, units)
        by_rate = refine(problem, effort, request.chains, request.seed, folder, console, pool)
        return completed(made, order, units, effort, by_rate, folder, console, pool)


def problem_of(made: Fit, order: Order, units: dict[Target, float]) -> Problem:
    """Set up the fitting problem, with its scorer, for all parameters and all targets that have a unit."""
    return Problem(made.priors, Scorer(order, units))


def events_of(targets: Iterable[Target]) -> tuple[str, ...]:
    """Return the events of targets without duplicates, in order of first appearance."""
    return tuple(dict.fromkeys(target.event for target in targets))


def units_of(targets: Sequence[Target], bank: Forecast) -> dict[Target, float]:
    """Return the unit of the score of each target: the score of the bank plus the observation error.

    A deviation that is small compared with the error of the report therefore has little weight. Targets that every
    campaign of the bank meets, or that the bank lacks, are excluded.
    """
    by_target = {target: score_of(target, bank) for target in targets}
    return {target: unit + error_of(target) for target, unit in by_target.items() if 0 < unit < math.inf}


def error_of(target: Target) -> float:
    """Return the observation error on the scale of a target's score, which for a split is a share of all soldiers."""
    if target.parts:
        return target.sd / sum(soldiers for _, soldiers in target.parts)
    return target.sd or UNIT


def score_of(target: Target, forecast: Forecast) -> float:
    """Return the score of a target: its CRPS, with the distance `FARTHEST` for campaigns without the outcome.

    The score is infinite if the outcome was not counted in any campaign.
    """
    found = measure(target, forecast)
    if found is None:
        return math.inf
    missing = found.missing / forecast.campaigns
    there = 0.0 if missing == 1.0 else found.score.value
    return (1.0 - missing) * there + missing * FARTHEST


def score_of_event(event: str, units: Mapping[Target, float], forecast: Forecast) -> float:
    """Return the mean score of the targets of an event, each in its unit."""
    return float(np.mean([score_of(target, forecast) / units[target] for target in units if target.event == event]))


def asked_of(made: Fit, request: Calibrate, units: Mapping[Target, float]) -> dict[str, Any]:
    """Collect everything that determines the chains, as plain values."""
    about = read_about(made.bank.folder)
    priors = {prior.key: [prior.low, prior.high, prior.scale] for prior in made.priors}
    seen = made.bank.seeds.tobytes() + made.bank.drawn.tobytes() + made.summaries.outside.tobytes()
    targets = {target.target: [target.event, *map(str, target)] for target in made.targets}
    return {
        **{key: about[key] for key in ("settings_fingerprint", "rules_fingerprint", "data_fingerprint",
                                       "outcomes_fingerprint")},
        "bank": sha256(seen).hexdigest()[:16], "priors": priors, "targets": targets, "rates": list(RATES),
        "units": {target.target: unit for target, unit in units.items()}, "farthest": FARTHEST,
        "refine": request.refine, **EFFORTS[request.refine]._asdict(), "chains": request.chains, "seed": request.seed,
        "method": [METHOD, CHAIN, DRAWN, HALF, SEED_BITS, *PARTS, *STEPS, *SUBSETS, SCALE, *LENGTHS, JITTER,
                   *MOVES.values()],
        "versions": {name: version(name) for name in LIBRARIES},
    }  # fmt: skip


def completed(
    made: Fit, order: Order, units: dict[Target, float], effort: Effort, by_rate: Sequence[Refined], folder: Path,
    console: Console, pool: Executor,
) -> RefinedFit:  # fmt: skip
    """Choose the learning rate after all chains have finished, and run campaigns with the draws at that rate."""
    first = int(made.bank.seeds.max()) + 1
    console.print(f"Running {AGAIN} campaigns with the draws of each of {len(by_rate)} learning rates ...")
    posteriors = [posterior_at(one, made) for one in by_rate]
    trials = tuple(
        Trial(one.rate, one.score, score_again(posterior, made, order, units, range(first, first + AGAIN), pool))
        for one, posterior in zip(by_rate, posteriors, strict=True)
    )
    best = int(np.argmin([trial.again for trial in trials]))
    refined, posterior = by_rate[best], posteriors[best]
    first += AGAIN
    drawn = drawn_of(refined, made)
    console.print(f"Rerunning one campaign of each of {len(drawn):,} ensembles ...")
    names = tuple(name for name in names_of(made.targets) if name in made.bank.outcomes.column_names)
    seeds = refined.seeds.tolist()
    accepted = pa.concat_tables(
        pooled(pool, run_again, [(order, drawn[first : first + PIECE], seeds[first : first + PIECE], names)
                                 for first in range(0, len(seeds), PIECE)])
    )  # fmt: skip
    console.print(f"Running {AGAIN} campaigns with draws of the posterior and new seeds ...")
    again = run_with(posterior, order, range(first, first + AGAIN), pool)
    return RefinedFit(
        effort,
        events_of(units),
        units,
        refined,
        trials,
        posterior,
        accepted,
        again,
        first,
        folder,
        campaigns_run(by_rate[-1], effort),
    )


def campaigns_run(last: Refined, effort: Effort) -> int:
    """Return the number of campaigns that the chains ran up to the end of the last stage.

    These are the draws from the prior, ensembles rerun with more campaigns in later stages, and the proposals.
    """
    kept = len(last.seeds)
    grown = kept * sum(effort.size(stage) for stage in range(len(RATES)) if effort.grows(stage))
    steps = [step for cloud in last.clouds for step in cloud.steps]
    return DRAWN * kept * effort.size(0) + grown + sum(sum(step.proposed) * effort.size(step.stage) for step in steps)


def drawn_of(refined: Refined, made: Fit) -> list[dict[str, float]]:
    """Return the parameters of every draw of the chains."""
    return [numbers_at(made.priors, shares) for shares in refined.shares]


def posterior_at(refined: Refined, made: Fit) -> Posterior:
    """Return the draws of the chains at a learning rate as a posterior."""
    rows = np.array([[one[key] for key in made.bank.keys] for one in drawn_of(refined, made)])
    return posterior_of(made.bank.keys, refined.weights, rows, "")


def score_again(
    posterior: Posterior, made: Fit, order: Order, units: Mapping[Target, float], seeds: range, pool: Executor
) -> float:
    """Run one new campaign per seed with draws from a posterior, and return the sum of the scores of all events."""
    ran = forecast_of(run_with(posterior, order, seeds, pool), made.targets)
    return math.fsum(score_of_event(event, units, ran) for event in events_of(units))


def run_with(posterior: Posterior, order: Order, seeds: range, pool: Executor) -> pa.Table:
    """Run one campaign per seed, each with a draw from a posterior; return the outcomes of those that did not fail."""
    order = order._replace(draws=draws_in(order)._replace(source=POSTERIOR, posterior=posterior))
    pieces = [seeds[first : first + PIECE] for first in range(0, len(seeds), PIECE)]
    table = pa.concat_tables(pooled(pool, run_piece, [(Piece(order, tuple(one)),) for one in pieces]))
    return table.filter(pa.compute.is_null(table["error"]))


def pooled(pool: Executor, task: Callable[..., pa.Table], orders: Sequence[tuple[Any, ...]]) -> list[pa.Table]:
    """Run a task in worker processes, once per element of `orders`, and return the results in the same order."""
    with interrupts_deferred():  # worker processes that start here inherit this
        futures = [pool.submit(task, *order) for order in orders]
    return [future.result() for future in futures]


def draws_of_chains(priors: Sequence[Prior], found: RefinedFit) -> pa.Table:
    """Make the table of the draws of each chain: seed, parameters, and the score of every event."""
    refined = found.refined
    fitted = [numbers_at(priors, row) for row in refined.shares]
    sizes = [cloud.before.size for cloud in refined.clouds]
    return pa.table(
        {
            "chain": np.repeat(np.arange(len(sizes)), sizes),
            "weight": refined.weights,
            "seed": refined.seeds,
            **{f"score_{event}": refined.scores[:, place] for place, event in enumerate(found.events)},
            **{prior.key: [one[prior.key] for one in fitted] for prior in priors},
        }
    )


def rows_of_steps(refined: Refined) -> list[dict[str, Any]]:
    """Make one row per chain and step of the sampler."""
    return [
        {
            "chain": number, "step": place + 1, "learning_rate": f"{rate_after(step):.6g}",
            "effective_sample_size": f"{step.effective:.1f}",
            "proposed": sum(step.proposed), "accepted": sum(step.accepted),
            **{f"accepted_{name.replace(' ', '_')}": f"{some / max(1, most):.3f}"
               for name, some, most in zip(MOVES, step.accepted, step.proposed, strict=True)},
            "log_evidence": f"{step.log_evidence:.4f}",
        }
        for number, cloud in enumerate(refined.clouds) for place, step in enumerate(cloud.steps)
    ]  # fmt: skip


def rate_after(step: Step) -> float:
    """Return the learning rate after a step of the sampler."""
    before, after = (0.0, *RATES)[step.stage : step.stage + 2]
    return before + step.temperature * (after - before)


def rows_of_events(found: RefinedFit, targets: Sequence[Target], bank: Forecast) -> list[dict[str, Any]]:
    """Make one row per event: its mean score in ensembles, in new campaigns, and in new campaigns without the event.

    To exclude an event, new campaigns are weighted by exp(rate x score), where the score is that of the event in the
    ensemble of their draw; this gives the posterior of all other events.
    """
    drawn = [found.posterior.row(seed) for seed in found.again["seed"].to_pylist()]
    whole, rows = forecast_of(found.again, targets), []
    ensembles = np.average(found.refined.scores, axis=0, weights=found.refined.weights)
    for place, event in enumerate(found.events):
        log_weights = found.refined.rate * found.refined.scores[drawn, place]
        weights = np.exp(log_weights - log_weights.max())
        prior, fresh, apart = (
            score_of_event(event, found.units, forecast) for forecast in (bank, whole, whole._replace(weights=weights))
        )
        rows.append({
            "event": event, "targets": sum(target.event == event for target in found.units), "bank": f"{prior:.4f}",
            "ensembles": f"{ensembles[place]:.4f}", "again": f"{fresh:.4f}", "without": f"{apart:.4f}",
            "effective_without": f"{effective_size(np.bincount(drawn, weights).astype(np.float64)):.1f}",
        })  # fmt: skip
    return rows


def rows_of_agreement(made: Fit, refined: Refined) -> list[dict[str, Any]]:
    """Make one row per parameter on whether the chains agree; return no rows if there is only one chain."""
    shares = [cloud.state[SHARES] for cloud in refined.clouds]
    weights = [np.ones(len(one)) for one in shares]
    return rows_of_chains(made.priors, shares, weights) if len(shares) > 1 else []


def most_constrained(priors: Sequence[Prior], refined: Refined) -> tuple[str, ...]:
    """Return the keys of the parameters whose variance the record reduces most, strongest first."""
    spreads = [spread_of(column, refined.weights) for column in refined.shares.T]
    return tuple(priors[place].key for place in np.argsort(spreads, kind="stable")[:SHOWN])


def about_refined(
    made: RefinedFit, request: Calibrate, priors: Sequence[Prior], targets: Sequence[Target]
) -> dict[str, Any]:
    """Collect the metadata of a refined posterior that `about_fit` does not collect."""
    refined = made.refined
    return {
        "refine": request.refine, "chains": request.chains, "seed": request.seed, **made.effort._asdict(),
        "campaigns": made.effort.size(RATES.index(refined.rate)),
        "draws": len(refined.seeds), "learning_rate": refined.rate,
        "trials": [trial._asdict() for trial in made.trials], "events": list(made.events),
        "targets": len(made.units), "fitted": [target.target for target in made.units],
        "left_out": [target.target for target in targets if target not in made.units],
        "units": {target.target: unit for target, unit in made.units.items()},
        "chosen": list(most_constrained(priors, refined)),
        "origins": [int(np.unique(cloud.origin).size) for cloud in refined.clouds],
        "simulations": made.campaigns,
        "score": refined.score,
        "log_evidence": [round(cloud.log_evidence, 4) for cloud in refined.clouds], "again": made.again.num_rows,
        "again_failed": AGAIN - made.again.num_rows, "again_from": made.again_from,
        "record": f"chains/{made.folder.name}",
    }  # fmt: skip


@dataclass(frozen=True)
class Scorer:
    """Run ensembles of campaigns and score them; this object is sent to worker processes."""

    order: Order
    units: dict[Target, float]  # unit of the score of each target

    def __call__(self, shares: Floats, seeds: Integers, sizes: Sizes) -> Floats:
        """Run the ensembles of several draws, and return the scores of the events (draws x sizes x events).

        An ensemble has as many campaigns as the largest of `sizes`; a smaller size scores the first of these. Scores
        are infinite if a campaign fails.
        """
        priors, targets, events = draws_in(self.order).priors, tuple(self.units), events_of(self.units)
        ready = prepared(self.order, names_of(targets))
        found = np.full((seeds.size, len(sizes), len(events)), np.inf)
        for row, (share, first) in enumerate(zip(shares, seeds.tolist(), strict=True)):
            numbers = [numbers_at(priors, share)] * max(sizes)
            ran = run_in(ready, self.order, numbers, range(first, first + max(sizes)))
            if ran.num_rows < max(sizes):
                continue
            of_size = {size: forecast_of(ran.slice(0, size), targets) for size in set(sizes)}
            scores = {size: [score_of_event(event, self.units, forecast) for event in events]
                      for size, forecast in of_size.items()}  # fmt: skip
            found[row] = [scores[size] for size in sizes]
        return found


def draws_in(order: Order) -> Draws:
    """Return the source of the draws of a bank, or raise PanjError if there is none."""
    if order.draws is None:
        raise PanjError("calibrate: found a bank without draws, expected a bank made by python -m sim bank")
    return order.draws


def order_of(bank: Bank) -> Order:
    """Return the settings of a bank as they are sent to workers.

    Raise PanjError if these settings would now resolve differently.
    """
    about = read_about(bank.folder)
    sweep = compose_sweep(about["words"])
    here, there = sweep.base.fingerprint(), about["settings_fingerprint"]
    if here != there or sweep.cells[0].order.draws is None:
        raise PanjError(
            f"calibrate: found {bank.folder} with settings of version {there}, expected {here}, because priors, "
            "numbers or policies have changed since; make the bank again, or fit it without chains: refine=none"
        )
    return sweep.cells[0].order


def run_again(
    order: Order, numbers: Sequence[Mapping[str, float]], seeds: Sequence[int], names: Sequence[str]
) -> pa.Table:
    """Run one campaign per pair of parameters and seed; return the outcomes `names` of those that did not fail."""
    return run_in(prepared(order, names), order, numbers, seeds)


class Prepared(NamedTuple):
    """Objects that all campaigns with the same settings share on a worker."""

    layout: Layout
    world: World  # world that every campaign overwrites
    table: tuple[Outcome, ...]  # outcomes to count


def prepared(order: Order, names: Sequence[str]) -> Prepared:
    """Prepare this worker to run campaigns and count outcomes. Raise PanjError if it has different rules."""
    check_versions(order.fingerprints, order.config_dir)
    layout = layout_of(order.rules, order.attention, order.posts)
    table = tuple(row for row in outcomes_of(order.start, order.days) if row.name in names)
    return Prepared(layout, fresh(layout.world), table)


def run_in(ready: Prepared, order: Order, numbers: Sequence[Mapping[str, float]], seeds: Sequence[int]) -> pa.Table:
    """Run one campaign per pair of parameters and seed; return the outcomes of those that did not fail."""
    layout, world, table = ready
    draws, found = draws_in(order), []
    for one, seed in zip(numbers, seeds, strict=True):
        try:
            campaign = run_campaign(layout.world, draws.rules(one), order.timeline, seed, order.days, world)
        except CampaignError:  # as in a bank, one failed campaign does not stop the fit
            continue
        found.append(count_outcomes(campaign, table, layout.facts, order.start))
    columns = {row.name: pa.array([one[row.name] for one in found], stored_type(row)) for row in table}
    return pa.table({name: with_dates(pa.chunked_array([column])) for name, column in columns.items()})
