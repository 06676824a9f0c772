"""What chains end in: every campaign that was ever lived and lies within the last tolerance, weighted as one sample.

Gives   `Gathered`: of the bank and of all generations of all chains.
Source  Weights over the density of all proposals together, each as often as it was used: Veach and Guibas 1995 (the
        balance heuristic); Cornuet, Marin, Mira and Robert 2012 for proposals that follow from earlier draws.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from sim.study.chain import prior_densities, proposal_of, scores_of
from sim.study.refine import Problem, Refined

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


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
