"""Forecasts to be scored, all in one form: outcomes of campaigns as numbers, and when each lost each district.

Reads   runs.parquet and about.json of a finished study, and its record of campaigns (`chunks/`), which alone holds the
        falls of single campaigns; without it the districts are not scored.
Gives   `Forecast`: of a study, or of a naive way to forecast.
Assumed A date is its ordinal; an event that did not come by the evening of 7 July counts as the day after it.
"""

from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from sim.campaign import run_campaign
from sim.errors import PanjError, unknown
from sim.evidence import read_evidence
from sim.facts import THE_LINE, Facts, read_falls
from sim.founding import fresh
from sim.outcomes import Outcome, read_outcomes
from sim.results import CHANGES, NOT_FALLEN
from sim.study import naive
from sim.study.finished import open_runs
from sim.study.settings import Settings
from sim.study.store import chunks_of
from sim.targets import Target
from sim.world import Holder

NEVER = THE_LINE.toordinal() + 1
Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


class Forecast(NamedTuple):
    """An ensemble of campaigns, or of records in their place."""

    name: str
    about: str
    knows: str  # of the record, and up to when
    outcomes: dict[str, Floats]  # a number a campaign; nan where it has none
    lost_on: Integers | None  # campaigns x districts: day of the first loss, 0 where held on day 0; None: not kept
    campaigns: int
    from_day: date  # of the first target that it forecasts


class Study(NamedTuple):
    """One cell of a finished study."""

    folder: Path
    about: dict[str, Any]
    cell: dict[str, Any]  # as about.json has it


def cell_of(folder: Path, about: dict[str, Any], number: int | None) -> Study:
    """The cell that was asked for, or the only one; PanjError names those that there are."""
    cells = {int(cell["cell"]): cell for cell in about.get("cells", [])}
    said = "; ".join(f"cell={one} ({cell['label']})" if cell["label"] else f"cell={one}" for one, cell in cells.items())
    if not cells:
        raise PanjError(f"{folder}: found no cells in about.json, expected a study of this version; run it again")
    if number is None and len(cells) > 1:
        raise PanjError(f"score: found {len(cells)} cells in {folder}, expected one of {said[:600]}")
    if number is not None and number not in cells:
        raise PanjError(f"cell: found {number}, expected one of {said[:600]}")
    cell = cells[next(iter(cells)) if number is None else number]
    if date.fromisoformat(cell["end_date"]) < THE_LINE:
        raise PanjError(f"end_date: found a study up to {cell['end_date']}, expected one up to {THE_LINE} or later, "
                        "the last day of the targets")  # fmt: skip
    if date.fromisoformat(cell["start_date"]) != naive.DAY_0:
        raise PanjError(f"start_date: found a study from {cell['start_date']}, expected one from {naive.DAY_0}, "
                        "from which falls are reported")  # fmt: skip
    if cell["runs"] == cell["failed"]:
        raise PanjError(f"{folder}: in cell {cell['cell']} every campaign failed; see python -m sim failures {folder}")
    return Study(folder, about, cell)


def names_of(targets: Sequence[Target]) -> list[str]:
    """Every outcome that targets ask for, once."""
    names = (name for one in targets for name in ([part for part, _ in one.parts] or [one.outcome]))
    return list(dict.fromkeys(names))


def forecast_of_study(study: Study, targets: Sequence[Target], name: str, about: str, districts: int) -> Forecast:
    """The campaigns of a cell; PanjError for a table that lacks an outcome."""
    kinds = open_runs(study.folder)
    wanted = names_of(targets)
    for one in wanted:
        if one not in kinds.names:
            raise unknown(f"{study.folder / 'runs.parquet'}, outcome", one, kinds.names)
    path = study.folder / "runs.parquet"
    try:
        rows = pq.read_table(path, columns=["seed", *wanted], filters=[("cell", "==", study.cell["cell"])])
        outcomes = {one: numbers_of(rows[one]) for one in wanted}
    except (OSError, pa.ArrowException) as error:
        raise PanjError(f"{path}: found a table that cannot be read ({error}), expected numbers and dates") from None
    seeds = rows["seed"].to_numpy()
    lost_on = losses_of(study, seeds, districts)
    return Forecast(name, about, "the rules and numbers of Panj", outcomes, lost_on, rows.num_rows, naive.DAY_0)


def numbers_of(column: pa.ChunkedArray) -> Floats:
    """Outcomes as numbers: a missing date is the day after the line, any other missing value is nan."""
    if not pa.types.is_string(column.type):
        return column.cast(pa.float64()).to_numpy().copy()
    days = [NEVER if day is None else date.fromisoformat(day).toordinal() for day in column.to_pylist()]
    return np.minimum(np.array(days, np.float64), NEVER)


def losses_of(study: Study, seeds: Integers, districts: int) -> Integers | None:
    """The first evening on which each campaign has each district in Taliban hands; None where no record is kept."""
    found, there = [], []
    for done, _ in chunks_of(study.folder, study.cell["fingerprint"]):
        found.append(first_losses(done[CHANGES].combine_chunks(), districts))
        there.append(done["seed"].to_numpy())
    if not found or not np.isin(seeds, np.concatenate(there)).all():
        return None
    place = {int(seed): row for row, seed in enumerate(np.concatenate(there))}
    return np.concatenate(found)[[place[int(seed)] for seed in seeds]]


def first_losses(changes: pa.ListArray, districts: int) -> Integers:
    """From changes of holder (1 + evening x districts + district, negative when won back), a row a campaign."""
    values, ends = changes.flatten().to_numpy(), np.cumsum(changes.value_lengths().to_numpy())
    campaign = np.searchsorted(ends, np.arange(values.size), side="right")
    lost = values > 0
    evening, district = np.divmod(values[lost].astype(np.int64) - 1, districts)
    first = np.full((len(changes), districts), NOT_FALLEN, np.int64)
    np.minimum.at(first, (campaign[lost], district), evening)
    return first


def grounds_of(settings: Settings, seeds: Sequence[int]) -> naive.Grounds:
    """What sceptics know: the record up to 22 June, and day 0 as founding draws it for these seeds."""
    world = fresh(settings.layout.world)
    held, influence = [], []
    for seed in seeds:
        campaign = run_campaign(settings.layout.world, settings.rules, settings.timeline, seed, 0, world)
        held.append(campaign.record.holder[0] == Holder.TALIBAN)
        influence.append(campaign.world.districts.influence.copy())
    evidence = {row.id: row for row in read_evidence()}
    fell = naive.known_falls(read_falls())
    return naive.Grounds(settings.facts, evidence, fell, np.array(held), np.array(influence))


def table_for(targets: Sequence[Target], facts: Facts) -> list[Outcome]:
    """The rows of the table of outcomes that targets ask for."""
    wanted = set(names_of(targets))
    return [row for row in read_outcomes(facts, naive.DAY_0, naive.DAYS) if row.name in wanted]


def naive_forecasts(targets: Sequence[Target], grounds: naive.Grounds, seed: int) -> list[Forecast]:
    """Every naive forecast, counted."""
    table = table_for(targets, grounds.facts)
    found = []
    for name, one in naive.NAIVE.items():
        held = naive.forecast(name, grounds, seed)
        outcomes = naive.count_naive(held, grounds, table)
        lost_on = np.where(held.any(axis=1), held.argmax(axis=1), NOT_FALLEN).astype(np.int64)
        found.append(Forecast(name, one.about, one.knows, outcomes, lost_on, len(held), one.from_day))
    return found
