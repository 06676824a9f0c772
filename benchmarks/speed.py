"""How long a campaign, a first run and a warm run take, measured side by side in one sitting.

    python benchmarks/speed.py

Compiled and plain campaigns (the same lines, the same seeds) alternate in processes of their own, on one core each.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time

CAMPAIGNS = """
import json, sys, time
from sim.campaign import run_campaign
from sim.study.settings import compose_settings
count = int(sys.argv[1])
s = compose_settings()
run_campaign(s.layout.world, s.rules, s.timeline, 0, 1)
begun = time.perf_counter()
made = [run_campaign(s.layout.world, s.rules, s.timeline, seed, s.days) for seed in range(count)]
print(json.dumps([(time.perf_counter() - begun) / count * 1000, int(made[0].record.series.sum())]))
"""
REPEATS = 3


def campaigns(count: int, plain: bool, cache: str) -> tuple[float, int]:
    """Milliseconds a campaign of 134 evenings on one core, and a number that must not differ."""
    env = {**os.environ, "PANJ_CACHE": cache, "NUMBA_DISABLE_JIT": "1" if plain else "0"}
    run = [sys.executable, "-c", CAMPAIGNS, str(count)]
    printed = subprocess.run(run, env=env, capture_output=True, text=True, check=True).stdout
    milliseconds, total = json.loads(printed.splitlines()[-1])
    return milliseconds, total


def whole_run(cache: str, folder: str, study: str, runs: int) -> float:
    """Seconds of the command itself, figures and report included."""
    begun = time.perf_counter()
    command = [sys.executable, "-m", "sim", f"runs={runs}", f"results_dir={folder}", f"study={study}"]
    subprocess.run(command, env={**os.environ, "PANJ_CACHE": cache}, capture_output=True, check=True)
    return time.perf_counter() - begun


def main() -> None:
    """Print a table."""
    with tempfile.TemporaryDirectory() as cache, tempfile.TemporaryDirectory() as folder:
        rows = {"first run, runs=1, nothing compiled (s)": [whole_run(cache, folder, "first", 1)]}
        for name, runs in (("warm run, runs=1 (s)", 1), ("warm run, runs=200 (s)", 200)):
            rows[name] = [whole_run(cache, folder, f"{runs}-{turn}", runs) for turn in range(3)]
        compiled, plain, same = [], [], True
        for _ in range(REPEATS):
            fast, a = campaigns(50, False, cache)
            slow, b = campaigns(1, True, cache)
            compiled.append(fast)
            plain.append(slow)
            same = same and a == b
        rows["compiled campaign, one core (ms)"] = compiled
        rows["plain Python campaign, one core (ms)"] = plain
        rows["plain / compiled"] = [slow / fast for slow, fast in zip(plain, compiled, strict=True)]
    print("| what | median | least | most |\n|---|---|---|---|")
    for name, values in rows.items():
        print(f"| {name} | {statistics.median(values):.3g} | {min(values):.3g} | {max(values):.3g} |")
    machine = f"{os.cpu_count()} cores, Python {sys.version.split()[0]}"
    print(f"\nSame sums of all daily series compiled and plain: {same}. {machine}.")


if __name__ == "__main__":
    main()
