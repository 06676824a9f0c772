"""Refined fit: sample the parameters according to how well ensembles of their campaigns agree with the record.

Reads and writes a folder of chains: `chain_<number>/<stage>.stage` for each stage. A stage is written atomically, so
        after any interruption the same call continues from the last complete stage and gives identical results.
Returns `Refined`, the draws of all chains with their scores.
Source  A scoring rule in place of the log likelihood (generalised Bayesian inference): Pacchiardi, Khoo and Dutta,
        arXiv:2104.03889. Seeds that are kept while parameters change: the correlated pseudo-marginal method of
        Deligiannidis, Doucet and Pitt 2018, doi:10.1111/rssb.12280. Tempering and moves: `sim.sampler`.
Method  Each draw has its own seeds; an *ensemble* of campaigns is run with them. The score of an event is the mean
        over its targets of the score of the ensemble, each divided by that of the bank plus the observation error: 0
        if every campaign equals the record, and below 1 for the bank. The joint density of parameters and seeds is
        that of the prior times exp(-rate x sum of the scores of all events); `rate` is called the learning rate. Since
        scores are estimated, the density of the parameters alone is a little higher where scores differ more between
        seeds. All parameters are fitted, each as its cumulative prior probability. Chains that end in different places
        are weighted by their evidence.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Executor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from rich.console import Console

from sim.configuration.draws import Prior
from sim.errors import PanjError
from sim.execution.executors import cores
from sim.processes import interrupts_deferred, worker_pool
from sim.sampler import STEPS, Cloud, State, differing, generator, read_stage, sample, stepped, store_stage
from sim.study.files import json_text, locked, write_file
from sim.wording import counted, format_seconds, percent

RATES = (1.0, 2.0, 4.0, 8.0)  # learning rate at the end of each stage
# divisor of the ensemble size at each stage, since scores may be less precise at a low learning rate
PARTS = (4, 2, 1, 1)
CHAIN = 2  # draws per chain of moves; the sampler runs many such chains
DRAWN = 8  # draws from the prior per draw that is kept
BATCH = 4  # ensembles per task of a worker process
SEED_BITS = 40  # number of random bits in the first seed of an ensemble
SAMPLER = 20210707  # constant in the seed of the sampler's random numbers
MOVES = {  # frequency of each kind of proposal; the first kinds are those of STEPS
    "one parameter": 0.1,
    "three parameters": 0.1,
    "eight parameters": 0.1,
    "other seeds": 0.1,
    "part of a difference": 0.45,
    "whole difference": 0.15,
}
OTHER_SEEDS, PART, WHOLE = range(len(STEPS), len(MOVES))
SHARES, SEEDS, SCORES, EARLIER = range(4)  # positions of the arrays in a state
Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Sizes = tuple[int, ...]  # numbers of campaigns to score; each ensemble runs the largest of them
Score = Callable[[Floats, Integers, Sizes], Floats]  # shares, first seeds, sizes -> scores (ensembles, sizes, events)


class Effort(NamedTuple):
    """Size of the sample of a refined fit."""

    draws: int  # draws per chain, a multiple of CHAIN
    campaigns: int  # campaigns per ensemble, in the last stages
    moves: int  # moves between successive draws of a chain

    def size(self, stage: int) -> int:
        """Return the number of campaigns per ensemble in a stage."""
        return max(1, self.campaigns // PARTS[stage])

    def grows(self, stage: int) -> bool:
        """Return whether ensembles have more campaigns than in the previous stage."""
        return stage > 0 and self.size(stage) > self.size(stage - 1)


class Problem(NamedTuple):
    """Input of the chains: priors, and the function that runs and scores ensembles."""

    priors: tuple[Prior, ...]
    score: Score  # returns infinite scores for an ensemble in which a campaign failed


class Refined(NamedTuple):
    """The draws of all chains at one learning rate, weighted by the evidence that each chain estimates."""

    clouds: tuple[Cloud, ...]  # the draws of each chain
    rate: float  # learning rate

    @property
    def shares(self) -> Floats:
        """Parameters of each draw (draws x parameters), as cumulative prior probabilities."""
        return np.concatenate([cloud.state[SHARES] for cloud in self.clouds])

    @property
    def seeds(self) -> Integers:
        """Seed of the first campaign in the ensemble of each draw; the seeds of the others follow consecutively."""
        return np.concatenate([cloud.state[SEEDS] for cloud in self.clouds])

    @property
    def weights(self) -> Floats:
        """Weight of each draw; the weights within a chain are equal and add up to the chain's share of the evidence."""
        logs = np.array([cloud.log_evidence for cloud in self.clouds])
        shares = np.exp(logs - logs.max())
        sizes = [cloud.before.size for cloud in self.clouds]
        return np.asarray(np.repeat(shares / shares.sum() / sizes, sizes), np.float64)

    @property
    def score(self) -> float:
        """Mean over the draws of the score of all events together."""
        return float(np.average(self.scores.sum(axis=1), weights=self.weights))

    @property
    def scores(self) -> Floats:
        """Score of each event in the ensemble of each draw (draws x events)."""
        return np.concatenate([cloud.state[SCORES] for cloud in self.clouds])


class Ensembles:
    """The model that `sim.sampler` samples: the parameters, first seeds and scores of ensembles.

    Args:
        problem: The fitting problem.
        score: Function that runs and scores ensembles: `problem.score`, or a version of it that uses worker processes.
        effort: The size of the sample, which determines the number of campaigns per ensemble in each stage.
    """

    stages = len(RATES)
    moves = tuple(MOVES)
    probabilities = tuple(MOVES.values())

    def __init__(self, problem: Problem, score: Score, effort: Effort) -> None:
        self.problem, self.score, self.effort = problem, score, effort

    def begin(self, rng: np.random.Generator, count: int) -> State:
        """Draw parameters from their priors, and seeds. Raise PanjError if every ensemble has failures."""
        shares = rng.random((count, len(self.problem.priors)))
        state = self.scored(shares, first_seeds(rng, count), 0)
        if not np.isfinite(state[SCORES]).all(axis=1).any():
            raise PanjError(f"calibrate: found a failed campaign in each of {counted(count, 'ensemble')} drawn from "
                            "the priors, expected at least one ensemble in which all campaigns finished")  # fmt: skip
        return state

    def renew(self, rng: np.random.Generator, state: State, stage: int) -> State:
        """Return the states with their scores in this stage, after rerunning ensembles that have become larger."""
        shares, seeds, scores, _ = state
        return self.scored(shares, seeds, stage) if self.effort.grows(stage) else (shares, seeds, scores, scores)

    def propose(self, rng: np.random.Generator, state: State, stage: int, move: Integers, others: State) -> State:
        """Propose other parameters with the same seeds, or other seeds with the same parameters."""
        shares, seeds = state[SHARES], state[SEEDS]
        new = stepped(rng, shares, np.minimum(move, OTHER_SEEDS))
        differs = (move == PART) | (move == WHOLE)
        new = np.where(differs[:, None], differing(rng, shares, others[SHARES], move == WHOLE), new)
        return self.scored(new, np.where(move == OTHER_SEEDS, first_seeds(rng, seeds.size), seeds), stage)

    def weigh(self, state: State, stage: int) -> tuple[Floats, Floats]:
        """Return log likelihoods in the form required by `sim.sampler.Model.weigh`.

        The first array is minus the sum of the scores in the previous stage, times its learning rate. The second has
        one column per event: the change when the scores and rate of this stage replace those of the previous one,
        whose ensembles may be smaller. It is minus infinity if a campaign failed.
        """
        before, after = (0.0, *RATES)[stage : stage + 2]
        fine = np.isfinite(state[SCORES]) & np.isfinite(state[EARLIER])
        scores, earlier = np.where(fine, state[SCORES], 0.0), np.where(fine, state[EARLIER], 0.0)
        return -before * earlier.sum(axis=1), np.where(fine, before * earlier - after * scores, -np.inf)

    def scored(self, shares: Floats, seeds: Integers, stage: int) -> State:
        """Return a state with the scores of its ensembles in a stage and in the previous one."""
        sizes = self.effort.size(max(0, stage - 1)), self.effort.size(stage)
        found = self.score(shares, seeds, sizes)
        return shares, seeds, found[:, 1], found[:, 0]


def first_seeds(rng: np.random.Generator, count: int) -> Integers:
    """Draw the first seeds of `count` ensembles."""
    return rng.integers(2**SEED_BITS, size=count)


def refine(
    problem: Problem, effort: Effort, chains: int, seed: int, folder: Path, console: Console,
    pool: Executor | None = None,
) -> tuple[Refined, ...]:  # fmt: skip
    """Run the chains one after another, each from the last stage that an earlier call completed.

    Args:
        problem: The fitting problem.
        effort: The size of the sample.
        chains: Number of independent chains.
        seed: Seed of the fit; together with the number of a chain, it determines every proposal.
        folder: Folder of this fit, which no other fit uses; see `locked_folder`.
        console: Console for one line per stage.
        pool: Process pool that runs the ensembles; None to run them in this process.

    Returns:
        The draws of all chains, at each learning rate.

    Raises:
        PanjError: If every ensemble drawn from the priors contains a failed campaign.
    """
    score = problem.score if pool is None else pooled_scorer(problem.score, pool)
    model = Ensembles(problem, score, effort)
    clouds: list[list[Cloud]] = [[] for _ in RATES]  # clouds by stage, then by chain
    for number in range(chains):
        place = folder / f"chain_{number}"
        there = [read_stage(place, stage) for stage in range(model.stages)]
        first = there.index(None) if None in there else model.stages
        cloud = there[first - 1] if first else None
        own_seed = int(generator(seed, SAMPLER, number).integers(2**SEED_BITS))
        ran = sample(model, effort.draws, CHAIN, own_seed, cloud, first, effort.moves, DRAWN)
        for stage, of_stage in enumerate(clouds):
            started, done = time.monotonic(), there[stage] if stage < first else None
            if done is None:
                with console.status(f"Chain {number + 1} of {chains}: learning rate {RATES[stage]:g} ..."):
                    done = next(ran)
                store_stage(place, stage, done)
                print_stage(number, chains, stage, done, time.monotonic() - started, console)
            of_stage.append(done)
    return tuple(Refined(tuple(of_stage), rate) for of_stage, rate in zip(clouds, RATES, strict=True))


def pooled_scorer(score: Score, pool: Executor) -> Score:
    """Return a scorer that divides ensembles into batches and scores them in the processes of a pool."""

    def on_pool(shares: Floats, seeds: Integers, sizes: Sizes) -> Floats:
        with interrupts_deferred():  # worker processes that start here inherit this
            futures = [
                pool.submit(score, shares[first : first + BATCH], seeds[first : first + BATCH], sizes)
                for first in range(0, seeds.size, BATCH)
            ]
        return np.concatenate([future.result() for future in futures])

    return on_pool


def print_stage(number: int, chains: int, stage: int, cloud: Cloud, seconds: float, console: Console) -> None:
    """Print one line about a stage of a chain: learning rate, steps, share of moves accepted, mean score and time."""
    steps = [step for step in cloud.steps if step.stage == stage]
    proposed, accepted = sum(sum(one.proposed) for one in steps), sum(sum(one.accepted) for one in steps)
    took = f", {format_seconds(seconds)}" if seconds >= 1 else ""
    console.print(
        f"Chain {number + 1} of {chains}, learning rate {RATES[stage]:g}: {counted(len(steps), 'step')}, "
        f"{percent(accepted / max(1, proposed), 0)} of moves accepted, mean score "
        f"{cloud.state[SCORES].sum(axis=1).mean():.2f}{took}",
        soft_wrap=True,
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
    try:
        with worker_pool(min(count, cores()), "spawn") as pool:
            yield pool
    except BrokenProcessPool as error:
        raise PanjError("calibrate: found a killed worker process (out of memory, or a signal), expected it to "
                        "finish; run the same command to continue from the last complete stage"
                        ) from error  # fmt: skip


@contextmanager
def locked_folder(folder: Path, asked: Mapping[str, Any]) -> Iterator[None]:
    """Lock a folder of chains for the duration of a block, and write the request to it.

    If the block ends before the first stage of a chain is complete, the folder is removed.

    Args:
        folder: The folder, which is created if necessary.
        asked: The request, written as asked.json.

    Yields:
        Nothing; the fit runs inside the `with` block.

    Raises:
        PanjError: If another process has locked the folder, or if the folder cannot be written to.
    """
    with locked(folder, "calibrate", useless=("asked.json",)):
        write_file(folder / "asked.json", json_text(asked))
        yield
