"""Sequential fit: chains of draws that start from the bank campaigns nearest to the record and approach it.

Reads and writes a folder of chains: `chain_<number>_<generation>.npz` for each generation, and ended.json once the
        chains have ended. A generation is written atomically, so after any interruption the same call continues from
        the last complete generation and gives identical results.
Returns `Refined`, the generations of all chains, and `Gathered`, all campaigns within the last tolerance.
Source  ABC by population Monte Carlo: Toni and Stumpf 2010, with weights as in Beaumont, Cornuet, Marin and Robert
        2009 and proposals as in Alsing, Wandelt and Feeney 2018. The campaigns of all generations are weighted as one
        sample by the balance heuristic of Veach and Guibas 1995, which Cornuet, Marin, Mira and Robert 2012 apply to
        adaptive proposals.
Method  Each parameter is fitted as its normal score: the share of the prior below it, mapped to the quantile of a
        standard normal distribution. The declared priors are thus unchanged, and no proposal is outside them.
        Parameters that are not fitted act as noise: each campaign draws them from their priors with its own seed.
        All chains share the tolerance of a generation, so that they sample one distribution and can be pooled; each
        chain is weighted by its effective sample size. Each tolerance is chosen so that half of the weight of the
        generation before is within it. It never falls below the observation error, which is the expected distance of a
        perfect campaign; otherwise, draws would fit the error, and the posterior would be too narrow. The chains start
        from disjoint parts of the bank.
        Panj has its own loop because the prior, the proposals, the tolerances, the start from a bank and the
        seeding already existed; a library such as pyABC would add only the loop and a database.
"""

import json
import math
import signal
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from hashlib import sha256
from io import BytesIO
from multiprocessing import active_children, get_context
from pathlib import Path
from threading import Thread
from typing import Any, NamedTuple
from zipfile import BadZipFile

import numpy as np
from filelock import FileLock, Timeout
from numpy.typing import NDArray
from rich.console import Console
from scipy.special import ndtr, ndtri
from threadpoolctl import threadpool_limits

from sim.calibrate.tables import effective_size
from sim.configuration.draws import Prior
from sim.configuration.posterior import weighted_quantiles
from sim.engine.chance import LAST_SEED
from sim.errors import PanjError
from sim.execution.executors import cores, end_with_parent, interrupts_ignored
from sim.study.files import json_text, write_errors, write_file
from sim.wording import counted, format_seconds, percent

NEARER = 0.5  # share of a generation's weight within the tolerance of the next
FEWEST = 3  # minimum draws per chain and coefficient at the start, for a usable covariance
FROM_PRIOR = 0.1  # share of the proposals that come from the prior
EDGE = 1e-4  # scores are clipped this far from the ends of the prior, as a share
Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Simulate = Callable[[Mapping[str, float], int], float]  # parameters and seed -> distance; NaN if the campaign failed


class Effort(NamedTuple):
    """Simulation budget and stopping rules of the chains of a refined fit."""

    draws: int  # draws per chain and generation
    generations: int  # maximum number of generations, not counting the first, which is taken from the bank
    simulations: int  # maximum number of simulations per chain
    acceptance: float  # stop after the first generation whose acceptance rate is below this


class Problem(NamedTuple):
    """Input of the chains: priors, the campaigns of a bank with their distances from the record, and a simulator."""

    priors: tuple[Prior, ...]  # priors of the fitted parameters
    simulate: Simulate
    shares: Floats  # bank campaigns x parameters: share of the prior below the value
    seeds: Integers  # one per bank campaign
    distances: Floats  # one per bank campaign
    nearest: int  # number of bank campaigns from which the chains start
    error: float = 0.0  # observation error as a distance: lower limit of the tolerance


class Population(NamedTuple):
    """The draws of one generation of a chain, in order of acceptance."""

    scores: Floats  # draws x parameters
    weights: Floats  # one per draw; sum 1
    seeds: Integers  # one per draw: seed of its campaign
    distances: Floats
    tolerance: float  # maximum distance of a draw
    simulations: int  # campaigns run for this generation
    failed: int  # number of these that failed

    @property
    def shares(self) -> Floats:
        """For each value (draws x parameters), the share of the prior of its parameter that is below it."""
        return np.asarray(ndtr(self.scores), np.float64)

    @property
    def effective(self) -> float:
        """The effective sample size of the weighted draws."""
        return effective_size(self.weights)

    def by_seed(self) -> "Population":
        """Return the same draws sorted by seed."""
        order = np.argsort(self.seeds, kind="stable")
        return self._replace(
            scores=self.scores[order], weights=self.weights[order], seeds=self.seeds[order],
            distances=self.distances[order],
        )  # fmt: skip


class Refined(NamedTuple):
    """All generations of all chains, with the draws of each sorted by seed, and the reason why the chains ended."""

    generations: tuple[tuple[Population, ...], ...]  # generations x chains; the first generation is from the bank
    ended: str  # the reason why the chains ended

    @property
    def last(self) -> tuple[Population, ...]:
        """The last generation of each chain."""
        return self.generations[-1]


class Chain(NamedTuple):
    """Everything that a worker process needs to run one chain, in a form that can be sent to it."""

    folder: Path
    number: int
    seed: int  # seed of the fit
    priors: tuple[Prior, ...]  # priors of the fitted parameters
    simulate: Simulate

    def path(self, generation: int) -> Path:
        """Return the path of the file of one generation."""
        return self.folder / f"chain_{self.number}_{generation}.npz"


def refine(
    problem: Problem, effort: Effort, chains: int, seed: int, folder: Path, console: Console,
    pool: Executor | None = None,
) -> Refined:  # fmt: skip
    """Run the chains until they end, continuing from the last complete generation of an earlier call.

    Args:
        problem: The fitting problem, with the bank from which the chains start.
        effort: The simulation budget and stopping rules.
        chains: Number of chains.
        seed: Seed of the fit; together with the numbers of chain and generation, it determines every proposal.
        folder: Folder of this fit, which no other fit uses; see `alone_in`.
        console: Console for one line per generation.
        pool: Process pool, one process per chain; without it the chains run sequentially in this process.

    Returns:
        Every generation of every chain, and the reason why the chains ended.

    Raises:
        PanjError: If the bank has too few accepted campaigns, or if a file of the chains is damaged.
    """
    every = [Chain(folder, number, seed, problem.priors, problem.simulate) for number in range(chains)]
    done = [tuple(starts_of(problem, chains))]
    print_generation(done, effort, console)
    ended = read_ended(folder)
    while (why := ended_here(ended, done) or reason_to_end(done, effort, problem.error)) is None:
        started = time.monotonic()
        if run_next_generation(every, done, effort, problem.error, console, pool):
            done.append(tuple(read_generation(chain, len(done)) for chain in every))
            is_last = reason_to_end(done, effort, problem.error) is not None
            print_generation(done, effort, console, time.monotonic() - started, is_last)
        else:
            ended = {"generation": len(done) - 1, "why": f"a further generation took more than {effort.simulations:,} "
                     "simulations per chain in total"}  # fmt: skip
    write_file(folder / "ended.json", json_text({"generation": len(done) - 1, "why": why}))
    console.print(f"The chains have ended: {why}.")
    return Refined(tuple(tuple(one.by_seed() for one in populations) for populations in done), why)


def starts_of(problem: Problem, chains: int) -> list[Population]:
    """Share out the bank campaigns nearest to the record among the chains, and return the first generation of each.

    Raise PanjError if the bank has too few accepted campaigns.
    """
    order = np.argsort(problem.distances, kind="stable")
    order = order[: min(problem.nearest, int(np.isfinite(problem.distances).sum()))]
    fewest = FEWEST * (1 + len(problem.priors))
    if order.size < fewest * chains:
        raise PanjError(
            f"chains: found {order.size:,} accepted campaigns of the bank for {counted(chains, 'chain')}, expected at "
            f"least {fewest} per chain; accept a larger share or use fewer chains"
        )
    starts = []
    for number in range(chains):
        rows = order[number::chains]
        rows = rows[np.argsort(problem.seeds[rows], kind="stable")]
        equal = np.full(rows.size, 1 / rows.size)
        starts.append(Population(scores_of(problem.shares[rows]), equal, problem.seeds[rows], problem.distances[rows],
                                 float(problem.distances[order[-1]]), problem.distances.size // chains, 0))  # fmt: skip
    return starts


def read_ended(folder: Path) -> dict[str, Any]:
    """Read ended.json: the last generation and the reason for stopping.

    Return an empty dictionary if the chains have not ended.
    """
    path = folder / "ended.json"
    return dict(json.loads(path.read_text(encoding="utf-8"))) if path.exists() else {}


def ended_here(ended: Mapping[str, Any], done: Sequence[object]) -> str | None:
    """Return the reason in `ended` if it was recorded for the last generation of `done`; otherwise return None."""
    return str(ended["why"]) if ended.get("generation") == len(done) - 1 else None


def reason_to_end(done: Sequence[tuple[Population, ...]], effort: Effort, error: float) -> str | None:
    """Return the reason to stop after the last generation of `done`, or None if the chains should continue."""
    last = done[-1]
    if last[0].tolerance <= error:
        return f"the tolerance has reached the observation error ({error:.4g})"
    if len(done) > effort.generations:
        return f"{counted(effort.generations, 'generation')} have been run, the number requested"
    if tolerance_after(last, error) >= last[0].tolerance:
        return "the draws do not come any nearer"
    if len(done) == 1:
        return None
    acceptance = acceptance_of(last)
    if acceptance < effort.acceptance:
        return f"only {percent(acceptance, 2)} of proposals were accepted, less than {percent(effort.acceptance, 2)}"
    expected = max(one.simulations for one in last) / NEARER  # if acceptance falls by NEARER
    used = max(sum(one.simulations for one in chain) for chain in zip(*done[1:], strict=True))
    if expected > effort.simulations - used:
        return f"a further generation would take more than {effort.simulations:,} simulations per chain in total"
    return None


def tolerance_after(populations: Sequence[Population], error: float) -> float:
    """Return the tolerance of the next generation.

    It is the distance within which lies the share NEARER of the pooled weight of the draws, but at least `error`.
    """
    distances = np.concatenate([one.distances for one in populations])
    return max(error, float(weighted_quantiles(distances, pooled_weights(populations), (NEARER,))[0]))


def pooled_weights(populations: Sequence[Population]) -> Floats:
    """Return the weights of the draws of all chains, chain by chain, scaled so that all of them sum to 1.

    The total weight of a chain is proportional to its effective sample size.
    """
    weights = np.concatenate([one.weights / one.weights.sum() * one.effective for one in populations])
    return np.asarray(weights / weights.sum(), np.float64)


def acceptance_of(populations: Sequence[Population]) -> float:
    """Return accepted draws per simulation, for one generation of all chains together."""
    return sum(one.weights.size for one in populations) / sum(one.simulations for one in populations)


def run_next_generation(
    every: Sequence[Chain], done: Sequence[tuple[Population, ...]], effort: Effort, error: float,
    console: Console, pool: Executor | None,
) -> bool:  # fmt: skip
    """Run the next generation of every chain that has no file for it yet.

    Return True if all of them were completed, and False if one would have exceeded its maximum number of simulations.
    """
    number, tolerance = len(done), tolerance_after([one.by_seed() for one in done[-1]], error)
    orders = [
        (chain, done[-1][chain.number], number, tolerance, effort.draws,
         effort.simulations - sum(one[chain.number].simulations for one in done[1:]))
        for chain in every if not chain.path(number).exists()
    ]  # fmt: skip
    with console.status(f"Generation {number}: tolerance {tolerance:.4g} ..."):
        if pool is None:
            ran = [run_generation(*order) for order in orders]
        else:
            with interrupts_ignored():  # processes start now
                futures = [pool.submit(run_generation, *order) for order in orders]
            ran = [future.result() for future in futures]
    return all(ran)


def print_generation(
    done: Sequence[tuple[Population, ...]], effort: Effort, console: Console, seconds: float = 0.0,
    is_last: bool = False,
) -> None:  # fmt: skip
    """Print one line on the latest generation: its tolerance, draws and time, and the time expected for the next."""
    last, number = done[-1], len(done) - 1
    draws, effective = sum(one.weights.size for one in last), sum(one.effective for one in last)
    if number == 0:
        console.print(f"The nearest {draws:,} campaigns of the bank start {counted(len(last), 'chain')}, tolerance "
                      f"{last[0].tolerance:.4g}.")  # fmt: skip
        return
    took = f", {format_seconds(seconds)}" if seconds >= 1 else ""
    after = f", the next about {format_seconds(seconds / NEARER)}" if seconds >= 30 and not is_last else ""
    console.print(
        f"Generation {number} of at most {effort.generations}: tolerance {last[0].tolerance:.4g}, {draws:,} draws "
        f"(effective sample size {effective:,.0f}) from {sum(one.simulations for one in last):,} simulations "
        f"({percent(acceptance_of(last), 1)}){took}{after}"
    )


@contextmanager
def processes(count: int) -> Iterator[Executor]:
    """Open a pool of worker processes that stop when this process stops.

    Args:
        count: Number of processes, limited to the number of cores.

    Yields:
        The pool.

    Raises:
        PanjError: If a process of the pool was killed.
    """
    before = set(active_children())
    pool = ProcessPoolExecutor(min(count, cores()), mp_context=get_context("spawn"), initializer=start_process)
    try:
        yield pool
    except BrokenProcessPool as error:
        raise PanjError("calibrate: found that a process was killed, for lack of memory or by a signal, expected it to "
                        "finish; run the same command to continue from the last complete generation"
                        ) from error  # fmt: skip
    except BaseException:
        for process in set(active_children()) - before:
            process.terminate()
        raise
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def start_process() -> None:
    """Set up a worker: ignore Ctrl-C, which the parent handles, and exit when the parent is killed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    Thread(target=end_with_parent, daemon=True).start()


@contextmanager
def alone_in(folder: Path, asked: Mapping[str, Any]) -> Iterator[None]:
    """Lock a folder of chains for the duration of a block, and write the request to it.

    Args:
        folder: The folder, which is created if necessary.
        asked: The request, written as asked.json.

    Yields:
        Nothing; the fit runs inside the `with` block.

    Raises:
        PanjError: If another process has locked the folder, or if the folder cannot be written to.
    """
    with write_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        try:
            with FileLock(folder / ".lock").acquire(timeout=0):
                write_file(folder / "asked.json", json_text(asked))
                yield
        except Timeout as error:
            raise PanjError(
                f"calibrate: found another process at work in {folder}, expected none; wait until it has finished"
            ) from error


class Proposal(NamedTuple):
    """Proposal distribution: the geometric mean of the prior and a normal distribution fitted to the previous draws,
    mixed with the prior.

    Of all normal proposals, the geometric mean gives the largest effective sample size per simulation (Alsing, Wandelt
    and Feeney 2018); if outcomes are mostly noise, a distribution fitted to the previous draws alone is too narrow. The
    share FROM_PRIOR of the proposals comes from the prior, so that no weight can exceed 1 / FROM_PRIOR, whatever the
    posterior (Hesterberg 1995).
    """

    middle: Floats  # mean of the normal part
    root: Floats  # lower Cholesky factor of the precision, which is root @ root.T

    def draw(self, generator: np.random.RandomState) -> Floats:
        """Draw one proposal, and return the normal score of each parameter."""
        normal = generator.standard_normal(self.middle.size)
        is_prior = generator.random_sample() < FROM_PRIOR
        return normal if is_prior else self.middle + np.linalg.solve(self.root.T, normal)

    def densities(self, scores: Floats) -> Floats:
        """Return the density of the proposal at each row of scores, divided by the maximum of the prior density."""
        inner = (((scores - self.middle) @ self.root) ** 2).sum(axis=1)
        size = float(np.diag(self.root).prod())
        mixed = FROM_PRIOR * prior_densities(scores) + (1 - FROM_PRIOR) * size * np.exp(-0.5 * inner)
        return np.asarray(mixed, np.float64)


def proposal_of(scores: Floats, weights: Floats) -> Proposal:
    """Build the proposal distribution from previous draws: their scores (draws x parameters) and one weight each."""
    centre = np.average(scores, axis=0, weights=weights)
    narrower = np.linalg.inv(np.atleast_2d(np.cov(scores.T, aweights=weights)))
    precision = (np.eye(centre.size) + narrower) / 2
    middle = np.linalg.solve(precision, narrower @ centre / 2)
    return Proposal(np.asarray(middle, np.float64), np.asarray(np.linalg.cholesky(precision), np.float64))


def prior_densities(scores: Floats) -> Floats:
    """Return the prior density at each row of scores, divided by the maximum of the prior density."""
    return np.asarray(np.exp(-0.5 * (scores**2).sum(axis=1)), np.float64)


def numbers_at(priors: Sequence[Prior], shares: Floats) -> dict[str, float]:
    """Return the value of each parameter, keyed by parameter: the quantile of its prior at its share."""
    return {prior.key: prior.at(float(share)) for prior, share in zip(priors, shares, strict=True)}


def scores_of(shares: Floats) -> Floats:
    """Return the normal scores of prior shares.

    Shares are clipped to the range from EDGE to 1 - EDGE, since an integer parameter may equal an end of its prior.
    """
    return np.asarray(ndtri(np.clip(shares, EDGE, 1 - EDGE)), np.float64)


def seed_of(chain: Chain, generation: int, scores: Floats) -> int:
    """Return the campaign seed of a proposal: a hash of fit, chain, generation and scores."""
    text = f"campaign {chain.seed} {chain.number} {generation} ".encode() + scores.astype("<f8").tobytes()
    return int.from_bytes(sha256(text).digest()[:8], "little") & LAST_SEED


def run_generation(
    chain: Chain, before: Population, generation: int, tolerance: float, draws: int, most: int
) -> bool:  # fmt: skip
    """Run and write one generation of a chain.

    Random numbers come from NumPy's legacy generator, whose stream is the same in every version. Proposals are made
    with the parameters in alphabetical order, and in a single thread because several may sum in another order.

    Args:
        chain: The chain to continue.
        before: The previous generation of the chain, on which proposals are based.
        generation: Number of the generation to run.
        tolerance: Maximum distance of an accepted draw from the record.
        draws: Number of draws to accept.
        most: Maximum number of simulations.

    Returns:
        True if the generation was completed, and False if `most` simulations gave too few draws. In the second case,
        nothing is written.
    """
    order = np.argsort([prior.key for prior in chain.priors])
    back = np.argsort(order)
    text = sha256(f"proposals {chain.seed} {chain.number} {generation}".encode()).digest()
    generator = np.random.RandomState(np.frombuffer(text, "<u4"))
    accepted: list[tuple[Floats, float, int, float]] = []  # scores, weight, seed, distance
    simulations = failed = 0
    with threadpool_limits(1):
        rows = np.ascontiguousarray(before.scores[:, order])  # BLAS rounding depends on memory layout
        proposal = proposal_of(rows, before.weights / before.weights.sum())
        while len(accepted) < draws:
            if simulations >= most:
                return False
            row = proposal.draw(generator)
            scores = row[back]
            seed = seed_of(chain, generation, scores)
            distance = chain.simulate(numbers_at(chain.priors, ndtr(scores)), seed)
            simulations += 1
            failed += math.isnan(distance)
            if distance <= tolerance:
                weight = float(prior_densities(row[None])[0]) / float(proposal.densities(row[None])[0])
                accepted.append((scores, weight, seed, distance))
    scores, weights, seeds, distances = (np.array(column) for column in zip(*accepted, strict=True))
    found = Population(scores, weights / sum(weights.tolist()), seeds, distances, tolerance, simulations, failed)
    content = BytesIO()
    np.savez(content, **found._asdict())
    with write_errors(chain.folder):
        write_file(chain.path(generation), content.getvalue())
    return True


def read_generation(chain: Chain, generation: int) -> Population:
    """Read one generation of a chain. Raise PanjError if the file is missing or damaged."""
    path = chain.path(generation)
    try:
        with np.load(path) as found:
            columns = {name: found[name] for name in Population._fields}
    except (OSError, ValueError, KeyError, EOFError, BadZipFile) as error:
        raise PanjError(f"calibrate: found an unreadable file {path} ({error}), expected one generation of a chain; "
                        "delete the file to run this generation again") from error  # fmt: skip
    return Population(*(columns[name] if columns[name].ndim else columns[name].item() for name in Population._fields))


class Gathered(NamedTuple):
    """All campaigns within a tolerance: first those of the bank, in the order of its rows, then those of the chains."""

    rows: Integers  # row numbers of the bank campaigns in the bank
    shares: Floats  # campaigns x parameters: share of the prior below the value
    weights: Floats  # normalised to sum 1
    seeds: Integers
    distances: Floats


def gather(problem: Problem, refined: Refined) -> Gathered:
    """Collect all campaigns within the last tolerance, weighted as draws from the mixture of all proposals.

    Args:
        problem: The fitting problem, with the bank.
        refined: All generations of all chains.

    Returns:
        The campaigns of the bank and of the chains, with weights.
    """
    tolerance = refined.last[0].tolerance
    rows = np.flatnonzero(problem.distances <= tolerance)
    of_chains = [one for populations in refined.generations[1:] for one in populations]
    near = [one.distances <= tolerance for one in of_chains]
    pairs = list(zip(of_chains, near, strict=True))
    scores = np.concatenate([scores_of(problem.shares[rows]), *(one.scores[kept] for one, kept in pairs)])
    proposed = problem.distances.size * prior_densities(scores)
    for before, after in zip(refined.generations[:-1], refined.generations[1:], strict=True):
        for one, other in zip(before, after, strict=True):
            proposed += other.simulations * proposal_of(one.scores, one.weights).densities(scores)
    weights = prior_densities(scores) / proposed
    return Gathered(
        rows,
        np.concatenate([problem.shares[rows], ndtr(scores[rows.size :])]),
        weights / weights.sum(),
        np.concatenate([problem.seeds[rows], *(one.seeds[kept] for one, kept in pairs)]),
        np.concatenate([problem.distances[rows], *(one.distances[kept] for one, kept in pairs)]),
    )
