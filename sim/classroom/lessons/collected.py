"""Collect the hand-ins and the final ranges of a class on its server, and mark the hand-ins.

Reads   hand-ins that students send from the page Lessons, or that the teacher opens as files; ranges that students have
        made final there.
Assumes Both are stored in the file of class sessions until the student leaves or is removed, or the session is deleted.
"""

import json
import threading
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
from cachetools import LRUCache, TTLCache

from sim.classroom.desk import Desk, the_desk
from sim.classroom.lessons.campaigns import ChunkedCampaigns
from sim.classroom.lessons.estimates import CampaignSource
from sim.classroom.lessons.forecasts import Ranges
from sim.classroom.lessons.hand_in import LARGEST, Graded, file_name, graded_of, hand_in_of
from sim.classroom.lessons.lesson import MINUTES
from sim.classroom.lessons.marking import Answer
from sim.classroom.sessions import storage
from sim.classroom.sessions.register import Register, the_register
from sim.classroom.sessions.session import hashed, spelled
from sim.configuration.overrides import Overrides
from sim.configuration.settings import Order, Piece
from sim.configuration.sweep import order_of
from sim.errors import PanjError

MOST_FILES = 200  # largest number of hand-ins marked together
MOST_STUDENTS = 500  # largest number of students without a seat whose final ranges are kept in memory
MOST_SHEETS = 5000  # largest number of sheets whose first choices are kept in memory
MOST_CHUNKS = 400  # largest number of chunks of campaigns kept for marking
REFERENCE = 200  # number of campaigns with which answers are compared, in addition to the student's own


class ClassHandIns:
    """The hand-ins of all class sessions on this server."""

    def __init__(self, register: Register) -> None:
        self.register = register

    def put(self, code: str, browser: str, text: str) -> None:
        """Store a hand-in, replacing an earlier one of the same student for the same lesson.

        Args:
            code: Code of the class session.
            browser: The secret of the student's browser.
            text: Content of the hand-in.

        Raises:
            PanjError: The browser has no seat in the session, has handed in too often, or the content is not a hand-in.
        """
        self.register.hand_in(code, browser, file_name(hand_in_of(text.encode()).sheet), text)

    def is_seated(self, code: str, browser: str) -> bool:
        """Return whether a browser has a seat in a session that still exists."""
        return code in {one.code for one in self.register.seats_of(browser)}

    def of(self, code: str, browser: str) -> dict[str, str]:
        """Return the hand-ins of a session.

        Args:
            code: Code of the class session.
            browser: The secret of the teacher's browser.

        Returns:
            The content of each hand-in, keyed by the name of its file. Files with the same name are numbered, beginning
            with the second.

        Raises:
            Refused: The browser is not that of the session's teacher.
        """
        found: dict[str, str] = {}
        for first, text in self.register.hand_ins(code, browser):
            name, number = first, 1
            while name in found:
                number += 1
                name = f"{first.removesuffix('.json')}_{number}.json"
            found[name] = text
        return found

    def given(self, code: str, browser: str, name: str) -> str:
        """Return the hand-in with a given file name from a browser to a session; empty if there is none."""
        return self.register.handed_in(code, browser, name)


@cache
def the_class_hand_ins() -> ClassHandIns:
    """Return the hand-ins of this server."""
    return ClassHandIns(the_register())


class ClassRanges:
    """The final ranges of students on this server.

    Students must make their ranges final before they see the reported figures, and cannot change them afterwards.
    Ranges of students with a seat in a class are stored with the hand-ins. Ranges of students without a seat, or who
    have left a class, are kept in memory, so that nobody can give new ranges after seeing the reported figures.
    """

    def __init__(self, register: Register) -> None:
        self.register = register
        self.lock = threading.Lock()
        self.found: LRUCache[tuple[str, str, str], dict[str, Ranges]] = LRUCache(MOST_STUDENTS)
        self.listeners: list[Callable[[], None]] = []

    def fix(self, code: str, browser: str, sheet: str, ranges: Mapping[str, Ranges]) -> None:
        """Store the final ranges of a student, and call the listeners.

        If ranges are already stored for this sheet, in this or another class, they are kept and the new ones ignored.

        Args:
            code: Code of the class session; empty for a student who has joined none.
            browser: The secret of the student's browser.
            sheet: Text that identifies the sheet among those of the browser.
            ranges: Ranges, keyed by task.

        Raises:
            Refused: The file of class sessions cannot be used.
        """
        kept = dict(self.of(browser, sheet) or ranges)
        with self.lock:
            is_new = (code, browser, sheet) not in self.found
            kept = self.found.setdefault((code, browser, sheet), kept)
        try:
            with self.register.storage.acting() as act:
                seat = storage.seat_in(act, code, browser)
                if seat is not None:
                    act.execute(
                        "INSERT OR IGNORE INTO final_ranges (member, sheet, content) VALUES (?, ?, ?)",
                        (seat["member"], hashed(sheet, spelled(code)), json.dumps(kept)),
                    )
        except Exception:  # ranges that could not be stored are not final
            if is_new:
                with self.lock:
                    self.found.pop((code, browser, sheet), None)
            raise
        for listener in list(self.listeners):
            listener()

    def of(self, browser: str, sheet: str) -> Mapping[str, Ranges] | None:
        """Return the final ranges of a sheet in any class, keyed by task; None if there are none yet."""
        with self.lock:
            known = next((one for (_, *whose), one in self.found.items() if whose == [browser, sheet]), None)
        if known is not None:
            return known
        with self.register.storage.reading() as act:
            rows = act.execute(
                "SELECT code, browser, sheet, content FROM final_ranges JOIN members ON members.id = member"
                " JOIN sessions ON sessions.id = session"
            ).fetchall()
        own = {code: (hashed(browser, code), hashed(sheet, code)) for code in {row["code"] for row in rows}}
        kept = next((row["content"] for row in rows if (row["browser"], row["sheet"]) == own[row["code"]]), None)
        return read_ranges(kept) if kept else None

    def ranges(self, code: str, task: str) -> list[Ranges]:
        """Return the ranges of a class for a task.

        Args:
            code: Code of the class session; empty for students who have joined none.
            task: Key of the task.

        Returns:
            The final ranges for this task, one entry per student of the class who has given any.
        """
        with self.register.storage.reading() as act:
            session = storage.found_session(act, code)
            rows = act.execute(
                "SELECT content FROM final_ranges JOIN members ON members.id = member WHERE session = ?"
                " ORDER BY final_ranges.rowid",
                (session["id"] if session else None,),
            ).fetchall()
        found = [read_ranges(row["content"]) for row in rows]
        if not code:
            with self.lock:
                found = [one for (where, *_), one in self.found.items() if not where]
        return [one[task] for one in found if task in one]

    def watch(self, listener: Callable[[], None]) -> Callable[[], None]:
        """Register a listener, which is called when a student makes ranges final; return a function that removes it."""
        self.listeners.append(listener)
        return lambda: self.listeners.remove(listener) if listener in self.listeners else None


def read_ranges(content: str) -> dict[str, Ranges]:
    """Parse the stored ranges of a student, keyed by task."""
    return {task: tuple(one) for task, one in json.loads(content).items()}


@cache
def the_class_ranges() -> ClassRanges:
    """Return the final ranges of students on this server."""
    return ClassRanges(the_register())


class FirstChoices:
    """The first checked choices of students on this server, which cannot be changed in another tab of the browser.

    They are kept in memory for as long as a lesson lasts. Joining or leaving a class gives no second choice; only one
    made in another class session does not count, so that the next class can use the same computers.
    """

    def __init__(self) -> None:
        self.lock = threading.Lock()
        # by browser and sheet: by task, the first choice in each session ("" for none)
        self.found: TTLCache[tuple[str, str], dict[str, dict[str, Answer]]] = TTLCache(MOST_SHEETS, 60 * MINUTES)

    def keep(self, code: str, browser: str, sheet: str, task: str, answer: Answer) -> Answer:
        """Store a choice if it is the first for its task.

        Args:
            code: Code of the class session; empty for a student who has joined none.
            browser: The secret of the student's browser.
            sheet: Text that identifies the sheet among those of the browser.
            task: Key of the task.
            answer: The choice, with the number of campaigns on which it is based.

        Returns:
            The first choice for this task.
        """
        with self.lock:
            kept = self.found.setdefault((browser, sheet), {}).setdefault(task, {})
            return choice_in(kept, code) or kept.setdefault(code, answer)

    def of(self, code: str, browser: str, sheet: str) -> dict[str, Answer]:
        """Return the first choices of a student on a sheet, keyed by task."""
        with self.lock:
            found = {task: choice_in(kept, code) for task, kept in self.found.get((browser, sheet), {}).items()}
        return {task: one for task, one in found.items() if one is not None}


def choice_in(kept: Mapping[str, Answer], code: str) -> Answer | None:
    """Return the choice, from those by session, that counts in a session; without a session, the newest."""
    counting = [one for where, one in kept.items() if not code or where in ("", code)]
    return counting[-1] if counting else None


@cache
def the_first_choices() -> FirstChoices:
    """Return the first choices of students on this server."""
    return FirstChoices()


class PoolCampaigns(ChunkedCampaigns):
    """Campaigns for marking, run in the worker processes of the classroom and kept in memory."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.chunks: LRUCache[tuple[str, int], pa.Table] = LRUCache(MOST_CHUNKS)
        self.lock = threading.Lock()

    def order(self, overrides: Overrides) -> Order:
        """Return a choice's settings in the form that workers receive; raise PanjError if they are invalid."""
        return order_of(self.desk.settings(overrides))

    def kept(self, order: Order, chunk: int) -> pa.Table | None:
        """Return a chunk if it is still in memory; otherwise None."""
        with self.lock:
            return self.chunks.get((order.key, chunk))

    def keep(self, order: Order, chunk: int, table: pa.Table) -> None:
        """Keep a chunk in memory; if there are too many, it replaces the least recently used chunk."""
        with self.lock:
            self.chunks[order.key, chunk] = table

    def run_piece(self, piece: Piece) -> tuple[pa.Table, str]:
        """Run campaigns in a worker process; return their table, and the error of the first campaign that failed."""
        return self.desk.run(piece)


@cache
def pool_campaigns() -> PoolCampaigns:
    """Return the campaigns that this server uses to mark hand-ins."""
    return PoolCampaigns(the_desk())


class Marked(NamedTuple):
    """The marks of a class, and an error for each hand-in that could not be marked."""

    graded: tuple[Graded, ...]
    troubles: tuple[str, ...]


def mark_all(
    contents: Sequence[tuple[str, str]],
    campaigns: CampaignSource,
    reference: int = REFERENCE,
    on_progress: Callable[[int], None] = lambda _: None,
) -> Marked:
    """Mark hand-ins.

    Args:
        contents: Name of the file and content of each hand-in.
        campaigns: Source of the students' own campaigns, and of the campaigns with which they are compared.
        reference: Number of campaigns with which answers are compared.
        on_progress: Called with the number of hand-ins marked so far.

    Returns:
        The marks, in the order of the hand-ins.
    """
    graded: list[Graded] = []
    troubles: list[str] = []
    for place, (name, text) in enumerate(contents[:MOST_FILES], 1):
        try:
            graded.append(graded_of(Path(name), hand_in_of(text.encode()[: LARGEST + 1]), campaigns, reference))
        except PanjError as error:
            troubles.append(f"{name}: {error}")
        on_progress(place)
    return Marked(tuple(graded), tuple(troubles))
