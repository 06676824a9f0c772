"""News of a fall frightens neighbouring districts, the province and, a little, the country; dread fades.

Reads   yesterday's falls and how each came about, provinces under pressure, holders.
Writes  dread and anger of districts.
Source  Kuran 1991; Lehmann and Zhukov 2019 (a surrender makes the next more likely); evidence F079 and F089 (nine
        districts in two days, ten in three). Assumption: news takes one night.
        Rival theories (config group `theory`): private thresholds (Granovetter 1978), where dread sets in once enough
        of the observed districts are lost; anger and fear (Epstein 2013, Bennett 2008), where a fall in battle angers
        those who hear of it, and anger reduces fear.
"""

import math
from typing import NamedTuple

from sim.engine.chance import logistic
from sim.engine.compile import rule
from sim.engine.world import NEVER, Districts, Fall, Holder, Land


class News(NamedTuple):
    """Parameters of the news rule; values, ranges and sources are in `configs/rules/news.yaml`."""

    next_door: float  # share of calm lost: dread that a fall adds in neighbouring districts
    province: float  # share of calm lost: dread that a fall adds in its province
    country: float  # share of calm lost: dread that a fall adds elsewhere
    handover_factor: float  # factor: weight of news of a fall without a fight, relative to one in battle
    pressure_factor: float  # factor: increase in the weight of news in a province under pressure
    fade_days: float  # days: time constant with which dread fades
    anger: float  # weight: effect of anger; 0 in theories without anger
    anger_factor: float  # factor: anger that a fall in battle adds, relative to the dread that it adds
    herding: float  # weight: dread of a garrison whose threshold is passed; 0 in theories without thresholds
    # share: mean threshold, the share of observed districts that must be lost before a garrison is affected
    threshold_mean: float
    threshold_spread: float  # share: standard deviation of thresholds between garrisons
    threshold_steepness: float  # logit per share: how sharply dread sets in at the threshold


@rule
def rises(dread: float, amount: float) -> float:
    """Return dread (or anger) after news, raised by a share `amount` of the difference between 1 and `dread`."""
    return dread + (1.0 - dread) * min(1.0, amount)


@rule
def weight_of(how: int, handover_factor: float) -> float:
    """Return the weight of a fall as news: 1 for a fall in battle, `handover_factor` for any other."""
    return 1.0 if how == Fall.FOUGHT else handover_factor


@rule
def frightens(amount: float, anger: float) -> float:
    """Return how strongly news frightens a district with a given anger (0 to 1): `amount` times (1 - `anger`)."""
    return amount * (1.0 - anger)


@rule
def angers(amount: float, how: int, numbers: News) -> float:
    """Return the anger that news adds: proportional to `amount` if the district fell in battle, otherwise 0."""
    return numbers.anger * numbers.anger_factor * amount if how == Fall.FOUGHT else 0.0


@rule
def follows(seen: float, draw: float, numbers: News) -> float:
    """Return the dread caused by observed losses: near 0 below the garrison's threshold, near `herding` above it.

    `seen` is the share of observed districts that are lost, and `draw` the standard normal draw that sets the
    threshold.
    """
    threshold = numbers.threshold_mean + numbers.threshold_spread * draw
    return numbers.herding * logistic(numbers.threshold_steepness * (seen - threshold))


@rule
def spread_news(land: Land, numbers: News, day: int) -> None:
    """Fade dread and anger, spread the news of yesterday's falls, then let garrisons observe their neighbours.

    Args:
        land: Dread and anger are written.
        numbers: Parameters of the news rule.
        day: Days since day 0.
    """
    districts = land.districts
    fade(districts, numbers.fade_days)
    for lost in range(districts.holder.size):
        if districts.lost_on[lost] == day - 1:
            spread_fall(lost, land, numbers)
    if numbers.herding > 0.0:  # without herding there is nothing to observe
        observe_neighbours(land, numbers)


@rule
def fade(districts: Districts, fade_days: float) -> None:
    """Let the dread and anger of every district decay exponentially for one day, with time constant `fade_days`."""
    kept = math.exp(-1.0 / fade_days)
    for district in range(districts.dread.size):
        districts.dread[district] *= kept
        districts.anger[district] *= kept


@rule
def receive_news(district: int, amount: float, how: int, districts: Districts, numbers: News) -> None:
    """Add the dread and anger that one piece of news causes in one district."""
    fright = frightens(amount, districts.anger[district])
    districts.dread[district] = rises(districts.dread[district], fright)
    districts.anger[district] = rises(districts.anger[district], angers(amount, how, numbers))


@rule
def spread_fall(lost: int, land: Land, numbers: News) -> None:
    """Spread the news of a fall to the lost district's province and, with another weight, to the rest of the country.

    The neighbours of the lost district receive the news a second time, with a third weight.
    """
    districts, provinces, roads = land.districts, land.provinces, land.roads
    how = districts.lost_how[lost]
    weight = weight_of(how, numbers.handover_factor)
    home = districts.province[lost]
    local = weight * numbers.province
    if provinces.under_pressure[home]:
        local *= numbers.pressure_factor
    for district in range(districts.dread.size):
        amount = local if districts.province[district] == home else weight * numbers.country
        receive_news(district, amount, how, districts, numbers)
    for link in range(roads.first[lost], roads.first[lost + 1]):
        receive_news(roads.neighbour[link], weight * numbers.next_door, how, districts, numbers)


@rule
def observe_neighbours(land: Land, numbers: News) -> None:
    """Raise the dread of a district if enough of the districts that its garrison observes have been lost."""
    districts, provinces = land.districts, land.provinces
    for province in range(provinces.capital.size):
        gone = 0
        for district in range(provinces.first[province], provinces.end[province]):
            gone += has_gone(district, districts)
        count = provinces.end[province] - provinces.first[province]
        for district in range(provinces.first[province], provinces.end[province]):
            seen = share_seen(district, gone, count, land)
            following = follows(seen, districts.threshold_draw[district], numbers)
            districts.dread[district] = max(districts.dread[district], following)


@rule
def has_gone(district: int, districts: Districts) -> int:
    """Return 1 if the district was lost after day 0 and the Taliban hold it, otherwise 0."""
    return 1 if districts.first_lost_on[district] != NEVER and districts.holder[district] == Holder.TALIBAN else 0


@rule
def share_seen(district: int, gone: int, count: int, land: Land) -> float:
    """Return the share of lost districts among those that a garrison observes.

    It observes the districts of its own province and the neighbouring districts in other provinces. `gone` is the
    number of lost districts in its province, `count` the number of all districts there.
    """
    districts, roads = land.districts, land.roads
    for link in range(roads.first[district], roads.first[district + 1]):
        neighbour = roads.neighbour[link]
        if districts.province[neighbour] != districts.province[district]:
            gone += has_gone(neighbour, districts)
            count += 1
    return gone / count
