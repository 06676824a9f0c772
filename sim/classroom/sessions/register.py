"""Register of class sessions on disk: teachers, students, questions, claims and answers.

Reads   the secret of a browser (a cookie) in every call; its rights are checked in the same transaction.
Returns for a student: the question, and the student's own seat, claim and answer; for the teacher: everything.
Assumes Each browser is used by one person. The secret of a browser is stored as a hash that differs between sessions.
"""

import secrets
import sqlite3
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from functools import cache
from pathlib import Path

from cachetools import LRUCache

from sim.classroom.sessions import storage
from sim.classroom.sessions.claims import (
    ABOUT,
    Answer,
    Claim,
    Refused,
    checked_claim,
    clean_choice,
    clean_name,
    clean_overrides,
    dump_answer,
    folded,
)
from sim.classroom.sessions.feed import ChangeFeed, Listener
from sim.classroom.sessions.presence import Presence
from sim.classroom.sessions.session import (
    ANSWERED,
    CLOSED,
    CODE,
    DEBRIEF,
    ENDED,
    EYES,
    OPEN,
    PAUSE,
    REMOVED,
    RUNNING,
    TEACHERS_CODE,
    WORD,
    Kept,
    Place,
    Question,
    Room,
    Seat,
    Session,
    hashed,
    letters,
    name_of,
    now,
    offered,
    spelled,
    version_of,
)
from sim.classroom.sessions.storage import Storage, place_of_register
from sim.classroom.sessions.undo import Undos
from sim.configuration.overrides import BASELINE, Overrides

MOST_SESSIONS, MOST_OWN = 200, 20  # largest number of sessions per file and per browser
MOST_MEMBERS, MOST_QUESTIONS = 60, 20  # largest number of members and of questions per session
MOST_HAND_INS = 20  # largest number of hand-ins per member
MOST_TOLD = 1000  # largest number of removed browsers that are remembered, so that they can be notified
UNUSED = timedelta(days=1)  # age at which a session without members and questions is deleted
USUAL_RUNS, MOST_RUNS = 200, 1000
NEXT = {  # the stages to which a teacher may move a question, by its current stage
    OPEN: (CLOSED,), CLOSED: (OPEN, RUNNING), RUNNING: (), ANSWERED: (DEBRIEF,), DEBRIEF: (ANSWERED,),
}  # fmt: skip


class Register:
    """The sessions in one file. Methods may be called from any thread.

    A method that raises Refused has changed nothing, with one exception: if the file cannot be rewritten after a
    deletion, Refused is raised although the data are deleted.
    """

    def __init__(
        self, path: Path, resolve: Callable[[Overrides], object], offered: Callable[[], Collection[str]]
    ) -> None:
        self.storage = Storage(path)
        self.feed = ChangeFeed()
        self.undos = Undos(self.feed.announce)
        self.presence = Presence(self.announce_move)
        self.calls: dict[str, str] = {}  # the teacher's current call to each class; empty after a restart
        self.removed: LRUCache[tuple[str, str], bool] = LRUCache(MOST_TOLD)  # code and hash of removed browsers
        self.resolve = resolve  # raises PanjError for invalid settings
        self.offered = offered  # possible outcomes of questions

    @contextmanager
    def changing(self, code: str, teacher: str = "") -> Iterator[tuple[sqlite3.Connection, sqlite3.Row]]:
        """Open a transaction on a session, and notify the listeners of the session afterwards.

        Raise Refused if there is no such session, or if `teacher` is given but is not the secret of the teacher's
        browser.
        """
        with self.storage.acting() as act:
            session = storage.owned(act, code, teacher) if teacher else storage.session_row(act, code)
            yield act, session
        self.feed.announce(session["code"])

    # Methods for the teacher of a session.

    def open_session(self, browser: str) -> tuple[str, str]:
        """Open a session; return its code and the teacher's recovery word, which is stored only as a hash."""
        word = letters(WORD)
        with self.storage.acting() as act:
            storage.delete_unused(act, now(-UNUSED))
            if storage.count(act, "SELECT COUNT(*) FROM sessions") >= MOST_SESSIONS:
                raise Refused("many_sessions", most=MOST_SESSIONS)
            if len(storage.sessions_with(act, browser, "owners")) >= MOST_OWN:
                raise Refused("many_own_sessions", most=MOST_OWN)
            code = next(code for code in iter(lambda: letters(CODE), "") if not storage.found_session(act, code))
            act.execute(
                "INSERT INTO sessions (code, word_hash, opened) VALUES (?, ?, ?)", (code, hashed(word, code), now())
            )
            storage.own(act, code, browser)
        return code, word

    def come_back(self, code: str, word: str, browser: str) -> None:
        """Give another browser the rights of the session's teacher; raise Refused if the recovery word is wrong."""
        code = spelled(code)
        with self.changing(code) as (act, session):
            if not secrets.compare_digest(session["word_hash"], hashed(spelled(word), code)):
                raise Refused("wrong_word")
            storage.own(act, code, browser)

    def sessions_of(self, browser: str) -> list[Session]:
        """Return the sessions that belong to this browser as the teacher's, newest first."""
        with self.storage.reading() as act:
            return [storage.session_of(row) for row in storage.sessions_with(act, browser, "owners")]

    def room(self, code: str, browser: str) -> Room:
        """Return the whole session; raise Refused unless the browser is the teacher's."""
        with self.storage.reading() as act:
            session = storage.owned(act, code, browser)
            questions = act.execute(
                "SELECT * FROM questions WHERE session = ? ORDER BY number", (session["id"],)
            ).fetchall()
            pages = {hashed(one, session["code"]): page for one, page in self.presence.where().items()}
            return Room(
                storage.session_of(session),
                tuple(storage.team_of(act, row, pages) for row in storage.teams_in(act, session)),
                tuple(storage.question_of(row) for row in questions),
                {row["number"]: storage.answers_to(act, row["id"]) for row in questions},
                self.calls.get(session["code"], ""),
                self.undos.of(session["code"]),
                storage.scene_in(act, session),
            )

    def hand_ins(self, code: str, browser: str) -> list[tuple[str, str]]:
        """Return name and content of the hand-ins to a session, in the order of their first versions.

        Raises:
            Refused: The browser is not the teacher's.
        """
        with self.storage.reading() as act:
            found = act.execute(
                "SELECT name, content FROM hand_ins JOIN members ON members.id = member WHERE session = ?"
                " ORDER BY hand_ins.id",
                (storage.owned(act, code, browser)["id"],),
            ).fetchall()
            return [(row["name"], row["content"]) for row in found]

    def ask(
        self, code: str, browser: str, outcome: str, about: str,
        suggested: Overrides = BASELINE, is_fixed: bool = False, runs: int = USUAL_RUNS,
    ) -> Question:  # fmt: skip
        """Ask the next question of a session, which is immediately open to claims, and return it."""
        if about not in ABOUT or outcome not in self.offered() or not 2 <= runs <= MOST_RUNS:
            raise Refused("no_such_question", about=about, outcome=outcome)
        overrides = clean_choice(suggested, about) if is_fixed else clean_overrides(suggested)
        self.resolve(overrides)
        with self.changing(code, browser) as (act, session):
            last = storage.last_question(act, storage.alive(session))
            number = last["number"] + 1 if last else 1
            if number > MOST_QUESTIONS:
                raise Refused("many_questions", most=MOST_QUESTIONS)
            if last and last["stage"] == RUNNING:
                raise Refused("wrong_stage", stage=name_of(RUNNING))
            asked = Question(number, outcome, about, overrides, is_fixed, runs, OPEN)
            act.execute(
                "INSERT INTO questions (session, number, outcome, about, suggested, is_fixed, runs, stage)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                (session["id"], number, outcome, about, storage.dump_overrides(overrides), is_fixed, runs, OPEN),
            )
        return asked

    def move(self, code: str, browser: str, stage: str) -> None:
        """Move the current question to another stage.

        Raise Refused if `NEXT` does not allow the move, or if campaigns are to be run but no team has sent a claim.
        """
        with self.changing(code, browser) as (act, session):
            question = storage.last_question(act, storage.alive(session))
            if question is None or stage not in NEXT[question["stage"]]:
                raise Refused("wrong_stage", stage=name_of(question["stage"] if question else ""))
            if stage == RUNNING and not storage.count(
                act, "SELECT COUNT(*) FROM claims WHERE question = ?", (question["id"],)
            ):
                raise Refused("no_claims")
            act.execute("UPDATE questions SET stage = ? WHERE id = ?", (stage, question["id"]))

    def show_names(self, code: str, browser: str, is_shown: bool) -> None:
        """Set whether the wall shows the names of teams or only their letters."""
        with self.changing(code, browser) as (act, session):
            act.execute("UPDATE sessions SET names_shown = ? WHERE id = ?", (is_shown, session["id"]))

    def call(self, code: str, browser: str, call: str) -> None:
        """Ask the class to pause (PAUSE) or to look at the wall (EYES), or let it continue (empty)."""
        with self.changing(code, browser) as (_, session):
            if call not in ("", PAUSE, EYES):
                raise Refused("no_such_call", found=call)
            self.calls[session["code"]] = call

    def remove(self, code: str, browser: str, member: int) -> None:
        """Delete a member with the nickname and, if the team is then empty, the team with its claims.

        The member is notified. For a minute the rows are kept in memory, so that `undo` can restore them.
        """
        with self.changing(code, browser) as (act, session):
            found = storage.dismiss(act, session, member)
            if found is not None:
                self.removed[session["code"], found.member["browser"]] = True
                self.undos.add(session["code"], REMOVED, found.member["nickname"], found)
        self.storage.leave_no_trace()

    def put_back(self, code: str, number: int) -> None:
        """Restore a removed member and, if the team was deleted as well, the team with its latest claims.

        If another member of the team was removed later, the team's state at that time is the latest.
        """
        kept = self.undos.dismissed(code)
        dismissed = kept.get(number)
        if dismissed is None:  # in the meantime, the minute has passed or another tab has undone it
            raise Refused("too_late")
        last = [rows for rows in kept.values() if rows.same_team(dismissed)][-1]
        with self.changing(code) as (act, session):
            storage.put_back(act, session, dismissed._replace(team=last.team, claims=last.claims))
        self.removed.pop((code, dismissed.member["browser"]), None)

    def was_removed(self, code: str, browser: str) -> bool:
        """Return whether the teacher removed this browser from a session and it has not joined again."""
        return (spelled(code), hashed(browser, spelled(code))) in self.removed

    def end(self, code: str, browser: str) -> None:
        """End a session: it no longer accepts members or claims, but can be read until it is deleted."""
        with self.changing(code, browser) as (act, session):
            act.execute("UPDATE sessions SET ended = ? WHERE id = ?", (now(), storage.alive(session)["id"]))
            self.calls.pop(session["code"], None)
            self.undos.add(session["code"], ENDED, "")

    def undo(self, code: str, browser: str, number: int) -> None:
        """Undo an action of the teacher in the last minute; raise Refused if that is not possible."""
        with self.storage.reading() as act:
            code = storage.owned(act, code, browser)["code"]
        done = next((undo for undo in self.undos.of(code) if undo.number == number), None)
        if done is None:
            raise Refused("too_late")
        if done.kind == REMOVED:
            self.put_back(code, number)
        else:
            with self.changing(code) as (act, session):
                act.execute("UPDATE sessions SET ended = NULL WHERE id = ?", (session["id"],))
        self.undos.drop(code, number)
        self.feed.announce(code)

    def delete(self, code: str, browser: str) -> None:
        """Delete a whole session, and overwrite its data in the file."""
        with self.changing(code, browser) as (act, session):
            act.execute("DELETE FROM sessions WHERE id = ?", (session["id"],))
        self.forget(session["code"])
        self.storage.leave_no_trace()

    def forget(self, code: str) -> None:
        """Remove the data of a deleted session from memory."""
        self.undos.forget(code)
        self.calls.pop(code, None)

    # Methods for anybody with the teachers' code, which the server prints at the start.

    def everything(self, teachers_code: str) -> list[Kept]:
        """Return all sessions in the file, newest first; raise Refused if the teachers' code is wrong."""
        check_teacher(teachers_code)
        with self.storage.reading() as act:
            return [Kept(storage.session_of(row), storage.count_members(act, row)) for row in storage.all_sessions(act)]

    def clear(self, teachers_code: str, codes: Collection[str]) -> None:
        """Delete whole sessions of any teacher; raise Refused if the teachers' code is wrong."""
        check_teacher(teachers_code)
        with self.storage.acting() as act:
            act.executemany("DELETE FROM sessions WHERE code = ?", [(spelled(code),) for code in codes])
        for code in codes:
            self.forget(spelled(code))
        self.storage.leave_no_trace()
        for code in codes:
            self.feed.announce(spelled(code))

    def door(self, code: str, new: str) -> tuple[str, str]:
        """Return the code of the room and the key for signing cookies, which survive a restart of the server.

        Args:
            code: The new code; empty to keep the last one used.
            new: The code to use if there is none yet.
        """
        with self.storage.acting() as act:
            kept = storage.first(act, "SELECT code, secret FROM door")
            secret = kept["secret"] if kept else secrets.token_hex(32)
            code = code or (kept["code"] if kept else new)
            act.execute("DELETE FROM door")
            act.execute("INSERT INTO door (code, secret) VALUES (?, ?)", (code, secret))
        return code, secret

    # Methods for students.

    def find(self, code: str) -> Session | None:
        """Return the public part of a session for those who know its code; None if no session has this code."""
        with self.storage.reading() as act:
            row = storage.found_session(act, code)
            return storage.session_of(row) if row else None

    def session(self, code: str) -> Session:
        """Return the public part of a session for those who know its code."""
        with self.storage.reading() as act:
            return storage.session_of(storage.session_row(act, code))

    def join(self, code: str, browser: str, nickname: str, team: str = "", key: str = "") -> Seat:
        """Join a session alone, in a new team, or in the team whose key is given, and return the student's seat."""
        name = clean_name(nickname, name_of("nickname"))
        title = clean_name(team, name_of("team")) if team.strip() and not key.strip() else ""
        with self.changing(code) as (act, session):
            if storage.seat_row(act, storage.alive(session), browser):
                raise Refused("has_seat")
            if storage.count_members(act, session) >= MOST_MEMBERS:
                raise Refused("many_members", most=MOST_MEMBERS)
            same = "SELECT 1 FROM members WHERE session = ? AND folded = ?"
            if storage.first(act, same, (session["id"], folded(name))):
                raise Refused("name_taken", what=name_of("nickname"))
            place = storage.team_with(act, session, key) if key.strip() else storage.new_team(act, session, title)
            act.execute(
                "INSERT INTO members (session, team, browser, nickname, folded) VALUES (?, ?, ?, ?, ?)",
                (session["id"], place, hashed(browser, session["code"]), name, folded(name)),
            )
            row = storage.seat_row(act, session, browser)
            assert row is not None
            act.execute("INSERT INTO seats (member, token) VALUES (?, ?)", (row["member"], secrets.token_hex(8)))
            self.removed.pop((session["code"], hashed(browser, session["code"])), None)
            return storage.seat_of(act, row)

    def leave(self, code: str, browser: str) -> None:
        """Delete the seat of a browser with the nickname and, if the team is then empty, the team with its claims."""
        with self.changing(code) as (act, session):
            storage.delete_members(
                act, "session = ? AND browser = ?", (session["id"], hashed(browser, session["code"]))
            )
        self.storage.leave_no_trace()

    def seats_of(self, browser: str) -> list[Session]:
        """Return the sessions in which this browser has a seat, newest first."""
        with self.storage.reading() as act:
            return [storage.session_of(row) for row in storage.sessions_with(act, browser, "members")]

    def announce_move(self, browser: str) -> None:
        """Notify the teachers of a browser's sessions that its open page has changed."""
        with suppress(sqlite3.Error):  # the file is closed or busy; the next change of the session will notify them
            for session in self.seats_of(browser):
                self.feed.announce(session.code)

    def place(self, code: str, browser: str) -> Place:
        """Return a student's view of a session: nothing about other teams, and no answer before all are known."""
        with self.storage.reading() as act:
            session = storage.session_row(act, code)
            seat = storage.seated(act, session, browser)
            question = storage.last_question(act, session)
            row = storage.claim_row(act, question, seat["team"])
            sent = storage.sent_of(row) if row else None
            is_shown = question is not None and question["stage"] in (ANSWERED, DEBRIEF)
            answers = storage.answers_to(act, question["id"]) if question and is_shown else {}
            return Place(
                storage.session_of(session),
                storage.seat_of(act, seat),
                storage.question_of(question) if question else None,
                sent,
                answers.get(sent.claim.overrides) if sent else None,
                self.calls.get(session["code"], ""),
                storage.scene_in(act, session),
            )

    def send(self, code: str, browser: str, number: int, claim: Claim, seen: int | None = None) -> int:
        """Store or replace the claim of the browser's team on question `number`.

        Args:
            code: Code of the session.
            browser: Secret of the browser.
            number: Number of the question.
            claim: The claim.
            seen: Version of the team's claim that the student saw, 0 for none; None to replace any version.

        Returns:
            The version of the team's claim, which is 1 for the first.

        Raises:
            Refused: The question is not current or not open to claims, the class is paused, the claim is not allowed,
                the team has already sent the same claim, or has sent another one since the student saw `seen`.
        """
        question = self.place(code, browser).question
        if question is None or question.number != number:
            raise Refused("other_question")
        overrides = question.suggested if question.is_fixed else claim.overrides
        claim = checked_claim(claim._replace(overrides=overrides), question.about)
        self.resolve(claim.overrides)
        with self.changing(code) as (act, session):
            seat = storage.seated(act, storage.alive(session), browser)
            row = storage.last_question(act, session)
            if row is None or row["number"] != number:
                raise Refused("other_question")
            if row["stage"] != OPEN:
                raise Refused("wrong_stage", stage=name_of(row["stage"]))
            if self.calls.get(session["code"]):
                raise Refused("paused")
            earlier = storage.claim_row(act, row, seat["team"])
            before = storage.sent_of(earlier) if earlier else None
            if before is not None and before.claim == claim:
                raise Refused("same_claim")
            if seen is not None and seen != version_of(before):
                raise Refused("other_claim")
            act.execute(
                "INSERT INTO claims (question, team, words, low, high, confidence, why, sent)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (question, team) DO UPDATE SET words = excluded.words,"
                " low = excluded.low, high = excluded.high, confidence = excluded.confidence, why = excluded.why,"
                " sent = excluded.sent, revisions = revisions + 1",
                (row["id"], seat["team"], storage.dump_overrides(claim.overrides), *claim[1:], now()),
            )
        return version_of(before) + 1

    def hand_in(self, code: str, browser: str, name: str, content: str) -> None:
        """Store the hand-in of a student, replacing an earlier one with the same name.

        Args:
            code: Code of the session.
            browser: Secret of the browser.
            name: Name of the file.
            content: Content of the file.

        Raises:
            Refused: The browser has no seat in the session, or the student has too many hand-ins.
        """
        with self.changing(code) as (act, session):
            member = storage.seated(act, session, browser)["member"]
            mine = "SELECT COUNT(*) FROM hand_ins WHERE member = ? AND name = ?"
            is_replaced = storage.count(act, mine, (member, name))
            act.execute(
                "INSERT INTO hand_ins (member, name, content) VALUES (?, ?, ?)"
                " ON CONFLICT (member, name) DO UPDATE SET content = excluded.content",
                (member, name, content),
            )
            if storage.count(act, "SELECT COUNT(*) FROM hand_ins WHERE member = ?", (member,)) > MOST_HAND_INS:
                raise Refused("many_hand_ins", most=MOST_HAND_INS)
        if is_replaced:
            self.storage.leave_no_trace()

    def handed_in(self, code: str, browser: str, name: str) -> str:
        """Return the hand-in with a given file name from a browser to a session; empty if there is none."""
        with self.storage.reading() as act:
            seat = storage.seat_in(act, code, browser)
            if seat is None:
                return ""
            mine = "SELECT content FROM hand_ins WHERE member = ? AND name = ?"
            found = storage.first(act, mine, (seat["member"], name))
            return str(found["content"]) if found else ""

    # Methods for the question runner.

    def unfinished(self) -> list[tuple[str, Question]]:
        """Return the questions of all sessions with campaigns to run, each with the code of its session.

        These are the running questions, and answered questions for which a claim without an answer was restored later.
        """
        with self.storage.reading() as act:
            found = act.execute(
                "SELECT questions.*, code FROM questions JOIN sessions ON sessions.id = session WHERE stage = ?"
                f" OR stage IN (?, ?) AND EXISTS ({storage.UNANSWERED})",
                (RUNNING, ANSWERED, DEBRIEF),
            ).fetchall()
            return [(row["code"], storage.question_of(row)) for row in found]

    def unanswered(self, code: str, number: int) -> list[Overrides]:
        """Return the choices without an answer to a question, with the baseline first.

        They are those of the claims on the question and, until it has an answer, the baseline.
        """
        with self.storage.reading() as act:
            question = storage.question_row(act, code, number)
            found = act.execute("SELECT DISTINCT words FROM claims WHERE question = ?", (question["id"],)).fetchall()
            wanted = {BASELINE, *(storage.load_overrides(row["words"]) for row in found)}
            return sorted(wanted - storage.answers_to(act, question["id"]).keys())

    def keep_answer(self, code: str, number: int, overrides: Overrides, answer: Answer) -> None:
        """Store the answer for a choice, so that its campaigns are not run again."""
        with self.changing(code) as (act, _):
            question = storage.question_row(act, code, number)
            act.execute(
                "INSERT OR REPLACE INTO answers (question, words, answer) VALUES (?, ?, ?)",
                (question["id"], storage.dump_overrides(overrides), dump_answer(answer)),
            )
        self.feed.announce(code)

    def answer(self, code: str, number: int, overrides: Overrides) -> Answer | None:
        """Return the stored answer for a choice; None if there is none yet."""
        with self.storage.reading() as act:
            return storage.answers_to(act, storage.question_row(act, code, number)["id"]).get(overrides)

    def all_answered(self, code: str, number: int) -> None:
        """Move a running question to the stage `answered`."""
        with self.changing(code) as (act, _):
            question = storage.question_row(act, code, number)
            act.execute(
                "UPDATE questions SET stage = ? WHERE id = ? AND stage = ?", (ANSWERED, question["id"], RUNNING)
            )
        self.feed.announce(code)

    def watch(self, code: str, listener: Listener) -> Callable[[], None]:
        """Register a listener to be called after every change of a session; return a function that removes it."""
        return self.feed.watch(spelled(code), listener)


def check_teacher(teachers_code: str) -> None:
    """Raise Refused unless the given code is the teachers' code of this server."""
    if not secrets.compare_digest(spelled(teachers_code), TEACHERS_CODE):
        raise Refused("wrong_teachers_code")


@cache
def the_register() -> Register:
    """Return the register of this process.

    Returns:
        The register, which is opened by the first call.

    Raises:
        Refused: The file of the register cannot be used.
    """
    from sim.classroom.desk import the_desk

    return Register(place_of_register(), lambda overrides: the_desk().settings(overrides), offered)
