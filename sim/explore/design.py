"""Designs: the points at which the model runs, and their campaigns, as an ordinary study.

A cell is a seed and its campaigns are the points in order, so that thousands of points are few cells: they run on every
executor, are recorded chunk by chunk and can be resumed. `runs.parquet` has for each campaign its seed
(`luck`), its point (`seed`), its parameters and every outcome.

Source  Trajectories: Morris 1991, on a grid of four levels. Cross-samples: Saltelli 2010, from a scrambled Sobol'
        sequence. Both from SALib. Points are in the unit cube, as shares of the prior of each parameter.
Assumed With the same seeds at every point (common random numbers) the mean over them is a function of the parameters
        alone. It still contains the noise of those seeds; the spread between seeds at a point measures how much.
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
    """One outcome at every point."""

    measure: Measure
    values: Floats  # seeds x points; nan where a campaign failed or lacks the outcome

    @property
    def is_known(self) -> bool:
        """Whether at least one campaign has the outcome at every point."""
        return not bool(np.isnan(self.values).all(axis=0).any())

    @property
    def means(self) -> Floats:
        """Mean over the seeds, one per point; PanjError where no campaign of a point has the outcome."""
        if not self.is_known:
            empty = int(np.isnan(self.values).all(axis=0).sum())
            raise PanjError(
                f"outcome: found no campaign with {self.measure.outcome} at {empty} of {self.values.shape[1]} points, "
                "expected one at every point; choose an outcome that is never missing, or more runs"
            )
        return np.asarray(np.nanmean(self.values, axis=0), np.float64)

    @property
    def chance(self) -> float:
        """Mean variance between campaigns of one point: the noise variance of a single campaign."""
        several = (~np.isnan(self.values)).sum(axis=0) > 1
        return float(np.nanvar(self.values[:, several], axis=0, ddof=1).mean()) if several.any() else 0.0

    @property
    def left(self) -> float:
        """Noise variance that remains in the mean of a point."""
        return self.chance * float((1 / (~np.isnan(self.values)).sum(axis=0)).mean())


def sweep_of(
    base: Settings, priors: Sequence[Prior], shares: Floats, name: str, folder: Path, words: Sequence[str]
) -> Sweep:
    """The study of a design: each of `base.runs` seeds is a cell with one campaign per point.

    Args:
        base: settings of every point; policies and overrides are applied on top of the point's parameters.
        priors: of the varied parameters; the others keep their declared values.
        shares: points x parameters, as shares of the priors.
        name: name of the study.
        folder: parent folder of the study.
        words: the command, to be recorded.
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
    """Run the missing campaigns; Stopped after Ctrl-C, PanjError where the folder has other points."""
    return run_sweep(sweep, Terse(file=console.file, width=console.width, highlight=False))


def read_answers(folder: Path, outcomes: Sequence[str], seeds: int, points: int) -> dict[str, Answers]:
    """Outcomes at every point of a finished study; an event that did not occur has the day after the last."""
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
    """Drop outcomes missing in all campaigns of some point, and print their names. PanjError where none is left."""
    kept = {outcome: answer for outcome, answer in answers.items() if answer.is_known}
    for outcome in answers:
        if outcome not in kept:
            console.print(f"{outcome} is left out: at some points no campaign has it.", soft_wrap=True)
    if not kept:
        raise PanjError(
            f"outcome: found points at which no campaign has {', '.join(answers)}, expected at least one outcome that "
            "some campaign has at every point; more runs, or another outcome"
        )
    return kept


LEVELS = 4  # of Morris's grid: 0, 1/3, 2/3 and 1 of a prior
STEP = LEVELS / (2 * (LEVELS - 1))  # step of a trajectory, as a share of the prior: two thirds


def problem_of(keys: Sequence[str]) -> dict[str, Any]:
    """The parameters as a SALib problem: each from 0 to 1, as a share of its prior."""
    return {"num_vars": len(keys), "names": list(keys), "bounds": [[0.0, 1.0]] * len(keys)}


def trajectories(keys: Sequence[str], count: int, seed: int) -> Floats:
    """Morris's trajectories, count x (parameters + 1) rows: each row differs from the previous in one parameter."""
    from SALib.sample import morris  # slow to import

    return np.array(morris.sample(problem_of(keys), count, num_levels=LEVELS, seed=seed), np.float64)


def cross_samples(keys: Sequence[str], samples: int, seed: int) -> Floats:
    """Saltelli's sample for first and total order, samples x (parameters + 2) rows; `samples` is a power of two."""
    from SALib.sample import sobol  # slow to import

    return np.array(sobol.sample(problem_of(keys), samples, calc_second_order=False, seed=seed), np.float64)
