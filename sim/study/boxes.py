"""Boxes in which cases are dense, by the patient rule induction method: `Prim` of the ema_workbench.

A box is a list of limits on numbers. PRIM cuts a thin slice off one side of one number after the other, always the
slice whose loss makes the rest densest for its size, and pastes back what it cut too far.

Source  Friedman and Fisher 1999, as Kwakkel and Jaxa-Rozen 2016 have it (ema_workbench).
Assumed With many numbers PRIM goes on cutting where there is only luck. A first, coarse search over all numbers
        therefore says which few restrict most (whose limits the density can least do without); the boxes are those of a
        second, fine search over these alone. Its own printed boxes are wrong with pandas 3: `box_lims` are read.
"""

import warnings
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

COARSE, FINE = 0.1, 0.05  # share of a box that is cut at once
LEAST = 0.01  # of all campaigns in a box
FEWEST = 20  # campaigns in a box
ABOVE, BELOW = "above", "below"
Floats = NDArray[np.float64]
Truths = NDArray[np.bool_]


class Limit(NamedTuple):
    """One side of a box."""

    key: str
    side: str  # the box lies above or below the value
    value: float


Box = tuple[Limit, ...]


def inside(box: Box, drawn: Floats, keys: Sequence[str]) -> Truths:
    """Which campaigns lie within all limits of a box; all do where it has none."""
    within = np.ones(len(drawn), np.bool_)
    for limit in box:
        column = drawn[:, list(keys).index(limit.key)]
        within &= column >= limit.value if limit.side == ABOVE else column <= limit.value
    return within


def without(box: Box, limit: Limit) -> Box:
    """The box that is wider by one limit."""
    return tuple(one for one in box if one != limit)


def harmonic(one: float, other: float) -> float:
    """The harmonic mean: high only where both are."""
    return 2 * one * other / (one + other) if one + other > 0 else 0.0


def boxes_of(drawn: Floats, cases: Truths, keys: Sequence[str], most: int) -> list[Box]:
    """Every box on the way from all campaigns to the densest one, over at most so many numbers."""
    coarse = peels(drawn, cases, keys, COARSE)
    best = max(coarse, key=lambda box: worth(box, drawn, cases, keys))
    few = strongest(best, drawn, cases, keys)[:most]
    if not few:
        return [()]
    columns = [list(keys).index(key) for key in few]
    return peels(drawn[:, columns], cases, few, FINE)


def worth(box: Box, drawn: Floats, cases: Truths, keys: Sequence[str]) -> float:
    """The harmonic mean of coverage and density."""
    within = inside(box, drawn, keys)
    held, found = int(within.sum()), int(cases[within].sum())
    return harmonic(found / max(1, int(cases.sum())), found / held) if held else 0.0


def strongest(box: Box, drawn: Floats, cases: Truths, keys: Sequence[str]) -> list[str]:
    """The numbers of a box, the one first without whose limits it would lose most of its density."""
    within = inside(box, drawn, keys)
    density = float(cases[within].mean())
    loss = {}
    for key in dict.fromkeys(limit.key for limit in box):
        wider = inside(tuple(limit for limit in box if limit.key != key), drawn, keys)
        loss[key] = density - float(cases[wider].mean())
    return sorted(loss, key=lambda key: -loss[key])


def peels(drawn: Floats, cases: Truths, keys: Sequence[str], cut: float) -> list[Box]:
    """The boxes of one search, the first without limits."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of parts that are not used here, and of pandas as the library uses it
        import pandas as pd
        from ema_workbench.analysis.prim import Prim  # slow to import

        columns = pd.DataFrame(drawn, columns=list(keys))
        least = min(1.0, max(LEAST, FEWEST / len(drawn)))
        search = Prim(columns, cases.astype(int), threshold=0.0, peel_alpha=cut, paste_alpha=cut, mass_min=least)
        found = search.find_box()
    whole = found.box_lims[0]
    return list(dict.fromkeys(limits_of(one, whole, keys) for one in found.box_lims))


def limits_of(lims: object, whole: object, keys: Sequence[str]) -> Box:
    """What a frame of the library restricts: row 0 holds lower ends, row 1 upper ends, a column a number."""
    limits = []
    for key in keys:
        ends, free = ([float(frame[key].iloc[row]) for row in (0, 1)] for frame in (lims, whole))  # type: ignore[index]
        limits += [Limit(key, side, ends[row]) for row, side in enumerate((ABOVE, BELOW)) if ends[row] != free[row]]
    return tuple(limits)
