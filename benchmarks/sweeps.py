"""Measure the overhead of a sweep in addition to its campaigns: time, memory and time per cell, in one session.

    python benchmarks/sweeps.py [quick]

Each sweep is the command itself in a separate process, with tables, figures, verdicts and report. The time of the
compiled rules is that of the same number of campaigns on the same number of threads, without a study around them.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, NamedTuple

from common import CORES as WORKERS
from common import MEASURED, in_words, spread, table

BARE = """
import sys, time
from concurrent.futures import ThreadPoolExecutor
from sim.engine.campaign import run_campaign
from sim.configuration.compose import compose_settings
count, workers = int(sys.argv[1]), int(sys.argv[2])
s = compose_settings(sys.argv[3:])
world = s.layout.world
run_campaign(world, s.rules, s.timeline, 0, 1)
def run(seed):
    run_campaign(world, s.rules, s.timeline, seed, s.days)
begun = time.perf_counter()
with ThreadPoolExecutor(workers) as pool:
    list(pool.map(run, range(count)))
print((time.perf_counter() - begun) / count)
"""


def bare(campaigns: int) -> float:
    """Measure the seconds per campaign on all cores, without a study."""
    command = [sys.executable, "-c", BARE, str(campaigns), str(WORKERS), *MEASURED]
    return float(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


class Sweep(NamedTuple):
    """What a sweep took."""

    cells: int
    seconds: float  # of the command
    lived: float  # seconds of its campaigns
    megabytes: float  # peak of the process


def sweep(folder: str, *words: str) -> Sweep:
    """Run a sweep as a command in a separate process."""
    begun = time.perf_counter()
    command = [sys.executable, "-m", "sim", *words, *MEASURED, f"results_dir={folder}", "study=x"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - begun
    if status != 0:
        raise RuntimeError(f"{' '.join(command)} ended with {status}")
    about = Path(folder) / "x" / "about.json"
    said = json.loads(about.read_text(encoding="utf-8"))
    megabytes = used.ru_maxrss / (1024 if sys.platform != "darwin" else 1024**2)
    return Sweep(len(said["cells"]), seconds, said["seconds"], megabytes)


def processes_of(pid: int) -> list[int]:
    """Return the ids of a process and all its descendants, from /proc."""
    parents: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = int(stat.read_text(encoding="utf-8").rpartition(")")[2].split()[1])
        except OSError:  # it has ended
            continue
        parents.setdefault(parent, []).append(int(stat.parent.name))
    found = [pid]
    for one in found:
        found += parents.get(one, [])
    return found


def worker_megabytes(runs: int) -> float:
    """Measure the peak megabytes of any process that `executor=processes` starts, sampled while it runs; Linux only."""
    with tempfile.TemporaryDirectory() as folder:
        words = [*MEASURED, f"runs={runs}", "executor=processes", f"results_dir={folder}", "study=x"]
        process = subprocess.Popen(
            [sys.executable, "-m", "sim", *words], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        most = 0.0
        while process.poll() is None and not (Path(folder) / "x" / "about.json").exists():
            for pid in processes_of(process.pid)[1:]:
                try:
                    lines = Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines()
                except OSError:
                    continue
                most = max([most, *(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM"))])
            time.sleep(0.2)
        process.wait()
    return most


def measure(quick: bool = False) -> dict[str, Any]:
    """Measure sweeps of many cells, each as the command itself, with campaigns outside a study before and after."""
    cells, runs = (5, 20) if quick else (100, 100)
    values = ",".join(f"{0.1 + 0.4 * place / (cells - 1):.6f}" for place in range(cells))
    groups = ["border=glob(*)"] if quick else ["reinforcement=glob(*)", "border=glob(*)", "air_support=glob(*)"]
    sweeps = {"a number": ["-m", f"rules.morale.contagion={values}"], "policies": ["-m", *groups]}
    each, rows = [bare(100)], {}
    for name, words in sweeps.items():
        with tempfile.TemporaryDirectory() as folder:
            rows[name] = {"runs": runs, **sweep(folder, *words, f"runs={runs}")._asdict()}
        each.append(bare(100))
    return {"bare_ms": spread([one * 1000 for one in each]), "sweeps": rows, "worker_mb": worker_megabytes(20 * runs)}


def report(measured: dict[str, Any]) -> str:
    """Write the section with one row per sweep as Markdown."""
    alone = measured["bare_ms"]["median"]
    rows = []
    for name, row in measured["sweeps"].items():
        count = row["cells"] * row["runs"]
        beside = row["seconds"] - count * alone / 1000
        rows.append(
            (f"{row['cells']} cells of {name} x {row['runs']}", f"{row['seconds']:.1f}", f"{row['lived']:.1f}",
             f"{beside / row['seconds']:.0%}", f"{beside / row['cells']:.3f}", f"{row['megabytes']:.0f}")
        )  # fmt: skip
    return "\n".join(
        [
            "## Sweeps of many cells",
            "",
            "The command itself with tables, verdicts, figures and page, numbers as declared. "
            f"Campaigns alone, on {WORKERS} threads: "
            f"{in_words(measured['bare_ms'])} ms each. A worker of `executor=processes` uses at most "
            f"{measured['worker_mb']:.0f} MB.",
            "",
            table(
                ("sweep", "seconds in total", "seconds of campaigns", "outside the rules", "s per cell outside them",
                 "peak MB"),
                rows,
            ),
        ]
    )  # fmt: skip


if __name__ == "__main__":
    print(report(measure("quick" in sys.argv[1:])))
