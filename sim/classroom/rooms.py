"""What a class session consists of, for its teacher and for a student; its codes and what is kept of secrets."""

import secrets
from datetime import UTC, datetime
from hashlib import sha256
from typing import NamedTuple

from sim.classroom.answers import Answer
from sim.classroom.claims import Claim, Words
from sim.classroom.words import words_of

LETTERS = "FHKLMQRTWXY"  # no two sound or look alike in English, and no vowel, so that they spell nothing
CODE, KEY, WORD = 6, 8, 20  # letters of a session's code, of a team's key, of a teacher's word
OPEN, CLOSED, RUNNING, ANSWERED, DEBRIEF = "open", "closed", "running", "answered", "debrief"  # stages of a question


class Session(NamedTuple):
    """What everybody in it knows."""

    code: str
    opened: str
    is_ended: bool
    names_shown: bool


class Question(NamedTuple):
    """What is asked: the effect of a choice on an outcome, or the outcome itself."""

    number: int
    outcome: str
    about: str
    suggested: Words
    is_fixed: bool  # all claims are about what is suggested
    runs: int
    stage: str


class Seat(NamedTuple):
    """A student's own place."""

    nickname: str
    letter: str
    team: str
    key: str  # nothing for one who is alone
    members: int


class Sent(NamedTuple):
    """A claim that has come in."""

    claim: Claim
    sent: str
    revisions: int


class Place(NamedTuple):
    """All that a student may see."""

    session: Session
    seat: Seat
    question: Question | None
    sent: Sent | None
    answer: Answer | None


class Member(NamedTuple):
    """One who joined, for the teacher."""

    number: int
    nickname: str


class Team(NamedTuple):
    """A team and the claims it sent, by the number of the question; for the teacher."""

    letter: str
    name: str
    key: str
    members: tuple[Member, ...]
    claims: dict[int, Sent]


class Room(NamedTuple):
    """All that a teacher may see."""

    session: Session
    teams: tuple[Team, ...]
    questions: tuple[Question, ...]
    answers: dict[int, dict[Words, Answer]]  # by question

    @property
    def question(self) -> Question | None:
        """The one that is asked now."""
        return self.questions[-1] if self.questions else None


def now() -> str:
    """The time, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def letters(number: int) -> str:
    """So many letters by chance, that nobody can foresee."""
    return "".join(secrets.choice(LETTERS) for _ in range(number))


def spelled(code: str) -> str:
    """A code or a word as it is kept, however it was typed: `fkm-rwx` is FKMRWX."""
    return "".join(letter for letter in code.upper() if letter in LETTERS)[:WORD]


def grouped(code: str, size: int) -> str:
    """A code as it is read aloud: FKM RWX."""
    return " ".join(code[first : first + size] for first in range(0, len(code), size))


def hashed(secret: str, code: str) -> str:
    """What is kept of a secret; another in each session, so that a browser cannot be followed from one to the next."""
    return sha256(f"{code}:{secret}".encode()).hexdigest()


def said(stage: str) -> str:
    """The words for a stage, or for a thing that has a name."""
    return words_of("class").say(f"said_{stage or 'nothing'}")
