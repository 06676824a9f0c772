"""One SQLite file for all class sessions: many threads, nothing lost by a restart, nothing left of what was deleted.

`Storage` opens transactions; the functions below it are one SQL statement each and are called within a transaction.

Source  SQLite: write-ahead log (sqlite.org/wal.html); `secure_delete` and VACUUM, which together leave no trace in the
        file (sqlite.org/pragma.html#pragma_secure_delete, sqlite.org/lang_vacuum.html).
Assumes One process writes at a time. Every transaction has its own connection, so that threads do not share one; an
        idle connection stays open, because SQLite checkpoints its log whenever the last one closes.
"""

import json
import os
import secrets
import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

from platformdirs import user_data_path

from sim.classroom.choice.form import Overrides
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

VERSION = 1  # version of the tables; stored in the file
PATIENCE = 10.0  # seconds to wait for another thread's transaction
SCHEMA = Path(__file__).parent / "register.sql"


def place_of_register() -> Path:
    """Path of the file: that of the variable PANJ_CLASSROOM, or in the user's data folder."""
    return Path(os.environ.get("PANJ_CLASSROOM") or user_data_path("panj") / "classroom.sqlite")


class Storage:
    """The file and its connections; Refused where it cannot be used. Every method may be called from any thread."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            path.touch(mode=0o600)  # readable by the teacher only
            self.idle = self.connect()
            self.idle.execute("PRAGMA journal_mode = WAL")
            self.create_or_check()
            is_busy(self.idle, "PRAGMA wal_checkpoint(TRUNCATE)")  # completes a deletion that a stop interrupted
        except (OSError, sqlite3.Error) as error:
            raise Refused("no_file", path=path, error=error) from error

    def connect(self) -> sqlite3.Connection:
        """A new connection that overwrites what it deletes and writes no other file."""
        connection = sqlite3.connect(self.path, timeout=PATIENCE, isolation_level=None, check_same_thread=False)
        connection.row_factory = sqlite3.Row
        for setting in ("foreign_keys = ON", "secure_delete = ON", "temp_store = MEMORY", "synchronous = FULL"):
            connection.execute(f"PRAGMA {setting}").fetchall()
        return connection

    def create_or_check(self) -> None:
        """Create the tables in an empty file; Refused for another version, which is left as it is."""
        with self.acting() as act:
            version = act.execute("PRAGMA user_version").fetchone()[0]
            if version == 0 and not act.execute("SELECT 1 FROM sqlite_master").fetchone():
                for statement in SCHEMA.read_text(encoding="utf-8").split(";\n"):
                    act.execute(statement)
                act.execute(f"PRAGMA user_version = {VERSION}")
            elif version != VERSION:
                raise Refused("other_version", path=self.path, found=version, expected=VERSION)

    @contextmanager
    def acting(self) -> Iterator[sqlite3.Connection]:
        """Transaction that reads and writes; rolled back where it raises."""
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
        """Transaction that reads one state of the file."""
        with closing(self.connect()) as connection:
            connection.execute("BEGIN")
            yield connection

    def leave_no_trace(self) -> None:
        """Rewrite the file and empty its log, so that neither holds what was deleted; waits for readers."""
        with closing(self.connect()) as connection:
            late = time.monotonic() + PATIENCE
            for statement in ("VACUUM", "PRAGMA wal_checkpoint(TRUNCATE)"):
                while is_busy(connection, statement):
                    if time.monotonic() > late:
                        raise Refused("not_wiped", path=self.path)
                    time.sleep(0.05)

    def close(self) -> None:
        """Close the file."""
        self.idle.close()


def is_busy(connection: sqlite3.Connection, statement: str) -> bool:
    """Run a statement; returns whether another connection blocked it, the first number of a checkpoint's row."""
    try:
        row = connection.execute(statement).fetchone()
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            return True
        raise
    return row is not None and row[0] != 0


def dump_overrides(overrides: Sequence[str]) -> str:
    """Store a choice of settings as text."""
    return json.dumps(list(overrides))


def load_overrides(text: str) -> Overrides:
    """Read a stored choice of settings."""
    return tuple(json.loads(text))


def count(act: sqlite3.Connection, statement: str, values: Sequence[object] = ()) -> int:
    """The number that a statement returns."""
    return int(act.execute(statement, values).fetchone()[0])


def found_session(act: sqlite3.Connection, code: str) -> sqlite3.Row | None:
    """The session with this code, or None."""
    found: sqlite3.Row | None = act.execute("SELECT * FROM sessions WHERE code = ?", (spelled(code),)).fetchone()
    return found


def all_sessions(act: sqlite3.Connection) -> list[sqlite3.Row]:
    """All sessions, the newest first."""
    return act.execute("SELECT * FROM sessions ORDER BY id DESC").fetchall()


def session_row(act: sqlite3.Connection, code: str) -> sqlite3.Row:
    """The session with this code, or Refused."""
    row = found_session(act, code)
    if row is None:
        raise Refused("no_session")
    return row


def alive(session: sqlite3.Row) -> sqlite3.Row:
    """The same session, or Refused where it has ended."""
    if session["ended"]:
        raise Refused("has_ended")
    return session


def delete_unused(act: sqlite3.Connection, opened_before: str) -> None:
    """Delete old sessions that hold nothing."""
    act.execute(
        "DELETE FROM sessions WHERE opened < ? AND id NOT IN (SELECT session FROM members)"
        " AND id NOT IN (SELECT session FROM questions)",
        (opened_before,),
    )


def count_members(act: sqlite3.Connection, session: sqlite3.Row) -> int:
    """Number of students who joined a session."""
    return count(act, "SELECT COUNT(*) FROM members WHERE session = ?", (session["id"],))


def own(act: sqlite3.Connection, code: str, browser: str) -> None:
    """Register a browser as the teacher's."""
    act.execute(
        "INSERT OR IGNORE INTO owners (session, browser) SELECT id, ? FROM sessions WHERE code = ?",
        (hashed(browser, code), code),
    )


def is_owner(act: sqlite3.Connection, session: sqlite3.Row, browser: str) -> bool:
    """Whether a browser is the teacher's."""
    owner = (session["id"], hashed(browser, session["code"]))
    return bool(count(act, "SELECT COUNT(*) FROM owners WHERE session = ? AND browser = ?", owner))


def owned(act: sqlite3.Connection, code: str, browser: str) -> sqlite3.Row:
    """The session with this code, for its teacher; others are refused without learning whether it exists."""
    row = found_session(act, code)
    if row is None or not is_owner(act, row, browser):
        raise Refused("not_teacher")
    return row


def seat_row(act: sqlite3.Connection, session: sqlite3.Row, browser: str) -> sqlite3.Row | None:
    """The seat of a browser, or None."""
    found: sqlite3.Row | None = act.execute(
        "SELECT members.nickname, members.team, letter, name, key FROM members JOIN teams ON teams.id = team"
        " WHERE members.session = ? AND browser = ?",
        (session["id"], hashed(browser, session["code"])),
    ).fetchone()
    return found


def seated(act: sqlite3.Connection, session: sqlite3.Row, browser: str) -> sqlite3.Row:
    """The seat of a browser, or Refused."""
    seat = seat_row(act, session, browser)
    if seat is None:
        raise Refused("no_seat")
    return seat


def teams_in(act: sqlite3.Connection, session: sqlite3.Row) -> list[sqlite3.Row]:
    """Teams of a session in the order in which they joined."""
    return act.execute("SELECT * FROM teams WHERE session = ? ORDER BY id", (session["id"],)).fetchall()


def team_with(act: sqlite3.Connection, session: sqlite3.Row, key: str) -> int:
    """Id of the team with this key, or Refused."""
    for row in teams_in(act, session):
        if row["key"] and secrets.compare_digest(row["key"], spelled(key)):
            return int(row["id"])
    raise Refused("wrong_key")


def new_team(act: sqlite3.Connection, session: sqlite3.Row, name: str, is_joint: bool) -> int:
    """Create a team with the next letter, and with a key if others may join; returns its id."""
    same = "SELECT COUNT(*) FROM teams WHERE session = ? AND folded = ?"
    if count(act, same, (session["id"], folded(name))):
        raise Refused("name_taken", what=name_of("team" if is_joint else "nickname"))
    made = act.execute(
        "INSERT INTO teams (session, letter, name, folded, key) VALUES (?, ?, ?, ?, ?)",
        (session["id"], next_letter(act, session), name, folded(name), letters(KEY) if is_joint else ""),
    )
    assert made.lastrowid is not None
    return made.lastrowid


def next_letter(act: sqlite3.Connection, session: sqlite3.Row) -> str:
    """The first of A, B, ... Z, A2, B2, ... that no team has."""
    taken = {row["letter"] for row in teams_in(act, session)}
    rounds = ("", *range(2, len(taken) + 3))
    names = (f"{chr(ord('A') + place)}{again}" for again in rounds for place in range(26))
    return next(name for name in names if name not in taken)


def take_out(act: sqlite3.Connection, condition: str, values: Sequence[object]) -> None:
    """Delete a member, and teams that are then empty."""
    act.execute(f"DELETE FROM members WHERE {condition}", values)
    act.execute("DELETE FROM teams WHERE session = ? AND id NOT IN (SELECT team FROM members)", (values[0],))


def question_row(act: sqlite3.Connection, code: str, number: int) -> sqlite3.Row:
    """A question by its number, or Refused."""
    session = session_row(act, code)
    found: sqlite3.Row | None = act.execute(
        "SELECT * FROM questions WHERE session = ? AND number = ?", (session["id"], number)
    ).fetchone()
    if found is None:
        raise Refused("other_question")
    return found


def last_question(act: sqlite3.Connection, session: sqlite3.Row) -> sqlite3.Row | None:
    """The latest question, or None."""
    found: sqlite3.Row | None = act.execute(
        "SELECT * FROM questions WHERE session = ? ORDER BY number DESC LIMIT 1", (session["id"],)
    ).fetchone()
    return found


def claim_row(act: sqlite3.Connection, question: sqlite3.Row | None, team: int) -> sqlite3.Row | None:
    """The claim of a team on a question, or None."""
    if question is None:
        return None
    found: sqlite3.Row | None = act.execute(
        "SELECT * FROM claims WHERE question = ? AND team = ?", (question["id"], team)
    ).fetchone()
    return found


def answers_to(act: sqlite3.Connection, question: int) -> dict[Overrides, Answer]:
    """Stored answers to a question, by choice of settings."""
    rows = act.execute("SELECT words, answer FROM answers WHERE question = ?", (question,)).fetchall()
    return {load_overrides(row["words"]): load_answer(row["answer"]) for row in rows}


def session_of(row: sqlite3.Row) -> Session:
    """A session from its row."""
    return Session(row["code"], row["opened"], row["ended"] is not None, bool(row["names_shown"]))


def question_of(row: sqlite3.Row) -> Question:
    """A question from its row."""
    return Question(
        row["number"], row["outcome"], row["about"], load_overrides(row["suggested"]), bool(row["is_fixed"]),
        row["runs"], row["stage"],
    )  # fmt: skip


def seat_of(act: sqlite3.Connection, row: sqlite3.Row) -> Seat:
    """A seat from its row."""
    members = count(act, "SELECT COUNT(*) FROM members WHERE team = ?", (row["team"],))
    return Seat(row["nickname"], row["letter"], row["name"], row["key"], members)


def sent_of(row: sqlite3.Row) -> Sent:
    """A claim from its row."""
    claim = Claim(load_overrides(row["words"]), row["low"], row["high"], row["confidence"], row["why"])
    return Sent(claim, row["sent"], row["revisions"])


def team_of(act: sqlite3.Connection, row: sqlite3.Row) -> Team:
    """A team from its row, with members and claims."""
    members = act.execute("SELECT id, nickname FROM members WHERE team = ? ORDER BY id", (row["id"],)).fetchall()
    claims = act.execute(
        "SELECT claims.*, number FROM claims JOIN questions ON questions.id = question WHERE team = ?", (row["id"],)
    ).fetchall()
    return Team(
        row["letter"],
        row["name"],
        row["key"],
        tuple(Member(one["id"], one["nickname"]) for one in members),
        {one["number"]: sent_of(one) for one in claims},
    )
