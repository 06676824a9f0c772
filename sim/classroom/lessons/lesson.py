"""The six lessons, each from one file, and what every student finds in them: numbers of their own.

Reads   exercises/lessons/*.yaml, configs/outcomes.yaml, data/evidence.csv.
Gives   `Lesson`, as its file says it; `Sheet`, the same with the numbers of one student in its gaps.
Assumed A student is a name or a number. The same one gets the same sheet everywhere; of two numbers in a row no
        parameter with several options is the same, so that neighbours who count off have different sheets.
"""

import re
from collections.abc import Mapping, Sequence
from functools import cache
from hashlib import sha256
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple, cast

from sim.data.configs import PACKAGE, folder_of, read_yaml
from sim.data.evidence import Evidence
from sim.data.record import evidence
from sim.errors import PanjError, unknown
from sim.outcomes import Outcome, Reported, reported_of

MINUTES = 45  # of every lesson
BLOCKS, BLOCK = 8, 100  # a student's campaigns begin at one of so many seeds, so far apart
LONGEST_CODE = 40  # letters of a student's name or number
NUMBERS = ("number", "exact")  # kinds of task whose answer is a number
RANGES = ("guess", "range")  # two numbers
CHOSEN = ("verdict", "inside", "pick", "quiz")  # one of some choices
KINDS = (*NUMBERS, *RANGES, *CHOSEN, "evidence", "words")
NEED = {"number": 50, "range": 100, "verdict": 50, "inside": 100, "pick": 50}  # campaigns for a conclusion
VERDICTS = ("more", "fewer", "cannot tell")
Overrides = tuple[str, ...]


class Step(NamedTuple):
    """Some minutes of a lesson."""

    minutes: int
    who: str
    what: str


class Fact(NamedTuple):
    """A sentence of the background, with the rows of the record it rests on."""

    says: str
    evidence: tuple[str, ...]


class Task(NamedTuple):
    """One thing to find out; texts and names may have gaps until they stand on a sheet."""

    key: str
    asks: str
    kind: str
    measure: str = ""  # what a number is of, see `sim.classroom.lessons.estimates`
    of: str = ""  # name of the settings whose campaigns are measured
    minus: str = ""  # of those that are subtracted, campaign by campaign
    ladder: tuple[str, ...] = ()  # names of settings to pick from
    outcome: str = ""
    quantile: float = 0.5
    threshold: float | str = ""
    choices: tuple[str, ...] = ()
    right: str = ""
    because: str = ""  # why, told once it is answered
    row: str = ""  # of the record
    needs: int = 0  # campaigns for a conclusion; 0 where none are asked for
    points: int = 1
    solution: str = ""  # what a teacher's notebook does
    says: str = ""  # what a teacher may say of it


class Lesson(NamedTuple):
    """One lesson, as its file says it."""

    number: int
    name: str
    title: str
    question: str
    goals: tuple[str, ...]
    timing: tuple[Step, ...]
    background: tuple[Fact, ...]
    parameters: Mapping[str, Sequence[Any]]  # name: options
    settings: Mapping[str, tuple[str, ...]]  # name: override words, with gaps
    runs: int  # campaigns that the tasks ask for
    tasks: tuple[Task, ...]
    questions: tuple[str, ...]
    debrief: tuple[str, ...]


class Sheet(NamedTuple):
    """A lesson with the numbers of one student."""

    lesson: Lesson
    student: str
    first_seed: int
    parameters: Mapping[str, Any]
    settings: Mapping[str, Overrides]
    tasks: tuple[Task, ...]

    def task(self, key: str) -> Task:
        """The task of that name; PanjError says which there are."""
        for task in self.tasks:
            if task.key == key:
                return task
        raise unknown(f"lesson {self.lesson.number}, task", key, [task.key for task in self.tasks])

    def overrides(self, name: str) -> Overrides:
        """The settings of that name; PanjError says which there are."""
        if name not in self.settings:
            raise unknown(f"lesson {self.lesson.number}, settings", name, self.settings)
        return self.settings[name]

    def said(self, text: str) -> str:
        """A text of the lesson with this student's numbers in it."""
        return fill(text, self.parameters)


def folder_of_exercises() -> Path:
    """Beside the package in a clone, inside it in a wheel."""
    beside = PACKAGE.parent / "exercises"
    return beside if (beside / "lessons").is_dir() else PACKAGE / "exercises"


@cache
def read_lessons() -> tuple[Lesson, ...]:
    """All lessons in their order."""
    paths = sorted((folder_of_exercises() / "lessons").glob("*.yaml"))
    if not paths:
        raise PanjError(f"{folder_of_exercises()}: found no lessons, expected lessons/*.yaml")
    return tuple(read_lesson(path) for path in paths)


def lesson_of(which: str | int) -> Lesson:
    """The lesson of a number, or of a name such as `tipping_points`; PanjError says which there are."""
    for lesson in read_lessons():
        if str(which) in (str(lesson.number), lesson.name):
            return lesson
    raise unknown("lesson", str(which)[:60], [name for one in read_lessons() for name in (str(one.number), one.name)])


def read_lesson(path: Path) -> Lesson:
    """One file, checked; PanjError names the file, the key, what was found and what was expected."""
    rows = read_yaml(path)
    number, _, name = path.stem.partition("_")
    try:
        lesson = Lesson(
            number=int(number),
            name=name,
            title=rows.pop("title"),
            question=rows.pop("question"),
            goals=tuple(rows.pop("goals")),
            timing=tuple(Step(**row) for row in rows.pop("timing")),
            background=tuple(Fact(row["says"], tuple(row["evidence"])) for row in rows.pop("background")),
            parameters=rows.pop("parameters"),
            settings={key: tuple(overrides) for key, overrides in rows.pop("settings").items()},
            runs=rows.pop("runs"),
            tasks=tuple(read_task(row) for row in rows.pop("tasks")),
            questions=tuple(rows.pop("questions")),
            debrief=tuple(rows.pop("debrief")),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise PanjError(
            f"{path.name}: found a lesson that cannot be read ({error}), expected the keys of Lesson"
        ) from (error)
    if rows:
        raise unknown(path.name, next(iter(rows)), Lesson._fields)
    check_lesson(lesson, path.name)
    return lesson


def read_task(row: Mapping[str, Any]) -> Task:
    """One task; how many campaigns it needs follows from its kind, unless it says so."""
    kept: dict[str, Any] = {key: tuple(value) if isinstance(value, list) else value for key, value in row.items()}
    task = Task(**kept)
    if task.kind not in KINDS:
        raise unknown(f"task {task.key}", task.kind, KINDS)
    choices = {"verdict": VERDICTS, "inside": ("yes", "no")}.get(task.kind, task.choices)
    needs = task.needs or NEED.get(task.kind, 0)
    return task._replace(choices=choices, needs=1 if task.measure == "first_campaign" else needs)


def check_lesson(lesson: Lesson, where: str) -> None:
    """Minutes that add up, rows of the record that exist, settings and keys that are there."""
    minutes = sum(step.minutes for step in lesson.timing)
    if minutes != MINUTES:
        raise PanjError(f"{where}, timing: found {minutes} minutes, expected {MINUTES}")
    for id in [id for fact in lesson.background for id in fact.evidence]:
        if id not in evidence():
            raise unknown(f"{where}, background", id, evidence())
    keys = [task.key for task in lesson.tasks]
    if len(set(keys)) < len(keys):
        raise PanjError(f"{where}, tasks: found a key twice in {', '.join(keys)}, expected each once")
    for task in lesson.tasks:
        for name in (task.of, task.minus, *task.ladder):
            if name and name not in lesson.settings:
                raise unknown(f"{where}, task {task.key}", name, lesson.settings)


def student_code(said: object) -> str:
    """A student's name or number as it is kept; PanjError for what is none."""
    text = " ".join(str(said).split()) if isinstance(said, str | int) and not isinstance(said, bool) else ""
    if not text or len(text) > LONGEST_CODE or not text.isprintable():
        raise PanjError(f"student: found {str(said)[:60]!r}, expected a name or number of 1 to {LONGEST_CODE} letters")
    return text


def sheet_of(lesson: Lesson, student: object) -> Sheet:
    """What this student finds in the lesson."""
    code = student_code(student)
    parameters: dict[str, Any] = {}
    for name, options in lesson.parameters.items():
        chosen = options[place(lesson, code, name, len(options))]
        for key, value in chosen.items() if isinstance(chosen, Mapping) else [("", chosen)]:
            parameters |= with_outcome(f"{name}_{key}" if key else name, value)
    first_seed = BLOCK * place(lesson, code, "first_seed", BLOCKS)
    parameters |= {"first_seed": first_seed, "runs": lesson.runs, "last_seed": first_seed + lesson.runs - 1}
    settings = {key: tuple(fill(word, parameters) for word in overrides) for key, overrides in lesson.settings.items()}
    tasks = tuple(filled(task, parameters) for task in lesson.tasks)
    return Sheet(lesson, code, first_seed, parameters, settings, tasks)


def place(lesson: Lesson, code: str, name: str, options: int) -> int:
    """Which option: of numbers one after the other, of names by chance that is always the same."""
    salt = lesson.name if code.isdecimal() else f"{lesson.name}/{code.casefold()}"
    drawn = int.from_bytes(sha256(f"{salt}/{name}".encode()).digest()[:8], "big")
    return (drawn + (int(code) if code.isdecimal() else 0)) % options


def with_outcome(name: str, value: Any) -> dict[str, Any]:
    """A parameter; where it names an outcome, also what the outcome is called, its unit and what was reported."""
    if value not in outcome_rows():
        return {name: value}
    outcome = outcome_of(value)
    return {name: value, f"{name}_label": outcome.label, f"{name}_unit": outcome.unit, f"{name}_said": outcome.said}


def filled(task: Task, parameters: Mapping[str, Any]) -> Task:
    """A task with the numbers of a student in every text of it."""
    values: dict[str, Any] = {
        key: fill(value, parameters) if isinstance(value, str) and key != "solution" else value
        for key, value in task._asdict().items()
    }
    values["choices"] = tuple(fill(choice, parameters) for choice in task.choices)
    return Task(**values)


def fill(text: str, parameters: Mapping[str, Any]) -> str:
    """Put parameters into the gaps of a text of ours."""

    def value(found: re.Match[str]) -> str:
        if found[1] not in parameters:
            raise unknown("lesson, gap", found[1], parameters)
        return str(parameters[found[1]])

    return re.sub(r"\{(\w+)\}", value, text)


class Asked(NamedTuple):
    """An outcome that a task is about."""

    name: str
    label: str
    unit: str
    reported: Reported

    @property
    def is_share(self) -> bool:
        """Whether it lies between 0 and 1."""
        return self.unit == "share"

    @property
    def said(self) -> str:
        """What was reported, in words."""
        value, low, high, ids = self.reported
        if not ids:
            return "nothing was reported"
        digits = ".3g" if self.is_share else ",.0f"
        if value is not None:
            return f"{value:{digits}} ({ids})"
        return f"at least {low:{digits}} ({ids})" if high is None else f"{low or 0:{digits}} to {high:{digits}} ({ids})"


@cache
def outcome_rows() -> dict[str, Any]:
    """The declared table of outcomes, as it stands."""
    return read_yaml(folder_of("configs") / "outcomes.yaml")


@cache
def outcome_of(name: str) -> Asked:
    """An outcome by name; PanjError says which there are."""
    if name not in outcome_rows():
        raise unknown("lesson, outcome", name, outcome_rows())
    row = outcome_rows()[name]
    here = SimpleNamespace(name=name, reported=row.get("reported") or {})  # all that is asked of an outcome
    return Asked(name, row["label"], row["unit"], reported_of(cast(Outcome, here), evidence()))


@cache
def answered_rows() -> frozenset[str]:
    """Rows of the record that some outcome of the model answers."""
    rows = [row.get("reported") or {} for row in outcome_rows().values()]
    return frozenset(id for row in rows for id in (*row.get("sum", ()), *row.get("count", ())))


def rows_of(fact: Fact) -> list[Evidence]:
    """The rows behind a sentence of the background."""
    return [evidence()[id] for id in fact.evidence]
