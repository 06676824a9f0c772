"""A campaign of a finished study, lived again from the words of the study, its cell and its seed.

Reads   about.json and chunks/study.json of a study.
Gives   the settings of one cell, checked to be those of the study to the last number; its campaigns; their logs.
Assumed The same seed, settings and code give the same campaign, which `python -m sim verify` shows.

One campaign by itself, nothing caught: for a debugger. `python -m pdb -c continue -m sim.run.rerun seed=17 ...`.

With `NUMBA_DISABLE_JIT=1` the rules are plain Python, and a debugger can step into them.

The campaigns of a study that raised, grouped by cause and by where in the settings they lie.

Reads   failures.parquet and about.json of a study.
Gives   `python -m sim failures results/<study>`: a table, and a command that lives one of them again under a debugger.
"""

import json
import re
import shlex
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq
from rich.console import Console
from rich.table import Table

from sim.engine.campaign import Campaign, run_campaign
from sim.errors import CampaignError, PanjError
from sim.options import Failures
from sim.provenance import STAMPED
from sim.run.work import outcomes_of
from sim.settings.compose import Composer, compose_settings
from sim.settings.draws import LUCK
from sim.settings.overrides import fixed_of, parse
from sim.settings.settings import Settings
from sim.settings.sweep import say
from sim.study.columns import chunk_of, days_table, events_table, rows_of
from sim.study.reader import StudyCell, find_cell, read_about
from sim.study.store import Scope, different, read_scope

SHOWN = 4  # differences


class Origin(NamedTuple):
    """One cell of a finished study, whose campaigns can be lived again."""

    folder: Path
    about: dict[str, Any]
    cell: StudyCell
    words: tuple[str, ...]  # that give its settings
    settings: Settings


def origin_of(folder: Path, cell: int, composer: Composer) -> Origin:
    """The settings of a cell; PanjError where there is no study or no such cell, or where rules or data were others."""
    about = read_about(folder)
    scope = read_scope(folder)
    if scope is None or "words" not in about:
        raise PanjError(f"{folder}: found no record of campaigns, expected a study of this version; run it again")
    held = find_cell(scope.cells, cell)
    fixed = fixed_of(about["words"])
    words = (*fixed, *held.overrides)
    settings = composer.settings(words)
    if settings.fingerprint() != held.fingerprint:
        raise cannot_live_again(folder, scope, composer.settings(fixed))
    return Origin(folder, about, held, words, settings)


def cannot_live_again(folder: Path, scope: Scope, base: Settings) -> PanjError:
    """What has changed since the study was made."""
    found = different(scope.base, json.loads(json.dumps(base.as_dict())))
    more = f" and {len(found) - SHOWN} more" if len(found) > SHOWN else ""
    said = "; ".join(found[:SHOWN]) or "what the cell resolves to"
    return PanjError(
        f"{folder}: found campaigns of other settings, rules or data than these ({said}{more}), expected the same, "
        "for a campaign of theirs cannot be lived again; run the study again under a new name: study=NAME"
    )


def seed_of(origin: Origin, asked: int | None) -> int:
    """The seed that was asked for, or the first; PanjError when the study has no such campaign."""
    first = int(origin.about["first_seed"])
    last = first + origin.cell.runs - 1
    if asked is None:
        return first
    if not first <= asked <= last:
        raise PanjError(f"seed: found {asked}, expected a seed of the study, from {first} to {last}")
    return asked


def live_again(settings: Settings, seed: int) -> Campaign:
    """The campaign of a seed; PanjError where it cannot come to its end."""
    try:
        return run_campaign(settings.layout.world, settings.rules_of(seed), settings.timeline, seed, settings.days)
    except CampaignError as error:
        raise cannot_end(seed, error) from error


def cannot_end(seed: int, error: CampaignError) -> PanjError:
    """A campaign that failed in the study fails again."""
    return PanjError(f"seed: found {seed}, whose campaign does not come to its end ({error}), expected another")


def evenings_of(campaign: Campaign, settings: Settings, cell: int = 0) -> pa.Table:
    """Its evenings, in the form of days.parquet."""
    facts, start = settings.facts, settings.start_date
    outcomes = outcomes_of(start, settings.days)
    chunk = chunk_of([rows_of(campaign, outcomes, facts, start)], outcomes, facts, settings.days)
    return days_table(chunk, cell, campaign.seed, len(facts.district), start)


def log_of(campaign: Campaign, settings: Settings) -> pa.Table:
    """Its log, in the form of events.parquet."""
    return events_table(campaign, settings.facts, settings.start_date)


def about_campaign(origin: Origin, seed: int) -> dict[str, Any]:
    """What is said of one campaign wherever it is told: of which study, by which numbers, with which dated events."""
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
    """Day and text of every dated event."""
    return [[str(event["date"]), str(event["text"])] for event in events if event.get("text")]


def rerun_one(words: Sequence[str]) -> int:
    """Live the campaign of `seed`; whatever it raises goes up."""
    settings = compose_settings(list(words))
    rules = settings.rules_of(settings.seed)
    campaign = run_campaign(settings.layout.world, rules, settings.timeline, settings.seed, settings.days)
    rows = rows_of(campaign, outcomes_of(settings.start_date, settings.days), settings.facts, settings.start_date)
    print(f"Seed {settings.seed} went through {settings.days} days without an error; {len(rows.outcomes)} outcomes.")
    return 0


NOT_AGAIN = (
    "runs",
    "seed",
    "study",
    "results_dir",
    "executor",
    "precision",
    "sampling",
    "runs_max",
)  # for one campaign


class Cause(NamedTuple):
    """Failures that say the same, numbers aside."""

    said: str
    campaigns: int
    cells: tuple[int, ...]
    example: dict[str, Any]  # a row of failures.parquet


def show_failures(request: Failures) -> int:
    """Print the causes; 0 whether or not there are any."""
    from sim.run.console import console_of

    show(request.folder, read_about(request.folder), console_of())
    return 0


def show(folder: Path, about: dict[str, Any], console: Console) -> None:
    """The table, where each cause lies, and a command."""
    causes = causes_of(folder)
    if not causes:
        console.print(f"{folder}: every one of {about['campaigns']} campaigns finished.")
        return
    table = Table(title=f"{about['failed']} of {about['campaigns'] + about['failed']} campaigns failed")
    for column in ("cause", "campaigns", "where", "example"):
        table.add_column(column, overflow="fold")
    for cause in causes:
        example = f"cell {cause.example['cell']}, seed {cause.example['seed']}: {cause.example['error']}"
        table.add_row(cause.said, str(cause.campaigns), "\n".join(region_of(cause, about)), example)
    console.print(table)
    if LUCK in about["swept"]:
        console.print(
            "They are points of a sensitivity study, which settings do not name. Tracebacks: failures.parquet."
        )
        return
    console.print("To live one of them again under a debugger (NUMBA_DISABLE_JIT=1 before it steps into the rules):")
    for cause in causes:
        console.print(f"  {command_of(cause, about)}", soft_wrap=True)
    console.print("The same sweep command tries the failed campaigns again. Tracebacks are in failures.parquet.")


def causes_of(folder: Path) -> list[Cause]:
    """Most frequent first."""
    path = folder / "failures.parquet"
    if not path.is_file():
        return []
    groups: dict[str, list[dict[str, Any]]] = {}
    for row in pq.read_table(path).drop_columns(["traceback"]).to_pylist():
        groups.setdefault(re.sub(r"\d+", "N", row["error"]), []).append(row)
    causes = [
        Cause(said, len(rows), tuple(sorted({row["cell"] for row in rows})), rows[0]) for said, rows in groups.items()
    ]
    return sorted(causes, key=lambda cause: (-cause.campaigns, cause.said))


def region_of(cause: Cause, about: dict[str, Any]) -> list[str]:
    """For each swept key the values or the range within which the cause is found, and out of which."""
    if not about["swept"]:
        return [f"{cause.campaigns} of {about['campaigns'] + about['failed']} campaigns"]
    cells = {cell["cell"]: cell["values"] for cell in about["cells"]}
    lines = [f"{len(cause.cells)} of {len(cells)} cells"]
    for key in about["swept"]:
        there, everywhere = [{values[key] for values in some} for some in
                             ([cells[cell] for cell in cause.cells], cells.values())]  # fmt: skip
        if there == everywhere:
            continue
        if all(isinstance(value, int | float) for value in everywhere):
            lines.append(f"{key} from {say(min(there))} to {say(max(there))} "
                         f"(swept from {say(min(everywhere))} to {say(max(everywhere))})")  # fmt: skip
        else:
            lines.append(f"{key}={', '.join(sorted(map(str, there)))} (of {len(everywhere)} values)")
    return lines if len(lines) > 1 else [*lines, "at every value of what was swept"]


def command_of(cause: Cause, about: dict[str, Any]) -> str:
    """One line that lives the example again."""
    cell = next(cell for cell in about["cells"] if cell["cell"] == cause.example["cell"])
    fixed = [word for word in fixed_of(about["words"]) if parse(word).key_or_group.split(".")[0] not in NOT_AGAIN]
    words = [*fixed, *cell["words"], f"seed={cause.example['seed']}"]
    return shlex.join(["python", "-m", "pdb", "-c", "continue", "-m", "sim.run.rerun", *words])


if __name__ == "__main__":
    sys.exit(rerun_one(sys.argv[1:]))
