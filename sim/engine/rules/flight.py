"""Families leave home when fighting, pressing forces, the arrival of the Taliban or dread outweighs what holds them.

Reads   fighting, local forces that press, holders, dread, people at home, posts.
Writes  people at home, new refugee rows.
Source  Davenport, Moore and Poe 2003; evidence F013, F108, F126. Assumption: those of a row travel together; fear
        counts in proportion, and begins where outposts are pressed, before a district falls.
"""

from typing import NamedTuple

from sim.engine.chance import Luck, Stream, draw, whole
from sim.engine.compile import rule
from sim.engine.world import (
    NEVER,
    NOBODY,
    Count,
    Districts,
    Holder,
    Posts,
    Provinces,
    Refugees,
    RefugeeState,
    Roads,
    Whole,
)

CAPITAL_CITY = 0  # Kabul is the first district of the data


class Flight(NamedTuple):
    """Numbers of the rule; meaning, unit, source and range in `configs/rules/flight.yaml`."""

    daily_share: float
    people_per_row: int
    rows: int
    fighting: float
    pressing: float
    arrival: float
    arrival_days: float
    dread: float
    calm_below: float
    frontier_km: float
    frontier_share: float
    capital_city_share: float


@rule
def fear_of(fighting: float, pressed: bool, arrived: bool, dread: float, numbers: Flight) -> float:
    """0 in a calm district; fighting, pressing, arrival and dread add up, to 1 at most."""
    fear = numbers.fighting * fighting + numbers.dread * dread
    if pressed:
        fear += numbers.pressing
    if arrived:
        fear += numbers.arrival
    return 0.0 if fear < numbers.calm_below else min(1.0, fear)


@rule
def flee(
    districts: Districts,
    provinces: Provinces,
    roads: Roads,
    posts: Posts,
    refugees: Refugees,
    numbers: Flight,
    luck: Luck,
    tally: Whole,
) -> None:
    """Every district, in order, sends those who leave today onto the road."""
    for district in range(districts.at_home.size):
        if district == CAPITAL_CITY:  # nowhere further to go
            continue
        lost_on = districts.lost_on[district]
        arrived = lost_on != NEVER and luck.day - lost_on < numbers.arrival_days
        pressed = districts.pressed[district]
        fear = fear_of(districts.fighting[district], pressed, arrived, districts.dread[district], numbers)
        if fear == 0.0:
            continue
        expected = numbers.daily_share * fear * districts.at_home[district] / numbers.people_per_row
        groups = whole(expected, draw(luck, Stream.FLIGHT, districts.identity[district]))
        for ordinal in range(groups):
            leave(district, ordinal, districts, provinces, roads, posts, refugees, numbers, luck, tally)


@rule
def leave(
    district: int,
    ordinal: int,
    districts: Districts,
    provinces: Provinces,
    roads: Roads,
    posts: Posts,
    refugees: Refugees,
    numbers: Flight,
    luck: Luck,
    tally: Whole,
) -> None:
    """One more row on the road; when the space for rows is spent the campaign ends with a named error."""
    people = min(numbers.people_per_row, districts.at_home[district])
    row = tally[Count.REFUGEE_ROWS]
    if people == 0:
        return
    if row >= refugees.people.size:
        tally[Count.CANNOT_GO_ON] = 2
        return
    identity = (districts.identity[district] * 1000 + luck.day) * 10000 + ordinal
    districts.at_home[district] -= people
    tally[Count.REFUGEE_ROWS] = row + 1
    tally[Count.PEOPLE_DISPLACED] += people
    refugees.identity[row] = identity
    refugees.people[row] = people
    refugees.origin[row] = district
    refugees.district[row] = district
    refugees.next_district[row] = district
    refugees.state[row] = RefugeeState.ON_THE_ROAD
    refugees.post[row] = NOBODY
    post = NOBODY
    if draw(luck, Stream.FRONTIER, identity) < numbers.frontier_share:
        post = post_in_reach(district, districts, roads, posts, numbers.frontier_km)
    if post >= 0:
        refugees.post[row] = post
        refugees.destination[row] = posts.district[post]
    else:
        chance = draw(luck, Stream.DESTINATION, identity)
        refugees.destination[row] = choose_city(district, districts, provinces, chance, numbers.capital_city_share)


@rule
def post_in_reach(district: int, districts: Districts, roads: Roads, posts: Posts, within_km: float) -> int:
    """The nearest post, whoever holds its bank, or -1."""
    post = districts.nearest_post[district]
    if post < 0 or roads.between[district, posts.district[post]] > within_km:
        return NOBODY
    return post


@rule
def choose_city(
    district: int, districts: Districts, provinces: Provinces, chance: float, capital_city_share: float
) -> int:
    """Most go to their provincial capital while the government holds it, the others to Kabul."""
    capital = provinces.capital[districts.province[district]]
    if chance < capital_city_share or capital == district or districts.holder[capital] == Holder.TALIBAN:
        return CAPITAL_CITY
    return capital
