"""The rules that `limit.py` compares with C, each run many times in one call on a state that is restored every time.

This is a separate module, imported by name, so that Numba can cache the compiled code.
"""

from collections.abc import Callable
from typing import Any

from sim.engine.bookkeeping import Endurance, muster
from sim.engine.chance import Seeds
from sim.engine.compile import entry, rule
from sim.engine.day import Rules
from sim.engine.rules.journeys import travel
from sim.engine.rules.morale import settle_morale
from sim.engine.rules.supply import supply
from sim.engine.world import Whole, World, armies_of, border_of, land_of, today_of

Traits = tuple[Whole, ...]


@rule
def put_back(written: Traits, saved: Traits) -> None:
    """Restore the arrays that the rule writes."""
    for trait, before in zip(written, saved):  # noqa: B905  (compiled code does not support `strict`)
        for row in range(trait.size):
            trait[row] = before[row]


@entry
def nothing_again(
    times: int, world: World, rules: Rules, seeds: Seeds, day: int, written: Traits, saved: Traits
) -> None:
    """Restore the state repeatedly, without a rule."""
    for _ in range(times):
        put_back(written, saved)


@entry
def travel_again(
    times: int, world: World, rules: Rules, seeds: Seeds, day: int, written: Traits, saved: Traits
) -> None:
    """Run `travel` repeatedly."""
    land, border = land_of(world), border_of(world)
    today = today_of(world, seeds, day)
    for _ in range(times):
        put_back(written, saved)
        travel(land, border, rules.journeys, today)


@entry
def muster_again(
    times: int, world: World, rules: Rules, seeds: Seeds, day: int, written: Traits, saved: Traits
) -> None:
    """Run `muster` repeatedly."""
    armies, endurance = armies_of(world), Endurance(rules.supply.hungry_below, rules.calls.patience_days)
    for _ in range(times):
        put_back(written, saved)
        muster(world.districts, armies, endurance)


@entry
def supply_again(
    times: int, world: World, rules: Rules, seeds: Seeds, day: int, written: Traits, saved: Traits
) -> None:
    """Run `supply` repeatedly."""
    land, armies = land_of(world), armies_of(world)
    for _ in range(times):
        put_back(written, saved)
        supply(land, armies, rules.supply)


@entry
def settle_morale_again(
    times: int, world: World, rules: Rules, seeds: Seeds, day: int, written: Traits, saved: Traits
) -> None:
    """Run `settle_morale` repeatedly."""
    endurance = Endurance(rules.supply.hungry_below, rules.calls.patience_days)
    today = today_of(world, seeds, day)
    for _ in range(times):
        put_back(written, saved)
        settle_morale(world.districts, world.units, rules.morale, endurance, today)


AGAIN: dict[str, Callable[..., Any]] = {
    "travel": travel_again,
    "muster": muster_again,
    "supply": supply_again,
    "settle_morale": settle_morale_again,
}
