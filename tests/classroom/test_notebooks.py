"""Claims on the notebooks: they say what the lessons say, a student can run them, every solution earns its points."""

import json
import os

import nbformat
import pytest
from jupyter_client.manager import KernelManager
from nbclient import NotebookClient
from nbformat.v4 import new_code_cell

from sim.classroom.lessons.lesson import folder_of_exercises, read_lessons
from sim.classroom.lessons.notebooks import PARAMETERS, write_notebooks
from sim.errors import PanjError

FOLDER = folder_of_exercises()
NAMES = [f"{lesson.number}_{lesson.name}.ipynb" for lesson in read_lessons()]
BY_LESSON = pytest.mark.parametrize("lesson", read_lessons(), ids=[lesson.name for lesson in read_lessons()])
SOME = (1, 4, 7)  # lessons whose notebook is always run without answers, too: one with a single setting, two, forecasts
FEW = 12  # campaigns for a look at whether a notebook runs
ENOUGH = 100  # which every task takes for a conclusion
REFERENCE = 100
STUDENT = "5"


def notebooks_in(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.ipynb"))


def test_the_notebooks_in_the_clone_are_those_of_the_lessons(tmp_path):
    """Otherwise: python -m sim.classroom.lessons.notebooks"""
    write_notebooks(tmp_path)
    assert notebooks_in(tmp_path) == notebooks_in(FOLDER) == sorted([*NAMES, *(f"solutions/{name}" for name in NAMES)])
    for name in notebooks_in(FOLDER):
        assert (tmp_path / name).read_text(encoding="utf-8") == (FOLDER / name).read_text(encoding="utf-8")


def test_a_place_for_notebooks_that_is_a_file_is_named(tmp_path):
    (tmp_path / "solutions").write_text("mine", encoding="utf-8")
    with pytest.raises(PanjError, match="solutions: found a file, expected a folder") as refused:
        write_notebooks(tmp_path)
    assert refused.value.key == "notebooks"


@pytest.mark.parametrize("name", notebooks_in(FOLDER))
def test_a_notebook_is_kept_without_outputs(name):
    notebook = nbformat.read(FOLDER / name, 4)
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert cells and not any(cell.outputs or cell.execution_count for cell in cells)


@BY_LESSON
def test_a_students_notebook_holds_no_solution(lesson):
    """Nor any number of the model: all that it says of campaigns is computed when it is run."""
    written = (FOLDER / f"{lesson.number}_{lesson.name}.ipynb").read_text(encoding="utf-8")
    for task in lesson.tasks:
        for kept in (task.says, task.because, task.solution if task.kind == "words" else ""):
            assert not kept or json.dumps(kept)[1:-1] not in written


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """Campaigns of all notebooks of this file, run once."""
    return tmp_path_factory.mktemp("results")


@pytest.fixture(scope="module")
def kernel(results):
    """One kernel with compiled rules, because starting one takes longer than most notebooks."""
    manager = KernelManager()
    environment = {name: value for name, value in os.environ.items() if name != "NUMBA_DISABLE_JIT"}
    paths = os.pathsep.join([str(FOLDER.parent), os.environ.get("PYTHONPATH", "")])
    manager.start_kernel(
        env=environment | {"PANJ_RESULTS": str(results), "IPYTHONDIR": str(results / "ipython"), "PYTHONPATH": paths}
    )
    yield manager
    manager.shutdown_kernel(now=True)


@pytest.fixture
def run(kernel, tmp_path):
    """Run a notebook as Jupyter would, without names of an earlier one; gives the text of its outputs, and pictures."""

    def run_notebook(name, runs, more=""):
        notebook = nbformat.read(FOLDER / name, 4)
        (parameters,) = (cell for cell in notebook.cells if PARAMETERS in cell.metadata.get("tags", []))
        parameters.source = f'student = "{STUDENT}"\nruns = {runs}'
        if more:
            notebook.cells.append(new_code_cell(more))
        notebook.cells.insert(0, new_code_cell(f"%reset -f\n%cd -q {tmp_path}"))
        NotebookClient(notebook, timeout=500, km=kernel).execute()
        outputs = [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]
        said = "".join(output.text for output in outputs if output.output_type == "stream" and output.name == "stdout")
        return said, [output.data for output in outputs if "image/png" in output.get("data", {})]

    return run_notebook


@pytest.mark.parametrize(
    "lesson",
    [
        pytest.param(lesson, id=lesson.name, marks=() if lesson.number in SOME else pytest.mark.slow)
        for lesson in read_lessons()
    ],
)
def test_a_students_notebook_runs_before_anything_is_answered(lesson, run, tmp_path):
    said, pictures = run(f"{lesson.number}_{lesson.name}.ipynb", FEW)
    assert said.count("Not answered.") == len(lesson.tasks)
    assert "Not answered yet: " in said
    shown = [task for task in lesson.tasks if task.outcome and task.kind != "guess"]
    assert len(pictures) >= len(shown)
    assert all("campaign" in data["text/plain"] and "calibrated" in data["text/plain"] for data in pictures)
    assert json.loads((tmp_path / f"lesson_{lesson.number}_{STUDENT}.json").read_text())["answers"] == {}


GRADE = """
from pathlib import Path
from sim.classroom.lessons.hand_in import grade
from sim.classroom.exercises import campaigns
found = grade(Path("{file}"), campaigns(), {reference})
for one in found.marks:
    print("MARK", one.task, one.points, one.most, len(one.flags))
"""


@BY_LESSON
def test_a_solution_earns_every_point_when_it_is_handed_in(lesson, run):
    file = f"lesson_{lesson.number}_{STUDENT}.json"
    said, _ = run(
        f"solutions/{lesson.number}_{lesson.name}.ipynb", ENOUGH, GRADE.format(file=file, reference=REFERENCE)
    )
    marks = [line.split()[1:] for line in said.splitlines() if line.startswith("MARK")]
    assert [mark[0] for mark in marks] == [task.key for task in lesson.tasks]
    assert {mark[0]: float(mark[1]) for mark in marks} == {task.key: task.points for task in lesson.tasks}
    assert not any(int(mark[3]) for mark in marks)


def test_a_solution_from_few_campaigns_is_not_checked_but_handed_in_and_flagged(run):
    file = f"lesson_3_{STUDENT}.json"
    said, _ = run("solutions/3_was_help_the_missing_thing.ipynb", FEW, GRADE.format(file=file, reference=REFERENCE))
    assert said.count("Too few campaigns to check an answer: 12 were run, at least ") == 4
    assert "Flagged" not in said and said.count("That fits.") == 1, "the quiz needs no campaigns"
    assert sum(int(line.split()[-1]) for line in said.splitlines() if line.startswith("MARK")) == 4


ONE_VERB = """
from sim.classroom import exercises
table = exercises.run("border=closed", "end_date=2021-07-08", runs=3, first_seed=5)
print("ROWS", table.index.tolist(), table["troops_crossed"].sum())
from sim.errors import PanjError
for attempt in (
    lambda: exercises.run(runs=100_000), lambda: exercises.run("borders=closed", runs=1), lambda: lesson.nothing
):
    try:
        attempt()
    except (PanjError, AttributeError) as error:
        print("REFUSED", error)
"""


def test_the_door_runs_any_settings_and_refuses_what_is_wrong(run):
    said, _ = run("1_reading_a_distribution.ipynb", 1, ONE_VERB)
    assert "ROWS [5, 6, 7] 0.0" in said
    refused = [line for line in said.splitlines() if line.startswith("REFUSED")]
    assert "runs: found 100000, expected a whole number from 1 to 1000" in refused[0]
    assert "border" in refused[1] and "found 'nothing'" in refused[2]
