"""When a district falls, or before, its men look for a way out: to their own side, over the river, or home.

Reads   districts, roads, posts, garrisons.
Writes  state, road and fate of units; men who change sides join the local force.
Source  articles 3 and 4 ("cut off all the roads ... nowhere to go but to cross the border"; "local militias ... joined
        the Taliban when they arrived"); evidence F031, F035, F036, F104 to F106. Shares: guess.
        In the plain men find a way round (guess); a valley has one road.
        Assumption: a fallen district's men can still use the post of that district during the night of the fall.
"""

from typing import NamedTuple

from sim.engine.bookkeeping import note
from sim.engine.chance import Luck, Stream, draw, logistic, whole
from sim.engine.compile import rule
from sim.engine.rules.parley import Parley, weighs_most
from sim.engine.world import (
    NOBODY,
    Districts,
    Event,
    Fall,
    Forces,
    Garrisons,
    Holder,
    Log,
    Posts,
    Provinces,
    Roads,
    UnitKind,
    Units,
    UnitState,
    Whole,
)


class Retreat(NamedTuple):
    """Numbers of the rule; meaning, unit, source and range in `configs/rules/retreat.yaml`."""

    walk_km_per_day: float
    refuge_km: float
    road_open: float
    road_mountain: float
    post_km: float
    night_km: float
    militia_change_sides: float
    police_surrender: float
    others_surrender: float
    captured_on_fall: float
    captured_in_flight: float
    leave_intercept: float
    leave_dread: float
    leave_hunger: float
    leave_unanswered: float
    leave_morale: float


@rule
def leaves_unattacked(dread: float, hunger: float, unanswered: float, morale: float, numbers: Retreat) -> float:
    """The chance that a cut-off garrison goes tonight: nobody leaves because he is braver or better fed."""
    return logistic(
        numbers.leave_intercept
        + numbers.leave_dread * dread
        + numbers.leave_hunger * hunger
        + numbers.leave_unanswered * unanswered
        - numbers.leave_morale * (morale - 0.5)
    )


@rule
def gives_himself_up(kind: int, how: int, luck: float, numbers: Retreat) -> bool:
    """Only after a handover: police mostly accept the terms, soldiers and border force mostly do not."""
    if how != Fall.HANDED_OVER or kind == UnitKind.MILITIA:
        return False
    return luck < (numbers.police_surrender if kind == UnitKind.POLICE else numbers.others_surrender)


@rule
def changes_sides(kind: int, how: int, luck: float, numbers: Retreat) -> bool:
    """Local militias may join those who arrive, when their district is handed over."""
    return kind == UnitKind.MILITIA and how == Fall.HANDED_OVER and luck < numbers.militia_change_sides


@rule
def finds_road_open(mountain: float, luck: float, numbers: Retreat) -> bool:
    """In the plain there is a way round a road that is cut; a mountain valley has one road."""
    return luck < numbers.road_open * (1.0 - numbers.road_mountain * mountain)


@rule
def retreat(
    districts: Districts,
    provinces: Provinces,
    roads: Roads,
    garrisons: Garrisons,
    units: Units,
    forces: Forces,
    posts: Posts,
    numbers: Retreat,
    terms: Parley,
    luck: Luck,
    log: Log,
    tally: Whole,
) -> None:
    """Those on the road go on; those whose district fell today go; those who are cut off may go tonight."""
    for unit in range(units.men.size):
        if units.state[unit] == UnitState.RETREATING:
            walk_on(unit, districts, provinces, roads, units, posts, numbers, luck, log, tally)
    for district in range(districts.holder.size):
        if districts.holder[district] == Holder.GOVERNMENT:
            leave_if_cut_off(district, districts, garrisons, numbers, terms, luck)
    for unit in range(units.men.size):
        here = units.district[unit]
        if units.state[unit] != UnitState.HOLDING or units.men[unit] == 0:
            continue
        if districts.holder[here] == Holder.TALIBAN:
            meet_fate(unit, districts, provinces, roads, units, forces, posts, numbers, luck, log, tally)
        elif districts.falling[here] == Fall.ABANDONED:
            flee_from(unit, here, districts, provinces, roads, units, posts, numbers, luck, log, tally)
    for district in range(districts.holder.size):
        if districts.holder[district] == Holder.GOVERNMENT:
            districts.falling[district] = Fall.NONE


@rule
def leave_if_cut_off(
    district: int, districts: Districts, garrisons: Garrisons, numbers: Retreat, terms: Parley, luck: Luck
) -> None:
    """A cut-off garrison under pressure may decide to go before it is attacked."""
    if districts.connected[district] or districts.is_capital[district] or garrisons.men[district] == 0:
        return
    if not districts.pressed[district] and garrisons.mobile[district] == 0:
        return
    hunger = garrisons.hunger[district]
    unanswered = garrisons.unanswered[district]
    dread = districts.dread[district]
    morale = garrisons.morale[district]
    chance = leaves_unattacked(dread, hunger, unanswered, morale, numbers)
    if draw(luck, Stream.LEAVE_UNATTACKED, districts.identity[district]) < chance:
        ratio = (garrisons.mobile[district] + garrisons.local[district]) / garrisons.men[district]
        districts.falling[district] = Fall.ABANDONED
        districts.why[district] = weighs_most(
            ratio, True, hunger, unanswered, dread, morale, garrisons.resolve[district], terms
        )


@rule
def meet_fate(
    unit: int,
    districts: Districts,
    provinces: Provinces,
    roads: Roads,
    units: Units,
    forces: Forces,
    posts: Posts,
    numbers: Retreat,
    luck: Luck,
    log: Log,
    tally: Whole,
) -> None:
    """In a fallen district some change sides, some give themselves up, some are captured, the rest flee."""
    here = units.district[unit]
    how = districts.lost_how[here]
    kind = units.kind[unit]
    actor = units.identity[unit]
    men = units.men[unit]
    if changes_sides(kind, how, draw(luck, Stream.CHANGE_SIDES, actor), numbers):
        units.changed_sides[unit] += men
        forces.men[here] += men
        end(unit, units, UnitState.CHANGED_SIDES)
    elif gives_himself_up(kind, how, draw(luck, Stream.REFUSE_SURRENDER, actor), numbers):
        note(log, tally, luck.day, Event.SURRENDER, here, unit, men, how, 0)
        units.surrendered[unit] += men
        end(unit, units, UnitState.SURRENDERED)
    else:
        if how == Fall.FOUGHT:
            capture(unit, numbers.captured_on_fall, draw(luck, Stream.CAPTURE_ON_FALL, actor), units, luck, log, tally)
        if units.men[unit] > 0:
            flee_from(unit, here, districts, provinces, roads, units, posts, numbers, luck, log, tally)


@rule
def end(unit: int, units: Units, state: int) -> None:
    """No man is left with the unit."""
    units.men[unit] = 0
    units.state[unit] = state
    units.state_days[unit] = 0


@rule
def capture(unit: int, share: float, chance: float, units: Units, luck: Luck, log: Log, tally: Whole) -> None:
    """A share of the unit's men is taken prisoner."""
    taken = min(units.men[unit], whole(share * units.men[unit], chance))
    if taken == 0:
        return
    units.captured[unit] += taken
    units.men[unit] -= taken
    note(log, tally, luck.day, Event.CAPTURE, units.district[unit], unit, taken, 0, 0)
    if units.men[unit] == 0:
        end(unit, units, UnitState.CAPTURED)


@rule
def flee_from(
    unit: int,
    here: int,
    districts: Districts,
    provinces: Provinces,
    roads: Roads,
    units: Units,
    posts: Posts,
    numbers: Retreat,
    luck: Luck,
    log: Log,
    tally: Whole,
) -> None:
    """To a connected district if a road is open, else to a post, else into hiding or captivity."""
    units.post[unit] = NOBODY
    refuge = nearest_refuge(here, districts, provinces, roads, numbers.refuge_km)
    lot = draw(luck, Stream.ROAD_OPEN, districts.identity[here])
    if refuge >= 0 and finds_road_open(districts.mountain[here], lot, numbers):
        set_out(unit, refuge, roads.between[here, refuge] / numbers.walk_km_per_day, units)
        return
    post = nearest_post(here, districts, roads, posts, numbers.post_km)
    if post >= 0:
        km = roads.between[here, posts.district[post]]
        units.post[unit] = post
        if km <= numbers.night_km:
            reach_post(unit, units, posts)
        else:
            set_out(unit, posts.district[post], km / numbers.walk_km_per_day, units)
        return
    chance = draw(luck, Stream.CAPTURE_IN_FLIGHT, units.identity[unit])
    capture(unit, numbers.captured_in_flight, chance, units, luck, log, tally)
    if units.men[unit] > 0:
        units.dispersed[unit] += units.men[unit]
        end(unit, units, UnitState.DISPERSED)


@rule
def set_out(unit: int, destination: int, days: float, units: Units) -> None:
    """The unit leaves its district for another."""
    units.destination[unit] = destination
    units.days_to_go[unit] = days
    units.state[unit] = UnitState.RETREATING
    units.state_days[unit] = 0


@rule
def reach_post(unit: int, units: Units, posts: Posts) -> None:
    """The unit stands before the river."""
    post = units.post[unit]
    units.district[unit] = posts.district[post]
    units.state[unit] = UnitState.WAITING
    units.state_days[unit] = 0
    posts.arrivals_today[post] += units.men[unit]


@rule
def nearest_refuge(here: int, districts: Districts, provinces: Provinces, roads: Roads, within_km: float) -> int:
    """The nearest government district with a road to a hub, next door, else the provincial capital, or -1."""
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
def nearest_post(here: int, districts: Districts, roads: Roads, posts: Posts, within_km: float) -> int:
    """The nearest post in this district or in one that the government still holds, or -1."""
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
    """Nearer; of two in one district, the one with more room left today."""
    if km != km_of_best:
        return km < km_of_best
    return posts.room[post] - posts.arrivals_today[post] > posts.room[best] - posts.arrivals_today[best]


@rule
def walk_on(
    unit: int,
    districts: Districts,
    provinces: Provinces,
    roads: Roads,
    units: Units,
    posts: Posts,
    numbers: Retreat,
    luck: Luck,
    log: Log,
    tally: Whole,
) -> None:
    """A day nearer; on arrival it holds the district, or stands before the post, or must flee again."""
    units.days_to_go[unit] -= 1.0
    if units.days_to_go[unit] > 0.0:
        return
    there = units.destination[unit]
    if units.post[unit] >= 0:
        reach_post(unit, units, posts)
        return
    units.district[unit] = there
    units.state_days[unit] = 0
    if districts.holder[there] == Holder.GOVERNMENT:
        units.state[unit] = UnitState.HOLDING
    else:
        flee_from(unit, there, districts, provinces, roads, units, posts, numbers, luck, log, tally)
