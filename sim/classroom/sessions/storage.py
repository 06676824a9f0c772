"""SQLite file of all class sessions, which is used by many threads and in which deleted data are overwritten.

`Storage` opens transactions; the functions below it run SQL statements within a transaction that is already open.

Source  SQLite: write-ahead log (sqlite.org/wal.html); `secure_delete` and VACUUM, which together remove deleted data
        from the file (sqlite.org/pragma.html#pragma_secure_delete, sqlite.org/lang_vacuum.html).
Assumes Only one process uses the file. Every transaction has its own connection, so that threads do not share one; an
        idle connection stays open, because SQLite checkpoints its log whenever the last connection closes.
"""

import json
import os
import secrets
import sqlite3
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Literal, NamedTuple

from platformdirs import user_data_path

from sim.classroom.sessions.claims import Answer, Claim, Refused, folded, load_answer
from sim.classroom.sessions.session import (
    KEY,
    Member,
    Question,
    Seat,
    Sent,
    Session,
    Team,
    hashed,
    letters,
    name_of,
    spelled,
)
from sim.configuration.overrides import Overrides

ALONE = "alone "  # prefix of the stored name of a team without a name, followed by random letters
VERSION = 1  # version of the tables, stored in the file
PATIENCE = 10.0  # longest time to wait for another thread's transaction, seconds
SENTENCE = "sentence"  # kind of work in the scenes that is kept when they are begun again
OF_MEMBER = ("hand_ins", "scene_work", "final_ranges", "seats")  # tables whose rows are deleted with a member
ADDED = "IF NOT EXISTS"  # occurs in the statements of tables that older files of this version lack
SCHEMA = Path(__file__).parent / "register.sql"


def place_of_register() -> Path:
    """Return the path of the file: PANJ_CLASSROOM if set, otherwise classroom.sqlite in the user's data folder.

    Raises:
        Refused: If PANJ_CLASSROOM is not set and the user has no home folder.
    """
    try:
        return Path(os.environ.get("PANJ_CLASSROOM") or user_data_path("panj") / "classroom.sqlite")
    except RuntimeError as error:
        raise Refused("no_file", path="classroom.sqlite", error=error) from error


class Storage:
    """The file of all sessions, and its connections. Methods may be called from any thread.

    Creating a `Storage` raises Refused if the file cannot be used.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            path.touch(mode=0o600)  # readable by the teacher only
            self.idle = self.connect()
            self.idle.execute("PRAGMA journal_mode = WAL")
            self.create_or_check()
            is_busy(self.idle, "PRAGMA wal_checkpoint(TRUNCATE)")  # completes an interrupted deletion
        except (OSError, sqlite3.Error) as error:
            raise Refused("no_file", path=path, error=error) from error

    def connect(self) -> sqlite3.Connection:
        """Open a connection that overwrites deleted data and writes no temporary files."""
        connection = sqlite3.connect(self.path, timeout=PATIENCE, isolation_level=None, check_same_thread=False)
        connection.row_factory = sqlite3.Row
        connection.create_function("hashed", 2, hashed, deterministic=True)
        for setting in ("foreign_keys = ON", "secure_delete = ON", "temp_store = MEMORY", "synchronous = FULL"):
            connection.execute(f"PRAGMA {setting}").fetchall()
        return connection

    def create_or_check(self) -> None:
        """Create the tables if the file is empty; raise Refused, without changes, if they have another version."""
        with self.acting() as act:
            version = act.execute("PRAGMA user_version").fetchone()[0]
            is_new = version == 0 and not act.execute("SELECT 1 FROM sqlite_master").fetchone()
            if not is_new and version != VERSION:
                raise Refused("other_version", path=self.path, found=version, expected=VERSION)
            for statement in SCHEMA.read_text(encoding="utf-8").split(";\n"):
                if is_new or ADDED in statement:
                    act.execute(statement)
            act.execute(f"PRAGMA user_version = {VERSION}")

    @contextmanager
    def acting(self) -> Iterator[sqlite3.Connection]:
        """Open a transaction that reads and writes; roll it back if an exception is raised."""
        with closing(self.connect()) as connection:
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
            except BaseException:
                connection.execute("ROLLBACK")
                raise
            connection.execute("COMMIT")

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """Open a transaction that reads a consistent state of the file."""
        with closing(self.connect()) as connection:
            connection.execute("BEGIN")
            yield connection

    def leave_no_trace(self) -> None:
        """Rewrite the file and empty its log, so that no deleted data remain.

        Raise Refused if other connections prevent this for too long.
        """
        with closing(self.connect()) as connection:
            late = time.monotonic() + PATIENCE
            for statement in ("VACUUM", "PRAGMA wal_checkpoint(TRUNCATE)"):
                while is_busy(connection, statement):
                    if time.monotonic() > late:
                        raise Refused("not_wiped", path=self.path)
                    time.sleep(0.05)

    def close(self) -> None:
        """Close the idle connection and thus the file."""
        self.idle.close()


def is_busy(connection: sqlite3.Connection, statement: str) -> bool:
    """Run a statement; return whether another connection blocked it."""
    try:
        row = connection.execute(statement).fetchone()
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            return True
        raise
    return row is not None and row[0] != 0


def dump_overrides(overrides: Overrides) -> str:
    """Convert a choice of settings to JSON."""
    return json.dumps(overrides.words)


def load_overrides(text: str) -> Overrides:
    """Convert stored JSON to a choice of settings."""
    return Overrides.of(json.loads(text))


def count(act: sqlite3.Connection, statement: str, values: Sequence[object] = ()) -> int:
    """Run a statement that selects one number, and return that number."""
    return int(act.execute(statement, values).fetchone()[0])


def first(act: sqlite3.Connection, statement: str, values: Sequence[object] = ()) -> sqlite3.Row | None:
    """Run a statement, and return the first row that it selects; None if there is none."""
    found: sqlite3.Row | None = act.execute(statement, values).fetchone()
    return found


def found_session(act: sqlite3.Connection, code: str) -> sqlite3.Row | None:
    """Return the session with this code; None if there is none."""
    return first(act, "SELECT * FROM sessions WHERE code = ?", (spelled(code),))


def all_sessions(act: sqlite3.Connection) -> list[sqlite3.Row]:
    """Return all sessions, newest first."""
    return act.execute("SELECT * FROM sessions ORDER BY id DESC").fetchall()


def sessions_with(act: sqlite3.Connection, browser: str, table: Literal["members", "owners"]) -> list[sqlite3.Row]:
    """Return the sessions that have a browser among their members or owners, newest first, in one query."""
    return act.execute(
        f"SELECT sessions.* FROM sessions JOIN {table} ON {table}.session = sessions.id"
        f" AND {table}.browser = hashed(?, sessions.code) ORDER BY sessions.id DESC",
        (browser,),
    ).fetchall()


def session_row(act: sqlite3.Connection, code: str) -> sqlite3.Row:
    """Return the session with this code, or raise Refused if there is none."""
    row = found_session(act, code)
    if row is None:
        raise Refused("no_session")
    return row


def alive(session: sqlite3.Row) -> sqlite3.Row:
    """Return a session, or raise Refused if it has ended."""
    if session["ended"]:
        raise Refused("has_ended")
    return session


def delete_unused(act: sqlite3.Connection, opened_before: str) -> None:
    """Delete sessions that were opened before a given time and have neither members nor questions."""
    act.execute(
        "DELETE FROM sessions WHERE opened < ? AND id NOT IN (SELECT session FROM members)"
        " AND id NOT IN (SELECT session FROM questions)",
        (opened_before,),
    )


def count_members(act: sqlite3.Connection, session: sqlite3.Row) -> int:
    """Return the number of students who joined a session."""
    return count(act, "SELECT COUNT(*) FROM members WHERE session = ?", (session["id"],))


def own(act: sqlite3.Connection, code: str, browser: str) -> None:
    """Register a browser of the teacher of a session."""
    act.execute(
        "INSERT OR IGNORE INTO owners (session, browser) SELECT id, ? FROM sessions WHERE code = ?",
        (hashed(browser, code), code),
    )


def is_owner(act: sqlite3.Connection, session: sqlite3.Row, browser: str) -> bool:
    """Return whether a browser is registered as the teacher's in a session."""
    owner = (session["id"], hashed(browser, session["code"]))
    return bool(count(act, "SELECT COUNT(*) FROM owners WHERE session = ? AND browser = ?", owner))


def owned(act: sqlite3.Connection, code: str, browser: str) -> sqlite3.Row:
    """Return the session with this code; raise Refused if there is none or the browser is not the teacher's."""
    row = found_session(act, code)
    if row is None or not is_owner(act, row, browser):
        raise Refused("not_teacher")
    return row


def seat_row(act: sqlite3.Connection, session: sqlite3.Row, browser: str) -> sqlite3.Row | None:
    """Return the seat of a browser in a session; None if the browser has none."""
    return first(
        act,
        "SELECT members.id AS member, members.nickname, members.team, letter, name, key FROM members"
        " JOIN teams ON teams.id = team WHERE members.session = ? AND browser = ?",
        (session["id"], hashed(browser, session["code"])),
    )


def seat_in(act: sqlite3.Connection, code: str, browser: str) -> sqlite3.Row | None:
    """Return the seat of a browser in the session with this code; None if there is no such session or seat."""
    session = found_session(act, code)
    return seat_row(act, session, browser) if session else None


def seated(act: sqlite3.Connection, session: sqlite3.Row, browser: str) -> sqlite3.Row:
    """Return the seat of a browser in a session, or raise Refused if the browser has none."""
    seat = seat_row(act, session, browser)
    if seat is None:
        raise Refused("no_seat")
    return seat


def teams_in(act: sqlite3.Connection, session: sqlite3.Row) -> list[sqlite3.Row]:
    """Return the teams of a session in the order in which they joined."""
    return act.execute("SELECT * FROM teams WHERE session = ? ORDER BY id", (session["id"],)).fetchall()


def team_with(act: sqlite3.Connection, session: sqlite3.Row, key: str) -> int:
    """Return the id of the team with this key in a session, or raise Refused if there is none."""
    for row in teams_in(act, session):
        if row["key"] and secrets.compare_digest(row["key"], spelled(key)):
            return int(row["id"])
    raise Refused("wrong_key")


def new_team(act: sqlite3.Connection, session: sqlite3.Row, name: str) -> int:
    """Create a team with the next free letter; return the id of the team.

    A team with a name has a key with which others join. A team without a name is a single student, shown as a letter.
    Raise Refused if the name is taken.
    """
    letter = next_letter(act, session)
    same = "SELECT COUNT(*) FROM teams WHERE session = ? AND folded = ? AND key != ''"
    if name and count(act, same, (session["id"], folded(name))):
        raise Refused("name_taken", what=name_of("team"))
    made = act.execute(
        "INSERT INTO teams (session, letter, name, folded, key) VALUES (?, ?, ?, ?, ?)",
        (session["id"], letter, name, folded(name) or f"{ALONE}{letters(KEY)}", letters(KEY) if name else ""),
    )
    assert made.lastrowid is not None
    return made.lastrowid


def next_letter(act: sqlite3.Connection, session: sqlite3.Row) -> str:
    """Return the first of A, B, ... Z, A2, B2, ... that is not the letter of a team in a session."""
    taken = {row["letter"] for row in teams_in(act, session)}
    rounds = ("", *range(2, len(taken) + 3))
    names = (f"{chr(ord('A') + place)}{again}" for again in rounds for place in range(26))
    return next(name for name in names if name not in taken)


class Dismissed(NamedTuple):
    """The deleted row of a member with all dependent rows, and copies of the team and its claims."""

    member: sqlite3.Row
    team: sqlite3.Row
    claims: tuple[sqlite3.Row, ...]
    own: Mapping[str, Sequence[sqlite3.Row]]  # rows by table, for each of OF_MEMBER
    round: int  # number of times that the scenes were begun before the deletion

    def same_team(self, other: "Dismissed") -> bool:
        """Return whether another member was in the same team, which keeps its key when it is restored."""
        return all(self.team[key] == other.team[key] for key in ("folded", "key"))


def dismiss(act: sqlite3.Connection, session: sqlite3.Row, member: int) -> Dismissed | None:
    """Delete a member and, if the team is then empty, the team with its claims; return the rows, or None."""
    mine = (session["id"], member)
    row = first(act, "SELECT * FROM members WHERE session = ? AND id = ?", mine)
    if row is None:
        return None
    team = act.execute("SELECT * FROM teams WHERE id = ?", (row["team"],)).fetchone()
    claims = act.execute("SELECT * FROM claims WHERE team = ?", (row["team"],)).fetchall()
    own = {name: act.execute(f"SELECT * FROM {name} WHERE member = ?", (member,)).fetchall() for name in OF_MEMBER}
    delete_members(act, "session = ? AND id = ?", mine)
    return Dismissed(row, team, tuple(claims), own, round_of(act, session))


def put_back(act: sqlite3.Connection, session: sqlite3.Row, dismissed: Dismissed) -> None:
    """Insert a member deleted by `dismiss`, and the team with its claims if it was deleted as well.

    A team whose letter is now in use gets the next free one. The member's work in the scenes, except for the sentence,
    is not restored if they have been begun again. Raise Refused if the member's browser or nickname is in use again in
    the session, or if another team has the name of the team.
    """
    member, team = dict(dismissed.member), dict(dismissed.team)
    same = act.execute(
        "SELECT id FROM teams WHERE session = ? AND folded = ? AND key = ?",
        (session["id"], team["folded"], team["key"]),
    )
    try:
        if (kept := same.fetchone()) is None:
            if any(row["letter"] == team["letter"] for row in teams_in(act, session)):
                team["letter"] = next_letter(act, session)
            member["team"] = insert(act, "teams", team)
            for claim in dismissed.claims:
                insert(act, "claims", {**dict(claim), "team": member["team"]})
        else:
            member["team"] = kept["id"]
        number = insert(act, "members", member)
        for table, rows in dismissed.own.items():
            for row in rows:
                if table == "scene_work" and row["kind"] != SENTENCE and dismissed.round != round_of(act, session):
                    continue
                insert(act, table, {**dict(row), "member": number})
    except sqlite3.IntegrityError as error:
        raise Refused("came_back") from error


def insert(act: sqlite3.Connection, table: str, values: Mapping[str, object]) -> int:
    """Insert a row and return its id, which is new if the old id is in use."""
    taken = "id" in values and count(act, f"SELECT COUNT(*) FROM {table} WHERE id = ?", (values["id"],))
    values = {key: value for key, value in values.items() if not (taken and key == "id")}
    places = ", ".join("?" * len(values))
    made = act.execute(f"INSERT INTO {table} ({', '.join(values)}) VALUES ({places})", tuple(values.values()))
    assert made.lastrowid is not None
    return made.lastrowid


def delete_members(act: sqlite3.Connection, condition: str, values: Sequence[object]) -> None:
    """Delete the members that match an SQL condition, and all teams that are then empty.

    `values` replace the placeholders of the condition; the first value is the id of the session.
    """
    act.execute(f"DELETE FROM members WHERE {condition}", values)
    act.execute("DELETE FROM teams WHERE session = ? AND id NOT IN (SELECT team FROM members)", (values[0],))


def question_row(act: sqlite3.Connection, code: str, number: int) -> sqlite3.Row:
    """Return a question of a session by its number, or raise Refused if there is none."""
    session = session_row(act, code)
    found = first(act, "SELECT * FROM questions WHERE session = ? AND number = ?", (session["id"], number))
    if found is None:
        raise Refused("other_question")
    return found


def last_question(act: sqlite3.Connection, session: sqlite3.Row) -> sqlite3.Row | None:
    """Return the latest question of a session; None if nothing was asked."""
    return first(act, "SELECT * FROM questions WHERE session = ? ORDER BY number DESC LIMIT 1", (session["id"],))


def claim_row(act: sqlite3.Connection, question: sqlite3.Row | None, team: int) -> sqlite3.Row | None:
    """Return the claim of a team on a question; None if there is no question or no claim."""
    if question is None:
        return None
    return first(act, "SELECT * FROM claims WHERE question = ? AND team = ?", (question["id"], team))


UNANSWERED = (  # SQL that selects those claims on a question whose choice has no stored answer
    "SELECT 1 FROM claims WHERE claims.question = questions.id"
    " AND claims.words NOT IN (SELECT answers.words FROM answers WHERE answers.question = questions.id)"
)


def answers_to(act: sqlite3.Connection, question: int) -> dict[Overrides, Answer]:
    """Return the stored answers to a question, keyed by choice of settings."""
    rows = act.execute("SELECT words, answer FROM answers WHERE question = ?", (question,)).fetchall()
    return {load_overrides(row["words"]): load_answer(row["answer"]) for row in rows}


def scenes_row(act: sqlite3.Connection, session: sqlite3.Row) -> sqlite3.Row | None:
    """Return the row for the scenes of a session; None if its teacher has never begun them."""
    return first(act, "SELECT * FROM scenes WHERE session = ?", (session["id"],))


def round_of(act: sqlite3.Connection, session: sqlite3.Row) -> int:
    """Return how many times the teacher of a session has begun the seven scenes."""
    row = scenes_row(act, session)
    return row["round"] if row else 0


def attempt_of(act: sqlite3.Connection, session: sqlite3.Row, member: int) -> str:
    """Return the identifier of a student's attempt at the scenes, which changes with the seat and the round."""
    seat = first(act, "SELECT token FROM seats WHERE member = ?", (member,))
    return f"{seat['token'] if seat else ''}-{round_of(act, session)}"  # members in older files have no token


def scene_in(act: sqlite3.Connection, session: sqlite3.Row) -> int | None:
    """Return the current scene of a session; None if there is none."""
    row = scenes_row(act, session)
    return None if row is None or session["ended"] else row["scene"]


def current_scene(act: sqlite3.Connection, session: sqlite3.Row) -> int:
    """Return the current scene of a session, or raise Refused if the class is not in the scenes."""
    scene = scene_in(act, session)
    if scene is None:
        raise Refused("no_scenes")
    return scene


def session_of(row: sqlite3.Row) -> Session:
    """Convert a row to a session."""
    return Session(row["code"], row["opened"], row["ended"] is not None, bool(row["names_shown"]))


def question_of(row: sqlite3.Row) -> Question:
    """Convert a row to a question."""
    return Question(
        row["number"], row["outcome"], row["about"], load_overrides(row["suggested"]), bool(row["is_fixed"]),
        row["runs"], row["stage"],
    )  # fmt: skip


def seat_of(act: sqlite3.Connection, row: sqlite3.Row) -> Seat:
    """Convert a row to a seat, with the number of members of its team."""
    members = count(act, "SELECT COUNT(*) FROM members WHERE team = ?", (row["team"],))
    return Seat(row["nickname"], row["letter"], row["name"] if row["key"] else "", row["key"], members)


def sent_of(row: sqlite3.Row) -> Sent:
    """Convert a row to a sent claim."""
    claim = Claim(load_overrides(row["words"]), row["low"], row["high"], row["confidence"], row["why"])
    return Sent(claim, row["sent"], row["revisions"])


def team_of(act: sqlite3.Connection, row: sqlite3.Row, pages: Mapping[str, str]) -> Team:
    """Convert a row to a team with its members and claims; `pages` maps hashes of browsers to their open pages."""
    members = act.execute(
        "SELECT id, nickname, browser FROM members WHERE team = ? ORDER BY id", (row["id"],)
    ).fetchall()
    claims = act.execute(
        "SELECT claims.*, number FROM claims JOIN questions ON questions.id = question WHERE team = ?", (row["id"],)
    ).fetchall()
    return Team(
        row["letter"],
        row["name"] if row["key"] else "",
        row["key"],
        tuple(Member(one["id"], one["nickname"], pages.get(one["browser"], "")) for one in members),
        {one["number"]: sent_of(one) for one in claims},
    )
