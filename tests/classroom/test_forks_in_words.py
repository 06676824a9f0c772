"""The page What if: what a decision does from that evening on, and in which campaigns its answer was looked for."""

import re

import pytest

from sim.classroom.choice.fields import POLICIES, fields_of
from sim.classroom.hooks import chosen, followed, seed
from sim.classroom.pages.what_if import USUAL, ForkRequest, answer_key, help_of
from sim.classroom.texts import texts_of
from sim.configuration.overrides import Overrides

OPTIONS = [(group, option) for group in POLICIES for option in fields_of()[group].options]


@pytest.mark.parametrize(("group", "option"), OPTIONS, ids=lambda one: one if isinstance(one, str) else one.name)
def test_the_help_of_a_fork_says_when_it_begins_and_nothing_of_the_first_day(group, option):
    said = help_of(group, option)
    assert re.search(r"next morning|not there yet", said)
    assert not re.search(r"first day|day 0 on|to the end\b", said)


def test_every_text_of_a_fork_belongs_to_a_choice():
    known = {f"fork.{group}.{option.name}" for group, option in OPTIONS}
    assert {key for key in texts_of("what_if").sentences if key.startswith("fork.")} <= known


@pytest.mark.parametrize(
    ("state", "value"), [(chosen, Overrides.of(["border=closed"])), (followed, "2021-06-20"), (seed, 3)]
)
def test_an_answer_is_not_shown_for_other_campaigns_than_those_it_was_asked_of(state, value):
    asked, before = ForkRequest(USUAL), state.peek()
    first = answer_key(asked)
    state.set(value)
    try:
        assert answer_key(asked) != first
    finally:
        state.set(before)
    assert answer_key(asked) == first
