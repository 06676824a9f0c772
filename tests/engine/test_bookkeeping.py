"""Garrisons are kept up to date by those who change them, and are what a fresh count of all units would give."""

import numpy as np
import pytest
from board import CAPITAL, MIDDLE, RIVER, board
from hypothesis import given
from hypothesis import strategies as st

from sim.engine.bookkeeping import form_garrisons, join_garrison, leave_garrison, list_units
from sim.engine.invariants import every_garrison_is_kept, linked_units
from sim.engine.layout import fresh
from sim.engine.world import UnitState

PLACES = st.sampled_from([CAPITAL, MIDDLE, RIVER])


def counted_afresh(world):
    again = fresh(world)
    form_garrisons(again.garrisons, again.units)
    return again.garrisons


@given(st.lists(st.tuples(st.integers(0, 12), PLACES), max_size=40))
def test_units_that_come_and_go_leave_what_a_fresh_count_finds(moves):
    world = board().world
    garrisons, units = world.garrisons, world.units
    for unit, district in moves:
        if units.state[unit] == UnitState.HOLDING:
            leave_garrison(unit, garrisons, units)
            units.state[unit] = UnitState.RETREATING
        else:
            join_garrison(unit, district, garrisons, units)
    assert all(claim.holds.all() for claim in every_garrison_is_kept(world))
    again = counted_afresh(world)
    assert again.first_unit.tolist() == garrisons.first_unit.tolist()
    assert again.present.tolist() == garrisons.present.tolist()


def test_a_loop_over_a_garrison_goes_on_from_a_unit_that_leaves():
    world = board().world
    seen, unit = [], int(world.garrisons.first_unit[RIVER])
    expected = linked_units(world, RIVER)
    while unit >= 0:
        seen.append(unit)
        leave_garrison(unit, world.garrisons, world.units)
        world.units.state[unit] = UnitState.RETREATING
        unit = int(world.units.next_there[unit])
    assert seen == expected
    assert linked_units(world, RIVER) == []
    assert world.garrisons.present[RIVER] == 0


@given(st.lists(st.tuples(st.integers(0, 12), PLACES), max_size=20), st.sets(PLACES))
def test_linked_units_chosen_districts_are_listed_in_the_order_of_their_rows(moves, chosen):
    made = board()
    units = made.world.units
    for unit, district in moves:
        if units.state[unit] == UnitState.HOLDING:
            units.district[unit] = district
    made.muster()
    flags = np.isin(np.arange(3), list(chosen))
    found = list_units(flags, made.world.garrisons, units)
    expected = np.flatnonzero((units.state == UnitState.HOLDING) & flags[units.district])
    assert units.listed[:found].tolist() == expected.tolist()


@pytest.mark.parametrize("asked", [-1, 0, 3])
def test_a_unit_that_has_asked_keeps_its_garrison_waiting(asked):
    world = board().world
    unit = int(world.garrisons.first_unit[RIVER])
    leave_garrison(unit, world.garrisons, world.units)
    world.units.state[unit], world.units.asked_days[unit] = UnitState.RETREATING, asked
    join_garrison(unit, MIDDLE, world.garrisons, world.units)
    assert world.garrisons.waiting[MIDDLE] == (asked >= 0)
    assert not world.garrisons.stocked[MIDDLE]
