"""Read the seven lessons, one file each, and fill in a student's sheet with parameters that depend on the student.

Reads   exercises/lessons/*.yaml, configs/outcomes.yaml, data/evidence.csv.
Returns `Lesson`, as defined in its file; `Sheet`, which is a lesson with the parameters of one student filled in.
Assumes A student is identified by a name or a number. The same student gets the same sheet everywhere. Students with
consecutive numbers get different values of every parameter with several options.
"""

import re
from collections.abc import Mapping, Sequence
from functools import cache
from hashlib import sha256
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple, cast

from sim.classroom.digits import in_ascii
from sim.classroom.texts import (
    ENGLISH,
    current_language,
    folder_of_language,
    outcome_label,
    overlaid,
    texts_of,
)
from sim.configuration.overrides import Overrides
from sim.data.configs import PACKAGE, folder_of, read_yaml
from sim.data.evidence import Evidence
from sim.data.record import evidence
from sim.errors import PanjError, unknown
from sim.hindcast.design import TARGETS
from sim.outcome import Outcome, Reported, reported_of

MINUTES = 45  # length of every lesson
BLOCKS, BLOCK = 8, 100  # number of possible first seeds of a student, and the distance between them
LONGEST_CODE = 40  # largest number of characters of a student's name or number
NUMBERS = ("number", "exact")  # kinds of task whose answer is a number
FORECAST = "forecast"  # kind of task whose answer is a 90 % and a 50 % range, as four numbers in ascending order
RANGES = ("guess", "range", FORECAST)  # kinds of task whose answer is several numbers
BEFORE_REVEAL = (FORECAST, "guess")  # kinds of task that are answered before the reported figures are shown
CHOSEN = ("verdict", "inside", "pick", "quiz")  # kinds of task whose answer is one of several choices
KINDS = (*NUMBERS, *RANGES, *CHOSEN, "evidence", "words")
# smallest number of campaigns for a conclusion
NEED = {"number": 50, "range": 100, "verdict": 50, "inside": 100, "pick": 50}
VERDICTS = ("more", "fewer", "cannot tell")
LAST_DAY = "end_date="  # prefix of an override that is not a decision
AS_REPORTED = "scenario.july_2021"  # key in form.yaml of the name of the decisions as reported


class Step(NamedTuple):
    """A step in the timing of a lesson."""

    minutes: int
    who: str
    what: str


class Fact(NamedTuple):
    """A sentence of the background of a lesson, with the ids of the evidence that supports it."""

    says: str
    evidence: tuple[str, ...]


class Task(NamedTuple):
    """A task. Its texts and names may contain placeholders, which are filled in on a student's sheet."""

    key: str
    asks: str
    kind: str
    measure: str = ""  # name of an estimate in `sim.classroom.lessons.estimates`
    of: str = ""  # name of the settings whose campaigns are used
    minus: str = ""  # name of the settings that are subtracted, campaign by campaign
    ladder: tuple[str, ...] = ()  # names of the settings from which to choose
    outcome: str = ""
    quantile: float = 0.5
    threshold: float | str = ""
    choices: tuple[str, ...] = ()
    right: str = ""
    because: str = ""  # reason, shown with the mark
    row: str = ""  # id of a row of the evidence
    target: str = ""  # count to forecast, a key of `sim.hindcast.design.TARGETS`
    day: str = ""  # day to forecast; the answer is the count at its end
    sum: tuple[str, ...] = ()  # ids of the evidence whose values add up to the reported figure
    needs: int = 0  # smallest number of campaigns for a conclusion; 0 if none are needed
    points: int = 1
    solution: str = ""  # answer in the teacher's notebook
    says: str = ""  # note for the teacher


class Lesson(NamedTuple):
    """A lesson as defined in its file."""

    number: int
    name: str
    title: str
    question: str
    goals: tuple[str, ...]
    timing: tuple[Step, ...]
    background: tuple[Fact, ...]
    parameters: Mapping[str, Sequence[Any]]  # options, keyed by name
    settings: Mapping[str, tuple[str, ...]]  # overrides, keyed by name, with placeholders
    runs: int  # number of campaigns that the tasks need
    tasks: tuple[Task, ...]
    questions: tuple[str, ...]
    debrief: tuple[str, ...]
    names: Mapping[str, str] = {}  # displayed names of settings and tasks whose keys are not suitable, by key

    def name_of(self, key: str) -> str:
        """Return the displayed name of a task or settings; settings without changed decisions are `as reported`."""
        if key in self.names:
            return self.names[key]
        words = self.settings.get(key)
        if words is not None and all(word.startswith(LAST_DAY) for word in words):
            return texts_of("form").say(AS_REPORTED)
        return key.replace("_", " ")

    @property
    def forecasts(self) -> tuple[Task, ...]:
        """The tasks that ask for a forecast."""
        return tuple(task for task in self.tasks if task.kind == FORECAST)


class Sheet(NamedTuple):
    """A lesson with the parameters of one student filled in."""

    lesson: Lesson
    student: str
    first_seed: int
    parameters: Mapping[str, Any]
    settings: Mapping[str, Overrides]
    tasks: tuple[Task, ...]

    def task(self, key: str) -> Task:
        """Return a task by its key; raise PanjError if there is no such task."""
        for task in self.tasks:
            if task.key == key:
                return task
        raise unknown(f"lesson {self.lesson.number}, task", key, [task.key for task in self.tasks])

    def overrides(self, name: str) -> Overrides:
        """Return the overrides that make up the named settings; raise PanjError if the name is unknown."""
        if name not in self.settings:
            raise unknown(f"lesson {self.lesson.number}, settings", name, self.settings)
        return self.settings[name]


def folder_of_exercises() -> Path:
    """Return the folder of the exercises: next to the package in a clone, inside the package in a wheel."""
    beside = PACKAGE.parent / "exercises"
    return beside if (beside / "lessons").is_dir() else PACKAGE / "exercises"


def read_lessons() -> tuple[Lesson, ...]:
    """Read all lessons in the language in use.

    Returns:
        The lessons, in order of their numbers; later calls return the same objects.

    Raises:
        PanjError: There are no lessons, or one of the files is invalid.
    """
    return lessons_in(current_language())


@cache
def lessons_in(language: str) -> tuple[Lesson, ...]:
    """Read all lessons, as `read_lessons` does, in a given language."""
    paths = sorted((folder_of_exercises() / "lessons").glob("*.yaml"))
    if not paths:
        raise PanjError(f"{folder_of_exercises()}: found no lessons, expected lessons/*.yaml")
    return tuple(read_lesson(path, language) for path in paths)


def lesson_of(which: str | int) -> Lesson:
    """Return a lesson by its number or name.

    Args:
        which: Number or name of the lesson, such as 2 or `tipping_points`.

    Returns:
        The lesson.

    Raises:
        PanjError: There is no such lesson.
    """
    for lesson in read_lessons():
        if str(which) in (str(lesson.number), lesson.name):
            return lesson
    raise unknown("lesson", str(which)[:60], [name for one in read_lessons() for name in (str(one.number), one.name)])


def read_lesson(path: Path, language: str = ENGLISH) -> Lesson:
    """Read and check the file of a lesson, with its texts in a given language; errors name file and key."""
    rows = {"names": {}, **read_yaml(path)}
    said = folder_of_language(language) / "lessons" / path.name
    if said.is_file():
        content = read_yaml(said)
        rows = overlaid(rows, {key: one for key, one in content.items() if key != "names"}, path.stem)
        rows["names"] = content.get("names", {})
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
            settings={key: tuple(texts) for key, texts in rows.pop("settings").items()},
            runs=rows.pop("runs"),
            tasks=tuple(read_task(row) for row in rows.pop("tasks")),
            questions=tuple(rows.pop("questions")),
            debrief=tuple(rows.pop("debrief")),
            names=rows.pop("names"),
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
    """Create a task from its row in the file of a lesson.

    A task about the first campaign needs one campaign. Any other task needs the number of campaigns given in its row
    or, if there is none, the usual number for its kind.
    """
    kept: dict[str, Any] = {key: tuple(value) if isinstance(value, list) else value for key, value in row.items()}
    task = Task(**kept)
    if task.kind not in KINDS:
        raise unknown(f"task {task.key}", task.kind, KINDS)
    choices = {"verdict": VERDICTS, "inside": ("yes", "no")}.get(task.kind, task.choices)
    needs = task.needs or NEED.get(task.kind, 0)
    return task._replace(choices=choices, needs=1 if task.measure == "first_campaign" else needs)


def check_lesson(lesson: Lesson, where: str) -> None:
    """Raise PanjError for an incorrect total of minutes, a repeated key, or unknown evidence, targets or settings."""
    minutes = sum(step.minutes for step in lesson.timing)
    if minutes != MINUTES:
        raise PanjError(f"{where}, timing: found {minutes} minutes, expected {MINUTES} in total")
    for id in [id for fact in lesson.background for id in fact.evidence]:
        if id not in evidence():
            raise unknown(f"{where}, background", id, evidence())
    keys = [task.key for task in lesson.tasks]
    if len(set(keys)) < len(keys):
        raise PanjError(f"{where}, tasks: found a key twice in {', '.join(keys)}, expected each once")
    for task in lesson.tasks:
        for id in task.sum:
            if id not in evidence():
                raise unknown(f"{where}, task {task.key}", id, evidence())
        if task.kind == FORECAST and task.target not in TARGETS:
            raise unknown(f"{where}, task {task.key}", task.target, TARGETS)
        for name in (task.of, task.minus, *task.ladder):
            if name and name not in lesson.settings:
                raise unknown(f"{where}, task {task.key}", name, lesson.settings)


def student_code(said: object) -> str:
    """Return a student's name, or number in ASCII digits, on one line.

    Raise PanjError if it is empty, too long or not printable.
    """
    text = " ".join(str(said).split()) if isinstance(said, str | int) and not isinstance(said, bool) else ""
    if not text or len(text) > LONGEST_CODE or not text.isprintable():
        raise PanjError(
            f"student: found {str(said)[:60]!r}, expected a name or number of 1 to {LONGEST_CODE} characters"
        )
    return in_ascii(text) if text.isdecimal() else text


def sheet_of(lesson: Lesson, student: object) -> Sheet:
    """Fill in the sheet of a student.

    Args:
        lesson: The lesson.
        student: Name or number of the student, which determines the parameters.

    Returns:
        The sheet, which is always the same for the same student.

    Raises:
        PanjError: The name or number is empty, too long or not printable.
    """
    code = student_code(student)
    parameters: dict[str, Any] = {}
    for name, options in lesson.parameters.items():
        chosen = options[place(lesson, code, name, len(options))]
        for key, value in chosen.items() if isinstance(chosen, Mapping) else [("", chosen)]:
            parameters |= with_outcome(f"{name}_{key}" if key else name, value)
    first_seed = BLOCK * place(lesson, code, "first_seed", BLOCKS)
    parameters |= labels_of(lesson, parameters)
    parameters |= {"first_seed": first_seed, "runs": lesson.runs, "last_seed": first_seed + lesson.runs - 1}
    settings = {key: Overrides.of(fill(text, parameters) for text in texts) for key, texts in lesson.settings.items()}
    tasks = tuple(filled(task, parameters) for task in lesson.tasks)
    return Sheet(lesson, code, first_seed, parameters, settings, tasks)


def place(lesson: Lesson, code: str, name: str, options: int) -> int:
    """Return the index of the option that a student gets for a parameter.

    It is derived from a hash. Students with consecutive numbers get consecutive options, cyclically.
    """
    salt = lesson.name if code.isdecimal() else f"{lesson.name}/{code.casefold()}"
    drawn = int.from_bytes(sha256(f"{salt}/{name}".encode()).digest()[:8], "big")
    return (drawn + (int(code) if code.isdecimal() else 0)) % options


def with_outcome(name: str, value: Any) -> dict[str, Any]:
    """Return a parameter and, if it names an outcome, the outcome's label, unit and reported figure, by key."""
    if value not in outcome_rows():
        return {name: value}
    outcome = outcome_of(value)
    unit = texts_of("lessons").unit(outcome.unit)
    return {name: value, f"{name}_label": outcome.label, f"{name}_unit": unit, f"{name}_said": outcome.said}


def labels_of(lesson: Lesson, parameters: Mapping[str, Any]) -> dict[str, str]:
    """Return the labels of the choices in a student's settings, keyed by parameter with the suffix `_label`."""
    texts, labels = texts_of("form"), {}
    for text in (text for texts_ in lesson.settings.values() for text in texts_):
        if found := re.fullmatch(r"(\w+)=\{(\w+)\}", text):  # such as `border={policy}`
            labels[f"{found[2]}_label"] = texts.say(f"{found[1]}.{parameters[found[2]]}")
        elif found := re.fullmatch(r"\{(\w+)\}", text):  # a complete override, such as `border=closed`
            group, _, name = str(parameters[found[1]]).partition("=")
            labels[f"{found[1]}_label"] = f"{texts.say(group)}: {texts.say(f'{group}.{name}')}"
    return labels


def filled(task: Task, parameters: Mapping[str, Any]) -> Task:
    """Return a task with a student's parameters filled into its texts, except the solution."""
    values: dict[str, Any] = {
        key: fill(value, parameters) if isinstance(value, str) and key != "solution" else value
        for key, value in task._asdict().items()
    }
    values["choices"] = tuple(fill(choice, parameters) for choice in task.choices)
    return Task(**values)


def fill(text: str, parameters: Mapping[str, Any]) -> str:
    """Return a text with its placeholders replaced by parameters; raise PanjError for an unknown placeholder."""

    def value(found: re.Match[str]) -> str:
        if found[1] not in parameters:
            raise unknown("lesson, placeholder", found[1], parameters)
        return str(parameters[found[1]])

    return re.sub(r"\{(\w+)\}", value, text)


class TaskOutcome(NamedTuple):
    """The outcome that a task is about."""

    name: str
    label: str
    unit: str
    reported: Reported

    @property
    def is_share(self) -> bool:
        """Whether the outcome is a share from 0 to 1."""
        return self.unit == "share"

    @property
    def said(self) -> str:
        """The reported figure as text, with the ids of its evidence."""
        value, low, high, ids = self.reported
        texts, digits = texts_of("lessons"), ".3g" if self.is_share else ",.0f"
        if not ids:
            return texts.say("nothing_reported")
        if value is not None:
            return texts.say("reported_value", value=f"{value:{digits}}", ids=ids)
        if high is None:
            return texts.say("reported_at_least", low=f"{low:{digits}}", ids=ids)
        return texts.say("reported_between", low=f"{low or 0:{digits}}", high=f"{high:{digits}}", ids=ids)


@cache
def outcome_rows() -> dict[str, Any]:
    """Return the rows of configs/outcomes.yaml, keyed by name of the outcome."""
    return read_yaml(folder_of("configs") / "outcomes.yaml")


def outcome_of(name: str) -> TaskOutcome:
    """Return an outcome by name.

    Args:
        name: Name of the outcome, as in configs/outcomes.yaml.

    Returns:
        The outcome with its label, unit and reported figure.

    Raises:
        PanjError: There is no such outcome.
    """
    if name not in outcome_rows():
        raise unknown("lesson, outcome", name, outcome_rows())
    row = outcome_rows()[name]
    here = SimpleNamespace(name=name, reported=row.get("reported") or {})  # `reported_of` reads only these fields
    label = outcome_label(name, row["label"])
    return TaskOutcome(name, label, row["unit"], reported_of(cast(Outcome, here), evidence()))


@cache
def answered_rows() -> frozenset[str]:
    """Return the ids of all evidence rows with which outcomes of the model are compared."""
    rows = [row.get("reported") or {} for row in outcome_rows().values()]
    return frozenset(id for row in rows for id in (*row.get("sum", ()), *row.get("count", ())))


def rows_of(fact: Fact) -> list[Evidence]:
    """Return the rows of the evidence table that support a sentence of the background.

    Args:
        fact: The sentence with the ids of its evidence.

    Returns:
        The rows, in the order of the ids.
    """
    return [evidence()[id] for id in fact.evidence]


def sources_of(fact: Fact) -> list[str]:
    """Return the sources of a sentence as texts such as `F001, F002: Irish Times, 2021-07-05`, one text per source."""
    ids: dict[str, list[str]] = {}
    for row in rows_of(fact):
        ids.setdefault(row.source, []).append(row.id)
    return [f"{', '.join(rows)}: {name}" for name, rows in ids.items()]
