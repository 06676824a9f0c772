"""Families are let over in the order in which they came, as far as policy, room and camps allow.

Reads   queues, room, whom a post admits, aid.
Writes  families admitted, refused, turned to the next post or home; counts of the posts.
Source  article 3 (camps looked into), article 5 (families placed in safe locations, talks on food and care);
        evidence F013. Room and patience: guess. Assumption: soldiers of the night use the room first.
"""

from typing import NamedTuple

from sim.engine.chance import Luck, Stream, draw
from sim.engine.compile import rule
from sim.engine.rules.journeys import join_the_road, stand_in_line
from sim.engine.world import (
    NOBODY,
    Condition,
    Count,
    Districts,
    Posts,
    Queues,
    Real,
    Refugees,
    RefugeeState,
    Roads,
    Whole,
)


class Admission(NamedTuple):
    """Numbers of the rule; meaning, unit, source and range in `configs/rules/admission.yaml`."""

    admits: float
    camp_places: float
    aid_places: float
    patience_days: float
    next_post_km: float
    tries: float
    goes_home: float


@rule
def is_admitted(admits: float, luck: float) -> bool:
    """The share that policy lets in, family by family; a closed post admits nobody."""
    return luck < admits


@rule
def places_left(camp_places: float, aid_places: float, aid: float, admitted: int) -> int:
    """Camps fill up; aid agencies add places."""
    return max(0, int(camp_places + aid_places * aid) - admitted)


@rule
def admit_families(
    districts: Districts,
    roads: Roads,
    posts: Posts,
    refugees: Refugees,
    queues: Queues,
    conditions: Real,
    numbers: Admission,
    luck: Luck,
    tally: Whole,
) -> None:
    """Every post calls its queue in order until the day's room is used; the others wait or lose patience."""
    for post in range(posts.district.size):
        call_queue(post, districts, roads, posts, refugees, queues, conditions, numbers, luck, tally)
    join_the_road(refugees, queues, tally)


@rule
def call_queue(
    post: int,
    districts: Districts,
    roads: Roads,
    posts: Posts,
    refugees: Refugees,
    queues: Queues,
    conditions: Real,
    numbers: Admission,
    luck: Luck,
    tally: Whole,
) -> None:
    """One walk through the queue, which forms anew of those who stay: let in, send away, or keep in line."""
    is_full = False
    family = queues.front[post]
    queues.front[post] = NOBODY
    while family != NOBODY:
        behind = queues.behind[family]
        people = refugees.people[family]
        room = posts.room[post] - posts.admitted_today[post]
        places = places_left(numbers.camp_places, numbers.aid_places, conditions[Condition.AID], tally[Count.ADMITTED])
        is_full = is_full or people > min(room, places)
        chance = draw(luck, Stream.ADMIT_FAMILY, refugees.identity[family])
        if not is_full and is_admitted(posts.admits_families[post], chance):
            let_in(family, post, posts, refugees, tally)
        elif refugees.waited_days[family] >= numbers.patience_days:
            send_away(family, post, districts, roads, posts, refugees, queues, numbers, luck, tally)
        else:
            refugees.waited_days[family] += 1
            stand_in_line(family, post, queues)
        family = behind


@rule
def let_in(family: int, post: int, posts: Posts, refugees: Refugees, tally: Whole) -> None:
    """The family is over the river."""
    people = refugees.people[family]
    refugees.state[family] = RefugeeState.ADMITTED
    posts.people_waiting[post] -= people
    posts.admitted_today[post] += people
    posts.people_admitted[post] += people
    tally[Count.ADMITTED] += people


@rule
def send_away(
    family: int,
    post: int,
    districts: Districts,
    roads: Roads,
    posts: Posts,
    refugees: Refugees,
    queues: Queues,
    numbers: Admission,
    luck: Luck,
    tally: Whole,
) -> None:
    """Refused: on to the next post if one is near and not yet tried, else home, or left at the river."""
    people = refugees.people[family]
    posts.people_waiting[post] -= people
    posts.people_refused[post] += people
    refugees.tries[family] += 1
    other = next_post(post, roads, posts, numbers.next_post_km)
    if other >= 0 and refugees.tries[family] < numbers.tries:
        refugees.post[family] = other
        refugees.destination[family] = posts.district[other]
        refugees.next_district[family] = refugees.district[family]
        refugees.days_to_go[family] = 0.0
        refugees.state[family] = RefugeeState.ON_THE_ROAD
        tally[Count.SET_OUT] = min(tally[Count.SET_OUT], family)
        return
    tally[Count.REFUSED] += people
    refugees.post[family] = NOBODY
    if draw(luck, Stream.NEXT_POST, refugees.identity[family]) < numbers.goes_home:
        refugees.state[family] = RefugeeState.RETURNED
        refugees.people[family] = 0
        districts.at_home[refugees.origin[family]] += people
    else:
        refugees.state[family] = RefugeeState.REFUSED


@rule
def next_post(post: int, roads: Roads, posts: Posts, within_km: float) -> int:
    """The nearest other post in another district, or -1."""
    here = posts.district[post]
    best = NOBODY
    for other in range(posts.district.size):
        there = posts.district[other]
        if there == here or roads.between[here, there] > within_km:
            continue
        if best < 0 or roads.between[here, there] < roads.between[here, posts.district[best]]:
            best = other
    return best
