"""Dated events act on their day and on no other."""

import numpy as np
from board import MIDDLE, RIVER, board, timeline_of

from sim.engine.timeline import apply_events
from sim.engine.world import Act, Condition, Count, UnitKind, UnitState


def happen_on(made, day):
    apply_events(made.timeline, made.world.districts, made.armies, made.today(day))


def test_air_cover_ends_on_its_day_and_not_before():
    made = board(timeline=timeline_of((3, Act.SET, Condition.AIR_COVER, 0.0)))
    happen_on(made, 2)
    assert made.world.conditions[Condition.AIR_COVER] == 1.0
    happen_on(made, 3)
    assert made.world.conditions[Condition.AIR_COVER] == 0.0
    assert made.world.conditions[Condition.PAY] == 1.0


def test_what_is_dated_before_the_campaign_has_happened_on_day_0():
    made = board(timeline=timeline_of((-40, Act.SET, Condition.AID, 0.5)))
    assert made.world.conditions[Condition.AID] == 0.5


def test_an_order_for_reservists_remembers_its_day():
    made = board(timeline=timeline_of((-5, Act.SET, Condition.RESERVISTS_ORDERED, 20000.0)))
    assert made.world.conditions[Condition.ORDER_DAY] == -5.0
    made = board(timeline=timeline_of((4, Act.SET, Condition.RESERVISTS_ORDERED, 20000.0)))
    happen_on(made, 4)
    assert made.world.conditions[Condition.ORDER_DAY] == 4.0


def test_of_two_rows_of_a_day_the_later_stands():
    made = board(timeline=timeline_of((1, Act.SET, Condition.AID, 0.2), (1, Act.SET, Condition.AID, 0.9)))
    happen_on(made, 1)
    assert made.world.conditions[Condition.AID] == 0.9


def test_columns_are_sent_until_enough_men_have_come():
    made = board(timeline=timeline_of((1, Act.REINFORCE, RIVER, 60.0)))
    happen_on(made, 1)
    units = made.world.units
    sent = (units.kind == UnitKind.COMMANDO) & (units.state == UnitState.HOLDING)
    assert units.men[sent].tolist() == [50, 50]
    assert (units.district[sent] == RIVER).all()
    assert made.world.districts.helped_on[RIVER] == 1
    assert made.world.districts.helped_on[MIDDLE] == -1


def test_nobody_is_flown_into_a_fallen_district():
    made = board(timeline=timeline_of((1, Act.REINFORCE, RIVER, 60.0)))
    made.lose(RIVER)
    happen_on(made, 1)
    assert (made.world.units.state[made.world.units.kind == UnitKind.COMMANDO] == UnitState.RESERVE).all()
    assert made.world.districts.helped_on[RIVER] == -1


def test_a_raised_militia_is_counted_as_raised():
    made = board(timeline=timeline_of((1, Act.RAISE_MILITIA, MIDDLE, 200.0)))
    before = made.world.units.founded.sum()
    happen_on(made, 1)
    units = made.world.units
    raised = np.flatnonzero((units.kind == UnitKind.MILITIA) & (units.home == MIDDLE))
    assert units.men[raised].tolist() == [200]
    assert units.founded.sum() == before + 200
    assert made.world.tally[Count.RAISED] == 200


def test_nobody_takes_up_arms_in_a_fallen_district():
    made = board(timeline=timeline_of((1, Act.RAISE_MILITIA, MIDDLE, 200.0)))
    made.lose(MIDDLE)
    happen_on(made, 1)
    assert made.world.tally[Count.RAISED] == 0
