"""Families leave when fighting, the arrival of the Taliban or dread outweighs what holds them."""

import pytest
from board import CAPITAL, MIDDLE, RIVER, SHARES, Place, board, moves_one_way
from hypothesis import given
from hypothesis import strategies as st

from sim.engine.rules.flight import fear_of, flee
from sim.engine.world import Count, Holder, RefugeeState

ALL_LEAVE = {"daily_share": 0.01, "people_per_row": 10, "rows": 3000, "calm_below": 0.05}


def leave(made, day=5, seed=1):
    flee(made.land, made.border, made.rules.flight, made.today(day, seed))
    return made.world


def rows_of(world):
    return world.tally[Count.REFUGEE_ROWS]


def test_nobody_leaves_a_calm_district():
    world = leave(board(flight=ALL_LEAVE))
    assert rows_of(world) == 0
    assert (world.districts.at_home == world.districts.population).all()


def test_families_leave_a_battle_and_nobody_else_does():
    made = board(flight=ALL_LEAVE)
    made.world.districts.fighting[RIVER] = 1.0
    world = leave(made)
    assert rows_of(world) > 0
    assert set(world.refugees.origin[: rows_of(world)]) == {RIVER}
    assert world.refugees.people.sum() == 10_000 - world.districts.at_home[RIVER] == world.tally[Count.PEOPLE_DISPLACED]
    assert (world.refugees.state[: rows_of(world)] == RefugeeState.ON_THE_ROAD).all()


@pytest.mark.parametrize(("lost_on", "leaves"), [(5, True), (1, True), (0, False), (-1, False)])
def test_arrival_frightens_for_its_days(lost_on, leaves):
    made = board(flight={**ALL_LEAVE, "arrival_days": 5.0})
    made.world.districts.lost_on[RIVER] = lost_on
    assert (rows_of(leave(made)) > 0) == leaves


@pytest.mark.parametrize(("share", "post"), [(1.0, 0), (0.0, -1)])
def test_those_near_the_frontier_may_go_to_a_post(share, post):
    made = board(flight={**ALL_LEAVE, "frontier_share": share, "frontier_km": 10.0})
    made.world.districts.fighting[RIVER] = 1.0
    world = leave(made)
    assert set(world.refugees.post[: rows_of(world)]) == {post}
    assert set(world.refugees.destination[: rows_of(world)]) == {RIVER if share else CAPITAL}


def test_those_far_from_the_frontier_do_not():
    made = board(flight={**ALL_LEAVE, "frontier_share": 1.0, "frontier_km": 10.0})
    made.world.districts.fighting[MIDDLE] = 1.0
    world = leave(made)
    assert set(world.refugees.post[: rows_of(world)]) == {-1}


def test_a_full_group_ends_the_campaign_with_a_named_error_and_loses_nobody():
    made = board(flight={**ALL_LEAVE, "rows": 3})
    made.world.districts.fighting[RIVER] = 1.0
    world = leave(made)
    assert world.tally[Count.CANNOT_GO_ON] == 2
    assert world.districts.at_home[RIVER] + world.refugees.people.sum() == 10_000


def test_an_empty_district_sends_nobody():
    made = board(flight={**ALL_LEAVE, "daily_share": 0.2})
    made.world.districts.fighting[RIVER] = 1.0
    made.world.districts.at_home[RIVER] = 0
    assert rows_of(leave(made)) == 0


def test_a_lost_provincial_capital_is_no_destination():
    made = board(with_second_capital(), flight={**ALL_LEAVE, "capital_city_share": 0.0, "frontier_share": 0.0})
    made.world.districts.fighting[1] = 1.0
    assert set(leave(made).refugees.destination[: rows_of(made.world)]) == {2}
    lost = board(with_second_capital(), flight={**ALL_LEAVE, "capital_city_share": 0.0, "frontier_share": 0.0})
    lost.world.districts.fighting[1] = 1.0
    lost.world.districts.holder[2] = Holder.TALIBAN
    assert set(leave(lost).refugees.destination[: rows_of(lost.world)]) == {0}


def with_second_capital():
    return (
        Place("Kabul", capital=True, hub=True),
        Place("Village", province="Takhar"),
        Place("Taluqan", province="Takhar", capital=True),
    )


def test_nobody_flees_from_a_city_to_the_same_city():
    made = board(flight={**ALL_LEAVE, "frontier_share": 0.0})
    made.world.districts.fighting[CAPITAL] = 1.0
    world = leave(made)
    rows = slice(0, rows_of(world))
    assert (world.refugees.destination[rows] != world.refugees.origin[rows]).all()


@given(SHARES, st.booleans(), st.booleans(), SHARES, st.tuples(SHARES, SHARES))
def test_more_fear_keeps_nobody_at_home(fighting, pressed, arrived, dread, more):
    inputs = {"fighting": fighting, "pressed": pressed, "arrived": arrived, "dread": dread}
    inputs["numbers"] = board().rules.flight
    moves_one_way(fear_of, "fighting", 1, more[0], **inputs)
    moves_one_way(fear_of, "dread", 1, more[1], **inputs)
    moves_one_way(fear_of, "arrived", 1, True, **inputs)
    moves_one_way(fear_of, "pressed", 1, True, **inputs)
    assert 0.0 <= fear_of(**inputs) <= 1.0
