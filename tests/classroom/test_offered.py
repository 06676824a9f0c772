"""Claims on the outcomes about which a class may be asked."""

import pytest

from sim.classroom.sessions.session import beyond_the_record, measure_of, offered


def test_no_question_is_about_the_dead_or_a_date():
    names = offered()
    assert names and not [name for name in names if "killed" in name]
    assert "largest_night" not in names and "troops_crossed_by_2021_07_07" in names


def test_what_is_counted_to_the_last_day_is_beyond_the_record():
    assert "troops_crossed" in beyond_the_record()
    assert "troops_crossed_by_2021_07_07" not in beyond_the_record()


@pytest.mark.parametrize("name", ["troops_crossed_by_2021_07_07", "vanished"])
def test_every_outcome_has_a_label(name):
    assert measure_of(name).label
