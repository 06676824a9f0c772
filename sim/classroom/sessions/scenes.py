"""The seven scenes in a class session: where the teacher has taken the class, and what each student did there.

Reads   the secret of a browser with every call; what the browser may do is checked in the same transaction.
Writes  the tables `scenes` and `scene_work` of the register. What a student did is deleted with the student's seat.
Returns of a student, for the wall: the letter of the team, the locked drawing, whether the campaign was run, brackets.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from hashlib import sha256
from typing import Any, NamedTuple

import numpy as np

from sim.classroom.sessions import storage
from sim.classroom.sessions.claims import Refused
from sim.classroom.sessions.presence import Opened
from sim.classroom.sessions.register import Register, the_register
from sim.classroom.sessions.session import PAUSE
from sim.errors import PanjError, unknown
from sim.explorable.content import SCENES

DRAWING, CAMPAIGN, BRACKET = "drawing", "campaign", "bracket"  # what a student can do
KINDS = (DRAWING, CAMPAIGN, BRACKET)
FIRST_AT = {DRAWING: "draw", CAMPAIGN: "run", BRACKET: "decision"}  # the scene in which it is done
PAGE = "scenes"  # name of the page in the list of who is where


class Outline(NamedTuple):
    """The sizes of a page of scenes, against which what a student sends is checked."""

    days: int
    districts: int
    decisions: tuple[str, ...]  # without the decisions as reported


class Campaigns(NamedTuple):
    """The free campaigns of the page, as the wall shows them."""

    about: Mapping[str, Any]  # JSON of the page
    held: np.ndarray  # districts held at the end of each day, decisions x campaigns x days

    @property
    def decisions(self) -> tuple[str, ...]:
        """The decisions of the page, without the decisions as reported."""
        return tuple(one["key"] for one in self.about["decisions"][1:])

    @property
    def outline(self) -> Outline:
        """The sizes against which what a student sends is checked."""
        return Outline(self.about["days"], self.about["districts"], self.decisions)

    def differences(self, decision: str) -> np.ndarray:
        """Return the districts held on the last day with a decision minus those without it, one for each campaign."""
        ends = self.held[:, :, -1]
        found: np.ndarray = ends[1 + self.decisions.index(decision)] - ends[0]
        return found


class Done(NamedTuple):
    """Something that a student has done: a locked drawing, a campaign that was run, or a bracket that was set."""

    kind: str
    decision: str = ""  # of a bracket
    numbers: tuple[float, ...] = ()  # the drawn districts of each day, or the two ends of a bracket


class Walk(NamedTuple):
    """What the page of one student needs to follow the class."""

    scene: int
    round: int  # changes when the teacher begins again
    call: str  # PAUSE, EYES or empty
    letter: str
    member: int
    attempt: str  # changes with the student's seat and with the round


class Work(NamedTuple):
    """What one student did, as the wall may show it."""

    letter: str
    member: int
    drawing: tuple[float, ...] = ()
    has_run: bool = False
    brackets: Mapping[str, tuple[float, float]] = {}  # by decision


class ClassScenes:
    """The scenes of all sessions of a register. Methods may be called from any thread."""

    def __init__(self, register: Register) -> None:
        self.register = register

    # Methods for the teacher of a session.

    def begin(self, code: str, browser: str) -> None:
        """Begin at the first scene, and delete what the class did when it went through them before."""
        with self.register.changing(code, browser) as (act, session):
            storage.alive(session)
            act.execute(
                "INSERT INTO scenes (session, scene, round) VALUES (?, 0, 1)"
                " ON CONFLICT (session) DO UPDATE SET scene = 0, round = round + 1",
                (session["id"],),
            )
            act.execute(
                "DELETE FROM scene_work WHERE member IN (SELECT id FROM members WHERE session = ?)", (session["id"],)
            )
        self.register.storage.leave_no_trace()

    def move(self, code: str, browser: str, scene: int) -> None:
        """Move the class to a scene; raise Refused if there is no such scene, or the class is not in the scenes."""
        with self.register.changing(code, browser) as (act, session):
            if storage.scene_in(act, storage.alive(session)) is None:
                raise Refused("no_scenes")
            if not 0 <= scene < len(SCENES):
                raise Refused("no_such_scene", found=scene + 1, most=len(SCENES))
            act.execute("UPDATE scenes SET scene = ? WHERE session = ?", (scene, session["id"]))

    def stop(self, code: str, browser: str) -> None:
        """Take the class back from the scenes; what it did is kept until they are begun again."""
        with self.register.changing(code, browser) as (act, session):
            act.execute("UPDATE scenes SET scene = NULL WHERE session = ?", (session["id"],))

    def gathered(self, code: str, browser: str) -> tuple[Work, ...]:
        """Return what each student of a session did; raise Refused unless the session's teacher uses this browser."""
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
        works = {one["id"]: Work(one["letter"], one["id"]) for one in members}
        for row in rows:
            works[row["member"]] = with_row(works[row["member"]], row["kind"], row["decision"], row["content"])
        return tuple(works.values())

    # Methods for students.

    def walk(self, code: str, browser: str) -> Walk:
        """Return where the class is; raise Refused unless the browser has a seat and the class is in the scenes."""
        with self.register.storage.reading() as act:
            session = storage.session_row(act, code)
            seat = storage.seated(act, session, browser)
            scene, row = storage.scene_in(act, session), storage.scenes_row(act, session)
            if row is None or scene is None:
                raise Refused("no_scenes")
            return Walk(
                scene, row["round"], self.register.calls.get(session["code"], ""), seat["letter"], seat["member"],
                storage.attempt_of(act, session, seat["member"]),
            )  # fmt: skip

    def keep(self, code: str, browser: str, done: Done, attempt: str | None = None) -> None:
        """Keep what a student did. What was done before stays as it was, so that no prediction is changed afterwards.

        Args:
            code: Code of the session.
            browser: Secret of the browser.
            done: What was done.
            attempt: The attempt in which it was done (see `Walk`); None for the current one.

        Raises:
            Refused: The browser has no seat, the class is paused, it has not come to the scene yet, or it was done in
                another attempt: by a student who has left since, or before the teacher began again.
        """
        with self.register.storage.acting() as act:
            session = storage.alive(storage.session_row(act, code))
            seat = storage.seated(act, session, browser)
            scene = storage.scene_in(act, session)
            if scene is None:
                raise Refused("no_scenes")
            if attempt not in (None, storage.attempt_of(act, session, seat["member"])):
                raise Refused("other_attempt")
            if self.register.calls.get(session["code"]) == PAUSE:
                raise Refused("paused")
            if scene < SCENES.index(FIRST_AT[done.kind]):
                raise Refused("scene_ahead", scene=scene + 1)
            made = act.execute(
                "INSERT OR IGNORE INTO scene_work (member, kind, decision, content) VALUES (?, ?, ?, ?)",
                (seat["member"], done.kind, done.decision, json.dumps(done.numbers)),
            )
        if made.rowcount:
            self.register.feed.announce(session["code"])

    def attend(self, code: str, browser: str, is_connected: Callable[[], bool]) -> None:
        """Record that a browser has the scenes of a session open."""
        self.register.presence.enter(f"{PAGE} {code} {browser}", Opened(browser, PAGE, is_connected))


def with_row(work: Work, kind: str, decision: str, content: str) -> Work:
    """Return the work of a student with one stored row added."""
    numbers = tuple(json.loads(content))
    if kind == BRACKET:
        return work._replace(brackets={**work.brackets, decision: (numbers[0], numbers[1])})
    return work._replace(has_run=True) if kind == CAMPAIGN else work._replace(drawing=numbers)


def campaign_of(member: int, code: str, runs: int) -> int:
    """Return which campaign of a page is a student's own: students who join one after another have different ones.

    Args:
        member: Number of the student in the register.
        code: Code of the session, which decides with which campaign it begins.
        runs: Number of campaigns of the page.
    """
    return (int.from_bytes(sha256(code.encode()).digest()[:4], "big") + member) % runs


def read_done(content: bytes, outline: Outline) -> Done:
    """Check what a page of scenes has sent.

    Args:
        content: JSON such as `{"kind": "bracket", "decision": "border=closed", "low": -20, "high": 10}`.
        outline: The sizes of the page.

    Raises:
        PanjError: The JSON is none, or a value is missing, of another kind or out of range; it names the key.
    """
    try:
        given = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise PanjError(f"json: found text that is no JSON ({type(error).__name__}), expected an object") from error
    if not isinstance(given, Mapping):
        raise PanjError(f"json: found {type(given).__name__}, expected an object")
    kind = given.get("kind")
    if kind not in KINDS:
        raise unknown("kind", ascii(kind)[:40], KINDS)
    if kind == CAMPAIGN:
        return Done(kind)
    if kind == DRAWING:
        return Done(kind, numbers=drawing_of(given.get("drawing"), outline))
    decision = given.get("decision")
    if decision not in outline.decisions:
        raise unknown("decision", ascii(decision)[:60], outline.decisions)
    low, high = (number_of(end, given.get(end), -outline.districts, outline.districts) for end in ("low", "high"))
    if low > high:
        raise PanjError(f"low: found {low:g}, expected at most high, {high:g}")
    return Done(kind, decision, (low, high))


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
