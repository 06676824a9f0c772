"""Tests of the lists of what can be named on a command line."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from sim import listing, options
from sim.__main__ import main
from sim.configuration.compose import compose_settings
from sim.configuration.numbers import declared_numbers
from sim.configuration.overrides import GROUPS, choices_of
from sim.data.evidence import read_evidence
from sim.data.facts import THE_LINE, read_facts
from sim.data.own import using
from sim.errors import PanjError
from sim.options import LISTS
from sim.outcome import read_outcomes
from sim.study.starter import write_starter


@pytest.fixture(scope="module")
def lists() -> dict[str, list[listing.Row]]:
    return {kind: listing.rows_of(kind) for kind in LISTS}


def test_every_list_has_rows_with_the_same_columns_and_names_that_occur_once(lists: dict[str, list]) -> None:
    assert set(listing.TABLES) == set(LISTS)
    for kind, rows in lists.items():
        assert rows and all(set(row) == set(rows[0]) for row in rows), kind
        names = [(row["group"], row["choice"]) if kind == "policies" else next(iter(row.values())) for row in rows]
        assert len(set(names)) == len(names), kind


def test_the_outcomes_are_those_that_a_campaign_counts_and_their_evidence_exists(lists: dict[str, list]) -> None:
    settings = compose_settings()
    counted = read_outcomes(settings.facts, settings.start_date, settings.days)
    assert [row["outcome"] for row in lists["outcomes"]] == [row.name for row in counted]
    assert [row["outcome"] for row in lists["outcomes"]] == listing.outcome_names()
    known = {row.id for row in read_evidence()}
    assert all(set(row["evidence"]) <= known for row in lists["outcomes"])
    night = next(row for row in lists["outcomes"] if row["outcome"] == "troops_crossed_largest_night")
    assert (night["reported"], night["evidence"], night["last_day"]) == (1037, ["F001"], THE_LINE.isoformat())


def test_numbers_events_policies_and_districts_are_those_of_the_model(lists: dict[str, list]) -> None:
    assert {row["key"]: row["value"] for row in lists["numbers"]} == {
        key: number.value for key, number in declared_numbers().items()
    }
    fades = next(row for row in lists["numbers"] if row["key"] == "rules.news.fade_days")
    assert fades["low"] <= fades["prior_low"] < fades["prior_high"] <= fades["high"]
    assert {row["event"] for row in lists["events"]} == {event.name for event in compose_settings().events}
    assert all(row["date"] <= THE_LINE.isoformat() and row["source"] for row in lists["events"])
    for group in GROUPS:
        listed = [row["choice"] for row in lists["policies"] if row["group"] == group]
        assert set(listed) == set(choices_of(group))
        assert all(row["about"] for row in lists["policies"] if row["group"] == group)
    assert sum(row["is_default"] for row in lists["policies"]) == len({row["group"] for row in lists["policies"]})
    facts = read_facts()
    assert [(row["p_code"], row["district"], row["province"]) for row in lists["districts"]] == list(
        zip(facts.district_id, facts.district, facts.province, strict=True)
    )


def test_a_row_is_listed_if_it_contains_every_text_whatever_the_case() -> None:
    keys = [row["key"] for row in listing.rows_of("numbers", ["NEWS", "fade days"])]
    assert keys == ["rules.news.fade_days"]
    assert len(listing.rows_of("policies", ["border=closed"])) == 1
    assert listing.rows_of("events", ["nothing like this"]) == []


@pytest.mark.parametrize("kind", LISTS)
def test_a_list_is_printed_whole_and_as_records(kind: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list", kind]) == 0
    printed = capsys.readouterr().out
    assert main(["list", kind, "--json"]) == 0
    said = capsys.readouterr()
    rows = json.loads(said.out)
    assert said.err == ""
    for row in rows:
        name = f"{row['group']}={row['choice']}" if kind == "policies" else str(next(iter(row.values())))
        assert name in printed


def test_without_a_kind_the_lists_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list"]) == 0
    said = capsys.readouterr().out
    assert all(f" {kind} " in said for kind in LISTS)


def test_a_filter_that_nothing_matches_is_no_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list", "events", "nowhere"]) == 0
    assert "'nowhere'" in capsys.readouterr().out


@pytest.fixture
def mine(tmp_path: Path) -> Iterator[Path]:
    """Return a folder of own files, in use."""
    folder = tmp_path / "mine"
    write_starter(folder)
    with using(folder):
        yield folder


def test_a_scenario_has_the_days_of_the_scenario_that_it_is_based_on(mine: Path) -> None:
    first = "# @package _global_\nstart_date: '2021-06-03'\nend_date: '2021-06-30'\nscenario: {title: one}\n"
    second = "# @package _global_\ndefaults: [first, _self_]\nend_date: '2021-06-20'\nscenario: {title: two}\n"
    (mine / "scenarios" / "first.yaml").write_text(first, encoding="utf-8")
    (mine / "scenarios" / "second.yaml").write_text(second, encoding="utf-8")
    with using(mine):
        row = next(row for row in listing.scenarios() if row["scenario"] == "second")
        settings = compose_settings(["scenario=second"])
    assert (row["start_date"], row["end_date"]) == ("2021-06-03", "2021-06-20")
    assert (settings.start_date.isoformat(), settings.end_date.isoformat()) == (row["start_date"], row["end_date"])


@pytest.mark.parametrize(("row", "key"), [
    ("{act: context, source: F001}", "date"), ("{date: '7 July', act: context, source: F001}", "date"),
    ("{date: 2021-06-03, act: contxt, source: F001}", "act"),
])  # fmt: skip
def test_an_own_event_that_is_incomplete_is_named(mine: Path, row: str, key: str) -> None:
    (mine / "events.yaml").write_text(f"hearing: {row}\n", encoding="utf-8")
    with using(mine), pytest.raises(PanjError) as found:
        listing.events()
    assert found.value.key == f"timeline.events.hearing.{key}"


def test_policies_are_counted_in_plain_english() -> None:
    assert listing.describe_count("policies", [{}, {}], ["x"]).startswith("2 policies.")
    assert listing.describe_count("policies", [{}], ["x"]).startswith("1 policy.")
    assert listing.describe_count("events", [{}, {}], ["x"]).startswith("2 events.")


def test_an_unknown_list_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list", "numbrs"]) == 2
    said = capsys.readouterr().err
    assert said.startswith("panj: list: found 'numbrs'") and "'numbers'" in said


def test_every_verb_is_listed_with_what_its_json_has(lists: dict[str, list]) -> None:
    assert {row["verb"]: row["json"] for row in lists["verbs"]} == {
        name: verb.as_json for name, verb in options.VERBS.items()
    }
