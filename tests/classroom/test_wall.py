"""Claims on what the wall and a student are shown: no names unless wanted, nobody ranked, numbers in words."""

import json
import math

import pytest

from sim.classroom.choice.fields import POLICIES, chosen_in, describe_choice, overrides_for
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
from sim.classroom.texts import texts_of
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
    key = "" if name.endswith("North") else "KEYKEYKE"  # the team in the north is a student alone
    return Team(letter, name, key, (Member(1, f"Nickname of {name}"),), {1: Sent(claim, "", 0)} if claim else {})


def room(names_shown=False, answers=ANSWERS):
    teams = (
        team("A", "Secret North", Claim(OPEN_BORDER, 500.0, 900.0)),
        team("B", "Secret South", None),
        team("C", "Secret East", Claim(CLOSED_BORDER, -25.0, -15.0)),
        team("D", "Secret West", Claim(CLOSED_BORDER, -100.0, 0.0)),
    )
    return Room(Session("FKMRWX", "", False, names_shown), teams, (question(),), {1: dict(answers)})


def board(answers=ANSWERS, names_shown=False, about=EFFECT, outcome="crossed", finished=None):
    return wall.board_of(room(names_shown, answers).on_the_wall(), question(about, outcome), finished or {})


def test_the_wall_shows_letters_unless_the_teacher_wants_names():
    shown = json.dumps(board())
    assert "Secret" not in shown and "Nickname" not in shown
    named = json.dumps(board(names_shown=True))
    assert "C Secret East" in named and "Nickname" not in named and "Secret North" not in named


def test_each_choice_has_a_row_with_its_teams_whatever_they_scored():
    rows = board()["rows"]
    assert [row["teams"] for row in rows] == [["A"], ["C", "D"]]
    assert [row["name"] for row in rows] == [describe_choice(OPEN_BORDER), describe_choice(CLOSED_BORDER)]
    assert [(one["letter"], one["from"], one["to"]) for one in rows[1]["ranges"]] == [("C", -25, -15), ("D", -100, 0)]


@pytest.mark.parametrize("about", [EFFECT, OUTCOME])
def test_no_row_has_a_campaign_of_another_choice(about):
    for row in board(about=about)["rows"]:
        (answer,) = [answer for choice, answer in ANSWERS.items() if " ".join(choice.words) == row["key"]]
        assert tuple(row["dots"]) == (answer.effects if about == EFFECT else answer.values)


def test_outcomes_are_shown_next_to_decisions_as_reported_and_to_the_reported_figure():
    found = board(about=OUTCOME)
    assert found["rows"][0]["name"] == describe_choice(BASELINE) and len(found["rows"]) == 3
    assert found["reported"] == {"value": 1587} and not found["zero"] and "F039" in found["foot"]


@pytest.mark.parametrize("chart", [board, lambda: own(CLOSED_BORDER)], ids=["wall", "student"])
def test_a_reported_total_is_said_below_differences_as_a_total_and_not_drawn_among_them(chart):
    found = chart()
    assert found["reported"] is None and found["zero"]
    said = found.get("foot") or found["note"]
    total = texts_of("class").say("reported_total", None, reported=describe_reported(SOLDIERS))
    assert "F039" in total and said.endswith(total)


def test_an_effect_is_named_only_where_its_interval_keeps_clear_of_zero():
    near = ANSWERS | {CLOSED_BORDER: ANSWERS[CLOSED_BORDER]._replace(low=-30.0, high=5.0)}
    assert "soldiers lower" in board()["rows"][1]["found"] and board()["rows"][1]["mean"] == [-30, -10]
    assert "soldiers" not in board(near)["rows"][1]["found"] and board(near)["rows"][1]["mean"] == [-30, 5]


def test_shares_are_drawn_in_per_cent():
    shares = {overrides: answer._replace(values=(0.25, 0.5), effects=(0.1, 0.2), mean=0.15, low=0.1, high=0.2)
              for overrides, answer in ANSWERS.items()}  # fmt: skip
    chart = board(shares, outcome="held")
    assert chart["rows"][0]["dots"] == pytest.approx([10, 20]) and chart["rows"][0]["mean"] == pytest.approx([10, 20])
    assert "percentage points" in chart["unit"]


def test_dots_come_while_campaigns_run_and_nothing_is_concluded_from_them():
    rows = board(answers={}, finished={CLOSED_BORDER: (-10.0, -20.0)})["rows"]
    assert [row["dots"] for row in rows] == [[], [-10, -20]]
    assert {(row["found"], row["mean"]) for row in rows} == {("", None)}
    assert [row["ranges"] for row in rows] == [row["ranges"] for row in board()["rows"]]


def test_what_is_drawn_is_sent_to_browsers_that_know_no_nan():
    answers = ANSWERS | {OPEN_BORDER: failed("no room")}
    for about in (EFFECT, OUTCOME):
        chart = board(answers, about=about)
        json.dumps(chart, allow_nan=False)
        (row,) = [row for row in chart["rows"] if row["teams"] == ["A"]]
        assert row["dots"] == [] and row["found"] == "no value" and row["mean"] is None
    json.dumps(own(CLOSED_BORDER), allow_nan=False)


def own(choice, claim=None):
    claim = claim or Claim(choice, -25.0, -15.0)
    place = Place(Session("FKMRWX", "", False, True), Seat("Anna", "C", "East", "", 1), question(), Sent(claim, "", 0),
                  ANSWERS[choice])  # fmt: skip
    return wall.own_ranges(place, question())


def test_a_student_is_drawn_alone():
    (row,) = own(CLOSED_BORDER)["rows"]
    assert row["letter"] == "C" and row["verdict"] == "too near an end to tell"


def test_a_row_has_the_range_and_the_interval_and_says_where_the_effect_lies():
    (row,) = own(OPEN_BORDER, Claim(OPEN_BORDER, 500.0, 900.0))["rows"]
    assert (row["from"], row["to"], row["low"], row["middle"], row["high"]) == (500, 900, 30, 30, 30)
    assert row["verdict"] == "below the range" and "30 soldiers higher" in row["summary"]


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


def test_an_axis_of_counts_is_said_to_have_whole_numbers_alone():
    assert board()["whole"] and not board({}, outcome="held")["whole"]
