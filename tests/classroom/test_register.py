"""Claims on class sessions: who may see and change what, what a restart keeps, and what a deletion leaves."""

import csv
import io
import sqlite3
import threading
import time

import pytest
from planted import ANNA, BORIS, CYRUS, OUTCOME, TEACHER, opened, refusal

from sim.classroom.parts.downloads import describe_dialect, dialects
from sim.classroom.sessions import register as registers
from sim.classroom.sessions.claims import LONGEST_NAME, Answer, Claim
from sim.classroom.sessions.register import MOST_MEMBERS, MOST_OWN
from sim.classroom.sessions.session import (
    ANSWERED,
    CLOSED,
    DEBRIEF,
    EYES,
    LETTERS,
    OPEN,
    PAUSE,
    RUNNING,
    TEACHERS_CODE,
    csv_of,
    grouped,
    spelled,
)
from sim.configuration.overrides import BASELINE, Overrides
from sim.errors import PanjError
from sim.options import DECIMALS, SEPARATORS
from sim.study.files import USUAL

CLAIM = Claim(Overrides.of(["border=closed"]), -300.0, -100.0)
ANSWER = Answer((1.0, 2.5), (-0.5, 1 / 3), 1, -1 / 12, -0.5, 1 / 3, "drawn from the posterior")


@pytest.fixture
def code(register):
    """A session whose question has been asked and which Anna has joined."""
    code, _ = register.open_session(TEACHER)
    register.ask(code, TEACHER, OUTCOME, "effect")
    register.join(code, ANNA, "Anna")
    return code


def test_a_code_is_read_back_however_it_is_typed(register):
    code, _ = register.open_session(TEACHER)
    assert len(code) == 6 and set(code) <= set(LETTERS)
    assert register.session(f" {grouped(code, 3).lower()}- ").code == code
    assert spelled("fkm-rwx") == "FKMRWX"


def test_a_wrong_code_finds_no_session(register):
    register.open_session(TEACHER)
    assert refusal(register.session, "") == refusal(register.join, "FFFFFF", ANNA, "Anna") == "no_session"


def test_a_browser_opens_so_many_sessions_and_another_browser_its_own(register):
    codes = [register.open_session(ANNA)[0] for _ in range(MOST_OWN)]
    assert refusal(register.open_session, ANNA) == "many_own_sessions"
    register.open_session(BORIS)
    register.delete(codes[0], ANNA)
    register.open_session(ANNA)


def test_a_full_server_is_freed_by_whoever_has_its_code_for_teachers(register, monkeypatch):
    monkeypatch.setattr(registers, "MOST_SESSIONS", 3)
    codes = [register.open_session(browser)[0] for browser in (ANNA, BORIS, CYRUS)]
    assert refusal(register.open_session, TEACHER) == "many_sessions"
    assert refusal(register.everything, "FFFFFFFFFF") == refusal(register.clear, "", codes) == "wrong_teachers_code"
    assert {kept.session.code for kept in register.everything(grouped(TEACHERS_CODE, 5).lower())} == set(codes)
    register.clear(TEACHERS_CODE, codes[:2])
    code, _ = register.open_session(TEACHER)
    assert {kept.session.code for kept in register.everything(TEACHERS_CODE)} == {codes[2], code}


def test_only_sessions_that_hold_nothing_expire(register, code, path):
    empty, _ = register.open_session(BORIS)
    joined, _ = register.open_session(BORIS)
    register.join(joined, CYRUS, "Cyrus")
    with sqlite3.connect(path) as file:
        file.execute("UPDATE sessions SET opened = '2021-07-01T00:00:00+00:00'")
    fresh, _ = register.open_session(TEACHER)
    assert {kept.session.code for kept in register.everything(TEACHERS_CODE)} == {code, joined, fresh}
    assert {kept.members for kept in register.everything(TEACHERS_CODE)} == {0, 1}
    assert refusal(register.session, empty) == "no_session"


def test_only_the_browser_that_opened_a_session_is_its_teacher(register, code):
    for act, *more in (
        (register.room,), (register.move, CLOSED), (register.show_names, True), (register.remove, 1), (register.end,),
        (register.delete,), (register.ask, OUTCOME, "effect"),
    ):  # fmt: skip
        assert refusal(act, code, ANNA, *more) == "not_teacher"
    assert register.room(code, TEACHER).question.stage == OPEN
    assert [session.code for session in register.sessions_of(TEACHER)] == [code]
    assert register.sessions_of(ANNA) == []


def test_a_teacher_comes_back_from_another_browser_with_the_word_alone(register):
    code, word = register.open_session(TEACHER)
    other, _ = register.open_session(TEACHER)
    assert refusal(register.come_back, code, "FFFF", "new browser") == "wrong_word"
    assert refusal(register.come_back, other, word, "new browser") == "wrong_word"
    register.come_back(code, grouped(word, 5).lower(), "new browser")
    assert register.room(code, "new browser").session.code == code
    assert refusal(register.room, other, "new browser") == "not_teacher"


def test_secrets_are_kept_as_hashes_alone(register, code, path):
    _, word = register.open_session(TEACHER)
    kept = b"".join(one.read_bytes() for one in path.parent.iterdir())
    assert b"Anna" in kept
    for secret in (TEACHER, ANNA, word):
        assert secret.encode() not in kept


def test_a_nickname_is_one_a_session_whatever_its_case_and_width(register, code):
    for same in ("Anna", " anna ", "ＡＮＮＡ", "An\u200cna"):
        assert refusal(register.join, code, BORIS, same) == "name_taken"
    other, _ = register.open_session(TEACHER)
    assert register.join(other, BORIS, "Anna").nickname == "Anna"


@pytest.mark.parametrize(
    ("nickname", "why"),
    [
        ("", "long_name"),
        ("   ", "long_name"),
        ("x" * (LONGEST_NAME + 1), "long_name"),
        ("abc\u202eexe", "odd_name"),
        ("a\x00b", "odd_name"),
        ("!!!", "odd_name"),
    ],
)
def test_a_nickname_is_short_and_hides_nothing(register, code, nickname, why):
    assert refusal(register.join, code, BORIS, nickname) == why
    assert len(register.room(code, TEACHER).teams) == 1


@pytest.mark.parametrize("nickname", ["Шариф", "فرهاد", "می‌روم", "<b>Bo</b>", "x" * LONGEST_NAME])
def test_a_nickname_may_be_in_any_script_and_is_kept_as_it_was_typed(register, code, nickname):
    assert register.join(code, BORIS, nickname).nickname == nickname


def test_a_browser_has_one_seat_in_a_session(register, code):
    assert refusal(register.join, code, ANNA, "Another") == "has_seat"
    other, _ = register.open_session(TEACHER)
    register.join(other, ANNA, "Another")
    assert [session.code for session in register.seats_of(ANNA)] == [other, code]


def test_a_session_is_full_at_some_time(register, code, monkeypatch):
    monkeypatch.setattr(registers, "MOST_MEMBERS", 2)
    register.join(code, BORIS, "Boris")
    assert refusal(register.join, code, CYRUS, "Cyrus") == "many_members"
    assert MOST_MEMBERS >= 30


def test_a_team_is_joined_with_its_key_and_not_with_its_name(register, code):
    seat = register.join(code, BORIS, "Boris", team="North")
    assert (seat.letter, seat.team, seat.members) == ("B", "North", 1)
    assert refusal(register.join, code, CYRUS, "Cyrus", team="north") == "name_taken"
    assert refusal(register.join, code, CYRUS, "Cyrus", key="FFFFFFFF") == "wrong_key"
    assert refusal(register.join, code, CYRUS, "Cyrus", key="-") == "wrong_key"
    joined = register.join(code, CYRUS, "Cyrus", key=grouped(seat.key, 4).lower())
    assert (joined.letter, joined.team, joined.members) == ("B", "North", 2)


def test_a_key_opens_no_team_of_another_session(register, code):
    key = register.join(code, BORIS, "Boris", team="North").key
    other, _ = register.open_session(TEACHER)
    assert refusal(register.join, other, CYRUS, "Cyrus", key=key) == "wrong_key"


def test_members_of_a_team_have_one_claim_together(register, code):
    key = register.join(code, BORIS, "Boris", team="North").key
    register.join(code, CYRUS, "Cyrus", key=key)
    register.send(code, BORIS, 1, CLAIM)
    register.send(code, CYRUS, 1, CLAIM._replace(low=-200.0))
    sent = register.place(code, BORIS).sent
    assert (sent.claim.low, sent.revisions) == (-200.0, 1)


def test_a_student_sees_nothing_of_others(register, code):
    register.join(code, BORIS, "Boris of the north", team="Hidden team")
    register.send(code, BORIS, 1, CLAIM._replace(why="a reason of Boris"))
    register.send(code, ANNA, 1, Claim(Overrides.of(["border=open"]), 5.0, 10.0))
    register.move(code, TEACHER, CLOSED)
    register.move(code, TEACHER, RUNNING)
    register.keep_answer(code, 1, CLAIM.overrides, ANSWER._replace(calibration="answer of Boris"))
    register.keep_answer(code, 1, Overrides.of(["border=open"]), ANSWER)
    register.all_answered(code, 1)
    seen = repr(register.place(code, ANNA))
    assert "Anna" in seen and "border=open" in seen and "posterior" in seen
    for hidden in ("Boris", "Hidden", "reason", "border=closed"):
        assert hidden not in seen
    assert refusal(register.place, code, CYRUS) == "no_seat"
    assert refusal(register.place, code, TEACHER) == "no_seat"


def test_a_student_can_change_nothing_of_others(register, code):
    register.join(code, BORIS, "Boris")
    register.send(code, BORIS, 1, CLAIM)
    register.send(code, ANNA, 1, CLAIM._replace(low=-1000.0))
    assert refusal(register.send, code, CYRUS, 1, CLAIM) == "no_seat"
    register.leave(code, ANNA)
    register.leave(code, CYRUS)
    assert register.place(code, BORIS).sent.claim == CLAIM


def test_an_answer_is_not_told_before_all_are_there(register, code):
    register.send(code, ANNA, 1, CLAIM)
    register.move(code, TEACHER, CLOSED)
    register.move(code, TEACHER, RUNNING)
    register.keep_answer(code, 1, CLAIM.overrides, ANSWER)
    assert register.place(code, ANNA).answer is None
    register.all_answered(code, 1)
    assert register.place(code, ANNA).answer == ANSWER


def test_a_claim_may_be_revised_until_claims_are_closed(register, code):
    register.send(code, ANNA, 1, CLAIM)
    register.send(code, ANNA, 1, CLAIM._replace(high=-50.0))
    register.move(code, TEACHER, CLOSED)
    assert refusal(register.send, code, ANNA, 1, CLAIM) == "wrong_stage"
    assert register.place(code, ANNA).sent.claim.high == -50.0
    register.move(code, TEACHER, OPEN)
    register.send(code, ANNA, 1, CLAIM)
    assert register.place(code, ANNA).sent == register.place(code, ANNA).sent._replace(claim=CLAIM, revisions=2)


def test_a_claim_on_an_earlier_question_is_refused(register, code):
    register.ask(code, TEACHER, "peak_queue", "outcome")
    assert refusal(register.send, code, ANNA, 1, CLAIM) == "other_question"
    register.send(code, ANNA, 2, Claim(BASELINE, 0.0, 5000.0))
    assert register.place(code, ANNA).question.number == 2


def test_a_choice_of_settings_that_is_none_is_refused_in_the_words_of_the_settings(register, code):
    with pytest.raises(PanjError, match="nowhere"):
        register.send(code, ANNA, 1, CLAIM._replace(overrides=Overrides.of(["border=nowhere"])))
    assert register.place(code, ANNA).sent is None


def test_where_the_choice_is_fixed_every_claim_is_about_it(register, code):
    register.ask(code, TEACHER, OUTCOME, "effect", CLAIM.overrides, is_fixed=True)
    register.send(code, ANNA, 2, Claim(Overrides.of(["border=open"]), -1.0, 1.0))
    assert register.place(code, ANNA).sent.claim.overrides == CLAIM.overrides


def test_questions_are_about_what_is_offered(register, code):
    for outcome, about, runs in (("troops_killed", "effect", 200), (OUTCOME, "rank", 200), (OUTCOME, "effect", 10**6)):
        assert refusal(register.ask, code, TEACHER, outcome, about, runs=runs) == "no_such_question"


def test_stages_follow_each_other_and_a_run_needs_a_claim(register, code):
    assert refusal(register.move, code, TEACHER, RUNNING) == "wrong_stage"
    register.move(code, TEACHER, CLOSED)
    assert refusal(register.move, code, TEACHER, RUNNING) == "no_claims"
    register.move(code, TEACHER, OPEN)
    register.send(code, ANNA, 1, CLAIM)
    register.move(code, TEACHER, CLOSED)
    register.move(code, TEACHER, RUNNING)
    for stage in (OPEN, CLOSED, ANSWERED, DEBRIEF):
        assert refusal(register.move, code, TEACHER, stage) == "wrong_stage"
    assert refusal(register.ask, code, TEACHER, OUTCOME, "effect") == "wrong_stage"
    register.all_answered(code, 1)
    register.move(code, TEACHER, DEBRIEF)


def test_an_ended_session_is_read_and_not_changed(register, code):
    register.send(code, ANNA, 1, CLAIM)
    register.end(code, TEACHER)
    assert refusal(register.join, code, BORIS, "Boris") == "has_ended"
    assert refusal(register.send, code, ANNA, 1, CLAIM) == "has_ended"
    assert refusal(register.move, code, TEACHER, CLOSED) == "has_ended"
    assert register.place(code, ANNA).session.is_ended
    assert register.room(code, TEACHER).teams[0].claims[1].claim == CLAIM


def test_sessions_do_not_touch_each_other(register, code):
    other, _ = register.open_session("another teacher")
    register.ask(other, "another teacher", "peak_queue", "outcome")
    register.join(other, ANNA, "Anna elsewhere")
    register.delete(code, TEACHER)
    assert register.place(other, ANNA).seat.nickname == "Anna elsewhere"
    assert refusal(register.room, other, TEACHER) == "not_teacher"
    assert [session.code for session in register.seats_of(ANNA)] == [other]


def test_a_restart_loses_nothing(register, code, path):
    register.join(code, BORIS, "Boris", team="North")
    register.send(code, ANNA, 1, CLAIM._replace(why="two\nlines"))
    register.move(code, TEACHER, CLOSED)
    register.move(code, TEACHER, RUNNING)
    register.keep_answer(code, 1, BASELINE, ANSWER)
    before = register.room(code, TEACHER), register.place(code, ANNA)
    register.storage.close()
    again = opened(path)
    assert (again.room(code, TEACHER), again.place(code, ANNA)) == before
    assert [(where, question.number) for where, question in again.unfinished()] == [(code, 1)]
    assert again.unanswered(code, 1) == [CLAIM.overrides]
    assert again.answer(code, 1, BASELINE) == ANSWER


def traces(path, *overrides):
    """Which words stand in any file of the folder, byte for byte, in the ways in which SQLite may keep text."""
    kept = b"".join(one.read_bytes() for one in path.parent.iterdir())
    return {word for word in overrides if word.encode() in kept or word.encode("utf-16-le") in kept}


NAMES = ("Quetzalcoatl-Anna", "Xochiquetzal-Team", "because-of-Huitzilopochtli", "Tlaloc-alone")


def test_nothing_of_a_deleted_session_is_left_in_the_bytes_of_its_files(register, path):
    code, _ = register.open_session(TEACHER)
    register.ask(code, TEACHER, OUTCOME, "effect")
    other, _ = register.open_session(TEACHER)
    register.join(other, BORIS, "Somebody else")
    register.join(code, ANNA, NAMES[0], team=NAMES[1])
    register.join(code, BORIS, NAMES[3])
    register.send(code, ANNA, 1, CLAIM._replace(why=NAMES[2]))
    assert traces(path, *NAMES, "Somebody else") == {*NAMES, "Somebody else"}
    register.delete(code, TEACHER)
    assert traces(path, *NAMES, code, "Somebody else") == {"Somebody else"}
    assert refusal(register.session, code) == "no_session"


def test_a_nickname_goes_with_the_seat(register, code, path):
    register.join(code, BORIS, NAMES[0], team=NAMES[1])
    register.send(code, BORIS, 1, CLAIM._replace(why=NAMES[2]))
    register.join(code, CYRUS, NAMES[3])
    register.leave(code, BORIS)
    assert traces(path, *NAMES) == {NAMES[3]}
    member = register.room(code, TEACHER).teams[1].members[0]
    register.remove(code, TEACHER, member.number)
    assert traces(path, *NAMES) == set()
    assert [nicknames(team) for team in register.room(code, TEACHER).teams] == [["Anna"]]


def nicknames(team):
    return [member.nickname for member in team.members]


@pytest.fixture
def north(register, code):
    """A team of two in the session of Anna, which has sent a claim."""
    key = register.join(code, BORIS, "Boris", team="North").key
    register.join(code, CYRUS, "Cyrus", key=key)
    register.send(code, BORIS, 1, CLAIM)
    return code


def remove(register, code, nickname):
    members = [member for team in register.room(code, TEACHER).teams for member in team.members]
    register.remove(code, TEACHER, next(one.number for one in members if one.nickname == nickname))


def undo(register, code):
    (last,) = register.room(code, TEACHER).undos
    register.undo(code, TEACHER, last.number)


def test_who_was_removed_is_told_and_everybody_else_is_not(register, north):
    remove(register, north, "Anna")
    assert register.was_removed(grouped(north, 3), ANNA) and not register.was_removed(north, BORIS)
    assert refusal(register.place, north, ANNA) == "no_seat"
    register.join(north, ANNA, "Anna again")
    assert not register.was_removed(north, ANNA)
    register.leave(north, ANNA)
    assert not register.was_removed(north, ANNA)


@pytest.mark.parametrize("removed", [["Anna"], ["Boris"], ["Cyrus"], ["Boris", "Cyrus"]])
def test_a_removal_can_be_undone_with_team_and_claim(register, north, removed):
    before = register.room(north, TEACHER)
    for nickname in removed:
        remove(register, north, nickname)
    assert register.room(north, TEACHER).teams != before.teams
    for done in reversed(register.room(north, TEACHER).undos):
        assert done.what in removed
        register.undo(north, TEACHER, done.number)
    assert register.room(north, TEACHER) == before
    assert register.place(north, ANNA).seat.nickname == "Anna" and not register.was_removed(north, ANNA)


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_two_removals_of_one_team_undone_in_any_order_restore_its_newest_claim(register, north, order):
    remove(register, north, "Boris")
    register.send(north, CYRUS, 1, CLAIM._replace(low=-250.0))
    newest = register.place(north, CYRUS).sent
    remove(register, north, "Cyrus")
    undos = register.room(north, TEACHER).undos
    for place in order:
        register.undo(north, TEACHER, undos[place].number)
        (team,) = [one for one in register.room(north, TEACHER).teams if one.name == "North"]
        assert team.claims[1] == newest
    assert sorted(nicknames(team)) == ["Boris", "Cyrus"]


def test_an_undo_keeps_a_claim_that_the_team_has_sent_since(register, north):
    remove(register, north, "Boris")
    register.send(north, CYRUS, 1, CLAIM._replace(low=-250.0))
    newest = register.place(north, CYRUS).sent
    undo(register, north)
    assert register.place(north, BORIS).sent == newest


def test_what_cannot_be_undone_now_can_be_undone_later_in_its_minute(register, code):
    remove(register, code, "Anna")
    register.join(code, BORIS, "Anna")
    (last,) = register.room(code, TEACHER).undos
    assert refusal(register.undo, code, TEACHER, last.number) == "came_back"
    register.leave(code, BORIS)
    undo(register, code)
    assert register.place(code, ANNA).seat.nickname == "Anna"


def test_what_was_undone_once_or_by_a_stranger_is_not_undone(register, north):
    remove(register, north, "Anna")
    (last,) = register.room(north, TEACHER).undos
    assert refusal(register.undo, north, ANNA, last.number) == "not_teacher"
    register.undo(north, TEACHER, last.number)
    assert refusal(register.undo, north, TEACHER, last.number) == "too_late"


def test_after_its_minute_a_removal_is_final_and_nothing_of_it_is_remembered(register, code, monkeypatch):
    monkeypatch.setattr("sim.classroom.sessions.undo.MINUTE", 0.5)
    heard = threading.Event()
    remove(register, code, "Anna")
    (last,) = register.room(code, TEACHER).undos
    register.watch(code, heard.set)
    late = time.monotonic() + 5
    while register.room(code, TEACHER).undos and time.monotonic() < late:
        time.sleep(0.01)
    assert heard.wait(5) and not any(register.undos.kept.values())
    assert refusal(register.undo, code, TEACHER, last.number) == "too_late"


def test_who_has_come_back_is_not_put_back_a_second_time(register, code):
    remove(register, code, "Anna")
    seat = register.join(code, ANNA, "Anna")
    (last,) = register.room(code, TEACHER).undos
    assert refusal(register.undo, code, TEACHER, last.number) == "came_back"
    assert register.place(code, ANNA).seat == seat and len(register.room(code, TEACHER).teams) == 1


def test_a_letter_that_was_given_away_meanwhile_is_kept_by_its_new_team(register, code):
    remove(register, code, "Anna")
    assert register.join(code, BORIS, "Boris").letter == "A"
    undo(register, code)
    assert {team.letter: nicknames(team) for team in register.room(code, TEACHER).teams} == {
        "A": ["Boris"], "B": ["Anna"],
    }  # fmt: skip


def test_the_end_of_a_session_can_be_undone(register, north):
    before = register.room(north, TEACHER)
    register.end(north, TEACHER)
    assert refusal(register.end, north, TEACHER) == "has_ended"
    undo(register, north)
    assert register.room(north, TEACHER) == before
    register.send(north, ANNA, 1, CLAIM)


def test_nothing_is_undone_in_a_session_that_was_deleted(register, code):
    remove(register, code, "Anna")
    (last,) = register.room(code, TEACHER).undos
    register.delete(code, TEACHER)
    assert refusal(register.undo, code, TEACHER, last.number) == "not_teacher"
    assert not any(register.undos.kept.values())


def test_a_claim_that_changes_nothing_of_a_colleagues_is_refused(register, north):
    sent = register.place(north, BORIS).sent
    assert refusal(register.send, north, CYRUS, 1, CLAIM) == "same_claim"
    assert refusal(register.send, north, CYRUS, 1, CLAIM, 0) == "same_claim"
    assert register.place(north, CYRUS).sent == sent
    register.send(north, ANNA, 1, CLAIM)


def test_a_claim_made_without_sight_of_a_colleagues_is_refused_and_changes_nothing(register, north):
    new, other = CLAIM._replace(low=-200.0), CLAIM._replace(low=-250.0)
    assert refusal(register.send, north, CYRUS, 1, new, 0) == "other_claim"
    assert register.send(north, CYRUS, 1, new, 1) == 2
    assert refusal(register.send, north, BORIS, 1, other, 1) == "other_claim"
    assert register.place(north, BORIS).sent.claim == new
    assert register.send(north, BORIS, 1, other, 2) == 3


def test_while_the_class_is_paused_no_claim_is_taken(register, code):
    for call in (PAUSE, EYES):
        register.call(code, TEACHER, call)
        assert register.place(code, ANNA).call == register.room(code, TEACHER).call == call
        assert refusal(register.send, code, ANNA, 1, CLAIM) == "paused"
    register.call(code, TEACHER, "")
    register.send(code, ANNA, 1, CLAIM)


def test_only_the_teacher_calls_the_class_and_only_the_own_one(register, code):
    other, _ = register.open_session("another teacher")
    assert refusal(register.call, code, ANNA, EYES) == "not_teacher"
    assert refusal(register.call, code, TEACHER, "dance") == "no_such_call"
    register.call(other, "another teacher", EYES)
    assert register.place(code, ANNA).call == ""


def test_a_teacher_sees_on_which_page_each_student_is(register, north):
    gone = set()
    for page, browser, name in (("1", ANNA, "watch"), ("2", BORIS, "join"), ("3", BORIS, "change"), ("4", "x", "home")):
        register.presence.enter(page, browser, name, lambda page=page: page not in gone)
    seen = {member.nickname: member.page for team in register.room(north, TEACHER).teams for member in team.members}
    assert seen == {"Anna": "watch", "Boris": "change", "Cyrus": ""}
    register.presence.leave("3")
    gone.add("1")
    seen = {member.nickname: member.page for team in register.room(north, TEACHER).teams for member in team.members}
    assert seen == {"Anna": "", "Boris": "join", "Cyrus": ""}


@pytest.mark.parametrize("names_shown", [False, True])
def test_nothing_that_a_student_typed_reaches_the_wall_but_the_name_of_a_team_that_the_teacher_shows(
    register, code, names_shown
):
    key = register.join(code, BORIS, NAMES[0], team=NAMES[1]).key
    register.join(code, CYRUS, NAMES[3])
    register.send(code, BORIS, 1, CLAIM._replace(why=NAMES[2]))
    register.show_names(code, TEACHER, names_shown)
    remove(register, code, "Anna")
    room = register.room(code, TEACHER)
    assert all(one in repr(room) for one in (*NAMES, key, "Anna"))
    seen = repr(room.on_the_wall())
    assert [one for one in (*NAMES, key, "Anna") if one in seen] == ([NAMES[1]] if names_shown else [])
    assert [(team.letter, len(team.members)) for team in room.on_the_wall().teams] == [("B", 1), ("C", 1)]


def test_the_nickname_of_a_student_alone_is_no_name_of_a_team(register, code):
    assert register.join(code, BORIS, "Boris", team="Anna").team == "Anna"
    assert register.join(code, CYRUS, "North").team == ""
    assert [team.name for team in register.room(code, TEACHER).teams] == ["", "Anna", ""]


def test_a_member_of_another_session_cannot_be_removed(register, code):
    member = register.room(code, TEACHER).teams[0].members[0].number
    other, _ = register.open_session("another teacher")
    register.remove(other, "another teacher", member)
    assert register.place(code, ANNA).seat.nickname == "Anna"


def test_a_deletion_waits_for_one_who_reads(register, code, path):
    reader = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    reader.execute("BEGIN")
    assert reader.execute("SELECT nickname FROM members").fetchall() == [("Anna",)]
    threading.Timer(0.4, reader.close).start()
    register.delete(code, TEACHER)
    assert traces(path, "Anna") == set()


def test_a_deletion_that_another_program_keeps_from_its_end_says_so(register, code, path, monkeypatch):
    monkeypatch.setattr("sim.classroom.sessions.storage.PATIENCE", 0.3)
    reader = sqlite3.connect(path, isolation_level=None)
    reader.execute("BEGIN")
    reader.execute("SELECT nickname FROM members").fetchall()
    assert refusal(register.delete, code, TEACHER) == "not_wiped"
    assert refusal(register.session, code) == "no_session"
    reader.close()
    opened(path)
    assert traces(path, "Anna") == set()


def test_thirty_join_and_claim_at_once(register):
    code, _ = register.open_session(TEACHER)
    register.ask(code, TEACHER, OUTCOME, "effect")
    troubles = []

    def take_part(number):
        try:
            register.join(code, f"browser {number}", f"Student {number}")
            register.send(code, f"browser {number}", 1, CLAIM._replace(low=-1000.0 - number))
        except Exception as error:
            troubles.append(error)

    threads = [threading.Thread(target=take_part, args=(number,)) for number in range(30)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    teams = register.room(code, TEACHER).teams
    assert troubles == []
    assert len({team.letter for team in teams}) == 30
    assert {team.claims[1].claim.low for team in teams} == {-1000.0 - number for number in range(30)}


def test_who_watches_is_told_of_every_change_of_their_session_alone(register, code):
    told, heard = [], threading.Event()
    other, _ = register.open_session(TEACHER)

    def listener():
        told.append(len(register.room(code, TEACHER).teams))
        heard.set()

    unwatch = register.watch(code, listener)
    register.watch(other, lambda: told.append("other"))
    register.join(code, BORIS, "Boris")
    assert heard.wait(5) and told == [2]
    unwatch()
    register.join(code, CYRUS, "Cyrus")
    heard.clear()
    assert not heard.wait(0.2) and told == [2]


def test_a_listener_whose_page_has_gone_keeps_nothing_from_others(register, code):
    heard = threading.Event()

    def gone():
        raise RuntimeError("Cannot connect a page to a closed kernel")

    register.watch(code, gone)
    register.watch(code, heard.set)
    register.join(code, BORIS, "Boris")
    assert heard.wait(5)
    late = time.monotonic() + 5
    while gone in register.feed.listeners[code] and time.monotonic() < late:
        time.sleep(0.01)
    assert gone not in register.feed.listeners[code]


def test_a_file_that_is_no_register_is_not_written_to(path):
    path.write_bytes(b"no database at all, but something that somebody else keeps here, long enough" * 20)
    before = path.read_bytes()
    assert refusal(opened, path) == "no_file"
    assert path.read_bytes() == before


def test_a_file_of_before_there_was_a_door_gets_one_and_keeps_its_sessions(register, code, path):
    register.storage.close()
    with sqlite3.connect(path) as file:
        file.execute("DROP TABLE door")
    again = opened(path)
    kept = again.door("", "KAPF37")
    assert kept[0] == "KAPF37" and opened(path).door("", "OTHER1") == kept
    assert again.room(code, TEACHER).session.code == code


def test_a_register_of_another_version_is_not_touched(path):
    with sqlite3.connect(path) as other:
        other.execute("PRAGMA user_version = 99")
    assert refusal(opened, path) == "other_version"


def test_the_file_is_the_teachers_alone(register, path):
    assert path.stat().st_mode & 0o077 == 0


def exported(register, code, dialect=USUAL):
    text = csv_of(register.room(code, TEACHER), lambda outcome: "soldiers", dialect)
    return list(csv.DictReader(io.StringIO(text), delimiter=dialect.delimiter))


def test_the_export_has_a_row_a_team_and_question(register, code):
    register.join(code, BORIS, "Boris", team="North")
    register.send(code, ANNA, 1, CLAIM)
    register.move(code, TEACHER, CLOSED)
    register.move(code, TEACHER, RUNNING)
    register.keep_answer(code, 1, CLAIM.overrides, ANSWER)
    register.all_answered(code, 1)
    register.ask(code, TEACHER, "peak_queue", "outcome")
    rows = exported(register, code)
    assert [(row["question"], row["team"], row["members"]) for row in rows] == [
        ("1", "A", "Anna"), ("1", "B", "Boris"), ("2", "A", "Anna"), ("2", "B", "Boris"),
    ]  # fmt: skip
    assert rows[0]["choice of settings"] == "border=closed" and float(rows[0]["mean effect"]) == ANSWER.mean
    assert rows[1]["choice of settings"] == rows[2]["choice of settings"] == ""


def test_the_export_has_the_conventions_that_the_command_line_offers(register, code):
    register.send(code, ANNA, 1, CLAIM._replace(confidence=0.85))
    usual = exported(register, code)
    names = {name for name in SEPARATORS if name != "comma"}
    assert dialects().keys() == {"comma .", *(f"{name} {decimal}" for name in names for decimal in DECIMALS)}
    for dialect in dialects().values():
        found = exported(register, code, dialect)
        assert found[0]["confidence"] == f"0{dialect.decimal}85"
        assert [row["members"] for row in found] == [row["members"] for row in usual]
    assert len({describe_dialect(one) for one in dialects().values()}) == len(dialects())


def test_the_export_holds_no_formula(register, code):
    register.join(code, BORIS, "=SUM(A1)", team="@North")
    register.send(code, BORIS, 1, CLAIM._replace(why='+1,"2'))
    row = exported(register, code)[1]
    assert (row["members"], row["team name"], row["reason"]) == ("'=SUM(A1)", "'@North", "'+1,\"2")


def test_the_place_of_the_file_is_movable(monkeypatch, tmp_path):
    from sim.classroom.sessions.storage import place_of_register

    monkeypatch.setenv("PANJ_CLASSROOM", str(tmp_path / "elsewhere.sqlite"))
    assert place_of_register() == tmp_path / "elsewhere.sqlite"
    monkeypatch.delenv("PANJ_CLASSROOM")
    assert place_of_register().parts[-2:] == ("panj", "classroom.sqlite")
