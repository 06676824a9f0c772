"""News of a fall frightens those next door, those of the province and, a little, the country; fear fades.

Reads   yesterday's falls and how they came, provinces under pressure, who holds what.
Writes  dread and anger of districts.
Source  Kuran 1991; Lehmann and Zhukov 2019 (a surrender makes the next more likely); evidence F079 and F089 (nine
        districts in two days, ten in three). Assumption: news takes one night.
        Rival theories (config group `theory`): private thresholds, Granovetter 1978: a garrison goes once enough of
        those that it sees have gone, however long ago; anger and fear, Epstein 2013 and Bennett 2008: a fall in battle
        angers those who hear of it, and the angry take less fright.
"""

import math
from typing import NamedTuple

from sim.engine.chance import logistic
from sim.engine.compile import rule
from sim.engine.world import NEVER, Districts, Fall, Holder, Provinces, Roads


class News(NamedTuple):
    """Numbers of the rule; meaning, unit, source and range in `configs/rules/news.yaml`."""

    next_door: float
    province: float
    country: float
    handover_factor: float
    pressure_factor: float
    fade_days: float
    anger: float
    anger_factor: float
    herding: float
    threshold_mean: float
    threshold_spread: float
    threshold_steepness: float


@rule
def rises(dread: float, amount: float) -> float:
    """Fear grows towards 1: the frightened have less left to lose."""
    return dread + (1.0 - dread) * min(1.0, amount)


@rule
def weight_of(how: int, handover_factor: float) -> float:
    """A district given up without a fight is worse news than one lost in battle."""
    return 1.0 if how == Fall.FOUGHT else handover_factor


@rule
def frightens(amount: float, anger: float) -> float:
    """The same news frightens the angry less."""
    return amount * (1.0 - anger)


@rule
def angers(amount: float, how: int, numbers: News) -> float:
    """A fall in battle angers those whom it frightens; nobody is angry with those who handed over."""
    return numbers.anger * numbers.anger_factor * amount if how == Fall.FOUGHT else 0.0


@rule
def follows(seen: float, lot: float, numbers: News) -> float:
    """Nearly none below a garrison's own threshold of how many have gone, nearly all above it."""
    threshold = numbers.threshold_mean + numbers.threshold_spread * lot
    return numbers.herding * logistic(numbers.threshold_steepness * (seen - threshold))


@rule
def spread_news(districts: Districts, provinces: Provinces, roads: Roads, numbers: News, day: int) -> None:
    """Yesterday's fear and anger fade; each of yesterday's falls adds to them; then all look about them."""
    fade(districts, numbers.fade_days)
    for lost in range(districts.holder.size):
        if districts.lost_on[lost] == day - 1:
            tell_of(lost, districts, provinces, roads, numbers)
    if numbers.herding > 0.0:  # nobody looks about for nothing
        look_about(districts, provinces, roads, numbers)


@rule
def fade(districts: Districts, fade_days: float) -> None:
    """Fear and anger lose the same share every day."""
    kept = math.exp(-1.0 / fade_days)
    for district in range(districts.dread.size):
        districts.dread[district] *= kept
        districts.anger[district] *= kept


@rule
def hear(district: int, amount: float, how: int, districts: Districts, numbers: News) -> None:
    """One piece of news reaches one district."""
    fright = frightens(amount, districts.anger[district])
    districts.dread[district] = rises(districts.dread[district], fright)
    districts.anger[district] = rises(districts.anger[district], angers(amount, how, numbers))


@rule
def tell_of(lost: int, districts: Districts, provinces: Provinces, roads: Roads, numbers: News) -> None:
    """One fall is heard next door, in its province and in the country."""
    how = districts.lost_how[lost]
    weight = weight_of(how, numbers.handover_factor)
    home = districts.province[lost]
    local = weight * numbers.province
    if provinces.under_pressure[home]:
        local *= numbers.pressure_factor
    for district in range(districts.dread.size):
        amount = local if districts.province[district] == home else weight * numbers.country
        hear(district, amount, how, districts, numbers)
    for link in range(roads.first[lost], roads.first[lost + 1]):
        hear(roads.neighbour[link], weight * numbers.next_door, how, districts, numbers)


@rule
def look_about(districts: Districts, provinces: Provinces, roads: Roads, numbers: News) -> None:
    """Each garrison sees how many of its province and next door have gone, and follows or does not."""
    for province in range(provinces.capital.size):
        gone = 0
        for district in range(provinces.first[province], provinces.end[province]):
            gone += has_gone(district, districts)
        count = provinces.end[province] - provinces.first[province]
        for district in range(provinces.first[province], provinces.end[province]):
            seen = share_seen(district, gone, count, districts, roads)
            following = follows(seen, districts.threshold_lot[district], numbers)
            districts.dread[district] = max(districts.dread[district], following)


@rule
def has_gone(district: int, districts: Districts) -> int:
    """1 for a district lost since day 0 and not retaken, else 0."""
    return 1 if districts.first_lost_on[district] != NEVER and districts.holder[district] == Holder.TALIBAN else 0


@rule
def share_seen(district: int, gone: int, count: int, districts: Districts, roads: Roads) -> float:
    """The share that has gone of its province and of the districts next door in other provinces."""
    for link in range(roads.first[district], roads.first[district + 1]):
        neighbour = roads.neighbour[link]
        if districts.province[neighbour] != districts.province[district]:
            gone += has_gone(neighbour, districts)
            count += 1
    return gone / count
