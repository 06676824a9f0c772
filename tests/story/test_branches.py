"""A world that is turned to another course at an evening goes on as that course says."""

from types import SimpleNamespace

from board import RIVER, board, calm_rules

from sim.engine.rules.supply import supply
from sim.story.branches import turn


def test_stores_that_were_full_follow_another_course_with_larger_ones():
    made = board(supply={"full_days": 10.0, "restock_per_day": 2.0})
    supply(made.land, made.armies, made.rules.supply)
    unit = int(made.world.garrisons.first_unit[RIVER])
    assert made.world.units.supply_days[unit] == 10.0
    rules = calm_rules(supply={"full_days": 20.0, "restock_per_day": 2.0})
    turn(made.world, SimpleNamespace(layout=made.layout, rules=rules))
    supply(made.land, made.armies, rules.supply)
    assert made.world.units.supply_days[unit] == 12.0
