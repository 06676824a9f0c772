"""`python -m sim grade FILE ...`: hand-ins are marked, with sentences for the student and a table for the teacher.

Reads   hand-ins.
Writes  reference campaigns to the results folder, so that the next hand-in is marked at once.
"""

import csv
import io
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from sim.classroom.estimates import Campaigns
from sim.classroom.hand_in import HandIn, read_hand_in
from sim.classroom.lived import Lived
from sim.classroom.marking import Mark, mark, total
from sim.classroom.words import words_of
from sim.errors import PanjError, unknown
from sim.study.relive import options_of, whole

USAGE = "python -m sim grade FILE [FILE ...] [format=text] [reference=1000] [results_dir=results]"
OPTIONS = ("format", "reference", "results_dir")
FORMATS = ("text", "csv")
REFERENCE, MOST_REFERENCE, LEAST_REFERENCE = 1000, 100_000, 20
MOST_FILES = 500
COLUMNS = ("file", "lesson", "student", "task", "points", "of", "flagged", "feedback")
FORMULA = ("=", "+", "-", "@", "\t", "\r")  # with which a spreadsheet would begin to calculate


class Request(NamedTuple):
    """What is to be marked, and how."""

    files: tuple[Path, ...]
    format: str
    reference: int
    results: Path


class Graded(NamedTuple):
    """One hand-in, marked."""

    file: Path
    hand_in: HandIn
    marks: tuple[Mark, ...]

    @property
    def points(self) -> tuple[float, int]:
        """Earned, and to be earned."""
        return total(list(self.marks))

    @property
    def flagged(self) -> int:
        """Answers with a flag."""
        return sum(bool(one.flags) for one in self.marks)


def read_request(words: Sequence[str]) -> Request:
    """The command, checked."""
    options = options_of("grade", words, OPTIONS, USAGE)
    files = [word for word in words if word.partition("=")[0] not in OPTIONS]
    for word in files:
        key, equals, _ = word.partition("=")
        if word.startswith("-") or (equals and key.isidentifier() and not Path(word).exists()):
            raise unknown("grade", key, OPTIONS)
    if not 1 <= len(files) <= MOST_FILES:
        raise PanjError(f"grade: found {len(files)} files, expected 1 to {MOST_FILES}: {USAGE}")
    if options.get("format", "text") not in FORMATS:
        raise unknown("grade, format", options["format"], FORMATS)
    reference = whole("reference", options.get("reference", str(REFERENCE)), LEAST_REFERENCE, MOST_REFERENCE)
    return Request(
        tuple(map(Path, files)), options.get("format", "text"), reference, Path(options.get("results_dir", "results"))
    )


def grade(path: Path, campaigns: Campaigns, reference: int) -> Graded:
    """Mark one file; PanjError for one that is no hand-in."""
    hand_in = read_hand_in(path)
    sheet = hand_in.sheet
    marks = [mark(sheet, task, hand_in.answers.get(task.key), campaigns, reference) for task in sheet.tasks]
    return Graded(path, hand_in, tuple(marks))


def main(words: Sequence[str]) -> int:
    """Mark every file; one that cannot be read keeps nothing from the others, and the exit code is then 2."""
    request = read_request(words)
    campaigns = Lived(request.results)
    graded, troubled = [], 0
    for number, path in enumerate(request.files, 1):
        if len(request.files) > 1:
            print(f"{number} of {len(request.files)}: {path}", file=sys.stderr)
        try:
            graded.append(grade(path, campaigns, request.reference))
        except PanjError as error:
            troubled += 1
            print(f"panj: {' '.join(str(error).split())}", file=sys.stderr)
    if graded:
        print(as_csv(graded) if request.format == "csv" else as_text(graded), end="")
    return 2 if troubled else 0


def as_text(graded: Sequence[Graded]) -> str:
    """Every hand-in with its sentences; of several a table first."""
    parts = [table_of(graded)] if len(graded) > 1 else []
    return "\n".join([*parts, *(sheet_text(one) for one in graded)])


def table_of(graded: Sequence[Graded]) -> str:
    """A line a hand-in."""
    words = words_of("grade")
    rows = [(words.say("student"), words.say("lesson"), words.say("points"), words.say("flagged"))]
    for one in sorted(graded, key=lambda one: (one.hand_in.sheet.lesson.number, one.hand_in.sheet.student)):
        sheet, (points, most) = one.hand_in.sheet, one.points
        rows.append(
            (sheet.student, f"{sheet.lesson.number} {sheet.lesson.title}", f"{points:g}/{most}", f"{one.flagged}")
        )
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    return "\n".join(lines) + "\n"


def sheet_text(graded: Graded) -> str:
    """One hand-in: a heading, and for each task points, what was answered, and why."""
    words = words_of("grade")
    sheet, (points, most) = graded.hand_in.sheet, graded.points
    lesson = sheet.lesson
    lines = [
        words.say(
            "heading", number=lesson.number, title=lesson.title, student=sheet.student, points=f"{points:g}", most=most
        )
    ]
    if graded.hand_in.other_settings:
        lines.append(words.say("other_settings", names=", ".join(graded.hand_in.other_settings)))
    for one in graded.marks:
        lines.append(f"  {one.points:g}/{one.most}  {sheet.task(one.task).asks.replace('*', '')}")
        lines += [f"       {said}" for said in answer_lines(graded, one)]
    return "\n".join(lines) + "\n"


def answer_lines(graded: Graded, one: Mark) -> list[str]:
    """The answer as it was given, then what is said of it."""
    words = words_of("grade")
    answer = graded.hand_in.answers.get(one.task)
    if answer is None:
        return [*one.flags, *one.says]
    value = plain(answer.value)
    given = words.say("answered", answer.runs, value=value) if answer.runs else words.say("given", value=value)
    return [given, *one.flags, *one.says]


def plain(value: object) -> str:
    """An answer on one line, without letters that would move the cursor of a terminal."""
    text = " to ".join(f"{one:g}" for one in value) if isinstance(value, tuple) else str(value)
    return "".join(letter if letter.isprintable() else " " for letter in text)


def as_csv(graded: Sequence[Graded]) -> str:
    """A row a task, for a spreadsheet."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(COLUMNS)
    for one in graded:
        sheet = one.hand_in.sheet
        for found in one.marks:
            feedback = " ".join(answer_lines(one, found))
            row = (one.file, sheet.lesson.number, sheet.student, found.task, found.points, found.most)
            writer.writerow([safe(cell) for cell in (*row, len(found.flags), feedback)])
    return file.getvalue()


def safe(cell: object) -> object:
    """Text that no spreadsheet takes for a formula."""
    text = str(cell)
    return f"'{text}" if not isinstance(cell, int | float) and text.startswith(FORMULA) else cell
