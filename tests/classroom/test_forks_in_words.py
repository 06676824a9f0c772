"""What the page What if says of a decision: what it does from that evening on, not from the first day on."""

import re

import pytest

from sim.classroom.choice.fields import POLICIES, fields_of
from sim.classroom.pages.what_if import help_of
from sim.classroom.texts import texts_of

OPTIONS = [(group, option) for group in POLICIES for option in fields_of()[group].options]


@pytest.mark.parametrize(("group", "option"), OPTIONS, ids=lambda one: one if isinstance(one, str) else one.name)
def test_the_help_of_a_fork_says_when_it_begins_and_nothing_of_the_first_day(group, option):
    said = help_of(group, option)
    assert re.search(r"next morning|not there yet", said)
    assert not re.search(r"first day|day 0 on|to the end\b", said)


def test_every_text_of_a_fork_belongs_to_a_choice():
    known = {f"fork.{group}.{option.name}" for group, option in OPTIONS}
    assert {key for key in texts_of("what_if").sentences if key.startswith("fork.")} <= known
