"""News of a fall frightens those next door, those of the province and, a little, the country; fear fades.

Reads   yesterday's falls and how they came, provinces under pressure.
Writes  dread of districts.
Source  Granovetter 1978; Kuran 1991; Lehmann and Zhukov 2019 (a surrender makes the next more likely); evidence
        F079 and F089 (nine districts in two days, ten in three). Assumption: news takes one night.
"""

import math
from typing import NamedTuple

from sim.rules import rule
from sim.world import Districts, Fall, Provinces, Roads


class News(NamedTuple):
    """Numbers of the rule; meaning, unit, source and range in `configs/rules/news.yaml`."""

    next_door: float
    province: float
    country: float
    handover_factor: float
    pressure_factor: float
    fade_days: float


@rule
def rises(dread: float, amount: float) -> float:
    """Fear grows towards 1: the frightened have less left to lose."""
    return dread + (1.0 - dread) * min(1.0, amount)


@rule
def weight_of(how: int, handover_factor: float) -> float:
    """A district given up without a fight is worse news than one lost in battle."""
    return 1.0 if how == Fall.FOUGHT else handover_factor


@rule
def spread_news(districts: Districts, provinces: Provinces, roads: Roads, numbers: News, day: int) -> None:
    """Yesterday's fear fades; each of yesterday's falls adds to it."""
    fade(districts, numbers.fade_days)
    for lost in range(districts.holder.size):
        if districts.lost_on[lost] == day - 1:
            tell_of(lost, districts, provinces, roads, numbers)


@rule
def fade(districts: Districts, fade_days: float) -> None:
    """Fear loses the same share every day."""
    kept = math.exp(-1.0 / fade_days)
    for district in range(districts.dread.size):
        districts.dread[district] *= kept


@rule
def tell_of(lost: int, districts: Districts, provinces: Provinces, roads: Roads, numbers: News) -> None:
    """One fall is heard next door, in its province and in the country."""
    weight = weight_of(districts.lost_how[lost], numbers.handover_factor)
    home = districts.province[lost]
    local = weight * numbers.province
    if provinces.under_pressure[home]:
        local *= numbers.pressure_factor
    for district in range(districts.dread.size):
        amount = local if districts.province[district] == home else weight * numbers.country
        districts.dread[district] = rises(districts.dread[district], amount)
    for link in range(roads.first[lost], roads.first[lost + 1]):
        neighbour = roads.neighbour[link]
        districts.dread[neighbour] = rises(districts.dread[neighbour], weight * numbers.next_door)
