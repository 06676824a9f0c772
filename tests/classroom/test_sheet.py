"""Forms: a browser may send anything, and a page receives texts of limited length under the names of its fields."""

import pytest

from sim.classroom.pages import join
from sim.classroom.parts.sheet import LONGEST, as_text, kept_field, text_field
from sim.classroom.sessions.claims import Refused
from sim.configuration.overrides import BASELINE, Overrides
from sim.errors import PanjError

CHOICES = [
    BASELINE,
    Overrides.of(["border=closed"]),
    Overrides.of(["border=closed", "morale=brittle"]),
    Overrides.of(["border=closed", "rules.news.fade_days=5.0"]),
    Overrides.of(["scenario=border_closed"]),
]


def test_a_text_is_cut_to_what_its_field_holds():
    assert as_text("x" * 1000, text_field("a", "A", most=20)) == "x" * LONGEST
    assert as_text("x" * 1000, kept_field("a", "A", "", 900)) == "x" * 900
    assert [as_text(one, {}) for one in (None, True, False, 3)] == ["", "yes", "", "3"]


@pytest.mark.parametrize("choice", CHOICES)
def test_a_form_that_nobody_touches_sends_the_choice_that_it_shows(choice):
    fields = {field["name"]: field for field in join.choice_fields(choice)}
    assert set(join.choice_of({name: field["value"] for name, field in fields.items()}).words) == set(choice.words)
    values = [one["value"] for one in fields[join.DECISION]["options"]]
    assert fields[join.DECISION]["value"] in values
    assert bool(fields[join.REST]["label"]) == (fields[join.REST]["value"] != "[]")


def test_a_decision_that_is_chosen_leaves_the_other_settings_as_they_are():
    kept = join.choice_fields(CHOICES[3])[1]["value"]
    assert set(join.choice_of({"decision": "border=open", "rest": kept}).words) == {
        "border=open", "rules.news.fade_days=5.0",
    }  # fmt: skip


@pytest.mark.parametrize("rest", ["", "{}", "[1]", '"border"', "[", "null"])
def test_settings_that_the_form_has_not_shown_are_refused(rest):
    with pytest.raises(Refused) as found:
        join.choice_of({"decision": "", "rest": rest})
    assert found.value.why == "odd_rest"


def test_a_decision_that_is_not_offered_is_refused_and_a_field_that_is_no_decision_changes_nothing():
    with pytest.raises(PanjError, match="nowhere"):
        join.choice_of({"decision": "border=nowhere", "rest": "[]"})
    assert join.choice_of({"decision": "runs=9", "rest": "[]"}) == BASELINE
