"""Which numbers move an outcome: `python -m sim sensitivity outcome=NAME[,NAME]`.

Morris's trajectories over all numbers of `configs/priors.yaml` (or those of `keys=`) choose the numbers that matter;
Sobol' indices of first and total order, with bootstrap intervals, are then estimated for those alone, while the others
keep their declared values.

Reads   the declared priors; `points.py` lives the campaigns, which are kept and never lived twice.
Writes  morris.csv, sobol.csv, outcomes.csv and sensitivity.json in results/<study>; `sim.show.sensitivity` draws them.
Source  Morris 1991; Campolongo, Cariboni and Saltelli 2007 (mu*); Saltelli et al. 2010; all from SALib.
Assumed The model is stochastic. What is analysed is the mean of each outcome over the same `runs` seeds at every point
        (common random numbers), a function of the numbers alone. The luck of those seeds is still in it: numbers that
        differ play the same luck differently. The spread between seeds tells how much. Two means of other seeds at one
        point differ by 2 se / sqrt(pi) on average (normal); in Morris's unit, the *floor of chance*. A number *matters*
        for an outcome when the lower end of its 95 % interval of mu* is above that floor and mu* is at least a tenth of
        the largest. The eight that come nearest to the largest in any outcome go on. In Sobol' indices the variance
        that is left in the means stands beside them as the share of *chance*: up to so much of a total index, and of a
        first index nothing but noise, may be luck.
"""

import json
from collections.abc import Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from rich.console import Console

from sim.provenance import commit, read_about, versions
from sim.study.design import STEP, cross_samples, problem_of, trajectories
from sim.study.draws import Prior
from sim.study.points import Answers, known, live, read_answers, sweep_of
from sim.study.score_tables import text_of
from sim.study.sensitivity_request import Request, say_estimate
from sim.study.store import write_whole

LEAST = 0.1  # of the largest mu* of an outcome, for a number to matter
RESAMPLES = 1000  # of the bootstrap
FIFTH = 0.2  # of a prior: at its low and its high end an outcome is averaged over such a part
CHANCE = "chance"  # the row of luck among the numbers
Floats = NDArray[np.float64]


class Effect(NamedTuple):
    """How far one number moves one outcome, along its whole prior."""

    outcome: str
    key: str
    mu_star: float  # mean size of a step, as if it went along the whole prior [unit of the outcome]
    half_width: float  # of its 95 % interval
    mu: float  # the same with its sign
    sigma: float  # spread of steps: interactions, or a curve
    floor: float  # mu* that chance alone reaches
    largest: float  # mu* of the number that moves the outcome most

    @property
    def share(self) -> float:
        """Of the largest mu*; 0 where nothing moves."""
        return self.mu_star / self.largest if self.largest > 0 else 0.0

    @property
    def matters(self) -> bool:
        """More than chance does, and not too little beside the largest."""
        return self.mu_star - self.half_width > self.floor and self.share >= LEAST


class Index(NamedTuple):
    """The share of the variance of an outcome that a number explains."""

    outcome: str
    key: str
    first: float  # by itself
    first_half_width: float
    total: float  # with all its interactions
    total_half_width: float
    at_low: float  # mean of the outcome in the lowest fifth of the prior
    at_high: float  # and in the highest


def effects_of(keys: Sequence[str], shares: Floats, answers: Mapping[str, Answers], seed: int) -> list[Effect]:
    """Morris's measures of every number for every outcome."""
    from SALib.analyze import morris  # slow to import

    effects = []
    for outcome, answer in answers.items():
        found = morris.analyze(problem_of(keys), shares, answer.means, num_resamples=RESAMPLES, seed=seed)
        measures = [np.asarray(found[name], np.float64) for name in ("mu_star", "mu_star_conf", "mu", "sigma")]
        floor = 2 * float(np.sqrt(answer.left / np.pi)) / STEP
        largest = float(measures[0].max())
        effects += [Effect(outcome, key, *map(float, row), floor, largest)
                    for key, row in zip(keys, np.array(measures).T, strict=True)]  # fmt: skip
    return effects


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
        columns = sobol_columns(keys, means, seed)
        for place, key in enumerate(keys):
            low, high = shares[:, place] < FIFTH, shares[:, place] > 1 - FIFTH
            ends = float(means[low].mean()), float(means[high].mean())
            indices.append(Index(outcome, key, *map(float, columns[:, place]), *ends))
    return indices


def sobol_columns(keys: Sequence[str], means: Floats, seed: int) -> Floats:
    """First order, its half-width, total order, its half-width; a column a number."""
    from SALib.analyze import sobol  # slow to import

    if np.ptp(means) == 0:
        return np.zeros((4, len(keys)))
    found = sobol.analyze(problem_of(keys), means, calc_second_order=False, num_resamples=RESAMPLES, seed=seed + 1)
    return np.array([found[name] for name in ("S1", "S1_conf", "ST", "ST_conf")], np.float64)  # seed 0 is none there


def rows_of_morris(effects: Sequence[Effect], chosen: Sequence[str]) -> list[dict[str, str]]:
    """A row an outcome and number, the one that moves most first."""
    outcomes = list(dict.fromkeys(effect.outcome for effect in effects))
    ranked = sorted(effects, key=lambda effect: (outcomes.index(effect.outcome), -effect.mu_star))
    return [
        {
            "outcome": one.outcome, "number": one.key, "mu_star": say(one.mu_star),
            "mu_star_low": say(max(0.0, one.mu_star - one.half_width)), "mu_star_high": say(one.mu_star + one.half_width),
            "mu": say(one.mu), "sigma": say(one.sigma), "floor_of_chance": say(one.floor),
            "share_of_largest": say(one.share), "matters": "yes" if one.matters else "no",
            "chosen": "yes" if one.key in chosen else "no",
        }
        for one in ranked
    ]  # fmt: skip


def rows_of_sobol(indices: Sequence[Index], answers: Mapping[str, Answers]) -> list[dict[str, str]]:
    """A row an outcome and number, the largest total index first; the row of chance comes last."""
    rows = []
    for outcome, answer in answers.items():
        of_outcome = [index for index in indices if index.outcome == outcome]
        for one in sorted(of_outcome, key=lambda index: -index.total):
            rows.append({
                "outcome": outcome, "number": one.key,
                "first": say(one.first), "first_low": say(one.first - one.first_half_width),
                "first_high": say(one.first + one.first_half_width),
                "total": say(one.total), "total_low": say(one.total - one.total_half_width),
                "total_high": say(one.total + one.total_half_width),
                "at_low": say(one.at_low), "at_high": say(one.at_high),
            })  # fmt: skip
        if of_outcome:
            rows.append({key: "" for key in rows[-1]} | {"outcome": outcome, "number": CHANCE,
                                                         "total": say(share_left(answer))})  # fmt: skip
    return rows


def share_left(answer: Answers) -> float:
    """Of the variance between points, what chance leaves in it; 0 where there is none."""
    between = float(answer.means.var())
    return min(1.0, answer.left / between) if between > 0 else 0.0


def rows_of_outcomes(answers: Mapping[str, Answers], of: str) -> list[dict[str, str]]:
    """A row an outcome: its spread between points, and how much of a single campaign numbers and chance decide."""
    rows = []
    for outcome, answer in answers.items():
        low, middle, high = np.quantile(answer.means, (0.05, 0.5, 0.95))
        numbers = max(0.0, float(answer.means.var()) - answer.left)
        whole = numbers + answer.chance
        reported = {key: "" if value is None else str(value) for key, value in answer.measure.reported.items()}
        rows.append({
            "outcome": outcome, "label": answer.measure.label, "unit": answer.measure.unit, "design": of,
            "mean": say(float(answer.means.mean())), "median": say(middle), "low_90": say(low), "high_90": say(high),
            "share_numbers": say(numbers / whole if whole else 0.0),
            "share_chance": say(answer.chance / whole if whole else 0.0),
            "chance_left": say(share_left(answer)),
            "missing": str(int(np.isnan(answer.values).sum())),
            **{f"reported_{key}": value for key, value in reported.items() if key != "evidence"},
            "evidence": reported["evidence"],
        })  # fmt: skip
    return rows


def say(value: float) -> str:
    """Six figures."""
    return f"{value:.6g}"


class Lived(NamedTuple):
    """A design, and what its points gave."""

    keys: tuple[str, ...]
    shares: Floats
    answers: dict[str, Answers]
    folder: Path
    failed: int  # campaigns


def live_points(
    request: Request, name: str, priors: Sequence[Prior], shares: Floats, console: Console
) -> Lived:  # fmt: skip
    """All campaigns of the points, and the outcomes that were asked for."""
    sweep = sweep_of(request.base, priors, shares, name, request.folder)
    ran = live(sweep, console)
    answers = read_answers(ran.folder, request.outcomes, request.base.runs, len(shares))
    keys = tuple(prior.key for prior in priors)
    return Lived(keys, shares, known(answers, console), ran.folder, ran.failed)


def write_sensitivity(request: Request, console: Console) -> int:
    """Live, measure, write the tables; gives how many campaigns failed. Stopped after Ctrl-C: the same command goes on."""
    seed, priors = request.base.seed, request.priors
    shares = trajectories([prior.key for prior in priors], request.trajectories, seed)
    name = named("morris", request.trajectories, priors)
    first = sweep_of(request.base, priors, shares, name, request.folder)
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


def about_sensitivity(
    request: Request, designs: Mapping[str, Lived], effects: Sequence[Effect], chosen: Sequence[str]
) -> dict[str, Any]:
    """What the tables and figures were made from."""
    base = request.base
    about = read_about(designs["morris"].folder)
    matter = {effect.key for effect in effects if effect.matters}
    kept = ("data_fingerprint", "rules_fingerprint", "outcomes_fingerprint", "scenario", "end_date")
    return {
        "study": base.study, "words": list(request.words), "outcomes": list(request.outcomes),
        "scenario_title": base.title, "runs": base.runs, "first_seed": base.seed, "last_seed": base.seed + base.runs - 1,
        **{key: about[key] for key in kept}, "commit": commit(), "versions": versions(),
        "priors": {prior.key: [prior.low, prior.high, prior.scale] for prior in request.priors},
        "chosen": list(chosen), "matter_but_left": sorted(matter - set(chosen)),
        "designs": {
            name: {"folder": one.folder.name, "points": len(one.shares), "campaigns": one.shares.shape[0] * base.runs,
                   "failed": one.failed, "numbers": len(one.keys)}
            for name, one in designs.items()
        },
        "trajectories": request.trajectories, "samples": request.samples, "resamples": RESAMPLES,
    }  # fmt: skip
