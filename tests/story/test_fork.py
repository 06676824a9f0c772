"""A fork of a campaign: the same world to that evening, the same random draws after it, and only the change between."""

import csv
import json
import re
import shutil
from contextlib import nullcontext
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from board import TWO_PROVINCES, calm_rules, differences, facts_of, rules_with, timeline_of
from described import undescribed
from quick import DECLARED, no_figures

from sim import __main__ as command_line
from sim.__main__ import main
from sim.compare.pairs import judge
from sim.configuration.compose import Composer, compose_settings
from sim.configuration.draws import LAID_OUT
from sim.configuration.settings import Event
from sim.data.facts import read_facts
from sim.engine.campaign import Record, run_campaign
from sim.engine.layout import fresh, lay_out
from sim.engine.timeline import Timeline
from sim.engine.world import Act, Condition, World
from sim.errors import PanjError
from sim.execution.rerun import Origin, origin_of
from sim.memo.memo import command_of
from sim.options import Fork, read_request
from sim.outcome import read_outcomes
from sim.provenance import PYTHON, seal
from sim.story import branches
from sim.story import fork as forks
from sim.story.branches import (
    FOUNDING,
    OF_POSTS,
    Course,
    changed,
    copy_into,
    passed,
    run_branches,
    same_traits,
    standing,
    step_is_cold,
    still_to_come,
    turn_of,
    warm,
)
from sim.story.chronicle import LogEvent
from sim.story.fork import BRANCHES, name_of, open_fork, outcome_rows, verdict_rows
from sim.story.fork_story import (
    describe_event,
    describe_fork,
    first_difference,
    only_in,
    read_branches,
    together,
    two_stories,
)
from sim.study.reader import read_about, read_study
from sim.wording import language_of

SEED, DAYS, DAY = 4, 24, 9
WORDS = language_of()
NOISY = {"size_spread": 0.35, "resolve_unit": 0.5, "militia_share": 0.6, "first_gather_days": 2.0}
AT_WAR = calm_rules(founding=NOISY)
UNUSED = {"queues.behind", "queues.travelling"}  # rows beyond those in use may keep what was there before
GIVE_UP = calm_rules(founding=NOISY, parley={"intercept": 9.0}, retreat={"road_open": 0.0, "post_km": 500.0})


def layout_for(rules: Any, posts: Any = None) -> World:
    return lay_out(facts_of(TWO_PROVINCES), rules, {}, posts or {}).world


def course(rules: Any = AT_WAR, timeline: Timeline | None = None, posts: Any = None) -> Course:
    return Course(rules, timeline or timeline_of(), layout_for(rules, posts))


def ordinary(one: Course, days: int = DAYS) -> Any:
    return run_campaign(one.layout, one.rules, one.timeline, SEED, days)


def same_records(one: Record, other: Record, evenings: int) -> bool:
    return all(np.array_equal(here[:evenings], there[:evenings]) for here, there in zip(one, other, strict=True))


def test_as_it_went_is_the_ordinary_campaign_to_the_last_digit() -> None:
    before, _ = run_branches(course(), course(GIVE_UP), SEED, DAYS, DAY)
    expected = ordinary(course())
    assert same_records(before.record, expected.record, DAYS + 1)
    assert not differences(before.world, expected.world)


def test_both_branches_are_the_same_to_the_evening_of_the_fork_and_differ_after_it() -> None:
    before, after = run_branches(course(), course(GIVE_UP), SEED, DAYS, DAY)
    assert same_records(before.record, after.record, DAY + 1)
    assert not same_records(before.record, after.record, DAYS + 1)


def test_without_a_change_both_branches_are_the_same_to_the_last_digit() -> None:
    before, after = run_branches(course(), course(), SEED, DAYS, DAY)
    assert same_records(before.record, after.record, DAYS + 1)
    assert not differences(before.world, after.world)


def test_a_fork_on_day_0_is_the_ordinary_campaign_of_the_changed_rules() -> None:
    _, after = run_branches(course(), course(GIVE_UP), SEED, DAYS, 0)
    expected = ordinary(course(GIVE_UP))
    assert same_records(after.record, expected.record, DAYS + 1)
    assert not differences(after.world, expected.world)
    assert not same_records(after.record, ordinary(course()).record, DAYS + 1)


def test_a_fork_on_day_0_is_the_ordinary_campaign_of_a_closed_border() -> None:
    shut = {"post_1": {"soldiers": 0.0, "families": 0.0, "room": 0.5}}
    _, after = run_branches(course(GIVE_UP), course(GIVE_UP, posts=shut), SEED, DAYS, 0)
    expected = ordinary(course(GIVE_UP, posts=shut))
    assert not differences(after.world, expected.world)
    assert ordinary(course(GIVE_UP)).record.crossed.sum() > 0 == after.record.crossed.sum()


def test_a_border_that_closes_on_an_evening_keeps_who_has_come_and_lets_nobody_in_after() -> None:
    open_ = ordinary(course(GIVE_UP)).record.crossed.sum(axis=1)
    day = int(np.flatnonzero(open_)[0])
    before, after = run_branches(course(GIVE_UP), course(GIVE_UP, posts={"post_1": {"soldiers": 0.0}}), SEED, DAYS, day)
    assert after.record.crossed[: day + 1].sum() == before.record.crossed[: day + 1].sum() > 0
    assert after.record.crossed[day + 1 :].sum() == 0
    assert after.record.admitted.sum() > 0  # families are let in as before


def test_the_same_seed_gives_the_same_fork() -> None:
    one, other = (run_branches(course(), course(GIVE_UP), SEED, DAYS, DAY)[1] for _ in range(2))
    assert not differences(one.world, other.world)
    assert same_records(one.record, other.record, DAYS + 1)


def test_branches_in_used_worlds_are_those_in_new_ones() -> None:
    arguments = course(), course(GIVE_UP), SEED, DAYS, DAY
    worlds = fresh(course().layout), fresh(course().layout)
    run_branches(course(GIVE_UP), course(), SEED + 1, DAYS, DAY + 1, worlds=worlds)
    for one, other in zip(run_branches(*arguments), run_branches(*arguments, worlds=worlds), strict=True):
        assert set(differences(one.world, other.world)) <= UNUSED
        assert same_records(one.record, other.record, DAYS + 1)


def test_a_copy_of_a_world_shares_nothing_that_is_written() -> None:
    world = ordinary(course(), 3).world
    copy = fresh(world)
    copy_into(copy, world)
    assert not differences(world, copy)
    for name, group in world._asdict().items():
        traits = (
            zip(group, getattr(copy, name), strict=True) if isinstance(group, tuple) else [(group, getattr(copy, name))]
        )
        assert name == "roads" or not any(np.shares_memory(here, there) for here, there in traits), name


def test_conditions_follow_the_changed_timeline_only_after_the_evening() -> None:
    usual = [(0, Act.SET, Condition.AIR_COVER, 0.8), (6, Act.SET, Condition.AIR_COVER, 0.4)]
    before = course(timeline=timeline_of(*usual, (12, Act.SET, Condition.AIR_COVER, 0.0)))
    after = course(timeline=timeline_of(*usual, (DAY + 1, Act.SET, Condition.AIR_COVER, 0.7)))
    for days, there, here in ((DAY, 0.4, 0.4), (DAY + 1, 0.4, 0.7), (DAYS, 0.0, 0.7)):
        branches = run_branches(before, after, SEED, days, min(days, DAY))
        assert [branch.world.conditions[Condition.AIR_COVER] for branch in branches] == [there, here]


def event(name: str, day: int, value: float = 1.0, condition: str | None = "air_cover", act: str = "set") -> Event:
    return Event(name, day, "", act, condition, None if act == "set" else "Kabul", value, "planted", name)


def test_what_would_have_been_set_by_then_is_set_on_the_next_morning() -> None:
    before = (event("cover", 0), event("ends", 8, 0.0), event("order", 20, 5.0, "reservists_ordered"))
    after = (event("cover", 0), event("order", 4, 5.0, "reservists_ordered"))
    late = passed(before, after, DAY)
    assert {(one.condition, one.day, one.value) for one in late} == {
        ("air_cover", DAY + 1, 1.0), ("reservists_ordered", DAY + 1, 5.0),
    }  # fmt: skip
    assert still_to_come(before, after, DAY) == ()


def test_a_condition_that_no_event_sets_goes_back_to_what_stands_before_events() -> None:
    late = passed((event("help", 3, 0.25, "csto_help"),), (), DAY)
    assert [(one.condition, one.value) for one in late] == [("csto_help", 0.0)]
    assert standing((), DAY)["air_cover"].value == 1.0


def test_nobody_is_sent_twice_and_who_should_have_come_comes_the_next_morning() -> None:
    sent = event("sent", 5, 100.0, None, "reinforce")
    assert passed((sent,), (sent._replace(day=DAY + 5),), DAY) == ()
    assert still_to_come((sent,), (sent._replace(day=DAY + 5),), DAY) == ()
    assert passed((sent._replace(day=DAY + 5),), (sent,), DAY) == (sent._replace(day=DAY + 1),)


def test_events_still_to_come_follow_the_change() -> None:
    moved = event("ends", DAY + 7, 0.0)
    assert still_to_come((event("ends", DAY + 2, 0.0),), (moved,), DAY) == (moved,)
    assert passed((event("ends", DAY + 2, 0.0),), (moved,), DAY) == ()


def test_the_words_of_a_change_take_the_place_of_those_of_the_cell() -> None:
    words = changed(["runs=3", "border=open", "rules.news.fade_days=5"], ["border=closed", "rules.news.fade_days=9"])
    assert words.words == ("runs=3", "border=closed", "rules.news.fade_days=9")


@pytest.fixture(scope="module")
def composer() -> Composer:
    return Composer(read_facts())


def turn(composer: Composer, *changes: str, evening: date = date(2021, 7, 4)) -> Any:
    return turn_of([DECLARED], changes, evening, composer)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (["reinforcment=none"], "reinforcment: found an unknown key.*did you mean 'reinforcement'"),
        (["reinforcement=nun"], "reinforcement: found 'nun'.*did you mean 'none'"),
        (["news.fade_days=4"], "did you mean 'rules.news.fade_days'"),
        (["rules.news.fade_days=-4"], "rules.news.fade_days: found -4"),
        (["scenario=border_closed"], "scenario: found .*which applies to a whole campaign"),
        (["end_date=2021-08-01"], "end_date: found .*which applies to a whole campaign"),
        (["calibration=prior"], "calibration: found .*which applies to a whole campaign"),
        (["border=open,closed"], "border: found several values"),
        (["border=open", "border=closed"], "expected each key once"),
        (["timeline.events.bagram_handed_over.date=2021-08-01"], "had happened by the evening of 2021-07-04"),
        (["~timeline.events.bagram_handed_over"], "had happened by the evening of 2021-07-04"),
        (["timeline.events.reservists_ordered.date=2021-07-04"], "expected a date after the evening of 2021-07-04"),
        (["timeline.events.bagram_handed_ovr.date=2021-08-01"], "did you mean 'bagram_handed_over'"),
    ],
)
def test_what_cannot_change_is_named_before_anything_is_run(changes: list[str], said: str, composer: Composer) -> None:
    with pytest.raises(PanjError, match=said):
        turn(composer, *changes)


@pytest.mark.parametrize("key", sorted(LAID_OUT - OF_POSTS))
def test_a_number_that_decides_rows_or_roads_cannot_change(key: str, composer: Composer) -> None:
    with pytest.raises(PanjError, match=f"{key}: found a number that"):
        turn(composer, f"{key}=1")


def test_a_number_that_acts_on_day_0_alone_cannot_change(composer: Composer) -> None:
    with pytest.raises(PanjError, match=r"rules\.founding\.taliban_men: found a number that is used only on day 0"):
        turn(composer, "rules.founding.taliban_men=50000")


@pytest.mark.parametrize("evening", [date(2021, 4, 30), date(2021, 7, 8), date(2022, 1, 1)])
def test_an_evening_outside_the_campaign_is_named(evening: date, composer: Composer) -> None:
    with pytest.raises(PanjError, match=rf"day: found {evening}, expected a day from 2021-05-01 to 2021-07-07"):
        turn(composer, "border=closed", evening=evening)


def test_what_a_policy_does_on_day_0_is_left_as_it_was_and_said(composer: Composer) -> None:
    made = turn(composer, "morale=commanders_stay")
    assert set(made.left) == {"rules.founding.resolve_province", "rules.founding.resolve_district"}
    before, after = made.courses(SEED)
    assert after.rules.founding == before.rules.founding
    assert after.rules.morale != before.rules.morale


def test_a_policy_turns_posts_regions_conditions_and_rules(composer: Composer) -> None:
    closed = turn(composer, "border=closed")
    assert not same_traits(closed.before.layout.world, closed.after.layout.world)
    south = turn(composer, "taliban=south_first")
    assert not same_traits(south.before.layout.world, south.after.layout.world)
    covered = turn(composer, "air_support=continues")
    assert [(one.condition, one.value) for one in covered.late] == [("air_cover", 0.5)]
    timeline = covered.courses(SEED)[1].timeline
    cover = (timeline.day > covered.day) & (timeline.subject == Condition.AIR_COVER) & (timeline.act == Act.SET)
    assert [(timeline.day[row], timeline.amount[row]) for row in np.flatnonzero(cover)] == [(covered.day + 1, 0.5)]
    shifted = turn(composer, "morale=resilient").courses(SEED)
    assert shifted[0].rules.morale != shifted[1].rules.morale


def test_the_timeline_keeps_what_has_happened_and_its_order(composer: Composer) -> None:
    made = turn(composer, "timeline.events.reservists_ordered.date=2021-07-09", evening=date(2021, 7, 3))
    rows = {(one.name, one.date) for one in made.events}
    usual = {(one.name, one.date) for one in made.before.events}
    assert rows ^ usual == {("reservists_ordered", "2021-07-05"), ("reservists_ordered", "2021-07-09")}
    assert (np.diff(made.timeline.day) >= 0).all()


SHORT = ["end_date=2021-05-05", DECLARED, "runs=3", "seed=5"]


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three campaigns of four days, with air cover as it was."""
    folder = tmp_path_factory.mktemp("studies")
    patch = pytest.MonkeyPatch()
    patch.setattr(command_line, "drawing_apart", lambda: nullcontext(no_figures))
    assert main([*SHORT, f"results_dir={folder}", "study=three"]) == 0
    patch.undo()
    return folder / "three"


FORK = [
    "day=2021-05-02",
    "rules.advance.press_start=1",
    "rules.calls.threat_ratio=0",
]  # every threatened garrison calls


@pytest.fixture(scope="module")
def forked(study: Path) -> Path:
    """One campaign of it, forked."""
    assert main(["fork", str(study), *FORK, "name=pressed"]) == 0
    return study / "forks" / "pressed"


def test_a_study_with_the_dates_that_were_the_defaults_of_its_version_is_still_rerun(
    study: Path, composer: Composer, tmp_path: Path
) -> None:
    older = Path(shutil.copytree(study, tmp_path / "older"))
    about = read_about(older)
    words = [word for word in about["words"] if not word.startswith("end_date=")]
    assert len(words) < len(about["words"])
    (older / "about.json").write_text(json.dumps(seal({**about, "words": words, "command": "panj"})))
    found = origin_of(older, 0, composer)
    assert found.settings.end_date == read_study(older).last_day and found.overrides.words[-1].startswith("end_date=")
    assert command_of(read_study(older)) == f"panj {found.overrides.words[-1]}"
    assert origin_of(study, 0, composer).overrides.words == tuple(about["words"])


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def tables_of(folder: Path) -> dict[str, Any]:
    held = {name: pq.read_table(folder / name).to_pydict() for name in ("events.parquet", "days.parquet")}
    texts = [path for path in folder.iterdir() if path.suffix in (".json", ".csv", ".md")]
    return {**held, **{path.name: path.read_text(encoding="utf-8") for path in texts}}


def test_a_fork_of_free_campaigns_asks_no_question_of_worlds_and_one_of_worlds_is_told(forked: Path) -> None:
    about = json.loads((forked / "fork.json").read_text(encoding="utf-8"))
    assert about["question"] == ""
    language = language_of()
    free = read_branches(forked, language)
    asked = free._replace(about={**about, "question": "Other luck: ..."})
    assert set(describe_fork(asked, language)) - set(describe_fork(free, language)) == {"Other luck: ..."}


def test_as_it_went_has_the_evenings_of_the_study(study: Path, forked: Path) -> None:
    there = pq.read_table(study / "days.parquet", filters=[("seed", "==", 5)]).drop_columns(["run"])
    here = pq.read_table(forked / "days.parquet", filters=[("branch", "==", BRANCHES[0])])
    assert here.drop_columns(["branch", "run"]).to_pydict() == there.to_pydict()


def test_the_tables_agree_to_the_evening_and_outcomes_to_the_study(study: Path, forked: Path) -> None:
    sides = [pq.read_table(forked / "days.parquet", filters=[("branch", "==", branch)]) for branch in BRANCHES]
    pairs = [table.filter(pq.filters_to_expression([("date", "<=", datetime(2021, 5, 2))])) for table in sides]
    assert pairs[0].drop_columns(["branch"]).equals(pairs[1].drop_columns(["branch"]))
    assert not sides[0].drop_columns(["branch"]).equals(sides[1].drop_columns(["branch"]))
    runs = pq.read_table(study / "runs.parquet", filters=[("seed", "==", 5)]).to_pydict()
    for row in rows_of(forked / "outcomes.csv"):
        known = runs[row["outcome"]][0]
        said = known.date().isoformat() if isinstance(known, datetime) else f"{known or 0:.10g}"
        assert row["as_it_went"] == ("" if known is None else said)


def test_every_column_of_the_tables_of_forks_and_stories_is_described(study: Path, forked: Path) -> None:
    assert main(["fork", str(study), *FORK, "name=many", "runs=2"]) == 0
    assert main(["story", str(study), "seed=5"]) == 0
    for folder in (forked, study / "forks" / "many", study / "stories" / "cell_0_seed_5"):
        assert not undescribed(folder)
        days = pq.read_schema(folder / "days.parquet")
        assert days.field("troops_crossed").metadata[b"unit"] == b"soldiers"
        assert all(field.metadata[b"description"] for field in days)


def test_the_same_command_makes_the_same_fork(study: Path, forked: Path) -> None:
    before = tables_of(forked)
    assert main(["fork", str(study), *FORK, "name=pressed"]) == 0
    assert tables_of(forked) == before


def test_a_damaged_description_is_refused_under_a_chosen_name_and_written_again_under_the_default(
    study: Path, tmp_path: Path
) -> None:
    words = [str(study), "day=2021-05-02", "border=closed"]
    for damaged in (b"", b"{", b"[]", b"{}", b'{"fork_words": 3}', b"\xff"):
        (tmp_path / "fork.json").write_bytes(damaged)
        with pytest.raises(PanjError, match="name: found a damaged"):
            forks.refuse_other_fork(tmp_path, read_request(Fork, [*words, "name=mine"]))
        forks.refuse_other_fork(tmp_path, read_request(Fork, words))


def test_a_fork_is_told_as_one_roll_of_the_dice_with_its_first_difference(
    study: Path, forked: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["fork", str(study), *FORK, "name=pressed"]) == 0
    said = " ".join(capsys.readouterr().out.split())
    page = (forked / "fork.md").read_text()
    for text in (said, " ".join(page.split())):
        assert "one simulated campaign" in text
        assert re.search(r"The first event that differs is on [345] May 2021", text)
    assert "runs=50" in said
    assert (forked / "fork.png").stat().st_size > 10_000
    for branch in BRANCHES:
        assert "one of many possible campaigns" in (forked / f"story_{branch}.md").read_text()


@pytest.mark.parametrize("is_cold", [True, False])
def test_compiling_the_step_is_said_before_it_is_waited_for(
    study: Path, is_cold: bool, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(forks, "step_is_cold", lambda: is_cold)
    assert main(["fork", str(study), *FORK, "name=pressed"]) == 0
    said = capsys.readouterr().out
    assert ("Compiling the step of a day" in said) == is_cold
    assert said.find("Compiling the step") < said.index("Running 1 campaign")


def test_a_step_is_cold_until_numba_has_kept_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(branches, "compiled", True)
    monkeypatch.setattr(branches, "cache_folder", lambda: tmp_path)
    kept = tmp_path / "sim_0"
    kept.mkdir()
    (kept / f"campaign.live-113.{PYTHON}.nbi").touch()
    (kept / "campaign.step-131.py27.nbi").touch()
    assert step_is_cold()
    (kept / f"campaign.step-131.{PYTHON}.nbi").touch()
    assert not step_is_cold()
    monkeypatch.setattr(branches, "cache_folder", lambda: tmp_path / "elsewhere")
    assert step_is_cold()
    monkeypatch.setattr(branches, "compiled", False)
    assert not step_is_cold()


def test_warming_lives_nothing_in_the_layout() -> None:
    one = course()
    before = fresh(one.layout)
    warm(one)
    assert not differences(before, one.layout)


def test_another_fork_of_the_same_name_is_not_overwritten(
    study: Path, forked: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = tables_of(forked)
    assert main(["fork", str(study), "day=2021-05-02", "border=closed", "name=pressed"]) == 2
    assert "name: found another fork" in capsys.readouterr().err
    assert tables_of(forked) == before


def test_a_picture_of_a_fork_says_what_makes_it_again(forked: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["reproduce", str(forked / "fork.png")]) == 2
    assert f"python -m sim fork <folder of the study> {' '.join(FORK)}" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["day=2021-05-02", "border=as_reported"], "fork: found nothing that 'border=as_reported' changes after"),
        (["day=2021-05-02"], "fork: found no setting to change"),
        (["border=closed"], "day: found none"),
        (["day=May", "border=closed"], "day: found 'May'"),
        (["day=2021-05-05", "border=closed"], "day: found 2021-05-05"),
        (["day=2021-05-02", "border=closed", "seed=8"], "seed: found 8, expected a seed of the study, from 5 to 7"),
        (["day=2021-05-02", "border=closed", "cell=1"], "cell: found 1"),
        (["day=2021-05-02", "border=closed", "runs=0"], "runs: found '0'"),
        (["day=2021-05-02", "border=closed", "outcome=troops_crosed"], "did you mean 'troops_crossed'"),
        (["day=2021-05-02", "border=closed", "name=a/b"], "name: found 'a/b'"),
    ],
)  # fmt: skip
def test_a_command_that_cannot_be_followed_is_one_line_and_writes_nothing(
    study: Path, words: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    there = set(study.rglob("*"))
    assert main(["fork", str(study), *words]) == 2
    error = capsys.readouterr().err
    assert error.startswith("panj: ")
    assert error.count("\n") == 1
    assert said in error
    assert set(study.rglob("*")) == there


def test_a_policy_of_day_0_alone_changes_nothing(study: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["fork", str(study), "day=2021-05-02", "capacity=double_commandos"]) == 2
    assert f"{FOUNDING}commando_columns is used only on day 0" in capsys.readouterr().err


@pytest.fixture(scope="module")
def many(study: Path) -> Path:
    """Three campaigns of it, forked, under the default name."""
    assert main(["fork", str(study), *FORK, "runs=3", "outcome=troops_holding,share_held_by_taliban_2021_05_05"]) == 0
    request = read_request(Fork, [str(study), *FORK, "runs=3"])
    return study / "forks" / name_of(request, open_fork(request))


def test_many_seeds_are_judged_as_compare_judges_them(many: Path) -> None:
    rows = {row["outcome"]: row for row in rows_of(many / "verdicts.csv")}
    assert list(rows) == ["troops_holding", "share_held_by_taliban_2021_05_05"]
    days = pq.read_table(many / "days.parquet").to_pydict()
    last = [at for at, day in enumerate(days["date"]) if day == datetime(2021, 5, 5)]
    held = {
        branch: np.array([days["share_held_by_taliban"][at] for at in last if days["branch"][at] == branch], float)
        for branch in BRANCHES
    }
    expected = judge(held["changed"], held["as_it_went"])
    row = rows["share_held_by_taliban_2021_05_05"]
    assert int(row["worlds"]) == 3 == expected.worlds
    assert float(row["mean_difference"]) == pytest.approx(expected.mean_difference, rel=1e-12)
    assert [float(row[key]) for key in ("mean_low", "mean_high")] == pytest.approx(expected[2:4], rel=1e-12)
    assert row["sentence"].startswith('With the change, "Districts held by the Taliban on')
    page = (many / "fork.md").read_text()
    assert row["sentence"] in page
    assert "Seeds 5 to 7" in page


def test_seeds_do_not_know_of_each_other(study: Path, many: Path) -> None:
    main(["fork", str(study), *FORK, "seed=6", "name=alone"])
    alone = pq.read_table(study / "forks" / "alone" / "days.parquet")
    kept = pq.read_table(many / "days.parquet", filters=[("seed", "==", 6)])
    assert kept.to_pydict() == alone.to_pydict()


def test_outcomes_side_by_side_with_a_date_that_did_not_come() -> None:
    settings = compose_settings([DECLARED])
    table = [row for row in read_outcomes(settings.facts, settings.start_date, settings.days)
             if row.name in ("first_capital_fell", "troops_crossed")]  # fmt: skip
    before = {"first_capital_fell": "2021-07-20", "troops_crossed": 900.0}
    pairs = [(before, {"first_capital_fell": fell, "troops_crossed": 100.0}) for fell in (None, "2021-07-25")]
    first, second = ({row["outcome"]: row for row in outcome_rows(table, pair, settings.start_date)} for pair in pairs)
    assert first["first_capital_fell"]["difference"] == ""
    assert second["first_capital_fell"]["difference"] == "5"
    assert first["troops_crossed"]["difference"] == "-800"
    origin = Origin(Path(), {"study": "planted"}, None, (), settings)  # type: ignore[arg-type]
    rows = {row["outcome"]: row for row in verdict_rows(table, pairs, [1, 2], origin, "planted")}
    never = (settings.end_date + timedelta(days=1) - date(2021, 7, 20)).days
    assert rows["first_capital_fell"]["mean_difference"] == (never + 5) / 2
    assert rows["troops_crossed"]["mean_difference"] == -800


def happening(kind: str, men: int = 1, who: str = "tem") -> LogEvent:
    return LogEvent(date(2021, 7, 4), kind, "AF1701", "Fayzabad", "Badakhshan", who, men, "none", "none")


def test_the_first_event_that_differs_is_found_each_as_often_as_it_is_missing(forked: Path) -> None:
    call, answer = happening("call"), happening("answer", 50)
    assert only_in([call, call, answer], [call]) == (call, answer)
    assert only_in([call], [call, answer]) == ()
    branches = read_branches(forked, WORDS)
    found = first_difference(branches.before, branches.after)
    assert found is not None
    assert found.day > branches.evening
    assert found.before != found.after
    assert first_difference(branches.before, branches.before) is None


def test_men_of_one_fate_at_one_post_are_counted_together() -> None:
    rows = [happening("crossing", 41), happening("crossing", 9), happening("crossing", 5, "shohon")]
    assert [describe_event(one, WORDS) for one in together(rows)] == [
        "50 soldiers crossed at Tem", "5 soldiers crossed at Shohon",
    ]  # fmt: skip


def test_two_stories_tell_once_what_both_have(forked: Path) -> None:
    branches = read_branches(forked, WORDS)
    days, _ = two_stories(branches, WORDS)
    assert days
    for day in days:
        assert day.before or day.after
        assert not set(day.before) & set(day.after)
        assert not set(day.both) & {*day.before, *day.after}
    assert two_stories(branches._replace(after=branches.before), WORDS)[0] == []


def test_a_fork_that_mattered_to_nobody_says_so(study: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["fork", str(study), "day=2021-05-02", "rules.reserves.ramp_days=17.5", "name=idle"]) == 0
    assert WORDS.say("fork_same") in " ".join(capsys.readouterr().out.split())
    about = json.loads((study / "forks" / "idle" / "fork.json").read_text())
    assert about["changes"] == ["rules.reserves.ramp_days=17.5"]


def test_rules_of_boards_differ_where_the_tests_say_so() -> None:
    assert rules_with() != AT_WAR != GIVE_UP
