"""Families leave home for fear of fighting, of forces that press, of the newly arrived Taliban, or out of dread.

Reads   fighting, local forces that press, holders, dread, people at home, posts.
Writes  people at home, new refugee rows.
Source  Davenport, Moore and Poe 2003; evidence F013, F108, F126. Assumptions: the people of a row travel together;
        departures are proportional to fear; fear begins before a district falls, when local forces press it.
"""

from typing import NamedTuple

from sim.engine.chance import Stream, uniform, whole
from sim.engine.compile import rule
from sim.engine.world import NEVER, NOBODY, Border, Count, Holder, Land, Posts, RefugeeState, Today, luck_in

CAPITAL_CITY = 0  # Kabul is the first district of the data


class Flight(NamedTuple):
    """Parameters of the flight rule; values, ranges and sources are in `configs/rules/flight.yaml`."""

    daily_share: float  # share per day: people of a fully frightened district who leave per day
    people_per_row: int  # people: people who travel together as one row
    # rows: space for rows, enough for everybody in the data once; a campaign that runs out ends with an error
    rows: int
    fighting: float  # fear: fear where there is an assault
    pressing: float  # fear: fear where local forces press
    arrival: float  # fear: fear after the Taliban have arrived
    arrival_days: float  # days: days for which the arrival of the Taliban causes fear
    dread: float  # fear per dread: fear that dread causes
    calm_below: float  # fear: fear below which nobody leaves
    frontier_km: float  # road km: greatest distance from which a post is considered
    frontier_share: float  # probability: a family near the frontier goes to a post
    capital_city_share: float  # probability: a family goes to Kabul rather than to its provincial capital


class Ways(NamedTuple):
    """Possible destinations of families from a district, other than Kabul, which is always possible."""

    post: int  # nearest post, or NOBODY if none is within reach
    city: int  # district of the provincial capital, or Kabul


@rule
def fear_of(fighting: float, pressed: bool, arrived: bool, dread: float, numbers: Flight) -> float:
    """Return the fear in a district, from 0 (calm) to 1: a weighted sum of fighting, pressing, arrival and dread.

    Sums below `calm_below` count as 0, and sums above 1 as 1.
    """
    fear = numbers.fighting * fighting + numbers.dread * dread
    if pressed:
        fear += numbers.pressing
    if arrived:
        fear += numbers.arrival
    return 0.0 if fear < numbers.calm_below else min(1.0, fear)


@rule
def flee(land: Land, border: Border, numbers: Flight, today: Today) -> None:
    """Let families leave home today, in every district except Kabul.

    Args:
        land: People at home are written.
        border: Refugee rows are added; posts are read.
        numbers: Parameters of the flight rule.
        today: Source of random draws; running totals are written.
    """
    districts = land.districts
    for district in range(districts.at_home.size):
        if district == CAPITAL_CITY:  # families in Kabul have no further destination
            continue
        lost_on = districts.lost_on[district]
        arrived = lost_on != NEVER and today.luck.day - lost_on < numbers.arrival_days
        pressed = districts.pressed[district]
        fear = fear_of(districts.fighting[district], pressed, arrived, districts.dread[district], numbers)
        if fear == 0.0:
            continue
        expected = numbers.daily_share * fear * districts.at_home[district] / numbers.people_per_row
        luck = luck_in(districts.province[district], today)
        groups = whole(expected, uniform(luck, Stream.FLIGHT, districts.identity[district]))
        if groups > 0:
            ways = ways_from(district, land, border.posts, numbers.frontier_km)
            for ordinal in range(groups):
                leave(district, ordinal, ways, land, border, numbers, today)


@rule
def leave(district: int, ordinal: int, ways: Ways, land: Land, border: Border, numbers: Flight, today: Today) -> None:
    """Add one row of refugees, who set out today from their district.

    If all rows are in use, no row is added, and the campaign ends with a CampaignError.
    """
    districts, posts, refugees = land.districts, border.posts, border.refugees
    people = min(numbers.people_per_row, districts.at_home[district])
    row = today.tally[Count.REFUGEE_ROWS]
    if people == 0:
        return
    if row >= refugees.people.size:
        today.tally[Count.CANNOT_GO_ON] = 2
        return
    identity = (districts.identity[district] * 1000 + today.luck.day) * 10000 + ordinal
    districts.at_home[district] -= people
    today.tally[Count.REFUGEE_ROWS] = row + 1
    today.tally[Count.PEOPLE_DISPLACED] += people
    refugees.identity[row] = identity
    refugees.people[row] = people
    refugees.origin[row] = district
    refugees.district[row] = district
    refugees.next_district[row] = district
    refugees.state[row] = RefugeeState.ON_THE_ROAD
    refugees.due_on[row] = today.luck.day
    refugees.post[row] = NOBODY
    luck = luck_in(districts.province[district], today)
    if ways.post >= 0 and uniform(luck, Stream.FRONTIER, identity) < numbers.frontier_share:
        refugees.post[row] = ways.post
        refugees.destination[row] = posts.district[ways.post]
    elif uniform(luck, Stream.DESTINATION, identity) < numbers.capital_city_share:
        refugees.destination[row] = CAPITAL_CITY
    else:
        refugees.destination[row] = ways.city


@rule
def ways_from(district: int, land: Land, posts: Posts, frontier_km: float) -> Ways:
    """Return today's possible destinations of families from a district."""
    return Ways(post_in_reach(district, land, posts, frontier_km), city_of(district, land))


@rule
def post_in_reach(district: int, land: Land, posts: Posts, within_km: float) -> int:
    """Return the nearest post, regardless of who holds its district; -1 if no post is within `within_km` road km."""
    districts, roads = land.districts, land.roads
    post = districts.nearest_post[district]
    if post < 0 or roads.between[district, posts.district[post]] > within_km:
        return NOBODY
    return post


@rule
def city_of(district: int, land: Land) -> int:
    """Return the provincial capital, or Kabul for families from that capital or if the Taliban hold it."""
    districts, provinces = land.districts, land.provinces
    capital = provinces.capital[districts.province[district]]
    if capital == district or districts.holder[capital] == Holder.TALIBAN:
        return CAPITAL_CITY
    return capital
