"""Which numbers move an outcome: `python -m sim sensitivity outcome=NAME[,NAME]`.

Morris's trajectories over all numbers of `configs/priors.yaml` (or those of `keys=`) choose the numbers that matter;
Sobol' indices of first and total order, with bootstrap intervals, are then estimated for those alone, while the others
keep their declared values.

Reads   the declared priors; `points.py` lives the campaigns, which are kept and never lived twice.
Writes  morris.csv, sobol.csv, outcomes.csv and sensitivity.json in results/<study>; `sim.show.sensitivity` draws them.
Source  Morris 1991; Campolongo, Cariboni and Saltelli 2007 (mu*); Saltelli et al. 2010; all from SALib.
Assumed The model is stochastic. What is analysed is the mean of each outcome over the same `runs` seeds at every point
        (common random numbers), a function of the numbers alone. The luck of those seeds is still in it: numbers that
        differ play the same luck differently. How far two halves of the seeds differ at a point tells how much, and so
        what mu* chance alone reaches for any of the numbers in 5 of 100 screenings: the *floor of chance*. A number
        *matters* for an outcome when its mu* is above that floor and at least a tenth of the largest. The twelve
        (`most=`) that come nearest to the largest in any outcome go on. Beside Sobol' indices stands the share of the
        variance that chance leaves in the means: a total index may hold so much luck, a first index is only less
        certain by it.
"""

import json
from collections.abc import Mapping, Sequence
from hashlib import sha256

import numpy as np
from numpy.typing import NDArray
from rich.console import Console

from sim.study.design import STEP, cross_samples, problem_of, trajectories
from sim.study.draws import Prior
from sim.study.points import Answers, known, live, read_answers, sweep_of
from sim.study.score_tables import text_of
from sim.study.sensitivity_request import Request, say_estimate
from sim.study.sensitivity_tables import (
    RESAMPLES,
    Effect,
    Index,
    Lived,
    about_sensitivity,
    rows_of_morris,
    rows_of_outcomes,
    rows_of_sobol,
)
from sim.study.store import write_whole

REPLAYS = 20_000  # of screenings in which there is nothing but chance
MISSES = 0.05  # of screenings in which chance lifts some number above its floor
FIFTH = 0.2  # of a prior: at its low and its high end an outcome is averaged over such a part
Floats = NDArray[np.float64]


def effects_of(keys: Sequence[str], shares: Floats, answers: Mapping[str, Answers], seed: int) -> list[Effect]:
    """Morris's measures of every number for every outcome."""
    from SALib.analyze import morris  # slow to import

    effects = []
    for outcome, answer in answers.items():
        found = morris.analyze(problem_of(keys), shares, answer.means, num_resamples=RESAMPLES, seed=seed)
        measures = np.array([found[name] for name in ("mu_star", "mu_star_conf", "mu", "sigma")], np.float64)
        luck, floor = luck_of(answer, len(keys), len(shares) // (len(keys) + 1), seed)
        largest = float(measures[0].max())
        for key, (mu_star, half_width, mu, sigma) in zip(keys, measures.T.tolist(), strict=True):
            effects.append(Effect(outcome, key, mu_star, half_width, mu, sigma, luck, floor, largest))
    return effects


def luck_of(answer: Answers, numbers: int, steps: int, seed: int) -> tuple[float, float]:
    """mu* of chance alone: on average, and what it reaches for any of the numbers in 5 of 100 screenings.

    It is measured: at every point the mean over one half of the seeds less that over the other, brought to the variance
    of a step between two points that share no luck. Resampling as many of these as there are steps gives mu*.
    """
    runs = len(answer.values)
    halves = answer.values[::2], answer.values[1::2]
    here = ~np.array([np.isnan(half).all(axis=0) for half in halves]).any(axis=0)
    one, other = (np.nanmean(half[:, here], axis=0) for half in halves)
    size = np.abs(one - other) * np.sqrt(2 / runs / (1 / len(halves[0]) + 1 / len(halves[1]))) / STEP
    means = np.random.default_rng(seed).choice(size, (REPLAYS, steps)).mean(axis=1)
    return float(size.mean()), float(np.quantile(means, 1 - MISSES / numbers))


def choose(effects: Sequence[Effect], most: int) -> tuple[str, ...]:
    """The numbers that matter for any outcome, the one nearest to the largest effect first; at most so many."""
    best: dict[str, float] = {}
    for effect in effects:
        if effect.matters:
            best[effect.key] = max(best.get(effect.key, 0.0), effect.share)
    return tuple(sorted(best, key=lambda key: -best[key])[:most])


def indices_of(keys: Sequence[str], shares: Floats, answers: Mapping[str, Answers], seed: int) -> list[Index]:
    """Sobol' indices of every number for every outcome; all 0 where an outcome is the same at every point."""
    indices = []
    for outcome, answer in answers.items():
        means = answer.means
        columns = sobol_columns(keys, means, seed).T.tolist()
        for place, (key, (first, first_half, total, total_half)) in enumerate(zip(keys, columns, strict=True)):
            at_low, at_high = (float(means[part].mean()) for part in fifths_of(shares[:, place]))
            indices.append(Index(outcome, key, first, first_half, total, total_half, at_low, at_high))
    return indices


def fifths_of(shares: Floats) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """The points at the low and at the high end of a prior."""
    return shares < FIFTH, shares > 1 - FIFTH


def sobol_columns(keys: Sequence[str], means: Floats, seed: int) -> Floats:
    """First order, its half-width, total order, its half-width; a column a number."""
    from SALib.analyze import sobol  # slow to import

    if np.ptp(means) == 0:
        return np.zeros((4, len(keys)))
    found = sobol.analyze(problem_of(keys), means, calc_second_order=False, num_resamples=RESAMPLES, seed=seed + 1)
    return np.array([found[name] for name in ("S1", "S1_conf", "ST", "ST_conf")], np.float64)  # seed 0 is none there


def live_points(
    request: Request, name: str, priors: Sequence[Prior], shares: Floats, console: Console
) -> Lived:  # fmt: skip
    """All campaigns of the points, and the outcomes that were asked for."""
    sweep = sweep_of(request.base, priors, shares, name, request.folder, request.words)
    ran = live(sweep, console)
    answers = read_answers(ran.folder, request.outcomes, request.base.runs, len(shares))
    keys = tuple(prior.key for prior in priors)
    return Lived(keys, shares, known(answers, console), ran.folder, ran.failed)


def write_sensitivity(request: Request, console: Console) -> int:
    """Live, measure and write the tables; gives how many campaigns failed.

    Raises Stopped after Ctrl-C: the same command goes on from what is recorded.
    """
    seed, priors = request.base.seed, request.priors
    shares = trajectories([prior.key for prior in priors], request.trajectories, seed)
    name = named("morris", request.trajectories, priors)
    first = sweep_of(request.base, priors, shares, name, request.folder, request.words)
    say_estimate(request, first.cells[0].order, len(shares), console)
    screened = live_points(request, name, priors, shares, console)
    effects = effects_of(screened.keys, shares, screened.answers, seed)
    chosen = choose(effects, request.most)
    say_chosen(effects, chosen, console)
    designs, indices = {"morris": screened}, []
    if chosen:
        varied = [prior for prior in priors if prior.key in chosen]
        shares = cross_samples([prior.key for prior in varied], request.samples, seed)
        sampled = live_points(request, named("sobol", request.samples, varied), varied, shares, console)
        indices = indices_of(sampled.keys, shares, sampled.answers, seed)
        designs["sobol"] = sampled
    last = designs.get("sobol", screened)
    tables = {
        "morris.csv": rows_of_morris(effects, chosen),
        "sobol.csv": rows_of_sobol(indices, last.answers),
        "outcomes.csv": rows_of_outcomes(last.answers, list(designs)[-1]),
    }
    for table, rows in tables.items():
        write_whole(request.folder / table, text_of(rows).encode(), request.folder)
    about = about_sensitivity(request, designs, effects, chosen)
    write_whole(request.folder / "sensitivity.json", (json.dumps(about, indent=1) + "\n").encode(), request.folder)
    return sum(design.failed for design in designs.values())


def named(method: str, count: int, priors: Sequence[Prior]) -> str:
    """The folder of a design: other numbers, or more points, have one of their own."""
    keys = " ".join(prior.key for prior in priors)
    return f"{method}_{sha256(f'{count} {keys}'.encode()).hexdigest()[:6]}"


def say_chosen(effects: Sequence[Effect], chosen: Sequence[str], console: Console) -> None:
    """Which numbers go on to Sobol' indices, and which would have but for the limit."""
    matter = {effect.key for effect in effects if effect.matters}
    if not chosen:
        console.print("No number moves any of these outcomes by more than chance does, so there are no Sobol' indices; "
                      "more runs or trajectories see more.", soft_wrap=True)  # fmt: skip
        return
    console.print(f"{len(matter)} numbers matter; on with {', '.join(key.removeprefix('rules.') for key in chosen)}.",
                  soft_wrap=True)  # fmt: skip
    left = sorted(matter - set(chosen))
    if left:
        console.print(f"Left at their declared values though they matter (most={len(chosen)}): "
                      f"{', '.join(key.removeprefix('rules.') for key in left)}", soft_wrap=True)  # fmt: skip
