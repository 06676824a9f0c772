"""A hand-in: one small file with what a student answers, written by notebook and page, read by the teacher's command.

Reads   a file of JSON or YAML; nothing in it is ever evaluated, and no settings are taken from it.
Writes  the same as JSON.
Assumed The sheet follows from lesson and student, so that the settings in a file are only there to be compared.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from sim.classroom.lessons import RANGES, Sheet, lesson_of, sheet_of, student_code
from sim.classroom.marking import Answer, check_answer
from sim.errors import PanjError, unknown

LARGEST = 64 * 1024  # bytes of a file
VERSION = 1
KEYS = ("panj_hand_in", "lesson", "student", "answers", "settings")
ANSWER_KEYS = ("value", "runs")
SAID = 60  # letters of a text that are repeated in an error


class HandIn(NamedTuple):
    """What one student hands in of one lesson."""

    sheet: Sheet
    answers: Mapping[str, Answer]
    other_settings: tuple[str, ...]  # names of settings that are not those of the sheet


def write_hand_in(sheet: Sheet, answers: Mapping[str, Answer]) -> str:
    """The file as text, always the same for the same answers."""
    content = {
        "panj_hand_in": VERSION,
        "lesson": sheet.lesson.name,
        "student": sheet.student,
        "answers": {
            task.key: {"value": answers[task.key].value, "runs": answers[task.key].runs}
            for task in sheet.tasks
            if task.key in answers
        },
        "settings": {name: list(words) for name, words in sheet.settings.items()},
    }
    return json.dumps(content, indent=1, ensure_ascii=False) + "\n"


def file_name(sheet: Sheet) -> str:
    """A name for the file that every system takes."""
    student = "".join(letter if letter.isascii() and letter.isalnum() else "_" for letter in sheet.student)
    return f"lesson_{sheet.lesson.number}_{student}.json"


def read_hand_in(path: Path) -> HandIn:
    """A file, checked; PanjError names the file, the key, what was found and what was expected."""
    try:
        with path.open("rb") as file:
            content = file.read(LARGEST + 1)
    except OSError as error:
        raise PanjError(f"{path}: found nothing that can be read ({error.strerror}), expected a hand-in") from error
    try:
        return hand_in_of(content)
    except PanjError as error:
        raise PanjError(f"{path}: {error}") from error


def hand_in_of(content: bytes) -> HandIn:
    """The same, from what stands in the file."""
    found = parsed(content)
    if not isinstance(found, dict):
        raise PanjError(f"found {kind_of(found)}, expected the names {', '.join(KEYS)}")
    for key in found:
        if key not in KEYS:
            raise unknown("hand-in", str(key)[:SAID], KEYS)
    if found.get("panj_hand_in") != VERSION:
        raise PanjError(f"panj_hand_in: found {shown(found.get('panj_hand_in'))}, expected {VERSION}")
    if not isinstance(found.get("lesson"), str | int):
        raise PanjError(f"lesson: found {shown(found.get('lesson'))}, expected the number or name of a lesson")
    sheet = sheet_of(lesson_of(found["lesson"]), student_code(found.get("student")))
    return HandIn(sheet, read_answers(sheet, found.get("answers")), other_settings(sheet, found.get("settings")))


def parsed(content: bytes) -> Any:
    """Plain values; PanjError for a file that is too large, or neither JSON nor plain YAML."""
    if len(content) > LARGEST:
        raise PanjError(f"found a file of more than {LARGEST:,} bytes, expected a small one")
    try:
        text = content.decode("utf-8")
        return json.loads(text) if text.lstrip().startswith("{") else plain_yaml(text)
    except (UnicodeDecodeError, ValueError, RecursionError, yaml.YAMLError) as error:
        said = " ".join(str(error).split())[:160]
        raise PanjError(f"found something that is neither JSON nor plain YAML ({said}), expected a hand-in") from error


def plain_yaml(text: str) -> Any:
    """YAML without references, by which a small file could grow without bound."""
    for event in yaml.parse(text, Loader=yaml.SafeLoader):
        if isinstance(event, yaml.AliasEvent):
            raise PanjError("found a reference (*) in YAML, expected plain values")
    return yaml.safe_load(text)


def read_answers(sheet: Sheet, found: Any) -> dict[str, Answer]:
    """Every answer, of the kind that its task asks for."""
    if not isinstance(found, dict):
        raise PanjError(f"answers: found {shown(found)}, expected a name for each task, with value and runs")
    answers = {}
    for key, row in found.items():
        task = sheet.task(str(key)[:SAID])
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
    """Which settings of the file are not those of this student; a file need not say any."""
    if found is None:
        return ()
    if not isinstance(found, dict):
        raise PanjError(f"settings: found {shown(found)}, expected a name for each, with its words")
    return tuple(name for name, words in sheet.settings.items() if name in found and found[name] != list(words))


def shown(value: Any) -> str:
    """What was found, in few letters; of something nested only what it is."""
    return repr(value)[:SAID] if isinstance(value, str | int | float) else kind_of(value)


def kind_of(value: Any) -> str:
    """In words."""
    kinds = {dict: "names with values", list: "a list", str: "text", type(None): "nothing"}
    return kinds.get(type(value), f"a {type(value).__name__}")
