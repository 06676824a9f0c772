"""Connected garrisons fill their stores, cut-off ones empty them."""

import numpy as np
import pytest
from board import CAPITAL, MIDDLE, RATIOS, RIVER, board, moves_one_way
from hypothesis import given
from hypothesis import strategies as st

from sim.engine.bookkeeping import hunger_of, join_garrison, leave_garrison
from sim.engine.rules.supply import find_connected, is_road_cut, supply
from sim.engine.world import Holder, UnitState

MEN = st.integers(0, 2000)


def supplied(made):
    supply(made.land, made.armies, made.rules.supply)
    return made.world


def test_every_district_of_a_calm_country_is_connected():
    assert supplied(board()).districts.connected.tolist() == [True, True, True]


def test_a_lost_district_cuts_off_those_behind_it():
    made = board()
    made.lose(MIDDLE)
    assert supplied(made).districts.connected.tolist() == [True, False, False]


def test_a_lost_district_at_the_end_cuts_off_nobody():
    made = board()
    made.lose(RIVER)
    assert supplied(made).districts.connected.tolist() == [True, True, False]


def test_a_country_without_a_hub_is_cut_off():
    made = board()
    made.world.districts.holder[CAPITAL] = Holder.TALIBAN
    assert not supplied(made).districts.connected.any()


def test_pressing_locals_close_the_road_once_they_are_enough():
    made = board(supply={"road_cut_ratio": 1.0})
    made.garrison(MIDDLE, 50)
    made.world.districts.pressed[MIDDLE] = True
    made.locals_of(MIDDLE, 49)
    assert supplied(made).districts.connected.tolist() == [True, True, True]
    made.locals_of(MIDDLE, 50)
    assert supplied(made).districts.connected.tolist() == [True, False, False]


def test_a_cut_off_garrison_eats_and_a_connected_one_restocks():
    made = board(supply={"eaten_per_day": 0.5, "restock_per_day": 2.0, "full_days": 10.0})
    made.lose(MIDDLE)
    hungry, fed = made.garrison(RIVER, 30, supply_days=5.0), made.garrison(CAPITAL, 300, supply_days=5.0)
    units = supplied(made).units
    assert units.supply_days[[hungry, fed]].tolist() == [4.5, 7.0]


@pytest.mark.parametrize(("stock", "expected"), [(9.5, 10.0), (10.0, 10.0)])
def test_a_store_is_never_more_than_full(stock, expected):
    made = board(supply={"full_days": 10.0})
    unit = made.garrison(MIDDLE, 30, supply_days=stock)
    assert supplied(made).units.supply_days[unit] == expected


def test_an_empty_store_stays_empty():
    made = board()
    made.lose(MIDDLE)
    unit = made.garrison(RIVER, 30, supply_days=0.0)
    assert supplied(made).units.supply_days[unit] == 0.0


def test_one_flight_supplies_the_hungriest_cut_off_garrison_alone():
    made = board(supply={"airlift_per_day": 1.0, "full_days": 12.0, "eaten_per_day": 0.0})
    made.world.districts.holder[CAPITAL] = Holder.TALIBAN
    hungry, hungrier = made.garrison(MIDDLE, 30, supply_days=3.0), made.garrison(RIVER, 30, supply_days=1.0)
    units = supplied(made).units
    assert units.supply_days[[hungry, hungrier]].tolist() == [3.0, 12.0]


def test_as_many_garrisons_are_supplied_as_there_are_flights_and_hungry_ones():
    made = board(supply={"airlift_per_day": 9.0, "full_days": 12.0, "eaten_per_day": 0.0})
    made.world.districts.holder[CAPITAL] = Holder.TALIBAN
    hungry, hungrier = made.garrison(MIDDLE, 30, supply_days=3.0), made.garrison(RIVER, 30, supply_days=1.0)
    fed = made.garrison(CAPITAL, 30, supply_days=9.0)
    world = supplied(made)
    assert world.units.supply_days[[hungry, hungrier, fed]].tolist() == [12.0, 12.0, 9.0]
    assert world.garrisons.hunger[[MIDDLE, RIVER]].tolist() == [0.0, 0.0]


def test_aeroplanes_pass_over_those_whose_road_is_open():
    made = board(supply={"airlift_per_day": 5.0, "restock_per_day": 0.0})
    unit = made.garrison(RIVER, 30, supply_days=1.0)
    assert supplied(made).units.supply_days[unit] == 1.0


def test_looking_at_roads_twice_changes_nothing():
    made = board()
    made.lose(MIDDLE)
    world = supplied(made)
    before = world.districts.connected.copy()
    find_connected(made.land, world.garrisons, made.rules.supply.road_cut_ratio)
    assert np.array_equal(before, world.districts.connected)


@given(st.booleans(), MEN, MEN, MEN, RATIOS, MEN)
def test_more_taliban_never_open_a_road(pressed, local, mobile, garrison, ratio, more):
    inputs = {"pressed": pressed, "local": local, "mobile": mobile, "garrison": garrison, "ratio": ratio}
    for term in ("local", "mobile"):
        moves_one_way(is_road_cut, term, 1, more, **inputs)
    moves_one_way(is_road_cut, "garrison", -1, more, **inputs)


@given(st.floats(0, 90), st.floats(0, 90), st.floats(0.5, 60))
def test_more_supply_never_makes_hungrier(days, more, below):
    moves_one_way(hunger_of, "supply_days", -1, more, supply_days=days, hungry_below=below)
    assert 0.0 <= hunger_of(days, below) <= 1.0


def test_a_garrison_that_was_full_eats_when_its_road_is_cut_and_fills_up_again():
    made = board(supply={"full_days": 10.0, "eaten_per_day": 1.0, "restock_per_day": 2.0})
    unit = made.garrison(RIVER, 40)
    full = [supplied(made).units.supply_days[unit] for _ in range(2)]
    assert full == [10.0, 10.0] and made.world.garrisons.stocked[RIVER]
    made.world.districts.holder[MIDDLE] = Holder.TALIBAN
    assert [supplied(made).units.supply_days[unit] for _ in range(2)] == [9.0, 8.0]
    made.world.districts.holder[MIDDLE] = Holder.GOVERNMENT
    assert [supplied(made).units.supply_days[unit] for _ in range(2)] == [10.0, 10.0]


def test_a_hungry_unit_that_joins_a_full_garrison_is_restocked():
    made = board(supply={"full_days": 10.0, "restock_per_day": 2.0})
    supplied(made)
    garrisons, units = made.world.garrisons, made.world.units
    unit = int(garrisons.first_unit[MIDDLE])
    leave_garrison(unit, garrisons, units)
    units.state[unit], units.supply_days[unit] = UnitState.RETREATING, 1.0
    join_garrison(unit, RIVER, garrisons, units)
    assert [supplied(made).units.supply_days[unit] for _ in range(2)] == [3.0, 5.0]
