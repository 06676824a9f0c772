"""A threatened garrison asks; the headquarters answers a few."""

import numpy as np
import pytest
from board import CAPITAL, MIDDLE, RATIOS, RIVER, board, moves_one_way
from hypothesis import given
from hypothesis import strategies as st

from sim.engine.bookkeeping import unanswered_of
from sim.engine.rules.calls import asks, call_for_help, urgency
from sim.engine.world import Count, UnitKind, UnitState

MEN = st.integers(0, 2000)


def call(made, day=5):
    made.muster()
    call_for_help(made.world.districts, made.armies, made.rules.calls, made.today(day))
    return made.world


def commandos(world):
    return np.flatnonzero(world.units.kind == UnitKind.COMMANDO)


def test_a_mobile_force_before_the_place_is_reason_to_ask():
    made = board()
    unit = made.garrison(RIVER, 40)
    made.send(RIVER, 10)
    world = call(made)
    assert world.units.asked_days[unit] == 0
    assert world.tally[Count.CALLS_MADE] == 1


def test_a_garrison_with_outposts_makes_one_call():
    made = board()
    made.send(RIVER, 10)
    assert len(made.units_at(RIVER)) > 1
    assert call(made).tally[Count.CALLS_MADE] == 1


def test_a_calm_garrison_does_not_ask():
    made = board()
    unit = made.garrison(RIVER, 40)
    world = call(made)
    assert world.units.asked_days[unit] == -1
    assert world.tally[Count.CALLS_MADE] == 0


def test_a_garrison_asks_once_and_counts_the_days():
    made = board(calls={"flights_per_day": 0.0})
    unit = made.garrison(RIVER, 40)
    made.send(RIVER, 10)
    for day in range(5, 9):
        world = call(made, day)
    assert world.units.asked_days[unit] == 3
    assert world.tally[Count.CALLS_MADE] == 1


def test_a_call_is_forgotten_when_the_threat_is_gone():
    made = board(calls={"flights_per_day": 0.0})
    unit = made.garrison(RIVER, 40, asked_days=4)
    assert call(made).units.asked_days[unit] == -1


def test_no_flight_goes_to_a_garrison_that_no_longer_asks():
    made = board(calls={"flights_per_day": 1.0})
    made.garrison(RIVER, 40, asked_days=4)
    assert call(made).tally[Count.CALLS_ANSWERED] == 0


def test_a_call_of_yesterday_is_answered_with_a_column():
    made = board(calls={"flights_per_day": 1.0, "columns_per_call": 1.0})
    unit = made.garrison(RIVER, 40, asked_days=1)
    made.send(RIVER, 100)
    world = call(made)
    sent = [row for row in commandos(world) if world.units.state[row] == UnitState.RELIEVING]
    assert len(sent) == 1
    assert world.units.destination[sent[0]] == RIVER
    assert world.units.asked_days[unit] == 0
    assert world.districts.helped_on[RIVER] == 5
    assert world.tally[Count.CALLS_ANSWERED] == 1


@pytest.mark.parametrize(
    "policy", [{"flights_per_day": 0.0}, {"flights_per_day": 9.0, "weight_border": 0.0, "weight_other": 0.0}]
)
def test_no_flights_or_no_weight_no_answer(policy):
    made = board(calls=policy)
    made.garrison(RIVER, 40, asked_days=9)
    made.send(RIVER, 100)
    assert call(made).tally[Count.CALLS_ANSWERED] == 0


def test_an_empty_reserve_answers_nobody():
    made = board(founding={"commando_columns": 0})
    made.garrison(RIVER, 40, asked_days=9)
    made.send(RIVER, 100)
    assert call(made).tally[Count.CALLS_ANSWERED] == 0


def test_with_one_flight_the_capital_comes_first():
    made = board(calls={"flights_per_day": 1.0, "weight_capital": 1.0, "weight_border": 0.2})
    made.garrison(CAPITAL, 40, asked_days=3)
    made.garrison(RIVER, 40, asked_days=3)
    made.send(RIVER, 100)
    made.locals_of(RIVER, 0)
    made.world.districts.pressed[CAPITAL] = True
    made.locals_of(CAPITAL, 100)
    world = call(made)
    assert world.districts.helped_on.tolist() == [5, -1, -1]


@pytest.mark.parametrize("flights", [2.0, 9.0])
def test_more_flights_go_to_more_garrisons_and_none_goes_twice(flights):
    made = board(calls={"flights_per_day": flights, "columns_per_call": 1.0, "patience_days": 6.0})
    callers = [made.garrison(CAPITAL, 40, asked_days=3), made.garrison(RIVER, 40, asked_days=3)]
    quiet = made.garrison(MIDDLE, 40, asked_days=-1)
    made.world.districts.pressed[[CAPITAL, RIVER]] = True
    for district in (CAPITAL, RIVER):
        made.locals_of(district, 100)
    world = call(made)
    assert world.districts.helped_on.tolist() == [5, -1, 5]
    assert world.tally[Count.CALLS_ANSWERED] == 2
    assert world.units.asked_days[[*callers, quiet]].tolist() == [0, 0, -1]


def test_help_arrives_after_its_days_of_travel():
    made = board(calls={"travel_days": 2.0, "quiet_days": 60.0})
    column = commandos(made.world)[0]
    made.garrison(RIVER, 40, asked_days=1)
    made.send(RIVER, 100)
    states = []
    for day in (5, 6, 7):
        call(made, day)
        states.append(made.world.units.state[column])
    assert states == [UnitState.RELIEVING, UnitState.RELIEVING, UnitState.HOLDING]
    assert made.world.units.district[column] == RIVER


def test_help_for_a_district_that_fell_turns_back():
    made = board(calls={"travel_days": 1.0})
    column = commandos(made.world)[0]
    made.garrison(RIVER, 40, asked_days=1)
    made.send(RIVER, 100)
    call(made, 5)
    made.lose(RIVER, day=5)
    call(made, 6)
    assert made.world.units.state[column] == UnitState.RESERVE


def test_idle_commandos_go_home_after_quiet_days_and_not_under_pressure():
    made = board(calls={"quiet_days": 3.0})
    first, second = commandos(made.world)[:2]
    units = made.world.units
    units.state[[first, second]] = UnitState.HOLDING
    units.district[[first, second]] = (MIDDLE, RIVER)
    units.state_days[[first, second]] = 3
    made.world.districts.pressure_days[RIVER] = 1
    call(made)
    assert units.state[[first, second]].tolist() == [UnitState.RESERVE, UnitState.HOLDING]


@given(MEN, MEN, st.booleans(), st.integers(1, 2000), RATIOS, MEN)
def test_a_greater_threat_never_silences_a_garrison(mobile, local, pressed, garrison, ratio, more):
    inputs = {"mobile": mobile, "local": local, "pressed": pressed, "garrison": garrison, "threat_ratio": ratio}
    for term in ("mobile", "local"):
        moves_one_way(asks, term, 1, more, **inputs)
    assert not asks(mobile, local, pressed, 0, ratio)


@given(st.booleans(), st.booleans(), st.booleans(), RATIOS, RATIOS)
def test_a_greater_threat_is_never_less_urgent(is_capital, has_post, highway, threat, more):
    numbers = board().rules.calls
    inputs = {"is_capital": is_capital, "has_post": has_post, "highway": highway, "threat": threat, "numbers": numbers}
    moves_one_way(urgency, "threat", 1, more, **inputs)
    for term in ("is_capital", "has_post", "highway"):
        moves_one_way(urgency, term, 1, not inputs[term], **inputs)


@given(st.integers(-1, 100), st.integers(-1, 100), st.floats(1, 60))
def test_waiting_longer_is_never_felt_less(days, more, patience):
    moves_one_way(unanswered_of, "asked_days", 1, more, asked_days=days, patience_days=patience)
    assert 0.0 <= unanswered_of(days, patience) <= 1.0
