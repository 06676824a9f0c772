"""Draw the points of a sensitivity analysis, and run their campaigns as an ordinary study.

Points are in the unit cube: each coordinate is the cumulative prior probability of a parameter. The study has one cell
per seed, whose campaigns are the points in order. Thousands of points thus require only a few cells; the study runs on
any executor, is stored in chunks and can be resumed. In runs.parquet, each campaign has its seed (column `luck`), the
number of its point (column `seed`), its parameters and every outcome.

Because every point is run with the same seeds (common random numbers), the mean over seeds is a function of the
parameters alone. It still contains the noise of those seeds, which is estimated from the variation between the
campaigns of a point.

Source  Trajectories: Morris 1991, on a grid of four levels. Cross-samples: Saltelli 2010, from a scrambled Sobol'
        sequence. Both are drawn by SALib.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from rich.console import Console

from sim.configuration.draws import LUCK, Draws, Prior, design_of
from sim.configuration.settings import Settings
from sim.configuration.sweep import Cell, Sweep
from sim.errors import PanjError
from sim.execution.console import Terse
from sim.execution.run import Ran, run_sweep
from sim.study.reader import Measure, open_study, read_measure, read_worlds

Floats = NDArray[np.float64]


class Answers(NamedTuple):
    """The values of one outcome at every point of a design."""

    measure: Measure
    values: Floats  # (seeds, points) nan if a campaign failed or lacks the outcome

    @property
    def is_known(self) -> bool:
        """Whether every point has at least one campaign with the outcome."""
        return not bool(np.isnan(self.values).all(axis=0).any())

    @property
    def means(self) -> Floats:
        """The mean over the seeds at each point. Raise PanjError if a point has no campaign with the outcome."""
        if not self.is_known:
            empty = int(np.isnan(self.values).all(axis=0).sum())
            raise PanjError(
                f"outcome: found no campaign with {self.measure.outcome} at {empty} of {self.values.shape[1]} points, "
                "expected at least one at every point; choose an outcome that is never missing, or more runs"
            )
        return np.asarray(np.nanmean(self.values, axis=0), np.float64)

    @property
    def noise(self) -> float:
        """The noise variance of a single campaign, estimated by the mean variance between campaigns of the same point.

        It is 0 if no point has several campaigns with the outcome.
        """
        several = (~np.isnan(self.values)).sum(axis=0) > 1
        return float(np.nanvar(self.values[:, several], axis=0, ddof=1).mean()) if several.any() else 0.0

    @property
    def left(self) -> float:
        """The noise variance that remains in the mean over the seeds of a point, averaged over all points."""
        return self.noise * float((1 / (~np.isnan(self.values)).sum(axis=0)).mean())


def sweep_of(
    base: Settings, priors: Sequence[Prior], shares: Floats, name: str, folder: Path, words: Sequence[str]
) -> Sweep:
    """Return the study of a design: one cell for each of `base.runs` seeds, each with one campaign per point.

    Args:
        base: Settings of every point; their policies and overrides take precedence over the parameters of the point.
        priors: Priors of the varied parameters; all other parameters keep their declared values.
        shares: (points, parameters) Each parameter as its cumulative prior probability.
        name: Name of the study.
        folder: Parent folder of the study.
        words: Overrides of the command, which are stored with the study.

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
    """Run the campaigns of a design that are not stored, and return a summary of the run.

    Raise Stopped after Ctrl-C, and PanjError if the folder contains campaigns of other points.
    """
    return run_sweep(sweep, Terse(file=console.file, width=console.width, highlight=False))


def read_answers(folder: Path, outcomes: Sequence[str], seeds: int, points: int) -> dict[str, Answers]:
    """Read outcomes at every point of a finished study.

    Dates become days after the first day of the campaign; an event that did not occur has the day after the last one.

    Args:
        folder: Folder of the study.
        outcomes: Names of the outcomes.
        seeds: Number of seeds, which are the cells of the study.
        points: Number of points, which are the campaigns of a cell.
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
    """Return the outcomes that have at least one value at every point, and print the names of all others.

    Raise PanjError if no outcome is left.
    """
    kept = {outcome: answer for outcome, answer in answers.items() if answer.is_known}
    for outcome in answers:
        if outcome not in kept:
            console.print(f"{outcome} is excluded: at some points, no campaign has a value.", soft_wrap=True)
    if not kept:
        raise PanjError(
            f"outcome: found points at which no campaign has {', '.join(answers)}, expected at least one outcome with "
            "a value at every point; try more runs or another outcome"
        )
    return kept


LEVELS = 4  # levels of Morris's grid: 0, 1/3, 2/3 and 1 of a prior
STEP = LEVELS / (2 * (LEVELS - 1))  # step of a trajectory, in cumulative prior probability: two thirds


def problem_of(keys: Sequence[str]) -> dict[str, Any]:
    """Return the SALib problem of the parameters, each as a cumulative prior probability from 0 to 1."""
    return {"num_vars": len(keys), "names": list(keys), "bounds": [[0.0, 1.0]] * len(keys)}


def trajectories(keys: Sequence[str], count: int, seed: int) -> Floats:
    """Draw `count` Morris trajectories of (parameters + 1) points; consecutive points differ in one parameter.

    Returns:
        (points, parameters) Shares of the priors.
    """
    from SALib.sample import morris  # slow to import

    return np.array(morris.sample(problem_of(keys), count, num_levels=LEVELS, seed=seed), np.float64)


def cross_samples(keys: Sequence[str], samples: int, seed: int) -> Floats:
    """Draw Saltelli's points for first- and total-order Sobol' indices.

    Args:
        keys: Keys of the parameters.
        samples: Number of base samples, a power of two.
        seed: Seed of the scrambled Sobol' sequence.

    Returns:
        (samples x (parameters + 2), parameters) Shares of the priors.
    """
    from SALib.sample import sobol  # slow to import

    return np.array(sobol.sample(problem_of(keys), samples, calc_second_order=False, seed=seed), np.float64)
