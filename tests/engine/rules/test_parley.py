"""Elders talk a garrison into giving up, or not."""

import pytest
from board import CAPITAL, DEVIATIONS, MIDDLE, RATIOS, RIVER, SHARES, board, moves_one_way
from hypothesis import given
from hypothesis import strategies as st

from sim.engine.rules.parley import Situation, handover_probability, main_reason, parley, sends_elders
from sim.engine.world import Count, Fall, Mode, Role, UnitState, Why

ALWAYS = {"intercept": 90.0}
NEVER_GIVES_UP = {"intercept": -90.0}


def speak(made, day=5, seed=1):
    made.muster()
    parley(made.land, made.armies, made.rules.parley, made.today(day, seed))
    return made.world


def test_a_garrison_without_hope_hands_over():
    made = board(parley=ALWAYS)
    made.send(RIVER, 100)
    world = speak(made)
    assert world.districts.falling.tolist() == [Fall.NONE, Fall.NONE, Fall.HANDED_OVER]
    assert world.districts.why[RIVER] != Why.NONE


def test_a_resolute_garrison_does_not():
    made = board(parley=NEVER_GIVES_UP)
    made.send(RIVER, 100)
    assert speak(made).districts.falling[RIVER] == Fall.NONE


def test_nobody_is_asked_where_nobody_presses():
    made = board(parley=ALWAYS)
    assert not speak(made).districts.falling.any()


def test_a_provincial_capital_is_never_handed_over():
    made = board(parley=ALWAYS)
    made.send(CAPITAL, 5000)
    made.world.districts.dread[:] = 1.0
    made.world.districts.pressed[:] = True
    assert speak(made).districts.falling[CAPITAL] == Fall.NONE


def test_an_empty_district_has_nobody_to_ask():
    made = board(parley=ALWAYS)
    made.garrison(RIVER, 0)
    made.send(RIVER, 100)
    assert speak(made).districts.falling[RIVER] == Fall.NONE


def test_without_elders_a_local_force_asks_nobody():
    made = board(parley={**ALWAYS, "local_elders": 0.0, "local_elders_under_pressure": 0.0})
    made.world.districts.pressed[MIDDLE] = True
    assert not speak(made).districts.falling.any()


def test_pressing_locals_may_ask():
    made = board(parley={**ALWAYS, "local_elders": 1.0})
    made.world.districts.pressed[MIDDLE] = True
    made.world.districts.influence[MIDDLE] = 1.0
    assert speak(made).districts.falling.tolist() == [Fall.NONE, Fall.HANDED_OVER, Fall.NONE]


def test_an_outpost_may_surrender_while_its_district_holds():
    made = board(parley={**ALWAYS, "local_elders": 1.0})
    units = made.world.units
    made.world.districts.pressed[MIDDLE] = True
    made.world.districts.influence[MIDDLE] = 1.0
    outpost = next(int(unit) for unit in made.units_at(MIDDLE) if units.role[unit] == Role.OUTPOST)
    men = units.men[outpost]
    world = speak(made)
    assert (units.state[outpost], units.men[outpost], units.surrendered[outpost]) == (UnitState.SURRENDERED, 0, men)
    assert world.tally[Count.OUTPOSTS_SURRENDERED] == 1


def test_an_outpost_without_men_does_not_surrender():
    made = board(parley={**ALWAYS, "local_elders": 1.0})
    made.world.districts.pressed[MIDDLE] = True
    made.world.districts.influence[MIDDLE] = 1.0
    made.garrison(MIDDLE, 40)
    assert speak(made).tally[Count.OUTPOSTS_SURRENDERED] == 0


@pytest.mark.parametrize(("days", "mode"), [(1, Mode.PARLEY), (2, Mode.ASSAULT)])
def test_those_who_refuse_for_long_enough_face_the_assault(days, mode):
    made = board(parley={**NEVER_GIVES_UP, "days": 2.0})
    force = made.send(RIVER, 100)
    made.world.forces.mode_days[force] = days
    assert speak(made).forces.mode[force] == mode


def test_there_is_no_assault_on_what_is_handed_over():
    made = board(parley={**ALWAYS, "days": 0.0})
    force = made.send(RIVER, 100)
    assert speak(made).forces.mode[force] == Mode.PARLEY


def test_before_a_capital_a_column_settles_down_to_a_siege():
    made = board()
    force = made.send(CAPITAL, 100)
    assert speak(made).forces.mode[force] == Mode.BESIEGE


TERMS = [
    ("ratio", 1), ("isolated", 1), ("hunger", 1), ("unanswered", 1), ("dread", 1), ("morale", -1), ("resolve", -1),
    ("air_cover", -1),
]  # fmt: skip


@pytest.mark.parametrize(("term", "direction"), TERMS)
@given(RATIOS, st.booleans(), st.tuples(*[SHARES] * 5), DEVIATIONS, SHARES, DEVIATIONS)
def test_more_dread_never_keeps_a_garrison(term, direction, ratio, isolated, feelings, resolve, more, other):
    hunger, unanswered, dread, morale, air_cover = feelings
    raised = {"ratio": 20.0 * more, "isolated": more > 0.5, "resolve": other}.get(term, more)
    numbers = board().rules.parley
    moves_one_way(
        lambda air_cover, **terms: handover_probability(Situation(**terms), air_cover, numbers),
        term, direction, raised, ratio=ratio, isolated=isolated, hunger=hunger, unanswered=unanswered, dread=dread,
        morale=morale, resolve=resolve, air_cover=air_cover,
    )  # fmt: skip


@given(RATIOS, st.booleans(), st.tuples(*[SHARES] * 4), DEVIATIONS)
def test_a_reason_is_always_named(ratio, isolated, feelings, resolve):
    why = main_reason(Situation(ratio, isolated, *feelings, resolve), board().rules.parley)
    assert Why.FORCE <= why <= Why.COMMAND


def test_the_largest_reason_is_named():
    numbers = board(parley={"dread": 12.0, "force_ratio": 0.1}).rules.parley
    calm = Situation(ratio=1.0, isolated=False, hunger=0.0, unanswered=0.0, dread=0.0, morale=0.5, resolve=0.0)
    assert main_reason(calm._replace(dread=1.0), numbers) == Why.DREAD
    assert main_reason(calm._replace(hunger=1.0), numbers) == Why.HUNGER


@given(st.integers(0, 500), st.booleans(), st.tuples(*[SHARES] * 4), SHARES)
def test_more_influence_never_keeps_the_elders_at_home(mobile, pressed, shares, more):
    influence, mobile_probability, local_probability, draw = shares
    inputs = {
        "mobile": mobile, "pressed": pressed, "influence": influence, "mobile_probability": mobile_probability,
        "local_probability": local_probability, "draw": draw,
    }  # fmt: skip
    for term in ("influence", "mobile_probability", "local_probability"):
        moves_one_way(sends_elders, term, 1, more, **inputs)
    moves_one_way(sends_elders, "mobile", 1, 1000, **inputs)
    moves_one_way(sends_elders, "pressed", 1, True, **inputs)


def test_without_elders_nobody_hands_over():
    made = board(parley={**ALWAYS, "mobile_elders": 0.0, "local_elders": 0.0, "local_elders_under_pressure": 0.0})
    made.send(RIVER, 100)
    made.world.districts.pressed[:] = True
    assert not speak(made).districts.falling.any()
