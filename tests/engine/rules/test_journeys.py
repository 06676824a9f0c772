"""Families travel link by link and round fighting when they can."""

import pytest
from board import CAPITAL, MIDDLE, RIVER, SHARES, Place, board, moves_one_way
from hypothesis import assume, given
from hypothesis import strategies as st

from sim.engine.invariants import queue_of
from sim.engine.rules.journeys import ROUNDING, cost, days_before_the_last, travel
from sim.engine.world import Count, RefugeeState

FAMILY = 0
KM = st.floats(0, 2000)


def on_the_road(made, origin, destination, post=-1, people=10):
    refugees = made.world.refugees
    refugees.people[FAMILY] = people
    for trait in (refugees.origin, refugees.district, refugees.next_district):
        trait[FAMILY] = origin
    refugees.destination[FAMILY] = destination
    refugees.post[FAMILY] = post
    refugees.state[FAMILY] = RefugeeState.ON_THE_ROAD
    refugees.due_on[FAMILY] = 1
    made.world.tally[Count.REFUGEE_ROWS] = 1
    return refugees


def run_day(made, number=1):
    travel(made.land, made.border, made.rules.journeys, made.today(number))


def days_until_settled(made, refugees):
    for count in range(1, 60):
        run_day(made, count)
        if refugees.state[FAMILY] != RefugeeState.ON_THE_ROAD:
            return count
    raise AssertionError("the family never arrives")


def test_a_family_settles_where_it_wanted_to_go():
    made = board(journeys={"km_per_day": 30.0, "road_factor": 1.0})
    refugees = on_the_road(made, RIVER, CAPITAL)
    assert days_until_settled(made, refugees) == 2
    assert (refugees.district[FAMILY], refugees.state[FAMILY]) == (CAPITAL, RefugeeState.SETTLED)


@pytest.mark.parametrize(("pace", "expected"), [(60.0, 1), (40.0, 2), (15.0, 4)])
def test_a_day_is_used_up_to_its_end(pace, expected):
    made = board(journeys={"km_per_day": pace, "road_factor": 1.0})
    assert days_until_settled(made, on_the_road(made, RIVER, CAPITAL)) == expected


def test_mountains_take_longer():
    high = (Place("Kabul", capital=True), Place("Pass", mountain=1.0), Place("Valley", mountain=1.0))
    made = board(high, journeys={"km_per_day": 30.0, "road_factor": 1.0, "mountain_factor": 1.0})
    assert days_until_settled(made, on_the_road(made, 2, 0)) == 4


def test_a_family_at_its_post_waits_in_the_queue():
    made = board()
    refugees = on_the_road(made, RIVER, RIVER, post=0)
    assert days_until_settled(made, refugees) == 1
    assert refugees.state[FAMILY] == RefugeeState.WAITING
    assert made.world.posts.people_waiting[0] == made.world.posts.arrivals_today[0] == 10
    assert queue_of(made.world.queues, 0) == [FAMILY]


def test_those_who_have_settled_stay():
    made = board()
    refugees = on_the_road(made, RIVER, CAPITAL)
    made.world.queues.travelling[0], made.world.tally[Count.TRAVELLERS], made.world.tally[Count.SET_OUT] = FAMILY, 1, 1
    refugees.state[FAMILY] = RefugeeState.SETTLED
    run_day(made)
    assert (refugees.district[FAMILY], refugees.state[FAMILY]) == (RIVER, RefugeeState.SETTLED)
    assert made.world.tally[Count.TRAVELLERS] == 0


def test_a_family_that_is_overdue_sets_out_all_the_same():
    made = board()
    refugees = on_the_road(made, RIVER, CAPITAL)
    run_day(made, 5)
    assert refugees.due_on[FAMILY] > 5 or refugees.state[FAMILY] == RefugeeState.SETTLED


DIAMOND = (Place("Kabul", capital=True), Place("Left"), Place("Right"), Place("Home"))
SIDES = [(0, 1), (0, 2), (1, 3), (2, 3)]


@pytest.mark.parametrize("battle", [1, 2])
def test_a_family_goes_round_a_battle(battle):
    made = board(DIAMOND, SIDES, journeys={"km_per_day": 20.0})
    made.world.districts.fighting[battle] = 1.0
    refugees = on_the_road(made, 3, 0)
    run_day(made)
    assert refugees.next_district[FAMILY] == 3 - battle


def test_with_one_road_it_goes_through():
    made = board()
    made.world.districts.fighting[MIDDLE] = 1.0
    refugees = on_the_road(made, RIVER, CAPITAL)
    days_until_settled(made, refugees)
    assert refugees.district[FAMILY] == CAPITAL


@given(st.floats(0.0, 12.0))
def test_a_link_ends_on_the_day_on_which_a_family_that_walks_day_by_day_ends_it(to_go):
    assume(abs(to_go - round(to_go) - ROUNDING) > 1e-12)  # there, one rounds before and the other after the comparison
    left, days = to_go, 0
    while left - min(1.0, left) > ROUNDING:
        left -= 1.0
        days += 1
    assert days_before_the_last(to_go) == days


@given(KM, SHARES, KM, KM, SHARES)
def test_a_battle_never_makes_a_road_cheaper(km_left, fighting, avoid_km, farther, worse):
    inputs = {"km_left": km_left, "fighting": fighting, "avoid_km": avoid_km}
    moves_one_way(cost, "km_left", 1, farther, **inputs)
    moves_one_way(cost, "fighting", 1, worse, **inputs)
