"""Measure start-up: the seconds of `--help` and of one campaign, the share of imports, and the first compilation.

    python benchmarks/startup.py [quick]

The time of a package is the sum of the times of its modules alone (`python -X importtime`).
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from common import ROOT, in_turn, in_words, spread, table

REPEATS, QUICK_REPEATS = 7, 3
MOST = 9  # maximum packages in the table
WORKER = "import sim.execution.executors, sim.execution.work"


def seconds_of(words: Sequence[str], **env: str) -> float:
    """Measure the seconds of a command in a separate process."""
    begun = time.perf_counter()
    command = [sys.executable, "-m", "sim", *words]
    subprocess.run(command, cwd=ROOT, env={**os.environ, **env}, stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - begun


def imports_of(*arguments: str) -> dict[str, float]:
    """Measure the milliseconds of each package that Python imports with these arguments, slowest first."""
    command = [sys.executable, "-X", "importtime", *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    spent: Counter[str] = Counter()
    for line in done.stderr.splitlines():
        if line.startswith("import time:") and "self [us]" not in line:
            alone, _, module = line.removeprefix("import time:").split("|")
            spent[module.strip().split(".")[0]] += int(alone)
    return {package: microseconds / 1000 for package, microseconds in spent.most_common()}


def first_compile() -> dict[str, float]:
    """Measure the seconds of the first campaign of an installation, and of its compilation."""
    with tempfile.TemporaryDirectory() as folder:
        words = ["runs=1", f"results_dir={folder}", "study=first"]
        seconds = seconds_of(words, PANJ_CACHE=f"{folder}/cache")
        about = json.loads(Path(folder, "first", "about.json").read_text(encoding="utf-8"))
    return {"seconds": seconds, "compiling": about["compile_seconds"]}


def measure(quick: bool) -> dict[str, Any]:
    """Measure start-up; the result can be written as JSON."""
    with tempfile.TemporaryDirectory() as folder:
        run = ["runs=1", f"results_dir={folder}"]
        seconds_of([*run, "study=drawn"])  # warm-up: compiles
        turns = (f"study=turn-{number}" for number in range(REPEATS))
        ways = {
            "`python -m sim --help`": lambda: seconds_of(["--help"]),
            "`python -m sim runs=1`, warm": lambda: seconds_of([*run, next(turns)]),
        }
        seconds = {name: spread(found) for name, found in in_turn(ways, QUICK_REPEATS if quick else REPEATS).items()}
        imports = {
            "`--help`": imports_of("-m", "sim", "--help"),
            "`runs=1`": imports_of("-m", "sim", *run, "study=imports"),
            "its drawing": imports_of("-m", "sim", "report", f"{folder}/drawn"),
            "a worker": imports_of("-c", WORKER),
        }
    return {"seconds": seconds, "imports": imports, "first": first_compile()}


def report(measured: dict[str, Any]) -> str:
    """Write a table of seconds and one of packages as Markdown."""
    first = measured["first"]
    rows = [(name, in_words(found)) for name, found in measured["seconds"].items()]
    rows.append(("`python -m sim runs=1`, nothing compiled", f"{first['seconds']:.1f}"))
    rows.append(("of which compiling", f"{first['compiling']:.1f}"))
    lines = [
        (name, f"{sum(spent.values()):.0f}", ", ".join(f"{package} {ms:.0f}" for package, ms in slowest(spent)))
        for name, spent in measured["imports"].items()
    ]
    head = ("importing for", "ms in total", "ms by package")
    return f"{table(('what', 's'), rows)}\n\n{table(head, lines)}"


def slowest(spent: dict[str, float]) -> list[tuple[str, float]]:
    """Return the packages that take the longest."""
    return sorted(spent.items(), key=lambda row: -row[1])[:MOST]


def main() -> None:
    """Print the section."""
    print(report(measure("quick" in sys.argv[1:])))


if __name__ == "__main__":
    main()
