"""Before an assault elders are sent to talk the garrison into giving up.

Reads   garrisons, both sides' men, dread, isolation, air cover.
Writes  districts that fall today without a fight, outposts that surrender, forces that turn to assault.
Source  Christia 2012; article 2 ("in almost every district ... they send a team of elders"); evidence F020, F108,
        F109. Assumption: the garrison of a district centre decides as one, outposts each for themselves.
"""

import math
from typing import NamedTuple

from sim.engine.bookkeeping import note
from sim.engine.chance import Luck, Stream, draw, logistic
from sim.engine.compile import rule
from sim.engine.world import (
    Condition,
    Count,
    Districts,
    Event,
    Fall,
    ForceKind,
    Forces,
    Garrisons,
    Holder,
    Log,
    Mode,
    Provinces,
    Real,
    Role,
    Units,
    UnitState,
    Whole,
    Why,
)


class Parley(NamedTuple):
    """Numbers of the rule; meaning, unit, source and range in `configs/rules/parley.yaml`."""

    mobile_elders: float
    local_elders: float
    local_elders_under_pressure: float
    intercept: float
    force_ratio: float
    isolation: float
    hunger: float
    unanswered: float
    dread: float
    morale: float
    resolve: float
    air_cover: float
    days: float
    outpost_offset: float


@rule
def hands_over(  # one argument a term of the sentence
    ratio: float,
    isolated: bool,
    hunger: float,
    unanswered: float,
    dread: float,
    morale: float,
    resolve: float,
    air_cover: float,
    numbers: Parley,
) -> float:
    """The chance that a garrison that is asked gives up: fear and want speak for it, morale and command against."""
    score = numbers.intercept + numbers.force_ratio * math.log(max(0.05, ratio))
    if isolated:
        score += numbers.isolation
    score += numbers.hunger * hunger + numbers.unanswered * unanswered + numbers.dread * dread
    score -= numbers.morale * (morale - 0.5) + numbers.resolve * resolve + numbers.air_cover * air_cover
    return logistic(score)


@rule
def weighs_most(  # one argument a term of the sentence
    ratio: float,
    isolated: bool,
    hunger: float,
    unanswered: float,
    dread: float,
    morale: float,
    resolve: float,
    numbers: Parley,
) -> int:
    """The term that spoke loudest for giving up."""
    terms = (  # in the order of `Why`
        numbers.force_ratio * math.log(max(0.05, ratio)),
        numbers.isolation if isolated else 0.0,
        numbers.hunger * hunger,
        numbers.unanswered * unanswered,
        numbers.dread * dread,
        -numbers.morale * (morale - 0.5),
        -numbers.resolve * resolve,
    )
    loudest = 0
    for term in range(len(terms)):
        if terms[term] > terms[loudest]:
            loudest = term
    return Why.FORCE + loudest


@rule
def sends_elders(
    mobile: int, pressed: bool, influence: float, mobile_chance: float, local_chance: float, luck: float
) -> bool:
    """A mobile force sends them by habit; a local one does where it presses, in proportion to its influence."""
    return (mobile > 0 and luck < mobile_chance) or (pressed and luck < local_chance * influence)


@rule
def parley(
    districts: Districts,
    provinces: Provinces,
    garrisons: Garrisons,
    units: Units,
    forces: Forces,
    conditions: Real,
    numbers: Parley,
    luck: Luck,
    log: Log,
    tally: Whole,
) -> None:
    """Every threatened district is asked; those that refuse for long enough face the assault."""
    air_cover = conditions[Condition.AIR_COVER]
    for district in range(districts.holder.size):
        if districts.holder[district] == Holder.TALIBAN or districts.is_capital[district]:
            continue
        if garrisons.mobile[district] == 0 and not districts.pressed[district]:
            continue
        near = provinces.under_pressure[districts.province[district]]
        chance = numbers.local_elders_under_pressure if near else numbers.local_elders
        actor = districts.identity[district]
        if garrisons.men[district] > 0 and sends_elders(
            garrisons.mobile[district],
            districts.pressed[district],
            districts.influence[district],
            numbers.mobile_elders,
            chance,
            draw(luck, Stream.ELDERS, actor),
        ):
            speak(district, districts, garrisons, air_cover, numbers, draw(luck, Stream.HANDOVER, actor))
    ask_outposts(districts, provinces, garrisons, units, air_cover, numbers, luck, log, tally)
    lose_patience(districts, forces, numbers.days)


@rule
def speak(
    district: int, districts: Districts, garrisons: Garrisons, air_cover: float, numbers: Parley, luck: float
) -> None:
    """The elders speak; the garrison gives up or not."""
    ratio = (garrisons.mobile[district] + garrisons.local[district]) / garrisons.men[district]
    isolated = not districts.connected[district]
    hunger = garrisons.hunger[district]
    unanswered = garrisons.unanswered[district]
    dread = districts.dread[district]
    morale = garrisons.morale[district]
    resolve = garrisons.resolve[district]
    chance = hands_over(ratio, isolated, hunger, unanswered, dread, morale, resolve, air_cover, numbers)
    if luck < chance:
        districts.falling[district] = Fall.HANDED_OVER
        districts.why[district] = weighs_most(ratio, isolated, hunger, unanswered, dread, morale, resolve, numbers)


@rule
def ask_outposts(
    districts: Districts,
    provinces: Provinces,
    garrisons: Garrisons,
    units: Units,
    air_cover: float,
    numbers: Parley,
    luck: Luck,
    log: Log,
    tally: Whole,
) -> None:
    """Each outpost of a pressed district may give up on its own; its men leave their arms and go."""
    for unit in range(units.men.size):
        if units.role[unit] != Role.OUTPOST or units.state[unit] != UnitState.HOLDING or units.men[unit] == 0:
            continue
        here = units.district[unit]
        if not districts.pressed[here]:
            continue
        near = provinces.under_pressure[districts.province[here]]
        chance = numbers.local_elders_under_pressure if near else numbers.local_elders
        actor = units.identity[unit]
        if not sends_elders(
            0, districts.pressed[here], districts.influence[here], 0.0, chance, draw(luck, Stream.ELDERS, actor)
        ):
            continue
        gives_up = hands_over(
            garrisons.local[here] / max(1, garrisons.men[here]),
            not districts.connected[here],
            garrisons.hunger[here],
            garrisons.unanswered[here],
            districts.dread[here],
            units.morale[unit] - numbers.outpost_offset,
            units.resolve[unit],
            air_cover,
            numbers,
        )
        if draw(luck, Stream.OUTPOST, actor) < gives_up:
            note(log, tally, luck.day, Event.SURRENDER, here, unit, units.men[unit], Fall.HANDED_OVER, Why.NONE)
            units.surrendered[unit] += units.men[unit]
            units.men[unit] = 0
            units.state[unit] = UnitState.SURRENDERED
            units.state_days[unit] = 0
            tally[Count.OUTPOSTS_SURRENDERED] += 1


@rule
def lose_patience(districts: Districts, forces: Forces, days: float) -> None:
    """A mobile force whose elders were refused long enough attacks; before a capital it settles down to a siege."""
    for force in range(forces.men.size):
        if forces.kind[force] != ForceKind.MOBILE or forces.mode[force] != Mode.PARLEY:
            continue
        if districts.falling[forces.district[force]] != Fall.NONE:
            continue
        if districts.is_capital[forces.district[force]]:
            forces.mode[force] = Mode.BESIEGE
        elif forces.mode_days[force] >= days:
            forces.mode[force] = Mode.ASSAULT
            forces.mode_days[force] = 0
