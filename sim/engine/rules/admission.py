"""Posts admit families in order of arrival, as far as policy, the room of the post and camp places allow.

Reads   queues, room, share of families that a post admits, aid.
Writes  families admitted, refused, or sent to the next post or home; counts of the posts.
Source  article 3 (camps looked into), article 5 (families placed in safe locations, talks on food and care);
        evidence F013. Room and patience: guess. Assumption: soldiers of the same night use the room first.
"""

from typing import NamedTuple

from sim.engine.chance import Stream, uniform
from sim.engine.compile import rule
from sim.engine.rules.journeys import join_the_road, stand_in_line
from sim.engine.world import (
    NOBODY,
    Border,
    Condition,
    Count,
    Land,
    Posts,
    RefugeeState,
    Roads,
    Today,
    Whole,
    luck_in,
)


class Admission(NamedTuple):
    """Parameters of the admission rule; values, ranges and sources are in `configs/rules/admission.yaml`."""

    admits: float  # share per day: share of waiting families that a post admits; policies set it for each post
    camp_places: float  # people: places in camps
    aid_places: float  # people: additional places in camps with full aid
    patience_days: float  # days: days before a family that is not admitted gives up
    next_post_km: float  # road km: greatest distance to another post that a family tries
    tries: float  # posts: posts that a family tries
    goes_home: float  # probability: a refused family goes home rather than staying at the river


@rule
def is_admitted(admits: float, draw: float) -> bool:
    """Return whether a family is admitted: never if the share `admits` is 0, always if it is 1."""
    return draw < admits


@rule
def places_left(camp_places: float, aid_places: float, aid: float, admitted: int) -> int:
    """Return how many more people the camps can take after `admitted` people have arrived; aid adds places."""
    return max(0, int(camp_places + aid_places * aid) - admitted)


@rule
def admit_families(land: Land, border: Border, numbers: Admission, today: Today) -> None:
    """Process the queue of every post once: admit each family, send it away or keep it waiting.

    Args:
        land: Roads are read; people who go home are added to their district.
        border: Posts, refugees and queues are written.
        numbers: Parameters of the admission rule.
        today: Source of random draws, and of aid; running totals are written.
    """
    posts = border.posts
    for post in range(posts.district.size):
        call_queue(post, land, border, numbers, today)
    join_the_road(border, today.tally)


@rule
def call_queue(post: int, land: Land, border: Border, numbers: Admission, today: Today) -> None:
    """Process the queue of one post once: admit each family, send it away or keep it waiting.

    Once a family is larger than the room left at the post or the places left in camps, no family behind it is admitted
    that day.
    """
    posts, refugees, queues = border.posts, border.refugees, border.queues
    is_full = False
    family = queues.front[post]
    queues.front[post] = NOBODY
    while family != NOBODY:
        behind = queues.behind[family]
        people = refugees.people[family]
        room = posts.room[post] - posts.admitted_today[post]
        places = places_left(
            numbers.camp_places, numbers.aid_places, today.conditions[Condition.AID], today.tally[Count.ADMITTED]
        )
        is_full = is_full or people > min(room, places)
        luck = luck_in(land.districts.province[refugees.origin[family]], today)
        draw = uniform(luck, Stream.ADMIT_FAMILY, refugees.identity[family])
        if not is_full and is_admitted(posts.admits_families[post], draw):
            admit_family(family, post, border, today.tally)
        elif refugees.waited_days[family] >= numbers.patience_days:
            send_away(family, post, land, border, numbers, today)
        else:
            refugees.waited_days[family] += 1
            stand_in_line(family, post, queues)
        family = behind


@rule
def admit_family(family: int, post: int, border: Border, tally: Whole) -> None:
    """Admit a family to Tajikistan and update the counts of the post."""
    posts, refugees = border.posts, border.refugees
    people = refugees.people[family]
    refugees.state[family] = RefugeeState.ADMITTED
    posts.people_waiting[post] -= people
    posts.admitted_today[post] += people
    posts.people_admitted[post] += people
    tally[Count.ADMITTED] += people


@rule
def send_away(family: int, post: int, land: Land, border: Border, numbers: Admission, today: Today) -> None:
    """Send a refused family to another post nearby.

    If there is no such post, or if the family has no tries left, it goes home with probability `goes_home`; otherwise
    it stays at the river as refused.
    """
    districts, roads, posts, refugees = land.districts, land.roads, border.posts, border.refugees
    people = refugees.people[family]
    posts.people_waiting[post] -= people
    posts.people_refused[post] += people
    refugees.tries[family] += 1
    other = next_post(post, roads, posts, numbers.next_post_km)
    if other >= 0 and refugees.tries[family] < numbers.tries:
        refugees.post[family] = other
        refugees.destination[family] = posts.district[other]
        refugees.next_district[family] = refugees.district[family]
        refugees.due_on[family] = today.luck.day + 1
        refugees.days_to_go[family] = 0.0
        refugees.state[family] = RefugeeState.ON_THE_ROAD
        today.tally[Count.SET_OUT] = min(today.tally[Count.SET_OUT], family)
        return
    today.tally[Count.REFUSED] += people
    refugees.post[family] = NOBODY
    luck = luck_in(districts.province[refugees.origin[family]], today)
    if uniform(luck, Stream.NEXT_POST, refugees.identity[family]) < numbers.goes_home:
        refugees.state[family] = RefugeeState.RETURNED
        refugees.people[family] = 0
        districts.at_home[refugees.origin[family]] += people
    else:
        refugees.state[family] = RefugeeState.REFUSED


@rule
def next_post(post: int, roads: Roads, posts: Posts, within_km: float) -> int:
    """Return the nearest post in another district at most `within_km` road km away, or -1 if there is no such post."""
    here = posts.district[post]
    best = NOBODY
    for other in range(posts.district.size):
        there = posts.district[other]
        if there == here or roads.between[here, there] > within_km:
            continue
        if best < 0 or roads.between[here, there] < roads.between[here, posts.district[best]]:
            best = other
    return best
