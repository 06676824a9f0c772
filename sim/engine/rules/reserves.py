"""Reservists who were called up arrive over days, are spread over the posts, and make room at the river.

Reads   men ordered and when, help of the CSTO, arrivals at posts, frontage.
Writes  reservists and room of posts.
Source  evidence F006 (20,000 ordered on 5 July), F059, F060; articles 2, 3 and 5. Delay, pace and room per man: guess.
        Assumption: they are spread by frontage, and by a share to where most people arrive.
"""

import math
from typing import NamedTuple

from sim.engine.compile import rule
from sim.engine.world import Condition, Count, Districts, Posts, Real, Whole


class Reserves(NamedTuple):
    """Numbers of the rule; meaning, unit, source and range in `configs/rules/reserves.yaml`."""

    delay_days: float
    ramp_days: float
    to_busiest: float
    room_per_reservist: float
    guards_per_post: float
    csto_men: float


@rule
def arrived(ordered: float, days: float, delay: float, ramp: float) -> float:
    """None before the delay is over, then a curve towards all who were ordered."""
    if ordered <= 0.0 or days <= delay:
        return 0.0
    return ordered * (1.0 - math.exp(-(days - delay) / ramp))


@rule
def deploy_reserves(
    districts: Districts, posts: Posts, conditions: Real, numbers: Reserves, day: int, tally: Whole
) -> None:
    """The men of the day are spread over the posts; room for tomorrow follows from them."""
    days = day - conditions[Condition.ORDER_DAY]
    men = arrived(conditions[Condition.RESERVISTS_ORDERED], days, numbers.delay_days, numbers.ramp_days)
    helpers = men + numbers.csto_men * conditions[Condition.CSTO_HELP]
    frontage = 0.0
    people = 0.0
    for post in range(posts.district.size):
        frontage += 1.0 + districts.frontier_km[posts.district[post]]
        people += 1.0 + posts.people_waiting[post] + posts.arrivals_today[post]
    deployed = 0
    for post in range(posts.district.size):
        share = share_of(post, frontage, people, districts, posts, numbers.to_busiest)
        posts.reservists[post] = int(share * helpers)
        deployed += int(share * men)
        posts.room[post] = posts.base_room[post] + int(numbers.room_per_reservist * posts.reservists[post])
    tally[Count.RESERVISTS] = deployed


@rule
def share_of(post: int, frontage: float, people: float, districts: Districts, posts: Posts, to_busiest: float) -> float:
    """A part of the men goes by frontage, the rest by the people who wait and came, each of what all posts have."""
    by_frontage = (1.0 + districts.frontier_km[posts.district[post]]) / frontage
    by_people = (1.0 + posts.people_waiting[post] + posts.arrivals_today[post]) / people
    return (1.0 - to_busiest) * by_frontage + to_busiest * by_people
