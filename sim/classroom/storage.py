"""One SQLite file for all class sessions: many threads, no loss on a restart, and nothing left of what was deleted.

Assumed One process writes at a time. Every act has a connection of its own, so that no thread waits for another's; one
        idle connection stays open, for with the last one SQLite would fold up its log at every act.
Source  SQLite: write-ahead log (sqlite.org/wal.html); `secure_delete` and VACUUM, which together leave no trace in the
        file (sqlite.org/pragma.html#pragma_secure_delete, sqlite.org/lang_vacuum.html).
"""

import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from platformdirs import user_data_path

from sim.classroom.claims import Refused

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
