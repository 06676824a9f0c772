"""Measure the time of a campaign with and without the lock of the interpreter, and predict campaigns per second.

    python benchmarks/scaling.py [quick]

Threads share one interpreter: the compiled days run without its lock, everything else of a campaign holds it. Worker
processes have an interpreter each, and only what the main process does for their results is done one after the other.
All times are seconds of processor time of one thread, so that other work on the machine changes them little. Rates for
more cores than were measured are those of this model.
"""

import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from common import CORES, MEASURED, in_words, spread, table

REPEATS, QUICK_REPEATS = 5, 2
CAMPAIGNS = 100  # per repeat
MACHINES = (1, 2, 4, 8, 16, 32, 64)  # cores of the prediction
PARTS = {
    "days": "the compiled days, without the lock",
    "rest": "new world, record and outcomes, with the lock",
    "stored": "storing the results, in the main process",
}


def spent_in(deed: Callable[..., Any], spent: dict[str, float]) -> Callable[..., Any]:
    """Return a function whose processor time is added to `spent`."""

    def timed(*arguments: Any) -> Any:
        begun = time.thread_time()
        try:
            return deed(*arguments)
        finally:
            spent["days"] += time.thread_time() - begun

    return timed


def measure(quick: bool) -> dict[str, Any]:
    """Measure the milliseconds of each part of a campaign; the result can be written as JSON."""
    from sim.configuration.settings import Piece
    from sim.configuration.sweep import compose_sweep
    from sim.engine import campaign
    from sim.execution.work import work
    from sim.study.files import lean_arrow
    from sim.study.store import record

    found: dict[str, list[float]] = {part: [] for part in PARTS}
    with lean_arrow(), tempfile.TemporaryDirectory() as folder:
        order = compose_sweep([*MEASURED, f"results_dir={folder}"]).cells[0].order
        work([Piece(order, (0,))])  # warm-up: compiles
        usual, spent = campaign.run_days, {"days": 0.0}
        campaign.run_days = spent_in(usual, spent)
        try:
            for repeat in range(QUICK_REPEATS if quick else REPEATS):
                seeds = tuple(range(repeat * CAMPAIGNS, (repeat + 1) * CAMPAIGNS))
                spent["days"], begun = 0.0, time.thread_time()
                chunks = work([Piece(order, seeds)])
                worked = time.thread_time()
                for chunk in chunks:
                    record(Path(folder) / "x", order.key, chunk)
                times = spent["days"], worked - begun - spent["days"], time.thread_time() - worked
                for part, seconds in zip(PARTS, times, strict=True):
                    found[part].append(1000 * seconds / CAMPAIGNS)
        finally:
            campaign.run_days = usual
    return {"cores": CORES, "ms": {part: spread(times) for part, times in found.items()}}


def rates(ms: dict[str, float], cores: int) -> tuple[float, float]:
    """Return the campaigns per second of threads and of processes on a number of cores.

    Args:
        ms: Milliseconds per campaign of each part.
        cores: Cores, each with one worker.
    """
    alone = ms["days"] + ms["rest"]
    threads = min(cores / alone, 1 / (ms["rest"] + ms["stored"]))
    processes = min(cores / alone, 1 / ms["stored"])
    return 1000 * threads, 1000 * processes


def report(measured: dict[str, Any]) -> str:
    """Write the parts and the prediction as Markdown."""
    ms = {part: found["median"] for part, found in measured["ms"].items()}
    parts = [(text, in_words(measured["ms"][part])) for part, text in PARTS.items()]
    rows = [(cores, *(f"{rate:,.0f}" for rate in rates(ms, cores))) for cores in MACHINES]
    full = (ms["days"] + ms["rest"]) / (ms["rest"] + ms["stored"])
    return "\n".join([
        "## More cores", "",
        f"Processor time of one thread, measured on {measured['cores']} cores; numbers as declared.", "",
        table(("part of a campaign", "ms"), parts), "",
        f"Threads share one lock, which is always held from about {full:.0f} threads on; more threads add nothing. "
        "Campaigns per second by this model, which ignores shared memory and the slower clock of a busy processor:", "",
        table(("cores", "executor=threads", "executor=processes or dask"), rows),
    ])  # fmt: skip


def main() -> None:
    """Print the section."""
    print(report(measure("quick" in sys.argv[1:])))


if __name__ == "__main__":
    main()
