"""The baseline is called by its title wherever it is named, so that nobody takes it for what happened."""

from sim.compare.pairs import with_titles
from sim.configuration.changes import title_of_scenario


def test_a_scenario_is_named_with_its_title() -> None:
    assert title_of_scenario("july_2021") == "july_2021 (Decisions as reported)"
    assert title_of_scenario("no_such_scenario") == "no_such_scenario"


def test_a_baseline_of_scenarios_is_said_with_the_title_and_any_other_unchanged() -> None:
    assert with_titles("cell 0 (scenario=july_2021)") == "cell 0 (scenario=july_2021 (Decisions as reported))"
    assert with_titles("cell 1 (morale=brittle)") == "cell 1 (morale=brittle)"
