"""The steps of a day are compiled on several processes, each step once, and a process that fails costs only time."""

import ast
import json
import sys
from collections import Counter
from pathlib import Path
from types import SimpleNamespace

import pytest
from compiled_rules import run_compiled

from sim.engine import day, layout
from sim.execution import compiling
from sim.execution.compiling import Step, compile_steps, shares_of

STEPS = """
import json
from sim.configuration.sweep import compose_sweep
from sim.execution.compiling import steps_of
from sim.execution.work import layout_of

order = compose_sweep(["end_date=2021-05-03"]).cells[0].order
steps = steps_of(layout_of(order.rules, order.attention, order.posts).world, order)
print(json.dumps([[step.name, step.rule.py_func.__name__, len(step.types), step.size] for step in steps]))
"""


def calls_of(path: str | None, function: str) -> list[str]:
    """Return the names of the rules that a function of the engine calls as statements."""
    assert path
    tree = ast.parse(Path(path).read_text(encoding="utf-8"))
    body = next(node.body for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == function)
    calls = [node.value.func for node in body if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call)]
    return [call.id for call in calls if isinstance(call, ast.Name)]


def test_every_step_of_a_day_is_compiled_separately_and_once() -> None:
    steps = json.loads(run_compiled("panj_steps.py", STEPS).stdout)
    names = [name for name, *_ in steps]
    expected = {*calls_of(day.__file__, "run_day"), *calls_of(layout.__file__, "begin"), "record_day"}
    assert Counter(names) == Counter(expected)
    assert all(name == defined and types > 0 and size > 0 for name, defined, types, size in steps)


class Sized(SimpleNamespace):
    """Stand-in for a step, of which only the size counts."""


@pytest.mark.parametrize("sizes, count, expected", [
    ((5, 4, 3, 3, 3), 2, [[5, 3], [4, 3, 3]]),
    ((1, 9), 2, [[9], [1]]),
    ((3,), 3, [[3], [], []]),
])  # fmt: skip
def test_the_largest_steps_are_shared_out_first(sizes: tuple[int, ...], count: int, expected: list[list[int]]) -> None:
    steps: list[Step] = [Sized(size=size) for size in sizes]  # type: ignore[misc]
    assert [[step.size for step in share] for share in shares_of(steps, count)] == expected


class Compiled:
    """Stand-in for a rule that notes for which types this process compiles it."""

    def __init__(self) -> None:
        self.types: list[tuple[str, ...]] = []

    def compile(self, types: tuple[str, ...]) -> None:
        self.types.append(types)


def test_what_another_process_cannot_compile_is_left_to_the_caller(monkeypatch: pytest.MonkeyPatch) -> None:
    rule = Compiled()
    monkeypatch.setattr(compiling, "stand_in", rule, raising=False)
    mine, lost = Step(compiling.__name__, "stand_in", ("int64",)), Step("no.such.module", "rule", ("int64",))
    monkeypatch.setattr(compiling, "shares_of", lambda *_: [[mine], [lost]])
    compile_steps([mine, lost], 2)
    assert rule.types == [("int64",)]


def test_where_no_process_can_be_started_this_one_compiles_its_share(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(sys, "executable", str(tmp_path / "no_python"))
    with compiling.compiling_elsewhere([[], []]):
        pass


def test_nothing_is_imported_from_the_current_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "types.py").write_text("open('imported', 'w')")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", ["", *sys.path])
    with compiling.compiling_elsewhere([[]]):
        pass
    assert not (tmp_path / "imported").exists()


def test_an_interrupt_ends_the_other_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[compiling.subprocess.Popen[bytes]] = []
    popen = compiling.subprocess.Popen

    def start(*words: object, **manner: object) -> compiling.subprocess.Popen[bytes]:
        started.append(popen([sys.executable, "-c", "import time; time.sleep(60)"], stdin=compiling.subprocess.PIPE))
        return started[-1]

    monkeypatch.setattr(compiling.subprocess, "Popen", start)
    with pytest.raises(KeyboardInterrupt), compiling.compiling_elsewhere([[], []]):
        raise KeyboardInterrupt
    assert len(started) == 2 and all(process.poll() is not None for process in started)


def test_a_process_ends_when_the_one_that_started_it_is_gone() -> None:
    waits = "import sys, threading, time; from sim.execution.compiling import exit_after_input; " \
            "threading.Thread(target=exit_after_input, daemon=True).start(); time.sleep(60)"  # fmt: skip
    process = compiling.subprocess.Popen([sys.executable, "-c", waits], stdin=compiling.subprocess.PIPE)
    assert process.stdin is not None
    process.stdin.close()
    assert process.wait(timeout=30) == 1
