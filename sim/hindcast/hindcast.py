"""Forecast from several days of the record and score the forecasts: `python -m sim hindcast`.

After Ctrl-C or a killed process, the same command resumes and gives exactly the same results.

Reads   the settings of one cell, priors.yaml, data/observations.csv and the dates of falls.
Writes  in results_dir/<name>: origins/<day>/worlds.parquet, as written by `assimilate`; the tables of `TABLES`;
        hubverse/; about.json.
"""

import json
import time
from collections.abc import Sequence
from datetime import date
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from sim.assimilation.assimilate import CHAIN, DRAWN, known_by, make_worlds, settings_of
from sim.assimilation.campaigns import draws_of, stage_ends
from sim.assimilation.observations import Observation, read_observations
from sim.assimilation.tables import FLOOR
from sim.configuration.settings import Order, Settings
from sim.configuration.worlds import worlds_for
from sim.data.evidence import read_evidence
from sim.data.facts import THE_LINE, read_falls
from sim.errors import PanjError
from sim.execution.executors import Workers, cores, workers_of
from sim.hindcast.campaigns import Counted, run_counted
from sim.hindcast.design import FREE, GROWTH, HORIZONS, MIXTURE, ORIGINS, PANJ, TABLES, check, scored
from sim.hindcast.hubverse import rows_of_record, write_hubverse
from sim.hindcast.naive import mixture, naive_forecasts
from sim.hindcast.record import day_of, known_at, record_of
from sim.hindcast.scores import (
    Origin,
    Row,
    coverage,
    differences,
    reliability,
    score_counts,
    score_maps,
    score_paths,
)
from sim.options import Assimilate, Hindcast
from sim.provenance import command_line, commit, versions
from sim.sampler import check_size
from sim.study.codebook import Codebook, write_codebook
from sim.study.files import csv_text, holds, json_text, write_errors, write_folder
from sim.terminal import console_of
from sim.wording import counted, format_seconds

ORIGINS_FOLDER = "origins"
VERSION = 1  # version of the method, part of the hash; to be raised if forecasts or scores are computed differently
OF_WORLDS = ("until", "distinct_lasting_draws", "log_evidence")  # metadata copied from the worlds of each origin
PER_STAGE = 4.0  # number of campaigns that the sampler runs per world and stage, for the time estimate
FIRST = 0.5  # run time of the first stage as a share of that of a whole campaign, for the time estimate


class Job(NamedTuple):
    """A checked request, with its settings and observations."""

    request: Hindcast
    origins: tuple[date, ...]
    horizons: tuple[int, ...]
    settings: Settings
    order: Order  # order of the unconditioned campaigns
    observations: tuple[Observation, ...]

    @property
    def folder(self) -> Path:
        """The folder to which all results are written."""
        return self.settings.results_dir / self.request.name

    @property
    def asked(self) -> str:
        """Hash of everything that determines the results, by which stored results are recognised."""
        rows = [[str(part) for part in one[:-1]] for one in self.observations]
        request = self.request
        size = [request.worlds, request.moves, request.repeats]
        made_of = [self.order.key, list(self.order.fingerprints), *size, request.seed, rows]
        days = [str(one) for one in self.origins]
        return sha256(json.dumps([VERSION, *made_of, days, self.horizons]).encode()).hexdigest()[:16]


def hindcast(request: Hindcast) -> Path:
    """Forecast from every requested origin, score the forecasts and write them.

    Args:
        request: The parsed command line of `hindcast`: origins, horizons and settings.

    Returns:
        The folder of the tables.

    Raises:
        PanjError: The request is invalid, or the folder contains another hindcast or study.
    """
    job, console = job_of(request), console_of()
    if holds(job.folder, job.asked):
        told = f"{job.folder} already has this hindcast, so nothing is computed. For a new one: name=NAME"
        console.print(told, soft_wrap=True)
        return job.folder
    started = time.monotonic()
    with write_errors(job.folder), workers_of(job.settings.executor) as workers:
        run_counted(job.order, seeds_of(request, 0)[:1], workers)  # the first campaign compiles or loads the rules
        warm = time.monotonic()
        free = run_counted(job.order, seeds_of(request, 0), workers)
        console.print(estimate(job, time.monotonic() - warm), soft_wrap=True)
        forecasts = []
        for place, day in enumerate(job.origins):
            console.print(f"Origin {place + 1} of {len(job.origins)}: {day}")
            forecasts.append(forecast_from(day, job, free, workers))
        seconds = time.monotonic() - started
        write_all(job, forecasts, seconds)
    console.print(f"{counted(len(job.origins), 'origin')} in {format_seconds(seconds)}")
    return job.folder


def job_of(request: Hindcast) -> Job:
    """Check a request and resolve its settings, before anything is run. Raise PanjError if the request is invalid."""
    origins, horizons = tuple(sorted(request.origins)) or ORIGINS, tuple(sorted(request.horizons)) or HORIZONS
    check(origins, horizons)
    check_size(request.worlds, CHAIN)
    for word in request.overrides:
        if word.partition("=")[0] in ("start_date", "end_date"):
            raise PanjError(
                f"{word.partition('=')[0]}: found {word}, expected no value, because the origins and the record "
                "determine the days of a hindcast"
            )
    settings, order = settings_of(Assimilate(until=THE_LINE, overrides=request.overrides))
    return Job(request, origins, horizons, settings, order, read_observations(read_evidence()))


def seeds_of(request: Hindcast, origin: int) -> list[int]:
    """Return the seeds of the campaigns from an origin, one per world.

    Each campaign continues a world: its number is the seed modulo the number of worlds.
    """
    base = np.random.SeedSequence([request.seed, origin]).generate_state(1, np.uint32)[0]
    return [int(base) * request.members + world for world in range(request.members)]


def estimate(job: Job, seconds: float) -> str:
    """Return a sentence with the estimated time of a hindcast.

    Args:
        job: The checked request.
        seconds: Duration of the free campaigns (as many as there are worlds), in seconds.
    """
    stages = sum(len(stage_ends(known_by(job.observations, one, one))) for one in job.origins)
    workers = job.settings.executor.workers or cores()
    left = seconds * (PER_STAGE * stages * job.request.moves + (1.0 + DRAWN * FIRST) * len(job.origins))
    return (
        f"{counted(len(job.origins), 'origin')} x {job.request.members} worlds, {stages} stages: about "
        f"{format_seconds(left)} on {counted(workers, 'worker')}, less the stages that are stored already"
    )


def forecast_from(day: date, job: Job, free: Counted, workers: Workers) -> Origin:
    """Make every forecast from one origin, using only figures published by the end of that day.

    Args:
        day: The origin.
        job: The checked request.
        free: Unconditioned campaigns.
        workers: Pool of workers that runs campaigns.

    Returns:
        The forecasts, and the record as it was known at the origin.
    """
    request, facts, origin, horizons = job.request, job.settings.facts, day_of(day), scored(day, job.horizons)
    worlds = worlds_for(str(worlds_at(day, job)), facts.fingerprint)
    order = job.order._replace(draws=draws_of(job.order)._replace(worlds=worlds))
    panj = run_counted(order, seeds_of(request, origin), workers).from_origin(origin, horizons)
    known = known_at(day, facts, read_falls(), job.observations)
    naive = naive_forecasts(known, origin, horizons, facts, request.members, request.seed)
    forecasts = {PANJ: panj, FREE: free.from_origin(origin, horizons), **naive, MIXTURE: mixture(panj, naive[GROWTH])}
    return Origin(day, horizons, forecasts, known)


def worlds_at(day: date, job: Job) -> Path:
    """Return the path of the worlds conditioned on reports published by a day, making the file if it is missing."""
    request, name = job.request, f"{job.request.name}/{ORIGINS_FOLDER}/{day}"
    seed = int(np.random.SeedSequence([request.seed, day.toordinal()]).generate_state(1, np.uint32)[0])
    wanted = Assimilate(
        until=day, known=day, worlds=request.worlds, moves=request.moves, seed=seed, repeats=request.repeats,
        name=name, overrides=request.overrides,
    )  # fmt: skip
    return make_worlds(wanted, console_of(), with_tables=False) / "worlds.parquet"


def write_all(job: Job, origins: Sequence[Origin], seconds: float) -> None:
    """Score the forecasts, and write the hubverse files, the tables and about.json."""
    record = record_of(job.settings.facts, read_falls(), job.observations)
    counts, paths, maps = score_counts(origins, record), score_paths(origins, record), score_maps(origins, record)
    rows: dict[str, list[Row]] = {
        "counts": counts, "paths": paths, "maps": maps, "reliability": reliability(origins, record),
        "coverage": coverage(counts), "differences": differences(counts, paths, maps),
        "record": rows_of_record(record),
    }  # fmt: skip
    write_hubverse(job.folder / "hubverse", origins, record)
    with write_folder(job.folder, "results_dir") as fresh:
        for name in TABLES:
            (fresh / f"{name}.csv").write_text(csv_text([as_text(row) for row in rows[name]]), encoding="utf-8")
        write_codebook(fresh, Codebook({}, {}), [f"{name}.csv" for name in TABLES], "hindcast")
        (fresh / "about.json").write_text(json_text(about_of(job, origins, seconds)), encoding="utf-8")


def about_of(job: Job, origins: Sequence[Origin], seconds: float) -> dict[str, Any]:
    """Return the content of about.json: request, versions, fingerprints, and figures on the worlds of each origin."""
    places = {str(one.day): job.folder / ORIGINS_FOLDER / str(one.day) / "about.json" for one in origins}
    told = {day: json.loads(path.read_text(encoding="utf-8")) for day, path in places.items()}
    return {
        "asked": job.asked, "command": command_line(), "commit": commit(), "versions": versions(),
        "worlds": job.request.worlds, "repeats": job.request.repeats, "moves": job.request.moves,
        "origins": list(told), "horizons": list(job.horizons), "seed": job.request.seed,
        "campaigns": {
            str(one.day): {name: one.forecasts[name].paths.shape[0] for name in (PANJ, FREE)} for one in origins
        },
        "floor": FLOOR,
        "ancestors": {day: one["origins"] for day, one in told.items()},
        **{key: {day: one[key] for day, one in told.items()} for key in OF_WORLDS},
        "choices": dict(job.settings.choices), "settings_fingerprint": job.settings.fingerprint(),
        "data_fingerprint": job.order.fingerprints[0], "rules_fingerprint": job.order.fingerprints[1],
        "seconds": round(seconds, 1),
    }  # fmt: skip


def as_text(row: Row) -> Row:
    """Format the floats of a table row to five significant figures, and nan as an empty string."""
    return {
        key: ("" if np.isnan(value) else f"{value:.5g}") if isinstance(value, float) else value
        for key, value in row.items()
    }
