"""Families are admitted in the order in which they came."""

import numpy as np
import pytest
from board import LINE, MIDDLE, RIVER, SHARES, Place, board, moves_one_way
from hypothesis import given
from hypothesis import strategies as st

from sim.engine.invariants import queue_of
from sim.engine.rules.admission import admit_families, is_admitted, places_left
from sim.engine.rules.journeys import stand_in_line
from sim.engine.world import Condition, Count, RefugeeState

ADMITTED, WAITING, REFUSED = RefugeeState.ADMITTED, RefugeeState.WAITING, RefugeeState.REFUSED


def queue(families=4, people=10, admits=1.0, room=100, places=LINE, waited=0, **numbers):
    made = board(places, posts={"post_1": {"families": admits}}, admission=numbers)
    world = made.world
    rows = np.arange(families)
    world.refugees.identity[rows] = 1000 + rows
    world.refugees.people[rows] = people
    world.refugees.origin[rows] = MIDDLE
    world.refugees.district[rows] = RIVER
    world.refugees.next_district[rows] = RIVER
    world.refugees.destination[rows] = RIVER
    world.refugees.state[rows] = WAITING
    world.refugees.waited_days[rows] = waited
    world.districts.at_home[MIDDLE] -= families * people
    for row in rows:
        stand_in_line(row, 0, world.queues)
    world.posts.people_waiting[0] = families * people
    world.posts.room[0] = room
    world.tally[Count.REFUGEE_ROWS] = families
    return made


def call(made, day=5):
    admit_families(made.land, made.border, made.rules.admission, made.today(day))
    return made.world


def test_an_open_post_with_room_admits_all():
    world = call(queue())
    assert (world.refugees.state[:4] == ADMITTED).all()
    assert world.posts.people_admitted[0] == world.posts.admitted_today[0] == world.tally[Count.ADMITTED] == 40
    assert world.posts.people_waiting[0] == 0


def test_a_closed_post_admits_nobody():
    world = call(queue(admits=0.0, patience_days=9.0))
    assert (world.refugees.state[:4] == WAITING).all()
    assert world.posts.people_admitted[0] == 0


def test_the_first_to_come_are_the_first_let_in():
    world = call(queue(room=25))
    assert world.refugees.state[:4].tolist() == [ADMITTED, ADMITTED, WAITING, WAITING]
    world.posts.admitted_today[0] = 0
    assert queue_of(world.queues, 0) == [2, 3]


def test_nobody_overtakes_a_large_family():
    made = queue(room=15)
    made.world.refugees.people[:4] = (20, 5, 5, 5)
    assert (call(made).refugees.state[:4] == WAITING).all()


def test_soldiers_of_the_night_have_used_their_room():
    made = queue(room=25)
    made.world.posts.admitted_today[0] = 20
    assert (call(made).refugees.state[:4] == WAITING).all()


def test_full_camps_admit_nobody_and_aid_makes_places():
    numbers = {"camp_places": 15.0, "aid_places": 20.0}
    assert call(queue(**numbers)).refugees.state[:4].tolist() == [ADMITTED, WAITING, WAITING, WAITING]
    helped = queue(**numbers)
    helped.world.conditions[Condition.AID] = 1.0
    assert call(helped).refugees.state[:4].tolist() == [ADMITTED, ADMITTED, ADMITTED, WAITING]


@pytest.mark.parametrize(("waited", "state"), [(2, WAITING), (3, REFUSED)])
def test_patience_ends(waited, state):
    world = call(queue(admits=0.0, waited=waited, patience_days=3.0, goes_home=0.0))
    assert (world.refugees.state[:4] == state).all()
    assert world.tally[Count.REFUSED] == (40 if state == REFUSED else 0)


def test_those_who_turn_back_are_at_home_again():
    world = call(queue(admits=0.0, waited=9, goes_home=1.0))
    assert world.districts.at_home[MIDDLE] == world.districts.population[MIDDLE]
    assert world.refugees.people.sum() == 0
    assert (world.refugees.state[:4] == RefugeeState.RETURNED).all()


def test_the_refused_try_the_next_post_once():
    two_posts = (*LINE[:2], Place("River", post="ford"), Place("Upstream", post="ford"))
    made = queue(places=two_posts, admits=0.0, waited=9, tries=2.0, next_post_km=200.0)
    world = call(made)
    assert set(world.refugees.post[:4]) == {1}
    assert set(world.refugees.destination[:4]) == {3}
    assert set(world.refugees.due_on[:4]) == {6}
    assert (world.refugees.state[:4] == RefugeeState.ON_THE_ROAD).all()
    assert world.tally[Count.REFUSED] == 0
    assert world.posts.people_waiting[0] == 0


def test_a_post_too_far_is_not_tried():
    two_posts = (*LINE[:2], Place("River", post="ford"), Place("Upstream", post="ford"))
    made = queue(places=two_posts, admits=0.0, waited=9, tries=2.0, next_post_km=1.0, goes_home=0.0)
    assert (call(made).refugees.state[:4] == REFUSED).all()


def test_a_queue_of_every_row_that_there_is_loses_nobody():
    made = board(admission={"patience_days": 90.0}, flight={"rows": 4}, posts={"post_1": {"families": 0.0}})
    world = made.world
    world.refugees.people[:] = 1
    world.refugees.state[:] = WAITING
    for row in range(4):
        stand_in_line(row, 0, world.queues)
    for day in range(5):
        call(made, day)
    assert queue_of(world.queues, 0) == [0, 1, 2, 3]


@given(SHARES, SHARES, SHARES)
def test_a_more_open_post_never_refuses_whom_a_stricter_admits(admits, more, draw):
    moves_one_way(is_admitted, "admits", 1, more, admits=admits, draw=draw)
    assert not is_admitted(0.0, draw)


@given(
    *[st.floats(0, 1e6)] * 2, SHARES, st.integers(0, 10**6), st.tuples(st.floats(0, 1e6), SHARES, st.integers(0, 10**6))
)
def test_aid_never_takes_places_away(camp_places, aid_places, aid, admitted, others):
    inputs = {"camp_places": camp_places, "aid_places": aid_places, "aid": aid, "admitted": admitted}
    moves_one_way(places_left, "camp_places", 1, others[0], **inputs)
    moves_one_way(places_left, "aid", 1, others[1], **inputs)
    moves_one_way(places_left, "admitted", -1, others[2], **inputs)
    assert places_left(**inputs) >= 0
