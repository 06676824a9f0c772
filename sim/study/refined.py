"""The refined fit of a bank: chains from its nearest campaigns, pooled into a posterior, and what campaigns it gives.

Reads   a bank and its first fit (`sim.study.calibrate`), and the settings with which the bank was made.
Writes  chains/<digest>/ in the folder of the fit: the history of each chain. What decides the digits of a fit decides
        the digest, so that a fit that was finished is found again and never lived twice.
Gives   `RefinedFit`. The numbers that were not fitted are those that the seed of each accepted campaign drew.
Assumed Accepted campaigns lie within the tolerance in part by luck. What the posterior gives to campaigns with other
        luck is therefore lived again, with seeds that the bank does not have.
"""

import json
from collections.abc import Sequence
from concurrent.futures import Executor
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from rich.console import Console

from sim.errors import PanjError
from sim.provenance import read_about
from sim.study.chain import numbers_at
from sim.study.draws import POSTERIOR
from sim.study.executors import interrupts_ignored
from sim.study.fit_tables import Ensemble, rows_of_chains
from sim.study.posterior import Posterior, posterior_of
from sim.study.proposed import Proposed, draws_in, live_again, numbers_of_draws, order_of
from sim.study.refine import Effort, Problem, Refined, acceptance_of, alone_in, pooled_weights, processes, refine
from sim.study.work import Order, Piece, live_piece

if TYPE_CHECKING:  # which imports this module when it refines
    from sim.study.calibrate import Fit, Request

EFFORTS = {  # quick is minutes on two cores; full is what Panj ships
    "quick": Effort(draws=200, generations=4, simulations=15_000, acceptance=0.005),
    "full": Effort(draws=1000, generations=12, simulations=300_000, acceptance=0.002),
}
AGAIN = 500  # campaigns with draws of the posterior, to set beside the targets
PIECE = 50  # campaigns lived at a time
LIBRARIES = ("pyabc", "numpy", "scipy", "pandas")  # that decide what a chain draws
Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


class RefinedFit(NamedTuple):
    """A posterior from chains, and the campaigns that belong to it."""

    effort: Effort
    error: float  # of observation, as a distance
    refined: Refined
    posterior: Posterior  # chain by chain
    seeds: Integers  # a draw: of its accepted campaign
    distances: Floats  # a draw
    accepted: pa.Table  # a campaign a draw, in their order
    again: pa.Table  # campaigns with draws of the posterior and other luck; those that failed are left out
    again_from: int  # seed of the first of them
    folder: Path  # of the chains

    @property
    def ensembles(self) -> dict[str, Ensemble]:
        """What is set beside the record, by the name of its columns."""
        return {
            "accepted": Ensemble(self.accepted, self.posterior.weights),
            "again": Ensemble(self.again, np.ones(self.again.num_rows)),
        }


def refined_fit(made: "Fit", request: "Request", place: Path, console: Console) -> RefinedFit:
    """Begin or go on with the chains of this request, and live what they end in."""
    order = order_of(made.bank)
    effort, asked = EFFORTS[request.refine], asked_of(made, request)
    digest = sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()[:16]
    folder = place / "chains" / digest
    with alone_in(folder, asked), processes(request.chains) as pool:
        problem = problem_of(made, order)
        refined = refine(problem, effort, request.chains, request.seed, folder, console, pool)
        return completed(made, order, effort, refined, folder, console, pool)


def problem_of(made: "Fit", order: Order) -> Problem:
    """The chosen numbers as shares of their priors, and what simulates them."""
    by_key = {prior.key: prior for prior in made.priors}
    priors = tuple(by_key[key] for key in made.screening.chosen)
    columns = [made.bank.drawn[:, made.bank.keys.index(prior.key)] for prior in priors]
    shares = np.array([[prior.share(value) for value in column]
                       for prior, column in zip(priors, columns, strict=True)]).T  # fmt: skip
    yardstick = made.summaries.yardstick
    return Problem(priors, Proposed(order, yardstick), shares, made.bank.seeds,
                   made.summaries.distances, made.nearest.rows.size, yardstick.error)  # fmt: skip


def asked_of(made: "Fit", request: "Request") -> dict[str, Any]:
    """All that decides the digits of the chains, in plain values."""
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
    made: "Fit", order: Order, effort: Effort, refined: Refined, folder: Path, console: Console, pool: Executor
) -> RefinedFit:
    """The posterior of the last generation, with its campaigns and with others that take their numbers from it."""
    last, draws = refined.last, draws_in(order)
    seeds = np.concatenate([one.seeds for one in last])
    distances = np.concatenate([one.distances for one in last])
    by_key = {prior.key: prior for prior in made.priors}
    chosen = [by_key[key] for key in made.screening.chosen]
    fitted = [numbers_at(chosen, row) for one in last for row in one.shares]
    numbers = numbers_of_draws(draws, seeds, fitted)
    rows = np.array([[one[key] for key in made.bank.keys] for one in numbers])
    posterior = posterior_of(made.bank.keys, pooled_weights(last), rows, "")
    first = int(made.bank.seeds.max()) + 1
    console.print(f"Living the {len(seeds):,} accepted campaigns again, and {AGAIN} with draws of the posterior and "
                  "other luck ...")  # fmt: skip
    with_posterior = order._replace(draws=draws._replace(source=POSTERIOR, posterior=posterior))
    with interrupts_ignored():
        kept = [pool.submit(live_again, order, numbers[start : start + PIECE], seeds[start : start + PIECE].tolist())
                for start in range(0, len(seeds), PIECE)]  # fmt: skip
        others = [pool.submit(live_piece, Piece(with_posterior, tuple(range(start, min(start + PIECE, first + AGAIN)))))
                  for start in range(first, first + AGAIN, PIECE)]  # fmt: skip
    accepted = pa.concat_tables([future.result() for future in kept])
    again = pa.concat_tables([future.result() for future in others])
    if not np.array_equal(made.summaries.yardstick.distances(accepted), distances):
        raise PanjError(f"calibrate: found accepted campaigns that came out otherwise when they were lived again, "
                        f"expected the same; the chains are of another version: remove {folder}")  # fmt: skip
    again = again.filter(pa.compute.is_null(again["error"]))
    error = made.summaries.yardstick.error
    return RefinedFit(effort, error, refined, posterior, seeds, distances, accepted, again, first, folder)


def rows_of_generations(refined: Refined) -> list[dict[str, Any]]:
    """A row a generation, of all chains together; the first are campaigns of the bank."""
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


def rows_of_agreement(made: "Fit", refined: Refined) -> list[dict[str, Any]]:
    """A row a fitted number: how far the chains lie apart; none where there is one chain."""
    by_key = {prior.key: prior for prior in made.priors}
    priors = [by_key[key] for key in made.screening.chosen]
    if len(refined.last) < 2:
        return []
    weights = np.split(pooled_weights(refined.last), sizes_of(refined)[:-1])
    return rows_of_chains(priors, [one.shares for one in refined.last], weights)


def sizes_of(refined: Refined) -> list[int]:
    """Where each chain ends in the rows of the posterior."""
    return np.cumsum([one.weights.size for one in refined.last]).tolist()


def about_refined(made: RefinedFit, request: "Request") -> dict[str, Any]:
    """What the posterior was made from, beside what is said of the first fit."""
    lived: Sequence[Any] = [one for populations in made.refined.generations[1:] for one in populations]
    return {
        "refine": request.refine, "chains": request.chains, "seed": request.seed, **made.effort._asdict(),
        "generations_lived": len(made.refined.generations) - 1, "ended": made.refined.ended,
        "simulations_lived": sum(one.simulations for one in lived), "failed": sum(one.failed for one in lived),
        "acceptance_of_the_last": acceptance_of(made.refined.last), "ends_of_chains": sizes_of(made.refined),
        "again": made.again.num_rows, "again_failed": AGAIN - made.again.num_rows, "again_from": made.again_from,
        "record": f"chains/{made.folder.name}", "started_from": made.refined.generations[0][0].tolerance,
        "error_of_observation": made.error,
    }  # fmt: skip
