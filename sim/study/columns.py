"""Convert campaigns to chunks, and chunks to the tables of a study.

A *chunk* is a table with one row per campaign, finished or failed; its daily series are lists. Chunks are converted
to `runs.parquet` (one row per campaign), `days.parquet` (one row per campaign and day) and `districts.parquet` (one
row per district and day). Tables are made from NumPy arrays through Arrow, without pandas.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import date, timedelta
from enum import IntEnum
from functools import cache
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from sim.data.facts import Facts
from sim.data.record import evidence
from sim.engine.campaign import Campaign, Series
from sim.engine.world import NEVER, Count, Event, Fall, Holder, UnitKind, Why
from sim.errors import PanjError
from sim.outcome import (
    Outcome,
    Stored,
    Value,
    count_outcomes,
    is_date,
    is_recountable,
    nights_of,
    recount,
    reported_of,
)

NOT_FALLEN = 10_000  # value for a district that did not fall; later than any day of a campaign
DAILY, CHANGES, FIRST_FALL = (
    "daily/",
    "districts/changes",
    "districts/first_fall",
)  # columns of a chunk, except outcomes
DRAWN = "drawn/"  # prefix of chunk columns for numbers drawn per campaign
MEANS = ("mean_morale", "mean_dread", "guards_per_arrival")  # daily series that are stored as floats


COUNTED = "outcomes"  # metadata key for the first digits of the fingerprints of a chunk's outcomes, in order
SHORT = 8  # number of digits of a fingerprint stored per outcome
AT_POSTS = ("crossed", "admitted")
DATE = pa.timestamp("ms")  # type of dates in tables, read as dates by pandas, Polars and DuckDB


class Counting(NamedTuple):
    """The outcomes to store for each campaign, with the facts and dates needed to count missing ones."""

    table: Sequence[Outcome]
    facts: Facts
    start: date
    days: int


class RunRows(NamedTuple):
    """The data that a study stores for one finished campaign."""

    seed: int
    outcomes: dict[str, Value]
    series: np.ndarray  # (days, Series) daily series, in the units of the codebook
    crossed: np.ndarray  # (days, posts) soldiers who crossed in the night before the day
    waiting: np.ndarray  # (days, posts) people waiting at the end of the day
    admitted: np.ndarray  # (days, posts) people admitted on the day
    # changes of holder, in order: 1 + day x districts + district, negative if the district was retaken
    changes: np.ndarray
    first_fall: np.ndarray  # (districts) day of the first fall, or NOT_FALLEN


class Failure(NamedTuple):
    """A campaign without a result, because it raised an error or its worker was lost in every attempt."""

    seed: int
    error: str
    traceback: str


class SummaryRow(NamedTuple):
    """Summary of one outcome over all campaigns of a cell, with the reported figure."""

    outcome: str
    label: str
    unit: str
    reported: str
    reported_value: float | None
    reported_low: float | None
    reported_high: float | None
    evidence: str
    median: str
    low_5: str
    high_95: str
    missing: int
    counted: str


def rows_of(campaign: Campaign, table: Sequence[Outcome], facts: Facts, start: date) -> RunRows:
    """Return the data that a study stores for a finished campaign.

    Args:
        campaign: Finished campaign.
        table: Outcomes to count.
        facts: Districts and posts of the campaign.
        start: Date of day 0.
    """
    first = campaign.world.districts.first_lost_on
    series = campaign.record.series.copy()
    series[1:, Series.TROOPS_CROSSED] = campaign.record.series[:-1, Series.TROOPS_CROSSED]
    series[0, Series.TROOPS_CROSSED] = 0.0
    return RunRows(
        campaign.seed,
        count_outcomes(campaign, table, facts, start),
        series,
        nights_of(campaign.record.crossed),
        campaign.record.waiting,
        campaign.record.admitted,
        changes_of(campaign.record.holder == Holder.TALIBAN),
        np.where(first == NEVER, NOT_FALLEN, first).astype(np.int16),
    )


def changes_of(held: np.ndarray) -> np.ndarray:
    """Encode who holds each district on each day as a list of changes.

    Args:
        held: (days, districts) True where the Taliban hold the district at the end of the day.

    Returns:
        One int32 per change, in order: 1 + day x districts + district, negative if the government retook the district.
        Before day 0 the Taliban hold nothing.
    """
    before = np.vstack([np.zeros_like(held[:1]), held[:-1]])
    place = np.flatnonzero(held != before)
    return np.where(held.reshape(-1)[place], place + 1, -place - 1).astype(np.int32)


def held_of(changes: np.ndarray, evenings: int, districts: int) -> np.ndarray:
    """Count, over many campaigns, how often the Taliban hold each district.

    Args:
        changes: Changes of holder in all campaigns, as encoded by `changes_of`.
        evenings: Number of days, including day 0.
        districts: Number of districts.

    Returns:
        (days, districts) Number of campaigns in which the Taliban hold the district at the end of the day.
    """
    steps = np.zeros(evenings * districts, np.int64)
    np.add.at(steps, np.abs(changes) - 1, np.sign(changes))
    return np.cumsum(steps.reshape(evenings, districts), axis=0)


def chunk_of(
    rows: Sequence[RunRows | Failure], table: Sequence[Outcome], facts: Facts, days: int, is_daily: bool = True
) -> pa.Table:
    """Create a chunk from the results of campaigns.

    Args:
        rows: Campaigns, finished or failed.
        table: Outcomes that were counted.
        facts: Districts and posts of the campaigns.
        days: Number of days of each campaign after day 0.
        is_daily: Whether to keep daily series.

    Returns:
        One row per campaign, in the given order. The row of a failed campaign has the error, no outcomes and
        placeholder series.
    """
    done = {row.seed: row for row in rows if isinstance(row, RunRows)}
    failed = {row.seed: row for row in rows if isinstance(row, Failure)}
    seeds = [row.seed for row in rows]
    columns: dict[str, Any] = {
        "seed": pa.array(seeds, pa.int64()),
        "error": pa.array([failed[seed].error if seed in failed else None for seed in seeds], pa.string()),
        "traceback": pa.array([failed[seed].traceback if seed in failed else None for seed in seeds], pa.string()),
    }
    for outcome in table:
        values = [done[seed].outcomes[outcome.name] if seed in done else None for seed in seeds]
        columns[outcome.name] = pa.array(values, stored_type(outcome))
    for name, values_of in daily_columns(facts).items() if is_daily else ():
        evenings = [values_of(done[seed]) if seed in done else np.zeros(days + 1) for seed in seeds]
        columns[DAILY + name] = daily(np.concatenate(evenings), name, days + 1)
    columns[CHANGES] = pa.array([done[seed].changes if seed in done else [] for seed in seeds], pa.list_(pa.int32()))
    falls = [done[seed].first_fall if seed in done else np.full(len(facts.district), NOT_FALLEN) for seed in seeds]
    columns[FIRST_FALL] = pa.FixedSizeListArray.from_arrays(
        pa.array(np.concatenate(falls).astype(np.int16)), len(facts.district)
    )
    counted = "".join(outcome.fingerprint[:SHORT] for outcome in table)
    return pa.table(columns).replace_schema_metadata({COUNTED: counted})


def counted_in(chunk: pa.Table) -> dict[str, str]:
    """Return the first digits of the fingerprint of the definition with which each outcome was counted, by outcome.

    The digits are empty for chunks of older versions.
    """
    digits = (chunk.schema.metadata or {}).get(COUNTED.encode(), b"").decode()
    return {name: digits[SHORT * place :][:SHORT] for place, name in enumerate(outcomes_in(chunk))}


def stored_type(outcome: Outcome) -> pa.DataType:
    """Return the Arrow type of an outcome in a chunk: text for a date, otherwise float.

    In tables, dates have the type `DATE`; see `with_dates` for the conversion.
    """
    return pa.string() if is_date(outcome) else pa.float64()


def outcomes_in(chunk: pa.Table) -> list[str]:
    """Return the names of the outcomes in a chunk."""
    others = ("seed", "error", "traceback", CHANGES, FIRST_FALL)
    return [name for name in chunk.column_names if name not in others and not name.startswith((DAILY, DRAWN))]


def bring_up_to_date(chunk: pa.Table, counting: Counting) -> pa.Table:
    """Return a stored chunk with exactly the requested outcomes.

    Outcomes that are missing, or were counted by an outdated definition, are counted from the stored data. Outcomes
    that are not requested are dropped.

    Args:
        chunk: A stored chunk.
        counting: The requested outcomes, with the facts and dates needed to count them.

    Returns:
        The chunk with these outcomes.

    Raises:
        PanjError: For an outcome that cannot be counted from the stored data.
    """
    known, wanted = counted_in(chunk), [row.name for row in counting.table]
    missing = missing_in(chunk, counting)
    done = chunk["error"].is_null().to_pylist()
    if any(done) and (lost := uncountable_in(chunk, counting)):
        raise PanjError(
            f"outcomes.{lost[0].name}: found stored campaigns from which this outcome cannot be counted, expected a "
            "new study: choose study=NAME"
        )
    there = set(wanted).difference(row.name for row in missing)
    chunk = chunk.drop_columns([name for name in known if name not in there])
    rows = [
        recount(stored_of(chunk, place, counting), missing, counting.facts, counting.start) if is_done else {}
        for place, is_done in enumerate(done if missing else ())
    ]
    for row in missing:
        counted = pa.array([each.get(row.name) for each in rows], stored_type(row))
        chunk = chunk.append_column(row.name, counted)
    others = [name for name in chunk.column_names if name not in wanted]
    return chunk.select([*others, *wanted])


def missing_in(chunk: pa.Table, counting: Counting) -> list[Outcome]:
    """Return the requested outcomes that a chunk lacks, or that were counted by an outdated definition."""
    known = counted_in(chunk)
    return [row for row in counting.table if known.get(row.name) not in ("", row.fingerprint[:SHORT])]


def uncountable_in(chunk: pa.Table, counting: Counting) -> list[Outcome]:
    """Return the requested outcomes that a chunk lacks and that cannot be counted from its data.

    Only the schema of the chunk is used, so that its rows need not be read.
    """
    is_daily = any(name.startswith(DAILY) for name in chunk.column_names)
    return [row for row in missing_in(chunk, counting) if not is_recountable(row, is_daily)]


def stored_of(chunk: pa.Table, place: int, counting: Counting) -> Stored:
    """Return holders, daily series, crossings and admissions of the campaign in row `place` of a chunk."""
    facts, evenings = counting.facts, counting.days + 1
    columns = {name.removeprefix(DAILY): chunk[name][place] for name in chunk.column_names if name.startswith(DAILY)}
    names = [kind.name.lower() for kind in Series], *([f"{what}_{post}" for post in facts.post] for what in AT_POSTS)
    series, nights, admitted = (
        np.array([columns[name].values.to_numpy() for name in each], float).T if columns else np.zeros((evenings, 0))
        for each in names
    )
    changes = chunk[CHANGES][place].values.to_numpy()
    return Stored(held_of(changes, evenings, len(facts.district)) > 0, series, nights, admitted)


def daily_columns(facts: Facts) -> dict[str, Callable[[RunRows], np.ndarray]]:
    """Return functions that extract each daily series from the results of a campaign, keyed by column name."""
    columns: dict[str, Callable[[RunRows], np.ndarray]] = {}
    for kind in Series:
        columns[kind.name.lower()] = lambda rows, kind=kind: rows.series[:, kind]  # type: ignore[misc]
    for what in ("crossed", "waiting", "admitted"):
        for post, slug in enumerate(facts.post):
            columns[f"{what}_{slug}"] = lambda rows, what=what, post=post: getattr(rows, what)[:, post]  # type: ignore
    return columns


def daily(values: np.ndarray, name: str, evenings: int) -> pa.FixedSizeListArray:
    """Split an array of the daily values of consecutive campaigns into a column with one list per campaign.

    Values of the series in `MEANS` are stored as floats, all others as integers.
    """
    kind = np.float64 if name in MEANS else np.int32
    return pa.FixedSizeListArray.from_arrays(pa.array(values.astype(kind)), evenings)


def runs_table(chunk: pa.Table, cell: Mapping[str, Any], first_seed: int) -> pa.Table:
    """Return rows of runs.parquet, one per campaign.

    Columns are cell, swept values, run, seed, drawn numbers and outcomes.

    Args:
        chunk: Chunk of finished campaigns.
        cell: Number (`cell`) and swept values (`values`) of the cell.
        first_seed: First seed of the study, which is run 0.
    """
    drawn = {name.removeprefix(DRAWN): chunk[name] for name in chunk.column_names if name.startswith(DRAWN)}
    columns = cell_columns(cell, chunk.num_rows)
    columns["run"] = pa.array(chunk["seed"].to_numpy() - first_seed)
    columns["seed"] = chunk["seed"]
    return pa.table({**columns, **drawn, **{name: with_dates(chunk[name]) for name in outcomes_in(chunk)}})


def with_dates(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Convert a column of a chunk to its type in tables: text (ISO dates) becomes `DATE`, numbers are unchanged."""
    return column.cast(pa.date32()).cast(DATE) if pa.types.is_string(column.type) else column


def cell_columns(cell: Mapping[str, Any], rows: int) -> dict[str, Any]:
    """Return columns with the number of the cell and the value of each swept key, repeated for `rows` rows."""
    columns: dict[str, Any] = {"cell": pa.array(np.full(rows, cell["cell"], np.int32))}
    for key, value in cell["values"].items():
        columns[key] = pa.repeat(pa.scalar(value), rows)
    return columns


def days_table(chunk: pa.Table, cell: Mapping[str, Any], first_seed: int, districts: int, start: date) -> pa.Table:
    """Return rows of days.parquet, one per campaign and day.

    Args:
        chunk: Chunk of finished campaigns, with daily series.
        cell: Number (`cell`) and swept values (`values`) of the cell.
        first_seed: First seed of the study, which is run 0.
        districts: Number of districts.
        start: Date of day 0.
    """
    names = [name for name in chunk.column_names if name.startswith(DAILY)]
    evenings = chunk.schema.field(names[0]).type.list_size
    seeds = np.repeat(chunk["seed"].to_numpy(), evenings)
    columns = cell_columns(cell, seeds.size) | {
        "run": pa.array(seeds - first_seed),
        "seed": pa.array(seeds),
        "date": days_from(start, evenings, chunk.num_rows),
    }
    series = {name.removeprefix(DAILY): chunk[name].combine_chunks().flatten() for name in names}
    columns["share_held_by_taliban"] = series["districts_held_by_taliban"].to_numpy() / districts
    return pa.table({**columns, **series})


def days_from(start: date, days: int, times: int) -> pa.Array:
    """Return a column with the dates of consecutive days, repeated for each campaign or district."""
    dates = np.tile(np.datetime64(start) + np.arange(days), times)
    return pa.array(dates.astype("datetime64[ms]"), DATE)


def districts_table(
    cell: Mapping[str, Any], share: np.ndarray, median: np.ndarray, facts: Facts, start: date
) -> pa.Table:
    """Return rows of districts.parquet, one per district and day.

    Each row contains the share of campaigns in which the Taliban hold the district, and the median date of its first
    fall.

    Args:
        cell: Number (`cell`) and swept values (`values`) of the cell.
        share: (days, districts) Share of campaigns in which the Taliban hold the district, 0 to 1.
        median: (districts) Median day of the first fall; NOT_FALLEN if the district falls in fewer than half of the
            campaigns.
        facts: Districts, in the order of the arrays.
        start: Date of day 0.

    Returns:
        The rows, sorted by district and day.
    """
    evenings, districts = share.shape
    fell = [start + timedelta(days=int(day)) if day < evenings else None for day in median]
    return pa.table(
        {
            **cell_columns(cell, share.size),
            "district_id": pa.array(np.repeat(facts.district_id, evenings)),
            "date": days_from(start, evenings, districts),
            "share_of_runs_taliban": share.T.reshape(-1),
            "median_fall_date": pa.array([day for day in fell for _ in range(evenings)], pa.date32()).cast(DATE),
        }
    )


def failures_table(chunk: pa.Table, cell: Mapping[str, Any]) -> pa.Table:
    """Return rows of failures.parquet, one per failed campaign."""
    kept = {name: chunk[name] for name in ("seed", "error", "traceback")}
    return pa.table({**cell_columns(cell, chunk.num_rows), **kept})


def events_table(campaign: Campaign, facts: Facts, start: date) -> pa.Table:
    """Return the content of events.parquet: the log of one campaign, with one row per event.

    A row contains the date, kind and place of the event, the actor, the number of men, the manner and the reason.

    Args:
        campaign: Finished campaign.
        facts: Districts and posts of the campaign.
        start: Date of day 0.
    """
    log = campaign.world.log
    rows = range(int(campaign.world.tally[Count.LOGGED]))
    events, hows, whys = (names_of(kind) for kind in (Event, Fall, Why))
    return pa.table(
        {
            "date": pa.array([start + timedelta(days=int(log.day[row])) for row in rows], pa.date32()).cast(DATE),
            "event": [events[event] for event in log.event[: len(rows)].tolist()],
            "district_id": [facts.district_id[log.district[row]] for row in rows],
            "district": [facts.district[log.district[row]] for row in rows],
            "province": [facts.province[log.district[row]] for row in rows],
            "who": [actor_of(int(log.event[row]), int(log.actor[row]), campaign, facts) for row in rows],
            "men": log.men[: len(rows)],
            "how": [hows[how] for how in log.how[: len(rows)].tolist()],
            "why": [whys[why] for why in log.why[: len(rows)].tolist()],
        }
    )


def actor_of(event: int, actor: int, campaign: Campaign, facts: Facts) -> str:
    """Return the actor of an event: a post, a prong or a kind of unit; an empty string if it has no actor."""
    if actor < 0:
        return ""
    if event in (Event.CROSSING, Event.TURNED_BACK):
        return facts.post[actor]
    if event == Event.PRONG_MOVES:
        return f"prong {actor + 1}"
    return names_of(UnitKind)[int(campaign.world.units.kind[actor])]


@cache
def names_of(kind: type[IntEnum]) -> dict[int, str]:
    """Return the names of the members of an enumeration by number, in lower case, as in tables."""
    return {int(member): member.name.lower() for member in kind}


def summarise(runs: pa.Table, table: Sequence[Outcome]) -> list[SummaryRow]:
    """Summarise each outcome over the campaigns of a cell.

    Args:
        runs: One row per finished campaign, one column per outcome.
        table: Outcomes to summarise.

    Returns:
        Median, 90 % interval and reported figure of each outcome.
    """
    return [summary_of(row, runs[row.name]) for row in table]


def summary_of(row: Outcome, values: pa.ChunkedArray) -> SummaryRow:
    """Summarise one outcome over campaigns.

    Quantiles of a date are dates. Campaigns without a value, such as those in which an event did not occur, are
    excluded from the quantiles and counted as missing. A single value is the median; it has no spread, so that the ends
    of the interval are empty.
    """
    there = values.drop_null()
    cuts = ["", "", ""]
    if len(there) and not pa.types.is_floating(there.type):
        dates = sorted(there.cast(pa.date32()).cast(pa.string()).to_pylist())
        cuts = [dates[round(share * (len(dates) - 1))] for share in (0.05, 0.5, 0.95)]
    elif len(there):
        cuts = [f"{cut:.6g}" for cut in np.quantile(there.to_numpy(), [0.05, 0.5, 0.95])]
    if len(there) == 1:
        cuts = ["", cuts[1], ""]
    figure = reported_of(row, evidence())
    return SummaryRow(
        row.name, row.label, row.unit, in_words(*figure), *figure,
        cuts[1], cuts[0], cuts[2], len(values) - len(there), row.counted,
    )  # fmt: skip


def number_in_table(value: float | None) -> str:
    """Format a number of a table: to four significant digits, with all digits before the point."""
    return "" if value is None else f"{value:.0f}" if abs(value) >= 1000 else f"{value:.4g}"


def in_words(value: float | None, low: float | None, high: float | None, evidence: str) -> str:
    """Format a reported figure as text.

    Args:
        value: Reported value, or None if only bounds were reported.
        low: Lower bound, or None if there is none.
        high: Upper bound, or None if there is none.
        evidence: Ids of rows of the evidence table.

    Returns:
        Text such as `0.375 (F064, F065)` or `at least 300 (F029)`; empty without evidence.
    """
    if not evidence:
        return ""
    if low is not None and high is not None:
        text = number_in_table(value)
        text += f"{', ' if text else ''}{number_in_table(low)} to {number_in_table(high)}" if high > low else ""
    elif low is not None:
        text = f"at least {number_in_table(low)}"
    else:
        text = f"at most {number_in_table(high)}"
    return f"{text} ({evidence})"
