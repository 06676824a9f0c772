"""Sequential Monte Carlo over everything random in a model, tempered within stages, with waste-free moves.

Source  data annealing as in RE-ABC (Prangle, Everitt and Kypraios 2018, doi:10.1007/s11222-017-9764-4); waste-free
        moves (Dau and Chopin 2022, doi:10.1111/rssb.12475): from each of `count / chain` resampled states a chain of
        `chain` states is run, and all of them are kept.
Gives   `Cloud`: states of equal weight, and the log evidence. Every random number is a function of the seed, the stage
        and the step, so that neither workers nor interruptions change a digit.
"""

import math
from collections.abc import Iterator
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from sim.errors import PanjError

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
State = tuple[NDArray[Any], ...]  # arrays whose first axis is the state
HALF = 0.5  # of the states: the effective sample size at which states are resampled
BISECTIONS = 50
MOST_STEPS = 200  # of tempering within a stage
DRAW, RESAMPLE, CHOOSE, ACCEPT = range(4)  # purposes of random numbers


class Model(Protocol):
    """The interface between the sampler and a model."""

    stages: int
    moves: tuple[str, ...]  # kinds of proposals
    chances: tuple[float, ...]  # of each kind, adding up to 1

    def begin(self, rng: np.random.Generator, count: int) -> State:
        """Draw states from the prior."""

    def renew(self, rng: np.random.Generator, state: State, stage: int) -> State:
        """Draw anew everything that the likelihood of earlier stages does not depend on."""

    def propose(self, rng: np.random.Generator, state: State, stage: int, move: Integers) -> State:
        """Make one proposal per state, of the kind in `move`, symmetric with respect to the prior."""

    def weigh(self, state: State, stage: int) -> tuple[Floats, Floats]:
        """Log likelihood of earlier stages (states), and of each observation of this one (states x observations).

        It is -inf for a state that fails.
        """


class Step(NamedTuple):
    """One step of tempering."""

    stage: int
    temperature: float  # share of the log likelihood of the stage that counts after the step
    log_evidence: float  # added by the step
    effective: float  # sample size before resampling
    proposed: tuple[int, ...]  # by kind of move
    accepted: tuple[int, ...]


class Cloud(NamedTuple):
    """States of equal weight after a stage."""

    state: State
    before: Floats  # log likelihood up to the stage
    origin: Integers  # the state of the prior from which each descends
    steps: tuple[Step, ...]  # of all stages so far
    foreseen: tuple[tuple[float, ...], ...]  # by stage: log probability of each observation given all earlier stages

    @property
    def log_evidence(self) -> float:
        """Log of the probability of everything observed up to the stage."""
        return math.fsum(step.log_evidence for step in self.steps)


def generator(seed: int, *place: int) -> np.random.Generator:
    """Return a generator that depends only on the seed and on where it is used."""
    return np.random.Generator(np.random.Philox(np.random.SeedSequence([seed, *place])))


def rows_of(state: State, rows: Integers) -> State:
    """Return some of the states."""
    return tuple(array[rows] for array in state)


def joined(states: list[State]) -> State:
    """Concatenate several groups of states."""
    return tuple(np.concatenate(arrays) for arrays in zip(*states, strict=True))


def mixed(changes: NDArray[np.bool_], new: State, old: State) -> State:
    """Return states taken from `new` where `changes` is true, and from `old` elsewhere."""
    return tuple(
        np.where(changes.reshape(-1, *[1] * (array.ndim - 1)), array, there)
        for array, there in zip(new, old, strict=True)
    )


def log_mean(log_values: Floats) -> float:
    """Compute the log of the mean of values that are given by their logs."""
    top = log_values.max()
    return float(top + np.log(np.exp(log_values - top).mean())) if np.isfinite(top) else -math.inf


def effective(log_weights: Floats) -> float:
    """Compute the effective sample size of log weights (Kish)."""
    weights = np.exp(log_weights - log_weights.max())
    return float(weights.sum() ** 2 / (weights**2).sum())


def next_temperature(log_likelihood: Floats, from_: float) -> float:
    """Return the highest temperature up to 1 that keeps at least half of the states effective."""
    log_likelihood = log_likelihood[np.isfinite(log_likelihood)]

    def enough(to: float) -> bool:
        return effective((to - from_) * log_likelihood) >= HALF * log_likelihood.size

    if enough(1.0):
        return 1.0
    low, high = from_, 1.0
    for _ in range(BISECTIONS):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if enough(middle) else (low, middle)
    return low


def systematic(log_weights: Floats, count: int, rng: np.random.Generator) -> Integers:
    """Choose rows by systematic resampling with one uniform number."""
    weights = np.exp(log_weights - log_weights.max())
    points = (np.arange(count) + rng.random()) / count
    return np.minimum(np.searchsorted(np.cumsum(weights) / weights.sum(), points), weights.size - 1)


def check_size(count: int, chain: int) -> None:
    """Raise PanjError unless `count` is a multiple of `chain` and at least four chains of two or more states."""
    if chain < 2 or count < 4 * chain or count % chain:
        raise PanjError(f"worlds: found {count}, expected a multiple of {chain} of at least {4 * chain}")


def sample(
    model: Model, count: int, chain: int, seed: int, start: Cloud | None = None, first: int = 0
) -> Iterator[Cloud]:
    """Condition a model on its observations, stage by stage.

    Args:
        model: the model.
        count: number of states, a multiple of `chain`.
        chain: states per chain of moves.
        seed: of all random numbers of the sampler.
        start: the cloud after stage `first - 1`, to go on from there.
        first: first stage to run.

    Yields:
        The cloud after each stage.

    Raises:
        PanjError: if no state has a positive likelihood, or the likelihood cannot be tempered.
    """
    check_size(count, chain)
    if start is None:
        state = model.begin(generator(seed, 0, 0, DRAW), count)
        start = Cloud(state, np.zeros(count), np.arange(count), (), ())
    cloud = start
    for stage in range(first, model.stages):
        cloud = run_stage(model, cloud, stage, chain, seed)
        yield cloud


def run_stage(model: Model, cloud: Cloud, stage: int, chain: int, seed: int) -> Cloud:
    """Add the observations of one stage, in steps of tempering."""
    count = cloud.before.size
    state, origin, steps = model.renew(generator(seed, stage, 0, DRAW), cloud.state, stage), cloud.origin, []
    before, terms = model.weigh(state, stage)
    here, foreseen = terms.sum(axis=1), tuple(log_mean(terms[:, place]) for place in range(terms.shape[1]))
    temperature, number = 0.0, 0
    while temperature < 1.0:
        number += 1
        possible = np.where(np.isfinite(before), here, -np.inf)
        if not np.isfinite(possible).any() or number > MOST_STEPS:
            raise PanjError(f"stage {stage}: found no campaign that agrees with what was reported, expected some")
        to = next_temperature(possible, temperature)
        log_weights = (to - temperature) * possible
        gained = log_mean(log_weights)
        rows = systematic(log_weights, count // chain, generator(seed, stage, number, RESAMPLE))
        size = effective(log_weights)
        temperature = to
        state, before, here, origin = rows_of(state, rows), before[rows], here[rows], origin[rows]
        layers, proposed, accepted = [(state, before, here)], *(np.zeros((2, len(model.moves)), int))
        for link in range(1, chain):
            rng = generator(seed, stage, number, CHOOSE, link)
            move = rng.choice(len(model.moves), size=rows.size, p=model.chances)
            new = model.propose(rng, state, stage, move)
            new_before, new_terms = model.weigh(new, stage)
            new_here = new_terms.sum(axis=1)
            gain = (new_before + temperature * new_here) - (before + temperature * here)
            takes = np.log(generator(seed, stage, number, ACCEPT, link).random(rows.size)) < gain
            state = mixed(takes, new, state)
            before, here = np.where(takes, new_before, before), np.where(takes, new_here, here)
            layers.append((state, before, here))
            proposed += np.bincount(move, minlength=proposed.size)
            accepted += np.bincount(move[takes], minlength=accepted.size)
        state = joined([layer[0] for layer in layers])
        before, here = (np.concatenate([layer[place] for layer in layers]) for place in (1, 2))  # type: ignore[misc]
        origin = np.tile(origin, chain)
        steps.append(Step(stage, temperature, gained, size, tuple(proposed.tolist()), tuple(accepted.tolist())))
    return Cloud(state, before + here, origin, (*cloud.steps, *steps), (*cloud.foreseen, foreseen))
