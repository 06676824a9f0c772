"""Designs of a sensitivity analysis: the parameter points, and their campaigns as an ordinary study.

Each cell is a seed, and its campaigns are the points in order. Thousands of points thus need few cells, run on every
executor, are recorded in chunks and can be resumed. For each campaign `runs.parquet` has its seed (`luck`), its point
(`seed`), its parameters and every outcome.

Source  Trajectories: Morris 1991, on a grid of four levels. Cross-samples: Saltelli 2010, from a scrambled Sobol'
        sequence. Both from SALib. Points are in the unit cube, as shares of the prior of each parameter.
Assumed With the same seeds at every point (common random numbers), the mean over them is a function of the parameters
        alone. It still contains the noise of those seeds, which is measured by the spread between seeds at a point.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from rich.console import Console

from sim.errors import PanjError
from sim.run.console import Terse
from sim.run.run import Ran, run_sweep
from sim.settings.draws import LUCK, Draws, Prior, design_of
from sim.settings.settings import Settings
from sim.settings.sweep import Cell, Sweep
from sim.study.reader import Measure, open_study, read_measure, read_worlds

Floats = NDArray[np.float64]


class Answers(NamedTuple):
    """One outcome at every point of a design."""

    measure: Measure
    values: Floats  # seeds x points; NaN if a campaign failed or lacks the outcome

    @property
    def is_known(self) -> bool:
        """Whether at least one campaign has the outcome at every point."""
        return not bool(np.isnan(self.values).all(axis=0).any())

    @property
    def means(self) -> Floats:
        """The mean over the seeds, one per point; PanjError if no campaign of some point has the outcome."""
        if not self.is_known:
            empty = int(np.isnan(self.values).all(axis=0).sum())
            raise PanjError(
                f"outcome: found no campaign with {self.measure.outcome} at {empty} of {self.values.shape[1]} points, "
                "expected one at every point; choose an outcome that is never missing, or more runs"
            )
        return np.asarray(np.nanmean(self.values, axis=0), np.float64)

    @property
    def chance(self) -> float:
        """The noise variance of a single campaign: the mean variance between campaigns of the same point."""
        several = (~np.isnan(self.values)).sum(axis=0) > 1
        return float(np.nanvar(self.values[:, several], axis=0, ddof=1).mean()) if several.any() else 0.0

    @property
    def left(self) -> float:
        """The noise variance that remains in the mean of a point."""
        return self.chance * float((1 / (~np.isnan(self.values)).sum(axis=0)).mean())


def sweep_of(
    base: Settings, priors: Sequence[Prior], shares: Floats, name: str, folder: Path, words: Sequence[str]
) -> Sweep:
    """Create the study of a design, in which each of `base.runs` seeds is a cell with one campaign per point.

    Args:
        base: Settings of every point; policies and overrides are applied on top of the parameters of the point.
        priors: Priors of the varied parameters; the others keep their declared values.
        shares: Points x parameters, as shares of the priors.
        name: Name of the study.
        folder: Parent folder of the study.
        words: Overrides of the command, to be recorded.

    Returns:
        The sweep, ready to run.
    """
    assert base.draws is not None
    values = np.array([[prior.at(float(share)) for prior, share in zip(priors, row, strict=True)] for row in shares])
    cells = []
    for number in range(base.runs):
        common_seed = base.seed + number
        design = design_of([prior.key for prior in priors], values, common_seed)
        draws = Draws(f"points of {name}", tuple(priors), base.draws.choices, base.draws.explicit, design=design)
        settings = replace(base, study=name, results_dir=folder, runs=len(shares), seed=0, draws=draws)
        cells.append(Cell(number, {LUCK: common_seed}, (), settings))
    return Sweep(cells[0].settings, (LUCK,), tuple(cells), ("sensitivity", *words), ())


def run_missing(sweep: Sweep, console: Console) -> Ran:
    """Run the campaigns that are not recorded yet.

    Raise Stopped after Ctrl-C, and PanjError if the folder has other points.
    """
    return run_sweep(sweep, Terse(file=console.file, width=console.width, highlight=False))


def read_answers(folder: Path, outcomes: Sequence[str], seeds: int, points: int) -> dict[str, Answers]:
    """Read outcomes at every point of a finished study.

    An event that did not occur is dated one day after the last day.
    """
    study = open_study(folder)
    answers = {}
    for outcome in outcomes:
        measure = read_measure(study, outcome)
        values = np.full((seeds, points), np.nan)
        for number, worlds in read_worlds(study, measure, study.cells[0].start_date).items():
            values[number, worlds.seeds] = worlds.values
        answers[outcome] = Answers(measure, values)
    return answers


def known(answers: Mapping[str, Answers], console: Console) -> dict[str, Answers]:
    """Drop outcomes missing in all campaigns of some point, and print their names. Raise PanjError if none is left."""
    kept = {outcome: answer for outcome, answer in answers.items() if answer.is_known}
    for outcome in answers:
        if outcome not in kept:
            console.print(f"{outcome} is left out: at some points no campaign has a value.", soft_wrap=True)
    if not kept:
        raise PanjError(
            f"outcome: found points at which no campaign has {', '.join(answers)}, expected at least one outcome with "
            "a value at every point; try more runs or another outcome"
        )
    return kept


LEVELS = 4  # of Morris's grid: 0, 1/3, 2/3 and 1 of a prior
STEP = LEVELS / (2 * (LEVELS - 1))  # step of a trajectory, as a share of the prior: two thirds


def problem_of(keys: Sequence[str]) -> dict[str, Any]:
    """Describe the parameters as a SALib problem, each from 0 to 1 as a share of its prior."""
    return {"num_vars": len(keys), "names": list(keys), "bounds": [[0.0, 1.0]] * len(keys)}


def trajectories(keys: Sequence[str], count: int, seed: int) -> Floats:
    """Draw `count` Morris trajectories of (parameters + 1) rows; consecutive rows differ in one parameter."""
    from SALib.sample import morris  # slow to import

    return np.array(morris.sample(problem_of(keys), count, num_levels=LEVELS, seed=seed), np.float64)


def cross_samples(keys: Sequence[str], samples: int, seed: int) -> Floats:
    """Draw Saltelli's sample for first- and total-order Sobol' indices, of samples x (parameters + 2) rows.

    `samples` must be a power of two.
    """
    from SALib.sample import sobol  # slow to import

    return np.array(sobol.sample(problem_of(keys), samples, calc_second_order=False, seed=seed), np.float64)
