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
"""

import json
import signal
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing import active_children, get_context
from pathlib import Path
from threading import Thread
from typing import Any, NamedTuple

import numpy as np
from filelock import FileLock, Timeout
from numpy.typing import NDArray
from rich.console import Console

from sim.errors import PanjError
from sim.results import cannot_write
from sim.study.chain import (
    Chain,
    Population,
    Simulate,
    begin,
    last_generation,
    live_generation,
    population_of,
    scores_of,
)
from sim.study.compare import replace_text
from sim.study.draws import Prior
from sim.study.executors import cores, end_with_parent, interrupts_ignored
from sim.study.posterior import weighted_quantiles
from sim.study.progress import say_time

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


class Problem(NamedTuple):
    """What is fitted to what."""

    priors: tuple[Prior, ...]  # of the numbers that are fitted
    simulate: Simulate
    shares: Floats  # campaigns of the bank x numbers: of the prior, below the number
    seeds: Integers
    distances: Floats
    nearest: int  # campaigns of the bank from which the chains start
    error: float = 0.0  # of observation, as a distance: nearer than this nothing can be told


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
    replace_text(folder / "ended.json", json.dumps({"generation": len(done) - 1, "why": why}) + "\n")
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
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with FileLock(folder / ".lock").acquire(timeout=0):
            replace_text(folder / "asked.json", json.dumps(asked, indent=1) + "\n")
            yield
    except Timeout as error:
        raise PanjError(f"calibrate: found another process at work in {folder}, expected none; wait for it") from error
    except OSError as error:
        raise cannot_write(folder, error) from error
