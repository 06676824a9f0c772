"""Measure the time of a study by stage, and how much of it is spent outside the compiled rules.

    python benchmarks/stages.py [quick]

The total is that of the command itself. For its stages the command is run again in two processes, one up to the tables
and one that draws, in which every function named below is timed in wall-clock and CPU seconds. The time of the rules is
that of the same number of campaigns on the same number of threads without a study (`sweeps.bare`).
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import partial
from importlib import import_module
from pathlib import Path
from threading import Lock
from typing import Any

from common import CORES, MEASURED, ROOT, run_code, table
from sweeps import bare

SIZES, QUICK_SIZES = (1, 1_000, 10_000), (1, 200)
BARE = 300  # campaigns from which the time of one is estimated
STAGES = {  # a dash marks a part of the stage above it
    "sim.configuration.sweep.compose_sweep": "config",
    "sim.execution.compiling.compile_rules": "founding, and loading the rules",
    "sim.execution.work.lay_out": "- layout",
    "sim.execution.run.run_tasks": "campaigns",
    "sim.execution.work.run_campaign": "- compiled",
    "sim.execution.work.rows_of": "- counting outcomes",
    "sim.execution.work.chunk_of": "- rows to Arrow",
    "sim.execution.run.record": "- writing chunks",
    "sim.execution.run.write_tables": "tables",
    "sim.execution.console.print_summary": "summary in the terminal",
}
DRAWING = {"sim.__main__.judge": "verdicts", "sim.report.report.write_report": "page"}
CALLED = ("sim.__main__.run_and_draw", "sim.__main__.report", "sim.report.report.in_parallel")  # or replaced below
INSIDE = "import sys; sys.path.insert(0, 'benchmarks'); import stages; stages.{}(sys.argv[1:])"
Spent = dict[str, list[float]]  # by stage: wall-clock seconds, CPU seconds


def clocked(stage: str, deed: Callable[..., Any], spent: Spent, lock: Lock) -> Callable[..., Any]:
    """Return the function with its time added up; several threads may call it at the same time."""
    spent[stage] = [0.0, 0.0]

    def timed(*arguments: Any, **named: Any) -> Any:
        wall, core = time.perf_counter(), time.thread_time()
        try:
            return deed(*arguments, **named)
        finally:
            with lock:
                spent[stage][0] += time.perf_counter() - wall
                spent[stage][1] += time.thread_time() - core

    return timed


def watch(stages: dict[str, str], spent: Spent) -> None:
    """Time every function by replacing it in the module in which it is looked up."""
    lock = Lock()
    for place, stage in stages.items():
        module, _, name = place.rpartition(".")
        setattr(import_module(module), name, clocked(stage, getattr(import_module(module), name), spent, lock))


def inside_run(words: list[str]) -> None:
    """Run the command up to the tables and print its times; called in a separate process."""
    spent: Spent = {"import": [0.0, 0.0]}
    clocked("import", import_module, spent, Lock())("sim.execution.run")
    watch(STAGES, spent)
    front = import_module("sim.__main__")
    front.run_and_draw(words, lambda _folder: None)
    print(json.dumps(spent))


def inside_report(words: list[str]) -> None:
    """Make the report, with figures drawn one after the other, and print its times; called in a separate process."""
    spent: Spent = {}
    lock = Lock()
    page = clocked("import", import_module, spent, lock)("sim.report.report")
    watch(DRAWING, spent)
    drawn: Spent = {}

    def one_by_one(deeds: Sequence[partial[Path]]) -> list[Path]:
        return [clocked(name_of(deed), deed, drawn, lock)() for deed in deeds]

    page.in_parallel = one_by_one
    import_module("sim.__main__").report(import_module("sim.options").read_command(["report", *words]))
    figures = [times for name, times in drawn.items() if name != "film"]
    spent["figures"] = [sum(column) for column in zip(*figures, strict=True)]
    spent |= {f"- {name}": times for name, times in drawn.items() if name != "film"}
    spent |= {name: times for name, times in drawn.items() if name == "film"}
    print(json.dumps(spent))


def name_of(deed: partial[Path]) -> str:
    """Return a short name of the figure that a function draws."""
    others = {"draw_animation": "film", "draw_map_in_style": "map", "draw_forest": "forests"}
    return others.get(deed.func.__name__) or str(deed.args[1])


def whole(words: Sequence[str]) -> dict[str, float]:
    """Run the command and measure its seconds, CPU seconds, and the peak megabytes of any of its processes."""
    begun = time.perf_counter()
    process = subprocess.Popen([sys.executable, "-m", "sim", *words], cwd=ROOT, stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    if status != 0:
        raise RuntimeError(f"{' '.join(words)} ended with {status}")
    return {
        "seconds": time.perf_counter() - begun,
        "core_seconds": used.ru_utime + used.ru_stime,
        "megabytes": used.ru_maxrss / (1024 if sys.platform != "darwin" else 1024**2),
    }


def measure_size(runs: int) -> dict[str, Any]:
    """Measure one cell with `runs` campaigns."""
    with tempfile.TemporaryDirectory() as folder:
        words = [*MEASURED, f"runs={runs}", f"results_dir={folder}"]
        prices = [bare(BARE)]
        measured = whole([*words, "study=whole"])
        prices.append(bare(BARE))
        stages = run_code(INSIDE.format("inside_run"), *words, "study=parts", one_core=False)
        drawing = run_code(INSIDE.format("inside_report"), f"{folder}/parts", one_core=False)
    rules = runs * statistics.mean(prices)
    share = 1 - rules / measured["seconds"]
    return {"runs": runs, **measured, "rules": rules, "share": share, "stages": stages, "drawing": drawing}


def measure(quick: bool) -> dict[str, Any]:
    """Measure every size, smallest first."""
    bare(1)  # warm-up: compiles
    return {"cores": CORES, "sizes": [measure_size(runs) for runs in (QUICK_SIZES if quick else SIZES)]}


def report(measured: dict[str, Any]) -> str:
    """Write one table per size as Markdown."""
    return "\n\n".join(report_size(size, measured["cores"]) for size in measured["sizes"])


def report_size(size: dict[str, Any], cores: int) -> str:
    """Write the total in one sentence, then the table of stages."""
    runs = size["runs"]
    said = (
        f"**{runs:,} {'campaign' if runs == 1 else 'campaigns'}**: {size['seconds']:.1f} s on {cores} cores "
        f"({size['core_seconds']:.1f} s of processor time), at most {size['megabytes']:.0f} MB per process. "
        f"The same campaigns with nothing around them: {size['rules']:.1f} s, so {size['share']:.0%} is spent outside "
        "the compiled rules."
    )
    rows = [
        (part, stage, f"{wall:.2f}", f"{core:.2f}", f"{core / runs * 1000:.2f}")
        for part in ("stages", "drawing")
        for stage, (wall, core) in size[part].items()
    ]
    names = {"stages": "command", "drawing": "report"}
    head = ("process", "stage", "s", "s of its thread", "ms per campaign")
    return f"{said}\n\n{table(head, [(names[part], *row) for part, *row in rows])}"


def main() -> None:
    """Print the section."""
    print(report(measure("quick" in sys.argv[1:])))


if __name__ == "__main__":
    main()
