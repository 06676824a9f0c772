"""One SQLite file for all class sessions: many threads, no loss on a restart, and nothing left of what was deleted.

Assumed One process writes at a time. Every act has a connection of its own, so that no thread waits for another's; one
        idle connection stays open, for with the last one SQLite would fold up its log at every act.
Source  SQLite: write-ahead log (sqlite.org/wal.html); `secure_delete` and VACUUM, which together leave no trace in the
        file (sqlite.org/pragma.html#pragma_secure_delete, sqlite.org/lang_vacuum.html).

Class sessions in the tables of the file: one statement a function.

Assumed Every function here is called within one transaction, so that what it reads is of one moment.
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
from sim.classroom.sessions.claims import Answer, Claim, Refused, answer_from, folded
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
    said,
    spelled,
)

VERSION = 1  # of the tables; kept in the file
PATIENCE = 10.0  # seconds to wait for another thread's act
SCHEMA = Path(__file__).parent / "register.sql"


def place_of_register() -> Path:
    """The file: where PANJ_CLASSROOM says, or in the user's folder for data."""
    return Path(os.environ.get("PANJ_CLASSROOM") or user_data_path("panj") / "classroom.sqlite")


class Storage:
    """The file and its connections. Every method may be called from any thread."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            path.touch(mode=0o600)  # of the teacher alone
            self.idle = self.connected()
            self.idle.execute("PRAGMA journal_mode = WAL")
            self.found_or_made()
            is_busy(self.idle, "PRAGMA wal_checkpoint(TRUNCATE)")  # where a stop kept a deletion from its end
        except (OSError, sqlite3.Error) as error:
            raise Refused("no_file", path=path, error=error) from error

    def connected(self) -> sqlite3.Connection:
        """A new connection that zeroes what it deletes and writes no other file."""
        connection = sqlite3.connect(self.path, timeout=PATIENCE, isolation_level=None, check_same_thread=False)
        connection.row_factory = sqlite3.Row
        for setting in ("foreign_keys = ON", "secure_delete = ON", "temp_store = MEMORY", "synchronous = FULL"):
            connection.execute(f"PRAGMA {setting}").fetchall()
        return connection

    def found_or_made(self) -> None:
        """Tables of this version, made where there are none."""
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
        """Read and write: all of it is kept, or nothing where it raises."""
        with closing(self.connected()) as connection:
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
            except BaseException:
                connection.execute("ROLLBACK")
                raise
            connection.execute("COMMIT")

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """Read as of one moment."""
        with closing(self.connected()) as connection:
            connection.execute("BEGIN")
            yield connection

    def leave_no_trace(self) -> None:
        """Rewrite the file and empty its log, so that neither holds what was deleted; waits for those who read."""
        with closing(self.connected()) as connection:
            late = time.monotonic() + PATIENCE
            for statement in ("VACUUM", "PRAGMA wal_checkpoint(TRUNCATE)"):
                while is_busy(connection, statement):
                    if time.monotonic() > late:
                        raise Refused("not_wiped", path=self.path)
                    time.sleep(0.05)

    def close(self) -> None:
        """Let the file go."""
        self.idle.close()


def is_busy(connection: sqlite3.Connection, statement: str) -> bool:
    """Whether another connection kept a statement from its end; the first number of a checkpoint says so."""
    try:
        row = connection.execute(statement).fetchone()
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            return True
        raise
    return row is not None and row[0] != 0


def as_text(overrides: Sequence[str]) -> str:
    """A choice of settings as it is kept."""
    return json.dumps(list(overrides))


def load_overrides(text: str) -> Overrides:
    """A choice of settings that was kept."""
    return tuple(json.loads(text))


def count(act: sqlite3.Connection, statement: str, values: Sequence[object] = ()) -> int:
    """The number that a statement gives."""
    return int(act.execute(statement, values).fetchone()[0])


def found_session(act: sqlite3.Connection, code: str) -> sqlite3.Row | None:
    """A session, if there is one with this code."""
    found: sqlite3.Row | None = act.execute("SELECT * FROM sessions WHERE code = ?", (spelled(code),)).fetchone()
    return found


def all_sessions(act: sqlite3.Connection) -> list[sqlite3.Row]:
    """Every session, the newest first."""
    return act.execute("SELECT * FROM sessions ORDER BY id DESC").fetchall()


def session_row(act: sqlite3.Connection, code: str) -> sqlite3.Row:
    """The session with this code."""
    row = found_session(act, code)
    if row is None:
        raise Refused("no_session")
    return row


def alive(session: sqlite3.Row) -> sqlite3.Row:
    """A session that has not ended."""
    if session["ended"]:
        raise Refused("has_ended")
    return session


def own(act: sqlite3.Connection, code: str, browser: str) -> None:
    """A browser is the teacher's."""
    act.execute(
        "INSERT OR IGNORE INTO owners (session, browser) SELECT id, ? FROM sessions WHERE code = ?",
        (hashed(browser, code), code),
    )


def is_owner(act: sqlite3.Connection, session: sqlite3.Row, browser: str) -> bool:
    """Whether this browser is the teacher's."""
    owner = (session["id"], hashed(browser, session["code"]))
    return bool(count(act, "SELECT COUNT(*) FROM owners WHERE session = ? AND browser = ?", owner))


def owned(act: sqlite3.Connection, code: str, browser: str) -> sqlite3.Row:
    """The session with this code, for its teacher; whoever is not learns no more than that."""
    row = found_session(act, code)
    if row is None or not is_owner(act, row, browser):
        raise Refused("not_teacher")
    return row


def seat_row(act: sqlite3.Connection, session: sqlite3.Row, browser: str) -> sqlite3.Row | None:
    """The seat of a browser, if it has one."""
    found: sqlite3.Row | None = act.execute(
        "SELECT members.nickname, members.team, letter, name, key FROM members JOIN teams ON teams.id = team"
        " WHERE members.session = ? AND browser = ?",
        (session["id"], hashed(browser, session["code"])),
    ).fetchone()
    return found


def seated(act: sqlite3.Connection, session: sqlite3.Row, browser: str) -> sqlite3.Row:
    """The seat of a browser."""
    seat = seat_row(act, session, browser)
    if seat is None:
        raise Refused("no_seat")
    return seat


def teams_in(act: sqlite3.Connection, session: sqlite3.Row) -> list[sqlite3.Row]:
    """The teams of a session in the order in which they came."""
    return act.execute("SELECT * FROM teams WHERE session = ? ORDER BY id", (session["id"],)).fetchall()


def team_with(act: sqlite3.Connection, session: sqlite3.Row, key: str) -> int:
    """The team whose members told this key."""
    for row in teams_in(act, session):
        if row["key"] and secrets.compare_digest(row["key"], spelled(key)):
            return int(row["id"])
    raise Refused("wrong_key")


def new_team(act: sqlite3.Connection, session: sqlite3.Row, name: str, is_joint: bool) -> int:
    """A team with the next letter; with a key if others may join."""
    same = "SELECT COUNT(*) FROM teams WHERE session = ? AND folded = ?"
    if count(act, same, (session["id"], folded(name))):
        raise Refused("name_taken", what=said("team" if is_joint else "nickname"))
    made = act.execute(
        "INSERT INTO teams (session, letter, name, folded, key) VALUES (?, ?, ?, ?, ?)",
        (session["id"], next_letter(act, session), name, folded(name), letters(KEY) if is_joint else ""),
    )
    assert made.lastrowid is not None
    return made.lastrowid


def next_letter(act: sqlite3.Connection, session: sqlite3.Row) -> str:
    """A, B, ... Z, A2, B2, ...: the first that no team has."""
    taken = {row["letter"] for row in teams_in(act, session)}
    rounds = ("", *range(2, len(taken) + 3))
    names = (f"{chr(ord('A') + place)}{again}" for again in rounds for place in range(26))
    return next(name for name in names if name not in taken)


def take_out(act: sqlite3.Connection, condition: str, values: Sequence[object]) -> None:
    """Delete a member, and teams that are empty then."""
    act.execute(f"DELETE FROM members WHERE {condition}", values)
    act.execute("DELETE FROM teams WHERE session = ? AND id NOT IN (SELECT team FROM members)", (values[0],))


def question_row(act: sqlite3.Connection, code: str, number: int) -> sqlite3.Row:
    """A question by its number."""
    session = session_row(act, code)
    found: sqlite3.Row | None = act.execute(
        "SELECT * FROM questions WHERE session = ? AND number = ?", (session["id"], number)
    ).fetchone()
    if found is None:
        raise Refused("other_question")
    return found


def last_question(act: sqlite3.Connection, session: sqlite3.Row) -> sqlite3.Row | None:
    """The question of now, if there is one."""
    found: sqlite3.Row | None = act.execute(
        "SELECT * FROM questions WHERE session = ? ORDER BY number DESC LIMIT 1", (session["id"],)
    ).fetchone()
    return found


def claim_row(act: sqlite3.Connection, question: sqlite3.Row | None, team: int) -> sqlite3.Row | None:
    """The claim of a team on a question, if it has sent one."""
    if question is None:
        return None
    found: sqlite3.Row | None = act.execute(
        "SELECT * FROM claims WHERE question = ? AND team = ?", (question["id"], team)
    ).fetchone()
    return found


def answers_to(act: sqlite3.Connection, question: int) -> dict[Overrides, Answer]:
    """What is known of each choice of settings."""
    rows = act.execute("SELECT words, answer FROM answers WHERE question = ?", (question,)).fetchall()
    return {load_overrides(row["words"]): answer_from(row["answer"]) for row in rows}


def session_of(row: sqlite3.Row) -> Session:
    """What everybody in it knows."""
    return Session(row["code"], row["opened"], row["ended"] is not None, bool(row["names_shown"]))


def question_of(row: sqlite3.Row) -> Question:
    """A question as it was asked."""
    return Question(
        row["number"], row["outcome"], row["about"], load_overrides(row["suggested"]), bool(row["is_fixed"]),
        row["runs"], row["stage"],
    )  # fmt: skip


def seat_of(act: sqlite3.Connection, row: sqlite3.Row) -> Seat:
    """A student's own place."""
    members = count(act, "SELECT COUNT(*) FROM members WHERE team = ?", (row["team"],))
    return Seat(row["nickname"], row["letter"], row["name"], row["key"], members)


def sent_of(row: sqlite3.Row) -> Sent:
    """A claim that has come in."""
    claim = Claim(load_overrides(row["words"]), row["low"], row["high"], row["confidence"], row["why"])
    return Sent(claim, row["sent"], row["revisions"])


def team_of(act: sqlite3.Connection, row: sqlite3.Row) -> Team:
    """A team with those who joined it and what it claimed."""
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
