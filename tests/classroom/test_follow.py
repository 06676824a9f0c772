"""Campaigns of the classroom that follow the record: offered where a sample is, named on the page, a file by nobody."""

from datetime import date

import pytest

from sim.classroom.choice.parse import check_choice, read_overrides
from sim.classroom.pages import what_if
from sim.classroom.parts import follow
from sim.classroom.texts import texts_of
from sim.configuration.overrides import Overrides
from sim.errors import PanjError

CHOICE = Overrides.of(["border=closed"])


def test_a_followed_day_is_named_in_overrides_and_free_campaigns_have_none():
    assert follow.following(CHOICE, "2021-06-22") == Overrides.of(
        [*CHOICE.words, "worlds=record", "worlds.until=2021-06-22"]
    )
    assert follow.following(CHOICE, "") == CHOICE
    check_choice(follow.following(CHOICE, "2021-06-22"))


@pytest.mark.parametrize("override", ["worlds.file=/etc/passwd", "worlds.file=x", "calibration.file=x"])
def test_no_visitor_names_a_file(override):
    with pytest.raises(PanjError, match=r"\.file: found"):
        check_choice(Overrides.of([*CHOICE.words, "worlds=record", override]))


def test_the_form_of_settings_leaves_the_day_to_the_page_watch():
    with pytest.raises(PanjError, match=r"worlds\.until: found .* page Watch"):
        read_overrides(follow.following(CHOICE, "2021-06-22"))


@pytest.mark.parametrize(("is_there", "kinds"), [(True, ["followed", "as_watched"]), (False, ["as_watched"])])
def test_a_world_that_followed_the_record_is_the_usual_one_where_a_sample_is(monkeypatch, is_there, kinds):
    def sample():
        if not is_there:
            raise PanjError("worlds.file: found no file")

    monkeypatch.setattr(what_if, "sample", sample)
    assert what_if.kinds() == kinds


def test_a_decision_is_changed_on_the_evening_that_was_followed_or_in_the_campaign_watched():
    evening = date(2021, 7, 1)
    given = {"evening": evening.isoformat(), "decision": "border=closed", "outcome": "peak_queue"}
    asked = what_if.read_asked({**given, "kind": what_if.FOLLOWED})
    assert (asked.evening, asked.outcome) == (evening, "peak_queue")
    assert asked.fork_on(evening, CHOICE, "2021-06-22").overrides == follow.following(CHOICE, "2021-07-01")
    watched = what_if.read_asked(given)
    assert watched.fork_on(evening, CHOICE, "2021-06-22").overrides == follow.following(CHOICE, "2021-06-22")
    assert watched.fork_on(evening, CHOICE, "").overrides == CHOICE


def test_an_evening_is_found_where_the_visitor_leaves_it_open():
    asked = what_if.read_asked({"decision": "border=closed", "find": "yes", "evening": "2021-07-01", "outcome": "x"})
    assert asked.evening is None and asked.outcome == ""


def test_only_an_outcome_that_can_be_counted_is_accepted():
    with pytest.raises(PanjError, match="outcome"):
        what_if.read_asked({"decision": "border=closed", "evening": "2021-07-01", "outcome": "nonsense"})


def test_it_is_said_to_what_day_a_campaign_followed_and_that_it_is_no_forecast():
    said = texts_of("watch").say("following", 3, day="22 June", last="7 July")
    assert "3 worlds" in said and said.count("22 June") == 2 and "7 July" in said and "no forecast" in said
