"""Commandos retake a district now and then."""

import numpy as np
import pytest
from board import MIDDLE, RATIOS, RIVER, board, moves_one_way
from hypothesis import given

from sim.engine.rules.counterattack import recapture_probability, strike_back
from sim.engine.world import Count, Holder, UnitKind, UnitState

SURE = {"attempts_per_day": 1.0, "odds": 90.0, "killed": 0.0, "columns": 2.0, "calm": 0.5}


def strike(made, day=9, seed=1):
    made.muster()
    strike_back(made.land, made.armies, made.rules.counterattack, made.today(day, seed))
    return made.world


def lost(district=RIVER, founding=None, **numbers):
    made = board(counterattack={**SURE, **numbers}, founding=founding or {})
    made.lose(district, day=3)
    return made


def test_a_retaken_district_is_held_by_commandos():
    made = lost()
    made.world.districts.dread[RIVER] = 0.8
    world = strike(made)
    assert world.districts.holder[RIVER] == Holder.GOVERNMENT
    assert world.districts.retaken_on.tolist() == [-1, -1, 9]
    assert world.districts.dread[RIVER] == pytest.approx(0.4)
    assert world.tally[Count.RETAKEN] == 1
    held = made.units_at(RIVER)
    commandos = held[world.units.kind[held] == UnitKind.COMMANDO]
    assert len(commandos) == 2


def test_two_attempts_a_day_retake_two_districts_and_none_twice():
    made = lost(attempts_per_day=2.0, columns=1.0)
    made.lose(MIDDLE, day=3)
    made.world.districts.connected[:] = True  # roads were looked at in the morning
    world = strike(made)
    assert world.districts.retaken_on.tolist() == [-1, 9, 9]
    assert world.tally[Count.RETAKEN] == 2


def test_without_attempts_nothing_is_retaken():
    world = strike(lost(attempts_per_day=0.0))
    assert world.districts.holder[RIVER] == Holder.TALIBAN
    assert (world.units.state[world.units.kind == UnitKind.COMMANDO] == UnitState.RESERVE).all()


def test_a_failed_attempt_costs_men_and_takes_nothing():
    made = lost(odds=-90.0, killed=0.5)
    made.locals_of(RIVER, 200)
    world = strike(made)
    assert world.districts.holder[RIVER] == Holder.TALIBAN
    assert world.units.killed.sum() == 50
    assert world.forces.killed[RIVER] == 50 == world.tally[Count.TALIBAN_KILLED]
    assert (world.units.state[world.units.kind == UnitKind.COMMANDO] == UnitState.RESERVE).all()


def test_columns_killed_to_the_last_man_are_destroyed():
    world = strike(lost(killed=1.0))
    commandos = np.flatnonzero(world.units.kind == UnitKind.COMMANDO)
    assert sorted(world.units.state[commandos].tolist()) == [
        UnitState.RESERVE,
        UnitState.DESTROYED,
        UnitState.DESTROYED,
    ]


def test_the_dead_retake_nothing():
    assert strike(lost(killed=1.0)).districts.holder[RIVER] == Holder.TALIBAN


def test_what_the_taliban_held_on_day_0_is_not_attacked():
    made = board(counterattack=SURE)
    made.lose(RIVER, day=-1)
    assert strike(made).districts.holder[RIVER] == Holder.TALIBAN


def test_without_a_road_to_attack_along_nothing_is_retaken():
    made = lost()
    made.world.districts.connected[MIDDLE] = False
    assert strike(made).districts.holder[RIVER] == Holder.TALIBAN


def test_without_commandos_nothing_is_retaken():
    assert strike(lost(founding={"commando_columns": 0})).districts.holder[RIVER] == Holder.TALIBAN


@given(RATIOS, RATIOS)
def test_more_commandos_never_make_success_less_likely(ratio, more):
    moves_one_way(recapture_probability, "ratio", 1, more, ratio=ratio, numbers=board().rules.counterattack)
