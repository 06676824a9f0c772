"""Observations: reported figures that condition the random draws of campaigns, each with its error.

Reads   data/observations.csv, data/evidence.csv; dates of falls in data/districts.csv.
Gives   `Observation` rows, and `log_likelihoods`: how well the record of a campaign agrees with each.
Source  every number is calculated from rows of the evidence or from dated falls, as in `sim.score.targets`.
Assumed Two observations are independent given the campaign. Districts are counted by province and window, thinned by
        the share of falls that have a date: the exact set of districts is never asked for. Errors and shares were
        set from how the sources counted, before any campaign was compared with them.
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
from sim.outcomes import nights_of
from sim.score.targets import Records, calculate, ids_of_formula, when_lost

COLUMNS = (
    "observation", "event", "quantity", "scope", "since", "until", "published", "published_is", "value", "value_from",
    "likelihood", "sd", "share", "size", "reason",
)  # fmt: skip
OF_DISTRICTS = ("ever_taken", "fallen", "capitals", "retaken", "share_held")
OF_POSTS = ("crossed", "crossed_per_1037", "admitted")
LIKELIHOODS = {"normal": ("sd",), "log": ("sd",), "thinned": ("share", "size")}
PUBLISHED = ("reported", "guess")
ROUNDS = 1e-3  # relative rounding allowed in the file
NIGHT = 1037.0  # F001: soldiers counted in the largest night
OUTLIER_SHARE, OUTLIER_SD = 0.05, 3.0  # of counts on the log scale: one in twenty may be far off, zero included
UNSEEN = 0.25  # falls that may be dated wrongly where the campaign has none


class Observation(NamedTuple):
    """One reported figure with its error model."""

    name: str  # permanent name
    event: str  # what happened
    quantity: str  # what is counted: one of OF_DISTRICTS or OF_POSTS
    scope: tuple[str, ...]  # provinces or posts; empty for all
    since: date  # first day, where a window is counted; of a night, the morning on which it ended
    until: date  # last day: the day that the figure speaks of
    published: date  # day on which it could be known
    is_guess: bool  # whether the day of publication is a guess
    value: float  # in the unit of the count
    evidence: tuple[str, ...]  # ids; empty where only dated falls are counted
    likelihood: str  # normal, log (of 1 + number, with outliers) or thinned (negative binomial)
    sd: float  # of normal and log
    share: float  # of thinned: falls that have a date
    size: float  # of thinned: the larger, the closer to a Poisson count
    reason: str  # for this error


class Window(NamedTuple):
    """An observation in rows of a record: what `count_in` needs."""

    kind: str
    first: int  # day
    last: int  # day
    rows: NDArray[np.int64]  # districts or posts


def read_observations(evidence: Sequence[Evidence], folder: Path | None = None) -> tuple[Observation, ...]:
    """Read every observation, checked against the evidence.

    Args:
        evidence: rows from which the numbers are calculated.
        folder: data folder, by default Panj's own.

    Returns:
        The observations, by the day that they speak of.

    Raises:
        PanjError: names the line, row and column of the error.
    """
    folder = folder or DATA
    facts, falls = read_facts(folder), read_falls(folder)
    records = Records("", {row.id: row for row in evidence}, facts, falls, when_lost(facts, falls))
    rows = read_table(folder / "observations.csv", COLUMNS, ("observation",))
    return tuple(sorted((read_observation(row, records) for row in rows), key=lambda one: one.until))


def read_observation(row: Row, records: Records) -> Observation:
    """Read and check one row of the file."""
    quantity = row.one_of("quantity", OF_DISTRICTS + OF_POSTS)
    likelihood = row.one_of("likelihood", LIKELIHOODS)
    since = row.day("since") if row.cells["since"] else date.min
    until, published = row.day("until"), row.day("published")
    if not since <= until <= THE_LINE:
        raise row.wrong("until", f"a day from {since} to {THE_LINE}")
    if published < until:
        raise row.wrong("published", f"a day from {until} on")
    value = row.number("value", 0)
    calculated = calculate(row, "value_from", row.text("value_from"), records)
    if abs(value - calculated) > ROUNDS * max(1.0, abs(calculated)):
        raise row.wrong("value", f"{calculated:g}, which value_from gives")
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
    """The parts of a campaign that observations count."""

    held: NDArray[np.bool_]  # days x districts: whether the Taliban hold it in the evening
    taken_on: NDArray[np.int64]  # districts: first day on which the Taliban took it; beyond the last if they did not
    crossed: NDArray[Any]  # nights x posts: soldiers, by the morning on which the night ended
    admitted: NDArray[Any]  # days x posts: families


def window_of(observation: Observation, facts: Facts, start: date, days: int) -> Window:
    """Return the rows and days of a record that an observation counts.

    Raise PanjError if its day is not in the campaign.
    """
    last = (observation.until - start).days
    if not 0 < last <= days:
        raise PanjError(
            f"until: found {observation.until} of observation {observation.name}, expected a day of the campaign, "
            f"which runs {days} days from {start}"
        )
    if observation.quantity in OF_POSTS:
        rows = [row for row, post in enumerate(facts.post) if not observation.scope or post in observation.scope]
    else:
        rows = np.flatnonzero(np.isin(facts.province, observation.scope or facts.provinces)).tolist()
        if observation.quantity == "capitals":
            rows = [row for row in rows if facts.is_capital[row]]
    return Window(observation.quantity, max(1, (observation.since - start).days), last, np.array(rows, np.int64))


def tally_of(record: Record) -> Tally:
    """Extract the parts of a record that observations count."""
    held = record.holder == Holder.TALIBAN
    taken = held[1:].any(axis=0) & ~held[0]
    return Tally(
        held, np.where(taken, 1 + held[1:].argmax(axis=0), len(held)), nights_of(record.crossed), record.admitted
    )


def count_in(tally: Tally, window: Window) -> float:
    """Count what an observation counts in a campaign, in the unit of the observation.

    Args:
        tally: Of the campaign, up to the last day of the window at least.
        window: What is counted.
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
    """Compute the log likelihood of the reported figure, given the count of a campaign."""
    if observation.likelihood == "thinned":
        return log_thinned(observation.value, observation.share * count + UNSEEN, observation.size)
    if observation.likelihood == "normal":
        return log_normal((observation.value - count) / observation.sd, observation.sd)
    distance = math.log1p(observation.value) - math.log1p(count)
    near = math.log1p(-OUTLIER_SHARE) + log_normal(distance / observation.sd, observation.sd)
    far = math.log(OUTLIER_SHARE) + log_normal(distance / OUTLIER_SD, OUTLIER_SD)
    return float(np.logaddexp(near, far))


def reported_of(observation: Observation, count: float, rng: np.random.Generator) -> Observation:
    """Draw a synthetic report of a campaign from the likelihood of an observation.

    Args:
        observation: what is counted, and its error.
        count: of the campaign, as `count_in` gives it.
        rng: draws the error.

    Returns:
        The same observation with a value drawn from its likelihood.
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
    """Compute the log density of a normal error that is `z` standard deviations from 0."""
    return -0.5 * z * z - math.log(sd) - 0.5 * math.log(2.0 * math.pi)


def log_thinned(value: float, mean: float, size: float) -> float:
    """Compute the log probability of a negative binomial count with this mean, and variance mean + mean² / size."""
    return (
        math.lgamma(value + size) - math.lgamma(size) - math.lgamma(value + 1.0)
        + size * math.log(size / (size + mean)) + value * math.log(mean / (size + mean))
    )  # fmt: skip


def log_likelihoods(record: Record, observations: Sequence[Observation], windows: Sequence[Window]) -> list[float]:
    """Compute the log likelihood of each observation, given the record of a campaign."""
    tally = tally_of(record)
    return [
        log_likelihood(observation, count_in(tally, window))
        for observation, window in zip(observations, windows, strict=True)
    ]
