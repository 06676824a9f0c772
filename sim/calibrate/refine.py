"""Refined fit of a bank: pool chains that start from its nearest campaigns, and run campaigns with posterior draws.

Reads   a bank, its first fit (`sim.calibrate.fit`), and the settings of the bank.
Writes  chains/<digest>/ in the folder of the fit, with every generation of the chains. The digest covers everything
        that determines a fit, so that a finished fit is reused instead of being run again.
Returns `RefinedFit`; `Simulator`, which a chain calls once per proposal.
Method  Parameters that are not fitted are drawn from their priors with the seed of each campaign, as in the bank: a
        bank campaign can thus be reproduced from its parameters and seed. Campaigns within the last tolerance are
        adjusted by regression as in the first fit, so that the two fits are comparable. Accepted campaigns are near the
        record partly by chance, so campaigns are also run with draws of the posterior and seeds that are not in the
        bank.
"""

import json
import math
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from functools import cached_property
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from rich.console import Console

from sim.calibrate.chains import (
    Effort,
    Gathered,
    Problem,
    Refined,
    acceptance_of,
    alone_in,
    gather,
    numbers_at,
    processes,
    refine,
)
from sim.calibrate.fit import Bank, Distance, Fit, adjusted, distances_of, shares_of
from sim.calibrate.tables import rows_of_chains
from sim.configuration.draws import POSTERIOR, Draws, Prior
from sim.configuration.posterior import Posterior, posterior_of
from sim.configuration.settings import Order, Piece
from sim.configuration.sweep import compose_sweep
from sim.engine.campaign import run_campaign
from sim.engine.layout import Layout, fresh
from sim.engine.world import World
from sim.errors import PanjError
from sim.execution.executors import interrupts_ignored
from sim.execution.work import check_versions, layout_of, outcomes_of, run_piece, run_seed
from sim.options import Calibrate
from sim.outcome import Outcome, count_outcomes
from sim.scoring.forecasts import Forecast, forecast_of
from sim.scoring.targets import Target
from sim.study.columns import chunk_of, stored_type, with_dates
from sim.study.reader import read_about

EFFORTS = {  # on two cores quick takes about 5 minutes and full, which Panj ships, about 15
    "quick": Effort(draws=150, generations=4, simulations=30_000, acceptance=0.002),
    "full": Effort(draws=500, generations=8, simulations=75_000, acceptance=0.001),
}
AGAIN = 500  # campaigns run with draws of the posterior, which are compared with the targets
PIECE = 50  # campaigns per task of a worker process
LIBRARIES = ("numpy", "scipy")  # whose versions affect what a chain draws
Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


class RefinedFit(NamedTuple):
    """The posterior of a refined fit, the accepted campaigns behind it, and new campaigns run with draws of it."""

    effort: Effort
    error: float  # observation error, as a distance
    refined: Refined
    posterior: Posterior  # adjusted
    seeds: Integers  # one per draw: seed of the accepted campaign
    distances: Floats  # one per draw
    accepted: pa.Table  # one campaign per draw, in the same order: the outcomes that targets use
    again: pa.Table  # campaigns run with draws of the posterior and new seeds, without failures
    again_from: int  # seed of the first of these
    from_bank: int  # number of draws that are bank campaigns
    folder: Path  # folder of the chains

    def forecasts(self, targets: Sequence[Target]) -> dict[str, Forecast]:
        """Return two forecasts, keyed by column prefix: of accepted campaigns, and of runs of posterior draws."""
        accepted = forecast_of(self.accepted, targets, self.posterior.weights)
        return {"accepted": accepted, "again": forecast_of(self.again, targets)}


def refined_fit(made: Fit, request: Calibrate, place: Path, console: Console) -> RefinedFit:
    """Run the requested chains, and then campaigns with draws of their posterior.

    A call that was interrupted continues from the last complete generation.

    Args:
        made: The first fit.
        request: The refinement effort and the seed.
        place: The folder of the fit.
        console: Console for progress.

    Returns:
        The refined fit.

    Raises:
        PanjError: If the settings of the bank now resolve differently, if there are too few accepted campaigns, or if
            a process was killed.
    """
    order = order_of(made.bank)
    effort, asked = EFFORTS[request.refine], asked_of(made, request)
    digest = sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()[:16]
    folder = place / "chains" / digest
    with alone_in(folder, asked), processes(request.chains) as pool:
        problem = problem_of(made, order)
        refined = refine(problem, effort, request.chains, request.seed, folder, console, pool)
        return completed(made, order, problem, effort, refined, folder, console, pool)


def problem_of(made: Fit, order: Order) -> Problem:
    """Set up the fitting problem for the chosen parameters, with its simulator."""
    priors = fitted_in(made)
    shares = shares_of(priors, made.bank.drawn[:, [made.bank.keys.index(prior.key) for prior in priors]])
    distance = made.summaries.distance
    return Problem(priors, Simulator(order, distance), shares, made.bank.seeds, made.summaries.distances,
                   made.nearest.rows.size, distance.error)  # fmt: skip


def asked_of(made: Fit, request: Calibrate) -> dict[str, Any]:
    """Collect everything that determines the chains, as plain values."""
    about = read_about(made.bank.folder)
    priors = {prior.key: [prior.low, prior.high, prior.scale] for prior in made.priors}
    seen = made.bank.seeds.tobytes() + made.bank.drawn.tobytes() + made.summaries.outside.tobytes()
    return {
        **{key: about[key] for key in ("settings_fingerprint", "rules_fingerprint", "data_fingerprint",
                                       "outcomes_fingerprint")},
        "accept": request.accept, "campaigns": sha256(seen).hexdigest()[:16],
        "chosen": list(made.screening.chosen), "priors": priors,
        "targets": [target.target for target in made.summaries.targets], "units": made.summaries.units.tolist(),
        "refine": request.refine, **EFFORTS[request.refine]._asdict(), "chains": request.chains, "seed": request.seed,
        "versions": {name: version(name) for name in LIBRARIES},
    }  # fmt: skip


def completed(
    made: Fit, order: Order, problem: Problem, effort: Effort, refined: Refined, folder: Path, console: Console,
    pool: Executor,
) -> RefinedFit:  # fmt: skip
    """Complete a refined fit after its chains have ended.

    Adjust all campaigns within the last tolerance, which gives the posterior, and run campaigns with draws of it.
    """
    found, distance = gather(problem, refined), made.summaries.distance
    console.print(f"Running the {len(found.seeds) - len(found.rows):,} accepted campaigns of the chains again ...")
    rows, accepted = accepted_in(made, order, problem, found, pool)
    outside = distance.outside(accepted)
    if not np.array_equal(distances_of(distance.targets, outside), found.distances):
        raise PanjError(f"calibrate: found different distances when accepted campaigns were run again, expected the "
                        f"same; the chains were run by another version, so remove {folder}")  # fmt: skip
    chosen = [made.bank.keys.index(prior.key) for prior in problem.priors]
    moved = adjusted(rows, made.priors, chosen, outside, found.weights)
    posterior = posterior_of(made.bank.keys, found.weights, moved, "")
    console.print(f"Running {AGAIN} campaigns with draws of the posterior and new seeds ...")
    first = int(made.bank.seeds.max()) + 1
    again = run_with(posterior, order, range(first, first + AGAIN), pool)
    return RefinedFit(effort, distance.error, refined, posterior, found.seeds, found.distances, accepted, again,
                      first, len(found.rows), folder)  # fmt: skip


def accepted_in(made: Fit, order: Order, problem: Problem, found: Gathered, pool: Executor) -> tuple[Floats, pa.Table]:
    """Return all parameters of the accepted campaigns, and a table of their outcomes that correspond to targets."""
    bank, draws, from_bank = made.bank, draws_in(order), len(found.rows)
    seeds = found.seeds[from_bank:].tolist()
    numbers = [draws.numbers(seed) | numbers_at(problem.priors, shares)
               for seed, shares in zip(seeds, found.shares[from_bank:], strict=True)]  # fmt: skip
    rows = np.array([*bank.drawn[found.rows], *([one[key] for key in bank.keys] for one in numbers)])
    ran = pooled(pool, run_again, [(order, numbers[first : first + PIECE], seeds[first : first + PIECE])
                                      for first in range(0, len(seeds), PIECE)])  # fmt: skip
    asked = {target.outcome for target in made.targets}
    names = [name for name in bank.outcomes.column_names if name in asked]
    again = [pa.table({name: with_dates(one[name]) for name in names}) for one in ran]
    return rows, pa.concat_tables([bank.outcomes.take(found.rows).select(names), *again])


def run_with(posterior: Posterior, order: Order, seeds: range, pool: Executor) -> pa.Table:
    """Run one campaign per seed, each with a draw of a posterior, and return the table of those that did not fail."""
    order = order._replace(draws=draws_in(order)._replace(source=POSTERIOR, posterior=posterior))
    pieces = [seeds[first : first + PIECE] for first in range(0, len(seeds), PIECE)]
    table = pa.concat_tables(pooled(pool, run_piece, [(Piece(order, tuple(one)),) for one in pieces]))
    return table.filter(pa.compute.is_null(table["error"]))


def pooled(pool: Executor, task: Callable[..., pa.Table], orders: Sequence[tuple[Any, ...]]) -> list[pa.Table]:
    """Run a task in worker processes, once per element of `orders`, and return the results in the same order."""
    with interrupts_ignored():  # worker processes may start here
        futures = [pool.submit(task, *order) for order in orders]
    return [future.result() for future in futures]


def draws_of_chains(priors: Sequence[Prior], refined: Refined) -> pa.Table:
    """Make the table of the draws of the last generation of each chain, neither pooled nor adjusted."""
    last = refined.last
    fitted = [numbers_at(priors, row) for one in last for row in one.shares]
    return pa.table(
        {
            "chain": np.repeat(np.arange(len(last)), [one.weights.size for one in last]),
            "weight": np.concatenate([one.weights for one in last]),
            "seed": np.concatenate([one.seeds for one in last]),
            "distance": np.concatenate([one.distances for one in last]),
            **{prior.key: [one[prior.key] for one in fitted] for prior in priors},
        }
    )


def rows_of_generations(refined: Refined) -> list[dict[str, Any]]:
    """Make one row per generation, with totals over all chains. The first generation is taken from the bank."""
    return [
        {
            "generation": number, "tolerance": f"{populations[0].tolerance:.6g}",
            "draws": sum(one.weights.size for one in populations),
            "simulations": sum(one.simulations for one in populations),
            "acceptance": f"{acceptance_of(populations):.6g}",
            "effective_sample_size": f"{sum(one.effective for one in populations):.1f}",
            **{f"effective_chain_{place}": f"{one.effective:.1f}" for place, one in enumerate(populations)},
            "failed": sum(one.failed for one in populations),
        }
        for number, populations in enumerate(refined.generations)
    ]  # fmt: skip


def rows_of_agreement(made: Fit, refined: Refined) -> list[dict[str, Any]]:
    """Make one row per fitted parameter on whether the chains agree; return no rows if there is only one chain."""
    shares, weights = [one.shares for one in refined.last], [one.weights for one in refined.last]
    return rows_of_chains(fitted_in(made), shares, weights) if len(refined.last) > 1 else []


def fitted_in(made: Fit) -> tuple[Prior, ...]:
    """Return the priors of the parameters chosen by screening, strongest first."""
    by_key = {prior.key: prior for prior in made.priors}
    return tuple(by_key[key] for key in made.screening.chosen)


def about_refined(made: RefinedFit, request: Calibrate) -> dict[str, Any]:
    """Collect the metadata of a refined posterior that `about_fit` does not contain."""
    ran: Sequence[Any] = [one for populations in made.refined.generations[1:] for one in populations]
    return {
        "refine": request.refine, "chains": request.chains, "seed": request.seed, **made.effort._asdict(),
        "generations_lived": len(made.refined.generations) - 1, "ended": made.refined.ended,
        "simulations_lived": sum(one.simulations for one in ran), "failed": sum(one.failed for one in ran),
        "acceptance_of_the_last": acceptance_of(made.refined.last), "draws_from_bank": made.from_bank,
        "again": made.again.num_rows, "again_failed": AGAIN - made.again.num_rows, "again_from": made.again_from,
        "record": f"chains/{made.folder.name}", "started_from": made.refined.generations[0][0].tolerance,
        "error_of_observation": made.error,
    }  # fmt: skip


class Simulator:
    """Simulator that runs one campaign and returns its distance from the record.

    The world is built once per process and then reused.
    """

    def __init__(self, order: Order, distance: Distance) -> None:
        self.order = order
        self.distance = distance

    def __getstate__(self) -> dict[str, Any]:
        return {"order": self.order, "distance": self.distance}

    def __call__(self, numbers: Mapping[str, float], seed: int) -> float:
        """Run a campaign and return its distance from the record, or NaN if the campaign failed."""
        order, (layout, world, table) = self.order, self.made
        draws = draws_in(order)
        try:
            rules = draws.rules(draws.numbers(seed) | dict(numbers))
            campaign = run_campaign(layout.world, rules, order.timeline, seed, order.days, world)
            found = count_outcomes(campaign, table, layout.facts, order.start)
        except Exception:  # as in a bank, one failed campaign does not stop the fit
            return math.nan
        outcomes = pa.table({row.name: pa.array([found[row.name]], stored_type(row)) for row in table})
        return float(self.distance.of(outcomes)[0])

    @cached_property
    def made(self) -> tuple[Layout, World, Sequence[Outcome]]:
        """The layout, a world that campaigns overwrite, and the outcomes to count."""
        order = self.order
        check_versions(order.fingerprints, order.config_dir)
        layout = layout_of(order.rules, order.attention, order.posts)
        wanted = {target.outcome for target in self.distance.targets}
        table = [row for row in outcomes_of(order.start, order.days) if row.name in wanted]
        return layout, fresh(layout.world), table


def draws_in(order: Order) -> Draws:
    """Return the source from which the parameters of a bank were drawn, or raise PanjError if there is none."""
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


def run_again(order: Order, numbers: Sequence[Mapping[str, float]], seeds: Sequence[int]) -> pa.Table:
    """Run one campaign per pair of parameters and seed, and return every outcome, with rows in the order of seeds."""
    check_versions(order.fingerprints, order.config_dir)
    layout = layout_of(order.rules, order.attention, order.posts)
    table = outcomes_of(order.start, order.days)
    draws, world = draws_in(order), fresh(layout.world)
    rows = [
        run_seed(order._replace(rules=draws.rules(one), draws=None), layout, table, seed, world)
        for one, seed in zip(numbers, seeds, strict=True)
    ]
    return chunk_of(rows, table, layout.facts, order.days, False)
