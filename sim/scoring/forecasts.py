"""Build the forecasts that are scored, from a study, a table of campaigns or a naive method.

A `Forecast` contains the outcomes of each campaign as numbers, and the day on which each district was lost in it. Dates
are ordinals, and an event that did not occur by the end of 7 July has the date 8 July.

Naive forecasts do not use the model, except for its day 0. Each is an ensemble of synthetic records of who holds which
district at the end of each day. Functions of `sim.outcome` count outcomes from these records as from campaigns. In all
of them only rural districts fall, none is retaken, and no data after 22 June 2021 are used. Falls are Poisson counts.
Their rate is not fixed, as intervals would then be too narrow: it is drawn from a distribution that reflects the
uncertainty of the counts used (for a single count, a gamma distribution with the Jeffreys prior).

Reads   runs.parquet and about.json of a finished study, and its stored campaigns (`chunks/`), without which districts
        are not scored. For naive forecasts: data/evidence.csv (F075, F077, F085, F099, F100), votes and neighbours;
        `map_of_22_june` also reads the dates of falls up to 22 June.
Source  F099: 12 districts had fallen by 8 June; F077 less F075: 31 by 14 June; F100: 37 by 19 June; F085: 50 by 22
        June.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from scipy.sparse import csr_array

from sim.configuration.settings import Settings
from sim.configuration.worlds import RECORD
from sim.data.evidence import Evidence
from sim.data.facts import THE_LINE, Facts, Falls, facts_here, read_falls
from sim.data.record import evidence
from sim.engine.campaign import run_campaign
from sim.engine.layout import fresh
from sim.engine.world import Holder
from sim.errors import PanjError, unknown
from sim.outcome import QUANTITIES, Outcome, Value, View, first_held, read_outcomes
from sim.scoring.targets import DAY_0, Target, read_targets
from sim.study.columns import CHANGES, NOT_FALLEN
from sim.study.reader import EPOCH, Study, open_runs, open_study, read_columns
from sim.study.store import chunks_of

KNOWN_UNTIL = date(2021, 6, 22)  # last day whose data a naive forecast may use
DAYS = (THE_LINE - DAY_0).days
KNOWN_DAYS = (KNOWN_UNTIL - DAY_0).days
FITTED_WITH = 100  # number of synthetic records used to fit the rate of spread
HALVINGS = 12  # bisection steps when that rate is fitted
HOLDERS = {  # quantities that depend only on who holds each district; only these get naive forecasts
    "share_held", "share_held_or_influenced", "held", "newly_fallen", "ever_taken", "share_ever_taken", "lost_between",
    "retaken", "most_lost_in_two_days", "most_lost_in_four_days", "most_lost_in_five_days", "most_lost_in_six_days",
    "border_share", "capitals_held",
}  # fmt: skip
NEVER = THE_LINE.toordinal() + 1
Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


class Forecast(NamedTuple):
    """An ensemble of campaigns or of synthetic records."""

    name: str
    about: str
    knows: str  # description of the data that it used, with their last day
    outcomes: dict[str, Floats]  # (campaigns) by outcome; nan where missing
    lost_on: Integers | None  # (campaigns, districts) day of the first loss, day 0 included; None if not stored
    campaigns: int
    from_day: date  # day of the first target that it forecasts
    weights: Floats | None = None  # (campaigns) weights; None means equal weights


def study_to_score(folder: Path, number: int | None) -> Study:
    """Open a study for scoring.

    Args:
        folder: Folder of the study.
        number: Number of the cell to score; None means the default cell.

    Returns:
        The study, limited to this cell.

    Raises:
        PanjError: The study or the cell cannot be scored: its days are not those of the targets, every campaign
            failed, or the campaigns were conditioned on the record.
    """
    study = open_study(folder)
    study = study.of_cell(study.choose_cell(number).number)
    cell = study.cell
    refuse_assimilated(study.about["choices"].get("worlds"))
    check_days(cell.start_date, cell.end_date)
    if cell.finished == 0:
        raise PanjError(f"{folder}: found only failed campaigns in cell {cell.number}, expected at least one "
                        f"that finished; python -m sim failures {folder} lists the errors")  # fmt: skip
    return study


def check_days(start: date, end: date) -> None:
    """Raise PanjError if campaigns from `start` to `end` do not cover all days of the targets from day 0 on."""
    if end < THE_LINE:
        raise PanjError(f"end_date: found {end}, expected {THE_LINE}, the last day of the targets, or later")
    if start != DAY_0:
        raise PanjError(f"start_date: found {start}, expected {DAY_0}, the first day of the reported falls")


def place_of_scores(study: Study) -> str:
    """Return the folder of the scores of a cell, relative to its study; each cell of a sweep has its own."""
    return "score" if len(study.cells) == 1 else f"score/cell_{study.cell.number}"


def refuse_assimilated(worlds: str | None) -> None:
    """Raise PanjError if campaigns were conditioned on the figures against which they would be scored.

    Args:
        worlds: The setting `worlds` of the campaigns; None if the study has none.
    """
    if worlds == RECORD:
        raise PanjError(
            "worlds: found record, whose campaigns were conditioned on the reported figures, expected worlds=free; "
            "python -m sim hindcast scores forecasts made from earlier figures only"
        )


def names_of(targets: Sequence[Target]) -> list[str]:
    """Return the names of the outcomes that targets use, without duplicates."""
    names = (name for one in targets for name in ([part for part, _ in one.parts] or [one.outcome]))
    return list(dict.fromkeys(names))


def forecast_of_study(study: Study, targets: Sequence[Target], name: str, about: str, districts: int) -> Forecast:
    """Return the campaigns of a cell as a forecast.

    Args:
        study: The study, limited to one cell.
        targets: The targets whose outcomes are read.
        name: Name of the forecast in tables.
        about: Description of the forecast for readers.
        districts: Number of districts.

    Raises:
        PanjError: The table of campaigns cannot be read or lacks an outcome.
    """
    kinds = open_runs(study.folder)
    wanted = names_of(targets)
    for one in wanted:
        if one not in kinds.names:
            raise unknown(f"{study.folder / 'runs.parquet'}, outcome", one, kinds.names)
    path = study.folder / "runs.parquet"
    try:
        rows = read_columns(path, ["seed", *wanted], [("cell", "==", study.cell.number)])
        outcomes = {one: numbers_of(rows[one]) for one in wanted}
    except (OSError, pa.ArrowException) as error:
        raise PanjError(f"{path}: found a table that cannot be read ({error}), expected numbers and dates") from None
    seeds = rows["seed"].to_numpy()
    lost_on = losses_of(study, seeds, districts)
    return Forecast(name, about, "the rules and numbers of Panj", outcomes, lost_on, rows.num_rows, DAY_0)


def forecast_of(outcomes: pa.Table, targets: Sequence[Target], weights: Floats | None = None) -> Forecast:
    """Return a table of campaigns as a forecast of those targets' outcomes that the table contains.

    Args:
        outcomes: One row per campaign, one column per outcome.
        targets: The targets to be forecast.
        weights: One weight per campaign; None means equal weights.
    """
    numbers = {name: numbers_of(outcomes[name]) for name in names_of(targets) if name in outcomes.column_names}
    return Forecast("", "", "", numbers, None, outcomes.num_rows, DAY_0, weights)


def numbers_of(column: pa.ChunkedArray) -> Floats:
    """Convert a column of outcomes to numbers.

    Args:
        column: Numbers or dates, one per campaign.

    Returns:
        Floats. A date becomes its ordinal; a missing date, or a date after 8 July, becomes the ordinal of 8 July. A
        missing number becomes nan.
    """
    if not (pa.types.is_string(column.type) or pa.types.is_temporal(column.type)):
        return column.cast(pa.float64()).to_numpy().copy()
    days = column.cast(pa.date32()).cast(pa.int32()).cast(pa.float64()).to_numpy() + EPOCH.toordinal()
    return np.fmin(days, NEVER)


def losses_of(study: Study, seeds: Integers, districts: int) -> Integers | None:
    """Return the first day on which the Taliban hold each district at the end of the day (campaigns x districts).

    Returns None if not all of the campaigns are stored.
    """
    found, there = [], []
    for done, _ in chunks_of(study.folder, study.cell.fingerprint):
        found.append(first_losses(done[CHANGES].combine_chunks(), districts))
        there.append(done["seed"].to_numpy())
    if not found or not np.isin(seeds, np.concatenate(there)).all():
        return None
    place = {int(seed): row for row, seed in enumerate(np.concatenate(there))}
    return np.concatenate(found)[[place[int(seed)] for seed in seeds]]


def first_losses(changes: pa.ListArray, districts: int) -> Integers:
    """Return the day on which each district was first lost in each campaign, or `NOT_FALLEN` (campaigns x districts).

    Args:
        changes: Changes of control per campaign, as encoded by `sim.study.columns.changes_of`.
        districts: Number of districts.
    """
    values, ends = changes.flatten().to_numpy(), np.cumsum(changes.value_lengths().to_numpy())
    campaign = np.searchsorted(ends, np.arange(values.size), side="right")
    lost = values > 0
    evening, district = np.divmod(values[lost].astype(np.int64) - 1, districts)
    first = np.full((len(changes), districts), NOT_FALLEN, np.int64)
    np.minimum.at(first, (campaign[lost], district), evening)
    return first


Marks = NDArray[np.bool_]


class Grounds(NamedTuple):
    """The data and initial states from which naive forecasts are made."""

    facts: Facts
    evidence: Mapping[str, Evidence]
    fell: Integers  # (districts) day of a fall dated up to 22 June; -1 if there is none
    held: Marks  # (records, districts) held by the Taliban on day 0
    influence: Floats  # (records, districts) Taliban influence, drawn on day 0 and constant


def grounds_of(settings: Settings, seeds: Sequence[int]) -> Grounds:
    """Return the input of the naive forecasts: evidence, the falls up to 22 June, and day 0 as drawn by the model.

    Args:
        settings: Settings with which the model draws day 0.
        seeds: One seed per synthetic record.
    """
    world = fresh(settings.layout.world)
    held, influence = [], []
    for seed in seeds:
        campaign = run_campaign(settings.layout.world, settings.rules, settings.timeline, seed, 0, world)
        held.append(campaign.record.holder[0] == Holder.TALIBAN)
        influence.append(campaign.world.districts.influence.copy())
    fell = known_falls(read_falls())
    return Grounds(settings.facts, evidence(), fell, np.array(held), np.array(influence))


def table_for(targets: Sequence[Target], facts: Facts) -> list[Outcome]:
    """Return the rows of the outcomes table for the outcomes that the targets use."""
    wanted = set(names_of(targets))
    return [row for row in read_outcomes(facts, DAY_0, DAYS) if row.name in wanted]


def naive_forecasts(targets: Sequence[Target], grounds: Grounds, seed: int) -> list[Forecast]:
    """Make all naive forecasts.

    Args:
        targets: The targets to be forecast.
        grounds: Data and initial states; one initial state per synthetic record.
        seed: Seed of the random numbers.

    Returns:
        The forecasts; they contain only outcomes that depend solely on the holders of districts.
    """
    table = table_for(targets, grounds.facts)
    found = []
    for name, one in NAIVE.items():
        held = forecast(name, grounds, seed)
        outcomes = count_naive(held, grounds, table)
        lost_on = np.where(held.any(axis=1), held.argmax(axis=1), NOT_FALLEN).astype(np.int64)
        found.append(Forecast(name, one.about, one.knows, outcomes, lost_on, len(held), one.from_day))
    return found


class Naive(NamedTuple):
    """A naive forecasting method."""

    about: str
    knows: str  # description of the data that it uses, with their last day
    forecast: Callable[[Grounds, np.random.Generator], Marks]  # returns holders (records x days x districts)
    from_day: date  # day of the first target that it forecasts


def known_falls(falls: Falls) -> Integers:
    """Return the day number of each district's fall up to 22 June, or -1 for a district without one."""
    is_known = falls.fell_date <= np.datetime64(KNOWN_UNTIL)  # False for a missing date (NaT)
    return np.where(is_known, (falls.fell_date - np.datetime64(DAY_0)).astype(np.int64), -1)


def known(grounds: Grounds, one: str) -> float:
    """Return the value of an evidence row. Raise PanjError if the row ends after 22 June or has no value."""
    figure = grounds.evidence[one]
    if figure.date_end > KNOWN_UNTIL or figure.value is None:
        raise PanjError(
            f"evidence {one}: found a figure of {figure.date_end}, expected a value from {KNOWN_UNTIL} or earlier"
        )
    return figure.value


def day_of(grounds: Grounds, one: str) -> int:
    """Return the last day that an evidence row covers, in days after day 0."""
    return (grounds.evidence[one].date_end - DAY_0).days


def constant_rate(grounds: Grounds, generator: np.random.Generator) -> Marks:
    """Forecast that random rural districts fall at the mean daily rate of 1 May to 8 June."""
    rate = generator.gamma(known(grounds, "F099") + 0.5, 1 / day_of(grounds, "F099"), len(grounds.held))
    daily = generator.poisson(np.repeat(rate[:, None], DAYS, axis=1))
    return fall_in_order(grounds, generator.random(grounds.held.shape), np.cumsum(daily, axis=1))


def exponential_growth(grounds: Grounds, generator: np.random.Generator) -> Marks:
    """Forecast that random rural districts fall, in numbers that grow exponentially, as they did from 8 to 22 June."""
    counts = growing(grounds, generator)
    return fall_in_order(grounds, generator.random(grounds.held.shape), counts)


def votes_per_head(grounds: Grounds, generator: np.random.Generator) -> Marks:
    """Forecast that rural districts fall in exponentially growing numbers, in ascending order of votes per head."""
    counts = growing(grounds, generator)
    ties = 1e-9 * generator.random(grounds.held.shape)
    return fall_in_order(grounds, grounds.facts.votes_per_head + ties, counts)


def growing(grounds: Grounds, generator: np.random.Generator) -> Integers:
    """Draw the number of falls up to the end of each day, from exponential growth fitted to counts of 8 to 22 June.

    Returns:
        (records, days) Cumulative falls, from day 1 on.
    """
    days = [day_of(grounds, one) for one in ("F099", "F077", "F100", "F085")]
    counts = [
        known(grounds, "F099"),
        known(grounds, "F077") - known(grounds, "F075"),
        known(grounds, "F100"),
        known(grounds, "F085"),
    ]
    return grown(days, counts, DAYS, grounds.held.shape[1], len(grounds.held), generator)


def grown(
    days: Sequence[int], counts: Sequence[float], last: int, most: float, size: int, generator: np.random.Generator
) -> Integers:
    """Draw series of counts that grow exponentially, with the uncertainty of the fit.

    A line is fitted to the logarithms of the given counts; a line and Poisson counts are drawn for each series.

    Args:
        days: Days of the given counts; at least four.
        counts: A positive cumulative count at the end of each of these days.
        last: The last day to forecast.
        most: Upper limit of the expected cumulative count.
        size: Number of series to draw.
        generator: Source of the random numbers.

    Returns:
        (series, days) Cumulative counts from day 1 to the last day.
    """
    line, doubt = np.polyfit(days, np.log(counts), 1, cov=True)
    growth, start = generator.multivariate_normal(line, doubt, size).T
    logs = start[:, None] + growth[:, None] * np.arange(1, last + 1)
    expected = np.exp(np.minimum(logs, np.log(most)))
    daily = np.maximum(0.0, np.diff(expected, axis=1, prepend=0.0))
    return np.cumsum(generator.poisson(daily), axis=1)


def fall_in_order(grounds: Grounds, order: Floats, counts: Integers) -> Marks:
    """Let rural districts fall in a given order, and return who holds each district at the end of each day.

    Args:
        grounds: Facts about the districts, and those held on day 0.
        order: (records, districts) Districts with the lowest numbers fall first.
        counts: (records, days) Cumulative falls, from day 1 on.

    Returns:
        (records, days + 1, districts) Whether the Taliban hold the district.
    """
    order = np.where(grounds.held | grounds.facts.is_capital, np.inf, order)
    rank = np.argsort(np.argsort(order, axis=1), axis=1)
    open_to_fall = np.isfinite(order).sum(axis=1)
    by_evening = np.minimum(
        np.concatenate([np.zeros((len(order), 1), np.int64), counts], axis=1), open_to_fall[:, None]
    )
    return grounds.held[:, None, :] | (rank[:, None, :] < by_evening[:, :, None])


def nearest_neighbour(grounds: Grounds, generator: np.random.Generator) -> Marks:
    """Forecast that falls spread to neighbours of held districts, with 50 falls by 22 June on average (F085)."""
    pace = pace_of_spread(grounds) * doubt_of_count(grounds, generator)
    return spread(grounds.facts, grounds.held, pace, DAYS, generator)


def map_of_22_june(grounds: Grounds, generator: np.random.Generator) -> Marks:
    """Forecast that districts next to those held on 22 June fall; up to that day, use the dated falls."""
    evenings = np.arange(KNOWN_DAYS + 1)[:, None]
    known = (grounds.fell >= 0) & (grounds.fell <= evenings)
    before = grounds.held[:, None, :] | known[None, :, :]
    pace = pace_of_spread(grounds) * doubt_of_count(grounds, generator)
    after = spread(grounds.facts, before[:, -1, :], pace, DAYS - KNOWN_DAYS, generator)
    return np.concatenate([before, after[:, 1:, :]], axis=1)


def doubt_of_count(grounds: Grounds, generator: np.random.Generator) -> Floats:
    """Draw a factor for the rate of spread in each record, to represent the uncertainty of the fitted count."""
    count = known(grounds, "F085")
    return generator.gamma(count + 0.5, 1 / count, len(grounds.held))


def spread(facts: Facts, held: Marks, pace: Floats, days: int, generator: np.random.Generator) -> Marks:
    """Simulate the spread of falls: a rural district is more likely to fall the more of its neighbours are held.

    Args:
        facts: Facts about the districts: their neighbours, and which of them are provincial capitals.
        held: (records, districts) Whether the Taliban hold the district at the start.
        pace: (records) Falls per day and held neighbour.
        days: Number of days to simulate.
        generator: Source of the random numbers.

    Returns:
        (records, days + 1, districts) Whether the Taliban hold the district at the start and at the end of each day.
    """
    links = neighbours_of(facts)
    rural = ~facts.is_capital
    evenings = [held]
    for _ in range(days):
        neighbours = (links @ evenings[-1].T.astype(np.float64)).T
        probability = -np.expm1(-pace[:, None] * neighbours)
        evenings.append(evenings[-1] | ((generator.random(held.shape) < probability) & rural))
    return np.stack(evenings, axis=1)


def neighbours_of(facts: Facts) -> csr_array:
    """Return the symmetric adjacency matrix of districts: 1 where two districts share a boundary."""
    count = len(facts.district_id)
    return csr_array((np.ones(facts.neighbour.size), facts.neighbour, facts.first_neighbour), shape=(count, count))


def pace_of_spread(grounds: Grounds) -> float:
    """Return the rate of spread, in falls per day and held neighbour, that gives 50 falls by 22 June (F085) on average.

    It is found by bisection.
    """
    few = grounds._replace(held=grounds.held[:FITTED_WITH])
    wanted = known(grounds, "F085")
    low, high = 1e-5, 1.0
    for _ in range(HALVINGS):
        pace = float(np.sqrt(low * high))
        held = spread(few.facts, few.held, np.full(len(few.held), pace), KNOWN_DAYS, np.random.default_rng(0))
        fallen = float((held[:, -1] & ~few.held).sum(axis=1).mean())
        low, high = (pace, high) if fallen < wanted else (low, pace)
    return float(np.sqrt(low * high))


NAIVE: dict[str, Naive] = {
    "constant_rate": Naive(
        "falls continue at the rate of May, anywhere in the country", "F099, up to 8 June", constant_rate, DAY_0
    ),
    "exponential_growth": Naive(
        "falls grow exponentially as from 8 to 22 June, anywhere", "F075, F077, F085, F099, F100, up to 22 June",
        exponential_growth, DAY_0,
    ),
    "nearest_neighbour": Naive(
        "falls spread from held districts to neighbours", "F085, up to 22 June", nearest_neighbour, DAY_0
    ),
    "map_of_22_june": Naive(
        "the map of 22 June, then spread to neighbours",
        "F085 and every fall dated up to 22 June, which Panj does not use", map_of_22_june, date(2021, 6, 23),
    ),
    "votes_per_head": Naive(
        "exponential growth, in districts with the fewest votes in 2019 first", "the same counts, and votes of 2019",
        votes_per_head, DAY_0,
    ),
}  # fmt: skip


def forecast(name: str, grounds: Grounds, seed: int) -> Marks:
    """Make the naive forecast with the given name, and return its records of who holds each district.

    Returns:
        (records, days, districts) True where the Taliban hold the district at the end of the day, from day 0 on.
    """
    return NAIVE[name].forecast(grounds, np.random.default_rng([seed, list(NAIVE).index(name)]))


def count_naive(held: Marks, grounds: Grounds, table: Sequence[Outcome]) -> dict[str, Floats]:
    """Count the outcomes of a table that depend only on who holds each district.

    Returns:
        One number per record for each outcome, keyed by its name.
    """
    rows = [row for row in table if row.quantity in HOLDERS]
    views = [
        view_of(record, influence, grounds.facts) for record, influence in zip(held, grounds.influence, strict=True)
    ]
    return {row.name: np.array([number(QUANTITIES[row.quantity](view, row)) for view in views]) for row in rows}


def number(value: Value) -> float:
    """Convert an outcome to a float; a missing one becomes nan."""
    return np.nan if value is None else float(value)


def view_of(held: Marks, influence: Floats, facts: Facts) -> View:
    """Return a synthetic record as a `View`, from which `sim.outcome` counts outcomes.

    Only the holders, the falls of capitals and the influence are filled in; everything else is empty or 0.
    """
    evenings, posts = held.shape[0], len(facts.post)
    none = np.zeros(0, np.int64)
    return View(
        start=DAY_0, facts=facts, held=held, capital_fell=first_held(held, facts.is_capital), influence=influence,
        series=np.zeros((evenings, 0)), nights=np.zeros((evenings, posts)), night_totals=np.zeros(evenings),
        admitted=np.zeros((evenings, posts)), fell_on=none, fell_at=none, fell_how=none, outposts_gave_up_on=none,
        captured_on=none, captured_at=none, captured_men=none,
    )  # fmt: skip


def targets_here() -> tuple[Target, ...]:
    """Read every target and check it against evidence and outcomes."""
    return read_targets(tuple(evidence().values()), read_outcomes(facts_here(), DAY_0, DAYS))
