"""A command line becomes settings in one order, and whatever is wrong with it is said before anything runs."""

import pickle
import re
import shutil
from datetime import date
from pathlib import Path

import numpy as np
import pytest
from quick import DECLARED

from sim import outcome as outcomes
from sim.configuration import compose, numbers
from sim.configuration.compose import Composer, compose_config, compose_settings, settle
from sim.configuration.numbers import declared_numbers
from sim.configuration.overrides import Overrides
from sim.configuration.settings import Event, Settings
from sim.data import configs
from sim.data.configs import folder_of
from sim.data.facts import read_facts
from sim.engine.world import Act, Condition
from sim.errors import PanjError

FACTS = read_facts()
FADE = "rules.news.fade_days"

WRONG = {  # override: what the error says, in this order
    "runz=3": ["runz", "no such setting", "help run", "did you mean 'runs'"],
    "bordr=closed": ["bordr", "no such setting", "did you mean 'border'"],
    "news.fade_days=9": ["news.fade_days", "no such setting", "did you mean 'rules.news.fade_days'"],
    "rules.news.fade_day=9": ["rules.news.fade_day", "no such setting", "did you mean 'rules.news.fade_days'"],
    "border=clsed": ["border", "'clsed'", "expected one of", "open", "did you mean 'closed'"],
    "scenario=july": ["scenario", "'july'", "expected one of", "did you mean 'july_2021'"],
    "runs=many": ["runs", "'many'", "expected a whole number"],
    "runs=1.5": ["runs", "'1.5'", "expected a whole number"],
    "runs=0": ["runs", "found 0", "expected a whole number from 1"],
    "runs=20000000": ["runs", "found 20000000", "to 10000000"],
    "seed=x": ["seed", "'x'", "expected a whole number"],
    "seed=-1": ["seed", "found -1", "expected a whole number from 0"],
    "seed=9223372036854775807": ["seed", "found 9223372036854775807", "expected a whole number from 0"],
    "seed=1,2": ["seed", "several values", "'seed=1,2'", "expected one"],
    "runs=range(1,4)": ["runs", "several values", "expected one"],
    "rules.news.fade_days=long": [FADE, "'long'", "expected a number"],
    "rules.news.fade_days=900": [FADE, "found 900.0", "expected a number from 1.0 to 90.0 (days)"],
    "rules.news.fade_days=nan": [FADE, "found nan", "expected a number from 1.0 to 90.0 (days)"],
    "rules.calls.flights_per_day=-1": ["rules.calls.flights_per_day", "found -1.0", "expected a number from 0.0"],
    "rules.founding.taliban_share=2": ["rules.founding.taliban_share", "found 2.0", "from 0.0 to 0.5"],
    "rules.founding.outposts=1.5": ["rules.founding.outposts", "'1.5'", "expected a whole number"],
    "end_date=2021-04-30": ["end_date", "found 2021-04-30", "expected a date after start_date (2021-05-01)"],
    "end_date=2021-05-01": ["end_date", "found 2021-05-01", "expected a date after start_date (2021-05-01)"],
    "end_date=2025-01-01": ["end_date", "found 2025-01-01", "within two years"],
    "start_date=2021-02-30": ["start_date", "'2021-02-30'", "expected a date such as 2021-05-01"],
    "end_date=tomorrow": ["end_date", "'tomorrow'", "expected a date such as 2021-05-01"],
    "+border.posts.tam.soldiers=0.1": ["posts", "'tam'", "expected one of", "did you mean 'tem'"],
    "+border.posts.tem.soldier=0.1": ["posts.tem", "'soldier'", "expected one of", "did you mean 'soldiers'"],
    "+border.posts.tem.soldiers=2": ["posts.tem.soldiers", "found 2.0", "expected a number from 0 to 1"],
    "+taliban.attention.North=2": ["attention", "'North'", "expected one of", "did you mean 'Northern'"],
    "timeline.events.bagram_handed.date=2021-06-01": ["timeline.events", "bagram_handed"],
    "+timeline.events.rain.date=2021-06-01": ["timeline.events.rain.act", "found nothing", "expected a value"],
    "timeline.events.aid_talks.date=2021-06-31": ["timeline.events.aid_talks.date", "'2021-06-31'", "expected a date"],
    "timeline.events.aid_talks.act=sett": ["timeline.events.aid_talks.act", "'sett'", "did you mean 'set'"],
    "timeline.events.aid_talks.condition=aidd": ["aid_talks.condition", "'aidd'", "did you mean 'aid'"],
    "timeline.events.aid_talks.value=-1": ["timeline.events.aid_talks.value", "found -1", "from 0 to 1000000"],
    "timeline.events.aid_talks.value=2": ["timeline.events.aid_talks.value", "found 2", "expected at most 1"],
    "timeline.events.commandos_to_faizabad.district=Faizabad": ["district", "'Faizabad'", "nearest are Fayzabad"],
    "+air_support.strike=[bagram_handed]": [
        "air_support=ends_2_july, strike", "'bagram_handed'", "expected", "did you mean 'bagram_handed_over'",
    ],
    "study=a/b": ["study", "'a/b'", "expected letters, digits"],
    "study=": ["study", "found ''", "expected letters, digits"],
    "runs": ["override", "'runs'", "expected key=value"],
    "+border=closed": ["border", "'+border=closed'", "expected border=closed"],
    "++calibration=as_declared": ["calibration", "expected calibration=as_declared"],
    "+executor.workers=2": ["executor.workers", "expected executor.workers=2"],
    "+rules.news.fade_days=5": [FADE, "expected rules.news.fade_days=5"],
    "~border": ["border", "'~border'", "expected ~ only in"],
    "border@x=closed": ["border", "'border@x=closed'", "expected border=closed"],
    "+border.foo=3": ["border.foo", "'foo'", "expected one of"],
    "scenario.start_date=2021-05-02": ["scenario.start_date", "expected one of"],
    "+timeline.events.aid_talks.date=2021-07-01": ["timeline.events.aid_talks.date", "expected", "VALUE without it"],
    "scenario.posts={ishkashim:{soldiers:0}}": ["scenario.posts.ishkashim", "expected", "+ before the key"],
    "scenario.posts=3": ["scenario.posts", "int", "expected a mapping"],
    "sampling.keys=3": ["sampling.keys", "int", "expected a list"],
    "--multirun": ["override", "found", "a sweep", "expected", "single cell"],
}  # fmt: skip


def settled(*overrides: str) -> Settings:
    return compose_settings(overrides, FACTS)


def event(chosen: Settings, name: str) -> Event:
    return next(row for row in chosen.events if row.name == name)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of `configs` and `scenarios` that is read instead."""
    return move_in(tmp_path, monkeypatch)


def move_in(home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("configs", "scenarios"):
        shutil.copytree(folder_of(name), home / name)
    for module in (compose, configs, numbers, outcomes):
        monkeypatch.setattr(module, "folder_of", lambda name: home / name)
    return home


def write_scenario(home: Path, text: str) -> None:
    (home / "scenarios" / "scenario" / "mine.yaml").write_text(f"# @package _global_\n{text}", encoding="utf-8")


@pytest.mark.parametrize(("override", "said"), WRONG.items(), ids=WRONG.keys())
def test_a_wrong_setting_is_refused_in_words(override: str, said: list[str]) -> None:
    with pytest.raises(PanjError, match=".*".join(re.escape(words) for words in said)) as raised:
        settled(override)
    assert "\n" not in str(raised.value)


def test_an_unknown_event_is_told_the_nearest() -> None:
    with pytest.raises(PanjError, match=r"'bagram_handed', expected .*bagram_handed_over"):
        settled("timeline.events.bagram_handed.date=2021-06-01")


@pytest.mark.parametrize("name", [".", "..", ".hidden"])
def test_a_study_is_a_folder_that_can_be_seen(name: str) -> None:
    with pytest.raises(PanjError, match=f"study: found '{re.escape(name)}'"):
        settled(f"study={name}")


def test_a_scenario_that_is_not_yaml_is_named(home: Path) -> None:
    write_scenario(home, "scenario: [1")
    with pytest.raises(PanjError, match=r"mine\.yaml: found invalid YAML"):
        settled("scenario=mine")


@pytest.mark.parametrize("content", [b"", b"a:\tb", "title: \u0410".encode("cp1251"), "scenario: {}".encode("utf-16")])
def test_only_the_choice_of_a_damaged_file_fails(home: Path, content: bytes) -> None:
    path = home / "scenarios" / "scenario" / "draft.yaml"
    path.write_bytes(content)
    assert settled("scenario=border_closed").choices["border"] == "closed"
    with pytest.raises(PanjError) as raised:
        settled("scenario=draft")
    assert raised.value.key == str(path)


def test_a_scenario_needs_neither_its_package_line_nor_the_absence_of_a_byte_order_mark(home: Path) -> None:
    for name in ("bare", "marked"):
        text = "defaults: [border_closed, _self_]\nscenario: {posts: {tem: {soldiers: 0}}}\nend_date: 2021-07-08\n"
        start = b"" if name == "bare" else b"\xef\xbb\xbf# @package _global_\n"
        (home / "scenarios" / "scenario" / f"{name}.yaml").write_bytes(start + text.encode())
        chosen = settled(f"scenario={name}")
        assert (chosen.choices["border"], chosen.end_date) == ("closed", date(2021, 7, 8))
        assert chosen.posts["tem"] == {"soldiers": 0.0}


def test_scenarios_that_are_based_on_each_other_are_refused(home: Path) -> None:
    for one, other in (("one", "other"), ("other", "one")):
        (home / "scenarios" / "scenario" / f"{one}.yaml").write_text(f"defaults: [{other}, _self_]\nscenario: {{}}\n")
    with pytest.raises(PanjError) as raised:
        settled("scenario=one")
    assert raised.value.key.startswith("scenario=")


@pytest.mark.parametrize("content", ["1", "defaults:\nscenario: {}\n", "defaults: 5\n"])
def test_a_file_that_is_no_choice_is_refused(home: Path, content: str) -> None:
    (home / "configs" / "border" / "mine.yaml").write_text(content)
    write_scenario(home, content)
    for group in ("border", "scenario"):
        with pytest.raises(PanjError):
            settled(f"{group}=mine")


def test_a_policy_in_another_code_page_is_named(home: Path) -> None:
    path = home / "configs" / "border" / "mine.yaml"
    path.write_bytes("about: Müller\n".encode("latin-1"))
    with pytest.raises(PanjError) as raised:
        settled("border=mine")
    assert raised.value.key == str(path)


def test_a_policy_that_is_not_yaml_is_named(home: Path) -> None:
    (home / "configs" / "border" / "mine.yaml").write_text("about: [1")
    with pytest.raises(PanjError, match=r"mine\.yaml"):
        settled("border=mine")


def test_a_scenario_sets_numbers_by_set_scale_and_shift_alone(home: Path) -> None:
    write_scenario(home, "rules:\n  news: {fade_days: 3.0}\n")
    said = r"scenario=mine \(.*mine\.yaml line 3\): found 'rules', expected one of defaults, scenario"
    with pytest.raises(PanjError, match=said):
        settled("scenario=mine")


def test_a_key_that_no_scenario_has_is_refused(home: Path) -> None:
    write_scenario(home, "scenario: {scal: {news.fade_days: 3.0}}\n")
    with pytest.raises(PanjError, match=r"scenario\.scal"):
        settled("scenario=mine")


def test_a_scenario_that_leaves_a_range_is_named(home: Path) -> None:
    write_scenario(home, "scenario: {scale: {news.fade_days: 30.0}}\n")
    with pytest.raises(PanjError, match=r"rules\.news\.fade_days after scenario=mine: found 300\.0, expected"):
        settled("scenario=mine")


@pytest.mark.parametrize("name", ["Müller (Panj)", "a, b", "a=b", "a[1] #2", "O'Neill"])
def test_the_program_may_lie_in_any_folder(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    move_in(tmp_path / name, monkeypatch)
    assert settled("scenario=border_closed").choices["border"] == "closed"


def test_a_number_is_first_its_default_then_the_policys_then_the_scenarios_then_the_users(home: Path) -> None:
    (home / "configs" / "border" / "mine.yaml").write_text("set: {news.fade_days: 20.0}\n")
    write_scenario(home, "defaults: [override /border: mine]\nscenario: {scale: {news.fade_days: 2.0}}\n")
    assert settled().numbers[FADE] == declared_numbers()[FADE].value
    assert settled("border=mine").numbers[FADE] == 20.0
    assert settled("scenario=mine").numbers[FADE] == 40.0
    assert settled("scenario=mine", f"{FADE}=7").numbers[FADE] == 7.0
    assert settled(f"{FADE}=7", "scenario=mine").rules.news.fade_days == 7.0


def test_a_scenario_chooses_its_policies_and_the_command_line_chooses_last() -> None:
    assert settled("scenario=border_closed").choices["border"] == "closed"
    assert settled("scenario=border_closed", "border=open").choices["border"] == "open"
    assert settled("border=open", "scenario=border_closed").choices["border"] == "open"


def test_a_scenario_may_move_the_dates_and_the_command_line_moves_them_last(home: Path) -> None:
    write_scenario(home, 'start_date: "2021-06-01"\nend_date: "2021-07-01"\nscenario: {}\n')
    chosen = settled("scenario=mine")
    assert (chosen.start_date, chosen.end_date) == (date(2021, 6, 1), date(2021, 7, 1))
    assert settled("scenario=mine", "end_date=2021-07-10").end_date == date(2021, 7, 10)


def test_a_policy_strikes_events() -> None:
    names = {row.name for row in settled("air_support=continues").events}
    assert "bagram_handed_over" not in names
    assert "us_withdrawal_begins" in names


def test_a_policy_moves_an_event_and_leaves_the_rest_of_it() -> None:
    usual, early = (event(settled(f"mobilisation={name}"), "reservists_ordered") for name in ("as_reported", "early"))
    assert early.date == "2021-06-22"
    assert early == usual._replace(date=early.date, day=early.day)
    assert usual.day - early.day == 13


def test_a_scenario_adds_an_event(home: Path) -> None:
    row = "{date: 2021-06-02, act: set, condition: aid, value: 0.5, source: guess}"
    write_scenario(home, f"scenario: {{events: {{rain: {row}}}}}\n")
    chosen = settled("scenario=mine")
    added = event(chosen, "rain")
    assert (added.day, added.act, added.condition, added.value) == (32, "set", "aid", 0.5)
    acting = chosen.timeline
    assert (Act.SET, Condition.AID, 0.5) in zip(acting.act, acting.subject, acting.amount, strict=True)


def test_the_user_moves_an_event_last() -> None:
    chosen = settled("mobilisation=early", "timeline.events.reservists_ordered.date=2021-06-30")
    assert event(chosen, "reservists_ordered").date == "2021-06-30"


def test_the_user_deletes_an_event() -> None:
    assert "bagram_handed_over" not in {row.name for row in settled("~timeline.events.bagram_handed_over").events}


def test_events_that_only_tell_do_not_act() -> None:
    chosen = settled()
    telling = sum(row.act == "context" for row in chosen.events)
    assert telling > 0
    assert len(chosen.timeline.day) == len(chosen.events) - telling


def test_events_count_from_the_start_date() -> None:
    assert event(settled("start_date=2021-06-22"), "bagram_handed_over").day == 10


def test_a_post_changes_in_one_trait_alone() -> None:
    chosen = settled("+border.posts.tem.soldiers=0.25")
    assert chosen.posts == {"ishkashim": {"soldiers": 0.6}, "tem": {"soldiers": 0.25}}


def test_attention_goes_where_the_policy_says() -> None:
    north, nowhere = settled().layout.world.provinces.attention, settled("taliban=everywhere").layout.world.provinces
    assert np.ptp(nowhere.attention) == 0 < np.ptp(north)


def test_a_study_is_named_after_the_scenario_and_the_choices_that_differ_from_it() -> None:
    assert settled().study == "july_2021"
    assert settled("scenario=border_closed").study == "border_closed"
    assert settled("scenario=border_closed", "border=closed").study == "border_closed"
    assert settled("scenario=border_closed", "border=open").study == "border_closed__border-open"
    both = settled("air_support=continues", "morale=brittle")
    assert both.study == "july_2021__morale-brittle__air_support-continues"
    assert settled("border=closed", "study=mine").study == "mine"


def test_the_name_of_a_study_tells_that_something_else_was_changed() -> None:
    changed = settled(f"{FADE}=9", "end_date=2021-07-08").study
    assert re.fullmatch(r"july_2021__changed-[0-9a-f]{6}", changed)
    assert settled("end_date=2021-07-08", f"{FADE}=9", "seed=4").study == changed
    assert settled(f"{FADE}=8", "end_date=2021-07-08").study != changed


def test_the_fingerprint_tells_settings_apart_but_not_runs_and_seeds() -> None:
    usual = settled().fingerprint()
    assert re.fullmatch(r"[0-9a-f]{16}", usual)
    for same in ("runs=3", "seed=9", "study=mine", "results_dir=elsewhere"):
        assert settled(same).fingerprint() == usual, same
    for other in (
        "calibration=median",
        f"{FADE}=9.5",
        "border=closed",
        "end_date=2021-09-10",
        "timeline.events.aid_talks.value=0.3",
    ):
        assert settled(other).fingerprint() != usual, other


def test_a_default_that_is_typed_out_changes_no_fingerprint() -> None:
    typed_out = [f"{key}={row.value}" for key, row in declared_numbers().items()]
    assert settled(DECLARED, *typed_out).fingerprint() == settled(DECLARED).fingerprint()


def test_a_number_that_is_typed_out_is_no_longer_drawn() -> None:
    typed_out = f"{FADE}={declared_numbers()[FADE].value}"
    assert settled("calibration=prior", typed_out).fingerprint() != settled("calibration=prior").fingerprint()


@pytest.mark.parametrize("name", sorted(path.stem for path in (folder_of("scenarios") / "scenario").glob("*.yaml")))
def test_every_scenario_can_be_run_and_says_what_it_is(name: str) -> None:
    chosen = settled(f"scenario={name}")
    assert chosen.study == name
    assert chosen.title and chosen.about


def test_every_choice_of_every_group_can_be_combined_with_choices_of_the_others() -> None:
    choices = {group: compose.choices_of(group) for group in compose.GROUPS}
    for turn in range(max(map(len, choices.values()))):
        made = {group: names[turn % len(names)] for group, names in choices.items()}
        assert settled(*(f"{group}={name}" for group, name in made.items())).choices.items() >= made.items()


TOGETHER = [
    ["border=closed", "air_support=continues", "runs=7"],
    ["border=open", "scenario=call_answered", "morale=resilient", "reinforcement=none", "rules.news.fade_days=9"],
    ["timeline.events.us_withdrawal_begins.value=0.5", "taliban=everywhere", "mobilisation=early"],
    ["border=closed", "+border.set={news.fade_days: 4.0}", "morale=brittle"],
]


@pytest.mark.parametrize("words", TOGETHER, ids=" ".join)
def test_choices_that_are_put_together_are_what_hydra_composes_of_them(words: list[str]) -> None:
    composer = Composer(FACTS)
    composer.settings(["morale=commanders_stay", "border=room_limited"])  # others were composed before
    composer.settings(words)  # as a whole, if nothing like it was composed before
    made = composer.settings(words)
    config, chosen = compose_config([row for row in Overrides.of(words) if not row.is_number])
    whole = settle(config, chosen, Overrides.of(words), FACTS, made.outcomes_fingerprint)
    assert made.as_dict() == whole.as_dict()
    assert (made.study, made.title, made.runs, made.rules) == (whole.study, whole.title, whole.runs, whole.rules)


def test_choices_are_read_from_their_files_however_they_are_combined(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    composed = compose.compose_config
    monkeypatch.setattr(compose, "compose_config", lambda rows: asked.append(rows) or composed(rows))
    composer = Composer(FACTS)
    for border in ("open", "closed", "soldiers_only"):
        for morale in ("brittle", "resilient", "reported"):
            assert composer.settings([f"border={border}", f"morale={morale}"]).choices["border"] == border
    assert len(asked) == 1 + 1  # the first as a whole, the rest without choices


def test_a_choice_read_from_its_file_is_the_one_that_hydra_composes() -> None:
    found = {group: compose.choices_of(group) for group in compose.GROUPS}
    for place in range(max(map(len, found.values()))):
        chosen = {group: list(names)[place % len(names)] for group, names in found.items()}
        config, _ = compose.compose_config(tuple(Overrides.of([f"{group}={name}" for group, name in chosen.items()])))
        for group, name in chosen.items():
            assert compose.choice_alone(group, name) == config[group], (group, name)


def test_values_and_choices_are_joined_as_hydra_composes_them() -> None:
    words = ["border=closed", "morale=brittle", "runs=7", "timeline.events.bagram_handed_over.date=2021-07-03"]
    composer = Composer(FACTS)
    composer.settings(words)  # composed as a whole
    others = [*words[:1], "morale=resilient", *words[2:]]
    joined, whole = composer.settings(others), compose_settings(others)
    assert (joined.fingerprint(), joined.study, joined.choices) == (whole.fingerprint(), whole.study, whole.choices)
    assert (joined.runs, joined.events) == (7, whole.events)
    assert {event.name: event.day for event in joined.events}["bagram_handed_over"] == 63
    with pytest.raises(PanjError, match=r"^runs: "):
        composer.settings([*words[:2], "runs=many"])


def test_a_choice_that_says_something_outside_its_group_still_says_it(home: Path) -> None:
    (home / "configs" / "border" / "mine.yaml").write_text(
        "# @package _global_\nborder: {about: Mine}\nair_support: {set: {news.fade_days: 7.0}}\n", encoding="utf-8"
    )
    assert compose_settings(["border=mine", "morale=brittle"]).numbers[FADE] == 7.0


def test_of_two_choices_of_one_group_hydra_decides() -> None:
    assert compose_settings(["border=open", "border=closed", "morale=brittle"]).choices["border"] == "closed"


def test_what_is_wrong_with_one_of_several_choices_is_said_as_before() -> None:
    with pytest.raises(PanjError, match=r"border: found 'clsed', expected one of .* did you mean 'closed'"):
        compose_settings(["border=clsed", "morale=brittle"])


def test_what_is_sent_to_another_process_has_no_layout() -> None:
    settings = compose_settings([DECLARED])
    before = pickle.dumps(settings)
    rows = settings.layout.world.refugees.people.size
    assert len(pickle.dumps(settings)) == len(before) < rows
    sent = pickle.loads(pickle.dumps(settings))
    assert sent.fingerprint() == settings.fingerprint()
    assert sent.layout.world.refugees.people.size == rows
