"""Outcomes of two branches: side by side for one campaign, as paired differences for many.

Source  the differences, intervals and sentences of `sim.study.compare`; nothing is computed anew here.
"""

import math
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any

import numpy as np

from sim.evidence import read_evidence
from sim.outcomes import Outcome, Value, reported_of
from sim.results import in_words, is_date
from sim.study.compare import verdict_of
from sim.study.finished import Cell, Measure, Worlds
from sim.study.paired import METHOD
from sim.study.relive import Origin

Outcomes = tuple[Mapping[str, Value], Mapping[str, Value]]  # as it went, and changed


def outcome_rows(table: Sequence[Outcome], outcomes: Outcomes, start: date) -> list[dict[str, Any]]:
    """A row an outcome of one campaign, in both branches, beside what was reported."""
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
    """Changed less as it went; of two dates in days; nothing where one is missing."""
    if before is None or after is None:
        return None
    if is_date(row):
        return float((date.fromisoformat(str(after)) - date.fromisoformat(str(before))).days)
    return float(after) - float(before)


def say(value: Value) -> str:
    """A number to ten figures, a date, or nothing."""
    return "" if value is None else value if isinstance(value, str) else f"{value:.10g}"


def verdict_rows(
    table: Sequence[Outcome], outcomes: Sequence[Outcomes], seeds: Sequence[int], origin: Origin, change: str
) -> list[dict[str, Any]]:
    """A row an outcome: the paired difference over all seeds, its intervals, and the sentence of `compare`."""
    rows = []
    for row in table:
        measure = measure_of(row)
        ours, theirs = (worlds_of(side, row, outcomes, seeds, origin) for side in (1, 0))
        verdict = verdict_of(ours, theirs, str(origin.about["study"]), measure, "the change")
        numbers = {name: "" if is_nan(value) else value for name, value in verdict.judgement._asdict().items()}
        rows.append({
            "change": change, "outcome": row.name, "label": row.label, "unit": measure.unit, **numbers,
            "missing": verdict.missing,
            "as_it_went_median": say_known(verdict.baseline_campaigns.median),
            "changed_median": say_known(verdict.campaigns.median),
            "intervals": METHOD, "sentence": verdict.sentence,
        })  # fmt: skip
    return rows


def measure_of(row: Outcome) -> Measure:
    """An outcome as `compare` knows it."""
    return Measure(row.name, row.label, "days" if is_date(row) else row.unit, is_date(row), {})


def worlds_of(side: int, row: Outcome, outcomes: Sequence[Outcomes], seeds: Sequence[int], origin: Origin) -> Worlds:
    """One outcome of one branch, a row a seed; an event that did not come has the day after the last."""
    settings = origin.settings
    cell = Cell(side, ("as it went", "changed")[side], {}, settings.start_date, settings.end_date)
    values = np.array([day_or_number(pair[side][row.name], settings.start_date) for pair in outcomes], float)
    there = ~np.isnan(values)
    never = float((cell.after_last - settings.start_date).days) if is_date(row) else math.nan
    return Worlds(cell, np.array(seeds), np.where(there, values, never), there)


def day_or_number(value: Value, start: date) -> float:
    """A date as days after the first day; nan where nothing is known."""
    if value is None:
        return math.nan
    return float((date.fromisoformat(value) - start).days) if isinstance(value, str) else float(value)


def is_nan(value: float) -> bool:
    """Whether nothing can be said."""
    return isinstance(value, float) and math.isnan(value)


def say_known(value: float) -> str:
    """A number, or nothing."""
    return "" if is_nan(value) else f"{value:.6g}"
