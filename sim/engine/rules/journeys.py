"""Families travel link by link towards their destination, and round fighting when they can.

Reads   roads, fighting.
Writes  where families are, days on the road, those who settle or join a queue.
Source  Flee (Suleimenova, Bell and Groen 2017) for the manner: towns, links, a choice at each. Assumption: road km are
        1.4 times those between centroids (guess), slower in mountains; every step brings the family nearer.
"""

from typing import NamedTuple

from sim.engine.compile import rule
from sim.engine.world import NOBODY, Count, Districts, Posts, Queues, Refugees, RefugeeState, Roads, Whole


class Journeys(NamedTuple):
    """Numbers of the rule; meaning, unit, source and range in `configs/rules/journeys.yaml`."""

    road_factor: float
    km_per_day: float
    mountain_factor: float
    avoid_km: float


@rule
def cost(km_left: float, fighting: float, avoid_km: float) -> float:
    """A detour of up to `avoid_km` is better than a road through a battle."""
    return km_left + avoid_km * fighting


@rule
def travel(
    districts: Districts,
    roads: Roads,
    posts: Posts,
    refugees: Refugees,
    queues: Queues,
    numbers: Journeys,
    tally: Whole,
) -> None:
    """Every family on the road uses up its day, in order; those who arrive are taken off the list."""
    join_the_road(refugees, queues, tally)
    left = 0
    for place in range(tally[Count.TRAVELLERS]):
        family = queues.travelling[place]
        if refugees.state[family] == RefugeeState.ON_THE_ROAD:
            refugees.road_days[family] += 1
            use_up_a_day(family, districts, roads, posts, refugees, queues, numbers, tally)
        queues.travelling[left] = family
        left += refugees.state[family] == RefugeeState.ON_THE_ROAD
    tally[Count.TRAVELLERS] = left


@rule
def join_the_road(refugees: Refugees, queues: Queues, tally: Whole) -> None:
    """Families that left home, or a post, take their places in the list: from the first of them on it is made again."""
    while tally[Count.TRAVELLERS] > 0 and queues.travelling[tally[Count.TRAVELLERS] - 1] >= tally[Count.SET_OUT]:
        tally[Count.TRAVELLERS] -= 1
    for family in range(tally[Count.SET_OUT], tally[Count.REFUGEE_ROWS]):
        if refugees.state[family] == RefugeeState.ON_THE_ROAD:
            queues.travelling[tally[Count.TRAVELLERS]] = family
            tally[Count.TRAVELLERS] += 1
    tally[Count.SET_OUT] = tally[Count.REFUGEE_ROWS]


@rule
def use_up_a_day(
    family: int,
    districts: Districts,
    roads: Roads,
    posts: Posts,
    refugees: Refugees,
    queues: Queues,
    numbers: Journeys,
    tally: Whole,
) -> None:
    """As many links as fit into a day; the last one is finished tomorrow."""
    left = 1.0
    while True:
        step = min(left, refugees.days_to_go[family])
        refugees.days_to_go[family] -= step
        left -= step
        if refugees.days_to_go[family] > 1e-9:
            return
        refugees.district[family] = refugees.next_district[family]
        if refugees.district[family] == refugees.destination[family]:
            arrive(family, posts, refugees, queues, tally)
            return
        if left <= 1e-9:
            return
        set_out_on_link(family, districts, roads, refugees, numbers.avoid_km)


@rule
def set_out_on_link(family: int, districts: Districts, roads: Roads, refugees: Refugees, avoid_km: float) -> None:
    """Of the links that lead nearer, the one that costs least; fighting can only make the usual one dearer."""
    here = refugees.district[family]
    goal = refugees.destination[family]
    best = roads.onward[goal, here]
    if districts.fighting[roads.neighbour[best]] > 0.0:
        best = cheapest_link(here, goal, districts, roads, avoid_km)
    refugees.next_district[family] = roads.neighbour[best]
    refugees.days_to_go[family] = roads.days[best]


@rule
def cheapest_link(here: int, goal: int, districts: Districts, roads: Roads, avoid_km: float) -> int:
    """Of the links that lead nearer, the one that costs least today."""
    best = NOBODY
    lowest = 1e18
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
def arrive(family: int, posts: Posts, refugees: Refugees, queues: Queues, tally: Whole) -> None:
    """In a town the family settles; at a post it stands in line and waits."""
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
    """Behind all who are there."""
    if queues.front[post] == NOBODY:
        queues.front[post] = family
    else:
        queues.behind[queues.back[post]] = family
    queues.back[post] = family
    queues.behind[family] = NOBODY
