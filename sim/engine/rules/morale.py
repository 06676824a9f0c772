"""Morale drifts to the level that a unit's circumstances justify, and changes at once with help, a stand or losses.

Reads   dread, supply, calls, pay, air cover, help, stands, losses, resolve of the command.
Writes  morale of units.
Source  Shils and Janowitz 1948; McLauchlin 2020; articles 2 and 5 ("lost their morale", "no coordination or interest
        among our commanders"). Weights: guess.
"""

from typing import NamedTuple

from sim.engine.bookkeeping import Endurance, hunger_of, unanswered_of
from sim.engine.compile import rule
from sim.engine.world import Condition, Districts, Today, Units, UnitState


class Morale(NamedTuple):
    """Parameters of the morale rule; values, ranges and sources are in `configs/rules/morale.yaml`."""

    base: float  # morale: morale of a well-supplied unit in a calm district
    settle_rate: float  # share per day: rate at which morale drifts to the level that circumstances justify
    resolve: float  # morale per standard deviation: weight of the resolve of the command
    contagion: float  # morale per dread: weight of dread
    hunger: float  # morale per hunger: weight of hunger
    unanswered: float  # morale: weight of a call for help left unanswered beyond patience
    pay: float  # morale per share of pay: weight of pay in arrears
    air_cover: float  # morale per share of air cover: weight of air cover lost
    losses: float  # morale per share of men lost: weight of yesterday's losses
    help_lift: float  # morale: increase on the day on which help sets out
    stand_lift: float  # morale: increase after a successful stand


@rule
def deserved(  # one argument per circumstance
    resolve: float, dread: float, hunger: float, unanswered: float, pay: float, air_cover: float, numbers: Morale
) -> float:
    """Return the morale to which a unit in these circumstances drifts, which may be below 0 or above 1."""
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
def settle_morale(districts: Districts, units: Units, numbers: Morale, endurance: Endurance, today: Today) -> None:
    """Update the morale of every unit that holds a district, retreats, waits at a post, is in reserve or brings help.

    Args:
        districts: Dread, help and stands are read.
        units: Morale is written, and yesterday's losses are reset to 0.
        numbers: Parameters of the morale rule.
        endurance: Thresholds in days at which hunger begins and patience is exhausted.
        today: The number of the day, the pay and the air cover are read.
    """
    pay = today.conditions[Condition.PAY]
    air_cover = today.conditions[Condition.AIR_COVER]
    for unit in range(units.men.size):
        if units.state[unit] > UnitState.RELIEVING:
            continue
        here = units.district[unit]
        goal = deserved(
            units.resolve[unit],
            districts.dread[here],
            hunger_of(units.supply_days[unit], endurance.hungry_below),
            unanswered_of(units.asked_days[unit], endurance.patience_days),
            pay,
            air_cover,
            numbers,
        )
        morale = units.morale[unit] + numbers.settle_rate * (goal - units.morale[unit])
        if districts.helped_on[here] == today.luck.day:
            morale += numbers.help_lift
        if districts.stood_on[here] == today.luck.day - 1:
            morale += numbers.stand_lift
        morale -= numbers.losses * units.losses[unit]
        units.losses[unit] = 0.0
        units.morale[unit] = min(1.0, max(0.0, morale))
