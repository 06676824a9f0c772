"""Interned soldiers are flown home, and some take up arms again."""

import pytest
from board import CAPITAL, RIVER, TWO_PROVINCES, board, moves_one_way
from hypothesis import given
from hypothesis import strategies as st

from sim.engine.rules.returning import bring_home, is_flown_home
from sim.engine.world import Holder, UnitState


def interned(days, places=TWO_PROVINCES, state=UnitState.INTERNED, **numbers):
    made = board(places, returning={"interned_days": 6.0, "home_days": 5.0, "morale": 0.4, **numbers})
    unit = made.garrison(RIVER, 40)
    units = made.world.units
    units.men[unit], units.interned[unit] = 0, 40
    units.state[unit], units.state_days[unit] = state, days
    return made, unit


def home(made, day=20):
    bring_home(made.land, made.armies, made.rules.returning, made.today(day))
    return made.world.units


@pytest.mark.parametrize(("days", "flown"), [(5, 0), (6, 40), (7, 40)])
def test_nobody_flies_before_the_days_of_internment_are_over(days, flown):
    made, unit = interned(days)
    units = home(made)
    assert (units.flown_home[unit], units.interned[unit]) == (flown, 40 - flown)


def test_men_of_a_unit_that_still_waits_at_the_river_do_not_fly():
    made, unit = interned(9, state=UnitState.WAITING)
    assert home(made).flown_home[unit] == 0


def flown(days, **numbers):
    made, unit = interned(days, state=UnitState.FLOWN_HOME, **numbers)
    units = made.world.units
    units.flown_home[unit], units.interned[unit] = 40, 0
    return made, unit


def test_those_who_rejoin_hold_the_capital_of_their_province():
    made, unit = flown(5, rejoin=1.0)
    units = home(made)
    assert (units.state[unit], units.district[unit], units.men[unit]) == (UnitState.HOLDING, CAPITAL, 40)
    assert (units.flown_home[unit], units.morale[unit]) == (0, 0.4)


@pytest.mark.parametrize(("days", "rejoin"), [(4, 1.0), (6, 1.0), (5, 0.0)])
def test_others_stay_at_home(days, rejoin):
    made, unit = flown(days, rejoin=rejoin)
    units = home(made)
    assert (units.state[unit], units.men[unit], units.flown_home[unit]) == (UnitState.FLOWN_HOME, 0, 40)


def test_without_a_city_to_hold_nobody_rejoins():
    made, unit = flown(5, rejoin=1.0)
    made.world.districts.holder[CAPITAL] = Holder.TALIBAN
    assert home(made).men[unit] == 0


@given(st.integers(0, 400), st.integers(0, 400), st.floats(0, 365))
def test_waiting_longer_never_keeps_a_man_interned(days, more, interned_days):
    moves_one_way(is_flown_home, "days", 1, more, days=days, interned_days=interned_days)
