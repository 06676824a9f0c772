"""Morale drifts to what circumstances deserve."""

import pytest
from board import CAPITAL, DEVIATIONS, MIDDLE, RIVER, SHARES, board, moves_one_way
from hypothesis import given
from hypothesis import strategies as st

from sim.engine.rules.morale import deserved, settle_morale
from sim.engine.world import Condition, UnitState


def settle(made, day=5):
    settle_morale(made.world.districts, made.world.units, made.rules.morale, made.endurance, made.today(day))
    return made.world.units


def test_a_calm_well_found_unit_stays_at_its_base():
    made = board(morale={"base": 0.6})
    unit = made.garrison(MIDDLE, 40, morale=0.6)
    assert settle(made).morale[unit] == pytest.approx(0.6)


def test_morale_settles_by_its_rate():
    made = board(morale={"base": 0.6, "settle_rate": 0.25})
    unit = made.garrison(MIDDLE, 40, morale=0.2)
    assert settle(made).morale[unit] == pytest.approx(0.3)


def test_dread_counts_where_the_unit_stands():
    made = board()
    near, far = made.garrison(RIVER, 40, morale=0.6), made.garrison(MIDDLE, 40, morale=0.6)
    made.world.districts.dread[RIVER] = 1.0
    morale = settle(made).morale
    assert morale[near] < morale[far] == pytest.approx(0.6)


def test_pay_in_arrears_is_felt():
    made = board(morale={"pay": 0.5, "settle_rate": 1.0, "base": 0.6})
    unit = made.garrison(MIDDLE, 40)
    made.world.conditions[Condition.PAY] = 0.6
    assert settle(made).morale[unit] == pytest.approx(0.4)


def test_help_lifts_on_its_day_alone():
    made = board(morale={"help_lift": 0.1})
    unit = made.garrison(RIVER, 40, morale=0.6)
    made.world.districts.helped_on[RIVER] = 5
    assert settle(made, 5).morale[unit] == pytest.approx(0.7)
    made.world.units.morale[unit] = 0.6
    assert settle(made, 6).morale[unit] == pytest.approx(0.6)


def test_a_stand_lifts_on_the_next_day():
    made = board(morale={"stand_lift": 0.1})
    unit = made.garrison(RIVER, 40, morale=0.6)
    made.world.districts.stood_on[RIVER] = 4
    assert settle(made, 5).morale[unit] == pytest.approx(0.7)


def test_losses_are_felt_once():
    made = board(morale={"losses": 0.5, "settle_rate": 0.0})
    unit = made.garrison(RIVER, 40, morale=0.6, losses=0.2)
    assert settle(made).morale[unit] == pytest.approx(0.5)
    assert settle(made).morale[unit] == pytest.approx(0.5)


@pytest.mark.parametrize("state", [UnitState.INTERNED, UnitState.DISPERSED, UnitState.DESTROYED])
def test_a_unit_that_is_over_feels_nothing(state):
    made = board()
    unit = made.garrison(RIVER, 40, morale=0.33)
    made.world.units.state[unit] = state
    assert settle(made).morale[unit] == 0.33


@given(st.floats(-3, 3), SHARES, SHARES, SHARES, SHARES, st.floats(0, 1))
def test_morale_stays_between_0_and_1(resolve, dread, unpaid, air_cover, morale, losses):
    made = board(morale={"settle_rate": 1.0, "losses": 5.0, "contagion": 2.0})
    unit = made.garrison(CAPITAL, 40, morale=morale, losses=losses, resolve=resolve)
    made.world.districts.dread[CAPITAL] = dread
    made.world.conditions[Condition.PAY] = 1.0 - unpaid
    made.world.conditions[Condition.AIR_COVER] = air_cover
    assert 0.0 <= settle(made).morale[unit] <= 1.0


@pytest.mark.parametrize(
    ("term", "direction"),
    [("resolve", 1), ("dread", -1), ("hunger", -1), ("unanswered", -1), ("pay", 1), ("air_cover", 1)],
)
@given(DEVIATIONS, st.tuples(*[SHARES] * 5), SHARES)
def test_no_shortage_or_fear_ever_raises_morale(term, direction, resolve, circumstances, more):
    dread, hunger, unanswered, pay, air_cover = circumstances
    moves_one_way(
        deserved, term, direction, more, resolve=resolve, dread=dread, hunger=hunger, unanswered=unanswered, pay=pay,
        air_cover=air_cover, numbers=board().rules.morale,
    )  # fmt: skip
