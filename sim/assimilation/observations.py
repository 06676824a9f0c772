"""Read the observations (the reported figures on which campaigns are conditioned) and compute their likelihoods.

Every number is calculated from rows of the evidence table or from dated falls, as in `sim.scoring.targets`.
Observations are assumed to be independent given the campaign. Falls are counted per group of provinces and window of
days, regardless of which districts of the group fell. The expected number of dated falls is the campaign's number of
falls times the share of falls that have a date, plus a small constant, because a date may be wrong. Errors and shares
were chosen from the sources' methods of counting, before any campaign was compared with them.

Reads data/observations.csv, data/evidence.csv and the dates of falls in data/districts.csv.
"""

import math
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sim.data.evidence import Evidence
from sim.data.facts import DATA, THE_LINE, Facts, read_facts, read_falls
from sim.data.tables import Row, read_table
from sim.engine.campaign import Record
from sim.engine.world import Holder
from sim.errors import PanjError, unknown
from sim.outcome import nights_of
from sim.scoring.targets import Records, calculate, ids_of_formula, when_lost

COLUMNS = (
    "observation", "event", "quantity", "scope", "since", "until", "published", "published_is", "value", "value_from",
    "likelihood", "sd", "share", "size", "reason",
)  # fmt: skip
OF_DISTRICTS = ("ever_taken", "fallen", "capitals", "retaken", "share_held")
OF_POSTS = ("crossed", "crossed_per_1037", "admitted")
LIKELIHOODS = {"normal": ("sd",), "log": ("sd",), "thinned": ("share", "size")}
PUBLISHED = ("reported", "guess")
ROUNDS = 1e-3  # largest rounding error allowed in the file, relative for figures of 1 or more, otherwise absolute
NIGHT = 1037.0  # soldiers counted in the largest night (evidence F001)
OUTLIER_SHARE, OUTLIER_SD = 0.05, 3.0  # one in twenty log errors is an outlier, so no report is impossible
UNSEEN = 0.25  # expected number of dated falls if the campaign has none, because a date may be wrong


class Observation(NamedTuple):
    """A reported figure with its error model."""

    name: str  # name of the observation, which never changes
    event: str  # event to which the figure refers
    quantity: str  # what is counted: one of OF_DISTRICTS or OF_POSTS
    scope: tuple[str, ...]  # provinces or posts; empty for all
    since: date  # first day that is counted; the earliest possible date if counting starts on day 0
    # last day that is counted; a night has the date of the morning on which it ended
    until: date
    published: date  # day on which the figure was published
    is_guess: bool  # whether the day of publication is a guess
    value: float  # reported value, in the unit of the count
    evidence: tuple[str, ...]  # ids of evidence rows; empty if only dated falls are counted
    likelihood: str  # normal, log (of 1 + number, with outliers) or thinned (negative binomial)
    sd: float  # standard deviation of a normal or log error; otherwise nan
    share: float  # share of falls with a date, if thinned; otherwise nan
    size: float  # size of the negative binomial distribution, if thinned; a large size is close to Poisson
    reason: str  # reason for the choice of this error model


class Window(NamedTuple):
    """The days and rows of a campaign's record that an observation counts."""

    kind: str  # quantity that is counted
    first: int  # first day, counted from day 0
    last: int  # last day that is counted
    rows: NDArray[np.int64]  # row numbers of districts or posts


def read_observations(evidence: Sequence[Evidence], folder: Path | None = None) -> tuple[Observation, ...]:
    """Read every observation and check it against the evidence.

    Args:
        evidence: Rows of the evidence table, from which the numbers are calculated.
        folder: Folder of observations.csv and districts.csv; None means the data folder of Panj.

    Returns:
        The observations, in order of their last day.

    Raises:
        PanjError: A row is invalid; the message names its line and column.
    """
    facts, falls = read_facts(folder), read_falls(folder)
    records = Records("", {row.id: row for row in evidence}, facts, falls, when_lost(facts, falls))
    rows = read_table((folder or DATA) / "observations.csv", COLUMNS, ("observation",))
    return tuple(sorted((read_observation(row, records) for row in rows), key=lambda one: one.until))


def read_observation(row: Row, records: Records) -> Observation:
    """Return the observation in one row of observations.csv. Raise PanjError if a cell is invalid."""
    quantity = row.one_of("quantity", OF_DISTRICTS + OF_POSTS)
    likelihood = row.one_of("likelihood", LIKELIHOODS)
    since = row.day("since") if row.cells["since"] else date.min
    until, published = row.day("until"), row.day("published")
    if not since <= until <= THE_LINE:
        raise row.wrong("until", f"a day from {since} to {THE_LINE}")
    if published < until:
        raise row.wrong("published", f"{until} or a later day")
    value = row.number("value", 0)
    calculated = calculate(row, "value_from", row.text("value_from"), records)
    if abs(value - calculated) > ROUNDS * max(1.0, abs(calculated)):
        raise row.wrong("value", f"{calculated:g}, as calculated from value_from")
    errors = {column: row.number(column, 1e-9) for column in LIKELIHOODS[likelihood]}
    scope = tuple(part for part in row.cells["scope"].split(";") if part)
    known = records.facts.post if quantity in OF_POSTS else records.facts.provinces
    for part in scope:
        if part not in known:
            raise unknown(f"{row.place}, scope", part, known)
    return Observation(
        row.text("observation"), row.text("event"), quantity, scope, since, until, published,
        row.one_of("published_is", PUBLISHED) == "guess", value, ids_of_formula(row.text("value_from")), likelihood,
        errors.get("sd", math.nan), errors.get("share", math.nan), errors.get("size", math.nan), row.text("reason"),
    )  # fmt: skip


class Tally(NamedTuple):
    """The parts of a campaign's record that observations count."""

    held: NDArray[np.bool_]  # (days, districts) whether the Taliban hold the district at the end of the day
    taken_on: NDArray[np.int64]  # (districts) first day on which the Taliban took it; the day after the last if never
    crossed: NDArray[Any]  # (nights, posts) soldiers who crossed; a night belongs to the morning on which it ends
    admitted: NDArray[Any]  # (days, posts) people admitted


def window_of(observation: Observation, facts: Facts, start: date, days: int) -> Window:
    """Return the rows and days of a record that an observation counts.

    Args:
        observation: The observation.
        facts: Facts about districts and posts, in the same order as in the record.
        start: First day of the campaign.
        days: Number of days of the campaign after the first.

    Raises:
        PanjError: The last day of the observation is not in the campaign.
    """
    last = (observation.until - start).days
    if not 0 < last <= days:
        raise PanjError(
            f"until: found {observation.until} of observation {observation.name}, expected a day of the campaign, "
            f"which lasts {days} days after {start}"
        )
    if observation.quantity in OF_POSTS:
        rows = [row for row, post in enumerate(facts.post) if not observation.scope or post in observation.scope]
    else:
        rows = np.flatnonzero(np.isin(facts.province, observation.scope or facts.provinces)).tolist()
        if observation.quantity == "capitals":
            rows = [row for row in rows if facts.is_capital[row]]
    return Window(observation.quantity, max(1, (observation.since - start).days), last, np.array(rows, np.int64))


def tally_of(record: Record) -> Tally:
    """Return the parts of a campaign's record for `count_in`."""
    held = record.holder == Holder.TALIBAN
    taken = held[1:].any(axis=0) & ~held[0]
    return Tally(
        held, np.where(taken, 1 + held[1:].argmax(axis=0), len(held)), nights_of(record.crossed), record.admitted
    )


def count_in(tally: Tally, window: Window) -> float:
    """Return the count in a campaign that corresponds to an observation, in the unit of the observation.

    Args:
        tally: Record of the campaign, at least up to the last day of the window.
        window: The quantity, days and rows to count.
    """
    kind, first, last, rows = window
    if kind in OF_POSTS:
        nights = (tally.admitted if kind == "admitted" else tally.crossed)[first : last + 1]
        there = float(nights[:, rows].sum())
        return there * NIGHT / max(1.0, float(nights.sum())) if kind == "crossed_per_1037" else there
    held, taken_on = tally.held[last, rows], tally.taken_on[rows]
    if kind == "share_held":
        return float(held.mean())
    if kind == "capitals":
        return float(held.sum())
    taken = taken_on <= last
    if kind == "retaken":
        return float((taken & ~held).sum())
    return float((taken if kind == "ever_taken" else taken & (taken_on >= first)).sum())


def log_likelihood(observation: Observation, count: float) -> float:
    """Return the log likelihood of a reported figure, given the corresponding count in a campaign."""
    if observation.likelihood == "thinned":
        return log_thinned(observation.value, observation.share * count + UNSEEN, observation.size)
    if observation.likelihood == "normal":
        return log_normal((observation.value - count) / observation.sd, observation.sd)
    distance = math.log1p(observation.value) - math.log1p(count)
    near = math.log1p(-OUTLIER_SHARE) + log_normal(distance / observation.sd, observation.sd)
    far = math.log(OUTLIER_SHARE) + log_normal(distance / OUTLIER_SD, OUTLIER_SD)
    return float(np.logaddexp(near, far))


def reported_of(observation: Observation, count: float, rng: np.random.Generator) -> Observation:
    """Draw the figure that would have been reported about a campaign.

    Args:
        observation: The observation whose quantity and error are used.
        count: Count in the campaign, from `count_in`.
        rng: Source of the random error.

    Returns:
        The observation, with its value replaced by one drawn from its error model around that count.
    """
    if observation.likelihood == "thinned":
        mean = observation.share * count + UNSEEN
        value = float(rng.negative_binomial(observation.size, observation.size / (observation.size + mean)))
    elif observation.likelihood == "normal":
        value = count + observation.sd * rng.standard_normal()
    else:
        sd = OUTLIER_SD if rng.random() < OUTLIER_SHARE else observation.sd
        value = math.expm1(math.log1p(count) + sd * rng.standard_normal())
    return observation._replace(value=value)


def log_normal(z: float, sd: float) -> float:
    """Return the log density of a normal error with standard deviation `sd`, at `z` standard deviations from 0."""
    return -0.5 * z * z - math.log(sd) - 0.5 * math.log(2.0 * math.pi)


def log_thinned(value: float, mean: float, size: float) -> float:
    """Return the log probability of a negative binomial count whose variance is mean + mean² / size."""
    return (
        math.lgamma(value + size) - math.lgamma(size) - math.lgamma(value + 1.0)
        + size * math.log(size / (size + mean)) + value * math.log(mean / (size + mean))
    )  # fmt: skip


def log_likelihoods(record: Record, observations: Sequence[Observation], windows: Sequence[Window]) -> list[float]:
    """Return the log likelihood of each observation, given the record of a campaign.

    Args:
        record: Record of the campaign.
        observations: The observations.
        windows: The days and rows that each observation counts, in the order of observations.
    """
    tally = tally_of(record)
    return [
        log_likelihood(observation, count_in(tally, window))
        for observation, window in zip(observations, windows, strict=True)
    ]
