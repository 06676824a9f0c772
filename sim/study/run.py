"""The main job: many campaigns of one scenario, on all cores, into one study folder."""

import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from sim.campaign import run_campaign
from sim.errors import PanjError
from sim.outcomes import Outcome, read_outcomes
from sim.results import (
    NOT_CALIBRATED,
    RunRows,
    StudyWriter,
    SummaryRow,
    cannot_write,
    command_line,
    commit,
    events_table,
    read_about,
    rows_of,
    versions,
)
from sim.rules import cache_folder, compiled, fingerprint_of_rules
from sim.study.settings import Settings

CHUNK = 10  # campaigns a row group of days.parquet


def run_study(settings: Settings, console: Console) -> Path:
    """Run, write, and return the study folder; a study that is there with the same settings is left as it is.

    Raises PanjError when the folder holds another study or cannot be written.
    """
    folder = settings.results_dir / settings.study
    if folder.exists():
        check_same(folder, settings)
        console.print(f"{folder} holds this study already; nothing was computed. Another name: study=NAME")
        return folder
    table = read_outcomes(settings.facts, settings.start_date, settings.days)
    writer = StudyWriter(folder, settings.facts, table, settings.start_date)
    started = time.perf_counter()
    try:
        compile_rules(settings, console)
        compiled_at = time.perf_counter()
        with progress(console, settings.runs) as add:
            for chunk in in_chunks(run_all(settings, table), CHUNK):
                writer.add(chunk)
                add(len(chunk))
        seconds = time.perf_counter() - compiled_at
        if settings.runs == 1:
            write_events(settings, writer.partial / "events.parquet")
        about = about_study(settings, compiled_at - started, seconds)
        summary = writer.finish({"study": settings.study, **settings.as_dict()}, about)
    except BaseException:
        writer.discard()
        raise
    show_summary(summary, settings, console)
    each = seconds / settings.runs * 1000
    campaigns = "1 campaign" if settings.runs == 1 else f"{settings.runs} campaigns"
    console.print(f"{campaigns} in {seconds:.1f} s ({each:.1f} ms each, {os.cpu_count()} at a time)")
    return folder


def check_same(folder: Path, settings: Settings) -> None:
    """A study folder is never overwritten: other settings, runs or seeds need another name."""
    about = read_about(folder)
    found = (about.get("settings_fingerprint"), about.get("runs"), about.get("first_seed"))
    if found != (settings.fingerprint(), settings.runs, settings.seed):
        differs = [
            name
            for name, old, new in zip(
                ("settings", "runs", "seed"), found, (settings.fingerprint(), settings.runs, settings.seed), strict=True
            )
            if old != new
        ]
        raise PanjError(
            f"study: found another study in {folder} (differs in {', '.join(differs)}), expected a new name; "
            f"choose study=NAME, or move the folder away"
        )


def compile_rules(settings: Settings, console: Console) -> None:
    """One short campaign, so that compiling is seen for what it is and not as a slow first campaign."""
    cold = compiled and not any(cache_folder().rglob("*.nbi"))
    if cold:
        console.print("Compiling the rules, once for this installation: about a minute ...")
    run_campaign(settings.layout.world, settings.rules, settings.timeline, settings.seed, 1)
    if cold:
        console.print("The rules are compiled.")


def run_all(settings: Settings, table: Sequence[Outcome]) -> Iterator[RunRows]:
    """Every campaign, in the order of the seeds, a few ahead of the reader on every core."""

    def one(seed: int) -> RunRows:
        campaign = run_campaign(settings.layout.world, settings.rules, settings.timeline, seed, settings.days)
        return rows_of(campaign, table, settings.facts, settings.start_date)

    seeds = iter(range(settings.seed, settings.seed + settings.runs))
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        ahead: list[Future[RunRows]] = [pool.submit(one, seed) for seed in islice(seeds, 2 * (os.cpu_count() or 1))]
        try:
            while ahead:
                yield ahead.pop(0).result()
                ahead += [pool.submit(one, seed) for seed in islice(seeds, 1)]
        finally:
            for future in ahead:
                future.cancel()


def in_chunks(rows: Iterator[RunRows], size: int) -> Iterator[list[RunRows]]:
    """Lists of up to `size` rows."""
    while chunk := list(islice(rows, size)):
        yield chunk


@contextmanager
def progress(console: Console, total: int) -> Iterator[Callable[[int], None]]:
    """A live bar in a terminal, plain lines elsewhere; the function that is given adds campaigns."""
    done = 0
    columns = (TextColumn("campaigns"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal) as bar:
        task = bar.add_task("campaigns", total=total)

        def add(more: int) -> None:
            nonlocal done
            quarter, done = 4 * done // total, done + more
            bar.update(task, completed=done)
            if not console.is_terminal and 4 * done // total > quarter:
                console.print(f"{done} of {total} campaigns")

        yield add


def write_events(settings: Settings, path: Path) -> None:
    """The log of the one campaign."""
    campaign = run_campaign(settings.layout.world, settings.rules, settings.timeline, settings.seed, settings.days)
    try:
        pq.write_table(events_table(campaign, settings.facts, settings.start_date), path)
    except OSError as error:
        raise cannot_write(settings.results_dir / settings.study, error) from error


def about_study(settings: Settings, compile_seconds: float, seconds: float) -> dict[str, Any]:
    """Provenance."""
    return {
        "study": settings.study,
        "scenario": settings.choices["scenario"],
        "scenario_title": settings.title,
        "scenario_about": settings.about,
        "choices": settings.choices,
        "runs": settings.runs,
        "first_seed": settings.seed,
        "start_date": settings.start_date.isoformat(),
        "end_date": settings.end_date.isoformat(),
        "calibration": NOT_CALIBRATED,
        "settings_fingerprint": settings.fingerprint(),
        "data_fingerprint": settings.facts.fingerprint,
        "rules_fingerprint": fingerprint_of_rules(),
        "commit": commit(),
        "versions": versions(),
        "command": command_line(),
        "overrides": list(settings.overrides),
        "seconds": round(seconds, 3),
        "compile_seconds": round(compile_seconds, 3),
        "compiled": compiled,
    }


def show_summary(summary: Sequence[SummaryRow], settings: Settings, console: Console) -> None:
    """The table in the terminal: those outcomes that were reported, and the main others."""
    from rich.table import Table

    title = f"{settings.title}: {settings.runs} campaigns, {NOT_CALIBRATED}"
    table = Table(title=title, caption="Sources: python -m sim evidence id=F001; every outcome is in summary.csv")
    for column in ("outcome", "reported", "simulated median", "90 % interval"):
        table.add_column(column, overflow="fold")
    for row in summary:
        if row.reported or row.outcome in ("share_without_fight", "people_displaced_by_2021_07_07"):
            table.add_row(row.label, row.reported or "-", row.median or "-", f"{row.low_5} to {row.high_95}")
    console.print(table)


def console_of(file: Any = None) -> Console:
    """A console that is wide enough to read when there is no terminal."""
    return Console(file=file or sys.stdout, width=None if sys.stdout.isatty() else 110, highlight=False)
