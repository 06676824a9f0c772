"""Men of a fallen district look for a way out: to their own side, over the river, or home."""

import pytest
from board import CAPITAL, MIDDLE, RIVER, SHARES, board, moves_one_way
from hypothesis import given
from hypothesis import strategies as st

from sim.engine.rules.parley import Situation
from sim.engine.rules.retreat import (
    capture,
    changes_sides,
    finds_road_open,
    leaving_probability,
    retreat,
    surrenders,
)
from sim.engine.world import Fall, Holder, UnitKind, UnitState

NOBODY_GIVES_UP = {
    "militia_change_sides": 0.0, "police_surrender": 0.0, "others_surrender": 0.0, "captured_on_fall": 0.0,
    "captured_in_flight": 0.0, "road_open": 1.0, "road_mountain": 0.0, "leave_intercept": -20.0, "leave_dread": 0.0,
    "leave_hunger": 0.0, "leave_unanswered": 0.0, "leave_morale": 0.0,
}  # fmt: skip


def night(made, day=5, seed=1):
    made.muster()
    retreat(made.land, made.armies, made.world.posts, made.rules.retreat, made.rules.parley, made.today(day, seed))
    return made.world


def fallen(district, how=Fall.FOUGHT, men=40, kind=UnitKind.POLICE, **numbers):
    """A board on which a district fell today while one unit stood in it."""
    made = board(retreat={**NOBODY_GIVES_UP, **numbers})
    made.lose(district, day=5, how=how)
    unit = made.garrison(district, men, kind=kind)
    return made, unit


def test_with_nobody_next_door_men_go_to_their_provincial_capital():
    made, unit = fallen(RIVER)
    made.lose(MIDDLE)
    units = night(made).units
    assert (units.state[unit], units.destination[unit]) == (UnitState.RETREATING, CAPITAL)


def test_a_capital_out_of_reach_is_no_refuge():
    made, unit = fallen(RIVER, refuge_km=1.0)
    made.lose(MIDDLE)
    assert night(made).units.state[unit] == UnitState.WAITING


@given(SHARES, SHARES, SHARES)
def test_a_higher_valley_never_opens_a_road(mountain, higher, draw):
    inputs = {"mountain": mountain, "draw": draw, "numbers": board().rules.retreat}
    moves_one_way(finds_road_open, "mountain", -1, higher, **inputs)


def test_men_of_a_fallen_district_go_to_connected_neighbours():
    made, unit = fallen(RIVER)
    units = night(made).units
    assert (units.state[unit], units.destination[unit], units.men[unit]) == (UnitState.RETREATING, MIDDLE, 40)


def test_men_of_other_districts_stay():
    made, unit = fallen(RIVER)
    units = night(made).units
    others = [row for row in range(units.men.size) if row != unit and units.state[row] != UnitState.RESERVE]
    assert (units.state[others] == UnitState.HOLDING).all()


def test_a_closed_road_leads_to_the_river():
    made, unit = fallen(RIVER, road_open=0.0)
    world = night(made)
    assert (world.units.state[unit], world.units.post[unit]) == (UnitState.WAITING, 0)
    assert world.posts.arrivals_today[0] == 40


def test_a_cut_off_neighbour_is_no_refuge_but_its_post_is():
    made, unit = fallen(MIDDLE, night_km=200.0)
    made.world.districts.connected[:] = False
    world = night(made)
    assert (world.units.state[unit], world.units.district[unit]) == (UnitState.WAITING, RIVER)


def test_a_post_farther_than_a_night_is_a_march():
    made, unit = fallen(MIDDLE, road_open=0.0, night_km=1.0)
    units = night(made).units
    assert (units.state[unit], units.destination[unit], units.post[unit]) == (UnitState.RETREATING, RIVER, 0)


def test_the_post_of_another_fallen_district_is_no_way_out():
    made, unit = fallen(MIDDLE, road_open=0.0)
    made.lose(RIVER)
    units = night(made).units
    assert (units.state[unit], units.dispersed[unit]) == (UnitState.DISPERSED, 40)


def test_without_a_way_out_some_are_captured_and_the_others_hide():
    made, unit = fallen(MIDDLE, road_open=0.0, post_km=0.0, captured_in_flight=0.25)
    units = night(made).units
    assert (units.captured[unit], units.dispersed[unit], units.men[unit]) == (10, 30, 0)


@pytest.mark.parametrize(
    ("kind", "how", "column"),
    [
        (UnitKind.POLICE, Fall.HANDED_OVER, "surrendered"),
        (UnitKind.ARMY, Fall.HANDED_OVER, "surrendered"),
        (UnitKind.MILITIA, Fall.HANDED_OVER, "changed_sides"),
        (UnitKind.POLICE, Fall.FOUGHT, "captured"),
        (UnitKind.MILITIA, Fall.FOUGHT, "captured"),
    ],
)
def test_each_kind_meets_the_fate_of_its_fall(kind, how, column):
    made, unit = fallen(
        RIVER, how=how, kind=kind, militia_change_sides=1.0, police_surrender=1.0, others_surrender=1.0,
        captured_on_fall=1.0,
    )  # fmt: skip
    units = night(made).units
    assert getattr(units, column)[unit] == 40
    assert units.men[unit] == 0


def test_men_who_change_sides_are_fighters_of_the_place():
    made, _ = fallen(RIVER, how=Fall.HANDED_OVER, kind=UnitKind.MILITIA, militia_change_sides=1.0)
    before = made.world.forces.men[RIVER]
    assert night(made).forces.men[RIVER] == before + 40


def test_nobody_surrenders_after_a_battle():
    made, unit = fallen(RIVER, police_surrender=1.0, others_surrender=1.0)
    assert night(made).units.surrendered[unit] == 0


def test_a_march_ends_in_a_garrison():
    made, unit = fallen(RIVER, walk_km_per_day=200.0)
    night(made)
    units = night(made, day=6).units
    assert (units.state[unit], units.district[unit]) == (UnitState.HOLDING, MIDDLE)


def test_those_whose_refuge_falls_flee_again():
    made, unit = fallen(RIVER, walk_km_per_day=200.0)
    night(made)
    made.lose(MIDDLE, day=6)
    units = night(made, day=6).units
    assert (units.state[unit], units.destination[unit]) == (UnitState.RETREATING, CAPITAL)


LEAVES = {"leave_intercept": 90.0}


def test_a_cut_off_garrison_may_leave_before_it_is_attacked():
    made = board(retreat={**NOBODY_GIVES_UP, **LEAVES, "road_open": 0.0})
    made.lose(MIDDLE)
    unit = made.garrison(RIVER, 40)
    made.world.districts.connected[RIVER] = False
    made.world.districts.pressed[RIVER] = True
    world = night(made)
    assert world.units.state[unit] == UnitState.WAITING
    assert world.districts.holder[RIVER] == Holder.GOVERNMENT
    assert not world.districts.falling.any()


def test_a_connected_garrison_and_a_capital_stay():
    made = board(retreat={**NOBODY_GIVES_UP, **LEAVES})
    made.world.districts.connected[CAPITAL] = False
    units = night(made).units
    assert not (units.state == UnitState.RETREATING).any()


@given(st.integers(0, 500), SHARES, SHARES)
def test_captives_are_men_of_the_unit(men, share, draw):
    made = board()
    unit = made.garrison(RIVER, men)
    units = made.world.units
    capture(unit, share, draw, units, made.today())
    assert units.men[unit] + units.captured[unit] == men
    assert units.men[unit] >= 0


@pytest.mark.parametrize(("term", "direction"), [("dread", 1), ("hunger", 1), ("unanswered", 1), ("morale", -1)])
@given(st.tuples(*[SHARES] * 4), SHARES)
def test_nobody_leaves_because_he_is_braver_or_better_fed(term, direction, feelings, more):
    inputs = dict(zip(("dread", "hunger", "unanswered", "morale"), feelings, strict=True))
    numbers = board().rules.retreat
    moves_one_way(
        lambda **terms: leaving_probability(Situation(1.0, True, **terms, resolve=0.0), numbers),
        term, direction, more, **inputs,
    )  # fmt: skip


@given(st.sampled_from(UnitKind), st.sampled_from(Fall), SHARES, SHARES)
def test_a_greater_readiness_never_keeps_a_man_in_arms(kind, how, draw, more):
    def accepts_terms(share):
        numbers = board().rules.retreat._replace(police_surrender=share, others_surrender=share)
        return surrenders(kind, how, draw, numbers)

    def deserts(share):
        return changes_sides(kind, how, draw, board().rules.retreat._replace(militia_change_sides=share))

    for decision in (accepts_terms, deserts):
        moves_one_way(decision, "share", 1, more, share=0.5)
        assert how == Fall.HANDED_OVER or not decision(1.0)


def test_a_cut_off_garrison_that_nobody_presses_stays():
    made = board(retreat={**NOBODY_GIVES_UP, **LEAVES})
    made.lose(MIDDLE)
    unit = made.garrison(RIVER, 40)
    made.world.districts.connected[RIVER] = False
    made.world.districts.pressed[:] = False
    assert night(made).units.state[unit] == UnitState.HOLDING
