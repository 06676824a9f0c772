"""Reservists arrive over days and make room at the river."""

import pytest
from board import LINE, SHARES, Place, board, moves_one_way
from hypothesis import given
from hypothesis import strategies as st

from sim.engine.rules.reserves import arrived, deploy_reserves
from sim.engine.world import Condition, Count

TWO_POSTS = (*LINE[:2], Place("River", post="ford", frontier_km=20.0), Place("Upstream", post="post", frontier_km=20.0))
DAYS = st.floats(0, 200)


def deploy(made, day=30):
    deploy_reserves(made.world.districts, made.world.posts, made.rules.reserves, made.today(day))
    return made.world


def ordered(places=LINE, men=1000.0, **numbers):
    made = board(places, reserves={"delay_days": 2.0, "ramp_days": 1.0, "room_per_reservist": 0.5, **numbers})
    made.world.conditions[Condition.RESERVISTS_ORDERED] = men
    made.world.conditions[Condition.ORDER_DAY] = 10.0
    return made


def test_without_an_order_nobody_comes():
    world = deploy(board())
    assert world.tally[Count.RESERVISTS] == 0
    assert (world.posts.room == world.posts.base_room).all()


@pytest.mark.parametrize(("day", "come"), [(10, False), (12, False), (13, True)])
def test_nobody_comes_before_the_delay_is_over(day, come):
    assert (deploy(ordered(), day).posts.reservists[0] > 0) == come


def test_reservists_make_room():
    world = deploy(ordered(), day=100)
    assert world.posts.reservists[0] == pytest.approx(1000, abs=1)
    assert world.posts.room[0] == world.posts.base_room[0] + world.posts.reservists[0] // 2


def test_never_more_come_than_were_ordered():
    world = deploy(ordered(TWO_POSTS), day=200)
    assert 990 <= world.posts.reservists.sum() <= 1000
    assert world.tally[Count.RESERVISTS] == world.posts.reservists.sum()


def test_the_busiest_post_gets_more():
    made = ordered(TWO_POSTS, to_busiest=0.5)
    made.world.posts.people_waiting[:] = (0, 500)
    posts = deploy(made, day=100).posts
    assert posts.reservists[1] > posts.reservists[0]


def test_by_frontage_alone_the_busiest_gets_no_more():
    made = ordered(TWO_POSTS, to_busiest=0.0)
    made.world.posts.people_waiting[:] = (0, 500)
    posts = deploy(made, day=100).posts
    assert posts.reservists[1] == posts.reservists[0]


def test_allies_stand_at_the_river_and_are_no_reservists():
    made = board(reserves={"csto_men": 500.0})
    made.world.conditions[Condition.CSTO_HELP] = 1.0
    world = deploy(made)
    assert world.posts.reservists[0] == 500
    assert world.tally[Count.RESERVISTS] == 0


@given(st.floats(0, 50_000), DAYS, st.floats(0, 60), st.floats(0.1, 120), st.tuples(st.floats(0, 50_000), DAYS))
def test_time_never_sends_reservists_home(men, days, delay, ramp, more):
    inputs = {"ordered": men, "days": days, "delay": delay, "ramp": ramp}
    moves_one_way(arrived, "ordered", 1, more[0], **inputs)
    moves_one_way(arrived, "days", 1, more[1], **inputs)
    assert 0.0 <= arrived(**inputs) <= men


@given(SHARES, st.integers(0, 5000), st.integers(0, 5000))
def test_every_share_of_the_men_goes_somewhere_and_none_twice(to_busiest, here, there):
    made = ordered(TWO_POSTS, to_busiest=to_busiest)
    made.world.posts.people_waiting[:] = (here, there)
    assert 0 <= 1000 - deploy(made, day=200).posts.reservists.sum() <= 2
