"""Fork a campaign on a day: `python -m sim fork results/x day=2021-07-04 reinforcement=answer_every_call [runs=50]`.

Each campaign is rerun to the end of that day, and continued from there twice: unchanged, and with the change. Paired
differences, their intervals and the sentences about them are computed by `sim.compare`.

Reads   about.json and chunks/study.json of a study.
Writes  forks/<name>/ in the study: fork.json, outcomes.csv, and events.parquet and days.parquet, whose column `branch`
        is `as_it_went` or `changed`; with several runs also verdicts.csv, the paired differences.
"""

import json
import math
import re
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from rich.console import Console
from rich.progress import track

from sim.compare.compare import verdict_of
from sim.compare.pairs import METHOD, method_over
from sim.configuration.compose import Composer
from sim.configuration.sweep import Cell
from sim.data.evidence import read_evidence
from sim.engine.campaign import Campaign
from sim.errors import CampaignError, PanjError
from sim.execution.compiling import compile_rules
from sim.execution.executors import cores
from sim.execution.rerun import (
    Origin,
    about_campaign,
    cannot_end,
    dated_of,
    evenings_of,
    log_of,
    origin_of,
    seed_of,
)
from sim.execution.work import outcomes_of
from sim.options import Fork
from sim.outcome import Outcome, Value, count_outcomes, is_date, reported_of
from sim.story.branches import Turn, check_effect, check_outcome, run_branches, step_is_cold, turn_of, warm
from sim.study.codebook import Codebook, write_codebook
from sim.study.columns import in_words
from sim.study.files import csv_text, json_text, make_folder, write_folder
from sim.study.reader import Measure, StudyCell, Worlds, open_study
from sim.wording import counted, list_words

BRANCHES = ("as_it_went", "changed")
LETTERS = 120  # maximum length of a folder name, in characters
OUTCOMES = (  # outcomes compared by default, if they end after the fork
    "share_held_by_taliban_2021_07_05", "share_held_by_taliban_2021_07_07", "troops_crossed_by_2021_07_07",
    "troops_crossed_largest_night", "badakhshan_lost_2021_07_05", "troops_captured_by_2021_07_07",
    "people_displaced_by_2021_07_07", "refugees_admitted_by_2021_07_07",
)  # fmt: skip
LATER = (  # outcomes compared by default if none of `OUTCOMES` ends after the fork
    "share_held_by_taliban_{last}", "capitals_lost", "troops_crossed", "troops_captured", "people_displaced",
    "refugees_admitted",
)  # fmt: skip


def words_of(request: Fork) -> list[str]:
    """Return the day, the changes and the options of the command as arguments in a fixed order.

    Changes that delete a key, which begin with `~`, come after all other changes.
    """
    changes = sorted(request.changes, key=lambda word: word.startswith("~"))
    asked = [f"seed={request.seed}"] * (request.seed is not None) + [f"cell={request.cell}"] * bool(request.cell)
    return [f"day={request.day}", *changes, *asked, *[f"runs={request.runs}"] * (request.runs > 1)]


class Prepared(NamedTuple):
    """A checked request: the cell to fork, the change, and the seeds of the campaigns."""

    origin: Origin
    turn: Turn
    seeds: tuple[int, ...]


class Pair(NamedTuple):
    """The results of both branches of one seed, in the order of `BRANCHES`."""

    seed: int
    days: tuple[pa.Table, pa.Table]
    outcomes: tuple[dict[str, Value], dict[str, Value]]
    logs: tuple[pa.Table, pa.Table] | None  # event logs of both branches; None except for the first seed


def open_fork(request: Fork) -> Prepared:
    """Resolve and check a request before any campaign is run. Raise PanjError if the request is invalid."""
    composer = Composer()
    origin = origin_of(request.folder, request.cell or 0, composer)
    first = seed_of(origin, request.seed)
    seeds = tuple(range(first, first + request.runs))
    turn = turn_of(origin.overrides, request.changes, request.day, composer)
    check_effect(turn, seeds, request.changes)
    known = [row.name for row in outcomes_of(origin.settings.start_date, origin.settings.days) if row.last >= 0]
    for name in request.outcome:
        check_outcome(name, known)
    return Prepared(origin, turn, seeds)


def write_fork(request: Fork, console: Console) -> Path:
    """Run both branches of every seed and write their tables.

    Args:
        request: Study, day, change, seeds and outcomes.
        console: Console for progress messages.

    Returns:
        The folder of the fork.

    Raises:
        PanjError: The change cannot be made on that day or has no effect, a campaign does not reach its last day, or
            the folder contains another fork or cannot be written.
    """
    study = open_study(request.folder)
    if note := study.note_on_choice(request.cell):
        console.print(note, soft_wrap=True)
    request = replace(request, cell=study.choose_cell(request.cell).number)
    fork = open_fork(request)
    place = request.folder / "forks" / (request.name or name_of(request, fork))
    refuse_other_fork(place, request)
    cell = Cell(fork.origin.cell.number, {}, (), fork.origin.settings)
    compile_rules(cell.order, fork.seeds[0], console)
    compile_step(fork, console)
    console.print(
        f"Running {counted(len(fork.seeds), 'campaign')} to the end of {request.day}, and from there twice ...",
        soft_wrap=True,
    )
    pairs = run_all(fork, console)
    make_folder(place.parent)
    with write_folder(place, "fork") as half:
        write_tables(half, request, fork, pairs)
    return place


def compile_step(fork: Prepared, console: Console) -> None:
    """Compile the function `step` or load it from the cache; print a message first if it has to be compiled."""
    if step_is_cold():
        console.print("Compiling the step of a day, once for this installation: about ten seconds ...")
    warm(fork.turn.courses(fork.seeds[0])[0])


def run_all(fork: Prepared, console: Console) -> list[Pair]:
    """Run both branches of every seed on all cores, and return the results in the order of seeds."""
    with ThreadPoolExecutor(cores()) as workers:
        campaigns = workers.map(lambda seed: run_one(fork, seed), fork.seeds)
        shown = track(campaigns, "Campaigns", len(fork.seeds), console=console, transient=True,
                      disable=not console.is_terminal or len(fork.seeds) == 1)  # fmt: skip
        return list(shown)


def run_one(fork: Prepared, seed: int) -> Pair:
    """Run both branches of a seed. Raise PanjError if a branch does not reach its last day."""
    settings = fork.origin.settings
    before, after = fork.turn.courses(seed)
    try:
        branches = run_branches(before, after, seed, settings.days, fork.turn.day, settings.seed_of(seed))
    except CampaignError as error:
        raise cannot_end(seed, error) from error
    return Pair(
        seed,
        (evenings_of(branches[0], settings, fork.origin.cell.number),
         evenings_of(branches[1], settings, fork.origin.cell.number)),
        (outcomes_in(branches[0], fork), outcomes_in(branches[1], fork)),
        (log_of(branches[0], settings), log_of(branches[1], settings)) if seed == fork.seeds[0] else None,
    )  # fmt: skip


def outcomes_in(campaign: Campaign, fork: Prepared) -> dict[str, Value]:
    """Return the value of every outcome of one branch, keyed by name."""
    settings = fork.origin.settings
    return count_outcomes(
        campaign, outcomes_of(settings.start_date, settings.days), settings.facts, settings.start_date
    )


def name_of(request: Fork, fork: Prepared) -> str:
    """Return the default folder name of a fork, such as `2021-07-04_reinforcement-answer_every_call_seed-0`."""
    changes = [re.sub(r"[^\w.]+", "-", word).strip("-") for word in request.changes]
    cell = [f"cell-{request.cell}"] * bool(request.cell)
    many = [f"runs-{request.runs}"] * (request.runs > 1)
    ends = "_".join([*cell, f"seed-{fork.seeds[0]}", *many])
    return f"{'_'.join([request.day.isoformat(), *changes])[: LETTERS - len(ends) - 1]}_{ends}"


def refuse_other_fork(place: Path, request: Fork) -> None:
    """Raise PanjError if the folder already contains the fork of another request, which would be overwritten.

    A damaged fork.json does not show its request. This is an error if the user chose the name of the folder. The
    default name is derived from the request, so a fork with that name may be overwritten.
    """
    path = place / "fork.json"
    if not path.is_file():
        return
    try:
        there = list(json.loads(path.read_text(encoding="utf-8"))["fork_words"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        if not request.name:
            return
        raise PanjError(f"name: found a damaged {path} ({error}), expected another name: name=NAME") from None
    if there != words_of(request):
        raise PanjError(f"name: found another fork in {place} ({' '.join(there)}), expected a new name: name=NAME")


def write_tables(folder: Path, request: Fork, fork: Prepared, pairs: Sequence[Pair]) -> None:
    """Write the log, daily series and outcomes of both branches, and the metadata of the fork.

    The log and the outcomes are those of the first seed; the daily series are those of every seed. If there are several
    seeds, also write the paired differences.
    """
    settings = fork.origin.settings
    table = outcomes_of(settings.start_date, settings.days)
    first = pairs[0]
    assert first.logs is not None
    book = Codebook.of_dates(settings.facts, [(settings.start_date, settings.end_date)])
    events, days = branched([first.logs]), branched([pair.days for pair in pairs])
    for name, rows in (("events.parquet", events), ("days.parquet", days)):
        book.write(rows, folder / name)
    texts = {
        "outcomes.csv": csv_text(outcome_rows(table, first.outcomes, settings.start_date)),
        "fork.json": json_text(about_fork(request, fork)),
    }
    if len(pairs) > 1:
        wanted = wanted_outcomes(request, fork, table)
        texts["verdicts.csv"] = csv_text(
            verdict_rows(wanted, [pair.outcomes for pair in pairs], fork.seeds, fork.origin, change_as_text(request))
        )  # fmt: skip
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8", newline="")
    write_codebook(folder, book, ("events.parquet", "days.parquet", "outcomes.csv", "verdicts.csv"))


def wanted_outcomes(request: Fork, fork: Prepared, table: Sequence[Outcome]) -> list[Outcome]:
    """Return the requested outcomes or, if there are none, the main outcomes that end after the fork."""
    last = f"{fork.origin.settings.end_date:%Y_%m_%d}"
    for names in (request.outcome, OUTCOMES, [name.format(last=last) for name in LATER]):
        found = [row for name in names for row in table if row.name == name]
        found = [row for row in found if request.outcome or row.last > fork.turn.day]
        if found:
            return found
    return []


def branched(pairs: Sequence[tuple[pa.Table, pa.Table]]) -> pa.Table:
    """Concatenate the tables of both branches of every seed, with a new first column for the branch."""
    parts = [
        table.add_column(0, "branch", pa.array([branch] * table.num_rows, pa.string()))
        for pair in pairs
        for branch, table in zip(BRANCHES, pair, strict=True)
    ]
    return pa.concat_tables(parts)


def change_as_text(request: Fork) -> str:
    """Describe the change and its start: `reinforcement=answer_every_call from the morning of 2021-07-05 on`."""
    morning = request.day + timedelta(days=1)
    return f"{list_words(request.changes)} from the morning of {morning} on"


def about_fork(request: Fork, fork: Prepared) -> dict[str, Any]:
    """Return the content of fork.json: metadata of the forked campaign, the change, the seeds and the outcomes."""
    return {
        **about_campaign(fork.origin, fork.seeds[0]),
        "title": fork.turn.before.title,
        "fork_words": words_of(request),
        "fork_of": str(fork.origin.about["study"]),
        **about_turn(fork.turn, request.changes),
        "question": fork.origin.settings.question(request.day),
        "seeds": [fork.seeds[0], fork.seeds[-1]],
        "forked": len(fork.seeds),
        "outcomes": list(request.outcome),
    }


def about_turn(turn: Turn, changes: Sequence[str]) -> dict[str, Any]:
    """Return the part of fork.json about a change: its day, overrides and events, and keys without effect.

    Args:
        turn: The resolved change.
        changes: Overrides of the change.
    """
    started = turn.before.start_date
    late = [
        [(started + timedelta(days=event.day)).isoformat(), str(event.condition or event.name), event.value, event.act]
        for event in turn.late
    ]
    to_tell = [event._asdict() for event in turn.events if event not in turn.late]
    return {
        "day": (started + timedelta(days=turn.day)).isoformat(),
        "changes": list(changes),
        "late": late,
        "left": list(turn.left),
        "dated_changed": dated_of(to_tell),
    }


Outcomes = tuple[Mapping[str, Value], Mapping[str, Value]]  # outcomes by name, without and with the change


def outcome_rows(table: Sequence[Outcome], outcomes: Outcomes, start: date) -> list[dict[str, Any]]:
    """Return the rows of outcomes.csv: reported figure, value in each branch and difference of each outcome.

    Args:
        table: Rows of the outcomes table; outcomes not covered by the days of the campaign are omitted.
        outcomes: The values without the change and with it, both keyed by outcome.
        start: First day of the campaign.
    """
    evidence = {row.id: row for row in read_evidence()}
    rows = []
    for row in table:
        if row.last < 0:
            continue
        before, after = (side[row.name] for side in outcomes)
        figure = reported_of(row, evidence)
        rows.append({
            "outcome": row.name, "label": row.label, "unit": row.unit, "last_day": start + timedelta(days=row.last),
            "reported": in_words(figure.value, figure.low, figure.high, figure.evidence),
            "as_it_went": say(before), "changed": say(after), "difference": say(difference(before, after, row)),
        })  # fmt: skip
    return rows


def difference(before: Value, after: Value, row: Outcome) -> Value:
    """Return the value with the change minus the value without it, or None if either is missing.

    The difference between two dates is in days.
    """
    if before is None or after is None:
        return None
    if is_date(row):
        return float((date.fromisoformat(str(after)) - date.fromisoformat(str(before))).days)
    return float(after) - float(before)


def say(value: Value) -> str:
    """Format a number to ten significant figures; return a date unchanged and a missing value as an empty string."""
    return "" if value is None else value if isinstance(value, str) else f"{value:.10g}"


def verdict_rows(
    table: Sequence[Outcome], outcomes: Sequence[Outcomes], seeds: Sequence[int], origin: Origin, change: str
) -> list[dict[str, Any]]:
    """Return the rows of verdicts.csv: paired difference over all seeds, intervals and sentence of each outcome.

    Args:
        table: The outcomes to compare.
        outcomes: Per seed, the values without and with the change.
        seeds: The seeds, in the same order.
        origin: The forked cell and its study.
        change: Description of the change.
    """
    rows = []
    for row in table:
        measure = measure_of(row, origin.settings.start_date)
        ours, theirs = (worlds_of(side, row, outcomes, seeds, origin) for side in (1, 0))
        verdict = verdict_of(ours, theirs, str(origin.about["study"]), measure, "the change")
        numbers = {name: "" if is_nan(value) else value for name, value in verdict.judgement._asdict().items()}
        rows.append({
            "change": change, "outcome": row.name, "label": row.label, "unit": measure.unit, **numbers,
            "missing": verdict.missing,
            "as_it_went_median": format_or_empty(verdict.baseline_campaigns.median),
            "changed_median": format_or_empty(verdict.campaigns.median),
            "intervals": method_over(METHOD, ours.sampler_runs), "sentence": verdict.sentence,
        })  # fmt: skip
    return rows


def measure_of(row: Outcome, start: date) -> Measure:
    """Return the description of an outcome in the form that `sim.compare` uses."""
    unit, last_day = "days" if is_date(row) else row.unit, start + timedelta(days=row.last)
    return Measure(row.name, row.label, unit, is_date(row), {}, last_day)


def worlds_of(side: int, row: Outcome, outcomes: Sequence[Outcomes], seeds: Sequence[int], origin: Origin) -> Worlds:
    """Return the values of one outcome in one branch, one per seed.

    A date becomes the number of days since the first day; an event that did not occur counts as the day after the last.

    Args:
        side: 0 for the branch without the change, 1 for the branch with it.
        row: The outcome.
        outcomes: Per seed, the values without and with the change.
        seeds: The seeds, in the same order.
        origin: The forked cell, for the days of the campaign.
    """
    settings = origin.settings
    cell = StudyCell(side, ("unchanged", "changed")[side], {}, settings.start_date, settings.end_date)
    values = np.array([day_or_number(pair[side][row.name], settings.start_date) for pair in outcomes], float)
    there = ~np.isnan(values)
    never = float((cell.after_last - settings.start_date).days) if is_date(row) else math.nan
    return Worlds(cell, np.array(seeds), np.where(there, values, never), there, settings.sampler_runs)


def day_or_number(value: Value, start: date) -> float:
    """Return a number unchanged, a date as days after the first day, and a missing value as nan."""
    if value is None:
        return math.nan
    return float((date.fromisoformat(value) - start).days) if isinstance(value, str) else float(value)


def is_nan(value: float) -> bool:
    """Return whether a value is nan; values that are not floats never are."""
    return isinstance(value, float) and math.isnan(value)


def format_or_empty(value: float) -> str:
    """Format a number to six significant figures, or return an empty string if it is nan."""
    return "" if is_nan(value) else f"{value:.6g}"
