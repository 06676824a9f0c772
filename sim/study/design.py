"""Points at which the model is lived to see which numbers move its outcomes: trajectories and cross-samples.

Source  Trajectories: Morris 1991, on a grid of four levels. Cross-samples: Saltelli 2010, from a scrambled Sobol'
        sequence. Both from SALib. Points lie in the unit cube and are shares of the prior of each number.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

import numpy as np
from numpy.typing import NDArray

LUCK = "luck"  # the key by which the cells of a design differ: the seed of all its campaigns
LEVELS = 4  # of Morris's grid: 0, 1/3, 2/3 and 1 of a prior
STEP = LEVELS / (2 * (LEVELS - 1))  # of a trajectory, as a share of the prior: two thirds
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Design:
    """Points that campaigns live in turn; two are equal when their points and their luck are."""

    digest: str  # of keys and points
    luck: int  # the seed of every campaign, so that points differ in their numbers alone
    points: Floats = field(compare=False, repr=False)  # points x numbers, in the units of the numbers


def design_of(keys: Sequence[str], points: Floats, luck: int) -> Design:
    """A design with its fingerprint."""
    points = np.ascontiguousarray(points, np.float64)
    digest = sha256(json.dumps(list(keys)).encode() + points.tobytes()).hexdigest()[:16]
    return Design(digest, luck, points)


def problem_of(keys: Sequence[str]) -> dict[str, Any]:
    """The numbers as SALib wants them: each from 0 to 1, a share of its prior."""
    return {"num_vars": len(keys), "names": list(keys), "bounds": [[0.0, 1.0]] * len(keys)}


def trajectories(keys: Sequence[str], count: int, seed: int) -> Floats:
    """Morris's trajectories: from each point to the next one number alone takes a step; count x (numbers + 1) rows."""
    from SALib.sample import morris  # slow to import

    return np.array(morris.sample(problem_of(keys), count, num_levels=LEVELS, seed=seed), np.float64)


def cross_samples(keys: Sequence[str], samples: int, seed: int) -> Floats:
    """Saltelli's sample for first and total order: samples x (numbers + 2) rows; `samples` is a power of two."""
    from SALib.sample import sobol  # slow to import

    return np.array(sobol.sample(problem_of(keys), samples, calc_second_order=False, seed=seed), np.float64)
