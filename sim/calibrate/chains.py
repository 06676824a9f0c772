"""A sequential fit: chains that start from the nearest campaigns of a bank and come nearer, generation by generation.

Reads and writes a folder of chains, one pyABC history each, and ended.json once the fit has ended.
Gives   `Refined`: the generations of all chains.
Assumed All chains of a generation have one tolerance, the distance within which half of the weight of the generation
        before lies, so that they draw from the same distribution and can be pooled; each chain counts by its effective
        sample size. Their draws start from parts of the bank that have no campaign in common. No tolerance goes below
        the error of observation, at which a campaign that is right in everything would be seen: nearer draws would
        only follow the error, and be too sure.

A generation is lived whole or not at all: whatever stops a fit, the same call goes on from the last whole one, and
ends in the same digits.

One chain of a sequential fit: draws that come nearer to the record generation by generation, by pyABC.

Reads and writes the history of the chain, an SQLite file of pyABC; a generation is in it whole or not at all.
Source  ABC by population Monte Carlo: Toni and Stumpf 2010; weights as in Beaumont, Cornuet, Marin and Robert 2009;
        proposals as in Alsing, Wandelt and Feeney 2018. pyABC: Schälte et al. 2022.
Assumed A number is fitted as its normal score: the share of its prior below it, which is even between 0 and 1 on
        whatever scale the prior is, becomes the point of a standard normal distribution below which as much lies. So
        the prior is the declared one, and no proposal lies beyond its ends. The numbers that are not fitted
        are luck: a campaign draws them from their priors by its own seed.

Every generation starts from the file alone, with a seed of its own: a chain that was stopped goes on to the same digits
as one that was not. Importing this module imports pyABC, which takes seconds.

What chains end in: every campaign that was ever lived and lies within the last tolerance, weighted as one sample.

Gives   `Gathered`: of the bank and of all generations of all chains.
Source  Weights over the density of all proposals together, each as often as it was used: Veach and Guibas 1995 (the
        balance heuristic); Cornuet, Marin, Mira and Robert 2012 for proposals that follow from earlier draws.
"""

import json
import logging
import math
import os
import signal
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from hashlib import sha256
from multiprocessing import active_children, get_context
from pathlib import Path
from threading import Thread
from typing import Any, NamedTuple

import numpy as np
import pyabc
from filelock import FileLock, Timeout
from numpy.typing import NDArray
from rich.console import Console
from scipy.special import ndtr, ndtri
from sqlalchemy.exc import SQLAlchemyError
from threadpoolctl import threadpool_limits

from sim.engine.chance import LAST_SEED
from sim.errors import PanjError
from sim.run.console import say_time
from sim.run.executors import cores, end_with_parent, interrupts_ignored
from sim.settings.draws import Prior
from sim.settings.posterior import weighted_quantiles
from sim.study.files import json_text, write_errors, write_file

NEARER = 0.5  # of the weight of a generation: what lies within the tolerance of the next
FEWEST = 3  # draws a chain at the start for each fitted number: fewer have no covariance worth the name
Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


class Effort(NamedTuple):
    """How much is lived, and when it is enough."""

    draws: int  # a chain and generation
    generations: int  # at most, after the one from the bank
    simulations: int  # a chain, at most
    acceptance: float  # share of simulations: the first generation below it is the last


Simulate = Callable[[Mapping[str, float], int], float]


class Problem(NamedTuple):
    """What is fitted to what."""

    priors: tuple[Prior, ...]  # of the numbers that are fitted
    simulate: Simulate
    shares: Floats  # campaigns of the bank x numbers: of the prior, below the number
    seeds: Integers
    distances: Floats
    nearest: int  # campaigns of the bank from which the chains start
    error: float = 0.0  # of observation, as a distance: nearer than this nothing can be told


class Population(NamedTuple):
    """The draws of one generation, in the order of their seeds."""

    scores: Floats  # draws x numbers
    weights: Floats  # a draw; they add up to 1
    seeds: Integers  # of the campaigns
    distances: Floats
    tolerance: float  # no draw is farther away
    simulations: int  # that were lived for it
    failed: int  # of them

    @property
    def shares(self) -> Floats:
        """Of the prior, below each number: draws x numbers."""
        return np.asarray(ndtr(self.scores), np.float64)

    @property
    def effective(self) -> float:
        """How many draws of equal weight tell as much: (sum of weights)² / sum of squares (Kish 1965)."""
        return float(self.weights.sum() ** 2 / (self.weights**2).sum())


class Refined(NamedTuple):
    """All generations of all chains."""

    generations: tuple[tuple[Population, ...], ...]  # a population a chain; the first is from the bank
    ended: str  # why

    @property
    def last(self) -> tuple[Population, ...]:
        """What the fit ends in, a population a chain."""
        return self.generations[-1]


def refine(
    problem: Problem, effort: Effort, chains: int, seed: int, folder: Path, console: Console,
    pool: Executor | None = None,
) -> Refined:  # fmt: skip
    """Begin or go on; the chains live in this process without a pool. PanjError for a bank that is too small."""
    starts = starts_of(problem, chains)
    every = [Chain(folder / f"chain_{place}.db", place, seed, problem.priors, problem.simulate)
             for place in range(chains)]  # fmt: skip
    for chain, start in zip(every, starts, strict=True):
        begin(chain, start)
    done = [tuple(population_of(chain, 0) for chain in every)]
    say_generation(done, effort, console)
    ended = read_ended(folder)
    while (why := ended_here(ended, done) or reason_to_end(done, effort, problem.error)) is None:
        started = time.monotonic()
        if live_next(every, done, effort, problem.error, console, pool):
            done.append(tuple(population_of(chain, len(done)) for chain in every))
            is_last = reason_to_end(done, effort, problem.error) is not None
            say_generation(done, effort, console, time.monotonic() - started, is_last)
        else:
            ended = {"generation": len(done) - 1, "why": f"a further generation took more than {effort.simulations:,} "
                     "simulations a chain in all"}  # fmt: skip
    write_file(folder / "ended.json", json_text({"generation": len(done) - 1, "why": why}))
    console.print(f"The chains have ended: {why}.")
    return Refined(tuple(done), why)


def starts_of(problem: Problem, chains: int) -> list[Population]:
    """The nearest campaigns of the bank, dealt out to the chains in turn; PanjError where there are too few."""
    order = np.argsort(problem.distances, kind="stable")
    order = order[: min(problem.nearest, int(np.isfinite(problem.distances).sum()))]
    fewest = FEWEST * (1 + len(problem.priors))
    if order.size < fewest * chains:
        raise PanjError(
            f"chains: found {order.size:,} accepted campaigns of the bank for {chains} chains, expected at least "
            f"{fewest} for each; accept a larger share, or take fewer chains"
        )
    starts = []
    for place in range(chains):
        rows = order[place::chains]
        rows = rows[np.argsort(problem.seeds[rows], kind="stable")]
        even = np.full(rows.size, 1 / rows.size)
        simulations = problem.distances.size // chains
        starts.append(Population(scores_of(problem.shares[rows]), even, problem.seeds[rows], problem.distances[rows],
                                 float(problem.distances[order[-1]]), simulations, 0))  # fmt: skip
    return starts


def read_ended(folder: Path) -> dict[str, Any]:
    """Where and why the chains ended, if they have."""
    path = folder / "ended.json"
    return dict(json.loads(path.read_text(encoding="utf-8"))) if path.exists() else {}


def ended_here(ended: Mapping[str, Any], done: Sequence[object]) -> str | None:
    """Why the chains ended with this generation, if they have."""
    return str(ended["why"]) if ended.get("generation") == len(done) - 1 else None


def reason_to_end(done: Sequence[tuple[Population, ...]], effort: Effort, error: float) -> str | None:
    """Why the last generation is the last, if it is."""
    last = done[-1]
    if last[0].tolerance <= error:
        return f"the draws are as near as the error of observation lets one tell ({error:.4g})"
    if len(done) > effort.generations:
        return f"{effort.generations} generations, as many as were asked for"
    if tolerance_after(last, error) >= last[0].tolerance:
        return "no draw is nearer than the others"
    if len(done) == 1:
        return None
    acceptance = acceptance_of(last)
    if acceptance < effort.acceptance:
        return f"only {acceptance:.2%} of proposals were accepted, less than {effort.acceptance:.2%}"
    if simulations_after(last) > effort.simulations - spent(done):
        return f"a further generation would take more than {effort.simulations:,} simulations a chain in all"
    return None


def tolerance_after(populations: Sequence[Population], error: float) -> float:
    """The distance within which a share NEARER of the pooled weight lies, but not less than the error."""
    distances = np.concatenate([one.distances for one in populations])
    return max(error, float(weighted_quantiles(distances, pooled_weights(populations), (NEARER,))[0]))


def pooled_weights(populations: Sequence[Population]) -> Floats:
    """The weights of all draws, chain by chain: a chain counts by its effective sample size. They add up to 1."""
    weights = np.concatenate([one.weights / one.weights.sum() * one.effective for one in populations])
    return np.asarray(weights / weights.sum(), np.float64)


def acceptance_of(populations: Sequence[Population]) -> float:
    """Draws over simulations, of all chains."""
    return sum(one.weights.size for one in populations) / sum(one.simulations for one in populations)


def simulations_after(populations: Sequence[Population]) -> float:
    """How many simulations of a chain the next generation will take, if acceptance falls as the tolerance does."""
    return max(one.simulations for one in populations) / NEARER


def spent(done: Sequence[tuple[Population, ...]]) -> int:
    """Simulations of the chain that took most, without the bank."""
    return max(sum(one.simulations for one in chain) for chain in zip(*done[1:], strict=True)) if done[1:] else 0


class Chain(NamedTuple):
    """What decides a chain; small enough to send to a process."""

    path: Path  # of its history
    number: int
    seed: int  # of the fit
    priors: tuple[Prior, ...]  # of the numbers that are fitted
    simulate: Simulate


def live_next(
    every: Sequence[Chain], done: Sequence[tuple[Population, ...]], effort: Effort, error: float,
    console: Console, pool: Executor | None,
) -> bool:  # fmt: skip
    """The next generation of every chain that lacks it; False where one would take too many simulations."""
    number, tolerance = len(done), tolerance_after(done[-1], error)
    orders = [
        (chain, number, tolerance, effort.draws, effort.simulations - sum(one[chain.number].simulations
                                                                         for one in done[1:]))
        for chain in every if last_generation(chain) < number
    ]  # fmt: skip
    with console.status(f"Generation {number}: tolerance {tolerance:.4g} ..."):
        if pool is None:
            lived = [live_generation(*order) for order in orders]
        else:
            with interrupts_ignored():  # processes start now
                futures = [pool.submit(live_generation, *order) for order in orders]
            lived = [future.result() for future in futures]
    return all(lived)


def say_generation(
    done: Sequence[tuple[Population, ...]], effort: Effort, console: Console, seconds: float = 0.0,
    is_last: bool = False,
) -> None:  # fmt: skip
    """A line a generation: how near, how many, how long, and how long the next will take."""
    last, number = done[-1], len(done) - 1
    draws, effective = sum(one.weights.size for one in last), sum(one.effective for one in last)
    if number == 0:
        console.print(f"{len(last)} chains start from the nearest {draws:,} campaigns of the bank, tolerance "
                      f"{last[0].tolerance:.4g}.")  # fmt: skip
        return
    took = f", {say_time(seconds)}" if seconds >= 1 else ""
    after = f", the next about {say_time(seconds / NEARER)}" if seconds >= 30 and not is_last else ""
    console.print(
        f"Generation {number} of at most {effort.generations}: tolerance {last[0].tolerance:.4g}, {draws:,} draws (as "
        f"much as {effective:,.0f} of equal weight) from {sum(one.simulations for one in last):,} simulations "
        f"({acceptance_of(last):.1%}){took}{after}"
    )


@contextmanager
def processes(count: int) -> Iterator[Executor]:
    """So many processes; whatever stops this one ends them at once: a generation that is not whole leaves nothing."""
    before = set(active_children())
    pool = ProcessPoolExecutor(min(count, cores()), mp_context=get_context("spawn"), initializer=serve)
    try:
        yield pool
    except BrokenProcessPool as error:
        raise PanjError("calibrate: found a process of a chain ended, for want of memory or by a signal; the same "
                        "command goes on from the last whole generation") from error  # fmt: skip
    except BaseException:
        for process in set(active_children()) - before:
            process.terminate()
        raise
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def serve() -> None:
    """For the process of a chain: Ctrl-C is not for it, and when its parent is killed it ends too."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    Thread(target=end_with_parent, daemon=True).start()


@contextmanager
def alone_in(folder: Path, asked: Mapping[str, Any]) -> Iterator[None]:
    """One fit at a time in a folder of chains, which says what was asked for."""
    with write_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        try:
            with FileLock(folder / ".lock").acquire(timeout=0):
                write_file(folder / "asked.json", json_text(asked))
                yield
        except Timeout as error:
            raise PanjError(
                f"calibrate: found another process at work in {folder}, expected none; wait for it"
            ) from error


logging.getLogger("ABC").setLevel(logging.ERROR)
FROM_PRIOR = 0.1  # of the proposals
EDGE = 1e-4  # of the prior
FIRST = 0  # the generation that comes from the bank
"""Fitted numbers and the seed of a campaign to its distance from the record; nan for a campaign that failed."""


class Normal(pyabc.random_variables.DistributionBase):
    """The prior of scores: standard normal, each by itself."""

    def rvs(self, *_arguments: Any, **_named: Any) -> pyabc.Parameter:
        """Never asked for: the first generation comes from the bank."""
        raise NotImplementedError

    def pdf(self, x: Mapping[str, float]) -> float:
        """The density, in units of that at the middle."""
        return float(prior_densities(np.array([list(x.values())]))[0])


class Proposal(NamedTuple):
    """Halfway between the prior and some draws: the geometric mean of the two, as normal ones, and some of the prior.

    Of all proposals this one gives the most effective draws a simulation (Alsing, Wandelt and Feeney 2018): where
    campaigns are mostly luck, the draws before are themselves too narrow. A share FROM_PRIOR comes from the prior, so
    that no weight is larger than 1 / FROM_PRIOR, whatever shape the posterior has (Hesterberg 1995).
    """

    middle: Floats  # of the normal part
    root: Floats  # lower; root @ root.T is its precision

    def draw(self) -> Floats:
        """Scores of one proposal, from the generator of NumPy."""
        normal = np.random.standard_normal(self.middle.size)
        is_prior = np.random.random() < FROM_PRIOR
        return normal if is_prior else self.middle + np.linalg.solve(self.root.T, normal)

    def densities(self, scores: Floats) -> Floats:
        """Of each row, in units of the density of the prior at its middle."""
        inner = (((scores - self.middle) @ self.root) ** 2).sum(axis=1)
        size = float(np.diag(self.root).prod())
        mixed = FROM_PRIOR * prior_densities(scores) + (1 - FROM_PRIOR) * size * np.exp(-0.5 * inner)
        return np.asarray(mixed, np.float64)


def proposal_of(scores: Floats, weights: Floats) -> Proposal:
    """The proposal after some draws."""
    centre = np.average(scores, axis=0, weights=weights)
    narrower = np.linalg.inv(np.atleast_2d(np.cov(scores.T, aweights=weights)))
    precision = (np.eye(centre.size) + narrower) / 2
    middle = np.linalg.solve(precision, narrower @ centre / 2)
    return Proposal(np.asarray(middle, np.float64), np.asarray(np.linalg.cholesky(precision), np.float64))


def prior_densities(scores: Floats) -> Floats:
    """Of each row, in units of that at the middle."""
    return np.asarray(np.exp(-0.5 * (scores**2).sum(axis=1)), np.float64)


class Halfway(pyabc.transition.Transition):
    """The proposal as pyABC asks for it."""

    def fit(self, X: Any, w: Floats) -> None:
        """Take the draws before, by their weights."""
        self.proposal = proposal_of(X.to_numpy(), w)

    def rvs_single(self) -> pyabc.Parameter:
        """One proposal."""
        return pyabc.Parameter(dict(zip(self.X.columns, self.proposal.draw().tolist(), strict=True)))

    def pdf(self, x: Mapping[str, float]) -> float:
        """The density of one proposal."""
        return float(self.proposal.densities(np.array([[x[key] for key in self.X.columns]]))[0])


class Alone(pyabc.random_variables.RVBase):
    """The one model that there is, at none of the cost of a distribution over models."""

    def copy(self) -> "Alone":
        """Another one."""
        return Alone()

    def rvs(self, *_arguments: Any, **_named: Any) -> int:
        """Always the same."""
        return 0

    def pmf(self, x: int, *_arguments: Any, **_named: Any) -> float:
        """All of the belief."""
        return float(x == 0)

    def pdf(self, x: float, *_arguments: Any, **_named: Any) -> float:
        """Not of a density."""
        raise NotImplementedError

    def cdf(self, x: float, *_arguments: Any, **_named: Any) -> float:
        """Not of a density."""
        raise NotImplementedError


class Campaigns:
    """The model as pyABC asks for it: scores to distance, seed and how many campaigns have failed so far."""

    def __init__(self, chain: Chain, generation: int) -> None:
        self.chain = chain
        self.generation = generation
        self.failed = 0

    def __call__(self, scores: Mapping[str, float]) -> dict[str, Any]:
        """Live the campaign of these scores, whose seed is a hash of them."""
        chain = self.chain
        row = np.array([scores[prior.key] for prior in chain.priors])
        seed = seed_of(chain, self.generation, row)
        numbers = numbers_at(chain.priors, ndtr(row))
        distance = chain.simulate(numbers, seed)
        if math.isnan(distance):
            self.failed += 1
            distance = math.inf
        return {"distance": distance, "seed": np.int64(seed), "failed": np.int64(self.failed)}


def numbers_at(priors: Sequence[Prior], shares: Floats) -> dict[str, float]:
    """The numbers below which these shares of their priors lie."""
    return {prior.key: prior.at(float(share)) for prior, share in zip(priors, shares, strict=True)}


def scores_of(shares: Floats) -> Floats:
    """Normal scores; the ends of a prior, which a whole number may have, lie EDGE inside."""
    return np.asarray(ndtri(np.clip(shares, EDGE, 1 - EDGE)), np.float64)


def seed_of(chain: Chain, generation: int, scores: Floats) -> int:
    """The seed of the campaign of a proposal."""
    said = f"campaign {chain.seed} {chain.number} {generation} ".encode() + scores.astype("<f8").tobytes()
    return int.from_bytes(sha256(said).digest()[:8], "little") & LAST_SEED


def begin(chain: Chain, start: Population) -> None:
    """Write the first generation, unless the history is there."""
    if chain.path.exists():
        return
    half = chain.path.with_suffix(".half")
    half.unlink(missing_ok=True)
    abc = setting_of(chain, FIRST, math.inf, len(start.weights), math.inf)
    with plain_errors(chain.path):
        history = abc.new(f"sqlite:///{half}", meta_info={"chain": chain.number, "seed": chain.seed})
        particles = [
            pyabc.population.Particle(
                m=0,
                parameter=pyabc.Parameter(dict(zip((prior.key for prior in chain.priors), row, strict=True))),
                weight=float(weight), sum_stat={"seed": np.int64(seed), "failed": np.int64(0)},
                distance=float(distance),
            )
            for row, weight, seed, distance in zip(
                start.scores.tolist(), start.weights, start.seeds, start.distances, strict=True
            )
        ]  # fmt: skip
        history.append_population(
            FIRST, start.tolerance, pyabc.population.Population(particles), start.simulations, ["Campaigns"]
        )
        history.done()
    os.replace(half, chain.path)


def last_generation(chain: Chain) -> int:
    """The last one in the history."""
    with plain_errors(chain.path):
        return int(history_of(chain).max_t)


def population_of(chain: Chain, generation: int) -> Population:
    """One generation as it lies in the history."""
    with plain_errors(chain.path):
        history = history_of(chain)
        particles = history.get_population(generation).particles
        about = history.get_all_populations().set_index("t").loc[generation]
    particles.sort(key=lambda one: one.sum_stat["seed"])
    return Population(
        np.array([[one.parameter[prior.key] for prior in chain.priors] for one in particles]),
        np.array([one.weight for one in particles]),
        np.array([one.sum_stat["seed"] for one in particles], np.int64),
        np.array([one.distance for one in particles]),
        float(about["epsilon"]),
        int(about["samples"]),
        max(one.sum_stat["failed"] for one in particles),
    )


def live_generation(chain: Chain, generation: int, tolerance: float, draws: int, most: int) -> bool:
    """So many draws within the tolerance into the history; False, and nothing, where `most` simulations give fewer.

    The generator of NumPy, from which pyABC draws, is seeded by the chain and the generation, and then left as it was.
    """
    abc = setting_of(chain, generation, tolerance, draws, most)
    before = np.random.get_state()
    try:
        with plain_errors(chain.path), threadpool_limits(1):  # several threads may add in another order
            abc.load(f"sqlite:///{chain.path}")
            said = sha256(f"proposals {chain.seed} {chain.number} {generation}".encode()).digest()
            np.random.seed(np.frombuffer(said, "<u4"))
            abc.run(max_nr_populations=1, min_acceptance_rate=draws / most)
            return int(abc.history.max_t) == generation
    finally:
        np.random.set_state(before)


def setting_of(chain: Chain, generation: int, tolerance: float, draws: int, most: float) -> pyabc.ABCSMC:
    """What pyABC needs to know for one generation."""
    return pyabc.ABCSMC(
        pyabc.FunctionModel(Campaigns(chain, generation), name="Campaigns"),
        Normal(),
        lambda found, _reported: found["distance"],
        population_size=draws,
        model_prior=Alone(),
        transitions=Halfway(),
        eps=pyabc.ConstantEpsilon(tolerance),
        sampler=pyabc.sampler.SingleCoreSampler(check_max_eval=math.isfinite(most)),
    )


def history_of(chain: Chain) -> pyabc.History:
    """The history of a chain that has begun."""
    return pyabc.History(f"sqlite:///{chain.path}", create=False)


@contextmanager
def plain_errors(path: Path) -> Iterator[None]:
    """What goes wrong with a history, in one line."""
    try:
        yield
    except (SQLAlchemyError, OSError, AssertionError, ValueError) as error:
        if isinstance(error, PanjError):
            raise
        said = " ".join(str(getattr(error, "orig", None) or error).split())
        raise PanjError(f"calibrate: cannot use {path} ({said}), expected the history of a chain on a disk with room; "
                        "without it the chain begins anew") from error  # fmt: skip


class Gathered(NamedTuple):
    """All campaigns within a tolerance: first those of the bank, in its order, then those of the chains."""

    rows: Integers  # of the bank
    shares: Floats  # campaigns x numbers, of the bank and then of the chains
    weights: Floats  # they add up to 1
    seeds: Integers
    distances: Floats


def gather(problem: Problem, refined: Refined) -> Gathered:
    """What the fit ends in: every campaign within the last tolerance, as if all had been proposed from one mixture."""
    tolerance = refined.last[0].tolerance
    rows = np.flatnonzero(problem.distances <= tolerance)
    bank = scores_of(problem.shares[rows])
    lived = [one for populations in refined.generations[1:] for one in populations]
    near = [one.distances <= tolerance for one in lived]
    scores = np.concatenate([bank, *(one.scores[there] for one, there in zip(lived, near, strict=True))])
    proposed = problem.distances.size * prior_densities(scores)
    for before, after in zip(refined.generations[:-1], refined.generations[1:], strict=True):
        for one, other in zip(before, after, strict=True):
            proposed += other.simulations * proposal_of(one.scores, one.weights).densities(scores)
    weights = prior_densities(scores) / proposed
    return Gathered(
        rows,
        np.concatenate([problem.shares[rows], ndtr(scores[rows.size :])]),
        weights / weights.sum(),
        np.concatenate([problem.seeds[rows], *(one.seeds[there] for one, there in zip(lived, near, strict=True))]),
        np.concatenate(
            [problem.distances[rows], *(one.distances[there] for one, there in zip(lived, near, strict=True))]
        ),
    )
