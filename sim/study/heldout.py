"""What a fit says of what it was not shown: the fortnight after 22 June, and each event in turn.

Reads   a bank, targets, the days on which outcomes end and evidence was heard of; forecasts of sceptics.
Writes  heldout.csv (a row a target), left_out.csv (a row a target of an event that is fitted) and
        section_2_heldout.json. `sim.show.heldout` draws them.
Assumed *By 22 June* a target is known whose outcome ends by then and all of whose evidence is of days up to then: an
        outcome that looks for a wave until 7 July would carry what came later into the fit, whenever the wave was.
        Of those at most twelve are fitted, first those that the full fit is fitted to, then the others in the order of
        the table; as in the full fit none that rests on the evidence of one before it or on evidence in conflict with
        it. Error, unit, screening, rejection and regression are those of the full fit. A target that was known by then
        but whose outcome looks further *straddles* the day: it is neither fitted nor counted as a prediction, nor is
        any other target of the wave that ended on 22 June.
        Predictions are of accepted campaigns as they were lived, by their weights. The full fit was shown some of the
        targets that it is scored on; it stands beside as what could be had at best, not as a prediction.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from rich.console import Console

from sim.errors import PanjError
from sim.evidence import read_evidence
from sim.facts import read_facts
from sim.outcomes import read_outcomes
from sim.study import naive
from sim.study.bank import Bank
from sim.study.calibrate import Fit, Nearest, fit
from sim.study.forecasts import Forecast, grounds_of, naive_forecasts, names_of, numbers_of
from sim.study.heldout_tables import rows_of_held_out, rows_of_left_out, say_held_out, say_left_out
from sim.study.measured import TOLD, Measured, measure
from sim.study.naive import KNOWN_UNTIL
from sim.study.score import RECORDS
from sim.study.score_tables import text_of
from sim.study.settings import compose_settings
from sim.study.weighted import measure_weighted
from sim.targets import MOST_FITTED, Target

FITTED, BEFORE, STRADDLES, PREDICTED = "fitted", "before", "straddles", "predicted"
Floats = NDArray[np.float64]


class Heard(NamedTuple):
    """When things are known."""

    ends: Mapping[str, date]  # outcome: the last day that it counts
    dates: Mapping[str, date]  # evidence: the last day that it speaks of
    conflicts: Mapping[str, tuple[str, ...]]  # evidence: what says otherwise


class Split(NamedTuple):
    """Targets by what a fit of 22 June may do with them."""

    fitted: tuple[Target, ...]
    kinds: dict[str, str]  # target: fitted, before, straddles or predicted


def heard() -> Heard:
    """From the table of outcomes and the evidence."""
    table = read_outcomes(read_facts(), naive.DAY_0, naive.DAYS)
    ends = {row.name: naive.DAY_0 + timedelta(days=row.last) for row in table}
    evidence = read_evidence()
    return Heard(ends, {row.id: row.date_end for row in evidence}, {row.id: row.conflicts for row in evidence})


def ends_by(target: Target, day: date, when: Heard) -> bool:
    """Whether its outcome counts nothing after a day."""
    return all(when.ends[name] <= day for name in names_of([target]))


def is_told_by(target: Target, day: date, when: Heard) -> bool:
    """Whether all that was reported of it is of days up to a day; falls by their dates have the date of the target."""
    return all(when.dates[one] <= day for one in target.evidence) if target.evidence else target.date <= day


def split_by(targets: Sequence[Target], day: date, when: Heard) -> Split:
    """Which targets a fit on the evening of a day may be fitted to, and which it predicts."""
    kinds = {}
    for target in targets:
        early, told = ends_by(target, day, when), is_told_by(target, day, when)
        straddles = not early and (told or target.event == TOLD)
        kinds[target.target] = BEFORE if early else STRADDLES if straddles else PREDICTED
    able = [target for target in targets
            if ends_by(target, day, when) and target.date <= day and is_told_by(target, day, when)
            and not target.parts]  # fmt: skip
    fitted: list[Target] = []
    taken: set[str] = set()
    for target in sorted(able, key=lambda one: one.use != "fitted"):
        if len(fitted) < MOST_FITTED and not taken & set(target.evidence):
            fitted.append(target._replace(use="fitted"))
            taken |= {other for one in target.evidence for other in (one, *when.conflicts[one])}
    return Split(tuple(fitted), kinds | {target.target: FITTED for target in fitted})


def ensemble_of(bank: Bank, targets: Sequence[Target]) -> Forecast:
    """All campaigns of a bank as one forecast, of the outcomes that it has."""
    names = [name for name in names_of(targets) if name in bank.outcomes.column_names]
    outcomes = {name: numbers_of(bank.outcomes[name]) for name in names}
    return Forecast("prior", "the bank, before any fit", "", outcomes, None, len(bank.seeds), naive.DAY_0)


def predictions(targets: Sequence[Target], every: Forecast, nearest: Nearest) -> dict[str, Measured]:
    """Each target beside the accepted campaigns; without those whose outcome the bank lacks."""
    near = every._replace(
        outcomes={name: values[nearest.rows] for name, values in every.outcomes.items()}, campaigns=nearest.rows.size
    )
    found = {target.target: measure_weighted(target, near, nearest.weights) for target in targets}
    return {name: one for name, one in found.items() if one is not None}


def before_fit(targets: Sequence[Target], every: Forecast) -> dict[str, Measured]:
    """Each target beside the whole bank."""
    found = {target.target: measure(target, every) for target in targets}
    return {name: one for name, one in found.items() if one is not None}


def events_fitted(made: Fit) -> list[str]:
    """Events that shape the full fit, in order."""
    return list(dict.fromkeys(target.event for target in made.summaries.targets))


def without(made: Fit, event: str, accept: float) -> Fit:
    """The fit to all fitted targets but those of one event."""
    return fit(made.bank, made.priors, [target for target in made.targets if target.event != event], accept)


def sceptics(targets: Sequence[Target], first_seed: int, console: Console) -> list[Forecast]:
    """The naive forecasts, which know counts up to 22 June; as `python -m sim score` makes them."""
    console.print(f"Making {RECORDS} records of each naive forecast ...")
    grounds = grounds_of(compose_settings(), range(first_seed, first_seed + RECORDS))
    return naive_forecasts(targets, grounds, first_seed)


def write_heldout(made: Fit, accept: float, others: Sequence[Forecast], folder: Path, console: Console) -> None:
    """Fit on 22 June and without each event, and write the tables and the section of the report."""
    split = split_by(made.targets, KNOWN_UNTIL, heard())
    every = ensemble_of(made.bank, made.targets)
    console.print(f"Held out: fitting {len(split.fitted)} targets known by {KNOWN_UNTIL} ...")
    held = fit(made.bank, made.priors, split.fitted, accept)
    prior, full = before_fit(made.targets, every), predictions(made.targets, every, made.nearest)
    sides = {"held_out": predictions(made.targets, every, held.nearest), "full": full, "prior": prior}
    naives = {one.name: before_fit(made.targets, one) for one in others}
    left: dict[str, dict[str, Measured]] = {}
    fits: dict[str, Fit] = {}
    for event in events_fitted(made):
        console.print(f"Left out: fitting all events but {event} ...")
        fits[event] = without(made, event, accept)
        left[event] = predictions([one for one in made.targets if one.event == event], every, fits[event].nearest)
    rows = rows_of_held_out(made.targets, split.kinds, sides, naives)
    rows_left = rows_of_left_out(made.targets, left, {"full": full, "prior": prior})
    if not rows or not rows_left:
        raise PanjError("heldout: found no outcome of any target in the bank, expected campaigns up to 7 July")
    (folder / "heldout.csv").write_text(text_of(rows), encoding="utf-8")
    (folder / "left_out.csv").write_text(text_of(rows_left), encoding="utf-8")
    section = {
        "title": "What the fit says of what it was not shown",
        "paragraphs": [
            *say_held_out(held, made, split.kinds, sides, naives),
            *say_left_out(made.targets, left, full, prior),
        ],
        "tables": ["heldout.csv", "left_out.csv"], "figures": ["heldout.png", "left_out.png"],
    }  # fmt: skip
    (folder / "section_2_heldout.json").write_text(json.dumps(section, indent=1) + "\n", encoding="utf-8")
