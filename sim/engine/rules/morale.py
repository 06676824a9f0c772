"""Morale drifts to what a unit's circumstances deserve, and jumps with help, a stand or losses.

Reads   dread, supply, calls, pay, air cover, help, stands, losses, resolve of the command.
Writes  morale of units.
Source  Shils and Janowitz 1948; McLauchlin 2020; articles 2 and 5 ("lost their morale", "no coordination or interest
        among our commanders"). Weights: guess.
"""

from typing import NamedTuple

from sim.engine.bookkeeping import hunger_of, unanswered_of
from sim.engine.compile import rule
from sim.engine.world import Condition, Districts, Real, Units, UnitState


class Morale(NamedTuple):
    """Numbers of the rule; meaning, unit, source and range in `configs/rules/morale.yaml`."""

    base: float
    settle_rate: float
    resolve: float
    contagion: float
    hunger: float
    unanswered: float
    pay: float
    air_cover: float
    losses: float
    help_lift: float
    stand_lift: float


@rule
def deserved(  # one argument a circumstance
    resolve: float, dread: float, hunger: float, unanswered: float, pay: float, air_cover: float, numbers: Morale
) -> float:
    """The morale to which a unit in these circumstances drifts."""
    return (
        numbers.base
        + numbers.resolve * resolve
        - numbers.contagion * dread
        - numbers.hunger * hunger
        - numbers.unanswered * unanswered
        + numbers.pay * (pay - 1.0)
        + numbers.air_cover * (air_cover - 1.0)
    )


@rule
def settle_morale(
    districts: Districts,
    units: Units,
    conditions: Real,
    numbers: Morale,
    hungry_below: float,
    patience: float,
    day: int,
) -> None:
    """Every unit with men under arms, in order."""
    pay = conditions[Condition.PAY]
    air_cover = conditions[Condition.AIR_COVER]
    for unit in range(units.men.size):
        if units.state[unit] > UnitState.RELIEVING:
            continue
        here = units.district[unit]
        goal = deserved(
            units.resolve[unit],
            districts.dread[here],
            hunger_of(units.supply_days[unit], hungry_below),
            unanswered_of(units.asked_days[unit], patience),
            pay,
            air_cover,
            numbers,
        )
        morale = units.morale[unit] + numbers.settle_rate * (goal - units.morale[unit])
        if districts.helped_on[here] == day:
            morale += numbers.help_lift
        if districts.stood_on[here] == day - 1:
            morale += numbers.stand_lift
        morale -= numbers.losses * units.losses[unit]
        units.losses[unit] = 0.0
        units.morale[unit] = min(1.0, max(0.0, morale))
