"""A dated event is called reported only if it was, and if no policy, scenario or override has changed it."""

import pytest

from sim.configuration.compose import compose_settings
from sim.configuration.events import reported_source
from sim.data.facts import read_facts
from sim.execution.rerun import dated_of

FACTS = read_facts()


def sources(*overrides: str) -> dict[str, str]:
    events = compose_settings(["calibration=as_declared", *overrides], FACTS).events
    return {event.name: reported_source(event._asdict()) for event in events}


def test_a_reported_event_has_its_source_and_a_guess_has_none() -> None:
    found = sources()
    assert found["bagram_handed_over"] == "F015" and found["reservists_ordered"] == "F006"
    assert found["pay_in_arrears"] == found["air_cover_thins_in_june"] == ""


@pytest.mark.parametrize(
    "override",
    [
        "mobilisation=early",
        "timeline.events.reservists_ordered.value=5000",
        "timeline.events.reservists_ordered.text=No",
    ],
)
def test_an_event_that_a_choice_has_changed_is_not_reported(override: str) -> None:
    assert sources(override)["reservists_ordered"] == ""
    assert sources(override)["bagram_handed_over"] == "F015"


def test_an_added_event_is_not_reported() -> None:
    added = "+scenario.events={rain:{date:2021-07-01,act:context,source:F006,text:Rain}}"
    assert sources(added)["rain"] == ""


def test_the_metadata_of_a_campaign_have_date_text_and_source_of_each_event() -> None:
    events = compose_settings(["calibration=as_declared"], FACTS).events
    rows = dated_of([event._asdict() for event in events])
    assert ["2021-07-02", "The US hand over Bagram; air cover ends.", "F015"] in rows
    assert all(len(row) == 3 for row in rows)
