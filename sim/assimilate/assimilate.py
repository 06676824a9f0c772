"""Condition campaigns on what was reported: `python -m sim assimilate`.

Reads   settings of one cell, priors.yaml, data/observations.csv.
Writes  worlds.parquet, stages.csv, observations.csv and about.json in results_dir/<name>; stages/ while it runs, from
        which the same command goes on after Ctrl-C, a kill or a power cut, to the same digits.
Assumed Numbers start from their priors: the shipped posterior was fitted to figures that are observations here.
"""

import io
import json
import math
import shutil
import time
from collections.abc import Sequence
from concurrent.futures import Future
from datetime import date
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console

from sim.assimilate.campaigns import LASTING, MOVES, NUMBER_SHARE, Batch, Campaigns, draws_of, run_batch
from sim.assimilate.observations import Observation, log_likelihood, read_observations
from sim.assimilate.sampler import Cloud, Floats, Step, generator, rows_of, sample
from sim.assimilate.worlds import table_of_worlds, write_worlds
from sim.data.evidence import read_evidence
from sim.data.facts import THE_LINE
from sim.errors import PanjError
from sim.options import Assimilate
from sim.provenance import command_line, commit, versions
from sim.run.console import console_of
from sim.run.executors import Workers, workers_of
from sim.settings.settings import Order, Settings
from sim.settings.sweep import compose_sweep
from sim.study.files import csv_text, json_text, write_errors, write_file, write_folder

CHAIN = 8  # worlds per chain of moves
FLOOR = 50  # distinct sets of lasting draws below which a sample is not called one
COUNTED = "nights by the morning on which they end"  # a sample made with another way of counting is another sample
EVERY = 15.0  # seconds between lines of progress


def assimilate(request: Assimilate) -> int:
    """Run the sampler of a request and write its worlds."""
    console = console_of()
    settings, order = settings_of(request)
    observations = known_by(read_observations(read_evidence()), request.until, request.known)
    folder = settings.results_dir / (request.name or f"worlds_{request.until:%Y_%m_%d}")
    asked = asked_of(request, order, observations)
    finished = folder / "about.json"
    if finished.exists() and json.loads(finished.read_text(encoding="utf-8")).get("asked") == asked:
        console.print(
            f"{folder} holds these worlds already; nothing is computed. Another name: name=NAME", soft_wrap=True
        )
        return 0
    if finished.exists():
        raise PanjError(f"name: found {folder}, which holds other worlds, expected a new name: name=NAME")
    started = time.monotonic()
    with workers_of(settings.executor) as workers, write_errors(folder):
        runner = Runner(workers, console)
        model = Campaigns(order, observations, len(settings.facts.provinces), runner)
        cloud = run_stages(model, request, folder / "stages" / asked, console, runner)
        cloud = shuffled(cloud, request.seed, model.stages)
        terms = model.terms(cloud.state, model.stages - 1)
    seconds = time.monotonic() - started
    write_all(folder, cloud, model, terms, asked, settings, seconds)
    shutil.rmtree(folder / "stages", ignore_errors=True)
    print_summary(cloud, model, runner, seconds, folder, console)
    return 0


def shuffled(cloud: Cloud, seed: int, stages: int) -> Cloud:
    """The worlds in random order, so that the first of them are a sample of all."""
    rows = generator(seed, stages, 0, 0).permutation(cloud.before.size)
    return cloud._replace(state=rows_of(cloud.state, rows), before=cloud.before[rows], origin=cloud.origin[rows])


def settings_of(request: Assimilate) -> tuple[Settings, Order]:
    """The settings, with numbers from their priors, and the order of its only cell; PanjError for a sweep."""
    sweep = compose_sweep(["calibration=prior", *request.overrides, f"end_date={request.until}"])
    if len(sweep.cells) > 1:
        raise PanjError(f"assimilate: found {len(sweep.cells)} cells, expected settings of one")
    order = sweep.cells[0].order
    draws_of(order)
    return sweep.base, order


def known_by(observations: Sequence[Observation], until: date, known: date | None) -> tuple[Observation, ...]:
    """Observations of days up to one, and published up to another; PanjError if there is none."""
    if until > THE_LINE:
        raise PanjError(f"until: found {until}, expected a day up to {THE_LINE}, where the record ends")
    found = tuple(one for one in observations if one.until <= until and (known is None or one.published <= known))
    if not found:
        raise PanjError(
            f"until: found {until}, by which nothing is reported, expected a day from {observations[0].until}"
        )
    return found


def asked_of(request: Assimilate, order: Order, observations: Sequence[Observation]) -> str:
    """Hash of everything that decides the digits of a sample."""
    rows = [[str(part) for part in one[:-1]] for one in observations]
    whole = [COUNTED, order.key, list(order.fingerprints), request.worlds, request.seed, CHAIN, MOVES, rows]
    return sha256(json.dumps(whole).encode()).hexdigest()[:16]


class Runner:
    """Runs batches on workers, in order, and says how far they are."""

    def __init__(self, workers: Workers, console: Console) -> None:
        self.workers, self.console = workers, console
        self.campaigns = 0
        self.stage = ""
        self.said_at = time.monotonic()

    def __call__(self, batches: Sequence[Batch]) -> list[Floats]:
        """Log likelihoods of every batch; a batch whose worker was lost is run again, twice at most."""
        futures = [self.workers.submit(run_batch, batch) for batch in batches]
        return [self.result(future, batch) for future, batch in zip(futures, batches, strict=True)]

    def result(self, future: Future[Floats], batch: Batch, again: int = 2) -> Floats:
        """The result of one batch."""
        try:
            found: Floats = future.result()
        except (OSError, RuntimeError):
            if again == 0:
                raise
            return self.result(self.workers.submit(run_batch, batch), batch, again - 1)
        self.campaigns += batch.shares.shape[0]
        if time.monotonic() - self.said_at > EVERY:
            self.console.print(f"{self.stage}: {self.campaigns:,} campaigns so far")
            self.said_at = time.monotonic()
        return found


def run_stages(model: Campaigns, request: Assimilate, place: Path, console: Console, runner: Runner) -> Cloud:
    """Run every stage that is not recorded yet."""
    first, cloud = recorded(place, model.stages)
    if cloud is not None:
        console.print(f"Going on after {model.ends[first - 1]}: {first} of {model.stages} stages are recorded")
    clouds = sample(model, request.worlds, CHAIN, request.seed, cloud, first)
    for stage in range(first, model.stages):
        runner.stage = f"Stage {stage + 1} of {model.stages}, to {model.ends[stage]}"
        cloud = next(clouds)
        write_file(place / f"{stage:02}.stage", pack(cloud))
        console.print(line_of(stage, cloud, model), soft_wrap=True)
    if cloud is None:
        raise PanjError("until: found no stage, expected one")
    return cloud


def line_of(stage: int, cloud: Cloud, model: Campaigns) -> str:
    """One line on a finished stage."""
    steps = [step for step in cloud.steps if step.stage == stage]
    proposed, accepted = (
        sum(sum(one) for one in column) for column in zip(*((s.proposed, s.accepted) for s in steps), strict=True)
    )
    return (
        f"To {model.ends[stage]}: log evidence {cloud.log_evidence:.2f}, {len(steps)} steps, "
        f"{accepted / max(1, proposed):.0%} of moves accepted, "
        f"{distinct(cloud.state[LASTING])} distinct sets of lasting draws, {np.unique(cloud.origin).size} origins"
    )


def distinct(array: np.ndarray) -> int:
    """Number of different worlds in an array of a state."""
    return int(np.unique(array.reshape(array.shape[0], -1), axis=0).shape[0])


def pack(cloud: Cloud) -> bytes:
    """A cloud as bytes, with a hash in front."""
    arrays = io.BytesIO()
    shares, daily, lasting = cloud.state
    np.savez_compressed(
        arrays, shares=shares, daily=daily, lasting=lasting, before=cloud.before, origin=cloud.origin,
        notes=np.array(json.dumps([cloud.steps, cloud.foreseen])),
    )  # fmt: skip
    return sha256(arrays.getvalue()).digest() + arrays.getvalue()


def unpack(content: bytes) -> Cloud | None:
    """A cloud from its bytes; None if they are damaged."""
    digest, arrays = content[:32], content[32:]
    if sha256(arrays).digest() != digest:
        return None
    with np.load(io.BytesIO(arrays)) as found:
        steps, foreseen = json.loads(str(found["notes"]))
        state = (found["shares"], found["daily"], found["lasting"])
        kept = tuple(Step(one[0], one[1], one[2], one[3], tuple(one[4]), tuple(one[5])) for one in steps)
        return Cloud(state, found["before"], found["origin"], kept, tuple(tuple(row) for row in foreseen))


def recorded(place: Path, stages: int) -> tuple[int, Cloud | None]:
    """How many stages are recorded without damage, and the cloud after the last of them."""
    for stage in reversed(range(stages)):
        path = place / f"{stage:02}.stage"
        cloud = unpack(path.read_bytes()) if path.exists() else None
        if cloud is not None:
            return stage + 1, cloud
    return 0, None


def write_all(
    folder: Path, cloud: Cloud, model: Campaigns, terms: Floats, asked: str, settings: Settings, seconds: float
) -> None:
    """Write worlds and tables."""
    priors = draws_of(model.order).priors
    about = {
        "asked": asked, "command": command_line(), "commit": commit(), "versions": versions(),
        "numbers": [prior.key for prior in priors], "worlds": int(cloud.before.size),
        "until": model.ends[-1].isoformat(), "start_date": model.order.start.isoformat(),
        "settings_fingerprint": settings.fingerprint(), "choices": dict(settings.choices),
        "explicit": dict(draws_of(model.order).explicit),
        "data_fingerprint": model.order.fingerprints[0], "rules_fingerprint": model.order.fingerprints[1],
        "log_evidence": cloud.log_evidence,
        "highest_log_likelihood": math.fsum(best(one) for one in model.observations),
        "distinct_lasting_draws": distinct(cloud.state[LASTING]),
        "distinct_numbers": distinct(cloud.state[NUMBER_SHARE]), "origins": int(np.unique(cloud.origin).size),
    }  # fmt: skip
    table = table_of_worlds(cloud, priors, [one.name for one in model.observations], terms, about)
    folder.mkdir(parents=True, exist_ok=True)
    with write_folder(folder, "results_dir") as fresh:
        write_worlds(table, fresh / "worlds.parquet")
        (fresh / "stages.csv").write_text(csv_text(rows_of_stages(cloud, model)), encoding="utf-8")
        (fresh / "observations.csv").write_text(csv_text(rows_of_observations(cloud, model, terms)), encoding="utf-8")
        (fresh / "about.json").write_text(json_text({**about, "seconds": round(seconds, 1)}), encoding="utf-8")


def rows_of_stages(cloud: Cloud, model: Campaigns) -> list[dict[str, Any]]:
    """One row per step of tempering."""
    return [
        {
            "stage": step.stage, "until": model.ends[step.stage].isoformat(), "temperature": f"{step.temperature:.6g}",
            "log_evidence": f"{step.log_evidence:.6g}", "effective_sample_size": f"{step.effective:.1f}",
            **{
                f"accepted, {kind}": f"{accepted / proposed:.4f}" if proposed else ""
                for kind, proposed, accepted in zip(MOVES, step.proposed, step.accepted, strict=True)
            },
        }
        for step in cloud.steps
    ]  # fmt: skip


def rows_of_observations(cloud: Cloud, model: Campaigns, terms: Floats) -> list[dict[str, Any]]:
    """One row per observation: how surprising it was given all earlier stages, and how well it is met in the end."""
    foreseen = [value for stage in cloud.foreseen for value in stage]
    return [
        {
            "observation": one.name, "until": one.until.isoformat(), "published": one.published.isoformat(),
            "published_is": "guess" if one.is_guess else "reported", "value": f"{one.value:g}",
            "log_probability": f"{before:.4g}", "surprise": f"{best(one) - before:.4g}",
            "surprise_at_the_end": f"{best(one) - float(np.mean(terms[:, place])):.4g}",
        }
        for place, (one, before) in enumerate(zip(model.observations, foreseen, strict=True))
    ]  # fmt: skip


def best(observation: Observation) -> float:
    """The highest log likelihood that any campaign could have."""
    if observation.likelihood == "thinned":
        return max(log_likelihood(observation, float(count)) for count in range(int(3 * observation.value) + 2))
    return log_likelihood(observation, observation.value)


def print_summary(
    cloud: Cloud, model: Campaigns, runner: Runner, seconds: float, folder: Path, console: Console
) -> None:
    """Print what was found and the next step."""
    days = distinct(cloud.state[LASTING])
    console.print(
        f"{cloud.before.size:,} worlds that followed the record to {model.ends[-1]}: "
        f"log evidence {cloud.log_evidence:.2f}; {runner.campaigns:,} campaigns in {seconds:.0f} s"
    )
    if days < FLOOR:
        console.print(f"Only {days} distinct sets of lasting draws, too few for a sample; more would help: worlds=...")
    console.print("Written:")
    for name in ("worlds.parquet", "stages.csv", "observations.csv"):
        console.print(f"  {folder / name}", soft_wrap=True)
