"""Estimate the cost and precision of a sweep before it is run: `python -m sim plan -m ...`.

The time, the disk space and the standard deviations are estimated from a few campaigns of some cells: the first cell
and, for each swept key, the last cell that differs from it only in this key. Nothing is written. Half-widths are those
of 95 % intervals (normal approximation) of the mean of each outcome, and of its mean difference between two cells,
paired by seed. With `outcome=`, and optionally `above=` or `below=`, the plan also gives the number of campaigns needed
to estimate a paired difference in means, or in risks, with a given half-width.
"""

import math
import time
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from rich.console import Console
from rich.table import Table

from sim.configuration.settings import Piece
from sim.configuration.sweep import Cell, Sweep, compose_sweep
from sim.engine.compile import compiled
from sim.errors import PanjError
from sim.execution.backlog import NORMAL_95, Backlog
from sim.execution.compiling import compile_rules
from sim.execution.console import print_doubts
from sim.execution.executors import cores
from sim.execution.run import backlog_of, found_scope
from sim.execution.work import work
from sim.options import Plan, Range, range_of, usage_of
from sim.outcome import Outcome, is_date, read_outcomes, unknown_outcome
from sim.provenance import shell_command
from sim.study.store import content_of, scope_of
from sim.terminal import console_of
from sim.wording import counted, format_seconds, say, significant

SAMPLE_SECONDS = 4.0
MOST_SAMPLED = 20  # campaigns per sampled cell
MOST_FOR_RISK = 200  # campaigns per sampled cell to plan for a risk, since fewer give no usable estimate
HALF_WIDTHS = (0.1, 0.05, 0.02, 0.01)  # half-widths of a risk, as shares, that are shown by default
FIGURES_SECONDS = 6.0  # processor time of `report` for a study of one cell, seconds: 5 to 6 s on two cores
FIGURES_SECONDS_PER_CELL = 0.1  # additional processor time per cell of a sweep after the first, seconds
TABLES_OVER_CHUNKS = 1.2  # bytes of the tables, without figures, per byte of chunks
LONG = 1800.0  # duration of a sweep above which fewer campaigns are suggested, seconds
MANY = 200  # number of cells of a grid above which a Latin hypercube is suggested
OUTCOMES = (
    "share_held_by_taliban_2021_07_05", "troops_crossed_by_2021_07_07", "troops_crossed_largest_night",
    "people_displaced_by_2021_07_07", "badakhshan_lost_2021_07_05",
)  # fmt: skip


class Sample(NamedTuple):
    """A few campaigns of some cells, with the same seeds in every cell."""

    cells: dict[int, pa.Table]  # one row per campaign, by number of the cell
    seconds_each: float  # seconds per campaign on one worker
    bytes_each: float  # bytes of chunks per campaign


class Planned(NamedTuple):
    """The planned sweep, the sample of campaigns, and the outcome and range to plan for."""

    request: Plan
    sweep: Sweep
    backlog: Backlog
    study: Path  # folder to which the sweep would be written
    outcome: Outcome | None  # outcome to plan for
    asked: Range | None  # range of the outcome whose risk is to be estimated; None if its mean is
    sample: Sample


class Width(NamedTuple):
    """Expected half-widths of the 95 % intervals of an outcome, in its unit; nan if unknown."""

    outcome: str
    mean: float
    of_mean: float
    of_difference: float  # half-width for a paired difference between two cells


def main(request: Plan) -> int:
    """Print the estimated cost and precision of a sweep, and return the exit code, 0.

    The arguments and errors are those of `make_plan`.
    """
    console = console_of()
    show_plan(make_plan(request, console), console)
    return 0


def make_plan(request: Plan, console: Console) -> Planned:
    """Run a few campaigns of a sweep, to estimate its cost and precision.

    Args:
        request: Settings of the sweep, and optionally an outcome, thresholds and a half-width.
        console: Console for progress messages.

    Raises:
        PanjError: If a setting is invalid, if the outcome is unknown or never counted, if thresholds do not fit it,
            or if thresholds or a half-width are given without an outcome.
    """
    asked = range_of(request.above, request.below)
    if request.outcome is None and (asked or request.half_width):
        raise PanjError(f"outcome: found none, expected an outcome to plan for: {usage_of(Plan)}")
    sweep = compose_sweep(request.overrides)
    print_doubts(sweep, console)
    study = sweep.base.results_dir / sweep.base.study
    scope = found_scope(study, scope_of(sweep))
    backlog = backlog_of(sweep, scope, study)
    row = planned_outcome(request.outcome, asked, sweep) if request.outcome else None
    compile_rules(sweep.cells[0].order, sweep.base.seed, console)
    console.print(f"Running a few campaigns to estimate the cost (about {SAMPLE_SECONDS:.0f} s) ...")
    sample = take_sample(sweep, MOST_FOR_RISK if asked else min(MOST_SAMPLED, sweep.base.runs))
    return Planned(request, sweep, backlog, study, row, asked, sample)


def show_plan(planned: Planned, console: Console) -> None:
    """Print the estimated cost and precision of a sweep, warnings, and the command that runs it.

    Args:
        planned: The plan.
        console: Console for the output.
    """
    sweep, sample, words = planned.sweep, planned.sample, planned.request.overrides
    show_cost(sweep, planned.backlog, sample, planned.study, console)
    show_widths(sweep, sample, console)
    lines, needed = needed_for(planned)
    for line in lines:
        console.print(line)
    for warning in warnings_of(sweep, planned.backlog, sample):
        console.print(f"Note: {warning}")
    if needed > sweep.base.runs:
        words = (*(word for word in words if not word.startswith("runs=")), f"runs={needed}")
    console.print(f"Next: {shell_command(words)}", soft_wrap=True)


def needed_for(planned: Planned) -> tuple[list[str], int]:
    """Return the result of `describe_needed`, or no lines and 0 without an outcome to plan for."""
    if planned.outcome is None:
        return [], 0
    return describe_needed(planned.outcome, planned.asked, planned.request.half_width, planned.sample)


def plan_record(planned: Planned) -> dict[str, Any]:
    """Return a plan as a mapping: cells, campaigns, seconds, megabytes, half-widths, campaigns needed, and warnings.

    `runs_needed` is None if no half-width was requested or no number can be computed.
    """
    sweep, backlog, sample = planned.sweep, planned.backlog, planned.sample
    return {
        "folder": planned.study,
        "cells": len(sweep.cells),
        "swept": {key: list(dict.fromkeys(cell.values[key] for cell in sweep.cells)) for key in sweep.swept},
        "runs": sweep.base.runs,
        "campaigns": backlog.total,
        "stored": backlog.already,
        "seconds": seconds_left(sweep, backlog, sample),
        "seconds_of_figures": seconds_of_figures(sweep),
        "megabytes": megabytes(backlog.total - backlog.already, sample),
        "half_widths": [width._asdict() for width in widths_of(sweep, sample)],
        "outcome": planned.request.outcome,
        "half_width": planned.request.half_width,
        "runs_needed": needed_for(planned)[1] or None,
        "warnings": warnings_of(sweep, backlog, sample),
    }


def planned_outcome(name: str, asked: Range | None, sweep: Sweep) -> Outcome:
    """Return the outcome to plan for.

    Raises:
        PanjError: If the outcome is unknown or never counted, or if its type does not fit the thresholds.
    """
    base = sweep.base
    table = {row.name: row for row in read_outcomes(base.facts, base.start_date, base.days) if row.last >= 0}
    if name not in table:
        raise unknown_outcome("outcome", name, table, base.end_date)
    row = table[name]
    if asked is None and is_date(row):
        raise PanjError(f"outcome: found {name}, a date, without a threshold, expected above= or below= with a date")
    if asked is not None:
        asked.check(name, row.unit, is_date(row))
    return row


def describe_needed(
    row: Outcome, asked: Range | None, half_width: float | None, sample: Sample
) -> tuple[list[str], int]:
    """Return lines on the campaigns per cell needed to estimate a paired difference with given half-widths.

    Each sampled cell is compared with the first one, and the number is computed for the comparison with the largest
    standard deviation. For a risk, one artificial pair is added in each direction, as in the intervals of `compare`
    (Bonett and Price 2012); for a mean, the normal approximation is used.

    Returns:
        Lines for the terminal, and the number of campaigns per cell needed for the requested half-width. It is 0 if no
        half-width was requested or no number can be computed.
    """
    first, *others = sample.cells.values()
    if not others:
        return ["Nothing is swept, so there is no difference to plan for."], 0
    pairs = [difference(first, other, row.name, asked) for other in others]
    pairs = [one for one in pairs if one.size > 1]
    if not pairs:
        return [f"{row.label}: no sampled campaign has a value, so no number of campaigns can be computed."], 0
    if asked is not None:
        widest = max(math.sqrt(float(np.append(one, [1, -1]).var())) for one in pairs)
        passing = [float(asked.holds(numbers_of(cell, row.name)).mean()) for cell in sample.cells.values()]
        found = f"a risk of {min(passing):.3g} to {max(passing):.3g} in the sampled cells"
    else:
        widest = max(map(spread, pairs))
        found = f"differences within a seed with a standard deviation of {significant(widest)} {row.unit}"
    if not widest:
        return [f"{row.label}: the sampled cells never differ, so no number of campaigns can be computed."], 0
    widths = (half_width,) if half_width else HALF_WIDTHS if asked else tuple(widest / root for root in (5, 10, 20))
    lines = [
        f"{row.label}: {found} ({counted(pairs[0].size, 'pair')}: rough). To estimate the difference from the first "
        "cell to"
    ]
    needed = 0
    for width in widths:
        needed = max(2, math.ceil((NORMAL_95 * widest / width) ** 2))
        told = f"{significant(100 * width)} percentage points" if asked else f"{significant(width)} {row.unit}"
        lines.append(f"  ± {told}: runs={needed} in each cell")
    return lines, needed if half_width else 0


def take_sample(sweep: Sweep, most: int) -> Sample:
    """Run up to `most` campaigns of each sampled cell, with the same seeds, until SAMPLE_SECONDS have passed.

    Every sampled cell gets at least one campaign, and two if `most` allows it.
    """
    cells = sampled_cells(sweep)
    seeds = [sweep.base.seed]
    started = time.perf_counter()
    chunks = {cell.number: work([Piece(cell.order, tuple(seeds))]) for cell in cells}  # untimed warm-up
    warm = time.perf_counter()
    spent = 0.0
    while len(seeds) < most and (spent < SAMPLE_SECONDS or len(seeds) < 2):
        seeds.append(seeds[-1] + 1)
        for cell in cells:
            chunks[cell.number] += work([Piece(cell.order, (seeds[-1],))])
        spent = time.perf_counter() - warm
    campaigns = (len(seeds) - 1) * len(cells)
    each = spent / campaigns if campaigns else warm - started
    tables = {number: pa.concat_tables(parts) for number, parts in chunks.items()}
    first = tables[cells[0].number].combine_chunks()
    return Sample(tables, each, len(content_of(first)) / first.num_rows)


def sampled_cells(sweep: Sweep) -> list[Cell]:
    """Return the first cell and, for each swept key, the last cell that differs from it only in that key.

    At most six cells are returned.
    """
    first = sweep.cells[0]
    chosen = {first.number: first}
    for key in sweep.swept:
        others = [
            cell for cell in sweep.cells
            if cell.values[key] != first.values[key]
            and all(cell.values[other] == first.values[other] for other in sweep.swept if other != key)
        ]  # fmt: skip
        if others:
            chosen[others[-1].number] = others[-1]
    return list(chosen.values())[:6]


def show_cost(sweep: Sweep, backlog: Backlog, sample: Sample, study: Path, console: Console) -> None:
    """Print the numbers of cells, campaigns and stored campaigns, and the time and disk space needed for the rest."""
    workers = sweep.base.executor.workers or cores()
    left = backlog.total - backlog.already
    table = Table(title=f"Plan of {study}", show_header=False)
    rows = [
        ("swept", ", ".join(swept_in_words(sweep)) or "nothing"),
        ("cells", str(len(sweep.cells))),
        ("campaigns", f"{backlog.total:,} ({sweep.base.runs:,} per cell, seeds {sweep.base.seed} to "
                      f"{sweep.base.seed + sweep.base.runs - 1})"),
        ("already stored", f"{backlog.already:,}"),
        ("time", f"about {format_seconds(seconds_left(sweep, backlog, sample))} with {workers} workers "
                 f"({sample.seconds_each * 1000:.3g} ms per campaign on one)"),
        ("figures and page", f"about {format_seconds(seconds_of_figures(sweep))} more, on a quiet computer"),
        ("disk", f"about {megabytes(left, sample):.3g} MB"),
    ]  # fmt: skip
    for row in rows:
        table.add_row(*row)
    console.print(table)


def seconds_left(sweep: Sweep, backlog: Backlog, sample: Sample) -> float:
    """Return the estimated time in seconds in which all workers together run the remaining campaigns.

    If the rules are not compiled, all threads count as one worker.
    """
    workers = sweep.base.executor.workers or cores()
    if sweep.base.executor.kind == "threads" and not compiled:
        workers = 1
    return (backlog.total - backlog.already) * sample.seconds_each / workers


def seconds_of_figures(sweep: Sweep) -> float:
    """Return the estimated time needed to draw the figures and the page after the campaigns, in seconds.

    It does not depend on the number of campaigns, and is based on the processor time of `report` on two cores.
    """
    return FIGURES_SECONDS + FIGURES_SECONDS_PER_CELL * (len(sweep.cells) - 1)


def megabytes(campaigns: int, sample: Sample) -> float:
    """Return the estimated disk space in MB for the chunks and tables of a number of campaigns."""
    return campaigns * sample.bytes_each * (1 + TABLES_OVER_CHUNKS) / 1e6


def swept_in_words(sweep: Sweep) -> list[str]:
    """Describe each swept key: the key and its number of values."""
    return [f"{key} ({len({str(cell.values[key]) for cell in sweep.cells})} values)" for key in sweep.swept]


def show_widths(sweep: Sweep, sample: Sample, console: Console) -> None:
    """Print the expected half-widths of the 95 % intervals of the main outcomes."""
    widths = widths_of(sweep, sample)
    if not widths:
        return
    first = next(iter(sample.cells.values()))
    table = Table(title=f"Expected 95 % intervals with {counted(sweep.base.runs, 'campaign')} per cell (rough, from a "
                        f"sample of {first.num_rows})")  # fmt: skip
    for column in ("outcome", "mean so far", "± of the mean", "± of a paired difference"):
        table.add_column(column)
    for row in widths:
        of_difference = "-" if math.isnan(row.of_difference) else significant(row.of_difference)
        table.add_row(row.outcome, significant(row.mean, 4), significant(row.of_mean), of_difference)
    console.print(table)


def widths_of(sweep: Sweep, sample: Sample) -> list[Width]:
    """Return the expected half-widths of each main outcome that has values in at least two sampled campaigns."""
    first, *others = sample.cells.values()
    names = [name for name in OUTCOMES if name in first.column_names and values(first, name).size > 1]
    factor = NORMAL_95 / math.sqrt(sweep.base.runs)
    found = []
    for name in names:
        mean = values(first, name)
        paired = max((spread(difference(first, other, name)) for other in others), default=math.nan)
        found.append(Width(name, float(mean.mean()), factor * spread(mean), factor * paired))
    return found


def values(chunk: pa.Table, outcome: str) -> np.ndarray:
    """Return the non-missing values of an outcome; the array is empty if the outcome is a date."""
    if pa.types.is_string(chunk.schema.field(outcome).type):
        return np.zeros(0)
    return chunk[outcome].drop_null().to_numpy()


def difference(first: pa.Table, other: pa.Table, outcome: str, asked: Range | None = None) -> np.ndarray:
    """Return an outcome in `other` minus the same outcome in `first`, for each seed with both values.

    If a range is given, the outcome is first replaced by 1 inside the range and by 0 outside it.
    """
    if outcome not in first.column_names or outcome not in other.column_names:
        return np.zeros(0)
    here, there = (numbers_of(one, outcome) for one in (first, other))
    known = ~(np.isnan(here) | np.isnan(there))
    if asked is not None:
        here, there = asked.holds(here).astype(float), asked.holds(there).astype(float)
    return np.asarray((there - here)[known])


def numbers_of(chunk: pa.Table, outcome: str) -> np.ndarray:
    """Return the value of an outcome in each campaign as a number.

    A date is returned as its ordinal, or as infinity if the event never occurred; any other missing value is nan.
    """
    column = chunk[outcome].to_pylist()
    if pa.types.is_string(chunk.schema.field(outcome).type):
        return np.array([math.inf if day is None else date.fromisoformat(day).toordinal() for day in column], float)
    return np.array([math.nan if value is None else value for value in column], float)


def spread(found: np.ndarray) -> float:
    """Return the standard deviation, or nan for fewer than two values."""
    return float(found.std(ddof=1)) if found.size > 1 else math.nan


def warnings_of(sweep: Sweep, backlog: Backlog, sample: Sample) -> list[str]:
    """Return warnings if swept values are too close together, or the sweep has too many cells or takes too long."""
    found = [line for key in sweep.swept if (line := too_fine(key, sweep, sample))]
    numeric = [key for key in sweep.swept if is_numeric(key, sweep)]
    if len(sweep.cells) > MANY and numeric and sweep.base.sampling.method == "grid":
        keys = " ".join(
            f"{key}=interval({say(min(seen))},{say(max(seen))})"
            for key in numeric if (seen := [cell.values[key] for cell in sweep.cells])
        )  # fmt: skip
        found.append(
            f"{len(sweep.cells)} cells are a large grid; 100 points of a Latin hypercube cover the same ranges: "
            f"sampling=latin_hypercube sampling.points=100 {keys}"
        )
    seconds = seconds_left(sweep, backlog, sample)
    if seconds > LONG:
        fewer = max(10, int(sweep.base.runs * LONG / seconds))
        wider = math.sqrt(sweep.base.runs / fewer)
        found.append(
            f"this takes {format_seconds(seconds)}; runs={fewer} takes "
            f"{format_seconds(seconds * fewer / sweep.base.runs)}, with intervals {wider:.2g} times as wide; "
            "seeds can be added later by the same command"
        )
    return found


def is_numeric(key: str, sweep: Sweep) -> bool:
    """Return whether all values of a swept key are numbers."""
    return all(isinstance(cell.values[key], int | float) for cell in sweep.cells)


def too_fine(key: str, sweep: Sweep, sample: Sample) -> str:
    """Return a warning if one step of a key changes every main outcome by less than the half-width of that change.

    The half-width is that of the 95 % interval expected with the planned number of campaigns. The text is empty without
    reason for a warning, or if no change can be estimated.
    """
    steps = len({cell.values[key] for cell in sweep.cells}) - 1
    if steps < 2 or not is_numeric(key, sweep) or sweep.base.sampling.method != "grid":
        return ""
    first = sweep.cells[0]
    far = [cell for cell in sampled_cells(sweep)[1:] if cell.values[key] != first.values[key]]
    if not far or far[0].number not in sample.cells:
        return ""
    here, there = sample.cells[first.number], sample.cells[far[0].number]
    told = []
    for name in (name for name in OUTCOMES if name in here.column_names):
        pairs = difference(here, there, name)
        if pairs.size > 1 and spread(pairs) > 0:
            told.append(abs(pairs.mean()) / steps / (NORMAL_95 * spread(pairs) / math.sqrt(sweep.base.runs)))
    if not told or max(told) >= 1:
        return ""
    fewer = max(2, math.ceil(steps * max(told)) + 1)
    return (
        f"{key} has {steps + 1} values, too close together for runs={sweep.base.runs} (one step changes every main "
        f"outcome by less than its interval); {fewer} values, or sampling=latin_hypercube, would show as much"
    )
