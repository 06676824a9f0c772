"""Commands end quietly when nobody reads their output, and say when it cannot be written."""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
COMMAND = [sys.executable, "-m", "sim", "evidence", "Badakhshan"]


def run_with(stdout: object, words: Sequence[str] = (), **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a command with these words, by default one that prints many lines."""
    command = [*COMMAND[:3], *words] if words else COMMAND
    return subprocess.run(
        command, stdout=stdout, stderr=subprocess.PIPE, text=True, check=False, cwd=ROOT,  # type: ignore[call-overload]
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
    )  # fmt: skip


@pytest.mark.parametrize("words", [[], ["list", "verbs"], ["list", "verbs", "--json"], ["--help"]])
def test_a_closed_pipe_is_no_error(words: list[str]) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    done = run_with(writer, words)
    os.close(writer)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_output_that_cannot_be_written_is_said() -> None:
    with open("/dev/full", "w") as full:
        done = run_with(full)
    assert done.returncode == 2
    assert done.stderr.startswith("panj: standard output") and done.stderr.count("\n") == 1


def test_a_command_without_output_works() -> None:
    script = f"exec {' '.join(COMMAND)} >&-"
    done = subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=False, cwd=ROOT)
    assert (done.returncode, done.stderr) == (0, "")


def test_json_is_alone_on_standard_output_even_without_standard_error() -> None:
    script = f"{' '.join(COMMAND[:3])} evidence id=F001 --json 2>&-"
    done = subprocess.run(["sh", "-c", script], stdout=subprocess.PIPE, text=True, check=False, cwd=ROOT)
    assert done.returncode == 0
    assert [row["id"] for row in json.loads(done.stdout)] == ["F001"]


def test_letters_that_a_code_page_lacks_are_replaced() -> None:
    done = run_with(subprocess.PIPE, PYTHONIOENCODING="ascii")
    assert (done.returncode, done.stderr) == (0, "")


def test_processes_cannot_start_from_standard_input() -> None:
    script = "from sim.execution.executors import check_main_module; check_main_module()"
    done = subprocess.run(
        [sys.executable, "-"], input=script, capture_output=True, text=True, check=False, cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert "PanjError: executor" in done.stderr
