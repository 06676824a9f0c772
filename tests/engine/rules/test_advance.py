"""Prongs gather, sweep and move on; local forces press at home."""

import numpy as np
import pytest
from board import CAPITAL, MIDDLE, RIVER, SHARES, TWO_PROVINCES, board, moves_one_way
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.engine.rules.advance import (
    advance,
    attraction,
    count_sought,
    march_days,
    not_yet_raised,
    starts_to_press,
    stops_pressing,
)
from sim.engine.world import NOBODY, ForceKind, Holder, Mode, Phase

FACTORS = st.floats(1.0, 100.0)
NO_PRESS = {"press_start": 0.0, "local_assault": 0.0}
SPARE = {"spare_share": 0.5, "spearhead_men": 100.0, "sweep_days": 1.0}
TWO_PRONGS = {"prongs": 2, "first_prongs": 1, "columns_per_prong": 2}


def go_on(made, day=5, seed=1):
    made.muster()
    advance(made.land, made.armies, made.rules.advance, made.today(day, seed))
    return made.world


def prong_in(made, province, phase, days_left=0.0):
    prongs = made.world.prongs
    prongs.province[0], prongs.phase[0], prongs.days_left[0], prongs.phase_days[0] = province, phase, days_left, 0


def columns(world):
    return np.flatnonzero(world.forces.kind == ForceKind.MOBILE)


def test_a_prong_gathers_until_its_days_are_over():
    made = board()
    prong_in(made, 0, Phase.GATHER, days_left=2.0)
    assert go_on(made).prongs.phase[0] == Phase.GATHER
    assert not made.world.provinces.under_pressure.any()
    assert go_on(made).prongs.phase[0] == Phase.SWEEP
    assert made.world.provinces.under_pressure.tolist() == [True]


def test_columns_do_not_march_while_they_gather():
    made = board()
    prong_in(made, 0, Phase.GATHER, days_left=9.0)
    world = go_on(made)
    assert (world.forces.mode[columns(world)] == Mode.GATHER).all()


def test_a_sweep_marches_on_rural_districts_only():
    made = board()
    prong_in(made, 0, Phase.SWEEP)
    world = go_on(made)
    assert (world.forces.mode[columns(world)] == Mode.MARCH).all()
    assert CAPITAL not in world.forces.destination[columns(world)]


def test_two_columns_choose_two_districts():
    made = board(advance={"shared_target": 20.0})
    prong_in(made, 0, Phase.SWEEP)
    world = go_on(made)
    assert sorted(world.forces.destination[columns(world)]) == [MIDDLE, RIVER]


@given(st.integers(1, 30))
@settings(max_examples=10)
def test_columns_sought_are_kept_count_of_as_they_choose(seed):
    made = board(TWO_PROVINCES, founding={"columns_per_prong": 4, "first_gather_days": 1.0}, seed=seed)
    most = 0
    for day in range(1, 15):
        world = go_on(made, day, seed)
        kept = world.districts.sought.copy()
        count_sought(world.districts, world.forces)
        assert kept.tolist() == world.districts.sought.tolist()
        most = max(most, kept.sum())
    assert most == 4


def test_a_province_whose_villages_are_lost_is_besieged():
    made = board()
    made.lose(MIDDLE)
    made.lose(RIVER)
    prong_in(made, 0, Phase.GATHER)
    assert go_on(made).prongs.phase[0] == Phase.SIEGE
    assert (made.world.forces.destination[columns(made.world)] == CAPITAL).all()


def test_a_swept_province_is_left_for_the_next():
    made = board(TWO_PROVINCES)
    made.lose(MIDDLE)
    made.lose(RIVER)
    prong_in(made, 0, Phase.SWEEP)
    world = go_on(made, day=7)
    assert world.prongs.province[0] == 1
    assert world.prongs.phase[0] == Phase.GATHER
    assert world.provinces.swept_on.tolist() == [7, -1]
    assert (world.forces.mode[columns(world)] == Mode.GATHER).all()


def test_a_sweep_that_takes_too_long_is_given_up():
    made = board(TWO_PROVINCES, advance={"sweep_days": 3.0})
    prong_in(made, 0, Phase.SWEEP)
    phases = [int(go_on(made, day).prongs.phase[0]) for day in (5, 6, 7)]
    assert phases == [Phase.SWEEP, Phase.SWEEP, Phase.GATHER]


def test_no_two_prongs_choose_one_province():
    made = board(TWO_PROVINCES, founding={"prongs": 2, "columns_per_prong": 1}, advance={"sweep_days": 1.0})
    for day in range(1, 30):
        prongs = go_on(made, day).prongs
        assert prongs.province[0] != prongs.province[1]


def test_a_prong_passes_over_provinces_whose_capital_has_fallen():
    made = board(TWO_PROVINCES)
    made.world.districts.holder[4] = Holder.TALIBAN
    made.lose(MIDDLE)
    made.lose(RIVER)
    prong_in(made, 0, Phase.SWEEP)
    assert go_on(made).prongs.province[0] == 0


def test_a_march_ends_before_the_district_in_parley():
    made = board()
    prong_in(made, 0, Phase.SWEEP)
    force = made.send(CAPITAL, 100, Mode.MARCH)
    made.world.forces.destination[force] = RIVER
    made.world.forces.days_to_go[force] = 2.0
    assert go_on(made).forces.mode[force] == Mode.MARCH
    assert go_on(made).forces.mode[force] == Mode.PARLEY
    assert made.world.forces.district[force] == RIVER


@pytest.mark.parametrize("mode", [Mode.PARLEY, Mode.ASSAULT])
def test_a_column_stays_while_the_place_holds_out(mode):
    made = board()
    prong_in(made, 0, Phase.SWEEP)
    force = made.send(RIVER, 100, mode)
    assert go_on(made).forces.mode[force] == mode


def test_a_column_leaves_a_siege_when_its_patience_is_over_but_never_that_of_a_capital():
    made = board(advance={"besiege_patience": 3.0})
    prong_in(made, 0, Phase.SWEEP)
    force = made.send(RIVER, 100, Mode.BESIEGE)
    made.world.forces.mode_days[force] = 2
    assert go_on(made).forces.mode[force] == Mode.BESIEGE
    assert go_on(made).forces.mode[force] == Mode.MARCH
    force = made.send(CAPITAL, 100, Mode.BESIEGE)
    made.world.forces.mode_days[force] = 50
    assert go_on(made).forces.mode[force] == Mode.BESIEGE


def test_locals_without_influence_never_press():
    made = board(advance={"press_start": 1.0, "press_under_pressure": 100.0})
    made.world.districts.influence[:] = 0.0
    assert not go_on(made).districts.pressed.any()


def test_pressing_locals_send_elders_and_others_stay_at_home():
    made = board(advance={"press_start": 1.0, "press_stop": 0.0, "local_assault": 0.0})
    made.world.districts.influence[:] = (0.0, 1.0, 0.0)
    world = go_on(made)
    assert world.districts.pressed.tolist() == [False, True, False]
    assert world.forces.mode[:3].tolist() == [Mode.HOLD, Mode.PARLEY, Mode.HOLD]


def test_nobody_presses_what_the_taliban_hold():
    made = board(advance={"press_start": 1.0})
    made.world.districts.influence[:] = 1.0
    made.lose(RIVER)
    assert not go_on(made).districts.pressed[RIVER]


@pytest.mark.parametrize(("men", "mode"), [(79, Mode.PARLEY), (80, Mode.ASSAULT)])
def test_locals_assault_alone_only_in_numbers(men, mode):
    made = board(advance={"local_assault": 1.0, "local_assault_ratio": 2.0, "press_stop": 0.0, **{"press_start": 0.0}})
    made.garrison(RIVER, 40)
    made.world.districts.pressed[:] = True
    made.locals_of(RIVER, men, Mode.PARLEY)
    made.locals_of(CAPITAL, 90_000, Mode.PARLEY)
    world = go_on(made)
    assert world.forces.mode[RIVER] == mode
    assert world.forces.mode[CAPITAL] == Mode.PARLEY


@given(st.integers(0, 5000), st.integers(0, 5000), SHARES, SHARES, st.booleans())
def test_the_weak_the_friendly_and_the_cut_off_attract(men, more, influence, greater, connected):
    made = board()
    districts, garrisons, numbers = made.world.districts, made.world.garrisons, made.rules.advance

    def value(**traits):
        garrisons.men[RIVER] = traits["men"]
        districts.influence[RIVER] = traits["influence"]
        districts.connected[RIVER] = traits["connected"]
        return attraction(RIVER, districts, garrisons, numbers)

    inputs = {"men": men, "influence": influence, "connected": connected}
    moves_one_way(value, "men", -1, more, **inputs)
    moves_one_way(value, "influence", 1, greater, **inputs)
    moves_one_way(value, "connected", -1, True, **inputs)


@given(SHARES, SHARES, st.booleans(), SHARES, FACTORS, SHARES)
def test_more_influence_never_keeps_locals_at_home(influence, more, near, probability, boost, draw):
    inputs = {"influence": influence, "under_pressure": near, "probability": probability, "boost": boost, "draw": draw}
    moves_one_way(starts_to_press, "influence", 1, more, **inputs)
    moves_one_way(starts_to_press, "under_pressure", 1, True, **inputs)


@given(st.booleans(), SHARES, SHARES, SHARES)
def test_pressure_never_lets_up_under_a_spearhead(near, probability, draw, more):
    assert not stops_pressing(True, probability, draw)
    moves_one_way(stops_pressing, "probability", 1, more, under_pressure=near, probability=probability, draw=draw)


@given(st.floats(0, 3000), st.floats(0, 3000), st.floats(5, 200), st.floats(5, 200))
def test_a_longer_march_never_takes_less(km, more, pace, faster):
    moves_one_way(march_days, "km", 1, more, km=km, km_per_day=pace)
    moves_one_way(march_days, "km_per_day", -1, faster, km=km, km_per_day=pace)
    assert march_days(km, pace) >= 1.0


def swept(men, advance=SPARE):
    """A board on which the first prong has taken a province and ends its sweep today; men of each local force."""
    made = board(TWO_PROVINCES, founding=TWO_PRONGS, advance=advance)
    for district in (MIDDLE, RIVER):
        made.lose(district)
        made.locals_of(district, men)
    prong_in(made, 0, Phase.SWEEP)
    return made


def test_a_prong_that_is_not_raised_does_nothing():
    made = board(TWO_PROVINCES, founding=TWO_PRONGS)
    prong_in(made, 0, Phase.GATHER, days_left=9.0)
    world = go_on(made)
    assert world.prongs.province.tolist() == [0, NOBODY]
    assert (world.forces.men[world.forces.prong == 1] == 0).all()
    assert not world.provinces.under_pressure.any()


def test_men_of_a_swept_province_form_a_new_prong_and_nobody_is_lost():
    made = swept(301)
    before = made.world.forces.men.sum()
    world = go_on(made)
    new = world.forces.prong == 1
    assert not_yet_raised(world.prongs) == NOBODY
    assert world.forces.men[new].tolist() == [150, 150]
    assert world.forces.men[[MIDDLE, RIVER]].tolist() == [151, 151]
    assert world.forces.men.sum() == before
    assert (world.forces.mode[new] == Mode.GATHER).all()
    assert world.prongs.province[1] not in (NOBODY, world.prongs.province[0])


@pytest.mark.parametrize("numbers", [{"spearhead_men": 301.0}, {"spare_share": 0.0}])
def test_too_few_men_form_no_prong_and_stay_at_home(numbers):
    made = swept(300, {**SPARE, **numbers})
    world = go_on(made)
    assert not_yet_raised(world.prongs) == 1
    assert world.forces.men[[MIDDLE, RIVER]].tolist() == [300, 300]


def test_no_more_prongs_are_raised_than_there_is_room_for():
    made = swept(300)
    made.world.prongs.province[1] = 1
    world = go_on(made)
    assert world.forces.men[[MIDDLE, RIVER]].tolist() == [300, 300]


def test_locals_assault_alone_sooner_in_a_province_under_pressure():
    numbers = {"local_assault": 0.1, "local_assault_under_pressure": 10.0, "press_stop": 0.0, "press_start": 0.0}
    modes = {}
    for phase in (Phase.GATHER, Phase.SWEEP):
        made = board(advance=numbers)
        prong_in(made, 0, phase, days_left=9.0)
        made.garrison(RIVER, 40)
        made.world.districts.pressed[:] = True
        made.locals_of(RIVER, 200, Mode.PARLEY)
        modes[phase] = go_on(made).forces.mode[RIVER]
    assert modes == {Phase.GATHER: Mode.PARLEY, Phase.SWEEP: Mode.ASSAULT}
