"""When a district falls, or shortly before, its men flee to their own side or across the river, or go home.

Reads   districts, roads, posts, garrisons.
Writes  states, routes and fates of units; men who change sides join the local force.
Source  articles 3 and 4 ("cut off all the roads ... nowhere to go but to cross the border"; "local militias ... joined
        the Taliban when they arrived"); evidence F031, F035, F036, F104 to F106. Shares: guess.
        Where the land is flat, men can often go around a cut road (guess); a mountain valley has only one road.
        Assumption: a fallen district's men can still use the post of that district during the night of the fall.
"""

from typing import NamedTuple

from sim.engine.bookkeeping import EVEN_MORALE, join_garrison, leave_garrison, list_units, note
from sim.engine.chance import Luck, Stream, logistic, uniform, whole
from sim.engine.compile import rule
from sim.engine.rules.parley import Parley, Situation, main_reason, situation_of
from sim.engine.world import (
    NOBODY,
    Armies,
    Districts,
    Event,
    Fall,
    Garrisons,
    Holder,
    Land,
    Posts,
    Today,
    UnitKind,
    Units,
    UnitState,
    luck_in,
)


class Retreat(NamedTuple):
    """Parameters of the retreat rule; values, ranges and sources are in `configs/rules/retreat.yaml`."""

    walk_km_per_day: float  # road km per day: march of a retreating unit
    # road km: greatest distance to a refuge, which is a neighbouring district or the provincial capital
    refuge_km: float
    road_open: float  # probability: the road to a refuge in the plain is open on the night of the fall
    road_mountain: float  # share: reduction of this probability by high mountains
    post_km: float  # road km: greatest distance to a post
    night_km: float  # road km: greatest distance to a post that can be reached in one night
    militia_change_sides: float  # probability: a local militia joins the Taliban after a handover of its district
    police_surrender: float  # probability: police surrender in a handover
    others_surrender: float  # probability: army or border force units surrender in a handover
    captured_on_fall: float  # share of men: men captured when a district falls in battle
    captured_in_flight: float  # share of men: men with nowhere to go who are captured; the others go into hiding
    leave_intercept: float  # logit: log-odds that a cut-off garrison leaves tonight, before the other terms
    leave_dread: float  # logit per dread: weight of dread
    leave_hunger: float  # logit per hunger: weight of hunger
    leave_unanswered: float  # logit: weight of an unanswered call for help
    leave_morale: float  # logit per morale: weight of morale above one half


@rule
def leaving_probability(situation: Situation, numbers: Retreat) -> float:
    """Return the probability that a cut-off garrison leaves its district tonight.

    Higher morale or more supply never raises this probability.
    """
    return logistic(
        numbers.leave_intercept
        + numbers.leave_dread * situation.dread
        + numbers.leave_hunger * situation.hunger
        + numbers.leave_unanswered * situation.unanswered
        - numbers.leave_morale * (situation.morale - EVEN_MORALE)
    )


@rule
def surrenders(kind: int, how: int, draw: float, numbers: Retreat) -> bool:
    """Return whether a unit surrenders.

    Only units of a district that was handed over surrender, and militia never do. Police surrender with one
    probability, all other units with another.
    """
    if how != Fall.HANDED_OVER or kind == UnitKind.MILITIA:
        return False
    return draw < (numbers.police_surrender if kind == UnitKind.POLICE else numbers.others_surrender)


@rule
def changes_sides(kind: int, how: int, draw: float, numbers: Retreat) -> bool:
    """Return whether a unit joins the Taliban, which only militia of a district that was handed over can do."""
    return kind == UnitKind.MILITIA and how == Fall.HANDED_OVER and draw < numbers.militia_change_sides


@rule
def finds_road_open(mountain: float, draw: float, numbers: Retreat) -> bool:
    """Return whether the road to a refuge is open, which is less likely the more mountainous the district is."""
    return draw < numbers.road_open * (1.0 - numbers.road_mountain * mountain)


@rule
def retreat(land: Land, armies: Armies, posts: Posts, numbers: Retreat, terms: Parley, today: Today) -> None:
    """Move retreating units, let cut-off garrisons leave, and decide the fate of units in districts that have fallen.

    Args:
        land: Falling districts are written; roads and holders are read.
        armies: States and fates of units are written; militia may join local forces.
        posts: Arrivals are written.
        numbers: Parameters of the retreat rule.
        terms: Parameters of the parley rule, from which the main reason for abandoning a district is found.
        today: Source of random draws; the event log is written.
    """
    districts, garrisons, units = land.districts, armies.garrisons, armies.units
    for unit in range(units.men.size):
        if units.state[unit] == UnitState.RETREATING:
            march_on(unit, land, armies, posts, numbers, today)
    for district in range(districts.holder.size):
        if garrisons.faced[district] and districts.holder[district] == Holder.GOVERNMENT:
            luck = luck_in(districts.province[district], today)
            leave_if_cut_off(district, districts, garrisons, numbers, terms, luck)
        is_lost = districts.holder[district] == Holder.TALIBAN or districts.falling[district] == Fall.ABANDONED
        districts.chosen[district] = is_lost and garrisons.present[district] > 0
        districts.falling[district] = Fall.NONE
    for place in range(list_units(districts.chosen, garrisons, units)):
        unit = units.listed[place]
        if units.men[unit] == 0:
            continue
        leave_garrison(unit, garrisons, units)
        if districts.holder[units.district[unit]] == Holder.TALIBAN:
            meet_fate(unit, land, armies, posts, numbers, today)
        else:
            flee_from(unit, land, units, posts, numbers, today)


@rule
def leave_if_cut_off(
    district: int, districts: Districts, garrisons: Garrisons, numbers: Retreat, terms: Parley, luck: Luck
) -> None:
    """Decide at random whether a rural garrison that faces the Taliban and is cut off abandons its district."""
    if districts.connected[district] or districts.is_capital[district] or garrisons.men[district] == 0:
        return
    situation = situation_of(district, districts, garrisons)
    draw = uniform(luck, Stream.LEAVE_UNATTACKED, districts.identity[district])
    if draw < leaving_probability(situation, numbers):
        districts.falling[district] = Fall.ABANDONED
        districts.why[district] = main_reason(situation, terms)


@rule
def meet_fate(unit: int, land: Land, armies: Armies, posts: Posts, numbers: Retreat, today: Today) -> None:
    """Decide the fate of a unit in a fallen district: it changes sides, surrenders or flees.

    If the district was lost in battle, some of the unit's men are captured before the rest flee.
    """
    districts, units, forces = land.districts, armies.units, armies.forces
    here = units.district[unit]
    how = districts.lost_how[here]
    kind = units.kind[unit]
    actor = units.identity[unit]
    men = units.men[unit]
    luck = luck_in(districts.province[units.home[unit]], today)
    if changes_sides(kind, how, uniform(luck, Stream.CHANGE_SIDES, actor), numbers):
        units.changed_sides[unit] += men
        forces.men[here] += men
        disband(unit, units, UnitState.CHANGED_SIDES)
    elif surrenders(kind, how, uniform(luck, Stream.REFUSE_SURRENDER, actor), numbers):
        note(today, Event.SURRENDER, here, unit, men, how, 0)
        units.surrendered[unit] += men
        disband(unit, units, UnitState.SURRENDERED)
    else:
        if how == Fall.FOUGHT:
            capture(unit, numbers.captured_on_fall, uniform(luck, Stream.CAPTURE_ON_FALL, actor), units, today)
        if units.men[unit] > 0:
            flee_from(unit, land, units, posts, numbers, today)


@rule
def disband(unit: int, units: Units, state: int) -> None:
    """Set the men of a unit to 0 and change its state to `state`."""
    units.men[unit] = 0
    units.state[unit] = state
    units.state_days[unit] = 0


@rule
def capture(unit: int, share: float, draw: float, units: Units, today: Today) -> None:
    """Capture a share of the men of a unit, and disband the unit if none remain."""
    taken = min(units.men[unit], whole(share * units.men[unit], draw))
    if taken == 0:
        return
    units.captured[unit] += taken
    units.men[unit] -= taken
    note(today, Event.CAPTURE, units.district[unit], unit, taken, 0, 0)
    if units.men[unit] == 0:
        disband(unit, units, UnitState.CAPTURED)


@rule
def flee_from(unit: int, land: Land, units: Units, posts: Posts, numbers: Retreat, today: Today) -> None:
    """Send a unit to a refuge if the road there is open, or else to a post, or else into captivity or hiding."""
    districts, roads = land.districts, land.roads
    units.post[unit] = NOBODY
    here = units.district[unit]
    refuge = nearest_refuge(here, land, numbers.refuge_km)
    draw = uniform(luck_in(districts.province[here], today), Stream.ROAD_OPEN, districts.identity[here])
    if refuge >= 0 and finds_road_open(districts.mountain[here], draw, numbers):
        set_out(unit, refuge, roads.between[here, refuge] / numbers.walk_km_per_day, units)
        return
    post = nearest_post(here, land, posts, numbers.post_km)
    if post >= 0:
        km = roads.between[here, posts.district[post]]
        units.post[unit] = post
        if km <= numbers.night_km:
            reach_post(unit, units, posts)
        else:
            set_out(unit, posts.district[post], km / numbers.walk_km_per_day, units)
        return
    luck = luck_in(districts.province[units.home[unit]], today)
    draw = uniform(luck, Stream.CAPTURE_IN_FLIGHT, units.identity[unit])
    capture(unit, numbers.captured_in_flight, draw, units, today)
    if units.men[unit] > 0:
        units.dispersed[unit] += units.men[unit]
        disband(unit, units, UnitState.DISPERSED)


@rule
def set_out(unit: int, destination: int, days: float, units: Units) -> None:
    """Start the march of a unit to another district, which takes `days` days."""
    units.destination[unit] = destination
    units.days_to_go[unit] = days
    units.state[unit] = UnitState.RETREATING
    units.state_days[unit] = 0


@rule
def reach_post(unit: int, units: Units, posts: Posts) -> None:
    """Record the arrival of a unit at its post on the river."""
    post = units.post[unit]
    units.district[unit] = posts.district[post]
    units.state[unit] = UnitState.WAITING
    units.state_days[unit] = 0
    posts.arrivals_today[post] += units.men[unit]


@rule
def nearest_refuge(here: int, land: Land, within_km: float) -> int:
    """Return the nearest refuge within `within_km` road km, or -1 if there is no refuge within that distance.

    This is the nearest connected neighbouring district or, if none is within reach, the provincial capital if that is
    connected and within reach.
    """
    districts, provinces, roads = land.districts, land.provinces, land.roads
    best = NOBODY
    for link in range(roads.first[here], roads.first[here + 1]):
        there = roads.neighbour[link]
        if districts.holder[there] != Holder.GOVERNMENT or not districts.connected[there]:
            continue
        km = roads.between[here, there]
        if km <= within_km and (best < 0 or km < roads.between[here, best]):
            best = there
    capital = provinces.capital[districts.province[here]]
    if best < 0 and capital != here and districts.connected[capital] and roads.between[here, capital] <= within_km:
        best = capital
    return best


@rule
def nearest_post(here: int, land: Land, posts: Posts, within_km: float) -> int:
    """Return the nearest post within `within_km` road km, or -1 if there is no post within that distance.

    Only posts in this district or in districts that the government holds are considered.
    """
    districts, roads = land.districts, land.roads
    best = NOBODY
    for post in range(posts.district.size):
        there = posts.district[post]
        if there != here and districts.holder[there] != Holder.GOVERNMENT:
            continue
        km = roads.between[here, there]
        if km > within_km:
            continue
        if best < 0 or is_better_post(km, post, roads.between[here, posts.district[best]], best, posts):
            best = post
    return best


@rule
def is_better_post(km: float, post: int, km_of_best: float, best: int, posts: Posts) -> bool:
    """Return whether a post is nearer than the best one so far, or equally near with more room left today."""
    if km != km_of_best:
        return km < km_of_best
    return posts.room[post] - posts.arrivals_today[post] > posts.room[best] - posts.arrivals_today[best]


@rule
def march_on(unit: int, land: Land, armies: Armies, posts: Posts, numbers: Retreat, today: Today) -> None:
    """Advance a retreating unit by one day.

    On arrival, a unit whose destination is a post waits there. Any other unit holds the district in which it arrives,
    or flees again if the Taliban hold that district.
    """
    districts, units = land.districts, armies.units
    units.days_to_go[unit] -= 1.0
    if units.days_to_go[unit] > 0.0:
        return
    there = units.destination[unit]
    if units.post[unit] >= 0:
        reach_post(unit, units, posts)
        return
    if districts.holder[there] == Holder.GOVERNMENT:
        join_garrison(unit, there, armies.garrisons, units)
    else:
        units.district[unit] = there
        units.state_days[unit] = 0
        flee_from(unit, land, units, posts, numbers, today)
