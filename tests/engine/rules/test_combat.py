"""An assault wears both sides down until the defence breaks or the attack is called off."""

import numpy as np
import pytest
from board import CAPITAL, DEVIATIONS, MIDDLE, RATIOS, RIVER, SHARES, board, moves_one_way
from hypothesis import given
from hypothesis import strategies as st

from sim.engine.rules.combat import (
    break_probability,
    fight,
    is_called_off,
    kill_attackers,
    kill_defenders,
)
from sim.engine.world import Condition, Count, Fall, Mode, Role, UnitState

HOLDS = {"break_intercept": -90.0, "break_losses": 0.0, "harassment": 0.0}
BREAKS = {"break_intercept": 90.0}


def battle(made, day=5, seed=1):
    made.muster()
    fight(made.land, made.armies, made.rules.combat, made.today(day, seed))
    return made.world


def under_assault(attackers=100, defenders=40, **numbers):
    made = board(combat=numbers)
    unit = made.garrison(RIVER, defenders, morale=0.6)
    force = made.send(RIVER, attackers, Mode.ASSAULT)
    made.locals_of(RIVER, 0)
    return made, unit, force


def test_a_defence_that_breaks_is_a_district_lost_in_battle():
    made, _, _ = under_assault(**BREAKS)
    world = battle(made)
    assert world.districts.falling.tolist() == [Fall.NONE, Fall.NONE, Fall.FOUGHT]
    assert world.districts.fighting.tolist() == [0.0, 0.0, 1.0]


def test_a_defence_that_holds_loses_men_and_no_district():
    made, unit, force = under_assault(**HOLDS, defenders_killed=0.1, attackers_killed=0.1)
    world = battle(made)
    assert not world.districts.falling.any()
    assert world.units.killed[unit] > 0
    assert world.units.men[unit] + world.units.killed[unit] == 40
    assert world.forces.men[force] + world.forces.killed[force] == 100
    assert world.tally[Count.TALIBAN_KILLED] == world.forces.killed[force]


@pytest.mark.parametrize("mode", [Mode.PARLEY, Mode.BESIEGE, Mode.MARCH, Mode.HOLD])
def test_without_an_assault_there_is_no_battle(mode):
    made, unit, force = under_assault(**BREAKS)
    made.world.forces.mode[force] = mode
    world = battle(made)
    assert not world.districts.falling.any()
    assert not world.districts.fighting.any()
    assert world.units.killed[unit] == 0


def test_a_district_that_gave_up_is_not_fought_over():
    made, unit, _ = under_assault(**BREAKS)
    made.world.districts.falling[RIVER] = Fall.HANDED_OVER
    world = battle(made)
    assert world.districts.falling[RIVER] == Fall.HANDED_OVER
    assert world.units.killed[unit] == 0


def test_air_cover_saves_defenders_and_costs_attackers():
    numbers = {**HOLDS, "air_support": 1.0, "defenders_killed": 0.1, "attackers_killed": 0.5, "called_off_losses": 1.0}
    covered, unit, force = under_assault(**numbers)
    bare, _, _ = under_assault(**numbers)
    bare.world.conditions[Condition.AIR_COVER] = 0.0
    with_cover, without = battle(covered), battle(bare)
    assert with_cover.units.killed[unit] < without.units.killed[unit]
    assert with_cover.forces.killed[force] > without.forces.killed[force]


def test_a_garrison_killed_to_the_last_man_is_destroyed_and_its_district_lost():
    made, unit, _ = under_assault(**HOLDS, defenders_killed=1.0)
    world = battle(made)
    assert (world.units.state[unit], world.units.men[unit]) == (UnitState.DESTROYED, 0)
    assert world.districts.falling[RIVER] == Fall.FOUGHT


def test_an_attack_that_is_called_off_is_a_stand_that_raises_morale_next_door():
    made, _, force = under_assault(**HOLDS, called_off_days=1.0, stand_relief=0.5)
    made.world.districts.dread[:] = 0.8
    made.world.forces.mode_days[force] = 1
    world = battle(made, day=5)
    assert world.districts.stood_on.tolist() == [-1, -1, 5]
    assert world.districts.dread.tolist() == [0.8, 0.4, 0.8]
    assert world.forces.mode[force] == Mode.BESIEGE


def test_an_attack_that_goes_on_is_no_stand():
    made, _, force = under_assault(**HOLDS, attackers_killed=0.0, called_off_days=9.0)
    world = battle(made)
    assert world.districts.stood_on[RIVER] == -1
    assert world.forces.mode[force] == Mode.ASSAULT


def surrounded_capital(**numbers):
    made = board(
        combat={"siege_encirclement": 1.0, "siege_days": 1.0, "siege_rate": 1.0, "siege_strength": 0.5, **numbers}
    )
    made.garrison(CAPITAL, 100, morale=0.5)
    made.lose(MIDDLE)
    made.send(CAPITAL, 100, Mode.BESIEGE)
    return made


def test_an_encircled_outnumbered_capital_falls():
    assert battle(surrounded_capital()).districts.falling[CAPITAL] == Fall.FOUGHT


@pytest.mark.parametrize(
    "spoil",
    [
        lambda made: made.world.districts.holder.__setitem__(MIDDLE, 0),
        lambda made: made.send(RIVER, 100, Mode.BESIEGE),
        lambda made: made.garrison(CAPITAL, 5000, morale=0.5),
    ],
    ids=["a road is open", "nobody stands before it", "too many defend it"],
)
def test_a_capital_needs_encirclement_men_and_time(spoil):
    made = surrounded_capital()
    spoil(made)
    assert battle(made).districts.falling[CAPITAL] == Fall.NONE


def test_a_siege_takes_its_days_and_is_broken_by_an_open_road():
    made = surrounded_capital(siege_days=3.0)
    assert [int(battle(made, day).districts.falling[CAPITAL]) for day in (1, 2)] == [Fall.NONE, Fall.NONE]
    made.world.districts.holder[MIDDLE] = 0
    assert battle(made, 3).districts.siege_days[CAPITAL] == 0


@given(st.lists(st.integers(0, 60), min_size=1, max_size=4), st.integers(0, 300))
def test_the_dead_are_counted_and_never_more_than_there_were(sizes, fallen):
    made = board()
    made.garrison(MIDDLE, 0)
    for unit, men in zip(made.units_at(MIDDLE), sizes, strict=False):
        made.enlist(int(unit), men)
    before = sum(int(made.world.units.men[unit]) for unit in made.units_at(MIDDLE))
    made.muster()
    dead = kill_defenders(MIDDLE, made.world.garrisons, made.world.units, fallen)
    assert dead == min(fallen, before) == made.world.units.killed.sum()
    assert (made.world.units.men >= 0).all()


@given(st.integers(0, 300), st.integers(0, 300))
def test_attackers_die_once(men, fallen):
    made, _, force = under_assault(attackers=men)
    forces, tally = made.world.forces, made.world.tally
    assert kill_attackers(RIVER, forces, fallen, tally) == min(fallen, men) == forces.killed[force]
    assert forces.men[force] == men - forces.killed[force]


@pytest.mark.parametrize(
    ("term", "direction"), [("loss_share", 1), ("ratio", 1), ("morale", -1), ("resolve", -1), ("dread", 1)]
)
@given(SHARES, RATIOS, SHARES, DEVIATIONS, SHARES, st.tuples(SHARES, RATIOS, SHARES, DEVIATIONS, SHARES))
def test_more_losses_never_steady_a_defence(term, direction, loss_share, ratio, morale, resolve, dread, others):
    more = dict(zip(("loss_share", "ratio", "morale", "resolve", "dread"), others, strict=True))[term]
    moves_one_way(
        break_probability, term, direction, more, loss_share=loss_share, ratio=ratio, morale=morale, resolve=resolve,
        dread=dread, numbers=board().rules.combat,
    )  # fmt: skip


@given(SHARES, SHARES, st.integers(0, 60), st.integers(0, 60))
def test_more_losses_never_prolong_an_attack(loss_share, worse, days, longer):
    inputs = {"loss_share": loss_share, "days": days, "numbers": board().rules.combat}
    moves_one_way(is_called_off, "loss_share", 1, worse, **inputs)
    moves_one_way(is_called_off, "days", 1, longer, **inputs)


def outpost_in(pressed, men=10, **numbers):
    made = board(combat=numbers)
    made.garrison(RIVER, 40)
    unit = int(np.flatnonzero((made.world.units.home == RIVER) & (made.world.units.role == Role.OUTPOST))[0])
    made.enlist(unit, men)
    made.world.districts.pressed[RIVER] = pressed
    return made, unit


def test_outposts_lose_men_where_local_forces_press_and_nowhere_else():
    for pressed, killed in ((True, 2), (False, 0)):
        made, unit = outpost_in(pressed, harassment=2.0)
        units = battle(made).units
        assert (units.killed[unit], units.men[unit]) == (killed, 10 - killed)


def test_a_garrison_is_not_harassed():
    made, _ = outpost_in(True, harassment=2.0)
    assert battle(made).units.killed.sum() == made.world.units.killed[made.world.units.role == Role.OUTPOST].sum() > 0


def test_an_outpost_killed_to_the_last_man_is_destroyed():
    made, unit = outpost_in(True, men=3, harassment=5.0)
    units = battle(made).units
    assert (units.state[unit], units.men[unit], units.killed[unit]) == (UnitState.DESTROYED, 0, 3)
    assert units.losses[unit] == 1.0


def test_the_more_frightened_of_two_defences_breaks():
    numbers = {"break_intercept": -6.0, "break_losses": 0.0, "break_ratio": 0.0, "break_dread": 12.0}
    calm, frightened = under_assault(**numbers)[0], under_assault(**numbers)[0]
    frightened.world.districts.dread[RIVER] = 1.0
    assert battle(calm).districts.falling[RIVER] == Fall.NONE
    assert battle(frightened).districts.falling[RIVER] == Fall.FOUGHT
