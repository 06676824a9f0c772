"""Families travel link by link towards their destination and avoid fighting when they can.

Reads   roads, fighting.
Writes  positions of families and the day on which they end a link, families that settle or join a queue.
Source  Flee (Suleimenova, Bell and Groen 2017) for the method: families choose among links at every town. Assumptions:
        a road is longer than the distance between centroids by a factor (guess), and longer still in mountains; every
        link that a family takes brings it nearer to its destination.
"""

import math
from typing import NamedTuple

from sim.engine.compile import rule
from sim.engine.world import NOBODY, Border, Count, Land, Queues, RefugeeState, Today, Whole

ROUNDING = 1e-9  # remaining days of travel below which a link counts as finished


class Journeys(NamedTuple):
    """Parameters of the rule for journeys; values, ranges and sources are in `configs/rules/journeys.yaml`."""

    road_factor: float  # road km per km: length of a road relative to the straight line between centroids
    km_per_day: float  # road km per day: distance that a family travels per day
    mountain_factor: float  # factor above 1: factor on the length of roads in high mountains
    avoid_km: float  # road km: longest detour that a family accepts to avoid fighting


@rule
def cost(km_left: float, fighting: float, avoid_km: float) -> float:
    """Return the cost of a route in km, increased by `avoid_km` if it leads through fighting."""
    return km_left + avoid_km * fighting


@rule
def travel(land: Land, border: Border, numbers: Journeys, today: Today) -> None:
    """Move every family on the road by one day, in row order, and remove those that arrive from the list of travellers.

    A family in the middle of a link is not written to: the day on which it reaches the end is already stored.

    Args:
        land: Roads and fighting are read.
        border: Refugees, queues and counts of the posts are written.
        numbers: Parameters of the rule for journeys.
        today: Number of the day; running totals are written.
    """
    refugees, queues = border.refugees, border.queues
    join_the_road(border, today.tally)
    left = 0
    for place in range(today.tally[Count.TRAVELLERS]):
        family = queues.travelling[place]
        goes_on = refugees.state[family] == RefugeeState.ON_THE_ROAD
        if goes_on and refugees.due_on[family] <= today.luck.day:
            goes_on = use_up_a_day(family, land, border, numbers, today)
        queues.travelling[left] = family
        left += goes_on
    today.tally[Count.TRAVELLERS] = left


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
def use_up_a_day(family: int, land: Land, border: Border, numbers: Journeys, today: Today) -> bool:
    """Move a family to the end of its link and along as many more links as it can travel in the rest of the day.

    Returns:
        Whether it is still on the road. If it is partway along a link, the day on which it ends that link is set.
    """
    refugees, roads = border.refugees, land.roads
    here = refugees.district[family]
    there = refugees.next_district[family]
    goal = refugees.destination[family]
    to_go = refugees.days_to_go[family]
    left = 1.0
    while True:
        step = min(left, to_go)
        to_go -= step
        left -= step
        if to_go > ROUNDING:
            break
        here = there
        if here == goal:
            refugees.district[family] = here
            arrive(family, border, today.tally)
            return False
        if left <= ROUNDING:
            break
        link = next_link(here, goal, land, numbers.avoid_km)
        there = roads.neighbour[link]
        to_go = roads.days[link]
    days = days_before_the_last(to_go)
    refugees.district[family] = here
    refugees.next_district[family] = there
    refugees.due_on[family] = today.luck.day + 1 + days
    refugees.days_to_go[family] = to_go - days
    return True


@rule
def days_before_the_last(to_go: float) -> int:
    """Return the number of whole days before the last day of a journey that takes `to_go` more days."""
    return max(0, math.ceil(to_go - 1.0 - ROUNDING))


@rule
def next_link(here: int, goal: int, land: Land, avoid_km: float) -> int:
    """Return a family's next link: the usual one or, if that leads to fighting, the one with the lowest cost."""
    districts, roads = land.districts, land.roads
    usual = roads.first[here] + roads.onward[goal, here]
    if districts.fighting[roads.neighbour[usual]] > 0.0:
        return cheapest_link(here, goal, land, avoid_km)
    return usual


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
