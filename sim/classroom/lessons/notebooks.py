"""Write each lesson as two notebooks: one for students, and one with worked solutions for teachers.

Run as `python -m sim.classroom.lessons.notebooks`.

Reads   exercises/lessons/*.yaml.
Writes  exercises/<lesson>.ipynb and exercises/solutions/<lesson>.ipynb, without outputs; the same lesson always gives
        the same files.

The code of a solution is generated from the kind and measure of its task. A test runs it and marks its answers.
"""

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from sim.classroom.lessons.estimates import GROUPS
from sim.classroom.lessons.lesson import (
    BEFORE_REVEAL,
    CHOSEN,
    FORECAST,
    Fact,
    Lesson,
    Task,
    folder_of_exercises,
    read_lessons,
    sources_of,
)
from sim.classroom.texts import markdown_list, texts_of
from sim.study.files import write_errors, write_file

PARAMETERS = "parameters"  # tag of the cell with student and number of campaigns
KERNEL = {"display_name": "Python 3", "language": "python", "name": "python3"}


def write_notebooks(folder: Path | None = None) -> list[Path]:
    """Write both notebooks of every lesson, by default next to the lessons, and return their paths.

    Raise PanjError if one cannot be written.
    """
    place = folder or folder_of_exercises()
    texts = {}
    for lesson in read_lessons():
        name = f"{lesson.number}_{lesson.name}.ipynb"
        texts[place / name] = as_text(for_student(lesson))
        texts[place / "solutions" / name] = as_text(solved(lesson))
    with write_errors(place, "notebooks"):
        return [write_file(path, text) for path, text in texts.items()]


def as_text(cells: Sequence[Any]) -> str:
    """Return the text of a notebook; cells have consecutive ids, so that the text depends only on their content."""
    import nbformat
    from nbformat.v4 import new_notebook

    for number, cell in enumerate(cells):
        cell["id"] = f"cell-{number:02d}"
    notebook = new_notebook(cells=list(cells), metadata={"kernelspec": KERNEL, "language_info": {"name": "python"}})
    nbformat.validate(notebook)
    return nbformat.writes(notebook) + "\n"


def text(content: str) -> Any:
    """Create a Markdown cell."""
    from nbformat.v4 import new_markdown_cell

    return new_markdown_cell(content)


def code(lines: str, **metadata: Any) -> Any:
    """Create a code cell."""
    from nbformat.v4 import new_code_cell

    return new_code_cell(lines, metadata=metadata)


def for_student(lesson: Lesson) -> list[Any]:
    """Create the cells of the student's notebook: goals, background, sheet, tasks, hand-in and questions."""
    texts = texts_of("notebooks")
    return [
        *head(lesson, texts.say("for_students")),
        *beginning(lesson),
        *with_reveal(lesson, task_cells),
        text(f"## {texts.say('hand_in')}\n\n{texts.say('how_to_hand_in')}"),
        code("lesson.hand_in()"),
        text(f"## {texts.say('questions')}\n\n{markdown_list(lesson.questions)}"),
    ]


def head(lesson: Lesson, who: str) -> list[Any]:
    """Create the cells with the title, the goals and the background of a lesson."""
    texts = texts_of("notebooks")
    credits = texts.say("credits_known" if lesson.forecasts else "credits")
    return [
        text(f"# {lesson.number}. {lesson.title}\n\n**{lesson.question}**\n\n{who}"),
        text(f"## {texts.say('goals')}\n\n{markdown_list(lesson.goals)}"),
        text(f"## {texts.say('background')}\n\n{background(lesson.background)}\n\n{credits}"),
    ]


def beginning(lesson: Lesson) -> list[Any]:
    """Create the cells that set the student, open the lesson, and show its settings and known counts."""
    texts = texts_of("notebooks")
    return [
        text(f"## {texts.say('sheet')}\n\n{texts.say('about_sheet')}"),
        code(f'student = "1"\nruns = {lesson.runs}', tags=[PARAMETERS]),
        code(
            "import numpy as np\n\nfrom sim.classroom import exercises\n\n"
            f"lesson = exercises.open_lesson({lesson.number}, student)\nlesson"
        ),
        *([text(texts.say("settings")), code("lesson.sheet.settings")] if lesson.settings else []),
        *([text(texts.say("known")), code("lesson.known()")] if lesson.forecasts else []),
    ]


def with_reveal(lesson: Lesson, cells_of: Callable[[Task], list[Any]]) -> list[Any]:
    """Create the cells of all tasks.

    In a lesson with forecasts, the cells that reveal the reported figures follow the last task whose kind is in
    `BEFORE_REVEAL`.
    """
    texts, cells = texts_of("notebooks"), []
    before = [task.key for task in lesson.tasks if task.kind in BEFORE_REVEAL] if lesson.forecasts else []
    for task in lesson.tasks:
        cells += cells_of(task)
        if before[-1:] == [task.key]:
            cells += [text(f"## {texts.say('reveal')}\n\n{texts.say('about_reveal')}"), code("lesson.reveal()")]
    return cells


def task_cells(task: Task) -> list[Any]:
    """Create the cells of a task for a student, with starting code and a place for the answer."""
    texts = texts_of("notebooks")
    begin = "\n".join(line for line in (f"lesson.ask({task.key!r})", beginning_of(task)) if line)
    cells = [text(title_of(task)), code(begin)]
    choose = texts.say("choose" if task.kind in CHOSEN else "fill_in_ranges" if task.kind == FORECAST else "fill_in")
    cells.append(code(f"answer = None  # {choose}\nlesson.check({task.key!r}, answer{runs_of(task)})"))
    return cells


def title_of(task: Task) -> str:
    """Return the heading of a task, with its points."""
    points = texts_of("notebooks").say("points", task.points)
    return f"## {task.key.replace('_', ' ').capitalize()} ({points})"


def runs_of(task: Task) -> str:
    """Return code that passes the number of campaigns to `check`; empty if the task needs no campaigns."""
    return f", runs={runs_in_code(task)}" if task.needs else ""


def runs_in_code(task: Task) -> str:
    """Return code for the number of campaigns of a task."""
    return "1" if task.measure == "first_campaign" else "runs"


def beginning_of(task: Task) -> str:
    """Return starting code that runs and draws campaigns; empty if none are needed."""
    if task.kind == "guess" or not task.outcome:
        return ""
    if task.kind == "pick":
        lines = f"for name in ({ladder_in_code(task)}):\n    display(lesson.show(name, outcome, runs))"
    elif task.minus:
        asked = f'"{task.of}", "{task.minus}", outcome, {runs_in_code(task)}'
        lines = f"differences = lesson.differences({asked})\nlesson.show_differences({asked})"
    else:
        runs = runs_in_code(task)
        lines = f'values = lesson.run("{task.of}", {runs})[outcome]\nlesson.show("{task.of}", outcome, {runs})'
    return f"outcome = {outcome_in_code(task)}\n{lines}"


def ladder_in_code(task: Task) -> str:
    """Return code for the names of the settings from which to choose, separated by commas."""
    return ", ".join(f'"{name}"' for name in task.ladder)


def outcome_in_code(task: Task) -> str:
    """Return code for the outcome of a task: an attribute such as `lesson.outcome`, or a string if it is fixed."""
    return f"lesson.{task.outcome.strip('{}')}" if "{" in task.outcome else f'"{task.outcome}"'


def solved(lesson: Lesson) -> list[Any]:
    """Create the cells of the teacher's notebook: timing, worked tasks with notes, questions and debrief."""
    texts = texts_of("notebooks")
    timing = "\n".join(f"| {step.minutes} | {step.who} | {step.what} |" for step in lesson.timing)
    return [
        *head(lesson, texts.say("for_teachers")),
        text(f"## {texts.say('timing')}\n\n| {texts.say('columns')} |\n|---|---|---|\n{timing}"),
        *beginning(lesson),
        *with_reveal(lesson, solution_cells),
        text(f"## {texts.say('hand_in')}"),
        code("lesson.hand_in()"),
        text(f"## {texts.say('questions')}\n\n{markdown_list(lesson.questions)}"),
        text(f"## {texts.say('debrief')}\n\n{markdown_list(lesson.debrief)}"),
    ]


def solution_cells(task: Task) -> list[Any]:
    """Create the cells of a task for a teacher, with a note and the worked answer."""
    says = f"\n\n{task.says}" if task.says else ""
    lines = f"lesson.ask({task.key!r})\n{solution_of(task)}\nlesson.check({task.key!r}, answer{runs_of(task)})"
    return [text(f"{title_of(task)}{says}"), code(lines)]


def solution_of(task: Task) -> str:
    """Return code that computes the answer to a task."""
    if task.kind in WORKED:
        return WORKED[task.kind](task)
    return f"{sample_of(task)}\nanswer = {NUMBERS[task.measure](task)}"


def sample_of(task: Task) -> str:
    """Return code that runs the campaigns of a task."""
    runs = runs_in_code(task)
    if task.minus:
        return f'values = lesson.differences("{task.of}", "{task.minus}", {outcome_in_code(task)}, {runs}).dropna()'
    return f'values = lesson.run("{task.of}", {runs})[{outcome_in_code(task)}].dropna()'


def reported_in_code(task: Task) -> str:
    """Return code for the reported figure of a task."""
    return f"lesson.reported({outcome_in_code(task)})"


def threshold_in_code(task: Task) -> str:
    """Return code for the threshold of a task."""
    if task.threshold == "reported":
        return reported_in_code(task)
    return f"lesson.{str(task.threshold).strip('{}')}" if "{" in str(task.threshold) else str(task.threshold)


NUMBERS: dict[str, Callable[[Task], str]] = {
    "first_campaign": lambda _: "values.iloc[0]",
    "mean": lambda _: "values.mean()",
    "median": lambda _: "values.median()",
    "share_at_least": lambda task: f"(values >= {threshold_in_code(task)}).mean()",
    "share_higher": lambda _: "(values > 0).mean()",
    "gap": lambda task: f"abs(values.median() - {reported_in_code(task)})",
    "mean_gap": lambda task: f"abs(values.mean() - {reported_in_code(task)})",
    "best_group_gap": lambda task: (
        f"min(abs(values.iloc[place].mean() - {reported_in_code(task)})\n"
        f"             for place in np.array_split(np.arange(len(values)), {GROUPS}))"
    ),
}


def solve_range(task: Task) -> str:
    """Return code that computes both ends of a range."""
    return f"{sample_of(task)}\nanswer = values.quantile([0.05, 0.95]).tolist()"


def solve_verdict(task: Task) -> str:
    """Return code that reaches a verdict from the interval of the mean difference."""
    return (
        f"{sample_of(task)}\n"
        "low, high = lesson.interval(values)\n"
        'answer = "more" if low > 0 else "fewer" if high < 0 else "cannot tell"\n'
        "print(low, high)"
    )


def solve_inside(task: Task) -> str:
    """Return code that checks whether the reported figure is between the 5 % and 95 % quantiles."""
    return (
        f"{sample_of(task)}\n"
        "low, high = values.quantile([0.05, 0.95])\n"
        f'answer = "yes" if low <= {reported_in_code(task)} <= high else "no"'
    )


def solve_pick(task: Task) -> str:
    """Return code that scores the choices and picks the one with the highest score."""
    names = f"({ladder_in_code(task)},)"
    columns = f"outcome = {outcome_in_code(task)}\ncolumns = [lesson.run(name, runs)[outcome] for name in {names}]\n"
    if task.minus:
        columns += f'columns = [column - lesson.run("{task.minus}", runs)[outcome] for column in columns]\n'
    score = {
        "nearest": "scores = [-abs(column.median() - lesson.reported(outcome)) for column in columns]",
        "steepest": "means = [column.mean() for column in columns]\nscores = np.abs(np.diff(means))",
        "largest": "scores = [abs(column.mean()) for column in columns]",
    }[task.measure]
    return f"{columns}{score}\nanswer = lesson.sheet.task({task.key!r}).choices[int(np.argmax(scores))]\nprint(scores)"


def solve_evidence(task: Task) -> str:
    """Return code that finds evidence in conflict with the row of a task or, without a row, contains the solution."""
    if not task.row:
        return f"answer = {task.solution!r}"
    return f"answer = lesson.evidence(lesson.{task.row.strip('{}')}).conflicts[0]"


WORKED: dict[str, Callable[[Task], str]] = {
    FORECAST: lambda task: f"answer = lesson.growth({task.key!r})  # any honest ranges earn the point",
    "guess": lambda _: "answer = [0, 1]  # any honest range earns its point",
    "range": solve_range,
    "verdict": solve_verdict,
    "inside": solve_inside,
    "pick": solve_pick,
    "quiz": lambda task: f"answer = {task.right!r}",
    "exact": lambda task: f"answer = lesson.{task.right.strip('{}')}",
    "evidence": solve_evidence,
    "words": lambda task: f"answer = {task.solution!r}",
}


def background(facts: Sequence[Fact]) -> str:
    """Return sentences as a Markdown list, each with its sources."""
    return "\n".join(f"- {fact.says} ({'; '.join(sources_of(fact))})" for fact in facts)


def main() -> int:
    """Write all notebooks and print their paths."""
    for path in write_notebooks():
        print(path)
    return 0


if __name__ == "__main__":
    sys.exit(main())
