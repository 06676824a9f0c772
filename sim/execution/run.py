"""Run the campaigns of every cell of a sweep on all workers, store them chunk by chunk, and write the tables.

After any interruption (Ctrl-C, a killed process, a full disk, a lost worker), the same command resumes from the
stored chunks.
"""

import signal
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, Future, wait
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pyarrow as pa
from rich.console import Console

from sim.configuration.changes import describe_changes, describing_groups
from sim.configuration.compose import chain_of
from sim.configuration.settings import Piece, Settings
from sim.configuration.sweep import Sweep
from sim.data.facts import facts_here
from sim.data.own import files_with_effect, own_folder
from sim.engine.campaign import run_campaign
from sim.engine.compile import compiled, fingerprint_of_rules
from sim.errors import CampaignError, PanjError, Stopped
from sim.execution.backlog import Backlog
from sim.execution.compiling import compile_rules
from sim.execution.console import Progress, print_backlog, print_doubts, print_speed, print_summary, print_verdicts
from sim.execution.executors import Workers, workers_of
from sim.execution.work import outcomes_of, with_drawn, work_timed
from sim.outcome import fingerprint_of_shown
from sim.provenance import command_line, commit, shell_command, versions
from sim.study.columns import Failure, chunk_of, events_table
from sim.study.files import lean_arrow, locked
from sim.study.package import describe_study, is_described
from sim.study.reader import StudyCell, is_as_written, open_study, read_about
from sim.study.store import (
    DamagedScope,
    Scope,
    join_scopes,
    mended_scope,
    read_scope,
    record,
    recorded,
    remove_partial_files,
    rename_damaged,
    scope_of,
    write_scope,
)
from sim.study.tables import TABLES, write_tables
from sim.wording import counted

TRIES = 3  # number of attempts at a task whose worker is lost
BEAT = 0.5  # time between progress updates and checks for Ctrl-C, seconds
Task = list[tuple[int, Piece]]


@dataclass(frozen=True)
class Ran:
    """Result of a run: the folder of the study, and counts of campaigns."""

    folder: Path  # folder of the study
    campaigns: int  # number of finished campaigns of the study
    computed: int  # number of campaigns run by this command
    failed: int  # number of campaigns of the study without a result
    is_new: bool  # whether this command wrote the tables


def run_sweep(sweep: Sweep, console: Console) -> Ran:
    """Run the campaigns that are not stored, and write the tables of the study.

    Args:
        sweep: Requested cells, with their settings.
        console: Console for progress and the summary.

    Returns:
        The folder and the counts of campaigns. If the study is already complete, nothing is run or written.

    Raises:
        PanjError: If the folder contains another study, is used by another process or cannot be written, or if workers
            cannot be started or a cluster is lost.
        Stopped: After Ctrl-C, once running tasks are stored.
    """
    base = sweep.base
    study = base.results_dir / base.study
    asked = scope_of(sweep)
    found_scope(study, asked)  # raises PanjError before anything is created
    ours = locked(study, "study", inside="chunks", useless=("chunks", "study.json"), otherwise=", or choose study=NAME")
    with ours, nullcontext() if base.executor.kind == "dask" else lean_arrow():
        scope = found_scope(study, asked, console)
        remove_partial_files(study)
        backlog = backlog_of(sweep, scope, study)
        print_doubts(sweep, console)
        print_backlog(backlog, sweep, study, console)
        if backlog.waiting == 0 and not backlog.precision.outcome and is_written(study, scope, backlog):
            about = read_about(study)
            if not is_described(study):
                describe_study(study)
            return Ran(study, about["campaigns"], 0, about["failed"], False)
        write_scope(study, scope)
        started = time.perf_counter()
        if backlog.waiting or backlog.precision.outcome:
            compile_rules(sweep.cells[0].order, base.seed, console)
        compiled_at = time.perf_counter()
        try:
            run_tasks(backlog, sweep, study, console)
        except Stopped:
            write_partial_tables(sweep, scope, time.perf_counter() - compiled_at, console)
            raise
        print_verdicts(backlog, base.title, console)
        scope = grown(scope, backlog)
        write_scope(study, scope)
        seconds = time.perf_counter() - compiled_at
        about = about_study(sweep, scope, compiled_at - started, seconds)
        is_single = len(scope.cells) == 1 and scope.cells[0].runs == 1 and not backlog.failures
        console.print("Writing tables ...")
        summaries = write_tables(study, scope, base.facts, about, log_of_only(base) if is_single else None)
    print_summary(scope.cells, summaries, base, about, console)
    print_speed(backlog, base, seconds, console)
    return Ran(study, about["campaigns"], backlog.campaigns_done, about["failed"], True)


def found_scope(study: Path, asked: Scope, console: Console | None = None) -> Scope:
    """Return the scope of a study after adding the cells and campaigns that a command requests.

    If an earlier command requested more campaigns of a cell but did not finish them, the smaller number requested now
    replaces the earlier one. Finished campaigns remain stored.

    Args:
        study: Folder of the study.
        asked: Scope requested by the command.
        console: Console for notes; without it, a damaged study.json is repaired in memory only.

    Raises:
        PanjError: If the folder contains another study.
    """
    try:
        old = read_scope(study)
    except DamagedScope as damage:
        scope = mended_scope(study, asked)
        if console is not None:
            rename_damaged(study / "chunks" / "study.json")
            write_scope(study, scope)
            console.print(f"{damage}", soft_wrap=True)
        return scope
    scope = join_scopes(study, old, asked)
    wanted = {cell.fingerprint: cell.runs for cell in asked.cells}
    cells = [fewer(study, scope, cell, wanted.get(cell.fingerprint, cell.runs), console) for cell in scope.cells]
    return replace(scope, cells=tuple(cells))


def fewer(study: Path, scope: Scope, cell: StudyCell, asked: int, console: Console | None) -> StudyCell:
    """Return a cell, reduced to `asked` campaigns if more were requested earlier but not all of them were run."""
    if asked >= cell.runs:
        return cell
    found = recorded(study, cell.fingerprint)
    is_finished = found.done | found.failed >= set(range(scope.first_seed, scope.first_seed + cell.runs))
    if console is not None:
        kept = (
            f"all {cell.runs:,}, which are stored, are used"
            if is_finished
            else f"{asked:,} {'is' if asked == 1 else 'are'} used"
        )
        console.print(
            f"Note: {cell.runs:,} campaigns of {cell.label or study.name} were requested before, and "
            f"{asked:,} now; {kept}, and no stored campaign is removed.",
            soft_wrap=True,
        )  # fmt: skip
    return cell if is_finished else cell._replace(runs=asked)


def write_partial_tables(sweep: Sweep, scope: Scope, seconds: float, console: Console) -> None:
    """Write the tables of the stored campaigns, if any, of a stopped sweep."""
    study = sweep.base.results_dir / sweep.base.study
    if not any(recorded(study, cell.fingerprint).done for cell in scope.cells):
        return
    about = about_study(sweep, scope, 0.0, seconds)
    write_tables(study, scope, sweep.base.facts, about)
    shown = shell_command(["report", study]) if scope.daily else study / "runs.parquet"  # a report shows daily series
    console.print(
        f"The tables have the stored {about['campaigns']:,} of {counted(about['asked'], 'campaign')}: {shown}",
        soft_wrap=True,
    )


def backlog_of(sweep: Sweep, scope: Scope, study: Path) -> Backlog:
    """Return the backlog of a command: the campaigns of its cells that are in the scope but not stored."""
    by_key = {cell.fingerprint: cell for cell in sorted(scope.cells, key=lambda cell: cell.runs)}
    scopes = [by_key[cell.settings.fingerprint()] for cell in sweep.cells]
    return Backlog(sweep.cells, scopes, sweep.base.seed, study, sweep.base.precision)


def is_written(study: Path, scope: Scope, backlog: Backlog) -> bool:
    """Return whether the tables are intact, match the current outcomes and include every requested campaign."""
    try:
        cells = open_study(study).cells
    except PanjError:
        return False
    complete = {cell.order.key for cell in backlog.cells}  # failures in the tables may have been rerun since
    there = [(cell.fingerprint, cell.finished if cell.fingerprint in complete else cell.runs) for cell in cells]
    if there != [(cell.fingerprint, cell.runs) for cell in scope.cells]:
        return False
    about = read_about(study)
    wanted = {name for name in TABLES if name != "failures.parquet" and (scope.daily or name != "days.parquet")}
    return (
        about.get("outcomes") == dict(scope.outcomes)
        and about.get("record_fingerprint") == fingerprint_of_shown()
        and all(is_as_written(study, name, about) for name in wanted.union(about.get("tables", ())))
    )


def grown(scope: Scope, backlog: Backlog) -> Scope:
    """Return the scope with the campaigns that were added to reach a precision."""
    runs = {cell.order.key: cell.runs for cell in backlog.cells}
    cells = (cell._replace(runs=max(cell.runs, runs.get(cell.fingerprint, 0))) for cell in scope.cells)
    return replace(scope, cells=tuple(cells))


def run_tasks(backlog: Backlog, sweep: Sweep, study: Path, console: Console) -> None:
    """Run all campaigns of the backlog and store them.

    Raises:
        Stopped: After Ctrl-C, once running tasks are stored.
    """
    backlog.grow()
    if backlog.waiting == 0:
        return
    with workers_of(sweep.base.executor) as workers, stopping() as stop, Progress(backlog, console) as progress:
        in_hand: dict[Future[Any], tuple[Task, int]] = {}
        again: list[tuple[Task, int]] = []
        try:
            while backlog.waiting or in_hand or again:
                assign_tasks(backlog, workers, in_hand, again, stop)
                finished, _ = wait(in_hand, BEAT, FIRST_COMPLETED)
                workers.check_alive()
                for future in finished:
                    task, tries = in_hand.pop(future)
                    store_results(future, task, tries, again, backlog, study)
                backlog.grow()
                progress.update()
                if stop.is_set() and not in_hand:
                    raise Stopped
        finally:
            for future in in_hand:
                future.cancel()


def assign_tasks(
    backlog: Backlog, workers: Workers, in_hand: dict[Future[Any], tuple[Task, int]],
    again: list[tuple[Task, int]], stop: threading.Event,
) -> None:  # fmt: skip
    """Assign one task to every idle worker, so that a killed process loses at most one task per worker."""
    while not stop.is_set() and len(in_hand) < workers.count and (again or backlog.waiting):
        task, tries = again.pop() if again else (backlog.take(workers.count), 1)
        in_hand[workers.submit(work_timed, [piece for _, piece in task])] = task, tries


def store_results(
    future: Future[Any], task: Task, tries: int, again: list[tuple[Task, int]], backlog: Backlog, study: Path
) -> None:
    """Store the results of a task.

    If the worker was lost, queue the task again or, after the last attempt, store its campaigns as failures.
    """
    error = future.exception() if not future.cancelled() else RuntimeError("cancelled")
    if error is None:
        chunks, seconds = future.result()
        backlog.record_duration(seconds, sum(chunk.num_rows for chunk in chunks))
    elif isinstance(error, PanjError):
        raise error
    else:
        if tries < TRIES:
            again.append((task, tries + 1))
            return
        chunks = [lost(piece, error) for _, piece in task]
    for (place, piece), chunk in zip(task, chunks, strict=True):
        record(study, piece.order.key, chunk)
        backlog.finished(place, chunk)


def lost(piece: Piece, error: BaseException) -> pa.Table:
    """Return a chunk of failures for campaigns whose worker was lost in every attempt."""
    said = f"WorkerLost: {type(error).__name__}: {error} ({TRIES} times)"
    order = piece.order
    facts, table = facts_here(), outcomes_of(order.start, order.days)
    rows = [Failure(seed, said, said) for seed in piece.seeds]
    return with_drawn(chunk_of(rows, table, facts, order.days, order.daily), order.draws)


@contextmanager
def stopping() -> Iterator[threading.Event]:
    """Catch Ctrl-C and SIGTERM within a block; do nothing outside the main thread.

    The first signal sets the event that the block receives, and the second raises KeyboardInterrupt.
    """
    stop = threading.Event()

    def ask(_signal: int, _frame: Any) -> None:
        if stop.is_set():
            raise KeyboardInterrupt
        stop.set()
        print("\nStopping after the running chunks; press Ctrl-C again to stop at once ...", file=sys.stderr)

    if threading.current_thread() is not threading.main_thread():
        yield stop
        return
    before = {each: signal.signal(each, ask) for each in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)


def log_of_only(settings: Settings) -> pa.Table | None:
    """Rerun the only campaign of a study and return its event log, or None if the campaign fails."""
    rules, draws = settings.rules_of(settings.seed), settings.seed_of(settings.seed)
    try:
        campaign = run_campaign(settings.layout.world, rules, settings.timeline, draws, settings.days)
    except CampaignError:
        return None
    return events_table(campaign, settings.facts, settings.start_date)


def about_study(sweep: Sweep, scope: Scope, compile_seconds: float, seconds: float) -> dict[str, Any]:
    """Return the content of about.json without its cells, which `write_tables` adds."""
    settings = sweep.base
    return {
        "study": settings.study,
        "scenario": settings.choices["scenario"],
        "scenario_title": settings.title,
        "scenario_about": settings.about,
        "choices": settings.choices,
        "changes": changes_of(sweep),
        "swept": list(scope.swept),
        "runs": max(cell.runs for cell in scope.cells),
        "asked": sum(cell.runs for cell in scope.cells),
        "first_seed": settings.seed,
        "start_date": settings.start_date.isoformat(),
        "end_date": settings.end_date.isoformat(),
        "calibration": calibration_of(scope),
        "worlds": settings.worlds.digest if settings.worlds else "",
        "sampler_runs": settings.sampler_runs,
        "what_if": settings.question(None),
        "settings_fingerprint": settings.fingerprint(),
        "data_fingerprint": settings.facts.fingerprint,
        "rules_fingerprint": fingerprint_of_rules(),
        "outcomes_fingerprint": settings.outcomes_fingerprint,
        "outcomes": dict(scope.outcomes),
        "record_fingerprint": fingerprint_of_shown(),
        "commit": commit(),
        "versions": versions(),
        "command": command_line(),
        "words": list(sweep.words),
        "cells_from_words": [cell.words for cell in sweep.cells] == [cell.overrides for cell in scope.cells],
        "overrides": list(settings.overrides),
        "config_dir": None if own_folder() is None else str(own_folder()),
        "own_files": files_with_effect(choices_made(sweep)),
        "seconds": round(seconds, 3),
        "compile_seconds": round(compile_seconds, 3),
        "compiled": compiled,
    }


def choices_made(sweep: Sweep) -> set[tuple[str, str]]:
    """Return the choices of all cells, including base scenarios, as pairs of group and name."""
    found = {pair for cell in sweep.cells for pair in cell.settings.choices.items()}
    bases = {base for group, name in found if group == "scenario" for base in chain_of(name)}
    return found | {("scenario", base) for base in bases}


def changes_of(sweep: Sweep) -> dict[str, str]:
    """Describe the changes that the policies, theories and scenarios of the cells make, keyed by `group=choice`."""
    chosen = dict.fromkeys(pair for cell in sweep.cells for pair in cell.settings.choices.items())
    changes = {
        f"{group}={name}": describe_changes(group, name) for group, name in chosen if group in describing_groups()
    }
    return {choice: "; ".join(one.long for one in found) for choice, found in changes.items() if found}


def calibration_of(scope: Scope) -> str:
    """Describe the source of the uncertain numbers of all cells, for summaries, figures and pages."""
    said = list(dict.fromkeys(cell.calibration for cell in scope.cells))
    return said[0] if len(said) == 1 else f"numbers that differ by cell: {'; '.join(said)}"
