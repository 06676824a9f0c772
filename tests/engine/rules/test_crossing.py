"""Soldiers at the river are admitted as far as policy and room allow."""

import pytest
from board import RIVER, SHARES, board, moves_one_way
from hypothesis import given

from sim.engine.rules.crossing import cross, is_let_in
from sim.engine.world import UnitState


def at_the_river(men=40, admits=1.0, room=100, days=0, **numbers):
    made = board(posts={"post_1": {"soldiers": admits}}, crossing=numbers)
    unit = made.garrison(RIVER, men)
    units, posts = made.world.units, made.world.posts
    units.state[unit], units.post[unit], units.state_days[unit] = UnitState.WAITING, 0, days
    posts.room[0] = room
    return made, unit


def night(made, day=5):
    cross(made.world.districts, made.world.units, made.world.posts, made.rules.crossing, made.today(day))
    return made.world


def test_an_open_post_lets_everyone_in():
    made, unit = at_the_river()
    world = night(made)
    assert (world.units.interned[unit], world.units.men[unit]) == (40, 0)
    assert world.units.state[unit] == UnitState.CROSSED
    assert (world.posts.soldiers_admitted[0], world.posts.soldiers_refused[0]) == (40, 0)


def test_a_closed_post_admits_nobody():
    made, unit = at_the_river(admits=0.0)
    world = night(made)
    assert (world.units.interned[unit], world.units.men[unit]) == (0, 40)
    assert (world.posts.soldiers_admitted[0], world.posts.soldiers_refused[0]) == (0, 40)


def test_no_more_cross_than_there_is_room():
    made, unit = at_the_river(room=15)
    world = night(made)
    assert (world.units.interned[unit], world.units.men[unit]) == (15, 25)
    assert world.units.state[unit] == UnitState.WAITING
    assert world.posts.admitted_today[0] == 15


def test_room_used_by_others_is_gone():
    made, unit = at_the_river(room=15)
    made.world.posts.admitted_today[0] = 15
    assert night(made).units.interned[unit] == 0


def test_the_refused_are_counted_on_their_first_night_only():
    made, _ = at_the_river(admits=0.0, days=1)
    assert night(made).posts.soldiers_refused[0] == 0


def test_those_who_do_not_wait_do_not_cross():
    made, unit = at_the_river()
    made.world.units.state[unit] = UnitState.HOLDING
    assert night(made).units.interned[unit] == 0


def test_those_who_crossed_are_interned_the_next_night():
    made, unit = at_the_river()
    night(made)
    assert night(made, day=6).units.state[unit] == UnitState.INTERNED


def test_some_are_captured_where_the_taliban_hold_the_bank():
    made, unit = at_the_river(admits=0.0, captured_waiting=0.25)
    made.world.districts.holder[RIVER] = 1
    world = night(made)
    assert (world.units.captured[unit], world.units.men[unit]) == (10, 30)


def test_nobody_is_captured_on_a_bank_that_the_government_holds():
    made, unit = at_the_river(admits=0.0, captured_waiting=1.0)
    assert night(made).units.captured[unit] == 0


@pytest.mark.parametrize(("days", "gone"), [(3, 0), (4, 40)])
def test_those_who_wait_in_vain_disperse(days, gone):
    made, unit = at_the_river(admits=0.0, days=days, gives_up_days=4.0)
    assert night(made).units.dispersed[unit] == gone


def test_a_post_gives_a_unit_the_same_answer_again():
    for seed in range(20):
        made, unit = at_the_river(admits=0.5)
        made.world.units.identity[unit] += seed
        night(made, day=5)
        first = made.world.units.interned[unit]
        made.world.posts.admitted_today[0] = 0
        assert night(made, day=6).units.interned[unit] == first


@given(SHARES, SHARES, SHARES)
def test_a_more_open_post_never_refuses_whom_a_stricter_lets_in(admits, more, draw):
    moves_one_way(is_let_in, "admits", 1, more, admits=admits, draw=draw * (1 - 1e-9))
    assert not is_let_in(0.0, draw)
    assert is_let_in(1.0, draw * (1 - 1e-9))
