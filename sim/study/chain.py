"""One chain of a sequential fit: draws that come nearer to the record generation by generation, by pyABC.

Reads and writes the history of the chain, an SQLite file of pyABC; a generation is in it whole or not at all.
Source  ABC by population Monte Carlo: Toni and Stumpf 2010; weights as in Beaumont, Cornuet, Marin and Robert 2009;
        proposals as in Alsing, Wandelt and Feeney 2018. pyABC: Schälte et al. 2022.
Assumed A number is fitted as its normal score: the share of its prior below it, which is even between 0 and 1 on
        whatever scale the prior is, becomes the point of a standard normal distribution below which as much lies. So
        the prior is the declared one, and no proposal lies beyond its ends. The numbers that are not fitted
        are luck: a campaign draws them from their priors by its own seed.

Every generation starts from the file alone, with a seed of its own: a chain that was stopped goes on to the same digits
as one that was not. Importing this module imports pyABC, which takes seconds.
"""

import logging
import math
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyabc
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri
from sqlalchemy.exc import SQLAlchemyError
from threadpoolctl import threadpool_limits

from sim.chance import LAST_SEED
from sim.errors import PanjError
from sim.study.draws import Prior

logging.getLogger("ABC").setLevel(logging.ERROR)
FROM_PRIOR = 0.1  # of the proposals
EDGE = 1e-4  # of the prior
FIRST = 0  # the generation that comes from the bank
Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Simulate = Callable[[Mapping[str, float], int], float]
"""Fitted numbers and the seed of a campaign to its distance from the record; nan for a campaign that failed."""


class Chain(NamedTuple):
    """What decides a chain; small enough to send to a process."""

    path: Path  # of its history
    number: int
    seed: int  # of the fit
    priors: tuple[Prior, ...]  # of the numbers that are fitted
    simulate: Simulate


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
