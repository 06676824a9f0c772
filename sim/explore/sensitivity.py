"""Estimate the sensitivity of outcomes to parameters: `python -m sim sensitivity outcome=NAME[,NAME]`.

Morris's trajectories over all parameters in configs/priors.yaml (or those of `keys=`) select the parameters that
matter. For these, first- and total-order Sobol' indices with bootstrap intervals are then estimated, while all other
parameters keep their declared values.

The model is stochastic. The analysis is of the mean of each outcome over the same `runs` seeds at every point (common
random numbers), which is a function of the parameters alone. It still contains the noise of those seeds, because the
same random draws have different effects when parameters differ. This noise is estimated from the difference between the
means of two halves of the seeds. The *floor of chance* is the mu* that noise alone exceeds, for at least one parameter,
in 5 of 100 screenings.

A parameter *matters* for an outcome if its mu* is above that floor and at least a tenth of the largest mu*. If more
than `most=` parameters matter (by default twelve), they are ranked by the ratio of mu* to the largest mu* for the same
outcome (the highest ratio, if there are several outcomes), and only the first `most=` are kept. Sobol' indices are
reported with the share of variance that is due to noise in the means: noise may raise a total index by up to that
share, but makes a first-order index only less certain.

Reads   the declared priors, and stored campaigns; `sim.explore.design` runs those that are missing.
Writes  morris.csv, sobol.csv, outcomes.csv and sensitivity.json in results/<study>; `sim.explore.figures` draws them.
Source  Morris 1991. Campolongo, Cariboni and Saltelli 2007 (mu*). Saltelli et al. 2010. All are computed by SALib.
"""

from collections.abc import Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from rich.console import Console

from sim.configuration.draws import Prior, priors_under
from sim.configuration.overrides import AnyOverrides, Overrides
from sim.configuration.settings import Order, Piece, Settings
from sim.configuration.sweep import compose_sweep
from sim.engine.compile import compiled
from sim.errors import PanjError, unknown
from sim.execution.compiling import compile_rules
from sim.execution.executors import cores
from sim.execution.work import work_timed
from sim.explore.design import (
    STEP,
    Answers,
    cross_samples,
    known,
    problem_of,
    read_answers,
    run_missing,
    sweep_of,
    trajectories,
)
from sim.options import Sensitivity, usage_of
from sim.outcome import read_outcomes, unknown_outcome
from sim.provenance import commit, versions
from sim.study.codebook import describe_tables
from sim.study.files import csv_text, json_text, write_file, write_folder
from sim.study.reader import read_about
from sim.wording import counted, format_seconds

REPLAYS = 20_000  # number of simulated values of mu* from noise alone
MISSES = 0.05  # share of screenings in which noise alone exceeds the floor for at least one parameter
FIFTH = 0.2  # share of the prior, at either end, over which an outcome is averaged
Floats = NDArray[np.float64]


class Effect(NamedTuple):
    """Morris's measures of the effect of one parameter, over its whole prior, on one outcome."""

    outcome: str
    key: str
    mu_star: float  # mean absolute effect [unit of the outcome]
    half_width: float  # half-width of the 95 % interval of mu_star
    mu: float  # mean signed effect
    sigma: float  # standard deviation of effects, due to interactions or nonlinearity
    noise: float  # mean mu* from noise alone
    floor: float  # mu* that noise alone reaches, for at least one parameter, in 5 of 100 screenings
    largest: float  # largest mu* of any parameter for this outcome

    @property
    def share(self) -> float:
        """Ratio of mu* to the largest mu* for the outcome; 0 if no parameter has an effect."""
        return self.mu_star / self.largest if self.largest > 0 else 0.0

    @property
    def matters(self) -> bool:
        """Whether mu* is above the floor of chance and its ratio to the largest mu* is at least `LEAST`."""
        return self.mu_star > self.floor and self.share >= LEAST


def effects_of(keys: Sequence[str], shares: Floats, answers: Mapping[str, Answers], seed: int) -> list[Effect]:
    """Return Morris's measures of every parameter for every outcome.

    Args:
        keys: Keys of the parameters.
        shares: (points, parameters) Points of the trajectories, as cumulative prior probabilities.
        answers: Values of each outcome at these points.
        seed: Seed of the bootstrap and of the resampled noise.
    """
    from SALib.analyze import morris  # slow to import

    effects = []
    for outcome, answer in answers.items():
        found = morris.analyze(problem_of(keys), shares, answer.means, num_resamples=RESAMPLES, seed=seed)
        measures = np.array([found[name] for name in ("mu_star", "mu_star_conf", "mu", "sigma")], np.float64)
        noise, floor = floor_of_chance(answer, len(keys), len(shares) // (len(keys) + 1), seed)
        largest = float(measures[0].max())
        for key, (mu_star, half_width, mu, sigma) in zip(keys, measures.T.tolist(), strict=True):
            effects.append(Effect(outcome, key, mu_star, half_width, mu, sigma, noise, floor, largest))
    return effects


def floor_of_chance(answer: Answers, numbers: int, steps: int, seed: int) -> tuple[float, float]:
    """Estimate the mu* of a parameter without any effect, which is due to noise.

    The noise of a step is taken to be the difference between the means of the two halves of the seeds at a point,
    scaled to the variance of a step between two points with independent seeds. A mu* of noise is the mean absolute
    value of `steps` such differences, drawn at random from all points.

    Args:
        answer: Values of an outcome at every point.
        numbers: Number of parameters.
        steps: Number of steps per parameter, which is the number of trajectories.
        seed: Seed of the resampling.

    Returns:
        The mean mu* of noise, and the value that it exceeds for at least one parameter in 5 of 100 screenings.
    """
    runs = len(answer.values)
    halves = answer.values[::2], answer.values[1::2]
    here = ~np.array([np.isnan(half).all(axis=0) for half in halves]).any(axis=0)
    one, other = (np.nanmean(half[:, here], axis=0) for half in halves)
    size = np.abs(one - other) * np.sqrt(2 / runs / (1 / len(halves[0]) + 1 / len(halves[1]))) / STEP
    means = np.random.default_rng(seed).choice(size, (REPLAYS, steps)).mean(axis=1)
    return float(size.mean()), float(np.quantile(means, 1 - MISSES / numbers))


def choose(effects: Sequence[Effect], most: int) -> tuple[str, ...]:
    """Choose the parameters that matter for at least one outcome, but no more than `most`.

    If there are more, those with the highest ratio of mu* to the largest mu* for the same outcome are chosen.
    """
    best: dict[str, float] = {}
    for effect in effects:
        if effect.matters:
            best[effect.key] = max(best.get(effect.key, 0.0), effect.share)
    return tuple(sorted(best, key=lambda key: -best[key])[:most])


class Index(NamedTuple):
    """The Sobol' indices of one parameter, as shares of the variance of an outcome."""

    outcome: str
    key: str
    first: float  # first-order index, without interactions
    first_half_width: float  # half-width of the 95 % interval of the first-order index
    total: float  # total-order index, with all interactions of the parameter
    total_half_width: float  # half-width of the 95 % interval of the total-order index
    at_low: float  # mean of the outcome over the points in the lowest fifth of the prior
    at_high: float  # mean of the outcome over the points in the highest fifth


def indices_of(keys: Sequence[str], shares: Floats, answers: Mapping[str, Answers], seed: int) -> list[Index]:
    """Return the Sobol' indices of every parameter for every outcome; all are 0 for a constant outcome.

    Args:
        keys: Keys of the parameters.
        shares: (points, parameters) Points of the cross-sample, as cumulative prior probabilities.
        answers: Values of each outcome at these points.
        seed: Seed of the bootstrap.
    """
    indices = []
    for outcome, answer in answers.items():
        means = answer.means
        columns = sobol_columns(keys, means, seed).T.tolist()
        for place, (key, (first, first_half, total, total_half)) in enumerate(zip(keys, columns, strict=True)):
            at_low, at_high = (float(means[part].mean()) for part in fifths_of(shares[:, place]))
            indices.append(Index(outcome, key, first, first_half, total, total_half, at_low, at_high))
    return indices


def fifths_of(shares: Floats) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Return whether each value is in the lowest, and in the highest, fifth of its prior, as two arrays."""
    return shares < FIFTH, shares > 1 - FIFTH


def sobol_columns(keys: Sequence[str], means: Floats, seed: int) -> Floats:
    """Return first- and total-order indices of one outcome, each followed by its half-width (4 x parameters).

    All are 0 if the outcome is constant.
    """
    from SALib.analyze import sobol  # slow to import

    if np.ptp(means) == 0:
        return np.zeros((4, len(keys)))
    # seed + 1, because SALib treats seed 0 as None (unseeded)
    found = sobol.analyze(problem_of(keys), means, calc_second_order=False, num_resamples=RESAMPLES, seed=seed + 1)
    return np.array([found[name] for name in ("S1", "S1_conf", "ST", "ST_conf")], np.float64)


class Resolved(NamedTuple):
    """A request for a sensitivity study, resolved and checked."""

    base: Settings  # settings of every point: `runs` is the number of seeds per point, `seed` the first of them
    words: tuple[str, ...]  # overrides and options of the command
    outcomes: tuple[str, ...]
    priors: tuple[Prior, ...]  # priors of the varied parameters
    trajectories: int  # number of Morris trajectories
    samples: int  # number of Saltelli base samples, a power of two
    most: int  # largest number of parameters for which Sobol' indices are estimated

    @property
    def folder(self) -> Path:
        """The folder of tables and figures; campaigns are stored in its subfolders."""
        return self.base.results_dir / self.base.study


class Sampled(NamedTuple):
    """A design that has been run, and the outcomes at its points."""

    keys: tuple[str, ...]
    shares: Floats
    answers: dict[str, Answers]
    folder: Path
    failed: int  # number of failed campaigns


def run_points(
    request: Resolved, name: str, priors: Sequence[Prior], shares: Floats, console: Console
) -> Sampled:  # fmt: skip
    """Run the campaigns of a design that are not stored, and return its points with the requested outcomes."""
    sweep = sweep_of(request.base, priors, shares, name, request.folder, request.words)
    ran = run_missing(sweep, console)
    answers = read_answers(ran.folder, request.outcomes, request.base.runs, len(shares))
    keys = tuple(prior.key for prior in priors)
    return Sampled(keys, shares, known(answers, console), ran.folder, ran.failed)


def write_sensitivity(request: Resolved, console: Console) -> int:
    """Run both designs, compute the measures and write the tables.

    Args:
        request: The resolved request.
        console: Console for progress messages.

    Returns:
        The number of failed campaigns.

    Raises:
        Stopped: The user pressed Ctrl-C; the same command resumes.
        PanjError: Every requested outcome is missing in all campaigns of some point.
    """
    seed, priors = request.base.seed, request.priors
    shares = trajectories([prior.key for prior in priors], request.trajectories, seed)
    name = named("morris", request.trajectories, priors)
    first = sweep_of(request.base, priors, shares, name, request.folder, request.words)
    print_estimate(request, first.cells[0].order, len(shares), console)
    screened = run_points(request, name, priors, shares, console)
    effects = effects_of(screened.keys, shares, screened.answers, seed)
    chosen = choose(effects, request.most)
    print_chosen(effects, chosen, console)
    designs, indices = {"morris": screened}, []
    if chosen:
        varied = [prior for prior in priors if prior.key in chosen]
        shares = cross_samples([prior.key for prior in varied], request.samples, seed)
        sampled = run_points(request, named("sobol", request.samples, varied), varied, shares, console)
        indices = indices_of(sampled.keys, shares, sampled.answers, seed)
        designs["sobol"] = sampled
    last = designs.get("sobol", screened)
    tables = {
        "morris.csv": rows_of_morris(effects, chosen),
        "sobol.csv": rows_of_sobol(indices, last.answers),
        "outcomes.csv": rows_of_outcomes(last.answers, list(designs)[-1]),
    }
    about = about_sensitivity(request, designs, effects, chosen)
    with write_folder(request.folder, "results_dir") as fresh:
        for table, rows in tables.items():
            write_file(fresh / table, csv_text(rows, OF_SOBOL if table == "sobol.csv" else ()))
        write_file(fresh / "sensitivity.json", json_text(about))
    describe_tables(request.folder, "sensitivity")
    return sum(design.failed for design in designs.values())


def named(method: str, count: int, priors: Sequence[Prior]) -> str:
    """Return a folder name from the method, the parameters and the number of samples of a design."""
    keys = " ".join(prior.key for prior in priors)
    return f"{method}_{sha256(f'{count} {keys}'.encode()).hexdigest()[:6]}"


def print_chosen(effects: Sequence[Effect], chosen: Sequence[str], console: Console) -> None:
    """Print the parameters chosen for Sobol' indices, and those that matter but are not chosen."""
    matter = {effect.key for effect in effects if effect.matters}
    if not chosen:
        console.print("No number affects these outcomes more than chance does, so there are no Sobol' indices; "
                      "more runs or trajectories may detect effects.", soft_wrap=True)  # fmt: skip
        return
    verb = "matters" if len(matter) == 1 else "matter"
    console.print(f"{counted(len(matter), 'number')} {verb}; chosen: "
                  f"{', '.join(key.removeprefix('rules.') for key in chosen)}.",
                  soft_wrap=True)  # fmt: skip
    left = sorted(matter - set(chosen))
    if left:
        console.print(f"Kept at their declared values although they matter (most={len(chosen)}): "
                      f"{', '.join(key.removeprefix('rules.') for key in left)}", soft_wrap=True)  # fmt: skip


USUAL = {  # extreme draws create more groups of refugees than the default number of rows allows
    "study": "sensitivity", "runs": "8", "rules.flight.rows": "200000",
}  # fmt: skip
ALWAYS = {"calibration": "prior", "daily": "false"}
NOT_HERE = ("sampling", "precision", "runs_max")
TIMED = 10  # number of campaigns run to estimate the time


def resolve(asked: Sensitivity) -> Resolved:
    """Resolve and check a request before anything is run or written.

    Args:
        asked: The parsed command line of `sensitivity`.

    Returns:
        The settings, outcomes, priors and sizes of the designs.

    Raises:
        PanjError: A setting, an outcome or a parameter is invalid, or is not allowed in a sensitivity study.
    """
    base = base_of(asked.overrides)
    most = len(priors_under(()))
    if asked.most > most:
        raise PanjError(f"most: found '{asked.most}', expected a whole number from 1 to {most}")
    return Resolved(
        base, asked.words, outcomes_of(asked.outcome, base), priors_of(asked.keys, base), asked.trajectories,
        asked.samples, asked.most,
    )  # fmt: skip


def base_of(words: AnyOverrides) -> Settings:
    """Compose the common settings of all points. Raise PanjError if one is not allowed in a sensitivity study."""
    overrides = Overrides.of(words)
    for row in overrides:
        if row.key.split(".")[0] in NOT_HERE:
            raise PanjError(
                f"{row.key}: found '{row.text}', expected no value, because `sensitivity` chooses the points"
            )
    for key, value in ALWAYS.items():
        found = overrides.get(key)
        if found and found.text != f"{key}={value}":
            raise PanjError(f"{key}: found '{found.text}', expected {key}={value}, which `sensitivity` always uses")
    base = compose_sweep(overrides.with_usual({**USUAL, **ALWAYS})).base
    if base.runs < 2:
        raise PanjError(f"runs: found {base.runs}, expected at least 2 per point, to separate effects from chance")
    folder = base.results_dir / base.study
    if (folder / "about.json").exists() or (folder / "chunks").exists():
        raise PanjError(f"study: found another study in {folder}, expected a new name; choose study=NAME")
    return base


def outcomes_of(wanted: tuple[str, ...], base: Settings) -> tuple[str, ...]:
    """Return the requested outcomes.

    Raise PanjError if no outcome is requested, or if one is unknown or extends beyond the last day of the campaigns.
    """
    table = read_outcomes(base.facts, base.start_date, base.days)
    names = [row.name for row in table if row.last >= 0]
    if not wanted:
        raise PanjError(f"outcome: found none, expected at least one: {usage_of(Sensitivity)}")
    for name in wanted:
        if name not in names:
            raise unknown_outcome("outcome", name, names, base.end_date)
    return wanted


def priors_of(wanted: tuple[str, ...] | None, base: Settings) -> tuple[Prior, ...]:
    """Return the priors of the parameters to vary: those in `keys=` or, by default, all that no override sets.

    Raise PanjError if `keys=` is empty, or names a parameter that is unknown or also set by an override.
    """
    assert base.draws is not None
    free = {prior.key: prior for prior in base.draws.priors}
    if wanted is None:
        return base.draws.priors
    declared = [prior.key for prior in priors_under(())]
    for key in wanted:
        if key not in declared:
            raise unknown("keys", key, declared)
        if key not in free:
            raise PanjError(f"keys: found {key}, which this command also sets, expected a number that it does not set")
    if not wanted:
        raise PanjError("keys: found none, expected numbers in configs/priors.yaml, such as [rules.news.fade_days]")
    return tuple(free[key] for key in wanted)


def print_estimate(request: Resolved, order: Order, points: int, console: Console) -> None:
    """Print the numbers of points and campaigns, and the time that they will take, estimated from a few campaigns."""
    runs, most = request.base.runs, min(request.most, len(request.priors))
    more, seeds = request.samples * (most + 2), counted(runs, "seed")
    compile_rules(order, request.base.seed, console)
    work_timed([Piece(order, (0,))])  # warm-up: builds the layout and reads the outcomes table
    timed = min(TIMED, points)  # a design of one number may have fewer points
    _, seconds = work_timed([Piece(order, tuple(range(timed)))])
    workers = request.base.executor.workers or cores()
    if request.base.executor.kind == "threads" and not compiled:
        workers = 1  # uncompiled rules do not run faster on threads
    each = seconds / timed
    console.print(
        f"Morris: {counted(len(request.priors), 'number')}, {points:,} points x {seeds} = "
        f"{points * runs:,} campaigns. Sobol': at most {most} of them, "
        f"{more:,} points x {seeds} = {more * runs:,} campaigns. "
        f"About {format_seconds((points + more) * runs * each / workers)} in all with {counted(workers, 'worker')} "
        f"({each * 1000:.3g} ms per campaign and worker); stored campaigns are not run again.", soft_wrap=True,
    )  # fmt: skip


CHANCE = "chance"  # value of the column `number` in the row for noise
RESAMPLES = 1000  # number of bootstrap resamples
OF_SOBOL = (  # columns of sobol.csv, which has no rows if no number matters
    *("outcome", "number", "first", "first_low", "first_high"),
    *("total", "total_low", "total_high", "at_low", "at_high"),
)
LEAST = 0.1  # smallest ratio of mu* to the largest mu* of an outcome at which a parameter matters


def rows_of_morris(effects: Sequence[Effect], chosen: Sequence[str]) -> list[dict[str, str]]:
    """Return the rows of morris.csv, one per outcome and parameter, in descending order of mu*."""
    outcomes = list(dict.fromkeys(effect.outcome for effect in effects))
    ranked = sorted(effects, key=lambda effect: (outcomes.index(effect.outcome), -effect.mu_star))
    return [
        {
            "outcome": one.outcome, "number": one.key, "mu_star": number_text(one.mu_star),
            "mu_star_low": number_text(max(0.0, one.mu_star - one.half_width)),
            "mu_star_high": number_text(one.mu_star + one.half_width),
            "mu": number_text(one.mu), "sigma": number_text(one.sigma),
            "chance_alone": number_text(one.noise), "floor_of_chance": number_text(one.floor),
            "share_of_largest": number_text(one.share), "matters": "yes" if one.matters else "no",
            "chosen": "yes" if one.key in chosen else "no",
        }
        for one in ranked
    ]  # fmt: skip


def rows_of_sobol(indices: Sequence[Index], answers: Mapping[str, Answers]) -> list[dict[str, str]]:
    """Return the rows of sobol.csv, one per outcome and parameter, in descending order of total index.

    The last row of each outcome gives the share of variance that is due to noise.
    """
    rows = []
    for outcome, answer in answers.items():
        of_outcome = [index for index in indices if index.outcome == outcome]
        for one in sorted(of_outcome, key=lambda index: -index.total):
            rows.append({
                "outcome": outcome, "number": one.key,
                "first": number_text(one.first), "first_low": number_text(one.first - one.first_half_width),
                "first_high": number_text(one.first + one.first_half_width),
                "total": number_text(one.total), "total_low": number_text(one.total - one.total_half_width),
                "total_high": number_text(one.total + one.total_half_width),
                "at_low": number_text(one.at_low), "at_high": number_text(one.at_high),
            })  # fmt: skip
        if of_outcome:
            rows.append(dict.fromkeys(rows[-1], "") | {"outcome": outcome, "number": CHANCE,
                                                         "total": number_text(share_left(answer))})  # fmt: skip
    return rows


def share_left(answer: Answers) -> float:
    """Return the share of the variance between points that is due to noise, or 0 if there is no variance."""
    between = float(answer.means.var())
    return min(1.0, answer.left / between) if between > 0 else 0.0


def rows_of_outcomes(answers: Mapping[str, Answers], of: str) -> list[dict[str, str]]:
    """Return the rows of outcomes.csv, one per outcome.

    A row contains the variation of the outcome between points, the shares of the variance of single campaigns due to
    parameters and to noise, and the reported figure.

    Args:
        answers: Values of each outcome at every point.
        of: Name of the design.
    """
    rows = []
    for outcome, answer in answers.items():
        low, middle, high = np.quantile(answer.means, (0.05, 0.5, 0.95))
        numbers = max(0.0, float(answer.means.var()) - answer.left)
        whole = numbers + answer.noise
        reported = {key: "" if value is None else str(value) for key, value in answer.measure.reported.items()}
        rows.append({
            "outcome": outcome, "label": answer.measure.label, "unit": answer.measure.unit, "design": of,
            "mean": number_text(float(answer.means.mean())), "median": number_text(middle),
            "low_90": number_text(low), "high_90": number_text(high),
            "share_numbers": number_text(numbers / whole if whole else 0.0),
            "share_chance": number_text(answer.noise / whole if whole else 0.0),
            "chance_left": number_text(share_left(answer)),
            "missing": str(int(np.isnan(answer.values).sum())),
            **{f"reported_{key}": value for key, value in reported.items() if key != "evidence"},
            "evidence": reported["evidence"],
        })  # fmt: skip
    return rows


def number_text(value: float) -> str:
    """Format a number to six significant figures."""
    return f"{value:.6g}"


def about_sensitivity(
    request: Resolved, designs: Mapping[str, Sampled], effects: Sequence[Effect], chosen: Sequence[str]
) -> dict[str, Any]:
    """Return the content of sensitivity.json: request, settings, priors, chosen parameters, designs and versions."""
    base = request.base
    about = read_about(designs["morris"].folder)
    matter = {effect.key for effect in effects if effect.matters}
    kept = ("data_fingerprint", "rules_fingerprint", "outcomes_fingerprint", "scenario", "end_date")
    return {
        "study": base.study, "words": ["sensitivity", *request.words], "outcomes": list(request.outcomes),
        "scenario_title": base.title, "runs": base.runs,
        "first_seed": base.seed, "last_seed": base.seed + base.runs - 1,
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
