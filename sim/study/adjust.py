"""Regression adjustment: accepted draws moved to where they would lie if their campaigns met the record itself.

Source  Local linear regression: Beaumont, Zhang and Balding 2002, on the log odds of each number between the ends of
        its prior, so that no adjusted number leaves it. The regression is scikit-learn's.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit

from sim.study.draws import Prior

EDGE = 1e-4  # of the prior: how near to its ends the log odds are taken
Floats = NDArray[np.float64]


def adjusted(drawn: Floats, priors: Sequence[Prior], chosen: Sequence[int], outside: Floats, weights: Floats) -> Floats:
    """The draws with their chosen numbers moved to where the regression expects them at the record itself."""
    from sklearn.linear_model import LinearRegression  # slow to import

    varying = outside[:, np.ptp(outside, axis=0) > 0]
    if not varying.size:
        return drawn
    shares = np.array([[priors[place].share(value) for place, value in zip(chosen, row[list(chosen)], strict=True)]
                       for row in drawn])  # fmt: skip
    odds = logit(np.clip(shares, EDGE, 1 - EDGE))
    slopes = LinearRegression().fit(varying, odds, sample_weight=weights).coef_
    moved = expit(odds - varying @ slopes.T)
    rows = drawn.copy()
    for column, place in enumerate(chosen):
        rows[:, place] = [priors[place].at(float(share)) for share in moved[:, column]]
    return rows
