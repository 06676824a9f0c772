"""Claims on what the wall and a student are shown: no names unless wanted, nobody ranked, numbers in words."""

import json
import math

import pytest

from sim.classroom.choice.fields import POLICIES, chosen_in, describe_choice, overrides_for
from sim.classroom.reading import to_plain
from sim.classroom.sessions import wall
from sim.classroom.sessions.claims import EFFECT, OUTCOME, Answer, Claim, failed, score_of
from sim.classroom.sessions.session import ANSWERED, Member, Place, Question, Room, Seat, Sent, Session, Team
from sim.classroom.sessions.wall import (
    describe_claim,
    describe_one_campaign,
    describe_reported,
    describe_score,
    describe_tally,
)
from sim.configuration.overrides import BASELINE, Overrides
from sim.errors import PanjError
from sim.study.reader import Measure

SOLDIERS = Measure("crossed", "Soldiers who crossed", "soldiers", False,
                   {"value": 1587.0, "low": 1500.0, "high": 1600.0, "evidence": "F039"})  # fmt: skip
SHARE = Measure("held", "Districts held", "share", False, {"value": None, "low": 0.3, "high": None, "evidence": "F012"})
SILENT = SOLDIERS._replace(reported={"value": None, "low": None, "high": None, "evidence": ""})
CLOSED_BORDER, OPEN_BORDER, NEWS = (
    Overrides.of([text]) for text in ("border=closed", "border=open", "rules.news.fade_days=5.0")
)
ANSWERS = {
    BASELINE: Answer((10.0, 20.0, 30.0), (0.0, 0.0, 0.0), 0, 0.0, 0.0, 0.0, "as declared"),
    CLOSED_BORDER: Answer((0.0, 0.0, 0.0), (-10.0, -20.0, -30.0), 0, -20.0, -30.0, -10.0, "as declared"),
    OPEN_BORDER: Answer((40.0, 50.0, 60.0), (30.0, 30.0, 30.0), 0, 30.0, 30.0, 30.0, "as declared"),
}


@pytest.fixture(autouse=True)
def measures(monkeypatch):
    monkeypatch.setattr("sim.classroom.sessions.session.offered", lambda: {"crossed": SOLDIERS, "held": SHARE})
    monkeypatch.setattr("sim.classroom.sessions.wall.beyond_the_record", lambda: {"held"})


def question(about=EFFECT, outcome="crossed"):
    return Question(1, outcome, about, BASELINE, False, 3, ANSWERED)


def team(letter, name, claim):
    return Team(letter, name, "", (Member(1, f"Nickname of {name}"),), {1: Sent(claim, "", 0)} if claim else {})


def room(names_shown=False, answers=ANSWERS):
    teams = (
        team("A", "Secret North", Claim(OPEN_BORDER, 500.0, 900.0)),
        team("B", "Secret South", None),
        team("C", "Secret East", Claim(CLOSED_BORDER, -25.0, -15.0)),
        team("D", "Secret West", Claim(CLOSED_BORDER, -100.0, 0.0)),
    )
    return Room(Session("FKMRWX", "", False, names_shown), teams, (question(),), {1: dict(answers)})


def test_the_wall_shows_letters_unless_the_teacher_wants_names():
    shown = json.dumps(wall.ranges_of(room(), question()))
    assert "Secret" not in shown and "Nickname" not in shown
    named = json.dumps(wall.ranges_of(room(names_shown=True), question()))
    assert "C Secret East" in named and "Nickname" not in named


def test_teams_are_in_the_order_of_letters_whatever_they_scored():
    assert [row["letter"] for row in wall.ranges_of(room(), question())["rows"]] == ["A", "C", "D"]


def test_a_row_has_the_range_and_the_interval_and_says_where_the_effect_lies():
    first, second, _ = wall.ranges_of(room(), question())["rows"]
    assert (first["from"], first["to"], first["low"], first["middle"], first["high"]) == (500, 900, 30, 30, 30)
    assert first["verdict"] == "below the range" and "30 soldiers higher" in first["summary"]
    assert second["verdict"] == "too near an end to tell"


def test_shares_are_drawn_in_per_cent():
    shares = {overrides: answer._replace(values=(0.25, 0.5), effects=(0.1, 0.2), mean=0.15, low=0.1, high=0.2)
              for overrides, answer in ANSWERS.items()}  # fmt: skip
    chart = wall.ranges_of(room(answers=shares), question(outcome="held"))
    assert chart["rows"][0]["middle"] == pytest.approx(15)
    assert "percentage points" in chart["unit"]


def test_a_choice_of_two_teams_counts_once_in_the_distribution():
    reading = wall.pooled_of(room(), question(), OUTCOME).reading
    assert "6 campaigns of 2 choices" in reading.summary
    assert sum(reading.changed.bars) == pytest.approx(1) and sum(reading.base.bars) == pytest.approx(1)
    assert reading.mark[:3] == (1587, 1500, 1600)
    assert any("F039" in note for note in reading.notes)


def test_effects_have_a_zero_and_no_reported_figure():
    reading = wall.pooled_of(room(), question(), EFFECT).reading
    assert reading.zero and reading.mark is None and reading.changed is None
    assert reading.edges[0] < -30 and reading.edges[-1] > 30


def test_before_there_is_an_answer_there_is_nothing_to_draw():
    assert wall.pooled_of(room(answers={}), question(), EFFECT) is None
    assert wall.ranges_of(room(answers={}), question())["rows"] == []


def test_what_is_drawn_is_sent_to_browsers_that_know_no_nan():
    answers = ANSWERS | {OPEN_BORDER: failed("no room")}
    chart = wall.ranges_of(room(answers=answers), question())
    json.dumps(chart, allow_nan=False)
    assert chart["rows"][0]["low"] is None and chart["rows"][0]["verdict"] == "no value"
    json.dumps(to_plain(wall.pooled_of(room(answers=answers), question(), OUTCOME).reading), allow_nan=False)


def test_a_student_is_drawn_alone():
    claim = Claim(CLOSED_BORDER, -25.0, -15.0)
    place = Place(Session("FKMRWX", "", False, True), Seat("Anna", "C", "East", "", 1), question(), Sent(claim, "", 0),
                  ANSWERS[CLOSED_BORDER])  # fmt: skip
    assert [row["letter"] for row in wall.own_ranges(place, question())["rows"]] == ["C"]


def test_a_claim_is_said_with_its_confidence():
    said = describe_claim(Claim(CLOSED_BORDER, -300.0, -100.0, 0.8), EFFECT, SOLDIERS)
    assert "80 %" in said and "100 to 300 soldiers lower" in said
    said = describe_claim(Claim(BASELINE, 0.2, 0.4), OUTCOME, SHARE)
    assert "20 % to 40 %" in said and "90 %" in said


def test_what_was_reported_is_said_with_its_evidence_or_that_there_is_nothing():
    assert describe_reported(SOLDIERS) == "Reported: 1,587 soldiers, between 1,500 and 1,600 soldiers (evidence F039)."
    assert describe_reported(SHARE) == "Reported: at least 30 % (evidence F012)."
    assert describe_reported(SILENT) == "Nothing was reported to compare it with."


def test_a_score_is_explained_with_width_and_penalty():
    claim = Claim(OPEN_BORDER, 50.0, 90.0)
    answer = ANSWERS[OPEN_BORDER]
    told = " ".join(describe_score(claim, EFFECT, answer, SOLDIERS, score_of(claim, EFFECT, answer)))
    for part in (
        "30 soldiers higher",
        "is 20 soldiers below",
        "440 soldiers",
        "40 soldiers",
        "400 soldiers",
        "20 for each",
    ):
        assert part in told
    assert "no room" in " ".join(describe_score(claim, EFFECT, failed("no room"), SOLDIERS, None))


@pytest.mark.parametrize("about", [EFFECT, OUTCOME])
@pytest.mark.parametrize("low", [-100.0, 20.0, 0.0, 29.0, 200.0])
def test_every_verdict_has_words(about, low):
    claim = Claim(OPEN_BORDER, low, low + 60.0, 0.5)
    for answer in ANSWERS.values():
        score = score_of(claim, about, answer)
        assert describe_score(claim, about, answer, SOLDIERS, score)
        assert math.isfinite(score.total)
        row = wall.row_of("A", "A", claim, about, answer, SOLDIERS)
        assert all(row["cells"])


def test_a_class_is_told_how_many_ranges_held():
    assert describe_tally([], EFFECT) == ""
    told = describe_tally(wall.scored_in(room(), question()), EFFECT)
    assert "2 of 3 ranges" in told and "2.7" in told
    told = describe_tally(wall.scored_in(room(), question(OUTCOME)), OUTCOME)
    assert "33 %" in told and "90 %" in told


def test_decisions_become_words_and_come_back():
    given = {"border": "closed", "reinforcement": "as_reported", "morale": "brittle"}
    overrides = overrides_for(given, NEWS)
    assert set(overrides.words) == {"border=closed", "morale=brittle", "rules.news.fade_days=5.0"}
    assert chosen_in(overrides)["border"] == "closed" and chosen_in(overrides)["reinforcement"] == "as_reported"
    assert overrides.without(POLICIES) == NEWS
    assert overrides_for({"border": "as_reported", "morale": "reported"}, overrides) == NEWS


def test_a_scenario_is_overruled_by_a_decision():
    closed = Overrides.of(["scenario=border_closed"])
    overrides = overrides_for({"border": "open"}, closed)
    assert chosen_in(overrides)["border"] == "open"
    assert chosen_in(closed)["border"] == "closed"


def test_a_decision_that_there_is_not_is_refused():
    with pytest.raises(PanjError, match="nowhere"):
        overrides_for({"border": "nowhere"}, BASELINE)


def test_a_choice_is_said_in_the_words_of_the_form():
    assert describe_choice(BASELINE) == "decisions as reported"
    assert "Closed" in describe_choice(CLOSED_BORDER)


def test_a_question_past_the_record_says_so():
    assert "beyond the record" not in wall.title_of(question())
    assert "beyond the record" in wall.title_of(question(outcome="held"))


def test_an_outcome_that_is_no_more_still_has_its_name():
    assert "vanished_outcome" in wall.title_of(question(outcome="vanished_outcome"))


def test_one_campaign_is_shown_next_to_nine_in_ten():
    said = describe_one_campaign(ANSWERS[CLOSED_BORDER], EFFECT, SOLDIERS)
    assert "gives 10 soldiers lower" in said and "29 soldiers lower" in said
    assert "gives 40 soldiers" in describe_one_campaign(ANSWERS[OPEN_BORDER], OUTCOME, SOLDIERS)
