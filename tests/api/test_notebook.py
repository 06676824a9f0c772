"""The interface in a notebook: progress, tables and figures are shown, and an interrupted run can be continued."""

import nbformat
import pytest
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from nbformat.v4 import new_code_cell, new_notebook

from tests.shared import ROOT

STEPS = {
    "run": """
import os, sys
sys.path[:0] = [{root!r}, {root!r} + "/tests"]
import quick, sim
quick.make_quick()
study = sim.run(runs=3, study="shown", end_date="2021-05-12", calibration="as_declared")
study
""",
    "plot": 'study.plot("crossings")',
    "again": "sim.run(runs=3, study='shown', end_date='2021-05-12', calibration='as_declared').runs",
    "quiet": "quiet = sim.run(runs=4, study='shown', end_date='2021-05-12', calibration='as_declared', progress=False)",
    "interrupted": """
import signal, threading
os.environ["PANJ_QUICK"] = '{{"seconds": 0.05}}'
threading.Timer(2.0, os.kill, (os.getpid(), signal.SIGINT)).start()
sim.run(runs=100000, study="long", end_date="2021-05-12", calibration="as_declared", daily=False)
""",
}


@pytest.fixture(scope="module")
def client(tmp_path_factory):
    notebook = new_notebook(cells=[new_code_cell(step.format(root=str(ROOT))) for step in STEPS.values()])
    client = NotebookClient(
        notebook, timeout=300, kernel_name="python3", resources={"metadata": {"path": tmp_path_factory.mktemp("nb")}}
    )
    with client.setup_kernel():
        for place, (name, cell) in enumerate(zip(STEPS, notebook.cells, strict=True)):
            cell.metadata["name"] = name
            try:
                client.execute_cell(cell, place)
            except CellExecutionError as error:
                cell.metadata["raised"] = error.ename
        yield notebook


def outputs_of(notebook, name):
    cell = next(cell for cell in notebook.cells if cell.metadata["name"] == name)
    return cell, [output.get("data", {}) for output in cell.outputs]


def test_a_run_shows_a_bar_and_the_study(client):
    _, outputs = outputs_of(client, "run")
    shown = [data.get("text/html", "") for data in outputs]
    assert any("<progress" in text for text in shown)
    assert "<table" in shown[-1]


def test_a_figure_is_shown_once(client):
    _, outputs = outputs_of(client, "plot")
    assert ["image/png" in data for data in outputs] == [True]


def test_a_finished_study_is_not_run_again(client):
    _, outputs = outputs_of(client, "again")
    assert not any("<progress" in data.get("text/html", "") for data in outputs)


def test_nothing_is_shown_on_request(client):
    cell, _ = outputs_of(client, "quiet")
    assert cell.outputs == []


def test_an_interrupted_run_stops_the_cell(client):
    cell, _ = outputs_of(client, "interrupted")
    assert cell.metadata["raised"] == "KeyboardInterrupt"


def test_the_notebook_is_valid(client):
    nbformat.validate(client)
