"""Class sessions: who opened them, who joined, what was asked, claimed and answered; kept on disk, and deleted whole.

Reads   a browser's secret (its cookie) with every act: what it proves is looked up in the same transaction.
Gives   to a student: the question, the own seat, claim and answer. To the teacher: everything of the session.
Assumed A browser is a person. Its secret is kept as a hash that differs from session to session.

Who wants to know when a class session changes, and one thread that tells them, one after the other.

Assumed Nobody who writes waits for those who read: changes that come while a listener is being told are told together.
"""

import secrets
import threading
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path

from sim.classroom.choice.form import Overrides
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
    folded,
    text_of,
)
from sim.classroom.sessions.session import (
    ANSWERED,
    CLOSED,
    CODE,
    DEBRIEF,
    OPEN,
    RUNNING,
    WORD,
    Place,
    Question,
    Room,
    Seat,
    Session,
    hashed,
    letters,
    now,
    offered,
    said,
    spelled,
)
from sim.classroom.sessions.storage import Storage, place_of_register

MOST_SESSIONS, MOST_MEMBERS, MOST_QUESTIONS = 200, 60, 20  # of the file; of a session
USUAL_RUNS, MOST_RUNS = 200, 1000
NEXT = {  # what may follow what, by the hand of the teacher
    OPEN: (CLOSED,), CLOSED: (OPEN, RUNNING), RUNNING: (), ANSWERED: (DEBRIEF,), DEBRIEF: (ANSWERED,),
}  # fmt: skip
Listener = Callable[[], None]


class Register:
    """The sessions of one file. Every method may be called from any thread; a refusal changes nothing."""

    def __init__(
        self, path: Path, resolve: Callable[[Overrides], object], offered: Callable[[], Collection[str]]
    ) -> None:
        self.storage = Storage(path)
        self.feed = ChangeFeed()
        self.resolve = resolve  # raises PanjError for a choice of settings that is none
        self.offered = offered  # outcomes about which may be asked

    # -- the teacher

    def open_session(self, browser: str) -> tuple[str, str]:
        """A new session: its code, and the word with which its teacher comes back, kept nowhere but in hash."""
        word = letters(WORD)
        with self.storage.acting() as act:
            if storage.count(act, "SELECT COUNT(*) FROM sessions") >= MOST_SESSIONS:
                raise Refused("many_sessions", most=MOST_SESSIONS)
            code = next(code for code in iter(lambda: letters(CODE), "") if not storage.found_session(act, code))
            act.execute(
                "INSERT INTO sessions (code, word_hash, opened) VALUES (?, ?, ?)", (code, hashed(word, code), now())
            )
            storage.own(act, code, browser)
        return code, word

    def come_back(self, code: str, word: str, browser: str) -> None:
        """Another browser of the teacher, who knows the word."""
        code = spelled(code)
        with self.storage.acting() as act:
            session = storage.session_row(act, code)
            if not secrets.compare_digest(session["word_hash"], hashed(spelled(word), code)):
                raise Refused("wrong_word")
            storage.own(act, code, browser)
        self.feed.tell(code)

    def sessions_of(self, browser: str) -> list[Session]:
        """Sessions that this browser is the teacher of, the newest first."""
        with self.storage.reading() as act:
            return [storage.session_of(row) for row in storage.all_sessions(act) if storage.is_owner(act, row, browser)]

    def room(self, code: str, browser: str) -> Room:
        """Everything of a session, for its teacher."""
        with self.storage.reading() as act:
            session = storage.owned(act, code, browser)
            questions = act.execute(
                "SELECT * FROM questions WHERE session = ? ORDER BY number", (session["id"],)
            ).fetchall()
            return Room(
                storage.session_of(session),
                tuple(storage.team_of(act, row) for row in storage.teams_in(act, session)),
                tuple(storage.question_of(row) for row in questions),
                {row["number"]: storage.answers_to(act, row["id"]) for row in questions},
            )

    def ask(
        self, code: str, browser: str, outcome: str, about: str,
        suggested: Sequence[str] = (), is_fixed: bool = False, runs: int = USUAL_RUNS,
    ) -> Question:  # fmt: skip
        """The next question of a session; open to claims at once."""
        if about not in ABOUT or outcome not in self.offered() or not 2 <= runs <= MOST_RUNS:
            raise Refused("no_such_question", about=about, outcome=outcome)
        overrides = clean_choice(suggested, about) if is_fixed else clean_overrides(suggested)
        self.resolve(overrides)
        with self.storage.acting() as act:
            session = storage.alive(storage.owned(act, code, browser))
            last = storage.last_question(act, session)
            number = last["number"] + 1 if last else 1
            if number > MOST_QUESTIONS:
                raise Refused("many_questions", most=MOST_QUESTIONS)
            if last and last["stage"] == RUNNING:
                raise Refused("wrong_stage", stage=said(RUNNING))
            asked = Question(number, outcome, about, overrides, is_fixed, runs, OPEN)
            act.execute(
                "INSERT INTO questions (session, number, outcome, about, suggested, is_fixed, runs, stage)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                (session["id"], number, outcome, about, storage.as_text(overrides), is_fixed, runs, OPEN),
            )
        self.feed.tell(session["code"])
        return asked

    def move(self, code: str, browser: str, stage: str) -> None:
        """The question of now goes on to another stage."""
        with self.storage.acting() as act:
            session = storage.alive(storage.owned(act, code, browser))
            question = storage.last_question(act, session)
            if question is None or stage not in NEXT[question["stage"]]:
                raise Refused("wrong_stage", stage=said(question["stage"] if question else ""))
            if stage == RUNNING and not storage.count(
                act, "SELECT COUNT(*) FROM claims WHERE question = ?", (question["id"],)
            ):
                raise Refused("no_claims")
            act.execute("UPDATE questions SET stage = ? WHERE id = ?", (stage, question["id"]))
        self.feed.tell(session["code"])

    def show_names(self, code: str, browser: str, is_shown: bool) -> None:
        """Whether the wall shows the names of teams or their letters."""
        with self.storage.acting() as act:
            session = storage.owned(act, code, browser)
            act.execute("UPDATE sessions SET names_shown = ? WHERE id = ?", (is_shown, session["id"]))
        self.feed.tell(session["code"])

    def remove(self, code: str, browser: str, member: int) -> None:
        """Take one who joined out of the session, with the nickname; a team that is empty goes with its claims."""
        with self.storage.acting() as act:
            session = storage.owned(act, code, browser)
            storage.take_out(act, "session = ? AND id = ?", (session["id"], member))
        self.feed.tell(session["code"])
        self.storage.leave_no_trace()

    def end(self, code: str, browser: str) -> None:
        """Nobody joins or claims any more; what is there can be read until it is deleted."""
        with self.storage.acting() as act:
            session = storage.owned(act, code, browser)
            act.execute("UPDATE sessions SET ended = ? WHERE id = ?", (now(), session["id"]))
        self.feed.tell(session["code"])

    def delete(self, code: str, browser: str) -> None:
        """All of a session, names first of all; nothing of it can be read from the file afterwards."""
        with self.storage.acting() as act:
            session = storage.owned(act, code, browser)
            act.execute("DELETE FROM sessions WHERE id = ?", (session["id"],))
        self.feed.tell(session["code"])
        self.storage.leave_no_trace()

    # -- a student

    def session(self, code: str) -> Session:
        """What there is to know of a session for whoever knows its code."""
        with self.storage.reading() as act:
            return storage.session_of(storage.session_row(act, code))

    def join(self, code: str, browser: str, nickname: str, team: str = "", key: str = "") -> Seat:
        """A seat: alone, in a new team with a name, or in the team whose key is given."""
        name = clean_name(nickname, said("nickname"))
        title = clean_name(team, said("team")) if team.strip() and not key.strip() else ""
        with self.storage.acting() as act:
            session = storage.alive(storage.session_row(act, code))
            if storage.seat_row(act, session, browser):
                raise Refused("has_seat")
            if storage.count(act, "SELECT COUNT(*) FROM members WHERE session = ?", (session["id"],)) >= MOST_MEMBERS:
                raise Refused("many_members", most=MOST_MEMBERS)
            if act.execute(
                "SELECT 1 FROM members WHERE session = ? AND folded = ?", (session["id"], folded(name))
            ).fetchone():
                raise Refused("name_taken", what=said("nickname"))
            place = (
                storage.team_with(act, session, key)
                if key.strip()
                else storage.new_team(act, session, title or name, bool(title))
            )
            act.execute(
                "INSERT INTO members (session, team, browser, nickname, folded) VALUES (?, ?, ?, ?, ?)",
                (session["id"], place, hashed(browser, session["code"]), name, folded(name)),
            )
            row = storage.seat_row(act, session, browser)
            assert row is not None
            seat = storage.seat_of(act, row)
        self.feed.tell(session["code"])
        return seat

    def leave(self, code: str, browser: str) -> None:
        """Give up one's seat, with the nickname; a team that is empty goes with its claims."""
        with self.storage.acting() as act:
            session = storage.session_row(act, code)
            storage.take_out(act, "session = ? AND browser = ?", (session["id"], hashed(browser, session["code"])))
        self.feed.tell(session["code"])
        self.storage.leave_no_trace()

    def seats_of(self, browser: str) -> list[Session]:
        """Sessions in which this browser has a seat, the newest first."""
        with self.storage.reading() as act:
            return [storage.session_of(row) for row in storage.all_sessions(act) if storage.seat_row(act, row, browser)]

    def place(self, code: str, browser: str) -> Place:
        """What a student may see: nothing of any other team."""
        with self.storage.reading() as act:
            session = storage.session_row(act, code)
            seat = storage.seated(act, session, browser)
            question = storage.last_question(act, session)
            row = storage.claim_row(act, question, seat["team"])
            sent = storage.sent_of(row) if row else None
            is_told = question is not None and question["stage"] in (ANSWERED, DEBRIEF)
            answers = storage.answers_to(act, question["id"]) if question and is_told else {}
            return Place(
                storage.session_of(session),
                storage.seat_of(act, seat),
                storage.question_of(question) if question else None,
                sent,
                answers.get(sent.claim.overrides) if sent else None,
            )

    def send(self, code: str, browser: str, number: int, claim: Claim) -> None:
        """A claim of one's team on question `number`, or another in place of it; while claims are open."""
        question = self.place(code, browser).question
        if question is None or question.number != number:
            raise Refused("other_question")
        overrides = question.suggested if question.is_fixed else claim.overrides
        claim = checked_claim(claim._replace(overrides=tuple(overrides)), question.about)
        self.resolve(claim.overrides)
        with self.storage.acting() as act:
            session = storage.alive(storage.session_row(act, code))
            seat = storage.seated(act, session, browser)
            row = storage.last_question(act, session)
            if row is None or row["number"] != number:
                raise Refused("other_question")
            if row["stage"] != OPEN:
                raise Refused("wrong_stage", stage=said(row["stage"]))
            act.execute(
                "INSERT INTO claims (question, team, words, low, high, confidence, why, sent)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (question, team) DO UPDATE SET words = excluded.words,"
                " low = excluded.low, high = excluded.high, confidence = excluded.confidence, why = excluded.why,"
                " sent = excluded.sent, revisions = revisions + 1",
                (row["id"], seat["team"], storage.as_text(claim.overrides), *claim[1:], now()),
            )
        self.feed.tell(session["code"])

    # -- the server itself, which answers questions

    def running(self) -> list[tuple[str, Question]]:
        """Questions whose campaigns were wanted and are not all there, of all sessions."""
        with self.storage.reading() as act:
            found = act.execute(
                "SELECT questions.*, code FROM questions JOIN sessions ON sessions.id = session WHERE stage = ?",
                (RUNNING,),
            ).fetchall()
            return [(row["code"], storage.question_of(row)) for row in found]

    def unanswered(self, code: str, number: int) -> list[Overrides]:
        """The choices of settings of a question that have no answer yet, the baseline first."""
        with self.storage.reading() as act:
            question = storage.question_row(act, code, number)
            found = act.execute("SELECT DISTINCT words FROM claims WHERE question = ?", (question["id"],)).fetchall()
            wanted = sorted({(), *(storage.load_overrides(row["words"]) for row in found)})
            return [overrides for overrides in wanted if overrides not in storage.answers_to(act, question["id"])]

    def keep_answer(self, code: str, number: int, overrides: Overrides, answer: Answer) -> None:
        """What the campaigns of a choice told, so that they need not be lived again."""
        with self.storage.acting() as act:
            question = storage.question_row(act, code, number)
            act.execute(
                "INSERT OR REPLACE INTO answers (question, words, answer) VALUES (?, ?, ?)",
                (question["id"], storage.as_text(overrides), text_of(answer)),
            )
        self.feed.tell(code)

    def answer(self, code: str, number: int, overrides: Overrides) -> Answer | None:
        """What was kept of a choice."""
        with self.storage.reading() as act:
            return storage.answers_to(act, storage.question_row(act, code, number)["id"]).get(overrides)

    def all_answered(self, code: str, number: int) -> None:
        """A question is answered when every choice of it is."""
        with self.storage.acting() as act:
            question = storage.question_row(act, code, number)
            act.execute(
                "UPDATE questions SET stage = ? WHERE id = ? AND stage = ?", (ANSWERED, question["id"], RUNNING)
            )
        self.feed.tell(code)

    def watch(self, code: str, listener: Listener) -> Callable[[], None]:
        """Call `listener`, from a thread of ours, whenever a session has changed; what is returned ends that."""
        return self.feed.watch(spelled(code), listener)


@cache
def the_register() -> Register:
    """The one of this process, opened when first asked for."""
    from sim.classroom.desk import the_desk

    return Register(place_of_register(), lambda overrides: the_desk().settings(overrides), offered)


class ChangeFeed:
    """Listeners by session code. Every method may be called from any thread."""

    def __init__(self) -> None:
        self.changed = threading.Condition()
        self.listeners: dict[str, list[Listener]] = {}
        self.news: dict[str, None] = {}  # codes in the order of their first change that nobody was told of
        threading.Thread(target=self.serve, name="bulletin", daemon=True).start()

    def watch(self, code: str, listener: Listener) -> Callable[[], None]:
        """Call `listener` after every change of a session; what is returned ends that."""
        with self.changed:
            self.listeners.setdefault(code, []).append(listener)
        return lambda: self.forget(code, listener)

    def forget(self, code: str, listener: Listener) -> None:
        """Tell a listener no more."""
        with self.changed:
            theirs = self.listeners.get(code, [])
            if listener in theirs:
                theirs.remove(listener)
            if not theirs:
                self.listeners.pop(code, None)

    def tell(self, code: str) -> None:
        """Something has changed in a session."""
        with self.changed:
            self.news[code] = None
            self.changed.notify()

    def serve(self) -> None:
        """What the thread does for ever; a listener that fails, because its page has gone, is told no more."""
        while True:
            with self.changed:
                while not self.news:
                    self.changed.wait()
                code = next(iter(self.news))
                del self.news[code]
                listeners = list(self.listeners.get(code, []))
            for listener in listeners:
                try:
                    listener()
                except Exception:
                    with suppress(ValueError):
                        self.forget(code, listener)
