"""Processes that Panj starts end with the process that started them, whether it is killed or interrupted."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from sim.processes import output_of, safe_imports

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs forks and inherited pipes")
PATIENCE = 30

DRAWS = """
import os
import time
from functools import partial
from sim.report.report import in_parallel
os.sched_getaffinity = lambda _: {0, 1, 2, 3}
in_parallel([partial(time.sleep, 120)] * 3)
"""
FAILS = DRAWS.replace("([partial", "([partial(time.sleep, 'long')] + [partial")
SAMPLES = """
import time
from sim.calibrate.chains import processes
if __name__ == "__main__":
    with processes(2) as pool:
        [future.result() for future in [pool.submit(time.sleep, 120), pool.submit(time.sleep, 120)]]
"""
APART = """
from sim.processes import output_of, safe_imports
output_of("http.server", "--bind", "127.0.0.1", "0")
"""
IGNORED = """
import threading
import weakref
from sim import __main__ as program
def wait(words, flags):
    one = threading.Event()
    kept = weakref.ref(one, lambda _: signal.raise_signal(signal.SIGINT))
    del one
    threading.Event().wait(120)
program.dispatch = wait
program.run_program()
"""


def started(script: str, count: int, folder: Path) -> tuple[subprocess.Popen[bytes], list[psutil.Process]]:
    """Start a script; return its process and those that it started, once there are `count`."""
    file = folder / "script.py"
    file.write_text(f"import signal\nsignal.signal(signal.SIGINT, signal.default_int_handler)\n{script}")
    process = subprocess.Popen(
        [sys.executable, str(file)], start_new_session=True,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])},
    )  # fmt: skip
    late = time.monotonic() + PATIENCE
    children: list[psutil.Process] = []
    while len(children) < count:
        assert time.monotonic() < late and process.poll() is None
        time.sleep(0.1)
        children = psutil.Process(process.pid).children(recursive=True)
    return process, children


@pytest.mark.parametrize(
    ("script", "count"), [(DRAWS, 3), (FAILS, 3), (SAMPLES, 2), (APART, 1)], ids=["draws", "fails", "samples", "apart"]
)
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_processes_end_with_the_one_that_started_them(number: int, script: str, count: int, tmp_path: Path) -> None:
    process, children = started(script, count, tmp_path)  # they would go on for two minutes
    os.kill(process.pid, number)
    left = psutil.wait_procs(children, timeout=PATIENCE)[1]
    for child in left:
        child.kill()
    assert process.wait(PATIENCE) == -number
    assert not left


def test_ctrl_c_ends_a_command_also_where_python_ignores_errors(tmp_path: Path) -> None:
    file = tmp_path / "script.py"
    file.write_text(f"import signal\nsignal.signal(signal.SIGINT, signal.default_int_handler)\n{IGNORED}")
    done = subprocess.run([sys.executable, str(file)], check=False, capture_output=True, text=True, timeout=PATIENCE)
    assert done.returncode == 130
    assert done.stderr.startswith("\nStopped at once.") and "ignored" not in done.stderr


INTERRUPTED_IMPORT = """
import os, signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)
class Interrupting:
    def find_spec(self, name, *_):
        if name == MODULE:
            os.kill(os.getpid(), signal.SIGINT)
MODULE = sys.argv.pop()
sys.meta_path.insert(0, Interrupting())
"""
STARTS = {
    "module": "from runpy import run_module; run_module('sim', run_name='__main__', alter_sys=True)",
    "script": "from sim.entry import run; run()",
}


@pytest.mark.parametrize("start", STARTS.values(), ids=STARTS)
@pytest.mark.parametrize("module", ["sim.options", "sim.data.own", "sim.provenance", "sim.terminal", "sim.listing"])
def test_ctrl_c_during_any_import_is_answered_in_one_line(module: str, start: str) -> None:
    command = [sys.executable, "-c", f"{INTERRUPTED_IMPORT}{start}", "list", "outcomes", module]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=PATIENCE)
    assert (done.returncode, done.stderr.strip().count("\n"), done.stdout) == (130, 0, "")
    assert done.stderr.startswith("\nStopped at once.")


@pytest.mark.parametrize("delay", [place / 24 for place in range(1, 15)])
def test_ctrl_c_in_the_first_half_second_prints_no_traceback_of_panj(delay: float) -> None:
    # interrupts are ignored in a job of the background, from which the new process would inherit that
    heeding = "import os, signal, sys; signal.signal(2, signal.SIG_DFL); os.execv(sys.executable, sys.argv[1:])"
    program = [sys.executable, "-m", "sim", "list", "outcomes"]
    process = subprocess.Popen(
        [sys.executable, "-S", "-c", heeding, *program], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
        start_new_session=True,
    )  # fmt: skip
    time.sleep(delay)
    os.kill(process.pid, signal.SIGINT)
    said = process.communicate(timeout=PATIENCE)[1]
    before = r'__init__\.py|entry\.py|__main__\.py", line 4,'  # the lines that run before Ctrl-C can be handled
    assert not re.search(rf'File ".*/sim/(?!{before})', said)
    assert process.returncode in (0, 130) or "Stopped at once" not in said


def test_importing_the_interface_changes_no_handler() -> None:
    program = (
        "import signal, sys, sim; print(signal.getsignal(2) is signal.default_int_handler, 'typing' in sys.modules)"
    )
    heeding = f"import signal; signal.signal(2, signal.default_int_handler); {program}"
    done = subprocess.run([sys.executable, "-c", heeding], check=True, capture_output=True, text=True, timeout=PATIENCE)
    assert done.stdout.split() == ["True", "False"]


def test_the_output_and_the_exit_code_of_a_command_run_apart_are_its_own() -> None:
    done = output_of("sim", "--version")
    assert (done.returncode, done.stdout.split()[0], done.stderr) == (0, "panj", "")
    assert output_of("sim", "evidence", "id=X").returncode == 2


POOL_OF_CAMPAIGNS = """
import time
from sim.classroom.desk import WorkerPool
if __name__ == "__main__":
    pool = WorkerPool(2)
    pool.call(time.sleep, 0)
    pool.workers.close()
"""
FINISHED = {
    "draws": DRAWS.replace("120", "0"),
    "samples": SAMPLES.replace("120", "0"),
    "campaigns": POOL_OF_CAMPAIGNS,
    "apart": "from sim.processes import output_of; print(output_of('sim', '--version').stderr)",
}


@pytest.mark.parametrize("script", FINISHED.values(), ids=FINISHED)
def test_no_process_imports_a_module_of_the_current_folder(script: str, tmp_path: Path) -> None:
    for name in ("sim.py", "types.py", "random.py", "sim/__init__.py", "bin/script"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("raise SystemExit('a file of the user was run')\n")
    (tmp_path / "bin/script").write_text(script)  # as `panj` is, in a folder other than the current one
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONSAFEPATH"}
    done = subprocess.run(
        [sys.executable, "bin/script"], check=False, capture_output=True, text=True, timeout=4 * PATIENCE, cwd=tmp_path,
        env=environment | {"PYTHONPATH": str(Path(__file__).parents[1])},
    )  # fmt: skip
    assert (done.returncode, done.stderr, done.stdout.strip()) == (0, "", "")


def test_python_is_started_only_where_it_imports_nothing_of_the_current_folder() -> None:
    root = Path(__file__).parents[1]
    starts = re.compile(r"\b(ProcessPoolExecutor|Popen|Process|get_context)\(|sys\.executable")
    found = {path.relative_to(root).as_posix() for path in root.glob("sim/**/*.py") if starts.search(path.read_text())}
    assert found == {"sim/processes.py", "sim/provenance.py", "sim/execution/compiling.py"}


def test_blocks_of_safe_imports_may_overlap(monkeypatch: pytest.MonkeyPatch) -> None:
    for before in (None, "", "1"):
        monkeypatch.delenv("PYTHONSAFEPATH", raising=False)
        if before is not None:
            monkeypatch.setenv("PYTHONSAFEPATH", before)
        first, second = safe_imports(), safe_imports()
        first.__enter__()
        second.__enter__()
        first.__exit__(None, None, None)
        assert os.environ["PYTHONSAFEPATH"] == "1"
        second.__exit__(None, None, None)
        assert os.environ.get("PYTHONSAFEPATH") == before
