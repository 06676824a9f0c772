"""Families travel link by link towards their destination and avoid fighting when they can.

Reads   roads, fighting.
Writes  positions and days on the road of families, families that settle or join a queue.
Source  Flee (Suleimenova, Bell and Groen 2017) for the method: families choose among links at every town. Assumptions:
        a road is longer than the distance between centroids by a factor (guess), and longer still in mountains; every
        link that a family takes brings it nearer to its destination.
"""

import math
from typing import NamedTuple

from sim.engine.compile import rule
from sim.engine.world import NOBODY, Border, Count, Land, Queues, Refugees, RefugeeState, Whole

ROUNDING = 1e-9  # days of travel attributed to rounding


class Journeys(NamedTuple):
    """Parameters of the rule for journeys; values, ranges and sources are in `configs/rules/journeys.yaml`."""

    road_factor: float  # road km per km: length of a road relative to the straight line between centroids
    km_per_day: float  # road km per day: distance that a family travels per day
    mountain_factor: float  # factor above 1: how much longer roads are in high mountains
    avoid_km: float  # road km: detour that a family accepts to avoid fighting


@rule
def cost(km_left: float, fighting: float, avoid_km: float) -> float:
    """Return the cost of a route in km, which is higher by `avoid_km` if it leads through fighting."""
    return km_left + avoid_km * fighting


@rule
def travel(land: Land, border: Border, numbers: Journeys, tally: Whole) -> None:
    """Move every family on the road by one day, in row order, and remove those that arrive from the list of travellers.

    Args:
        land: Roads and fighting are read.
        border: Refugees, queues and counts of the posts are written.
        numbers: Parameters of the rule for journeys.
        tally: Running totals of the campaign are written.
    """
    refugees, queues = border.refugees, border.queues
    join_the_road(border, tally)
    left = 0
    for place in range(tally[Count.TRAVELLERS]):
        family = queues.travelling[place]
        if refugees.state[family] == RefugeeState.ON_THE_ROAD:
            refugees.road_days[family] += 1
            use_up_a_day(family, land, border, numbers, tally)
        queues.travelling[left] = family
        left += refugees.state[family] == RefugeeState.ON_THE_ROAD
    tally[Count.TRAVELLERS] = left


@rule
def join_the_road(border: Border, tally: Whole) -> None:
    """Add families that have set out since the last call to the list of travellers, which is kept in row order."""
    refugees, queues = border.refugees, border.queues
    while tally[Count.TRAVELLERS] > 0 and queues.travelling[tally[Count.TRAVELLERS] - 1] >= tally[Count.SET_OUT]:
        tally[Count.TRAVELLERS] -= 1
    for family in range(tally[Count.SET_OUT], tally[Count.REFUGEE_ROWS]):
        if refugees.state[family] == RefugeeState.ON_THE_ROAD:
            queues.travelling[tally[Count.TRAVELLERS]] = family
            tally[Count.TRAVELLERS] += 1
    tally[Count.SET_OUT] = tally[Count.REFUGEE_ROWS]


@rule
def use_up_a_day(family: int, land: Land, border: Border, numbers: Journeys, tally: Whole) -> None:
    """Move a family along as many links as it can travel in a day; it may end the day partway along a link."""
    refugees = border.refugees
    left = 1.0
    while True:
        step = min(left, refugees.days_to_go[family])
        refugees.days_to_go[family] -= step
        left -= step
        if refugees.days_to_go[family] > ROUNDING:
            return
        refugees.district[family] = refugees.next_district[family]
        if refugees.district[family] == refugees.destination[family]:
            arrive(family, border, tally)
            return
        if left <= ROUNDING:
            return
        set_out_on_link(family, land, refugees, numbers.avoid_km)


@rule
def set_out_on_link(family: int, land: Land, refugees: Refugees, avoid_km: float) -> None:
    """Choose a family's next link: the usual link or, if that leads to fighting, the link with the lowest cost."""
    districts, roads = land.districts, land.roads
    here = refugees.district[family]
    goal = refugees.destination[family]
    best = roads.onward[goal, here]
    if districts.fighting[roads.neighbour[best]] > 0.0:
        best = cheapest_link(here, goal, land, avoid_km)
    refugees.next_district[family] = roads.neighbour[best]
    refugees.days_to_go[family] = roads.days[best]


@rule
def cheapest_link(here: int, goal: int, land: Land, avoid_km: float) -> int:
    """Return the link with the lowest cost today, among those that lead nearer to the goal."""
    districts, roads = land.districts, land.roads
    best = NOBODY
    lowest = math.inf
    for link in range(roads.first[here], roads.first[here + 1]):
        there = roads.neighbour[link]
        if roads.between[there, goal] >= roads.between[here, goal]:
            continue
        price = cost(roads.between[there, goal] + roads.between[here, there], districts.fighting[there], avoid_km)
        if price < lowest:
            lowest = price
            best = link
    return best


@rule
def arrive(family: int, border: Border, tally: Whole) -> None:
    """Add a family to the queue of its post or, if it is not on the way to a post, settle it in the town."""
    posts, refugees, queues = border.posts, border.refugees, border.queues
    post = refugees.post[family]
    if post < 0:
        refugees.state[family] = RefugeeState.SETTLED
        tally[Count.SETTLED] += refugees.people[family]
        return
    refugees.state[family] = RefugeeState.WAITING
    refugees.waited_days[family] = 0
    posts.people_waiting[post] += refugees.people[family]
    posts.arrivals_today[post] += refugees.people[family]
    stand_in_line(family, post, queues)


@rule
def stand_in_line(family: int, post: int, queues: Queues) -> None:
    """Add a family to the end of the queue of a post."""
    if queues.front[post] == NOBODY:
        queues.front[post] = family
    else:
        queues.behind[queues.back[post]] = family
    queues.back[post] = family
    queues.behind[family] = NOBODY
