"""The seven scenes in a class session: the current scene of the class, and the work of each student.

Reads   the secret of a browser in every call; its rights are checked in the same transaction.
Writes  the tables `scenes`, `scene_work` and `shown_pairs` of the register. A student's work is deleted with the
        student's seat.
Returns for the wall and the student's own pages: the letter of the team, the locked drawing, whether the campaign was
run, and brackets. All pages of one seat show the same state. Assumes A prediction must precede its answer: no drawing
is accepted after the student's own campaign was run, and no bracket for a decision whose pairs the wall has shown.
"""

import json
import sqlite3
from collections.abc import Collection, Mapping, Sequence
from functools import cache
from hashlib import sha256
from typing import Any, NamedTuple

import numpy as np

from sim.classroom.sessions import storage
from sim.classroom.sessions.claims import Refused
from sim.classroom.sessions.register import Register, the_register
from sim.classroom.sessions.session import PAUSE
from sim.errors import PanjError, unknown
from sim.explorable.content import SCENES

DRAWING, CAMPAIGN, BRACKET, SENTENCE = "drawing", "campaign", "bracket", storage.SENTENCE  # work of a student
KINDS = (DRAWING, CAMPAIGN, BRACKET, SENTENCE)
FIRST_AT = {DRAWING: "draw", CAMPAIGN: "run", BRACKET: "decision", SENTENCE: "claim"}  # scene of each kind of work
LONGEST = 400  # largest number of characters of a sentence, as in the form of the page
PAGE = "scenes"  # name of the page in the list of students' open pages


class Outline(NamedTuple):
    """The sizes of a page of scenes, used to check a student's messages."""

    days: int
    districts: int
    decisions: tuple[str, ...]  # without the decisions as reported


class Campaigns(NamedTuple):
    """The free campaigns of the page, for the wall."""

    about: Mapping[str, Any]  # metadata in the JSON of the page
    held: np.ndarray  # districts held at the end of each day, decisions x campaigns x days

    @property
    def decisions(self) -> tuple[str, ...]:
        """The decisions of the page, without the decisions as reported."""
        return tuple(one["key"] for one in self.about["decisions"][1:])

    @property
    def outline(self) -> Outline:
        """The sizes used to check a student's messages."""
        return Outline(self.about["days"], self.about["districts"], self.decisions)

    def differences(self, decision: str) -> np.ndarray:
        """Return the districts held on the last day with a decision minus those without it, one for each campaign."""
        ends = self.held[:, :, -1]
        found: np.ndarray = ends[1 + self.decisions.index(decision)] - ends[0]
        return found


class Done(NamedTuple):
    """One piece of a student's work: a locked drawing, a finished campaign, a bracket, or the student's sentence."""

    kind: str
    decision: str = ""  # decision to which a bracket belongs
    numbers: tuple[float, ...] = ()  # drawn number of districts per day, or the two ends of a bracket
    text: str = ""  # the sentence


class Work(NamedTuple):
    """The work of one student, without name; the wall shows all of it but the sentence, which is for the teacher."""

    letter: str
    member: int
    drawing: tuple[float, ...] = ()
    has_run: bool = False
    brackets: Mapping[str, tuple[float, float]] = {}  # brackets, by decision
    sentence: str = ""

    def has(self, done: Done) -> bool:
        """Return whether this item is stored, rather than an earlier one by the same student on another page."""
        if done.kind == BRACKET:
            return self.brackets.get(done.decision) == done.numbers
        if done.kind == SENTENCE:
            return self.sentence == done.text
        return self.has_run if done.kind == CAMPAIGN else self.drawing == done.numbers


class Walk(NamedTuple):
    """The state that a student's page needs to follow the class."""

    scene: int
    call: str  # the teacher's call to the class: PAUSE, EYES or empty
    attempt: str  # identifies the attempt; it changes with the student's seat, and when the teacher begins again
    work: Work  # stored work of the student in this attempt
    shown: tuple[str, ...]  # decisions whose pairs the wall has shown


class ClassScenes:
    """The scenes of all sessions of a register. Methods may be called from any thread."""

    def __init__(self, register: Register) -> None:
        self.register = register

    # Methods for the teacher of a session.

    def begin(self, code: str, browser: str) -> None:
        """Begin with the first scene, and delete the work of the class in earlier rounds, except for the sentences."""
        with self.register.changing(code, browser) as (act, session):
            storage.alive(session)
            act.execute(
                "INSERT INTO scenes (session, scene, round) VALUES (?, 0, 1)"
                " ON CONFLICT (session) DO UPDATE SET scene = 0, round = round + 1",
                (session["id"],),
            )
            act.execute(
                "DELETE FROM scene_work WHERE kind != ? AND member IN (SELECT id FROM members WHERE session = ?)",
                (SENTENCE, session["id"]),
            )
            act.execute("DELETE FROM shown_pairs WHERE session = ?", (session["id"],))
        self.register.storage.leave_no_trace()

    def move(self, code: str, browser: str, scene: int) -> None:
        """Move the class to a scene; raise Refused if there is no such scene, or the class is not in the scenes."""
        with self.register.changing(code, browser) as (act, session):
            storage.current_scene(act, storage.alive(session))
            if not 0 <= scene < len(SCENES):
                raise Refused("no_such_scene", found=scene + 1, most=len(SCENES))
            act.execute("UPDATE scenes SET scene = ? WHERE session = ?", (scene, session["id"]))

    def stop(self, code: str, browser: str) -> None:
        """End the scenes; the work of the class is kept until they are begun again, sentences also after that."""
        with self.register.changing(code, browser) as (act, session):
            act.execute("UPDATE scenes SET scene = NULL WHERE session = ?", (session["id"],))

    def gathered(self, code: str, browser: str) -> tuple[Work, ...]:
        """Return the work of each student in a session; raise Refused unless the browser is the teacher's."""
        with self.register.storage.reading() as act:
            session = storage.owned(act, code, browser)
            members = act.execute(
                "SELECT members.id, letter FROM members JOIN teams ON teams.id = team WHERE members.session = ?"
                " ORDER BY teams.id, members.id",
                (session["id"],),
            ).fetchall()
            rows = act.execute(
                "SELECT scene_work.* FROM scene_work JOIN members ON members.id = member WHERE session = ?",
                (session["id"],),
            ).fetchall()
        return tuple(
            work_of(one["letter"], one["id"], [row for row in rows if row["member"] == one["id"]]) for one in members
        )

    def show_pairs(self, code: str, browser: str, decisions: Collection[str]) -> None:
        """Record that the wall shows the pairs of decisions, so that no more brackets are accepted for them.

        Only decisions for which a student has set a bracket are recorded, since the wall shows no others.

        Raises:
            Refused: The browser is not the teacher's, or the class is not in the scenes.
        """
        with self.register.storage.acting() as act:
            session = storage.owned(act, code, browser)
            storage.current_scene(act, session)
            before = shown_in(act, session)
            act.executemany(
                "INSERT OR IGNORE INTO shown_pairs (session, decision)"
                " SELECT DISTINCT session, decision FROM scene_work JOIN members ON members.id = member"
                " WHERE session = ? AND kind = ? AND decision = ?",
                [(session["id"], BRACKET, decision) for decision in decisions],
            )
            is_new = shown_in(act, session) != before
        if is_new:
            self.register.feed.announce(session["code"])

    def shown(self, code: str, browser: str) -> tuple[str, ...]:
        """Return the decisions whose pairs the wall has shown; raise Refused unless the browser is the teacher's."""
        with self.register.storage.reading() as act:
            return shown_in(act, storage.owned(act, code, browser))

    # Methods for students.

    def walk(self, code: str, browser: str) -> Walk:
        """Return the current scene; raise Refused unless the browser has a seat and the class is in the scenes."""
        with self.register.storage.reading() as act:
            session = storage.session_row(act, code)
            seat = storage.seated(act, session, browser)
            return Walk(
                storage.current_scene(act, session),
                self.register.calls.get(session["code"], ""), storage.attempt_of(act, session, seat["member"]),
                own_work(act, seat), shown_in(act, session),
            )  # fmt: skip

    def keep(self, code: str, browser: str, done: Done, attempt: str | None = None) -> bool:
        """Store a student's work, unless it has been done before, so that no prediction is changed later.

        Only a sentence, which predicts nothing, replaces an earlier one.

        Args:
            code: Code of the session.
            browser: Secret of the browser.
            done: The work.
            attempt: The attempt in which it was done (see `Walk`); None for the current one.

        Returns:
            Whether this value is stored; False if the student did it differently before, for instance in another tab.

        Raises:
            Refused: The browser has no seat, the class is paused or has not reached the scene, the answer has been
                shown, or the work is from another attempt: by a student who has left, or before the teacher began
                again.
        """
        with self.register.storage.acting() as act:
            session = storage.alive(storage.session_row(act, code))
            seat = storage.seated(act, session, browser)
            scene = storage.current_scene(act, session)
            if attempt not in (None, storage.attempt_of(act, session, seat["member"])):
                raise Refused("other_attempt")
            if self.register.calls.get(session["code"]) == PAUSE:
                raise Refused("paused")
            if scene < SCENES.index(FIRST_AT[done.kind]):
                raise Refused("scene_ahead", scene=scene + 1)
            check_unseen(own_work(act, seat), done, shown_in(act, session))
            made = act.execute(
                f"INSERT OR {'REPLACE' if done.kind == SENTENCE else 'IGNORE'} INTO scene_work"
                " (member, kind, decision, content) VALUES (?, ?, ?, ?)",
                (seat["member"], done.kind, done.decision, json.dumps(done.text or done.numbers)),
            )
            is_kept = own_work(act, seat).has(done)
        if done.kind == SENTENCE:
            self.register.storage.leave_no_trace()
        if made.rowcount:
            self.register.feed.announce(session["code"])
        return is_kept

    def attend(self, code: str, browser: str, page: str) -> None:
        """Record that a browser has a page of scenes open; the page must call this repeatedly."""
        self.register.presence.enter(page_in(code, browser, page), browser, PAGE)

    def leave(self, code: str, browser: str, page: str) -> None:
        """Record that a page of scenes was closed."""
        self.register.presence.leave(page_in(code, browser, page))


def page_in(code: str, browser: str, page: str) -> str:
    """Return an id of a page of scenes that is unique among all pages and cannot be guessed by another browser."""
    return f"{PAGE} {code} {browser} {page}"


def check_unseen(work: Work, done: Done, shown: Collection[str]) -> None:
    """Raise Refused if the answer to a prediction has been shown, unless the prediction was made before."""
    if done.kind == DRAWING and work.has_run and not work.drawing:
        raise Refused("campaign_seen")
    if done.kind == BRACKET and done.decision in shown and done.decision not in work.brackets:
        raise Refused("pairs_seen")


def shown_in(act: sqlite3.Connection, session: sqlite3.Row) -> tuple[str, ...]:
    """Return the decisions whose pairs the wall has shown since the scenes of a session began."""
    found = act.execute("SELECT decision FROM shown_pairs WHERE session = ? ORDER BY decision", (session["id"],))
    return tuple(row["decision"] for row in found.fetchall())


def own_work(act: sqlite3.Connection, seat: sqlite3.Row) -> Work:
    """Return the work of the student with a seat."""
    rows = act.execute("SELECT * FROM scene_work WHERE member = ?", (seat["member"],)).fetchall()
    return work_of(seat["letter"], seat["member"], rows)


def work_of(letter: str, member: int, rows: Sequence[sqlite3.Row]) -> Work:
    """Convert the stored rows of one student to `Work`."""
    content = {(row["kind"], row["decision"]): json.loads(row["content"]) for row in rows}
    sentence = content.pop((SENTENCE, ""), "")
    found = {key: tuple(numbers) for key, numbers in content.items()}
    brackets = {decision: (ends[0], ends[1]) for (kind, decision), ends in found.items() if kind == BRACKET}
    return Work(letter, member, found.get((DRAWING, ""), ()), (CAMPAIGN, "") in found, brackets, sentence)


def campaign_of(member: int, code: str, runs: int) -> int:
    """Return the number of a student's own campaign, which differs between students who join one after another.

    Args:
        member: Number of the student in the register.
        code: Code of the session, which determines the campaign of its first student.
        runs: Number of campaigns of the page.
    """
    return (int.from_bytes(sha256(code.encode()).digest()[:4], "big") + member) % runs


def read_done(content: bytes, outline: Outline) -> Done:
    """Check the message of a page of scenes.

    Args:
        content: JSON such as `{"kind": "bracket", "decision": "border=closed", "low": -20, "high": 10}`.
        outline: The sizes of the page.

    Raises:
        PanjError: The content is not JSON, or a value is missing, of the wrong type or out of range; the message names
            the key.
    """
    try:
        given = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise PanjError(f"json: found text that is not JSON ({type(error).__name__}), expected an object") from error
    if not isinstance(given, Mapping):
        raise PanjError(f"json: found {type(given).__name__}, expected an object")
    kind = given.get("kind")
    if kind not in KINDS:
        raise unknown("kind", ascii(kind)[:40], KINDS)
    if kind == CAMPAIGN:
        return Done(kind)
    if kind == SENTENCE:
        return Done(kind, text=sentence_of(given.get("sentence")))
    if kind == DRAWING:
        return Done(kind, numbers=drawing_of(given.get("drawing"), outline))
    decision = given.get("decision")
    if decision not in outline.decisions:
        raise unknown("decision", ascii(decision)[:60], outline.decisions)
    low, high = (number_of(end, given.get(end), -outline.districts, outline.districts) for end in ("low", "high"))
    if low > high:
        raise PanjError(f"low: found {low:g}, expected at most high, {high:g}")
    return Done(kind, decision, (low, high))


def sentence_of(given: object) -> str:
    """Check a sentence, and return it without the spaces around it."""
    if not isinstance(given, str) or not 0 < len(given.strip()) <= LONGEST:
        found = f"{len(given)} characters" if isinstance(given, str) else type(given).__name__
        raise PanjError(f"sentence: found {found}, expected a text of 1 to {LONGEST} characters")
    return given.strip().encode(errors="replace").decode()


def drawing_of(given: object, outline: Outline) -> tuple[float, ...]:
    """Check a drawing, which has one number of districts for each day."""
    if not isinstance(given, Sequence) or isinstance(given, str) or len(given) != outline.days:
        found = f"{len(given)} values" if isinstance(given, Sequence) else type(given).__name__
        raise PanjError(f"drawing: found {found}, expected {outline.days} numbers, one for each day")
    return tuple(number_of("drawing", one, 0, outline.districts) for one in given)


def number_of(key: str, given: Any, low: float, high: float) -> float:
    """Check that a value is a number from `low` to `high`, and return it rounded to a tenth."""
    is_number = isinstance(given, int | float) and not isinstance(given, bool)
    if not is_number or not low <= given <= high:
        raise PanjError(f"{key}: found {ascii(given)[:40]}, expected a number from {low:g} to {high:g}")
    return round(float(given), 1)


@cache
def the_class_scenes() -> ClassScenes:
    """Return the scenes of the sessions of this process."""
    return ClassScenes(the_register())
