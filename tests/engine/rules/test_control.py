"""A district that gave up, broke or was left empty changes hands."""

import pytest
from board import CAPITAL, MIDDLE, RIVER, board
from hypothesis import given
from hypothesis import strategies as st

from sim.engine.rules.control import change_control, is_left_empty, reward
from sim.engine.world import Fall, Holder, Mode

MEN = st.integers(0, 1000)


def evening(made, day=5):
    made.muster()
    change_control(made.world.districts, made.armies, made.rules.control, made.today(day))
    return made.world


def test_a_district_that_falls_is_the_talibans_with_day_and_manner():
    made = board()
    made.world.districts.falling[RIVER] = Fall.HANDED_OVER
    districts = evening(made, day=9).districts
    assert districts.holder.tolist() == [Holder.GOVERNMENT, Holder.GOVERNMENT, Holder.TALIBAN]
    assert (districts.lost_on[RIVER], districts.first_lost_on[RIVER], districts.lost_how[RIVER]) == (9, 9, 1)
    assert districts.lost_on[MIDDLE] == -1
    assert not districts.connected[RIVER]
    assert not districts.falling.any()


def test_a_second_loss_keeps_the_day_of_the_first():
    made = board()
    made.world.districts.first_lost_on[RIVER] = 3
    made.world.districts.falling[RIVER] = Fall.FOUGHT
    districts = evening(made, day=9).districts
    assert (districts.first_lost_on[RIVER], districts.lost_on[RIVER]) == (3, 9)


def test_a_calm_day_changes_nothing():
    made = board()
    world = evening(made)
    assert not world.districts.holder.any()
    assert not world.districts.pressure_days.any()


def test_an_empty_district_is_taken_by_those_who_are_there():
    made = board()
    made.garrison(RIVER, 0)
    made.locals_of(RIVER, 5)
    assert evening(made).districts.lost_how[RIVER] == Fall.ABANDONED


def test_an_empty_district_without_taliban_is_not_lost():
    made = board()
    made.garrison(RIVER, 0)
    made.locals_of(RIVER, 0)
    assert evening(made).districts.holder[RIVER] == Holder.GOVERNMENT


def test_an_empty_capital_is_not_lost_for_that():
    made = board()
    made.garrison(CAPITAL, 0)
    made.send(CAPITAL, 100)
    assert evening(made).districts.holder[CAPITAL] == Holder.GOVERNMENT


def test_days_under_pressure_are_counted_in_a_row():
    made = board()
    made.send(RIVER, 100)
    made.world.districts.pressed[MIDDLE] = True
    assert evening(made).districts.pressure_days.tolist() == [0, 1, 1]
    made.world.districts.pressed[MIDDLE] = False
    assert evening(made).districts.pressure_days.tolist() == [0, 0, 2]


@given(MEN, MEN, st.floats(0, 1), st.floats(0, 1))
def test_no_fighter_is_lost_or_won_by_a_reward(column, at_home, hold_share, recruit_share):
    made = board(control={"hold_share": hold_share, "recruit_share": recruit_share})
    made.locals_of(RIVER, at_home)
    made.send(RIVER, column, Mode.ASSAULT)
    forces = made.world.forces
    before = forces.men.sum()
    reward(RIVER, forces, made.rules.control)
    assert forces.men.sum() == before
    assert (forces.men >= 0).all()


def test_success_feeds_on_itself_up_to_its_limit_and_fades():
    made = board(control={"momentum_gain": 0.5, "momentum_limit": 1.2, "momentum_fade_days": 10.0})
    force = made.send(RIVER, 100, Mode.ASSAULT)
    made.world.districts.falling[RIVER] = Fall.FOUGHT
    assert evening(made).forces.momentum[force] == pytest.approx(1.2)
    assert evening(made).forces.momentum[force] == pytest.approx(1.18)


@pytest.mark.parametrize("mode", [Mode.MARCH, Mode.GATHER])
def test_those_on_the_march_are_not_rewarded(mode):
    made = board()
    force = made.send(RIVER, 100, mode)
    made.world.districts.falling[RIVER] = Fall.FOUGHT
    world = evening(made)
    assert (world.forces.momentum[force], world.forces.men[force]) == (1.0, 100)


@given(MEN, MEN, MEN, MEN)
def test_more_defenders_never_leave_a_place_empty(garrison, local, mobile, more):
    if is_left_empty(garrison + more, local, mobile):
        assert is_left_empty(garrison, local, mobile)
    if is_left_empty(garrison, local, mobile):
        assert is_left_empty(garrison, local + more, mobile)


def test_a_destroyed_column_finds_no_recruits():
    made = board(control={"recruit_share": 0.5})
    made.locals_of(RIVER, 100)
    force = made.send(RIVER, 0, Mode.BESIEGE)
    reward(RIVER, made.world.forces, made.rules.control)
    assert made.world.forces.men[force] == 0
