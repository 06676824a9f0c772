"""Reservists who were called up arrive over several days, are divided among the posts, and increase their capacity.

Reads   number of men ordered and date of the order, help of the CSTO, arrivals at posts, frontage.
Writes  reservists and room of posts.
Source  evidence F006 (20,000 ordered on 5 July), F059, F060; articles 2, 3 and 5. Delay, pace and room per man: guess.
        Assumption: some are divided by frontage, the others by the number of people at each post.
"""

import math
from typing import NamedTuple

from sim.engine.compile import rule
from sim.engine.world import Condition, Count, Districts, Posts, Today


class Reserves(NamedTuple):
    """Parameters of the rule for reservists; values, ranges and sources are in `configs/rules/reserves.yaml`."""

    delay_days: float  # days: from the order to the first arrivals
    ramp_days: float  # days: time constant of arrival
    to_busiest: float  # share: men divided by the number of people at each post; the rest are divided by frontage
    room_per_reservist: float  # people per day per man: capacity that one reservist adds to a post
    guards_per_post: float  # men: Tajik border guards at a post on day 0
    csto_men: float  # men: men whom full CSTO help adds at the river


@rule
def arrived(ordered: float, days: float, delay: float, ramp: float) -> float:
    """Return how many of the `ordered` men have arrived, `days` days after the order.

    None arrive during the first `delay` days; then the number of those who have arrived approaches `ordered`
    exponentially, with the time constant `ramp` (days).
    """
    if ordered <= 0.0 or days <= delay:
        return 0.0
    return ordered * (1.0 - math.exp(-(days - delay) / ramp))


@rule
def deploy_reserves(districts: Districts, posts: Posts, numbers: Reserves, today: Today) -> None:
    """Divide the available men among the posts, and set the room of each post for tomorrow.

    Args:
        districts: Frontage is read.
        posts: Reservists and room are written.
        numbers: Parameters of the rule for reservists.
        today: Number of the day, orders for reservists and CSTO help are read; running totals are written.
    """
    days = today.luck.day - today.conditions[Condition.ORDER_DAY]
    men = arrived(today.conditions[Condition.RESERVISTS_ORDERED], days, numbers.delay_days, numbers.ramp_days)
    helpers = men + numbers.csto_men * today.conditions[Condition.CSTO_HELP]
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
    today.tally[Count.RESERVISTS] = deployed


@rule
def share_of(post: int, frontage: float, people: float, districts: Districts, posts: Posts, to_busiest: float) -> float:
    """Return the share of the men that one post gets.

    It depends partly on frontage, and partly on the people who wait or have arrived at the post.
    """
    by_frontage = (1.0 + districts.frontier_km[posts.district[post]]) / frontage
    by_people = (1.0 + posts.people_waiting[post] + posts.arrivals_today[post]) / people
    return (1.0 - to_busiest) * by_frontage + to_busiest * by_people
