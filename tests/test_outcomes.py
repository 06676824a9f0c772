"""Tests of how outcomes are counted from a campaign, by quantity, scope and date, on records set by hand."""

import shutil
from collections.abc import Mapping
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from board import TWO_PROVINCES, Place, calm_rules, facts_of, luck

from sim import outcome as outcomes
from sim.data.configs import folder_of
from sim.data.evidence import read_evidence
from sim.data.facts import read_facts
from sim.engine.bookkeeping import note
from sim.engine.campaign import Campaign, Series, blank_record
from sim.engine.layout import fresh, lay_out
from sim.engine.world import Event, Fall, Holder, Today, Why
from sim.errors import PanjError
from sim.outcome import (
    Value,
    count_outcomes,
    is_as_defined,
    nights_of,
    outcome_of,
    read_outcomes,
    reported_of,
    slug,
)

PLACES = (*TWO_PROVINCES, Place("Ford", province="Takhar", frontier_km=60.0, post="ford"))
FACTS = facts_of(PLACES)  # Capital, Middle, River in Kunduz; Beyond, Far Capital, Ford in Takhar
LAYOUT = lay_out(FACTS, calm_rules(), {}, {}).world
START = date(2021, 5, 1)
DAYS = 9
EVIDENCE = {row.id: row for row in read_evidence()}


def on(day: int) -> date:
    return START + timedelta(days=day)


def campaign(held: Mapping[str, range] | None = None) -> Campaign:
    """Return a campaign in which the Taliban held some districts on some evenings, and nothing else happened."""
    world = fresh(LAYOUT)
    record = blank_record(world, DAYS)
    record.holder[:] = Holder.GOVERNMENT
    for name, evenings in (held or {}).items():
        record.holder[evenings, FACTS.district.index(name)] = Holder.TALIBAN
    return Campaign(1, world, record)


def today_of(world: Any, day: int) -> Today:
    local = np.zeros(world.provinces.capital.size, np.uint64)
    return Today(luck(day), np.zeros((1, 1), np.uint64), local, world.conditions, world.log, world.tally)


def write_fall(played: Campaign, day: int, district: str, how: Fall) -> None:
    world = played.world
    note(today_of(world, day), Event.FALL, FACTS.district.index(district), -1, 0, how, 0)


def write_capture(played: Campaign, day: int, district: str, men: int) -> None:
    world = played.world
    note(today_of(world, day), Event.CAPTURE, FACTS.district.index(district), 0, men, Fall.NONE, Why.NONE)


def count(played: Campaign, quantity: str, **row: Any) -> Value:
    """Count one outcome of a campaign."""
    table = [outcome_of("it", {"quantity": quantity, **row}, FACTS, START, DAYS)]
    return count_outcomes(played, table, FACTS, START)["it"]


def test_districts_are_counted_at_the_end_of_their_day() -> None:
    played = campaign({"Middle": range(3, 6), "Beyond": range(10)})
    assert [count(played, "held", date=on(day)) for day in (0, 2, 3, 5, 6)] == [1, 1, 2, 2, 1]
    assert count(played, "share_held", date=on(3)) == 2 / 6
    assert count(played, "held") == 1


def test_a_scope_counts_its_own_districts_alone() -> None:
    played = campaign({"Middle": range(3, 10), "Beyond": range(10)})
    assert count(played, "held", scope={"province": "Takhar"}) == 1
    assert count(played, "share_held", scope={"province": "Kunduz"}) == 1 / 3
    assert count(played, "held", scope={"districts": ["Middle", "Beyond"]}) == 2
    assert count(played, "held", scope={"region": "North"}) == 2


def test_what_was_held_on_day_0_is_not_newly_fallen() -> None:
    played = campaign({"Middle": range(3, 10), "Beyond": range(10)})
    assert count(played, "newly_fallen") == 1
    assert count(played, "newly_fallen", date=on(2)) == 0


def test_only_what_was_taken_after_day_0_and_is_back_counts_as_retaken() -> None:
    played = campaign({"Middle": range(3, 6), "Beyond": range(4), "River": range(3, 10)})
    assert count(played, "retaken", until=on(5)) == 0
    assert count(played, "retaken") == 1


def test_most_lost_in_four_days_looks_at_four_days_in_a_row() -> None:
    played = campaign({"Capital": range(1, 10), "Middle": range(4, 10), "River": range(5, 10), "Beyond": range(8, 10)})
    assert count(played, "most_lost_in_four_days", until=on(3)) == 1
    assert count(played, "most_lost_in_four_days", until=on(4)) == 2  # days 1 and 4
    assert count(played, "most_lost_in_four_days") == 2  # never days 1, 4 and 5, nor 4, 5 and 8
    assert count(played, "most_lost_in_four_days", scope={"province": "Takhar"}) == 1


@pytest.mark.parametrize(("days", "lost"), [("two", 2), ("four", 3), ("five", 3), ("six", 4)])
def test_most_lost_looks_at_as_many_days_as_it_says(days: str, lost: int) -> None:
    played = campaign({"Capital": range(1, 10), "Middle": range(3, 10), "River": range(4, 10), "Beyond": range(6, 10)})
    assert count(played, f"most_lost_in_{days}_days") == lost  # days 1, 3, 4 and 6


def test_what_was_taken_and_lost_again_was_ever_taken() -> None:
    played = campaign({"Middle": range(3, 5), "Beyond": range(10), "River": range(7, 10)})
    assert [count(played, "ever_taken", until=on(day)) for day in (2, 3, 6, 7)] == [0, 1, 1, 2]
    assert count(played, "share_ever_taken", until=on(6)) == 1 / 6
    assert count(played, "share_ever_taken", scope={"province": "Takhar"}) == 0


def test_a_window_counts_the_losses_of_its_own_days() -> None:
    played = campaign({"Middle": range(3, 10), "River": range(5, 10), "Beyond": range(10)})
    window = {"since": on(3), "until": on(4)}
    assert count(played, "lost_between", **window) == 1
    assert count(played, "lost_between", since=on(4), until=on(5)) == 1
    assert count(played, "lost_between", since=on(0), until=on(9)) == 2
    assert count(played, "lost_between", scope={"province": "Takhar"}, **window) == 0


def test_a_district_lost_twice_counts_once_in_a_window_and_twice_in_days_in_a_row() -> None:
    played = campaign({"Middle": range(1, 2), "Beyond": range(10)})  # Beyond was not lost, but held from day 0
    played.record.holder[3:, FACTS.district.index("Middle")] = Holder.TALIBAN
    assert count(played, "lost_between", since=on(1), until=on(4)) == 1
    assert count(played, "most_lost_in_four_days") == 2


def influenced_by(*shares: float) -> Campaign:
    """Return a campaign with given Taliban influence by district, in which Beyond is held from day 0."""
    played = campaign({"Beyond": range(10), "River": range(5, 10)})
    played.world.districts.influence[:] = shares
    return played


def test_influence_above_the_cut_of_day_0_counts_in_addition_to_what_is_held() -> None:
    played = influenced_by(0.9, 0.7, 0.2, 0.1, 0.9, 0.6)  # the capitals aside, Middle and Ford lead
    row = {"date": on(4)}
    assert count(played, "share_held_or_influenced", day_0_share=1 / 6, **row) == 1 / 6  # Beyond alone
    assert count(played, "share_held_or_influenced", day_0_share=2 / 6, **row) == 2 / 6
    assert count(played, "share_held_or_influenced", day_0_share=3 / 6, **row) == 3 / 6
    assert count(played, "share_held_or_influenced", day_0_share=3 / 6, date=on(5)) == 4 / 6  # River fell
    assert count(played, "share_held_or_influenced", day_0_share=4 / 6, date=on(5)) == 4 / 6  # and was under it before


def test_the_cut_is_that_of_day_0_whatever_happens_later() -> None:
    played = influenced_by(0.9, 0.7, 0.2, 0.1, 0.9, 0.6)
    row = {"date": on(0), "day_0_share": 3 / 6}
    assert count(played, "share_held_or_influenced", **row) == 3 / 6
    played.record.holder[1:, FACTS.district.index("Middle")] = Holder.TALIBAN
    assert count(played, "share_held_or_influenced", **row) == 3 / 6
    assert count(played, "share_held_or_influenced", date=on(9), day_0_share=3 / 6) == 4 / 6


def test_of_equal_influence_the_first_count() -> None:
    played = influenced_by(0.5, 0.5, 0.5, 0.5, 0.5, 0.5)
    row = {"date": on(0), "day_0_share": 2 / 6, "scope": {"districts": ["Middle"]}}
    assert count(played, "share_held_or_influenced", **row) == 1


def test_day_0_gives_the_73_districts_of_the_long_war_journal() -> None:
    share = EVIDENCE["F075"].value / 407  # type: ignore[operator]
    rows = [row for row in read_outcomes(read_facts(), START, 100) if row.quantity == "share_held_or_influenced"]
    assert len(rows) == 2
    assert {round(row.day_0_share * 399) for row in rows} == {round(share * 399)} == {72}


def test_a_handover_and_an_empty_post_are_falls_without_a_fight() -> None:
    played = campaign()
    for day, how in ((1, Fall.HANDED_OVER), (2, Fall.ABANDONED), (3, Fall.FOUGHT), (8, Fall.FOUGHT)):
        write_fall(played, day, "Middle", how)
    assert count(played, "share_without_fight", until=on(5)) == 2 / 3
    assert count(played, "share_without_fight") == 0.5


def test_where_nothing_fell_no_share_is_without_a_fight() -> None:
    played = campaign()
    write_fall(played, 3, "Beyond", Fall.FOUGHT)
    assert count(played, "share_without_fight", until=on(2)) is None
    assert count(played, "share_without_fight", scope={"province": "Kunduz"}) is None
    assert count(played, "share_without_fight") == 0.0


def test_the_border_is_shared_by_its_length() -> None:
    played = campaign({"River": range(3, 10), "Middle": range(10)})
    assert count(played, "border_share", date=on(2)) == 0
    assert count(played, "border_share") == 20 / 80


def test_a_night_belongs_to_the_morning_on_which_it_ends() -> None:
    played = campaign()
    played.record.crossed[4, 0] = 70
    assert count(played, "crossed", until=on(4)) == 0
    assert count(played, "crossed", until=on(5)) == 70
    assert count(played, "largest_night") == on(5).isoformat()


def test_the_night_after_the_last_evening_is_not_over() -> None:
    nights = nights_of(np.array([[1, 0], [2, 5], [9, 9]]))
    assert nights.tolist() == [[0, 0], [1, 0], [2, 5]]


def test_the_largest_night_is_that_of_all_posts() -> None:
    played = campaign()
    played.record.crossed[2] = [90, 0]
    played.record.crossed[6] = [50, 60]
    assert count(played, "crossed_largest_night") == 110
    assert count(played, "crossed_largest_night", until=on(5)) == 90
    assert count(played, "largest_night") == on(7).isoformat()
    assert count(played, "posts_used_largest_night") == 2
    assert count(played, "posts_used_largest_night", until=on(5)) == 1
    assert count(played, "crossed", scope={"post": "post_2"}) == 60


def test_the_largest_night_has_its_posts_and_what_came_before() -> None:
    played = campaign()
    played.record.crossed[2] = [90, 0]
    played.record.crossed[5] = [7, 0]
    played.record.crossed[6] = [50, 60]
    played.record.crossed[8] = [9, 9]
    assert count(played, "crossed_largest_night", scope={"post": "post_1"}) == 50  # not the 90 of its own best night
    assert count(played, "crossed_largest_night", scope={"post": "post_2"}) == 60
    assert count(played, "crossed_before_largest_night") == 97
    assert count(played, "crossed_before_largest_night", until=on(5)) == 0


def test_nights_of_a_window_and_posts_of_a_list() -> None:
    played = campaign()
    played.record.crossed[2] = [90, 1]
    played.record.crossed[6] = [50, 60]
    assert count(played, "crossed", since=on(4), until=on(9)) == 110
    assert count(played, "crossed", since=on(3), until=on(3)) == 91
    assert count(played, "crossed", scope={"post": ["post_1", "post_2"]}) == 201


def test_families_are_counted_at_the_posts_of_the_scope() -> None:
    played = campaign()
    played.record.admitted[4] = [30, 5]
    played.record.admitted[7] = [0, 8]
    assert count(played, "admitted", until=on(4)) == 35
    assert count(played, "admitted", scope={"post": "post_2"}) == 13
    assert count(played, "admitted", scope={"post": ["post_1", "post_2"]}, until=on(3)) == 0


def test_captured_men_are_counted_where_they_were_taken() -> None:
    played = campaign()
    write_capture(played, 3, "River", 20)
    write_capture(played, 6, "River", 5)
    write_capture(played, 6, "Ford", 7)
    write_fall(played, 6, "River", Fall.FOUGHT)
    assert count(played, "captured") == 32
    assert count(played, "captured", until=on(5), scope={"districts": ["River"]}) == 20
    assert count(played, "captured", since=on(4), until=on(9), scope={"districts": ["River"]}) == 5
    assert count(played, "captured", scope={"province": "Takhar"}) == 7


def test_a_total_grows_by_what_its_window_added() -> None:
    played = campaign()
    played.record.series[:, Series.TROOPS_KILLED_TOTAL] = [0, 2, 2, 5, 9, 9, 9, 10, 10, 10]
    row = {"series": "troops_killed_total"}
    assert count(played, "series_growth", since=on(3), until=on(4), **row) == 7
    assert count(played, "series_growth", until=on(4), **row) == 9
    assert count(played, "series_growth", since=on(5), until=on(5), **row) == 0


def test_when_nobody_crossed_there_was_no_largest_night() -> None:
    assert count(campaign(), "largest_night") is None
    assert count(campaign(), "crossed_largest_night") == 0
    assert count(campaign(), "posts_used_largest_night") == 0


def test_a_series_has_an_end_a_peak_and_a_low() -> None:
    played = campaign()
    played.record.series[:, Series.PEOPLE_WAITING] = [0, 5, 9, 4, 7, 2, 3, 8, 6, 5]
    row = {"series": "people_waiting"}
    assert count(played, "series_end", **row) == 5
    assert count(played, "series_end", until=on(4), **row) == 7
    assert count(played, "series_peak", **row) == 9
    assert count(played, "series_low", **row) == 2  # day 0 aside


def test_capitals_fall_on_their_first_day() -> None:
    played = campaign({"Far Capital": range(6, 8), "Middle": range(10)})
    assert count(played, "first_capital_fell") == on(6).isoformat()
    assert count(played, "first_capital_fell", scope={"province": "Kunduz"}) is None
    assert count(played, "first_capital_fell", until=on(5)) is None
    assert [count(played, "capitals_held", date=on(day)) for day in (5, 7, 9)] == [0, 1, 0]


@pytest.mark.parametrize(
    "row", [{"date": on(DAYS + 1)}, {"until": on(DAYS + 1)}, {"date": on(-1)}, {"since": on(-1), "until": on(3)}]
)
def test_what_is_asked_of_a_day_outside_the_campaign_is_missing(row: dict[str, date]) -> None:
    played = campaign({"Middle": range(10)})
    for quantity in outcomes.QUANTITIES:
        assert count(played, quantity, series="people_waiting", **row) is None, quantity


@pytest.mark.parametrize("quantity", outcomes.QUANTITIES)
def test_every_quantity_can_be_counted_where_nothing_happened(quantity: str) -> None:
    assert count(campaign(), quantity, series="people_waiting") in (0, None)


@pytest.mark.parametrize(
    ("row", "key", "found"),
    [
        ({"quantity": "heldd"}, ".quantity", "'heldd', expected one of .* nearest are held"),
        ({}, ".quantity", "'None'"),
        ({"quantity": "held", "scop": {}}, "", "'scop', .* did you mean 'scope'"),
        ({"quantity": "held", "scope": {"provinc": "Takhar"}}, ".scope", "'provinc', .* 'province'"),
        ({"quantity": "held", "scope": {"province": "Takar"}}, ".scope.province", "'Takar', .* 'Takhar'"),
        ({"quantity": "held", "scope": {"districts": ["Middel"]}}, ".scope.districts", "'Middel', .* 'Middle'"),
        ({"quantity": "crossed", "scope": {"post": "post_3"}}, ".scope.post", "'post_3', expected one of post_1"),
        ({"quantity": "series_end", "series": "people"}, ".series", "'people'"),
        ({"quantity": "series_peak"}, ".series", "'None'"),
        ({"quantity": "held", "date": "tomorrow"}, ".date", "'tomorrow'"),
        ({"quantity": "held", "scope": "country"}, ".scope", "'country'"),
        ({"quantity": "held", "scope": {"districts": []}}, ".scope.districts", r"'\[\]'"),
        ({"quantity": "crossed", "since": "May", "until": on(3)}, ".since", "'May'"),
        ({"quantity": "crossed", "since": on(3)}, ".since", "'2021-05-04'"),
        ({"quantity": "crossed", "since": on(3), "until": on(2)}, ".since", "'2021-05-04'"),
        ({"quantity": "held", "day_0_share": 73}, ".day_0_share", "'73'"),
        ({"quantity": "held", "day_0_share": True}, ".day_0_share", "'True'"),
    ],
)
def test_a_row_that_cannot_be_counted_is_refused_by_its_key(row: dict[str, Any], key: str, found: str) -> None:
    with pytest.raises(PanjError, match=f"found {found}") as refused:
        outcome_of("it", row, FACTS, START, DAYS)
    assert refused.value.key == f"outcomes.it{key}"


def test_the_last_day_is_named_by_its_date() -> None:
    names = {row.name: row.last for row in read_outcomes(read_facts(), START, 30)}
    assert names["share_held_by_taliban_2021_05_31"] == 30
    assert names["share_held_by_taliban_2021_06_30"] == -1
    assert not any("last_day" in name for name in names)


def test_a_last_day_that_has_a_row_already_is_counted_once() -> None:
    rows = read_outcomes(read_facts(), START, (date(2021, 7, 5) - START).days)
    named = [row for row in rows if row.name == "share_held_by_taliban_2021_07_05"]
    assert len(named) == 1
    assert named[0].reported == {"sum": ["F012"], "divide": 1}


def test_every_post_and_every_capital_has_its_outcome() -> None:
    facts = read_facts()
    names = {row.name for row in read_outcomes(facts, START, 100)}
    assert {f"crossed_{post}" for post in facts.post} <= names
    assert {f"largest_night_{post}" for post in facts.post} <= names
    assert {f"capital_fell_{slug(province)}" for province in facts.provinces} <= names
    assert slug("Sar-e-Pul") == "sar_e_pul"


def test_every_outcome_says_what_it_is_and_how_it_is_counted() -> None:
    assert all(row.label and row.unit and row.counted for row in read_outcomes(read_facts(), START, 100))


def test_no_outcome_names_a_post_by_its_key() -> None:
    assert not [row.label for row in read_outcomes(read_facts(), START, 100) if "_" in row.label]


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        pytest.param({"sum": ["F064", "F065"], "divide": 421}, ((33 + 125) / 421,) * 3, id="summed and divided"),
        pytest.param({"sum": ["F012"]}, (0.333, 0.333, 0.386), id="with its bounds"),
        pytest.param({"sum": ["F071"]}, (0.25, 0.25, 0.25), id="a bound that was not reported is the value itself"),
        pytest.param({"count": ["F021", "F022"]}, (2, 2, 2), id="counted"),
        pytest.param({}, (None, None, None), id="nobody reported it"),
    ],
)
def test_what_was_reported(row: dict[str, Any], expected: tuple[float | None, ...]) -> None:
    found = reported_of(outcome_of("it", {"quantity": "held", "reported": row}, FACTS, START, DAYS), EVIDENCE)
    assert (found.value, found.low, found.high) == expected
    assert found.evidence == ", ".join(row.get("sum", row.get("count", [])))


def test_evidence_that_is_not_there_is_refused() -> None:
    row = outcome_of("it", {"quantity": "held", "reported": {"sum": ["F064", "F999"]}}, FACTS, START, DAYS)
    with pytest.raises(PanjError, match="found 'F999'") as refused:
        reported_of(row, EVIDENCE)
    assert refused.value.key == "outcomes.it.reported"


def test_evidence_that_is_not_there_is_refused_before_anything_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(folder_of("configs"), tmp_path / "configs")
    with (tmp_path / "configs" / "outcomes.yaml").open("a", encoding="utf-8") as file:
        file.write("mine: {quantity: held, reported: {sum: [F999]}}\n")
    monkeypatch.setattr(outcomes, "folder_of", lambda name: tmp_path / name)
    with pytest.raises(PanjError, match=r"outcomes\.mine\.reported: found 'F999'"):
        read_outcomes(read_facts(), START, 5)


def test_every_outcome_is_recognised_by_the_fingerprint_with_which_a_study_stores_it():
    end = START + timedelta(days=68)
    rows = read_outcomes(read_facts(), START, 68)
    assert all(is_as_defined(row.name, end, row.fingerprint) for row in rows)
    others = [row.name for row in rows if is_as_defined(row.name, end, "0" * 16)]
    assert others == [
        row.name for row in rows if row.quantity == "first_capital_fell" and row.name != "first_capital_fell"
    ]
    assert not is_as_defined("removed_by_its_user", end, "0" * 16)
    assert is_as_defined("of_a_study_without_fingerprints", end, "")
