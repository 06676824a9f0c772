"""Before an assault, elders are sent to persuade the garrison to surrender.

Reads   garrisons, men of both sides, dread, isolation, air cover.
Writes  districts that fall today without a fight, outposts that surrender, forces that turn to assault.
Source  Christia 2012; article 2 ("in almost every district ... they send a team of elders"); evidence F020, F108,
        F109. Assumption: the garrison of a district centre decides as one, while each outpost decides for itself.
"""

from typing import NamedTuple

from sim.engine.bookkeeping import EVEN_MORALE, leave_garrison, list_units, log_ratio, note
from sim.engine.chance import Stream, logistic, uniform
from sim.engine.compile import rule
from sim.engine.world import (
    Armies,
    Condition,
    Count,
    Districts,
    Event,
    Fall,
    Forces,
    Garrisons,
    Holder,
    Land,
    Mode,
    Role,
    Today,
    UnitState,
    Why,
    luck_in,
)


class Parley(NamedTuple):
    """Parameters of the parley rule; values, ranges and sources are in `configs/rules/parley.yaml`."""

    mobile_elders: float  # probability per day: a mobile force outside a district sends elders
    local_elders: float  # probability per day per influence: a pressing local force sends elders
    local_elders_under_pressure: float  # probability per day per influence: the same while a prong sweeps the province
    intercept: float  # logit: log-odds that a calm garrison surrenders, before the other terms
    force_ratio: float  # per log ratio: weight of the ratio of Taliban to garrison men
    isolation: float  # logit: weight of closed roads
    hunger: float  # logit per hunger: weight of hunger
    unanswered: float  # logit: weight of an unanswered call for help
    dread: float  # logit per dread: weight of dread
    morale: float  # logit per morale: weight of morale above one half
    resolve: float  # logit per standard deviation: weight of the resolve of the command
    air_cover: float  # logit per share: weight of air cover
    days: float  # days: days of negotiation before a mobile force attacks
    outpost_offset: float  # morale: loss of morale of an outpost due to its isolation


class Situation(NamedTuple):
    """Circumstances in which a garrison or outpost decides whether to surrender."""

    ratio: float  # Taliban per garrison man
    isolated: bool  # whether the district has no open road to a hub
    hunger: float  # 0 to 1
    unanswered: float  # 0 to 1: share of its patience used up by unanswered calls for help
    dread: float  # 0 to 1
    morale: float  # 0 to 1
    resolve: float  # resolve of the command, in standard deviations


@rule
def handover_probability(situation: Situation, air_cover: float, numbers: Parley) -> float:
    """Return the probability that a garrison surrenders when asked.

    Dread and hardship raise it; morale, resolve and air cover lower it.
    """
    score = numbers.intercept + numbers.force_ratio * log_ratio(situation.ratio)
    if situation.isolated:
        score += numbers.isolation
    score += (
        numbers.hunger * situation.hunger + numbers.unanswered * situation.unanswered + numbers.dread * situation.dread
    )
    score -= (
        numbers.morale * (situation.morale - EVEN_MORALE)
        + numbers.resolve * situation.resolve
        + numbers.air_cover * air_cover
    )
    return logistic(score)


@rule
def main_reason(situation: Situation, numbers: Parley) -> int:
    """Return the main reason (`Why`) for surrender: the reason whose term in the decision is largest."""
    terms = (  # in the order of `Why`
        numbers.force_ratio * log_ratio(situation.ratio),
        numbers.isolation if situation.isolated else 0.0,
        numbers.hunger * situation.hunger,
        numbers.unanswered * situation.unanswered,
        numbers.dread * situation.dread,
        -numbers.morale * (situation.morale - EVEN_MORALE),
        -numbers.resolve * situation.resolve,
    )
    largest = 0
    for term in range(len(terms)):
        if terms[term] > terms[largest]:
            largest = term
    return Why.FORCE + largest


@rule
def situation_of(district: int, districts: Districts, garrisons: Garrisons) -> Situation:
    """Return the circumstances in which a garrison, which must have at least one man, decides whether to surrender."""
    attackers = garrisons.mobile[district] + garrisons.local[district]
    return Situation(
        attackers / garrisons.men[district],
        not districts.connected[district],
        garrisons.hunger[district],
        garrisons.unanswered[district],
        districts.dread[district],
        garrisons.morale[district],
        garrisons.resolve[district],
    )


@rule
def sends_elders(
    mobile: int, pressed: bool, influence: float, mobile_probability: float, local_probability: float, draw: float
) -> bool:
    """Return whether the Taliban send elders.

    A mobile force sends them with a fixed probability; local forces that press the district send them with a
    probability proportional to Taliban influence.
    """
    return (mobile > 0 and draw < mobile_probability) or (pressed and draw < local_probability * influence)


@rule
def parley(land: Land, armies: Armies, numbers: Parley, today: Today) -> None:
    """Send elders to threatened garrisons and outposts, and let mobile forces turn from parley to assault or siege.

    Args:
        land: Falling districts and reasons are written.
        armies: Outposts that surrender and modes of forces are written.
        numbers: Parameters of the parley rule.
        today: Source of random draws, and of air cover; the event log and running totals are written.
    """
    districts, provinces, garrisons, forces = land.districts, land.provinces, armies.garrisons, armies.forces
    air_cover = today.conditions[Condition.AIR_COVER]
    for district in range(districts.holder.size):
        if not garrisons.faced[district]:
            continue
        if districts.holder[district] == Holder.TALIBAN or districts.is_capital[district]:
            continue
        province = districts.province[district]
        near, luck = provinces.under_pressure[province], luck_in(province, today)
        probability = numbers.local_elders_under_pressure if near else numbers.local_elders
        actor = districts.identity[district]
        if garrisons.men[district] > 0 and sends_elders(
            garrisons.mobile[district],
            districts.pressed[district],
            districts.influence[district],
            numbers.mobile_elders,
            probability,
            uniform(luck, Stream.ELDERS, actor),
        ):
            ask_garrison(district, districts, garrisons, air_cover, numbers, uniform(luck, Stream.HANDOVER, actor))
    ask_outposts(land, armies, numbers, today)
    lose_patience(districts, forces, numbers.days)


@rule
def ask_garrison(
    district: int, districts: Districts, garrisons: Garrisons, air_cover: float, numbers: Parley, draw: float
) -> None:
    """Ask a garrison to surrender and, if it does, mark its district as handed over today."""
    situation = situation_of(district, districts, garrisons)
    if draw < handover_probability(situation, air_cover, numbers):
        districts.falling[district] = Fall.HANDED_OVER
        districts.why[district] = main_reason(situation, numbers)


@rule
def ask_outposts(land: Land, armies: Armies, numbers: Parley, today: Today) -> None:
    """Ask outposts in pressed districts to surrender, and count the men of outposts that do so as surrendered."""
    districts, provinces, garrisons, units = land.districts, land.provinces, armies.garrisons, armies.units
    for place in range(list_units(districts.pressed, garrisons, units)):
        unit = units.listed[place]
        if units.role[unit] != Role.OUTPOST or units.men[unit] == 0:
            continue
        here = units.district[unit]
        near = provinces.under_pressure[districts.province[here]]
        luck = luck_in(districts.province[units.home[unit]], today)
        probability = numbers.local_elders_under_pressure if near else numbers.local_elders
        actor = units.identity[unit]
        if not sends_elders(
            0,
            districts.pressed[here],
            districts.influence[here],
            0.0,
            probability,
            uniform(luck, Stream.ELDERS, actor),
        ):
            continue
        situation = Situation(
            garrisons.local[here] / max(1, garrisons.men[here]),
            not districts.connected[here],
            garrisons.hunger[here],
            garrisons.unanswered[here],
            districts.dread[here],
            units.morale[unit] - numbers.outpost_offset,
            units.resolve[unit],
        )
        probability = handover_probability(situation, today.conditions[Condition.AIR_COVER], numbers)
        if uniform(luck, Stream.OUTPOST, actor) < probability:
            note(today, Event.SURRENDER, here, unit, units.men[unit], Fall.HANDED_OVER, Why.NONE)
            leave_garrison(unit, garrisons, units)
            units.surrendered[unit] += units.men[unit]
            units.men[unit] = 0
            units.state[unit] = UnitState.SURRENDERED
            units.state_days[unit] = 0
            today.tally[Count.OUTPOSTS_SURRENDERED] += 1


@rule
def lose_patience(districts: Districts, forces: Forces, days: float) -> None:
    """Let mobile forces assault a district after `days` days of parley, or besiege it at once if it is a capital."""
    for force in range(districts.holder.size, forces.men.size):  # local forces are the first rows, one per district
        if forces.mode[force] != Mode.PARLEY:
            continue
        if districts.falling[forces.district[force]] != Fall.NONE:
            continue
        if districts.is_capital[forces.district[force]]:
            forces.mode[force] = Mode.BESIEGE
        elif forces.mode_days[force] >= days:
            forces.mode[force] = Mode.ASSAULT
            forces.mode_days[force] = 0
