"""Sample all random quantities of a model by sequential Monte Carlo with tempered stages and waste-free moves.

The result is a `Cloud` of equally weighted states, and the log evidence; a `Pool` has the states of several runs. Every
random number is a function of seed, stage and step, so results depend neither on the number of workers nor on
interruptions.

Source  Data annealing as in RE-ABC: Prangle, Everitt and Kypraios 2018, doi:10.1007/s11222-017-9764-4. Waste-free
        moves: Dau and Chopin 2022, doi:10.1111/rssb.12475; a chain of `chain` states is run from each of
        `count / chain` resampled states, and all states of all chains are kept.
"""

import io
import json
import math
from collections.abc import Iterator, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from sim.errors import PanjError
from sim.study.files import no_empty_folders, write_file

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
State = tuple[NDArray[Any], ...]  # arrays with one element per state along their first axis
# number of parameters changed by one proposal, and standard deviation of the change, in cumulative prior probability
STEPS = ((1, 0.4), (3, 0.15), (8, 0.06))
SUBSETS = (0.1, 0.3, 0.6, 1.0)  # possible shares of the parameters to which a difference between two states is added
SCALE = 2.38  # optimal step length for a normal density, before division by sqrt(2 x parameters)
LENGTHS = (0.4, 1.2)  # range of the factors by which this length is multiplied
JITTER = 0.01  # standard deviation of the noise added to a difference, in cumulative prior probability
HALF = 0.5  # smallest effective sample size after a step of tempering, as a share of the states
BISECTIONS = 50
MOST_STEPS = 200  # largest number of tempering steps within a stage
DRAW, RESAMPLE, CHOOSE, ACCEPT = range(4)  # numbers that identify the purposes of random draws


class Model(Protocol):
    """The interface of a model for the sampler."""

    stages: int
    moves: tuple[str, ...]  # names of the kinds of proposals
    probabilities: tuple[float, ...]  # probabilities of the kinds, which add up to 1

    def begin(self, rng: np.random.Generator, count: int) -> State:
        """Draw `count` states from the prior."""

    def renew(self, rng: np.random.Generator, state: State, stage: int) -> State:
        """Redraw the parts of each state that do not affect the likelihood of earlier stages."""

    def propose(self, rng: np.random.Generator, state: State, stage: int, move: Integers, others: State) -> State:
        """Propose a change to each state; `move` gives its kind. Proposals are symmetric with respect to the prior.

        `others` are the states before this step of tempering; proposals may use the differences between them.
        """

    def weigh(self, state: State, stage: int) -> tuple[Floats, Floats]:
        """Return the log likelihoods of states, which are -inf for a state that fails.

        Returns:
            Two arrays: (states) log likelihood of the observations of all earlier stages together, and (states,
            observations) log likelihood of each observation of this stage.
        """


class Step(NamedTuple):
    """The results of one step of tempering."""

    stage: int
    temperature: float  # exponent of the stage's likelihood after the step, from 0 to 1
    log_evidence: float  # contribution of the step to the log evidence
    effective: float  # effective sample size before resampling
    proposed: tuple[int, ...]  # number of proposals, by kind of move
    accepted: tuple[int, ...]  # number of accepted proposals, by kind of move


class Cloud(NamedTuple):
    """The equally weighted states after a stage, and the steps by which they were reached."""

    state: State
    before: Floats  # log likelihood of everything observed up to the end of the stage
    origin: Integers  # row number of the ancestor of each state in the prior sample
    steps: tuple[Step, ...]  # tempering steps of all stages so far
    foreseen: tuple[tuple[float, ...], ...]  # log probability of each observation given all earlier stages, by stage

    @property
    def log_evidence(self) -> float:
        """Log of the probability of everything observed up to the end of the stage."""
        return math.fsum(step.log_evidence for step in self.steps)


class Pool(NamedTuple):
    """The states of several runs of the sampler with different seeds, all with equal weights.

    States of one run are alike, since they descend from few states of the prior, so only differences between runs show
    how uncertain a result is. Runs are not weighted by their evidence, whose error is so large that one run would get
    nearly all of the weight.
    """

    clouds: tuple[Cloud, ...]  # the cloud of each run after the last stage
    state: State
    repeat: Integers  # position of the run from which each state is, from 0
    origin: Integers  # number of the ancestor of each state, counted over the prior samples of all runs

    @property
    def log_evidence(self) -> float:
        """Log of the mean evidence of the runs, each of which is unbiased."""
        return log_mean(np.array([cloud.log_evidence for cloud in self.clouds]))

    @property
    def foreseen(self) -> tuple[float, ...]:
        """Log probability of each observation given those of all earlier stages, averaged over the runs."""
        by_run = np.array([[value for stage in cloud.foreseen for value in stage] for cloud in self.clouds])
        return tuple(log_mean(column) for column in by_run.T)


def pooled(clouds: Sequence[Cloud], ancestors: int, rngs: Sequence[np.random.Generator]) -> Pool:
    """Put the states of several runs together, one of each run in turn, in random order within each run.

    The first states are therefore a random sample with nearly equal numbers from all runs.

    Args:
        clouds: The cloud of each run after the last stage; all have the same number of states.
        ancestors: Number of states in the prior sample of a run.
        rngs: Source of the random order, one per run.
    """
    count = clouds[0].origin.size
    orders = np.array([rng.permutation(count) for rng in rngs])
    rows = (orders + count * np.arange(len(clouds))[:, None]).T.ravel()
    origin = np.concatenate([cloud.origin + ancestors * place for place, cloud in enumerate(clouds)])
    state = rows_of(joined([cloud.state for cloud in clouds]), rows)
    return Pool(tuple(clouds), state, rows // count, origin[rows])


def generator(seed: int, *place: int) -> np.random.Generator:
    """Return a random generator for a seed and for numbers, such as stage and step, that identify its purpose."""
    return np.random.Generator(np.random.Philox(np.random.SeedSequence([seed, *place])))


def rows_of(state: State, rows: Integers) -> State:
    """Select states by row.

    Args:
        state: The states.
        rows: Row numbers, which may contain the same row several times.

    Returns:
        The states in these rows, in this order.
    """
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


def reflected(shares: Floats) -> Floats:
    """Reflect shares at 0 and 1, so that steps beyond either bound are folded back.

    The proposal remains symmetric if the steps of different parameters are independent.
    """
    folded = np.abs(shares) % 2.0
    return np.minimum(np.where(folded > 1.0, 2.0 - folded, folded), np.nextafter(1.0, 0.0))


def wrapped(shares: Floats) -> Floats:
    """Wrap shares around, so that those beyond one end of their priors continue at the other end.

    Unlike with reflection, a proposal remains symmetric even if its steps are correlated.
    """
    return np.minimum(shares % 1.0, np.nextafter(1.0, 0.0))


def stepped(rng: np.random.Generator, shares: Floats, kinds: Integers) -> Floats:
    """Propose parameters near the current ones.

    Args:
        rng: Source of the random numbers.
        shares: (states, parameters) Parameters as cumulative prior probabilities.
        kinds: (states) Index of each proposal in `STEPS`; the index after the last leaves the parameters unchanged.

    Returns:
        (states, parameters) The proposed parameters, as cumulative prior probabilities.
    """
    many, size = np.array((*STEPS, (0, 0.0)))[kinds].T[:, :, None]
    chosen = rng.random(shares.shape).argsort(axis=1).argsort(axis=1) < many
    return reflected(shares + size * chosen * rng.standard_normal(shares.shape))


def differing(rng: np.random.Generator, shares: Floats, others: Floats, whole: NDArray[np.bool_]) -> Floats:
    """Propose parameters shifted by the difference between two other states, so that steps follow correlations.

    Source: differential evolution Markov chains, ter Braak 2006, doi:10.1007/s11222-006-8769-1; subsets of parameters
    as in Vrugt and others 2009, doi:10.1515/IJNSNS.2009.10.3.273.

    Args:
        rng: Source of the random numbers.
        shares: (states, parameters) Parameters as cumulative prior probabilities.
        others: (others, parameters) Parameters of other states, from which the differences are taken.
        whole: (states) Whether the difference is added unscaled, which can lead from one mode to another; otherwise it
            is multiplied by a random factor, which is smaller if more parameters change.

    Returns:
        (states, parameters) The proposed parameters, as cumulative prior probabilities.
    """
    first, second = others[rng.integers(len(others), size=(2, len(shares)))]
    chosen = rng.random(shares.shape) < rng.choice(SUBSETS, size=(len(shares), 1))
    many = np.maximum(1, chosen.sum(axis=1, keepdims=True))
    part = np.where(whole[:, None], 1.0, SCALE / np.sqrt(2.0 * many) * rng.uniform(*LENGTHS, size=(len(shares), 1)))
    noise = JITTER * rng.standard_normal(shares.shape)
    return wrapped(shares + chosen * (part * (first - second) + noise))


def log_mean(log_values: Floats) -> float:
    """Return the log of the mean of values given as logs."""
    top = log_values.max()
    return float(top + np.log(np.exp(log_values - top).mean())) if np.isfinite(top) else -math.inf


def effective(log_weights: Floats) -> float:
    """Return Kish's effective sample size of weights given as logs."""
    weights = np.exp(log_weights - log_weights.max())
    return float(weights.sum() ** 2 / (weights**2).sum())


def next_temperature(log_likelihood: Floats, from_: float, count: int) -> float:
    """Return the highest temperature up to 1 at which the effective sample size is at least half of `count`.

    Args:
        log_likelihood: Log likelihood of the stage for each state; states for which it is -inf are ignored.
        from_: The current temperature.
        count: Number of states to choose; if it exceeds the number of states, half of the number of states is required.
    """
    log_likelihood = log_likelihood[np.isfinite(log_likelihood)]
    least = HALF * min(count, log_likelihood.size)

    def enough(to: float) -> bool:
        return effective((to - from_) * log_likelihood) >= least

    if enough(1.0):
        return 1.0
    low, high = from_, 1.0
    for _ in range(BISECTIONS):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if enough(middle) else (low, middle)
    return low


def systematic(log_weights: Floats, count: int, rng: np.random.Generator) -> Integers:
    """Choose `count` rows, with repetition, in proportion to their weights, by systematic resampling."""
    weights = np.exp(log_weights - log_weights.max())
    points = (np.arange(count) + rng.random()) / count
    return np.minimum(np.searchsorted(np.cumsum(weights) / weights.sum(), points), weights.size - 1)


def check_size(count: int, chain: int) -> None:
    """Check the number of states of a sample.

    Args:
        count: Number of states.
        chain: Number of states per chain of moves.

    Raises:
        PanjError: The states do not form at least four whole chains of two or more states each.
    """
    if chain < 2 or count < 4 * chain or count % chain:
        raise PanjError(f"worlds: found {count}, expected a multiple of {chain} that is at least {4 * chain}")


def sample(
    model: Model,
    count: int,
    chain: int,
    seed: int,
    start: Cloud | None = None,
    first: int = 0,
    moves: int = 1,
    drawn: int = 1,
) -> Iterator[Cloud]:
    """Sample the states of a model conditional on its observations, stage by stage.

    Args:
        model: The model to condition.
        count: Number of states; a multiple of `chain`.
        chain: Number of states per chain of moves.
        seed: Seed of the sampler's random numbers.
        start: The cloud after stage `first - 1`, from which to resume; None to begin with the prior.
        first: Number of the first stage to run.
        moves: Number of moves from one state of a chain to the next.
        drawn: Number of states drawn from the prior per state of the sample, among which the first step chooses.

    Yields:
        The cloud after each stage.

    Raises:
        PanjError: The number of states is invalid, no state has a positive likelihood, or a stage takes more than
            `MOST_STEPS` steps.
    """
    check_size(count, chain)
    if start is None:
        state = model.begin(generator(seed, 0, 0, DRAW), count * drawn)
        start = Cloud(state, np.zeros(count * drawn), np.arange(count * drawn), (), ())
    cloud = start
    for stage in range(first, model.stages):
        cloud = run_stage(model, cloud, count, stage, chain, seed, moves)
        yield cloud


def run_stage(model: Model, cloud: Cloud, count: int, stage: int, chain: int, seed: int, moves: int = 1) -> Cloud:
    """Condition the states of a cloud on the observations of one more stage, in steps of tempering.

    Args:
        model: The model.
        cloud: The cloud after the previous stage; before the first stage, all states drawn from the prior.
        count: Number of states after the stage.
        stage: Number of the stage.
        chain: Number of states per chain of moves.
        seed: Seed of the sampler's random numbers.
        moves: Number of moves from one state of a chain to the next.

    Returns:
        The cloud after the stage.

    Raises:
        PanjError: No state has a positive likelihood, or more than `MOST_STEPS` steps are needed.
    """
    state, origin, steps = model.renew(generator(seed, stage, 0, DRAW), cloud.state, stage), cloud.origin, []
    before, terms = model.weigh(state, stage)
    here, foreseen = terms.sum(axis=1), tuple(log_mean(terms[:, place]) for place in range(terms.shape[1]))
    temperature, number = 0.0, 0
    while temperature < 1.0:
        number += 1
        possible = np.where(np.isfinite(before), here, -np.inf)
        if not np.isfinite(possible).any() or number > MOST_STEPS:
            raise PanjError(f"stage {stage}: found no campaign that agrees with the reports, expected at least one")
        to = next_temperature(possible, temperature, count)
        log_weights = (to - temperature) * possible
        gained = log_mean(log_weights)
        rows = systematic(log_weights, count // chain, generator(seed, stage, number, RESAMPLE))
        size = effective(log_weights)
        temperature = to
        others = state
        state, before, here, origin = rows_of(state, rows), before[rows], here[rows], origin[rows]
        layers, proposed, accepted = [(state, before, here)], *(np.zeros((2, len(model.moves)), int))
        for link in range(1, (chain - 1) * moves + 1):
            rng = generator(seed, stage, number, CHOOSE, link)
            move = rng.choice(len(model.moves), size=rows.size, p=model.probabilities)
            new = model.propose(rng, state, stage, move, others)
            new_before, new_terms = model.weigh(new, stage)
            new_here = new_terms.sum(axis=1)
            gain = (new_before + temperature * new_here) - (before + temperature * here)
            takes = np.log(generator(seed, stage, number, ACCEPT, link).random(rows.size)) < gain
            state = mixed(takes, new, state)
            before, here = np.where(takes, new_before, before), np.where(takes, new_here, here)
            if link % moves == 0:
                layers.append((state, before, here))
            proposed += np.bincount(move, minlength=proposed.size)
            accepted += np.bincount(move[takes], minlength=accepted.size)
        state = joined([layer[0] for layer in layers])
        before, here = (np.concatenate([layer[place] for layer in layers]) for place in (1, 2))  # type: ignore[misc]
        origin = np.tile(origin, chain)
        steps.append(Step(stage, temperature, gained, size, tuple(proposed.tolist()), tuple(accepted.tolist())))
    return Cloud(state, before + here, origin, (*cloud.steps, *steps), (*cloud.foreseen, foreseen))


def pack(cloud: Cloud) -> bytes:
    """Encode a cloud as bytes, preceded by a hash by which damage is detected."""
    arrays = io.BytesIO()
    parts: dict[str, Any] = {f"state_{place}": array for place, array in enumerate(cloud.state)}
    notes = np.array(json.dumps([cloud.steps, cloud.foreseen]))
    np.savez_compressed(arrays, before=cloud.before, origin=cloud.origin, notes=notes, **parts)
    return sha256(arrays.getvalue()).digest() + arrays.getvalue()


def unpack(content: bytes) -> Cloud | None:
    """Decode a cloud from the bytes of `pack`, or return None if they are damaged or of an earlier version."""
    digest, arrays = content[:32], content[32:]
    if sha256(arrays).digest() != digest:
        return None
    with np.load(io.BytesIO(arrays)) as found:
        steps, foreseen = json.loads(str(found["notes"]))
        count = sum(name.startswith("state_") for name in found.files)
        if not count:  # written by an earlier version, with other names of arrays
            return None
        state = tuple(found[f"state_{place}"] for place in range(count))
        kept = tuple(Step(one[0], one[1], one[2], one[3], tuple(one[4]), tuple(one[5])) for one in steps)
        return Cloud(state, found["before"], found["origin"], kept, tuple(tuple(row) for row in foreseen))


def store_stage(place: Path, stage: int, cloud: Cloud) -> None:
    """Write the cloud after a stage to a file, so that `recorded` can find it.

    Args:
        place: Folder with the stages.
        stage: Number of the stage.
        cloud: The cloud after this stage.
    """
    with no_empty_folders(place):
        write_file(place / f"{stage:02}.stage", pack(cloud))


def recorded(place: Path, stages: int) -> tuple[int, Cloud | None]:
    """Find the last stage from which a sample can be resumed.

    Args:
        place: Folder with the stages.
        stages: Number of stages of the whole sample.

    Returns:
        The number of stages up to and including the last one with an intact file, and its cloud, or 0 and None if there
        is no such stage.
    """
    for stage in reversed(range(stages)):
        cloud = read_stage(place, stage)
        if cloud is not None:
            return stage + 1, cloud
    return 0, None


def read_stage(place: Path, stage: int) -> Cloud | None:
    """Read the stored cloud of a stage.

    Args:
        place: Folder with the stages.
        stage: Number of the stage.

    Returns:
        The cloud, or None if its file is missing or damaged.
    """
    path = place / f"{stage:02}.stage"
    return unpack(path.read_bytes()) if path.exists() else None
