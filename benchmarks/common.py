"""Helpers of all benchmarks: separate processes, alternating measurements, medians with their spread, tables.

A benchmark is a module with `measure(quick) -> dict`, whose result can be written as JSON, and `report(measured) ->
str`, which returns a section in Markdown. `python benchmarks/bench.py` runs all benchmarks; each can also be run alone.
"""

import json
import os
import platform
import statistics
import subprocess
import sys
from collections.abc import Callable, Hashable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

Name = TypeVar("Name", bound=Hashable)  # of an alternative: a text, or the size that it measures

ROOT = Path(__file__).parent.parent
# Overrides of the measured campaign, so that times stay comparable when the defaults change. Its numbers are as
# declared, the same for every seed; by default each campaign takes a draw of the posterior, with most of which more
# people leave home. It has 134 days; by default a campaign has 68.
DECLARED = "calibration=as_declared"
LONG = "end_date=2021-09-11"
MEASURED = (DECLARED, LONG)
CORES = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def run_code(code: str, *words: object, python: str | Path = sys.executable, one_core: bool = True, **env: str) -> Any:
    """Run code in a separate process, on one core by default, and parse the last line that it prints as JSON.

    Raises RuntimeError with the end of its standard error if it fails.
    """
    pin = ["taskset", "-c", "0"] if one_core and sys.platform == "linux" else []
    command = [*pin, str(python), "-c", code, *map(str, words)]
    done = subprocess.run(command, check=False, cwd=ROOT, env={**os.environ, **env}, capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(command[:3])} ... ended with {done.returncode}\n{done.stderr[-2000:]}")
    return json.loads(done.stdout.splitlines()[-1])


def in_turn(ways: Mapping[Name, Callable[[], Any]], repeats: int) -> dict[Name, list[Any]]:
    """Run each alternative `repeats` times, alternating, so that a slow minute affects all of them equally."""
    given: dict[Name, list[Any]] = {name: [] for name in ways}
    for _ in range(repeats):
        for name, way in ways.items():
            given[name].append(way())
    return given


def spread(values: Sequence[float]) -> dict[str, Any]:
    """Return the median, minimum, maximum and all values of some measurements."""
    return {"median": statistics.median(values), "least": min(values), "most": max(values), "all": list(values)}


def ratios(slow: Sequence[float], fast: Sequence[float]) -> dict[str, Any]:
    """Compute the ratio of two measurements in each round, and its spread."""
    return spread([one / other for one, other in zip(slow, fast, strict=True)])


def in_words(measured: Mapping[str, Any], digits: int = 3) -> str:
    """Format a measurement with its spread, such as `12.3 (11.9 to 13.0)`."""
    low, middle, high = (f"{measured[name]:.{digits}g}" for name in ("least", "median", "most"))
    return f"{plain(middle)} ({plain(low)} to {plain(high)})"


def plain(number: str) -> str:
    """Return a number without the exponent that the format `g` gives to large numbers."""
    return f"{float(number):,.0f}" if "e+" in number else number


def table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Write a table in Markdown."""
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    return "\n".join(lines + ["| " + " | ".join(map(str, row)) + " |" for row in rows])


def machine() -> dict[str, str]:
    """Describe the machine on which the numbers are measured."""
    model = next(
        (line.split(":")[1].strip() for line in _lines("/proc/cpuinfo") if line.startswith("model name")),
        platform.processor(),
    )
    memory = next((line.split()[1] for line in _lines("/proc/meminfo") if line.startswith("MemTotal")), "0")
    return {
        "processor": model,
        "cores": str(CORES),
        "memory": f"{int(memory) / 2**20:.0f} GiB",
        "system": f"{platform.system()} {platform.release().split('-')[0]}",
        "python": platform.python_version(),
    }


def _lines(path: str) -> list[str]:
    """Read the lines of a file that exists only on Linux; empty elsewhere."""
    return Path(path).read_text(encoding="utf-8").splitlines() if Path(path).exists() else []
