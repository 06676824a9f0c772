"""News of a fall spreads to neighbouring districts, its province and, a little, the country."""

import math

import pytest
from board import CAPITAL, MIDDLE, RIVER, SHARES, TWO_PROVINCES, board, moves_one_way
from hypothesis import given
from hypothesis import strategies as st

from sim.engine.rules.news import angers, fade, follows, frightens, rises, spread_news, weight_of
from sim.engine.world import Fall, Holder

BEYOND, FAR = 3, 4
QUIET = {"next_door": 0.0, "province": 0.0, "country": 0.0}
HERD = {**QUIET, "herding": 1.0, "threshold_mean": 0.5, "threshold_steepness": 200.0}
LOUD = {"next_door": 0.2, "province": 0.1, "country": 0.01, "handover_factor": 2.0, "pressure_factor": 3.0}


def told(made, day=2):
    spread_news(made.land, made.rules.news, day)
    return made.world.districts.dread.tolist()


def test_a_fall_frightens_next_door_most_and_the_country_least():
    made = board(TWO_PROVINCES, news=LOUD)
    made.lose(RIVER, day=1)
    dread = told(made)
    assert dread[CAPITAL] == pytest.approx(0.1)
    assert dread[MIDDLE] == pytest.approx(1.0 - 0.9 * 0.8)
    assert dread[BEYOND] == pytest.approx(1.0 - 0.99 * 0.8)
    assert dread[FAR] == pytest.approx(0.01)


def test_a_handover_is_worse_news_than_a_lost_battle():
    fought, given_up = board(news=LOUD), board(news=LOUD)
    fought.lose(RIVER, day=1, how=Fall.FOUGHT)
    given_up.lose(RIVER, day=1, how=Fall.HANDED_OVER)
    assert told(given_up)[CAPITAL] == pytest.approx(2.0 * told(fought)[CAPITAL])


def test_news_is_louder_in_a_province_under_pressure_and_no_louder_elsewhere():
    calm, pressed = board(TWO_PROVINCES, news=LOUD), board(TWO_PROVINCES, news=LOUD)
    for made in (calm, pressed):
        made.lose(RIVER, day=1)
    pressed.world.provinces.under_pressure[0] = True
    quiet, loud = told(calm), told(pressed)
    assert loud[CAPITAL] == pytest.approx(3.0 * quiet[CAPITAL])
    assert loud[FAR] == quiet[FAR]


@pytest.mark.parametrize("day", [1, 3])
def test_news_takes_one_night_and_is_told_once(day):
    made = board(news=LOUD)
    made.lose(RIVER, day=1)
    assert told(made, day) == [0.0, 0.0, 0.0]


def test_without_a_fall_dread_only_fades():
    made = board(news={"fade_days": 10.0})
    made.world.districts.dread[:] = (0.0, 0.5, 1.0)
    assert told(made) == pytest.approx([0.0, 0.5 * math.exp(-0.1), math.exp(-0.1)])


def test_dread_saturates():
    made = board(news={**LOUD, "next_door": 1.0})
    made.world.districts.dread[:] = 1.0
    made.lose(RIVER, day=1)
    assert max(told(made)) <= 1.0


def test_fading_takes_the_same_share_of_all():
    made = board()
    made.world.districts.dread[:] = (0.2, 0.4, 0.8)
    fade(made.world.districts, 5.0)
    dread = made.world.districts.dread
    assert dread[1] / dread[0] == pytest.approx(2.0)
    assert dread[2] / dread[1] == pytest.approx(2.0)


@given(SHARES, SHARES, st.floats(0.0, 3.0), st.floats(0.0, 3.0))
def test_worse_news_never_calms(dread, braver, amount, more):
    moves_one_way(rises, "amount", 1, more, dread=dread, amount=amount)
    assert dread <= rises(dread, amount) <= 1.0
    low, high = sorted((dread, braver))
    assert rises(low, amount) <= rises(high, amount) + 1e-15


def test_only_a_battle_is_weighed_as_one():
    assert [weight_of(how, 1.5) for how in (Fall.HANDED_OVER, Fall.FOUGHT, Fall.ABANDONED)] == [1.5, 1.0, 1.5]


def test_a_fall_in_battle_angers_only_where_the_theory_knows_anger():
    for anger, expected in ((0.0, 0.0), (1.0, 0.2)):
        made = board(news={**LOUD, "province": 0.1, "anger": anger, "anger_factor": 2.0})
        made.lose(RIVER, day=1, how=Fall.FOUGHT)
        told(made)
        assert made.world.districts.anger[CAPITAL] == pytest.approx(expected)


def test_nobody_is_angered_by_a_handover():
    made = board(news={**LOUD, "anger": 1.0})
    made.lose(RIVER, day=1, how=Fall.HANDED_OVER)
    told(made)
    assert not made.world.districts.anger.any()


def test_the_angry_take_less_fright():
    calm, angry = board(news=LOUD), board(news=LOUD)
    for made in (calm, angry):
        made.lose(RIVER, day=1)
    angry.world.districts.anger[:] = 0.5
    assert 0.0 < told(angry)[CAPITAL] < told(calm)[CAPITAL]


def test_a_garrison_follows_once_its_threshold_is_passed_however_long_ago_the_others_went():
    made = board(
        news={**QUIET, "herding": 1.0, "threshold_mean": 0.5, "threshold_spread": 0.1, "threshold_steepness": 200.0}
    )
    made.world.districts.threshold_draw[:] = (0.0, 9.0, 0.0)
    made.lose(RIVER, day=1)
    assert told(made, day=30) == pytest.approx([0.0, 0.0, 0.0], abs=1e-6)
    made.lose(MIDDLE, day=2)
    assert told(made, day=30)[CAPITAL] == pytest.approx(1.0)


def test_what_was_held_on_day_0_or_retaken_is_no_example():
    made = board(
        news={**QUIET, "herding": 1.0, "threshold_mean": 0.5, "threshold_spread": 0.0, "threshold_steepness": 200.0}
    )
    for district in (MIDDLE, RIVER):
        made.lose(district, day=1)
    made.world.districts.first_lost_on[RIVER] = -1  # held on day 0
    made.world.districts.holder[MIDDLE] = Holder.GOVERNMENT  # retaken
    assert told(made, day=30) == pytest.approx([0.0, 0.0, 0.0], abs=1e-6)


@given(SHARES, SHARES, SHARES)
def test_more_examples_never_calm_and_more_anger_never_frightens(seen, more, amount):
    numbers = board(news={"herding": 1.0, "anger": 1.0}).rules.news
    moves_one_way(follows, "seen", 1, more, seen=seen, draw=0.0, numbers=numbers)
    moves_one_way(frightens, "anger", -1, more, amount=amount, anger=seen)
    moves_one_way(angers, "amount", 1, more, amount=amount, how=int(Fall.FOUGHT), numbers=numbers)
