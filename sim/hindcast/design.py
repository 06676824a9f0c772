"""Declare the design of the hindcasts, which was fixed before the first one was run.

A forecast may use only what was published by the end of its origin, the day from which it is made. Only days up to 7
July are scored. The reasons for the origins, horizons, targets and forecasts are in `docs/explanation/hindcast.md`.
"""

from datetime import date, timedelta
from typing import NamedTuple

from sim.data.facts import THE_LINE
from sim.errors import PanjError

ORIGINS = tuple(
    date(2021, month, day)
    for month, day in ((6, 8), (6, 14), (6, 19), (6, 22), (6, 25), (6, 28), (7, 1), (7, 3), (7, 5))
)
HORIZONS = (1, 3, 7, 14)  # days from the origin to the forecast day
QUANTILES = (
    0.01,
    0.025,
    *(round(0.05 * step, 2) for step in range(1, 20)),
    0.975,
    0.99,
)  # quantile levels used by forecast hubs
RECENT = 14  # number of days whose daily increments `recent_days` resamples
WEEK = 7  # number of days over which `last_seven_days` and `neighbours` estimate their rate
GROWTH_DAYS = (15, 10, 5, 0)  # days before the origin whose counts `exponential_growth` fits
BLOCK = 3  # number of successive origins per block of the bootstrap
RESAMPLES = 2000
BINS = 10  # number of bins of forecast probability in the reliability diagram
TABLES = ("counts", "paths", "maps", "reliability", "coverage", "differences", "record")  # names of the CSV files


class Target(NamedTuple):
    """A cumulative count to forecast."""

    about: str
    unit: str
    provinces: tuple[str, ...]  # provinces whose districts are counted; empty for all
    group: float  # size of the groups in which naive forecasts draw counts
    most: float  # upper limit of naive forecasts, a guess; 0 for the number of rural districts of the provinces


NORTH = ("Badakhshan", "Takhar", "Kunduz", "Baghlan", "Samangan", "Balkh", "Jawzjan", "Sar-e-Pul", "Faryab")
SOLDIERS = "soldiers"
TARGETS: dict[str, Target] = {
    "country": Target("Districts taken since 1 May, Afghanistan", "districts", (), 1.0, 0.0),
    "north": Target("Districts taken since 1 May, nine northern provinces", "districts", NORTH, 1.0, 0.0),
    "badakhshan": Target("Districts taken since 1 May, Badakhshan", "districts", ("Badakhshan",), 1.0, 0.0),
    # whole garrisons cross, so men are drawn in groups of 50, as for the error of the split in targets.csv
    SOLDIERS: Target("Soldiers who crossed into Tajikistan since 1 May", "soldiers", (), 50.0, 10_000.0),
}
MAPS = {
    "map": "Districts of the north-east and of the Tajik frontier: lost by the day or not",
    "map_open": "Districts of the north-east and of the Tajik frontier not yet lost at the origin: lost or not",
}
PANJ, FREE, GROWTH, MIXTURE = "panj", "free_panj", "exponential_growth", "mixture"
FORECASTS = {
    PANJ: "Panj, conditioned on what was published up to the origin",
    FREE: "Panj, unconditioned, with numbers from their priors",
    "no_change": "Nothing changes",
    "last_seven_days": "As many a day as in the last seven days",
    GROWTH: "Exponential growth, fitted to four counts of the last 15 days",
    "recent_days": "Each day is one of the last 14 days, at random",
    "neighbours": "Districts next to held ones fall, at the rate of the last seven days (map only)",
    MIXTURE: "Panj and exponential growth, half each",
}


def scored(origin: date, horizons: tuple[int, ...] = HORIZONS) -> tuple[int, ...]:
    """Return the horizons at which a forecast from an origin can be scored: those that end by 7 July."""
    return tuple(horizon for horizon in horizons if origin + timedelta(horizon) <= THE_LINE)


def check(origins: tuple[date, ...], horizons: tuple[int, ...]) -> None:
    """Check the requested origins and horizons.

    Args:
        origins: Days from which to forecast.
        horizons: Lead times, in days.

    Raises:
        PanjError: An origin is not in the design, no horizon from it ends by 7 July, or an origin or horizon is given
            twice.
    """
    for origin in origins:
        if origin not in ORIGINS:
            days = ", ".join(day.isoformat() for day in ORIGINS)
            raise PanjError(f"origins: found {origin}, expected one of {days}")
        if not scored(origin, horizons):
            raise PanjError(
                f"horizons: found none that ends by {THE_LINE} for origin {origin}, expected at least one, such as 1"
            )
    for key, given in (("origins", origins), ("horizons", horizons)):
        if len(set(given)) < len(given):
            raise PanjError(f"{key}: found {', '.join(map(str, given))}, expected each value only once")
