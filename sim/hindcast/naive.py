"""Make naive forecasts of counts and of the map from an origin, based on the knowledge on that day.

Each method is refitted at each origin. Methods that draw counts draw districts one by one, and soldiers in groups. A
forecast count of districts never exceeds the number of rural districts in the target's provinces, and a forecast count
of soldiers never exceeds a declared maximum, unless the count at the origin already does.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from sim.data.facts import Facts
from sim.hindcast.design import GROWTH_DAYS, RECENT, TARGETS, WEEK, Target
from sim.hindcast.record import Reported, districts_of
from sim.scoring.forecasts import Floats, Marks, grown, neighbours_of, spread

Forward = Callable[[Floats, int, float, int, np.random.Generator], Floats]  # a method such as `no_change`


class Ensemble(NamedTuple):
    """A forecast from one origin: the counts of each member, and the probability that each district is lost."""

    paths: Floats  # (members, targets, horizons) counts; there are no targets if only the map is forecast
    probabilities: Floats  # (horizons, districts of the map) probability that the district is lost


def no_change(_known: Floats, ahead: int, _most: float, size: int, _generator: np.random.Generator) -> Floats:
    """Forecast that the count does not change after the origin.

    Args:
        _known: Cumulative count by day, up to the origin.
        ahead: Longest lead time, in days.
        _most: Largest possible count.
        size: Number of members.
        _generator: Source of random numbers.

    Returns:
        (members, days) Increase since the origin by the end of each of the next `ahead` days.
    """
    return np.zeros((size, ahead))


def last_seven_days(known: Floats, ahead: int, _most: float, size: int, generator: np.random.Generator) -> Floats:
    """Forecast a Poisson process with the rate of the last seven days.

    The rate of each member is drawn from the gamma posterior under the Jeffreys prior.
    """
    rate = generator.gamma(known[-1] - known[-1 - WEEK] + 0.5, 1 / WEEK, size)
    return np.cumsum(generator.poisson(np.repeat(rate[:, None], ahead, axis=1)), axis=1).astype(np.float64)


def exponential_growth(known: Floats, ahead: int, most: float, size: int, generator: np.random.Generator) -> Floats:
    """Forecast exponential growth from a line fitted to the logarithms of the counts on four days.

    Before taking logarithms, 0.5 is added to each count, which may be 0.

    Args:
        known: Cumulative count by day, up to the origin.
        ahead: Longest lead time, in days.
        most: Largest possible count.
        size: Number of members.
        generator: Source of random numbers.

    Returns:
        (members, days) Increase since the origin by the end of each of the next `ahead` days.
    """
    origin = known.size - 1
    days = [origin - back for back in GROWTH_DAYS]
    counts = grown(days, [float(known[day]) + 0.5 for day in days], origin + ahead, most, size, generator)
    return (counts[:, origin:] - counts[:, origin - 1 : origin]).astype(np.float64)


def recent_days(known: Floats, ahead: int, _most: float, size: int, generator: np.random.Generator) -> Floats:
    """Forecast daily increases drawn at random from those of the last `RECENT` days."""
    return np.cumsum(generator.choice(np.diff(known[-1 - RECENT :]), (size, ahead)), axis=1)


COUNTS: dict[str, Forward] = {
    one.__name__: one for one in (no_change, last_seven_days, exponential_growth, recent_days)
}


def naive_forecasts(
    known: Reported, origin: int, horizons: tuple[int, ...], facts: Facts, size: int, seed: int
) -> dict[str, Ensemble]:
    """Make all naive forecasts from one origin.

    Args:
        known: The record as it was known at the origin.
        origin: Day from which to forecast, counted from day 0.
        horizons: Lead times, in days.
        facts: Facts about the districts: provinces, capitals and neighbours.
        size: Number of members of each forecast.
        seed: Seed of the random numbers.

    Returns:
        The forecasts, keyed by name.
    """
    found = {
        name: count_forecast(one, known, origin, horizons, facts, size, np.random.default_rng([seed, origin, place]))
        for place, (name, one) in enumerate(COUNTS.items())
    }
    return found | {"neighbours": neighbours(known, origin, horizons, facts, size, seed)}


def count_forecast(
    forward: Forward,
    known: Reported,
    origin: int,
    horizons: tuple[int, ...],
    facts: Facts,
    size: int,
    generator: np.random.Generator,
) -> Ensemble:
    """Forecast all counts by one method, and the map under the assumption that random rural districts are lost.

    Args:
        forward: The method.
        known: The record as it was known at the origin.
        origin: Day from which to forecast, counted from day 0.
        horizons: Lead times, in days.
        facts: Facts about the districts.
        size: Number of members.
        generator: Source of random numbers.
    """
    paths = np.zeros((size, len(TARGETS), len(horizons)))
    steps = [horizon - 1 for horizon in horizons]
    for place, target in enumerate(TARGETS.values()):
        series, most = known.counts[place, : origin + 1], most_of(target, facts)
        added = forward(series / target.group, max(horizons), most / target.group, size, generator) * target.group
        paths[:, place] = np.minimum(series[-1] + added[:, steps], max(most, series[-1]))
    return Ensemble(paths, at_random(paths[:, 0] - known.counts[0, origin], known, origin, facts))


def most_of(target: Target, facts: Facts) -> float:
    """Return the largest possible count of a target: its declared maximum or else its number of rural districts."""
    return target.most or float((districts_of(target, facts) & ~facts.is_capital).sum())


def at_random(added: Floats, known: Reported, origin: int, facts: Facts) -> Floats:
    """Return the probability that each district of the map is lost if random rural districts are lost.

    Districts already lost have probability 1, and capitals that are not lost have probability 0.
    """
    lost = lost_at(known, origin)
    is_open = ~lost & ~facts.is_capital
    chance = np.minimum(added, is_open.sum()).mean(axis=0) / is_open.sum()
    return np.where(lost, 1.0, np.where(is_open, chance[:, None], 0.0))[:, known.districts.district]


def lost_at(known: Reported, day: int) -> Marks:
    """Return whether each district is known to have been lost by the end of a day."""
    return (known.fell >= 0) & (known.fell <= day)


def neighbours(
    known: Reported, origin: int, horizons: tuple[int, ...], facts: Facts, size: int, seed: int
) -> Ensemble:  # fmt: skip
    """Forecast the map, but no counts: districts fall at a rate proportional to their number of lost neighbours.

    The rate per lost neighbour is drawn for each member from its posterior given the falls of the last seven days.
    """
    generator = np.random.default_rng([seed, origin, len(COUNTS)])
    falls, exposed = 0, 0.0
    for day in range(origin - WEEK + 1, origin + 1):
        before, after = lost_at(known, day - 1), lost_at(known, day)
        exposed += float((neighbours_of(facts) @ before.astype(np.float64))[~before & ~facts.is_capital].sum())
        falls += int((after & ~before).sum())
    pace = generator.gamma(falls + 0.5, 1 / exposed, size) if exposed else np.zeros(size)
    held = np.repeat(lost_at(known, origin)[None, :], size, axis=0)
    ahead = spread(facts, held, pace, max(horizons), generator)
    probabilities = ahead[:, list(horizons)][:, :, known.districts.district].mean(axis=0)
    return Ensemble(np.zeros((size, 0, len(horizons))), probabilities)


def mixture(one: Ensemble, other: Ensemble) -> Ensemble:
    """Mix two forecasts of the same size in equal parts.

    Args:
        one: The first forecast.
        other: The second forecast, with as many members.

    Returns:
        A forecast with the members of both and the mean of their probabilities.
    """
    return Ensemble(np.concatenate([one.paths, other.paths]), (one.probabilities + other.probabilities) / 2)
