"""The seven scenes in a class session: who may move it and send, what is kept, and what the wall shows."""

import json
from itertools import pairwise
from types import SimpleNamespace

import numpy as np
import pytest
from planted import ANNA, BORIS, CYRUS, OUTCOME, TEACHER, opened, refusal
from starlette.applications import Starlette
from starlette.routing import Route
from starlette.testclient import TestClient

from sim.classroom import notices
from sim.classroom import scenes as served
from sim.classroom.gate import BROWSER, Gate, Room
from sim.classroom.once import OnceCache
from sim.classroom.pages import projector, teacher
from sim.classroom.parts.in_class.scenes_clock import csv_of_sentences
from sim.classroom.sessions.claims import Refused
from sim.classroom.sessions.register import Register
from sim.classroom.sessions.scenes import (
    BRACKET,
    CAMPAIGN,
    DRAWING,
    SENTENCE,
    Campaigns,
    ClassScenes,
    Done,
    Outline,
    campaign_of,
    read_done,
)
from sim.classroom.sessions.scenes_wall import holds, scene_on_the_wall
from sim.classroom.sessions.storage import OF_MEMBER
from sim.errors import PanjError
from sim.explorable.content import SCENES
from sim.explorable.encoding import Course, packed
from sim.study.files import Dialect

DAYS, DISTRICTS, POSTS, RUNS = 68, 399, 13, 50
DECISIONS = ("border=closed", "taliban=no_parley")
OUTLINE = Outline(DAYS, DISTRICTS, DECISIONS)
LINE = tuple(np.linspace(31, 200, DAYS).round(1).tolist())
PLACE = {name: row for row, name in enumerate(SCENES)}
HOST = "http://127.0.0.1:8765"


@pytest.fixture
def scenes(register):
    return ClassScenes(register)


@pytest.fixture
def code(register, scenes):
    """A session in the first scene, which Anna and Boris have joined."""
    code, _ = register.open_session(TEACHER)
    register.join(code, ANNA, "Anna")
    register.join(code, BORIS, "Boris", "North")
    scenes.begin(code, TEACHER)
    return code


def works(scenes, code):
    return {one.letter: one for one in scenes.gathered(code, TEACHER)}


def test_the_class_is_where_its_teacher_has_moved_it(register, scenes, code):
    assert scenes.walk(code, ANNA).scene == register.place(code, ANNA).scene == register.room(code, TEACHER).scene == 0
    scenes.move(code, TEACHER, 3)
    assert scenes.walk(code, BORIS).scene == register.place(code, BORIS).scene == 3
    assert refusal(scenes.move, code, TEACHER, 7) == refusal(scenes.move, code, TEACHER, -1) == "no_such_scene"
    scenes.stop(code, TEACHER)
    assert register.place(code, ANNA).scene is None and refusal(scenes.walk, code, ANNA) == "no_scenes"
    assert refusal(scenes.move, code, TEACHER, 1) == "no_scenes"


@pytest.mark.parametrize("who", [ANNA, CYRUS])
def test_nobody_else_moves_the_class_or_sees_what_it_did(scenes, code, who):
    for act in (scenes.begin, scenes.stop, scenes.gathered):
        assert refusal(act, code, who) == "not_teacher"
    assert refusal(scenes.move, code, who, 1) == "not_teacher" and scenes.walk(code, ANNA).scene == 0


def test_who_has_no_seat_neither_follows_nor_sends(register, scenes, code):
    other, _ = register.open_session(CYRUS)
    scenes.begin(other, CYRUS)
    for session in (code, other):
        assert refusal(scenes.walk, session, CYRUS) == refusal(scenes.keep, session, CYRUS, Done(CAMPAIGN)) == "no_seat"
    assert refusal(scenes.walk, "FFFFFF", ANNA) == "no_session"
    assert refusal(scenes.keep, other, ANNA, Done(CAMPAIGN)) == "no_seat" and not scenes.gathered(other, CYRUS)


def test_nothing_is_sent_ahead_of_the_class(scenes, code):
    for done, name in (
        (Done(DRAWING, "", LINE), "draw"),
        (Done(CAMPAIGN), "run"),
        (Done(BRACKET, *bracket()), "decision"),
    ):
        scenes.move(code, TEACHER, PLACE[name] - 1)
        assert refusal(scenes.keep, code, ANNA, done) == "scene_ahead"
        scenes.move(code, TEACHER, PLACE[name])
        scenes.keep(code, ANNA, done)
    found = works(scenes, code)["A"]
    assert found.drawing == LINE and found.has_run and found.brackets == {DECISIONS[0]: (-20.0, 10.0)}


def bracket(low=-20.0, high=10.0, decision=DECISIONS[0]):
    return decision, (low, high)


def test_what_was_locked_is_never_replaced(scenes, code):
    scenes.move(code, TEACHER, 6)
    for done, is_kept in (
        (Done(DRAWING, "", LINE), True),
        (Done(DRAWING, "", LINE[::-1]), False),
        (Done(DRAWING, "", LINE), True),
        (Done(BRACKET, *bracket()), True),
        (Done(BRACKET, *bracket(0.0)), False),
        (Done(CAMPAIGN), True),
        (Done(CAMPAIGN), True),
    ):
        assert scenes.keep(code, ANNA, done) == is_kept
    found = works(scenes, code)["A"]
    assert found.drawing == LINE and found.brackets == {DECISIONS[0]: (-20.0, 10.0)}


def test_nothing_is_drawn_after_the_own_campaign_was_seen(scenes, code):
    scenes.move(code, TEACHER, 6)
    scenes.keep(code, ANNA, Done(CAMPAIGN))
    assert refusal(scenes.keep, code, ANNA, Done(DRAWING, "", LINE)) == "campaign_seen"
    scenes.keep(code, BORIS, Done(DRAWING, "", LINE))
    scenes.keep(code, BORIS, Done(CAMPAIGN))
    assert scenes.keep(code, BORIS, Done(DRAWING, "", LINE)), "it is sent again by a page that is loaded again"
    found = works(scenes, code)
    assert found["A"].drawing == () and found["B"].drawing == LINE


def test_no_bracket_is_set_after_the_wall_has_shown_its_pairs(scenes, code):
    scenes.move(code, TEACHER, PLACE["decision"])
    scenes.keep(code, ANNA, Done(BRACKET, *bracket()))
    scenes.show_pairs(code, TEACHER, DECISIONS)
    assert scenes.shown(code, TEACHER) == DECISIONS[:1], "nobody has a bracket for the other"
    for place in (PLACE["decision"], PLACE["claim"]):
        scenes.move(code, TEACHER, place)
        assert refusal(scenes.keep, code, BORIS, Done(BRACKET, *bracket())) == "pairs_seen"
    assert scenes.keep(code, ANNA, Done(BRACKET, *bracket())), "what was set before is kept"
    scenes.keep(code, BORIS, Done(BRACKET, *bracket(decision=DECISIONS[1])))
    found = works(scenes, code)
    assert list(found["B"].brackets) == [DECISIONS[1]] and list(found["A"].brackets) == [DECISIONS[0]]


def test_pairs_that_were_shown_are_told_to_the_pages_and_outlive_a_restart_but_not_a_new_beginning(
    register, scenes, code
):
    scenes.move(code, TEACHER, PLACE["decision"])
    scenes.keep(code, ANNA, Done(BRACKET, *bracket()))
    assert scenes.walk(code, BORIS).shown == ()
    scenes.show_pairs(code, TEACHER, DECISIONS)
    again = ClassScenes(Register(register.storage.path, lambda _: None, lambda: [OUTCOME]))
    assert again.walk(code, BORIS).shown == again.shown(code, TEACHER) == DECISIONS[:1]
    scenes.begin(code, TEACHER)
    assert scenes.walk(code, BORIS).shown == ()
    scenes.move(code, TEACHER, PLACE["decision"])
    scenes.keep(code, BORIS, Done(BRACKET, *bracket()))


@pytest.mark.parametrize("who", [ANNA, CYRUS])
def test_nobody_else_says_that_pairs_were_shown(scenes, code, who):
    assert refusal(scenes.show_pairs, code, who, DECISIONS) == refusal(scenes.shown, code, who) == "not_teacher"


def test_a_student_who_left_or_was_removed_is_not_on_the_wall(register, scenes, code):
    scenes.move(code, TEACHER, 6)
    for who in (ANNA, BORIS):
        scenes.keep(code, who, Done(DRAWING, "", LINE))
    register.leave(code, ANNA)
    assert list(works(scenes, code)) == ["B"]
    number = register.room(code, TEACHER).teams[0].members[0].number
    register.remove(code, TEACHER, number)
    assert not works(scenes, code) and refusal(scenes.walk, code, BORIS) == "no_seat"
    with register.storage.reading() as act:
        assert act.execute("SELECT COUNT(*) FROM scene_work").fetchone()[0] == 0


def test_who_joins_after_a_student_left_has_another_attempt_and_sends_nothing_of_the_old_one(register, scenes, code):
    scenes.move(code, TEACHER, 3)
    before = scenes.walk(code, BORIS)
    register.leave(code, BORIS)
    register.join(code, BORIS, "Boris")
    after = scenes.walk(code, BORIS)
    assert after.work.member == before.work.member and after.attempt != before.attempt, "the id is used again"
    assert refusal(scenes.keep, code, BORIS, Done(CAMPAIGN), before.attempt) == "other_attempt"
    scenes.keep(code, BORIS, Done(CAMPAIGN), after.attempt)


def test_what_was_done_before_the_scenes_began_again_is_not_kept(scenes, code):
    before = scenes.walk(code, ANNA).attempt
    scenes.begin(code, TEACHER)
    scenes.move(code, TEACHER, 3)
    assert refusal(scenes.keep, code, ANNA, Done(CAMPAIGN), before) == "other_attempt"


@pytest.mark.parametrize("begins_again", [False, True])
def test_a_student_who_is_put_back_has_what_was_done_in_these_scenes(register, scenes, code, begins_again):
    scenes.move(code, TEACHER, 6)
    scenes.keep(code, ANNA, Done(DRAWING, "", LINE))
    before, walk = works(scenes, code)["A"], scenes.walk(code, ANNA)
    register.remove(code, TEACHER, walk.work.member)
    if begins_again:
        scenes.begin(code, TEACHER)
    register.undo(code, TEACHER, register.room(code, TEACHER).undos[0].number)
    assert works(scenes, code)["A"].drawing == (() if begins_again else before.drawing)
    assert (scenes.walk(code, ANNA).attempt == walk.attempt) != begins_again


def test_all_that_is_deleted_with_a_member_can_be_put_back(register):
    with register.storage.reading() as act:
        tables = [row["name"] for row in act.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        found = {name for name in tables for key in act.execute(f"PRAGMA foreign_key_list({name})")
                 if key["table"] == "members"}  # fmt: skip
    assert found == set(OF_MEMBER)


def test_nothing_is_kept_while_the_class_is_paused(register, scenes, code):
    scenes.move(code, TEACHER, 3)
    register.call(code, TEACHER, "pause")
    assert refusal(scenes.keep, code, ANNA, Done(CAMPAIGN)) == "paused"
    register.call(code, TEACHER, "")
    scenes.keep(code, ANNA, Done(CAMPAIGN))


def bytes_of(register):
    path = register.storage.path
    return b"".join(one.read_bytes() for one in path.parent.glob(f"{path.name}*"))


def test_what_the_scenes_delete_is_in_no_file(register, scenes, code):
    scenes.move(code, TEACHER, 6)
    scenes.keep(code, ANNA, Done(DRAWING, "", (77.7,) * DAYS))
    assert b"77.7" in bytes_of(register)
    scenes.begin(code, TEACHER)
    assert b"77.7" not in bytes_of(register)


def test_a_sentence_may_be_changed_and_what_it_replaces_is_in_no_file(register, scenes, code):
    scenes.move(code, TEACHER, 5)
    assert refusal(scenes.keep, code, ANNA, Done(SENTENCE, text="first thought")) == "scene_ahead"
    scenes.move(code, TEACHER, 6)
    assert scenes.keep(code, ANNA, Done(SENTENCE, text="first thought")) and b"first thought" in bytes_of(register)
    assert scenes.keep(code, ANNA, Done(SENTENCE, text="in this model, <b>fewer</b>"))
    assert works(scenes, code)["A"].sentence == "in this model, <b>fewer</b>"
    assert b"first thought" not in bytes_of(register)
    scenes.stop(code, TEACHER)
    scenes.begin(code, TEACHER)
    again = ClassScenes(opened(register.storage.path))
    assert works(again, code)["A"].sentence == "in this model, <b>fewer</b>", "it is kept as long as the session"
    register.delete(code, TEACHER)
    assert b"fewer" not in bytes_of(register)


def test_the_teacher_gets_the_sentences_by_letter_after_the_scenes_and_the_session(register, scenes, code, monkeypatch):
    scenes.move(code, TEACHER, 6)
    scenes.keep(code, ANNA, Done(SENTENCE, text="=1+1 in this model"))
    scenes.stop(code, TEACHER)
    register.end(code, TEACHER)
    for name, one in (("the_register", register), ("the_class_scenes", scenes)):
        monkeypatch.setattr(teacher, name, lambda one=one: one)
    monkeypatch.setattr(teacher, "session", lambda: TEACHER)
    assert [one.sentence for one in teacher.taught(code).works] == ["=1+1 in this model", ""]
    text = csv_of_sentences(scenes.gathered(code, TEACHER), Dialect(";", ","))
    assert text.splitlines() == ["team;sentence", "A;'=1+1 in this model"]


def test_a_sentence_of_a_student_who_is_put_back_is_there_though_the_scenes_began_again(register, scenes, code):
    scenes.move(code, TEACHER, 6)
    scenes.keep(code, ANNA, Done(SENTENCE, text="in this model"))
    scenes.keep(code, ANNA, Done(CAMPAIGN))
    register.remove(code, TEACHER, works(scenes, code)["A"].member)
    scenes.begin(code, TEACHER)
    register.undo(code, TEACHER, register.room(code, TEACHER).undos[-1].number)
    found = works(scenes, code)["A"]
    assert found.sentence == "in this model" and not found.has_run


def test_what_a_hand_in_replaces_is_in_no_file(register, code):
    register.hand_in(code, ANNA, "one", "first thought")
    assert b"first thought" in bytes_of(register)
    register.hand_in(code, ANNA, "one", "second thought")
    assert b"first thought" not in bytes_of(register)


def test_what_is_undone_at_the_same_moment_is_too_late(register, code):
    assert refusal(register.put_back, code, 99) == "too_late"


def test_a_restart_keeps_the_scene_and_what_was_done(register, scenes, code):
    scenes.move(code, TEACHER, 3)
    scenes.keep(code, ANNA, Done(CAMPAIGN))
    again = ClassScenes(Register(register.storage.path, lambda _: None, lambda: [OUTCOME]))
    assert again.walk(code, ANNA) == scenes.walk(code, ANNA) and works(again, code) == works(scenes, code)


def test_to_begin_again_deletes_what_was_done_in_this_class_alone(register, scenes, code):
    other, _ = register.open_session(TEACHER)
    register.join(other, CYRUS, "Cyrus")
    scenes.begin(other, TEACHER)
    for session, who in ((code, ANNA), (other, CYRUS)):
        scenes.move(session, TEACHER, 3)
        scenes.keep(session, who, Done(CAMPAIGN))
    first = scenes.walk(code, ANNA).attempt
    scenes.begin(code, TEACHER)
    assert scenes.walk(code, ANNA).attempt != first and scenes.walk(code, ANNA).scene == 0
    assert not works(scenes, code)["A"].has_run and works(scenes, other)["A"].has_run


def test_an_ended_session_is_in_no_scene(register, scenes, code):
    register.end(code, TEACHER)
    assert register.place(code, ANNA).scene is None
    assert refusal(scenes.keep, code, ANNA, Done(CAMPAIGN)) == refusal(scenes.begin, code, TEACHER) == "has_ended"


def test_the_wall_is_told_once_of_what_is_sent_twice(register, scenes, code, monkeypatch):
    told = []
    monkeypatch.setattr(register.feed, "announce", told.append)
    scenes.move(code, TEACHER, 3)
    for _ in range(2):
        scenes.keep(code, ANNA, Done(CAMPAIGN))
    assert told == [code, code]  # the move, and the campaign


def test_students_who_join_one_after_another_have_different_campaigns():
    found = [campaign_of(member, "FKMRWX", 200) for member in range(7, 67)]
    assert len(set(found)) == 60 and all(0 <= one < 200 for one in found)
    assert campaign_of(7, "FKMRWX", 200) == found[0] != campaign_of(7, "HFKRMW", 200)


@pytest.mark.parametrize(
    ("given", "key"),
    [
        ("", "json"),
        ("[" * 5000, "json"),
        ("[1]", "json"),
        ({}, "kind"),
        ({"kind": ["drawing"]}, "kind"),
        ({"kind": "claim"}, "kind"),
        ({"kind": "\ud800"}, "kind"),
        ({"kind": "bracket", "decision": "\ud800", "low": 0, "high": 1}, "decision"),
        ({"kind": "bracket", "decision": DECISIONS[0], "low": "\ud800", "high": 1}, "low"),
        ({"kind": "sentence"}, "sentence"),
        ({"kind": "sentence", "sentence": "  "}, "sentence"),
        ({"kind": "sentence", "sentence": ["a"]}, "sentence"),
        ({"kind": "sentence", "sentence": "a" * 401}, "sentence"),
        ({"kind": "drawing"}, "drawing"),
        ({"kind": "drawing", "drawing": "1" * DAYS}, "drawing"),
        ({"kind": "drawing", "drawing": [1.0] * (DAYS - 1)}, "drawing"),
        ({"kind": "drawing", "drawing": [*LINE[:-1], None]}, "drawing"),
        ({"kind": "drawing", "drawing": [*LINE[:-1], True]}, "drawing"),
        ({"kind": "drawing", "drawing": [*LINE[:-1], float("nan")]}, "drawing"),
        ({"kind": "drawing", "drawing": [*LINE[:-1], 400]}, "drawing"),
        ({"kind": "drawing", "drawing": [*LINE[:-1], 10**400]}, "drawing"),
        ({"kind": "bracket", "decision": "border=open", "low": 0, "high": 1}, "decision"),
        ({"kind": "bracket", "decision": [], "low": 0, "high": 1}, "decision"),
        ({"kind": "bracket", "decision": DECISIONS[0], "low": 2, "high": 1}, "low"),
        ({"kind": "bracket", "decision": DECISIONS[0], "low": -400, "high": 1}, "low"),
        ({"kind": "bracket", "decision": DECISIONS[0], "low": 0}, "high"),
    ],
)
def test_what_is_wrong_is_refused_by_its_key(given, key):
    text = given if isinstance(given, str) else json.dumps(given)
    with pytest.raises(PanjError) as raised:
        read_done(text.encode(), OUTLINE)
    assert str(raised.value).encode(), "the error can be sent"
    assert raised.value.key == key and not isinstance(raised.value, Refused)


def test_what_is_right_is_read():
    assert read_done(json.dumps({"kind": "drawing", "drawing": LINE}).encode(), OUTLINE) == Done(DRAWING, "", LINE)
    assert read_done(b'{"kind": "campaign", "held": [1], "seed": 9}', OUTLINE) == Done(CAMPAIGN)
    assert read_done(b'{"kind": "sentence", "sentence": " fewer "}', OUTLINE) == Done(SENTENCE, text="fewer")
    assert read_done(rb'{"kind": "sentence", "sentence": "\ud800"}', OUTLINE).text.encode(), "it can be stored"


def campaigns(runs=RUNS):
    held = np.random.default_rng(5).integers(0, DISTRICTS, (1 + len(DECISIONS), runs, DAYS))
    about = {
        "start": "2021-05-01", "days": DAYS, "districts": DISTRICTS, "posts": POSTS, "seeds": list(range(runs)),
        "worlds": [{"key": "free", "manner": "free, calibrated"}],
        "decisions": [{"key": key, "title": f"Title of {key}"} for key in ("", *DECISIONS)],
        "record": [{"kind": "centres", "day": 0, "value": 31.3, "id": "F064", "text": "33/421"}],
        "says": {"months": list("JFMAMJJASOND")},
    }  # fmt: skip
    return Campaigns(about, held)


def on_the_wall(scenes, code, name):
    return scene_on_the_wall(
        code, PLACE[name], scenes.gathered(code, TEACHER), campaigns(), scenes.shown(code, TEACHER)
    )


def covered(scenes, code):
    """Whether the pairs of each decision on the wall are covered."""
    return {row["key"]: row["is_covered"] for row in on_the_wall(scenes, code, "decision")["board"]["rows"]}


def test_every_campaign_that_was_run_is_a_line_of_the_page_and_no_other(scenes, code):
    scenes.move(code, TEACHER, PLACE["gather"])
    assert on_the_wall(scenes, code, "gather")["chart"]["lines"] == []
    scenes.keep(code, BORIS, Done(CAMPAIGN))
    (line,) = on_the_wall(scenes, code, "gather")["chart"]["lines"]
    member = works(scenes, code)["B"].member
    assert line["letter"] == "B" and line["values"] == campaigns().held[0, campaign_of(member, code, RUNS)].tolist()
    assert line["drawing"] == []
    shown = json.dumps(on_the_wall(scenes, code, "gather"))
    assert "Anna" not in shown and "Boris" not in shown and "North" not in shown
    assert "free, calibrated" in shown and "50 campaigns" in shown


def test_a_locked_drawing_is_behind_the_campaign_of_its_student(scenes, code):
    scenes.move(code, TEACHER, PLACE["gather"])
    scenes.keep(code, BORIS, Done(DRAWING, "", LINE))
    for who in (ANNA, BORIS):
        scenes.keep(code, who, Done(CAMPAIGN))
    chart = on_the_wall(scenes, code, "gather")["chart"]
    assert [one["drawing"] for one in chart["lines"]] == [[], list(LINE)]
    assert "1 drawing" in chart["feet"]["drawings"] and "1 drawing" not in chart["feet"]["behind"]


def test_reports_are_on_the_wall_from_their_scene_on(scenes, code):
    assert not on_the_wall(scenes, code, "gather")["chart"]["reports"]
    chart = on_the_wall(scenes, code, "reports")["chart"]
    assert [one["id"] for one in chart["reports"]] == ["F064"] and "F064" in chart["feet"]["reported"]
    assert "diamond" in chart["feet"]["reported"] and "F064" not in chart["feet"]["covered"]
    assert [tick["day"] for tick in chart["ticks"]] == [0, 31, 61]


def test_a_bracket_is_held_if_it_has_nine_pairs_in_ten(register, scenes, code):
    scenes.move(code, TEACHER, PLACE["decision"])
    pairs = campaigns().differences(DECISIONS[1])
    low, high = (float(end) for end in (pairs.min(), pairs.max()))
    scenes.keep(code, ANNA, Done(BRACKET, DECISIONS[1], (low, high)))
    assert covered(scenes, code) == {DECISIONS[1]: True}
    scenes.keep(code, BORIS, Done(BRACKET, DECISIONS[1], (0.0, 1.0)))
    (row,) = on_the_wall(scenes, code, "decision")["board"]["rows"]
    assert not row["is_covered"] and [one["held"] for one in row["ranges"]] == [True, False]
    scenes.show_pairs(code, TEACHER, DECISIONS)
    register.join(code, CYRUS, "Cyrus")
    assert covered(scenes, code) == {DECISIONS[1]: False}, "who comes later covers nothing that was shown"
    assert row["dots"] == pairs.tolist() and "Held: A." in row["found"] and "Not held: B." in row["found"]


def test_pairs_of_another_decision_stay_covered_until_the_wall_shows_them_or_each_student_has_a_bracket(scenes, code):
    first, second = DECISIONS
    scenes.move(code, TEACHER, PLACE["decision"])
    for who in (ANNA, BORIS):
        scenes.keep(code, who, Done(BRACKET, *bracket()))
    assert covered(scenes, code) == {first: False}
    scenes.show_pairs(code, TEACHER, [first])
    scenes.keep(code, ANNA, Done(BRACKET, *bracket(decision=second)))
    assert covered(scenes, code) == {first: False, second: True}
    hidden = on_the_wall(scenes, code, "decision")["board"]["rows"][1]
    assert not hidden["dots"] and not hidden["found"] and hidden["summary"] == f"Title of {second}"
    assert [(one["letter"], one["held"]) for one in hidden["ranges"]] == [("A", None)]
    scenes.keep(code, BORIS, Done(BRACKET, *bracket(decision=second)))
    assert covered(scenes, code) == {first: False, second: False}


def test_the_wall_can_show_pairs_of_another_decision_that_only_one_student_has_predicted(scenes, code):
    scenes.move(code, TEACHER, PLACE["decision"])
    for who, decision in zip((ANNA, BORIS), DECISIONS, strict=True):
        scenes.keep(code, who, Done(BRACKET, *bracket(decision=decision)))
    assert covered(scenes, code) == dict.fromkeys(DECISIONS, False), "at first, any bracket of each student is enough"
    scenes.show_pairs(code, TEACHER, DECISIONS[:1])
    assert covered(scenes, code) == dict(zip(DECISIONS, (False, True), strict=True))
    scenes.show_pairs(code, TEACHER, DECISIONS[1:])
    assert covered(scenes, code) == dict.fromkeys(DECISIONS, False)


def test_nine_in_ten_is_enough_and_less_is_not():
    pairs = np.arange(100)
    assert holds(0, 89, pairs) and not holds(0, 88, pairs)


@pytest.mark.parametrize("name", SCENES)
def test_every_scene_has_something_on_the_wall_before_its_campaigns_are_there(scenes, code, name):
    shown = scene_on_the_wall(code, PLACE[name], scenes.gathered(code, TEACHER), None)
    assert shown["title"] and shown["chart"] is shown["board"] is None and "run" in shown["stage"]


POLICY = "default-src 'none'; script-src 'sha256-x'; style-src 'sha256-y'"


def page():
    found = campaigns()
    course = Course(np.array([5], np.int64), np.zeros((DAYS, POSTS), np.int64))
    text = packed(dict(found.about), [course] * (RUNS * (1 + len(DECISIONS))))
    return (
        f'<head><meta http-equiv="Content-Security-Policy" content="{POLICY}"></head>'
        f'<template id="campaigns">{text}</template><script type="module">scenes</script>'
    )


@pytest.fixture
def visit(register, scenes, tmp_path, monkeypatch):
    """Return a function that returns the browser of a visitor, of a server with a stand-in of the page."""
    path = tmp_path / "explorable.html"
    path.write_text(page(), encoding="utf-8")
    monkeypatch.setattr(served, "write_explorable", lambda *_: SimpleNamespace(path=path))
    monkeypatch.setattr(served, "the_class_scenes", lambda: scenes)
    for name in ("pages", "unpacked_pages"):
        monkeypatch.setattr(served, name, OnceCache(1))
    routes = [
        Route(served.ADDRESS, served.scenes),
        Route(served.CLASS_ADDRESS, served.class_scenes, methods=["GET", "POST"]),
    ]

    def visitor(browser, room_code=""):
        client = TestClient(
            Gate(Starlette(routes=routes), Room("127.0.0.1", 8765, room_code)), base_url=HOST, follow_redirects=False
        )
        client.cookies.set(BROWSER, browser)
        return client

    return visitor


def where(client, code, page="1", has=""):
    return client.get(f"/explorable/class?class={code}&page={page}&has={has}")


def given(page):
    """What a page of the class was given for its script."""
    return json.loads(page.partition('<template id="class">')[2].partition("</template>")[0])


def send(client, code, page="1", **done):
    attempt = where(client, code, page).json().get("attempt", "")
    return client.post(f"/explorable/class?class={code}&page={page}&attempt={attempt}", json=done)


def test_a_page_is_told_the_scene_and_what_it_sends_is_kept(visit, register, scenes, code):
    anna = visit(ANNA)
    said = {"scene": 0, "attempt": scenes.walk(code, ANNA).attempt, "call": "", "has": 0}
    assert where(anna, code, has="0").json() == said
    assert send(anna, code, kind="campaign").status_code == 403
    scenes.move(code, TEACHER, 3)
    register.call(code, TEACHER, "eyes")
    assert where(anna, code, has="0").json() == {**said, "scene": 3, "call": "eyes"}
    assert send(anna, code, kind="campaign").status_code == 200 and works(scenes, code)["A"].has_run
    wrong = send(anna, code, kind="drawing", drawing=[1])
    assert wrong.status_code == 400 and wrong.json()["error"].startswith("drawing: found 1 values")


def test_a_stranger_is_told_nothing_and_leaves_nothing(visit, scenes, code):
    scenes.move(code, TEACHER, 3)
    stranger = visit(CYRUS)
    sent = [send(stranger, code, kind=kind) for kind in ("campaign", "nonsense")]
    assert all(answer.status_code == 403 for answer in sent)
    for answer in (where(stranger, code), *sent):
        assert answer.json()["why"] == "no_seat" and "scene" not in answer.json()
    assert not any(one.has_run for one in scenes.gathered(code, TEACHER))
    led = stranger.get(f"/explorable?class={code}")
    assert led.status_code == 303 and led.headers["location"].endswith(f"/join?class={code}")


def test_what_a_student_who_left_did_is_not_sent_under_the_name_of_the_next_on_the_same_laptop(
    visit, register, scenes, code
):
    scenes.move(code, TEACHER, 6)
    laptop = visit(ANNA)
    before = given(laptop.get(f"/explorable?class={code}").text)
    register.leave(code, ANNA)
    register.join(code, ANNA, "Dara")
    for kind in ({"kind": "drawing", "drawing": LINE}, {"kind": "campaign"},
                 {"kind": "bracket", "decision": DECISIONS[0], "low": -20, "high": 10}):  # fmt: skip
        late = laptop.post(
            f"/explorable/class?class={code}&page={before['page']}&attempt={before['attempt']}", json=kind
        )
        assert late.status_code == 403 and late.json()["why"] == "other_attempt"
    dara = works(scenes, code)["A"]
    assert dara.drawing == () and not dara.has_run and not dara.brackets
    after = given(laptop.get(f"/explorable?class={code}").text)
    assert after["attempt"] != before["attempt"] and after["kept"]["drawing"] is None
    assert where(laptop, code).json()["attempt"] == after["attempt"], "by which an open page knows to load again"


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_two_students_who_were_removed_have_what_each_of_them_did_after_two_undos(register, scenes, code, order):
    scenes.move(code, TEACHER, 6)
    register.join(code, CYRUS, "Cyrus", key=register.place(code, BORIS).seat.key)
    scenes.keep(code, BORIS, Done(DRAWING, "", LINE))
    scenes.keep(code, CYRUS, Done(DRAWING, "", LINE[::-1]))
    before = [scenes.walk(code, who) for who in (BORIS, CYRUS)]
    for walk in before:
        register.remove(code, TEACHER, walk.work.member)
    undos = register.room(code, TEACHER).undos
    for place in order:
        register.undo(code, TEACHER, undos[place].number)
    assert [scenes.walk(code, who) for who in (BORIS, CYRUS)] == before


def test_what_is_too_large_is_not_read_to_its_end(visit, code):
    answer = visit(ANNA).post(f"/explorable/class?class={code}", content=b"1" * (served.LARGEST + 1))
    assert answer.status_code == 413 and answer.json()["error"].startswith("json")


def test_another_site_cannot_send_for_a_student(visit, scenes, code):
    scenes.move(code, TEACHER, 3)
    answer = visit(ANNA).post(
        f"/explorable/class?class={code}&page=1", json={"kind": "campaign"}, headers={"origin": "http://evil.example"}
    )
    assert answer.status_code == 403 and not works(scenes, code)["A"].has_run


def test_who_has_not_come_through_the_door_is_asked_for_its_code(visit, code):
    assert where(visit(ANNA, room_code="KAPF37"), code).status_code == 401


def test_the_page_in_a_class_has_one_more_script_and_connects_to_this_server_alone(visit, scenes, code):
    anna = visit(ANNA)
    found = anna.get(f"/explorable?class={code.lower()}")
    assert found.text.count("<script") == 2 and found.text.index('id="class"') < found.text.index("<script")
    policy = found.headers["content-security-policy"]
    assert "connect-src 'self'" in policy and "frame-ancestors 'none'" in policy and "unsafe" not in policy
    assert policy.partition("; frame-ancestors")[0] in found.text.replace("&#39;", "'"), (
        "two policies, one of them stricter"
    )
    own = given(found.text)
    member = scenes.walk(code, ANNA).work.member
    assert own["code"] == code and own["campaign"] == campaign_of(member, code, RUNS) and own["scene"] == 0
    assert "Anna" not in found.text and "A" in own["texts"]["team"]
    alone = anna.get("/explorable")
    assert alone.text == page() and "connect-src" not in alone.headers["content-security-policy"]


def test_a_student_of_a_class_in_the_scenes_cannot_look_ahead_outside_of_it(visit, register, scenes, code, monkeypatch):
    for module in (served, notices):
        monkeypatch.setattr(module, "the_register", lambda: register)
    found = visit(ANNA).get("/explorable")
    assert found.status_code == 303 and found.headers["location"] == f"./explorable?class={code}"
    assert visit(CYRUS).get("/explorable").text == page(), "who is in no class goes at their own pace"
    scenes.stop(code, TEACHER)
    assert visit(ANNA).get("/explorable").status_code == 200
    scenes.begin(code, TEACHER)
    register.end(code, TEACHER)
    assert visit(ANNA).get("/explorable").status_code == 200


def test_the_teacher_sees_that_a_student_has_the_scenes_open(visit, register, code):
    where(visit(ANNA), code)
    assert pages_of(register, code) == ["scenes", ""]


def pages_of(register, code):
    return [member.page for team in register.room(code, TEACHER).teams for member in team.members]


def test_of_two_tabs_of_one_student_the_newest_counts_and_a_closed_one_goes(visit, register, code):
    anna = visit(ANNA)
    where(anna, code, "1")
    register.presence.enter("a page", ANNA, "watch", lambda: True)
    where(anna, code, "1")
    assert pages_of(register, code) == ["watch", ""], "the older tab asks again, and is no newer for it"
    where(anna, code, "2")
    assert pages_of(register, code) == ["scenes", ""]
    assert anna.post(f"/explorable/class?class={code}&page=2&left=1").status_code == 200
    assert pages_of(register, code) == ["watch", ""]
    register.presence.leave("a page")
    assert pages_of(register, code) == ["scenes", ""], "the first tab is open still"


def test_no_browser_closes_the_page_of_another(visit, register, code):
    where(visit(ANNA), code)
    visit(CYRUS).post(f"/explorable/class?class={code}&page=1&left=1")
    visit(BORIS).post(f"/explorable/class?class={code}&page=1&left=1")
    assert pages_of(register, code) == ["scenes", ""]


@pytest.mark.parametrize("page", ["", "x", "1" * 33, "1 2"])
def test_what_is_no_id_of_a_page_is_refused_by_its_key(visit, register, code, page):
    answer = where(visit(ANNA), code, page)
    assert answer.status_code == 400 and answer.json()["error"].startswith("page: ")
    assert pages_of(register, code) == ["", ""]


def test_a_second_tab_is_told_what_is_kept_and_that_its_own_is_not(visit, scenes, code):
    scenes.move(code, TEACHER, 6)
    anna = visit(ANNA)
    nothing = {"drawing": None, "hasRun": False, "brackets": {}, "shown": []}
    assert where(anna, code, "2").json()["kept"] == nothing
    first = send(anna, code, "1", kind="drawing", drawing=LINE).json()
    second = send(anna, code, "2", kind="drawing", drawing=LINE[::-1]).json()
    assert not first["other"] and second["other"] and first["kept"] == second["kept"]
    assert second["kept"]["drawing"] == list(LINE)
    low, high = {"low": -20, "high": 10}, {"low": 0, "high": 10}
    for page, ends, is_other in (("1", low, False), ("2", high, True), ("2", low, False)):
        found = send(anna, code, page, kind="bracket", decision=DECISIONS[0], **ends).json()
        assert found["other"] == is_other and found["kept"]["brackets"] == {DECISIONS[0]: low}
    asked = where(anna, code, "2", has="0").json()
    assert asked["has"] == 2 and asked["kept"] == found["kept"], "without having sent anything"
    assert "kept" not in where(anna, code, "2", has="2").json()
    own = given(anna.get(f"/explorable?class={code}").text)
    assert own["kept"] == found["kept"] and own["has"] == 2


def test_every_page_of_a_class_has_an_id_of_its_own(visit, code):
    found = {given(visit(ANNA).get(f"/explorable?class={code}").text)["page"] for _ in range(2)}
    assert len(found) == 2 and all(served.PAGE_ID.fullmatch(one) for one in found)


def test_the_campaigns_of_the_wall_are_those_of_the_page(visit, code):
    visit(ANNA).get(f"/explorable?class={code}")
    found = served.the_campaigns()
    assert found.held.shape == (1 + len(DECISIONS), RUNS, DAYS) and found.outline == OUTLINE
    assert (found.held == 1).all() and not found.differences(DECISIONS[0]).any()
    assert all(one["day"] < other["day"] for one, other in pairwise([{"day": -1}, *found.about["record"]]))


def test_wall_and_teacher_notice_that_the_campaigns_are_there(monkeypatch):
    room = SimpleNamespace(scene=0, question=None)
    room.on_the_wall = lambda: room
    scenes = SimpleNamespace(gathered=lambda *_: (), shown=lambda *_: ())
    for page in (projector, teacher):
        monkeypatch.setattr(page, "the_register", lambda: SimpleNamespace(room=lambda *_: room))
        monkeypatch.setattr(page, "the_class_scenes", lambda: scenes)
        monkeypatch.setattr(page, "the_question_runner", lambda: None)
        monkeypatch.setattr(page, "session", lambda: "anybody")
    states = []
    for campaigns in (None, object()):
        for page in (projector, teacher):
            monkeypatch.setattr(page, "ready_campaigns", lambda is_wanted, found=campaigns: found)
        states.append((projector.wall_state("CODE"), teacher.taught("CODE")))
    assert all(before != after for before, after in zip(*states, strict=True))  # an equal state is not drawn again
