"""Compute the reported count of each target by day, from the whole record or from the knowledge at an origin.

Because some falls have no date, each dated fall is counted as 1 / s falls, where s is the share of falls with a date,
declared in observations.csv for provinces and periods. Falls are assumed to have been known on their day, and soldiers
who crossed in a night from the publication of their count. The record is used only for scoring and for naive forecasts.

Reads   the dates of falls and observations.csv.
"""

from collections.abc import Sequence
from datetime import date
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sim.assimilation.observations import Observation
from sim.data.facts import THE_LINE, Facts, Falls
from sim.hindcast.design import SOLDIERS, TARGETS, Target
from sim.scoring.forecasts import DAYS, Floats
from sim.scoring.targets import DAY_0, DistrictTargets, district_targets, when_lost


class Reported(NamedTuple):
    """The record, or the part that was known on a day."""

    counts: Floats  # (targets, days) cumulative counts, in the order of TARGETS and from day 0 on
    fell: NDArray[np.int64]  # (districts) day of the dated fall, counted from day 0; -1 if there is none
    districts: DistrictTargets  # the districts of the map


def record_of(facts: Facts, falls: Falls, observations: Sequence[Observation]) -> Reported:
    """Compute the reported count of every target at the end of each day up to 7 July.

    Args:
        facts: Facts about the districts, with their provinces.
        falls: Reported date of loss per district.
        observations: Counts of soldiers by night, and the shares of falls that have a date.

    Returns:
        The record against which forecasts are scored.
    """
    latest = when_lost(facts, falls).latest
    fell = np.full(latest.size, -1, np.int64)
    dated = np.flatnonzero(latest <= np.datetime64(THE_LINE))
    fell[dated] = (latest[dated] - np.datetime64(DAY_0)).astype(np.int64)
    weights = np.array([weight_of(facts.province[row], int(fell[row]), observations) for row in dated])
    days = np.arange(DAYS + 1)
    counts = np.zeros((len(TARGETS), DAYS + 1))
    for place, (name, target) in enumerate(TARGETS.items()):
        if name == SOLDIERS:
            nights = [one for one in observations if one.quantity == "crossed" and not one.scope]
            counts[place] = sum(one.value * (days >= (one.until - DAY_0).days) for one in nights)
        else:
            here = districts_of(target, facts)[dated]
            counts[place] = (weights[here, None] * (fell[dated][here, None] <= days)).sum(axis=0)
    return Reported(counts, fell, district_targets(facts, falls))


def districts_of(target: Target, facts: Facts) -> NDArray[np.bool_]:
    """Return whether each district is counted in a target."""
    return np.isin(facts.province, target.provinces or facts.provinces)


def weight_of(province: str, day: int, observations: Sequence[Observation]) -> float:
    """Return the number of falls that one dated fall represents in a given province on a given day."""
    shares = [
        one.share
        for one in observations
        if one.likelihood == "thinned" and province in one.scope and day_of(one.since) <= day <= day_of(one.until)
    ]
    return 1.0 / shares[0] if shares else 1.0


def day_of(day: date) -> int:
    """Return a date as a number of days since day 0."""
    return (day - DAY_0).days


def known_at(origin: date, facts: Facts, falls: Falls, observations: Sequence[Observation]) -> Reported:
    """Compute the reported counts from the figures known at the end of a day.

    Args:
        origin: That day.
        facts: Facts about the districts, with their provinces.
        falls: Reported date of loss per district; dates after `origin` are ignored.
        observations: Counts of soldiers, ignored if published after `origin`, and the shares of falls that have a
            date, always used.

    Returns:
        The record, with constant counts after `origin`.
    """
    late = ~(falls.fell_date <= np.datetime64(origin))  # also true for a missing date (NaT)
    dates = np.where(late, np.datetime64("NaT"), falls.fell_date)
    precision = tuple("" if is_late else one for is_late, one in zip(late, falls.precision, strict=True))
    published = [one._replace(value=one.value if one.published <= origin else 0.0) for one in observations]
    return record_of(facts, falls._replace(fell_date=dates, precision=precision), published)
