"""Rerun one campaign of a finished study, and group failed campaigns by cause.

This module reads about.json, chunks/study.json and failures.parquet of a study. Before a campaign is rerun, the
settings of its cell are resolved again and must equal those of the study. Equal seeds, settings and code give equal
campaigns, as `python -m sim verify` checks. `python -m sim failures results/<study>` prints the causes of failures.

`python -m pdb -c continue -m sim.execution.rerun seed=17 ...` runs one campaign in a debugger, which stops at an error;
with `NUMBA_DISABLE_JIT=1` the rules are not compiled, so that the debugger can step into them.
"""

import json
import re
import shlex
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
from rich.console import Console
from rich.table import Table

from sim.configuration.compose import Composer, compose_settings
from sim.configuration.draws import LUCK
from sim.configuration.events import reported_source
from sim.configuration.overrides import Overrides
from sim.configuration.settings import Settings
from sim.data.own import CONFIG_DIR, own_folder, split_arguments, using
from sim.engine.campaign import Campaign, run_campaign
from sim.errors import CampaignError, PanjError
from sim.execution.work import outcomes_of
from sim.options import Failures
from sim.provenance import STAMPED
from sim.study.columns import chunk_of, days_table, events_table, rows_of
from sim.study.reader import Study, StudyCell, find_cell, open_study, read_about, read_columns
from sim.study.store import compare_settings, first_of, read_scope
from sim.wording import counted, say

SHOWN = 4  # largest number of differences listed in an error
# Settings without effect on a single campaign.
OF_MANY = ("runs", "seed", "study", "results_dir", "executor", "precision", "sampling", "runs_max")


class Origin(NamedTuple):
    """One cell of a finished study, whose campaigns can be rerun."""

    folder: Path
    about: dict[str, Any]
    cell: StudyCell
    overrides: Overrides  # overrides that define the settings of the cell
    settings: Settings


def origin_of(folder: Path, cell: int, composer: Composer) -> Origin:
    """Resolve the settings of one cell of a study, and check that its campaigns were run with these settings.

    Args:
        folder: Folder of the study.
        cell: Number of the cell.
        composer: Composer that resolves and caches settings.

    Returns:
        The cell, with settings that reproduce the campaigns of the study.

    Raises:
        PanjError: If there is no study, no stored campaign or no such cell, or if settings, rules or data have
            changed since the study was run.
    """
    about, scope = read_about(folder), read_scope(folder)
    if scope is None or "words" not in about:
        raise PanjError(f"{folder}: found no stored campaigns, expected a study of this version; run it again")
    held = find_cell(scope.cells, cell)
    fixed = Overrides.of(about["words"]).fixed
    overrides = (fixed + held.overrides).with_dates(held.start_date, held.end_date)
    settings = composer.settings(overrides)
    if settings.fingerprint() != held.fingerprint:
        now = json.loads(json.dumps(composer.settings(fixed).as_dict()))
        found = first_of(compare_settings(scope.base, now), SHOWN) or "the resolved settings of the cell"
        raise PanjError(
            f"{folder}: found campaigns made with other settings, rules or data ({found}), expected the current ones, "
            "which a rerun needs; run the study again under a new name: study=NAME"
        )
    return Origin(folder, about, held, overrides, settings)


def seed_of(origin: Origin, asked: int | None) -> int:
    """Return the requested seed, after checking that the study has a campaign with it.

    Args:
        origin: Cell of the study.
        asked: Requested seed; None for the first seed of the study.

    Raises:
        PanjError: If the study has no campaign with this seed.
    """
    first = int(origin.about["first_seed"])
    last = first + origin.cell.runs - 1
    if asked is None:
        return first
    if not first <= asked <= last:
        raise PanjError(f"seed: found {asked}, expected a seed of the study, from {first} to {last}")
    return asked


def rerun_campaign(settings: Settings, seed: int) -> Campaign:
    """Run one campaign with the settings of a cell.

    Args:
        settings: Settings of the cell.
        seed: Seed of the campaign.

    Raises:
        PanjError: If the campaign fails.
    """
    try:
        rules, draws = settings.rules_of(seed), settings.seed_of(seed)
        campaign = run_campaign(settings.layout.world, rules, settings.timeline, draws, settings.days)
        return campaign._replace(seed=seed)
    except CampaignError as error:
        raise cannot_end(seed, error) from error


def cannot_end(seed: int, error: CampaignError) -> PanjError:
    """Return the error for a requested campaign that fails.

    Args:
        seed: Seed of the campaign.
        error: Reason why the campaign failed.
    """
    return PanjError(f"seed: found {seed}, whose campaign fails ({error}), expected a seed that reaches the last day")


def evenings_of(campaign: Campaign, settings: Settings, cell: int = 0) -> pa.Table:
    """Return the daily series of one campaign, with the columns of days.parquet.

    Args:
        campaign: Finished campaign.
        settings: Settings of its cell.
        cell: Number of its cell, for the column `cell`.
    """
    facts, start = settings.facts, settings.start_date
    outcomes = outcomes_of(start, settings.days)
    chunk = chunk_of([rows_of(campaign, outcomes, facts, start)], outcomes, facts, settings.days)
    return days_table(chunk, {"cell": cell, "values": {}}, campaign.seed, len(facts.district), start)


def log_of(campaign: Campaign, settings: Settings) -> pa.Table:
    """Return the event log of one campaign, with the columns of events.parquet.

    Args:
        campaign: A finished campaign.
        settings: Settings of its cell.
    """
    return events_table(campaign, settings.facts, settings.start_date)


def about_campaign(origin: Origin, seed: int) -> dict[str, Any]:
    """Return the metadata of one campaign, in the form of campaign.json.

    Args:
        origin: Cell of the study.
        seed: Seed of the campaign.

    Returns:
        Study, cell, seed, scenario, source of the numbers, and dated events.
    """
    cell = origin.cell
    return {
        **{key: origin.about.get(key) for key in STAMPED},
        "scenario": origin.settings.choices["scenario"],
        "cell": cell.number,
        "cell_label": cell.label,
        "cell_words": list(cell.overrides),
        "calibration": origin.settings.calibration,
        "seed": seed,
        "start_date": cell.start_date.isoformat(),
        "end_date": cell.end_date.isoformat(),
        "dated": dated_of(origin.settings.as_dict()["events"]),
    }


def dated_of(events: Sequence[Mapping[str, Any]]) -> list[list[str]]:
    """Return the date, text and source of every dated event with a text.

    The source is that of `reported_source`, which is empty unless the event was reported and is unchanged.
    """
    return [[str(event["date"]), str(event["text"]), reported_source(event)] for event in events if event.get("text")]


def rerun_one(words: Sequence[str]) -> int:
    """Run the campaign with the seed given by the setting `seed`, without catching errors; return the exit code, 0."""
    folder, overrides = split_arguments(words)
    with using(folder or own_folder()):
        return rerun_here(overrides)


def rerun_here(overrides: Sequence[str]) -> int:
    """Run a campaign as `rerun_one` does, but with the current folder of own files."""
    settings = compose_settings(overrides)
    rules = settings.rules_of(settings.seed)
    draws = settings.seed_of(settings.seed)
    campaign = run_campaign(settings.layout.world, rules, settings.timeline, draws, settings.days)
    rows = rows_of(campaign, outcomes_of(settings.start_date, settings.days), settings.facts, settings.start_date)
    counts = counted(settings.days, "day"), counted(len(rows.outcomes), "outcome")
    print(f"Seed {settings.seed} went through {counts[0]} without an error; {counts[1]}.")
    return 0


class Cause(NamedTuple):
    """Failures whose messages differ only in numbers."""

    message: str
    campaigns: int
    cells: tuple[int, ...]
    example: dict[str, Any]  # one of the failures, as a row of failures.parquet


def show_failures(request: Failures) -> int:
    """Print the causes of a study's failures and return the exit code, 0."""
    from sim.terminal import console_of

    print_failures(open_study(request.folder), console_of())
    return 0


def print_failures(study: Study, console: Console) -> None:
    """Print each cause of failures, where it occurs, and a command that runs an example in a debugger.

    A sensitivity analysis has no such command, because its points cannot be rerun individually.
    """
    causes, done, failed = causes_of(study.folder), study.about["campaigns"], study.about["failed"]
    if not causes:
        which = "the only campaign" if done == 1 else f"every one of {done} campaigns"
        console.print(f"{study.folder}: {which} finished.")
        return
    table = Table(title=f"{failed} of {counted(done + failed, 'campaign')} failed")
    for column in ("cause", "campaigns", "where", "example"):
        table.add_column(column, overflow="fold")
    for cause in causes:
        example = f"cell {cause.example['cell']}, seed {cause.example['seed']}: {cause.example['error']}"
        table.add_row(cause.message, str(cause.campaigns), "\n".join(where_of(cause, study)), example)
    console.print(table)
    if LUCK in study.swept:
        console.print(
            "They are points of a sensitivity analysis, and cannot be rerun individually. Tracebacks: failures.parquet."
        )
        return
    console.print("To run one of them in a debugger (put NUMBA_DISABLE_JIT=1 before it to step into the rules):")
    for cause in causes:
        console.print(f"  {command_of(cause, study)}", soft_wrap=True)
    console.print("The command of the study retries failed campaigns. Tracebacks are in failures.parquet.")


def causes_of(folder: Path) -> list[Cause]:
    """Return the causes of a study's failures, most frequent first."""
    path = folder / "failures.parquet"
    if not path.is_file():
        return []
    groups: dict[str, list[dict[str, Any]]] = {}
    for row in read_columns(path).drop_columns(["traceback"]).to_pylist():
        groups.setdefault(re.sub(r"\d+", "N", row["error"]), []).append(row)
    causes = [
        Cause(message, len(rows), tuple(sorted({row["cell"] for row in rows})), rows[0])
        for message, rows in groups.items()
    ]
    return sorted(causes, key=lambda cause: (-cause.campaigns, cause.message))


def where_of(cause: Cause, study: Study) -> list[str]:
    """Describe the cells in which a cause occurs or, if nothing is swept, the number of campaigns.

    Returns:
        Lines of text. The first states the number of cells. For each swept key, another line lists the values at which
        the cause occurs, unless it occurs at every value of the key.
    """
    if not study.swept:
        return [f"{cause.campaigns} of {counted(study.about['campaigns'] + study.about['failed'], 'campaign')}"]
    lines = [f"{len(cause.cells)} of {counted(len(study.cells), 'cell')}"]
    for key in study.swept:
        everywhere = {cell.values[key] for cell in study.cells}
        there = {cell.values[key] for cell in study.cells if cell.number in cause.cells}
        if there == everywhere:
            continue
        if all(isinstance(value, int | float) for value in everywhere):
            low, high, lowest, highest = min(there), max(there), min(everywhere), max(everywhere)  # type: ignore[type-var]
            lines.append(f"{key} from {say(low)} to {say(high)} (swept from {say(lowest)} to {say(highest)})")
        else:
            lines.append(f"{key}={', '.join(sorted(map(str, there)))} (of {len(everywhere)} values)")
    return lines if len(lines) > 1 else [*lines, "at every value of the swept keys"]


def command_of(cause: Cause, study: Study) -> str:
    """Return the command that runs the example of a cause in a debugger."""
    fixed = [row.text for row in Overrides.of(study.about["words"]).fixed if row.key.split(".")[0] not in OF_MANY]
    overrides = [*fixed, *find_cell(study.cells, cause.example["cell"]).overrides, f"seed={cause.example['seed']}"]
    folder = own_folder()
    overrides += [] if folder is None else [f"{CONFIG_DIR}{folder}"]
    return shlex.join(["python", "-m", "pdb", "-c", "continue", "-m", "sim.execution.rerun", *overrides])


if __name__ == "__main__":
    sys.exit(rerun_one(sys.argv[1:]))
