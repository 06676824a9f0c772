"""A class session as one CSV: a row a team and question, with what was claimed and what the campaigns answered.

Assumed It is opened in a spreadsheet, which would take a cell that begins with =, +, - or @ for a formula.
"""

import csv
import io
from collections.abc import Callable

import numpy as np

from sim.classroom.answers import score_of
from sim.classroom.rooms import Question, Room, Team
from sim.classroom.words import words_of

COLUMNS = (
    "session", "question", "outcome", "unit", "about", "letter", "name", "members", "words", "low", "high",
    "confidence", "direction", "why", "sent", "revisions", "campaigns", "missing", "median", "low_5", "high_95", "mean",
    "mean_low", "mean_high", "verdict", "held", "score", "calibration",
)  # fmt: skip
FORMULA = ("=", "+", "-", "@", "\t", "\r")


def csv_of(room: Room, unit_of: Callable[[str], str]) -> str:
    """The whole session, for its teacher; what is not there is an empty cell."""
    words = words_of("class")
    file = io.StringIO()
    table = csv.DictWriter(file, fieldnames=COLUMNS, restval="", lineterminator="\r\n")
    table.writerow({column: words.say(f"export_{column}") for column in COLUMNS})
    for question in room.questions:
        for team in room.teams:
            row = row_of(room, question, team) | {"unit": unit_of(question.outcome)}
            table.writerow({key: plain(value) for key, value in row.items()})
    return "\ufeff" + file.getvalue()  # the mark by which spreadsheets know UTF-8


def row_of(room: Room, question: Question, team: Team) -> dict[str, object]:
    """One team on one question."""
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
        "words": " ".join(claim.words),
        "low": claim.low,
        "high": claim.high,
        "confidence": claim.confidence,
        "direction": claim.direction,
        "why": claim.why,
        "sent": sent.sent,
        "revisions": sent.revisions,
    }
    answer = room.answers[question.number].get(claim.words)
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


def plain(value: object) -> object:
    """Text that a spreadsheet does not run."""
    return f"'{value}" if isinstance(value, str) and value.startswith(FORMULA) else value
