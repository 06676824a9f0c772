"""Compare rival theories by their evidence after every stage: `python -m sim assimilate -m theory=a,b`.

All theories are assumed to be equally likely a priori. The numbers of each are drawn from their priors, so a theory
with many wide priors is penalised. A sample gives an unbiased estimate of the evidence, but not of its logarithm, so
the evidence is averaged over repeats before the logarithm is taken.

Reads   what `sim.assimilation.assimilate` reads.
Writes  theories.csv (one row per theory and stage), theories.png and about.json in results_dir/<name>; during the run,
        the finished stages of each sample in the subfolder samples/, so that the same command can resume.
Source  A ratio of evidence below 3.2 is hardly worth mentioning: Kass and Raftery 1995.
"""

import json
import math
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from rich.console import Console

from sim.assimilation.assimilate import CHAIN, Runner, asked_of, known_by, run_stages, settings_of
from sim.assimilation.campaigns import Campaigns
from sim.assimilation.observations import read_observations
from sim.configuration.overrides import Overrides, values_of
from sim.data.evidence import read_evidence
from sim.errors import PanjError
from sim.execution.executors import workers_of
from sim.options import Assimilate
from sim.plots.charts import Spaces, add_key, date_axis, days_of, key_line, label_axes, new_panels, save_chart
from sim.plots.colours import EARTH, REPORTED_OTHER, SECOND, SIMULATED
from sim.plots.style import in_style
from sim.provenance import command_line, commit, versions
from sim.sampler import Floats, check_size, log_mean
from sim.study.codebook import Codebook, write_codebook
from sim.study.files import csv_text, holds, json_text, locked, make_folder, write_folder
from sim.terminal import console_of

BARELY = 3.2  # ratio of evidence below which two theories cannot be distinguished
DRAWS, SEED = 4_000, 20210707  # number and seed of the random draws for Monte Carlo error
COLOURS = (SIMULATED, SECOND, EARTH, REPORTED_OTHER)


class SampleRequest(NamedTuple):
    """A requested sample: one theory with one seed."""

    theory: str
    request: Assimilate
    model: Campaigns
    digest: str


class Evidence(NamedTuple):
    """The log evidence of every theory in each repeat and after each stage."""

    names: tuple[str, ...]
    ends: tuple[date, ...]  # last day of each stage
    logs: Floats  # (theories, repeats, stages) log evidence of all reports up to the end of the stage

    @property
    def mean(self) -> Floats:
        """Logarithm of the mean of the evidence over repeats (theories x stages)."""
        return np.array([[log_mean(column) for column in one.T] for one in self.logs])

    @property
    def error(self) -> Floats:
        """Monte Carlo standard error of the log evidence, from its variation between repeats (theories x stages)."""
        return self.logs.std(axis=1, ddof=1) / math.sqrt(self.logs.shape[1])

    @property
    def probabilities(self) -> Floats:
        """Quantiles (2.5, 50 and 97.5 %) of the posterior probability of each theory, due to Monte Carlo error alone.

        The shape is (quantiles, theories, stages).
        """
        normal = np.random.default_rng(SEED).standard_normal((DRAWS, *self.mean.shape))
        logs = self.mean + self.error * normal
        weights = np.exp(logs - logs.max(axis=1, keepdims=True))
        return np.quantile(weights / weights.sum(axis=1, keepdims=True), (0.025, 0.5, 0.975), axis=0)


def compare_theories(request: Assimilate) -> Path:
    """Make the samples of all theories, write and draw their evidence, and print the comparison.

    Args:
        request: The request, whose settings sweep over theories.

    Returns:
        The folder of the comparison.

    Raises:
        PanjError: The settings sweep over anything else, there are fewer than two repeats, or a setting is invalid.
    """
    console = console_of()
    wanted = samples_of(request)
    settings, _ = settings_of(wanted[0].request)
    folder = settings.results_dir / (request.name or f"theories_{request.until:%Y_%m_%d}")
    asked = sha256(json.dumps([(one.theory, one.digest) for one in wanted]).encode()).hexdigest()[:16]
    if holds(folder, asked):
        console.print(f"{folder} already has this comparison, so nothing is computed.", soft_wrap=True)
        return folder
    samples = folder / "samples"
    with locked(samples, "assimilate", otherwise=", or choose name=NAME"):
        with workers_of(settings.executor) as workers:
            runner = Runner(workers, console)
            found = evidence_of(wanted, samples, runner, console)
        write_comparison(folder, found, request, asked)
    shutil.rmtree(samples, ignore_errors=True)
    for sentence in sentences_of(found):
        console.print(sentence, soft_wrap=True)
    console.print("Written:")
    for name in ("theories.csv", "theories.png"):
        console.print(f"  {folder / name}", soft_wrap=True)
    console.print(f"Next: open {folder / 'theories.png'}", soft_wrap=True)
    return folder


def write_comparison(folder: Path, found: Evidence, request: Assimilate, asked: str) -> None:
    """Write the evidence of theories, its figure and about.json to the folder of the comparison.

    Args:
        folder: The folder.
        found: The evidence.
        request: The request.
        asked: Digest of what was requested.
    """
    about = {
        "asked": asked, "command": command_line(), "commit": commit(), "versions": versions(),
        "theories": list(found.names), "repeats": request.repeats, "worlds": request.worlds,
        "until": request.until.isoformat(), "calibration": "numbers drawn from the prior, not calibrated",
        "sentences": sentences_of(found),
    }  # fmt: skip
    make_folder(folder)
    with write_folder(folder, "results_dir") as fresh:
        (fresh / "theories.csv").write_text(csv_text(rows_of(found)), encoding="utf-8")
        write_codebook(fresh, Codebook({}, {}), ["theories.csv"], "theories")
        draw(found, about, fresh / "theories.png")
        (fresh / "about.json").write_text(json_text(about), encoding="utf-8")


def samples_of(request: Assimilate) -> list[SampleRequest]:
    """List the samples to make, by theory and repeat. Raise PanjError if a setting is invalid."""
    overrides = Overrides.of(request.overrides)
    swept = [row for row in overrides if row.sweeps]
    if [row.key for row in swept] != ["theory"]:
        keys = ", ".join(row.key for row in swept) or "nothing"
        raise PanjError(f"assimilate: found a sweep over {keys}, expected the settings of one cell, or -m theory=a,b")
    check_size(request.worlds, CHAIN)
    if request.repeats < 2:
        raise PanjError(
            f"repeats: found {request.repeats}, expected at least 2, because the error is estimated from their spread"
        )
    observations = known_by(read_observations(read_evidence()), request.until, request.known)
    fixed = tuple(row.text for row in overrides.fixed)
    found = []
    for theory in dict.fromkeys(row.value_text for row in values_of(swept[0])):
        one = replace(request, overrides=(*fixed, f"theory={theory}"))
        settings, order = settings_of(one)
        for repeat in range(request.repeats):
            here = replace(one, seed=request.seed + repeat)
            model = Campaigns(order, observations, settings.facts, lambda batches: [])
            found.append(SampleRequest(theory, here, model, asked_of(here, order, observations)))
    return found


def evidence_of(wanted: Sequence[SampleRequest], place: Path, runner: Runner, console: Console) -> Evidence:
    """Make all missing samples, and return the log evidence by theory, repeat and stage.

    Args:
        wanted: The samples, ordered by theory and repeat.
        place: Folder in which the finished stages of each sample are stored.
        runner: Runs the campaigns.
        console: Console for progress messages.
    """
    by_theory: dict[str, list[list[float]]] = {}
    for one in wanted:
        one.model.run = runner
        console.print(f"{one.theory}, seed {one.request.seed}:")
        cloud = run_stages(one.model, one.request, place / one.digest, console, runner)
        stages = range(one.model.stages)
        gained = [math.fsum(step.log_evidence for step in cloud.steps if step.stage <= stage) for stage in stages]
        by_theory.setdefault(one.theory, []).append(gained)
    return Evidence(tuple(by_theory), wanted[0].model.ends, np.array(list(by_theory.values())))


def rows_of(found: Evidence) -> list[dict[str, Any]]:
    """Return the rows of theories.csv, one per theory and stage."""
    low, median, high = found.probabilities
    return [
        {
            "theory": name, "until": end.isoformat(), "repeats": found.logs.shape[1],
            "log_evidence": f"{found.mean[theory, stage]:.4f}", "error": f"{found.error[theory, stage]:.4f}",
            "probability": f"{median[theory, stage]:.4f}", "low_95": f"{low[theory, stage]:.4f}",
            "high_95": f"{high[theory, stage]:.4f}",
        }
        for theory, name in enumerate(found.names)
        for stage, end in enumerate(found.ends)
    ]  # fmt: skip


def sentences_of(found: Evidence) -> list[str]:
    """Return one sentence per theory on its evidence after the last stage, in descending order of probability."""
    low, median, high = (quantile[:, -1] for quantile in found.probabilities)
    order = np.argsort(-found.mean[:, -1], kind="stable")
    best = order[0]
    sentences = []
    for place in order:
        text = (
            f"{found.names[place]}: log evidence {found.mean[place, -1]:.2f} (Monte Carlo error "
            f"{found.error[place, -1]:.2f}), probability {median[place]:.3f} ({low[place]:.3f} to {high[place]:.3f})"
        )
        if place != best and high[place] * BARELY >= low[best]:
            text += f", which cannot be told apart from {found.names[best]} by these reports"
        sentences.append(text + ".")
    return sentences


@in_style
def draw(found: Evidence, about: Mapping[str, Any], path: Path) -> Path:
    """Draw the probability and the log evidence (minus the mean over theories) of each theory by stage.

    Args:
        found: Log evidence by theory, repeat and stage.
        about: Content of about.json, for the caption and the provenance.
        path: Path of the figure.

    Returns:
        The path of the figure.
    """
    names = [name.replace("_", " ") for name in found.names]
    caption = (
        f"Each theory conditioned on all reports up to the day: {about['repeats']} samples of {about['worlds']:,} "
        "worlds each, numbers drawn from the prior, not calibrated. Left: log evidence minus its mean over the "
        "theories, "
        "with twice the Monte Carlo error. Right: probability, if all theories are equally likely a priori, with the "
        "95 % interval of Monte Carlo error. The evidence is computed from all reports together, so no single reported "
        "figure can be drawn."
    )
    figure, (left, right) = new_panels(2, 2, 2.6, Spaces(left=0.7, right=0.25, top=0.15, bottom=0.5, across=0.75))
    low, median, high = found.probabilities
    days, centre = days_of(found.ends), found.mean.mean(axis=0)
    for place, colour in zip(range(len(names)), COLOURS * len(names), strict=False):
        shift = 0.15 * (place - (len(names) - 1) / 2)
        look: dict[str, Any] = {"color": colour, "linewidth": 1.4, "elinewidth": 1.1, "markersize": 3.5, "fmt": "o-"}
        left.errorbar(days + shift, found.mean[place] - centre, 2 * found.error[place], **look)
        spread = np.maximum(0.0, [median[place] - low[place], high[place] - median[place]])
        right.errorbar(days + shift, median[place], spread, **look)
    left.axhline(0.0, color="#999999", linewidth=0.8, zorder=0)
    right.set_ylim(-0.02, 1.02)
    for axes, text in ((left, "log evidence, minus the mean"), (right, "probability")):
        date_axis(axes, found.ends)
        label_axes(axes, "reports up to", text)
    add_key(figure, [key_line(name, colour) for name, colour in zip(names, COLOURS * len(names), strict=False)], 4)
    return save_chart(figure, path, "Rival theories as reports came in", caption, dict(about))
