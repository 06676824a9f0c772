"""Who is where: several pages of one browser, pages that close or go without a word, and who is told."""

import time
from types import SimpleNamespace

import pytest

from sim.classroom.sessions.presence import AWAY, MOST_TABS, Presence

ANNA, BORIS = "browser of Anna", "browser of Boris"


@pytest.fixture
def clock():
    return SimpleNamespace(now=100.0)


@pytest.fixture
def told():
    return []


@pytest.fixture
def presence(clock, told):
    found = Presence(told.append, lambda: clock.now)
    found.is_watched = True  # each test looks itself
    return found


def test_the_page_that_was_opened_last_counts_and_then_the_one_before(presence):
    for page, name in (("1", "watch"), ("2", "scenes")):
        presence.enter(page, ANNA, name, lambda: True)
    assert presence.where() == {ANNA: "scenes"}
    presence.leave("2")
    assert presence.where() == {ANNA: "watch"}
    presence.leave("1")
    assert presence.where() == {}


def test_two_tabs_that_ask_in_turn_stay_in_the_order_in_which_they_were_opened(presence, told, clock):
    for page, name in (("1", "scenes"), ("2", "watch")):
        presence.enter(page, ANNA, name)
    told.clear()
    for _ in range(20):
        clock.now += AWAY / 4
        presence.enter("1", ANNA, "scenes")
        presence.enter("2", ANNA, "watch")
        presence.tell()
    assert presence.where() == {ANNA: "watch"} and told == []


def test_a_page_that_goes_to_another_name_is_the_newest(presence):
    presence.enter("1", ANNA, "watch", lambda: True)
    presence.enter("2", ANNA, "change", lambda: True)
    presence.enter("1", ANNA, "lessons", lambda: True)
    assert presence.where() == {ANNA: "lessons"} and len(presence.pages) == 2


def test_a_page_that_no_longer_asks_is_closed_and_forgotten_and_its_browser_is_told_of_once(presence, told, clock):
    presence.enter("1", ANNA, "scenes")
    assert told == [ANNA]
    clock.now += AWAY - 0.1
    presence.tell()
    assert presence.where() == {ANNA: "scenes"} and told == [ANNA]
    clock.now += 0.2
    assert presence.where() == {}
    for _ in range(2):
        presence.tell()
    assert told == [ANNA, ANNA] and presence.pages == {}


def test_a_tab_that_wakes_again_is_the_newest(presence, clock):
    presence.enter("1", ANNA, "scenes")
    presence.enter("2", ANNA, "watch", lambda: True)
    clock.now += AWAY + 1
    presence.enter("1", ANNA, "scenes")
    assert presence.where() == {ANNA: "scenes"}


def test_a_page_whose_connection_is_lost_is_nowhere_until_it_is_there_again(presence, told):
    is_connected = [True]
    presence.enter("1", ANNA, "watch", lambda: is_connected[0])
    presence.enter("2", BORIS, "watch", lambda: True)
    told.clear()
    is_connected[0] = False
    presence.tell()
    assert presence.where() == {BORIS: "watch"} and told == [ANNA]
    is_connected[0] = True
    presence.tell()
    assert presence.where() == {ANNA: "watch", BORIS: "watch"} and told == [ANNA, ANNA]


def test_one_browser_cannot_fill_the_memory_nor_push_out_another(presence):
    presence.enter("hers", BORIS, "watch", lambda: True)
    for number in range(10 * MOST_TABS):
        presence.enter(f"{number}", ANNA, "scenes")
    assert len(presence.pages) == MOST_TABS + 1 and presence.where() == {ANNA: "scenes", BORIS: "watch"}


def test_to_leave_a_page_that_is_not_open_tells_nobody(presence, told):
    presence.leave("1")
    assert told == []


def test_a_page_that_goes_without_a_word_is_noticed_without_being_asked(told, clock, monkeypatch):
    monkeypatch.setattr("sim.classroom.sessions.presence.CHECK", 0.01)
    presence = Presence(told.append, lambda: clock.now)
    presence.enter("1", ANNA, "scenes")
    clock.now += AWAY + 1
    ends = time.monotonic() + 5
    while len(told) < 2 and time.monotonic() < ends:
        time.sleep(0.02)
    assert told == [ANNA, ANNA]
