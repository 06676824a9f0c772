"""A policy is one decision, and everything that it changes is named in what is said of it."""

from functools import cache

import pytest

from sim.configuration import changes
from sim.configuration.changes import describe_changes, describing_groups, groups
from sim.configuration.compose import Composer
from sim.configuration.numbers import declared_numbers
from sim.configuration.overrides import GROUPS
from sim.configuration.settings import Settings
from sim.errors import PanjError
from sim.wording import name_of_post

CHOICES = [(group, name) for group in describing_groups() for name in groups()[group]]
MEN, FLIGHTS = "rules.founding.commando_columns", "rules.calls.flights_per_day"
MIXTURES = {  # what each policy changed when it changed more than one thing, and what it is now
    "reinforcement=answer_every_call": ("capacity=triple_commandos", {
        FLIGHTS: 400, MEN: 180, "rules.calls.weight_other": 1, "rules.calls.weight_border": 1,
        "rules.calls.weight_highway": 1,
    }),
    "reinforcement=counter_offensive": ("capacity=double_commandos", {
        "rules.counterattack.attempts_per_day": 4, MEN: 120, FLIGHTS: 1,
    }),
    "reinforcement=hold_border": ("capacity=double_flights", {"rules.calls.weight_border": 4, FLIGHTS: 4}),
    "reinforcement=hold_roads": ("capacity=double_flights", {"rules.calls.weight_highway": 4, FLIGHTS: 4}),
    "reinforcement=hold_capitals": ("capacity=double_flights", {
        "rules.calls.weight_other": 0, "rules.calls.weight_border": 0, "rules.calls.weight_highway": 0, FLIGHTS: 4,
    }),
}  # fmt: skip


COMPOSER = Composer()


@cache
def settled(*words: str) -> Settings:
    return COMPOSER.settings([*words, "calibration=as_declared"])


def numbers_changed(*words: str) -> dict[str, float]:
    usual, found = settled().numbers, settled(*words).numbers
    return {key: value for key, value in found.items() if value != usual[key]}


@pytest.mark.parametrize(("group", "name"), CHOICES)
def test_everything_that_a_choice_changes_is_named(group: str, name: str) -> None:
    default = settled()
    found = settled(f"{group}={name}")
    said = {one.key: one for one in describe_changes(group, name)}
    for key in numbers_changed(f"{group}={name}"):
        assert f"{found.numbers[key]:g}" in said[key.removeprefix("rules.")].change
    before, after = ({event.name: event for event in one.events} for one in (default, found))
    for event in {*before.values()} ^ {*after.values()}:
        change = said[f"timeline.events.{event.name}"].change
        assert ("struck" in change) == (event.name not in after)
    for region in {*default.attention} ^ {*found.attention}:
        assert f"attention.{region}" in said
    spoken = " ".join(one.long for one in said.values() if one.key.startswith("posts."))
    for post in {*default.posts, *found.posts}:
        if found.posts.get(post) != default.posts.get(post):
            assert name_of_post(post) in spoken


@pytest.mark.parametrize("name", ["soldiers_only", "room_limited"])
def test_a_border_that_changes_one_thing_keeps_what_was_reported_at_ishkashim(name: str) -> None:
    assert settled(f"border={name}").posts == settled().posts
    changed = {"soldiers_only": {"rules.admission.admits"}}.get(name)
    assert {*numbers_changed(f"border={name}")} == (changed or {f"rules.crossing.room_{at}" for at in
                                                    ("bridge", "ford", "post", "frontage", "pass")})  # fmt: skip


def test_what_the_default_choice_sets_and_another_does_not_is_named() -> None:
    said = {(group, name): {one.key: one.change for one in describe_changes(group, name)} for group, name in CHOICES}
    ishkashim = "posts.ishkashim.soldiers"
    assert said["border", "as_reported"][ishkashim] == "0.6"
    assert said["border", "closed"][ishkashim] == "as at other posts, from 0.6"
    assert said["border", "room_limited"][ishkashim] == "0.6, as by default"
    assert said["taliban", "everywhere"]["attention.Northern"] == "1, from 3"
    assert ishkashim not in said["border", "open"]  # named with all other posts


@pytest.mark.parametrize("group", GROUPS)
def test_every_policy_group_says_what_it_changes(group: str) -> None:
    assert group in describing_groups()


def test_what_is_said_differs_when_a_file_does(monkeypatch: pytest.MonkeyPatch) -> None:
    section = {"scale": {"news.fade_days": 2.0}, "shift": {"news.fade_days": -1.0}, "set": {"morale.base": 0.6}}
    monkeypatch.setattr(changes, "section_of", lambda _group, _name: section)
    days = declared_numbers()["rules.news.fade_days"].value
    assert [one.short for one in describe_changes.__wrapped__("border", "closed")] == [
        "morale.base 0.6, as declared",
        f"news.fade_days times 2 ({days:g} to {2 * days:g})",
        f"news.fade_days minus 1 ({2 * days:g} to {2 * days - 1:g})",
    ]


def test_a_number_that_is_not_declared_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(changes, "section_of", lambda _group, _name: {"set": {"news.fade_dayz": 1.0}})
    with pytest.raises(PanjError, match=r"did you mean 'news\.fade_days'"):
        describe_changes.__wrapped__("border", "closed")


@pytest.mark.parametrize("name", groups()["reinforcement"])
def test_a_policy_of_reinforcement_brings_no_men_and_only_decides_how_many_calls_are_answered(
    name: str,
) -> None:
    changed = numbers_changed(f"reinforcement={name}")
    capacity = {key for choice in groups()["capacity"] for key in numbers_changed(f"capacity={choice}")}
    decides = {"none", "answer_every_call", "counter_offensive"}
    assert capacity & {*changed} == ({FLIGHTS} if name in decides else set())
    assert not any(key.startswith("rules.founding.") for key in changed)


@pytest.mark.parametrize("policy", MIXTURES)
def test_a_policy_with_its_capacity_is_what_the_policy_alone_used_to_be(policy: str) -> None:
    capacity, expected = MIXTURES[policy]
    assert numbers_changed(policy, capacity) == expected
    alone = numbers_changed(policy)
    assert alone.items() < expected.items() or FLIGHTS in alone


def test_air_cover_that_continues_keeps_what_was_left_on_1_july() -> None:
    names = [{event.name for event in settled(f"air_support={name}").events}
             for name in ("ends_2_july", "continues", "full_strength")]  # fmt: skip
    thinning = {"air_cover_thins_in_may", "air_cover_thins_in_june"}
    assert names[0] - names[1] == {"bagram_handed_over"}
    assert names[1] - names[2] == thinning


def test_a_border_that_is_open_has_twice_the_room_only_where_it_is_asked_for() -> None:
    assert {tuple(change) for change in settled("border=open").posts.values()} == {("soldiers", "families")}
    both = settled("border=open", "capacity=double_room").posts
    assert len(both) == len(COMPOSER.facts.post)
    assert all(change == {"soldiers": 1.0, "families": 1.0, "room": 2.0} for change in both.values())


def test_a_scenario_says_the_policies_that_it_combines() -> None:
    said = {one.key: one.change for one in describe_changes("scenario", "call_answered_with_more_men")}
    assert said["capacity"].startswith("triple_commandos") and said["reinforcement"].startswith("answer_every_call")
