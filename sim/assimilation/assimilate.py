"""Condition campaigns on the reported figures: `python -m sim assimilate`.

Uncertain numbers are drawn from their priors, not from the shipped posterior, which was fitted to some of the same
reports. For comparison, an equal number of free (unconditioned) campaigns is drawn from the same priors.

After Ctrl-C, a killed process or a power failure, the same command resumes from the last finished stage and gives
exactly the same results. `sim.assimilation.page` makes the figures and the page from the tables.

Reads   the settings of one cell, priors.yaml and data/observations.csv.
Writes  worlds.parquet, the tables of `TABLES` and about.json in results_dir/<name>; during the run, the finished
        stages in the subfolder stages/.
"""

import json
import shutil
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import replace
from datetime import date
from hashlib import sha256
from pathlib import Path
from typing import TypeVar

from rich.console import Console

from sim.assimilation.campaigns import LASTING, MOVES, Batch, Campaigns, draws_of, run_batch
from sim.assimilation.observations import Observation, read_observations
from sim.assimilation.tables import (
    ASSIMILATED,
    FLOOR,
    FREE,
    PAGE,
    TABLES,
    CampaignCounts,
    Sample,
    Sizes,
    count_batch,
    distinct,
    joined_counts,
    sizes_of,
    terms_of,
    write_sample,
)
from sim.configuration.overrides import Overrides
from sim.configuration.settings import Order, Settings
from sim.configuration.sweep import compose_sweep
from sim.configuration.worlds import describe_evidence
from sim.data.evidence import read_evidence
from sim.data.facts import THE_LINE
from sim.errors import PanjError
from sim.execution.executors import Workers, workers_of
from sim.options import Assimilate, missing_of
from sim.provenance import shell_command
from sim.sampler import (
    Cloud,
    Floats,
    Pool,
    State,
    check_size,
    generator,
    pooled,
    read_stage,
    recorded,
    sample,
    store_stage,
)
from sim.scoring.targets import DAY_0
from sim.study.files import holds, locked
from sim.terminal import console_of
from sim.wording import counted

CHAIN = 8  # worlds per chain of moves
DRAWN = 10  # worlds drawn from the prior per world that is kept
COUNTED = "nights by the morning on which they end"  # convention for counting nights, included in a sample's hash
DECIDED = {
    "end_date": "until=",
    "runs": "worlds=",
    "runs_max": "worlds=",
    "study": "name=",
}  # settings fixed by assimilate, with the option that replaces each of them
EVERY = 15.0  # shortest time between two progress messages, seconds
RUNS = 200  # largest number of campaigns in the command suggested as the next step
Result = TypeVar("Result")


def assimilate(request: Assimilate) -> Path:
    """Sample the worlds of a request, and write their tables, figures and page, unless the results exist already.

    Args:
        request: The settings, the observations to use, and the size of the sample.

    Returns:
        The folder of the worlds.
    """
    console = console_of()
    folder = make_worlds(request, console)
    is_drawn = (folder / PAGE).is_file() or not all((folder / name).is_file() for name in TABLES)
    if not is_drawn:
        show(folder, request, console)
    return folder


def make_worlds(request: Assimilate, console: Console, with_tables: bool = True) -> Path:
    """Run the sampler and write its worlds, unless the folder already contains the worlds of the same request.

    Args:
        request: The settings, the observations to use, and the size of the sample.
        console: Console for progress messages.
        with_tables: Whether to run free campaigns as well, and write the tables that the page needs.

    Returns:
        The folder of the worlds.

    Raises:
        PanjError: A setting or a day is invalid, no campaign agrees with the reports, or the folder contains the worlds
            of another request.
    """
    settings, order = settings_of(request)
    observations = known_by(read_observations(read_evidence()), request.until, request.known)
    folder = settings.results_dir / (request.name or f"worlds_{request.until:%Y_%m_%d}")
    sampled = asked_of(request, order, observations)
    asked = f"{sampled}_{request.repeats}" if request.repeats > 1 else sampled
    if holds(folder, asked):
        console.print(
            f"{folder} already has these worlds, so nothing is computed. For a new sample, choose another name: "
            "name=NAME",
            soft_wrap=True,
        )
        return folder
    check_size(request.worlds, CHAIN)
    started = time.monotonic()
    stages = folder / "stages"
    with locked(stages, "assimilate", otherwise=", or choose name=NAME"), workers_of(settings.executor) as workers:
        runner = Runner(workers, console)
        model = Campaigns(order, observations, settings.facts, runner)
        pool, sizes = run_repeats(model, request, stages, console, runner)
        free = model.begin(generator(request.seed, model.stages, 1, 0), pool.origin.size)
        runner.stage = "Tables"
        states = {ASSIMILATED: pool.state, FREE: free} if with_tables else {}
        samples = {name: rerun_and_count(model, state, runner) for name, state in states.items()}
        if with_tables:
            terms = terms_of(samples[ASSIMILATED].counts, observations)
        else:
            terms = model.terms(pool.state, model.stages - 1)
        made = Sample(pool, model, settings, free, terms, samples, sizes)
        seconds = time.monotonic() - started
        write_sample(folder, made, asked, seconds)
    shutil.rmtree(stages, ignore_errors=True)
    print_summary(made, runner, seconds, console)
    return folder


def show(folder: Path, request: Assimilate, console: Console) -> None:
    """Make the figures and the page of a sample, print the paths of all its files, and suggest the next command.

    If packages that the figures and the page need are missing, print the names of these packages instead.

    Args:
        folder: Folder with the worlds and their tables.
        request: The request, whose settings the suggested command repeats.
        console: Console for the output.
    """
    missing = missing_of("report")
    if missing:
        needed = (
            f'No figures and no page; not installed: {", ".join(missing)}. To install them: pip install "panj[report]"'
        )
        console.print(needed, soft_wrap=True)
    else:
        from sim.assimilation.page import write_page_of_worlds

        write_page_of_worlds(folder)
    page = [] if missing else [folder / PAGE]
    console.print("Written:")
    for path in (folder / "worlds.parquet", *(folder / name for name in TABLES), *page):
        console.print(f"  {path}", soft_wrap=True)
    others = [word for word in request.overrides if not word.startswith("calibration")]
    runs = f"runs={min(RUNS, request.worlds * request.repeats)}"
    record = shell_command([*others, "worlds=record", f"worlds.file={folder / 'worlds.parquet'}", runs])
    console.print(f"Next: {f'open {page[0]}; or ' if page else ''}{record}", soft_wrap=True)


def rerun_and_count(model: Campaigns, state: State, runner: "Runner") -> CampaignCounts:
    """Rerun every world, and return the counts, crossings and holders needed for tables and figures."""
    return joined_counts(runner.run(count_batch, model.batches(state, model.stages - 1)))


def run_repeats(
    model: Campaigns, request: Assimilate, place: Path, console: Console, runner: "Runner"
) -> tuple[Pool, list[list[Sizes | None]]]:
    """Run the sampler several times with consecutive seeds, and put the worlds of all runs together.

    Args:
        model: The campaigns and the observations on which they are conditioned.
        request: The request, with the number of runs and the seed of the first.
        place: Folder in which the finished stages of each run are stored.
        console: Console for progress messages.
        runner: Runs the campaigns.

    Returns:
        The worlds of all runs, and the numbers of distinct worlds by run and stage.
    """
    clouds, sizes, rngs = [], [], []
    for repeat in range(request.repeats):
        one = replace(request, seed=request.seed + repeat)
        if request.repeats > 1:
            console.print(f"Repeat {repeat + 1} of {request.repeats}: seed {one.seed}")
        kept = place / asked_of(one, model.order, model.observations)
        clouds.append(run_stages(model, one, kept, console, runner))
        sizes.append(sizes_by_stage(kept, model.stages))
        rngs.append(generator(one.seed, model.stages, 0, 0))
    return pooled(clouds, request.worlds * DRAWN, rngs), sizes


def settings_of(request: Assimilate) -> tuple[Settings, Order]:
    """Return the settings of a request, and the same settings as an `Order` for workers.

    Uncertain numbers are drawn from their priors unless the request sets another source.

    Args:
        request: The request, with overrides and the last day of the reports.

    Raises:
        PanjError: The first day is not that of the record, the last day is outside the record, a setting is not
            allowed, the settings give several cells, or they draw no numbers.
    """
    if not DAY_0 < request.until <= THE_LINE:
        raise PanjError(f"until: found {request.until}, expected a day after {DAY_0} and up to {THE_LINE}")
    for row in Overrides.of(request.overrides):
        if row.key in DECIDED:
            raise PanjError(f"{row.key}: found '{row.text}', expected {DECIDED[row.key]} in its place")
    sweep = compose_sweep(["calibration=prior", *request.overrides, f"end_date={request.until}"])
    if len(sweep.cells) > 1:
        raise PanjError(f"assimilate: found {len(sweep.cells)} cells, expected the settings of one cell")
    order = sweep.cells[0].order
    if order.start != DAY_0:
        raise PanjError(
            f"start_date: found {order.start}, expected {DAY_0}, the first day for which falls are reported"
        )
    draws_of(order)
    return sweep.base, order


def known_by(observations: Sequence[Observation], until: date, known: date | None) -> tuple[Observation, ...]:
    """Return the observations that end by `until` and were published by `known`.

    Args:
        observations: All observations, in order of their last day.
        until: Last day that an observation may cover.
        known: Day by which an observation must have been published; None admits every day of publication.

    Raises:
        PanjError: No observation is left, or `until` is after the end of the record.
    """
    if until > THE_LINE:
        raise PanjError(f"until: found {until}, expected a day up to {THE_LINE}, the end of the record")
    spoken_of = [one for one in observations if one.until <= until]
    if not spoken_of:
        raise PanjError(
            f"until: found {until}, a day by which no figure is reported, expected {observations[0].until} or later"
        )
    found = tuple(one for one in spoken_of if known is None or one.published <= known)
    if not found:
        first = min(one.published for one in spoken_of)
        raise PanjError(f"known: found {known}, a day by which no figure was published, expected {first} or later")
    return found


def asked_of(request: Assimilate, order: Order, observations: Sequence[Observation]) -> str:
    """Return the hash of everything that determines a sample: settings, observations, size, seed and method."""
    rows = [[str(part) for part in one[:-1]] for one in observations]
    method = [request.worlds, request.seed, CHAIN, DRAWN, request.moves, MOVES]
    whole = [COUNTED, order.key, list(order.fingerprints), *method, rows]
    return sha256(json.dumps(whole).encode()).hexdigest()[:16]


class Runner:
    """Run batches of campaigns on workers, return their results in order, and print progress.

    Args:
        workers: Workers to which the batches are submitted.
        console: Console for progress messages.
    """

    def __init__(self, workers: Workers, console: Console) -> None:
        self.workers, self.console = workers, console
        self.campaigns = 0
        self.stage = ""
        self.said_at = time.monotonic()

    def __call__(self, batches: Sequence[Batch]) -> list[Floats]:
        """Run every batch, and return one array of log likelihoods (worlds x observations) per batch."""
        return self.run(run_batch, batches)

    def run(self, task: Callable[[Batch], Result], batches: Sequence[Batch]) -> list[Result]:
        """Apply the function `task` to every batch, on the workers, and return the results in the order of batches.

        A batch whose worker was lost is rerun, at most twice.
        """
        futures = [self.workers.submit(task, batch) for batch in batches]
        return [self.result(future, task, batch) for future, batch in zip(futures, batches, strict=True)]

    def result(self, future: Future[Result], task: Callable[[Batch], Result], batch: Batch, again: int = 2) -> Result:
        """Wait for the result of one batch; rerun it at most `again` times if its worker was lost."""
        try:
            found = future.result()
        except (OSError, RuntimeError):
            if again == 0:
                raise
            return self.result(self.workers.submit(task, batch), task, batch, again - 1)
        self.campaigns += batch.shares.shape[0]
        if time.monotonic() - self.said_at > EVERY:
            self.console.print(f"{self.stage}: {self.campaigns:,} campaigns so far")
            self.said_at = time.monotonic()
        return found


def run_stages(model: Campaigns, request: Assimilate, place: Path, console: Console, runner: Runner) -> Cloud:
    """Run and store all missing stages of the sampler, and return the cloud after the last stage.

    Args:
        model: The campaigns and the observations on which they are conditioned.
        request: The request, with the number of worlds and the seed.
        place: Folder in which finished stages are stored.
        console: Console for progress messages.
        runner: Runs the campaigns.

    Raises:
        PanjError: No campaign agrees with the reports, or there is no stage.
    """
    first, cloud = recorded(place, model.stages)
    if cloud is not None:
        console.print(f"Resuming after {model.ends[first - 1]}: {first} of {model.stages} stages are stored")
    clouds = sample(model, request.worlds, CHAIN, request.seed, cloud, first, request.moves, DRAWN)
    for stage in range(first, model.stages):
        runner.stage = f"Stage {stage + 1} of {model.stages}, up to {model.ends[stage]}"
        cloud = next(clouds)
        store_stage(place, stage, cloud)
        console.print(line_of(stage, cloud, model), soft_wrap=True)
    if cloud is None:
        raise PanjError("until: found no observation to condition on, expected at least one")
    return cloud


def line_of(stage: int, cloud: Cloud, model: Campaigns) -> str:
    """Describe a finished stage in one line: log evidence, steps, acceptance rate of moves, and distinct worlds."""
    steps = [step for step in cloud.steps if step.stage == stage]
    proposed, accepted = (
        sum(sum(one) for one in column) for column in zip(*((s.proposed, s.accepted) for s in steps), strict=True)
    )
    sizes = sizes_of(cloud.state, cloud.origin)
    return (
        f"Up to {model.ends[stage]}: log evidence {cloud.log_evidence:.2f}, {len(steps)} steps, "
        f"{accepted / max(1, proposed):.0%} of moves accepted, "
        f"{sizes.lasting} distinct sets of lasting draws, {counted(sizes.origins, 'origin')}"
    )


def sizes_by_stage(place: Path, stages: int) -> list[Sizes | None]:
    """Return the numbers of distinct worlds after each stage; None for a stage whose file is missing or damaged."""
    clouds = (read_stage(place, stage) for stage in range(stages))
    return [None if cloud is None else sizes_of(cloud.state, cloud.origin) for cloud in clouds]


def print_summary(made: Sample, runner: Runner, seconds: float, console: Console) -> None:
    """Print the numbers of worlds and of campaigns run, and the log evidence; warn if too few worlds are distinct."""
    pool, until = made.pool, made.model.ends[-1]
    days = distinct(pool.state[LASTING])
    console.print(
        f"{pool.origin.size:,} worlds that followed the record to {until}: "
        f"log evidence {pool.log_evidence:.2f}; {runner.campaigns:,} campaigns in {seconds:.0f} s"
    )
    if len(pool.clouds) > 1:
        console.print(describe_evidence([cloud.log_evidence for cloud in pool.clouds]))
    if days < FLOOR:
        few = f"Only {days} distinct sets of lasting draws, too few for a sample"
        console.print(f"{few}; to get more, raise repeats=, worlds= or moves=")
