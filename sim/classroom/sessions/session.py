"""Types of a class session, its codes, its export as CSV, and the outcomes that questions may be about.

Questions may be about numeric outcomes of the baseline, except counts of the dead, since guesses at the number of
deaths should not be scored as in a game. The other pages show outcomes that count the dead, next to their sources.
"""

import secrets
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from hashlib import sha256
from typing import NamedTuple

import numpy as np

from sim.classroom.desk import the_desk
from sim.classroom.sessions.claims import Answer, Claim, score_of
from sim.classroom.texts import outcome_label, safe_cell, texts_of
from sim.configuration.overrides import BASELINE, Overrides
from sim.data.facts import THE_LINE
from sim.data.record import evidence
from sim.outcome import read_outcomes, reported_of
from sim.study.files import USUAL, Dialect, csv_rows
from sim.study.reader import Measure

LETTERS = "FHKLMQRTWXY"  # letters that neither sound nor look alike, without vowels, so that codes are not words
CODE, KEY, WORD = 6, 8, 20  # number of letters in a session's code, a team's key and a teacher's recovery word
TEACHERS_CODE = "".join(secrets.choice(LETTERS) for _ in range(10))  # printed when the server starts
OPEN, CLOSED, RUNNING, ANSWERED, DEBRIEF = "open", "closed", "running", "answered", "debrief"  # stages of a question
REMOVED, ENDED = "removed", "ended"  # kinds of action that can be undone for a minute
PAUSE, EYES = "pause", "eyes"  # calls of a teacher to the class: to pause, or to look at the wall


class Session(NamedTuple):
    """The part of a session that all of its members may see."""

    code: str
    opened: str
    is_ended: bool
    names_shown: bool


class Kept(NamedTuple):
    """A session and the number of its members, for a visitor with the teachers' code."""

    session: Session
    members: int


class Question(NamedTuple):
    """A question about the effect of a choice on an outcome, or about the outcome itself."""

    number: int
    outcome: str
    about: str
    suggested: Overrides
    is_fixed: bool  # whether all claims must be about the suggested choice
    runs: int
    stage: str


class Seat(NamedTuple):
    """A student's place in a session: nickname and team."""

    nickname: str
    letter: str
    team: str
    key: str  # key with which others join the team; empty for a student without a team
    members: int


class Sent(NamedTuple):
    """A claim with the time when it was last sent and the number of its revisions."""

    claim: Claim
    sent: str
    revisions: int


def version_of(sent: Sent | None) -> int:
    """Return the version of a team's claim: 0 if there is none, 1 for the first, and one more for each revision."""
    return 0 if sent is None else sent.revisions + 1


class Place(NamedTuple):
    """A student's view of a session."""

    session: Session
    seat: Seat
    question: Question | None
    sent: Sent | None
    answer: Answer | None
    call: str = ""  # call of the teacher to the class: PAUSE, EYES or empty
    scene: int | None = None  # number of the current scene; None if the class is not in the scenes


class Member(NamedTuple):
    """A student who joined, as shown to the teacher."""

    number: int
    nickname: str
    page: str = ""  # the page that the student has open; empty if there is none


class Team(NamedTuple):
    """A team and its claims, as shown to the teacher; `claims` is keyed by the number of the question."""

    letter: str
    name: str  # name of the team; empty for a student without a team, whose nickname is hidden from others
    key: str  # key for joining the team; empty for a student without a team
    members: tuple[Member, ...]
    claims: dict[int, Sent]


class Undo(NamedTuple):
    """An action that the teacher of a session can undo for a minute."""

    number: int
    kind: str  # REMOVED for a member, ENDED for the session
    what: str  # nickname of the removed member; empty for the end of the session


class Room(NamedTuple):
    """Everything about a session, as shown to the teacher."""

    session: Session
    teams: tuple[Team, ...]
    questions: tuple[Question, ...]
    answers: dict[int, dict[Overrides, Answer]]  # answers by number of the question
    call: str = ""  # call of the teacher to the class: PAUSE, EYES or empty
    undos: tuple[Undo, ...] = ()
    scene: int | None = None  # number of the current scene; None if the class is not in the scenes

    @property
    def question(self) -> Question | None:
        """The current question; None before the first is asked."""
        return self.questions[-1] if self.questions else None

    def on_the_wall(self) -> "Room":
        """Return the public view of the session: without nicknames, keys and reasons.

        Names of teams are included if the teacher shows them; a student without a team is only a letter.
        """
        return self._replace(
            teams=tuple(team_on_the_wall(team, self.session.names_shown) for team in self.teams), undos=()
        )


def team_on_the_wall(team: Team, is_named: bool) -> Team:
    """Return the public view of a team: its letter, the number of its members, its claims without reasons."""
    return Team(
        team.letter,
        team.name if is_named and team.key else "",
        "",
        tuple(Member(member.number, "") for member in team.members),
        {number: sent._replace(claim=sent.claim._replace(why="")) for number, sent in team.claims.items()},
    )


def now(later: timedelta = timedelta()) -> str:
    """Return the current time (UTC) plus `later`, in ISO format to the second."""
    return (datetime.now(UTC) + later).isoformat(timespec="seconds")


def letters(number: int) -> str:
    """Return a secret of `number` random letters."""
    return "".join(secrets.choice(LETTERS) for _ in range(number))


def spelled(code: str) -> str:
    """Convert a code, key or recovery word to its stored form.

    Args:
        code: The code as typed, such as `fkm-rwx`.

    Returns:
        The code in upper case, without characters that are not in `LETTERS`, truncated to `WORD` letters, such as
        `FKMRWX`.
    """
    return "".join(letter for letter in code.upper() if letter in LETTERS)[:WORD]


def grouped(code: str, size: int) -> str:
    """Split a code into groups of letters, for reading it out.

    Args:
        code: The code as stored.
        size: Letters per group.

    Returns:
        The code for display, such as `FKM RWX`.
    """
    return " ".join(code[first : first + size] for first in range(0, len(code), size))


def hashed(secret: str, code: str) -> str:
    """Return the hash of a secret, which differs between sessions, so that a browser cannot be traced across them."""
    return sha256(f"{code}:{secret}".encode()).hexdigest()


def name_of(stage: str) -> str:
    """Return the text for a stage of a question, or for another named item.

    Args:
        stage: Name of the stage or item, as in the keys `name_...` of class.yaml; empty if there is no question.

    Returns:
        The text, such as `claims are open`.
    """
    return texts_of("class").say(f"name_{stage or 'nothing'}")


COLUMNS = (
    "session", "question", "outcome", "unit", "about", "letter", "name", "members", "words", "low", "high",
    "confidence", "direction", "why", "sent", "revisions", "campaigns", "missing", "median", "low_5", "high_95", "mean",
    "mean_low", "mean_high", "verdict", "held", "score", "calibration",
)  # fmt: skip


def csv_of(room: Room, unit_of: Callable[[str], str], dialect: Dialect = USUAL) -> str:
    """Export a session as CSV.

    Args:
        room: The whole session.
        unit_of: Returns the unit of an outcome, given its name.
        dialect: Separator of columns and decimal mark.

    Returns:
        The text of the file: headings, then one row per question and team, with empty cells for missing values.
    """
    texts = texts_of("class")
    rows: list[Sequence[object]] = [[texts.say(f"export_{column}") for column in COLUMNS]]
    for question in room.questions:
        for team in room.teams:
            row = row_of(room, question, team) | {"unit": unit_of(question.outcome)}
            rows.append([safe_cell(row.get(column, "")) for column in COLUMNS])
    return csv_rows(rows, dialect)


def row_of(room: Room, question: Question, team: Team) -> dict[str, object]:
    """Return the row of one team and one question, without columns that have no value."""
    row: dict[str, object] = {
        "session": room.session.code,
        "question": question.number,
        "outcome": question.outcome,
        "about": question.about,
        "letter": team.letter,
        "name": team.name,
        "members": "; ".join(member.nickname for member in team.members),
    }
    sent = team.claims.get(question.number)
    if sent is None:
        return row
    claim = sent.claim
    row |= {
        "words": " ".join(claim.overrides.words),
        "low": claim.low,
        "high": claim.high,
        "confidence": claim.confidence,
        "direction": claim.direction,
        "why": claim.why,
        "sent": sent.sent,
        "revisions": sent.revisions,
    }
    answer = room.answers[question.number].get(claim.overrides)
    score = score_of(claim, question.about, answer) if answer else None
    if answer is None or score is None:
        return row
    low_5, median, high_95 = np.quantile(answer.values, (0.05, 0.5, 0.95)).tolist()
    return row | {
        "campaigns": len(answer.values),
        "missing": answer.missing,
        "median": median,
        "low_5": low_5,
        "high_95": high_95,
        "mean": answer.mean,
        "mean_low": answer.low,
        "mean_high": answer.high,
        "verdict": score.verdict,
        "held": score.held,
        "score": score.total,
        "calibration": answer.calibration,
    }


COUNTS_THE_DEAD = "killed"  # part of the names of outcomes that count the dead
DATE = "date"  # unit of outcomes that are not numbers


def measure_of(outcome: str) -> Measure:
    """Return the description of the outcome of a question.

    Args:
        outcome: Name of the outcome.

    Returns:
        The label, unit and reported figure of the outcome, or only its name if it no longer exists.
    """
    nothing = {"value": None, "low": None, "high": None, "evidence": ""}
    return offered().get(outcome) or Measure(outcome, outcome, "", False, nothing)


@cache
def beyond_the_record() -> frozenset[str]:
    """Return the names of outcomes that are counted after 7 July 2021, for which nothing was reported."""
    settings = the_desk().settings(BASELINE)
    last = (THE_LINE - settings.start_date).days
    table = read_outcomes(settings.facts, settings.start_date, settings.days)
    return frozenset(row.name for row in table if row.last > last)


@cache
def offered() -> Mapping[str, Measure]:
    """Return the outcomes that questions may be about.

    Returns:
        Label, unit and reported figure, keyed by name of the outcome.
    """
    settings = the_desk().settings(BASELINE)
    return {
        row.name: Measure(
            row.name, outcome_label(row.name, row.label), row.unit, False, reported_of(row, evidence())._asdict()
        )
        for row in read_outcomes(settings.facts, settings.start_date, settings.days)
        if row.unit != DATE and COUNTS_THE_DEAD not in row.name
    }
