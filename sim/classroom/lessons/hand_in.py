"""Write, read and mark hand-ins, which are small files with the answers of one student to one lesson.

Notebooks and pages write them; `python -m sim grade` marks them.

Reads   hand-ins in JSON or YAML; nothing in them is evaluated, and no settings are taken from them.
Writes  hand-ins as JSON; campaigns to the results folder, so that they are not run again for the next hand-in.
Assumes Lesson and student determine the sheet; the settings in a file are only compared with those of the sheet.
"""

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from sim.classroom.lessons.campaigns import CampaignStore
from sim.classroom.lessons.estimates import CampaignSource
from sim.classroom.lessons.forecasts import FEWEST, Ranges, describe_class, given_ranges
from sim.classroom.lessons.lesson import RANGES, Sheet, lesson_of, sheet_of, student_code
from sim.classroom.lessons.marking import Answer, Mark, check_answer, mark, total
from sim.classroom.texts import plain_yaml, safe_cell, texts_of
from sim.errors import PanjError, unknown
from sim.options import Grade
from sim.study.files import USUAL, Dialect, csv_rows, dialect_of, refuse_dialect

LARGEST = 64 * 1024  # largest size of a file, bytes
VERSION = 1
KEYS = ("panj_hand_in", "lesson", "student", "answers", "settings")
ANSWER_KEYS = ("value", "runs")
SHOWN = 60  # largest number of characters of a value quoted in an error
DRAWINGS = "panj explorable"  # value of `format` in the file of drawings that a student saves in the seven scenes


class HandIn(NamedTuple):
    """The answers of one student to one lesson."""

    sheet: Sheet
    answers: Mapping[str, Answer]
    other_settings: tuple[str, ...]  # names of settings that differ from those of the sheet


def write_hand_in(sheet: Sheet, answers: Mapping[str, Answer]) -> str:
    """Return the content of a hand-in.

    Args:
        sheet: The sheet of the student.
        answers: The answers given, keyed by task.

    Returns:
        The content as JSON, which depends only on the sheet and the answers.
    """
    content = {
        "panj_hand_in": VERSION,
        "lesson": sheet.lesson.name,
        "student": sheet.student,
        "answers": {
            task.key: {"value": answers[task.key].value, "runs": answers[task.key].runs}
            for task in sheet.tasks
            if task.key in answers
        },
        "settings": {name: overrides.words for name, overrides in sheet.settings.items()},
    }
    return json.dumps(content, indent=1, ensure_ascii=False) + "\n"


def file_name(sheet: Sheet) -> str:
    """Return the default name of the file of a hand-in.

    Args:
        sheet: The sheet of the student.

    Returns:
        A name that is valid on every system, such as `lesson_1_12.json`.
    """
    student = "".join(letter if letter.isascii() and letter.isalnum() else "_" for letter in sheet.student)
    return f"lesson_{sheet.lesson.number}_{student}.json"


def read_hand_in(path: Path) -> HandIn:
    """Read and check the file of a hand-in; raise a PanjError that names the file if it is invalid."""
    try:
        with path.open("rb") as file:
            content = file.read(LARGEST + 1)
    except OSError as error:
        raise PanjError(f"{path}: found no readable file ({error.strerror}), expected a hand-in") from error
    try:
        return hand_in_of(content)
    except PanjError as error:
        raise PanjError(f"{path}: {error}") from error


def hand_in_of(content: bytes) -> HandIn:
    """Parse and check the content of a hand-in.

    Args:
        content: The bytes of the file.

    Returns:
        The sheet of the student, the answers, and the names of settings that differ from the sheet.

    Raises:
        PanjError: The content is not a hand-in, or an answer is of the wrong kind.
    """
    found = parsed(content)
    if not isinstance(found, dict):
        raise PanjError(f"found {kind_of(found)}, expected the keys {', '.join(KEYS)}")
    if found.get("format") == DRAWINGS:
        raise PanjError("found drawings of the seven scenes, expected answers to a lesson; drawings are opened at the "
                        "bottom of the page of the scenes, under 'For teachers'")  # fmt: skip
    for key in found:
        if key not in KEYS:
            raise unknown("hand-in", str(key)[:SHOWN], KEYS)
    if found.get("panj_hand_in") != VERSION:
        raise PanjError(f"panj_hand_in: found {shown(found.get('panj_hand_in'))}, expected {VERSION}")
    if not isinstance(found.get("lesson"), str | int):
        raise PanjError(f"lesson: found {shown(found.get('lesson'))}, expected the number or name of a lesson")
    sheet = sheet_of(lesson_of(found["lesson"]), student_code(found.get("student")))
    return HandIn(sheet, read_answers(sheet, found.get("answers")), other_settings(sheet, found.get("settings")))


def parsed(content: bytes) -> Any:
    """Parse the content of a file; raise PanjError if it is too large, or neither JSON nor plain YAML."""
    if len(content) > LARGEST:
        raise PanjError(f"found a file that is too large, expected a hand-in of at most {LARGEST:,} bytes")
    try:
        text = content.decode("utf-8-sig")
        return json.loads(text) if text.lstrip().startswith("{") else plain_yaml(text)
    except (UnicodeDecodeError, ValueError, RecursionError, yaml.YAMLError) as error:
        said = " ".join(str(error).split())[:160]
        raise PanjError(f"found content that is neither JSON nor plain YAML ({said}), expected a hand-in") from error


def read_answers(sheet: Sheet, found: Any) -> dict[str, Answer]:
    """Check the answers of a hand-in and return them, without empty ones, keyed by task."""
    if not isinstance(found, dict):
        raise PanjError(f"answers: found {shown(found)}, expected keys of tasks, each with value and runs")
    answers = {}
    for key, row in found.items():
        task = sheet.task(str(key)[:SHOWN])
        if not isinstance(row, dict) or not {"value"} <= set(row) <= set(ANSWER_KEYS):
            raise PanjError(f"answer {task.key}: found {shown(row)}, expected {' and '.join(ANSWER_KEYS)}")
        value = row["value"]
        if value is None:
            continue  # not answered
        if task.kind in RANGES and isinstance(value, list):
            value = tuple(value)
        answer = Answer(value, row.get("runs", 0))
        check_answer(task, answer)
        answers[task.key] = answer
    return answers


def other_settings(sheet: Sheet, found: Any) -> tuple[str, ...]:
    """Return the names of settings whose overrides in the file differ from the sheet; empty if there are none."""
    if found is None:
        return ()
    if not isinstance(found, dict):
        raise PanjError(f"settings: found {shown(found)}, expected names of settings, each with its overrides")
    return tuple(name for name, own in sheet.settings.items() if name in found and found[name] != list(own.words))


def shown(value: Any) -> str:
    """Format a text or number, shortened, for an error message; other values are replaced by a name of their type."""
    return repr(value)[:SHOWN] if isinstance(value, str | int | float) else kind_of(value)


def kind_of(value: Any) -> str:
    """Return a name of the type of a value, such as `a list`."""
    kinds = {dict: "names with values", list: "a list", str: "text", type(None): "nothing"}
    return kinds.get(type(value), f"a {type(value).__name__}")


BYTE_ORDER_MARK = "\ufeff"  # first character of a file, by which spreadsheets recognise UTF-8
COLUMNS = ("file", "lesson", "student", "task", "points", "most", "flagged", "feedback")  # columns of the marks as CSV


class Graded(NamedTuple):
    """A marked hand-in."""

    file: Path
    hand_in: HandIn
    marks: tuple[Mark, ...]

    @property
    def points(self) -> tuple[float, int]:
        """The total of the points earned, and the maximum."""
        return total(list(self.marks))

    @property
    def flagged(self) -> int:
        """The number of answers with a flag."""
        return sum(bool(one.flags) for one in self.marks)


def grade(path: Path, campaigns: CampaignSource, reference: int) -> Graded:
    """Mark one hand-in with the student's own campaigns and `reference` other campaigns.

    Raise PanjError if the file is not a valid hand-in, or if campaigns are not available.
    """
    return graded_of(path, read_hand_in(path), campaigns, reference)


def graded_of(path: Path, hand_in: HandIn, campaigns: CampaignSource, reference: int) -> Graded:
    """Mark a parsed hand-in.

    Args:
        path: Path or name of its file.
        hand_in: The answers of the student.
        campaigns: Source of the student's own campaigns, and of those with which they are compared.
        reference: Number of campaigns with which answers are compared.

    Returns:
        The hand-in with one mark per task.

    Raises:
        PanjError: Campaigns are not available.
    """
    sheet = hand_in.sheet
    marks = [mark(sheet, task, hand_in.answers.get(task.key), campaigns, reference) for task in sheet.tasks]
    return Graded(path, hand_in, tuple(marks))


def main(request: Grade) -> int:
    """Mark every file and print the marks, or the error if a file cannot be marked.

    Args:
        request: The parsed command line of `grade`.

    Returns:
        The exit code: 0, or 2 if a file could not be marked.
    """
    dialect = dialect_of(request.separator, request.decimal)
    if request.format != "csv":
        refuse_dialect(request.separator, request.decimal, f"format={request.format}")
    campaigns = CampaignStore(request.results_dir)
    graded, failed = [], 0
    files = request.hand_ins
    for number, path in enumerate(files, 1):
        if len(files) > 1:
            print(f"{number} of {len(files)}: {path}", file=sys.stderr)
        try:
            graded.append(grade(path, campaigns, request.reference))
        except PanjError as error:
            failed += 1
            print(f"panj: {' '.join(str(error).split())}", file=sys.stderr)
    if graded:
        has_mark = dialect.encoding == "utf-8-sig" and (sys.stdout.encoding or "").lower().startswith("utf")
        text = as_csv(graded, dialect) if request.format == "csv" else as_text(graded)
        print(f"{BYTE_ORDER_MARK * has_mark}{text}", end="")
    return 2 if failed else 0


def as_text(graded: Sequence[Graded]) -> str:
    """Format all marked hand-ins with remarks; several are preceded by a table and the scores by lesson."""
    parts = [table_of(graded), *class_texts(graded)] if len(graded) > 1 else []
    return "\n".join([*parts, *(sheet_text(one) for one in graded)])


def class_texts(graded: Sequence[Graded]) -> list[str]:
    """Describe how the forecasts of a class scored, in one text per lesson.

    A lesson is left out unless at least `FEWEST` students gave all of its forecasts.
    """
    given: dict[str, list[dict[str, Ranges]]] = {}
    for one in graded:
        lesson = one.hand_in.sheet.lesson
        values = {key: answer.value for key, answer in one.hand_in.answers.items()}
        if (ranges := given_ranges(lesson, values)) is not None:
            given.setdefault(lesson.name, []).append(ranges)
    return [
        "".join(f"{describe_class(task, lesson_of(name).name_of(task.key), [ranges[task.key] for ranges in found])}\n"
                for task in lesson_of(name).forecasts)
        for name, found in given.items() if len(found) >= FEWEST
    ]  # fmt: skip


HEADS = ("student", "lesson", "points", "flagged")  # keys of the headings of a table of marks


def in_order(graded: Sequence[Graded]) -> list[Graded]:
    """Return marked hand-ins in the order of lessons and, within a lesson, of students."""
    return sorted(graded, key=lambda one: (one.hand_in.sheet.lesson.number, one.hand_in.sheet.student))


def table_of(graded: Sequence[Graded]) -> str:
    """Format a table with one line per hand-in: student, lesson, points and number of flagged answers."""
    texts = texts_of("grade")
    rows = [tuple(texts.say(key) for key in HEADS)]
    for one in in_order(graded):
        sheet, (points, most) = one.hand_in.sheet, one.points
        rows.append(
            (sheet.student, f"{sheet.lesson.number} {sheet.lesson.title}", f"{points:g}/{most}", f"{one.flagged}")
        )
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    return "\n".join(lines) + "\n"


def sheet_text(graded: Graded) -> str:
    """Format one hand-in: a heading, then the points, question, answer, flags and remarks of each task."""
    texts = texts_of("grade")
    sheet, (points, most) = graded.hand_in.sheet, graded.points
    lesson = sheet.lesson
    lines = [
        texts.say(
            "heading", number=lesson.number, title=lesson.title, student=sheet.student, points=f"{points:g}", most=most
        )
    ]
    if graded.hand_in.other_settings:
        lines.append(texts.say("other_settings", names=", ".join(graded.hand_in.other_settings)))
    for one in graded.marks:
        lines.append(f"  {one.points:g}/{one.most}  {sheet.task(one.task).asks.replace('*', '')}")
        lines += [f"       {said}" for said in answer_lines(graded, one)]
    return "\n".join(lines) + "\n"


def answer_lines(graded: Graded, one: Mark) -> list[str]:
    """Return the lines for one task: the given answer, followed by its flags and remarks."""
    texts = texts_of("grade")
    answer = graded.hand_in.answers.get(one.task)
    if answer is None:
        return [*one.flags, *one.says]
    value = plain(answer.value)
    given = texts.say("answered", answer.runs, value=value) if answer.runs else texts.say("given", value=value)
    return [given, *one.flags, *one.says]


def plain(value: object) -> str:
    """Format an answer on one line, without control characters."""
    text = " to ".join(f"{one:g}" for one in value) if isinstance(value, tuple) else str(value)
    return "".join(letter if letter.isprintable() else " " for letter in text)


def as_csv(graded: Sequence[Graded], dialect: Dialect = USUAL) -> str:
    """Format the marks as CSV for a spreadsheet: headings, then one row per task."""
    texts = texts_of("grade")
    rows: list[Sequence[object]] = [[texts.say(f"csv_{column}") for column in COLUMNS]]
    for one in graded:
        sheet = one.hand_in.sheet
        for found in one.marks:
            feedback = " ".join(answer_lines(one, found))
            task = sheet.lesson.name_of(found.task)
            row = (one.file, sheet.lesson.number, sheet.student, task, found.points, found.most)
            rows.append([safe_cell(cell) for cell in (*row, len(found.flags), feedback)])
    return csv_rows(rows, dialect)
