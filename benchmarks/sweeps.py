"""What a sweep costs beside its campaigns: time, memory and the price of a cell, measured in one sitting.

    python benchmarks/sweeps.py [campaigns of one cell: 10000] [cells x 100 campaigns: 100]

Each sweep is the command itself in a process of its own, with tables, figures, verdicts and report. The price of the
compiled rules is that of the same number of campaigns on as many threads, without any study around them.
"""

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

BARE = """
import sys, time
from concurrent.futures import ThreadPoolExecutor
from sim.campaign import run_campaign
from sim.study.settings import compose_settings
count, workers = int(sys.argv[1]), int(sys.argv[2])
s = compose_settings()
world = s.layout.world
run_campaign(world, s.rules, s.timeline, 0, 1)
def live(seed):
    run_campaign(world, s.rules, s.timeline, seed, s.days)
begun = time.perf_counter()
with ThreadPoolExecutor(workers) as pool:
    list(pool.map(live, range(count)))
print((time.perf_counter() - begun) / count)
"""
WORKERS = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def bare(campaigns: int) -> float:
    """Seconds a campaign on all cores, with nothing around it."""
    command = [sys.executable, "-c", BARE, str(campaigns), str(WORKERS)]
    return float(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def sweep(folder: str, *words: str) -> tuple[float, float, float]:
    """Seconds in all, seconds until the tables are written, and most megabytes of the process."""
    begun = time.perf_counter()
    command = [sys.executable, "-m", "sim", *words, f"results_dir={folder}", "study=x"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - begun
    if status != 0:
        raise RuntimeError(f"{' '.join(command)} ended with {status}")
    about = Path(folder) / "x" / "about.json"
    lived = json.loads(about.read_text(encoding="utf-8"))["seconds"]
    return seconds, lived, used.ru_maxrss / (1024 if sys.platform != "darwin" else 1024**2)


def main() -> None:
    """Print a table."""
    given = [int(word) for word in sys.argv[1:]]
    campaigns, cells = [*given, *(10_000, 100)[len(given) :]]
    each = [bare(200)]
    rows = []
    for count in (campaigns // 10, campaigns):
        with tempfile.TemporaryDirectory() as folder:
            seconds, lived, megabytes = sweep(folder, f"runs={count}")
        each.append(bare(200))
        rows.append((f"one cell, {count:,} campaigns", count, 1, seconds, lived, megabytes))
    values = ",".join(f"{0.1 + 0.4 * place / (cells - 1):.6f}" for place in range(cells))
    groups = "reinforcement=glob(*)", "border=glob(*)", "air_support=glob(*)"
    for name, words, count in (
        (f"{cells} cells of a number x 100", ["-m", f"rules.morale.contagion={values}"], cells),
        ("120 cells of policies x 100", ["-m", *groups], 120),
    ):
        with tempfile.TemporaryDirectory() as folder:
            seconds, lived, megabytes = sweep(folder, *words, "runs=100")
        each.append(bare(200))
        rows.append((name, 100 * count, count, seconds, lived, megabytes))
    alone = sorted(each)[len(each) // 2]
    print(f"A campaign alone on {WORKERS} threads: {alone * 1000:.2f} ms (of {len(each)} measurements: "
          f"{min(each) * 1000:.2f} to {max(each) * 1000:.2f})\n")  # fmt: skip
    print("| sweep | seconds in all | seconds of campaigns | ms a campaign beside the rules | "
          "s a cell beside the rules | most MB |\n|---|---|---|---|---|---|")  # fmt: skip
    for name, count, number, seconds, lived, megabytes in rows:
        beside = seconds - count * alone
        print(f"| {name} | {seconds:.1f} | {lived:.1f} | {beside / count * 1000:.2f} | {beside / number:.3f} | "
              f"{megabytes:.0f} |")  # fmt: skip
    print(f"\n{WORKERS} cores, Python {sys.version.split()[0]}; most memory of any child: "
          f"{resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024:.0f} MB")  # fmt: skip


if __name__ == "__main__":
    main()
